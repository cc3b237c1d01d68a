/* Streams that are not read for a while, on every backend. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"
#include "io_harness.h"

IO_CASE(a_paused_stream_is_not_read)
{
	struct harness h;
	struct address bound;
	char text[3];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 7, &peer);
	ringcast_peer_write(peer, "abc", 3);
	ringcast_harness_recv(&h, stream, text, 3);
	h.io->ops->stream_pause(h.io, stream);
	ringcast_harness_settle(&h);
	ringcast_peer_write(peer, "def", 3);
	shutdown(peer, SHUT_WR);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	h.io->ops->stream_resume(h.io, stream);
	ringcast_harness_recv(&h, stream, text, 3);
	cr_assert_arr_eq(text, "def", 3);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(a_pause_that_is_over_at_once_changes_nothing)
{
	struct harness h;
	struct address bound;
	char text[2];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 7, &peer);
	for (int round = 0; round < 20; round++) {
		h.io->ops->stream_pause(h.io, stream);
		h.io->ops->stream_resume(h.io, stream);
		if (round % 3 == 0)
			ringcast_harness_turn(&h);
		ringcast_peer_write(peer, "xy", 2);
		ringcast_harness_recv(&h, stream, text, 2);
		cr_assert_arr_eq(text, "xy", 2);
	}
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(a_paused_stream_sends_and_closes)
{
	struct harness h;
	struct address bound;
	char text[4];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 7, &peer);
	ringcast_peer_write(peer, "unread", 6);
	h.io->ops->stream_pause(h.io, stream);
	ringcast_harness_send(&h, stream, "sent", 4);
	ringcast_peer_read(peer, text, 4);
	cr_assert_arr_eq(text, "sent", 4);
	h.io->ops->stream_close(h.io, stream);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_CLOSED).id, stream);
	for (unsigned i = 0; i < h.event_count; i++)
		if (h.events[i].kind == IO_EVENT_RECV)
			h.io->ops->release(h.io, &h.events[i]);
	close(peer);
	ringcast_harness_fini(&h);
}

/* It waits for a buffer, is paused meanwhile, and must neither take one nor be forgotten. */
IO_CASE(a_stream_without_a_buffer_is_paused)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	char text[4];
	int peers[2];
	options.stream_buffer_count = 1;
	options.stream_buffer_bytes = 32;
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id first = ringcast_harness_connect(&h, &bound, true, 1, &peers[0]);
	io_id second = ringcast_harness_connect(&h, &bound, true, 2, &peers[1]);
	ringcast_peer_write(peers[0], "1234", 4);
	struct io_event held = ringcast_harness_take(&h, IO_EVENT_RECV);
	cr_assert_eq(held.id, first);
	ringcast_peer_write(peers[1], "5678", 4);
	ringcast_harness_settle(&h);
	h.io->ops->stream_pause(h.io, second);
	ringcast_harness_settle(&h);
	h.io->ops->release(h.io, &held);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	ringcast_peer_write(peers[0], "9012", 4);
	ringcast_harness_recv(&h, first, text, 4);
	cr_assert_arr_eq(text, "9012", 4);
	h.io->ops->stream_resume(h.io, second);
	ringcast_harness_recv(&h, second, text, 4);
	cr_assert_arr_eq(text, "5678", 4);
	close(peers[0]);
	close(peers[1]);
	ringcast_harness_fini(&h);
}

/* Whenever it is paused and resumed: each byte once, in order, then the end. */
IO_CASE(pauses_lose_nothing)
{
	enum { BYTES = 1 << 20, PIECE = 1000 };
	static uint8_t data[BYTES];
	struct harness h;
	struct address bound;
	struct prng prng;
	uint64_t written = 0, received = 0;
	bool is_paused = false, has_ended = false;
	int peer;
	ringcast_prng_init(&prng, 4);
	ringcast_pattern_fill(data, BYTES, 0);
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 7, &peer);
	while (!has_ended) {
		ssize_t more = written < BYTES ? send(peer, data + written, written + PIECE < BYTES ? PIECE : BYTES - written, MSG_DONTWAIT) : 0;
		written += more > 0 ? (uint64_t)more : 0;
		if (written == BYTES && more > 0)
			shutdown(peer, SHUT_WR);
		if (ringcast_prng_chance(&prng, 1, 3)) {
			(is_paused ? h.io->ops->stream_resume : h.io->ops->stream_pause)(h.io, stream);
			is_paused = !is_paused;
		}
		if (ringcast_prng_chance(&prng, 1, 2))
			ringcast_harness_turn(&h);
		while (h.event_count > 0) {
			struct io_event event = ringcast_harness_next(&h);
			cr_assert(!has_ended);
			has_ended = event.kind == IO_EVENT_END;
			if (has_ended)
				continue;
			cr_assert_eq(event.kind, IO_EVENT_RECV);
			cr_assert(ringcast_pattern_matches(event.data, event.size, received));
			received += event.size;
			h.io->ops->release(h.io, &event);
		}
	}
	cr_assert_eq(received, BYTES);
	close(peer);
	ringcast_harness_fini(&h);
}
