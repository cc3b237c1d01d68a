#include "fill.h"

#include <string.h>

#include "match.h"
#include "service/matchmaking/matchmaking.h"
#include "world.h"

enum { PLAYERS_A_MATCH = 4, LOOK_MS = 600 /* longer than between two looks at who has left */, UNKNOWN_MS = 70000, GIVEN_UP_MS = 30000, FAILED_MS = 11000 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static bool holds_a_place(const struct player_session *player)
{
	return player->status == PLAYER_SESSION_RESERVED || player->status == PLAYER_SESSION_ACTIVE;
}

/* Asking */

static bool is_present(struct world *world, const struct known_ticket *known)
{
	const struct player_session *player = ringcast_player_session_find(&ringcast_loop_model(world->loop)->sessions, known->place);
	return player != NULL && holds_a_place(player);
}

/* Those who play there, and now and then somebody who has just left. */
static json_t *players_of(struct world *world, const char *session)
{
	json_t *players = json_array();
	for (uint32_t i = 0; i < world->tickets.count; i++) {
		const struct known_ticket *known = &world->tickets.all[i];
		bool is_there = !known->is_fill && *known->place != '\0' && *known->team != '\0' && strcmp(known->session, session) == 0;
		if (is_there && (is_present(world, known) || sim_world_chance(world, 50)))
			json_array_append_new(players, json_pack("{s:s, s:s}", "PlayerId", known->id, "Team", known->team));
	}
	return players;
}

/* The session of somebody who was matched lately. NULL: nobody was. */
static const char *some_session(struct world *world)
{
	const char *found = NULL;
	for (uint32_t i = world->tickets.count; i > 0 && (found == NULL || sim_world_chance(world, 500)); i--)
		if (!world->tickets.all[i - 1].is_fill && *world->tickets.all[i - 1].place != '\0')
			found = world->tickets.all[i - 1].session;
	return found;
}

static void leave(struct world *world, const char *session)
{
	for (uint32_t i = 0; i < world->tickets.count; i++) {
		const struct known_ticket *known = &world->tickets.all[i];
		if (!known->is_fill && strcmp(known->session, session) == 0 && is_present(world, known) && sim_world_chance(world, 400))
			sim_host_player_goes(&world->host, known->place);
	}
}

void sim_fill_act(struct world *world)
{
	char id[32];
	const char *session = some_session(world);
	if (session == NULL || !sim_matchmaker_is_ready(world, 2))
		return;
	leave(world, session);
	if (sim_world_chance(world, 400))
		return;
	snprintf(id, sizeof(id), "b-%u", world->tickets.fill_count);
	struct known_ticket *known = sim_ticket_add(&world->tickets, id);
	if (known == NULL)
		return;
	world->tickets.fill_count++;
	known->is_fill = true;
	snprintf(known->session, sizeof(known->session), "%s", session);
	sim_ask(world, ASK_MATCH_START, "StartMatchBackfill",
		json_pack("{s:s, s:s, s:s, s:o}", "ConfigurationName", "m2", "TicketId", id, "GameSessionArn", session, "Players", players_of(world, session)),
		(uint32_t)(known - world->tickets.all), 0, NULL);
}

/* Hearing */

static struct known_room *room_of(struct world *world, const char *arn)
{
	for (uint32_t i = 0; i < world->tickets.room_count; i++)
		if (strcmp(world->tickets.rooms[i].arn, arn) == 0)
			return &world->tickets.rooms[i];
	return NULL;
}

void sim_fill_note_stop(struct world *world, const char *ticket)
{
	const struct known_ticket *known = sim_ticket_find(&world->tickets, ticket);
	struct known_room *room = known != NULL && known->is_fill ? room_of(world, known->session) : NULL;
	if (room != NULL)
		room->is_left_alone = true;
}

/* Those that nobody has asked for are heard of when they are searched for: by then they are stored. */
static void hear_searching(struct world *world, const json_t *ticket)
{
	const char *id = text_of(ticket, "ticketId");
	const json_t *document = ringcast_records_find(&ringcast_loop_model(world->loop)->records, RECORD_TICKET, id);
	struct known_ticket *known = sim_ticket_find(&world->tickets, id);
	if (known == NULL)
		known = sim_ticket_add(&world->tickets, id);
	if (known == NULL || *known->session != '\0' || document == NULL)
		return;
	known->is_fill = true;
	known->may_be_gone = false;
	snprintf(known->session, sizeof(known->session), "%s", text_of(json_object_get(document, "Internal"), "gameSessionArn"));
}

static const struct known_ticket *fill_in(struct world *world, const json_t *detail)
{
	size_t i;
	json_t *ticket;
	json_array_foreach(json_object_get(detail, "tickets"), i, ticket) {
		const struct known_ticket *known = sim_ticket_find(&world->tickets, text_of(ticket, "ticketId"));
		if (known != NULL && known->is_fill)
			return known;
	}
	return NULL;
}

static void hear_success(struct world *world, const struct service_event *event, const json_t *detail)
{
	struct known_tickets *tickets = &world->tickets;
	const struct known_ticket *fill = fill_in(world, detail);
	const char *session = text_of(json_object_get(detail, "gameSessionInfo"), "gameSessionArn");
	bool is_automatic = strstr(event->resource, "/m3") != NULL;
	tickets->filled += fill != NULL;
	if (fill != NULL && strcmp(fill->session, session) != 0)
		sim_world_fail(world, "%s was to fill up %s, and its players are in %s", fill->id, fill->session, session);
	if (fill == NULL && is_automatic && room_of(world, session) == NULL && tickets->room_count < SIM_ROOMS_MAX) {
		struct known_room *room = &tickets->rooms[tickets->room_count++];
		*room = (struct known_room){.epoch = world->epoch};
		snprintf(room->arn, sizeof(room->arn), "%s", session);
	}
}

void sim_fill_tell(struct world *world, const struct service_event *event, const json_t *detail)
{
	const struct swarm *swarm = world->swarm;
	bool is_host_well = swarm->refuse == 0 && swarm->lie == 0 && sim_host_waited_ms(&world->host) < GIVEN_UP_MS;
	size_t i;
	json_t *ticket;
	if (strcmp(event->type, "MatchmakingSearching") == 0)
		json_array_foreach(json_object_get(detail, "tickets"), i, ticket)
			if (strncmp(text_of(ticket, "ticketId"), "auto-", strlen("auto-")) == 0)
				hear_searching(world, ticket);
	if (strcmp(event->type, "MatchmakingSucceeded") == 0)
		hear_success(world, event, detail);
	/* A host that says no, nothing or what is not so may make a match fail; a session that is over or full may not. */
	if (strcmp(event->type, "MatchmakingFailed") == 0 && is_host_well && fill_in(world, detail) != NULL && json_object_get(detail, "matchId") != NULL)
		sim_world_fail(world, "players who were to join by %s have failed, though no host has", fill_in(world, detail)->id);
}

/* The end */

static bool is_named(const json_t *players, const char *id)
{
	size_t i;
	json_t *player;
	json_array_foreach((json_t *)players, i, player)
		if (strcmp(text_of(player, "PlayerId"), id) == 0)
			return true;
	return false;
}

/* Of those who hold places: how many, how many of them were told so, and whom the ticket names. */
struct crowd {
	uint32_t count, told_count, named_count;
	bool are_told_named;
};

/* Whoever holds a place and was not told of it is one to whom a host has answered too late, or of whom the store would not hear. It may be named. */
static struct crowd count_crowd(struct world *world, const struct game_session *session, const json_t *named)
{
	struct crowd crowd = {.are_told_named = true};
	for (const struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		const struct known_ticket *known = sim_ticket_find(&world->tickets, player->player_id);
		if (!holds_a_place(player))
			continue;
		bool is_told = known != NULL && strcmp(known->place, player->id) == 0;
		crowd.count++;
		crowd.told_count += is_told;
		crowd.named_count += is_named(named, player->player_id);
		crowd.are_told_named = crowd.are_told_named && (!is_told || is_named(named, player->player_id));
	}
	return crowd;
}

struct fills {
	uint32_t own, others; /* the service's, and those that somebody asked for */
	const json_t *players; /* of the service's */
};

/* Tickets for the session that have not ended. */
static struct fills live_fills(struct world *world, const char *arn)
{
	const struct records *records = &ringcast_loop_model(world->loop)->records;
	struct fills fills = {0};
	for (const struct record *record = ringcast_records_next(records, RECORD_TICKET, ""); record != NULL; record = ringcast_records_next(records, RECORD_TICKET, record->id)) {
		bool is_own = strncmp(record->id, "auto-", strlen("auto-")) == 0;
		if (sim_match_is_final(text_of(record->document, "Status")) || strcmp(text_of(json_object_get(record->document, "Internal"), "gameSessionArn"), arn) != 0)
			continue;
		fills.own += is_own;
		fills.others += !is_own;
		if (is_own)
			fills.players = json_object_get(record->document, "Players");
	}
	return fills;
}

/* What is wrong with it; NULL: nothing. */
static const char *look_at_room(struct world *world, const struct known_room *room)
{
	const struct game_session *session = ringcast_game_session_resolve(&ringcast_loop_model(world->loop)->sessions, room->arn);
	const struct sim_session *truth = session != NULL ? sim_host_find(&world->host, session->host_session) : NULL;
	if (room->epoch != world->epoch || session == NULL || session->status != GAME_SESSION_ACTIVE || truth == NULL || truth->is_lied_about)
		return NULL;
	struct fills fills = live_fills(world, room->arn);
	struct crowd crowd = count_crowd(world, session, fills.players);
	bool is_full = crowd.count >= PLAYERS_A_MATCH || crowd.count >= session->players_max;
	if (fills.own > 1)
		return "more than one ticket looks";
	if (fills.others > 0) /* the service gives way */
		return fills.own > 0 ? "the service looks beside somebody else" : NULL;
	if (fills.own == 0)
		return crowd.told_count > 0 && !is_full && !room->is_left_alone ? "nobody looks" : NULL;
	if (is_full || crowd.count == 0)
		return "a ticket looks for no place";
	return !crowd.are_told_named ? "a ticket that does not name all who are there looks" :
	       crowd.named_count != json_array_size(fills.players) ? "a ticket that names somebody who is not there looks" : NULL;
}

/* Tickets end and follow each other, so what is wrong must be so for a while. */
void sim_fill_check(struct world *world)
{
	sim_world_pass(world, FAILED_MS);
	sim_world_settle(world);
	for (uint32_t i = 0; i < world->tickets.room_count; i++) {
		const struct known_room *room = &world->tickets.rooms[i];
		for (int look = 0; look < 4 && look_at_room(world, room) != NULL; look++) {
			sim_world_pass(world, LOOK_MS);
			sim_world_settle(world);
		}
		if (look_at_room(world, room) != NULL)
			sim_world_fail(world, "%s for players for %s", look_at_room(world, room), room->arn);
	}
}

void sim_fill_check_end(struct world *world)
{
	const struct model *model = ringcast_loop_model(world->loop);
	for (int i = 0; i < 2; i++) {
		sim_world_pass(world, LOOK_MS);
		sim_world_settle(world);
	}
	for (uint32_t i = 0; i < world->tickets.count; i++) {
		const struct known_ticket *known = &world->tickets.all[i];
		const json_t *document = known->is_fill ? ringcast_records_find(&model->records, RECORD_TICKET, known->id) : NULL;
		bool is_over = document != NULL && ringcast_game_session_resolve(&model->sessions, known->session) != NULL;
		if (is_over && !sim_match_is_final(text_of(document, "Status")))
			sim_world_fail(world, "%s looks for players for %s, which is over", known->id, known->session);
	}
	sim_world_pass(world, UNKNOWN_MS); /* sessions of before a restart */
	sim_world_settle(world);
	if (ringcast_matchmaking_count(model->matchmaking).current_tickets > 0)
		sim_world_fail(world, "%u tickets look for players, and no session is left", ringcast_matchmaking_count(model->matchmaking).current_tickets);
}
