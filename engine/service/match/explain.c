#include "service/match/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/pool_private.h"

/* Of the judge, about a tenth of a second; what a ticket of the pool costs that is only put in order; what a step of a search costs. */
enum { WORK_MAX = 20000000, LIST_WORK = 20, STEP_WORK = 32 };

struct explanation {
	struct match_pool *pool;
	const struct pool_entry *entry;
	uint64_t now_ns;
	uint64_t *work_left; /* NULL: it has WORK_MAX for itself */
	bool is_cut;	     /* *work_left was not enough */
	uint16_t level;
	uint32_t waiting, looked_at, fit_count, fit_players, needed;
	uint32_t held_back[MATCH_RULES_MAX]; /* others that a rule keeps away */
	uint64_t refused[MATCH_RULES_MAX];   /* lineups that a rule has refused */
	struct pool_entry *fits[SEARCH_CANDIDATES_MAX];
	bool has_match;
	uint16_t match_players;
	const char *empty_team; /* one that those who fit cannot fill */
};

/* Teams that no expression tells from the one before need no trial of their own; two of them do, for two tickets. */
static bool is_like_those_before(const struct match_rule_set *rule_set, uint16_t team, uint16_t how_many)
{
	for (uint16_t i = 0; i < how_many; i++)
		if (team <= i || rule_set->teams[team - i - 1].definition != rule_set->teams[team].definition || rule_set->teams[team].is_named)
			return false;
	return true;
}

/* Whether the rule fails for the two, in whatever teams they stand. */
static bool keeps_apart(struct explanation *explanation, uint16_t rule, const struct match_ticket *other)
{
	const struct match_rule_set *rule_set = explanation->pool->rule_set;
	struct small_lineup pair;
	for (uint16_t a = 0; a < rule_set->team_count; a++)
		for (uint16_t b = 0; b < rule_set->team_count; b++) {
			if (is_like_those_before(rule_set, a, 1) || is_like_those_before(rule_set, b, 2))
				continue;
			ringcast_lineup_init(&pair);
			ringcast_lineup_add(&pair.lineup, explanation->entry->ticket, (uint8_t)a);
			ringcast_lineup_add(&pair.lineup, other, (uint8_t)b);
			uint16_t level = ringcast_judge_level(rule_set, &pair.lineup, explanation->now_ns);
			if (ringcast_judge_rule(explanation->pool->judge, rule, &pair.lineup, rule_set->levels[level].loosest) != MATCH_FAILS)
				return false;
		}
	return true;
}

static void look_at(struct explanation *explanation, struct pool_entry *other)
{
	const struct match_rule_set *rule_set = explanation->pool->rule_set;
	bool fits = true;
	for (uint16_t rule = 0; rule < rule_set->rule_count; rule++) {
		if (!ringcast_judge_acts(rule_set, rule) || !rule_set->rules[rule].only_tightens || !keeps_apart(explanation, rule, other->ticket))
			continue;
		explanation->held_back[rule]++;
		fits = false;
	}
	if (!fits)
		return;
	if (explanation->fit_count < SEARCH_CANDIDATES_MAX)
		explanation->fits[explanation->fit_count] = other;
	explanation->fit_count++;
	explanation->fit_players += other->ticket->player_count;
}

static int by_age(const void *a, const void *b)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	if (left->created_ns != right->created_ns)
		return left->created_ns < right->created_ns ? -1 : 1;
	return left->self < right->self ? -1 : left->self > right->self;
}

static void pay(struct explanation *explanation, uint64_t work)
{
	uint64_t *left = explanation->work_left;
	if (left != NULL)
		*left -= work < *left ? work : *left;
}

static void look_at_others(struct explanation *explanation)
{
	struct match_pool *pool = explanation->pool;
	struct pool_entry **others = calloc(pool->entries.high_water, sizeof(struct pool_entry *)); /* not the pool's arrays, which a round may be using */
	handle h;
	for (uint32_t i = 0; i < pool->entries.high_water && others != NULL; i++) {
		struct pool_entry *entry = ringcast_slab_at(&pool->entries, i, &h);
		bool is_waiting = entry != NULL && !entry->is_forgotten && entry->ticket != NULL && (entry->state == MATCH_IS_SEARCHING || entry->state == MATCH_IS_QUEUED);
		if (is_waiting && entry != explanation->entry)
			others[explanation->waiting++] = entry;
	}
	if (others != NULL)
		qsort(others, explanation->waiting, sizeof(*others), by_age);
	uint64_t begin = pool->judge->work, end = begin + (explanation->work_left != NULL ? *explanation->work_left : WORK_MAX);
	uint32_t count = explanation->waiting < EXPLAIN_OTHERS_MAX ? explanation->waiting : EXPLAIN_OTHERS_MAX;
	for (; explanation->looked_at < count && pool->judge->work < end; explanation->looked_at++)
		look_at(explanation, others[explanation->looked_at]);
	free(others);
	explanation->is_cut = explanation->work_left != NULL && explanation->looked_at < count;
	pay(explanation, pool->judge->work - begin);
}

/* All who fit one by one, together: is there a match, and if not, what refuses the lineups? */
static void try_together(struct explanation *explanation)
{
	struct match_pool *pool = explanation->pool;
	const struct match_ticket *candidates[SEARCH_CANDIDATES_MAX];
	uint64_t teams[SEARCH_CANDIDATES_MAX], passed[MATCH_RULES_MAX], failed[MATCH_RULES_MAX];
	struct search_result result;
	uint16_t count = (uint16_t)(explanation->fit_count < SEARCH_CANDIDATES_MAX ? explanation->fit_count : SEARCH_CANDIDATES_MAX);
	for (uint16_t i = 0; i < count; i++) {
		candidates[i] = explanation->fits[i]->ticket;
		teams[i] = explanation->fits[i]->allowed_teams;
	}
	memcpy(passed, pool->judge->passed, sizeof(passed));
	memcpy(failed, pool->judge->failed, sizeof(failed));
	uint64_t step_max = pool->options.steps_min;
	if (explanation->work_left != NULL && *explanation->work_left / STEP_WORK < step_max)
		step_max = *explanation->work_left / STEP_WORK;
	struct search_task task = {.now_ns = explanation->now_ns, .step_max = step_max, .better_step_max = 1,
				   .fixed = (const struct match_ticket *const *)&explanation->entry->ticket, .fixed_count = 1, .candidates = candidates,
				   .candidate_teams = teams, .candidate_count = count};
	explanation->has_match = ringcast_search_run(pool->search, &task, &result);
	explanation->match_players = explanation->has_match ? result.player_count : 0;
	explanation->is_cut = !explanation->has_match && step_max < pool->options.steps_min && result.step_count >= step_max;
	pay(explanation, result.step_count * STEP_WORK);
	for (uint16_t i = 0; i < pool->rule_set->rule_count; i++)
		explanation->refused[i] = pool->judge->failed[i] - failed[i];
	/* What rules say to a question is no part of what they said to matches. */
	memcpy(pool->judge->passed, passed, sizeof(passed));
	memcpy(pool->judge->failed, failed, sizeof(failed));
}

/* A team for which too few of those who fit are allowed: a rule about single players keeps them out. */
static void find_empty_team(struct explanation *explanation)
{
	const struct match_rule_set *rule_set = explanation->pool->rule_set;
	uint32_t count = explanation->fit_count < SEARCH_CANDIDATES_MAX ? explanation->fit_count : SEARCH_CANDIDATES_MAX;
	for (uint16_t team = 0; team < rule_set->team_count && explanation->empty_team == NULL; team++) {
		uint32_t have = explanation->entry->allowed_teams >> team & 1 ? explanation->entry->ticket->player_count : 0;
		for (uint32_t i = 0; i < count; i++)
			have += explanation->fits[i]->allowed_teams >> team & 1 ? explanation->fits[i]->ticket->player_count : 0;
		if (have < rule_set->levels[explanation->level].sizes[team].players_min)
			explanation->empty_team = rule_set->teams[team].name;
	}
}

/* Rules with their counts, the greatest first; those with none are left out. */
static json_t *rule_list(const struct match_rule_set *rule_set, const uint64_t *counts, const char *key)
{
	uint64_t left[MATCH_RULES_MAX];
	json_t *list = json_array();
	memcpy(left, counts, sizeof(left));
	for (uint16_t turn = 0; turn < rule_set->rule_count; turn++) {
		uint16_t most = 0;
		for (uint16_t i = 1; i < rule_set->rule_count; i++)
			most = left[i] > left[most] ? i : most;
		if (left[most] == 0)
			break;
		json_array_append_new(list, json_pack("{s:s, s:I}", "rule", rule_set->rules[most].name, key, (json_int_t)left[most]));
		left[most] = 0;
	}
	return list;
}

static const char *first_rule(const json_t *list)
{
	const char *name = json_string_value(json_object_get(json_array_get(list, 0), "rule"));
	return name == NULL ? "no single rule" : name;
}

static void answer(const struct explanation *explanation, const json_t *held_back, const json_t *refused, char *out, size_t size)
{
	const struct pool_entry *entry = explanation->entry;
	if (entry->state != MATCH_IS_SEARCHING && entry->state != MATCH_IS_QUEUED)
		snprintf(out, size, "It does not wait: it is %s.", ringcast_match_state_name(entry->state));
	else if (entry->allowed_teams == 0)
		snprintf(out, size, "It can stand in no team: a rule about single players refuses it in each.");
	else if (explanation->pool->rule_set->latency_rule_count > 0 && entry->ticket->regions == 0)
		snprintf(out, size, "Its players have named no common region with a latency, and a latency rule needs one.");
	else if (explanation->has_match)
		snprintf(out, size, "A match of %u players is possible now; a coming round makes it.", explanation->match_players);
	else if (explanation->fit_players < explanation->needed)
		snprintf(out, size, "%u more players are needed and %u of those who wait fit; most are kept away by %s.", explanation->needed,
			 explanation->fit_players, first_rule(held_back));
	else if (explanation->empty_team != NULL)
		snprintf(out, size, "Too few of those who fit may stand in team %s: a rule about single players keeps the others out of it.", explanation->empty_team);
	else
		snprintf(out, size, "Enough players fit one by one, but no lineup of them passes; most are refused by %s.", first_rule(refused));
}

static json_t *write_down(const struct explanation *explanation)
{
	const struct match_rule_set *rule_set = explanation->pool->rule_set;
	uint64_t held_back[MATCH_RULES_MAX], age_ns = explanation->now_ns - explanation->entry->created_ns;
	char text[256];
	for (uint16_t i = 0; i < MATCH_RULES_MAX; i++)
		held_back[i] = explanation->held_back[i];
	json_t *kept = rule_list(rule_set, held_back, "others"), *refused = rule_list(rule_set, explanation->refused, "lineups");
	answer(explanation, kept, refused, text, sizeof(text));
	json_t *said = explanation->is_cut ? json_true() : json_string(text);
	json_t *object = json_pack("{s:s, s:f, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "state", ringcast_match_state_name(explanation->entry->state), "waitedSeconds",
				   (double)age_ns / 1e9, "othersWaiting", (int)explanation->waiting, "othersLookedAt", (int)explanation->looked_at, "othersThatFit",
				   (int)explanation->fit_count, "playersThatFit", (int)explanation->fit_players, "playersNeeded", (int)explanation->needed,
				   "heldBackBy", kept, "lineupsRefusedBy", refused, explanation->is_cut ? "isCut" : "answer", said);
	if (object != NULL && explanation->level + 1 < rule_set->level_count)
		json_object_set_new(object, "nextExpansionSeconds", json_real((double)(rule_set->levels[explanation->level + 1].wait_ns - age_ns) / 1e9));
	return object;
}

/* Who else waits, and whether they go together. */
static void look_around(struct explanation *explanation)
{
	struct match_pool *pool = explanation->pool;
	uint64_t list_work = (uint64_t)pool->entries.high_water * LIST_WORK;
	explanation->is_cut = explanation->work_left != NULL && *explanation->work_left <= list_work;
	pay(explanation, list_work);
	if (explanation->is_cut)
		return;
	look_at_others(explanation);
	find_empty_team(explanation);
	if (!explanation->is_cut && pool->search != NULL && explanation->fit_players >= explanation->needed)
		try_together(explanation);
}

json_t *ringcast_match_explain_within(struct match_pool *pool, handle ticket, uint64_t now_ns, uint64_t *work_left)
{
	const struct pool_entry *entry = ringcast_slab_find(&pool->entries, ticket);
	struct explanation *explanation = entry == NULL || entry->is_forgotten || entry->ticket == NULL ? NULL : calloc(1, sizeof(*explanation));
	if (explanation == NULL)
		return NULL;
	explanation->pool = pool;
	explanation->work_left = work_left;
	explanation->entry = entry;
	explanation->now_ns = now_ns > entry->created_ns ? now_ns : entry->created_ns;
	explanation->level = ringcast_match_level_at(pool->rule_set, explanation->now_ns - entry->created_ns);
	for (uint16_t team = 0; team < pool->rule_set->team_count; team++)
		explanation->needed += pool->rule_set->levels[explanation->level].sizes[team].players_min;
	explanation->needed -= explanation->needed < entry->ticket->player_count ? explanation->needed : entry->ticket->player_count;
	if (entry->state == MATCH_IS_SEARCHING || entry->state == MATCH_IS_QUEUED)
		look_around(explanation);
	json_t *object = write_down(explanation);
	free(explanation);
	return object;
}

json_t *ringcast_match_explain(struct match_pool *pool, handle ticket, uint64_t now_ns)
{
	return ringcast_match_explain_within(pool, ticket, now_ns, NULL);
}
