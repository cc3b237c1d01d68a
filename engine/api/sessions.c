/* Sessions in the public API: made, ended, described, listed; answers to parked packets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life/question.h"
#include "scripts/script_shard.h"
#include "session/park.h"
#include "shard/inspect.h"

static bool is_text_valid(const char *text, size_t bytes_max)
{
	return text == NULL || strlen(text) < bytes_max;
}

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
	question->result = ringcast_question_error_of(drop);
	if (drop == DROP_NONE)
		snprintf(question->ret_id, sizeof(question->ret_id), "%s", session->id);
}

/* Looks up what the session is to run, and sees to it that somebody can run it there. *ret_version NULL with RINGCAST_OK: no script. */
static int prepare_script(struct ringcast_engine *engine, const char *name_and_version, uint32_t shard, struct script_version **ret_version)
{
	if (name_and_version == NULL || *name_and_version == '\0')
		return RINGCAST_OK;
	struct script_version *version = ringcast_registry_find(&engine->registry, name_and_version);
	if (version == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	*ret_version = version; /* the question's from now on, whatever comes */
	if (version->script->language != SCRIPT_JS)
		return RINGCAST_OK;
	return ringcast_sidecars_want(engine->sidecars, shard) ? RINGCAST_OK : RINGCAST_ERROR_SYSTEM;
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
	int result = prepare_script(engine, options.script, shard, &question->script);
	if (result == RINGCAST_OK && !ringcast_question_keep_strings(question, (const char *[4]){options.name, options.properties},
						   (const char **[4]){&question->session.name, &question->session.properties}))
		result = RINGCAST_ERROR_MEMORY;
	if (result == RINGCAST_OK)
		result = ringcast_question_ask(engine, shard, question);
	if (result == RINGCAST_OK)
		memcpy(ret_id, question->ret_id, RINGCAST_ID_BYTES);
	ringcast_question_release(question);
	return result;
}

static void answer_end(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	if (session != NULL)
		ringcast_session_end_now(session, CLOSE_SESSION_ENDED, shard->now_ns);
}

int ringcast_session_end(ringcast_engine *engine, const char *session_id)
{
	struct question *question = ringcast_question_about(answer_end, session_id, NULL, NULL, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ringcast_question_ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}

static void describe_session(const struct shard *shard, const struct session *session, ringcast_session_info *ret_info)
{
	const struct script *script = ringcast_script_of_session(session);
	ringcast_shard_describe_session(shard, session, ret_info);
	if (script == NULL)
		return;
	snprintf(ret_info->script, sizeof(ret_info->script), "%s", script->name);
	snprintf(ret_info->script_version, sizeof(ret_info->script_version), "%s", script->version);
	ret_info->script_bytes = ringcast_script_bytes_of_session(session);
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
	struct session *session = ringcast_question_session(shard, question);
	if (session != NULL)
		describe_session(shard, session, question->items);
}

int ringcast_session_describe(ringcast_engine *engine, const char *session_id, ringcast_session_info *ret_info)
{
	struct question *question = ringcast_question_about(answer_describe, session_id, NULL, NULL, NULL);
	int result = RINGCAST_ERROR_MEMORY;
	if (question == NULL)
		return result;
	if (ringcast_question_give_items(question, 1, sizeof(*ret_info)))
		result = ringcast_question_ask_about(engine, session_id, question);
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
	if (ringcast_question_give_items(question, room, sizeof(*infos)))
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

static void answer_ticket(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	if (session != NULL && !ringcast_park_answer(session, question->ticket, question->verdict, shard->now_ns))
		question->result = RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_session_answer_post(ringcast_engine *engine, const char *session_id, uint64_t ticket, ringcast_verdict verdict)
{
	if (verdict != RINGCAST_ALLOW && verdict != RINGCAST_DENY)
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = ringcast_question_about(answer_ticket, session_id, NULL, NULL, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->ticket = ticket;
	question->verdict = verdict == RINGCAST_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
	int result = ringcast_question_ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}
