/* Log lines in their three forms, and that nothing a player sends can break out of them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/logs.h"

static const char *format(enum logs_format format, const char *message, const char *fields)
{
	static char out[LOGS_LINE_BYTES + 1];
	struct logs_line line = {.format = format,
				 .realtime_ns = UINT64_C(1795272306123456789),
				 .level = RINGCAST_LOG_WARN,
				 .component = "engine",
				 .message = message,
				 .fields = fields};
	size_t size = ringcast_logs_format(&line, out, LOGS_LINE_BYTES);
	cr_assert_leq(size, (size_t)LOGS_LINE_BYTES);
	cr_assert_eq(out[size - 1], '\n');
	out[size - 1] = 0;
	return out;
}

TestSuite(logs, .timeout = 30);

Test(logs, the_three_forms)
{
	const char *fields = "peer=7 name=\"a b\" addr=1.2.3.4:5";
	cr_assert_str_eq(format(LOGS_TEXT, "slow", fields),
			 "2026-11-21T14:45:06.123456Z WARN  engine: slow peer=7 name=\"a b\" addr=1.2.3.4:5");
	cr_assert_str_eq(format(LOGS_LOGFMT, "slow", fields),
			 "ts=2026-11-21T14:45:06.123456Z level=warn component=engine msg=\"slow\" peer=7 name=\"a b\" addr=1.2.3.4:5");
	cr_assert_str_eq(format(LOGS_JSON, "slow", fields),
			 "{\"ts\":\"2026-11-21T14:45:06.123456Z\",\"level\":\"warn\",\"component\":\"engine\","
			 "\"msg\":\"slow\",\"peer\":7,\"name\":\"a b\",\"addr\":\"1.2.3.4:5\"}");
}

Test(logs, no_line_or_terminal_escape_gets_through)
{
	static const char evil[] = "name=\"x\ny\033[31m\" id=a\nb";
	for (int form = LOGS_TEXT; form <= LOGS_LOGFMT; form++) {
		const char *line = format((enum logs_format)form, "joined", evil);
		cr_assert_null(strchr(line, '\n'));
		cr_assert_null(strchr(line, '\033'));
		cr_assert(strstr(line, "x\\u000ay\\u001b[31m"), "%s", line);
	}
}

static json_t *parse(const char *line)
{
	json_error_t error;
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	cr_assert(json, "%s: %s", error.text, line);
	return json;
}

Test(logs, quoted_values_come_back_unchanged)
{
	char quoted[64], fields[80];
	const char *value = "say \"hi\" \\ bye";
	snprintf(fields, sizeof(fields), "v=%s", ringcast_logs_quote(value, quoted, sizeof(quoted)));
	json_t *json = parse(format(LOGS_JSON, "m", fields));
	cr_assert_str_eq(json_string_value(json_object_get(json, "v")), value);
	json_decref(json);
}

Test(logs, any_bytes_give_valid_json)
{
	for (unsigned seed = 1; seed <= 2000; seed++) {
		char fields[64] = "k=";
		unsigned state = seed;
		for (size_t i = 2; i < sizeof(fields) - 1; i++) {
			state = state * 1103515245u + 12345u;
			fields[i] = (char)((state >> 16) % 255 + 1);
		}
		fields[2 + seed % 60] = '"';
		json_t *json = json_loads(format(LOGS_JSON, "m", fields), 0, NULL);
		cr_assert(json, "seed %u", seed);
		json_decref(json);
	}
}

Test(logs, only_plain_numbers_are_numbers)
{
	json_t *json = parse(format(LOGS_JSON, "m", "a=12 b=-3 c=007 d=1.5 e=\"12\" f=- g=1234567890123456 h= i"));
	cr_assert(json_is_integer(json_object_get(json, "a")) && json_is_integer(json_object_get(json, "b")));
	static const char *const strings[] = {"c", "d", "e", "f", "g", "h", "i"};
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		cr_assert(json_is_string(json_object_get(json, strings[i])), "%s", strings[i]);
	json_decref(json);
}

Test(logs, an_event_that_is_too_long_is_cut_but_whole)
{
	char fields[6000] = "a=1 b=";
	memset(fields + 6, 'x', sizeof(fields) - 7);
	json_t *json = parse(format(LOGS_JSON, "m", fields));
	cr_assert(json_is_true(json_object_get(json, "cut")));
	cr_assert_eq(json_integer_value(json_object_get(json, "a")), 1);
	cr_assert_null(json_object_get(json, "b"));
	json_decref(json);
	cr_assert_eq(strlen(format(LOGS_TEXT, "m", fields)), (size_t)LOGS_LINE_BYTES - 1);
}

Test(logs, journal_priorities)
{
	static const char *const expected[] = {"<7>", "<6>", "<4>", "<3>"};
	for (int level = RINGCAST_LOG_DEBUG; level <= RINGCAST_LOG_ERROR; level++) {
		char out[LOGS_LINE_BYTES];
		struct logs_line line = {.format = LOGS_TEXT,
					 .is_journal = true,
					 .level = (ringcast_log_level)level,
					 .component = "c",
					 .message = "m",
					 .fields = ""};
		ringcast_logs_format(&line, out, sizeof(out));
		cr_assert_eq(strncmp(out, expected[level], 3), 0);
	}
}

/* the writer */

static char *read_all(int fd)
{
	char *text = NULL;
	size_t size = 0;
	char chunk[4096];
	for (ssize_t got; (got = read(fd, chunk, sizeof(chunk))) > 0; size += (size_t)got) {
		text = realloc(text, size + (size_t)got + 1);
		memcpy(text + size, chunk, (size_t)got);
		text[size + (size_t)got] = 0;
	}
	return text ? text : strdup("");
}

static void open_file(int ret_fds[2])
{
	char path[] = "/tmp/ringcast-log-XXXXXX";
	ret_fds[1] = mkstemp(path);
	ret_fds[0] = open(path, O_RDONLY);
	cr_assert(ret_fds[0] >= 0 && ret_fds[1] >= 0);
	unlink(path);
}

static size_t count_of(const char *text, const char *needle)
{
	size_t count = 0;
	for (; (text = strstr(text, needle)); text += strlen(needle))
		count++;
	return count;
}

Test(logs, levels_below_the_least_are_left_out)
{
	int fds[2];
	open_file(fds);
	struct logs *logs = ringcast_logs_create(fds[1], LOGS_TEXT, RINGCAST_LOG_WARN);
	ringcast_logs_sink(logs, RINGCAST_LOG_INFO, "c", "quiet", "");
	ringcast_logs_sink(logs, RINGCAST_LOG_WARN, "c", "loud", "");
	ringcast_logs_set_level(logs, RINGCAST_LOG_DEBUG);
	ringcast_logs_sink(logs, RINGCAST_LOG_DEBUG, "c", "fine", "");
	ringcast_logs_destroy(&logs);
	cr_assert_null(logs);
	char *text = read_all(fds[0]);
	cr_assert(!strstr(text, "quiet") && strstr(text, "loud") && strstr(text, "fine"));
	free(text);
}

struct talker {
	struct logs *logs;
	int id;
};

static void *talk(void *context)
{
	struct talker *talker = context;
	char message[32];
	snprintf(message, sizeof(message), "talker %d", talker->id);
	for (int i = 0; i < LOGS_BURST; i++)
		ringcast_logs_sink(talker->logs, RINGCAST_LOG_INFO, "c", message, "n=1 text=\"one two three\"");
	return NULL;
}

Test(logs, lines_of_many_threads_stay_whole)
{
	int fds[2];
	open_file(fds);
	struct logs *logs = ringcast_logs_create(fds[1], LOGS_JSON, RINGCAST_LOG_INFO);
	struct talker talkers[8];
	pthread_t threads[8];
	for (int i = 0; i < 8; i++) {
		talkers[i] = (struct talker){logs, i};
		pthread_create(&threads[i], NULL, talk, &talkers[i]);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(ringcast_logs_lost_count(logs), 0);
	ringcast_logs_destroy(&logs);
	char *text = read_all(fds[0]);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		json_decref(parse(line));
	free(text);
}

/* One call site in a loop: a second holds LOGS_BURST lines at most, and every held-back event is accounted for by a later line. */
Test(logs, a_call_site_in_a_loop_is_held_back)
{
	int fds[2];
	open_file(fds);
	struct logs *logs = ringcast_logs_create(fds[1], LOGS_TEXT, RINGCAST_LOG_INFO);
	for (int i = 0; i < 10 * LOGS_BURST; i++)
		ringcast_logs_sink(logs, RINGCAST_LOG_INFO, "c", "again", "");
	ringcast_logs_sink(logs, RINGCAST_LOG_INFO, "c", "another site", "");
	ringcast_logs_destroy(&logs);
	char *text = read_all(fds[0]);
	cr_assert_lt(count_of(text, "again"), 10u * LOGS_BURST);
	cr_assert_geq(count_of(text, "again"), (size_t)LOGS_BURST);
	cr_assert_eq(count_of(text, "another site"), 1);
	free(text);
}

/* A reader that never reads must cost lines, not block the caller. */
Test(logs, a_stuck_reader_loses_lines_and_counts_them)
{
	int fds[2];
	cr_assert_eq(pipe(fds), 0);
	struct logs *logs = ringcast_logs_create(fds[1], LOGS_TEXT, RINGCAST_LOG_INFO);
	char fields[2000] = "a=";
	memset(fields + 2, 'x', sizeof(fields) - 3);
	for (int i = 0; i < 2000; i++) {
		char message[32];
		snprintf(message, sizeof(message), "message %d", i);
		ringcast_logs_sink(logs, RINGCAST_LOG_INFO, "c", message, fields);
	}
	cr_assert_gt(ringcast_logs_lost_count(logs), 0);
	close(fds[0]); /* the write fails now, so destroy returns */
	ringcast_logs_destroy(&logs);
}
