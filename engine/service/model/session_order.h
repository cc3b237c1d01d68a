/*
 * Game sessions in the order of their numbers, so that a page begins where the one before ended without a walk over what stands before it.
 * One thread.
 */
#ifndef RINGCAST_SERVICE_MODEL_SESSION_ORDER_H
#define RINGCAST_SERVICE_MODEL_SESSION_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct game_session;
struct session_place {
	uint64_t number;
	struct game_session *session; /* NULL: it has been removed */
};

struct session_order {
	struct session_place *places; /* numbers rise; the last one is not empty */
	size_t count, room, gap_count;
};

void ringcast_session_order_init(struct session_order *order);
void ringcast_session_order_fini(struct session_order *order); /* the sessions stay */
/* False: out of memory. Asserts that the number is above all others. */
bool ringcast_session_order_add(struct session_order *order, uint64_t number, struct game_session *session);
void ringcast_session_order_remove(struct session_order *order, uint64_t number); /* asserts that it is there */

/*
 *     size_t at = ringcast_session_order_behind(order, number);
 *     while ((session = ringcast_session_order_next(order, &at)) != NULL)
 *
 * shows all above the number. Removing one ends such a walk.
 */
size_t ringcast_session_order_behind(const struct session_order *order, uint64_t number);
struct game_session *ringcast_session_order_next(const struct session_order *order, size_t *at);
struct game_session *ringcast_session_order_last(const struct session_order *order); /* NULL: it is empty */

#endif
