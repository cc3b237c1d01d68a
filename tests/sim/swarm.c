#include "swarm.h"

#include "base/attr.h"
#include "draw.h"

/*
 * Of those beside the crowd: what they hold is little. And of the buffers: as few as may be, so that a crowd fills them, and what the first who had to give
 * holds is in the kernel's hands for longer than they last. Nobody else has to give for that.
 */
enum { CROWD_PAYLOAD_BYTES = 400, CROWD_ACTIONS = 700, CROWD_BUFFER_BYTES = 1 << 20, SLOW_LIMB_QUEUE_BYTES = 512 << 10, SLOW_LIMB_QUEUE_BYTES_A_SHARD = 64 << 10, SLOW_LIMB_WINDOW_BYTES = 64 << 10 };

static uint64_t pick(struct prng *prng, const uint64_t *choices, size_t count)
{
	return choices[ringcast_prng_below(prng, count)];
}
#define PICK(prng, ...) pick(prng, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void draw_faults(struct swarm *swarm, struct prng *prng)
{
	struct sim_faults *faults = &swarm->faults;
	faults->loss = draw_maybe(prng, 300);
	faults->burst_loss = draw_maybe(prng, 50);
	faults->burst_ns_max = PICK(prng, NS_PER_MS, 100 * NS_PER_MS, 2 * NS_PER_S);
	faults->duplicate = draw_maybe(prng, 200);
	faults->delay = draw_maybe(prng, 500);
	faults->delay_ns_max = PICK(prng, NS_PER_MS, 50 * NS_PER_MS, NS_PER_S);
	faults->corrupt = draw_maybe(prng, 100);
	faults->truncate = draw_maybe(prng, 100);
	faults->narrow_path = ringcast_prng_chance(prng, 1, 4) ? draw_between(prng, 200, 1200) : 0;
	faults->split = draw_maybe(prng, 400);
	faults->stall = draw_maybe(prng, 200);
	faults->short_recv = draw_maybe(prng, 600);
	faults->short_send = draw_maybe(prng, 600);
	faults->quiet_send = draw_maybe(prng, 1000);
	faults->reset = draw_maybe(prng, 200);
	faults->reset_bytes_max = PICK(prng, 300, 2000, 50000);
	faults->accept_error = draw_maybe(prng, 200);
	faults->send_error = draw_maybe(prng, 200);
	faults->no_buffer = draw_maybe(prng, 100);
	faults->spurious_wake = draw_maybe(prng, 100);
	faults->few_events = draw_maybe(prng, 500);
	swarm->mischief = draw_maybe(prng, 300);
	swarm->leaving = draw_maybe(prng, 100);
	swarm->admin = draw_maybe(prng, 30);
	swarm->jump = draw_maybe(prng, 20);
	swarm->idle_tick = draw_maybe(prng, 300);
	swarm->freeze = draw_maybe(prng, 40);
	swarm->rebind = draw_maybe(prng, 50);
	swarm->slow = draw_maybe(prng, 500);
	swarm->narrow_pool = draw_maybe(prng, 1000);
	swarm->narrow_limits = draw_maybe(prng, 1000);
	swarm->narrow_memory = draw_maybe(prng, 1000);
}

static void draw_sizes(struct swarm *swarm, struct prng *prng)
{
	swarm->shard_count = draw_between(prng, 1, SWARM_SHARDS_FEW);
	swarm->session_count = draw_between(prng, 1, SWARM_SESSIONS_MAX);
	swarm->group_count = draw_between(prng, 1, SWARM_GROUPS_MAX);
	swarm->bot_count = draw_between(prng, 2, (uint32_t)PICK(prng, 4, 12, 40));
	swarm->action_count = draw_between(prng, 100, (uint32_t)PICK(prng, 300, 800, 2000));
	swarm->players_per_session_max = draw_between(prng, 2, 40);
	swarm->udp_port_count = draw_between(prng, 0, 3);
	swarm->payload_bytes_max = (uint32_t)PICK(prng, 64, 400, 1200, 4096);
	swarm->window_bytes = (uint32_t)PICK(prng, 512, 4096, 65536);
	swarm->latency_ns = PICK(prng, 20 * NS_PER_US, 2 * NS_PER_MS, 40 * NS_PER_MS);
	if (swarm->latency_ns > 2 * NS_PER_MS && swarm->window_bytes < 16384)
		swarm->window_bytes = 16384; /* or the path carries less than the bots send, and everybody is too slow */
	swarm->pause_ns_max = PICK(prng, 10 * NS_PER_US, NS_PER_MS, 20 * NS_PER_MS, 300 * NS_PER_MS);
	if (swarm->pause_ns_max < swarm->latency_ns / 2) /* or all is over before anybody has logged in */
		swarm->pause_ns_max = swarm->latency_ns / 2;
	swarm->is_udp_address_free = ringcast_prng_chance(prng, 1, 4);
	swarm->has_shared_ips = ringcast_prng_chance(prng, 1, 3);
	swarm->io = (struct io_options){
		.stream_count_max = 256,
		.stream_buffer_count = (uint32_t)PICK(prng, 1, 4, 64),
		.stream_buffer_bytes = (uint32_t)PICK(prng, 64, 512, 4096),
		.datagram_buffer_count = (uint32_t)PICK(prng, 1, 4, 64),
		.datagram_buffer_bytes = 2048,
	};
}

static void draw_limits(struct swarm *swarm, struct prng *prng)
{
	struct ringcast_limits *limits = &swarm->limits;
#define X(type, name, default_value, ...) limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
	limits->sessions_max = 16;
	limits->players_max = 128;
	limits->connections_max = 200;
	limits->messages_per_second = 1000000;
	limits->bytes_per_second = UINT64_C(1) << 32;
	limits->fanout_bytes_per_second = limits->session_fanout_bytes_per_second = 0;
	limits->handshakes_per_second_per_address = 100000;
	limits->outq_reliable_bytes = 64 << 20; /* nobody is too slow, unless memory is narrow */
	limits->buffer_memory_bytes = 128 << 20;
	limits->flush_budget_us = (uint32_t)PICK(prng, 0, 500, 5000);
	limits->ping_interval_ms = (uint32_t)PICK(prng, 500, 3000);
}

static void draw_narrow(struct swarm *swarm, struct prng *prng)
{
	struct ringcast_limits *narrow = &swarm->narrow;
	*narrow = swarm->limits;
	narrow->messages_per_second = (uint32_t)PICK(prng, 5, 50);
	narrow->groups_per_player_max = draw_between(prng, 1, 3);
	narrow->connections_max = draw_between(prng, 4, 30);
	narrow->connections_per_address_max = narrow->connections_max / 2 + 1;
	narrow->handshakes_per_second_per_address = narrow->connections_max;
	narrow->outq_reliable_bytes = (uint32_t)PICK(prng, 3000, 20000);
	narrow->outq_fast_messages = draw_between(prng, 1, 8);
	narrow->buffer_memory_bytes = 512 << 10;
}

/* Half of all runs are encrypted, wholly or in part. */
static void draw_security(struct swarm *swarm, struct prng *prng)
{
	static const enum shard_security_mode modes[] = {SHARD_PLAIN, SHARD_PLAIN, SHARD_SECURE_OPTIONAL, SHARD_SECURE_REQUIRED};
	swarm->security = modes[ringcast_prng_below(prng, ARRAY_COUNT(modes))];
	swarm->secure_chance = swarm->security == SHARD_PLAIN ? 0 : swarm->security == SHARD_SECURE_OPTIONAL ? 600 : 1000;
	swarm->limits.handshake_budget_us = (uint32_t)PICK(prng, 0, 2000); /* 0: one step a turn */
	swarm->narrow.half_open_max = draw_between(prng, 2, 30);
	swarm->narrow.half_open_per_address_max = draw_between(prng, 1, 10);
	swarm->narrow.hellos_per_second = (uint32_t)PICK(prng, 1, 20, 1000);
	swarm->narrow.handshake_datagrams_max = 2 * swarm->narrow.half_open_max; /* no draw of its own: that would be another world for every seed */
}

/* A quarter of all worlds has scripts; the others are what they would be without them. */
static void draw_scripts(struct swarm *swarm, struct prng *prng)
{
	if (!ringcast_prng_chance(prng, 1, 4))
		return;
	swarm->script_late = draw_maybe(prng, 500) + 1;
	swarm->script_deny = draw_maybe(prng, 300);
	swarm->script_flood = draw_maybe(prng, 30);
	swarm->script_fail = draw_maybe(prng, 4);
	swarm->script_loss = draw_maybe(prng, 4);
}

/* What came later has a chance of its own, so that the seeds are what they were. */
static void draw_later(struct swarm *swarm, uint64_t seed)
{
	struct prng prng;
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x61646472));
	swarm->addresses = draw_maybe(&prng, 50);
	swarm->crowding = ringcast_prng_chance(&prng, 1, 12) ? draw_between(&prng, 100, 500) : 0;
	swarm->tearing = draw_maybe(&prng, 60);
	swarm->late_join = draw_maybe(&prng, 300);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x6c696d62));
	swarm->spread = ringcast_prng_chance(&prng, 1, 2) ? (uint32_t)PICK(&prng, SPREAD_AUTO, SPREAD_ALWAYS, SPREAD_ALWAYS) : 0;
	swarm->narrow_rings = draw_maybe(&prng, 1000);
	swarm->limits.spread_players_min = draw_between(&prng, 2, 40);
	swarm->limits.spread_queue_bytes = 64 << 20;
	swarm->narrow.spread_queue_bytes = 64 << 10;
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x6563686f));
	swarm->has_no_echo = ringcast_prng_chance(&prng, 1, 2);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x70616365));
	swarm->faults.busy = draw_maybe(&prng, 1000);
	swarm->limits.pace_us = (uint32_t)PICK(&prng, 0, 1000, 10000, 16000);
	swarm->flush_portion = (uint32_t)PICK(&prng, 0, 1, 3, 20);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x6d657267));
	swarm->merging = ringcast_prng_chance(&prng, 1, 2) ? draw_between(&prng, 100, 1000) : 0;
	swarm->limits.merge_bytes = (uint32_t)PICK(&prng, 0, 60, 300, 1200, 1200, 1400);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x736c6f77));
	swarm->slow_limb = swarm->spread > 0 ? draw_maybe(&prng, 10) : 0;
	swarm->many_shards = ringcast_prng_chance(&prng, 1, 25) ? draw_between(&prng, SWARM_SHARDS_FEW + 1, SWARM_SHARDS_MAX) : 0;
	swarm->narrow.spread_patience_ms = (uint32_t)PICK(&prng, 200, 10000);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x6c697374));
	swarm->narrow_lists = draw_maybe(&prng, 1000);
	swarm->narrow.membership_bytes_per_second = draw_between(&prng, 400, 4000);
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x746f6b65));
	swarm->signing = draw_maybe(&prng, 600);
	swarm->turning = swarm->signing > 0 ? draw_maybe(&prng, 40) : 0;
}

void ringcast_swarm_draw(struct swarm *swarm, uint64_t seed)
{
	struct prng prng;
	*swarm = (struct swarm){.seed = seed};
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x5357524d));
	draw_sizes(swarm, &prng);
	draw_faults(swarm, &prng);
	draw_limits(swarm, &prng);
	draw_narrow(swarm, &prng);
	draw_security(swarm, &prng);
	draw_scripts(swarm, &prng);
	draw_later(swarm, seed);
	if (swarm->faults.corrupt > 0) { /* a changed sender or hello must not be able to name somebody else */
		swarm->has_shared_ips = false;
		swarm->is_udp_address_free = false;
	}
}

bool ringcast_swarm_switch_off(struct swarm *swarm, const char *fault)
{
	bool is_all = strcmp(fault, "all") == 0, is_known = is_all;
#define FAULT(name, text)                                                                                                                      \
	if (is_all || strcmp(fault, #name) == 0) {                                                                                             \
		swarm->faults.name = 0;                                                                                                        \
		is_known = true;                                                                                                               \
	}
	SWARM_NETWORK_FAULTS(FAULT)
#undef FAULT
#define FAULT(name, text)                                                                                                                      \
	if (is_all || strcmp(fault, #name) == 0) {                                                                                             \
		swarm->name = 0;                                                                                                               \
		is_known = true;                                                                                                               \
	}
	SWARM_WORLD_FAULTS(FAULT)
#undef FAULT
	return is_known;
}

/* Whoever then loses its connection loses it for want of buffers, and session 0 is to blame: all else that may end a connection is off. */
static void settle_crowd(struct swarm *swarm)
{
	struct sim_faults *faults = &swarm->faults;
	faults->reset = faults->accept_error = faults->stall = 0;
	swarm->tearing = swarm->jump = swarm->admin = swarm->freeze = swarm->mischief = swarm->leaving = swarm->narrow_limits = swarm->narrow_memory = 0;
	swarm->script_late = swarm->script_deny = swarm->script_flood = swarm->script_fail = swarm->script_loss = 0;
	swarm->shard_count = 1;
	swarm->session_count = swarm->session_count > 1 ? swarm->session_count : 2;
	swarm->bot_count = swarm->bot_count > 8 ? swarm->bot_count : 8;
	swarm->payload_bytes_max = swarm->payload_bytes_max < CROWD_PAYLOAD_BYTES ? swarm->payload_bytes_max : CROWD_PAYLOAD_BYTES;
	swarm->action_count = swarm->action_count > CROWD_ACTIONS ? swarm->action_count : CROWD_ACTIONS;
	swarm->pause_ns_max = swarm->pause_ns_max > NS_PER_MS ? swarm->pause_ns_max : NS_PER_MS;
	swarm->slow = swarm->slow_limb = swarm->signing = swarm->turning = 0;
	swarm->narrow_pool = 1000;
}

/* There is room for all that anybody misses, unless memory is narrow; then gaps are told. */
static void settle_tearing(struct swarm *swarm)
{
	swarm->limits.resume_window_ms = 30000;
	swarm->limits.resume_bytes = swarm->slow_limb > 0 ? 64 << 20 : 16 << 20;
	swarm->limits.resume_memory_bytes = 4 * swarm->limits.resume_bytes;
}

/* Each has its own memory, which takes the time of the run to set up. */
static void settle_many_shards(struct swarm *swarm)
{
	swarm->shard_count = swarm->many_shards;
	swarm->limits.buffer_memory_bytes = 16 << 20;
	swarm->bot_count = swarm->bot_count > 12 ? swarm->bot_count : 12;
}

/* What may wait is less than some send at once, and the last half of it enough for what is under way while they are told to wait: a ring of each shard, a message of each sender. */
static void settle_slow_limb(struct swarm *swarm)
{
	swarm->narrow_rings = 1000;
	if (swarm->shard_count == 1)
		swarm->shard_count = 2;
	swarm->limits.spread_queue_bytes = SLOW_LIMB_QUEUE_BYTES + swarm->shard_count * SLOW_LIMB_QUEUE_BYTES_A_SHARD;
	if (swarm->many_shards == 0)
		swarm->limits.buffer_memory_bytes = 256 << 20; /* each who reads slowly has its own copy of some, where it is encrypted */
	if (swarm->window_bytes < SLOW_LIMB_WINDOW_BYTES)
		swarm->window_bytes = SLOW_LIMB_WINDOW_BYTES; /* or they could not send so much while it stands still */
}

/* One address may show a few tokens a second where each player has one. Where the clock jumps few that were used can be remembered, so that places for them are taken again. */
static void settle_signing(struct swarm *swarm)
{
	swarm->limits.token_checks_per_second_per_address = swarm->has_shared_ips ? 100 : 4;
	swarm->limits.tokens_spent_max = swarm->turning > 0 ? 8 : 2 * SWARM_BOTS_MAX;
}

void ringcast_swarm_settle(struct swarm *swarm)
{
	if (swarm->many_shards > 0 && swarm->crowding == 0)
		settle_many_shards(swarm);
	if (swarm->narrow_pool > 0) /* much is sent to a slow limb, which few buffers do not hold */
		swarm->slow_limb = 0;
	if (swarm->slow_limb > 0)
		settle_slow_limb(swarm);
	if (swarm->crowding > 0)
		settle_crowd(swarm);
	if (swarm->tearing > 0)
		settle_tearing(swarm);
	if (swarm->signing > 0)
		settle_signing(swarm);
	else
		swarm->turning = 0;
	if (swarm->narrow_limits > 0) {
		swarm->limits.messages_per_second = swarm->narrow.messages_per_second;
		swarm->limits.groups_per_player_max = swarm->narrow.groups_per_player_max;
		swarm->limits.connections_max = swarm->narrow.connections_max;
		swarm->limits.connections_per_address_max = swarm->narrow.connections_per_address_max;
		swarm->limits.handshakes_per_second_per_address = swarm->narrow.handshakes_per_second_per_address;
		swarm->limits.half_open_max = swarm->narrow.half_open_max;
		swarm->limits.half_open_per_address_max = swarm->narrow.half_open_per_address_max;
		swarm->limits.handshake_datagrams_max = swarm->narrow.handshake_datagrams_max;
		swarm->limits.hellos_per_second = swarm->narrow.hellos_per_second;
	}
	if (swarm->narrow_lists > 0)
		swarm->limits.membership_bytes_per_second = swarm->narrow.membership_bytes_per_second;
	if (swarm->narrow_pool > 0)
		swarm->limits.buffer_memory_bytes = swarm->crowding > 0 ? CROWD_BUFFER_BYTES : 1 << 20;
	if (swarm->narrow_memory > 0) {
		swarm->limits.outq_reliable_bytes = swarm->narrow.outq_reliable_bytes;
		swarm->limits.spread_queue_bytes = swarm->narrow.spread_queue_bytes;
		swarm->limits.spread_patience_ms = swarm->narrow.spread_patience_ms;
		swarm->limits.outq_fast_messages = swarm->narrow.outq_fast_messages;
		swarm->limits.buffer_memory_bytes = swarm->narrow.buffer_memory_bytes;
	}
}

bool ringcast_swarm_may_disconnect(const struct swarm *swarm, enum swarm_blame blame)
{
	const struct sim_faults *faults = &swarm->faults;
	return faults->reset > 0 || faults->accept_error > 0 || faults->stall > 0 || swarm->jump > 0 || swarm->admin > 0 || swarm->turning > 0 ||
	       swarm->narrow_limits > 0 || swarm->narrow_memory > 0 || (blame == SWARM_ALL && swarm->narrow_pool > 0);
}

bool ringcast_swarm_may_lose_datagrams(const struct swarm *swarm)
{
	const struct sim_faults *faults = &swarm->faults;
	return faults->loss > 0 || faults->burst_loss > 0 || faults->delay > 0 || faults->corrupt > 0 || faults->truncate > 0 ||
	       faults->send_error > 0 || faults->no_buffer > 0 || faults->narrow_path > 0 || swarm->narrow_pool > 0 || swarm->narrow_rings > 0 || swarm->freeze > 0 || swarm->narrow_memory > 0 || swarm->is_udp_address_free || swarm->has_shared_ips;
}

bool ringcast_swarm_may_refuse(const struct swarm *swarm)
{
	return swarm->narrow_limits > 0;
}

void ringcast_swarm_print(const struct swarm *swarm, FILE *out)
{
	fprintf(out, "shards=%u sessions=%u groups=%u bots=%u actions=%u players_max=%u udp_ports=%u payload_max=%u window=%u\n",
		swarm->shard_count, swarm->session_count, swarm->group_count, swarm->bot_count, swarm->action_count,
		swarm->players_per_session_max, swarm->udp_port_count, swarm->payload_bytes_max, swarm->window_bytes);
	fprintf(out, "latency_us=%u pause_us_max=%u stream_buffers=%ux%u datagram_buffers=%u address_free=%d shared_ips=%d security=%d\nfaults:",
		(unsigned)(swarm->latency_ns / NS_PER_US), (unsigned)(swarm->pause_ns_max / NS_PER_US), swarm->io.stream_buffer_count,
		swarm->io.stream_buffer_bytes, swarm->io.datagram_buffer_count, swarm->is_udp_address_free, swarm->has_shared_ips, swarm->security);
#define FAULT(name, text)                                                                                                                      \
	if (swarm->faults.name > 0)                                                                                                            \
		fprintf(out, " " #name "=%u", swarm->faults.name);
	SWARM_NETWORK_FAULTS(FAULT)
#undef FAULT
#define FAULT(name, text)                                                                                                                      \
	if (swarm->name > 0)                                                                                                                   \
		fprintf(out, " " #name "=%u", swarm->name);
	SWARM_WORLD_FAULTS(FAULT)
#undef FAULT
	fprintf(out, "\n");
}
