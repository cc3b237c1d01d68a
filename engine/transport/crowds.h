/*
 * Who holds how many of something that is bounded: its holders in crowds, one for each client address (an IPv6 /64 counts as one). Where there is no
 * place left it says whose goes: the oldest one of the largest crowd, so that nobody keeps others out by being there first, or many times. It also
 * says whose turn it is: each crowd's in turn, however large.
 *
 * Members live in their owners and are linked here; everything costs the same whatever is in it. Pure; one thread.
 */
#ifndef RINGCAST_TRANSPORT_CROWDS_H
#define RINGCAST_TRANSPORT_CROWDS_H

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"

struct crowd_member { /* zeroed: in no crowd */
	struct list_node in_crowd, in_all;
	handle crowd;
};

struct crowd {
	uint64_t key;
	struct list_node members; /* oldest first */
	struct list_node same_size, turn;
	uint32_t size;
};

struct crowds {
	struct slab crowds;
	struct map by_key;         /* -> crowd */
	struct list_node *by_size; /* [size]: crowds of that size */
	struct list_node all;      /* members, oldest first */
	struct list_node turns;    /* crowds; the first one is next */
	uint32_t capacity, count, size_max;
	uint64_t seed;
};

bool ringcast_crowds_init(struct crowds *crowds, uint32_t capacity, uint64_t seed); /* members at most; false: out of memory */
void ringcast_crowds_fini(struct crowds *crowds);                                   /* members must have left */
uint64_t ringcast_crowds_memory_bytes(uint32_t capacity);
uint64_t ringcast_crowds_key(const struct crowds *crowds, const struct address *address);
static inline bool ringcast_crowds_is_full(const struct crowds *crowds) { return crowds->count == crowds->capacity; }
uint32_t ringcast_crowds_size(const struct crowds *crowds, uint64_t key); /* of its crowd */
void ringcast_crowds_add(struct crowds *crowds, uint64_t key, struct crowd_member *member); /* asserts that there is a place */
void ringcast_crowds_remove(struct crowds *crowds, struct crowd_member *member);            /* harmless when in none */
/* The oldest of that crowd; NULL: it has none. */
struct crowd_member *ringcast_crowds_oldest(const struct crowds *crowds, uint64_t key);
/*
 * Whose place a newcomer of this crowd gets; NULL: nobody is there. The oldest one of the largest crowd, the newcomer counted; where none has more than one,
 * the oldest of all. *ret_is_hogs: the crowd that gives has more than the newcomer's, with it.
 */
struct crowd_member *ringcast_crowds_victim(const struct crowds *crowds, uint64_t key, bool *ret_is_hogs);
/* The oldest one of the crowd whose turn it is, which is then the last one's; it stays a member. NULL: nobody. */
struct crowd_member *ringcast_crowds_next(struct crowds *crowds);

#endif
