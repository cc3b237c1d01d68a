/* The machine under a measurement, read where Linux tells it; what it does not tell is left out. */
#include "bench/load/outcome.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a file; false: it cannot be read. */
static bool first_line(const char *path, char *out, size_t out_bytes)
{
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(out, (int)out_bytes, file);
	if (file)
		fclose(file);
	if (is_read)
		out[strcspn(out, "\n")] = '\0';
	return is_read;
}

static void read_model(char out[128])
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");
	out[0] = '\0';
	while (file && out[0] == '\0' && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "model name : %127[^\n]", out) != 1)
			out[0] = '\0';
	}
	if (file)
		fclose(file);
}

static json_t *mitigations_json(void)
{
	static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
	json_t *json = json_object();
	DIR *entries = opendir(folder);
	for (const struct dirent *entry; entries && (entry = readdir(entries));) {
		char path[320], line[256];
		snprintf(path, sizeof(path), "%s/%.200s", folder, entry->d_name);
		if (entry->d_name[0] != '.' && first_line(path, line, sizeof(line)) && strcmp(line, "Not affected") != 0)
			json_object_set_new(json, entry->d_name, json_string(line));
	}
	if (entries)
		closedir(entries);
	return json;
}

static void set_line(json_t *json, const char *name, const char *path)
{
	char line[512];
	if (first_line(path, line, sizeof(line)))
		json_object_set_new(json, name, json_string(line));
}

json_t *ringcast_facts_json(void)
{
	struct utsname name;
	char model[128];
	read_model(model);
	uname(&name);
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:o}", "kernel", name.release, "machine", name.machine, "cpu", model, "cpus",
				 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "mitigations", mitigations_json());
	set_line(json, "load_average", "/proc/loadavg");
	set_line(json, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	set_line(json, "clock", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	return json;
}
