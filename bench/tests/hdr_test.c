/* HdrHistogram's formats, and what goes from one load process to another in them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "bench/hdr.h"
#include "bench/load/outcome.h"
#include "bench/load/series.h"

static struct histogram *fill(uint64_t seed, unsigned count)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	struct prng prng;
	ringcast_prng_init(&prng, seed);
	for (unsigned i = 0; i < count; i++)
		ringcast_histogram_add(histogram, ringcast_prng_next(&prng) >> (24 + ringcast_prng_below(&prng, 40)));
	return histogram;
}

static void check_same_buckets(const struct histogram *a, const struct histogram *b)
{
	cr_assert_eq(a->count, b->count);
	for (unsigned i = 0; i < HISTOGRAM_BUCKET_COUNT; i++)
		cr_assert_eq(a->buckets[i], b->buckets[i], "bucket %u", i);
}

Test(hdr, comes_back_whole)
{
	static const unsigned counts[] = {0, 1, 2, 1000, 200000};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct histogram *in = fill(i, counts[i]), *out = calloc(1, sizeof(*out));
		in->count += in->buckets[3] == 0 ? 1u << 31 : 0; /* a count of several bytes */
		in->buckets[3] += in->buckets[3] == 0 ? 1u << 31 : 0;
		char *text = ringcast_hdr_encode(in);
		cr_assert_not_null(text);
		cr_assert(ringcast_hdr_decode(text, out));
		check_same_buckets(in, out);
		for (uint32_t percentile = 1000; percentile < 100000; percentile += 1000)
			cr_assert_leq(ringcast_histogram_percentile(in, percentile), ringcast_histogram_percentile(out, percentile));
		free(text);
		free(in);
		free(out);
	}
}

/* The counts are as hdr-histogram-js 3.0 writes them, the head as Java does: 0, 1 twice, 255, 256, 257, 1000, 40 000 three hundred times, 123 456 twice, 5 ms, 80 ms, 2^33, 2^39. */
Test(hdr, reads_what_others_write)
{
	static const char text[] = "HISTFAAAADp4nJNpmSzMwMAgwwABTFCaEYj/g4D9B6gEy09mJpaPzEwHuW6wLGdmOc3F9Jed6Swv019uJgC7Mw+m";
	static const uint64_t values[] = {0, 1, 1, 255, 256, 257, 1000, 123456, 123456, 5000000, 80000000, UINT64_C(1) << 33, UINT64_C(1) << 39};
	struct histogram *wanted = calloc(1, sizeof(*wanted)), *got = calloc(1, sizeof(*got));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		ringcast_histogram_add(wanted, values[i]);
	for (int i = 0; i < 300; i++)
		ringcast_histogram_add(wanted, 40000);
	cr_assert(ringcast_hdr_decode(text, got));
	check_same_buckets(wanted, got);
	free(wanted);
	free(got);
}

/* It comes from another process: any cut, any changed letter is refused or read as some histogram, never more. */
Test(hdr, damage_is_refused)
{
	struct histogram *in = fill(7, 500), *out = calloc(1, sizeof(*out));
	char *text = ringcast_hdr_encode(in);
	size_t size = strlen(text);
	unsigned refused = 0;
	for (size_t i = 0; i < size; i++) {
		char kept = text[i];
		text[i] = '\0';
		cr_assert_not(ringcast_hdr_decode(text, out), "cut at %zu", i);
		text[i] = kept == 'x' ? 'y' : 'x';
		refused += !ringcast_hdr_decode(text, out);
		text[i] = '!';
		cr_assert_not(ringcast_hdr_decode(text, out), "changed at %zu", i);
		text[i] = kept;
	}
	cr_assert_gt(refused, size / 2, "the checksum of the deflated notices");
	cr_assert_not(ringcast_hdr_decode("", out));
	free(text);
	free(in);
	free(out);
}

/* outcomes */

static struct outcome *make_outcome(uint64_t seed)
{
	struct outcome *outcome = ringcast_outcome_create();
	struct histogram *some = fill(seed, 300);
	struct series series;
	outcome->command_line = "";
	outcome->bot_count = 8;
	outcome->is_finished = true;
	outcome->seconds = 2;
	outcome->own_cpu_seconds = 0.5;
	outcome->counts = (struct load_counts){.sent = seed, .lost = {1, 2}, .expected = 100, .leaks = 3, .bytes_received = 4};
	outcome->arrived[0] = 10;
	outcome->arrived[1] = 20;
	outcome->latency[1] = outcome->lateness = *some;
	cr_assert(ringcast_series_init(&series));
	ringcast_series_start(&series, 5);
	series.latency[1] = *some;
	series.sent = 9;
	ringcast_series_end(&series, UINT64_C(1500000000));
	outcome->series = json_incref(series.rows);
	ringcast_series_fini(&series);
	free(some);
	return outcome;
}

Test(outcome, goes_to_another_process_and_is_merged)
{
	struct outcome *a = make_outcome(11), *b = make_outcome(22), *got = ringcast_outcome_create();
	struct histogram *both = calloc(1, sizeof(*both)), *read = calloc(1, sizeof(*read));
	json_t *json = ringcast_outcome_to_json(b);
	cr_assert(ringcast_outcome_from_json(json, got));
	check_same_buckets(&b->latency[1], &got->latency[1]);
	cr_assert_eq(got->latency[1].max, b->latency[1].max);
	cr_assert_eq(got->counts.sent, 22);
	cr_assert_eq(got->counts.bytes_received, 4);
	ringcast_histogram_merge(both, &a->latency[1]);
	ringcast_histogram_merge(both, &b->latency[1]);
	cr_assert(ringcast_outcome_merge(a, got));
	check_same_buckets(&a->latency[1], both);
	cr_assert_eq(a->counts.sent, 33);
	cr_assert_eq(a->counts.leaks, 6);
	cr_assert_eq(a->bot_count, 16);
	cr_assert_eq(a->process_count, 2);
	cr_assert_float_eq(a->own_cpu_seconds, 1, 1e-9);
	cr_assert_eq(json_array_size(a->series), 1);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(a->series, 0), "sent")), 18);
	const json_t *udp = json_object_get(json_array_get(a->series, 0), "udp");
	cr_assert(ringcast_hdr_decode(json_string_value(json_object_get(udp, "hdr")), read));
	check_same_buckets(read, both);
	json_decref(json);
	free(both);
	free(read);
	ringcast_outcome_destroy(a);
	ringcast_outcome_destroy(b);
	ringcast_outcome_destroy(got);
}

Test(outcome, what_is_no_report_is_refused)
{
	struct outcome *a = make_outcome(1);
	json_t *json = ringcast_outcome_to_json(a);
	static const char *const needed[] = {"latency", "login", "send_lateness", "counts", "players", "arrived_udp"};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct outcome *got = ringcast_outcome_create();
		json_t *cut = json_copy(json);
		json_object_del(cut, needed[i]);
		cr_assert_not(ringcast_outcome_from_json(cut, got), "without %s", needed[i]);
		json_object_set_new(cut, needed[i], json_pack("{s:i}", "count", -1));
		ringcast_outcome_destroy(got);
		got = ringcast_outcome_create();
		cr_assert_not(ringcast_outcome_from_json(cut, got), "with a wrong %s", needed[i]);
		json_decref(cut);
		ringcast_outcome_destroy(got);
	}
	json_decref(json);
	ringcast_outcome_destroy(a);
}

Test(series, rows_of_other_seconds_find_their_places)
{
	json_t *into = json_pack("[{s:i, s:f, s:i}]", "second", 1, "seconds", 1.0, "sent", 5);
	json_t *from = json_pack("[{s:i, s:f, s:i}, {s:i, s:f, s:i}, {s:i, s:f, s:i}]", "second", 0, "seconds", 1.0, "sent", 1, "second", 1, "seconds", 1.0,
				 "sent", 2, "second", 2, "seconds", 0.5, "sent", 3);
	cr_assert(ringcast_series_merge(&into, from));
	cr_assert_eq(json_array_size(into), 3);
	static const int sent[] = {1, 7, 3};
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(json_integer_value(json_object_get(json_array_get(into, i), "sent")), sent[i]);
	json_t *bad = json_pack("[{s:i, s:f, s:{s:s}}]", "second", 0, "seconds", 1.0, "tcp", "hdr", "nonsense");
	cr_assert_not(ringcast_series_merge(&into, bad));
	json_decref(into);
	json_decref(from);
	json_decref(bad);
}
