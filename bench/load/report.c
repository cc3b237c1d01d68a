/* What people and programs read at the end. */
#include "bench/load/load.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void ringcast_report_progress(const struct world *world)
{
	static const char *const phases[] = {"connecting", "settling", "waiting", "warm-up", "measuring", "tail", "closing", "done"};
	const struct histogram *busier = &world->latency[world->latency[1].count > world->latency[0].count];
	fprintf(stderr, "\r\033[K%s: %u of %u players, %llu sent, %llu delivered, p99 %.2f ms, %llu late", phases[world->phase], world->ready_count,
		world->bot_count, (unsigned long long)world->counts.sent,
		(unsigned long long)(world->counts.received[0] + world->counts.received[1]),
		(double)ringcast_histogram_percentile(busier, 99000) / 1e6, (unsigned long long)world->counts.late);
}

/* the table */

static void print_histogram(const char *name, const struct histogram *histogram)
{
	if (histogram->count == 0)
		return;
	printf("%-10s %12llu %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f\n", name, (unsigned long long)histogram->count,
	       ringcast_histogram_mean(histogram) / 1e6, (double)ringcast_histogram_percentile(histogram, 50000) / 1e6,
	       (double)ringcast_histogram_percentile(histogram, 90000) / 1e6, (double)ringcast_histogram_percentile(histogram, 99000) / 1e6,
	       (double)ringcast_histogram_percentile(histogram, 99900) / 1e6, (double)histogram->max / 1e6);
}

static void print_traffic(const struct outcome *outcome)
{
	double seconds = outcome->seconds;
	const struct load_counts *counts = &outcome->counts;
	printf("sent        %llu (%llu refused here, %llu skipped)\n", (unsigned long long)counts->sent, (unsigned long long)counts->refused,
	       (unsigned long long)counts->skipped);
	printf("deliveries  %.0f /s (tcp %.0f, udp %.0f), %.1f MB/s of payload\n", (double)ringcast_outcome_arrived(outcome) / seconds,
	       (double)outcome->arrived[0] / seconds, (double)outcome->arrived[1] / seconds, (double)outcome->arrived_bytes / seconds / 1e6);
	printf("lost        %llu of %llu (fast %llu, reliable %llu), %.4f%%\n", (unsigned long long)ringcast_outcome_lost(outcome),
	       (unsigned long long)counts->expected, (unsigned long long)counts->lost[0], (unsigned long long)counts->lost[1],
	       100 * ringcast_outcome_loss_ratio(outcome));
	printf("repeated    %llu, overtaken %llu, stale datagrams %llu\n", (unsigned long long)counts->duplicates,
	       (unsigned long long)counts->reordered, (unsigned long long)counts->stale);
	printf("leaked      %llu, damaged %llu, wrong sender %llu, foreign %llu\n", (unsigned long long)counts->leaks,
	       (unsigned long long)counts->damaged, (unsigned long long)counts->misattributed, (unsigned long long)counts->foreign);
}

static void print_server(const struct outcome *outcome)
{
	double seconds = outcome->seconds;
	if (!outcome->before.is_known || !outcome->after.is_known)
		return;
	printf("server CPU  %.1f%% of one core", ringcast_outcome_server_cpu_ns(outcome) / seconds / 1e7);
	if (ringcast_outcome_arrived(outcome) > 0)
		printf(", %.0f ns per delivery, %.0f deliveries per CPU second", ringcast_outcome_cpu_ns_per_delivery(outcome), 1e9 / ringcast_outcome_cpu_ns_per_delivery(outcome));
	putchar('\n');
	if (outcome->options.is_idle)
		printf("memory      %.0f bytes touched per connection (resident %.1f MiB before, %.1f MiB with %u players)\n",
		       (double)(outcome->after.resident_bytes - outcome->before.resident_bytes) / outcome->bot_count,
		       (double)outcome->before.resident_bytes / 1048576, (double)outcome->after.resident_bytes / 1048576, outcome->bot_count);
	else
		printf("memory      %.1f MiB resident\n", (double)outcome->after.resident_bytes / 1048576);
}

void ringcast_report_print(const struct outcome *outcome)
{
	const struct load_options *options = &outcome->options;
	printf("%llu sessions x %llu players, %u senders x %g msgs/s x %llu bytes, %g%% reliable, %g s\n",
	       (unsigned long long)options->session_count, (unsigned long long)options->player_count, options->is_idle ? 0 : outcome->sender_count,
	       options->rate, (unsigned long long)options->size_bytes, options->reliable_percent, options->duration_seconds);
	printf("%-10s %12s %9s %9s %9s %9s %9s %9s\n", "ms", "count", "mean", "p50", "p90", "p99", "p99.9", "max");
	print_histogram("login", &outcome->connect_time);
	print_histogram("tcp", &outcome->latency[0]);
	print_histogram("udp", &outcome->latency[1]);
	print_histogram("send late", &outcome->lateness);
	if (options->connect_rate > 0)
		printf("logins      %.0f /s, %llu failed\n", (double)outcome->counts.connects / outcome->seconds,
		       (unsigned long long)outcome->counts.connect_failures);
	else if (!options->is_idle)
		print_traffic(outcome);
	if (outcome->counts.disconnects + outcome->counts.rejoins + outcome->counts.slow_disconnects > 0)
		printf("players     %llu disconnected, %llu left and came back, %llu slow ones disconnected\n",
		       (unsigned long long)outcome->counts.disconnects, (unsigned long long)outcome->counts.rejoins,
		       (unsigned long long)outcome->counts.slow_disconnects);
	if (outcome->options.grid_side > 0)
		printf("areas       %llu moves, %llu joins, %llu leaves\n", (unsigned long long)outcome->counts.moves,
		       (unsigned long long)outcome->counts.joins, (unsigned long long)outcome->counts.leaves);
	if (outcome->counts.fast_failures > 0)
		printf("DTLS        failed %llu times, first: %s\n", (unsigned long long)outcome->counts.fast_failures, outcome->fast_failure);
	print_server(outcome);
	printf("generator   %.0f%% of one core, %u %s\n", 100 * ringcast_outcome_generator_busy(outcome), outcome->process_count,
	       outcome->process_count == 1 ? "process" : "processes");
}

/* files */

static bool is_writable(const char *flag, const char *path)
{
	struct stat status;
	if (!path || strcmp(path, "-") == 0)
		return true;
	/* the file of an earlier run stays as it is until there is something to put in its place */
	if (stat(path, &status) == 0) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : 0;
		if (errno == 0 && access(path, W_OK) == 0)
			return true;
	} else {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0) {
			close(fd);
			unlink(path);
			return true;
		}
	}
	fprintf(stderr, "ringcast-load: --%s: cannot write %s: %s\n", flag, path, strerror(errno));
	return false;
}

static bool is_folder(const char *path)
{
	struct stat status;
	if (!path)
		return true;
	bool is_there = stat(path, &status) == 0;
	if (is_there && S_ISDIR(status.st_mode) && access(path, W_OK) == 0)
		return true;
	fprintf(stderr, "ringcast-load: --results: cannot write into %s: %s\n", path, is_there && !S_ISDIR(status.st_mode) ? "not a folder" : strerror(errno));
	return false;
}

bool ringcast_report_is_writable(const struct load_options *options)
{
	return is_writable("json", options->json_path) && is_writable("histograms", options->histograms_path) && is_folder(options->results_path);
}

static bool write_json(const json_t *json, const char *path)
{
	int failed = !json || (strcmp(path, "-") == 0 ? json_dumpf(json, stdout, JSON_INDENT(2)) : json_dump_file(json, path, JSON_INDENT(2)));
	if (!failed && strcmp(path, "-") == 0)
		putchar('\n');
	if (failed)
		fprintf(stderr, "ringcast-load: cannot write %s\n", path);
	return !failed;
}

static bool write_result(const json_t *json, const struct outcome *outcome)
{
	char path[4096], date[32] = "";
	struct tm utc;
	if (gmtime_r(&outcome->started_s, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H%M%SZ", &utc);
	snprintf(path, sizeof(path), "%.3900s/%s-%.64s.json", outcome->options.results_path, date, outcome->options.label ? outcome->options.label : "load");
	return write_json(json, path);
}

bool ringcast_report_write(const struct outcome *outcome, const json_t *json)
{
	const struct load_options *options = &outcome->options;
	if (options->json_path && !write_json(json, options->json_path))
		return false;
	if (options->results_path && !write_result(json, outcome))
		return false;
	if (!options->histograms_path ||
	    ringcast_series_write_log(outcome->series, options->histograms_path, RINGCAST_TOOLS_VERSION, (double)outcome->started_s))
		return true;
	fprintf(stderr, "ringcast-load: --histograms: cannot write %s\n", options->histograms_path);
	return false;
}

/* the verdict */

static int check_slos(const struct outcome *outcome)
{
	struct histogram *all = calloc(1, sizeof(*all));
	if (!all)
		return LOAD_EXIT_NOT_RUN;
	ringcast_histogram_merge(all, &outcome->latency[0]);
	ringcast_histogram_merge(all, &outcome->latency[1]);
	if (outcome->options.connect_rate > 0)
		ringcast_histogram_merge(all, &outcome->connect_time);
	const struct slo_values values = {
		.latency = all,
		.loss_ratio = ringcast_outcome_loss_ratio(outcome),
		.duplicates = (double)outcome->counts.duplicates,
		.deliveries_per_second = (double)ringcast_outcome_arrived(outcome) / outcome->seconds,
		.disconnects = (double)outcome->counts.disconnects,
	};
	int broken = ringcast_slo_check(outcome->options.slo, &values, stderr);
	free(all);
	return broken ? LOAD_EXIT_BROKEN : LOAD_EXIT_KEPT;
}

static int find_breach(const struct outcome *outcome)
{
	const struct load_counts *counts = &outcome->counts;
	if (outcome->failure[0])
		fprintf(stderr, "ringcast-load: %s\n", outcome->failure);
	if (counts->leaks > 0)
		fprintf(stderr, "LEAK: %llu messages reached somebody they were not for\n", (unsigned long long)counts->leaks);
	if (counts->damaged + counts->misattributed > 0)
		fprintf(stderr, "DAMAGE: %llu messages with a wrong checksum, %llu with a wrong sender\n", (unsigned long long)counts->damaged,
			(unsigned long long)counts->misattributed);
	if (counts->fast_failures > 0)
		fprintf(stderr, "ringcast-load: DTLS failed %llu times: %s\n", (unsigned long long)counts->fast_failures, outcome->fast_failure);
	if (counts->disconnects >= outcome->bot_count)
		fprintf(stderr, "ringcast-load: every player was disconnected: the server is gone, or threw them all out\n");
	if (counts->fast_failures + counts->leaks + counts->damaged + counts->misattributed + counts->disconnects > 0)
		return LOAD_EXIT_BROKEN;
	if (outcome->is_interrupted || (outcome->failure[0] && !outcome->is_finished))
		return LOAD_EXIT_NOT_RUN;
	return outcome->failure[0] ? LOAD_EXIT_BROKEN : LOAD_EXIT_KEPT;
}

int ringcast_report_judge(const struct outcome *outcome)
{
	int code = find_breach(outcome);
	if (!outcome->is_finished)
		return code ? code : LOAD_EXIT_NOT_RUN;
	if (code == 0 && outcome->options.slo)
		code = check_slos(outcome);
	if (ringcast_outcome_is_generator_bound(outcome) && code != LOAD_EXIT_NOT_RUN) {
		fprintf(stderr, "INVALID: generator-bound: %llu of %llu sends were more than 1 ms late%s\n", (unsigned long long)outcome->counts.late,
			(unsigned long long)outcome->lateness.count, outcome->has_late_part ? "; at least one process was too slow" : "");
		code = LOAD_EXIT_INVALID;
	}
	return code;
}

int ringcast_report(const struct outcome *outcome)
{
	bool is_json_on_stdout = outcome->options.json_path && strcmp(outcome->options.json_path, "-") == 0;
	if (outcome->is_finished && !is_json_on_stdout)
		ringcast_report_print(outcome);
	int code = ringcast_report_judge(outcome);
	json_t *json = outcome->is_finished ? ringcast_outcome_to_json(outcome) : NULL;
	bool is_written = !outcome->is_finished || ringcast_report_write(outcome, json);
	json_decref(json);
	return is_written ? code : LOAD_EXIT_NOT_RUN;
}
