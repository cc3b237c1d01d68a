/* Queues and placements from their documents to what place/ decides on. */
#ifndef RINGCAST_SERVICE_OPERATIONS_PLACEMENT_READ_H
#define RINGCAST_SERVICE_OPERATIONS_PLACEMENT_READ_H

#include "service/operations/request.h"
#include "service/place/queue.h"

enum { PLACEMENT_TIMEOUT_S = 600, PLACEMENT_TIMEOUT_S_MAX = 86400 }; /* the vendor's where the queue names none */

/* Which pool a fleet's sessions at a location come from; PLACE_POOL_NONE: out of memory. */
typedef uint32_t placement_pool_fn(struct model *model, const char *fleet_id, const json_t *fleet, const char *location);

/* Sealed, with the sites that its fleets have now. NULL: out of memory, or beyond a bound of place/queue.h. */
struct place_queue *ringcast_placement_read_queue(struct model *model, const json_t *queue, placement_pool_fn *pool_of);
/* free() it. NULL: out of memory. */
struct place_wish *ringcast_placement_read_wish(const json_t *placement, const struct place_queue *queue, uint64_t seed);

/* The fleet that a queue's destination leads to, borrowed; NULL: none. *ret_fleet: its record, NULL where only dev mode knows it. */
const char *ringcast_placement_fleet_of(const struct model *model, const char *destination_arn, const json_t **ret_fleet);

/* Of an operation's input. False: refused. */
bool ringcast_placement_check_queue(struct model *model, struct request *request);
bool ringcast_placement_check_wish(struct model *model, struct request *request);

#endif
