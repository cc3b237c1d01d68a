#include "io/cgroup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define PATH_BYTES 512

typedef uint64_t cgroup_read_fn(const char *folder); /* UINT64_MAX: nothing is said there */

static bool read_line(const char *folder, const char *name, char *out, size_t out_bytes)
{
	char path[PATH_BYTES];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(out, (int)out_bytes, file);
	if (file)
		fclose(file);
	return is_read;
}

static uint64_t quota_of(int64_t quota_us, int64_t period_us)
{
	return quota_us > 0 && period_us > 0 ? (uint64_t)quota_us * 1000 / (uint64_t)period_us : UINT64_MAX;
}

static uint64_t read_cpu_v2(const char *folder)
{
	char line[64];
	int64_t quota_us, period_us;
	if (!read_line(folder, "cpu.max", line, sizeof(line)) || sscanf(line, "%" SCNd64 " %" SCNd64, &quota_us, &period_us) != 2)
		return UINT64_MAX; /* "max 100000" too */
	return quota_of(quota_us, period_us);
}

static uint64_t read_cpu_v1(const char *folder)
{
	char quota[32], period[32];
	int64_t quota_us, period_us;
	if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof(quota)) || sscanf(quota, "%" SCNd64, &quota_us) != 1 ||
	    !read_line(folder, "cpu.cfs_period_us", period, sizeof(period)) || sscanf(period, "%" SCNd64, &period_us) != 1)
		return UINT64_MAX;
	return quota_of(quota_us, period_us);
}

static uint64_t read_memory(const char *folder, const char *name)
{
	char line[32];
	uint64_t bytes;
	return read_line(folder, name, line, sizeof(line)) && sscanf(line, "%" SCNu64, &bytes) == 1 ? bytes : UINT64_MAX; /* "max" */
}

static uint64_t read_memory_v2(const char *folder)
{
	return read_memory(folder, "memory.max");
}

static uint64_t read_memory_v1(const char *folder)
{
	return read_memory(folder, "memory.limit_in_bytes");
}

/* Whether a line of the membership file, "id:controllers:path", is about this one; v2's line has none. */
static bool is_line_of(const char *line, const char *controller, const char **ret_path)
{
	const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
	if (!path)
		return false;
	*ret_path = path + 1;
	size_t size = strlen(controller), list_bytes = (size_t)(path - list - 1);
	if (size == 0)
		return list_bytes == 0;
	for (const char *at = list + 1; at < path; at += strcspn(at, ",:") + 1)
		if (strncmp(at, controller, size) == 0 && (at[size] == ',' || at[size] == ':'))
			return true;
	return false;
}

/* The group's path without its newline; false: it is in none. */
static bool find_group(const struct cgroup_place *place, const char *controller, char *ret_path, size_t path_bytes)
{
	char line[PATH_BYTES];
	const char *path = NULL;
	bool is_found = false;
	FILE *file = fopen(place->membership, "re");
	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = is_line_of(line, controller, &path);
	if (file)
		fclose(file);
	if (is_found)
		snprintf(ret_path, path_bytes, "%.*s", (int)strcspn(path, "\n"), path);
	return is_found;
}

/* From the group up to the mount itself, which in a container is where its own bounds stand. */
static uint64_t tightest(const char *top, const char *group, cgroup_read_fn *read)
{
	char folder[PATH_BYTES];
	size_t top_bytes = strlen(top);
	uint64_t least = UINT64_MAX;
	if (snprintf(folder, sizeof(folder), "%s%s", top, group) >= (int)sizeof(folder))
		return least;
	while (strlen(folder) >= top_bytes) {
		uint64_t found = read(folder);
		least = found < least ? found : least;
		char *last = strrchr(folder, '/');
		if (!last || last == folder)
			break;
		*last = 0;
	}
	return least;
}

static uint64_t look(const struct cgroup_place *place, const char *controller, cgroup_read_fn *v2, cgroup_read_fn *v1)
{
	char group[PATH_BYTES], top[PATH_BYTES];
	uint64_t unified = UINT64_MAX, own = UINT64_MAX;
	ringcast_assert(place && place->membership && place->mount);
	if (find_group(place, "", group, sizeof(group)))
		unified = tightest(place->mount, group, v2);
	if (find_group(place, controller, group, sizeof(group)) &&
	    snprintf(top, sizeof(top), "%s/%s", place->mount, controller) < (int)sizeof(top))
		own = tightest(top, group, v1);
	return unified < own ? unified : own;
}

uint64_t ringcast_cgroup_cpu_millis(const struct cgroup_place *place)
{
	return look(place, "cpu", read_cpu_v2, read_cpu_v1);
}

uint64_t ringcast_cgroup_memory_bytes(const struct cgroup_place *place)
{
	return look(place, "memory", read_memory_v2, read_memory_v1);
}
