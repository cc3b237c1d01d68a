/*
 * Encryption as the engine's owner sees it: which mode, which library, which certificate. Everything is checked here, on the caller's thread,
 * before a shard hears of it; then each shard gets contexts of its own. Cookie and ticket secrets are the engine's, so that any shard
 * resumes what another one began, and a reload of certificates breaks no ticket.
 */
#include "security/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/entropy.h"
#include "security/certificate.h"
#include "security/library.h"

/* Modes */

static bool is_loopback(const struct address *address)
{
	static const uint8_t v6[16] = {[15] = 1};
	return ringcast_address_is_v4(address) ? address->ip[12] == 127 : memcmp(address->ip, v6, sizeof(v6)) == 0;
}

static bool is_public(const struct shard_options *shard)
{
	for (uint32_t i = 0; i < shard->listen_count; i++)
		if (!is_loopback(&shard->listens[i].address))
			return true;
	return false;
}

static int refuse(char *error, size_t error_bytes, const char *text)
{
	snprintf(error, error_bytes, "%s", text);
	return RINGCAST_ERROR_ARGUMENT;
}

static int choose_mode(struct security *security, const ringcast_engine_options *options, const struct shard_options *shard, char *error,
		       size_t error_bytes)
{
	bool has_certificate = options->certificate != NULL;
	if (options->security > RINGCAST_SECURITY_REQUIRED || options->tls_version_min > RINGCAST_TLS_1_3)
		return refuse(error, error_bytes, "security: no such mode or version");
	security->mode = options->security;
	if (options->security != RINGCAST_SECURITY_DEFAULT)
		return RINGCAST_OK;
	security->mode = has_certificate ? RINGCAST_SECURITY_REQUIRED
			       : options->is_certificate_made ? RINGCAST_SECURITY_OPTIONAL : RINGCAST_SECURITY_OFF;
	if (security->mode == RINGCAST_SECURITY_OFF && is_public(shard))
		return refuse(error, error_bytes,
			      "players would reach this listener without encryption: give a certificate (tls.certificate, tls.key), or say that "
			      "plaintext is meant (tls.mode: off)");
	return RINGCAST_OK;
}

/* The certificate to use: the one given, or for development one that is made. */
static int settle_credentials(struct security *security, const ringcast_engine_options *options, struct crypto_credentials *ret_credentials,
			      char *error, size_t error_bytes)
{
	const char *names = options->host_name != NULL ? options->host_name : "localhost,127.0.0.1,::1";
	*ret_credentials = (struct crypto_credentials){options->certificate, options->key, options->client_ca};
	if (options->certificate != NULL || !options->is_certificate_made)
		return RINGCAST_OK;
	if (!ringcast_security_make_certificate(security, names, error, error_bytes))
		return RINGCAST_ERROR_SYSTEM;
	*ret_credentials = (struct crypto_credentials){security->made.certificate, security->made.key, security->made_ca.certificate};
	return RINGCAST_OK;
}

/* Copies for the shards that are made later; borrowed texts end with create. */
static bool keep_credentials(struct security *security, const struct crypto_credentials *credentials)
{
	security->certificate = strdup(credentials->certificate);
	security->key = strdup(credentials->key);
	security->client_ca = strdup(credentials->ca != NULL ? credentials->ca : ringcast_security_last_of_chain(credentials->certificate));
	return security->certificate != NULL && security->key != NULL && security->client_ca != NULL;
}

static void forget_credentials(struct security *security)
{
	if (security->key != NULL)
		explicit_bzero(security->key, strlen(security->key));
	free(security->certificate);
	free(security->key);
	free(security->client_ca);
	security->certificate = security->key = security->client_ca = NULL;
}

static bool has_good_dtls(const struct crypto_backend *backend)
{
	struct crypto_features features = {0};
	backend->features(&features);
	return features.has_dtls && features.refused_dtls[0] == 0;
}

static bool keep_text(const char *text, char *ret_text, size_t text_bytes)
{
	return snprintf(ret_text, text_bytes, "%s", text != NULL ? text : "") < (int)text_bytes;
}

/* A start or a reload is the moment at which contexts are made anyway. */
void ringcast_security_renew_cookies(struct security *security)
{
	struct security_secrets *secrets = &security->secrets;
	memcpy(secrets->cookie_previous, secrets->cookie, sizeof(secrets->cookie_previous));
	ringcast_entropy_fill(secrets->cookie, sizeof(secrets->cookie));
}

void ringcast_security_renew_tickets(struct security *security)
{
	ringcast_entropy_fill(security->secrets.ticket, sizeof(security->secrets.ticket));
}

int ringcast_security_settle(struct security *security, const ringcast_engine_options *options, const struct shard_options *shard, char *error,
			     size_t error_bytes)
{
	struct crypto_credentials credentials;
	int result = choose_mode(security, options, shard, error, error_bytes);
	if (result != RINGCAST_OK || security->mode == RINGCAST_SECURITY_OFF)
		return result;
	if (!keep_text(options->host_name, security->host_name, sizeof(security->host_name)) ||
	    !keep_text(options->ciphers, security->ciphers, sizeof(security->ciphers)))
		return refuse(error, error_bytes, "the host name or the cipher list is too long");
	security->backend = ringcast_security_library(options->crypto_backend, error, error_bytes);
	if (security->backend == NULL)
		return RINGCAST_ERROR_SYSTEM;
	security->has_dtls = has_good_dtls(security->backend) && !options->is_udp_off;
	security->version_min = options->tls_version_min == RINGCAST_TLS_1_3 ? CRYPTO_VERSION_1_3 : CRYPTO_VERSION_1_2;
	result = settle_credentials(security, options, &credentials, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	if (!ringcast_security_check_certificate(security->backend, &credentials, options->host_name, &security->facts, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (!ringcast_security_check_client_ca(security->backend, &credentials, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (!keep_credentials(security, &credentials))
		return refuse(error, error_bytes, "out of memory");
	ringcast_security_renew_cookies(security);
	ringcast_security_renew_tickets(security);
	return RINGCAST_OK;
}

void ringcast_security_forget(struct security *security)
{
	forget_credentials(security);
	explicit_bzero(security, sizeof(*security));
}

/* Contexts: one pair per shard */

static struct crypto_context *make_context(const struct security *security, enum crypto_kind kind, const struct crypto_credentials *credentials,
					   char *error, size_t error_bytes)
{
	struct crypto_options options = {
		.kind = kind,
		.role = CRYPTO_SERVER,
		.credentials = *credentials,
		.version_min = security->version_min,
		.ciphers = security->ciphers[0] != 0 ? security->ciphers : NULL,
	};
	memcpy(options.cookie_secret, security->secrets.cookie, sizeof(options.cookie_secret));
	memcpy(options.cookie_secret_previous, security->secrets.cookie_previous, sizeof(options.cookie_secret_previous));
	memcpy(options.ticket_secret, security->secrets.ticket, sizeof(options.ticket_secret));
	struct crypto_context *context = ringcast_crypto_context_create(security->backend, &options, error, error_bytes);
	explicit_bzero(&options, sizeof(options));
	return context;
}

bool ringcast_security_make_credentials(const struct security *security, const struct crypto_credentials *credentials,
					struct shard_credentials *ret_made, char *error, size_t error_bytes)
{
	bool has_dtls = security->has_dtls;
	*ret_made = (struct shard_credentials){.ca_pem = strdup(credentials->ca)};
	ret_made->stream = make_context(security, CRYPTO_STREAM, credentials, error, error_bytes);
	if (ret_made->stream != NULL && has_dtls)
		ret_made->datagram = make_context(security, CRYPTO_DATAGRAM, credentials, error, error_bytes);
	if (ret_made->ca_pem != NULL && ret_made->stream != NULL && (ret_made->datagram != NULL || !has_dtls))
		return true;
	if (ret_made->ca_pem == NULL)
		snprintf(error, error_bytes, "out of memory");
	ringcast_shard_credentials_release(ret_made);
	return false;
}

bool ringcast_security_secure_shard(const struct security *security, struct shard_options *options, char *error, size_t error_bytes)
{
	struct crypto_credentials credentials = {security->certificate, security->key, security->client_ca};
	if (security->mode == RINGCAST_SECURITY_OFF)
		return true;
	options->security = security->mode == RINGCAST_SECURITY_REQUIRED ? SHARD_SECURE_REQUIRED : SHARD_SECURE_OPTIONAL;
	return ringcast_security_make_credentials(security, &credentials, &options->credentials, error, error_bytes);
}

void ringcast_security_announce(const struct security *security)
{
	struct crypto_features features = {0};
	char text[256];
	if (security->mode == RINGCAST_SECURITY_OFF)
		return;
	security->backend->features(&features);
	ringcast_security_print_library(security->backend, text, sizeof(text));
	ringcast_log(LOG_INFO, "tls", "encryption", "mode=%s library=\"%s\" subject=\"%s\" names=\"%s\" sha256=%s",
		     security->mode == RINGCAST_SECURITY_REQUIRED ? "required" : "optional", text, security->facts.subject, security->facts.names,
		     security->facts.fingerprint);
	if (features.refused_dtls[0] != 0)
		ringcast_log(LOG_WARN, "tls", "DTLS is off: the library failed its self-test; secure players stay on TLS", "reason=\"%s\"",
			     features.refused_dtls);
	ringcast_security_warn_of_expiry(&security->facts);
	if (security->has_dtls)
		ringcast_security_warn_of_missing_ca(security->backend, security->certificate, security->client_ca);
}

/* Reload */

int ringcast_security_check_renewal(struct security *security, struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *error,
				    size_t error_bytes)
{
	if (!ringcast_security_check_certificate(security->backend, credentials, security->host_name[0] != 0 ? security->host_name : NULL, ret_facts,
						 error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (!ringcast_security_check_client_ca(security->backend, credentials, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (credentials->ca == NULL) /* behind the check, which asks more of a CA that was given */
		credentials->ca = ringcast_security_last_of_chain(credentials->certificate);
	return RINGCAST_OK;
}

bool ringcast_security_keep(struct security *security, const struct crypto_credentials *credentials, const struct certificate_facts *facts)
{
	struct security before = *security;
	if (!keep_credentials(security, credentials)) {
		forget_credentials(security);
		security->certificate = before.certificate;
		security->key = before.key;
		security->client_ca = before.client_ca;
		return false;
	}
	forget_credentials(&before);
	security->facts = *facts;
	ringcast_security_warn_of_expiry(facts);
	if (security->has_dtls)
		ringcast_security_warn_of_missing_ca(security->backend, security->certificate, security->client_ca);
	return true;
}
