#include "service/slots.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/list.h"

struct slot {
	struct list_node node; /* of slots.waiting, while neither busy nor cut */
	int fd;
	bool is_busy, is_cut;
};

struct slots {
	pthread_mutex_t lock; /* guards everything below, and the slots */
	struct list_node waiting; /* who has waited longest first */
	size_t count, count_max; /* without those that are cut */
	size_t all_count;
	uint64_t cut_count;
};

struct slots *ringcast_slots_create(size_t count_max)
{
	ringcast_assert(count_max > 0);
	struct slots *slots = calloc(1, sizeof(*slots));
	if (slots == NULL)
		return NULL;
	slots->count_max = count_max;
	ringcast_list_init(&slots->waiting);
	pthread_mutex_init(&slots->lock, NULL);
	return slots;
}

void ringcast_slots_destroy(struct slots **slots)
{
	if (*slots == NULL)
		return;
	ringcast_assert((*slots)->all_count == 0);
	pthread_mutex_destroy(&(*slots)->lock);
	free(*slots);
	*slots = NULL;
}

/* The lock is held. The server's thread sees the end of the connection and tidies up; here it has gone at once. */
static bool make_room(struct slots *slots)
{
	if (slots->count < slots->count_max)
		return true;
	slots->cut_count++;
	if (ringcast_list_is_empty(&slots->waiting))
		return false;
	struct slot *slot = CONTAINER_OF(slots->waiting.next, struct slot, node);
	ringcast_list_remove(&slot->node);
	slot->is_cut = true;
	slots->count--;
	shutdown(slot->fd, SHUT_RDWR);
	return true;
}

struct slot *ringcast_slots_add(struct slots *slots, int fd)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return NULL;
	slot->fd = fd;
	pthread_mutex_lock(&slots->lock);
	bool has_room = make_room(slots);
	if (has_room) {
		ringcast_list_add_tail(&slots->waiting, &slot->node);
		slots->count++;
		slots->all_count++;
	}
	pthread_mutex_unlock(&slots->lock);
	if (has_room)
		return slot;
	free(slot);
	return NULL;
}

void ringcast_slots_remove(struct slots *slots, struct slot *slot)
{
	if (slot == NULL)
		return;
	pthread_mutex_lock(&slots->lock);
	if (!slot->is_busy && !slot->is_cut)
		ringcast_list_remove(&slot->node);
	slots->count -= !slot->is_cut;
	slots->all_count--;
	pthread_mutex_unlock(&slots->lock);
	free(slot);
}

void ringcast_slots_set_busy(struct slots *slots, struct slot *slot, bool is_busy)
{
	if (slot == NULL)
		return;
	pthread_mutex_lock(&slots->lock);
	if (!slot->is_cut && slot->is_busy != is_busy) {
		if (is_busy)
			ringcast_list_remove(&slot->node);
		else
			ringcast_list_add_tail(&slots->waiting, &slot->node);
		slot->is_busy = is_busy;
	}
	pthread_mutex_unlock(&slots->lock);
}

uint64_t ringcast_slots_cut_count(struct slots *slots)
{
	pthread_mutex_lock(&slots->lock);
	uint64_t count = slots->cut_count;
	pthread_mutex_unlock(&slots->lock);
	return count;
}
