/*
 * Matches that go on: sessions that players leave and others join, by StartMatchBackfill and by BackfillMode AUTOMATIC. What must be true: a ticket of a session that
 * has ended ends at once; nobody fails who only came too late for a place; and a session that is to be looked after has one ticket, which names those who hold
 * places in it and nobody else, as long as a place is free.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_FILL_H
#define RINGCAST_TESTS_SIM_SERVICE_FILL_H

#include <jansson.h>

#include "service/events/event.h"

struct world;

void sim_fill_act(struct world *world);
void sim_fill_tell(struct world *world, const struct service_event *event, const json_t *detail); /* of a match */
void sim_fill_note_stop(struct world *world, const char *ticket); /* a client has asked for its end */
/* All is calm. */
void sim_fill_check(struct world *world);
/* No session lives any more. */
void sim_fill_check_end(struct world *world);

#endif
