#include "service/hosts/local_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct local_question {
	struct host_question asked;
	ringcast_engine *engine;
	uint32_t number;
};

/* Takes answer. */
static void post(ringcast_engine *engine, const char *session, uint32_t number, json_t *answer)
{
	char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
	const char *sure = text != NULL ? text : "{\"Error\":\"InternalServiceException\",\"Message\":\"out of memory\"}";
	ringcast_question_answer_post(engine, session, number, sure, strlen(sure)); /* a session that is not there any more need not hear it */
	free(text);
	json_decref(answer);
}

static void refuse(const ringcast_question *given, const struct local_asking *asking, const char *error, const char *text)
{
	post(asking->engine, given->session_id, given->number, json_pack("{s:s, s:s}", "Error", error, "Message", text));
}

static void answered(struct host_question *asked)
{
	struct local_question *question = asked->context;
	json_t *answer = *asked->fault != '\0' ? json_pack("{s:s, s:s}", "Error", asked->fault, "Message", asked->text)
					      : json_pack("{s:s}", "TicketId", asked->ticket);
	post(question->engine, asked->session, question->number, answer);
	free(question);
}

/* False: there is no such action. */
static bool read_kind(const json_t *input, enum host_question_kind *ret_kind)
{
	static const struct {
		const char *action;
		enum host_question_kind kind;
	} kinds[] = {{"StartMatchBackfill", HOST_START_BACKFILL}, {"StopMatchBackfill", HOST_STOP_BACKFILL}};
	const char *action = json_string_value(json_object_get(input, "Action"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (action != NULL && strcmp(action, kinds[i].action) == 0) {
			*ret_kind = kinds[i].kind;
			return true;
		}
	return false;
}

void ringcast_local_question_ask(const ringcast_question *given, const struct local_asking *asking)
{
	enum host_question_kind kind;
	json_t *input = json_loadb(given->json, given->json_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(input) || !read_kind(input, &kind)) {
		json_decref(input);
		refuse(given, asking, "UnknownOperationException", "a question is an object with an Action: StartMatchBackfill or StopMatchBackfill");
		return;
	}
	struct local_question *question = calloc(1, sizeof(*question));
	if (question != NULL) {
		question->engine = asking->engine;
		question->number = given->number;
		question->asked = (struct host_question){.kind = kind, .input = input, .answered = answered, .context = question};
		snprintf(question->asked.session, sizeof(question->asked.session), "%s", given->session_id);
		if (asking->ask(asking->context, &question->asked))
			return;
		input = question->asked.input;
		free(question);
	}
	json_decref(input);
	refuse(given, asking, "ServiceUnavailableException", "too many requests wait, or the service stops; try again later");
}
