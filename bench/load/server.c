/* What the server's process has used, read from /proc: no cooperation of the server is needed, so every peer is measured alike. */
#include "bench/load/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* schedstat's first number: nanoseconds on a CPU, exact; utime and stime of stat are counted in 10 ms. */
static bool add_task(uint64_t pid, const char *task, uint64_t *ns)
{
	char path[64];
	unsigned long long on_cpu_ns;
	snprintf(path, sizeof(path), "/proc/%llu/task/%.12s/schedstat", (unsigned long long)pid, task);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool is_read = fscanf(file, "%llu", &on_cpu_ns) == 1;
	fclose(file);
	*ns += is_read ? on_cpu_ns : 0;
	return is_read;
}

static bool read_cpu(uint64_t pid, uint64_t *ret_ns)
{
	char path[64];
	uint64_t ns = 0;
	bool is_known = false;
	snprintf(path, sizeof(path), "/proc/%llu/task", (unsigned long long)pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return false;
	for (const struct dirent *entry; (entry = readdir(tasks));) {
		if (entry->d_name[0] != '.')
			is_known |= add_task(pid, entry->d_name, &ns);
	}
	closedir(tasks);
	*ret_ns = ns;
	return is_known;
}

static void read_memory(uint64_t pid, struct server_sample *sample)
{
	char path[64], line[256];
	unsigned long long kib;
	snprintf(path, sizeof(path), "/proc/%llu/smaps_rollup", (unsigned long long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Rss: %llu kB", &kib) == 1)
			sample->resident_bytes = kib * 1024;
		else if (sscanf(line, "Anonymous: %llu kB", &kib) == 1)
			sample->anonymous_bytes = kib * 1024;
	}
	fclose(file);
}

struct server_sample ringcast_server_sample(uint64_t pid)
{
	struct server_sample sample = {.is_known = false};
	if (pid == 0)
		return sample;
	sample.is_known = read_cpu(pid, &sample.cpu_ns);
	read_memory(pid, &sample);
	return sample;
}

uint64_t ringcast_server_own_cpu_ns(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US;
}
