/* Making certificates with wolfSSL. The library's structure for it is some ten kilobytes; all of this is for starting up, not for serving.
 */
#include "crypto/backend_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "base/assert.h"
#include "crypto/cert_names.h"

enum {
	SECONDS_PER_DAY = 24 * 60 * 60,
	SECONDS_BEFORE = 60 * 60,
	TAG_DNS = 0x82, /* of a GeneralName: context-specific 2 and 7 */
	TAG_IP = 0x87,
	TAG_SEQUENCE = 0x30,
	TAG_UTC_TIME = 0x17,
	TAG_GENERALIZED_TIME = 0x18,
	YEAR_UTC_TIME_MAX = 2049,
	DER_BYTES_MAX = 4096,
	KEY_BYTES = 32,
};

struct maker {
	WC_RNG rng;
	ecc_key key, issuer_key;
	DerBuffer *issuer; /* NULL: signs itself */
	Cert *cert;
	byte der[DER_BYTES_MAX];
	int der_bytes;
};

/* names and dates in DER */

/* DER wants the shortest form of a length. */
static size_t put_header(uint8_t *out, uint8_t tag, size_t size)
{
	size_t used = 0;
	ringcast_assert(size <= UINT16_MAX);
	out[used++] = tag;
	if (size >= 256) {
		out[used++] = 0x82;
		out[used++] = (uint8_t)(size >> 8);
	} else if (size >= 128) {
		out[used++] = 0x81;
	}
	out[used++] = (uint8_t)size;
	return used;
}

static size_t put_name(uint8_t *out, const struct certificate_name *name)
{
	size_t size = name->ip_bytes != 0 ? name->ip_bytes : strlen(name->dns);
	size_t used = put_header(out, name->ip_bytes != 0 ? TAG_IP : TAG_DNS, size);
	memcpy(out + used, name->ip_bytes != 0 ? (const void *)name->ip : name->dns, size);
	return used + size;
}

static void set_names(Cert *cert, const char *list)
{
	uint8_t names[16 * CERTIFICATE_NAME_BYTES]; /* "::" is two letters of text and eighteen bytes here */
	struct certificate_name name;
	size_t size = 0;
	while (ringcast_certificate_next_name(&list, &name))
		size += put_name(names + size, &name);
	ringcast_assert(size <= sizeof(names) && size + 4 <= sizeof(cert->altNames));
	size_t used = put_header(cert->altNames, TAG_SEQUENCE, size);
	memcpy(cert->altNames + used, names, size);
	cert->altNamesSz = (int)(used + size);
}

static int put_date(byte out[CTC_DATE_SIZE], uint64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm calendar;
	char text[CTC_DATE_SIZE - 2];
	gmtime_r(&when, &calendar);
	bool is_short = calendar.tm_year + 1900 <= YEAR_UTC_TIME_MAX;
	size_t size = strftime(text, sizeof(text), is_short ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &calendar);
	ringcast_assert(size > 0);
	out[0] = is_short ? TAG_UTC_TIME : TAG_GENERALIZED_TIME;
	out[1] = (byte)size;
	memcpy(out + 2, text, size);
	return (int)size + 2;
}

/* steps: 0, or an error of the library */

static int load_issuer(struct maker *maker, const struct certificate *issuer)
{
	DerBuffer *key = NULL;
	word32 offset = 0;
	int is_ecc = 0;
	int result = wc_PemToDer((const unsigned char *)issuer->certificate, (long)strlen(issuer->certificate), CERT_TYPE, &maker->issuer,
				 NULL, NULL, NULL);
	if (result == 0)
		result = wc_PemToDer((const unsigned char *)issuer->key, (long)strlen(issuer->key), PRIVATEKEY_TYPE, &key, NULL, NULL,
				     &is_ecc);
	if (result == 0)
		result = wc_EccPrivateKeyDecode(key->buffer, &offset, &maker->issuer_key, key->length);
	wc_FreeDer(&key);
	return result;
}

static int make_keys(struct maker *maker, const struct certificate_request *request)
{
	int result = wc_InitRng_ex(&maker->rng, NULL, WOLFSSL_RANDOM_DEVICE);
	if (result == 0)
		result = wc_ecc_init(&maker->key);
	if (result == 0)
		result = wc_ecc_init(&maker->issuer_key);
	if (result == 0)
		result = wc_ecc_make_key_ex(&maker->rng, KEY_BYTES, &maker->key, ECC_SECP256R1);
	if (result == 0 && request->issuer != NULL)
		result = load_issuer(maker, request->issuer);
	return result;
}

static void fill(Cert *cert, const struct certificate_request *request)
{
	snprintf(cert->subject.commonName, sizeof(cert->subject.commonName), "%s", request->common_name);
	cert->sigType = CTC_SHA256wECDSA;
	cert->isCA = request->is_ca;
	cert->basicConstCrit = request->is_ca; /* RFC 5280 4.2.1.9; strict verifiers, such as Python from 3.13 on, insist */
	cert->selfSigned = request->issuer == NULL;
	cert->beforeDateSz = put_date(cert->beforeDate, request->now_s > SECONDS_BEFORE ? request->now_s - SECONDS_BEFORE : 0);
	cert->afterDateSz = put_date(cert->afterDate, request->now_s + (uint64_t)request->days * SECONDS_PER_DAY);
	if (!request->is_ca)
		set_names(cert, request->names);
}

static int set_usage(struct maker *maker, const struct certificate_request *request)
{
	int result = wc_SetKeyUsage(maker->cert, request->is_ca ? "keyCertSign,cRLSign" : "digitalSignature");
	if (result == 0 && !request->is_ca)
		result = wc_SetExtKeyUsage(maker->cert, "serverAuth");
	if (result == 0)
		result = wc_SetSubjectKeyIdFromPublicKey(maker->cert, NULL, &maker->key);
	if (result == 0)
		result = wc_SetAuthKeyIdFromPublicKey(maker->cert, NULL, maker->issuer != NULL ? &maker->issuer_key : &maker->key);
	if (result == 0 && maker->issuer != NULL)
		result = wc_SetIssuerBuffer(maker->cert, maker->issuer->buffer, (int)maker->issuer->length);
	return result;
}

static int sign(struct maker *maker)
{
	int size = wc_MakeCert(maker->cert, maker->der, sizeof(maker->der), NULL, &maker->key, &maker->rng);
	if (size < 0)
		return size;
	size = wc_SignCert(size, maker->cert->sigType, maker->der, sizeof(maker->der), NULL,
			   maker->issuer != NULL ? &maker->issuer_key : &maker->key, &maker->rng);
	if (size < 0)
		return size;
	maker->der_bytes = size;
	return 0;
}

static int write_pem(struct maker *maker, struct certificate *ret_certificate)
{
	byte key[256];
	int size = wc_DerToPem(maker->der, (word32)maker->der_bytes, (byte *)ret_certificate->certificate, CERTIFICATE_PEM_BYTES - 1,
			       CERT_TYPE);
	if (size < 0)
		return size;
	ret_certificate->certificate[size] = '\0';
	int key_bytes = wc_EccKeyToDer(&maker->key, key, sizeof(key));
	if (key_bytes < 0)
		return key_bytes;
	size = wc_DerToPem(key, (word32)key_bytes, (byte *)ret_certificate->key, CERTIFICATE_PEM_BYTES - 1, ECC_PRIVATEKEY_TYPE);
	explicit_bzero(key, sizeof(key));
	if (size < 0)
		return size;
	ret_certificate->key[size] = '\0';
	return 0;
}

static int make(struct maker *maker, const struct certificate_request *request, struct certificate *ret_certificate)
{
	int result = make_keys(maker, request);
	if (result != 0)
		return result;
	fill(maker->cert, request);
	result = set_usage(maker, request);
	if (result == 0)
		result = sign(maker);
	return result == 0 ? write_pem(maker, ret_certificate) : result;
}

static bool check_issuer(const struct certificate *issuer, char *reterr, size_t reterr_bytes)
{
	struct crypto_credentials credentials = {.certificate = issuer->certificate, .key = issuer->key};
	struct certificate_facts facts;
	char error[CRYPTO_ERROR_BYTES];
	return ringcast_wolfssl_certificate_check(&credentials, &facts, error, sizeof(error)) ||
	       ringcast_crypto_complain(reterr, reterr_bytes, "issuer: %s", error);
}

bool ringcast_wolfssl_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
				       size_t reterr_bytes)
{
	if (request->issuer != NULL && !check_issuer(request->issuer, reterr, reterr_bytes))
		return false;
	struct maker *maker = calloc(1, sizeof(*maker));
	int result = MEMORY_E;
	if (maker != NULL) {
		maker->cert = wc_CertNew(NULL);
		result = maker->cert != NULL ? make(maker, request, ret_certificate) : MEMORY_E;
		wc_CertFree(maker->cert);
		wc_FreeDer(&maker->issuer);
		wc_ecc_free(&maker->key);
		wc_ecc_free(&maker->issuer_key);
		wc_FreeRng(&maker->rng);
		explicit_bzero(maker, sizeof(*maker));
	}
	free(maker);
	return result == 0 || ringcast_crypto_complain(reterr, reterr_bytes, "cannot make a certificate for \"%s\": %s",
						       request->common_name, ringcast_wolfssl_reason(result));
}
