/*
 * Bytes of a stream to a server that has just accepted it. The first byte picks the library, the second in what pieces they arrive. A
 * session never opens data to somebody who did not finish the handshake, and once it failed it stays so.
 */
#include "base/assert.h"
#include "crypto_world.h"
#include "fuzz_target.h"

static enum crypto_result feed(struct crypto_session *session, struct view bytes)
{
	enum crypto_result result = ringcast_crypto_feed(session, bytes);
	ringcast_assert(!ringcast_crypto_is_established(session));
	ringcast_assert(result != CRYPTO_OK);
	ringcast_assert((result == CRYPTO_FAILED) == (ringcast_crypto_error(session)[0] != '\0'));
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world_mail mail;
	if (size < 2)
		return 0;
	size_t backend_index = data[0] % world_backend_count(), slice_bytes = 1 + (size_t)data[1] * 16;
	mail.count = mail.used = 0;
	struct crypto_session *session =
		ringcast_crypto_open(world_context(backend_index, CRYPTO_STREAM, CRYPTO_SERVER), NULL, world_post, &mail);
	ringcast_assert(session != NULL);
	bool has_failed = false;
	for (size_t offset = 2; offset < size; offset += slice_bytes) {
		size_t left = size - offset;
		enum crypto_result result = feed(session, ringcast_view_of(data + offset, left < slice_bytes ? left : slice_bytes));
		if (result == CRYPTO_CLOSED && !has_failed)
			break; /* a goodbye in clear, before any key: theirs to say */
		ringcast_assert(!has_failed || result == CRYPTO_FAILED);
		has_failed = result == CRYPTO_FAILED;
	}
	ringcast_crypto_free(&session);
	return 0;
}
