#include "service/hosts/server_sdk/own.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "service/hosts/server_sdk/builds.h"

enum { ENTRIES_MAX = 50 };

/* What the agent asks */

static void put_variable(struct agent_environment *environment, const char *name, const char *value)
{
	snprintf(environment->variables[environment->count++], AGENT_VARIABLE_BYTES, "%s=%s", name, value);
}

static void environment_of(void *context, const char *fleet, const char *id, struct agent_environment *environment)
{
	const struct own *own = context;
	char token[COMPUTE_TOKEN_BYTES];
	ringcast_sdk_core_token(own->core, fleet, own->options->compute_name, token);
	put_variable(environment, "GAMELIFT_SDK_WEBSOCKET_URL", own->options->endpoint);
	put_variable(environment, "GAMELIFT_SDK_AUTH_TOKEN", token);
	put_variable(environment, "GAMELIFT_SDK_PROCESS_ID", id);
	put_variable(environment, "GAMELIFT_SDK_HOST_ID", own->options->compute_name);
	put_variable(environment, "GAMELIFT_SDK_FLEET_ID", fleet);
}

static bool started(void *context, const char *fleet, const char *id)
{
	return ringcast_sdk_core_started(((struct own *)context)->core, fleet, id);
}

static void exited(void *context, const char *id, const char *how)
{
	ringcast_sdk_core_exited(((struct own *)context)->core, id, how);
}

static void note(void *context, const char *fleet, const char *code, const char *text)
{
	ringcast_sdk_core_note(((struct own *)context)->core, fleet, code, text);
}

static void notice(void *context, const char *id)
{
	ringcast_sdk_core_wind_down(((struct own *)context)->core, id);
}

static bool is_busy(void *context, const char *id)
{
	return ringcast_sdk_core_is_busy(((struct own *)context)->core, id);
}

/* Plans */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* "/local/game/" is where the vendor puts builds; the operation has seen to it that no path leads out. */
static const char *inside(const char *path)
{
	static const char home[] = "/local/game/";
	return strncmp(path, home, sizeof(home) - 1) == 0 ? path + sizeof(home) - 1 : path;
}

void ringcast_own_plan(struct own *own, const char *fleet_id, const char *folder, const json_t *runtime)
{
	struct agent_entry entries[ENTRIES_MAX];
	struct agent_plan plan = {.fleet = fleet_id, .entries = entries};
	char path[OWN_PATH_BYTES];
	size_t i;
	json_t *process;
	bool is_unpacked = folder != NULL && strncmp(folder, BUILDS_UNPACKED, strlen(BUILDS_UNPACKED)) == 0;
	const char *base = is_unpacked ? own->unpacked : own->builds;
	if (folder != NULL && base != NULL && snprintf(path, sizeof(path), "%s/%s", base, is_unpacked ? folder + strlen(BUILDS_UNPACKED) : folder) < (int)sizeof(path))
		json_array_foreach(json_object_get(runtime, "ServerProcesses"), i, process)
			if (plan.entry_count < ENTRIES_MAX)
				entries[plan.entry_count++] = (struct agent_entry){inside(text_of(process, "LaunchPath")), text_of(process, "Parameters"),
										   (uint32_t)json_integer_value(json_object_get(process, "ConcurrentExecutions"))};
	plan.folder = path;
	if (own->agent != NULL && !ringcast_agent_plan(own->agent, &plan))
		ringcast_log(LOG_ERROR, "service", "what a fleet shall run is not taken: out of memory", "fleet=%s", fleet_id);
}

/* Life */

/* visitor: may go through it to what is for it; a folder that was there is its owner's to open. */
static bool make_folder(const char *path, const struct agent_user *visitor, char problem[HOST_SDK_PROBLEM_BYTES])
{
	if (mkdir(path, 0750) == 0)
		errno = ringcast_agent_rights_share(visitor, path, false);
	if (errno == 0 || errno == EEXIST)
		return true;
	snprintf(problem, HOST_SDK_PROBLEM_BYTES, "service.servers: %.200s: %s", path, strerror(errno));
	return false;
}

static bool make_folders(struct own *own, char problem[HOST_SDK_PROBLEM_BYTES])
{
	static const struct agent_user nobody = {.is_set = false};
	const char *base = getenv("TMPDIR");
	own->is_temporary = own->options->servers == NULL;
	if (own->is_temporary) {
		snprintf(own->folder, sizeof(own->folder), "%.900s/ringcast-servers-XXXXXX", base != NULL ? base : "/tmp");
		if (mkdtemp(own->folder) == NULL) {
			snprintf(problem, HOST_SDK_PROBLEM_BYTES, "a folder for game servers, %.200s: %s", own->folder, strerror(errno));
			own->folder[0] = '\0';
			return false;
		}
	} else {
		snprintf(own->folder, sizeof(own->folder), "%.900s", own->options->servers);
	}
	snprintf(own->sessions, sizeof(own->sessions), "%.1000s/sessions", own->folder);
	return make_folder(own->folder, &own->options->user, problem) && make_folder(own->sessions, &nobody, problem);
}

/* Absolute, since a process begins in the folder of its build. */
static bool find_builds(struct own *own, char problem[HOST_SDK_PROBLEM_BYTES])
{
	struct stat found = {0};
	if (own->options->builds == NULL)
		return true;
	own->builds = realpath(own->options->builds, NULL);
	if (own->builds != NULL && stat(own->builds, &found) == 0 && S_ISDIR(found.st_mode))
		return true;
	snprintf(problem, HOST_SDK_PROBLEM_BYTES, "service.builds: %.200s: %s", own->options->builds, own->builds == NULL ? strerror(errno) : "is not a folder");
	return false;
}

/* Only what outlives the daemon, as the records of builds do. Absolute, as are builds. */
static bool find_unpacked(struct own *own, char problem[HOST_SDK_PROBLEM_BYTES])
{
	char *folder = own->is_temporary ? NULL : realpath(own->folder, NULL);
	if (folder == NULL)
		return true;
	bool is_whole = asprintf(&own->unpacked, "%s/builds", folder) >= 0;
	free(folder);
	if (!is_whole) {
		own->unpacked = NULL;
		snprintf(problem, HOST_SDK_PROBLEM_BYTES, "no memory for custom game servers");
	}
	return is_whole;
}

bool ringcast_own_init(struct own *own, const struct host_sdk_options *options, struct sdk_core *core, char problem[HOST_SDK_PROBLEM_BYTES])
{
	*own = (struct own){.options = options, .core = core};
	if (options->builds == NULL && options->servers == NULL)
		return true;
	if (!find_builds(own, problem) || !make_folders(own, problem) || !find_unpacked(own, problem))
		return false;
	const struct agent_options agent = {
		.folder = own->folder,
		.port_first = options->port_first,
		.port_count = options->port_count,
		.processes_max = options->processes_max,
		.output_bytes_max = options->output_bytes_max,
		.limits = options->limits,
		.user = options->user,
		.context = own,
		.random = options->random,
		.environment = environment_of,
		.started = started,
		.exited = exited,
		.note = note,
		.notice = notice,
		.is_busy = is_busy,
	};
	own->agent = ringcast_agent_create(&agent, problem);
	return own->agent != NULL;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	return remove(path);
}

void ringcast_own_fini(struct own *own)
{
	ringcast_agent_destroy(&own->agent, own->options != NULL && own->options->keeps_processes);
	if (own->is_temporary && own->folder[0] != '\0' && nftw(own->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		ringcast_log(LOG_WARN, "service", "a folder of game servers stays behind", "folder=\"%s\" err=\"%s\"", own->folder, strerror(errno));
	own->folder[0] = '\0';
	free(own->builds);
	free(own->unpacked);
	own->builds = own->unpacked = NULL;
}
