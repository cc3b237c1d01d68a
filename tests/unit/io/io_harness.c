#include "io_harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/socket.h"

#define HANG_GUARD_NS (60 * NS_PER_S)

const struct backend ringcast_harness_io_uring = {"io_uring", ringcast_io_uring_create};
const struct backend ringcast_harness_epoll = {"epoll", ringcast_io_epoll_create};
const struct io_options ringcast_harness_options = {
	.stream_count_max = 16,
	.stream_buffer_count = 64,
	.stream_buffer_bytes = 2048,
	.datagram_buffer_count = 64,
	.datagram_buffer_bytes = 1500,
};

void ringcast_harness_need_io_uring(void)
{
	char why[256];
	if (ringcast_io_uring_probe(why, sizeof(why)) != 0)
		cr_skip_test("%s", why);
}

void ringcast_harness_init(struct harness *h, const struct backend *backend, const struct io_options *options)
{
	char why[256] = "";
	*h = (struct harness){.batch_count_max = 64};
	h->io = backend->create(options ? options : &ringcast_harness_options, why, sizeof(why));
	cr_assert_not_null(h->io, "%s: %s", backend->name, why);
	cr_assert_str_eq(h->io->ops->name, backend->name);
	h->events = calloc(HARNESS_EVENT_COUNT_MAX, sizeof(*h->events));
	cr_assert_not_null(h->events);
}

void ringcast_harness_fini(struct harness *h)
{
	h->io->ops->destroy(h->io);
	free(h->events);
}

/* Many sends in one event become an event each; others behind it make room. */
static void spread(struct harness *h, unsigned index, unsigned behind_count)
{
	struct io_event all = h->events[index];
	cr_assert_gt(all.size, 0);
	cr_assert_lt(index + all.size + behind_count, HARNESS_EVENT_COUNT_MAX);
	memmove(&h->events[index + all.size], &h->events[index + 1], behind_count * sizeof(all));
	for (uint32_t i = 0; i < all.size; i++)
		h->events[index + i] = (struct io_event){
			.kind = IO_EVENT_SENT, .result = all.sents[i].result, .id = all.sents[i].id, .user = all.sents[i].user};
	h->event_count += all.size;
}

static void run(struct harness *h, uint64_t deadline_ns)
{
	cr_assert_lt(h->event_count + h->batch_count_max, HARNESS_EVENT_COUNT_MAX);
	unsigned count = h->io->ops->run(h->io, deadline_ns, h->events + h->event_count, h->batch_count_max);
	cr_assert_leq(count, h->batch_count_max);
	for (unsigned i = 0; i < count; i++)
		if (h->events[h->event_count].kind == IO_EVENT_SENTS)
			spread(h, h->event_count, count - i - 1);
		else
			h->event_count++;
}

void ringcast_harness_turn(struct harness *h)
{
	run(h, 0);
}

void ringcast_harness_settle(struct harness *h)
{
	for (int i = 0; i < 50; i++)
		run(h, 0);
}

/* SENT wakes nobody, so look once before waiting. */
static void wait_for_more(struct harness *h, uint64_t deadline_ns)
{
	unsigned count = h->event_count;
	run(h, 0);
	if (h->event_count == count)
		run(h, deadline_ns);
}

static struct io_event take_at(struct harness *h, unsigned index)
{
	struct io_event event = h->events[index];
	h->event_count--;
	memmove(&h->events[index], &h->events[index + 1], (h->event_count - index) * sizeof(event));
	return event;
}

static unsigned find(const struct harness *h, unsigned begin, enum io_event_kind kind)
{
	while (begin < h->event_count && h->events[begin].kind != kind)
		begin++;
	return begin;
}

struct io_event ringcast_harness_next(struct harness *h)
{
	uint64_t guard_ns = ringcast_io_now_ns(h->io) + HANG_GUARD_NS;
	while (h->event_count == 0) {
		wait_for_more(h, guard_ns);
		cr_assert_lt(ringcast_io_now_ns(h->io), guard_ns, "no event came");
	}
	return take_at(h, 0);
}

struct io_event ringcast_harness_take(struct harness *h, enum io_event_kind kind)
{
	uint64_t guard_ns = ringcast_io_now_ns(h->io) + HANG_GUARD_NS;
	unsigned index = 0;
	while ((index = find(h, index, kind)) == h->event_count) {
		wait_for_more(h, guard_ns);
		cr_assert_lt(ringcast_io_now_ns(h->io), guard_ns, "no event of kind %d came", kind);
	}
	return take_at(h, index);
}

unsigned ringcast_harness_count(const struct harness *h, enum io_event_kind kind)
{
	unsigned count = 0;
	for (unsigned i = 0; i < h->event_count; i++)
		count += h->events[i].kind == kind;
	return count;
}

void ringcast_harness_recv(struct harness *h, io_id stream, void *out, size_t size)
{
	size_t got = 0;
	while (got < size) {
		struct io_event event = ringcast_harness_take(h, IO_EVENT_RECV);
		cr_assert_eq(event.id, stream);
		cr_assert_leq(event.size, size - got);
		cr_assert_gt(event.size, 0);
		memcpy((uint8_t *)out + got, event.data, event.size);
		got += event.size;
		h->io->ops->release(h->io, &event);
	}
}

void ringcast_harness_send(struct harness *h, io_id stream, const void *data, size_t size)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	h->io->ops->stream_send(h->io, stream, &iov, 1);
	struct io_event event = ringcast_harness_take(h, IO_EVENT_SENT);
	cr_assert_eq(event.id, stream);
	cr_assert_eq(event.result, (int32_t)size);
}

struct address ringcast_harness_loopback(bool is_v4, uint16_t port)
{
	struct address address;
	cr_assert(ringcast_socket_parse_address(is_v4 ? "127.0.0.1:0" : "[::1]:0", &address));
	address.port = port;
	return address;
}

io_id ringcast_harness_listen(struct harness *h, bool is_v4, struct address *ret_bound)
{
	struct address address = ringcast_harness_loopback(is_v4, 0);
	io_id id;
	cr_assert_eq(h->io->ops->tcp_listen(h->io, &address, is_v4, ret_bound, &id), 0);
	cr_assert_neq(ret_bound->port, 0);
	return id;
}

io_id ringcast_harness_udp(struct harness *h, bool is_v4, uint64_t user, struct address *ret_bound)
{
	struct address address = ringcast_harness_loopback(is_v4, 0);
	io_id id;
	cr_assert_eq(h->io->ops->udp_open(h->io, &address, is_v4, user, ret_bound, &id), 0);
	cr_assert_neq(ret_bound->port, 0);
	return id;
}

io_id ringcast_harness_connect(struct harness *h, const struct address *listener, bool is_v4, uint64_t user, int *ret_peer)
{
	*ret_peer = ringcast_peer_connect(listener, is_v4);
	struct io_event event = ringcast_harness_take(h, IO_EVENT_ACCEPT);
	h->io->ops->stream_start(h->io, event.stream, user);
	return event.stream;
}

int ringcast_peer_connect(const struct address *address, bool is_v4)
{
	union socket_name name;
	socklen_t size = ringcast_socket_encode_address(address, is_v4, &name);
	int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, &name.any, size), 0, "connect: %s", strerror(errno));
	return fd;
}

int ringcast_peer_udp(bool is_v4, struct address *ret_bound)
{
	struct address address = ringcast_harness_loopback(is_v4, 0);
	int fd;
	cr_assert_eq(ringcast_socket_open_udp(&address, is_v4, 0, 0, ret_bound, &fd), 0);
	return fd;
}

void ringcast_peer_write(int fd, const void *data, size_t size)
{
	cr_assert_eq(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

void ringcast_peer_read(int fd, void *out, size_t size)
{
	cr_assert_eq(recv(fd, out, size, MSG_WAITALL), (ssize_t)size);
}

void ringcast_peer_send_to(int fd, const struct address *address, bool is_v4, const void *data, size_t size)
{
	union socket_name name;
	socklen_t name_size = ringcast_socket_encode_address(address, is_v4, &name);
	cr_assert_eq(sendto(fd, data, size, 0, &name.any, name_size), (ssize_t)size);
}

struct address ringcast_peer_address(int fd)
{
	union socket_name name;
	socklen_t size = sizeof(name);
	struct address address;
	cr_assert_eq(getsockname(fd, &name.any, &size), 0);
	cr_assert(ringcast_socket_decode_address(&name, size, &address));
	return address;
}

void ringcast_peer_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fd);
}

static uint8_t pattern_at(uint64_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 13);
}

void ringcast_pattern_fill(uint8_t *out, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++)
		out[i] = pattern_at(offset + i);
}

bool ringcast_pattern_matches(const uint8_t *data, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != pattern_at(offset + i))
			return false;
	return true;
}

int ringcast_find_descriptor(uint16_t port, int type)
{
	for (int fd = 0; fd < 1024; fd++) {
		union socket_name name;
		socklen_t size = sizeof(name), type_size = sizeof(int);
		struct address address;
		int fd_type;
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &fd_type, &type_size) != 0 || fd_type != type)
			continue;
		if (getsockname(fd, &name.any, &size) == 0 && ringcast_socket_decode_address(&name, size, &address) && address.port == port)
			return fd;
	}
	cr_assert_fail("no descriptor is bound to port %u", port);
	return -1;
}
