/* Encryption in the public API: which library, which certificate, and a new certificate for all shards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life/asking.h"
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

/* Lasting: a shard that does not answer in time takes them when it runs again, as the others have. */
struct ask_credentials {
	struct ask ask;
	struct shard_credentials credentials; /* owned until the shard takes them */
};

static bool answer_credentials(struct shard *shard, struct ask *ask)
{
	struct ask_credentials *self = CONTAINER_OF(ask, struct ask_credentials, ask);
	ringcast_shard_set_credentials(shard, &self->credentials);
	self->credentials = (struct shard_credentials){0};
	ask->result = RINGCAST_OK;
	return true;
}

static void free_credentials(struct ask *ask)
{
	struct ask_credentials *self = CONTAINER_OF(ask, struct ask_credentials, ask);
	ringcast_shard_credentials_release(&self->credentials);
	free(self);
}

static int make_question(struct ringcast_engine *engine, const struct crypto_credentials *credentials, struct ask **ret_ask, char *error,
			 size_t error_bytes)
{
	struct ask_credentials *self = calloc(1, sizeof(*self));
	if (self == NULL) {
		snprintf(error, error_bytes, "out of memory");
		return RINGCAST_ERROR_MEMORY;
	}
	ringcast_ask_init(&self->ask, answer_credentials, free_credentials);
	self->ask.is_lasting = true;
	*ret_ask = &self->ask;
	return ringcast_security_make_credentials(&engine->security, credentials, &self->credentials, error, error_bytes) ? RINGCAST_OK
															   : RINGCAST_ERROR_ARGUMENT;
}

/* All contexts first, so that no shard gets the new certificate when one cannot. */
static int hand_out(struct ringcast_engine *engine, const struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	struct ask *asks[MAILBOX_SENDERS_MAX] = {NULL};
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++)
		result = make_question(engine, credentials, &asks[i], error, error_bytes);
	if (result == RINGCAST_OK) {
		result = ringcast_engine_ask_all(engine, asks);
		if (result != RINGCAST_OK)
			snprintf(error, error_bytes, "not every shard has taken the certificate yet: %s", ringcast_error_text(result));
	}
	for (uint32_t i = 0; i < engine->shard_count; i++)
		ringcast_ask_release(asks[i]);
	return result;
}

static int reload(struct ringcast_engine *engine, struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	struct certificate_facts facts;
	struct security_secrets before = engine->security.secrets;
	int result = ringcast_security_check_renewal(&engine->security, credentials, &facts, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	ringcast_security_renew_cookies(&engine->security);
	result = hand_out(engine, credentials, error, error_bytes);
	bool is_taken = result == RINGCAST_OK || result == RINGCAST_ERROR_TIMEOUT; /* who did not answer has it in its mailbox */
	if (is_taken && !ringcast_security_keep(&engine->security, credentials, &facts))
		result = RINGCAST_ERROR_MEMORY;
	if (!is_taken)
		engine->security.secrets = before; /* cookies on their way stay good, however many renewals fail */
	explicit_bzero(&before, sizeof(before));
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
	const struct log_sink *before = ringcast_log_bind(&engine->log_sink);
	pthread_mutex_lock(&engine->security_lock);
	int result = reload(engine, &credentials, error, error_bytes);
	pthread_mutex_unlock(&engine->security_lock);
	ringcast_log_bind(before);
	return result;
}

static int renew_tickets(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	const struct security *security = &engine->security;
	const struct crypto_credentials credentials = {security->certificate, security->key, security->client_ca};
	struct security_secrets before = security->secrets;
	ringcast_security_renew_cookies(&engine->security);
	ringcast_security_renew_tickets(&engine->security);
	int result = hand_out(engine, &credentials, error, error_bytes);
	if (result != RINGCAST_OK)
		engine->security.secrets = before;
	explicit_bzero(&before, sizeof(before));
	return result;
}

int ringcast_engine_renew_tickets(ringcast_engine *engine, char *error, size_t error_bytes)
{
	if (engine->security.mode == RINGCAST_SECURITY_OFF) {
		snprintf(error, error_bytes, "encryption is off");
		return RINGCAST_ERROR_STATE;
	}
	pthread_mutex_lock(&engine->security_lock);
	int result = renew_tickets(engine, error, error_bytes);
	pthread_mutex_unlock(&engine->security_lock);
	return result;
}

int ringcast_certificate_read(const char *certificate, const char *key, ringcast_certificate_info *ret_info, char *error, size_t error_bytes)
{
	const struct crypto_credentials credentials = {certificate, key, NULL};
	struct certificate_facts facts;
	const struct crypto_backend *backend = ringcast_security_library(NULL, error, error_bytes);
	if (backend == NULL)
		return RINGCAST_ERROR_SYSTEM;
	if (certificate == NULL || key == NULL || !backend->certificate_check(&credentials, &facts, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	fill_info(&facts, ret_info);
	return RINGCAST_OK;
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
