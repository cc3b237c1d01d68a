/*
 * The only way to look into a shard from above: values that describe it, its sessions and its players. On the shard's thread. What a session's script
 * has to add is not known here.
 */
#ifndef RINGCAST_SHARD_INSPECT_H
#define RINGCAST_SHARD_INSPECT_H

#include "shard/shard.h"

void ringcast_shard_describe_session(const struct shard *shard, const struct session *session, ringcast_session_info *ret);
void ringcast_shard_describe_player(const struct player *player, ringcast_player_info *ret);

struct shard_gauges {
	uint64_t connections, players, sessions, buffers_in_use, reservations_timedout, answers_awaited, answers_late, half_open, handshakes_waiting,
		associations;
};
struct shard_gauges ringcast_shard_gauges(const struct shard *shard);

#endif
