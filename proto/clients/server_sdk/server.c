#include "proto/clients/server_sdk/ringcast_server.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clients/server_sdk/socket.h"

enum { ANSWER_MS = 20000, HEARTBEAT_MS = 60000, RETRY_FIRST_MS = 500, RETRY_MAX_MS = 32000, TEXT_COUNT = 5, PUSHES_MAX = 64 };
enum { STATUS_GOOD = 200, STATUS_BAD = 400, STATUS_NONE = 500 };

struct ringcast_server {
	ringcast_server_options options; /* texts are those below */
	char *texts[TEXT_COUNT];
	struct server_socket socket;
	json_t *pushes; /* told and not delivered yet, oldest first */
	json_t *session; /* of CreateGameSession; NULL: none */
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	uint64_t request_number;
	uint16_t port; /* 0: not ready yet */
	bool is_ending;
	int64_t heartbeat_at_ms, retry_at_ms, retry_ms;
};

/* Connecting */

static const char *const variables[TEXT_COUNT] = {"GAMELIFT_SDK_WEBSOCKET_URL", "GAMELIFT_SDK_AUTH_TOKEN", "GAMELIFT_SDK_PROCESS_ID", "GAMELIFT_SDK_HOST_ID",
						  "GAMELIFT_SDK_FLEET_ID"};

static const char **text_at(ringcast_server_options *options, size_t index)
{
	const char **const texts[TEXT_COUNT] = {&options->url, &options->token, &options->process_id, &options->host_id, &options->fleet_id};
	return texts[index];
}

static bool copy_texts(ringcast_server *server, char problem[RINGCAST_SERVER_PROBLEM_BYTES])
{
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		const char **text = text_at(&server->options, i);
		if (*text == NULL)
			*text = getenv(variables[i]);
		if (*text == NULL) {
			snprintf(problem, RINGCAST_SERVER_PROBLEM_BYTES, "%s is not set, and no option says it", variables[i]);
			return false;
		}
		if ((server->texts[i] = strdup(*text)) == NULL) {
			snprintf(problem, RINGCAST_SERVER_PROBLEM_BYTES, "out of memory");
			return false;
		}
		*text = server->texts[i];
	}
	return true;
}

static bool replace_text(ringcast_server *server, size_t index, const char *text)
{
	char *copy = strdup(text);
	if (copy == NULL)
		return false;
	free(server->texts[index]);
	server->texts[index] = copy;
	*text_at(&server->options, index) = copy;
	return true;
}

static bool add_encoded(char *out, size_t size, const char *name, const char *value)
{
	size_t used = strlen(out);
	int added = snprintf(out + used, size - used, "%s=", name);
	for (used += (size_t)added; *value != '\0' && used + 4 < size; value++) {
		bool is_plain = isalnum((unsigned char)*value) || strchr("-_.~", *value) != NULL;
		used += (size_t)snprintf(out + used, size - used, is_plain ? "%c" : "%%%02X", (unsigned char)*value);
	}
	return *value == '\0';
}

static bool write_path(const ringcast_server *server, char path[SERVER_PATH_BYTES])
{
	uint64_t once[2] = {0};
	char once_text[40];
	if (ringcast_server_random_bytes(once, sizeof(once)) < 0)
		return false;
	snprintf(once_text, sizeof(once_text), "%016" PRIx64 "%016" PRIx64, once[0], once[1]);
	path[0] = '\0';
	return add_encoded(path, SERVER_PATH_BYTES, "/?Authorization", server->options.token) &&
	       add_encoded(path, SERVER_PATH_BYTES, "&ComputeId", server->options.host_id) &&
	       add_encoded(path, SERVER_PATH_BYTES, "&FleetId", server->options.fleet_id) && add_encoded(path, SERVER_PATH_BYTES, "&IdempotencyToken", once_text) &&
	       add_encoded(path, SERVER_PATH_BYTES, "&pID", server->options.process_id) && add_encoded(path, SERVER_PATH_BYTES, "&sdkLanguage", "C") &&
	       add_encoded(path, SERVER_PATH_BYTES, "&sdkVersion", "5.4.0");
}

/* False: the server goes on with the connection that it has, if it has one. */
static bool connect_again(ringcast_server *server)
{
	char path[SERVER_PATH_BYTES];
	struct server_socket fresh;
	if (!write_path(server, path)) {
		snprintf(server->problem, sizeof(server->problem), "token, fleet, host and process id are too long together");
		return false;
	}
	if (!ringcast_server_socket_open(&fresh, server->options.url, path, server->problem, sizeof(server->problem)))
		return false;
	ringcast_server_socket_close(&server->socket);
	server->socket = fresh;
	server->retry_ms = RETRY_FIRST_MS;
	server->heartbeat_at_ms = ringcast_server_steady_ms();
	return true;
}

ringcast_server *ringcast_server_create(const ringcast_server_options *options, char problem[RINGCAST_SERVER_PROBLEM_BYTES])
{
	ringcast_server *server = calloc(1, sizeof(*server));
	snprintf(problem, RINGCAST_SERVER_PROBLEM_BYTES, "out of memory");
	if (server == NULL)
		return NULL;
	server->socket.fd = -1;
	server->options = *options;
	server->pushes = json_array();
	if (server->options.heartbeat_ms == 0)
		server->options.heartbeat_ms = HEARTBEAT_MS;
	if (server->pushes != NULL && copy_texts(server, problem)) {
		if (connect_again(server))
			return server;
		snprintf(problem, RINGCAST_SERVER_PROBLEM_BYTES, "%s", server->problem);
	}
	ringcast_server_destroy(&server);
	return NULL;
}

void ringcast_server_destroy(ringcast_server **server)
{
	if (*server == NULL)
		return;
	ringcast_server_socket_close(&(*server)->socket);
	json_decref((*server)->pushes);
	json_decref((*server)->session);
	for (size_t i = 0; i < TEXT_COUNT; i++)
		free((*server)->texts[i]);
	free(*server);
	*server = NULL;
}

/* Messages */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static void lose(ringcast_server *server)
{
	ringcast_server_socket_close(&server->socket);
	server->retry_ms = server->retry_ms == 0 ? RETRY_FIRST_MS : server->retry_ms;
	server->retry_at_ms = ringcast_server_steady_ms() + server->retry_ms;
}

/* The next message, or NULL: none within timeout_ms, or the connection is lost (fd is -1 then). What is no JSON object is left out. */
static json_t *next_message(ringcast_server *server, int timeout_ms)
{
	const char *text;
	size_t size;
	int result;
	while ((result = ringcast_server_socket_receive(&server->socket, timeout_ms, &text, &size)) == 1) {
		json_t *message = json_loadb(text, size, 0, NULL);
		if (json_is_object(message))
			return message;
		json_decref(message);
	}
	if (result < 0)
		lose(server);
	return NULL;
}

/* Takes the message. What has an id is an answer that nobody waits for any more. */
static void keep_push(ringcast_server *server, json_t *message)
{
	if (json_object_get(message, "RequestId") == NULL && json_array_size(server->pushes) < PUSHES_MAX)
		json_array_append(server->pushes, message);
	json_decref(message);
}

/* Takes body, which may be NULL when memory is short. False: not sent. */
static bool send_request(ringcast_server *server, const char *action, json_t *body, char ret_id[32])
{
	snprintf(ret_id, 32, "c-%" PRIu64, ++server->request_number);
	json_object_set_new(body, "Action", json_string(action));
	json_object_set_new(body, "RequestId", json_string(ret_id));
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	bool is_sent = text != NULL && ringcast_server_socket_send(&server->socket, text);
	free(text);
	if (!is_sent && server->socket.fd >= 0)
		lose(server);
	return is_sent;
}

static int status_of(ringcast_server *server, json_t *answer)
{
	const json_t *status = json_object_get(answer, "StatusCode");
	int number = json_is_integer(status) ? (int)json_integer_value(status) : STATUS_NONE;
	snprintf(server->problem, sizeof(server->problem), "%s", number != STATUS_GOOD ? text_of(answer, "ErrorMessage") : "");
	json_decref(answer);
	return number == STATUS_GOOD ? 0 : number;
}

/* ret_answer: NULL where nobody wants it; else the caller's, set only when 0 is returned. */
static int ask_for(ringcast_server *server, const char *action, json_t *body, json_t **ret_answer)
{
	char id[32];
	int64_t until_ms = ringcast_server_steady_ms() + ANSWER_MS, left_ms;
	bool is_sent = send_request(server, action, body, id);
	while (is_sent && (left_ms = until_ms - ringcast_server_steady_ms()) > 0) {
		json_t *message = next_message(server, (int)left_ms);
		if (message == NULL)
			break;
		if (strcmp(text_of(message, "RequestId"), id) == 0) {
			json_t *answer = json_incref(message);
			int status = status_of(server, message);
			if (ret_answer != NULL && status == 0)
				*ret_answer = answer;
			else
				json_decref(answer);
			return status;
		}
		keep_push(server, message);
	}
	snprintf(server->problem, sizeof(server->problem), "%s: no answer", action);
	return RINGCAST_SERVER_LOST;
}

static int ask(ringcast_server *server, const char *action, json_t *body)
{
	return ask_for(server, action, body, NULL);
}

static int ask_about_session(ringcast_server *server, const char *action, const char *name, const char *value)
{
	json_t *body = json_pack("{s:s}", "GameSessionId", ringcast_server_session_id(server));
	if (name != NULL)
		json_object_set_new(body, name, json_string(value));
	return ask(server, action, body);
}

/* Requests */

int ringcast_server_ready(ringcast_server *server, uint16_t port)
{
	int status = ask(server, "ActivateServerProcess",
			 json_pack("{s:s, s:s, s:i, s:[]}", "SdkVersion", "5.4.0", "SdkLanguage", "C", "Port", (int)port, "LogPaths"));
	if (status == 0)
		server->port = port;
	server->heartbeat_at_ms = ringcast_server_steady_ms();
	return status;
}

int ringcast_server_activate_session(ringcast_server *server)
{
	return ask_about_session(server, "ActivateGameSession", NULL, NULL);
}

int ringcast_server_accept_player(ringcast_server *server, const char *player_session_id)
{
	return ask_about_session(server, "AcceptPlayerSession", "PlayerSessionId", player_session_id);
}

int ringcast_server_remove_player(ringcast_server *server, const char *player_session_id)
{
	return ask_about_session(server, "RemovePlayerSession", "PlayerSessionId", player_session_id);
}

int ringcast_server_take_players(ringcast_server *server, bool is_open)
{
	return ask_about_session(server, "UpdatePlayerSessionCreationPolicy", "PlayerSessionPolicy", is_open ? "ACCEPT_ALL" : "DENY_ALL");
}

/* Takes list. The configuration that made the match stands in the session's matchmaker data. */
static json_t *backfill_body(const ringcast_server *server, const char *configuration, const char *ticket, json_t *list)
{
	json_t *data = json_loads(text_of(server->session, "MatchmakerData"), 0, NULL);
	json_t *body = json_pack("{s:s, s:s, s:s*, s:o*}", "GameSessionArn", ringcast_server_session_id(server), "MatchmakingConfigurationArn",
				 configuration != NULL ? configuration : text_of(data, "matchmakingConfigurationArn"), "TicketId", ticket, "Players", list);
	json_decref(data);
	return body;
}

int ringcast_server_start_backfill(ringcast_server *server, const ringcast_server_backfill *backfill, char ret_ticket[RINGCAST_SERVER_TICKET_BYTES])
{
	json_t *list = backfill->players != NULL ? json_loads(backfill->players, 0, NULL) : NULL, *answer;
	if (backfill->players != NULL && !json_is_array(list)) {
		json_decref(list);
		snprintf(server->problem, sizeof(server->problem), "players are no JSON list");
		return STATUS_BAD;
	}
	int status = ask_for(server, "StartMatchBackfill", backfill_body(server, backfill->configuration, backfill->ticket, list), &answer);
	if (status != 0)
		return status;
	snprintf(ret_ticket, RINGCAST_SERVER_TICKET_BYTES, "%s", text_of(answer, "TicketId"));
	json_decref(answer);
	return 0;
}

int ringcast_server_stop_backfill(ringcast_server *server, const char *ticket)
{
	return ask(server, "StopMatchBackfill", backfill_body(server, NULL, ticket, NULL));
}

int ringcast_server_ending(ringcast_server *server)
{
	server->is_ending = true;
	return ask(server, "TerminateServerProcess", json_object());
}

const char *ringcast_server_problem(const ringcast_server *server)
{
	return server->problem;
}

/* What is told */

static const char *property_of(const ringcast_server_session *session, size_t index, const char **ret_value)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(session->inside, "GameProperties"), name, value) {
		if (index-- > 0)
			continue;
		*ret_value = json_string_value(value) != NULL ? json_string_value(value) : "";
		return name;
	}
	return NULL;
}

static ringcast_server_session show(const json_t *json, const char *name)
{
	return (ringcast_server_session){
		.id = text_of(json, "GameSessionId"),
		.name = text_of(json, name),
		.data = text_of(json, "GameSessionData"),
		.matchmaker_data = text_of(json, "MatchmakerData"),
		.players_max = (uint32_t)json_integer_value(json_object_get(json, "MaximumPlayerSessionCount")),
		.property = property_of,
		.inside = json,
		.update_reason = "",
		.backfill_ticket = "",
	};
}

/* After a lost connection the service may say it again: it cannot know whether it was heard. */
static void start(ringcast_server *server, json_t *push)
{
	if (server->session != NULL && strcmp(ringcast_server_session_id(server), text_of(push, "GameSessionId")) == 0)
		return;
	json_decref(server->session);
	server->session = json_incref(push);
	ringcast_server_session session = show(push, "GameSessionName");
	if (server->options.on_start != NULL)
		server->options.on_start(server->options.context, &session);
}

static void update(ringcast_server *server, json_t *push)
{
	ringcast_server_session session = show(json_object_get(push, "GameSession"), "Name");
	session.update_reason = text_of(push, "UpdateReason");
	session.backfill_ticket = text_of(push, "BackfillTicketId");
	if (server->options.on_update != NULL)
		server->options.on_update(server->options.context, &session);
}

/* The old connection goes when the new one is there; if that fails, the old one's end brings the next try. */
static void refresh(ringcast_server *server, const json_t *push)
{
	const char *url = text_of(push, "RefreshConnectionEndpoint"), *token = text_of(push, "AuthToken");
	if (*token != '\0' && replace_text(server, 1, token) && (*url == '\0' || replace_text(server, 0, url)))
		connect_again(server);
}

static void deliver(ringcast_server *server, json_t *push)
{
	const char *action = text_of(push, "Action");
	if (strcmp(action, "CreateGameSession") == 0)
		start(server, push);
	else if (strcmp(action, "UpdateGameSession") == 0)
		update(server, push);
	else if (strcmp(action, "RefreshConnection") == 0)
		refresh(server, push);
	else if (strcmp(action, "TerminateProcess") == 0 && server->options.on_terminate != NULL)
		server->options.on_terminate(server->options.context, json_integer_value(json_object_get(push, "TerminationTime")));
}

static void deliver_all(ringcast_server *server)
{
	while (json_array_size(server->pushes) > 0) {
		json_t *push = json_incref(json_array_get(server->pushes, 0));
		json_array_remove(server->pushes, 0);
		deliver(server, push);
		json_decref(push);
	}
}

/* Its answer is not waited for: next_message leaves it out. */
static void report_health(ringcast_server *server)
{
	char id[32];
	bool is_healthy = server->options.is_healthy == NULL || server->options.is_healthy(server->options.context);
	server->heartbeat_at_ms = ringcast_server_steady_ms() + server->options.heartbeat_ms;
	send_request(server, "HeartbeatServerProcess", json_pack("{s:b}", "HealthStatus", is_healthy), id);
}

static void come_back(ringcast_server *server)
{
	if (ringcast_server_steady_ms() < server->retry_at_ms || connect_again(server))
		return;
	server->retry_ms = 2 * server->retry_ms < RETRY_MAX_MS ? 2 * server->retry_ms : RETRY_MAX_MS;
	server->retry_at_ms = ringcast_server_steady_ms() + server->retry_ms;
}

static int least(int64_t a, int64_t b)
{
	int64_t value = a < b ? a : b;
	return value > 0 ? (int)value : 0;
}

void ringcast_server_poll(ringcast_server *server, int timeout_ms)
{
	int64_t now_ms = ringcast_server_steady_ms();
	if (server->socket.fd < 0 && !server->is_ending)
		come_back(server);
	if (server->port != 0 && server->socket.fd >= 0 && now_ms >= server->heartbeat_at_ms)
		report_health(server);
	if (json_array_size(server->pushes) > 0)
		timeout_ms = 0;
	if (server->socket.fd >= 0) {
		json_t *message = next_message(server, server->port != 0 ? least(timeout_ms, server->heartbeat_at_ms - now_ms) : timeout_ms);
		for (; message != NULL; message = next_message(server, 0))
			keep_push(server, message);
	} else {
		ringcast_server_sleep_ms(server->is_ending ? timeout_ms : least(timeout_ms, server->retry_at_ms - now_ms));
	}
	deliver_all(server);
}

int ringcast_server_fd(const ringcast_server *server)
{
	return server->socket.fd;
}

const char *ringcast_server_session_id(const ringcast_server *server)
{
	return text_of(server->session, "GameSessionId");
}
