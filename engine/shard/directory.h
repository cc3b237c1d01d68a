/*
 * Whose a datagram is, when all shards share their UDP ports: which shard has the player that (client address, peer id, port) names, or the DTLS association that
 * (client address and port, port) names. One for an engine, under a lock: asked when players come and go, and for datagrams that came to a shard that does not know
 * them; never for those that came right.
 *
 * A datagram that came wrong is handed to its player's shard (a stray), which has the client steered to itself from then on. So whoever comes from a new address, or
 * has no place in the steering's map, is heard all the same.
 */
#ifndef RINGCAST_SHARD_DIRECTORY_H
#define RINGCAST_SHARD_DIRECTORY_H

#include <pthread.h>

#include "base/map.h"
#include "io/steering.h"
#include "transport/address_table.h"

struct directory {
	pthread_mutex_t lock;
	struct map shards;  /* key -> shard, plus one */
	uint64_t seed;      /* of keys: the same for all shards */
	struct address_table known; /* where players have come from by TLS: their hellos may come to any shard */
	struct steering *steering; /* NULL: nobody is steered, and chance decides for all */
};

enum { DIRECTORY_NOBODY = UINT32_MAX };

/* place_count: of players, and of those who may be about to become some; all that is kept here has its bound by it. */

bool ringcast_directory_init(struct directory *directory, uint32_t place_count, uint64_t seed); /* false: no memory */
void ringcast_directory_fini(struct directory *directory); /* and the steering; after the shards and their ios */
bool ringcast_directory_add(struct directory *directory, uint64_t key, uint32_t shard); /* false: somebody has the place, or it is full */
void ringcast_directory_remove(struct directory *directory, uint64_t key);
bool ringcast_directory_put(struct directory *directory, uint64_t key, uint32_t shard); /* whoever had it; false: it is full */
bool ringcast_directory_drop(struct directory *directory, uint64_t key, uint32_t shard); /* false: it was not, or no longer, the shard's */
uint32_t ringcast_directory_find(struct directory *directory, uint64_t key); /* the shard, or DIRECTORY_NOBODY */
/* A player has come by TLS from there. False: there is no room, and nothing to forget later. */
bool ringcast_directory_know(struct directory *directory, const struct address *address, uint64_t now_ns);
void ringcast_directory_forget(struct directory *directory, const struct address *address);
/* One DTLS hello out of the allowance of an address that has such players, on whichever shard; false for all others, and when it is used up. */
bool ringcast_directory_take_hello(struct directory *directory, const struct address *address, uint32_t hellos_per_second, uint64_t now_ns);

#endif
