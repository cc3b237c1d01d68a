/* Tags of resources, by ARN: what billing and deployment tools hang on things. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"

enum { TAGS_MAX = 50 };

/* False: refused, since the ARN names nothing that is there. */
static bool resource_of(struct model *model, struct request *request, char ret_arn[MODEL_ARN_BYTES])
{
	const char *arn = ringcast_request_text(request, "ResourceARN");
	if (ringcast_change_resource(model, arn, ret_arn))
		return true;
	ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no resource %.200s", arn);
	return false;
}

void ringcast_operation_ListTagsForResource(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	if (!resource_of(model, request, arn))
		return;
	json_t *tags = ringcast_records_find(&model->records, RECORD_TAGS, arn);
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
	char arn[MODEL_ARN_BYTES];
	const json_t *added = json_object_get(request->input, "Tags");
	if (!resource_of(model, request, arn))
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
	char arn[MODEL_ARN_BYTES];
	if (resource_of(model, request, arn))
		ringcast_change_put(model, request, RECORD_TAGS, arn,
				    without(ringcast_records_find(&model->records, RECORD_TAGS, arn), json_object_get(request->input, "TagKeys"), NULL),
				    json_object());
}
