/* What the two floors share: options, CPU time, the table. */
#ifndef RINGCAST_BENCH_MICRO_FLOOR_H
#define RINGCAST_BENCH_MICRO_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct floor_options {
	const char *program;
	uint32_t peer_count;     /* receivers */
	uint32_t size_bytes;     /* of one message */
	uint32_t merge_count;    /* messages for one peer in one call, in the merged rows */
	double duration_seconds; /* of each row */
	bool is_json;
};

struct floor_row {
	const char *name;
	uint64_t messages;
	uint64_t cpu_ns; /* of this thread, user and system, in the sending part alone */
};

/* --peers N --size BYTES --merge N --duration S --json --help. The exit code, or -1: go on. */
int ringcast_floor_parse(struct floor_options *options, int argc, char **argv, const char *what);
uint64_t ringcast_floor_cpu_ns(void);
void ringcast_floor_print(const struct floor_options *options, const struct floor_row *rows, size_t row_count);

#endif
