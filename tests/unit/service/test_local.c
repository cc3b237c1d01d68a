/* The engine of this process as a host: what a session is made with reaches its game. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/clients/c/ringcast_client.h"
#include "service/hosts/local.h"

struct stage {
	ringcast_engine *engine;
	struct host_local *local;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct host_call *returned; /* NULL: none yet */
	char properties[512];
	size_t matchmaker_bytes;
	char matchmaker[64]; /* how it begins */
};

static void on_started(void *context, ringcast_session *session)
{
	struct stage *stage = context;
	snprintf(stage->properties, sizeof(stage->properties), "%s", ringcast_session_properties(session));
	snprintf(stage->matchmaker, sizeof(stage->matchmaker), "%s", ringcast_session_matchmaker_data(session));
	stage->matchmaker_bytes = strlen(ringcast_session_matchmaker_data(session));
}

static void give_back(void *context, struct host_call *call)
{
	struct stage *stage = context;
	pthread_mutex_lock(&stage->lock);
	stage->returned = call;
	pthread_cond_signal(&stage->changed);
	pthread_mutex_unlock(&stage->lock);
}

static void stage_start(struct stage *stage)
{
	char error[256];
	ringcast_callbacks callbacks = RINGCAST_CALLBACKS_INIT;
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	callbacks.session_started = on_started;
	options.callbacks = &callbacks;
	options.context = stage;
	options.shard_count = 1;
	ringcast_limits_default(&options.limits);
	options.limits.resume_window_ms = 60000;
	*stage = (struct stage){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	cr_assert_eq(ringcast_engine_create(&options, &stage->engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(stage->engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	stage->local = ringcast_host_local_create(&(struct host_local_options){.engine = stage->engine, .give_back = give_back, .context = stage});
	cr_assert_not_null(stage->local);
}

static void stage_stop(struct stage *stage)
{
	ringcast_host_local_destroy(&stage->local);
	ringcast_engine_destroy(&stage->engine);
}

static void ask(struct stage *stage, struct host_call *call)
{
	struct host *host = ringcast_host_local_base(stage->local);
	stage->returned = NULL;
	host->ops->submit(host, call);
	pthread_mutex_lock(&stage->lock);
	while (stage->returned == NULL)
		pthread_cond_wait(&stage->changed, &stage->lock);
	pthread_mutex_unlock(&stage->lock);
}

/* facts: taken. The caller destroys the call. */
static struct host_call *create(struct stage *stage, json_t *facts)
{
	struct host_call *call = ringcast_host_call_create(HOST_CREATE);
	call->facts = facts;
	call->script = strdup("");
	call->players_max = 4;
	ask(stage, call);
	return call;
}

static json_t *long_text(size_t bytes)
{
	char *text = malloc(bytes + 1);
	memset(text, 'm', bytes);
	text[bytes] = '\0';
	json_t *json = json_string(text);
	free(text);
	return json;
}

Test(host_local, matchmaker_data_is_a_property_of_its_own)
{
	struct stage stage;
	stage_start(&stage);
	struct host_call *call = create(&stage, json_pack("{s:s, s:s}", "GameSessionData", "d", "MatchmakerData", "{\"matchId\":\"m\"}"));
	cr_assert_eq(call->result, HOST_OK, "%s", call->text);
	cr_assert_str_eq(stage.matchmaker, "{\"matchId\":\"m\"}");
	cr_assert_str_eq(stage.properties, "{\"GameSessionData\":\"d\",\"GameProperties\":[]}");
	ringcast_host_call_destroy(&call);
	call = create(&stage, json_object());
	cr_assert_eq(call->result, HOST_OK);
	cr_assert_str_eq(stage.matchmaker, "");
	ringcast_host_call_destroy(&call);
	stage_stop(&stage);
}

Test(host_local, the_longest_matchmaker_data_is_whole_and_longer_is_refused_by_name)
{
	struct stage stage;
	stage_start(&stage);
	struct host_call *call = create(&stage, json_pack("{s:o}", "MatchmakerData", long_text(RINGCAST_MATCHMAKER_DATA_BYTES - 1)));
	cr_assert_eq(call->result, HOST_OK, "%s", call->text);
	cr_assert_eq(stage.matchmaker_bytes, RINGCAST_MATCHMAKER_DATA_BYTES - 1);
	ringcast_host_call_destroy(&call);
	call = create(&stage, json_pack("{s:o}", "MatchmakerData", long_text(RINGCAST_MATCHMAKER_DATA_BYTES)));
	cr_assert_eq(call->result, HOST_FAILED);
	cr_assert_str_eq(call->text, "MatchmakerData is longer than this host's 1560000 bytes");
	ringcast_host_call_destroy(&call);
	stage_stop(&stage);
}

/* Who is in */

static void on_connected(void *context, ringcast_client *client, int32_t peer_id) { *(bool *)context = true; }

static ringcast_client *join(struct stage *stage, const char *session)
{
	static bool is_connected;
	const ringcast_client_callbacks callbacks = {.size = sizeof(callbacks), .connected = on_connected};
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	char token[RINGCAST_ID_BYTES];
	ringcast_client *client;
	options.callbacks = &callbacks;
	options.context = &is_connected;
	options.may_resume = options.is_udp_off = true;
	is_connected = false;
	cr_assert_eq(ringcast_player_reserve(stage->engine, session, NULL, NULL, token), RINGCAST_OK);
	cr_assert_eq(ringcast_client_create(&options, &client), RINGCAST_CLIENT_OK);
	cr_assert_eq(ringcast_client_connect(client, "127.0.0.1", ringcast_engine_tcp_port(stage->engine), token, NULL, 0), RINGCAST_CLIENT_OK);
	while (!is_connected)
		cr_assert_geq(ringcast_client_poll(client, 1000), 0);
	return client;
}

static bool has_dropped(struct stage *stage, const char *session)
{
	ringcast_player_info infos[4];
	size_t count;
	bool is_any = false;
	cr_assert_eq(ringcast_player_list(stage->engine, session, infos, 4, &count), RINGCAST_OK);
	for (size_t i = 0; i < count; i++)
		is_any |= strcmp(infos[i].state, "dropped") == 0;
	return is_any;
}

Test(host_local, who_is_in_and_who_may_come_back_hold_their_places)
{
	struct stage stage;
	stage_start(&stage);
	struct host_call *created = create(&stage, json_object());
	ringcast_client *stays = join(&stage, created->session), *breaks = join(&stage, created->session);
	ringcast_client_destroy(&breaks); /* without a word */
	while (!has_dropped(&stage, created->session))
		usleep(1000);
	struct host_call *call = ringcast_host_call_create(HOST_DESCRIBE);
	memcpy(call->session, created->session, sizeof(call->session));
	ask(&stage, call);
	ringcast_host_call_check(call);
	cr_assert_eq(call->result, HOST_OK, "%s", call->text);
	cr_assert_eq(call->place_count, 2);
	cr_expect(call->places[0].is_active && call->places[1].is_active);
	cr_expect_str_neq(call->places[0].token, call->places[1].token);
	ringcast_host_call_destroy(&call);
	ringcast_host_call_destroy(&created);
	ringcast_client_destroy(&stays);
	stage_stop(&stage);
}

/* Many sessions at once */

enum { SESSIONS = 24, CALLS = 30 };

struct answers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct host_call *calls[SESSIONS * CALLS];
	size_t count;
};

static void collect(void *context, struct host_call *call)
{
	struct answers *answers = context;
	pthread_mutex_lock(&answers->lock);
	answers->calls[answers->count++] = call;
	pthread_cond_signal(&answers->changed);
	pthread_mutex_unlock(&answers->lock);
}

/* Each reservation takes the place that the update before it made: in any other order it would find none. */
static void ask_in_turn(struct host *host, const char *session, uint32_t number)
{
	struct host_call *call = ringcast_host_call_create(number % 2 == 0 ? HOST_UPDATE : HOST_RESERVE);
	char player_id[32];
	snprintf(call->session, sizeof(call->session), "%.*s", (int)sizeof(call->session) - 1, session);
	call->attempt = number;
	call->players_max = number / 2 + 1; /* an update makes room for one more */
	if (number % 2 != 0) {
		snprintf(player_id, sizeof(player_id), "player-%u", number);
		call->players[call->player_count++].player_id = strdup(player_id);
	}
	host->ops->submit(host, call);
}

Test(host_local, calls_about_one_session_keep_their_order_while_others_go_on)
{
	static struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	char sessions[SESSIONS][HOST_ID_BYTES];
	uint32_t next[SESSIONS] = {0};
	struct stage stage;
	stage_start(&stage);
	for (int i = 0; i < SESSIONS; i++) {
		struct host_call *call = create(&stage, json_object());
		memcpy(sessions[i], call->session, HOST_ID_BYTES);
		ringcast_host_call_destroy(&call);
	}
	struct host_local *local = ringcast_host_local_create(&(struct host_local_options){.engine = stage.engine, .give_back = collect, .context = &answers});
	for (uint32_t number = 0; number < CALLS; number++)
		for (int i = 0; i < SESSIONS; i++)
			ask_in_turn(ringcast_host_local_base(local), sessions[i], number);
	pthread_mutex_lock(&answers.lock);
	while (answers.count < SESSIONS * CALLS)
		pthread_cond_wait(&answers.changed, &answers.lock);
	pthread_mutex_unlock(&answers.lock);
	for (size_t i = 0; i < answers.count; i++) {
		int session = 0;
		while (strcmp(sessions[session], answers.calls[i]->session) != 0)
			session++;
		cr_assert_eq(answers.calls[i]->attempt, next[session]++);
		cr_assert_eq(answers.calls[i]->result, HOST_OK, "%s", answers.calls[i]->text);
		ringcast_host_call_destroy(&answers.calls[i]);
	}
	ringcast_host_local_destroy(&local);
	stage_stop(&stage);
}
