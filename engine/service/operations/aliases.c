/* Aliases: names that lead to a fleet, or to a message for players. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static const char *const members[] = {"Name", "Description", "RoutingStrategy", NULL};

/* SIMPLE leads to a fleet that is there, TERMINAL says something. */
static bool is_strategy_right(struct model *model, struct request *request)
{
	const json_t *strategy = json_object_get(request->input, "RoutingStrategy");
	const char *type = json_string_value(json_object_get(strategy, "Type")), *fleet = json_string_value(json_object_get(strategy, "FleetId"));
	if (strategy == NULL)
		return true;
	if (type == NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "RoutingStrategy.Type: is required");
	else if (strcmp(type, "SIMPLE") == 0 && fleet == NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "RoutingStrategy.FleetId: is required for SIMPLE");
	else if (strcmp(type, "TERMINAL") == 0 && json_object_get(strategy, "Message") == NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "RoutingStrategy.Message: is required for TERMINAL");
	else if (fleet != NULL && !model->settings.is_dev && ringcast_records_find(&model->records, RECORD_FLEET, fleet) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no fleet %s", fleet);
	return !request->is_answered;
}

static json_t *alias_of(struct model *model, struct request *request, const char **ret_id)
{
	*ret_id = ringcast_model_id_of(ringcast_request_text(request, "AliasId"), "alias");
	json_t *alias = ringcast_records_find(&model->records, RECORD_ALIAS, *ret_id);
	if (alias == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no alias %s", *ret_id);
	return alias;
}

void ringcast_operation_CreateAlias(struct model *model, struct request *request)
{
	char id[MODEL_ID_BYTES], arn[MODEL_ARN_BYTES];
	ringcast_model_new_id(model, "alias-", id);
	ringcast_model_arn(model, "alias", id, arn);
	if (!is_strategy_right(model, request) || !ringcast_change_tags(model, request, arn))
		return;
	json_t *alias = ringcast_change_merge(NULL, request, members);
	json_object_set_new(alias, "AliasId", json_string(id));
	json_object_set_new(alias, "AliasArn", json_string(arn));
	json_object_set_new(alias, "CreationTime", ringcast_model_time(model->now_ms));
	json_object_set_new(alias, "LastUpdatedTime", ringcast_model_time(model->now_ms));
	ringcast_change_put(model, request, RECORD_ALIAS, id, alias, json_pack("{s:O}", "Alias", alias));
}

void ringcast_operation_UpdateAlias(struct model *model, struct request *request)
{
	const char *id;
	json_t *alias = alias_of(model, request, &id);
	if (alias == NULL || !is_strategy_right(model, request))
		return;
	alias = ringcast_change_merge(alias, request, members);
	json_object_set_new(alias, "LastUpdatedTime", ringcast_model_time(model->now_ms));
	ringcast_change_put(model, request, RECORD_ALIAS, id, alias, json_pack("{s:O}", "Alias", alias));
}

void ringcast_operation_DescribeAlias(struct model *model, struct request *request)
{
	const char *id;
	json_t *alias = alias_of(model, request, &id);
	if (alias != NULL)
		ringcast_request_answer_with(request, "Alias", json_incref(alias));
}

void ringcast_operation_DeleteAlias(struct model *model, struct request *request)
{
	const char *id;
	if (alias_of(model, request, &id) != NULL)
		ringcast_change_remove(model, request, RECORD_ALIAS, id);
}

void ringcast_operation_ResolveAlias(struct model *model, struct request *request)
{
	const char *id;
	char arn[MODEL_ARN_BYTES];
	json_t *alias = alias_of(model, request, &id), *strategy = json_object_get(alias, "RoutingStrategy");
	const char *fleet = json_string_value(json_object_get(strategy, "FleetId")), *message = json_string_value(json_object_get(strategy, "Message"));
	if (alias == NULL)
		return;
	if (fleet == NULL) {
		ringcast_request_refuse(request, FAULT_TERMINAL_ROUTING, "%s", message != NULL ? message : "the alias leads to no fleet");
		return;
	}
	ringcast_model_arn(model, "fleet", fleet, arn);
	ringcast_request_answer(request, json_pack("{s:s, s:s}", "FleetId", fleet, "FleetArn", arn));
}

static bool has_value(const json_t *object, const char *name, const char *wanted)
{
	const char *value = json_string_value(json_object_get(object, name));
	return *wanted == '\0' || (value != NULL && strcmp(value, wanted) == 0);
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	bool is_wished = has_value(record->document, "Name", ringcast_request_text(request, "Name")) &&
			 has_value(json_object_get(record->document, "RoutingStrategy"), "Type", ringcast_request_text(request, "RoutingStrategyType"));
	return is_wished ? json_incref(record->document) : NULL;
}

void ringcast_operation_ListAliases(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_ALIAS, "Aliases", show);
}
