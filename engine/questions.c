/*
 * Control asks shards: each call of the public header becomes a question in the mailbox of the shard that owns the session, answered on that
 * shard's thread between two packets. Answers are values; no pointer into a shard ever leaves it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine_private.h"
#include "io/clock.h"
#include "io/socket.h"
#include "session/park.h"
#include "shard/shard_private.h"

enum { ANSWER_TIMEOUT_S = 5, ITEMS_MAX = 65536 };

/* Asking */

static void run(struct shard *shard, struct shard_request *request)
{
	struct question *question = CONTAINER_OF(request, struct question, request);
	question->answer(shard, question);
}

static void done(struct shard_request *request)
{
	struct question *question = CONTAINER_OF(request, struct question, request);
	pthread_mutex_lock(&question->lock);
	question->is_answered = true;
	pthread_cond_signal(&question->answered);
	pthread_mutex_unlock(&question->lock);
	ringcast_question_release(question);
}

struct question *ringcast_question_create(void (*answer)(struct shard *shard, struct question *question))
{
	struct question *question = calloc(1, sizeof(*question));
	pthread_condattr_t attributes;
	if (question == NULL)
		return NULL;
	question->request.run = run;
	question->request.done = done;
	question->answer = answer;
	question->refs = 1;
	question->descriptor = -1;
	pthread_mutex_init(&question->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&question->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	return question;
}

void ringcast_question_release(struct question *question)
{
	if (__atomic_sub_fetch(&question->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_cond_destroy(&question->answered);
	pthread_mutex_destroy(&question->lock);
	ringcast_shard_credentials_release(&question->credentials);
	ringcast_script_version_release(&question->script);
	if (question->descriptor >= 0)
		close(question->descriptor);
	free(question->strings);
	free(question->items);
	free(question);
}

static bool await_answer(struct question *question)
{
	struct timespec until;
	int error = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ANSWER_TIMEOUT_S;
	pthread_mutex_lock(&question->lock);
	while (!question->is_answered && error == 0)
		error = pthread_cond_timedwait(&question->answered, &question->lock, &until);
	bool is_answered = question->is_answered;
	pthread_mutex_unlock(&question->lock);
	return is_answered;
}

int ringcast_question_ask(struct ringcast_engine *engine, uint32_t shard, struct question *question)
{
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	question->is_answered = false;
	question->engine = engine;
	__atomic_add_fetch(&question->refs, 1, __ATOMIC_ACQ_REL);
	if (!ringcast_mailbox_ask(engine->mailboxes[shard], &question->request)) {
		ringcast_question_release(question);
		return RINGCAST_ERROR_STATE;
	}
	return await_answer(question) ? question->result : RINGCAST_ERROR_TIMEOUT;
}

/* Copies up to four strings into one block of the question's, because the caller's may be gone when the answer comes late. */
static bool keep_strings(struct question *question, const char *given[4], const char **kept[4])
{
	size_t size = 1;
	for (unsigned i = 0; i < 4; i++)
		size += given[i] != NULL ? strlen(given[i]) + 1 : 0;
	char *at = question->strings = malloc(size);
	if (at == NULL)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		if (given[i] == NULL)
			continue;
		*kept[i] = at;
		at = stpcpy(at, given[i]) + 1;
	}
	return true;
}

static bool is_text_valid(const char *text, size_t bytes_max)
{
	return text == NULL || strlen(text) < bytes_max;
}

static int error_of(enum drop_reason drop)
{
	switch (drop) {
	case DROP_NONE:
		return RINGCAST_OK;
	case DROP_NO_SESSION:
		return RINGCAST_ERROR_NOT_FOUND;
	case DROP_BAD_TOKEN:
		return RINGCAST_ERROR_EXISTS;
	case DROP_DRAINING:
	case DROP_SESSION_ENDED:
		return RINGCAST_ERROR_STATE;
	default:
		return RINGCAST_ERROR_FULL;
	}
}

/* One question about one session: finds its shard by the id. */
static int ask_about(struct ringcast_engine *engine, const char *session_id, struct question *question)
{
	int shard = session_id != NULL ? ringcast_session_id_shard(session_id) : -1;
	if (shard < 0 || (uint32_t)shard >= engine->shard_count)
		return RINGCAST_ERROR_NOT_FOUND;
	return ringcast_question_ask(engine, (uint32_t)shard, question);
}

/* Sessions */

static void answer_create(struct shard *shard, struct question *question)
{
	struct session *session;
	enum drop_reason drop;
	if (question->script != NULL) {
		struct script_shard *scripts = &question->engine->shards[shard->options.index].scripts;
		question->result = ringcast_script_shard_open(scripts, question->script, &question->session, &session, &drop);
		if (question->result != RINGCAST_OK)
			return;
	} else {
		drop = ringcast_session_open(&shard->store, &question->session, shard->now_ns, &session);
	}
	question->result = error_of(drop);
	if (drop == DROP_NONE)
		snprintf(question->ret_id, sizeof(question->ret_id), "%s", session->id);
}

/* Named sessions of dev mode live where their name says; others go round, so that shards fill evenly. */
static uint32_t place(struct ringcast_engine *engine, const ringcast_session_options *options)
{
	if (options->has_shard)
		return (uint32_t)options->shard;
	if (engine->options.is_open && options->name != NULL)
		return ringcast_shard_of_name(options->name, engine->shard_count);
	return __atomic_fetch_add(&engine->placement_next, 1, __ATOMIC_RELAXED) % engine->shard_count;
}

static bool is_session_valid(const struct ringcast_engine *engine, const ringcast_session_options *options)
{
	return options->size >= sizeof(size_t) && options->size <= sizeof(*options) && is_text_valid(options->name, RINGCAST_NAME_BYTES) &&
	       is_text_valid(options->properties, RINGCAST_DATA_BYTES) &&
	       (!options->has_shard || (options->shard >= 0 && (uint32_t)options->shard < engine->shard_count)) &&
	       options->players_max <= engine->options.limits.players_per_session_max;
}

int ringcast_session_create(ringcast_engine *engine, const ringcast_session_options *given, char ret_id[RINGCAST_ID_BYTES])
{
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	if (given == NULL || given->size < sizeof(size_t) || given->size > sizeof(options))
		return RINGCAST_ERROR_ARGUMENT;
	memcpy(&options, given, given->size);
	if (!is_session_valid(engine, &options))
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = ringcast_question_create(answer_create);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->session = (struct session_options){
		.players_max = options.players_max,
		.ping_interval_ms = options.ping_interval_ms,
		.tick_interval_ms = options.tick_interval_ms,
		.empty_timeout_ms = options.empty_timeout_ms,
		.answer_timeout_ms = options.answer_timeout_ms,
		.is_late_allowed = options.is_late_allowed,
	};
	uint32_t shard = place(engine, &options);
	int result = ringcast_engine_prepare_script(engine, options.script, shard, &question->script);
	if (result == RINGCAST_OK && !keep_strings(question, (const char *[4]){options.name, options.properties},
						   (const char **[4]){&question->session.name, &question->session.properties}))
		result = RINGCAST_ERROR_MEMORY;
	if (result == RINGCAST_OK)
		result = ringcast_question_ask(engine, shard, question);
	if (result == RINGCAST_OK)
		memcpy(ret_id, question->ret_id, RINGCAST_ID_BYTES);
	ringcast_question_release(question);
	return result;
}

static struct session *session_in_question(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session_id);
	question->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	return session;
}

static void answer_end(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	if (session != NULL)
		ringcast_session_end_now(session, CLOSE_SESSION_ENDED, shard->now_ns);
}

static struct question *question_about(void (*answer)(struct shard *, struct question *), const char *session_id, const char *player_id,
				       const char *player_data, const char *text)
{
	struct question *question = ringcast_question_create(answer);
	if (question == NULL || keep_strings(question, (const char *[4]){session_id, player_id, player_data, text},
					     (const char **[4]){&question->session_id, &question->player_id, &question->player_data,
								&question->text}))
		return question;
	ringcast_question_release(question);
	return NULL;
}

int ringcast_session_end(ringcast_engine *engine, const char *session_id)
{
	struct question *question = question_about(answer_end, session_id, NULL, NULL, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}

static void describe_session(const struct shard *shard, const struct session *session, ringcast_session_info *ret)
{
	*ret = (ringcast_session_info){
		.shard = shard->options.index,
		.players_max = session->players_max,
		.player_count = session->player_count,
		.reserved_count = session->reserved_count,
		.group_count = session->group_count,
		.created_ns = session->created_ns,
		.age_ns = shard->now_ns - session->created_ns,
		.messages_received = session->messages_received,
		.deliveries = session->deliveries,
		.bytes_received = session->bytes_received,
		.drops = session->drops,
		.parked_count = session->parked_count,
		.health_failures = session->health_failures,
	};
	snprintf(ret->id, sizeof(ret->id), "%s", session->id);
	snprintf(ret->name, sizeof(ret->name), "%s", session->name);
	snprintf(ret->state, sizeof(ret->state), "%s", session->state == SESSION_ACTIVE ? "active" : "ending");
	ringcast_engine_describe_script(session, ret);
}

static void answer_list(struct shard *shard, struct question *question)
{
	ringcast_session_info *infos = question->items;
	for (uint32_t i = 0; i < shard->store.sessions.high_water; i++) {
		handle h;
		struct session *session = ringcast_slab_at(&shard->store.sessions, i, &h);
		if (session == NULL || session->state != SESSION_ACTIVE)
			continue;
		if (question->item_count < question->item_count_max)
			describe_session(shard, session, &infos[question->item_count++]);
		question->item_total++;
	}
}

static void answer_describe(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	if (session != NULL)
		describe_session(shard, session, question->items);
}

static bool give_items(struct question *question, size_t count, size_t item_bytes)
{
	question->item_count_max = count < ITEMS_MAX ? count : ITEMS_MAX;
	question->items = calloc(question->item_count_max + 1, item_bytes);
	return question->items != NULL;
}

int ringcast_session_describe(ringcast_engine *engine, const char *session_id, ringcast_session_info *ret_info)
{
	struct question *question = question_about(answer_describe, session_id, NULL, NULL, NULL);
	int result = RINGCAST_ERROR_MEMORY;
	if (question == NULL)
		return result;
	if (give_items(question, 1, sizeof(*ret_info)))
		result = ask_about(engine, session_id, question);
	if (result == RINGCAST_OK)
		memcpy(ret_info, question->items, sizeof(*ret_info));
	ringcast_question_release(question);
	return result;
}

static int list_shard(ringcast_engine *engine, uint32_t shard, ringcast_session_info *infos, size_t room, size_t *ret_count, size_t *ret_total)
{
	struct question *question = ringcast_question_create(answer_list);
	int result = RINGCAST_ERROR_MEMORY;
	if (question == NULL)
		return result;
	if (give_items(question, room, sizeof(*infos)))
		result = ringcast_question_ask(engine, shard, question);
	if (result == RINGCAST_OK) {
		memcpy(infos, question->items, question->item_count * sizeof(*infos));
		*ret_count += question->item_count;
		*ret_total += question->item_total;
	}
	ringcast_question_release(question);
	return result;
}

int ringcast_session_list(ringcast_engine *engine, ringcast_session_info *infos, size_t info_count_max, size_t *ret_count)
{
	size_t count = 0, total = 0;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		int result = list_shard(engine, i, infos + count, info_count_max - count, &count, &total);
		if (result != RINGCAST_OK)
			return result;
	}
	*ret_count = count;
	return RINGCAST_OK;
}

/* Players */

static void answer_reserve(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	if (session == NULL)
		return;
	enum drop_reason drop =
		ringcast_admission_reserve(session, question->player_id, question->player_data, shard->now_ns, &player, token);
	question->result = error_of(drop);
	if (drop == DROP_NONE)
		snprintf(question->ret_id, sizeof(question->ret_id), "%s", token);
}

int ringcast_player_reserve(ringcast_engine *engine, const char *session_id, const char *player_id, const char *player_data,
			    char ret_token[RINGCAST_ID_BYTES])
{
	if (!is_text_valid(player_id, RINGCAST_NAME_BYTES) || !is_text_valid(player_data, RINGCAST_DATA_BYTES))
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = question_about(answer_reserve, session_id, player_id, player_data, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ask_about(engine, session_id, question);
	if (result == RINGCAST_OK)
		memcpy(ret_token, question->ret_id, RINGCAST_ID_BYTES);
	ringcast_question_release(question);
	return result;
}

static const char *state_text(enum player_state state)
{
	switch (state) {
	case PLAYER_RESERVED:
		return "reserved";
	case PLAYER_CONNECTING:
	case PLAYER_ACTIVE:
		return "active";
	case PLAYER_COMPLETED:
		return "completed";
	case PLAYER_TIMEDOUT:
		return "timedout";
	}
	ringcast_unreachable("player state");
}

static void describe_player(const struct player *player, ringcast_player_info *ret)
{
	const struct conn *conn = player->transport;
	*ret = (ringcast_player_info){
		.peer_id = player->peer_id,
		.created_ns = player->created_ns,
		.joined_ns = player->joined_ns,
		.messages_received = player->messages_received,
		.messages_sent = player->messages_sent,
		.bytes_received = player->bytes_received,
		.bytes_sent = player->bytes_sent,
		.drops = player->drops,
	};
	snprintf(ret->state, sizeof(ret->state), "%s", state_text(player->state));
	if (player->properties != NULL)
		snprintf(ret->player_id, sizeof(ret->player_id), "%s", (const char *)player->properties->data);
	if (player->state == PLAYER_RESERVED)
		ringcast_player_format_token(player, ret->token);
	if (conn == NULL)
		return;
	ret->is_fast = conn->fast.state == FAST_UP;
	ret->outq_bytes = ringcast_outq_bytes(&conn->outq);
	ringcast_socket_format_address(&conn->address, ret->address);
}

static void add_player(struct question *question, const struct player *player)
{
	if (question->item_count < question->item_count_max)
		describe_player(player, (ringcast_player_info *)question->items + question->item_count++);
}

static void answer_players(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	if (session == NULL)
		return;
	for (uint32_t i = 0; i < session->player_count; i++)
		add_player(question, session->players[i]);
	for (struct list_node *node = session->reserved.next; node != &session->reserved; node = node->next)
		add_player(question, CONTAINER_OF(node, struct player, node));
}

int ringcast_player_list(ringcast_engine *engine, const char *session_id, ringcast_player_info *infos, size_t info_count_max,
			 size_t *ret_count)
{
	struct question *question = question_about(answer_players, session_id, NULL, NULL, NULL);
	int result = RINGCAST_ERROR_MEMORY;
	if (question == NULL)
		return result;
	if (give_items(question, info_count_max, sizeof(*infos)))
		result = ask_about(engine, session_id, question);
	if (result == RINGCAST_OK) {
		memcpy(infos, question->items, question->item_count * sizeof(*infos));
		*ret_count = question->item_count;
	}
	ringcast_question_release(question);
	return result;
}

static void answer_kick(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	if (session == NULL)
		return;
	question->result = ringcast_command_kick(session, question->peer_id, question->text) == DROP_NONE ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_player_kick(ringcast_engine *engine, const char *session_id, int32_t peer_id, const char *reason)
{
	struct question *question = question_about(answer_kick, session_id, NULL, NULL, reason);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->peer_id = peer_id;
	int result = ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}

static void answer_ticket(struct shard *shard, struct question *question)
{
	struct session *session = session_in_question(shard, question);
	if (session != NULL && !ringcast_park_answer(session, question->ticket, question->verdict, shard->now_ns))
		question->result = RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_session_answer_post(ringcast_engine *engine, const char *session_id, uint64_t ticket, ringcast_verdict verdict)
{
	if (verdict != RINGCAST_ALLOW && verdict != RINGCAST_DENY)
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = question_about(answer_ticket, session_id, NULL, NULL, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->ticket = ticket;
	question->verdict = verdict == RINGCAST_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
	int result = ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}

/* The whole engine */

static int ask_all(struct ringcast_engine *engine, void (*answer)(struct shard *, struct question *), const ringcast_limits *limits,
		   uint64_t deadline_ns)
{
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++) {
		struct question *question = ringcast_question_create(answer);
		if (question == NULL)
			return RINGCAST_ERROR_MEMORY;
		if (limits != NULL)
			question->limits = *limits;
		question->deadline_ns = deadline_ns;
		result = ringcast_question_ask(engine, i, question);
		ringcast_question_release(question);
	}
	return result;
}

static void answer_drain(struct shard *shard, struct question *question)
{
	ringcast_shard_drain(shard, question->deadline_ns);
}

int ringcast_engine_drain(ringcast_engine *engine)
{
	return ringcast_engine_drain_within(engine, UINT64_MAX);
}

int ringcast_engine_drain_within(ringcast_engine *engine, uint64_t timeout_ms)
{
	uint64_t now_ns = ringcast_clock_now_ns();
	uint64_t longest_ms = (UINT64_MAX - now_ns) / NS_PER_MS;
	__atomic_store_n(&engine->is_draining, true, __ATOMIC_RELEASE);
	return ask_all(engine, answer_drain, NULL, timeout_ms < longest_ms ? now_ns + timeout_ms * NS_PER_MS : UINT64_MAX);
}

static void answer_reload(struct shard *shard, struct question *question)
{
	ringcast_shard_set_limits(shard, &question->limits);
}

int ringcast_engine_reload(ringcast_engine *engine, const ringcast_limits *limits)
{
	return ask_all(engine, answer_reload, limits, 0);
}
