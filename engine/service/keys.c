#include "service/keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct keys {
	pthread_rwlock_t lock;
	struct key *keys;
	size_t count;
};

struct keys *ringcast_keys_create(void)
{
	struct keys *keys = calloc(1, sizeof(*keys));
	if (keys != NULL)
		pthread_rwlock_init(&keys->lock, NULL);
	return keys;
}

static void forget(struct key *keys, size_t count)
{
	if (keys != NULL)
		explicit_bzero(keys, count * sizeof(*keys));
	free(keys);
}

void ringcast_keys_destroy(struct keys **keys)
{
	if (*keys == NULL)
		return;
	pthread_rwlock_destroy(&(*keys)->lock);
	forget((*keys)->keys, (*keys)->count);
	free(*keys);
	*keys = NULL;
}

static struct key *find(struct keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->keys[i].id, id) == 0)
			return &keys->keys[i];
	return NULL;
}

bool ringcast_keys_replace(struct keys *keys, const struct key *with, size_t count)
{
	struct key *copy = calloc(count + 1, sizeof(*copy));
	if (copy == NULL)
		return false;
	if (count > 0)
		memcpy(copy, with, count * sizeof(*copy));
	pthread_rwlock_wrlock(&keys->lock);
	struct key *old = keys->keys;
	size_t old_count = keys->count;
	keys->keys = copy;
	keys->count = count;
	pthread_rwlock_unlock(&keys->lock);
	forget(old, old_count);
	return true;
}

bool ringcast_keys_find(struct keys *keys, const char *id, char ret_secret[KEY_SECRET_BYTES], enum role *ret_role)
{
	pthread_rwlock_rdlock(&keys->lock);
	const struct key *key = find(keys, id);
	if (key != NULL) {
		memcpy(ret_secret, key->secret, KEY_SECRET_BYTES);
		*ret_role = key->role;
	}
	pthread_rwlock_unlock(&keys->lock);
	return key != NULL;
}

size_t ringcast_keys_count(struct keys *keys)
{
	pthread_rwlock_rdlock(&keys->lock);
	size_t count = keys->count;
	pthread_rwlock_unlock(&keys->lock);
	return count;
}
