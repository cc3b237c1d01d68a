#include "control/http_body.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"

static const struct body_field *find_field(const struct body_field *fields, size_t field_count, const char *name)
{
	for (size_t i = 0; i < field_count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static bool refuse_unknown(const struct body_field *fields, size_t field_count, const char *name, struct http_response *response)
{
	char known[256] = "";
	for (size_t i = 0, used = 0; i < field_count && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", fields[i].name);
	ringcast_http_problem(response, 400, "field", "unknown field '%s'%s%s", name, field_count ? "; known: " : "", known);
	return false;
}

static bool read_text(const struct body_field *field, const char *text, size_t size, struct http_response *response)
{
	if (size > field->max || strlen(text) != size) {
		ringcast_http_problem(response, 400, "field", "'%s' must be at most %" PRIu64 " bytes, without NUL", field->name,
				      field->max);
		return false;
	}
	*(const char **)field->target = text;
	return true;
}

static bool read_uint(const struct body_field *field, const json_t *value, struct http_response *response)
{
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || (uint64_t)number > field->max) {
		ringcast_http_problem(response, 400, "field", "'%s' must be a whole number from 0 to %" PRIu64, field->name, field->max);
		return false;
	}
	*(uint32_t *)field->target = (uint32_t)number;
	return true;
}

static bool read_field(const struct body_field *field, const json_t *value, char **ret_owned, struct http_response *response)
{
	if (field->is_present)
		*field->is_present = true;
	switch (field->type) {
	case BODY_UINT:
		return read_uint(field, value, response);
	case BODY_BOOL:
		if (json_is_boolean(value)) {
			*(bool *)field->target = json_is_true(value);
			return true;
		}
		ringcast_http_problem(response, 400, "field", "'%s' must be true or false", field->name);
		return false;
	case BODY_TEXT:
		if (json_is_string(value))
			return read_text(field, json_string_value(value), json_string_length(value), response);
		ringcast_assert(ret_owned && !*ret_owned);
		*ret_owned = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		return read_text(field, *ret_owned ? *ret_owned : "", *ret_owned ? strlen(*ret_owned) : 0, response);
	case BODY_STRING:
		if (json_is_string(value))
			return read_text(field, json_string_value(value), json_string_length(value), response);
		ringcast_http_problem(response, 400, "field", "'%s' must be a string", field->name);
		return false;
	}
	ringcast_unreachable("body type");
}

bool ringcast_http_body_read(const struct http_request *request, const struct body_field *fields, size_t field_count, char **ret_owned,
			     struct http_response *response)
{
	ringcast_assert(request && response);
	ringcast_assert(fields || field_count == 0);
	const char *name;
	json_t *value;
	json_object_foreach(request->body, name, value)
	{
		const struct body_field *field = find_field(fields, field_count, name);
		if (!field)
			return refuse_unknown(fields, field_count, name, response);
		if (!read_field(field, value, ret_owned, response))
			return false;
	}
	return true;
}
