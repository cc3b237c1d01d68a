/* ringcast webhook: events that a webhook of the service did not take. */
#include <jansson.h>
#include <stdio.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

enum cli_exit ringcast_command_webhook_letters(const struct cli_invocation *invocation)
{
	static const struct output_column columns[] = {
		{"id", "ID"}, {"type", "TYPE"}, {"url", "URL"}, {"error", "ERROR"}, {NULL, NULL},
	};
	json_t *answer = NULL;
	enum cli_exit code = ringcast_admin_call(invocation, "GET", "/v1/service/letters", NULL, &answer);
	if (code == CLI_OK)
		ringcast_output_rows(invocation, json_object_get(answer, "letters"), columns);
	json_decref(answer);
	return code;
}

enum cli_exit ringcast_command_webhook_resend(const struct cli_invocation *invocation)
{
	json_t *answer = NULL;
	enum cli_exit code = ringcast_admin_call(invocation, "POST", "/v1/service/letters/resend", json_object(), &answer);
	if (code == CLI_OK)
		ringcast_output_object(invocation, answer);
	json_decref(answer);
	return code;
}
