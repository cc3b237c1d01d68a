/* A run second by second: what was sent and delivered, and how late, by the second in which it arrived. */
#ifndef RINGCAST_BENCH_LOAD_SERIES_H
#define RINGCAST_BENCH_LOAD_SERIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/histogram.h"

enum { SERIES_ROWS_MAX = 7200 }; /* the last row of a longer run has the rest */

/* Rows are {"second", "seconds", "sent", "tcp": {...}, "udp": {...}}; a channel has deliveries, p50_ns, p99_ns, max_ns and its histogram as
 * text, "hdr". */
struct series {
	json_t *rows;
	uint64_t start_ns;
	uint64_t row_start_ns;
	uint64_t sent;
	struct histogram *latency; /* [2] by channel */
};

bool ringcast_series_init(struct series *series); /* false: no memory */
void ringcast_series_fini(struct series *series);
void ringcast_series_start(struct series *series, uint64_t now_ns);
/* Closes the rows whose second is over. */
void ringcast_series_advance(struct series *series, uint64_t now_ns);
/* Closes the row that is open. */
void ringcast_series_end(struct series *series, uint64_t now_ns);

/* Adds the rows of another process's run, second by second; *into may be NULL. False: they cannot be read. */
bool ringcast_series_merge(json_t **into, const json_t *from);
/* As a log of the HdrHistogram tools; each channel that had something has its tag. False: it cannot be written. */
bool ringcast_series_write_log(const json_t *rows, const char *path, const char *version, double started_s);

#endif
