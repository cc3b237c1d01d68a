#include "service/match/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

bool ringcast_row_init(struct row *row, uint32_t capacity)
{
	size_t size = (size_t)capacity + 1;
	*row = (struct row){.capacity = capacity, .stamps = calloc(3 * size, sizeof(*row->stamps))};
	if (row->stamps == NULL)
		return false;
	row->above = row->stamps + size;
	row->below = row->above + size;
	return true;
}

void ringcast_row_fini(struct row *row)
{
	free(row->stamps);
	*row = (struct row){0};
}

void ringcast_row_begin(struct row *row, uint32_t count)
{
	ringcast_assert(count <= row->capacity);
	row->count = count;
	if (++row->stamp == 0) {
		memset(row->stamps, 0, ((size_t)row->capacity + 1) * sizeof(*row->stamps));
		row->stamp = 1;
	}
}

/* Which of them leads on from here, by itself at first. */
static uint32_t *link_of(struct row *row, uint32_t *links, uint32_t at)
{
	if (row->stamps[at] != row->stamp) {
		row->stamps[at] = row->stamp;
		row->above[at] = row->below[at] = at;
	}
	return &links[at];
}

/* To the end of the links, which are made shorter on the way. */
static uint32_t follow(struct row *row, uint32_t *links, uint32_t at)
{
	for (uint32_t next = *link_of(row, links, at); next != at; next = *link_of(row, links, at)) {
		links[at] = *link_of(row, links, next);
		at = links[at];
	}
	return at;
}

void ringcast_row_leave(struct row *row, uint32_t place)
{
	ringcast_assert(place < row->count);
	*link_of(row, row->above, place) = place + 1;
	*link_of(row, row->below, place + 1) = place;
}

uint32_t ringcast_row_above(struct row *row, uint32_t place)
{
	ringcast_assert(place <= row->count);
	return follow(row, row->above, place);
}

uint32_t ringcast_row_below(struct row *row, uint32_t place)
{
	ringcast_assert(place <= row->count);
	return follow(row, row->below, place);
}
