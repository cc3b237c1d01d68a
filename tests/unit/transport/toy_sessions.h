/* Sessions to put into tables: the simulator's toy library, with a random of its own. */
#ifndef RINGCAST_TESTS_UNIT_TRANSPORT_TOY_SESSIONS_H
#define RINGCAST_TESTS_UNIT_TRANSPORT_TOY_SESSIONS_H

#include "crypto/crypto.h"

struct crypto_context *toy_sessions_context(void); /* released by the caller */
struct crypto_session *toy_sessions_open(struct crypto_context *context);

#endif
