/*
 * What belongs to a fleet and has operations of its own: capacity, ports, locations, what its hosts run, scaling. On bare metal the wished
 * capacity and the ports are outputs: they are kept and shown, and whoever provides machines and firewalls acts on them.
 */
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "service/model/fleet_event.h"
#include "service/operations/change.h"
#include "service/operations/fleet_parts.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"
#include "service/operations/runtime.h"

/* Puts the fleet with one member replaced; value is taken. Answers with output, taken. */
static void put_member(struct model *model, struct request *request, const char *id, const char *name, json_t *value, json_t *output)
{
	json_t *fleet = json_copy(ringcast_records_find(&model->records, RECORD_FLEET, id));
	if (json_object_set_new(fleet, name, value) != 0) {
		json_decref(fleet);
		fleet = NULL;
	}
	ringcast_change_put(model, request, RECORD_FLEET, id, fleet, output);
}

void ringcast_operation_UpdateFleetCapacity(struct model *model, struct request *request)
{
	static const char *const members[] = {"DesiredInstances", "MinSize", "MaxSize", NULL};
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	int64_t low = ringcast_request_number(request, "MinSize", 0), high = ringcast_request_number(request, "MaxSize", INT32_MAX);
	int64_t wished = ringcast_request_number(request, "DesiredInstances", low);
	if (fleet == NULL)
		return;
	if (low > wished || wished > high) {
		ringcast_request_refuse(request, FAULT_INVALID, "DesiredInstances must lie between MinSize and MaxSize");
		return;
	}
	ringcast_fleet_event_note(model, id, "FLEET_SCALING_EVENT", "the wished number of hosts was set to %" PRId64, wished);
	json_t *capacity = ringcast_change_merge(json_object_get(fleet, "Capacity"), request, members);
	json_object_del(capacity, "Reason"); /* of what was wished before */
	put_member(model, request, id, "Capacity", capacity, ringcast_fleet_name(fleet));
}

/* Ports */

static json_t *without_revoked(const json_t *permissions, const json_t *revoked)
{
	json_t *kept = json_array(), *permission, *other;
	size_t i, k;
	json_array_foreach(permissions, i, permission) {
		bool is_revoked = false;
		json_array_foreach(revoked, k, other)
			is_revoked = is_revoked || json_equal(permission, other);
		if (!is_revoked)
			json_array_append(kept, permission);
	}
	return kept;
}

void ringcast_operation_UpdateFleetPortSettings(struct model *model, struct request *request)
{
	enum { PERMISSIONS_MAX = 50 };
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	json_t *kept = without_revoked(json_object_get(fleet, "InboundPermissions"), json_object_get(request->input, "InboundPermissionRevocations"));
	json_t *added = without_revoked(json_object_get(request->input, "InboundPermissionAuthorizations"), kept);
	json_array_extend(kept, added);
	json_decref(added);
	if (json_array_size(kept) > PERMISSIONS_MAX) {
		json_decref(kept);
		ringcast_request_refuse(request, FAULT_LIMIT, "a fleet has %d inbound permissions at most", PERMISSIONS_MAX);
		return;
	}
	put_member(model, request, id, "InboundPermissions", kept, ringcast_fleet_name(fleet));
}

void ringcast_operation_DescribeFleetPortSettings(struct model *model, struct request *request)
{
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	json_t *output = ringcast_fleet_name(fleet), *permissions = json_object_get(fleet, "InboundPermissions");
	json_object_set_new(output, "InboundPermissions", permissions != NULL ? json_incref(permissions) : json_array());
	ringcast_request_answer(request, output);
}

/* Locations */

static json_t *find_location(const json_t *fleet, const char *name)
{
	size_t i;
	json_t *state;
	json_array_foreach(json_object_get(fleet, "Locations"), i, state)
		if (strcmp(json_string_value(json_object_get(state, "Location")), name) == 0)
			return state;
	return NULL;
}

static json_t *location_output(const json_t *fleet, json_t *states)
{
	json_t *output = ringcast_fleet_name(fleet);
	json_object_set_new(output, "LocationStates", states);
	return output;
}

void ringcast_operation_CreateFleetLocations(struct model *model, struct request *request)
{
	const char *id;
	size_t i;
	json_t *location, *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	json_t *states = json_copy(json_object_get(fleet, "Locations")), *added = json_array();
	json_array_foreach(json_object_get(request->input, "Locations"), i, location) {
		const char *name = json_string_value(json_object_get(location, "Location"));
		if (strncmp(name, "custom-", 7) == 0 && ringcast_records_find(&model->records, RECORD_LOCATION, name) == NULL)
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no location %s; CreateLocation makes one", name);
		else if (find_location(fleet, name) != NULL)
			ringcast_request_refuse(request, FAULT_CONFLICT, "the fleet has the location %s already", name);
		if (request->is_answered)
			break;
		json_array_append_new(added, json_pack("{s:s, s:s}", "Location", name, "Status", "ACTIVE"));
	}
	if (request->is_answered) {
		json_decref(states);
		json_decref(added);
		return;
	}
	json_array_extend(states, added);
	put_member(model, request, id, "Locations", states, location_output(fleet, added));
}

static bool may_remove(struct model *model, struct request *request, const char *id, const json_t *fleet)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(request->input, "Locations"), i, name) {
		const char *text = json_string_value(name);
		if (find_location(fleet, text) == NULL)
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet has no location %s", text);
		else if (ringcast_fleet_use(model, id, text).session_count > 0)
			ringcast_request_refuse(request, FAULT_INVALID, "sessions run at %s; terminate them first", text);
		if (request->is_answered)
			return false;
	}
	return true;
}

void ringcast_operation_DeleteFleetLocations(struct model *model, struct request *request)
{
	const char *id;
	size_t i, k;
	json_t *state, *name, *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL || !may_remove(model, request, id, fleet))
		return;
	json_t *kept = json_array(), *removed = json_array();
	json_array_foreach(json_object_get(fleet, "Locations"), i, state) {
		bool is_named = false;
		json_array_foreach(json_object_get(request->input, "Locations"), k, name)
			is_named = is_named || json_equal(json_object_get(state, "Location"), name);
		json_array_append(is_named ? removed : kept, state);
	}
	put_member(model, request, id, "Locations", kept, location_output(fleet, removed));
}

void ringcast_operation_DescribeFleetLocationAttributes(struct model *model, struct request *request)
{
	const char *id;
	size_t i;
	json_t *state, *fleet = ringcast_fleet_record(model, request, &id), *list = json_array();
	json_array_foreach(json_object_get(fleet, "Locations"), i, state)
		json_array_append_new(list, json_pack("{s:O, s:[]}", "LocationState", state, "StoppedActions"));
	if (fleet == NULL) {
		json_decref(list);
		return;
	}
	json_t *output = ringcast_fleet_name(fleet);
	json_object_set_new(output, "LocationAttributes", list);
	ringcast_request_answer(request, output);
}

/* One location of a fleet: shown by what is given. */
static void describe_location(struct model *model, struct request *request, const char *name,
			      json_t *(*show)(const struct model *, const json_t *, const char *))
{
	const char *id, *location = ringcast_request_text(request, "Location");
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet == NULL)
		return;
	if (find_location(fleet, location) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet has no location %s", location);
	else
		ringcast_request_answer_with(request, name, show(model, fleet, location));
}

void ringcast_operation_DescribeFleetLocationCapacity(struct model *model, struct request *request)
{
	describe_location(model, request, "FleetCapacity", ringcast_fleet_capacity);
}

void ringcast_operation_DescribeFleetLocationUtilization(struct model *model, struct request *request)
{
	describe_location(model, request, "FleetUtilization", ringcast_fleet_utilization);
}

/* What hosts run */

void ringcast_operation_UpdateRuntimeConfiguration(struct model *model, struct request *request)
{
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id), *configuration = json_object_get(request->input, "RuntimeConfiguration");
	if (fleet != NULL && (!ringcast_fleet_has_build(fleet) || ringcast_runtime_is_right(request, configuration)))
		put_member(model, request, id, "RuntimeConfiguration", json_incref(configuration), json_pack("{s:O}", "RuntimeConfiguration", configuration));
}

/* Scaling */

static void set_actions(struct model *model, struct request *request, bool is_stopped)
{
	const char *id;
	json_t *fleet = ringcast_fleet_record(model, request, &id);
	if (fleet != NULL)
		put_member(model, request, id, "StoppedActions", is_stopped ? json_pack("[s]", "AUTO_SCALING") : json_array(), ringcast_fleet_name(fleet));
}

void ringcast_operation_StartFleetActions(struct model *model, struct request *request)
{
	set_actions(model, request, false);
}

void ringcast_operation_StopFleetActions(struct model *model, struct request *request)
{
	set_actions(model, request, true);
}

enum { POLICY_NAME_BYTES_MAX = 128, POLICY_NAME_SHOWN = 100, POLICY_DIGEST_BYTES = 16 };

/* Policies are filed as "fleet/name". A name may have four thousand bytes; a long one is filed by its beginning and its digest. */
static void policy_id(const char *fleet_id, const struct request *request, char ret_id[PAGE_BEHIND_BYTES])
{
	const char *name = ringcast_request_text(request, "Name");
	uint8_t digest[SHA256_DIGEST_SIZE];
	char text[2 * POLICY_DIGEST_BYTES + 1] = "";
	struct sha256_ctx context;
	sha256_init(&context);
	sha256_update(&context, strlen(name), (const uint8_t *)name);
	sha256_digest(&context, sizeof(digest), digest);
	if (strlen(name) <= POLICY_NAME_BYTES_MAX) {
		snprintf(ret_id, PAGE_BEHIND_BYTES, "%.128s/%s", fleet_id, name);
		return;
	}
	for (size_t i = 0; i < POLICY_DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	snprintf(ret_id, PAGE_BEHIND_BYTES, "%.128s/%.*s%s", fleet_id, POLICY_NAME_SHOWN, name, text);
}

static bool is_policy_right(struct request *request)
{
	bool is_target = strcmp(ringcast_request_text(request, "PolicyType"), "TargetBased") == 0;
	static const char *const needed[] = {"ScalingAdjustment", "ScalingAdjustmentType", "Threshold", "ComparisonOperator", "EvaluationPeriods"};
	const char *metric = ringcast_request_text(request, "MetricName");
	double target = json_number_value(json_object_get(json_object_get(request->input, "TargetConfiguration"), "TargetValue"));
	if (is_target && !ringcast_request_has(request, "TargetConfiguration"))
		ringcast_request_refuse(request, FAULT_INVALID, "TargetConfiguration: is required for TargetBased");
	else if (is_target && strcmp(metric, "PercentAvailableGameSessions") != 0)
		ringcast_request_refuse(request, FAULT_INVALID, "MetricName: must be PercentAvailableGameSessions for TargetBased");
	else if (is_target && !(target > 0 && target < 100))
		ringcast_request_refuse(request, FAULT_INVALID, "TargetConfiguration.TargetValue: must be above 0 and below 100");
	for (size_t i = 0; !is_target && !request->is_answered && i < ARRAY_COUNT(needed); i++)
		if (!ringcast_request_has(request, needed[i]))
			ringcast_request_refuse(request, FAULT_INVALID, "%s: is required for RuleBased", needed[i]);
	return !request->is_answered;
}

void ringcast_operation_PutScalingPolicy(struct model *model, struct request *request)
{
	static const char *const members[] = {"Name", "MetricName", "ScalingAdjustment", "ScalingAdjustmentType", "Threshold", "ComparisonOperator",
					      "EvaluationPeriods", "PolicyType", "TargetConfiguration", NULL};
	const char *fleet_id;
	char id[PAGE_BEHIND_BYTES];
	json_t *fleet = ringcast_fleet_record(model, request, &fleet_id);
	if (fleet == NULL || !is_policy_right(request))
		return;
	policy_id(fleet_id, request, id);
	json_t *name = ringcast_fleet_name(fleet), *policy = ringcast_change_merge(name, request, members);
	json_decref(name);
	json_object_set_new(policy, "Status", json_string("ACTIVE"));
	ringcast_change_put(model, request, RECORD_POLICY, id, policy, json_pack("{s:O}", "Name", json_object_get(request->input, "Name")));
}

static json_t *show_policy(struct model *model, const struct request *request, const struct record *record)
{
	const char *fleet_id = ringcast_model_id_of(ringcast_request_text(request, "FleetId"), "fleet"), *status = ringcast_request_text(request, "StatusFilter");
	bool is_wished = strcmp(json_string_value(json_object_get(record->document, "FleetId")), fleet_id) == 0 &&
			 (*status == '\0' || strcmp(status, "ACTIVE") == 0);
	return is_wished ? json_incref(record->document) : NULL;
}

void ringcast_operation_DescribeScalingPolicies(struct model *model, struct request *request)
{
	const char *id;
	if (ringcast_fleet_record(model, request, &id) != NULL)
		ringcast_page_records(model, request, RECORD_POLICY, "ScalingPolicies", show_policy);
}

void ringcast_operation_DeleteScalingPolicy(struct model *model, struct request *request)
{
	const char *fleet_id;
	char id[PAGE_BEHIND_BYTES];
	if (ringcast_fleet_record(model, request, &fleet_id) == NULL)
		return;
	policy_id(fleet_id, request, id);
	if (ringcast_records_find(&model->records, RECORD_POLICY, id) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet has no policy %.100s", ringcast_request_text(request, "Name"));
	else
		ringcast_change_remove(model, request, RECORD_POLICY, id);
}
