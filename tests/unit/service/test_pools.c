/* Where placements find room, as fleets and queues come and go: nothing is kept of those that are gone. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/operations/placing_private.h"

enum { ROUNDS = 10000, ROUNDS_FIRST = 1000, GROWTH_BYTES_MAX = 65536 };

/* Of AddressSanitizer, where the build has it. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t used_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes() : mallinfo2().uordblks;
}

static struct rig rig;

static void begin(void)
{
	rig_init(&rig, false);
}

static void end(void)
{
	rig_fini(&rig);
}

TestSuite(pools, .init = begin, .fini = end);

static void must(const char *operation, const char *input)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	rig_free(request);
}

static void make_fleet(char ret_id[MODEL_ID_BYTES])
{
	struct request *request = rig_run(&rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	snprintf(ret_id, MODEL_ID_BYTES, "%s", rig_text(request, "FleetAttributes.FleetId"));
	rig_free(request);
}

static void with_fleet(const char *operation, const char *text, const char *fleet)
{
	char input[512];
	snprintf(input, sizeof(input), text, fleet);
	must(operation, input);
}

#define QUEUE "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/%s\"}]}"

/* A fleet with a queue; the queue goes first, or the fleet does. */
static void come_and_go(uint32_t rounds)
{
	char fleet[MODEL_ID_BYTES];
	for (uint32_t i = 0; i < rounds; i++) {
		make_fleet(fleet);
		with_fleet("CreateGameSessionQueue", QUEUE, fleet);
		if (i % 2 == 0)
			must("DeleteGameSessionQueue", "{\"Name\": \"q\"}");
		with_fleet("DeleteFleet", "{\"FleetId\": \"%s\"}", fleet);
		if (i % 2 == 1)
			must("DeleteGameSessionQueue", "{\"Name\": \"q\"}");
	}
}

Test(pools, ten_thousand_fleets_and_queues_that_are_gone_leave_no_memory_behind)
{
	const struct placing *placing = ringcast_loop_model(rig.loop)->placing;
	come_and_go(ROUNDS_FIRST);
	size_t before = used_bytes();
	come_and_go(ROUNDS);
	size_t after = used_bytes();
	cr_assert_leq(placing->pool_count, 8, "%u numbers of pools", placing->pool_count);
	cr_assert_leq(after, before + GROWTH_BYTES_MAX, "%zu bytes more", after - before);
}

/* Who is tried there keeps the pool until the host has answered; the next one gets its number only then. */
Test(pools, one_in_which_somebody_is_tried_stays_until_that_is_over)
{
	char fleet[MODEL_ID_BYTES];
	const struct placing *placing = ringcast_loop_model(rig.loop)->placing;
	make_fleet(fleet);
	with_fleet("CreateGameSessionQueue", QUEUE, fleet);
	struct request *request = rig_ask(&rig, "StartGameSessionPlacement", "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4}");
	rig_turn(&rig);
	rig_free(request);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_not_null(call);
	cr_assert_eq(placing->pool_count, 2);
	cr_assert_eq(placing->pools[1].trying, 1);
	with_fleet("UpdateGameSessionQueue", "{\"Name\": \"q\", \"Destinations\": []}%.0s", fleet);
	cr_assert_not_null(placing->pools[1].key);
	cr_assert(placing->pools[1].is_left);
	rig_answer(&rig, call, HOST_FULL);
	cr_assert_null(placing->pools[1].key);
	cr_assert_eq(ringcast_text_index_find(&placing->pools_by_key, ""), (void *)1, "the engine's is there for good");
	with_fleet("UpdateGameSessionQueue", QUEUE, fleet);
	cr_assert_not_null(placing->pools[1].key);
	cr_assert_eq(placing->pool_count, 2);
	with_fleet("CreateGameSessionQueue", "{\"Name\": \"too\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/%s\"}]}", fleet);
	const struct place_queue *queues[] = {ringcast_place_board_queue(placing->board, "q"), ringcast_place_board_queue(placing->board, "too")};
	cr_assert_eq(ringcast_place_queue_site(queues[0], 0)->pool, 1);
	cr_assert_eq(ringcast_place_queue_site(queues[1], 0)->pool, 1, "a number that was free before is known by its fleet");
	request = rig_run(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.Status"), "FULFILLED");
	rig_free(request);
}
