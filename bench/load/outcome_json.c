/* Reports: an outcome as JSON, and back. */
#include "bench/load/outcome.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/load/series.h"

static const char *const channel_names[2] = {"tcp", "udp"};

/* [greatest value in ns, count] of each bucket that is not empty, so that runs can be merged and other percentiles asked for. */
static json_t *buckets_json(const struct histogram *histogram)
{
	json_t *json = json_array();
	for (unsigned i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
		if (histogram->buckets[i] > 0)
			json_array_append_new(json, json_pack("[I, I]", (json_int_t)ringcast_histogram_bucket_top(i),
							      (json_int_t)histogram->buckets[i]));
	}
	return json;
}

static json_t *histogram_json(const struct histogram *histogram)
{
	static const struct {
		const char *name;
		uint32_t thousandths;
	} percentiles[] = {{"p50", 50000}, {"p90", 90000}, {"p99", 99000}, {"p99_9", 99900}, {"p99_99", 99990}};
	json_t *json = json_pack("{s:I, s:f, s:I, s:I, s:I}", "count", (json_int_t)histogram->count, "mean_ns", ringcast_histogram_mean(histogram), "sum_ns",
				 (json_int_t)histogram->sum, "min_ns", (json_int_t)histogram->min, "max_ns", (json_int_t)histogram->max);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		char key[16];
		snprintf(key, sizeof(key), "%s_ns", percentiles[i].name);
		json_object_set_new(json, key, json_integer((json_int_t)ringcast_histogram_percentile(histogram, percentiles[i].thousandths)));
	}
	json_object_set_new(json, "buckets", buckets_json(histogram));
	return json;
}

json_t *ringcast_load_options_to_json(const struct load_options *options)
{
	json_t *json = json_object();
	const struct load_option *option;
	for (size_t i = 0; (option = ringcast_load_options_at(i)); i++) {
		const void *field = (const char *)options + option->offset;
		json_t *value;
		if (option->type == LOAD_OPTION_TEXT)
			value = *(const char *const *)field ? json_string(*(const char *const *)field) : json_null();
		else if (option->type == LOAD_OPTION_FLAG)
			value = json_boolean(*(const bool *)field);
		else if (option->type == LOAD_OPTION_COUNT)
			value = json_integer((json_int_t)*(const uint64_t *)field);
		else
			value = json_real(*(const double *)field);
		json_object_set_new(json, option->name, value);
	}
	return json;
}

static json_t *counts_json(const struct load_counts *counts)
{
	json_t *json = json_object();
#define LOAD_COUNT(field, name) json_object_set_new(json, name, json_integer((json_int_t)counts->field));
#include "bench/load/counts.def"
#undef LOAD_COUNT
	return json;
}

static json_t *server_json(const struct outcome *outcome)
{
	if (!outcome->before.is_known || !outcome->after.is_known)
		return json_null();
	return json_pack("{s:f, s:I, s:f, s:I, s:I, s:I, s:I}", "cpu_seconds", ringcast_outcome_server_cpu_ns(outcome) / 1e9, "cpu_ns",
			 (json_int_t)(outcome->after.cpu_ns - outcome->before.cpu_ns), "cpu_ns_per_delivery",
			 ringcast_outcome_cpu_ns_per_delivery(outcome), "resident_bytes_before", (json_int_t)outcome->before.resident_bytes,
			 "resident_bytes_after", (json_int_t)outcome->after.resident_bytes, "anonymous_bytes_before",
			 (json_int_t)outcome->before.anonymous_bytes, "anonymous_bytes_after", (json_int_t)outcome->after.anonymous_bytes);
}

static json_t *latency_json(const struct outcome *outcome)
{
	json_t *json = json_object();
	for (int channel = 0; channel < 2; channel++)
		json_object_set_new(json, channel_names[channel], histogram_json(&outcome->latency[channel]));
	return json;
}

static void set_numbers(json_t *json, const struct outcome *outcome)
{
	double seconds = outcome->seconds, arrived = (double)ringcast_outcome_arrived(outcome);
	json_t *more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "seconds", seconds, "deliveries_per_second",
				 seconds > 0 ? arrived / seconds : 0.0, "payload_bytes_per_second",
				 seconds > 0 ? (double)outcome->arrived_bytes / seconds : 0.0, "loss_ratio", ringcast_outcome_loss_ratio(outcome),
				 "generator_busy", ringcast_outcome_generator_busy(outcome), "generator_cpu_seconds", outcome->own_cpu_seconds, "players",
				 (json_int_t)outcome->bot_count, "processes", (json_int_t)outcome->process_count, "arrived_tcp",
				 (json_int_t)outcome->arrived[0], "arrived_udp", (json_int_t)outcome->arrived[1], "arrived_bytes",
				 (json_int_t)outcome->arrived_bytes);
	json_object_update(json, more);
	json_decref(more);
}

json_t *ringcast_outcome_to_json(const struct outcome *outcome)
{
	char date[32] = "";
	struct tm utc;
	if (gmtime_r(&outcome->started_s, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_t *json = json_pack("{s:i, s:s, s:s, s:s*, s:s*, s:s*, s:b, s:b, s:b, s:s, s:s}", "schema", 1, "date", date, "version", RINGCAST_TOOLS_VERSION,
				 "commit", outcome->options.commit, "label", outcome->options.label, "command", outcome->command_line, "valid",
				 (int)!ringcast_outcome_is_generator_bound(outcome), "finished", (int)outcome->is_finished, "interrupted",
				 (int)outcome->is_interrupted, "failure", outcome->failure, "fast_failure", outcome->fast_failure);
	if (!json)
		return NULL;
	set_numbers(json, outcome);
	json_object_set_new(json, "environment", ringcast_facts_json());
	json_object_set_new(json, "options", ringcast_load_options_to_json(&outcome->options));
	json_object_set_new(json, "latency", latency_json(outcome));
	json_object_set_new(json, "login", histogram_json(&outcome->connect_time));
	json_object_set_new(json, "send_lateness", histogram_json(&outcome->lateness));
	json_object_set_new(json, "counts", counts_json(&outcome->counts));
	json_object_set_new(json, "server", server_json(outcome));
	json_object_set(json, "series", outcome->series);
	return json;
}

/* and back */

/* 0 and false when it is not there or not a number that is positive. */
static bool get_number(const json_t *json, const char *name, uint64_t *ret_value)
{
	const json_t *value = json_object_get(json, name);
	*ret_value = json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value) : 0;
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool get_buckets(const json_t *buckets, struct histogram *histogram)
{
	size_t at;
	const json_t *pair;
	unsigned bucket = 0;
	uint64_t count = 0;
	json_array_foreach((json_t *)buckets, at, pair)
	{
		uint64_t top = (uint64_t)json_integer_value(json_array_get(pair, 0));
		json_int_t more = json_integer_value(json_array_get(pair, 1));
		while (bucket < HISTOGRAM_BUCKET_COUNT && ringcast_histogram_bucket_top(bucket) < top)
			bucket++;
		if (bucket == HISTOGRAM_BUCKET_COUNT || ringcast_histogram_bucket_top(bucket) != top || more < 0)
			return false;
		histogram->buckets[bucket] += (uint64_t)more;
		count += (uint64_t)more;
	}
	return json_is_array(buckets) && count == histogram->count;
}

static bool get_histogram(const json_t *json, struct histogram *ret_histogram)
{
	*ret_histogram = (struct histogram){0};
	return get_number(json, "count", &ret_histogram->count) && get_number(json, "sum_ns", &ret_histogram->sum) &&
	       get_number(json, "min_ns", &ret_histogram->min) && get_number(json, "max_ns", &ret_histogram->max) &&
	       get_buckets(json_object_get(json, "buckets"), ret_histogram);
}

static bool get_counts(const json_t *json, struct load_counts *counts)
{
	bool is_read = true;
#define LOAD_COUNT(field, name) is_read &= get_number(json, name, &counts->field);
#include "bench/load/counts.def"
#undef LOAD_COUNT
	return is_read;
}

static void get_server(const json_t *json, struct outcome *outcome)
{
	if (!json_is_object(json))
		return;
	outcome->before.is_known = outcome->after.is_known = get_number(json, "cpu_ns", &outcome->after.cpu_ns);
	get_number(json, "resident_bytes_before", &outcome->before.resident_bytes);
	get_number(json, "resident_bytes_after", &outcome->after.resident_bytes);
	get_number(json, "anonymous_bytes_before", &outcome->before.anonymous_bytes);
	get_number(json, "anonymous_bytes_after", &outcome->after.anonymous_bytes);
}

static void get_text(const json_t *json, const char *name, char *out, size_t out_bytes)
{
	const char *text = json_string_value(json_object_get(json, name));
	snprintf(out, out_bytes, "%s", text ? text : "");
}

static bool get_totals(const json_t *json, struct outcome *outcome)
{
	uint64_t players = 0, processes = 0;
	bool is_read = get_number(json, "players", &players) && get_number(json, "processes", &processes) &&
		       get_number(json, "arrived_tcp", &outcome->arrived[0]) && get_number(json, "arrived_udp", &outcome->arrived[1]) &&
		       get_number(json, "arrived_bytes", &outcome->arrived_bytes) && players <= UINT32_MAX && processes <= UINT32_MAX;
	outcome->bot_count = (uint32_t)players;
	outcome->process_count = (uint32_t)processes;
	outcome->seconds = json_number_value(json_object_get(json, "seconds"));
	outcome->own_cpu_seconds = json_number_value(json_object_get(json, "generator_cpu_seconds"));
	return is_read;
}

bool ringcast_outcome_from_json(const json_t *json, struct outcome *ret_outcome)
{
	const json_t *latency = json_object_get(json, "latency"), *rows = json_object_get(json, "series");
	ret_outcome->is_finished = json_is_true(json_object_get(json, "finished"));
	ret_outcome->is_interrupted = json_is_true(json_object_get(json, "interrupted"));
	ret_outcome->has_late_part = json_is_false(json_object_get(json, "valid"));
	get_text(json, "failure", ret_outcome->failure, sizeof(ret_outcome->failure));
	get_text(json, "fast_failure", ret_outcome->fast_failure, sizeof(ret_outcome->fast_failure));
	get_server(json_object_get(json, "server"), ret_outcome);
	for (int channel = 0; channel < 2; channel++) {
		if (!get_histogram(json_object_get(latency, channel_names[channel]), &ret_outcome->latency[channel]))
			return false;
	}
	ret_outcome->series = json_is_array(rows) ? json_deep_copy(rows) : NULL;
	return get_totals(json, ret_outcome) && get_counts(json_object_get(json, "counts"), &ret_outcome->counts) &&
	       get_histogram(json_object_get(json, "login"), &ret_outcome->connect_time) &&
	       get_histogram(json_object_get(json, "send_lateness"), &ret_outcome->lateness);
}
