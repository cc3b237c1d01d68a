/* Lists and objects of the admin API as aligned text or as JSON. */
#ifndef RINGCAST_TOOLS_OUTPUT_H
#define RINGCAST_TOOLS_OUTPUT_H

#include <jansson.h>

#include "tools/ringcast/cli.h"

struct output_column {
	const char *key;   /* member of each object */
	const char *title; /* NULL ends the columns */
};

/* --output json: rows as they are; else one line each under titles. */
void ringcast_output_rows(const struct cli_invocation *invocation, const json_t *rows, const struct output_column *columns);
/* --output json: the object; else one "key  value" line per member. */
void ringcast_output_object(const struct cli_invocation *invocation, const json_t *object);
/* A scalar as people read it, a list of texts as "a, b, and 3 more"; other arrays and objects as compact JSON. */
void ringcast_output_value(const json_t *value, char *out, size_t out_bytes);

#endif
