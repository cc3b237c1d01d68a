#ifndef RINGCAST_SECURITY_LIBRARY_H
#define RINGCAST_SECURITY_LIBRARY_H

#include "crypto/crypto.h"

/* Starts the TLS library, once per process. name NULL: the one this build prefers. NULL with one line: there is none. */
const struct crypto_backend *ringcast_security_library(const char *name, char *error, size_t error_bytes);
void ringcast_security_print_library(const struct crypto_backend *backend, char *out, size_t size);

#endif
