/* A client and a server of one library shaking hands in memory, for benchmarks of encryption: the time the server needs is counted by
 * itself. */
#ifndef RINGCAST_BENCH_MICRO_JOINT_H
#define RINGCAST_BENCH_MICRO_JOINT_H

#include "crypto/crypto.h"

struct joint_variant {
	const struct crypto_backend *backend;
	enum crypto_kind kind;
	bool is_version_1_2_only;
	const char *name;
};

struct joint {
	struct crypto_context *client, *server;
	bool is_datagram;
};

uint64_t joint_now_ns(void); /* of this thread's processor time: what other programs take does not count */
/* Ends the program with a line if the library refuses. */
struct joint joint_create(const struct joint_variant *variant);
void joint_free(struct joint *joint);
/* The server's session after a handshake and the client's first data; the client is gone. server_ns: the server's part of the time. */
struct crypto_session *joint_shake_hands(struct joint *joint, uint64_t *ret_server_ns, bool *ret_is_resumed);
/* Whether the client's newest ticket is offered next time: a new client context has none. */
void joint_forget_ticket(struct joint *joint, const struct joint_variant *variant);

#endif
