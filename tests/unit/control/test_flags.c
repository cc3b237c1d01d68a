/* The command line, and what the table says about itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/flags.h"
#include "control/nearest.h"

static bool parse(const char *line, struct flags *flags, struct config_error *error)
{
	static char words[256]; /* flags borrow from argv */
	char *argv[16] = {"ringcastd"};
	int argc = 1;
	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return ringcast_flags_parse(argc, argv, flags, error);
}

TestSuite(flags, .timeout = 30);

Test(flags, refusals_are_clear)
{
	static const char *const cases[][2] = {
		{"--tcp-prt 1", "unknown flag '--tcp-prt', did you mean '--tcp-port'?"},
		{"--nonsense-entirely", "unexpected '--nonsense-entirely'; see --help"},
		{"file.yaml", "unexpected 'file.yaml'; see --help"},
		{"--tcp-port", "--tcp-port needs a value: --tcp-port PORT"},
		{"--dev=1", "--dev takes no value"},
		{"--set limits.players_mx=1", "--set: unknown key 'limits.players_mx', did you mean 'players_max'?"},
		{"--set drain_timout=1s", "--set: unknown key 'drain_timout', did you mean 'drain_timeout'?"},
		{"--set nothing", "--set nothing: write --set section.key=value"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flags flags;
		struct config_error error;
		cr_assert(!parse(cases[i][0], &flags, &error), "accepted: %s", cases[i][0]);
		cr_assert_str_eq(error.text, cases[i][1]);
	}
}

Test(flags, both_forms_of_a_value)
{
	struct flags flags;
	struct config_error error;
	cr_assert(parse("--config a.yaml --tcp-port=5 --udp-port 6 --dev", &flags, &error), "%s", error.text);
	cr_assert_str_eq(flags.config_path, "a.yaml");
	cr_assert(flags.is_dev);
	cr_assert_eq(flags.override_count, 2);
	cr_assert_str_eq(flags.overrides[0].text, "5");
	cr_assert_str_eq(flags.overrides[1].text, "6");
}

Test(flags, help_wins_over_other_modes)
{
	struct flags flags;
	struct config_error error;
	cr_assert(parse("--check-config -h", &flags, &error));
	cr_assert_eq(flags.mode, FLAGS_HELP);
	cr_assert(parse("--print-config", &flags, &error));
	cr_assert_eq(flags.mode, FLAGS_PRINT_CONFIG);
}

Test(flags, config_path_from_the_environment)
{
	struct flags flags;
	struct config config;
	struct config_error error;
	char *environment[] = {"RINGCAST_CONFIG=/nonexistent", NULL};
	cr_assert(parse("", &flags, &error));
	cr_assert(!ringcast_flags_load_config(&flags, environment, &config, &error));
	cr_assert_str_eq(error.text, "/nonexistent: cannot open: No such file or directory");
}

TestSuite(options, .timeout = 30);

Test(options, names_are_unique_in_every_form)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[OPTION_PATH_BYTES], path[OPTION_PATH_BYTES];
		ringcast_options_env_name(ringcast_options_at(i), name);
		ringcast_options_path(ringcast_options_at(i), path);
		cr_assert_eq(ringcast_options_find_path(path), ringcast_options_at(i));
		for (size_t j = 0; j < i; j++) {
			char other[OPTION_PATH_BYTES];
			ringcast_options_env_name(ringcast_options_at(j), other);
			cr_assert_str_neq(name, other);
		}
	}
}

Test(nearest, distance_counts_edits)
{
	cr_assert_eq(ringcast_nearest_distance("", ""), 0);
	cr_assert_eq(ringcast_nearest_distance("abc", "abc"), 0);
	cr_assert_eq(ringcast_nearest_distance("abc", ""), 3);
	cr_assert_eq(ringcast_nearest_distance("kitten", "sitting"), 3);
	cr_assert_eq(ringcast_nearest_distance("leve", "level"), 1);
	cr_assert_eq(ringcast_nearest_distance("elvel", "level"), 1, "the first two swapped");
	cr_assert_eq(ringcast_nearest_distance("levle", "level"), 1, "neighbours swapped are one slip of the fingers");
}

Test(options, units_come_from_the_name)
{
	cr_assert_str_eq(ringcast_options_unit(ringcast_options_find_path("limits.login_timeout_ms")), "ms");
	cr_assert_str_eq(ringcast_options_unit(ringcast_options_find_path("limits.flush_budget_us")), "us");
	cr_assert_str_eq(ringcast_options_unit(ringcast_options_find_path("limits.buffer_memory_bytes")), "bytes");
	cr_assert_str_eq(ringcast_options_unit(ringcast_options_find_path("limits.bytes_per_second")), "bytes");
	cr_assert_null(ringcast_options_unit(ringcast_options_find_path("limits.messages_per_second")));
	cr_assert_null(ringcast_options_unit(ringcast_options_find_path("limits.players_max")));
	cr_assert_null(ringcast_options_unit(ringcast_options_find_path("listen.tcp_port")));
}

Test(options, the_reference_names_every_key_and_variable)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ringcast_config_print_doc(out);
	fclose(out);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[OPTION_PATH_BYTES], row[3 * OPTION_PATH_BYTES], path[OPTION_PATH_BYTES];
		ringcast_options_env_name(ringcast_options_at(i), name);
		ringcast_options_path(ringcast_options_at(i), path);
		snprintf(row, sizeof(row), "| `%s`<br>`%s` |", path, name);
		cr_assert(strstr(text, row), "%s", row);
	}
	free(text);
}
