#include "bench/micro/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static bool parse_value(struct floor_options *options, const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value > 0 && value <= 65000))
		return false;
	if (strcmp(name, "--peers") == 0)
		options->peer_count = (uint32_t)value;
	else if (strcmp(name, "--size") == 0)
		options->size_bytes = (uint32_t)value;
	else if (strcmp(name, "--merge") == 0)
		options->merge_count = (uint32_t)value;
	else if (strcmp(name, "--duration") == 0)
		options->duration_seconds = value;
	else
		return false;
	return true;
}

int ringcast_floor_parse(struct floor_options *options, int argc, char **argv, const char *what)
{
	struct rlimit limit;
	*options = (struct floor_options){.program = argv[0], .peer_count = 400, .size_bytes = 78, .merge_count = 8, .duration_seconds = 1};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			printf("%s: %s\n\nOptions: --peers N (400)  --size BYTES (78)  --merge N (8)  --duration SECONDS of each row (1)  --json\n"
			       "Example: %s --peers 400 --size 78\n",
			       argv[0], what, argv[0]);
			return 0;
		}
		if (strcmp(argv[i], "--json") == 0) {
			options->is_json = true;
		} else if (i + 1 == argc || !parse_value(options, argv[i], argv[i + 1])) {
			fprintf(stderr, "%s: what is '%s'? --help lists the options\n", argv[0], argv[i]);
			return 2;
		} else {
			i++;
		}
	}
	if (options->size_bytes * options->merge_count > 60000) {
		fprintf(stderr, "%s: --size times --merge: at most 60000 bytes\n", argv[0]);
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return -1;
}

uint64_t ringcast_floor_cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void ringcast_floor_print(const struct floor_options *options, const struct floor_row *rows, size_t row_count)
{
	if (!options->is_json)
		printf("%u peers, %u bytes, merged rows: %u messages per call\n%-28s %12s %14s %14s\n", options->peer_count, options->size_bytes,
		       options->merge_count, "", "messages", "ns/message", "messages/CPU-s");
	for (size_t i = 0; i < row_count; i++) {
		double ns = rows[i].messages ? (double)rows[i].cpu_ns / (double)rows[i].messages : 0;
		if (options->is_json)
			printf("%s{\"name\": \"%s\", \"peers\": %u, \"size\": %u, \"merge\": %u, \"messages\": %llu, \"cpu_ns_per_message\": %.1f}%s\n",
			       i ? " " : "[", rows[i].name, options->peer_count, options->size_bytes, options->merge_count,
			       (unsigned long long)rows[i].messages, ns, i + 1 < row_count ? "," : "]");
		else
			printf("%-28s %12llu %14.0f %14.0f\n", rows[i].name, (unsigned long long)rows[i].messages, ns, ns > 0 ? 1e9 / ns : 0);
	}
}
