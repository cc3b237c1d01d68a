/* Values against shapes: each kind of problem is named with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "service/api/shape.h"

static void expect(enum shape_id id, const char *json, const char *problem_wanted)
{
	char problem[SHAPE_PROBLEM_BYTES] = "";
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(value, "%s", json);
	bool is_right = ringcast_shape_check(id, value, problem);
	cr_assert_eq(is_right, problem_wanted == NULL, "%s: %s", json, problem);
	if (problem_wanted != NULL)
		cr_assert_str_eq(problem, problem_wanted);
	json_decref(value);
}

Test(shape, a_whole_request_passes)
{
	expect(SHAPE_ID_CreateGameSessionInput,
	       "{\"MaximumPlayerSessionCount\": 10, \"FleetId\": \"fleet-1\", \"Name\": \"r\\u00e4um\", \"Unknown\": 1, \"AliasId\": null,"
	       "\"GameProperties\": [{\"Key\": \"mode\", \"Value\": \"ctf\"}]}",
	       NULL);
}

Test(shape, problems_are_named_with_their_place)
{
	expect(SHAPE_ID_CreateGameSessionInput, "[]", "request: must be an object");
	expect(SHAPE_ID_CreateGameSessionInput, "{}", "MaximumPlayerSessionCount: is required");
	expect(SHAPE_ID_CreateGameSessionInput, "{\"MaximumPlayerSessionCount\": -1}", "MaximumPlayerSessionCount: -1, at least 0 is needed");
	expect(SHAPE_ID_CreateGameSessionInput, "{\"MaximumPlayerSessionCount\": 1.5}", "MaximumPlayerSessionCount: must be a whole number");
	expect(SHAPE_ID_CreateGameSessionInput, "{\"MaximumPlayerSessionCount\": \"1\"}", "MaximumPlayerSessionCount: must be a whole number");
	expect(SHAPE_ID_CreateGameSessionInput, "{\"MaximumPlayerSessionCount\": 1, \"Name\": \"\"}",
	       "Name: 0 characters, at least 1 are needed");
	expect(SHAPE_ID_CreateGameSessionInput, "{\"MaximumPlayerSessionCount\": 1, \"FleetId\": \"flote-1\"}",
	       "FleetId: \"flote-1\" does not match ^(fleet-[^[:space:]]+|arn:.*:fleet/fleet-[^[:space:]]+)$");
	expect(SHAPE_ID_CreateGameSessionInput,
	       "{\"MaximumPlayerSessionCount\": 1, \"GameProperties\": [{\"Key\": \"a\", \"Value\": \"b\"}, {\"Key\": \"a\"}]}",
	       "GameProperties[1].Value: is required");
	expect(SHAPE_ID_TerminateGameSessionInput, "{\"GameSessionId\": \"a\", \"TerminationMode\": \"NOW\"}",
	       "TerminationMode: must be one of TRIGGER_ON_PROCESS_TERMINATE|FORCE_TERMINATE");
}

Test(shape, words_are_whole_words)
{
	expect(SHAPE_ID_TerminateGameSessionInput, "{\"GameSessionId\": \"a\", \"TerminationMode\": \"FORCE_TERMINATE\"}", NULL);
	expect(SHAPE_ID_TerminateGameSessionInput, "{\"GameSessionId\": \"a\", \"TerminationMode\": \"FORCE\"}",
	       "TerminationMode: must be one of TRIGGER_ON_PROCESS_TERMINATE|FORCE_TERMINATE");
	expect(SHAPE_ID_TerminateGameSessionInput, "{\"GameSessionId\": \"a\", \"TerminationMode\": \"\"}",
	       "TerminationMode: must be one of TRIGGER_ON_PROCESS_TERMINATE|FORCE_TERMINATE");
}

/* What today's tools send. */
Test(shape, builds_may_be_for_the_systems_of_today)
{
	expect(SHAPE_ID_CreateBuildInput, "{\"Name\": \"b\", \"OperatingSystem\": \"AMAZON_LINUX_2023\"}", NULL);
	expect(SHAPE_ID_CreateBuildInput, "{\"Name\": \"b\", \"OperatingSystem\": \"WINDOWS_2022\"}", NULL);
}

Test(shape, bounds_are_inclusive)
{
	char json[4096], name[1200];
	for (int size = 1023; size <= 1025; size++) {
		memset(name, 'a', (size_t)size);
		name[size] = '\0';
		snprintf(json, sizeof(json), "{\"MaximumPlayerSessionCount\": 1, \"Name\": \"%s\"}", name);
		expect(SHAPE_ID_CreateGameSessionInput, json, size <= 1024 ? NULL : "Name: 1025 characters, at most 1024 are allowed");
	}
}

Test(shape, secrets_are_not_repeated)
{
	char problem[SHAPE_PROBLEM_BYTES];
	json_t *value = json_loads("{\"FleetId\": \"fleet-1\", \"ComputeName\": \"c\", \"IpAddress\": \"tell nobody\"}", 0, NULL);
	cr_assert(!ringcast_shape_check(SHAPE_ID_RegisterComputeInput, value, problem));
	cr_assert_null(strstr(problem, "nobody"), "%s", problem);
	json_decref(value);
}

Test(shape, blobs_are_base64)
{
	expect(SHAPE_ID_CreateScriptInput, "{\"ZipFile\": \"UEsDBA==\"}", NULL);
	expect(SHAPE_ID_CreateScriptInput, "{\"ZipFile\": \"UEsDBA=\"}", "ZipFile: is not base64");
	expect(SHAPE_ID_CreateScriptInput, "{\"ZipFile\": \"UE=DBA==\"}", "ZipFile: is not base64");
}

Test(shape, every_shape_is_well_formed)
{
	ringcast_shapes_init();
	for (int id = SHAPE_ID_NONE + 1; id < SHAPE_ID_COUNT; id++) {
		const struct shape *shape = ringcast_shape((enum shape_id)id);
		cr_assert_eq(ringcast_shape_find(shape->name), (enum shape_id)id);
		cr_assert_eq(shape->element != SHAPE_ID_NONE, shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP, "%s", shape->name);
		cr_assert(shape->count == 0 || shape->kind == SHAPE_STRUCT, "%s", shape->name);
		cr_assert(shape->min == SHAPE_UNBOUNDED || shape->max == SHAPE_UNBOUNDED || shape->min <= shape->max, "%s", shape->name);
	}
	cr_assert_eq(ringcast_shape_find("Nothing"), SHAPE_ID_NONE);
}

Test(shape, a_whole_number_with_a_point_is_an_integer_afterwards)
{
	char problem[SHAPE_PROBLEM_BYTES];
	json_t *value = json_loads("{\"Name\": \"q\", \"TimeoutInSeconds\": 60.0, \"CustomEventData\": null, \"PlayerLatencyPolicies\": "
				   "[{\"MaximumIndividualPlayerLatencyMilliseconds\": 1e2, \"PolicyDurationSeconds\": 5}]}", 0, NULL);
	cr_assert(ringcast_shape_check(SHAPE_ID_CreateGameSessionQueueInput, value, problem), "%s", problem);
	cr_assert(ringcast_shape_tidy(SHAPE_ID_CreateGameSessionQueueInput, value));
	const json_t *policy = json_array_get(json_object_get(value, "PlayerLatencyPolicies"), 0);
	cr_assert_eq(json_integer_value(json_object_get(value, "TimeoutInSeconds")), 60);
	cr_assert_eq(json_integer_value(json_object_get(policy, "MaximumIndividualPlayerLatencyMilliseconds")), 100);
	cr_assert_null(json_object_get(value, "CustomEventData"));
	json_decref(value);
}

/* An integer of the interface has 32 bits, whatever the language that wrote it. */
Test(shape, integers_have_thirty_two_bits)
{
	expect(SHAPE_ID_UpdateFleetCapacityInput, "{\"FleetId\": \"fleet-1\", \"DesiredInstances\": 2147483647}", NULL);
	expect(SHAPE_ID_UpdateFleetCapacityInput, "{\"FleetId\": \"fleet-1\", \"DesiredInstances\": 2147483648}", "DesiredInstances: 2147483648, at most 2147483647 is allowed");
	expect(SHAPE_ID_UpdateFleetCapacityInput, "{\"FleetId\": \"fleet-1\", \"DesiredInstances\": 9223372036854775807}", "DesiredInstances: 9.2233720368547758e+18, at most 2147483647 is allowed");
	expect(SHAPE_ID_UpdateFleetCapacityInput, "{\"FleetId\": \"fleet-1\", \"DesiredInstances\": 1e300}", "DesiredInstances: must be a whole number");
}
