/* Simulated streams: bytes arrive whole and in order under every fault but reset; ends, resets, windows, hand-off. */
#include <errno.h>

#include "sim_fixture.h"

Test(sim_stream, carries_bytes_both_ways)
{
	struct fixture f;
	sim_stream client;
	uint8_t in[1000], out[1000], answer[] = "answer", got[16];
	struct iovec iov[2] = {{answer, 3}, {answer + 3, 3}};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	fixture_fill(in, sizeof(in));
	ringcast_sim_stream_write(f.network, client, in, sizeof(in));
	fixture_read(&f, stream, out, sizeof(out));
	cr_assert_arr_eq(in, out, sizeof(in));
	f.io->ops->stream_send(f.io, stream, iov, 2);
	struct io_event *sent = fixture_next(&f, IO_EVENT_SENT);
	cr_assert_not_null(sent);
	cr_assert_eq(sent->result, 6);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_stream_read(f.network, client, got, sizeof(got)), 6);
	cr_assert_arr_eq(got, "answer", 6);
	fixture_fini(&f);
}

Test(sim_stream, is_not_read_before_start)
{
	struct fixture f;
	struct address from = fixture_address(2, 5000);
	fixture_init(&f, 1, NULL);
	sim_stream client = ringcast_sim_stream_connect(f.network, &from, &f.tcp);
	ringcast_sim_stream_write(f.network, client, "x", 1);
	io_id stream = fixture_next(&f, IO_EVENT_ACCEPT)->stream;
	cr_assert_null(fixture_next(&f, IO_EVENT_RECV));
	f.io->ops->stream_start(f.io, stream, 5);
	uint8_t byte;
	fixture_read(&f, stream, &byte, 1);
	cr_assert_eq(byte, 'x');
	fixture_fini(&f);
}

/* All stream faults at once, many seeds: every byte, in order. */
Test(sim_stream, faults_never_lose_or_reorder_bytes)
{
	struct sim_faults faults = {.split = 500, .stall = 300, .delay_ns_max = NS_PER_S, .short_recv = 500, .short_send = 500,
				    .no_buffer = 100, .few_events = 500, .spurious_wake = 200};
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct fixture f;
		sim_stream client;
		uint8_t in[3000], out[3000];
		fixture_init(&f, seed, &faults);
		io_id stream = fixture_accept(&f, &client);
		fixture_fill(in, sizeof(in));
		for (size_t i = 0; i < sizeof(in); i += 300)
			ringcast_sim_stream_write(f.network, client, in + i, 300);
		fixture_read(&f, stream, out, sizeof(out));
		cr_assert_arr_eq(in, out, sizeof(in));
		struct iovec iov = {out, sizeof(out)};
		f.io->ops->stream_send(f.io, stream, &iov, 1);
		cr_assert_eq(fixture_next(&f, IO_EVENT_SENT)->result, (int)sizeof(out));
		while (ringcast_sim_network_next_deadline(f.network) != UINT64_MAX) {
			ringcast_sim_network_advance_to(f.network, ringcast_sim_network_next_deadline(f.network));
			fixture_run(&f);
		}
		memset(in, 0, sizeof(in));
		cr_assert_eq(ringcast_sim_stream_read(f.network, client, in, sizeof(in)), sizeof(in));
		cr_assert_arr_eq(in, out, sizeof(in));
		fixture_fini(&f);
	}
}

Test(sim_stream, split_stall_and_short_counts_are_seen)
{
	struct sim_faults faults = {.split = 1000, .stall = 1000, .delay_ns_max = NS_PER_MS, .short_recv = 1000, .short_send = 1000};
	struct fixture f;
	sim_stream client;
	uint8_t bytes[200], out[200];
	struct iovec iov = {bytes, sizeof(bytes)};
	fixture_init(&f, 3, &faults);
	io_id stream = fixture_accept(&f, &client);
	fixture_fill(bytes, sizeof(bytes));
	ringcast_sim_stream_write(f.network, client, bytes, sizeof(bytes));
	fixture_read(&f, stream, out, sizeof(out));
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	cr_assert_not_null(fixture_next(&f, IO_EVENT_SENT));
	const struct sim_counts *counts = ringcast_sim_network_counts(f.network);
	cr_assert_gt(counts->splits, 0);
	cr_assert_gt(counts->stalls, 0);
	cr_assert_gt(counts->short_recvs, 0);
	cr_assert_gt(counts->short_sends, 0);
	cr_assert_gt(f.io->ops->stats(f.io)->stream_recvs, 1);
	fixture_fini(&f);
}

Test(sim_stream, quiet_sends_wake_nobody_and_are_told_together)
{
	struct sim_faults faults = {.quiet_send = 1000};
	struct fixture f;
	sim_stream clients[2];
	io_id streams[2];
	uint8_t bytes[20] = {0};
	struct iovec iov = {bytes, sizeof(bytes)};
	fixture_init(&f, 3, &faults);
	for (int i = 0; i < 2; i++) {
		streams[i] = fixture_accept(&f, &clients[i]);
		f.io->ops->stream_start(f.io, streams[i], (uint64_t)(7 + i));
	}
	for (int i = 0; i < 2; i++)
		f.io->ops->stream_send(f.io, streams[i], &iov, 1);
	uint64_t deadline_ns = ringcast_io_now_ns(f.io) + NS_PER_MS;
	cr_assert_eq(f.io->ops->run(f.io, deadline_ns, f.events, FIXTURE_EVENT_COUNT), 0);
	cr_assert_not(ringcast_io_sim_is_runnable(f.io));
	cr_assert_eq(f.io->ops->run(f.io, 0, f.events, FIXTURE_EVENT_COUNT), 1);
	cr_assert_eq(f.events[0].kind, IO_EVENT_SENTS);
	cr_assert_eq(f.events[0].size, 2);
	cr_assert_eq(f.events[0].sents[0].user + f.events[0].sents[1].user, 15);
	cr_assert_eq(f.events[0].sents[0].result, (int)sizeof(bytes));
	cr_assert_eq(ringcast_sim_network_counts(f.network)->quiet_sends, 2);
	fixture_fini(&f);
}

Test(sim_stream, a_client_that_never_reads_holds_the_send)
{
	struct fixture f;
	sim_stream client;
	static uint8_t bytes[10000];
	struct iovec iov = {bytes, sizeof(bytes)};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	cr_assert_null(fixture_next(&f, IO_EVENT_SENT));
	cr_assert_eq(ringcast_sim_stream_readable(f.network, client), 4096); /* the window */
	f.io->ops->stream_close(f.io, stream);
	struct io_event *sent = fixture_next(&f, IO_EVENT_SENT);
	cr_assert_eq(sent->result, -ECANCELED);
	bool is_closed_with_it = sent + 1 < f.events + f.count && sent[1].kind == IO_EVENT_CLOSED;
	cr_assert(is_closed_with_it || fixture_next(&f, IO_EVENT_CLOSED) != NULL);
	cr_assert_eq(ringcast_io_sim_usage(f.io).streams, 0);
	fixture_fini(&f);
}

Test(sim_stream, reading_opens_the_window)
{
	struct fixture f;
	sim_stream client;
	static uint8_t bytes[10000], got[10000];
	struct iovec iov = {bytes, sizeof(bytes)};
	size_t size = 0;
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	fixture_fill(bytes, sizeof(bytes));
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	while (size < sizeof(got)) {
		fixture_run(&f);
		size += ringcast_sim_stream_read(f.network, client, got + size, sizeof(got) - size);
		uint64_t deadline_ns = ringcast_sim_network_next_deadline(f.network);
		cr_assert(size == sizeof(got) || deadline_ns != UINT64_MAX);
		if (deadline_ns != UINT64_MAX)
			ringcast_sim_network_advance_to(f.network, deadline_ns);
	}
	cr_assert_arr_eq(bytes, got, sizeof(got));
	fixture_fini(&f);
}

Test(sim_stream, ends_in_order)
{
	struct fixture f;
	sim_stream client;
	uint8_t byte = 'b', got;
	struct iovec iov = {&byte, 1};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	ringcast_sim_stream_write(f.network, client, "a", 1);
	fixture_read(&f, stream, &got, 1);
	ringcast_sim_stream_shutdown(f.network, client);
	cr_assert_eq(fixture_next(&f, IO_EVENT_END)->result, 0);
	f.io->ops->stream_send(f.io, stream, &iov, 1); /* the other direction is still open */
	f.io->ops->stream_shutdown(f.io, stream);
	cr_assert_not_null(fixture_next(&f, IO_EVENT_SENT));
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert(!ringcast_sim_stream_has_ended(f.network, client));
	cr_assert_eq(ringcast_sim_stream_read(f.network, client, &got, 1), 1);
	cr_assert(ringcast_sim_stream_has_ended(f.network, client));
	f.io->ops->stream_close(f.io, stream);
	cr_assert_not_null(fixture_next(&f, IO_EVENT_CLOSED));
	cr_assert_eq(ringcast_sim_stream_state(f.network, client), SIM_STREAM_OPEN);
	fixture_fini(&f);
}

Test(sim_stream, close_with_unread_bytes_resets)
{
	struct fixture f;
	sim_stream client;
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	ringcast_sim_stream_write(f.network, client, "unread", 6);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	f.io->ops->stream_close(f.io, stream);
	fixture_wait(&f, 2 * FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_stream_state(f.network, client), SIM_STREAM_RESET);
	fixture_fini(&f);
}

Test(sim_stream, client_reset_breaks_send_and_read)
{
	struct fixture f;
	sim_stream client;
	static uint8_t bytes[10000];
	struct iovec iov = {bytes, sizeof(bytes)};
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	f.io->ops->stream_send(f.io, stream, &iov, 1);
	cr_assert_null(fixture_next(&f, IO_EVENT_SENT));
	ringcast_sim_stream_reset(f.network, client);
	bool has_sent = false, has_end = false;
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	fixture_run(&f);
	for (unsigned i = 0; i < f.count; i++) {
		has_sent |= f.events[i].kind == IO_EVENT_SENT && f.events[i].result == -EPIPE;
		has_end |= f.events[i].kind == IO_EVENT_END && f.events[i].result == -ECONNRESET;
	}
	cr_assert(has_sent);
	cr_assert(has_end);
	fixture_fini(&f);
}

Test(sim_stream, network_resets_at_some_byte)
{
	struct sim_faults faults = {.reset = 1000, .reset_bytes_max = 100};
	struct fixture f;
	sim_stream client;
	static uint8_t bytes[100];
	fixture_init(&f, 9, &faults);
	fixture_accept(&f, &client);
	ringcast_sim_stream_write(f.network, client, bytes, sizeof(bytes));
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_stream_state(f.network, client), SIM_STREAM_RESET);
	cr_assert_eq(ringcast_sim_network_counts(f.network)->resets, 1);
	cr_assert_eq(fixture_next(&f, IO_EVENT_END)->result, -ECONNRESET);
	fixture_fini(&f);
}

Test(sim_stream, refused_when_nobody_listens_or_accept_fails)
{
	struct sim_faults faults = {.accept_error = 1000};
	struct fixture f;
	struct address from = fixture_address(2, 5000), nowhere = fixture_address(1, 7001);
	fixture_init(&f, 1, NULL);
	sim_stream first = ringcast_sim_stream_connect(f.network, &from, &nowhere);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_stream_state(f.network, first), SIM_STREAM_REFUSED);
	ringcast_sim_network_set_faults(f.network, &faults);
	sim_stream second = ringcast_sim_stream_connect(f.network, &from, &f.tcp);
	cr_assert_null(fixture_next(&f, IO_EVENT_ACCEPT));
	cr_assert_eq(ringcast_sim_stream_state(f.network, second), SIM_STREAM_REFUSED);
	cr_assert_eq(f.io->ops->stats(f.io)->accept_errors, 1);
	f.io->ops->listen_stop(f.io, f.listener);
	ringcast_sim_network_set_faults(f.network, &(struct sim_faults){0});
	sim_stream third = ringcast_sim_stream_connect(f.network, &from, &f.tcp);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(ringcast_sim_stream_state(f.network, third), SIM_STREAM_REFUSED);
	fixture_fini(&f);
}

Test(sim_stream, listeners_on_one_port_share_connections)
{
	struct fixture f;
	struct io_options options = fixture_io_options();
	struct address ignored;
	io_id second_listener;
	unsigned accepted[2] = {0, 0};
	fixture_init(&f, 1, NULL);
	struct io *second = ringcast_io_sim_create(f.network, &options);
	cr_assert_eq(second->ops->tcp_listen(second, &f.tcp, true, &ignored, &second_listener), 0);
	for (uint16_t port = 5000; port < 5008; port++) {
		struct address from = fixture_address(2, port);
		ringcast_sim_stream_connect(f.network, &from, &f.tcp);
	}
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	struct io *ios[2] = {f.io, second};
	for (int i = 0; i < 2; i++)
		accepted[i] = ios[i]->ops->run(ios[i], 0, f.events, FIXTURE_EVENT_COUNT);
	cr_assert_eq(accepted[0] + accepted[1], 8);
	cr_assert_gt(accepted[0], 0);
	cr_assert_gt(accepted[1], 0);
	second->ops->destroy(second);
	fixture_fini(&f);
}

/* The bytes that were not read before the detach are read by the io that adopts. */
Test(sim_stream, moves_to_another_io_with_its_unread_bytes)
{
	struct fixture f, g;
	struct io_options options = fixture_io_options();
	sim_stream client;
	uint8_t byte;
	fixture_init(&f, 1, NULL);
	g = f;
	g.io = ringcast_io_sim_create(f.network, &options);
	fixture_run(&g); /* from now on it has a deadline */
	io_id stream = fixture_accept(&f, &client), adopted;
	ringcast_sim_stream_write(f.network, client, "a", 1);
	fixture_read(&f, stream, &byte, 1);
	f.io->ops->stream_detach(f.io, stream);
	int fd = fixture_next(&f, IO_EVENT_DETACHED)->result;
	cr_assert_eq(ringcast_sim_network_detached_count(f.network), 1);
	ringcast_sim_stream_write(f.network, client, "b", 1);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert_eq(g.io->ops->stream_adopt(g.io, fd, &adopted), 0);
	g.io->ops->stream_start(g.io, adopted, 5);
	fixture_read(&g, adopted, &byte, 1);
	cr_assert_eq(byte, 'b');
	cr_assert_eq(ringcast_io_sim_usage(f.io).streams, 0);
	cr_assert_eq(ringcast_io_sim_usage(g.io).streams, 1);
	cr_assert_eq(ringcast_sim_network_detached_count(f.network), 0);
	g.io->ops->destroy(g.io);
	fixture_fini(&f);
}

/* Whoever cannot take a descriptor closes it: nobody else could. */
Test(sim_stream, ends_when_the_other_io_has_no_room)
{
	struct fixture f, g;
	struct io_options options = fixture_io_options();
	sim_stream clients[2];
	int fds[2];
	io_id adopted;
	fixture_init(&f, 1, NULL);
	g = f;
	options.stream_count_max = 1;
	g.io = ringcast_io_sim_create(f.network, &options);
	fixture_run(&g); /* from now on it has a deadline */
	for (int i = 0; i < 2; i++) {
		f.io->ops->stream_detach(f.io, fixture_accept(&f, &clients[i]));
		fds[i] = fixture_next(&f, IO_EVENT_DETACHED)->result;
	}
	cr_assert_eq(g.io->ops->stream_adopt(g.io, fds[0], &adopted), 0);
	cr_assert_eq(g.io->ops->stream_adopt(g.io, fds[1], &adopted), -ENFILE);
	cr_assert_eq(ringcast_sim_network_detached_count(f.network), 0);
	fixture_wait(&f, FIXTURE_LATENCY_NS);
	cr_assert(ringcast_sim_stream_has_ended(f.network, clients[1]));
	cr_assert_not(ringcast_sim_stream_has_ended(f.network, clients[0]));
	g.io->ops->destroy(g.io);
	fixture_fini(&f);
}

/* What has arrived by then may still come; after that nothing does, not even the end, until it goes on. */
Test(sim_stream, is_not_read_while_it_is_paused)
{
	struct fixture f;
	sim_stream client;
	uint8_t byte;
	fixture_init(&f, 1, NULL);
	io_id stream = fixture_accept(&f, &client);
	ringcast_sim_stream_write(f.network, client, "a", 1);
	fixture_read(&f, stream, &byte, 1);
	f.io->ops->stream_pause(f.io, stream);
	ringcast_sim_stream_write(f.network, client, "b", 1);
	ringcast_sim_stream_shutdown(f.network, client);
	cr_assert_null(fixture_next(&f, IO_EVENT_RECV));
	cr_assert_null(fixture_next(&f, IO_EVENT_END));
	f.io->ops->stream_resume(f.io, stream);
	fixture_run(&f); /* both are there, so that both come in one turn */
	cr_assert_eq(f.count, 2);
	cr_assert_eq(f.events[0].kind, IO_EVENT_RECV);
	cr_assert_eq(f.events[0].data[0], 'b');
	cr_assert_eq(f.events[1].kind, IO_EVENT_END);
	f.io->ops->release(f.io, &f.events[0]);
	fixture_fini(&f);
}

Test(sim_stream, pauses_lose_nothing)
{
	struct sim_faults faults = {.split = 500, .stall = 300, .delay_ns_max = NS_PER_MS, .short_recv = 500, .no_buffer = 100, .few_events = 500};
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct fixture f;
		sim_stream client;
		uint8_t in[3000];
		size_t got = 0;
		bool is_paused = false;
		fixture_init(&f, seed, &faults);
		io_id stream = fixture_accept(&f, &client);
		fixture_fill(in, sizeof(in));
		ringcast_sim_stream_write(f.network, client, in, sizeof(in));
		for (int turn = 0; got < sizeof(in); turn++) {
			cr_assert_lt(turn, 1000000);
			if (turn % 3 == (int)(seed % 3)) {
				(is_paused ? f.io->ops->stream_resume : f.io->ops->stream_pause)(f.io, stream);
				is_paused = !is_paused;
			}
			fixture_run(&f);
			for (unsigned i = 0; i < f.count; i++) {
				if (f.events[i].kind != IO_EVENT_RECV)
					continue;
				cr_assert_arr_eq(f.events[i].data, in + got, f.events[i].size);
				got += f.events[i].size;
				f.io->ops->release(f.io, &f.events[i]);
			}
			fixture_wait(&f, 10 * NS_PER_US);
		}
		fixture_fini(&f);
	}
}
