#include "service/operations/fleet_of.h"

#include <string.h>

enum { FLEET_ID_LENGTH_MAX = 128 };

static const char *fleet_of_alias(struct model *model, struct request *request)
{
	const char *id = ringcast_model_id_of(ringcast_request_text(request, "AliasId"), "alias");
	const json_t *alias = ringcast_records_find(&model->records, RECORD_ALIAS, id);
	const json_t *strategy = json_object_get(alias, "RoutingStrategy");
	const char *type = json_string_value(json_object_get(strategy, "Type"));
	if (alias == NULL) {
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no alias %s", id);
		return NULL;
	}
	if (type != NULL && strcmp(type, "TERMINAL") == 0) {
		const char *message = json_string_value(json_object_get(strategy, "Message"));
		ringcast_request_refuse(request, FAULT_TERMINAL_ROUTING, "%s", message != NULL ? message : "the alias leads to no fleet");
		return NULL;
	}
	return json_string_value(json_object_get(strategy, "FleetId"));
}

const char *ringcast_fleet_of(struct model *model, struct request *request, json_t **ret_document)
{
	bool has_fleet = ringcast_request_has(request, "FleetId");
	if (has_fleet == ringcast_request_has(request, "AliasId")) {
		ringcast_request_refuse(request, FAULT_INVALID, "exactly one of FleetId and AliasId must be given");
		return NULL;
	}
	const char *id = has_fleet ? ringcast_model_id_of(ringcast_request_text(request, "FleetId"), "fleet") : fleet_of_alias(model, request);
	if (id == NULL)
		return NULL;
	/* The interface names no bound; keys and ARNs are built from it. */
	if (strlen(id) > FLEET_ID_LENGTH_MAX) {
		ringcast_request_refuse(request, FAULT_INVALID, "FleetId: %zu bytes, at most %d are allowed", strlen(id), FLEET_ID_LENGTH_MAX);
		return NULL;
	}
	*ret_document = ringcast_records_find(&model->records, RECORD_FLEET, id);
	if (*ret_document != NULL || model->settings.is_dev)
		return id;
	ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no fleet %s", id);
	return NULL;
}
