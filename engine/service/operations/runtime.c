#include "service/operations/runtime.h"

#include <stdio.h>
#include <string.h>

enum { EXECUTIONS_MAX = 200 };

bool ringcast_fleet_has_build(const json_t *fleet)
{
	return json_object_get(fleet, "BuildId") != NULL;
}

bool ringcast_fleet_is_custom(const json_t *fleet)
{
	const char *type = json_string_value(json_object_get(fleet, "ComputeType"));
	return ringcast_fleet_has_build(fleet) || (type != NULL && strcmp(type, "ANYWHERE") == 0 && json_object_get(fleet, "ScriptId") == NULL);
}

const char *ringcast_runtime_launch_path(const char *path)
{
	static const char home[] = "/local/game/";
	if (strncmp(path, home, sizeof(home) - 1) == 0)
		path += sizeof(home) - 1;
	if (*path == '/' || *path == '\0')
		return NULL;
	for (const char *part = path; part != NULL; part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL)
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return NULL;
	return path;
}

bool ringcast_runtime_is_right(struct request *request, const json_t *configuration)
{
	const json_t *processes = json_object_get(configuration, "ServerProcesses");
	json_int_t count = 0;
	size_t i;
	json_t *process;
	json_array_foreach(processes, i, process) {
		if (ringcast_runtime_launch_path(json_string_value(json_object_get(process, "LaunchPath"))) == NULL) {
			ringcast_request_refuse(request, FAULT_INVALID, "RuntimeConfiguration.ServerProcesses[%zu].LaunchPath: must be a path inside the build, "
						"such as bin/server or /local/game/bin/server", i);
			return false;
		}
		count += json_integer_value(json_object_get(process, "ConcurrentExecutions"));
	}
	if (count >= 1 && count <= EXECUTIONS_MAX)
		return true;
	ringcast_request_refuse(request, FAULT_INVALID, "RuntimeConfiguration.ServerProcesses: ConcurrentExecutions together must be 1 to %d", EXECUTIONS_MAX);
	return false;
}
