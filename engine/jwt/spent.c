#include "jwt/spent.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { LOOKS_MAX = 64 }; /* a full table of tokens that live is found full in bounded time */

bool ringcast_jwt_spent_init(struct jwt_spent *spent, uint32_t capacity, uint64_t seed)
{
	*spent = (struct jwt_spent){.capacity = capacity, .seed = seed};
	spent->entries = calloc(capacity, sizeof(*spent->entries));
	return spent->entries != NULL && ringcast_map_init(&spent->by_key, capacity);
}

void ringcast_jwt_spent_fini(struct jwt_spent *spent)
{
	free(spent->entries);
	ringcast_map_fini(&spent->by_key);
	*spent = (struct jwt_spent){0};
}

/* Two of the tokens that one table ever holds have the same key with a probability of 1 in 2^30 and more; then one of them is refused. */
static uint64_t key_of(const struct jwt_spent *spent, const char *key_id, const char *once)
{
	struct sha256_ctx context;
	uint8_t digest[SHA256_DIGEST_SIZE];
	uint64_t key;
	sha256_init(&context);
	sha256_update(&context, sizeof(spent->seed), (const uint8_t *)&spent->seed);
	sha256_update(&context, strlen(key_id) + 1, (const uint8_t *)key_id);
	sha256_update(&context, strlen(once), (const uint8_t *)once);
	sha256_digest(&context, sizeof(digest), digest);
	memcpy(&key, digest, sizeof(key));
	return key;
}

static void forget(struct jwt_spent *spent, struct jwt_spent_entry *entry)
{
	bool was_there = ringcast_map_remove(&spent->by_key, entry->key);
	spent->forgotten_s = entry->expires_s > spent->forgotten_s ? entry->expires_s : spent->forgotten_s;
	ringcast_assert(was_there);
	*entry = (struct jwt_spent_entry){0};
}

/* Moves the hand to a free entry; false: none among those looked at. */
static bool find_room(struct jwt_spent *spent, uint64_t past_s)
{
	for (uint32_t i = 0; i < LOOKS_MAX && i < spent->capacity; i++) {
		struct jwt_spent_entry *entry = &spent->entries[spent->hand];
		if (entry->expires_s != 0 && entry->expires_s <= past_s)
			forget(spent, entry);
		if (entry->expires_s == 0)
			return true;
		spent->hand = (spent->hand + 1) % spent->capacity;
	}
	return false;
}

enum drop_reason ringcast_jwt_spent_check(struct jwt_spent *spent, const char *key_id, const char *once, uint64_t expires_s, uint64_t past_s)
{
	bool has_room = find_room(spent, past_s);
	if (expires_s <= spent->forgotten_s || ringcast_map_find(&spent->by_key, key_of(spent, key_id, once)) != 0)
		return DROP_TOKEN_SPENT;
	return has_room ? DROP_NONE : DROP_TOKEN_MEMORY;
}

void ringcast_jwt_spent_add(struct jwt_spent *spent, const char *key_id, const char *once, uint64_t expires_s)
{
	struct jwt_spent_entry *entry = &spent->entries[spent->hand];
	uint64_t key = key_of(spent, key_id, once);
	ringcast_assert(entry->expires_s == 0 && expires_s != 0);
	bool is_added = ringcast_map_add(&spent->by_key, key, (uint64_t)spent->hand + 1);
	ringcast_assert(is_added);
	*entry = (struct jwt_spent_entry){.key = key, .expires_s = expires_s};
	spent->hand = (spent->hand + 1) % spent->capacity;
}

uint32_t ringcast_jwt_spent_count(const struct jwt_spent *spent)
{
	return spent->by_key.count;
}

uint64_t ringcast_jwt_spent_bytes(uint32_t capacity)
{
	return (uint64_t)capacity * (sizeof(struct jwt_spent_entry) + 4 * sizeof(struct map_slot));
}
