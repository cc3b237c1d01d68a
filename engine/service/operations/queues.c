/* Queues: where sessions are placed that nobody names a fleet for. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"
#include "service/operations/placement_read.h"

enum { QUEUES_MAX = 1000 };

static const char *const members[] = {"TimeoutInSeconds",      "PlayerLatencyPolicies", "Destinations", "FilterConfiguration",
				      "PriorityConfiguration", "CustomEventData",	"NotificationTarget", NULL};

static const char *name_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "Name"), "gamesessionqueue");
}

static json_t *queue_of(struct model *model, struct request *request)
{
	json_t *queue = ringcast_records_find(&model->records, RECORD_QUEUE, name_of(request));
	if (queue == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no queue %s", name_of(request));
	return queue;
}

void ringcast_operation_CreateGameSessionQueue(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	const char *name = name_of(request);
	if (ringcast_records_find(&model->records, RECORD_QUEUE, name) != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "Name: the queue %s is there already", name);
	else if (ringcast_records_count(&model->records, RECORD_QUEUE) >= QUEUES_MAX)
		ringcast_request_refuse(request, FAULT_LIMIT, "there are %d queues already, more are not allowed", QUEUES_MAX);
	if (request->is_answered || !ringcast_placement_check_queue(model, request))
		return;
	ringcast_model_arn(model, "gamesessionqueue", name, arn);
	if (!ringcast_change_tags(model, request, arn))
		return;
	json_t *queue = ringcast_change_merge(NULL, request, members);
	json_object_set_new(queue, "Name", json_string(name));
	json_object_set_new(queue, "GameSessionQueueArn", json_string(arn));
	if (!ringcast_request_has(request, "TimeoutInSeconds"))
		json_object_set_new(queue, "TimeoutInSeconds", json_integer(PLACEMENT_TIMEOUT_S));
	ringcast_change_put(model, request, RECORD_QUEUE, name, queue, json_pack("{s:O}", "GameSessionQueue", queue));
}

void ringcast_operation_UpdateGameSessionQueue(struct model *model, struct request *request)
{
	json_t *queue = queue_of(model, request);
	if (queue == NULL || !ringcast_placement_check_queue(model, request))
		return;
	queue = ringcast_change_merge(queue, request, members);
	ringcast_change_put(model, request, RECORD_QUEUE, name_of(request), queue, json_pack("{s:O}", "GameSessionQueue", queue));
}

void ringcast_operation_DeleteGameSessionQueue(struct model *model, struct request *request)
{
	if (queue_of(model, request) != NULL)
		ringcast_change_remove(model, request, RECORD_QUEUE, name_of(request));
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	size_t i;
	json_t *name;
	const json_t *names = json_object_get(request->input, "Names");
	json_array_foreach(names, i, name)
		if (strcmp(ringcast_model_id_of(json_string_value(name), "gamesessionqueue"), record->id) == 0)
			return json_incref(record->document);
	return json_array_size(names) == 0 ? json_incref(record->document) : NULL;
}

/* Who asks for one that is not there is told so. */
void ringcast_operation_DescribeGameSessionQueues(struct model *model, struct request *request)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(request->input, "Names"), i, name) {
		const char *id = ringcast_model_id_of(json_string_value(name), "gamesessionqueue");
		if (ringcast_records_find(&model->records, RECORD_QUEUE, id) != NULL)
			continue;
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no queue %s", id);
		return;
	}
	ringcast_page_records(model, request, RECORD_QUEUE, "GameSessionQueues", show);
}
