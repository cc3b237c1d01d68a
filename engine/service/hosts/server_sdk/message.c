#include "service/hosts/server_sdk/message.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

static const char *const action_names[] = {
#define X(name) #name,
	SDK_ACTIONS(X)
#undef X
};

static enum sdk_action action_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(action_names); i++)
		if (strcmp(action_names[i], name) == 0)
			return (enum sdk_action)i;
	return SDK_ACTION_UNKNOWN;
}

static const char *text_of(const json_t *body, const char *name, size_t bytes_max)
{
	const json_t *value = json_object_get(body, name);
	const char *text = json_string_value(value);
	return text != NULL && json_string_length(value) < bytes_max ? text : "";
}

bool ringcast_sdk_message_read(const char *bytes, size_t size, struct sdk_message *ret_message, char problem[SDK_PROBLEM_BYTES])
{
	json_error_t error;
	struct sdk_message message = {.body = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error)};
	if (message.body == NULL) {
		snprintf(problem, SDK_PROBLEM_BYTES, "no JSON: line %d, column %d: %.120s", error.line, error.column, error.text);
		return false;
	}
	message.name = text_of(message.body, "Action", SDK_REQUEST_ID_BYTES);
	message.request_id = text_of(message.body, "RequestId", SDK_REQUEST_ID_BYTES);
	message.action = action_of(message.name);
	if (*message.name != '\0' && *message.request_id != '\0') {
		*ret_message = message;
		return true;
	}
	snprintf(problem, SDK_PROBLEM_BYTES, "%s", *message.name == '\0' ? "no object with an Action" : "no RequestId of 1 to 128 bytes, so nothing could answer it");
	json_decref(message.body);
	return false;
}

void ringcast_sdk_message_free(struct sdk_message *message)
{
	json_decref(message->body);
	*message = (struct sdk_message){0};
}

const char *ringcast_sdk_message_text(const struct sdk_message *message, const char *name)
{
	return text_of(message->body, name, SDK_TEXT_BYTES_MAX);
}

json_int_t ringcast_sdk_message_number(const struct sdk_message *message, const char *name, json_int_t otherwise)
{
	const json_t *value = json_object_get(message->body, name);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool ringcast_sdk_message_flag(const struct sdk_message *message, const char *name)
{
	return json_is_true(json_object_get(message->body, name));
}

static char *dump(json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

char *ringcast_sdk_message_answer(const struct sdk_message *message, json_t *result)
{
	json_t *answer = json_pack("{s:s, s:s, s:i}", "Action", message->name, "RequestId", message->request_id, "StatusCode", 200);
	if (result != NULL && answer != NULL)
		json_object_update(answer, result);
	json_decref(result);
	return dump(answer);
}

char *ringcast_sdk_message_refuse(const struct sdk_message *message, unsigned status, const char *text)
{
	return dump(json_pack("{s:s, s:s, s:i, s:s}", "Action", message->name, "RequestId", message->request_id, "StatusCode", (int)status, "ErrorMessage",
			      text));
}

char *ringcast_sdk_message_push(const char *action, json_t *members)
{
	if (members != NULL && json_object_set_new(members, "Action", json_string(action)) != 0) {
		json_decref(members);
		return NULL;
	}
	return dump(members);
}
