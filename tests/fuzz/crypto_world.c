#include "crypto_world.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/prng.h"

enum { ROUNDS_MAX = 20 };

static const uint8_t peer[] = "fuzz";
static const struct crypto_backend *backends[WORLD_BACKENDS_MAX];
static size_t backend_count;
static struct prng prng;

/* wolfSSL takes its random numbers from here, so its runs can be repeated. */
static void draw(void *context, void *out, size_t size)
{
	ringcast_prng_fill(context, out, size);
}

static void initialise(void)
{
	char error[CRYPTO_ERROR_BYTES];
	if (backend_count != 0)
		return;
	bool is_started = ringcast_crypto_global_init(error, sizeof(error));
	ringcast_assert(is_started);
	ringcast_prng_init(&prng, 1);
	static const char *const names[] = {"wolfssl", "openssl"};
	for (size_t index = 0; index < WORLD_BACKENDS_MAX; index++)
		if (ringcast_crypto_backend(names[index]) != NULL)
			backends[backend_count++] = ringcast_crypto_backend(names[index]);
	ringcast_assert(backend_count > 0);
}

size_t world_backend_count(void)
{
	initialise();
	return backend_count;
}

static const struct certificate *certificate(void)
{
	static struct certificate made;
	char error[CRYPTO_ERROR_BYTES];
	struct certificate_request request = {.common_name = "fuzz", .names = "fuzz.test", .now_s = (uint64_t)time(NULL), .days = 30};
	if (made.key[0] == '\0') {
		bool is_made = ringcast_certificate_make(&request, &made, error, sizeof(error));
		ringcast_assert(is_made);
	}
	return &made;
}

static struct crypto_context *create(const struct crypto_backend *backend, enum crypto_kind kind, enum crypto_role role)
{
	char error[CRYPTO_ERROR_BYTES];
	struct crypto_options options = {
		.kind = kind,
		.role = role,
		.is_insecure = role == CRYPTO_CLIENT,
		.cookie_secret = {1},
		.ticket_secret = {1},
		.random = draw,
		.random_context = &prng,
	};
	if (role == CRYPTO_SERVER)
		options.credentials = (struct crypto_credentials){.certificate = certificate()->certificate, .key = certificate()->key};
	return ringcast_crypto_context_create(backend, &options, error, sizeof(error));
}

struct crypto_context *world_context(size_t backend_index, enum crypto_kind kind, enum crypto_role role)
{
	static struct crypto_context *contexts[WORLD_BACKENDS_MAX][2][2];
	initialise();
	struct crypto_context **context = &contexts[backend_index][kind][role];
	if (*context == NULL)
		*context = create(backends[backend_index], kind, role);
	ringcast_assert(*context != NULL);
	return *context;
}

void world_post(void *context, const uint8_t *bytes, size_t size)
{
	struct world_mail *mail = context;
	ringcast_assert(size > 0);
	if (mail->count == WORLD_MAIL_COUNT_MAX || size > WORLD_MAIL_BYTES_MAX - mail->used)
		return;
	memcpy(mail->bytes + mail->used, bytes, size);
	mail->used += size;
	mail->sizes[mail->count++] = size;
}

size_t world_feed(struct crypto_session *session, struct view bytes)
{
	static uint8_t data[32 * 1024];
	size_t size = 0, total = 0;
	if (ringcast_crypto_feed(session, bytes) != CRYPTO_OK)
		return 0;
	while (ringcast_crypto_read(session, data, sizeof(data), &size) == CRYPTO_OK)
		total += size;
	return total;
}

static void deliver_to_server(struct world_pair *pair, struct crypto_context *context)
{
	static struct world_mail mail;
	size_t offset = 0;
	mail = pair->to_server;
	pair->to_server.count = pair->to_server.used = 0;
	for (size_t index = 0; index < mail.count; offset += mail.sizes[index++]) {
		struct view datagram = ringcast_view_of(mail.bytes + offset, mail.sizes[index]);
		if (pair->server == NULL)
			ringcast_crypto_listen(context, ringcast_view_of(peer, sizeof(peer)), datagram, world_post, &pair->to_client,
					       &pair->server);
		else
			world_feed(pair->server, datagram);
	}
}

static void deliver_to_client(struct world_pair *pair)
{
	static struct world_mail mail;
	size_t offset = 0;
	mail = pair->to_client;
	pair->to_client.count = pair->to_client.used = 0;
	for (size_t index = 0; index < mail.count; offset += mail.sizes[index++])
		world_feed(pair->client, ringcast_view_of(mail.bytes + offset, mail.sizes[index]));
}

void world_shake_hands(struct world_pair *pair, size_t backend_index, bool is_to_the_end)
{
	struct crypto_context *server = world_context(backend_index, CRYPTO_DATAGRAM, CRYPTO_SERVER);
	pair->server = NULL;
	pair->to_server.count = pair->to_server.used = pair->to_client.count = pair->to_client.used = 0;
	pair->client = ringcast_crypto_open(world_context(backend_index, CRYPTO_DATAGRAM, CRYPTO_CLIENT), "fuzz.test", world_post,
					    &pair->to_server);
	ringcast_assert(pair->client != NULL);
	ringcast_crypto_connect(pair->client);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		deliver_to_server(pair, server);
		if (pair->server != NULL && !is_to_the_end)
			return;
		deliver_to_client(pair);
		if (pair->server != NULL && ringcast_crypto_is_established(pair->server) && ringcast_crypto_is_established(pair->client))
			return;
	}
	ringcast_unreachable("a handshake in memory that does not end");
}

void world_free(struct world_pair *pair)
{
	ringcast_crypto_free(&pair->client);
	ringcast_crypto_free(&pair->server);
}
