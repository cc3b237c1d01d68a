/* Durations, sizes, addresses and endpoints as texts. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/config.h"
#include "control/value.h"

static uint64_t parse(const char *path, const char *text)
{
	const struct option *option = ringcast_options_find_path(path);
	struct config config;
	char problem[300] = "";
	ringcast_config_init(&config);
	void *field = ringcast_config_field(&config, option);
	cr_assert(ringcast_value_parse(option, text, field, problem, sizeof(problem)), "%s: %s", text, problem);
	return ringcast_value_number(option, field);
}

static const char *format(const char *path, const char *text, char ret_text[VALUE_TEXT_BYTES])
{
	const struct option *option = ringcast_options_find_path(path);
	struct config config;
	char problem[300];
	ringcast_config_init(&config);
	void *field = ringcast_config_field(&config, option);
	cr_assert(ringcast_value_parse(option, text, field, problem, sizeof(problem)), "%s", problem);
	ringcast_value_format(option, field, ret_text);
	return ret_text;
}

TestSuite(value, .timeout = 30);

Test(value, durations)
{
	cr_assert_eq(parse("drain_timeout", "0"), 0);
	cr_assert_eq(parse("drain_timeout", "0s"), 0);
	cr_assert_eq(parse("drain_timeout", "250ms"), 250);
	cr_assert_eq(parse("drain_timeout", "30s"), 30000);
	cr_assert_eq(parse("drain_timeout", "1.25s"), 1250);
	cr_assert_eq(parse("drain_timeout", "2m"), 120000);
	cr_assert_eq(parse("drain_timeout", "24h"), 86400000);
	cr_assert_eq(parse("drain_timeout", "3000000ns"), 3);
	cr_assert_eq(parse("limits.login_timeout_ms", "1500"), 1500);
	cr_assert_eq(parse("limits.login_timeout_ms", "15s"), 15000);
	cr_assert_eq(parse("limits.flush_budget_us", "0"), 0);
	cr_assert_eq(parse("limits.flush_budget_us", "2ms"), 2000);
}

Test(value, sizes)
{
	cr_assert_eq(parse("admin.body_max", "64KiB"), 65536);
	cr_assert_eq(parse("admin.body_max", "64KB"), 64000);
	cr_assert_eq(parse("admin.body_max", "1.5MiB"), 1572864);
	cr_assert_eq(parse("limits.buffer_memory_bytes", "2GiB"), 2147483648u);
	cr_assert_eq(parse("limits.buffer_memory_bytes", "2097152"), 2097152);
	cr_assert_eq(parse("limits.bytes_per_second", "5000000000"), 5000000000u, "64-bit limits are not cut");
}

Test(value, formats_with_the_largest_exact_unit)
{
	char text[VALUE_TEXT_BYTES];
	cr_assert_str_eq(format("drain_timeout", "90s", text), "90s");
	cr_assert_str_eq(format("drain_timeout", "120s", text), "2m");
	cr_assert_str_eq(format("drain_timeout", "1.5s", text), "1500ms");
	cr_assert_str_eq(format("drain_timeout", "0s", text), "0");
	cr_assert_str_eq(format("admin.body_max", "2048B", text), "2KiB");
	cr_assert_str_eq(format("admin.body_max", "2049B", text), "2049B");
	cr_assert_str_eq(format("limits.buffer_memory_bytes", "1MiB", text), "1048576");
	cr_assert_str_eq(format("io", "epoll", text), "epoll");
}

Test(value, overflow_is_refused)
{
	static const char *const texts[] = {"99999999999999h", "18446744073709551615h", "18446744073709551616s", "1.0000000001s"};
	const struct option *option = ringcast_options_find_path("drain_timeout");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint64_t number = 77;
		char problem[300];
		cr_assert(!ringcast_value_parse(option, texts[i], &number, problem, sizeof(problem)), "%s", texts[i]);
		cr_assert_eq(number, 77, "a refused text leaves the value");
	}
}

Test(value, strings_are_bounded)
{
	char text[400], problem[300];
	struct config config;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 0;
	ringcast_config_init(&config);
	cr_assert(!ringcast_value_parse(ringcast_options_find_path("admin.hosts"), text, &config.admin_hosts, problem, sizeof(problem)));
	cr_assert_str_eq(problem, "longer than 255 bytes");
}

Test(value, endpoints)
{
	static const char *const good[] = {"127.0.0.1:9080", "[::1]:9080", "0.0.0.0:0", "unix:/run/ringcastd/admin.sock", "off"};
	static const char *const bad[] = {"",         "9080",           "127.0.0.1",     "127.0.0.1:",    "127.0.0.1:65536",
					  "::1:9080", "localhost:9080", "unix:x",        "unix:",         "[::1]9080",
					  "none:1",   ":9080",          "127.0.0.1:90a", "[127.0.0.1]x:1"};
	struct endpoint endpoint;
	char text[VALUE_TEXT_BYTES];
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		cr_assert(ringcast_value_parse_endpoint(good[i], &endpoint), "%s", good[i]);
		ringcast_value_format_endpoint(&endpoint, text);
		cr_assert_str_eq(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert(!ringcast_value_parse_endpoint(bad[i], &endpoint), "%s", bad[i]);
}

Test(value, loopback)
{
	static const char *const near[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/x", "off"}, *const far[] = {"0.0.0.0:1",
														       "[::]:1",
														       "10.0.0.1:1"};
	struct endpoint endpoint;
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++)
		cr_assert(ringcast_value_parse_endpoint(near[i], &endpoint) && ringcast_value_is_loopback(&endpoint), "%s", near[i]);
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
		cr_assert(ringcast_value_parse_endpoint(far[i], &endpoint) && !ringcast_value_is_loopback(&endpoint), "%s", far[i]);
}
