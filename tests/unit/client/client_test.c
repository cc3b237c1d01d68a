/* The client library over real loopback sockets, against a small server that turns in the same thread. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_world.h"

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
