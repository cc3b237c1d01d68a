#include "service/model/session_order.h"

#include <stdlib.h>

#include "base/assert.h"

enum { ROOM_AT_FIRST = 16 };

void ringcast_session_order_init(struct session_order *order)
{
	*order = (struct session_order){0};
}

void ringcast_session_order_fini(struct session_order *order)
{
	free(order->places);
	*order = (struct session_order){0};
}

static bool grow(struct session_order *order)
{
	size_t room = order->room > 0 ? order->room + order->room / 2 : ROOM_AT_FIRST;
	struct session_place *places = realloc(order->places, room * sizeof(*places));
	if (places == NULL)
		return false;
	order->places = places;
	order->room = room;
	return true;
}

bool ringcast_session_order_add(struct session_order *order, uint64_t number, struct game_session *session)
{
	ringcast_assert(order->count == 0 || order->places[order->count - 1].number < number);
	if (order->count == order->room && !grow(order))
		return false;
	order->places[order->count++] = (struct session_place){number, session};
	return true;
}

size_t ringcast_session_order_behind(const struct session_order *order, uint64_t number)
{
	size_t begin = 0, end = order->count;
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (order->places[middle].number > number)
			end = middle;
		else
			begin = middle + 1;
	}
	return begin;
}

static void close_gaps(struct session_order *order)
{
	size_t count = 0;
	for (size_t i = 0; i < order->count; i++)
		if (order->places[i].session != NULL)
			order->places[count++] = order->places[i];
	order->count = count;
	order->gap_count = 0;
}

void ringcast_session_order_remove(struct session_order *order, uint64_t number)
{
	size_t behind = ringcast_session_order_behind(order, number);
	ringcast_assert(behind > 0 && order->places[behind - 1].number == number && order->places[behind - 1].session != NULL);
	order->places[behind - 1].session = NULL;
	order->gap_count++;
	while (order->count > 0 && order->places[order->count - 1].session == NULL) {
		order->count--;
		order->gap_count--;
	}
	if (order->gap_count > order->count / 2)
		close_gaps(order);
}

struct game_session *ringcast_session_order_next(const struct session_order *order, size_t *at)
{
	while (*at < order->count && order->places[*at].session == NULL)
		++*at;
	return *at < order->count ? order->places[(*at)++].session : NULL;
}

struct game_session *ringcast_session_order_last(const struct session_order *order)
{
	return order->count > 0 ? order->places[order->count - 1].session : NULL;
}
