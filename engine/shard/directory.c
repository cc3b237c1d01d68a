#include "shard/directory.h"

#include "base/assert.h"

bool ringcast_directory_init(struct directory *directory, uint32_t place_count, uint64_t seed)
{
	*directory = (struct directory){.seed = seed};
	pthread_mutex_init(&directory->lock, NULL);
	if (ringcast_map_init(&directory->shards, place_count) && ringcast_address_table_init(&directory->known, place_count, seed))
		return true;
	ringcast_directory_fini(directory);
	return false;
}

void ringcast_directory_fini(struct directory *directory)
{
	ringcast_steering_destroy(&directory->steering);
	ringcast_address_table_fini(&directory->known);
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

bool ringcast_directory_put(struct directory *directory, uint64_t key, uint32_t shard)
{
	pthread_mutex_lock(&directory->lock);
	bool is_set = ringcast_map_set(&directory->shards, key, (uint64_t)shard + 1);
	pthread_mutex_unlock(&directory->lock);
	return is_set;
}

bool ringcast_directory_drop(struct directory *directory, uint64_t key, uint32_t shard)
{
	pthread_mutex_lock(&directory->lock);
	bool is_own = ringcast_map_find(&directory->shards, key) == (uint64_t)shard + 1;
	if (is_own)
		ringcast_map_remove(&directory->shards, key);
	pthread_mutex_unlock(&directory->lock);
	return is_own;
}

/* There it counts as a connection: that is what keeps the entry. */
bool ringcast_directory_know(struct directory *directory, const struct address *address, uint64_t now_ns)
{
	pthread_mutex_lock(&directory->lock);
	bool is_counted = ringcast_address_table_open(&directory->known, address, 0, 0, now_ns) == DROP_NONE;
	if (is_counted)
		ringcast_address_table_know(&directory->known, address, 1);
	pthread_mutex_unlock(&directory->lock);
	return is_counted;
}

void ringcast_directory_forget(struct directory *directory, const struct address *address)
{
	pthread_mutex_lock(&directory->lock);
	ringcast_address_table_know(&directory->known, address, -1);
	ringcast_address_table_close(&directory->known, address, false);
	pthread_mutex_unlock(&directory->lock);
}

bool ringcast_directory_take_hello(struct directory *directory, const struct address *address, uint32_t hellos_per_second, uint64_t now_ns)
{
	pthread_mutex_lock(&directory->lock);
	bool is_taken = ringcast_address_table_take_hello(&directory->known, address, hellos_per_second, now_ns);
	pthread_mutex_unlock(&directory->lock);
	return is_taken;
}
