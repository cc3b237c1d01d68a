/*
 * BackfillMode AUTOMATIC: who plays in a session that a match began. Twice a second it is looked who has left; while places are free there is a backfill
 * ticket that names those who play. Each is a record beside its ticket, so that a session that outlives a restart of the daemon is filled up after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/matchmaking/private.h"

enum {
	SESSION_UNKNOWN_MS = 60000,
	FAILED_PAUSE_MS = 10000,    /* before a host that failed is asked for places again: each time costs those who were to join */
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static void roster_destroy(struct roster *roster)
{
	ringcast_list_remove(&roster->node);
	json_decref(roster->players);
	free(roster->session);
	free(roster);
}

void ringcast_rosters_free(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->rosters))
		roster_destroy(CONTAINER_OF(matchmaking->rosters.next, struct roster, node));
}

static struct roster *find(const struct matchmaking *matchmaking, const char *session)
{
	for (struct list_node *node = matchmaking->rosters.next; node != &matchmaking->rosters; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct roster, node)->session, session) == 0)
			return CONTAINER_OF(node, struct roster, node);
	return NULL;
}

static uint32_t players_wanted(const struct matchmaking *matchmaking, const struct proposal *proposal)
{
	if (proposal->ground != NULL)
		return proposal->ground->rule_set->players_max;
	const json_t *placement = ringcast_records_find(&matchmaking->model->records, RECORD_PLACEMENT, proposal->placement);
	int64_t most = json_integer_value(json_object_get(placement, "MaximumPlayerSessionCount"));
	int64_t open = json_integer_value(json_object_get(proposal->configuration, "AdditionalPlayerCount"));
	return most > open ? (uint32_t)(most - open) : 0;
}

static struct roster *create(struct matchmaking *matchmaking, const struct proposal *proposal, const char *session)
{
	struct roster *roster = calloc(1, sizeof(*roster));
	if (roster == NULL || (roster->session = strdup(session)) == NULL || (roster->players = json_array()) == NULL) {
		if (roster != NULL)
			free(roster->session);
		free(roster);
		return NULL;
	}
	snprintf(roster->configuration, sizeof(roster->configuration), "%s", proposal->maker->name);
	snprintf(roster->match, sizeof(roster->match), "%s", proposal->id);
	roster->players_max = players_wanted(matchmaking, proposal);
	ringcast_list_add_tail(&matchmaking->rosters, &roster->node);
	return roster;
}

/* Records */

static void save(struct matchmaking *matchmaking, const struct roster *roster)
{
	json_t *document = json_pack("{s:s, s:s, s:o, s:I, s:I, s:b, s:s}", "Session", roster->session, "Configuration", roster->configuration, "Players",
				     json_deep_copy(roster->players), "PlayersMax", (json_int_t)roster->players_max, "TicketCount", (json_int_t)roster->ticket_count,
				     "HasChanged", (int)roster->has_changed, "Ticket", roster->ticket);
	if (document == NULL || !ringcast_records_put(&matchmaking->model->records, RECORD_ROSTER, roster->match, document))
		ringcast_log(LOG_ERROR, "matchmaking", "who plays in a session is not stored: out of memory", "match=%s", roster->match);
}

static void drop(struct matchmaking *matchmaking, struct roster *roster)
{
	ringcast_records_remove(&matchmaking->model->records, RECORD_ROSTER, roster->match); /* where memory is short, it goes with the next start */
	roster_destroy(roster);
}

static bool load_one(struct matchmaking *matchmaking, const struct record *record, const json_t *pauses)
{
	const json_t *document = record->document;
	struct roster *roster = calloc(1, sizeof(*roster));
	if (roster == NULL)
		return false;
	roster->session = strdup(text_of(document, "Session"));
	roster->players = json_deep_copy(json_object_get(document, "Players"));
	if (roster->session == NULL || roster->players == NULL) {
		free(roster->session);
		json_decref(roster->players);
		free(roster);
		return false;
	}
	snprintf(roster->match, sizeof(roster->match), "%s", record->id);
	snprintf(roster->configuration, sizeof(roster->configuration), "%s", text_of(document, "Configuration"));
	snprintf(roster->ticket, sizeof(roster->ticket), "%s", text_of(document, "Ticket"));
	roster->players_max = (uint32_t)json_integer_value(json_object_get(document, "PlayersMax"));
	roster->ticket_count = (uint32_t)json_integer_value(json_object_get(document, "TicketCount"));
	roster->has_changed = json_is_true(json_object_get(document, "HasChanged"));
	roster->begin_ms = json_integer_value(json_object_get(pauses, roster->match));
	ringcast_list_add_tail(&matchmaking->rosters, &roster->node);
	return true;
}

/* {match: begin_ms} of those that wait: no record says so, and a host that has failed is to be left alone though a batch was refused. The caller's. */
static json_t *pauses_now(const struct matchmaking *matchmaking)
{
	json_t *pauses = json_object();
	for (const struct list_node *node = matchmaking->rosters.next; node != &matchmaking->rosters; node = node->next) {
		const struct roster *roster = CONTAINER_OF(node, struct roster, node);
		if (roster->begin_ms > matchmaking->model->steady_ms)
			json_object_set_new(pauses, roster->match, json_integer(roster->begin_ms));
	}
	return pauses;
}

bool ringcast_rosters_load(struct matchmaking *matchmaking)
{
	bool is_whole = true;
	json_t *pauses = pauses_now(matchmaking);
	ringcast_rosters_free(matchmaking);
	const struct record *record = ringcast_records_next(&matchmaking->model->records, RECORD_ROSTER, "");
	for (; record != NULL; record = ringcast_records_next(&matchmaking->model->records, RECORD_ROSTER, record->id))
		is_whole = load_one(matchmaking, record, pauses) && is_whole;
	json_decref(pauses);
	return is_whole;
}

/* {PlayerId: PlayerSessionId}; the caller's. */
static json_t *places_by_player(const json_t *connection)
{
	json_t *places = json_object(), *place;
	size_t i;
	json_array_foreach(json_object_get(connection, "MatchedPlayerSessions"), i, place)
		json_object_set(places, text_of(place, "PlayerId"), json_object_get(place, "PlayerSessionId"));
	return places;
}

/* A match may be told of twice, where the store has refused what followed from it: its players are there once. */
static void drop_named(struct roster *roster, const json_t *places)
{
	for (size_t i = json_array_size(roster->players); i > 0; i--)
		if (json_object_get(places, text_of(json_array_get(roster->players, i - 1), "PlayerId")) != NULL)
			json_array_remove(roster->players, i - 1);
}

static void add_players(struct roster *roster, const struct proposal *proposal, const json_t *connection)
{
	size_t i;
	json_t *player, *places = places_by_player(connection);
	drop_named(roster, places);
	for (uint32_t t = 0; t < proposal->count; t++) {
		json_t *players = ringcast_ticket_players_in(proposal->tickets[t], ringcast_proposal_team(proposal, t));
		json_array_foreach(players, i, player) {
			json_t *place = json_object_get(places, text_of(player, "PlayerId"));
			if (place != NULL)
				json_object_set(player, "PlayerSessionId", place);
			json_array_append(roster->players, player);
		}
		json_decref(players);
	}
	json_decref(places);
	roster->has_changed = true;
}

void ringcast_roster_begin(struct matchmaking *matchmaking, const struct proposal *proposal, const json_t *connection)
{
	const char *session = text_of(connection, "GameSessionArn");
	struct roster *roster = find(matchmaking, session);
	bool is_automatic = strcmp(text_of(proposal->configuration, "BackfillMode"), "AUTOMATIC") == 0;
	if (roster == NULL && is_automatic && proposal->backfill == NULL) {
		roster = create(matchmaking, proposal, session);
		if (roster == NULL)
			ringcast_log(LOG_ERROR, "matchmaking", "a session is not filled up: out of memory", "match=%s", proposal->id);
	}
	if (roster == NULL)
		return;
	add_players(roster, proposal, connection);
	save(matchmaking, roster);
}

/* Looking */

static void drop_leavers(const struct matchmaking *matchmaking, struct roster *roster, const struct game_session *session)
{
	for (size_t i = json_array_size(roster->players); i > 0; i--) {
		const char *id = text_of(json_array_get(roster->players, i - 1), "PlayerSessionId");
		const struct player_session *player = ringcast_player_session_find(&matchmaking->model->sessions, id);
		if (player != NULL && player->session == session && (player->status == PLAYER_SESSION_RESERVED || player->status == PLAYER_SESSION_ACTIVE))
			continue;
		json_array_remove(roster->players, i - 1);
		roster->has_changed = true;
	}
}

static json_t *players_for_ticket(const struct roster *roster)
{
	json_t *players = json_array(), *player;
	size_t i;
	json_array_foreach(roster->players, i, player) {
		json_t *copy = json_copy(player);
		json_object_del(copy, "PlayerSessionId");
		json_array_append_new(players, copy);
	}
	return players;
}

static void name_next(const struct roster *roster, char ret_ticket[MATCHMAKING_ID_BYTES])
{
	if (roster->ticket_count == 0)
		snprintf(ret_ticket, MATCHMAKING_ID_BYTES, "auto-%s", roster->match);
	else
		snprintf(ret_ticket, MATCHMAKING_ID_BYTES, "auto-%s-%u", roster->match, roster->ticket_count + 1);
}

bool ringcast_roster_next_ticket(const struct matchmaking *matchmaking, const char *session, char ret_ticket[MATCHMAKING_ID_BYTES])
{
	const struct roster *roster = find(matchmaking, session);
	if (roster != NULL)
		name_next(roster, ret_ticket);
	return roster != NULL;
}

static bool begin_ticket(struct matchmaking *matchmaking, struct roster *roster)
{
	char problem[MATCHMAKING_PROBLEM_BYTES] = "out of memory";
	json_t *players = players_for_ticket(roster), *ticket = NULL;
	name_next(roster, roster->ticket);
	roster->ticket_count++;
	const struct matchmaking_start start = {
		.configuration = roster->configuration, .ticket = roster->ticket, .players = players, .is_backfill = true, .session = roster->session};
	bool is_begun = ringcast_matchmaking_start(matchmaking, &start, &ticket, problem) == MATCHMAKING_OK;
	if (!is_begun) {
		ringcast_log(LOG_WARN, "matchmaking", "a session is not filled up yet", "match=%s err=\"%s\"", roster->match, problem);
		*roster->ticket = '\0';
		roster->begin_ms = matchmaking->model->steady_ms + FAILED_PAUSE_MS;
	}
	json_decref(ticket);
	json_decref(players);
	return is_begun;
}

/* One of its tickets whose end the store has refused, and with it the ticket that was to follow. NULL: there is none. */
static struct ticket *find_revived(const struct matchmaking *matchmaking, const struct roster *roster)
{
	for (struct list_node *node = matchmaking->backfills.next; node != &matchmaking->backfills; node = node->next) {
		struct ticket *ticket = CONTAINER_OF(node, struct ticket, backfill_node);
		const char *number = strncmp(ticket->id, "auto-", 5) == 0 ? ticket->id + 5 : "";
		size_t size = strlen(roster->match);
		if (strncmp(number, roster->match, size) == 0 && (number[size] == '\0' || number[size] == '-'))
			return ticket;
	}
	return NULL;
}

/* NULL: there is none, or it has ended so that another one has to follow. */
static struct ticket *own_ticket(struct matchmaking *matchmaking, struct roster *roster)
{
	struct ticket *ticket = *roster->ticket != '\0' ? ringcast_ticket_find(matchmaking, roster->ticket) : NULL;
	if (ticket == NULL && *roster->ticket != '\0' && (ticket = find_revived(matchmaking, roster)) != NULL)
		snprintf(roster->ticket, sizeof(roster->ticket), "%s", ticket->id);
	else if (ticket != NULL && (!ringcast_match_state_ends(ticket->state) || ringcast_ticket_is_stopped(ticket)))
		return ticket;
	if (ticket != NULL && ticket->state == MATCH_IS_FAILED)
		roster->begin_ms = matchmaking->model->steady_ms + FAILED_PAUSE_MS;
	roster->has_changed = roster->has_changed || *roster->ticket != '\0';
	if (ticket == NULL || ringcast_match_state_ends(ticket->state))
		*roster->ticket = '\0';
	return *roster->ticket != '\0' ? ticket : NULL;
}

static bool has_room(const struct roster *roster, const struct game_session *session)
{
	size_t count = json_array_size(roster->players);
	return session->status == GAME_SESSION_ACTIVE && count > 0 && count < roster->players_max && session->player_count < session->players_max && !session->is_deny_all;
}

static bool replace(struct matchmaking *matchmaking, struct ticket *ticket)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	ticket->is_replaced = true;
	bool is_stopped = ringcast_matchmaking_stop(matchmaking, ticket->id, problem) == MATCHMAKING_OK;
	ticket->is_replaced = is_stopped;
	return is_stopped;
}

/* Its ticket says who plays: when that has changed, there is another one. One that its owner stopped is not begun anew before. */
static void renew(struct matchmaking *matchmaking, struct roster *roster, const struct game_session *session)
{
	drop_leavers(matchmaking, roster, session);
	struct ticket *ticket = own_ticket(matchmaking, roster);
	bool is_live = ticket != NULL && !ringcast_match_state_ends(ticket->state);
	bool is_wanted = has_room(roster, session) && !ringcast_ticket_has_rival(matchmaking, roster->session, ticket);
	if (is_live && is_wanted && !roster->has_changed)
		return;
	if (is_live && !replace(matchmaking, ticket))
		return;
	roster->has_changed = roster->has_changed || is_live;
	if (is_wanted && roster->has_changed && roster->begin_ms <= matchmaking->model->steady_ms)
		roster->has_changed = !begin_ticket(matchmaking, roster);
}

static void look_at(struct matchmaking *matchmaking, struct roster *roster, const struct game_session *session)
{
	const struct roster before = *roster;
	size_t count = json_array_size(roster->players);
	renew(matchmaking, roster, session);
	bool has_changed = roster->ticket_count != before.ticket_count || roster->has_changed != before.has_changed || strcmp(roster->ticket, before.ticket) != 0;
	if (has_changed || json_array_size(roster->players) != count)
		save(matchmaking, roster);
}

/* After a restart game servers say by and by what they run. */
static bool is_gone(const struct matchmaking *matchmaking, const struct game_session *session)
{
	return session != NULL ? ringcast_game_session_is_ended(session) : matchmaking->model->steady_ms - matchmaking->began_ms > SESSION_UNKNOWN_MS;
}

static void stop_orphans(struct matchmaking *matchmaking)
{
	char problem[MATCHMAKING_PROBLEM_BYTES];
	for (struct list_node *node = matchmaking->backfills.next; node != &matchmaking->backfills;) {
		struct ticket *ticket = CONTAINER_OF(node, struct ticket, backfill_node);
		const char *arn = ringcast_ticket_session(ticket);
		const struct game_session *session = *arn == '\0' ? NULL : ringcast_game_session_resolve(&matchmaking->model->sessions, arn);
		node = node->next;
		if (*arn != '\0' && is_gone(matchmaking, session))
			ringcast_matchmaking_stop(matchmaking, ticket->id, problem);
	}
}

void ringcast_rosters_turn(struct matchmaking *matchmaking)
{
	if (matchmaking->model->steady_ms - matchmaking->rosters_looked_ms < ROSTERS_PAUSE_MS)
		return;
	matchmaking->rosters_looked_ms = matchmaking->model->steady_ms;
	stop_orphans(matchmaking);
	for (struct list_node *node = matchmaking->rosters.next; node != &matchmaking->rosters;) {
		struct roster *roster = CONTAINER_OF(node, struct roster, node);
		const struct game_session *session = ringcast_game_session_resolve(&matchmaking->model->sessions, roster->session);
		node = node->next;
		if (is_gone(matchmaking, session))
			drop(matchmaking, roster);
		else if (session != NULL)
			look_at(matchmaking, roster, session);
	}
}
