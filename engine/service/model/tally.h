/*
 * What is counted of each record of a kind, by its name: of each queue, of each matchmaking configuration. What was counted of those that are gone goes to
 * the others, so that the sum of all never falls.
 */
#ifndef RINGCAST_SERVICE_MODEL_TALLY_H
#define RINGCAST_SERVICE_MODEL_TALLY_H

#include "base/list.h"
#include "service/model/record.h"

enum { TALLY_NAME_BYTES = 132, TALLY_CELLS_MAX = 24 };

struct tally {
	struct list_node node;
	char name[TALLY_NAME_BYTES];
	uint64_t number; /* each has another, also where the name is the same; 0: the others */
	uint64_t cells[TALLY_CELLS_MAX];
};

struct tallies {
	const struct records *records;
	enum record_kind kind;
	struct list_node all; /* oldest first */
	struct tally others;
	uint64_t newest_number;
};

void ringcast_tallies_init(struct tallies *tallies, const struct records *records, enum record_kind kind);
void ringcast_tallies_fini(struct tallies *tallies);
/* Of that name; of a record that is not there, or where memory is short, the others. Never NULL; good until the next call. */
struct tally *ringcast_tally_of(struct tallies *tallies, const char *name);
uint64_t ringcast_tallies_sum(const struct tallies *tallies, unsigned cell);
/*
 * {name: {cell's name: number}} of the oldest names_max; all others are summed as "(others)", which no record is called. names: NULL for a cell that is not shown.
 * NULL: out of memory.
 */
json_t *ringcast_tallies_show(struct tallies *tallies, const char *const names[TALLY_CELLS_MAX], uint32_t names_max);

#endif
