/*
 * Who waits for a session, in which queue, and for which room. Says which request is to be tried at which site: whoever has the board begins the
 * session there and says what became of it.
 *
 *     waiting --> trying --> (removed)          a request that is waiting accepts no site that has room
 *        ^          |  |
 *        |          |  +--> resting, after a failure: 1 s, 2 s, 4 s, 8 s
 *        +----------+---------+
 *
 * Room that frees goes to the request that has waited longest of those that accept a site of it, whatever its queue. Waiting costs nothing: requests
 * lie in a list for each location and stage in which they first accept it, oldest first, and since stages are reached in the order of age, the first
 * of a list is the first of it that may have the room. Nobody is looked at again before room frees, or its stage changes, or its queue does.
 *
 * Pure: no clock, no thread. Times are milliseconds of a clock that never goes back. One thread.
 */
#ifndef RINGCAST_SERVICE_PLACE_BOARD_H
#define RINGCAST_SERVICE_PLACE_BOARD_H

#include "service/place/queue.h"

enum { PLACE_QUEUE_NAME_BYTES = 129, PLACE_ATTEMPTS_MAX = 5, PLACE_POOL_NONE = UINT32_MAX };

struct place_board;
struct place_request; /* the board's; the owner keeps a pointer until it removes it */

struct place_board_options {
	/*
	 * A wish of this owner for this queue, by ringcast_place_wish_create: when the request comes, and again whenever its queue changes. NULL: out of memory,
	 * and the request fails.
	 */
	struct place_wish *(*wish)(void *context, void *owner, const struct place_queue *queue);
	void *context;
	uint32_t requests_max;
};

struct place_board *ringcast_place_board_create(const struct place_board_options *options); /* NULL: out of memory */
void ringcast_place_board_destroy(struct place_board **board); /* accepts NULL inside, nulls; with all requests */

/* The pool's number, from 0 up; a new one has no room. PLACE_POOL_NONE: out of memory. */
uint32_t ringcast_place_board_add_pool(struct place_board *board);
/* No queue has a site of it any more: its number goes to the next one that is added. */
void ringcast_place_board_remove_pool(struct place_board *board, uint32_t pool);
/* Sets those of the flags, one for each pool, of whose pools a queue has a site. */
void ringcast_place_board_mark_pools(const struct place_board *board, bool *is_used);
/* How many sessions may be tried in it now, beyond those that are being tried. */
void ringcast_place_board_set_room(struct place_board *board, uint32_t pool, int64_t room);
int64_t ringcast_place_board_room(const struct place_board *board, uint32_t pool);

/*
 * A queue, new or changed; takes it, sealed. NULL: there is none of that name any more, and its requests fail. Requests that wait in it are
 * looked at again. False: out of memory; it is as it was, and the queue is destroyed.
 */
bool ringcast_place_board_set_queue(struct place_board *board, const char *name, struct place_queue *queue, int64_t now_ms);
const struct place_queue *ringcast_place_board_queue(const struct place_board *board, const char *name); /* NULL: none */

/* started_ms: may be long ago; of one queue, in the order of their age. NULL: no such queue, too many requests, or no memory. */
struct place_request *ringcast_place_board_add(struct place_board *board, const char *queue, void *owner, int64_t started_ms);
void ringcast_place_board_remove(struct place_board *board, struct place_request **request); /* accepts NULL inside, nulls */

/* What became of a try. full: the site's pool has no room after all, until the owner says that it has, and the request waits again. */
void ringcast_place_board_note_full(struct place_board *board, struct place_request *request);
/* It could not be done there: the request rests, and then takes another site if there is one. False: that was the last attempt; it is to be removed. */
bool ringcast_place_board_note_failure(struct place_board *board, struct place_request *request, int64_t now_ms);

/* Time goes on: stages, rests and time-outs. */
void ringcast_place_board_tick(struct place_board *board, int64_t now_ms);

enum place_effect_kind {
	PLACE_TRY,	 /* begin a session there, and say what became of it */
	PLACE_TIMED_OUT, /* also while it is being tried; to be removed */
	PLACE_FAILED,	 /* its queue has gone, or memory was short; to be removed */
};

struct place_effect {
	enum place_effect_kind kind;
	struct place_request *request;
	void *owner;
	/* of a try; location is borrowed until the queue changes */
	uint32_t destination, pool;
	const char *location;
};

/* What shall happen next. False: nothing. */
bool ringcast_place_board_next(struct place_board *board, struct place_effect *ret_effect);

/* For metrics: requests on the board, in a queue or (NULL) all; and since when the oldest is there. */
uint32_t ringcast_place_board_depth(const struct place_board *board, const char *queue);
bool ringcast_place_board_oldest_ms(const struct place_board *board, const char *queue, int64_t *ret_started_ms);
uint64_t ringcast_place_board_decisions(const struct place_board *board); /* made so far: waiting makes none */
uint8_t ringcast_place_request_stage(const struct place_request *request);

#endif
