/* The engine's life and what any thread may ask of it: sessions, places, limits, drain, stop. On both ways to do I/O. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "both.h"
#include "life/engine.h"
#include "stage.h"

static struct stage stage;

/* Life */

BOTH(life, from_create_to_destroy)
{
	ringcast_engine_options options = stage_small();
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

static void *stop_too(void *engine)
{
	return ringcast_engine_stop(engine, 1000) == RINGCAST_OK ? engine : NULL;
}

BOTH(life, one_of_many_stops_it_and_the_others_wait)
{
	enum { COUNT = 8 };
	ringcast_engine_options options = stage_small();
	ringcast_engine *engine;
	pthread_t threads[COUNT];
	char error[256];
	unsigned stopped_count = 0;
	options.io = io;
	options.shard_count = 2;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, stop_too, engine), 0);
	for (int i = 0; i < COUNT; i++) {
		void *result;
		pthread_join(threads[i], &result);
		stopped_count += result != NULL;
	}
	cr_assert_eq(stopped_count, 1);
	ringcast_engine_destroy(&engine);
}

BOTH(life, reloaded_zeros_are_the_defaults)
{
	ringcast_engine_options options = stage_small();
	ringcast_limits zeros = {0}, wrong;
	ringcast_engine *engine;
	char error[256];
	options.io = io;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_reload(engine, &zeros), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_reload(engine, NULL), RINGCAST_ERROR_ARGUMENT);
	ringcast_limits_default(&wrong);
	wrong.outq_fast_messages = 65536;
	cr_assert_eq(ringcast_engine_reload(engine, &wrong), RINGCAST_ERROR_ARGUMENT);
	ringcast_engine_destroy(&engine);
}

BOTH(life, a_drain_can_be_taken_back)
{
	ringcast_engine_options options = stage_small();
	ringcast_session_options session = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_engine *engine;
	char error[256], id[RINGCAST_ID_BYTES], token[RINGCAST_ID_BYTES];
	options.io = io;
	options.shard_count = 2;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_session_create(engine, &session, id), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_drain_within(engine, 86400000), RINGCAST_OK);
	cr_assert_eq(ringcast_player_reserve(engine, id, "alice", NULL, token), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_engine_resume(engine), RINGCAST_OK);
	cr_assert_not(ringcast_engine_is_draining(engine));
	cr_assert_eq(ringcast_player_reserve(engine, id, "alice", NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_player_reserve(engine, id, "alice", NULL, token), RINGCAST_ERROR_EXISTS);
	cr_assert_eq(ringcast_player_remove(engine, id, "alice", token, NULL), RINGCAST_ERROR_ARGUMENT, "one of them");
	cr_assert_eq(ringcast_player_remove(engine, id, "alice", NULL, NULL), RINGCAST_OK);
	cr_assert_eq(ringcast_player_remove(engine, id, NULL, token, NULL), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_player_reserve(engine, id, "alice", NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_player_remove(engine, id, NULL, token, NULL), RINGCAST_OK);
	ringcast_engine_destroy(&engine);
}

BOTH(life, keys_of_tickets_are_renewed_while_it_runs)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *engine;
	char error[256];
	options.io = io;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_renew_tickets(engine, error, sizeof(error)), RINGCAST_ERROR_STATE, "without encryption there are none");
	ringcast_engine_destroy(&engine);
	options.is_certificate_made = true;
	options.security = RINGCAST_SECURITY_OPTIONAL;
	if (ringcast_engine_create(&options, &engine, error, sizeof(error)) != RINGCAST_OK)
		cr_skip_test("no encryption in this build: %s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_renew_tickets(engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_renew_tickets(engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	ringcast_engine_destroy(&engine);
}

/* As when shards are not there to take it: what was handed out with the old secret stays good, however often it is tried. */
BOTH(life, a_renewal_that_fails_leaves_the_cookies_as_they_were)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *engine;
	char error[256];
	options.io = io;
	options.is_certificate_made = true;
	options.security = RINGCAST_SECURITY_OPTIONAL;
	if (ringcast_engine_create(&options, &engine, error, sizeof(error)) != RINGCAST_OK)
		cr_skip_test("no encryption in this build: %s", error);
	const struct security *security = &engine->security;
	struct security_secrets before = security->secrets;
	for (int i = 0; i < 2; i++) {
		int result = ringcast_engine_reload_credentials(engine, security->certificate, security->key, security->client_ca, error, sizeof(error));
		cr_assert_eq(result, RINGCAST_ERROR_STATE, "%d: %s", result, error);
		cr_assert_eq(ringcast_engine_renew_tickets(engine, error, sizeof(error)), RINGCAST_ERROR_STATE);
		cr_assert_arr_eq(&security->secrets, &before, sizeof(before));
	}
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_engine_reload_credentials(engine, security->certificate, security->key, security->client_ca, error, sizeof(error)), RINGCAST_OK,
		     "%s", error);
	cr_assert_arr_eq(security->secrets.cookie_previous, before.cookie, sizeof(before.cookie));
	cr_assert_neq(memcmp(security->secrets.cookie, before.cookie, sizeof(before.cookie)), 0);
	ringcast_engine_destroy(&engine);
}

/* The file of tls.certificate may hold the server's certificate alone, with tls.ca not set: what a start takes, a renewal takes. */
BOTH(life, a_certificate_without_its_ca_can_be_renewed)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *maker, *engine;
	char error[256];
	options.io = io;
	options.security = RINGCAST_SECURITY_OPTIONAL;
	options.is_certificate_made = true;
	if (ringcast_engine_create(&options, &maker, error, sizeof(error)) != RINGCAST_OK)
		cr_skip_test("no encryption in this build: %s", error);
	options.is_certificate_made = false;
	options.certificate = maker->security.made.certificate;
	options.key = maker->security.made.key;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(ringcast_engine_reload_credentials(engine, options.certificate, options.key, NULL, error, sizeof(error)), RINGCAST_OK, "%s", error);
	ringcast_engine_destroy(&engine);
	ringcast_engine_destroy(&maker);
}

BOTH(life, what_was_never_started_can_be_destroyed)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *engine;
	char error[256];
	options.io = io;
	options.shard_count = 3;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	ringcast_engine_destroy(&engine);
}

static void begin_with(ringcast_io io, const ringcast_session_options *session)
{
	ringcast_engine_options options = stage_small();
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
	ringcast_engine_options options = stage_small();
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

/* How many changes of each kind have been told. */
static uint32_t told[RINGCAST_CHANGE_SESSION_ACTIVE + 1];

static void count_change(void *context, const ringcast_change *change)
{
	cr_assert(change->size == sizeof(*change) && change->kind <= RINGCAST_CHANGE_SESSION_ACTIVE && change->sequence > 0);
	__atomic_add_fetch(&told[change->kind], 1, __ATOMIC_RELAXED);
}

BOTH(sessions, take_the_longest_ids_and_data_one_at_a_time_and_several_at_once)
{
	char id[RINGCAST_PLAYER_ID_BYTES + 1], data[RINGCAST_DATA_BYTES + 1];
	ringcast_reservation wish = {.player_id = id, .player_data = data};
	begin_with(io, NULL);
	memset(id, 'i', sizeof(id));
	memset(data, 'd', sizeof(data));
	id[RINGCAST_PLAYER_ID_BYTES - 1] = data[RINGCAST_DATA_BYTES - 1] = '\0';
	cr_assert_eq(strlen(id), 1024);
	cr_assert_eq(strlen(data), 2048);
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, &wish, 1), RINGCAST_OK);
	id[0] = 'j';
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, id, data, wish.token), RINGCAST_OK);
	id[0] = 'k';
	data[RINGCAST_DATA_BYTES - 1] = 'd';
	data[RINGCAST_DATA_BYTES] = '\0';
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, &wish, 1), RINGCAST_ERROR_ARGUMENT);
	wish.player_data = NULL;
	id[RINGCAST_PLAYER_ID_BYTES - 1] = 'i';
	id[RINGCAST_PLAYER_ID_BYTES] = '\0';
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, &wish, 1), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_player_reserve(stage.engine, stage.session, id, NULL, wish.token), RINGCAST_ERROR_ARGUMENT);
	stage_stop(&stage);
}

BOTH(sessions, take_several_players_at_once_or_none_and_are_changed_while_they_run)
{
	ringcast_engine_options options = stage_small();
	ringcast_session_update update = RINGCAST_SESSION_UPDATE_INIT;
	ringcast_reservation wishes[RINGCAST_RESERVATIONS_MAX + 1] = {{.player_id = "a"}, {.player_id = "b", .player_data = "x"}, {.player_id = "a"}};
	ringcast_session_info info;
	options.io = io;
	options.change = count_change;
	memset(told, 0, sizeof(told));
	stage_start(&stage, &options, NULL);
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, wishes, 3), RINGCAST_ERROR_EXISTS);
	cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	cr_assert_eq(info.reserved_count, 0);
	cr_assert_eq(told[RINGCAST_CHANGE_PLAYER_RESERVED], 2);
	cr_assert_eq(told[RINGCAST_CHANGE_PLAYER_COMPLETED], 2);
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, wishes, 2), RINGCAST_OK);
	cr_assert_str_neq(wishes[0].token, wishes[1].token);
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, wishes, 0), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, wishes, RINGCAST_RESERVATIONS_MAX + 1), RINGCAST_ERROR_ARGUMENT);
	update.players_max = 1;
	cr_assert_eq(ringcast_session_change(stage.engine, stage.session, &update), RINGCAST_ERROR_STATE);
	update.players_max = 2;
	update.admissions = RINGCAST_ADMISSIONS_CLOSED;
	cr_assert_eq(ringcast_session_change(stage.engine, stage.session, &update), RINGCAST_OK);
	wishes[0].player_id = "c";
	cr_assert_eq(ringcast_players_reserve(stage.engine, stage.session, wishes, 1), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_session_terminate(stage.engine, stage.session, 1000), RINGCAST_OK);
	stage_until(&stage, __atomic_load_n(&told[RINGCAST_CHANGE_SESSION_ENDED], __ATOMIC_RELAXED) == 1);
	cr_assert_eq(told[RINGCAST_CHANGE_PLAYER_COMPLETED], 4);
	cr_assert_eq(ringcast_session_change(stage.engine, stage.session, &update), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
}

/* The stage's own session is on the first shard, which is full with one more. */
BOTH(sessions, go_to_shards_that_have_room)
{
	ringcast_engine_options options = stage_small();
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
	ringcast_engine_options options = stage_small();
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
