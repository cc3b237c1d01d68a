/* Requests that come again, and keys that ask too often. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"
#include "service/pace.h"
#include "service/throttle.h"

static struct rig rig;

static void init(void)
{
	rig_init(&rig, true);
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(repeats, .init = init, .fini = fini);

#define CREATE "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2}"

static struct request *ask_as(const char *caller, const char *invocation, const char *operation, const char *input)
{
	struct request *request = rig_ask(&rig, operation, input); /* nothing runs before rig_turn */
	snprintf(request->caller, sizeof(request->caller), "%s", caller);
	snprintf(request->invocation, sizeof(request->invocation), "%s", invocation);
	return request;
}

static size_t session_count(void)
{
	return ringcast_loop_model(rig.loop)->sessions.live_count;
}

static void answer_calls(enum host_result result)
{
	rig_turn(&rig);
	for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig))
		rig_answer(&rig, call, result);
}

Test(repeats, the_first_answer_is_given_again)
{
	struct request *first = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_OK);
	struct request *again = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_OK);
	cr_assert_eq(session_count(), 1);
	cr_assert(json_equal(first->output, again->output));
	rig_free(first);
	rig_free(again);
}

Test(repeats, who_comes_again_before_the_answer_waits_for_it)
{
	struct request *first = ask_as("k", "i", "CreateGameSession", CREATE), *again = ask_as("k", "i", "CreateGameSession", CREATE);
	rig_turn(&rig);
	cr_assert_not_null(again->context);
	answer_calls(HOST_OK);
	cr_assert_null(first->context);
	cr_assert_null(again->context);
	cr_assert_eq(session_count(), 1);
	cr_assert(json_equal(first->output, again->output));
	rig_free(first);
	rig_free(again);
}

Test(repeats, another_key_another_body_another_operation_and_no_name_are_other_calls)
{
	struct request *requests[] = {
		ask_as("k", "i", "CreateGameSession", CREATE),	ask_as("other", "i", "CreateGameSession", CREATE),
		ask_as("k", "i", "CreateGameSession", CREATE),	ask_as("k", "", "CreateGameSession", CREATE),
		ask_as("k", "", "CreateGameSession", CREATE),	ask_as("k", "i", "CreateLocation", "{\"LocationName\": \"custom-a\"}"),
	};
	requests[2]->body_hash = 1;
	answer_calls(HOST_OK);
	cr_assert_eq(session_count(), 5);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		cr_assert_eq(requests[i]->fault, FAULT_NONE);
		rig_free(requests[i]);
	}
}

Test(repeats, a_failure_that_asks_to_be_tried_again_is_tried_again)
{
	struct request *first = ask_as("k", "i", "CreateGameSession", CREATE), *waits = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_TIMEOUT);
	cr_assert_eq(first->fault, FAULT_INTERNAL);
	cr_assert_eq(waits->fault, FAULT_INTERNAL);
	struct request *again = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_OK);
	cr_assert_eq(again->fault, FAULT_NONE);
	rig_free(first);
	rig_free(waits);
	rig_free(again);
}

Test(repeats, a_refusal_that_is_final_is_given_again)
{
	struct request *first = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_NOT_FOUND);
	struct request *again = ask_as("k", "i", "CreateGameSession", CREATE);
	answer_calls(HOST_OK);
	cr_assert_eq(first->fault, FAULT_NOT_FOUND);
	cr_assert_eq(again->fault, FAULT_NOT_FOUND);
	cr_assert_str_eq(first->message, again->message);
	rig_free(first);
	rig_free(again);
}

/* The rig keeps four. */
Test(repeats, the_table_is_bounded)
{
	char invocation[8];
	for (int i = 0; i < 20; i++) {
		snprintf(invocation, sizeof(invocation), "%d", i);
		struct request *request = ask_as("k", invocation, "CreateGameSession", CREATE);
		answer_calls(HOST_OK);
		rig_free(request);
	}
	struct request *newest = ask_as("k", "19", "CreateGameSession", CREATE), *oldest = ask_as("k", "0", "CreateGameSession", CREATE);
	answer_calls(HOST_OK);
	cr_assert_eq(session_count(), 21, "the newest is known, the oldest forgotten");
	rig_free(newest);
	rig_free(oldest);
}

Test(throttle, a_bucket_holds_a_second_and_fills_with_time)
{
	struct throttle *throttle = ringcast_throttle_create((uint32_t[ROLE_COUNT]){0, 10, 2});
	int64_t now = 1000000;
	for (int i = 0; i < 1000; i++)
		cr_assert(ringcast_throttle_take(throttle, "k", ROLE_READER, now), "no limit");
	for (int i = 0; i < 10; i++)
		cr_assert(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now));
	cr_assert_not(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now));
	cr_assert(ringcast_throttle_take(throttle, "k", ROLE_OPERATOR, now), "each class has its own");
	cr_assert(ringcast_throttle_take(throttle, "other", ROLE_BACKEND, now), "and each key");
	cr_assert_not(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now + 99));
	cr_assert(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now + 100));
	cr_assert_not(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now + 100));
	cr_assert_not(ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now - 1000000), "a clock that is set back gives nothing");
	int count = 0;
	while (ringcast_throttle_take(throttle, "k", ROLE_BACKEND, now + 1000000000))
		count++;
	cr_assert_eq(count, 10, "never more than a second's");
	cr_assert_eq(ringcast_throttle_refused_count(throttle), 5);
	ringcast_throttle_destroy(&throttle);
}

Test(pace, a_turn_that_lasts_is_seen_and_a_rest_is_none)
{
	struct pace pace = {0};
	cr_assert_eq(ringcast_pace_stall_ns(&pace, 500), 0);
	ringcast_pace_begin(&pace, 1000);
	cr_assert_eq(ringcast_pace_stall_ns(&pace, 900), 0);
	cr_assert_eq(ringcast_pace_stall_ns(&pace, 61000), 60000);
	ringcast_pace_begin(&pace, 61000);
	cr_assert_eq(ringcast_pace_stall_ns(&pace, 61000), 0);
	ringcast_pace_rest(&pace);
	cr_assert_eq(ringcast_pace_stall_ns(&pace, 99000), 0);
}
