/*
 * Target -> recipients: the one place where a message leaves the session layer. Nothing above it knows how many shards they are on: here it goes to those of
 * this one, and as one letter to each other shard that has any.
 */
#ifndef RINGCAST_SESSION_FANOUT_H
#define RINGCAST_SESSION_FANOUT_H

#include "session/session.h"

/* The copies say where they were addressed: target_player for one, target_group for a group (and then no target_player). */
void ringcast_fanout_to_player(struct session *session, const struct packet *packet, enum delivery_intent intent, struct player *player);
void ringcast_fanout_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group);
/* To one member only, who sees that it was for the group. */
void ringcast_fanout_to_one_of(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, struct player *player);
/* The same as to_group to recipients the caller has at hand: the members of group, now or a moment ago. */
void ringcast_fanout_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
				struct player *const *recipients, size_t recipient_count);

struct targets { /* of one message, found and allowed */
	struct player *player; /* NULL: none */
	int32_t group;         /* NONE: none; else its members */
	struct player *const *members;
	size_t member_count;
};
/* To a player and a group, once each. */
void ringcast_fanout_to_targets(struct session *session, const struct packet *packet, enum delivery_intent intent, const struct targets *targets);

#endif
