/* DTLS as a server on the open internet meets it: one session, one thing wrong at a time. Every library with every other. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/attr.h"
#include "crypto/dtls_record.h"
#include "crypto/prefilter.h"
#include "libraries.h"
#include "pair.h"
#include "virtual_time.h"

enum { RECORD_HEADER_BYTES = 13, TIMEOUT_STEP_MS = 10000 };

static struct pair *establish(const struct pair_options *options)
{
	struct pair *pair = pair_create(options);
	cr_assert(pair_run(pair), "client %s, server %s: \"%s\"", options->client->name, options->server->name,
		  ringcast_crypto_error(pair->client.session));
	return pair;
}

/* The client's next record, not yet delivered, stays valid until the caller frees it. */
static struct message client_record(struct pair *pair, const char *text)
{
	pair_say(&pair->client, text, strlen(text));
	struct message message = pair->client.sent[--pair->client.sent_count];
	return message;
}

static void expect_alive(struct pair *pair)
{
	struct end *ends[] = {&pair->client, &pair->server};
	pair_run(pair);
	for (size_t index = 0; index < 2; index++) {
		struct end *from = ends[index], *to = ends[1 - index];
		to->received_bytes = 0;
		pair_say(from, "alive?", 6);
		pair_run(pair);
		cr_assert_eq(to->received_bytes, 6, "%s (%s) is deaf: %s", to->backend->name, index == 0 ? "server" : "client",
			     ringcast_crypto_error(to->session));
	}
}

static void feed_and_free(struct end *end, struct message message)
{
	pair_feed(end, message.bytes, message.size);
	free(message.bytes);
}

/* Flights */

static void check_flights(const struct pair_options *options)
{
	struct pair *pair = pair_create(options);
	size_t hello_bytes = pair->client.sent[0].size;
	pair_deliver(pair, &pair->client);
	cr_assert_null(pair->server.session);
	cr_assert_eq(pair->server.sent_count, 1);
	cr_assert_leq(pair->server.sent[0].size, hello_bytes);
	pair_deliver(pair, &pair->server);
	cr_assert_eq(pair->client.sent_count, 1);
	pair_deliver(pair, &pair->client);
	cr_assert_not_null(pair->server.session);
	cr_assert_eq(pair->server.sent_count, 1, "the server's flight took %zu datagrams", pair->server.sent_count);
	pair_deliver(pair, &pair->server);
	cr_assert_eq(pair->client.sent_count, 1);
	pair_deliver(pair, &pair->client);
	cr_assert(ringcast_crypto_is_established(pair->server.session));
	cr_assert_eq(pair->server.sent_count, 1, "the last flight took %zu datagrams", pair->server.sent_count);
	pair_deliver(pair, &pair->server);
	cr_assert(ringcast_crypto_is_established(pair->client.session));
	pair_free(pair);
}

Test(dtls, every_flight_is_one_datagram)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_flights);
}

static void check_small_datagrams(const struct pair_options *options)
{
	struct pair_options small = *options;
	small.datagram_bytes_max = 512;
	struct pair *pair = pair_create(&small);
	while (pair->client.sent_count + pair->server.sent_count > 0) {
		struct end *from = pair->client.sent_count > 0 ? &pair->client : &pair->server;
		cr_assert_leq(from->sent[0].size, small.datagram_bytes_max);
		pair_deliver(pair, from);
	}
	cr_assert(ringcast_crypto_is_established(pair->client.session) && ringcast_crypto_is_established(pair->server.session));
	pair_free(pair);
}

Test(dtls, no_datagram_is_larger_than_allowed)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_small_datagrams);
}

/* Replays */

static void check_replay(const struct pair_options *options)
{
	struct pair *pair = establish(options);
	struct message message = client_record(pair, "once");
	pair_feed(&pair->server, message.bytes, message.size);
	cr_assert_eq(pair->server.received_bytes, 4);
	for (int again = 0; again < 3; again++)
		pair_feed(&pair->server, message.bytes, message.size);
	cr_assert_eq(pair->server.received_bytes, 4, "a replayed record was taken");
	free(message.bytes);
	expect_alive(pair);
	pair_free(pair);
}

Test(dtls, replayed_record_is_dropped)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_replay);
}

static void check_window(const struct pair_options *options)
{
	enum { RECORDS = 100, NEAR = RECORDS - 40, FAR = 5 };
	struct pair *pair = establish(options);
	struct message messages[RECORDS];
	for (size_t index = 0; index < RECORDS; index++)
		messages[index] = client_record(pair, "x");
	pair_feed(&pair->server, messages[RECORDS - 1].bytes, messages[RECORDS - 1].size);
	cr_assert_eq(pair->server.received_bytes, 1);
	pair_feed(&pair->server, messages[NEAR].bytes, messages[NEAR].size);
	cr_assert_eq(pair->server.received_bytes, 2, "a late record within the window was lost");
	pair_feed(&pair->server, messages[FAR].bytes, messages[FAR].size);
	cr_assert_eq(pair->server.received_bytes, 2, "a record from before the window was taken");
	for (size_t index = 0; index < RECORDS; index++)
		free(messages[index].bytes);
	expect_alive(pair);
	pair_free(pair);
}

Test(dtls, window_takes_late_records_and_no_old_ones)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_window);
}

/* Forged datagrams on a live session, given to the library as if there were no prefilter; the verdict of the prefilter is checked beside
 * it. */

struct forged {
	const char *what;
	uint8_t bytes[96];
	size_t size;
	enum crypto_prefilter verdict;
};

static const struct forged forgeries[] = {
	{"one byte", {23}, 1, CRYPTO_PREFILTER_DROP_MALFORMED},
	{"half a header", {23, 0xfe, 0xfd, 0, 1, 0, 0}, 7, CRYPTO_PREFILTER_DROP_MALFORMED},
	{"empty record", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 0, 0}, 13, CRYPTO_PREFILTER_DROP_MALFORMED},
	{"17 bytes", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 0, 4, 1, 2, 3, 4}, 17, CRYPTO_PREFILTER_DROP_SHORT},
	{"room for less than nonce and tag", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 0, 20, 1, 2, 3, 4}, 13 + 20, CRYPTO_PREFILTER_FEED},
	{"nonce and tag only", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 0, 24, 1, 2, 3, 4}, 13 + 24, CRYPTO_PREFILTER_FEED},
	{"longer than the datagram", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 5, 0, 1, 2, 3, 4}, 60, CRYPTO_PREFILTER_DROP_MALFORMED},
	{"bad tag", {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 0, 40, 1, 2, 3, 4}, 13 + 40, CRYPTO_PREFILTER_FEED},
	{"later epoch", {23, 0xfe, 0xfd, 0, 2, 0, 0, 0, 0, 9, 9, 0, 40, 1, 2, 3, 4}, 13 + 40, CRYPTO_PREFILTER_FEED},
	{"other version", {23, 3, 3, 0, 1, 0, 0, 0, 0, 9, 9, 0, 40, 1, 2, 3, 4}, 13 + 40, CRYPTO_PREFILTER_DROP_MALFORMED},
	{"fatal alert in clear", {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 2, 2, 40}, 15, CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"close_notify in clear", {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 2, 1, 0}, 15, CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"change cipher spec in clear", {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 1, 1}, 14, CRYPTO_PREFILTER_FEED},
	{"change cipher spec that is none", {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 1, 42}, 14, CRYPTO_PREFILTER_FEED},
	{"long change cipher spec", {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 3, 1, 1, 1}, 16, CRYPTO_PREFILTER_FEED},
	{"data in clear", {23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 40, 1, 2, 3, 4}, 13 + 40, CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"hello request", {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 12, 0}, 13 + 12, CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"client hello in clear",
	 {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 24, 1, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 12},
	 13 + 24,
	 CRYPTO_PREFILTER_LISTEN},
	{"certificate in clear",
	 {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 24, 11, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 12},
	 13 + 24,
	 CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"server hello done in clear",
	 {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 24, 14, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 12},
	 13 + 24,
	 CRYPTO_PREFILTER_DROP_PLAINTEXT},
	{"client key exchange in clear",
	 {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 24, 16, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 12},
	 13 + 24,
	 CRYPTO_PREFILTER_FEED},
	{"finished in clear",
	 {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, 24, 20, 0, 0, 12, 0, 4, 0, 0, 0, 0, 0, 12},
	 13 + 24,
	 CRYPTO_PREFILTER_DROP_PLAINTEXT},
};

/* A session is no less alive before the client's first data than after it. */
static void check_forgeries(const struct pair_options *options)
{
	for (size_t round = 0; round < 2 * ARRAY_COUNT(forgeries); round++) {
		const struct forged *forged = &forgeries[round / 2];
		struct pair *pair = establish(options);
		if (round % 2 == 1)
			expect_alive(pair);
		pair->server.received_bytes = 0;
		struct view datagram = ringcast_view_of(forged->bytes, forged->size);
		cr_assert_eq(ringcast_crypto_prefilter(datagram, true), forged->verdict, "%s", forged->what);
		for (int times = 0; times < 3; times++)
			pair_feed(&pair->server, forged->bytes, forged->size);
		cr_assert_eq(pair->server.received_bytes, 0, "%s was taken for data", forged->what);
		cr_assert_eq(pair->server.last, CRYPTO_WANT_INPUT, "client %s, server %s: %s killed a session: %s", options->client->name,
			     options->server->name, forged->what, ringcast_crypto_error(pair->server.session));
		expect_alive(pair);
		pair_free(pair);
	}
}

Test(dtls, forged_datagrams_on_a_live_session)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_forgeries);
}

/* Losses, one at a time */

static void expire(struct end *end)
{
	if (end->session == NULL || ringcast_crypto_timeout_ms(end->session) == 0)
		return;
	cr_assert_neq(ringcast_crypto_expire(end->session), CRYPTO_FAILED, "%s: %s", end->backend->name,
		      ringcast_crypto_error(end->session));
}

static void expire_until_established(struct pair *pair)
{
	for (int round = 0; round < 8; round++) {
		if (pair_run(pair))
			return;
		virtual_time_move(TIMEOUT_STEP_MS);
		cr_assert_gt(ringcast_crypto_timeout_ms(pair->client.session), 0);
		expire(&pair->client);
		expire(&pair->server);
	}
	cr_assert_fail("client %s, server %s: not established", pair->client.backend->name, pair->server.backend->name);
}

/* Which datagram gets lost: of the client's or of the server's, counted from the start. */
static void lose_one(const struct pair_options *options, bool is_of_client, int number)
{
	struct pair *pair = pair_create(options);
	struct end *loser = is_of_client ? &pair->client : &pair->server;
	int seen = 0;
	cr_log_info("lose datagram %d of the %s", number, is_of_client ? "client" : "server");
	bool is_lost = false;
	while (!is_lost) {
		struct end *from = pair->client.sent_count > 0 ? &pair->client : &pair->server;
		cr_assert_gt(from->sent_count, 0);
		if (from == loser && seen++ == number) {
			pair_forget(from);
			is_lost = true;
		} else {
			pair_deliver(pair, from);
		}
	}
	expire_until_established(pair);
	expect_alive(pair);
	pair_free(pair);
}

static void check_losses(const struct pair_options *options)
{
	for (int number = 0; number < 3; number++) {
		lose_one(options, true, number);
		lose_one(options, false, number);
	}
}

Test(dtls, every_flight_may_be_lost_once)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_losses);
}

/* Hellos */

static void check_cookie_of_another(const struct pair_options *options)
{
	static const uint8_t stranger[] = "client 198.51.100.9:4711";
	struct pair *pair = pair_create(options);
	struct crypto_session *session = NULL;
	pair_deliver(pair, &pair->client);
	pair_deliver(pair, &pair->server);
	struct message hello = pair->client.sent[0];
	enum crypto_hello result = ringcast_crypto_listen(pair->server.context, ringcast_view_of(stranger, sizeof(stranger)),
							  ringcast_view_of(hello.bytes, hello.size), pair_keep, &pair->server, &session);
	cr_assert_eq(result, CRYPTO_HELLO_ANSWERED);
	cr_assert_null(session);
	pair_forget(&pair->server);
	cr_assert(pair_run(pair), "the cookie's owner is refused after somebody else tried it");
	pair_free(pair);
}

Test(dtls, cookie_is_good_for_its_own_address_only)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_cookie_of_another);
}

/* What is judged without the library is what the library judges, whatever was changed in a hello with a good cookie. */
static void check_cookie_judged(const struct pair_options *options)
{
	static const uint8_t peer[] = "client 203.0.113.5:4711";
	struct view key = ringcast_view_of(peer, sizeof(peer));
	struct pair *pair = pair_create(options);
	struct crypto_context *server = pair->server.context;
	struct message *hello = &pair->client.sent[0];
	struct crypto_session *session = NULL;
	unsigned verified_count = 0;
	cr_assert_not(ringcast_crypto_is_cookie_good(server, key, ringcast_view_of(hello->bytes, hello->size)), "there is none");
	ringcast_crypto_listen(server, key, ringcast_view_of(hello->bytes, hello->size), pair_keep, &pair->server, &session);
	pair_forget(&pair->client);
	pair_deliver(pair, &pair->server);
	hello = &pair->client.sent[0];
	cr_assert(ringcast_crypto_is_cookie_good(server, key, ringcast_view_of(hello->bytes, hello->size)));
	for (size_t at = 0; at < hello->size; at++) {
		hello->bytes[at] ^= 0x40;
		struct view changed = ringcast_view_of(hello->bytes, hello->size);
		bool is_good = ringcast_crypto_is_cookie_good(server, key, changed);
		enum crypto_hello verdict = ringcast_crypto_listen(server, key, changed, pair_keep, &pair->server, &session);
		bool is_asked_again = verdict == CRYPTO_HELLO_ANSWERED && pair->server.sent[0].bytes[0] == DTLS_CONTENT_HANDSHAKE; /* no alert */
		cr_expect(is_good ? !is_asked_again : verdict != CRYPTO_HELLO_VERIFIED, "%s: byte %zu: %d", options->server->name, at, (int)verdict);
		verified_count += verdict == CRYPTO_HELLO_VERIFIED;
		ringcast_crypto_free(&session);
		pair_forget(&pair->server);
		hello->bytes[at] ^= 0x40;
	}
	cr_assert_lt(verified_count, hello->size - 32, "a cookie is bound to something");
	cr_assert_eq(ringcast_crypto_listen(server, key, ringcast_view_of(hello->bytes, hello->size), pair_keep, &pair->server, &session), CRYPTO_HELLO_VERIFIED);
	ringcast_crypto_free(&session);
	pair_free(pair);
}

Test(dtls, cookies_are_judged_as_the_library_does)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_cookie_judged);
}

/* The server's secrets change between the two hellos. */
static void check_secrets(const struct pair_options *options)
{
	for (int is_known = 0; is_known < 2; is_known++) {
		struct pair_options other = *options;
		other.cookie_secret = 9;
		other.cookie_secret_previous = is_known ? options->cookie_secret + 1 : 77;
		struct crypto_context *later = pair_context(&other, CRYPTO_SERVER);
		struct pair *pair = pair_create(options);
		pair_deliver(pair, &pair->client);
		ringcast_crypto_context_release(&pair->server.context);
		pair->server.context = later;
		pair_deliver(pair, &pair->server);
		struct view hello = ringcast_view_of(pair->client.sent[0].bytes, pair->client.sent[0].size), peer = pair_peer();
		cr_assert_eq(ringcast_crypto_is_cookie_good(later, peer, hello), is_known != 0);
		pair_deliver(pair, &pair->client);
		cr_assert_eq(pair->server.session != NULL, is_known != 0);
		cr_assert_eq(pair->server.sent_count, 1);
		if (is_known)
			cr_assert(pair_run(pair));
		pair_free(pair);
	}
}

Test(dtls, cookies_of_the_previous_secret_are_good)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_secrets);
}

/* A client that starts again from the same address gets a new session, and the old one does not notice. */
static void check_restart(const struct pair_options *options)
{
	struct pair *pair = establish(options);
	for (int times = 0; times < 3; times++) {
		struct crypto_session *old = pair->server.session;
		struct pair *again = pair_create(options);
		ringcast_crypto_context_release(&again->server.context);
		again->server.context = pair->server.context;
		struct message hello = again->client.sent[0];
		cr_assert_eq(ringcast_crypto_prefilter(ringcast_view_of(hello.bytes, hello.size), true), CRYPTO_PREFILTER_LISTEN);
		cr_assert(pair_run(again));
		cr_assert_neq(again->server.session, old);
		again->server.context = NULL;
		pair_free(again);
		expect_alive(pair);
	}
	pair_free(pair);
}

Test(dtls, restart_from_the_same_address)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_restart);
}

/* A second hello, on the session itself: the prefilter would send it to the listener. */
static void check_hello_on_session(const struct pair_options *options)
{
	struct pair *pair = establish(options);
	struct pair *other = pair_create(options);
	pair_feed(&pair->server, other->client.sent[0].bytes, other->client.sent[0].size);
	pair_forget(&pair->server);
	expect_alive(pair);
	pair_free(other);
	pair_free(pair);
}

Test(dtls, hello_given_to_a_live_session)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_hello_on_session);
}

/* A datagram with several records: all of them count. */
static void check_many_records(const struct pair_options *options)
{
	struct pair *pair = establish(options);
	uint8_t joined[1024];
	size_t size = 0;
	for (int index = 0; index < 5; index++) {
		struct message message = client_record(pair, "12345");
		memcpy(joined + size, message.bytes, message.size);
		size += message.size;
		free(message.bytes);
	}
	cr_assert_eq(ringcast_crypto_prefilter(ringcast_view_of(joined, size), true), CRYPTO_PREFILTER_FEED);
	pair_feed(&pair->server, joined, size);
	cr_assert_eq(pair->server.received_bytes, 25);
	feed_and_free(&pair->server, client_record(pair, "6"));
	cr_assert_eq(pair->server.received_bytes, 26);
	pair_free(pair);
}

Test(dtls, many_records_in_a_datagram)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_many_records);
}
