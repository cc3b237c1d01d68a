/* What a container or a service manager lets this process have, of cgroup v2 or v1: the tightest bound on the way from its group to the root. */
#ifndef RINGCAST_IO_CGROUP_H
#define RINGCAST_IO_CGROUP_H

#include <stdint.h>

/* Where to look: CGROUP_HERE, or the like of it elsewhere, for tests. */
struct cgroup_place {
	const char *membership; /* a file such as /proc/self/cgroup */
	const char *mount;      /* a folder such as /sys/fs/cgroup */
};
#define CGROUP_HERE (&(const struct cgroup_place){"/proc/self/cgroup", "/sys/fs/cgroup"})

uint64_t ringcast_cgroup_cpu_millis(const struct cgroup_place *place);   /* thousandths of a CPU; UINT64_MAX: no quota */
uint64_t ringcast_cgroup_memory_bytes(const struct cgroup_place *place); /* UINT64_MAX: no bound */

#endif
