/* The sockets of one client: how the core's bytes reach the kernel and come back. */
#include "proto/clients/c/client_private.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	SCRATCH_BYTES = 4 * PROTO_PACKET_BYTES_MAX, /* on the stack of poll */
	STREAM_READS_MAX = 16,                      /* per poll, so that one client cannot starve the caller's loop */
	DATAGRAM_READS_MAX = 64,
	DATAGRAM_BYTES_MAX = 2048,
};

uint64_t ringcast_client_io_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct ringcast_client *client_of(struct client_core *core)
{
	return (struct ringcast_client *)core; /* the first member */
}

static void watch(struct ringcast_client *client, int operation, int fd, uint32_t events, uint32_t id)
{
	struct epoll_event event = {.events = events, .data.u32 = id};
	epoll_ctl(client->epoll_fd, operation, fd, &event);
}

static void arm_write(struct ringcast_client *client, bool is_wanted)
{
	if (client->is_write_armed == is_wanted)
		return;
	client->is_write_armed = is_wanted;
	watch(client, EPOLL_CTL_MOD, client->tcp_fd, EPOLLIN | (is_wanted ? (uint32_t)EPOLLOUT : 0), CLIENT_IO_TCP);
}

static socklen_t address_bytes(const union client_address *address)
{
	return address->generic.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

static void set_port(union client_address *address, uint16_t port)
{
	if (address->generic.sa_family == AF_INET6)
		address->v6.sin6_port = htons(port);
	else
		address->v4.sin_port = htons(port);
}

static int open_tcp(const struct ringcast_client *client, const struct addrinfo *to)
{
	const int on = 1;
	if (client->local.generic.sa_family != AF_UNSPEC && client->local.generic.sa_family != to->ai_family)
		return -1;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (client->local.generic.sa_family != AF_UNSPEC) {
		/* the port is chosen at connect, so that many clients may share one local address */
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, &client->local.generic, address_bytes(&client->local)) < 0)
			goto fail;
	}
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

bool ringcast_client_io_connect_next(struct ringcast_client *client)
{
	if (client->tcp_fd >= 0)
		close(client->tcp_fd);
	client->tcp_fd = -1;
	client->is_write_armed = false;
	for (const struct addrinfo *address; (address = ringcast_client_addresses_next(&client->addresses)) != NULL;) {
		client->tcp_fd = open_tcp(client, address);
		if (client->tcp_fd < 0)
			continue;
		client->is_write_armed = true; /* writable means connected */
		watch(client, EPOLL_CTL_ADD, client->tcp_fd, EPOLLIN | EPOLLOUT, CLIENT_IO_TCP);
		return true;
	}
	return false;
}

bool ringcast_client_io_await_lookup(struct ringcast_client *client)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = CLIENT_IO_LOOKUP};
	client->is_looking_up = epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, ringcast_client_addresses_lookup_fd(&client->addresses), &event) == 0;
	return client->is_looking_up;
}

/* Its thread may have the descriptor open for some time yet. */
static void stop_waiting(struct ringcast_client *client)
{
	if (client->is_looking_up)
		epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, ringcast_client_addresses_lookup_fd(&client->addresses), NULL);
	client->is_looking_up = false;
}

void ringcast_client_io_serve_lookup(struct ringcast_client *client, uint64_t now_ns)
{
	stop_waiting(client);
	ringcast_client_addresses_begin(&client->addresses);
	if (!client->addresses.list)
		ringcast_client_core_end_stream(&client->core, "the host name cannot be resolved", now_ns);
	else if (!ringcast_client_io_connect_next(client))
		ringcast_client_core_end_stream(&client->core, "there is no way to the server", now_ns);
}

void ringcast_client_io_close(struct ringcast_client *client)
{
	stop_waiting(client);
	if (client->security) {
		ringcast_client_secure_fini(&client->security->secure); /* its goodbyes still have sockets */
		ringcast_client_trust_fini(&client->security->trust);
	}
	if (client->tcp_fd >= 0)
		close(client->tcp_fd);
	if (client->udp_fd >= 0)
		close(client->udp_fd);
	client->tcp_fd = client->udp_fd = -1;
	client->is_tcp_connected = client->is_write_armed = false;
	free(client->outq);
	client->outq = NULL;
	client->outq_offset = client->outq_bytes = client->outq_capacity = 0;
}

/* Returns the bytes that the kernel took. A dead connection takes all: epoll reports it, and the reader ends the core. */
static size_t write_some(struct ringcast_client *client, const uint8_t *bytes, size_t size)
{
	ssize_t sent = send(client->tcp_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		return (size_t)sent;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : size;
}

static bool append(struct ringcast_client *client, const uint8_t *bytes, size_t size)
{
	if (client->outq_offset > 0) {
		client->outq_bytes -= client->outq_offset;
		memmove(client->outq, client->outq + client->outq_offset, client->outq_bytes);
		client->outq_offset = 0;
	}
	if (client->outq_bytes + size > client->outq_capacity) {
		size_t capacity = client->outq_capacity * 2 > client->outq_bytes + size ? client->outq_capacity * 2 : client->outq_bytes + size;
		uint8_t *outq = realloc(client->outq, capacity);
		if (!outq)
			return false;
		client->outq = outq;
		client->outq_capacity = (uint32_t)capacity;
	}
	memcpy(client->outq + client->outq_bytes, bytes, size);
	client->outq_bytes += (uint32_t)size;
	return true;
}

/* To the kernel, and what it does not take to the queue. */
static bool write_stream(struct ringcast_client *client, const uint8_t *bytes, size_t size)
{
	size_t sent = 0;
	if (client->outq_bytes == client->outq_offset && client->is_tcp_connected)
		sent = write_some(client, bytes, size);
	if (sent == size)
		return true;
	if (!append(client, bytes + sent, size - sent)) {
		/* half a frame may be on the wire, and a record that is left out breaks TLS: the connection is of no use any more */
		if (sent > 0 || client->security)
			shutdown(client->tcp_fd, SHUT_RDWR);
		return false;
	}
	if (client->is_tcp_connected)
		arm_write(client, true);
	return true;
}

static bool op_stream_send(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control)
{
	struct ringcast_client *client = client_of(core);
	size_t queued = client->outq_bytes - client->outq_offset;
	if (!is_control && queued + size > client->outq_bytes_max)
		return false;
	if (!client->security)
		return write_stream(client, bytes, size);
	if (ringcast_client_secure_send_stream(&client->security->secure, bytes, size))
		return true;
	shutdown(client->tcp_fd, SHUT_RDWR);
	return false;
}

static bool op_stream_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	return write_stream(client_of(secure->core), bytes, size);
}

static void flush(struct ringcast_client *client)
{
	size_t queued = client->outq_bytes - client->outq_offset;
	if (queued > 0)
		client->outq_offset += (uint32_t)write_some(client, client->outq + client->outq_offset, queued);
	if (client->outq_offset < client->outq_bytes)
		return;
	free(client->outq); /* thousands of clients with nothing to say hold nothing */
	client->outq = NULL;
	client->outq_offset = client->outq_bytes = client->outq_capacity = 0;
	arm_write(client, false);
}

static bool write_datagram(struct ringcast_client *client, const uint8_t *bytes, size_t size)
{
	if (client->udp_fd < 0)
		return false;
	ssize_t sent = send(client->udp_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno == ECONNREFUSED) /* an ICMP answer to an earlier datagram; it says nothing about this one */
		sent = send(client->udp_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent >= 0;
}

static bool op_datagram_send(struct client_core *core, const uint8_t *bytes, size_t size)
{
	struct ringcast_client *client = client_of(core);
	if (client->security)
		return ringcast_client_secure_send_datagram(&client->security->secure, bytes, size);
	return write_datagram(client, bytes, size);
}

static bool op_datagram_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	return write_datagram(client_of(secure->core), bytes, size);
}

const struct client_secure_ops ringcast_client_io_secure_ops = {
	.stream_write = op_stream_write,
	.datagram_write = op_datagram_write,
};

/* The same local and remote address as TCP: the server knows a plain UDP peer by it. */
static bool op_fast_open(struct client_core *core, uint16_t port, struct view ca_cert)
{
	struct ringcast_client *client = client_of(core);
	union client_address remote, local;
	socklen_t remote_bytes = sizeof(remote), local_bytes = sizeof(local);
	if (getpeername(client->tcp_fd, &remote.generic, &remote_bytes) < 0 || getsockname(client->tcp_fd, &local.generic, &local_bytes) < 0)
		return false;
	set_port(&remote, port);
	set_port(&local, client->udp_local_port);
	int fd = socket(remote.generic.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (bind(fd, &local.generic, local_bytes) < 0 || connect(fd, &remote.generic, remote_bytes) < 0) {
		close(fd);
		return false;
	}
	client->udp_fd = fd;
	watch(client, EPOLL_CTL_ADD, fd, EPOLLIN, CLIENT_IO_UDP);
	return !client->security || ringcast_client_secure_start_datagrams(&client->security->secure, ca_cert);
}

static void op_logged_in(struct client_core *core)
{
	struct ringcast_client *client = client_of(core);
	if (client->callbacks.connected && !client->is_destroyed)
		client->callbacks.connected(client->context, client, core->peer_id);
}

static void op_fast_up(struct client_core *core)
{
	struct ringcast_client *client = client_of(core);
	if (client->callbacks.fast_ready && !client->is_destroyed)
		client->callbacks.fast_ready(client->context, client);
}

static void op_fast_failed(struct client_core *core, const char *reason)
{
	struct ringcast_client *client = client_of(core);
	if (client->callbacks.fast_failed && !client->is_destroyed)
		client->callbacks.fast_failed(client->context, client, reason);
}

static void op_fast_silent(struct client_core *core)
{
	ringcast_client_secure_restart_datagrams(&client_of(core)->security->secure, core->now_ns);
}

static void op_message(struct client_core *core, const struct packet *packet, bool is_fast)
{
	struct ringcast_client *client = client_of(core);
	const ringcast_client_message message = {
		.opcode = packet->opcode,
		.sender = packet->sender,
		.target_player = packet->target_player,
		.target_group = packet->target_group,
		.is_fast = is_fast,
		.payload = packet->payload.data,
		.payload_bytes = packet->payload.size,
	};
	if (client->callbacks.message && !client->is_destroyed)
		client->callbacks.message(client->context, client, &message);
}

static void op_membership(struct client_core *core, const struct packet *packet)
{
	struct ringcast_client *client = client_of(core);
	int32_t peer_ids[PROTO_PACKET_BYTES_MAX / 4]; /* beyond this many a list is cut; larger ones do not come in one packet */
	size_t count = 0, cursor = 0;
	while (count < sizeof(peer_ids) / sizeof(peer_ids[0]) && ringcast_packet_membership_next(packet, &cursor, &peer_ids[count]))
		count++;
	if (client->callbacks.membership && !client->is_destroyed)
		client->callbacks.membership(client->context, client, packet->membership.group, peer_ids, count);
}

static void op_dropped(struct client_core *core, const char *reason)
{
	struct ringcast_client *client = client_of(core);
	bool is_first = !client->is_resuming;
	client->is_dropped = client->is_resuming = true;
	if (is_first && client->callbacks.dropped && !client->is_destroyed)
		client->callbacks.dropped(client->context, client, reason);
}

static void op_resumed(struct client_core *core, uint32_t lost)
{
	struct ringcast_client *client = client_of(core);
	client->is_resuming = false;
	if (client->callbacks.resumed && !client->is_destroyed)
		client->callbacks.resumed(client->context, client, lost);
}

static void op_closed(struct client_core *core, uint16_t code, struct view reason)
{
	struct ringcast_client *client = client_of(core);
	size_t size = reason.size < CLIENT_REASON_BYTES - 1 ? reason.size : CLIENT_REASON_BYTES - 1;
	if (size > 0)
		memcpy(client->end_reason, reason.data, size);
	client->end_reason[size] = '\0';
	client->end_code = code;
	client->is_ended = true;
}

const struct client_core_ops ringcast_client_io_ops = {
	.stream_send = op_stream_send,
	.datagram_send = op_datagram_send,
	.fast_open = op_fast_open,
	.logged_in = op_logged_in,
	.fast_up = op_fast_up,
	.fast_failed = op_fast_failed,
	.fast_silent = op_fast_silent,
	.message = op_message,
	.membership = op_membership,
	.dropped = op_dropped,
	.resumed = op_resumed,
	.closed = op_closed,
};

static void finish_connect(struct ringcast_client *client, uint64_t now_ns)
{
	int error = 0;
	socklen_t error_bytes = sizeof(error);
	getsockopt(client->tcp_fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
	if (error != 0) {
		if (!ringcast_client_io_connect_next(client))
			ringcast_client_core_end_stream(&client->core, strerror(error), now_ns);
		return;
	}
	client->is_tcp_connected = true;
	ringcast_client_addresses_praise(&client->addresses);
	if (!client->may_resume)
		ringcast_client_addresses_forget(&client->addresses);
	if (client->security && !ringcast_client_secure_start_stream(&client->security->secure)) {
		ringcast_client_core_end_stream(&client->core, "TLS cannot start", now_ns);
		return;
	}
	flush(client);
}

/* Ciphertext goes to TLS, which has its own buffer for a part of a record. */
static void read_secure_stream(struct ringcast_client *client, uint64_t now_ns)
{
	uint8_t bytes[SCRATCH_BYTES / 2], scratch[SCRATCH_BYTES];
	struct client_secure *secure = &client->security->secure;
	for (int i = 0; i < STREAM_READS_MAX && !ringcast_client_is_over(client); i++) {
		ssize_t got = recv(client->tcp_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			ringcast_client_core_end_stream(&client->core, got < 0 ? strerror(errno) : "the server ended the connection", now_ns);
			return;
		}
		ringcast_client_secure_receive_stream(secure, ringcast_view_of(bytes, (size_t)got), scratch, sizeof(scratch), now_ns);
		if ((size_t)got < sizeof(bytes))
			return;
	}
}

static void read_stream(struct ringcast_client *client, uint64_t now_ns)
{
	uint8_t scratch[SCRATCH_BYTES];
	for (int i = 0; i < STREAM_READS_MAX && !ringcast_client_is_over(client); i++) {
		size_t kept = ringcast_client_core_take_tail(&client->core, scratch);
		ssize_t got = recv(client->tcp_fd, scratch + kept, sizeof(scratch) - kept, MSG_DONTWAIT);
		bool is_over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
		const char *why = got < 0 ? strerror(errno) : "the server ended the connection";
		size_t size = kept + (got > 0 ? (size_t)got : 0);
		ringcast_client_core_receive_stream(&client->core, scratch, size, now_ns);
		if (is_over)
			ringcast_client_core_end_stream(&client->core, why, now_ns);
		if (got <= 0 || size < sizeof(scratch))
			return;
	}
}

void ringcast_client_io_serve_tcp(struct ringcast_client *client, uint32_t epoll_events, uint64_t now_ns)
{
	if (!client->is_tcp_connected) {
		finish_connect(client, now_ns);
		return;
	}
	if (epoll_events & EPOLLOUT)
		flush(client);
	if (!(epoll_events & ~(uint32_t)EPOLLOUT))
		return;
	if (client->security)
		read_secure_stream(client, now_ns);
	else
		read_stream(client, now_ns);
}

void ringcast_client_io_serve_udp(struct ringcast_client *client, uint64_t now_ns)
{
	uint8_t bytes[DATAGRAM_BYTES_MAX];
	for (int i = 0; i < DATAGRAM_READS_MAX && !ringcast_client_is_over(client); i++) {
		ssize_t got = recv(client->udp_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && errno == ECONNREFUSED)
			continue; /* nobody on the port yet; the hellos go on */
		if (got < 0)
			return;
		if (client->security)
			ringcast_client_secure_receive_datagram(&client->security->secure, ringcast_view_of(bytes, (size_t)got), now_ns);
		else
			ringcast_client_core_receive_datagram(&client->core, bytes, (size_t)got, now_ns);
	}
}
