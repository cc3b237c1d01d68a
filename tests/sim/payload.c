#include "payload.h"

#include "base/assert.h"
#include "base/hash.h"

#define MAGIC 0x52434153u

struct tag {
	uint64_t check; /* over everything behind it */
	uint32_t magic, session, sender, message;
};

void ringcast_payload_encode(const struct payload *payload, uint8_t *out, size_t size)
{
	struct tag tag = {.magic = MAGIC, .session = payload->session, .sender = payload->sender, .message = payload->message};
	ringcast_assert(sizeof(tag) == PAYLOAD_BYTES_MIN);
	ringcast_assert(size >= sizeof(tag));
	for (size_t i = sizeof(tag); i < size; i++)
		out[i] = (uint8_t)(payload->message * 31 + i);
	memcpy(out, &tag, sizeof(tag));
	tag.check = ringcast_hash_bytes(out + sizeof(tag.check), size - sizeof(tag.check), size);
	memcpy(out, &tag, sizeof(tag));
}

bool ringcast_payload_decode(struct view bytes, struct payload *ret_payload)
{
	struct tag tag;
	if (bytes.size < sizeof(tag))
		return false;
	memcpy(&tag, bytes.data, sizeof(tag));
	if (tag.magic != MAGIC || tag.check != ringcast_hash_bytes(bytes.data + sizeof(tag.check), bytes.size - sizeof(tag.check), bytes.size))
		return false;
	*ret_payload = (struct payload){.session = tag.session, .sender = tag.sender, .message = tag.message};
	return true;
}
