/* Tags of resources, by ARN: what billing and deployment tools hang on things. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"

enum { TAGS_MAX = 50 };

static const struct {
	const char *resource;
	enum record_kind kind;
} resources[] = {{"fleet", RECORD_FLEET},	   {"script", RECORD_SCRIPT}, {"build", RECORD_BUILD},
		 {"alias", RECORD_ALIAS},	   {"location", RECORD_LOCATION}, {"gamesessionqueue", RECORD_QUEUE},
		 {"matchmakingruleset", RECORD_RULE_SET}, {"matchmakingconfiguration", RECORD_MATCHMAKER}};

/* The ARN; NULL: refused, since it names nothing that is there. */
static const char *resource_of(struct model *model, struct request *request)
{
	const char *arn = ringcast_request_text(request, "ResourceARN");
	for (size_t i = 0; i < ARRAY_COUNT(resources); i++) {
		const char *id = ringcast_model_id_of(arn, resources[i].resource);
		if (id != arn && ringcast_records_find(&model->records, resources[i].kind, id) != NULL)
			return arn;
	}
	ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no resource %.200s", arn);
	return NULL;
}

void ringcast_operation_ListTagsForResource(struct model *model, struct request *request)
{
	const char *arn = resource_of(model, request);
	json_t *tags = arn != NULL ? ringcast_records_find(&model->records, RECORD_TAGS, arn) : NULL;
	if (arn != NULL)
		ringcast_request_answer_with(request, "Tags", tags != NULL ? json_incref(tags) : json_array());
}

static bool has_key(const json_t *tag, const char *key)
{
	return strcmp(json_string_value(json_object_get(tag, "Key")), key) == 0;
}

/* The tags without those of the given keys. A new list. */
static json_t *without(const json_t *tags, const json_t *keys, const char *member)
{
	json_t *kept = json_array(), *tag, *key;
	size_t i, k;
	json_array_foreach(tags, i, tag) {
		bool is_named = false;
		json_array_foreach(keys, k, key)
			is_named = is_named || has_key(tag, json_string_value(member != NULL ? json_object_get(key, member) : key));
		if (!is_named)
			json_array_append(kept, tag);
	}
	return kept;
}

void ringcast_operation_TagResource(struct model *model, struct request *request)
{
	const char *arn = resource_of(model, request);
	const json_t *added = json_object_get(request->input, "Tags");
	if (arn == NULL)
		return;
	json_t *tags = without(ringcast_records_find(&model->records, RECORD_TAGS, arn), added, "Key");
	json_array_extend(tags, (json_t *)added);
	if (json_array_size(tags) > TAGS_MAX) {
		json_decref(tags);
		ringcast_request_refuse(request, FAULT_TAGGING, "a resource has %d tags at most", TAGS_MAX);
		return;
	}
	ringcast_change_put(model, request, RECORD_TAGS, arn, tags, json_object());
}

void ringcast_operation_UntagResource(struct model *model, struct request *request)
{
	const char *arn = resource_of(model, request);
	if (arn != NULL)
		ringcast_change_put(model, request, RECORD_TAGS, arn,
				    without(ringcast_records_find(&model->records, RECORD_TAGS, arn), json_object_get(request->input, "TagKeys"), NULL),
				    json_object());
}
