#include "script.h"

#include <string.h>

#include "world.h"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* Asking */

static void new_version(struct world *world, struct known_script *script, char ret_version[SIM_VERSION_BYTES])
{
	bool is_bad = sim_world_chance(world, 200); /* its dry run fails */
	snprintf(ret_version, SIM_VERSION_BYTES, "%s%08u", is_bad ? "bad0" : "good", ++world->scripts.next_version);
	snprintf(script->next, sizeof(script->next), "%s", ret_version);
}

static void begin(struct world *world, struct known_script *script, enum ask_kind kind, const char *operation, json_t *input)
{
	script->is_busy = sim_ask(world, kind, operation, input, (uint32_t)(script - world->scripts.all), 0, NULL) != NULL;
	if (!script->is_busy)
		*script->next = '\0';
	script->is_going = script->is_busy && (kind == ASK_SCRIPT_DELETE || kind == ASK_SCRIPT_FLEET_DELETE);
}

static void push(struct world *world, struct known_script *script)
{
	char version[SIM_VERSION_BYTES];
	new_version(world, script, version);
	if (*script->id == '\0')
		begin(world, script, ASK_SCRIPT_CREATE, "CreateScript", json_pack("{s:s, s:s}", "Name", "script", "ZipFile", version));
	else
		begin(world, script, ASK_SCRIPT_UPDATE, "UpdateScript", json_pack("{s:s, s:s}", "ScriptId", script->id, "ZipFile", version));
}

static void start_session(struct world *world, const struct known_script *script)
{
	sim_ask(world, ASK_NONE, "CreateGameSession", json_pack("{s:s, s:i}", "FleetId", script->fleet, "MaximumPlayerSessionCount", 1), 0, 0, NULL);
}

/* One of its sessions, so that the fleet can go. */
static void end_session(struct world *world, const struct known_script *script)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *session;
	char arn[ORACLE_ARN_BYTES];
	size_t at = 0, size = strlen(script->fleet);
	while ((session = ringcast_session_order_next(&sessions->live, &at)) != NULL)
		if (session->fleet_bytes == size && strncmp(session->key, script->fleet, size) == 0) {
			snprintf(arn, sizeof(arn), "arn:aws:gamelift:local::gamesession/%s", session->key);
			sim_ask(world, ASK_NONE, "TerminateGameSession", json_pack("{s:s, s:s}", "GameSessionId", arn, "TerminationMode", "FORCE_TERMINATE"), 0, 0, NULL);
			return;
		}
}

void sim_script_act(struct world *world)
{
	struct known_script *script = &world->scripts.all[sim_world_below(world, SIM_SCRIPTS)];
	uint64_t choice = sim_world_below(world, 100);
	if (script->is_going)
		return; /* in dev mode anything is a fleet, also one that has just gone */
	if (*script->fleet != '\0' && choice < 50)
		start_session(world, script);
	else if (*script->fleet != '\0' && choice < 65)
		end_session(world, script);
	else if (script->is_busy)
		return;
	else if (*script->id == '\0' || choice < 85)
		push(world, script);
	else if (*script->fleet == '\0' && choice < 95)
		begin(world, script, ASK_SCRIPT_FLEET, "CreateFleet", json_pack("{s:s, s:s}", "Name", "scripted", "ScriptId", script->id));
	else if (*script->fleet != '\0' && choice < 92)
		begin(world, script, ASK_SCRIPT_FLEET_DELETE, "DeleteFleet", json_pack("{s:s}", "FleetId", script->fleet));
	else
		begin(world, script, ASK_SCRIPT_DELETE, "DeleteScript", json_pack("{s:s}", "ScriptId", script->id));
}

/* Hearing */

static uint32_t count_live(struct world *world, const char *fleet)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *session;
	uint32_t count = 0;
	size_t at = 0, size = strlen(fleet);
	while ((session = ringcast_session_order_next(&sessions->live, &at)) != NULL)
		count += session->fleet_bytes == size && strncmp(session->key, fleet, size) == 0;
	return count;
}

static void hear_ok(struct world *world, struct known_script *script, const struct ask *ask)
{
	const json_t *output = ask->request.output;
	if (strncmp(script->next, "bad", 3) == 0)
		sim_world_fail(world, "%s: the version %s was taken, and its dry run had failed", script->id, script->next);
	if (*script->next != '\0')
		memcpy(script->version, script->next, sizeof(script->version));
	if (ask->kind == ASK_SCRIPT_CREATE) {
		snprintf(script->id, sizeof(script->id), "%.63s", text_of(json_object_get(output, "Script"), "ScriptId"));
		script->is_chosen = true;
	} else if (ask->kind == ASK_SCRIPT_UPDATE) {
		script->is_emptied = false;
	} else if (ask->kind == ASK_SCRIPT_FLEET) {
		snprintf(script->fleet, sizeof(script->fleet), "%.63s", text_of(json_object_get(output, "FleetAttributes"), "FleetId"));
	} else if (ask->kind == ASK_SCRIPT_FLEET_DELETE) {
		if (count_live(world, script->fleet) > 0)
			sim_world_fail(world, "%s is deleted, and %u sessions of it live", script->fleet, count_live(world, script->fleet));
		*script->fleet = '\0';
	} else if (ask->kind == ASK_SCRIPT_DELETE) {
		if (*script->fleet != '\0')
			sim_world_fail(world, "%s is deleted, and %s runs it", script->id, script->fleet);
		*script = (struct known_script){0};
	}
}

void sim_script_hear(struct world *world, const struct ask *ask)
{
	struct known_script *script = &world->scripts.all[ask->index];
	bool is_refused_by_host = ask->request.fault == FAULT_INVALID && strncmp(script->next, "bad", 3) == 0;
	script->is_busy = script->is_going = false;
	script->is_unsure = ask->request.fault == FAULT_INTERNAL || ask->request.fault == FAULT_UNAVAILABLE || (script->is_unsure && ask->request.fault != FAULT_NONE);
	if (ask->request.fault == FAULT_NONE)
		hear_ok(world, script, ask);
	else if (ask->kind == ASK_SCRIPT_DELETE && *script->fleet == '\0')
		script->is_emptied = true; /* the host had been asked first */
	else if (ask->request.fault == FAULT_NOT_FOUND || (ask->request.fault == FAULT_INVALID && *script->next != '\0' && !is_refused_by_host && world->swarm->refuse == 0))
		sim_world_fail(world, "%s of %s was refused: %s", ask->request.operation->name, script->id, ask->request.message);
	*script->next = '\0';
}

/* At the host */

static struct known_script *script_called(struct world *world, const char *name)
{
	for (uint32_t i = 0; i < SIM_SCRIPTS; i++) {
		struct known_script *script = &world->scripts.all[i];
		size_t size = strlen(script->id);
		if (size > 0 && strncmp(name, script->id, size) == 0 && (name[size] == '@' || name[size] == '\0'))
			return script;
	}
	return NULL;
}

static bool may_run(const struct known_script *script, const char *version)
{
	return strcmp(version, script->version) == 0 || (strcmp(version, script->next) == 0 && strncmp(version, "bad", 3) != 0);
}

static void judge_create(struct world *world, const struct host_call *call)
{
	const char *fleet = text_of(call->facts, "FleetId"), *version = strchr(call->script, '@');
	const struct known_script *script = script_called(world, call->script);
	for (uint32_t i = 0; i < SIM_SCRIPTS; i++)
		if (*fleet != '\0' && strcmp(world->scripts.all[i].fleet, fleet) == 0 && script != &world->scripts.all[i])
			sim_world_fail(world, "a session of %s is to run '%s'", fleet, call->script);
	if (script == NULL)
		return;
	world->scripts.started++;
	if (version == NULL || !may_run(script, version + 1))
		sim_world_fail(world, "a session is to run %s, where %s is in force%s%s", call->script, script->version, *script->next != '\0' ? ", and asked for is " : "",
			       script->next);
	if (!script->is_chosen)
		sim_world_fail(world, "a session is to run %s, which the host was not asked for since the start", call->script);
}

void sim_script_judge(void *context, const struct host_call *call)
{
	struct world *world = context;
	struct known_script *script = call->script != NULL ? script_called(world, call->script) : NULL;
	if (call->kind == HOST_CREATE && call->script != NULL)
		judge_create(world, call);
	if (script == NULL)
		return;
	if (call->kind == HOST_SCRIPT_SELECT) {
		script->is_chosen = true;
		if (!may_run(script, call->version))
			sim_world_fail(world, "after a start %s is asked for as %s, in force is %s", script->id, call->version, script->version);
	} else if (call->kind == HOST_SCRIPT_REMOVE && *script->fleet != '\0' && !script->is_going) {
		sim_world_fail(world, "the content of %s is to go, and %s runs it", script->id, script->fleet);
	}
}

/* Newer than what was acknowledged. */
static bool is_newer(const struct known_script *script, const char *version)
{
	return strncmp(version, "good", 4) == 0 && strcmp(version, script->version) > 0;
}

/* What was under way when the process died has happened or not: what is found is what is known from now on. */
static void find(struct world *world, struct known_script *script, bool is_after_crash)
{
	const struct records *records = &ringcast_loop_model(world->loop)->records;
	const json_t *document = ringcast_records_find(records, RECORD_SCRIPT, script->id);
	const char *version = text_of(document, "ContentVersion");
	bool is_unsure = is_after_crash && script->is_unsure, was_busy = is_after_crash && script->is_busy;
	if (document == NULL && !is_unsure && !(was_busy && script->is_going))
		sim_world_fail(world, "%s was acknowledged and is lost", script->id);
	if (document != NULL && !(strcmp(version, script->version) == 0 || (was_busy && may_run(script, version)) || (is_unsure && is_newer(script, version))))
		sim_world_fail(world, "%s was acknowledged as %s, after the start it is %s", script->id, script->version, version);
	script->is_emptied = script->is_emptied || (is_after_crash && (script->is_going || script->is_unsure) && *script->fleet == '\0');
	snprintf(script->version, sizeof(script->version), "%.23s", version);
	char before[sizeof(script->fleet)];
	snprintf(before, sizeof(before), "%s", script->fleet);
	*script->fleet = '\0';
	for (const struct record *fleet = ringcast_records_next(records, RECORD_FLEET, ""); fleet != NULL; fleet = ringcast_records_next(records, RECORD_FLEET, fleet->id))
		if (strcmp(text_of(fleet->document, "ScriptId"), script->id) == 0)
			snprintf(script->fleet, sizeof(script->fleet), "%.63s", fleet->id);
	if (!was_busy && !is_unsure && strcmp(before, script->fleet) != 0)
		sim_world_fail(world, "the fleet '%s' of %s was acknowledged, after the start it is '%s'", before, script->id, script->fleet);
	if (document == NULL)
		*script = (struct known_script){0};
}

void sim_script_begin(struct world *world, bool is_after_crash)
{
	for (uint32_t i = 0; i < SIM_SCRIPTS; i++) {
		struct known_script *script = &world->scripts.all[i];
		if (*script->id != '\0')
			find(world, script, is_after_crash);
		script->is_busy = script->is_going = script->is_chosen = script->is_unsure = false;
		*script->next = '\0';
	}
}

void sim_script_play(struct world *world)
{
	for (uint32_t i = 0; i < SIM_SCRIPTS; i++) {
		const struct known_script *script = &world->scripts.all[i];
		uint32_t count = world->host.session_count;
		char wanted[HOST_ID_BYTES + SIM_VERSION_BYTES];
		if (*script->fleet == '\0' || script->is_emptied || sim_host_is_full(&world->host))
			continue;
		start_session(world, script);
		sim_world_settle(world);
		snprintf(wanted, sizeof(wanted), "%s@%s", script->id, script->version);
		if (world->host.session_count != count + 1 || strcmp(world->host.sessions[count].script, wanted) != 0)
			sim_world_fail(world, "nothing else runs, and nobody gets a session with %s", wanted);
		sim_clients_end_all(world);
	}
}
