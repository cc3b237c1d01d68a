/* Crowds for simulations: CSV and descriptions, good and bad. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/ringcast/crowd.h"

static const char rules[] = "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}, {\"name\": \"mode\", \"type\": \"string\", "
			    "\"default\": \"m\"}, {\"name\": \"maps\", \"type\": \"string_list\"}, {\"name\": \"liking\", \"type\": \"string_number_map\"}],"
			    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 4}]}";

static struct match_rule_set *rule_set;
static struct crowd crowd;
static char problem[CROWD_PROBLEM_BYTES];

static void set_up(void)
{
	char text[DOCUMENT_PROBLEM_BYTES];
	rule_set = ringcast_match_rule_set_create(rules, sizeof(rules) - 1, 1, text);
	cr_assert_not_null(rule_set, "%s", text);
}

static void tear_down(void)
{
	ringcast_crowd_fini(&crowd);
	ringcast_match_rule_set_destroy(&rule_set);
}

TestSuite(crowd, .init = set_up, .fini = tear_down);

static void expect_players(size_t ticket, const char *wanted)
{
	char *text = json_dumps(crowd.tickets[ticket].players, JSON_COMPACT | JSON_SORT_KEYS);
	cr_assert_str_eq(text, wanted, "%s", text);
	free(text);
}

Test(crowd, csv)
{
	cr_assert(ringcast_crowd_read_csv(&crowd, rule_set, "ticket,at_s,player,skill,maps,liking,@eu,unread\r\nt2,1.5,a,10,x|y,x:1|y:2.5,30,1\nt2,1.5,b,20,x,x:3,,\n\nt1,0.5,c,1,z,z:1,5,\n", problem), "%s", problem);
	cr_assert_eq(crowd.count, 2);
	cr_assert_str_eq(crowd.tickets[0].name, "t1");
	cr_assert_eq(crowd.tickets[1].at_ns, 1500000000);
	expect_players(1, "[{\"LatencyInMs\":{\"eu\":30.0},\"PlayerAttributes\":{\"liking\":{\"SDM\":{\"x\":1.0,\"y\":2.5}},\"maps\":{\"SL\":[\"x\",\"y\"]},\"skill\":{\"N\":10.0}},\"PlayerId\":\"a\"},"
			  "{\"LatencyInMs\":{},\"PlayerAttributes\":{\"liking\":{\"SDM\":{\"x\":3.0}},\"maps\":{\"SL\":[\"x\"]},\"skill\":{\"N\":20.0}},\"PlayerId\":\"b\"}]");
}

Test(crowd, bad_csv_names_line_and_column)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"", "there is no ticket in it"},
		{"a,b\n", "line 1: the head begins with ticket,at_s,player"},
		{"ticket,at_s,player\n1,x,p\n", "line 2, at_s: 'x' is not a number of seconds"},
		{"ticket,at_s,player\n1,0\n", "line 2: 2 fields where the head has 3"},
		{"ticket,at_s,player,skill\n1,0,p,much\n", "line 2, skill: this is no value of the attribute's type"},
		{"ticket,at_s,player,liking\n1,0,p,x\n", "line 2, liking: this is no value"},
		{"ticket,at_s,player,@eu\n1,0,p,fast\n", "line 2, @eu: 'fast' is not a number of milliseconds"},
		{"ticket,at_s,player\n1,0,\xff\n", "line 2: the player's id is no UTF-8"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert(!ringcast_crowd_read_csv(&crowd, rule_set, cases[i].text, problem));
		cr_assert_not_null(strstr(problem, cases[i].problem), "%s", problem);
		ringcast_crowd_fini(&crowd);
	}
}

Test(crowd, a_description_makes_players_by_the_seed)
{
	static const char text[] = "players=500,seconds=30,party=3,skill=10..20,maps=x|y|z,@eu=50~10";
	cr_assert(ringcast_crowd_make(&crowd, rule_set, text, 7, problem), "%s", problem);
	size_t players = 0, i;
	json_t *player;
	for (size_t t = 0; t < crowd.count; t++) {
		cr_assert(t == 0 || crowd.tickets[t].at_ns >= crowd.tickets[t - 1].at_ns);
		cr_assert(crowd.tickets[t].at_ns <= 30 * NS_PER_S);
		json_array_foreach(crowd.tickets[t].players, i, player) {
			json_t *attributes = json_object_get(player, "PlayerAttributes");
			double skill = json_number_value(json_object_get(json_object_get(attributes, "skill"), "N"));
			cr_assert(skill >= 10 && skill <= 20);
			cr_assert_gt(json_array_size(json_object_get(json_object_get(attributes, "maps"), "SL")), 0);
			cr_assert_eq(json_object_size(json_object_get(json_object_get(attributes, "liking"), "SDM")), 3);
			cr_assert_null(json_object_get(attributes, "mode"), "the default does");
			players++;
		}
	}
	cr_assert(players >= 500 && players <= 502);
	struct crowd again;
	cr_assert(ringcast_crowd_make(&again, rule_set, text, 7, problem));
	for (size_t t = 0; t < crowd.count; t++)
		cr_assert(json_equal(crowd.tickets[t].players, again.tickets[t].players));
	ringcast_crowd_fini(&again);
}

Test(crowd, bad_descriptions_are_told)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"nofile.csv", "'nofile.csv' is no file, and no KEY=VALUE"},
		{"players=0", "players must be 1 to 1000000"},
		{"party=41", "party 1 to 40"},
		{"skil=3", "'skil' is neither players, seconds, party"},
		{"skill=a..b", "skill: 'a..b' is none of N, A..B, A~B"},
		{"skill=5..1", "skill: '5..1' is none of N, A..B, A~B"},
		{"@eu=", "@eu: '' is none of"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert(!ringcast_crowd_make(&crowd, rule_set, cases[i].text, 1, problem));
		cr_assert_not_null(strstr(problem, cases[i].problem), "%s", problem);
		ringcast_crowd_fini(&crowd);
	}
}
