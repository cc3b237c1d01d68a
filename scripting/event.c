#include "scripting/event.h"

#include <jansson.h>

/* By the same library that reads it again at the other end, so that what is taken here is not lost there. */
static bool is_whole(struct view json)
{
	json_t *value = json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY, NULL);
	json_decref(value);
	return value != NULL;
}

static enum drop_reason check(struct session *session, struct view json)
{
	if (json.size > 0 && is_whole(json))
		return DROP_NONE;
	session->drops++;
	return DROP_EVENT_INVALID;
}

enum drop_reason ringcast_script_emit(struct session *session, const char *name, struct view json, uint64_t now_ns)
{
	enum drop_reason reason = ringcast_backend_admit_event(session, name, json.size, now_ns);
	reason = reason != DROP_NONE ? reason : check(session, json);
	if (reason == DROP_NONE)
		ringcast_backend_tell_event(session, name, json);
	return reason;
}

enum drop_reason ringcast_script_ask(struct session *session, uint32_t number, struct view json, uint64_t now_ns)
{
	enum drop_reason reason = ringcast_backend_admit_question(session, json.size, now_ns);
	reason = reason != DROP_NONE ? reason : check(session, json);
	return reason != DROP_NONE ? reason : ringcast_command_ask(session, number, json);
}
