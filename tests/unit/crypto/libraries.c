#include "libraries.h"

#include <criterion/criterion.h>

static const char *const names[] = {"wolfssl", "openssl"};

void for_all_libraries(enum crypto_kind kind, void (*check)(const struct pair_options *options))
{
	char error[CRYPTO_ERROR_BYTES] = "";
	size_t count = 0;
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
	for (size_t cell = 0; cell < 4; cell++) {
		struct pair_options options = {
			.client = ringcast_crypto_backend(names[cell / 2]),
			.server = ringcast_crypto_backend(names[cell % 2]),
			.kind = kind,
		};
		if (options.client == NULL || options.server == NULL)
			continue;
		cr_log_info("client %s, server %s", options.client->name, options.server->name);
		check(&options);
		count++;
	}
	cr_assert_gt(count, 0);
}
