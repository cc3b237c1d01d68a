/* Encryption in the public API: which library, which certificate, and a new certificate for all shards. */
#include <stdio.h>
#include <string.h>

#include "life/question.h"
#include "security/library.h"

int ringcast_tls_library(const char *name, char *ret_text, size_t text_bytes)
{
	const struct crypto_backend *backend = ringcast_security_library(name, ret_text, text_bytes);
	if (backend == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	ringcast_security_print_library(backend, ret_text, text_bytes);
	return RINGCAST_OK;
}

static void fill_info(const struct certificate_facts *facts, ringcast_certificate_info *ret_info)
{
	*ret_info = (ringcast_certificate_info){.not_before_s = facts->not_before_s, .not_after_s = facts->not_after_s};
	snprintf(ret_info->subject, sizeof(ret_info->subject), "%s", facts->subject);
	snprintf(ret_info->names, sizeof(ret_info->names), "%s", facts->names);
	snprintf(ret_info->fingerprint, sizeof(ret_info->fingerprint), "%s", facts->fingerprint);
}

static void answer_credentials(struct shard *shard, struct question *question)
{
	ringcast_shard_set_credentials(shard, &question->credentials);
	question->credentials = (struct shard_credentials){0};
	question->result = RINGCAST_OK;
}

static int hand_to_shard(struct ringcast_engine *engine, uint32_t shard, struct shard_credentials *made)
{
	struct question *question = ringcast_question_create(answer_credentials);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->credentials = *made;
	*made = (struct shard_credentials){0};
	int result = ringcast_question_ask(engine, shard, question);
	ringcast_question_release(question);
	return result;
}

/* All contexts first, so that either every shard gets the new certificate or none does. */
static int hand_out(struct ringcast_engine *engine, const struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	struct shard_credentials made[MAILBOX_SENDERS_MAX] = {0};
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++)
		if (!ringcast_security_make_credentials(&engine->security, credentials, &made[i], error, error_bytes))
			result = RINGCAST_ERROR_ARGUMENT;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++) {
		result = hand_to_shard(engine, i, &made[i]);
		if (result != RINGCAST_OK)
			snprintf(error, error_bytes, "shard %u did not take the certificate: %s", i, ringcast_error_text(result));
	}
	for (uint32_t i = 0; i < engine->shard_count; i++)
		ringcast_shard_credentials_release(&made[i]);
	return result;
}

static int reload(struct ringcast_engine *engine, struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	struct certificate_facts facts;
	int result = ringcast_security_check_renewal(&engine->security, credentials, &facts, error, error_bytes);
	if (result == RINGCAST_OK)
		result = hand_out(engine, credentials, error, error_bytes);
	if (result == RINGCAST_OK)
		ringcast_security_keep_facts(&engine->security, &facts);
	return result;
}

int ringcast_engine_reload_credentials(ringcast_engine *engine, const char *certificate, const char *key, const char *client_ca, char *error,
				       size_t error_bytes)
{
	struct crypto_credentials credentials = {certificate, key, client_ca};
	if (engine->security.mode == RINGCAST_SECURITY_OFF) {
		snprintf(error, error_bytes, "encryption is off");
		return RINGCAST_ERROR_STATE;
	}
	pthread_mutex_lock(&engine->security_lock);
	int result = reload(engine, &credentials, error, error_bytes);
	pthread_mutex_unlock(&engine->security_lock);
	return result;
}

int ringcast_engine_certificate(ringcast_engine *engine, ringcast_certificate_info *ret_info)
{
	if (engine->security.mode == RINGCAST_SECURITY_OFF)
		return RINGCAST_ERROR_STATE;
	pthread_mutex_lock(&engine->security_lock);
	fill_info(&engine->security.facts, ret_info);
	pthread_mutex_unlock(&engine->security_lock);
	return RINGCAST_OK;
}

ringcast_security ringcast_engine_security(const ringcast_engine *engine)
{
	return engine->security.mode;
}

const char *ringcast_engine_made_ca(const ringcast_engine *engine)
{
	return engine->security.made_ca.certificate[0] != 0 ? engine->security.made_ca.certificate : NULL;
}
