/* Custom locations: names for places, which hosts and fleets refer to. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

void ringcast_operation_CreateLocation(struct model *model, struct request *request)
{
	const char *name = ringcast_request_text(request, "LocationName");
	char arn[MODEL_ARN_BYTES];
	if (ringcast_records_find(&model->records, RECORD_LOCATION, name) != NULL) {
		ringcast_request_refuse(request, FAULT_CONFLICT, "the location %s is there already", name);
		return;
	}
	ringcast_model_arn(model, "location", name, arn);
	if (!ringcast_change_tags(model, request, arn))
		return;
	json_t *location = json_pack("{s:s, s:s}", "LocationName", name, "LocationArn", arn);
	ringcast_change_put(model, request, RECORD_LOCATION, name, location, json_pack("{s:O}", "Location", location));
}

/* A location that a fleet names must stay. */
static const char *user_of(struct model *model, const char *name)
{
	size_t i;
	json_t *state;
	const struct record *fleet = ringcast_records_next(&model->records, RECORD_FLEET, "");
	for (; fleet != NULL; fleet = ringcast_records_next(&model->records, RECORD_FLEET, fleet->id))
		json_array_foreach(json_object_get(fleet->document, "Locations"), i, state)
			if (strcmp(json_string_value(json_object_get(state, "Location")), name) == 0)
				return fleet->id;
	return NULL;
}

void ringcast_operation_DeleteLocation(struct model *model, struct request *request)
{
	const char *name = ringcast_model_id_of(ringcast_request_text(request, "LocationName"), "location");
	bool is_there = ringcast_records_find(&model->records, RECORD_LOCATION, name) != NULL;
	const char *fleet = is_there ? user_of(model, name) : NULL; /* the refusal of one that is not there rests on no fleet */
	if (!is_there)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no location %s", name);
	else if (fleet != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "the location %s belongs to %s; remove it there first", name, fleet);
	else
		ringcast_change_remove(model, request, RECORD_LOCATION, name);
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	size_t i;
	json_t *filter, *filters = json_object_get(request->input, "Filters");
	bool is_wished = json_array_size(filters) == 0;
	json_array_foreach(filters, i, filter)
		is_wished = is_wished || strcmp(json_string_value(filter), "CUSTOM") == 0;
	return is_wished ? json_incref(record->document) : NULL;
}

void ringcast_operation_ListLocations(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_LOCATION, "Locations", show);
}
