/* Contexts and a handshake in memory for the targets that fuzz encryption. Made once per process. */
#ifndef RINGCAST_TESTS_FUZZ_CRYPTO_WORLD_H
#define RINGCAST_TESTS_FUZZ_CRYPTO_WORLD_H

#include "crypto/crypto.h"

enum { WORLD_MAIL_BYTES_MAX = 64 * 1024, WORLD_MAIL_COUNT_MAX = 64, WORLD_BACKENDS_MAX = 2 };

/* What was emitted, oldest first. */
struct world_mail {
	uint8_t bytes[WORLD_MAIL_BYTES_MAX];
	size_t sizes[WORLD_MAIL_COUNT_MAX], count, used;
};

struct world_pair {
	struct crypto_session *client, *server; /* server: NULL before its cookie came back */
	struct world_mail to_server, to_client;
};

size_t world_backend_count(void);
struct crypto_context *world_context(size_t backend_index, enum crypto_kind kind, enum crypto_role role);
void world_post(void *mail, const uint8_t *bytes, size_t size);
/* A handshake that stops when the server exists, or when both ends are established. */
void world_shake_hands(struct world_pair *pair, size_t backend_index, bool is_to_the_end);
void world_free(struct world_pair *pair);
/* Feeds and reads until nothing is left. Bytes of data that came. */
size_t world_feed(struct crypto_session *session, struct view bytes);

#endif
