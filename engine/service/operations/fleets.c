/*
 * Fleets. On bare metal a fleet groups hosts that are there already, so it is ACTIVE as soon as it is made: nothing is downloaded, and no
 * machine is started. What names things of a cloud (instance types, VPCs, roles) is kept and shown again, and changes nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/model/fleet_event.h"
#include "service/operations/change.h"
#include "service/operations/fleet_parts.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"
#include "service/operations/runtime.h"

static const char *const members[] = {"Name", "Description", "NewGameSessionProtectionPolicy", "ResourceCreationLimitPolicy", "MetricGroups",
				      "AnywhereConfiguration", NULL};
static const char *const members_at_first[] = {"BuildId", "ScriptId", "ServerLaunchPath", "ServerLaunchParameters", "LogPaths", "FleetType",
					       "InstanceRoleArn", "CertificateConfiguration", "ComputeType", "RuntimeConfiguration", NULL};

static const char *script_of(struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "ScriptId"), "script");
}

static const char *build_of(struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "BuildId"), "build");
}

static bool is_content_right(struct model *model, struct request *request)
{
	const char *script = script_of(request), *build = build_of(request);
	if (*script != '\0' && *build != '\0')
		ringcast_request_refuse(request, FAULT_INVALID, "a fleet runs a script or a build, not both");
	else if (*script != '\0' && ringcast_records_find(&model->records, RECORD_SCRIPT, script) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no script %s", script);
	else if (*build != '\0' && ringcast_records_find(&model->records, RECORD_BUILD, build) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no build %s", build);
	else if (*build != '\0' && strcmp(ringcast_request_text(request, "ComputeType"), "ANYWHERE") == 0)
		ringcast_request_refuse(request, FAULT_INVALID, "ComputeType: an ANYWHERE fleet has no build; its computes start their game servers themselves");
	else if (*build != '\0')
		ringcast_runtime_is_right(request, json_object_get(request->input, "RuntimeConfiguration"));
	return !request->is_answered;
}

static bool are_locations_right(struct model *model, struct request *request)
{
	size_t i;
	json_t *location;
	json_array_foreach(json_object_get(request->input, "Locations"), i, location) {
		const char *name = json_string_value(json_object_get(location, "Location"));
		if (strncmp(name, "custom-", 7) == 0 && ringcast_records_find(&model->records, RECORD_LOCATION, name) == NULL) {
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "Locations[%zu]: there is no location %s; CreateLocation makes one", i, name);
			return false;
		}
	}
	return true;
}

static json_t *states_of(const json_t *locations)
{
	json_t *states = json_array(), *location;
	size_t i;
	json_array_foreach(locations, i, location)
		json_array_append_new(states, json_pack("{s:O, s:s}", "Location", json_object_get(location, "Location"), "Status", "ACTIVE"));
	return states;
}

/* Ids in the record are plain, whatever form they were given in; ARNs are shown beside them. */
static void put_content(struct model *model, json_t *fleet, const char *resource, const char *id_name, const char *arn_name, const char *id)
{
	char arn[MODEL_ARN_BYTES];
	if (*id == '\0')
		return;
	ringcast_model_arn(model, resource, id, arn);
	json_object_set_new(fleet, id_name, json_string(id));
	json_object_set_new(fleet, arn_name, json_string(arn));
}

static json_t *fleet_new(struct model *model, struct request *request, const char *id, const char *arn)
{
	json_t *first = ringcast_change_merge(NULL, request, members_at_first), *fleet = ringcast_change_merge(first, request, members);
	json_decref(first);
	json_object_set_new(fleet, "FleetId", json_string(id));
	json_object_set_new(fleet, "FleetArn", json_string(arn));
	json_object_set_new(fleet, "Status", json_string("ACTIVE"));
	json_object_set_new(fleet, "CreationTime", ringcast_model_time(model->now_ms));
	put_content(model, fleet, "script", "ScriptId", "ScriptArn", script_of(request));
	put_content(model, fleet, "build", "BuildId", "BuildArn", build_of(request));
	json_object_set_new(fleet, "Locations", states_of(json_object_get(request->input, "Locations")));
	return fleet;
}

/* What DescribeFleetAttributes shows: not what has operations of its own. */
static json_t *attributes_of(const json_t *fleet)
{
	json_t *attributes = json_copy((json_t *)fleet);
	json_object_del(attributes, "Locations");
	json_object_del(attributes, "RuntimeConfiguration");
	json_object_del(attributes, "Capacity");
	json_object_del(attributes, "InboundPermissions");
	return attributes;
}

void ringcast_operation_CreateFleet(struct model *model, struct request *request)
{
	char id[MODEL_ID_BYTES], arn[MODEL_ARN_BYTES];
	if (!is_content_right(model, request) || !are_locations_right(model, request))
		return;
	ringcast_model_new_id(model, "fleet-", id);
	ringcast_model_arn(model, "fleet", id, arn);
	if (!ringcast_change_tags(model, request, arn))
		return;
	json_t *fleet = fleet_new(model, request, id, arn);
	ringcast_change_put(model, request, RECORD_FLEET, id, fleet,
			    json_pack("{s:o, s:O}", "FleetAttributes", attributes_of(fleet), "LocationStates", json_object_get(fleet, "Locations")));
	ringcast_fleet_event_note(model, id, "FLEET_CREATED", "the fleet was made");
	ringcast_fleet_event_note(model, id, "FLEET_STATE_ACTIVE", "the fleet is active: its hosts are there already");
}

void ringcast_operation_UpdateFleetAttributes(struct model *model, struct request *request)
{
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	if (ringcast_request_has(request, "NewGameSessionProtectionPolicy"))
		ringcast_fleet_event_note(model, id, "FLEET_NEW_GAME_SESSION_PROTECTION_POLICY_UPDATED", "sessions that begin now have %s",
					  ringcast_request_text(request, "NewGameSessionProtectionPolicy"));
	ringcast_change_put(model, request, RECORD_FLEET, id, ringcast_change_merge(fleet, request, members), ringcast_fleet_name(fleet));
}

static bool remove_computes(struct model *model, struct request *request, const char *fleet_id)
{
	char last[PAGE_BEHIND_BYTES], first[PAGE_BEHIND_BYTES];
	snprintf(first, sizeof(first), "%.128s/", fleet_id);
	snprintf(last, sizeof(last), "%s", first);
	const struct record *compute;
	while ((compute = ringcast_records_next(&model->records, RECORD_COMPUTE, last)) != NULL && strncmp(compute->id, first, strlen(first)) == 0) {
		snprintf(last, sizeof(last), "%s", compute->id);
		if (!ringcast_records_remove(&model->records, RECORD_COMPUTE, last)) {
			ringcast_request_refuse_memory(request);
			return false;
		}
	}
	return true;
}

void ringcast_operation_DeleteFleet(struct model *model, struct request *request)
{
	const char *id;
	if (ringcast_fleet_record(model, request, &id) == NULL)
		return;
	struct fleet_use use = ringcast_fleet_use(model, id, NULL);
	if (use.session_count > 0)
		ringcast_request_refuse(request, FAULT_FLEET_STATUS, "the fleet runs %zu sessions; terminate them first", use.session_count);
	else if (remove_computes(model, request, id)) {
		ringcast_fleet_events_remove(model, id);
		ringcast_change_remove(model, request, RECORD_FLEET, id);
	}
}

/* Where FleetIds are given, only those; an id that is not there is left out, as with the vendor. */
static bool is_named(const struct request *request, const struct record *record)
{
	size_t i;
	json_t *id, *ids = json_object_get(request->input, "FleetIds");
	json_array_foreach(ids, i, id)
		if (strcmp(ringcast_model_id_of(json_string_value(id), "fleet"), record->id) == 0)
			return true;
	return json_array_size(ids) == 0;
}

static json_t *show_attributes(struct model *model, const struct request *request, const struct record *record)
{
	return is_named(request, record) ? attributes_of(record->document) : NULL;
}

void ringcast_operation_DescribeFleetAttributes(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_FLEET, "FleetAttributes", show_attributes);
}

static json_t *show_id(struct model *model, const struct request *request, const struct record *record)
{
	const char *script = ringcast_model_id_of(ringcast_request_text(request, "ScriptId"), "script");
	const char *build = ringcast_model_id_of(ringcast_request_text(request, "BuildId"), "build");
	const char *has_script = json_string_value(json_object_get(record->document, "ScriptId"));
	const char *has_build = json_string_value(json_object_get(record->document, "BuildId"));
	bool is_wished = (*script == '\0' || (has_script != NULL && strcmp(script, has_script) == 0)) &&
			 (*build == '\0' || (has_build != NULL && strcmp(build, has_build) == 0));
	return is_wished ? json_string(record->id) : NULL;
}

void ringcast_operation_ListFleets(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_FLEET, "FleetIds", show_id);
}

static json_t *show_capacity(struct model *model, const struct request *request, const struct record *record)
{
	return is_named(request, record) ? ringcast_fleet_capacity(model, record->document, NULL) : NULL;
}

void ringcast_operation_DescribeFleetCapacity(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_FLEET, "FleetCapacity", show_capacity);
}

static json_t *show_utilization(struct model *model, const struct request *request, const struct record *record)
{
	return is_named(request, record) ? ringcast_fleet_utilization(model, record->document, NULL) : NULL;
}

void ringcast_operation_DescribeFleetUtilization(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_FLEET, "FleetUtilization", show_utilization);
}

void ringcast_operation_DescribeRuntimeConfiguration(struct model *model, struct request *request)
{
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	json_t *configuration = json_object_get(fleet, "RuntimeConfiguration");
	ringcast_request_answer_with(request, "RuntimeConfiguration", configuration != NULL ? json_incref(configuration) : json_object());
}
