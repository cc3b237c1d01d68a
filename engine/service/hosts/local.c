#include "service/hosts/local.h"

#include <assert.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/worker.h"

/* Calls that wait for a shard at once. One after another, each would wait for two threads to be woken, however little they have to do. */
enum { LANE_COUNT = 8 };

/* How long a script may take to end by itself: what the vendor gives it. */
enum { TERMINATE_TIMEOUT_MS = 5 * 60 * 1000 };

static_assert(HOST_PLAYER_ID_BYTES_MAX + 1 == RINGCAST_PLAYER_ID_BYTES && HOST_PLAYER_DATA_BYTES_MAX + 1 == RINGCAST_DATA_BYTES, "the engine's bounds");
static_assert(HOST_ID_BYTES == RINGCAST_ID_BYTES && (int)HOST_PLAYERS_MAX == (int)RINGCAST_RESERVATIONS_MAX, "the engine's bounds");

struct lane {
	struct host_local *local;
	struct worker worker; /* its lock guards the calls */
	bool has_worker;
	struct list_node calls; /* oldest first */
};

struct host_local {
	struct host base;
	struct host_local_options options;
	struct lane sessions[LANE_COUNT]; /* a session's calls are all on one, in their order */
	struct lane scripts;		  /* trying a script out takes seconds, and sessions do not wait for it */
	uint32_t next_lane;		  /* atomic; of a session that is new */
	bool is_stopping;		  /* atomic: all of them end at once */
};

static enum host_result result_of(int error)
{
	static const struct {
		int error;
		enum host_result result;
	} results[] = {{RINGCAST_OK, HOST_OK},		   {RINGCAST_ERROR_NOT_FOUND, HOST_NOT_FOUND}, {RINGCAST_ERROR_FULL, HOST_FULL},
		       {RINGCAST_ERROR_STATE, HOST_STATE}, {RINGCAST_ERROR_EXISTS, HOST_EXISTS},       {RINGCAST_ERROR_SCRIPT, HOST_SCRIPT},
		       {RINGCAST_ERROR_TIMEOUT, HOST_TIMEOUT}};
	for (size_t i = 0; i < ARRAY_COUNT(results); i++)
		if (results[i].error == error)
			return results[i].result;
	return HOST_FAILED;
}

static void answer(struct host_call *call, int error)
{
	call->result = result_of(error);
	if (error != RINGCAST_OK)
		snprintf(call->text, sizeof(call->text), "%s", ringcast_error_text(error));
}

/* A script that starts at once has started, or failed; one that takes its time says so later. */
static void look_at_start(struct host_local *local, struct host_call *call)
{
	ringcast_session_info info;
	int result = ringcast_session_describe(local->options.engine, call->session, &info);
	call->has_ended = result == RINGCAST_ERROR_NOT_FOUND;
	call->is_activating = result == RINGCAST_OK && strcmp(info.state, "activating") == 0;
}

/*
 * What the script reads: CreateGameSession's members, GameProperties always among them, by which it is known for one. MatchmakerData is a property of its
 * own. NULL: out of memory.
 */
static char *properties_of(const json_t *facts)
{
	json_t *shown = json_copy((json_t *)facts);
	if (json_object_get(shown, "GameProperties") == NULL)
		json_object_set_new(shown, "GameProperties", json_array());
	json_object_del(shown, "MatchmakerData");
	char *text = json_dumps(shown, JSON_COMPACT);
	json_decref(shown);
	return text;
}

/* False: the call says what is too long for any session of this host. */
static bool is_data_short(const ringcast_session_options *options, struct host_call *call)
{
	if (strlen(options->properties) >= RINGCAST_SESSION_DATA_BYTES)
		snprintf(call->text, sizeof(call->text), "GameProperties and GameSessionData together are longer than this host's %d bytes",
			 RINGCAST_SESSION_DATA_BYTES - 1);
	else if (options->matchmaker_data != NULL && strlen(options->matchmaker_data) >= RINGCAST_MATCHMAKER_DATA_BYTES)
		snprintf(call->text, sizeof(call->text), "MatchmakerData is longer than this host's %d bytes", RINGCAST_MATCHMAKER_DATA_BYTES - 1);
	else
		return true;
	call->result = HOST_FAILED;
	return false;
}

static void create(struct host_local *local, struct host_call *call)
{
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	char *properties = properties_of(call->facts);
	const char *name = json_string_value(json_object_get(call->facts, "Name"));
	options.name = name != NULL && strlen(name) < RINGCAST_NAME_BYTES ? name : NULL;
	options.players_max = call->players_max;
	options.script = call->script;
	options.activation_timeout_ms = call->activation_timeout_ms;
	options.empty_timeout_ms = UINT32_MAX; /* a session lives until its backend or its script ends it */
	options.properties = properties;
	options.matchmaker_data = json_string_value(json_object_get(call->facts, "MatchmakerData"));
	if (properties == NULL)
		answer(call, RINGCAST_ERROR_MEMORY);
	else if (is_data_short(&options, call))
		answer(call, ringcast_session_create(local->options.engine, &options, call->session));
	free(properties);
	if (call->result == HOST_OK && *call->script != '\0')
		look_at_start(local, call);
}

/* Who holds a place. Players who come meanwhile are told by events. */
static void list_places(struct host_local *local, struct host_call *call, size_t count)
{
	size_t count_max = count + 16;
	ringcast_player_info *infos = calloc(count_max, sizeof(*infos));
	call->places = calloc(count_max, sizeof(*call->places));
	if (infos == NULL || call->places == NULL) {
		answer(call, RINGCAST_ERROR_MEMORY);
		free(infos);
		return;
	}
	answer(call, ringcast_player_list(local->options.engine, call->session, infos, count_max, &count));
	if (count > count_max)
		answer(call, RINGCAST_ERROR_FULL); /* more came than we asked for: asked again later */
	for (size_t i = 0; call->result == HOST_OK && i < count; i++) {
		struct host_place *place = &call->places[call->place_count];
		place->is_active = strcmp(infos[i].state, "active") == 0 || strcmp(infos[i].state, "dropped") == 0; /* who may come back holds its place */
		memcpy(place->token, infos[i].token, sizeof(place->token));
		call->place_count += place->is_active || strcmp(infos[i].state, "reserved") == 0;
	}
	free(infos);
}

static void describe(struct host_local *local, struct host_call *call)
{
	ringcast_session_info info;
	answer(call, ringcast_session_describe(local->options.engine, call->session, &info));
	if (call->result != HOST_OK)
		return;
	call->is_activating = strcmp(info.state, "activating") == 0;
	list_places(local, call, info.player_count + info.reserved_count);
}

static void reserve(struct host_local *local, struct host_call *call)
{
	ringcast_reservation wishes[HOST_PLAYERS_MAX];
	for (uint32_t i = 0; i < call->player_count; i++)
		wishes[i] = (ringcast_reservation){.player_id = call->players[i].player_id, .player_data = call->players[i].data};
	answer(call, ringcast_players_reserve(local->options.engine, call->session, wishes, call->player_count));
	for (uint32_t i = 0; call->result == HOST_OK && i < call->player_count; i++)
		memcpy(call->players[i].token, wishes[i].token, HOST_ID_BYTES);
}

/* As the API calls the state of a ticket that has ended; game servers are told by longer words. */
static const char *status_of(const char *update_reason)
{
	static const char backfill[] = "BACKFILL_";
	return strncmp(update_reason, backfill, strlen(backfill)) == 0 ? update_reason + strlen(backfill) : "COMPLETED";
}

/* A session without a script, or whose script asked nothing, need not hear it. */
static void tell_of_ticket(struct host_local *local, struct host_call *call)
{
	json_t *news = json_pack("{s:s, s:s}", "TicketId", call->ticket, "Status", status_of(call->update_reason));
	char *text = news != NULL ? json_dumps(news, JSON_COMPACT) : NULL;
	answer(call, text != NULL ? ringcast_question_news_send(local->options.engine, call->session, text, strlen(text)) : RINGCAST_ERROR_MEMORY);
	free(text);
	json_decref(news);
}

static void update(struct host_local *local, struct host_call *call)
{
	if (call->update_reason != NULL) {
		tell_of_ticket(local, call);
		return;
	}
	ringcast_session_update change = RINGCAST_SESSION_UPDATE_INIT;
	change.players_max = call->players_max;
	if (call->has_policy)
		change.admissions = call->is_deny_all ? RINGCAST_ADMISSIONS_CLOSED : RINGCAST_ADMISSIONS_OPEN;
	answer(call, ringcast_session_change(local->options.engine, call->session, &change));
	if (call->result == HOST_STATE)
		snprintf(call->text, sizeof(call->text), "the session has more players than that");
}

static void end(struct host_local *local, struct host_call *call)
{
	answer(call, call->is_forced ? ringcast_session_end(local->options.engine, call->session)
				     : ringcast_session_terminate(local->options.engine, call->session, TERMINATE_TIMEOUT_MS));
}

/* Scripts */

/* NULL: no memory, or no base64. */
static uint8_t *decode(const char *text, size_t *ret_bytes)
{
	struct base64_decode_ctx context;
	size_t size = strlen(text), bytes = BASE64_DECODE_LENGTH(size);
	uint8_t *decoded = malloc(bytes + 1);
	base64_decode_init(&context);
	if (decoded != NULL && base64_decode_update(&context, &bytes, decoded, size, text) && base64_decode_final(&context)) {
		*ret_bytes = bytes;
		return decoded;
	}
	free(decoded);
	return NULL;
}

static enum host_result push_script(const struct host_scripts *scripts, struct host_script *script, struct host_call *call)
{
	size_t bytes;
	uint8_t *zip = decode(call->zip, &bytes);
	if (zip == NULL) {
		snprintf(script->text, sizeof(script->text), "out of memory");
		return HOST_FAILED;
	}
	script->zip = zip;
	script->zip_bytes = call->zip_bytes = bytes;
	enum host_result result = scripts->push(scripts->context, script);
	free(zip);
	return result;
}

static void carry_out_script(struct host_local *local, struct host_call *call)
{
	const struct host_scripts *scripts = local->options.scripts;
	struct host_script script = {.name = call->script};
	memcpy(script.version, call->version, sizeof(script.version));
	if (scripts == NULL) {
		call->result = HOST_STATE;
		snprintf(call->text, sizeof(call->text), "there is no place to keep scripts: set scripts.directory");
		return;
	}
	call->result = call->kind == HOST_SCRIPT_PUSH	? push_script(scripts, &script, call)
		       : call->kind == HOST_SCRIPT_SELECT ? scripts->select(scripts->context, &script)
							  : scripts->remove(scripts->context, &script);
	memcpy(call->version, script.version, sizeof(call->version));
	memcpy(call->text, script.text, sizeof(call->text));
}

static void carry_out(struct host_local *local, struct host_call *call)
{
	switch (call->kind) {
	case HOST_SCRIPT_PUSH:
	case HOST_SCRIPT_SELECT:
	case HOST_SCRIPT_REMOVE:
		carry_out_script(local, call);
		break;
	case HOST_CREATE:
		create(local, call);
		break;
	case HOST_END:
		end(local, call);
		break;
	case HOST_UPDATE:
		update(local, call);
		break;
	case HOST_RESERVE:
		reserve(local, call);
		break;
	case HOST_DESCRIBE:
		describe(local, call);
		break;
	case HOST_LOOK_AT_BUILD:
		call->result = HOST_FAILED; /* builds are other hosts' */
		break;
	}
}

/* The lane's lock is held. */
static bool is_ending(const struct lane *lane)
{
	return lane->worker.is_stopping || __atomic_load_n(&lane->local->is_stopping, __ATOMIC_RELAXED);
}

static struct host_call *take_call(struct lane *lane)
{
	struct host_call *call = NULL;
	pthread_mutex_lock(&lane->worker.lock);
	while (ringcast_list_is_empty(&lane->calls) && !is_ending(lane))
		pthread_cond_wait(&lane->worker.changed, &lane->worker.lock);
	if (!ringcast_list_is_empty(&lane->calls)) {
		call = CONTAINER_OF(lane->calls.next, struct host_call, node);
		ringcast_list_remove(&call->node);
		if (is_ending(lane))
			answer(call, RINGCAST_ERROR_SYSTEM);
	}
	pthread_mutex_unlock(&lane->worker.lock);
	return call;
}

static void *run(void *context)
{
	struct lane *lane = context;
	struct host_local *local = lane->local;
	for (struct host_call *call = take_call(lane); call != NULL; call = take_call(lane)) {
		if (call->result == HOST_OK)
			carry_out(local, call);
		local->options.give_back(local->options.context, call);
	}
	return NULL;
}

static bool is_about_scripts(const struct host_call *call)
{
	return call->kind == HOST_SCRIPT_PUSH || call->kind == HOST_SCRIPT_SELECT || call->kind == HOST_SCRIPT_REMOVE;
}

static struct lane *lane_of(struct host_local *local, const struct host_call *call)
{
	if (is_about_scripts(call))
		return &local->scripts;
	bool is_new = *call->session == '\0';
	return &local->sessions[(is_new ? __atomic_fetch_add(&local->next_lane, 1, __ATOMIC_RELAXED) : ringcast_hash_bytes(call->session, strlen(call->session), 0)) % LANE_COUNT];
}

static void submit(struct host *host, struct host_call *call)
{
	struct host_local *local = CONTAINER_OF(host, struct host_local, base);
	struct lane *lane = lane_of(local, call);
	pthread_mutex_lock(&lane->worker.lock);
	ringcast_list_add_tail(&lane->calls, &call->node);
	pthread_cond_signal(&lane->worker.changed);
	pthread_mutex_unlock(&lane->worker.lock);
}

static const struct host_ops ops = {.submit = submit};

static bool lane_start(struct lane *lane, struct host_local *local)
{
	lane->local = local;
	ringcast_list_init(&lane->calls);
	lane->has_worker = ringcast_worker_start(&lane->worker, run, lane);
	return lane->has_worker;
}

static void lane_stop(struct lane *lane)
{
	if (lane->has_worker)
		ringcast_worker_stop(&lane->worker);
}

struct host_local *ringcast_host_local_create(const struct host_local_options *options)
{
	struct host_local *local = calloc(1, sizeof(*local));
	if (local == NULL)
		return NULL;
	local->base.ops = &ops;
	local->options = *options;
	bool has_workers = lane_start(&local->scripts, local);
	for (size_t i = 0; i < LANE_COUNT && has_workers; i++)
		has_workers = lane_start(&local->sessions[i], local);
	if (!has_workers)
		ringcast_host_local_destroy(&local);
	return local;
}

struct host *ringcast_host_local_base(struct host_local *local)
{
	return &local->base;
}

void ringcast_host_local_destroy(struct host_local **local)
{
	if (*local == NULL)
		return;
	__atomic_store_n(&(*local)->is_stopping, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < LANE_COUNT; i++)
		lane_stop(&(*local)->sessions[i]);
	lane_stop(&(*local)->scripts);
	free(*local);
	*local = NULL;
}

bool ringcast_host_local_event(const ringcast_change *change, struct host_event *ret_event)
{
	static const enum host_event_kind kinds[] = {
		[RINGCAST_CHANGE_SESSION_ACTIVE] = HOST_SESSION_ACTIVE,
		[RINGCAST_CHANGE_SESSION_ENDED] = HOST_SESSION_ENDED,
		[RINGCAST_CHANGE_PLAYER_ACCEPTED] = HOST_PLAYER_ACTIVE,
		[RINGCAST_CHANGE_PLAYER_COMPLETED] = HOST_PLAYER_COMPLETED,
		[RINGCAST_CHANGE_PLAYER_TIMEDOUT] = HOST_PLAYER_TIMEDOUT,
	};
	/* That it started or reserved, the answer to the call says. */
	if (change->kind == RINGCAST_CHANGE_SESSION_STARTED || change->kind == RINGCAST_CHANGE_PLAYER_RESERVED || change->kind >= ARRAY_COUNT(kinds))
		return false;
	*ret_event = (struct host_event){.kind = kinds[change->kind], .sequence = change->sequence};
	snprintf(ret_event->session, sizeof(ret_event->session), "%s", change->session_id);
	snprintf(ret_event->player, sizeof(ret_event->player), "%s", change->token);
	snprintf(ret_event->text, sizeof(ret_event->text), "%s", change->reason);
	return true;
}
