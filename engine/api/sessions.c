/* Sessions in the public API: made, ended, described, listed; answers to parked packets. One small struct per question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sized.h"
#include "life/asking.h"
#include "life/errors.h"
#include "life/opening.h"
#include "session/park.h"
#include "shard/inspect.h"
#include "shard/shard_private.h"

/* Create */

struct ask_create {
	struct ask ask;
	struct session_options options;
	char name[RINGCAST_NAME_BYTES], *properties, *matchmaker_data; /* NULL: none */
	struct script_version *script; /* counted, or NULL */
	char id[RINGCAST_ID_BYTES];    /* the answer */
};

static size_t length_of(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static void tell_data_full(struct shard *shard, const struct ask_create *self)
{
	ringcast_shard_drop(shard, DROP_SESSION_DATA, 1);
	ringcast_log(LOG_WARN, "session", "refused: its data does not fit beside that of the others, see limits.session_data_bytes",
		     "shard=%u bytes=%zu others=%llu limit=%u", shard->options.index, length_of(self->properties) + length_of(self->matchmaker_data),
		     (unsigned long long)shard->store.session_data_bytes, shard->session_limits.session_data_bytes);
}

static bool answer_create(struct shard *shard, struct ask *ask)
{
	struct ask_create *self = CONTAINER_OF(ask, struct ask_create, ask);
	struct session *session;
	enum drop_reason drop;
	ask->result = RINGCAST_OK;
	if (self->script != NULL)
		ask->result = ringcast_script_shard_open(ringcast_engine_scripts_of(shard), self->script, &self->options, &session, &drop);
	else
		drop = ringcast_session_open(&shard->store, &self->options, shard->now_ns, &session);
	if (ask->result == RINGCAST_OK && drop == DROP_SESSION_DATA)
		tell_data_full(shard, self);
	if (ask->result == RINGCAST_OK)
		ask->result = ringcast_error_of_drop(drop);
	if (ask->result == RINGCAST_OK)
		snprintf(self->id, sizeof(self->id), "%s", session->id);
	return true;
}

static void free_create(struct ask *ask)
{
	struct ask_create *self = CONTAINER_OF(ask, struct ask_create, ask);
	ringcast_script_version_release(&self->script);
	free(self->properties);
	free(self->matchmaker_data);
	free(self);
}

static bool is_session_valid(const struct ringcast_engine *engine, const ringcast_session_options *options)
{
	return options->spread >= RINGCAST_SPREAD_DEFAULT && options->spread <= RINGCAST_SPREAD_ALWAYS && (!options->has_shard || (options->shard >= 0 && (uint32_t)options->shard < engine->shard_count)) &&
	       options->players_max <= engine->options.limits.players_per_session_max;
}

/* *ret_text NULL with RINGCAST_OK: there is none. */
static int keep_text(const char *text, size_t bytes_max, char **ret_text)
{
	if (text == NULL)
		return RINGCAST_OK;
	if (strnlen(text, bytes_max) == bytes_max)
		return RINGCAST_ERROR_ARGUMENT;
	*ret_text = strdup(text);
	return *ret_text != NULL ? RINGCAST_OK : RINGCAST_ERROR_MEMORY;
}

static int keep_data(struct ask_create *self, const ringcast_session_options *options)
{
	int result = keep_text(options->properties, RINGCAST_SESSION_DATA_BYTES, &self->properties);
	if (result == RINGCAST_OK)
		result = keep_text(options->matchmaker_data, RINGCAST_MATCHMAKER_DATA_BYTES, &self->matchmaker_data);
	self->options.properties = self->properties;
	self->options.matchmaker_data = self->matchmaker_data;
	return result;
}

static int fill_create(struct ask_create *self, const ringcast_session_options *options)
{
	self->options = (struct session_options){
		.players_max = options->players_max,
		.ping_interval_ms = options->ping_interval_ms,
		.tick_interval_ms = options->tick_interval_ms,
		.empty_timeout_ms = options->empty_timeout_ms,
		.resume_window_ms = options->resume_window_ms,
		.answer_timeout_ms = options->answer_timeout_ms,
		.activation_timeout_ms = options->activation_timeout_ms,
		.is_late_allowed = options->is_late_allowed,
		.spread = (enum spread_mode)options->spread,
		.name = options->name != NULL ? self->name : NULL,
	};
	if (!ringcast_ask_keep(self->name, sizeof(self->name), options->name))
		return RINGCAST_ERROR_ARGUMENT;
	return keep_data(self, options);
}

static int create_on(struct ringcast_engine *engine, uint32_t shard, const ringcast_session_options *options, char ret_id[RINGCAST_ID_BYTES])
{
	struct ask_create *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_create, free_create);
	int result = fill_create(self, options);
	if (result == RINGCAST_OK)
		result = ringcast_engine_prepare_script(engine, options->script, shard, &self->script);
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask(engine, shard, &self->ask);
	if (result == RINGCAST_OK)
		memcpy(ret_id, self->id, RINGCAST_ID_BYTES);
	ringcast_ask_release(&self->ask);
	return result;
}

/* Sessions go round, so that shards fill evenly, and past the shards that are full. */
static int create_anywhere(struct ringcast_engine *engine, uint32_t first, const ringcast_session_options *options, char ret_id[RINGCAST_ID_BYTES])
{
	int result = RINGCAST_ERROR_FULL;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_ERROR_FULL; i++)
		result = create_on(engine, (first + i) % engine->shard_count, options, ret_id);
	return result;
}

/* Where a name says, in dev mode and as long as there is room also with signed tokens, which look for it there. */
int ringcast_session_create(ringcast_engine *engine, const ringcast_session_options *given, char ret_id[RINGCAST_ID_BYTES])
{
	ringcast_session_options options;
	if (given == NULL || !ringcast_sized_copy(&options, sizeof(options), given) || !is_session_valid(engine, &options))
		return RINGCAST_ERROR_ARGUMENT;
	if (options.has_shard)
		return create_on(engine, (uint32_t)options.shard, &options, ret_id);
	bool has_name = options.name != NULL && *options.name != '\0', is_open = engine->options.is_open;
	uint32_t home = has_name ? ringcast_shard_of_name(options.name, engine->shard_count, is_open) : 0;
	if (is_open && has_name)
		return create_on(engine, home, &options, ret_id);
	if (engine->token_keys == NULL || !has_name)
		home = __atomic_fetch_add(&engine->placement_next, 1, __ATOMIC_RELAXED);
	return create_anywhere(engine, home, &options, ret_id);
}

/* End, describe, answer: about one session, by its id */

struct ask_session {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	uint64_t timeout_ms; /* of answer_terminate */
	uint64_t ticket; /* of answer_ticket */
	enum verdict verdict;
	ringcast_session_info info; /* the answer of answer_describe */
};

static void free_session(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_session, ask));
}

static struct session *session_of(struct shard *shard, struct ask *ask)
{
	struct session *session = ringcast_session_find(&shard->store, CONTAINER_OF(ask, struct ask_session, ask)->session_id);
	ask->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	return session;
}

static struct ask_session *about(const char *session_id, bool (*answer)(struct shard *shard, struct ask *ask))
{
	struct ask_session *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer, free_session);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id); /* what is too long is nobody's id */
	return self;
}

static bool answer_end(struct shard *shard, struct ask *ask)
{
	struct session *session = session_of(shard, ask);
	shard->store.origin = "api";
	if (session != NULL)
		ringcast_session_end_now(session, CLOSE_SESSION_ENDED, shard->now_ns);
	shard->store.origin = NULL;
	return true;
}

int ringcast_session_end(ringcast_engine *engine, const char *session_id)
{
	struct ask_session *self = about(session_id, answer_end);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

/* A game that has no callback for it has nothing to finish. */
static bool answer_terminate(struct shard *shard, struct ask *ask)
{
	struct ask_session *self = CONTAINER_OF(ask, struct ask_session, ask);
	struct session *session = session_of(shard, ask);
	uint64_t longest_ms = (UINT64_MAX - shard->now_ns) / NS_PER_MS;
	if (session == NULL)
		return true;
	if (session->hooks->terminate == NULL)
		ringcast_session_end_now(session, CLOSE_SESSION_ENDED, shard->now_ns);
	else
		ringcast_session_ask_to_end(session, self->timeout_ms < longest_ms ? shard->now_ns + self->timeout_ms * NS_PER_MS : UINT64_MAX - 1,
					    shard->now_ns);
	return true;
}

int ringcast_session_terminate(ringcast_engine *engine, const char *session_id, uint64_t timeout_ms)
{
	struct ask_session *self = about(session_id, answer_terminate);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	self->timeout_ms = timeout_ms;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

static bool answer_ticket(struct shard *shard, struct ask *ask)
{
	struct ask_session *self = CONTAINER_OF(ask, struct ask_session, ask);
	struct session *session = session_of(shard, ask);
	if (session != NULL && !ringcast_park_answer(session, self->ticket, self->verdict, shard->now_ns))
		ask->result = RINGCAST_ERROR_NOT_FOUND;
	return true;
}

int ringcast_session_answer_post(ringcast_engine *engine, const char *session_id, uint64_t ticket, ringcast_verdict verdict)
{
	if (verdict != RINGCAST_ALLOW && verdict != RINGCAST_DENY)
		return RINGCAST_ERROR_ARGUMENT;
	struct ask_session *self = about(session_id, answer_ticket);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	self->ticket = ticket;
	self->verdict = verdict == RINGCAST_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

struct ask_update {
	struct ask_session about;
	ringcast_session_update update;
};

static bool answer_update(struct shard *shard, struct ask *ask)
{
	const struct ask_update *self = CONTAINER_OF(ask, struct ask_update, about.ask);
	struct session *session = session_of(shard, ask);
	if (session == NULL)
		return true;
	if (!ringcast_session_resize(session, self->update.players_max))
		ask->result = RINGCAST_ERROR_STATE;
	else if (self->update.admissions != RINGCAST_ADMISSIONS_UNCHANGED)
		session->is_closed = self->update.admissions == RINGCAST_ADMISSIONS_CLOSED;
	return true;
}

static void free_update(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_update, about.ask));
}

int ringcast_session_change(ringcast_engine *engine, const char *session_id, const ringcast_session_update *update)
{
	struct ask_update *self = calloc(1, sizeof(*self));
	int result = RINGCAST_ERROR_ARGUMENT;
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->about.ask, answer_update, free_update);
	ringcast_ask_keep(self->about.session_id, sizeof(self->about.session_id), session_id);
	if (update != NULL && ringcast_sized_copy(&self->update, sizeof(self->update), update) &&
	    self->update.players_max <= engine->options.limits.players_per_session_max && (unsigned)self->update.admissions <= RINGCAST_ADMISSIONS_CLOSED)
		result = ringcast_engine_ask_about(engine, session_id, &self->about.ask);
	ringcast_ask_release(&self->about.ask);
	return result;
}

static void describe(const struct shard *shard, const struct session *session, ringcast_session_info *ret_info)
{
	const struct script *script = ringcast_script_of_session(session);
	ringcast_shard_describe_session(shard, session, ret_info);
	if (script == NULL)
		return;
	snprintf(ret_info->script, sizeof(ret_info->script), "%s", script->name);
	snprintf(ret_info->script_version, sizeof(ret_info->script_version), "%s", script->version);
	ret_info->script_bytes = ringcast_script_bytes_of_session(session);
}

static bool answer_describe(struct shard *shard, struct ask *ask)
{
	struct session *session = session_of(shard, ask);
	if (session != NULL)
		describe(shard, session, &CONTAINER_OF(ask, struct ask_session, ask)->info);
	return true;
}

int ringcast_session_describe(ringcast_engine *engine, const char *session_id, ringcast_session_info *ret_info)
{
	struct ask_session *self = about(session_id, answer_describe);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	if (result == RINGCAST_OK)
		*ret_info = self->info;
	ringcast_ask_release(&self->ask);
	return result;
}

/* Properties: the beginning of them, so that a shard copies no megabytes for somebody who looks */

#define PROPERTIES_SHOWN_BYTES 65536 /* with a NUL */

struct ask_properties {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	size_t byte_count; /* of all of them */
	size_t size;
	char text[]; /* size bytes */
};

static void free_properties(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_properties, ask));
}

static bool answer_properties(struct shard *shard, struct ask *ask)
{
	struct ask_properties *self = CONTAINER_OF(ask, struct ask_properties, ask);
	const struct session *session = ringcast_session_find(&shard->store, self->session_id);
	ask->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	if (session == NULL)
		return true;
	const char *text = ringcast_session_get_properties(session);
	self->byte_count = strlen(text);
	snprintf(self->text, self->size, "%s", text);
	return true;
}

int ringcast_session_read_properties(ringcast_engine *engine, const char *session_id, char *ret_text, size_t size, size_t *ret_bytes)
{
	size_t shown = size < PROPERTIES_SHOWN_BYTES ? size : PROPERTIES_SHOWN_BYTES;
	ringcast_assert(size > 0);
	struct ask_properties *self = calloc(1, sizeof(*self) + shown);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_properties, free_properties);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	self->size = shown;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	if (result == RINGCAST_OK) {
		memcpy(ret_text, self->text, strlen(self->text) + 1);
		*ret_bytes = self->byte_count;
	}
	ringcast_ask_release(&self->ask);
	return result;
}

/* List: all shards at once, each in turns */

struct ask_list {
	struct ask ask;
	uint32_t cursor;
	size_t count, count_max; /* count: how many there are, also when that is more than fit */
	ringcast_session_info infos[];
};

static void list_one(void *context, struct shard *shard, struct session *session)
{
	struct ask_list *self = context;
	if (self->count < self->count_max)
		describe(shard, session, &self->infos[self->count]);
	self->count++;
}

static bool answer_list(struct shard *shard, struct ask *ask)
{
	struct ask_list *self = CONTAINER_OF(ask, struct ask_list, ask);
	ask->result = RINGCAST_OK;
	return ringcast_shard_each_session(shard, &self->cursor, list_one, self);
}

static void free_list(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_list, ask));
}

/* Pages of it that are not filled in are never touched. */
static struct ask *make_list(size_t count_max)
{
	struct ask_list *self = calloc(1, sizeof(*self) + count_max * sizeof(self->infos[0]));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_list, free_list);
	self->count_max = count_max;
	return &self->ask;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t join_lists(struct ask *const *asks, uint32_t shard_count, ringcast_session_info *infos, size_t count_max)
{
	size_t used = 0, total = 0;
	for (uint32_t i = 0; i < shard_count; i++) {
		const struct ask_list *list = CONTAINER_OF(asks[i], struct ask_list, ask);
		size_t taken = least(least(list->count, list->count_max), count_max - used);
		if (taken > 0)
			memcpy(infos + used, list->infos, taken * sizeof(*infos));
		used += taken;
		total += list->count;
	}
	return total;
}

int ringcast_session_list(ringcast_engine *engine, ringcast_session_info *infos, size_t info_count_max, size_t *ret_count)
{
	struct ask *asks[MAILBOX_SENDERS_MAX] = {NULL};
	size_t each_max = least(info_count_max, engine->options.limits.sessions_max);
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++)
		result = (asks[i] = make_list(each_max)) != NULL ? RINGCAST_OK : RINGCAST_ERROR_MEMORY;
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask_all(engine, asks);
	if (result == RINGCAST_OK)
		*ret_count = join_lists(asks, engine->shard_count, infos, info_count_max);
	for (uint32_t i = 0; i < engine->shard_count; i++)
		ringcast_ask_release(asks[i]);
	return result;
}
