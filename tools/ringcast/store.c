/* ringcast store: the file that service.store names, beside a running daemon or without one. */
#include "tools/ringcast/commands.h"

#include <stdio.h>

#include "service/store/store.h"

static enum cli_exit refuse(const struct cli_invocation *invocation, const char *problem)
{
	ringcast_cli_error(invocation, "%s", problem);
	return CLI_FAILURE;
}

static void print_counts(const struct cli_invocation *invocation, const struct records *records)
{
	bool is_json = ringcast_cli_is_json(invocation);
	if (is_json)
		printf("{");
	for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		const char *name = ringcast_record_kind_name((enum record_kind)kind);
		size_t count = ringcast_records_count(records, (enum record_kind)kind);
		if (is_json)
			printf("%s\"%s\": %zu", kind > 0 ? ", " : "", name, count);
		else if (count > 0)
			printf("%-12s %zu\n", name, count);
	}
	printf(is_json ? "}\n" : "the store is whole\n");
}

enum cli_exit ringcast_command_store_check(const struct cli_invocation *invocation)
{
	char problem[STORE_PROBLEM_BYTES];
	struct records records;
	struct store *store = ringcast_service_store_open_existing(invocation->arguments[0], problem);
	if (!store)
		return refuse(invocation, problem);
	ringcast_records_init(&records);
	bool is_whole = ringcast_service_store_check(store, problem) && ringcast_service_store_load(store, &records, problem);
	if (is_whole)
		print_counts(invocation, &records);
	ringcast_records_fini(&records);
	ringcast_service_store_close(&store);
	return is_whole ? CLI_OK : refuse(invocation, problem);
}

/* A copy that could not be read again is none. */
static bool check_copy(const char *path, char problem[STORE_PROBLEM_BYTES])
{
	struct store *copy = ringcast_service_store_open_existing(path, problem);
	bool is_whole = copy && ringcast_service_store_check(copy, problem);
	ringcast_service_store_close(&copy);
	return is_whole;
}

enum cli_exit ringcast_command_store_backup(const struct cli_invocation *invocation)
{
	char problem[STORE_PROBLEM_BYTES];
	const char *path = invocation->arguments[1];
	struct store *store = ringcast_service_store_open_existing(invocation->arguments[0], problem);
	if (!store)
		return refuse(invocation, problem);
	bool is_copied = ringcast_service_store_backup(store, path, problem) && check_copy(path, problem);
	ringcast_service_store_close(&store);
	if (!is_copied)
		return refuse(invocation, problem);
	printf("%s\n", path);
	return CLI_OK;
}
