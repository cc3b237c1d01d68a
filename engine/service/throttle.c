#include "service/throttle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* A thousandth of a request each, so that a bucket fills by whole numbers in a millisecond. */
enum { TOKENS_PER_REQUEST = 1000 };

struct buckets {
	char key_id[REQUEST_CALLER_BYTES];
	int64_t tokens[ROLE_COUNT], filled_ms;
};

struct throttle {
	pthread_mutex_t lock;
	uint32_t per_second[ROLE_COUNT];
	struct buckets *keys;
	size_t count;
	uint64_t refused_count;
};

struct throttle *ringcast_throttle_create(const uint32_t per_second[ROLE_COUNT])
{
	struct throttle *throttle = calloc(1, sizeof(*throttle));
	if (throttle == NULL)
		return NULL;
	memcpy(throttle->per_second, per_second, sizeof(throttle->per_second));
	pthread_mutex_init(&throttle->lock, NULL);
	return throttle;
}

void ringcast_throttle_destroy(struct throttle **throttle)
{
	if (*throttle == NULL)
		return;
	pthread_mutex_destroy(&(*throttle)->lock);
	free((*throttle)->keys);
	free(*throttle);
	*throttle = NULL;
}

static int64_t most(const struct throttle *throttle, size_t role)
{
	return (int64_t)throttle->per_second[role] * TOKENS_PER_REQUEST;
}

/* NULL: out of memory. */
static struct buckets *buckets_of(struct throttle *throttle, const char *key_id, int64_t now_ms)
{
	for (size_t i = 0; i < throttle->count; i++)
		if (strcmp(throttle->keys[i].key_id, key_id) == 0)
			return &throttle->keys[i];
	struct buckets *grown = reallocarray(throttle->keys, throttle->count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	throttle->keys = grown;
	struct buckets *buckets = &grown[throttle->count++];
	*buckets = (struct buckets){.filled_ms = now_ms};
	snprintf(buckets->key_id, sizeof(buckets->key_id), "%s", key_id);
	for (size_t role = 0; role < ROLE_COUNT; role++)
		buckets->tokens[role] = most(throttle, role);
	return buckets;
}

/* A clock that was set back fills nothing for that while. */
static void fill(const struct throttle *throttle, struct buckets *buckets, int64_t now_ms)
{
	int64_t passed_ms = now_ms - buckets->filled_ms;
	if (passed_ms <= 0) {
		buckets->filled_ms = now_ms;
		return;
	}
	buckets->filled_ms = now_ms;
	for (size_t role = 0; role < ROLE_COUNT; role++) {
		if (buckets->tokens[role] > most(throttle, role))
			buckets->tokens[role] = most(throttle, role); /* the rate was lowered */
		int64_t room = most(throttle, role) - buckets->tokens[role], rate = throttle->per_second[role];
		buckets->tokens[role] += rate > 0 && passed_ms < room / rate ? passed_ms * rate : room;
	}
}

bool ringcast_throttle_take(struct throttle *throttle, const char *key_id, enum role role, int64_t now_ms)
{
	ringcast_assert(role < ROLE_COUNT && strlen(key_id) < REQUEST_CALLER_BYTES);
	pthread_mutex_lock(&throttle->lock);
	bool is_allowed = throttle->per_second[role] == 0;
	struct buckets *buckets = is_allowed ? NULL : buckets_of(throttle, key_id, now_ms);
	if (buckets != NULL) {
		fill(throttle, buckets, now_ms);
		is_allowed = buckets->tokens[role] >= TOKENS_PER_REQUEST;
		buckets->tokens[role] -= is_allowed ? TOKENS_PER_REQUEST : 0;
	}
	throttle->refused_count += !is_allowed;
	pthread_mutex_unlock(&throttle->lock);
	return is_allowed;
}

uint64_t ringcast_throttle_refused_count(struct throttle *throttle)
{
	pthread_mutex_lock(&throttle->lock);
	uint64_t count = throttle->refused_count;
	pthread_mutex_unlock(&throttle->lock);
	return count;
}

void ringcast_throttle_set(struct throttle *throttle, const uint32_t per_second[ROLE_COUNT])
{
	pthread_mutex_lock(&throttle->lock);
	memcpy(throttle->per_second, per_second, sizeof(throttle->per_second));
	pthread_mutex_unlock(&throttle->lock);
}

void ringcast_throttle_forget(struct throttle *throttle)
{
	pthread_mutex_lock(&throttle->lock);
	throttle->count = 0;
	pthread_mutex_unlock(&throttle->lock);
}
