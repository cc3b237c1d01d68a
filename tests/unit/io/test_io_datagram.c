/* Datagrams over loopback, on every backend. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_harness.h"

static void echo_over(const struct backend *backend, bool is_v4)
{
	struct harness h;
	struct address bound, peer_address;
	char text[16];
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, is_v4, 31, &bound);
	int peer = ringcast_peer_udp(is_v4, &peer_address);
	ringcast_peer_send_to(peer, &bound, is_v4, "ping", 4);
	struct io_event event = ringcast_harness_next(&h);
	cr_assert_eq(event.kind, IO_EVENT_DATAGRAM);
	cr_assert_eq(event.id, socket);
	cr_assert_eq(event.user, 31);
	cr_assert_eq(event.size, 4);
	cr_assert_not(event.is_truncated);
	cr_assert(ringcast_address_is_equal(&event.address, &peer_address));
	cr_assert_arr_eq(event.data, "ping", 4);

	struct io_datagram answers[2] = {
		{.address = event.address, .data = event.data, .size = event.size},
		{.address = event.address, .data = (const uint8_t *)"pong!", .size = 5},
	};
	h.io->ops->udp_send(h.io, socket, answers, 2);
	ringcast_harness_turn(&h);
	h.io->ops->release(h.io, &event);
	cr_assert_eq(recv(peer, text, sizeof(text), 0), 4);
	cr_assert_arr_eq(text, "ping", 4);
	cr_assert_eq(recv(peer, text, sizeof(text), 0), 5);
	cr_assert_arr_eq(text, "pong!", 5);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_received, 1);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, 2);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(datagram_echo_v4)
{
	echo_over(backend, true);
}
IO_CASE(datagram_echo_v6)
{
	echo_over(backend, false);
}

IO_CASE(empty_datagram)
{
	struct harness h;
	struct address bound, peer_address;
	char text[4];
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	ringcast_peer_send_to(peer, &bound, true, "", 0);
	struct io_event event = ringcast_harness_next(&h);
	cr_assert_eq(event.kind, IO_EVENT_DATAGRAM);
	cr_assert_eq(event.size, 0);
	h.io->ops->release(h.io, &event);
	struct io_datagram answer = {.address = peer_address};
	h.io->ops->udp_send(h.io, socket, &answer, 1);
	ringcast_harness_turn(&h);
	cr_assert_eq(recv(peer, text, sizeof(text), 0), 0);
	close(peer);
	ringcast_harness_fini(&h);
}

/* size bytes in segments of 100 to the peer, which gets each by itself. */
static void send_segments(struct harness *h, io_id socket, int peer, const struct address *peer_address, bool is_v4, uint32_t size)
{
	uint8_t data[6400], got[200];
	struct io_datagram datagram = {.address = *peer_address, .data = data, .size = size, .segment_bytes = 100};
	(void)is_v4;
	ringcast_pattern_fill(data, size, 0);
	h->io->ops->udp_send(h->io, socket, &datagram, 1);
	ringcast_harness_turn(h);
	memset(data, 0, sizeof(data)); /* ours again */
	for (uint32_t offset = 0; offset < size; offset += 100) {
		ssize_t expected = size - offset < 100 ? (ssize_t)(size - offset) : 100;
		cr_assert_eq(recv(peer, got, sizeof(got), 0), expected);
		cr_assert(ringcast_pattern_matches(got, (size_t)expected, offset));
	}
}

static void segments_over(const struct backend *backend, bool is_v4)
{
	struct harness h;
	struct address bound, peer_address;
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, is_v4, 0, &bound);
	int peer = ringcast_peer_udp(is_v4, &peer_address);
	send_segments(&h, socket, peer, &peer_address, is_v4, 1037);
	send_segments(&h, socket, peer, &peer_address, is_v4, 100 * IO_GSO_SEGMENT_COUNT_MAX);
	send_segments(&h, socket, peer, &peer_address, is_v4, 100); /* one segment: an ordinary datagram */
	send_segments(&h, socket, peer, &peer_address, is_v4, 40);
	cr_assert_eq(h.io->ops->stats(h.io)->gso_sends, 2);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, 11 + 64 + 1 + 1);
	cr_assert_eq(h.io->ops->stats(h.io)->datagram_send_errors, 0);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(segments_v4)
{
	segments_over(backend, true);
}
IO_CASE(segments_v6)
{
	segments_over(backend, false);
}

/* The kernel refuses GSO on a socket without checksums, as it does on devices without offload. */
IO_CASE(segments_refused_by_the_kernel)
{
	struct harness h;
	struct address bound, peer_address;
	const int one = 1;
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	int fd = ringcast_find_descriptor(bound.port, SOCK_DGRAM);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	send_segments(&h, socket, peer, &peer_address, true, 1037);
	cr_assert_eq(h.io->ops->stats(h.io)->gso_sends, 1);
	send_segments(&h, socket, peer, &peer_address, true, 640);
	cr_assert_eq(h.io->ops->stats(h.io)->gso_sends, 1, "not tried again");
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, 11 + 7);
	cr_assert_eq(h.io->ops->stats(h.io)->datagram_send_errors, 0);
	cr_assert_eq(h.event_count, 0);
	close(peer);
	ringcast_harness_fini(&h);
}

/* A whole batch refused at once, each to be cut into many. */
IO_CASE(many_segmented_sends_refused)
{
	enum { SEND_COUNT = 300, SEGMENT_COUNT = 4 };
	struct harness h;
	struct address bound, peer_address;
	struct io_datagram datagrams[SEND_COUNT];
	uint8_t data[SEGMENT_COUNT * 10], got[32];
	const int one = 1;
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	int fd = ringcast_find_descriptor(bound.port, SOCK_DGRAM);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	ringcast_pattern_fill(data, sizeof(data), 0);
	for (unsigned i = 0; i < SEND_COUNT; i++)
		datagrams[i] =
			(struct io_datagram){.address = peer_address, .data = data, .size = sizeof(data), .segment_bytes = 10, .user = i};
	h.io->ops->udp_send(h.io, socket, datagrams, SEND_COUNT);
	ringcast_harness_turn(&h);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, SEND_COUNT * SEGMENT_COUNT);
	unsigned received = 0;
	while (recv(peer, got, sizeof(got), MSG_DONTWAIT) == 10)
		received++;
	cr_assert_gt(received, SEGMENT_COUNT, "the peer's own buffer may overflow, after more than one send");
	cr_assert_eq(h.event_count, 0);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(truncated_datagram)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound, peer_address;
	uint8_t data[600];
	options.datagram_buffer_bytes = 500;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	ringcast_pattern_fill(data, sizeof(data), 0);
	const size_t sizes[] = {500, 501, 600, 499};
	for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
		ringcast_peer_send_to(peer, &bound, true, data, sizes[i]);
		struct io_event event = ringcast_harness_next(&h);
		cr_assert_eq(event.kind, IO_EVENT_DATAGRAM);
		cr_assert_eq(event.is_truncated, sizes[i] > 500);
		cr_assert_eq(event.size, sizes[i] > 500 ? 500 : sizes[i]);
		cr_assert(ringcast_pattern_matches(event.data, event.size, 0));
		h.io->ops->release(h.io, &event);
	}
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(datagram_buffers_exhausted_then_released)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound, peer_address;
	struct io_event held[4];
	options.datagram_buffer_count = ARRAY_COUNT(held);
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	for (uint8_t i = 0; i < 20; i++)
		ringcast_peer_send_to(peer, &bound, true, &i, 1);
	for (unsigned i = 0; i < ARRAY_COUNT(held); i++)
		held[i] = ringcast_harness_next(&h);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	cr_assert_gt(h.io->ops->stats(h.io)->rx_buffers_empty, 0);
	for (unsigned i = 0; i < ARRAY_COUNT(held); i++) {
		cr_assert_eq(held[i].data[0], i);
		h.io->ops->release(h.io, &held[i]);
	}
	for (unsigned i = ARRAY_COUNT(held); i < 20; i++) {
		struct io_event event = ringcast_harness_next(&h);
		cr_assert_eq(event.kind, IO_EVENT_DATAGRAM);
		cr_assert_eq(event.data[0], i);
		h.io->ops->release(h.io, &event);
	}
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(failed_datagrams_are_reported)
{
	static const uint8_t big[65536];
	struct harness h;
	struct address bound, peer_address, v6 = ringcast_harness_loopback(false, 9);
	char text[4];
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, true, 0, &bound);
	int peer = ringcast_peer_udp(true, &peer_address);
	struct io_datagram datagrams[] = {
		{.address = peer_address, .data = big, .size = 1, .user = 1},
		{.address = peer_address, .data = big, .size = sizeof(big), .user = 2}, /* larger than any datagram */
		{.address = peer_address, .data = big, .size = 2, .user = 3},
		{.address = v6, .data = big, .size = 1, .user = 4}, /* not for this socket */
		{.address = peer_address, .data = big, .size = 3, .user = 5},
	};
	h.io->ops->udp_send(h.io, socket, datagrams, ARRAY_COUNT(datagrams));
	struct io_event events[2] = {ringcast_harness_take(&h, IO_EVENT_SEND_ERROR), ringcast_harness_take(&h, IO_EVENT_SEND_ERROR)};
	const struct io_event *too_big = events[0].user == 2 ? &events[0] : &events[1];
	const struct io_event *foreign = events[0].user == 2 ? &events[1] : &events[0];
	cr_assert_eq(too_big->user, 2);
	cr_assert_eq(too_big->result, -EMSGSIZE);
	cr_assert_eq(too_big->id, socket);
	cr_assert_eq(foreign->user, 4);
	cr_assert_eq(foreign->result, -EAFNOSUPPORT);
	for (ssize_t size = 1; size <= 3; size++)
		cr_assert_eq(recv(peer, text, sizeof(text), 0), size);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, 3);
	cr_assert_eq(h.io->ops->stats(h.io)->datagram_send_errors, 2);
	close(peer);
	ringcast_harness_fini(&h);
}

/* More failures than are kept: all counted, a good sample told. */
IO_CASE(very_many_failed_datagrams)
{
	enum { COUNT = 3000 };
	static const uint8_t big[65536];
	static struct io_datagram datagrams[COUNT];
	struct harness h;
	struct address bound;
	ringcast_harness_init(&h, backend, NULL);
	io_id socket = ringcast_harness_udp(&h, true, 0, &bound);
	for (unsigned i = 0; i < COUNT; i++)
		datagrams[i] = (struct io_datagram){.address = bound, .data = big, .size = sizeof(big), .user = i};
	h.io->ops->udp_send(h.io, socket, datagrams, COUNT);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.io->ops->stats(h.io)->datagram_send_errors, COUNT);
	cr_assert_eq(h.io->ops->stats(h.io)->datagrams_sent, 0);
	unsigned reported = ringcast_harness_count(&h, IO_EVENT_SEND_ERROR);
	cr_assert_geq(reported, 1000);
	for (unsigned i = 0; i < reported; i++)
		cr_assert_eq(ringcast_harness_next(&h).user, i);
	ringcast_harness_fini(&h);
}

/* Receivers know from which socket a burst came, and lose nothing that fits their buffers. */
IO_CASE(burst_between_two_sockets)
{
	enum { COUNT = 200 };
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address a_bound, b_bound;
	struct io_datagram datagrams[COUNT];
	uint8_t data[COUNT];
	options.datagram_buffer_count = 256;
	ringcast_harness_init(&h, backend, &options);
	io_id a = ringcast_harness_udp(&h, true, 1, &a_bound);
	io_id b = ringcast_harness_udp(&h, true, 2, &b_bound);
	for (unsigned i = 0; i < COUNT; i++) {
		data[i] = (uint8_t)i;
		datagrams[i] = (struct io_datagram){.address = b_bound, .data = &data[i], .size = 1};
	}
	h.io->ops->udp_send(h.io, a, datagrams, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		struct io_event event = ringcast_harness_next(&h);
		cr_assert_eq(event.kind, IO_EVENT_DATAGRAM);
		cr_assert_eq(event.id, b);
		cr_assert_eq(event.user, 2);
		cr_assert(ringcast_address_is_equal(&event.address, &a_bound));
		cr_assert_eq(event.data[0], (uint8_t)i);
		h.io->ops->release(h.io, &event);
	}
	ringcast_harness_fini(&h);
}
