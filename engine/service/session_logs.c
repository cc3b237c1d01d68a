#include "service/session_logs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/worker.h"

enum { PATH_BYTES = 512, SESSION_BYTES = 64, SWEEP_MS = 3600 * 1000, TIME_BYTES = 40 };

struct line {
	struct list_node node;
	char session[SESSION_BYTES];
	size_t size;
	char text[]; /* with its time, its level and its end of line */
};

struct session_logs {
	struct session_logs_options options;
	char *directory;
	struct worker worker; /* its lock guards everything below */
	struct list_node lines; /* oldest first */
	size_t queue_bytes;
	uint64_t lost_count;
	bool has_told_disk;
};

/* Names and files */

static bool is_name(const char *session)
{
	size_t size = strlen(session);
	for (const char *at = session; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			return false;
	return size > 0 && size < SESSION_BYTES;
}

static void path_of(const struct session_logs *logs, const char *session, bool is_older, char ret_path[PATH_BYTES])
{
	snprintf(ret_path, PATH_BYTES, "%.400s/%.63s.log%s", logs->directory, session, is_older ? ".1" : "");
}

/* Half of what a session may have is in the file that grows, half in the one before. */
static void rotate(struct session_logs *logs, const char *session, off_t size)
{
	char path[PATH_BYTES], older[PATH_BYTES];
	if ((size_t)size < logs->options.bytes_max / 2)
		return;
	path_of(logs, session, false, path);
	path_of(logs, session, true, older);
	rename(path, older);
}

static bool append(struct session_logs *logs, const struct line *line)
{
	char path[PATH_BYTES];
	struct stat status;
	path_of(logs, line->session, false, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	bool is_written = fd >= 0 && write(fd, line->text, line->size) == (ssize_t)line->size;
	bool is_known = fd >= 0 && fstat(fd, &status) == 0;
	int problem = errno;
	if (fd >= 0)
		close(fd);
	if (is_known)
		rotate(logs, line->session, status.st_size);
	errno = problem;
	return is_written;
}

/* Once, until it works again: a full disk would say so with every line. */
static void count_failure(struct session_logs *logs, bool is_written)
{
	const char *problem = strerror(errno);
	pthread_mutex_lock(&logs->worker.lock);
	bool is_news = !is_written && !logs->has_told_disk;
	logs->has_told_disk = !is_written;
	logs->lost_count += !is_written;
	pthread_mutex_unlock(&logs->worker.lock);
	if (is_news)
		ringcast_log(LOG_ERROR, "service", "session logs cannot be written; what is said meanwhile is lost", "directory=%s err=\"%s\"", logs->directory,
			     problem);
}

static bool is_log(const char *name)
{
	const char *end = strstr(name, ".log");
	return end != NULL && (strcmp(end, ".log") == 0 || strcmp(end, ".log.1") == 0);
}

static void sweep(struct session_logs *logs)
{
	char path[PATH_BYTES + 260];
	struct stat status;
	struct dirent *entry;
	int64_t before_s = logs->options.now_ms() / 1000 - logs->options.kept_s;
	DIR *directory = opendir(logs->directory);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%.400s/%s", logs->directory, entry->d_name);
		if (is_log(entry->d_name) && lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_mtime < before_s)
			unlink(path);
	}
	if (directory != NULL)
		closedir(directory);
}

/* The thread */

/* The lock is held. */
static void wait(struct session_logs *logs, int64_t until_ms)
{
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	while (ringcast_list_is_empty(&logs->lines) && !logs->worker.is_stopping && logs->options.steady_ms() < until_ms)
		pthread_cond_timedwait(&logs->worker.changed, &logs->worker.lock, &until);
}

static struct line *take_line(struct session_logs *logs)
{
	struct line *line = NULL;
	if (!ringcast_list_is_empty(&logs->lines)) {
		line = CONTAINER_OF(logs->lines.next, struct line, node);
		ringcast_list_remove(&line->node);
		logs->queue_bytes -= sizeof(*line) + line->size;
	}
	return line;
}

static void *run(void *context)
{
	struct session_logs *logs = context;
	int64_t sweep_ms = logs->options.steady_ms();
	bool is_done = false;
	while (!is_done) {
		if (logs->options.steady_ms() >= sweep_ms) {
			sweep(logs);
			sweep_ms = logs->options.steady_ms() + SWEEP_MS;
		}
		pthread_mutex_lock(&logs->worker.lock);
		wait(logs, sweep_ms);
		struct line *line = take_line(logs);
		is_done = line == NULL && logs->worker.is_stopping;
		pthread_mutex_unlock(&logs->worker.lock);
		if (line != NULL)
			count_failure(logs, append(logs, line));
		free(line);
	}
	return NULL;
}

/* Coming in */

/* "2026-01-31 12:00:00,123 [INFO] text", which is how Realtime servers write theirs. NULL: out of memory. */
static struct line *line_new(struct session_logs *logs, const char *session, const char *level, const char *text, size_t text_bytes)
{
	char head[TIME_BYTES + 32];
	int64_t now_ms = logs->options.now_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	size_t used = strftime(head, sizeof(head), "%Y-%m-%d %H:%M:%S", &parts);
	used += (size_t)snprintf(head + used, sizeof(head) - used, ",%03d [%.12s] ", (int)(now_ms % 1000), level);
	struct line *line = malloc(sizeof(*line) + used + text_bytes + 2);
	if (line == NULL)
		return NULL;
	line->node = (struct list_node){0};
	snprintf(line->session, sizeof(line->session), "%s", session);
	memcpy(line->text, head, used);
	memcpy(line->text + used, text, text_bytes);
	line->size = used + text_bytes;
	line->text[line->size++] = '\n';
	return line;
}

void ringcast_session_logs_write(struct session_logs *logs, const char *session, const char *level, const char *text, size_t text_bytes)
{
	if (!is_name(session))
		return;
	struct line *line = line_new(logs, session, level, text, text_bytes);
	pthread_mutex_lock(&logs->worker.lock);
	if (line != NULL && logs->queue_bytes + sizeof(*line) + line->size <= logs->options.queue_bytes_max) {
		ringcast_list_add_tail(&logs->lines, &line->node);
		logs->queue_bytes += sizeof(*line) + line->size;
		line = NULL;
		pthread_cond_signal(&logs->worker.changed);
	} else {
		logs->lost_count++;
	}
	pthread_mutex_unlock(&logs->worker.lock);
	free(line);
}

/* Going out */

static bool read_file(const char *path, size_t bytes_max, FILE *out)
{
	char bytes[16384];
	size_t size, left = bytes_max;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	while (left > 0 && (size = fread(bytes, 1, left < sizeof(bytes) ? left : sizeof(bytes), file)) > 0) {
		fwrite(bytes, 1, size, out);
		left -= size;
	}
	fclose(file);
	return true;
}

char *ringcast_session_logs_read(struct session_logs *logs, const char *session, size_t *ret_bytes)
{
	char path[PATH_BYTES], *text = NULL;
	if (!is_name(session))
		return NULL;
	FILE *out = open_memstream(&text, ret_bytes);
	if (out == NULL)
		return NULL;
	path_of(logs, session, true, path);
	bool is_there = read_file(path, logs->options.bytes_max, out);
	path_of(logs, session, false, path);
	is_there |= read_file(path, logs->options.bytes_max, out);
	bool is_whole = ferror(out) == 0;
	if (fclose(out) == 0 && is_whole && is_there)
		return text;
	free(text);
	return NULL;
}

uint64_t ringcast_session_logs_lost_count(struct session_logs *logs)
{
	pthread_mutex_lock(&logs->worker.lock);
	uint64_t count = logs->lost_count;
	pthread_mutex_unlock(&logs->worker.lock);
	return count;
}

/* Life */

static bool open_directory(const char *directory, char problem[SESSION_LOGS_PROBLEM_BYTES])
{
	struct stat status;
	bool is_there = (mkdir(directory, 0750) == 0 || errno == EEXIST) && stat(directory, &status) == 0;
	if (is_there && !S_ISDIR(status.st_mode)) {
		errno = ENOTDIR;
		is_there = false;
	}
	if (is_there && access(directory, W_OK | X_OK) == 0 && strlen(directory) <= 400)
		return true;
	snprintf(problem, SESSION_LOGS_PROBLEM_BYTES, "service.session_logs: %.200s: %s", directory, is_there && strlen(directory) > 400 ? "the path is too long" : strerror(errno));
	return false;
}

struct session_logs *ringcast_session_logs_start(const struct session_logs_options *options, char problem[SESSION_LOGS_PROBLEM_BYTES])
{
	if (!open_directory(options->directory, problem))
		return NULL;
	struct session_logs *logs = calloc(1, sizeof(*logs));
	if (logs != NULL)
		logs->directory = strdup(options->directory);
	if (logs == NULL || logs->directory == NULL) {
		free(logs);
		snprintf(problem, SESSION_LOGS_PROBLEM_BYTES, "service.session_logs: out of memory");
		return NULL;
	}
	logs->options = *options;
	ringcast_list_init(&logs->lines);
	if (ringcast_worker_start(&logs->worker, run, logs))
		return logs;
	free(logs->directory);
	free(logs);
	snprintf(problem, SESSION_LOGS_PROBLEM_BYTES, "service.session_logs: no thread");
	return NULL;
}

void ringcast_session_logs_stop(struct session_logs **logs)
{
	struct session_logs *old = *logs;
	if (old == NULL)
		return;
	ringcast_worker_stop(&old->worker);
	free(old->directory);
	free(old);
	*logs = NULL;
}
