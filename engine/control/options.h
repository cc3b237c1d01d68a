/*
 * The table of configuration keys: options.def and the engine's limits, as one array. Constant, shared by all threads.
 *
 * A key's C field lives in struct config (config.h) at offset, with width bytes for numbers. Durations are held in milliseconds,
 * sizes in bytes, booleans in a bool, enums as the index of the choice.
 */
#ifndef RINGCAST_CONTROL_OPTIONS_H
#define RINGCAST_CONTROL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringcast/ringcast.h"

enum option_type { OPTION_BOOL, OPTION_UINT, OPTION_DURATION, OPTION_SIZE, OPTION_STRING, OPTION_ADDRESS, OPTION_ENDPOINT, OPTION_ENUM };

enum option_index {
#define OPTION(field, ...) OPTION_INDEX_##field,
#include "control/options.def"
#undef OPTION
#define X(type, name, ...) OPTION_INDEX_limits_##name,
	RINGCAST_LIMITS(X)
#undef X
		OPTION_COUNT
};

struct option {
	const char *section; /* "" for the top level */
	const char *key;
	enum option_type type;
	const char *default_text; /* as a file would say it */
	uint64_t min, max;
	const char *choices; /* "a|b|c" for an enum, else NULL */
	bool is_reloadable;
	const char *help;
	size_t offset;
	size_t width;
};

#define OPTION_PATH_BYTES 96

const struct option *ringcast_options_at(size_t index); /* index < OPTION_COUNT */
/* NULL: no such key. The sizes let a caller look up a slice of a longer text. */
const struct option *ringcast_options_find(const char *section, const char *key);
bool ringcast_options_has_section(const char *section);
/* "section.key", or "key" at the top level. */
void ringcast_options_path(const struct option *option, char ret_path[OPTION_PATH_BYTES]);
const struct option *ringcast_options_find_path(const char *path);
/* RINGCAST_SECTION_KEY */
void ringcast_options_env_name(const struct option *option, char ret_name[OPTION_PATH_BYTES]);
const char *ringcast_options_type_name(const struct option *option);
/* The unit in which a bare number of this key counts, because its name says so ("ms", "us", "bytes"), else NULL. */
const char *ringcast_options_unit(const struct option *option);
/* What an unknown key in section probably meant: a key of that section, or "section.key" of another. NULL: nothing is near. */
const char *ringcast_options_nearest(const char *section, const char *key, char ret_path[OPTION_PATH_BYTES]);
const char *ringcast_options_nearest_section(const char *section);

#endif
