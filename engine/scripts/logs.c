#include "scripts/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "session/session.h"

enum { LOG_FIRST_BYTES = 1024 };

struct script_log {
	char session_id[SESSION_ID_BYTES];
	struct list_node node, ended_node;
	char *bytes; /* records back to back, oldest first */
	size_t size, capacity;
	uint64_t lost_count;
};

struct record { /* then size bytes of text; unaligned */
	uint64_t at_ns;
	uint32_t size;
	uint8_t level;
};

const char *ringcast_script_level_name(enum script_level level)
{
	static const char *const names[] = {"debug", "info", "warn", "error", "fatal", "cxfatal"};

	ringcast_assert((size_t)level < ARRAY_COUNT(names));
	return names[level];
}

void ringcast_script_logs_init(struct script_logs *logs, uint32_t bytes_max, uint64_t seed)
{
	*logs = (struct script_logs){.bytes_max = bytes_max, .seed = seed};
	pthread_mutex_init(&logs->lock, NULL);
	ringcast_list_init(&logs->ended);
	for (unsigned i = 0; i < SCRIPT_LOGS_BUCKET_COUNT; i++)
		ringcast_list_init(&logs->buckets[i]);
}

static struct list_node *bucket_of(struct script_logs *logs, const char *session_id)
{
	return &logs->buckets[ringcast_hash_bytes(session_id, strlen(session_id), logs->seed) % SCRIPT_LOGS_BUCKET_COUNT];
}

static struct script_log *find(struct script_logs *logs, const char *session_id)
{
	struct list_node *bucket = bucket_of(logs, session_id);
	for (struct list_node *node = bucket->next; node != bucket; node = node->next) {
		struct script_log *log = CONTAINER_OF(node, struct script_log, node);
		if (strcmp(log->session_id, session_id) == 0)
			return log;
	}
	return NULL;
}

static void free_log(struct script_logs *logs, struct script_log *log)
{
	if (ringcast_list_has(&log->ended_node)) {
		ringcast_list_remove(&log->ended_node);
		logs->ended_count--;
	}
	ringcast_list_remove(&log->node);
	free(log->bytes);
	free(log);
}

void ringcast_script_logs_fini(struct script_logs *logs)
{
	for (unsigned i = 0; i < SCRIPT_LOGS_BUCKET_COUNT; i++)
		while (!ringcast_list_is_empty(&logs->buckets[i]))
			free_log(logs, CONTAINER_OF(logs->buckets[i].next, struct script_log, node));
	pthread_mutex_destroy(&logs->lock);
}

/* Writing, under the lock */

static struct script_log *make(struct script_logs *logs, const char *session_id)
{
	struct script_log *log = calloc(1, sizeof(*log));
	if (log == NULL)
		return NULL;
	snprintf(log->session_id, sizeof(log->session_id), "%s", session_id);
	ringcast_list_add_tail(bucket_of(logs, session_id), &log->node);
	return log;
}

/* The oldest lines go, until needed bytes fit and half of the room is free, so that this happens rarely. */
static void make_room(struct script_log *log, size_t needed, size_t bytes_max)
{
	size_t keep_max = bytes_max / 2 < bytes_max - needed ? bytes_max / 2 : bytes_max - needed, cut = 0;
	while (log->size - cut > keep_max) {
		struct record record;
		memcpy(&record, log->bytes + cut, sizeof(record));
		cut += sizeof(record) + record.size;
		log->lost_count++;
	}
	memmove(log->bytes, log->bytes + cut, log->size - cut);
	log->size -= cut;
}

static bool grow(struct script_log *log, size_t needed, size_t bytes_max)
{
	size_t capacity = log->capacity != 0 ? log->capacity : LOG_FIRST_BYTES;
	while (capacity < log->size + needed)
		capacity *= 2;
	if (capacity > bytes_max)
		capacity = bytes_max;
	if (capacity == log->capacity)
		return true;
	char *bytes = realloc(log->bytes, capacity);
	if (bytes == NULL)
		return false;
	log->bytes = bytes;
	log->capacity = capacity;
	return true;
}

static void append(struct script_log *log, const struct record *record, const char *text, size_t bytes_max)
{
	size_t needed = sizeof(*record) + record->size;
	if (log->size + needed > bytes_max)
		make_room(log, needed, bytes_max);
	if (!grow(log, needed, bytes_max)) {
		log->lost_count++;
		return;
	}
	memcpy(log->bytes + log->size, record, sizeof(*record));
	memcpy(log->bytes + log->size + sizeof(*record), text, record->size);
	log->size += needed;
}

void ringcast_script_logs_write(struct script_logs *logs, const char *session_id, uint64_t now_ns, enum script_level level,
				const char *text, size_t size)
{
	size_t size_max = logs->bytes_max / 4;
	struct record record;
	if (logs->bytes_max < LOG_FIRST_BYTES)
		return; /* switched off */
	memset(&record, 0, sizeof(record));
	record.at_ns = now_ns;
	record.size = (uint32_t)(size < size_max ? size : size_max);
	record.level = (uint8_t)level;
	pthread_mutex_lock(&logs->lock);
	struct script_log *log = find(logs, session_id);
	if (log == NULL)
		log = make(logs, session_id);
	if (log != NULL)
		append(log, &record, text, logs->bytes_max);
	pthread_mutex_unlock(&logs->lock);
}

void ringcast_script_logs_begin(struct script_logs *logs, const char *session_id)
{
	pthread_mutex_lock(&logs->lock);
	if (find(logs, session_id) == NULL)
		make(logs, session_id);
	pthread_mutex_unlock(&logs->lock);
}

void ringcast_script_logs_end(struct script_logs *logs, const char *session_id)
{
	pthread_mutex_lock(&logs->lock);
	struct script_log *log = find(logs, session_id);
	if (log != NULL && !ringcast_list_has(&log->ended_node)) {
		ringcast_list_add_tail(&logs->ended, &log->ended_node);
		if (++logs->ended_count > SCRIPT_LOGS_ENDED_MAX)
			free_log(logs, CONTAINER_OF(logs->ended.next, struct script_log, ended_node));
	}
	pthread_mutex_unlock(&logs->lock);
}

/* Reading */

bool ringcast_script_logs_copy(struct script_logs *logs, const char *session_id, struct script_log_copy *ret_copy)
{
	bool is_copied = true;
	*ret_copy = (struct script_log_copy){0};
	pthread_mutex_lock(&logs->lock);
	const struct script_log *log = find(logs, session_id);
	if (log != NULL) {
		ret_copy->bytes = malloc(log->size + 1);
		is_copied = ret_copy->bytes != NULL;
		if (is_copied && log->size > 0)
			memcpy(ret_copy->bytes, log->bytes, log->size);
		ret_copy->size = log->size;
		ret_copy->lost_count = log->lost_count;
	}
	pthread_mutex_unlock(&logs->lock);
	return is_copied;
}

bool ringcast_script_log_next(const struct script_log_copy *copy, size_t *at, struct script_log_line *ret_line)
{
	struct record record;
	if (*at == copy->size)
		return false;
	memcpy(&record, copy->bytes + *at, sizeof(record));
	*ret_line = (struct script_log_line){
		.at_ns = record.at_ns,
		.level = (enum script_level)record.level,
		.text = copy->bytes + *at + sizeof(record),
		.size = record.size,
	};
	*at += sizeof(record) + record.size;
	return true;
}
