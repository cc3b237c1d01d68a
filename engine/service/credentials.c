#include "service/credentials.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { CHAIN_MAX = 16 };

/* A handshake may still use one that was replaced, so it stays until nobody serves any more; there are as many as the certificate was renewed. */
struct credentials {
	struct credentials *older;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_count;
	gnutls_privkey_t key;
	uint64_t digest;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct credentials *newest;

static void credentials_free(struct credentials *credentials)
{
	for (unsigned i = 0; i < credentials->chain_count; i++)
		gnutls_pcert_deinit(&credentials->chain[i]);
	if (credentials->key != NULL)
		gnutls_privkey_deinit(credentials->key);
	free(credentials);
}

static gnutls_datum_t datum_of(const char *text)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

/* A certificate and a key that do not belong together would fail every handshake. */
static int check_pair(const struct credentials *credentials)
{
	unsigned char ids[2][64];
	size_t sizes[2] = {sizeof(ids[0]), sizeof(ids[1])};
	gnutls_pubkey_t key;
	int result = gnutls_pubkey_init(&key);
	if (result != 0)
		return result;
	result = gnutls_pubkey_get_key_id(credentials->chain[0].pubkey, 0, ids[0], &sizes[0]);
	if (result == 0)
		result = gnutls_pubkey_import_privkey(key, credentials->key, 0, 0);
	if (result == 0)
		result = gnutls_pubkey_get_key_id(key, 0, ids[1], &sizes[1]);
	gnutls_pubkey_deinit(key);
	bool is_pair = result == 0 && sizes[0] == sizes[1] && memcmp(ids[0], ids[1], sizes[0]) == 0;
	return result != 0 || is_pair ? result : GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
}

static int load(struct credentials *credentials, const char *certificate, const char *key)
{
	gnutls_datum_t chain = datum_of(certificate), secret = datum_of(key);
	unsigned count = CHAIN_MAX;
	int result = gnutls_pcert_list_import_x509_raw(credentials->chain, &count, &chain, GNUTLS_X509_FMT_PEM, 0);
	if (result < 0)
		return result;
	credentials->chain_count = count;
	result = gnutls_privkey_init(&credentials->key);
	if (result == 0)
		result = gnutls_privkey_import_x509_raw(credentials->key, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
	return result == 0 ? check_pair(credentials) : result;
}

static uint64_t digest_of(const char *certificate, const char *key)
{
	return ringcast_hash_bytes(key, strlen(key), ringcast_hash_bytes(certificate, strlen(certificate), 0));
}

bool ringcast_credentials_set(const char *certificate, const char *key, char *problem, size_t problem_bytes)
{
	uint64_t digest = digest_of(certificate, key);
	struct credentials *credentials = calloc(1, sizeof(*credentials));
	if (credentials == NULL) {
		snprintf(problem, problem_bytes, "out of memory");
		return false;
	}
	credentials->digest = digest;
	int result = load(credentials, certificate, key);
	pthread_rwlock_wrlock(&lock);
	bool is_new = result == 0 && (newest == NULL || newest->digest != digest);
	if (is_new) {
		credentials->older = newest;
		newest = credentials;
	}
	pthread_rwlock_unlock(&lock);
	if (!is_new)
		credentials_free(credentials);
	if (result != 0)
		snprintf(problem, problem_bytes, "certificate or key: %s", gnutls_strerror(result));
	return result == 0;
}

static int retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count, const gnutls_pk_algorithm_t *algorithms,
		    int algorithm_count, gnutls_pcert_st **ret_chain, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
	pthread_rwlock_rdlock(&lock);
	struct credentials *credentials = newest;
	pthread_rwlock_unlock(&lock);
	if (credentials == NULL)
		return -1;
	*ret_chain = credentials->chain;
	*ret_count = credentials->chain_count;
	*ret_key = credentials->key;
	return 0;
}

void *ringcast_credentials_callback(void)
{
	gnutls_certificate_retrieve_function2 *callback = retrieve;
	void *pointer;
	memcpy(&pointer, &callback, sizeof(pointer));
	return pointer;
}

void ringcast_credentials_forget(void)
{
	pthread_rwlock_wrlock(&lock);
	while (newest != NULL) {
		struct credentials *credentials = newest;
		newest = credentials->older;
		credentials_free(credentials);
	}
	pthread_rwlock_unlock(&lock);
}
