/* What the store's thread writes at once: a copy of the changes, because the records go on changing meanwhile. */
#ifndef RINGCAST_SERVICE_BATCH_H
#define RINGCAST_SERVICE_BATCH_H

#include "service/store/store.h"

struct batch {
	struct record_change *changes;
	size_t count;
	bool is_written, is_done;
	char problem[STORE_PROBLEM_BYTES]; /* where it is done and not written */
};

struct batch *ringcast_batch_of(const struct records *records); /* of every change that is not settled; NULL: out of memory */
void ringcast_batch_write(struct batch *batch, struct store *store); /* sets is_written, or problem; the store's thread */
void ringcast_batch_destroy(struct batch **batch); /* accepts NULL inside, nulls */

#endif
