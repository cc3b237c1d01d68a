#include "control/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/config.h"
#include "control/nearest.h"

static const struct option options[OPTION_COUNT] = {
#define OPTION(field, section, key, type, default_text, min, max, choices, reloadable, help)                                               \
	{section,                                                                                                                          \
	 key,                                                                                                                              \
	 OPTION_##type,                                                                                                                    \
	 default_text,                                                                                                                     \
	 min,                                                                                                                              \
	 max,                                                                                                                              \
	 choices,                                                                                                                          \
	 reloadable,                                                                                                                       \
	 help,                                                                                                                             \
	 offsetof(struct config, field),                                                                                                   \
	 sizeof(((struct config *)0)->field)},
#include "control/options.def"
#undef OPTION
#define X(type, name, default_value, min, max, reloadable, text)                                                                           \
	{"limits", #name, OPTION_UINT, #default_value, min, max, NULL, reloadable, text,                                                   \
	 offsetof(struct config, limits) + offsetof(ringcast_limits, name), sizeof(type)},
	RINGCAST_LIMITS(X)
#undef X
};

const struct option *ringcast_options_at(size_t index)
{
	ringcast_assert(index < OPTION_COUNT);
	return &options[index];
}

const struct option *ringcast_options_find(const char *section, const char *key)
{
	ringcast_assert(section && key);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
			return &options[i];
	return NULL;
}

bool ringcast_options_has_section(const char *section)
{
	ringcast_assert(section);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (*section && strcmp(options[i].section, section) == 0)
			return true;
	return false;
}

void ringcast_options_path(const struct option *option, char ret_path[OPTION_PATH_BYTES])
{
	ringcast_assert(option);
	int size = snprintf(ret_path, OPTION_PATH_BYTES, "%s%s%s", option->section, *option->section ? "." : "", option->key);
	ringcast_assert(size > 0 && size < OPTION_PATH_BYTES);
}

const struct option *ringcast_options_find_path(const char *path)
{
	ringcast_assert(path);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char candidate[OPTION_PATH_BYTES];
		ringcast_options_path(&options[i], candidate);
		if (strcmp(candidate, path) == 0)
			return &options[i];
	}
	return NULL;
}

void ringcast_options_env_name(const struct option *option, char ret_name[OPTION_PATH_BYTES])
{
	char path[OPTION_PATH_BYTES];
	ringcast_options_path(option, path);
	int size = snprintf(ret_name, OPTION_PATH_BYTES, "RINGCAST_%s", path);
	ringcast_assert(size > 0 && size < OPTION_PATH_BYTES);
	for (char *c = ret_name; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

const char *ringcast_options_type_name(const struct option *option)
{
	static const char *const names[] = {"bool", "number", "duration", "size", "string", "address", "endpoint", "one of"};
	ringcast_assert(option && option->type < ARRAY_COUNT(names));
	return names[option->type];
}

const char *ringcast_options_unit(const struct option *option)
{
	static const char *const units[] = {"ms", "us", "bytes"};
	ringcast_assert(option);
	const char *last = strrchr(option->key, '_');
	if (option->type != OPTION_UINT || !last)
		return NULL;
	if (strncmp(option->key, "bytes_", 6) == 0)
		return "bytes";
	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		if (strcmp(last + 1, units[i]) == 0)
			return units[i];
	return NULL;
}

const char *ringcast_options_nearest(const char *section, const char *key, char ret_path[OPTION_PATH_BYTES])
{
	ringcast_assert(section && key);
	const struct option *nearest = NULL;
	struct nearest search = ringcast_nearest_begin(key);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		bool is_here = strcmp(options[i].section, section) == 0;
		if (!is_here && strcmp(key, options[i].key) != 0)
			continue; /* elsewhere only an exact name is worth mentioning */
		if (ringcast_nearest_offer(&search, options[i].key))
			nearest = &options[i];
	}
	if (!nearest)
		return NULL;
	if (strcmp(nearest->section, section) == 0)
		snprintf(ret_path, OPTION_PATH_BYTES, "%s", nearest->key);
	else
		ringcast_options_path(nearest, ret_path);
	return ret_path;
}

const char *ringcast_options_nearest_section(const char *section)
{
	ringcast_assert(section);
	struct nearest search = ringcast_nearest_begin(section);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		ringcast_nearest_offer(&search, *options[i].section ? options[i].section : options[i].key);
	return search.found;
}
