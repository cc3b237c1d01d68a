/* Making and ending a shard. The loop is in tick.c. */
#include "shard/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "session/id.h"
#include "session/limb.h"
#include "shard/inspect.h"
#include "shard/resume.h"
#include "shard/shard_private.h"
#include "shard/signed.h"

/* Where a shard's buffer memory goes: percent per size class, 128 B << i. Chunks and datagram bursts use the largest. */
static const uint8_t buffer_percent[BUF_CLASS_COUNT] = {2, 2, 2, 4, 5, 20, 10, 5, 0, 50};

static void buffer_options(const struct ringcast_limits *limits, struct buf_pool_options *ret)
{
	for (unsigned i = 0; i < BUF_CLASS_COUNT; i++) {
		uint64_t bytes = (uint64_t)limits->buffer_memory_bytes * buffer_percent[i] / 100;
		ret->class_counts[i] = (uint32_t)(bytes / (UINT64_C(128) << i));
	}
}

void ringcast_shard_io_options(const struct ringcast_limits *limits, struct io_options *ret_options)
{
	*ret_options = (struct io_options){
		.stream_count_max = limits->connections_max + PARTNER_STREAM_COUNT_MAX,
		.stream_buffer_count = 1024,
		.stream_buffer_bytes = 8192,
		.datagram_buffer_count = 2048,
		.datagram_buffer_bytes = 2048,
		.stream_send_buffer_bytes = limits->send_buffer_bytes,
		.socket_send_buffer_bytes = 4 << 20,
		.socket_recv_buffer_bytes = 4 << 20,
		.gather_ns = limits->gather_us * NS_PER_US,
	};
}

static uint32_t slice_count(const struct ringcast_limits *limits)
{
	return limits->connections_max * 4 + 16384;
}

static uint32_t less_of(uint32_t one, uint32_t other)
{
	return one < other ? one : other;
}

static void copy_session_limits(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	shard->session_limits = (struct session_limits){
		.players_per_session_max = limits->players_per_session_max,
		.groups_per_session_max = limits->groups_per_session_max,
		.groups_per_player_max = limits->groups_per_player_max,
		.reservation_timeout_ms = limits->reservation_timeout_ms,
		.empty_session_timeout_ms = limits->empty_session_timeout_ms,
		.resume_window_ms = limits->resume_window_ms,
		.ping_interval_ms = limits->ping_interval_ms,
		.membership_push_max = 256,
		.membership_bytes_per_second = limits->membership_bytes_per_second,
		.commands_per_hook_max = 4096,
		.timers_per_session_max = limits->timers_per_session_max,
		.health_interval_ms = limits->health_interval_ms,
		.health_failures_max = 3,
		.parked_player_max = limits->parked_per_player_max,
		.parked_session_max = limits->parked_per_session_max,
		.answer_timeout_ms = limits->answer_timeout_ms,
		.activation_timeout_ms = limits->activation_timeout_ms,
		.session_data_bytes = limits->session_data_bytes,
		.service_messages_per_second = limits->service_messages_per_second,
		.service_message_bytes = limits->service_message_bytes,
		.emitted_events_per_second = limits->emitted_events_per_second,
		.emitted_event_bytes = limits->emitted_event_bytes,
		.spread_players_min = limits->spread_players_min,
		.spread_mode = (uint8_t)shard->options.spread,
		.retained_per_group_max = limits->retained_messages_per_group,
		.retained_bytes = less_of(limits->retained_bytes, limits->outq_reliable_bytes / 2), /* or who joins would be closed as slow */
		.snapshot_bytes = less_of(limits->snapshot_bytes, limits->outq_reliable_bytes / 2),
	};
}

void ringcast_shard_set_limits(struct shard *shard, const struct ringcast_limits *limits)
{
#define X(type, name, default_value, min, max, is_reloadable, text)                                                    \
	if (is_reloadable)                                                                                             \
		shard->options.limits.name = limits->name;
	RINGCAST_LIMITS(X)
#undef X
	copy_session_limits(shard);
}

/* As many players again where there are other shards, as far as handles reach: beyond that they go to their sessions' homes. */
static uint32_t limb_player_places(const struct ringcast_limits *limits, uint32_t shard_count)
{
	return shard_count > 1 ? less_of(limits->players_max, ID_INDEX_MAX + 1 - limits->players_max) : 0;
}

/* All sessions of all others may have a limb here, and no limb is without a player. */
static uint32_t limb_places(const struct ringcast_limits *limits, uint32_t shard_count)
{
	uint64_t others = (uint64_t)(shard_count - 1) * limits->sessions_max, players = limb_player_places(limits, shard_count);
	return less_of((uint32_t)(others < players ? others : players), ID_INDEX_MAX + 1 - limits->sessions_max);
}

uint32_t ringcast_shard_session_places(const struct ringcast_limits *limits, uint32_t shard_count)
{
	return limits->sessions_max + limb_places(limits, shard_count);
}

/* What a store is made with, for as many as the limits say. */
static void store_capacities(const struct ringcast_limits *limits, uint32_t shard_count, struct store_options *ret_options)
{
	uint32_t limbs_max = limb_places(limits, shard_count), limb_players_max = limb_player_places(limits, shard_count);
	*ret_options = (struct store_options){
		.sessions_max = limits->sessions_max,
		.players_max = limits->players_max,
		.limbs_max = limbs_max,
		.limb_players_max = limb_players_max,
		.groups_max = (limits->sessions_max + limbs_max) * 16 + 1024,
		.memberships_max = (limits->players_max + limb_players_max) * 8 + 1024,
	};
}

/* The memory bill */

enum {
	IO_STREAM_BYTES = 64 + 1088,       /* of io_uring, with the vectors of a send; epoll takes less */
	KERNEL_QUEUE_BYTES = 2304 * 1024,  /* measured: what Linux lets one connection pile up when it is free to */
	KERNEL_EXCESS_BYTES = 128 * 1024,  /* the last packet before the bound may go beyond it: 64 KiB and its pages */
};

/* Linux doubles what it is asked for, to have room for its own structures. */
static uint64_t kernel_queue_bytes(const struct ringcast_limits *limits)
{
	return limits->send_buffer_bytes == 0 ? KERNEL_QUEUE_BYTES : (uint64_t)limits->send_buffer_bytes * 2 + KERNEL_EXCESS_BYTES;
}

/* A map has at least two slots of 16 bytes for each entry, and at most four. */
static uint64_t map_bytes(uint64_t capacity)
{
	return capacity * 4 * 16;
}

struct bill {
	ringcast_memory_fn *each;
	void *context;
	uint64_t sum;
};

static void bill_add(struct bill *bill, const char *part, uint64_t bytes, bool is_own)
{
	bill->sum += bytes;
	if (bill->each != NULL)
		bill->each(bill->context, part, bytes, is_own);
}

/* Whatever there is one of for each session or player that has a place in the store. */
static uint64_t places_bytes(const struct store_options *store)
{
	uint64_t session_places = (uint64_t)store->sessions_max + store->limbs_max, player_places = (uint64_t)store->players_max + store->limb_players_max;
	return ringcast_store_reserved_bytes(store) + map_bytes(player_places) + session_places * sizeof(struct ratelimit);
}

static uint64_t resumes_bytes(uint64_t player_places)
{
	return player_places * (sizeof(struct resume) + 8) + map_bytes(player_places);
}

/* Those for players of sessions at home on other shards, which come on top. */
static uint64_t limb_places_bytes(const struct ringcast_limits *limits, uint32_t shard_count)
{
	struct store_options alone, store;
	store_capacities(limits, 1, &alone);
	store_capacities(limits, shard_count, &store);
	return places_bytes(&store) - places_bytes(&alone) + resumes_bytes((uint64_t)store.players_max + store.limb_players_max) - resumes_bytes(alone.players_max);
}

uint64_t ringcast_shard_memory_bytes(const struct ringcast_limits *limits, uint32_t shard_count, ringcast_memory_fn *each, void *context)
{
	struct bill bill = {.each = each, .context = context};
	struct buf_pool_options pool;
	struct io_options io;
	struct store_options store;
	buffer_options(limits, &pool);
	ringcast_shard_io_options(limits, &io);
	store_capacities(limits, 1, &store);
	bill_add(&bill, "connections", (uint64_t)limits->connections_max * (sizeof(struct conn) + 8 + sizeof(struct fast_path) + 8) + map_bytes(limits->connections_max + 1024), true);
	bill_add(&bill, "sessions, players, groups", places_bytes(&store), true);
	bill_add(&bill, "players who may come back", resumes_bytes(limits->players_max), true);
	if (shard_count > 1)
		bill_add(&bill, "places for players of other shards' sessions", limb_places_bytes(limits, shard_count), true);
	bill_add(&bill, "session data", limits->session_data_bytes, true);
	bill_add(&bill, "send queue slices", (uint64_t)slice_count(limits) * sizeof(struct out_slice), true);
	bill_add(&bill, "fast message tables",
		 SHARD_FAST_MESSAGE_MAX * sizeof(struct fast_message) + SHARD_FAST_NODE_MAX * sizeof(struct fast_node), true);
	bill_add(&bill, "payload and send buffers", ringcast_buf_pool_reserved_bytes(&pool), true);
	bill_add(&bill, "receive buffers",
		 (uint64_t)io.stream_buffer_count * io.stream_buffer_bytes + (uint64_t)io.datagram_buffer_count * io.datagram_buffer_bytes, true);
	bill_add(&bill, "streams of io", (uint64_t)io.stream_count_max * IO_STREAM_BYTES, true);
	bill_add(&bill, "shard and timers", sizeof(struct shard) + (uint64_t)limits->disconnects_kept * sizeof(struct disconnect), true);
	bill_add(&bill, "taps", (uint64_t)limits->taps_max * 2 * limits->tap_ring_bytes, false); /* rounded up to a power of two */
	bill_add(&bill, "the kernel's queues to players who do not read", limits->connections_max * kernel_queue_bytes(limits), false);
	return bill.sum;
}

/* Creation */

static void random_bytes(void *context, void *out, size_t size)
{
	struct shard *shard = context;
	shard->io->ops->random(shard->io, out, size);
}

static bool init_store(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	struct store_options options;
	store_capacities(limits, shard->options.count, &options);
	options.shard_index = shard->options.index;
	options.limits = &shard->session_limits;
	options.pool = shard->pool;
	options.wheel = &shard->wheel;
	options.hooks = shard->options.hooks;
	options.hooks_context = shard->options.hooks_context;
	options.random = random_bytes;
	options.random_context = shard;
	options.change = shard->options.change;
	options.change_context = shard->options.change_context;
	options.emit = shard->options.emit;
	options.emit_context = shard->options.emit_context;
	options.question = shard->options.question;
	options.question_context = shard->options.question_context;
	ringcast_shard_outbox(shard, &options.outbox);
	return ringcast_store_init(&shard->store, &options);
}

static bool init_memory(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	uint32_t player_places = limits->players_max + limb_player_places(limits, shard->options.count);
	struct buf_pool_options pool;
	uint64_t seed;
	buffer_options(limits, &pool);
	random_bytes(shard, &seed, sizeof(seed));
	random_bytes(shard, &shard->fast_seed, sizeof(shard->fast_seed));
	if (shard->options.directory != NULL)
		shard->fast_seed = shard->options.directory->seed; /* all shards mean the same by a key */
	shard->pool = ringcast_buf_pool_create(&pool);
	if (shard->pool != NULL)
		ringcast_buf_pool_set_relief(shard->pool, ringcast_shard_relieve_buffers, shard);
	shard->fast_messages = calloc(SHARD_FAST_MESSAGE_MAX, sizeof(struct fast_message));
	shard->fast_nodes = calloc(SHARD_FAST_NODE_MAX, sizeof(struct fast_node));
	shard->session_fanouts = calloc(ringcast_shard_session_places(limits, shard->options.count), sizeof(*shard->session_fanouts));
	return shard->pool != NULL && shard->fast_messages != NULL && shard->fast_nodes != NULL && shard->session_fanouts != NULL &&
	       ringcast_slab_init(&shard->conns, sizeof(struct conn), limits->connections_max) && ringcast_shard_init_pauses(shard) &&
	       ringcast_slab_init(&shard->fast_paths, sizeof(struct fast_path), limits->connections_max) &&
	       ringcast_slice_pool_init(&shard->slices, slice_count(limits)) &&
	       ringcast_address_table_init(&shard->addresses, limits->connections_max + 1024, seed) &&
	       ringcast_map_init(&shard->fast_peers, player_places) &&
	       ringcast_slab_init(&shard->resumes, sizeof(struct resume), player_places) &&
	       ringcast_map_init(&shard->resumes_by_player, player_places) && ringcast_shard_security_init(shard) &&
	       ringcast_disconnects_init(&shard->disconnects, limits->disconnects_kept) && ringcast_shard_signed_init(shard) && init_store(shard);
}

static int open_listener(struct shard *shard, uint32_t i)
{
	struct shard_listen *listen = &shard->options.listens[i];
	struct address bound;
	if (listen->address.port == 0)
		listen->address.port = shard->tcp_port; /* a second family shares the port the first one got */
	int error = shard->io->ops->tcp_listen(shard->io, &listen->address, listen->is_v4, &bound, &shard->listeners[i]);
	if (error == 0)
		shard->tcp_port = bound.port;
	return error;
}

static int open_udp(struct shard *shard, uint32_t listen_index, uint32_t port_index)
{
	const struct shard_listen *listen = &shard->options.listens[listen_index];
	struct address address = listen->address, bound;
	address.port = shard->udp_ports[port_index];
	if (address.port == 0 && shard->options.udp_port_base != 0)
		address.port = (uint16_t)(shard->options.udp_port_base + port_index);
	int error = shard->io->ops->udp_open(shard->io, &address, listen->is_v4, port_index, &bound,
					     &shard->udp_sockets[listen->is_v4 ? 0 : 1][port_index]);
	if (error == 0)
		shard->udp_ports[port_index] = bound.port;
	return error;
}

static bool open_sockets(struct shard *shard, char *reterr, size_t reterr_bytes)
{
	for (uint32_t i = 0; i < shard->options.listen_count; i++) {
		int error = open_listener(shard, i);
		if (error != 0) {
			snprintf(reterr, reterr_bytes, "cannot listen on TCP port %u: %s", shard->options.listens[i].address.port, strerror(-error));
			return false;
		}
		for (uint32_t port = 0; port < shard->options.udp_port_count; port++) {
			error = open_udp(shard, i, port);
			if (error != 0) {
				snprintf(reterr, reterr_bytes, "cannot open UDP port %u: %s",
					 shard->options.udp_port_base == 0 ? shard->udp_ports[port] : shard->options.udp_port_base + port,
					 strerror(-error));
				return false;
			}
		}
	}
	shard->udp_port_count = shard->options.udp_port_count;
	return true;
}

static void free_memory(struct shard *shard)
{
	ringcast_shard_free_letters(shard);
	ringcast_shard_free_pauses(shard);
	if (shard->chunk != NULL)
		ringcast_buf_unref(shard->chunk);
	if (shard->store.options.pool != NULL)
		ringcast_store_fini(&shard->store);
	ringcast_map_fini(&shard->fast_peers);
	ringcast_map_fini(&shard->resumes_by_player);
	ringcast_slab_fini(&shard->resumes);
	ringcast_shard_security_fini(shard);
	ringcast_disconnects_fini(&shard->disconnects);
	ringcast_shard_signed_fini(shard);
	ringcast_address_table_fini(&shard->addresses);
	ringcast_slice_pool_fini(&shard->slices);
	ringcast_slab_fini(&shard->fast_paths);
	ringcast_slab_fini(&shard->conns);
	ringcast_buf_pool_destroy(&shard->pool);
	free(shard->session_fanouts);
	free(shard->fast_messages);
	free(shard->fast_nodes);
	free(shard);
}

struct shard *ringcast_shard_create(const struct shard_options *options, struct io *io, char *reterr, size_t reterr_bytes)
{
	struct shard *shard = calloc(1, sizeof(*shard));
	ringcast_assert(options->index < options->count);
	ringcast_assert(options->udp_port_count <= SHARD_UDP_PORTS_MAX);
	if (shard == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	shard->options = *options;
	memcpy(shard->udp_ports, options->udp_ports, sizeof(shard->udp_ports));
	shard->io = io;
	shard->now_ns = shard->clock_ns = ringcast_io_now_ns(io);
	shard->load_window_start_ns = shard->now_ns;
	shard->beat_ns = shard->now_ns;
	copy_session_limits(shard);
	ringcast_list_init(&shard->dirty);
	ringcast_list_init(&shard->fast_dirty);
	ringcast_list_init(&shard->doomed);
	ringcast_list_init(&shard->stalled);
	ringcast_list_init(&shard->resumes_shared);
	for (unsigned i = 0; i < RESUME_SIZE_COUNT; i++)
		ringcast_list_init(&shard->resumes_by_size[i]);
	ringcast_list_init(&shard->partners);
	ringcast_shard_init_letters(shard);
	ringcast_timer_wheel_init(&shard->wheel, shard->now_ns);
	if (!init_memory(shard)) {
		snprintf(reterr, reterr_bytes, "out of memory for shard %u: lower limits.* or see --check-config for the memory bill", options->index);
		free_memory(shard);
		return NULL;
	}
	if (!open_sockets(shard, reterr, reterr_bytes)) {
		free_memory(shard);
		return NULL;
	}
	options->mailboxes[options->index]->has_strays = options->directory != NULL;
	options->mailboxes[options->index]->io = io;
	ringcast_panic_add(ringcast_shard_dump, shard);
	shard->security.credentials = options->credentials; /* ours from here on */
	shard->options.credentials = (struct shard_credentials){0};
	return shard;
}

void ringcast_shard_destroy(struct shard **shard)
{
	struct shard *s = *shard;
	*shard = NULL;
	if (s == NULL)
		return;
	ringcast_assert(ringcast_shard_is_idle(s) && ringcast_list_is_empty(&s->partners));
	ringcast_shard_release_sent(s);
	ringcast_panic_remove(s);
	s->io->ops->destroy(s->io);
	free_memory(s);
}

/* Ending */

static void terminate(void *context, struct shard *shard, struct session *session)
{
	ringcast_session_ask_to_end(session, *(const uint64_t *)context, shard->now_ns);
}

bool ringcast_shard_drain(struct shard *shard, uint32_t *cursor, uint64_t deadline_ns)
{
	if (*cursor > 0 && !shard->store.is_draining)
		return true; /* resumed between two turns */
	shard->store.is_draining = true;
	if (deadline_ns != UINT64_MAX && deadline_ns > shard->paused_ns) /* others tell the time by the io's clock */
		deadline_ns -= shard->paused_ns;
	return ringcast_shard_each_session(shard, cursor, terminate, &deadline_ns);
}

static void resume(void *context, struct shard *shard, struct session *session)
{
	(void)context;
	(void)shard;
	ringcast_session_resume(session);
}

bool ringcast_shard_resume(struct shard *shard, uint32_t *cursor)
{
	if (shard->is_stopping || (*cursor > 0 && shard->store.is_draining))
		return true;
	shard->store.is_draining = false;
	return ringcast_shard_each_session(shard, cursor, resume, NULL);
}

static void end_sessions(struct shard *shard)
{
	for (uint32_t i = 0; i < shard->store.sessions.high_water; i++) {
		handle h;
		struct session *session = ringcast_slab_at(&shard->store.sessions, i, &h);
		if (session != NULL && ringcast_session_is_limb(session) && session->state == SESSION_ACTIVE)
			ringcast_limb_end(session, CLOSE_SHUTDOWN, shard->now_ns);
		else if (session != NULL && session->state == SESSION_ACTIVE)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, shard->now_ns);
	}
}

void ringcast_shard_stop(struct shard *shard)
{
	if (shard->is_stopping)
		return;
	shard->is_stopping = true;
	RINGCAST_PROBE(&shard->recorder, STOP, shard->now_ns, 0, 0, 0);
	for (uint32_t cursor = 0; !ringcast_shard_drain(shard, &cursor, shard->now_ns);) /* the scripts' last words, if they were not told before */
		;
	for (uint32_t i = 0; i < shard->options.listen_count; i++)
		shard->io->ops->listen_stop(shard->io, shard->listeners[i]);
	end_sessions(shard);
	ringcast_shard_security_stop(shard);
	for (uint32_t i = 0; i < shard->conns.high_water; i++) {
		handle h;
		struct conn *conn = ringcast_slab_at(&shard->conns, i, &h);
		if (conn != NULL && conn->player == NULL)
			ringcast_shard_conn_close(shard, conn, CLOSE_SHUTDOWN, NULL);
	}
	ringcast_shard_send_letters(shard); /* who waits for them is not to wait for this shard's next turn */
}

void ringcast_shard_abort(struct shard *shard)
{
	for (uint32_t i = 0; i < shard->conns.high_water; i++) {
		handle h;
		struct conn *conn = ringcast_slab_at(&shard->conns, i, &h);
		if (conn != NULL)
			ringcast_shard_conn_cut(shard, conn, CLOSE_SHUTDOWN);
	}
	ringcast_partner_cut_all(shard);
}

bool ringcast_shard_is_deserted(const struct shard *shard)
{
	return shard->conns.count == 0 && shard->store.sessions.count == 0 &&
	       !ringcast_mailbox_has_handoff(shard->options.mailboxes[shard->options.index]);
}

bool ringcast_shard_is_idle(const struct shard *shard)
{
	return ringcast_shard_is_deserted(shard) && shard->partner_stream_count == 0;
}
