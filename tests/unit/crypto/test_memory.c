/* What sessions and strangers cost in memory. The allocator is asked; under a sanitizer it has no answer, and the tests say so. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "crypto/prefilter.h"
#include "libraries.h"
#include "pair.h"

enum { SESSIONS = 64, WARM_UP = 4, HELLOS = 80000, WOLFSSL_SESSION_BYTES_MAX = 8 * 1024, GROWTH_BYTES_MAX = 64 * 1024 };

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void skip_under_sanitizers(void)
{
	if (heap_bytes() == 0)
		cr_skip_test("the allocator does not count under a sanitizer");
}

/* The client is given back at once; the server's session stays, after the client's first data. */
static struct crypto_session *leave_server_session(const struct pair_options *options)
{
	struct pair *pair = pair_create(options);
	cr_assert(pair_run(pair));
	pair_say(&pair->client, "first", 5);
	pair_run(pair);
	pair_say(&pair->server, "answer", 6);
	pair_run(pair);
	struct crypto_session *session = pair->server.session;
	pair->server.session = NULL;
	if (options->kind == CRYPTO_DATAGRAM)
		pair->server.context = NULL;
	pair_free(pair);
	return session;
}

static void measure(const struct pair_options *libraries, const char *name, bool is_version_1_2_only)
{
	struct pair_options options = *libraries;
	options.is_version_1_2_only = is_version_1_2_only;
	if (options.client != options.server)
		return;
	struct crypto_context *client = pair_context(&options, CRYPTO_CLIENT), *server = pair_context(&options, CRYPTO_SERVER);
	struct crypto_session *sessions[SESSIONS];
	size_t before = 0;
	options.server_context = server;
	options.is_insecure = true;
	options.client_context = client;
	for (size_t index = 0; index < SESSIONS; index++) {
		if (index == WARM_UP)
			before = heap_bytes();
		sessions[index] = leave_server_session(&options);
	}
	size_t each = (heap_bytes() - before) / (SESSIONS - WARM_UP);
	printf("%s, %s: %zu bytes of heap per established session\n", options.server->name, name, each);
	for (size_t index = 0; index < SESSIONS; index++)
		ringcast_crypto_free(&sessions[index]);
	ringcast_crypto_context_release(&client);
	ringcast_crypto_context_release(&server);
	cr_assert_gt(each, 500);
	if (strcmp(options.server->name, "wolfssl") == 0)
		cr_assert_lt(each, WOLFSSL_SESSION_BYTES_MAX);
}

static void measure_datagram(const struct pair_options *libraries)
{
	measure(libraries, "DTLS 1.2", false);
}

static void measure_stream(const struct pair_options *libraries)
{
	measure(libraries, "TLS 1.3", false);
	measure(libraries, "TLS 1.2", true);
}

Test(memory, per_established_session)
{
	skip_under_sanitizers();
	for_all_libraries(CRYPTO_DATAGRAM, measure_datagram);
	for_all_libraries(CRYPTO_STREAM, measure_stream);
}

/* Strangers */

static void ignore_emission(void *context, const uint8_t *bytes, size_t size)
{
	*(size_t *)context += size;
}

/* A hello that is nearly right: bytes changed, cut, or lengthened. */
static size_t spoil(struct prng *prng, const struct message *hello, uint8_t *out, size_t capacity)
{
	size_t size = hello->size;
	memcpy(out, hello->bytes, size);
	for (uint64_t left = 1 + ringcast_prng_below(prng, 4); left > 0; left--)
		out[ringcast_prng_below(prng, size)] = (uint8_t)ringcast_prng_next(prng);
	if (ringcast_prng_chance(prng, 1, 4))
		size = 1 + ringcast_prng_below(prng, size);
	else if (ringcast_prng_chance(prng, 1, 4)) {
		size_t more = ringcast_prng_below(prng, capacity - size);
		ringcast_prng_fill(prng, out + size, more);
		size += more;
	}
	return size;
}

static void flood(struct crypto_context *server, const struct message *hello, struct prng *prng, uint32_t count)
{
	static uint8_t bytes[2048];
	for (uint32_t index = 0; index < count; index++) {
		struct crypto_session *session = NULL;
		size_t emitted = 0, size = spoil(prng, hello, bytes, sizeof(bytes));
		enum crypto_hello result = ringcast_crypto_listen(server, ringcast_view_of(&index, sizeof(index)),
								  ringcast_view_of(bytes, size), ignore_emission, &emitted, &session);
		cr_assert_neq(result, CRYPTO_HELLO_VERIFIED);
		cr_assert_null(session);
		cr_assert_eq(result == CRYPTO_HELLO_ANSWERED, emitted > 0);
		cr_assert_leq(emitted, size, "%zu bytes were answered with %zu", size, emitted);
	}
}

static void check_flood(const struct pair_options *options)
{
	if (options->client != options->server)
		return;
	struct pair *pair = pair_create(options);
	struct prng prng;
	ringcast_prng_init(&prng, 5);
	flood(pair->server.context, &pair->client.sent[0], &prng, HELLOS / 8);
	size_t before = heap_bytes();
	flood(pair->server.context, &pair->client.sent[0], &prng, HELLOS);
	size_t after = heap_bytes();
	cr_assert_lt(after, before + GROWTH_BYTES_MAX, "the heap grew by %zu bytes", after - before);
	cr_assert(pair_run(pair), "nobody is let in any more");
	pair_free(pair);
}

Test(memory, strangers_leave_nothing_behind)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_flood);
}
