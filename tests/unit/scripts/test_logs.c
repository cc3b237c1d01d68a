#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripts/logs.h"

static struct script_logs logs;

static void set_up(void)
{
	ringcast_script_logs_init(&logs, 4096, 7);
}

static void tear_down(void)
{
	ringcast_script_logs_fini(&logs);
}

static void write_line(const char *session, uint64_t at_ns, const char *text)
{
	ringcast_script_logs_write(&logs, session, at_ns, SCRIPT_INFO, text, strlen(text));
}

/* "at:level:text|" of every line; "-" when the session has no log. */
static const char *read_all(const char *session, uint64_t *ret_lost_count)
{
	static char text[65536];
	struct script_log_copy copy;
	struct script_log_line line;
	size_t used = 0;
	cr_assert(ringcast_script_logs_copy(&logs, session, &copy));
	*ret_lost_count = copy.lost_count;
	snprintf(text, sizeof(text), copy.bytes != NULL ? "" : "-");
	for (size_t at = 0; ringcast_script_log_next(&copy, &at, &line);)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%llu:%s:%.*s|", (unsigned long long)line.at_ns,
					 ringcast_script_level_name(line.level), (int)line.size, line.text);
	free(copy.bytes);
	return text;
}

static const char *lines_of(const char *session)
{
	uint64_t lost_count;
	return read_all(session, &lost_count);
}

TestSuite(script_logs, .init = set_up, .fini = tear_down, .timeout = 30);

Test(script_logs, keeps_lines_by_session)
{
	write_line("gsess-1", 5, "one");
	write_line("gsess-2", 6, "other");
	ringcast_script_logs_write(&logs, "gsess-1", 7, SCRIPT_CXFATAL, "two\nlines", 9);
	ringcast_script_logs_write(&logs, "gsess-1", 8, SCRIPT_DEBUG, "", 0);
	cr_assert_str_eq(lines_of("gsess-1"), "5:info:one|7:cxfatal:two\nlines|8:debug:|");
	cr_assert_str_eq(lines_of("gsess-2"), "6:info:other|");
	cr_assert_str_eq(lines_of("gsess-3"), "-");
}

Test(script_logs, forgets_the_oldest_lines_first)
{
	char text[64];
	uint64_t lost_count;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "line %d of the thousand", i);
		write_line("gsess-1", (uint64_t)i, text);
		const char *kept = read_all("gsess-1", &lost_count);
		cr_assert(strstr(kept, text), "the newest is always there");
		size_t count = 0;
		for (const char *c = kept; *c; c++)
			count += *c == '|';
		cr_assert_eq(count + lost_count, (size_t)i + 1, "every line is kept or counted");
		cr_assert_leq(strlen(kept), 8192);
	}
	cr_assert_gt(lost_count, 900);
}

Test(script_logs, cuts_what_is_longer_than_a_quarter)
{
	char *text = malloc(5000);
	memset(text, 'x', 5000);
	ringcast_script_logs_write(&logs, "gsess-1", 1, SCRIPT_INFO, text, 5000);
	free(text);
	cr_assert_eq(strlen(lines_of("gsess-1")), 1024 + strlen("1:info:|"));
}

Test(script_logs, ended_ones_stay_until_others_have_ended)
{
	char id[32];
	write_line("gsess-live", 1, "lives");
	for (int i = 0; i < SCRIPT_LOGS_ENDED_MAX + 10; i++) {
		snprintf(id, sizeof(id), "gsess-%d", i);
		write_line(id, 2, "x");
		ringcast_script_logs_end(&logs, id);
	}
	cr_assert_str_eq(lines_of("gsess-9"), "-");
	cr_assert_str_eq(lines_of("gsess-10"), "2:info:x|");
	cr_assert_str_eq(lines_of("gsess-live"), "1:info:lives|");
	write_line("gsess-10", 3, "late");
	ringcast_script_logs_end(&logs, "gsess-10"); /* again: harmless */
	ringcast_script_logs_end(&logs, "gsess-none");
	cr_assert_str_eq(lines_of("gsess-10"), "2:info:x|3:info:late|");
	cr_assert_eq(logs.ended_count, SCRIPT_LOGS_ENDED_MAX);
}

Test(script_logs, may_be_off)
{
	logs.bytes_max = 0;
	write_line("gsess-1", 1, "x");
	ringcast_script_logs_end(&logs, "gsess-1");
	cr_assert_str_eq(lines_of("gsess-1"), "-");
}
