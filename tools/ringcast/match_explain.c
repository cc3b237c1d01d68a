/* ringcast match explain: why a ticket of a daemon's matchmaking waits. */
#include <jansson.h>
#include <stdio.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

enum cli_exit ringcast_command_match_explain(const struct cli_invocation *invocation)
{
	char escaped[256], path[300];
	json_t *answer = NULL;
	if (!ringcast_admin_escape(invocation->arguments[0], escaped, sizeof(escaped))) {
		ringcast_cli_error(invocation, "the ticket's id is too long");
		return CLI_USAGE;
	}
	snprintf(path, sizeof(path), "/v1/service/tickets/%s", escaped);
	enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}
