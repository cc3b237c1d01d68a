/*
 * The states of a small machine as data: for each state the set of those that may follow it. Who changes the state goes through
 * ringcast_move, so that a step which the table does not have ends where it is made, and not where its consequence shows.
 *
 * The steps are decided by code that has looked at the state (for packets: the gate). Bytes from the wire never choose an illegal one.
 */
#ifndef RINGCAST_BASE_MOVES_H
#define RINGCAST_BASE_MOVES_H

#include <stdint.h>

#include "base/assert.h"

#define MOVE_TO(state) (1u << (state))

static inline uint8_t ringcast_move(const uint16_t *table, uint8_t from, uint8_t to)
{
	ringcast_assert((table[from] & MOVE_TO(to)) != 0);
	return to;
}

#endif
