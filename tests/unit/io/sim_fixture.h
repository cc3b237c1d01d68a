/* One simulated network with one io, and the few steps every test of it takes. */
#ifndef RINGCAST_TESTS_UNIT_IO_SIM_FIXTURE_H
#define RINGCAST_TESTS_UNIT_IO_SIM_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/attr.h"
#include "io/io_sim.h"

#define FIXTURE_LATENCY_NS (5 * NS_PER_MS)
#define FIXTURE_EVENT_COUNT 16

struct fixture {
	struct sim_network *network;
	struct io *io;
	struct address tcp, udp; /* where the io listens */
	io_id listener, socket;
	struct io_event events[FIXTURE_EVENT_COUNT];
	unsigned count;
};

static inline struct address fixture_address(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

static inline struct io_options fixture_io_options(void)
{
	return (struct io_options){.stream_count_max = 8,
				   .stream_buffer_count = 4,
				   .stream_buffer_bytes = 512,
				   .datagram_buffer_count = 4,
				   .datagram_buffer_bytes = 256};
}

static inline void fixture_init(struct fixture *f, uint64_t seed, const struct sim_faults *faults)
{
	struct sim_network_options options = {.seed = seed, .start_ns = NS_PER_S, .latency_ns = FIXTURE_LATENCY_NS, .stream_window_bytes = 4096};
	struct io_options io_options = fixture_io_options();
	struct address any = fixture_address(1, 7000), any_udp = fixture_address(1, 0);
	if (faults != NULL)
		options.faults = *faults;
	*f = (struct fixture){.network = ringcast_sim_network_create(&options)};
	cr_assert_not_null(f->network);
	f->io = ringcast_io_sim_create(f->network, &io_options);
	cr_assert_not_null(f->io);
	cr_assert_eq(f->io->ops->tcp_listen(f->io, &any, true, &f->tcp, &f->listener), 0);
	cr_assert_eq(f->io->ops->udp_open(f->io, &any_udp, true, 77, &f->udp, &f->socket), 0);
}

static inline void fixture_fini(struct fixture *f)
{
	f->io->ops->destroy(f->io);
	ringcast_sim_network_destroy(&f->network);
}

static inline void fixture_run(struct fixture *f)
{
	f->count = f->io->ops->run(f->io, UINT64_MAX, f->events, FIXTURE_EVENT_COUNT);
}

static inline void fixture_wait(struct fixture *f, uint64_t ns)
{
	ringcast_sim_network_advance_to(f->network, ringcast_sim_network_now_ns(f->network) + ns);
}

/* Runs the io, jumping from deadline to deadline, until an event of that kind came; NULL when nothing more will happen. */
static inline struct io_event *fixture_next(struct fixture *f, enum io_event_kind kind)
{
	for (;;) {
		fixture_run(f);
		for (unsigned i = 0; i < f->count; i++) {
			if (f->events[i].kind == kind)
				return &f->events[i];
		}
		uint64_t deadline_ns = ringcast_sim_network_next_deadline(f->network);
		if (deadline_ns == UINT64_MAX)
			return NULL;
		ringcast_sim_network_advance_to(f->network, deadline_ns);
	}
}

/* A stream from a client, accepted and started with user 5. */
static inline io_id fixture_accept(struct fixture *f, sim_stream *ret_client)
{
	struct address from = fixture_address(2, 5000);
	*ret_client = ringcast_sim_stream_connect(f->network, &from, &f->tcp);
	struct io_event *event = fixture_next(f, IO_EVENT_ACCEPT);
	cr_assert_not_null(event);
	cr_assert_eq(event->id, f->listener);
	cr_assert(ringcast_address_is_equal(&event->address, &from));
	io_id stream = event->stream;
	f->io->ops->stream_start(f->io, stream, 5);
	return stream;
}

/* Reads from the io until size bytes came, releasing each buffer. */
static inline void fixture_read(struct fixture *f, io_id stream, uint8_t *out, size_t size)
{
	for (size_t got = 0; got < size;) {
		fixture_run(f);
		for (unsigned i = 0; i < f->count; i++) {
			if (f->events[i].kind != IO_EVENT_RECV)
				continue;
			cr_assert_eq(f->events[i].id, stream);
			cr_assert_eq(f->events[i].user, 5);
			cr_assert_leq(got + f->events[i].size, size);
			memcpy(out + got, f->events[i].data, f->events[i].size);
			got += f->events[i].size;
			f->io->ops->release(f->io, &f->events[i]);
		}
		uint64_t deadline_ns = ringcast_sim_network_next_deadline(f->network);
		cr_assert(got == size || deadline_ns != UINT64_MAX, "the bytes stopped coming at %zu of %zu", got, size);
		if (deadline_ns != UINT64_MAX)
			ringcast_sim_network_advance_to(f->network, deadline_ns);
	}
}

static inline void fixture_fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
}

#endif
