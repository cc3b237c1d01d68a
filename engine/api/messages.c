/* Messages of backends into sessions that run. */
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "life/asking.h"
#include "life/errors.h"
#include "session/backend.h"
#include "shard/shard_private.h"

enum { PAYLOAD_BYTES_MAX = 16288 }; /* the most that service_message_bytes may be */

struct ask_message {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES], player_id[RINGCAST_PLAYER_ID_BYTES];
	struct backend_message message; /* its texts are in here */
	ringcast_service_message_done_fn *done;
	void *context;
	uint8_t payload[];
};

static bool answer_message(struct shard *shard, struct ask *ask)
{
	const struct ask_message *self = CONTAINER_OF(ask, struct ask_message, ask);
	struct session *session = ringcast_session_find(&shard->store, self->session_id);
	if (session == NULL) {
		ask->result = RINGCAST_ERROR_NOT_FOUND;
		return true;
	}
	shard->store.origin = "api";
	enum drop_reason reason = ringcast_backend_message(session, &self->message, shard->now_ns);
	shard->store.origin = NULL;
	if (reason != DROP_NONE)
		ringcast_shard_drop(shard, reason, 1);
	ask->result = ringcast_error_of_drop(reason);
	return true;
}

static void free_message(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_message, ask));
}

static void completed(struct ask *ask)
{
	const struct ask_message *self = CONTAINER_OF(ask, struct ask_message, ask);
	self->done(self->context, ask->result);
}

/* RINGCAST_OK: *ret_ask is the caller's to release. The shard knows the limit of today. */
static int make(const ringcast_service_message *given, struct ask_message **ret_ask)
{
	ringcast_service_message message;
	if (given == NULL || !ringcast_sized_copy(&message, sizeof(message), given) || (message.payload == NULL && message.payload_bytes > 0) ||
	    message.peer_id < 0 || message.payload_bytes > PAYLOAD_BYTES_MAX)
		return RINGCAST_ERROR_ARGUMENT;
	struct ask_message *self = calloc(1, sizeof(*self) + message.payload_bytes);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_message, free_message);
	if (message.payload_bytes > 0)
		memcpy(self->payload, message.payload, message.payload_bytes);
	self->message = (struct backend_message){.player_id = self->player_id,
						 .peer_id = message.peer_id,
						 .opcode = message.opcode,
						 .payload = ringcast_view_of(self->payload, message.payload_bytes)};
	*ret_ask = self;
	/* What is too long is nobody's id. */
	if (ringcast_ask_keep(self->session_id, sizeof(self->session_id), message.session_id) &&
	    ringcast_ask_keep(self->player_id, sizeof(self->player_id), message.player_id))
		return RINGCAST_OK;
	ringcast_ask_release(&self->ask);
	return RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_service_message_post(ringcast_engine *engine, const ringcast_service_message *message, ringcast_service_message_done_fn *done, void *context)
{
	struct ask_message *self;
	int result = make(message, &self);
	if (result != RINGCAST_OK)
		return result;
	self->done = done;
	self->context = context;
	self->ask.completed = done != NULL ? completed : NULL;
	result = ringcast_engine_post_about(engine, self->session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

int ringcast_service_message_send(ringcast_engine *engine, const ringcast_service_message *message)
{
	struct ask_message *self;
	int result = make(message, &self);
	if (result != RINGCAST_OK)
		return result;
	result = ringcast_engine_ask_about(engine, self->session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

/* Answers to questions of games */

enum { ANSWER_BYTES_MAX = 4096 };

struct ask_answer {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	uint32_t number;
	bool is_news;
	size_t size;
	uint8_t json[];
};

static bool answer_question(struct shard *shard, struct ask *ask)
{
	const struct ask_answer *self = CONTAINER_OF(ask, struct ask_answer, ask);
	struct session *session = ringcast_session_find(&shard->store, self->session_id);
	if (session == NULL) {
		ask->result = RINGCAST_ERROR_NOT_FOUND;
		return true;
	}
	shard->store.origin = "api";
	struct view json = ringcast_view_of(self->json, self->size);
	enum drop_reason reason = self->is_news ? ringcast_backend_news(session, json, shard->now_ns) : ringcast_backend_answer(session, self->number, json, shard->now_ns);
	shard->store.origin = NULL;
	if (reason != DROP_NONE)
		ringcast_shard_drop(shard, reason, 1);
	ask->result = ringcast_error_of_drop(reason);
	return true;
}

static void free_answer(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_answer, ask));
}

static int make_answer(const char *session_id, const char *json, size_t json_bytes, struct ask_answer **ret_answer)
{
	if (json == NULL || json_bytes == 0 || json_bytes > ANSWER_BYTES_MAX)
		return RINGCAST_ERROR_ARGUMENT;
	struct ask_answer *self = calloc(1, sizeof(*self) + json_bytes);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_question, free_answer);
	self->size = json_bytes;
	memcpy(self->json, json, json_bytes);
	if (ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id)) {
		*ret_answer = self;
		return RINGCAST_OK;
	}
	ringcast_ask_release(&self->ask);
	return RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_question_answer_post(ringcast_engine *engine, const char *session_id, uint32_t number, const char *json, size_t json_bytes)
{
	struct ask_answer *self;
	int result = make_answer(session_id, json, json_bytes, &self);
	if (result != RINGCAST_OK)
		return result;
	self->ask.request.has_own_bound = true; /* a session's questions are few, and one whose answer is lost keeps its place among them for ever */
	self->number = number;
	result = ringcast_engine_post_about(engine, self->session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

int ringcast_question_news_send(ringcast_engine *engine, const char *session_id, const char *json, size_t json_bytes)
{
	struct ask_answer *self;
	int result = make_answer(session_id, json, json_bytes, &self);
	if (result != RINGCAST_OK)
		return result;
	self->is_news = true;
	result = ringcast_engine_ask_about(engine, self->session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}
