#include "client_world.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/http_upgrade.h"
#include "proto/websocket.h"

struct server server;
struct seen seen;
struct resolver resolver;

/* resolver */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_found)
{
	int (*of_system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&of_system = dlsym(RTLD_NEXT, "getaddrinfo");
	bool is_game = pthread_equal(pthread_self(), resolver.game);
	resolver.game_count += is_game;
	resolver.others_count += !is_game;
	if (resolver.is_hanging && !is_game)
		sem_wait(&resolver.gate);
	int result = resolver.is_unknown ? EAI_NONAME : of_system(resolver.answer ? resolver.answer : node, service, hints, ret_found);
	if (resolver.is_hanging && !is_game)
		sem_post(&resolver.done);
	return result;
}

void resolver_open(const char *answer)
{
	resolver = (struct resolver){.game = pthread_self(), .is_hanging = true, .answer = answer};
	sem_init(&resolver.gate, 0, 0);
	sem_init(&resolver.done, 0, 0);
}

void resolver_release(void)
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

void server_open(void)
{
	memset(&server, 0, sizeof(server));
	server.tcp_fd = -1;
	server.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	server.udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	server.tcp_port = bind_loopback(server.listen_fd);
	server.udp_port = bind_loopback(server.udp_fd);
	cr_assert_eq(listen(server.listen_fd, 8), 0);
}

void server_close(void)
{
	close(server.listen_fd);
	close(server.udp_fd);
	if (server.tcp_fd >= 0)
		close(server.tcp_fd);
}

void send_packet(const struct packet *packet)
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

void server_turn(void)
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

ringcast_client *make_client_with(ringcast_client_options options)
{
	ringcast_client *client = NULL;
	memset(&seen, 0, sizeof(seen));
	options.callbacks = &callbacks;
	options.local_address = "127.0.0.5";
	cr_assert_eq(ringcast_client_create(&options, &client), RINGCAST_CLIENT_OK);
	return client;
}

ringcast_client *make_client(bool is_udp_off)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.is_udp_off = is_udp_off;
	return make_client_with(options);
}

void turn_until(ringcast_client **client, const int *counter, int value)
{
	for (int i = 0; i < TURNS_MAX && *counter < value; i++) {
		server_turn();
		if (*client)
			ringcast_client_poll(*client, TURN_MS);
	}
	cr_assert_geq(*counter, value);
}

ringcast_client *make_connected(bool is_udp_off)
{
	server_open();
	ringcast_client *client = make_client(is_udp_off);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "token-1", "p", 1), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	cr_assert_str_eq(server.token, "token-1");
	return client;
}

ringcast_client_stats stats_of(ringcast_client *client)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	cr_assert_eq(ringcast_client_read_stats(client, &stats), RINGCAST_CLIENT_OK);
	return stats;
}
