#include "tools/ringcast/output.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = 512, COLUMNS_MAX = 16 };

/* What came from players may hold anything; a terminal must not act on it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

static bool are_all_texts(const json_t *list)
{
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)list, i, item)
		if (!json_is_string(item))
			return false;
	return json_array_size(list) > 0;
}

static size_t bytes_of_texts(const json_t *list)
{
	size_t bytes = 0, i;
	json_t *item;
	json_array_foreach((json_t *)list, i, item)
		bytes += json_string_length(item) + strlen(", ");
	return bytes - strlen(", ");
}

/* "init, onMessage": whole items only; what has no room is counted. */
static void put_texts(const json_t *list, char *out, size_t out_bytes)
{
	enum { ROOM_FOR_COUNT = sizeof(", and 18446744073709551615 more") };
	size_t at = 0, i, count = json_array_size(list), left_free = bytes_of_texts(list) < out_bytes ? 1 : ROOM_FOR_COUNT;
	json_t *item;
	out[0] = '\0';
	json_array_foreach((json_t *)list, i, item) {
		const char *text = json_string_value(item), *between = i > 0 ? ", " : "";
		size_t needed = strlen(between) + strlen(text);
		if (at + needed + left_free > out_bytes) {
			snprintf(out + at, out_bytes - at, i > 0 ? "%sand %zu more" : "%s%zu of them", between, count - i);
			return;
		}
		at += (size_t)snprintf(out + at, out_bytes - at, "%s%s", between, text);
	}
}

void ringcast_output_value(const json_t *value, char *out, size_t out_bytes)
{
	char *dumped = NULL;
	if (!value || json_is_null(value))
		snprintf(out, out_bytes, "-");
	else if (json_is_string(value))
		snprintf(out, out_bytes, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(out, out_bytes, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_integer(value))
		snprintf(out, out_bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(out, out_bytes, "%.1f", json_real_value(value));
	else if (are_all_texts(value))
		put_texts(value, out, out_bytes);
	else if ((dumped = json_dumps(value, JSON_COMPACT)))
		snprintf(out, out_bytes, "%s", dumped);
	free(dumped);
	make_printable(out);
}

static void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
}

static void measure(const json_t *rows, const struct output_column *columns, int widths[COLUMNS_MAX])
{
	char cell[CELL_BYTES];
	size_t index;
	json_t *row;
	for (int c = 0; columns[c].title; c++) {
		widths[c] = (int)strlen(columns[c].title);
		json_array_foreach((json_t *)rows, index, row) {
			ringcast_output_value(json_object_get(row, columns[c].key), cell, sizeof(cell));
			widths[c] = (int)strlen(cell) > widths[c] ? (int)strlen(cell) : widths[c];
		}
	}
}

static void print_cell(const char *text, int width, bool is_last)
{
	if (is_last)
		puts(text);
	else
		printf("%-*s  ", width, text);
}

void ringcast_output_rows(const struct cli_invocation *invocation, const json_t *rows, const struct output_column *columns)
{
	int widths[COLUMNS_MAX];
	char cell[CELL_BYTES];
	size_t index;
	json_t *row;
	if (ringcast_cli_is_json(invocation)) {
		print_json(rows);
		return;
	}
	measure(rows, columns, widths);
	for (int c = 0; columns[c].title; c++)
		print_cell(columns[c].title, widths[c], !columns[c + 1].title);
	json_array_foreach((json_t *)rows, index, row) {
		for (int c = 0; columns[c].title; c++) {
			ringcast_output_value(json_object_get(row, columns[c].key), cell, sizeof(cell));
			print_cell(cell, widths[c], !columns[c + 1].title);
		}
	}
}

void ringcast_output_object(const struct cli_invocation *invocation, const json_t *object)
{
	char cell[CELL_BYTES];
	const char *key;
	json_t *value;
	if (ringcast_cli_is_json(invocation)) {
		print_json(object);
		return;
	}
	json_object_foreach((json_t *)object, key, value) {
		ringcast_output_value(value, cell, sizeof(cell));
		printf("%-18s %s\n", key, cell);
	}
}
