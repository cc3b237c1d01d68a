/* How many requests there were, by operation and what became of them. Any thread, without a lock. */
#ifndef RINGCAST_SERVICE_REQUEST_COUNTS_H
#define RINGCAST_SERVICE_REQUEST_COUNTS_H

#include "service/operations/request.h"

struct request_counts;
struct request_counts *ringcast_request_counts_create(void); /* NULL: out of memory */
void ringcast_request_counts_destroy(struct request_counts **counts); /* accepts NULL inside, nulls */
void ringcast_request_counts_add(struct request_counts *counts, const struct request *request); /* that is answered */
/* Those that are not 0; operation "unknown": of none that there is; result: "ok", or the fault's type. */
void ringcast_request_counts_each(const struct request_counts *counts, void (*each)(void *context, const char *operation, const char *result, uint64_t count),
				  void *context);

#endif
