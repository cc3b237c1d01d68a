/*
 * How often each key may ask: a token bucket for each key and class of operations, which is the role that they need. A bucket holds what a
 * second fills. Time is an argument. Any thread.
 */
#ifndef RINGCAST_SERVICE_THROTTLE_H
#define RINGCAST_SERVICE_THROTTLE_H

#include "service/operations/request.h"

struct throttle;

/* per_second: by role; 0: no limit. NULL: out of memory. */
struct throttle *ringcast_throttle_create(const uint32_t per_second[ROLE_COUNT]);
void ringcast_throttle_destroy(struct throttle **throttle);
/* key_id: of a key that exists; with the keys the table grows. False: too often. */
bool ringcast_throttle_take(struct throttle *throttle, const char *key_id, enum role role, int64_t now_ms);
uint64_t ringcast_throttle_refused_count(struct throttle *throttle); /* since the start */
void ringcast_throttle_set(struct throttle *throttle, const uint32_t per_second[ROLE_COUNT]); /* as create; buckets that hold more are cut */
void ringcast_throttle_forget(struct throttle *throttle); /* all buckets are full again: the keys have changed */

#endif
