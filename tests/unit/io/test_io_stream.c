/* Streams over loopback, on every backend. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_harness.h"

static void echo_over(const struct backend *backend, bool is_v4)
{
	struct harness h;
	struct address bound;
	char text[5];
	ringcast_harness_init(&h, backend, NULL);
	io_id listener = ringcast_harness_listen(&h, is_v4, &bound);
	int peer = ringcast_peer_connect(&bound, is_v4);
	struct address peer_address = ringcast_peer_address(peer);
	struct io_event accept = ringcast_harness_take(&h, IO_EVENT_ACCEPT);
	cr_assert_eq(accept.id, listener);
	cr_assert(ringcast_address_is_equal(&accept.address, &peer_address));
	cr_assert_eq(ringcast_address_is_v4(&accept.address), is_v4);

	h.io->ops->stream_start(h.io, accept.stream, 77);
	ringcast_peer_write(peer, "hello", 5);
	struct io_event recv = ringcast_harness_take(&h, IO_EVENT_RECV);
	cr_assert_eq(recv.id, accept.stream);
	cr_assert_eq(recv.user, 77);
	cr_assert_eq(recv.size, 5);
	ringcast_harness_send(&h, accept.stream, recv.data, recv.size);
	h.io->ops->release(h.io, &recv);
	ringcast_peer_read(peer, text, 5);
	cr_assert_arr_eq(text, "hello", 5);

	close(peer);
	struct io_event end = ringcast_harness_take(&h, IO_EVENT_END);
	cr_assert_eq(end.result, 0);
	cr_assert_eq(end.user, 77);
	h.io->ops->stream_close(h.io, accept.stream);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_CLOSED);

	const struct io_stats *stats = h.io->ops->stats(h.io);
	cr_assert_eq(stats->accepts, 1);
	cr_assert_eq(stats->stream_recvs, 1);
	cr_assert_eq(stats->stream_sends, 1);
	cr_assert_eq(stats->stream_send_bytes, 5);
	ringcast_harness_fini(&h);
}

IO_CASE(echo_v4)
{
	echo_over(backend, true);
}
IO_CASE(echo_v6)
{
	echo_over(backend, false);
}

IO_CASE(not_read_until_started)
{
	struct harness h;
	struct address bound;
	char text[3];
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	int peer = ringcast_peer_connect(&bound, true);
	io_id stream = ringcast_harness_take(&h, IO_EVENT_ACCEPT).stream;
	ringcast_peer_write(peer, "abc", 3);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	h.io->ops->stream_start(h.io, stream, 1);
	h.io->ops->stream_start(h.io, stream, 2); /* only changes user */
	struct io_event event = ringcast_harness_take(&h, IO_EVENT_RECV);
	cr_assert_eq(event.user, 2);
	memcpy(text, event.data, sizeof(text));
	cr_assert_arr_eq(text, "abc", 3);
	h.io->ops->release(h.io, &event);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(one_byte_writes)
{
	struct harness h;
	struct address bound;
	uint8_t got[300];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	for (unsigned i = 0; i < sizeof(got); i++) {
		uint8_t byte = (uint8_t)i;
		ringcast_peer_write(peer, &byte, 1);
		if (i % 3 == 0)
			ringcast_harness_turn(&h);
	}
	ringcast_harness_recv(&h, stream, got, sizeof(got));
	for (unsigned i = 0; i < sizeof(got); i++)
		cr_assert_eq(got[i], (uint8_t)i);
	close(peer);
	ringcast_harness_fini(&h);
}

/* Reads everything the peer has now, checking it. Returns how much. */
static size_t drain(int peer, uint64_t offset)
{
	static uint8_t chunk[40000];
	ssize_t got = recv(peer, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (got < 0) {
		cr_assert_eq(errno, EAGAIN);
		return 0;
	}
	cr_assert(ringcast_pattern_matches(chunk, (size_t)got, offset));
	return (size_t)got;
}

static void big_send(const struct backend *backend, unsigned iov_count)
{
	const size_t size = 8 << 20;
	struct harness h;
	struct address bound;
	struct iovec iov[IO_IOV_MAX];
	uint8_t *data = malloc(size);
	size_t read_bytes = 0;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_pattern_fill(data, size, 0);
	for (unsigned i = 0; i < iov_count; i++)
		iov[i] = (struct iovec){.iov_base = data + i * (size / iov_count), .iov_len = size / iov_count};
	h.io->ops->stream_send(h.io, stream, iov, iov_count);
	memset(iov, 0xee, sizeof(iov)); /* the array was copied */
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0, "8 MiB do not fit the socket buffers");
	while (read_bytes < size) {
		read_bytes += drain(peer, read_bytes);
		ringcast_harness_turn(&h);
	}
	cr_assert_eq(ringcast_harness_count(&h, IO_EVENT_SENT), 1);
	cr_assert_eq(ringcast_harness_next(&h).result, (int32_t)size);
	close(peer);
	ringcast_harness_fini(&h);
	free(data);
}

IO_CASE(big_send_to_slow_reader)
{
	big_send(backend, 1);
}
IO_CASE(big_vectored_send_to_slow_reader)
{
	big_send(backend, 64);
}

IO_CASE(many_sends_keep_order)
{
	struct harness h;
	struct address bound;
	uint8_t piece[3][500];
	uint64_t sent = 0, read_bytes = 0;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	for (int i = 0; i < 1000; i++) {
		struct iovec iov[3];
		for (int k = 0; k < 3; k++) {
			size_t size = (size_t)(1 + (i * 7 + k * 131) % 500);
			ringcast_pattern_fill(piece[k], size, sent);
			iov[k] = (struct iovec){.iov_base = piece[k], .iov_len = size};
			sent += size;
		}
		h.io->ops->stream_send(h.io, stream, iov, 3);
		while (ringcast_harness_count(&h, IO_EVENT_SENT) == 0) {
			read_bytes += drain(peer, read_bytes);
			ringcast_harness_turn(&h);
		}
		cr_assert_eq(ringcast_harness_next(&h).result, (int32_t)(iov[0].iov_len + iov[1].iov_len + iov[2].iov_len));
	}
	while (read_bytes < sent)
		read_bytes += drain(peer, read_bytes);
	cr_assert_eq(h.io->ops->stats(h.io)->stream_send_bytes, sent);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(close_with_armed_recv)
{
	struct harness h;
	struct address bound;
	char byte;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 5, &peer);
	ringcast_harness_settle(&h);
	h.io->ops->stream_close(h.io, stream);
	struct io_event event = ringcast_harness_next(&h);
	cr_assert_eq(event.kind, IO_EVENT_CLOSED);
	cr_assert_eq(event.id, stream);
	cr_assert_eq(event.user, 5);
	cr_assert_eq(recv(peer, &byte, 1, 0), 0, "the peer sees the end");
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(close_with_send_in_flight)
{
	const size_t size = 16 << 20;
	struct harness h;
	struct address bound;
	uint8_t *data = calloc(1, size);
	struct iovec iov = {.iov_base = data, .iov_len = size};
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	ringcast_harness_settle(&h);
	h.io->ops->stream_close(h.io, stream);
	struct io_event sent = ringcast_harness_next(&h);
	cr_assert_eq(sent.kind, IO_EVENT_SENT);
	cr_assert_eq(sent.result, -ECANCELED);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_CLOSED);
	close(peer);
	ringcast_harness_fini(&h);
	free(data);
}

IO_CASE(close_in_the_round_of_the_send)
{
	struct harness h;
	struct address bound;
	struct iovec iov = {.iov_base = "bye", .iov_len = 3};
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	h.io->ops->stream_close(h.io, stream);
	struct io_event sent = ringcast_harness_next(&h);
	cr_assert_eq(sent.kind, IO_EVENT_SENT);
	cr_assert(sent.result == 3 || sent.result == -ECANCELED);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_CLOSED);
	close(peer);
	ringcast_harness_fini(&h);
}

/* A stream whose peer never reads, with a send that does not end. descriptor: another one of the engine's socket, which outlives the stream. */
struct unread {
	struct harness h;
	io_id stream;
	int peer, descriptor;
	uint8_t *data;
};

static void unread_init(struct unread *unread, const struct backend *backend, uint32_t send_buffer_bytes)
{
	enum { SIZE = 16 << 20 };
	struct io_options options = ringcast_harness_options;
	struct address bound;
	options.stream_send_buffer_bytes = send_buffer_bytes;
	ringcast_harness_init(&unread->h, backend, &options);
	io_id listener = ringcast_harness_listen(&unread->h, true, &bound);
	unread->stream = ringcast_harness_connect(&unread->h, &bound, true, 0, &unread->peer);
	unread->h.io->ops->listen_stop(unread->h.io, listener);
	ringcast_harness_settle(&unread->h);
	unread->descriptor = dup(ringcast_find_descriptor(bound.port, SOCK_STREAM));
	unread->data = calloc(1, SIZE);
	struct iovec iov = {.iov_base = unread->data, .iov_len = SIZE};
	unread->h.io->ops->stream_send(unread->h.io, unread->stream, &iov, 1);
	ringcast_harness_settle(&unread->h);
}

static void unread_fini(struct unread *unread)
{
	cr_assert_eq(ringcast_harness_take(&unread->h, IO_EVENT_SENT).result, -ECANCELED);
	cr_assert_eq(ringcast_harness_take(&unread->h, IO_EVENT_CLOSED).id, unread->stream);
	close(unread->descriptor);
	close(unread->peer);
	ringcast_harness_fini(&unread->h);
	free(unread->data);
}

static int socket_option(int fd, int level, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);
	cr_assert_eq(getsockopt(fd, level, option, &value, &size), 0);
	return value;
}

/* Bytes that the kernel holds for the peer, who has not taken them. */
static int queued(int fd)
{
	int bytes = -1;
	cr_assert_eq(ioctl(fd, SIOCOUTQ, &bytes), 0);
	return bytes;
}

/* Linux doubles what it is asked for, and lets the packet that reaches the bound go beyond it. */
IO_CASE(the_kernel_queues_no_more_than_it_may)
{
	enum { BUFFER_BYTES = 32 << 10, PACKET_BYTES = 128 << 10 };
	struct unread unread;
	unread_init(&unread, backend, BUFFER_BYTES);
	cr_expect_eq(socket_option(unread.descriptor, SOL_SOCKET, SO_SNDBUF), 2 * BUFFER_BYTES);
	cr_expect_gt(queued(unread.descriptor), 0);
	cr_expect_leq(queued(unread.descriptor), 2 * BUFFER_BYTES + PACKET_BYTES);
	unread.h.io->ops->stream_abort(unread.h.io, unread.stream);
	unread_fini(&unread);
}

IO_CASE(a_close_does_not_wait_for_ever_for_who_does_not_read)
{
	struct unread unread;
	unread_init(&unread, backend, 0);
	cr_expect_eq(socket_option(unread.descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	unread.h.io->ops->stream_close(unread.h.io, unread.stream);
	cr_expect_eq(socket_option(unread.descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
	unread_fini(&unread);
}

IO_CASE(an_abort_leaves_nothing_in_the_kernel)
{
	struct unread unread;
	unread_init(&unread, backend, 0);
	close(unread.descriptor); /* the last close is the one that counts */
	unread.descriptor = -1;
	unread.h.io->ops->stream_abort(unread.h.io, unread.stream);
	ringcast_harness_settle(&unread.h);
	struct pollfd reset = {.fd = unread.peer};
	cr_assert_eq(poll(&reset, 1, 60000), 1);
	cr_assert_eq(socket_option(unread.peer, SOL_SOCKET, SO_ERROR), ECONNRESET);
	unread_fini(&unread);
}

IO_CASE(shutdown_after_the_sends_so_far)
{
	const size_t size = 4 << 20;
	struct harness h;
	struct address bound;
	uint8_t *data = malloc(size);
	struct iovec iov = {.iov_base = data, .iov_len = size};
	size_t read_bytes = 0;
	char byte;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_pattern_fill(data, size, 0);
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	h.io->ops->stream_shutdown(h.io, stream);
	while (read_bytes < size) {
		read_bytes += drain(peer, read_bytes);
		ringcast_harness_turn(&h);
	}
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_SENT).result, (int32_t)size);
	cr_assert_eq(recv(peer, &byte, 1, 0), 0);
	ringcast_peer_write(peer, "x", 1); /* the other direction is open still */
	ringcast_harness_recv(&h, stream, &byte, 1);
	close(peer);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	ringcast_harness_fini(&h);
	free(data);
}

IO_CASE(reset_by_peer)
{
	struct harness h;
	struct address bound;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_harness_settle(&h);
	ringcast_peer_reset(peer);
	cr_assert_eq(ringcast_harness_next(&h).result, -ECONNRESET);
	struct iovec iov = {.iov_base = "late", .iov_len = 4};
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	struct io_event sent = ringcast_harness_next(&h);
	cr_assert_eq(sent.kind, IO_EVENT_SENT);
	cr_assert_eq(sent.result, -EPIPE);
	h.io->ops->stream_close(h.io, stream);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_CLOSED);
	ringcast_harness_fini(&h);
}

/* A send and the reading break together, but only one event is asked for, and then the stream is closed: END must not come any more. */
IO_CASE(closing_silences_the_end)
{
	const size_t size = 16 << 20;
	struct harness h;
	struct address bound;
	uint8_t *data = calloc(1, size);
	struct iovec iov = {.iov_base = data, .iov_len = size};
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	ringcast_harness_settle(&h);
	ringcast_peer_reset(peer);
	h.batch_count_max = 1;
	struct io_event first = ringcast_harness_next(&h);
	cr_assert(first.kind == IO_EVENT_SENT || first.kind == IO_EVENT_END);
	cr_assert(first.kind == IO_EVENT_END || first.result < 0); /* whichever comes first is told of the reset */
	h.io->ops->stream_close(h.io, stream);
	struct io_event event = ringcast_harness_next(&h);
	if (first.kind == IO_EVENT_END) {
		cr_assert_eq(event.kind, IO_EVENT_SENT);
		event = ringcast_harness_next(&h);
	}
	cr_assert_eq(event.kind, IO_EVENT_CLOSED);
	ringcast_harness_fini(&h);
	free(data);
}

/* Bytes before, around and after the hand-off reach one of the two, once and in order. */
IO_CASE(detach_and_adopt)
{
	struct harness from, to;
	struct address bound;
	uint8_t data[3000];
	uint64_t received = 0;
	io_id adopted;
	int peer;
	ringcast_harness_init(&from, backend, NULL);
	ringcast_harness_init(&to, backend, NULL);
	ringcast_harness_listen(&from, true, &bound);
	io_id stream = ringcast_harness_connect(&from, &bound, true, 9, &peer);
	ringcast_pattern_fill(data, sizeof(data), 0);
	ringcast_peer_write(peer, data, 1000);
	ringcast_harness_turn(&from);
	ringcast_peer_write(peer, data + 1000, 1000);
	from.io->ops->stream_detach(from.io, stream);

	struct io_event event = ringcast_harness_next(&from);
	for (; event.kind == IO_EVENT_RECV; event = ringcast_harness_next(&from)) {
		cr_assert(ringcast_pattern_matches(event.data, event.size, received));
		received += event.size;
		from.io->ops->release(from.io, &event);
	}
	cr_assert_eq(event.kind, IO_EVENT_DETACHED);
	cr_assert_eq(event.id, stream);
	cr_assert_eq(event.user, 9);
	cr_assert_eq(to.io->ops->stream_adopt(to.io, event.result, &adopted), 0);
	to.io->ops->stream_start(to.io, adopted, 10);
	ringcast_peer_write(peer, data + 2000, 1000);
	while (received < sizeof(data)) {
		event = ringcast_harness_next(&to);
		cr_assert_eq(event.kind, IO_EVENT_RECV);
		cr_assert_eq(event.user, 10);
		cr_assert(ringcast_pattern_matches(event.data, event.size, received));
		received += event.size;
		to.io->ops->release(to.io, &event);
	}
	ringcast_harness_send(&to, adopted, data, 100);
	cr_assert_eq(drain(peer, 0), 100);
	ringcast_harness_settle(&from);
	cr_assert_eq(from.event_count, 0, "nothing more in the old place");
	close(peer);
	cr_assert_eq(ringcast_harness_take(&to, IO_EVENT_END).id, adopted);
	ringcast_harness_fini(&from);
	ringcast_harness_fini(&to);
}

IO_CASE(detach_after_the_end)
{
	struct harness h;
	struct address bound;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	close(peer);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	h.io->ops->stream_detach(h.io, stream);
	struct io_event event = ringcast_harness_next(&h);
	cr_assert_eq(event.kind, IO_EVENT_DETACHED);
	cr_assert_geq(event.result, 0);
	close(event.result);
	ringcast_harness_fini(&h);
}

/*
 * A send that the kernel ends short is completed. Kernels do that only on errors, so one is made: the second part of the data is out of
 * reach until the first part is gone. A wake fills the only event asked for, so that the short completion is seen a turn later.
 */
Test(io_uring, short_send_is_completed, .timeout = 120)
{
	enum { FIRST_BYTES = 700, BYTES = 200000, HIDDEN_AT = 98304, TAIL_BYTES = 900 };
	uint8_t *data = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t first[FIRST_BYTES], tail[TAIL_BYTES];
	struct iovec iov[3] = {{.iov_base = first, .iov_len = FIRST_BYTES},
			       {.iov_base = data, .iov_len = BYTES},
			       {.iov_base = tail, .iov_len = TAIL_BYTES}};
	struct harness h;
	struct address bound;
	uint64_t read_bytes = 0;
	int peer;
	ringcast_harness_need_io_uring();
	cr_assert_neq(data, MAP_FAILED);
	ringcast_pattern_fill(first, FIRST_BYTES, 0);
	ringcast_pattern_fill(data, BYTES, FIRST_BYTES);
	ringcast_pattern_fill(tail, TAIL_BYTES, FIRST_BYTES + BYTES);
	ringcast_harness_init(&h, &ringcast_harness_io_uring, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	cr_assert_eq(mprotect(data + HIDDEN_AT, BYTES - HIDDEN_AT, PROT_NONE), 0);
	h.io->ops->stream_send(h.io, stream, iov, 3);
	h.io->ops->wake(h.io);
	h.batch_count_max = 1;
	ringcast_harness_turn(&h);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
	read_bytes += drain(peer, read_bytes);
	cr_assert_gt(read_bytes, 0, "a part is out");
	cr_assert_eq(mprotect(data + HIDDEN_AT, BYTES - HIDDEN_AT, PROT_READ), 0);
	while (read_bytes < FIRST_BYTES + BYTES + TAIL_BYTES) {
		read_bytes += drain(peer, read_bytes);
		ringcast_harness_turn(&h);
	}
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_SENT).result, FIRST_BYTES + BYTES + TAIL_BYTES);
	close(peer);
	ringcast_harness_fini(&h);
	munmap(data, BYTES);
}

/* What the kernel takes at once is told as sent by the next run that does not wait, whether or not a wait came between. */
IO_CASE(a_send_that_fits_is_told_without_waiting)
{
	struct harness h;
	struct address bound;
	struct io_event event;
	int peers[3];
	io_id streams[3];
	uint8_t out[3] = {1, 2, 3}, in = 0;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	for (unsigned i = 0; i < 3; i++)
		streams[i] = ringcast_harness_connect(&h, &bound, true, i, &peers[i]);
	for (unsigned i = 0; i < 3; i++)
		h.io->ops->stream_send(h.io, streams[i], &(struct iovec){&out[i], 1}, 1);
	ringcast_harness_turn(&h);
	cr_assert_eq(ringcast_harness_count(&h, IO_EVENT_SENT), 3);
	for (unsigned i = 0; i < 3; i++) {
		event = ringcast_harness_take(&h, IO_EVENT_SENT);
		cr_assert_eq(event.id, streams[event.user]);
		cr_assert_eq(event.result, 1);
		ringcast_peer_read(peers[event.user], &in, 1);
		cr_assert_eq(in, out[event.user]);
	}
	for (unsigned i = 0; i < 3; i++)
		close(peers[i]);
	ringcast_harness_fini(&h);
}

/* One event per run: nothing of several sends that are over at once may be lost, and a close comes after its SENT. */
IO_CASE(sends_are_told_one_event_at_a_time)
{
	struct harness h;
	struct address bound;
	int peers[4];
	io_id streams[4];
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	for (unsigned i = 0; i < 4; i++)
		streams[i] = ringcast_harness_connect(&h, &bound, true, i, &peers[i]);
	h.batch_count_max = 1;
	for (unsigned i = 0; i < 4; i++) {
		ringcast_peer_write(peers[i], "x", 1);
		h.io->ops->stream_send(h.io, streams[i], &(struct iovec){"y", 1}, 1);
		h.io->ops->stream_close(h.io, streams[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct io_event closed = ringcast_harness_take(&h, IO_EVENT_CLOSED);
		unsigned sent_count = 0;
		for (unsigned j = 0; j < h.event_count; j++)
			sent_count += h.events[j].kind == IO_EVENT_SENT && h.events[j].id == closed.id;
		cr_assert_eq(sent_count, 1, "SENT before CLOSED");
	}
	for (unsigned i = 0; i < 4; i++)
		close(peers[i]);
	ringcast_harness_fini(&h);
}
