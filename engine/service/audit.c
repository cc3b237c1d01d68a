#include "service/audit.h"

#include <ctype.h>
#include <string.h>

#include "base/log.h"

enum { NAME_BYTES = 320 };

static const char *const id_members[] = {"GameSessionId", "AliasId", "FleetId", "ScriptId", "LocationName", "ResourceARN", "Name"};

static const char *id_in(const json_t *object)
{
	for (size_t i = 0; i < ARRAY_COUNT(id_members); i++) {
		const char *text = json_string_value(json_object_get(object, id_members[i]));
		if (text != NULL)
			return text;
	}
	return NULL;
}

/* What was made says its id in the answer, one level down; what is there already in the question. */
static const char *resource_of(const struct request *request)
{
	const char *key, *id = id_in(request->input);
	json_t *value;
	json_object_foreach(request->output, key, value)
		if (json_is_object(value) && id_in(value) != NULL)
			return id_in(value);
	return id != NULL ? id : "";
}

/* A caller's text as the value of a field: nothing in it ends the field or the line. */
static void plain(const char *text, char ret_plain[NAME_BYTES])
{
	size_t used = 0;
	for (; *text != '\0' && used < NAME_BYTES - 1; text++)
		ret_plain[used++] = isalnum((unsigned char)*text) || strchr(":/._-+@", *text) != NULL ? *text : '?';
	ret_plain[used] = '\0';
}

void ringcast_audit(const struct audit_sink *sink, const struct request *request, const char *request_id)
{
	char resource[NAME_BYTES], caller[NAME_BYTES];
	const struct operation *operation = request->operation;
	if (operation == NULL || operation->run == NULL || operation->role == ROLE_READER)
		return;
	bool is_frequent = strncmp(operation->name, "CreatePlayerSession", strlen("CreatePlayerSession")) == 0;
	plain(resource_of(request), resource);
	plain(*request->caller != '\0' ? request->caller : "anybody", caller);
	const char *about = *resource != '\0' ? resource : "none", *result = request->fault == FAULT_NONE ? "done" : ringcast_fault_type(request->fault);
	ringcast_log(is_frequent ? LOG_DEBUG : LOG_INFO, "service", "change", "operation=%s key=%s resource=%s result=%s request=%s", operation->name, caller, about, result,
		     request_id);
	bool is_traffic = operation->role != ROLE_OPERATOR || request->fault == FAULT_UNAUTHORIZED;
	if (sink->told != NULL && !is_frequent)
		sink->told(sink->context, caller, operation->name, about, result, is_traffic);
}
