/*
 * Structured log: one event per call, a constant message and key=value fields. The sink decides format and destination (see
 * control/logs.c); before a sink is set events go nowhere. Never called per packet. Thread-safe. Rate-limited per call site
 * by ringcast_log_limited.
 */
#ifndef RINGCAST_BASE_LOG_H
#define RINGCAST_BASE_LOG_H

#include "base/attr.h"
#include "base/types.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* fields: already formatted "key=value key=value" (values quoted when they hold spaces), or "". */
typedef void log_sink_fn(void *context, enum log_level level, const char *component, const char *message, const char *fields);

void ringcast_log_set_sink(log_sink_fn *sink, void *context, enum log_level level_min);
void ringcast_log(enum log_level level, const char *component, const char *message, const char *fields_format, ...) RLY_PRINTF(4, 5);

#endif
