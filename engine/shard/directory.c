#include "shard/directory.h"

#include "base/assert.h"

bool ringcast_directory_init(struct directory *directory, uint32_t player_count_max, uint64_t seed)
{
	*directory = (struct directory){.seed = seed};
	pthread_mutex_init(&directory->lock, NULL);
	return ringcast_map_init(&directory->shards, player_count_max);
}

void ringcast_directory_fini(struct directory *directory)
{
	ringcast_steering_destroy(&directory->steering);
	ringcast_map_fini(&directory->shards);
	pthread_mutex_destroy(&directory->lock);
}

bool ringcast_directory_add(struct directory *directory, uint64_t key, uint32_t shard)
{
	pthread_mutex_lock(&directory->lock);
	bool is_free = ringcast_map_find(&directory->shards, key) == 0 && ringcast_map_add(&directory->shards, key, (uint64_t)shard + 1);
	pthread_mutex_unlock(&directory->lock);
	return is_free;
}

void ringcast_directory_remove(struct directory *directory, uint64_t key)
{
	pthread_mutex_lock(&directory->lock);
	bool was_there = ringcast_map_remove(&directory->shards, key);
	pthread_mutex_unlock(&directory->lock);
	ringcast_assert(was_there);
}

uint32_t ringcast_directory_find(struct directory *directory, uint64_t key)
{
	pthread_mutex_lock(&directory->lock);
	uint64_t found = ringcast_map_find(&directory->shards, key);
	pthread_mutex_unlock(&directory->lock);
	return found == 0 ? DIRECTORY_NOBODY : (uint32_t)(found - 1);
}
