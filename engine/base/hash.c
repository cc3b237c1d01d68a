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

void ringcast_hash_bytes_wide(const void *data, size_t size, uint64_t ret_hash[2])
{
	ringcast_assert(data != NULL || size == 0);
	XXH128_hash_t hash = XXH3_128bits(data, size);
	ret_hash[0] = hash.high64;
	ret_hash[1] = hash.low64;
}
