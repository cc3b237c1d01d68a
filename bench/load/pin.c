#include "bench/load/load.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPU_LIST_MAX = 256 };

/* Numbers between commas; how many, 0: it is no such list. */
static size_t read_cpus(const char *list, long *ret_cpus)
{
	size_t count = 0;
	for (const char *at = list; count < CPU_LIST_MAX; at++) {
		char *end;
		ret_cpus[count] = strtol(at, &end, 10);
		if (end == at || ret_cpus[count] < 0 || ret_cpus[count] >= CPU_SETSIZE)
			return 0;
		count++;
		if (*end == '\0')
			return count;
		if (*end != ',')
			return 0;
		at = end;
	}
	return 0;
}

bool ringcast_load_pin(const char *list, uint32_t index)
{
	cpu_set_t set;
	long cpus[CPU_LIST_MAX];
	size_t count = read_cpus(list, cpus);
	CPU_ZERO(&set);
	if (count > 0)
		CPU_SET((size_t)cpus[index % count], &set);
	if (count > 0 && sched_setaffinity(0, sizeof(set), &set) == 0)
		return true;
	fprintf(stderr, "ringcast-load: --pin: no CPU '%s' for us\n", list);
	return false;
}
