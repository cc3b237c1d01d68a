/* The production backend: one ring per shard thread. Here: its life and its table; see io_uring_impl.h for the other files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/io_uring_impl.h"

static uint64_t now_ns(struct io *io)
{
	return ((struct uring *)io)->now_ns;
}

static uint64_t cpu_ns(struct io *io)
{
	(void)io;
	return ringcast_clock_thread_cpu_ns();
}

static void fill_random(struct io *io, void *out, size_t size)
{
	(void)io;
	ringcast_entropy_fill(out, size);
}

static const struct io_stats *get_stats(struct io *io)
{
	return &((struct uring *)io)->stats;
}

static void release(struct io *io, const struct io_event *event)
{
	struct uring *u = (struct uring *)io;
	ringcast_assert(event->kind == IO_EVENT_RECV || event->kind == IO_EVENT_DATAGRAM);
	ringcast_uring_group_give(&u->groups[event->kind == IO_EVENT_RECV ? URING_GROUP_STREAM : URING_GROUP_DATAGRAM], event->buffer);
}

static void wake(struct io *io)
{
	struct uring *u = (struct uring *)io;
	const uint64_t one = 1;
	if (atomic_exchange(&u->is_wake_pending, true))
		return; /* somebody's event is still to come: it is ours too */
	if (!atomic_load(&u->is_sleeping))
		return;
	ssize_t written = write(u->wake_fd, &one, sizeof(one));
	ringcast_assert(written == (ssize_t)sizeof(one));
}

static void free_tables(struct uring *u)
{
	for (int i = 0; i < URING_GROUP_COUNT; i++)
		ringcast_uring_group_fini(&u->groups[i]);
	free(u->streams);
	free(u->vectors);
	free(u->quiet);
	free(u->sents);
	free(u->endpoints);
	free(u->datagrams);
	free(u->retries);
	free(u->failures);
	ringcast_egress_destroy(&u->egress);
	if (u->wake_fd >= 0)
		close(u->wake_fd);
	free(u);
}

/*
 * Without this the kernel would let go of the sockets only some time after the ring is closed: ports stay taken, peers see no end. Errors
 * mean that there is nothing to cancel. What was queued but not submitted never happens.
 */
static void cancel_everything(struct uring *u)
{
	struct io_uring_sync_cancel_reg reg = {
		.fd = -1, .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, .timeout = {.tv_sec = 1}};
	io_uring_register_sync_cancel(&u->ring, &reg);
	io_uring_get_events(&u->ring);
}

static void close_sockets(struct uring *u)
{
	for (uint32_t i = 0; i < u->stream_touched_count; i++) {
		const struct uring_stream *stream = &u->streams[i];
		/* In the done list the socket of a closed stream is closed already. */
		if (stream->is_used && !(stream->is_closing && ringcast_list_has(&stream->node)))
			close(stream->fd);
	}
	for (uint32_t i = 0; i < u->endpoint_count; i++)
		if (u->endpoints[i].is_used)
			close(u->endpoints[i].fd);
}

static struct local_table *locals(struct io *io)
{
	return &((struct uring *)io)->locals;
}

static void destroy(struct io *io)
{
	struct uring *u = (struct uring *)io;
	/* Elsewhere the owner is required to have ended, and the kernel cancelled its requests then. */
	if (u->owner == gettid())
		cancel_everything(u);
	else
		ringcast_uring_forget_registered_fd(&u->ring);
	close_sockets(u);
	io_uring_queue_exit(&u->ring);
	free_tables(u);
}

static const struct io_ops ops = {
	.name = "io_uring",
	.now_ns = now_ns,
	.random = fill_random,
	.tcp_listen = ringcast_uring_listen,
	.listen_stop = ringcast_uring_listen_stop,
	.udp_open = ringcast_uring_udp_open,
	.stream_start = ringcast_uring_stream_start,
	.stream_pause = ringcast_uring_stream_pause,
	.stream_resume = ringcast_uring_stream_resume,
	.stream_adopt = ringcast_uring_stream_adopt,
	.stream_detach = ringcast_uring_stream_detach,
	.stream_send = ringcast_uring_stream_send,
	.stream_last = ringcast_uring_stream_last,
	.stream_shutdown = ringcast_uring_stream_shutdown,
	.stream_close = ringcast_uring_stream_close,
	.stream_abort = ringcast_uring_stream_abort,
	.udp_send = ringcast_uring_udp_send,
	.locals = locals,
	.release = release,
	.submit = ringcast_uring_submit,
	.cpu_ns = cpu_ns,
	.nap = ringcast_uring_nap,
	.run = ringcast_uring_run,
	.wake = wake,
	.stats = get_stats,
	.destroy = destroy,
};

/* calloc of the large tables takes untouched pages: memory is used as streams are. */
static bool allocate_tables(struct uring *u)
{
	u->streams = calloc(u->options.stream_count_max + 1, sizeof(*u->streams));
	u->vectors = calloc(u->options.stream_count_max + 1, sizeof(*u->vectors));
	u->quiet = calloc(u->options.stream_count_max + 1, sizeof(*u->quiet));
	u->sents = calloc(u->options.stream_count_max + 1, sizeof(*u->sents));
	u->endpoints = calloc(URING_ENDPOINT_COUNT_MAX, sizeof(*u->endpoints));
	u->datagrams = calloc(URING_DATAGRAM_COUNT, sizeof(*u->datagrams));
	u->retries = calloc(URING_BATCH_COUNT_MAX, sizeof(*u->retries));
	u->failures = calloc(URING_FAILURE_COUNT_MAX, sizeof(*u->failures));
	return u->streams && u->vectors && u->quiet && u->sents && u->endpoints && u->datagrams && u->retries && u->failures;
}

static struct uring *create_tables(const struct io_options *options, char *reterr, size_t reterr_bytes)
{
	struct uring *u = calloc(1, sizeof(*u));
	ringcast_assert(options->stream_count_max <= URING_STREAM_COUNT_MAX);
	if (u == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	u->io.ops = &ops;
	u->options = *options;
	u->owner = gettid();
	u->stream_free = u->vector_free = URING_NONE;
	u->now_ns = ringcast_clock_now_ns();
	ringcast_list_init(&u->done);
	u->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (u->wake_fd < 0 || !allocate_tables(u)) {
		snprintf(reterr, reterr_bytes, "%s", u->wake_fd < 0 ? "no descriptor left: raise RLIMIT_NOFILE" : "out of memory");
		free_tables(u);
		return NULL;
	}
	return u;
}

/* Each stream may have a completion of its send and several of its recv waiting; more than fit are kept by the kernel, only slower. */
static uint32_t cq_entries_for(const struct io_options *options)
{
	uint32_t entries = URING_CQ_ENTRIES_MIN;
	while (entries < options->stream_count_max && entries < URING_CQ_ENTRIES_MAX)
		entries *= 2;
	return entries;
}

static int init_groups(struct uring *u, char *reterr, size_t reterr_bytes)
{
	const struct io_options *options = &u->options;
	uint32_t datagram_bytes = options->datagram_buffer_bytes + (uint32_t)sizeof(struct io_uring_recvmsg_out) + URING_NAME_BYTES + URING_CONTROL_BYTES;
	int result = ringcast_uring_group_init(u, URING_GROUP_STREAM, options->stream_buffer_count, options->stream_buffer_bytes);
	if (result == 0)
		result = ringcast_uring_group_init(u, URING_GROUP_DATAGRAM, options->datagram_buffer_count, datagram_bytes);
	return result == 0 ? 0 : ringcast_uring_explain_buffers(result, reterr, reterr_bytes);
}

struct io *ringcast_io_uring_create(const struct io_options *options, char *reterr, size_t reterr_bytes)
{
	struct uring *u = create_tables(options, reterr, reterr_bytes);
	if (u == NULL)
		return NULL;
	if (ringcast_uring_ring_open(&u->ring, cq_entries_for(options), reterr, reterr_bytes) < 0) {
		free_tables(u);
		return NULL;
	}
	u->can_be_quiet = ringcast_uring_test_quiet_sends(&u->ring);
	if (init_groups(u, reterr, reterr_bytes) < 0) {
		io_uring_queue_exit(&u->ring);
		free_tables(u);
		return NULL;
	}
	if (!ringcast_egress_wanted(options, &u->stats, &u->egress, reterr, reterr_bytes)) {
		io_uring_queue_exit(&u->ring);
		free_tables(u);
		return NULL;
	}
	ringcast_uring_wake_arm(u);
	return &u->io;
}
