/* An inquiry of another thread to the loop, which it waits for: of a scrape, of the admin API. */
#ifndef RINGCAST_SERVICE_INQUIRY_H
#define RINGCAST_SERVICE_INQUIRY_H

#include "service/loop.h"

enum { INQUIRY_PROBLEM_BYTES = STORE_PROBLEM_BYTES };

/*
 * What the loop answers to the input, which is taken; the caller's. NULL: problem. A loop that hangs is waited for no longer than so; time in which the
 * process stood still is not part of it.
 */
json_t *ringcast_inquiry_ask(struct loop *loop, const struct operation *operation, json_t *input, uint32_t wait_ms, char problem[INQUIRY_PROBLEM_BYTES]);

#endif
