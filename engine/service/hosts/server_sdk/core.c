#include "service/hosts/server_sdk/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"

enum { CLOSE_POLICY = 1008, CLOSE_NORMAL = 1000, BAD_MESSAGES_MAX = 16 };
enum { LOADS_TOLD_MS = 1000, LOADS_REPEATED_MS = 30000 };
enum { REFRESH_BEFORE_MS = 15 * 60 * 1000, OLD_LINK_MS = 30 * 1000 };

static void forget_link(struct sdk_core *core, struct sdk_link *link)
{
	ringcast_sdk_questions_lose_link(core, link);
	ringcast_list_remove(&link->node);
	link->process = NULL;
}

bool ringcast_sdk_core_init(struct sdk_core *core, const struct sdk_core_options *options)
{
	*core = (struct sdk_core){.options = *options, .fleets = json_object(), .builds = json_object(), .computes = json_object()};
	ringcast_list_init(&core->processes);
	ringcast_list_init(&core->questions);
	if (core->fleets != NULL && core->builds != NULL && core->computes != NULL)
		return true;
	ringcast_sdk_core_fini(core);
	return false;
}

void ringcast_sdk_core_fini(struct sdk_core *core)
{
	ringcast_sdk_loads_fini(&core->loads);
	ringcast_assert(ringcast_list_is_empty(&core->questions)); /* the service has answered them all */
	while (!ringcast_list_is_empty(&core->processes)) {
		struct sdk_process *process = CONTAINER_OF(core->processes.next, struct sdk_process, node);
		while (!ringcast_list_is_empty(&process->links))
			forget_link(core, CONTAINER_OF(process->links.next, struct sdk_link, node));
		ringcast_list_remove(&process->node);
		ringcast_sdk_process_destroy(&process);
	}
	json_decref(core->fleets);
	json_decref(core->builds);
	json_decref(core->computes);
	core->fleets = core->builds = core->computes = NULL;
}

/* What is configured */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

const json_t *ringcast_sdk_core_compute(const struct sdk_core *core, const struct sdk_process *process)
{
	char id[2 * SDK_NAME_BYTES];
	snprintf(id, sizeof(id), "%s/%s", process->fleet, process->compute);
	return json_object_get(core->computes, id);
}

/* This machine is the compute of every fleet that has a build. */
static bool is_configured(const struct sdk_core *core, const struct sdk_process *process)
{
	const json_t *fleet = json_object_get(core->fleets, process->fleet);
	if (*text_of(fleet, "BuildId") != '\0')
		return strcmp(process->compute, core->options.compute_name) == 0;
	return fleet != NULL && ringcast_sdk_core_compute(core, process) != NULL;
}

json_t *ringcast_sdk_core_place(const struct sdk_core *core, const struct sdk_process *process)
{
	const json_t *compute = ringcast_sdk_core_compute(core, process);
	const char *ip = compute != NULL ? text_of(compute, "IpAddress") : core->options.ip_address;
	const char *dns = compute != NULL ? text_of(compute, "DnsName") : core->options.dns_name;
	return json_pack("{s:s, s:s, s:i}", "IpAddress", ip, "DnsName", dns, "Port", (int)process->port);
}

void ringcast_sdk_core_note(struct sdk_core *core, const char *fleet, const char *code, const char *text)
{
	struct host_event event = {.kind = HOST_FLEET_EVENT};
	snprintf(event.session, sizeof(event.session), "%s", fleet);
	snprintf(event.player, sizeof(event.player), "%s", code);
	snprintf(event.text, sizeof(event.text), "%s", text);
	core->options.ops->tell(core->options.context, &event);
	ringcast_log(LOG_INFO, "service", "fleet event", "fleet=%.128s code=%s text=\"%.200s\"", fleet, code, text);
}

void ringcast_sdk_core_tell_room(struct sdk_core *core, const struct sdk_process *process)
{
	struct host_event event = {.kind = HOST_ROOM};
	snprintf(event.session, sizeof(event.session), "%.63s", process->fleet);
	core->options.ops->tell(core->options.context, &event);
}

static void plan_fleet(struct sdk_core *core, const char *fleet_id, const json_t *fleet)
{
	const json_t *build = json_object_get(core->builds, text_of(fleet, "BuildId"));
	const char *folder = json_string_value(json_object_get(build, "Folder"));
	json_t *runtime = ringcast_sdk_wanted_runtime(fleet);
	core->options.ops->plan(core->options.context, fleet_id, folder, runtime);
	json_decref(runtime);
}

static void plan_fleets_of(struct sdk_core *core, const char *build_id)
{
	const char *id;
	json_t *fleet;
	json_object_foreach(core->fleets, id, fleet)
		if (strcmp(text_of(fleet, "BuildId"), build_id) == 0)
			plan_fleet(core, id, fleet);
}

static void drop_process(struct sdk_core *core, struct sdk_process *process, const char *why)
{
	__atomic_fetch_add(&core->counts.terminated, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&core->counts.abnormal, process->state != SDK_ENDING, __ATOMIC_RELAXED);
	ringcast_sdk_core_end_session(core, process, why);
	while (!ringcast_list_is_empty(&process->links)) {
		struct sdk_link *link = CONTAINER_OF(process->links.next, struct sdk_link, node);
		forget_link(core, link);
		core->options.ops->close(core->options.context, link, CLOSE_NORMAL, why);
	}
	ringcast_sdk_questions_lose_process(core, process);
	core->options.ops->forget(core->options.context, process);
	ringcast_list_remove(&process->node);
	core->process_count--;
	ringcast_sdk_process_destroy(&process);
}

/* Whose fleet or compute has gone: those of other machines cannot be killed, so they are told and not known any more. */
static void drop_homeless(struct sdk_core *core)
{
	struct list_node *next;
	for (struct list_node *node = core->processes.next; node != &core->processes; node = next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		next = node->next;
		if (is_configured(core, process))
			continue;
		if (core->options.ops->is_own(core->options.context, process->fleet, process->id)) {
			if (process->state != SDK_ENDING)
				ringcast_sdk_core_begin_end(core, process, "the fleet was deleted");
			continue;
		}
		ringcast_sdk_core_begin_end(core, process, "the fleet or the compute was taken away");
		drop_process(core, process, "the fleet or the compute was taken away");
	}
}

void ringcast_sdk_core_learn(struct sdk_core *core, const char *kind, const char *id, json_t *document)
{
	json_t *table = strcmp(kind, "fleet") == 0     ? core->fleets
			: strcmp(kind, "build") == 0   ? core->builds
			: strcmp(kind, "compute") == 0 ? core->computes
						       : NULL;
	if (table == NULL) {
		json_decref(document);
		return;
	}
	if (document == NULL)
		json_object_del(table, id);
	else if (json_object_set_new(table, id, document) != 0)
		ringcast_log(LOG_ERROR, "service", "a change does not reach game servers: out of memory", "kind=%s", kind);
	if (table == core->fleets)
		plan_fleet(core, id, document);
	else if (table == core->builds)
		plan_fleets_of(core, id);
	if (document == NULL)
		drop_homeless(core);
}

/* Sending */

void ringcast_sdk_core_send(struct sdk_core *core, struct sdk_link *link, char *text)
{
	core->options.ops->send(core->options.context, link, text);
	free(text);
}

void ringcast_sdk_core_push(struct sdk_core *core, struct sdk_process *process, const char *action, json_t *members)
{
	if (process->link == NULL) {
		json_decref(members);
		return;
	}
	ringcast_sdk_core_send(core, process->link, ringcast_sdk_message_push(action, members));
}

void ringcast_sdk_core_token(const struct sdk_core *core, const char *fleet, const char *compute, char ret_token[COMPUTE_TOKEN_BYTES])
{
	int64_t expires_s = core->now_ms / 1000 + core->options.token_lifetime_s;
	ringcast_compute_token_make(&core->options.secret, fleet, compute, expires_s, ret_token);
}

/* The life of a process */

void ringcast_sdk_core_end_session(struct sdk_core *core, struct sdk_process *process, const char *why)
{
	if (process->session == NULL)
		return;
	struct host_event event = ringcast_sdk_session_event(process->session, HOST_SESSION_ENDED, "", why);
	core->options.ops->tell(core->options.context, &event);
	ringcast_sdk_session_destroy(&process->session);
	process->is_changed = true;
}

/* The notice, and a deadline. Its session goes on until it says that it ends, or is gone. */
void ringcast_sdk_core_begin_end(struct sdk_core *core, struct sdk_process *process, const char *why)
{
	int64_t until_ms = core->now_ms + core->options.terminate_timeout_ms;
	if (process->state == SDK_ENDING && process->deadline_ms != 0 && process->deadline_ms <= until_ms)
		return;
	process->state = SDK_ENDING;
	process->deadline_ms = until_ms;
	process->is_changed = true;
	ringcast_sdk_core_push(core, process, "TerminateProcess", json_pack("{s:I}", "TerminationTime", (json_int_t)until_ms));
	ringcast_log(LOG_INFO, "service", "a game server is told to end", "process=%s fleet=%s why=\"%s\"", process->id, process->fleet, why);
	if (core->options.ops->is_own(core->options.context, process->fleet, process->id))
		core->options.ops->stop(core->options.context, process->id, until_ms);
}

static struct sdk_process *own_process(const struct sdk_core *core, const char *process_id)
{
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		if (strcmp(process->id, process_id) == 0 && core->options.ops->is_own(core->options.context, process->fleet, process->id))
			return process;
	}
	return NULL;
}

static struct sdk_process *find_process(const struct sdk_core *core, const struct sdk_login *login)
{
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		if (strcmp(process->id, login->process) == 0 && strcmp(process->fleet, login->fleet) == 0 && strcmp(process->compute, login->compute) == 0)
			return process;
	}
	return NULL;
}

static struct sdk_process *new_process(struct sdk_core *core, const struct sdk_login *login, char problem[SDK_PROBLEM_BYTES])
{
	struct sdk_process *process = NULL;
	if (core->process_count >= core->options.processes_max)
		snprintf(problem, SDK_PROBLEM_BYTES, "too many processes are connected");
	else if ((process = ringcast_sdk_process_create(login->fleet, login->compute, login->process)) == NULL)
		snprintf(problem, SDK_PROBLEM_BYTES, "out of memory");
	else if (!is_configured(core, process)) {
		snprintf(problem, SDK_PROBLEM_BYTES, "the fleet or compute is not there any more");
		ringcast_sdk_process_destroy(&process);
	}
	if (process == NULL)
		return NULL;
	ringcast_list_add_tail(&core->processes, &process->node);
	core->process_count++;
	return process;
}

bool ringcast_sdk_core_started(struct sdk_core *core, const char *fleet, const char *process_id)
{
	struct sdk_login login = {0};
	char problem[SDK_PROBLEM_BYTES];
	snprintf(login.fleet, sizeof(login.fleet), "%s", fleet);
	snprintf(login.compute, sizeof(login.compute), "%s", core->options.compute_name);
	snprintf(login.process, sizeof(login.process), "%s", process_id);
	struct sdk_process *process = new_process(core, &login, problem);
	if (process == NULL) {
		ringcast_log(LOG_WARN, "service", "a game server cannot be known", "process=%s problem=\"%s\"", process_id, problem);
		return false;
	}
	process->heard_ms = core->now_ms;
	process->is_changed = true;
	return true;
}

void ringcast_sdk_core_exited(struct sdk_core *core, const char *process_id, const char *how)
{
	struct sdk_process *process = own_process(core, process_id);
	if (process != NULL)
		drop_process(core, process, how);
}

void ringcast_sdk_core_wind_down(struct sdk_core *core, const char *process_id)
{
	struct sdk_process *process = own_process(core, process_id);
	if (process != NULL)
		ringcast_sdk_core_begin_end(core, process, "the runtime configuration wants fewer");
}

bool ringcast_sdk_core_is_busy(const struct sdk_core *core, const char *process_id)
{
	const struct sdk_process *process = own_process(core, process_id);
	return process != NULL && process->session != NULL;
}

bool ringcast_sdk_core_connect(struct sdk_core *core, struct sdk_link *link, const struct sdk_login *login, char problem[SDK_PROBLEM_BYTES])
{
	struct sdk_process *process = find_process(core, login);
	*link = (struct sdk_link){.token_expires_ms = login->token_expires_ms};
	if (process == NULL && (process = new_process(core, login, problem)) == NULL)
		return false;
	if (process->link != NULL)
		process->link->close_at_ms = core->now_ms + OLD_LINK_MS; /* the client closes it sooner */
	bool was_lost = process->link == NULL || !process->link->is_followed;
	process->link = link;
	process->heard_ms = core->now_ms;
	link->process = process;
	ringcast_list_add_tail(&process->links, &link->node);
	snprintf(process->language, sizeof(process->language), "%s", login->language);
	snprintf(process->version, sizeof(process->version), "%s", login->version);
	process->is_changed = true;
	if (was_lost)
		ringcast_sdk_core_catch_up(core, process);
	return true;
}

void ringcast_sdk_core_closed(struct sdk_core *core, struct sdk_link *link)
{
	struct sdk_process *process = link->process;
	if (process == NULL)
		return;
	forget_link(core, link);
	if (process->link != link)
		return;
	process->link = NULL;
	process->heard_ms = core->now_ms;
	process->is_changed = true;
	/* Who has said that it ends, or never had anything, is not waited for. An agent's process is, until the agent sees it exit. */
	bool is_done = process->state == SDK_CONNECTED || (process->state == SDK_ENDING && process->session == NULL);
	if (is_done && !core->options.ops->is_own(core->options.context, process->fleet, process->id))
		drop_process(core, process, "it has ended");
}

void ringcast_sdk_core_hear(struct sdk_core *core, struct sdk_link *link, const char *bytes, size_t size)
{
	struct sdk_message message;
	char problem[SDK_PROBLEM_BYTES];
	if (link->process == NULL)
		return;
	if (ringcast_sdk_message_read(bytes, size, &message, problem)) {
		ringcast_sdk_core_answer(core, link, &message);
		ringcast_sdk_message_free(&message);
		return;
	}
	ringcast_log_limited((uint64_t)core->now_ms * 1000000, LOG_WARN, "service", "a game server sends what cannot be understood", "process=%s problem=\"%s\"",
			     link->process->id, problem);
	if (++link->bad_count == BAD_MESSAGES_MAX)
		core->options.ops->close(core->options.context, link, CLOSE_POLICY, "too many messages that cannot be understood");
}

void ringcast_sdk_core_save(struct sdk_core *core, struct sdk_process *process)
{
	if (!process->is_changed)
		return;
	process->is_changed = false;
	core->options.ops->save(core->options.context, process);
}

/* Time */

static void expire_players(struct sdk_core *core, struct sdk_process *process)
{
	struct sdk_session *session = process->session;
	struct list_node *next;
	for (struct list_node *node = session->players.next; node != &session->players; node = next) {
		struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		next = node->next;
		if (player->status != SDK_PLAYER_RESERVED || player->reserved_until_ms > core->now_ms)
			continue;
		struct host_event event = ringcast_sdk_session_event(session, HOST_PLAYER_TIMEDOUT, player->id, "");
		core->options.ops->tell(core->options.context, &event);
		/* When too many have left, ending one forgets the oldest, which is never the next one: that one is younger than this. */
		ringcast_sdk_player_end(session, player, SDK_PLAYER_TIMEDOUT, core->now_ms);
		process->is_changed = true;
	}
}

static void check_activation(struct sdk_core *core, struct sdk_process *process)
{
	if (process->session->is_active || process->session->deadline_ms > core->now_ms)
		return;
	ringcast_sdk_core_note(core, process->fleet, "GAME_SESSION_ACTIVATION_TIMEOUT", ringcast_sdk_session_arn(process->session));
	ringcast_sdk_core_begin_end(core, process, "its session was not activated in time");
	ringcast_sdk_core_end_session(core, process, "it was not activated in time");
}

/* True: the process is gone. */
static bool check_process(struct sdk_core *core, struct sdk_process *process)
{
	bool is_own = core->options.ops->is_own(core->options.context, process->fleet, process->id);
	if (process->session != NULL)
		expire_players(core, process);
	if (process->session != NULL)
		check_activation(core, process);
	if (process->heard_ms + core->options.health_timeout_ms < core->now_ms && process->state != SDK_ENDING) {
		ringcast_sdk_core_note(core, process->fleet,
				       process->state != SDK_CONNECTED	  ? "SERVER_PROCESS_TERMINATED_UNHEALTHY"
				       : *process->version == '\0' ? "SERVER_PROCESS_SDK_INITIALIZATION_TIMEOUT"
								  : "SERVER_PROCESS_PROCESS_READY_TIMEOUT",
				       "nothing was heard of it for the health time-out");
		ringcast_sdk_core_begin_end(core, process, "nothing was heard of it");
		process->deadline_ms = core->now_ms;
		if (is_own)
			core->options.ops->stop(core->options.context, process->id, core->now_ms);
	}
	if (process->state != SDK_ENDING || process->deadline_ms > core->now_ms || (is_own && process->session == NULL))
		return false;
	ringcast_sdk_core_end_session(core, process, "its game server did not end in time");
	if (is_own) /* the agent is at it, and says when it is gone */
		return false;
	drop_process(core, process, "it did not end in time");
	return true;
}

/* What is lost on the way is told again within a while. */
static void tell_loads(struct sdk_core *core)
{
	struct host_event event;
	size_t at = 0;
	if (core->now_ms - core->loads_told_ms < LOADS_TOLD_MS)
		return;
	bool is_all = core->now_ms - core->loads_repeated_ms >= LOADS_REPEATED_MS;
	core->loads_told_ms = core->now_ms;
	core->loads_repeated_ms = is_all ? core->now_ms : core->loads_repeated_ms;
	ringcast_sdk_loads_begin(&core->loads);
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next)
		ringcast_sdk_loads_count(&core->loads, CONTAINER_OF(node, struct sdk_process, node));
	while (ringcast_sdk_loads_next(&core->loads, &at, is_all, &event))
		core->options.ops->tell(core->options.context, &event);
}

void ringcast_sdk_core_tick(struct sdk_core *core)
{
	struct list_node *next;
	tell_loads(core);
	ringcast_sdk_questions_tick(core);
	for (struct list_node *node = core->processes.next; node != &core->processes; node = next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		next = node->next;
		if (!check_process(core, process))
			ringcast_sdk_core_save(core, process);
	}
}

static void put_off_session(struct sdk_session *session, int64_t by_ms)
{
	session->deadline_ms += by_ms;
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next)
		CONTAINER_OF(node, struct sdk_player, node)->reserved_until_ms += by_ms;
}

void ringcast_sdk_core_put_off(struct sdk_core *core, int64_t by_ms)
{
	ringcast_sdk_questions_put_off(core, by_ms);
	for (struct list_node *node = core->processes.next; node != &core->processes; node = node->next) {
		struct sdk_process *process = CONTAINER_OF(node, struct sdk_process, node);
		process->heard_ms += by_ms;
		process->deadline_ms += process->deadline_ms != 0 ? by_ms : 0;
		if (process->session != NULL)
			put_off_session(process->session, by_ms);
		for (struct list_node *other = process->links.next; other != &process->links; other = other->next) {
			struct sdk_link *link = CONTAINER_OF(other, struct sdk_link, node);
			link->close_at_ms += link->close_at_ms != 0 ? by_ms : 0;
		}
		process->is_changed = true;
	}
}

static void refresh(struct sdk_core *core, struct sdk_link *link)
{
	char token[COMPUTE_TOKEN_BYTES];
	link->is_refreshed = link->is_followed = true;
	ringcast_sdk_core_token(core, link->process->fleet, link->process->compute, token);
	ringcast_sdk_core_send(core, link, ringcast_sdk_message_push("RefreshConnection", json_pack("{s:s, s:s}", "RefreshConnectionEndpoint",
												     core->options.endpoint, "AuthToken", token)));
}

/* A token's last quarter of an hour, or its last half if it is a short one, is for getting another. */
void ringcast_sdk_core_link_tick(struct sdk_core *core, struct sdk_link *link)
{
	int64_t half_ms = core->options.token_lifetime_s * 500;
	int64_t before_ms = half_ms < REFRESH_BEFORE_MS ? half_ms : REFRESH_BEFORE_MS;
	if (link->process == NULL)
		return;
	if (link->close_at_ms != 0 && link->close_at_ms <= core->now_ms)
		core->options.ops->close(core->options.context, link, CLOSE_NORMAL, "a newer connection has taken over");
	else if (link->token_expires_ms <= core->now_ms)
		core->options.ops->close(core->options.context, link, CLOSE_POLICY, "the token has expired");
	else if (!link->is_refreshed && link->token_expires_ms - before_ms <= core->now_ms && link->process->link == link)
		refresh(core, link);
}

/* After a restart */

static void tell_found(struct sdk_core *core, const struct sdk_process *process)
{
	struct sdk_session *session = process->session;
	struct host_event event = ringcast_sdk_session_event(session, HOST_SESSION_FOUND, "", "");
	json_t *players = json_array();
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		json_array_append_new(players, json_pack("{s:s, s:s, s:s*, s:s, s:I}", "PlayerSessionId", player->id, "PlayerId", player->player_id, "PlayerData",
							 player->data, "Status", ringcast_sdk_player_status_name(player->status), "CreationTime",
							 (json_int_t)player->created_ms));
	}
	event.found = json_pack("{s:o, s:b, s:b, s:I, s:I, s:o, s:s, s:o}", "facts", json_deep_copy(session->facts), "is_active", session->is_active, "is_deny_all",
				session->is_deny_all, "players_max", (json_int_t)session->players_max, "created_ms", (json_int_t)session->created_ms, "place",
				ringcast_sdk_core_place(core, process), "compute", process->compute, "players", players);
	core->options.ops->tell(core->options.context, &event);
}

bool ringcast_sdk_core_restore(struct sdk_core *core, const json_t *saved)
{
	struct sdk_process *process = ringcast_sdk_process_restore(saved);
	if (process == NULL)
		return false;
	if (!is_configured(core, process) || core->process_count >= core->options.processes_max) {
		ringcast_sdk_process_destroy(&process);
		return false;
	}
	process->heard_ms = core->now_ms;
	ringcast_list_add_tail(&core->processes, &process->node);
	core->process_count++;
	if (process->session != NULL)
		tell_found(core, process);
	return true;
}
