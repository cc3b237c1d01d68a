#include "life/asking.h"

#include <string.h>

int ringcast_engine_ask(struct ringcast_engine *engine, uint32_t shard, struct ask *ask)
{
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	return ringcast_ask_shard(ask, engine->mailboxes[shard]);
}

/* -1: no id of this engine's. */
static int shard_of(const struct ringcast_engine *engine, const char *session_id)
{
	int shard = session_id != NULL ? ringcast_session_id_shard(session_id) : -1;
	return shard >= 0 && (uint32_t)shard < engine->shard_count ? shard : -1;
}

int ringcast_engine_ask_about(struct ringcast_engine *engine, const char *session_id, struct ask *ask)
{
	int shard = shard_of(engine, session_id);
	return shard >= 0 ? ringcast_engine_ask(engine, (uint32_t)shard, ask) : RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_engine_post_about(struct ringcast_engine *engine, const char *session_id, struct ask *ask)
{
	int shard = shard_of(engine, session_id);
	if (shard < 0)
		return RINGCAST_ERROR_NOT_FOUND;
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	ringcast_ask_post(ask, engine->mailboxes[shard]);
	return RINGCAST_OK;
}

int ringcast_engine_ask_some(struct ringcast_engine *engine, struct ask *const *asks, const uint32_t *shards, uint32_t count)
{
	struct mailbox *mailboxes[MAILBOX_SENDERS_MAX];
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	for (uint32_t i = 0; i < count; i++)
		mailboxes[i] = engine->mailboxes[shards[i]];
	return ringcast_ask_all(asks, mailboxes, count);
}

int ringcast_engine_ask_all(struct ringcast_engine *engine, struct ask *const *asks)
{
	if (__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE) != ENGINE_RUNNING)
		return RINGCAST_ERROR_STATE;
	return ringcast_ask_all(asks, engine->mailboxes, engine->shard_count);
}

bool ringcast_ask_keep(char *own, size_t own_bytes, const char *text)
{
	size_t size = text != NULL ? strnlen(text, own_bytes) : 0;
	if (size == own_bytes)
		return false;
	memcpy(own, text != NULL ? text : "", size);
	own[size] = '\0';
	return true;
}
