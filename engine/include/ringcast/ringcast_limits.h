/*
 * The limits of a Ringcast engine: one table, from which the struct, the configuration's keys and their reference are made. Included by ringcast.h.
 */
#ifndef RINGCAST_LIMITS_H
#define RINGCAST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * X(type, name, default, min, max, reloadable, "unit and meaning"). Bounds that protect; each refusal is counted by reason. Where min is 0, 0 means
 * what the text says; elsewhere it stands for the default.
 */
#define RINGCAST_LIMITS(X) \
	X(uint32_t, sessions_max, 1024, 1, 16777216, false, "sessions at home on a shard") \
	X(uint32_t, players_max, 5000, 1, 16777216, false, "players per shard, of the sessions at home there") \
	X(uint32_t, players_per_session_max, 5000, 1, 16777216, false, "upper bound on a session's own maximum") \
	X(uint32_t, connections_max, 6000, 1, 4000000, false, "TCP connections per shard") \
	X(uint32_t, connections_per_address_max, 1000, 1, UINT32_MAX, true, "TCP connections per client address and shard") \
	X(uint32_t, handshakes_per_second_per_address, 2000, 1, UINT32_MAX, true, "new TCP connections per second per client address and shard") \
	X(uint32_t, groups_per_session_max, 1024, 1, UINT32_MAX, true, "groups per session") \
	X(uint32_t, groups_per_player_max, 64, 1, UINT32_MAX, true, "groups a player may be in") \
	X(uint32_t, messages_per_second, 2000, 1, UINT32_MAX, true, "messages per second per player, burst of one second") \
	X(uint64_t, bytes_per_second, 524288, 1, 10000000000, true, "payload bytes per second per player; a quarter of it while a receiver falls behind") \
	X(uint32_t, outq_reliable_bytes, 1048576, 1, UINT32_MAX, true, "queued reliable bytes per player; above it the player is disconnected") \
	X(uint32_t, outq_fast_messages, 256, 1, 65535, true, "queued fast messages per player; above it the oldest are dropped") \
	X(uint32_t, login_timeout_ms, 10000, 1, 2073600000, true, "from accept to a valid login") \
	X(uint32_t, idle_timeout_ms, 0, 0, 2073600000, true, "without any message or pong; 0: only pings decide") \
	X(uint32_t, ping_interval_ms, 3000, 1, 2073600000, true, "WebSocket ping interval of sessions that do not say") \
	X(uint32_t, pong_missed_max, 5, 1, 254, true, "unanswered pings before a player is dead") \
	X(uint32_t, resume_window_ms, 0, 0, 86400000, true, "how long a player whose stream broke may come back, if its client can; 0: not at all") \
	X(uint32_t, resume_bytes, 131072, 1, UINT32_MAX, true, "reliable messages kept per such player until they are acknowledged, at most a quarter of outq_reliable_bytes") \
	X(uint32_t, resume_memory_bytes, 8388608, 1, UINT32_MAX, true, "of these, per shard") \
	X(uint32_t, merge_bytes, 1200, 0, 1400, true, "of a datagram in which several fast messages of a tick go to a client that can take them so; 0: each has its own") \
	X(uint32_t, fast_silence_ms, 30000, 0, 2073600000, true, "without a datagram of a player its fast messages go by the WebSocket; 0: never") \
	X(uint32_t, reservation_timeout_ms, 60000, 1, 2073600000, true, "a reserved player who does not log in") \
	X(uint32_t, empty_session_timeout_ms, 300000, 0, 2073600000, true, "a session without players or reservations ends; 0: never") \
	X(uint32_t, timers_per_session_max, 256, 1, UINT32_MAX, true, "timers that a session's script may have running") \
	X(uint32_t, health_interval_ms, 60000, 0, 2073600000, true, "between health checks of a script that answers them; 0: never") \
	X(uint32_t, answer_timeout_ms, 5000, 1, 2073600000, true, "for a verdict that a script gives later, of sessions that do not say") \
	X(uint32_t, activation_timeout_ms, 300000, 1, 2073600000, true, "until a script's start is through, of sessions that do not say; then the session ends") \
	X(uint32_t, parked_per_player_max, 64, 1, UINT32_MAX, true, "messages of a player that wait for a script's verdict or behind one") \
	X(uint32_t, parked_per_session_max, 4096, 1, UINT32_MAX, true, "messages of a session that wait for a script's verdict or behind one") \
	X(uint32_t, retained_messages_per_group, 64, 0, 65536, true, "messages that a game may retain of a group for those who join it later; 0: none") \
	X(uint32_t, retained_bytes, 65536, 0, 268435456, true, "of all groups of a session together, in whole buffers; at most half of outq_reliable_bytes") \
	X(uint32_t, snapshot_bytes, 262144, 0, 268435456, true, "what is kept for those who join a session while its game makes their snapshots, in whole buffers; at most half of outq_reliable_bytes") \
	X(uint32_t, flush_budget_us, 500, 0, 1000000, true, "how long a loaded shard waits between two flushes, to merge writes; 0: it does not, and limits.pace_us is 0 as well") \
	X(uint32_t, gather_us, 0, 0, 10000, false, "how long a shard that waits gathers messages before it serves them: less processor time, more delay; 0: it serves each at once") \
	X(uint32_t, pace_us, 16000, 0, 100000, true, "how long a loaded shard may hold messages back so that more of them share a write; as long as leaves it a quarter of its processor, fast ones for 2 ms at most; 0: never") \
	X(uint32_t, handshake_timeout_ms, 30000, 1, 2073600000, true, "from the first byte of a TLS or DTLS handshake to its end, for DTLS to the proof of identity") \
	X(uint32_t, handshake_budget_us, 2000, 1, 1000000, true, "how long a shard works on waiting TLS and DTLS handshakes before it relays again") \
	X(uint32_t, half_open_max, 4096, 1, 4000000, false, "DTLS clients per shard that have not proven who they are") \
	X(uint32_t, half_open_per_address_max, 512, 1, UINT32_MAX, true, "DTLS clients per client address and shard that have not proven who they are") \
	X(uint32_t, handshake_datagrams_max, 4096, 1, 4000000, false, "DTLS handshake datagrams per shard that wait for their turn, from addresses that are proven") \
	X(uint32_t, hellos_per_second, 20000, 1, UINT32_MAX, true, "DTLS hellos per second, without a cookie or with a wrong one, that a shard answers with one") \
	X(uint32_t, hellos_per_second_per_address, 100, 1, UINT32_MAX, true, "of these, per client address with players who came by TLS, besides those for everybody") \
	X(uint32_t, buffer_memory_bytes, 67108864, 1048576, UINT32_MAX, false, "payload and send buffers per shard") \
	X(uint32_t, session_data_bytes, 67108864, 0, UINT32_MAX, true, "properties and matchmaker data of all sessions of a shard together; a session beyond it is refused") \
	X(uint32_t, service_messages_per_second, 100, 1, UINT32_MAX, true, "messages of backends per second to one session and its players together") \
	X(uint32_t, service_message_bytes, 4096, 1, 16288, true, "payload of a message of a backend") \
	X(uint32_t, emitted_events_per_second, 20, 1, UINT32_MAX, true, "events that a session's game emits for backends, per second") \
	X(uint32_t, emitted_event_bytes, 16384, 2, 60000, true, "JSON of an event that a game emits") \
	X(uint64_t, fanout_bytes_per_second, 16777216, 0, 1000000000000, true, "bytes per second that a player's messages may make others receive, 64 added per delivery; 0: no limit") \
	X(uint64_t, session_fanout_bytes_per_second, 134217728, 0, 1000000000000, true, "the same of all players of a session together; 0: no limit") \
	X(uint32_t, membership_bytes_per_second, 4194304, 0, UINT32_MAX, true, "bytes per second of lists of members that a session sends, of changes, requests and scripts; what is beyond waits, as do all of groups above 256 members, and is sent once for all that came meanwhile; 0: nothing waits, and changes of such groups are not told") \
	X(uint32_t, flood_seconds_max, 10, 0, 86400, true, "seconds on end in which a connection may be above its message or byte rate; then it is closed; 0: never") \
	X(uint32_t, spread_players_min, 500, 1, UINT32_MAX, true, "where sessions.spread is auto, a session for so many players has them on all shards") \
	X(uint32_t, spread_queue_bytes, 8388608, 65536, UINT32_MAX, true, "letters that wait for another shard that falls behind; above it players there who would miss something are disconnected") \
	X(uint32_t, spread_patience_ms, 10000, 100, 3600000, true, "from half of spread_queue_bytes on, players who send to that shard are not read until it has caught up; if it reads nothing at all for so long, its players leave, and players here of its own sessions too") \
	X(uint32_t, events_per_second, 50, 0, 1000000, true, "lines of the event log per second, kind and shard, a tenth of it per client address; 0: no event log") \
	X(uint32_t, send_buffer_bytes, 262144, 0, 1073741823, false, "bytes per player in the kernel's send queue, within net.core.wmem_max; 0: as the system likes") \
	X(uint32_t, disconnects_kept, 256, 0, 65536, false, "disconnects per shard that can be listed, the newest ones") \
	X(uint32_t, taps_max, 4, 0, 64, true, "taps per shard, which tell operators what is said in a session; 0: nobody may listen") \
	X(uint32_t, tap_ring_bytes, 1048576, 65536, 67108864, false, "of a tap: messages that wait for its reader; more are left out and counted") \
	X(uint32_t, tap_payload_bytes, 1024, 0, 65536, false, "of a tapped message's payload; the rest is cut off") \
	X(uint32_t, token_bytes_max, 2048, 256, 8192, true, "bytes of a player token that a backend has signed") \
	X(uint32_t, token_checks_per_second, 1000, 1, 1000000, true, "signed tokens per second that a shard looks at; a check takes about 0.2 ms") \
	X(uint32_t, token_checks_per_second_per_address, 100, 1, UINT32_MAX, true, "of these, per client address") \
	X(uint32_t, token_skew_ms, 30000, 0, 3600000, true, "how far the clock of whoever signs tokens may be off") \
	X(uint32_t, token_lifetime_max_ms, 86400000, 1000, 2073600000, true, "how far ahead the end of a signed token may lie") \
	X(uint32_t, tokens_spent_max, 65536, 1, 16777216, false, "signed tokens for one login that a shard remembers until they have expired, where player_tokens.keys is set")

typedef struct ringcast_limits {
#define X(type, name, ...) type name;
	RINGCAST_LIMITS(X)
#undef X
} ringcast_limits;

#endif
