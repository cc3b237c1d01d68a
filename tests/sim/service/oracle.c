#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "walk.h"
#include "world.h"

enum { RANK_TERMINATING = 2, RANK_ENDED = 3 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static uint32_t version_of(const char *name)
{
	const char *v = strrchr(name, 'v');
	return v != NULL ? (uint32_t)strtoul(v + 1, NULL, 10) : 0;
}

void sim_oracle_init(struct world *world)
{
	struct oracle *oracle = &world->oracle;
	memset(oracle, 0, sizeof(*oracle));
	oracle->next_version = 1;
	oracle->first_answers = json_object();
	oracle->record_count = world->swarm->record_count;
	for (uint32_t i = 0; i < oracle->record_count; i++)
		oracle->records[i].is_alias = i % 3 != 0;
}

struct known_session *sim_oracle_session(struct oracle *oracle, const char *arn)
{
	for (uint32_t i = 0; i < oracle->session_count; i++)
		if (strcmp(oracle->sessions[i].arn, arn) == 0)
			return &oracle->sessions[i];
	return NULL;
}

/* Sessions */

static uint32_t rank_of(const char *status)
{
	static const char *const names[] = {"ACTIVATING", "ACTIVE", "TERMINATING", "TERMINATED", "ERROR"};
	for (uint32_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(names[i], status) == 0)
			return i < RANK_ENDED ? i : RANK_ENDED;
	return 0;
}

static void see_session(struct world *world, struct known_session *known, const json_t *shown)
{
	uint32_t rank = rank_of(text_of(shown, "Status")), version = version_of(text_of(shown, "Name"));
	json_int_t count = json_integer_value(json_object_get(shown, "CurrentPlayerSessionCount"));
	if (rank < known->rank)
		sim_world_fail(world, "%s is %s after it was further", known->arn, text_of(shown, "Status"));
	if ((rank == RANK_ENDED) != (json_object_get(shown, "TerminationTime") != NULL))
		sim_world_fail(world, "%s is %s, with a time of its end or without", known->arn, text_of(shown, "Status"));
	if (count < 0 || (rank == RANK_ENDED && count != 0))
		sim_world_fail(world, "%s has ended with %d players", known->arn, (int)count);
	if (version < known->version || version > known->version_max)
		sim_world_fail(world, "%s has name v%u, between v%u and v%u were asked for", known->arn, version, known->version, known->version_max);
	known->rank = rank;
}

static void learn_session(struct world *world, const json_t *shown)
{
	struct oracle *oracle = &world->oracle;
	const char *arn = text_of(shown, "GameSessionId");
	struct known_session *known = sim_oracle_session(oracle, arn);
	if (*arn == '\0' || strlen(arn) >= ORACLE_ARN_BYTES)
		sim_world_fail(world, "a session was created without a name");
	else if (known == NULL && oracle->session_count < ORACLE_SESSIONS_MAX) {
		known = &oracle->sessions[oracle->session_count++];
		*known = (struct known_session){.version = version_of(text_of(shown, "Name")), .version_max = oracle->next_version};
		snprintf(known->arn, sizeof(known->arn), "%s", arn);
	}
	if (known != NULL)
		see_session(world, known, shown);
}

/* Whoever sends the same call twice gets the same thing, unless the first one failed. */
static void check_repeat(struct world *world, const struct ask *ask, const char *made)
{
	json_t *answers = world->oracle.first_answers;
	const char *invocation = ask->request.invocation, *before = json_string_value(json_object_get(answers, invocation));
	if (before == NULL)
		json_object_set_new(answers, invocation, json_string(made));
	else if (strcmp(before, made) != 0)
		sim_world_fail(world, "one call made %s, and %s when it came again", before, made);
}

static void hear_create(struct world *world, const struct ask *ask)
{
	const struct request *request = &ask->request;
	bool may_be_known = ask->is_repeat || json_object_get(request->input, "IdempotencyToken") != NULL;
	if (request->fault == FAULT_IDEMPOTENT_MISMATCH)
		sim_world_fail(world, "a token was refused for other parameters; they were the same: %s", request->message);
	if (request->fault != FAULT_NONE || ask->epoch != world->epoch)
		return;
	const json_t *shown = json_object_get(request->output, "GameSession");
	check_repeat(world, ask, text_of(shown, "GameSessionId"));
	if (!may_be_known && sim_oracle_session(&world->oracle, text_of(shown, "GameSessionId")) != NULL)
		sim_world_fail(world, "two requests got one session: %s", text_of(shown, "GameSessionId"));
	if (!ask->is_gone)
		learn_session(world, shown);
}

/* Whoever was told of a session can ask for it. */
static bool is_still_there(struct world *world, const struct ask *ask)
{
	if (ask->request.fault == FAULT_NOT_FOUND)
		sim_world_fail(world, "a session that was answered is lost: %s: %s", world->oracle.sessions[ask->index].arn, ask->request.message);
	return ask->request.fault == FAULT_NONE;
}

static void hear_describe(struct world *world, const struct ask *ask)
{
	const json_t *list = json_object_get(ask->request.output, "GameSessions");
	if (!is_still_there(world, ask))
		return;
	if (json_array_size(list) == 1)
		see_session(world, &world->oracle.sessions[ask->index], json_array_get(list, 0));
	else
		sim_world_fail(world, "one session was asked for, %zu were shown", json_array_size(list));
}

static void hear_update(struct world *world, const struct ask *ask)
{
	struct known_session *known = &world->oracle.sessions[ask->index];
	known->is_updating = false;
	if (!is_still_there(world, ask))
		return;
	known->version = ask->version;
	see_session(world, known, json_object_get(ask->request.output, "GameSession"));
}

static void hear_terminate(struct world *world, const struct ask *ask)
{
	struct known_session *known = &world->oracle.sessions[ask->index];
	if (!is_still_there(world, ask))
		return;
	see_session(world, known, json_object_get(ask->request.output, "GameSession"));
	if (known->rank < RANK_TERMINATING)
		sim_world_fail(world, "%s was terminated and is still active", known->arn);
}

/* Players */

struct known_player *sim_oracle_player(struct oracle *oracle, const char *id)
{
	for (uint32_t i = 0; i < oracle->player_count; i++)
		if (strcmp(oracle->players[i].id, id) == 0)
			return &oracle->players[i];
	return NULL;
}

/* Whoever has left may be forgotten, and then nobody can tell that a host which lies gives the place again. */
static bool may_be_forgotten(struct world *world, const char *id)
{
	const struct sim_player *truth = sim_host_player(&world->host, id);
	bool has_place = truth != NULL && (truth->status == PLAYER_SESSION_RESERVED || truth->status == PLAYER_SESSION_ACTIVE);
	return !has_place && world->swarm->lie > 0 && world->swarm->left_players_max < SIM_PLAYERS_MAX;
}

static void learn_player(struct world *world, const struct ask *ask, const json_t *shown)
{
	struct oracle *oracle = &world->oracle;
	const char *id = text_of(shown, "PlayerSessionId");
	if (*id == '\0' || strlen(id) >= GAME_SESSION_ID_BYTES)
		sim_world_fail(world, "a player got a place without a name");
	else if (ask->is_repeat && sim_oracle_player(oracle, id) != NULL)
		return;
	else if (sim_oracle_player(oracle, id) != NULL && !may_be_forgotten(world, id))
		sim_world_fail(world, "two players got one place: %s", id);
	else if (strcmp(text_of(shown, "GameSessionId"), oracle->sessions[ask->index].arn) != 0)
		sim_world_fail(world, "a player asked for a place in %s and got one in %s", oracle->sessions[ask->index].arn, text_of(shown, "GameSessionId"));
	else if (oracle->player_count < ORACLE_PLAYERS_MAX) {
		struct known_player *known = &oracle->players[oracle->player_count++];
		*known = (struct known_player){.session = ask->index};
		snprintf(known->id, sizeof(known->id), "%s", id);
	}
}

static void hear_reserve(struct world *world, const struct ask *ask)
{
	const json_t *one = json_object_get(ask->request.output, "PlayerSession"), *list = json_object_get(ask->request.output, "PlayerSessions");
	if (!is_still_there(world, ask))
		return;
	check_repeat(world, ask, text_of(one != NULL ? one : json_array_get(list, 0), "PlayerSessionId"));
	if (ask->is_gone)
		return;
	if (one != NULL)
		learn_player(world, ask, one);
	for (size_t i = 0; i < json_array_size(list); i++)
		learn_player(world, ask, json_array_get(list, i));
}

/* Records */

static void note_maybe(struct known_record *record, uint32_t version)
{
	if (record->maybe_count < ORACLE_MAYBES_MAX)
		record->maybes[record->maybe_count++] = version;
}

static void hear_record(struct world *world, const struct ask *ask)
{
	struct known_record *record = &world->oracle.records[ask->index];
	const struct request *request = &ask->request;
	record->is_busy = false;
	if (request->fault == FAULT_INTERNAL || request->fault == FAULT_UNAVAILABLE) {
		note_maybe(record, ask->version);
	} else if (request->fault != FAULT_NONE) {
		sim_world_fail(world, "record %u, version %u: %s was refused: %s", ask->index, record->version, request->operation->name, request->message);
	} else {
		record->version = ask->version;
		record->maybe_count = 0;
		if (ask->kind != ASK_RECORD_UPDATE)
			record->has_tags = ask->kind == ASK_RECORD_CREATE && record->has_tags_maybe;
		if (ask->kind == ASK_RECORD_CREATE && record->is_alias)
			snprintf(record->id, sizeof(record->id), "%s", text_of(json_object_get(request->output, "Alias"), "AliasId"));
	}
}

/* 0: it is not there. An alias that is found under another id is known by that one from now on. */
static uint32_t find_record(struct world *world, struct known_record *record, uint32_t index)
{
	const struct records *records = &ringcast_loop_model(world->loop)->records;
	if (!record->is_alias) {
		bool is_there = ringcast_records_find(records, RECORD_LOCATION, record->id) != NULL;
		return !is_there ? 0 : record->version != 0 ? record->version : record->maybe_count > 0 ? record->maybes[0] : UINT32_MAX;
	}
	char start[32];
	snprintf(start, sizeof(start), "r%u-v", index);
	const struct record *found = ringcast_records_next(records, RECORD_ALIAS, "");
	for (; found != NULL; found = ringcast_records_next(records, RECORD_ALIAS, found->id)) {
		const char *name = text_of(found->document, "Name");
		if (strncmp(name, start, strlen(start)) != 0)
			continue;
		snprintf(record->id, sizeof(record->id), "%s", found->id);
		return version_of(name);
	}
	return 0;
}

static bool is_possible(const struct known_record *record, uint32_t version, bool is_exact)
{
	bool is_found = version == record->version;
	for (uint32_t i = 0; !is_exact && i < record->maybe_count; i++)
		is_found = is_found || record->maybes[i] == version;
	return is_found;
}

static bool has_tags(struct world *world, const struct known_record *record)
{
	char arn[ORACLE_ARN_BYTES];
	snprintf(arn, sizeof(arn), "arn:aws:gamelift:local::%s/%s", record->is_alias ? "alias" : "location", record->id);
	return ringcast_records_find(&ringcast_loop_model(world->loop)->records, RECORD_TAGS, arn) != NULL;
}

void sim_oracle_check_records(struct world *world, bool is_exact)
{
	for (uint32_t i = 0; i < world->oracle.record_count; i++) {
		struct known_record *record = &world->oracle.records[i];
		if (record->is_busy)
			continue;
		uint32_t version = find_record(world, record, i);
		if (!is_possible(record, version, is_exact))
			sim_world_fail(world, "record %u (%s): version %u was answered, %u is there", i, record->id, record->version, version);
		if (record->version == 0 && version != 0)
			record->has_tags = record->has_tags_maybe;
		else if (version == 0)
			record->has_tags = false;
		if (version != 0 && !is_exact && record->maybe_count > 1)
			record->has_tags = has_tags(world, record); /* of which of the attempts, nobody knows */
		if (has_tags(world, record) != record->has_tags)
			sim_world_fail(world, "record %u (%s): its tags do not belong to it", i, record->id);
		record->version = version;
		record->maybe_count = 0;
	}
}

/* Everything */

void sim_oracle_hear(struct world *world, struct ask *ask)
{
	bool is_of_today = ask->epoch == world->epoch;
	switch (ask->kind) {
	case ASK_CREATE:
		hear_create(world, ask);
		return;
	case ASK_WALK:
		sim_walk_hear(world, ask);
		return;
	case ASK_RECORD_CREATE:
	case ASK_RECORD_UPDATE:
	case ASK_RECORD_DELETE:
		hear_record(world, ask);
		return;
	case ASK_PLACE_START:
	case ASK_PLACE_DESCRIBE:
	case ASK_PLACE_STOP:
		sim_place_hear(world, ask);
		return;
	case ASK_MATCH_START:
	case ASK_MATCH_DESCRIBE:
	case ASK_MATCH_ANSWER:
		sim_match_hear(world, ask);
		return;
	case ASK_SCRIPT_CREATE:
	case ASK_SCRIPT_UPDATE:
	case ASK_SCRIPT_DELETE:
	case ASK_SCRIPT_FLEET:
	case ASK_SCRIPT_FLEET_DELETE:
		sim_script_hear(world, ask);
		return;
	case ASK_NONSENSE:
		if (ask->request.fault == FAULT_NONE || ask->request.fault == FAULT_INTERNAL)
			sim_world_fail(world, "%s was asked for nonsense: %s", ask->request.operation->name, ask->request.message);
		return;
	case ASK_NONE:
		return;
	default:
		break;
	}
	static void (*const hears[])(struct world *, const struct ask *) = {
		[ASK_DESCRIBE] = hear_describe, [ASK_UPDATE] = hear_update, [ASK_TERMINATE] = hear_terminate, [ASK_RESERVE] = hear_reserve};
	if (is_of_today)
		hears[ask->kind](world, ask);
}

void sim_oracle_forget_sessions(struct world *world)
{
	sim_walk_drop(world);
	world->epoch++;
	world->oracle.session_count = world->oracle.player_count = 0;
}

void sim_oracle_crash(struct world *world)
{
	for (struct list_node *node = world->asks.next; node != &world->asks; node = node->next) {
		const struct ask *ask = CONTAINER_OF(node, struct ask, node);
		bool is_record = ask->kind == ASK_RECORD_CREATE || ask->kind == ASK_RECORD_UPDATE || ask->kind == ASK_RECORD_DELETE;
		if (!is_record)
			continue;
		note_maybe(&world->oracle.records[ask->index], ask->version);
		world->oracle.records[ask->index].is_busy = false;
	}
	sim_oracle_forget_sessions(world);
}
