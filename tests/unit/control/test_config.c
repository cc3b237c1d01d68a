/* The configuration: every way a file can be wrong, with the exact line; precedence; the round trip of --print-config. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"
#include "control/flags.h"
#include "control/value.h"

static bool load(const char *text, struct config *config, struct config_error *error)
{
	memset(error, 0, sizeof(*error));
	ringcast_config_init(config);
	return ringcast_config_load_text(config, "x.yaml", text, strlen(text), error);
}

static const struct refusal {
	const char *text, *expected;
} refusals[] = {
	{"limits:\n  mesages_per_second: 5\n", "x.yaml:2: unknown key 'limits.mesages_per_second', did you mean 'messages_per_second'?"},
	{"lisen:\n  tcp_port: 1\n", "x.yaml:1: unknown key 'lisen', did you mean 'listen'?"},
	{"listen:\n  level: info\n", "x.yaml:2: unknown key 'listen.level', did you mean 'log.level'?"},
	{"tcp_port: 1\n", "x.yaml:1: unknown key 'tcp_port', did you mean 'listen.tcp_port'?"},
	{"listen:\n  drain_timeout: 1s\n", "x.yaml:2: unknown key 'listen.drain_timeout', did you mean 'drain_timeout'?"},
	{"# a comment\nzzzzzz: 1\n", "x.yaml:2: unknown key 'zzzzzz'"},
	{"listen:\n  tcp_port: 1\n  udp: true\n  tcp_port: 2\n", "x.yaml:4: 'listen.tcp_port' is set twice, first on line 2"},
	{"listen:\n  tcp_port: 1\nlog:\n  level: info\nlisten:\n  udp: true\n",
	 "x.yaml:5: section 'listen' appears twice, first on line 1"},
	{"io: auto\nio: epoll\n", "x.yaml:2: 'io' is set twice, first on line 1"},
	{"listen:\n  tcp_port: 65536\n", "x.yaml:2: listen.tcp_port: 65536 is out of range: from 0 to 65535"},
	{"listen:\n  tcp_port: -1\n", "x.yaml:2: listen.tcp_port: '-1' is not a whole number"},
	{"listen:\n  tcp_port: 80x\n", "x.yaml:2: listen.tcp_port: '80x' is not a whole number"},
	{"listen:\n  tcp_port: 80.5\n", "x.yaml:2: listen.tcp_port: '80.5' is not a whole number"},
	{"listen:\n  tcp_port: 99999999999999999999\n", "x.yaml:2: listen.tcp_port: '99999999999999999999' is not a whole number"},
	{"listen:\n  tcp_port:\n", "x.yaml:2: 'listen.tcp_port' has no value; give one or remove the line"},
	{"listen:\n  tcp_port: [1, 2]\n", "x.yaml:2: 'listen.tcp_port' takes one value, not a list"},
	{"listen:\n  tcp_port: {a: 1}\n", "x.yaml:2: 'listen.tcp_port' takes one value, not a section"},
	{"listen: 7777\n", "x.yaml:1: 'listen' is a section; its keys go on the following lines, indented"},
	{"listen:\n  udp: yes\n", "x.yaml:2: listen.udp: 'yes' is neither true nor false"},
	{"listen:\n  address: localhost\n", "x.yaml:2: listen.address: 'localhost' is not an IPv4 or IPv6 address"},
	{"listen:\n  address: none\n", "x.yaml:2: listen.address: 'none' is not an IPv4 or IPv6 address"},
	{"io: kqueue\n", "x.yaml:1: io: 'kqueue' is not one of auto|uring|epoll"},
	{"drain_timeout: 30\n", "x.yaml:1: drain_timeout: 30 has no unit: write 30s or 30ms"},
	{"drain_timeout: 30 seconds\n", "x.yaml:1: drain_timeout: '30 seconds' has an unknown unit ' seconds': use ns, us, ms, s, m or h"},
	{"drain_timeout: soon\n", "x.yaml:1: drain_timeout: 'soon' is not a duration: write one like 30s or 250ms"},
	{"drain_timeout: 25h\n", "x.yaml:1: drain_timeout: 25h is out of range: from 0 to 24h"},
	{"drain_timeout: 10us\n", "x.yaml:1: drain_timeout: '10us' is not a whole number of milliseconds"},
	{"admin:\n  body_max: 65536\n", "x.yaml:2: admin.body_max: 65536 has no unit: write 64KiB or 65536B"},
	{"admin:\n  body_max: 65537\n", "x.yaml:2: admin.body_max: 65537 has no unit: write 65537B or a size such as 64KiB"},
	{"admin:\n  body_max: 64k\n", "x.yaml:2: admin.body_max: '64k' has an unknown unit 'k': use B, KB, MB, GB, KiB, MiB or GiB"},
	{"admin:\n  body_max: 1B\n", "x.yaml:2: admin.body_max: 1B is out of range: from 1KiB to 16MiB"},
	{"admin:\n  address: 9080\n", "x.yaml:2: admin.address: '9080' is not address:port, unix:/path or off"},
	{"limits:\n  players_max: 0\n", "x.yaml:2: limits.players_max: 0 is out of range: from 1 to 16777216"},
	{"limits:\n  flush_budget_us: 1ns\n", "x.yaml:2: limits.flush_budget_us: '1ns' is not a whole number of microseconds"},
	{"limits:\n  buffer_memory_bytes: 1s\n",
	 "x.yaml:2: limits.buffer_memory_bytes: '1s' has an unknown unit 's': use B, KB, MB, GB, KiB, MiB or GiB"},
	{"- a\n", "x.yaml:1: expected 'section:' or 'key: value' lines"},
	{"io: auto\n---\nio: epoll\n", "x.yaml:3: only one YAML document is allowed"},
	{"listen:\n\ttcp_port: 1\n", "x.yaml:2: not YAML: found character that cannot start any token"},
	{"listen: {tcp_port: 1\n", "x.yaml:2: not YAML: did not find expected ',' or '}'"},
	{"[a]: 1\n", "x.yaml:1: a key must be a plain name"},
};

TestSuite(config, .timeout = 30);

Test(config, refuses_with_one_clear_line)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct config config;
		struct config_error error;
		cr_assert(!load(refusals[i].text, &config, &error), "accepted: %s", refusals[i].text);
		cr_assert_str_eq(error.text, refusals[i].expected);
	}
}

Test(config, reads_every_type)
{
	struct config config;
	struct config_error error;
	const char *text = "listen:\n  address: '::1'\n  tcp_port: 8000\n  udp: false\n"
			   "io: epoll\ndrain_timeout: 1.5s\nadmin:\n  address: unix:/run/x.sock\n  body_max: 1MiB\n"
			   "log:\n  level: warn\n  format: logfmt\n"
			   "limits:\n  login_timeout_ms: 2s\n  idle_timeout_ms: 0\n  flush_budget_us: 1ms\n  buffer_memory_bytes: 16MiB\n  "
			   "bytes_per_second: 100\n";
	cr_assert(load(text, &config, &error), "%s", error.text);
	cr_assert_str_eq(config.listen_address.text, "::1");
	cr_assert_eq(config.listen_tcp_port, 8000);
	cr_assert_not(config.listen_udp);
	cr_assert_eq(config.io, RINGCAST_IO_EPOLL);
	cr_assert_eq(config.drain_timeout_ms, 1500);
	cr_assert_str_eq(config.admin_address.text, "unix:/run/x.sock");
	cr_assert_eq(config.admin_body_max_bytes, 1048576);
	cr_assert_eq(config.log_level, RINGCAST_LOG_WARN);
	cr_assert_eq(config.limits.login_timeout_ms, 2000);
	cr_assert_eq(config.limits.idle_timeout_ms, 0);
	cr_assert_eq(config.limits.flush_budget_us, 1000);
	cr_assert_eq(config.limits.buffer_memory_bytes, 16777216);
	cr_assert_eq(config.limits.bytes_per_second, 100);
}

Test(config, defaults_are_the_engines)
{
	struct config config;
	ringcast_limits limits;
	ringcast_config_init(&config);
	ringcast_limits_default(&limits);
#define X(type, name, ...) cr_assert_eq(config.limits.name, limits.name, #name);
	RINGCAST_LIMITS(X)
#undef X
}

Test(config, json_is_accepted)
{
	struct config config;
	struct config_error error;
	cr_assert(load("{\"listen\": {\"tcp_port\": 8001, \"udp\": false}, \"io\": \"epoll\"}", &config, &error), "%s", error.text);
	cr_assert_eq(config.listen_tcp_port, 8001);
	cr_assert_eq(config.io, RINGCAST_IO_EPOLL);
}

Test(config, nothing_is_a_valid_file)
{
	static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n", "listen:\nlog:\n", "{}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct config config;
		struct config_error error;
		cr_assert(load(texts[i], &config, &error), "%zu: %s", i, error.text);
		cr_assert_eq(config.listen_tcp_port, 7777);
	}
}

Test(config, nul_bytes_are_refused)
{
	static const char text[] = "listen:\n  address: \"1.2.3.4\\0x\"\n";
	struct config config;
	struct config_error error;
	cr_assert(!load(text, &config, &error));
	cr_assert_str_eq(error.text, "x.yaml:2: 'listen.address' holds a NUL byte");
}

Test(config, every_prefix_of_a_file_is_read_or_refused)
{
	static const char text[] =
		"listen:\n  address: \"::1\"\n  tcp_port: 8000\nlimits: {players_max: 10, buffer_memory_bytes: 1MiB}\nio: epoll\n";
	size_t accepted = 0;
	for (size_t size = 0; size < sizeof(text); size++) {
		struct config config;
		struct config_error error = {""};
		ringcast_config_init(&config);
		bool is_loaded = ringcast_config_load_text(&config, "x", text, size, &error);
		cr_assert(is_loaded != (*error.text != 0), "size %zu", size);
		accepted += is_loaded;
	}
	cr_assert_gt(accepted, 3);
}

Test(config, a_missing_file_is_named)
{
	struct config config;
	struct config_error error;
	ringcast_config_init(&config);
	cr_assert(!ringcast_config_load_file(&config, "/nonexistent/r.yaml", &error));
	cr_assert_str_eq(error.text, "/nonexistent/r.yaml: cannot open: No such file or directory");
}

/* precedence */

static void write_file(char path[32], const char *text)
{
	strcpy(path, "/tmp/ringcast-test-XXXXXX");
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

Test(config, flags_over_environment_over_file_over_default)
{
	char path[32];
	write_file(path, "listen:\n  tcp_port: 1001\n  udp_port_base: 1002\nshards:\n  count: 3\n");
	char *argv[] = {"ringcastd", "--config", path, "--tcp-port=3001", "--set", "limits.players_max=7", NULL};
	char *environment[] = {"RINGCAST_LISTEN_TCP_PORT=2001", "RINGCAST_LISTEN_UDP_PORT_BASE=2002", "RINGCAST_LOG_LEVEL=", NULL};
	struct flags flags;
	struct config config;
	struct config_error error = {""};
	cr_assert(ringcast_flags_parse(6, argv, &flags, &error), "%s", error.text);
	cr_assert(ringcast_flags_load_config(&flags, environment, &config, &error), "%s", error.text);
	unlink(path);
	cr_assert_eq(config.listen_tcp_port, 3001);
	cr_assert_eq(config.listen_udp_port_base, 2002);
	cr_assert_eq(config.shards_count, 3);
	cr_assert_eq(config.limits.players_max, 7);
	cr_assert_eq(config.log_level, RINGCAST_LOG_INFO, "an empty variable counts as unset");
	cr_assert_eq(ringcast_config_source(&config, ringcast_options_find_path("listen.tcp_port")), CONFIG_FLAG);
	cr_assert_eq(ringcast_config_source(&config, ringcast_options_find_path("listen.udp_port_base")), CONFIG_ENV);
	cr_assert_eq(ringcast_config_source(&config, ringcast_options_find_path("shards.count")), CONFIG_FILE);
	cr_assert_eq(ringcast_config_source(&config, ringcast_options_find_path("io")), CONFIG_DEFAULT);
}

Test(config, dev_changes_defaults_only)
{
	char *argv[] = {"ringcastd", "--dev", "--listen", "0.0.0.0", NULL}, *environment[] = {"RINGCAST_LOG_FORMAT=json", NULL};
	struct flags flags;
	struct config config;
	struct config_error error;
	cr_assert(ringcast_flags_parse(2, argv, &flags, &error));
	cr_assert(ringcast_flags_load_config(&flags, environment, &config, &error));
	cr_assert_str_eq(config.listen_address.text, "127.0.0.1");
	cr_assert_eq(config.log_format, 2);
	cr_assert(ringcast_flags_parse(4, argv, &flags, &error));
	cr_assert(ringcast_flags_load_config(&flags, environment, &config, &error));
	cr_assert_str_eq(config.listen_address.text, "0.0.0.0");
}

Test(config, a_bad_variable_and_a_bad_flag_are_named)
{
	char *none[] = {NULL}, *bad[] = {"RINGCAST_LIMITS_PLAYERS_MAX=many", NULL}, *argv[] = {"ringcastd", "--tcp-port", "http", NULL};
	struct flags flags;
	struct config config;
	struct config_error error;
	cr_assert(ringcast_flags_parse(1, argv, &flags, &error));
	cr_assert(!ringcast_flags_load_config(&flags, bad, &config, &error));
	cr_assert_str_eq(error.text, "RINGCAST_LIMITS_PLAYERS_MAX: limits.players_max: 'many' is not a whole number");
	cr_assert(ringcast_flags_parse(3, argv, &flags, &error));
	cr_assert(!ringcast_flags_load_config(&flags, none, &config, &error));
	cr_assert_str_eq(error.text, "--tcp-port: listen.tcp_port: 'http' is not a whole number");
}

Test(config, what_nobody_knows_in_the_environment_is_strange)
{
	static const char *const plain[] = {"PATH=/bin",
					    "RINGCAST_LOG_LEVEL=info",
					    "RINGCAST_CONFIG=x",
					    "RINGCAST_PORT_7777_TCP_ADDR=10.0.0.1",
					    "RINGCAST_SERVICE_HOST=10.0.0.1",
					    "RINGCAST_"};
	char name[OPTION_PATH_BYTES], nearest[OPTION_PATH_BYTES];
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		cr_assert(!ringcast_config_is_strange_env(plain[i], name, nearest), "%s", plain[i]);
	cr_assert(ringcast_config_is_strange_env("RINGCAST_LOG_LEVL=debug", name, nearest));
	cr_assert_str_eq(name, "RINGCAST_LOG_LEVL");
	cr_assert_str_eq(nearest, "RINGCAST_LOG_LEVEL");
	cr_assert(ringcast_config_is_strange_env("RINGCAST_PLAYERS=9", name, nearest), "however far from one of ours");
	cr_assert(ringcast_config_is_strange_env("RINGCAST_LIMITS_PLAYER_MAX=9", name, nearest));
	cr_assert_str_eq(nearest, "RINGCAST_LIMITS_PLAYERS_MAX");
}

/* checks across keys */

static const struct refusal clashes[] = {
	{"listen:\n  udp_port_base: 65535\nshards:\n  count: 2\n",
	 "listen.udp_port_base: 65535 with 2 shards of 1 ports ends at 65536, past 65535"},
	{"listen:\n  address: 10.0.0.1\n  address_second: 10.0.0.2\n",
	 "listen.address_second: 10.0.0.2 must be of the other IP family than listen.address, 10.0.0.1"},
	{"admin:\n  address: 127.0.0.1:7777\n", "admin.address: 127.0.0.1:7777 is the players' port too (listen.tcp_port)"},
	{"scripts:\n  connect_ports: 443 https\n", "scripts.connect_ports: 'https' must be a port, or none, any or udp"},
	{"scripts:\n  connect_ports: 70000\n", "scripts.connect_ports: '70000' must be a port, or none, any or udp"},
	{"scripts:\n  connect_ports: 0x50\n", "scripts.connect_ports: '0x50' must be a port, or none, any or udp"},
	{"admin:\n  address: 127.0.0.1:9081\nscripts:\n  connect_ports: 443 9081 udp\n",
	 "scripts.connect_ports: 9081 is the port of the admin API (admin.address), which scripts are to be kept from"},
	{"limits:\n  players_max: 10\n  players_per_session_max: 11\n",
	 "limits.players_per_session_max: 11 is more than limits.players_max, 10"},
};

Test(config, ports_that_scripts_may_connect_to)
{
	static const char *const good[] = {"443", "80 443 65535", "none", "any", "udp 8443", "''", "9080"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char text[128];
		struct config config;
		struct config_error error;
		snprintf(text, sizeof(text), "admin:\n  address: unix:/run/x.sock\nscripts:\n  connect_ports: %s\n", good[i]);
		cr_assert(load(text, &config, &error), "%s", error.text);
		cr_assert(ringcast_config_check(&config, &error), "%s", error.text);
	}
}

Test(config, as_many_ports_as_scripts_are_started_with)
{
	struct config config;
	struct config_error error;
	char text[400] = "scripts:\n  connect_ports: 80";
	for (int i = 1; i < 64; i++)
		strcat(text, ",81");
	cr_assert(load(text, &config, &error), "%s", error.text);
	cr_assert(ringcast_config_check(&config, &error), "%s", error.text);
	strcat(text, ",82");
	cr_assert(load(text, &config, &error), "%s", error.text);
	cr_assert(!ringcast_config_check(&config, &error));
	cr_assert_str_eq(error.text, "scripts.connect_ports: more than 64 ports");
}

Test(config, keys_must_agree)
{
	for (size_t i = 0; i < sizeof(clashes) / sizeof(*clashes); i++) {
		struct config config;
		struct config_error error;
		cr_assert(load(clashes[i].text, &config, &error), "%s", error.text);
		cr_assert(!ringcast_config_check(&config, &error), "accepted: %s", clashes[i].text);
		cr_assert_str_eq(error.text, clashes[i].expected);
	}
}

Test(config, agreeing_keys_pass)
{
	static const char *const texts[] = {"",
					    "listen:\n  udp_port_base: 65534\nshards:\n  count: 2\n",
					    "listen:\n  udp_port_base: 65535\n  udp: false\nshards:\n  count: 2\n",
					    "listen:\n  address_second: '::'\n",
					    "limits:\n  players_max: 10\n",
					    "listen:\n  address: 10.0.0.1\nadmin:\n  address: 127.0.0.1:7777\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct config config;
		struct config_error error = {""};
		cr_assert(load(texts[i], &config, &error), "%s", error.text);
		cr_assert(ringcast_config_check(&config, &error), "%zu: %s", i, error.text);
	}
}

/* round trip */

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ringcast_config_print(config, out);
	fclose(out);
	return text;
}

static void assert_same_values(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		cr_assert(ringcast_value_is_equal(option, ringcast_config_field_const(a, option), ringcast_config_field_const(b, option)),
			  "%s.%s", option->section, option->key);
	}
}

Test(config, print_config_loads_back)
{
	struct config config, again;
	struct config_error error;
	cr_assert(load("listen:\n  address: '::'\n  tcp_port: 1\nio: uring\ndrain_timeout: 90s\nadmin:\n  hosts: 'a,\"b\\c'\n  body_max: "
		       "1537B\n"
		       "limits:\n  flush_budget_us: 0\n",
		       &config, &error),
		  "%s", error.text);
	char *text = print(&config);
	cr_assert(load(text, &again, &error), "%s in\n%s", error.text, text);
	free(text);
	assert_same_values(&config, &again);
}

/* Each number key at its ends, so that no unit is lost on the way out. */
Test(config, extremes_survive_the_round_trip)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		if (option->type != OPTION_UINT && option->type != OPTION_DURATION && option->type != OPTION_SIZE)
			continue;
		struct config config, again;
		struct config_error error;
		char digits[40];
		ringcast_config_init(&config);
		const char *unit = option->type == OPTION_DURATION ? "ms" : option->type == OPTION_SIZE ? "B" : "";
		snprintf(digits, sizeof(digits), "%llu%s", (unsigned long long)option->max, unit);
		cr_assert(ringcast_config_set(&config, option, digits, CONFIG_FLAG, "test", &error), "%s", error.text);
		char *text = print(&config);
		cr_assert(load(text, &again, &error), "%s", error.text);
		free(text);
		assert_same_values(&config, &again);
	}
}

Test(config, engine_options_say_what_the_keys_say)
{
	struct config config;
	struct config_error error;
	ringcast_engine_options options;
	cr_assert(load("listen:\n  address_second: '::'\n  udp: false\n  udp_address_check: false\nshards:\n  count: 3\n  pinned: true\n",
		       &config, &error));
	ringcast_config_engine_options(&config, &options);
	cr_assert_eq(options.size, sizeof(options));
	cr_assert_eq(options.shard_count, 3);
	cr_assert(options.is_pinned && options.is_udp_off && options.is_udp_address_free && !options.is_open);
	cr_assert_str_eq(options.listen_address, "0.0.0.0");
	cr_assert_str_eq(options.listen_address_second, "::");
	cr_assert_eq(options.tcp_port, 7777);
}
