#include "control/reload.h"

#include <string.h>

#include "base/assert.h"
#include "control/value.h"

/* The file may say the same on another line. */
static void note_place(struct config *running, const struct config *next, size_t index)
{
	running->sources[index] = next->sources[index];
	running->lines[index] = next->lines[index];
}

static void take_over(struct config *running, const struct config *next, size_t index)
{
	const struct option *option = ringcast_options_at(index);
	memcpy(ringcast_config_field(running, option), ringcast_config_field_const(next, option), option->width);
	note_place(running, next, index);
}

json_t *ringcast_reload_apply(struct config *running, const struct config *next)
{
	ringcast_assert(running && next);
	json_t *changed = json_array(), *needs_restart = json_array();
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		char path[OPTION_PATH_BYTES];
		if (ringcast_value_is_equal(option, ringcast_config_field_const(running, option),
					    ringcast_config_field_const(next, option))) {
			note_place(running, next, i);
			continue;
		}
		ringcast_options_path(option, path);
		json_array_append_new(option->is_reloadable ? changed : needs_restart, json_string(path));
		if (option->is_reloadable)
			take_over(running, next, i);
	}
	return json_pack("{s:o, s:o}", "changed", changed, "needs_restart", needs_restart);
}

void ringcast_reload_names(const json_t *changes, const char *list, char *ret_text, size_t size)
{
	ringcast_assert(changes && list && ret_text && size > 8);
	const json_t *names = json_object_get(changes, list);
	size_t index, used = 0;
	json_t *name;
	snprintf(ret_text, size, "none");
	json_array_foreach(names, index, name)
	{
		if (used < size)
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s", index ? ", " : "", json_string_value(name));
	}
}

void ringcast_reload_note(json_t *changes, const char *path, const char *key, const char *value)
{
	ringcast_assert(changes && path && key && value);
	json_t *changed = json_object_get(changes, "changed"), *name;
	size_t index;
	bool is_listed = false;
	json_array_foreach(changed, index, name)
		is_listed |= strcmp(json_string_value(name), path) == 0;
	if (!is_listed)
		json_array_append_new(changed, json_string(path));
	json_object_set_new(changes, key, json_string(value));
}
