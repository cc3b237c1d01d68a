/* The routes of scripts: pushed as a zip, listed, rolled back, removed; and what a session's script said. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_routes.h"
#include "control/script_store.h"

static struct script_store *store_of(const struct http_request *request, struct http_response *response)
{
	if (!request->host->scripts)
		ringcast_http_problem(response, 409, "state", "scripts.directory is not set: there is no place to keep scripts");
	return request->host->scripts;
}

static void store_problem(struct http_response *response, enum store_result result, const char *text)
{
	static const struct {
		unsigned status;
		const char *code;
	} answers[] = {[STORE_BAD_NAME] = {400, "name"},       [STORE_BAD_PACKAGE] = {422, "package"}, [STORE_BAD_SCRIPT] = {422, "script"},
		       [STORE_NOT_FOUND] = {404, "not_found"}, [STORE_IN_USE] = {409, "in_use"},       [STORE_FAILED] = {500, "system"}};
	ringcast_assert((size_t)result < ARRAY_COUNT(answers) && answers[result].status);
	ringcast_http_problem(response, answers[result].status, answers[result].code, "%s", text);
}

void ringcast_http_scripts_list(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	if (store)
		ringcast_http_reply(response, 200, json_pack("{s:o}", "scripts", ringcast_script_store_list(store)));
}

void ringcast_http_script_versions(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	json_t *versions = store ? ringcast_script_store_versions(store, request->parameters[0]) : NULL;
	if (!store)
		return;
	if (versions)
		ringcast_http_reply(response, 200, json_pack("{s:s, s:o}", "name", request->parameters[0], "versions", versions));
	else
		ringcast_http_problem(response, 404, "not_found", "there is no script '%s'", request->parameters[0]);
}

void ringcast_http_script_files(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	const char *name = request->parameters[0], *version = request->parameters[1];
	json_t *files = store ? ringcast_script_store_files(store, name, version) : NULL;
	if (files)
		ringcast_http_reply(response, 200, files);
	else if (store)
		ringcast_http_problem(response, 404, "not_found", "there is no version '%s' of a script '%s'", version, name);
}

void ringcast_http_script_push(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	struct config_error error;
	ringcast_script_info info;
	if (!store)
		return;
	const struct script_push push = {
		.name = request->parameters[0],
		.main = ringcast_http_query(request, "main"),
		.zip = request->bytes ? request->bytes : "",
		.zip_size = request->byte_count,
	};
	enum store_result result = ringcast_script_store_push(store, &push, &info, &error);
	if (result != STORE_OK) {
		store_problem(response, result, error.text);
		return;
	}
	snprintf(response->location, sizeof(response->location), "/v1/scripts/%s", info.name);
	ringcast_http_reply(response, 201, ringcast_script_store_describe(&info));
}

void ringcast_http_script_rollback(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	const char *version = NULL;
	struct config_error error;
	ringcast_script_info info;
	const struct body_field fields[] = {
		{.name = "version", .type = BODY_STRING, .target = &version, .max = RINGCAST_SCRIPT_VERSION_BYTES - 1}};
	if (!store || !ringcast_http_body_read(request, fields, ARRAY_COUNT(fields), NULL, response))
		return;
	enum store_result result = ringcast_script_store_rollback(store, request->parameters[0], version, &info, &error);
	if (result == STORE_OK)
		ringcast_http_reply(response, 200, ringcast_script_store_describe(&info));
	else
		store_problem(response, result, error.text);
}

void ringcast_http_script_remove(struct http_request *request, struct http_response *response)
{
	struct script_store *store = store_of(request, response);
	struct config_error error;
	if (!store)
		return;
	enum store_result result = ringcast_script_store_remove(store, request->parameters[0], &error);
	if (result == STORE_OK)
		ringcast_http_reply(response, 200, json_pack("{s:s, s:s}", "name", request->parameters[0], "state", "removed"));
	else
		store_problem(response, result, error.text);
}

static void add_line(void *context, uint64_t at_ns, const char *level, const char *text, size_t text_bytes)
{
	json_array_append_new(context,
			      json_pack("{s:o, s:s, s:o}", "at", ringcast_http_time_at(at_ns), "level", level, "text",
					ringcast_http_text(text, text_bytes)));
}

/* A session that runs no script has a log too: an empty one. */
static int read_log(const struct http_request *request, json_t *lines, uint64_t *ret_lost_count)
{
	ringcast_session_info info;
	int error = ringcast_session_log_read(request->host->engine, request->parameters[0], add_line, lines, ret_lost_count);
	return error == RINGCAST_ERROR_NOT_FOUND ? ringcast_session_describe(request->host->engine, request->parameters[0], &info) : error;
}

void ringcast_http_session_log(struct http_request *request, struct http_response *response)
{
	uint64_t lost_count = 0;
	json_t *lines = json_array();
	int error = read_log(request, lines, &lost_count);
	if (error == RINGCAST_OK) {
		ringcast_http_reply(response, 200,
				    json_pack("{s:s, s:o, s:I}", "session_id", request->parameters[0], "lines", lines, "lost_count",
					      (json_int_t)lost_count));
		return;
	}
	json_decref(lines);
	ringcast_http_engine_problem(response, error, request->parameters[0]);
}
