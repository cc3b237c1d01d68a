/*
 * A rule set: who may play with whom. Read once from its document into tables that the matcher walks; nothing of the document is kept.
 *
 * Words: a **team** is one that players join (a definition with quantity 3 makes three); a **column** is one value that rules read from a ticket, such as the
 * average of its players' skill; a **level** is what the rule set says to those who have waited so long: expansions are worked out into one table a level.
 *
 * Texts (attribute values, map keys, player ids) are held as 64-bit hashes under the rule set's secret, and compared as such.
 * Immutable after reading; any thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_RULE_SET_H
#define RINGCAST_SERVICE_MATCH_RULE_SET_H

#include "base/types.h"
#include "service/match/document.h"
#include "service/match/expression.h"

enum {
	MATCH_NAME_BYTES = 129,
	MATCH_ATTRIBUTES_MAX = 64,
	MATCH_TEAMS_MAX = 64,
	MATCH_RULES_MAX = 64,
	MATCH_COLUMNS_MAX = 96,
	MATCH_MEASUREMENTS_MAX = 8,
	MATCH_EXPANSIONS_MAX = 32,
	MATCH_STEPS_MAX = 32,
	MATCH_LEVELS_MAX = 64,
	MATCH_SORTS_MAX = 8,
	MATCH_TEXTS_MAX = 100,	   /* of a list of texts, and keys of a map */
	MATCH_SMALL_PLAYERS_MAX = 40,
	MATCH_PLAYERS_MAX = 5000,  /* the vendor stops at 200 */
	MATCH_STATEMENT_NODES_MAX = 64,
	MATCH_WAIT_S_MAX = 43200,
};

enum match_attribute_type { MATCH_STRING, MATCH_NUMBER, MATCH_STRING_LIST, MATCH_NUMBER_MAP };

struct match_attribute {
	char name[MATCH_NAME_BYTES];
	enum match_attribute_type type;
	json_t *default_value; /* owned; NULL: a player without a value cannot be matched */
};

enum match_column_kind {
	MATCH_COLUMN_NUMBER, /* one number a ticket; NaN: none of its players has one */
	MATCH_COLUMN_TEXTS,  /* one text a player */
	MATCH_COLUMN_LIST,   /* one set of texts a ticket */
	MATCH_COLUMN_MAP,    /* pairs of key and number, one set a ticket */
};

enum match_aggregation { MATCH_AVERAGE, MATCH_MIN, MATCH_MAX, MATCH_UNION, MATCH_INTERSECTION };

struct match_column {
	enum match_column_kind kind;
	enum match_aggregation aggregation;
	uint16_t attribute; /* MATCH_PLAYER_IDS: the ids of players */
	bool has_key;
	uint64_t key; /* of a map, with has_key */
};

#define MATCH_PLAYER_IDS UINT16_MAX

struct match_team {
	char name[MATCH_NAME_BYTES];
	uint16_t definition; /* teams made by one definition are alike */
	bool is_named; /* some expression names just this one of its definition */
};

enum match_rule_type {
	MATCH_COMPARISON,
	MATCH_DISTANCE,
	MATCH_BATCH_DISTANCE,
	MATCH_COLLECTION,
	MATCH_LATENCY,
	MATCH_ABSOLUTE_SORT,
	MATCH_DISTANCE_SORT,
	MATCH_COMPOUND,
	MATCH_RULE_TYPES,
};

enum match_operation {
	MATCH_EQUAL,
	MATCH_UNEQUAL,
	MATCH_LESS,
	MATCH_LESS_EQUAL,
	MATCH_GREATER,
	MATCH_GREATER_EQUAL,
	MATCH_COMMON,		/* collection: intersection */
	MATCH_CONTAINS,
	MATCH_REFERENCE_COMMON, /* reference_intersection_count */
};

enum match_reference_kind { MATCH_NO_REFERENCE, MATCH_REFERENCE_NUMBER, MATCH_REFERENCE_TEXT, MATCH_REFERENCE_TEXTS, MATCH_REFERENCE_EXPRESSION };

struct match_statement_node {
	enum { MATCH_RULE_OF, MATCH_AND, MATCH_OR, MATCH_NOT, MATCH_XOR } kind;
	uint16_t rule;
	uint16_t child_count, children[8];
};

struct match_rule {
	char name[MATCH_NAME_BYTES];
	enum match_rule_type type;
	enum match_operation operation;
	enum match_aggregation aggregation;
	bool is_member;	  /* named by a compound rule, so it does not act alone */
	bool only_tightens; /* what it refuses stays refused, whoever is added: may be asked of a match that still grows */
	uint16_t measurement_count, measurements[MATCH_MEASUREMENTS_MAX]; /* roots in the expression table */
	enum match_reference_kind reference_kind;
	uint16_t reference;	  /* root, of an expression */
	uint64_t *reference_texts; /* sorted; owned */
	uint16_t reference_text_count;
	uint16_t column; /* of batchAttribute and sortAttribute */
	bool is_descending, by_map_key, is_key_of_max;
	bool has_distance, is_distance_of_min; /* latency: maxDistance with distanceReference */
	uint16_t statement; /* root, of a compound */
};

/* What a level says about one rule. NaN: no such bound. */
struct match_values {
	double reference, min, max, latency_max;
	uint64_t text; /* the reference, when it is a text */
};

struct match_team_size {
	uint16_t players_min, players_max;
};

/*
 * exact: what holds for a match whose clock stands at this level. loosest: of this level and all below, the weakest of each bound, which is what a match that
 * still grows may not break: whoever joins can only lower its level.
 */
struct match_level {
	uint64_t wait_ns;
	struct match_values *exact, *loosest; /* by rule */
	struct match_team_size *sizes, *loosest_sizes; /* by team */
	uint16_t batching, backfill_priority; /* enum match_batching, match_priority */
};

enum match_batching { MATCH_RANDOM, MATCH_SORTED, MATCH_LARGEST_POPULATION, MATCH_FASTEST_REGION };
enum match_priority { MATCH_PRIORITY_LOW, MATCH_PRIORITY_NORMAL, MATCH_PRIORITY_HIGH };

struct match_rule_set {
	char name[MATCH_NAME_BYTES];
	uint64_t secret;
	bool is_large, clock_is_oldest;
	uint16_t players_max; /* of all teams, at the widest level */
	uint16_t attribute_count, column_count, team_count, rule_count, level_count, sort_count, batch_sort_count, statement_node_count;
	struct match_attribute attributes[MATCH_ATTRIBUTES_MAX];
	struct match_column columns[MATCH_COLUMNS_MAX];
	struct match_team teams[MATCH_TEAMS_MAX];
	struct match_rule rules[MATCH_RULES_MAX];
	struct match_level levels[MATCH_LEVELS_MAX]; /* by wait_ns; the first waits for nothing */
	uint16_t sorts[MATCH_SORTS_MAX];		/* rules, in the document's order */
	uint16_t batch_sorts[MATCH_SORTS_MAX];	/* columns of sortByAttributes */
	uint16_t balance_column;
	struct match_statement_node statement_nodes[MATCH_STATEMENT_NODES_MAX];
	struct expressions expressions;
	uint16_t latency_rule_count; /* a ticket without latencies is never matched, if there is one */
};

/* NULL: problem says where and what. secret keys the hashes of texts; tickets are read under the same. The caller destroys. */
struct match_rule_set *ringcast_match_rule_set_create(const char *text, size_t size, uint64_t secret, char problem[DOCUMENT_PROBLEM_BYTES]);
void ringcast_match_rule_set_destroy(struct match_rule_set **rule_set);

uint64_t ringcast_match_text(const struct match_rule_set *rule_set, const char *text, size_t size);
/* So many fewer players of a match are looked for, one after the other of the largest teams, at each level; no team below its minimum. Before it is used. */
void ringcast_match_rule_set_keep_open(struct match_rule_set *rule_set, uint16_t count);
/* The level of somebody who has waited so long: an index. */
uint16_t ringcast_match_level_at(const struct match_rule_set *rule_set, uint64_t age_ns);
/* Whether it is a value of that type: of a player, or a rule set's default. */
bool ringcast_match_is_of(enum match_attribute_type type, const json_t *value);
/* The attribute's index, or MATCH_ATTRIBUTES_MAX. */
uint16_t ringcast_match_attribute_find(const struct match_rule_set *rule_set, const char *name, size_t size);
/* The column, made if there is none like it; MATCH_COLUMNS_MAX: the table is full. For the reader. */
uint16_t ringcast_match_column_of(struct match_rule_set *rule_set, const struct match_column *column);
const char *ringcast_match_rule_type_name(enum match_rule_type type);

#endif
