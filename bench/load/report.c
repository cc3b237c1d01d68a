/* What people and programs read at the end. */
#include "bench/load/load.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char *const channel_names[2] = {"tcp", "udp"};

static double measured_seconds(const struct world *world)
{
	return (double)(world->measure_end_ns - world->measure_start_ns) / 1e9;
}

static uint64_t arrived(const struct world *world)
{
	return world->arrived[0] + world->arrived[1];
}

static uint64_t lost(const struct world *world)
{
	return world->counts.lost[0] + world->counts.lost[1];
}

static double loss_ratio(const struct world *world)
{
	return world->counts.expected ? (double)lost(world) / (double)world->counts.expected : 0;
}

static double server_cpu_ns(const struct world *world)
{
	if (!world->before.is_known || !world->after.is_known)
		return 0;
	return (double)(world->after.cpu_ns - world->before.cpu_ns);
}

static double cpu_ns_per_delivery(const struct world *world)
{
	return arrived(world) ? server_cpu_ns(world) / (double)arrived(world) : 0;
}

static double generator_busy(const struct world *world)
{
	double seconds = measured_seconds(world);
	return seconds > 0 ? (double)(world->own_cpu_after_ns - world->own_cpu_before_ns) / 1e9 / seconds : 0;
}

static bool is_finished(const struct world *world)
{
	return world->measure_end_ns > 0 && world->own_cpu_after_ns > 0;
}

/* More than 1% of the sends were more than 1 ms late: what was measured is this program. */
static bool is_generator_bound(const struct world *world)
{
	return world->counts.late * 100 > world->lateness->count;
}

void ringcast_report_progress(const struct world *world)
{
	static const char *const phases[] = {"connecting", "settling", "warm-up", "measuring", "tail", "closing", "done"};
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

static void print_traffic(const struct world *world)
{
	double seconds = measured_seconds(world);
	const struct load_counts *counts = &world->counts;
	printf("sent        %llu (%llu refused here, %llu skipped)\n", (unsigned long long)counts->sent, (unsigned long long)counts->refused,
	       (unsigned long long)counts->skipped);
	printf("deliveries  %.0f /s (tcp %.0f, udp %.0f), %.1f MB/s of payload\n", (double)arrived(world) / seconds,
	       (double)world->arrived[0] / seconds, (double)world->arrived[1] / seconds, (double)world->arrived_bytes / seconds / 1e6);
	printf("lost        %llu of %llu (fast %llu, reliable %llu), %.4f%%\n", (unsigned long long)lost(world),
	       (unsigned long long)counts->expected, (unsigned long long)counts->lost[0], (unsigned long long)counts->lost[1],
	       100 * loss_ratio(world));
	printf("repeated    %llu, overtaken %llu, stale datagrams %llu\n", (unsigned long long)counts->duplicates,
	       (unsigned long long)counts->reordered, (unsigned long long)counts->stale);
	printf("leaked      %llu, damaged %llu, wrong sender %llu, foreign %llu\n", (unsigned long long)counts->leaks,
	       (unsigned long long)counts->damaged, (unsigned long long)counts->misattributed, (unsigned long long)counts->foreign);
}

static void print_server(const struct world *world)
{
	double seconds = measured_seconds(world);
	if (!world->before.is_known || !world->after.is_known)
		return;
	printf("server CPU  %.1f%% of one core", server_cpu_ns(world) / seconds / 1e7);
	if (arrived(world) > 0)
		printf(", %.0f ns per delivery, %.0f deliveries per CPU second", cpu_ns_per_delivery(world), 1e9 / cpu_ns_per_delivery(world));
	putchar('\n');
	if (world->options.is_idle)
		printf("memory      %.0f bytes touched per connection (resident %.1f MiB before, %.1f MiB with %u players)\n",
		       (double)(world->after.resident_bytes - world->before.resident_bytes) / world->bot_count,
		       (double)world->before.resident_bytes / 1048576, (double)world->after.resident_bytes / 1048576, world->bot_count);
	else
		printf("memory      %.1f MiB resident\n", (double)world->after.resident_bytes / 1048576);
}

static void print_table(const struct world *world)
{
	const struct load_options *options = &world->options;
	printf("%llu sessions x %llu players, %u senders x %g msgs/s x %llu bytes, %g%% reliable, %g s\n",
	       (unsigned long long)options->session_count, (unsigned long long)options->player_count, options->is_idle ? 0 : world->sender_count,
	       options->rate, (unsigned long long)options->size_bytes, options->reliable_percent, options->duration_seconds);
	printf("%-10s %12s %9s %9s %9s %9s %9s %9s\n", "ms", "count", "mean", "p50", "p90", "p99", "p99.9", "max");
	print_histogram("login", world->connect_time);
	print_histogram("tcp", &world->latency[0]);
	print_histogram("udp", &world->latency[1]);
	print_histogram("send late", world->lateness);
	if (options->connect_rate > 0)
		printf("logins      %.0f /s, %llu failed\n", (double)world->counts.connects / measured_seconds(world),
		       (unsigned long long)world->counts.connect_failures);
	else if (!options->is_idle)
		print_traffic(world);
	if (world->counts.disconnects + world->counts.rejoins + world->counts.slow_disconnects > 0)
		printf("players     %llu disconnected, %llu left and came back, %llu slow ones disconnected\n",
		       (unsigned long long)world->counts.disconnects, (unsigned long long)world->counts.rejoins,
		       (unsigned long long)world->counts.slow_disconnects);
	if (world->counts.fast_failures > 0)
		printf("DTLS        failed %llu times, first: %s\n", (unsigned long long)world->counts.fast_failures, world->fast_failure);
	print_server(world);
	printf("generator   %.0f%% of one core\n", 100 * generator_busy(world));
}

/* JSON */

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
	json_t *json = json_pack("{s:I, s:f, s:I, s:I}", "count", (json_int_t)histogram->count, "mean_ns", ringcast_histogram_mean(histogram), "min_ns",
				 (json_int_t)histogram->min, "max_ns", (json_int_t)histogram->max);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		char key[16];
		snprintf(key, sizeof(key), "%s_ns", percentiles[i].name);
		json_object_set_new(json, key, json_integer((json_int_t)ringcast_histogram_percentile(histogram, percentiles[i].thousandths)));
	}
	json_object_set_new(json, "buckets", buckets_json(histogram));
	return json;
}

static json_t *options_json(const struct load_options *options)
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

static json_t *environment_json(void)
{
	struct utsname name;
	char line[256], model[128] = "";
	FILE *file = fopen("/proc/cpuinfo", "re");
	uname(&name);
	while (file && model[0] == '\0' && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "model name : %127[^\n]", model) != 1)
			model[0] = '\0';
	}
	if (file)
		fclose(file);
	return json_pack("{s:s, s:s, s:s, s:I}", "kernel", name.release, "machine", name.machine, "cpu", model, "cpus",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
}

static json_t *counts_json(const struct load_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
			 (json_int_t)counts->sent, "refused", (json_int_t)counts->refused, "skipped", (json_int_t)counts->skipped, "late",
			 (json_int_t)counts->late, "expected", (json_int_t)counts->expected, "lost_fast", (json_int_t)counts->lost[0], "lost_reliable",
			 (json_int_t)counts->lost[1], "duplicates", (json_int_t)counts->duplicates, "reordered", (json_int_t)counts->reordered, "leaks",
			 (json_int_t)counts->leaks, "damaged", (json_int_t)counts->damaged, "misattributed", (json_int_t)counts->misattributed, "foreign",
			 (json_int_t)counts->foreign, "connects", (json_int_t)counts->connects, "connect_failures", (json_int_t)counts->connect_failures,
			 "disconnects", (json_int_t)counts->disconnects, "slow_disconnects", (json_int_t)counts->slow_disconnects, "rejoins",
			 (json_int_t)counts->rejoins, "stale", (json_int_t)counts->stale, "fast_failures", (json_int_t)counts->fast_failures);
}

static json_t *server_json(const struct world *world)
{
	if (!world->before.is_known || !world->after.is_known)
		return json_null();
	return json_pack("{s:f, s:f, s:I, s:I, s:I, s:I}", "cpu_seconds", server_cpu_ns(world) / 1e9, "cpu_ns_per_delivery",
			 cpu_ns_per_delivery(world), "resident_bytes_before", (json_int_t)world->before.resident_bytes, "resident_bytes_after",
			 (json_int_t)world->after.resident_bytes, "anonymous_bytes_before", (json_int_t)world->before.anonymous_bytes,
			 "anonymous_bytes_after", (json_int_t)world->after.anonymous_bytes);
}

static json_t *report_json(const struct world *world)
{
	double seconds = measured_seconds(world);
	json_t *latency = json_object();
	char date[32] = "";
	struct tm utc;
	if (gmtime_r(&world->started_s, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	for (int channel = 0; channel < 2; channel++)
		json_object_set_new(latency, channel_names[channel], histogram_json(&world->latency[channel]));
	return json_pack("{s:i, s:s, s:s, s:s, s:b, s:o, s:o, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:f}", "schema", 1, "date", date,
			 "version", RINGCAST_TOOLS_VERSION, "command", world->command_line, "valid", (int)!is_generator_bound(world), "environment", environment_json(), "options",
			 options_json(&world->options), "seconds", seconds, "deliveries_per_second", seconds > 0 ? (double)arrived(world) / seconds : 0.0,
			 "payload_bytes_per_second", seconds > 0 ? (double)world->arrived_bytes / seconds : 0.0, "loss_ratio", loss_ratio(world),
			 "latency", latency, "login", histogram_json(world->connect_time), "send_lateness", histogram_json(world->lateness), "counts",
			 counts_json(&world->counts), "server", server_json(world), "generator_busy", generator_busy(world));
}

bool ringcast_report_is_writable(const struct load_options *options)
{
	const char *path = options->json_path;
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
	fprintf(stderr, "ringcast-load: --json: cannot write %s: %s\n", path, strerror(errno));
	return false;
}

static bool write_json(const struct world *world)
{
	const char *path = world->options.json_path;
	json_t *json = report_json(world);
	int failed = !json || (strcmp(path, "-") == 0 ? json_dumpf(json, stdout, JSON_INDENT(2)) : json_dump_file(json, path, JSON_INDENT(2)));
	if (!failed && strcmp(path, "-") == 0)
		putchar('\n');
	json_decref(json);
	if (failed)
		fprintf(stderr, "ringcast-load: --json: cannot write %s\n", path);
	return !failed;
}

/* the verdict */

static int check_slos(const struct world *world)
{
	struct histogram *all = calloc(1, sizeof(*all));
	if (!all)
		return LOAD_EXIT_NOT_RUN;
	ringcast_histogram_merge(all, &world->latency[0]);
	ringcast_histogram_merge(all, &world->latency[1]);
	if (world->options.connect_rate > 0)
		ringcast_histogram_merge(all, world->connect_time);
	const struct slo_values values = {
		.latency = all,
		.loss_ratio = loss_ratio(world),
		.duplicates = (double)world->counts.duplicates,
		.deliveries_per_second = (double)arrived(world) / measured_seconds(world),
		.disconnects = (double)world->counts.disconnects,
	};
	int broken = ringcast_slo_check(world->options.slo, &values, stderr);
	free(all);
	return broken ? LOAD_EXIT_BROKEN : LOAD_EXIT_KEPT;
}

static int find_breach(const struct world *world)
{
	const struct load_counts *counts = &world->counts;
	if (world->failure[0])
		fprintf(stderr, "ringcast-load: %s\n", world->failure);
	if (counts->leaks > 0)
		fprintf(stderr, "LEAK: %llu messages reached somebody they were not for\n", (unsigned long long)counts->leaks);
	if (counts->damaged + counts->misattributed > 0)
		fprintf(stderr, "DAMAGE: %llu messages with a wrong checksum, %llu with a wrong sender\n", (unsigned long long)counts->damaged,
			(unsigned long long)counts->misattributed);
	if (counts->fast_failures > 0)
		fprintf(stderr, "ringcast-load: DTLS failed %llu times: %s\n", (unsigned long long)counts->fast_failures, world->fast_failure);
	if (counts->disconnects >= world->bot_count)
		fprintf(stderr, "ringcast-load: every player was disconnected: the server is gone, or threw them all out\n");
	if (counts->fast_failures + counts->leaks + counts->damaged + counts->misattributed + counts->disconnects > 0)
		return LOAD_EXIT_BROKEN;
	if (world->is_interrupted || (world->failure[0] && !is_finished(world)))
		return LOAD_EXIT_NOT_RUN;
	return world->failure[0] ? LOAD_EXIT_BROKEN : LOAD_EXIT_KEPT;
}

int ringcast_report(const struct world *world)
{
	bool is_json_on_stdout = world->options.json_path && strcmp(world->options.json_path, "-") == 0;
	int code = find_breach(world);
	if (!is_finished(world))
		return code ? code : LOAD_EXIT_NOT_RUN;
	if (!is_json_on_stdout)
		print_table(world);
	if (world->options.json_path && !write_json(world))
		return LOAD_EXIT_NOT_RUN;
	if (code == 0 && world->options.slo)
		code = check_slos(world);
	if (is_generator_bound(world) && code != LOAD_EXIT_NOT_RUN) {
		fprintf(stderr, "INVALID: generator-bound: %llu of %llu sends were more than 1 ms late\n", (unsigned long long)world->counts.late,
			(unsigned long long)world->lateness->count);
		code = LOAD_EXIT_INVALID;
	}
	return code;
}
