/* The service as one thing with a life: store, loop, the engine as its host, and the endpoint. What the daemon starts and stops. */
#ifndef RINGCAST_SERVICE_SERVICE_H
#define RINGCAST_SERVICE_SERVICE_H

#include "ringcast/ringcast.h"
#include "service/events/webhooks.h"
#include "service/hosts/server_sdk/server_sdk.h" /* agent_limits */
#include "service/http.h"
#include "service/operations/overview.h"

struct service;

struct service_options {
	ringcast_engine *engine; /* borrowed; started; outlives the service */
	const struct sockaddr *address;
	socklen_t address_bytes;
	const char *store_path; /* NULL: in memory */
	uint64_t store_log_bytes_max;
	const char *region;
	const char *player_ip, *player_dns_name; /* where players are told to connect */
	const char *script; /* of dev mode's fleets; NULL: none */
	const struct host_scripts *scripts; /* borrowed; outlives the service; NULL: there is no place to keep any */
	const char *certificate, *key; /* PEM; NULL: plain HTTP */
	bool is_dev;
	struct audit_sink audit; /* hears of every change that somebody asks for, but for player sessions */
	const struct webhook *webhooks; /* copied */
	size_t webhook_count;
	const char *session_logs; /* folder for logs of sessions; NULL: none are kept */
	const char *url;	  /* where backends reach the service; NULL: its own address */
	size_t session_log_bytes_max;
	int64_t session_logs_kept_s;
	const char *scaling_hook; /* program that is told of capacity that fleets want; NULL: none */
	int64_t scaling_hook_timeout_ms;
	uint32_t webhook_queue_max, webhook_tries_max, letters_max;
	uint32_t sessions_max, players_per_session_max, requests_max, connections_max, fleet_events_max, events_max, game_events_max, game_questions_max, repeats_max, ended_sessions_max;
	uint32_t left_players_max, left_players_per_session_max;
	uint32_t metric_names_max; /* queues, and matchmaking configurations, that metrics name */
	size_t ended_data_bytes_max; /* MatchmakerData and GameSessionData of game sessions that have ended */
	uint32_t placements_max, ended_placements_max; /* that wait; that are kept after they have ended */
	uint32_t match_tickets_max, match_ended_tickets_max, match_configurations_max, match_rule_sets_max;
	int64_t match_round_ms;
	uint32_t requests_per_second[ROLE_COUNT]; /* of each key, by the role that the operation needs; 0: no limit */
	size_t body_bytes_max, bodies_bytes_max; /* of one request, of all at once */
	/* custom game servers */
	const char *builds, *servers; /* folders; NULL: no builds; state and output of game servers go when the service stops */
	const char *sdk_url;	      /* where game servers are told to connect; NULL: the service's own address */
	uint16_t server_port_first;
	uint32_t server_port_count, server_processes_max;
	int64_t token_lifetime_s, health_timeout_ms, terminate_timeout_ms;
	uint64_t output_bytes_max;
	struct agent_limits server_limits;
	struct agent_user server_user;
	uint64_t build_bytes_max; /* of an archive, unpacked */
	uint32_t build_entries_max;
};

/* Texts of options are copied where they are needed after the call. NULL: problem holds one clear line. */
struct service *ringcast_service_start(const struct service_options *options, char problem[SERVICE_PROBLEM_BYTES]);
void ringcast_service_stop(struct service **service); /* answers what waits; accepts NULL inside, nulls */
/* The endpoint's certificate from now on. Only where it had one; false: problem says why not, and the old one stays. [any thread] */
bool ringcast_service_set_certificate(struct service *service, const char *certificate, const char *key, char problem[SERVICE_PROBLEM_BYTES]);
/* These are the access keys from now on, and no others. False: memory is short, and nothing has changed. [any thread] */
bool ringcast_service_set_keys(struct service *service, const struct key *keys, size_t count);
/*
 * These are the webhooks from now on. Those that are gone take no more events; what waited for them becomes dead letters. False: no memory or no
 * thread, and nothing has changed. Waits for a delivery that is under way to a webhook that goes, a second or so. [any thread]
 */
bool ringcast_service_set_webhooks(struct service *service, const struct webhook *webhooks, size_t count);
void ringcast_service_bound_webhooks(struct service *service, uint32_t queue_max, uint32_t tries_max); /* as in the options [any thread] */
/* From the next run on; NULL: none. False: no memory, and nothing has changed. [any thread] */
bool ringcast_service_set_scaling_hook(struct service *service, const char *command, int64_t timeout_ms);
void ringcast_service_set_rates(struct service *service, const uint32_t requests_per_second[ROLE_COUNT]); /* as in the options [any thread] */
/* What the engine tells of its sessions and players; see ringcast_engine_options.change. [any thread, until stop] */
void ringcast_service_hear(struct service *service, const ringcast_change *change);
/*
 * [any thread] Dead letters of webhooks: {"letters": [...]}, or all sent again: {"count": N}. The caller's; NULL: text says why not.
 */
json_t *ringcast_service_letters(struct service *service, bool is_resend, char problem[SERVICE_PROBLEM_BYTES]);
/* What a session's game emits; see ringcast_engine_options.event. [any thread, until stop] */
void ringcast_service_hear_event(struct service *service, const ringcast_event *event);
/* What a session's game asks; see ringcast_engine_options.question. It is answered by ringcast_question_answer_post. [any thread, until stop] */
void ringcast_service_hear_question(struct service *service, const ringcast_question *question);
/* [any thread] Why a matchmaking ticket waits; see service/match/explain.h. The caller's; NULL: text says why not. */
json_t *ringcast_service_explain(struct service *service, const char *ticket_id, char problem[SERVICE_PROBLEM_BYTES]);
/* [any thread] What a console lists; see service/operations/overview.h. after: "" or the "next" of the page before. The caller's; NULL: text says why not. */
json_t *ringcast_service_overview(struct service *service, enum overview what, const char *after, char problem[SERVICE_PROBLEM_BYTES]);
/* What a session's script said; see ringcast_engine_options.script_log. [any thread, until stop] */
void ringcast_service_hear_log(struct service *service, const char *session_id, const char *level, const char *text, size_t text_bytes);
/* What the service counts, for /metrics. [any thread] */
/* [any thread] How long the thread that owns the records has been at its present turn; time in which the process stood still is not counted. */
uint64_t ringcast_service_stall_ns(const struct service *service);
void ringcast_service_metrics_each(struct service *service, ringcast_metric_fn *each, void *context);
void ringcast_service_address(const struct service *service, char ret_text[SERVICE_ADDRESS_BYTES]);

#endif
