/* A value against its shape. The place of a problem is written only when there is one: the path is a chain of frames on the stack. */
#include <inttypes.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "service/api/shape.h"

enum { DEPTH_MAX = 16, PATH_BYTES = 160 };

struct place {
	const struct place *parent;
	const char *name; /* of a member or key; NULL: an element of a list */
	size_t index;
	bool is_sensitive;
};

struct check {
	char *problem;
	unsigned depth;
};

static regex_t patterns[SHAPE_ID_COUNT];

static void compile_patterns(void)
{
	for (uint32_t id = SHAPE_ID_NONE + 1; id < SHAPE_ID_COUNT; id++)
		if (*ringcast_shape((enum shape_id)id)->pattern != '\0')
			ringcast_assert(regcomp(&patterns[id], ringcast_shape((enum shape_id)id)->pattern, REG_EXTENDED | REG_NOSUB) == 0);
}

static size_t write_path(const struct place *place, char *out, size_t out_bytes)
{
	if (place == NULL)
		return 0;
	size_t used = write_path(place->parent, out, out_bytes);
	if (used + 1 >= out_bytes)
		return used;
	int size = place->name != NULL ? snprintf(out + used, out_bytes - used, "%s%.64s", used > 0 ? "." : "", place->name)
				       : snprintf(out + used, out_bytes - used, "[%zu]", place->index);
	return size > 0 && used + (size_t)size < out_bytes ? used + (size_t)size : out_bytes - 1;
}

static bool is_sensitive(const struct place *place)
{
	for (; place != NULL; place = place->parent)
		if (place->is_sensitive)
			return true;
	return false;
}

static bool refuse(struct check *check, const struct place *place, const char *what)
{
	char path[PATH_BYTES] = "";
	write_path(place, path, sizeof(path));
	snprintf(check->problem, SHAPE_PROBLEM_BYTES, "%s: %s", *path != '\0' ? path : "request", what);
	return false;
}

static const char *unit_of(enum shape_kind kind)
{
	return kind == SHAPE_STRING ? "characters" : kind == SHAPE_BLOB ? "bytes" : "entries";
}

static bool check_bounds(struct check *check, const struct place *place, const struct shape *shape, size_t length)
{
	char text[96];
	if (shape->min != SHAPE_UNBOUNDED && (int64_t)length < shape->min)
		snprintf(text, sizeof(text), "%zu %s, at least %" PRId64 " are needed", length, unit_of(shape->kind), shape->min);
	else if (shape->max != SHAPE_UNBOUNDED && (int64_t)length > shape->max)
		snprintf(text, sizeof(text), "%zu %s, at most %" PRId64 " are allowed", length, unit_of(shape->kind), shape->max);
	else
		return true;
	return refuse(check, place, text);
}

static size_t character_count(const char *text, size_t bytes)
{
	size_t count = 0;
	for (size_t i = 0; i < bytes; i++)
		count += (text[i] & 0xc0) != 0x80;
	return count;
}

static bool is_listed(const char *values, const char *text)
{
	size_t size = strlen(text);
	for (const char *at = values; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, text, size) == 0 && (at[size] == '|' || at[size] == '\0'))
			return true;
	}
	return false;
}

static bool check_string(struct check *check, const struct place *place, enum shape_id id, const json_t *value)
{
	const struct shape *shape = ringcast_shape(id);
	const char *text = json_string_value(value);
	size_t bytes = json_string_length(value);
	char what[224];
	if (memchr(text, '\0', bytes) != NULL)
		return refuse(check, place, "holds a NUL character");
	if (!check_bounds(check, place, shape, character_count(text, bytes)))
		return false;
	if (*shape->values != '\0' && !is_listed(shape->values, text)) {
		snprintf(what, sizeof(what), "must be one of %s", shape->values);
		return refuse(check, place, what);
	}
	if (*shape->pattern == '\0' || regexec(&patterns[id], text, 0, NULL, 0) == 0)
		return true;
	snprintf(what, sizeof(what), "%s%.48s%s does not match %s", is_sensitive(place) ? "the text" : "\"", is_sensitive(place) ? "" : text,
		 is_sensitive(place) ? "" : "\"", shape->pattern);
	return refuse(check, place, what);
}

static bool check_number(struct check *check, const struct place *place, const struct shape *shape, const json_t *value)
{
	char text[96];
	double number = json_number_value(value);
	if (shape->kind == SHAPE_INTEGER && !json_is_integer(value) && !(number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number))
		return refuse(check, place, "must be a whole number");
	if (shape->min != SHAPE_UNBOUNDED && number < (double)shape->min)
		snprintf(text, sizeof(text), "%.17g, at least %" PRId64 " is needed", number, shape->min);
	else if (shape->max != SHAPE_UNBOUNDED && number > (double)shape->max)
		snprintf(text, sizeof(text), "%.17g, at most %" PRId64 " is allowed", number, shape->max);
	else
		return true;
	return refuse(check, place, text);
}

static bool is_base64(const char *text, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t body = strspn(text, alphabet);
	return size % 4 == 0 && body + strspn(text + body, "=") == size && size - body <= 2;
}

static bool check_blob(struct check *check, const struct place *place, const struct shape *shape, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value), padding = 0;
	if (!is_base64(text, size))
		return refuse(check, place, "is not base64");
	while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
		padding++;
	return check_bounds(check, place, shape, size / 4 * 3 - padding);
}

static bool check_value(struct check *check, const struct place *place, enum shape_id id, const json_t *value);

static bool check_list(struct check *check, const struct place *place, const struct shape *shape, const json_t *value)
{
	struct place element = {.parent = place};
	if (!check_bounds(check, place, shape, json_array_size(value)))
		return false;
	for (; element.index < json_array_size(value); element.index++)
		if (!check_value(check, &element, shape->element, json_array_get(value, element.index)))
			return false;
	return true;
}

static bool check_map(struct check *check, const struct place *place, const struct shape *shape, const json_t *value)
{
	const char *key;
	json_t *item;
	if (!check_bounds(check, place, shape, json_object_size(value)))
		return false;
	json_object_foreach((json_t *)value, key, item)
	{
		struct place element = {.parent = place, .name = key};
		if (!check_value(check, &element, shape->element, item))
			return false;
	}
	return true;
}

static bool check_struct(struct check *check, const struct place *place, const struct shape *shape, const json_t *value)
{
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct shape_member *member = ringcast_shape_member(shape, i);
		const json_t *item = json_object_get(value, member->name);
		struct place at = {.parent = place, .name = member->name, .is_sensitive = (member->flags & MEMBER_SENSITIVE) != 0};
		if (item == NULL || json_is_null(item)) {
			if ((member->flags & MEMBER_REQUIRED) != 0)
				return refuse(check, &at, "is required");
			continue;
		}
		if (!check_value(check, &at, member->shape, item))
			return false;
	}
	return true;
}

static bool has_kind(enum shape_kind kind, const json_t *value)
{
	switch (kind) {
	case SHAPE_STRUCT:
	case SHAPE_MAP:
		return json_is_object(value);
	case SHAPE_LIST:
		return json_is_array(value);
	case SHAPE_STRING:
	case SHAPE_BLOB:
		return json_is_string(value);
	case SHAPE_INTEGER:
	case SHAPE_DOUBLE:
	case SHAPE_TIMESTAMP:
		return json_is_number(value);
	case SHAPE_BOOLEAN:
		return json_is_boolean(value);
	}
	ringcast_unreachable("kind of a shape");
}

static const char *word_of(enum shape_kind kind)
{
	static const char *const words[] = {
		[SHAPE_STRUCT] = "must be an object",  [SHAPE_MAP] = "must be an object",	[SHAPE_LIST] = "must be a list",
		[SHAPE_STRING] = "must be a text",     [SHAPE_BLOB] = "must be a text in base64", [SHAPE_INTEGER] = "must be a whole number",
		[SHAPE_DOUBLE] = "must be a number",   [SHAPE_TIMESTAMP] = "must be a number of seconds since 1970",
		[SHAPE_BOOLEAN] = "must be true or false",
	};
	return words[kind];
}

static bool check_kind(struct check *check, const struct place *place, enum shape_id id, const json_t *value)
{
	const struct shape *shape = ringcast_shape(id);
	switch (shape->kind) {
	case SHAPE_STRUCT:
		return check_struct(check, place, shape, value);
	case SHAPE_LIST:
		return check_list(check, place, shape, value);
	case SHAPE_MAP:
		return check_map(check, place, shape, value);
	case SHAPE_STRING:
		return check_string(check, place, id, value);
	case SHAPE_BLOB:
		return check_blob(check, place, shape, value);
	case SHAPE_INTEGER:
	case SHAPE_DOUBLE:
	case SHAPE_TIMESTAMP:
		return check_number(check, place, shape, value);
	case SHAPE_BOOLEAN:
		return true;
	}
	ringcast_unreachable("kind of a shape");
}

static bool check_value(struct check *check, const struct place *place, enum shape_id id, const json_t *value)
{
	if (!has_kind(ringcast_shape(id)->kind, value))
		return refuse(check, place, word_of(ringcast_shape(id)->kind));
	if (check->depth == DEPTH_MAX)
		return refuse(check, place, "is nested too deeply");
	check->depth++;
	bool is_right = check_kind(check, place, id, value);
	check->depth--;
	return is_right;
}

bool ringcast_shape_check(enum shape_id id, const json_t *value, char problem[SHAPE_PROBLEM_BYTES])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct check check = {.problem = problem};
	ringcast_shapes_init();
	pthread_once(&once, compile_patterns);
	return check_value(&check, NULL, id, value);
}

/* A new reference: the integer where one is wanted and 4.0 stands. NULL: it is right as it is, or (*ret_has_room) there was no memory. */
static json_t *whole_of(enum shape_id id, const json_t *value, bool *ret_has_room)
{
	if (ringcast_shape(id)->kind != SHAPE_INTEGER || !json_is_real(value))
		return NULL;
	json_t *whole = json_integer((json_int_t)json_real_value(value));
	*ret_has_room = *ret_has_room && whole != NULL;
	return whole;
}

static bool tidy_struct(const struct shape *shape, json_t *value)
{
	bool has_room = true;
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct shape_member *member = ringcast_shape_member(shape, i);
		json_t *item = json_object_get(value, member->name), *whole = whole_of(member->shape, item, &has_room);
		if (json_is_null(item))
			json_object_del(value, member->name);
		else if (whole != NULL)
			has_room = json_object_set_new(value, member->name, whole) == 0 && has_room;
		else if (item != NULL)
			has_room = ringcast_shape_tidy(member->shape, item) && has_room;
	}
	return has_room;
}

static bool tidy_list(const struct shape *shape, json_t *value)
{
	bool has_room = true;
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *item = json_array_get(value, i), *whole = whole_of(shape->element, item, &has_room);
		if (whole != NULL)
			has_room = json_array_set_new(value, i, whole) == 0 && has_room;
		else
			has_room = ringcast_shape_tidy(shape->element, item) && has_room;
	}
	return has_room;
}

static bool tidy_map(const struct shape *shape, json_t *value)
{
	bool has_room = true;
	const char *key;
	json_t *item;
	json_object_foreach(value, key, item)
	{
		json_t *whole = whole_of(shape->element, item, &has_room);
		if (whole != NULL)
			has_room = json_object_set_new(value, key, whole) == 0 && has_room; /* the key stays */
		else
			has_room = ringcast_shape_tidy(shape->element, item) && has_room;
	}
	return has_room;
}

bool ringcast_shape_tidy(enum shape_id id, json_t *value)
{
	const struct shape *shape = ringcast_shape(id);
	if (shape->kind == SHAPE_STRUCT)
		return tidy_struct(shape, value);
	if (shape->kind == SHAPE_LIST)
		return tidy_list(shape, value);
	return shape->kind != SHAPE_MAP || tidy_map(shape, value);
}
