#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "walk.h"
#include "world.h"

void sim_ask_free(struct ask *ask)
{
	json_decref(ask->request.input);
	json_decref(ask->request.output);
	free(ask);
}

/* NULL: too many wait, and the ask is gone. */
static struct ask *send(struct world *world, struct ask *ask)
{
	if (world->trace != NULL) {
		char *text = json_dumps(ask->request.input, JSON_COMPACT);
		sim_world_trace(world, "ask %s %s%s", ask->request.operation->name, text, ask->is_repeat ? ", again" : "");
		free(text);
	}
	if (!ringcast_loop_ask(world->loop, &ask->request)) {
		sim_ask_free(ask);
		return NULL;
	}
	ringcast_list_add_tail(&world->asks, &ask->node);
	world->ask_count++;
	return ask;
}

static void answered(struct request *request);

/* The same once more, as an SDK sends it when it has lost the answer. */
static void ask_again(struct world *world, const struct ask *first)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	ringcast_assert(ask != NULL);
	*ask = (struct ask){.world = world, .kind = first->kind, .index = first->index, .version = first->version, .epoch = first->epoch, .is_repeat = true};
	ask->request = (struct request){.operation = first->request.operation, .input = json_deep_copy(first->request.input), .role = ROLE_OPERATOR,
					.done = answered, .context = ask};
	memcpy(ask->request.invocation, first->request.invocation, sizeof(ask->request.invocation));
	send(world, ask);
}

static void maybe_again(struct world *world, const struct ask *ask)
{
	bool is_repeatable = ask != NULL && !ask->is_repeat && (ask->kind == ASK_CREATE || ask->kind == ASK_RESERVE);
	if (is_repeatable && !world->is_calm && sim_world_chance(world, world->swarm->repeat))
		ask_again(world, ask);
}

/* A process that has died tells nobody anything. */
static void answered(struct request *request)
{
	struct ask *ask = request->context;
	struct world *world = ask->world;
	if (world->disk.is_crashed)
		return;
	if (ask->is_done)
		sim_world_fail(world, "%s was answered twice", request->operation->name);
	ask->is_done = true;
	world->answer_count++;
	world->fault_count += request->fault != FAULT_NONE;
	sim_world_trace(world, "answer %s: %s%s", request->operation->name, request->fault != FAULT_NONE ? ringcast_fault_type(request->fault) : "ok",
			ask->is_gone ? ", to nobody" : "");
	sim_oracle_hear(world, ask);
	maybe_again(world, ask);
	ringcast_list_remove(&ask->node);
	world->ask_count--;
	sim_ask_free(ask);
}

struct ask *sim_ask(struct world *world, enum ask_kind kind, const char *operation, json_t *input, uint32_t index, uint32_t version, struct walk *walk)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	ringcast_assert(ask != NULL && input != NULL);
	*ask = (struct ask){.world = world, .kind = kind, .index = index, .version = version, .epoch = world->epoch, .walk = walk};
	ask->request = (struct request){.operation = ringcast_operation_find(operation), .input = input, .role = ROLE_OPERATOR, .done = answered, .context = ask};
	snprintf(ask->request.invocation, sizeof(ask->request.invocation), "i%u-%u", (unsigned)world->epoch, ++world->oracle.next_version);
	ask->is_gone = sim_world_chance(world, world->swarm->vanish);
	return send(world, ask);
}

/* Sessions */

static struct known_session *some_session(struct world *world, uint32_t *ret_index)
{
	struct oracle *oracle = &world->oracle;
	if (oracle->session_count == 0)
		return NULL;
	uint32_t newest = oracle->session_count < 12 ? oracle->session_count : 12;
	*ret_index = oracle->session_count - 1 - (uint32_t)sim_world_below(world, sim_world_chance(world, 100) ? oracle->session_count : newest);
	return &oracle->sessions[*ret_index];
}

static void create(struct world *world)
{
	json_t *input = json_pack("{s:s, s:i, s:s}", "FleetId", sim_world_chance(world, 500) ? "fleet-0" : "fleet-1", "MaximumPlayerSessionCount",
				  1 + (int)sim_world_below(world, world->swarm->players_per_session_max), "Name", "v1");
	if (world->oracle.session_count == ORACLE_SESSIONS_MAX) {
		json_decref(input);
		return;
	}
	if (world->swarm->repeat == 0 || sim_world_chance(world, 500)) {
		maybe_again(world, sim_ask(world, ASK_CREATE, "CreateGameSession", input, 0, 0, NULL));
		return;
	}
	/* The same token always asks for the same. */
	char token[32];
	uint32_t number = (uint32_t)sim_world_below(world, ORACLE_TOKENS_MAX);
	snprintf(token, sizeof(token), "token-%u", number);
	json_object_set_new(input, "IdempotencyToken", json_string(token));
	json_object_set_new(input, "FleetId", json_string(number % 2 == 0 ? "fleet-0" : "fleet-1"));
	json_object_set_new(input, "MaximumPlayerSessionCount", json_integer(1 + number % world->swarm->players_per_session_max));
	int count = sim_world_chance(world, 500) ? 2 : 1;
	for (int i = 0; i < count; i++)
		sim_ask(world, ASK_CREATE, "CreateGameSession", json_deep_copy(input), 0, 0, NULL);
	json_decref(input);
}

static void describe(struct world *world)
{
	uint32_t index;
	const struct known_session *session = some_session(world, &index);
	if (session != NULL)
		sim_ask(world, ASK_DESCRIBE, "DescribeGameSessions", json_pack("{s:s}", "GameSessionId", session->arn), index, 0, NULL);
}

static void update(struct world *world)
{
	uint32_t index;
	char name[32];
	struct known_session *session = some_session(world, &index);
	if (session == NULL || session->is_updating)
		return;
	uint32_t version = ++world->oracle.next_version;
	snprintf(name, sizeof(name), "v%u", version);
	json_t *input = json_pack("{s:s, s:s}", "GameSessionId", session->arn, "Name", name);
	if (sim_world_chance(world, 400))
		json_object_set_new(input, "MaximumPlayerSessionCount", json_integer(1 + (int)sim_world_below(world, world->swarm->players_per_session_max)));
	if (sim_world_chance(world, 400))
		json_object_set_new(input, "PlayerSessionCreationPolicy", json_string(sim_world_chance(world, 300) ? "DENY_ALL" : "ACCEPT_ALL"));
	session->is_updating = sim_ask(world, ASK_UPDATE, "UpdateGameSession", input, index, version, NULL) != NULL;
	if (session->is_updating)
		session->version_max = version;
}

static void terminate(struct world *world)
{
	uint32_t index;
	const struct known_session *session = some_session(world, &index);
	if (session != NULL)
		sim_ask(world, ASK_TERMINATE, "TerminateGameSession",
			json_pack("{s:s, s:s}", "GameSessionId", session->arn, "TerminationMode",
				  sim_world_chance(world, 500) ? "FORCE_TERMINATE" : "TRIGGER_ON_PROCESS_TERMINATE"),
			index, 0, NULL);
}

static void reserve(struct world *world)
{
	uint32_t index, count = sim_world_chance(world, 300) ? 1 + (uint32_t)sim_world_below(world, 4) : 1;
	char name[32];
	const struct known_session *session = some_session(world, &index);
	if (session == NULL || world->oracle.player_count + count > ORACLE_PLAYERS_MAX)
		return;
	json_t *names = json_array();
	for (uint32_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "p%u", (unsigned)sim_world_below(world, 2 * world->swarm->players_per_session_max));
		json_array_append_new(names, json_string(name));
	}
	if (count > 1)
		sim_ask(world, ASK_RESERVE, "CreatePlayerSessions", json_pack("{s:s, s:O}", "GameSessionId", session->arn, "PlayerIds", names), index, 0, NULL);
	else
		maybe_again(world, sim_ask(world, ASK_RESERVE, "CreatePlayerSession",
					   json_pack("{s:s, s:O}", "GameSessionId", session->arn, "PlayerId", json_array_get(names, 0)), index, 0, NULL));
	json_decref(names);
}

/* Records */

static json_t *tags_of(uint32_t version)
{
	char text[32];
	snprintf(text, sizeof(text), "v%u", version);
	return json_pack("[{s:s, s:s}]", "Key", "version", "Value", text);
}

static void make_record(struct world *world, struct known_record *record, uint32_t index, uint32_t version)
{
	char name[64];
	json_t *input;
	if (record->is_alias) {
		snprintf(name, sizeof(name), "r%u-v%u", index, version);
		input = json_pack("{s:s, s:{s:s, s:s}}", "Name", name, "RoutingStrategy", "Type", "TERMINAL", "Message", "closed");
	} else {
		snprintf(record->id, sizeof(record->id), "custom-r%u", index);
		input = json_pack("{s:s}", "LocationName", record->id);
	}
	bool has_tags = sim_world_chance(world, 500);
	if (has_tags)
		json_object_set_new(input, "Tags", tags_of(version));
	record->is_busy = sim_ask(world, ASK_RECORD_CREATE, record->is_alias ? "CreateAlias" : "CreateLocation", input, index, version, NULL) != NULL;
	if (record->is_busy)
		record->has_tags_maybe = has_tags;
}

static void change_record(struct world *world, struct known_record *record, uint32_t index, uint32_t version)
{
	char name[64];
	if (sim_world_chance(world, 300)) {
		record->is_busy = sim_ask(world, ASK_RECORD_DELETE, record->is_alias ? "DeleteAlias" : "DeleteLocation",
					  json_pack("{s:s}", record->is_alias ? "AliasId" : "LocationName", record->id), index, 0, NULL) != NULL;
	} else if (record->is_alias) {
		snprintf(name, sizeof(name), "r%u-v%u", index, version);
		record->is_busy = sim_ask(world, ASK_RECORD_UPDATE, "UpdateAlias", json_pack("{s:s, s:s}", "AliasId", record->id, "Name", name), index,
					  version, NULL) != NULL;
	}
}

static void act_on_record(struct world *world)
{
	uint32_t index = (uint32_t)sim_world_below(world, world->oracle.record_count);
	struct known_record *record = &world->oracle.records[index];
	uint32_t version = ++world->oracle.next_version;
	if (record->is_busy || record->maybe_count == ORACLE_MAYBES_MAX)
		return;
	if (record->version == 0)
		make_record(world, record, index, version);
	else
		change_record(world, record, index, version);
}

/* Mistakes */

static void ask_nonsense(struct world *world)
{
	static const struct {
		const char *operation, *input;
	} nonsense[] = {
		{"CreateGameSession", "{}"},
		{"CreateGameSession", "{\"FleetId\": \"fleet-0\", \"MaximumPlayerSessionCount\": 100000}"},
		{"CreateGameSession", "{\"FleetId\": \"fleet-0\", \"AliasId\": \"alias-1\", \"MaximumPlayerSessionCount\": 1}"},
		{"CreatePlayerSession", "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-0/none\", \"PlayerId\": \"p\"}"},
		{"CreatePlayerSessions", "{\"GameSessionId\": \"arn\", \"PlayerIds\": []}"},
		{"DescribeGameSessions", "{\"FleetId\": \"fleet-0\", \"NextToken\": \"x\"}"},
		{"DescribePlayerSessions", "{}"},
		{"SearchGameSessions", "{\"FleetId\": \"fleet-0\", \"FilterExpression\": \"(\"}"},
		{"TerminateGameSession", "{\"GameSessionId\": \"x\", \"TerminationMode\": \"y\"}"},
		{"UpdateAlias", "{\"AliasId\": \"alias-none\"}"},
		{"DeleteLocation", "{\"LocationName\": \"custom-none\"}"},
		{"TagResource", "{\"ResourceARN\": \"arn:aws:gamelift:local::alias/alias-none\", \"Tags\": []}"},
		{"CreateVpcPeeringConnection", "{}"},
	};
	uint32_t index = (uint32_t)sim_world_below(world, ARRAY_COUNT(nonsense));
	sim_ask(world, ASK_NONSENSE, nonsense[index].operation, json_loads(nonsense[index].input, 0, NULL), 0, 0, NULL);
}

void sim_clients_act(struct world *world)
{
	static void (*const acts[])(struct world *) = {create,	 create,    create, describe, sim_walk_begin, update,	     terminate,	    reserve,	    reserve,
						       reserve, reserve, sim_walk_begin, act_on_record, act_on_record, act_on_record};
	if (sim_world_chance(world, world->swarm->nonsense))
		ask_nonsense(world);
	else if (sim_world_chance(world, world->swarm->place_per_mille))
		sim_place_act(world);
	else if (sim_world_chance(world, world->swarm->script_per_mille))
		sim_script_act(world);
	else if (sim_world_chance(world, world->swarm->match_per_mille))
		sim_match_act(world);
	else
		acts[sim_world_below(world, ARRAY_COUNT(acts))](world);
}

void sim_clients_end_all(struct world *world)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *session;
	size_t at = 0;
	while ((session = ringcast_session_order_next(&sessions->all, &at)) != NULL) {
		char arn[ORACLE_ARN_BYTES];
		snprintf(arn, sizeof(arn), "arn:aws:gamelift:local::gamesession/%s", session->key);
		if (ringcast_game_session_is_ended(session))
			continue;
		const char *mode = session->host == MODEL_HOST_CUSTOM ? "TRIGGER_ON_PROCESS_TERMINATE" : "FORCE_TERMINATE"; /* as machines of a studio's own want it */
		sim_ask(world, ASK_NONE, "TerminateGameSession", json_pack("{s:s, s:s}", "GameSessionId", arn, "TerminationMode", mode), 0, 0, NULL);
		sim_world_settle(world);
	}
}

static void ask_patiently(struct world *world, enum ask_kind kind, const char *operation, json_t *input, uint32_t index)
{
	struct ask *ask = sim_ask(world, kind, operation, input, index, 0, NULL);
	if (ask != NULL)
		ask->is_gone = false;
	sim_world_settle(world);
}

void sim_clients_play(struct world *world)
{
	struct oracle *oracle = &world->oracle;
	uint32_t session = oracle->session_count, player = oracle->player_count;
	if (session == ORACLE_SESSIONS_MAX || player == ORACLE_PLAYERS_MAX || sim_host_is_full(&world->host))
		return;
	ask_patiently(world, ASK_CREATE, "CreateGameSession", json_pack("{s:s, s:i, s:s}", "FleetId", "fleet-0", "MaximumPlayerSessionCount", 1, "Name", "v1"), 0);
	if (oracle->session_count != session + 1) {
		sim_world_fail(world, "nobody else is there, and nobody gets a session");
		return;
	}
	ask_patiently(world, ASK_RESERVE, "CreatePlayerSession",
		      json_pack("{s:s, s:s}", "GameSessionId", oracle->sessions[session].arn, "PlayerId", "the last one"), session);
	if (oracle->player_count != player + 1)
		sim_world_fail(world, "nobody else is in %s, and nobody gets a place", oracle->sessions[session].arn);
}
