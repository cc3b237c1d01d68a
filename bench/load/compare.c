/*
 * "ringcast-load compare A B": what changed between two reports, or two sets of repeats. What differs by less than repeats of the same thing
 * differ by is noise, and is called so. Runs of other work say nothing about each other and are refused.
 */
#include "bench/load/alike.h"
#include "bench/load/load.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 256 };

/* Where a number is in a report, and which way is worse. */
static const struct metric {
	const char *name, *unit;
	const char *path[3];
	double scale;
	bool is_more_better;
} metrics[] = {
	{"deliveries", "/s", {"deliveries_per_second"}, 1, true},
	{"server CPU per delivery", "ns", {"server", "cpu_ns_per_delivery"}, 1, false},
	{"tcp p50", "ms", {"latency", "tcp", "p50_ns"}, 1e-6, false},
	{"tcp p99", "ms", {"latency", "tcp", "p99_ns"}, 1e-6, false},
	{"tcp p99.9", "ms", {"latency", "tcp", "p99_9_ns"}, 1e-6, false},
	{"udp p50", "ms", {"latency", "udp", "p50_ns"}, 1e-6, false},
	{"udp p99", "ms", {"latency", "udp", "p99_ns"}, 1e-6, false},
	{"udp p99.9", "ms", {"latency", "udp", "p99_9_ns"}, 1e-6, false},
	{"login p99", "ms", {"login", "p99_ns"}, 1e-6, false},
	{"loss", "of 1", {"loss_ratio"}, 1, false},
	{"server memory", "MiB", {"server", "resident_bytes_after"}, 1.0 / 1048576, false},
};

struct sample {
	size_t count;
	double values[RUNS_MAX];
};

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

static double median(const struct sample *sample)
{
	size_t middle = sample->count / 2;
	return sample->count % 2 ? sample->values[middle] : (sample->values[middle - 1] + sample->values[middle]) / 2;
}

/* Half of what lies between the least and the greatest, as a share of the median. */
static double noise(const struct sample *sample)
{
	double middle = fabs(median(sample));
	return middle > 0 ? (sample->values[sample->count - 1] - sample->values[0]) / 2 / middle : 0;
}

/* NULL: it is not there, or a percentile of nothing, which is no time. */
static const json_t *find(const json_t *json, const struct metric *metric)
{
	const json_t *within = NULL;
	for (size_t i = 0; i < sizeof(metric->path) / sizeof(metric->path[0]) && metric->path[i]; i++) {
		within = json;
		json = json_object_get(json, metric->path[i]);
	}
	const json_t *count = json_object_get(within, "count");
	return json_is_integer(count) && json_integer_value(count) == 0 ? NULL : json;
}

static bool is_valid(const json_t *run)
{
	return !json_is_false(json_object_get(run, "valid"));
}

/* Runs that the generator spoiled say nothing. */
static void collect(const json_t *runs, const struct metric *metric, struct sample *ret_sample)
{
	size_t i;
	const json_t *run;
	ret_sample->count = 0;
	json_array_foreach((json_t *)runs, i, run)
	{
		const json_t *value = find(run, metric);
		if (json_is_number(value) && is_valid(run) && ret_sample->count < RUNS_MAX)
			ret_sample->values[ret_sample->count++] = json_number_value(value) * metric->scale;
	}
	qsort(ret_sample->values, ret_sample->count, sizeof(ret_sample->values[0]), compare_doubles);
}

/* A report, {"runs": [...]} or a list of reports; always a list. NULL: why is said. */
static json_t *load_runs(const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error), *runs = NULL;
	if (json_is_array(json))
		runs = json_incref(json);
	else if (json_is_array(json_object_get(json, "runs")))
		runs = json_incref(json_object_get(json, "runs"));
	else if (json_is_object(json_object_get(json, "latency")))
		runs = json_pack("[O]", json);
	if (!runs)
		fprintf(stderr, "ringcast-load: compare: %s is not a report: %s\n", path, json ? "no runs in it" : error.text);
	json_decref(json);
	return runs;
}

/* Whether B is worse than A by more than both the noise and what is tolerated. */
static bool print_row(const struct metric *metric, const struct sample *a, const struct sample *b, double tolerated)
{
	double before = median(a), after = median(b), spread = noise(a) > noise(b) ? noise(a) : noise(b);
	double limit = spread > tolerated ? spread : tolerated;
	double change = before != 0 ? after / before - 1 : after != 0 ? INFINITY : 0;
	bool is_beyond = fabs(change) > limit, is_worse = is_beyond && (change > 0) != metric->is_more_better;
	printf("%-24s %12.4g %12.4g %-5s %8.3f  %8.1f%%  %s\n", metric->name, before, after, metric->unit, before != 0 ? after / before : NAN, 100 * spread,
	       !is_beyond ? "same" : is_worse ? "WORSE" : "better");
	return is_worse;
}

static int count_worse(const json_t *a_runs, const json_t *b_runs, double tolerated)
{
	static struct sample a, b;
	int worse = 0, rows = 0;
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		collect(a_runs, &metrics[i], &a);
		collect(b_runs, &metrics[i], &b);
		if (a.count == 0 || b.count == 0 || (median(&a) == 0 && median(&b) == 0))
			continue;
		if (rows++ == 0)
			printf("%-24s %12s %12s %-5s %8s  %9s\n", "medians", "A", "B", "", "B : A", "noise");
		worse += print_row(&metrics[i], &a, &b, tolerated);
	}
	if (rows > 0)
		return worse;
	fprintf(stderr, "ringcast-load: compare: no valid run has a number in both\n");
	return -1;
}

/* Whether all valid runs of a list are like one; what differs is said once. */
static bool are_alike(const json_t *first, const json_t *runs, bool (*is_alike)(const json_t *, const json_t *, FILE *))
{
	size_t i;
	const json_t *run;
	json_array_foreach((json_t *)runs, i, run)
	{
		if (is_valid(run) && !is_alike(first, run, stderr))
			return false;
	}
	return true;
}

static const json_t *first_valid(const json_t *runs)
{
	size_t i;
	const json_t *run;
	json_array_foreach((json_t *)runs, i, run)
	{
		if (is_valid(run))
			return run;
	}
	return NULL;
}

/* Repeats among themselves as well: a median over other work is none. */
static bool may_compare(const json_t *a, const json_t *b, bool is_any)
{
	const json_t *first = first_valid(a);
	bool is_same_work = are_alike(first, a, ringcast_alike_work) && are_alike(first, b, ringcast_alike_work);
	if (!is_same_work && !is_any)
		fprintf(stderr, "ringcast-load: compare: these are runs of other work; --any compares them nevertheless\n");
	if (!are_alike(first, a, ringcast_alike_machine) || !are_alike(first, b, ringcast_alike_machine))
		fprintf(stderr, "ringcast-load: compare: warning: not the same machine: what differs may be its doing\n");
	return is_same_work || is_any;
}

static int compare_files(const char *a_path, const char *b_path, double tolerated, bool is_any)
{
	json_t *a = load_runs(a_path), *b = load_runs(b_path);
	int worse = a && b && may_compare(a, b, is_any) ? count_worse(a, b, tolerated) : -1;
	if (worse >= 0)
		printf("%zu runs against %zu; tolerated %.1f%%\n", json_array_size(a), json_array_size(b), 100 * tolerated);
	json_decref(a);
	json_decref(b);
	return worse < 0 ? LOAD_EXIT_NOT_RUN : worse > 0 ? LOAD_EXIT_BROKEN : LOAD_EXIT_KEPT;
}

int ringcast_compare_main(int argc, char **argv)
{
	static const char usage[] = "Usage: ringcast-load compare [--any] A B [PERCENT]\n\nA and B are reports of --json or --results, or of --repeats. PERCENT (5) is tolerated whatever "
				    "the repeats say.\nRuns by other options are refused, unless --any is given.\n"
				    "Exit codes: 0 nothing is worse, 1 something is, 2 they cannot be compared\n";
	char *end = NULL;
	bool is_any = argc > 1 && strcmp(argv[1], "--any") == 0;
	argc -= is_any;
	argv += is_any;
	double percent = argc == 4 ? strtod(argv[3], &end) : 5;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return LOAD_EXIT_KEPT;
	}
	if (argc < 3 || argc > 4 || (end && (end == argv[3] || (*end && strcmp(end, "%") != 0))) || !(percent >= 0 && percent < 1e6)) {
		fputs(usage, stderr);
		return LOAD_EXIT_NOT_RUN;
	}
	return compare_files(argv[1], argv[2], percent / 100, is_any);
}
