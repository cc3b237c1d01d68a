/* Logs of sessions as files, and the signed addresses at which they are read. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "service/api/log_url.h"
#include "service/log_secret.h"
#include "service/session_logs.h"

static char folder[64];
static int64_t now = 1700000000000;

static int64_t now_ms(void)
{
	return now;
}

static int64_t steady_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static struct session_logs *start(size_t bytes_max, size_t queue_bytes_max)
{
	char problem[SESSION_LOGS_PROBLEM_BYTES] = "";
	const struct session_logs_options options = {
		.directory = folder, .bytes_max = bytes_max, .queue_bytes_max = queue_bytes_max, .kept_s = 3600, .now_ms = now_ms, .steady_ms = steady_ms};
	struct session_logs *logs = ringcast_session_logs_start(&options, problem);
	cr_assert_not_null(logs, "%s", problem);
	return logs;
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ringcast-logs-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
	char path[400];
	struct dirent *entry;
	DIR *directory = opendir(folder);
	while ((entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(folder);
}

TestSuite(session_logs, .init = make_folder, .fini = remove_folder);

static void write_line(struct session_logs *logs, const char *session, const char *text)
{
	ringcast_session_logs_write(logs, session, "info", text, strlen(text));
}

/* What the files hold once the writer has stopped. */
static char *read_after(struct session_logs **logs, const char *session)
{
	size_t size;
	ringcast_session_logs_stop(logs);
	*logs = start(1 << 20, 1 << 20);
	return ringcast_session_logs_read(*logs, session, &size);
}

Test(session_logs, lines_have_time_and_level_and_their_own_file)
{
	struct session_logs *logs = start(1 << 20, 1 << 20);
	write_line(logs, "gsess-1", "one");
	write_line(logs, "gsess-2", "other");
	write_line(logs, "gsess-1", "two");
	write_line(logs, "../escape", "nothing");
	char *text = read_after(&logs, "gsess-1");
	cr_assert_str_eq(text, "2023-11-14 22:13:20,000 [info] one\n2023-11-14 22:13:20,000 [info] two\n");
	free(text);
	size_t size;
	cr_assert_null(ringcast_session_logs_read(logs, "../escape", &size));
	cr_assert_null(ringcast_session_logs_read(logs, "gsess-none", &size));
	ringcast_session_logs_stop(&logs);
}

Test(session_logs, a_log_has_a_bound_and_keeps_its_newest_lines)
{
	char line[64];
	struct session_logs *logs = start(4096, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		write_line(logs, "gsess-1", line);
	}
	char *text = read_after(&logs, "gsess-1");
	cr_assert_lt(strlen(text), 4096 + 200);
	cr_assert_gt(strlen(text), 4096 / 2 - 200);
	cr_assert_not_null(strstr(text, "line 999\n"));
	cr_assert_null(strstr(text, "line 1\n"));
	free(text);
	ringcast_session_logs_stop(&logs);
}

Test(session_logs, what_does_not_fit_the_queue_is_counted)
{
	struct session_logs *logs = start(1 << 20, 200);
	char *big = calloc(1, 1001);
	memset(big, 'x', 1000);
	write_line(logs, "gsess-1", big);
	cr_assert_eq(ringcast_session_logs_lost_count(logs), 1);
	free(big);
	ringcast_session_logs_stop(&logs);
}

/* Files carry the machine's time, so ours is set to an hour and more behind it, and before it. */
Test(session_logs, old_ones_go_and_nothing_else)
{
	char path[128];
	now = (int64_t)time(NULL) * 1000;
	struct session_logs *logs = start(1 << 20, 1 << 20);
	write_line(logs, "gsess-1", "one");
	ringcast_session_logs_stop(&logs);
	snprintf(path, sizeof(path), "%s/notes.txt", folder);
	fclose(fopen(path, "w"));
	logs = start(1 << 20, 1 << 20);
	char *text = read_after(&logs, "gsess-1");
	cr_assert_not_null(text);
	free(text);
	ringcast_session_logs_stop(&logs);
	now += 2 * 3600 * 1000;
	logs = start(1 << 20, 1 << 20);
	cr_assert_null(read_after(&logs, "gsess-1"));
	cr_assert_eq(access(path, F_OK), 0);
	ringcast_session_logs_stop(&logs);
}

Test(session_logs, a_folder_that_cannot_be_had_is_told)
{
	char problem[SESSION_LOGS_PROBLEM_BYTES] = "", path[128];
	snprintf(path, sizeof(path), "%s/file", folder);
	fclose(fopen(path, "w"));
	const struct session_logs_options options = {.directory = path, .bytes_max = 1, .now_ms = now_ms, .steady_ms = steady_ms};
	cr_assert_null(ringcast_session_logs_start(&options, problem));
	cr_assert_not_null(strstr(problem, "service.session_logs"), "%s", problem);
}

static const uint8_t secret[LOG_URL_SECRET_BYTES] = {1, 2, 3};

static bool check(const char *target, int64_t now_s)
{
	char name[64];
	return ringcast_log_url_check(secret, target, now_s, name, sizeof(name)) && strcmp(name, "gsess-1") == 0;
}

Test(log_url, only_what_was_signed_opens_until_it_expires)
{
	static const uint8_t other[LOG_URL_SECRET_BYTES] = {4};
	char path[LOG_URL_PATH_BYTES], bad[LOG_URL_PATH_BYTES], name[64];
	ringcast_log_url_path(secret, "gsess-1", 1000, path);
	cr_assert(check(path, 1000));
	cr_assert_not(check(path, 1001));
	cr_assert_not(ringcast_log_url_check(other, path, 1000, name, sizeof(name)));
	for (size_t i = strlen(LOG_URL_PREFIX); i < strlen(path); i++) {
		snprintf(bad, sizeof(bad), "%s", path);
		bad[i] = bad[i] == '1' ? '2' : '1';
		cr_assert_not(check(bad, 0), "%s", bad);
	}
	for (size_t i = 0; i < strlen(path); i++) {
		snprintf(bad, sizeof(bad), "%.*s", (int)i, path);
		cr_assert_not(check(bad, 0), "%s", bad);
	}
	snprintf(bad, sizeof(bad), "%.250sx", path);
	cr_assert_not(check(bad, 0));
}

static bool count_bytes(void *out, size_t size)
{
	static uint8_t next;
	memset(out, ++next, size);
	return true;
}

static bool no_bytes(void *out, size_t size)
{
	return false;
}

/* The secret of addresses is made once, for its owner only; what is no secret is made anew. */
Test(session_logs, the_secret_of_addresses_is_kept_among_the_logs)
{
	char problem[LOG_SECRET_PROBLEM_BYTES] = "", path[128];
	uint8_t first[LOG_URL_SECRET_BYTES], second[LOG_URL_SECRET_BYTES];
	struct stat status;
	snprintf(path, sizeof(path), "%s/" LOG_SECRET_FILE, folder);
	cr_assert_not(ringcast_log_secret_take(folder, no_bytes, first, problem));
	cr_assert_neq(access(path, F_OK), 0);
	cr_assert(ringcast_log_secret_take(folder, count_bytes, first, problem), "%s", problem);
	cr_assert(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
	cr_assert(ringcast_log_secret_take(folder, no_bytes, second, problem), "%s", problem);
	cr_assert_arr_eq(first, second, sizeof(first));
	cr_assert_eq(truncate(path, 7), 0);
	cr_assert(ringcast_log_secret_take(folder, count_bytes, second, problem), "%s", problem);
	cr_assert_arr_neq(first, second, sizeof(first));
	cr_assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
	cr_assert_not(ringcast_log_secret_take(folder, count_bytes, first, problem));
	cr_assert_not_null(strstr(problem, LOG_SECRET_FILE), "%s", problem);
	rmdir(path);
}
