#include "service/request_counts.h"

#include <stdlib.h>
#include <string.h>

enum { OPERATIONS_MAX = 160, UNKNOWN = OPERATIONS_MAX - 1 };

struct request_counts {
	uint64_t counts[OPERATIONS_MAX][FAULT_COUNT];
};

struct request_counts *ringcast_request_counts_create(void)
{
	return calloc(1, sizeof(struct request_counts));
}

void ringcast_request_counts_destroy(struct request_counts **counts)
{
	free(*counts);
	*counts = NULL;
}

/* They lie in one table. */
static size_t index_of(const struct operation *operation)
{
	const struct operation *first = ringcast_operation_at(0);
	return operation != NULL && operation - first < UNKNOWN ? (size_t)(operation - first) : UNKNOWN;
}

void ringcast_request_counts_add(struct request_counts *counts, const struct request *request)
{
	__atomic_fetch_add(&counts->counts[index_of(request->operation)][request->fault], 1, __ATOMIC_RELAXED);
}

void ringcast_request_counts_each(const struct request_counts *counts, void (*each)(void *context, const char *operation, const char *result, uint64_t count),
				  void *context)
{
	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		const struct operation *operation = i < UNKNOWN ? ringcast_operation_at(i) : NULL;
		for (size_t fault = 0; fault < FAULT_COUNT; fault++) {
			uint64_t count = __atomic_load_n(&counts->counts[i][fault], __ATOMIC_RELAXED);
			if (count > 0)
				each(context, operation != NULL ? operation->name : "unknown", fault == FAULT_NONE ? "ok" : ringcast_fault_type((enum fault)fault), count);
		}
	}
}
