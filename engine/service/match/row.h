/*
 * Places in a row, of which ever more are left: the next one that is not is found in nearly constant time, however many were left on the way, and a row is
 * begun anew without being touched. Memory for a number of places; one thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_ROW_H
#define RINGCAST_SERVICE_MATCH_ROW_H

#include "base/types.h"

struct row {
	uint32_t count, capacity, stamp;
	uint32_t *stamps, *above, *below; /* one block, of capacity + 1 each; what has another stamp is as it was at first */
};

/* False: out of memory. */
bool ringcast_row_init(struct row *row, uint32_t capacity);
void ringcast_row_fini(struct row *row);
/* All of this many places are there again. */
void ringcast_row_begin(struct row *row, uint32_t count);
void ringcast_row_leave(struct row *row, uint32_t place);
/* The first one from this place on; count: there is none. */
uint32_t ringcast_row_above(struct row *row, uint32_t place);
/* One more than the last one before this place; 0: there is none. */
uint32_t ringcast_row_below(struct row *row, uint32_t place);

#endif
