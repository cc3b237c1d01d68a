/*
 * One ticket from its start to its end, as a record and in a pool.
 *
 * A record holds what DescribeMatchmaking shows and, under "Internal", what it does not: {isBackfill, gameSessionArn}, of a match that is being placed {matchId,
 * placementId, queues: those that it was in}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/matchmaking/private.h"

/* Ages begin before the steady clock may have begun: the pool's clock is that much ahead of it. */
enum { CLOCK_AHEAD_MS = 1000000000, FORGET_PER_TURN_MAX = 1024 };

uint64_t ringcast_matchmaking_clock_ns(int64_t steady_ms)
{
	int64_t ms = steady_ms + CLOCK_AHEAD_MS;
	return ms > 0 ? (uint64_t)ms * 1000000u : 0;
}

struct ticket *ringcast_ticket_find(const struct matchmaking *matchmaking, const char *id)
{
	ringcast_records_touch(&matchmaking->model->records, RECORD_TICKET, id); /* it says what it is in its record's name */
	return ringcast_text_index_find(&matchmaking->by_id, id);
}

const json_t *ringcast_ticket_players(const struct ticket *ticket)
{
	return json_object_get(ticket->document, "Players");
}

const char *ringcast_ticket_configuration(const struct ticket *ticket)
{
	const char *name = json_string_value(json_object_get(ticket->document, "ConfigurationName"));
	return name != NULL ? name : "";
}

bool ringcast_ticket_is_backfill(const struct ticket *ticket)
{
	return json_is_true(json_object_get(json_object_get(ticket->document, "Internal"), "isBackfill"));
}

int64_t ringcast_ticket_waited_ms(const struct matchmaking *matchmaking, const struct ticket *ticket)
{
	return matchmaking->model->steady_ms - ticket->started_steady_ms;
}

uint64_t ringcast_matchmaking_open_change(const struct matchmaking *matchmaking)
{
	return matchmaking->model->records.settled_count + matchmaking->model->records.change_count;
}

/* Showing */

json_t *ringcast_ticket_show(const struct matchmaking *matchmaking, const struct ticket *ticket)
{
	char arn[MODEL_ARN_BYTES];
	int64_t estimate_ms;
	json_t *shown = json_copy(ticket->document);
	if (shown == NULL)
		return NULL;
	ringcast_model_arn(matchmaking->model, "matchmakingconfiguration", ringcast_ticket_configuration(ticket), arn);
	json_object_del(shown, "Internal");
	json_object_set_new(shown, "ConfigurationArn", json_string(arn));
	json_object_set_new(shown, "Status", json_string(ringcast_match_state_name(ticket->state)));
	if (ticket->maker != NULL && ringcast_maker_estimate_ms(ticket->maker, &estimate_ms))
		json_object_set_new(shown, "EstimatedWaitTime", json_integer((estimate_ms + 500) / 1000));
	return shown;
}

/* Records */

bool ringcast_ticket_put(struct matchmaking *matchmaking, struct ticket *ticket, json_t *document)
{
	json_incref(document);
	if (document == NULL || !ringcast_records_put(&matchmaking->model->records, RECORD_TICKET, ticket->id, document)) {
		json_decref(document);
		return false;
	}
	json_decref(ticket->document);
	ticket->document = document;
	return true;
}

/* Pools */

static bool note_slot(struct ground *ground, struct ticket *ticket)
{
	uint32_t slot = ringcast_handle_index(ticket->in_pool);
	if (slot >= ground->slot_count) {
		uint32_t count = slot + 1 > 2 * ground->slot_count ? slot + 1 : 2 * ground->slot_count;
		struct ticket **grown = realloc(ground->by_slot, count * sizeof(struct ticket *));
		if (grown == NULL)
			return false;
		memset(grown + ground->slot_count, 0, (count - ground->slot_count) * sizeof(struct ticket *));
		ground->by_slot = grown;
		ground->slot_count = count;
	}
	ground->by_slot[slot] = ticket;
	return true;
}

static void drop_from_pool(struct match_pool *pool, handle in_pool)
{
	enum match_ticket_state state = MATCH_IS_QUEUED;
	if (ringcast_match_pool_state(pool, in_pool, &state) && !ringcast_match_state_ends(state))
		ringcast_match_pool_stop(pool, in_pool);
	ringcast_match_pool_forget(pool, in_pool);
}

bool ringcast_ticket_enter(struct matchmaking *matchmaking, struct ticket *ticket, struct ground *ground, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	const json_t *players = ringcast_ticket_players(ticket);
	uint64_t created_ns = ringcast_matchmaking_clock_ns(ticket->started_steady_ms);
	ticket->in_pool = ringcast_ticket_is_backfill(ticket) ? ringcast_match_pool_add_backfill(ground->pool, players, created_ns, problem)
							      : ringcast_match_pool_add(ground->pool, players, created_ns, problem);
	if (ticket->in_pool == HANDLE_NONE)
		return false;
	if (!note_slot(ground, ticket)) {
		drop_from_pool(ground->pool, ticket->in_pool);
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "out of memory");
		return false;
	}
	ticket->state = MATCH_IS_QUEUED;
	ticket->ground = ground;
	ground->ticket_count++;
	if (ticket->is_held)
		ringcast_match_pool_hold(ground->pool, ticket->in_pool, true);
	else
		ringcast_ground_wake(matchmaking, ground);
	return true;
}

void ringcast_ticket_leave(struct matchmaking *matchmaking, struct ticket *ticket)
{
	struct ground *ground = ticket->ground;
	if (ground == NULL)
		return;
	drop_from_pool(ground->pool, ticket->in_pool);
	ground->by_slot[ringcast_handle_index(ticket->in_pool)] = NULL;
	ground->ticket_count--;
	ticket->ground = NULL;
	ticket->in_pool = HANDLE_NONE;
}

/* Backfills */

const char *ringcast_ticket_session(const struct ticket *ticket)
{
	const char *arn = json_string_value(json_object_get(json_object_get(ticket->document, "Internal"), "gameSessionArn"));
	return arn != NULL ? arn : "";
}

static void be_known(struct matchmaking *matchmaking, struct ticket *ticket)
{
	if (!ringcast_text_index_add(&matchmaking->backfills_by_session, json_string_value(ticket->session), ticket))
		ringcast_log(LOG_ERROR, "matchmaking", "a game does not find its backfill: out of memory", "ticket=%s", ticket->id);
}

void ringcast_ticket_join_backfills(struct matchmaking *matchmaking, struct ticket *ticket)
{
	const char *arn = ringcast_ticket_session(ticket);
	if (!ringcast_ticket_is_backfill(ticket))
		return;
	ringcast_list_add_tail(&matchmaking->backfills, &ticket->backfill_node);
	if (*arn == '\0')
		return;
	struct ticket *oldest = ringcast_text_index_find(&matchmaking->backfills_by_session, arn);
	ticket->session = json_incref(json_object_get(json_object_get(ticket->document, "Internal"), "gameSessionArn"));
	if (oldest != NULL) {
		ringcast_list_add_tail(&oldest->session_node, &ticket->session_node);
		return;
	}
	ringcast_list_init(&ticket->session_node);
	be_known(matchmaking, ticket);
}

/* The next one of its session, if there is one, is then the one that the session is known to have. */
static void leave_session(struct matchmaking *matchmaking, struct ticket *ticket)
{
	const char *arn = json_string_value(ticket->session);
	struct ticket *next = CONTAINER_OF(ticket->session_node.next, struct ticket, session_node);
	bool is_known = ringcast_text_index_find(&matchmaking->backfills_by_session, arn) == ticket;
	ringcast_list_remove(&ticket->session_node);
	if (is_known)
		ringcast_text_index_remove(&matchmaking->backfills_by_session, arn);
	if (is_known && next != ticket)
		be_known(matchmaking, next);
	json_decref(ticket->session);
	ticket->session = NULL;
}

void ringcast_ticket_leave_backfills(struct matchmaking *matchmaking, struct ticket *ticket)
{
	if (ringcast_list_has(&ticket->backfill_node))
		ringcast_list_remove(&ticket->backfill_node);
	if (ticket->session != NULL)
		leave_session(matchmaking, ticket);
}

const char *ringcast_matchmaking_backfill_of(const struct matchmaking *matchmaking, const char *session_arn)
{
	const struct ticket *ticket = ringcast_text_index_find(&matchmaking->backfills_by_session, session_arn);
	ringcast_records_touch(&matchmaking->model->records, RECORD_TICKET, ticket != NULL ? ticket->id : NULL); /* NULL: that there is none rests on all ends */
	return ticket == NULL ? NULL : ticket->id;
}

bool ringcast_ticket_has_rival(const struct matchmaking *matchmaking, const char *session, const struct ticket *own)
{
	const struct ticket *oldest = ringcast_text_index_find(&matchmaking->backfills_by_session, session);
	return oldest != NULL && (oldest != own || oldest->session_node.next != &oldest->session_node);
}

bool ringcast_matchmaking_is_backfill(const struct matchmaking *matchmaking, const char *id, const char *session_arn)
{
	const struct ticket *ticket = ringcast_ticket_find(matchmaking, id);
	return ticket != NULL && ringcast_ticket_is_backfill(ticket) && strcmp(ringcast_ticket_session(ticket), session_arn) == 0;
}

/* Ends */

static const struct ending {
	const char *reason, *message;
} endings[MATCH_STATE_COUNT] = {
	[MATCH_IS_CANCELLED] = {"Cancelled", "Cancelled by request."},
	[MATCH_IS_TIMED_OUT] = {"TimedOut", "Removed from matchmaking due to timing out."},
	[MATCH_IS_FAILED] = {"UNEXPECTED_ERROR", "An unexpected error was encountered during match placing."},
};

bool ringcast_ticket_is_stopped(const struct ticket *ticket)
{
	const char *reason = json_string_value(json_object_get(ticket->document, "StatusReason"));
	return ticket->state == MATCH_IS_CANCELLED && reason != NULL && strcmp(reason, endings[MATCH_IS_CANCELLED].reason) == 0;
}

static json_t *ended_document(struct matchmaking *matchmaking, const struct ticket *ticket, enum match_ticket_state state, json_t *extra)
{
	json_t *document = json_copy(ticket->document);
	json_object_set_new(document, "Status", json_string(ringcast_match_state_name(state)));
	json_object_set_new(document, "EndTime", ringcast_model_time(matchmaking->model->now_ms));
	if (endings[state].reason != NULL) {
		json_object_set_new(document, "StatusReason", json_string(endings[state].reason));
		json_object_set_new(document, "StatusMessage", json_string(endings[state].message));
	}
	if (extra != NULL)
		json_object_update(document, extra);
	return document;
}

static void count_end(struct matchmaking *matchmaking, const struct ticket *ticket)
{
	static const enum match_count counts[MATCH_STATE_COUNT] = {[MATCH_IS_COMPLETED] = MATCH_COUNT_tickets_completed,
								   [MATCH_IS_FAILED] = MATCH_COUNT_tickets_failed,
								   [MATCH_IS_CANCELLED] = MATCH_COUNT_tickets_cancelled,
								   [MATCH_IS_TIMED_OUT] = MATCH_COUNT_tickets_timed_out};
	ringcast_matchmaking_note(matchmaking, ringcast_ticket_configuration(ticket), counts[ticket->state], 1);
}

void ringcast_ticket_end(struct matchmaking *matchmaking, struct ticket *ticket, enum match_ticket_state state, json_t *extra)
{
	struct maker *maker = ticket->maker;
	ringcast_assert(ringcast_match_state_ends(state) && !ringcast_match_state_ends(ticket->state));
	if (!ringcast_ticket_put(matchmaking, ticket, ended_document(matchmaking, ticket, state, extra)))
		ringcast_log(LOG_ERROR, "matchmaking", "the end of a ticket is not stored: out of memory", "ticket=%s", ticket->id);
	ticket->durable_at = ringcast_matchmaking_open_change(matchmaking);
	ticket->state = state;
	if (ticket->is_held)
		ringcast_list_remove(&ticket->held_node);
	ticket->is_held = false;
	ringcast_ticket_leave_backfills(matchmaking, ticket);
	ringcast_ticket_leave(matchmaking, ticket);
	ringcast_list_remove(&ticket->node);
	ringcast_list_add_tail(&matchmaking->ended, &ticket->node);
	matchmaking->live_count--;
	matchmaking->ended_count++;
	maker->live_count--;
	ticket->maker = NULL;
	ticket->proposal = NULL;
	json_decref(ticket->accepted);
	ticket->accepted = NULL;
	count_end(matchmaking, ticket);
	ringcast_notice_ended(matchmaking, ticket);
}

void ringcast_tickets_forget(struct matchmaking *matchmaking)
{
	for (uint32_t i = 0; i < FORGET_PER_TURN_MAX && matchmaking->ended_count > matchmaking->model->settings.match_ended_tickets_max; i++) {
		struct ticket *ticket = CONTAINER_OF(matchmaking->ended.next, struct ticket, node);
		if (!ringcast_records_remove(&matchmaking->model->records, RECORD_TICKET, ticket->id))
			return;
		ringcast_text_index_remove(&matchmaking->by_id, ticket->id);
		ringcast_list_remove(&ticket->node);
		json_decref(ticket->document);
		free(ticket);
		matchmaking->ended_count--;
	}
}
