#include "service/operations/change.h"

json_t *ringcast_change_merge(const json_t *document, const struct request *request, const char *const *names)
{
	json_t *merged = document != NULL ? json_copy((json_t *)document) : json_object();
	for (; *names != NULL && merged != NULL; names++)
		if (ringcast_request_has(request, *names) && json_object_set(merged, *names, json_object_get(request->input, *names)) != 0) {
			json_decref(merged);
			merged = NULL;
		}
	return merged;
}

void ringcast_change_put(struct model *model, struct request *request, enum record_kind kind, const char *id, json_t *document, json_t *output)
{
	if (document == NULL || output == NULL || !ringcast_records_put(&model->records, kind, id, document)) {
		if (document != NULL && output == NULL)
			json_decref(document);
		json_decref(output);
		ringcast_request_refuse_memory(request);
		return;
	}
	ringcast_request_answer(request, output);
}

void ringcast_change_remove(struct model *model, struct request *request, enum record_kind kind, const char *id)
{
	char arn[MODEL_ARN_BYTES];
	bool has_tags = ringcast_change_arn(model, kind, id, arn) && ringcast_records_find(&model->records, RECORD_TAGS, arn) != NULL;
	if (ringcast_records_remove(&model->records, kind, id) && (!has_tags || ringcast_records_remove(&model->records, RECORD_TAGS, arn)))
		ringcast_request_answer(request, json_object());
	else
		ringcast_request_refuse_memory(request);
}

bool ringcast_change_tags(struct model *model, struct request *request, const char *arn)
{
	json_t *tags = json_object_get(request->input, "Tags");
	if (json_array_size(tags) == 0)
		return true;
	if (ringcast_records_put(&model->records, RECORD_TAGS, arn, json_incref(tags)))
		return true;
	ringcast_request_refuse_memory(request);
	return false;
}

/* Names */

static const struct {
	const char *resource;
	enum record_kind kind;
} resources[] = {{"fleet", RECORD_FLEET},	   {"script", RECORD_SCRIPT}, {"build", RECORD_BUILD},
		 {"alias", RECORD_ALIAS},	   {"location", RECORD_LOCATION}, {"gamesessionqueue", RECORD_QUEUE},
		 {"matchmakingruleset", RECORD_RULE_SET}, {"matchmakingconfiguration", RECORD_MATCHMAKER}};

bool ringcast_change_arn(const struct model *model, enum record_kind kind, const char *id, char ret_arn[MODEL_ARN_BYTES])
{
	for (size_t i = 0; i < ARRAY_COUNT(resources); i++)
		if (resources[i].kind == kind) {
			ringcast_model_arn(model, resources[i].resource, id, ret_arn);
			return true;
		}
	return false;
}

bool ringcast_change_resource(const struct model *model, const char *arn, char ret_arn[MODEL_ARN_BYTES])
{
	for (size_t i = 0; i < ARRAY_COUNT(resources); i++) {
		const char *id = ringcast_model_id_of(arn, resources[i].resource);
		if (id != arn && ringcast_records_find(&model->records, resources[i].kind, id) != NULL)
			return ringcast_change_arn(model, resources[i].kind, id, ret_arn);
	}
	return false;
}
