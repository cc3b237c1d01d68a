/* One event as a line. Nothing that comes from a player (names, reasons) can break out of its field, its line or the terminal's state. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "control/logs.h"
#include "control/time_text.h"

/* A bounded writer; once full it stays full, and one byte is kept for the newline. */
struct cursor {
	char *out;
	size_t used, size;
};

static void put(struct cursor *cursor, const char *text, size_t size)
{
	size_t room = cursor->size - cursor->used;
	size_t taken = size < room ? size : room;
	memcpy(cursor->out + cursor->used, text, taken);
	cursor->used += taken;
}

static void put_text(struct cursor *cursor, const char *text)
{
	put(cursor, text, strlen(text));
}

/* Bytes of the character at text, 0 when they are not UTF-8. */
static size_t utf8_size(const char *text, size_t size)
{
	enum utf8_state state = UTF8_COMPLETE;
	for (size_t i = 0; i < size && state != UTF8_BAD; i++) {
		state = ringcast_utf8_step(state, ringcast_view_of(text + i, 1));
		if (state == UTF8_COMPLETE)
			return i + 1;
	}
	return 0;
}

/* A piece is whole or absent, so that a cut line still ends in a complete escape. */
static void put_escaped(struct cursor *cursor, const char *text, size_t size, bool is_quoted)
{
	for (size_t at = 0; at < size;) {
		char piece[8];
		size_t taken = utf8_size(text + at, size - at), piece_size;
		unsigned char c = (unsigned char)text[at];
		if (taken == 0)
			piece_size = (size_t)snprintf(piece, sizeof(piece), "\\ufffd");
		else if (c < 0x20 || c == 0x7f)
			piece_size = (size_t)snprintf(piece, sizeof(piece), "\\u%04x", c);
		else if (is_quoted && (c == '"' || c == '\\'))
			piece_size = (size_t)snprintf(piece, sizeof(piece), "\\%c", c);
		else
			memcpy(piece, text + at, piece_size = taken);
		if (cursor->size - cursor->used < piece_size)
			return;
		put(cursor, piece, piece_size);
		at += taken ? taken : 1;
	}
}

static void put_quoted(struct cursor *cursor, const char *text, size_t size)
{
	put_text(cursor, "\"");
	put_escaped(cursor, text, size, true);
	put_text(cursor, "\"");
}

struct field {
	const char *key, *value;
	size_t key_size, value_size;
	bool is_quoted;
};

/* Bytes up to the closing quote, skipping escaped ones. */
static size_t quoted_size(const char *text)
{
	size_t size = 0;
	while (text[size] && text[size] != '"')
		size += text[size] == '\\' && text[size + 1] ? 2 : 1;
	return size;
}

/* The next field after *at, which moves on. False: the end. */
static bool next_field(const char **at, struct field *ret_field)
{
	const char *text = *at + strspn(*at, " ");
	if (!*text)
		return false;
	ret_field->key = text;
	ret_field->key_size = strcspn(text, "= ");
	text += ret_field->key_size;
	if (*text == '=')
		text++;
	ret_field->is_quoted = *text == '"';
	text += ret_field->is_quoted;
	ret_field->value = text;
	ret_field->value_size = ret_field->is_quoted ? quoted_size(text) : strcspn(text, " ");
	text += ret_field->value_size;
	*at = text + (ret_field->is_quoted && *text == '"');
	return true;
}

/* A number as JSON writes it: no leading zeros, and short enough to be exact in every reader. */
static bool is_json_number(const struct field *field)
{
	size_t digits = 0, sign = field->value_size > 0 && field->value[0] == '-';
	if (field->is_quoted || field->value_size - sign == 0 || field->value_size > 15)
		return false;
	if (field->value[sign] == '0' && field->value_size - sign > 1)
		return false;
	for (size_t i = sign; i < field->value_size; i++)
		digits += isdigit((unsigned char)field->value[i]) != 0;
	return digits == field->value_size - sign;
}

/* A quoted value as it was before quoting. */
static size_t unquote(const struct field *field, char *out, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < field->value_size && used < size; i++) {
		bool is_escape = field->is_quoted && field->value[i] == '\\' && i + 1 < field->value_size &&
				 (field->value[i + 1] == '"' || field->value[i + 1] == '\\');
		i += is_escape;
		out[used++] = field->value[i];
	}
	return used;
}

static void put_json_field(struct cursor *cursor, const struct field *field)
{
	char value[LOGS_LINE_BYTES];
	put_text(cursor, ",");
	put_quoted(cursor, field->key, field->key_size);
	put_text(cursor, ":");
	if (is_json_number(field))
		put(cursor, field->value, field->value_size);
	else
		put_quoted(cursor, value, unquote(field, value, sizeof(value)));
}

static void put_plain_field(struct cursor *cursor, const struct field *field)
{
	char value[LOGS_LINE_BYTES];
	put_text(cursor, " ");
	put_escaped(cursor, field->key, field->key_size, false);
	put_text(cursor, "=");
	if (field->is_quoted)
		put_quoted(cursor, value, unquote(field, value, sizeof(value)));
	else
		put_escaped(cursor, field->value, field->value_size, false);
}

static void put_time(struct cursor *cursor, uint64_t realtime_ns)
{
	char text[TIME_TEXT_BYTES];
	ringcast_time_text(realtime_ns / 1000000000, (uint32_t)(realtime_ns % 1000000000), TIME_MICROSECONDS, text);
	put_text(cursor, text);
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* JSON stays well formed when an event is too long: a field that does not fit whole is left out and "cut" says so. */
static void put_json(struct cursor *cursor, const struct logs_line *line)
{
	static const char cut[] = ",\"cut\":true}";
	size_t full = cursor->size;
	struct field field;
	cursor->size -= sizeof(cut);
	put_text(cursor, "{\"ts\":\"");
	put_time(cursor, line->realtime_ns);
	put_text(cursor, "\",\"level\":");
	put_quoted(cursor, level_names[line->level], strlen(level_names[line->level]));
	put_text(cursor, ",\"component\":");
	put_quoted(cursor, line->component, strnlen(line->component, 64));
	put_text(cursor, ",\"msg\":");
	put_quoted(cursor, line->message, strnlen(line->message, 512));
	for (const char *at = line->fields; next_field(&at, &field);) {
		size_t before = cursor->used;
		put_json_field(cursor, &field);
		if (cursor->size - cursor->used < 8) {
			cursor->used = before;
			cursor->size = full;
			put_text(cursor, cut);
			return;
		}
	}
	cursor->size = full;
	put_text(cursor, "}");
}

static void put_fields(struct cursor *cursor, const struct logs_line *line)
{
	struct field field;
	for (const char *at = line->fields; next_field(&at, &field);)
		put_plain_field(cursor, &field);
}

static void put_logfmt(struct cursor *cursor, const struct logs_line *line)
{
	put_text(cursor, "ts=");
	put_time(cursor, line->realtime_ns);
	put_text(cursor, " level=");
	put_text(cursor, level_names[line->level]);
	put_text(cursor, " component=");
	put_escaped(cursor, line->component, strnlen(line->component, 64), false);
	put_text(cursor, " msg=");
	put_quoted(cursor, line->message, strnlen(line->message, 512));
	put_fields(cursor, line);
}

static void put_plain(struct cursor *cursor, const struct logs_line *line)
{
	static const char *const colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
	static const char *const names[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
	put_time(cursor, line->realtime_ns);
	put_text(cursor, " ");
	put_text(cursor, line->is_coloured ? colours[line->level] : "");
	put_text(cursor, names[line->level]);
	put_text(cursor, line->is_coloured ? "\033[0m " : " ");
	put_escaped(cursor, line->component, strnlen(line->component, 64), false);
	put_text(cursor, ": ");
	put_escaped(cursor, line->message, strnlen(line->message, 512), false);
	put_fields(cursor, line);
}

const char *ringcast_logs_quote(const char *text, char *ret_quoted, size_t size)
{
	ringcast_assert(text && ret_quoted && size >= 4);
	size_t used = 0;
	ret_quoted[used++] = '"';
	for (; *text && used + 4 <= size; text++) {
		if (*text == '"' || *text == '\\')
			ret_quoted[used++] = '\\';
		ret_quoted[used++] = *text;
	}
	ret_quoted[used++] = '"';
	ret_quoted[used] = 0;
	return ret_quoted;
}

size_t ringcast_logs_format(const struct logs_line *line, char *out, size_t size)
{
	ringcast_assert(line && out && size >= LOGS_LINE_BYTES);
	ringcast_assert(line->format != LOGS_AUTO && (size_t)line->level < ARRAY_COUNT(level_names));
	static const char *const journal[] = {"<7>", "<6>", "<4>", "<3>"};
	struct cursor cursor = {.out = out, .size = size - 1};
	char fields[LOGS_LINE_BYTES];
	struct logs_line full = *line;
	if (line->suppressed_count) {
		snprintf(fields, sizeof(fields), "suppressed=%llu %s", (unsigned long long)line->suppressed_count, line->fields);
		full.fields = fields;
	}
	if (line->is_journal)
		put_text(&cursor, journal[line->level]);
	if (line->format == LOGS_JSON)
		put_json(&cursor, &full);
	else if (line->format == LOGS_LOGFMT)
		put_logfmt(&cursor, &full);
	else
		put_plain(&cursor, &full);
	out[cursor.used++] = '\n';
	return cursor.used;
}
