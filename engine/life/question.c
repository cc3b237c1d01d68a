/*
 * Control asks shards: each call of the public header becomes a question in the mailbox of the shard that owns the session, answered on that
 * shard's thread between two packets. Answers are values; no pointer into a shard ever leaves it.
 */
#include "life/question.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS_MAX = 65536 };

static void answer_ask(struct shard *shard, struct ask *ask)
{
	struct question *question = CONTAINER_OF(ask, struct question, ask);
	question->answer(shard, question);
	ask->result = question->result;
}

static void free_question(struct ask *ask)
{
	struct question *question = CONTAINER_OF(ask, struct question, ask);
	ringcast_shard_credentials_release(&question->credentials);
	ringcast_script_version_release(&question->script);
	if (question->descriptor >= 0)
		close(question->descriptor);
	free(question->strings);
	free(question->items);
	free(question);
}

struct question *ringcast_question_create(void (*answer)(struct shard *shard, struct question *question))
{
	struct question *question = calloc(1, sizeof(*question));
	if (question == NULL)
		return NULL;
	question->answer = answer;
	question->descriptor = -1;
	ringcast_ask_init(&question->ask, answer_ask, free_question);
	return question;
}

void ringcast_question_release(struct question *question)
{
	ringcast_ask_release(&question->ask);
}

int ringcast_question_ask(struct ringcast_engine *engine, uint32_t shard, struct question *question)
{
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	question->engine = engine;
	return ringcast_ask_shard(engine->mailboxes[shard], &question->ask);
}

/* Copies up to four strings into one block of the question's, because the caller's may be gone when the answer comes late. */
bool ringcast_question_keep_strings(struct question *question, const char *given[4], const char **kept[4])
{
	size_t size = 1;
	for (unsigned i = 0; i < 4; i++)
		size += given[i] != NULL ? strlen(given[i]) + 1 : 0;
	char *at = question->strings = malloc(size);
	if (at == NULL)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		if (given[i] == NULL)
			continue;
		*kept[i] = at;
		at = stpcpy(at, given[i]) + 1;
	}
	return true;
}

int ringcast_question_error_of(enum drop_reason drop)
{
	switch (drop) {
	case DROP_NONE:
		return RINGCAST_OK;
	case DROP_NO_SESSION:
		return RINGCAST_ERROR_NOT_FOUND;
	case DROP_BAD_TOKEN:
		return RINGCAST_ERROR_EXISTS;
	case DROP_DRAINING:
	case DROP_SESSION_ENDED:
		return RINGCAST_ERROR_STATE;
	default:
		return RINGCAST_ERROR_FULL;
	}
}

/* One question about one session: finds its shard by the id. */
int ringcast_question_ask_about(struct ringcast_engine *engine, const char *session_id, struct question *question)
{
	int shard = session_id != NULL ? ringcast_session_id_shard(session_id) : -1;
	if (shard < 0 || (uint32_t)shard >= engine->shard_count)
		return RINGCAST_ERROR_NOT_FOUND;
	return ringcast_question_ask(engine, (uint32_t)shard, question);
}

struct session *ringcast_question_session(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session_id);
	question->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	return session;
}

struct question *ringcast_question_about(void (*answer)(struct shard *, struct question *), const char *session_id, const char *player_id,
				       const char *player_data, const char *text)
{
	struct question *question = ringcast_question_create(answer);
	if (question == NULL || ringcast_question_keep_strings(question, (const char *[4]){session_id, player_id, player_data, text},
					     (const char **[4]){&question->session_id, &question->player_id, &question->player_data,
								&question->text}))
		return question;
	ringcast_question_release(question);
	return NULL;
}

bool ringcast_question_give_items(struct question *question, size_t count, size_t item_bytes)
{
	question->item_count_max = count < ITEMS_MAX ? count : ITEMS_MAX;
	question->items = calloc(question->item_count_max + 1, item_bytes);
	return question->items != NULL;
}
