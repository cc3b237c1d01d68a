/* The lines of ringcast play: every form, and every way to get it wrong; and what has come, held against what is expected. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clients/c/ringcast_client.h"
#include "tools/ringcast/play_inbox.h"

static struct play_step step;
static char error[PLAY_ERROR_BYTES];
static struct play_inbox inbox;

static void init(void)
{
	ringcast_play_inbox_init(&inbox);
}

static void fini(void)
{
	ringcast_play_step_fini(&step);
	ringcast_play_inbox_fini(&inbox);
}

TestSuite(play_step, .init = init, .fini = fini);

static const struct play_step *parse(const char *line)
{
	ringcast_play_step_fini(&step);
	cr_assert(ringcast_play_step_parse(line, &step, error), "%s: %s", line, error);
	return &step;
}

static void expect_payload(const char *bytes, size_t size)
{
	cr_assert_eq(step.payload.size, size);
	cr_assert_arr_eq(step.payload.bytes, bytes, size);
}

Test(play_step, sending)
{
	const struct play_step *sent = parse("send 5 hello");
	cr_assert(sent->kind == PLAY_SEND && sent->opcode == 5 && sent->peer == 0 && sent->group == 0 && !sent->is_fast);
	expect_payload("hello", 5);
	sent = parse("send --to 2 5 'hello there' --fast # a comment");
	cr_assert(sent->peer == 2 && sent->is_fast);
	expect_payload("hello there", 11);
	cr_assert_eq(parse("send 5 --to server")->peer, RINGCAST_CLIENT_PEER_SERVER);
	cr_assert_null(step.payload.bytes);
	cr_assert_eq(parse("send 5 hex:00ff --group 7")->group, 7);
	expect_payload("\0\xff", 2);
	cr_assert_eq(parse("send 2147483647 '' --to all")->opcode, INT32_MAX);
	cr_assert_eq(parse("send -500 '' --fast")->opcode, -500);
	cr_assert_eq(parse("send -2147483648 ''")->opcode, INT32_MIN);
	cr_assert_eq(parse("expect -500")->opcode, -500);
	cr_assert_eq(parse("expect no -2")->opcode, -2);
	parse("send 1 ''");
	cr_assert_not_null(step.payload.bytes);
}

Test(play_step, groups)
{
	cr_assert(parse("join 7")->kind == PLAY_JOIN && step.group == 7);
	cr_assert(parse("leave 7")->kind == PLAY_LEAVE && step.group == 7);
	cr_assert(parse("members 7")->kind == PLAY_MEMBERS && step.group == 7);
	cr_assert_eq(parse("members")->group, RINGCAST_CLIENT_GROUP_ALL);
}

Test(play_step, expecting)
{
	const struct play_step *expected = parse("expect 20");
	cr_assert(expected->kind == PLAY_EXPECT && expected->opcode == 20 && expected->within_ms == 5000);
	expected = parse("expect 20 'coin 5' --from server --contains --fast --within 0.5");
	cr_assert(expected->peer == RINGCAST_CLIENT_PEER_SERVER && expected->is_contained && expected->is_fast && expected->within_ms == 500);
	expected = parse("expect no 20 --from 3");
	cr_assert(expected->kind == PLAY_EXPECT_NO && expected->peer == 3 && expected->within_ms == 200);
	expected = parse("expect members 7 1 2");
	cr_assert(expected->kind == PLAY_EXPECT_MEMBERS && expected->member_count == 2 && expected->members[1] == 2);
	cr_assert_eq(parse("expect members all 1")->group, RINGCAST_CLIENT_GROUP_ALL);
	cr_assert(parse("expect closed")->kind == PLAY_EXPECT_CLOSED && step.code == 0);
	cr_assert_eq(parse("expect closed 3001 --within 9")->code, 3001);
}

Test(play_step, the_rest)
{
	cr_assert_eq(parse("wait 0.25")->within_ms, 250);
	cr_assert_eq(parse("quit")->kind, PLAY_QUIT);
	cr_assert_eq(parse("stats")->kind, PLAY_STATS);
	cr_assert_eq(parse("help")->kind, PLAY_HELP);
	cr_assert_eq(parse("")->kind, PLAY_NOTHING);
	cr_assert_eq(parse("  # nothing")->kind, PLAY_NOTHING);
}

Test(play_step, what_is_wrong_is_told)
{
	static const struct {
		const char *line, *wanted;
	} cases[] = {
		{"dance", "unknown 'dance'"},
		{"send", "op code is missing"},
		{"send 0 x", "'0' is no op code"},
		{"send 2147483648", "is no op code"},
		{"send -2147483649", "is no op code"},
		{"send -3", "'-3' is no op code"},
		{"expect -1", "'-1' is no op code"},
		{"expect no -1000", "'-1000' is no op code"},
		{"send 5 hello there", "stands in quotes"},
		{"send 5 hex:0", "two digits"},
		{"send 5 '\\0'", "hex:0a00"},
		{"send 5 --to nobody", "'nobody' is no peer"},
		{"send 5 --to", "--to needs a value"},
		{"send 5 --from 2", "--from is not for this"},
		{"send 5 --to 2 --group 3", "exclude each other"},
		{"send 5 --group all", "'all' is no group"},
		{"send 5 'x", "does not end"},
		{"join", "group is missing"},
		{"join 7 8", "'8' is too much"},
		{"quit now", "'now' is too much"},
		{"expect", "op code is missing"},
		{"expect 20 --within soon", "'soon' is no number of seconds"},
		{"expect 20 --within 601", "from 0 to 600"},
		{"expect no", "op code is missing"},
		{"expect members", "group is missing"},
		{"expect members 7 x", "'x' is no peer"},
		{"expect closed soon", "is no close code"},
		{"wait", "how long"},
		{"wait nan", "is no number of seconds"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_good = ringcast_play_step_parse(cases[i].line, &step, error);
		cr_assert_not(is_good, "%s", cases[i].line);
		cr_assert(strstr(error, cases[i].wanted), "%s: %s", cases[i].line, error);
	}
	char line[1024] = "expect members 7";
	for (int i = 0; i <= PLAY_MEMBERS_MAX; i++)
		strcat(line, " 1");
	cr_assert_not(ringcast_play_step_parse(line, &step, error));
}

/* What has come */

static void add(int32_t opcode, int32_t sender, const char *text)
{
	ringcast_play_inbox_add(&inbox, (struct play_message){.opcode = opcode, .sender = sender}, text, strlen(text));
}

static bool takes(const char *line)
{
	return ringcast_play_inbox_take(&inbox, parse(line));
}

Test(play_step, a_message_is_taken_once_and_others_stay)
{
	add(20, 1, "one");
	add(21, 1, "two");
	add(20, RINGCAST_CLIENT_PEER_SERVER, "three");
	cr_assert(takes("expect 20 three"));
	cr_assert_not(takes("expect 20 three"));
	cr_assert(takes("expect 21 --from 1"));
	cr_assert_not(takes("expect 20 --from server"));
	cr_assert_not(takes("expect 20 on"));
	cr_assert(takes("expect 20 n --contains"));
	cr_assert_eq(inbox.count, 0);
}

Test(play_step, fast_is_asked_for_only_where_it_is_said)
{
	add(20, 1, "x");
	cr_assert_not(takes("expect 20 x --fast"));
	cr_assert(takes("expect 20 x"));
	add(20, 1, "");
	cr_assert_not(takes("expect 20 x --contains"));
	cr_assert(takes("expect 20 ''"));
}

Test(play_step, members_in_whatever_order)
{
	const int32_t members[] = {2, 1};
	ringcast_play_inbox_add(&inbox, (struct play_message){.is_membership = true, .group = 7}, members, sizeof(members));
	cr_assert_not(takes("expect members 7 1"));
	cr_assert_not(takes("expect members 7 1 3"));
	cr_assert_not(takes("expect members 8 1 2"));
	cr_assert_not(takes("expect 7"));
	cr_assert(takes("expect members 7 1 2"));
}

Test(play_step, the_oldest_go_when_there_is_no_room_and_are_counted)
{
	add(1, 1, "first");
	for (int i = 0; i < PLAY_INBOX_MAX; i++)
		add(2, 1, "next");
	cr_assert_eq(inbox.count, PLAY_INBOX_MAX);
	cr_assert_eq(inbox.lost_count, 1);
	cr_assert_not(takes("expect 1"));
	cr_assert(takes("expect 2"));
}
