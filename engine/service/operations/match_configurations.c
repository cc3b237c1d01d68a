/* Matchmaking configurations: a rule set, how long people wait, whether they are asked, and where their session begins. */
#include <inttypes.h>
#include <string.h>

#include "service/match/rule_set.h"
#include "service/matchmaking/matchmaking.h"
#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static const char *const members[] = {"Description",	    "GameSessionQueueArns", "RequestTimeoutSeconds", "AcceptanceTimeoutSeconds", "AcceptanceRequired",
				      "NotificationTarget", "AdditionalPlayerCount", "CustomEventData",	    "GameProperties",		"GameSessionData",
				      "BackfillMode",	    "FlexMatchMode",	    NULL};

static const char *text_of(const json_t *configuration, const char *name)
{
	const char *text = json_string_value(json_object_get(configuration, name));
	return text != NULL ? text : "";
}

static bool is_standalone(const json_t *configuration)
{
	return strcmp(text_of(configuration, "FlexMatchMode"), "STANDALONE") == 0;
}

/* Of its rule set: how many players a match has at most. */
static uint32_t players_of_match(const struct model *model, const json_t *configuration)
{
	char problem[DOCUMENT_PROBLEM_BYTES];
	const char *body = text_of(ringcast_records_find(&model->records, RECORD_RULE_SET, text_of(configuration, "RuleSetName")), "RuleSetBody");
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(body, strlen(body), 1, problem);
	uint32_t players_max = rule_set != NULL ? rule_set->players_max : 0;
	ringcast_match_rule_set_destroy(&rule_set);
	return players_max;
}

static bool are_queues_right(struct model *model, struct request *request, const json_t *configuration)
{
	size_t i;
	json_t *arn, *arns = json_object_get(configuration, "GameSessionQueueArns");
	if (is_standalone(configuration)) {
		if (json_array_size(arns) > 0)
			ringcast_request_refuse(request, FAULT_INVALID, "GameSessionQueueArns: a STANDALONE configuration begins no session and needs no queue");
		else if (strcmp(text_of(configuration, "BackfillMode"), "AUTOMATIC") == 0)
			ringcast_request_refuse(request, FAULT_INVALID, "BackfillMode: AUTOMATIC needs sessions, and a STANDALONE configuration begins none");
		return !request->is_answered;
	}
	uint32_t players_max = players_of_match(model, configuration), most = model->settings.players_per_session_max;
	if (players_max > most)
		ringcast_request_refuse(request, FAULT_INVALID, "RuleSetName: its matches have up to %" PRIu32 " players, and a session has at most %" PRIu32 " here", players_max,
					most);
	else if (json_array_size(arns) == 0)
		ringcast_request_refuse(request, FAULT_INVALID, "GameSessionQueueArns: is required, unless FlexMatchMode is STANDALONE");
	json_array_foreach(arns, i, arn)
		if (!request->is_answered &&
		    ringcast_records_find(&model->records, RECORD_QUEUE, ringcast_model_id_of(json_string_value(arn), "gamesessionqueue")) == NULL)
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no queue %.200s", json_string_value(arn));
	return !request->is_answered;
}

/* The whole of it, as it would be. */
static bool is_right(struct model *model, struct request *request, const json_t *configuration)
{
	const char *rule_set = text_of(configuration, "RuleSetName");
	bool is_asked = json_is_true(json_object_get(configuration, "AcceptanceRequired"));
	if (ringcast_records_find(&model->records, RECORD_RULE_SET, rule_set) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no rule set %.128s", rule_set);
	else if (is_asked && json_object_get(configuration, "AcceptanceTimeoutSeconds") == NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "AcceptanceTimeoutSeconds: is required with AcceptanceRequired, 1 to 600");
	else
		return are_queues_right(model, request, configuration);
	return false;
}

/* The document with what the request says. NULL: refused. The caller's. */
static json_t *merge(struct model *model, struct request *request, const json_t *configuration)
{
	char arn[MODEL_ARN_BYTES];
	json_t *merged = ringcast_change_merge(configuration, request, members);
	const char *rule_set = ringcast_model_id_of(ringcast_request_text(request, "RuleSetName"), "matchmakingruleset");
	if (merged == NULL) {
		ringcast_request_refuse_memory(request);
		return NULL;
	}
	if (*rule_set != '\0') {
		ringcast_model_arn(model, "matchmakingruleset", rule_set, arn);
		json_object_set_new(merged, "RuleSetName", json_string(rule_set));
		json_object_set_new(merged, "RuleSetArn", json_string(arn));
	}
	if (is_right(model, request, merged))
		return merged;
	json_decref(merged);
	return NULL;
}

static void set_default(json_t *configuration, const char *name, json_t *value)
{
	json_object_update_missing_new(configuration, json_pack("{s:o}", name, value));
}

static bool is_name_free(struct model *model, struct request *request, const char *name)
{
	uint32_t most = model->settings.match_configurations_max;
	if (*name == '\0')
		ringcast_request_refuse(request, FAULT_INVALID, "Name: must not be empty");
	else if (ringcast_records_find(&model->records, RECORD_MATCHMAKER, name) != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "Name: there is a matchmaking configuration %.128s already", name);
	else if (ringcast_records_count(&model->records, RECORD_MATCHMAKER) >= most)
		ringcast_request_refuse(request, FAULT_LIMIT, "there are %u configurations, as many as service.match_configurations_max allows", most);
	return !request->is_answered;
}

void ringcast_operation_CreateMatchmakingConfiguration(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	const char *name = ringcast_request_text(request, "Name");
	if (!is_name_free(model, request, name))
		return;
	json_t *configuration = merge(model, request, NULL);
	if (configuration == NULL)
		return;
	ringcast_model_arn(model, "matchmakingconfiguration", name, arn);
	set_default(configuration, "FlexMatchMode", json_string("WITH_QUEUE"));
	set_default(configuration, "BackfillMode", json_string("MANUAL"));
	json_object_set_new(configuration, "Name", json_string(name));
	json_object_set_new(configuration, "ConfigurationArn", json_string(arn));
	json_object_set_new(configuration, "CreationTime", ringcast_model_time(model->now_ms));
	if (ringcast_change_tags(model, request, arn))
		ringcast_change_put(model, request, RECORD_MATCHMAKER, name, configuration, json_pack("{s:O}", "Configuration", configuration));
	else
		json_decref(configuration);
}

static json_t *configuration_of(struct model *model, struct request *request, const char **ret_name)
{
	*ret_name = ringcast_model_id_of(ringcast_request_text(request, "Name"), "matchmakingconfiguration");
	json_t *configuration = ringcast_records_find(&model->records, RECORD_MATCHMAKER, *ret_name);
	if (configuration == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no matchmaking configuration %.128s", *ret_name);
	return configuration;
}

void ringcast_operation_UpdateMatchmakingConfiguration(struct model *model, struct request *request)
{
	const char *name;
	json_t *configuration = configuration_of(model, request, &name), *merged = configuration == NULL ? NULL : merge(model, request, configuration);
	if (merged == NULL)
		return;
	ringcast_change_put(model, request, RECORD_MATCHMAKER, name, merged, json_pack("{s:O}", "Configuration", merged));
	if (request->fault == FAULT_NONE)
		ringcast_matchmaking_reconfigure(model->matchmaking, name);
}

void ringcast_operation_DeleteMatchmakingConfiguration(struct model *model, struct request *request)
{
	const char *name;
	if (configuration_of(model, request, &name) == NULL)
		return;
	uint32_t live = ringcast_matchmaking_live_count(model->matchmaking, name);
	if (live > 0) {
		ringcast_request_refuse(request, FAULT_INVALID, "%" PRIu32 " tickets of it have not ended; stop them first", live);
		return;
	}
	ringcast_change_remove(model, request, RECORD_MATCHMAKER, name);
	if (request->fault == FAULT_NONE)
		ringcast_matchmaking_reconfigure(model->matchmaking, name);
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	const char *wanted = ringcast_model_id_of(ringcast_request_text(request, "RuleSetName"), "matchmakingruleset");
	return *wanted == '\0' || strcmp(wanted, text_of(record->document, "RuleSetName")) == 0 ? json_incref(record->document) : NULL;
}

/* Names that nobody has are left out, as the vendor does. */
void ringcast_operation_DescribeMatchmakingConfigurations(struct model *model, struct request *request)
{
	json_t *names = json_object_get(request->input, "Names"), *list, *name;
	size_t i;
	if (json_array_size(names) == 0) {
		ringcast_page_records(model, request, RECORD_MATCHMAKER, "Configurations", show);
		return;
	}
	list = json_array();
	json_array_foreach(names, i, name) {
		const char *id = ringcast_model_id_of(json_string_value(name), "matchmakingconfiguration");
		json_t *configuration = ringcast_records_find(&model->records, RECORD_MATCHMAKER, id);
		if (configuration != NULL)
			json_array_append(list, configuration);
	}
	ringcast_request_answer_with(request, "Configurations", list);
}
