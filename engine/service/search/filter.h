/*
 * Filter and sort expressions of SearchGameSessions.
 *
 *     hasAvailablePlayerSessions=true AND (gameSessionProperties.mode = 'ctf' OR NOT maximumSessions < 10)
 *     playerSessionCount DESC
 *
 * Reading is bounded in length and depth and says what is wrong and where. A filter is a value: it holds no pointer into the text it was
 * read from. Pure; any thread.
 */
#ifndef RINGCAST_SERVICE_SEARCH_FILTER_H
#define RINGCAST_SERVICE_SEARCH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_TEXT_BYTES_MAX = 1024, FILTER_NODES_MAX = 128, FILTER_DEPTH_MAX = 32, FILTER_PROBLEM_BYTES = 160, FILTER_SORT_BYTES = 256 };

enum filter_operand {
	FILTER_NAME,
	FILTER_ID,
	FILTER_PROPERTY, /* compared as text */
	FILTER_PLAYERS_MAX,
	FILTER_CREATED_MS,
	FILTER_PLAYER_COUNT,
	FILTER_HAS_ROOM,
};

/* What is compared: a session, seen through its operands. */
struct filter_subject {
	void *context;
	/* "" where there is none; NULL: the session has no such property. key is for FILTER_PROPERTY. */
	const char *(*text)(void *context, enum filter_operand operand, const char *key);
	double (*number)(void *context, enum filter_operand operand); /* FILTER_HAS_ROOM: 0 or 1 */
};

enum filter_comparison { FILTER_EQUAL, FILTER_UNEQUAL, FILTER_LESS, FILTER_GREATER, FILTER_LESS_EQUAL, FILTER_GREATER_EQUAL };

struct filter_node {
	enum { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_COMPARE } kind;
	enum filter_operand operand;
	enum filter_comparison comparison;
	uint16_t left, right;	/* nodes; NOT has a left only */
	uint16_t key, value;	/* texts: where they begin in filter.texts */
	double number;
};

struct filter {
	uint16_t node_count, root, text_bytes;
	struct filter_node nodes[FILTER_NODES_MAX];
	char texts[FILTER_TEXT_BYTES_MAX + 2 * FILTER_NODES_MAX];
};

struct filter_sort {
	enum filter_operand operand;
	bool is_descending;
	char key[FILTER_TEXT_BYTES_MAX];
};

/* False: problem holds one line with the character's position. An empty text is refused: no filter is said by no text. */
bool ringcast_filter_read(const char *text, struct filter *ret_filter, char problem[FILTER_PROBLEM_BYTES]);
bool ringcast_filter_passes(const struct filter *filter, const struct filter_subject *subject);

bool ringcast_filter_sort_read(const char *text, struct filter_sort *ret_sort, char problem[FILTER_PROBLEM_BYTES]);
bool ringcast_filter_sort_is_text(const struct filter_sort *sort); /* else numbers are compared */
/* As qsort wants it: sessions without the property stand last, whatever the direction. Texts count by their first FILTER_SORT_BYTES. */
int ringcast_filter_sort_compare(const struct filter_sort *sort, const struct filter_subject *a, const struct filter_subject *b);

#endif
