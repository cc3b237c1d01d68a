/*
 * Prometheus text exposition (version 0.0.4): the engine's metrics, build and process metrics. HELP and TYPE stand once per family and
 * all samples of a family stand together, in whatever order they were given.
 */
#ifndef RINGCAST_METRICS_PROMETHEUS_H
#define RINGCAST_METRICS_PROMETHEUS_H

#include <stdbool.h>
#include <stdio.h>

#include "ringcast/ringcast.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus; /* collects samples until they are written; one thread */

struct prometheus *ringcast_prometheus_create(void); /* NULL: out of memory */
void ringcast_prometheus_destroy(struct prometheus **prometheus);
/* A ringcast_metric_fn: context is struct prometheus. All strings are copied. labels are already in exposition form. */
void ringcast_prometheus_add(void *context, const char *name, const char *type, const char *help, const char *labels, double value);
/* ringcast_build_info, process_*. */
void ringcast_prometheus_add_process(struct prometheus *prometheus, const char *version, const char *io_name);
/* False: out of memory or the stream failed; the output is then not to be used. */
bool ringcast_prometheus_write(const struct prometheus *prometheus, FILE *out);
/* name="value" with the value escaped; returns ret_label. For callers that build labels from free text. */
const char *ringcast_prometheus_label(const char *name, const char *value, char *ret_label, size_t size);

#endif
