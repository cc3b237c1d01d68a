/* Simulated datagrams: each fault is seen, and every datagram is accounted for. */
#include <errno.h>

#include "sim_fixture.h"

static void send_to_io(struct fixture *f, unsigned count)
{
	struct address from = fixture_address(2, 6000);
	for (unsigned i = 0; i < count; i++) {
		uint8_t bytes[32];
		memset(bytes, (int)i, sizeof(bytes));
		ringcast_sim_udp_send(f->network, &from, &f->udp, bytes, sizeof(bytes));
	}
}

/* Lets everything happen; returns how many datagrams the io saw, firsts[i] = first byte, sizes[i] = size of the i-th. */
static unsigned receive_all(struct fixture *f, uint8_t *firsts, uint32_t *sizes, unsigned count_max)
{
	unsigned count = 0;
	for (;;) {
		fixture_run(f);
		for (unsigned i = 0; i < f->count; i++) {
			if (f->events[i].kind != IO_EVENT_DATAGRAM)
				continue;
			cr_assert_lt(count, count_max);
			cr_assert_eq(f->events[i].user, 77);
			firsts[count] = f->events[i].size > 0 ? f->events[i].data[0] : 0;
			sizes[count++] = f->events[i].size;
			f->io->ops->release(f->io, &f->events[i]);
		}
		uint64_t deadline_ns = ringcast_sim_network_next_deadline(f->network);
		if (deadline_ns == UINT64_MAX)
			return count;
		ringcast_sim_network_advance_to(f->network, deadline_ns);
	}
}

static void expect_conservation(const struct fixture *f)
{
	const struct sim_counts *c = ringcast_sim_network_counts(f->network);
	cr_assert_eq(c->datagrams_sent + c->duplicated,
		     c->datagrams_delivered + c->datagrams_lost + c->datagrams_unroutable + c->datagrams_overflowed + c->datagrams_in_flight);
}

static unsigned send_under(const struct sim_faults *faults, unsigned count, struct sim_counts *ret_counts, uint8_t *firsts, uint32_t *sizes)
{
	struct fixture f;
	fixture_init(&f, 11, faults);
	send_to_io(&f, count);
	unsigned received = receive_all(&f, firsts, sizes, 2 * count);
	expect_conservation(&f);
	*ret_counts = *ringcast_sim_network_counts(f.network);
	fixture_fini(&f);
	return received;
}

Test(sim_datagram, arrives_with_its_source)
{
	struct fixture f;
	struct address from = fixture_address(9, 999);
	fixture_init(&f, 1, NULL);
	ringcast_sim_udp_send(f.network, &from, &f.udp, "spoofed", 7);
	struct io_event *event = fixture_next(&f, IO_EVENT_DATAGRAM);
	cr_assert_not_null(event);
	cr_assert_eq(event->id, f.socket);
	cr_assert(ringcast_address_is_equal(&event->address, &from));
	cr_assert_eq(event->size, 7);
	cr_assert_arr_eq(event->data, "spoofed", 7);
	f.io->ops->release(f.io, event);
	fixture_fini(&f);
}

Test(sim_datagram, all_arrive_without_faults)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	cr_assert_eq(send_under(NULL, 200, &counts, firsts, sizes), 200);
}

Test(sim_datagram, loss)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	unsigned received = send_under(&(struct sim_faults){.loss = 300}, 200, &counts, firsts, sizes);
	cr_assert_gt(counts.datagrams_lost, 0);
	cr_assert_eq(received, 200 - counts.datagrams_lost);
}

Test(sim_datagram, burst_loses_everything_for_a_while)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	unsigned received = send_under(&(struct sim_faults){.burst_loss = 20, .burst_ns_max = NS_PER_S}, 200, &counts, firsts, sizes);
	cr_assert_gt(counts.datagrams_lost, 100); /* all were sent within one moment, so the first burst took the rest */
	cr_assert_eq(received, 200 - counts.datagrams_lost);
}

Test(sim_datagram, duplicates)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	unsigned received = send_under(&(struct sim_faults){.duplicate = 300}, 200, &counts, firsts, sizes);
	cr_assert_gt(counts.duplicated, 0);
	cr_assert_eq(received, 200 + counts.duplicated);
}

Test(sim_datagram, delay_reorders)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	unsigned jumps = 0, received = send_under(&(struct sim_faults){.delay = 500, .delay_ns_max = NS_PER_S}, 200, &counts, firsts, sizes);
	cr_assert_eq(received, 200);
	for (unsigned i = 1; i < received; i++)
		jumps += firsts[i] + 10 < firsts[i - 1];
	cr_assert_gt(jumps, 20);
}

Test(sim_datagram, corrupts_and_truncates)
{
	struct sim_counts counts;
	uint8_t firsts[400];
	uint32_t sizes[400];
	unsigned shorter = 0, received = send_under(&(struct sim_faults){.corrupt = 300, .truncate = 300}, 200, &counts, firsts, sizes);
	for (unsigned i = 0; i < received; i++)
		shorter += sizes[i] < 32;
	cr_assert_eq(received, 200);
	cr_assert_gt(counts.corrupted, 0);
	cr_assert_eq(shorter, counts.truncated);
	cr_assert_gt(shorter, 0);
}

Test(sim_datagram, longer_than_the_buffer_is_marked)
{
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	static uint8_t bytes[300];
	fixture_init(&f, 1, NULL);
	ringcast_sim_udp_send(f.network, &from, &f.udp, bytes, sizeof(bytes));
	struct io_event *event = fixture_next(&f, IO_EVENT_DATAGRAM);
	cr_assert(event->is_truncated);
	cr_assert_eq(event->size, 256);
	fixture_fini(&f);
}

Test(sim_datagram, waits_for_a_receive_buffer)
{
	struct fixture f;
	fixture_init(&f, 1, NULL);
	send_to_io(&f, 6);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	fixture_run(&f);
	cr_assert_eq(f.count, 4); /* all buffers */
	struct io_event first = f.events[0];
	cr_assert(!ringcast_io_sim_has_events(f.io));
	cr_assert_gt(f.io->ops->stats(f.io)->rx_buffers_empty, 0);
	f.io->ops->release(f.io, &first);
	cr_assert(ringcast_io_sim_has_events(f.io));
	fixture_run(&f);
	cr_assert_eq(f.count, 1);
	fixture_fini(&f);
}

Test(sim_datagram, a_full_queue_overflows)
{
	struct fixture f;
	fixture_init(&f, 1, NULL);
	send_to_io(&f, 1100);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_network_counts(f.network)->datagrams_overflowed, 1100 - 1024);
	expect_conservation(&f);
	fixture_fini(&f);
}

Test(sim_datagram, segments_become_datagrams)
{
	struct fixture f;
	struct address to = fixture_address(2, 6000), from;
	uint8_t bytes[25], got[32];
	size_t size, total = 0;
	fixture_init(&f, 1, NULL);
	int socket = ringcast_sim_udp_open(f.network, &to);
	cr_assert_eq(ringcast_sim_udp_open(f.network, &to), -EADDRINUSE);
	fixture_fill(bytes, sizeof(bytes));
	f.io->ops->udp_send(f.io, f.socket, &(struct io_datagram){.address = to, .data = bytes, .size = 25, .segment_bytes = 10}, 1);
	fixture_run(&f);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	static const size_t expected[3] = {10, 10, 5};
	for (int i = 0; i < 3; i++) {
		cr_assert(ringcast_sim_udp_receive(f.network, socket, &from, got, sizeof(got), &size));
		cr_assert_eq(size, expected[i]);
		cr_assert(ringcast_address_is_equal(&from, &f.udp));
		cr_assert_arr_eq(got, bytes + total, size);
		total += size;
	}
	cr_assert(!ringcast_sim_udp_receive(f.network, socket, &from, got, sizeof(got), &size));
	fixture_fini(&f);
}

Test(sim_datagram, send_errors_name_the_datagram)
{
	struct sim_faults faults = {.send_error = 1000};
	struct fixture f;
	fixture_init(&f, 1, &faults);
	struct io_datagram datagram = {.address = fixture_address(2, 6000), .data = (const uint8_t *)"x", .size = 1, .user = 123};
	f.io->ops->udp_send(f.io, f.socket, &datagram, 1);
	struct io_event *event = fixture_next(&f, IO_EVENT_SEND_ERROR);
	cr_assert_not_null(event);
	cr_assert_eq(event->user, 123);
	cr_assert(event->result == -ENOBUFS || event->result == -EAGAIN);
	cr_assert_eq(f.io->ops->stats(f.io)->datagram_send_errors, 1);
	fixture_fini(&f);
}

Test(sim_datagram, to_nowhere_is_counted)
{
	struct fixture f;
	struct address from = fixture_address(2, 6000), nowhere = fixture_address(3, 1);
	fixture_init(&f, 1, NULL);
	ringcast_sim_udp_send(f.network, &from, &nowhere, "x", 1);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_network_counts(f.network)->datagrams_unroutable, 1);
	expect_conservation(&f);
	fixture_fini(&f);
}
