/* Scripts: what is pushed, what the hosts say to it, which version sessions get, and what a fleet tells of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

static struct rig rig;

static void init(void)
{
	rig_init(&rig, false);
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(scripts, .init = init, .fini = fini);

#define ZIP "UEsDBAo="

static void text_of(struct request *request, const char *path, char ret_text[128])
{
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	snprintf(ret_text, 128, "%s", rig_text(request, path));
	rig_free(request);
}

static struct request *about(const char *operation, const char *script, const char *more)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"ScriptId\": \"%s\"%s}", script, more);
	return rig_ask(&rig, operation, input);
}

static void create_script(char ret_id[128])
{
	text_of(rig_run(&rig, "CreateScript", "{\"Name\": \"n\", \"Version\": \"1\", \"ZipFile\": \"" ZIP "\"}"), "Script.ScriptId", ret_id);
}

static void create_fleet(const char *script, char ret_id[128])
{
	char input[256];
	snprintf(input, sizeof(input), "{\"Name\": \"f\", \"ScriptId\": \"%s\"}", script);
	text_of(rig_run(&rig, "CreateFleet", input), "FleetAttributes.FleetId", ret_id);
}

/* What the host is asked to run for a new session of the fleet. */
static void script_of_new_session(const char *fleet, char ret_script[128])
{
	char input[256];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"MaximumPlayerSessionCount\": 2}", fleet);
	struct request *request = rig_ask(&rig, "CreateGameSession", input);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_not_null(call, "%s", request->message);
	snprintf(ret_script, 128, "%s", call->script);
	rig_answer(&rig, call, HOST_OK);
	rig_free(request);
}

static size_t count_events(const char *fleet, const char *code)
{
	char input[256];
	size_t i, count = 0;
	json_t *event;
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"}", fleet);
	struct request *request = rig_run(&rig, "DescribeFleetEvents", input);
	json_array_foreach(json_object_get(request->output, "Events"), i, event)
		count += code == NULL || strcmp(json_string_value(json_object_get(event, "EventCode")), code) == 0;
	rig_free(request);
	return count;
}

Test(scripts, a_script_is_there_when_a_host_has_taken_it)
{
	struct request *request = rig_ask(&rig, "CreateScript", "{\"Name\": \"n\", \"ZipFile\": \"" ZIP "\"}");
	rig_turn(&rig);
	cr_assert_not_null(request->context);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_SCRIPT_PUSH);
	cr_assert_str_eq(call->zip, ZIP);
	rig_answer(&rig, call, HOST_OK);
	cr_assert_null(request->context);
	cr_assert_str_eq(rig_text(request, "Script.Name"), "n");
	cr_assert_null(json_object_get(json_object_get(request->output, "Script"), "ContentVersion"));
	rig_free(request);
}

Test(scripts, what_a_host_refuses_leaves_nothing)
{
	struct request *request = rig_ask(&rig, "CreateScript", "{\"ZipFile\": \"" ZIP "\"}");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	snprintf(call->text, sizeof(call->text), "main.lua:3: bad");
	rig_answer(&rig, call, HOST_SCRIPT);
	cr_assert_str_eq(request->message, "main.lua:3: bad");
	rig_expect_fault(request, FAULT_INVALID);
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_SCRIPT), 0);
}

Test(scripts, a_script_comes_as_a_zip_and_no_other_way)
{
	rig_expect_fault(rig_run(&rig, "CreateScript", "{\"Name\": \"n\"}"), FAULT_INVALID);
	rig_expect_fault(rig_run(&rig, "CreateScript", "{\"StorageLocation\": {\"Bucket\": \"b\", \"Key\": \"k\"}}"), FAULT_INVALID);
	rig_expect_fault(rig_run(&rig, "UpdateScript", "{\"ScriptId\": \"script-none\", \"ZipFile\": \"" ZIP "\"}"), FAULT_NOT_FOUND);
	cr_assert_null(rig_take_call(&rig));
}

Test(scripts, sessions_run_the_version_that_the_record_names)
{
	char script[128], fleet[128], first[128], meanwhile[128], second[128];
	create_script(script);
	create_fleet(script, fleet);
	script_of_new_session(fleet, first);
	cr_assert_eq(strncmp(first, script, strlen(script)), 0);
	cr_assert_eq(first[strlen(script)], '@');
	struct request *update = about("UpdateScript", script, ", \"ZipFile\": \"" ZIP "\"");
	rig_turn(&rig);
	struct host_call *push = rig_take_call(&rig);
	script_of_new_session(fleet, meanwhile);
	cr_assert_str_eq(first, meanwhile);
	rig_answer(&rig, push, HOST_OK);
	rig_expect_fault(update, FAULT_NONE);
	script_of_new_session(fleet, second);
	cr_assert_str_neq(first, second);
}

Test(scripts, an_update_that_fails_keeps_the_old_one_and_tells_the_fleet)
{
	char script[128], fleet[128], before[128], after[128];
	create_script(script);
	create_fleet(script, fleet);
	script_of_new_session(fleet, before);
	struct request *update = about("UpdateScript", script, ", \"ZipFile\": \"" ZIP "\", \"Name\": \"other\"");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	snprintf(call->text, sizeof(call->text), "main.lua:3: bad");
	rig_answer(&rig, call, HOST_SCRIPT);
	rig_expect_fault(update, FAULT_INVALID);
	script_of_new_session(fleet, after);
	cr_assert_str_eq(before, after);
	cr_assert_eq(count_events(fleet, "FLEET_VALIDATION_EXECUTABLE_RUNTIME_FAILURE"), 1);
	struct request *request = about("DescribeScript", script, "");
	rig_turn(&rig);
	cr_assert_str_eq(rig_text(request, "Script.Name"), "n");
	rig_free(request);
}

Test(scripts, a_script_that_a_fleet_runs_is_not_deleted)
{
	char script[128], fleet[128], input[256];
	create_script(script);
	create_fleet(script, fleet);
	snprintf(input, sizeof(input), "{\"ScriptId\": \"%s\"}", script);
	rig_expect_fault(rig_run(&rig, "DeleteScript", input), FAULT_INVALID);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"}", fleet);
	rig_expect_fault(rig_run(&rig, "DeleteFleet", input), FAULT_NONE);
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_EVENT), 0, "events go with their fleet");
	struct request *request = about("DeleteScript", script, "");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_SCRIPT_REMOVE);
	rig_answer(&rig, call, HOST_OK);
	rig_expect_fault(request, FAULT_NONE);
	struct request *gone = about("DescribeScript", script, "");
	rig_turn(&rig);
	rig_expect_fault(gone, FAULT_NOT_FOUND);
}

Test(scripts, an_update_of_a_script_that_was_deleted_meanwhile_leaves_no_content)
{
	char script[128];
	create_script(script);
	struct request *update = about("UpdateScript", script, ", \"ZipFile\": \"" ZIP "\""), *delete = about("DeleteScript", script, "");
	rig_turn(&rig);
	struct host_call *push = rig_take_call(&rig), *remove = rig_take_call(&rig);
	rig_answer(&rig, remove, HOST_OK);
	rig_answer(&rig, push, HOST_OK);
	rig_expect_fault(delete, FAULT_NONE);
	rig_expect_fault(update, FAULT_NOT_FOUND);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_SCRIPT_REMOVE);
	rig_answer(&rig, call, HOST_OK);
}

Test(scripts, the_newest_events_of_a_fleet_are_kept)
{
	char script[128], fleet[128], input[256];
	create_script(script);
	create_fleet(script, fleet);
	for (int i = 0; i < 20; i++) {
		snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"DesiredInstances\": %d}", fleet, i);
		rig_free(rig_run(&rig, "UpdateFleetCapacity", input));
	}
	cr_assert_eq(count_events(fleet, NULL), 5);
	cr_assert_eq(count_events(fleet, "FLEET_SCALING_EVENT"), 5);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"StartTime\": 4000000000}", fleet);
	struct request *request = rig_run(&rig, "DescribeFleetEvents", input);
	cr_assert_eq(json_array_size(json_object_get(request->output, "Events")), 0);
	rig_free(request);
}

Test(scripts, policies_with_long_names_are_different_ones)
{
	char script[128], fleet[128], input[1400], name[600];
	create_script(script);
	create_fleet(script, fleet);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (char last = 'a'; last < 'd'; last++) {
		name[sizeof(name) - 2] = last;
		snprintf(input, sizeof(input),
			 "{\"FleetId\": \"%s\", \"Name\": \"%s\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"PercentAvailableGameSessions\", "
			 "\"TargetConfiguration\": {\"TargetValue\": 10}}",
			 fleet, name);
		rig_expect_fault(rig_run(&rig, "PutScalingPolicy", input), FAULT_NONE);
	}
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_POLICY), 3);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"Name\": \"%s\"}", fleet, name);
	rig_expect_fault(rig_run(&rig, "DeleteScalingPolicy", input), FAULT_NONE);
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_POLICY), 2);
}
