#include "service/model/fleet_event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EVENT_ID_BYTES = 192 };

bool ringcast_fleet_event_is_of(const struct record *event, const char *fleet_id)
{
	size_t size = strlen(fleet_id);
	return strncmp(event->id, fleet_id, size) == 0 && event->id[size] == '/';
}

static const struct record *first_of(const struct model *model, const char *fleet_id)
{
	char before[EVENT_ID_BYTES];
	snprintf(before, sizeof(before), "%s/", fleet_id);
	const struct record *first = ringcast_records_next(&model->records, RECORD_EVENT, before);
	return first != NULL && ringcast_fleet_event_is_of(first, fleet_id) ? first : NULL;
}

/* *ret_last: the newest one; NULL: none. */
static size_t count_of(const struct model *model, const char *fleet_id, const struct record **ret_last)
{
	size_t count = 0;
	*ret_last = NULL;
	for (const struct record *event = first_of(model, fleet_id); event != NULL && ringcast_fleet_event_is_of(event, fleet_id);
	     event = ringcast_records_next(&model->records, RECORD_EVENT, event->id)) {
		*ret_last = event;
		count++;
	}
	return count;
}

static bool has_text(const json_t *event, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(event, name));
	return value != NULL && strcmp(value, text) == 0;
}

/* The same again counts up, so that a crash loop does not push everything else out. */
static bool is_repeated(struct model *model, const struct record *last, const char *code, const char *message)
{
	if (last == NULL || !has_text(last->document, "EventCode", code) || !has_text(last->document, "Message", message))
		return false;
	char id[EVENT_ID_BYTES];
	json_t *again = json_copy(last->document);
	json_int_t count = json_integer_value(json_object_get(last->document, "Count"));
	snprintf(id, sizeof(id), "%s", last->id);
	json_object_set_new(again, "Count", json_integer(count + 1));
	json_object_set_new(again, "EventTime", ringcast_model_time(model->now_ms));
	if (again == NULL || !ringcast_records_put(&model->records, RECORD_EVENT, id, again))
		model->events_lost_count++;
	return true;
}

/* ids are copied before the record that holds them goes */
static bool remove_first(struct model *model, const char *fleet_id)
{
	char id[EVENT_ID_BYTES];
	const struct record *first = first_of(model, fleet_id);
	if (first == NULL)
		return false;
	snprintf(id, sizeof(id), "%s", first->id);
	return ringcast_records_remove(&model->records, RECORD_EVENT, id);
}

/* A moment that no other event of the fleet has, also when the clock was set back. */
static void new_id(struct model *model, const char *fleet_id, char ret_id[EVENT_ID_BYTES])
{
	int64_t moment = model->now_ms * 1000;
	model->event_moment = moment > model->event_moment ? moment : model->event_moment + 1;
	for (;; model->event_moment++) {
		snprintf(ret_id, EVENT_ID_BYTES, "%s/%020" PRId64, fleet_id, model->event_moment);
		if (ringcast_records_find(&model->records, RECORD_EVENT, ret_id) == NULL)
			return;
	}
}

static json_t *event_new(struct model *model, const char *fleet_id, const char *code, const char *message)
{
	char id[MODEL_ID_BYTES];
	ringcast_model_new_id(model, "", id);
	json_t *text = json_string(message); /* NULL where it was cut in the middle of a character */
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:i}", "EventId", id, "ResourceId", fleet_id, "EventCode", code, "Message",
			 text != NULL ? text : json_string("the message is not UTF-8"), "EventTime", ringcast_model_time(model->now_ms), "Count", 1);
}

void ringcast_fleet_event_note(struct model *model, const char *fleet_id, const char *code, const char *format, ...)
{
	char message[FLEET_EVENT_MESSAGE_BYTES], id[EVENT_ID_BYTES];
	va_list arguments;
	if (ringcast_records_find(&model->records, RECORD_FLEET, fleet_id) == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	const struct record *last;
	size_t count = count_of(model, fleet_id, &last);
	if (is_repeated(model, last, code, message))
		return;
	while (count >= model->settings.fleet_events_max && remove_first(model, fleet_id))
		count--;
	new_id(model, fleet_id, id);
	json_t *event = event_new(model, fleet_id, code, message);
	if (event == NULL || !ringcast_records_put(&model->records, RECORD_EVENT, id, event))
		model->events_lost_count++;
}

void ringcast_fleet_event_note_script(struct model *model, const char *script_id, const char *code, const char *text)
{
	const struct record *fleet = ringcast_records_next(&model->records, RECORD_FLEET, "");
	for (; fleet != NULL; fleet = ringcast_records_next(&model->records, RECORD_FLEET, fleet->id)) {
		const char *runs = json_string_value(json_object_get(fleet->document, "ScriptId"));
		if (runs != NULL && strcmp(runs, script_id) == 0)
			ringcast_fleet_event_note(model, fleet->id, code, "%s", text);
	}
}

void ringcast_fleet_events_remove(struct model *model, const char *fleet_id)
{
	while (remove_first(model, fleet_id))
		;
}
