/*
 * Computes: machines that run game servers of a fleet. Those of ANYWHERE fleets register; a fleet with a build has this machine, which nobody
 * registers. Filed as "fleet/name".
 */
#include <stdio.h>
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/fleet_parts.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"
#include "service/operations/runtime.h"

enum { FLEET_ID_SHOWN = 128 };

static const char *name_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "ComputeName"), "compute");
}

static void compute_id(const char *fleet_id, const char *name, char ret_id[PAGE_BEHIND_BYTES])
{
	snprintf(ret_id, PAGE_BEHIND_BYTES, "%.*s/%.128s", FLEET_ID_SHOWN, fleet_id, name);
}

/* The fleet, if computes can be of it. NULL: refused. */
static json_t *custom_fleet(struct model *model, struct request *request, const char **ret_id)
{
	json_t *fleet = ringcast_fleet_record(model, request, ret_id);
	if (fleet == NULL || ringcast_fleet_is_custom(fleet))
		return fleet;
	ringcast_request_refuse(request, FAULT_INVALID, "the fleet runs Realtime scripts, in ringcastd itself; game servers of your own need a fleet with "
				"ComputeType ANYWHERE, or with a build");
	return NULL;
}

static json_t *put_names(const struct model *model, json_t *json, const json_t *fleet, const char *name)
{
	char arn[MODEL_ARN_BYTES];
	json_t *names = ringcast_fleet_name(fleet);
	ringcast_model_arn(model, "compute", name, arn);
	json_object_update(json, names);
	json_decref(names);
	json_object_set_new(json, "ComputeName", json_string(name));
	json_object_set_new(json, "ComputeArn", json_string(arn));
	return json;
}

/* This machine, as the compute of a fleet with a build. */
static json_t *own_compute(const struct model *model, const json_t *fleet)
{
	json_t *compute = json_pack("{s:s, s:s, s:O, s:s}", "ComputeStatus", "ACTIVE", "IpAddress", model->settings.ip_address, "CreationTime",
				    json_object_get(fleet, "CreationTime"), "GameLiftServiceSdkEndpoint", model->settings.sdk_endpoint);
	return put_names(model, compute, fleet, model->settings.compute_name);
}

/* A new reference; NULL: refused. */
static json_t *compute_of(struct model *model, struct request *request, const json_t *fleet, const char *fleet_id)
{
	char id[PAGE_BEHIND_BYTES];
	const char *name = name_of(request);
	if (ringcast_fleet_has_build(fleet) && strcmp(name, model->settings.compute_name) == 0)
		return own_compute(model, fleet);
	compute_id(fleet_id, name, id);
	json_t *compute = ringcast_records_find(&model->records, RECORD_COMPUTE, id);
	if (compute == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet has no compute %s; RegisterCompute makes one", name);
	return json_incref(compute);
}

static bool may_register(struct model *model, struct request *request, const json_t *fleet)
{
	const char *location = ringcast_request_text(request, "Location");
	size_t i;
	json_t *state;
	bool is_known = *location == '\0';
	json_array_foreach(json_object_get(fleet, "Locations"), i, state)
		is_known = is_known || strcmp(json_string_value(json_object_get(state, "Location")), location) == 0;
	if (ringcast_fleet_has_build(fleet))
		ringcast_request_refuse(request, FAULT_INVALID, "ringcastd itself runs this fleet's build; computes register with fleets of ComputeType ANYWHERE");
	else if (!is_known)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "Location: the fleet has no location %s; CreateFleetLocations adds one", location);
	else if (!ringcast_request_has(request, "IpAddress") && !ringcast_request_has(request, "DnsName"))
		ringcast_request_refuse(request, FAULT_INVALID, "IpAddress or DnsName: one is required, since players are told to connect there");
	return !request->is_answered;
}

/* What the answer shows is what the record holds: where certificates lie is the compute's own business, and is given to its processes only. */
static json_t *shown(const json_t *compute)
{
	json_t *copy = json_copy((json_t *)compute);
	json_object_del(copy, "CertificatePath");
	return copy;
}

void ringcast_operation_RegisterCompute(struct model *model, struct request *request)
{
	static const char *const members[] = {"IpAddress", "DnsName", "Location", "CertificatePath", NULL};
	const char *fleet_id;
	char id[PAGE_BEHIND_BYTES];
	json_t *fleet = custom_fleet(model, request, &fleet_id);
	if (fleet == NULL || !may_register(model, request, fleet))
		return;
	compute_id(fleet_id, name_of(request), id);
	if (ringcast_records_find(&model->records, RECORD_COMPUTE, id) != NULL) {
		ringcast_request_refuse(request, FAULT_CONFLICT, "the fleet has the compute %s already; DeregisterCompute takes it away", name_of(request));
		return;
	}
	json_t *compute = put_names(model, ringcast_change_merge(NULL, request, members), fleet, name_of(request));
	json_object_set_new(compute, "ComputeStatus", json_string("ACTIVE"));
	json_object_set_new(compute, "CreationTime", ringcast_model_time(model->now_ms));
	json_object_set_new(compute, "GameLiftServiceSdkEndpoint", json_string(model->settings.sdk_endpoint));
	ringcast_change_put(model, request, RECORD_COMPUTE, id, compute, json_pack("{s:o}", "Compute", shown(compute)));
}

void ringcast_operation_DescribeCompute(struct model *model, struct request *request)
{
	const char *fleet_id;
	json_t *fleet = custom_fleet(model, request, &fleet_id);
	json_t *compute = fleet != NULL ? compute_of(model, request, fleet, fleet_id) : NULL;
	if (compute != NULL)
		ringcast_request_answer_with(request, "Compute", shown(compute));
	json_decref(compute);
}

void ringcast_operation_DeregisterCompute(struct model *model, struct request *request)
{
	const char *fleet_id;
	char id[PAGE_BEHIND_BYTES];
	json_t *fleet = custom_fleet(model, request, &fleet_id);
	if (fleet == NULL)
		return;
	compute_id(fleet_id, name_of(request), id);
	if (ringcast_records_find(&model->records, RECORD_COMPUTE, id) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "no compute %s is registered with the fleet", name_of(request));
	else
		ringcast_change_remove(model, request, RECORD_COMPUTE, id);
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	const char *fleet_id = ringcast_model_id_of(ringcast_request_text(request, "FleetId"), "fleet");
	const char *location = ringcast_request_text(request, "Location"), *status = ringcast_request_text(request, "ComputeStatus");
	const char *has_fleet = json_string_value(json_object_get(record->document, "FleetId"));
	const char *has_location = json_string_value(json_object_get(record->document, "Location"));
	if (strcmp(fleet_id, has_fleet) != 0 || (*location != '\0' && (has_location == NULL || strcmp(location, has_location) != 0)))
		return NULL;
	return *status == '\0' || strcmp(status, "ACTIVE") == 0 ? shown(record->document) : NULL;
}

void ringcast_operation_ListCompute(struct model *model, struct request *request)
{
	const char *fleet_id;
	json_t *fleet = custom_fleet(model, request, &fleet_id);
	if (fleet == NULL)
		return;
	if (ringcast_fleet_has_build(fleet))
		ringcast_request_answer_with(request, "ComputeList", json_pack("[o]", own_compute(model, fleet)));
	else
		ringcast_page_records(model, request, RECORD_COMPUTE, "ComputeList", show);
}

void ringcast_operation_GetComputeAuthToken(struct model *model, struct request *request)
{
	const char *fleet_id;
	char token[COMPUTE_TOKEN_BYTES];
	json_t *fleet = custom_fleet(model, request, &fleet_id);
	json_t *compute = fleet != NULL ? compute_of(model, request, fleet, fleet_id) : NULL;
	int64_t expires_s = model->now_ms / 1000 + model->settings.token_lifetime_s;
	if (compute == NULL)
		return;
	json_decref(compute);
	ringcast_compute_token_make(&model->token_secret, fleet_id, name_of(request), expires_s, token);
	json_t *output = put_names(model, json_object(), fleet, name_of(request));
	json_object_set_new(output, "AuthToken", json_string(token));
	json_object_set_new(output, "ExpirationTimestamp", ringcast_model_time(expires_s * 1000));
	ringcast_request_answer(request, output);
}

/* Instances: the machines of a fleet, of which this one is the only one that has not registered. */

static json_t *instance_of(const struct model *model, const json_t *fleet)
{
	json_t *instance = ringcast_fleet_name(fleet);
	json_object_set_new(instance, "InstanceId", json_string(model->settings.compute_name));
	json_object_set_new(instance, "IpAddress", json_string(model->settings.ip_address));
	if (*model->settings.dns_name != '\0')
		json_object_set_new(instance, "DnsName", json_string(model->settings.dns_name));
	json_object_set_new(instance, "Status", json_string("ACTIVE"));
	json_object_set(instance, "CreationTime", json_object_get(fleet, "CreationTime"));
	return instance;
}

void ringcast_operation_DescribeInstances(struct model *model, struct request *request)
{
	const char *fleet_id, *id = ringcast_request_text(request, "InstanceId");
	json_t *fleet = ringcast_fleet_record(model, request, &fleet_id);
	if (fleet == NULL)
		return;
	if (ringcast_fleet_is_custom(fleet) && !ringcast_fleet_has_build(fleet))
		ringcast_request_refuse(request, FAULT_INVALID, "an ANYWHERE fleet has computes, not instances; ListCompute shows them");
	else if (*id != '\0' && strcmp(id, model->settings.compute_name) != 0)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet has no instance %.100s", id);
	else
		ringcast_request_answer_with(request, "Instances", json_pack("[o]", instance_of(model, fleet)));
}
