#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

/*
 * Process-wide and per-thread state, the one exception in the engine: an event must have somewhere to go from any depth and any thread, and passing a logger
 * through every call would cost more clarity than it gives. The level is read without the lock so that what nobody wants costs
 * one load.
 */
#define LEVEL_OFF (LOG_ERROR + 1)

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink_fn *sink;   /* under sink_lock */
static void *sink_context;  /* under sink_lock */
static int sink_level_min = LEVEL_OFF; /* atomic */
static __thread bool is_in_sink;
static __thread const struct log_sink *bound; /* NULL: the process's */

static const char truncated_mark[] = " truncated=true";

static void sink_acquire(void)
{
	ringcast_assert(!is_in_sink); /* a sink that logs would wait for itself */
	int result = pthread_mutex_lock(&sink_lock);
	ringcast_assert(result == 0);
}

static void sink_release(void)
{
	int result = pthread_mutex_unlock(&sink_lock);
	ringcast_assert(result == 0);
}

void ringcast_log_set_sink(log_sink_fn *new_sink, void *context, enum log_level level_min)
{
	sink_acquire();
	sink = new_sink;
	sink_context = context;
	__atomic_store_n(&sink_level_min, new_sink == NULL ? LEVEL_OFF : (int)level_min, __ATOMIC_RELAXED);
	sink_release();
}

const struct log_sink *ringcast_log_bind(const struct log_sink *new_sink)
{
	const struct log_sink *before = bound;
	bound = new_sink;
	return before;
}

const struct log_sink *ringcast_log_bound(void)
{
	return bound;
}

static bool is_wanted(enum log_level level)
{
	if (bound != NULL)
		return bound->call != NULL && level >= bound->level_min;
	return (int)level >= __atomic_load_n(&sink_level_min, __ATOMIC_RELAXED);
}

static void emit(enum log_level level, const char *component, const char *message, const char *fields)
{
	sink_acquire();
	log_sink_fn *call = bound != NULL ? bound->call : sink;
	void *context = bound != NULL ? bound->context : sink_context;
	/* The sink may have been changed since the level was looked at. */
	if (call != NULL && is_wanted(level)) {
		is_in_sink = true;
		call(context, level, component, message, fields);
		is_in_sink = false;
	}
	sink_release();
}

/* How much of the first size bytes is whole fields: up to the last space that is not inside quotes. */
static size_t whole_fields(const char *fields, size_t size)
{
	bool is_quoted = false;
	size_t whole = 0;
	for (size_t i = 0; i < size; i++) {
		if (fields[i] == '"' && (i == 0 || fields[i - 1] != '\\'))
			is_quoted = !is_quoted;
		else if (fields[i] == ' ' && !is_quoted)
			whole = i;
	}
	return whole;
}

/* Formats into out; what does not fit is cut after the last whole field, and marked. Returns the size without the final 0. */
static size_t fields_format_into(char *out, size_t out_bytes, const char *format, va_list arguments)
{
	ringcast_assert(out_bytes > sizeof(truncated_mark));
	int size = vsnprintf(out, out_bytes, format, arguments);
	ringcast_assert(size >= 0);
	if ((size_t)size < out_bytes)
		return (size_t)size;
	size_t kept = whole_fields(out, out_bytes - sizeof(truncated_mark) + 1);
	memcpy(out + kept, truncated_mark, sizeof(truncated_mark));
	return kept + sizeof(truncated_mark) - 1;
}

void ringcast_log(enum log_level level, const char *component, const char *message, const char *fields_format, ...)
{
	ringcast_assert(component != NULL && message != NULL && fields_format != NULL);
	if (!is_wanted(level))
		return;
	char fields[LOG_FIELDS_BYTES_MAX];
	va_list arguments;
	va_start(arguments, fields_format);
	fields_format_into(fields, sizeof(fields), fields_format, arguments);
	va_end(arguments);
	emit(level, component, message, fields);
}

/*
 * Takes the token of this second, if it is there. Of several threads that come at once the one whose exchange succeeds gets it.
 * Threads' clocks may be a little apart; one that is over a second behind is another clock (a new simulated world) and starts afresh.
 */
static bool limit_take(struct log_limit *limit, uint64_t now_ns)
{
	uint64_t next_ns = __atomic_load_n(&limit->next_ns, __ATOMIC_RELAXED);
	bool is_allowed = now_ns >= next_ns || next_ns - now_ns > 2 * NS_PER_S;
	if (is_allowed && __atomic_compare_exchange_n(&limit->next_ns, &next_ns, now_ns + NS_PER_S, false, __ATOMIC_RELAXED,
						      __ATOMIC_RELAXED))
		return true;
	__atomic_fetch_add(&limit->suppressed_count, 1, __ATOMIC_RELAXED);
	return false;
}

static void suppressed_append(char *fields, size_t fields_bytes, size_t size, uint64_t suppressed_count)
{
	if (suppressed_count == 0)
		return;
	int added = snprintf(fields + size, fields_bytes - size, "%ssuppressed=%llu", size > 0 ? " " : "",
			     (unsigned long long)suppressed_count);
	ringcast_assert(added > 0 && (size_t)added < fields_bytes - size);
}

void ringcast_log_limit_event(struct log_limit *limit, uint64_t now_ns, enum log_level level, const char *component, const char *message,
			      const char *fields_format, ...)
{
	ringcast_assert(component != NULL && message != NULL && fields_format != NULL);
	if (!is_wanted(level) || !limit_take(limit, now_ns))
		return;
	uint64_t suppressed_count = __atomic_exchange_n(&limit->suppressed_count, 0, __ATOMIC_RELAXED);
	enum { SUPPRESSED_BYTES_MAX = sizeof(" suppressed=18446744073709551615") };
	char fields[LOG_FIELDS_BYTES_MAX + SUPPRESSED_BYTES_MAX];
	va_list arguments;
	va_start(arguments, fields_format);
	size_t size = fields_format_into(fields, LOG_FIELDS_BYTES_MAX, fields_format, arguments);
	va_end(arguments);
	suppressed_append(fields, sizeof(fields), size, suppressed_count);
	emit(level, component, message, fields);
}
