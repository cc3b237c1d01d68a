#include "service/game_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
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

static size_t character_bytes(const char *text, size_t size)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= size; bytes++)
		if (ringcast_utf8_step(UTF8_COMPLETE, ringcast_view_of(text, bytes)) == UTF8_COMPLETE)
			return bytes;
	return 0;
}

/* Refusals name what was asked, and cut it: what is no UTF-8 then would be no JSON either. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t left = strlen(from), used = 0, bytes;
	for (; left > 0; from += bytes, left -= bytes) {
		bytes = character_bytes(from, left);
		const char *text = bytes > 0 ? from : "?";
		bytes = bytes > 0 ? bytes : 1;
		if (used + bytes >= size)
			break;
		memcpy(to + used, text, bytes);
		used += bytes;
	}
	to[used] = '\0';
}

/* Only texts leave the loop's thread: the trees may be the records'. */
static void answer(struct request *request)
{
	struct game_question *question = CONTAINER_OF(request, struct game_question, request);
	struct host_question *asked = question->asked;
	const char *ticket = json_string_value(json_object_get(json_object_get(request->output, "MatchmakingTicket"), "TicketId"));
	asked->status = status_of(request->fault);
	asked->fault = request->fault != FAULT_NONE ? ringcast_fault_type(request->fault) : "";
	copy_text(asked->text, sizeof(asked->text), request->message);
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
					     .is_game_question = true,
					     .done = answer};
	asked->input = NULL;
	if (ringcast_loop_ask(loop, &question->request))
		return true;
	asked->input = question->request.input;
	free(question);
	return false;
}
