#include "metrics/prometheus.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

struct sample {
	struct sample *next;
	char *name, *labels;
	double value;
};

struct family {
	struct family *next;
	char *name, *type, *help;
	struct sample *first, **end;
};

struct prometheus {
	struct family *first, **end;
	struct family *last_used; /* samples of one family usually come in a row */
	bool is_out_of_memory;
};

struct prometheus *ringcast_prometheus_create(void)
{
	struct prometheus *prometheus = calloc(1, sizeof(*prometheus));
	if (prometheus)
		prometheus->end = &prometheus->first;
	return prometheus;
}

static void free_family(struct family *family)
{
	while (family->first) {
		struct sample *sample = family->first;
		family->first = sample->next;
		free(sample->name);
		free(sample->labels);
		free(sample);
	}
	free(family->name);
	free(family->type);
	free(family->help);
	free(family);
}

void ringcast_prometheus_destroy(struct prometheus **prometheus)
{
	ringcast_assert(prometheus);
	if (!*prometheus)
		return;
	while ((*prometheus)->first) {
		struct family *family = (*prometheus)->first;
		(*prometheus)->first = family->next;
		free_family(family);
	}
	free(*prometheus);
	*prometheus = NULL;
}

/* The bytes of a sample's name that name its family: a histogram's samples carry _bucket, _sum or _count behind it. */
static size_t family_size(const char *name, const char *type)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
	size_t size = strlen(name);
	for (size_t i = 0; strcmp(type, "histogram") == 0 && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t suffix_size = strlen(suffixes[i]);
		if (size > suffix_size && strcmp(name + size - suffix_size, suffixes[i]) == 0)
			return size - suffix_size;
	}
	return size;
}

static struct family *add_family(struct prometheus *prometheus, const char *name, size_t size, const char *type, const char *help)
{
	struct family *family = calloc(1, sizeof(*family));
	if (!family)
		return NULL;
	family->name = strndup(name, size);
	family->type = strdup(type);
	family->help = strdup(help);
	family->end = &family->first;
	if (!family->name || !family->type || !family->help) {
		free_family(family);
		return NULL;
	}
	*prometheus->end = family;
	prometheus->end = &family->next;
	return family;
}

static bool is_named(const struct family *family, const char *name, size_t size)
{
	return family && strncmp(family->name, name, size) == 0 && family->name[size] == 0;
}

static struct family *family_of(struct prometheus *prometheus, const char *name, const char *type, const char *help)
{
	size_t size = family_size(name, type);
	if (is_named(prometheus->last_used, name, size))
		return prometheus->last_used;
	struct family *family = prometheus->first;
	while (family && !is_named(family, name, size))
		family = family->next;
	if (!family)
		family = add_family(prometheus, name, size, type, help);
	prometheus->last_used = family;
	return family;
}

void ringcast_prometheus_add(void *context, const char *name, const char *type, const char *help, const char *labels, double value)
{
	struct prometheus *prometheus = context;
	ringcast_assert(prometheus && name && *name);
	ringcast_assert(type && help && labels);
	struct family *family = family_of(prometheus, name, type, help);
	struct sample *sample = family ? calloc(1, sizeof(*sample)) : NULL;
	if (!sample) {
		prometheus->is_out_of_memory = true;
		return;
	}
	sample->name = strdup(name);
	sample->labels = strdup(labels);
	sample->value = value;
	*family->end = sample;
	family->end = &sample->next;
	if (!sample->name || !sample->labels)
		prometheus->is_out_of_memory = true;
}

static void write_help(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\\\", out);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
}

/* Counts are exact as integers; anything else is written so that it reads back to the same double. */
static void write_value(double value, FILE *out)
{
	if (isnan(value))
		fputs("NaN", out);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf" : "-Inf", out);
	else if (value == floor(value) && fabs(value) < 9007199254740992.0)
		fprintf(out, "%.0f", value);
	else
		fprintf(out, "%.17g", value);
}

static void write_family(const struct family *family, FILE *out)
{
	fprintf(out, "# HELP %s ", family->name);
	write_help(family->help, out);
	fprintf(out, "\n# TYPE %s %s\n", family->name, family->type);
	for (const struct sample *sample = family->first; sample; sample = sample->next) {
		fputs(sample->name, out);
		if (*sample->labels)
			fprintf(out, "{%s}", sample->labels);
		fputc(' ', out);
		write_value(sample->value, out);
		fputc('\n', out);
	}
}

bool ringcast_prometheus_write(const struct prometheus *prometheus, FILE *out)
{
	ringcast_assert(prometheus && out);
	if (prometheus->is_out_of_memory)
		return false;
	for (const struct family *family = prometheus->first; family; family = family->next)
		write_family(family, out);
	return fflush(out) == 0 && !ferror(out);
}

const char *ringcast_prometheus_label(const char *name, const char *value, char *ret_label, size_t size)
{
	ringcast_assert(name && value);
	ringcast_assert(ret_label && size > strlen(name) + 4);
	size_t used = (size_t)snprintf(ret_label, size, "%s=\"", name);
	for (; *value && used + 4 <= size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			ret_label[used++] = '\\';
		ret_label[used++] = *value == '\n' ? 'n' : *value;
	}
	snprintf(ret_label + used, size - used, "\"");
	return ret_label;
}

static unsigned open_fd_count(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return 0;
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count - 1; /* the directory itself */
}

/* Fields of /proc/self/stat, which come after the name in parentheses. See proc_pid_stat(5). */
struct process_stat {
	double start_seconds; /* since the epoch */
	double virtual_bytes, resident_bytes;
};

static double boot_seconds(void)
{
	struct timespec now, since_boot;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	return (double)(now.tv_sec - since_boot.tv_sec) + (double)(now.tv_nsec - since_boot.tv_nsec) / 1e9;
}

static bool read_process_stat(struct process_stat *ret_stat)
{
	char text[1024];
	FILE *file = fopen("/proc/self/stat", "re");
	if (!file)
		return false;
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = 0;
	const char *after_name = strrchr(text, ')');
	unsigned long long start_ticks, virtual_bytes;
	long long resident_pages;
	if (!after_name ||
	    sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %llu %lld",
		   &start_ticks, &virtual_bytes, &resident_pages) != 3)
		return false;
	ret_stat->start_seconds = boot_seconds() + (double)start_ticks / (double)sysconf(_SC_CLK_TCK);
	ret_stat->virtual_bytes = (double)virtual_bytes;
	ret_stat->resident_bytes = (double)resident_pages * (double)sysconf(_SC_PAGESIZE);
	return true;
}

void ringcast_prometheus_add_process(struct prometheus *prometheus, const char *version, const char *io_name)
{
	ringcast_assert(prometheus && version && io_name);
	char version_label[80], labels[160], io_label[60];
	struct rlimit files;
	struct rusage usage;
	struct process_stat stat;
	snprintf(labels, sizeof(labels), "%s,%s", ringcast_prometheus_label("version", version, version_label, sizeof(version_label)),
		 ringcast_prometheus_label("io", io_name, io_label, sizeof(io_label)));
	ringcast_prometheus_add(prometheus, "ringcast_build_info", "gauge", "Always 1; the labels say what runs.", labels, 1);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ringcast_prometheus_add(prometheus, "process_cpu_seconds_total", "counter", "User and system CPU time spent, in seconds.",
					"",
					(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
						(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	ringcast_prometheus_add(prometheus, "process_open_fds", "gauge", "Open file descriptors.", "", open_fd_count());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		ringcast_prometheus_add(prometheus, "process_max_fds", "gauge", "Open file descriptors allowed.", "",
					(double)files.rlim_cur);
	if (!read_process_stat(&stat))
		return;
	ringcast_prometheus_add(prometheus, "process_start_time_seconds", "gauge", "Start time, in seconds since the epoch.", "",
				stat.start_seconds);
	ringcast_prometheus_add(prometheus, "process_virtual_memory_bytes", "gauge", "Virtual memory, in bytes.", "", stat.virtual_bytes);
	ringcast_prometheus_add(prometheus, "process_resident_memory_bytes", "gauge", "Resident memory, in bytes.", "",
				stat.resident_bytes);
}
