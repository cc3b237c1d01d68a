/* Messages of backends into a session, and the events that its game emits for them. */
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
static bool is_full;

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

static const struct hooks listeners = {.service_message = hear};

static void start(void)
{
	world_start(&world, &(struct world_options){0});
	world.limits.service_messages_per_second = 4;
	world.limits.service_message_bytes = 8;
	world.limits.emitted_events_per_second = 2;
	world.limits.emitted_event_bytes = 10;
	world.store.options.emit = emitted;
	struct session_options options = {.hooks = &listeners, .hooks_context = &world};
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	world_forget(&world);
	heard[0] = '\0';
	is_full = false;
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
