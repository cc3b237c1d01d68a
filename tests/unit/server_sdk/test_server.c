/* The game server's client against a service of this file's own: what it says, what it hears, and how it comes back. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/clients/server_sdk/ringcast_server.h"
#include "proto/websocket.h"

enum { BUFFER_BYTES = 64 * 1024 };

/* One connection after another, each answered as the test says. */
struct world {
	pthread_t thread;
	int listener;
	char url[64];
	/* what it does; set before the client acts, which waits for its answer */
	bool is_refusing, drops_after_answer;
	int status;
	const char *push; /* sent before the next answer */
	/* what it saw */
	char head[4096];
	json_t *asked;
	int connection_count;
	/* what the client told */
	char started[256], property[64];
	int64_t terminate_ms;
	int start_count;
};

static void send_text(int fd, const char *text)
{
	uint8_t head[10];
	size_t size = ringcast_websocket_encode_header(WEBSOCKET_TEXT, true, strlen(text), head);
	send(fd, head, size, MSG_NOSIGNAL);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void answer(struct world *world, int fd, const struct websocket_frame *frame)
{
	char text[512];
	json_t *asked = json_loadb((const char *)frame->payload, frame->size, 0, NULL);
	json_decref(world->asked);
	world->asked = asked;
	if (world->push != NULL)
		send_text(fd, world->push);
	world->push = NULL;
	snprintf(text, sizeof(text), "{\"Action\":\"%s\",\"RequestId\":\"%s\",\"StatusCode\":%d,\"ErrorMessage\":\"because\"}",
		 json_string_value(json_object_get(asked, "Action")), json_string_value(json_object_get(asked, "RequestId")), world->status);
	send_text(fd, text);
}

static bool shake_hands(struct world *world, int fd)
{
	char accept_key[29], text[256];
	ssize_t size = recv(fd, world->head, sizeof(world->head) - 1, 0);
	world->head[size > 0 ? size : 0] = '\0';
	const char *key = strstr(world->head, "Sec-WebSocket-Key: ");
	if (world->is_refusing || key == NULL) {
		static const char refusal[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
		send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL);
		return false;
	}
	ringcast_websocket_accept_key(key + strlen("Sec-WebSocket-Key: "), 24, accept_key);
	int used = snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept_key);
	return send(fd, text, (size_t)used, MSG_NOSIGNAL) == used;
}

static void serve(struct world *world, int fd)
{
	uint8_t *bytes = malloc(BUFFER_BYTES);
	size_t size = 0;
	for (ssize_t got; (got = recv(fd, bytes + size, BUFFER_BYTES - size, 0)) > 0;) {
		struct websocket_frame frame;
		size_t consumed, needed;
		uint16_t code;
		size += (size_t)got;
		while (size > 0 && ringcast_websocket_parse(bytes, size, true, BUFFER_BYTES, &frame, &consumed, &needed, &code) == WEBSOCKET_FRAME) {
			if (frame.opcode == WEBSOCKET_TEXT)
				answer(world, fd, &frame);
			size -= consumed;
			memmove(bytes, bytes + consumed, size);
		}
		if (world->drops_after_answer)
			break;
	}
	free(bytes);
}

static void *run(void *context)
{
	struct world *world = context;
	for (int fd; (fd = accept(world->listener, NULL, NULL)) >= 0; close(fd)) {
		world->connection_count++;
		if (shake_hands(world, fd))
			serve(world, fd);
	}
	return NULL;
}

static void begin(struct world *world)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	*world = (struct world){.status = 200};
	world->listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(world->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(world->listener, 8), 0);
	cr_assert_eq(getsockname(world->listener, (struct sockaddr *)&address, &size), 0);
	snprintf(world->url, sizeof(world->url), "ws://127.0.0.1:%u/", ntohs(address.sin_port));
	cr_assert_eq(pthread_create(&world->thread, NULL, run, world), 0);
}

static void end(struct world *world, ringcast_server **server)
{
	ringcast_server_destroy(server);
	shutdown(world->listener, SHUT_RDWR);
	pthread_join(world->thread, NULL);
	close(world->listener);
	json_decref(world->asked);
}

static void on_start(void *context, const ringcast_server_session *session)
{
	struct world *world = context;
	const char *value = "", *name = session->property(session, 1, &value);
	world->start_count++;
	snprintf(world->started, sizeof(world->started), "%s|%s|%s|%u", session->id, session->name, session->data, session->players_max);
	snprintf(world->property, sizeof(world->property), "%s=%s", name, value);
	cr_assert_null(session->property(session, 2, &value));
}

static void on_terminate(void *context, int64_t until_ms)
{
	((struct world *)context)->terminate_ms = until_ms;
}

static ringcast_server *connect_to(struct world *world, char problem[RINGCAST_SERVER_PROBLEM_BYTES])
{
	const ringcast_server_options options = {.url = world->url, .token = "to+ken", .process_id = "p 1", .host_id = "h", .fleet_id = "fleet-1",
						 .context = world, .on_start = on_start, .on_terminate = on_terminate};
	return ringcast_server_create(&options, problem);
}

static const char *asked_text(const struct world *world, const char *name)
{
	const char *text = json_string_value(json_object_get(world->asked, name));
	return text != NULL ? text : "";
}

Test(server_sdk, what_is_not_set_is_named)
{
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	const ringcast_server_options options = {.url = "ws://127.0.0.1:1", .token = "t"};
	unsetenv("GAMELIFT_SDK_PROCESS_ID");
	cr_assert_null(ringcast_server_create(&options, problem));
	cr_assert_str_eq(problem, "GAMELIFT_SDK_PROCESS_ID is not set, and no option says it");
}

Test(server_sdk, an_address_that_cannot_be_is_said)
{
	static const char *const urls[] = {"http://a:1", "wss://a:1", "ws://a", "ws://:1", "ws://a:123456789", "ws://a b:1", ""};
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const ringcast_server_options options = {.url = urls[i], .token = "t", .process_id = "p", .host_id = "h", .fleet_id = "f"};
		cr_assert_null(ringcast_server_create(&options, problem));
		cr_assert_not_null(strstr(problem, "must be ws://host:port"), "%s: %s", urls[i], problem);
	}
}

Test(server_sdk, it_logs_in_as_the_protocol_says)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	ringcast_server *server = connect_to(&world, problem);
	cr_assert_not_null(server, "%s", problem);
	cr_assert_eq(strncmp(world.head, "GET /?Authorization=to%2Bken&ComputeId=h&FleetId=fleet-1&IdempotencyToken=", 73), 0, "%s", world.head);
	cr_assert_not_null(strstr(world.head, "&pID=p%201&sdkLanguage=C&sdkVersion=5.4.0 HTTP/1.1\r\n"), "%s", world.head);
	cr_assert_eq(ringcast_server_ready(server, 4000), 0);
	cr_assert_str_eq(asked_text(&world, "Action"), "ActivateServerProcess");
	cr_assert_eq(json_integer_value(json_object_get(world.asked, "Port")), 4000);
	end(&world, &server);
	cr_assert_null(server);
}

Test(server_sdk, a_refusal_is_a_status_and_a_text)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	world.is_refusing = true;
	cr_assert_null(connect_to(&world, problem));
	cr_assert_not_null(strstr(problem, "refused: the token"), "%s", problem);
	world.is_refusing = false;
	ringcast_server *server = connect_to(&world, problem);
	world.status = 404;
	cr_assert_eq(ringcast_server_accept_player(server, "psess-1"), 404);
	cr_assert_str_eq(ringcast_server_problem(server), "because");
	cr_assert_str_eq(asked_text(&world, "PlayerSessionId"), "psess-1");
	end(&world, &server);
}

Test(server_sdk, a_start_that_is_told_again_is_heard_once)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	ringcast_server *server = connect_to(&world, problem);
	for (int i = 0; i < 2; i++) {
		world.push = "{\"Action\":\"CreateGameSession\",\"GameSessionId\":\"arn:1\"}";
		cr_assert_eq(ringcast_server_ready(server, 4000), 0);
		ringcast_server_poll(server, 0);
		cr_assert_eq(world.start_count, 1);
	}
	world.push = "{\"Action\":\"CreateGameSession\",\"GameSessionId\":\"arn:2\"}";
	cr_assert_eq(ringcast_server_ready(server, 4000), 0);
	ringcast_server_poll(server, 0);
	cr_assert_eq(world.start_count, 2);
	end(&world, &server);
}

Test(server_sdk, what_is_told_while_it_asks_is_delivered_by_poll)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	ringcast_server *server = connect_to(&world, problem);
	world.push = "{\"Action\":\"CreateGameSession\",\"GameSessionId\":\"arn:1\",\"GameSessionName\":\"n\",\"GameSessionData\":\"d\",\"MaximumPlayerSessionCount\":7,"
		     "\"GameProperties\":{\"a\":\"b\",\"mode\":\"ctf\"}}";
	cr_assert_eq(ringcast_server_ready(server, 4000), 0);
	cr_assert_eq(world.start_count, 0, "never from inside a request");
	ringcast_server_poll(server, 0);
	cr_assert_eq(world.start_count, 1);
	cr_assert_str_eq(world.started, "arn:1|n|d|7");
	cr_assert_str_eq(world.property, "mode=ctf");
	world.push = "{\"Action\":\"TerminateProcess\",\"TerminationTime\":1700000000000}";
	cr_assert_eq(ringcast_server_activate_session(server), 0);
	cr_assert_str_eq(asked_text(&world, "GameSessionId"), "arn:1");
	ringcast_server_poll(server, 0);
	cr_assert_eq(world.terminate_ms, 1700000000000);
	world.push = "no JSON";
	cr_assert_eq(ringcast_server_take_players(server, false), 0);
	cr_assert_str_eq(asked_text(&world, "PlayerSessionPolicy"), "DENY_ALL");
	end(&world, &server);
}

Test(server_sdk, a_lost_connection_comes_back_under_its_id)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	ringcast_server *server = connect_to(&world, problem);
	world.drops_after_answer = true;
	cr_assert_eq(ringcast_server_ready(server, 4000), 0);
	for (int i = 0; i < 1000 && ringcast_server_fd(server) >= 0; i++)
		ringcast_server_poll(server, 10);
	cr_assert_eq(ringcast_server_fd(server), -1);
	cr_assert_eq(ringcast_server_accept_player(server, "psess-1"), RINGCAST_SERVER_LOST);
	world.drops_after_answer = false;
	for (int i = 0; i < 1000 && ringcast_server_fd(server) < 0; i++)
		ringcast_server_poll(server, 100);
	cr_assert_eq(world.connection_count, 2);
	cr_assert_not_null(strstr(world.head, "&pID=p%201&"));
	cr_assert_eq(ringcast_server_accept_player(server, "psess-1"), 0);
	end(&world, &server);
}

Test(server_sdk, a_refreshed_connection_takes_over)
{
	struct world world;
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	begin(&world);
	ringcast_server *server = connect_to(&world, problem);
	world.drops_after_answer = true; /* so that this service, which has one thread, takes the next connection */
	world.push = "{\"Action\":\"RefreshConnection\",\"RefreshConnectionEndpoint\":\"\",\"AuthToken\":\"newer\"}";
	cr_assert_eq(ringcast_server_ready(server, 4000), 0);
	world.drops_after_answer = false;
	ringcast_server_poll(server, 0);
	cr_assert_eq(ringcast_server_accept_player(server, "psess-1"), 0);
	cr_assert_not_null(strstr(world.head, "Authorization=newer&"), "%s", world.head);
	end(&world, &server);
}
