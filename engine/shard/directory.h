/*
 * Whose a datagram is, when all shards share their UDP ports: which shard has the player that (client address, peer id, port) names. One for an engine, under a
 * lock: asked when players come and go, and for datagrams that came to a shard that does not know them; never for those that came right.
 *
 * A datagram that came wrong is handed to its player's shard (a stray), which has the client steered to itself from then on. So whoever comes from a new address, or
 * has no place in the steering's map, is heard all the same.
 */
#ifndef RINGCAST_SHARD_DIRECTORY_H
#define RINGCAST_SHARD_DIRECTORY_H

#include <pthread.h>

#include "base/map.h"
#include "io/steering.h"

struct directory {
	pthread_mutex_t lock;
	struct map shards;  /* key -> shard, plus one */
	uint64_t seed;      /* of keys: the same for all shards */
	struct steering *steering;
};

enum { DIRECTORY_NOBODY = UINT32_MAX };

bool ringcast_directory_init(struct directory *directory, uint32_t player_count_max, uint64_t seed); /* false: no memory */
void ringcast_directory_fini(struct directory *directory); /* and the steering; after the shards and their ios */
bool ringcast_directory_add(struct directory *directory, uint64_t key, uint32_t shard); /* false: somebody has the place, or it is full */
void ringcast_directory_remove(struct directory *directory, uint64_t key);
uint32_t ringcast_directory_find(struct directory *directory, uint64_t key); /* the shard, or DIRECTORY_NOBODY */

#endif
