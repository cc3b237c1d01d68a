#include "scripting/event.h"

#include <jansson.h>

/* By the same library that reads it again at the other end, so that what is taken here is not lost there. */
static bool is_whole(struct view json)
{
	json_t *value = json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY, NULL);
	json_decref(value);
	return value != NULL;
}

enum drop_reason ringcast_script_emit(struct session *session, const char *name, struct view json, uint64_t now_ns)
{
	enum drop_reason reason = ringcast_backend_admit_event(session, name, json.size, now_ns);
	if (reason != DROP_NONE)
		return reason;
	if (json.size == 0 || !is_whole(json)) {
		session->drops++;
		return DROP_EVENT_INVALID;
	}
	ringcast_backend_tell_event(session, name, json);
	return DROP_NONE;
}
