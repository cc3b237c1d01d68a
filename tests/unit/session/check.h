/* Walks a whole store and asserts every relation between its parts: lists, dense arrays, maps, counts, timers. */
#ifndef TESTS_UNIT_SESSION_CHECK_H
#define TESTS_UNIT_SESSION_CHECK_H

#include "session/session.h"

void check_store(struct store *store);

#endif
