/* The small algorithm against the reference: on thousands of random pools the same feasibility, and never a worse match. */
#include "reference.h"
#include "service/match/search.h"

#include <stdlib.h>

enum { SECONDS = 1000 }; /* now, far enough from 0 for any age */

struct trial_pool {
	struct ref_rule_set rules;
	struct ref_ticket anchor, candidates[REF_TICKETS_MAX];
	int count;
	char *text;
	struct match_rule_set *rule_set;
	struct match_ticket *tickets[REF_TICKETS_MAX + 1]; /* the anchor last */
};

static struct match_ticket *convert(const struct match_rule_set *rule_set, struct match_regions *regions, const struct ref_ticket *ticket, int number)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	json_t *players = ref_players(ticket, number);
	struct match_ticket *made = ringcast_match_ticket_create(rule_set, regions, players, (uint64_t)(SECONDS - ticket->age_s) * NS_PER_S, problem);
	cr_assert_not_null(made, "%s", problem);
	json_decref(players);
	return made;
}

static void make(struct trial_pool *pool, struct prng *prng, struct match_regions *regions, int count)
{
	char problem[DOCUMENT_PROBLEM_BYTES];
	ref_rules_make(prng, &pool->rules);
	pool->count = count;
	ref_ticket_make(prng, &pool->anchor);
	pool->text = ref_rules_text(&pool->rules);
	pool->rule_set = ringcast_match_rule_set_create(pool->text, strlen(pool->text), 5, problem);
	cr_assert_not_null(pool->rule_set, "%s\n%s", problem, pool->text);
	for (int i = 0; i < count; i++) {
		ref_ticket_make(prng, &pool->candidates[i]);
		pool->tickets[i] = convert(pool->rule_set, regions, &pool->candidates[i], i);
	}
	pool->tickets[count] = convert(pool->rule_set, regions, &pool->anchor, count);
}

static void unmake(struct trial_pool *pool)
{
	for (int i = 0; i <= pool->count; i++)
		ringcast_match_ticket_destroy(&pool->tickets[i]);
	ringcast_match_rule_set_destroy(&pool->rule_set);
	free(pool->text);
}

static bool search(struct trial_pool *pool, uint64_t step_max, struct search_result *result)
{
	uint64_t teams[REF_TICKETS_MAX];
	struct judge *judge = ringcast_judge_create(pool->rule_set);
	struct search *search = ringcast_search_create(pool->rule_set, judge);
	for (int i = 0; i < pool->count; i++)
		teams[i] = ringcast_search_teams(search, pool->tickets[i]);
	struct search_task task = {.now_ns = SECONDS * NS_PER_S, .step_max = step_max, .fixed = (const struct match_ticket *const *)&pool->tickets[pool->count],
				   .fixed_count = 1, .candidates = (const struct match_ticket *const *)pool->tickets, .candidate_teams = teams,
				   .candidate_count = (uint16_t)pool->count};
	bool is_found = ringcast_search_run(search, &task, result);
	ringcast_search_destroy(&search);
	ringcast_judge_destroy(&judge);
	return is_found;
}

static void line_up(const struct trial_pool *pool, const struct search_result *result, struct ref_lineup *lineup)
{
	lineup->count = 1;
	lineup->tickets[0] = &pool->anchor;
	lineup->teams[0] = result->anchor_team;
	for (int i = 0; i < result->pick_count; i++) {
		lineup->tickets[lineup->count] = &pool->candidates[result->picks[i]];
		lineup->teams[lineup->count++] = result->teams[i];
	}
}

static void check(struct trial_pool *pool, uint64_t seed)
{
	struct ref_best best;
	struct search_result result;
	struct ref_lineup lineup;
	int order[REF_TICKETS_MAX];
	ref_best_match(&pool->rules, &pool->anchor, pool->candidates, pool->count, &best);
	bool is_found = search(pool, 10000000, &result);
	cr_assert_eq(is_found, best.is_found, "seed %lu: %s\n%s", seed, is_found ? "found what is none" : "missed a match", pool->text);
	if (!is_found)
		return;
	cr_assert(result.is_exhaustive);
	cr_assert_eq(result.player_count, best.player_count, "seed %lu: %d players instead of %d\n%s", seed, result.player_count, best.player_count, pool->text);
	line_up(pool, &result, &lineup);
	cr_assert(ref_is_match(&pool->rules, &lineup), "seed %lu: breaks a rule\n%s", seed, pool->text);
	ref_order(&pool->rules, &pool->anchor, pool->candidates, pool->count, order);
	cr_assert_eq(result.pick_count, best.pick_count, "seed %lu", seed);
	for (int i = 0; i < best.pick_count; i++)
		cr_assert_eq(result.picks[i], order[best.picks[i]], "seed %lu: pick %d is %d instead of %d\n%s", seed, i, result.picks[i], order[best.picks[i]],
			     pool->text);
}

static int run_seeds(uint64_t from, uint64_t to, int count)
{
	int found = 0;
	struct match_regions *regions = calloc(1, sizeof(*regions));
	for (uint64_t seed = from; seed < to; seed++) {
		struct trial_pool pool;
		struct prng prng;
		struct search_result result;
		ringcast_prng_init(&prng, seed);
		make(&pool, &prng, regions, count);
		check(&pool, seed);
		found += search(&pool, 10000000, &result);
		unmake(&pool);
	}
	free(regions);
	return found;
}

Test(match_search, agrees_with_trying_everything)
{
	int found = run_seeds(1, 4000, 4);
	cr_assert(found > 800 && found < 3200, "%d of 3999 pools have a match: the test says little", found);
}

Test(match_search, agrees_on_larger_pools)
{
	cr_assert_gt(run_seeds(10000, 10400, 6), 80);
}

Test(match_search, with_few_steps_it_answers_what_is_right_if_not_best)
{
	struct match_regions *regions = calloc(1, sizeof(*regions));
	int found = 0;
	for (uint64_t seed = 1; seed < 600; seed++) {
		struct trial_pool pool;
		struct prng prng;
		struct search_result result;
		struct ref_lineup lineup;
		ringcast_prng_init(&prng, seed);
		make(&pool, &prng, regions, 6);
		if (search(&pool, 1 + seed % 40, &result)) {
			found++;
			line_up(&pool, &result, &lineup);
			cr_assert(ref_is_match(&pool.rules, &lineup), "seed %lu\n%s", seed, pool.text);
		}
		cr_assert_lt(result.step_count, 1 + seed % 40 + 100 * (REF_TICKETS_MAX + 1), "unwinding costs a bounded rest");
		unmake(&pool);
	}
	cr_assert_gt(found, 50);
	free(regions);
}
