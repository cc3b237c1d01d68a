/* The command line's parser and help, on a table of its own. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/admin_client.h"
#include "tools/ringcast/cli.h"
#include "tools/ringcast/output.h"

static enum cli_exit run_nothing(const struct cli_invocation *invocation)
{
	return CLI_OK;
}

static const struct cli_command commands[] = {
	{"session", "show", "<session>", "describe a session", "ringcast session show demo", CLI_ADMIN_OUTPUT, run_nothing},
	{"session", "list", "", "list sessions", "ringcast session list", CLI_ADMIN_OUTPUT | CLI_BIT(NAME), run_nothing},
	{"chat", NULL, "<session> [more]", "talk", "ringcast chat demo", CLI_ADMIN | CLI_BIT(TCP) | CLI_BIT(GROUP), run_nothing},
	{NULL},
};

static struct cli_invocation invocation;
static char *out_text, *err_text;

/* Splits at spaces; "ringcast" is put in front. */
static enum cli_exit parse(const char *line)
{
	size_t size;
	static char *copy; /* until the next line: the invocation points into it */
	char *words[16] = {"ringcast"};
	int count = 1;
	free(copy);
	copy = strdup(line);
	free(out_text);
	free(err_text);
	FILE *out = open_memstream(&out_text, &size), *err = open_memstream(&err_text, &size);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	invocation = (struct cli_invocation){0};
	enum cli_exit code = ringcast_cli_parse(commands, count, words, &invocation, out, err);
	fclose(out);
	fclose(err);
	return code;
}

Test(cli, words_and_options_in_any_order)
{
	static const char *const lines[] = {"session show demo -o json", "session show -o json demo", "session show --output=json demo",
					    "session show -ojson -- demo"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_assert_eq(parse(lines[i]), CLI_OK, "%s", lines[i]);
		cr_assert_eq(invocation.command, &commands[0]);
		cr_assert_eq(invocation.argument_count, 1);
		cr_assert_str_eq(invocation.arguments[0], "demo");
		cr_assert(ringcast_cli_is_json(&invocation));
	}
	cr_assert_eq(parse("session show -- --name"), CLI_OK);
	cr_assert_str_eq(invocation.arguments[0], "--name");
}

Test(cli, wrong_usage_is_two_and_names_the_word)
{
	static const struct {
		const char *line, *wanted;
	} cases[] = {
		{"", "Usage: ringcast <command>"},
		{"nonsense", "unknown command 'nonsense'"},
		{"--admin http://127.0.0.1:1 session show a", "'--admin' where a command is wanted: options come behind it"},
		{"session", "session list"},
		{"session nonsense", "unknown command 'session nonsense'"},
		{"session show", "Usage: ringcast session show <session>"},
		{"session show a b", "Usage: ringcast session show <session>"},
		{"session show", "something is missing: 0 of 1"},
		{"session show a b", "'b' is one argument too many"},
		{"session show a --nonsense", "unknown option '--nonsense'"},
		{"session show a --name x", "unknown option '--name'"},
		{"session show a --admin", "--admin needs URL"},
		{"session show a -o xml", "--output is table or json, not 'xml'"},
		{"chat demo --tcp=1", "--tcp takes no value"},
		{"chat a b c d e", "too many arguments"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(parse(cases[i].line), CLI_USAGE, "'%s'", cases[i].line);
		cr_assert_not_null(strstr(err_text, cases[i].wanted), "'%s': '%s'", cases[i].line, err_text);
		cr_assert_null(invocation.command);
		cr_assert_str_eq(out_text, "", "complaints go to stderr");
	}
}

Test(cli, help_on_each_level_has_an_example)
{
	static const char *const lines[] = {"--help", "help", "-h", "session --help", "session show --help", "session show x -h", "chat --help"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_assert_eq(parse(lines[i]), CLI_OK, "%s", lines[i]);
		cr_assert_null(invocation.command, "%s: nothing is to be run", lines[i]);
		cr_assert_not_null(strstr(out_text, "Example:\n  ringcast "), "%s: '%s'", lines[i], out_text);
		cr_assert_str_eq(err_text, "");
	}
}

Test(cli, optional_arguments_may_be_there)
{
	cr_assert_eq(parse("chat demo"), CLI_OK);
	cr_assert_eq(parse("chat demo more --tcp"), CLI_OK);
	cr_assert(ringcast_cli_has(&invocation, CLI_OPTION_TCP));
}

Test(cli, numbers_have_bounds)
{
	int64_t group = 3;
	double seconds = 5;
	parse("chat demo");
	cr_assert_eq(ringcast_cli_integer(&invocation, CLI_OPTION_GROUP, 1, 10, &group), CLI_OK);
	cr_assert_eq(group, 3, "an absent option keeps the default");
	parse("chat demo --group 7");
	cr_assert_eq(ringcast_cli_integer(&invocation, CLI_OPTION_GROUP, 1, 10, &group), CLI_OK);
	cr_assert_eq(group, 7);
	static const char *const bad[] = {"chat demo --group 11", "chat demo --group 0", "chat demo --group 7x", "chat demo --group=", "chat demo -g -1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		parse(bad[i]);
		cr_assert_eq(ringcast_cli_integer(&invocation, CLI_OPTION_GROUP, 1, 10, &group), CLI_USAGE, "%s", bad[i]);
	}
	cr_assert_eq(group, 7);
	parse("chat demo --timeout 0.25");
	cr_assert_eq(ringcast_cli_seconds(&invocation, CLI_OPTION_TIMEOUT, &seconds), CLI_OK);
	cr_assert_float_eq(seconds, 0.25, 1e-9);
	parse("chat demo --timeout nan");
	cr_assert_eq(ringcast_cli_seconds(&invocation, CLI_OPTION_TIMEOUT, &seconds), CLI_USAGE);
}

Test(cli, names_are_escaped_for_a_path)
{
	char out[32];
	cr_assert(ringcast_admin_escape("a b/c?d&e=\xc3\xa9", out, sizeof(out)));
	cr_assert_str_eq(out, "a%20b%2Fc%3Fd%26e%3D%C3%A9");
	cr_assert_not(ringcast_admin_escape("this is far too long for the room", out, sizeof(out)));
}

Test(cli, urls)
{
	static const struct {
		const char *url, *host;
	} good[] = {{"http://127.0.0.1:9080", "127.0.0.1"}, {"http://host", "host"}, {"http://[::1]:1/", "::1"}, {"host:1", "host"}, {"unix:/run/x", "127.0.0.1"}};
	char host[64];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(ringcast_admin_url_host(good[i].url, host, sizeof(host)), ADMIN_OK, "%s", good[i].url);
		cr_assert_str_eq(host, good[i].host);
	}
	cr_assert_eq(ringcast_admin_url_host("https://host", host, sizeof(host)), ADMIN_OK);
	cr_assert_eq(ringcast_admin_url_host("http://", host, sizeof(host)), ADMIN_BAD_URL);
}

Test(cli, a_list_of_texts_is_cut_between_them)
{
	json_t *list = json_pack("[s, s, s, s]", "onPlayerConnect", "onPlayerAccepted", "onMessage", "onPlayerLeaveGroup");
	char all[72], some[56], none[40], tiny[8];
	ringcast_output_value(list, all, sizeof(all));
	cr_assert_str_eq(all, "onPlayerConnect, onPlayerAccepted, onMessage, onPlayerLeaveGroup");
	ringcast_output_value(list, some, sizeof(some));
	cr_assert_str_eq(some, "onPlayerConnect, and 3 more");
	ringcast_output_value(list, none, sizeof(none));
	cr_assert_str_eq(none, "4 of them");
	ringcast_output_value(list, tiny, sizeof(tiny));
	cr_assert_eq(strlen(tiny), sizeof(tiny) - 1);
	json_decref(list);
	list = json_pack("[i, s]", 1, "a");
	ringcast_output_value(list, all, sizeof(all));
	cr_assert_str_eq(all, "[1,\"a\"]");
	json_decref(list);
}
