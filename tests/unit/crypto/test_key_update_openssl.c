/* A TLS 1.3 peer may change its key at any time and ask us to do the same; the answer must find room in what seal is promised. */
#include <criterion/criterion.h>

#include "crypto/backend_openssl.h"
#include "libraries.h"
#include "pair.h"

enum { ROUNDS = 20 };

static void ask_for_new_keys(struct end *client)
{
	struct openssl_session *session = (struct openssl_session *)client->session;
	cr_assert_eq(SSL_key_update(session->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
}

/* With not a byte more than the contract asks for. */
static void say_tightly(struct end *from, const char *text)
{
	uint8_t out[256];
	size_t capacity = ringcast_crypto_stream_sealed_bytes_max(strlen(text));
	cr_assert_leq(capacity, sizeof(out));
	size_t size = ringcast_crypto_seal(from->session, ringcast_view_of(text, strlen(text)), out, capacity);
	cr_assert_gt(size, 0, "%s: %s", from->backend->name, ringcast_crypto_error(from->session));
	pair_keep(from, out, size);
}

static void check_key_updates(const struct pair_options *options)
{
	if (strcmp(options->client->name, "openssl") != 0)
		return;
	struct pair *pair = pair_create(options);
	cr_assert(pair_run(pair));
	for (int round = 0; round < ROUNDS; round++) {
		pair->client.received_bytes = pair->server.received_bytes = 0;
		ask_for_new_keys(&pair->client);
		say_tightly(&pair->client, "new keys, please");
		pair_run(pair);
		say_tightly(&pair->server, "as you like");
		say_tightly(&pair->server, "and on");
		pair_run(pair);
		cr_assert_eq(pair->server.received_bytes, strlen("new keys, please"));
		cr_assert_eq(pair->client.received_bytes, strlen("as you like") + strlen("and on"), "after %s's answer: %s",
			     options->server->name, ringcast_crypto_error(pair->client.session));
	}
	pair_free(pair);
}

Test(key_update, asked_for_by_the_peer)
{
	for_all_libraries(CRYPTO_STREAM, check_key_updates);
}
