/* What TLS and DTLS share in a shard: credentials, memory, and the turn of waiting handshakes. */
#include <stdlib.h>

#include "base/assert.h"
#include "shard/shard_private.h"

void ringcast_shard_credentials_release(struct shard_credentials *credentials)
{
	ringcast_crypto_context_release(&credentials->stream);
	ringcast_crypto_context_release(&credentials->datagram);
	free(credentials->ca_pem);
	*credentials = (struct shard_credentials){0};
}

void ringcast_shard_set_credentials(struct shard *shard, const struct shard_credentials *credentials)
{
	ringcast_assert(shard->options.security != SHARD_PLAIN);
	ringcast_assert(credentials->stream != NULL);
	ringcast_shard_credentials_release(&shard->security.credentials);
	shard->security.credentials = *credentials;
}

/* Everybody who may have an association, and those who may be on their way to one. */
static uint32_t association_count(const struct ringcast_limits *limits)
{
	return limits->players_max + limits->half_open_max;
}

uint64_t ringcast_shard_security_memory_bytes(const struct ringcast_limits *limits)
{
	return limits->connections_max * (sizeof(struct secure_stream) + 8) +
	       ringcast_association_table_memory_bytes(association_count(limits), limits->half_open_max) +
	       ringcast_handshake_queue_memory_bytes(limits->handshake_datagrams_max) + 2 * CRYPTO_STREAM_RECORD_BYTES;
}

bool ringcast_shard_security_init(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	struct shard_security *security = &shard->security;
	uint64_t seed;
	if (shard->options.security == SHARD_PLAIN)
		return true;
	shard->io->ops->random(shard->io, &seed, sizeof(seed));
	security->opened = malloc(CRYPTO_STREAM_RECORD_BYTES);
	security->gathered = malloc(CRYPTO_STREAM_RECORD_BYTES);
	return security->opened != NULL && security->gathered != NULL &&
	       ringcast_slab_init(&security->streams, sizeof(struct secure_stream), limits->connections_max) &&
	       ringcast_association_table_init(&security->associations, association_count(limits), limits->half_open_max, seed) &&
	       ringcast_handshake_queue_init(&security->queue, limits->handshake_datagrams_max, seed);
}

void ringcast_shard_security_fini(struct shard *shard)
{
	struct shard_security *security = &shard->security;
	if (security->queue.datagrams.objects != NULL)
		ringcast_handshake_queue_fini(&security->queue);
	ringcast_association_table_fini(&security->associations);
	ringcast_slab_fini(&security->streams);
	free(security->opened);
	free(security->gathered);
	ringcast_shard_credentials_release(&security->credentials);
}

void ringcast_shard_security_stop(struct shard *shard)
{
	struct slab *associations = &shard->security.associations.associations;
	for (uint32_t i = 0; i < associations->high_water; i++) {
		handle self;
		struct association *association = ringcast_slab_at(associations, i, &self);
		if (association != NULL && association->state != ASSOCIATION_IDENTIFIED)
			ringcast_shard_association_break(shard, association);
	}
}

static struct conn *conn_of(struct shard *shard, struct list_node *node)
{
	struct secure_stream *secure = CONTAINER_OF(node, struct secure_stream, queue_node);
	struct conn *conn = ringcast_slab_find(&shard->conns, secure->conn);
	ringcast_assert(conn != NULL && conn->secure == secure); /* it leaves the queue before it dies */
	return conn;
}

void ringcast_shard_run_handshakes(struct shard *shard)
{
	uint64_t start_ns = ringcast_io_now_ns(shard->io), budget_ns = shard->options.limits.handshake_budget_us * NS_PER_US;
	struct handshake_turn turn;
	do {
		if (!ringcast_handshake_queue_next(&shard->security.queue, &turn))
			return;
		shard->counters.handshake_steps++;
		if (turn.stream != NULL) {
			ringcast_shard_secure_step(shard, conn_of(shard, turn.stream));
		} else {
			ringcast_shard_association_step(shard, &turn.datagram);
			ringcast_buf_unref(turn.datagram.buf);
		}
	} while (ringcast_io_now_ns(shard->io) - start_ns < budget_ns);
	shard->counters.handshake_steps_waited += ringcast_handshake_queue_count(&shard->security.queue);
}
