#include "crypto/selftest.h"

#include <stdlib.h>
#include <time.h>

#include "crypto/crypto_private.h"

enum { MAIL_COUNT_MAX = 8, MAIL_BYTES_MAX = 1500, EXCHANGES_MAX = 16, EXPIRIES_MAX = 4 };

/* Datagrams on the way from one end to the other. */
struct mail {
	uint8_t bytes[MAIL_COUNT_MAX][MAIL_BYTES_MAX];
	size_t sizes[MAIL_COUNT_MAX], count;
};

struct trial {
	struct crypto_context *client_context, *server_context;
	struct crypto_session *client, *server;
	struct mail to_server, to_client;
	uint8_t data[MAIL_BYTES_MAX]; /* what the server was told last */
	size_t data_bytes, data_count;
	bool is_cookie_misjudged; /* what we know of its cookies and what it makes of them were not the same once */
};

static void post(void *context, const uint8_t *bytes, size_t size)
{
	struct mail *mail = context;
	if (mail->count == MAIL_COUNT_MAX || size > MAIL_BYTES_MAX)
		return;
	memcpy(mail->bytes[mail->count], bytes, size);
	mail->sizes[mail->count++] = size;
}

static struct crypto_context *create_context(const struct crypto_backend *backend, enum crypto_role role,
					     const struct certificate *certificate, char *reterr, size_t reterr_bytes)
{
	struct crypto_options options = {
		.kind = CRYPTO_DATAGRAM, .role = role, .is_insecure = role == CRYPTO_CLIENT, .cookie_secret = {1}, .ticket_secret = {1}};
	if (role == CRYPTO_SERVER)
		options.credentials = (struct crypto_credentials){.certificate = certificate->certificate, .key = certificate->key};
	return backend->context_create(&options, reterr, reterr_bytes);
}

static bool prepare(struct trial *trial, const struct crypto_backend *backend, char *reterr, size_t reterr_bytes)
{
	struct certificate certificate;
	struct certificate_request request = {.common_name = "self-test", .names = "self.test", .now_s = (uint64_t)time(NULL), .days = 1};
	if (!backend->certificate_make(&request, &certificate, reterr, reterr_bytes))
		return false;
	trial->client_context = create_context(backend, CRYPTO_CLIENT, NULL, reterr, reterr_bytes);
	trial->server_context = create_context(backend, CRYPTO_SERVER, &certificate, reterr, reterr_bytes);
	if (trial->client_context == NULL || trial->server_context == NULL)
		return false;
	trial->client = ringcast_crypto_open(trial->client_context, "self.test", post, &trial->to_server);
	return trial->client != NULL || ringcast_crypto_complain(reterr, reterr_bytes, "out of memory");
}

static void clean_up(struct trial *trial)
{
	ringcast_crypto_free(&trial->client);
	ringcast_crypto_free(&trial->server);
	ringcast_crypto_context_release(&trial->client_context);
	ringcast_crypto_context_release(&trial->server_context);
}

static void tell_server(struct trial *trial, const uint8_t *bytes, size_t size)
{
	struct view datagram = ringcast_view_of(bytes, size);
	if (trial->server == NULL) {
		struct view peer = ringcast_view_of("self", 4);
		bool is_good = ringcast_crypto_is_cookie_good(trial->server_context, peer, datagram);
		enum crypto_hello hello = ringcast_crypto_listen(trial->server_context, peer, datagram, post, &trial->to_client, &trial->server);
		trial->is_cookie_misjudged |= is_good != (hello == CRYPTO_HELLO_VERIFIED);
		return;
	}
	if (ringcast_crypto_feed(trial->server, datagram) != CRYPTO_OK)
		return;
	while (ringcast_crypto_read(trial->server, trial->data, sizeof(trial->data), &trial->data_bytes) == CRYPTO_OK)
		trial->data_count++;
}

static void tell_client(struct trial *trial, const uint8_t *bytes, size_t size)
{
	uint8_t data[MAIL_BYTES_MAX];
	size_t data_bytes;
	if (ringcast_crypto_feed(trial->client, ringcast_view_of(bytes, size)) != CRYPTO_OK)
		return;
	while (ringcast_crypto_read(trial->client, data, sizeof(data), &data_bytes) == CRYPTO_OK)
		;
}

static bool is_server_up(const struct trial *trial)
{
	return trial->server != NULL && ringcast_crypto_is_established(trial->server);
}

/* Delivers what there is, both ways once. The server's last flight gets lost when asked. */
static void exchange(struct trial *trial, bool is_last_flight_lost)
{
	struct mail mail = trial->to_server;
	trial->to_server.count = 0;
	for (size_t index = 0; index < mail.count; index++)
		tell_server(trial, mail.bytes[index], mail.sizes[index]);
	if (is_last_flight_lost && is_server_up(trial))
		trial->to_client.count = 0;
	mail = trial->to_client;
	trial->to_client.count = 0;
	for (size_t index = 0; index < mail.count; index++)
		tell_client(trial, mail.bytes[index], mail.sizes[index]);
}

/* Until the server is done; the client is done too unless the last flight gets lost. */
static bool shake_hands(struct trial *trial, bool is_last_flight_lost)
{
	ringcast_crypto_connect(trial->client);
	for (int round = 0; round < EXCHANGES_MAX && !is_server_up(trial); round++)
		exchange(trial, is_last_flight_lost);
	return is_server_up(trial) && ringcast_crypto_is_established(trial->client) == !is_last_flight_lost;
}

/*
 * The client asks for the last flight again by repeating its own. OpenSSL repeats nothing before a second has passed on the system's clock,
 * for which the start does not wait: then this stays untried, and the tests, which have a clock of their own, must do.
 */
static bool is_last_flight_repeated(struct trial *trial)
{
	for (int round = 0; round < EXPIRIES_MAX && !ringcast_crypto_is_established(trial->client); round++) {
		ringcast_crypto_expire(trial->client);
		if (trial->to_server.count == 0)
			return true;
		exchange(trial, false);
	}
	return ringcast_crypto_is_established(trial->client);
}

static size_t seal(struct trial *trial, uint8_t out[MAIL_BYTES_MAX])
{
	return ringcast_crypto_seal(trial->client, ringcast_view_of("data", 4), out, MAIL_BYTES_MAX);
}

static bool is_replay_dropped(struct trial *trial)
{
	uint8_t record[MAIL_BYTES_MAX];
	size_t size = seal(trial, record);
	tell_server(trial, record, size);
	if (trial->data_count != 1)
		return false;
	tell_server(trial, record, size);
	return trial->data_count == 1;
}

static bool is_short_record_survived(struct trial *trial)
{
	static const uint8_t short_record[17] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 4};
	uint8_t record[MAIL_BYTES_MAX];
	size_t count_before = trial->data_count;
	tell_server(trial, short_record, sizeof(short_record));
	tell_server(trial, record, seal(trial, record));
	return trial->data_count == count_before + 1;
}

static const char *try_records(struct trial *trial)
{
	if (!shake_hands(trial, false))
		return "a client and a server of it do not come together";
	if (trial->is_cookie_misjudged)
		return "it makes the cookies of its hellos in a way that we do not know";
	if (!is_replay_dropped(trial))
		return "it takes a record that was replayed";
	return is_short_record_survived(trial) ? NULL : "a forged record of 17 bytes ends a session";
}

static const char *try_last_flight(struct trial *trial)
{
	if (!shake_hands(trial, true))
		return "a client and a server of it do not come together";
	return is_last_flight_repeated(trial) ? NULL : "a client that loses the server's last flight waits for ever";
}

static bool run_trial(const struct crypto_backend *backend, const char *(*try)(struct trial *trial), char *reterr, size_t reterr_bytes)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	if (trial == NULL)
		return ringcast_crypto_complain(reterr, reterr_bytes, "out of memory");
	bool is_good = prepare(trial, backend, reterr, reterr_bytes);
	const char *why = is_good ? try(trial) : NULL;
	if (why != NULL)
		is_good = ringcast_crypto_complain(reterr, reterr_bytes, "%s", why);
	clean_up(trial);
	free(trial);
	return is_good;
}

bool ringcast_crypto_selftest_dtls(const struct crypto_backend *backend, char *reterr, size_t reterr_bytes)
{
	return run_trial(backend, try_records, reterr, reterr_bytes) && run_trial(backend, try_last_flight, reterr, reterr_bytes);
}
