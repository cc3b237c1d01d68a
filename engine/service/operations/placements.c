/* Placements: sessions that a queue finds a place for. placing.h is what becomes of them. */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/placement_read.h"
#include "service/operations/placing.h"

static const char *const members[] = {"PlacementId",	 "GameSessionQueueName", "GameProperties",	  "MaximumPlayerSessionCount",	 "GameSessionName",
				      "PlayerLatencies", "GameSessionData",	 "DesiredPlayerSessions", "PriorityConfigurationOverride", NULL};

static const json_t *placement_of(const struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "PlacementId");
	const json_t *placement = ringcast_records_find(&model->records, RECORD_PLACEMENT, id);
	if (placement == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no placement %s", id);
	return placement;
}

/* Of what the request has changed: the answer goes out when it is durable. */
static void answer(struct model *model, struct request *request)
{
	const json_t *placement = ringcast_records_find(&model->records, RECORD_PLACEMENT, ringcast_request_text(request, "PlacementId"));
	ringcast_request_answer_with(request, "GameSessionPlacement", ringcast_placing_show(placement));
}

void ringcast_operation_StartGameSessionPlacement(struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "PlacementId");
	const char *queue = ringcast_model_id_of(ringcast_request_text(request, "GameSessionQueueName"), "gamesessionqueue");
	if (ringcast_records_find(&model->records, RECORD_QUEUE, queue) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no queue %s", queue);
	else if (ringcast_records_find(&model->records, RECORD_PLACEMENT, id) != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "PlacementId: %s was used before; each placement needs an id of its own", id);
	else if (ringcast_placing_is_full(model))
		ringcast_request_refuse(request, FAULT_LIMIT, "as many placements wait as service.placements_max allows");
	if (request->is_answered || !ringcast_placement_check_wish(model, request))
		return;
	json_t *document = ringcast_change_merge(NULL, request, members);
	json_object_set_new(document, "GameSessionQueueName", json_string(queue));
	if (document == NULL || !ringcast_placing_start(model, document))
		ringcast_request_refuse_memory(request);
	else
		answer(model, request);
	if (request->fault != FAULT_NONE)
		ringcast_placing_take_back(model, id);
}

void ringcast_operation_DescribeGameSessionPlacement(struct model *model, struct request *request)
{
	const json_t *placement = placement_of(model, request);
	if (placement != NULL)
		ringcast_request_answer_with(request, "GameSessionPlacement", ringcast_placing_show(placement));
}

void ringcast_operation_StopGameSessionPlacement(struct model *model, struct request *request)
{
	const json_t *placement = placement_of(model, request);
	if (placement == NULL)
		return;
	const char *status = json_string_value(json_object_get(placement, "Status"));
	if (strcmp(status, "PENDING") != 0)
		ringcast_request_refuse(request, FAULT_INVALID, "the placement is %s, not PENDING", status);
	else if (!ringcast_placing_stop(model, ringcast_request_text(request, "PlacementId")))
		ringcast_request_refuse_memory(request);
	else
		answer(model, request);
}
