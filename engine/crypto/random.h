/* Random bytes for the libraries: from the operating system in large pieces, because records and hellos ask for a few at a time. */
#ifndef RINGCAST_CRYPTO_RANDOM_H
#define RINGCAST_CRYPTO_RANDOM_H

#include "crypto/crypto.h"

/* Where this thread's bytes come from until it is called again; NULL: the operating system. The front calls it on every entry. */
void ringcast_random_source(crypto_random_fn *source, void *context);
void ringcast_random_fill(void *out, size_t size);

#endif
