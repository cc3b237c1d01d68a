/*
 * Logs of game sessions as files: what a session's script says is written as it happens, by a thread of its own behind a bounded queue. A log is
 * rotated once, so that each session has a bound; files that nothing was written to for so long are removed. What does not fit the queue is lost and
 * counted.
 */
#ifndef RINGCAST_SERVICE_SESSION_LOGS_H
#define RINGCAST_SERVICE_SESSION_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SESSION_LOGS_PROBLEM_BYTES = 320 };

struct session_logs;

struct session_logs_options {
	const char *directory; /* copied; made if it is not there */
	size_t bytes_max;      /* of one session's log */
	size_t queue_bytes_max;
	int64_t kept_s; /* after the last line */
	int64_t (*now_ms)(void);
	int64_t (*steady_ms)(void); /* CLOCK_MONOTONIC */
};

struct session_logs *ringcast_session_logs_start(const struct session_logs_options *options, char problem[SESSION_LOGS_PROBLEM_BYTES]);
void ringcast_session_logs_stop(struct session_logs **logs); /* writes what waits; accepts NULL inside, nulls */
/* [any thread] One line or several. session: letters, digits and '-' only, else nothing is written. */
void ringcast_session_logs_write(struct session_logs *logs, const char *session, const char *level, const char *text, size_t text_bytes);
/* [any thread] All that is kept of it, oldest first; the caller frees. NULL: there is no such log, or no memory. */
char *ringcast_session_logs_read(struct session_logs *logs, const char *session, size_t *ret_bytes);
uint64_t ringcast_session_logs_lost_count(struct session_logs *logs); /* lines that did not fit the queue, or the disk */

#endif
