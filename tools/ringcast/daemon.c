/* ringcast health, info, drain, version. */
#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

enum cli_exit ringcast_command_health(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	bool is_ready_wanted = ringcast_cli_has(invocation, CLI_OPTION_READY);
	enum cli_exit code = ringcast_admin_call(invocation, "GET", is_ready_wanted ? "/readyz" : "/healthz", NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_info(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	enum cli_exit code = ringcast_admin_call(invocation, "GET", "/v1/info", NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

/* The answer lists what changed; certificates are read again in any case. */
enum cli_exit ringcast_command_reload(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	enum cli_exit code = ringcast_admin_call(invocation, "POST", "/v1/reload", NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_drain(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	bool is_undo = ringcast_cli_has(invocation, CLI_OPTION_UNDO), is_exit = ringcast_cli_has(invocation, CLI_OPTION_EXIT);
	if (is_undo && is_exit) {
		ringcast_cli_error(invocation, "--undo and --exit exclude each other");
		return CLI_USAGE;
	}
	json_t *body = is_undo ? NULL : json_pack("{s:b}", "exit", (int)is_exit);
	enum cli_exit code = ringcast_admin_call(invocation, is_undo ? "DELETE" : "POST", "/v1/drain", body, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_version(const struct cli_invocation *invocation)
{
	printf("ringcast %s\n", RINGCAST_TOOLS_VERSION);
	return CLI_OK;
}
