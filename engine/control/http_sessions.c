/* Sessions and their players over HTTP. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_routes.h"

#define LIST_LIMIT_DEFAULT 100
#define SPREAD_WORD_BYTES 16
#define LIST_LIMIT_MAX 10000
#define PAGE_SESSIONS_MAX 1000 /* more are on the next page: what an answer takes in memory is bounded */

static json_t *text_to_json(const char *text)
{
	return ringcast_http_text(text, strlen(text));
}

static void put_text(json_t *json, const char *key, const char *text)
{
	json_object_set_new(json, key, text_to_json(text));
}

static void put_count(json_t *json, const char *key, uint64_t count)
{
	json_object_set_new(json, key, json_integer((json_int_t)count));
}

/* How many of its players each shard has. */
static json_t *limbs_to_json(const ringcast_session_info *info)
{
	json_t *limbs = json_array();
	for (uint32_t shard = 0; shard < RINGCAST_SHARDS_MAX; shard++)
		if (info->limb_counts[shard] > 0)
			json_array_append_new(limbs, json_pack("{s:I, s:I}", "shard", (json_int_t)shard, "player_count", (json_int_t)info->limb_counts[shard]));
	return limbs;
}

static json_t *session_to_json(const ringcast_session_info *info)
{
	json_t *json = json_object();
	put_text(json, "id", info->id);
	put_text(json, "name", info->name);
	put_text(json, "state", info->state);
	put_count(json, "shard", info->shard);
	put_count(json, "players_max", info->players_max);
	put_count(json, "player_count", info->player_count);
	put_count(json, "reserved_count", info->reserved_count);
	put_count(json, "group_count", info->group_count);
	put_count(json, "retained_count", info->retained_count);
	put_count(json, "retained_bytes", info->retained_bytes);
	json_object_set_new(json, "created_at", ringcast_http_time_at(info->created_ns));
	json_object_set_new(json, "age_seconds", json_real((double)info->age_ns / 1e9));
	put_count(json, "messages_received", info->messages_received);
	put_count(json, "deliveries", info->deliveries);
	put_count(json, "bytes_received", info->bytes_received);
	put_count(json, "drops", info->drops);
	put_text(json, "script", info->script);
	put_text(json, "script_version", info->script_version);
	put_count(json, "script_bytes", info->script_bytes);
	json_object_set_new(json, "spread", json_boolean(info->is_spread));
	if (info->is_spread)
		json_object_set_new(json, "limbs", limbs_to_json(info));
	return json;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const ringcast_session_info *)a)->id, ((const ringcast_session_info *)b)->id);
}

/* Moves the sessions that pass to the front and returns how many. */
static size_t filter_sessions(ringcast_session_info *infos, size_t count, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (!name || strcmp(infos[i].name, name) == 0)
			infos[kept++] = infos[i];
	return kept;
}

/* One page of the sorted list: those after the cursor, at most limit; "next" is the cursor of the following page. */
static json_t *page_of(const ringcast_session_info *infos, size_t count, const char *after, size_t limit)
{
	size_t first = 0;
	json_t *sessions = json_array();
	while (after && first < count && strcmp(infos[first].id, after) <= 0)
		first++;
	size_t end = count - first > limit ? first + limit : count;
	for (size_t i = first; i < end; i++)
		json_array_append_new(sessions, session_to_json(&infos[i]));
	json_t *page = json_pack("{s:o, s:I}", "sessions", sessions, "total", (json_int_t)count);
	if (end < count && end > first)
		json_object_set_new(page, "next", text_to_json(infos[end - 1].id));
	return page;
}

static size_t page_size(uint64_t limit)
{
	return limit == 0 ? 1 : limit < PAGE_SESSIONS_MAX ? limit : PAGE_SESSIONS_MAX;
}

void ringcast_http_sessions_list(struct http_request *request, struct http_response *response)
{
	ringcast_engine *engine = request->host->engine;
	uint64_t limit = LIST_LIMIT_DEFAULT;
	size_t count = 0, count_max = (size_t)ringcast_engine_shard_count(engine) * request->config->limits.sessions_max;
	if (!ringcast_http_query_uint(request, "limit", LIST_LIMIT_MAX, &limit, response))
		return;
	ringcast_session_info *infos = calloc(count_max, sizeof(*infos)); /* untouched pages of it cost nothing */
	int error = infos ? ringcast_session_list(engine, infos, count_max, &count) : RINGCAST_ERROR_MEMORY;
	if (error) {
		ringcast_http_engine_problem(response, error, "list sessions");
	} else {
		count = filter_sessions(infos, count < count_max ? count : count_max, ringcast_http_query(request, "name"));
		qsort(infos, count, sizeof(*infos), compare_ids);
		ringcast_http_reply(response, 200, page_of(infos, count, ringcast_http_query(request, "after"), page_size(limit)));
	}
	free(infos);
}

static void reply_session(struct http_request *request, const char *id, unsigned status, struct http_response *response)
{
	ringcast_session_info info;
	int error = ringcast_session_describe(request->host->engine, id, &info);
	if (error)
		ringcast_http_engine_problem(response, error, id);
	else
		ringcast_http_reply(response, status, session_to_json(&info));
}

/* A shard is full where the request names one, else all are: of sessions, or of what sessions begin with; the engine does not say which. */
static void refuse_session(const struct http_request *request, const ringcast_session_options *options, struct http_response *response)
{
	uint32_t sessions_max = request->config->limits.sessions_max;
	char where[32] = "no shard has", data[160] = "";
	if (options->has_shard)
		snprintf(where, sizeof(where), "shard %d has no", options->shard);
	size_t bytes = (options->properties ? strlen(options->properties) : 0) + (options->matchmaker_data ? strlen(options->matchmaker_data) : 0);
	if (bytes > 0)
		snprintf(data, sizeof(data), ", or limits.session_data_bytes (%u a shard) by the data of all sessions and these %zu bytes",
			 request->config->limits.session_data_bytes, bytes);
	ringcast_http_problem(response, 409, "full", "create session: %s room for one more: limits.sessions_max (%u a shard) is reached%s", where, sessions_max,
			      data);
}

/* False: the response says what is wrong. NULL: nothing was said. */
static bool read_spread(const char *word, ringcast_spread *ret_spread, struct http_response *response)
{
	static const char *const words[] = {[RINGCAST_SPREAD_NEVER] = "never", [RINGCAST_SPREAD_AUTO] = "auto", [RINGCAST_SPREAD_ALWAYS] = "always"};
	for (size_t i = RINGCAST_SPREAD_NEVER; word != NULL && i < ARRAY_COUNT(words); i++)
		if (strcmp(word, words[i]) == 0)
			*ret_spread = (ringcast_spread)i;
	if (word == NULL || *ret_spread != RINGCAST_SPREAD_DEFAULT)
		return true;
	ringcast_http_problem(response, 400, "invalid", "spread: '%s' is none of never, auto, always", word);
	return false;
}

static void create_session(struct http_request *request, ringcast_session_options *options, bool has_timeout,
			   struct http_response *response)
{
	char id[RINGCAST_ID_BYTES];
	if (has_timeout && options->empty_timeout_ms == 0)
		options->empty_timeout_ms = UINT32_MAX; /* here 0 means never, as in the limit of that name */
	int error = ringcast_session_create(request->host->engine, options, id);
	if (error == RINGCAST_ERROR_FULL) {
		refuse_session(request, options, response);
		return;
	}
	if (error) {
		ringcast_http_engine_problem(response, error, error == RINGCAST_ERROR_NOT_FOUND ? options->script : "create session");
		return;
	}
	snprintf(response->location, sizeof(response->location), "/v1/sessions/%s", id);
	reply_session(request, id, 201, response);
}

void ringcast_http_sessions_create(struct http_request *request, struct http_response *response)
{
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	bool has_timeout = false;
	char *owned = NULL;
	const char *spread = NULL;
	uint32_t shard = 0;
	const ringcast_limits *limits = &request->config->limits;
	const struct body_field fields[] = {
		{.name = "name", .type = BODY_STRING, .target = &options.name, .max = RINGCAST_NAME_BYTES - 1},
		{.name = "players_max", .type = BODY_UINT, .target = &options.players_max, .max = limits->players_per_session_max},
		{.name = "ping_interval_ms", .type = BODY_UINT, .target = &options.ping_interval_ms, .max = UINT32_MAX},
		{.name = "tick_interval_ms", .type = BODY_UINT, .target = &options.tick_interval_ms, .max = UINT32_MAX},
		{.name = "empty_timeout_ms",
		 .type = BODY_UINT,
		 .target = &options.empty_timeout_ms,
		 .max = UINT32_MAX,
		 .is_present = &has_timeout},
		{.name = "resume_window_ms", .type = BODY_UINT, .target = &options.resume_window_ms, .max = UINT32_MAX},
		{.name = "properties", .type = BODY_TEXT, .target = &options.properties, .max = RINGCAST_SESSION_DATA_BYTES - 1},
		{.name = "matchmaker_data", .type = BODY_STRING, .target = &options.matchmaker_data, .max = RINGCAST_MATCHMAKER_DATA_BYTES - 1},
		{.name = "script", .type = BODY_STRING, .target = &options.script, .max = RINGCAST_SCRIPT_NAME_BYTES + RINGCAST_SCRIPT_VERSION_BYTES},
		{.name = "shard",
		 .type = BODY_UINT,
		 .target = &shard,
		 .max = ringcast_engine_shard_count(request->host->engine) - 1,
		 .is_present = &options.has_shard},
		{.name = "spread", .type = BODY_STRING, .target = &spread, .max = SPREAD_WORD_BYTES},
	};
	if (ringcast_http_body_read(request, fields, ARRAY_COUNT(fields), &owned, response) && read_spread(spread, &options.spread, response)) {
		options.shard = (int32_t)shard;
		create_session(request, &options, has_timeout, response);
	}
	free(owned);
}

void ringcast_http_session_get(struct http_request *request, struct http_response *response)
{
	reply_session(request, request->parameters[0], 200, response);
}

void ringcast_http_session_end(struct http_request *request, struct http_response *response)
{
	int error = ringcast_session_end(request->host->engine, request->parameters[0]);
	if (error)
		ringcast_http_engine_problem(response, error, request->parameters[0]);
	else
		ringcast_http_reply(response, 202, json_pack("{s:o, s:s}", "id", text_to_json(request->parameters[0]), "state", "ending"));
}

/* The token is a credential, so only the one who reserved it gets to see it. */
static json_t *player_to_json(const ringcast_player_info *info)
{
	json_t *json = json_object();
	json_object_set_new(json, "peer_id", json_integer(info->peer_id));
	put_text(json, "player_id", info->player_id);
	put_text(json, "state", info->state);
	json_object_set_new(json, "is_fast", json_boolean(info->is_fast));
	put_text(json, "address", info->address);
	json_object_set_new(json, "created_at", ringcast_http_time_at(info->created_ns));
	json_object_set_new(json, "joined_at", ringcast_http_time_at(info->joined_ns));
	put_count(json, "messages_received", info->messages_received);
	put_count(json, "messages_sent", info->messages_sent);
	put_count(json, "bytes_received", info->bytes_received);
	put_count(json, "bytes_sent", info->bytes_sent);
	put_count(json, "drops", info->drops);
	put_count(json, "outq_bytes", info->outq_bytes);
	return json;
}

static json_t *players_to_json(const ringcast_player_info *infos, size_t count)
{
	json_t *players = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(players, player_to_json(&infos[i]));
	return json_pack("{s:o, s:I}", "players", players, "total", (json_int_t)count);
}

/* Players beyond players_max can only be ones that left and are still being reported. */
#define PLAYERS_SPARE 64

void ringcast_http_players_list(struct http_request *request, struct http_response *response)
{
	ringcast_engine *engine = request->host->engine;
	const char *id = request->parameters[0];
	ringcast_session_info session;
	int error = ringcast_session_describe(engine, id, &session);
	if (error) {
		ringcast_http_engine_problem(response, error, id);
		return;
	}
	size_t count = 0, count_max = (size_t)session.players_max + PLAYERS_SPARE;
	ringcast_player_info *infos = calloc(count_max, sizeof(*infos));
	error = infos ? ringcast_player_list(engine, id, infos, count_max, &count) : RINGCAST_ERROR_MEMORY;
	if (error)
		ringcast_http_engine_problem(response, error, id);
	else
		ringcast_http_reply(response, 200, players_to_json(infos, count < count_max ? count : count_max));
	free(infos);
}

/* The session's own bound, or the shard's: places that others hold for a while count too. */
static void refuse_place(const struct http_request *request, const char *id, struct http_response *response)
{
	ringcast_session_info info;
	if (ringcast_session_describe(request->host->engine, id, &info) == RINGCAST_OK && info.player_count + info.reserved_count >= info.players_max)
		ringcast_http_problem(response, 409, "full", "%s: session is full (%u player%s)", id, info.players_max, info.players_max == 1 ? "" : "s");
	else
		ringcast_http_problem(response, 409, "full", "%s: its shard has no room for one more: limits.players_max (%u a shard) is reached", id,
				      request->config->limits.players_max);
}

void ringcast_http_players_reserve(struct http_request *request, struct http_response *response)
{
	const char *id = request->parameters[0], *player_id = NULL, *player_data = NULL;
	char token[RINGCAST_ID_BYTES], *owned = NULL;
	const struct body_field fields[] = {
		{.name = "player_id", .type = BODY_STRING, .target = &player_id, .max = RINGCAST_PLAYER_ID_BYTES - 1},
		{.name = "player_data", .type = BODY_TEXT, .target = &player_data, .max = RINGCAST_DATA_BYTES - 1},
	};
	if (ringcast_http_body_read(request, fields, ARRAY_COUNT(fields), &owned, response)) {
		int error = ringcast_player_reserve(request->host->engine, id, player_id, player_data, token);
		if (error == RINGCAST_ERROR_EXISTS)
			ringcast_http_problem(response, 409, "exists",
					      "%s: player_id '%s' holds a place; DELETE /v1/sessions/%s/players?player_id=... frees it", id, player_id, id);
		else if (error == RINGCAST_ERROR_FULL)
			refuse_place(request, id, response);
		else if (error)
			ringcast_http_engine_problem(response, error, id);
		else
			ringcast_http_reply(response, 201,
					    json_pack("{s:s, s:o, s:i, s:I}", "token", token, "session_id", text_to_json(id), "tcp_port",
						      (int)ringcast_engine_tcp_port(request->host->engine), "login_within_ms",
						      (json_int_t)request->config->limits.reservation_timeout_ms));
	}
	free(owned);
}

static bool parse_peer(const char *text, int32_t *ret_peer_id)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (*end || *text < '0' || *text > '9' || value > INT32_MAX)
		return false;
	*ret_peer_id = (int32_t)value;
	return true;
}

void ringcast_http_player_kick(struct http_request *request, struct http_response *response)
{
	int32_t peer_id;
	const char *reason = ringcast_http_query(request, "reason");
	if (!parse_peer(request->parameters[1], &peer_id)) {
		ringcast_http_problem(response, 400, "path", "'%s' is not a peer id", request->parameters[1]);
		return;
	}
	int error =
		ringcast_player_kick(request->host->engine, request->parameters[0], peer_id, reason ? reason : "kicked by the operator");
	if (error)
		ringcast_http_engine_problem(response, error, "kick");
	else
		ringcast_http_reply(response, 202, json_pack("{s:I, s:s}", "peer_id", (json_int_t)peer_id, "state", "leaving"));
}

void ringcast_http_player_remove(struct http_request *request, struct http_response *response)
{
	const char *player_id = ringcast_http_query(request, "player_id"), *token = ringcast_http_query(request, "token");
	const char *reason = ringcast_http_query(request, "reason");
	if (!player_id == !token) {
		ringcast_http_problem(response, 400, "query", "give the query key 'player_id' or 'token', one of them");
		return;
	}
	int error = ringcast_player_remove(request->host->engine, request->parameters[0], player_id, token, reason ? reason : "removed by the operator");
	if (error)
		ringcast_http_engine_problem(response, error, "remove a player");
	else
		ringcast_http_reply(response, 202, json_pack("{s:s}", "state", "leaving"));
}
