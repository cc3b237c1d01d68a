/* A question to one shard, with room for all that the public calls give along and get back. */
#ifndef RINGCAST_LIFE_QUESTION_H
#define RINGCAST_LIFE_QUESTION_H

#include "ask/ask.h"
#include "life/engine.h"
#include "shard/inspect.h"

struct question {
	struct ask ask;
	void (*answer)(struct shard *shard, struct question *question);
	int result; /* ringcast_error */
	const char *session_id, *player_id, *player_data, *text; /* copies in strings */
	char *strings;
	struct session_options session;
	int32_t peer_id;
	uint64_t deadline_ns, ticket;
	enum verdict verdict;
	char ret_id[RINGCAST_ID_BYTES];
	size_t item_count_max, item_count, item_total;
	void *items; /* ringcast_session_info or ringcast_player_info */
	struct shard_counters counters;
	struct io_stats io_stats;
	struct shard_gauges gauges;
	struct ringcast_limits limits;
	struct shard_credentials credentials; /* owned until a shard takes them */
	struct ringcast_engine *engine; /* that was asked */
	struct script_version *script; /* counted, or NULL */
	struct script_counts script_counts;
	uint32_t channel;
	uint64_t serial;
	int descriptor; /* closed with the question; -1: none */
};
/* NULL: out of memory. Free with release. */
struct question *ringcast_question_create(void (*answer)(struct shard *shard, struct question *question));
/* With copies of the strings. */
struct question *ringcast_question_about(void (*answer)(struct shard *, struct question *), const char *session_id, const char *player_id,
					 const char *player_data, const char *text);
bool ringcast_question_keep_strings(struct question *question, const char *given[4], const char **kept[4]);
bool ringcast_question_give_items(struct question *question, size_t count, size_t item_bytes);
int ringcast_question_ask(struct ringcast_engine *engine, uint32_t shard, struct question *question);
/* One question about one session: finds its shard by the id. */
int ringcast_question_ask_about(struct ringcast_engine *engine, const char *session_id, struct question *question);
void ringcast_question_release(struct question *question);
/* For answers: the session meant, or NULL with the result set. */
struct session *ringcast_question_session(struct shard *shard, struct question *question);
int ringcast_question_error_of(enum drop_reason drop);

#endif
