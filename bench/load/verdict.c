#include "bench/load/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "bench/load/load.h"

void ringcast_verdict_add(struct verdict *verdict, int code, double deliveries_per_second)
{
	ringcast_assert(verdict->kept + verdict->broken + verdict->invalid < VERDICT_REPEATS_MAX);
	if (code == LOAD_EXIT_KEPT)
		verdict->arrived[verdict->kept] = deliveries_per_second;
	verdict->kept += code == LOAD_EXIT_KEPT;
	verdict->broken += code == LOAD_EXIT_BROKEN;
	verdict->invalid += code == LOAD_EXIT_INVALID;
}

bool ringcast_verdict_is_kept(const struct verdict *verdict)
{
	return verdict->kept > verdict->broken + verdict->invalid;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

double ringcast_verdict_deliveries_per_second(const struct verdict *verdict)
{
	double sorted[VERDICT_REPEATS_MAX];
	size_t count = verdict->kept, middle = count / 2;
	if (count == 0)
		return 0;
	memcpy(sorted, verdict->arrived, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare_doubles);
	return count % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
