/* Certificates: making them for development and tests, and saying what is wrong with those an operator gives. Control paths only. */
#ifndef RINGCAST_CRYPTO_CERT_H
#define RINGCAST_CRYPTO_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CERTIFICATE_PEM_BYTES = 4096, CERTIFICATE_NAME_BYTES = 256 };

struct crypto_credentials;

struct certificate { /* PEM texts; ECDSA P-256 */
	char certificate[CERTIFICATE_PEM_BYTES], key[CERTIFICATE_PEM_BYTES];
};

struct certificate_request {
	const char *common_name;
	const char *names; /* of the subject, comma-separated: DNS names and IP literals; servers only */
	uint64_t now_s;    /* valid from an hour before */
	uint32_t days;     /* valid for; 397 at most for servers */
	bool is_ca;
	const struct certificate *issuer; /* NULL: signed by itself */
};

struct certificate_facts {
	uint64_t not_before_s, not_after_s;
	char subject[CERTIFICATE_NAME_BYTES], names[CERTIFICATE_NAME_BYTES], fingerprint[96];
};

/* Both false with one clear line in reterr. check: parses, chain in order, key belongs to the leaf. Times and host name are the caller's to
 * compare. */
bool ringcast_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
			       size_t reterr_bytes);
bool ringcast_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
				size_t reterr_bytes);
/* Whether a name of facts (DNS, wildcard in the leftmost label, IP literal) covers host. */
bool ringcast_certificate_covers(const struct certificate_facts *facts, const char *host);

#endif
