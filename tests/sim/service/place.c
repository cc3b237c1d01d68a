#include "place.h"

#include <stdlib.h>
#include <string.h>

#include "service/operations/placing.h"
#include "world.h"

enum { TIMEOUT_S_MAX = 120, PLAYERS_MAX = 30 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* Asking */

static const struct record *own_fleet(struct world *world)
{
	const struct records *records = &ringcast_loop_model(world->loop)->records;
	const struct record *fleet = ringcast_records_next(records, RECORD_FLEET, "");
	while (fleet != NULL && strcmp(text_of(fleet->document, "Name"), "own") != 0)
		fleet = ringcast_records_next(records, RECORD_FLEET, fleet->id);
	return fleet;
}

/* One with game servers, of which the host alone knows how many are free. NULL: it has just been asked for. */
static const char *custom_fleet(struct world *world)
{
	const struct record *fleet = own_fleet(world);
	if (fleet == NULL)
		sim_ask(world, ASK_NONE, "CreateFleet", json_pack("{s:s, s:s}", "Name", "own", "ComputeType", "ANYWHERE"), 0, 0, NULL);
	return fleet != NULL ? text_of(fleet->document, "FleetArn") : NULL;
}

static void make_queue(struct world *world)
{
	char name[16];
	uint32_t index = (uint32_t)sim_world_below(world, SIM_QUEUES);
	const char *own = index == 1 ? custom_fleet(world) : NULL;
	snprintf(name, sizeof(name), "q%u", index);
	json_t *input = json_pack("{s:s, s:i, s:[{s:s}]}", "Name", name, "TimeoutInSeconds", 5 + (int)sim_world_below(world, TIMEOUT_S_MAX - 5), "Destinations",
				  "DestinationArn", own != NULL ? own : "arn:aws:gamelift:local::fleet/fleet-0");
	if (index == 2)
		json_object_set_new(input, "PlayerLatencyPolicies", json_pack("[{s:i, s:i}]", "MaximumIndividualPlayerLatencyMilliseconds", 50, "PolicyDurationSeconds", 4));
	bool is_there = ringcast_records_find(&ringcast_loop_model(world->loop)->records, RECORD_QUEUE, name) != NULL;
	if (is_there && sim_world_chance(world, 100))
		sim_ask(world, ASK_NONE, "DeleteGameSessionQueue", json_pack("{s:s}", "Name", name), 0, 0, NULL);
	else
		sim_ask(world, ASK_NONE, is_there ? "UpdateGameSessionQueue" : "CreateGameSessionQueue", json_incref(input), 0, 0, NULL);
	json_decref(input);
}

static void put_players(struct world *world, struct known_placement *known, json_t *input)
{
	char name[16];
	json_t *players = json_array(), *latencies = json_array();
	known->player_count = (uint32_t)sim_world_below(world, world->swarm->players_per_session_max + 1);
	for (uint32_t i = 0; i < known->player_count; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		json_array_append_new(players, json_pack("{s:s}", "PlayerId", name));
		json_array_append_new(latencies, json_pack("{s:s, s:s, s:f}", "PlayerId", name, "RegionIdentifier", "local", "LatencyInMilliseconds",
							   (double)sim_world_below(world, 100)));
	}
	json_object_set_new(input, "DesiredPlayerSessions", players);
	json_object_set_new(input, "PlayerLatencies", latencies);
}

static void start(struct world *world)
{
	char id[32], queue[16];
	struct known_placements *placements = &world->placements;
	if (placements->count == SIM_PLACEMENTS_MAX)
		return;
	uint32_t index = placements->count++;
	struct known_placement *known = &placements->all[index];
	*known = (struct known_placement){.may_be_gone = true, .asked_ms = world->now_ms};
	snprintf(id, sizeof(id), "place-%u", index);
	const struct record *some = ringcast_records_next(&ringcast_loop_model(world->loop)->records, RECORD_QUEUE, sim_world_chance(world, 500) ? "" : "q0");
	snprintf(queue, sizeof(queue), "%.15s", some != NULL ? some->id : "none");
	json_t *input = json_pack("{s:s, s:s, s:i, s:s}", "PlacementId", id, "GameSessionQueueName", queue, "MaximumPlayerSessionCount",
				  (int)world->swarm->players_per_session_max, "GameSessionName", "v0");
	put_players(world, known, input);
	sim_ask(world, ASK_PLACE_START, "StartGameSessionPlacement", input, index, 0, NULL);
	while (sim_world_chance(world, 150)) {
		sim_world_turn(world);
		if (world->loop == NULL)
			return;
		if (sim_world_chance(world, 500))
			sim_ask(world, ASK_PLACE_STOP, "StopGameSessionPlacement", json_pack("{s:s}", "PlacementId", id), index, 0, NULL);
	}
}

static void ask_about(struct world *world, enum ask_kind kind, const char *operation)
{
	char id[32];
	if (world->placements.count == 0)
		return;
	uint32_t newest = world->placements.count < 8 ? world->placements.count : 8;
	uint32_t index = world->placements.count - 1 - (uint32_t)sim_world_below(world, sim_world_chance(world, 300) ? world->placements.count : newest);
	snprintf(id, sizeof(id), "place-%u", index);
	sim_ask(world, kind, operation, json_pack("{s:s}", "PlacementId", id), index, 0, NULL);
}

/* A game is over, and its room free. */
static void end_some(struct world *world)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *session, *some = NULL;
	char arn[ORACLE_ARN_BYTES];
	size_t at = 0;
	while ((session = ringcast_session_order_next(&sessions->live, &at)) != NULL && (some == NULL || sim_world_chance(world, 700)))
		some = session;
	if (some == NULL)
		return;
	snprintf(arn, sizeof(arn), "arn:aws:gamelift:local::gamesession/%s", some->key);
	sim_ask(world, ASK_NONE, "TerminateGameSession", json_pack("{s:s, s:s}", "GameSessionId", arn, "TerminationMode",
		some->host == MODEL_HOST_CUSTOM ? "TRIGGER_ON_PROCESS_TERMINATE" : "FORCE_TERMINATE"), 0, 0, NULL);
}

void sim_place_act(struct world *world)
{
	uint64_t choice = sim_world_below(world, 100);
	size_t queues = ringcast_records_count(&ringcast_loop_model(world->loop)->records, RECORD_QUEUE);
	if (choice < (queues < SIM_QUEUES ? 40 : 5))
		make_queue(world);
	else if (choice < 50)
		start(world);
	else if (choice < 70)
		end_some(world);
	else if (choice < 92)
		ask_about(world, ASK_PLACE_DESCRIBE, "DescribeGameSessionPlacement");
	else
		ask_about(world, ASK_PLACE_STOP, "StopGameSessionPlacement");
}

/* Hearing */

static bool is_final(const char *status)
{
	return *status != '\0' && strcmp(status, "PENDING") != 0;
}

static void see(struct world *world, uint32_t index, const char *status)
{
	struct known_placement *known = &world->placements.all[index];
	if (is_final(known->status) && strcmp(known->status, status) != 0)
		sim_world_fail(world, "place-%u is %s after it was %s", index, status, known->status);
	snprintf(known->status, sizeof(known->status), "%s", status);
}

static void check_shown(struct world *world, uint32_t index, const json_t *shown)
{
	bool is_fulfilled = strcmp(text_of(shown, "Status"), "FULFILLED") == 0;
	size_t placed = json_array_size(json_object_get(shown, "PlacedPlayerSessions"));
	see(world, index, text_of(shown, "Status"));
	if (is_fulfilled != (*text_of(shown, "GameSessionArn") != '\0'))
		sim_world_fail(world, "place-%u is %s, with a session or without", index, text_of(shown, "Status"));
	if (placed != (is_fulfilled ? world->placements.all[index].player_count : 0))
		sim_world_fail(world, "place-%u is %s with %zu of %u players", index, text_of(shown, "Status"), placed, world->placements.all[index].player_count);
}

void sim_place_hear(struct world *world, const struct ask *ask)
{
	struct known_placement *known = &world->placements.all[ask->index];
	const struct request *request = &ask->request;
	if (request->fault == FAULT_NOT_FOUND && ask->kind != ASK_PLACE_START && !known->may_be_gone)
		sim_world_fail(world, "place-%u was acknowledged and is lost", ask->index);
	if (request->fault != FAULT_NONE)
		return;
	if (ask->kind == ASK_PLACE_START) {
		known->is_accepted = true;
		known->may_be_gone = world->now_ms - known->asked_ms > GAME_SESSION_KEPT_MS; /* answered so late that it may have been forgotten meanwhile */
	} else {
		check_shown(world, ask->index, json_object_get(request->output, "GameSessionPlacement"));
	}
}

static void check_fulfilled(struct world *world, uint32_t index, const json_t *detail)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	size_t i;
	json_t *player;
	const json_t *placed = json_object_get(detail, "placedPlayerSessions");
	const struct game_session *session = ringcast_game_session_resolve(sessions, text_of(detail, "gameSessionArn"));
	world->placements.fulfilled++;
	if (session == NULL && !world->placements.all[index].may_be_gone) /* else thirty days have passed before the disk had it */
		sim_world_fail(world, "place-%u is told to be in a session that is not there", index);
	if (json_array_size(placed) != world->placements.all[index].player_count)
		sim_world_fail(world, "place-%u is told with %zu of %u players", index, json_array_size(placed), world->placements.all[index].player_count);
	json_array_foreach(placed, i, player) {
		const struct player_session *seat = ringcast_player_session_find(sessions, text_of(player, "playerSessionId"));
		if (session != NULL && world->swarm->left_players_max == UINT32_MAX && (seat == NULL || seat->session != session))
			sim_world_fail(world, "place-%u is told with a player who has no place", index);
	}
}

void sim_place_tell(struct world *world, const struct service_event *event)
{
	static const struct {
		const char *type, *status;
	} ends[] = {{"PlacementFulfilled", "FULFILLED"}, {"PlacementCancelled", "CANCELLED"}, {"PlacementTimedOut", "TIMED_OUT"}, {"PlacementFailed", "FAILED"}};
	for (size_t i = 0; i < ARRAY_COUNT(ends) && !world->disk.is_crashed; i++) {
		if (strcmp(event->type, ends[i].type) != 0)
			continue;
		json_t *detail = json_loads(event->detail, 0, NULL);
		if (strncmp(text_of(detail, "placementId"), "place-", strlen("place-")) != 0) {
			json_decref(detail); /* a match's */
			continue;
		}
		uint32_t index = (uint32_t)strtoul(text_of(detail, "placementId") + strlen("place-"), NULL, 10);
		sim_world_trace(world, "event %s of place-%u", event->type, index);
		if (++world->placements.all[index].event_count > 1)
			sim_world_fail(world, "place-%u is told of twice", index);
		see(world, index, ends[i].status);
		if (i == 0)
			check_fulfilled(world, index, detail);
		json_decref(detail);
	}
}

void sim_place_forget(struct world *world)
{
	for (uint32_t i = 0; i < world->placements.count; i++)
		world->placements.all[i].may_be_gone = true;
}

/* The end */

static void check_end(struct world *world, uint32_t index)
{
	char id[32];
	const struct known_placement *known = &world->placements.all[index];
	snprintf(id, sizeof(id), "place-%u", index);
	const json_t *document = ringcast_records_find(&ringcast_loop_model(world->loop)->records, RECORD_PLACEMENT, id);
	if (document == NULL && !known->may_be_gone)
		sim_world_fail(world, "place-%u was acknowledged and is lost", index);
	if (document == NULL)
		return;
	check_shown(world, index, document);
	if (!is_final(text_of(document, "Status")))
		sim_world_fail(world, "place-%u never ends", index);
	/* Only a process that dies between the disk and the telling tells nobody. */
	else if (known->event_count == 0 && world->crash_count == 0)
		sim_world_fail(world, "place-%u is %s, and nobody was told", index, known->status);
}

/* A session that is named for a placement and lives is the one that was told. */
static void check_sessions(struct world *world)
{
	const struct model *model = ringcast_loop_model(world->loop);
	const struct game_session *session;
	size_t at = 0;
	char id[32], arn[MODEL_ARN_BYTES];
	while ((session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL) {
		if (strncmp(session->id, "place-", strlen("place-")) != 0)
			continue;
		snprintf(id, sizeof(id), "place-%u", (unsigned)strtoul(session->id + strlen("place-"), NULL, 10));
		const json_t *document = ringcast_records_find(&model->records, RECORD_PLACEMENT, id);
		ringcast_model_session_arn(model, session, arn);
		if (document != NULL && strcmp(text_of(document, "GameSessionArn"), arn) != 0)
			sim_world_fail(world, "%s is %s, and %s lives on for nobody", id, text_of(document, "Status"), arn);
	}
}

void sim_place_finish(struct world *world)
{
	struct placing_counts counts;
	for (int i = 0; i < 100; i++) {
		ringcast_placing_count(ringcast_loop_model(world->loop), &counts);
		if (counts.depth == 0)
			break;
		sim_world_pass(world, 5000);
		sim_world_settle(world);
	}
	if (counts.depth > 0)
		sim_world_fail(world, "%u placements wait for ever", counts.depth);
	for (uint32_t i = 0; i < world->placements.count; i++)
		check_end(world, i);
	if (world->swarm->lie == 0) /* else a host may have said that it ended one */
		check_sessions(world);
}

static void play_at(struct world *world, const char *fleet_arn, const char *queue)
{
	char id[32];
	if (world->placements.count == SIM_PLACEMENTS_MAX || sim_host_is_full(&world->host))
		return;
	uint32_t index = world->placements.count++;
	world->placements.all[index] = (struct known_placement){.player_count = 1};
	snprintf(id, sizeof(id), "place-%u", index);
	sim_ask(world, ASK_NONE, "CreateGameSessionQueue", json_pack("{s:s, s:[{s:s}]}", "Name", queue, "Destinations", "DestinationArn", fleet_arn), 0, 0, NULL);
	sim_world_settle(world);
	sim_ask(world, ASK_PLACE_START, "StartGameSessionPlacement",
		json_pack("{s:s, s:s, s:i, s:[{s:s}]}", "PlacementId", id, "GameSessionQueueName", queue, "MaximumPlayerSessionCount", 1, "DesiredPlayerSessions", "PlayerId",
			  "the last one"),
		index, 0, NULL);
	for (int i = 0; i < 4; i++) { /* that there is room may have been lost: it is looked for again in a quarter of a minute */
		sim_world_settle(world);
		sim_world_pass(world, 5000);
	}
	sim_world_settle(world);
	if (strcmp(world->placements.all[index].status, "FULFILLED") != 0)
		sim_world_fail(world, "nobody else is there, and place-%u is %s", index, world->placements.all[index].status);
}

void sim_place_play(struct world *world)
{
	char arn[MODEL_ARN_BYTES];
	const struct record *fleet = own_fleet(world);
	play_at(world, "arn:aws:gamelift:local::fleet/fleet-0", "calm");
	if (fleet == NULL || world->swarm->lie > 0) /* a host that lied may run some for nobody */
		return;
	snprintf(arn, sizeof(arn), "%s", text_of(fleet->document, "FleetArn"));
	play_at(world, arn, "calm-too");
}
