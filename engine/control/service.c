#include "control/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/service_keys.h"
#include "control/service_webhooks.h"
#include "control/tls_files.h"
#include "control/value.h"
#include "service/operations/reference.h"

/* Where the daemon listens for players is where they connect, unless it is a wildcard: then somebody must say. */
static const char *player_ip(const struct config *config)
{
	struct endpoint endpoint;
	if (strcmp(config->service_player_address.text, "none") != 0)
		return config->service_player_address.text;
	bool is_literal = ringcast_value_parse_address(config->listen_address.text, 0, &endpoint);
	ringcast_assert(is_literal);
	bool is_wildcard = endpoint.any.sa_family == AF_INET ? endpoint.v4.sin_addr.s_addr == INADDR_ANY
							     : IN6_IS_ADDR_UNSPECIFIED(&endpoint.v6.sin6_addr);
	return is_wildcard ? "127.0.0.1" : config->listen_address.text;
}

static bool has_tls(const struct config *config)
{
	return !config->service_plain && *config->tls_certificate.text != '\0';
}

static bool check_webhooks(const struct config *config, struct config_error *reterr)
{
	struct service_webhooks webhooks;
	bool is_right = ringcast_service_webhooks_load(config, &webhooks, reterr);
	explicit_bzero(&webhooks, sizeof(webhooks));
	return is_right;
}

static bool check_hook(const struct config *config, struct config_error *reterr)
{
	const char *path = config->service_scaling_hook.text;
	struct stat found = {0};
	if (*path == '\0')
		return true;
	bool is_there = stat(path, &found) == 0;
	const char *problem = *path != '/'		? "must be an absolute path"
			      : !is_there		? strerror(errno)
			      : !S_ISREG(found.st_mode) ? "is no file"
			      : access(path, X_OK) != 0 ? "may not be executed"
							: NULL;
	if (problem != NULL)
		snprintf(reterr->text, sizeof(reterr->text), "service.scaling_hook: %.200s %s", path, problem);
	return problem == NULL;
}

/* Looked up once: between fork and exec nobody can. */
static bool find_server_user(const struct config *config, struct agent_user *ret_user, struct config_error *reterr)
{
	const char *name = config->service_server_user.text;
	const struct passwd *found = *name != '\0' ? getpwnam(name) : NULL;
	const char *problem = *name == '\0'				      ? NULL
			      : found == NULL				      ? "is no user of this machine"
			      : found->pw_uid == 0			      ? "is root; name another user"
			      : geteuid() != 0 && geteuid() != found->pw_uid ? "can be had only where ringcastd runs as root"
									      : NULL;
	*ret_user = (struct agent_user){.is_set = false};
	if (problem == NULL && found != NULL && geteuid() == 0)
		*ret_user = (struct agent_user){.is_set = true, .uid = found->pw_uid, .gid = found->pw_gid};
	if (problem != NULL)
		snprintf(reterr->text, sizeof(reterr->text), "service.server_user: %.100s %s", name, problem);
	return problem == NULL;
}

bool ringcast_control_service_check(const struct config *config, bool is_dev, struct config_error *reterr)
{
	struct endpoint endpoint;
	struct agent_user user;
	const char *problem = NULL;
	bool is_endpoint = ringcast_value_parse_endpoint(config->service_address.text, &endpoint);
	ringcast_assert(is_endpoint);
	if (endpoint.size == 0)
		return true;
	if (endpoint.any.sa_family == AF_UNIX)
		problem = "must be address:port; AWS SDKs know no UNIX sockets";
	else if (!is_dev && *config->service_keys.text == '\0')
		problem = "needs service.keys, a file of access keys; only --dev does without";
	else if (!ringcast_value_is_loopback(&endpoint) && !config->service_plain && !has_tls(config))
		problem = "is plain HTTP beyond loopback; set tls.certificate, or say service.plain: true where a proxy in front of it ends TLS";
	if (problem == NULL)
		return ringcast_service_keys_load(config, NULL, reterr) && check_webhooks(config, reterr) && check_hook(config, reterr) &&
		       find_server_user(config, &user, reterr);
	snprintf(reterr->text, sizeof(reterr->text), "service.address: %.100s %s", config->service_address.text, problem);
	return false;
}

bool ringcast_control_service_is_on(const struct config *config)
{
	struct endpoint endpoint;
	return ringcast_value_parse_endpoint(config->service_address.text, &endpoint) && endpoint.size > 0;
}

static const char *text_or_null(const char *text)
{
	return *text != '\0' ? text : NULL;
}

static void read_rates(const struct config *config, uint32_t ret_rates[ROLE_COUNT])
{
	ret_rates[ROLE_READER] = config->service_reads_per_second;
	ret_rates[ROLE_BACKEND] = config->service_plays_per_second;
	ret_rates[ROLE_OPERATOR] = config->service_changes_per_second;
}

bool ringcast_control_service_start(const struct config *config, const struct control_service_options *control, struct service **ret_service,
				    struct config_error *reterr)
{
	struct endpoint endpoint;
	struct tls_files files = {0};
	struct service_webhooks webhooks;
	struct agent_user server_user;
	char problem[SERVICE_PROBLEM_BYTES] = "";
	bool is_endpoint = ringcast_value_parse_endpoint(config->service_address.text, &endpoint);
	ringcast_assert(is_endpoint);
	*ret_service = NULL;
	if (endpoint.size == 0)
		return true;
	if (!ringcast_control_service_check(config, control->is_dev, reterr) || !find_server_user(config, &server_user, reterr))
		return false;
	if (has_tls(config) && !ringcast_tls_files_load(config, &files, reterr))
		return false;
	if (!ringcast_service_webhooks_load(config, &webhooks, reterr)) {
		ringcast_tls_files_free(&files);
		return false;
	}
	struct service_options options = {
		.session_logs = text_or_null(config->service_session_logs.text),
		.url = text_or_null(config->service_url.text),
		.session_log_bytes_max = config->service_session_log_max_bytes,
		.session_logs_kept_s = (int64_t)(config->service_session_logs_kept_ms / 1000),
		.scaling_hook = text_or_null(config->service_scaling_hook.text),
		.scaling_hook_timeout_ms = config->service_scaling_hook_timeout_ms,
		.webhooks = webhooks.hooks,
		.webhook_count = webhooks.count,
		.webhook_queue_max = config->service_webhook_queue,
		.webhook_tries_max = config->service_webhook_tries,
		.letters_max = config->service_letters_kept,
		.certificate = files.certificate,
		.key = files.key,
		.engine = control->engine,
		.address = &endpoint.any,
		.address_bytes = endpoint.size,
		.store_path = text_or_null(config->service_store.text),
		.store_log_bytes_max = config->service_store_log_max_bytes,
		.region = config->service_region.text,
		.player_ip = player_ip(config),
		.player_dns_name = config->tls_host_name.text,
		.script = control->script,
		.scripts = control->scripts,
		.is_dev = control->is_dev,
		.audit = control->audit,
		.sessions_max = ringcast_engine_shard_count(control->engine) * config->limits.sessions_max,
		.players_per_session_max = config->limits.players_per_session_max,
		.fleet_events_max = config->service_fleet_events_kept,
		.ended_sessions_max = config->service_ended_sessions_kept,
		.metric_names_max = config->service_metric_names_max,
		.ended_data_bytes_max = config->service_ended_data_max_bytes,
		.left_players_max = config->service_ended_players_kept,
		.left_players_per_session_max = config->service_ended_players_per_session_kept,
		.placements_max = config->service_placements_max,
		.ended_placements_max = config->service_placements_kept,
		.match_tickets_max = config->service_match_tickets_max,
		.match_ended_tickets_max = config->service_match_ended_tickets_kept,
		.match_configurations_max = config->service_match_configurations_max,
		.match_rule_sets_max = config->service_match_rule_sets_max,
		.match_round_ms = config->service_match_round_ms,
		.requests_max = config->service_requests_max,
		.events_max = config->service_host_events_max,
		.game_events_max = config->service_game_events_max,
		.game_questions_max = config->service_game_questions_max,
		.repeats_max = config->service_repeats_kept,
		.connections_max = config->service_connections_max,
		.body_bytes_max = config->service_body_max_bytes,
		.bodies_bytes_max = config->service_memory_max_bytes,
		.builds = text_or_null(config->service_builds.text),
		.servers = text_or_null(config->service_servers.text),
		.sdk_url = text_or_null(config->service_sdk_url.text),
		.server_port_first = (uint16_t)config->service_server_port_first,
		.server_port_count = config->service_server_port_count,
		.server_processes_max = config->service_server_processes_max,
		.token_lifetime_s = config->service_token_lifetime_ms / 1000,
		.health_timeout_ms = config->service_server_health_timeout_ms,
		.terminate_timeout_ms = config->service_server_terminate_timeout_ms,
		.output_bytes_max = config->service_server_output_max_bytes,
		.build_bytes_max = config->service_build_max_bytes,
		.build_entries_max = config->service_build_entries_max,
		.server_limits = {.memory_bytes_max = config->service_server_memory_max_bytes,
				  .core_bytes_max = config->service_server_core_max_bytes,
				  .file_bytes_max = config->service_server_file_max_bytes,
				  .files_max = config->service_server_files_max,
				  .tasks_max = config->service_server_tasks_max},
		.server_user = server_user,
	};
	read_rates(config, options.requests_per_second);
	*ret_service = ringcast_service_start(&options, problem);
	ringcast_tls_files_free(&files);
	explicit_bzero(&webhooks, sizeof(webhooks));
	if (*ret_service != NULL)
		return ringcast_service_keys_load(config, *ret_service, reterr);
	snprintf(reterr->text, sizeof(reterr->text), "service.address %.100s: %s", config->service_address.text, problem);
	return false;
}

static bool reload_webhooks(const struct config *config, struct service *service, struct config_error *reterr)
{
	struct service_webhooks webhooks;
	bool is_taken = ringcast_service_webhooks_load(config, &webhooks, reterr);
	if (is_taken && !ringcast_service_set_webhooks(service, webhooks.hooks, webhooks.count)) {
		snprintf(reterr->text, sizeof(reterr->text), "service.webhooks: no memory or no thread for webhooks");
		is_taken = false;
	}
	explicit_bzero(&webhooks, sizeof(webhooks));
	return is_taken;
}

static bool set_hook(const struct config *config, struct service *service, struct config_error *reterr)
{
	if (ringcast_service_set_scaling_hook(service, text_or_null(config->service_scaling_hook.text), (int64_t)config->service_scaling_hook_timeout_ms))
		return true;
	snprintf(reterr->text, sizeof(reterr->text), "service.scaling_hook: out of memory");
	return false;
}

bool ringcast_control_service_reload(const struct config *config, struct service *service, struct config_error *reterr)
{
	struct tls_files files = {0};
	char problem[SERVICE_PROBLEM_BYTES];
	bool is_taken = true;
	if (has_tls(config)) {
		if (!ringcast_tls_files_load(config, &files, reterr))
			return false;
		is_taken = ringcast_service_set_certificate(service, files.certificate, files.key, problem);
		if (!is_taken)
			snprintf(reterr->text, sizeof(reterr->text), "tls: %s", problem);
		ringcast_tls_files_free(&files);
	}
	if (!is_taken || !check_hook(config, reterr) || !reload_webhooks(config, service, reterr) || !ringcast_service_keys_load(config, service, reterr))
		return false;
	uint32_t rates[ROLE_COUNT];
	read_rates(config, rates);
	ringcast_service_set_rates(service, rates);
	ringcast_service_bound_webhooks(service, (uint32_t)config->service_webhook_queue, (uint32_t)config->service_webhook_tries);
	return set_hook(config, service, reterr);
}

void ringcast_control_service_print_doc(FILE *out)
{
	ringcast_reference_print(out);
}
