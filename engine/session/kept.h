/*
 * Messages of a game that are kept for players who are not there yet: a list in the order in which they are to be delivered. Each lies in a buf of the shard's pool of its
 * own, taken only from what the pool can spare, and its bytes are that buf's capacity: what is counted is what is taken.
 */
#ifndef RINGCAST_SESSION_KEPT_H
#define RINGCAST_SESSION_KEPT_H

#include "session/session.h"

struct kept {
	struct kept *next;
	struct buf *home;
	int32_t opcode, sender;
	uint32_t key; /* of a retained message */
	struct view payload; /* behind this struct */
};

struct kept_list {
	struct kept *first, *last;
	uint32_t count, bytes;
};

/* NULL: the pool can spare no buf. The payload is copied. */
struct kept *ringcast_kept_create(struct buf_pool *pool, const struct packet *packet, uint32_t key);
void ringcast_kept_free(struct kept *kept);
static inline uint32_t ringcast_kept_bytes(const struct kept *kept) { return kept->home->capacity; }
void ringcast_kept_add(struct kept_list *list, struct kept *kept);
struct kept *ringcast_kept_remove(struct kept_list *list, uint32_t key); /* NULL: there is none of this key */
void ringcast_kept_clear(struct kept_list *list);
/* All of them to this player and nobody else, reliably: as messages to group, or with PROTO_GROUP_NONE to the player. */
void ringcast_kept_deliver(const struct kept_list *list, struct player *player, int32_t group);
void ringcast_kept_show(const struct kept_list *list, const struct player *player, int32_t group); /* the same to those who tap the session */

#endif
