#include "tools/ringcast/admin.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ringcast/admin_client.h"

enum { UPLOAD_SECONDS = 60 };

const char *ringcast_admin_url(const struct cli_invocation *invocation)
{
	const char *from_environment = getenv("RINGCAST_ADMIN");
	return ringcast_cli_value(invocation, CLI_OPTION_ADMIN, from_environment && *from_environment ? from_environment : "http://127.0.0.1:9080");
}

bool ringcast_admin_escape(const char *text, char *out, size_t out_bytes)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	size_t used = 0;
	for (; *text; text++) {
		if (used + 4 > out_bytes)
			return false;
		used += (size_t)snprintf(out + used, out_bytes - used, strchr(plain, *text) ? "%c" : "%%%02X", (unsigned char)*text);
	}
	out[used] = '\0';
	return true;
}

static enum cli_exit exit_of(enum admin_result result, int status)
{
	if (result == ADMIN_TIMEOUT)
		return CLI_TIMEOUT;
	if (result == ADMIN_BAD_URL || result == ADMIN_BAD_TOKEN || result == ADMIN_BAD_FILE)
		return CLI_USAGE;
	if (result != ADMIN_OK)
		return CLI_FAILURE;
	if (status == 404)
		return CLI_NOT_FOUND;
	if (status == 504)
		return CLI_TIMEOUT;
	return status >= 200 && status < 300 ? CLI_OK : CLI_FAILURE;
}

static const char *text_of(enum admin_result result)
{
	switch (result) {
	case ADMIN_BAD_URL:
		return "not an http://host:port, https://host:port or unix:/path";
	case ADMIN_UNREACHABLE:
		return "nothing answers there; is ringcastd running?";
	case ADMIN_TIMEOUT:
		return "no answer in time";
	case ADMIN_BAD_TOKEN:
		return "the token file cannot be read or is empty";
	case ADMIN_BAD_FILE:
		return "the certificate, its key or the CA cannot be read, or do not belong together";
	case ADMIN_UNTRUSTED:
		return "its certificate is not trusted, is for another name or has expired; --admin-ca names the CA";
	case ADMIN_BAD_HANDSHAKE:
		return "TLS did not come about; does the server speak it there (admin.tls_certificate)?";
	case ADMIN_BAD_ANSWER:
	case ADMIN_OK:
		break;
	}
	return "the answer is not the admin API's";
}

/* Who asks, by the files that the command line names. */
static struct admin_body asked_by(const struct cli_invocation *invocation, const char *type, const void *bytes, size_t size)
{
	return (struct admin_body){.type = type,
				   .bytes = bytes,
				   .size = size,
				   .token_file = ringcast_cli_value(invocation, CLI_OPTION_TOKEN_FILE, NULL),
				   .certificate = ringcast_cli_value(invocation, CLI_OPTION_ADMIN_CERT, NULL),
				   .key = ringcast_cli_value(invocation, CLI_OPTION_ADMIN_KEY, NULL),
				   .ca = ringcast_cli_value(invocation, CLI_OPTION_ADMIN_CA, NULL)};
}

static enum admin_result request(const struct cli_invocation *invocation, const char *method, const char *path, json_t *body,
				 struct admin_answer *ret_answer)
{
	double seconds = 5;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (ringcast_cli_seconds(invocation, CLI_OPTION_TIMEOUT, &seconds) != CLI_OK)
		seconds = 5;
	const struct admin_body sent = asked_by(invocation, "application/json", text, text ? strlen(text) : 0);
	enum admin_result result = ringcast_admin_send(ringcast_admin_url(invocation), method, path, &sent, (uint32_t)(seconds * 1000), ret_answer);
	free(text);
	return result;
}

/* problem+json has a detail, a title, or both. */
static void tell_problem(const struct cli_invocation *invocation, const struct admin_answer *answer)
{
	json_t *problem = json_loadb(answer->body, answer->body_bytes, 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	ringcast_cli_error(invocation, "%s", detail ? detail : title ? title : answer->body);
	json_decref(problem);
}

/* Tells what went wrong, or hands the answer's JSON over. Takes the answer. */
static enum cli_exit conclude(const struct cli_invocation *invocation, enum admin_result result, struct admin_answer *answer, json_t **ret_json)
{
	enum cli_exit code = exit_of(result, answer->status);
	json_t *json = NULL;
	if (result != ADMIN_OK)
		ringcast_cli_error(invocation, "admin API at %s: %s", ringcast_admin_url(invocation), text_of(result));
	else if (code != CLI_OK)
		tell_problem(invocation, answer);
	else if (!(json = json_loadb(answer->body, answer->body_bytes, 0, NULL)) && ret_json)
		code = CLI_FAILURE;
	if (result == ADMIN_OK && code == CLI_FAILURE && answer->status < 300)
		ringcast_cli_error(invocation, "admin API at %s: %s", ringcast_admin_url(invocation), text_of(ADMIN_BAD_ANSWER));
	ringcast_admin_answer_fini(answer);
	if (code == CLI_OK && ret_json)
		*ret_json = json;
	else
		json_decref(json);
	return code;
}

enum cli_exit ringcast_admin_call(const struct cli_invocation *invocation, const char *method, const char *path, json_t *body, json_t **ret_json)
{
	struct admin_answer answer = {0};
	enum admin_result result = request(invocation, method, path, body, &answer);
	return conclude(invocation, result, &answer, ret_json);
}

enum cli_exit ringcast_admin_stream(const struct cli_invocation *invocation, const char *path, uint32_t seconds, ringcast_admin_take_fn *take, void *context)
{
	struct admin_answer answer = {0};
	struct admin_body asker = asked_by(invocation, NULL, NULL, 0);
	asker.take = take;
	asker.take_context = context;
	enum admin_result result = ringcast_admin_send(ringcast_admin_url(invocation), "GET", path, &asker, seconds * 1000, &answer);
	return conclude(invocation, result, &answer, NULL);
}

enum cli_exit ringcast_admin_upload(const struct cli_invocation *invocation, const char *path, const char *type, const void *bytes, size_t size,
				    json_t **ret_json)
{
	double seconds = UPLOAD_SECONDS;
	struct admin_answer answer = {0};
	const struct admin_body body = asked_by(invocation, type, bytes, size);
	enum cli_exit code = ringcast_cli_seconds(invocation, CLI_OPTION_TIMEOUT, &seconds);
	if (code != CLI_OK)
		return code;
	enum admin_result result =
		ringcast_admin_send(ringcast_admin_url(invocation), "POST", path, &body, (uint32_t)(seconds * 1000), &answer);
	return conclude(invocation, result, &answer, ret_json);
}

enum cli_exit ringcast_admin_try(const struct cli_invocation *invocation, const char *method, const char *path, json_t *body, json_t **ret_json,
				 char **ret_text)
{
	struct admin_answer answer = {0};
	enum admin_result result = request(invocation, method, path, body, &answer);
	enum cli_exit code = exit_of(result, answer.status);
	json_t *json = ret_json && code == CLI_OK ? json_loadb(answer.body, answer.body_bytes, 0, NULL) : NULL;
	char *text = ret_text && code == CLI_OK ? strndup(answer.body, answer.body_bytes) : NULL;
	if (code == CLI_OK && ((ret_json && !json) || (ret_text && !text)))
		code = CLI_FAILURE;
	ringcast_admin_answer_fini(&answer);
	if (ret_json)
		*ret_json = json;
	if (ret_text)
		*ret_text = text;
	return code;
}

static enum cli_exit find_by_name(const struct cli_invocation *invocation, const char *name, json_t **ret_session)
{
	char escaped[600], path[640];
	json_t *list = NULL;
	if (!ringcast_admin_escape(name, escaped, sizeof(escaped)))
		return CLI_NOT_FOUND;
	snprintf(path, sizeof(path), "/v1/sessions?name=%s", escaped);
	enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &list);
	if (code != CLI_OK)
		return code;
	json_t *sessions = json_object_get(list, "sessions");
	if (json_array_size(sessions) == 1) {
		*ret_session = json_incref(json_array_get(sessions, 0));
	} else if (json_array_size(sessions) == 0) {
		ringcast_cli_error(invocation, "no session has the id or name '%s'", name);
		code = CLI_NOT_FOUND;
	} else {
		ringcast_cli_error(invocation, "%zu sessions have the name '%s': give an id", json_array_size(sessions), name);
		code = CLI_FAILURE;
	}
	json_decref(list);
	return code;
}

enum cli_exit ringcast_admin_find_session(const struct cli_invocation *invocation, const char *id_or_name, json_t **ret_session)
{
	char escaped[600], path[640];
	if (ringcast_admin_escape(id_or_name, escaped, sizeof(escaped))) {
		snprintf(path, sizeof(path), "/v1/sessions/%s", escaped);
		if (ringcast_admin_try(invocation, "GET", path, NULL, ret_session, NULL) == CLI_OK)
			return CLI_OK;
	}
	return find_by_name(invocation, id_or_name, ret_session);
}
