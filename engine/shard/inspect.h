/*
 * The only way to look into a shard from above: values that describe it, its sessions and its players, and walks over them that can be continued in the
 * next tick. On the shard's thread. What a session's script has to add is not known here.
 */
#ifndef RINGCAST_SHARD_INSPECT_H
#define RINGCAST_SHARD_INSPECT_H

#include "shard/shard.h"

void ringcast_shard_describe_session(const struct shard *shard, const struct session *session, ringcast_session_info *ret);
void ringcast_shard_describe_player(const struct player *player, ringcast_player_info *ret);

/*
 * One turn of a walk: from *cursor (0 at first) on, SHARD_REQUEST_ITEMS_MAX sessions at most. False: it goes on at *cursor. Whoever is there from the
 * first turn to the last is met once; who comes or goes meanwhile perhaps. Sessions that have ended are not met.
 */
bool ringcast_shard_each_session(struct shard *shard, uint32_t *cursor, void (*each)(void *context, struct shard *shard, struct session *session),
				 void *context);
/* Likewise for those who hold a place in a session: reserved, connecting or active. */
bool ringcast_shard_each_player(struct shard *shard, const struct session *session, uint32_t *cursor,
				void (*each)(void *context, const struct player *player), void *context);

/* Likewise for a session's groups; each says false when it wants no more: then the walk goes on with that one. */
bool ringcast_shard_each_group(struct shard *shard, const struct session *session, uint32_t *cursor, bool (*each)(void *context, const struct group *group),
			       void *context);

struct shard_gauges {
	uint64_t connections, players, sessions, buffers_in_use, reservations_timedout, answers_awaited, answers_late, half_open, handshakes_waiting,
		associations, lists_sent, list_bytes, lists_merged, lists_too_long,
		retained_messages, retained_bytes, retained_replayed, snapshots_asked, snapshots_missed, snapshot_messages, held_messages, hold_ns;
};
struct shard_gauges ringcast_shard_gauges(const struct shard *shard);

#endif
