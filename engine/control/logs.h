/*
 * The log: lines on stderr as text, JSON or logfmt. An event is formatted on the caller's thread and queued; a writer thread does the
 * write(2), so that a stuck terminal or journal never stalls a shard. When the queue is full the line is lost and counted.
 *
 * Events of one call site (component and message) beyond LOGS_BURST in a second are held back and reported by the next one as suppressed=N.
 */
#ifndef RINGCAST_CONTROL_LOGS_H
#define RINGCAST_CONTROL_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "ringcast/ringcast.h"

enum logs_format { LOGS_AUTO, LOGS_TEXT, LOGS_JSON, LOGS_LOGFMT };

#define LOGS_LINE_BYTES 4096 /* longer events are cut */
#define LOGS_BURST 50

struct logs;

struct logs_line {
	enum logs_format format; /* not LOGS_AUTO */
	bool is_coloured;
	bool is_journal; /* prefix the priority as journald reads it */
	uint64_t realtime_ns;
	ringcast_log_level level;
	const char *component, *message;
	const char *fields; /* "key=value key=\"two words\"" or "" */
	uint64_t suppressed_count;
};

/* fd is written to, not owned. NULL: out of memory or threads. */
struct logs *ringcast_logs_create(int fd, enum logs_format format, ringcast_log_level level_min);
void ringcast_logs_destroy(struct logs **logs); /* writes what is queued; accepts NULL inside, nulls */
void ringcast_logs_set_level(struct logs *logs, ringcast_log_level level_min);
/* The engine's sink; context is struct logs. Any thread. */
void ringcast_logs_sink(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields);
/* Takes what speaks in this process and belongs to no engine, such as the service. NULL: nobody hears it any more. */
void ringcast_logs_hear_process(struct logs *logs);
/* The daemon's own events. fields_format builds "key=value ..."; NULL: none. */
void ringcast_logs_event(struct logs *logs, ringcast_log_level level, const char *message, const char *fields_format, ...) PRINTF_LIKE(4, 5);
/* "text" with quotes and backslashes escaped, cut to fit: for a value that comes from elsewhere. Returns ret_quoted. */
const char *ringcast_logs_quote(const char *text, char *ret_quoted, size_t size);
uint64_t ringcast_logs_lost_count(const struct logs *logs);
/* One line with its newline; returns its bytes, at most size. Pure. */
size_t ringcast_logs_format(const struct logs_line *line, char *out, size_t size);

#endif
