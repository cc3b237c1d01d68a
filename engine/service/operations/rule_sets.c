/* Rule sets of matchmaking: documents that say who may play with whom. They cannot be changed, only be made and removed. */
#include <stdio.h>
#include <string.h>

#include "service/match/rule_set.h"
#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static const char *name_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "Name"), "matchmakingruleset");
}

/* False: refused, with the place in the document. */
static bool is_body_right(struct request *request)
{
	char problem[DOCUMENT_PROBLEM_BYTES];
	const json_t *body = json_object_get(request->input, "RuleSetBody");
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(json_string_value(body), json_string_length(body), 1, problem);
	bool is_right = rule_set != NULL;
	if (!is_right)
		ringcast_request_refuse(request, FAULT_INVALID, "RuleSetBody, %.350s", problem);
	ringcast_match_rule_set_destroy(&rule_set);
	return is_right;
}

void ringcast_operation_ValidateMatchmakingRuleSet(struct model *model, struct request *request)
{
	if (is_body_right(request))
		ringcast_request_answer_with(request, "Valid", json_true());
}

static bool is_name_free(struct model *model, struct request *request, const char *name)
{
	uint32_t most = model->settings.match_rule_sets_max;
	if (*name == '\0')
		ringcast_request_refuse(request, FAULT_INVALID, "Name: must not be empty");
	else if (ringcast_records_find(&model->records, RECORD_RULE_SET, name) != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "Name: there is a rule set %.128s already, and rule sets cannot be changed", name);
	else if (ringcast_records_count(&model->records, RECORD_RULE_SET) >= most)
		ringcast_request_refuse(request, FAULT_LIMIT, "there are %u rule sets, as many as service.match_rule_sets_max allows", most);
	return !request->is_answered;
}

void ringcast_operation_CreateMatchmakingRuleSet(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	const char *name = ringcast_request_text(request, "Name");
	ringcast_model_arn(model, "matchmakingruleset", name, arn);
	if (!is_name_free(model, request, name) || !is_body_right(request) || !ringcast_change_tags(model, request, arn))
		return;
	json_t *rule_set = json_pack("{s:s, s:s, s:O, s:o}", "RuleSetName", name, "RuleSetArn", arn, "RuleSetBody",
				     json_object_get(request->input, "RuleSetBody"), "CreationTime", ringcast_model_time(model->now_ms));
	ringcast_change_put(model, request, RECORD_RULE_SET, name, rule_set, json_pack("{s:O}", "RuleSet", rule_set));
}

/* The configuration that needs it; NULL: none. */
static const char *configuration_that_uses(const struct model *model, const char *name)
{
	const struct record *record = ringcast_records_next(&model->records, RECORD_MATCHMAKER, "");
	for (; record != NULL; record = ringcast_records_next(&model->records, RECORD_MATCHMAKER, record->id)) {
		const char *used = json_string_value(json_object_get(record->document, "RuleSetName"));
		if (used != NULL && strcmp(used, name) == 0)
			return record->id;
	}
	return NULL;
}

void ringcast_operation_DeleteMatchmakingRuleSet(struct model *model, struct request *request)
{
	const char *name = name_of(request);
	bool is_there = ringcast_records_find(&model->records, RECORD_RULE_SET, name) != NULL;
	const char *user = is_there ? configuration_that_uses(model, name) : NULL; /* the refusal of one that is not there rests on no configuration */
	if (!is_there)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no rule set %.128s", name);
	else if (user != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "the configuration %.128s uses it; delete that first, or give it another one", user);
	else
		ringcast_change_remove(model, request, RECORD_RULE_SET, name);
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	return json_incref(record->document);
}

void ringcast_operation_DescribeMatchmakingRuleSets(struct model *model, struct request *request)
{
	const json_t *names = json_object_get(request->input, "Names");
	json_t *list, *name;
	size_t i;
	if (json_array_size(names) == 0) {
		ringcast_page_records(model, request, RECORD_RULE_SET, "RuleSets", show);
		return;
	}
	list = json_array();
	json_array_foreach((json_t *)names, i, name) {
		const char *id = ringcast_model_id_of(json_string_value(name), "matchmakingruleset");
		json_t *rule_set = ringcast_records_find(&model->records, RECORD_RULE_SET, id);
		if (rule_set == NULL) {
			json_decref(list);
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no rule set %.128s", id);
			return;
		}
		json_array_append(list, rule_set);
	}
	ringcast_request_answer_with(request, "RuleSets", list);
}
