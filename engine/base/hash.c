#include "base/hash.h"

/* Compiled in here and nowhere else, so that the choice of hash stays one file wide. */
#define XXH_INLINE_ALL

#include <xxhash.h>

#include "base/assert.h"

uint64_t ringcast_hash_bytes(const void *data, size_t size, uint64_t seed)
{
	ringcast_assert(data != NULL || size == 0);
	return XXH3_64bits_withSeed(data, size, seed);
}
