/* Runs a check for every pair of libraries in this build: client and server, each in both parts. */
#ifndef RINGCAST_TESTS_CRYPTO_LIBRARIES_H
#define RINGCAST_TESTS_CRYPTO_LIBRARIES_H

#include "pair.h"

void for_all_libraries(enum crypto_kind kind, void (*check)(const struct pair_options *options));

#endif
