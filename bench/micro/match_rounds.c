/*
 * Matchmaking over virtual time for a comparison with others: tickets come when their lines say, a round is held every second, and each match is told with its
 * teams, so that somebody else can judge it. Only the rounds and taking tickets in are timed.
 *
 *     micro-match-rounds RULES ROUNDS <tickets     a line each: {"at": seconds, "players": [as StartMatchmaking has them]}, by at
 *
 * Prints {"at": seconds, "teams": [[player ids], ...]} for each match, at the end {"cpuMs": of all rounds, "addMs": ..., "waiting": tickets}.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "service/match/pool.h"

enum { RULES_BYTES_MAX = 65536, TICKETS_MAX = 200000 };

static json_t *lines[TICKETS_MAX]; /* by order of coming */
static size_t line_count, arrived;
static size_t tickets[2 * TICKETS_MAX]; /* by a handle's index: which line it is */
static struct match_pool *pool;
static double add_ms, round_ms;

static double cpu_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int fail(const char *what)
{
	fprintf(stderr, "micro-match-rounds: %s\n", what);
	exit(1);
}

static struct match_rule_set *read_rules(const char *path)
{
	static char text[RULES_BYTES_MAX];
	char problem[DOCUMENT_PROBLEM_BYTES] = "cannot be read";
	FILE *file = fopen(path, "re");
	size_t size = file != NULL ? fread(text, 1, sizeof(text), file) : 0;
	struct match_rule_set *rule_set = size > 0 ? ringcast_match_rule_set_create(text, size, 1, problem) : NULL;
	if (file != NULL)
		fclose(file);
	if (rule_set == NULL)
		fail(problem);
	return rule_set;
}

static void read_tickets(void)
{
	json_t *line;
	while (line_count < TICKETS_MAX && (line = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL)) != NULL)
		lines[line_count++] = line;
}

static void arrive(double now_s)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	double began = cpu_ms();
	for (; arrived < line_count && json_number_value(json_object_get(lines[arrived], "at")) <= now_s; arrived++) {
		double at_s = json_number_value(json_object_get(lines[arrived], "at"));
		handle ticket = ringcast_match_pool_add(pool, json_object_get(lines[arrived], "players"), NS_PER_S + (uint64_t)(at_s * 1e9), problem);
		if (ticket == HANDLE_NONE)
			fail(problem);
		tickets[ringcast_handle_index(ticket)] = arrived;
	}
	add_ms += cpu_ms() - began;
}

/* One match as a line; its tickets leave. */
static void tell_match(handle match, double now_s)
{
	struct match_lineup_view view;
	handle members[MATCH_PLAYERS_MAX];
	json_t *teams = json_array(), *player;
	size_t at;
	if (!ringcast_match_pool_match(pool, match, &view)) { /* told with its first ticket */
		json_decref(teams);
		return;
	}
	uint32_t count = view.count;
	memcpy(members, view.tickets, count * sizeof(*members));
	for (uint32_t i = 0; i < count; i++) {
		while (json_array_size(teams) <= view.teams[i])
			json_array_append_new(teams, json_array());
		json_array_foreach(json_object_get(lines[tickets[ringcast_handle_index(members[i])]], "players"), at, player)
			json_array_append(json_array_get(teams, view.teams[i]), json_object_get(player, "PlayerId"));
	}
	json_t *told = json_pack("{s:f, s:o}", "at", now_s, "teams", teams);
	json_dumpf(told, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(told);
	ringcast_match_pool_placed(pool, match, true);
	for (uint32_t i = 0; i < count; i++)
		ringcast_match_pool_forget(pool, members[i]);
}

static void tell_matches(double now_s)
{
	uint32_t count;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
	struct match_effect *kept = malloc((count + 1) * sizeof(*kept));
	if (kept == NULL)
		fail("out of memory");
	memcpy(kept, effects, count * sizeof(*kept));
	for (uint32_t i = 0; i < count; i++)
		if (kept[i].state == MATCH_IS_PLACING)
			tell_match(kept[i].match, now_s);
	free(kept);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage: micro-match-rounds RULES ROUNDS <tickets");
	struct match_rule_set *rule_set = read_rules(argv[1]);
	unsigned long rounds = strtoul(argv[2], NULL, 10);
	read_tickets();
	pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = 7, .tickets_max = TICKETS_MAX});
	if (pool == NULL)
		fail("out of memory");
	for (unsigned long now_s = 0; now_s < rounds; now_s++) {
		arrive((double)now_s);
		double began = cpu_ms();
		ringcast_match_pool_round(pool, (now_s + 1) * NS_PER_S);
		round_ms += cpu_ms() - began;
		tell_matches((double)now_s);
	}
	printf("{\"cpuMs\": %.3f, \"addMs\": %.3f, \"waiting\": %u}\n", round_ms, add_ms, ringcast_match_pool_counts(pool)->waiting);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
	while (line_count > 0)
		json_decref(lines[--line_count]);
	return 0;
}
