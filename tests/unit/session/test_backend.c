/* Messages of backends into a session, the events that its game emits for them, and the questions that it asks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "session/backend.h"
#include "session/command.h"
#include "world.h"

static struct world world;
static struct session *session;
static char heard[512];
static bool is_full, asks_of_leavers;

static bool hear(void *context, struct session *of, const struct packet *packet)
{
	size_t used = strlen(heard);
	if (is_full)
		return false;
	snprintf(heard + used, sizeof(heard) - used, "%d from %d '%.*s'\n", packet->opcode, packet->sender, (int)packet->payload.size,
		 (const char *)packet->payload.data);
	ringcast_command_send(of, &(struct packet){.opcode = 50, .sender = PROTO_PEER_SERVER, .target_group = PROTO_GROUP_ALL}, INTENT_RELIABLE);
	return true;
}

static void emitted(void *context, const struct session *of, const char *name, struct view json)
{
	size_t used = strlen(heard);
	cr_assert_eq(of, session);
	snprintf(heard + used, sizeof(heard) - used, "%s %.*s\n", name, (int)json.size, (const char *)json.data);
}

static void asked(void *context, const struct session *of, uint32_t number, struct view json)
{
	size_t used = strlen(heard);
	cr_assert_eq(of, session);
	snprintf(heard + used, sizeof(heard) - used, "asked %u %.*s with %u players\n", number, (int)json.size, (const char *)json.data, of->player_count);
}

static void answered(void *context, struct session *of, uint32_t number, struct view json)
{
	size_t used = strlen(heard);
	snprintf(heard + used, sizeof(heard) - used, "answered %u %.*s\n", number, (int)json.size, (const char *)json.data);
	ringcast_command_send(of, &(struct packet){.opcode = 51, .sender = PROTO_PEER_SERVER, .target_group = PROTO_GROUP_ALL}, INTENT_RELIABLE);
}

static enum drop_reason ask(uint32_t number, const char *json)
{
	enum drop_reason reason = ringcast_backend_admit_question(session, strlen(json), world.now_ns);
	return reason != DROP_NONE ? reason : ringcast_command_ask(session, number, ringcast_view_of(json, strlen(json)));
}

static void left(void *context, struct session *of, struct player *player, enum close_reason reason)
{
	if (asks_of_leavers)
		cr_assert_eq(ask(7, "{}"), DROP_NONE);
}

static const struct hooks listeners = {.service_message = hear, .question_answered = answered, .player_disconnected = left};

static void start(void)
{
	world_start(&world, &(struct world_options){0});
	world.limits.service_messages_per_second = 4;
	world.limits.service_message_bytes = 8;
	world.limits.emitted_events_per_second = 2;
	world.limits.emitted_event_bytes = 10;
	world.store.options.emit = emitted;
	world.store.options.question = asked;
	struct session_options options = {.hooks = &listeners, .hooks_context = &world};
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	world_forget(&world);
	heard[0] = '\0';
	is_full = asks_of_leavers = false;
}

static void stop(void)
{
	check_store(&world.store);
	world_stop(&world);
}

TestSuite(backend, .init = start, .fini = stop);

static enum drop_reason say(const char *player_id, int32_t peer_id, int32_t opcode, const char *text)
{
	struct backend_message message = {.player_id = player_id, .peer_id = peer_id, .opcode = opcode, .payload = ringcast_view_of(text, strlen(text))};
	return ringcast_backend_message(session, &message, world.now_ns);
}

Test(backend, a_message_reaches_the_game_and_what_it_does_about_it_happens)
{
	world_join(&world, session);
	world_forget(&world);
	cr_assert_eq(say("", 0, 7, "hello"), DROP_NONE);
	cr_assert_str_eq(heard, "7 from -1 'hello'\n");
	cr_assert_not_null(strstr(world.log, "50"), "%s", world.log);
	world_forget(&world);
}

Test(backend, a_message_to_a_player_is_the_servers_own)
{
	struct player *player;
	char token[PLAYER_TOKEN_BYTES];
	cr_assert_eq(ringcast_admission_reserve(session, "alice", NULL, world.now_ns, &player, token), DROP_NONE);
	cr_assert_eq(say("alice", 0, 9, "early"), DROP_NO_TARGET);
	cr_assert_eq(world_admit(&world, token), player);
	world_forget(&world);
	cr_assert_eq(say("alice", 0, 9, "hi"), DROP_NONE);
	cr_assert_not_null(strstr(world.log, "'hi'"), "%s", world.log);
	world_forget(&world);
	cr_assert_eq(say("", 1, 9, "you"), DROP_NONE);
	cr_assert_not_null(strstr(world.log, "'you'"), "%s", world.log);
	world_forget(&world);
	cr_assert_eq(say("bob", 0, 9, "hi"), DROP_NO_TARGET);
	cr_assert_str_eq(heard, "");
}

Test(backend, engine_op_codes_are_no_backends)
{
	world_join(&world, session);
	world_forget(&world);
	cr_assert_eq(say("", 1, OPCODE_LOGIN_RESPONSE, ""), DROP_BAD_STATE);
	cr_assert_eq(say("", 1, OPCODE_LOGIN, ""), DROP_BAD_STATE);
	expect(&world, "");
}

Test(backend, so_many_a_second_and_so_long)
{
	cr_assert_eq(say("", 0, 1, "123456789"), DROP_OVERSIZE);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(say("", 0, 1, "12345678"), DROP_NONE);
	cr_assert_eq(say("", 0, 1, ""), DROP_SERVICE_RATE);
	cr_assert_eq(session->drops, 2);
	world_advance_ms(&world, 1000);
	cr_assert_eq(say("", 0, 1, ""), DROP_NONE);
}

Test(backend, a_game_that_does_not_listen_or_has_no_room_says_so)
{
	struct session *listening = session;
	session = world_open(&world);
	cr_assert_eq(say("", 0, 1, "x"), DROP_SERVICE_UNHEARD);
	session = listening;
	is_full = true;
	cr_assert_eq(say("", 0, 1, "x"), DROP_SCRIPT_BUSY);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(say("", 0, 1, "x"), DROP_SESSION_ENDED);
	world_forget(&world);
}

Test(backend, events_are_told_at_once_and_bounded)
{
	static const char *const bad[] = {"", "1up", "two words", "a/b", "x2345678901234567890123456789012345678901234567890123456789012345"};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		cr_assert_eq(ringcast_backend_admit_event(session, bad[i], 2, world.now_ns), DROP_EVENT_INVALID, "%s", bad[i]);
	cr_assert_eq(ringcast_backend_admit_event(session, "big", 11, world.now_ns), DROP_OVERSIZE);
	cr_assert_eq(ringcast_backend_admit_event(session, "wave.done-3", 10, world.now_ns), DROP_NONE);
	ringcast_backend_tell_event(session, "wave.done-3", ringcast_view_of("{}", 2));
	cr_assert_str_eq(heard, "wave.done-3 {}\n");
	cr_assert_eq(ringcast_backend_admit_event(session, "a", 2, world.now_ns), DROP_NONE);
	cr_assert_eq(ringcast_backend_admit_event(session, "a", 2, world.now_ns), DROP_EVENT_RATE);
	world_advance_ms(&world, 1000);
	cr_assert_eq(ringcast_backend_admit_event(session, "a", 2, world.now_ns), DROP_NONE);
	world.store.options.emit = NULL;
	cr_assert_eq(ringcast_backend_admit_event(session, "a", 2, world.now_ns), DROP_EVENT_UNHEARD);
}

Test(backend, a_question_is_asked_when_its_event_is_complete)
{
	struct player *player = world_join(&world, session);
	cr_assert_eq(session->player_count, 1);
	world_forget(&world);
	asks_of_leavers = true;
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	cr_assert_str_eq(heard, "asked 7 {} with 0 players\n", "%s", heard);
	ringcast_store_collect(&world.store);
	world_forget(&world);
}

Test(backend, an_answer_reaches_the_game_that_asked)
{
	world_join(&world, session);
	world_forget(&world);
	cr_assert_eq(ringcast_backend_answer(session, 3, ringcast_view_of("{}", 2), world.now_ns), DROP_NO_TARGET, "nobody has asked");
	cr_assert_eq(ask(3, "{\"a\":1}"), DROP_NONE);
	cr_assert_eq(ringcast_backend_answer(session, 3, ringcast_view_of("{\"b\":2}", 7), world.now_ns), DROP_NONE);
	cr_assert_str_eq(heard, "asked 3 {\"a\":1} with 1 players\nanswered 3 {\"b\":2}\n", "%s", heard);
	cr_assert_not_null(strstr(world.log, "51"), "%s", world.log);
	cr_assert_eq(ringcast_backend_answer(session, 3, ringcast_view_of("{}", 2), world.now_ns), DROP_NO_TARGET, "once");
	world_forget(&world);
}

Test(backend, questions_are_bounded_and_told_where_nobody_answers)
{
	cr_assert_eq(ask(1, "12345678901"), DROP_OVERSIZE);
	cr_assert_eq(ask(1, "{}"), DROP_NONE);
	cr_assert_eq(ask(2, "{}"), DROP_NONE);
	cr_assert_eq(ask(3, "{}"), DROP_EVENT_RATE);
	for (uint32_t i = 0; i < 3; i++) {
		world_advance_ms(&world, 1000);
		cr_assert_eq(ask(4, "{}"), DROP_NONE);
		cr_assert_eq(ask(5, "{}"), DROP_NONE);
	}
	world_advance_ms(&world, 1000);
	cr_assert_eq(ask(6, "{}"), DROP_EVENT_RATE, "eight have no answer");
	cr_assert_eq(ringcast_backend_answer(session, 1, ringcast_view_of("{}", 2), world.now_ns), DROP_NONE);
	cr_assert_eq(ask(6, "{}"), DROP_NONE);
	world.store.options.question = NULL;
	cr_assert_eq(ask(7, "{}"), DROP_EVENT_UNHEARD);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(ask(8, "{}"), DROP_SESSION_ENDED);
	cr_assert_eq(ringcast_backend_answer(session, 6, ringcast_view_of("{}", 2), world.now_ns), DROP_SESSION_ENDED);
	world_forget(&world);
}

Test(backend, news_reach_who_listens_and_cost_nobody_else_anything)
{
	static const struct hooks deaf = {.tick = NULL};
	struct session_options options = {.hooks = &deaf, .hooks_context = &world};
	struct session *other;
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &other), DROP_NONE);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(ringcast_backend_news(other, ringcast_view_of("{}", 2), world.now_ns), DROP_NONE);
	cr_assert_eq(other->drops, 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(ringcast_backend_news(session, ringcast_view_of("{}", 2), world.now_ns), DROP_NONE);
	cr_assert_eq(ringcast_backend_news(session, ringcast_view_of("{}", 2), world.now_ns), DROP_SERVICE_RATE);
	cr_assert_not_null(strstr(heard, "answered 0 {}"), "%s", heard);
	ringcast_session_end_now(other, CLOSE_SESSION_ENDED, world.now_ns);
	world_forget(&world);
}
