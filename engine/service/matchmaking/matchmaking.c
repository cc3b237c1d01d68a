#include "service/matchmaking/matchmaking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/match/explain.h"
#include "service/matchmaking/private.h"

enum {
	PIECE_STEPS = 20000, /* of a round, in one turn: some milliseconds */
	PAUSE_MS_MAX = 2000,
	IDLE_ROUND_MS = 1000, /* between rounds that only time could have changed something for */
	AGE_MAX_MS = 1000000000,
};

/* Coming */

static void make_id(struct matchmaking *matchmaking, const char *given, char ret_id[MATCHMAKING_ID_BYTES])
{
	char id[MODEL_ID_BYTES];
	if (*given == '\0')
		ringcast_model_new_id(matchmaking->model, "", id);
	snprintf(ret_id, MATCHMAKING_ID_BYTES, "%s", *given == '\0' ? id : given);
}

static json_t *new_document(const struct matchmaking *matchmaking, const struct matchmaking_start *start, const char *id)
{
	json_t *document = json_pack("{s:s, s:s, s:s, s:o, s:O}", "TicketId", id, "ConfigurationName", start->configuration, "Status", "QUEUED", "StartTime",
				     ringcast_model_time(matchmaking->model->now_ms), "Players", start->players);
	if (document != NULL && start->is_backfill)
		json_object_set_new(document, "Internal", json_pack("{s:b, s:s}", "isBackfill", true, "gameSessionArn", start->session));
	return document;
}

/* Known, and in no pool yet. Takes the document. NULL: out of memory. */
static struct ticket *ticket_create(struct matchmaking *matchmaking, const char *id, json_t *document)
{
	struct ticket *ticket = calloc(1, sizeof(*ticket));
	if (ticket != NULL)
		snprintf(ticket->id, sizeof(ticket->id), "%s", id);
	if (ticket == NULL || document == NULL || !ringcast_text_index_add(&matchmaking->by_id, ticket->id, ticket)) {
		json_decref(document);
		free(ticket);
		return NULL;
	}
	ticket->document = document;
	ticket->started_steady_ms = matchmaking->model->steady_ms;
	return ticket;
}

static void ticket_destroy(struct matchmaking *matchmaking, struct ticket *ticket)
{
	ringcast_text_index_remove(&matchmaking->by_id, ticket->id);
	json_decref(ticket->document);
	json_decref(ticket->accepted);
	free(ticket);
}

static void make_live(struct matchmaking *matchmaking, struct ticket *ticket, struct maker *maker)
{
	ticket->maker = maker;
	maker->live_count++;
	matchmaking->live_count++;
	ringcast_list_add_tail(&matchmaking->live, &ticket->node);
	ringcast_ticket_join_backfills(matchmaking, ticket);
}

static void make_dead(struct matchmaking *matchmaking, struct ticket *ticket)
{
	ringcast_list_remove(&ticket->node);
	ringcast_ticket_leave_backfills(matchmaking, ticket);
	if (ticket->is_held && ringcast_list_has(&ticket->held_node))
		ringcast_list_remove(&ticket->held_node);
	matchmaking->live_count--;
	ticket->maker->live_count--;
	ringcast_ticket_leave(matchmaking, ticket);
}

static enum matchmaking_result check_start(struct matchmaking *matchmaking, const struct matchmaking_start *start, const char *id,
					   char problem[MATCHMAKING_PROBLEM_BYTES])
{
	uint32_t most = matchmaking->model->settings.match_tickets_max;
	if (ringcast_ticket_find(matchmaking, id) != NULL) {
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "TicketId: there is a ticket %.128s already", id);
		return MATCHMAKING_INVALID;
	}
	if (matchmaking->live_count >= most) {
		ringcast_records_touch(&matchmaking->model->records, RECORD_TICKET, NULL);
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "%u tickets wait, as many as service.match_tickets_max allows; try again later", most);
		return MATCHMAKING_LIMIT;
	}
	if (ringcast_records_find(&matchmaking->model->records, RECORD_MATCHMAKER, start->configuration) == NULL) {
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "there is no matchmaking configuration %.128s", start->configuration);
		return MATCHMAKING_NOT_FOUND;
	}
	return MATCHMAKING_OK;
}

static void hold(struct matchmaking *matchmaking, struct ticket *ticket)
{
	ticket->is_held = true;
	ticket->durable_at = ringcast_matchmaking_open_change(matchmaking);
	ringcast_list_add_tail(&matchmaking->held, &ticket->held_node);
}

enum matchmaking_result ringcast_matchmaking_start(struct matchmaking *matchmaking, const struct matchmaking_start *start, json_t **ret_ticket,
						   char problem[MATCHMAKING_PROBLEM_BYTES])
{
	char id[MATCHMAKING_ID_BYTES];
	make_id(matchmaking, start->ticket, id);
	enum matchmaking_result result = check_start(matchmaking, start, id, problem);
	struct maker *maker = result != MATCHMAKING_OK ? NULL : ringcast_maker_open(matchmaking, start->configuration, problem);
	if (maker == NULL)
		return result != MATCHMAKING_OK ? result : MATCHMAKING_INVALID;
	struct ticket *ticket = ticket_create(matchmaking, id, new_document(matchmaking, start, id));
	if (ticket == NULL)
		return MATCHMAKING_MEMORY;
	ticket->is_held = true; /* from the first moment in the pool */
	if (!ringcast_ticket_enter(matchmaking, ticket, ringcast_maker_ground(maker), problem)) {
		ticket_destroy(matchmaking, ticket);
		return MATCHMAKING_INVALID;
	}
	make_live(matchmaking, ticket, maker);
	json_t *shown = ringcast_ticket_show(matchmaking, ticket);
	if (shown == NULL || !ringcast_ticket_put(matchmaking, ticket, json_incref(ticket->document))) {
		json_decref(shown);
		make_dead(matchmaking, ticket);
		ticket_destroy(matchmaking, ticket);
		return MATCHMAKING_MEMORY;
	}
	hold(matchmaking, ticket);
	ringcast_matchmaking_note(matchmaking, maker->name, MATCH_COUNT_tickets_started, 1);
	ringcast_matchmaking_note(matchmaking, maker->name, MATCH_COUNT_players_started, json_array_size(start->players));
	*ret_ticket = shown;
	return MATCHMAKING_OK;
}

static void release_held(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->held)) {
		struct ticket *ticket = CONTAINER_OF(matchmaking->held.next, struct ticket, held_node);
		if (ticket->durable_at > matchmaking->model->records.settled_count)
			return;
		ringcast_list_remove(&ticket->held_node);
		ticket->is_held = false;
		ringcast_match_pool_hold(ticket->ground->pool, ticket->in_pool, false);
		ringcast_ground_wake(matchmaking, ticket->ground);
	}
}

/* Answers */

static struct ticket *live_ticket(struct matchmaking *matchmaking, const char *id, enum matchmaking_result *ret_result,
				  char problem[MATCHMAKING_PROBLEM_BYTES])
{
	struct ticket *ticket = ringcast_ticket_find(matchmaking, id);
	*ret_result = ticket == NULL ? MATCHMAKING_NOT_FOUND : MATCHMAKING_INVALID;
	if (ticket == NULL)
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "there is no matchmaking ticket %.128s", id);
	else if (ringcast_match_state_ends(ticket->state))
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "the ticket %.128s is %s already", id, ringcast_match_state_name(ticket->state));
	else
		return ticket;
	return NULL;
}

enum matchmaking_result ringcast_matchmaking_stop(struct matchmaking *matchmaking, const char *id, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	enum matchmaking_result result;
	struct ticket *ticket = live_ticket(matchmaking, id, &result, problem);
	if (ticket == NULL)
		return result;
	if (ticket->ground == NULL || !ringcast_match_pool_stop(ticket->ground->pool, ticket->in_pool)) {
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "the ticket %.128s is %s and cannot be stopped any more", id, ringcast_match_state_name(ticket->state));
		return MATCHMAKING_INVALID;
	}
	ringcast_ground_take_effects(matchmaking, ticket->ground, GROUND_STOP);
	return MATCHMAKING_OK;
}

static bool has_player(const struct ticket *ticket, const char *id)
{
	size_t i;
	json_t *player;
	json_array_foreach((json_t *)ringcast_ticket_players(ticket), i, player)
		if (strcmp(json_string_value(json_object_get(player, "PlayerId")), id) == 0)
			return true;
	return false;
}

static bool note_answers(struct ticket *ticket, const json_t *player_ids, bool is_accepted, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	size_t i;
	json_t *id;
	json_array_foreach((json_t *)player_ids, i, id)
		if (!has_player(ticket, json_string_value(id))) {
			snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "PlayerIds: %.64s is not in the ticket %.128s", json_string_value(id), ticket->id);
			return false;
		}
	if (ticket->accepted == NULL)
		ticket->accepted = json_object();
	json_array_foreach((json_t *)player_ids, i, id)
		json_object_set_new(ticket->accepted, json_string_value(id), json_boolean(is_accepted));
	return true;
}

/* A player's last yes may end the ticket, and so may the first no: the others need not be asked. */
static void give_answers(struct matchmaking *matchmaking, struct ticket *ticket, const json_t *player_ids, bool is_accepted)
{
	size_t i;
	json_t *id;
	struct ground *ground = ticket->ground;
	json_array_foreach((json_t *)player_ids, i, id) {
		if (ticket->state != MATCH_IS_REQUIRES_ACCEPTANCE)
			return;
		if (ringcast_match_pool_answer(ground->pool, ticket->in_pool, json_string_value(id), is_accepted))
			ringcast_ground_take_effects(matchmaking, ground, is_accepted ? GROUND_ANSWER : GROUND_REJECT);
	}
}

enum matchmaking_result ringcast_matchmaking_accept(struct matchmaking *matchmaking, const char *id, const json_t *player_ids, bool is_accepted,
						    char problem[MATCHMAKING_PROBLEM_BYTES])
{
	enum matchmaking_result result;
	struct ticket *ticket = live_ticket(matchmaking, id, &result, problem);
	if (ticket == NULL)
		return result;
	if (ticket->state != MATCH_IS_REQUIRES_ACCEPTANCE || ticket->proposal == NULL) {
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "the ticket %.128s is %s, not REQUIRES_ACCEPTANCE", id, ringcast_match_state_name(ticket->state));
		return MATCHMAKING_INVALID;
	}
	if (!note_answers(ticket, player_ids, is_accepted, problem))
		return MATCHMAKING_INVALID;
	ringcast_news_accept(matchmaking, ticket->proposal);
	give_answers(matchmaking, ticket, player_ids, is_accepted);
	return MATCHMAKING_OK;
}

json_t *ringcast_matchmaking_show(const struct matchmaking *matchmaking, const char *id)
{
	const struct ticket *ticket = ringcast_ticket_find(matchmaking, id);
	return ticket == NULL ? NULL : ringcast_ticket_show(matchmaking, ticket);
}

bool ringcast_matchmaking_is_live(const struct matchmaking *matchmaking, const char *id)
{
	const struct ticket *ticket = ringcast_ticket_find(matchmaking, id);
	return ticket != NULL && ticket->maker != NULL;
}

json_t *ringcast_matchmaking_explain_within(struct matchmaking *matchmaking, const char *id, uint64_t *work_left)
{
	const struct ticket *ticket = ringcast_ticket_find(matchmaking, id);
	json_t *explained = NULL;
	if (ticket == NULL)
		return NULL;
	if (ticket->ground != NULL)
		explained = ringcast_match_explain_within(ticket->ground->pool, ticket->in_pool, ringcast_matchmaking_clock_ns(matchmaking->model->steady_ms), work_left);
	return explained != NULL ? explained : json_pack("{s:s}", "state", ringcast_match_state_name(ticket->state));
}

json_t *ringcast_matchmaking_explain(struct matchmaking *matchmaking, const char *id)
{
	return ringcast_matchmaking_explain_within(matchmaking, id, NULL);
}

uint32_t ringcast_matchmaking_live_count(const struct matchmaking *matchmaking, const char *configuration)
{
	const struct maker *maker = ringcast_maker_find(matchmaking, configuration);
	ringcast_records_touch(&matchmaking->model->records, RECORD_TICKET, NULL);
	return maker == NULL ? 0 : maker->live_count;
}

bool ringcast_matchmaking_wants_latencies(struct matchmaking *matchmaking, const char *configuration)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	const struct maker *maker = ringcast_maker_open(matchmaking, configuration, problem);
	return maker != NULL && ringcast_maker_ground(maker)->rule_set->latency_rule_count > 0;
}

void ringcast_matchmaking_reconfigure(struct matchmaking *matchmaking, const char *configuration)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	struct maker *maker = ringcast_maker_find(matchmaking, configuration);
	if (maker == NULL)
		return;
	if (maker->live_count > 0)
		ringcast_maker_open(matchmaking, configuration, problem);
	else
		ringcast_maker_close(matchmaking, maker);
}

/* Rounds */

static void add_counts(struct matchmaking *matchmaking, struct ground *ground)
{
	const uint64_t *passed, *failed;
	uint64_t all_passed = 0, all_failed = 0;
	ringcast_match_pool_rule_counts(ground->pool, &passed, &failed);
	for (uint16_t i = 0; i < ground->rule_set->rule_count; i++) {
		all_passed += passed[i];
		all_failed += failed[i];
	}
	ringcast_matchmaking_note(matchmaking, ground->maker->name, MATCH_COUNT_rule_evaluations_passed, all_passed - ground->passed_seen);
	ringcast_matchmaking_note(matchmaking, ground->maker->name, MATCH_COUNT_rule_evaluations_failed, all_failed - ground->failed_seen);
	ground->passed_seen = all_passed;
	ground->failed_seen = all_failed;
	ringcast_matchmaking_note(matchmaking, ground->maker->name, MATCH_COUNT_rounds, 1);
}

/* A round that took long is followed by a pause as long, so that searching does not take the thread from others; within a bound, since a daemon may stand still. */
static void plan_next(struct matchmaking *matchmaking, struct ground *ground)
{
	int64_t now_ms = matchmaking->model->steady_ms, took_ms = now_ms - ground->round_began_ms;
	took_ms = took_ms < PAUSE_MS_MAX ? took_ms : PAUSE_MS_MAX;
	int64_t pause_ms = ground->is_dirty ? matchmaking->model->settings.match_round_ms : IDLE_ROUND_MS;
	ground->next_round_ms = ground->ticket_count == 0 ? INT64_MAX : now_ms + (pause_ms > took_ms ? pause_ms : took_ms);
}

static void run_piece(struct matchmaking *matchmaking, struct ground *ground)
{
	bool is_over = false;
	if (ringcast_match_pool_is_in_round(ground->pool)) {
		is_over = ringcast_match_pool_round_continue(ground->pool, PIECE_STEPS);
	} else {
		ground->is_dirty = false;
		ground->round_began_ms = matchmaking->model->steady_ms;
		ringcast_match_pool_round_begin(ground->pool, ringcast_matchmaking_clock_ns(matchmaking->model->steady_ms));
	}
	ringcast_ground_take_effects(matchmaking, ground, GROUND_ROUND);
	if (!is_over)
		return;
	add_counts(matchmaking, ground);
	plan_next(matchmaking, ground);
}

static bool is_due(const struct matchmaking *matchmaking, const struct ground *ground)
{
	return ringcast_match_pool_is_in_round(ground->pool) || ground->next_round_ms <= matchmaking->model->steady_ms;
}

/* Around and around: the next one behind whose turn it was. NULL: none is due. */
static struct ground *next_due(const struct matchmaking *matchmaking)
{
	struct ground *first = NULL;
	bool is_behind = false;
	for (struct list_node *node = matchmaking->makers.next; node != &matchmaking->makers; node = node->next) {
		struct maker *maker = CONTAINER_OF(node, struct maker, node);
		for (struct list_node *at = maker->grounds.next; at != &maker->grounds; at = at->next) {
			struct ground *ground = CONTAINER_OF(at, struct ground, node);
			if (is_due(matchmaking, ground) && is_behind)
				return ground;
			if (is_due(matchmaking, ground) && first == NULL)
				first = ground;
			is_behind = is_behind || ground == matchmaking->turn_of;
		}
	}
	return first;
}

bool ringcast_matchmaking_turn(struct matchmaking *matchmaking)
{
	release_held(matchmaking);
	ringcast_sessions_turn(matchmaking);
	ringcast_rosters_turn(matchmaking);
	ringcast_tickets_forget(matchmaking);
	struct ground *ground = next_due(matchmaking);
	if (ground == NULL)
		return false;
	matchmaking->turn_of = ground;
	struct maker *maker = ground->maker;
	run_piece(matchmaking, ground);
	ringcast_ground_close_empty(matchmaking, maker);
	return next_due(matchmaking) != NULL;
}

int64_t ringcast_matchmaking_due_ms(const struct matchmaking *matchmaking)
{
	int64_t due_ms = ringcast_sessions_due_ms(matchmaking);
	for (struct list_node *node = matchmaking->makers.next; node != &matchmaking->makers; node = node->next) {
		const struct maker *maker = CONTAINER_OF(node, struct maker, node);
		for (struct list_node *at = maker->grounds.next; at != &maker->grounds; at = at->next) {
			const struct ground *ground = CONTAINER_OF(at, struct ground, node);
			int64_t next_ms = ringcast_match_pool_is_in_round(ground->pool) ? 0 : ground->next_round_ms;
			due_ms = next_ms < due_ms ? next_ms : due_ms;
		}
	}
	return due_ms;
}

void ringcast_matchmaking_settled(struct matchmaking *matchmaking)
{
	ringcast_news_release(matchmaking);
	ringcast_notices_release(matchmaking);
}

/* From and to records */

static enum match_ticket_state state_of_record(const json_t *document)
{
	const char *status = json_string_value(json_object_get(document, "Status"));
	for (unsigned state = 0; status != NULL && state < MATCH_STATE_COUNT; state++)
		if (strcmp(ringcast_match_state_name((enum match_ticket_state)state), status) == 0)
			return (enum match_ticket_state)state;
	return MATCH_IS_QUEUED;
}

static int64_t ms_of(const json_t *document, const char *name)
{
	return (int64_t)(json_number_value(json_object_get(document, name)) * 1000);
}

/* Its match goes on being placed, or it searches on, as old as it is. */
static void revive(struct matchmaking *matchmaking, struct ticket *ticket)
{
	char problem[MATCHMAKING_PROBLEM_BYTES] = "out of memory";
	struct maker *maker = ringcast_maker_ensure(matchmaking, ringcast_ticket_configuration(ticket));
	if (maker == NULL) {
		ringcast_log(LOG_ERROR, "matchmaking", "a ticket waits for the next start: out of memory", "ticket=%s", ticket->id);
		ticket_destroy(matchmaking, ticket);
		return;
	}
	ticket->state = MATCH_IS_QUEUED;
	ticket->is_replaced = false;
	make_live(matchmaking, ticket, maker);
	if (state_of_record(ticket->document) == MATCH_IS_PLACING && ringcast_ticket_adopt(matchmaking, ticket))
		return;
	maker = ringcast_maker_open(matchmaking, maker->name, problem);
	if (maker != NULL && ringcast_ticket_enter(matchmaking, ticket, ringcast_maker_ground(maker), problem))
		return;
	ringcast_log(LOG_ERROR, "matchmaking", "a ticket cannot go on", "ticket=%s err=\"%s\"", ticket->id, problem);
	ringcast_ticket_end(matchmaking, ticket, MATCH_IS_FAILED, NULL);
	ringcast_news_ended(matchmaking, ticket);
}

static bool load_one(struct matchmaking *matchmaking, const struct record *record)
{
	struct ticket *ticket = ticket_create(matchmaking, record->id, json_incref(record->document));
	if (ticket == NULL)
		return false;
	int64_t age_ms = matchmaking->model->now_ms - ms_of(record->document, "StartTime");
	ticket->started_steady_ms = matchmaking->model->steady_ms - (age_ms < 0 ? 0 : age_ms > AGE_MAX_MS ? AGE_MAX_MS : age_ms);
	if (!ringcast_match_state_ends(state_of_record(record->document))) {
		revive(matchmaking, ticket);
		return true;
	}
	ticket->state = state_of_record(record->document);
	ringcast_list_add_tail(&matchmaking->ended, &ticket->node);
	matchmaking->ended_count++;
	return true;
}

static int by_end(const void *a, const void *b)
{
	int64_t left = ms_of((*(struct ticket *const *)a)->document, "EndTime"), right = ms_of((*(struct ticket *const *)b)->document, "EndTime");
	return left < right ? -1 : left > right;
}

static void sort_ended(struct matchmaking *matchmaking)
{
	struct ticket **tickets = calloc(matchmaking->ended_count + 1, sizeof(struct ticket *));
	uint32_t count = 0;
	while (tickets != NULL && !ringcast_list_is_empty(&matchmaking->ended)) {
		tickets[count] = CONTAINER_OF(matchmaking->ended.next, struct ticket, node);
		ringcast_list_remove(&tickets[count++]->node);
	}
	if (tickets != NULL)
		qsort(tickets, count, sizeof(*tickets), by_end);
	for (uint32_t i = 0; i < count; i++)
		ringcast_list_add_tail(&matchmaking->ended, &tickets[i]->node);
	free(tickets);
}

static bool load_all(struct matchmaking *matchmaking)
{
	const struct record *record = ringcast_records_next(&matchmaking->model->records, RECORD_TICKET, "");
	char id[MATCHMAKING_ID_BYTES];
	while (record != NULL) {
		snprintf(id, sizeof(id), "%s", record->id); /* loading one may put it anew */
		if (ringcast_ticket_find(matchmaking, id) == NULL && !load_one(matchmaking, record))
			return false;
		record = ringcast_records_next(&matchmaking->model->records, RECORD_TICKET, id);
	}
	sort_ended(matchmaking);
	return true;
}

/* What the store has refused is as if it had not been. */
static void take_back(struct matchmaking *matchmaking, struct ticket *ticket)
{
	json_t *document = ringcast_records_find(&matchmaking->model->records, RECORD_TICKET, ticket->id);
	bool is_ended = ringcast_match_state_ends(ticket->state);
	if (document == ticket->document)
		return;
	ringcast_matchmaking_note(matchmaking, ringcast_ticket_configuration(ticket), MATCH_COUNT_undone, 1);
	if (document != NULL && !is_ended)
		return; /* it goes on, whatever was noted about it */
	if (is_ended) {
		ringcast_list_remove(&ticket->node);
		matchmaking->ended_count--;
	} else {
		make_dead(matchmaking, ticket);
	}
	if (document == NULL) {
		ticket_destroy(matchmaking, ticket);
		return;
	}
	json_decref(ticket->document);
	ticket->document = json_incref(document);
	revive(matchmaking, ticket);
}

/* A match whose placement the store has refused to begin. */
static void take_back_placements(struct matchmaking *matchmaking)
{
	for (struct list_node *node = matchmaking->proposals.next; node != &matchmaking->proposals;) {
		struct proposal *proposal = CONTAINER_OF(node, struct proposal, node);
		node = node->next;
		if (!proposal->is_placed_by_queue || ringcast_records_find(&matchmaking->model->records, RECORD_PLACEMENT, proposal->placement) != NULL)
			continue;
		for (uint32_t i = 0; i < proposal->count; i++) {
			struct ticket *ticket = proposal->tickets[i];
			json_t *document = ringcast_records_find(&matchmaking->model->records, RECORD_TICKET, ticket->id);
			json_decref(ticket->document);
			ticket->document = json_incref(document);
		}
		ringcast_matchmaking_note(matchmaking, proposal->maker->name, MATCH_COUNT_undone, proposal->count);
		ringcast_proposal_send_back(matchmaking, proposal, false);
	}
}

void ringcast_matchmaking_undone(struct matchmaking *matchmaking)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	ringcast_news_drop(matchmaking);
	ringcast_notices_drop(matchmaking);
	if (!ringcast_rosters_load(matchmaking))
		ringcast_log(LOG_ERROR, "matchmaking", "some sessions are not filled up any more: out of memory", "%s", "");
	take_back_placements(matchmaking);
	for (struct list_node *node = matchmaking->makers.next; node != &matchmaking->makers;) {
		struct maker *maker = CONTAINER_OF(node, struct maker, node);
		node = node->next;
		if (maker->live_count == 0)
			ringcast_maker_close(matchmaking, maker);
		else
			ringcast_maker_open(matchmaking, maker->name, problem);
	}
	struct list_node *lists[] = {&matchmaking->live, &matchmaking->ended}; /* what took the place of one that comes back goes before it comes */
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (struct list_node *node = lists[i]->next; node != lists[i];) {
			struct ticket *ticket = CONTAINER_OF(node, struct ticket, node);
			node = node->next;
			take_back(matchmaking, ticket);
		}
	load_all(matchmaking);
}

/* Life */

struct matchmaking *ringcast_matchmaking_create(struct model *model, const struct matchmaking_queues *queues)
{
	struct matchmaking *matchmaking = calloc(1, sizeof(*matchmaking));
	if (matchmaking == NULL)
		return NULL;
	matchmaking->model = model;
	matchmaking->queues = queues;
	matchmaking->began_ms = model->steady_ms;
	model->matchmaking = matchmaking;
	model->placement_ended = ringcast_placement_ended;
	matchmaking->look_due_ms = INT64_MAX;
	ringcast_text_index_init(&matchmaking->by_id, ringcast_prng_next(&model->prng));
	ringcast_text_index_init(&matchmaking->proposals_by_id, ringcast_prng_next(&model->prng));
	ringcast_text_index_init(&matchmaking->backfills_by_session, ringcast_prng_next(&model->prng));
	struct list_node *lists[] = {&matchmaking->makers, &matchmaking->live, &matchmaking->ended, &matchmaking->held, &matchmaking->proposals, &matchmaking->untold,
				     &matchmaking->notices, &matchmaking->rosters, &matchmaking->backfills};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		ringcast_list_init(lists[i]);
	ringcast_tallies_init(&matchmaking->counts, &model->records, RECORD_MATCHMAKER);
	if (!load_all(matchmaking) || !ringcast_rosters_load(matchmaking))
		ringcast_matchmaking_destroy(&matchmaking);
	return matchmaking;
}

static void tickets_free(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct ticket *ticket = CONTAINER_OF(list->next, struct ticket, node);
		ringcast_list_remove(&ticket->node);
		json_decref(ticket->document);
		json_decref(ticket->accepted);
		json_decref(ticket->session);
		free(ticket);
	}
}

void ringcast_matchmaking_destroy(struct matchmaking **matchmaking)
{
	struct matchmaking *dead = *matchmaking;
	*matchmaking = NULL;
	if (dead == NULL)
		return;
	ringcast_news_drop(dead);
	ringcast_notices_drop(dead);
	while (!ringcast_list_is_empty(&dead->proposals)) {
		struct proposal *proposal = CONTAINER_OF(dead->proposals.next, struct proposal, node);
		ringcast_proposal_destroy(dead, &proposal);
	}
	ringcast_rosters_free(dead);
	tickets_free(&dead->live);
	tickets_free(&dead->ended);
	while (!ringcast_list_is_empty(&dead->makers))
		ringcast_maker_close(dead, CONTAINER_OF(dead->makers.next, struct maker, node));
	ringcast_tallies_fini(&dead->counts);
	ringcast_text_index_fini(&dead->by_id);
	ringcast_text_index_fini(&dead->proposals_by_id);
	ringcast_text_index_fini(&dead->backfills_by_session);
	free(dead);
}
