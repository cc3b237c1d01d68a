/* Taps, groups and who went last, of an embedded engine with real clients: as its embedder sees them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "both.h"
#include "stage.h"

static struct stage stage;

static void start(ringcast_io io)
{
	ringcast_engine_options options = stage_small();
	options.io = io;
	stage_start(&stage, &options, &(ringcast_session_options){.size = sizeof(ringcast_session_options)});
	stage_enter(&stage, 0, "");
	stage_enter(&stage, 1, "");
}

static ringcast_tap *tap_of(const ringcast_tap_options *options)
{
	ringcast_tap *tap;
	cr_assert_eq(ringcast_tap_open(stage.engine, stage.session, options, &tap), RINGCAST_OK);
	return tap;
}

/* The next message of this op code. */
static ringcast_tapped next(ringcast_tap *tap, int32_t opcode)
{
	ringcast_tapped tapped;
	int result = RINGCAST_ERROR_TIMEOUT;
	stage_until(&stage, (result = ringcast_tap_read(tap, &tapped)) == RINGCAST_ERROR_STATE || (result == RINGCAST_OK && tapped.message.opcode == opcode));
	cr_assert_eq(result, RINGCAST_OK);
	return tapped;
}

BOTH(taps, tell_what_is_said)
{
	start(io);
	ringcast_tap_options options = RINGCAST_TAP_OPTIONS_INIT;
	options.payload_bytes_max = 4;
	ringcast_tap *all = tap_of(NULL), *cut = tap_of(&options), *none = NULL;
	stage_say(&stage, 0, 50, stage.actors[1].peer_id, 0, "hello");
	ringcast_tapped tapped = next(all, 50);
	cr_assert_eq(tapped.message.sender, stage.actors[0].peer_id);
	cr_assert_eq(tapped.message.target_player, stage.actors[1].peer_id);
	cr_assert(tapped.message.payload_bytes == 5 && memcmp(tapped.message.payload, "hello", 5) == 0);
	cr_assert_null(tapped.drop);
	tapped = next(cut, 50);
	cr_assert(tapped.message.payload_bytes == 4 && tapped.payload_bytes == 5);
	stage_say(&stage, 0, 51, 77, 0, "whom");
	cr_assert_str_eq(next(all, 51).drop, "no_target");
	cr_assert_eq(ringcast_tap_open(stage.engine, "gsess-nobody", NULL, &none), RINGCAST_ERROR_NOT_FOUND);
	options.peer_id = -5;
	cr_assert_eq(ringcast_tap_open(stage.engine, stage.session, &options, &none), RINGCAST_ERROR_ARGUMENT);
	cr_assert_null(none);
	ringcast_tap_close(&all);
	ringcast_tap_close(&cut);
	stage_stop(&stage);
}

BOTH(taps, are_bounded_and_outlive_the_engine)
{
	start(io);
	ringcast_tap *taps[4], *more;
	ringcast_tapped tapped;
	for (int i = 0; i < 4; i++)
		taps[i] = tap_of(NULL);
	cr_assert_eq(ringcast_tap_open(stage.engine, stage.session, NULL, &more), RINGCAST_ERROR_FULL);
	ringcast_tap_close(&taps[0]);
	cr_assert_eq(ringcast_tap_open(stage.engine, stage.session, NULL, &more), RINGCAST_OK, "the place of one that was closed");
	stage_say(&stage, 0, 50, stage.actors[1].peer_id, 0, "last");
	stage_fence(&stage, 0);
	stage_halt(&stage);
	cr_assert_eq(ringcast_tap_open(stage.engine, stage.session, NULL, &taps[0]), RINGCAST_ERROR_STATE);
	cr_assert_null(taps[0]);
	cr_assert(next(more, 50).message.payload_bytes == 4, "what was said before the end");
	stage_stop(&stage);
	int result;
	while ((result = ringcast_tap_read(more, &tapped)) == RINGCAST_OK)
		;
	cr_assert_eq(result, RINGCAST_ERROR_STATE);
	ringcast_tap_close(&more);
	for (int i = 1; i < 4; i++)
		ringcast_tap_close(&taps[i]);
}

Test(taps, properties_are_read_and_cut, .timeout = 120)
{
	char id[RINGCAST_ID_BYTES], text[15];
	size_t byte_count = 0;
	start(RINGCAST_IO_AUTO);
	const ringcast_session_options options = {.size = sizeof(options), .properties = "{\"map\":\"hills\"}"};
	cr_assert_eq(ringcast_session_create(stage.engine, &options, id), RINGCAST_OK);
	cr_assert_eq(ringcast_session_read_properties(stage.engine, id, text, sizeof(text), &byte_count), RINGCAST_OK);
	cr_assert_str_eq(text, "{\"map\":\"hills\"", "cut, with a NUL");
	cr_assert_eq(byte_count, strlen(options.properties));
	cr_assert_eq(ringcast_session_read_properties(stage.engine, stage.session, text, sizeof(text), &byte_count), RINGCAST_OK);
	cr_assert(*text == 0 && byte_count == 0, "none were given");
	cr_assert_eq(ringcast_session_read_properties(stage.engine, "gsess-nobody", text, sizeof(text), &byte_count), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
}

Test(taps, groups_and_who_went_last, .timeout = 120)
{
	ringcast_group_info groups[3];
	ringcast_disconnect_info gone[8];
	size_t count, seen = 0;
	uint32_t cursor = 0;
	start(RINGCAST_IO_AUTO);
	for (int32_t group = 1; group <= 5; group++)
		cr_assert_eq(ringcast_client_join(stage.actors[group % 2].client, group), 0);
	stage_fence(&stage, 0);
	stage_fence(&stage, 1);
	do {
		cr_assert_eq(ringcast_group_list(stage.engine, stage.session, &cursor, groups, 3, &count), RINGCAST_OK);
		for (size_t i = 0; i < count; i++) {
			cr_assert(groups[i].member_count == 1 && groups[i].members[0] == stage.actors[groups[i].group % 2].peer_id);
			seen += (size_t)groups[i].group;
		}
	} while (cursor != 0);
	cr_assert_eq(seen, 1 + 2 + 3 + 4 + 5, "each once");
	cr_assert_eq(ringcast_group_list(stage.engine, "gsess-nobody", &cursor, groups, 3, &count), RINGCAST_ERROR_NOT_FOUND);
	int32_t peer = stage.actors[1].peer_id;
	stage_leave(&stage, 1);
	stage_until(&stage, ringcast_disconnect_list(stage.engine, gone, 8, &count) == RINGCAST_OK && count == 1);
	cr_assert_eq(gone[0].peer_id, peer);
	uint64_t at_ns = gone[0].at_ns, number = gone[0].number;
	cr_assert(at_ns > 0 && number == 1);
	cr_assert_str_eq(gone[0].reason, "client");
	cr_assert_eq(gone[0].close_code, 1000);
	cr_assert_str_eq(gone[0].session_id, stage.session);
	cr_assert_eq(strncmp(gone[0].address, "127.0.0.1", 9), 0, "%s", gone[0].address);
	cr_assert_eq(ringcast_player_kick(stage.engine, stage.session, stage.actors[0].peer_id, NULL), RINGCAST_OK);
	stage_until(&stage, ringcast_disconnect_list(stage.engine, gone, 1, &count) == RINGCAST_OK && strcmp(gone[0].reason, "kicked") == 0);
	cr_assert(count == 1 && gone[0].is_by_api, "the newest one first");
	cr_assert_eq(ringcast_disconnect_list(stage.engine, gone, 8, &count), RINGCAST_OK);
	cr_assert(count == 2 && gone[1].at_ns == at_ns && gone[1].number == number, "the same each time it is told");
	stage_stop(&stage);
}
