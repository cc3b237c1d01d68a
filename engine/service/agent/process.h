/* One process of the agent's: started in a session and a group of its own, looked after, signalled; its state file and its output. */
#ifndef RINGCAST_SERVICE_AGENT_PROCESS_H
#define RINGCAST_SERVICE_AGENT_PROCESS_H

#include <sys/types.h>

#include "base/list.h"
#include "service/agent/agent.h"

enum agent_stage { AGENT_RUNNING, AGENT_NOTICED, AGENT_TERMINATED, AGENT_KILLED };

enum { AGENT_PATH_BYTES = 1024, AGENT_HOW_BYTES = 96 };

struct agent_process {
	struct list_node node;
	char id[AGENT_ID_BYTES], fleet[AGENT_FLEET_BYTES];
	uint64_t plan; /* digest of the plan it was started by */
	uint32_t entry;
	pid_t pid;
	uint64_t start_ticks; /* of the kernel: tells it from another process of the same number */
	bool is_child;
	uint16_t port;
	int64_t started_ms, deadline_ms; /* deadline_ms: of the stage it is in */
	enum agent_stage stage;
};

struct agent_launch {
	const char *folder, *launch_path, *parameters;
	const struct agent_environment *environment;
	const struct agent_limits *limits;
	const struct agent_user *user;
	const char *output; /* path of the file that output goes to */
};

/* Fills in pid and start_ticks. 0, or the errno of what failed. */
int ringcast_agent_process_start(struct agent_process *process, const struct agent_launch *launch);
/* True: it has ended, and how says so; *ret_is_clean: with status 0. Once, for a child. */
bool ringcast_agent_process_has_ended(struct agent_process *process, char ret_how[AGENT_HOW_BYTES], bool *ret_is_clean);
void ringcast_agent_process_signal(const struct agent_process *process, int number); /* its whole group */

/* False: could not be written. path: of the file. */
bool ringcast_agent_process_save(const struct agent_process *process, const char *path);
struct agent_process *ringcast_agent_process_load(const char *path, const char *id); /* NULL: not what save wrote, or of before a reboot */

/* Keeps a file within its bound: what is too much becomes path.1. */
void ringcast_agent_output_rotate(const char *path, uint64_t bytes_max);
/* Removes outputs of a folder but the newest count, and those that keeps says (by name) are still written. */
void ringcast_agent_output_prune(const char *folder, size_t count, bool (*keeps)(void *context, const char *name), void *context);

#endif
