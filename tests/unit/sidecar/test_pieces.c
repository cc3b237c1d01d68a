/* What a session begins with and is too long for one frame: pieces in order, within the bounds, and what a process may say until the last is sent. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "side_world.h"

enum { LONG_BYTES = 262144 };

static struct session *open_with(struct side_world *world, const char *properties)
{
	struct session *session;
	struct session_options options = {.name = "arena", .properties = properties, .players_max = 8, .empty_timeout_ms = UINT32_MAX,
					  .hooks = &world->hooks, .hooks_context = world->program->hooks_context};
	cr_assert_eq(ringcast_session_open(&world->store, &options, world->now_ns, &session), DROP_NONE);
	return session;
}

static char *text_of(size_t size)
{
	char *text = malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i % 23);
	text[size] = '\0';
	return text;
}

static void start(struct side_world *world, uint32_t window_bytes)
{
	side_start_patient(world, 0, 0, window_bytes);
	side_attach(world, 0);
}

/* What one process has been told of its sessions' data, by the session's number. */
struct heard {
	char *text[4];
	size_t size[4];
	unsigned piece_count[4], open_count;
	bool is_whole[4];
};

static void hear_piece(struct heard *heard, const struct sidecar_frame *frame)
{
	struct view bytes = frame->texts[0];
	uint32_t number = frame->session;
	cr_assert_lt(number, 4);
	cr_assert_eq(frame->numbers[0], SIDECAR_PIECE_PROPERTIES);
	cr_assert_eq(frame->numbers[2], heard->size[number], "in order");
	cr_assert(bytes.size > 0 && bytes.size <= SIDECAR_PIECE_BYTES_MAX && !heard->is_whole[number]);
	heard->text[number] = realloc(heard->text[number], heard->size[number] + bytes.size + 1);
	memcpy(heard->text[number] + heard->size[number], bytes.data, bytes.size);
	heard->size[number] += bytes.size;
	heard->text[number][heard->size[number]] = '\0';
	heard->piece_count[number]++;
	heard->is_whole[number] = (frame->flags & SIDECAR_FLAG_MORE) == 0;
	cr_assert_eq(heard->is_whole[number], heard->size[number] == frame->numbers[1]);
}

/* All that is pending, once. */
static void hear(struct side_world *world, struct heard *heard)
{
	struct view pending = ringcast_sidecar_pending(world->host, 0);
	struct sidecar_frame frame;
	size_t size;
	for (size_t at = 0; at < pending.size; at += size) {
		struct view rest = ringcast_view_of(pending.data + at, pending.size - at);
		cr_assert_eq(ringcast_sidecar_frame_read(rest, &frame, &size), SIDECAR_FRAME_OK);
		if (frame.kind == SIDECAR_FRAME_PIECE)
			hear_piece(heard, &frame);
		if (frame.kind == SIDECAR_FRAME_OPEN)
			heard->open_count++;
	}
	ringcast_sidecar_sent(world->host, 0, pending.size);
}

static void forget(struct heard *heard)
{
	for (unsigned i = 0; i < ARRAY_COUNT(heard->text); i++)
		free(heard->text[i]);
}

Test(sidecar_pieces, a_text_up_to_the_size_of_a_piece_lies_in_the_open_and_a_longer_one_follows_it)
{
	struct side_world world;
	char *text = text_of(SIDECAR_PIECE_BYTES_MAX + 1);
	start(&world, 1 << 20);
	side_hear(&world, 0);
	side_forget(&world);
	text[SIDECAR_PIECE_BYTES_MAX] = '\0';
	open_with(&world, text);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "'arena' 16384 bytes '' 'game'"), "%s", world.log);
	cr_assert_null(strstr(world.log, "PIECE"));
	side_forget(&world);
	text[SIDECAR_PIECE_BYTES_MAX] = 'x';
	open_with(&world, text);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "'arena' '' '' 'game'"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "to 0: PIECE 2 reliable 0 16385 0 16384 bytes\nto 0: PIECE 2 0 16385 16384 'x'\n"), "%s", world.log);
	free(text);
	side_stop(&world);
}

Test(sidecar_pieces, every_byte_comes_in_order_whatever_waits_in_the_sessions_window)
{
	struct side_world world;
	struct heard heard = {0};
	char *text = text_of(LONG_BYTES);
	start(&world, 4096);
	hear(&world, &heard);
	struct session *session = open_with(&world, text);
	struct player *player = side_login(&world, session, "ann", "");
	cr_assert_not_null(player); /* the question is asked meanwhile, and not answered yet */
	for (unsigned i = 0; i < 40 && !heard.is_whole[1]; i++)
		hear(&world, &heard);
	cr_assert_str_eq(heard.text[1], text);
	cr_assert(player->is_waiting);
	cr_assert(!side_credit(&world, 0, 1, 4097), "pieces are not to be credited");
	forget(&heard);
	free(text);
	side_stop(&world);
}

Test(sidecar_pieces, half_of_the_queue_is_left_to_others_and_sessions_take_turns)
{
	struct side_world world;
	struct heard heard = {0};
	char *text = text_of(LONG_BYTES);
	start(&world, 1 << 20);
	hear(&world, &heard);
	world.script_limits.outgoing_bytes_max = 65536; /* the least that can be configured */
	open_with(&world, text);
	open_with(&world, text);
	for (unsigned i = 0; i < 100 && !(heard.is_whole[1] && heard.is_whole[2]); i++) {
		cr_assert_leq(ringcast_sidecar_measure(world.host, 0).queued_bytes, 32768 + 512);
		hear(&world, &heard);
		cr_assert(heard.piece_count[1] <= heard.piece_count[2] + 2 && heard.piece_count[2] <= heard.piece_count[1] + 2);
	}
	cr_assert_str_eq(heard.text[1], text);
	cr_assert_str_eq(heard.text[2], text);
	forget(&heard);
	free(text);
	side_stop(&world);
}

Test(sidecar_pieces, wait_for_the_process_to_be_ready)
{
	struct side_world world;
	struct heard heard = {0};
	char *text = text_of(LONG_BYTES);
	side_start_patient(&world, 0, 0, 1 << 20);
	open_with(&world, text);
	cr_assert_lt(ringcast_sidecar_measure(world.host, 0).queued_bytes, 1024, "what no process is there for lies where it lay");
	side_attach(&world, 0);
	for (unsigned i = 0; i < 10 && !heard.is_whole[1]; i++)
		hear(&world, &heard);
	cr_assert_str_eq(heard.text[1], text);
	forget(&heard);
	free(text);
	side_stop(&world);
}

Test(sidecar_pieces, every_text_may_be_long_and_they_come_one_after_the_other)
{
	struct side_world world;
	char *text = text_of(60000), *arguments = text_of(70000);
	start(&world, 1 << 20);
	side_hear(&world, 0);
	struct sidecar_options options = {.environment = &world.environment, .channel_count = 1, .sessions_max = 4, .arguments = arguments};
	struct sidecar_host *host = ringcast_sidecar_create(&options), *before = world.host;
	char error[SCRIPT_ERROR_BYTES];
	struct script_program *program = ringcast_sidecar_ops.load(host, &world.script, error, sizeof(error));
	struct session *session;
	struct session_options long_session = {.properties = text, .matchmaker_data = text, .players_max = 8, .hooks = &program->hooks, .hooks_context = program->hooks_context};
	world.host = host;
	side_attach(&world, 0);
	cr_assert_eq(ringcast_session_open(&world.store, &long_session, world.now_ns, &session), DROP_NONE);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "to 0: PIECE 1 reliable 0 60000 49152 10848 bytes\nto 0: PIECE 1 reliable 1 60000 0 16384 bytes\n"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "to 0: PIECE 1 reliable 1 60000 49152 10848 bytes\nto 0: PIECE 1 reliable 2 70000 0 16384 bytes\n"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "to 0: PIECE 1 2 70000 65536 4464 bytes\n"), "%s", world.log);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	ringcast_store_collect(&world.store);
	ringcast_sidecar_ops.unload(host, program);
	ringcast_sidecar_destroy(&host);
	world.host = before;
	free(text);
	free(arguments);
	side_stop(&world);
}

/* Half of the data is sent, and no credit was given for it. */
static struct session *start_half(struct side_world *world, char *text)
{
	struct heard heard = {0};
	start(world, 1 << 20);
	world->script_limits.outgoing_bytes_max = 65536;
	struct session *session = open_with(world, text);
	hear(world, &heard);
	cr_assert(heard.size[1] > 0 && !heard.is_whole[1]);
	forget(&heard);
	side_forget(world);
	return session;
}

Test(sidecar_pieces, a_process_that_acts_before_the_last_piece_is_cut_and_no_other)
{
	static const struct sidecar_frame wrong[] = {
		{.kind = SIDECAR_FRAME_OPENED, .session = 1},
		{.kind = SIDECAR_FRAME_ANSWER, .session = 1, .numbers = {1, 1}},
		{.kind = SIDECAR_FRAME_SEND, .session = 1, .numbers = {5, 1, 1, 0}},
		{.kind = SIDECAR_FRAME_BROADCAST, .session = 1, .numbers = {1, 1}},
		{.kind = SIDECAR_FRAME_KICK, .session = 1, .numbers = {1}},
		{.kind = SIDECAR_FRAME_PUT, .session = 1, .numbers = {1, 1}},
		{.kind = SIDECAR_FRAME_TAKE, .session = 1, .numbers = {1, 1}},
		{.kind = SIDECAR_FRAME_PIECE, .session = 1, .numbers = {0, 1, 0}, .texts = {{(const uint8_t *)"x", 1}}}, /* that is the engine's */
		{.kind = SIDECAR_FRAME_CREDIT, .session = 1, .numbers = {1 << 20}},
	};
	char *text = text_of(LONG_BYTES);
	for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct side_world world;
		start_half(&world, text);
		side_attach(&world, 1);
		struct session *other = side_open(&world);
		cr_assert(!side_say(&world, 0, &wrong[i]), "%u", i);
		ringcast_sidecar_detach(world.host, 0, world.now_ns);
		cr_assert_eq(ringcast_sidecar_measure(world.host, 0).session_count, 0);
		cr_assert_eq(ringcast_sidecar_measure(world.host, 1).session_count, 1);
		cr_assert_eq(other->state, SESSION_ACTIVE);
		side_stop(&world);
	}
	free(text);
}

Test(sidecar_pieces, a_process_may_say_that_it_lives_or_that_it_cannot_before_the_last_piece)
{
	struct side_world world;
	char *text = text_of(LONG_BYTES);
	start_half(&world, text);
	cr_assert(side_credit(&world, 0, 1, 0));
	cr_assert(side_say(&world, 0, &(struct sidecar_frame){.kind = SIDECAR_FRAME_MEMORY, .session = 1, .numbers = {1000}}));
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_WARN, false, "slow"));
	cr_assert(side_say_end(&world, 0, 1, SIDECAR_END_FAILED, "no worker"));
	expect(&world, "log warn: slow\nlog fatal: no worker\nended script_failed\n");
	free(text);
	side_stop(&world);
}

Test(sidecar_pieces, a_session_or_a_process_that_ends_half_way_leaves_nothing_behind)
{
	struct side_world world;
	char *text = text_of(LONG_BYTES);
	struct session *session = start_half(&world, text);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	ringcast_store_collect(&world.store);
	side_forget(&world);
	side_hear(&world, 0);
	cr_assert_null(strstr(world.log, "PIECE 1 0"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "to 0: CLOSE 1 'shutdown'\n"), "%s", world.log);
	open_with(&world, text);
	ringcast_sidecar_detach(world.host, 0, world.now_ns);
	ringcast_store_collect(&world.store);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).queued_bytes, 0);
	struct heard heard = {0};
	ringcast_sidecar_attach(world.host, 0, world.now_ns);
	hear(&world, &heard);
	cr_assert_eq(heard.open_count, 0, "the next process hears nothing of it");
	forget(&heard);
	free(text);
	side_stop(&world);
}
