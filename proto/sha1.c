#include "proto/sha1.h"

#include "base/assert.h"

enum { BLOCK_BYTES = 64, ROUND_COUNT = 80, LENGTH_BYTES = 8 };

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static uint32_t load_big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_big_endian(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t index = 0; index < size; index++)
		at[index] = (uint8_t)(value >> (8 * (size - 1 - index)));
}

/* Twenty rounds with one choice function and one constant, neither of which is asked for again in each round. */
#define QUARTER(first, choice, constant)                                                                                                             \
	for (unsigned round = (first); round < (first) + 20; round++) {                                                                              \
		uint32_t next = rotate(a, 5) + (choice) + e + (constant) + words[round];                                                             \
		e = d;                                                                                                                               \
		d = c;                                                                                                                               \
		c = rotate(b, 30);                                                                                                                   \
		b = a;                                                                                                                               \
		a = next;                                                                                                                            \
	}

static void add_block(uint32_t state[5], const uint8_t block[BLOCK_BYTES])
{
	uint32_t words[ROUND_COUNT];
	for (unsigned index = 0; index < 16; index++)
		words[index] = load_big_endian(block + 4 * index);
	for (unsigned index = 16; index < ROUND_COUNT; index++)
		words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1);

	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	QUARTER(0, (b & c) | (~b & d), 0x5a827999)
	QUARTER(20, b ^ c ^ d, 0x6ed9eba1)
	QUARTER(40, (b & c) | (b & d) | (c & d), 0x8f1bbcdc)
	QUARTER(60, b ^ c ^ d, 0xca62c1d6)
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void ringcast_sha1(struct view bytes, uint8_t ret_digest[SHA1_DIGEST_BYTES])
{
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	size_t whole_bytes = bytes.size / BLOCK_BYTES * BLOCK_BYTES;
	for (size_t offset = 0; offset < whole_bytes; offset += BLOCK_BYTES)
		add_block(state, bytes.data + offset);

	/* The rest, a one bit, zeros, and the length in bits: one or two blocks. */
	uint8_t tail[2 * BLOCK_BYTES] = {0};
	size_t rest_bytes = bytes.size - whole_bytes;
	if (rest_bytes != 0)
		memcpy(tail, bytes.data + whole_bytes, rest_bytes);
	tail[rest_bytes] = 0x80;
	size_t tail_bytes = rest_bytes < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
	store_big_endian(tail + tail_bytes - LENGTH_BYTES, (uint64_t)bytes.size * 8, LENGTH_BYTES);
	for (size_t offset = 0; offset < tail_bytes; offset += BLOCK_BYTES)
		add_block(state, tail + offset);
	for (unsigned index = 0; index < 5; index++)
		store_big_endian(ret_digest + 4 * index, state[index], 4);
}

size_t ringcast_base64_encode(struct view bytes, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	ringcast_assert(bytes.data != NULL || bytes.size == 0);
	size_t size = 0;
	for (size_t offset = 0; offset < bytes.size; offset += 3) {
		size_t left_bytes = bytes.size - offset;
		uint32_t group = (uint32_t)bytes.data[offset] << 16;
		group |= left_bytes > 1 ? (uint32_t)bytes.data[offset + 1] << 8 : 0;
		group |= left_bytes > 2 ? bytes.data[offset + 2] : 0;
		out[size++] = digits[group >> 18];
		out[size++] = digits[group >> 12 & 63];
		out[size++] = left_bytes > 1 ? digits[group >> 6 & 63] : '=';
		out[size++] = left_bytes > 2 ? digits[group & 63] : '=';
	}
	return size;
}
