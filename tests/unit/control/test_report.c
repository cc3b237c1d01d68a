/* What the daemon says of itself in dev mode. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/report.h"

static char *report(const char *admin, const char *service)
{
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	static struct config config;
	ringcast_engine *engine;
	char error[128], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ringcast_config_init(&config);
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK);
	ringcast_report_dev(engine, &config, admin, service, out);
	fclose(out);
	ringcast_engine_destroy(&engine);
	return text;
}

Test(report, the_demo_takes_as_many_players_as_it_does)
{
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	ringcast_session_options demo = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_engine *engine;
	char error[128], id[RINGCAST_ID_BYTES], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	demo.name = "demo";
	demo.players_max = 8;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK);
	cr_assert_eq(ringcast_session_create(engine, &demo, id), RINGCAST_OK);
	ringcast_report_demo(engine, id, out);
	cr_assert_eq(ringcast_session_end(engine, id), RINGCAST_OK);
	ringcast_report_demo(engine, id, out);
	fclose(out);
	cr_assert_str_eq(text, "  session  \"demo\", up to 8 players\n");
	free(text);
	ringcast_engine_destroy(&engine);
}

Test(report, an_address_is_one_that_a_client_takes_and_what_is_off_has_none)
{
	static const struct {
		const char *admin, *service, *expected[2];
	} cases[] = {
		{"127.0.0.1:9080", "127.0.0.1:9081", {"\n  admin    http://127.0.0.1:9080  (/healthz", "\n  service  http://127.0.0.1:9081  (AWS SDKs"}},
		{"off", "off", {"\n  admin    off\n", "\n  service  off\n"}},
		{"unix:/run/a", "off", {"\n  admin    unix:/run/a  (/healthz", "\n  service  off\n"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = report(cases[i].admin, cases[i].service);
		for (int j = 0; j < 2; j++)
			cr_assert(strstr(text, cases[i].expected[j]), "%s", text);
		free(text);
	}
}
