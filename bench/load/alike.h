/*
 * Whether runs played the same work on the same machine: what compare asks before it says better or worse.
 */
#ifndef RINGCAST_BENCH_LOAD_ALIKE_H
#define RINGCAST_BENCH_LOAD_ALIKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Two reports. Names each option by which their work differs; what an older report does not know stands at its default. */
bool ringcast_alike_work(const json_t *a, const json_t *b, FILE *err);
/* Names each fact of the machines that differs, but for what changes by itself. */
bool ringcast_alike_machine(const json_t *a, const json_t *b, FILE *err);

#endif
