#include "tape.h"

#include "base/assert.h"

enum { STREAM_FIRST = 16, SOCKET = 8, LISTENER = 4 };

static struct tape *tape_of(struct io *io)
{
	return (struct tape *)io;
}

static uint64_t op_now_ns(struct io *io)
{
	return tape_of(io)->now_ns;
}

static void op_random(struct io *io, void *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)((tape_of(io)->random_next += 0x9E3779B97F4A7C15) >> 56);
}

static int op_tcp_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_address, io_id *ret_id)
{
	*ret_address = *address;
	*ret_id = LISTENER;
	return 0;
}

static int op_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_address, io_id *ret_id)
{
	*ret_address = *address;
	*ret_id = SOCKET + user;
	return 0;
}

static void op_stream_start(struct io *io, io_id stream, uint64_t user)
{
	tape_of(io)->users[stream - STREAM_FIRST] = user;
}

static void op_stream_send(struct io *io, io_id stream, const struct iovec *iov, unsigned iov_count)
{
	struct tape *tape = tape_of(io);
	int32_t size = 0;
	ringcast_assert(tape->sent_count < TAPE_STREAMS_MAX);
	for (unsigned i = 0; i < iov_count; i++)
		size += (int32_t)iov[i].iov_len;
	tape->sents[tape->told ^ 1][tape->sent_count++] = (struct io_sent){.user = tape->users[stream - STREAM_FIRST], .id = stream, .result = size};
}

static void op_udp_send(struct io *io, io_id socket, const struct io_datagram *datagrams, unsigned count)
{
	ringcast_assert(socket == SOCKET && count > 0);
}

static void op_stream_pause(struct io *io, io_id stream) {}
static void op_stream_resume(struct io *io, io_id stream) {}
static void op_stream_close(struct io *io, io_id stream) {} /* and never tells that it is closed */

static void op_release(struct io *io, const struct io_event *event) {}

static uint64_t op_submit(struct io *io)
{
	return tape_of(io)->stats.entered_ns = tape_of(io)->now_ns; /* its turns are never long, so nobody naps */
}

/* As io_uring does it: what was sent is told before anything else, and all at once. */
static unsigned op_run(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	struct tape *tape = tape_of(io);
	unsigned count = 0;
	ringcast_assert(tape->event_count + 1 <= event_count_max);
	tape->now_ns += tape->step_ns;
	tape->stats.entered_ns = tape->now_ns;
	tape->told ^= 1;
	if (tape->sent_count > 0)
		events[count++] = (struct io_event){.kind = IO_EVENT_SENTS, .sents = tape->sents[tape->told], .size = tape->sent_count};
	tape->sent_count = 0;
	for (uint32_t i = 0; i < tape->event_count; i++)
		events[count++] = tape->events[i];
	tape->event_count = 0;
	return count;
}

static const struct io_stats *op_stats(struct io *io)
{
	return &tape_of(io)->stats;
}

static const struct io_ops ops = {
	.name = "tape",
	.now_ns = op_now_ns,
	.random = op_random,
	.tcp_listen = op_tcp_listen,
	.udp_open = op_udp_open,
	.stream_start = op_stream_start,
	.stream_send = op_stream_send,
	.stream_pause = op_stream_pause,
	.stream_resume = op_stream_resume,
	.stream_close = op_stream_close,
	.udp_send = op_udp_send,
	.release = op_release,
	.submit = op_submit,
	.run = op_run,
	.stats = op_stats,
}; /* nothing is ever moved or stopped here */

void tape_init(struct tape *tape, uint64_t start_ns, uint64_t step_ns)
{
	*tape = (struct tape){.io = {.ops = &ops}, .now_ns = start_ns, .step_ns = step_ns};
}

static struct io_event *add_event(struct tape *tape, enum io_event_kind kind, const void *bytes, size_t size)
{
	uint32_t index = tape->event_count++;
	ringcast_assert(index < TAPE_EVENTS_MAX && size <= TAPE_EVENT_BYTES);
	if (size > 0)
		memcpy(tape->bytes[index], bytes, size);
	tape->events[index] = (struct io_event){.kind = kind, .data = tape->bytes[index], .size = (uint32_t)size};
	return &tape->events[index];
}

void tape_accept(struct tape *tape, const struct address *address)
{
	struct io_event *event = add_event(tape, IO_EVENT_ACCEPT, NULL, 0);
	ringcast_assert(tape->stream_count < TAPE_STREAMS_MAX);
	event->id = LISTENER;
	event->stream = STREAM_FIRST + tape->stream_count++;
	event->address = *address;
}

void tape_receive(struct tape *tape, uint32_t stream, const void *bytes, size_t size)
{
	struct io_event *event = add_event(tape, IO_EVENT_RECV, bytes, size);
	event->id = STREAM_FIRST + stream;
	event->user = tape->users[stream];
}

void tape_datagram(struct tape *tape, const struct address *from, const void *bytes, size_t size)
{
	struct io_event *event = add_event(tape, IO_EVENT_DATAGRAM, bytes, size);
	event->id = SOCKET;
	event->address = *from;
}
