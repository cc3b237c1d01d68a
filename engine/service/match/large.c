/*
 * A round of large matches: those up to 5 000 players. New matches are made around an anchor, running ones are filled up, in the order that
 * backfillPriority asks for. Both look at tickets sorted by the balanced attribute.
 *
 * A round with running matches costs no more than one without: they share its effort, and where both kinds wait each is left half of it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/large_private.h"

enum { FAILURES_MAX = 64, LOOKS_PER_STEP = 16, RUNNING_BURST = 16, RUNNING_LOOKS_MIN = 8000 };

static double value_of(const struct large_round *large, const struct match_ticket *ticket)
{
	return ticket->cells[large->pool->rule_set->balance_column].number;
}

static int by_value(const void *a, const void *b, void *context)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	double x = value_of(context, left->ticket), y = value_of(context, right->ticket);
	if (x != y)
		return x < y ? -1 : 1;
	return left->self < right->self ? -1 : left->self > right->self;
}

uint64_t ringcast_large_regions(struct large_round *large, const struct match_ticket *ticket, const struct match_level *level)
{
	const struct match_rule_set *rule_set = large->pool->rule_set;
	uint64_t good = ticket->regions;
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		if (rule_set->rules[i].type != MATCH_LATENCY)
			continue;
		ringcast_large_spend(large, (uint64_t)__builtin_popcountll(good));
		for (uint64_t bits = good; bits != 0; bits &= bits - 1) {
			unsigned region = (unsigned)__builtin_ctzll(bits);
			if (ringcast_match_latency(ticket, region, rule_set->rules[i].aggregation) > level->exact[i].latency_max)
				good &= ~(UINT64_C(1) << region);
		}
	}
	return good;
}

uint16_t ringcast_large_choose_team(const struct lineup *lineup, const struct balance *balance, const struct match_level *level, uint32_t players, uint64_t closed)
{
	const struct match_team_size *sizes = level->sizes;
	uint16_t count = balance->team_count, best = count;
	for (uint16_t team = 0; team < count; team++) {
		uint32_t have = lineup->team_players[team], open = have > sizes[team].players_max ? 0 : sizes[team].players_max - have;
		if (open < players || (closed >> team & 1) != 0)
			continue;
		if (best == count) {
			best = team;
			continue;
		}
		uint32_t best_have = lineup->team_players[best], best_open = sizes[best].players_max - best_have;
		bool needs = have < sizes[team].players_min, best_needs = best_have < sizes[best].players_min;
		if (needs != best_needs ? needs : open != best_open ? open > best_open : balance->sums[team] < balance->sums[best])
			best = team;
	}
	return best;
}

/*
 * Where a ticket stands among the sorted: found by its value, then by its handle. False: it has left them, matched, and come back since, because others did
 * not agree; the next round has it again.
 */
static bool find_sorted(struct large_round *large, struct pool_entry *entry, uint32_t *ret_at)
{
	uint32_t from = 0, to = large->count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (by_value(&large->sorted[middle], &entry, large) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	*ret_at = from;
	return from < large->count && large->sorted[from] == entry;
}

/* Matched tickets leave the sorted array now and then, so that a walk through it does not pass over ever more of them. */
static void compact(struct large_round *large)
{
	uint32_t kept = 0;
	large->gone_count += large->best_count;
	if (large->gone_count < large->count / 4)
		return;
	large->gone_count = 0;
	for (uint32_t i = 0; i < large->count; i++)
		if (large->sorted[i]->state == MATCH_IS_SEARCHING)
			large->sorted[kept++] = large->sorted[i];
	large->count = kept;
}

/* Turns */

static struct pool_entry *entry_of(const struct large_queue *queue)
{
	return queue->entries[queue->next == 0 ? 0 : (queue->first + queue->next) % queue->count];
}

/* Whoever is next and still searches. When many have failed, those behind them get their turn in the next round. NULL: nobody. */
static struct pool_entry *next_of(struct large_queue *queue)
{
	while (queue->next < queue->count && queue->failures < FAILURES_MAX) {
		if (entry_of(queue)->state == MATCH_IS_SEARCHING)
			return entry_of(queue);
		queue->next++;
	}
	return NULL;
}

/* What this kind is left of the round's effort, whatever the other does: up to half. */
static uint64_t kept_for(struct large_round *large, struct large_queue *queue)
{
	uint64_t half = large->looks_all / 2;
	return next_of(queue) == NULL || queue->used >= half ? 0 : half - queue->used;
}

/* Of its kind's effort, one running match may take more than its share when it needs to: most need less. */
static uint64_t kept_from_running(struct large_round *large)
{
	const struct large_queue *running = &large->running;
	uint64_t kept = kept_for(large, &large->anchors);
	uint64_t share = large->looks_all / 2 / running->count * RUNNING_BURST + RUNNING_LOOKS_MIN;
	return large->looks_left > kept + share ? large->looks_left - share : kept;
}

static bool is_running_next(const struct large_round *large, const struct pool_entry *anchor, const struct pool_entry *running)
{
	if (anchor == NULL || running == NULL)
		return running != NULL;
	if (large->anchors.used >= large->looks_all / 2 || large->running.used >= large->looks_all / 2)
		return large->anchors.used >= large->looks_all / 2;
	if (large->priority != MATCH_PRIORITY_NORMAL)
		return large->priority == MATCH_PRIORITY_HIGH;
	return running->created_ns <= anchor->created_ns;
}

/* Ends the turn of whoever is next. */
static void note_turn(struct large_round *large, struct large_queue *queue, uint64_t *cursor, bool is_matched)
{
	*cursor = queue->first + queue->next++;
	queue->failures += !is_matched;
	if (is_matched)
		compact(large);
}

static void run_running(struct large_round *large, struct pool_entry *running)
{
	uint64_t before = large->looks;
	large->looks_kept = kept_from_running(large);
	bool is_matched = ringcast_filling_run(large->filling, running);
	large->running.used += large->looks - before;
	large->pool->counts.cut_searches += !is_matched && large->looks_left > 0 && !ringcast_large_may_look(large);
	note_turn(large, &large->running, &large->pool->fill_at, is_matched);
}

static void run_anchor(struct large_round *large, struct pool_entry *anchor)
{
	uint64_t before = large->looks;
	uint32_t at;
	if (!find_sorted(large, anchor, &at)) {
		large->anchors.next++;
		return;
	}
	large->looks_kept = kept_for(large, &large->running);
	bool is_matched = ringcast_large_run_anchor(large, at);
	large->anchors.used += large->looks - before;
	note_turn(large, &large->anchors, &large->pool->gather_at, is_matched);
}

/* True: it is over. */
static bool run(struct large_round *large, uint64_t look_max)
{
	uint64_t before = large->looks;
	while (large->looks_left > 0) {
		struct pool_entry *anchor = next_of(&large->anchors), *running = next_of(&large->running);
		if (anchor == NULL && running == NULL)
			return true;
		if (large->looks - before >= look_max)
			return false;
		if (is_running_next(large, anchor, running))
			run_running(large, running);
		else
			run_anchor(large, anchor);
	}
	return true;
}

/* Where the next round begins: with those who have had no turn; whoever costs a whole round does not cost the next one too. */
static void note_cursor(const struct large_round *large, const struct large_queue *queue, uint64_t *cursor)
{
	if (large->looks_left == 0)
		++*cursor;
	else if (queue->failures < FAILURES_MAX)
		*cursor = 0;
}

static void note_end(struct large_round *large)
{
	struct match_pool *pool = large->pool;
	pool->counts.steps += large->looks / LOOKS_PER_STEP;
	pool->counts.cut_searches += large->looks_left == 0;
	note_cursor(large, &large->anchors, &pool->gather_at);
	note_cursor(large, &large->running, &pool->fill_at);
}

/* Beginning and ending */

static void note_waiting(struct large_round *large)
{
	struct match_pool *pool = large->pool;
	const struct match_rule_set *rule_set = pool->rule_set;
	for (uint32_t i = 0; i < pool->waiting_count; i++)
		large->level_tickets[ringcast_match_level_at(rule_set, ringcast_large_age_ns(large, pool->waiting[i]))]++;
	uint64_t oldest_ns = pool->waiting_count > 0 ? ringcast_large_age_ns(large, pool->waiting[0]) : 0;
	large->priority = (enum match_priority)rule_set->levels[ringcast_match_level_at(rule_set, oldest_ns)].backfill_priority;
	large->anchors = (struct large_queue){.entries = pool->waiting, .count = pool->waiting_count, .first = pool->gather_at};
	large->running = (struct large_queue){.entries = pool->waiting + pool->waiting_count, .count = pool->backfill_count, .first = pool->fill_at};
	large->looks_all = large->looks_left = LOOKS_PER_STEP * (pool->options.steps_min + pool->options.steps_per_ticket * pool->waiting_count);
}

static bool has_memory(struct large_round *large)
{
	uint32_t players = large->pool->rule_set->players_max;
	large->regions = calloc(large->count > 0 ? large->count : 1, sizeof(*large->regions));
	large->lineup.capacity = (uint16_t)players;
	large->lineup.tickets = calloc(players, sizeof(*large->lineup.tickets));
	large->lineup.teams = calloc(players, 1);
	large->members = calloc(players, sizeof(struct pool_entry *));
	large->best_members = calloc(players, sizeof(struct pool_entry *));
	large->best_teams = calloc(players, 1);
	large->filling = large->running.count > 0 ? ringcast_filling_create(large) : NULL;
	return large->regions != NULL && large->lineup.tickets != NULL && large->lineup.teams != NULL && large->members != NULL &&
	       large->best_members != NULL && large->best_teams != NULL && (large->running.count == 0 || large->filling != NULL);
}

void ringcast_pool_large_begin(struct match_pool *pool)
{
	struct large_round *large = calloc(1, sizeof(*large));
	pool->large = large;
	if (large == NULL)
		return;
	large->pool = pool;
	large->now_ns = pool->round_now_ns;
	large->sorted = pool->working;
	large->count = pool->waiting_count;
	note_waiting(large);
	if (!has_memory(large)) {
		ringcast_pool_large_end(pool);
		return;
	}
	ringcast_screen_init(&large->screen, pool->rule_set);
	memcpy(large->sorted, pool->waiting, large->count * sizeof(struct pool_entry *));
	qsort_r(large->sorted, large->count, sizeof(struct pool_entry *), by_value, large);
}

bool ringcast_pool_large_continue(struct match_pool *pool, uint64_t step_max)
{
	bool is_over = run(pool->large, step_max > UINT64_MAX / LOOKS_PER_STEP ? UINT64_MAX : step_max * LOOKS_PER_STEP);
	if (is_over)
		note_end(pool->large);
	return is_over;
}

void ringcast_pool_large_end(struct match_pool *pool)
{
	struct large_round *large = pool->large;
	pool->large = NULL;
	if (large == NULL)
		return;
	ringcast_filling_destroy(&large->filling);
	free(large->regions);
	free(large->lineup.tickets);
	free(large->lineup.teams);
	free(large->members);
	free(large->best_members);
	free(large->best_teams);
	free(large);
}
