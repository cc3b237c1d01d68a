/* Bounds of a container, from files laid out as the kernel does it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cgroup.h"

static char top[64], membership[96];
static struct cgroup_place place;

static void put(const char *path, const char *text)
{
	char whole[256];
	snprintf(whole, sizeof(whole), "%s/%s", top, path);
	for (char *slash = strchr(whole + strlen(top) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		cr_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

static void start(void)
{
	snprintf(top, sizeof(top), "/tmp/ringcast-cgroup-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	snprintf(membership, sizeof(membership), "%s/membership", top);
	place = (struct cgroup_place){membership, top};
}

static void stop(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", top);
	cr_assert_eq(system(command), 0);
}

TestSuite(cgroup, .init = start, .fini = stop, .timeout = 30);

Test(cgroup, nothing_there_is_no_bound)
{
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), UINT64_MAX);
	put("membership", "0::/\n");
	put("cpu.max", "max 100000\n");
	put("memory.max", "max\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), UINT64_MAX);
	cr_assert_eq(ringcast_cgroup_memory_bytes(&place), UINT64_MAX);
}

Test(cgroup, the_tightest_of_all_levels_counts)
{
	put("membership", "0::/system.slice/ringcastd.service\n");
	put("system.slice/ringcastd.service/cpu.max", "max 100000\n");
	put("system.slice/cpu.max", "150000 100000\n");
	put("cpu.max", "400000 100000\n");
	put("system.slice/ringcastd.service/memory.max", "1073741824\n");
	put("system.slice/memory.max", "8589934592\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), 1500);
	cr_assert_eq(ringcast_cgroup_memory_bytes(&place), UINT64_C(1) << 30);
}

Test(cgroup, half_a_cpu)
{
	put("membership", "0::/\n");
	put("cpu.max", "50000 100000\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), 500);
}

Test(cgroup, version_one_and_a_path_that_is_not_seen_from_inside)
{
	put("membership", "12:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n");
	put("cpu/cpu.cfs_quota_us", "250000\n");
	put("cpu/cpu.cfs_period_us", "100000\n");
	put("memory/docker/abc/memory.limit_in_bytes", "536870912\n");
	put("memory/memory.limit_in_bytes", "9223372036854771712\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), 2500);
	cr_assert_eq(ringcast_cgroup_memory_bytes(&place), 536870912);
}

Test(cgroup, nonsense_is_no_bound)
{
	put("membership", "nonsense\n\n0:\n0::/a/../b\n");
	put("cpu.max", "-5 100000\n");
	put("memory.max", "\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), UINT64_MAX);
	cr_assert_eq(ringcast_cgroup_memory_bytes(&place), UINT64_MAX);
	put("cpu.max", "100000 0\n");
	cr_assert_eq(ringcast_cgroup_cpu_millis(&place), UINT64_MAX);
}
