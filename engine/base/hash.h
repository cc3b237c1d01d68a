/* Seeded 64-bit hash (xxh3). Tables keyed by bytes from the wire must use a secret seed from io's entropy. */
#ifndef RINGCAST_BASE_HASH_H
#define RINGCAST_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t ringcast_hash_bytes(const void *data, size_t size, uint64_t seed);
/* 128 bits of the same family, without a seed: names contents, defends against accidents only. */
void ringcast_hash_bytes_wide(const void *data, size_t size, uint64_t ret_hash[2]);

#endif
