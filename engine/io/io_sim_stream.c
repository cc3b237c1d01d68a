/* Simulated connections: what a pipe does to bytes, what arrives, and the client's calls. Bytes are never lost or reordered, only reset. */
#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "io/io_sim_internal.h"

#define PIECE_NS_MAX (50 * NS_PER_US) /* between two pieces of a split write */
#define PIECE_BYTES_MAX 64

static struct sim_end *end_of(const struct sim_conn *conn)
{
	return conn->io == NULL ? NULL : ringcast_sim_io_find_end(conn->io, conn->id);
}

/* the wire */

/* When something put on the wire now arrives: never before what was put there earlier. */
static uint64_t arrival(struct sim_network *network, struct sim_pipe *pipe)
{
	uint64_t time_ns = network->now_ns + network->options.latency_ns;
	if (ringcast_sim_strikes(network, network->options.faults.stall, &network->counts.stalls))
		time_ns += ringcast_sim_below(network, network->options.faults.delay_ns_max);
	if (time_ns > pipe->arrival_ns)
		pipe->arrival_ns = time_ns;
	return pipe->arrival_ns;
}

/* A reset overtakes the bytes before it. */
static void send_reset(struct sim_network *network, uint32_t conn_index, enum sim_direction direction)
{
	network->conns[conn_index]->pipes[direction].is_finished = true;
	ringcast_sim_schedule(network, network->now_ns + network->options.latency_ns,
			   (struct sim_happening){.kind = SIM_RESET, .direction = direction, .conn = conn_index});
}

static void send_fin(struct sim_network *network, uint32_t conn_index, enum sim_direction direction)
{
	struct sim_pipe *pipe = &network->conns[conn_index]->pipes[direction];
	if (pipe->is_finished)
		return;
	pipe->is_finished = true;
	ringcast_sim_schedule(network, arrival(network, pipe),
			   (struct sim_happening){.kind = SIM_FIN, .direction = direction, .conn = conn_index});
}

static size_t piece_bytes(struct sim_network *network, size_t size)
{
	if (ringcast_sim_below(network, 2) == 0)
		return 1;
	return 1 + ringcast_sim_below(network, size < PIECE_BYTES_MAX ? size : PIECE_BYTES_MAX);
}

static void send_pieces(struct sim_network *network, uint32_t conn_index, enum sim_direction direction, size_t size)
{
	struct sim_pipe *pipe = &network->conns[conn_index]->pipes[direction];
	bool is_split = size > 1 && ringcast_sim_strikes(network, network->options.faults.split, &network->counts.splits);
	uint64_t time_ns = arrival(network, pipe);
	while (size > 0) {
		size_t piece = is_split ? piece_bytes(network, size) : size;
		ringcast_sim_schedule(network, time_ns,
				   (struct sim_happening){
					   .kind = SIM_BYTES, .direction = direction, .conn = conn_index, .size = (uint32_t)piece});
		size -= piece;
		if (is_split)
			time_ns += ringcast_sim_below(network, PIECE_NS_MAX);
	}
	pipe->arrival_ns = time_ns;
}

static void pipe_append(struct sim_pipe *pipe, const void *data, size_t size)
{
	if (pipe->head > 0 && pipe->head + pipe->size + size > pipe->capacity) {
		memmove(pipe->data, pipe->data + pipe->head, pipe->size);
		pipe->head = 0;
	}
	ringcast_sim_grow(&pipe->data, &pipe->capacity, pipe->head + pipe->size + size, 1);
	memcpy(pipe->data + pipe->head + pipe->size, data, size);
	pipe->size += size;
}

size_t ringcast_sim_pipe_take(struct sim_pipe *pipe, void *out, size_t size_max)
{
	size_t size = size_max < pipe->readable_bytes ? size_max : pipe->readable_bytes;
	if (size > 0)
		memcpy(out, pipe->data + pipe->head, size);
	pipe->head += size;
	pipe->size -= size;
	pipe->readable_bytes -= size;
	return size;
}

static void write_pipe(struct sim_network *network, uint32_t conn_index, enum sim_direction direction, const void *data, size_t size)
{
	struct sim_conn *conn = network->conns[conn_index];
	if (size == 0 || conn->pipes[direction].is_finished)
		return;
	pipe_append(&conn->pipes[direction], data, size);
	send_pieces(network, conn_index, direction, size);
	if (conn->reset_after_bytes == UINT64_MAX)
		return;
	if (conn->reset_after_bytes > size) {
		conn->reset_after_bytes -= size;
		return;
	}
	conn->reset_after_bytes = UINT64_MAX;
	network->counts.resets++;
	send_reset(network, conn_index, SIM_TO_SERVER);
	send_reset(network, conn_index, SIM_TO_CLIENT);
}

/* a send of the engine, moving into the socket piece by piece */

static uint64_t iov_hash(const struct sim_end *end)
{
	uint64_t hash = end->iov_count;
	for (unsigned i = 0; i < end->iov_count; i++)
		hash = ringcast_hash_bytes(end->iov[i].iov_base, end->iov[i].iov_len, hash);
	return hash;
}

static void finish_send(struct sim_conn *conn, struct sim_end *end, int32_t result)
{
	ringcast_assert(iov_hash(end) == end->send_hash); /* the bytes were to stay as they were until SENT */
	end->is_sending = false;
	end->has_sent_token = true;
	ringcast_sim_io_push(conn->io,
			     &(struct sim_token){.kind = IO_EVENT_SENT, .id = conn->id, .result = result, .is_quiet = end->is_quiet && result > 0});
}

static void copy_send(struct sim_network *network, struct sim_end *end, size_t size)
{
	size_t skip = end->sent_bytes;
	end->sent_bytes += size;
	for (unsigned i = 0; size > 0; i++) {
		size_t rest = end->iov[i].iov_len;
		if (skip >= rest) {
			skip -= rest;
			continue;
		}
		rest -= skip;
		size_t piece = rest < size ? rest : size;
		write_pipe(network, end->conn, SIM_TO_CLIENT, (const uint8_t *)end->iov[i].iov_base + skip, piece);
		skip = 0;
		size -= piece;
	}
}

static void schedule_pump(struct sim_network *network, uint32_t conn_index)
{
	ringcast_sim_schedule(network, network->now_ns + SIM_SYSTEM_NS, (struct sim_happening){.kind = SIM_PUMP, .conn = conn_index});
}

/* The client's window limits what moves; a client that never reads holds the send for ever. */
static void move_send(struct sim_network *network, struct sim_conn *conn, struct sim_end *end)
{
	size_t unread = conn->pipes[SIM_TO_CLIENT].size, window = network->options.stream_window_bytes;
	size_t room = unread < window ? window - unread : 0, size = end->send_bytes - end->sent_bytes;
	if (size > room)
		size = room;
	if (size > 1 && ringcast_sim_strikes(network, network->options.faults.short_send, &network->counts.short_sends)) {
		size = 1 + ringcast_sim_below(network, size - 1);
		schedule_pump(network, end->conn);
	}
	copy_send(network, end, size);
	if (end->sent_bytes == end->send_bytes)
		finish_send(conn, end, (int32_t)end->send_bytes);
}

void ringcast_sim_conn_pump(struct sim_network *network, uint32_t conn_index)
{
	struct sim_conn *conn = network->conns[conn_index];
	struct sim_end *end = end_of(conn);
	if (end == NULL)
		return;
	if (end->is_sending && (conn->pipes[SIM_TO_SERVER].is_reset || conn->pipes[SIM_TO_CLIENT].is_finished))
		finish_send(conn, end, -EPIPE);
	else if (end->is_sending)
		move_send(network, conn, end);
	if (end->is_shutdown && !end->is_sending)
		send_fin(network, conn_index, SIM_TO_CLIENT);
}

/* As a kernel does: unread bytes at close turn the orderly end into a reset. */
static void say_goodbye(struct sim_network *network, uint32_t conn_index, bool is_aborting)
{
	const struct sim_pipe *pipe = &network->conns[conn_index]->pipes[SIM_TO_SERVER];
	if (pipe->is_reset)
		return;
	if (is_aborting || pipe->readable_bytes > 0)
		send_reset(network, conn_index, SIM_TO_CLIENT);
	else
		send_fin(network, conn_index, SIM_TO_CLIENT);
}

void ringcast_sim_conn_close_detached(struct sim_network *network, uint32_t conn_index)
{
	struct sim_conn *conn = network->conns[conn_index];
	ringcast_assert(conn->is_detached && conn->io == NULL);
	conn->is_detached = false;
	network->detached_count--;
	say_goodbye(network, conn_index, false);
}

void ringcast_sim_conn_close(struct sim_network *network, uint32_t conn_index)
{
	struct sim_conn *conn = network->conns[conn_index];
	struct sim_end *end = end_of(conn);
	ringcast_assert(end != NULL);
	if (end->is_sending)
		finish_send(conn, end, -ECANCELED);
	ringcast_sim_io_push(conn->io, &(struct sim_token){.kind = IO_EVENT_CLOSED, .id = conn->id});
	say_goodbye(network, conn_index, end->is_aborting);
}

/* arrivals */

static void refuse(struct sim_network *network, uint32_t conn_index)
{
	struct sim_conn *conn = network->conns[conn_index];
	conn->pipes[SIM_TO_SERVER].is_reset = conn->pipes[SIM_TO_SERVER].is_finished = conn->pipes[SIM_TO_CLIENT].is_finished = true;
	if (conn->state == SIM_STREAM_CONNECTING)
		conn->state = SIM_STREAM_REFUSED;
}

void ringcast_sim_conn_requested(struct sim_network *network, uint32_t conn_index)
{
	struct sim_conn *conn = network->conns[conn_index];
	struct sim_io *sim;
	io_id listener, stream;
	uint32_t count = 0;
	while (ringcast_sim_network_find_endpoint(network, SIM_ID_LISTENER, &conn->server, count, &sim, &listener) != NULL)
		count++;
	if (count == 0) {
		refuse(network, conn_index);
		return;
	}
	uint64_t hash = ringcast_hash_bytes(conn->client.ip, sizeof(conn->client.ip), conn->client.port + (uint64_t)conn->server.port * 65536);
	ringcast_sim_network_find_endpoint(network, SIM_ID_LISTENER, &conn->server, (uint32_t)(hash % count), &sim, &listener);
	if (ringcast_sim_strikes(network, network->options.faults.accept_error, &network->counts.accept_errors) ||
	    ringcast_sim_io_open_end(sim, conn_index, &stream) == NULL) {
		sim->stats.accept_errors++;
		refuse(network, conn_index);
		return;
	}
	sim->stats.accepts++;
	ringcast_sim_io_push(sim, &(struct sim_token){.kind = IO_EVENT_ACCEPT, .id = listener, .stream = stream, .address = conn->client});
	if (conn->state == SIM_STREAM_CONNECTING)
		conn->state = SIM_STREAM_OPEN;
}

void ringcast_sim_conn_wake_reader(struct sim_conn *conn)
{
	struct sim_end *end = end_of(conn);
	const struct sim_pipe *pipe = &conn->pipes[SIM_TO_SERVER];
	if (end == NULL || !end->is_started || end->is_paused || end->has_read_token || end->has_ended)
		return;
	if (pipe->readable_bytes == 0 && !pipe->has_fin && !pipe->is_reset)
		return;
	end->has_read_token = true;
	ringcast_sim_io_push(conn->io, &(struct sim_token){.kind = IO_EVENT_RECV, .id = conn->id});
}

/* Nobody will read this direction any more. */
static bool is_deaf(const struct sim_conn *conn, enum sim_direction direction)
{
	if (direction == SIM_TO_CLIENT)
		return conn->state == SIM_STREAM_CLOSED;
	return conn->io == NULL && !conn->is_detached;
}

void ringcast_sim_conn_bytes_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction, size_t size)
{
	struct sim_conn *conn = network->conns[conn_index];
	struct sim_pipe *pipe = &conn->pipes[direction];
	if (pipe->is_reset)
		return;
	pipe->readable_bytes += size;
	ringcast_assert(pipe->readable_bytes <= pipe->size);
	if (is_deaf(conn, direction)) {
		pipe->is_reset = true;
		send_reset(network, conn_index, direction == SIM_TO_CLIENT ? SIM_TO_SERVER : SIM_TO_CLIENT);
	} else if (direction == SIM_TO_SERVER) {
		ringcast_sim_conn_wake_reader(conn);
	}
}

void ringcast_sim_conn_fin_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction)
{
	struct sim_conn *conn = network->conns[conn_index];
	(void)network;
	conn->pipes[direction].has_fin = !conn->pipes[direction].is_reset;
	if (direction == SIM_TO_SERVER)
		ringcast_sim_conn_wake_reader(conn);
}

/* What had arrived can still be read; what was under way is gone, and so is the other direction. */
void ringcast_sim_conn_reset_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction)
{
	struct sim_conn *conn = network->conns[conn_index];
	struct sim_pipe *pipe = &conn->pipes[direction];
	if (pipe->is_reset)
		return;
	pipe->is_reset = true;
	pipe->size = pipe->readable_bytes;
	conn->pipes[SIM_TO_SERVER].is_finished = conn->pipes[SIM_TO_CLIENT].is_finished = true;
	if (direction == SIM_TO_CLIENT) {
		if (conn->state != SIM_STREAM_CLOSED)
			conn->state = SIM_STREAM_RESET;
		return;
	}
	ringcast_sim_conn_pump(network, conn_index);
	ringcast_sim_conn_wake_reader(conn);
}

void ringcast_sim_conn_free(struct sim_conn *conn)
{
	free(conn->pipes[SIM_TO_SERVER].data);
	free(conn->pipes[SIM_TO_CLIENT].data);
	free(conn);
}

/* the client's side */

static struct sim_conn *conn_at(const struct sim_network *network, sim_stream stream)
{
	ringcast_assert(stream < network->conn_count);
	return network->conns[stream];
}

sim_stream ringcast_sim_stream_connect(struct sim_network *network, const struct address *from, const struct address *to)
{
	ringcast_sim_grow(&network->conns, &network->conn_capacity, network->conn_count + 1, sizeof(struct sim_conn *));
	struct sim_conn *conn = ringcast_sim_must(calloc(1, sizeof(*conn)));
	sim_stream stream = (sim_stream)network->conn_count++;
	uint64_t ignored = 0;
	network->conns[stream] = conn;
	conn->client = *from;
	conn->server = *to;
	conn->reset_after_bytes = UINT64_MAX;
	if (ringcast_sim_strikes(network, network->options.faults.reset, &ignored))
		conn->reset_after_bytes = ringcast_sim_below(network, network->options.faults.reset_bytes_max);
	ringcast_sim_schedule(network, arrival(network, &conn->pipes[SIM_TO_SERVER]), (struct sim_happening){.kind = SIM_CONNECT, .conn = stream});
	return stream;
}

enum sim_stream_state ringcast_sim_stream_state(const struct sim_network *network, sim_stream stream)
{
	return conn_at(network, stream)->state;
}

void ringcast_sim_stream_write(struct sim_network *network, sim_stream stream, const void *data, size_t size)
{
	ringcast_assert(size <= UINT32_MAX);
	conn_at(network, stream);
	write_pipe(network, stream, SIM_TO_SERVER, data, size);
}

size_t ringcast_sim_stream_readable(const struct sim_network *network, sim_stream stream)
{
	return conn_at(network, stream)->pipes[SIM_TO_CLIENT].readable_bytes;
}

size_t ringcast_sim_stream_read(struct sim_network *network, sim_stream stream, void *out, size_t size_max)
{
	size_t size = ringcast_sim_pipe_take(&conn_at(network, stream)->pipes[SIM_TO_CLIENT], out, size_max);
	if (size > 0)
		schedule_pump(network, stream); /* the window opened */
	return size;
}

bool ringcast_sim_stream_has_ended(const struct sim_network *network, sim_stream stream)
{
	const struct sim_pipe *pipe = &conn_at(network, stream)->pipes[SIM_TO_CLIENT];
	return pipe->has_fin && pipe->readable_bytes == 0;
}

void ringcast_sim_stream_shutdown(struct sim_network *network, sim_stream stream)
{
	conn_at(network, stream);
	send_fin(network, stream, SIM_TO_SERVER);
}

void ringcast_sim_stream_reset(struct sim_network *network, sim_stream stream)
{
	struct sim_conn *conn = conn_at(network, stream);
	if (conn->state == SIM_STREAM_CLOSED || conn->state == SIM_STREAM_RESET || conn->state == SIM_STREAM_REFUSED)
		return;
	conn->state = SIM_STREAM_RESET;
	conn->pipes[SIM_TO_CLIENT].is_reset = true;
	conn->pipes[SIM_TO_CLIENT].size = conn->pipes[SIM_TO_CLIENT].readable_bytes;
	send_reset(network, stream, SIM_TO_SERVER);
}

void ringcast_sim_stream_close(struct sim_network *network, sim_stream stream)
{
	struct sim_conn *conn = conn_at(network, stream);
	if (conn->pipes[SIM_TO_CLIENT].readable_bytes > 0)
		ringcast_sim_stream_reset(network, stream);
	else
		send_fin(network, stream, SIM_TO_SERVER);
	conn->state = SIM_STREAM_CLOSED;
}
