#include "proto/http_head.h"

#include "base/assert.h"
#include "base/attr.h"
#include "proto/limits.h"

/* The line up to CR LF. HTTP_HEAD_NEED_MORE when no LF is there yet, HTTP_HEAD_BAD when the LF stands alone. */
static enum http_head_result find_line(struct view bytes, struct view *ret_line)
{
	const uint8_t *end = bytes.size != 0 ? memchr(bytes.data, '\n', bytes.size) : NULL;
	if (end == NULL)
		return HTTP_HEAD_NEED_MORE;
	if (end == bytes.data || end[-1] != '\r')
		return HTTP_HEAD_BAD;
	*ret_line = ringcast_view_of(bytes.data, (size_t)(end - bytes.data) - 1);
	return HTTP_HEAD_WHOLE;
}

static struct view without_line(struct view bytes, struct view line)
{
	size_t line_bytes = line.size + 2;
	ringcast_assert(line_bytes <= bytes.size);
	return ringcast_view_of(bytes.data + line_bytes, bytes.size - line_bytes);
}

static enum http_head_result find_head(struct view bytes, struct http_head *ret_head)
{
	struct view start_line, line;
	enum http_head_result result = find_line(bytes, &start_line);
	if (result != HTTP_HEAD_WHOLE)
		return result;
	if (start_line.size == 0)
		return HTTP_HEAD_BAD;
	struct view rest = without_line(bytes, start_line);
	const uint8_t *fields = rest.data;
	for (;;) {
		result = find_line(rest, &line);
		if (result != HTTP_HEAD_WHOLE)
			return result;
		rest = without_line(rest, line);
		if (line.size == 0)
			break;
	}
	ret_head->start_line = start_line;
	ret_head->fields = ringcast_view_of(fields, (size_t)(line.data - fields));
	ret_head->size = (size_t)(rest.data - bytes.data);
	return HTTP_HEAD_WHOLE;
}

enum http_head_result ringcast_http_head_find(struct view bytes, struct http_head *ret_head)
{
	bool is_full = bytes.size >= PROTO_HTTP_REQUEST_BYTES_MAX;
	struct view bounded = ringcast_view_of(bytes.data, is_full ? PROTO_HTTP_REQUEST_BYTES_MAX : bytes.size);
	enum http_head_result result = find_head(bounded, ret_head);
	return result == HTTP_HEAD_NEED_MORE && is_full ? HTTP_HEAD_TOO_LARGE : result;
}

bool ringcast_http_head_is_token_char(uint8_t byte)
{
	if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'))
		return true;
	return byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static struct view trim(struct view text)
{
	while (text.size != 0 && is_space(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size != 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* Bytes above 0x7f are let through: RFC 9110 calls them opaque. A CR inside a line is a control character like any other. */
static bool is_clean_value(struct view value)
{
	for (size_t index = 0; index < value.size; index++) {
		uint8_t byte = value.data[index];
		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

static bool split_field(struct view line, struct http_field *ret_field)
{
	size_t name_bytes = 0;
	while (name_bytes < line.size && ringcast_http_head_is_token_char(line.data[name_bytes]))
		name_bytes++;
	/* A folded line begins with a space, so it fails here too: it has no name. */
	if (name_bytes == 0 || name_bytes == line.size || line.data[name_bytes] != ':')
		return false;
	ret_field->name = ringcast_view_of(line.data, name_bytes);
	ret_field->value = trim(ringcast_view_of(line.data + name_bytes + 1, line.size - name_bytes - 1));
	return is_clean_value(ret_field->value);
}

bool ringcast_http_head_next(struct view *fields, struct http_field *ret_field, bool *ret_is_bad)
{
	struct view line;
	*ret_is_bad = false;
	if (fields->size == 0)
		return false;
	enum http_head_result result = find_line(*fields, &line);
	ringcast_assert(result == HTTP_HEAD_WHOLE); /* ringcast_http_head_find saw every line end */
	*fields = without_line(*fields, line);
	*ret_is_bad = !split_field(line, ret_field);
	return !*ret_is_bad;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

bool ringcast_http_head_is(struct view text, const char *expected)
{
	return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

bool ringcast_http_head_is_nocase(struct view text, const char *expected)
{
	if (text.size != strlen(expected))
		return false;
	for (size_t index = 0; index < text.size; index++) {
		if (lower(text.data[index]) != lower((uint8_t)expected[index]))
			return false;
	}
	return true;
}

bool ringcast_http_head_has_token(struct view list, const char *token)
{
	while (list.size != 0) {
		const uint8_t *comma = memchr(list.data, ',', list.size);
		size_t item_bytes = comma != NULL ? (size_t)(comma - list.data) : list.size;
		if (ringcast_http_head_is_nocase(trim(ringcast_view_of(list.data, item_bytes)), token))
			return true;
		size_t taken_bytes = item_bytes + (comma != NULL ? 1 : 0);
		list = ringcast_view_of(list.data + taken_bytes, list.size - taken_bytes);
	}
	return false;
}
