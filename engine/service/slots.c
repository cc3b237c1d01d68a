#include "service/slots.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "base/list.h"

enum { IP_BYTES = 16, IPV4_AT = 12, IPV6_SUBSCRIBER_BYTES = 8, BUCKET_COUNT = 4096 };

/* All connections of one address; there while it has any. */
struct crowd {
	struct list_node node; /* slots.sizes[waiting_count], while any of it waits */
	struct crowd *next;    /* of the same bucket */
	uint8_t ip[IP_BYTES];
	size_t count, waiting_count; /* without those that are cut */
	struct list_node waiting;    /* who has waited longest first */
};

struct slot {
	struct list_node node; /* crowd.waiting, while neither busy nor cut */
	struct crowd *crowd;   /* NULL: it is cut */
	int fd;
	bool is_busy;
	size_t held_bytes;
};

struct slots {
	pthread_mutex_t lock; /* guards everything below, and the slots */
	struct crowd *buckets[BUCKET_COUNT];
	struct list_node *sizes; /* count_max + 1 lists: crowds of which so many wait */
	size_t largest;		 /* of no crowd more wait */
	size_t count, count_max; /* without those that are cut */
	size_t held_bytes, bytes_max;
	size_t all_count;
	uint64_t seed;
	struct slots_cuts cuts;
};

struct slots *ringcast_slots_create(size_t count_max, size_t bytes_max, uint64_t seed)
{
	ringcast_assert(count_max > 0);
	struct slots *slots = calloc(1, sizeof(*slots));
	if (slots != NULL)
		slots->sizes = calloc(count_max + 1, sizeof(*slots->sizes));
	if (slots == NULL || slots->sizes == NULL) {
		free(slots);
		return NULL;
	}
	for (size_t i = 0; i <= count_max; i++)
		ringcast_list_init(&slots->sizes[i]);
	slots->count_max = count_max;
	slots->bytes_max = bytes_max;
	slots->seed = seed;
	pthread_mutex_init(&slots->lock, NULL);
	return slots;
}

void ringcast_slots_destroy(struct slots **slots)
{
	if (*slots == NULL)
		return;
	ringcast_assert((*slots)->all_count == 0 && (*slots)->held_bytes == 0);
	pthread_mutex_destroy(&(*slots)->lock);
	free((*slots)->sizes);
	free(*slots);
	*slots = NULL;
}

/* Crowds. From here on the lock is held, up to where it is taken. */

static void read_ip(const struct sockaddr *address, uint8_t ret_ip[IP_BYTES])
{
	memset(ret_ip, 0, IP_BYTES);
	if (address != NULL && address->sa_family == AF_INET) {
		memcpy(&ret_ip[IPV4_AT], &((const struct sockaddr_in *)address)->sin_addr, IP_BYTES - IPV4_AT);
	} else if (address != NULL && address->sa_family == AF_INET6) {
		const struct in6_addr *ip = &((const struct sockaddr_in6 *)address)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(ip))
			memcpy(&ret_ip[IPV4_AT], &ip->s6_addr[IPV4_AT], IP_BYTES - IPV4_AT);
		else
			memcpy(ret_ip, ip, IPV6_SUBSCRIBER_BYTES);
	}
}

static struct crowd **bucket_of(struct slots *slots, const uint8_t ip[IP_BYTES])
{
	return &slots->buckets[ringcast_hash_bytes(ip, IP_BYTES, slots->seed) % BUCKET_COUNT];
}

/* NULL: out of memory. */
static struct crowd *find_crowd(struct slots *slots, const uint8_t ip[IP_BYTES])
{
	struct crowd **bucket = bucket_of(slots, ip), *crowd;
	for (crowd = *bucket; crowd != NULL; crowd = crowd->next)
		if (memcmp(crowd->ip, ip, IP_BYTES) == 0)
			return crowd;
	crowd = calloc(1, sizeof(*crowd));
	if (crowd == NULL)
		return NULL;
	memcpy(crowd->ip, ip, IP_BYTES);
	ringcast_list_init(&crowd->waiting);
	crowd->next = *bucket;
	*bucket = crowd;
	return crowd;
}

static void forget_crowd(struct slots *slots, struct crowd *crowd)
{
	struct crowd **at = bucket_of(slots, crowd->ip);
	while (*at != crowd)
		at = &(*at)->next;
	*at = crowd->next;
	free(crowd);
}

/* After any change: where it belongs now. It goes when it is empty. */
static void sort_crowd(struct slots *slots, struct crowd *crowd)
{
	if (ringcast_list_has(&crowd->node))
		ringcast_list_remove(&crowd->node);
	if (crowd->count == 0) {
		forget_crowd(slots, crowd);
		return;
	}
	if (crowd->waiting_count == 0)
		return;
	ringcast_list_add_tail(&slots->sizes[crowd->waiting_count], &crowd->node);
	if (crowd->waiting_count > slots->largest)
		slots->largest = crowd->waiting_count;
}

/* Of crowds of one size, the one that has been so large for longest. NULL: nobody waits. */
static struct crowd *largest_crowd(struct slots *slots)
{
	while (slots->largest > 0 && ringcast_list_is_empty(&slots->sizes[slots->largest]))
		slots->largest--;
	return slots->largest > 0 ? CONTAINER_OF(slots->sizes[slots->largest].next, struct crowd, node) : NULL;
}

/* Slots */

static void begin_waiting(struct slot *slot)
{
	ringcast_list_add_tail(&slot->crowd->waiting, &slot->node);
	slot->crowd->waiting_count++;
}

static void end_waiting(struct slot *slot)
{
	ringcast_list_remove(&slot->node);
	slot->crowd->waiting_count--;
}

static void leave(struct slots *slots, struct slot *slot)
{
	struct crowd *crowd = slot->crowd;
	if (!slot->is_busy)
		end_waiting(slot);
	slot->crowd = NULL;
	slots->count--;
	crowd->count--;
	sort_crowd(slots, crowd);
	slots->held_bytes -= slot->held_bytes;
	slot->held_bytes = 0;
}

/* The server's thread sees the end of the connection and tidies up; here it has gone at once. */
static void cut(struct slots *slots, struct slot *slot)
{
	leave(slots, slot);
	shutdown(slot->fd, SHUT_RDWR);
}

static bool make_room(struct slots *slots)
{
	if (slots->count < slots->count_max)
		return true;
	struct crowd *crowd = largest_crowd(slots);
	if (crowd == NULL) {
		slots->cuts.busy++;
		return false;
	}
	slots->cuts.crowd++;
	cut(slots, CONTAINER_OF(crowd->waiting.next, struct slot, node));
	return true;
}

static bool enter(struct slots *slots, struct slot *slot, const struct sockaddr *address)
{
	uint8_t ip[IP_BYTES];
	read_ip(address, ip);
	if (!make_room(slots))
		return false;
	slot->crowd = find_crowd(slots, ip);
	if (slot->crowd == NULL)
		return false;
	slot->crowd->count++;
	slots->count++;
	slots->all_count++;
	begin_waiting(slot);
	sort_crowd(slots, slot->crowd);
	return true;
}

static struct slot *largest_holder(struct slots *slots)
{
	struct slot *largest = NULL;
	for (size_t size = slots->largest; size > 0; size--)
		for (struct list_node *at = slots->sizes[size].next; at != &slots->sizes[size]; at = at->next) {
			struct crowd *crowd = CONTAINER_OF(at, struct crowd, node);
			for (struct list_node *node = crowd->waiting.next; node != &crowd->waiting; node = node->next) {
				struct slot *slot = CONTAINER_OF(node, struct slot, node);
				if (largest == NULL || slot->held_bytes > largest->held_bytes)
					largest = slot;
			}
		}
	return largest;
}

static bool hold(struct slots *slots, struct slot *slot, size_t bytes)
{
	if (slot->crowd == NULL)
		return false;
	slots->held_bytes -= slot->held_bytes;
	slot->held_bytes = bytes;
	slots->held_bytes += bytes;
	while (slots->held_bytes > slots->bytes_max) {
		struct slot *largest = largest_holder(slots);
		slots->cuts.memory++;
		cut(slots, largest != NULL && largest->held_bytes > bytes ? largest : slot);
		if (slot->crowd == NULL)
			return false;
	}
	return true;
}

/* Up to here. */

struct slot *ringcast_slots_add(struct slots *slots, int fd, const struct sockaddr *address)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return NULL;
	slot->fd = fd;
	pthread_mutex_lock(&slots->lock);
	bool has_room = enter(slots, slot, address);
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
	if (slot->crowd != NULL)
		leave(slots, slot);
	slots->all_count--;
	pthread_mutex_unlock(&slots->lock);
	free(slot);
}

void ringcast_slots_set_busy(struct slots *slots, struct slot *slot, bool is_busy)
{
	if (slot == NULL)
		return;
	pthread_mutex_lock(&slots->lock);
	if (slot->crowd != NULL && slot->is_busy != is_busy) {
		if (is_busy)
			end_waiting(slot);
		else
			begin_waiting(slot);
		slot->is_busy = is_busy;
		sort_crowd(slots, slot->crowd);
	}
	pthread_mutex_unlock(&slots->lock);
}

bool ringcast_slots_hold(struct slots *slots, struct slot *slot, size_t bytes)
{
	if (slot == NULL)
		return true;
	pthread_mutex_lock(&slots->lock);
	bool is_held = hold(slots, slot, bytes);
	pthread_mutex_unlock(&slots->lock);
	return is_held;
}

struct slots_cuts ringcast_slots_cuts(struct slots *slots)
{
	pthread_mutex_lock(&slots->lock);
	struct slots_cuts cuts = slots->cuts;
	pthread_mutex_unlock(&slots->lock);
	return cuts;
}
