#include "security/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "io/clock.h"

enum { MADE_DAYS = 30, WARN_DAYS = 14, DAY_S = 86400 };

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

bool ringcast_security_check_certificate(const struct crypto_backend *backend, const struct crypto_credentials *credentials, const char *host_name,
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

/* The last one of a chain is its root, or the nearest to it that the operator gave: enough for a client to verify the leaf. */
const char *ringcast_security_last_of_chain(const char *certificate)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *last = certificate;
	for (const char *at = strstr(certificate, begin); at != NULL; at = strstr(at + 1, begin))
		last = at;
	return last;
}

void ringcast_security_warn_of_expiry(const struct certificate_facts *facts)
{
	uint64_t now_s = ringcast_clock_wall_s();
	char day[24] = "?";
	if (facts->not_after_s - now_s >= (uint64_t)WARN_DAYS * DAY_S)
		return;
	format_day(facts->not_after_s, day);
	ringcast_log(LOG_WARN, "tls", "the certificate expires soon", "subject=\"%s\" not_after=%s days_left=%u", facts->subject, day,
		     (unsigned)((facts->not_after_s - now_s) / DAY_S));
}

bool ringcast_security_make_certificate(struct security *security, const char *names, char *error, size_t error_bytes)
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

/* The end of the PEM certificate that begins at or behind text; NULL: none. */
static const char *end_of_certificate(const char *text)
{
	static const char end[] = "-----END CERTIFICATE-----";
	const char *at = strstr(text, end);
	return at != NULL ? at + sizeof(end) - 1 : NULL;
}

/* Whether the first certificates of a chain, up to end, are signed in turn, the last one by the CA's first. */
static bool is_chain_to(const struct crypto_backend *backend, const char *chain, const char *end, const char *ca)
{
	char error[CRYPTO_ERROR_BYTES], *text = NULL;
	struct certificate_facts facts;
	const char *ca_end = end_of_certificate(ca);
	if (ca_end == NULL || asprintf(&text, "%.*s\n%.*s\n", (int)(end - chain), chain, (int)(ca_end - ca), ca) < 0)
		return false;
	const struct crypto_credentials joined = {text, NULL, NULL};
	bool is_signed = backend->certificate_check(&joined, &facts, error, sizeof(error));
	free(text);
	return is_signed;
}

/* The CA may be the root behind the chain, the root in it, or an issuer half way; the file may hold several. */
static bool has_signed(const struct crypto_backend *backend, const char *ca, const char *certificate)
{
	for (const char *one = ca; one != NULL && end_of_certificate(one) != NULL; one = end_of_certificate(one))
		for (const char *end = end_of_certificate(certificate); end != NULL; end = end_of_certificate(end))
			if (is_chain_to(backend, certificate, end, one))
				return true;
	return false;
}

bool ringcast_security_check_client_ca(const struct crypto_backend *backend, const struct crypto_credentials *credentials, char *error,
				       size_t error_bytes)
{
	const char *ca = credentials->ca != NULL ? credentials->ca : ringcast_security_last_of_chain(credentials->certificate);
	if (strlen(ca) > PROTO_CA_CERT_BYTES_MAX)
		snprintf(error, error_bytes, "the CA certificate for clients is longer than 4096 bytes, which is what a login's answer can hold");
	else if (credentials->ca != NULL && !has_signed(backend, ca, credentials->certificate))
		snprintf(error, error_bytes, "the CA certificate for clients (tls.ca) has not signed the certificate (tls.certificate), nor one of its chain: "
					     "players could not verify DTLS");
	else
		return true;
	return false;
}

void ringcast_security_warn_of_missing_ca(const struct crypto_backend *backend, const char *certificate, const char *ca)
{
	if (!has_signed(backend, ca, certificate))
		ringcast_log(LOG_WARN, "tls", "players who verify DTLS cannot: what a login gives them for it has not signed the certificate",
			     "remedy=\"name its CA's certificate in tls.ca, or put it behind tls.certificate\"");
}
