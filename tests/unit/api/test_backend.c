/* Backends: their messages into a session of an embedded engine, with completions, and the events that its game emits. On both ways to do I/O. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "both.h"
#include "stage.h"

static struct stage stage;

struct told {
	int result, count;
};

static void tell_result(void *context, int result)
{
	struct told *told = context;
	told->result = result;
	__atomic_add_fetch(&told->count, 1, __ATOMIC_RELEASE);
}

static void answer_backend(ringcast_session *session, const ringcast_message *message)
{
	bool is_right = message->sender == RINGCAST_PEER_SERVER && message->payload_bytes == 4;
	ringcast_message answer = *message;
	answer.opcode = is_right ? message->opcode + 1 : 99;
	answer.target_player = 1;
	cr_assert_eq(ringcast_session_send(session, &answer), RINGCAST_OK);
	cr_assert_eq(ringcast_session_emit_event(session, "heard", "{\"n\":1}"), RINGCAST_OK);
	cr_assert_eq(ringcast_session_emit_event(session, "heard", "{\"n\":"), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_session_emit_event(session, "he ard", "1"), RINGCAST_ERROR_ARGUMENT);
}

static char events[256];

static void take_event(void *context, const ringcast_event *event)
{
	size_t used = strlen(events);
	cr_assert_eq(context, events);
	snprintf(events + used, sizeof(events) - used, "%d %s %.*s\n", strncmp(event->session_id, "gsess-", 6), event->name, (int)event->json_bytes, event->json);
}

BOTH(backend, is_heard_answered_and_told)
{
	struct told told = {0};
	game.service_message = answer_backend;
	ringcast_engine_options options = stage_small();
	options.io = io;
	options.event = take_event;
	options.event_context = events;
	stage_start(&stage, &options, &(ringcast_session_options){.size = sizeof(ringcast_session_options)});
	stage_connect(&stage, 0, "alice", "");
	stage_until(&stage, stage.actors[0].peer_id != 0);
	ringcast_service_message message = RINGCAST_SERVICE_MESSAGE_INIT;
	message.session_id = stage.session;
	message.opcode = 20;
	message.payload = "wave";
	message.payload_bytes = 4;
	cr_assert_eq(ringcast_service_message_post(stage.engine, &message, tell_result, &told), RINGCAST_OK);
	message.player_id = "alice";
	message.opcode = 30;
	cr_assert_eq(ringcast_service_message_send(stage.engine, &message), RINGCAST_OK);
	cr_assert_eq(__atomic_load_n(&told.count, __ATOMIC_ACQUIRE), 1); /* in order */
	cr_assert_eq(told.result, RINGCAST_OK);
	stage_fence(&stage, 0);
	cr_assert_not_null(strstr(stage.actors[0].heard, "21"), "%s", stage.actors[0].heard);
	cr_assert_not_null(strstr(stage.actors[0].heard, "30"), "%s", stage.actors[0].heard);
	message.player_id = "bob";
	cr_assert_eq(ringcast_service_message_send(stage.engine, &message), RINGCAST_ERROR_NOT_FOUND);
	message.session_id = "gsess-nobody";
	cr_assert_eq(ringcast_service_message_post(stage.engine, &message, tell_result, &told), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_service_message_post(stage.engine, NULL, tell_result, &told), RINGCAST_ERROR_ARGUMENT);
	stage_stop(&stage);
	cr_assert_eq(told.count, 1);
	cr_assert_str_eq(events, "0 heard {\"n\":1}\n");
}

static ringcast_engine *asking_engine;
static char heard_answer[128];

static void ask_backend(ringcast_session *session, const ringcast_message *message)
{
	cr_assert_eq(ringcast_session_ask(session, 5, "{\"Action\":"), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_session_ask(session, 5, NULL), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_session_ask(session, 5, "{\"Action\":\"x\"}"), RINGCAST_OK);
}

static void hear_answer(ringcast_session *session, uint32_t number, const char *json, size_t json_bytes)
{
	snprintf(heard_answer, sizeof(heard_answer), "%u %.*s", number, (int)json_bytes, json);
	ringcast_message done = {.opcode = 40, .target_player = 1, .intent = RINGCAST_RELIABLE, .sender = RINGCAST_PEER_SERVER};
	cr_assert_eq(ringcast_session_send(session, &done), RINGCAST_OK);
}

static void take_question(void *context, const ringcast_question *question)
{
	cr_assert_eq(context, events);
	cr_assert_eq(question->number, 5);
	cr_assert_eq(strncmp(question->json, "{\"Action\":\"x\"}", question->json_bytes), 0);
	cr_assert_eq(ringcast_question_answer_post(asking_engine, question->session_id, question->number, "{\"TicketId\":\"t\"}", 16), RINGCAST_OK);
}

/* Alice's game is told to ask, and has heard the answer. */
static void play_question(ringcast_io io, ringcast_question_fn *take)
{
	game.service_message = ask_backend;
	game.question_answered = hear_answer;
	ringcast_engine_options options = stage_small();
	options.io = io;
	options.question = take;
	options.question_context = events;
	stage_start(&stage, &options, &(ringcast_session_options){.size = sizeof(ringcast_session_options)});
	asking_engine = stage.engine;
	stage_connect(&stage, 0, "alice", "");
	stage_until(&stage, stage.actors[0].peer_id != 0);
	ringcast_service_message message = RINGCAST_SERVICE_MESSAGE_INIT;
	message.session_id = stage.session;
	message.opcode = 20;
	cr_assert_eq(ringcast_service_message_send(stage.engine, &message), RINGCAST_OK);
	stage_until(&stage, strstr(stage.actors[0].heard, "40") != NULL);
}

BOTH(backend, a_game_asks_and_is_answered)
{
	play_question(io, take_question);
	char text[4097];
	memset(text, ' ', sizeof(text));
	cr_assert_eq(ringcast_question_answer_post(stage.engine, stage.session, 1, text, sizeof(text)), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_question_answer_post(stage.engine, stage.session, 1, NULL, 0), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_question_answer_post(stage.engine, "gsess-nobody", 1, "{}", 2), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
	cr_assert_str_eq(heard_answer, "5 {\"TicketId\":\"t\"}");
}

static int full_count; /* of them all */

static void count_full(void *context, int result)
{
	(void)context;
	full_count += result == RINGCAST_ERROR_FULL;
}

/* On the shard's thread, which meanwhile answers nobody: requests until there is no place for another, then the answer. */
static void answer_behind_others(void *context, const ringcast_question *question)
{
	enum { FILL_MAX = 100000 };
	ringcast_service_message filler = RINGCAST_SERVICE_MESSAGE_INIT;
	(void)context;
	full_count = 0;
	filler.session_id = question->session_id;
	filler.player_id = "nobody";
	for (int i = 0; i < FILL_MAX && full_count == 0; i++)
		cr_assert_eq(ringcast_service_message_post(asking_engine, &filler, count_full, NULL), RINGCAST_OK);
	cr_assert_eq(full_count, 1);
	cr_assert_eq(ringcast_question_answer_post(asking_engine, question->session_id, question->number, "{\"TicketId\":\"t\"}", 16), RINGCAST_OK);
}

BOTH(backend, an_answer_is_heard_however_many_requests_wait)
{
	play_question(io, answer_behind_others);
	stage_stop(&stage);
	cr_assert_str_eq(heard_answer, "5 {\"TicketId\":\"t\"}");
}

BOTH(backend, nobody_listens)
{
	ringcast_engine_options options = {.size = sizeof(options), .io = io};
	stage_start(&stage, &options, NULL);
	ringcast_service_message message = RINGCAST_SERVICE_MESSAGE_INIT;
	message.session_id = stage.session;
	cr_assert_eq(ringcast_service_message_send(stage.engine, &message), RINGCAST_ERROR_UNHEARD);
	stage_stop(&stage);
}
