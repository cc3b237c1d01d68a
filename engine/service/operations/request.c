#include "service/operations/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

void ringcast_request_answer(struct request *request, json_t *output)
{
	ringcast_assert(!request->is_answered);
	if (output == NULL) {
		ringcast_request_refuse_memory(request);
		return;
	}
	request->output = output;
	request->is_answered = true;
}

void ringcast_request_answer_with(struct request *request, const char *name, json_t *value)
{
	json_t *output = json_object();
	if (json_object_set_new(output, name, value) != 0) {
		json_decref(output);
		output = NULL;
	}
	ringcast_request_answer(request, output);
}

void ringcast_request_refuse(struct request *request, enum fault fault, const char *format, ...)
{
	va_list arguments;
	ringcast_assert(!request->is_answered && fault != FAULT_NONE);
	va_start(arguments, format);
	vsnprintf(request->message, sizeof(request->message), format, arguments);
	va_end(arguments);
	request->fault = fault;
	request->is_answered = true;
}

void ringcast_request_refuse_memory(struct request *request)
{
	ringcast_request_refuse(request, FAULT_INTERNAL, "out of memory; nothing has changed");
}

const char *ringcast_request_text(const struct request *request, const char *name)
{
	const char *text = json_string_value(json_object_get(request->input, name));
	return text != NULL ? text : "";
}

bool ringcast_request_has(const struct request *request, const char *name)
{
	const json_t *value = json_object_get(request->input, name);
	return value != NULL && !json_is_null(value);
}

int64_t ringcast_request_number(const struct request *request, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(request->input, name);
	return json_is_number(value) ? (int64_t)json_number_value(value) : otherwise;
}

bool ringcast_request_player_fits(struct request *request, const char *place, const char *id, const char *data)
{
	size_t bytes = strlen(id), data_bytes = data != NULL ? strlen(data) : 0;
	if (bytes > HOST_PLAYER_ID_BYTES_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "%s: the player's id has %zu bytes, at most %d are allowed", place, bytes, HOST_PLAYER_ID_BYTES_MAX);
	else if (data_bytes > HOST_PLAYER_DATA_BYTES_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "%s: the player's data has %zu bytes, at most %d are allowed", place, data_bytes,
					HOST_PLAYER_DATA_BYTES_MAX);
	return !request->is_answered;
}

void ringcast_request_join(struct request *request, struct host_call *call)
{
	request->call = call;
	request->next_waiting = call->request;
	call->request = request;
}

static struct host_call *call_new(struct model *model, struct request *request, enum host_call_kind kind, const char *key)
{
	struct host_call *call = ringcast_host_call_create(kind);
	if (call != NULL)
		call->key = strdup(key);
	if (call == NULL || call->key == NULL) {
		ringcast_host_call_destroy(&call);
		if (request != NULL)
			ringcast_request_refuse_memory(request);
		return NULL;
	}
	if (request != NULL)
		ringcast_request_join(request, call);
	ringcast_list_add_tail(&model->calls, &call->node);
	return call;
}

struct host_call *ringcast_request_call(struct model *model, struct request *request, enum host_call_kind kind,
					const struct game_session *session, void (*answered)(struct model *, struct host_call *))
{
	struct host_call *call = call_new(model, request, kind, session->key);
	if (call == NULL)
		return NULL;
	memcpy(call->session, session->host_session, sizeof(call->session));
	call->host = session->host;
	call->answered = answered;
	return call;
}

struct host_call *ringcast_request_call_script(struct model *model, struct request *request, enum host_call_kind kind, const char *script_id,
					       void (*answered)(struct model *, struct host_call *))
{
	struct host_call *call = call_new(model, request, kind, script_id);
	if (call == NULL)
		return NULL;
	call->answered = answered;
	call->script = strdup(script_id);
	if (call->script != NULL)
		return call;
	ringcast_request_call_drop(request, call);
	return NULL;
}

void ringcast_request_call_drop(struct request *request, struct host_call *call)
{
	ringcast_list_remove(&call->node);
	ringcast_host_call_destroy(&call);
	if (request == NULL)
		return;
	request->call = NULL;
	ringcast_request_refuse_memory(request);
}

void ringcast_request_run(struct model *model, struct request *request)
{
	char problem[SHAPE_PROBLEM_BYTES];
	const struct operation *operation = request->operation;
	if (request->role < operation->role)
		ringcast_request_refuse(request, FAULT_UNAUTHORIZED, "this key's role may not call %s", operation->name);
	else if (operation->run == NULL)
		ringcast_request_refuse(request, FAULT_UNSUPPORTED, "%s: %s", operation->name, operation->text);
	else if (operation->input != SHAPE_ID_NONE && !ringcast_shape_check(operation->input, request->input, problem))
		ringcast_request_refuse(request, FAULT_INVALID, "%s", problem);
	else if (operation->input != SHAPE_ID_NONE && !ringcast_shape_tidy(operation->input, request->input))
		ringcast_request_refuse_memory(request);
	else
		operation->run(model, request);
}
