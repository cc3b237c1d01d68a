/* What the service asks of game servers: each call is given back at once, with what is known here; the rest comes as events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/hex.h"
#include "base/log.h"
#include "service/hosts/server_sdk/core.h"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static void give_back(struct sdk_core *core, struct host_call *call, enum host_result result, const char *text)
{
	call->result = result;
	snprintf(call->text, sizeof(call->text), "%s", text);
	core->options.ops->give_back(core->options.context, call);
}

static void new_name(struct sdk_core *core, const char *prefix, char ret_name[HOST_ID_BYTES])
{
	uint8_t bytes[HEX_UUID_BYTES];
	core->options.ops->random(core->options.context, bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	int used = snprintf(ret_name, HOST_ID_BYTES, "%s", prefix);
	ringcast_hex_write_uuid(bytes, ret_name + used);
}

/* The one that has waited longest. */
static struct sdk_process *ready_process(const struct sdk_core *core, const char *fleet, const char *location)
{
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		if (process->state != SDK_READY || process->link == NULL || process->unhealthy_count > 0 || strcmp(process->fleet, fleet) != 0)
			continue;
		const json_t *compute = ringcast_sdk_core_compute(core, process);
		if (compute == NULL || *location == '\0' || strcmp(text_of(compute, "Location"), location) == 0)
			return process;
	}
	return NULL;
}

static json_t *properties_of(const json_t *facts)
{
	json_t *map = json_object(), *property;
	size_t i;
	json_array_foreach(json_object_get(facts, "GameProperties"), i, property)
		json_object_set(map, text_of(property, "Key"), json_object_get(property, "Value"));
	return map;
}

/* As OnStartGameSession wants it: properties are a map here, and the name has another name. */
static json_t *start_message(const struct sdk_core *core, const struct sdk_process *process)
{
	const struct sdk_session *session = process->session;
	json_t *message = ringcast_sdk_core_place(core, process);
	json_object_set_new(message, "GameSessionId", json_string(ringcast_sdk_session_arn(session)));
	json_object_set_new(message, "FleetId", json_string(process->fleet));
	json_object_set_new(message, "GameSessionName", json_string(text_of(session->facts, "Name")));
	json_object_set_new(message, "GameSessionData", json_string(text_of(session->facts, "GameSessionData")));
	json_object_set_new(message, "MatchmakerData", json_string(text_of(session->facts, "MatchmakerData")));
	json_object_set_new(message, "MaximumPlayerSessionCount", json_integer(session->players_max));
	json_object_set_new(message, "GameProperties", properties_of(session->facts));
	return message;
}

static void put_address(const struct sdk_core *core, const struct sdk_process *process, struct host_address *address)
{
	json_t *json = ringcast_sdk_core_place(core, process);
	snprintf(address->ip_address, sizeof(address->ip_address), "%s", text_of(json, "IpAddress"));
	snprintf(address->dns_name, sizeof(address->dns_name), "%s", text_of(json, "DnsName"));
	snprintf(address->compute, sizeof(address->compute), "%s", process->compute);
	address->port = process->port;
	json_decref(json);
}

static bool is_activating_enough(const struct sdk_core *core, const char *fleet)
{
	const json_t *runtime = json_object_get(json_object_get(core->fleets, fleet), "RuntimeConfiguration");
	const json_t *most = json_object_get(runtime, "MaxConcurrentGameSessionActivations");
	json_int_t count = 0;
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		const struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		count += process->session != NULL && !process->session->is_active && strcmp(process->fleet, fleet) == 0;
	}
	return json_is_integer(most) && count >= json_integer_value(most);
}

static void create(struct sdk_core *core, struct host_call *call)
{
	struct sdk_process *process = ready_process(core, text_of(call->facts, "FleetId"), text_of(call->facts, "Location"));
	if (process == NULL) {
		give_back(core, call, HOST_FULL, "no game server of the fleet is ready");
		return;
	}
	if (is_activating_enough(core, process->fleet)) {
		give_back(core, call, HOST_FULL, "as many sessions are activating as MaxConcurrentGameSessionActivations allows");
		return;
	}
	/* Taken out of the call, which goes back to another thread: a tree is one thread's. */
	process->session = ringcast_sdk_session_create(call->facts);
	call->facts = NULL;
	if (process->session == NULL) {
		give_back(core, call, HOST_FAILED, "out of memory");
		return;
	}
	process->state = SDK_BUSY;
	process->is_changed = true;
	process->session->players_max = call->players_max;
	process->session->created_ms = core->now_ms;
	process->session->deadline_ms = core->now_ms + call->activation_timeout_ms;
	new_name(core, "gsess-", process->session->id);
	memcpy(call->session, process->session->id, sizeof(call->session));
	put_address(core, process, &call->address);
	call->is_activating = true;
	ringcast_sdk_core_save(core, process);
	ringcast_sdk_core_push(core, process, "CreateGameSession", start_message(core, process));
	give_back(core, call, HOST_OK, "");
}

static struct sdk_process *process_of(const struct sdk_core *core, const char *session)
{
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		if (process->session != NULL && strcmp(process->session->id, session) == 0)
			return process;
	}
	return NULL;
}

static void end(struct sdk_core *core, struct sdk_process *process, struct host_call *call)
{
	ringcast_sdk_core_begin_end(core, process, call->is_forced ? "its session is terminated by force" : "its session is terminated");
	if (call->is_forced) { /* a process on another machine is told, and its session is over here whatever it does */
		if (core->options.ops->is_own(core->options.context, process->fleet, process->id))
			core->options.ops->stop(core->options.context, process->id, 0);
		ringcast_sdk_core_end_session(core, process, "terminated by force");
	}
	give_back(core, call, HOST_OK, "");
}

/* For who has lost some of what was told. */
static void describe(struct sdk_core *core, struct sdk_process *process, struct host_call *call)
{
	const struct sdk_session *session = process->session;
	call->is_activating = !session->is_active;
	call->places = calloc(session->place_count + 1, sizeof(*call->places));
	for (struct list_node *node = session->players.next; call->places != NULL && node != &session->players; node = node->next) {
		const struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		if (player->status != SDK_PLAYER_RESERVED && player->status != SDK_PLAYER_ACTIVE)
			continue;
		struct host_place *place = &call->places[call->place_count++];
		memcpy(place->token, player->id, sizeof(place->token));
		place->is_active = player->status == SDK_PLAYER_ACTIVE;
	}
	give_back(core, call, call->places != NULL ? HOST_OK : HOST_FAILED, "");
}

static void take_facts(struct sdk_session *session, const json_t *changed)
{
	static const char *const names[] = {"Name", "GameProperties", "MatchmakerData"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const json_t *value = json_object_get(changed, names[i]);
		if (value != NULL)
			json_object_set_new(session->facts, names[i], json_deep_copy(value));
	}
}

static void push_update(struct sdk_core *core, struct sdk_process *process)
{
	json_t *json = start_message(core, process), *name = json_object_get(json, "GameSessionName");
	json_object_set(json, "Name", name);
	json_object_del(json, "GameSessionName");
	const struct sdk_session *session = process->session;
	json_t *members = json_pack("{s:o, s:s}", "GameSession", json, "UpdateReason", session->update_reason != NULL ? session->update_reason : "UNKNOWN");
	if (*session->ticket != '\0')
		json_object_set_new(members, "BackfillTicketId", json_string(session->ticket));
	ringcast_sdk_core_push(core, process, "UpdateGameSession", members);
}

/*
 * No push is answered, so what was lost with a connection shows by what the process does not do. A start is repeated until the process has named the
 * session, under the same GameSessionId; what is repeated of a session that it knows, or of its end, says how things are, so that twice is as good as once.
 */
void ringcast_sdk_core_catch_up(struct sdk_core *core, struct sdk_process *process)
{
	const struct sdk_session *session = process->session;
	if (process->state == SDK_ENDING) {
		ringcast_sdk_core_push(core, process, "TerminateProcess", json_pack("{s:I}", "TerminationTime", (json_int_t)process->deadline_ms));
		return;
	}
	if (session == NULL)
		return;
	if (!session->is_active && !session->is_known) {
		ringcast_log(LOG_INFO, "service", "a game server is told of its session again", "process=%s session=%s", process->id, session->id);
		ringcast_sdk_core_push(core, process, "CreateGameSession", start_message(core, process));
	} else if (session->is_changed) {
		push_update(core, process);
	}
}

static void update(struct sdk_core *core, struct sdk_process *process, struct host_call *call)
{
	struct sdk_session *session = process->session;
	if (call->players_max != 0 && call->players_max < session->place_count) {
		give_back(core, call, HOST_STATE, "the session has more players than that");
		return;
	}
	if (call->players_max != 0)
		session->players_max = call->players_max;
	if (call->has_policy)
		session->is_deny_all = call->is_deny_all;
	take_facts(session, call->facts);
	session->update_reason = call->update_reason;
	memcpy(session->ticket, call->ticket, sizeof(session->ticket));
	session->is_changed = process->is_changed = true;
	ringcast_sdk_core_save(core, process);
	push_update(core, process);
	give_back(core, call, HOST_OK, "");
}

static enum host_result may_reserve(const struct sdk_process *process, const struct host_call *call)
{
	const struct sdk_session *session = process->session;
	if (!session->is_active || session->is_deny_all || process->state != SDK_BUSY)
		return HOST_STATE;
	if (session->place_count + call->player_count > session->players_max)
		return HOST_FULL;
	for (uint32_t i = 0; i < call->player_count; i++)
		if (ringcast_sdk_player_has_place(session, call->players[i].player_id))
			return HOST_EXISTS;
	return HOST_OK;
}

/* All of them or none. */
static void reserve(struct sdk_core *core, struct sdk_process *process, struct host_call *call)
{
	enum host_result result = may_reserve(process, call);
	struct sdk_player *added[HOST_PLAYERS_MAX];
	for (uint32_t i = 0; i < call->player_count && result == HOST_OK; i++) {
		struct host_player *player = &call->players[i];
		new_name(core, "psess-", player->token);
		added[i] = ringcast_sdk_player_add(process->session, player->token, player->player_id, player->data, core->now_ms);
		if (added[i] != NULL)
			continue;
		result = HOST_FAILED;
		while (i-- > 0)
			ringcast_sdk_player_end(process->session, added[i], SDK_PLAYER_TIMEDOUT, core->now_ms);
		break;
	}
	process->is_changed = process->is_changed || result == HOST_OK || result == HOST_FAILED;
	ringcast_sdk_core_save(core, process);
	give_back(core, call, result, result == HOST_FAILED ? "out of memory" : "");
}

void ringcast_sdk_core_submit(struct sdk_core *core, struct host_call *call)
{
	struct sdk_process *process = call->kind == HOST_CREATE ? NULL : process_of(core, call->session);
	if (call->kind == HOST_CREATE)
		create(core, call);
	else if (process == NULL)
		give_back(core, call, HOST_NOT_FOUND, "no game server runs the session any more");
	else if (call->kind == HOST_END)
		end(core, process, call);
	else if (call->kind == HOST_DESCRIBE)
		describe(core, process, call);
	else if (call->kind == HOST_UPDATE)
		update(core, process, call);
	else if (call->kind == HOST_RESERVE)
		reserve(core, process, call);
	else
		give_back(core, call, HOST_FAILED, "game servers cannot do this");
}
