#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "tests/unit/base/check.h"

struct capture {
	unsigned count;
	enum log_level level;
	char component[32], message[64], fields[LOG_FIELDS_BYTES_MAX + 64];
};

static void capture_sink(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	struct capture *capture = context;
	capture->count++;
	capture->level = level;
	snprintf(capture->component, sizeof(capture->component), "%s", component);
	snprintf(capture->message, sizeof(capture->message), "%s", message);
	snprintf(capture->fields, sizeof(capture->fields), "%s", fields);
}

Test(log, without_a_sink_events_go_nowhere)
{
	struct capture capture = {0};
	ringcast_log(LOG_ERROR, "test", "lost", "%s", "");
	ringcast_log_set_sink(capture_sink, &capture, LOG_DEBUG);
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
	ringcast_log(LOG_ERROR, "test", "lost", "%s", "");
	cr_assert_eq(capture.count, 0);
}

Test(log, an_event_arrives_whole)
{
	struct capture capture = {0};
	ringcast_log_set_sink(capture_sink, &capture, LOG_DEBUG);
	ringcast_log(LOG_WARN, "shard", "player left", "session=%s players=%d", "abc", 3);
	cr_assert_eq(capture.count, 1);
	cr_assert_eq(capture.level, LOG_WARN);
	cr_assert_str_eq(capture.component, "shard");
	cr_assert_str_eq(capture.message, "player left");
	cr_assert_str_eq(capture.fields, "session=abc players=3");
}

Test(log, levels_below_the_least_are_dropped)
{
	for (int level_min = LOG_DEBUG; level_min <= LOG_ERROR; level_min++) {
		struct capture capture = {0};
		ringcast_log_set_sink(capture_sink, &capture, (enum log_level)level_min);
		for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
			ringcast_log((enum log_level)level, "test", "m", "%s", "");
		cr_assert_eq(capture.count, (unsigned)(LOG_ERROR - level_min + 1));
	}
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

Test(log, fields_up_to_the_limit_are_kept_and_longer_ones_cut_between_fields)
{
	struct capture capture = {0};
	ringcast_log_set_sink(capture_sink, &capture, LOG_DEBUG);
	for (int size = LOG_FIELDS_BYTES_MAX - 60; size < LOG_FIELDS_BYTES_MAX + 60; size++) {
		ringcast_log(LOG_INFO, "test", "m", "a=1 b=\"x y\" c=%0*d", size - 12 - 2, 0);
		if (size < LOG_FIELDS_BYTES_MAX)
			check(strlen(capture.fields) == (size_t)size, "size %d", size);
		else
			check(strcmp(capture.fields, "a=1 b=\"x y\" truncated=true") == 0, "size %d: %s", size, capture.fields);
	}
	/* A space inside of quotes is no place to cut; an escaped quote does not end the quotes. */
	ringcast_log(LOG_INFO, "test", "m", "a=1 b=\"\\\" %0*d d\"", LOG_FIELDS_BYTES_MAX, 0);
	cr_assert_str_eq(capture.fields, "a=1 truncated=true");
	ringcast_log(LOG_INFO, "test", "m", "a=%0*d", LOG_FIELDS_BYTES_MAX, 0);
	cr_assert_str_eq(capture.fields, " truncated=true");
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

static void limited(uint64_t now_ns)
{
	ringcast_log_limited(now_ns, LOG_WARN, "test", "noise", "now=%d", 1);
}

Test(log, a_call_site_speaks_once_a_second_and_reports_what_it_kept_back)
{
	static const struct {
		uint64_t now_ns;
		const char *fields; /* NULL: suppressed */
	} steps[] = {
		{0, "now=1"},
		{0, NULL},
		{999999999, NULL},
		{1000000000, "now=1 suppressed=2"},
		{1500000000, NULL},
		{5000000000, "now=1 suppressed=1"},
		{9000000000, "now=1"},
		{8999999999, NULL},	     /* another thread's clock, a little behind */
		{1000000, "now=1 suppressed=1"}, /* another world's clock */
		{1000001, NULL},
	};
	struct capture capture = {0};
	ringcast_log_set_sink(capture_sink, &capture, LOG_DEBUG);
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		capture.count = 0;
		limited(steps[i].now_ns);
		cr_assert_eq(capture.count, steps[i].fields != NULL, "step %zu", i);
		if (steps[i].fields != NULL)
			cr_assert_str_eq(capture.fields, steps[i].fields, "step %zu", i);
	}
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

Test(log, call_sites_are_limited_apart_and_levels_unwanted_take_no_token)
{
	struct capture capture = {0};
	ringcast_log_set_sink(capture_sink, &capture, LOG_WARN);
	struct log_limit limit = {0};
	ringcast_log_limit_event(&limit, 5, LOG_INFO, "test", "unwanted", "%s", "");
	cr_assert_eq(limit.next_ns, 0);
	cr_assert_eq(limit.suppressed_count, 0);
	ringcast_log_limited(5, LOG_WARN, "test", "one", "%s", "");
	ringcast_log_limited(5, LOG_WARN, "test", "two", "%s", "");
	cr_assert_eq(capture.count, 2);
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

Test(log, suppressed_stands_alone_where_there_are_no_fields)
{
	struct capture capture = {0};
	struct log_limit limit = {.suppressed_count = UINT64_MAX};
	ringcast_log_set_sink(capture_sink, &capture, LOG_DEBUG);
	ringcast_log_limit_event(&limit, 5, LOG_INFO, "test", "m", "%s", "");
	cr_assert_str_eq(capture.fields, "suppressed=18446744073709551615");
	limit = (struct log_limit){.suppressed_count = UINT64_MAX};
	ringcast_log_limit_event(&limit, 5, LOG_INFO, "test", "m", "a=1 b=%0*d", LOG_FIELDS_BYTES_MAX, 0);
	cr_assert_str_eq(capture.fields, "a=1 truncated=true suppressed=18446744073709551615");
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

static void logging_sink(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	(void)context;
	(void)fields;
	ringcast_log(level, component, message, "%s", "");
}

Test(log, a_sink_that_logs_aborts_and_does_not_hang, .signal = SIGABRT, .timeout = 20)
{
	ringcast_log_set_sink(logging_sink, NULL, LOG_DEBUG);
	ringcast_log(LOG_INFO, "test", "m", "%s", "");
}
