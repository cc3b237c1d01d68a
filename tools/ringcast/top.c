/* ringcast top: a picture of the server every interval, from /v1/info, /v1/sessions and /metrics. Rates are differences between two pictures. */
#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct sample {
	double seconds; /* of the monotonic clock */
	double cpu_seconds, resident_bytes;
	double received, deliveries, drops, players; /* sums over the sessions listed */
	json_t *info;
	json_t *sessions; /* array */
	int64_t total;    /* sessions on the server; more than listed if there are very many */
};

static double now_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The value of a sample without labels; 0 when there is none. */
static double metric(const char *text, const char *name)
{
	size_t size = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, size) == 0 && line[size] == ' ')
			return strtod(line + size, NULL);
	}
	return 0;
}

static double number(const json_t *session, const char *key)
{
	return json_number_value(json_object_get(session, key));
}

static void fini_sample(struct sample *sample)
{
	json_decref(sample->info);
	json_decref(sample->sessions);
	*sample = (struct sample){0};
}

/* All pages. */
static enum cli_exit list_sessions(const struct cli_invocation *invocation, struct sample *sample)
{
	char path[256] = "/v1/sessions?limit=1000";
	enum cli_exit code = CLI_OK;
	sample->sessions = json_array();
	for (bool is_last = false; code == CLI_OK && !is_last;) {
		json_t *page = NULL;
		code = ringcast_admin_call(invocation, "GET", path, NULL, &page);
		const char *next = json_string_value(json_object_get(page, "next"));
		json_array_extend(sample->sessions, json_object_get(page, "sessions"));
		sample->total = json_integer_value(json_object_get(page, "total"));
		is_last = !next;
		snprintf(path, sizeof(path), "/v1/sessions?limit=1000&after=%s", next ? next : "");
		json_decref(page);
	}
	return code;
}

static enum cli_exit take_sample(const struct cli_invocation *invocation, struct sample *ret_sample)
{
	struct sample sample = {.seconds = now_seconds()};
	json_t *session;
	char *metrics = NULL;
	size_t index;
	enum cli_exit code = ringcast_admin_call(invocation, "GET", "/v1/info", NULL, &sample.info);
	if (code == CLI_OK)
		code = list_sessions(invocation, &sample);
	if (code == CLI_OK)
		code = ringcast_admin_try(invocation, "GET", "/metrics", NULL, NULL, &metrics);
	json_array_foreach(sample.sessions, index, session) {
		sample.received += number(session, "messages_received");
		sample.deliveries += number(session, "deliveries");
		sample.drops += number(session, "drops");
		sample.players += number(session, "player_count");
	}
	sample.cpu_seconds = metric(metrics, "process_cpu_seconds_total");
	sample.resident_bytes = metric(metrics, "process_resident_memory_bytes");
	free(metrics);
	if (code == CLI_OK)
		*ret_sample = sample;
	else
		fini_sample(&sample);
	return code;
}

static double rate(double now, double before, double seconds)
{
	return seconds > 0 && now > before ? (now - before) / seconds : 0; /* ended sessions take their counts with them */
}

static void print_head(const struct sample *now, const struct sample *before)
{
	double seconds = now->seconds - before->seconds;
	char version[32], io[16];
	ringcast_output_value(json_object_get(now->info, "version"), version, sizeof(version));
	ringcast_output_value(json_object_get(now->info, "io"), io, sizeof(io));
	printf("ringcastd %s  %s  %d shards%s\n", version, io, (int)number(now->info, "shards"),
	       json_is_true(json_object_get(now->info, "draining")) ? "  DRAINING" : "");
	printf("%lld sessions  %.0f players  %.1f%% CPU  %.1f MiB\n", (long long)now->total, now->players,
	       100 * rate(now->cpu_seconds, before->cpu_seconds, seconds), now->resident_bytes / 1048576);
	printf("%.0f messages/s in  %.0f deliveries/s  %.0f drops/s\n\n", rate(now->received, before->received, seconds),
	       rate(now->deliveries, before->deliveries, seconds), rate(now->drops, before->drops, seconds));
}

static const json_t *find_session(const json_t *sessions, const char *id)
{
	size_t index;
	json_t *session;
	json_array_foreach((json_t *)sessions, index, session) {
		const char *other = json_string_value(json_object_get(session, "id"));
		if (id && other && strcmp(id, other) == 0)
			return session;
	}
	return NULL;
}

struct row {
	const json_t *session;
	double received, deliveries, drops; /* per second */
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	return left->deliveries < right->deliveries ? 1 : left->deliveries > right->deliveries ? -1 : 0;
}

/* That have players of it. */
static size_t shard_count(const json_t *session)
{
	size_t limb_count = json_array_size(json_object_get(session, "limbs"));
	return limb_count > 0 ? limb_count : 1;
}

static void print_row(const struct row *row)
{
	char id[64], name[64];
	ringcast_output_value(json_object_get(row->session, "id"), id, sizeof(id));
	ringcast_output_value(json_object_get(row->session, "name"), name, sizeof(name));
	printf("%-20.20s %-38.38s %4.0f/%-5.0f %6zu %10.0f %12.0f %8.0f %8.0f\n", name, id, number(row->session, "player_count"),
	       number(row->session, "players_max"), shard_count(row->session), row->received, row->deliveries, row->drops, number(row->session, "age_seconds"));
}

static void print_sessions(const struct sample *now, const struct sample *before, size_t rows_max)
{
	size_t count = json_array_size(now->sessions);
	double seconds = now->seconds - before->seconds;
	struct row *rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		return;
	for (size_t i = 0; i < count; i++) {
		const json_t *session = json_array_get(now->sessions, i);
		const json_t *old = find_session(before->sessions, json_string_value(json_object_get(session, "id")));
		rows[i] = (struct row){
			.session = session,
			.received = rate(number(session, "messages_received"), number(old, "messages_received"), old ? seconds : 0),
			.deliveries = rate(number(session, "deliveries"), number(old, "deliveries"), old ? seconds : 0),
			.drops = rate(number(session, "drops"), number(old, "drops"), old ? seconds : 0),
		};
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	printf("%-20s %-38s %10s %6s %10s %12s %8s %8s\n", "NAME", "ID", "PLAYERS", "SHARDS", "IN/S", "DELIVERED/S", "DROPS/S", "AGE (S)");
	for (size_t i = 0; i < count && i < rows_max; i++)
		print_row(&rows[i]);
	free(rows);
}

static size_t rows_on_screen(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 12)
		return 1000;
	return size.ws_row - 6u;
}

static void sleep_seconds(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&time, NULL);
}

enum cli_exit ringcast_command_top(const struct cli_invocation *invocation)
{
	double interval_seconds = 1;
	struct sample before = {0}, now;
	enum cli_exit code = ringcast_cli_seconds(invocation, CLI_OPTION_INTERVAL, &interval_seconds);
	if (code == CLI_OK && interval_seconds < 0.1)
		interval_seconds = 0.1;
	if (code == CLI_OK)
		code = take_sample(invocation, &before);
	while (code == CLI_OK) {
		sleep_seconds(interval_seconds);
		code = take_sample(invocation, &now);
		if (code != CLI_OK)
			break;
		if (isatty(STDOUT_FILENO) && !ringcast_cli_has(invocation, CLI_OPTION_ONCE))
			fputs("\033[H\033[2J", stdout);
		print_head(&now, &before);
		print_sessions(&now, &before, rows_on_screen());
		fflush(stdout);
		fini_sample(&before);
		before = now;
		if (ringcast_cli_has(invocation, CLI_OPTION_ONCE))
			break;
	}
	fini_sample(&before);
	return code;
}
