/* The backend for places where io_uring is forbidden: same interface, same meaning, 0-30 % dearer. Life, table, reap and wait. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/pages.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/io_epoll_impl.h"

#define READY_COUNT_MAX 256u

int ringcast_poller_watch(struct poller *p, int fd, io_id id, uint32_t old_interest, uint32_t interest)
{
	struct epoll_event event = {.events = interest, .data.u64 = id};
	int operation = old_interest == 0 ? EPOLL_CTL_ADD : interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
	if (old_interest == interest)
		return 0;
	return epoll_ctl(p->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static bool init_pool(struct poller_pool *pool, uint32_t count, uint32_t buffer_bytes)
{
	ringcast_assert(count == 0 || buffer_bytes > 0);
	pool->count = pool->free_count = count;
	pool->buffer_bytes = buffer_bytes;
	pool->stride_bytes = (buffer_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
	if (count == 0)
		return true; /* an io without streams, or without datagrams */
	pool->memory_bytes = (size_t)count * pool->stride_bytes;
	pool->memory = ringcast_pages_reserve(pool->memory_bytes);
	pool->free = calloc(count, sizeof(*pool->free));
	pool->is_held = calloc(count, sizeof(*pool->is_held));
	if (pool->memory == NULL || pool->free == NULL || pool->is_held == NULL)
		return false;
	ringcast_pages_hide(pool->memory, pool->memory_bytes);
	for (uint32_t i = 0; i < count; i++)
		pool->free[i] = count - 1 - i;
	return true;
}

static void fini_pool(struct poller_pool *pool)
{
	ringcast_pages_release(pool->memory, pool->memory_bytes);
	free(pool->free);
	free(pool->is_held);
}

uint8_t *ringcast_poller_take(struct poller_pool *pool, uint32_t *ret_index)
{
	if (pool->free_count == 0)
		return NULL;
	*ret_index = pool->free[--pool->free_count];
	ringcast_assert(!pool->is_held[*ret_index]);
	pool->is_held[*ret_index] = true;
	uint8_t *data = pool->memory + (size_t)*ret_index * pool->stride_bytes;
	ringcast_pages_unhide(data, pool->stride_bytes);
	return data;
}

void ringcast_poller_give(struct poller_pool *pool, uint32_t index)
{
	uint8_t *data = pool->memory + (size_t)index * pool->stride_bytes;
	ringcast_assert(index < pool->count);
	ringcast_assert(pool->is_held[index]); /* released twice, or never an event's */
	pool->is_held[index] = false;
#ifdef RINGCAST_SLOW_ASSERTS
	memset(data, 0xdb, pool->stride_bytes);
#endif
	ringcast_pages_hide(data, pool->stride_bytes);
	pool->free[pool->free_count++] = index;
}

/* Events that wait on our side of the system call. */
static bool next_internal(struct poller *p, struct io_event *event)
{
	if (atomic_load_explicit(&p->is_wake_pending, memory_order_relaxed) && atomic_exchange(&p->is_wake_pending, false)) {
		p->stats.wakes++;
		*event = (struct io_event){.kind = IO_EVENT_WAKE};
		return true;
	}
	return ringcast_poller_stream_next_due(p, event) || ringcast_poller_next_failure(p, event);
}

static void drain_wake(struct poller *p)
{
	uint64_t value;
	ssize_t got = read(p->wake_fd, &value, sizeof(value));
	ringcast_assert(got == (ssize_t)sizeof(value) || errno == EAGAIN || errno == EINTR);
}

static unsigned on_ready(struct poller *p, const struct epoll_event *ready, struct io_event *events, unsigned event_count_max)
{
	io_id id = ready->data.u64;
	if (id == POLLER_WAKE_KEY) {
		drain_wake(p); /* the event is made from is_wake_pending */
		return 0;
	}
	if (ringcast_handle_index(id) & POLLER_ENDPOINT_BIT)
		return ringcast_poller_endpoint_on_ready(p, id, events, event_count_max);
	return ringcast_poller_stream_on_ready(p, id, ready->events, events);
}

/* A zero timeout waits not at all. -EINTR and an expired wait are both 0. */
static unsigned wait_ready(struct poller *p, struct epoll_event *ready, unsigned count_max, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S), .tv_nsec = (long)(timeout_ns % NS_PER_S)};
	int count = -1;
	if (p->has_ns_wait) {
		count = epoll_pwait2(p->epoll_fd, ready, (int)count_max, &timeout, NULL);
		p->has_ns_wait = count >= 0 || (errno != ENOSYS && errno != EPERM);
	}
	if (!p->has_ns_wait) {
		uint64_t timeout_ms = (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
		count = epoll_wait(p->epoll_fd, ready, (int)count_max, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
	}
	ringcast_assert(count >= 0 || errno == EINTR);
	return count < 0 ? 0 : (unsigned)count;
}

static unsigned collect_internal(struct poller *p, struct io_event *events, unsigned event_count_max)
{
	unsigned count = 0;
	while (count < event_count_max && next_internal(p, &events[count]))
		count++;
	return count;
}

/* One turn. What finds no room in events is ready again in the next turn. */
static unsigned turn(struct poller *p, uint64_t timeout_ns, struct io_event *events, unsigned event_count_max)
{
	struct epoll_event ready[READY_COUNT_MAX];
	ringcast_poller_stream_feed(p);
	ringcast_poller_endpoint_resume(p);
	unsigned count = collect_internal(p, events, event_count_max);
	if (count == event_count_max)
		return count;
	unsigned room = event_count_max - count;
	unsigned ready_count = wait_ready(p, ready, room < READY_COUNT_MAX ? room : READY_COUNT_MAX, count > 0 ? 0 : timeout_ns);
	for (unsigned i = 0; i < ready_count && count < event_count_max; i++)
		count += on_ready(p, &ready[i], &events[count], event_count_max - count);
	return count + collect_internal(p, events + count, event_count_max - count);
}

static void flush_egress(struct poller *p)
{
	if (p->egress != NULL)
		p->is_egress_pending = ringcast_egress_flush(p->egress);
}

static unsigned sleep_until(struct poller *p, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	unsigned count;
	if (p->resume_ns != 0 && p->resume_ns < deadline_ns)
		deadline_ns = p->resume_ns;
	if (p->is_egress_pending && deadline_ns > p->now_ns + EGRESS_RETRY_NS)
		deadline_ns = p->now_ns + EGRESS_RETRY_NS;
	uint64_t timeout_ns = deadline_ns > p->now_ns ? deadline_ns - p->now_ns : 0;
	/* A waker sets is_wake_pending, then looks at is_sleeping; we set is_sleeping, then look at is_wake_pending. One of us sees. */
	atomic_store(&p->is_sleeping, true);
	count = turn(p, atomic_load(&p->is_wake_pending) ? 0 : timeout_ns, events, event_count_max);
	atomic_store(&p->is_sleeping, false);
	return count;
}

/* A signal ends it early, which harms nothing. */
static void pause_for(uint64_t pause_ns)
{
	struct timespec pause = {.tv_sec = (time_t)(pause_ns / NS_PER_S), .tv_nsec = (long)(pause_ns % NS_PER_S)};
	if (pause_ns > 0)
		nanosleep(&pause, NULL);
}

/* Sleeps through what comes first; it is ready when the wait begins. */
static void gather(const struct poller *p, uint64_t deadline_ns)
{
	uint64_t left_ns = deadline_ns > p->now_ns ? deadline_ns - p->now_ns : 0;
	pause_for(p->options.gather_ns < left_ns ? p->options.gather_ns : left_ns);
}

static unsigned wait_for_work(struct poller *p, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	unsigned count = 0;
	gather(p, deadline_ns);
	for (p->now_ns = ringcast_clock_now_ns(); count == 0 && p->now_ns < deadline_ns; p->now_ns = ringcast_clock_now_ns()) {
		if (p->is_egress_pending)
			flush_egress(p);
		count = sleep_until(p, deadline_ns, events, event_count_max);
	}
	return count;
}

/* Streams and sockets were written to as they were asked. */
static uint64_t submit(struct io *io)
{
	struct poller *p = (struct poller *)io;
	p->stats.entered_ns = ringcast_clock_now_ns();
	flush_egress(p);
	return p->now_ns = ringcast_clock_now_ns();
}

static uint64_t nap(struct io *io, uint64_t nap_ns)
{
	struct poller *p = (struct poller *)io;
	uint64_t begun_ns = p->now_ns;
	if (p->is_egress_pending)
		return 0;
	pause_for(nap_ns);
	p->stats.naps++;
	p->now_ns = ringcast_clock_now_ns();
	return p->now_ns - begun_ns;
}

static unsigned run(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	struct poller *p = (struct poller *)io;
	ringcast_assert(event_count_max > 0);
	p->stats.entered_ns = p->now_ns = ringcast_clock_now_ns();
	flush_egress(p);
	unsigned count = turn(p, 0, events, event_count_max);
	if (count == 0 && deadline_ns != 0)
		count = wait_for_work(p, deadline_ns, events, event_count_max);
	p->now_ns = ringcast_clock_now_ns();
	return count;
}

static uint64_t now_ns(struct io *io)
{
	return ((struct poller *)io)->now_ns;
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
	return &((struct poller *)io)->stats;
}

static void release(struct io *io, const struct io_event *event)
{
	struct poller *p = (struct poller *)io;
	ringcast_assert(event->kind == IO_EVENT_RECV || event->kind == IO_EVENT_DATAGRAM);
	ringcast_poller_give(event->kind == IO_EVENT_RECV ? &p->stream_pool : &p->datagram_pool, event->buffer);
}

static void wake(struct io *io)
{
	struct poller *p = (struct poller *)io;
	const uint64_t one = 1;
	if (atomic_exchange(&p->is_wake_pending, true))
		return; /* somebody's event is still to come: it is ours too */
	if (!atomic_load(&p->is_sleeping))
		return;
	ssize_t written = write(p->wake_fd, &one, sizeof(one));
	ringcast_assert(written == (ssize_t)sizeof(one));
}

static void free_tables(struct poller *p)
{
	fini_pool(&p->stream_pool);
	fini_pool(&p->datagram_pool);
	free(p->streams);
	free(p->iovs);
	free(p->endpoints);
	free(p->failures);
	ringcast_egress_destroy(&p->egress);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	free(p);
}

static struct local_table *locals(struct io *io)
{
	return &((struct poller *)io)->locals;
}

static void destroy(struct io *io)
{
	struct poller *p = (struct poller *)io;
	for (uint32_t i = 0; i < p->stream_touched_count; i++)
		if (p->streams[i].is_used && !p->streams[i].is_closing)
			close(p->streams[i].fd);
	for (uint32_t i = 0; i < p->endpoint_count; i++)
		if (p->endpoints[i].is_used)
			close(p->endpoints[i].fd);
	free_tables(p);
}

static const struct io_ops ops = {
	.name = "epoll",
	.now_ns = now_ns,
	.random = fill_random,
	.tcp_listen = ringcast_poller_listen,
	.listen_stop = ringcast_poller_listen_stop,
	.udp_open = ringcast_poller_udp_open,
	.stream_start = ringcast_poller_stream_start,
	.stream_pause = ringcast_poller_stream_pause,
	.stream_resume = ringcast_poller_stream_resume,
	.stream_adopt = ringcast_poller_stream_adopt,
	.stream_detach = ringcast_poller_stream_detach,
	.stream_send = ringcast_poller_stream_send,
	.stream_last = ringcast_poller_stream_last,
	.stream_shutdown = ringcast_poller_stream_shutdown,
	.stream_close = ringcast_poller_stream_close,
	.stream_abort = ringcast_poller_stream_abort,
	.udp_send = ringcast_poller_udp_send,
	.locals = locals,
	.release = release,
	.submit = submit,
	.cpu_ns = cpu_ns,
	.nap = nap,
	.run = run,
	.wake = wake,
	.stats = get_stats,
	.destroy = destroy,
};

/* calloc of the large tables takes untouched pages: memory is used as streams are. */
static bool allocate_tables(struct poller *p)
{
	const struct io_options *options = &p->options;
	bool is_pooled = init_pool(&p->stream_pool, options->stream_buffer_count, options->stream_buffer_bytes) &&
			 init_pool(&p->datagram_pool, options->datagram_buffer_count, options->datagram_buffer_bytes);
	p->streams = calloc((size_t)options->stream_count_max + 1, sizeof(*p->streams));
	p->iovs = calloc((size_t)options->stream_count_max + 1, sizeof(*p->iovs));
	p->endpoints = calloc(POLLER_ENDPOINT_COUNT_MAX, sizeof(*p->endpoints));
	p->failures = calloc(POLLER_FAILURE_COUNT_MAX, sizeof(*p->failures));
	return is_pooled && p->streams && p->iovs && p->endpoints && p->failures;
}

static bool open_descriptors(struct poller *p)
{
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return p->epoll_fd >= 0 && p->wake_fd >= 0 && ringcast_poller_watch(p, p->wake_fd, POLLER_WAKE_KEY, 0, EPOLLIN) == 0;
}

struct io *ringcast_io_epoll_create(const struct io_options *options, char *reterr, size_t reterr_bytes)
{
	struct poller *p = calloc(1, sizeof(*p));
	ringcast_assert(options->stream_count_max < POLLER_ENDPOINT_BIT);
	if (p == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	p->io.ops = &ops;
	p->options = *options;
	p->has_ns_wait = true;
	p->stream_free = POLLER_NONE;
	p->now_ns = ringcast_clock_now_ns();
	ringcast_list_init(&p->due);
	ringcast_list_init(&p->stream_pool.starved);
	ringcast_list_init(&p->datagram_pool.starved);
	if (!open_descriptors(p))
		snprintf(reterr, reterr_bytes, "no epoll descriptor (%s): raise RLIMIT_NOFILE", strerror(errno));
	else if (!allocate_tables(p))
		snprintf(reterr, reterr_bytes, "out of memory");
	else if (ringcast_egress_wanted(options, &p->stats, &p->egress, reterr, reterr_bytes))
		return &p->io;
	free_tables(p);
	return NULL;
}
