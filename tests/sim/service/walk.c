#include "walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "world.h"

enum walk_kind { WALK_SESSIONS, WALK_SEARCH, WALK_PLAYERS, WALK_ALIASES, WALK_COUNT };

struct walk {
	enum walk_kind kind;
	json_t *input;
	json_t *expected, *seen; /* by id, with the name that it had then */
	uint32_t epoch, page_count;
	bool is_gone; /* nobody cares any more; freed with its answer */
};

static const struct {
	const char *operation, *list, *id, *name;
} lists[WALK_COUNT] = {
	{"DescribeGameSessions", "GameSessions", "GameSessionId", "FleetId"},
	{"SearchGameSessions", "GameSessions", "GameSessionId", "Name"},
	{"DescribePlayerSessions", "PlayerSessions", "PlayerSessionId", "PlayerId"},
	{"ListAliases", "Aliases", "AliasId", "AliasArn"},
};

static void walk_free(struct walk *walk)
{
	json_decref(walk->input);
	json_decref(walk->expected);
	json_decref(walk->seen);
	free(walk);
}

static const struct game_session *session_of(struct world *world, const char *arn)
{
	return ringcast_game_session_resolve(&ringcast_loop_model(world->loop)->sessions, arn);
}

/* "": it is not found by a search. */
static const char *search_name(struct world *world, const char *arn)
{
	const struct game_session *session = session_of(world, arn);
	const char *name = session != NULL ? ringcast_game_facts_name(session->facts) : NULL;
	return name != NULL && session->status == GAME_SESSION_ACTIVE ? name : "";
}

static void expect_sessions(struct world *world, struct walk *walk, const char *fleet)
{
	char part[64];
	snprintf(part, sizeof(part), "gamesession/%s/", fleet);
	for (uint32_t i = 0; i < world->oracle.session_count; i++) {
		const char *arn = world->oracle.sessions[i].arn, *name = search_name(world, arn);
		if (strstr(arn, part) != NULL && (walk->kind == WALK_SESSIONS || *name != '\0'))
			json_object_set_new(walk->expected, arn, json_string(name));
	}
}

static void expect_players(struct world *world, struct walk *walk, uint32_t session)
{
	for (uint32_t i = 0; i < world->oracle.player_count; i++)
		if (world->oracle.players[i].session == session)
			json_object_set_new(walk->expected, world->oracle.players[i].id, json_string(""));
}

static void expect_aliases(struct world *world, struct walk *walk)
{
	for (uint32_t i = 0; i < world->oracle.record_count; i++) {
		const struct known_record *record = &world->oracle.records[i];
		if (record->is_alias && record->version != 0 && !record->is_busy)
			json_object_set_new(walk->expected, record->id, json_string(""));
	}
}

static void plan(struct world *world, struct walk *walk)
{
	static const char *const sorts[] = {"creationTimeMillis ASC", "creationTimeMillis DESC", "gameSessionName ASC", "gameSessionName DESC",
					    "maximumSessions ASC", "maximumSessions DESC"};
	const char *fleet = sim_world_chance(world, 500) ? "fleet-0" : "fleet-1";
	walk->input = json_pack("{s:i}", "Limit", (int)world->swarm->walk_limit);
	if (walk->kind == WALK_ALIASES) {
		expect_aliases(world, walk);
		return;
	}
	if (walk->kind == WALK_PLAYERS) {
		/* Mostly one of the newest, in which there is more coming and going. */
		uint32_t count = world->oracle.session_count, newest = count < 4 || sim_world_chance(world, 300) ? count : 4;
		uint32_t session = count - 1 - (uint32_t)sim_world_below(world, newest);
		json_object_set_new(walk->input, "GameSessionId", json_string(world->oracle.sessions[session].arn));
		expect_players(world, walk, session);
		return;
	}
	json_object_set_new(walk->input, "FleetId", json_string(fleet));
	if (walk->kind == WALK_SEARCH)
		json_object_set_new(walk->input, "SortExpression", json_string(sorts[sim_world_below(world, ARRAY_COUNT(sorts))]));
	expect_sessions(world, walk, fleet);
}

static void ask_page(struct world *world, struct walk *walk)
{
	if (sim_ask(world, ASK_WALK, lists[walk->kind].operation, json_deep_copy(walk->input), 0, 0, walk) != NULL)
		return;
	world->oracle.walk = NULL;
	walk_free(walk);
}

void sim_walk_begin(struct world *world)
{
	enum walk_kind kind = sim_world_chance(world, 400) ? WALK_SEARCH : (enum walk_kind)sim_world_below(world, WALK_COUNT);
	if (world->oracle.walk != NULL || (kind != WALK_ALIASES && world->oracle.session_count == 0))
		return;
	struct walk *walk = calloc(1, sizeof(*walk));
	ringcast_assert(walk != NULL);
	*walk = (struct walk){.kind = kind, .expected = json_object(), .seen = json_object(), .epoch = world->epoch};
	plan(world, walk);
	world->oracle.walk = walk;
	ask_page(world, walk);
}

/* What changed its name meanwhile may have moved in the order. */
static void see(struct world *world, struct walk *walk, const json_t *item)
{
	const char *id = json_string_value(json_object_get(item, lists[walk->kind].id)), *name = json_string_value(json_object_get(item, lists[walk->kind].name));
	const char *before = json_string_value(json_object_get(walk->seen, id));
	if (before != NULL && strcmp(before, name) == 0)
		sim_world_fail(world, "%s shows %s twice", lists[walk->kind].operation, id);
	json_object_set_new(walk->seen, id, json_string(name));
}

static bool is_alias_known(struct world *world, const char *id)
{
	for (uint32_t i = 0; i < world->oracle.record_count; i++) {
		const struct known_record *record = &world->oracle.records[i];
		if (record->version != 0 && !record->is_busy && strcmp(record->id, id) == 0)
			return true;
	}
	return false;
}

static bool has_lived_throughout(struct world *world, const struct walk *walk, const char *id, const char *name)
{
	if (walk->kind == WALK_ALIASES)
		return is_alias_known(world, id);
	if (walk->kind == WALK_PLAYERS)
		return sim_oracle_is_kept(world, id);
	return walk->kind != WALK_SEARCH || strcmp(search_name(world, id), name) == 0;
}

static void end(struct world *world, struct walk *walk)
{
	const char *id;
	json_t *name;
	json_object_foreach(walk->expected, id, name)
		if (has_lived_throughout(world, walk, id, json_string_value(name)) && json_object_get(walk->seen, id) == NULL)
			sim_world_fail(world, "%s does not show %s, in %u pages", lists[walk->kind].operation, id, walk->page_count);
	world->oracle.walk = NULL;
	walk_free(walk);
}

void sim_walk_hear(struct world *world, struct ask *ask)
{
	struct walk *walk = ask->walk;
	if (walk->is_gone) {
		walk_free(walk);
		return;
	}
	const json_t *list = json_object_get(ask->request.output, lists[walk->kind].list);
	json_t *token = json_object_get(ask->request.output, "NextToken");
	if (ask->request.fault != FAULT_NONE)
		sim_world_fail(world, "%s was refused: %s", lists[walk->kind].operation, ask->request.message);
	walk->page_count++;
	if (json_array_size(list) > world->swarm->walk_limit)
		sim_world_fail(world, "%s: a page of %zu", lists[walk->kind].operation, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++)
		see(world, walk, json_array_get(list, i));
	if (token == NULL || ask->request.fault != FAULT_NONE) {
		end(world, walk);
		return;
	}
	json_object_set(walk->input, "NextToken", token);
	ask_page(world, walk);
}

void sim_walk_drop(struct world *world)
{
	struct walk *walk = world->oracle.walk;
	world->oracle.walk = NULL;
	if (walk != NULL)
		walk->is_gone = true;
}
