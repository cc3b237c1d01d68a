/* The client library and host names: who waits for a resolver, and who does not. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_world.h"

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
	resolver.is_hanging = false;
	ringcast_client *client = make_client_with(options);
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	resolver.is_hanging = true;
	return client;
}

Test(client_lookup, who_comes_back_asks_no_resolver)
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

Test(client_lookup, who_comes_back_does_not_wait_for_a_resolver_that_hangs)
{
	ringcast_client *client = make_resumable(true);
	for (int i = 1; i <= 3; i++) { /* one look-up hangs through all of them */
		server_drop();
		turn_until(&client, &seen.resumed, i);
	}
	cr_assert_eq(resolver.game_count, 0);
	ringcast_client_destroy(&client);
	cr_assert_null(client);
	resolver_release();
	server_close();
}

Test(client_lookup, a_server_that_has_moved_is_found_by_its_name)
{
	ringcast_client *client = make_resumable(true);
	server_move("127.0.0.2");
	server_drop();
	turn_until(&client, &seen.dropped, 1);
	resolver.answer = "127.0.0.2";
	resolver_release();
	resolver.is_hanging = false;
	turn_until(&client, &seen.resumed, 1);
	cr_assert_eq(resolver.game_count, 0);
	ringcast_client_destroy(&client);
	server_close();
}

/* The address that it had has worked meanwhile; the late one may be of another network. */
Test(client_lookup, what_a_look_up_finds_too_late_is_not_tried)
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

/* It hangs through another break, in which it is answered. */
Test(client_lookup, what_was_asked_before_the_last_break_is_not_tried_after_the_next)
{
	ringcast_client *client = make_resumable(true);
	server_drop();
	turn_until(&client, &seen.resumed, 1);
	struct sockaddr_in old = {.sin_family = AF_INET, .sin_port = htons(server.tcp_port)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(inet_pton(AF_INET, "127.0.0.9", &old.sin_addr), 1);
	cr_assert_eq(bind(listener, (struct sockaddr *)&old, sizeof(old)), 0);
	cr_assert_eq(listen(listener, 8), 0);
	server_move("127.0.0.2");
	server_drop();
	turn_until(&client, &seen.dropped, 2);
	for (int i = 0; i < 3; i++)
		ringcast_client_poll(client, 20); /* it is tried, while the answer is still to come */
	resolver.answer = "127.0.0.9";
	resolver_release();
	resolver.answer = "127.0.0.2";
	resolver.is_hanging = false;
	turn_until(&client, &seen.resumed, 2);
	cr_assert_eq(accept(listener, NULL, NULL), -1, "an old answer was tried");
	close(listener);
	ringcast_client_destroy(&client);
	server_close();
}

/* Looking up the first time */

static ringcast_client *make_looking_up(uint32_t connect_timeout_ms)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.is_udp_off = options.may_use_thread = true;
	options.connect_timeout_ms = connect_timeout_ms;
	server_open();
	resolver_open("127.0.0.1");
	ringcast_client *client = make_client_with(options);
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "token-1", "p", 1), RINGCAST_CLIENT_OK);
	cr_assert_eq(stats_of(client).state, RINGCAST_CLIENT_CONNECTING);
	return client;
}

Test(client_lookup, who_connects_does_not_wait_for_a_resolver_that_hangs)
{
	ringcast_client *client = make_looking_up(0);
	struct pollfd poll_fd = {.fd = ringcast_client_fd(client), .events = POLLIN};
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ringcast_client_poll(client, 0), 0);
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_ERROR_STATE);
	cr_assert_eq(poll(&poll_fd, 1, 0), 0);
	resolver_release();
	cr_assert_eq(poll(&poll_fd, 1, -1), 1); /* the answer wakes whoever waits for the client */
	turn_until(&client, &seen.connected, 1);
	cr_assert_eq(resolver.game_count, 0);
	cr_assert_eq(stats_of(client).state, RINGCAST_CLIENT_CONNECTED);
	cr_assert_str_eq(server.token, "token-1");
	ringcast_client_destroy(&client);
	server_close();
}

Test(client_lookup, a_name_that_a_thread_does_not_find_is_told_by_callback)
{
	ringcast_client *client = make_looking_up(0);
	resolver.is_unknown = true;
	resolver_release();
	turn_until(&client, &seen.disconnected, 1);
	cr_assert_eq(seen.code, 1006);
	cr_assert_str_eq(seen.reason, "the host name cannot be resolved");
	cr_assert_eq(ringcast_client_poll(client, 0), RINGCAST_CLIENT_ERROR_STATE);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client_lookup, a_name_that_is_waited_for_here_and_not_found_is_an_error)
{
	server_open();
	resolver_open(NULL);
	resolver.is_unknown = true;
	ringcast_client *client = make_client(true);
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "t", NULL, 0), RINGCAST_CLIENT_ERROR_RESOLVE);
	cr_assert_eq(resolver.game_count, 1);
	resolver.is_unknown = false;
	resolver.answer = "127.0.0.1";
	cr_assert_eq(ringcast_client_connect(client, "game.invalid", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client_lookup, a_literal_needs_no_thread)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.is_udp_off = options.may_use_thread = true;
	server_open();
	resolver_open(NULL); /* whoever asks in a thread hangs */
	ringcast_client *client = make_client_with(options);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.connected, 1);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client_lookup, who_gives_up_does_not_wait_for_a_resolver_that_hangs)
{
	ringcast_client *client = make_looking_up(0);
	cr_assert_eq(ringcast_client_disconnect(client), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.disconnected, 1);
	cr_assert_eq(seen.code, 1006);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK); /* while it still hangs */
	turn_until(&client, &seen.connected, 1);
	ringcast_client_destroy(&client);
	resolver_release();
	server_close();
}

/* Maybe for another host. */
Test(client_lookup, who_connects_anew_waits_for_an_answer_of_its_own)
{
	ringcast_client *client = make_looking_up(0);
	cr_assert_eq(ringcast_client_disconnect(client), RINGCAST_CLIENT_OK);
	turn_until(&client, &seen.disconnected, 1);
	cr_assert_eq(ringcast_client_connect(client, "other.invalid", server.tcp_port, "token-1", NULL, 0), RINGCAST_CLIENT_OK);
	for (int i = 0; i < TURNS_MAX && resolver.others_count < 2; i++)
		ringcast_client_poll(client, 1);
	cr_assert_eq(resolver.others_count, 2);
	resolver_release();
	resolver_release();
	turn_until(&client, &seen.connected, 1);
	ringcast_client_destroy(&client);
	server_close();
}

Test(client_lookup, who_goes_does_not_wait_for_a_resolver_that_hangs)
{
	ringcast_client *client = make_looking_up(0);
	ringcast_client_destroy(&client);
	cr_assert_null(client);
	resolver_release();
	server_close();
}

Test(client_lookup, a_look_up_is_part_of_the_time_for_connecting)
{
	ringcast_client *client = make_looking_up(20);
	for (int i = 0; i < TURNS_MAX && seen.disconnected == 0; i++)
		ringcast_client_poll(client, -1);
	cr_assert_eq(seen.disconnected, 1);
	cr_assert_eq(seen.code, 1006);
	ringcast_client_destroy(&client);
	resolver_release();
	server_close();
}
