/* Admin API calls of the commands: JSON in and out, problems told on stderr and turned into exit codes. */
#ifndef RINGCAST_TOOLS_ADMIN_H
#define RINGCAST_TOOLS_ADMIN_H

#include <jansson.h>

#include "tools/ringcast/cli.h"

/* body is consumed, NULL: none. *ret_json: owned by the caller; NULL allowed if the answer does not matter. */
enum cli_exit ringcast_admin_call(const struct cli_invocation *invocation, const char *method, const char *path, json_t *body, json_t **ret_json);
/* The same, without a word on stderr, also giving a text answer (such as /metrics) when ret_text is not NULL (the caller frees). */
enum cli_exit ringcast_admin_try(const struct cli_invocation *invocation, const char *method, const char *path, json_t *body, json_t **ret_json,
				 char **ret_text);
/* POST with a body that is not JSON. Waits a minute unless --timeout says. */
enum cli_exit ringcast_admin_upload(const struct cli_invocation *invocation, const char *path, const char *type, const void *bytes, size_t size,
				    json_t **ret_json);
/* GET of an answer that comes as it happens: each piece goes to take, which says false when it wants no more. seconds: how long it may go on. */
typedef bool ringcast_admin_take_fn(void *context, const char *bytes, size_t size);
enum cli_exit ringcast_admin_stream(const struct cli_invocation *invocation, const char *path, uint32_t seconds, ringcast_admin_take_fn *take, void *context);
/* An id or a name that only one session has. */
enum cli_exit ringcast_admin_find_session(const struct cli_invocation *invocation, const char *id_or_name, json_t **ret_session);
const char *ringcast_admin_url(const struct cli_invocation *invocation);
/* Percent-encodes into out; false when it does not fit. */
bool ringcast_admin_escape(const char *text, char *out, size_t out_bytes);

#endif
