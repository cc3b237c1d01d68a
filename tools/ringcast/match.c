/* ringcast match simulate: a rule set against a crowd, in virtual time, without a server. */
#include "tools/ringcast/commands.h"
#include "tools/ringcast/crowd.h"
#include "tools/ringcast/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "service/match/explain.h"

enum { CSV_BYTES_MAX = 256 << 20, EXPLAINED_MAX = 200, SHOWN_MAX = 10 };

struct simulation {
	const struct cli_invocation *invocation;
	struct match_rule_set *rule_set;
	struct match_pool *pool;
	struct crowd crowd;
	uint64_t interval_ns, patience_ns;
	handle *handles;    /* by ticket of the crowd */
	size_t *tickets;    /* by a handle's index: which ticket of the crowd it is */
	double *waits_s;    /* of those who were matched */
	size_t refused_count, matched_count, matched_players, match_count, arrived, rounds;
	char refused_why[MATCH_TICKET_PROBLEM_BYTES];
	uint64_t levels[MATCH_LEVELS_MAX]; /* matches made at each */
	double spread_sums[MATCH_ATTRIBUTES_MAX]; /* of number attributes, over matches */
	uint64_t held_back[MATCH_RULES_MAX]; /* of those who were left: which rule kept most others away */
	size_t explained_count;
	json_t *answers;
};

/* Matches */

static double number_of(const json_t *player, const struct match_attribute *attribute)
{
	const json_t *own = json_object_get(json_object_get(json_object_get(player, "PlayerAttributes"), attribute->name), "N");
	return json_number_value(own != NULL ? own : attribute->default_value);
}

static size_t find_ticket(const struct simulation *simulation, handle ticket)
{
	return simulation->tickets[ringcast_handle_index(ticket)];
}

static void measure_match(struct simulation *simulation, const size_t *members, uint32_t count, uint64_t now_ns)
{
	uint64_t newest_ns = 0, oldest_ns = UINT64_MAX;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at_ns = simulation->crowd.tickets[members[i]].at_ns;
		newest_ns = at_ns > newest_ns ? at_ns : newest_ns;
		oldest_ns = at_ns < oldest_ns ? at_ns : oldest_ns;
		simulation->waits_s[simulation->matched_count++] = (double)(now_ns - at_ns) / 1e9;
		simulation->matched_players += json_array_size(simulation->crowd.tickets[members[i]].players);
	}
	simulation->match_count++;
	simulation->levels[ringcast_match_level_at(simulation->rule_set, now_ns - (simulation->rule_set->clock_is_oldest ? oldest_ns : newest_ns))]++;
	for (uint16_t i = 0; i < simulation->rule_set->attribute_count; i++) {
		double least = INFINITY, most = -INFINITY;
		size_t at;
		json_t *player;
		for (uint32_t member = 0; member < count && simulation->rule_set->attributes[i].type == MATCH_NUMBER; member++)
			json_array_foreach(simulation->crowd.tickets[members[member]].players, at, player) {
				double number = number_of(player, &simulation->rule_set->attributes[i]);
				least = fmin(least, number);
				most = fmax(most, number);
			}
		simulation->spread_sums[i] += most >= least ? most - least : 0;
	}
}

/* Each match is placed at once; its tickets leave. */
static void take_matches(struct simulation *simulation, uint64_t now_ns)
{
	uint32_t count;
	const struct match_effect *effects = ringcast_match_pool_effects(simulation->pool, &count);
	struct match_effect *kept = calloc(count + 1, sizeof(*kept));
	size_t *members = calloc(MATCH_PLAYERS_MAX, sizeof(*members));
	struct match_lineup_view view;
	memcpy(kept, effects, count * sizeof(*kept));
	for (uint32_t i = 0; i < count; i++) {
		if (kept[i].state != MATCH_IS_PLACING || !ringcast_match_pool_match(simulation->pool, kept[i].match, &view))
			continue;
		for (uint32_t member = 0; member < view.count; member++)
			members[member] = find_ticket(simulation, view.tickets[member]);
		uint32_t member_count = view.count;
		measure_match(simulation, members, member_count, now_ns);
		ringcast_match_pool_placed(simulation->pool, kept[i].match, true);
		for (uint32_t member = 0; member < member_count; member++) {
			ringcast_match_pool_forget(simulation->pool, simulation->handles[members[member]]);
			simulation->handles[members[member]] = HANDLE_NONE;
		}
	}
	free(kept);
	free(members);
}

/* Time */

static void arrive(struct simulation *simulation, uint64_t now_ns)
{
	struct crowd *crowd = &simulation->crowd;
	for (; simulation->arrived < crowd->count && crowd->tickets[simulation->arrived].at_ns <= now_ns; simulation->arrived++) {
		char problem[MATCH_TICKET_PROBLEM_BYTES];
		struct crowd_ticket *ticket = &crowd->tickets[simulation->arrived];
		simulation->handles[simulation->arrived] = ringcast_match_pool_add(simulation->pool, ticket->players, ticket->at_ns, problem);
		if (simulation->handles[simulation->arrived] != HANDLE_NONE)
			simulation->tickets[ringcast_handle_index(simulation->handles[simulation->arrived])] = simulation->arrived;
		else if (simulation->refused_count++ == 0)
			snprintf(simulation->refused_why, sizeof(simulation->refused_why), "ticket %.32s: %.200s", ticket->name, problem);
	}
}

/* Why those who are about to give up have waited for nothing: asked of some of them. */
static void explain_leavers(struct simulation *simulation, uint64_t now_ns)
{
	for (size_t i = 0; i < simulation->arrived && simulation->explained_count < EXPLAINED_MAX; i++) {
		uint64_t left_ns = simulation->crowd.tickets[i].at_ns + simulation->patience_ns;
		if (simulation->handles[i] == HANDLE_NONE || left_ns <= now_ns || left_ns > now_ns + simulation->interval_ns)
			continue;
		json_t *why = ringcast_match_explain(simulation->pool, simulation->handles[i], now_ns), *rule;
		size_t at;
		json_array_foreach(json_object_get(why, "heldBackBy"), at, rule)
			for (uint16_t r = 0; r < simulation->rule_set->rule_count; r++)
				if (strcmp(simulation->rule_set->rules[r].name, json_string_value(json_object_get(rule, "rule"))) == 0)
					simulation->held_back[r] += (uint64_t)json_integer_value(json_object_get(rule, "others"));
		json_t *line = json_pack("{s:s, s:f, s:O}", "ticket", simulation->crowd.tickets[i].name, "waitedSeconds",
					 json_number_value(json_object_get(why, "waitedSeconds")), "answer", json_object_get(why, "answer"));
		if (json_array_size(simulation->answers) < SHOWN_MAX)
			json_array_append(simulation->answers, line);
		json_decref(line);
		json_decref(why);
		simulation->explained_count++;
	}
}

static void forget_leavers(struct simulation *simulation)
{
	enum match_ticket_state state;
	for (size_t i = 0; i < simulation->arrived; i++)
		if (simulation->handles[i] != HANDLE_NONE && ringcast_match_pool_state(simulation->pool, simulation->handles[i], &state) &&
		    state == MATCH_IS_TIMED_OUT) {
			ringcast_match_pool_forget(simulation->pool, simulation->handles[i]);
			simulation->handles[i] = HANDLE_NONE;
		}
}

static void run(struct simulation *simulation)
{
	uint64_t end_ns = simulation->crowd.tickets[simulation->crowd.count - 1].at_ns + simulation->patience_ns + simulation->interval_ns;
	for (uint64_t now_ns = 0; now_ns <= end_ns; now_ns += simulation->interval_ns) {
		if (simulation->arrived == simulation->crowd.count && ringcast_match_pool_counts(simulation->pool)->waiting == 0 && simulation->rounds > 0)
			break;
		arrive(simulation, now_ns);
		ringcast_match_pool_round(simulation->pool, now_ns);
		simulation->rounds++;
		take_matches(simulation, now_ns);
		forget_leavers(simulation);
		explain_leavers(simulation, now_ns);
	}
}

/* Report */

static int by_number(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

static double percentile(const struct simulation *simulation, double part)
{
	size_t at = (size_t)ceil(part * (double)simulation->matched_count);
	return simulation->matched_count == 0 ? 0 : simulation->waits_s[at == 0 ? 0 : at - 1];
}

static json_t *rules_report(const struct simulation *simulation)
{
	json_t *list = json_array();
	const uint64_t *passed, *failed;
	ringcast_match_pool_rule_counts(simulation->pool, &passed, &failed);
	for (uint16_t i = 0; i < simulation->rule_set->rule_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "rule", simulation->rule_set->rules[i].name, "type",
						      ringcast_match_rule_type_name(simulation->rule_set->rules[i].type), "lineupsPassed", (json_int_t)passed[i],
						      "lineupsFailed", (json_int_t)failed[i], "pairsHeldBack", (json_int_t)simulation->held_back[i]));
	return list;
}

static json_t *levels_report(const struct simulation *simulation)
{
	json_t *list = json_array();
	for (uint16_t i = 0; i < simulation->rule_set->level_count; i++)
		json_array_append_new(list, json_pack("{s:I, s:I}", "waitTimeSeconds", (json_int_t)(simulation->rule_set->levels[i].wait_ns / NS_PER_S), "matches",
						      (json_int_t)simulation->levels[i]));
	return list;
}

static json_t *spreads_report(const struct simulation *simulation)
{
	json_t *object = json_object();
	for (uint16_t i = 0; i < simulation->rule_set->attribute_count; i++)
		if (simulation->rule_set->attributes[i].type == MATCH_NUMBER && simulation->match_count > 0)
			json_object_set_new(object, simulation->rule_set->attributes[i].name,
					    json_real(simulation->spread_sums[i] / (double)simulation->match_count));
	return object;
}

static json_t *report(struct simulation *simulation)
{
	size_t matched = simulation->matched_count;
	qsort(simulation->waits_s, matched, sizeof(*simulation->waits_s), by_number);
	json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "tickets", (json_int_t)simulation->crowd.count, "refused",
				   (json_int_t)simulation->refused_count, "matched", (json_int_t)matched, "unmatched",
				   (json_int_t)(simulation->crowd.count - simulation->refused_count - matched), "matches", (json_int_t)simulation->match_count,
				   "playersPerMatch", simulation->match_count == 0 ? 0.0 : (double)simulation->matched_players / (double)simulation->match_count,
				   "rounds", (json_int_t)simulation->rounds);
	json_object_set_new(object, "secondsToMatch", json_pack("{s:f, s:f, s:f, s:f}", "p50", percentile(simulation, 0.5), "p90", percentile(simulation, 0.9),
								"p99", percentile(simulation, 0.99), "max", percentile(simulation, 1)));
	json_object_set_new(object, "spreadInMatch", spreads_report(simulation));
	json_object_set_new(object, "matchesByExpansion", levels_report(simulation));
	json_object_set_new(object, "rules", rules_report(simulation));
	json_object_set(object, "leftBecause", simulation->answers);
	if (simulation->refused_count > 0)
		json_object_set_new(object, "firstRefusal", json_string(simulation->refused_why));
	return object;
}

static void print_table(const struct simulation *simulation, const json_t *object)
{
	size_t i;
	json_t *row;
	const char *name;
	const json_t *waits = json_object_get(object, "secondsToMatch");
	printf("tickets %lld, matched %lld, unmatched %lld, refused %lld\n", json_integer_value(json_object_get(object, "tickets")),
	       json_integer_value(json_object_get(object, "matched")), json_integer_value(json_object_get(object, "unmatched")),
	       json_integer_value(json_object_get(object, "refused")));
	if (simulation->refused_count > 0)
		printf("  first refusal: %s\n", simulation->refused_why);
	printf("matches %lld of %.1f players; seconds to match: p50 %.1f, p90 %.1f, p99 %.1f, max %.1f\n", json_integer_value(json_object_get(object, "matches")),
	       json_number_value(json_object_get(object, "playersPerMatch")), json_number_value(json_object_get(waits, "p50")),
	       json_number_value(json_object_get(waits, "p90")), json_number_value(json_object_get(waits, "p99")), json_number_value(json_object_get(waits, "max")));
	json_object_foreach(json_object_get(object, "spreadInMatch"), name, row)
		printf("%s: between the least and the most in a match %.1f on average\n", name, json_number_value(row));
	json_array_foreach(json_object_get(object, "matchesByExpansion"), i, row)
		printf("after %lld s: %lld matches\n", json_integer_value(json_object_get(row, "waitTimeSeconds")), json_integer_value(json_object_get(row, "matches")));
	printf("%-24s %-14s %10s %10s %16s\n", "RULE", "TYPE", "PASSED", "FAILED", "KEPT FROM LEFT");
	json_array_foreach(json_object_get(object, "rules"), i, row)
		printf("%-24s %-14s %10lld %10lld %16lld\n", json_string_value(json_object_get(row, "rule")), json_string_value(json_object_get(row, "type")),
		       json_integer_value(json_object_get(row, "lineupsPassed")), json_integer_value(json_object_get(row, "lineupsFailed")),
		       json_integer_value(json_object_get(row, "pairsHeldBack")));
	json_array_foreach(json_object_get(object, "leftBecause"), i, row)
		printf("%s, after %.0f s: %s\n", json_string_value(json_object_get(row, "ticket")), json_number_value(json_object_get(row, "waitedSeconds")),
		       json_string_value(json_object_get(row, "answer")));
}

/* Opening */

static bool read_rules(struct simulation *simulation)
{
	char problem[DOCUMENT_PROBLEM_BYTES];
	const char *path = simulation->invocation->arguments[0];
	char *text = ringcast_cli_read_text(simulation->invocation, path, DOCUMENT_BYTES_MAX);
	if (text == NULL)
		return false;
	simulation->rule_set = ringcast_match_rule_set_create(text, strlen(text), 0x72696e67, problem);
	if (simulation->rule_set == NULL)
		ringcast_cli_error(simulation->invocation, "%s, %s", path, problem);
	free(text);
	return simulation->rule_set != NULL;
}

static bool read_crowd(struct simulation *simulation, uint64_t seed)
{
	char problem[CROWD_PROBLEM_BYTES];
	const char *source = simulation->invocation->arguments[1];
	bool is_description = strchr(source, '=') != NULL, is_good;
	char *text = is_description ? NULL : ringcast_cli_read_text(simulation->invocation, source, CSV_BYTES_MAX);
	if (!is_description && text == NULL)
		return false;
	is_good = is_description ? ringcast_crowd_make(&simulation->crowd, simulation->rule_set, source, seed, problem)
				 : ringcast_crowd_read_csv(&simulation->crowd, simulation->rule_set, text, problem);
	if (!is_good)
		ringcast_cli_error(simulation->invocation, "%s%s%s", is_description ? "" : source, is_description ? "" : ", ", problem);
	free(text);
	return is_good;
}

static bool open_pool(struct simulation *simulation, uint64_t seed)
{
	size_t count = simulation->crowd.count;
	struct match_pool_options options = {.seed = seed, .tickets_max = (uint32_t)count, .request_timeout_ns = simulation->patience_ns};
	simulation->pool = ringcast_match_pool_create(simulation->rule_set, &options);
	simulation->handles = calloc(count + 1, sizeof(*simulation->handles));
	simulation->tickets = calloc(count + 1, sizeof(*simulation->tickets));
	simulation->waits_s = calloc(count + 1, sizeof(*simulation->waits_s));
	simulation->answers = json_array();
	bool is_good = simulation->pool != NULL && simulation->handles != NULL && simulation->tickets != NULL && simulation->waits_s != NULL && simulation->answers != NULL;
	if (!is_good)
		ringcast_cli_error(simulation->invocation, "out of memory");
	return is_good;
}

static void close_simulation(struct simulation *simulation)
{
	ringcast_match_pool_destroy(&simulation->pool);
	ringcast_match_rule_set_destroy(&simulation->rule_set);
	ringcast_crowd_fini(&simulation->crowd);
	free(simulation->handles);
	free(simulation->tickets);
	free(simulation->waits_s);
	json_decref(simulation->answers);
}

enum cli_exit ringcast_command_match_simulate(const struct cli_invocation *invocation)
{
	struct simulation simulation = {.invocation = invocation};
	double interval_s = 1, patience_s = 120;
	int64_t seed = 1;
	enum cli_exit code = ringcast_cli_integer(invocation, CLI_OPTION_SEED, 0, INT64_MAX, &seed);
	code = code == CLI_OK ? ringcast_cli_seconds(invocation, CLI_OPTION_INTERVAL, &interval_s) : code;
	code = code == CLI_OK ? ringcast_cli_seconds(invocation, CLI_OPTION_PATIENCE, &patience_s) : code;
	if (code == CLI_OK && (interval_s < 0.01 || patience_s < interval_s || patience_s > 1e6)) {
		ringcast_cli_error(invocation, "--interval must be at least 0.01, and --patience no less than it");
		code = CLI_USAGE;
	}
	if (code != CLI_OK)
		return code;
	simulation.interval_ns = (uint64_t)(interval_s * 1e9);
	simulation.patience_ns = (uint64_t)(patience_s * 1e9);
	code = CLI_FAILURE;
	if (read_rules(&simulation) && read_crowd(&simulation, (uint64_t)seed) && open_pool(&simulation, (uint64_t)seed)) {
		run(&simulation);
		json_t *object = report(&simulation);
		if (ringcast_cli_is_json(invocation))
			ringcast_output_object(invocation, object);
		else
			print_table(&simulation, object);
		json_decref(object);
		code = CLI_OK;
	}
	close_simulation(&simulation);
	return code;
}
