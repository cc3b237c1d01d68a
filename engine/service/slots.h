/*
 * The connections of the endpoint, so that nobody keeps others out by being slow or large. When there are too many, one that waits is closed: of
 * the address of which most wait, the one that has waited longest for its request to be whole, or for its answer to be read. When bodies take too
 * much memory, the connection that holds most is. One whose request is being worked on never is, and no game server's.
 *
 * Called on the HTTP server's threads, several at a time.
 */
#ifndef RINGCAST_SERVICE_SLOTS_H
#define RINGCAST_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct slot;
struct slots;

/* Connections that were closed for others, by why; busy: newcomers, while all others were being worked on. */
struct slots_cuts {
	uint64_t crowd, memory, busy;
};

struct slots *ringcast_slots_create(size_t count_max, size_t bytes_max, uint64_t seed); /* seed: secret, of addresses. NULL: out of memory */
void ringcast_slots_destroy(struct slots **slots); /* nulls; asserts that all have been removed */
/*
 * fd stays the caller's, and open until remove. address: of the other end, of IPv6 its /64; NULL where it is not known. NULL: out of memory, or all
 * others are being worked on; shut it down.
 */
struct slot *ringcast_slots_add(struct slots *slots, int fd, const struct sockaddr *address);
void ringcast_slots_remove(struct slots *slots, struct slot *slot); /* accepts NULL for the slot */
/* Being worked on, or waiting again; a game server's is busy for good. Accepts NULL for the slot. */
void ringcast_slots_set_busy(struct slots *slots, struct slot *slot, bool is_busy);
/* How much memory its request takes now. False: there is too much of it, and nobody else holds more; close it. Accepts NULL for the slot. */
bool ringcast_slots_hold(struct slots *slots, struct slot *slot, size_t bytes);
struct slots_cuts ringcast_slots_cuts(struct slots *slots);

#endif
