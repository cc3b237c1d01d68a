/*
 * The host agent: starts game servers' processes on this machine and keeps as many of them running as a plan says. Knows processes, ports and files,
 * and nothing of fleets' sessions: who speaks with a process tells the agent when it shall end.
 *
 * A process has a session and a group of its own, an environment of its own, and a file that its output goes to, so that it does not depend on whoever started
 * it: another agent over the same folder takes it up again. Passive: everything happens in turn, on the caller's thread. Time is an argument.
 *
 *     RUNNING --> NOTICED (it was told) --> TERMINATED (SIGTERM) --> KILLED (SIGKILL)
 */
#ifndef RINGCAST_SERVICE_AGENT_AGENT_H
#define RINGCAST_SERVICE_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/agent/rights.h"

enum { AGENT_ID_BYTES = 64, AGENT_FLEET_BYTES = 129, AGENT_PROBLEM_BYTES = 320, AGENT_VARIABLES_MAX = 8, AGENT_VARIABLE_BYTES = 512 };

struct agent;

struct agent_environment {
	char variables[AGENT_VARIABLES_MAX][AGENT_VARIABLE_BYTES]; /* "NAME=value" */
	size_t count;
};

/* Of each process, by the system (setrlimit); 0: none, but for files and core. */
struct agent_limits {
	uint64_t memory_bytes_max; /* address space */
	uint64_t core_bytes_max;   /* 0: no core file */
	uint64_t file_bytes_max;   /* of any file that it writes, its output too; beyond it the system ends it */
	uint32_t files_max;	   /* open at once */
	uint32_t tasks_max;	   /* processes and threads of their user, all together; root is not bound */
};

struct agent_options {
	const char *folder; /* for state and output; borrowed; is there */
	uint16_t port_first;
	uint32_t port_count;
	uint32_t processes_max;
	uint64_t output_bytes_max; /* of a file; as much again of what came before */
	struct agent_limits limits;
	struct agent_user user; /* only root can set one */
	void *context;
	bool (*random)(void *out, size_t size);
	void (*environment)(void *context, const char *fleet, const char *id, struct agent_environment *environment);
	/* All from within turn, plan or stop; none may call the agent but stop from within notice, and has. */
	bool (*started)(void *context, const char *fleet, const char *id); /* false: nobody can know it; it is ended again */
	void (*exited)(void *context, const char *id, const char *how);
	void (*note)(void *context, const char *fleet, const char *code, const char *text); /* code: of the service API's fleet events */
	void (*notice)(void *context, const char *id); /* tell it to end; whoever can then says until when by stop */
	bool (*is_busy)(void *context, const char *id);
};

struct agent_entry {
	const char *launch_path; /* inside the folder */
	const char *parameters;	 /* words, double quotes around those with spaces; {port} is the port that the process is given */
	uint32_t count;
};

struct agent_plan {
	const char *fleet;
	const char *folder; /* absolute: of the build */
	const struct agent_entry *entries;
	size_t entry_count; /* 0: nothing runs any more */
};

/* Takes up what an agent over this folder has left: exited is told of what has ended meanwhile, in the first turn. NULL: problem. */
struct agent *ringcast_agent_create(const struct agent_options *options, char problem[AGENT_PROBLEM_BYTES]);
/* Processes go on for the next agent, or they are ended, within seconds. Accepts NULL inside, nulls. */
void ringcast_agent_destroy(struct agent **agent, bool leaves_processes);

/* Processes of another plan of the fleet are ended when they are idle. A plan that is the same changes nothing. False: out of memory. */
bool ringcast_agent_plan(struct agent *agent, const struct agent_plan *plan);
bool ringcast_agent_has(const struct agent *agent, const char *fleet, const char *id);
/* It was told to end and has until then, in the clock of turn; 0: it is killed at once. Of a process that is not there: nothing. */
void ringcast_agent_stop(struct agent *agent, const char *id, int64_t until_ms);
/* Every tenth of a second or so. */
void ringcast_agent_turn(struct agent *agent, int64_t now_ms);
/* The clock of turn has leapt by so much (below 0: back), and no process could do anything in that time: all deadlines go with it. */
void ringcast_agent_put_off(struct agent *agent, int64_t by_ms);
bool ringcast_agent_is_working(const struct agent *agent); /* there are processes, or some to be started */

#endif
