/*
 * What scripts said, by session: the last bytes_max of each, kept while the session lives and, for the last ENDED_MAX sessions, after its
 * end. One per shard: its thread writes, control threads read, under a lock that is held for a copy only. A session that says nothing has
 * none.
 */
#ifndef RINGCAST_SCRIPTS_LOGS_H
#define RINGCAST_SCRIPTS_LOGS_H

#include <pthread.h>

#include "base/list.h"
#include "scripting/host.h"

enum { SCRIPT_LOGS_BUCKET_COUNT = 256, SCRIPT_LOGS_ENDED_MAX = 256 };

struct script_logs {
	pthread_mutex_t lock;
	struct list_node buckets[SCRIPT_LOGS_BUCKET_COUNT]; /* struct script_log, by hash of the session's id */
	struct list_node ended;                             /* oldest first */
	uint32_t ended_count;
	uint32_t bytes_max;
	uint64_t seed; /* of the hash */
};

void ringcast_script_logs_init(struct script_logs *logs, uint32_t bytes_max, uint64_t seed);
void ringcast_script_logs_fini(struct script_logs *logs);
/* When there is no memory, or no room for so long a text, the line (or its end) is lost and counted as such. */
void ringcast_script_logs_write(struct script_logs *logs, const char *session_id, uint64_t now_ns, enum script_level level,
				const char *text, size_t size);
/* The session is known from now on, also if it never says anything. Harmless when it has spoken, or even ended, before. */
void ringcast_script_logs_begin(struct script_logs *logs, const char *session_id);
void ringcast_script_logs_end(struct script_logs *logs, const char *session_id); /* harmless when it has none */

/* A copy of a session's lines; NULL bytes: no session of this name is known. The caller frees bytes. */
struct script_log_copy {
	char *bytes; /* records, see ringcast_script_log_next */
	size_t size;
	uint64_t lost_count; /* older lines that are gone */
};
bool ringcast_script_logs_copy(struct script_logs *logs, const char *session_id,
			       struct script_log_copy *ret_copy); /* false: out of memory */

struct script_log_line {
	uint64_t at_ns;
	enum script_level level;
	const char *text;
	size_t size;
};
bool ringcast_script_log_next(const struct script_log_copy *copy, size_t *at, struct script_log_line *ret_line); /* from *at 0 on */
const char *ringcast_script_level_name(enum script_level level);

#endif
