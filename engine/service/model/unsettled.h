/*
 * Which records have changes that the store has not taken yet, by the number of the newest one: what an answer rests on. Also of records that
 * are gone, and of those that were asked for and are not there. Told apart by a hash, so that two records may be taken for one: then an answer waits for
 * more than it needs to.
 */
#ifndef RINGCAST_SERVICE_MODEL_UNSETTLED_H
#define RINGCAST_SERVICE_MODEL_UNSETTLED_H

#include <stddef.h>
#include <stdint.h>

enum { UNSETTLED_KINDS_MAX = 32 };

struct unsettled_entry {
	uint64_t hash, number; /* number 0: a free place */
};

struct unsettled {
	uint64_t seed; /* secret: ids come from callers */
	struct unsettled_entry *entries;
	size_t count, capacity;
	uint64_t newest_of[UNSETTLED_KINDS_MAX]; /* 0: none */
	uint64_t newest_lost; /* memory was short for it: whatever is asked for rests on it */
};

void ringcast_unsettled_fini(struct unsettled *unsettled);
/* Change number such of a record; numbers count up from 1. */
void ringcast_unsettled_note(struct unsettled *unsettled, unsigned kind, const char *id, uint64_t number);
void ringcast_unsettled_clear(struct unsettled *unsettled); /* the store has taken them all, or they are undone */
/* The number of its newest change; 0: none. id NULL: of any record of the kind. */
uint64_t ringcast_unsettled_number(const struct unsettled *unsettled, unsigned kind, const char *id);

#endif
