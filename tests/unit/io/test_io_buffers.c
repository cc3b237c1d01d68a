/* Receive buffers of io_uring: more after a burst, fewer when it has been calm, and every byte in its place all the while. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/io_uring_impl.h"
#include "io_harness.h"

enum { BUFFERS = 256, FIRST = 8, BUFFER_BYTES = 8192, BURST = 100 };

static struct uring_group *group_of(const struct harness *h)
{
	return &((struct uring *)h->io)->groups[URING_GROUP_STREAM];
}

static size_t resident_pages(const struct uring_group *group)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), count = group->memory_bytes / page_bytes, sum = 0;
	unsigned char *pages = malloc(count);
	cr_assert_eq(mincore(group->memory, group->memory_bytes, pages), 0);
	for (size_t i = 0; i < count; i++)
		sum += pages[i] & 1;
	free(pages);
	return sum;
}

/* One byte at a time, each in a buffer of its own, and none is given back before all are there. */
static void burst(struct harness *h, int peer)
{
	struct io_event events[BURST];
	for (unsigned i = 0; i < BURST; i++) {
		uint8_t byte = (uint8_t)(i * 7);
		ringcast_peer_write(peer, &byte, 1);
		events[i] = ringcast_harness_take(h, IO_EVENT_RECV);
		cr_assert_eq(events[i].size, 1);
	}
	for (unsigned i = 0; i < BURST; i++) {
		cr_assert_eq(*(const uint8_t *)events[i].data, (uint8_t)(i * 7), "nobody else has written there");
		h->io->ops->release(h->io, &events[i]);
	}
}

/* One buffer after the other, for two rounds of all of them; the time of calm is over at once. */
static void trickle(struct harness *h, int peer, io_id stream)
{
	uint8_t data[16], got[16];
	for (unsigned i = 0; i < 2 * BUFFERS; i++) {
		memset(data, (int)i, sizeof(data));
		group_of(h)->calm_ns = 0;
		ringcast_peer_write(peer, data, sizeof(data));
		ringcast_harness_recv(h, stream, got, sizeof(got));
		cr_assert_arr_eq(got, data, sizeof(data));
	}
}

Test(io_uring_buffers, are_given_back_when_it_is_calm_and_taken_again_by_the_next_burst, .timeout = 120)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	int peer;
	ringcast_harness_need_io_uring();
	options.stream_buffer_count = BUFFERS;
	options.stream_buffer_bytes = BUFFER_BYTES;
	options.buffers_first = FIRST;
	ringcast_harness_init(&h, &ringcast_harness_io_uring, &options);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 0, &peer);
	const struct uring_group *group = group_of(&h);
	for (unsigned round = 0; round < 3; round++) {
		cr_assert_eq(group->provided_count, FIRST);
		burst(&h, peer);
		cr_assert(group->provided_count >= BURST && group->provided_count <= 2 * BURST, "%u", group->provided_count);
		trickle(&h, peer, stream);
		cr_assert_eq(group->provided_count, FIRST);
		cr_assert_eq(group->provided_count + group->idle_count, group->touched_count);
		cr_assert_leq(resident_pages(group), 2 * FIRST);
	}
	close(peer);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	ringcast_harness_fini(&h);
}

/* Who holds them all for long is no calm: the ring is empty, and whoever waits for it gets the first one that comes back. */
Test(io_uring_buffers, are_not_kept_back_while_somebody_waits_for_one, .timeout = 120)
{
	struct io_options options = ringcast_harness_options;
	struct harness h;
	struct address bound;
	struct io_event held[BUFFERS];
	int peer;
	ringcast_harness_need_io_uring();
	options.stream_buffer_count = BUFFERS;
	options.stream_buffer_bytes = BUFFER_BYTES;
	options.buffers_first = FIRST;
	ringcast_harness_init(&h, &ringcast_harness_io_uring, &options);
	ringcast_harness_listen(&h, true, &bound);
	ringcast_harness_connect(&h, &bound, true, 0, &peer);
	for (unsigned i = 0; i < BUFFERS; i++) {
		ringcast_peer_write(peer, "x", 1);
		held[i] = ringcast_harness_take(&h, IO_EVENT_RECV);
	}
	ringcast_peer_write(peer, "y", 1);
	while (ringcast_list_is_empty(&group_of(&h)->starved) || group_of(&h)->is_growth_due)
		ringcast_harness_turn(&h);
	group_of(&h)->calm_ns = 0;
	ringcast_harness_turn(&h);
	h.io->ops->release(h.io, &held[0]);
	held[0] = ringcast_harness_take(&h, IO_EVENT_RECV);
	cr_assert_eq(*(const uint8_t *)held[0].data, 'y');
	for (unsigned i = 0; i < BUFFERS; i++)
		h.io->ops->release(h.io, &held[i]);
	close(peer);
	cr_assert_eq(ringcast_harness_take(&h, IO_EVENT_END).result, 0);
	ringcast_harness_fini(&h);
}
