/* Before the bots: where the server is, whether it is ours to load, its sessions and their tokens. */
#include "bench/load/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ringcast/admin_client.h"

enum { ADMIN_TIMEOUT_MS = 10000 };

static bool fail(struct world *world, const char *what, const char *why)
{
	snprintf(world->failure, sizeof(world->failure), "%s: %s", what, why);
	return false;
}

/* One admin call; body is consumed. NULL: world->failure says why. */
static json_t *call(struct world *world, const char *method, const char *path, json_t *body)
{
	struct admin_answer answer;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	enum admin_result result = ringcast_admin_request(world->options.admin, method, path, text, ADMIN_TIMEOUT_MS, &answer);
	free(text);
	if (result != ADMIN_OK) {
		fail(world, world->options.admin, "the admin API does not answer; see --no-admin and --token-prefix");
		return NULL;
	}
	json_t *json = json_loadb(answer.body, answer.body_bytes, 0, NULL);
	if (answer.status >= 300 || !json) {
		const char *detail = json_string_value(json_object_get(json, "detail"));
		fail(world, path, detail ? detail : "refused");
		json_decref(json);
		json = NULL;
	}
	ringcast_admin_answer_fini(&answer);
	return json;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (address->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

static bool resolve(struct world *world, const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses, *chosen;
	if (getaddrinfo(host, port, &hints, &addresses) != 0)
		return fail(world, host, "cannot be resolved");
	for (chosen = addresses; chosen->ai_next && chosen->ai_family != AF_INET; chosen = chosen->ai_next)
		;
	memcpy(&world->server, chosen->ai_addr, chosen->ai_addrlen);
	world->server_bytes = chosen->ai_addrlen;
	freeaddrinfo(addresses);
	snprintf(world->host_and_port, sizeof(world->host_and_port), strchr(host, ':') ? "[%.60s]:%.8s" : "%.60s:%.8s", host, port);
	if (!is_loopback(&world->server) && !world->options.is_host_mine)
		return fail(world, host, "not a loopback address; --i-own-this-host if you may load it");
	return true;
}

static bool resolve_server(struct world *world, uint16_t admin_port)
{
	char host[256], port[8];
	const char *server = world->options.server, *colon = server ? strrchr(server, ':') : NULL;
	if (server) {
		if (!colon || colon == server)
			return fail(world, server, "not HOST:PORT");
		bool is_bracketed = server[0] == '[' && colon[-1] == ']';
		snprintf(host, sizeof(host), "%.*s", (int)(colon - server) - 2 * is_bracketed, server + is_bracketed);
		return resolve(world, host, colon + 1);
	}
	if (ringcast_admin_url_host(world->options.admin, host, sizeof(host)) != ADMIN_OK)
		return fail(world, world->options.admin, "not a URL");
	snprintf(port, sizeof(port), "%u", admin_port);
	return resolve(world, host, port);
}

static char *read_ca(struct world *world)
{
	const char *path = world->options.ca_path;
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(LOAD_CA_BYTES_MAX + 1) : NULL;
	size_t size = text ? fread(text, 1, LOAD_CA_BYTES_MAX, file) : 0;
	bool is_read = text && !ferror(file) && feof(file);
	if (!is_read)
		fail(world, path, file ? "cannot be read whole" : strerror(errno));
	if (file)
		fclose(file);
	if (is_read) {
		text[size] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

/* The host part of "host:port" or "[v6]:port". */
static void copy_host(const char *host_and_port, char *out, size_t out_bytes)
{
	bool is_bracketed = host_and_port[0] == '[';
	snprintf(out, out_bytes, "%.*s", (int)strcspn(host_and_port + is_bracketed, is_bracketed ? "]" : ":"), host_and_port + is_bracketed);
}

/* made_ca: of a server in dev mode; NULL: none was told. */
static bool prepare_trust(struct world *world, const char *made_ca)
{
	char host[80], error[CRYPTO_ERROR_BYTES] = "";
	char *ca = NULL;
	if (!world->options.is_secure)
		return true;
	if (world->options.ca_path && !(ca = read_ca(world)))
		return false;
	copy_host(world->host_and_port, host, sizeof(host));
	const struct client_trust_options options = {
		.ca = world->options.is_insecure ? NULL : ca ? ca : made_ca,
		.host = world->options.host_name ? world->options.host_name : host,
		.is_insecure = world->options.is_insecure,
	};
	bool is_ready = ringcast_client_trust_init(&world->trust, &options, error, sizeof(error));
	free(ca);
	return is_ready || fail(world, "--secure", error);
}

static bool ask_info(struct world *world, uint16_t *ret_port, char **ret_made_ca)
{
	json_t *info = call(world, "GET", "/v1/info", NULL);
	if (!info)
		return false;
	*ret_port = (uint16_t)json_integer_value(json_object_get(info, "tcp_port"));
	if (world->options.server_pid == 0)
		world->options.server_pid = (uint64_t)json_integer_value(json_object_get(info, "pid"));
	if (!world->options.token_prefix && json_is_true(json_object_get(info, "dev")))
		world->options.token_prefix = "dev";
	const char *made_ca = json_string_value(json_object_get(json_object_get(info, "tls"), "ca"));
	*ret_made_ca = made_ca ? strdup(made_ca) : NULL;
	json_decref(info);
	return true;
}

/* Those who come back may do so before the server has forgotten them. */
static json_int_t places(const struct load_options *options)
{
	bool is_moving = options->churn_rate > 0 || options->connect_rate > 0;
	return (json_int_t)options->player_count * (is_moving ? 2 : 1);
}

static bool make_session(struct world *world, struct load_session *session)
{
	json_t *answer = call(world, "POST", "/v1/sessions", json_pack("{s:s, s:I}", "name", session->name, "players_max", places(&world->options)));
	if (!answer)
		return false;
	const char *id = json_string_value(json_object_get(answer, "id"));
	snprintf(session->id, sizeof(session->id), "%s", id ? id : "");
	json_decref(answer);
	return true;
}

static bool reserve(struct world *world, struct bot *bot)
{
	char path[160];
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", world->sessions[bot->session].id);
	json_t *answer = call(world, "POST", path, json_object());
	if (!answer)
		return false;
	const char *token = json_string_value(json_object_get(answer, "token"));
	bot->token = token ? strdup(token) : NULL;
	json_decref(answer);
	return bot->token != NULL;
}

static bool make_sessions(struct world *world)
{
	for (uint32_t i = 0; i < world->options.session_count; i++) {
		if (!make_session(world, &world->sessions[i]))
			return false;
	}
	for (uint32_t i = 0; !world->options.token_prefix && i < world->bot_count; i++) {
		if (!reserve(world, &world->bots[i]))
			return false;
	}
	return true;
}

/* Slow players are among those who do not send, spread over the sessions. */
static void choose_slow(struct world *world)
{
	uint64_t per_session = world->options.player_count - world->sender_count;
	for (uint64_t i = 0; i < world->options.slow_count; i++) {
		uint64_t session = i % world->options.session_count, player = world->sender_count + i / world->options.session_count % per_session;
		world->bots[session * world->options.player_count + player].is_slow = true;
	}
}

bool ringcast_setup(struct world *world)
{
	uint16_t port = 0;
	char *made_ca = NULL;
	if (!world->options.is_admin_off && !ask_info(world, &port, &made_ca))
		return false;
	bool is_found = resolve_server(world, port) && prepare_trust(world, made_ca);
	free(made_ca);
	if (!is_found)
		return false;
	if (!is_loopback(&world->server)) /* a process of another machine: whoever has its number here is somebody else */
		world->options.server_pid = 0;
	if (!world->options.token_prefix && (world->options.is_admin_off || world->options.churn_rate > 0 || world->options.connect_rate > 0))
		return fail(world, "--churn, --connect-rate and --no-admin", "need --token-prefix, or a server in dev mode");
	for (uint32_t i = 0; i < world->options.session_count; i++)
		snprintf(world->sessions[i].name, sizeof(world->sessions[i].name), "load_%08x_%u", world->run, i);
	if (world->options.slow_count > 0)
		choose_slow(world);
	return world->options.is_admin_off || make_sessions(world);
}

void ringcast_setup_undo(struct world *world)
{
	char path[160];
	struct admin_answer answer;
	for (uint32_t i = 0; world->sessions && i < world->options.session_count; i++) {
		if (world->sessions[i].id[0] == '\0')
			continue;
		snprintf(path, sizeof(path), "/v1/sessions/%s", world->sessions[i].id);
		if (ringcast_admin_request(world->options.admin, "DELETE", path, NULL, ADMIN_TIMEOUT_MS, &answer) == ADMIN_OK)
			ringcast_admin_answer_fini(&answer);
	}
}

const char *ringcast_setup_token(struct bot *bot, char out[PROTO_TOKEN_BYTES_MAX + 1])
{
	const struct world *world = bot->world;
	if (bot->token)
		return bot->token;
	snprintf(out, PROTO_TOKEN_BYTES_MAX + 1, "%s-%s-p%u.%u", world->options.token_prefix, world->sessions[bot->session].name, bot->player,
		 bot->visit);
	return out;
}
