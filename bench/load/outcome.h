/*
 * What a run has found, apart from the bots that found it: it is printed, judged, written as JSON, sent by one process to another, and merged
 * with what others found in the same seconds.
 */
#ifndef RINGCAST_BENCH_LOAD_OUTCOME_H
#define RINGCAST_BENCH_LOAD_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "bench/histogram.h"
#include "bench/load/options.h"

struct load_counts {
	uint64_t sent, refused, skipped, late;
	uint64_t received[2];             /* by channel: tcp, udp */
	uint64_t expected;
	uint64_t lost[2];                 /* by intent: fast, reliable */
	uint64_t duplicates, reordered;
	uint64_t leaks, damaged, misattributed, foreign;
	uint64_t connects, connect_failures, disconnects, slow_disconnects, rejoins;
	uint64_t fast_failures, stale;
	uint64_t bytes_received;
	uint64_t moves, joins, leaves;    /* with --grid: from cell to cell; of groups */
};

struct server_sample {
	bool is_known;
	uint64_t cpu_ns;
	uint64_t resident_bytes, anonymous_bytes;
};

/* Too large for a stack. Owns series. */
struct outcome {
	struct load_options options;
	const char *command_line;
	time_t started_s;                 /* of the calendar */
	uint32_t bot_count;
	uint32_t sender_count;            /* in each session */
	uint32_t process_count;
	bool is_finished;                 /* it was measured to the end */
	bool is_interrupted;
	bool has_late_part;               /* one of several processes was too slow, whatever they are together */
	char failure[256];                /* why the run could not go on; "" */
	char fast_failure[160];           /* the first DTLS that failed; "" */
	double seconds;                   /* measured */
	struct load_counts counts;        /* since the traffic began */
	uint64_t arrived[2], arrived_bytes; /* in the measured time, by channel; what the server's CPU time is divided by */
	struct histogram latency[2];      /* by channel: tcp, udp */
	struct histogram lateness, connect_time;
	struct server_sample before, after; /* around the measured time */
	double own_cpu_seconds;           /* of the generator, in the measured time */
	json_t *series;                   /* rows of series.h; NULL: none */
};

struct outcome *ringcast_outcome_create(void); /* NULL: no memory */
void ringcast_outcome_destroy(struct outcome *outcome);
/* Other processes' part of the same run. False: their seconds are not the same ones. */
bool ringcast_outcome_merge(struct outcome *into, const struct outcome *from);

uint64_t ringcast_outcome_arrived(const struct outcome *outcome);
uint64_t ringcast_outcome_lost(const struct outcome *outcome);
double ringcast_outcome_loss_ratio(const struct outcome *outcome);
double ringcast_outcome_server_cpu_ns(const struct outcome *outcome);
double ringcast_outcome_cpu_ns_per_delivery(const struct outcome *outcome);
double ringcast_outcome_generator_busy(const struct outcome *outcome); /* of one core */
/* More than 1% of the sends were more than 1 ms late, of all or of one process: what was measured is this program. */
bool ringcast_outcome_is_generator_bound(const struct outcome *outcome);

/* outcome_json.c: a report as programs read it; NULL: no memory */
json_t *ringcast_outcome_to_json(const struct outcome *outcome);
json_t *ringcast_load_options_to_json(const struct load_options *options);
/* From another process's report: numbers alone, not its options. False: it is not one. */
bool ringcast_outcome_from_json(const json_t *json, struct outcome *ret_outcome);

/* facts.c: what a number means nothing without: kernel, processor, mitigations, load */
json_t *ringcast_facts_json(void);

#endif
