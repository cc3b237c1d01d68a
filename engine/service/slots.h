/*
 * The connections of the endpoint, so that nobody keeps others out by being slow: when there are too many, the one that has waited longest for its
 * request to be whole, or for its answer to be read, is closed. One whose request is being worked on never is, and no game server's.
 *
 * Called on the HTTP server's threads, several at a time.
 */
#ifndef RINGCAST_SERVICE_SLOTS_H
#define RINGCAST_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot;
struct slots;

struct slots *ringcast_slots_create(size_t count_max); /* NULL: out of memory */
void ringcast_slots_destroy(struct slots **slots);     /* nulls; asserts that all have been removed */
/* fd stays the caller's, and open until remove. NULL: out of memory, or all others are being worked on; shut it down. */
struct slot *ringcast_slots_add(struct slots *slots, int fd);
void ringcast_slots_remove(struct slots *slots, struct slot *slot); /* accepts NULL for the slot */
/* Being worked on, or waiting again; a game server's is busy for good. Accepts NULL for the slot. */
void ringcast_slots_set_busy(struct slots *slots, struct slot *slot, bool is_busy);
uint64_t ringcast_slots_cut_count(struct slots *slots);

#endif
