#include "control/nearest.h"

#include <string.h>

#include "base/assert.h"

#define DISTANCE_WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

unsigned ringcast_nearest_distance(const char *a, const char *b)
{
	ringcast_assert(a && b);
	unsigned rows[3][DISTANCE_WORD_MAX + 1]; /* three rows of the edit matrix: two back for swaps, one back, this one */
	size_t a_size = strlen(a), b_size = strlen(b);
	if (a_size > DISTANCE_WORD_MAX || b_size > DISTANCE_WORD_MAX)
		return DISTANCE_WORD_MAX;
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b_size; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_size; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_size; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		unsigned *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_size];
}

struct nearest ringcast_nearest_begin(const char *word)
{
	size_t size = strlen(word);
	return (struct nearest){.word = word, .distance_max = size < 4 ? 1 : size < 9 ? 2 : (unsigned)size / 3};
}

bool ringcast_nearest_offer(struct nearest *nearest, const char *candidate)
{
	unsigned distance = ringcast_nearest_distance(nearest->word, candidate);
	if (distance > nearest->distance_max || (nearest->found && distance == nearest->distance_max))
		return false;
	nearest->distance_max = distance;
	nearest->found = candidate;
	return true;
}
