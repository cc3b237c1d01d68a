#include "service/game_question.h"

#include <stdio.h>
#include <stdlib.h>

#include "service/operations/backfill.h"

struct game_question {
	struct request request;
	struct host_question *asked;
};

/* As game servers' SDKs make errors of it. */
static unsigned status_of(enum fault fault)
{
	switch (fault) {
	case FAULT_NONE:
		return 200;
	case FAULT_UNAUTHORIZED:
		return 403;
	case FAULT_NOT_FOUND:
		return 404;
	case FAULT_CONFLICT:
	case FAULT_SESSION_STATUS:
		return 409;
	case FAULT_LIMIT:
	case FAULT_THROTTLED:
		return 429;
	default:
		return ringcast_fault_status(fault);
	}
}

/* Only texts leave the loop's thread: the trees may be the records'. */
static void answer(struct request *request)
{
	struct game_question *question = CONTAINER_OF(request, struct game_question, request);
	struct host_question *asked = question->asked;
	const char *ticket = json_string_value(json_object_get(json_object_get(request->output, "MatchmakingTicket"), "TicketId"));
	asked->status = status_of(request->fault);
	asked->fault = request->fault != FAULT_NONE ? ringcast_fault_type(request->fault) : "";
	snprintf(asked->text, sizeof(asked->text), "%.*s", (int)sizeof(asked->text) - 1, request->message);
	snprintf(asked->ticket, sizeof(asked->ticket), "%.*s", (int)sizeof(asked->ticket) - 1, ticket != NULL ? ticket : "");
	json_decref(request->input);
	json_decref(request->output);
	free(question);
	asked->answered(asked);
}

bool ringcast_game_question_ask(struct loop *loop, struct host_question *asked)
{
	struct game_question *question = calloc(1, sizeof(*question));
	if (question == NULL || json_object_set_new(asked->input, GAME_SESSION_MEMBER, json_string(asked->session)) != 0) {
		free(question);
		return false;
	}
	question->asked = asked;
	question->request = (struct request){.operation = asked->kind == HOST_START_BACKFILL ? &ringcast_operation_game_starts_backfill
											      : &ringcast_operation_game_stops_backfill,
					     .input = asked->input,
					     .role = ROLE_BACKEND,
					     .done = answer};
	asked->input = NULL;
	if (ringcast_loop_ask(loop, &question->request))
		return true;
	asked->input = question->request.input;
	free(question);
	return false;
}
