/* The attacks are worth something only if the server takes them for what they pretend to be. */
#include <criterion/criterion.h>
#include <time.h>

#include "bench/flood/attack.h"
#include "crypto/crypto.h"
#include "crypto/prefilter.h"

static struct prng prng;
static uint8_t bytes[ATTACK_DATAGRAM_BYTES_MAX], answer[2048];
static size_t answer_bytes;

static void seed(void)
{
	ringcast_prng_init(&prng, 1);
}

TestSuite(attack, .init = seed);

static void keep_answer(void *context, const uint8_t *from, size_t size)
{
	cr_assert_leq(size, sizeof(answer));
	memcpy(answer, from, size);
	answer_bytes = size;
}

static struct crypto_context *make_server(void)
{
	static struct certificate certificate;
	char error[CRYPTO_ERROR_BYTES] = "";
	const struct certificate_request request = {.common_name = "a.test", .names = "a.test", .now_s = (uint64_t)time(NULL), .days = 2};
	struct crypto_options options = {.kind = CRYPTO_DATAGRAM, .role = CRYPTO_SERVER, .cookie_secret = {1}, .ticket_secret = {2}};
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
	cr_assert(ringcast_certificate_make(&request, &certificate, error, sizeof(error)), "%s", error);
	options.credentials = (struct crypto_credentials){.certificate = certificate.certificate, .key = certificate.key};
	struct crypto_context *server = ringcast_crypto_context_create(ringcast_crypto_backend(NULL), &options, error, sizeof(error));
	cr_assert_not_null(server, "%s", error);
	return server;
}

static enum crypto_hello listen_to(struct crypto_context *server, size_t size)
{
	struct crypto_session *session = NULL;
	answer_bytes = 0;
	enum crypto_hello hello = ringcast_crypto_listen(server, ringcast_view_of("peer", 4), ringcast_view_of(bytes, size), keep_answer, NULL, &session);
	cr_assert_eq(session != NULL, hello == CRYPTO_HELLO_VERIFIED);
	if (session)
		ringcast_crypto_free(&session);
	return hello;
}

Test(attack, every_kind_fits_a_datagram_and_has_a_name)
{
	for (int kind = 0; kind < ATTACK_COUNT; kind++) {
		cr_assert_neq(ringcast_attack_names[kind][0], '\0');
		cr_assert_neq(ringcast_attack_texts[kind][0], '\0');
		for (int i = 0; i < 2000; i++) {
			size_t size = ringcast_attack_make((enum attack)kind, &prng, bytes);
			cr_assert(size > 0 && size <= ATTACK_DATAGRAM_BYTES_MAX, "%s: %zu bytes", ringcast_attack_names[kind], size);
		}
	}
}

Test(attack, hello_is_answered_and_its_cookie_is_good_for_it_alone)
{
	struct view cookie;
	uint8_t random[32] = {7}, kept[ATTACK_COOKIE_BYTES_MAX];
	struct crypto_context *server = make_server();
	cr_assert_eq(listen_to(server, ringcast_attack_hello(random, ringcast_view_of(NULL, 0), bytes)), CRYPTO_HELLO_ANSWERED);
	cr_assert(ringcast_attack_cookie(ringcast_view_of(answer, answer_bytes), &cookie));
	memcpy(kept, cookie.data, cookie.size);
	cookie.data = kept;
	cr_assert_eq(listen_to(server, ringcast_attack_hello(random, cookie, bytes)), CRYPTO_HELLO_VERIFIED);
	kept[0] ^= 1;
	cr_assert_neq(listen_to(server, ringcast_attack_hello(random, cookie, bytes)), CRYPTO_HELLO_VERIFIED);
	ringcast_crypto_context_release(&server);
}

Test(attack, nothing_makes_a_session)
{
	struct crypto_context *server = make_server();
	int answered[ATTACK_COUNT] = {0};
	for (int i = 0; i < 200 * ATTACK_COUNT; i++) {
		enum attack kind = (enum attack)(i % ATTACK_COUNT);
		size_t size = ringcast_attack_make(kind, &prng, bytes);
		if (ringcast_crypto_prefilter(ringcast_view_of(bytes, size), false) != CRYPTO_PREFILTER_LISTEN)
			continue;
		enum crypto_hello hello = listen_to(server, size);
		cr_assert_neq(hello, CRYPTO_HELLO_VERIFIED, "%s", ringcast_attack_names[kind]);
		answered[kind] += hello == CRYPTO_HELLO_ANSWERED;
	}
	cr_assert_eq(answered[ATTACK_HELLO], 200);
	cr_assert_eq(answered[ATTACK_GARBAGE] + answered[ATTACK_SHORT] + answered[ATTACK_CLEAR] + answered[ATTACK_SEALED], 0);
	ringcast_crypto_context_release(&server);
}

Test(attack, a_cookie_is_read_within_its_datagram)
{
	struct view cookie;
	uint8_t request[64] = {22, 0xfe, 0xfd};
	request[13] = 3;
	request[27] = 20;
	cr_assert(ringcast_attack_cookie(ringcast_view_of(request, 48), &cookie));
	cr_assert_eq(cookie.size, 20);
	for (size_t size = 0; size < 48; size++)
		cr_assert_not(ringcast_attack_cookie(ringcast_view_of(request, size), &cookie), "%zu bytes", size);
}
