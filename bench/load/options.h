/* The options of ringcast-load; see options.def. */
#ifndef RINGCAST_BENCH_LOAD_OPTIONS_H
#define RINGCAST_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LOAD_TYPE_COUNT uint64_t
#define LOAD_TYPE_SECONDS double
#define LOAD_TYPE_RATE double
#define LOAD_TYPE_PERCENT double
#define LOAD_TYPE_FLAG bool
#define LOAD_TYPE_TEXT const char *

struct load_options {
#define LOAD_OPTION(field, name, type, default_value, value, help) LOAD_TYPE_##type field;
#include "bench/load/options.def"
#undef LOAD_OPTION
};

enum load_option_type { LOAD_OPTION_COUNT, LOAD_OPTION_SECONDS, LOAD_OPTION_RATE, LOAD_OPTION_PERCENT, LOAD_OPTION_FLAG, LOAD_OPTION_TEXT };

struct load_option {
	const char *name;
	enum load_option_type type;
	const char *value;
	const char *help;
	size_t offset; /* in struct load_options */
};

void ringcast_load_options_default(struct load_options *ret_options);
/* False: one line says what is wrong. Checks relations between options too. */
bool ringcast_load_options_parse(struct load_options *options, int argc, char **argv, FILE *err);
/* What makes no sense together; NULL: nothing. */
const char *ringcast_load_options_problem(const struct load_options *options);
void ringcast_load_options_help(FILE *out);
const struct load_option *ringcast_load_options_at(size_t index); /* NULL behind the last */

#endif
