#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "service/matchmaking/matchmaking.h"
#include "world.h"

static const char duel[] = "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}], "
			   "\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 1, \"quantity\": 2}], "
			   "\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\", \"maxDistance\": 2}], "
			   "\"expansions\": [{\"target\": \"rules[near].maxDistance\", \"steps\": [{\"waitTimeSeconds\": 5, \"value\": 10}]}]}";
/* May begin with places free. */
static const char party[] = "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}], "
			    "\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}]}";

static const struct matchmaker {
	const char *name, *rules;
	bool is_asked, has_session, is_automatic;
} matchmakers[SIM_MATCHMAKERS] = {{"m0", "duel", false, false, false}, {"m1", "duel", true, false, false}, {"m2", "party", false, true, false}, {"m3", "party", false, true, true}};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

struct known_ticket *sim_ticket_find(struct known_tickets *tickets, const char *id)
{
	for (uint32_t i = tickets->count; i > 0; i--)
		if (strcmp(tickets->all[i - 1].id, id) == 0)
			return &tickets->all[i - 1];
	return NULL;
}

struct known_ticket *sim_ticket_add(struct known_tickets *tickets, const char *id)
{
	if (tickets->count == SIM_TICKETS_MAX || strlen(id) >= SIM_TICKET_ID_BYTES)
		return NULL;
	struct known_ticket *known = &tickets->all[tickets->count++];
	*known = (struct known_ticket){.may_be_gone = true};
	snprintf(known->id, sizeof(known->id), "%s", id);
	return known;
}

/* Asking */

static bool is_there(struct world *world, enum record_kind kind, const char *id)
{
	return ringcast_records_find(&ringcast_loop_model(world->loop)->records, kind, id) != NULL;
}

static void configure(struct world *world, const struct matchmaker *maker)
{
	bool is_asked = maker->is_asked || sim_world_chance(world, 300);
	if (is_there(world, RECORD_MATCHMAKER, maker->name)) {
		sim_ask(world, ASK_NONE, "UpdateMatchmakingConfiguration",
			json_pack("{s:s, s:i}", "Name", maker->name, "RequestTimeoutSeconds", 5 + (int)sim_world_below(world, 30)), 0, 0, NULL);
		return;
	}
	json_t *input = json_pack("{s:s, s:s, s:i, s:b, s:i}", "Name", maker->name, "RuleSetName", maker->rules, "RequestTimeoutSeconds", 20, "AcceptanceRequired", is_asked,
				  "AcceptanceTimeoutSeconds", 4);
	if (maker->has_session)
		json_object_set_new(input, "GameSessionQueueArns", json_pack("[s]", "arn:aws:gamelift:local::gamesessionqueue/mq"));
	else
		json_object_set_new(input, "FlexMatchMode", json_string("STANDALONE"));
	if (maker->is_automatic)
		json_object_set_new(input, "BackfillMode", json_string("AUTOMATIC"));
	sim_ask(world, ASK_NONE, "CreateMatchmakingConfiguration", input, 0, 0, NULL);
}

bool sim_matchmaker_is_ready(struct world *world, uint32_t index)
{
	const struct matchmaker *maker = &matchmakers[index];
	if (!is_there(world, RECORD_RULE_SET, maker->rules))
		sim_ask(world, ASK_NONE, "CreateMatchmakingRuleSet",
			json_pack("{s:s, s:s}", "Name", maker->rules, "RuleSetBody", strcmp(maker->rules, "duel") == 0 ? duel : party), 0, 0, NULL);
	else if (maker->has_session && !is_there(world, RECORD_QUEUE, "mq"))
		sim_ask(world, ASK_NONE, "CreateGameSessionQueue",
			json_pack("{s:s, s:i, s:[{s:s}]}", "Name", "mq", "TimeoutInSeconds", 30, "Destinations", "DestinationArn",
				  "arn:aws:gamelift:local::fleet/fleet-0"), 0, 0, NULL);
	else if (!is_there(world, RECORD_MATCHMAKER, maker->name) || sim_world_chance(world, 50))
		configure(world, maker);
	else
		return true;
	return false;
}

static void start(struct world *world)
{
	char id[32];
	bool has_session = sim_world_chance(world, 2 * world->swarm->fill_per_mille); /* then more of those that go on */
	uint32_t index = has_session ? 2 + (uint32_t)sim_world_below(world, 2) : (uint32_t)sim_world_below(world, SIM_MATCHMAKERS);
	if (world->tickets.seeker_count == SIM_SEEKERS_MAX || !sim_matchmaker_is_ready(world, index))
		return;
	snprintf(id, sizeof(id), "t-%u", world->tickets.seeker_count);
	struct known_ticket *known = sim_ticket_add(&world->tickets, id);
	if (known == NULL)
		return;
	world->tickets.seeker_count++;
	known->has_session = matchmakers[index].has_session;
	json_t *input = json_pack("{s:s, s:s, s:[{s:s, s:{s:{s:f}}}]}", "ConfigurationName", matchmakers[index].name, "TicketId", id, "Players", "PlayerId", id,
				  "PlayerAttributes", "skill", "N", (double)sim_world_below(world, 10));
	sim_ask(world, ASK_MATCH_START, "StartMatchmaking", input, (uint32_t)(known - world->tickets.all), 0, NULL);
}

static uint32_t some_ticket(struct world *world)
{
	uint32_t newest = world->tickets.count < 10 ? world->tickets.count : 10;
	return world->tickets.count - 1 - (uint32_t)sim_world_below(world, sim_world_chance(world, 200) ? world->tickets.count : newest);
}

void sim_match_act(struct world *world)
{
	uint64_t choice = sim_world_below(world, 100);
	uint32_t index = world->tickets.count > 0 ? some_ticket(world) : 0;
	const char *id = world->tickets.all[index].id;
	if (world->tickets.count > 0 && sim_world_chance(world, world->swarm->fill_per_mille))
		sim_fill_act(world);
	else if (choice < 55 || world->tickets.count == 0)
		start(world);
	else if (choice < 75)
		sim_ask(world, ASK_MATCH_DESCRIBE, "DescribeMatchmaking", json_pack("{s:[s]}", "TicketIds", id), index, 0, NULL);
	else if (choice < 95)
		sim_ask(world, ASK_MATCH_ANSWER, "AcceptMatch",
			json_pack("{s:s, s:[s], s:s}", "TicketId", id, "PlayerIds", id, "AcceptanceType", sim_world_chance(world, 850) ? "ACCEPT" : "REJECT"), index, 0, NULL);
	else {
		sim_fill_note_stop(world, id);
		sim_ask(world, ASK_MATCH_ANSWER, "StopMatchmaking", json_pack("{s:s}", "TicketId", id), index, 0, NULL);
	}
}

/* Hearing */

bool sim_match_is_final(const char *status)
{
	return strcmp(status, "COMPLETED") == 0 || strcmp(status, "FAILED") == 0 || strcmp(status, "CANCELLED") == 0 || strcmp(status, "TIMED_OUT") == 0;
}

static void see(struct world *world, struct known_ticket *known, const char *status)
{
	if (sim_match_is_final(known->status) && strcmp(known->status, status) != 0)
		sim_world_fail(world, "%s is %s after it was %s", known->id, status, known->status);
	snprintf(known->status, sizeof(known->status), "%s", status);
}

/* It has this one, and nobody else has. A host that lies may give one twice. */
static void see_place(struct world *world, struct known_ticket *known, const char *session, const char *place)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct player_session *player = ringcast_player_session_find(sessions, place);
	if (*known->place != '\0' && (strcmp(known->place, place) != 0 || strcmp(known->session, session) != 0))
		sim_world_fail(world, "%s was told of the place %s in %s, and now of %s in %s", known->id, known->place, known->session, place, session);
	for (uint32_t i = 0; i < world->tickets.count && *known->place == '\0' && world->swarm->lie == 0; i++)
		if (strcmp(world->tickets.all[i].place, place) == 0)
			sim_world_fail(world, "%s and %s were told of one place, %s", world->tickets.all[i].id, known->id, place);
	if (player != NULL && world->swarm->lie == 0 &&
	    (strcmp(player->player_id, known->id) != 0 || player->session != ringcast_game_session_resolve(sessions, session)))
		sim_world_fail(world, "%s was told of the place %s in %s, where it belongs to %s", known->id, place, session, player->player_id);
	snprintf(known->session, sizeof(known->session), "%s", session);
	snprintf(known->place, sizeof(known->place), "%s", place);
}

static void check_shown(struct world *world, struct known_ticket *known, const json_t *shown)
{
	if (shown == NULL && !known->may_be_gone)
		sim_world_fail(world, "%s was acknowledged and is lost", known->id);
	if (shown == NULL)
		return;
	const json_t *connection = json_object_get(shown, "GameSessionConnectionInfo"), *places = json_object_get(connection, "MatchedPlayerSessions");
	see(world, known, text_of(shown, "Status"));
	if (known->is_fill)
		return;
	bool has_place = json_array_size(places) == 1;
	if (has_place != (known->has_session && strcmp(known->status, "COMPLETED") == 0))
		sim_world_fail(world, "%s is %s, with a place or without", known->id, known->status);
	if (has_place)
		see_place(world, known, text_of(connection, "GameSessionArn"), text_of(json_array_get(places, 0), "PlayerSessionId"));
}

void sim_match_hear(struct world *world, const struct ask *ask)
{
	const struct request *request = &ask->request;
	struct known_ticket *known = &world->tickets.all[ask->index];
	if (request->fault == FAULT_NOT_FOUND && ask->kind == ASK_MATCH_ANSWER && !known->may_be_gone)
		sim_world_fail(world, "%s was acknowledged and is lost", known->id);
	if (request->fault != FAULT_NONE)
		return;
	if (ask->kind == ASK_MATCH_START)
		known->may_be_gone = false;
	else if (ask->kind == ASK_MATCH_DESCRIBE)
		check_shown(world, known, json_array_get(json_object_get(request->output, "TicketList"), 0));
}

static void hear_end(struct world *world, const json_t *detail, const json_t *ticket, const char *type, const char *status)
{
	const json_t *player = json_array_get(json_object_get(ticket, "players"), 0);
	struct known_ticket *known = sim_ticket_find(&world->tickets, text_of(ticket, "ticketId"));
	if (known == NULL)
		return;
	sim_world_trace(world, "event %s of %s", type, known->id);
	if (++known->event_count > 1)
		sim_world_fail(world, "the end of %s is told twice", known->id);
	see(world, known, status);
	if (known->is_fill || strcmp(status, "COMPLETED") != 0)
		return;
	world->tickets.completed++;
	snprintf(known->team, sizeof(known->team), "%s", text_of(player, "team"));
	if (known->has_session)
		see_place(world, known, text_of(json_object_get(detail, "gameSessionInfo"), "gameSessionArn"), text_of(player, "playerSessionId"));
}

void sim_match_tell(struct world *world, const struct service_event *event)
{
	static const struct {
		const char *type, *status;
	} ends[] = {{"MatchmakingSucceeded", "COMPLETED"}, {"MatchmakingCancelled", "CANCELLED"}, {"MatchmakingTimedOut", "TIMED_OUT"}, {"MatchmakingFailed", "FAILED"}};
	size_t k;
	json_t *ticket;
	if (strncmp(event->type, "Matchmaking", strlen("Matchmaking")) != 0 || world->disk.is_crashed)
		return;
	json_t *detail = json_loads(event->detail, 0, NULL);
	sim_fill_tell(world, event, detail);
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		if (strcmp(event->type, ends[i].type) == 0)
			json_array_foreach(json_object_get(detail, "tickets"), k, ticket)
				hear_end(world, detail, ticket, event->type, ends[i].status);
	json_decref(detail);
}

/* The end */

static void check_end(struct world *world, struct known_ticket *known)
{
	json_t *shown = ringcast_matchmaking_show(ringcast_loop_model(world->loop)->matchmaking, known->id);
	check_shown(world, known, shown);
	if (shown != NULL && !sim_match_is_final(known->status))
		sim_world_fail(world, "%s never ends: it is %s", known->id, known->status);
	/* Only a process that dies between the disk and the telling tells nobody. */
	else if (shown != NULL && known->event_count == 0 && world->crash_count == 0)
		sim_world_fail(world, "%s is %s, and nobody was told", known->id, known->status);
	json_decref(shown);
}

/* What a match was placed in is where its players have their places, whatever happened to the process meanwhile. */
static void check_placements(struct world *world)
{
	const struct records *records = &ringcast_loop_model(world->loop)->records;
	size_t i;
	json_t *player;
	for (const struct record *record = ringcast_records_next(records, RECORD_PLACEMENT, ""); record != NULL;
	     record = ringcast_records_next(records, RECORD_PLACEMENT, record->id)) {
		if (strcmp(text_of(record->document, "Owner"), "matchmaking") != 0 || strcmp(text_of(record->document, "Status"), "FULFILLED") != 0)
			continue;
		json_array_foreach(json_object_get(record->document, "PlacedPlayerSessions"), i, player) {
			const struct known_ticket *known = sim_ticket_find(&world->tickets, text_of(player, "PlayerId"));
			if (known == NULL || strcmp(known->status, "COMPLETED") != 0 || strcmp(known->session, text_of(record->document, "GameSessionArn")) != 0)
				sim_world_fail(world, "%s was placed in %s by its match, and is %s in %s", text_of(player, "PlayerId"), text_of(record->document, "GameSessionArn"),
					       known != NULL ? known->status : "nowhere", known != NULL && *known->session != '\0' ? known->session : "none");
		}
	}
}

static bool is_anybody_waiting(struct world *world)
{
	bool is_any = false;
	for (uint32_t i = 0; i < world->tickets.count && !is_any; i++) {
		const struct known_ticket *known = &world->tickets.all[i];
		json_t *shown = known->is_fill ? NULL : ringcast_matchmaking_show(ringcast_loop_model(world->loop)->matchmaking, known->id);
		is_any = shown != NULL && !sim_match_is_final(text_of(shown, "Status"));
		json_decref(shown);
	}
	return is_any;
}

static void check_ends(struct world *world, bool are_fills)
{
	for (uint32_t i = 0; i < world->tickets.count; i++)
		if (world->tickets.all[i].is_fill == are_fills)
			check_end(world, &world->tickets.all[i]);
}

void sim_match_finish(struct world *world)
{
	for (int i = 0; i < 200 && is_anybody_waiting(world); i++) {
		sim_world_pass(world, 1000);
		sim_world_settle(world);
	}
	check_ends(world, false);
	check_placements(world);
	sim_fill_check(world);
}

void sim_match_end(struct world *world)
{
	sim_fill_check_end(world);
	check_ends(world, true);
}
