/* The self-test passes with the libraries at hand, and refuses a backend that does what bad releases did. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/crypto_private.h"
#include "crypto/selftest.h"
#include "libraries.h"

static void check_features(const struct pair_options *options)
{
	struct crypto_features features;
	options->server->features(&features);
	cr_assert_str_eq(features.refused_dtls, "");
	cr_assert(features.has_dtls && features.has_tls && features.has_tls13);
	cr_assert_gt(strlen(features.library), 8);
}

Test(selftest, passes_with_the_libraries_of_this_build)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_features);
}

/* A backend with one function of the real one replaced. Contexts name the real one, so theirs does the rest. */
static struct crypto_backend real, broken;

/* As if there were no window: what was opened before is said again whenever the same bytes come. */
static enum crypto_result read_replays(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size)
{
	static bool is_repeating;
	enum crypto_result result = real.read(session, out, capacity, ret_size);
	if (result == CRYPTO_OK)
		is_repeating = true;
	else if (is_repeating) {
		is_repeating = false;
		*ret_size = 4;
		return CRYPTO_OK;
	}
	return result;
}

/* As if a short record had ended the session: nothing is opened any more. */
static enum crypto_result read_once(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size)
{
	static unsigned count;
	enum crypto_result result = count > 0 ? CRYPTO_WANT_INPUT : real.read(session, out, capacity, ret_size);
	count += result == CRYPTO_OK;
	session->input = (struct view){0};
	return result;
}

/* As if the last flight were forgotten once it is sent. The first trial, the first two contexts, must pass. */
static unsigned contexts_count;

static enum crypto_result read_in_first_trial(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size)
{
	if (contexts_count <= 2)
		return real.read(session, out, capacity, ret_size);
	session->input = (struct view){0};
	return CRYPTO_WANT_INPUT;
}

static struct crypto_context *create_broken(const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	struct crypto_context *context = real.context_create(options, reterr, reterr_bytes);
	contexts_count++;
	if (context != NULL)
		context->backend = &broken;
	return context;
}

static void refuse(const struct crypto_backend *backend, enum crypto_result (*read)(struct crypto_session *, uint8_t *, size_t, size_t *),
		   const char *why)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	real = broken = *backend;
	broken.context_create = create_broken;
	cr_assert(ringcast_crypto_selftest_dtls(&broken, error, sizeof(error)), "%s", error);
	contexts_count = 0;
	broken.read = read;
	cr_assert_not(ringcast_crypto_selftest_dtls(&broken, error, sizeof(error)));
	cr_assert_not_null(strstr(error, why), "%s", error);
}

Test(selftest, refuses_a_library_that_takes_replays)
{
	char error[CRYPTO_ERROR_BYTES];
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)));
	refuse(ringcast_crypto_backend(NULL), read_replays, "replayed");
}

Test(selftest, refuses_a_library_that_a_short_record_silences)
{
	char error[CRYPTO_ERROR_BYTES];
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)));
	refuse(ringcast_crypto_backend(NULL), read_once, "17 bytes");
}

static bool know_no_cookie(const struct crypto_context *context, struct view peer, struct view datagram)
{
	(void)context, (void)peer, (void)datagram;
	return false;
}

Test(selftest, refuses_a_library_whose_cookies_are_strange_to_us)
{
	char error[CRYPTO_ERROR_BYTES];
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)));
	real = broken = *ringcast_crypto_backend(NULL);
	broken.context_create = create_broken;
	broken.is_cookie_good = know_no_cookie;
	cr_assert_not(ringcast_crypto_selftest_dtls(&broken, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "cookies"), "%s", error);
}

/* OpenSSL's own clock forbids to try this at the start. */
Test(selftest, refuses_a_library_that_forgets_its_last_flight)
{
	char error[CRYPTO_ERROR_BYTES];
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)));
	if (ringcast_crypto_backend("wolfssl") == NULL)
		cr_skip_test("this build has no wolfSSL");
	refuse(ringcast_crypto_backend("wolfssl"), read_in_first_trial, "last flight");
}
