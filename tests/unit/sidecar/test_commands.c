/* What a process says: commands are carried out, nonsense cuts the channel, and old news is nobody's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/prng.h"
#include "session/backend.h"
#include "side_world.h"

/* One session, number 1, with players 1 and 2, on channel 0; the log is empty. */
static struct session *start_game(struct side_world *world)
{
	side_start(world, 1 << SCRIPT_CALLBACK_SEND_TO_PLAYER);
	side_attach(world, 0);
	struct session *session = side_open(world);
	side_login(world, session, "ann", "");
	side_login(world, session, "bob", "");
	side_hear(world, 0);
	side_forget(world);
	return session;
}

static bool say_two(struct side_world *world, enum sidecar_frame_kind kind, int32_t first, int32_t second)
{
	struct sidecar_frame frame = {.kind = (uint8_t)kind, .session = 1, .numbers = {(uint32_t)first, (uint32_t)second}};
	return side_say(world, 0, &frame);
}

static bool say_send(struct side_world *world, bool is_reliable, int32_t sender, int32_t player, int32_t group, const char *payload)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_SEND,
				      .flags = is_reliable,
				      .session = 1,
				      .numbers = {20, (uint32_t)sender, (uint32_t)player, (uint32_t)group},
				      .texts = {side_text(payload)}};
	return side_say(world, 0, &frame);
}

Test(sidecar_commands, messages_go_to_players_and_groups)
{
	struct side_world world;
	start_game(&world);
	cr_assert(say_send(&world, true, -1, 2, 0, "hello"));
	cr_assert(say_send(&world, false, 1, 0, -1, "all"));
	cr_assert(say_send(&world, false, -1, 9, 0, "nobody"));
	expect(&world, "send 20 from -1 reliable to 2 'hello'\nsend 20 from 1 fast to 1,2 'all'\ndrop no_target 1\n");
	side_stop(&world);
}

Test(sidecar_commands, players_are_moved_listed_and_kicked)
{
	struct side_world world;
	struct session *session = start_game(&world);
	cr_assert(say_two(&world, SIDECAR_FRAME_PUT, 7, 1));
	cr_assert(ringcast_group_has(ringcast_session_find_player(session, 1), 7));
	cr_assert(say_two(&world, SIDECAR_FRAME_BROADCAST, 7, -1));
	cr_assert(say_two(&world, SIDECAR_FRAME_TAKE, 7, 1));
	cr_assert(say_two(&world, SIDECAR_FRAME_TAKE, 7, 1));
	cr_assert(say_two(&world, SIDECAR_FRAME_PUT, -3, 1));
	expect(&world, "update 7 to 1\nupdate 7 to 1,2\nupdate 7 to 1\ndrop not_member 1\ndrop group_limit 1\n");
	struct sidecar_frame kick = {.kind = SIDECAR_FRAME_KICK, .session = 1, .numbers = {2}, .texts = {side_text("too loud")}};
	cr_assert(side_say(&world, 0, &kick));
	kick = (struct sidecar_frame){.kind = SIDECAR_FRAME_KICK, .session = 1, .numbers = {1}};
	cr_assert(side_say(&world, 0, &kick));
	cr_assert(side_say(&world, 0, &kick));
	expect(&world, "close 2 kicked 'too loud'\nclose 1 kicked 'kicked'\ndrop no_target 1\n");
	side_stop(&world);
}

Test(sidecar_commands, log_lines_have_a_rate_and_what_was_left_out_is_said)
{
	struct side_world world;
	start_game(&world);
	world.script_limits.log_lines_per_second = 2;
	for (unsigned i = 0; i < 4; i++)
		cr_assert(side_say_log(&world, 0, 1, SCRIPT_INFO, false, "line"));
	expect(&world, "log info: line\nlog info: line\n");
	side_advance_ms(&world, 1000);
	side_forget(&world);
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_CXFATAL, false, "next"));
	expect(&world, "log warn: 2 log lines left out (more than log_lines_per_second)\nlog cxfatal: next\n");
	side_stop(&world);
}

Test(sidecar_commands, memory_is_reported)
{
	struct side_world world;
	struct session *session = start_game(&world);
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_MEMORY, .session = 1, .numbers = {5000000}};
	cr_assert(side_say(&world, 0, &frame));
	cr_assert_eq(ringcast_sidecar_ops.session_bytes(world.host, session), 5000000);
	side_stop(&world);
}

Test(sidecar_commands, a_late_answer_is_counted_and_nothing_else)
{
	struct side_world world;
	struct session *session = start_game(&world);
	world.limits.answer_timeout_ms = 500;
	struct session *other = side_open(&world);
	cr_assert_neq(session, other);
	struct player *player = side_login(&world, other, "eve", "");
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "x"), DROP_NONE);
	side_advance_ms(&world, 1000);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "drop park_timeout 1\n"), "%s", world.log);
	side_forget(&world);
	cr_assert(side_answer(&world, 0, 2, 1, SIDECAR_ANSWER_ALLOW));
	cr_assert(side_answer(&world, 0, 2, 77, SIDECAR_ANSWER_ALLOW)); /* a ticket that was never given */
	expect(&world, "");
	cr_assert_eq(world.counts[SCRIPT_COUNT_LATE_ANSWERS], 2);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).answers_late, 2);
	side_stop(&world);
}

/* One decider: the process is told what was decided without it, and that a question has gone with its player. */
Test(sidecar_commands, what_is_decided_without_the_script_is_told)
{
	struct side_world world;
	start_game(&world);
	world.limits.answer_timeout_ms = 500;
	struct session *other = side_open(&world);
	struct player *player = side_login(&world, other, "eve", "");
	side_hear(&world, 0);
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "x"), DROP_NONE);
	side_hear(&world, 0);
	uint64_t ticket = world.tickets[world.ticket_count - 1];
	side_forget(&world);
	side_advance_ms(&world, 1000);
	side_hear(&world, 0);
	char line[64];
	snprintf(line, sizeof(line), "to 0: MISSED 2 %llu 1\n", (unsigned long long)ticket);
	cr_assert_not_null(strstr(world.log, line), "%s not in %s", line, world.log);
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "y"), DROP_NONE);
	side_hear(&world, 0);
	ticket = world.tickets[world.ticket_count - 1];
	side_forget(&world);
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	side_hear(&world, 0);
	snprintf(line, sizeof(line), "to 0: MISSED 2 %llu 1\n", (unsigned long long)ticket);
	cr_assert_not_null(strstr(world.log, line), "%s not in %s", line, world.log);
	side_stop(&world);
}

Test(sidecar_commands, frames_of_a_session_that_has_ended_are_nobodys)
{
	struct side_world world;
	struct session *session = start_game(&world);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	side_forget(&world);
	cr_assert(say_send(&world, true, -1, 1, 0, "late"));
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_INFO, false, "late"));
	cr_assert(side_say_end(&world, 0, 1, SIDECAR_END_FINISHED, ""));
	expect(&world, "");
	side_stop(&world);
}

Test(sidecar_garbage, what_no_sidecar_says_is_refused)
{
	static const struct sidecar_frame wrong[] = {
		{.kind = SIDECAR_FRAME_MESSAGE, .session = 1},                                /* that is the engine's */
		{.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX}},               /* a second time */
		{.kind = SIDECAR_FRAME_SEND},                                                 /* of no session */
		{.kind = SIDECAR_FRAME_PONG, .session = 1},
		{.kind = SIDECAR_FRAME_ANSWER, .session = 1, .numbers = {1, 3}},
		{.kind = SIDECAR_FRAME_LOG, .session = 1, .numbers = {6}},
		{.kind = SIDECAR_FRAME_END, .session = 1, .numbers = {3}},
		{.kind = SIDECAR_FRAME_CREDIT, .session = 1, .numbers = {1 << 20}},           /* more than was ever sent */
	};
	for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct side_world world;
		start_game(&world);
		cr_assert(!side_say(&world, 0, &wrong[i]), "%u", i);
		side_stop(&world);
	}
}

Test(sidecar_garbage, a_session_is_its_own_channels_alone)
{
	struct side_world world;
	start_game(&world);
	side_attach(&world, 1);
	cr_assert(!side_answer(&world, 1, 1, 1, SIDECAR_ANSWER_ALLOW));
	side_stop(&world);
}

Test(sidecar_garbage, nothing_is_taken_before_a_proper_greeting)
{
	static const struct sidecar_frame wrong[] = {
		{.kind = SIDECAR_FRAME_WELCOME, .numbers = {1, 1}},
		{.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MIN - 1}},
		{.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX + 1}},
		{.kind = SIDECAR_FRAME_WELCOME, .session = 1, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX}},
		{.kind = SIDECAR_FRAME_PONG},
	};
	for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct side_world world;
		side_start(&world, 0);
		ringcast_sidecar_attach(world.host, 0, world.now_ns);
		cr_assert(!side_say(&world, 0, &wrong[i]), "%u", i);
		ringcast_sidecar_detach(world.host, 0, world.now_ns);
		side_stop(&world);
	}
}

/* Random frames, well formed or not, in random pieces: whatever comes, the world stays whole, and garbage costs only its own channel. */
static size_t random_bytes(struct prng *prng, uint8_t *out)
{
	struct sidecar_frame frame = {.kind = (uint8_t)(32 + ringcast_prng_below(prng, 13)), .session = (uint32_t)ringcast_prng_below(prng, 4)};
	static const char text[] = "abcdefghijklmnop";
	for (unsigned i = 0; i < SIDECAR_FRAME_NUMBERS_MAX; i++)
		frame.numbers[i] = ringcast_prng_below(prng, 4) == 0 ? ringcast_prng_next(prng) : ringcast_prng_below(prng, 4);
	frame.texts[0] = ringcast_view_of(text, ringcast_prng_below(prng, sizeof(text)));
	ringcast_sidecar_frame_write(&frame, out);
	size_t size = ringcast_sidecar_frame_bytes(&frame);
	if (ringcast_prng_below(prng, 50) == 0)
		out[ringcast_prng_below(prng, size)] ^= (uint8_t)(1 << ringcast_prng_below(prng, 8));
	return size;
}

static void round_of_chance(struct side_world *world, struct prng *prng)
{
	uint8_t bytes[256];
	size_t size = random_bytes(prng, bytes);
	if (!ringcast_sidecar_feed(world->host, 0, ringcast_view_of(bytes, size), world->now_ns)) {
		ringcast_sidecar_detach(world->host, 0, world->now_ns);
		ringcast_sidecar_inbox_clear(&world->inboxes[0]);
		side_attach(world, 0);
	}
	if (ringcast_prng_below(prng, 20) == 0) {
		struct session *session = side_open(world);
		struct player *player = side_login(world, session, "ann", "");
		if (player != NULL && player->state == PLAYER_ACTIVE)
			side_send(world, player, 11, 1, 0, "x");
	}
	side_hear(world, 0);
	side_advance_ms(world, 100);
}

Test(sidecar_garbage, chance_breaks_nothing, .timeout = 120)
{
	struct side_world world;
	struct prng prng;
	ringcast_prng_init(&prng, 20261121);
	side_start(&world, 0);
	world.is_quiet = true;
	world.limits.empty_session_timeout_ms = 1000;
	side_attach(&world, 0);
	for (unsigned i = 0; i < 20000; i++) {
		round_of_chance(&world, &prng);
		if (world.store.sessions.count > 40) {
			ringcast_sidecar_detach(world.host, 0, world.now_ns);
			ringcast_sidecar_inbox_clear(&world.inboxes[0]);
			ringcast_store_collect(&world.store);
			side_attach(&world, 0);
		}
	}
	cr_assert_gt(ringcast_sidecar_measure(world.host, 0).sessions_lost, 100);
	side_stop(&world);
}

/* Backends */

static char emitted[256];

static void emit(void *context, const struct session *session, const char *name, struct view json)
{
	size_t used = strlen(emitted);
	snprintf(emitted + used, sizeof(emitted) - used, "%s %.*s\n", name, (int)json.size, (const char *)json.data);
}

static bool say_event(struct side_world *world, const char *name, const char *json)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_EMIT, .session = 1, .texts = {side_text(name), side_text(json)}};
	return side_say(world, 0, &frame);
}

Test(sidecar_commands, events_are_looked_at_bounded_and_told)
{
	struct side_world world;
	start_game(&world);
	world.store.options.emit = emit;
	world.limits.emitted_event_bytes = 16;
	world.limits.emitted_events_per_second = 4;
	emitted[0] = '\0';
	cr_assert(say_event(&world, "boss.down", "{\"by\":1}"));
	cr_assert_str_eq(emitted, "boss.down {\"by\":1}\n");
	expect(&world, "");
	cr_assert(say_event(&world, "boss down", "{}"));
	expect(&world, "drop event_invalid 1\nlog warn: emitEvent: 'boss down' is dropped: event_invalid\n");
	cr_assert(say_event(&world, "a", "{\"half\":"));
	expect(&world, "drop event_invalid 1\nlog warn: emitEvent: 'a' is dropped: event_invalid\n");
	cr_assert(say_event(&world, "a", "\"longer than it may be\""));
	expect(&world, "drop oversize 1\nlog warn: emitEvent: 'a' is dropped: oversize\n");
	cr_assert(say_event(&world, "a", "1"));
	cr_assert(say_event(&world, "a", "2"));
	cr_assert(say_event(&world, "a", "3"));
	expect(&world, "drop event_rate 1\nlog warn: emitEvent: 'a' is dropped: event_rate\n");
	cr_assert_str_eq(emitted, "boss.down {\"by\":1}\na 1\na 2\n");
	side_stop(&world);
}

Test(sidecar_commands, a_backends_message_is_a_frame_or_is_not_taken)
{
	struct side_world world;
	side_start(&world, 1 << SCRIPT_CALLBACK_SERVICE_MESSAGE);
	side_attach(&world, 0);
	struct session *session = side_open(&world);
	side_hear(&world, 0);
	side_forget(&world);
	world.limits.service_message_bytes = 8;
	world.limits.service_messages_per_second = 100;
	struct backend_message message = {.player_id = "", .opcode = 7, .payload = side_text("wave")};
	cr_assert_eq(ringcast_backend_message(session, &message, world.now_ns), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: SERVICE 1 7 'wave'\n");
	world.script_limits.outgoing_bytes_max = 1;
	cr_assert_eq(ringcast_backend_message(session, &message, world.now_ns), DROP_SCRIPT_BUSY);
	world.script_limits.outgoing_bytes_max = 1 << 20;
	side_stop(&world);
}

static void take_question(void *context, const struct session *session, uint32_t number, struct view json)
{
	snprintf(emitted, sizeof(emitted), "%u %.*s", number, (int)json.size, (const char *)json.data);
}

Test(sidecar_commands, a_question_is_asked_and_its_answer_or_why_not_is_a_frame)
{
	struct side_world world;
	struct session *session = start_game(&world);
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_ASK, .session = 1, .numbers = {9}, .texts = {side_text("{\"a\":1}")}};
	world.limits.emitted_event_bytes = 16;
	world.limits.emitted_events_per_second = 4;
	world.store.options.question = take_question;
	cr_assert(side_say(&world, 0, &frame));
	cr_assert_str_eq(emitted, "9 {\"a\":1}");
	expect(&world, "");
	cr_assert_eq(ringcast_backend_answer(session, 9, ringcast_view_of("{\"b\":2}", 7), world.now_ns), DROP_NONE);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "ANSWERED 1 9 '{\"b\":2}'"), "%s", world.log);
	side_forget(&world);
	world.store.options.question = NULL;
	cr_assert(side_say(&world, 0, &frame));
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "drop event_unheard 1\nto 0: ANSWERED 1 9 "), "%s", world.log);
	side_forget(&world);
	side_stop(&world);
}

Test(sidecar_commands, messages_are_retained_and_forgotten)
{
	struct side_world world;
	struct session *session = start_game(&world);
	struct sidecar_frame retain = {.kind = SIDECAR_FRAME_RETAIN, .session = 1, .numbers = {20, (uint32_t)-1, (uint32_t)-1, 4294967295u}, .texts = {side_text("kept")}};
	cr_assert(side_say(&world, 0, &retain));
	expect(&world, "send 20 from -1 reliable to 1,2 'kept'\n");
	cr_assert_eq(session->retained_count, 1);
	cr_assert(say_two(&world, SIDECAR_FRAME_FORGET, -1, -1)); /* the same key */
	cr_assert_eq(session->retained_count, 0);
	retain.numbers[2] = 0;
	cr_assert(side_say(&world, 0, &retain));
	expect(&world, "drop group_limit 1\n");
	side_stop(&world);
}

/* What a process says of a snapshot that nobody has asked it for. */
Test(sidecar_commands, a_part_of_no_snapshot_is_a_drop)
{
	struct side_world world;
	start_game(&world);
	struct sidecar_frame part = {.kind = SIDECAR_FRAME_SNAPSHOT_PART, .session = 1, .numbers = {0, 20, (uint32_t)-1}, .texts = {side_text("s")}};
	cr_assert(side_say(&world, 0, &part));
	part.numbers[0] = 77;
	cr_assert(side_say(&world, 0, &part));
	expect(&world, "drop no_target 1\ndrop no_target 1\n");
	side_stop(&world);
}
