/* One bot's sockets: connecting from an address of its own, reading much at once, writing without copies while the kernel takes all. */
#include "bench/load/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { FD_TCP = 0, FD_UDP = 1 };

static struct bot *bot_of(struct client_core *core)
{
	return (struct bot *)core;
}

static void watch(struct bot *bot, int operation, int fd, uint32_t events, uint32_t which)
{
	struct world *world = bot->world;
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(bot - world->bots) << 1 | which};
	epoll_ctl(world->epoll_fd, operation, fd, &event);
}

static void arm_write(struct bot *bot, bool is_wanted)
{
	if (bot->is_write_armed == is_wanted)
		return;
	bot->is_write_armed = is_wanted;
	watch(bot, EPOLL_CTL_MOD, bot->tcp_fd, (bot->is_stopped ? 0 : (uint32_t)EPOLLIN) | (is_wanted ? (uint32_t)EPOLLOUT : 0), FD_TCP);
}

/*
 * Each session has its own source addresses, for two reasons that have nothing to do with its load: a server bounds connections per
 * address, and plain UDP tells peers of two sessions apart by address.
 */
static bool bind_source(const struct bot *bot, int fd)
{
	const struct world *world = bot->world;
	const struct sockaddr_in *server = (const struct sockaddr_in *)&world->server;
	uint32_t blocks = ((uint32_t)world->options.player_count + LOAD_PLAYERS_PER_ADDRESS - 1) / LOAD_PLAYERS_PER_ADDRESS;
	uint32_t session = bot->session + (world->part ? world->part->session_first : 0);
	uint32_t number = 2 + session * blocks + bot->player / LOAD_PLAYERS_PER_ADDRESS;
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(UINT32_C(0x7f010000) + number)};
	const int on = 1;
	if (server->sin_family != AF_INET || ntohl(server->sin_addr.s_addr) >> 24 != 127)
		return true;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (const struct sockaddr *)&source, sizeof(source)) == 0;
}

static int open_socket(const struct bot *bot, int type, const struct sockaddr_storage *to)
{
	int fd = socket(to->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind_source(bot, fd) && (connect(fd, (const struct sockaddr *)to, bot->world->server_bytes) == 0 || errno == EINPROGRESS))
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void end(struct bot *bot, uint16_t code, const char *reason)
{
	bot->is_ended = true;
	bot->end_code = code;
	snprintf(bot->end_reason, sizeof(bot->end_reason), "%s", reason);
}

static void close_sockets(struct bot *bot)
{
	if (bot->secure)
		ringcast_client_secure_fini(bot->secure); /* its goodbyes still have sockets */
	if (bot->tcp_fd >= 0)
		close(bot->tcp_fd);
	if (bot->udp_fd >= 0)
		close(bot->udp_fd);
	bot->tcp_fd = bot->udp_fd = -1;
	free(bot->outq);
	bot->outq = NULL;
	bot->outq_offset = bot->outq_bytes = bot->outq_capacity = 0;
	bot->is_tcp_connected = bot->is_write_armed = false;
}

/* After everything that may end a bot: nothing in the core's own calls pulls the sockets away under it. */
static void finish_if_ended(struct bot *bot)
{
	if (!bot->is_ended)
		return;
	bot->is_ended = false;
	bot->world->counts.stale += bot->core.counters.datagrams_stale;
	close_sockets(bot);
	ringcast_client_core_fini(&bot->core);
	bot->world->bot_events->ended(bot);
}

void ringcast_bot_drop(struct bot *bot)
{
	close_sockets(bot);
	ringcast_client_core_fini(&bot->core);
	bot->state = BOT_IDLE;
}

static const struct client_secure_ops secure_ops;

void ringcast_bot_connect(struct bot *bot, uint64_t due_ns)
{
	const int on = 1;
	char token[PROTO_TOKEN_BYTES_MAX + 1];
	struct world *world = bot->world;
	const char *text = ringcast_setup_token(bot, token);
	const struct client_core_options options = {
		.ops = &ringcast_bot_ops,
		.host_and_port = world->host_and_port,
		.path = "/websocket",
		.token = ringcast_view_of(text, strlen(text)),
		.is_udp_off = world->options.is_tcp_only,
		.may_merge = world->options.is_merging,
		.no_echo = world->options.has_no_echo,
		.is_secure = world->options.is_secure,
		.seed = ringcast_prng_next(&world->prng),
		.connect_timeout_ns = 10 * NS_PER_S,
		.close_timeout_ns = 2 * NS_PER_S,
	};
	bot->state = BOT_CONNECTING;
	bot->connect_due_ns = due_ns;
	bot->is_ended = bot->is_stopped = false;
	bot->visit++;
	bot->tcp_fd = open_socket(bot, SOCK_STREAM, &world->server);
	if (bot->tcp_fd < 0) {
		end(bot, CLIENT_CORE_CODE_ABNORMAL, strerror(errno));
		finish_if_ended(bot);
		return;
	}
	setsockopt(bot->tcp_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bot->secure)
		ringcast_client_secure_init(bot->secure, &secure_ops, &bot->core, &world->trust);
	bot->is_write_armed = true;
	watch(bot, EPOLL_CTL_ADD, bot->tcp_fd, EPOLLIN | EPOLLOUT, FD_TCP);
	if (!ringcast_client_core_start(&bot->core, &options, world->now_ns)) {
		end(bot, CLIENT_CORE_CODE_ABNORMAL, "out of memory");
		finish_if_ended(bot);
	}
}

void ringcast_bot_leave(struct bot *bot)
{
	bot->state = BOT_LEAVING;
	ringcast_client_core_close(&bot->core, 1000, bot->world->now_ns);
	finish_if_ended(bot);
}

/* what the core wants */

static bool append(struct bot *bot, const uint8_t *bytes, size_t size)
{
	if (bot->outq_bytes + size > bot->outq_capacity) {
		size_t capacity = 2 * (bot->outq_bytes + size);
		uint8_t *outq = realloc(bot->outq, capacity);
		if (!outq)
			return false;
		bot->outq = outq;
		bot->outq_capacity = (uint32_t)capacity;
	}
	memcpy(bot->outq + bot->outq_bytes, bytes, size);
	bot->outq_bytes += (uint32_t)size;
	return true;
}

/* The number of bytes taken. A broken connection takes all; reading it ends the bot. */
static size_t write_some(struct bot *bot, const uint8_t *bytes, size_t size)
{
	ssize_t sent = send(bot->tcp_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		return (size_t)sent;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? 0 : size;
}

static bool write_stream(struct bot *bot, const uint8_t *bytes, size_t size)
{
	size_t sent = 0;
	if (bot->outq_bytes == 0 && bot->is_tcp_connected)
		sent = write_some(bot, bytes, size);
	if (sent == size)
		return true;
	if (!append(bot, bytes + sent, size - sent)) {
		shutdown(bot->tcp_fd, SHUT_RDWR);
		return false;
	}
	if (bot->is_tcp_connected)
		arm_write(bot, true);
	return true;
}

static bool op_stream_send(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control)
{
	enum { OUTQ_BYTES_MAX = 65536 };
	struct bot *bot = bot_of(core);
	if (!is_control && bot->outq_bytes + size > OUTQ_BYTES_MAX)
		return false;
	if (!bot->secure)
		return write_stream(bot, bytes, size);
	if (ringcast_client_secure_send_stream(bot->secure, bytes, size))
		return true;
	shutdown(bot->tcp_fd, SHUT_RDWR);
	return false;
}

static bool write_datagram(struct bot *bot, const uint8_t *bytes, size_t size)
{
	return send(bot->udp_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool op_datagram_send(struct client_core *core, const uint8_t *bytes, size_t size)
{
	struct bot *bot = bot_of(core);
	return bot->secure ? ringcast_client_secure_send_datagram(bot->secure, bytes, size) : write_datagram(bot, bytes, size);
}

static bool op_stream_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	return write_stream(bot_of(secure->core), bytes, size);
}

static bool op_datagram_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	return write_datagram(bot_of(secure->core), bytes, size);
}

static const struct client_secure_ops secure_ops = {
	.stream_write = op_stream_write,
	.datagram_write = op_datagram_write,
};

static bool op_fast_open(struct client_core *core, uint16_t port, struct view ca_cert)
{
	const int on = 1;
	struct bot *bot = bot_of(core);
	struct sockaddr_storage to = bot->world->server;
	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&to)->sin_port = htons(port);
	bot->udp_fd = open_socket(bot, SOCK_DGRAM, &to);
	if (bot->udp_fd < 0)
		return false;
	/* datagrams that the server sends in one go arrive in one read: the generator must not be the slower side */
	setsockopt(bot->udp_fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	watch(bot, EPOLL_CTL_ADD, bot->udp_fd, EPOLLIN, FD_UDP);
	return !bot->secure || ringcast_client_secure_start_datagrams(bot->secure, ca_cert);
}

static void op_logged_in(struct client_core *core)
{
	bot_of(core)->world->bot_events->ready(bot_of(core));
}

static void op_fast_up(struct client_core *core)
{
}

static void op_fast_failed(struct client_core *core, const char *reason)
{
	struct world *world = bot_of(core)->world;
	if (world->counts.fast_failures++ == 0)
		snprintf(world->fast_failure, sizeof(world->fast_failure), "%s", reason);
}

static void op_fast_silent(struct client_core *core)
{
	ringcast_client_secure_restart_datagrams(bot_of(core)->secure, core->now_ns);
}

static void op_message(struct client_core *core, const struct packet *packet, bool is_fast)
{
	ringcast_traffic_receive(bot_of(core), packet, is_fast);
}

static void op_membership(struct client_core *core, const struct packet *packet)
{
}

static void op_closed(struct client_core *core, uint16_t code, struct view reason)
{
	char text[64];
	snprintf(text, sizeof(text), "%.*s", (int)reason.size, reason.size ? (const char *)reason.data : "");
	end(bot_of(core), code, text);
}

const struct client_core_ops ringcast_bot_ops = {
	.stream_send = op_stream_send,
	.datagram_send = op_datagram_send,
	.fast_open = op_fast_open,
	.logged_in = op_logged_in,
	.fast_up = op_fast_up,
	.fast_failed = op_fast_failed,
	.fast_silent = op_fast_silent,
	.message = op_message,
	.membership = op_membership,
	.closed = op_closed,
};

/* what the kernel reports */

static void flush(struct bot *bot)
{
	if (bot->outq_bytes > bot->outq_offset)
		bot->outq_offset += (uint32_t)write_some(bot, bot->outq + bot->outq_offset, bot->outq_bytes - bot->outq_offset);
	if (bot->outq_offset < bot->outq_bytes)
		return;
	free(bot->outq);
	bot->outq = NULL;
	bot->outq_offset = bot->outq_bytes = bot->outq_capacity = 0;
	arm_write(bot, false);
}

static void finish_connect(struct bot *bot)
{
	int error = 0;
	socklen_t error_bytes = sizeof(error);
	getsockopt(bot->tcp_fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
	if (error != 0) {
		end(bot, CLIENT_CORE_CODE_ABNORMAL, strerror(error));
		return;
	}
	bot->is_tcp_connected = true;
	if (bot->secure && !ringcast_client_secure_start_stream(bot->secure)) {
		end(bot, CLIENT_CORE_CODE_ABNORMAL, "TLS cannot start");
		return;
	}
	flush(bot);
}

static void take_stream_end(struct bot *bot, ssize_t got, int error)
{
	if (got == 0)
		ringcast_client_core_end_stream(&bot->core, "the server ended the connection", bot->world->now_ns);
	else if (got < 0 && error != EAGAIN && error != EINTR)
		ringcast_client_core_end_stream(&bot->core, strerror(error), bot->world->now_ns);
}

static void read_secure_stream(struct bot *bot)
{
	struct world *world = bot->world;
	ssize_t got = recv(bot->tcp_fd, world->sealed, LOAD_SCRATCH_BYTES, MSG_DONTWAIT);
	int error = errno;
	world->now_ns = ringcast_load_clock_ns();
	if (got > 0)
		ringcast_client_secure_receive_stream(bot->secure, ringcast_view_of(world->sealed, (size_t)got), world->scratch, LOAD_SCRATCH_BYTES,
						      world->now_ns);
	else
		take_stream_end(bot, got, error);
}

static void read_stream(struct bot *bot)
{
	struct world *world = bot->world;
	size_t kept = ringcast_client_core_take_tail(&bot->core, world->scratch);
	ssize_t got = recv(bot->tcp_fd, world->scratch + kept, LOAD_SCRATCH_BYTES - kept, MSG_DONTWAIT);
	int error = errno;
	world->now_ns = ringcast_load_clock_ns();
	ringcast_client_core_receive_stream(&bot->core, world->scratch, kept + (got > 0 ? (size_t)got : 0), world->now_ns);
	take_stream_end(bot, got, error);
}

/* The size of the pieces that the kernel merged; the whole when it did not. */
static size_t piece_bytes(struct msghdr *message, size_t size)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
			int piece;
			memcpy(&piece, CMSG_DATA(control), sizeof(piece));
			return piece > 0 ? (size_t)piece : size;
		}
	}
	return size;
}

static void take_datagrams(struct bot *bot, const uint8_t *bytes, size_t size, size_t piece)
{
	for (size_t offset = 0; offset < size && !bot->is_ended; offset += piece) {
		size_t left = size - offset, piece_now = left < piece ? left : piece;
		if (bot->secure)
			ringcast_client_secure_receive_datagram(bot->secure, ringcast_view_of(bytes + offset, piece_now), bot->world->now_ns);
		else
			ringcast_client_core_receive_datagram(&bot->core, bytes + offset, piece_now, bot->world->now_ns);
	}
}

static void read_datagrams(struct bot *bot)
{
	struct mmsghdr messages[LOAD_DATAGRAM_BATCH] = {0};
	struct iovec parts[LOAD_DATAGRAM_BATCH];
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} controls[LOAD_DATAGRAM_BATCH];
	struct world *world = bot->world;
	for (size_t i = 0; i < LOAD_DATAGRAM_BATCH; i++) {
		parts[i] = (struct iovec){world->datagrams + i * LOAD_DATAGRAM_BYTES, LOAD_DATAGRAM_BYTES};
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = &controls[i], .msg_controllen = sizeof(controls[i])};
	}
	int count = recvmmsg(bot->udp_fd, messages, LOAD_DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
	world->now_ns = ringcast_load_clock_ns();
	for (int i = 0; i < count && !bot->is_ended; i++)
		take_datagrams(bot, parts[i].iov_base, messages[i].msg_len, piece_bytes(&messages[i].msg_hdr, messages[i].msg_len));
}

/* A slow peer: its kernel buffers fill, then the server's. */
static void stop_reading(struct bot *bot)
{
	bot->is_stopped = true;
	watch(bot, EPOLL_CTL_MOD, bot->tcp_fd, 0, FD_TCP);
	if (bot->udp_fd >= 0)
		watch(bot, EPOLL_CTL_MOD, bot->udp_fd, 0, FD_UDP);
}

void ringcast_bot_serve(struct world *world, uint64_t data, uint32_t events)
{
	struct bot *bot = &world->bots[data >> 1];
	if (bot->tcp_fd < 0)
		return; /* it ended while its other event waited in the batch */
	if ((data & 1) == FD_UDP) {
		if (bot->udp_fd >= 0)
			read_datagrams(bot);
	} else if (!bot->is_tcp_connected) {
		finish_connect(bot);
	} else {
		if (events & EPOLLOUT)
			flush(bot);
		if (events & ~(uint32_t)EPOLLOUT)
			(bot->secure ? read_secure_stream : read_stream)(bot);
	}
	if (bot->is_slow && !bot->is_stopped && !bot->is_ended && bot->state == BOT_READY && bot->core.fast != CLIENT_CORE_FAST_HELLO)
		stop_reading(bot);
	finish_if_ended(bot);
}

void ringcast_bot_tick(struct bot *bot)
{
	uint64_t now_ns = bot->world->now_ns;
	if (bot->state == BOT_IDLE)
		return;
	if (now_ns >= ringcast_client_core_deadline_ns(&bot->core))
		ringcast_client_core_tick(&bot->core, now_ns);
	if (bot->secure && !bot->is_ended && now_ns >= ringcast_client_secure_deadline_ns(bot->secure))
		ringcast_client_secure_tick(bot->secure, now_ns);
	finish_if_ended(bot);
}
