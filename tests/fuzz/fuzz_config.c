/*
 * The configuration file. What is taken, printed and read again is the same configuration; what is refused names the file and a line, in one
 * line of text; and neither way may a value lie outside what its key allows.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "control/config.h"
#include "control/value.h"
#include "fuzz_target.h"

static void check_error(const struct config_error *error)
{
	ringcast_assert(memchr(error->text, 0, sizeof(error->text)) != NULL);
	ringcast_assert(strncmp(error->text, "fuzz.yaml:", 10) == 0);
	char *end;
	unsigned long line = strtoul(error->text + 10, &end, 10);
	ringcast_assert(line >= 1 && *end == ':');
}

static void check_values(const struct config *config)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		char text[VALUE_TEXT_BYTES], problem[256], again[CONFIG_STRING_BYTES] __attribute__((aligned(8))) = {0};
		const void *field = ringcast_config_field_const(config, option);
		ringcast_value_format(option, field, text);
		ringcast_assert(ringcast_value_parse(option, text, again, problem, sizeof(problem)));
		ringcast_assert(ringcast_value_is_equal(option, field, again));
	}
}

static void check_printed(const struct config *config)
{
	static struct config again;
	struct config_error error;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ringcast_assert(out != NULL);
	ringcast_config_print(config, out);
	int status = fclose(out);
	ringcast_assert(status == 0);
	ringcast_config_init(&again);
	bool is_loaded = ringcast_config_load_text(&again, "fuzz.yaml", text, size, &error);
	ringcast_assert(is_loaded);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		ringcast_assert(ringcast_value_is_equal(option, ringcast_config_field_const(config, option), ringcast_config_field_const(&again, option)));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config defaults, config;
	struct config_error error = {.text = ""};
	if (defaults.sources[0] == 0 && defaults.limits.players_max == 0)
		ringcast_config_init(&defaults);
	config = defaults;
	bool is_loaded = ringcast_config_load_text(&config, "fuzz.yaml", (const char *)data, size, &error);
	if (!is_loaded) {
		check_error(&error);
		return 0;
	}
	check_values(&config);
	ringcast_engine_options options;
	ringcast_config_engine_options(&config, &options);
	if (ringcast_config_check(&config, &error))
		check_printed(&config);
	return 0;
}
