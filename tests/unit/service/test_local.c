/* The engine of this process as a host: what a session is made with reaches its game. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* facts: taken. The caller destroys the call. */
static struct host_call *create(struct stage *stage, json_t *facts)
{
	struct host_call *call = ringcast_host_call_create(HOST_CREATE);
	call->facts = facts;
	call->script = strdup("");
	call->players_max = 4;
	stage->returned = NULL;
	struct host *host = ringcast_host_local_base(stage->local);
	host->ops->submit(host, call);
	pthread_mutex_lock(&stage->lock);
	while (stage->returned == NULL)
		pthread_cond_wait(&stage->changed, &stage->lock);
	pthread_mutex_unlock(&stage->lock);
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
	snprintf(call->session, sizeof(call->session), "%s", session);
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
