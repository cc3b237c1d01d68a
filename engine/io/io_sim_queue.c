/* What waits in the simulated io: events as tokens, and the receive buffers that some of them need. */
#include <stdlib.h>

#include "base/assert.h"
#include "io/io_sim_internal.h"

#define PICK_COUNT_MAX 4 /* how far out of order events of different origin may come */

void ringcast_sim_tokens_push(struct sim_token_ring *ring, const struct sim_token *token)
{
	if (ring->count == ring->capacity) {
		size_t capacity = ring->capacity == 0 ? 16 : ring->capacity * 2;
		struct sim_token *tokens = ringcast_sim_must(malloc(capacity * sizeof(*tokens)));
		for (size_t i = 0; i < ring->count; i++)
			tokens[i] = ring->tokens[(ring->head + i) % ring->capacity];
		free(ring->tokens);
		*ring = (struct sim_token_ring){.tokens = tokens, .count = ring->count, .capacity = capacity};
	}
	ring->tokens[(ring->head + ring->count++) % ring->capacity] = *token;
}

struct sim_token ringcast_sim_tokens_pop(struct sim_token_ring *ring)
{
	struct sim_token token = ring->tokens[ring->head];
	ring->head = (ring->head + 1) % ring->capacity;
	ring->count--;
	return token;
}

void ringcast_sim_tokens_free(struct sim_token_ring *ring)
{
	while (ring->count > 0) {
		struct sim_token token = ringcast_sim_tokens_pop(ring);
		free(token.datagram);
	}
	free(ring->tokens);
}

struct sim_token *ringcast_sim_tokens_at(const struct sim_token_ring *ring, size_t i)
{
	return &ring->tokens[(ring->head + i) % ring->capacity];
}

/* One of the first few; but the datagrams of one socket keep their order, as in a kernel's queue. */
struct sim_token ringcast_sim_io_pick(struct sim_io *sim)
{
	struct sim_token_ring *ring = &sim->ready;
	size_t chosen = ringcast_sim_below(sim->network, ring->count < PICK_COUNT_MAX ? ring->count : PICK_COUNT_MAX);
	struct sim_token token = *ringcast_sim_tokens_at(ring, chosen);
	for (size_t i = 0; token.kind == IO_EVENT_DATAGRAM && i < chosen; i++) {
		if (ringcast_sim_tokens_at(ring, i)->kind == IO_EVENT_DATAGRAM && ringcast_sim_tokens_at(ring, i)->id == token.id)
			chosen = i;
	}
	token = *ringcast_sim_tokens_at(ring, chosen);
	for (size_t i = chosen; i > 0; i--)
		*ringcast_sim_tokens_at(ring, i) = *ringcast_sim_tokens_at(ring, i - 1);
	ringcast_sim_tokens_pop(ring);
	return token;
}

void ringcast_sim_io_push(struct sim_io *sim, const struct sim_token *token)
{
	ringcast_sim_tokens_push(&sim->ready, token);
}

/* What waited longest goes first again. */
void ringcast_sim_io_unstall(struct sim_io *sim, enum sim_pool_kind kind)
{
	struct sim_token_ring stalled = sim->stalled[kind];
	if (stalled.count == 0)
		return;
	while (sim->ready.count > 0) {
		struct sim_token token = ringcast_sim_tokens_pop(&sim->ready);
		ringcast_sim_tokens_push(&stalled, &token);
	}
	sim->stalled[kind] = sim->ready;
	sim->ready = stalled;
}

void ringcast_sim_io_buffers_back(struct sim_io *sim)
{
	ringcast_sim_io_unstall(sim, SIM_POOL_STREAM);
	ringcast_sim_io_unstall(sim, SIM_POOL_DATAGRAM);
}

/* receive buffers */

bool ringcast_sim_pool_init(struct sim_pool *pool, uint32_t count, uint32_t bytes)
{
	ringcast_assert(count > 0);
	ringcast_assert(bytes > 0);
	*pool = (struct sim_pool){.count = count, .bytes = bytes, .free_count = count};
	pool->memory = malloc((size_t)count * bytes);
	pool->free = malloc(count * sizeof(*pool->free));
	pool->is_held = calloc(count, sizeof(*pool->is_held));
	if (pool->memory == NULL || pool->free == NULL || pool->is_held == NULL)
		return false;
	memset(pool->memory, SIM_POISON, (size_t)count * bytes);
	for (uint32_t i = 0; i < count; i++)
		pool->free[i] = i;
	return true;
}

void ringcast_sim_pool_fini(struct sim_pool *pool)
{
	free(pool->memory);
	free(pool->free);
	free(pool->is_held);
}

uint8_t *ringcast_sim_pool_take(struct sim_pool *pool, uint32_t *ret_index)
{
	uint32_t index = pool->free[pool->free_head];
	uint8_t *data = pool->memory + (size_t)index * pool->bytes;
	pool->free_head = (pool->free_head + 1) % pool->count;
	pool->free_count--;
	pool->is_held[index] = true;
	for (uint32_t i = 0; i < pool->bytes; i++)
		ringcast_assert(data[i] == SIM_POISON); /* nobody wrote to it after release */
	*ret_index = index;
	return data;
}
