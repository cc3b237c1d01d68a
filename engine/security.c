/*
 * Encryption as the engine's owner sees it: which mode, which library, which certificate. Everything is checked here, on the caller's thread,
 * before a shard hears of it; then each shard gets contexts of its own. Cookie and ticket secrets are the engine's, so that any shard
 * resumes what another one began, and a reload of certificates breaks no ticket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "engine_private.h"
#include "io/clock.h"
#include "io/entropy.h"

enum { MADE_DAYS = 30, WARN_DAYS = 14, DAY_S = 86400 };

/* The library: once per process */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static char library_error[CRYPTO_ERROR_BYTES];
static bool is_library_ready;

static void start_library(void)
{
	is_library_ready = ringcast_crypto_global_init(library_error, sizeof(library_error));
}

static const struct crypto_backend *find_backend(const char *name, char *error, size_t error_bytes)
{
	pthread_once(&library_once, start_library);
	if (!is_library_ready) {
		snprintf(error, error_bytes, "the TLS library does not start: %.200s", library_error);
		return NULL;
	}
	const struct crypto_backend *backend = ringcast_crypto_backend(name);
	if (backend == NULL && name != NULL)
		snprintf(error, error_bytes, "this build has no TLS library '%s'", name);
	else if (backend == NULL)
		snprintf(error, error_bytes, "this build has no TLS: configure it with -Dtls=wolfssl or -Dtls=openssl");
	return backend;
}

static void print_features(const struct crypto_backend *backend, char *out, size_t size)
{
	struct crypto_features features = {0};
	backend->features(&features);
	snprintf(out, size, "%s%s%s%s%s", features.library, features.has_tls ? ", TLS 1.2" : "", features.has_tls13 ? ", TLS 1.3" : "",
		 features.has_dtls && features.refused_dtls[0] == 0 ? ", DTLS 1.2" : ", no DTLS", features.has_aes_ni ? ", AES-NI" : ", no AES-NI");
}

int ringcast_tls_library(const char *name, char *ret_text, size_t text_bytes)
{
	const struct crypto_backend *backend = find_backend(name, ret_text, text_bytes);
	if (backend == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	print_features(backend, ret_text, text_bytes);
	return RINGCAST_OK;
}

/* Heap of an established session, measured; a handshake under way takes up to three times as much with wolfSSL. OpenSSL's numbers where it is not known. */
static void session_bytes(const struct crypto_backend *backend, uint64_t *ret_stream_bytes, uint64_t *ret_datagram_bytes)
{
	bool is_lean = backend != NULL && strcmp(backend->name, "wolfssl") == 0;
	*ret_stream_bytes = is_lean ? 5 << 10 : 14 << 10;
	*ret_datagram_bytes = is_lean ? 5 << 10 : 70 << 10;
}

static uint64_t bill(ringcast_memory_fn *each, void *context, const char *part, uint64_t bytes)
{
	if (each != NULL)
		each(context, part, bytes);
	return bytes;
}

uint64_t ringcast_security_memory_bytes(const ringcast_engine_options *options, const ringcast_limits *limits, ringcast_memory_fn *each, void *context)
{
	char error[CRYPTO_ERROR_BYTES];
	uint64_t stream_bytes, datagram_bytes;
	bool is_meant = options->certificate != NULL || options->is_certificate_made || options->security >= RINGCAST_SECURITY_OPTIONAL;
	if (!is_meant || options->security == RINGCAST_SECURITY_OFF)
		return 0;
	session_bytes(find_backend(options->crypto_backend, error, sizeof(error)), &stream_bytes, &datagram_bytes);
	if (options->is_udp_off)
		datagram_bytes = 0;
	return bill(each, context, "encryption", ringcast_shard_security_memory_bytes(limits)) +
	       bill(each, context, "TLS sessions, as they come", limits->connections_max * stream_bytes) +
	       bill(each, context, "DTLS sessions, as they come", ((uint64_t)limits->players_max + limits->half_open_max) * datagram_bytes);
}

/* Certificates */

static bool format_day(uint64_t s, char ret_day[24])
{
	time_t time = (time_t)s;
	struct tm calendar;
	return gmtime_r(&time, &calendar) != NULL && strftime(ret_day, 24, "%Y-%m-%d", &calendar) > 0;
}

static bool check_times(const struct certificate_facts *facts, char *error, size_t error_bytes)
{
	uint64_t now_s = ringcast_clock_wall_s();
	char day[24] = "?";
	if (now_s >= facts->not_after_s) {
		format_day(facts->not_after_s, day);
		snprintf(error, error_bytes, "the certificate of %s expired on %s", facts->subject, day);
		return false;
	}
	if (now_s < facts->not_before_s) {
		format_day(facts->not_before_s, day);
		snprintf(error, error_bytes, "the certificate of %s is valid only from %s on; is the clock right?", facts->subject, day);
		return false;
	}
	return true;
}

static bool check_certificate(const struct crypto_backend *backend, const struct crypto_credentials *credentials, const char *host_name,
			      struct certificate_facts *ret_facts, char *error, size_t error_bytes)
{
	if (credentials->certificate == NULL || credentials->key == NULL) {
		snprintf(error, error_bytes, "TLS needs a certificate and its key");
		return false;
	}
	if (!backend->certificate_check(credentials, ret_facts, error, error_bytes) || !check_times(ret_facts, error, error_bytes))
		return false;
	if (host_name == NULL || ringcast_certificate_covers(ret_facts, host_name))
		return true;
	snprintf(error, error_bytes, "the certificate is for %s, not for %s", ret_facts->names[0] != 0 ? ret_facts->names : "no name at all", host_name);
	return false;
}

static void fill_info(const struct certificate_facts *facts, ringcast_certificate_info *ret_info)
{
	*ret_info = (ringcast_certificate_info){.not_before_s = facts->not_before_s, .not_after_s = facts->not_after_s};
	snprintf(ret_info->subject, sizeof(ret_info->subject), "%s", facts->subject);
	snprintf(ret_info->names, sizeof(ret_info->names), "%s", facts->names);
	snprintf(ret_info->fingerprint, sizeof(ret_info->fingerprint), "%s", facts->fingerprint);
}

/* The last one of a chain is its root, or the nearest to it that the operator gave: enough for a client to verify the leaf. */
static const char *last_of_chain(const char *certificate)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *last = certificate;
	for (const char *at = strstr(certificate, begin); at != NULL; at = strstr(at + 1, begin))
		last = at;
	return last;
}

static void warn_of_expiry(const struct certificate_facts *facts)
{
	uint64_t now_s = ringcast_clock_wall_s();
	char day[24] = "?";
	if (facts->not_after_s - now_s >= (uint64_t)WARN_DAYS * DAY_S)
		return;
	format_day(facts->not_after_s, day);
	ringcast_log(LOG_WARN, "tls", "the certificate expires soon", "subject=\"%s\" not_after=%s days_left=%u", facts->subject, day,
		     (unsigned)((facts->not_after_s - now_s) / DAY_S));
}

/* A CA and a leaf in memory, for development. */
static bool make_certificate(struct engine_security *security, const char *names, char *error, size_t error_bytes)
{
	struct certificate_request request = {
		.common_name = "Ringcast development CA", .now_s = ringcast_clock_wall_s(), .days = MADE_DAYS, .is_ca = true};
	if (!security->backend->certificate_make(&request, &security->made_ca, error, error_bytes))
		return false;
	request = (struct certificate_request){.common_name = "ringcastd --dev",
					       .names = names,
					       .now_s = request.now_s,
					       .days = MADE_DAYS,
					       .issuer = &security->made_ca};
	return security->backend->certificate_make(&request, &security->made, error, error_bytes);
}

/* Modes */

static bool is_loopback(const struct address *address)
{
	static const uint8_t v6[16] = {[15] = 1};
	return ringcast_address_is_v4(address) ? address->ip[12] == 127 : memcmp(address->ip, v6, sizeof(v6)) == 0;
}

static bool is_public(const struct ringcast_engine *engine)
{
	for (uint32_t i = 0; i < engine->shard_options.listen_count; i++)
		if (!is_loopback(&engine->shard_options.listens[i].address))
			return true;
	return false;
}

static int refuse(char *error, size_t error_bytes, const char *text)
{
	snprintf(error, error_bytes, "%s", text);
	return RINGCAST_ERROR_ARGUMENT;
}

static int choose_mode(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	const ringcast_engine_options *options = &engine->options;
	bool has_certificate = options->certificate != NULL;
	if (options->security > RINGCAST_SECURITY_REQUIRED || options->tls_version_min > RINGCAST_TLS_1_3)
		return refuse(error, error_bytes, "security: no such mode or version");
	engine->security.mode = options->security;
	if (options->security != RINGCAST_SECURITY_DEFAULT)
		return RINGCAST_OK;
	engine->security.mode = has_certificate ? RINGCAST_SECURITY_REQUIRED
			       : options->is_certificate_made ? RINGCAST_SECURITY_OPTIONAL : RINGCAST_SECURITY_OFF;
	if (engine->security.mode == RINGCAST_SECURITY_OFF && is_public(engine))
		return refuse(error, error_bytes,
			      "players would reach this listener without encryption: give a certificate (tls.certificate, tls.key), or say that "
			      "plaintext is meant (tls.mode: off)");
	return RINGCAST_OK;
}

/* The certificate to use: the one given, or for development one that is made. */
static int settle_credentials(struct ringcast_engine *engine, struct crypto_credentials *ret_credentials, char *error, size_t error_bytes)
{
	const ringcast_engine_options *options = &engine->options;
	const char *names = options->host_name != NULL ? options->host_name : "localhost,127.0.0.1,::1";
	*ret_credentials = (struct crypto_credentials){options->certificate, options->key, options->client_ca};
	if (options->certificate != NULL || !options->is_certificate_made)
		return RINGCAST_OK;
	if (!make_certificate(&engine->security, names, error, error_bytes))
		return RINGCAST_ERROR_SYSTEM;
	*ret_credentials = (struct crypto_credentials){engine->security.made.certificate, engine->security.made.key, engine->security.made_ca.certificate};
	return RINGCAST_OK;
}

/* Copies for the shards that are made later; borrowed texts end with create. */
static bool keep_credentials(struct engine_security *security, const struct crypto_credentials *credentials)
{
	security->certificate = strdup(credentials->certificate);
	security->key = strdup(credentials->key);
	security->client_ca = strdup(credentials->ca != NULL ? credentials->ca : last_of_chain(credentials->certificate));
	return security->certificate != NULL && security->key != NULL && security->client_ca != NULL;
}

static void forget_credentials(struct engine_security *security)
{
	if (security->key != NULL)
		explicit_bzero(security->key, strlen(security->key));
	free(security->certificate);
	free(security->key);
	free(security->client_ca);
	security->certificate = security->key = security->client_ca = NULL;
}

void ringcast_engine_announce_security(const struct ringcast_engine *engine)
{
	const struct engine_security *security = &engine->security;
	struct crypto_features features = {0};
	char text[256];
	if (security->mode == RINGCAST_SECURITY_OFF)
		return;
	security->backend->features(&features);
	print_features(security->backend, text, sizeof(text));
	ringcast_log(LOG_INFO, "tls", "encryption", "mode=%s library=\"%s\" subject=\"%s\" names=\"%s\" sha256=%s",
		     security->mode == RINGCAST_SECURITY_REQUIRED ? "required" : "optional", text, security->facts.subject, security->facts.names,
		     security->facts.fingerprint);
	if (features.refused_dtls[0] != 0)
		ringcast_log(LOG_WARN, "tls", "DTLS is off: the library failed its self-test; secure players stay on TLS", "reason=\"%s\"",
			     features.refused_dtls);
	warn_of_expiry(&security->facts);
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

/* A start or a reload is the moment at which contexts are made anyway. Cookies on their way stay good. */
static void renew_cookies(struct engine_security *security)
{
	memcpy(security->cookie_secret_previous, security->cookie_secret, sizeof(security->cookie_secret_previous));
	ringcast_entropy_fill(security->cookie_secret, sizeof(security->cookie_secret));
}

static int check_client_ca(const struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	const char *ca = credentials->ca != NULL ? credentials->ca : last_of_chain(credentials->certificate);
	if (strlen(ca) <= PROTO_CA_CERT_BYTES_MAX)
		return RINGCAST_OK;
	return refuse(error, error_bytes, "the CA certificate for clients is longer than 4096 bytes, which is what a login's answer can hold");
}

int ringcast_engine_settle_security(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	struct engine_security *security = &engine->security;
	struct crypto_credentials credentials;
	int result = choose_mode(engine, error, error_bytes);
	if (result != RINGCAST_OK || security->mode == RINGCAST_SECURITY_OFF)
		return result;
	if (!keep_text(engine->options.host_name, security->host_name, sizeof(security->host_name)) ||
	    !keep_text(engine->options.ciphers, security->ciphers, sizeof(security->ciphers)))
		return refuse(error, error_bytes, "the host name or the cipher list is too long");
	security->backend = find_backend(engine->options.crypto_backend, error, error_bytes);
	if (security->backend == NULL)
		return RINGCAST_ERROR_SYSTEM;
	security->has_dtls = has_good_dtls(security->backend);
	result = settle_credentials(engine, &credentials, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	if (!check_certificate(security->backend, &credentials, engine->options.host_name, &security->facts, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	result = check_client_ca(&credentials, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	if (!keep_credentials(security, &credentials))
		return refuse(error, error_bytes, "out of memory");
	renew_cookies(security);
	ringcast_entropy_fill(security->ticket_secret, sizeof(security->ticket_secret));
	return RINGCAST_OK;
}

void ringcast_engine_forget_security(struct ringcast_engine *engine)
{
	forget_credentials(&engine->security);
	explicit_bzero(&engine->security, sizeof(engine->security));
}

/* Contexts: one pair per shard */

static struct crypto_context *make_context(const struct ringcast_engine *engine, enum crypto_kind kind, const struct crypto_credentials *credentials,
					   char *error, size_t error_bytes)
{
	const struct engine_security *security = &engine->security;
	struct crypto_options options = {
		.kind = kind,
		.role = CRYPTO_SERVER,
		.credentials = *credentials,
		.version_min = engine->options.tls_version_min == RINGCAST_TLS_1_3 ? CRYPTO_VERSION_1_3 : CRYPTO_VERSION_1_2,
		.ciphers = security->ciphers[0] != 0 ? security->ciphers : NULL,
	};
	memcpy(options.cookie_secret, security->cookie_secret, sizeof(options.cookie_secret));
	memcpy(options.cookie_secret_previous, security->cookie_secret_previous, sizeof(options.cookie_secret_previous));
	memcpy(options.ticket_secret, security->ticket_secret, sizeof(options.ticket_secret));
	struct crypto_context *context = ringcast_crypto_context_create(security->backend, &options, error, error_bytes);
	explicit_bzero(&options, sizeof(options));
	return context;
}

/* One shard's part of credentials. False with one line; ret_made is empty then. */
static bool make_credentials(const struct ringcast_engine *engine, const struct crypto_credentials *credentials, struct shard_credentials *ret_made,
			     char *error, size_t error_bytes)
{
	bool has_dtls = engine->security.has_dtls && !engine->options.is_udp_off;
	*ret_made = (struct shard_credentials){.ca_pem = strdup(credentials->ca)};
	ret_made->stream = make_context(engine, CRYPTO_STREAM, credentials, error, error_bytes);
	if (ret_made->stream != NULL && has_dtls)
		ret_made->datagram = make_context(engine, CRYPTO_DATAGRAM, credentials, error, error_bytes);
	if (ret_made->ca_pem != NULL && ret_made->stream != NULL && (ret_made->datagram != NULL || !has_dtls))
		return true;
	if (ret_made->ca_pem == NULL)
		snprintf(error, error_bytes, "out of memory");
	ringcast_shard_credentials_release(ret_made);
	return false;
}

bool ringcast_engine_secure_shard(const struct ringcast_engine *engine, struct shard_options *options, char *error, size_t error_bytes)
{
	const struct engine_security *security = &engine->security;
	struct crypto_credentials credentials = {security->certificate, security->key, security->client_ca};
	if (security->mode == RINGCAST_SECURITY_OFF)
		return true;
	options->security = security->mode == RINGCAST_SECURITY_REQUIRED ? SHARD_SECURE_REQUIRED : SHARD_SECURE_OPTIONAL;
	return make_credentials(engine, &credentials, &options->credentials, error, error_bytes);
}

/* Reload */

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
		if (!make_credentials(engine, credentials, &made[i], error, error_bytes))
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

static int reload(struct ringcast_engine *engine, const struct crypto_credentials *credentials, char *error, size_t error_bytes)
{
	struct engine_security *security = &engine->security;
	struct certificate_facts facts;
	if (!check_certificate(security->backend, credentials, security->host_name[0] != 0 ? security->host_name : NULL, &facts, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	struct crypto_credentials whole = *credentials;
	if (whole.ca == NULL)
		whole.ca = last_of_chain(whole.certificate);
	int result = check_client_ca(&whole, error, error_bytes);
	renew_cookies(security);
	if (result == RINGCAST_OK)
		result = hand_out(engine, &whole, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	security->facts = facts;
	warn_of_expiry(&facts);
	return RINGCAST_OK;
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
