/*
 * Access keys: who may ask what. The HTTP threads look keys up while the loop's thread changes them, so this is a table with a lock of its own
 * that the loop fills from the records.
 */
#ifndef RINGCAST_SERVICE_KEYS_H
#define RINGCAST_SERVICE_KEYS_H

#include "service/operations/request.h"

enum { KEY_ID_BYTES = 65, KEY_SECRET_BYTES = 65 };

struct keys;

struct keys *ringcast_keys_create(void); /* NULL: out of memory */
void ringcast_keys_destroy(struct keys **keys);
bool ringcast_keys_put(struct keys *keys, const char *id, const char *secret, enum role role);
void ringcast_keys_remove(struct keys *keys, const char *id); /* harmless when it is not there */
/* A copy of the secret. False: there is no such key. */
bool ringcast_keys_find(struct keys *keys, const char *id, char ret_secret[KEY_SECRET_BYTES], enum role *ret_role);
size_t ringcast_keys_count(struct keys *keys);

#endif
