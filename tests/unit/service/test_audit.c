/* What the trail is told of the service's changes, and which of them are traffic. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/audit.h"

static unsigned told_count;
static bool was_traffic;

static void tell(void *context, const char *caller, const char *operation, const char *resource, const char *result, bool is_traffic)
{
	told_count++;
	was_traffic = is_traffic;
}

static void ask(const char *operation, enum fault fault)
{
	const struct audit_sink sink = {.told = tell};
	struct request request = {.operation = ringcast_operation_find(operation), .input = json_object(), .fault = fault};
	cr_assert(request.operation, "%s", operation);
	told_count = 0;
	ringcast_audit(&sink, &request, "id");
	json_decref(request.input);
}

Test(audit, what_games_do_all_day_is_traffic)
{
	static const char *const traffic[] = {"CreateGameSession", "StartGameSessionPlacement", "StartMatchmaking", "StopMatchmaking", "UpdateGameSession"};
	for (size_t i = 0; i < sizeof(traffic) / sizeof(*traffic); i++) {
		ask(traffic[i], FAULT_NONE);
		cr_assert(told_count == 1 && was_traffic, "%s", traffic[i]);
	}
	ask("DeleteFleet", FAULT_NONE);
	cr_assert(told_count == 1 && !was_traffic);
	ask("DeleteFleet", FAULT_UNAUTHORIZED);
	cr_assert(told_count == 1 && was_traffic, "who may not can try as often as it likes");
	ask("DescribeGameSessions", FAULT_NONE);
	cr_assert_eq(told_count, 0);
	ask("CreatePlayerSession", FAULT_NONE);
	cr_assert_eq(told_count, 0);
}
