/* The exposition format: one HELP and TYPE per family, samples together, escaping, values. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/prometheus.h"

static char *write_out(struct prometheus *prometheus)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	cr_assert(ringcast_prometheus_write(prometheus, out));
	fclose(out);
	ringcast_prometheus_destroy(&prometheus);
	cr_assert_null(prometheus);
	return text;
}

TestSuite(prometheus, .timeout = 60);

Test(prometheus, families_are_gathered)
{
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add(prometheus, "a_total", "counter", "A.", "x=\"1\"", 1);
	ringcast_prometheus_add(prometheus, "b", "gauge", "B.", "", 2.5);
	ringcast_prometheus_add(prometheus, "a_total", "counter", "A.", "x=\"2\"", 3);
	char *text = write_out(prometheus);
	cr_assert_str_eq(text, "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 3\n"
			       "# HELP b B.\n# TYPE b gauge\nb 2.5\n");
	free(text);
}

Test(prometheus, histogram_samples_share_a_family)
{
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add(prometheus, "h_seconds_bucket", "histogram", "H.", "le=\"+Inf\"", 4);
	ringcast_prometheus_add(prometheus, "h_seconds_sum", "histogram", "H.", "", 0.25);
	ringcast_prometheus_add(prometheus, "h_seconds_count", "histogram", "H.", "", 4);
	char *text = write_out(prometheus);
	cr_assert_str_eq(text, "# HELP h_seconds H.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"+Inf\"} 4\nh_seconds_sum "
			       "0.25\nh_seconds_count 4\n");
	free(text);
}

Test(prometheus, a_gauge_named_count_is_its_own_family)
{
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add(prometheus, "shard_count", "gauge", "S.", "", 4);
	char *text = write_out(prometheus);
	cr_assert(strstr(text, "# TYPE shard_count gauge\nshard_count 4\n"));
	free(text);
}

Test(prometheus, help_and_labels_are_escaped)
{
	char label[64];
	cr_assert_str_eq(ringcast_prometheus_label("v", "a\"b\\c\nd", label, sizeof(label)), "v=\"a\\\"b\\\\c\\nd\"");
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add(prometheus, "m", "gauge", "back\\slash\nline \"quoted\"", label, 1);
	char *text = write_out(prometheus);
	cr_assert_str_eq(text, "# HELP m back\\\\slash\\nline \"quoted\"\n# TYPE m gauge\nm{v=\"a\\\"b\\\\c\\nd\"} 1\n");
	free(text);
}

Test(prometheus, labels_are_cut_whole)
{
	char value[100], label[16];
	memset(value, '"', sizeof(value));
	value[sizeof(value) - 1] = 0;
	for (size_t size = 8; size <= sizeof(label); size++) {
		ringcast_prometheus_label("v", value, label, size);
		size_t length = strlen(label);
		cr_assert_lt(length, size);
		cr_assert_eq(label[length - 1], '"');
		cr_assert_eq((length - 4) % 2, 0, "an escape is never split: %s", label);
	}
}

Test(prometheus, values_read_back_exactly)
{
	static const double values[] = {0, 1, -1, 0.1, 1e300, 123456789012345678.0, 9007199254740991.0, 1.5e-9};
	struct prometheus *prometheus = ringcast_prometheus_create();
	char *at;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		ringcast_prometheus_add(prometheus, "v", "gauge", "V.", "", values[i]);
	char *text = write_out(prometheus);
	at = strstr(text, "\nv ");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++, at = strstr(at + 1, "\nv ")) {
		cr_assert(at, "sample %zu", i);
		cr_assert(strtod(at + 3, NULL) == values[i], "%zu", i);
	}
	free(text);
}

Test(prometheus, special_values)
{
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add(prometheus, "v", "gauge", "V.", "", NAN);
	ringcast_prometheus_add(prometheus, "v", "gauge", "V.", "", INFINITY);
	ringcast_prometheus_add(prometheus, "v", "gauge", "V.", "", -INFINITY);
	char *text = write_out(prometheus);
	cr_assert(strstr(text, "v NaN\nv +Inf\nv -Inf\n"));
	free(text);
}

Test(prometheus, process_metrics_are_there)
{
	static const char *const names[] = {"ringcast_build_info{version=\"1.2.3\",io=\"epoll\"} 1\n",
					    "\nprocess_cpu_seconds_total ",
					    "\nprocess_open_fds ",
					    "\nprocess_max_fds ",
					    "\nprocess_start_time_seconds ",
					    "\nprocess_resident_memory_bytes "};
	struct prometheus *prometheus = ringcast_prometheus_create();
	ringcast_prometheus_add_process(prometheus, "1.2.3", "epoll");
	char *text = write_out(prometheus);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_assert(strstr(text, names[i]), "%s", names[i]);
	free(text);
}
