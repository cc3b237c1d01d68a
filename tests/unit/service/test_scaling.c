/* Scaling policies: what they make of a fleet's figures, minute by minute, and who is told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "service/hosts/server_sdk/load.h"
#include "service/scaling_hook.h"

static struct scaling_decision last;
static unsigned told;

static void scaled(void *context, const struct scaling_decision *decision)
{
	last = *decision;
	told++;
}

static void begin(struct rig *rig)
{
	told = 0;
	rig_init_with(rig, &(struct rig_options){.scaled = scaled});
	rig_turn(rig);
}

static enum fault ask(struct rig *rig, const char *operation, const char *input)
{
	struct request *request = rig_run(rig, operation, input);
	enum fault fault = request->fault;
	rig_free(request);
	return fault;
}

static char *new_fleet(struct rig *rig)
{
	struct request *request = rig_run(rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	char *id = strdup(rig_text(request, "FleetAttributes.FleetId"));
	rig_free(request);
	return id;
}

static void set_capacity(struct rig *rig, const char *fleet, int desired, int high)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"DesiredInstances\": %d, \"MinSize\": 0, \"MaxSize\": %d}", fleet, desired, high);
	cr_assert_eq(ask(rig, "UpdateFleetCapacity", input), FAULT_NONE);
}

static enum fault put_policy(struct rig *rig, const char *fleet, const char *rest)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", %s}", fleet, rest);
	return ask(rig, "PutScalingPolicy", input);
}

static void tell_load(struct rig *rig, const char *fleet, struct host_load load)
{
	struct host_event event = {.kind = HOST_FLEET_LOAD, .load = load};
	snprintf(event.session, sizeof(event.session), "%s", fleet);
	ringcast_loop_tell(rig->loop, &event);
	rig_turn(rig);
}

static void pass_minutes(struct rig *rig, int count)
{
	for (int i = 0; i < count; i++) {
		rig->now_ms += SCALING_PERIOD_MS;
		rig_turn(rig);
	}
}

static json_int_t capacity_of(struct rig *rig, const char *fleet, const char *name)
{
	const json_t *record = ringcast_records_find(&ringcast_loop_model(rig->loop)->records, RECORD_FLEET, fleet);
	return json_integer_value(json_object_get(json_object_get(record, "Capacity"), name));
}

static const char rule[] = "\"Name\": \"full\", \"MetricName\": \"AvailableGameSessions\", \"ComparisonOperator\": \"LessThanThreshold\", \"Threshold\": 2, "
			   "\"EvaluationPeriods\": 3, \"ScalingAdjustment\": 2, \"ScalingAdjustmentType\": \"ChangeInCapacity\"";

Test(scaling, a_rule_acts_when_its_metric_was_beyond_the_threshold_for_so_many_minutes_and_then_rests)
{
	struct rig rig;
	begin(&rig);
	char *fleet = new_fleet(&rig);
	set_capacity(&rig, fleet, 1, 4);
	cr_assert_eq(told, 0, "it is what a fleet has");
	cr_assert_eq(put_policy(&rig, fleet, rule), FAULT_NONE);
	tell_load(&rig, fleet, (struct host_load){.processes = 1, .ready = 1});
	pass_minutes(&rig, 2);
	cr_assert_eq(told, 0);
	tell_load(&rig, fleet, (struct host_load){.processes = 5, .ready = 5});
	pass_minutes(&rig, 1); /* the row is broken */
	tell_load(&rig, fleet, (struct host_load){.processes = 1, .ready = 1});
	pass_minutes(&rig, 2);
	cr_assert_eq(told, 0);
	pass_minutes(&rig, 1);
	cr_assert(told == 1 && last.desired == 3 && strcmp(last.fleet, fleet) == 0);
	cr_assert_str_eq(last.reason, "policy full: AvailableGameSessions is 1, LessThanThreshold 2 for 3 min");
	pass_minutes(&rig, 9);
	cr_assert_eq(told, 1, "it rests");
	pass_minutes(&rig, 1);
	cr_assert(told == 2 && last.desired == 4, "at most MaxSize");
	pass_minutes(&rig, 30);
	cr_assert_eq(told, 2);
	struct request *events = rig_run(&rig, "DescribeFleetEvents", "{\"FleetId\": \"fleet-none\"}");
	cr_assert_eq(events->fault, FAULT_NOT_FOUND);
	rig_free(events);
	free(fleet);
	rig_fini(&rig);
}

Test(scaling, a_stopped_fleet_is_left_alone_and_an_operators_wish_is_told_too)
{
	struct rig rig;
	char input[128];
	begin(&rig);
	char *fleet = new_fleet(&rig);
	set_capacity(&rig, fleet, 2, 9);
	cr_assert(told == 1 && last.desired == 2);
	cr_assert_str_eq(last.reason, "UpdateFleetCapacity");
	cr_assert_eq(put_policy(&rig, fleet, rule), FAULT_NONE);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"Actions\": [\"AUTO_SCALING\"]}", fleet);
	cr_assert_eq(ask(&rig, "StopFleetActions", input), FAULT_NONE);
	pass_minutes(&rig, 20);
	cr_assert_eq(told, 1);
	cr_assert_eq(ask(&rig, "StartFleetActions", input), FAULT_NONE);
	pass_minutes(&rig, 3);
	cr_assert(told == 2 && last.desired == 4);
	free(fleet);
	rig_fini(&rig);
}

/* Wishes are numbers that anybody may write: three such rules one after the other are beyond what a number holds. */
Test(scaling, rules_that_ask_for_more_than_a_number_holds_ask_for_as_much_as_there_may_be)
{
	struct rig rig;
	char text[256];
	begin(&rig);
	char *fleet = new_fleet(&rig);
	set_capacity(&rig, fleet, 9, 9);
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "\"Name\": \"p%d\", \"MetricName\": \"AvailableGameSessions\", \"ComparisonOperator\": \"LessThanThreshold\", \"Threshold\": 2, "
			 "\"EvaluationPeriods\": 1, \"ScalingAdjustment\": 2147483647, \"ScalingAdjustmentType\": \"PercentChangeInCapacity\"", i);
		cr_assert_eq(put_policy(&rig, fleet, text), FAULT_NONE);
	}
	tell_load(&rig, fleet, (struct host_load){.processes = 1, .ready = 1});
	pass_minutes(&rig, 2);
	cr_assert_eq(capacity_of(&rig, fleet, "DesiredInstances"), 9);
	free(fleet);
	rig_fini(&rig);
}

static const char target[] = "\"Name\": \"t\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"PercentAvailableGameSessions\", \"TargetConfiguration\": {\"TargetValue\": 50}";

static void begin_sessions(struct rig *rig, const char *fleet, int count)
{
	char input[128];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"MaximumPlayerSessionCount\": 4}", fleet);
	for (int i = 0; i < count; i++)
		cr_assert_eq(ask(rig, "CreateGameSession", input), FAULT_NONE);
}

Test(scaling, a_target_wants_more_at_once_and_less_only_after_a_while)
{
	struct rig rig;
	begin(&rig);
	char *fleet = new_fleet(&rig);
	set_capacity(&rig, fleet, 1, 20);
	cr_assert_eq(put_policy(&rig, fleet, target), FAULT_NONE);
	char input[256];
	for (int i = 0; i < 2; i++) {
		snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"ComputeName\": \"c%d\", \"IpAddress\": \"192.0.2.1\"}", fleet, i);
		cr_assert_eq(ask(&rig, "RegisterCompute", input), FAULT_NONE);
	}
	begin_sessions(&rig, fleet, 8);
	tell_load(&rig, fleet, (struct host_load){.processes = 8, .ready = 2}); /* two machines hold ten; sixteen are needed */
	pass_minutes(&rig, 1);
	cr_assert(told == 1 && last.desired == 4, "%lld", (long long)last.desired);
	cr_assert_eq(capacity_of(&rig, fleet, "WantedProcesses"), 0, "as many as there may be run already");
	tell_load(&rig, fleet, (struct host_load){.processes = 32, .ready = 24}); /* two hold 32 */
	pass_minutes(&rig, 9);
	cr_assert_eq(told, 1);
	pass_minutes(&rig, 1);
	cr_assert(told == 2 && last.desired == 1, "%lld", (long long)last.desired);
	cr_assert_eq(capacity_of(&rig, fleet, "WantedProcesses"), 16);
	free(fleet);
	rig_fini(&rig);
}

static void place(struct rig *rig, const char *id, const char *queue)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"PlacementId\": \"%s\", \"GameSessionQueueName\": \"%s\", \"MaximumPlayerSessionCount\": 2}", id, queue);
	struct request *request = rig_ask(rig, "StartGameSessionPlacement", input);
	rig_turn(rig);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	rig_free(request);
	for (struct host_call *call = rig_take_call(rig); call != NULL; call = rig_take_call(rig))
		rig_answer(rig, call, HOST_FULL);
}

/* Minutes in which no host has room. */
static void wait_minutes(struct rig *rig, int count)
{
	for (int i = 0; i < count; i++) {
		pass_minutes(rig, 1);
		for (struct host_call *call = rig_take_call(rig); call != NULL; call = rig_take_call(rig))
			rig_answer(rig, call, HOST_FULL);
	}
}

/* Of one queue that names the fleet, one that names an alias of it, and not of another one. */
Test(scaling, who_waits_in_the_queues_of_a_fleet_makes_it_larger)
{
	struct rig rig;
	char text[512];
	begin(&rig);
	char *fleet = new_fleet(&rig), *other = new_fleet(&rig);
	snprintf(text, sizeof(text), "{\"Name\": \"a\", \"RoutingStrategy\": {\"Type\": \"SIMPLE\", \"FleetId\": \"%s\"}}", fleet);
	struct request *alias = rig_run(&rig, "CreateAlias", text);
	const char *const arns[] = {fleet, rig_text(alias, "Alias.AliasId"), other}, *const kinds[] = {"fleet", "alias", "fleet"}, *const names[] = {"q1", "q2", "q3"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(text, sizeof(text), "{\"Name\": \"%s\", \"TimeoutInSeconds\": 3600, \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::%s/%s\"}]}", names[i], kinds[i],
			 arns[i]);
		cr_assert_eq(ask(&rig, "CreateGameSessionQueue", text), FAULT_NONE);
	}
	rig_free(alias);
	set_capacity(&rig, fleet, 1, 20);
	cr_assert_eq(put_policy(&rig, fleet, "\"Name\": \"queue\", \"MetricName\": \"QueueDepth\", \"ComparisonOperator\": \"GreaterThanOrEqualToThreshold\", \"Threshold\": 2, "
					     "\"EvaluationPeriods\": 1, \"ScalingAdjustment\": 3, \"ScalingAdjustmentType\": \"ChangeInCapacity\""), FAULT_NONE);
	place(&rig, "p1", "q1");
	place(&rig, "p3", "q3");
	wait_minutes(&rig, 2);
	cr_assert_eq(told, 0);
	place(&rig, "p2", "q2");
	wait_minutes(&rig, 1);
	cr_assert(told == 1 && last.desired == 4, "%lld", (long long)last.desired);
	cr_assert_str_eq(last.reason, "policy queue: QueueDepth is 2, GreaterThanOrEqualToThreshold 2 for 1 min");
	cr_assert_eq(put_policy(&rig, fleet, "\"Name\": \"wait\", \"MetricName\": \"WaitTime\", \"ComparisonOperator\": \"GreaterThanThreshold\", \"Threshold\": 299, "
					     "\"EvaluationPeriods\": 1, \"ScalingAdjustment\": 9, \"ScalingAdjustmentType\": \"ExactCapacity\""), FAULT_NONE);
	wait_minutes(&rig, 1);
	cr_assert_eq(told, 1, "four minutes are not long enough");
	wait_minutes(&rig, 1);
	cr_assert(told == 2 && last.desired == 9, "%lld", (long long)last.desired);
	cr_assert_str_eq(last.reason, "policy wait: WaitTime is 300, GreaterThanThreshold 299 for 1 min");
	free(fleet);
	free(other);
	rig_fini(&rig);
}

Test(scaling, policies_that_could_never_act_are_refused)
{
	static const char *const wrong[] = {
		"\"Name\": \"t\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"ActiveInstances\", \"TargetConfiguration\": {\"TargetValue\": 50}",
		"\"Name\": \"t\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"PercentAvailableGameSessions\", \"TargetConfiguration\": {\"TargetValue\": 100}",
		"\"Name\": \"t\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"PercentAvailableGameSessions\"",
		"\"Name\": \"t\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"QueueDepth\", \"TargetConfiguration\": {\"TargetValue\": 50}",
	};
	struct rig rig;
	begin(&rig);
	char *fleet = new_fleet(&rig);
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		cr_assert_eq(put_policy(&rig, fleet, wrong[i]), FAULT_INVALID, "%s", wrong[i]);
	free(fleet);
	rig_fini(&rig);
}

static json_int_t count_of(const char *fleet_text, size_t index)
{
	json_t *fleet = json_loads(fleet_text, 0, NULL), *runtime = ringcast_sdk_wanted_runtime(fleet);
	json_int_t count = json_integer_value(json_object_get(json_array_get(json_object_get(runtime, "ServerProcesses"), index), "ConcurrentExecutions"));
	json_decref(runtime);
	json_decref(fleet);
	return count;
}

#define RUNTIME "\"RuntimeConfiguration\": {\"ServerProcesses\": [{\"ConcurrentExecutions\": 6}, {\"ConcurrentExecutions\": 3}]}"

Test(scaling, processes_of_a_build_follow_within_their_configuration)
{
	cr_assert(count_of("{" RUNTIME "}", 0) == 6 && count_of("{" RUNTIME "}", 1) == 3);
	cr_assert(count_of("{\"Capacity\": {\"WantedProcesses\": 100}, " RUNTIME "}", 0) == 6);
	cr_assert(count_of("{\"Capacity\": {\"WantedProcesses\": 3}, " RUNTIME "}", 0) == 2 && count_of("{\"Capacity\": {\"WantedProcesses\": 3}, " RUNTIME "}", 1) == 1);
	cr_assert(count_of("{\"Capacity\": {\"WantedProcesses\": 1}, " RUNTIME "}", 1) == 1, "of each at least one");
	cr_assert(count_of("{\"Capacity\": {\"DesiredInstances\": 0, \"WantedProcesses\": 4}, " RUNTIME "}", 0) == 0);
}

Test(scaling, utilization_counts_processes_sessions_and_players)
{
	struct rig rig;
	char input[128];
	begin(&rig);
	char *fleet = new_fleet(&rig);
	begin_sessions(&rig, fleet, 2);
	tell_load(&rig, fleet, (struct host_load){.processes = 7, .ready = 5});
	snprintf(input, sizeof(input), "{\"FleetIds\": [\"%s\"]}", fleet);
	struct request *request = rig_run(&rig, "DescribeFleetUtilization", input);
	const json_t *use = json_array_get(json_object_get(request->output, "FleetUtilization"), 0);
	cr_assert_eq(json_integer_value(json_object_get(use, "ActiveServerProcessCount")), 7);
	cr_assert_eq(json_integer_value(json_object_get(use, "ActiveGameSessionCount")), 2);
	cr_assert_eq(json_integer_value(json_object_get(use, "MaximumPlayerSessionCount")), 8);
	rig_free(request);
	free(fleet);
	rig_fini(&rig);
}

Test(scaling, one_walk_counts_what_a_walk_for_each_fleet_does)
{
	struct rig rig;
	char *fleets[7];
	begin(&rig);
	for (size_t i = 0; i < ARRAY_COUNT(fleets); i++)
		fleets[i] = new_fleet(&rig);
	for (size_t i = 0; i < ARRAY_COUNT(fleets); i++)
		begin_sessions(&rig, fleets[i], (int)i);
	const struct model *model = ringcast_loop_model(rig.loop);
	const struct record_list *list = &model->records.lists[RECORD_FLEET];
	struct fleet_tally *tallies = ringcast_fleet_tallies(model);
	size_t total = 0;
	cr_assert(tallies != NULL && list->count == ARRAY_COUNT(fleets));
	for (size_t i = 0; i < list->count; i++) {
		struct fleet_figures each = ringcast_fleet_figures(model, list->records[i].document);
		struct fleet_figures all = ringcast_fleet_figures_with(model, list->records[i].document, &tallies[i]);
		cr_assert(each.sessions == all.sessions && each.places == all.places && each.activating == all.activating);
		cr_assert_eq(all.places, 4 * all.sessions);
		total += all.sessions;
	}
	cr_assert_eq(total, 0 + 1 + 2 + 3 + 4 + 5 + 6);
	free(tallies);
	for (size_t i = 0; i < ARRAY_COUNT(fleets); i++)
		free(fleets[i]);
	rig_fini(&rig);
}

/* The hook, with real processes. */

static int64_t stood_still_ms; /* atomic; added to the clock */

static int64_t steady_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000 + __atomic_load_n(&stood_still_ms, __ATOMIC_RELAXED);
}

static void await_count(struct scaling_hook *hook, const uint64_t *count, struct scaling_hook_counts *counts)
{
	const struct timespec pause = {0, 5000000};
	for (int i = 0; i < 6000 && *count == 0; i++) {
		ringcast_scaling_hook_count(hook, counts);
		nanosleep(&pause, NULL);
	}
	cr_assert_eq(*count, 1);
}

static struct scaling_hook *start_hook(char folder[64], char path[96], const char *script, int64_t timeout_ms)
{
	snprintf(folder, 64, "/tmp/ringcast-hook-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, 96, "%s/hook", folder);
	FILE *file = fopen(path, "w");
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	cr_assert_eq(chmod(path, 0755), 0);
	const struct scaling_hook_options options = {.command = path, .timeout_ms = timeout_ms, .steady_ms = steady_ms};
	struct scaling_hook *hook = ringcast_scaling_hook_start(&options);
	cr_assert_not_null(hook);
	return hook;
}

static const struct scaling_decision decision = {"fleet-1", 3, "because; $(it) 'must'"};

Test(scaling_hook, is_told_by_its_environment_and_inherits_nothing)
{
	char folder[64], path[96], out[160], text[600] = "";
	struct scaling_hook_counts counts = {0};
	struct scaling_hook *hook = start_hook(folder, path, "env | grep -v '^_=' | grep -v '^PWD=' | sort > ${0%/*}/new; mv ${0%/*}/new ${0%/*}/out", 60000);
	ringcast_scaling_hook_tell(hook, &decision);
	await_count(hook, &counts.done, &counts);
	snprintf(out, sizeof(out), "%s/out", folder);
	FILE *file = fopen(out, "r");
	cr_assert_not_null(file);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	cr_assert_str_eq(text, "LANG=C.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nRINGCAST_DESIRED=3\nRINGCAST_FLEET=fleet-1\n"
			       "RINGCAST_REASON=because; $(it) 'must'\n");
	ringcast_scaling_hook_stop(&hook);
	unlink(out);
	unlink(path);
	rmdir(folder);
}

Test(scaling_hook, what_takes_too_long_is_killed_with_its_children_and_a_failure_is_counted)
{
	char folder[64], path[96];
	struct scaling_hook_counts counts = {0};
	struct scaling_hook *hook = start_hook(folder, path, "trap '' TERM; sleep 1000 & sleep 1000", 200);
	ringcast_scaling_hook_tell(hook, &decision);
	await_count(hook, &counts.timed_out, &counts);
	ringcast_scaling_hook_stop(&hook);
	unlink(path);
	rmdir(folder);
	counts = (struct scaling_hook_counts){0};
	hook = start_hook(folder, path, "exit 3", 60000);
	ringcast_scaling_hook_tell(hook, &decision);
	await_count(hook, &counts.failed, &counts);
	ringcast_scaling_hook_stop(&hook);
	unlink(path);
	rmdir(folder);
}

Test(scaling_hook, may_come_change_and_go_while_the_service_runs)
{
	char folder[64], path[96];
	struct scaling_hook_counts counts = {0};
	struct scaling_hook *hook = start_hook(folder, path, "exit 0", 60000);
	cr_assert(ringcast_scaling_hook_set(hook, NULL, 60000));
	ringcast_scaling_hook_tell(hook, &decision); /* to nobody */
	cr_assert(ringcast_scaling_hook_set(hook, "/no/such/hook", 60000));
	ringcast_scaling_hook_tell(hook, &decision);
	await_count(hook, &counts.failed, &counts);
	cr_assert(ringcast_scaling_hook_set(hook, path, 60000));
	ringcast_scaling_hook_tell(hook, &decision);
	await_count(hook, &counts.done, &counts);
	cr_assert_eq(counts.failed, 1, "what nobody was to be told is told to nobody");
	ringcast_scaling_hook_stop(&hook);
	unlink(path);
	rmdir(folder);
}

static void await_file(const char *path)
{
	const struct timespec pause = {0, 5000000};
	while (access(path, F_OK) != 0) /* the test's timeout ends it */
		nanosleep(&pause, NULL);
}

/* It stood still as well. */
Test(scaling_hook, has_its_time_also_where_the_process_stood_still_meanwhile, .timeout = 60)
{
	char folder[64], path[96], begun[96], over[96];
	struct scaling_hook_counts counts = {0};
	struct scaling_hook *hook = start_hook(folder, path, ": > ${0%/*}/begun; while ! [ -e ${0%/*}/over ]; do sleep 0.01; done", 600000);
	snprintf(begun, sizeof(begun), "%s/begun", folder);
	snprintf(over, sizeof(over), "%s/over", folder);
	ringcast_scaling_hook_tell(hook, &decision);
	await_file(begun);
	__atomic_store_n(&stood_still_ms, 3600000, __ATOMIC_RELAXED);
	usleep(500000); /* some looks at the clock */
	fclose(fopen(over, "w"));
	await_count(hook, &counts.done, &counts);
	ringcast_scaling_hook_stop(&hook);
	unlink(begun);
	unlink(over);
	unlink(path);
	rmdir(folder);
}
