/* What somebody who misspelled a word probably meant: the nearest of the words that there are. Pure. */
#ifndef RINGCAST_CONTROL_NEAREST_H
#define RINGCAST_CONTROL_NEAREST_H

#include <stdbool.h>

struct nearest {
	const char *word, *found; /* borrowed; found: the nearest so far, NULL: none is near */
	unsigned distance_max;    /* that of found, or what a suggestion may have */
};

/* A suggestion may differ from word in about a third of its letters; more would be a guess. */
struct nearest ringcast_nearest_begin(const char *word);
/* Whether the candidate is nearer than all before it; then it is the one found. */
bool ringcast_nearest_offer(struct nearest *nearest, const char *candidate);
/* How many edits (insert, remove, replace, swap neighbours) turn a into b; large when one is over-long. */
unsigned ringcast_nearest_distance(const char *a, const char *b);

#endif
