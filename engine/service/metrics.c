#include "service/metrics.h"

#include <stdio.h>
#include <string.h>

#include "service/loop.h"
#include "service/session_logs.h"
#include "service/store/checkpointer.h"
#include "service/throttle.h"

struct teller {
	ringcast_metric_fn *each;
	void *context;
};

static void count(const struct teller *teller, const char *name, const char *text, uint64_t value)
{
	teller->each(teller->context, name, "counter", text, "", (double)value);
}

static void count_by(const struct teller *teller, const char *name, const char *text, const char *labels, uint64_t value)
{
	teller->each(teller->context, name, "counter", text, labels, (double)value);
}

static void gauge(const struct teller *teller, const char *name, const char *text, double value)
{
	teller->each(teller->context, name, "gauge", text, "", value);
}

static void tell_requests(void *context, const char *operation, const char *result, uint64_t number)
{
	char labels[192];
	snprintf(labels, sizeof(labels), "operation=\"%s\",result=\"%s\"", operation, result);
	count_by(context, "ringcast_service_requests_total", "Requests that were answered, by operation and what became of them.", labels, number);
}

static void tell_webhooks(const struct teller *teller, struct webhooks *webhooks)
{
	static const char name[] = "ringcast_service_webhook_events_total", text[] = "Events for webhooks, by what became of them.";
	struct webhooks_counts counts;
	ringcast_webhooks_count(webhooks, &counts);
	count_by(teller, name, text, "result=\"delivered\"", counts.delivered);
	count_by(teller, name, text, "result=\"dead\"", counts.dead);
	count_by(teller, name, text, "result=\"dropped\"", counts.dropped);
	count(teller, "ringcast_service_webhook_retries_total", "Deliveries to webhooks that were tried again.", counts.retried);
}

static void tell_hook(const struct teller *teller, struct scaling_hook *hook)
{
	static const char name[] = "ringcast_service_scaling_hook_runs_total", text[] = "Runs of service.scaling_hook, by what became of them.";
	struct scaling_hook_counts counts;
	ringcast_scaling_hook_count(hook, &counts);
	count_by(teller, name, text, "result=\"done\"", counts.done);
	count_by(teller, name, text, "result=\"failed\"", counts.failed);
	count_by(teller, name, text, "result=\"timed_out\"", counts.timed_out);
	count_by(teller, name, text, "result=\"dropped\"", counts.dropped);
}

static void tell_processes(const struct teller *teller, struct host_sdk *sdk)
{
	struct sdk_counts counts;
	ringcast_host_sdk_count(sdk, &counts);
	count(teller, "ringcast_service_server_process_activations_total", "Custom game servers that became ready.", counts.activated);
	count(teller, "ringcast_service_server_process_terminations_total", "Custom game servers that are gone.", counts.terminated);
	count(teller, "ringcast_service_server_process_abnormal_terminations_total", "Of these, those that had not been told to end.", counts.abnormal);
	count(teller, "ringcast_service_server_process_questions_total", "Requests of game servers for backfill that the service was asked.", counts.questions);
	count(teller, "ringcast_service_server_process_questions_refused_total", "Of game servers, since their process asks too much.", counts.questions_refused);
	count(teller, "ringcast_service_server_process_answers_late_total", "Answers that the service gave after their deadline.", counts.answers_late);
	count(teller, "ringcast_service_server_process_answers_lost_total", "Answers whose connection or game server was gone.", counts.answers_lost);
}

static void tell_cuts(const struct teller *teller, struct service_http *http)
{
	static const char name[] = "ringcast_service_connections_cut_total", text[] = "Connections to the service closed to make room.";
	const struct slots_cuts cuts = ringcast_service_http_cuts(http);
	count_by(teller, name, text, "reason=\"crowd\"", cuts.crowd);
	count_by(teller, name, text, "reason=\"memory\"", cuts.memory);
	count_by(teller, name, text, "reason=\"busy\"", cuts.busy);
}

static void tell_store(const struct teller *teller, const struct store *store)
{
	const struct checkpoint_counts counts = ringcast_service_store_count(store);
	gauge(teller, "ringcast_service_store_log_pages", "Pages of the store's log that are not in the store yet.", (double)counts.log_pages);
	count(teller, "ringcast_service_store_checkpoints_failed_total", "Tries to bring the store's log into the store that failed.", counts.failed);
	count(teller, "ringcast_service_store_log_full_total", "Batches of changes refused because the store's log was as large as service.store_log_max.", counts.refused);
}

static void tell_placements(const struct teller *teller, struct loop *loop)
{
	char label[32];
	struct placing_counts counts;
	ringcast_loop_placing_counts(loop, &counts);
	gauge(teller, "ringcast_service_placements_waiting", "Placements that wait for a session.", (double)counts.depth);
	gauge(teller, "ringcast_service_placement_oldest_seconds", "How long the placement has waited that waits longest.", (double)counts.oldest_ms / 1e3);
	count(teller, "ringcast_service_placements_started_total", "Placements accepted.", counts.started);
	count(teller, "ringcast_service_placement_retries_total", "Attempts at a session for a placement that failed.", counts.retries);
	for (unsigned state = PLACE_IS_PENDING + 1; state < PLACE_STATE_COUNT; state++) {
		snprintf(label, sizeof(label), "result=\"%s\"", ringcast_place_state_name((enum place_state)state));
		count_by(teller, "ringcast_service_placements_total", "Placements that have ended, by how.", label, counts.results[state]);
	}
}

static void tell_matchmaking(const struct teller *teller, struct loop *loop)
{
	struct matchmaking_counts counts = ringcast_loop_match_counts(loop);
#define MATCHMAKING_COUNT(name, help) count(teller, "ringcast_matchmaking_" #name "_total", help, counts.name);
	MATCHMAKING_COUNTS(MATCHMAKING_COUNT)
#undef MATCHMAKING_COUNT
	teller->each(teller->context, "ringcast_matchmaking_time_to_match_seconds_total", "counter", "Seconds that tickets waited for the match that they ended in.", "",
		     (double)counts.time_to_match_ms / 1e3);
	gauge(teller, "ringcast_matchmaking_current_tickets", "Matchmaking tickets that have not ended.", (double)counts.current_tickets);
	gauge(teller, "ringcast_matchmaking_kept_tickets", "Matchmaking tickets that have ended and can still be described.", (double)counts.kept_tickets);
}

static void tell_fleet(const struct teller *teller, const char *fleet, const json_t *figures)
{
	char labels[160], name[96];
	const char *end;
	json_t *value;
	snprintf(labels, sizeof(labels), "fleet=\"%.128s\"", fleet);
	json_object_foreach((json_t *)figures, end, value) {
		snprintf(name, sizeof(name), "ringcast_fleet_%s", end);
		teller->each(teller->context, name, "gauge", "Of a fleet, as the API's metric of that name.", labels, json_number_value(value));
	}
}

/* Gauges of queues are what changes; all else goes up. */
static void tell_queue(const struct teller *teller, const char *queue, const json_t *cells)
{
	char labels[192], name[96];
	const char *end;
	json_t *value;
	snprintf(labels, sizeof(labels), "queue=\"%.131s\"", queue);
	json_object_foreach((json_t *)cells, end, value) {
		bool is_time = strcmp(end, "average_wait_time") == 0, is_gauge = is_time || strcmp(end, "depth") == 0;
		snprintf(name, sizeof(name), "ringcast_queue_%s%s", end, is_time ? "_seconds" : is_gauge ? "" : "_total");
		teller->each(teller->context, name, is_gauge ? "gauge" : "counter", "Of a queue, as the vendor's metric of that name.", labels,
			     json_number_value(value) / (is_time ? 1e3 : 1));
	}
}

static void tell_configuration(const struct teller *teller, const char *configuration, const json_t *cells)
{
	char labels[192], name[96];
	const char *end;
	json_t *value;
	snprintf(labels, sizeof(labels), "configuration=\"%.131s\"", configuration);
	json_object_foreach((json_t *)cells, end, value) {
		bool is_time = strcmp(end, "time_to_match_ms") == 0, is_gauge = strcmp(end, "current_tickets") == 0;
		snprintf(name, sizeof(name), "ringcast_configuration_%s", is_time ? "time_to_match_seconds_total" : end);
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s", is_time || is_gauge ? "" : "_total");
		teller->each(teller->context, name, is_gauge ? "gauge" : "counter", "Of a matchmaking configuration, as ringcast_matchmaking_ of all.", labels,
			     json_number_value(value) / (is_time ? 1e3 : 1));
	}
}

static uint64_t number_of(const json_t *watched, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(watched, name));
}

static void tell_watched(const struct teller *teller, const json_t *watched)
{
	const char *name;
	char labels[64];
	json_t *value;
	json_object_foreach(json_object_get(watched, "statuses"), name, value) {
		snprintf(labels, sizeof(labels), "status=\"%s\"", name);
		teller->each(teller->context, "ringcast_service_game_sessions", "gauge", "Game sessions that can be described, by status.", labels, json_number_value(value));
	}
	json_object_foreach(json_object_get(watched, "fleets"), name, value)
		tell_fleet(teller, name, value);
	json_object_foreach(json_object_get(watched, "queues"), name, value)
		tell_queue(teller, name, value);
	json_object_foreach(json_object_get(watched, "configurations"), name, value)
		tell_configuration(teller, name, value);
	count(teller, "ringcast_service_player_session_activations_total", "Players who came to the place that was kept for them.", number_of(watched, "activations"));
	count(teller, "ringcast_service_game_session_interruptions_total", "Game sessions that ended as ERROR.", number_of(watched, "interruptions"));
	gauge(teller, "ringcast_service_ended_data_bytes", "MatchmakerData and GameSessionData of game sessions that have ended.", (double)number_of(watched, "ended_data_bytes"));
	count(teller, "ringcast_service_ended_data_forgotten_total", "Game sessions that have ended and lost these data to service.ended_data_max.",
	      number_of(watched, "data_forgotten"));
	gauge(teller, "ringcast_service_dead_letters", "Events that webhooks did not take, and that are kept.", (double)number_of(watched, "letters"));
}

void ringcast_service_metrics_tell(const struct service_metrics *metrics, ringcast_metric_fn *each, void *context)
{
	struct teller teller = {each, context};
	ringcast_request_counts_each(metrics->counts, tell_requests, &teller);
	count(&teller, "ringcast_service_throttled_total", "Requests that were refused because their key asks too often.",
	      ringcast_throttle_refused_count(metrics->throttle));
	count(&teller, "ringcast_service_host_events_lost_total", "News of hosts that did not fit service.host_events_max; the hosts were asked instead.",
	      ringcast_loop_lost_count(metrics->loop));
	count(&teller, "ringcast_service_game_events_lost_total", "Events of games that did not fit service.game_events_max.",
	      ringcast_loop_lost_game_count(metrics->loop));
	count(&teller, "ringcast_service_game_questions_refused_total", "Questions of games that did not fit service.game_questions_max.",
	      ringcast_loop_refused_game_questions(metrics->loop));
	tell_cuts(&teller, metrics->http);
	if (metrics->logs != NULL)
		count(&teller, "ringcast_service_session_log_lines_lost_total", "Lines of session logs lost: too many waited, or the disk refused.",
		      ringcast_session_logs_lost_count(metrics->logs));
	tell_store(&teller, metrics->store);
	tell_placements(&teller, metrics->loop);
	tell_matchmaking(&teller, metrics->loop);
	gauge(&teller, "ringcast_service_stall_seconds", "How long the present turn of the thread that owns the service's records has taken; 0: it rests.",
	      (double)ringcast_loop_stall_ns(metrics->loop) / 1e9);
	tell_webhooks(&teller, metrics->webhooks);
	tell_hook(&teller, metrics->hook);
	tell_processes(&teller, metrics->sdk);
	if (metrics->watched != NULL)
		tell_watched(&teller, metrics->watched);
}
