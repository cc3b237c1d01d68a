/* A session goes to another thread while the context it came from goes on serving on its own. Run with -Db_sanitize=thread as well. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "libraries.h"
#include "pair.h"

enum { MESSAGES = 200, HANDSHAKES = 20 };

struct guest {
	struct pair *pair;
	size_t emitted_count; /* by the server, after it moved */
};

static void count_emission(void *context, const uint8_t *bytes, size_t size)
{
	struct guest *guest = context;
	guest->emitted_count++;
}

static void *talk_elsewhere(void *context)
{
	struct guest *guest = context;
	for (int index = 0; index < MESSAGES; index++) {
		pair_say(&guest->pair->client, "ping", 4);
		pair_say(&guest->pair->server, "pong", 4);
		pair_run(guest->pair);
	}
	ringcast_crypto_close(guest->pair->server.session);
	return NULL;
}

static void check_move(const struct pair_options *libraries)
{
	struct pair_options options = *libraries;
	struct crypto_context *client = pair_context(&options, CRYPTO_CLIENT), *server = pair_context(&options, CRYPTO_SERVER);
	options.server_context = server;
	struct guest guest = {.pair = pair_create(&options)};
	cr_assert(pair_run(guest.pair));
	ringcast_crypto_move(guest.pair->server.session, count_emission, &guest);
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, talk_elsewhere, &guest), 0);
	options.client_context = client;
	for (int index = 0; index < HANDSHAKES; index++) {
		struct pair *pair = pair_create(&options);
		cr_assert(pair_run(pair));
		pair_free(pair);
	}
	ringcast_crypto_context_release(&server);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(guest.pair->server.received_bytes, MESSAGES * 4);
	cr_assert_eq(guest.pair->client.received_bytes, MESSAGES * 4);
	cr_assert_eq(guest.emitted_count, 1, "the close_notify did not go where the session went");
	pair_free(guest.pair);
	ringcast_crypto_context_release(&client);
}

Test(move, to_another_thread_while_the_context_serves)
{
	for_all_libraries(CRYPTO_STREAM, check_move);
}
