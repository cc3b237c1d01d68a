#include "service/search/filter.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/attr.h"

static const struct {
	const char *name;
	enum filter_operand operand;
} operands[] = {
	{"gameSessionName", FILTER_NAME},	      {"gameSessionId", FILTER_ID},
	{"maximumSessions", FILTER_PLAYERS_MAX},      {"creationTimeMillis", FILTER_CREATED_MS},
	{"playerSessionCount", FILTER_PLAYER_COUNT},  {"hasAvailablePlayerSessions", FILTER_HAS_ROOM},
};

static const char property_prefix[] = "gameSessionProperties.";

static bool is_text(enum filter_operand operand)
{
	return operand == FILTER_NAME || operand == FILTER_ID || operand == FILTER_PROPERTY;
}

/* Reading */

struct reader {
	const char *text, *at;
	struct filter *filter;
	char *problem;
	unsigned depth;
};

static bool refuse(struct reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

static bool refuse(struct reader *reader, const char *format, ...)
{
	char what[FILTER_PROBLEM_BYTES - 32];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(reader->problem, FILTER_PROBLEM_BYTES, "character %zu: %s", (size_t)(reader->at - reader->text) + 1, what);
	return false;
}

static void skip_spaces(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t\r\n");
}

/* A word of its own, in capitals or not. */
static bool take_word(struct reader *reader, const char *word)
{
	size_t size = strlen(word);
	skip_spaces(reader);
	if (strncasecmp(reader->at, word, size) != 0 || isalnum((unsigned char)reader->at[size]) || reader->at[size] == '_')
		return false;
	reader->at += size;
	return true;
}

static bool take_character(struct reader *reader, char c)
{
	skip_spaces(reader);
	if (*reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool new_node(struct reader *reader, const struct filter_node *node, uint16_t *ret_index)
{
	struct filter *filter = reader->filter;
	if (filter->node_count == FILTER_NODES_MAX)
		return refuse(reader, "more than %d conditions", FILTER_NODES_MAX);
	filter->nodes[filter->node_count] = *node;
	*ret_index = filter->node_count++;
	return true;
}

/* A copy of the text in the filter. It fits: all texts together are shorter than the expression. */
static uint16_t keep_text(struct filter *filter, const char *text, size_t size)
{
	uint16_t start = filter->text_bytes;
	ringcast_assert(start + size + 1 <= sizeof(filter->texts));
	memcpy(filter->texts + start, text, size);
	filter->texts[start + size] = '\0';
	filter->text_bytes = (uint16_t)(start + size + 1);
	return start;
}

static size_t word_bytes(const char *at)
{
	size_t size = 0;
	while (isalnum((unsigned char)at[size]) || at[size] == '_' || at[size] == '-' || (unsigned char)at[size] >= 0x80)
		size++;
	return size;
}

/* The name of what is compared; the key of a property is left in *ret_key, borrowed. */
static bool read_operand(struct reader *reader, enum filter_operand *ret_operand, const char **ret_key, size_t *ret_key_bytes)
{
	skip_spaces(reader);
	if (strncmp(reader->at, property_prefix, sizeof(property_prefix) - 1) == 0) {
		const char *key = reader->at + sizeof(property_prefix) - 1;
		size_t size = word_bytes(key);
		if (size == 0 || key[size] == '.')
			return refuse(reader, size == 0 ? "a property key is missing after the dot" : "a property key with a dot in it cannot be searched");
		*ret_operand = FILTER_PROPERTY;
		*ret_key = key;
		*ret_key_bytes = size;
		reader->at = key + size;
		return true;
	}
	size_t size = word_bytes(reader->at);
	for (size_t i = 0; i < ARRAY_COUNT(operands); i++)
		if (strlen(operands[i].name) == size && strncmp(operands[i].name, reader->at, size) == 0) {
			*ret_operand = operands[i].operand;
			reader->at += size;
			return true;
		}
	return refuse(reader, "'%.*s' is none of gameSessionName, gameSessionId, gameSessionProperties.KEY, maximumSessions, creationTimeMillis, "
			      "playerSessionCount, hasAvailablePlayerSessions", (int)(size > 32 ? 32 : size), reader->at);
}

static bool read_comparison(struct reader *reader, enum filter_comparison *ret_comparison)
{
	static const struct {
		const char *text;
		enum filter_comparison comparison;
	} comparisons[] = {{"<>", FILTER_UNEQUAL}, {"<=", FILTER_LESS_EQUAL}, {">=", FILTER_GREATER_EQUAL},
			   {"=", FILTER_EQUAL},	   {"<", FILTER_LESS},	      {">", FILTER_GREATER}};
	skip_spaces(reader);
	for (size_t i = 0; i < ARRAY_COUNT(comparisons); i++)
		if (strncmp(reader->at, comparisons[i].text, strlen(comparisons[i].text)) == 0) {
			*ret_comparison = comparisons[i].comparison;
			reader->at += strlen(comparisons[i].text);
			return true;
		}
	return refuse(reader, "one of = <> < > <= >= is missing");
}

static bool read_quoted(struct reader *reader, struct filter_node *node)
{
	char text[FILTER_TEXT_BYTES_MAX + 1], quote;
	size_t size = 0;
	skip_spaces(reader);
	quote = *reader->at;
	if (quote != '\'' && quote != '"')
		return refuse(reader, "a text in quotes is missing, such as 'ctf'");
	const char *at = reader->at + 1;
	for (; *at != quote; at++) {
		at += *at == '\\' && at[1] != '\0';
		if (*at == '\0')
			return refuse(reader, "the text has no closing quote");
		text[size++] = *at;
	}
	reader->at = at + 1;
	node->value = keep_text(reader->filter, text, size);
	return true;
}

static bool read_number(struct reader *reader, struct filter_node *node)
{
	char *end;
	skip_spaces(reader);
	if (!isdigit((unsigned char)*reader->at) && *reader->at != '-' && *reader->at != '+' && *reader->at != '.')
		return refuse(reader, "a number is missing");
	errno = 0;
	node->number = strtod(reader->at, &end);
	if (end != reader->at + strspn(reader->at, "+-.0123456789eE") || end == reader->at || errno != 0 || !isfinite(node->number))
		return refuse(reader, "this is not a number");
	reader->at = end;
	return true;
}

static bool read_boolean(struct reader *reader, struct filter_node *node)
{
	if (take_word(reader, "true"))
		node->number = 1;
	else if (take_word(reader, "false"))
		node->number = 0;
	else
		return refuse(reader, "true or false is missing");
	return true;
}

static bool read_value(struct reader *reader, struct filter_node *node)
{
	bool has_order = node->operand != FILTER_HAS_ROOM && !is_text(node->operand);
	if (!has_order && node->comparison > FILTER_UNEQUAL)
		return refuse(reader, "%s knows = and <> only", is_text(node->operand) ? "a text" : "true or false");
	if (is_text(node->operand))
		return read_quoted(reader, node);
	return node->operand == FILTER_HAS_ROOM ? read_boolean(reader, node) : read_number(reader, node);
}

static bool read_condition(struct reader *reader, uint16_t *ret_index)
{
	struct filter_node node = {.kind = FILTER_COMPARE};
	const char *key = "";
	size_t key_bytes = 0;
	if (!read_operand(reader, &node.operand, &key, &key_bytes))
		return false;
	node.key = keep_text(reader->filter, key, key_bytes);
	return read_comparison(reader, &node.comparison) && read_value(reader, &node) && new_node(reader, &node, ret_index);
}

static bool read_or(struct reader *reader, uint16_t *ret_index);

static bool read_not(struct reader *reader, uint16_t *ret_index)
{
	struct filter_node node = {.kind = FILTER_NOT};
	bool is_read = true;
	if (reader->depth == FILTER_DEPTH_MAX)
		return refuse(reader, "nested more than %d deep", FILTER_DEPTH_MAX);
	reader->depth++;
	if (take_word(reader, "NOT")) {
		is_read = read_not(reader, &node.left) && new_node(reader, &node, ret_index);
	} else if (take_character(reader, '(')) {
		is_read = read_or(reader, ret_index);
		if (is_read && !take_character(reader, ')'))
			is_read = refuse(reader, "a closing parenthesis is missing");
	} else {
		is_read = read_condition(reader, ret_index);
	}
	reader->depth--;
	return is_read;
}

static bool read_and(struct reader *reader, uint16_t *ret_index)
{
	if (!read_not(reader, ret_index))
		return false;
	while (take_word(reader, "AND")) {
		struct filter_node node = {.kind = FILTER_AND, .left = *ret_index};
		if (!read_not(reader, &node.right) || !new_node(reader, &node, ret_index))
			return false;
	}
	return true;
}

static bool read_or(struct reader *reader, uint16_t *ret_index)
{
	if (!read_and(reader, ret_index))
		return false;
	while (take_word(reader, "OR")) {
		struct filter_node node = {.kind = FILTER_OR, .left = *ret_index};
		if (!read_and(reader, &node.right) || !new_node(reader, &node, ret_index))
			return false;
	}
	return true;
}

static bool is_at_end(struct reader *reader)
{
	skip_spaces(reader);
	return *reader->at == '\0' || refuse(reader, "AND, OR or the end is missing");
}

bool ringcast_filter_read(const char *text, struct filter *ret_filter, char problem[FILTER_PROBLEM_BYTES])
{
	struct reader reader = {.text = text, .at = text, .filter = ret_filter, .problem = problem};
	ret_filter->node_count = ret_filter->text_bytes = 0;
	if (strlen(text) > FILTER_TEXT_BYTES_MAX)
		return refuse(&reader, "longer than %d bytes", FILTER_TEXT_BYTES_MAX);
	return read_or(&reader, &ret_filter->root) && is_at_end(&reader);
}

/* Passing */

static bool is_order(enum filter_comparison comparison, int order)
{
	switch (comparison) {
	case FILTER_EQUAL:
		return order == 0;
	case FILTER_UNEQUAL:
		return order != 0;
	case FILTER_LESS:
		return order < 0;
	case FILTER_GREATER:
		return order > 0;
	case FILTER_LESS_EQUAL:
		return order <= 0;
	case FILTER_GREATER_EQUAL:
		return order >= 0;
	}
	ringcast_unreachable("comparison");
}

static int order_of(double a, double b)
{
	return a < b ? -1 : a > b;
}

/* A session without the property neither has the value nor another one. */
static bool passes_comparison(const struct filter *filter, const struct filter_node *node, const struct filter_subject *subject)
{
	if (!is_text(node->operand))
		return is_order(node->comparison, order_of(subject->number(subject->context, node->operand), node->number));
	const char *text = subject->text(subject->context, node->operand, filter->texts + node->key);
	return text != NULL && is_order(node->comparison, strcmp(text, filter->texts + node->value));
}

static bool passes(const struct filter *filter, uint16_t index, const struct filter_subject *subject)
{
	const struct filter_node *node = &filter->nodes[index];
	switch (node->kind) {
	case FILTER_AND:
		return passes(filter, node->left, subject) && passes(filter, node->right, subject);
	case FILTER_OR:
		return passes(filter, node->left, subject) || passes(filter, node->right, subject);
	case FILTER_NOT:
		return !passes(filter, node->left, subject);
	case FILTER_COMPARE:
		return passes_comparison(filter, node, subject);
	}
	ringcast_unreachable("node of a filter");
}

bool ringcast_filter_passes(const struct filter *filter, const struct filter_subject *subject)
{
	return passes(filter, filter->root, subject);
}

/* Sorting */

bool ringcast_filter_sort_read(const char *text, struct filter_sort *ret_sort, char problem[FILTER_PROBLEM_BYTES])
{
	struct reader reader = {.text = text, .at = text, .problem = problem};
	const char *key = "";
	size_t key_bytes = 0;
	if (strlen(text) >= FILTER_TEXT_BYTES_MAX)
		return refuse(&reader, "longer than %d bytes", FILTER_TEXT_BYTES_MAX - 1);
	if (!read_operand(&reader, &ret_sort->operand, &key, &key_bytes))
		return false;
	snprintf(ret_sort->key, sizeof(ret_sort->key), "%.*s", (int)key_bytes, key);
	ret_sort->is_descending = take_word(&reader, "DESC");
	if (!ret_sort->is_descending && !take_word(&reader, "ASC"))
		return refuse(&reader, "ASC or DESC is missing");
	return is_at_end(&reader);
}

bool ringcast_filter_sort_is_text(const struct filter_sort *sort)
{
	return is_text(sort->operand);
}

int ringcast_filter_sort_compare(const struct filter_sort *sort, const struct filter_subject *a, const struct filter_subject *b)
{
	int order;
	if (!is_text(sort->operand)) {
		order = order_of(a->number(a->context, sort->operand), b->number(b->context, sort->operand));
	} else {
		const char *left = a->text(a->context, sort->operand, sort->key), *right = b->text(b->context, sort->operand, sort->key);
		if (left == NULL || right == NULL)
			return (left == NULL) - (right == NULL);
		order = strncmp(left, right, FILTER_SORT_BYTES);
	}
	return sort->is_descending ? -order : order;
}
