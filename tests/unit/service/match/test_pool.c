/* Pools: states and acceptance, time-outs, running matches, batches; whoever is matched keeps the rules, is whole, and is in one match. */
#include "reference.h"
#include "service/match/explain.h"

#include <stdlib.h>

static struct match_pool *pool;
static struct match_rule_set *rule_set;
static char problem[MATCH_TICKET_PROBLEM_BYTES];

static void open_pool(const char *parts, struct match_pool_options options)
{
	rule_set = rules_of_parts(parts);
	pool = ringcast_match_pool_create(rule_set, &options);
	cr_assert_not_null(pool);
}

static void close_pool(void)
{
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

static handle add(const char *text, uint64_t at_s)
{
	json_t *players = players_of(text);
	handle ticket = ringcast_match_pool_add(pool, players, at_s * NS_PER_S, problem);
	cr_assert_neq(ticket, HANDLE_NONE, "%s: %s", text, problem);
	json_decref(players);
	return ticket;
}

static void run_at(uint64_t at_s)
{
	ringcast_match_pool_round(pool, at_s * NS_PER_S);
}

static enum match_ticket_state state_of(handle ticket)
{
	enum match_ticket_state state = MATCH_STATE_COUNT;
	cr_assert(ringcast_match_pool_state(pool, ticket, &state));
	return state;
}

/* The match that the last call told of for this ticket. */
static handle match_of(handle ticket)
{
	uint32_t count;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
	for (uint32_t i = count; i > 0; i--)
		if (effects[i - 1].ticket == ticket)
			return effects[i - 1].match;
	return HANDLE_NONE;
}

#define PAIR "'teams': [{'name': 'side', 'minPlayers': 1, 'maxPlayers': 1, 'quantity': 2}]"
#define SKILL "'playerAttributes': [{'name': 'skill', 'type': 'number', 'default': 0}]"
#define NEAR "'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}]"

Test(match_pool, a_ticket_goes_through_its_states)
{
	open_pool(PAIR, (struct match_pool_options){.seed = 1});
	handle a = add("a", 0);
	cr_assert_eq(state_of(a), MATCH_IS_QUEUED);
	run_at(1);
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	handle b = add("b", 2);
	run_at(3);
	cr_assert_eq(state_of(a), MATCH_IS_PLACING);
	cr_assert_eq(state_of(b), MATCH_IS_PLACING);
	handle match = match_of(a);
	struct match_lineup_view view;
	cr_assert(ringcast_match_pool_match(pool, match, &view));
	cr_assert(view.count == 2 && view.tickets[0] == a && view.tickets[1] == b && view.teams[0] != view.teams[1]);
	cr_assert(!ringcast_match_pool_stop(pool, a), "too late");
	cr_assert(ringcast_match_pool_placed(pool, match, true));
	cr_assert_eq(state_of(b), MATCH_IS_COMPLETED);
	cr_assert(!ringcast_match_pool_placed(pool, match, true), "once only");
	ringcast_match_pool_forget(pool, a);
	cr_assert(ringcast_match_pool_match(pool, match, &view));
	ringcast_match_pool_forget(pool, b);
	cr_assert(!ringcast_match_pool_match(pool, match, &view), "gone with its last ticket");
	close_pool();
}

Test(match_pool, every_state_and_event)
{
	/* One row a state: what each event in turn leads to; - means nothing here. */
	static const char *const rows[MATCH_STATE_COUNT] = {
		[MATCH_IS_QUEUED] = "S-------CT", [MATCH_IS_SEARCHING] = "-RP-----CT", [MATCH_IS_REQUIRES_ACCEPTANCE] = "---PSC--C-",
		[MATCH_IS_PLACING] = "----S-DF--", [MATCH_IS_COMPLETED] = "----------", [MATCH_IS_FAILED] = "----------",
		[MATCH_IS_CANCELLED] = "----------", [MATCH_IS_TIMED_OUT] = "----------"};
	static const char letters[MATCH_STATE_COUNT] = {[MATCH_IS_QUEUED] = 'Q', [MATCH_IS_SEARCHING] = 'S', [MATCH_IS_REQUIRES_ACCEPTANCE] = 'R',
							[MATCH_IS_PLACING] = 'P', [MATCH_IS_COMPLETED] = 'D', [MATCH_IS_FAILED] = 'F',
							[MATCH_IS_CANCELLED] = 'C', [MATCH_IS_TIMED_OUT] = 'T'};
	for (int state = 0; state < MATCH_STATE_COUNT; state++)
		for (int event = 0; event < MATCH_EVENT_COUNT; event++) {
			enum match_ticket_state next = MATCH_IS_QUEUED;
			bool is_allowed = ringcast_match_state_next(state, event, &next);
			cr_assert_eq(is_allowed ? letters[next] : '-', rows[state][event], "%s, event %d", ringcast_match_state_name(state), event);
			cr_assert(!is_allowed || !ringcast_match_state_ends(state));
		}
}

Test(match_pool, a_request_times_out_and_can_be_stopped)
{
	open_pool(PAIR, (struct match_pool_options){.request_timeout_ns = 10 * NS_PER_S});
	handle a = add("a", 0);
	run_at(9);
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	run_at(10);
	cr_assert_eq(state_of(a), MATCH_IS_TIMED_OUT);
	cr_assert(!ringcast_match_pool_stop(pool, a));
	ringcast_match_pool_forget(pool, a);
	handle b = add("b", 11);
	cr_assert(ringcast_match_pool_stop(pool, b));
	cr_assert_eq(state_of(b), MATCH_IS_CANCELLED);
	cr_assert(!ringcast_match_pool_stop(pool, HANDLE_NONE));
	close_pool();
}

Test(match_pool, who_agreed_searches_on_when_another_rejects)
{
	open_pool(PAIR, (struct match_pool_options){.acceptance_timeout_ns = 20 * NS_PER_S});
	handle a = add("a", 0), b = add("b", 0);
	run_at(1);
	cr_assert_eq(state_of(a), MATCH_IS_REQUIRES_ACCEPTANCE);
	cr_assert(!ringcast_match_pool_answer(pool, a, "b", true), "not a's player");
	cr_assert(ringcast_match_pool_answer(pool, a, "a", true));
	cr_assert(ringcast_match_pool_answer(pool, b, "b", false));
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	cr_assert_eq(state_of(b), MATCH_IS_CANCELLED);
	handle c = add("c", 2);
	run_at(3);
	cr_assert(ringcast_match_pool_answer(pool, c, "c", true));
	cr_assert_eq(state_of(a), MATCH_IS_REQUIRES_ACCEPTANCE, "an old answer must not count in a new match");
	cr_assert(ringcast_match_pool_answer(pool, a, "a", true));
	cr_assert_eq(state_of(a), MATCH_IS_PLACING);
	cr_assert(ringcast_match_pool_placed(pool, match_of(a), false));
	cr_assert_eq(state_of(c), MATCH_IS_FAILED);
	close_pool();
}

Test(match_pool, a_party_agrees_when_all_of_it_have_and_silence_is_no_yes)
{
	open_pool("'teams': [{'name': 'side', 'minPlayers': 2, 'maxPlayers': 2, 'quantity': 2}]", (struct match_pool_options){.acceptance_timeout_ns = 20 * NS_PER_S});
	handle a = add("a; b", 0), c = add("c; d", 0);
	run_at(1);
	cr_assert(ringcast_match_pool_answer(pool, a, "a", true) && ringcast_match_pool_answer(pool, a, "b", true));
	cr_assert(ringcast_match_pool_answer(pool, c, "c", true));
	run_at(20);
	cr_assert_eq(state_of(a), MATCH_IS_REQUIRES_ACCEPTANCE);
	run_at(21);
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	cr_assert_eq(state_of(c), MATCH_IS_CANCELLED);
	close_pool();
}

Test(match_pool, a_stop_sends_the_others_back_or_away)
{
	open_pool(PAIR, (struct match_pool_options){.acceptance_timeout_ns = 20 * NS_PER_S});
	handle a = add("a", 0), b = add("b", 0);
	run_at(1);
	cr_assert(ringcast_match_pool_answer(pool, a, "a", true));
	cr_assert(ringcast_match_pool_stop(pool, b));
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	cr_assert_eq(state_of(b), MATCH_IS_CANCELLED);
	ringcast_match_pool_forget(pool, b);
	close_pool();
}

Test(match_pool, the_clock_of_an_expansion_is_that_of_the_youngest_or_the_oldest)
{
#define WIDER ", 'expansions': [{'target': 'rules[Near].maxDistance', 'steps': [{'waitTimeSeconds': 10, 'value': 50}]}]"
	open_pool(SKILL "," PAIR "," NEAR WIDER, (struct match_pool_options){0});
	handle a = add("a skill=0", 0), b = add("b skill=40", 8);
	run_at(12);
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING, "b has waited 4 s only");
	run_at(18);
	cr_assert_eq(state_of(b), MATCH_IS_PLACING);
	close_pool();
	open_pool(SKILL "," PAIR "," NEAR WIDER ", 'algorithm': {'expansionAgeSelection': 'oldest'}", (struct match_pool_options){0});
	a = add("a skill=0", 0), b = add("b skill=40", 8);
	run_at(9);
	cr_assert_eq(state_of(a), MATCH_IS_SEARCHING);
	run_at(10);
	cr_assert_eq(state_of(b), MATCH_IS_PLACING);
	close_pool();
}

Test(match_pool, a_team_that_expands_alone_is_unlike_its_brothers)
{
	open_pool("'teams': [{'name': 't', 'minPlayers': 2, 'maxPlayers': 2, 'quantity': 2}],"
		  "'expansions': [{'target': 'teams[t_2].minPlayers', 'steps': [{'waitTimeSeconds': 10, 'value': 1}]}]", (struct match_pool_options){0});
	handle single = add("a", 0), party = add("b; c", 1);
	run_at(10);
	cr_assert_eq(state_of(single), MATCH_IS_SEARCHING);
	run_at(11);
	cr_assert_eq(state_of(single), MATCH_IS_PLACING, "in the second team");
	cr_assert_eq(state_of(party), MATCH_IS_PLACING);
	close_pool();
}

Test(match_pool, the_oldest_is_served_first_and_sorts_choose_its_partner)
{
	open_pool(SKILL "," PAIR ", 'rules': [{'name': 'S', 'type': 'distanceSort', 'sortAttribute': 'skill'}]", (struct match_pool_options){0});
	handle a = add("a skill=50", 0), b = add("b skill=10", 1), c = add("c skill=48", 2), d = add("d skill=11", 3), e = add("e skill=49", 4);
	run_at(5);
	cr_assert_eq(match_of(a), match_of(e));
	cr_assert_eq(match_of(b), match_of(d));
	cr_assert_eq(state_of(c), MATCH_IS_SEARCHING);
	close_pool();
}

Test(match_pool, a_map_is_sorted_by_the_anchors_key)
{
	open_pool("'playerAttributes': [{'name': 'liking', 'type': 'string_number_map'}]," PAIR
		  ", 'rules': [{'name': 'S', 'type': 'absoluteSort', 'sortDirection': 'descending', 'sortAttribute': 'liking', 'mapKey': 'maxValue'}]",
		  (struct match_pool_options){0});
	handle a = add("a liking={'dust':5,'sea':9}", 0);
	add("b liking={'dust':100,'sea':1}", 1); /* the highest of all, but not where the anchor looks */
	handle c = add("c liking={'sea':3}", 2);
	add("d liking={'ice':50}", 3);
	run_at(4);
	cr_assert_neq(match_of(a), HANDLE_NONE);
	cr_assert_eq(match_of(a), match_of(c));
	close_pool();
}

static handle add_running(const char *text, uint64_t at_s)
{
	json_t *players = players_of(text), *player;
	size_t i;
	json_array_foreach(players, i, player) {
		json_t *team = json_object_get(json_object_get(json_object_get(player, "PlayerAttributes"), "team"), "S");
		json_object_set(player, "Team", team);
	}
	handle ticket = ringcast_match_pool_add_backfill(pool, players, at_s * NS_PER_S, problem);
	json_decref(players);
	return ticket;
}

Test(match_pool, a_running_match_gets_whom_it_lacks)
{
	open_pool(SKILL ", 'teams': [{'name': 'red', 'minPlayers': 2, 'maxPlayers': 2}, {'name': 'blue', 'minPlayers': 2, 'maxPlayers': 2}]," NEAR,
		  (struct match_pool_options){0});
	handle far = add("x skill=90", 0), near = add("y skill=12", 1);
	handle running = add_running("a skill=10 team='red'; b skill=10 team='red'; c skill=11 team='blue'", 2);
	cr_assert_neq(running, HANDLE_NONE, "%s", problem);
	run_at(3);
	cr_assert_eq(state_of(near), MATCH_IS_PLACING);
	cr_assert_eq(state_of(running), MATCH_IS_PLACING);
	cr_assert_eq(state_of(far), MATCH_IS_SEARCHING);
	struct match_lineup_view view;
	handle match = match_of(near);
	cr_assert(ringcast_match_pool_match(pool, match, &view) && view.count == 1 && view.backfill == running && view.teams[0] == 1);
	cr_assert(ringcast_match_pool_placed(pool, match, true));
	ringcast_match_pool_forget(pool, near);
	ringcast_match_pool_forget(pool, running);
	cr_assert(!ringcast_match_pool_match(pool, match, &view));
	cr_assert_eq(add_running("a skill=10 team='green'", 4), HANDLE_NONE);
	cr_assert_not_null(strstr(problem, "no Team, or one that the rule set does not know"));
	close_pool();
}

Test(match_pool, running_matches_come_first_last_or_by_age)
{
	static const struct {
		const char *priority;
		bool running_gets_it;
	} cases[] = {{"high", true}, {"normal", false}, {"low", false}};
	for (size_t i = 0; i < 3; i++) {
		char parts[512];
		snprintf(parts, sizeof(parts), SKILL ", 'algorithm': {'backfillPriority': '%s'}, " PAIR, cases[i].priority);
		open_pool(parts, (struct match_pool_options){0});
		add("x", 0);
		handle y = add("y", 1), running = add_running("a team='side_1'", 2);
		run_at(3);
		cr_assert_eq(state_of(running) == MATCH_IS_PLACING, cases[i].running_gets_it, "%s", cases[i].priority);
		cr_assert_neq(state_of(y), cases[i].running_gets_it ? MATCH_IS_PLACING : MATCH_IS_SEARCHING);
		close_pool();
	}
	open_pool(SKILL "," PAIR, (struct match_pool_options){0}); /* normal, and older than all */
	handle running = add_running("a team='side_1'", 0);
	add("x", 1);
	add("y", 2);
	run_at(3);
	cr_assert_eq(state_of(running), MATCH_IS_PLACING);
	close_pool();
}

Test(match_pool, bounds_are_told)
{
	open_pool(PAIR, (struct match_pool_options){.tickets_max = 2});
	add("a", 0);
	json_t *party = players_of("x; y"), *one = players_of("z");
	cr_assert_eq(ringcast_match_pool_add(pool, party, 0, problem), HANDLE_NONE);
	cr_assert_str_eq(problem, "2 players are in this ticket; they play in one team, and the largest has 1");
	add("b", 0);
	cr_assert_eq(ringcast_match_pool_add(pool, one, 0, problem), HANDLE_NONE);
	cr_assert_not_null(strstr(problem, "2 tickets are in the pool"));
	json_decref(party);
	json_decref(one);
	close_pool();
}

Test(match_pool, tickets_that_are_wrong_are_told_whose_and_what)
{
	static const struct {
		const char *players, *problem;
	} cases[] = {
		{"[]", "a ticket has 1 to 40 players"},
		{"{}", "a ticket has 1 to 40 players"},
		{"[{}]", "player 1 has no PlayerId"},
		{"[{'PlayerId': 'a'}]", "player 'a' has no attribute 'rank'"},
		{"[{'PlayerId': 'a', 'PlayerAttributes': {'rank': {'S': 'x'}}}]", "attribute 'rank' must be a number"},
		{"[{'PlayerId': 'a', 'PlayerAttributes': {'rank': 3}}]", "attribute 'rank' must be a number"},
		{"[{'PlayerId': 'a', 'PlayerAttributes': {'rank': {'N': 3}}, 'LatencyInMs': {'eu': -1}}]", "the latency to 'eu' must be"},
		{"[{'PlayerId': 'a', 'PlayerAttributes': {'rank': {'N': 3}}}, {'PlayerId': 'a', 'PlayerAttributes': {'rank': {'N': 3}}}]", "in this ticket twice"},
	};
	open_pool("'playerAttributes': [{'name': 'rank', 'type': 'number'}], 'teams': [{'name': 'a', 'minPlayers': 1, 'maxPlayers': 9}]", (struct match_pool_options){0});
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = quoted(cases[i].players);
		json_t *players = json_loads(text, 0, NULL);
		cr_assert_eq(ringcast_match_pool_add(pool, players, 0, problem), HANDLE_NONE);
		cr_assert_not_null(strstr(problem, cases[i].problem), "%s: %s", cases[i].players, problem);
		json_decref(players);
		free(text);
	}
	close_pool();
}

/* Two who fit among many who do not: batches are too small to bring them together, and nothing tells that they are alike. */
Test(match_pool, nobody_starves_whom_a_match_is_possible_for)
{
	open_pool("'playerAttributes': [{'name': 'maps', 'type': 'string_list'}]," PAIR ", 'rules': [{'name': 'Maps', 'type': 'collection', "
		  "'operation': 'intersection', 'measurements': ['flatten(teams[*].players.attributes[maps])'], 'minCount': 1}]",
		  (struct match_pool_options){.seed = 3, .batch_tickets = 4, .gather_count = 50});
	char text[64];
	handle a = HANDLE_NONE, b = HANDLE_NONE;
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "p%d maps=['m%d']", i, i == 1500 ? 700 : i);
		handle ticket = add(text, (uint64_t)i / 100);
		a = i == 700 ? ticket : a;
		b = i == 1500 ? ticket : b;
	}
	int rounds = 0;
	for (; state_of(a) != MATCH_IS_PLACING && rounds < 41; rounds++)
		run_at(30);
	cr_assert_eq(state_of(a), MATCH_IS_PLACING, "after %d rounds", rounds);
	cr_assert_eq(match_of(a), match_of(b));
	close_pool();
}

static void explained(handle ticket, uint64_t at_s, const char *key, const char *rule, const char *wanted)
{
	json_t *object = ringcast_match_explain(pool, ticket, at_s * NS_PER_S);
	cr_assert_not_null(object);
	const char *answer = json_string_value(json_object_get(object, "answer"));
	cr_assert_not_null(strstr(answer, wanted), "%s", answer);
	if (rule != NULL)
		cr_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(object, key), 0), "rule")), rule);
	json_decref(object);
}

Test(match_pool, a_waiting_ticket_is_told_why)
{
	open_pool("'playerAttributes': [{'name': 'skill', 'type': 'number', 'default': 0}, {'name': 'role', 'type': 'string', 'default': 'any'}],"
		  "'teams': [{'name': 'red', 'minPlayers': 1, 'maxPlayers': 2}, {'name': 'blue', 'minPlayers': 1, 'maxPlayers': 2}],"
		  "'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10},"
		  "{'name': 'NoBots', 'type': 'comparison', 'operation': '!=', 'measurements': ['players.attributes[role]'], 'referenceValue': 'bot'},"
		  "{'name': 'Apart', 'type': 'distance', 'measurements': ['avg(teams[red].players.attributes[skill])'], 'minDistance': 3,"
		  "'referenceValue': 'avg(teams[blue].players.attributes[skill])'}, {'name': 'Ping', 'type': 'latency', 'maxLatency': 50}],"
		  "'expansions': [{'target': 'rules[Near].maxDistance', 'steps': [{'waitTimeSeconds': 30, 'value': 100}]}]", (struct match_pool_options){0});
	handle a = add("a skill=0 @eu=10", 0), bot = add("b skill=0 role='bot' @eu=10", 0), lost = add("c skill=1", 0);
	handle far = add("d skill=50 @eu=20", 0), slow = add("e skill=1 @eu=90", 0);
	run_at(1);
	explained(a, 1, "heldBackBy", "Ping", "1 more players are needed and 0 of those who wait fit");
	explained(far, 1, "heldBackBy", "Near", "most are kept away by Near");
	explained(bot, 1, NULL, NULL, "It can stand in no team");
	explained(lost, 1, NULL, NULL, "no common region");
	explained(slow, 1, "heldBackBy", "Ping", "kept away by Ping");
	add("f skill=1 @eu=10", 1);
	explained(a, 2, "lineupsRefusedBy", "Apart", "no lineup of them passes; most are refused by Apart");
	explained(a, 30, NULL, NULL, "A match of 2 players"); /* with d; f is a second too young for what expands */
	explained(a, 31, NULL, NULL, "A match of 3 players");
	handle good = add("g skill=5 @eu=10", 2);
	explained(a, 3, NULL, NULL, "A match of 3 players is possible now");
	json_t *object = ringcast_match_explain(pool, a, 3 * NS_PER_S);
	cr_assert_eq(json_number_value(json_object_get(object, "nextExpansionSeconds")), 27);
	json_decref(object);
	const uint64_t *passed, *failed;
	ringcast_match_pool_rule_counts(pool, &passed, &failed);
	cr_assert_eq(failed[2], 0, "questions count as matches");
	run_at(3);
	explained(good, 3, NULL, NULL, "It does not wait: it is PLACING.");
	cr_assert_null(ringcast_match_explain(pool, HANDLE_NONE, 0));
	close_pool();
}

Test(match_pool, a_team_that_nobody_may_stand_in_is_named)
{
	open_pool("'playerAttributes': [{'name': 'role', 'type': 'string', 'default': 'hunter'}], 'teams': [{'name': 'hunters', 'minPlayers': 1, 'maxPlayers': 4},"
		  "{'name': 'beast', 'minPlayers': 1, 'maxPlayers': 1}], 'rules': [{'name': 'B', 'type': 'comparison', 'operation': '=',"
		  "'measurements': ['teams[beast].players.attributes[role]'], 'referenceValue': 'beast'}]", (struct match_pool_options){0});
	char text[16];
	handle a = add("a", 0);
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "b%d", i);
		add(text, 0);
	}
	run_at(1);
	explained(a, 1, NULL, NULL, "may stand in team beast");
	cr_assert_lt(ringcast_match_pool_counts(pool)->steps, 200, "no search where a team must stay empty");
	close_pool();
}

/* Random pools */

struct told {
	handle ticket, match;
	int team;
};

/* All matches of a pool of random tickets, each checked by the second opinion. Answers how many tickets were matched. */
static int run_random(uint64_t seed, int count, struct told *told, struct match_pool_options options)
{
	struct prng prng;
	struct ref_rule_set rules;
	struct ref_ticket *tickets = calloc((size_t)count, sizeof(*tickets));
	char message[DOCUMENT_PROBLEM_BYTES];
	int matched = 0;
	ringcast_prng_init(&prng, seed);
	ref_rules_make(&prng, &rules);
	char *text = ref_rules_text(&rules);
	rule_set = ringcast_match_rule_set_create(text, strlen(text), seed, message);
	cr_assert_not_null(rule_set, "%s", message);
	options.seed = seed;
	pool = ringcast_match_pool_create(rule_set, &options);
	for (int i = 0; i < count; i++) {
		ref_ticket_make(&prng, &tickets[i]);
		json_t *players = ref_players(&tickets[i], i);
		told[i] = (struct told){.ticket = ringcast_match_pool_add(pool, players, (uint64_t)(1000 - tickets[i].age_s) * NS_PER_S, problem)};
		json_decref(players);
	}
	ringcast_match_pool_round(pool, 1000 * NS_PER_S);
	for (int i = 0; i < count; i++) {
		struct match_lineup_view view;
		struct ref_lineup lineup = {0};
		if (told[i].ticket == HANDLE_NONE || state_of(told[i].ticket) != MATCH_IS_PLACING)
			continue;
		matched++;
		told[i].match = match_of(told[i].ticket);
		cr_assert(ringcast_match_pool_match(pool, told[i].match, &view) && view.count <= REF_TICKETS_MAX);
		int mine = 0;
		for (uint32_t j = 0; j < view.count; j++)
			for (int k = 0; k < count; k++)
				if (told[k].ticket == view.tickets[j]) {
					lineup.tickets[lineup.count] = &tickets[k];
					lineup.teams[lineup.count++] = view.teams[j];
					mine += k == i;
					told[k].team = view.teams[j];
				}
		cr_assert_eq(mine, 1);
		cr_assert_eq(lineup.count, (int)view.count);
		cr_assert(ref_is_match(&rules, &lineup), "seed %lu\n%s", seed, text);
	}
	/* Nobody is left who could be matched with others who are left. */
	for (int i = 0; i < count && options.batch_tickets == 0; i++) {
		struct ref_ticket others[REF_TICKETS_MAX];
		struct ref_best best = {0};
		int other_count = 0;
		for (int k = 0; k < count; k++)
			if (k != i && told[k].match == HANDLE_NONE && told[k].ticket != HANDLE_NONE && other_count < REF_TICKETS_MAX)
				others[other_count++] = tickets[k];
		if (told[i].match == HANDLE_NONE && told[i].ticket != HANDLE_NONE && other_count <= 6)
			ref_best_match(&rules, &tickets[i], others, other_count, &best);
		cr_assert(!best.is_found, "seed %lu: ticket %d was left out\n%s", seed, i, text);
	}
	free(tickets);
	free(text);
	close_pool();
	return matched;
}

Test(match_pool, matches_of_random_pools_keep_the_rules_and_leave_nobody_out)
{
	struct told told[64];
	int matched = 0;
	for (uint64_t seed = 1; seed < 600; seed++)
		matched += run_random(seed, 8, told, (struct match_pool_options){0});
	cr_assert_gt(matched, 1000);
	for (uint64_t seed = 1000; seed < 1050; seed++)
		run_random(seed, 60, told, (struct match_pool_options){.batch_tickets = 16});
}

Test(match_pool, the_same_seed_makes_the_same_matches)
{
	struct told first[64], second[64];
	int differs = 0;
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct match_pool_options options = {.batch_tickets = 8};
		run_random(seed, 64, first, options);
		run_random(seed, 64, second, options);
		for (int i = 0; i < 64; i++) {
			cr_assert_eq(first[i].match, second[i].match, "seed %lu", seed);
			cr_assert_eq(first[i].team, second[i].team);
			differs += first[i].match != HANDLE_NONE;
		}
	}
	cr_assert_gt(differs, 200);
}

/* Sixty-four rules over forty teams, none of which can be asked early, and the last of which always fails: the worst that a search can be given. */
Test(match_pool, a_rule_set_made_to_be_dear_gets_no_more_effort_than_others)
{
	char parts[16384], text[64];
	int used = snprintf(parts, sizeof(parts), SKILL ", 'teams': [{'name': 't', 'minPlayers': 0, 'maxPlayers': 1, 'quantity': 40}], 'rules': [");
	for (int i = 0; i < 64; i++)
		used += snprintf(parts + used, sizeof(parts) - used, "%s{'name': 'r%d', 'type': 'distance', 'minDistance': %d, 'measurements': "
				 "['stddev(flatten(teams[*].players.attributes[skill]))'], 'referenceValue': 'median(players.attributes[skill])'}",
				 i == 0 ? "" : ",", i, i == 63 ? 1000000 : 0);
	snprintf(parts + used, sizeof(parts) - used, "]");
	struct match_rule_set *dear = NULL;
	char *whole = calloc(1, sizeof(parts) + 64), message[DOCUMENT_PROBLEM_BYTES];
	snprintf(whole, sizeof(parts) + 64, "{'ruleLanguageVersion': '1.0', %s}", parts);
	char *json = quoted(whole);
	dear = ringcast_match_rule_set_create(json, strlen(json), 1, message);
	cr_assert_not_null(dear, "%s", message);
	struct match_pool_options options = {.steps_min = 2000, .steps_per_ticket = 1};
	pool = ringcast_match_pool_create(dear, &options);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d", i, i);
		add(text, 0);
	}
	run_at(1);
	const struct match_pool_counts *counts = ringcast_match_pool_counts(pool);
	/* A search that has spent its steps still asks once for each ticket of its lineup on the way back, which is bounded too: 40 lineups. */
	cr_assert(counts->steps >= 2000 && counts->steps < 2100 + 40 * 64 * 200 / 32, "%lu steps", counts->steps);
	cr_assert_eq(counts->matches, 0);
	cr_assert_eq(counts->waiting, 100);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&dear);
	free(whole);
	free(json);
}

/* Large matches */

#define FIELD "'playerAttributes': [{'name': 'skill', 'type': 'number'}, {'name': 'mode', 'type': 'string', 'default': 'm'}], " \
	      "'algorithm': {'strategy': 'balanced', 'balancedAttribute': 'skill'%s}, "

static void add_crowd(struct prng *prng, int count, int party_max)
{
	char text[256];
	for (int i = 0; i < count; i++) {
		int used = 0, party = 1 + (int)ringcast_prng_below(prng, (uint64_t)party_max);
		for (int j = 0; j < party; j++)
			used += snprintf(text + used, sizeof(text) - used, "%sc%d.%d skill=%d @eu=%d @us=%d", j == 0 ? "" : ";", i, j, (int)ringcast_prng_below(prng, 1000),
					 10 + 10 * (int)ringcast_prng_below(prng, 12), 10 + 10 * (int)ringcast_prng_below(prng, 12));
		add(text, (uint64_t)i % 5);
	}
}

static uint32_t check_large(handle match, uint16_t team_count, uint32_t players_min, uint32_t players_max, double apart_max)
{
	struct match_lineup_view view;
	uint32_t players[8] = {0}, all = 0;
	double sums[8] = {0}, least = 1e9, most = 0;
	bool eu = true, us = true;
	cr_assert(ringcast_match_pool_match(pool, match, &view));
	for (uint32_t i = 0; i < view.count; i++) {
		const struct match_ticket *ticket = ringcast_match_pool_ticket(pool, view.tickets[i]);
		players[view.teams[i]] += ticket->player_count;
		sums[view.teams[i]] += ticket->cells[rule_set->balance_column].number * ticket->player_count;
		eu &= ringcast_match_latency(ticket, 0, MATCH_AVERAGE) <= 60;
		us &= ringcast_match_latency(ticket, 1, MATCH_AVERAGE) <= 60;
	}
	cr_assert(eu || us, "no region suits all");
	for (uint16_t team = 0; team < team_count; team++) {
		cr_assert(players[team] >= players_min && players[team] <= players_max, "%u players", players[team]);
		least = sums[team] / players[team] < least ? sums[team] / players[team] : least;
		most = sums[team] / players[team] > most ? sums[team] / players[team] : most;
		all += players[team];
	}
	cr_assert_leq(most - least, apart_max, "teams are %g apart", most - least);
	return all;
}

Test(match_pool, large_matches_are_full_balanced_and_in_one_region)
{
	char parts[1024];
	struct prng prng;
	snprintf(parts, sizeof(parts), FIELD "'teams': [{'name': 't', 'minPlayers': 20, 'maxPlayers': 30, 'quantity': 4}], 'rules': [{'name': 'P', 'type': 'latency', 'maxLatency': 60}]", "");
	for (uint64_t seed = 1; seed < 6; seed++) {
		open_pool(parts, (struct match_pool_options){.seed = seed});
		ringcast_prng_init(&prng, seed);
		add_crowd(&prng, 800, 3);
		run_at(10);
		uint32_t count, matches = 0, players = 0;
		const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
		handle seen = HANDLE_NONE;
		for (uint32_t i = 0; i < count; i++)
			if (effects[i].state == MATCH_IS_PLACING && effects[i].match != seen) {
				seen = effects[i].match;
				matches++;
				players += check_large(seen, 4, 20, 30, 12);
			}
		cr_assert(matches >= 5, "%u matches", matches);
		cr_assert_geq(players, matches * 100, "%u players in %u matches", players, matches);
		close_pool();
	}
}

Test(match_pool, a_large_match_takes_those_nearest_to_its_anchor)
{
	char parts[1024], text[64];
	snprintf(parts, sizeof(parts), FIELD "'teams': [{'name': 't', 'minPlayers': 50, 'maxPlayers': 50}]", "");
	open_pool(parts, (struct match_pool_options){0});
	handle anchor = add("a skill=500", 0);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d", i, i * 10);
		add(text, 1);
	}
	run_at(2);
	struct match_lineup_view view;
	cr_assert(ringcast_match_pool_match(pool, match_of(anchor), &view));
	cr_assert_eq(view.count, 50);
	for (uint32_t i = 0; i < view.count; i++) {
		double skill = ringcast_match_pool_ticket(pool, view.tickets[i])->cells[rule_set->balance_column].number;
		cr_assert(skill >= 250 && skill <= 750, "%g", skill);
	}
	close_pool();
}

Test(match_pool, a_large_match_relaxes_for_those_who_have_waited)
{
	char parts[1024], text[64];
	snprintf(parts, sizeof(parts), FIELD "'teams': [{'name': 't', 'minPlayers': 60, 'maxPlayers': 100}],"
		 "'expansions': [{'target': 'teams[t].minPlayers', 'steps': [{'waitTimeSeconds': 10, 'value': 30}]}]", "");
	open_pool(parts, (struct match_pool_options){0});
	handle first = HANDLE_NONE;
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d", i, i);
		handle ticket = add(text, i < 35 ? 0 : 9);
		first = i == 0 ? ticket : first;
	}
	run_at(9);
	cr_assert_eq(state_of(first), MATCH_IS_SEARCHING);
	run_at(10);
	struct match_lineup_view view;
	cr_assert(ringcast_match_pool_match(pool, match_of(first), &view));
	cr_assert_eq(view.count, 35, "the five young ones would hold the clock back");
	close_pool();
}

Test(match_pool, the_fastest_region_is_preferred_where_that_is_asked_for)
{
	char parts[1024], text[64];
	for (int fastest = 0; fastest < 2; fastest++) {
		snprintf(parts, sizeof(parts), FIELD "'teams': [{'name': 't', 'minPlayers': 20, 'maxPlayers': 40}, {'name': 'u', 'minPlayers': 1, 'maxPlayers': 1}],"
			 "'rules': [{'name': 'P', 'type': 'latency', 'maxLatency': 100}]", fastest ? ", 'batchingPreference': 'fastestRegion'" : "");
		open_pool(parts, (struct match_pool_options){0});
		handle anchor = add("a skill=1 @eu=10 @us=90", 0);
		for (int i = 0; i < 60; i++) {
			snprintf(text, sizeof(text), "p%d skill=1 @%s=20%s", i, i < 25 ? "eu" : "us", i < 25 ? "" : " @asia=5");
			add(text, 1);
		}
		run_at(2);
		struct match_lineup_view view;
		cr_assert(ringcast_match_pool_match(pool, match_of(anchor), &view));
		cr_assert_eq(view.count, fastest ? 26 : 36);
		close_pool();
	}
}

Test(match_pool, large_rounds_look_no_further_than_they_may)
{
	enum { RULES = 32, REGIONS = 32, TICKETS = 300, STEPS = 2000 };
	char parts[8192], text[1024];
	int used = snprintf(parts, sizeof(parts), FIELD "'teams': [{'name': 't', 'minPlayers': 100, 'maxPlayers': 200, 'quantity': 4}], 'rules': [", "");
	for (int i = 0; i < RULES; i++)
		used += snprintf(parts + used, sizeof(parts) - (size_t)used, "%s{'name': 'r%d', 'type': 'latency', 'maxLatency': %d}", i == 0 ? "" : ",", i, 100 + i);
	snprintf(parts + used, sizeof(parts) - (size_t)used, "]");
	open_pool(parts, (struct match_pool_options){.steps_min = STEPS, .steps_per_ticket = 1});
	for (int i = 0; i < TICKETS; i++) {
		used = snprintf(text, sizeof(text), "p%d skill=%d", i, i);
		for (int region = 0; region < REGIONS; region++)
			used += snprintf(text + used, sizeof(text) - (size_t)used, " @r%d=10", region);
		add(text, 0);
	}
	run_at(1);
	const struct match_pool_counts *counts = ringcast_match_pool_counts(pool);
	cr_assert(counts->steps >= STEPS + TICKETS && counts->steps < STEPS + TICKETS + RULES * REGIONS, "%lu steps", counts->steps);
	cr_assert_eq(counts->cut_searches, 1);
	close_pool();
}
