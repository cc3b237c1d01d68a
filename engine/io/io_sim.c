/*
 * The simulated io: an io's operations over a sim_network.
 *
 * Events wait as tokens in a ring; run() picks among the first few by chance, takes the receive buffer only then, and leaves what finds no
 * buffer aside until one is released. Everything the engine asks for takes effect later, as a happening, as with a real kernel.
 */
#include "io/io_sim.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "io/io_sim_internal.h"

#define BUSY_SEND_NS (5 * NS_PER_MS)
#define DETACHED_FD_BASE (1 << 24)      /* far above any real descriptor: closing one by mistake harms nobody */
#define BUFFERS_BACK_NS NS_PER_MS   /* how long a simulated lack of buffers lasts */

static struct sim_io *sim_of(struct io *io)
{
	return (struct sim_io *)io;
}

static io_id id_of(enum sim_id_type type, handle h)
{
	return h | (uint64_t)type << 28;
}

static handle handle_in(enum sim_id_type type, io_id id)
{
	return (id >> 28 & 0xf) == type ? id & ~((uint64_t)0xf << 28) : HANDLE_NONE;
}

struct sim_end *ringcast_sim_io_find_end(const struct sim_io *sim, io_id id)
{
	return ringcast_slab_find(&sim->ends, handle_in(SIM_ID_STREAM, id));
}

/* The engine names a stream: it must be live, and not on its way out. */
static struct sim_end *live_end(struct sim_io *sim, io_id id)
{
	struct sim_end *end = ringcast_sim_io_find_end(sim, id);
	ringcast_assert(end != NULL);
	ringcast_assert(!end->is_closing);
	ringcast_assert(!end->is_detaching);
	return end;
}

static struct sim_conn *conn_of(const struct sim_io *sim, const struct sim_end *end)
{
	return sim->network->conns[end->conn];
}

struct sim_end *ringcast_sim_io_open_end(struct sim_io *sim, uint32_t conn_index, io_id *ret_id)
{
	handle h;
	struct sim_end *end = ringcast_slab_alloc(&sim->ends, &h);
	if (end == NULL)
		return NULL;
	end->conn = conn_index;
	*ret_id = id_of(SIM_ID_STREAM, h);
	sim->network->conns[conn_index]->io = sim;
	sim->network->conns[conn_index]->id = *ret_id;
	return end;
}

static void free_end(struct sim_io *sim, struct sim_end *end)
{
	struct sim_conn *conn = conn_of(sim, end);
	conn->io = NULL;
	ringcast_slab_free(&sim->ends, handle_in(SIM_ID_STREAM, conn->id));
}

/* receive buffers */

static void sim_release(struct io *io, const struct io_event *event)
{
	struct sim_io *sim = sim_of(io);
	ringcast_assert(event->kind == IO_EVENT_RECV || event->kind == IO_EVENT_DATAGRAM);
	enum sim_pool_kind kind = event->kind == IO_EVENT_RECV ? SIM_POOL_STREAM : SIM_POOL_DATAGRAM;
	struct sim_pool *pool = &sim->pools[kind];
	ringcast_assert(event->buffer < pool->count);
	ringcast_assert(pool->is_held[event->buffer]); /* released twice, or never handed out */
	pool->is_held[event->buffer] = false;
	memset(pool->memory + (size_t)event->buffer * pool->bytes, SIM_POISON, pool->bytes);
	pool->free[(pool->free_head + pool->free_count++) % pool->count] = event->buffer;
	if (!sim->lacks_buffers)
		ringcast_sim_io_unstall(sim, kind);
}

/* from token to event; false when the token gives none now */

/* False: the token was put aside until a buffer comes back. */
static bool has_buffer(struct sim_io *sim, enum sim_pool_kind kind, const struct sim_token *token)
{
	bool is_first = sim->stalled[kind].count == 0; /* nobody overtakes those who wait */
	if (!sim->lacks_buffers && is_first && sim->pools[kind].free_count > 0)
		return true;
	sim->stats.rx_buffers_empty++;
	ringcast_sim_tokens_push(&sim->stalled[kind], token);
	return false;
}

static bool fill_end(struct sim_end *end, const struct sim_pipe *pipe, struct io_event *event)
{
	end->has_read_token = false;
	if (end->has_ended || (!pipe->has_fin && !pipe->is_reset))
		return false;
	end->has_ended = true;
	event->kind = IO_EVENT_END;
	event->result = pipe->is_reset ? -ECONNRESET : 0;
	return true;
}

static bool fill_recv(struct sim_io *sim, const struct sim_token *token, struct io_event *event)
{
	struct sim_network *network = sim->network;
	struct sim_end *end = ringcast_sim_io_find_end(sim, token->id);
	struct sim_pool *pool = &sim->pools[SIM_POOL_STREAM];
	if (end == NULL)
		return false;
	struct sim_pipe *pipe = &conn_of(sim, end)->pipes[SIM_TO_SERVER];
	event->user = end->user;
	if (pipe->readable_bytes == 0)
		return fill_end(end, pipe, event);
	if (!has_buffer(sim, SIM_POOL_STREAM, token))
		return false;
	size_t size = pipe->readable_bytes < pool->bytes ? pipe->readable_bytes : pool->bytes;
	if (size > 1 && ringcast_sim_strikes(network, network->options.faults.short_recv, &network->counts.short_recvs))
		size = ringcast_sim_below(network, 2) == 0 ? 1 : 1 + ringcast_sim_below(network, size);
	event->data = ringcast_sim_pool_take(pool, &event->buffer);
	event->size = (uint32_t)ringcast_sim_pipe_take(pipe, event->data, size);
	sim->stats.stream_recvs++;
	end->has_read_token = false;
	ringcast_sim_conn_wake_reader(conn_of(sim, end));
	return true;
}

struct sim_endpoint *ringcast_sim_io_endpoint(const struct sim_io *sim, enum sim_id_type type, io_id id)
{
	handle h = handle_in(type, id);
	ringcast_assert(h != HANDLE_NONE);
	ringcast_assert(ringcast_handle_index(h) < sim->endpoint_count);
	return &sim->endpoints[ringcast_handle_index(h)];
}

static io_local number_of(struct sim_io *sim, const struct address *address)
{
	struct local local = {0};
	memcpy(local.ip, address->ip, sizeof(local.ip));
	return ringcast_local_number(&sim->locals, &local);
}

static bool fill_datagram(struct sim_io *sim, const struct sim_token *token, struct io_event *event)
{
	struct sim_pool *pool = &sim->pools[SIM_POOL_DATAGRAM];
	struct sim_datagram *datagram = token->datagram;
	if (!has_buffer(sim, SIM_POOL_DATAGRAM, token))
		return false;
	event->data = ringcast_sim_pool_take(pool, &event->buffer);
	event->is_truncated = datagram->size > pool->bytes;
	event->size = (uint32_t)(event->is_truncated ? pool->bytes : datagram->size);
	if (!ringcast_address_has_same_ip(&datagram->to, &ringcast_sim_io_endpoint(sim, SIM_ID_SOCKET, token->id)->address))
		event->local = number_of(sim, &datagram->to);
	memcpy(event->data, datagram->data, event->size);
	free(datagram);
	sim->datagram_token_count--;
	sim->stats.datagrams_received++;
	return true;
}

static bool fill_sent(struct sim_io *sim, const struct sim_token *token, struct io_event *event)
{
	struct sim_end *end = ringcast_sim_io_find_end(sim, token->id);
	ringcast_assert(end != NULL);
	end->has_sent_token = false;
	event->user = end->user;
	return true;
}

static bool fill_last(struct sim_io *sim, const struct sim_token *token, struct io_event *event)
{
	struct sim_end *end = ringcast_sim_io_find_end(sim, token->id);
	ringcast_assert(end != NULL);
	if (end->has_sent_token) { /* SENT comes first */
		ringcast_sim_tokens_push(&sim->ready, token);
		return false;
	}
	event->user = end->user;
	if (token->kind == IO_EVENT_DETACHED) {
		event->result = DETACHED_FD_BASE + (int32_t)end->conn;
		conn_of(sim, end)->is_detached = true;
		sim->network->detached_count++;
	}
	free_end(sim, end);
	return true;
}

static bool fill(struct sim_io *sim, const struct sim_token *token, struct io_event *event)
{
	*event = (struct io_event){.kind = token->kind,
				   .result = token->result,
				   .id = token->id,
				   .stream = token->stream,
				   .user = token->user,
				   .address = token->address};
	switch (token->kind) {
	case IO_EVENT_RECV:
		return fill_recv(sim, token, event);
	case IO_EVENT_DATAGRAM:
		return fill_datagram(sim, token, event);
	case IO_EVENT_SENT:
		return fill_sent(sim, token, event);
	case IO_EVENT_CLOSED:
	case IO_EVENT_DETACHED:
		return fill_last(sim, token, event);
	case IO_EVENT_WAKE:
		sim->is_wake_pending = false;
		return true;
	default:
		return true;
	}
}

/* operations */

static uint64_t sim_now_ns(struct io *io)
{
	return sim_of(io)->now_ns;
}

static void sim_random(struct io *io, void *out, size_t size)
{
	ringcast_prng_fill(&sim_of(io)->prng, out, size);
}

/* A socket bound to all addresses has those of its machine, which in IPv4 are 10.0.0.0/24: what is sent to anybody else does not come here, whatever its port. */
static bool serves(const struct sim_endpoint *endpoint, enum sim_id_type type, const struct address *to)
{
	static const uint8_t machine[15] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	struct address any = endpoint->address;
	memset(any.ip, 0, sizeof(any.ip));
	if (ringcast_address_is_v4(&endpoint->address))
		any.ip[10] = any.ip[11] = 0xff;
	bool is_ours = !ringcast_address_is_v4(&endpoint->address) || memcmp(to->ip, machine, sizeof(machine)) == 0;
	return endpoint->is_open && endpoint->type == type && endpoint->address.port == to->port &&
	       (ringcast_address_has_same_ip(&endpoint->address, to) || (is_ours && ringcast_address_has_same_ip(&endpoint->address, &any)));
}

struct sim_endpoint *ringcast_sim_network_find_endpoint(struct sim_network *network, enum sim_id_type type, const struct address *to, uint32_t nth,
						struct sim_io **ret_io, io_id *ret_id)
{
	for (size_t i = 0; i < network->io_count; i++) {
		struct sim_io *sim = network->ios[i];
		for (uint32_t j = 0; sim != NULL && j < sim->endpoint_count; j++) {
			if (!serves(&sim->endpoints[j], type, to) || nth-- > 0)
				continue;
			*ret_io = sim;
			*ret_id = id_of(type, ringcast_handle_of(j, 1));
			return &sim->endpoints[j];
		}
	}
	return NULL;
}

static io_id open_endpoint(struct sim_io *sim, const struct sim_endpoint *endpoint, struct address *ret_address)
{
	ringcast_sim_grow(&sim->endpoints, &sim->endpoint_capacity, sim->endpoint_count + 1, sizeof(*sim->endpoints));
	struct sim_endpoint *opened = &sim->endpoints[sim->endpoint_count];
	*opened = *endpoint;
	opened->is_open = true;
	if (opened->address.port == 0)
		opened->address.port = sim->network->port_next++;
	*ret_address = opened->address;
	return id_of(endpoint->type, ringcast_handle_of((uint32_t)sim->endpoint_count++, 1));
}

static int sim_tcp_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_address, io_id *ret_id)
{
	*ret_id = open_endpoint(sim_of(io), &(struct sim_endpoint){.address = *address, .type = SIM_ID_LISTENER}, ret_address);
	return 0;
}

static void sim_listen_stop(struct io *io, io_id listener)
{
	struct sim_endpoint *endpoint = ringcast_sim_io_endpoint(sim_of(io), SIM_ID_LISTENER, listener);
	ringcast_assert(endpoint->is_open);
	endpoint->is_open = false;
}

static int sim_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_address, io_id *ret_id)
{
	struct sim_io *sim = sim_of(io), *other;
	if (ringcast_sim_network_find_endpoint(sim->network, SIM_ID_SOCKET, address, 0, &other, ret_id) != NULL)
		return -EADDRINUSE;
	*ret_id = open_endpoint(sim, &(struct sim_endpoint){.address = *address, .type = SIM_ID_SOCKET, .user = user}, ret_address);
	return 0;
}

static void sim_stream_start(struct io *io, io_id stream, uint64_t user)
{
	struct sim_io *sim = sim_of(io);
	struct sim_end *end = live_end(sim, stream);
	end->is_started = true;
	end->user = user;
	ringcast_sim_conn_wake_reader(conn_of(sim, end));
}

/* What waits in the ring as a token by then has been read: it still comes. */
static void sim_stream_pause(struct io *io, io_id stream)
{
	struct sim_end *end = live_end(sim_of(io), stream);
	ringcast_assert(end->is_started && !end->is_paused);
	end->is_paused = true;
}

static void sim_stream_resume(struct io *io, io_id stream)
{
	struct sim_io *sim = sim_of(io);
	struct sim_end *end = live_end(sim, stream);
	ringcast_assert(end->is_paused);
	end->is_paused = false;
	ringcast_sim_conn_wake_reader(conn_of(sim, end));
}

static int sim_stream_adopt(struct io *io, int fd, io_id *ret_stream)
{
	struct sim_io *sim = sim_of(io);
	uint32_t conn_index = (uint32_t)(fd - DETACHED_FD_BASE);
	ringcast_assert(fd >= DETACHED_FD_BASE && conn_index < sim->network->conn_count);
	ringcast_assert(sim->network->conns[conn_index]->is_detached);
	if (ringcast_sim_io_open_end(sim, conn_index, ret_stream) == NULL) {
		ringcast_sim_conn_close_detached(sim->network, conn_index);
		return -ENFILE;
	}
	sim->network->conns[conn_index]->is_detached = false;
	sim->network->detached_count--;
	return 0;
}

static void sim_stream_detach(struct io *io, io_id stream)
{
	struct sim_io *sim = sim_of(io);
	struct sim_end *end = live_end(sim, stream);
	ringcast_assert(!end->is_sending && !end->is_paused);
	end->is_detaching = true;
	ringcast_sim_tokens_push(&sim->ready, &(struct sim_token){.kind = IO_EVENT_DETACHED, .id = stream});
}

static void schedule(struct sim_io *sim, enum sim_happening_kind kind, uint32_t conn)
{
	ringcast_sim_schedule(sim->network, sim->network->now_ns + SIM_SYSTEM_NS, (struct sim_happening){.kind = kind, .conn = conn});
}

static void sim_stream_send(struct io *io, io_id stream, const struct iovec *iov, unsigned iov_count)
{
	struct sim_io *sim = sim_of(io);
	struct sim_end *end = live_end(sim, stream);
	ringcast_assert(!end->is_sending);
	ringcast_assert(!end->has_sent_token); /* in flight until the engine has seen SENT */
	ringcast_assert(!end->is_shutdown);
	ringcast_assert(!end->is_last_sent);
	end->is_last_sent = end->is_last;
	ringcast_assert(iov_count > 0 && iov_count <= IO_IOV_MAX);
	memcpy(end->iov, iov, iov_count * sizeof(*iov));
	end->iov_count = iov_count;
	end->is_sending = true;
	end->send_bytes = end->sent_bytes = 0;
	end->send_hash = iov_count;
	for (unsigned i = 0; i < iov_count; i++) {
		end->send_bytes += iov[i].iov_len;
		end->send_hash = ringcast_hash_bytes(iov[i].iov_base, iov[i].iov_len, end->send_hash);
	}
	ringcast_assert(end->send_bytes > 0 && end->send_bytes <= INT32_MAX);
	sim->stats.stream_sends++;
	sim->stats.stream_send_bytes += end->send_bytes;
	if (ringcast_sim_strikes(sim->network, sim->network->options.faults.busy, &sim->network->counts.busies))
		sim->cpu_ns += BUSY_SEND_NS;
	if (!ringcast_sim_strikes(sim->network, sim->network->options.faults.quiet_send, &sim->network->counts.quiet_sends)) {
		schedule(sim, SIM_PUMP, end->conn);
		return;
	}
	ringcast_sim_grow(&sim->quiet, &sim->quiet_capacity, sim->quiet_count + 1, sizeof(*sim->quiet));
	sim->quiet[sim->quiet_count++] = end->conn;
}

static void sim_stream_last(struct io *io, io_id stream)
{
	live_end(sim_of(io), stream)->is_last = true;
}

static void sim_stream_shutdown(struct io *io, io_id stream)
{
	struct sim_end *end = live_end(sim_of(io), stream);
	end->is_shutdown = true;
	schedule(sim_of(io), SIM_PUMP, end->conn);
}

static void sim_stream_close(struct io *io, io_id stream)
{
	struct sim_end *end = live_end(sim_of(io), stream);
	end->is_closing = true;
	schedule(sim_of(io), SIM_CLOSE, end->conn);
}

static void sim_stream_abort(struct io *io, io_id stream)
{
	live_end(sim_of(io), stream)->is_aborting = true;
	sim_stream_close(io, stream);
}

static void submit_quietly(struct sim_io *sim, uint32_t conn_index)
{
	const struct sim_conn *conn = sim->network->conns[conn_index];
	struct sim_end *end = conn->io == sim ? ringcast_sim_io_find_end(sim, conn->id) : NULL;
	if (end == NULL || !end->is_sending)
		return;
	end->is_quiet = true;
	ringcast_sim_conn_pump(sim->network, conn_index);
	end->is_quiet = false;
}

static void submit(struct sim_io *sim)
{
	for (size_t i = 0; i < sim->pending_count; i++)
		ringcast_sim_io_submit_datagram(sim, &sim->pending[i]);
	sim->pending_count = 0;
	for (size_t i = 0; i < sim->quiet_count; i++)
		submit_quietly(sim, sim->quiet[i]);
	sim->quiet_count = 0;
}

static void strike_run(struct sim_io *sim, unsigned *event_count_max)
{
	struct sim_network *network = sim->network;
	const struct sim_faults *faults = &network->options.faults;
	if (ringcast_sim_strikes(network, faults->spurious_wake, &network->counts.spurious_wakes))
		sim->io.ops->wake(&sim->io);
	if (*event_count_max > 1 && ringcast_sim_strikes(network, faults->few_events, &network->counts.few_events))
		*event_count_max = 1 + (unsigned)ringcast_sim_below(network, *event_count_max - 1);
	if (sim->ready.count > 0 && ringcast_sim_strikes(network, faults->no_buffer, &network->counts.no_buffers)) {
		sim->lacks_buffers = true;
		ringcast_sim_schedule(network, network->now_ns + BUFFERS_BACK_NS, (struct sim_happening){.kind = SIM_BUFFERS, .conn = sim->index});
	}
}

static void trace_event(struct sim_io *sim, const struct io_event *event)
{
	static const char *const names[] = {"ACCEPT", "RECV", "END", "SENT", "SENTS", "CLOSED", "DETACHED", "DATAGRAM", "SEND_ERROR", "WAKE"};
	bool has_data = event->kind == IO_EVENT_RECV || event->kind == IO_EVENT_DATAGRAM;
	uint64_t hash = has_data ? ringcast_hash_bytes(event->data, event->size, 0) : 0;
	ringcast_sim_trace(sim->network, names[event->kind], (uint64_t)sim->index << 32 | (uint32_t)event->result, event->id, hash ^ event->size);
}

static bool has_reason_to_run(const struct sim_io *sim)
{
	for (size_t i = 0; i < sim->ready.count; i++)
		if (!ringcast_sim_tokens_at(&sim->ready, i)->is_quiet)
			return true;
	return false;
}

/* Quiet sends that are over are told before all else, together. */
static unsigned tell_quiet(struct sim_io *sim, struct io_event *event)
{
	uint32_t count = 0;
	for (size_t left = sim->ready.count; left > 0; left--) {
		struct sim_token token = ringcast_sim_tokens_pop(&sim->ready);
		if (!token.is_quiet || count == SIM_SENTS_MAX) {
			ringcast_sim_tokens_push(&sim->ready, &token);
			continue;
		}
		struct io_event sent = {0};
		fill_sent(sim, &token, &sent);
		sim->sents[count++] = (struct io_sent){.user = sent.user, .id = token.id, .result = token.result};
	}
	if (count == 0)
		return 0;
	*event = (struct io_event){.kind = IO_EVENT_SENTS, .sents = sim->sents, .size = count};
	trace_event(sim, event);
	return 1;
}

static uint64_t sim_submit(struct io *io)
{
	struct sim_io *sim = sim_of(io);
	submit(sim);
	sim->stats.entered_ns = sim->now_ns;
	return sim->now_ns;
}

/* Turns take no time here. Where the fault strikes, all the time since the last question was taken by them; and so much by what is sent to a stream. */
static uint64_t sim_cpu_ns(struct io *io)
{
	struct sim_io *sim = sim_of(io);
	struct sim_network *network = sim->network;
	if (ringcast_sim_strikes(network, network->options.faults.busy, &network->counts.busies))
		sim->cpu_ns += sim->now_ns - sim->cpu_asked_ns;
	sim->cpu_asked_ns = sim->now_ns;
	return sim->cpu_ns;
}

/*
 * Nothing but a wake makes it runnable before. (Real ones are not even rung: between ticks whoever plays the thread takes it for asleep.) A real one sleeps
 * here, and the run that follows finds what came meanwhile; this one goes on in runs that find nothing, and until one has found it there is no other nap.
 */
static uint64_t sim_nap(struct io *io, uint64_t nap_ns)
{
	struct sim_io *sim = sim_of(io);
	if (sim->is_nap_unserved)
		return 0;
	sim->is_nap_unserved = true;
	sim->stats.naps++;
	sim->nap_until_ns = sim->network->now_ns + nap_ns;
	return nap_ns;
}

static bool is_napping(const struct sim_io *sim)
{
	return sim->nap_until_ns > sim->network->now_ns && !sim->is_wake_pending;
}

static unsigned sim_run(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	struct sim_io *sim = sim_of(io);
	unsigned count = 0;
	ringcast_assert(event_count_max > 0);
	submit(sim);
	sim->stats.entered_ns = sim->now_ns; /* waiting is done outside, by whoever moves the clock */
	sim->now_ns = sim->network->now_ns;
	sim->deadline_ns = deadline_ns;
	if (deadline_ns > sim->now_ns && is_napping(sim)) {
		sim->deadline_ns = sim->nap_until_ns < deadline_ns ? sim->nap_until_ns : deadline_ns;
		return 0;
	}
	sim->is_nap_unserved = false;
	if (sim->ready.count > 0 && deadline_ns > sim->now_ns && !has_reason_to_run(sim))
		return 0;
	strike_run(sim, &event_count_max);
	if (sim->ready.count == 0 && deadline_ns > sim->now_ns && sim->network->options.on_block != NULL)
		sim->network->options.on_block(sim->network->options.on_block_context, io);
	count = tell_quiet(sim, events);
	for (size_t tries = 2 * sim->ready.count; tries > 0 && sim->ready.count > 0 && count < event_count_max; tries--) {
		struct sim_token token = ringcast_sim_io_pick(sim);
		if (!fill(sim, &token, &events[count]))
			continue;
		trace_event(sim, &events[count]);
		count++;
	}
	sim->lacks_buffers = false;
	return count;
}

static void sim_wake(struct io *io)
{
	struct sim_io *sim = sim_of(io);
	if (sim->is_wake_pending)
		return;
	sim->is_wake_pending = true;
	sim->stats.wakes++;
	ringcast_sim_tokens_push(&sim->ready, &(struct sim_token){.kind = IO_EVENT_WAKE});
}

static const struct io_stats *sim_stats(struct io *io)
{
	return &sim_of(io)->stats;
}

static void sim_free(struct sim_io *sim)
{
	ringcast_sim_tokens_free(&sim->ready);
	for (int kind = 0; kind < SIM_POOL_COUNT; kind++) {
		ringcast_sim_tokens_free(&sim->stalled[kind]);
		ringcast_sim_pool_fini(&sim->pools[kind]);
	}
	ringcast_slab_fini(&sim->ends);
	free(sim->endpoints);
	free(sim->pending);
	free(sim->quiet);
	free(sim);
}

/* As when a process dies: what is left is reset. */
static struct local_table *sim_locals(struct io *io)
{
	return &((struct sim_io *)io)->locals;
}

static void sim_destroy(struct io *io)
{
	struct sim_io *sim = sim_of(io);
	for (size_t i = 0; i < sim->network->conn_count; i++) {
		struct sim_conn *conn = sim->network->conns[i];
		if (conn->io != sim)
			continue;
		conn->io = NULL;
		ringcast_sim_conn_reset_arrived(sim->network, (uint32_t)i, SIM_TO_CLIENT);
	}
	sim->network->ios[sim->index] = NULL;
	sim_free(sim);
}

static const struct io_ops sim_ops = {
	.name = "sim",
	.now_ns = sim_now_ns,
	.random = sim_random,
	.tcp_listen = sim_tcp_listen,
	.listen_stop = sim_listen_stop,
	.udp_open = sim_udp_open,
	.stream_start = sim_stream_start,
	.stream_pause = sim_stream_pause,
	.stream_resume = sim_stream_resume,
	.stream_adopt = sim_stream_adopt,
	.stream_detach = sim_stream_detach,
	.stream_send = sim_stream_send,
	.stream_last = sim_stream_last,
	.stream_shutdown = sim_stream_shutdown,
	.stream_close = sim_stream_close,
	.stream_abort = sim_stream_abort,
	.udp_send = ringcast_sim_io_send,
	.locals = sim_locals,
	.release = sim_release,
	.submit = sim_submit,
	.cpu_ns = sim_cpu_ns,
	.nap = sim_nap,
	.run = sim_run,
	.wake = sim_wake,
	.stats = sim_stats,
	.destroy = sim_destroy,
};

struct io *ringcast_io_sim_create(struct sim_network *network, const struct io_options *options)
{
	struct sim_io *sim = calloc(1, sizeof(*sim));
	if (sim == NULL)
		return NULL;
	bool is_whole = ringcast_slab_init(&sim->ends, sizeof(struct sim_end), options->stream_count_max);
	is_whole &= ringcast_sim_pool_init(&sim->pools[SIM_POOL_STREAM], options->stream_buffer_count, options->stream_buffer_bytes);
	is_whole &= ringcast_sim_pool_init(&sim->pools[SIM_POOL_DATAGRAM], options->datagram_buffer_count, options->datagram_buffer_bytes);
	if (!is_whole) {
		sim_free(sim);
		return NULL;
	}
	sim->io.ops = &sim_ops;
	sim->network = network;
	sim->now_ns = network->now_ns;
	sim->index = (uint32_t)network->io_count;
	ringcast_prng_init(&sim->prng, ringcast_prng_next(&network->prng));
	ringcast_sim_grow(&network->ios, &network->io_capacity, network->io_count + 1, sizeof(struct sim_io *));
	network->ios[network->io_count++] = sim;
	return &sim->io;
}

bool ringcast_io_sim_has_events(const struct io *io)
{
	return ((const struct sim_io *)io)->ready.count > 0;
}

uint64_t ringcast_io_sim_deadline_ns(const struct io *io)
{
	return ((const struct sim_io *)io)->deadline_ns;
}

bool ringcast_io_sim_is_runnable(const struct io *io)
{
	const struct sim_io *sim = (const struct sim_io *)io;
	if (is_napping(sim))
		return sim->deadline_ns <= sim->network->now_ns;
	return has_reason_to_run(sim) || sim->pending_count > 0 || sim->quiet_count > 0 || sim->deadline_ns <= sim->network->now_ns;
}

struct sim_usage ringcast_io_sim_usage(const struct io *io)
{
	const struct sim_io *sim = (const struct sim_io *)io;
	struct sim_usage usage = {.streams = sim->ends.count};
	usage.stream_buffers_held = sim->pools[SIM_POOL_STREAM].count - sim->pools[SIM_POOL_STREAM].free_count;
	usage.datagram_buffers_held = sim->pools[SIM_POOL_DATAGRAM].count - sim->pools[SIM_POOL_DATAGRAM].free_count;
	for (size_t i = 0; i < sim->endpoint_count; i++) {
		usage.listeners += sim->endpoints[i].is_open && sim->endpoints[i].type == SIM_ID_LISTENER;
		usage.sockets += sim->endpoints[i].is_open && sim->endpoints[i].type == SIM_ID_SOCKET;
	}
	return usage;
}
