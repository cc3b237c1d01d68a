#include "control/logs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/write_all.h"

#define QUEUE_BYTES (256u * 1024)
#define SITE_COUNT 256

/* One call site's second. Two sites in one slot only share their allowance. */
struct site {
	uint64_t hash;
	uint64_t second;
	uint64_t count, suppressed_count;
};

struct logs {
	int fd;
	enum logs_format format;
	bool is_coloured, is_journal;
	_Atomic int level_min;
	_Atomic uint64_t lost_count;
	pthread_t writer;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t wake;
	bool is_stopping;
	size_t queued_bytes;
	char *queue, *spare; /* the writer swaps them, so it writes without the mutex */
	struct site sites[SITE_COUNT];
};

/* systemd says which device and inode its stream has; a redirected stderr is not it. */
static bool is_journal_stream(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;
	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 || fstat(fd, &status) != 0)
		return false;
	return status.st_dev == device && status.st_ino == inode;
}

static void *writer_main(void *context)
{
	struct logs *logs = context;
	pthread_mutex_lock(&logs->mutex);
	while (!logs->is_stopping || logs->queued_bytes > 0) {
		if (logs->queued_bytes == 0) {
			pthread_cond_wait(&logs->wake, &logs->mutex);
			continue;
		}
		char *full = logs->queue;
		size_t size = logs->queued_bytes;
		logs->queue = logs->spare;
		logs->spare = full;
		logs->queued_bytes = 0;
		pthread_mutex_unlock(&logs->mutex);
		(void)ringcast_write_all(logs->fd, full, size); /* nobody reads: there is no second place to report to */
		pthread_mutex_lock(&logs->mutex);
	}
	pthread_mutex_unlock(&logs->mutex);
	return NULL;
}

static enum logs_format resolve_format(enum logs_format format, int fd)
{
	if (format != LOGS_AUTO)
		return format;
	return isatty(fd) ? LOGS_TEXT : LOGS_JSON;
}

static void release(struct logs *logs)
{
	free(logs->queue);
	free(logs->spare);
	free(logs);
}

/* The writer takes no signals: the daemon's are to arrive on its descriptor, whichever thread was started first. */
static bool start_writer(struct logs *logs)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int problem = pthread_create(&logs->writer, NULL, writer_main, logs);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return problem == 0;
}

struct logs *ringcast_logs_create(int fd, enum logs_format format, ringcast_log_level level_min)
{
	ringcast_assert(fd >= 0);
	const char *no_color = getenv("NO_COLOR");
	struct logs *logs = calloc(1, sizeof(*logs));
	if (!logs)
		return NULL;
	logs->fd = fd;
	logs->format = resolve_format(format, fd);
	logs->is_coloured = isatty(fd) && !(no_color && *no_color);
	logs->is_journal = is_journal_stream(fd);
	logs->level_min = (int)level_min;
	logs->queue = malloc(QUEUE_BYTES);
	logs->spare = malloc(QUEUE_BYTES);
	pthread_mutex_init(&logs->mutex, NULL);
	pthread_cond_init(&logs->wake, NULL);
	if (!logs->queue || !logs->spare || !start_writer(logs)) {
		release(logs);
		return NULL;
	}
	return logs;
}

void ringcast_logs_destroy(struct logs **logs)
{
	ringcast_assert(logs);
	if (!*logs)
		return;
	pthread_mutex_lock(&(*logs)->mutex);
	(*logs)->is_stopping = true;
	pthread_cond_signal(&(*logs)->wake);
	pthread_mutex_unlock(&(*logs)->mutex);
	pthread_join((*logs)->writer, NULL);
	pthread_cond_destroy(&(*logs)->wake);
	pthread_mutex_destroy(&(*logs)->mutex);
	release(*logs);
	*logs = NULL;
}

void ringcast_logs_set_level(struct logs *logs, ringcast_log_level level_min)
{
	ringcast_assert(logs);
	logs->level_min = (int)level_min;
}

uint64_t ringcast_logs_lost_count(const struct logs *logs)
{
	ringcast_assert(logs);
	return logs->lost_count;
}

static uint64_t hash_site(const char *component, const char *message)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the texts are our own constants */
	for (; *component; component++)
		hash = (hash ^ (unsigned char)*component) * UINT64_C(0x100000001b3);
	for (; *message; message++)
		hash = (hash ^ (unsigned char)*message) * UINT64_C(0x100000001b3);
	return hash;
}

/* Whether the event may pass; *ret_suppressed is what the site held back before it. Called under the mutex. */
static bool admit(struct logs *logs, uint64_t hash, uint64_t second, uint64_t *ret_suppressed)
{
	struct site *site = &logs->sites[hash % SITE_COUNT];
	*ret_suppressed = 0;
	if (site->hash != hash)
		*site = (struct site){.hash = hash, .second = second};
	if (site->second != second) {
		*ret_suppressed = site->suppressed_count;
		*site = (struct site){.hash = hash, .second = second};
	}
	if (site->count >= LOGS_BURST) {
		site->suppressed_count++;
		return false;
	}
	site->count++;
	return true;
}

static void enqueue(struct logs *logs, struct logs_line *line)
{
	char text[LOGS_LINE_BYTES];
	uint64_t hash = hash_site(line->component, line->message);
	pthread_mutex_lock(&logs->mutex);
	if (admit(logs, hash, line->realtime_ns / 1000000000, &line->suppressed_count)) {
		size_t size = ringcast_logs_format(line, text, sizeof(text));
		if (size > QUEUE_BYTES - logs->queued_bytes) {
			logs->lost_count++;
		} else {
			memcpy(logs->queue + logs->queued_bytes, text, size);
			logs->queued_bytes += size;
			pthread_cond_signal(&logs->wake);
		}
	}
	pthread_mutex_unlock(&logs->mutex);
}

void ringcast_logs_sink(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields)
{
	struct logs *logs = context;
	ringcast_assert(logs && component && message);
	if ((int)level < logs->level_min)
		return;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct logs_line line = {.format = logs->format,
				 .is_coloured = logs->is_coloured,
				 .is_journal = logs->is_journal,
				 .realtime_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
				 .level = level,
				 .component = component,
				 .message = message,
				 .fields = fields ? fields : ""};
	enqueue(logs, &line);
}

_Static_assert((int)LOG_DEBUG == (int)RINGCAST_LOG_DEBUG && (int)LOG_ERROR == (int)RINGCAST_LOG_ERROR, "the same levels");

static void hear(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	ringcast_logs_sink(context, (ringcast_log_level)level, component, message, fields);
}

void ringcast_logs_hear_process(struct logs *logs)
{
	ringcast_log_set_sink(logs ? hear : NULL, logs, LOG_DEBUG); /* all of it: the level is asked behind it, and may change */
}

void ringcast_logs_event(struct logs *logs, ringcast_log_level level, const char *message, const char *fields_format, ...)
{
	char fields[LOGS_LINE_BYTES] = "";
	if (fields_format) {
		va_list arguments;
		va_start(arguments, fields_format);
		vsnprintf(fields, sizeof(fields), fields_format, arguments);
		va_end(arguments);
	}
	ringcast_logs_sink(logs, level, "daemon", message, fields);
}
