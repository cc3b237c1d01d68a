/* What the service tells the outside, listened to: numbers without a gap, and every event of a game once, in order, with the session that emitted it. */
#ifndef RINGCAST_TESTS_SIM_SERVICE_STREAM_H
#define RINGCAST_TESTS_SIM_SERVICE_STREAM_H

#include "service/events/event.h"

struct world;

void sim_stream_begin(struct world *world); /* with a process */
void sim_stream_hear(void *world, struct service_event *event); /* loop_options.emit */
/* All that was emitted has been told, but for what there was no room for. When everything is at rest. */
void sim_stream_check(struct world *world);

#endif
