/*
 * What a round of matchmaking costs in CPU time, and what a waiting ticket costs in memory. Everybody waits from the start and one round is measured:
 * 5v5 under five rules from 1 000 to 100 000 tickets (the curve), the same where nobody fits, 1x200 and 1x5000 balanced, and a rule set made to be
 * dear. Run: micro-match [--json] [most tickets of the curve, default 100000]
 */
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "service/match/pool.h"

static const char five_rules[] =
	"{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}, {\"name\": \"mode\", \"type\": \"string\"},"
	"{\"name\": \"maps\", \"type\": \"string_list\"}],"
	"\"teams\": [{\"name\": \"red\", \"minPlayers\": 5, \"maxPlayers\": 5}, {\"name\": \"blue\", \"minPlayers\": 5, \"maxPlayers\": 5}],"
	"\"rules\": [{\"name\": \"Mode\", \"type\": \"comparison\", \"operation\": \"=\", \"measurements\": [\"flatten(teams[*].players.attributes[mode])\"]},"
	"{\"name\": \"Peers\", \"type\": \"distance\", \"measurements\": [\"flatten(teams[*].players.attributes[skill])\"],"
	" \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\", \"maxDistance\": 150},"
	"{\"name\": \"Fair\", \"type\": \"distance\", \"measurements\": [\"avg(teams[*].players.attributes[skill])\"],"
	" \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\", \"maxDistance\": 20},"
	"{\"name\": \"Maps\", \"type\": \"collection\", \"operation\": \"intersection\", \"measurements\": [\"flatten(teams[*].players.attributes[maps])\"], \"minCount\": 1},"
	"{\"name\": \"Ping\", \"type\": \"latency\", \"maxLatency\": %d}]}";

static const char last_standing[] =
	"{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}, {\"name\": \"mode\", \"type\": \"string\"},"
	"{\"name\": \"maps\", \"type\": \"string_list\"}],"
	"\"algorithm\": {\"strategy\": \"balanced\", \"balancedAttribute\": \"skill\"},"
	"\"teams\": [{\"name\": \"t\", \"minPlayers\": %d, \"maxPlayers\": %d, \"quantity\": %d}], \"rules\": [{\"name\": \"Ping\", \"type\": \"latency\", \"maxLatency\": 150}]}";

static bool as_json;

static double cpu_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct match_rule_set *read_rules(const char *text)
{
	char problem[DOCUMENT_PROBLEM_BYTES];
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(text, strlen(text), 1, problem);
	if (rule_set == NULL) {
		fprintf(stderr, "micro-match: %s\n", problem);
		exit(1);
	}
	return rule_set;
}

/* One player: skill about 1000 of 0..2000, one of three modes, two of six maps, three regions. */
static json_t *make_player(struct prng *prng, uint32_t number)
{
	static const char *const modes[] = {"ranked", "casual", "chaos"}, *const maps[] = {"ice", "sea", "sand", "moss", "moon", "mine"};
	char id[32];
	double skill = 0;
	for (int i = 0; i < 4; i++)
		skill += (double)ringcast_prng_below(prng, 500);
	snprintf(id, sizeof(id), "player-%u", number);
	return json_pack("[{s:s, s:{s:{s:f}, s:{s:s}, s:{s:[s,s]}}, s:{s:i, s:i, s:i}}]", "PlayerId", id, "PlayerAttributes", "skill", "N", skill, "mode", "S",
			 modes[ringcast_prng_below(prng, 3)], "maps", "SL", maps[ringcast_prng_below(prng, 6)], maps[ringcast_prng_below(prng, 6)], "LatencyInMs",
			 "eu-west", 10 + (int)ringcast_prng_below(prng, 200), "us-east", 10 + (int)ringcast_prng_below(prng, 200), "asia", 10 + (int)ringcast_prng_below(prng, 200));
}

static double resident_mib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	malloc_trim(0);
	if (file != NULL) {
		if (fscanf(file, "%*s %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

struct measured {
	uint32_t tickets;
	double round_ms, add_us, mib;
	struct match_pool_counts counts;
};

/* One round over so many waiting tickets. */
static struct measured measure(const char *rules, uint32_t tickets)
{
	struct measured measured = {.tickets = tickets};
	struct match_rule_set *rule_set = read_rules(rules);
	struct match_pool_options options = {.seed = 7, .tickets_max = tickets};
	struct prng prng;
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	double before = resident_mib();
	struct match_pool *pool = ringcast_match_pool_create(rule_set, &options);
	double adding = 0;
	ringcast_prng_init(&prng, 1);
	for (uint32_t i = 0; i < tickets; i++) {
		json_t *players = make_player(&prng, i);
		double began = cpu_ms();
		if (ringcast_match_pool_add(pool, players, NS_PER_S + i, problem) == HANDLE_NONE) {
			fprintf(stderr, "micro-match: %s\n", problem);
			exit(1);
		}
		adding += cpu_ms() - began;
		json_decref(players);
	}
	double began = cpu_ms();
	ringcast_match_pool_round(pool, 3 * NS_PER_S);
	measured.round_ms = cpu_ms() - began;
	measured.mib = resident_mib() - before; /* with the round's working memory */
	measured.add_us = adding * 1e3 / tickets;
	measured.counts = *ringcast_match_pool_counts(pool);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
	return measured;
}

static void report(const char *name, const char *rules, uint32_t tickets)
{
	struct measured m = measure(rules, tickets);
	if (as_json)
		printf("{\"case\": \"%s\", \"tickets\": %u, \"round_cpu_ms\": %.2f, \"us_per_ticket\": %.3f, \"add_us\": %.2f, \"resident_mib\": %.1f, \"matches\": %lu, "
		       "\"searches\": %lu, \"cut\": %lu, \"steps\": %lu}\n",
		       name, tickets, m.round_ms, m.round_ms * 1e3 / tickets, m.add_us, m.mib, m.counts.matches, m.counts.searches, m.counts.cut_searches, m.counts.steps);
	else
		printf("%-14s %7u %9.2f %9.2f %8.2f %8.1f %8lu %8u %9lu %6lu\n", name, tickets, m.round_ms, m.round_ms * 1e3 / tickets, m.add_us, m.mib, m.counts.matches,
		       m.counts.waiting, m.counts.searches, m.counts.cut_searches);
	fflush(stdout);
}

/* Sixty-four rules that no screen covers, each dear to judge, and nobody can say early that they fail. */
static char *make_hostile(void)
{
	char *text = malloc(65536);
	size_t used = (size_t)snprintf(text, 65536, "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"},"
			"{\"name\": \"mode\", \"type\": \"string\"}, {\"name\": \"maps\", \"type\": \"string_list\"}],"
			"\"teams\": [{\"name\": \"a\", \"minPlayers\": 0, \"maxPlayers\": 1, \"quantity\": 40}], \"rules\": [");
	for (int i = 0; i < 64; i++)
		used += (size_t)snprintf(text + used, 65536 - used, "%s{\"name\": \"r%d\", \"type\": \"distance\", \"minDistance\": %d, \"measurements\": "
			"[\"max(flatten(count(teams[*].players.attributes[maps])))\"], \"referenceValue\": \"median(flatten(teams[*].players.attributes[skill]))\"}",
			i == 0 ? "" : ",", i, i == 63 ? 1000000 : 0);
	snprintf(text + used, 65536 - used, "]}");
	return text;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1000, 2000, 5000, 10000, 20000, 50000, 100000};
	char rules[4096];
	uint32_t most = 100000;
	for (int i = 1; i < argc; i++) {
		as_json |= strcmp(argv[i], "--json") == 0;
		most = argv[i][0] != '-' ? (uint32_t)strtoul(argv[i], NULL, 10) : most;
	}
	if (!as_json)
		printf("%-14s %7s %9s %9s %8s %8s %8s %8s %9s %6s\n", "case", "tickets", "round ms", "us/tick.", "add us", "MiB", "matches", "waiting", "searches", "cut");
	snprintf(rules, sizeof(rules), five_rules, 120);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && sizes[i] <= most; i++)
		report("5v5", rules, sizes[i]);
	snprintf(rules, sizeof(rules), five_rules, 5);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && sizes[i] <= most; i++)
		report("5v5-hopeless", rules, sizes[i]);
	snprintf(rules, sizeof(rules), last_standing, 150, 200, 1);
	report("1x200", rules, 5000);
	report("1x200", rules, 50000);
	snprintf(rules, sizeof(rules), last_standing, 2000, 2500, 2);
	report("2x2500", rules, 50000);
	char *hostile = make_hostile();
	report("hostile", hostile, 1000);
	report("hostile", hostile, 10000);
	free(hostile);
	return 0;
}
