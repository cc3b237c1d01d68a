/*
 * Running large matches that are filled up: judged by obvious code that shares nothing with the matcher, and compared with the best of all lineups where
 * there are few enough to try them all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "match_rig.h"
#include "service/match/pool.h"

enum { TEAMS_MAX = 3, PARTY_MAX = 3, PARTIES_MAX = 300, THOSE_MAX = 128, NOW_S = 1000 };

struct person {
	int skill, rank, mode, latency[2]; /* latency: -1 for none */
};

struct party {
	int count, age_s, team; /* team: -1 for who is in no match */
	struct person persons[PARTY_MAX];
	handle ticket;
};

/* What a rule set says, with what it says later; 0 for no such rule. */
struct book {
	int team_count, least[TEAMS_MAX], most[TEAMS_MAX], later_least, later_s; /* of the first team */
	int rank_near, rank_later, skill_near, ping, ping_later;
	bool is_same_mode, is_oldest, is_fastest;
};

struct game {
	int age_s, count;
	struct party those[THOSE_MAX]; /* who play, one by one */
	handle ticket;
};

static int below(struct prng *prng, int bound)
{
	return (int)ringcast_prng_below(prng, (uint64_t)bound);
}

/* Making */

static void make_book(struct prng *prng, int team_max, struct book *book)
{
	*book = (struct book){.team_count = 1 + below(prng, TEAMS_MAX), .is_same_mode = below(prng, 4) == 0, .is_oldest = below(prng, 3) == 0,
			      .is_fastest = below(prng, 2) == 0};
	for (int i = 0; i < book->team_count; i++) {
		book->most[i] = team_max / 2 + 1 + below(prng, team_max / 2);
		book->least[i] = below(prng, 3) == 0 ? book->most[i] : below(prng, book->most[i]);
	}
	book->later_s = below(prng, 2) == 0 ? 0 : 15;
	book->later_least = book->least[0] / 2;
	if (below(prng, 2) == 0)
		book->rank_near = 20 + below(prng, 30);
	book->rank_later = book->rank_near == 0 || below(prng, 2) == 0 ? book->rank_near : below(prng, 3) == 0 ? book->rank_near / 2 + 1 : book->rank_near * 2;
	book->skill_near = below(prng, 4) == 0 ? 60 : 0;
	if (below(prng, 2) == 0)
		book->ping = 60 + 10 * below(prng, 4);
	book->ping_later = book->ping == 0 ? 0 : book->ping + 20 * below(prng, 2);
}

static void make_party(struct prng *prng, int count, struct party *party)
{
	*party = (struct party){.count = count, .age_s = below(prng, 25), .team = -1};
	for (int i = 0; i < count; i++) {
		struct person *person = &party->persons[i];
		person->skill = below(prng, 100);
		person->rank = below(prng, 50);
		person->mode = below(prng, 6) == 0;
		for (int region = 0; region < 2; region++)
			person->latency[region] = below(prng, 5) == 0 ? -1 : 10 * below(prng, 9);
	}
}

/* Some of a whole game have left. */
static void make_game(struct prng *prng, const struct book *book, int left_max, struct game *game)
{
	*game = (struct game){.age_s = below(prng, 25)};
	int mode = below(prng, 6) == 0;
	for (int team = 0; team < book->team_count; team++)
		for (int i = below(prng, left_max + 1); i < book->most[team]; i++) {
			struct party *one = &game->those[game->count++];
			make_party(prng, 1, one);
			one->age_s = game->age_s;
			one->team = team;
			one->persons[0].mode = book->is_same_mode ? mode : one->persons[0].mode;
			one->persons[0].rank = book->rank_near != 0 ? 20 + below(prng, 10) : one->persons[0].rank;
			one->persons[0].skill = book->skill_near != 0 ? 40 + below(prng, 20) : one->persons[0].skill;
			one->persons[0].latency[0] = 10;
		}
}

static void print_expansions(const struct book *book, char *text, size_t size)
{
	const char *comma = "";
	size_t used = strlen(text);
	if (book->later_s != 0) {
		snprintf(text + used, size - used, "{'target': 'teams[t0].minPlayers', 'steps': [{'waitTimeSeconds': %d, 'value': %d}]}", book->later_s, book->later_least);
		comma = ", ";
	}
	used = strlen(text);
	if (book->rank_later != book->rank_near) {
		snprintf(text + used, size - used, "%s{'target': 'rules[R].maxDistance', 'steps': [{'waitTimeSeconds': 10, 'value': %d}]}", comma, book->rank_later);
		comma = ", ";
	}
	used = strlen(text);
	if (book->ping_later != book->ping)
		snprintf(text + used, size - used, "%s{'target': 'rules[P].maxLatency', 'steps': [{'waitTimeSeconds': 10, 'value': %d}]}", comma, book->ping_later);
}

static struct match_rule_set *rules_of_book(const struct book *book, const char *priority)
{
	char text[4096], *comma = "";
	snprintf(text, sizeof(text), "'playerAttributes': [{'name': 'skill', 'type': 'number'}, {'name': 'rank', 'type': 'number'}, {'name': 'mode', 'type': 'string'}], "
				     "'algorithm': {'strategy': 'balanced', 'balancedAttribute': 'skill', 'backfillPriority': '%s', 'expansionAgeSelection': '%s', "
				     "'batchingPreference': '%s'}, 'teams': [",
		 priority, book->is_oldest ? "oldest" : "newest", book->is_fastest ? "fastestRegion" : "largestPopulation");
	for (int i = 0; i < book->team_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{'name': 't%d', 'minPlayers': %d, 'maxPlayers': %d}", i == 0 ? "" : ", ", i, book->least[i],
			 book->most[i]);
	strcat(text, "], 'rules': [");
	if (book->rank_near != 0) {
		snprintf(text + strlen(text), 256, "{'name': 'R', 'type': 'batchDistance', 'batchAttribute': 'rank', 'maxDistance': %d}", book->rank_near);
		comma = ", ";
	}
	if (book->skill_near != 0) {
		snprintf(text + strlen(text), 256, "%s{'name': 'S', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': %d}", comma, book->skill_near);
		comma = ", ";
	}
	if (book->is_same_mode) {
		snprintf(text + strlen(text), 256, "%s{'name': 'M', 'type': 'batchDistance', 'batchAttribute': 'mode'}", comma);
		comma = ", ";
	}
	if (book->ping != 0)
		snprintf(text + strlen(text), 256, "%s{'name': 'P', 'type': 'latency', 'maxLatency': %d}", comma, book->ping);
	strcat(text, "], 'expansions': [");
	print_expansions(book, text, sizeof(text));
	strcat(text, "]");
	return rules_of_parts(text);
}

static json_t *players_json(const struct party *party, const char *name, int number)
{
	static const char *const regions[] = {"eu", "us"};
	json_t *players = json_array();
	for (int i = 0; i < party->count; i++) {
		const struct person *person = &party->persons[i];
		char id[48], team[8];
		json_t *latencies = json_object();
		for (int region = 0; region < 2; region++)
			if (person->latency[region] >= 0)
				json_object_set_new(latencies, regions[region], json_integer(person->latency[region]));
		snprintf(id, sizeof(id), "%s%d.%d", name, number, i);
		json_t *player = json_pack("{s:s, s:{s:{s:i}, s:{s:i}, s:{s:s}}, s:o}", "PlayerId", id, "PlayerAttributes", "skill", "N", person->skill, "rank", "N",
					   person->rank, "mode", "S", person->mode ? "b" : "a", "LatencyInMs", latencies);
		snprintf(team, sizeof(team), "t%d", party->team);
		if (party->team >= 0)
			json_object_set_new(player, "Team", json_string(team));
		json_array_append_new(players, player);
	}
	return players;
}

static void add_party(struct match_pool *pool, struct party *party, int number)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES] = "";
	json_t *players = players_json(party, "p", number);
	party->ticket = ringcast_match_pool_add(pool, players, (uint64_t)(NOW_S - party->age_s) * NS_PER_S, problem);
	json_decref(players);
}

static void add_game(struct match_pool *pool, struct game *game, int number)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES] = "", name[16];
	json_t *players = json_array();
	snprintf(name, sizeof(name), "g%d.", number);
	for (int i = 0; i < game->count; i++) {
		json_t *one = players_json(&game->those[i], name, i);
		json_array_extend(players, one);
		json_decref(one);
	}
	game->ticket = ringcast_match_pool_add_backfill(pool, players, (uint64_t)(NOW_S - game->age_s) * NS_PER_S, problem);
	cr_assert_neq(game->ticket, HANDLE_NONE, "%s", problem);
	json_decref(players);
}

/* Judging */

static double skill_of(const struct party *party)
{
	double sum = 0;
	for (int i = 0; i < party->count; i++)
		sum += party->persons[i].skill;
	return sum / party->count;
}

static double rank_of(const struct party *party)
{
	double sum = 0;
	for (int i = 0; i < party->count; i++)
		sum += party->persons[i].rank;
	return sum / party->count;
}

static double latency_of(const struct party *party, int region)
{
	double sum = 0;
	for (int i = 0; i < party->count; i++) {
		if (party->persons[i].latency[region] < 0)
			return 1e9;
		sum += party->persons[i].latency[region];
	}
	return sum / party->count;
}

struct side {
	int players;
	double sum;
};

/* How far the averages of teams are apart, and how far one player could set them apart. */
static double apart_of(const struct book *book, const struct party *const *those, int count, double *ret_one_player)
{
	struct side sides[TEAMS_MAX] = {0};
	double least = 1e9, most = -1e9, low = 1e9, high = -1e9;
	int smallest = 0;
	for (int i = 0; i < count; i++) {
		sides[those[i]->team].players += those[i]->count;
		sides[those[i]->team].sum += skill_of(those[i]) * those[i]->count;
		least = fmin(least, skill_of(those[i]));
		most = fmax(most, skill_of(those[i]));
	}
	for (int team = 0; team < book->team_count; team++) {
		if (sides[team].players == 0)
			continue;
		low = fmin(low, sides[team].sum / sides[team].players);
		high = fmax(high, sides[team].sum / sides[team].players);
		smallest = smallest == 0 || sides[team].players < smallest ? sides[team].players : smallest;
	}
	*ret_one_player = (most - least) / smallest;
	return high - low;
}

static bool is_allowed(const struct book *book, const struct party *const *those, int count)
{
	int players[TEAMS_MAX] = {0}, clock_s = those[0]->age_s, modes[2] = {0};
	double ranks[2] = {1e9, -1e9}, skills[2] = {1e9, -1e9}, slowest[2] = {0};
	for (int i = 0; i < count; i++) {
		const struct party *party = those[i];
		players[party->team] += party->count;
		clock_s = (book->is_oldest ? party->age_s > clock_s : party->age_s < clock_s) ? party->age_s : clock_s;
		for (int k = 0; k < party->count; k++)
			modes[party->persons[k].mode]++;
		ranks[0] = fmin(ranks[0], rank_of(party));
		ranks[1] = fmax(ranks[1], rank_of(party));
		skills[0] = fmin(skills[0], skill_of(party));
		skills[1] = fmax(skills[1], skill_of(party));
		for (int region = 0; region < 2; region++)
			slowest[region] = fmax(slowest[region], latency_of(party, region));
	}
	for (int team = 0; team < book->team_count; team++) {
		int least = team == 0 && book->later_s != 0 && clock_s >= book->later_s ? book->later_least : book->least[team];
		if (players[team] < least || players[team] > book->most[team])
			return false;
	}
	if (book->rank_near != 0 && ranks[1] - ranks[0] > (clock_s >= 10 ? book->rank_later : book->rank_near))
		return false;
	if (book->skill_near != 0 && skills[1] - skills[0] > book->skill_near)
		return false;
	if (book->ping != 0 && fmin(slowest[0], slowest[1]) > (clock_s >= 10 ? book->ping_later : book->ping) + 1e-4)
		return false;
	return !book->is_same_mode || modes[0] == 0 || modes[1] == 0;
}

/* Whether these parties, in their teams, may join the game, and then how many players it has. */
static bool may_fill(const struct book *book, const struct game *game, const struct party *const *joiners, int joiner_count, int *ret_players)
{
	const struct party *those[THOSE_MAX + PARTIES_MAX] = {NULL};
	double one_player, before, after;
	*ret_players = 0;
	for (int i = 0; i < game->count; i++)
		those[i] = &game->those[i];
	before = apart_of(book, those, game->count, &one_player);
	for (int i = 0; i < joiner_count; i++)
		those[game->count + i] = joiners[i];
	for (int i = 0; i < game->count + joiner_count; i++)
		*ret_players += those[i]->count;
	after = apart_of(book, those, game->count + joiner_count, &one_player);
	return is_allowed(book, those, game->count + joiner_count) && after <= fmax(before, one_player) + 1e-6;
}

/* Trying everything */

struct trial {
	const struct book *book;
	const struct game *game;
	struct party *parties;
	int party_count, best;
	const struct party *joiners[8];
	int joiner_count;
};

static void try_all(struct trial *trial, int next)
{
	int players;
	if (next == trial->party_count) {
		if (trial->joiner_count > 0 && may_fill(trial->book, trial->game, trial->joiners, trial->joiner_count, &players))
			trial->best = players > trial->best ? players : trial->best;
		return;
	}
	try_all(trial, next + 1);
	trial->joiners[trial->joiner_count++] = &trial->parties[next];
	for (int team = 0; team < trial->book->team_count; team++) {
		trial->parties[next].team = team;
		try_all(trial, next + 1);
	}
	trial->parties[next].team = -1;
	trial->joiner_count--;
}

/* Who joined, with their teams; how many players the game has now, or 0 for one that nobody joined. */
static int check_filled(const struct match_pool *pool, const struct book *book, const struct game *game, struct party *parties, int party_count, uint64_t seed)
{
	enum match_ticket_state state = MATCH_STATE_COUNT;
	const struct party *joiners[PARTIES_MAX];
	struct match_lineup_view view;
	uint32_t effect_count;
	handle match = HANDLE_NONE;
	int players = 0;
	cr_assert(ringcast_match_pool_state(pool, game->ticket, &state));
	if (state != MATCH_IS_PLACING)
		return 0;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &effect_count);
	for (uint32_t i = 0; i < effect_count; i++)
		match = effects[i].ticket == game->ticket && effects[i].state == MATCH_IS_PLACING ? effects[i].match : match;
	if (match == HANDLE_NONE)
		return 0; /* in an earlier round */
	cr_assert(ringcast_match_pool_match(pool, match, &view));
	cr_assert(view.backfill == game->ticket && view.count > 0);
	for (uint32_t i = 0; i < view.count; i++) {
		int k = 0;
		while (k < party_count && parties[k].ticket != view.tickets[i])
			k++;
		cr_assert_lt(k, party_count);
		cr_assert_eq(parties[k].team, -1, "seed %lu: one party in two matches", seed);
		parties[k].team = view.teams[i];
		joiners[i] = &parties[k];
	}
	cr_assert(may_fill(book, game, joiners, (int)view.count, &players), "seed %lu", seed);
	return players;
}

Test(match_filling, small_pools_are_filled_as_by_trying_everything)
{
	enum { SEEDS = 1500, FEW = 5 };
	int filled = 0, impossible = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng prng;
		struct book book;
		struct game game;
		struct party parties[FEW];
		ringcast_prng_init(&prng, seed);
		make_book(&prng, 6, &book);
		make_game(&prng, &book, 4, &game);
		if (game.count == 0)
			continue;
		struct match_rule_set *rule_set = rules_of_book(&book, "high");
		struct match_pool *pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = seed, .tickets_max = 16});
		int party_count = 0;
		for (int i = 0; i < FEW; i++) {
			make_party(&prng, below(&prng, 3) == 0 ? 2 + below(&prng, 2) : 1, &parties[party_count]);
			add_party(pool, &parties[party_count], i);
			party_count += parties[party_count].ticket != HANDLE_NONE;
		}
		add_game(pool, &game, 0);
		struct trial trial = {.book = &book, .game = &game, .parties = parties, .party_count = party_count};
		try_all(&trial, 0);
		ringcast_match_pool_round(pool, NOW_S * NS_PER_S);
		int players = check_filled(pool, &book, &game, parties, party_count, seed);
		/* Where the fastest region is asked for, a fuller match in a slower one is none. */
		cr_assert(book.is_fastest ? (players > 0) == (trial.best > 0) : players == trial.best, "seed %lu: %d players of %d, there could be %d", seed, players,
			  game.count, trial.best);
		filled += players > 0;
		impossible += players == 0;
		ringcast_match_pool_destroy(&pool);
		ringcast_match_rule_set_destroy(&rule_set);
	}
	cr_assert_gt(filled, 1000, "%d", filled);
	cr_assert_gt(impossible, 300, "%d", impossible);
}

/* Rounds */

struct world {
	struct book book;
	struct match_rule_set *rule_set;
	struct match_pool *pool;
	int game_count, party_count;
	struct game games[8];
	struct party parties[PARTIES_MAX];
};

static struct world *world_create(uint64_t seed, const char *priority, int game_count, int party_count)
{
	struct world *world = calloc(1, sizeof(*world));
	struct prng prng;
	ringcast_prng_init(&prng, seed);
	make_book(&prng, 40, &world->book);
	world->rule_set = rules_of_book(&world->book, priority);
	world->pool = ringcast_match_pool_create(world->rule_set, &(struct match_pool_options){.seed = seed, .tickets_max = PARTIES_MAX + 8});
	for (int i = 0; i < game_count; i++, world->game_count++) {
		do
			make_game(&prng, &world->book, 6, &world->games[i]);
		while (world->games[i].count == 0);
		add_game(world->pool, &world->games[i], i);
	}
	for (int i = 0; i < party_count; i++, world->party_count++) {
		make_party(&prng, below(&prng, 4) == 0 ? 2 + below(&prng, 2) : 1, &world->parties[i]);
		add_party(world->pool, &world->parties[i], i);
	}
	return world;
}

static void world_destroy(struct world **world)
{
	ringcast_match_pool_destroy(&(*world)->pool);
	ringcast_match_rule_set_destroy(&(*world)->rule_set);
	free(*world);
	*world = NULL;
}

/* New matches of the last round: by the same judge, with nobody who plays already. */
static void check_new(struct world *world, uint64_t seed)
{
	uint32_t effect_count;
	const struct match_effect *effects = ringcast_match_pool_effects(world->pool, &effect_count);
	for (uint32_t i = 0; i < effect_count; i++) {
		struct match_lineup_view view;
		const struct party *those[PARTIES_MAX];
		if (effects[i].state != MATCH_IS_PLACING || !ringcast_match_pool_match(world->pool, effects[i].match, &view) || view.backfill != HANDLE_NONE ||
		    view.tickets[0] != effects[i].ticket)
			continue;
		for (uint32_t k = 0; k < view.count; k++) {
			int at = 0;
			while (at < world->party_count && world->parties[at].ticket != view.tickets[k])
				at++;
			cr_assert_lt(at, world->party_count);
			cr_assert_eq(world->parties[at].team, -1, "seed %lu: one party in two matches", seed);
			world->parties[at].team = view.teams[k];
			those[k] = &world->parties[at];
		}
		cr_assert(is_allowed(&world->book, those, (int)view.count), "seed %lu", seed);
	}
}

/* Nobody who still waits could join, alone, a game that still wants somebody. */
static void check_nobody_starves(struct world *world, uint64_t seed)
{
	for (int i = 0; i < world->game_count; i++) {
		enum match_ticket_state state = MATCH_STATE_COUNT;
		ringcast_match_pool_state(world->pool, world->games[i].ticket, &state);
		for (int k = 0; k < world->party_count && state == MATCH_IS_SEARCHING; k++) {
			struct party *party = &world->parties[k];
			const struct party *joiner = party;
			if (party->team >= 0 || party->ticket == HANDLE_NONE)
				continue;
			for (int team = 0, players; team < world->book.team_count; team++) {
				party->team = team;
				cr_assert(!may_fill(&world->book, &world->games[i], &joiner, 1, &players), "seed %lu: party %d could join game %d", seed, k, i);
			}
			party->team = -1;
		}
	}
}

static int run_world(struct world *world, uint64_t seed)
{
	int filled = 0;
	ringcast_match_pool_round(world->pool, NOW_S * NS_PER_S);
	for (int i = 0; i < world->game_count; i++)
		filled += check_filled(world->pool, &world->book, &world->games[i], world->parties, world->party_count, seed) > 0;
	check_new(world, seed);
	check_nobody_starves(world, seed);
	return filled;
}

static const char *priority_of(uint64_t seed)
{
	static const char *const priorities[] = {"high", "normal", "low"};
	return priorities[seed % 3];
}

Test(match_filling, games_and_new_matches_keep_the_rules_and_leave_nobody_out)
{
	int filled = 0, matches = 0;
	for (uint64_t seed = 251; seed <= 400; seed++) {
		struct world *world = world_create(seed, priority_of(seed), 6, PARTIES_MAX);
		filled += run_world(world, seed);
		matches += (int)ringcast_match_pool_counts(world->pool)->matches;
		world_destroy(&world);
	}
	cr_assert_gt(filled, 400, "%d", filled);
	cr_assert_gt(matches - filled, 100, "%d", matches);
}

Test(match_filling, the_same_seed_fills_with_the_same_players)
{
	int same = 0;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct world *one = world_create(seed, priority_of(seed), 6, 120), *other = world_create(seed, priority_of(seed), 6, 120);
		run_world(one, seed);
		run_world(other, seed);
		for (int i = 0; i < one->party_count; i++) {
			cr_assert_eq(one->parties[i].team, other->parties[i].team, "seed %lu", seed);
			same += one->parties[i].team >= 0;
		}
		world_destroy(&one);
		world_destroy(&other);
	}
	cr_assert_gt(same, 200);
}
