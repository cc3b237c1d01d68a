/*
 * What one run is like, drawn from its seed: sizes small enough to be hit often, and a random subset of faults. Faults are drawn first and
 * switched off afterwards, so that --fault=off:NAME changes nothing else about a seed's draw.
 */
#ifndef RINGCAST_TESTS_SIM_SWARM_H
#define RINGCAST_TESTS_SIM_SWARM_H

#include "io/io_sim.h"
#include "ringcast/ringcast.h"
#include "shard/shard.h"

enum { SWARM_SHARDS_MAX = 64, SWARM_SHARDS_FEW = 4, SWARM_SESSIONS_MAX = 6, SWARM_CREATED_MAX = 2, SWARM_GROUPS_MAX = 6, SWARM_BOTS_MAX = 96 };

/* FAULT(name, "what it does"): what --fault=off:NAME knows; the first ones are members of struct sim_faults, in 1/1000. */
#define SWARM_NETWORK_FAULTS(FAULT)                                                                                                            \
	FAULT(loss, "datagrams are lost")                                                                                                      \
	FAULT(burst_loss, "all datagrams are lost for a while")                                                                                \
	FAULT(duplicate, "datagrams come twice")                                                                                               \
	FAULT(delay, "datagrams are late and out of order")                                                                                    \
	FAULT(corrupt, "datagrams are changed on the way")                                                                                     \
	FAULT(truncate, "datagrams are cut on the way")                                                                                        \
	FAULT(narrow_path, "larger datagrams of some clients vanish: the path has a small MTU")                                                \
	FAULT(split, "stream bytes come in tiny pieces")                                                                                       \
	FAULT(stall, "stream bytes come late and in one go")                                                                                   \
	FAULT(short_recv, "reads return less than there is")                                                                                   \
	FAULT(short_send, "writes are taken in pieces")                                                                                        \
	FAULT(reset, "connections are reset at some byte")                                                                                     \
	FAULT(accept_error, "accept fails")                                                                                                    \
	FAULT(send_error, "datagrams are refused by the system")                                                                               \
	FAULT(no_buffer, "receive buffers run out")                                                                                            \
	FAULT(spurious_wake, "io wakes without a reason")                                                                                      \
	FAULT(few_events, "io returns fewer events than there are")                                                                             \
	FAULT(busy, "shards are said to be busy, so that they hold messages back")
#define SWARM_WORLD_FAULTS(FAULT)                                                                                                              \
	FAULT(mischief, "bots misbehave")                                                                                                      \
	FAULT(leaving, "bots leave, reset, half close, and others take their place")                                                           \
	FAULT(admin, "players are kicked, sessions ended, certificates replaced")                                                                                     \
	FAULT(jump, "the clock jumps far ahead, and shards run late")                                                                          \
	FAULT(tearing, "the streams of players who may come back are torn, also while they do")                                                  \
	FAULT(signing, "players come with tokens that a backend has signed, and with such as are no good")                                     \
	FAULT(turning, "the wall clock jumps, and the keys of such tokens are exchanged")                                                      \
	FAULT(freeze, "the whole process stands still for seconds, and its clients do not")                                                    \
	FAULT(rebind, "players' UDP comes from another port or address all at once, as behind a NAT")                                          \
	FAULT(addresses, "the server has two addresses, and some players change from one to the other")                                        \
	FAULT(slow, "some players read slowly, or hardly at all")                                                                              \
	FAULT(narrow_pool, "the buffers that all share are few, though each may queue much")                                                   \
	FAULT(merging, "some players send and take several packets in a datagram, at times wrong ones")                                         \
	FAULT(idle_tick, "shards are run although they have nothing to do")                                                                    \
	FAULT(crowding, "one session floods the few shared buffers, and half of it hardly reads; the others play on beside it")                 \
	FAULT(narrow_limits, "limits of messages, groups and connections are narrow")                                                          \
	FAULT(spread, "sessions have players on several shards")                                                                                \
	FAULT(many_shards, "there are up to 64 shards")                                                                                              \
	FAULT(slow_limb, "a shard stands still for a while, and some send it much meanwhile")                                                    \
	FAULT(narrow_rings, "the rings between shards hold a few letters")                                                                       \
	FAULT(narrow_lists, "few bytes of lists of members may go a second, so that most of them wait")                                            \
	FAULT(narrow_memory, "send queues and buffers are small")                                                                               \
	FAULT(script_late, "scripts answer late, in any order, or never")                                                                      \
	FAULT(script_deny, "scripts say no")                                                                                                   \
	FAULT(script_flood, "scripts give too many commands")                                                                                  \
	FAULT(script_fail, "scripts throw, which ends their session")                                                                          \
	FAULT(script_loss, "all scripts of a shard are lost")                                                                                   \
	FAULT(late_join, "scripts say numbered things to groups, retain some, and make snapshots for who joins")

struct swarm {
	uint64_t seed;
	uint32_t shard_count, session_count, group_count, bot_count, action_count;
	uint32_t players_per_session_max, udp_port_count, payload_bytes_max, window_bytes;
	uint32_t flush_portion; /* see shard_options */
	uint64_t latency_ns, pause_ns_max; /* between two actions */
	bool has_no_echo; /* some bots want none of their own group messages */
	bool is_udp_address_free, has_shared_ips;
	enum shard_security_mode security;
	uint32_t secure_chance; /* in 1/1000: bots that use TLS and DTLS */
	struct sim_faults faults;
	struct io_options io;
	struct ringcast_limits limits, narrow; /* narrow: what the narrow_ faults put in place of limits */
#define FAULT(name, text) uint32_t name;
	SWARM_WORLD_FAULTS(FAULT)
#undef FAULT
};

void ringcast_swarm_draw(struct swarm *swarm, uint64_t seed);
bool ringcast_swarm_switch_off(struct swarm *swarm, const char *fault); /* false: no such fault; "all" switches off everything */
void ringcast_swarm_settle(struct swarm *swarm); /* after the last switch_off, before use */
void ringcast_swarm_print(const struct swarm *swarm, FILE *out);
/* May an honest player lose its connection, or not get one, without anybody asking for it? */
enum swarm_blame { SWARM_ALL, SWARM_BUT_POOL /* leaving out that the shared buffers are few */ };
bool ringcast_swarm_may_disconnect(const struct swarm *swarm, enum swarm_blame blame);
/* May a datagram get lost, or overtaken and then dropped as stale, without anybody's fault? */
bool ringcast_swarm_may_lose_datagrams(const struct swarm *swarm);
/* May the engine refuse a correct message? */
bool ringcast_swarm_may_refuse(const struct swarm *swarm);

#endif
