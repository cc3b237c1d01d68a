/*
 * Datagrams from a stranger who knows a client's address, at every stage of that client's session, as a shard would pass them on: through
 * the prefilter, then to the listener or the session; or to the client, as if from its server. The first byte picks stage, library and
 * victim; then come datagrams, each behind two bytes of length. Whatever they are: a hello is never answered with more than it had, nothing
 * is taken for data, and an established session goes on.
 */
#include "base/assert.h"
#include "crypto/prefilter.h"
#include "crypto_world.h"
#include "fuzz_target.h"

enum stage { STAGE_LISTENING, STAGE_HALF_OPEN, STAGE_ESTABLISHED, STAGE_SPEAKING };

static const uint8_t peer[] = "fuzz";

static void try_listener(struct crypto_context *context, struct view datagram)
{
	static struct world_mail mail;
	struct crypto_session *session = NULL;
	mail.count = mail.used = 0;
	enum crypto_hello hello =
		ringcast_crypto_listen(context, ringcast_view_of(peer, sizeof(peer)), datagram, world_post, &mail, &session);
	ringcast_assert((hello == CRYPTO_HELLO_VERIFIED) == (session != NULL));
	ringcast_assert((hello == CRYPTO_HELLO_ANSWERED) == (session == NULL && mail.count > 0));
	ringcast_assert(hello != CRYPTO_HELLO_ANSWERED || mail.used <= datagram.size);
	ringcast_crypto_free(&session);
}

static void try_datagram(struct world_pair *pair, struct crypto_context *context, struct view datagram)
{
	bool is_established = pair->server != NULL && ringcast_crypto_is_established(pair->server);
	switch (ringcast_crypto_prefilter(datagram, is_established)) {
	case CRYPTO_PREFILTER_LISTEN:
		try_listener(context, datagram);
		break;
	case CRYPTO_PREFILTER_FEED:
		if (pair->server != NULL) {
			size_t data_bytes = world_feed(pair->server, datagram);
			ringcast_assert(data_bytes == 0);
		}
		break;
	default:
		break;
	}
}

static void try_client(struct world_pair *pair, struct view datagram)
{
	if (pair->client == NULL ||
	    ringcast_crypto_prefilter(datagram, ringcast_crypto_is_established(pair->client)) != CRYPTO_PREFILTER_FEED)
		return;
	size_t data_bytes = world_feed(pair->client, datagram);
	ringcast_assert(data_bytes == 0);
}

static void try_all(struct world_pair *pair, struct crypto_context *context, bool is_client_victim, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		size_t length = (size_t)data[0] << 8 | data[1];
		length = length < size - 2 ? length : size - 2;
		struct view datagram = ringcast_view_of(data + 2, length);
		if (is_client_victim)
			try_client(pair, datagram);
		else
			try_datagram(pair, context, datagram);
		data += 2 + length;
		size -= 2 + length;
	}
}

static void say(struct crypto_session *from, struct crypto_session *to)
{
	uint8_t record[256];
	size_t size = ringcast_crypto_seal(from, ringcast_view_of("data", 4), record, sizeof(record));
	size_t data_bytes = world_feed(to, ringcast_view_of(record, size));
	ringcast_assert(data_bytes == 4);
}

static void speak(struct world_pair *pair)
{
	say(pair->client, pair->server);
	say(pair->server, pair->client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world_pair pair;
	if (size == 0)
		return 0;
	enum stage stage = data[0] & 3;
	size_t backend_index = (size_t)(data[0] >> 2) % world_backend_count();
	struct crypto_context *context = world_context(backend_index, CRYPTO_DATAGRAM, CRYPTO_SERVER);
	if (stage != STAGE_LISTENING)
		world_shake_hands(&pair, backend_index, stage != STAGE_HALF_OPEN);
	if (stage == STAGE_SPEAKING)
		speak(&pair);
	try_all(&pair, context, (data[0] & 8) != 0, data + 1, size - 1);
	if (stage >= STAGE_ESTABLISHED)
		speak(&pair);
	world_free(&pair);
	return 0;
}
