/* Certificates with OpenSSL. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/backend_openssl.h"
#include "crypto/cert_names.h"

enum { SECONDS_PER_DAY = 24 * 60 * 60, SECONDS_BEFORE = 60 * 60 };

/* Without it the library would ask for the password of an encrypted key at the terminal. */
static int refuse_password(char *out, int capacity, int is_writing, void *context)
{
	return -1;
}

static BIO *open_text(const char *pem)
{
	return BIO_new_mem_buf(pem, -1);
}

/* The end of PEM text is an error to the library; anything else that stopped it is one to us. */
static bool is_end_of_text(void)
{
	unsigned long code = ERR_peek_last_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

bool ringcast_openssl_load_chain(const char *pem, STACK_OF(X509) * *ret_chain, const char *what, char *reterr, size_t reterr_bytes)
{
	BIO *text = open_text(pem);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *certificate;
	ERR_clear_error();
	while (text != NULL && chain != NULL && (certificate = PEM_read_bio_X509(text, NULL, refuse_password, NULL)) != NULL)
		sk_X509_push(chain, certificate);
	bool is_whole = is_end_of_text();
	BIO_free(text);
	ERR_clear_error();
	if (is_whole && sk_X509_num(chain) > 0) {
		*ret_chain = chain;
		return true;
	}
	int number = chain != NULL ? sk_X509_num(chain) + 1 : 1;
	sk_X509_pop_free(chain, X509_free);
	if (is_whole)
		return ringcast_crypto_complain(reterr, reterr_bytes, "%s: no PEM certificate in it", what);
	return ringcast_crypto_complain(reterr, reterr_bytes, "%s: certificate %d of the file is damaged or cut off", what, number);
}

EVP_PKEY *ringcast_openssl_load_key(const char *pem, char *reterr, size_t reterr_bytes)
{
	BIO *text = open_text(pem);
	EVP_PKEY *key = text != NULL ? PEM_read_bio_PrivateKey(text, NULL, refuse_password, NULL) : NULL;
	BIO_free(text);
	ERR_clear_error();
	if (key == NULL)
		ringcast_crypto_complain(reterr, reterr_bytes, "key: %s",
					 strstr(pem, "ENCRYPTED") != NULL ? "it is encrypted with a password; give it without"
									  : "no PEM private key, or damaged");
	return key;
}

/* making */

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return is_added;
}

/* GENERAL_NAMEs made one by one: text given to the library's configuration parser could say more than a name. */
static bool add_name(GENERAL_NAMES *names, const struct certificate_name *from)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(from->ip_bytes != 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	const void *bytes = from->ip_bytes != 0 ? (const void *)from->ip : from->dns;
	size_t size = from->ip_bytes != 0 ? from->ip_bytes : strlen(from->dns);
	if (name != NULL && value != NULL && ASN1_STRING_set(value, bytes, (int)size) == 1) {
		GENERAL_NAME_set0_value(name, from->ip_bytes != 0 ? GEN_IPADD : GEN_DNS, value);
		if (sk_GENERAL_NAME_push(names, name) > 0)
			return true;
	} else {
		ASN1_STRING_free(value);
	}
	GENERAL_NAME_free(name);
	return false;
}

static bool add_names(X509 *certificate, const char *list)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	struct certificate_name name;
	bool is_added = names != NULL;
	while (is_added && ringcast_certificate_next_name(&list, &name))
		is_added = add_name(names, &name);
	is_added = is_added && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return is_added;
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct certificate_request *request)
{
	if (!add_extension(certificate, issuer, NID_basic_constraints, request->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
	    !add_extension(certificate, issuer, NID_key_usage,
			   request->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
	    !add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
	    !add_extension(certificate, issuer, NID_authority_key_identifier, "keyid"))
		return false;
	return request->is_ca ||
	       (add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") && add_names(certificate, request->names));
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool is_set = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		      BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return is_set;
}

static bool set_subject(X509 *certificate, const char *common_name)
{
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool fill(X509 *certificate, X509 *issuer, EVP_PKEY *key, const struct certificate_request *request)
{
	time_t from = (time_t)(request->now_s > SECONDS_BEFORE ? request->now_s - SECONDS_BEFORE : 0);
	time_t until = (time_t)(request->now_s + (uint64_t)request->days * SECONDS_PER_DAY);
	return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	       set_subject(certificate, request->common_name) && X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(certificate), from) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(certificate), until) != NULL && X509_set_pubkey(certificate, key) == 1 &&
	       add_extensions(certificate, issuer, request);
}

static bool take_text(BIO *text, char ret_pem[CERTIFICATE_PEM_BYTES])
{
	int size = BIO_read(text, ret_pem, CERTIFICATE_PEM_BYTES);
	bool is_whole = size > 0 && size < CERTIFICATE_PEM_BYTES;
	if (is_whole)
		ret_pem[size] = '\0';
	return is_whole;
}

static bool write_pem(X509 *certificate, EVP_PKEY *key, struct certificate *ret_certificate)
{
	BIO *text = BIO_new(BIO_s_mem());
	bool is_written = text != NULL && PEM_write_bio_X509(text, certificate) == 1 && take_text(text, ret_certificate->certificate) &&
			  PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1 && take_text(text, ret_certificate->key);
	BIO_free(text);
	return is_written;
}

struct issuer {
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

static bool load_issuer(const struct certificate *from, struct issuer *ret_issuer, char *reterr, size_t reterr_bytes)
{
	if (from == NULL)
		return true;
	if (!ringcast_openssl_load_chain(from->certificate, &ret_issuer->chain, "issuer", reterr, reterr_bytes))
		return false;
	ret_issuer->key = ringcast_openssl_load_key(from->key, reterr, reterr_bytes);
	if (ret_issuer->key == NULL)
		return false;
	if (X509_check_private_key(sk_X509_value(ret_issuer->chain, 0), ret_issuer->key) != 1) {
		ERR_clear_error();
		return ringcast_crypto_complain(reterr, reterr_bytes, "issuer: the key does not belong to the certificate");
	}
	return true;
}

bool ringcast_openssl_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
				       size_t reterr_bytes)
{
	struct issuer issuer = {0};
	if (!load_issuer(request->issuer, &issuer, reterr, reterr_bytes)) {
		sk_X509_pop_free(issuer.chain, X509_free);
		EVP_PKEY_free(issuer.key);
		return false;
	}
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509 *signer = issuer.chain != NULL ? sk_X509_value(issuer.chain, 0) : certificate;
	bool is_made = key != NULL && certificate != NULL && fill(certificate, signer, key, request) &&
		       X509_sign(certificate, issuer.key != NULL ? issuer.key : key, EVP_sha256()) > 0 &&
		       write_pem(certificate, key, ret_certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
	sk_X509_pop_free(issuer.chain, X509_free);
	EVP_PKEY_free(issuer.key);
	return is_made || ringcast_crypto_complain(reterr, reterr_bytes, "cannot make a certificate for \"%s\": %s", request->common_name,
						   ringcast_openssl_reason());
}

/* checking */

static uint64_t seconds_of(const ASN1_TIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool is_known = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
	ASN1_TIME_free(epoch);
	return is_known && days >= 0 ? (uint64_t)days * SECONDS_PER_DAY + (uint64_t)seconds : 0;
}

static void list_names(X509 *leaf, struct certificate_facts *facts)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
		int type;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &type);
		if (type == GEN_DNS)
			ringcast_certificate_add_dns(facts, (const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
		else if (type == GEN_IPADD)
			ringcast_certificate_add_ip(facts, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	}
	GENERAL_NAMES_free(names);
}

static bool describe(X509 *leaf, struct certificate_facts *ret_facts)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_bytes;
	*ret_facts = (struct certificate_facts){0};
	ret_facts->not_before_s = seconds_of(X509_get0_notBefore(leaf));
	ret_facts->not_after_s = seconds_of(X509_get0_notAfter(leaf));
	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, ret_facts->subject, sizeof(ret_facts->subject));
	list_names(leaf, ret_facts);
	if (X509_digest(leaf, EVP_sha256(), digest, &digest_bytes) != 1)
		return false;
	ringcast_certificate_print_fingerprint(digest, digest_bytes, ret_facts->fingerprint);
	return true;
}

static bool check_order(STACK_OF(X509) * chain, char *reterr, size_t reterr_bytes)
{
	for (int index = 0; index + 1 < sk_X509_num(chain); index++)
		if (X509_verify(sk_X509_value(chain, index), X509_get0_pubkey(sk_X509_value(chain, index + 1))) != 1)
			return ringcast_crypto_complain(
				reterr, reterr_bytes,
				"certificate: number %d of the file is not signed by number %d; leaf first, then its issuers", index + 1,
				index + 2);
	return true;
}

static bool check_key(STACK_OF(X509) * chain, const char *pem, char *reterr, size_t reterr_bytes)
{
	if (pem == NULL)
		return true;
	EVP_PKEY *key = ringcast_openssl_load_key(pem, reterr, reterr_bytes);
	if (key == NULL)
		return false;
	bool is_same = X509_check_private_key(sk_X509_value(chain, 0), key) == 1;
	EVP_PKEY_free(key);
	return is_same || ringcast_crypto_complain(reterr, reterr_bytes, "the key does not belong to the certificate");
}

bool ringcast_openssl_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
					size_t reterr_bytes)
{
	STACK_OF(X509) * chain;
	if (!ringcast_openssl_load_chain(credentials->certificate, &chain, "certificate", reterr, reterr_bytes))
		return false;
	struct certificate_facts facts;
	bool is_good = check_order(chain, reterr, reterr_bytes) && check_key(chain, credentials->key, reterr, reterr_bytes);
	if (is_good && !describe(sk_X509_value(chain, 0), &facts))
		is_good = ringcast_crypto_complain(reterr, reterr_bytes, "certificate: %s", ringcast_openssl_reason());
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	if (is_good)
		*ret_facts = facts;
	return is_good;
}
