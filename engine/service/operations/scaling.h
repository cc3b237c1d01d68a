/*
 * Scaling policies, evaluated once a minute: what they make of a fleet's figures is its desired capacity. On bare metal that is an output: an event,
 * a record, and a call to whoever provides machines; and of a fleet with a build, how many of its processes run here, within its runtime
 * configuration. Keeps how long a policy's metric has been beyond its threshold; a restart begins that anew. One thread; time is an argument.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_SCALING_H
#define RINGCAST_SERVICE_OPERATIONS_SCALING_H

#include "service/operations/figures.h"

enum { SCALING_PERIOD_MS = 60000, SCALING_REST_MS = 600000, SCALING_REASON_BYTES = 256 };

struct scaling_decision {
	char fleet[MODEL_ID_BYTES];
	int64_t desired;
	char reason[SCALING_REASON_BYTES];
};

struct scaling;
struct scaling *ringcast_scaling_create(void); /* NULL: out of memory */
void ringcast_scaling_destroy(struct scaling **scaling); /* accepts NULL inside, nulls */
/* now_ms: of a clock that does not jump. Does nothing before a period has passed. */
void ringcast_scaling_evaluate(struct scaling *scaling, struct model *model, int64_t now_ms);
int64_t ringcast_scaling_next_ms(const struct scaling *scaling); /* when evaluate will do something again */
/*
 * A fleet's record as it is durable now; NULL: it is gone. True: its desired capacity is another than the last that was told, and *ret_decision says
 * so. is_first: as it was at the start, which is nothing new.
 */
bool ringcast_scaling_hear(struct scaling *scaling, const char *fleet_id, const json_t *fleet, bool is_first, struct scaling_decision *ret_decision);

#endif
