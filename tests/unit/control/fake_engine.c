/*
 * The public functions of the engine, without an engine: sessions and players in arrays, no sockets, no threads. For the control plane's
 * tests alone. A session named "slow" answers RINGCAST_ERROR_TIMEOUT, so that tests can see what callers make of it.
 */
#include "fake_engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_session {
	ringcast_session_info info;
	ringcast_player_info players[FAKE_ENGINE_PLAYERS_MAX];
	uint32_t player_count;
	int32_t peer_id_last;
};

struct ringcast_engine {
	pthread_mutex_t mutex;
	ringcast_engine_options options;
	ringcast_limits limits;
	struct fake_session sessions[FAKE_ENGINE_SESSIONS_MAX];
	uint32_t session_count, session_serial;
	atomic_bool is_draining;
	char kick_reason[128];
};

static _Atomic uint64_t stall_ns;

uint64_t ringcast_engine_running_ns(const ringcast_engine *engine)
{
	return 1;
}

void fake_engine_set_stall_ns(uint64_t value)
{
	stall_ns = value;
}

const ringcast_limits *fake_engine_limits(const ringcast_engine *engine)
{
	return &engine->limits;
}

const char *fake_engine_kick_reason(const ringcast_engine *engine)
{
	return engine->kick_reason;
}

const char *ringcast_error_text(int error)
{
	static const char *const texts[] = {"ok",           "invalid argument",  "out of memory", "not found", "full", "not possible now",
					    "system error", "no answer in time", "exists already"};
	return error <= 0 && error > -9 ? texts[-error] : "unknown error";
}

void ringcast_crash_install(const char *program, const char *folder)
{
	(void)program, (void)folder; /* sanitizers and debuggers have the signals here */
}

const char *ringcast_version(void)
{
	return "0.1.0-fake";
}

void ringcast_limits_default(ringcast_limits *ret_limits)
{
#define X(type, name, default_value, ...) ret_limits->name = default_value;
	RINGCAST_LIMITS(X)
#undef X
}

/* Encryption is off in here: the control plane's part in it is to read files and to pass them on. */

int ringcast_tls_library(const char *name, char *ret_text, size_t text_bytes)
{
	snprintf(ret_text, text_bytes, "none in the fake engine");
	return RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_certificate_read(const char *certificate, const char *key, ringcast_certificate_info *ret_info, char *error, size_t error_bytes)
{
	*ret_info = (ringcast_certificate_info){.not_after_s = 4102444800};
	return RINGCAST_OK;
}

int ringcast_engine_renew_tickets(ringcast_engine *engine, char *error, size_t error_bytes)
{
	return RINGCAST_OK;
}

uint32_t ringcast_cpu_count(void)
{
	return 2;
}

uint64_t ringcast_memory_limit(void)
{
	return UINT64_C(8) << 30;
}

int ringcast_engine_check(const ringcast_engine_options *options, char *error, size_t error_bytes)
{
	if (!options->certificate || strstr(options->certificate, "fake: good"))
		return RINGCAST_OK;
	snprintf(error, error_bytes, "the certificate is not a good one");
	return RINGCAST_ERROR_ARGUMENT;
}

ringcast_security ringcast_engine_security(const ringcast_engine *engine)
{
	return engine->options.security == RINGCAST_SECURITY_DEFAULT ? RINGCAST_SECURITY_OFF : engine->options.security;
}

const char *ringcast_engine_made_ca(const ringcast_engine *engine)
{
	return NULL;
}

int ringcast_engine_certificate(ringcast_engine *engine, ringcast_certificate_info *ret_info)
{
	return RINGCAST_ERROR_STATE;
}

int ringcast_engine_reload_credentials(ringcast_engine *engine, const char *certificate, const char *key, const char *client_ca, char *error,
				       size_t error_bytes)
{
	ringcast_engine_options options = {.certificate = certificate};
	return ringcast_engine_check(&options, error, error_bytes);
}

/* Good where it begins well. */
const char *ringcast_token_key_problem(const ringcast_token_key *key)
{
	return strncmp(key->key, "ed25519:", 8) == 0 || strncmp(key->key, "hs256:", 6) == 0 ? NULL : "the key must begin with ed25519: or hs256:";
}

int ringcast_engine_reload_token_keys(ringcast_engine *engine, const ringcast_token_key *keys, size_t count, const char *audience, char *error,
				      size_t error_bytes)
{
	return RINGCAST_OK;
}

int ringcast_engine_create(const ringcast_engine_options *options, ringcast_engine **ret_engine, char *error, size_t error_bytes)
{
	ringcast_engine *engine = calloc(1, sizeof(*engine));
	if (!engine) {
		snprintf(error, error_bytes, "out of memory");
		return RINGCAST_ERROR_MEMORY;
	}
	pthread_mutex_init(&engine->mutex, NULL);
	engine->options = *options;
	engine->limits = options->limits;
	*ret_engine = engine;
	return RINGCAST_OK;
}

int ringcast_engine_start(ringcast_engine *engine, char *error, size_t error_bytes)
{
	(void)error;
	(void)error_bytes;
	if (engine->options.log)
		engine->options.log(engine->options.log_context, RINGCAST_LOG_DEBUG, "engine", "started", "fake=true");
	return RINGCAST_OK;
}

int ringcast_engine_drain(ringcast_engine *engine)
{
	engine->is_draining = true;
	return RINGCAST_OK;
}

int ringcast_engine_drain_within(ringcast_engine *engine, uint64_t timeout_ms)
{
	(void)timeout_ms;
	return ringcast_engine_drain(engine);
}

int ringcast_engine_resume(ringcast_engine *engine)
{
	engine->is_draining = false;
	return RINGCAST_OK;
}

bool ringcast_engine_is_draining(const ringcast_engine *engine)
{
	return engine->is_draining;
}

int ringcast_engine_stop(ringcast_engine *engine, uint32_t timeout_ms)
{
	(void)engine;
	(void)timeout_ms;
	return RINGCAST_OK;
}

void ringcast_engine_destroy(ringcast_engine **engine)
{
	if (!*engine)
		return;
	pthread_mutex_destroy(&(*engine)->mutex);
	free(*engine);
	*engine = NULL;
}

int ringcast_engine_reload(ringcast_engine *engine, const ringcast_limits *limits)
{
	pthread_mutex_lock(&engine->mutex);
#define X(type, name, default_value, min, max, reloadable, text)                                                                                     \
	if (reloadable)                                                                                                                    \
		engine->limits.name = limits->name;
	RINGCAST_LIMITS(X)
#undef X
	pthread_mutex_unlock(&engine->mutex);
	return RINGCAST_OK;
}

uint32_t ringcast_engine_shard_count(const ringcast_engine *engine)
{
	return engine->options.shard_count;
}

uint16_t ringcast_engine_tcp_port(const ringcast_engine *engine)
{
	return engine->options.tcp_port ? engine->options.tcp_port : 40000;
}

uint16_t ringcast_engine_udp_port(const ringcast_engine *engine, uint32_t shard, uint32_t index)
{
	uint16_t base = engine->options.udp_port_base ? engine->options.udp_port_base : 40001;
	if (engine->options.is_udp_off)
		return 0;
	return (uint16_t)(base + shard * engine->options.udp_ports_per_shard + index);
}

const char *ringcast_engine_io_name(const ringcast_engine *engine)
{
	return engine->options.io == RINGCAST_IO_EPOLL ? "epoll" : "io_uring";
}

uint64_t ringcast_engine_stall_ns(const ringcast_engine *engine)
{
	(void)engine;
	return stall_ns;
}

uint64_t ringcast_memory_bill(const ringcast_engine_options *options, ringcast_memory_fn *each, void *context)
{
	uint64_t buffers = options->shard_count * options->limits.buffer_memory_bytes;
	each(context, "buffers", buffers, true);
	each(context, "scripts", options->scripts.memory_bytes, false);
	return buffers + options->scripts.memory_bytes;
}

void ringcast_metrics_each(ringcast_engine *engine, ringcast_metric_fn *each, void *context)
{
	static const char *const name = "ringcast_fanout_duration_seconds_bucket", *const help = "From receipt to the last send.";
	pthread_mutex_lock(&engine->mutex);
	uint32_t session_count = engine->session_count;
	pthread_mutex_unlock(&engine->mutex);
	each(context, "ringcast_sessions", "gauge", "Sessions.", "", session_count);
	each(context, "ringcast_drops_total", "counter", "Messages dropped, by reason.", "reason=\"rate_messages\"", 7);
	each(context, name, "histogram", help, "le=\"0.001\"", 3);
	each(context, name, "histogram", help, "le=\"+Inf\"", 4);
	each(context, "ringcast_fanout_duration_seconds_sum", "histogram", help, "", 0.5);
	each(context, "ringcast_fanout_duration_seconds_count", "histogram", help, "", 4);
	each(context, "ringcast_drops_total", "counter", "Messages dropped, by reason.", "reason=\"no_target\"", 1);
}

static struct fake_session *find_session(ringcast_engine *engine, const char *id)
{
	for (uint32_t i = 0; i < engine->session_count; i++)
		if (strcmp(engine->sessions[i].info.id, id) == 0)
			return &engine->sessions[i];
	return NULL;
}

static int add_session(ringcast_engine *engine, const ringcast_session_options *options, char ret_id[RINGCAST_ID_BYTES])
{
	if (engine->is_draining)
		return RINGCAST_ERROR_STATE;
	if (options->name && strcmp(options->name, "slow") == 0)
		return RINGCAST_ERROR_TIMEOUT;
	if (engine->session_count == FAKE_ENGINE_SESSIONS_MAX)
		return RINGCAST_ERROR_FULL;
	struct fake_session *session = &engine->sessions[engine->session_count++];
	memset(session, 0, sizeof(*session));
	snprintf(session->info.id, sizeof(session->info.id), "gsess-%04u", ++engine->session_serial);
	snprintf(session->info.name, sizeof(session->info.name), "%s", options->name ? options->name : "");
	snprintf(session->info.state, sizeof(session->info.state), "active");
	session->info.players_max = options->players_max ? options->players_max : 32;
	session->info.created_ns = 5000000000;
	session->info.age_ns = 1500000000;
	snprintf(ret_id, RINGCAST_ID_BYTES, "%s", session->info.id);
	return RINGCAST_OK;
}

int ringcast_session_create(ringcast_engine *engine, const ringcast_session_options *options, char ret_id[RINGCAST_ID_BYTES])
{
	pthread_mutex_lock(&engine->mutex);
	int error = add_session(engine, options, ret_id);
	pthread_mutex_unlock(&engine->mutex);
	return error;
}

int ringcast_session_terminate(ringcast_engine *engine, const char *session_id, uint64_t timeout_ms)
{
	(void)timeout_ms;
	return ringcast_session_end(engine, session_id);
}

int ringcast_session_end(ringcast_engine *engine, const char *session_id)
{
	pthread_mutex_lock(&engine->mutex);
	struct fake_session *session = find_session(engine, session_id);
	if (session)
		*session = engine->sessions[--engine->session_count];
	pthread_mutex_unlock(&engine->mutex);
	return session ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_session_describe(ringcast_engine *engine, const char *session_id, ringcast_session_info *ret_info)
{
	pthread_mutex_lock(&engine->mutex);
	const struct fake_session *session = find_session(engine, session_id);
	if (session)
		*ret_info = session->info;
	pthread_mutex_unlock(&engine->mutex);
	return session ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

uint64_t ringcast_engine_player_count(const ringcast_engine *engine)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < engine->session_count; i++)
		count += engine->sessions[i].info.player_count;
	return count;
}

int ringcast_session_list(ringcast_engine *engine, ringcast_session_info *infos, size_t info_count_max, size_t *ret_count)
{
	pthread_mutex_lock(&engine->mutex);
	*ret_count = engine->session_count;
	for (uint32_t i = 0; i < engine->session_count && i < info_count_max; i++)
		infos[i] = engine->sessions[i].info;
	pthread_mutex_unlock(&engine->mutex);
	return RINGCAST_OK;
}

static int add_player(struct fake_session *session, const char *player_id, char ret_token[RINGCAST_ID_BYTES])
{
	if (!session)
		return RINGCAST_ERROR_NOT_FOUND;
	if (session->player_count == FAKE_ENGINE_PLAYERS_MAX || session->player_count == session->info.players_max)
		return RINGCAST_ERROR_FULL;
	for (uint32_t i = 0; player_id && i < session->player_count; i++)
		if (strcmp(session->players[i].player_id, player_id) == 0)
			return RINGCAST_ERROR_EXISTS;
	unsigned serial = (unsigned)strtoul(session->info.id + strlen("gsess-"), NULL, 10);
	ringcast_player_info *player = &session->players[session->player_count++];
	memset(player, 0, sizeof(*player));
	player->peer_id = ++session->peer_id_last;
	player->created_ns = session->info.created_ns;
	snprintf(player->token, sizeof(player->token), "psess-%u-%d", serial, player->peer_id);
	snprintf(player->player_id, sizeof(player->player_id), "%s", player_id ? player_id : "");
	snprintf(player->state, sizeof(player->state), "reserved");
	session->info.reserved_count++;
	snprintf(ret_token, RINGCAST_ID_BYTES, "%s", player->token);
	return RINGCAST_OK;
}

int ringcast_player_reserve(ringcast_engine *engine, const char *session_id, const char *player_id, const char *player_data,
			    char ret_token[RINGCAST_ID_BYTES])
{
	(void)player_data;
	pthread_mutex_lock(&engine->mutex);
	int error = add_player(find_session(engine, session_id), player_id, ret_token);
	pthread_mutex_unlock(&engine->mutex);
	return error;
}

int ringcast_players_reserve(ringcast_engine *engine, const char *session_id, ringcast_reservation *reservations, size_t count)
{
	int error = RINGCAST_OK;
	for (size_t i = 0; i < count && error == RINGCAST_OK; i++)
		error = ringcast_player_reserve(engine, session_id, reservations[i].player_id, reservations[i].player_data, reservations[i].token);
	return error;
}

int ringcast_session_change(ringcast_engine *engine, const char *session_id, const ringcast_session_update *update)
{
	pthread_mutex_lock(&engine->mutex);
	struct fake_session *session = find_session(engine, session_id);
	if (session && update->players_max != 0)
		session->info.players_max = update->players_max;
	pthread_mutex_unlock(&engine->mutex);
	return session ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

static bool login_in(struct fake_session *session, const char *token)
{
	for (uint32_t i = 0; i < session->player_count; i++) {
		ringcast_player_info *player = &session->players[i];
		if (strcmp(player->token, token) != 0)
			continue;
		snprintf(player->state, sizeof(player->state), "active");
		player->joined_ns = session->info.created_ns + 1;
		session->info.reserved_count--;
		session->info.player_count++;
		return true;
	}
	return false;
}

bool fake_engine_login(ringcast_engine *engine, const char *token)
{
	bool is_found = false;
	pthread_mutex_lock(&engine->mutex);
	for (uint32_t i = 0; i < engine->session_count && !is_found; i++)
		is_found = login_in(&engine->sessions[i], token);
	pthread_mutex_unlock(&engine->mutex);
	return is_found;
}

int ringcast_player_list(ringcast_engine *engine, const char *session_id, ringcast_player_info *infos, size_t info_count_max,
			 size_t *ret_count)
{
	pthread_mutex_lock(&engine->mutex);
	const struct fake_session *session = find_session(engine, session_id);
	*ret_count = 0;
	for (; session && *ret_count < session->player_count; ++*ret_count)
		if (*ret_count < info_count_max)
			infos[*ret_count] = session->players[*ret_count];
	pthread_mutex_unlock(&engine->mutex);
	return session ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

static int remove_player(struct fake_session *session, int32_t peer_id)
{
	for (uint32_t i = 0; session && i < session->player_count; i++)
		if (session->players[i].peer_id == peer_id) {
			*(session->players[i].joined_ns ? &session->info.player_count : &session->info.reserved_count) -= 1;
			session->players[i] = session->players[--session->player_count];
			return RINGCAST_OK;
		}
	return RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_service_message_send(ringcast_engine *engine, const ringcast_service_message *message)
{
	int error = RINGCAST_OK;
	pthread_mutex_lock(&engine->mutex);
	if (find_session(engine, message->session_id) == NULL || message->peer_id == 99)
		error = RINGCAST_ERROR_NOT_FOUND;
	else if (message->opcode == 400)
		error = RINGCAST_ERROR_ARGUMENT;
	else if (message->opcode == 409)
		error = RINGCAST_ERROR_UNHEARD;
	else if (message->opcode == 429)
		error = RINGCAST_ERROR_FULL;
	snprintf(engine->kick_reason, sizeof(engine->kick_reason), "%d to '%s' %d: %.*s", message->opcode, message->player_id, message->peer_id,
		 (int)message->payload_bytes, (const char *)message->payload);
	pthread_mutex_unlock(&engine->mutex);
	return error;
}

int ringcast_player_kick(ringcast_engine *engine, const char *session_id, int32_t peer_id, const char *reason)
{
	pthread_mutex_lock(&engine->mutex);
	int error = remove_player(find_session(engine, session_id), peer_id);
	if (error == RINGCAST_OK)
		snprintf(engine->kick_reason, sizeof(engine->kick_reason), "%s", reason);
	pthread_mutex_unlock(&engine->mutex);
	return error;
}

int ringcast_player_remove(ringcast_engine *engine, const char *session_id, const char *player_id, const char *token, const char *reason)
{
	int32_t peer_id = -1;
	pthread_mutex_lock(&engine->mutex);
	struct fake_session *session = find_session(engine, session_id);
	for (uint32_t i = 0; session && i < session->player_count; i++)
		if (player_id ? strcmp(session->players[i].player_id, player_id) == 0 : strcmp(session->players[i].token, token) == 0)
			peer_id = session->players[i].peer_id;
	int error = remove_player(session, peer_id);
	if (error == RINGCAST_OK)
		snprintf(engine->kick_reason, sizeof(engine->kick_reason), "%s", reason);
	pthread_mutex_unlock(&engine->mutex);
	return error;
}

int ringcast_question_answer_post(ringcast_engine *engine, const char *session_id, uint32_t number, const char *json, size_t json_bytes)
{
	return RINGCAST_OK;
}

int ringcast_question_news_send(ringcast_engine *engine, const char *session_id, const char *json, size_t json_bytes)
{
	return RINGCAST_OK;
}

/* Nothing is said in here, no groups, and nobody goes. */

int ringcast_group_list(ringcast_engine *engine, const char *session_id, uint32_t *cursor, ringcast_group_info *infos, size_t info_count_max, size_t *ret_count)
{
	ringcast_session_info info;
	*ret_count = 0;
	*cursor = 0;
	return ringcast_session_describe(engine, session_id, &info);
}

int ringcast_session_read_properties(ringcast_engine *engine, const char *session_id, char *ret_text, size_t size, size_t *ret_bytes)
{
	static const char text[] = "{\"map\":\"\xc3\xa9\"}";
	ringcast_session_info info;
	size_t used = 0;
	while (used + sizeof(text) - 1 < size) /* as long as there is room: more than is shown */
		used += (size_t)snprintf(ret_text + used, size - used, "%s", text);
	snprintf(ret_text + used, size - used, "%s", text);
	*ret_bytes = 1000000;
	return ringcast_session_describe(engine, session_id, &info);
}

int ringcast_disconnect_list(ringcast_engine *engine, ringcast_disconnect_info *infos, size_t info_count_max, size_t *ret_count)
{
	*ret_count = 0;
	return RINGCAST_OK;
}

struct ringcast_tap {
	uint64_t count;
};

/* Of a session named talkative: there is always one more message. */
int ringcast_tap_open(ringcast_engine *engine, const char *session_id, const ringcast_tap_options *options, ringcast_tap **ret_tap)
{
	ringcast_session_info info;
	*ret_tap = NULL;
	if (ringcast_session_describe(engine, session_id, &info) != RINGCAST_OK || strcmp(info.name, "talkative") != 0)
		return RINGCAST_ERROR_FULL;
	*ret_tap = calloc(1, sizeof(**ret_tap));
	return RINGCAST_OK;
}

int ringcast_tap_read(ringcast_tap *tap, ringcast_tapped *ret_tapped)
{
	*ret_tapped = (ringcast_tapped){.at_ns = ++tap->count, .message = {.sender = 1, .opcode = 7, .payload = (const uint8_t *)"", .intent = RINGCAST_RELIABLE}};
	return RINGCAST_OK;
}

void ringcast_tap_close(ringcast_tap **tap)
{
	free(*tap);
	*tap = NULL;
}
