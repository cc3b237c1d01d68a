/* Property expressions: every function over every shape, types known when read, work bounded when evaluated. */
#include "match_rig.h"

#include <math.h>
#include <string.h>

static struct match_regions regions;

/* Two red tickets (a party of two, and one player), one blue ticket; green is empty. */
struct scene {
	struct match_rule_set *rule_set;
	struct match_ticket *tickets[3];
	struct small_lineup lineup;
	struct expression_arena *arena;
};

static void set_up(struct scene *scene)
{
	scene->rule_set = rules_of_parts("'playerAttributes': [{'name': 'skill', 'type': 'number'}, {'name': 'maps', 'type': 'string_list', 'default': ['x']},"
					 "{'name': 'liking', 'type': 'string_number_map', 'default': {}}, {'name': 'mode', 'type': 'string', 'default': 'm'}],"
					 "'teams': [{'name': 'red', 'minPlayers': 0, 'maxPlayers': 5}, {'name': 'blue', 'minPlayers': 0, 'maxPlayers': 5},"
					 "{'name': 'green', 'minPlayers': 0, 'maxPlayers': 5}, {'name': 'trio', 'minPlayers': 0, 'maxPlayers': 3, 'quantity': 2}]");
	scene->arena = malloc(sizeof(*scene->arena));
}

/* Columns come with expressions, so tickets are read behind them. */
static void line_up(struct scene *scene)
{
	ringcast_lineup_init(&scene->lineup);
	scene->tickets[0] = ticket_of(scene->rule_set, &regions, "a skill=10 maps=['x','y'] liking={'dust':4}; b skill=20 maps=['y','z']", 0);
	scene->tickets[1] = ticket_of(scene->rule_set, &regions, "c skill=40 maps=['y'] liking={'dust':8}", 0);
	scene->tickets[2] = ticket_of(scene->rule_set, &regions, "d skill=5 maps=['y','x']", 0);
	for (int i = 0; i < 3; i++)
		ringcast_lineup_add(&scene->lineup.lineup, scene->tickets[i], i == 2);
}

static void tear_down(struct scene *scene)
{
	for (int i = 0; i < 3; i++)
		ringcast_match_ticket_destroy(&scene->tickets[i]);
	ringcast_match_rule_set_destroy(&scene->rule_set);
	free(scene->arena);
}

static void print(const struct scene *scene, struct expression_value value, char *out, size_t size)
{
	size_t used = strlen(out);
	switch (value.kind) {
	case EXPRESSION_UNDEFINED:
		snprintf(out + used, size - used, "?");
		return;
	case EXPRESSION_IS_NUMBER:
		snprintf(out + used, size - used, "%g", value.number);
		return;
	case EXPRESSION_IS_TEXT: {
		static const char *const texts[] = {"x", "y", "z", "m", "a", "b", "c", "d"};
		for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
			if (ringcast_match_text(scene->rule_set, texts[i], 1) == value.text)
				snprintf(out + used, size - used, "%s", texts[i]);
		return;
	}
	case EXPRESSION_IS_LIST:
		strcat(out, "[");
		for (uint32_t i = 0; i < value.count; i++) {
			strcat(out, i == 0 ? "" : " ");
			print(scene, scene->arena->items[value.first + i], out, size);
		}
		strcat(out, "]");
	}
}

static void expect(const char *text, unsigned aggregation, const char *wanted)
{
	struct scene scene;
	char problem[EXPRESSION_PROBLEM_BYTES], out[512] = "";
	uint16_t root;
	set_up(&scene);
	cr_assert(ringcast_expression_read(scene.rule_set, text, aggregation, &root, problem), "%s: %s", text, problem);
	line_up(&scene);
	scene.arena->count = 0;
	scene.arena->has_overflowed = false;
	print(&scene, ringcast_expression_evaluate(scene.rule_set, root, &scene.lineup.lineup, scene.arena), out, sizeof(out));
	cr_assert_str_eq(out, wanted, "%s: %s instead of %s", text, out, wanted);
	cr_assert(ringcast_expression_is_meant(text));
	tear_down(&scene);
}

Test(match_expression, numbers_are_one_a_ticket)
{
	expect("teams[red].players.attributes[skill]", MATCH_AVERAGE, "[15 40]");
	expect("teams[red].players.attributes[skill]", MATCH_MIN, "[10 40]");
	expect("teams[red].players.attributes[skill]", MATCH_MAX, "[20 40]");
	expect("players.attributes[skill]", MATCH_AVERAGE, "[15 40 5]");
	expect(" teams[ red , blue ] . players . attributes[ skill ] ", MATCH_AVERAGE, "[[15 40] [5]]");
	expect("teams[*].players.attributes[skill]", MATCH_AVERAGE, "[[15 40] [5] [] [] []]");
	expect("teams[trio].players.attributes[skill]", MATCH_AVERAGE, "[[] []]");
	expect("teams[trio_2].players.attributes[skill]", MATCH_AVERAGE, "[]");
}

Test(match_expression, functions_work_on_each_inner_list)
{
	expect("avg(teams[red,blue].players.attributes[skill])", MATCH_AVERAGE, "[27.5 5]");
	expect("avg(flatten(teams[*].players.attributes[skill]))", MATCH_AVERAGE, "20");
	expect("min(flatten(teams[*].players.attributes[skill]))", MATCH_AVERAGE, "5");
	expect("max(avg(teams[*].players.attributes[skill]))", MATCH_AVERAGE, "27.5");
	expect("sum(teams[red].players.attributes[skill])", MATCH_AVERAGE, "55");
	expect("median(players.attributes[skill])", MATCH_AVERAGE, "15");
	expect("median(teams[red].players.attributes[skill])", MATCH_AVERAGE, "27.5");
	expect("stddev(teams[red].players.attributes[skill])", MATCH_AVERAGE, "12.5");
	expect("count(teams[*].players)", MATCH_AVERAGE, "[3 1 0 0 0]");
	expect("max(count(teams[*].players))", MATCH_AVERAGE, "3");
	expect("avg(teams[green].players.attributes[skill])", MATCH_AVERAGE, "?");
	expect("avg(teams[green,blue].players.attributes[skill])", MATCH_AVERAGE, "[5 ?]");
}

Test(match_expression, a_list_of_teams_is_in_the_order_of_teams)
{
	expect("count(teams[blue,red].players)", MATCH_AVERAGE, "[3 1]");
}

Test(match_expression, lists_and_maps)
{
	expect("count(teams[red].players.attributes[maps])", MATCH_UNION, "[3 1]");
	expect("count(teams[red].players.attributes[maps])", MATCH_INTERSECTION, "[1 1]");
	expect("set_intersection(flatten(teams[*].players.attributes[maps]))", MATCH_UNION, "[y]");
	expect("set_intersection(teams[green].players.attributes[maps])", MATCH_UNION, "?");
	expect("count(set_intersection(teams[red,blue].players.attributes[maps]))", MATCH_UNION, "[1 2]");
	expect("players.attributes[liking][dust]", MATCH_AVERAGE, "[4 8 ?]");
	expect("avg(players.attributes[liking][dust])", MATCH_AVERAGE, "6");
	expect("teams[blue].players[playerId]", MATCH_AVERAGE, "[d]");
	expect("count(teams[red].players[playerId])", MATCH_AVERAGE, "3");
	expect("players.attributes[mode]", MATCH_AVERAGE, "[m m m m]");
}

Test(match_expression, what_is_wrong_is_told_with_its_character)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"", "character 1: '' is none of teams"},
		{"mean(players.attributes[skill])", "character 1: 'mean' is none of"},
		{"avg players", "character 5: '(' is missing"},
		{"avg(players.attributes[skill]", "')' is missing"},
		{"avg(avg(players.attributes[skill]))", "avg takes a list; this is one value"},
		{"flatten(players.attributes[skill])", "flatten takes a list of lists"},
		{"avg(players.attributes[maps])", "avg takes numbers"},
		{"set_intersection(players.attributes[mode])", "set_intersection takes a list of lists"},
		{"teams[purple].players", "character 13: there is no team 'purple'"},
		{"teams[].players", "a name is missing"},
		{"teams[red]players", ".players is missing"},
		{"teams[red].people", "teams[...].players, players or a function is missing"},
		{"players.attributes[liking]", "this attribute is a map"},
		{"players[bob]", "only players[playerId] is known"},
		{"players.attributes[skill] + 1", "nothing may follow here"},
		{"count(count(count(count(count(count(count(count(count(players)))))))))", "nested more than 8 deep"},
	};
	struct scene scene;
	set_up(&scene);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char problem[EXPRESSION_PROBLEM_BYTES] = "";
		uint16_t root;
		cr_assert(!ringcast_expression_read(scene.rule_set, cases[i].text, 0, &root, problem), "%s", cases[i].text);
		cr_assert_not_null(strstr(problem, cases[i].problem), "%s: %s", cases[i].text, problem);
	}
	line_up(&scene);
	tear_down(&scene);
}

Test(match_expression, texts_are_not_taken_for_expressions)
{
	cr_assert(!ringcast_expression_is_meant("teams"));
	cr_assert(!ringcast_expression_is_meant("min"));
	cr_assert(!ringcast_expression_is_meant("players of old"));
	cr_assert(!ringcast_expression_is_meant("medic"));
}

Test(match_expression, too_much_work_is_given_up)
{
	struct match_rule_set *rule_set = rules_of_parts("'playerAttributes': [{'name': 'maps', 'type': 'string_list'}],"
							 "'teams': [{'name': 'red', 'minPlayers': 0, 'maxPlayers': 40}]");
	struct expression_arena *arena = malloc(sizeof(*arena));
	struct small_lineup lineup;
	struct match_ticket *tickets[40];
	char text[2048], problem[EXPRESSION_PROBLEM_BYTES];
	uint16_t root;
	cr_assert(ringcast_expression_read(rule_set, "count(teams[red].players.attributes[maps])", MATCH_UNION, &root, problem));
	ringcast_lineup_init(&lineup);
	for (int i = 0; i < 40; i++) {
		int used = snprintf(text, sizeof(text), "p%d maps=[", i);
		for (int j = 0; j < 100; j++)
			used += snprintf(text + used, sizeof(text) - used, "%s'%d.%d'", j == 0 ? "" : ",", i, j);
		snprintf(text + used, sizeof(text) - used, "]");
		tickets[i] = ticket_of(rule_set, &regions, text, 0);
		ringcast_lineup_add(&lineup.lineup, tickets[i], 0);
	}
	arena->count = EXPRESSION_ITEMS_MAX - 1000;
	arena->has_overflowed = false;
	cr_assert_eq(ringcast_expression_evaluate(rule_set, root, &lineup.lineup, arena).kind, EXPRESSION_UNDEFINED);
	cr_assert(arena->has_overflowed);
	arena->count = 0;
	arena->has_overflowed = false;
	cr_assert_eq(ringcast_expression_evaluate(rule_set, root, &lineup.lineup, arena).count, 40);
	for (int i = 0; i < 40; i++)
		ringcast_match_ticket_destroy(&tickets[i]);
	ringcast_match_rule_set_destroy(&rule_set);
	free(arena);
}
