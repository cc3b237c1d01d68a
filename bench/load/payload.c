#include "bench/load/payload.h"

#include <assert.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

/* The wire form is the struct itself and its checksum: both ends are this process. */
static_assert(sizeof(struct payload) == PAYLOAD_BYTES_MIN, "checksum sits in the struct's tail padding");
enum { CHECKSUM_OFFSET = offsetof(struct payload, receiver) + sizeof(uint32_t) };
static_assert(CHECKSUM_OFFSET + sizeof(uint32_t) == PAYLOAD_BYTES_MIN, "four bytes are left for the checksum");

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
	uint64_t head = ringcast_hash_bytes(bytes, CHECKSUM_OFFSET, size);
	if (size > PAYLOAD_BYTES_MIN)
		head = ringcast_hash_bytes(bytes + PAYLOAD_BYTES_MIN, size - PAYLOAD_BYTES_MIN, head);
	return (uint32_t)(head ^ head >> 32);
}

void ringcast_payload_encode(const struct payload *payload, uint8_t *out, size_t size)
{
	ringcast_assert(size >= PAYLOAD_BYTES_MIN && size <= PAYLOAD_BYTES_MAX);
	memcpy(out, payload, CHECKSUM_OFFSET);
	memset(out + PAYLOAD_BYTES_MIN, (int)(payload->sequence & 0xff), size - PAYLOAD_BYTES_MIN);
	uint32_t sum = checksum(out, size);
	memcpy(out + CHECKSUM_OFFSET, &sum, sizeof(sum));
}

bool ringcast_payload_decode(const uint8_t *bytes, size_t size, struct payload *ret_payload)
{
	uint32_t sum;
	if (size < PAYLOAD_BYTES_MIN)
		return false;
	memcpy(&sum, bytes + CHECKSUM_OFFSET, sizeof(sum));
	if (sum != checksum(bytes, size))
		return false;
	memcpy(ret_payload, bytes, CHECKSUM_OFFSET);
	return true;
}
