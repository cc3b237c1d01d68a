#include "base/hash.h"

#include "base/prng.h"
#include "tests/unit/base/check.h"

Test(hash, matches_the_published_value_for_no_bytes)
{
	cr_assert_eq(ringcast_hash_bytes(NULL, 0, 0), UINT64_C(0x2D06800538D394C2));
	cr_assert_eq(ringcast_hash_bytes("", 0, 0), UINT64_C(0x2D06800538D394C2));
}

Test(hash, depends_on_every_bit_the_size_and_the_seed)
{
	uint8_t bytes[80];
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	ringcast_prng_fill(&prng, bytes, sizeof(bytes));
	for (size_t size = 1; size <= sizeof(bytes); size++) {
		uint64_t hash = ringcast_hash_bytes(bytes, size, 7);
		check(ringcast_hash_bytes(bytes, size, 7) == hash, "size %zu: not a function", size);
		check(ringcast_hash_bytes(bytes, size, 8) != hash, "size %zu: seed ignored", size);
		check(ringcast_hash_bytes(bytes, size - 1, 7) != hash, "size %zu: size ignored", size);
		for (size_t bit = 0; bit < size * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			check(ringcast_hash_bytes(bytes, size, 7) != hash, "size %zu: bit %zu ignored", size, bit);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}
