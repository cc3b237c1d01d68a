/*
 * A number in each object of these kinds says what it is, from its opening to its end. Whoever is handed a pointer checks it first: a stale
 * pointer, or one of another kind, is found at the door and not by what it does later. tools/check_magics.py keeps the numbers apart.
 */
#ifndef RINGCAST_BASE_MAGIC_H
#define RINGCAST_BASE_MAGIC_H

#include "base/assert.h"

#define CONN_MAGIC 0xc0412e71u
#define SESSION_MAGIC 0x5e551093u
#define PLAYER_MAGIC 0x91a7e65bu
#define ASSOCIATION_MAGIC 0xa550c1adu

#define ringcast_check_magic(object, kind) ringcast_assert((object)->magic == kind##_MAGIC)

#endif
