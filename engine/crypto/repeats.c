#include "crypto/repeats.h"

#include "base/hash.h"
#include "crypto/dtls_record.h"

/* 0 stands for nothing seen. */
static uint64_t name_of(struct view message)
{
	return ringcast_hash_bytes(message.data, message.size, 0) | 1;
}

void ringcast_repeats_note(struct repeats *repeats, struct view datagram)
{
	struct dtls_record record;
	while (ringcast_dtls_next_record(&datagram, &record)) {
		if (record.epoch != 0 || record.type != DTLS_CONTENT_HANDSHAKE)
			continue;
		repeats->seen[repeats->next_index] = name_of(record.body);
		repeats->next_index = (uint8_t)((repeats->next_index + 1) % REPEATS_COUNT);
	}
}

static bool was_seen(const struct repeats *repeats, struct view message)
{
	uint64_t name = name_of(message);
	for (size_t index = 0; index < REPEATS_COUNT; index++)
		if (repeats->seen[index] == name)
			return true;
	return false;
}

/* There is only one of it, so it need not have been seen. */
static bool is_change_cipher_spec(const struct dtls_record *record)
{
	return record->type == DTLS_CONTENT_CHANGE_CIPHER_SPEC && record->body.size == 1 && record->body.data[0] == 1;
}

bool ringcast_repeats_allow(const struct repeats *repeats, struct view datagram)
{
	struct dtls_record record;
	while (ringcast_dtls_next_record(&datagram, &record)) {
		if (record.epoch != 0)
			continue;
		bool is_repeat =
			is_change_cipher_spec(&record) || (record.type == DTLS_CONTENT_HANDSHAKE && was_seen(repeats, record.body));
		if (repeats->is_over || !is_repeat)
			return false;
	}
	return true;
}
