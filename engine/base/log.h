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

#define LOG_FIELDS_BYTES_MAX 1024 /* longer fields are cut and end in " truncated=true" */

/* One call site's allowance: an event per second. All zero at start; shared by all threads that pass there. */
struct log_limit {
	uint64_t next_ns; /* no event before; 0: none yet */
	uint64_t suppressed_count;
};

/*
 * fields: already formatted "key=value key=value" (values quoted when they hold spaces), or "". Called by one thread at a time, on
 * the thread that logs. Must not log itself. All strings are borrowed for the call.
 */
typedef void log_sink_fn(void *context, enum log_level level, const char *component, const char *message, const char *fields);

struct log_sink {
	log_sink_fn *call; /* NULL: nowhere */
	void *context;
	enum log_level level_min;
};

/*
 * Where this thread's events go from now on, whatever the process's sink is: each engine's threads to that engine's. NULL: to the process's. Borrowed until
 * the thread ends or is bound anew. Returns what it was bound to before.
 */
const struct log_sink *ringcast_log_bind(const struct log_sink *sink);
const struct log_sink *ringcast_log_bound(void); /* for a thread that starts another */

/* NULL: events go nowhere. When this returns, the sink before is not running and will not be called again. */
void ringcast_log_set_sink(log_sink_fn *sink, void *context, enum log_level level_min);
/* No fields: "%s", "" (compilers warn of an empty format). */
void ringcast_log(enum log_level level, const char *component, const char *message, const char *fields_format, ...) PRINTF_LIKE(4, 5);

/*
 * ringcast_log for what a peer can provoke at will: at most one event per second from this line of code, whoever passes there. An
 * event that follows suppressed ones says how many: suppressed=N. The arguments after now_ns are those of ringcast_log.
 */
#define ringcast_log_limited(now_ns, level, component, ...)                                                                            \
	do {                                                                                                                           \
		static struct log_limit call_site_limit;                                                                               \
		ringcast_log_limit_event(&call_site_limit, now_ns, level, component, __VA_ARGS__);                                     \
	} while (0)

/* The same with the limit kept by the caller, for example one per session. */
void ringcast_log_limit_event(struct log_limit *limit, uint64_t now_ns, enum log_level level, const char *component, const char *message,
			      const char *fields_format, ...) PRINTF_LIKE(6, 7);

#endif
