#include "transport/crowds.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "base/pages.h"

/* Sizes from 0 on. A head is zeroed until the first crowd has its size. */
static size_t by_size_bytes(uint32_t capacity)
{
	return (capacity + (size_t)1) * sizeof(struct list_node);
}

static bool has_crowd_of(const struct crowds *crowds, uint32_t size)
{
	const struct list_node *head = &crowds->by_size[size];
	return head->next != NULL && !ringcast_list_is_empty(head);
}

bool ringcast_crowds_init(struct crowds *crowds, uint32_t capacity, uint64_t seed)
{
	*crowds = (struct crowds){.capacity = capacity, .seed = seed};
	crowds->by_size = ringcast_pages_reserve(by_size_bytes(capacity));
	ringcast_list_init(&crowds->all);
	ringcast_list_init(&crowds->turns);
	if (crowds->by_size != NULL && ringcast_slab_init(&crowds->crowds, sizeof(struct crowd), capacity) && ringcast_map_init(&crowds->by_key, capacity))
		return true;
	ringcast_crowds_fini(crowds);
	return false;
}

void ringcast_crowds_fini(struct crowds *crowds)
{
	ringcast_assert(crowds->count == 0);
	ringcast_map_fini(&crowds->by_key);
	ringcast_slab_fini(&crowds->crowds);
	ringcast_pages_release(crowds->by_size, by_size_bytes(crowds->capacity));
	*crowds = (struct crowds){0};
}

uint64_t ringcast_crowds_memory_bytes(uint32_t capacity)
{
	uint64_t map_bytes = 2 * sizeof(struct map_slot) * 2;
	return capacity * (sizeof(struct crowd) + 8 + map_bytes + sizeof(struct list_node));
}

/* As for TCP connections: a /64 is one subscriber. */
uint64_t ringcast_crowds_key(const struct crowds *crowds, const struct address *address)
{
	return ringcast_hash_bytes(address->ip, ringcast_address_is_v4(address) ? 16 : 8, crowds->seed) | 1;
}

static struct crowd *find(const struct crowds *crowds, uint64_t key)
{
	return ringcast_slab_find(&crowds->crowds, ringcast_map_find(&crowds->by_key, key));
}

uint32_t ringcast_crowds_size(const struct crowds *crowds, uint64_t key)
{
	const struct crowd *crowd = find(crowds, key);
	return crowd != NULL ? crowd->size : 0;
}

static struct crowd *add_crowd(struct crowds *crowds, uint64_t key, handle *ret_self)
{
	struct crowd *crowd = ringcast_slab_alloc(&crowds->crowds, ret_self);
	ringcast_assert(crowd != NULL); /* each has a member, and there is room for another one */
	crowd->key = key;
	ringcast_list_init(&crowd->members);
	ringcast_list_add_tail(&crowds->turns, &crowd->turn);
	bool is_added = ringcast_map_add(&crowds->by_key, key, *ret_self);
	ringcast_assert(is_added); /* the map has the slab's capacity */
	return crowd;
}

static void resize(struct crowds *crowds, struct crowd *crowd, uint32_t size)
{
	if (crowd->size > 0)
		ringcast_list_remove(&crowd->same_size);
	crowd->size = size;
	if (crowds->by_size[size].next == NULL)
		ringcast_list_init(&crowds->by_size[size]);
	if (size > 0)
		ringcast_list_add_tail(&crowds->by_size[size], &crowd->same_size);
	if (size > crowds->size_max)
		crowds->size_max = size;
	else if (!has_crowd_of(crowds, crowds->size_max))
		crowds->size_max--; /* whoever had most has one less now, or there is nobody */
}

void ringcast_crowds_add(struct crowds *crowds, uint64_t key, struct crowd_member *member)
{
	handle self = ringcast_map_find(&crowds->by_key, key);
	struct crowd *crowd = ringcast_slab_find(&crowds->crowds, self);
	ringcast_assert(!ringcast_crowds_is_full(crowds));
	if (crowd == NULL)
		crowd = add_crowd(crowds, key, &self);
	member->crowd = self;
	ringcast_list_add_tail(&crowd->members, &member->in_crowd);
	ringcast_list_add_tail(&crowds->all, &member->in_all);
	resize(crowds, crowd, crowd->size + 1);
	crowds->count++;
}

void ringcast_crowds_remove(struct crowds *crowds, struct crowd_member *member)
{
	struct crowd *crowd = ringcast_slab_find(&crowds->crowds, member->crowd);
	if (crowd == NULL)
		return;
	ringcast_list_remove(&member->in_crowd);
	ringcast_list_remove(&member->in_all);
	resize(crowds, crowd, crowd->size - 1);
	crowds->count--;
	if (crowd->size == 0) {
		ringcast_list_remove(&crowd->turn);
		ringcast_map_remove(&crowds->by_key, crowd->key);
		ringcast_slab_free(&crowds->crowds, member->crowd);
	}
	member->crowd = HANDLE_NONE;
}

static struct crowd_member *oldest_of(const struct crowd *crowd)
{
	return CONTAINER_OF(crowd->members.next, struct crowd_member, in_crowd);
}

struct crowd_member *ringcast_crowds_oldest(const struct crowds *crowds, uint64_t key)
{
	const struct crowd *crowd = find(crowds, key);
	return crowd != NULL ? oldest_of(crowd) : NULL;
}

struct crowd_member *ringcast_crowds_victim(const struct crowds *crowds, uint64_t key, bool *ret_is_hogs)
{
	uint32_t newcomer_size = ringcast_crowds_size(crowds, key) + 1;
	*ret_is_hogs = crowds->size_max > newcomer_size;
	if (crowds->count == 0)
		return NULL;
	if (newcomer_size > crowds->size_max)
		return ringcast_crowds_oldest(crowds, key);
	if (crowds->size_max == 1)
		return CONTAINER_OF(crowds->all.next, struct crowd_member, in_all);
	return oldest_of(CONTAINER_OF(crowds->by_size[crowds->size_max].next, struct crowd, same_size));
}

struct crowd_member *ringcast_crowds_next(struct crowds *crowds)
{
	if (crowds->count == 0)
		return NULL;
	struct crowd *crowd = CONTAINER_OF(crowds->turns.next, struct crowd, turn);
	ringcast_list_remove(&crowd->turn);
	ringcast_list_add_tail(&crowds->turns, &crowd->turn);
	return oldest_of(crowd);
}
