/* Inside the reader of rule sets: what its files share. Each read_ function answers false once something is wrong; the document has the problem. */
#ifndef RINGCAST_SERVICE_MATCH_RULE_SET_READ_H
#define RINGCAST_SERVICE_MATCH_RULE_SET_READ_H

#include "service/match/rule_set.h"

struct rule_set_reader {
	struct document document;
	struct match_rule_set *rule_set;
	/* As the document has them, before expansions. */
	struct match_values values[MATCH_RULES_MAX];
	struct match_team_size sizes[MATCH_TEAMS_MAX];
	uint16_t batching, backfill_priority;
};

struct field_choice {
	const char *name;
	int value;
};

/* path and key of a field, joined: rules[2].maxDistance */
const char *ringcast_field_path(char path[DOCUMENT_PATH_BYTES], const char *of, const char *key);
/* Refuses members that are not among the names, which are separated by spaces. */
bool ringcast_field_check_names(struct rule_set_reader *reader, const json_t *object, const char *of, const char *names);
/* An array of at most count_max members; absent is empty unless it is required. */
bool ringcast_field_array(struct rule_set_reader *reader, const json_t *object, const char *key, size_t count_max, bool is_required, size_t *ret_count);
/* A name of 1 to 128 characters. */
bool ringcast_field_name(struct rule_set_reader *reader, const json_t *object, const char *of, const char *key, char ret_name[MATCH_NAME_BYTES]);
/* One of the choices, which end with a NULL name; *ret_value is kept when it is absent. */
bool ringcast_field_choice(struct rule_set_reader *reader, const json_t *object, const char *path, const struct field_choice *choices, int *ret_value);
/* A finite number, or a text that is one; *ret_number is kept when it is absent. */
bool ringcast_field_number(struct rule_set_reader *reader, const json_t *object, const char *of, const char *key, double *ret_number);
/* A whole number within its bounds; kept when it is absent. */
bool ringcast_field_whole(struct rule_set_reader *reader, const json_t *object, const char *path, int64_t min, int64_t max, int64_t *ret_whole);
/* Whether a value is a number, or a text that is one all through. */
bool ringcast_field_is_number(const json_t *value, double *ret_number);

bool ringcast_rules_read(struct rule_set_reader *reader);
bool ringcast_statement_read(struct rule_set_reader *reader, const char *text, const char *path, uint16_t *ret_root);
/* Works expansions out into levels. */
bool ringcast_expansions_read(struct rule_set_reader *reader);

#endif
