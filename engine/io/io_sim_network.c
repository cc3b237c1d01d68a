/* The simulated network's clock: one heap of happenings ordered by (time, order of scheduling). No pointer takes part in any order. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "io/io_sim_internal.h"

#define WINDOW_BYTES_DEFAULT (64u << 10)
#define DATAGRAM_QUEUE_DEFAULT 1024
#define PORT_EPHEMERAL_MIN 40000

static const char *const happening_names[] = {"connect", "bytes", "fin", "reset", "datagram", "pump", "close", "buffers"};

void *ringcast_sim_must(void *memory)
{
	ringcast_assert(memory != NULL);
	return memory;
}

void ringcast_sim_grow(void *array_pointer, size_t *capacity, size_t count_min, size_t element_bytes)
{
	void *memory;
	if (count_min <= *capacity)
		return;
	memcpy(&memory, array_pointer, sizeof(memory));
	*capacity = count_min < 8 ? 16 : count_min * 2;
	memory = ringcast_sim_must(realloc(memory, *capacity * element_bytes));
	memcpy(array_pointer, &memory, sizeof(memory));
}

static bool happens_before(const struct sim_happening *a, const struct sim_happening *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

void ringcast_sim_schedule(struct sim_network *network, uint64_t time_ns, struct sim_happening happening)
{
	ringcast_sim_grow(&network->heap, &network->heap_capacity, network->heap_count + 1, sizeof(*network->heap));
	happening.time_ns = time_ns;
	happening.order = network->order++;
	size_t i = network->heap_count++;
	for (; i > 0 && happens_before(&happening, &network->heap[(i - 1) / 2]); i = (i - 1) / 2)
		network->heap[i] = network->heap[(i - 1) / 2];
	network->heap[i] = happening;
}

static struct sim_happening heap_pop(struct sim_network *network)
{
	struct sim_happening top = network->heap[0], last = network->heap[--network->heap_count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < network->heap_count; i = child) {
		if (child + 1 < network->heap_count && happens_before(&network->heap[child + 1], &network->heap[child]))
			child++;
		if (!happens_before(&network->heap[child], &last))
			break;
		network->heap[i] = network->heap[child];
	}
	network->heap[i] = last;
	return top;
}

bool ringcast_sim_strikes(struct sim_network *network, uint32_t chance, uint64_t *count)
{
	bool does = chance > 0 && ringcast_prng_chance(&network->prng, chance, 1000);
	*count += does;
	return does;
}

uint64_t ringcast_sim_below(struct sim_network *network, uint64_t bound)
{
	return bound == 0 ? 0 : ringcast_prng_below(&network->prng, bound);
}

void ringcast_sim_trace(struct sim_network *network, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t words[5] = {network->now_ns, ringcast_hash_bytes(what, strlen(what), 0), a, b, c};
	network->trace_hash = ringcast_hash_bytes(words, sizeof(words), network->trace_hash);
	if (network->options.trace != NULL)
		fprintf(network->options.trace, "%12" PRIu64 " us  %-12s %" PRIx64 " %" PRIx64 " %" PRIx64 "\n",
			network->now_ns / NS_PER_US, what, a, b, c);
}

static void happen(struct sim_network *network, const struct sim_happening *happening)
{
	switch (happening->kind) {
	case SIM_CONNECT:
		ringcast_sim_conn_requested(network, happening->conn);
		break;
	case SIM_BYTES:
		ringcast_sim_conn_bytes_arrived(network, happening->conn, happening->direction, happening->size);
		break;
	case SIM_FIN:
		ringcast_sim_conn_fin_arrived(network, happening->conn, happening->direction);
		break;
	case SIM_RESET:
		ringcast_sim_conn_reset_arrived(network, happening->conn, happening->direction);
		break;
	case SIM_DATAGRAM:
		ringcast_sim_datagram_arrived(network, happening->datagram);
		break;
	case SIM_PUMP:
		ringcast_sim_conn_pump(network, happening->conn);
		break;
	case SIM_CLOSE:
		ringcast_sim_conn_close(network, happening->conn);
		break;
	case SIM_BUFFERS:
		if (network->ios[happening->conn] != NULL)
			ringcast_sim_io_buffers_back(network->ios[happening->conn]);
		break;
	}
}

void ringcast_sim_network_advance_to(struct sim_network *network, uint64_t now_ns)
{
	ringcast_assert(now_ns >= network->now_ns);
	while (network->heap_count > 0 && network->heap[0].time_ns <= now_ns) {
		struct sim_happening happening = heap_pop(network);
		if (happening.time_ns > network->now_ns)
			network->now_ns = happening.time_ns;
		ringcast_sim_trace(network, happening_names[happening.kind], happening.conn, happening.direction, happening.size);
		happen(network, &happening);
	}
	network->now_ns = now_ns;
}

uint64_t ringcast_sim_network_next_deadline(const struct sim_network *network)
{
	uint64_t deadline_ns = network->heap_count > 0 ? network->heap[0].time_ns : UINT64_MAX;
	for (size_t i = 0; i < network->io_count; i++) {
		const struct sim_io *sim = network->ios[i];
		if (sim == NULL)
			continue;
		if (ringcast_io_sim_is_runnable(&sim->io))
			return network->now_ns;
		if (sim->deadline_ns < deadline_ns)
			deadline_ns = sim->deadline_ns;
	}
	return deadline_ns > network->now_ns ? deadline_ns : network->now_ns;
}

uint64_t ringcast_sim_network_next_happening(const struct sim_network *network)
{
	uint64_t time_ns = network->heap_count > 0 ? network->heap[0].time_ns : UINT64_MAX;
	return time_ns > network->now_ns ? time_ns : network->now_ns;
}

struct sim_network *ringcast_sim_network_create(const struct sim_network_options *options)
{
	struct sim_network *network = calloc(1, sizeof(*network));
	if (network == NULL)
		return NULL;
	network->options = *options;
	if (network->options.stream_window_bytes == 0)
		network->options.stream_window_bytes = WINDOW_BYTES_DEFAULT;
	if (network->options.datagram_queue_count == 0)
		network->options.datagram_queue_count = DATAGRAM_QUEUE_DEFAULT;
	network->now_ns = options->start_ns;
	network->port_next = PORT_EPHEMERAL_MIN;
	ringcast_prng_init(&network->prng, options->seed);
	return network;
}

void ringcast_sim_network_destroy(struct sim_network **network_pointer)
{
	struct sim_network *network = *network_pointer;
	*network_pointer = NULL;
	if (network == NULL)
		return;
	for (size_t i = 0; i < network->io_count; i++)
		ringcast_assert(network->ios[i] == NULL);
	for (size_t i = 0; i < network->heap_count; i++)
		free(network->heap[i].datagram);
	for (size_t i = 0; i < network->conn_count; i++)
		ringcast_sim_conn_free(network->conns[i]);
	ringcast_sim_client_sockets_free(network);
	free(network->heap);
	free(network->conns);
	free(network->sockets);
	free(network->ios);
	free(network);
}

void ringcast_sim_network_set_faults(struct sim_network *network, const struct sim_faults *faults)
{
	network->options.faults = *faults;
	network->burst_end_ns = 0;
}

uint64_t ringcast_sim_network_now_ns(const struct sim_network *network)
{
	return network->now_ns;
}

uint64_t ringcast_sim_network_trace_hash(const struct sim_network *network)
{
	return network->trace_hash;
}

const struct sim_counts *ringcast_sim_network_counts(const struct sim_network *network)
{
	return &network->counts;
}

uint32_t ringcast_sim_network_detached_count(const struct sim_network *network)
{
	return network->detached_count;
}
