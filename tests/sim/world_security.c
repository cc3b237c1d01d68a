/* The world's certificates and contexts: a toy library, so that a seed decides everything. */
#include <stdlib.h>

#include "base/assert.h"
#include "toy_tls.h"
#include "world.h"

static void random_bytes(void *context, void *out, size_t size)
{
	struct world *world = context;
	ringcast_prng_fill(&world->crypto_prng, out, size);
}

static struct crypto_context *make_context(struct world *world, enum crypto_kind kind, enum crypto_role role)
{
	char error[200];
	struct crypto_options options = {
		.kind = kind,
		.role = role,
		.credentials = {.certificate = "toy", .key = "toy", .ca = "toy"},
		.cookie_secret = {1},
		.ticket_secret = {1},
		.random = random_bytes,
		.random_context = world,
	};
	bool is_ready = ringcast_crypto_global_init(error, sizeof(error));
	ringcast_assert(is_ready);
	struct crypto_context *context = ringcast_crypto_context_create(&ringcast_toy_tls, &options, error, sizeof(error));
	ringcast_assert(context != NULL);
	return context;
}

void ringcast_world_make_clients(struct world *world)
{
	world->net.stream_context = make_context(world, CRYPTO_STREAM, CRYPTO_CLIENT);
	world->net.datagram_context = make_context(world, CRYPTO_DATAGRAM, CRYPTO_CLIENT);
}

void ringcast_world_release_clients(struct world *world)
{
	ringcast_crypto_context_release(&world->net.stream_context);
	ringcast_crypto_context_release(&world->net.datagram_context);
}

struct shard_credentials ringcast_world_make_credentials(struct world *world)
{
	if (world->swarm.security == SHARD_PLAIN)
		return (struct shard_credentials){0};
	return (struct shard_credentials){
		.stream = make_context(world, CRYPTO_STREAM, CRYPTO_SERVER),
		.datagram = make_context(world, CRYPTO_DATAGRAM, CRYPTO_SERVER),
		.ca_pem = strdup("toy CA"),
	};
}

void ringcast_world_replace_credentials(struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		struct shard_credentials credentials = ringcast_world_make_credentials(world);
		ringcast_shard_set_credentials(world->shards[i], &credentials);
	}
}
