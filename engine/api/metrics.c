/* Metrics of the engine: counters of every shard, asked for and summed when somebody reads them. Names follow Prometheus. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/clock.h"
#include "life/asking.h"
#include "shard/inspect.h"

struct ask_metrics {
	struct ask ask;
	struct shard_counters counters;
	struct io_stats io;
	struct shard_gauges gauges;
	struct script_counts scripts;
};

static bool answer_metrics(struct shard *shard, struct ask *ask)
{
	struct ask_metrics *self = CONTAINER_OF(ask, struct ask_metrics, ask);
	self->counters = shard->counters;
	self->io = *shard->io->ops->stats(shard->io);
	self->gauges = ringcast_shard_gauges(shard);
	self->scripts = ringcast_script_shard_measure(ringcast_engine_scripts_of(shard));
	ask->result = RINGCAST_OK;
	return true;
}

static void free_metrics(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_metrics, ask));
}

/* Summing */

struct sums {
	struct shard_counters counters;
	struct io_stats io;
	struct shard_gauges gauges;
	struct script_counts scripts;
};

static void add_script_counts(struct script_counts *sum, const struct script_counts *counts)
{
	for (unsigned i = 0; i < SCRIPT_COUNT_COUNT; i++)
		sum->events[i] += counts->events[i];
	for (unsigned i = 0; i < SCRIPT_LANGUAGE_COUNT; i++)
		sum->sessions[i] += counts->sessions[i];
	sum->programs += counts->programs;
	sum->spent_ns += counts->spent_ns;
#define ADD(name, text) sum->sidecar.name += counts->sidecar.name;
	SIDECAR_COUNTS(ADD)
#undef ADD
}

static void add_counters(struct sums *sums, const struct ask_metrics *of_shard)
{
#define COUNTER(name, text) sums->counters.name += of_shard->counters.name;
#include "shard/counters.def"
#undef COUNTER
	sums->counters.paced_ns += of_shard->counters.paced_ns;
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		sums->counters.drops[i] += of_shard->counters.drops[i];
	for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
		sums->counters.closes[i] += of_shard->counters.closes[i];
	add_script_counts(&sums->scripts, &of_shard->scripts);
	sums->gauges.connections += of_shard->gauges.connections;
	sums->gauges.players += of_shard->gauges.players;
	sums->gauges.sessions += of_shard->gauges.sessions;
	sums->gauges.buffers_in_use += of_shard->gauges.buffers_in_use;
	sums->gauges.reservations_timedout += of_shard->gauges.reservations_timedout;
	sums->gauges.answers_awaited += of_shard->gauges.answers_awaited;
	sums->gauges.answers_late += of_shard->gauges.answers_late;
	sums->gauges.lists_sent += of_shard->gauges.lists_sent;
	sums->gauges.list_bytes += of_shard->gauges.list_bytes;
	sums->gauges.lists_merged += of_shard->gauges.lists_merged;
	sums->gauges.lists_too_long += of_shard->gauges.lists_too_long;
	sums->gauges.half_open += of_shard->gauges.half_open;
	sums->gauges.handshakes_waiting += of_shard->gauges.handshakes_waiting;
	sums->gauges.associations += of_shard->gauges.associations;
	sums->gauges.retained_messages += of_shard->gauges.retained_messages;
	sums->gauges.retained_bytes += of_shard->gauges.retained_bytes;
	sums->gauges.retained_replayed += of_shard->gauges.retained_replayed;
	sums->gauges.snapshots_asked += of_shard->gauges.snapshots_asked;
	sums->gauges.snapshots_missed += of_shard->gauges.snapshots_missed;
	sums->gauges.snapshot_messages += of_shard->gauges.snapshot_messages;
	sums->gauges.held_messages += of_shard->gauges.held_messages;
	sums->io.rx_buffers_empty += of_shard->io.rx_buffers_empty;
	sums->io.cq_overflows += of_shard->io.cq_overflows;
	sums->io.sq_full += of_shard->io.sq_full;
	sums->io.rearms += of_shard->io.rearms;
	sums->io.accept_errors += of_shard->io.accept_errors;
	sums->io.gso_sends += of_shard->io.gso_sends;
	sums->io.egress_drops += of_shard->io.egress_drops;
	sums->io.egress_errors += of_shard->io.egress_errors;
	for (unsigned i = 0; i < EGRESS_REASON_COUNT; i++)
		sums->io.egress[i] += of_shard->io.egress[i];
}

/* Samples of a histogram, cumulative as Prometheus wants them. */
static void emit_histogram(const struct time_histogram *histogram, uint32_t shard, const char *name, const char *text,
			   ringcast_metric_fn *each, void *context)
{
	char sample[64], labels[64];
	uint64_t count = 0;
	snprintf(sample, sizeof(sample), "%s_bucket", name);
	for (unsigned i = 0; i < TIME_HISTOGRAM_BUCKETS; i++) {
		uint64_t bound_ns = ringcast_time_histogram_bound_ns(i);
		count += histogram->counts[i];
		if (bound_ns == UINT64_MAX)
			snprintf(labels, sizeof(labels), "shard=\"%" PRIu32 "\",le=\"+Inf\"", shard);
		else
			snprintf(labels, sizeof(labels), "shard=\"%" PRIu32 "\",le=\"%.9g\"", shard, (double)bound_ns / NS_PER_S);
		each(context, sample, "histogram", text, labels, (double)count);
	}
	snprintf(labels, sizeof(labels), "shard=\"%" PRIu32 "\"", shard);
	snprintf(sample, sizeof(sample), "%s_sum", name);
	each(context, sample, "histogram", text, labels, (double)histogram->sum_ns / NS_PER_S);
	snprintf(sample, sizeof(sample), "%s_count", name);
	each(context, sample, "histogram", text, labels, (double)count);
}

static void emit_loop(const struct ask_metrics *of_shard, uint32_t shard, ringcast_metric_fn *each, void *context)
{
	const struct shard_counters *counters = &of_shard->counters;
	char labels[32];
	snprintf(labels, sizeof(labels), "shard=\"%" PRIu32 "\"", shard);
	each(context, "ringcast_hold_seconds", "gauge", "how long the shard holds messages back, so that more share a write; 0: it is not busy enough", labels,
	     (double)of_shard->gauges.hold_ns / NS_PER_S);
	emit_histogram(&counters->tick_time, shard, "ringcast_tick_seconds", "how long a turn of the shard's loop took, waiting not included", each,
		       context);
	emit_histogram(&counters->queue_age, shard, "ringcast_queue_age_seconds",
		       "how long the oldest message of a flush had been held back, so that more would share its write", each, context);
}

/* Asked of nobody: a shard that stands still cannot answer. */
static void emit_stalls(const struct ringcast_engine *engine, ringcast_metric_fn *each, void *context)
{
	char labels[32];
	uint64_t now_ns = ringcast_clock_now_ns();
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		uint64_t beat_ns = __atomic_load_n(&engine->shards[i].shard->beat_ns, __ATOMIC_RELAXED);
		snprintf(labels, sizeof(labels), "shard=\"%" PRIu32 "\"", i);
		each(context, "ringcast_stall_seconds", "gauge", "since the shard's loop last turned; a tenth of a second is an idle shard's", labels,
		     (double)ringcast_watch_stall_ns(&engine->watch, i, beat_ns, now_ns) / NS_PER_S);
	}
}

static void emit_reasons(const struct sums *sums, ringcast_metric_fn *each, void *context)
{
	char labels[64];
	for (unsigned i = DROP_NONE + 1; i < DROP_REASON_COUNT; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", ringcast_drop_label((enum drop_reason)i));
		each(context, "ringcast_drops_total", "counter", "packets and messages that went no further, by reason", labels,
		     (double)sums->counters.drops[i]);
	}
	for (unsigned i = CLOSE_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", ringcast_close_label((enum close_reason)i));
		each(context, "ringcast_closes_total", "counter", "connections closed, by reason", labels, (double)sums->counters.closes[i]);
	}
}

static void emit_egress(const struct sums *sums, ringcast_metric_fn *each, void *context)
{
	char labels[64];
	each(context, "ringcast_egress_xdp_total", "counter", "datagrams that left by AF_XDP", "", (double)sums->io.egress[EGRESS_NONE]);
	for (unsigned i = EGRESS_NONE + 1; i < EGRESS_REASON_COUNT; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", ringcast_egress_label((enum egress_reason)i));
		each(context, "ringcast_egress_fallbacks_total", "counter", "datagrams that left by their socket although AF_XDP was asked for, by reason", labels,
		     (double)sums->io.egress[i]);
	}
	each(context, "ringcast_egress_drops_total", "counter",
	     "datagrams that would have overtaken what still waits in a ring for their receiver, or that were lost with the ring of a device that went", "",
	     (double)sums->io.egress_drops);
	each(context, "ringcast_egress_errors_total", "counter", "calls that hand frames to a device and failed: the device throws them away, or is going", "",
	     (double)sums->io.egress_errors);
}

static void emit(const struct sums *sums, ringcast_metric_fn *each, void *context)
{
#define COUNTER(name, text) each(context, "ringcast_" #name "_total", "counter", text, "", (double)sums->counters.name);
#include "shard/counters.def"
#undef COUNTER
	each(context, "ringcast_paced_seconds_total", "counter", "how long these naps were", "", (double)sums->counters.paced_ns / NS_PER_S);
#define GAUGE(name, text) each(context, "ringcast_" #name, "gauge", text, "", (double)sums->gauges.name);
	GAUGE(connections, "open TCP connections")
	GAUGE(players, "players and reservations")
	GAUGE(sessions, "sessions")
	GAUGE(buffers_in_use, "pool buffers in use")
	GAUGE(half_open, "DTLS clients that have not proven who they are")
	GAUGE(associations, "DTLS associations")
	GAUGE(handshakes_waiting, "TLS and DTLS handshakes with a step that waits for its turn")
	GAUGE(retained_messages, "messages that groups retain for who joins later")
	GAUGE(retained_bytes, "memory of those messages")
#undef GAUGE
	each(context, "ringcast_reservations_timedout_total", "counter", "reservations whose player never came", "",
	     (double)sums->gauges.reservations_timedout);
	each(context, "ringcast_answers_awaited_total", "counter", "verdicts that a game gives later", "", (double)sums->gauges.answers_awaited);
	each(context, "ringcast_retained_replayed_total", "counter", "retained messages sent to players who joined", "", (double)sums->gauges.retained_replayed);
	each(context, "ringcast_snapshots_asked_total", "counter", "joins for which a game was asked for a snapshot", "", (double)sums->gauges.snapshots_asked);
	each(context, "ringcast_snapshots_missed_total", "counter", "players who joined without the snapshot that their game should have made", "",
	     (double)sums->gauges.snapshots_missed);
	each(context, "ringcast_snapshot_messages_total", "counter", "messages of snapshots sent to players who joined", "",
	     (double)sums->gauges.snapshot_messages);
	each(context, "ringcast_held_messages_total", "counter", "messages held for a player until its snapshot was there", "", (double)sums->gauges.held_messages);
	each(context, "ringcast_answers_late_total", "counter", "of those, verdicts that did not come in time", "",
	     (double)sums->gauges.answers_late);
#define LISTS(field, name, text) each(context, "ringcast_membership_" name "_total", "counter", text, "", (double)sums->gauges.field);
	LISTS(lists_sent, "lists", "lists of members sent, each to one player or to many")
	LISTS(list_bytes, "list_bytes", "their bytes, once for each receiver")
	LISTS(lists_merged, "lists_merged", "changes, requests and wishes of scripts that were served by a list of others")
	LISTS(lists_too_long, "lists_too_long", "lists that were not sent because they do not fit a message")
#undef LISTS
#define IO(field, name, text) each(context, "ringcast_io_" name "_total", "counter", text, "", (double)sums->io.field);
	IO(rx_buffers_empty, "rx_buffers_empty", "times all receive buffers were in use")
	IO(cq_overflows, "completion_queue_overflows", "completion queue overflows of io_uring")
	IO(sq_full, "submission_queue_full", "times the submission queue of io_uring was full")
	IO(rearms, "rearms", "multishot requests armed again")
	IO(accept_errors, "accept_errors", "failed accepts")
	IO(gso_sends, "gso_sends", "datagram bursts sent as one")
#undef IO
	emit_reasons(sums, each, context);
	emit_egress(sums, each, context);
}

static void emit_certificate(struct ringcast_engine *engine, ringcast_metric_fn *each, void *context)
{
	ringcast_certificate_info info;
	if (ringcast_engine_certificate(engine, &info) == RINGCAST_OK)
		each(context, "ringcast_certificate_not_after_seconds", "gauge", "when the certificate in use expires, in seconds since the epoch", "",
		     (double)info.not_after_s);
}

static void emit_scripts(const struct script_counts *counts, struct sidecars_counts processes, ringcast_metric_fn *each, void *context)
{
#define COUNT(name, text, value) each(context, "ringcast_script_" name "_total", "counter", text, "", (double)(value));
	COUNT("errors", "errors of scripts", counts->events[SCRIPT_COUNT_ERRORS])
	COUNT("over_budget", "callbacks of scripts ended because their time was up", counts->events[SCRIPT_COUNT_OVER_BUDGET])
	COUNT("out_of_memory", "allocations refused to scripts at their limit", counts->events[SCRIPT_COUNT_OUT_OF_MEMORY])
	COUNT("late_answers", "questions to scripts answered by default, because the answer was late", counts->events[SCRIPT_COUNT_LATE_ANSWERS])
	COUNT("over_share", "events of scripts dropped, put off or answered by default, because their share of time was used up",
	      counts->events[SCRIPT_COUNT_OVER_SHARE])
	COUNT("seconds", "processor time spent on scripts and what they send", (double)counts->spent_ns / NS_PER_S)
	COUNT("killed", "scripts that were killed", counts->events[SCRIPT_COUNT_KILLED])
	COUNT("processes_started", "sidecar processes started", processes.started)
	COUNT("processes_ended", "sidecar processes that have ended", processes.ended)
	COUNT("process_start_failures", "sidecar processes that could not be started", processes.start_failures)
#define ADD(name, text) COUNT("sidecar_" #name, text, counts->sidecar.name)
	SIDECAR_COUNTS(ADD)
#undef ADD
#undef COUNT
	each(context, "ringcast_script_sessions", "gauge", "sessions that run a script", "language=\"lua\"", (double)counts->sessions[SCRIPT_LUA]);
	each(context, "ringcast_script_sessions", "gauge", "sessions that run a script", "language=\"js\"", (double)counts->sessions[SCRIPT_JS]);
	each(context, "ringcast_script_programs", "gauge", "script versions loaded, over all shards", "", (double)counts->programs);
	each(context, "ringcast_script_processes", "gauge", "sidecar processes", "", (double)processes.running);
}

/* All shards or none: a sum without one of them would make counters run backward. */
static bool measure(struct ringcast_engine *engine, struct sums *sums, ringcast_metric_fn *each, void *context)
{
	struct ask *asks[MAILBOX_SENDERS_MAX] = {NULL};
	bool is_complete = true;
	for (uint32_t i = 0; i < engine->shard_count && is_complete; i++) {
		struct ask_metrics *self = calloc(1, sizeof(*self));
		is_complete = self != NULL;
		if (self == NULL)
			break;
		ringcast_ask_init(&self->ask, answer_metrics, free_metrics);
		asks[i] = &self->ask;
	}
	is_complete = is_complete && ringcast_engine_ask_all(engine, asks) == RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		if (is_complete) {
			const struct ask_metrics *of_shard = CONTAINER_OF(asks[i], struct ask_metrics, ask);
			add_counters(sums, of_shard);
			emit_loop(of_shard, i, each, context);
		}
		ringcast_ask_release(asks[i]);
	}
	return is_complete;
}

void ringcast_metrics_each(ringcast_engine *engine, ringcast_metric_fn *each, void *context)
{
	struct sums sums = {0};
	emit_stalls(engine, each, context);
	if (!measure(engine, &sums, each, context))
		return;
	emit(&sums, each, context);
	emit_certificate(engine, each, context);
	emit_scripts(&sums.scripts, ringcast_sidecars_measure(engine->sidecars), each, context);
}
