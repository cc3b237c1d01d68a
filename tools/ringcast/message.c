/* A message of a backend, by hand: into a session, or to one of its players. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

enum { MESSAGE_BYTES_MAX = 16288 };

static enum cli_exit add_number(const struct cli_invocation *invocation, enum cli_option_id id, const char *key, json_t *body)
{
	int64_t value = -1;
	enum cli_exit code = ringcast_cli_integer(invocation, id, 0, INT32_MAX, &value);
	if (code == CLI_OK && value >= 0)
		json_object_set_new(body, key, json_integer(value));
	return code;
}

/* NULL: it was told what is wrong. */
static json_t *read_file(const struct cli_invocation *invocation, const char *path)
{
	char bytes[MESSAGE_BYTES_MAX + 1];
	FILE *file = fopen(path, "re");
	size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
	const char *problem = file == NULL || ferror(file) ? strerror(errno) : size > MESSAGE_BYTES_MAX ? "longer than any message may be" : NULL;
	if (file != NULL)
		fclose(file);
	json_t *payload = problem == NULL ? json_stringn(bytes, size) : NULL;
	if (payload == NULL)
		ringcast_cli_error(invocation, "%s: %s", path, problem != NULL ? problem : "not UTF-8; the admin API takes other bytes as payload_base64");
	return payload;
}

static enum cli_exit add_payload(const struct cli_invocation *invocation, json_t *body)
{
	const char *path = ringcast_cli_value(invocation, CLI_OPTION_FILE, NULL);
	bool has_text = invocation->argument_count > 0;
	if ((path != NULL) == has_text) {
		ringcast_cli_error(invocation, "give the message as an argument, or --file");
		return CLI_USAGE;
	}
	json_t *payload = path != NULL ? read_file(invocation, path) : json_string(invocation->arguments[0]);
	if (json_object_set_new(body, "payload", payload) == 0)
		return CLI_OK;
	if (path == NULL)
		ringcast_cli_error(invocation, "the message is not UTF-8");
	return path == NULL ? CLI_USAGE : CLI_FAILURE;
}

static enum cli_exit fill(const struct cli_invocation *invocation, json_t *body)
{
	const char *player = ringcast_cli_value(invocation, CLI_OPTION_PLAYER, NULL);
	enum cli_exit code = add_payload(invocation, body);
	if (code == CLI_OK)
		code = add_number(invocation, CLI_OPTION_OP, "opcode", body);
	if (code == CLI_OK)
		code = add_number(invocation, CLI_OPTION_PEER, "peer_id", body);
	if (code == CLI_OK && player != NULL)
		json_object_set_new(body, "player_id", json_string(player));
	return code;
}

static enum cli_exit find_path(const struct cli_invocation *invocation, const char *id_or_name, char *path, size_t path_bytes)
{
	char escaped[256];
	json_t *session = NULL;
	enum cli_exit code = ringcast_admin_find_session(invocation, id_or_name, &session);
	const char *id = json_string_value(json_object_get(session, "id"));
	if (code == CLI_OK && (id == NULL || !ringcast_admin_escape(id, escaped, sizeof(escaped))))
		code = CLI_FAILURE;
	if (code == CLI_OK)
		snprintf(path, path_bytes, "/v1/sessions/%s/messages", escaped);
	json_decref(session);
	return code;
}

enum cli_exit ringcast_command_message_send(const struct cli_invocation *invocation)
{
	const char *session = ringcast_cli_value(invocation, CLI_OPTION_SESSION, NULL);
	char path[512];
	json_t *body = json_object(), *answer = NULL;
	if (session == NULL) {
		ringcast_cli_error(invocation, "--session is missing: the session's id or name");
		json_decref(body);
		return CLI_USAGE;
	}
	enum cli_exit code = fill(invocation, body);
	if (code == CLI_OK)
		code = find_path(invocation, session, path, sizeof(path));
	if (code != CLI_OK) {
		json_decref(body);
		return code;
	}
	code = ringcast_admin_call(invocation, "POST", path, body, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}
