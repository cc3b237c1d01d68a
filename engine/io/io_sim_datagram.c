/* Simulated datagrams: what an io sends, what the network does to them, and the client's sockets. */
#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "io/io_sim_internal.h"

#define CORRUPT_BYTES_MAX 4
#define DATAGRAM_BYTES_MAX 65507

static struct sim_datagram *datagram_copy(const struct address *from, const struct address *to, const void *data, size_t size)
{
	struct sim_datagram *datagram = ringcast_sim_must(malloc(sizeof(*datagram) + size));
	*datagram = (struct sim_datagram){.from = *from, .to = *to, .size = size};
	if (size > 0)
		memcpy(datagram->data, data, size);
	return datagram;
}

static bool is_lost(struct sim_network *network)
{
	const struct sim_faults *faults = &network->options.faults;
	uint64_t bursts = 0;
	if (ringcast_sim_strikes(network, faults->burst_loss, &bursts))
		network->burst_end_ns = network->now_ns + ringcast_sim_below(network, faults->burst_ns_max);
	if (network->now_ns < network->burst_end_ns) {
		network->counts.datagrams_lost++;
		return true;
	}
	return ringcast_sim_strikes(network, faults->loss, &network->counts.datagrams_lost);
}

/* Some clients have a path that carries only so much, and nobody is told: fragments are often dropped, and so is the message that says it. */
static bool is_too_wide(struct sim_network *network, const struct address *from, const struct address *to, size_t size)
{
	uint32_t bytes_max = network->options.faults.narrow_path;
	if (bytes_max == 0 || size <= bytes_max || ((from->port ^ to->port) & 1) == 0)
		return false;
	network->counts.datagrams_lost++;
	return true;
}

static void damage(struct sim_network *network, struct sim_datagram *datagram)
{
	const struct sim_faults *faults = &network->options.faults;
	if (datagram->size > 0 && ringcast_sim_strikes(network, faults->corrupt, &network->counts.corrupted)) {
		for (uint64_t i = 1 + ringcast_sim_below(network, CORRUPT_BYTES_MAX); i > 0; i--)
			datagram->data[ringcast_sim_below(network, datagram->size)] ^= (uint8_t)(1 + ringcast_sim_below(network, 255));
	}
	if (datagram->size > 0 && ringcast_sim_strikes(network, faults->truncate, &network->counts.truncated))
		datagram->size = ringcast_sim_below(network, datagram->size);
}

static void put_on_wire(struct sim_network *network, const struct address *from, const struct address *to, const void *data, size_t size)
{
	uint64_t time_ns = network->now_ns + network->options.latency_ns;
	struct sim_datagram *datagram = datagram_copy(from, to, data, size);
	damage(network, datagram);
	if (ringcast_sim_strikes(network, network->options.faults.delay, &network->counts.delayed))
		time_ns += ringcast_sim_below(network, network->options.faults.delay_ns_max);
	network->counts.datagrams_in_flight++;
	ringcast_sim_schedule(network, time_ns, (struct sim_happening){.kind = SIM_DATAGRAM, .size = (uint32_t)size, .datagram = datagram});
}

void ringcast_sim_datagram_transmit(struct sim_network *network, const struct address *from, const struct address *to, const void *data, size_t size)
{
	network->counts.datagrams_sent++;
	if (is_lost(network) || is_too_wide(network, from, to, size))
		return;
	if (ringcast_sim_strikes(network, network->options.faults.duplicate, &network->counts.duplicated))
		put_on_wire(network, from, to, data, size);
	put_on_wire(network, from, to, data, size);
}

static struct sim_client_socket *find_client(struct sim_network *network, const struct address *to)
{
	for (size_t i = 0; i < network->socket_count; i++) {
		if (network->sockets[i].is_open && ringcast_address_is_equal(&network->sockets[i].address, to))
			return &network->sockets[i];
	}
	return NULL;
}

static bool deliver_to_client(struct sim_network *network, struct sim_client_socket *socket, struct sim_datagram *datagram)
{
	if (socket->count == network->options.datagram_queue_count)
		return false;
	if (socket->head == NULL)
		socket->head = datagram;
	else
		socket->tail->next = datagram;
	socket->tail = datagram;
	socket->count++;
	return true;
}

static bool deliver_to_io(struct sim_network *network, struct sim_io *sim, io_id id, uint64_t user, struct sim_datagram *datagram)
{
	if (sim->datagram_token_count == network->options.datagram_queue_count)
		return false;
	sim->datagram_token_count++;
	ringcast_sim_io_push(sim, &(struct sim_token){
				       .kind = IO_EVENT_DATAGRAM, .id = id, .user = user, .address = datagram->from, .datagram = datagram});
	return true;
}

void ringcast_sim_datagram_arrived(struct sim_network *network, struct sim_datagram *datagram)
{
	struct sim_io *sim;
	io_id id;
	struct sim_client_socket *client = find_client(network, &datagram->to);
	struct sim_endpoint *endpoint = NULL;
	bool is_delivered;
	network->counts.datagrams_in_flight--;
	if (client == NULL)
		endpoint = ringcast_sim_network_find_endpoint(network, SIM_ID_SOCKET, &datagram->to, 0, &sim, &id);
	if (client == NULL && endpoint == NULL) {
		network->counts.datagrams_unroutable++;
		free(datagram);
		return;
	}
	is_delivered = client != NULL ? deliver_to_client(network, client, datagram)
				      : deliver_to_io(network, sim, id, endpoint->user, datagram);
	network->counts.datagrams_delivered += is_delivered;
	network->counts.datagrams_overflowed += !is_delivered;
	if (!is_delivered)
		free(datagram);
}

/* the client's side */

static struct sim_client_socket *socket_at(struct sim_network *network, int socket)
{
	ringcast_assert(socket >= 0);
	ringcast_assert((size_t)socket < network->socket_count);
	return &network->sockets[socket];
}

int ringcast_sim_udp_open(struct sim_network *network, const struct address *address)
{
	if (find_client(network, address) != NULL)
		return -EADDRINUSE;
	ringcast_sim_grow(&network->sockets, &network->socket_capacity, network->socket_count + 1, sizeof(*network->sockets));
	network->sockets[network->socket_count] = (struct sim_client_socket){.address = *address, .is_open = true};
	return (int)network->socket_count++;
}

static struct sim_datagram *take_oldest(struct sim_client_socket *socket)
{
	struct sim_datagram *datagram = socket->head;
	if (datagram != NULL) {
		socket->head = datagram->next;
		socket->count--;
	}
	return datagram;
}

void ringcast_sim_udp_close(struct sim_network *network, int socket)
{
	struct sim_client_socket *client = socket_at(network, socket);
	client->is_open = false;
	for (struct sim_datagram *datagram; (datagram = take_oldest(client)) != NULL;)
		free(datagram);
}

void ringcast_sim_udp_send(struct sim_network *network, const struct address *from, const struct address *to, const void *data, size_t size)
{
	ringcast_sim_datagram_transmit(network, from, to, data, size);
}

bool ringcast_sim_udp_receive(struct sim_network *network, int socket, struct address *ret_from, void *out, size_t size_max, size_t *ret_size)
{
	struct sim_datagram *datagram = take_oldest(socket_at(network, socket));
	if (datagram == NULL)
		return false;
	*ret_from = datagram->from;
	*ret_size = datagram->size;
	if (datagram->size > 0 && size_max > 0)
		memcpy(out, datagram->data, datagram->size < size_max ? datagram->size : size_max);
	free(datagram);
	return true;
}

void ringcast_sim_client_sockets_free(struct sim_network *network)
{
	for (size_t i = 0; i < network->socket_count; i++)
		ringcast_sim_udp_close(network, (int)i);
}

/* the server's sends */

void ringcast_sim_io_send(struct io *io, io_id socket, const struct io_datagram *datagrams, unsigned count)
{
	struct sim_io *sim = (struct sim_io *)io;
	ringcast_assert(ringcast_sim_io_endpoint(sim, SIM_ID_SOCKET, socket)->is_open);
	for (unsigned i = 0; i < count; i++) {
		const struct io_datagram *datagram = &datagrams[i];
		ringcast_assert(datagram->size <= (datagram->segment_bytes == 0 ? DATAGRAM_BYTES_MAX : IO_GSO_BYTES_MAX));
		ringcast_assert(datagram->segment_bytes == 0 ||
			     datagram->size <= (uint32_t)datagram->segment_bytes * IO_GSO_SEGMENT_COUNT_MAX);
		ringcast_sim_grow(&sim->pending, &sim->pending_capacity, sim->pending_count + 1, sizeof(*sim->pending));
		sim->pending[sim->pending_count++] = (struct sim_pending_datagram){
			.datagram = *datagram, .socket = socket, .hash = ringcast_hash_bytes(datagram->data, datagram->size, 0)};
	}
}

/* A socket bound to all addresses sends from the one it is told, or from the machine's first. */
static struct address source_of(const struct sim_io *sim, const struct sim_endpoint *endpoint, const struct io_datagram *datagram)
{
	static const uint8_t first[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	struct address source = endpoint->address;
	const struct local *local = ringcast_local_of(&sim->locals, datagram->local);
	if (local != NULL)
		memcpy(source.ip, local->ip, sizeof(source.ip));
	else if (ringcast_address_is_v4(&source) && memcmp(source.ip + 12, "\0\0\0", 4) == 0)
		memcpy(source.ip, first, sizeof(source.ip));
	return source;
}

void ringcast_sim_io_submit_datagram(struct sim_io *sim, const struct sim_pending_datagram *pending)
{
	struct sim_network *network = sim->network;
	const struct io_datagram *datagram = &pending->datagram;
	const struct sim_endpoint *endpoint = ringcast_sim_io_endpoint(sim, SIM_ID_SOCKET, pending->socket);
	struct address source = source_of(sim, endpoint, datagram);
	uint32_t segment_bytes = datagram->segment_bytes == 0 ? datagram->size : datagram->segment_bytes;
	ringcast_assert(ringcast_hash_bytes(datagram->data, datagram->size, 0) == pending->hash); /* valid until run() returns */
	if (ringcast_sim_strikes(network, network->options.faults.send_error, &network->counts.send_errors)) {
		int32_t result = ringcast_sim_below(network, 2) == 0 ? -ENOBUFS : -EAGAIN;
		sim->stats.datagram_send_errors++;
		ringcast_sim_tokens_push(&sim->ready, &(struct sim_token){
					       .kind = IO_EVENT_SEND_ERROR, .id = pending->socket, .user = datagram->user, .result = result});
		return;
	}
	sim->stats.datagrams_sent++;
	sim->stats.gso_sends += datagram->segment_bytes != 0;
	for (uint32_t offset = 0; offset < datagram->size || offset == 0; offset += segment_bytes) {
		uint32_t rest = datagram->size - offset;
		ringcast_sim_datagram_transmit(network, &source, &datagram->address, datagram->data + offset,
					    rest < segment_bytes ? rest : segment_bytes);
		if (segment_bytes == 0)
			break;
	}
}
