/* The client library over real loopback sockets, against a small server that turns in the same thread. Nothing here waits on the clock: each
 * wait is for an event that must come. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/clients/c/ringcast_client.h"
#include "proto/http_upgrade.h"
#include "proto/packet.h"
#include "proto/websocket.h"

enum { TURNS_MAX = 2000, TURN_MS = 5 };

struct server {
	int listen_fd, tcp_fd, udp_fd;
	uint16_t tcp_port, udp_port;
	struct sockaddr_in udp_from;
	bool is_upgraded, is_silent, is_resumable;
	uint8_t in[65536];
	size_t in_bytes;
	int32_t udp_sequence;
	int login_count, hello_count, ack_count, message_count, close_count;
	bool was_last_fast;
	char token[64];
};

struct seen {
	int connected, fast_ready, message, membership, disconnected, dropped, resumed;
	int code;
	char reason[128];
	int32_t opcode;
	size_t payload_bytes;
	bool was_fast;
	bool is_destroying; /* destroy inside the message callback */
	ringcast_client **client;
};

struct resolver { /* what stands between the client and the system's */
	pthread_t game;    /* the thread that polls */
	int game_count;    /* how often that one has asked */
	bool is_hanging;   /* everybody else waits until the gate is open */
	sem_t gate, done;
	const char *answer; /* NULL: what the system says */
};

static struct server server;
static struct seen seen;
static struct resolver resolver;

/* resolver */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_found)
{
	int (*of_system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&of_system = dlsym(RTLD_NEXT, "getaddrinfo");
	bool is_game = pthread_equal(pthread_self(), resolver.game);
	resolver.game_count += is_game;
	if (resolver.is_hanging && !is_game)
		sem_wait(&resolver.gate);
	int result = of_system(resolver.answer ? resolver.answer : node, service, hints, ret_found);
	if (resolver.is_hanging && !is_game)
		sem_post(&resolver.done);
	return result;
}

static void resolver_open(const char *answer)
{
	resolver = (struct resolver){.game = pthread_self(), .is_hanging = true, .answer = answer};
	sem_init(&resolver.gate, 0, 0);
	sem_init(&resolver.done, 0, 0);
}

/* Whoever hangs gets its answer, and the thread that asked is about to end. */
static void resolver_release(void)
{
	sem_post(&resolver.gate);
	sem_wait(&resolver.done);
}

/* server */

static uint16_t bind_loopback(int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

static void server_open(void)
{
	memset(&server, 0, sizeof(server));
	server.tcp_fd = -1;
	server.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	server.udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	server.tcp_port = bind_loopback(server.listen_fd);
	server.udp_port = bind_loopback(server.udp_fd);
	cr_assert_eq(listen(server.listen_fd, 8), 0);
}

static void server_close(void)
{
	close(server.listen_fd);
	close(server.udp_fd);
	if (server.tcp_fd >= 0)
		close(server.tcp_fd);
}

static void send_packet(const struct packet *packet)
{
	uint8_t bytes[8192], packet_bytes[8000];
	size_t packet_size = ringcast_packet_encode(packet, packet_bytes, sizeof(packet_bytes));
	size_t size = ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, packet_size, bytes);
	memcpy(bytes + size, packet_bytes, packet_size);
	cr_assert_eq(send(server.tcp_fd, bytes, size + packet_size, MSG_NOSIGNAL), (ssize_t)(size + packet_size));
}

static void send_datagram(struct packet packet)
{
	uint8_t bytes[2048];
	packet.sequence = server.udp_sequence++;
	size_t size = ringcast_packet_encode(&packet, bytes, sizeof(bytes));
	cr_assert_eq(sendto(server.udp_fd, bytes, size, 0, (struct sockaddr *)&server.udp_from, sizeof(server.udp_from)), (ssize_t)size);
}

static void answer_login(const struct packet *login)
{
	const struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true,
				 .peer_id = 4,
				 .fast_port = server.udp_port,
				 .is_resumed = login->login.reconnect_token.size > 0,
				 .reconnect_token = ringcast_view_of("again", server.is_resumable ? 5 : 0),
				 .resume_window_ms = server.is_resumable ? 60000 : 0},
	};
	server.login_count++;
	if (login->login.player_session_id.size > 0) /* who comes back has none */
		memcpy(server.token, login->login.player_session_id.data, login->login.player_session_id.size);
	send_packet(&result);
}

static void take_packet(const struct packet *packet, bool is_fast)
{
	const struct packet ack = {.opcode = OPCODE_UDP_CONNECT_SERVER_ACK, .sender = PROTO_PEER_SERVER, .target_player = 4};
	if (packet->command == PACKET_COMMAND_LOGIN) {
		answer_login(packet);
	} else if (packet->opcode == OPCODE_UDP_CONNECT) {
		server.hello_count++;
		send_datagram(ack);
	} else if (packet->opcode == OPCODE_UDP_CONNECT_CLIENT_ACK) {
		server.ack_count++;
	} else {
		server.message_count++;
		server.was_last_fast = is_fast;
		if (is_fast)
			send_datagram(*packet);
		else
			send_packet(packet);
	}
}

static void take_frame(const struct websocket_frame *frame)
{
	struct packet packet;
	uint8_t bytes[127];
	if (frame->opcode == WEBSOCKET_CLOSE) {
		server.close_count++;
		cr_assert_gt(send(server.tcp_fd, bytes, ringcast_websocket_encode_close(1000, "", bytes), MSG_NOSIGNAL), 0);
	} else if (frame->opcode == WEBSOCKET_PING) {
		size_t size = ringcast_websocket_encode_header(WEBSOCKET_PONG, true, frame->size, bytes);
		memcpy(bytes + size, frame->payload, frame->size);
		cr_assert_gt(send(server.tcp_fd, bytes, size + frame->size, MSG_NOSIGNAL), 0);
	} else {
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame->payload, frame->size), &packet), PACKET_OK);
		take_packet(&packet, false);
	}
}

static size_t take_stream(void)
{
	struct http_upgrade upgrade;
	struct websocket_frame frame;
	char answer[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	size_t consumed = 0, needed;
	uint16_t code;
	int status;
	if (server.is_upgraded) {
		if (ringcast_websocket_parse(server.in, server.in_bytes, true, 16384, &frame, &consumed, &needed, &code) != WEBSOCKET_FRAME)
			return 0;
		take_frame(&frame);
		return consumed;
	}
	if (ringcast_http_upgrade_parse(ringcast_view_of(server.in, server.in_bytes), &upgrade, &status) != HTTP_UPGRADE_OK)
		return 0;
	size_t size = ringcast_http_upgrade_encode_response(&upgrade, answer);
	cr_assert_eq(send(server.tcp_fd, answer, size, MSG_NOSIGNAL), (ssize_t)size);
	server.is_upgraded = true;
	return upgrade.consumed_bytes;
}

static void server_turn(void)
{
	uint8_t bytes[2048];
	struct packet packet;
	socklen_t from_bytes = sizeof(server.udp_from);
	if (server.tcp_fd < 0)
		server.tcp_fd = accept4(server.listen_fd, NULL, NULL, SOCK_NONBLOCK);
	if (server.is_silent)
		return;
	ssize_t got = server.tcp_fd < 0 ? -1 : recv(server.tcp_fd, server.in + server.in_bytes, sizeof(server.in) - server.in_bytes, 0);
	server.in_bytes += got > 0 ? (size_t)got : 0;
	for (size_t taken; server.in_bytes > 0 && (taken = take_stream()) > 0;) {
		server.in_bytes -= taken;
		memmove(server.in, server.in + taken, server.in_bytes);
	}
	while ((got = recvfrom(server.udp_fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&server.udp_from, &from_bytes)) > 0) {
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(bytes, (size_t)got), &packet), PACKET_OK);
		take_packet(&packet, true);
	}
}

/* client */

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	seen.connected++;
	cr_assert_eq(peer_id, 4);
}

static void on_fast_ready(void *context, ringcast_client *client)
{
	seen.fast_ready++;
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	seen.message++;
	seen.opcode = message->opcode;
	seen.payload_bytes = message->payload_bytes;
	seen.was_fast = message->is_fast;
	if (seen.is_destroying)
		ringcast_client_destroy(seen.client);
}

static void on_dropped(void *context, ringcast_client *client, const char *reason)
{
	seen.dropped++;
}

static void on_resumed(void *context, ringcast_client *client, uint32_t lost)
{
	seen.resumed++;
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	seen.disconnected++;
	seen.code = code;
	snprintf(seen.reason, sizeof(seen.reason), "%s", reason);
}

static const ringcast_client_callbacks callbacks = {
	.size = sizeof(callbacks),
	.connected = on_connected,
	.fast_ready = on_fast_ready,
	.message = on_message,
	.disconnected = on_disconnected,
	.dropped = on_dropped,
	.resumed = on_resumed,
};

static ringcast_client *make_client_with(ringcast_client_options options)
{
	ringcast_client *client = NULL;
	memset(&seen, 0, sizeof(seen));
	options.callbacks = &callbacks;
	options.local_address = "127.0.0.5";
	cr_assert_eq(ringcast_client_create(&options, &client), RINGCAST_CLIENT_OK);
	return client;
}

static ringcast_client *make_client(bool is_udp_off)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.is_udp_off = is_udp_off;
	return make_client_with(options);
}

/* Turns both until the counter has reached the value; failing that in TURNS_MAX turns the test fails. */
static void turn_until(ringcast_client **client, const int *counter, int value)
{
	for (int i = 0; i < TURNS_MAX && *counter < value; i++) {
		server_turn();
		if (*client)
			ringcast_client_poll(*client, TURN_MS);
	}
	cr_assert_geq(*counter, value);
}

static ringcast_client *make_connected(bool is_udp_off)
{
	server_open();
	ringcast_client *client = make_client(is_udp_off);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "token-1", "p", 1), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	cr_assert_str_eq(server.token, "token-1");
	return client;
}

static ringcast_client_stats stats_of(ringcast_client *client)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	cr_assert_eq(ringcast_client_read_stats(client, &stats), RINGCAST_CLIENT_OK);
	return stats;
}

Test(client, sends_what_is_a_games_below_zero_too)
{
	ringcast_client *client = make_connected(false);
	turn_until(&client, &seen.fast_ready, 1);
	cr_assert_eq(ringcast_client_send(client, -500, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_FAST, "abc", 3), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.message, 1);
	cr_assert(server.was_last_fast);
	cr_assert_eq(seen.opcode, -500);
	cr_assert_eq(ringcast_client_send(client, INT32_MIN, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_RELIABLE, "", 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.message, 2);
	cr_assert_eq(seen.opcode, INT32_MIN);
	ringcast_client_destroy(&client);
}

Test(client, whole_life)
{
	ringcast_client *client = make_connected(false);
	turn_until(&client, &seen.fast_ready, 1);
	turn_until(&client, &server.ack_count, 1);
	cr_assert_eq(stats_of(client).udp, RINGCAST_CLIENT_UDP_UP);
	cr_assert_eq(server.udp_from.sin_addr.s_addr, inet_addr("127.0.0.5"), "UDP comes from TCP's address");

	cr_assert_eq(ringcast_client_send(client, 5, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_FAST, "abc", 3), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.message, 1);
	cr_assert(server.was_last_fast && seen.was_fast);
	cr_assert_eq(seen.payload_bytes, 3);
	cr_assert_eq(ringcast_client_send(client, 6, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_RELIABLE, "abcd", 4), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.message, 2);
	cr_assert(!server.was_last_fast && !seen.was_fast);
	cr_assert_eq(seen.opcode, 6);

	cr_assert_eq(ringcast_client_disconnect(client), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.disconnected, 1);
	cr_assert_eq(server.close_count, 1);
	cr_assert_eq(seen.code, 1000);
	cr_assert_eq(ringcast_client_poll(client, 0), RINGCAST_CLIENT_ERROR_STATE);
	cr_assert_eq(stats_of(client).messages_sent_fast, 1);
	ringcast_client_destroy(&client);
	cr_assert_null(client);
	server_close();
}

Test(client, may_connect_again)
{
	ringcast_client *client = make_connected(true);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "t", NULL, 0), RINGCAST_CLIENT_ERROR_STATE);
	int fd = ringcast_client_fd(client);
	server_close();
	turn_until(&client, &seen.disconnected, 1);
	cr_assert_eq(seen.code, 1006);
	server_open();
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "t", NULL, 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 2);
	cr_assert_eq(ringcast_client_fd(client), fd);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client, readable_fd_means_work)
{
	ringcast_client *client = make_connected(true);
	struct pollfd poll_fd = {.fd = ringcast_client_fd(client), .events = POLLIN};
	const struct packet message = {.opcode = 9, .sender = 2};
	send_packet(&message);
	cr_assert_eq(poll(&poll_fd, 1, -1), 1);
	cr_assert_geq(ringcast_client_poll(client, 0), 1);
	cr_assert_eq(seen.message, 1);
	cr_assert_eq(poll(&poll_fd, 1, 0), 0);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client, destroy_inside_a_callback)
{
	ringcast_client *client = make_connected(true);
	const struct packet message = {.opcode = 9, .sender = 2};
	seen.is_destroying = true;
	seen.client = &client;
	send_packet(&message);
	send_packet(&message);
	turn_until(&client, &seen.message, 1);
	cr_assert_null(client);
	cr_assert_eq(seen.message, 1, "no callback after destroy");
	cr_assert_eq(seen.disconnected, 0);
	server_close();
}

Test(client, refused_connection_is_told_by_callback)
{
	server_open();
	close(server.listen_fd);
	ringcast_client *client = make_client(false);
	server.listen_fd = -1;
	int error = ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "t", NULL, 0);
	if (error == RINGCAST_CLIENT_OK) {
		for (int i = 0; i < TURNS_MAX && seen.disconnected == 0; i++)
			ringcast_client_poll(client, TURN_MS);
		cr_assert_eq(seen.disconnected, 1);
		cr_assert_eq(seen.code, 1006);
	} else {
		cr_assert_eq(error, RINGCAST_CLIENT_ERROR_SYSTEM);
	}
	ringcast_client_destroy(&client);
	close(server.udp_fd);
}

/* A server that does not read: the queue fills to its bound, says so, and everything accepted arrives once it reads. */
Test(client, full_queue_says_so_and_loses_nothing)
{
	static uint8_t payload[RINGCAST_CLIENT_PAYLOAD_BYTES_MAX];
	ringcast_client *client = make_connected(true);
	int accepted = 0, error;
	server.is_silent = true;
	while ((error = ringcast_client_send(client, 5, 0, -1, RINGCAST_CLIENT_RELIABLE, payload, sizeof(payload))) == RINGCAST_CLIENT_OK)
		accepted++;
	cr_assert_eq(error, RINGCAST_CLIENT_ERROR_FULL);
	cr_assert_leq(stats_of(client).outq_bytes, 262144);
	cr_assert_gt(stats_of(client).outq_bytes, 262144 - 8192);
	server.is_silent = false;
	for (int i = 0; i < 100 * TURNS_MAX && seen.message < accepted; i++) {
		server_turn();
		ringcast_client_poll(client, 0);
	}
	cr_assert_eq(seen.message, accepted);
	cr_assert_eq(server.message_count, accepted);
	cr_assert_eq(stats_of(client).outq_bytes, 0);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client, caller_mistakes_are_answered)
{
	ringcast_client *client = make_client(false);
	ringcast_client_options odd = RINGCAST_CLIENT_OPTIONS_INIT;
	ringcast_client *other = NULL;
	struct {
		ringcast_client_options known;
		uint64_t later;
	} newer = {RINGCAST_CLIENT_OPTIONS_INIT, 0};
	static char token[8200];
	memset(token, 'x', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", 0, "t", NULL, 0), RINGCAST_CLIENT_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", 1, token, NULL, 0), RINGCAST_CLIENT_ERROR_SIZE);
	cr_assert_eq(ringcast_client_connect(NULL, "127.0.0.1", 1, "t", NULL, 0), RINGCAST_CLIENT_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_client_send(client, 5, 0, -1, RINGCAST_CLIENT_FAST, "x", 1), RINGCAST_CLIENT_ERROR_STATE);
	cr_assert_eq(ringcast_client_send(client, 5, 0, 0, RINGCAST_CLIENT_FAST, "x", 1), RINGCAST_CLIENT_ERROR_ARGUMENT);
#define OPCODE(name, number, from_client, from_server, text)                                                                                      \
	cr_assert_eq(ringcast_client_send(client, number, 0, -1, RINGCAST_CLIENT_FAST, "x", 1), RINGCAST_CLIENT_ERROR_ARGUMENT, "%s", text);
#include "proto/opcode.def"
#undef OPCODE
	cr_assert_eq(ringcast_client_send(client, -500, 0, -1, RINGCAST_CLIENT_FAST, "x", 1), RINGCAST_CLIENT_ERROR_STATE);
	cr_assert_eq(ringcast_client_join(client, 0), RINGCAST_CLIENT_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_client_disconnect(client), RINGCAST_CLIENT_ERROR_STATE);
	cr_assert_eq(ringcast_client_timeout_ms(client), -1);
	odd.local_address = "not an address";
	cr_assert_eq(ringcast_client_create(&odd, &other), RINGCAST_CLIENT_ERROR_ARGUMENT);
	newer.known.size = sizeof(newer);
	cr_assert_eq(ringcast_client_create(&newer.known, &other), RINGCAST_CLIENT_OK, "zero in what is unknown is fine");
	ringcast_client_destroy(&other);
	newer.later = 1;
	cr_assert_eq(ringcast_client_create(&newer.known, &other), RINGCAST_CLIENT_ERROR_ARGUMENT);
	cr_assert_null(other);
	for (int error = RINGCAST_CLIENT_ERROR_SYSTEM; error <= 0; error++)
		cr_assert_str_neq(ringcast_client_error_text(error), "unknown error");
	ringcast_client_destroy(&client);
	ringcast_client_destroy(&client);
}

Test(client, round_trip_is_measured)
{
	ringcast_client *client = make_connected(true);
	cr_assert_eq(ringcast_client_ping(client), RINGCAST_CLIENT_OK);
	for (int i = 0; i < TURNS_MAX && stats_of(client).rtt_ns == 0; i++) {
		server_turn();
		ringcast_client_poll(client, TURN_MS);
	}
	cr_assert_gt(stats_of(client).rtt_ns, 0);
	ringcast_client_destroy(&client);
	server_close();
}

/* coming back */

static void server_drop(void)
{
	close(server.tcp_fd);
	server.tcp_fd = -1;
	server.is_upgraded = false;
	server.in_bytes = 0;
}

/* The same port of another address. */
static void server_move(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server.tcp_port)};
	close(server.listen_fd);
	server.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	cr_assert_eq(bind(server.listen_fd, (struct sockaddr *)&to, sizeof(to)), 0);
	cr_assert_eq(listen(server.listen_fd, 8), 0);
}

static ringcast_client *make_resumable(bool may_use_thread)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.is_udp_off = options.may_resume = true;
	options.may_use_thread = may_use_thread;
	server_open();
	server.is_resumable = true;
	resolver_open("127.0.0.1");
	ringcast_client *client = make_client_with(options);
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	return client;
}

Test(client, who_comes_back_asks_no_resolver)
{
	ringcast_client *client = make_resumable(false);
	for (int i = 1; i <= 3; i++) {
		server_drop();
		turn_until(&client, &seen.resumed, i);
	}
	cr_assert_eq(resolver.game_count, 1);
	cr_assert_eq(seen.dropped, 3);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client, who_comes_back_does_not_wait_for_a_resolver_that_hangs)
{
	ringcast_client *client = make_resumable(true);
	for (int i = 1; i <= 3; i++) { /* one look-up hangs through all of them */
		server_drop();
		turn_until(&client, &seen.resumed, i);
	}
	cr_assert_eq(resolver.game_count, 1);
	ringcast_client_destroy(&client);
	cr_assert_null(client);
	resolver_release();
	server_close();
}

Test(client, a_server_that_has_moved_is_found_by_its_name)
{
	ringcast_client *client = make_resumable(true);
	server_move("127.0.0.2");
	server_drop();
	turn_until(&client, &seen.dropped, 1);
	resolver.answer = "127.0.0.2";
	resolver_release();
	resolver.is_hanging = false;
	turn_until(&client, &seen.resumed, 1);
	cr_assert_eq(resolver.game_count, 1);
	ringcast_client_destroy(&client);
	server_close();
}

/* The address that it had has worked meanwhile; the late one may be of another network. */
Test(client, what_a_look_up_finds_too_late_is_not_tried)
{
	ringcast_client *client = make_resumable(true);
	server_drop();
	turn_until(&client, &seen.dropped, 1);
	turn_until(&client, &seen.resumed, 1);
	resolver.answer = "127.0.0.9";
	resolver_release();
	server_drop();
	turn_until(&client, &seen.dropped, 2);
	turn_until(&client, &seen.resumed, 2);
	resolver_release();
	ringcast_client_destroy(&client);
	server_close();
}
