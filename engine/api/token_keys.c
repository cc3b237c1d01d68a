/* Signed player tokens in the public API: other keys for all shards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life/asking.h"
#include "life/opening.h"

/* Lasting, as a new certificate is: a shard that does not answer in time takes them when it runs again. */
struct ask_keys {
	struct ask ask;
	struct jwt_keys keys;
};

static bool answer_keys(struct shard *shard, struct ask *ask)
{
	ringcast_shard_set_token_keys(shard, &CONTAINER_OF(ask, struct ask_keys, ask)->keys);
	ask->result = RINGCAST_OK;
	return true;
}

static void free_keys(struct ask *ask)
{
	struct ask_keys *self = CONTAINER_OF(ask, struct ask_keys, ask);
	ringcast_jwt_keys_forget(&self->keys);
	free(self);
}

static struct ask *make_question(const struct jwt_keys *keys)
{
	struct ask_keys *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_keys, free_keys);
	self->ask.is_lasting = true;
	self->keys = *keys;
	return &self->ask;
}

static int hand_out(struct ringcast_engine *engine, const struct jwt_keys *keys)
{
	struct ask *asks[MAILBOX_SENDERS_MAX] = {NULL};
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++)
		result = (asks[i] = make_question(keys)) != NULL ? RINGCAST_OK : RINGCAST_ERROR_MEMORY;
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask_all(engine, asks);
	for (uint32_t i = 0; i < engine->shard_count; i++)
		ringcast_ask_release(asks[i]);
	return result;
}

int ringcast_engine_reload_token_keys(ringcast_engine *engine, const ringcast_token_key *keys, size_t count, const char *audience, char *error,
				      size_t error_bytes)
{
	struct jwt_keys read;
	if (engine->token_keys == NULL) {
		snprintf(error, error_bytes, "signed player tokens are off");
		return RINGCAST_ERROR_STATE;
	}
	int result = ringcast_engine_read_token_keys(keys, count, audience, &read, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	result = hand_out(engine, &read);
	ringcast_jwt_keys_forget(&read);
	if (result != RINGCAST_OK)
		snprintf(error, error_bytes, "not every shard has taken the keys of player tokens yet: %s", ringcast_error_text(result));
	return result;
}
