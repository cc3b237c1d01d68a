/*
 * Requests that come again. SDKs send a request once more when its answer was lost, under the same invocation id; what changes something is not
 * done twice: the second one gets the first one's answer, and waits for it where it is not there yet.
 *
 * A bounded table, the oldest answer goes first. Refusals that ask to be tried again (5xx, throttling) are not kept. The loop's thread.
 */
#ifndef RINGCAST_SERVICE_REPEATS_H
#define RINGCAST_SERVICE_REPEATS_H

#include "service/model/text_index.h"
#include "service/operations/request.h"

struct repeats {
	struct text_index by_id;
	struct list_node entries; /* oldest first */
	size_t count, count_max;
};

enum repeat { REPEAT_NEW, REPEAT_ANSWERED, REPEAT_WAITS };

void ringcast_repeats_init(struct repeats *repeats, size_t count_max, uint64_t seed);
void ringcast_repeats_fini(struct repeats *repeats); /* asserts that nobody waits */

/*
 * NEW: to be run; ringcast_repeats_end must follow when it is answered. ANSWERED: it is, as the first one was. WAITS: it is taken, and given back by the
 * first one's end.
 */
enum repeat ringcast_repeats_begin(struct repeats *repeats, struct request *request);
/* The request is answered. Who waited for that is answered alike, and moved to the list. */
void ringcast_repeats_end(struct repeats *repeats, struct request *request, struct list_node *ret_waiting);

#endif
