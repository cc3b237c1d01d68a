#include "service/operations/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "service/matchmaking/matchmaking.h"
#include "service/operations/figures.h"
#include "service/operations/placing.h"
#include "service/operations/request.h"

/*
 * Of tickets more are looked at than are listed, for those that have ended are left out. To explain one costs a search, and all of this is done by the service's only thread:
 * so those of the first page are explained for as long as a hundredth of a second or so lasts, and no others; whoever wants to know more asks for one.
 */
enum { PAGE_MAX = 100, LOOKED_AT_MAX = 5000, EXPLAIN_WORK_MAX = 2000000, EVENTS_MAX = 200, REASON_BYTES = 512 };

static const char *text_in(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static json_t *reason_of(const char *text)
{
	return *text != '\0' ? json_string(text) : json_null();
}

/* fleets */

static void explain_fleet(const json_t *fleet, const struct fleet_figures *figures, char ret_reason[REASON_BYTES])
{
	const char *status = text_in(fleet, "Status");
	*ret_reason = '\0';
	if (strcmp(status, "ACTIVE") != 0)
		snprintf(ret_reason, REASON_BYTES, "it is %.40s, and only an ACTIVE fleet takes game sessions", status);
	else if (figures->available > 0)
		return;
	else if (figures->is_custom && figures->processes == 0)
		snprintf(ret_reason, REASON_BYTES, "no game server of it runs");
	else if (figures->is_custom)
		snprintf(ret_reason, REASON_BYTES, "none of its %zu game servers is free: %zu are ready, %zu are unhealthy", figures->processes, figures->ready, figures->unhealthy);
	else
		snprintf(ret_reason, REASON_BYTES, "it has no room for another game session: %zu run", figures->sessions);
}

static json_t *show_fleet(struct model *model, const struct record *record, const struct fleet_tally *tally)
{
	char reason[REASON_BYTES];
	const json_t *fleet = record->document;
	struct fleet_figures figures = ringcast_fleet_figures_with(model, fleet, tally);
	explain_fleet(fleet, &figures, reason);
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "id", record->id, "name", text_in(fleet, "Name"), "status",
			 text_in(fleet, "Status"), "is_custom", (int)figures.is_custom, "sessions", (json_int_t)figures.sessions, "activating",
			 (json_int_t)figures.activating, "players", (json_int_t)figures.players, "processes", (json_int_t)figures.processes, "available",
			 (json_int_t)figures.available, "desired", (json_int_t)figures.desired, "waiting_because", reason_of(reason));
}

static void answer_page(struct request *request, const char *name, json_t *list, const struct record *last, bool is_more)
{
	json_t *output = json_pack("{s:o}", name, list);
	if (is_more && last != NULL)
		json_object_set_new(output, "next", json_string(last->id));
	ringcast_request_answer(request, output);
}

/* The tallies lie in the order of the records. */
static void list_fleets(struct model *model, struct request *request)
{
	const char *after = ringcast_request_text(request, "After");
	struct fleet_tally *tallies = ringcast_fleet_tallies(model);
	const struct record *last = NULL, *record = ringcast_records_next(&model->records, RECORD_FLEET, "");
	json_t *list = json_array();
	size_t i = 0;
	if (tallies == NULL && record != NULL) {
		json_decref(list);
		ringcast_request_refuse_memory(request);
		return;
	}
	for (; record != NULL && json_array_size(list) < PAGE_MAX; record = ringcast_records_next(&model->records, RECORD_FLEET, record->id), i++) {
		if (strcmp(record->id, after) <= 0)
			continue;
		json_array_append_new(list, show_fleet(model, record, &tallies[i]));
		last = record;
	}
	free(tallies);
	answer_page(request, "fleets", list, last, record != NULL);
}

/* queues */

static json_t *destinations_of(const json_t *queue)
{
	size_t i;
	json_t *destination, *names = json_array();
	json_array_foreach(json_object_get(queue, "Destinations"), i, destination)
		json_array_append_new(names, json_string(text_in(destination, "DestinationArn")));
	return names;
}

static json_t *show_queue(struct model *model, const struct record *record)
{
	char reason[REASON_BYTES] = "";
	json_t *destinations = destinations_of(record->document);
	uint32_t depth = ringcast_placing_depth(model, record->id);
	size_t count = json_array_size(destinations);
	if (depth > 0 && count == 0)
		snprintf(reason, sizeof(reason), "%u placements wait, and it has no destinations: no fleet is tried", depth);
	else if (depth > 0)
		snprintf(reason, sizeof(reason), "%u placements wait for room in one of its destinations (%zu)", depth, count);
	return json_pack("{s:s, s:I, s:o?, s:o, s:o}", "name", record->id, "depth", (json_int_t)depth, "timeout_seconds",
			 json_deep_copy(json_object_get(record->document, "TimeoutInSeconds")), "destinations", destinations, "waiting_because", reason_of(reason));
}

static void list_queues(struct model *model, struct request *request)
{
	const struct record *last = NULL, *record = ringcast_records_next(&model->records, RECORD_QUEUE, ringcast_request_text(request, "After"));
	json_t *list = json_array();
	for (; record != NULL && json_array_size(list) < PAGE_MAX; record = ringcast_records_next(&model->records, RECORD_QUEUE, record->id)) {
		json_array_append_new(list, show_queue(model, record));
		last = record;
	}
	answer_page(request, "queues", list, last, record != NULL);
}

/* tickets */

static json_t *show_ticket(struct model *model, const struct record *record, uint64_t *work_left)
{
	json_t *explained = ringcast_matchmaking_explain_within(model->matchmaking, record->id, work_left);
	const char *state = text_in(explained, "state"), *answer = text_in(explained, "answer");
	json_t *waited = json_object_get(explained, "waitedSeconds");
	json_t *shown = json_pack("{s:s, s:s, s:s, s:I, s:O?, s:o, s:b}", "id", record->id, "configuration", text_in(record->document, "ConfigurationName"), "state", state,
				  "players", (json_int_t)json_array_size(json_object_get(record->document, "Players")), "waited_seconds", waited,
				  "waiting_because", reason_of(answer), "is_explained", (int)(json_object_get(explained, "isCut") == NULL));
	json_decref(explained);
	return shown;
}

static void list_tickets(struct model *model, struct request *request)
{
	const char *after = ringcast_request_text(request, "After");
	const struct record *last = NULL, *record = ringcast_records_next(&model->records, RECORD_TICKET, after);
	uint64_t work_left = *after == '\0' ? EXPLAIN_WORK_MAX : 0;
	json_t *list = json_array();
	for (size_t looked_at = 0; record != NULL && json_array_size(list) < PAGE_MAX && looked_at < LOOKED_AT_MAX; looked_at++) {
		if (ringcast_matchmaking_is_live(model->matchmaking, record->id))
			json_array_append_new(list, show_ticket(model, record, &work_left));
		last = record;
		record = ringcast_records_next(&model->records, RECORD_TICKET, record->id);
	}
	answer_page(request, "tickets", list, last, record != NULL);
}

/* events */

/* The newest so far, the oldest of them in front: a heap is not worth it for so few. */
struct newest {
	const struct record *records[EVENTS_MAX];
	size_t count;
};

static double time_of(const struct record *record)
{
	return json_number_value(json_object_get(record->document, "EventTime"));
}

static void offer(struct newest *newest, const struct record *record)
{
	size_t place = newest->count;
	if (newest->count == EVENTS_MAX && time_of(newest->records[0]) >= time_of(record))
		return;
	if (newest->count == EVENTS_MAX)
		memmove(newest->records, newest->records + 1, --place * sizeof(newest->records[0]));
	else
		newest->count++;
	while (place > 0 && time_of(newest->records[place - 1]) > time_of(record)) {
		newest->records[place] = newest->records[place - 1];
		place--;
	}
	newest->records[place] = record;
}

static void list_events(struct model *model, struct request *request)
{
	struct newest newest = {.count = 0};
	json_t *list = json_array();
	const struct record *record = ringcast_records_next(&model->records, RECORD_EVENT, "");
	for (; record != NULL; record = ringcast_records_next(&model->records, RECORD_EVENT, record->id))
		offer(&newest, record);
	while (newest.count > 0) {
		const json_t *event = newest.records[--newest.count]->document;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:I}", "fleet", text_in(event, "ResourceId"), "code", text_in(event, "EventCode"), "message",
						      text_in(event, "Message"), "at", json_number_value(json_object_get(event, "EventTime")), "count",
						      (json_int_t)json_integer_value(json_object_get(event, "Count"))));
	}
	ringcast_request_answer_with(request, "events", list);
}

const struct operation *ringcast_operation_overview(enum overview what)
{
	static const struct operation operations[OVERVIEW_COUNT] = {
		[OVERVIEW_FLEETS] = {"OverviewFleets", list_fleets, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true},
		[OVERVIEW_QUEUES] = {"OverviewQueues", list_queues, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true},
		[OVERVIEW_TICKETS] = {"OverviewTickets", list_tickets, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true},
		[OVERVIEW_EVENTS] = {"OverviewEvents", list_events, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true},
	};
	ringcast_assert(what < OVERVIEW_COUNT);
	return &operations[what];
}
