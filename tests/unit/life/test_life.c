/* The engine's life and what any thread may ask of it: options, sessions, places, limits, drain, stop. On both ways to do I/O. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "both.h"
#include "stage.h"

static struct stage stage;

/* Options */

static int create(const ringcast_engine_options *options, char *error, size_t error_bytes)
{
	ringcast_engine *engine = (ringcast_engine *)&stage; /* whatever was there */
	int result = ringcast_engine_create(options, &engine, error, error_bytes);
	cr_assert_eq(engine != NULL, result == RINGCAST_OK);
	ringcast_engine_destroy(&engine);
	return result;
}

static ringcast_engine_options small(void)
{
	return (ringcast_engine_options){.size = sizeof(ringcast_engine_options), .shard_count = 1};
}

Test(options, each_mistake_is_told_in_one_line)
{
	ringcast_engine_options bad[6];
	ringcast_callbacks short_callbacks = {.size = 3};
	for (size_t i = 0; i < 6; i++)
		bad[i] = small();
	bad[0].listen_address = "localhost";
	bad[1].listen_address_second = "127.0.0.2";
	bad[2].shard_count = 65;
	bad[3].udp_ports_per_shard = 65;
	bad[4].size = 4;
	bad[5].callbacks = &short_callbacks;
	for (size_t i = 0; i < 6; i++) {
		char error[256] = "";
		cr_assert_eq(create(&bad[i], error, sizeof(error)), RINGCAST_ERROR_ARGUMENT, "%zu", i);
		cr_assert_gt(strlen(error), 10);
		cr_assert_null(strchr(error, '\n'));
	}
}

Test(options, structs_of_other_versions_are_understood)
{
	struct {
		ringcast_engine_options options;
		uint64_t unknown;
	} newer = {.options = small()};
	ringcast_callbacks old = {.size = offsetof(ringcast_callbacks, tick)};
	char error[256];
	newer.options.size = sizeof(newer);
	newer.options.callbacks = &old;
	cr_assert_eq(create(&newer.options, error, sizeof(error)), RINGCAST_OK, "%s", error);
	newer.unknown = 1;
	cr_assert_eq(create(&newer.options, error, sizeof(error)), RINGCAST_ERROR_ARGUMENT);
}

Test(options, a_port_in_use_is_told)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	ringcast_engine_options options = small();
	char error[256];
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	options.tcp_port = ntohs(address.sin_port);
	cr_assert_eq(create(&options, error, sizeof(error)), RINGCAST_ERROR_SYSTEM);
	cr_assert_not_null(strstr(error, "TCP port"), "%s", error);
	close(fd);
}

Test(options, the_memory_bill_is_the_sum_of_its_parts)
{
	ringcast_engine_options options = small();
	uint64_t one = ringcast_memory_bill(&options, NULL, NULL);
	cr_assert_gt(one, 0);
	options.shard_count = 3;
	cr_assert_eq(ringcast_memory_bill(&options, NULL, NULL), 3 * one);
}

Test(options, errors_have_words)
{
	for (int error = RINGCAST_ERROR_EXISTS; error <= RINGCAST_OK; error++)
		cr_assert_gt(strlen(ringcast_error_text(error)), 0);
	cr_assert_gt(strlen(ringcast_version()), 0);
}

/* Life */

BOTH(life, from_create_to_destroy)
{
	ringcast_engine_options options = small();
	ringcast_session_options session = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_engine *engine;
	char error[256], id[RINGCAST_ID_BYTES];
	options.io = io;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_session_create(engine, &session, id), RINGCAST_ERROR_STATE, "not started yet");
	cr_assert_gt(ringcast_engine_tcp_port(engine), 0);
	cr_assert_gt(ringcast_engine_udp_port(engine, 0, 0), 0);
	cr_assert_eq(ringcast_engine_udp_port(engine, 0, 1), 0);
	cr_assert_eq(ringcast_engine_udp_port(engine, 1, 0), 0);
	cr_assert_eq(ringcast_engine_shard_count(engine), 1);
	if (io == RINGCAST_IO_EPOLL)
		cr_assert_str_eq(ringcast_engine_io_name(engine), "epoll");
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_session_create(engine, &session, id), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_stop(engine, 1000), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_stop(engine, 1000), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_session_create(engine, &session, id), RINGCAST_ERROR_STATE);
	ringcast_engine_destroy(&engine);
	cr_assert_null(engine);
	ringcast_engine_destroy(&engine); /* harmless */
}

BOTH(life, what_was_never_started_can_be_destroyed)
{
	ringcast_engine_options options = small();
	ringcast_engine *engine;
	char error[256];
	options.io = io;
	options.shard_count = 3;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	ringcast_engine_destroy(&engine);
}

static void begin_with(ringcast_io io, const ringcast_session_options *session)
{
	ringcast_engine_options options = small();
	options.io = io;
	stage_start(&stage, &options, session);
}

/* Sessions and places */

BOTH(sessions, are_described_and_listed)
{
	ringcast_session_options options = {.size = sizeof(options), .players_max = 2};
	ringcast_session_info info, infos[4];
	ringcast_player_info players[4];
	char token[RINGCAST_ID_BYTES];
	size_t count;
	begin_with(io, &options);
	stage_enter(&stage, 0, "");
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "bob", NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	cr_assert_str_eq(info.id, stage.session);
	cr_assert_str_eq(info.name, "stage");
	cr_assert_str_eq(info.state, "active");
	cr_assert_eq(info.player_count, 1);
	cr_assert_eq(info.reserved_count, 1);
	cr_assert_eq(info.players_max, 2);
	cr_assert_eq(ringcast_session_list(stage.engine, infos, 4, &count), RINGCAST_OK);
	cr_assert_eq(count, 1);
	cr_assert_eq(ringcast_player_list(stage.engine, stage.session, players, 4, &count), RINGCAST_OK);
	cr_assert_eq(count, 2);
	cr_assert_eq(players[0].peer_id, 1);
	cr_assert_str_eq(players[0].state, "active");
	cr_assert_str_eq(players[1].player_id, "bob");
	cr_assert_str_eq(players[1].token, token);
	stage_stop(&stage);
}

BOTH(sessions, refuse_what_cannot_be)
{
	ringcast_session_options options = {.size = sizeof(options), .players_max = 2};
	char token[RINGCAST_ID_BYTES], longest[RINGCAST_DATA_BYTES + 1];
	ringcast_session_info info;
	begin_with(io, &options);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(ringcast_session_describe(stage.engine, "gsess-nobody", &info), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_session_end(stage.engine, NULL), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, longest, NULL, token), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "a", longest, token), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "a", NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "a", NULL, token), RINGCAST_ERROR_EXISTS);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "b", NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, "c", NULL, token), RINGCAST_ERROR_FULL);
	cr_assert_eq(ringcast_player_kick(stage.engine, stage.session, 1, NULL), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_session_answer_post(stage.engine, stage.session, 77, RINGCAST_ALLOW), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_session_answer_post(stage.engine, stage.session, 77, RINGCAST_LATER), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_session_end(stage.engine, stage.session), RINGCAST_OK);
	cr_assert_eq(ringcast_session_end(stage.engine, stage.session), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
	stage_expect_log("started\nended session_ended\n");
}

BOTH(sessions, live_on_several_shards)
{
	ringcast_engine_options options = small();
	ringcast_session_options session = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_session_info infos[8];
	size_t count;
	options.io = io;
	options.shard_count = 3;
	stage_start(&stage, &options, NULL);
	session.has_shard = true;
	for (session.shard = 0; session.shard < 3; session.shard++) {
		char first[RINGCAST_ID_BYTES];
		memcpy(first, stage.session, sizeof(first));
		cr_assert_eq(ringcast_session_create(stage.engine, &session, stage.session), RINGCAST_OK);
		cr_assert_eq(stage_enter(&stage, session.shard, "")->peer_id, 1, "wherever it was accepted");
		stage_fence(&stage, session.shard);
	}
	cr_assert_eq(ringcast_session_list(stage.engine, infos, 8, &count), RINGCAST_OK);
	cr_assert_eq(count, 4);
	cr_assert_eq(ringcast_session_list(stage.engine, infos, 1, &count), RINGCAST_OK);
	cr_assert_eq(count, 4, "how many there are, not how many fit");
	cr_assert_eq(ringcast_session_list(stage.engine, NULL, 0, &count), RINGCAST_OK);
	cr_assert_eq(count, 4);
	stage_until(&stage, ringcast_engine_player_count(stage.engine) == 3);
	stage_stop(&stage);
}

/* The stage's own session is on the first shard, which is full with one more. */
BOTH(sessions, go_to_shards_that_have_room)
{
	ringcast_engine_options options = small();
	ringcast_session_options first = RINGCAST_SESSION_OPTIONS_INIT;
	char id[RINGCAST_ID_BYTES];
	options.io = io;
	options.shard_count = 3;
	ringcast_limits_default(&options.limits);
	options.limits.sessions_max = 2;
	stage_start(&stage, &options, NULL);
	first.has_shard = true;
	while (ringcast_session_create(stage.engine, &first, id) == RINGCAST_OK)
		;
	int count = 0;
	for (ringcast_session_options any = RINGCAST_SESSION_OPTIONS_INIT; ringcast_session_create(stage.engine, &any, id) == RINGCAST_OK;)
		count++;
	cr_assert_geq(count, 3, "the other two shards are filled, whoever's turn it was");
	stage_stop(&stage);
}

/* A program built with a later header, or an earlier one. */
BOTH(sessions, options_may_be_longer_or_shorter_than_ours)
{
	struct {
		ringcast_session_options known;
		uint64_t later[4];
	} longer = {.known = {.size = sizeof(longer), .players_max = 1}};
	char id[RINGCAST_ID_BYTES];
	begin_with(io, NULL);
	cr_assert_eq(ringcast_session_create(stage.engine, &longer.known, id), RINGCAST_OK);
	longer.later[3] = 1;
	cr_assert_eq(ringcast_session_create(stage.engine, &longer.known, id), RINGCAST_ERROR_ARGUMENT, "set, and not known here");
	longer.known.size = offsetof(ringcast_session_options, players_max);
	cr_assert_eq(ringcast_session_create(stage.engine, &longer.known, id), RINGCAST_OK);
	longer.known.size = sizeof(size_t) - 1;
	cr_assert_eq(ringcast_session_create(stage.engine, &longer.known, id), RINGCAST_ERROR_ARGUMENT);
	stage_stop(&stage);
}

static void ask_in_a_callback(ringcast_session *session)
{
	ringcast_session_info info;
	size_t count;
	cr_assert_eq(ringcast_session_describe(stage.engine, ringcast_session_id(session), &info), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_session_list(stage.engine, &info, 1, &count), RINGCAST_ERROR_STATE);
}

BOTH(sessions, cannot_be_asked_about_in_a_callback)
{
	begin_with(io, NULL);
	game.started = ask_in_a_callback;
	char id[RINGCAST_ID_BYTES];
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	cr_assert_eq(ringcast_session_create(stage.engine, &options, id), RINGCAST_OK);
	stage_stop(&stage);
}

/* Limits */

BOTH(limits, take_effect_when_they_are_loaded)
{
	ringcast_limits limits;
	begin_with(io, NULL);
	stage_enter(&stage, 0, "");
	ringcast_client_join(stage.actors[0].client, 1);
	stage_fence(&stage, 0);
	ringcast_limits_default(&limits);
	limits.groups_per_player_max = 1;
	cr_assert_eq(ringcast_engine_reload(stage.engine, &limits), RINGCAST_OK);
	ringcast_client_join(stage.actors[0].client, 2);
	ringcast_client_request_membership(stage.actors[0].client, 2);
	stage_fence(&stage, 0);
	cr_assert(stage_has_heard(&stage.actors[0], "list 1: 1\n"));
	cr_assert(stage_has_heard(&stage.actors[0], "list 2:\n"), "%s", stage.actors[0].heard);
	stage_stop(&stage);
}

static void sum_up(void *context, const char *name, const char *type, const char *help, const char *labels, double value)
{
	double *denied = context;
	cr_assert_gt(strlen(help), 0);
	cr_assert(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0);
	if (strcmp(name, "ringcast_drops_total") == 0 && strstr(labels, "\"group_limit\"") != NULL)
		*denied += value;
}

BOTH(limits, leave_a_count_of_what_they_refused)
{
	ringcast_engine_options options = small();
	double refused = 0;
	options.io = io;
	ringcast_limits_default(&options.limits);
	options.limits.groups_per_player_max = 1;
	stage_start(&stage, &options, NULL);
	stage_enter(&stage, 0, "");
	for (int32_t group = 1; group <= 3; group++)
		ringcast_client_join(stage.actors[0].client, group);
	stage_fence(&stage, 0);
	ringcast_metrics_each(stage.engine, sum_up, &refused);
	cr_assert_eq(refused, 2);
	stage_stop(&stage);
}

/* The end */

BOTH(end, a_drain_lets_players_play_and_nobody_new_in)
{
	ringcast_session_options another = RINGCAST_SESSION_OPTIONS_INIT;
	char id[RINGCAST_ID_BYTES], token[RINGCAST_ID_BYTES];
	begin_with(io, NULL);
	stage_enter(&stage, 0, "");
	cr_assert_not(ringcast_engine_is_draining(stage.engine));
	cr_assert_eq(ringcast_engine_drain(stage.engine), RINGCAST_OK);
	cr_assert(ringcast_engine_is_draining(stage.engine));
	cr_assert_eq(ringcast_session_create(stage.engine, &another, id), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, NULL, NULL, token), RINGCAST_ERROR_STATE);
	stage_fence(&stage, 0);
	cr_assert_not(stage.actors[0].is_gone);
	stage_leave(&stage, 0);
	stage_stop(&stage);
	stage_expect_log("started\nconnect 1 ''\naccepted 1\nterminate never\ndisconnected 1 client\nended shutdown\n");
}

BOTH(end, a_drain_with_an_end_ends)
{
	begin_with(io, NULL);
	stage_enter(&stage, 0, "");
	cr_assert_eq(ringcast_engine_drain_within(stage.engine, 30), RINGCAST_OK);
	stage_until(&stage, stage.actors[0].is_gone);
	cr_assert_eq(stage.actors[0].close_code, 3001);
	stage_expect_log("started\nconnect 1 ''\naccepted 1\nterminate soon\ndisconnected 1 shutdown\nended shutdown\n");
	stage_stop(&stage);
}

BOTH(end, a_stop_says_goodbye)
{
	begin_with(io, NULL);
	stage_enter(&stage, 0, "");
	stage_enter(&stage, 1, "");
	stage_halt(&stage);
	for (int i = 0; i < 2; i++) {
		stage_until(&stage, stage.actors[i].is_gone);
		cr_assert_eq(stage.actors[i].close_code, 3001);
	}
	stage_stop(&stage);
	cr_assert(stage_has_log("terminate soon\ndisconnected 2 shutdown\ndisconnected 1 shutdown\nended shutdown\n"));
}

static void say_goodbye(ringcast_session *session)
{
	ringcast_message message = {.opcode = 8, .sender = RINGCAST_PEER_SERVER, .target_group = RINGCAST_GROUP_ALL, .intent = RINGCAST_RELIABLE};
	cr_assert_eq(ringcast_session_send(session, &message), RINGCAST_OK);
	cr_assert_eq(ringcast_session_finish(session), RINGCAST_OK);
}

BOTH(end, a_game_has_the_last_word)
{
	game.terminate = say_goodbye;
	begin_with(io, NULL);
	stage_enter(&stage, 0, "");
	stage_halt(&stage);
	stage_until(&stage, stage.actors[0].is_gone);
	cr_assert_str_eq(stage.actors[0].heard, "8 from -1 ''\n");
	cr_assert_eq(stage.actors[0].close_code, 3502);
	stage_stop(&stage);
}
