/* Certificates with wolfSSL. */
#include "crypto/backend_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "base/assert.h"
#include "crypto/cert_names.h"

enum { CHAIN_COUNT_MAX = 10 };

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----", pem_end[] = "-----END CERTIFICATE-----";

/* PEM text, taken apart: leaf first. */
struct chain {
	DerBuffer *certificates[CHAIN_COUNT_MAX];
	size_t count;
};

static void free_chain(struct chain *chain)
{
	for (size_t index = 0; index < chain->count; index++)
		wc_FreeDer(&chain->certificates[index]);
	chain->count = 0;
}

static bool add_to_chain(struct chain *chain, const char *begin, const char *end)
{
	if (chain->count == CHAIN_COUNT_MAX ||
	    wc_PemToDer((const unsigned char *)begin, end - begin, CERT_TYPE, &chain->certificates[chain->count], NULL, NULL, NULL) != 0)
		return false;
	chain->count++;
	return true;
}

static bool load_chain(const char *pem, struct chain *ret_chain, const char *what, char *reterr, size_t reterr_bytes)
{
	*ret_chain = (struct chain){0};
	for (const char *begin = strstr(pem, pem_begin); begin != NULL;) {
		const char *end = strstr(begin, pem_end);
		if (end == NULL || !add_to_chain(ret_chain, begin, end + strlen(pem_end))) {
			ringcast_crypto_complain(reterr, reterr_bytes, "%s: certificate %zu of the file is damaged or cut off", what,
						 ret_chain->count + 1);
			free_chain(ret_chain);
			return false;
		}
		begin = strstr(end, pem_begin);
	}
	return ret_chain->count > 0 || ringcast_crypto_complain(reterr, reterr_bytes, "%s: no PEM certificate in it", what);
}

/* facts */

static uint64_t seconds_of(const byte *date, int date_bytes)
{
	struct tm calendar = {0};
	const byte *digits;
	byte format;
	int digits_bytes;
	if (wc_GetDateInfo(date, date_bytes, &digits, &format, &digits_bytes) != 0 ||
	    wc_GetDateAsCalendarTime(digits, digits_bytes, format, &calendar) != 0)
		return 0;
	time_t seconds = timegm(&calendar);
	return seconds > 0 ? (uint64_t)seconds : 0;
}

static void list_names(const DecodedCert *decoded, struct certificate_facts *facts)
{
	for (const DNS_entry *name = decoded->altNames; name != NULL; name = name->next) {
		if (name->type == ASN_DNS_TYPE)
			ringcast_certificate_add_dns(facts, name->name, (size_t)name->len);
		else if (name->type == ASN_IP_TYPE)
			ringcast_certificate_add_ip(facts, (const uint8_t *)name->name, (size_t)name->len);
	}
}

static void describe(const DecodedCert *decoded, struct certificate_facts *ret_facts)
{
	*ret_facts = (struct certificate_facts){0};
	ret_facts->not_before_s = seconds_of(decoded->beforeDate, decoded->beforeDateLen);
	ret_facts->not_after_s = seconds_of(decoded->afterDate, decoded->afterDateLen);
	if (decoded->subjectCN != NULL)
		snprintf(ret_facts->subject, sizeof(ret_facts->subject), "%.*s", decoded->subjectCNLen, decoded->subjectCN);
	list_names(decoded, ret_facts);
}

bool ringcast_wolfssl_facts_of(const uint8_t *der, size_t der_bytes, struct certificate_facts *ret_facts)
{
	DecodedCert *decoded = malloc(sizeof(*decoded));
	uint8_t digest[WC_SHA256_DIGEST_SIZE];
	if (decoded == NULL)
		return false;
	wc_InitDecodedCert(decoded, der, (word32)der_bytes, NULL);
	bool is_parsed = wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL) == 0 && wc_Sha256Hash(der, (word32)der_bytes, digest) == 0;
	if (is_parsed) {
		describe(decoded, ret_facts);
		ringcast_certificate_print_fingerprint(digest, sizeof(digest), ret_facts->fingerprint);
	}
	wc_FreeDecodedCert(decoded);
	free(decoded);
	return is_parsed;
}

/* checking */

/* Dates are the caller's to judge; here it is the signature that counts. */
static bool is_signed_by(const DerBuffer *certificate, const DerBuffer *issuer)
{
	WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
	DecodedCert *decoded = malloc(sizeof(*decoded));
	bool is_signed = false;
	if (manager != NULL && decoded != NULL &&
	    wolfSSL_CertManagerLoadCABuffer_ex(manager, issuer->buffer, issuer->length, WOLFSSL_FILETYPE_ASN1, 0,
					       WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY) == WOLFSSL_SUCCESS) {
		wc_InitDecodedCert(decoded, certificate->buffer, certificate->length, NULL);
		is_signed = wc_ParseCert(decoded, CERT_TYPE, VERIFY_SKIP_DATE, manager) == 0;
		wc_FreeDecodedCert(decoded);
	}
	free(decoded);
	wolfSSL_CertManagerFree(manager);
	return is_signed;
}

static bool check_order(const struct chain *chain, char *reterr, size_t reterr_bytes)
{
	for (size_t index = 0; index + 1 < chain->count; index++)
		if (!is_signed_by(chain->certificates[index], chain->certificates[index + 1]))
			return ringcast_crypto_complain(
				reterr, reterr_bytes,
				"certificate: number %zu of the file is not signed by number %zu; leaf first, then its issuers", index + 1,
				index + 2);
	return true;
}

static bool is_encrypted(const char *pem)
{
	return strstr(pem, "ENCRYPTED") != NULL;
}

/* The library compares them in a context; a key that belongs to another certificate is refused there. */
static bool check_key(const DerBuffer *leaf, const char *pem, char *reterr, size_t reterr_bytes)
{
	if (is_encrypted(pem))
		return ringcast_crypto_complain(reterr, reterr_bytes, "key: it is encrypted with a password; give it without");
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLSv1_2_server_method());
	if (ctx == NULL)
		return ringcast_crypto_complain(reterr, reterr_bytes, "out of memory");
	bool is_leaf_good = wolfSSL_CTX_use_certificate_buffer(ctx, leaf->buffer, leaf->length, WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
	bool is_key_good = is_leaf_good && wolfSSL_CTX_use_PrivateKey_buffer(ctx, (const unsigned char *)pem, (long)strlen(pem),
									     WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
	bool is_same = is_key_good && wolfSSL_CTX_check_private_key(ctx) == WOLFSSL_SUCCESS;
	wolfSSL_CTX_free(ctx);
	if (!is_leaf_good)
		return ringcast_crypto_complain(reterr, reterr_bytes, "certificate: the library does not take it");
	if (!is_key_good)
		return ringcast_crypto_complain(reterr, reterr_bytes, "key: no PEM private key, or damaged");
	return is_same || ringcast_crypto_complain(reterr, reterr_bytes, "the key does not belong to the certificate");
}

bool ringcast_wolfssl_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
					size_t reterr_bytes)
{
	struct chain chain;
	struct certificate_facts facts;
	if (!load_chain(credentials->certificate, &chain, "certificate", reterr, reterr_bytes))
		return false;
	const DerBuffer *leaf = chain.certificates[0];
	bool is_good = ringcast_wolfssl_facts_of(leaf->buffer, leaf->length, &facts) ||
		       ringcast_crypto_complain(reterr, reterr_bytes, "certificate: certificate 1 of the file is damaged or cut off");
	is_good = is_good && check_order(&chain, reterr, reterr_bytes) &&
		  (credentials->key == NULL || check_key(leaf, credentials->key, reterr, reterr_bytes));
	free_chain(&chain);
	if (is_good)
		*ret_facts = facts;
	return is_good;
}
