/*
 * Sessions that change threads, under ThreadSanitizer: one thread shakes hands, moves both ends on, releases contexts under living sessions
 * and makes new ones; the other talks with what it was given and frees it. The libraries are not instrumented, what is ours is: counts of
 * references, random bytes, flights. usage: race-crypto [HANDSHAKES]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "crypto/crypto.h"

enum {
	HANDSHAKES_DEFAULT = 300,
	HANDSHAKES_PER_CONTEXT = 7,
	MESSAGES = 5,
	MAIL_BYTES_MAX = 16384,
	MAIL_COUNT_MAX = 16,
	ROUNDS_MAX = 20,
	BOX_COUNT = 8
};

struct mail {
	uint8_t bytes[MAIL_BYTES_MAX];
	size_t sizes[MAIL_COUNT_MAX], count, used;
};

struct pair {
	struct crypto_session *client, *server;
	struct mail to_client, to_server;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct pair *pairs[BOX_COUNT];
	size_t count;
	bool is_over;
} box = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* OpenSSL's own counts are atomic, but not for the sanitizer's eyes. Read by its runtime. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:libcrypto.so\ncalled_from_lib:libssl.so\n";
}

static void post(void *context, const uint8_t *bytes, size_t size)
{
	struct mail *mail = context;
	ringcast_assert(mail->count < MAIL_COUNT_MAX && size <= MAIL_BYTES_MAX - mail->used);
	memcpy(mail->bytes + mail->used, bytes, size);
	mail->used += size;
	mail->sizes[mail->count++] = size;
}

static struct crypto_context *create(const struct crypto_backend *backend, enum crypto_kind kind, enum crypto_role role,
				     const struct certificate *certificate)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct crypto_options options = {
		.kind = kind, .role = role, .is_insecure = role == CRYPTO_CLIENT, .cookie_secret = {1}, .ticket_secret = {1}};
	if (role == CRYPTO_SERVER)
		options.credentials = (struct crypto_credentials){.certificate = certificate->certificate, .key = certificate->key};
	struct crypto_context *context = ringcast_crypto_context_create(backend, &options, error, sizeof(error));
	ringcast_assert(context != NULL);
	return context;
}

/* Everything in mail to session; the bytes of data that came out. */
static size_t deliver(struct mail *mail, struct crypto_session *session)
{
	uint8_t data[MAIL_BYTES_MAX];
	size_t offset = 0, size = 0, total = 0;
	for (size_t index = 0; index < mail->count; offset += mail->sizes[index++]) {
		if (ringcast_crypto_feed(session, ringcast_view_of(mail->bytes + offset, mail->sizes[index])) != CRYPTO_OK)
			continue;
		while (ringcast_crypto_read(session, data, sizeof(data), &size) == CRYPTO_OK)
			total += size;
	}
	mail->count = mail->used = 0;
	return total;
}

static void listen_with(struct crypto_context *server, struct pair *pair)
{
	struct view hello = ringcast_view_of(pair->to_server.bytes, pair->to_server.used);
	ringcast_crypto_listen(server, ringcast_view_of("race", 4), hello, post, &pair->to_client, &pair->server);
	pair->to_server.count = pair->to_server.used = 0;
}

static struct pair *shake_hands(struct crypto_context *client, struct crypto_context *server, enum crypto_kind kind)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	ringcast_assert(pair != NULL);
	pair->client = ringcast_crypto_open(client, "race.test", post, &pair->to_server);
	if (kind == CRYPTO_STREAM)
		pair->server = ringcast_crypto_open(server, NULL, post, &pair->to_client);
	ringcast_crypto_connect(pair->client);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		if (pair->server == NULL)
			listen_with(server, pair);
		else
			deliver(&pair->to_server, pair->server);
		deliver(&pair->to_client, pair->client);
	}
	ringcast_assert(ringcast_crypto_is_established(pair->client) && ringcast_crypto_is_established(pair->server));
	return pair;
}

static void say(struct crypto_session *from, struct mail *mail)
{
	uint8_t out[256];
	size_t size = ringcast_crypto_seal(from, ringcast_view_of("race", 4), out, sizeof(out));
	post(mail, out, size);
}

static void talk(struct pair *pair)
{
	for (int index = 0; index < MESSAGES; index++) {
		say(pair->client, &pair->to_server);
		say(pair->server, &pair->to_client);
		size_t at_server = deliver(&pair->to_server, pair->server), at_client = deliver(&pair->to_client, pair->client);
		ringcast_assert(at_server == 4 && at_client == 4);
	}
	ringcast_crypto_close(pair->server);
	ringcast_assert(pair->to_client.count == 1);
}

static void hand_over(struct pair *pair)
{
	ringcast_crypto_move(pair->client, post, &pair->to_server);
	ringcast_crypto_move(pair->server, post, &pair->to_client);
	pthread_mutex_lock(&box.mutex);
	while (box.count == BOX_COUNT)
		pthread_cond_wait(&box.changed, &box.mutex);
	box.pairs[box.count++] = pair;
	pthread_cond_signal(&box.changed);
	pthread_mutex_unlock(&box.mutex);
}

static struct pair *take_over(void)
{
	pthread_mutex_lock(&box.mutex);
	while (box.count == 0 && !box.is_over)
		pthread_cond_wait(&box.changed, &box.mutex);
	struct pair *pair = box.count > 0 ? box.pairs[--box.count] : NULL;
	pthread_cond_signal(&box.changed);
	pthread_mutex_unlock(&box.mutex);
	return pair;
}

static void *guest_run(void *context)
{
	uint64_t *talked_count = context;
	struct pair *pair;
	while ((pair = take_over()) != NULL) {
		talk(pair);
		ringcast_crypto_free(&pair->client);
		ringcast_crypto_free(&pair->server);
		free(pair);
		(*talked_count)++;
	}
	return NULL;
}

static void host_run(const struct crypto_backend *backend, enum crypto_kind kind, const struct certificate *certificate,
		     uint64_t handshake_count)
{
	struct crypto_context *server = NULL;
	for (uint64_t index = 0; index < handshake_count; index++) {
		if (index % HANDSHAKES_PER_CONTEXT == 0) {
			ringcast_crypto_context_release(&server);
			server = create(backend, kind, CRYPTO_SERVER, certificate);
		}
		/* A client of its own: tickets that sessions share are counted inside the libraries, where the sanitizer does not look. */
		struct crypto_context *client = create(backend, kind, CRYPTO_CLIENT, certificate);
		hand_over(shake_hands(client, server, kind));
		ringcast_crypto_context_release(&client);
	}
	ringcast_crypto_context_release(&server);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"wolfssl", "openssl"};
	uint64_t handshake_count = argc > 1 ? strtoull(argv[1], NULL, 10) : HANDSHAKES_DEFAULT, talked_count = 0, expected = 0;
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate certificate;
	struct certificate_request request = {.common_name = "race", .names = "race.test", .now_s = (uint64_t)time(NULL), .days = 1};
	bool is_ready = ringcast_crypto_global_init(error, sizeof(error)) &&
			ringcast_certificate_make(&request, &certificate, error, sizeof(error));
	ringcast_assert(is_ready);
	pthread_t guest;
	int result = pthread_create(&guest, NULL, guest_run, &talked_count);
	ringcast_assert(result == 0);
	for (size_t cell = 0; cell < 4; cell++) {
		const struct crypto_backend *backend = ringcast_crypto_backend(names[cell / 2]);
		if (backend == NULL)
			continue;
		host_run(backend, cell % 2 == 0 ? CRYPTO_STREAM : CRYPTO_DATAGRAM, &certificate, handshake_count);
		expected += handshake_count;
	}
	pthread_mutex_lock(&box.mutex);
	box.is_over = true;
	pthread_cond_signal(&box.changed);
	pthread_mutex_unlock(&box.mutex);
	pthread_join(guest, NULL);
	ringcast_assert(expected > 0 && talked_count == expected);
	printf("%llu sessions changed threads\n", (unsigned long long)talked_count);
	return 0;
}
