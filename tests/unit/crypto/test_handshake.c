/* Every library with every other: handshakes, data both ways, what clients must refuse, and resumption. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "base/prng.h"
#include "libraries.h"
#include "pair.h"

struct variant {
	const char *name;
	enum crypto_kind kind;
	bool is_version_1_2_only;
	const char *version;
};

static const struct variant variants[] = {
	{"TLS 1.3", CRYPTO_STREAM, false, "TLSv1.3 TLS_"},
	{"TLS 1.2", CRYPTO_STREAM, true, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_"},
	{"DTLS 1.2", CRYPTO_DATAGRAM, false, "DTLSv1.2 TLS_ECDHE_ECDSA_WITH_"},
};

typedef void check_fn(const struct pair_options *options, const struct variant *variant);

static check_fn *current_check;
static const struct variant *current_variant;

static void check_variant(const struct pair_options *libraries)
{
	struct pair_options options = *libraries;
	options.is_version_1_2_only = current_variant->is_version_1_2_only;
	current_check(&options, current_variant);
}

/* Runs check for every variant and every pair of libraries in this build. */
static void for_all(check_fn *check)
{
	current_check = check;
	for (size_t index = 0; index < ARRAY_COUNT(variants); index++) {
		current_variant = &variants[index];
		cr_log_info("%s", current_variant->name);
		for_all_libraries(current_variant->kind, check_variant);
	}
}

static void check_established(struct pair *pair, const struct pair_options *options, const struct variant *variant, bool is_resumed)
{
	char text[256] = "";
	bool is_established = pair_run(pair);
	cr_assert(is_established, "%s, client %s, server %s: client \"%s\", server \"%s\"", variant->name, options->client->name,
		  options->server->name, ringcast_crypto_error(pair->client.session),
		  pair->server.session != NULL ? ringcast_crypto_error(pair->server.session) : "never opened");
	for (int side = 0; side < 2; side++) {
		struct end *end = side == 0 ? &pair->client : &pair->server;
		cr_assert(ringcast_crypto_describe(end->session, text, sizeof(text)));
		cr_assert_eq(strncmp(text, variant->version, strlen(variant->version)), 0, "%s", text);
		cr_assert_eq(strstr(text, ", resumed") != NULL, is_resumed, "%s: client %s, server %s: %s", text, options->client->name,
			     options->server->name, is_resumed ? "not resumed" : "resumed");
	}
}

static struct pair *establish(const struct pair_options *options, const struct variant *variant)
{
	struct pair *pair = pair_create(options);
	check_established(pair, options, variant, false);
	return pair;
}

static void exchange(struct pair *pair, struct end *from, struct end *to, const uint8_t *bytes, size_t size)
{
	to->received_bytes = 0;
	size_t reads_before = to->read_count;
	pair_say(from, bytes, size);
	pair_run(pair);
	cr_assert_eq(to->received_bytes, size);
	cr_assert_arr_eq(to->received, bytes, size);
	if (from->kind == CRYPTO_DATAGRAM)
		cr_assert_eq(to->read_count, reads_before + 1);
}

static void check_sizes(const struct pair_options *options, const struct variant *variant)
{
	static const size_t sizes[] = {1, 2, 64, 256, 1200, 1363, 4096, 16383, 16384, 16385, 40000};
	static uint8_t bytes[40000];
	struct prng prng;
	ringcast_prng_init(&prng, 3);
	ringcast_prng_fill(&prng, bytes, sizeof(bytes));
	struct pair *pair = establish(options, variant);
	for (size_t index = 0; index < ARRAY_COUNT(sizes); index++) {
		if (options->kind == CRYPTO_DATAGRAM && sizes[index] > 1363)
			continue;
		exchange(pair, &pair->client, &pair->server, bytes, sizes[index]);
		exchange(pair, &pair->server, &pair->client, bytes, sizes[index]);
	}
	pair_free(pair);
}

Test(handshake, data_of_every_size_both_ways)
{
	for_all(check_sizes);
}

static void check_byte_at_a_time(const struct pair_options *options, const struct variant *variant)
{
	if (options->kind != CRYPTO_STREAM)
		return;
	struct pair *pair = pair_create(options);
	pair->slice_bytes = 1;
	check_established(pair, options, variant, false);
	exchange(pair, &pair->client, &pair->server, (const uint8_t *)"one byte at a time", 18);
	exchange(pair, &pair->server, &pair->client, (const uint8_t *)"and back", 8);
	pair_free(pair);
}

Test(handshake, byte_at_a_time)
{
	for_all(check_byte_at_a_time);
}

static void check_goodbye(const struct pair_options *options, const struct variant *variant)
{
	struct pair *pair = establish(options, variant);
	ringcast_crypto_close(pair->server.session);
	ringcast_crypto_close(pair->server.session);
	cr_assert_eq(pair->server.sent_count, 1);
	pair_run(pair);
	cr_assert_eq(pair->client.last, CRYPTO_CLOSED);
	cr_assert_eq(ringcast_crypto_feed(pair->client.session, ringcast_view_of("x", 1)), CRYPTO_CLOSED);
	pair_free(pair);
}

Test(handshake, close_notify_once)
{
	for_all(check_goodbye);
}

/* What a client must refuse */

static void refuse(const struct pair_options *options, const char *why)
{
	struct pair *pair = pair_create(options);
	cr_assert_not(pair_run(pair));
	cr_assert_eq(pair->client.last, CRYPTO_FAILED);
	cr_assert_not(ringcast_crypto_is_established(pair->client.session));
	const char *error = ringcast_crypto_error(pair->client.session);
	cr_assert_not_null(strstr(error, why), "\"%s\" does not say %s", error, why);
	cr_assert_eq(ringcast_crypto_feed(pair->client.session, ringcast_view_of("x", 1)), CRYPTO_FAILED);
	pair_free(pair);
}

static void check_refused(const struct pair_options *options, const struct variant *variant)
{
	struct pair_options wrong = *options;
	static const char *const wrong_hosts[] = {"other.test", "relay.test.evil", "wild.test", "a.b.wild.test", "192.0.2.2"};
	for (size_t index = 0; index < ARRAY_COUNT(wrong_hosts); index++) {
		wrong.host = wrong_hosts[index];
		refuse(&wrong, "certificate: ");
	}
	struct certificate stranger = pair_make(NULL, NULL, (uint64_t)time(NULL), 30);
	wrong = *options;
	wrong.ca = stranger.certificate;
	refuse(&wrong, "certificate: ");
	struct certificate expired = pair_make("relay.test", pair_authority(), (uint64_t)time(NULL) - 10 * 86400, 3);
	wrong = *options;
	wrong.certificate = &expired;
	refuse(&wrong, "expired");
}

Test(handshake, refuses_wrong_host_stranger_and_expired)
{
	for_all(check_refused);
}

static void check_accepted(const struct pair_options *options, const struct variant *variant)
{
	static const char *const hosts[] = {"relay.test", "RELAY.test", "a.wild.test", "192.0.2.1"};
	struct pair_options wanted = *options;
	for (size_t index = 0; index < ARRAY_COUNT(hosts); index++) {
		wanted.host = hosts[index];
		pair_free(establish(&wanted, variant));
	}
	wanted.host = "anything";
	wanted.is_insecure = true;
	pair_free(establish(&wanted, variant));
}

Test(handshake, accepts_every_name_and_anything_when_insecure)
{
	for_all(check_accepted);
}

/* Resumption: a ticket of one context is good with another that has the same secret, and with no other. */
static void check_tickets(const struct pair_options *options, const struct variant *variant)
{
	struct pair_options wanted = *options;
	struct crypto_context *client = pair_context(options, CRYPTO_CLIENT);
	wanted.client_context = client;
	struct pair *pair = establish(&wanted, variant);
	exchange(pair, &pair->server, &pair->client, (const uint8_t *)"a ticket came before this", 25);
	pair_free(pair);
	for (int round = 0; round < 3; round++) {
		pair = pair_create(&wanted);
		check_established(pair, &wanted, variant, true);
		exchange(pair, &pair->server, &pair->client, (const uint8_t *)"tickets", 7);
		exchange(pair, &pair->client, &pair->server, (const uint8_t *)"resumed", 7);
		pair_free(pair);
	}
	wanted.ticket_secret = 7;
	pair_free(establish(&wanted, variant));
	ringcast_crypto_context_release(&client);
}

Test(handshake, tickets_resume_with_any_context_of_the_same_secret)
{
	for_all(check_tickets);
}

/* A ticket for a ticket for a ticket: wolfSSL counts them in one byte, which must not end in a handshake that fails. */
static void check_long_line(const struct pair_options *options, const struct variant *variant)
{
	enum { RECONNECTS = 300, RESUMED_MIN = 290 };
	struct pair_options wanted = *options;
	struct crypto_context *client = pair_context(options, CRYPTO_CLIENT), *server = pair_context(options, CRYPTO_SERVER);
	int resumed_count = 0;
	wanted.client_context = client;
	wanted.server_context = server;
	for (int index = 0; index <= RECONNECTS; index++) {
		char text[256];
		struct pair *pair = pair_create(&wanted);
		cr_assert(pair_run(pair), "%s: connection %d fails: %s", variant->name, index, ringcast_crypto_error(pair->client.session));
		exchange(pair, &pair->server, &pair->client, (const uint8_t *)"x", 1);
		ringcast_crypto_describe(pair->client.session, text, sizeof(text));
		resumed_count += strstr(text, ", resumed") != NULL;
		if (options->kind == CRYPTO_DATAGRAM)
			pair->server.context = NULL;
		pair_free(pair);
	}
	cr_assert_geq(resumed_count, RESUMED_MIN);
	ringcast_crypto_context_release(&client);
	ringcast_crypto_context_release(&server);
}

Test(handshake, hundreds_of_reconnects_in_a_line)
{
	for_all(check_long_line);
}

/* What the server presents may end below what the client trusts: root, intermediate, leaf. */
static void check_chain(const struct pair_options *options, const struct variant *variant)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	uint64_t now_s = (uint64_t)time(NULL);
	struct certificate root = pair_make(NULL, NULL, now_s, 30), middle, leaf;
	struct certificate_request request = {
		.common_name = "test intermediate", .now_s = now_s, .days = 30, .is_ca = true, .issuer = &root};
	cr_assert(ringcast_certificate_make(&request, &middle, error, sizeof(error)), "%s", error);
	leaf = pair_make("relay.test", &middle, now_s, 30);
	size_t size = strlen(leaf.certificate);
	snprintf(leaf.certificate + size, sizeof(leaf.certificate) - size, "%s", middle.certificate);
	struct pair_options wanted = *options;
	wanted.certificate = &leaf;
	wanted.ca = root.certificate;
	pair_free(establish(&wanted, variant));
	wanted.ca = pair_authority()->certificate;
	refuse(&wanted, "certificate: ");
	wanted.ca = root.certificate;
	wanted.host = "other.test";
	refuse(&wanted, "certificate: ");
}

Test(handshake, chain_with_an_intermediate)
{
	for_all(check_chain);
}

/* A reader with little room gets all of it, in order. */
static void check_small_reads(const struct pair_options *options, const struct variant *variant)
{
	static const char text[] = "a record is read in as many pieces as the reader wants";
	uint8_t out[256], piece[7];
	char read[sizeof(text)] = "";
	size_t total = 0, size = 0;
	if (options->kind != CRYPTO_STREAM)
		return;
	struct pair *pair = establish(options, variant);
	pair_run(pair);
	size_t sealed = ringcast_crypto_seal(pair->client.session, ringcast_view_of(text, sizeof(text)), out, sizeof(out));
	cr_assert_eq(ringcast_crypto_feed(pair->server.session, ringcast_view_of(out, sealed)), CRYPTO_OK);
	while (ringcast_crypto_read(pair->server.session, piece, sizeof(piece), &size) == CRYPTO_OK) {
		cr_assert_leq(total + size, sizeof(read));
		memcpy(read + total, piece, size);
		total += size;
	}
	cr_assert_eq(total, sizeof(text));
	cr_assert_str_eq(read, text);
	pair_free(pair);
}

Test(handshake, reads_with_little_room)
{
	for_all(check_small_reads);
}

/* Bytes changed on the way end a stream, and nothing of them is taken. */
static void check_tampering(const struct pair_options *options, const struct variant *variant)
{
	if (options->kind != CRYPTO_STREAM)
		return;
	struct pair *pair = establish(options, variant);
	pair_run(pair);
	pair_say(&pair->client, "trust me", 8);
	struct message *message = &pair->client.sent[pair->client.sent_count - 1];
	message->bytes[message->size - 3] ^= 1;
	pair_run(pair);
	cr_assert_eq(pair->server.received_bytes, 0);
	cr_assert_eq(pair->server.last, CRYPTO_FAILED);
	cr_assert_gt(strlen(ringcast_crypto_error(pair->server.session)), 0);
	uint8_t out[256];
	cr_assert_eq(ringcast_crypto_seal(pair->server.session, ringcast_view_of("x", 1), out, sizeof(out)), 0);
	pair_free(pair);
}

Test(handshake, tampering_ends_the_stream)
{
	for_all(check_tampering);
}

static void check_version_min(const struct pair_options *options, const struct variant *variant)
{
	if (options->kind != CRYPTO_STREAM || variant->is_version_1_2_only)
		return;
	struct pair_options old = *options, strict = *options;
	old.is_version_1_2_only = true;
	strict.is_version_1_3_only = true;
	struct crypto_context *client = pair_context(&old, CRYPTO_CLIENT);
	strict.client_context = client;
	struct pair *pair = pair_create(&strict);
	cr_assert_not(pair_run(pair));
	cr_assert_eq(pair->server.last, CRYPTO_FAILED);
	pair_free(pair);
	ringcast_crypto_context_release(&client);
	strict.client_context = NULL;
	pair_free(establish(&strict, variant));
}

Test(handshake, minimum_version_is_kept)
{
	for_all(check_version_min);
}

/* A list of the operator's is obeyed; one with a mode that is not authenticated is refused, and so is one of unknown names. */
static void check_ciphers(const struct pair_options *options, const struct variant *variant)
{
	static const char *const bad[] = {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA", "NO-SUCH-GCM",
					  "ECDHE-ECDSA-AES128-GCM-SHA256:NO-SUCH-GCM", ":"};
	struct pair_options wanted = *options;
	char text[256] = "", error[CRYPTO_ERROR_BYTES];
	wanted.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
	struct pair *pair = establish(&wanted, variant);
	ringcast_crypto_describe(pair->server.session, text, sizeof(text));
	bool is_1_3 = options->kind == CRYPTO_STREAM && !options->is_version_1_2_only;
	cr_assert(is_1_3 || strstr(text, "CHACHA20") != NULL, "%s", text);
	pair_free(pair);
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		struct crypto_options refused = {.kind = options->kind, .role = CRYPTO_CLIENT, .is_insecure = true, .ciphers = bad[index]};
		cr_assert_null(ringcast_crypto_context_create(options->client, &refused, error, sizeof(error)), "%s", bad[index]);
		cr_assert_not_null(strstr(error, "cipher"), "%s", error);
	}
}

Test(handshake, lists_of_ciphers)
{
	for_all(check_ciphers);
}

/* A reload releases the context while its sessions go on. */
static void check_release(const struct pair_options *options, const struct variant *variant)
{
	struct pair *pair = establish(options, variant);
	ringcast_crypto_context_release(&pair->server.context);
	ringcast_crypto_context_release(&pair->client.context);
	exchange(pair, &pair->client, &pair->server, (const uint8_t *)"still", 5);
	exchange(pair, &pair->server, &pair->client, (const uint8_t *)"here", 4);
	pair_free(pair);
}

Test(handshake, sessions_outlive_their_context)
{
	for_all(check_release);
}
