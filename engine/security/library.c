#include "security/library.h"

#include <pthread.h>
#include <stdio.h>

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static char library_error[CRYPTO_ERROR_BYTES];
static bool is_library_ready;

static void start_library(void)
{
	is_library_ready = ringcast_crypto_global_init(library_error, sizeof(library_error));
}

const struct crypto_backend *ringcast_security_library(const char *name, char *error, size_t error_bytes)
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

void ringcast_security_print_library(const struct crypto_backend *backend, char *out, size_t size)
{
	struct crypto_features features = {0};
	backend->features(&features);
	snprintf(out, size, "%s%s%s%s%s", features.library, features.has_tls ? ", TLS 1.2" : "", features.has_tls13 ? ", TLS 1.3" : "",
		 features.has_dtls && features.refused_dtls[0] == 0 ? ", DTLS 1.2" : ", no DTLS", features.has_aes_ni ? ", AES-NI" : ", no AES-NI");
}
