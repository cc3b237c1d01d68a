/* What the simulated io asserts of the engine, and what it does to time and events. */
#include <signal.h>

#include "sim_fixture.h"

/* Breaking the contract must abort, so each of these tests expects SIGABRT. */

Test(sim_contract, double_release_aborts, .signal = SIGABRT)
{
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	fixture_init(&f, 1, NULL);
	ringcast_sim_udp_send(f.network, &from, &f.udp, "x", 1);
	struct io_event event = *fixture_next(&f, IO_EVENT_DATAGRAM);
	f.io->ops->release(f.io, &event);
	f.io->ops->release(f.io, &event);
}

Test(sim_contract, write_after_release_aborts, .signal = SIGABRT)
{
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	fixture_init(&f, 1, NULL);
	for (int i = 0; i < 5; i++) { /* one more than there are buffers, so the first comes round again */
		ringcast_sim_udp_send(f.network, &from, &f.udp, "x", 1);
		struct io_event event = *fixture_next(&f, IO_EVENT_DATAGRAM);
		f.io->ops->release(f.io, &event);
		if (i == 0)
			event.data[0] = 'y';
	}
}

Test(sim_contract, released_bytes_are_poisoned)
{
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	fixture_init(&f, 1, NULL);
	ringcast_sim_udp_send(f.network, &from, &f.udp, "x", 1);
	struct io_event event = *fixture_next(&f, IO_EVENT_DATAGRAM);
	cr_assert_eq(event.data[0], 'x');
	f.io->ops->release(f.io, &event);
	cr_assert_eq(event.data[0], 0xDB);
	fixture_fini(&f);
}

Test(sim_contract, two_sends_in_flight_abort, .signal = SIGABRT)
{
	struct fixture f;
	sim_stream client;
	uint8_t byte = 1;
	struct iovec iov = {&byte, 1};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
}

Test(sim_contract, changing_bytes_in_flight_aborts, .signal = SIGABRT)
{
	struct fixture f;
	sim_stream client;
	uint8_t byte = 1;
	struct iovec iov = {&byte, 1};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	byte = 2;
	fixture_next(&f, IO_EVENT_SENT);
}

Test(sim_contract, changing_a_datagram_before_run_aborts, .signal = SIGABRT)
{
	struct fixture f;
	uint8_t byte = 1;
	fixture_init(&f, 1, NULL);
	f.io->ops->udp_send(f.io, f.socket, &(struct io_datagram){.address = fixture_address(2, 6000), .data = &byte, .size = 1}, 1);
	byte = 2;
	fixture_run(&f);
}

Test(sim_contract, use_of_a_closed_id_aborts, .signal = SIGABRT)
{
	struct fixture f;
	sim_stream client, other;
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_close(f.io, stream);
	fixture_next(&f, IO_EVENT_CLOSED);
	fixture_accept(&f, &other); /* takes the same slot: only the generation differs */
	f.io->ops->stream_close(f.io, stream);
}

Test(sim_contract, detach_with_a_send_in_flight_aborts, .signal = SIGABRT)
{
	struct fixture f;
	sim_stream client;
	uint8_t byte = 1;
	struct iovec iov = {&byte, 1};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	f.io->ops->stream_detach(f.io, stream);
}

Test(sim_contract, run_never_waits_but_remembers_the_deadline)
{
	struct fixture f;
	fixture_init(&f, 1, NULL);
	uint64_t deadline_ns = ringcast_io_now_ns(f.io) + 7 * NS_PER_MS;
	cr_assert_eq(f.io->ops->run(f.io, deadline_ns, f.events, FIXTURE_EVENT_COUNT), 0);
	cr_assert(!ringcast_io_sim_is_runnable(f.io));
	cr_assert_eq(ringcast_sim_network_next_deadline(f.network), deadline_ns);
	ringcast_sim_network_advance_to(f.network, deadline_ns);
	cr_assert(ringcast_io_sim_is_runnable(f.io));
	cr_assert_lt(ringcast_io_now_ns(f.io), deadline_ns); /* its clock moves with run() only */
	fixture_run(&f);
	cr_assert_eq(ringcast_io_now_ns(f.io), deadline_ns);
	fixture_fini(&f);
}

Test(sim_contract, wakes_coalesce)
{
	struct fixture f;
	fixture_init(&f, 1, NULL);
	fixture_run(&f);
	f.io->ops->wake(f.io);
	f.io->ops->wake(f.io);
	cr_assert(ringcast_io_sim_is_runnable(f.io));
	fixture_run(&f);
	cr_assert_eq(f.count, 1);
	cr_assert_eq(f.events[0].kind, IO_EVENT_WAKE);
	fixture_run(&f);
	cr_assert_eq(f.count, 0);
	fixture_fini(&f);
}

Test(sim_contract, spurious_wakes_few_events_and_missing_buffers_strike)
{
	struct sim_faults faults = {.spurious_wake = 1000, .few_events = 1000};
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	fixture_init(&f, 5, &faults);
	fixture_run(&f);
	cr_assert_eq(f.events[0].kind, IO_EVENT_WAKE);
	for (int i = 0; i < 40; i++) {
		fixture_run(&f);
		cr_assert_lt(f.count, FIXTURE_EVENT_COUNT);
	}
	faults = (struct sim_faults){.no_buffer = 1000};
	ringcast_sim_network_set_faults(f.network, &faults);
	ringcast_sim_udp_send(f.network, &from, &f.udp, "x", 1);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	fixture_run(&f);
	cr_assert_eq(f.count, 0);
	ringcast_sim_network_set_faults(f.network, &(struct sim_faults){0});
	cr_assert_not_null(fixture_next(&f, IO_EVENT_DATAGRAM)); /* the lack passes by itself */
	const struct sim_counts *counts = ringcast_sim_network_counts(f.network);
	cr_assert_gt(counts->spurious_wakes, 0);
	cr_assert_gt(counts->few_events, 0);
	cr_assert_gt(counts->no_buffers, 0);
	fixture_fini(&f);
}

/* A busy little run with every fault on; returns the trace hash. */
static uint64_t busy_run(uint64_t seed)
{
	struct sim_faults faults = {.loss = 100, .duplicate = 100, .delay = 300, .delay_ns_max = NS_PER_S, .corrupt = 100, .truncate = 100,
				    .split = 300, .stall = 100, .short_recv = 300, .short_send = 300, .send_error = 100, .no_buffer = 50,
				    .spurious_wake = 100, .few_events = 300, .reset = 200, .reset_bytes_max = 2000};
	struct fixture f;
	struct address from = fixture_address(2, 6000);
	static uint8_t bytes[700];
	fixture_init(&f, seed, &faults);
	for (uint16_t i = 0; i < 6; i++) {
		struct address client = fixture_address(3, (uint16_t)(100 + i));
		sim_stream stream = ringcast_sim_stream_connect(f.network, &client, &f.tcp);
		ringcast_sim_stream_write(f.network, stream, bytes, sizeof(bytes));
		ringcast_sim_udp_send(f.network, &from, &f.udp, bytes, 100 + i);
	}
	for (int i = 0; i < 500; i++) {
		uint64_t entropy;
		fixture_run(&f);
		f.io->ops->random(f.io, &entropy, sizeof(entropy));
		for (unsigned j = 0; j < f.count; j++) {
			struct io_event *event = &f.events[j];
			if (event->kind == IO_EVENT_ACCEPT)
				f.io->ops->stream_start(f.io, event->stream, entropy);
			if (event->kind == IO_EVENT_RECV || event->kind == IO_EVENT_DATAGRAM)
				f.io->ops->release(f.io, event);
		}
		uint64_t deadline_ns = ringcast_sim_network_next_deadline(f.network);
		if (deadline_ns == UINT64_MAX)
			break;
		ringcast_sim_network_advance_to(f.network, deadline_ns);
	}
	uint64_t hash = ringcast_sim_network_trace_hash(f.network);
	fixture_fini(&f);
	return hash;
}

Test(sim_contract, the_same_seed_gives_the_same_trace)
{
	uint64_t previous = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t hash = busy_run(seed);
		cr_assert_eq(hash, busy_run(seed));
		cr_assert_neq(hash, previous);
		previous = hash;
	}
}
