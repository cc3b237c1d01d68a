/* The end of a stream that says something last; apart from the others for the sake of the kernel's own tcp_info. */
#include <criterion/criterion.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_harness.h"

static uint32_t segments_come(int peer)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);
	cr_assert_eq(getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	return info.tcpi_segs_in;
}

/* What is said last and the stream's end are one packet; close or half close, all of it arrives. */
static void end_with_last_words(const struct backend *backend, bool is_shutdown)
{
	struct harness h;
	struct address bound;
	char text[4];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 1, &peer);
	uint32_t before = segments_come(peer);
	h.io->ops->stream_last(h.io, stream);
	ringcast_harness_send(&h, stream, "bye", 3);
	if (is_shutdown)
		h.io->ops->stream_shutdown(h.io, stream);
	else
		h.io->ops->stream_close(h.io, stream);
	ringcast_harness_settle(&h);
	ringcast_peer_read(peer, text, 3);
	cr_assert_arr_eq(text, "bye", 3);
	cr_assert_eq(read(peer, text, 1), 0);
	cr_assert_eq(segments_come(peer) - before, 1);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(last_words_travel_with_a_shutdown)
{
	end_with_last_words(backend, true);
}
IO_CASE(last_words_travel_with_a_close)
{
	end_with_last_words(backend, false);
}
