#include "service/agent/agent.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/log.h"
#include "service/agent/process.h"
#include "service/agent/stray.h"

enum { BACK_OFF_MS = 1000, BACK_OFF_MAX_MS = 60000, SETTLED_MS = 60000, CRASH_LOOP_COUNT = 5 };
enum { TERMINATE_MS = 10000, OUTPUTS_KEPT = 40, LEAVE_MS = 3000, NOTICE_MS = 300000 };

struct kept_entry {
	char *launch_path, *parameters;
	uint32_t count;
	uint32_t failures;     /* ends in a row that nobody had asked for */
	int64_t next_start_ms;
};

struct kept_plan {
	struct list_node node;
	char fleet[AGENT_FLEET_BYTES];
	char *folder;
	struct kept_entry *entries;
	size_t entry_count;
	uint64_t digest;
};

/* After its end what it has left is looked for a few times more: what forks all the time can outrun a look. */
enum { HAUNTS_MAX = 64, HAUNT_LOOKS = 3, HAUNT_MS = 1000, HAUNT_LOOKS_MAX = 60 };

struct haunt {
	char id[AGENT_ID_BYTES], fleet[AGENT_FLEET_BYTES];
	int looks_left; /* that find nothing */
	int looks;
	int64_t next_ms;
};

struct agent {
	struct agent_options options;
	struct haunt haunts[HAUNTS_MAX];
	size_t haunt_count;
	struct list_node processes, plans;
	size_t process_count;
	uint32_t next_port;
	int64_t now_ms;
};

/* Files */

static void state_path(const struct agent *agent, const char *id, char ret_path[AGENT_PATH_BYTES])
{
	snprintf(ret_path, AGENT_PATH_BYTES, "%s/processes/%s", agent->options.folder, id);
}

static void output_folder(const struct agent *agent, const char *fleet, char ret_path[AGENT_PATH_BYTES])
{
	snprintf(ret_path, AGENT_PATH_BYTES, "%s/output/%s", agent->options.folder, fleet);
}

static void output_path(const struct agent *agent, const struct agent_process *process, char ret_path[AGENT_PATH_BYTES])
{
	snprintf(ret_path, AGENT_PATH_BYTES, "%s/output/%s/%s.log", agent->options.folder, process->fleet, process->id);
}

static struct agent_process *find(const struct agent *agent, const char *id)
{
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next) {
		struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		if (strcmp(process->id, id) == 0)
			return process;
	}
	return NULL;
}

static bool is_written(void *context, const char *name)
{
	char id[AGENT_ID_BYTES];
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(name, "."), name);
	return find(context, id) != NULL;
}

/* Plans */

static void plan_free(struct kept_plan *plan)
{
	for (size_t i = 0; i < plan->entry_count; i++) {
		free(plan->entries[i].launch_path);
		free(plan->entries[i].parameters);
	}
	free(plan->entries);
	free(plan->folder);
	free(plan);
}

static struct kept_plan *plan_of(const struct agent *agent, const char *fleet)
{
	for (struct list_node *node = agent->plans.next; node != &agent->plans; node = node->next) {
		struct kept_plan *plan = CONTAINER_OF(node, struct kept_plan, node);
		if (strcmp(plan->fleet, fleet) == 0)
			return plan;
	}
	return NULL;
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
	return ringcast_hash_bytes(text, strlen(text) + 1, seed);
}

/* Not of the counts: more or fewer of the same need no new processes. */
static uint64_t digest_of(const struct agent_plan *plan)
{
	uint64_t digest = hash_text(plan->folder, 1);
	for (size_t i = 0; i < plan->entry_count; i++)
		digest = hash_text(plan->entries[i].parameters, hash_text(plan->entries[i].launch_path, digest));
	return digest;
}

static struct kept_plan *plan_new(const struct agent_plan *plan)
{
	struct kept_plan *kept = calloc(1, sizeof(*kept));
	if (kept == NULL)
		return NULL;
	snprintf(kept->fleet, sizeof(kept->fleet), "%s", plan->fleet);
	kept->digest = digest_of(plan);
	kept->folder = strdup(plan->folder);
	kept->entries = calloc(plan->entry_count, sizeof(*kept->entries));
	bool is_whole = kept->folder != NULL && kept->entries != NULL;
	for (size_t i = 0; is_whole && i < plan->entry_count; i++) {
		struct kept_entry *entry = &kept->entries[kept->entry_count++];
		*entry = (struct kept_entry){strdup(plan->entries[i].launch_path), strdup(plan->entries[i].parameters), plan->entries[i].count};
		is_whole = entry->launch_path != NULL && entry->parameters != NULL;
	}
	if (is_whole)
		return kept;
	plan_free(kept);
	return NULL;
}

/* What has failed before is tried at once with a new plan, and not with the same one. */
static void keep_failures(struct kept_plan *plan, const struct kept_plan *before)
{
	if (before->digest != plan->digest)
		return;
	for (size_t i = 0; i < plan->entry_count; i++) {
		plan->entries[i].failures = before->entries[i].failures;
		plan->entries[i].next_start_ms = before->entries[i].next_start_ms;
	}
}

bool ringcast_agent_plan(struct agent *agent, const struct agent_plan *plan)
{
	struct kept_plan *before = plan_of(agent, plan->fleet), *kept = NULL;
	char folder[AGENT_PATH_BYTES];
	if (plan->entry_count > 0 && (kept = plan_new(plan)) == NULL)
		return false;
	if (before != NULL) {
		if (kept != NULL)
			keep_failures(kept, before);
		ringcast_list_remove(&before->node);
		plan_free(before);
	}
	if (kept == NULL)
		return true;
	output_folder(agent, plan->fleet, folder);
	if (mkdir(folder, 0750) != 0 && errno != EEXIST)
		ringcast_log(LOG_WARN, "agent", "there is no place for output of game servers", "folder=\"%s\" err=\"%s\"", folder, strerror(errno));
	ringcast_list_add_tail(&agent->plans, &kept->node);
	return true;
}

static struct kept_entry *entry_of(const struct agent *agent, const struct agent_process *process)
{
	struct kept_plan *plan = plan_of(agent, process->fleet);
	return plan != NULL && plan->digest == process->plan && process->entry < plan->entry_count ? &plan->entries[process->entry] : NULL;
}

/* Failures */

static void note_failure(struct agent *agent, const char *fleet, struct kept_entry *entry, const char *what)
{
	char text[256];
	int64_t wait_ms = BACK_OFF_MS << (entry->failures < 6 ? entry->failures : 6);
	entry->failures++;
	wait_ms = wait_ms < BACK_OFF_MAX_MS ? wait_ms : BACK_OFF_MAX_MS;
	entry->next_start_ms = agent->now_ms + wait_ms;
	if (entry->failures % CRASH_LOOP_COUNT != 0)
		return;
	snprintf(text, sizeof(text), "crash loop: %.60s has ended %u times in a row without being asked to (%.90s); the next start is in %d s",
		 entry->launch_path, entry->failures, what, (int)(wait_ms / 1000));
	agent->options.note(agent->options.context, fleet, "SERVER_PROCESS_CRASHED", text);
}

/* Ends */

static void forget(struct agent *agent, struct agent_process *process)
{
	char path[AGENT_PATH_BYTES];
	state_path(agent, process->id, path);
	unlink(path);
	ringcast_list_remove(&process->node);
	agent->process_count--;
	output_folder(agent, process->fleet, path);
	free(process);
	ringcast_agent_output_prune(path, OUTPUTS_KEPT, is_written, agent);
}

/* True: there was something. */
static bool end_strays(struct agent *agent, const char *fleet, const char *id, pid_t leader)
{
	size_t count = ringcast_agent_strays_kill(id, leader);
	if (count == 0)
		return false;
	ringcast_log(LOG_WARN, "agent", "a game server has left processes behind; they are killed", "process=%s fleet=%s count=%zu", id, fleet, count);
	agent->options.note(agent->options.context, fleet, "SERVER_PROCESS_FORCE_TERMINATED", "a game server left processes behind, which were killed");
	return true;
}

/* The oldest gives its place up. */
static void haunt(struct agent *agent, const struct agent_process *process)
{
	if (agent->haunt_count == HAUNTS_MAX)
		memmove(&agent->haunts[0], &agent->haunts[1], --agent->haunt_count * sizeof(agent->haunts[0]));
	struct haunt *added = &agent->haunts[agent->haunt_count++];
	*added = (struct haunt){.looks_left = HAUNT_LOOKS, .next_ms = agent->now_ms + HAUNT_MS};
	snprintf(added->id, sizeof(added->id), "%s", process->id);
	snprintf(added->fleet, sizeof(added->fleet), "%s", process->fleet);
}

static void look_for_strays(struct agent *agent)
{
	size_t kept = 0;
	for (size_t i = 0; i < agent->haunt_count; i++) {
		struct haunt *haunt = &agent->haunts[i];
		if (haunt->next_ms <= agent->now_ms) {
			haunt->next_ms = agent->now_ms + HAUNT_MS;
			haunt->looks++;
			haunt->looks_left = end_strays(agent, haunt->fleet, haunt->id, 0) ? HAUNT_LOOKS : haunt->looks_left - 1;
		}
		if (haunt->looks_left > 0 && haunt->looks < HAUNT_LOOKS_MAX)
			agent->haunts[kept++] = *haunt;
	}
	agent->haunt_count = kept;
}

static void ended(struct agent *agent, struct agent_process *process, const char *how)
{
	struct kept_entry *entry = entry_of(agent, process);
	char text[256];
	bool is_asked = process->stage != AGENT_RUNNING;
	ringcast_log(is_asked ? LOG_INFO : LOG_WARN, "agent", "a game server has ended", "process=%s fleet=%s pid=%d asked=%s how=\"%s\"", process->id,
		     process->fleet, (int)process->pid, is_asked ? "true" : "false", how);
	ringcast_agent_process_signal(process, SIGKILL); /* what is left of its group */
	end_strays(agent, process->fleet, process->id, process->is_child ? process->pid : 0);
	haunt(agent, process);
	agent->options.exited(agent->options.context, process->id, how);
	if (!is_asked) {
		snprintf(text, sizeof(text), "a game server ended without being asked to: %s; its output is in %s.log", how, process->id);
		agent->options.note(agent->options.context, process->fleet, "SERVER_PROCESS_CRASHED", text);
		if (entry != NULL && agent->now_ms - process->started_ms >= SETTLED_MS)
			entry->failures = 0;
		if (entry != NULL)
			note_failure(agent, process->fleet, entry, how);
	} else if (entry != NULL && agent->now_ms - process->started_ms < BACK_OFF_MS) {
		entry->next_start_ms = agent->now_ms + BACK_OFF_MS; /* one that ends at once must not be started without a pause */
	}
	forget(agent, process);
}

static void next_stage(struct agent *agent, struct agent_process *process)
{
	bool is_term = process->stage == AGENT_NOTICED;
	process->stage = is_term ? AGENT_TERMINATED : AGENT_KILLED;
	process->deadline_ms = agent->now_ms + TERMINATE_MS;
	ringcast_agent_process_signal(process, is_term ? SIGTERM : SIGKILL);
	if (!is_term)
		agent->options.note(agent->options.context, process->fleet, "SERVER_PROCESS_FORCE_TERMINATED", "a game server did not end in time and was killed");
}

void ringcast_agent_stop(struct agent *agent, const char *id, int64_t until_ms)
{
	struct agent_process *process = find(agent, id);
	if (process == NULL || process->stage == AGENT_KILLED)
		return;
	if (until_ms == 0) {
		process->stage = AGENT_KILLED;
		process->deadline_ms = agent->now_ms + TERMINATE_MS;
		ringcast_agent_process_signal(process, SIGKILL);
	} else if (process->stage == AGENT_RUNNING || (process->stage == AGENT_NOTICED && until_ms < process->deadline_ms)) {
		process->stage = AGENT_NOTICED;
		process->deadline_ms = until_ms;
	}
}

static void ask_to_end(struct agent *agent, struct agent_process *process)
{
	process->stage = AGENT_NOTICED;
	process->deadline_ms = agent->now_ms + NOTICE_MS;
	agent->options.notice(agent->options.context, process->id);
}

static void look_after(struct agent *agent)
{
	struct list_node *next;
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = next) {
		struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		char how[AGENT_HOW_BYTES];
		bool is_clean;
		next = node->next;
		if (ringcast_agent_process_has_ended(process, how, &is_clean))
			ended(agent, process, how);
		else if (process->stage != AGENT_RUNNING && process->deadline_ms <= agent->now_ms)
			next_stage(agent, process);
		else if (process->stage == AGENT_RUNNING && entry_of(agent, process) == NULL && !agent->options.is_busy(agent->options.context, process->id))
			ask_to_end(agent, process); /* of another plan, or of none any more */
	}
}

/* Starts */

static bool is_free_for(int type, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	bool is_free = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return is_free;
}

static bool is_handed_out(const struct agent *agent, uint16_t port)
{
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next)
		if (CONTAINER_OF(node, struct agent_process, node)->port == port)
			return true;
	return false;
}

/* One that nobody has, neither of ours nor another program; 0: there is none. */
static uint16_t take_port(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->options.port_count; i++) {
		uint32_t port = agent->options.port_first + agent->next_port++ % agent->options.port_count;
		if (port <= UINT16_MAX && !is_handed_out(agent, (uint16_t)port) && is_free_for(SOCK_STREAM, (uint16_t)port) &&
		    is_free_for(SOCK_DGRAM, (uint16_t)port))
			return (uint16_t)port;
	}
	return 0;
}

static struct agent_process *process_new(struct agent *agent, const struct kept_plan *plan, uint32_t entry)
{
	uint8_t bytes[HEX_UUID_BYTES];
	struct agent_process *process = calloc(1, sizeof(*process));
	if (process == NULL || !agent->options.random(bytes, sizeof(bytes))) {
		free(process);
		return NULL;
	}
	snprintf(process->id, sizeof(process->id), "process-");
	ringcast_hex_write_uuid(bytes, process->id + strlen(process->id));
	snprintf(process->fleet, sizeof(process->fleet), "%s", plan->fleet);
	process->plan = plan->digest;
	process->entry = entry;
	process->started_ms = agent->now_ms;
	process->port = take_port(agent);
	return process;
}

static int launch(struct agent *agent, struct agent_process *process, const struct kept_plan *plan)
{
	struct agent_environment environment = {.count = 0};
	char output[AGENT_PATH_BYTES];
	const struct kept_entry *entry = &plan->entries[process->entry];
	output_path(agent, process, output);
	agent->options.environment(agent->options.context, process->fleet, process->id, &environment);
	const struct agent_launch started = {.folder = plan->folder, .launch_path = entry->launch_path, .parameters = entry->parameters,
					     .environment = &environment, .limits = &agent->options.limits, .user = &agent->options.user, .output = output};
	return ringcast_agent_process_start(process, &started);
}

static void adopt(struct agent *agent, struct agent_process *process)
{
	ringcast_list_add_tail(&agent->processes, &process->node);
	agent->process_count++;
}

static void started(struct agent *agent, struct agent_process *process, const char *launch_path)
{
	char path[AGENT_PATH_BYTES];
	adopt(agent, process);
	state_path(agent, process->id, path);
	if (!ringcast_agent_process_save(process, path))
		ringcast_log(LOG_WARN, "agent", "a game server will not be found again after a restart", "file=\"%s\" err=\"%s\"", path, strerror(errno));
	ringcast_log(LOG_INFO, "agent", "a game server starts", "process=%s fleet=%s pid=%d port=%u program=\"%s\"", process->id, process->fleet,
		     (int)process->pid, process->port, launch_path);
	if (!agent->options.started(agent->options.context, process->fleet, process->id))
		ringcast_agent_stop(agent, process->id, 0);
}

static void start(struct agent *agent, struct kept_plan *plan, uint32_t index)
{
	struct kept_entry *entry = &plan->entries[index];
	struct agent_process *process = process_new(agent, plan, index);
	char text[256] = "out of memory, or no random numbers";
	int problem = process == NULL ? ENOMEM : process->port == 0 ? EADDRINUSE : launch(agent, process, plan);
	if (problem == 0) {
		started(agent, process, entry->launch_path);
		return;
	}
	free(process);
	snprintf(text, sizeof(text), "%.100s does not start: %s", entry->launch_path,
		 problem == EADDRINUSE ? "no port is free (service.server_port_first, service.server_port_count)" : strerror(problem));
	agent->options.note(agent->options.context, plan->fleet, problem == ENOENT || problem == EACCES || problem == ENOTDIR ? "SERVER_PROCESS_INVALID_PATH"
																: "SERVER_PROCESS_CRASHED", text);
	note_failure(agent, plan->fleet, entry, strerror(problem));
}

/* How many run, and how many of them could go. */
static uint32_t count_running(const struct agent *agent, const struct kept_entry *entry)
{
	uint32_t count = 0;
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next) {
		const struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		count += process->stage == AGENT_RUNNING && entry_of(agent, process) == entry;
	}
	return count;
}

static void shrink(struct agent *agent, const struct kept_entry *entry, uint32_t surplus)
{
	for (struct list_node *node = agent->processes.next; node != &agent->processes && surplus > 0; node = node->next) {
		struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		if (process->stage != AGENT_RUNNING || entry_of(agent, process) != entry || agent->options.is_busy(agent->options.context, process->id))
			continue;
		ask_to_end(agent, process);
		surplus--;
	}
}

/* One start a turn and entry, so that a hundred processes do not begin at once. */
static void keep_running(struct agent *agent, struct kept_plan *plan)
{
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		struct kept_entry *entry = &plan->entries[i];
		uint32_t running = count_running(agent, entry);
		if (running > entry->count)
			shrink(agent, entry, running - entry->count);
		else if (running < entry->count && entry->next_start_ms <= agent->now_ms && agent->process_count < agent->options.processes_max)
			start(agent, plan, i);
	}
}

static void rotate(struct agent *agent)
{
	char path[AGENT_PATH_BYTES];
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next) {
		output_path(agent, CONTAINER_OF(node, struct agent_process, node), path);
		ringcast_agent_output_rotate(path, agent->options.output_bytes_max);
	}
}

void ringcast_agent_turn(struct agent *agent, int64_t now_ms)
{
	agent->now_ms = now_ms;
	look_after(agent);
	for (struct list_node *node = agent->plans.next; node != &agent->plans; node = node->next)
		keep_running(agent, CONTAINER_OF(node, struct kept_plan, node));
	look_for_strays(agent);
	rotate(agent);
}

void ringcast_agent_put_off(struct agent *agent, int64_t by_ms)
{
	agent->now_ms += by_ms;
	for (size_t i = 0; i < agent->haunt_count; i++)
		agent->haunts[i].next_ms += by_ms;
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next) {
		struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		process->started_ms += by_ms;
		process->deadline_ms += by_ms;
	}
	for (struct list_node *node = agent->plans.next; node != &agent->plans; node = node->next) {
		struct kept_plan *plan = CONTAINER_OF(node, struct kept_plan, node);
		for (size_t i = 0; i < plan->entry_count; i++)
			plan->entries[i].next_start_ms += by_ms;
	}
}

bool ringcast_agent_has(const struct agent *agent, const char *fleet, const char *id)
{
	const struct agent_process *process = find(agent, id);
	return process != NULL && strcmp(process->fleet, fleet) == 0;
}

bool ringcast_agent_is_working(const struct agent *agent)
{
	return agent->process_count > 0 || !ringcast_list_is_empty(&agent->plans);
}

/* Life */

static bool make_folders(const struct agent *agent, char problem[AGENT_PROBLEM_BYTES])
{
	static const char *const names[] = {"processes", "output"};
	char path[AGENT_PATH_BYTES];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", agent->options.folder, names[i]);
		if (mkdir(path, 0750) == 0 || errno == EEXIST)
			continue;
		snprintf(problem, AGENT_PROBLEM_BYTES, "service.servers: %.200s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

/* A file that is no process of this boot is of no use to anybody. */
static void take_up(struct agent *agent)
{
	char path[AGENT_PATH_BYTES];
	snprintf(path, sizeof(path), "%s/processes", agent->options.folder);
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		state_path(agent, entry->d_name, path);
		struct agent_process *process = ringcast_agent_process_load(path, entry->d_name);
		if (process != NULL)
			adopt(agent, process);
		else
			unlink(path);
	}
	if (directory != NULL)
		closedir(directory);
}

struct agent *ringcast_agent_create(const struct agent_options *options, char problem[AGENT_PROBLEM_BYTES])
{
	struct agent *agent = calloc(1, sizeof(*agent));
	if (agent == NULL) {
		snprintf(problem, AGENT_PROBLEM_BYTES, "no memory for the agent of game servers");
		return NULL;
	}
	agent->options = *options;
	ringcast_list_init(&agent->processes);
	ringcast_list_init(&agent->plans);
	if (make_folders(agent, problem)) {
		take_up(agent);
		return agent;
	}
	free(agent);
	return NULL;
}

static void signal_all(struct agent *agent, int number)
{
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = node->next)
		ringcast_agent_process_signal(CONTAINER_OF(node, struct agent_process, node), number);
}

/* True: none is left. */
static bool reap(struct agent *agent)
{
	struct list_node *next;
	for (struct list_node *node = agent->processes.next; node != &agent->processes; node = next) {
		struct agent_process *process = CONTAINER_OF(node, struct agent_process, node);
		char how[AGENT_HOW_BYTES];
		bool is_clean;
		next = node->next;
		if (!ringcast_agent_process_has_ended(process, how, &is_clean))
			continue;
		ringcast_agent_process_signal(process, SIGKILL);
		end_strays(agent, process->fleet, process->id, process->is_child ? process->pid : 0);
		forget(agent, process);
	}
	return ringcast_list_is_empty(&agent->processes);
}

static void end_all(struct agent *agent)
{
	const struct timespec pause = {0, 20000000};
	signal_all(agent, SIGTERM);
	for (int i = 0; i < LEAVE_MS / 20 && !reap(agent); i++)
		nanosleep(&pause, NULL);
	signal_all(agent, SIGKILL);
	for (int i = 0; i < LEAVE_MS / 20 && !reap(agent); i++)
		nanosleep(&pause, NULL);
}

void ringcast_agent_destroy(struct agent **agent, bool leaves_processes)
{
	struct agent *old = *agent;
	if (old == NULL)
		return;
	if (!leaves_processes)
		end_all(old);
	while (!ringcast_list_is_empty(&old->processes)) {
		struct agent_process *process = CONTAINER_OF(old->processes.next, struct agent_process, node);
		ringcast_list_remove(&process->node);
		free(process);
	}
	while (!ringcast_list_is_empty(&old->plans)) {
		struct kept_plan *plan = CONTAINER_OF(old->plans.next, struct kept_plan, node);
		ringcast_list_remove(&plan->node);
		plan_free(plan);
	}
	free(old);
	*agent = NULL;
}
