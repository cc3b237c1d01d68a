#include "control/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/nearest.h"
#include "control/value.h"

#define SHARDS_MAX 64

PRINTF_LIKE(2, 3) static bool refuse(struct config_error *reterr, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr->text, sizeof(reterr->text), format, arguments);
	va_end(arguments);
	return false;
}

void *ringcast_config_field(struct config *config, const struct option *option)
{
	ringcast_assert(config && option);
	ringcast_assert(option->offset + option->width <= sizeof(*config));
	return (char *)config + option->offset;
}

const void *ringcast_config_field_const(const struct config *config, const struct option *option)
{
	return ringcast_config_field((struct config *)config, option);
}

static size_t index_of(const struct option *option)
{
	return (size_t)(option - ringcast_options_at(0));
}

enum config_source ringcast_config_source(const struct config *config, const struct option *option)
{
	ringcast_assert(config && option);
	return (enum config_source)config->sources[index_of(option)];
}

uint32_t ringcast_config_line(const struct config *config, const struct option *option)
{
	ringcast_assert(config && option);
	return config->lines[index_of(option)];
}

/* Keys, tokens and webhooks are in files of their own, which the configuration only names. These are texts that may hold whatever a studio puts there. */
bool ringcast_config_is_secret(const struct option *option)
{
	static const char *const secrets[] = {"scripts.arguments"};
	char path[OPTION_PATH_BYTES];
	ringcast_assert(option);
	ringcast_options_path(option, path);
	for (size_t i = 0; i < ARRAY_COUNT(secrets); i++)
		if (strcmp(secrets[i], path) == 0)
			return true;
	return false;
}

const char *ringcast_config_source_name(enum config_source source)
{
	static const char *const names[] = {"default", "dev", "file", "environment", "flag"};
	ringcast_assert((size_t)source < ARRAY_COUNT(names));
	return names[source];
}

bool ringcast_config_set(struct config *config, const struct option *option, const char *text, enum config_source source, const char *where,
			 struct config_error *reterr)
{
	ringcast_assert(config && option && text);
	ringcast_assert(where && reterr);
	char problem[320];
	if (ringcast_value_parse(option, text, ringcast_config_field(config, option), problem, sizeof(problem))) {
		config->sources[index_of(option)] = (uint8_t)source;
		return true;
	}
	char path[OPTION_PATH_BYTES];
	ringcast_options_path(option, path);
	return refuse(reterr, "%s: %s: %s", where, path, problem);
}

static void set_known(struct config *config, const struct option *option, const char *text, enum config_source source)
{
	struct config_error error;
	bool is_set = ringcast_config_set(config, option, text, source, "built in", &error);
	ringcast_assert(is_set);
}

void ringcast_config_init(struct config *config)
{
	ringcast_assert(config);
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < OPTION_COUNT; i++)
		set_known(config, ringcast_options_at(i), ringcast_options_at(i)->default_text, CONFIG_DEFAULT);
}

void ringcast_config_apply_dev(struct config *config)
{
	static const char *const values[][2] = {{"listen.address", "127.0.0.1"}, {"log.format", "text"}, {"drain_timeout", "0"},
						  {"service.address", "127.0.0.1:9081"}};
	ringcast_assert(config);
	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		set_known(config, ringcast_options_find_path(values[i][0]), values[i][1], CONFIG_DEV);
}

static const char *environment_value(char *const *environment, const char *name)
{
	size_t size = strlen(name);
	for (; *environment; environment++)
		if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
			return *environment + size + 1;
	return NULL;
}

bool ringcast_config_load_env(struct config *config, char *const *environment, struct config_error *reterr)
{
	ringcast_assert(config && environment);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		char name[OPTION_PATH_BYTES];
		ringcast_options_env_name(option, name);
		const char *text = environment_value(environment, name);
		if (text && *text && !ringcast_config_set(config, option, text, CONFIG_ENV, name, reterr))
			return false;
	}
	return true;
}

/* Ours beside the keys, and what Kubernetes makes of a service called ringcast: RINGCAST_PORT_7777_TCP_ADDR, RINGCAST_SERVICE_HOST and so on. */
static bool is_other_env(const char *name)
{
	static const char *const known[] = {"RINGCAST_CONFIG", "RINGCAST_ADMIN", "RINGCAST_ADMIN_CA", "RINGCAST_ADMIN_CERT", "RINGCAST_ADMIN_KEY", "RINGCAST_TOKEN_FILE", "RINGCAST_SIDECAR", "RINGCAST_CONFINE", "RINGCAST_LUA_CHECK", "RINGCAST_INSPECT", "RINGCAST_CACHE",
					    "RINGCAST_WOLFSSL_TARBALL", "RINGCAST_TEST_BUILD", "RINGCAST_PORT"};
	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") || strstr(name, "_TCP") || strstr(name, "_UDP_");
}

bool ringcast_config_is_strange_env(const char *variable, char ret_name[OPTION_PATH_BYTES], char ret_nearest[OPTION_PATH_BYTES])
{
	ringcast_assert(variable && ret_name && ret_nearest);
	const char *equals = strchr(variable, '=');
	if (strncmp(variable, "RINGCAST_", 9) != 0 || !equals || equals - variable == 9 || (size_t)(equals - variable) >= OPTION_PATH_BYTES)
		return false;
	snprintf(ret_name, OPTION_PATH_BYTES, "%.*s", (int)(equals - variable), variable);
	struct nearest search = {.word = ret_name, .distance_max = UINT32_MAX}; /* however far: what begins like ours was meant to be one */
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[OPTION_PATH_BYTES];
		ringcast_options_env_name(ringcast_options_at(i), name);
		if (ringcast_nearest_offer(&search, name))
			search.found = memcpy(ret_nearest, name, sizeof(name));
	}
	return search.distance_max > 0 && (search.distance_max < 4 || !is_other_env(ret_name)); /* a slip in one of ours is told, whatever it looks like */
}

static bool is_same_family(const char *first, const char *second)
{
	return strcmp(second, "none") != 0 && (strchr(first, ':') != NULL) == (strchr(second, ':') != NULL);
}

static bool is_clash(const struct config *config, const struct endpoint *admin, const char *address)
{
	struct endpoint game;
	if (!ringcast_value_parse_address(address, (uint16_t)config->listen_tcp_port, &game) || game.size == 0)
		return false;
	uint16_t port = ringcast_value_endpoint_port(admin);
	if (port == 0 || port != ringcast_value_endpoint_port(&game) || admin->any.sa_family != game.any.sa_family)
		return false;
	if (game.any.sa_family == AF_INET)
		return game.v4.sin_addr.s_addr == admin->v4.sin_addr.s_addr || game.v4.sin_addr.s_addr == INADDR_ANY ||
		       admin->v4.sin_addr.s_addr == INADDR_ANY;
	return IN6_ARE_ADDR_EQUAL(&game.v6.sin6_addr, &admin->v6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&game.v6.sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&admin->v6.sin6_addr);
}

static bool check_admin_tls(const struct config *config, const struct endpoint *admin, struct config_error *reterr)
{
	bool has_certificate = config->admin_tls_certificate.text[0], has_client_ca = config->admin_tls_client_ca.text[0];
	if (has_certificate != (config->admin_tls_key.text[0] != 0))
		return refuse(reterr, "admin.tls_%s: a certificate and its key go together; set admin.tls_%s too", has_certificate ? "certificate" : "key",
			      has_certificate ? "key" : "certificate");
	if (has_certificate && admin->any.sa_family == AF_UNIX)
		return refuse(reterr, "admin.tls_certificate: not for a UNIX socket (admin.address), which nobody can listen in on");
	if (has_client_ca && !has_certificate)
		return refuse(reterr, "admin.tls_client_ca: clients show certificates in TLS only; set admin.tls_certificate too");
	if (has_client_ca && !config->admin_tokens.text[0])
		return refuse(reterr, "admin.tls_client_ca: set admin.tokens too, whose lines 'role name certificate:ITS-NAME' say what each client may do");
	if (config->admin_tls_client_required && !has_client_ca)
		return refuse(reterr, "admin.tls_client_required: set admin.tls_client_ca too, which says whose certificates are good");
	return true;
}

static bool check_admin(const struct config *config, struct config_error *reterr)
{
	struct endpoint admin, health;
	bool is_endpoint = ringcast_value_parse_endpoint(config->admin_address.text, &admin) &&
			   ringcast_value_parse_endpoint(config->admin_health_address.text, &health);
	ringcast_assert(is_endpoint);
	if (is_clash(config, &admin, config->listen_address.text) || is_clash(config, &admin, config->listen_address_second.text))
		return refuse(reterr, "admin.address: %s is the players' port too (listen.tcp_port)", config->admin_address.text);
	if (is_clash(config, &health, config->listen_address.text) || is_clash(config, &health, config->listen_address_second.text))
		return refuse(reterr, "admin.health_address: %s is the players' port too (listen.tcp_port)", config->admin_health_address.text);
	if (!check_admin_tls(config, &admin, reterr))
		return false;
	if (config->scripts_package_max_bytes > config->admin_memory_max_bytes / 2)
		return refuse(reterr, "admin.memory_max: must be twice scripts.package_max at least, or no such package can be pushed");
	if (!ringcast_value_is_loopback(&admin) && !config->admin_tokens.text[0] && !config->admin_open)
		return refuse(reterr,
			      "admin.address: %s can be reached from other machines, and whoever reaches it can stop the daemon and run scripts in it: set "
			      "admin.tokens, or use 127.0.0.1 or unix:/path, or say admin.open: true",
			      config->admin_address.text);
	return true;
}

/* A word of scripts.connect_ports: its port, or 0 for none, any or udp. */
static bool parse_connect_port(const char *word, uint16_t *ret_port)
{
	size_t digits = strspn(word, "0123456789");
	unsigned long port = digits > 0 && digits <= 5 ? strtoul(word, NULL, 10) : 0;
	*ret_port = (uint16_t)port;
	if (digits > 0)
		return word[digits] == 0 && port > 0 && port <= UINT16_MAX;
	return strcmp(word, "none") == 0 || strcmp(word, "any") == 0 || strcmp(word, "udp") == 0;
}

/* What confines JavaScript takes so many, and would leave out what is no port. */
static bool check_connect_ports(const struct config *config, struct config_error *reterr)
{
	enum { PORTS_MAX = 64 };
	struct endpoint admin;
	struct config_text words = config->scripts_connect_ports;
	char *rest = NULL;
	unsigned count = 0;
	bool is_endpoint = ringcast_value_parse_endpoint(config->admin_address.text, &admin);
	ringcast_assert(is_endpoint);
	for (char *word = strtok_r(words.text, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
		uint16_t port;
		if (!parse_connect_port(word, &port))
			return refuse(reterr, "scripts.connect_ports: '%s' must be a port, or none, any or udp", word);
		if (port != 0 && port == ringcast_value_endpoint_port(&admin))
			return refuse(reterr, "scripts.connect_ports: %u is the port of the admin API (admin.address), which scripts are to be kept from", port);
		if (++count > PORTS_MAX)
			return refuse(reterr, "scripts.connect_ports: more than %d ports", PORTS_MAX);
	}
	return true;
}

bool ringcast_config_check(const struct config *config, struct config_error *reterr)
{
	ringcast_assert(config && reterr);
	uint32_t shard_count = ringcast_config_shard_count(config);
	uint32_t udp_last = config->listen_udp_port_base + shard_count * config->listen_udp_ports_per_shard - 1;
	if (config->listen_udp && config->listen_udp_port_base && udp_last > UINT16_MAX)
		return refuse(reterr, "listen.udp_port_base: %u with %u shards of %u ports ends at %u, past 65535",
			      config->listen_udp_port_base, shard_count, config->listen_udp_ports_per_shard, udp_last);
	if (is_same_family(config->listen_address.text, config->listen_address_second.text))
		return refuse(reterr, "listen.address_second: %s must be of the other IP family than listen.address, %s",
			      config->listen_address_second.text, config->listen_address.text);
	if (!check_admin(config, reterr) || !check_connect_ports(config, reterr))
		return false;
	if ((config->tls_certificate.text[0] != 0) != (config->tls_key.text[0] != 0))
		return refuse(reterr, "tls.%s: a certificate and its key go together; set tls.%s too",
			      config->tls_key.text[0] ? "key" : "certificate", config->tls_key.text[0] ? "certificate" : "key");
	if (config->log_crash_directory.text[0] && access(config->log_crash_directory.text, W_OK | X_OK) != 0)
		return refuse(reterr, "log.crash_directory: no file can be made in %s: %s", config->log_crash_directory.text, strerror(errno));
	if (config->limits.players_per_session_max > config->limits.players_max)
		if (ringcast_config_source(config, ringcast_options_find("limits", "players_per_session_max")) != CONFIG_DEFAULT)
			return refuse(reterr, "limits.players_per_session_max: %u is more than limits.players_max, %u",
				      config->limits.players_per_session_max, config->limits.players_max);
	return true;
}

uint32_t ringcast_config_shard_count(const struct config *config)
{
	ringcast_assert(config);
	if (config->shards_count)
		return config->shards_count;
	uint32_t count = ringcast_cpu_count();
	return count > SHARDS_MAX ? SHARDS_MAX : count;
}

bool ringcast_config_path(const struct config_text *text, char ret_path[2 * CONFIG_STRING_BYTES], struct config_error *reterr)
{
	static const char prefix[] = "credential:";
	ringcast_assert(text && ret_path && reterr);
	const char *name = strncmp(text->text, prefix, sizeof(prefix) - 1) == 0 ? text->text + sizeof(prefix) - 1 : NULL;
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!name) {
		snprintf(ret_path, 2 * CONFIG_STRING_BYTES, "%s", text->text);
		return true;
	}
	if (!*name || strchr(name, '/'))
		return refuse(reterr, "%s: write credential:NAME, as LoadCredential= in the unit calls it", text->text);
	if (!folder || !*folder)
		return refuse(reterr, "%s: there are no credentials: CREDENTIALS_DIRECTORY is not set; LoadCredential= in the unit brings them", text->text);
	if (snprintf(ret_path, 2 * CONFIG_STRING_BYTES, "%s/%s", folder, name) >= 2 * CONFIG_STRING_BYTES)
		return refuse(reterr, "%s: the path of the credential is too long", text->text);
	return true;
}

static const char *text_or_null(const struct config_text *text)
{
	return text->text[0] ? text->text : NULL;
}

static void set_tls(const struct config *config, ringcast_engine_options *options)
{
	static const char *const libraries[] = {NULL, "wolfssl", "openssl"};
	ringcast_assert(config->tls_library < ARRAY_COUNT(libraries));
	options->security = (ringcast_security)config->tls_mode;
	options->tls_version_min = (ringcast_tls_version)config->tls_version_min;
	options->host_name = text_or_null(&config->tls_host_name);
	options->ciphers = text_or_null(&config->tls_ciphers);
	options->crypto_backend = libraries[config->tls_library];
}

void ringcast_config_engine_options(const struct config *config, ringcast_engine_options *ret_options)
{
	ringcast_assert(config && ret_options);
	bool has_second = strcmp(config->listen_address_second.text, "none") != 0;
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	options.shard_count = ringcast_config_shard_count(config);
	options.is_pinned = config->shards_pinned;
	options.spread = (ringcast_spread)(config->sessions_spread + RINGCAST_SPREAD_NEVER);
	options.io = (ringcast_io)config->io;
	options.egress = (ringcast_egress)config->egress;
	options.listen_address = config->listen_address.text;
	options.listen_address_second = has_second ? config->listen_address_second.text : NULL;
	options.tcp_port = (uint16_t)config->listen_tcp_port;
	options.udp_port_base = (uint16_t)config->listen_udp_port_base;
	options.udp_ports_per_shard = config->listen_udp_ports_per_shard;
	options.is_udp_off = !config->listen_udp;
	options.is_udp_shared = config->listen_udp_shared;
	options.is_udp_address_free = !config->listen_udp_address_check;
	options.proxy_from = config->listen_proxy_from.text;
	options.limits = config->limits;
	set_tls(config, &options);
	options.scripts = (ringcast_script_options){
		.memory_bytes = config->scripts_memory_max_bytes,
		.budget_us = config->scripts_budget_us ? config->scripts_budget_us : UINT32_MAX,
		.errors_max = config->scripts_errors_max ? config->scripts_errors_max : UINT32_MAX,
		.is_deny_on_error = config->scripts_on_error == 1,
		.is_jit_on = config->scripts_lua_jit,
		.is_lua_ffi_on = config->scripts_lua_ffi,
		.answer_timeout_ms = (uint32_t)config->scripts_answer_timeout_ms,
		.outgoing_bytes_max = (uint32_t)config->scripts_queue_max_bytes,
		.log_lines_per_second = config->scripts_log_lines_per_second,
		.log_bytes_per_session = config->scripts_log_memory_bytes ? (uint32_t)config->scripts_log_memory_bytes : UINT32_MAX,
		.versions_kept = config->scripts_versions_kept,
		.process_count = config->scripts_processes,
		.share_percent = config->scripts_share_percent ? config->scripts_share_percent : UINT32_MAX,
		.shard_share_percent = config->scripts_shard_percent ? config->scripts_shard_percent : UINT32_MAX,
		.share_seconds_max = config->scripts_share_seconds_max,
		.files_max = config->scripts_files_max,
		.stall_timeout_ms = (uint32_t)config->scripts_stall_timeout_ms,
		.is_unconfined = config->scripts_confine == 2,
		.is_confinement_required = config->scripts_confine == 1,
		.user = config->scripts_user.text,
		.connect_ports = config->scripts_connect_ports.text,
		.read_paths = config->scripts_read_paths.text,
		.environment = config->scripts_environment.text,
		.process_memory_bytes = config->scripts_process_memory_max_bytes,
		.final_folder = config->scripts_directory.text,
		.files_bytes_max = config->scripts_unpacked_max_bytes,
		.node = config->scripts_node.text,
		.inspect = *config->scripts_inspect.text ? config->scripts_inspect.text : NULL,
		.arguments = *config->scripts_arguments.text ? config->scripts_arguments.text : NULL,
	};
	*ret_options = options;
}
