#include "service/service.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "service/api/log_url.h"
#include "service/credentials.h"
#include "service/game_question.h"
#include "service/hosts/local.h"
#include "service/hosts/local_question.h"
#include "service/hosts/server_sdk/server_sdk.h"
#include "service/log_secret.h"
#include "service/metrics.h"
#include "service/operations/explain.h"
#include "service/operations/letters.h"
#include "service/operations/watch.h"
#include "service/outside.h"
#include "service/inquiry.h"

/* How long the loop is waited for: a scrape goes without its share, letters are worth more. */
enum { WATCH_MS = 2000, LETTERS_MS = 30000 };

struct service {
	struct service_options options; /* texts are copies */
	char *texts[10];
	char compute_name[65], sdk_endpoint[SERVICE_ADDRESS_BYTES + 16];
	struct store *store;
	struct loop *loop;
	struct host_local *local;
	struct host_sdk *sdk;
	struct keys *keys;
	struct throttle *throttle;
	struct request_counts *counts;
	struct scaling_hook *hook;
	struct service_http *http;
	struct session_logs *logs; /* NULL: none are kept */
	uint8_t log_secret[LOG_URL_SECRET_BYTES];
	char log_endpoint[300];
	struct webhooks *webhooks;
	bool has_tls;
};

static int64_t now_ms(void *context)
{
	return ringcast_outside_now_ms();
}

static int64_t steady_ms(void *context)
{
	return ringcast_outside_steady_ms();
}

static uint64_t running_ns(void *context)
{
	const struct service *service = context;
	return ringcast_engine_running_ns(service->options.engine);
}

static int64_t anchor_ms;

static void set_anchor(void)
{
	anchor_ms = ringcast_outside_now_ms() - ringcast_outside_steady_ms();
}

/* Time since the epoch that never jumps: game servers' deadlines are kept in it. It differs from the wall's by what that was set since the start. */
static int64_t anchored_ms(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, set_anchor);
	return anchor_ms + ringcast_outside_steady_ms();
}

static void give_back(void *context, struct host_call *call)
{
	ringcast_loop_give_back(((struct service *)context)->loop, call);
}

static bool copy_texts(struct service *service)
{
	const char **texts[] = {&service->options.store_path, &service->options.region, &service->options.player_ip, &service->options.player_dns_name,
				&service->options.script, &service->options.builds, &service->options.servers, &service->options.sdk_url, &service->options.session_logs,
				&service->options.url};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (*texts[i] == NULL)
			continue;
		service->texts[i] = strdup(*texts[i]);
		if (service->texts[i] == NULL)
			return false;
		*texts[i] = service->texts[i];
	}
	return true;
}

static void tell(void *context, const struct host_event *event)
{
	ringcast_loop_tell(((struct service *)context)->loop, event);
}

static bool ask(void *context, struct host_question *question)
{
	return ringcast_game_question_ask(((struct service *)context)->loop, question);
}

/* The machine's name, as the API allows them: letters, digits and hyphens. */
static void name_compute(char ret_name[65])
{
	ret_name[0] = ret_name[64] = '\0';
	if (gethostname(ret_name, 64) != 0 || *ret_name == '\0')
		snprintf(ret_name, 65, "localhost");
	for (char *c = ret_name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
}

static bool create_sdk(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	const struct service_options *options = &service->options;
	const struct host_sdk_options sdk = {
		.ip_address = options->player_ip,
		.dns_name = options->player_dns_name,
		.compute_name = service->compute_name,
		.endpoint = service->sdk_endpoint,
		.builds = options->builds,
		.servers = options->servers,
		.port_first = options->server_port_first,
		.port_count = options->server_port_count,
		.keeps_processes = options->store_path != NULL && options->servers != NULL,
		.token_lifetime_s = options->token_lifetime_s,
		.health_timeout_ms = options->health_timeout_ms,
		.terminate_timeout_ms = options->terminate_timeout_ms,
		.processes_max = options->server_processes_max,
		.output_bytes_max = options->output_bytes_max,
		.limits = options->server_limits,
		.user = options->server_user,
		.build_bytes_max = options->build_bytes_max,
		.build_entries_max = options->build_entries_max,
		.now_ms = anchored_ms,
		.random = ringcast_outside_random,
		.give_back = give_back,
		.tell = tell,
		.ask = ask,
		.context = service,
	};
	name_compute(service->compute_name);
	service->sdk = ringcast_host_sdk_create(&sdk, problem);
	return service->sdk != NULL;
}

static void emit(void *context, struct service_event *event)
{
	ringcast_webhooks_emit(((struct service *)context)->webhooks, event);
}

static bool emit_to(void *context, const char *url, struct service_event *event)
{
	struct service *service = context;
	return ringcast_webhooks_emit_to(service->webhooks, url, event);
}

static bool has_stream(void *context)
{
	return ringcast_webhooks_are_any(((struct service *)context)->webhooks);
}

static void bury(void *context, const char *url, const struct service_event *event, const char *error)
{
	if (!ringcast_loop_bury(((struct service *)context)->loop, url, event, error))
		ringcast_log(LOG_ERROR, "service", "a dead letter is lost", "url=%s type=%s", url, event->type);
}

/* Before the loop, which hands events in; no thread of it calls back before there is one. */
static bool start_webhooks(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	const struct webhooks_options options = {
		.webhooks = service->options.webhooks,
		.count = service->options.webhook_count,
		.region = service->options.region,
		.queue_max = service->options.webhook_queue_max,
		.tries_max = service->options.webhook_tries_max,
		.now_ms = ringcast_outside_now_ms,
		.steady_ms = ringcast_outside_steady_ms,
		.random = ringcast_outside_random,
		.dead = bury,
		.context = service,
	};
	service->webhooks = ringcast_webhooks_start(&options);
	if (service->webhooks == NULL)
		snprintf(problem, SERVICE_PROBLEM_BYTES, "no memory or no thread for webhooks");
	return service->webhooks != NULL;
}

static void scaled(void *context, const struct scaling_decision *decision)
{
	struct service *service = context;
	ringcast_log(LOG_INFO, "service", "a fleet wants another capacity", "fleet=%s desired=%lld reason=\"%s\"", decision->fleet, (long long)decision->desired,
		     decision->reason);
	ringcast_scaling_hook_tell(service->hook, decision);
}

static bool start_hook(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	const struct scaling_hook_options options = {
		.command = service->options.scaling_hook, .timeout_ms = service->options.scaling_hook_timeout_ms, .steady_ms = ringcast_outside_steady_ms};
	service->hook = ringcast_scaling_hook_start(&options);
	if (service->hook == NULL)
		snprintf(problem, SERVICE_PROBLEM_BYTES, "no memory or no thread for service.scaling_hook");
	return service->hook != NULL;
}

static bool start_logs(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	enum { QUEUE_BYTES_MAX = 8 << 20 };
	const struct session_logs_options options = {
		.directory = service->options.session_logs,
		.bytes_max = service->options.session_log_bytes_max,
		.queue_bytes_max = QUEUE_BYTES_MAX,
		.kept_s = service->options.session_logs_kept_s,
		.now_ms = ringcast_outside_now_ms,
		.steady_ms = ringcast_outside_steady_ms,
	};
	if (options.directory == NULL)
		return true;
	service->logs = ringcast_session_logs_start(&options, problem);
	return service->logs != NULL && ringcast_log_secret_take(options.directory, ringcast_outside_random, service->log_secret, problem);
}

static bool create_loop(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	const struct service_options *options = &service->options;
	const struct host_local_options host = {.engine = options->engine, .scripts = options->scripts, .give_back = give_back, .context = service};
	struct loop_options loop = {
		.settings = {.region = options->region,
			     .is_dev = options->is_dev,
			     .script = options->script,
			     .ip_address = options->player_ip,
			     .dns_name = options->player_dns_name,
			     .port = ringcast_engine_tcp_port(options->engine),
			     .is_encrypted = ringcast_engine_security(options->engine) != RINGCAST_SECURITY_OFF,
			     .sessions_max = options->sessions_max,
			     .players_per_session_max = options->players_per_session_max,
			     .has_session_logs = service->logs != NULL,
			     .log_secret = service->log_secret,
			     .log_endpoint = service->log_endpoint,
			     .letters_max = options->letters_max,
			     .fleet_events_max = options->fleet_events_max,
			     .ended_sessions_max = options->ended_sessions_max,
			     .metric_names_max = options->metric_names_max,
			     .ended_data_bytes_max = options->ended_data_bytes_max,
			     .left_players_max = options->left_players_max,
			     .left_players_per_session_max = options->left_players_per_session_max,
			     .placements_max = options->placements_max,
			     .ended_placements_max = options->ended_placements_max,
			     .match_tickets_max = options->match_tickets_max,
			     .match_ended_tickets_max = options->match_ended_tickets_max,
			     .match_configurations_max = options->match_configurations_max,
			     .match_rule_sets_max = options->match_rule_sets_max,
			     .match_round_ms = options->match_round_ms,
			     .sdk_endpoint = service->sdk_endpoint,
			     .compute_name = service->compute_name,
			     .has_builds = options->builds != NULL,
			     .token_lifetime_s = options->token_lifetime_s},
		.store = service->store,
		.store_log_bytes_max = options->store_log_bytes_max,
		.now_ms = now_ms,
		.emit = emit,
		.emit_to = emit_to,
		.has_stream = has_stream,
		.scaled = scaled,
		.context = service,
		.steady_ms = steady_ms,
		.running_ns = running_ns,
		.requests_max = options->requests_max,
		.events_max = options->events_max,
		.game_events_max = options->game_events_max,
		.game_questions_max = options->game_questions_max,
		.repeats_max = options->repeats_max,
	};
	if (!ringcast_outside_random(&loop.seed, sizeof(loop.seed)) || !ringcast_outside_random(&loop.token_secret, sizeof(loop.token_secret))) {
		snprintf(problem, SERVICE_PROBLEM_BYTES, "the system gives no random numbers");
		return false;
	}
	service->local = ringcast_host_local_create(&host);
	if (service->local == NULL) {
		snprintf(problem, SERVICE_PROBLEM_BYTES, "no memory or no thread for the service");
		return false;
	}
	loop.hosts[MODEL_HOST_ENGINE] = ringcast_host_local_base(service->local);
	loop.hosts[MODEL_HOST_CUSTOM] = ringcast_host_sdk_base(service->sdk);
	loop.host_count = 2;
	service->loop = ringcast_loop_create(&loop, problem);
	return service->loop != NULL;
}

/* When the endpoint is listening and says where: game servers and their computes are told. Requests wait until here. */
static bool start_threads(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	char address[SERVICE_ADDRESS_BYTES];
	ringcast_service_http_address(service->http, address);
	if (service->options.url != NULL)
		snprintf(service->log_endpoint, sizeof(service->log_endpoint), "%s", service->options.url);
	else
		snprintf(service->log_endpoint, sizeof(service->log_endpoint), "%s://%s", service->has_tls ? "https" : "http", address);
	if (service->options.sdk_url != NULL)
		snprintf(service->sdk_endpoint, sizeof(service->sdk_endpoint), "%s", service->options.sdk_url);
	else
		snprintf(service->sdk_endpoint, sizeof(service->sdk_endpoint), "%s://%s", service->has_tls ? "wss" : "ws", address);
	if (ringcast_host_sdk_start(service->sdk, ringcast_loop_token_secret(service->loop)) && ringcast_loop_start(service->loop))
		return true;
	snprintf(problem, SERVICE_PROBLEM_BYTES, "no thread for the service");
	return false;
}

static bool start_http(struct service *service, char problem[SERVICE_PROBLEM_BYTES])
{
	const struct service_options *options = &service->options;
	struct service_http_options http = {
		.address = options->address,
		.address_bytes = options->address_bytes,
		.loop = service->loop,
		.keys = service->keys,
		.throttle = service->throttle,
		.counts = service->counts,
		.logs = service->logs,
		.log_secret = service->log_secret,
		.sdk = service->sdk,
		.audit = options->audit,
		.is_dev = options->is_dev,
		.certificate = options->certificate,
		.key = options->key,
		.connections_max = options->connections_max,
		.body_bytes_max = options->body_bytes_max,
		.bodies_bytes_max = options->bodies_bytes_max,
	};
	service->http = ringcast_service_http_start(&http, problem);
	service->has_tls = options->certificate != NULL;
	return service->http != NULL;
}

struct service *ringcast_service_start(const struct service_options *options, char problem[SERVICE_PROBLEM_BYTES])
{
	struct service *service = calloc(1, sizeof(*service));
	if (service != NULL)
		service->options = *options;
	if (service == NULL || !copy_texts(service) || (service->keys = ringcast_keys_create()) == NULL ||
	    (service->throttle = ringcast_throttle_create(options->requests_per_second)) == NULL || (service->counts = ringcast_request_counts_create()) == NULL)
		snprintf(problem, SERVICE_PROBLEM_BYTES, "no memory for the service");
	else if ((service->store = ringcast_service_store_open(service->options.store_path, problem)) != NULL && create_sdk(service, problem) &&
		 start_webhooks(service, problem) && start_hook(service, problem) && start_logs(service, problem) &&
		 create_loop(service, problem) && start_http(service, problem) && start_threads(service, problem))
		return service;
	ringcast_service_stop(&service);
	return NULL;
}

void ringcast_service_stop(struct service **service)
{
	struct service *old = *service;
	if (old == NULL)
		return;
	if (old->http != NULL)
		ringcast_service_http_quiesce(old->http);
	if (old->webhooks != NULL && old->loop != NULL)
		ringcast_webhooks_halt(old->webhooks); /* what it had becomes dead letters, which the loop still keeps */
	if (old->loop != NULL)
		ringcast_loop_stop(old->loop); /* everybody is answered, so nobody sleeps any more */
	ringcast_host_local_destroy(&old->local); /* gives back what it had, for the loop to free */
	ringcast_host_sdk_stop(old->sdk);
	ringcast_service_http_destroy(&old->http);
	ringcast_host_sdk_destroy(&old->sdk);
	ringcast_loop_destroy(&old->loop);
	ringcast_webhooks_destroy(&old->webhooks);
	ringcast_scaling_hook_stop(&old->hook);
	ringcast_session_logs_stop(&old->logs);
	ringcast_service_store_close(&old->store);
	ringcast_keys_destroy(&old->keys);
	ringcast_throttle_destroy(&old->throttle);
	ringcast_request_counts_destroy(&old->counts);
	for (size_t i = 0; i < ARRAY_COUNT(old->texts); i++)
		free(old->texts[i]);
	free(old);
	*service = NULL;
}

void ringcast_service_address(const struct service *service, char ret_text[SERVICE_ADDRESS_BYTES])
{
	ringcast_service_http_address(service->http, ret_text);
}

void ringcast_service_hear(struct service *service, const ringcast_change *change)
{
	struct host_event event;
	if (ringcast_host_local_event(change, &event))
		ringcast_loop_tell(service->loop, &event);
}

void ringcast_service_hear_event(struct service *service, const ringcast_event *given)
{
	struct host_event event = {.kind = HOST_GAME_EVENT, .found = json_stringn(given->json, given->json_bytes)};
	snprintf(event.session, sizeof(event.session), "%s", given->session_id);
	snprintf(event.text, sizeof(event.text), "%s", given->name);
	ringcast_loop_tell(service->loop, &event);
}

void ringcast_service_hear_question(struct service *service, const ringcast_question *question)
{
	ringcast_local_question_ask(question, &(struct local_asking){service->options.engine, ask, service});
}

bool ringcast_service_set_keys(struct service *service, const struct key *keys, size_t count)
{
	if (!ringcast_keys_replace(service->keys, keys, count))
		return false;
	ringcast_throttle_forget(service->throttle);
	return true;
}

bool ringcast_service_set_webhooks(struct service *service, const struct webhook *webhooks, size_t count)
{
	return ringcast_webhooks_replace(service->webhooks, webhooks, count);
}

void ringcast_service_bound_webhooks(struct service *service, uint32_t queue_max, uint32_t tries_max)
{
	ringcast_webhooks_bound(service->webhooks, queue_max, tries_max);
}

bool ringcast_service_set_scaling_hook(struct service *service, const char *command, int64_t timeout_ms)
{
	return ringcast_scaling_hook_set(service->hook, command, timeout_ms);
}

void ringcast_service_set_rates(struct service *service, const uint32_t requests_per_second[ROLE_COUNT])
{
	ringcast_throttle_set(service->throttle, requests_per_second);
}

bool ringcast_service_set_certificate(struct service *service, const char *certificate, const char *key, char problem[SERVICE_PROBLEM_BYTES])
{
	return !service->has_tls || ringcast_credentials_set(certificate, key, problem, SERVICE_PROBLEM_BYTES);
}

json_t *ringcast_service_letters(struct service *service, bool is_resend, char problem[SERVICE_PROBLEM_BYTES])
{
	return ringcast_inquiry_ask(service->loop, is_resend ? &ringcast_operation_resend_letters : &ringcast_operation_list_letters, json_object(), LETTERS_MS, problem);
}

json_t *ringcast_service_explain(struct service *service, const char *ticket_id, char problem[SERVICE_PROBLEM_BYTES])
{
	return ringcast_inquiry_ask(service->loop, &ringcast_operation_explain_ticket, json_pack("{s:s}", "TicketId", ticket_id), LETTERS_MS, problem);
}

json_t *ringcast_service_overview(struct service *service, enum overview what, const char *after, char problem[SERVICE_PROBLEM_BYTES])
{
	json_t *input = json_pack("{s:s}", "After", after); /* NULL, for what is not UTF-8: nobody is asked */
	if (input == NULL)
		snprintf(problem, SERVICE_PROBLEM_BYTES, "after: no text");
	return input != NULL ? ringcast_inquiry_ask(service->loop, ringcast_operation_overview(what), input, LETTERS_MS, problem) : NULL;
}

void ringcast_service_hear_log(struct service *service, const char *session_id, const char *level, const char *text, size_t text_bytes)
{
	if (service->logs != NULL)
		ringcast_session_logs_write(service->logs, session_id, level, text, text_bytes);
}

uint64_t ringcast_service_stall_ns(const struct service *service)
{
	return ringcast_loop_stall_ns(service->loop);
}

void ringcast_service_metrics_each(struct service *service, ringcast_metric_fn *each, void *context)
{
	char problem[SERVICE_PROBLEM_BYTES];
	json_t *watched = ringcast_inquiry_ask(service->loop, &ringcast_operation_watch, json_object(), WATCH_MS, problem);
	const struct service_metrics metrics = {.throttle = service->throttle,
						.store = service->store,
						.loop = service->loop,
						.http = service->http,
						.logs = service->logs,
						.webhooks = service->webhooks,
						.sdk = service->sdk,
						.counts = service->counts,
						.hook = service->hook,
						.watched = watched};
	ringcast_service_metrics_tell(&metrics, each, context);
	json_decref(watched);
}
