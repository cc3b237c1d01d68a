/*
 * Property expressions: avg(flatten(teams[*].players.attributes[skill])).
 *
 * Read once into nodes whose types are known then; evaluated over a lineup with a bound on the work. Types: a base (number, text, player) and how deeply it is
 * listed; so teams[red].players.attributes[skill] is a list of numbers, one a ticket, and of teams[*] a list of such lists. Pure; one thread per arena.
 */
#ifndef RINGCAST_SERVICE_MATCH_EXPRESSION_H
#define RINGCAST_SERVICE_MATCH_EXPRESSION_H

#include "base/types.h"

enum { EXPRESSION_NODES_MAX = 512, EXPRESSION_DEPTH_MAX = 8, EXPRESSION_BYTES_MAX = 1024, EXPRESSION_ITEMS_MAX = 32768, EXPRESSION_LIST_DEPTH_MAX = 3 };

enum expression_base { EXPRESSION_NUMBER, EXPRESSION_TEXT, EXPRESSION_PLAYER };

enum expression_kind {
	EXPRESSION_LEAF,
	EXPRESSION_MIN,
	EXPRESSION_MAX,
	EXPRESSION_AVG,
	EXPRESSION_MEDIAN,
	EXPRESSION_SUM,
	EXPRESSION_STDDEV,
	EXPRESSION_COUNT,
	EXPRESSION_FLATTEN,
	EXPRESSION_SET_INTERSECTION,
	EXPRESSION_KINDS,
};

struct expression_node {
	enum expression_kind kind;
	enum expression_base base;
	uint8_t list_depth; /* of the value; 0: one value */
	uint16_t child;
	/* Of a leaf: */
	bool by_team;	/* a list for each team; else all in one list */
	uint16_t column;
	uint64_t teams; /* bit per team */
};

struct expressions {
	uint16_t count;
	struct expression_node nodes[EXPRESSION_NODES_MAX];
};

struct expression_value {
	enum { EXPRESSION_UNDEFINED, EXPRESSION_IS_NUMBER, EXPRESSION_IS_TEXT, EXPRESSION_IS_LIST } kind;
	uint32_t count; /* of a list; its items lie in the arena from first on */
	union {
		double number;
		uint64_t text;
		uint32_t first;
	};
};

/* Room for the values of one evaluation. Too little room is not an error of the lineup: has_overflowed says so and the value is undefined. */
struct expression_arena {
	uint32_t count;
	bool has_overflowed;
	struct expression_value items[EXPRESSION_ITEMS_MAX];
};

struct match_rule_set;
struct lineup;
enum match_aggregation;

enum { EXPRESSION_PROBLEM_BYTES = 240 };

/* Reads text into rule_set->expressions; aggregation makes one value of a ticket's players. False: problem names the character. */
bool ringcast_expression_read(struct match_rule_set *rule_set, const char *text, unsigned aggregation, uint16_t *ret_root,
			      char problem[EXPRESSION_PROBLEM_BYTES]);
/* Whether a text can only be meant as an expression: a function's name with a bracket, teams[ or players. at its start. */
bool ringcast_expression_is_meant(const char *text);
struct expression_value ringcast_expression_evaluate(const struct match_rule_set *rule_set, uint16_t root, const struct lineup *lineup,
						     struct expression_arena *arena);

#endif
