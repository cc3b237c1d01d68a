/* What happened to a fleet, as the API shows it. */
#include "service/model/fleet_event.h"
#include "service/operations/fleet_parts.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static bool is_in_time(const struct request *request, const json_t *event)
{
	double at = json_number_value(json_object_get(event, "EventTime"));
	return (!ringcast_request_has(request, "StartTime") || at >= json_number_value(json_object_get(request->input, "StartTime"))) &&
	       (!ringcast_request_has(request, "EndTime") || at <= json_number_value(json_object_get(request->input, "EndTime")));
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	const char *fleet_id = ringcast_model_id_of(ringcast_request_text(request, "FleetId"), "fleet");
	return ringcast_fleet_event_is_of(record, fleet_id) && is_in_time(request, record->document) ? json_incref(record->document) : NULL;
}

void ringcast_operation_DescribeFleetEvents(struct model *model, struct request *request)
{
	const char *id;
	if (ringcast_fleet_record(model, request, &id) != NULL)
		ringcast_page_records(model, request, RECORD_EVENT, "Events", show);
}
