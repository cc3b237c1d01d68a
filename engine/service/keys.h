/*
 * Access keys: who may ask what. The HTTP threads look keys up while a reload changes them, so this is a table with a lock of its own.
 */
#ifndef RINGCAST_SERVICE_KEYS_H
#define RINGCAST_SERVICE_KEYS_H

#include "service/operations/request.h"

enum { KEY_ID_BYTES = 65, KEY_SECRET_BYTES = 65 };

struct keys;

struct key {
	char id[KEY_ID_BYTES], secret[KEY_SECRET_BYTES];
	enum role role;
};

struct keys *ringcast_keys_create(void); /* NULL: out of memory */
void ringcast_keys_destroy(struct keys **keys);
/* Copies of these, and no others. False: out of memory, and nothing has changed. */
bool ringcast_keys_replace(struct keys *keys, const struct key *with, size_t count);
/* A copy of the secret. False: there is no such key. */
bool ringcast_keys_find(struct keys *keys, const char *id, char ret_secret[KEY_SECRET_BYTES], enum role *ret_role);
size_t ringcast_keys_count(struct keys *keys);

#endif
