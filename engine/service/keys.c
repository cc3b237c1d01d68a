#include "service/keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key {
	char id[KEY_ID_BYTES], secret[KEY_SECRET_BYTES];
	enum role role;
};

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

void ringcast_keys_destroy(struct keys **keys)
{
	if (*keys == NULL)
		return;
	pthread_rwlock_destroy(&(*keys)->lock);
	if ((*keys)->keys != NULL)
		explicit_bzero((*keys)->keys, (*keys)->count * sizeof((*keys)->keys[0]));
	free((*keys)->keys);
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

static struct key *add(struct keys *keys)
{
	struct key *grown = reallocarray(keys->keys, keys->count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	keys->keys = grown;
	return &keys->keys[keys->count++];
}

bool ringcast_keys_put(struct keys *keys, const char *id, const char *secret, enum role role)
{
	if (strlen(id) >= KEY_ID_BYTES || strlen(secret) >= KEY_SECRET_BYTES)
		return false;
	pthread_rwlock_wrlock(&keys->lock);
	struct key *key = find(keys, id);
	if (key == NULL)
		key = add(keys);
	if (key != NULL) {
		snprintf(key->id, sizeof(key->id), "%s", id);
		snprintf(key->secret, sizeof(key->secret), "%s", secret);
		key->role = role;
	}
	pthread_rwlock_unlock(&keys->lock);
	return key != NULL;
}

void ringcast_keys_remove(struct keys *keys, const char *id)
{
	pthread_rwlock_wrlock(&keys->lock);
	struct key *key = find(keys, id);
	if (key != NULL) {
		*key = keys->keys[--keys->count];
		explicit_bzero(&keys->keys[keys->count], sizeof(*key));
	}
	pthread_rwlock_unlock(&keys->lock);
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
