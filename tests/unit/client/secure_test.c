/* The encrypted client against a server of its own, in memory. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "secure_world.h"

static const struct secure_world_options plain_options;

static struct secure_world *make_up(const struct secure_world_options *options)
{
	struct secure_world *world = secure_world_create(options);
	secure_world_settle(world);
	cr_assert_eq(world->logged_in_count, 1, "%s", world->close_reason);
	cr_assert_eq(world->fast_up_count, 1, "%s", world->fast_reason);
	return world;
}

Test(secure, whole_life)
{
	char text[256];
	struct secure_world *world = make_up(&plain_options);
	cr_assert_str_eq(world->token, "token-1");
	cr_assert_eq(world->proof_count, 1, "no time has passed: nothing is repeated");
	ringcast_client_secure_describe(&world->secure, text, sizeof(text));
	cr_assert(strstr(text, "stream:") && strstr(text, "datagrams:") && strstr(text, "1.3"), "%s", text);

	cr_assert_eq(secure_world_client_send(world, true, 1200), CLIENT_CORE_SENT_FAST);
	cr_assert_eq(secure_world_client_send(world, false, 4096), CLIENT_CORE_SENT_RELIABLE);
	secure_world_settle(world);
	cr_assert_eq(world->datagram_message_count, 1);
	cr_assert_eq(world->message_count, 1, "the echo");
	cr_assert_eq(world->last_payload_bytes, 4096);
	secure_world_send(world, true, 1200);
	secure_world_settle(world);
	cr_assert_eq(world->fast_message_count, 1);
	cr_assert_eq(world->last_payload_bytes, 1200);

	ringcast_client_core_close(&world->core, 1000, world->now_ns);
	secure_world_settle(world);
	cr_assert_eq(world->closed_count, 1);
	cr_assert_eq(world->close_code, 1000);
	ringcast_client_secure_fini(&world->secure);
	secure_world_settle(world);
	cr_assert(world->has_goodbye, "close_notify follows the close frame");
	secure_world_destroy(&world);
}

Test(secure, stream_in_single_bytes)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->stream_step = 1;
	secure_world_settle(world);
	cr_assert_eq(world->fast_up_count, 1);
	secure_world_send(world, false, 4096);
	secure_world_send(world, false, 0);
	secure_world_settle(world);
	cr_assert_eq(world->message_count, 2);
	secure_world_destroy(&world);
}

Test(secure, an_ip_address_in_the_certificate_is_a_name)
{
	const struct secure_world_options options = {.host = "127.0.0.1"};
	struct secure_world *world = make_up(&options);
	secure_world_destroy(&world);
}

/* Nothing but TLS may have left: no upgrade, no token. */
static void expect_refused(const struct secure_world_options *options)
{
	struct secure_world *world = secure_world_create(options);
	secure_world_settle(world);
	cr_assert_eq(world->closed_count, 1);
	cr_assert_eq(world->close_code, CLIENT_SECURE_CODE_TLS);
	cr_assert_neq(world->close_reason[0], '\0');
	cr_assert_eq(world->login_count, 0);
	cr_assert_not(world->is_upgraded);
	secure_world_destroy(&world);
}

Test(secure, wrong_host_name_is_refused)
{
	const struct secure_world_options options = {.host = "other.test"};
	expect_refused(&options);
}

Test(secure, unknown_ca_is_refused)
{
	const struct secure_world_options options = {.trusted_ca = secure_world_other_ca()};
	expect_refused(&options);
}

Test(secure, insecure_must_be_asked_for_and_then_takes_anybody)
{
	const struct secure_world_options options = {.is_insecure = true, .host = "other.test"};
	struct secure_world *world = make_up(&options);
	secure_world_destroy(&world);
}

Test(secure, dtls_trusts_the_ca_of_the_login_result)
{
	const struct secure_world_options options = {.is_ca_from_login = true};
	struct secure_world *world = make_up(&options);
	secure_world_destroy(&world);
}

static struct secure_world *make_stream_only(const struct secure_world_options *options, bool is_login_without_ca)
{
	struct secure_world *world = secure_world_create(options);
	world->is_login_without_ca = is_login_without_ca;
	secure_world_settle(world);
	cr_assert_eq(world->logged_in_count, 1);
	cr_assert_eq(world->fast_up_count, 0);
	return world;
}

Test(secure, dtls_refuses_a_server_of_another_ca_and_the_game_goes_on)
{
	const struct secure_world_options options = {.is_ca_from_login = true, .ca_cert = secure_world_other_ca()};
	struct secure_world *world = make_stream_only(&options, false);
	cr_assert_eq(world->fast_failed_count, 1);
	cr_assert_eq(world->proof_count, 0, "the token is for the right server alone");
	cr_assert_eq(secure_world_client_send(world, true, 10), CLIENT_CORE_SENT_RELIABLE);
	secure_world_settle(world);
	cr_assert_eq(world->message_count, 1);
	secure_world_advance(world, 1000);
	cr_assert_gt(world->fast_failed_count, 1, "it is tried again");
	cr_assert_lt(world->fast_failed_count, 10, "after longer and longer pauses");
	cr_assert_eq(world->closed_count, 0);
	secure_world_destroy(&world);
}

Test(secure, without_any_ca_there_is_no_dtls)
{
	const struct secure_world_options options = {.is_ca_from_login = true};
	struct secure_world *world = make_stream_only(&options, true);
	cr_assert_eq(world->fast_failed_count, 1);
	cr_assert(strstr(world->fast_reason, "no CA"), "%s", world->fast_reason);
	cr_assert_eq(world->datagram_number, 0);
	cr_assert_eq(world->core.fast, CLIENT_CORE_FAST_OFF);
	secure_world_advance(world, 10000);
	cr_assert_eq(world->datagram_number, 0);
	secure_world_destroy(&world);
}

static int lost_number;

static bool lose_one(struct secure_world *world, int number, bool is_to_server)
{
	return number == lost_number;
}

/* Whichever datagram of the way up is lost, the client gets there. */
Test(secure, any_one_datagram_may_be_lost)
{
	struct secure_world *world = make_up(&plain_options);
	int needed = world->datagram_number;
	secure_world_destroy(&world);
	cr_assert_geq(needed, 7, "hello, cookie, hello, flight, flight, flight, proof, answer");
	for (lost_number = 0; lost_number < needed; lost_number++) {
		world = secure_world_create(&plain_options);
		world->loss = lose_one;
		secure_world_settle(world);
		cr_assert_eq(world->fast_up_count, 0, "datagram %d is not needed", lost_number);
		secure_world_advance(world, 6000);
		cr_assert_eq(world->fast_up_count, 1, "datagram %d: %s", lost_number, world->fast_reason);
		secure_world_destroy(&world);
	}
}

static struct prng prng;

static bool lose_a_fifth(struct secure_world *world, int number, bool is_to_server)
{
	return ringcast_prng_chance(&prng, 1, 5);
}

Test(secure, heavy_loss_only_takes_longer)
{
	ringcast_prng_init(&prng, 20);
	for (int i = 0; i < 40; i++) {
		struct secure_world *world = secure_world_create(&plain_options);
		world->loss = lose_a_fifth;
		secure_world_settle(world);
		for (int seconds = 0; seconds < 120 && world->fast_up_count == 0; seconds++)
			secure_world_advance(world, 1000);
		cr_assert_eq(world->fast_up_count, 1, "client %d: %s", i, world->fast_reason);
		secure_world_destroy(&world);
	}
}

static uint64_t up_to_two_seconds(struct secure_world *world)
{
	return ringcast_prng_below(&prng, 2000) * NS_PER_MS;
}

/* Nothing is lost, but answers take longer than the timers: everything goes out twice or more, and comes in any order. */
Test(secure, repetitions_and_overtaking_only_take_longer)
{
	ringcast_prng_init(&prng, 21);
	for (int i = 0; i < 100; i++) {
		struct secure_world *world = secure_world_create(&plain_options);
		world->delay_ns = up_to_two_seconds;
		secure_world_settle(world);
		for (int seconds = 0; seconds < 120 && world->fast_up_count == 0; seconds++)
			secure_world_advance(world, 1000);
		cr_assert_eq(world->fast_up_count, 1, "client %d: %s", i, world->fast_reason);
		secure_world_destroy(&world);
	}
}

Test(secure, proof_is_repeated_until_it_is_answered)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_answer_lost = true;
	secure_world_settle(world);
	cr_assert_eq(world->fast_up_count, 0);
	secure_world_advance(world, 350);
	cr_assert_eq(world->proof_count, 3, "at 0, 100 and 300 ms");
	world->is_answer_lost = false;
	secure_world_advance(world, 400);
	cr_assert_eq(world->fast_up_count, 1);
	secure_world_advance(world, 10000);
	cr_assert_eq(world->proof_count, 4);
	secure_world_destroy(&world);
}

Test(secure, a_message_tells_as_much_as_the_answer)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_answer_lost = true;
	secure_world_settle(world);
	secure_world_send(world, true, 5);
	secure_world_settle(world);
	cr_assert_eq(world->fast_up_count, 1);
	cr_assert_eq(world->fast_message_count, 1);
	secure_world_destroy(&world);
}

Test(secure, refused_identity_stays_on_the_stream)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_identity_refused = true;
	secure_world_settle(world);
	cr_assert_eq(world->fast_up_count, 0);
	cr_assert_eq(world->fast_failed_count, 1);
	cr_assert(strstr(world->fast_reason, "token"), "%s", world->fast_reason);
	cr_assert_eq(secure_world_client_send(world, true, 10), CLIENT_CORE_SENT_RELIABLE);
	secure_world_advance(world, 10000);
	secure_world_close_dtls(world); /* as the engine does after it has refused somebody */
	secure_world_advance(world, 10000);
	cr_assert_eq(world->proof_count, 1, "asking again would not help");
	cr_assert_eq(world->association_count, 1, "nor would another association");
	secure_world_destroy(&world);
}

Test(secure, association_that_the_server_gave_up_comes_back)
{
	struct secure_world *world = make_up(&plain_options);
	secure_world_close_dtls(world);
	secure_world_settle(world);
	cr_assert_eq(world->fast_failed_count, 1);
	cr_assert_eq(secure_world_client_send(world, true, 10), CLIENT_CORE_SENT_RELIABLE);
	secure_world_advance(world, 500);
	cr_assert_eq(world->association_count, 2);
	cr_assert_eq(world->fast_up_count, 2);
	cr_assert_eq(secure_world_client_send(world, true, 10), CLIENT_CORE_SENT_FAST);
	secure_world_send(world, true, 10);
	secure_world_settle(world);
	cr_assert_eq(world->datagram_message_count, 1);
	cr_assert_eq(world->fast_message_count, 1);
	secure_world_destroy(&world);
}

/* As when the goodbye is lost: the handshake was through, and who asks there for its identity asks nobody. */
Test(secure, association_that_the_server_forgot_without_a_word_comes_back)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_answer_lost = true;
	secure_world_settle(world);
	ringcast_crypto_free(&world->datagrams);
	world->is_answer_lost = false;
	secure_world_advance(world, 10000);
	cr_assert_eq(world->association_count, 1, "answers may be late");
	secure_world_advance(world, 10000);
	cr_assert_eq(world->association_count, 2);
	cr_assert_eq(world->fast_up_count, 1);
	cr_assert_eq(world->fast_failed_count, 1, "%s", world->fast_reason);
	cr_assert_eq(secure_world_client_send(world, true, 10), CLIENT_CORE_SENT_FAST);
	secure_world_settle(world);
	cr_assert_eq(world->datagram_message_count, 1);
	secure_world_destroy(&world);
}

/* It finishes handshakes and never answers who we are. */
Test(secure, a_server_that_does_not_answer_identities_is_not_overrun)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_answer_lost = true;
	secure_world_settle(world);
	secure_world_advance(world, 100000);
	cr_assert_geq(world->association_count, 5);
	cr_assert_leq(world->association_count, 7, "one in sixteen seconds");
	cr_assert_leq(world->proof_count, 7 * 8);
	world->is_answer_lost = false;
	secure_world_advance(world, 20000);
	cr_assert_eq(world->fast_up_count, 1);
	cr_assert_eq(world->closed_count, 0);
	secure_world_destroy(&world);
}

Test(secure, deaf_server_is_tried_for_ever)
{
	struct secure_world *world = secure_world_create(&plain_options);
	world->is_dtls_deaf = true;
	secure_world_settle(world);
	secure_world_advance(world, 100000);
	cr_assert_geq(world->fast_failed_count, 2);
	cr_assert_eq(world->closed_count, 0);
	world->is_dtls_deaf = false;
	secure_world_advance(world, 70000);
	cr_assert_eq(world->fast_up_count, 1);
	secure_world_destroy(&world);
}

Test(secure, stream_that_is_not_tls_ends)
{
	struct secure_world *world = secure_world_create(&plain_options);
	static const uint8_t nonsense[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	static uint8_t scratch[CLIENT_CORE_SCRATCH_BYTES_MIN];
	ringcast_client_secure_receive_stream(&world->secure, ringcast_view_of(nonsense, sizeof(nonsense) - 1), scratch, sizeof(scratch), world->now_ns);
	cr_assert_eq(world->closed_count, 1);
	cr_assert_eq(world->close_code, CLIENT_SECURE_CODE_TLS);
	secure_world_destroy(&world);
}

Test(secure, changed_record_ends_the_stream)
{
	struct secure_world *world = make_up(&plain_options);
	secure_world_send(world, false, 100);
	world->to_client.bytes[world->to_client.size - 1] ^= 1;
	secure_world_settle(world);
	cr_assert_eq(world->message_count, 0);
	cr_assert_eq(world->close_code, CLIENT_SECURE_CODE_TLS);
	secure_world_destroy(&world);
}

static void give_datagram(struct secure_world *world, const uint8_t *bytes, size_t size)
{
	ringcast_client_secure_receive_datagram(&world->secure, ringcast_view_of(bytes, size), world->now_ns);
}

/* Anybody can send a datagram to our port. */
Test(secure, forged_datagrams_change_nothing)
{
	uint8_t bytes[200];
	struct secure_world *world = make_up(&plain_options);
	ringcast_prng_init(&prng, 3);
	for (int i = 0; i < 2000; i++) {
		size_t size = 1 + ringcast_prng_below(&prng, sizeof(bytes));
		static const uint8_t types[] = {20, 21, 22, 23};
		ringcast_prng_fill(&prng, bytes, size);
		if (size > 13 && i % 4 != 0) {
			bytes[0] = types[i % sizeof(types)];
			bytes[1] = 0xfe;
			bytes[2] = 0xfd;
			bytes[3] = 0;
			bytes[4] = (uint8_t)(i / 8 % 2); /* both epochs */
			bytes[11] = (uint8_t)((size - 13) >> 8);
			bytes[12] = (uint8_t)(size - 13);
		}
		give_datagram(world, bytes, size);
	}
	secure_world_settle(world);
	cr_assert_eq(world->fast_failed_count, 0, "%s", world->fast_reason);
	secure_world_send(world, true, 10);
	secure_world_settle(world);
	cr_assert_eq(world->fast_message_count, 1);
	secure_world_destroy(&world);
}

Test(secure, tls_1_3_can_be_demanded)
{
	const struct secure_world_options options = {.version_min = CRYPTO_VERSION_1_3};
	struct secure_world *world = make_up(&options);
	secure_world_destroy(&world);
}

Test(trust, says_what_is_wrong)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct client_trust trust;
	const struct client_trust_options no_pem = {.ca = "nothing of the kind", .host = "a"}, no_host = {.ca = secure_world_ca()},
					  no_backend = {.ca = secure_world_ca(), .host = "a", .backend = "rot13"};
	cr_assert_not(ringcast_client_trust_init(&trust, &no_pem, error, sizeof(error)));
	cr_assert_neq(error[0], '\0');
	cr_assert_not(ringcast_client_trust_init(&trust, &no_host, error, sizeof(error)));
	cr_assert(strstr(error, "host"), "%s", error);
	cr_assert_not(ringcast_client_trust_init(&trust, &no_backend, error, sizeof(error)));
	cr_assert_null(trust.stream);
	ringcast_client_trust_fini(&trust);
}

Test(trust, datagram_context_is_kept_while_the_ca_stays)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct client_trust trust;
	const struct client_trust_options options = {.ca = secure_world_ca(), .host = "a"};
	cr_assert(ringcast_client_trust_init(&trust, &options, error, sizeof(error)), "%s", error);
	free(trust.ca);
	trust.ca = NULL;
	struct view first = ringcast_view_of(secure_world_ca(), strlen(secure_world_ca()));
	struct view second = ringcast_view_of(secure_world_other_ca(), strlen(secure_world_other_ca()));
	struct crypto_context *context = ringcast_client_trust_datagrams(&trust, first, error, sizeof(error));
	cr_assert_not_null(context, "%s", error);
	cr_assert_eq(ringcast_client_trust_datagrams(&trust, first, error, sizeof(error)), context);
	cr_assert_not_null(ringcast_client_trust_datagrams(&trust, second, error, sizeof(error)));
	cr_assert_str_eq(trust.datagrams_ca, secure_world_other_ca());
	cr_assert_null(ringcast_client_trust_datagrams(&trust, ringcast_view_of("", 0), error, sizeof(error)));
	ringcast_client_trust_fini(&trust);
}
