#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int below(struct prng *prng, int bound)
{
	return (int)ringcast_prng_below(prng, (uint64_t)bound);
}

/* Making */

static const double bounds[REF_KINDS] = {
	[REF_SKILL_MIN] = 4, [REF_FAIR_TEAMS] = 4, [REF_PEERS] = 6, [REF_BATCH_SKILL] = 12, [REF_COMMON_MAPS] = 1, [REF_FEW_X] = 2, [REF_SOME_X] = 1,
	[REF_LIKES_XY] = 1, [REF_WANTED] = 1, [REF_PING] = 60, [REF_PING_OF_MIN] = 40, [REF_PING_OF_AVERAGE] = 30, [REF_FIRST_TEAM_WEAK] = 14, [REF_RANGE] = 14};

void ref_rules_make(struct prng *prng, struct ref_rule_set *rules)
{
	memset(rules, 0, sizeof(*rules));
	rules->team_count = 1 + below(prng, REF_TEAMS_MAX);
	rules->has_quantity = rules->team_count > 1 && below(prng, 2) == 0;
	for (int i = 0; i < rules->team_count; i++) {
		rules->players_max[i] = rules->has_quantity && i > 0 ? rules->players_max[0] : 1 + below(prng, 3);
		rules->players_min[i] = rules->has_quantity && i > 0 ? rules->players_min[0] : below(prng, rules->players_max[i] + 1);
	}
	rules->relaxed_wait_s = rules->has_quantity || below(prng, 2) == 0 ? 0 : 15;
	rules->relaxed_min = rules->players_min[0] == 0 ? 0 : rules->players_min[0] - 1;
	rules->rule_count = below(prng, REF_RULES_MAX + 1);
	for (int i = 0; i < rules->rule_count; i++) {
		struct ref_rule *rule = &rules->rules[i];
		rule->kind = (enum ref_kind)below(prng, REF_KINDS);
		if (rule->kind == REF_EQUAL_SIZES && rules->team_count < 2)
			rule->kind = REF_PEERS;
		rule->aggregation = below(prng, 3);
		rule->bound = bounds[rule->kind] + below(prng, 3) * (bounds[rule->kind] > 2 ? 2 : 0);
		rule->wait_s = bounds[rule->kind] > 0 && below(prng, 2) == 0 ? 10 : 0;
		rule->later = below(prng, 4) == 0 ? rule->bound / 2 : rule->bound * 2; /* some get stricter, which nobody would want */
		rule->later = floor(rule->later);
	}
	rules->compound = rules->rule_count >= 2 ? below(prng, 6) : 0;
	rules->compound = rules->compound == 5 ? 0 : rules->compound;
	for (int i = 0; i < 2 && rules->compound != 0; i++) {
		bool is_batch = rules->rules[i].kind == REF_BATCH_SKILL || rules->rules[i].kind == REF_BATCH_MODE;
		rules->compound = is_batch ? 0 : rules->compound;
	}
	rules->rules[0].is_member = rules->compound != 0;
	rules->rules[1].is_member = rules->compound != 0 && rules->compound != 4;
	rules->is_oldest = below(prng, 3) == 0;
	rules->sorts_by_distance = below(prng, 2) == 0;
}

void ref_ticket_make(struct prng *prng, struct ref_ticket *ticket)
{
	memset(ticket, 0, sizeof(*ticket));
	ticket->count = below(prng, 3) == 0 ? 2 + below(prng, 2) : 1;
	ticket->age_s = below(prng, 25);
	for (int i = 0; i < ticket->count; i++) {
		struct ref_player *player = &ticket->players[i];
		player->skill = below(prng, 20);
		player->mode = below(prng, 5) == 0;
		player->character = below(prng, 8);
		for (int map = 0; map < REF_MAPS; map++) {
			player->maps[map] = below(prng, 3) != 0;
			player->wants[map] = below(prng, 4) != 0;
		}
		for (int region = 0; region < REF_REGIONS; region++)
			player->latency[region] = below(prng, 6) == 0 ? -1 : 10 * below(prng, 10);
	}
}

static const char *const aggregations[] = {"avg", "min", "max"};

static const char *team_name(const struct ref_rule_set *rules, int team)
{
	static const char *const quantity[] = {"team_1", "team_2", "team_3"}, *const single[] = {"red", "blue", "green"};
	return rules->has_quantity ? quantity[team] : single[team];
}

#define ALL(attribute) "flatten(teams[*].players.attributes[" attribute "])"

static void print_collection(const struct ref_rule *rule, char *out, size_t size)
{
	switch (rule->kind) {
	case REF_COMMON_MAPS:
		snprintf(out, size, "\"collection\", \"operation\": \"intersection\", \"measurements\": [\"" ALL("maps") "\"], \"minCount\": %g}", rule->bound);
		return;
	case REF_FEW_X:
	case REF_SOME_X:
		snprintf(out, size, "\"collection\", \"operation\": \"contains\", \"referenceValue\": \"x\", \"measurements\": [\"" ALL("maps") "\"], \"%s\": %g}",
			 rule->kind == REF_FEW_X ? "maxCount" : "minCount", rule->bound);
		return;
	case REF_LIKES_XY:
		snprintf(out, size, "\"collection\", \"operation\": \"reference_intersection_count\", \"referenceValue\": [\"y\", \"x\"], \"measurements\": [\"" ALL("maps") "\"], \"minCount\": %g}", rule->bound);
		return;
	case REF_WANTED:
		snprintf(out, size, "\"collection\", \"operation\": \"reference_intersection_count\", \"referenceValue\": \"set_intersection(" ALL("wants") ")\", \"measurements\": [\"" ALL("maps") "\"], \"minCount\": %g}", rule->bound);
		return;
	default:
		cr_assert_fail("no rule of collections");
	}
}

static void print_rule(const struct ref_rule_set *rules, const struct ref_rule *rule, int number, char *out, size_t size)
{
	const char *how = aggregations[rule->aggregation];
	int used = snprintf(out, size, "{\"name\": \"R%d\", \"type\": ", number);
	out += used;
	size -= (size_t)used;
	switch (rule->kind) {
	case REF_SKILL_MIN:
		snprintf(out, size, "\"comparison\", \"measurements\": [\"" ALL("skill") "\"], \"operation\": \">=\", \"referenceValue\": %g, \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_SAME_MODE:
		snprintf(out, size, "\"comparison\", \"measurements\": [\"" ALL("mode") "\"], \"operation\": \"=\"}");
		return;
	case REF_OTHER_CHARACTERS:
		snprintf(out, size, "\"comparison\", \"measurements\": [\"" ALL("character") "\"], \"operation\": \"!=\", \"partyAggregation\": \"%s\"}", how);
		return;
	case REF_FAIR_TEAMS:
		snprintf(out, size, "\"distance\", \"measurements\": [\"avg(teams[*].players.attributes[skill])\"], \"referenceValue\": \"avg(" ALL("skill") ")\", \"maxDistance\": %g, \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_PEERS:
		snprintf(out, size, "\"distance\", \"measurements\": [\"" ALL("skill") "\"], \"referenceValue\": \"avg(" ALL("skill") ")\", \"maxDistance\": %g, \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_BATCH_SKILL:
		snprintf(out, size, "\"batchDistance\", \"batchAttribute\": \"skill\", \"maxDistance\": \"%g\", \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_BATCH_MODE:
		snprintf(out, size, "\"batchDistance\", \"batchAttribute\": \"mode\"}");
		return;
	case REF_COMMON_MAPS:
	case REF_FEW_X:
	case REF_SOME_X:
	case REF_LIKES_XY:
	case REF_WANTED:
		print_collection(rule, out, size);
		return;
	case REF_PING:
		snprintf(out, size, "\"latency\", \"maxLatency\": %g, \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_PING_OF_MIN:
	case REF_PING_OF_AVERAGE:
		snprintf(out, size, "\"latency\", \"maxDistance\": %g, \"distanceReference\": \"%s\", \"partyAggregation\": \"%s\"}", rule->bound,
			 rule->kind == REF_PING_OF_MIN ? "min" : "avg", how);
		return;
	case REF_EQUAL_SIZES:
		snprintf(out, size, "\"comparison\", \"measurements\": [\"count(teams[%s].players)\"], \"operation\": \"=\", \"referenceValue\": \"count(teams[%s].players)\"}", team_name(rules, 0), team_name(rules, 1));
		return;
	case REF_FIRST_TEAM_WEAK:
		snprintf(out, size, "\"comparison\", \"measurements\": [\"teams[%s].players.attributes[skill]\"], \"operation\": \"<=\", \"referenceValue\": %g, \"partyAggregation\": \"%s\"}", team_name(rules, 0), rule->bound, how);
		return;
	case REF_RANGE:
		snprintf(out, size, "\"distance\", \"measurements\": [\"max(" ALL("skill") ")\"], \"referenceValue\": \"min(" ALL("skill") ")\", \"maxDistance\": %g, \"partyAggregation\": \"%s\"}", rule->bound, how);
		return;
	case REF_KINDS:
		break;
	}
}

static const char *property_of(enum ref_kind kind)
{
	switch (kind) {
	case REF_SKILL_MIN:
	case REF_FIRST_TEAM_WEAK:
		return "referenceValue";
	case REF_COMMON_MAPS:
	case REF_SOME_X:
	case REF_LIKES_XY:
	case REF_WANTED:
		return "minCount";
	case REF_FEW_X:
		return "maxCount";
	case REF_PING:
		return "maxLatency";
	default:
		return "maxDistance";
	}
}

static void print_teams(const struct ref_rule_set *rules, char *text, size_t size)
{
	size_t used = strlen(text);
	if (rules->has_quantity) {
		snprintf(text + used, size - used, "{\"name\": \"team\", \"minPlayers\": %d, \"maxPlayers\": %d, \"quantity\": %d}", rules->players_min[0],
			 rules->players_max[0], rules->team_count);
		return;
	}
	for (int i = 0; i < rules->team_count; i++, used = strlen(text))
		snprintf(text + used, size - used, "%s{\"name\": \"%s\", \"minPlayers\": %d, \"maxPlayers\": %d}", i == 0 ? "" : ", ", team_name(rules, i),
			 rules->players_min[i], rules->players_max[i]);
}

static void print_expansions(const struct ref_rule_set *rules, char *text, size_t size)
{
	const char *comma = "";
	for (int i = 0; i < rules->rule_count; i++) {
		size_t used = strlen(text);
		if (rules->rules[i].wait_s == 0)
			continue;
		snprintf(text + used, size - used, "%s{\"target\": \"rules[R%d].%s\", \"steps\": [{\"waitTimeSeconds\": %d, \"value\": %g}]}", comma, i,
			 property_of(rules->rules[i].kind), rules->rules[i].wait_s, rules->rules[i].later);
		comma = ",\n  ";
	}
	size_t used = strlen(text);
	if (rules->relaxed_wait_s != 0)
		snprintf(text + used, size - used, "%s{\"target\": \"teams[%s].minPlayers\", \"steps\": [{\"waitTimeSeconds\": %d, \"value\": %d}]}", comma,
			 team_name(rules, 0), rules->relaxed_wait_s, rules->relaxed_min);
}

char *ref_rules_text(const struct ref_rule_set *rules)
{
	static const char *const statements[] = {"", "or(R0,R1)", "and(R0,R1)", "xor(R0,R1)", "not(R0)"};
	size_t size = 16384;
	char *text = calloc(size, 1), rule[1024];
	snprintf(text, size, "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}, {\"name\": \"mode\", \"type\": \"string\"}, "
			     "{\"name\": \"character\", \"type\": \"number\"}, {\"name\": \"maps\", \"type\": \"string_list\"}, {\"name\": \"wants\", \"type\": \"string_list\"}],\n"
			     "\"algorithm\": {\"expansionAgeSelection\": \"%s\"},\n\"teams\": [", rules->is_oldest ? "oldest" : "newest");
	print_teams(rules, text, size);
	strcat(text, "],\n\"rules\": [");
	for (int i = 0; i < rules->rule_count; i++) {
		print_rule(rules, &rules->rules[i], i, rule, sizeof(rule));
		strcat(strcat(text, i == 0 ? "" : ",\n  "), rule);
	}
	if (rules->compound != 0) {
		snprintf(rule, sizeof(rule), ",\n  {\"name\": \"C\", \"type\": \"compound\", \"statement\": \"%s\"}", statements[rules->compound]);
		strcat(text, rule);
	}
	if (rules->sorts_by_distance)
		strcat(strcat(text, rules->rule_count > 0 ? ",\n  " : ""), "{\"name\": \"S\", \"type\": \"distanceSort\", \"sortAttribute\": \"skill\"}");
	strcat(text, "],\n\"expansions\": [");
	print_expansions(rules, text, size);
	strcat(text, "]}");
	return text;
}

static json_t *list_of(const bool *has)
{
	static const char *const names[REF_MAPS] = {"x", "y", "z", "w"};
	json_t *list = json_array();
	for (int i = 0; i < REF_MAPS; i++)
		if (has[i])
			json_array_append_new(list, json_string(names[i]));
	return list;
}

json_t *ref_players(const struct ref_ticket *ticket, int number)
{
	static const char *const regions[REF_REGIONS] = {"eu", "us"};
	json_t *players = json_array();
	char id[32];
	for (int i = 0; i < ticket->count; i++) {
		const struct ref_player *player = &ticket->players[i];
		json_t *latencies = json_object();
		for (int region = 0; region < REF_REGIONS; region++)
			if (player->latency[region] >= 0)
				json_object_set_new(latencies, regions[region], json_integer(player->latency[region]));
		snprintf(id, sizeof(id), "t%d.%d", number, i);
		json_array_append_new(players, json_pack("{s:s, s:{s:{s:i}, s:{s:s}, s:{s:i}, s:{s:o}, s:{s:o}}, s:o}", "PlayerId", id, "PlayerAttributes", "skill",
							 "N", player->skill, "mode", "S", player->mode ? "b" : "a", "character", "N", player->character, "maps", "SL",
							 list_of(player->maps), "wants", "SL", list_of(player->wants), "LatencyInMs", latencies));
	}
	return players;
}

/* Judging */

static double party_number(const struct ref_ticket *ticket, int aggregation, bool of_characters)
{
	double sum = 0, least = 1e9, most = -1e9;
	for (int i = 0; i < ticket->count; i++) {
		double number = of_characters ? ticket->players[i].character : ticket->players[i].skill;
		sum += number;
		least = fmin(least, number);
		most = fmax(most, number);
	}
	return aggregation == 0 ? sum / ticket->count : aggregation == 1 ? least : most;
}

static bool party_has(const struct ref_ticket *ticket, int map, bool of_wants)
{
	for (int i = 0; i < ticket->count; i++)
		if (of_wants ? ticket->players[i].wants[map] : ticket->players[i].maps[map])
			return true;
	return false;
}

/* -1: somebody of the party has not named the region. */
static double party_latency(const struct ref_ticket *ticket, int aggregation, int region)
{
	double sum = 0, least = 1e9, most = -1e9;
	for (int i = 0; i < ticket->count; i++) {
		double latency = ticket->players[i].latency[region];
		if (latency < 0)
			return -1;
		sum += latency;
		least = fmin(least, latency);
		most = fmax(most, latency);
	}
	return aggregation == 0 ? sum / ticket->count : aggregation == 1 ? least : most;
}

static double average_skill(const struct ref_lineup *lineup, int aggregation, int team, int *ret_count)
{
	double sum = 0;
	*ret_count = 0;
	for (int i = 0; i < lineup->count; i++)
		if (team < 0 || lineup->teams[i] == team) {
			sum += party_number(lineup->tickets[i], aggregation, false);
			++*ret_count;
		}
	return *ret_count == 0 ? 0 : sum / *ret_count;
}

static bool modes_are_equal(const struct ref_lineup *lineup)
{
	for (int i = 0; i < lineup->count; i++)
		for (int j = 0; j < lineup->tickets[i]->count; j++)
			if (lineup->tickets[i]->players[j].mode != lineup->tickets[0]->players[0].mode)
				return false;
	return true;
}

static bool latencies_fit(const struct ref_lineup *lineup, const struct ref_rule *rule, double bound)
{
	for (int region = 0; region < REF_REGIONS; region++) {
		bool fits = true;
		double sum = 0, least = 1e9;
		for (int i = 0; i < lineup->count; i++) {
			double latency = party_latency(lineup->tickets[i], rule->aggregation, region);
			fits &= latency >= 0 && (rule->kind != REF_PING || latency <= bound);
			sum += latency;
			least = fmin(least, latency);
		}
		double reference = rule->kind == REF_PING_OF_MIN ? least : sum / lineup->count;
		for (int i = 0; i < lineup->count && rule->kind != REF_PING; i++)
			fits &= fabs(party_latency(lineup->tickets[i], rule->aggregation, region) - reference) <= bound + 1e-4;
		if (fits)
			return true;
	}
	return false;
}

static int count_maps(const struct ref_lineup *lineup, const struct ref_ticket *ticket, enum ref_kind kind)
{
	int count = 0;
	for (int map = 0; map < REF_MAPS; map++) {
		bool counts = ticket == NULL || party_has(ticket, map, false);
		for (int i = 0; i < lineup->count && kind != REF_LIKES_XY; i++)
			counts &= party_has(lineup->tickets[i], map, kind == REF_WANTED);
		count += counts && (kind != REF_LIKES_XY || map < 2);
	}
	return count;
}

static bool characters_differ(const struct ref_lineup *lineup, int aggregation)
{
	for (int i = 0; i < lineup->count; i++)
		for (int j = 0; j < i; j++)
			if (party_number(lineup->tickets[i], aggregation, true) == party_number(lineup->tickets[j], aggregation, true))
				return false;
	return true;
}

static bool teams_are_fair(const struct ref_lineup *lineup, int aggregation, double average, double bound)
{
	for (int team = 0, count; team < REF_TEAMS_MAX; team++) {
		double own = average_skill(lineup, aggregation, team, &count);
		if (count > 0 && fabs(own - average) > bound + 1e-9)
			return false;
	}
	return true;
}

/* 1 holds, 0 does not, -1 cannot be said. */
static int holds(const struct ref_rule *rule, const struct ref_lineup *lineup, double bound)
{
	int count, with_x = 0, heard = 0;
	double average = average_skill(lineup, rule->aggregation, -1, &count), least = 1e9, most = -1e9;
	for (int i = 0; i < lineup->count; i++) {
		double skill = party_number(lineup->tickets[i], rule->aggregation, false);
		least = fmin(least, skill);
		most = fmax(most, skill);
		with_x += party_has(lineup->tickets[i], 0, false);
	}
	switch (rule->kind) {
	case REF_SKILL_MIN:
		return least >= bound;
	case REF_SAME_MODE:
	case REF_BATCH_MODE:
		return modes_are_equal(lineup);
	case REF_OTHER_CHARACTERS:
		return characters_differ(lineup, rule->aggregation);
	case REF_FAIR_TEAMS:
		return teams_are_fair(lineup, rule->aggregation, average, bound);
	case REF_PEERS:
		return most - average <= bound + 1e-9 && average - least <= bound + 1e-9;
	case REF_BATCH_SKILL:
	case REF_RANGE:
		return most - least <= bound;
	case REF_COMMON_MAPS:
		return count_maps(lineup, NULL, REF_COMMON_MAPS) >= bound;
	case REF_FEW_X:
		return with_x <= bound;
	case REF_SOME_X:
		return with_x >= bound;
	case REF_LIKES_XY:
	case REF_WANTED:
		for (int i = 0; i < lineup->count; i++)
			if (count_maps(lineup, lineup->tickets[i], rule->kind) < bound)
				return 0;
		return 1;
	case REF_PING:
	case REF_PING_OF_MIN:
	case REF_PING_OF_AVERAGE:
		return latencies_fit(lineup, rule, bound);
	case REF_EQUAL_SIZES:
		for (int i = 0; i < lineup->count; i++)
			heard += lineup->teams[i] == 0 ? lineup->tickets[i]->count : lineup->teams[i] == 1 ? -lineup->tickets[i]->count : 0;
		return heard == 0;
	case REF_FIRST_TEAM_WEAK:
		for (int i = 0; i < lineup->count; i++) {
			heard += lineup->teams[i] == 0;
			if (lineup->teams[i] == 0 && party_number(lineup->tickets[i], rule->aggregation, false) > bound)
				return 0;
		}
		return heard > 0 ? 1 : -1;
	case REF_KINDS:
		break;
	}
	return -1;
}

static int join(int compound, int a, int b)
{
	switch (compound) {
	case 1:
		return a == 1 || b == 1 ? 1 : a == -1 || b == -1 ? -1 : 0;
	case 2:
		return a == 0 || b == 0 ? 0 : a == -1 || b == -1 ? -1 : 1;
	case 3:
		return a == -1 || b == -1 ? -1 : a != b;
	default:
		return a == -1 ? -1 : !a;
	}
}

bool ref_is_match(const struct ref_rule_set *rules, const struct ref_lineup *lineup)
{
	int players[REF_TEAMS_MAX] = {0}, clock_s = lineup->tickets[0]->age_s, verdicts[REF_RULES_MAX] = {0};
	for (int i = 0; i < lineup->count; i++) {
		int age_s = lineup->tickets[i]->age_s;
		players[lineup->teams[i]] += lineup->tickets[i]->count;
		clock_s = (rules->is_oldest ? age_s > clock_s : age_s < clock_s) ? age_s : clock_s;
	}
	for (int team = 0; team < rules->team_count; team++) {
		bool is_relaxed = team == 0 && rules->relaxed_wait_s != 0 && clock_s >= rules->relaxed_wait_s;
		if (players[team] > rules->players_max[team] || players[team] < (is_relaxed ? rules->relaxed_min : rules->players_min[team]))
			return false;
	}
	for (int i = 0; i < rules->rule_count; i++) {
		const struct ref_rule *rule = &rules->rules[i];
		verdicts[i] = holds(rule, lineup, rule->wait_s != 0 && clock_s >= rule->wait_s ? rule->later : rule->bound);
		if (!rule->is_member && verdicts[i] == 0)
			return false;
	}
	return rules->compound == 0 || join(rules->compound, verdicts[0], verdicts[1]) != 0;
}

/* Trying everything */

void ref_order(const struct ref_rule_set *rules, const struct ref_ticket *anchor, const struct ref_ticket *candidates, int count, int *ret_order)
{
	double distance[REF_TICKETS_MAX];
	for (int i = 0; i < count; i++) {
		int at = i;
		distance[i] = rules->sorts_by_distance ? fabs(party_number(&candidates[i], 0, false) - party_number(anchor, 0, false)) : 0;
		for (; at > 0 && distance[ret_order[at - 1]] > distance[i]; at--)
			ret_order[at] = ret_order[at - 1];
		ret_order[at] = i;
	}
}

struct trial {
	const struct ref_rule_set *rules;
	const struct ref_ticket *candidates;
	int count, order[REF_TICKETS_MAX], pick_count, picks[REF_TICKETS_MAX];
	struct ref_lineup lineup;
	struct ref_best *best;
};

static bool comes_first(const struct trial *trial, int player_count)
{
	const struct ref_best *best = trial->best;
	if (!best->is_found || player_count != best->player_count)
		return !best->is_found || player_count > best->player_count;
	for (int i = 0; i < trial->pick_count && i < best->pick_count; i++)
		if (trial->picks[i] != best->picks[i])
			return trial->picks[i] < best->picks[i];
	return false;
}

static void try_all(struct trial *trial, int next)
{
	int players = 0;
	if (next < trial->count) {
		try_all(trial, next + 1);
		for (int team = 0; team < trial->rules->team_count; team++) {
			trial->lineup.tickets[trial->lineup.count] = &trial->candidates[trial->order[next]];
			trial->lineup.teams[trial->lineup.count++] = team;
			trial->picks[trial->pick_count++] = next;
			try_all(trial, next + 1);
			trial->pick_count--;
			trial->lineup.count--;
		}
		return;
	}
	for (int i = 0; i < trial->lineup.count; i++)
		players += trial->lineup.tickets[i]->count;
	if (!comes_first(trial, players) || !ref_is_match(trial->rules, &trial->lineup))
		return;
	trial->best->is_found = true;
	trial->best->player_count = players;
	trial->best->pick_count = trial->pick_count;
	memcpy(trial->best->picks, trial->picks, sizeof(trial->picks));
}

void ref_best_match(const struct ref_rule_set *rules, const struct ref_ticket *anchor, const struct ref_ticket *candidates, int count,
		    struct ref_best *ret_best)
{
	struct trial trial = {.rules = rules, .candidates = candidates, .count = count, .best = ret_best};
	*ret_best = (struct ref_best){0};
	ref_order(rules, anchor, candidates, count, trial.order);
	for (int team = 0; team < rules->team_count; team++) {
		trial.lineup.count = 1;
		trial.lineup.tickets[0] = anchor;
		trial.lineup.teams[0] = team;
		trial.pick_count = 0;
		try_all(&trial, 0);
	}
}
