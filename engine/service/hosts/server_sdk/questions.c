/*
 * What game servers ask that the service must answer: each is answered once, by its RequestId on the connection it came by, when the service has
 * answered, or at its deadline, or at once where its process asks too much. One that was given up counts against its process until the service has let it go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "service/hosts/server_sdk/core.h"

enum { QUESTIONS_MAX = 8, QUESTIONS_PER_S = 10 }; /* of a process: unanswered, and asked */
enum { ANSWER_MS = 15 * 1000 };			  /* SDKs wait for 20 s */
enum { STATUS_GOOD = 200, STATUS_TOO_MANY = 429, STATUS_FAILED = 500, STATUS_BUSY = 503 };

struct sdk_question {
	struct host_question asked;
	struct list_node node;	     /* sdk_core.questions */
	struct sdk_process *process; /* NULL: it is gone */
	struct sdk_link *link;	     /* NULL: nobody waits any more */
	struct sdk_message message;  /* its Action and RequestId */
	int64_t deadline_ms;
};

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void destroy(struct sdk_question *question)
{
	json_decref(question->asked.input);
	json_decref(question->message.body);
	free(question);
}

/* Takes input. NULL: out of memory. */
static struct sdk_question *create(const struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message, json_t *input)
{
	struct sdk_question *question = calloc(1, sizeof(*question));
	json_t *body = json_pack("{s:s, s:s}", "Action", message->name, "RequestId", message->request_id);
	if (question == NULL || body == NULL || input == NULL) {
		json_decref(body);
		json_decref(input);
		free(question);
		return NULL;
	}
	question->asked.input = input;
	question->message = (struct sdk_message){.action = message->action,
						 .name = json_string_value(json_object_get(body, "Action")),
						 .request_id = json_string_value(json_object_get(body, "RequestId")),
						 .body = body};
	question->link = link;
	question->process = link->process;
	question->deadline_ms = core->now_ms + ANSWER_MS;
	return question;
}

static bool asks_too_much(struct sdk_core *core, struct sdk_process *process)
{
	int64_t second = core->now_ms / 1000;
	if (process->asked_second != second) {
		process->asked_second = second;
		process->asked_count = 0;
	}
	return process->question_count >= QUESTIONS_MAX || process->asked_count++ >= QUESTIONS_PER_S;
}

static void refuse(struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message, unsigned status, const char *text)
{
	ringcast_sdk_core_send(core, link, ringcast_sdk_message_refuse(message, status, text));
}

void ringcast_sdk_core_ask(struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message, enum host_question_kind kind, json_t *input)
{
	struct sdk_process *process = link->process;
	if (asks_too_much(core, process)) {
		count(&core->counts.questions_refused);
		json_decref(input);
		refuse(core, link, message, STATUS_TOO_MANY, "this process asks too often, or too many of its requests wait for an answer; try again later");
		return;
	}
	struct sdk_question *question = create(core, link, message, input);
	if (question == NULL) {
		refuse(core, link, message, STATUS_FAILED, "out of memory");
		return;
	}
	question->asked.kind = kind;
	memcpy(question->asked.session, process->session->id, sizeof(question->asked.session));
	ringcast_list_add_tail(&core->questions, &question->node);
	process->question_count++;
	if (core->options.ops->ask(core->options.context, &question->asked)) {
		count(&core->counts.questions);
		return;
	}
	ringcast_list_remove(&question->node);
	process->question_count--;
	destroy(question);
	refuse(core, link, message, STATUS_BUSY, "too many requests wait, or the service stops; try again later");
}

static void answer(struct sdk_core *core, const struct sdk_question *question)
{
	const struct host_question *asked = &question->asked;
	if (asked->status != STATUS_GOOD) {
		char text[HOST_TEXT_BYTES + 64];
		snprintf(text, sizeof(text), "%.60s: %s", asked->fault, asked->text);
		refuse(core, question->link, &question->message, asked->status, text);
		return;
	}
	json_t *result = asked->kind == HOST_START_BACKFILL ? json_pack("{s:s}", "TicketId", asked->ticket) : NULL;
	ringcast_sdk_core_send(core, question->link, ringcast_sdk_message_answer(&question->message, result));
}

void ringcast_sdk_core_take_answer(struct sdk_core *core, struct host_question *asked)
{
	struct sdk_question *question = CONTAINER_OF(asked, struct sdk_question, asked);
	ringcast_list_remove(&question->node);
	if (question->process != NULL)
		question->process->question_count--;
	if (question->link != NULL)
		answer(core, question);
	destroy(question);
}

/* All are given the same time, so the oldest is the first whose time is up. */
void ringcast_sdk_questions_tick(struct sdk_core *core)
{
	for (struct list_node *node = core->questions.next; node != &core->questions; node = node->next) {
		struct sdk_question *question = CONTAINER_OF(node, struct sdk_question, node);
		if (question->deadline_ms > core->now_ms)
			return;
		if (question->link == NULL)
			continue;
		count(&core->counts.answers_late);
		refuse(core, question->link, &question->message, STATUS_BUSY, "the service did not answer in time; what became of it can be described later");
		question->link = NULL;
	}
}

void ringcast_sdk_questions_put_off(struct sdk_core *core, int64_t by_ms)
{
	for (struct list_node *node = core->questions.next; node != &core->questions; node = node->next)
		CONTAINER_OF(node, struct sdk_question, node)->deadline_ms += by_ms;
}

void ringcast_sdk_questions_lose_link(struct sdk_core *core, const struct sdk_link *link)
{
	for (struct list_node *node = core->questions.next; node != &core->questions; node = node->next) {
		struct sdk_question *question = CONTAINER_OF(node, struct sdk_question, node);
		if (question->link != link)
			continue;
		count(&core->counts.answers_lost);
		question->link = NULL;
	}
}

void ringcast_sdk_questions_lose_process(struct sdk_core *core, const struct sdk_process *process)
{
	for (struct list_node *node = core->questions.next; node != &core->questions; node = node->next) {
		struct sdk_question *question = CONTAINER_OF(node, struct sdk_question, node);
		if (question->process == process)
			question->process = NULL;
	}
}
