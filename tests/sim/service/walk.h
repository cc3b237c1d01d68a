/* A client that pages through a list while others change it. */
#ifndef RINGCAST_TESTS_SIM_SERVICE_WALK_H
#define RINGCAST_TESTS_SIM_SERVICE_WALK_H

#include "ask.h"

void sim_walk_begin(struct world *world);
void sim_walk_hear(struct world *world, struct ask *ask); /* a page has come */
void sim_walk_drop(struct world *world);		  /* what it expects no longer holds */

#endif
