#include "service/match/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"
#include "service/match/pool_private.h"

static void set_default(uint64_t *value, uint64_t default_value)
{
	*value = *value == 0 ? default_value : *value;
}

static void set_defaults(struct match_pool_options *options)
{
	options->tickets_max = options->tickets_max == 0 ? 100000 : options->tickets_max;
	options->batch_tickets = options->batch_tickets == 0 ? 256 : options->batch_tickets;
	options->batch_tickets = options->batch_tickets > SEARCH_CANDIDATES_MAX ? SEARCH_CANDIDATES_MAX : options->batch_tickets;
	options->gather_count = options->gather_count == 0 ? 16 : options->gather_count;
	set_default(&options->steps_min, 200000);
	set_default(&options->steps_per_ticket, 64);
}

struct match_pool *ringcast_match_pool_create(const struct match_rule_set *rule_set, const struct match_pool_options *options)
{
	struct match_pool *pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return NULL;
	pool->rule_set = rule_set;
	pool->options = *options;
	set_defaults(&pool->options);
	uint32_t count = pool->options.tickets_max;
	ringcast_prng_init(&pool->prng, options->seed);
	pool->judge = ringcast_judge_create(rule_set);
	pool->search = rule_set->is_large || pool->judge == NULL ? NULL : ringcast_search_create(rule_set, pool->judge);
	pool->effect_max = MATCH_EFFECTS_A_TICKET * count;
	pool->effects = calloc(pool->effect_max, sizeof(*pool->effects));
	pool->waiting = calloc(count, sizeof(struct pool_entry *));
	pool->working = calloc(count, sizeof(struct pool_entry *));
	bool has_slabs = ringcast_slab_init(&pool->entries, sizeof(struct pool_entry), count) &&
			 ringcast_slab_init(&pool->matches, sizeof(struct pool_match), count);
	if (pool->judge == NULL || (!rule_set->is_large && pool->search == NULL) || pool->effects == NULL || pool->waiting == NULL || pool->working == NULL ||
	    !has_slabs)
		ringcast_match_pool_destroy(&pool);
	return pool;
}

static void free_ticket(struct match_pool *pool, struct match_ticket **ticket)
{
	if (*ticket != NULL)
		pool->ticket_bytes -= ringcast_match_ticket_bytes(pool->rule_set, *ticket);
	ringcast_match_ticket_destroy(ticket);
}

static void free_entry(struct match_pool *pool, struct pool_entry *entry)
{
	free_ticket(pool, &entry->ticket);
	for (uint16_t i = 0; entry->running != NULL && i < entry->running->count; i++)
		free_ticket(pool, &entry->running->parts[i]);
	free(entry->running);
}

void ringcast_match_pool_destroy(struct match_pool **pool)
{
	struct match_pool *dead = *pool;
	handle h;
	*pool = NULL;
	if (dead == NULL)
		return;
	ringcast_pool_small_end(dead);
	ringcast_pool_large_end(dead);
	for (uint32_t i = 0; i < dead->entries.high_water; i++) {
		struct pool_entry *entry = ringcast_slab_at(&dead->entries, i, &h);
		if (entry != NULL)
			free_entry(dead, entry);
	}
	for (uint32_t i = 0; i < dead->matches.high_water; i++) {
		struct pool_match *match = ringcast_slab_at(&dead->matches, i, &h);
		if (match != NULL)
			free(match->tickets);
	}
	ringcast_slab_fini(&dead->entries);
	ringcast_slab_fini(&dead->matches);
	ringcast_search_destroy(&dead->search);
	ringcast_judge_destroy(&dead->judge);
	free(dead->effects);
	free(dead->waiting);
	free(dead->working);
	free(dead);
}

/* Moving on */

void ringcast_pool_move(struct match_pool *pool, struct pool_entry *entry, enum match_ticket_event event, handle match)
{
	enum match_ticket_state next = entry->state;
	bool is_allowed = ringcast_match_state_next(entry->state, event, &next);
	ringcast_assert(is_allowed && pool->effect_count < pool->effect_max);
	entry->state = next;
	pool->effects[pool->effect_count++] = (struct match_effect){.state = next, .ticket = entry->self, .match = match};
}

static struct pool_entry *find(const struct match_pool *pool, handle ticket)
{
	struct pool_entry *entry = ringcast_slab_find(&pool->entries, ticket);
	return entry == NULL || entry->is_forgotten ? NULL : entry;
}

/* A ticket has left its match, or ended with it; a match without tickets is gone. */
static void leave_match(struct match_pool *pool, struct pool_entry *entry)
{
	struct pool_match *match = ringcast_slab_find(&pool->matches, entry->match);
	entry->match = HANDLE_NONE;
	entry->accepted = 0;
	if (match == NULL || ++match->ended_count < match->count + (match->backfill != HANDLE_NONE))
		return;
	free(match->tickets);
	ringcast_slab_free(&pool->matches, match->self);
}

static uint64_t good_regions(const struct match_pool *pool, struct pool_entry *const *entries, uint32_t count)
{
	uint64_t regions = pool->regions.count == 64 ? UINT64_MAX : (UINT64_C(1) << pool->regions.count) - 1;
	for (uint32_t i = 0; i < count; i++)
		regions &= entries[i]->ticket->regions;
	return regions;
}

bool ringcast_pool_make(struct match_pool *pool, struct pool_entry *const *entries, const uint8_t *teams, uint32_t count, struct pool_entry *backfill)
{
	handle self;
	handle *tickets = malloc(count * (sizeof(*tickets) + 1));
	struct pool_match *match = tickets == NULL ? NULL : ringcast_slab_alloc(&pool->matches, &self);
	bool asks = pool->options.acceptance_timeout_ns != 0;
	if (match == NULL) {
		free(tickets);
		return false;
	}
	*match = (struct pool_match){.self = self, .is_proposed = asks, .count = count, .tickets = tickets, .teams = (uint8_t *)(tickets + count),
				     .deadline_ns = pool->round_now_ns + pool->options.acceptance_timeout_ns,
				     .backfill = backfill == NULL ? HANDLE_NONE : backfill->self, .regions = good_regions(pool, entries, count)};
	memcpy(match->teams, teams, count);
	for (uint32_t i = 0; i < count; i++) {
		tickets[i] = entries[i]->self;
		entries[i]->match = self;
		ringcast_pool_move(pool, entries[i], asks ? MATCH_EVENT_PROPOSE : MATCH_EVENT_CHOOSE, self);
	}
	if (backfill != NULL) {
		backfill->match = self;
		ringcast_pool_move(pool, backfill, MATCH_EVENT_CHOOSE, self);
	}
	pool->counts.matches++;
	return true;
}

/* Coming */

static bool refuse(char *problem, const char *format, ...) PRINTF_LIKE(2, 3);

static bool refuse(char *problem, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, MATCH_TICKET_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static unsigned largest_team(const struct match_rule_set *rule_set)
{
	unsigned largest = 0;
	for (uint16_t team = 0; team < rule_set->team_count; team++) {
		uint16_t players = rule_set->levels[rule_set->level_count - 1].loosest_sizes[team].players_max;
		largest = players > largest ? players : largest;
	}
	return largest;
}

static struct pool_entry *new_entry(struct match_pool *pool, uint64_t created_ns, char *problem)
{
	handle self;
	struct pool_entry *entry = ringcast_slab_alloc(&pool->entries, &self);
	pool->effect_count = 0;
	if (entry == NULL) {
		refuse(problem, "%u tickets are in the pool; there may be no more", pool->options.tickets_max);
		return NULL;
	}
	*entry = (struct pool_entry){.self = self, .state = MATCH_IS_QUEUED, .created_ns = created_ns};
	return entry;
}

handle ringcast_match_pool_add(struct match_pool *pool, const json_t *players, uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES])
{
	unsigned most = largest_team(pool->rule_set);
	if (json_array_size(players) > most) {
		refuse(problem, "%zu players are in this ticket; they play in one team, and the largest has %u", json_array_size(players), most);
		return HANDLE_NONE;
	}
	struct pool_entry *entry = new_entry(pool, created_ns, problem);
	if (entry == NULL)
		return HANDLE_NONE;
	entry->ticket = ringcast_match_ticket_create(pool->rule_set, &pool->regions, players, created_ns, problem);
	if (entry->ticket == NULL) {
		ringcast_slab_free(&pool->entries, entry->self);
		return HANDLE_NONE;
	}
	entry->allowed_teams = pool->search == NULL ? UINT64_MAX : ringcast_search_teams(pool->search, entry->ticket);
	pool->ticket_bytes += ringcast_match_ticket_bytes(pool->rule_set, entry->ticket);
	return entry->self;
}

static bool add_part(struct match_pool *pool, struct pool_entry *entry, json_t *player, char *problem)
{
	const struct match_rule_set *rule_set = pool->rule_set;
	const char *name = json_string_value(json_object_get(player, "Team"));
	uint16_t team = 0;
	while (team < rule_set->team_count && (name == NULL || strcmp(rule_set->teams[team].name, name) != 0))
		team++;
	if (team == rule_set->team_count)
		return refuse(problem, "player %u of the running match has no Team, or one that the rule set does not know", entry->running->count + 1u);
	json_t *one = json_array();
	json_array_append(one, player);
	struct match_ticket *part = ringcast_match_ticket_create(rule_set, &pool->regions, one, entry->created_ns, problem);
	json_decref(one);
	if (part == NULL)
		return false;
	entry->running->teams[entry->running->count] = (uint8_t)team;
	entry->running->parts[entry->running->count++] = part;
	pool->ticket_bytes += ringcast_match_ticket_bytes(rule_set, part);
	return true;
}

static struct pool_running *running_create(size_t count)
{
	struct pool_running *running = calloc(1, sizeof(*running) + count * (sizeof(running->parts[0]) + 1));
	if (running != NULL)
		running->teams = (uint8_t *)(running->parts + count);
	return running;
}

handle ringcast_match_pool_add_backfill(struct match_pool *pool, const json_t *players, uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES])
{
	size_t count = json_array_size(players);
	unsigned most = pool->rule_set->is_large ? pool->rule_set->players_max : MATCH_SMALL_PLAYERS_MAX;
	if (count == 0 || count > most) {
		refuse(problem, "a running match has 1 to %u players, and this one %zu", most, count);
		return HANDLE_NONE;
	}
	struct pool_entry *entry = new_entry(pool, created_ns, problem);
	if (entry == NULL)
		return HANDLE_NONE;
	entry->running = running_create(count);
	bool is_read = entry->running != NULL || refuse(problem, "out of memory");
	for (size_t i = 0; is_read && i < count; i++)
		is_read = add_part(pool, entry, json_array_get(players, i), problem);
	if (is_read)
		return entry->self;
	free_entry(pool, entry);
	ringcast_slab_free(&pool->entries, entry->self);
	return HANDLE_NONE;
}

void ringcast_match_pool_hold(struct match_pool *pool, handle ticket, bool is_held)
{
	struct pool_entry *entry = find(pool, ticket);
	ringcast_assert(entry != NULL && entry->state == MATCH_IS_QUEUED);
	entry->is_held = is_held;
}

/* Answers */

static uint64_t all_players(const struct pool_entry *entry)
{
	return (UINT64_C(1) << entry->ticket->player_count) - 1;
}

/* Those whose players have all accepted search on; the others are out. */
static void dissolve(struct match_pool *pool, struct pool_match *match)
{
	uint32_t count = match->count;
	handle self = match->self, backfill = match->backfill;
	for (uint32_t i = 0; i < count; i++) {
		struct pool_entry *entry = find(pool, match->tickets[i]);
		if (entry == NULL || entry->match != self)
			continue;
		bool has_agreed = entry->accepted == all_players(entry);
		if (entry->state == MATCH_IS_REQUIRES_ACCEPTANCE)
			ringcast_pool_move(pool, entry, has_agreed ? MATCH_EVENT_RETURN : MATCH_EVENT_REJECT, self);
	}
	struct pool_entry *running = find(pool, backfill);
	if (running != NULL && running->state == MATCH_IS_PLACING)
		ringcast_pool_move(pool, running, MATCH_EVENT_RETURN, self);
	handle *tickets = match->tickets;
	match->tickets = NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct pool_entry *entry = find(pool, tickets[i]);
		if (entry != NULL && entry->match == self)
			leave_match(pool, entry);
	}
	if (running != NULL && running->match == self)
		leave_match(pool, running);
	free(tickets);
}

static void settle(struct match_pool *pool, struct pool_match *match)
{
	for (uint32_t i = 0; i < match->count; i++) {
		const struct pool_entry *entry = find(pool, match->tickets[i]);
		if (entry->accepted != all_players(entry))
			return;
	}
	match->is_proposed = false;
	for (uint32_t i = 0; i < match->count; i++)
		ringcast_pool_move(pool, find(pool, match->tickets[i]), MATCH_EVENT_AGREE, match->self);
}

bool ringcast_match_pool_answer(struct match_pool *pool, handle ticket, const char *player_id, bool is_accepted)
{
	struct pool_entry *entry = find(pool, ticket);
	uint64_t hash = ringcast_match_text(pool->rule_set, player_id, strlen(player_id));
	pool->effect_count = 0;
	if (entry == NULL || entry->state != MATCH_IS_REQUIRES_ACCEPTANCE)
		return false;
	struct pool_match *match = ringcast_slab_find(&pool->matches, entry->match);
	for (uint32_t i = 0; i < entry->ticket->player_count; i++) {
		if (entry->ticket->players[i] != hash)
			continue;
		entry->accepted |= (uint64_t)is_accepted << i;
		if (is_accepted)
			settle(pool, match);
		else
			dissolve(pool, match);
		return true;
	}
	return false;
}

bool ringcast_match_pool_stop(struct match_pool *pool, handle ticket)
{
	struct pool_entry *entry = find(pool, ticket);
	enum match_ticket_state next;
	pool->effect_count = 0;
	if (entry == NULL || !ringcast_match_state_next(entry->state, MATCH_EVENT_STOP, &next))
		return false;
	struct pool_match *match = ringcast_slab_find(&pool->matches, entry->match);
	ringcast_pool_move(pool, entry, MATCH_EVENT_STOP, entry->match);
	if (match != NULL)
		dissolve(pool, match);
	return true;
}

bool ringcast_match_pool_placed(struct match_pool *pool, handle match, bool is_placed)
{
	struct pool_match *placed = ringcast_slab_find(&pool->matches, match);
	enum match_ticket_event event = is_placed ? MATCH_EVENT_PLACE : MATCH_EVENT_PLACE_FAIL;
	pool->effect_count = 0;
	if (placed == NULL || placed->is_proposed || find(pool, placed->tickets[0]) == NULL || find(pool, placed->tickets[0])->state != MATCH_IS_PLACING)
		return false;
	for (uint32_t i = 0; i < placed->count; i++)
		ringcast_pool_move(pool, find(pool, placed->tickets[i]), event, match);
	if (placed->backfill != HANDLE_NONE)
		ringcast_pool_move(pool, find(pool, placed->backfill), event, match);
	return true;
}

void ringcast_match_pool_forget(struct match_pool *pool, handle ticket)
{
	struct pool_entry *entry = find(pool, ticket);
	ringcast_assert(entry != NULL && ringcast_match_state_ends(entry->state));
	leave_match(pool, entry);
	if (pool->is_in_round) {
		entry->is_forgotten = true;
		entry->forgotten_next = pool->forgotten;
		pool->forgotten = ticket;
		return;
	}
	free_entry(pool, entry);
	ringcast_slab_free(&pool->entries, ticket);
}

/* Rounds */

static void expire(struct match_pool *pool, uint64_t now_ns)
{
	handle h;
	for (uint32_t i = 0; i < pool->matches.high_water; i++) {
		struct pool_match *match = ringcast_slab_at(&pool->matches, i, &h);
		if (match == NULL || !match->is_proposed)
			continue;
		if (match->deadline_ns <= now_ns)
			dissolve(pool, match);
	}
	for (uint32_t i = 0; i < pool->entries.high_water && pool->options.request_timeout_ns != 0; i++) {
		struct pool_entry *entry = ringcast_slab_at(&pool->entries, i, &h);
		bool is_waiting = entry != NULL && !entry->is_held && (entry->state == MATCH_IS_QUEUED || entry->state == MATCH_IS_SEARCHING);
		if (is_waiting && now_ns >= entry->created_ns && now_ns - entry->created_ns >= pool->options.request_timeout_ns)
			ringcast_pool_move(pool, entry, MATCH_EVENT_EXPIRE, HANDLE_NONE);
	}
}

static int by_age(const void *a, const void *b)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	if (left->created_ns != right->created_ns)
		return left->created_ns < right->created_ns ? -1 : 1;
	return left->self < right->self ? -1 : left->self > right->self;
}

/* All who search, oldest first: tickets, and behind them running matches. */
static void collect(struct match_pool *pool)
{
	handle h;
	pool->waiting_count = pool->backfill_count = 0;
	for (uint32_t i = 0; i < pool->entries.high_water; i++) {
		struct pool_entry *entry = ringcast_slab_at(&pool->entries, i, &h);
		if (entry != NULL && entry->state == MATCH_IS_QUEUED && !entry->is_held)
			ringcast_pool_move(pool, entry, MATCH_EVENT_BEGIN, HANDLE_NONE);
		if (entry == NULL || entry->state != MATCH_IS_SEARCHING)
			continue;
		if (entry->ticket != NULL)
			pool->waiting[pool->waiting_count++] = entry;
		else
			pool->working[pool->backfill_count++] = entry;
	}
	memcpy(pool->waiting + pool->waiting_count, pool->working, pool->backfill_count * sizeof(*pool->working));
	qsort(pool->waiting, pool->waiting_count, sizeof(*pool->waiting), by_age);
	qsort(pool->waiting + pool->waiting_count, pool->backfill_count, sizeof(*pool->waiting), by_age);
}

void ringcast_match_pool_round_begin(struct match_pool *pool, uint64_t now_ns)
{
	ringcast_assert(!pool->is_in_round);
	pool->effect_count = 0;
	pool->counts.rounds++;
	pool->round_now_ns = now_ns;
	expire(pool, now_ns);
	collect(pool);
	pool->is_in_round = true;
	if (pool->rule_set->is_large)
		ringcast_pool_large_begin(pool);
	else
		ringcast_pool_small_begin(pool);
}

static void free_forgotten(struct match_pool *pool)
{
	while (pool->forgotten != HANDLE_NONE) {
		struct pool_entry *entry = ringcast_slab_find(&pool->entries, pool->forgotten);
		pool->forgotten = entry->forgotten_next;
		free_entry(pool, entry);
		ringcast_slab_free(&pool->entries, entry->self);
	}
}

static void end_round(struct match_pool *pool)
{
	ringcast_pool_small_end(pool);
	ringcast_pool_large_end(pool);
	pool->counts.waiting = 0;
	for (uint32_t i = 0; i < pool->waiting_count; i++)
		pool->counts.waiting += pool->waiting[i]->state == MATCH_IS_SEARCHING;
	pool->is_in_round = false;
	free_forgotten(pool);
}

/* What begin has caused is taken before. */
static bool run_piece(struct match_pool *pool, uint64_t step_max)
{
	ringcast_assert(pool->is_in_round);
	bool is_over = pool->rule_set->is_large ? pool->large == NULL || ringcast_pool_large_continue(pool, step_max)
						: pool->small == NULL || ringcast_pool_small_continue(pool, step_max);
	if (is_over)
		end_round(pool);
	return is_over;
}

bool ringcast_match_pool_round_continue(struct match_pool *pool, uint64_t step_max)
{
	pool->effect_count = 0;
	return run_piece(pool, step_max);
}

bool ringcast_match_pool_is_in_round(const struct match_pool *pool)
{
	return pool->is_in_round;
}

void ringcast_match_pool_round(struct match_pool *pool, uint64_t now_ns)
{
	ringcast_match_pool_round_begin(pool, now_ns);
	run_piece(pool, UINT64_MAX);
}

/* Looking in */

const struct match_effect *ringcast_match_pool_effects(const struct match_pool *pool, uint32_t *ret_count)
{
	*ret_count = pool->effect_count;
	return pool->effects;
}

bool ringcast_match_pool_state(const struct match_pool *pool, handle ticket, enum match_ticket_state *ret_state)
{
	const struct pool_entry *entry = find(pool, ticket);
	if (entry != NULL)
		*ret_state = entry->state;
	return entry != NULL;
}

const struct match_ticket *ringcast_match_pool_ticket(const struct match_pool *pool, handle ticket)
{
	const struct pool_entry *entry = find(pool, ticket);
	return entry == NULL ? NULL : entry->ticket;
}

bool ringcast_match_pool_match(const struct match_pool *pool, handle match, struct match_lineup_view *ret_view)
{
	const struct pool_match *found = ringcast_slab_find(&pool->matches, match);
	if (found == NULL)
		return false;
	*ret_view = (struct match_lineup_view){
		.count = found->count, .tickets = found->tickets, .teams = found->teams, .backfill = found->backfill, .regions = found->regions};
	return true;
}

const struct match_regions *ringcast_match_pool_regions(const struct match_pool *pool)
{
	return &pool->regions;
}

const struct match_pool_counts *ringcast_match_pool_counts(const struct match_pool *pool)
{
	return &pool->counts;
}

size_t ringcast_match_pool_bytes(const struct match_pool *pool)
{
	return pool->ticket_bytes + pool->entries.high_water * sizeof(struct pool_entry);
}

void ringcast_match_pool_rule_counts(const struct match_pool *pool, const uint64_t **ret_passed, const uint64_t **ret_failed)
{
	*ret_passed = pool->judge->passed;
	*ret_failed = pool->judge->failed;
}
