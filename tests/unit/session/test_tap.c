/* Taps: what they tell of, what they leave out, and how they end. Players 1 and 2; both are in group 7. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "session/park.h"
#include "session/tap.h"
#include "world.h"

enum { RING_BYTES = 4096 };

static struct world world;
static struct session *session;
static struct player *one, *two;
static enum verdict verdict;
static uint64_t ticket;

static enum verdict script(struct world *w, const struct hook_call *call)
{
	if (verdict == VERDICT_LATER)
		ticket = ringcast_park_ticket(call->session);
	return verdict;
}

static void start(void)
{
	verdict = VERDICT_ALLOW;
	world_start(&world, &(struct world_options){.hooks = 1u << HOOK_SEND_PLAYER});
	world.script = script;
	session = world_open(&world);
	one = world_join(&world, session);
	two = world_join(&world, session);
	world_group(&world, one, OPCODE_JOIN_GROUP, 7);
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	world_forget(&world);
}

static void stop(void)
{
	world_stop(&world);
}

static struct tap *attach(const struct tap_filter *filter)
{
	struct tap *tap = ringcast_tap_create(filter, RING_BYTES);
	cr_assert_not_null(tap);
	cr_assert(ringcast_tap_attach(session, tap, 4));
	return tap;
}

static const struct tap_filter everything = {.payload_bytes_max = 256};

/* The next record: "5 1>2,0 x", with the drop's label where there is one, and how many were left out before it. */
static const char *next(struct tap *tap)
{
	static char text[256];
	const struct tap_record *record;
	uint64_t left_out;
	enum tap_found found = ringcast_tap_peek(tap, &record, &left_out);
	if (found != TAP_RECORD) {
		snprintf(text, sizeof(text), "%s", found == TAP_NOTHING ? "nothing" : left_out == 0 ? "ended" : "ended, left out");
		return text;
	}
	int used = snprintf(text, sizeof(text), "%d %d>%d,%d %.*s/%u", record->opcode, record->sender, record->target_player, record->target_group, (int)record->kept_bytes,
			    (const char *)(record + 1), record->payload_bytes);
	if (record->drop != DROP_NONE)
		used += snprintf(text + used, sizeof(text) - (size_t)used, " %s", ringcast_drop_label((enum drop_reason)record->drop));
	if (record->left_out > 0)
		snprintf(text + used, sizeof(text) - (size_t)used, " after %u", (unsigned)record->left_out);
	ringcast_tap_pop(tap);
	return text;
}

TestSuite(tap, .init = start, .fini = stop, .timeout = 60);

Test(tap, tells_what_went_on_and_what_did_not)
{
	struct tap *tap = attach(&everything);
	cr_assert_str_eq(next(tap), "nothing");
	world_send(&world, one, 5, 2, 0, "hello");
	world_send(&world, two, 6, 0, 7, "all");
	world_send(&world, one, 5, 9, 0, "whom");
	verdict = VERDICT_DENY;
	world_send(&world, one, 5, 2, 0, "no");
	cr_assert_str_eq(next(tap), "5 1>2,0 hello/5");
	cr_assert_str_eq(next(tap), "6 2>0,7 all/3");
	cr_assert_str_eq(next(tap), "5 1>9,0 whom/4 no_target");
	cr_assert_str_eq(next(tap), "5 1>2,0 no/2 denied");
	cr_assert_str_eq(next(tap), "nothing");
	ringcast_tap_leave(&tap);
}

Test(tap, tells_what_the_server_says_as_it_was_addressed)
{
	struct tap *tap = attach(&everything);
	const struct packet packet = {.opcode = 8, .sender = PROTO_PEER_SERVER, .target_group = 7, .payload = ringcast_view_of("wave", 4)};
	cr_assert_eq(ringcast_command_send(session, &packet, INTENT_FAST), DROP_NONE);
	cr_assert_str_eq(next(tap), "8 -1>0,7 wave/4");
	ringcast_tap_leave(&tap);
}

Test(tap, a_message_that_waits_is_told_once_it_is_decided)
{
	struct tap *tap = attach(&everything);
	verdict = VERDICT_LATER;
	world_send(&world, one, 5, 2, 0, "first");
	world_send(&world, one, 6, 0, 7, "behind");
	cr_assert_str_eq(next(tap), "nothing");
	cr_assert(ringcast_park_answer(session, ticket, VERDICT_DENY, world.now_ns));
	cr_assert_str_eq(next(tap), "5 1>2,0 first/5 denied");
	cr_assert_str_eq(next(tap), "6 1>0,7 behind/6");
	cr_assert_str_eq(next(tap), "nothing");
	ringcast_tap_leave(&tap);
}

Test(tap, filters_and_cuts)
{
	struct tap *of_two = attach(&(struct tap_filter){.peer_id = 2, .payload_bytes_max = 3});
	struct tap *of_six = attach(&(struct tap_filter){.has_opcode = true, .opcode = 6, .payload_bytes_max = 0});
	world_send(&world, one, 5, 2, 0, "hello");
	world_send(&world, one, 6, 1, 0, "self");
	world_send(&world, two, 7, 0, -1, "");
	cr_assert_str_eq(next(of_two), "5 1>2,0 hel/5");
	cr_assert_str_eq(next(of_two), "7 2>0,-1 /0");
	cr_assert_str_eq(next(of_two), "nothing");
	cr_assert_str_eq(next(of_six), "6 1>1,0 /4");
	cr_assert_str_eq(next(of_six), "nothing");
	ringcast_tap_leave(&of_two);
	ringcast_tap_leave(&of_six);
}

Test(tap, a_slow_reader_is_told_how_many_are_missing)
{
	struct tap *slow = attach(&everything), *quick = attach(&everything);
	unsigned sent = 200, read_slowly = 0, missing = 0;
	for (unsigned i = 0; i < sent; i++) {
		world_send(&world, one, 5, 2, 0, "0123456789");
		cr_assert_str_eq(next(quick), "5 1>2,0 0123456789/10", "the other one misses nothing");
	}
	for (const char *text = next(slow); strcmp(text, "nothing") != 0; text = next(slow), read_slowly++)
		cr_assert_str_eq(text, "5 1>2,0 0123456789/10", "what there was room for came first");
	cr_assert_gt(read_slowly, 0);
	cr_assert_lt(read_slowly, sent);
	world_send(&world, one, 5, 2, 0, "new");
	cr_assert_eq(sscanf(next(slow), "5 1>2,0 new/3 after %u", &missing), 1);
	cr_assert_eq(read_slowly + missing, sent);
	ringcast_tap_leave(&slow);
	ringcast_tap_leave(&quick);
}

Test(tap, ends_with_its_session_and_what_was_said_is_still_there)
{
	struct tap *tap = attach(&everything), *full = attach(&everything);
	world_send(&world, one, 5, 2, 0, "last");
	for (unsigned i = 0; i < 200; i++)
		world_send(&world, one, 5, 2, 0, "0123456789");
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_str_eq(next(tap), "5 1>2,0 last/4");
	while (strncmp(next(full), "5 ", 2) == 0)
		;
	cr_assert_str_eq(next(full), "ended, left out");
	cr_assert_str_eq(next(full), "ended, left out", "and stays so");
	ringcast_tap_leave(&tap);
	ringcast_tap_leave(&full);
	cr_assert_null(tap);
}

Test(tap, places_are_few_and_who_has_left_gives_his_back)
{
	struct tap *first = attach(&everything), *second = attach(&everything), *third = ringcast_tap_create(&everything, RING_BYTES);
	cr_assert_not(ringcast_tap_attach(session, third, 2));
	ringcast_tap_leave(&first); /* nothing is said: only the next one notices */
	cr_assert(ringcast_tap_attach(session, third, 2));
	ringcast_tap_leave(&second);
	world_send(&world, one, 5, 2, 0, "x");
	cr_assert_eq(session->taps, third);
	cr_assert_null(third->next, "the message noticed who has left");
	cr_assert_str_eq(next(third), "5 1>2,0 x/1");
	ringcast_tap_leave(&third);
	world_send(&world, one, 5, 2, 0, "x");
	cr_assert_null(session->taps);
	cr_assert(ringcast_list_is_empty(&world.store.taps));
}
