/* ringcast audit, ringcast disconnects and ringcast group list: what was done, who went, who is together. */
#include <jansson.h>
#include <stdio.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

enum { COUNT_DEFAULT = 20, COUNT_MAX = 1000 };

/* The newest --count of a list that the admin API keeps. */
static enum cli_exit print_newest(const struct cli_invocation *invocation, const char *path, const char *list, const struct output_column *columns)
{
	char whole[128];
	int64_t count = COUNT_DEFAULT;
	json_t *answer = NULL;
	enum cli_exit code = ringcast_cli_integer(invocation, CLI_OPTION_NUMBER, 0, COUNT_MAX, &count);
	if (code != CLI_OK)
		return code;
	snprintf(whole, sizeof(whole), "%s?limit=%d", path, (int)count);
	code = ringcast_admin_call(invocation, "GET", whole, NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, json_object_get(answer, list), columns);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_audit(const struct cli_invocation *invocation)
{
	static const struct output_column columns[] = {{"at", "AT"},	     {"surface", "API"},  {"who", "WHO"}, {"what", "WHAT"},
						       {"object", "OBJECT"}, {"answer", "ANSWER"}, {NULL, NULL}};
	return print_newest(invocation, "/v1/audit", "entries", columns);
}

enum cli_exit ringcast_command_disconnects(const struct cli_invocation *invocation)
{
	static const struct output_column columns[] = {{"at", "AT"},	       {"reason", "REASON"},   {"close_code", "CODE"}, {"session_id", "SESSION"},
						       {"peer_id", "PEER"}, {"player_id", "PLAYER"}, {"address", "ADDRESS"}, {NULL, NULL}};
	return print_newest(invocation, "/v1/disconnects", "recent", columns);
}

/* Every page of them. */
static enum cli_exit list_groups(const struct cli_invocation *invocation, const char *id, json_t *rows)
{
	json_int_t after = 0;
	do {
		char path[512];
		json_t *page = NULL;
		snprintf(path, sizeof(path), "/v1/sessions/%s/groups?after=%lld", id, (long long)after);
		enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &page);
		if (code != CLI_OK)
			return code;
		json_array_extend(rows, json_object_get(page, "groups"));
		after = json_integer_value(json_object_get(page, "next"));
		json_decref(page);
	} while (after != 0);
	return CLI_OK;
}

enum cli_exit ringcast_command_group_list(const struct cli_invocation *invocation)
{
	static const struct output_column columns[] = {{"id", "GROUP"}, {"member_count", "MEMBERS"}, {"members", "PEERS"}, {NULL, NULL}};
	char id[256];
	json_t *session = NULL, *rows = json_array();
	enum cli_exit code = ringcast_admin_find_session(invocation, invocation->arguments[0], &session);
	const char *found = json_string_value(json_object_get(session, "id"));
	if (code == CLI_OK && (!found || !ringcast_admin_escape(found, id, sizeof(id))))
		code = CLI_FAILURE;
	if (code == CLI_OK)
		code = list_groups(invocation, id, rows);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, rows, columns);
	json_decref(rows);
	json_decref(session);
	return code;
}
