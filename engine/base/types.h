/* The small value types everything else is built from. Pure; no ownership anywhere in this file. */
#ifndef RINGCAST_BASE_TYPES_H
#define RINGCAST_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: valid only as long as their owner says. data may be NULL when size is 0. */
struct view {
	const uint8_t *data;
	size_t size;
};

/*
 * A reference that can go stale safely: slot index in the low 32 bits, generation in the high 32.
 * Generations start at 1, so 0 is never a valid handle.
 */
typedef uint64_t handle;
#define HANDLE_NONE ((handle)0)

/* An internet address and port. IPv4 is held as ::ffff:a.b.c.d, so that equal addresses are equal bytes. */
struct address {
	uint8_t ip[16];
	uint16_t port; /* host byte order */
};

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

static inline struct view ringcast_view_of(const void *data, size_t size);
static inline handle ringcast_handle_of(uint32_t index, uint32_t generation);
static inline uint32_t ringcast_handle_index(handle h);
static inline uint32_t ringcast_handle_generation(handle h);
static inline bool ringcast_address_is_v4(const struct address *address);
static inline bool ringcast_address_has_same_ip(const struct address *a, const struct address *b);
static inline bool ringcast_address_is_equal(const struct address *a, const struct address *b);

/* inline definitions */

static inline struct view ringcast_view_of(const void *data, size_t size)
{
	return (struct view){.data = (const uint8_t *)data, .size = size};
}

static inline handle ringcast_handle_of(uint32_t index, uint32_t generation)
{
	return ((handle)generation << 32) | index;
}

static inline uint32_t ringcast_handle_index(handle h)
{
	return (uint32_t)h;
}

static inline uint32_t ringcast_handle_generation(handle h)
{
	return (uint32_t)(h >> 32);
}

static inline bool ringcast_address_is_v4(const struct address *address)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return memcmp(address->ip, prefix, sizeof(prefix)) == 0;
}

static inline bool ringcast_address_has_same_ip(const struct address *a, const struct address *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static inline bool ringcast_address_is_equal(const struct address *a, const struct address *b)
{
	return a->port == b->port && ringcast_address_has_same_ip(a, b);
}

#endif
