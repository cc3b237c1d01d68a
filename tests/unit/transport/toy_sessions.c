#include "toy_sessions.h"

#include <criterion/criterion.h>

#include "tests/sim/toy_tls.h"

static void count_up(void *context, void *out, size_t size)
{
	static uint8_t next;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = next++;
}

static void emit_nowhere(void *context, const uint8_t *bytes, size_t size)
{
}

struct crypto_context *toy_sessions_context(void)
{
	char error[200];
	struct crypto_options options = {
		.kind = CRYPTO_DATAGRAM, .role = CRYPTO_CLIENT, .is_insecure = true, .random = count_up};
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
	struct crypto_context *context = ringcast_crypto_context_create(&ringcast_toy_tls, &options, error, sizeof(error));
	cr_assert(context != NULL, "%s", error);
	return context;
}

struct crypto_session *toy_sessions_open(struct crypto_context *context)
{
	struct crypto_session *session = ringcast_crypto_open(context, "toy", emit_nowhere, NULL);
	cr_assert(session != NULL);
	return session;
}
