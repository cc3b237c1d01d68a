/* What a game server's process asks, one function each. Every request is answered, with a status that its SDK makes an error of. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "service/hosts/server_sdk/backfill.h"
#include "service/hosts/server_sdk/core.h"

enum { STATUS_BAD = 400, STATUS_NOT_FOUND = 404, STATUS_CONFLICT = 409 };
enum { PORT_MAX = 60000, UNHEALTHY_MAX = 3, DESCRIBE_MAX = 1024, EXIT_MS = 30 * 1000 };

struct asked {
	struct sdk_core *core;
	struct sdk_link *link;
	struct sdk_process *process;
	const struct sdk_message *message;
};

static void answer(const struct asked *asked, json_t *result)
{
	ringcast_sdk_core_save(asked->core, asked->process);
	ringcast_sdk_core_send(asked->core, asked->link, ringcast_sdk_message_answer(asked->message, result));
}

static void refuse(const struct asked *asked, unsigned status, const char *text)
{
	ringcast_sdk_core_send(asked->core, asked->link, ringcast_sdk_message_refuse(asked->message, status, text));
}

static const char *text_of(const struct asked *asked, const char *name)
{
	return ringcast_sdk_message_text(asked->message, name);
}

static void tell(const struct asked *asked, enum host_event_kind kind, const char *player)
{
	struct host_event event = ringcast_sdk_session_event(asked->process->session, kind, player, "");
	asked->core->options.ops->tell(asked->core->options.context, &event);
}

/* The process's session, if the message is about it: member says so. NULL: refused. */
static struct sdk_session *session_by(const struct asked *asked, const char *member)
{
	struct sdk_session *session = asked->process->session;
	char text[128];
	if (session != NULL && strcmp(text_of(asked, member), ringcast_sdk_session_arn(session)) == 0) {
		session->is_known = true;
		return session;
	}
	snprintf(text, sizeof(text), "%s: this process runs no such game session", member);
	refuse(asked, STATUS_NOT_FOUND, text);
	return NULL;
}

static struct sdk_session *session_of(const struct asked *asked)
{
	return session_by(asked, "GameSessionId");
}

/* The process */

static void activate_process(const struct asked *asked)
{
	struct sdk_process *process = asked->process;
	json_int_t port = ringcast_sdk_message_number(asked->message, "Port", 0);
	if (port < 1 || port > PORT_MAX) {
		refuse(asked, STATUS_BAD, "Port: must be 1 to 60000");
		return;
	}
	if (process->state == SDK_BUSY || process->state == SDK_ENDING) {
		refuse(asked, STATUS_CONFLICT, "the process has a game session, or is ending");
		return;
	}
	process->port = (uint16_t)port;
	process->state = SDK_READY;
	__atomic_fetch_add(&asked->core->counts.activated, 1, __ATOMIC_RELAXED);
	process->unhealthy_count = 0;
	process->heard_ms = asked->core->now_ms;
	process->is_changed = true;
	ringcast_list_remove(&process->node); /* behind those that wait longer */
	ringcast_list_add_tail(&asked->core->processes, &process->node);
	ringcast_sdk_core_tell_room(asked->core, process);
	answer(asked, NULL);
}

static void hear_health(const struct asked *asked)
{
	struct sdk_process *process = asked->process;
	bool is_healthy = ringcast_sdk_message_flag(asked->message, "HealthStatus");
	process->heard_ms = asked->core->now_ms;
	process->unhealthy_count = is_healthy ? 0 : process->unhealthy_count + 1;
	answer(asked, NULL);
	if (process->unhealthy_count != UNHEALTHY_MAX || process->state == SDK_ENDING)
		return;
	ringcast_sdk_core_note(asked->core, process->fleet, "SERVER_PROCESS_TERMINATED_UNHEALTHY", "it said three times in a row that it is not healthy");
	ringcast_sdk_core_begin_end(asked->core, process, "it is not healthy");
}

static void terminate_process(const struct asked *asked)
{
	struct sdk_process *process = asked->process;
	struct sdk_core *core = asked->core;
	int64_t until_ms = core->now_ms + EXIT_MS;
	bool has_less = process->state == SDK_ENDING && process->deadline_ms != 0 && process->deadline_ms < until_ms; /* told to, or says it again */
	process->state = SDK_ENDING;
	process->deadline_ms = has_less ? process->deadline_ms : until_ms;
	process->is_changed = true;
	ringcast_sdk_core_end_session(core, process, "the game server has ended it");
	answer(asked, NULL);
	if (core->options.ops->is_own(core->options.context, process->fleet, process->id))
		core->options.ops->stop(core->options.context, process->id, process->deadline_ms);
}

static void get_certificate(const struct asked *asked)
{
	const json_t *path = json_object_get(ringcast_sdk_core_compute(asked->core, asked->process), "CertificatePath");
	if (path == NULL)
		refuse(asked, STATUS_NOT_FOUND, "the compute has no certificate: RegisterCompute takes a CertificatePath");
	else
		answer(asked, json_pack("{s:O, s:s}", "CertificatePath", path, "ComputeName", asked->process->compute));
}

static void get_credentials(const struct asked *asked)
{
	refuse(asked, STATUS_BAD, "there are no IAM roles here: hand a game server its credentials by its environment or a file");
}

static void refresh(const struct asked *asked)
{
	char token[COMPUTE_TOKEN_BYTES];
	asked->link->is_followed = true;
	ringcast_sdk_core_token(asked->core, asked->process->fleet, asked->process->compute, token);
	answer(asked, json_pack("{s:s, s:s}", "RefreshConnectionEndpoint", asked->core->options.endpoint, "AuthToken", token));
}

/* The session */

static void activate_session(const struct asked *asked)
{
	struct sdk_session *session = session_of(asked);
	if (session == NULL)
		return;
	if (asked->process->state == SDK_ENDING) {
		refuse(asked, STATUS_CONFLICT, "the process is ending");
		return;
	}
	bool was_active = session->is_active;
	session->is_active = true;
	asked->process->is_changed = asked->process->is_changed || !was_active;
	answer(asked, NULL);
	if (!was_active)
		tell(asked, HOST_SESSION_ACTIVE, "");
}

static void change_policy(const struct asked *asked)
{
	struct sdk_session *session = session_of(asked);
	const char *policy = text_of(asked, "PlayerSessionPolicy");
	bool is_deny_all = strcmp(policy, "DENY_ALL") == 0;
	if (session == NULL)
		return;
	if (!is_deny_all && strcmp(policy, "ACCEPT_ALL") != 0) {
		refuse(asked, STATUS_BAD, "PlayerSessionPolicy: must be ACCEPT_ALL or DENY_ALL");
		return;
	}
	session->is_deny_all = is_deny_all;
	asked->process->is_changed = true;
	answer(asked, NULL);
	tell(asked, is_deny_all ? HOST_SESSION_CLOSED : HOST_SESSION_OPENED, "");
}

/* Its players */

/* The player; NULL: refused. */
static struct sdk_player *player_of(const struct asked *asked)
{
	struct sdk_session *session = session_of(asked);
	struct sdk_player *player = session != NULL ? ringcast_sdk_player_find(session, text_of(asked, "PlayerSessionId")) : NULL;
	if (session != NULL && player == NULL)
		refuse(asked, STATUS_NOT_FOUND, "PlayerSessionId: there is no such player session in this game session");
	return player;
}

static void accept_player(const struct asked *asked)
{
	struct sdk_player *player = player_of(asked);
	char text[128];
	if (player == NULL)
		return;
	if (player->status != SDK_PLAYER_RESERVED) {
		snprintf(text, sizeof(text), "PlayerSessionId: the player session is %s, not RESERVED", ringcast_sdk_player_status_name(player->status));
		refuse(asked, STATUS_BAD, text);
		return;
	}
	player->status = SDK_PLAYER_ACTIVE;
	asked->process->is_changed = true;
	answer(asked, NULL);
	tell(asked, HOST_PLAYER_ACTIVE, player->id);
}

static void remove_player(const struct asked *asked)
{
	struct sdk_player *player = player_of(asked);
	if (player == NULL)
		return;
	if (player->status != SDK_PLAYER_ACTIVE && player->status != SDK_PLAYER_RESERVED) {
		refuse(asked, STATUS_BAD, "PlayerSessionId: the player session has ended already");
		return;
	}
	tell(asked, HOST_PLAYER_COMPLETED, player->id);
	ringcast_sdk_player_end(asked->process->session, player, SDK_PLAYER_COMPLETED, asked->core->now_ms);
	asked->process->is_changed = true;
	answer(asked, NULL);
}

static json_t *show_player(const struct asked *asked, const struct sdk_player *player)
{
	json_t *json = ringcast_sdk_core_place(asked->core, asked->process);
	json_object_set_new(json, "PlayerId", json_string(player->player_id));
	json_object_set_new(json, "PlayerSessionId", json_string(player->id));
	json_object_set_new(json, "GameSessionId", json_string(ringcast_sdk_session_arn(asked->process->session)));
	json_object_set_new(json, "FleetId", json_string(asked->process->fleet));
	json_object_set_new(json, "PlayerData", json_string(player->data != NULL ? player->data : ""));
	json_object_set_new(json, "CreationTime", json_integer(player->created_ms));
	json_object_set_new(json, "TerminationTime", json_integer(player->ended_ms));
	json_object_set_new(json, "Status", json_string(ringcast_sdk_player_status_name(player->status)));
	return json;
}

struct wish {
	const char *player_id, *player_session, *status; /* "" for any */
};

static bool is_wished(const struct wish *wish, const struct sdk_player *player)
{
	return (*wish->player_id == '\0' || strcmp(wish->player_id, player->player_id) == 0) &&
	       (*wish->player_session == '\0' || strcmp(wish->player_session, player->id) == 0) &&
	       (*wish->status == '\0' || strcmp(wish->status, "NOT_SET") == 0 || strcmp(wish->status, ringcast_sdk_player_status_name(player->status)) == 0);
}

/* A page begins behind the player session that its token names. */
static void list_players(const struct asked *asked, const struct wish *wish)
{
	json_int_t limit = ringcast_sdk_message_number(asked->message, "Limit", DESCRIBE_MAX);
	const char *behind = text_of(asked, "NextToken"), *last = "";
	bool is_behind = *behind == '\0', is_more = false;
	json_t *list = json_array(), *result = json_pack("{s:o}", "PlayerSessions", list);
	const struct sdk_session *session = asked->process->session;
	limit = limit < 1 || limit > DESCRIBE_MAX ? DESCRIBE_MAX : limit;
	for (struct list_node *node = session->players.next; node != &session->players && !is_more; node = node->next) {
		const struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		bool is_shown = is_behind && is_wished(wish, player);
		is_behind = is_behind || strcmp(behind, player->id) == 0;
		if (!is_shown)
			continue;
		is_more = (json_int_t)json_array_size(list) == limit;
		if (is_more)
			break;
		json_array_append_new(list, show_player(asked, player));
		last = player->id;
	}
	if (is_more)
		json_object_set_new(result, "NextToken", json_string(last));
	answer(asked, result);
}

static void describe_players(const struct asked *asked)
{
	struct wish wish = {text_of(asked, "PlayerId"), text_of(asked, "PlayerSessionId"), text_of(asked, "PlayerSessionStatusFilter")};
	const char *session = text_of(asked, "GameSessionId");
	if ((*session != '\0') + (*wish.player_id != '\0') + (*wish.player_session != '\0') != 1) {
		refuse(asked, STATUS_BAD, "exactly one of GameSessionId, PlayerId and PlayerSessionId must be given");
		return;
	}
	if (*session != '\0' && session_of(asked) == NULL)
		return;
	if (asked->process->session == NULL)
		answer(asked, json_pack("{s:[]}", "PlayerSessions"));
	else
		list_players(asked, &wish);
}

/* Backfill, which the service answers */

static void start_backfill(const struct asked *asked)
{
	const struct sdk_session *session = session_by(asked, "GameSessionArn");
	if (session == NULL)
		return;
	if (!session->is_active || asked->process->state == SDK_ENDING)
		refuse(asked, STATUS_CONFLICT, "the game session is not active, or its process is ending");
	else
		ringcast_sdk_core_ask(asked->core, asked->link, asked->message, HOST_START_BACKFILL, ringcast_sdk_backfill_start(asked->message));
}

static void stop_backfill(const struct asked *asked)
{
	if (session_by(asked, "GameSessionArn") != NULL)
		ringcast_sdk_core_ask(asked->core, asked->link, asked->message, HOST_STOP_BACKFILL, ringcast_sdk_backfill_stop(asked->message));
}

void ringcast_sdk_core_answer(struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message)
{
	static void (*const answers[])(const struct asked *) = {
		[SDK_ActivateServerProcess] = activate_process,
		[SDK_HeartbeatServerProcess] = hear_health,
		[SDK_TerminateServerProcess] = terminate_process,
		[SDK_ActivateGameSession] = activate_session,
		[SDK_AcceptPlayerSession] = accept_player,
		[SDK_RemovePlayerSession] = remove_player,
		[SDK_UpdatePlayerSessionCreationPolicy] = change_policy,
		[SDK_DescribePlayerSessions] = describe_players,
		[SDK_StartMatchBackfill] = start_backfill,
		[SDK_StopMatchBackfill] = stop_backfill,
		[SDK_GetComputeCertificate] = get_certificate,
		[SDK_GetFleetRoleCredentials] = get_credentials,
		[SDK_RefreshConnection] = refresh,
	};
	const struct asked asked = {core, link, link->process, message};
	if (message->action == SDK_ACTION_UNKNOWN)
		refuse(&asked, STATUS_BAD, "Action: there is no such action");
	else
		answers[message->action](&asked);
}
