#include "pair.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static const uint8_t peer_key[] = "client 192.0.2.7:4711";

static void initialise(void)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
}

struct certificate pair_make(const char *names, const struct certificate *issuer, uint64_t now_s, uint32_t days)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate made;
	struct certificate_request request = {
		.common_name = names != NULL ? "test server" : "test authority",
		.names = names,
		.now_s = now_s,
		.days = days,
		.is_ca = names == NULL,
		.issuer = issuer,
	};
	initialise();
	cr_assert(ringcast_certificate_make(&request, &made, error, sizeof(error)), "%s", error);
	return made;
}

const struct certificate *pair_authority(void)
{
	static struct certificate authority;
	if (authority.key[0] == '\0')
		authority = pair_make(NULL, NULL, (uint64_t)time(NULL), 30);
	return &authority;
}

const struct certificate *pair_certificate(void)
{
	static struct certificate server;
	if (server.key[0] == '\0')
		server = pair_make("relay.test, *.wild.test,192.0.2.1", pair_authority(), (uint64_t)time(NULL), 30);
	return &server;
}

void pair_keep(void *context, const uint8_t *bytes, size_t size)
{
	struct end *end = context;
	cr_assert_lt(end->sent_count, PAIR_MESSAGES_MAX);
	cr_assert_gt(size, 0);
	struct message *message = &end->sent[end->sent_count++];
	message->bytes = malloc(size);
	message->size = size;
	memcpy(message->bytes, bytes, size);
	end->emitted_count++;
}

struct crypto_context *pair_context(const struct pair_options *options, enum crypto_role role)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	const struct certificate *certificate = options->certificate != NULL ? options->certificate : pair_certificate();
	struct crypto_options wanted = {
		.kind = options->kind,
		.role = role,
		.ciphers = options->ciphers,
		.version_min = options->is_version_1_3_only ? CRYPTO_VERSION_1_3 : CRYPTO_VERSION_1_2,
		.is_version_1_2_only = options->is_version_1_2_only,
		.is_insecure = options->is_insecure,
		.datagram_bytes_max = options->datagram_bytes_max,
	};
	if (role == CRYPTO_SERVER)
		wanted.credentials = (struct crypto_credentials){.certificate = certificate->certificate, .key = certificate->key};
	else
		wanted.credentials.ca = options->ca != NULL ? options->ca : pair_authority()->certificate;
	memset(wanted.ticket_secret, options->ticket_secret + 1, sizeof(wanted.ticket_secret));
	memset(wanted.cookie_secret, options->cookie_secret + 1, sizeof(wanted.cookie_secret));
	memset(wanted.cookie_secret_previous, options->cookie_secret_previous, sizeof(wanted.cookie_secret_previous));
	initialise();
	struct crypto_context *context =
		ringcast_crypto_context_create(role == CRYPTO_SERVER ? options->server : options->client, &wanted, error, sizeof(error));
	cr_assert_not_null(context, "%s", error);
	return context;
}

static void open_end(struct end *end, const struct pair_options *options, enum crypto_role role)
{
	struct crypto_context *given = role == CRYPTO_SERVER ? options->server_context : options->client_context;
	const char *host = options->host != NULL ? options->host : "relay.test";
	end->backend = role == CRYPTO_SERVER ? options->server : options->client;
	end->kind = options->kind;
	end->role = role;
	end->received = malloc(PAIR_RECEIVED_BYTES);
	end->context = given != NULL ? NULL : pair_context(options, role);
	struct crypto_context *context = given != NULL ? given : end->context;
	if (role == CRYPTO_CLIENT || options->kind == CRYPTO_STREAM) {
		end->session = ringcast_crypto_open(context, role == CRYPTO_CLIENT ? host : NULL, pair_keep, end);
		cr_assert_not_null(end->session);
	} else {
		end->context = context; /* listens with it */
	}
}

struct pair *pair_create(const struct pair_options *options)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	open_end(&pair->client, options, CRYPTO_CLIENT);
	open_end(&pair->server, options, CRYPTO_SERVER);
	pair->client.last = ringcast_crypto_connect(pair->client.session);
	cr_assert_eq(pair->client.last, CRYPTO_WANT_INPUT);
	return pair;
}

static void free_end(struct end *end)
{
	pair_forget(end);
	ringcast_crypto_free(&end->session);
	ringcast_crypto_context_release(&end->context);
	free(end->received);
}

void pair_free(struct pair *pair)
{
	free_end(&pair->client);
	free_end(&pair->server);
	free(pair);
}

void pair_forget(struct end *end)
{
	for (size_t index = 0; index < end->sent_count; index++)
		free(end->sent[index].bytes);
	end->sent_count = 0;
}

static void read_all(struct end *end)
{
	size_t size = 0;
	do {
		size_t left = PAIR_RECEIVED_BYTES - end->received_bytes;
		cr_assert_gt(left, 20000);
		end->last = ringcast_crypto_read(end->session, end->received + end->received_bytes, left, &size);
		if (end->last == CRYPTO_OK) {
			cr_assert_gt(size, 0);
			end->received_bytes += size;
			end->read_count++;
		}
	} while (end->last == CRYPTO_OK);
}

struct view pair_peer(void)
{
	return ringcast_view_of(peer_key, sizeof(peer_key));
}

void pair_feed(struct end *end, const void *bytes, size_t size)
{
	struct view view = ringcast_view_of(bytes, size);
	if (end->session == NULL) {
		ringcast_crypto_listen(end->context, pair_peer(), view, pair_keep, end, &end->session);
		return;
	}
	end->last = ringcast_crypto_feed(end->session, view);
	if (end->last == CRYPTO_OK)
		read_all(end);
}

static void feed_slices(struct end *end, const struct message *message, size_t slice_bytes)
{
	for (size_t offset = 0; offset < message->size; offset += slice_bytes) {
		size_t left = message->size - offset;
		pair_feed(end, message->bytes + offset, left < slice_bytes ? left : slice_bytes);
	}
}

void pair_deliver(struct pair *pair, struct end *from)
{
	struct end *to = from == &pair->client ? &pair->server : &pair->client;
	cr_assert_gt(from->sent_count, 0);
	struct message message = from->sent[0];
	from->sent_count--;
	memmove(from->sent, from->sent + 1, from->sent_count * sizeof(message));
	bool is_sliced = from->kind == CRYPTO_STREAM && pair->slice_bytes != 0;
	feed_slices(to, &message, is_sliced ? pair->slice_bytes : message.size);
	free(message.bytes);
}

bool pair_run(struct pair *pair)
{
	while (pair->client.sent_count + pair->server.sent_count > 0) {
		if (pair->client.sent_count > 0)
			pair_deliver(pair, &pair->client);
		if (pair->server.sent_count > 0)
			pair_deliver(pair, &pair->server);
	}
	return pair->server.session != NULL && ringcast_crypto_is_established(pair->client.session) &&
	       ringcast_crypto_is_established(pair->server.session);
}

void pair_say(struct end *end, const void *bytes, size_t size)
{
	size_t capacity = ringcast_crypto_stream_sealed_bytes_max(size) + CRYPTO_DATAGRAM_OVERHEAD_BYTES;
	uint8_t *out = malloc(capacity);
	size_t sealed = ringcast_crypto_seal(end->session, ringcast_view_of(bytes, size), out, capacity);
	cr_assert_gt(sealed, size);
	pair_keep(end, out, sealed);
	free(out);
}
