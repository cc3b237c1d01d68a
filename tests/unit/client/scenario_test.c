/* The language of ringcast script test: every step, and every way to get it wrong, with its line. Running is tested end to end. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ringcast/scenario.h"

static struct scenario scenario;
static char error[SCENARIO_ERROR_BYTES];

static bool parse(const char *text)
{
	return ringcast_scenario_parse("x.scn", strdup(text), &scenario, error);
}

static const struct step *only(const char *text)
{
	cr_assert(parse(text), "%s", error);
	cr_assert_eq(scenario.step_count, 1, "%s", text);
	return &scenario.steps[0];
}

static void fini(void)
{
	ringcast_scenario_fini(&scenario);
}

static void expect_text(const struct text *text, const char *bytes, size_t size)
{
	cr_assert(text->is_given);
	cr_assert_eq(text->size, size);
	cr_assert_arr_eq(text->bytes, bytes, size);
}

TestSuite(scenario, .fini = fini);

Test(scenario, passes_over_comments_and_empty_lines)
{
	cr_assert(parse("# nothing\n\n   \t\r\n  join alice # who is first\n#join bob"), "%s", error);
	cr_assert_eq(scenario.step_count, 1);
	cr_assert_eq(scenario.steps[0].line, 4);
	cr_assert_str_eq(scenario.steps[0].source, "join alice # who is first");
}

Test(scenario, an_empty_one_has_no_steps)
{
	cr_assert(parse(""), "%s", error);
	cr_assert_eq(scenario.step_count, 0);
}

Test(scenario, counts_lines_of_every_system)
{
	cr_assert(parse("join a\r\njoin b\njoin c\rjoin d"), "%s", error);
	cr_assert_eq(scenario.step_count, 4);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(scenario.steps[i].line, i + 1);
}

Test(scenario, decodes_texts)
{
	const struct step *step = only("a send 1 to server \"q\\\"q\\n\\x00\\xfF\\\\'\"");
	expect_text(&step->text, "q\"q\n\0\xff\\'", 8);
}

Test(scenario, takes_op_codes_of_a_game_below_zero)
{
	cr_assert_eq(only("a send -500 to server x")->opcode, -500);
	fini();
	cr_assert_eq(only("expect a -500 x")->opcode, -500);
	fini();
	cr_assert_eq(only("expect a no -2147483648")->opcode, INT32_MIN);
}

Test(scenario, joins)
{
	const struct step *step = only("join alice payload 'let me in' id a-1 data \"\" tcp");
	cr_assert_eq(step->kind, STEP_JOIN);
	cr_assert_str_eq(step->player, "alice");
	expect_text(&step->text, "let me in", 9);
	expect_text(&step->id, "a-1", 3);
	expect_text(&step->data, "", 0);
	cr_assert(step->is_tcp_only);
	fini();
	cr_assert_eq(only("join bob refused")->kind, STEP_JOIN_REFUSED);
}

Test(scenario, sends)
{
	const struct step *step = only("alice send 7 fast to group 9 hello");
	cr_assert(step->kind == STEP_SEND && step->opcode == 7 && step->is_fast && step->target == TARGET_GROUP && step->group == 9);
	expect_text(&step->text, "hello", 5);
	fini();
	step = only("alice send 7 to everyone");
	cr_assert(step->target == TARGET_EVERYONE && !step->is_fast && !step->text.is_given);
	fini();
	cr_assert_str_eq(only("alice send 7 to bob x")->peer, "bob");
}

Test(scenario, expects_messages)
{
	const struct step *step = only("expect bob 20 from server eventually fast contains 'x y' within 1.5s");
	cr_assert(step->kind == STEP_EXPECT && step->opcode == 20 && step->is_eventual && step->is_fast && step->is_contained);
	cr_assert_eq(step->within_ms, 1500);
	cr_assert_str_eq(step->peer, "server");
	expect_text(&step->text, "x y", 3);
	cr_assert_not(parse("expect bob 20 from 'server'"), "a quoted word is no name");
}

Test(scenario, a_quoted_keyword_is_a_text)
{
	expect_text(&only("expect bob 20 'within'")->text, "within", 6);
}

Test(scenario, expects_what_is_not_a_message)
{
	const struct step *step = only("expect bob no 20 for 50ms");
	cr_assert(step->kind == STEP_EXPECT_NO && step->opcode == 20 && step->within_ms == 50);
	fini();
	step = only("expect bob nothing");
	cr_assert(step->kind == STEP_EXPECT_NO && step->opcode == 0 && step->within_ms == SCENARIO_FOR_MS);
	fini();
	step = only("expect bob members group 4 alice bob within 1s");
	cr_assert(step->kind == STEP_EXPECT_MEMBERS && step->group == 4 && step->member_count == 2 && step->within_ms == 1000);
	cr_assert_str_eq(step->members[1], "bob");
	fini();
	step = only("expect bob closed 3503");
	cr_assert(step->kind == STEP_EXPECT_CLOSED && step->number == 3503);
	fini();
	cr_assert_eq(only("expect bob closed within 1s")->number, 0);
	fini();
	cr_assert_eq(only("expect log 'a b'")->kind, STEP_EXPECT_LOG);
	fini();
	cr_assert_eq(only("expect session ended within 9s")->within_ms, 9000);
}

Test(scenario, has_the_other_steps)
{
	cr_assert(parse("session players 4 properties x\nwait 100ms\nleave a\na joins group 3\na leaves group 3\nforget everyone\nforget a\nerrors allowed"), "%s",
		  error);
	static const enum step_kind kinds[] = {STEP_SESSION, STEP_WAIT,	  STEP_LEAVE,  STEP_JOIN_GROUP,
					       STEP_LEAVE_GROUP, STEP_FORGET, STEP_FORGET, STEP_ALLOW_ERRORS};
	cr_assert_eq(scenario.step_count, 8);
	for (size_t i = 0; i < 8; i++)
		cr_assert_eq(scenario.steps[i].kind, kinds[i], "%zu", i);
	cr_assert_eq(scenario.steps[0].number, 4);
	cr_assert_str_eq(scenario.steps[6].player, "a");
}

Test(scenario, says_what_is_wrong_and_where)
{
	static const char *const wrong[][2] = {
		{"join", "x.scn:2: a player's name is missing"},
		{"join 1st", "'1st' is no name"},
		{"join server", "'server' is no name"},
		{"join 'alice'", "'alice' is no name"},
		{"join alice payload", "a text is missing"},
		{"join alice with x", "after join NAME"},
		{"alice", "after a player's name"},
		{"alice sends 1 to server", "after a player's name"},
		{"alice send 0 to server", "'0' is no op code"},
		{"alice send -14 to server", "'-14' is no op code"},
		{"expect alice no -1", "'-1' is no op code"},
		{"alice send 2147483648 to server", "is no op code"},
		{"alice send 1x to server", "'1x' is no op code"},
		{"alice send 1 server", "write: send OPCODE to"},
		{"alice send 1 to group 0", "'0' is no group"},
		{"alice send 1 to server a b", "'b' is too much"},
		{"alice send 1 to server \"a", "the quote \" does not end"},
		{"alice send 1 to server 'a\\q'", "unknown escape \\q"},
		{"alice send 1 to server '\\x1'", "unknown escape \\x"},
		{"alice joins 4", "write: group N"},
		{"expect alice", "op code is missing"},
		{"expect alice 20 a b", "one text is expected"},
		{"expect alice 20 within 2", "'2' is no time"},
		{"expect alice 20 within fast", "'fast' is no time"},
		{"expect session", "write: expect session ended"},
		{"expect alice members 4", "write: expect NAME members"},
		{"wait", "a time is missing"},
		{"wait 1h", "'1h' is no time"},
		{"wait -1s", "'-1s' is no time"},
		{"errors", "write: errors allowed"},
		{"session", "session comes first"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "wait 1ms\n%s\n", wrong[i][0]);
		cr_assert_not(parse(text), "%s", wrong[i][0]);
		cr_assert(strstr(error, wrong[i][1]) && strncmp(error, "x.scn:2: ", 9) == 0, "'%s' says '%s'", wrong[i][0], error);
	}
}

Test(scenario, is_bounded)
{
	static char text[SCENARIO_STEPS_MAX * 12];
	char *at = text;
	for (int i = 0; i <= SCENARIO_STEPS_MAX; i++)
		at = stpcpy(at, "wait 1ms\n");
	cr_assert_not(parse(text));
	cr_assert(strstr(error, "more than 2000 steps"), "%s", error);
}

/* Every cut and every changed byte of a scenario that has everything: read or refused, never anything else. */
Test(scenario, survives_damage)
{
	static const char whole[] = "session players 4 properties '{}'\njoin alice payload \"\\x41\" id x data y tcp\nalice send 7 fast to group 9 hello\n"
				    "expect bob 20 from server eventually contains 'x y' within 1.5s\nexpect bob members group 4 alice bob\nforget everyone\n";
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		char *copy = strdup(whole);
		copy[i] = (char)(copy[i] ^ 0x15);
		if (ringcast_scenario_parse("x.scn", copy, &scenario, error))
			fini();
		copy = strndup(whole, i);
		if (ringcast_scenario_parse("x.scn", copy, &scenario, error))
			fini();
	}
}
