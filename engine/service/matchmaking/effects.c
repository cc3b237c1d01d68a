/* What rounds and answers have caused: proposals made and dissolved, tickets that move on, matches that are on their way to a session or to their end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/matchmaking/private.h"

static struct ticket *ticket_of(const struct ground *ground, handle in_pool)
{
	uint32_t slot = ringcast_handle_index(in_pool);
	struct ticket *ticket = slot < ground->slot_count ? ground->by_slot[slot] : NULL;
	return ticket != NULL && ticket->in_pool == in_pool ? ticket : NULL;
}

/* Proposals */

void ringcast_proposal_destroy(struct matchmaking *matchmaking, struct proposal **proposal)
{
	struct proposal *dead = *proposal;
	*proposal = NULL;
	for (uint32_t i = 0; i < dead->count; i++)
		if (dead->tickets[i] != NULL && dead->tickets[i]->proposal == dead)
			dead->tickets[i]->proposal = NULL;
	if (dead->backfill != NULL && dead->backfill->proposal == dead)
		dead->backfill->proposal = NULL;
	ringcast_list_remove(&dead->node);
	ringcast_text_index_remove(&matchmaking->proposals_by_id, dead->id);
	json_decref(dead->configuration);
	json_decref(dead->places);
	json_decref(dead->held);
	json_decref(dead->tried);
	free(dead->tickets);
	free(dead->teams);
	free(dead);
}

static struct proposal *proposal_create(struct matchmaking *matchmaking, struct ground *ground, handle match)
{
	struct match_lineup_view view;
	if (!ringcast_match_pool_match(ground->pool, match, &view))
		return NULL;
	struct proposal *proposal = calloc(1, sizeof(*proposal));
	if (proposal == NULL)
		return NULL;
	proposal->tickets = calloc(view.count, sizeof(struct ticket *));
	proposal->teams = calloc(view.count, 1);
	ringcast_model_new_id(matchmaking->model, "", proposal->id);
	if (proposal->tickets == NULL || proposal->teams == NULL || !ringcast_proposal_add(matchmaking, proposal)) {
		free(proposal->tickets);
		free(proposal->teams);
		free(proposal);
		return NULL;
	}
	proposal->ground = ground;
	proposal->maker = ground->maker;
	proposal->configuration = json_incref(ground->configuration);
	proposal->look_ms = INT64_MAX;
	proposal->in_pool = match;
	proposal->count = view.count;
	memcpy(proposal->teams, view.teams, view.count);
	for (uint32_t i = 0; i < view.count; i++) {
		proposal->tickets[i] = ticket_of(ground, view.tickets[i]);
		proposal->tickets[i]->proposal = proposal;
	}
	proposal->backfill = view.backfill == HANDLE_NONE ? NULL : ticket_of(ground, view.backfill);
	if (proposal->backfill != NULL)
		proposal->backfill->proposal = proposal;
	ringcast_matchmaking_note(matchmaking, ground->maker->name, MATCH_COUNT_matches_created, 1);
	return proposal;
}

static bool is_empty(const struct proposal *proposal)
{
	for (uint32_t i = 0; i < proposal->count; i++)
		if (proposal->tickets[i] != NULL)
			return false;
	return true;
}

/* A ticket goes its own way; the proposal ends with the last one. */
static void part(struct matchmaking *matchmaking, struct ticket *ticket)
{
	struct proposal *proposal = ticket->proposal;
	if (proposal == NULL)
		return;
	for (uint32_t i = 0; i < proposal->count; i++)
		if (proposal->tickets[i] == ticket)
			proposal->tickets[i] = NULL;
	ticket->proposal = NULL;
	json_decref(ticket->accepted);
	ticket->accepted = NULL;
	if (is_empty(proposal))
		ringcast_proposal_destroy(matchmaking, &proposal);
}

/* Before anybody goes: all are told how it ended. */
static void tell_rejection(struct matchmaking *matchmaking, struct ticket *ticket, enum ground_cause cause)
{
	struct proposal *proposal = ticket->proposal;
	if (proposal == NULL || proposal->is_over)
		return;
	proposal->is_over = true;
	ringcast_matchmaking_note(matchmaking, proposal->maker->name, MATCH_COUNT_matches_rejected, 1);
	ringcast_news_accept_completed(matchmaking, proposal, cause == GROUND_ROUND ? "TimedOut" : "Rejected");
}

/* Ends of matches */

struct proposal *ringcast_proposal_find(const struct matchmaking *matchmaking, const char *id)
{
	return ringcast_text_index_find(&matchmaking->proposals_by_id, id);
}

bool ringcast_proposal_add(struct matchmaking *matchmaking, struct proposal *proposal)
{
	if (!ringcast_text_index_add(&matchmaking->proposals_by_id, proposal->id, proposal))
		return false;
	ringcast_list_add_tail(&matchmaking->proposals, &proposal->node);
	return true;
}

void ringcast_proposal_look_at(struct matchmaking *matchmaking, struct proposal *proposal, int64_t at_ms)
{
	proposal->look_ms = at_ms;
	matchmaking->look_due_ms = at_ms < matchmaking->look_due_ms ? at_ms : matchmaking->look_due_ms;
}

const char *ringcast_proposal_team(const struct proposal *proposal, uint32_t index)
{
	if (proposal->ground != NULL)
		return proposal->ground->rule_set->teams[proposal->teams[index]].name;
	const char *team = json_string_value(json_object_get(json_array_get(ringcast_ticket_players(proposal->tickets[index]), 0), "Team"));
	return team != NULL ? team : "";
}

json_t *ringcast_ticket_players_in(const struct ticket *ticket, const char *team)
{
	json_t *players = json_array(), *player;
	size_t i;
	json_array_foreach((json_t *)ringcast_ticket_players(ticket), i, player) {
		json_t *copy = json_copy(player);
		json_object_set_new(copy, "Team", json_string(team));
		json_array_append_new(players, copy);
	}
	return players;
}

static void end_one(struct matchmaking *matchmaking, struct ticket *ticket, enum match_ticket_state state, json_t *extra)
{
	if (state == MATCH_IS_COMPLETED) {
		int64_t waited_ms = ringcast_ticket_waited_ms(matchmaking, ticket);
		ringcast_maker_note_wait(ticket->maker, waited_ms);
		ringcast_matchmaking_note(matchmaking, ticket->maker->name, MATCH_COUNT_time_to_match_ms, (uint64_t)(waited_ms > 0 ? waited_ms : 0));
	}
	ringcast_ticket_end(matchmaking, ticket, state, extra);
}

/* What a ticket is told of the session: places of its own players. A new object. */
static json_t *own_connection(const struct ticket *ticket, const json_t *connection)
{
	json_t *own = json_copy((json_t *)connection), *places = json_array(), *place, *player;
	size_t i, k;
	json_array_foreach((json_t *)ringcast_ticket_players(ticket), i, player)
		json_array_foreach(json_object_get(connection, "MatchedPlayerSessions"), k, place)
			if (json_equal(json_object_get(player, "PlayerId"), json_object_get(place, "PlayerId")))
				json_array_append(places, place);
	json_object_set_new(own, "MatchedPlayerSessions", places);
	return own;
}

void ringcast_proposal_end(struct matchmaking *matchmaking, struct proposal *proposal, bool is_placed, json_t *connection)
{
	enum match_ticket_state state = is_placed ? MATCH_IS_COMPLETED : MATCH_IS_FAILED;
	if (proposal->ground != NULL)
		ringcast_match_pool_placed(proposal->ground->pool, proposal->in_pool, is_placed);
	if (is_placed)
		ringcast_news_succeeded(matchmaking, proposal, connection);
	else
		ringcast_news_failed(matchmaking, proposal);
	for (uint32_t i = 0; i < proposal->count; i++) {
		json_t *extra = json_object();
		if (is_placed)
			json_object_set_new(extra, "Players", ringcast_ticket_players_in(proposal->tickets[i], ringcast_proposal_team(proposal, i)));
		if (is_placed && connection != NULL)
			json_object_set_new(extra, "GameSessionConnectionInfo", own_connection(proposal->tickets[i], connection));
		end_one(matchmaking, proposal->tickets[i], state, extra);
		json_decref(extra);
	}
	if (proposal->backfill != NULL)
		end_one(matchmaking, proposal->backfill, state, NULL);
	ringcast_matchmaking_note(matchmaking, proposal->maker->name, MATCH_COUNT_matches_placed, is_placed);
	ringcast_news_seal(matchmaking);
	ringcast_proposal_destroy(matchmaking, &proposal);
}

static void search_on(struct matchmaking *matchmaking, struct ticket *ticket)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	struct maker *maker = ringcast_maker_open(matchmaking, ticket->maker->name, problem);
	ringcast_ticket_leave(matchmaking, ticket);
	ticket->proposal = NULL;
	ticket->state = MATCH_IS_QUEUED;
	if (maker != NULL && ringcast_ticket_enter(matchmaking, ticket, ringcast_maker_ground(maker), problem))
		return;
	ringcast_ticket_end(matchmaking, ticket, MATCH_IS_FAILED, NULL);
	ringcast_news_ended(matchmaking, ticket);
}

void ringcast_proposal_send_back(struct matchmaking *matchmaking, struct proposal *proposal, bool does_backfill_end)
{
	if (proposal->ground != NULL)
		ringcast_match_pool_placed(proposal->ground->pool, proposal->in_pool, false); /* so that the pool lets them go */
	for (uint32_t i = 0; i < proposal->count; i++)
		search_on(matchmaking, proposal->tickets[i]);
	if (proposal->backfill != NULL && does_backfill_end) {
		json_t *extra = json_pack("{s:s, s:s}", "StatusReason", "NoPlace", "StatusMessage", "The game session has ended, or has no place free.");
		ringcast_ticket_end(matchmaking, proposal->backfill, MATCH_IS_CANCELLED, extra);
		ringcast_news_ended(matchmaking, proposal->backfill);
		json_decref(extra);
	} else if (proposal->backfill != NULL) {
		search_on(matchmaking, proposal->backfill);
	}
	ringcast_proposal_destroy(matchmaking, &proposal);
}

/* Everybody agrees, or nobody was asked. */
static void decide(struct matchmaking *matchmaking, struct proposal *proposal)
{
	if (ringcast_maker_is_standalone(proposal->configuration))
		ringcast_proposal_end(matchmaking, proposal, true, NULL);
	else
		ringcast_proposal_place(matchmaking, proposal);
}

/* Effects */

static void end_unmatched(struct matchmaking *matchmaking, struct ticket *ticket, enum match_ticket_state state, enum ground_cause cause)
{
	json_t *extra = NULL;
	if (state == MATCH_IS_CANCELLED && cause != GROUND_STOP)
		extra = json_pack("{s:s, s:s}", "StatusReason", cause == GROUND_ROUND ? "AcceptanceTimeout" : "AcceptanceRejected", "StatusMessage",
				  cause == GROUND_ROUND ? "The proposed match was not accepted in time." : "The proposed match was rejected.");
	part(matchmaking, ticket);
	ringcast_ticket_end(matchmaking, ticket, state, extra);
	ringcast_news_ended(matchmaking, ticket);
	json_decref(extra);
}

/* No memory for a match: who is to be placed has failed; who is asked will time out. */
static void lose(struct matchmaking *matchmaking, struct ticket *ticket, handle match)
{
	ringcast_log(LOG_ERROR, "matchmaking", "a match is lost: out of memory", "ticket=%s", ticket->id);
	if (ticket->state != MATCH_IS_PLACING)
		return;
	ringcast_match_pool_placed(ticket->ground->pool, match, false);
	ringcast_ticket_end(matchmaking, ticket, MATCH_IS_FAILED, NULL);
	ringcast_news_ended(matchmaking, ticket);
}

static void take_effect(struct matchmaking *matchmaking, struct ground *ground, const struct match_effect *effect, enum ground_cause cause)
{
	struct ticket *ticket = ticket_of(ground, effect->ticket);
	if (ticket == NULL)
		return;
	switch (effect->state) {
	case MATCH_IS_SEARCHING:
		tell_rejection(matchmaking, ticket, cause);
		part(matchmaking, ticket);
		ticket->state = MATCH_IS_SEARCHING;
		ground->is_dirty = true;
		ringcast_news_searching(matchmaking, ticket);
		break;
	case MATCH_IS_REQUIRES_ACCEPTANCE:
	case MATCH_IS_PLACING:
		ticket->state = effect->state;
		if (ticket->proposal == NULL && proposal_create(matchmaking, ground, effect->match) == NULL)
			lose(matchmaking, ticket, effect->match);
		break;
	case MATCH_IS_CANCELLED:
	case MATCH_IS_TIMED_OUT:
		if (ticket->state == MATCH_IS_REQUIRES_ACCEPTANCE)
			tell_rejection(matchmaking, ticket, cause);
		end_unmatched(matchmaking, ticket, effect->state, cause);
		break;
	default:
		break; /* the end of a match: told to the pool by us */
	}
}

/* When all tickets of a match are known to be in it. */
static void go_on(struct matchmaking *matchmaking, struct ground *ground, const struct match_effect *effect)
{
	struct ticket *ticket = ticket_of(ground, effect->ticket);
	struct proposal *proposal = ticket == NULL ? NULL : ticket->proposal;
	if (proposal == NULL || proposal->is_over || (effect->state != MATCH_IS_REQUIRES_ACCEPTANCE && effect->state != MATCH_IS_PLACING))
		return;
	bool is_asked = proposal->is_told;
	if (!is_asked)
		ringcast_news_potential(matchmaking, proposal);
	proposal->is_told = true;
	if (proposal->tickets[0]->state != MATCH_IS_PLACING)
		return;
	if (is_asked) {
		ringcast_matchmaking_note(matchmaking, proposal->maker->name, MATCH_COUNT_matches_accepted, 1);
		ringcast_news_accept_completed(matchmaking, proposal, "Accepted");
	}
	proposal->is_over = true;
	decide(matchmaking, proposal);
}

/* A ticket that searches again, but in a pool of an older configuration. */
static void move_on(struct matchmaking *matchmaking, struct ground *ground, const struct match_effect *effect)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	struct ticket *ticket = ticket_of(ground, effect->ticket);
	struct ground *newest = ringcast_maker_ground(ground->maker);
	if (ticket == NULL || newest == ground || ticket->state != MATCH_IS_SEARCHING)
		return;
	ringcast_ticket_leave(matchmaking, ticket);
	if (ringcast_ticket_enter(matchmaking, ticket, newest, problem))
		return;
	ringcast_ticket_end(matchmaking, ticket, MATCH_IS_FAILED, NULL);
	ringcast_news_ended(matchmaking, ticket);
}

void ringcast_ground_take_effects(struct matchmaking *matchmaking, struct ground *ground, enum ground_cause cause)
{
	uint32_t count;
	const struct match_effect *given = ringcast_match_pool_effects(ground->pool, &count);
	struct match_effect *effects = ground->effects; /* theirs go with the next call */
	memcpy(effects, given, count * sizeof(*effects));
	for (uint32_t i = 0; i < count; i++)
		take_effect(matchmaking, ground, &effects[i], cause);
	for (uint32_t i = 0; i < count; i++)
		go_on(matchmaking, ground, &effects[i]);
	for (uint32_t i = 0; i < count; i++)
		move_on(matchmaking, ground, &effects[i]);
}
