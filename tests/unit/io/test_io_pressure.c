/* What runs out: receive buffers, stream slots, descriptors, room in the completion queue; and what is reused or left behind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"
#include "io_harness.h"

IO_CASE(buffers_exhausted_then_released)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	struct io_event held[4];
	uint8_t data[1000], rest[1000];
	size_t received = 0;
	int peer;
	options.stream_buffer_count = ARRAY_COUNT(held);
	options.stream_buffer_bytes = 64;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_pattern_fill(data, sizeof(data), 0);
	ringcast_peer_write(peer, data, sizeof(data));
	for (unsigned i = 0; i < ARRAY_COUNT(held); i++)
		held[i] = ringcast_harness_take(&h, IO_EVENT_RECV);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	cr_assert_gt(h.io->ops->stats(h.io)->rx_buffers_empty, 0);
	for (unsigned i = 0; i < ARRAY_COUNT(held); i++) {
		cr_assert(ringcast_pattern_matches(held[i].data, held[i].size, received), "held buffers stay as they are");
		received += held[i].size;
		h.io->ops->release(h.io, &held[i]);
	}
	ringcast_harness_recv(&h, stream, rest, sizeof(data) - received);
	cr_assert(ringcast_pattern_matches(rest, sizeof(data) - received, received));
	close(peer);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_END);
	ringcast_harness_fini(&h);
}

IO_CASE(starved_streams_all_go_on)
{
	enum { PEER_COUNT = 6, BYTES = 500 };
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	int peers[PEER_COUNT];
	io_id streams[PEER_COUNT];
	uint64_t received[PEER_COUNT] = {0};
	uint8_t data[BYTES];
	uint64_t total = 0;
	options.stream_buffer_count = 2;
	options.stream_buffer_bytes = 32;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	ringcast_pattern_fill(data, sizeof(data), 0);
	for (unsigned i = 0; i < PEER_COUNT; i++)
		streams[i] = ringcast_harness_connect(&h, &bound, true, i, &peers[i]);
	for (unsigned i = 0; i < PEER_COUNT; i++)
		ringcast_peer_write(peers[i], data, sizeof(data));
	while (total < PEER_COUNT * BYTES) {
		struct io_event event = ringcast_harness_take(&h, IO_EVENT_RECV);
		cr_assert_eq(event.id, streams[event.user]);
		cr_assert(ringcast_pattern_matches(event.data, event.size, received[event.user]));
		received[event.user] += event.size;
		total += event.size;
		ringcast_harness_settle(&h); /* held for a while */
		h.io->ops->release(h.io, &event);
	}
	for (unsigned i = 0; i < PEER_COUNT; i++) {
		cr_assert_eq(received[i], BYTES);
		close(peers[i]);
	}
	ringcast_harness_fini(&h);
}

IO_CASE(close_and_detach_while_starved)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	uint8_t data[200] = {0};
	int peers[2];
	options.stream_buffer_count = 1;
	options.stream_buffer_bytes = 32;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id first = ringcast_harness_connect(&h, &bound, true, 1, &peers[0]);
	io_id second = ringcast_harness_connect(&h, &bound, true, 2, &peers[1]);
	ringcast_peer_write(peers[0], data, sizeof(data));
	ringcast_peer_write(peers[1], data, sizeof(data));
	struct io_event held = ringcast_harness_take(&h, IO_EVENT_RECV);
	ringcast_harness_settle(&h);
	h.io->ops->stream_close(h.io, first);
	h.io->ops->stream_detach(h.io, second);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_CLOSED).id, first);
	struct io_event detached = ringcast_harness_take(&h, IO_EVENT_DETACHED);
	cr_assert_eq(detached.id, second);
	h.io->ops->release(h.io, &held);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	close(detached.result);
	close(peers[0]);
	close(peers[1]);
	ringcast_harness_fini(&h);
}

/* Slots are used again at once; what was said about the old stream must not reach the new one. */
IO_CASE(stale_ids_never_delivered)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	uint8_t old[700], fresh[3];
	io_id last = HANDLE_NONE;
	options.stream_count_max = 1;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	memset(old, 'o', sizeof(old));
	for (int round = 0; round < 50; round++) {
		int peer;
		io_id stream = ringcast_harness_connect(&h, &bound, true, (uint64_t)round, &peer);
		cr_assert_neq(stream, last);
		last = stream;
		ringcast_harness_turn(&h);
		ringcast_peer_write(peer, "new", 3);
		ringcast_harness_recv(&h, stream, fresh, 3);
		cr_assert_arr_eq(fresh, "new", 3);
		ringcast_peer_write(peer, old, sizeof(old)); /* on the way while we close */
		h.io->ops->stream_close(h.io, stream);
		cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_CLOSED).id, stream);
		cr_assert_eq(ringcast_harness_count(&h, IO_EVENT_RECV), 0, "closing: nothing is delivered any more");
		close(peer);
	}
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	ringcast_harness_fini(&h);
}

IO_CASE(one_stream_too_many)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	int first_peer;
	char byte;
	options.stream_count_max = 1;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id first = ringcast_harness_connect(&h, &bound, true, 1, &first_peer);
	int second_peer = ringcast_peer_connect(&bound, true);
	ringcast_harness_settle(&h);
	cr_assert_eq(recv(second_peer, &byte, 1, 0), 0, "refused");
	cr_assert_eq(h.io->ops->stats(h.io)->accept_errors, 1);
	cr_assert_eq(h.event_count, 0);

	int pair[2];
	io_id adopted;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(h.io->ops->stream_adopt(h.io, pair[0], &adopted), -ENFILE);
	cr_assert_eq(recv(pair[1], &byte, 1, 0), 0, "what cannot be taken is closed, not forgotten");
	h.io->ops->stream_close(h.io, first);
	ringcast_harness_take(&h, IO_EVENT_CLOSED);
	int third_peer;
	ringcast_harness_connect(&h, &bound, true, 3, &third_peer);
	close(pair[1]);
	close(first_peer);
	close(second_peer);
	close(third_peer);
	ringcast_harness_fini(&h);
}

IO_CASE(listen_stop)
{
	struct harness h;
	struct address bound, again;
	char byte;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	io_id listener = ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	h.io->ops->listen_stop(h.io, listener);
	ringcast_harness_settle(&h);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union socket_name name;
	socklen_t name_size = ringcast_socket_encode_address(&bound, true, &name);
	cr_assert_eq(connect(fd, &name.any, name_size), -1);
	cr_assert_eq(errno, ECONNREFUSED);
	close(fd);
	ringcast_peer_write(peer, "y", 1);
	ringcast_harness_recv(&h, stream, &byte, 1);
	io_id second = ringcast_harness_listen(&h, true, &again);
	cr_assert_neq(second, listener);
	close(peer);
	ringcast_harness_connect(&h, &again, true, 0, &peer);
	close(peer);
	ringcast_harness_fini(&h);
}

/* Several listeners on one port: every connection is accepted by exactly one. */
IO_CASE(listeners_share_a_port)
{
	struct harness a, b;
	struct address bound, same;
	io_id ignored;
	int peers[20];
	ringcast_harness_init(&a, backend, NULL);
	ringcast_harness_init(&b, backend, NULL);
	ringcast_harness_listen(&a, true, &bound);
	cr_assert_eq(b.io->ops->tcp_listen(b.io, &bound, true, &same, &ignored), 0);
	cr_assert_eq(same.port, bound.port);
	for (unsigned i = 0; i < ARRAY_COUNT(peers); i++)
		peers[i] = ringcast_peer_connect(&bound, true);
	ringcast_harness_settle(&a);
	ringcast_harness_settle(&b);
	uint64_t accepts = a.io->ops->stats(a.io)->accepts + a.io->ops->stats(a.io)->accept_errors;
	accepts += b.io->ops->stats(b.io)->accepts + b.io->ops->stats(b.io)->accept_errors;
	cr_assert_eq(accepts, ARRAY_COUNT(peers));
	for (unsigned i = 0; i < ARRAY_COUNT(peers); i++)
		close(peers[i]);
	ringcast_harness_fini(&a);
	ringcast_harness_fini(&b);
}

IO_CASE(one_event_at_a_time)
{
	struct harness h;
	struct address bound;
	int peers[8];
	unsigned ends = 0;
	ringcast_harness_init(&h, backend, NULL);
	h.batch_count_max = 1;
	ringcast_harness_listen(&h, true, &bound);
	for (unsigned i = 0; i < ARRAY_COUNT(peers); i++)
		ringcast_harness_connect(&h, &bound, true, i, &peers[i]);
	for (unsigned i = 0; i < ARRAY_COUNT(peers); i++) {
		ringcast_peer_write(peers[i], "abcdef", 6);
		close(peers[i]);
	}
	uint64_t bytes = 0;
	while (ends < ARRAY_COUNT(peers)) {
		struct io_event event = ringcast_harness_next(&h);
		if (event.kind == IO_EVENT_RECV) {
			bytes += event.size;
			h.io->ops->release(h.io, &event);
			continue;
		}
		cr_assert_eq(event.kind, IO_EVENT_END);
		ends++;
	}
	cr_assert_eq(bytes, 6 * ARRAY_COUNT(peers));
	ringcast_harness_fini(&h);
}

/* Far more small receives than a completion queue holds, reaped slowly. */
IO_CASE(completions_outnumber_their_queue)
{
	enum { BYTES = 60000 };
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	uint8_t *data = malloc(BYTES), *got = malloc(BYTES);
	int peer;
	options.stream_buffer_count = 32768;
	options.stream_buffer_bytes = 2;
	options.buffers_first = options.stream_buffer_count; /* the kernel has them all from the start */
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_pattern_fill(data, BYTES, 0);
	h.batch_count_max = 1;
	for (unsigned i = 0; i < 4; i++) {
		ringcast_peer_write(peer, data + i * (BYTES / 4), BYTES / 4);
		for (int k = 0; k < 300; k++)
			ringcast_harness_turn(&h);
	}
	h.batch_count_max = 4096;
	ringcast_harness_recv(&h, stream, got, BYTES);
	cr_assert_arr_eq(got, data, BYTES);
	if (backend == &ringcast_harness_io_uring)
		cr_assert_gt(h.io->ops->stats(h.io)->cq_overflows, 0);
	close(peer);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	ringcast_harness_fini(&h);
	free(data);
	free(got);
}

IO_CASE(out_of_descriptors)
{
	struct harness h;
	struct address bound;
	struct rlimit limit, tight;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	int peer = ringcast_peer_connect(&bound, true); /* and no turn yet: io_uring takes the limit when the accept is submitted */
	int probe = dup(peer);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = (rlim_t)probe; /* no descriptor below is free */
	close(probe);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	cr_assert_eq(h.io->ops->stats(h.io)->accept_errors, 1, "paused, not spinning");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_ACCEPT).kind, IO_EVENT_ACCEPT);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(destroy_with_everything_in_flight)
{
	const size_t size = 16 << 20;
	struct harness h;
	struct address bound, udp_bound, again;
	uint8_t *data = calloc(1, size);
	struct iovec iov = {.iov_base = data, .iov_len = size};
	char chunk[4096];
	io_id ignored;
	int peers[3];
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	ringcast_harness_udp(&h, true, 0, &udp_bound);
	io_id sending = ringcast_harness_connect(&h, &bound, true, 0, &peers[0]);
	ringcast_harness_connect(&h, &bound, true, 0, &peers[1]);
	io_id closing = ringcast_harness_connect(&h, &bound, true, 0, &peers[2]);
	h.io->ops->stream_send(h.io, sending, &iov, 1);
	ringcast_harness_settle(&h);
	h.io->ops->stream_close(h.io, closing);
	ringcast_harness_fini(&h);
	free(data);
	while (recv(peers[0], chunk, sizeof(chunk), 0) > 0)
		; /* ends: the socket is really closed */
	cr_assert_leq(recv(peers[1], chunk, 1, 0), 0);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
	ringcast_harness_init(&h, backend, NULL);
	cr_assert_eq(h.io->ops->udp_open(h.io, &udp_bound, true, 0, &again, &ignored), 0, "the port is free again");
	ringcast_harness_fini(&h);
}

struct owner {
	const struct backend *backend;
	struct harness h;
	struct address bound, udp_bound;
	int peer;
};

static void *own_for_a_while(void *argument)
{
	struct owner *owner = argument;
	ringcast_harness_init(&owner->h, owner->backend, NULL);
	ringcast_harness_listen(&owner->h, true, &owner->bound);
	ringcast_harness_udp(&owner->h, true, 0, &owner->udp_bound);
	io_id stream = ringcast_harness_connect(&owner->h, &owner->bound, true, 0, &owner->peer);
	ringcast_harness_settle(&owner->h);
	owner->h.io->ops->stream_close(owner->h.io, stream); /* not run any more */
	return NULL;
}

/* Ours goes on: its ring must not be taken for the other's. */
IO_CASE(destroy_after_the_owner_ended)
{
	struct owner owner = {.backend = backend};
	struct harness h;
	struct address bound, again;
	io_id ignored;
	pthread_t thread;
	char byte;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	cr_assert_eq(pthread_create(&thread, NULL, own_for_a_while, &owner), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	ringcast_harness_fini(&owner.h);
	cr_assert_eq(recv(owner.peer, &byte, 1, 0), 0);
	close(owner.peer);
	cr_assert_eq(h.io->ops->udp_open(h.io, &owner.udp_bound, true, 0, &again, &ignored), 0);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	ringcast_peer_write(peer, "z", 1);
	ringcast_harness_recv(&h, stream, &byte, 1);
	close(peer);
	ringcast_harness_fini(&h);
}

/* Ports and peers are not kept by what the kernel still has to tidy up. */
IO_CASE(destroy_frees_ports_at_once)
{
	struct harness h;
	struct address udp_bound, bound;
	io_id ignored;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_udp(&h, true, 0, &udp_bound);
	for (int i = 0; i < 100; i++) {
		ringcast_harness_turn(&h);
		ringcast_harness_fini(&h);
		ringcast_harness_init(&h, backend, NULL);
		cr_assert_eq(h.io->ops->udp_open(h.io, &udp_bound, true, 0, &bound, &ignored), 0, "round %d", i);
	}
	ringcast_harness_fini(&h);
}
