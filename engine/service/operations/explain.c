#include "service/operations/explain.h"

#include "service/matchmaking/matchmaking.h"

static void explain(struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "TicketId");
	json_t *shown = ringcast_matchmaking_show(model->matchmaking, id), *explained = ringcast_matchmaking_explain(model->matchmaking, id);
	if (shown == NULL || explained == NULL) {
		json_decref(shown);
		json_decref(explained);
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no matchmaking ticket %.128s", id);
		return;
	}
	json_object_set_new(explained, "ticket", json_string(id));
	json_object_set_new(explained, "configuration", json_deep_copy(json_object_get(shown, "ConfigurationName"))); /* the answer goes to another thread */
	json_decref(shown);
	ringcast_request_answer(request, explained);
}

const struct operation ringcast_operation_explain_ticket = {"ExplainTicket", explain, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true};
