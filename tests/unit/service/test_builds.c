/* Builds: folders of this machine by name, and fleets of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "service/operations/runtime.h"

static enum fault fault_of(struct rig *rig, const char *operation, const char *input)
{
	struct request *request = rig_run(rig, operation, input);
	enum fault fault = request->fault;
	rig_free(request);
	return fault;
}

static char *new_build(struct rig *rig)
{
	struct request *request = rig_run(rig, "CreateBuild", "{\"Name\": \"g\", \"Version\": \"1\", \"StorageLocation\": {\"Bucket\": \"b\", \"Key\": \"game/1\"}}");
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	cr_assert_str_eq(rig_text(request, "Build.Status"), "READY");
	cr_assert_str_eq(rig_text(request, "Build.Folder"), "");
	char *id = strdup(rig_text(request, "Build.BuildId"));
	rig_free(request);
	return id;
}

Test(builds, one_is_made_of_a_folder_that_its_host_has)
{
	struct rig rig;
	rig_init(&rig, false);
	struct request *request = rig_ask(&rig, "CreateBuild", "{\"StorageLocation\": {\"Key\": \"nothing\"}}");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_LOOK_AT_BUILD);
	cr_assert_eq(call->host, MODEL_HOST_CUSTOM);
	cr_assert_str_eq(call->key, "nothing");
	rig_answer(&rig, call, HOST_NOT_FOUND);
	cr_assert_eq(request->fault, FAULT_INVALID);
	rig_free(request);
	char *id = new_build(&rig), input[256];
	snprintf(input, sizeof(input), "{\"BuildId\": \"%s\", \"Name\": \"h\"}", id);
	cr_assert_eq(fault_of(&rig, "UpdateBuild", input), FAULT_NONE);
	request = rig_run(&rig, "DescribeBuild", input);
	cr_assert_str_eq(rig_text(request, "Build.Name"), "h");
	cr_assert_str_eq(rig_text(request, "Build.Version"), "1");
	rig_free(request);
	request = rig_run(&rig, "ListBuilds", "{}");
	cr_assert_str_eq(rig_text(request, "Builds.0.BuildId"), id);
	rig_free(request);
	cr_assert_eq(fault_of(&rig, "DeleteBuild", input), FAULT_NONE);
	cr_assert_eq(fault_of(&rig, "DescribeBuild", input), FAULT_NOT_FOUND);
	free(id);
	rig_fini(&rig);
}

Test(builds, a_name_never_leads_out_of_the_folder_of_builds)
{
	static const char *const names[] = {"..", "a/../b", "/etc", "a//b", "a/", ".hidden", "a/.b"};
	struct rig rig;
	char input[256];
	rig_init(&rig, false);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(input, sizeof(input), "{\"StorageLocation\": {\"Key\": \"%s\"}}", names[i]);
		cr_assert_eq(fault_of(&rig, "CreateBuild", input), FAULT_INVALID, "%s", names[i]);
	}
	cr_assert_eq(fault_of(&rig, "CreateBuild", "{}"), FAULT_INVALID);
	cr_assert_eq(fault_of(&rig, "RequestUploadCredentials", "{\"BuildId\": \"build-1\"}"), FAULT_UNSUPPORTED);
	rig_fini(&rig);
}

Test(builds, a_fleet_of_one_says_what_to_run)
{
	struct rig rig;
	char input[512];
	rig_init(&rig, false);
	char *build = new_build(&rig);
	snprintf(input, sizeof(input), "{\"Name\": \"f\", \"BuildId\": \"%s\"}", build);
	cr_assert_eq(fault_of(&rig, "CreateFleet", input), FAULT_INVALID);
	snprintf(input, sizeof(input), "{\"Name\": \"f\", \"BuildId\": \"%s\", \"RuntimeConfiguration\": {\"ServerProcesses\": [{\"LaunchPath\": \"../x\", "
		 "\"ConcurrentExecutions\": 1}]}}", build);
	cr_assert_eq(fault_of(&rig, "CreateFleet", input), FAULT_INVALID);
	snprintf(input, sizeof(input), "{\"Name\": \"f\", \"BuildId\": \"%s\", \"RuntimeConfiguration\": {\"ServerProcesses\": [{\"LaunchPath\": \"/local/game/x\", "
		 "\"ConcurrentExecutions\": 2}]}}", build);
	struct request *request = rig_run(&rig, "CreateFleet", input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	char *fleet = strdup(rig_text(request, "FleetAttributes.FleetId"));
	rig_free(request);
	snprintf(input, sizeof(input), "{\"BuildId\": \"%s\"}", build);
	cr_assert_eq(fault_of(&rig, "DeleteBuild", input), FAULT_INVALID);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"}", fleet);
	request = rig_run(&rig, "ListCompute", input);
	cr_assert_str_eq(rig_text(request, "ComputeList.0.ComputeName"), "here");
	rig_free(request);
	request = rig_run(&rig, "DescribeInstances", input);
	cr_assert_str_eq(rig_text(request, "Instances.0.InstanceId"), "here");
	rig_free(request);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"ComputeName\": \"c\", \"IpAddress\": \"10.0.0.1\"}", fleet);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", input), FAULT_INVALID);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"RuntimeConfiguration\": {\"ServerProcesses\": [{\"LaunchPath\": \"/bin/sh\", "
		 "\"ConcurrentExecutions\": 1}]}}", fleet);
	cr_assert_eq(fault_of(&rig, "UpdateRuntimeConfiguration", input), FAULT_INVALID);
	free(fleet);
	free(build);
	rig_fini(&rig);
}

Test(builds, launch_paths_are_inside_the_build)
{
	cr_assert_str_eq(ringcast_runtime_launch_path("/local/game/bin/server"), "bin/server");
	cr_assert_str_eq(ringcast_runtime_launch_path("server..x"), "server..x");
	cr_assert_null(ringcast_runtime_launch_path("/usr/bin/server"));
	cr_assert_null(ringcast_runtime_launch_path("a/../../server"));
	cr_assert_null(ringcast_runtime_launch_path("/local/game/"));
}
