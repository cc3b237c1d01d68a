#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "service/matchmaking/matchmaking.h"
#include "world.h"

static const char rules[] = "{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 0}], "
			    "\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 1, \"quantity\": 2}], "
			    "\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\", \"maxDistance\": 2}], "
			    "\"expansions\": [{\"target\": \"rules[near].maxDistance\", \"steps\": [{\"waitTimeSeconds\": 5, \"value\": 10}]}]}";

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* Asking: m0 makes matches without sessions, m1 asks its players, m2 begins sessions. */

static bool is_there(struct world *world, enum record_kind kind, const char *id)
{
	return ringcast_records_find(&ringcast_loop_model(world->loop)->records, kind, id) != NULL;
}

static void configure(struct world *world, uint32_t index, const char *name)
{
	bool is_asked = index == 1 || sim_world_chance(world, 300);
	if (is_there(world, RECORD_MATCHMAKER, name)) {
		sim_ask(world, ASK_NONE, "UpdateMatchmakingConfiguration",
			json_pack("{s:s, s:i}", "Name", name, "RequestTimeoutSeconds", 5 + (int)sim_world_below(world, 30)), 0, 0, NULL);
		return;
	}
	json_t *input = json_pack("{s:s, s:s, s:i, s:b, s:i}", "Name", name, "RuleSetName", "rules", "RequestTimeoutSeconds", 20, "AcceptanceRequired", is_asked,
				  "AcceptanceTimeoutSeconds", 4);
	if (index == 2)
		json_object_set_new(input, "GameSessionQueueArns", json_pack("[s]", "arn:aws:gamelift:local::gamesessionqueue/mq"));
	else
		json_object_set_new(input, "FlexMatchMode", json_string("STANDALONE"));
	sim_ask(world, ASK_NONE, "CreateMatchmakingConfiguration", input, 0, 0, NULL);
}

/* False: something that is needed first was asked for. */
static bool is_ready(struct world *world, uint32_t index, const char *name)
{
	if (!is_there(world, RECORD_RULE_SET, "rules"))
		sim_ask(world, ASK_NONE, "CreateMatchmakingRuleSet", json_pack("{s:s, s:s}", "Name", "rules", "RuleSetBody", rules), 0, 0, NULL);
	else if (index == 2 && !is_there(world, RECORD_QUEUE, "mq"))
		sim_ask(world, ASK_NONE, "CreateGameSessionQueue",
			json_pack("{s:s, s:i, s:[{s:s}]}", "Name", "mq", "TimeoutInSeconds", 30, "Destinations", "DestinationArn",
				  "arn:aws:gamelift:local::fleet/fleet-0"), 0, 0, NULL);
	else if (!is_there(world, RECORD_MATCHMAKER, name) || sim_world_chance(world, 50))
		configure(world, index, name);
	else
		return true;
	return false;
}

static void start(struct world *world)
{
	char name[16], id[32];
	uint32_t maker = (uint32_t)sim_world_below(world, SIM_MATCHMAKERS), index = world->tickets.count;
	snprintf(name, sizeof(name), "m%u", maker);
	if (index == SIM_TICKETS_MAX || !is_ready(world, maker, name))
		return;
	world->tickets.count++;
	world->tickets.all[index] = (struct known_ticket){.may_be_gone = true, .has_session = maker == 2};
	snprintf(id, sizeof(id), "t-%u", index);
	json_t *input = json_pack("{s:s, s:s, s:[{s:s, s:{s:{s:f}}}]}", "ConfigurationName", name, "TicketId", id, "Players", "PlayerId", id, "PlayerAttributes", "skill",
				  "N", (double)sim_world_below(world, 10));
	sim_ask(world, ASK_MATCH_START, "StartMatchmaking", input, index, 0, NULL);
}

static uint32_t some_ticket(struct world *world, char ret_id[32])
{
	uint32_t newest = world->tickets.count < 10 ? world->tickets.count : 10;
	uint32_t index = world->tickets.count - 1 - (uint32_t)sim_world_below(world, sim_world_chance(world, 200) ? world->tickets.count : newest);
	snprintf(ret_id, 32, "t-%u", index);
	return index;
}

void sim_match_act(struct world *world)
{
	char id[32];
	uint64_t choice = sim_world_below(world, 100);
	uint32_t index = world->tickets.count > 0 ? some_ticket(world, id) : 0;
	if (choice < 55 || world->tickets.count == 0)
		start(world);
	else if (choice < 75)
		sim_ask(world, ASK_MATCH_DESCRIBE, "DescribeMatchmaking", json_pack("{s:[s]}", "TicketIds", id), index, 0, NULL);
	else if (choice < 95)
		sim_ask(world, ASK_MATCH_ANSWER, "AcceptMatch",
			json_pack("{s:s, s:[s], s:s}", "TicketId", id, "PlayerIds", id, "AcceptanceType", sim_world_chance(world, 850) ? "ACCEPT" : "REJECT"), index, 0, NULL);
	else
		sim_ask(world, ASK_MATCH_ANSWER, "StopMatchmaking", json_pack("{s:s}", "TicketId", id), index, 0, NULL);
}

/* Hearing */

static bool is_final(const char *status)
{
	return strcmp(status, "COMPLETED") == 0 || strcmp(status, "FAILED") == 0 || strcmp(status, "CANCELLED") == 0 || strcmp(status, "TIMED_OUT") == 0;
}

static void see(struct world *world, uint32_t index, const char *status)
{
	struct known_ticket *known = &world->tickets.all[index];
	if (is_final(known->status) && strcmp(known->status, status) != 0)
		sim_world_fail(world, "t-%u is %s after it was %s", index, status, known->status);
	snprintf(known->status, sizeof(known->status), "%s", status);
}

static void check_shown(struct world *world, uint32_t index, const json_t *shown)
{
	struct known_ticket *known = &world->tickets.all[index];
	if (shown == NULL && !known->may_be_gone)
		sim_world_fail(world, "t-%u was acknowledged and is lost", index);
	if (shown == NULL)
		return;
	const json_t *connection = json_object_get(shown, "GameSessionConnectionInfo");
	see(world, index, text_of(shown, "Status"));
	bool has_place = json_array_size(json_object_get(connection, "MatchedPlayerSessions")) == 1;
	if (has_place != (known->has_session && strcmp(known->status, "COMPLETED") == 0))
		sim_world_fail(world, "t-%u is %s, with a place or without", index, known->status);
}

void sim_match_hear(struct world *world, const struct ask *ask)
{
	const struct request *request = &ask->request;
	if (request->fault == FAULT_NOT_FOUND && ask->kind == ASK_MATCH_ANSWER && !world->tickets.all[ask->index].may_be_gone)
		sim_world_fail(world, "t-%u was acknowledged and is lost", ask->index);
	if (request->fault != FAULT_NONE)
		return;
	if (ask->kind == ASK_MATCH_START)
		world->tickets.all[ask->index].may_be_gone = false;
	else if (ask->kind == ASK_MATCH_DESCRIBE)
		check_shown(world, ask->index, json_array_get(json_object_get(request->output, "TicketList"), 0));
}

void sim_match_tell(struct world *world, const struct service_event *event)
{
	static const struct {
		const char *type, *status;
	} ends[] = {{"MatchmakingSucceeded", "COMPLETED"}, {"MatchmakingCancelled", "CANCELLED"}, {"MatchmakingTimedOut", "TIMED_OUT"}, {"MatchmakingFailed", "FAILED"}};
	size_t k;
	json_t *ticket;
	for (size_t i = 0; i < ARRAY_COUNT(ends) && !world->disk.is_crashed; i++) {
		if (strcmp(event->type, ends[i].type) != 0)
			continue;
		json_t *detail = json_loads(event->detail, 0, NULL);
		json_array_foreach(json_object_get(detail, "tickets"), k, ticket) {
			uint32_t index = (uint32_t)strtoul(text_of(ticket, "ticketId") + strlen("t-"), NULL, 10);
			sim_world_trace(world, "event %s of t-%u", event->type, index);
			if (++world->tickets.all[index].event_count > 1)
				sim_world_fail(world, "the end of t-%u is told twice", index);
			see(world, index, ends[i].status);
			world->tickets.completed += i == 0;
		}
		json_decref(detail);
	}
}

/* The end */

static void check_end(struct world *world, uint32_t index)
{
	char id[32];
	const struct known_ticket *known = &world->tickets.all[index];
	snprintf(id, sizeof(id), "t-%u", index);
	json_t *shown = ringcast_matchmaking_show(ringcast_loop_model(world->loop)->matchmaking, id);
	check_shown(world, index, shown);
	if (shown != NULL && !is_final(known->status))
		sim_world_fail(world, "t-%u never ends: it is %s", index, known->status);
	/* Only a process that dies between the disk and the telling tells nobody. */
	else if (shown != NULL && known->event_count == 0 && world->crash_count == 0)
		sim_world_fail(world, "t-%u is %s, and nobody was told", index, known->status);
	json_decref(shown);
}

void sim_match_finish(struct world *world)
{
	const struct matchmaking *matchmaking = ringcast_loop_model(world->loop)->matchmaking;
	for (int i = 0; i < 200 && ringcast_matchmaking_count(matchmaking).current_tickets > 0; i++) {
		sim_world_pass(world, 1000);
		sim_world_settle(world);
	}
	for (uint32_t i = 0; i < world->tickets.count; i++)
		check_end(world, i);
}
