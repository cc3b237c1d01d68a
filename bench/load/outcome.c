#include "bench/load/outcome.h"

#include <stdlib.h>
#include <stdio.h>

#include "bench/load/series.h"

struct outcome *ringcast_outcome_create(void)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	if (outcome)
		outcome->process_count = 1;
	return outcome;
}

void ringcast_outcome_destroy(struct outcome *outcome)
{
	if (!outcome)
		return;
	json_decref(outcome->series);
	free(outcome);
}

static void merge_counts(struct load_counts *into, const struct load_counts *from)
{
#define LOAD_COUNT(field, name) into->field += from->field;
#include "bench/load/counts.def"
#undef LOAD_COUNT
}

/* All of them look at the same server: one is enough, and the first that knows has it. */
static void merge_server(struct outcome *into, const struct outcome *from)
{
	if (into->before.is_known && into->after.is_known)
		return;
	into->before = from->before;
	into->after = from->after;
}

static void merge_failure(struct outcome *into, const struct outcome *from)
{
	if (into->failure[0] == '\0')
		snprintf(into->failure, sizeof(into->failure), "%s", from->failure);
	if (into->fast_failure[0] == '\0')
		snprintf(into->fast_failure, sizeof(into->fast_failure), "%s", from->fast_failure);
	into->is_finished &= from->is_finished;
	into->is_interrupted |= from->is_interrupted;
}

bool ringcast_outcome_merge(struct outcome *into, const struct outcome *from)
{
	into->has_late_part = ringcast_outcome_is_generator_bound(into) || ringcast_outcome_is_generator_bound(from); /* before sums hide it */
	merge_counts(&into->counts, &from->counts);
	merge_server(into, from);
	merge_failure(into, from);
	for (int channel = 0; channel < 2; channel++) {
		into->arrived[channel] += from->arrived[channel];
		ringcast_histogram_merge(&into->latency[channel], &from->latency[channel]);
	}
	ringcast_histogram_merge(&into->lateness, &from->lateness);
	ringcast_histogram_merge(&into->connect_time, &from->connect_time);
	into->arrived_bytes += from->arrived_bytes;
	into->own_cpu_seconds += from->own_cpu_seconds;
	into->bot_count += from->bot_count;
	into->process_count += from->process_count;
	into->seconds = from->seconds > into->seconds ? from->seconds : into->seconds;
	return ringcast_series_merge(&into->series, from->series);
}

uint64_t ringcast_outcome_arrived(const struct outcome *outcome)
{
	return outcome->arrived[0] + outcome->arrived[1];
}

uint64_t ringcast_outcome_lost(const struct outcome *outcome)
{
	return outcome->counts.lost[0] + outcome->counts.lost[1];
}

double ringcast_outcome_loss_ratio(const struct outcome *outcome)
{
	return outcome->counts.expected ? (double)ringcast_outcome_lost(outcome) / (double)outcome->counts.expected : 0;
}

double ringcast_outcome_server_cpu_ns(const struct outcome *outcome)
{
	if (!outcome->before.is_known || !outcome->after.is_known)
		return 0;
	return (double)(outcome->after.cpu_ns - outcome->before.cpu_ns);
}

double ringcast_outcome_cpu_ns_per_delivery(const struct outcome *outcome)
{
	uint64_t arrived = ringcast_outcome_arrived(outcome);
	return arrived ? ringcast_outcome_server_cpu_ns(outcome) / (double)arrived : 0;
}

double ringcast_outcome_generator_busy(const struct outcome *outcome)
{
	return outcome->seconds > 0 ? outcome->own_cpu_seconds / outcome->seconds : 0;
}

bool ringcast_outcome_is_generator_bound(const struct outcome *outcome)
{
	return outcome->has_late_part || outcome->counts.late * 100 > outcome->lateness.count;
}
