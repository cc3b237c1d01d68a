/*
 * A round of small matches: batches, an anchor after the other, oldest first in each; then some anchors look beyond their batch.
 *
 * Its cost grows with the number of tickets, not with its square: who is looked at together is bounded by the batch, the effort by steps. Batches are
 * dealt anew each round, and who looks beyond takes turns, so that whoever can be matched is matched sooner or later.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/pool_private.h"

enum { ANCHOR_BURST = 16, ANCHOR_STEPS_MIN = 500 };

enum round_phase { PHASE_BATCH, PHASE_ANCHORS, PHASE_OLDEST, PHASE_OTHERS, PHASE_OVER };

struct small_round {
	struct match_pool *pool;
	uint64_t now_ns, steps_left;
	uint32_t anchors_left;
	/* where it stands */
	enum round_phase phase;
	uint32_t batch, batch_count, batch_size, shift; /* of the batch that is next, or at work */
	uint32_t at, end, anchor; /* the batch's tickets in pool->working, and which of them is next */
	enum match_priority priority;
	uint32_t looked, tried; /* looking beyond */
	uint16_t candidate_count;
	struct pool_entry *entries[SEARCH_CANDIDATES_MAX];
	const struct match_ticket *candidates[SEARCH_CANDIDATES_MAX];
	uint64_t candidate_teams[SEARCH_CANDIDATES_MAX];
};

static bool is_free(const struct pool_entry *entry)
{
	return entry->state == MATCH_IS_SEARCHING;
}

static void add_candidate(struct small_round *round, struct pool_entry *entry)
{
	ringcast_assert(round->candidate_count < SEARCH_CANDIDATES_MAX);
	round->entries[round->candidate_count] = entry;
	round->candidates[round->candidate_count] = entry->ticket;
	round->candidate_teams[round->candidate_count++] = entry->allowed_teams;
}

static uint64_t share_of(const struct small_round *round)
{
	return round->steps_left / (round->anchors_left == 0 ? 1 : round->anchors_left) + 1;
}

/* An anchor may take much more than its share when it needs to: most need less. */
static uint64_t steps_for_anchor(const struct small_round *round)
{
	uint64_t steps = share_of(round) * ANCHOR_BURST + ANCHOR_STEPS_MIN;
	return steps < round->steps_left ? steps : round->steps_left;
}

static bool make_match(struct small_round *round, struct pool_entry *anchor, const struct search_result *result)
{
	struct pool_entry *members[MATCH_SMALL_PLAYERS_MAX + 1];
	uint8_t teams[MATCH_SMALL_PLAYERS_MAX + 1];
	uint32_t count = 0;
	if (anchor->ticket != NULL) {
		members[count] = anchor;
		teams[count++] = result->anchor_team;
	}
	for (uint16_t i = 0; i < result->pick_count; i++) {
		members[count] = round->entries[result->picks[i]];
		teams[count++] = result->teams[i];
	}
	return ringcast_pool_make(round->pool, members, teams, count, anchor->ticket == NULL ? anchor : NULL);
}

/* False: the anchor has no match among the candidates, as far as the steps went. */
static bool search_for(struct small_round *round, struct pool_entry *anchor)
{
	struct match_pool *pool = round->pool;
	struct search_result result;
	const struct match_ticket *const *fixed = anchor->ticket != NULL ? (const struct match_ticket *const *)&anchor->ticket
									   : (const struct match_ticket *const *)anchor->running->parts;
	struct search_task task = {.now_ns = round->now_ns, .step_max = steps_for_anchor(round), .better_step_max = share_of(round), .fixed = fixed,
				   .fixed_teams = anchor->ticket != NULL ? NULL : anchor->running->teams,
				   .fixed_count = anchor->ticket != NULL ? 1 : anchor->running->count, .candidates = round->candidates,
				   .candidate_teams = round->candidate_teams, .candidate_count = round->candidate_count};
	bool is_found = ringcast_search_run(pool->search, &task, &result);
	pool->counts.searches++;
	pool->counts.steps += result.step_count;
	pool->counts.cut_searches += !result.is_exhaustive;
	round->steps_left -= result.step_count < round->steps_left ? result.step_count : round->steps_left;
	if (is_found)
		return make_match(round, anchor, &result);
	if (result.is_exhaustive)
		anchor->hopeless_round = pool->counts.rounds;
	return false;
}

/* Who failed with everybody here cannot be in a new match with anybody here; in a running one it can. */
static void search_in_batch(struct small_round *round, struct pool_entry *anchor, struct pool_entry *const *batch, uint32_t count)
{
	round->candidate_count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (batch[i] != anchor && is_free(batch[i]) && (anchor->ticket == NULL || batch[i]->hopeless_round != round->pool->counts.rounds))
			add_candidate(round, batch[i]);
	search_for(round, anchor);
}

static int by_age(const void *a, const void *b)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	if (left->created_ns != right->created_ns)
		return left->created_ns < right->created_ns ? -1 : 1;
	return left->self < right->self ? -1 : left->self > right->self;
}

/* The running matches that belong to a batch: dealt out one by one. */
static void search_backfills(struct small_round *round, struct pool_entry *const *entries, uint32_t count, const uint64_t *up_to_ns)
{
	struct match_pool *pool = round->pool;
	for (uint32_t i = round->batch; i < pool->backfill_count; i += round->batch_count) {
		struct pool_entry *backfill = pool->waiting[pool->waiting_count + i];
		if (is_free(backfill) && backfill->hopeless_round != pool->counts.rounds && backfill->created_ns <= *up_to_ns && round->steps_left > 0)
			search_in_batch(round, backfill, entries, count);
	}
}

static enum match_priority backfill_priority(const struct match_pool *pool, uint64_t now_ns)
{
	uint64_t oldest_ns = pool->waiting_count > 0 ? pool->waiting[0]->created_ns : now_ns;
	return pool->rule_set->levels[ringcast_match_level_at(pool->rule_set, now_ns > oldest_ns ? now_ns - oldest_ns : 0)].backfill_priority;
}

static struct pool_entry **batch_of(const struct small_round *round)
{
	return round->pool->working + round->at;
}

static void begin_batch(struct small_round *round)
{
	uint64_t all = UINT64_MAX;
	uint32_t count = round->pool->waiting_count, end = round->batch == 0 && round->shift > 0 ? round->shift : round->at + round->batch_size;
	round->end = end > count ? count : end;
	round->anchor = 0;
	round->priority = backfill_priority(round->pool, round->now_ns);
	qsort(batch_of(round), round->end - round->at, sizeof(struct pool_entry *), by_age);
	if (round->priority == MATCH_PRIORITY_HIGH)
		search_backfills(round, batch_of(round), round->end - round->at, &all);
	round->phase = PHASE_ANCHORS;
}

static void end_batch(struct small_round *round)
{
	uint64_t all = UINT64_MAX;
	search_backfills(round, batch_of(round), round->end - round->at, &all);
	round->at = round->end;
	round->batch++;
	bool is_last = round->batch == round->batch_count;
	round->phase = !is_last ? PHASE_BATCH : round->pool->waiting_count > round->pool->options.batch_tickets ? PHASE_OLDEST : PHASE_OVER;
}

static void run_anchor(struct small_round *round)
{
	struct pool_entry **entries = batch_of(round);
	uint32_t count = round->end - round->at;
	if (round->anchor == count) {
		end_batch(round);
		return;
	}
	struct pool_entry *anchor = entries[round->anchor++];
	if (round->priority == MATCH_PRIORITY_NORMAL)
		search_backfills(round, entries, count, &anchor->created_ns);
	round->anchors_left--;
	if (is_free(anchor) && round->steps_left > 0)
		search_in_batch(round, anchor, entries, count);
}

/* Dealing */

static void shuffle(struct match_pool *pool, struct pool_entry **entries, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)ringcast_prng_below(&pool->prng, i);
		struct pool_entry *kept = entries[i - 1];
		entries[i - 1] = entries[j];
		entries[j] = kept;
	}
}

static int by_batch_sorts(const void *a, const void *b, void *context)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	const struct match_rule_set *rule_set = context;
	for (uint16_t i = 0; i < rule_set->batch_sort_count; i++) {
		uint16_t column = rule_set->batch_sorts[i];
		const struct match_cell *l = &left->ticket->cells[column], *r = &right->ticket->cells[column];
		if (rule_set->columns[column].kind == MATCH_COLUMN_TEXTS) {
			uint64_t x = left->ticket->texts[l->first], y = right->ticket->texts[r->first];
			if (x != y)
				return x < y ? -1 : 1;
		} else if (l->number != r->number) {
			return l->number < r->number ? -1 : 1;
		}
	}
	return by_age(a, b);
}

static int by_likeness(const void *a, const void *b, void *context)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	int order = ringcast_search_likeness(context, left->ticket, right->ticket);
	return order != 0 ? order : by_age(a, b);
}

/*
 * All who wait, dealt into batches of like size. Sorted ones begin elsewhere each round, so that nobody always stands at an edge. Random ones are
 * random every other round; in between, those whom the rules want alike are dealt together, without which a batch of strangers seldom holds a match.
 */
static void deal(struct small_round *round, enum match_batching batching)
{
	struct match_pool *pool = round->pool;
	uint32_t count = pool->waiting_count, batch_count = (count + pool->options.batch_tickets - 1) / pool->options.batch_tickets, shift = 0;
	batch_count = batch_count == 0 ? 1 : batch_count;
	memcpy(pool->working, pool->waiting, count * sizeof(*pool->working));
	bool is_by_likeness = batching != MATCH_SORTED && pool->counts.rounds % 2 == 1, is_sorted = (batching == MATCH_SORTED || is_by_likeness) && batch_count > 1;
	if (is_sorted) {
		if (is_by_likeness)
			qsort_r(pool->working, count, sizeof(*pool->working), by_likeness, pool->search);
		else
			qsort_r(pool->working, count, sizeof(*pool->working), by_batch_sorts, (void *)pool->rule_set);
		shift = (uint32_t)ringcast_prng_below(&pool->prng, count / batch_count + 1);
		batch_count++;
	} else if (batch_count > 1) {
		shuffle(pool, pool->working, count);
	}
	uint32_t size = is_sorted ? count / (batch_count - 1) + 1 : (count + batch_count - 1) / batch_count;
	round->batch_size = size > SEARCH_CANDIDATES_MAX ? SEARCH_CANDIDATES_MAX : size;
	round->batch_count = batch_count;
	round->shift = shift;
}

/* Looking beyond: everybody who waits and gets past the screens with the anchor, from one of them on; whoever was behind the bound comes another time. */
static void gather_for(struct small_round *round, struct pool_entry *anchor, uint32_t first)
{
	struct match_pool *pool = round->pool;
	round->candidate_count = 0;
	for (uint32_t i = 0; i < pool->waiting_count && round->candidate_count < SEARCH_CANDIDATES_MAX; i++) {
		struct pool_entry *entry = pool->waiting[(first + i) % pool->waiting_count];
		if (entry != anchor && is_free(entry) && entry->allowed_teams != 0 &&
		    ringcast_search_pairs(pool->search, round->now_ns, anchor->ticket, entry->ticket))
			add_candidate(round, entry);
	}
	search_for(round, anchor);
}

/* The oldest always, others in turn. */
static void look_for_oldest(struct small_round *round)
{
	struct match_pool *pool = round->pool;
	round->phase = PHASE_OTHERS;
	for (uint32_t i = 0; i < pool->waiting_count; i++)
		if (is_free(pool->waiting[i])) {
			round->steps_left = pool->options.steps_min;
			round->anchors_left = ANCHOR_BURST;
			gather_for(round, pool->waiting[i], 0);
			round->tried++;
			return;
		}
}

static void look_for_other(struct small_round *round)
{
	struct match_pool *pool = round->pool;
	uint32_t count = pool->waiting_count;
	while (round->looked < count && round->tried < pool->options.gather_count) {
		struct pool_entry *entry = pool->waiting[pool->gather_at++ % count];
		round->looked++;
		if (!is_free(entry))
			continue;
		gather_for(round, entry, (uint32_t)ringcast_prng_below(&pool->prng, count));
		round->tried++;
		return;
	}
	round->phase = PHASE_OVER;
}

void ringcast_pool_small_begin(struct match_pool *pool)
{
	struct small_round *round = calloc(1, sizeof(*round));
	pool->small = round;
	if (round == NULL)
		return; /* nobody is matched this time; the next round tries again */
	round->pool = pool;
	round->now_ns = pool->round_now_ns;
	round->steps_left = pool->options.steps_min + pool->options.steps_per_ticket * pool->waiting_count;
	round->anchors_left = pool->waiting_count + pool->backfill_count;
	uint64_t oldest_ns = pool->waiting_count > 0 ? pool->waiting[0]->created_ns : round->now_ns;
	uint16_t level = ringcast_match_level_at(pool->rule_set, round->now_ns > oldest_ns ? round->now_ns - oldest_ns : 0);
	deal(round, (enum match_batching)pool->rule_set->levels[level].batching);
}

bool ringcast_pool_small_continue(struct match_pool *pool, uint64_t step_max)
{
	static void (*const phases[])(struct small_round *) = {
		[PHASE_BATCH] = begin_batch, [PHASE_ANCHORS] = run_anchor, [PHASE_OLDEST] = look_for_oldest, [PHASE_OTHERS] = look_for_other};
	uint64_t before = pool->counts.steps;
	uint64_t anchors = 0; /* who costs no step still costs something */
	while (pool->small->phase != PHASE_OVER && pool->counts.steps - before + anchors < step_max) {
		phases[pool->small->phase](pool->small);
		anchors++;
	}
	return pool->small->phase == PHASE_OVER;
}

void ringcast_pool_small_end(struct match_pool *pool)
{
	free(pool->small);
	pool->small = NULL;
}
