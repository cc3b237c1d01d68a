/* ringcast script ... against a server's admin API; testing is in script_test.c. */
#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"
#include "tools/ringcast/pack.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct output_column list_columns[] = {
	{"name", "NAME"},        {"version", "VERSION"},  {"language", "LANGUAGE"},   {"session_count", "SESSIONS"},
	{"file_count", "FILES"}, {"file_bytes", "BYTES"}, {"callbacks", "CALLBACKS"}, {NULL, NULL},
};

static const struct output_column version_columns[] = {
	{"version", "VERSION"},  {"is_current", "CURRENT"}, {"session_count", "SESSIONS"},
	{"pushed_at", "PUSHED"}, {"language", "LANGUAGE"},  {NULL, NULL},
};

static enum cli_exit script_path(const struct cli_invocation *invocation, const char *rest, char *path, size_t path_bytes)
{
	char escaped[256];
	if (!ringcast_admin_escape(invocation->arguments[0], escaped, sizeof(escaped))) {
		ringcast_cli_error(invocation, "the name is too long");
		return CLI_USAGE;
	}
	snprintf(path, path_bytes, "/v1/scripts/%s%s", escaped, rest);
	return CLI_OK;
}

static enum cli_exit print_object(const struct cli_invocation *invocation, enum cli_exit code, json_t *answer)
{
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

static enum cli_exit push_path(const struct cli_invocation *invocation, char *path, size_t path_bytes)
{
	char escaped[1000], rest[1024] = "";
	const char *main = ringcast_cli_value(invocation, CLI_OPTION_MAIN, NULL);
	if (main && !ringcast_admin_escape(main, escaped, sizeof(escaped))) {
		ringcast_cli_error(invocation, "--main: the name is too long");
		return CLI_USAGE;
	}
	if (main)
		snprintf(rest, sizeof(rest), "?main=%s", escaped);
	return script_path(invocation, rest, path, path_bytes);
}

enum cli_exit ringcast_command_script_push(const struct cli_invocation *invocation)
{
	char path[1400], error[512];
	struct pack pack;
	json_t *answer = NULL;
	if (!ringcast_pack(invocation->arguments[1], &pack, error, sizeof(error))) {
		ringcast_cli_error(invocation, "%s", error);
		return CLI_FAILURE;
	}
	enum cli_exit code = push_path(invocation, path, sizeof(path));
	if (code == CLI_OK)
		code = ringcast_admin_upload(invocation, path, "application/zip", pack.bytes, pack.size, &answer);
	free(pack.bytes);
	return print_object(invocation, code, answer);
}

enum cli_exit ringcast_command_script_list(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	enum cli_exit code = ringcast_admin_call(invocation, "GET", "/v1/scripts", NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, json_object_get(answer, "scripts"), list_columns);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_script_versions(const struct cli_invocation *invocation)
{
	char path[320];
	json_t *answer = NULL;
	enum cli_exit code = script_path(invocation, "", path, sizeof(path));
	if (code == CLI_OK)
		code = ringcast_admin_call(invocation, "GET", path, NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, json_object_get(answer, "versions"), version_columns);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_script_rollback(const struct cli_invocation *invocation)
{
	char path[320];
	json_t *answer = NULL, *body = json_object();
	enum cli_exit code = script_path(invocation, "/rollback", path, sizeof(path));
	if (invocation->argument_count > 1)
		json_object_set_new(body, "version", json_string(invocation->arguments[1]));
	if (code == CLI_OK)
		code = ringcast_admin_call(invocation, "POST", path, body, &answer);
	else
		json_decref(body);
	return print_object(invocation, code, answer);
}

enum cli_exit ringcast_command_script_remove(const struct cli_invocation *invocation)
{
	char path[320];
	json_t *answer = NULL;
	enum cli_exit code = script_path(invocation, "", path, sizeof(path));
	if (code == CLI_OK)
		code = ringcast_admin_call(invocation, "DELETE", path, NULL, &answer);
	return print_object(invocation, code, answer);
}

/* Logs outlive their sessions, so an id is asked for as it is; only a name needs a session that lives. */
static enum cli_exit find_id(const struct cli_invocation *invocation, char *ret_id, size_t id_bytes)
{
	json_t *session = NULL;
	const char *text = invocation->arguments[0];
	if (strncmp(text, "gsess-", 6) == 0) {
		snprintf(ret_id, id_bytes, "%s", text);
		return CLI_OK;
	}
	enum cli_exit code = ringcast_admin_find_session(invocation, text, &session);
	if (code == CLI_OK)
		snprintf(ret_id, id_bytes, "%s", json_string_value(json_object_get(session, "id")));
	json_decref(session);
	return code;
}

/* Lines beyond the first seen, which were printed before. */
static void print_log(const json_t *log, size_t seen)
{
	size_t index;
	json_t *line;
	json_int_t lost_count = json_integer_value(json_object_get(log, "lost_count"));
	if (lost_count > 0 && seen == 0)
		printf("(%lld older lines are gone)\n", (long long)lost_count);
	json_array_foreach(json_object_get(log, "lines"), index, line)
	{
		if (index >= seen)
			printf("%s %-7s %s\n", json_string_value(json_object_get(line, "at")), json_string_value(json_object_get(line, "level")),
			       json_string_value(json_object_get(line, "text")));
	}
	fflush(stdout);
}

/* How many lines of log were said before: lines are numbered from the session's begin, those that are gone included. */
static size_t seen_of(const json_t *log, uint64_t number)
{
	uint64_t lost_count = (uint64_t)json_integer_value(json_object_get(log, "lost_count"));
	return number > lost_count ? (size_t)(number - lost_count) : 0;
}

static bool has_ended(const json_t *log)
{
	const json_t *lines = json_object_get(log, "lines");
	size_t count = json_array_size(lines);
	const char *last = count > 0 ? json_string_value(json_object_get(json_array_get(lines, count - 1), "text")) : NULL;
	return last && strncmp(last, "the session has ended", 21) == 0;
}

static enum cli_exit follow(const struct cli_invocation *invocation, const char *path)
{
	const struct timespec pause = {.tv_nsec = 250000000};
	uint64_t number = 0;
	for (;;) {
		json_t *log = NULL;
		enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &log);
		if (code != CLI_OK)
			return code;
		print_log(log, seen_of(log, number));
		number = (uint64_t)json_integer_value(json_object_get(log, "lost_count")) + json_array_size(json_object_get(log, "lines"));
		bool is_over = has_ended(log);
		json_decref(log);
		if (is_over)
			return CLI_OK;
		nanosleep(&pause, NULL);
	}
}

enum cli_exit ringcast_command_script_logs(const struct cli_invocation *invocation)
{
	char id[256], escaped[600], path[700];
	json_t *log = NULL;
	enum cli_exit code = find_id(invocation, id, sizeof(id));
	if (code != CLI_OK)
		return code;
	if (!ringcast_admin_escape(id, escaped, sizeof(escaped)))
		return CLI_NOT_FOUND;
	snprintf(path, sizeof(path), "/v1/sessions/%s/log", escaped);
	if (ringcast_cli_has(invocation, CLI_OPTION_FOLLOW))
		return follow(invocation, path);
	code = ringcast_admin_call(invocation, "GET", path, NULL, &log);
	if (code == CLI_OK && ringcast_cli_is_json(invocation))
		ringcast_output_object(invocation, log);
	else if (code == CLI_OK)
		print_log(log, 0);
	json_decref(log);
	return code;
}
