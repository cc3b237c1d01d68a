/* ringcast session ... and ringcast player ... */
#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

#include <stdlib.h>
#include <string.h>

static const struct output_column session_columns[] = {
	{"id", "ID"},           {"name", "NAME"},           {"state", "STATE"},           {"player_count", "PLAYERS"},
	{"players_max", "MAX"}, {"group_count", "GROUPS"},  {"messages_received", "IN"},  {"deliveries", "DELIVERED"},
	{"drops", "DROPS"},     {"spread", "SPREAD"},       {"age_seconds", "AGE (S)"}, {NULL, NULL},
};

static const struct output_column player_columns[] = {
	{"peer_id", "PEER"},         {"player_id", "PLAYER"},  {"state", "STATE"}, {"is_fast", "UDP"},        {"address", "ADDRESS"},
	{"shard", "SHARD"}, {"messages_received", "IN"}, {"messages_sent", "OUT"}, {"drops", "DROPS"}, {"outq_bytes", "QUEUED"}, {NULL, NULL},
};

/* Appends every page of the list to rows. */
static enum cli_exit list_pages(const struct cli_invocation *invocation, const char *name, json_t *rows)
{
	char after[256] = "", escaped[600] = "", path[1024];
	if (name && !ringcast_admin_escape(name, escaped, sizeof(escaped)))
		return CLI_NOT_FOUND;
	for (;;) {
		json_t *page = NULL;
		snprintf(path, sizeof(path), "/v1/sessions?limit=1000%s%s%s%s", name ? "&name=" : "", escaped, after[0] ? "&after=" : "", after);
		enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &page);
		if (code != CLI_OK)
			return code;
		json_array_extend(rows, json_object_get(page, "sessions"));
		const char *next = json_string_value(json_object_get(page, "next"));
		bool is_last = !next || !ringcast_admin_escape(next, after, sizeof(after));
		json_decref(page);
		if (is_last)
			return CLI_OK;
	}
}

enum cli_exit ringcast_command_session_list(const struct cli_invocation *invocation)
{
	json_t *rows = json_array();
	enum cli_exit code = list_pages(invocation, ringcast_cli_value(invocation, CLI_OPTION_NAME, NULL), rows);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, rows, session_columns);
	json_decref(rows);
	return code;
}

static enum cli_exit add_integer(const struct cli_invocation *invocation, enum cli_option_id id, const char *key, json_t *body)
{
	int64_t value = -1;
	enum cli_exit code = ringcast_cli_integer(invocation, id, 0, UINT32_MAX, &value);
	if (code == CLI_OK && value >= 0)
		json_object_set_new(body, key, json_integer(value));
	return code;
}

static void add_text(const struct cli_invocation *invocation, enum cli_option_id id, const char *key, json_t *body)
{
	const char *text = ringcast_cli_value(invocation, id, NULL);
	if (text)
		json_object_set_new(body, key, json_string(text));
}

enum cli_exit ringcast_command_session_create(const struct cli_invocation *invocation)
{
	json_t *session = NULL, *body = json_pack("{s:s}", "name", invocation->arguments[0]);
	enum cli_exit code = add_integer(invocation, CLI_OPTION_PLAYERS_MAX, "players_max", body);
	if (code == CLI_OK)
		code = add_integer(invocation, CLI_OPTION_PING_INTERVAL, "ping_interval_ms", body);
	if (code == CLI_OK)
		code = add_integer(invocation, CLI_OPTION_EMPTY_TIMEOUT, "empty_timeout_ms", body);
	if (code != CLI_OK) {
		json_decref(body);
		return code;
	}
	add_text(invocation, CLI_OPTION_PROPERTIES, "properties", body);
	add_text(invocation, CLI_OPTION_SCRIPT, "script", body);
	add_text(invocation, CLI_OPTION_SPREAD, "spread", body);
	code = ringcast_admin_call(invocation, "POST", "/v1/sessions", body, &session);
	if (code == CLI_OK)
		ringcast_output_object(invocation, session);
	json_decref(session);
	return code;
}

/* For people: "3 on shard 0, 2 on shard 1". */
static void tell_limbs(json_t *session)
{
	json_t *texts = json_array(), *limb;
	size_t index;
	json_array_foreach(json_object_get(session, "limbs"), index, limb)
		json_array_append_new(texts, json_sprintf("%" JSON_INTEGER_FORMAT " on shard %" JSON_INTEGER_FORMAT,
							  json_integer_value(json_object_get(limb, "player_count")), json_integer_value(json_object_get(limb, "shard"))));
	if (json_array_size(texts) > 0)
		json_object_set(session, "limbs", texts);
	json_decref(texts);
}

enum cli_exit ringcast_command_session_show(const struct cli_invocation *invocation)
{
	json_t *session = NULL;
	enum cli_exit code = ringcast_admin_find_session(invocation, invocation->arguments[0], &session);
	if (code == CLI_OK && !ringcast_cli_is_json(invocation))
		tell_limbs(session);
	if (code == CLI_OK)
		ringcast_output_object(invocation, session);
	json_decref(session);
	return code;
}

/* "/v1/sessions/<id><rest>" of the session that the first argument names. */
static enum cli_exit session_path(const struct cli_invocation *invocation, const char *rest, char *path, size_t path_bytes)
{
	char escaped[256];
	json_t *session = NULL;
	enum cli_exit code = ringcast_admin_find_session(invocation, invocation->arguments[0], &session);
	if (code != CLI_OK)
		return code;
	const char *id = json_string_value(json_object_get(session, "id"));
	if (!id || !ringcast_admin_escape(id, escaped, sizeof(escaped)))
		code = CLI_FAILURE;
	else
		snprintf(path, path_bytes, "/v1/sessions/%s%s", escaped, rest);
	json_decref(session);
	return code;
}

/* One call on the session's path, and its answer printed. body is consumed. */
static enum cli_exit call_and_print(const struct cli_invocation *invocation, const char *method, const char *rest, json_t *body)
{
	char path[1024];
	json_t *answer = NULL;
	enum cli_exit code = session_path(invocation, rest, path, sizeof(path));
	if (code != CLI_OK) {
		json_decref(body);
		return code;
	}
	code = ringcast_admin_call(invocation, method, path, body, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_session_end(const struct cli_invocation *invocation)
{
	return call_and_print(invocation, "DELETE", "", NULL);
}

enum cli_exit ringcast_command_player_list(const struct cli_invocation *invocation)
{
	char path[512];
	json_t *answer = NULL;
	enum cli_exit code = session_path(invocation, "/players", path, sizeof(path));
	if (code == CLI_OK)
		code = ringcast_admin_call(invocation, "GET", path, NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, json_object_get(answer, "players"), player_columns);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_player_reserve(const struct cli_invocation *invocation)
{
	json_t *body = json_object();
	add_text(invocation, CLI_OPTION_PLAYER_ID, "player_id", body);
	add_text(invocation, CLI_OPTION_PLAYER_DATA, "player_data", body);
	return call_and_print(invocation, "POST", "/players", body);
}

enum cli_exit ringcast_command_player_kick(const struct cli_invocation *invocation)
{
	char rest[700], reason[512] = "";
	const char *peer = invocation->arguments[1], *text = ringcast_cli_value(invocation, CLI_OPTION_REASON, NULL);
	if (strspn(peer, "0123456789") != strlen(peer) || strlen(peer) == 0 || strlen(peer) > 10) {
		ringcast_cli_error(invocation, "'%s' is not a peer id", peer);
		return CLI_USAGE;
	}
	if (text && !ringcast_admin_escape(text, reason, sizeof(reason))) {
		ringcast_cli_error(invocation, "--reason is too long");
		return CLI_USAGE;
	}
	snprintf(rest, sizeof(rest), "/players/%s%s%s", peer, text ? "?reason=" : "", reason);
	return call_and_print(invocation, "DELETE", rest, NULL);
}

static bool add_query(const struct cli_invocation *invocation, enum cli_option_id id, const char *key, char *path, size_t path_bytes)
{
	char escaped[600];
	const char *text = ringcast_cli_value(invocation, id, NULL);
	size_t used = strlen(path);
	if (!text)
		return true;
	if (!ringcast_admin_escape(text, escaped, sizeof(escaped)))
		return false;
	return snprintf(path + used, path_bytes - used, "%c%s=%s", strchr(path, '?') ? '&' : '?', key, escaped) < (int)(path_bytes - used);
}

enum cli_exit ringcast_command_player_remove(const struct cli_invocation *invocation)
{
	char rest[1400] = "/players";
	if (ringcast_cli_has(invocation, CLI_OPTION_PLAYER_ID) == ringcast_cli_has(invocation, CLI_OPTION_TOKEN)) {
		ringcast_cli_error(invocation, "give --player-id or --token, one of them");
		return CLI_USAGE;
	}
	if (add_query(invocation, CLI_OPTION_PLAYER_ID, "player_id", rest, sizeof(rest)) &&
	    add_query(invocation, CLI_OPTION_TOKEN, "token", rest, sizeof(rest)) && add_query(invocation, CLI_OPTION_REASON, "reason", rest, sizeof(rest)))
		return call_and_print(invocation, "DELETE", rest, NULL);
	ringcast_cli_error(invocation, "the player id, token or reason is too long");
	return CLI_USAGE;
}
