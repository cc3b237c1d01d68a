/*
 * The Node processes of the sidecar, for the thread that looks after them: start one, wait for its end, kill it, and how long to wait
 * before the next try. Blocking calls, so never a shard's. The process finds its channel as descriptor 3 and ends by itself when that is
 * closed.
 */
#ifndef RINGCAST_SCRIPTING_SIDECAR_PROCESS_H
#define RINGCAST_SCRIPTING_SIDECAR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is taken away from the processes that run scripts, by a program that becomes theirs (confine.c). Borrowed strings. */
struct sidecar_confinement {
	bool is_off;
	const char *program;       /* NULL: $RINGCAST_CONFINE, else the installed one */
	const char *user;          /* whom they run as when we are root; NULL: nobody */
	const char *connect_ports; /* TCP ports they may connect to, blank-separated, or "any"; NULL: 443 */
	const char *read_paths;    /* what they may read besides themselves and the system's libraries, blank-separated; NULL: nothing */
	const char *environment;   /* variables that they see besides the usual, blank-separated; NULL: none */
	uint64_t memory_bytes;     /* private memory of a process; 0: no bound */
	const char *scripts[2];    /* folders below which scripts lie; NULL: none */
	const char *temporary;     /* the only folder that they may write to; NULL: none */
};

struct sidecar_process_options {
	const char *node;    /* program; NULL: "node", looked for in PATH */
	const char *script;  /* the sidecar's main file; NULL: see ringcast_sidecar_process_script */
	const char *inspect; /* "127.0.0.1:9229" or a port; debuggers may attach there. NULL or "": $RINGCAST_INSPECT, if set */
	int niceness;        /* 0: like the engine */
	uint32_t idle_workers; /* kept warm; 0: the sidecar's own choice */
	const struct sidecar_confinement *confinement; /* NULL: none */
};

struct sidecar_process {
	pid_t pid;  /* 0: none */
	int pidfd;  /* readable when the process has ended */
	int socket; /* our end of the channel, non-blocking; the caller may take it away (set to -1) */
	int output; /* what it printed, a file in memory: not our log, where it could forge lines */
};

/* False: one clear line in reterr, and nothing is left behind. */
bool ringcast_sidecar_process_start(const struct sidecar_process_options *options, struct sidecar_process *ret_process, char *reterr,
				    size_t reterr_bytes);
/* Waits up to timeout_ms (-1: for ever). True: it has ended, is reaped, and ret_text says how ("exit code 1", "killed by signal 9") and, if it printed anything, the last line of
 * that. */
bool ringcast_sidecar_process_wait(struct sidecar_process *process, int timeout_ms, char *ret_text, size_t text_bytes);
void ringcast_sidecar_process_kill(const struct sidecar_process *process); /* SIGKILL; harmless after its end */
/* Closes the descriptors that are left. The process must have been waited for. */
void ringcast_sidecar_process_finish(struct sidecar_process *process);

/*
 * Where the sidecar's main file is: options->script, else $RINGCAST_SIDECAR, else where it was installed; whoever runs from a build tree says so, for
 * a path compiled in would be code of whoever can write there. Never NULL; need not exist.
 */
const char *ringcast_sidecar_process_script(const struct sidecar_process_options *options);
/* The dry run's program, check.js beside it. False: not there (ret_path is where it was looked for). */
bool ringcast_sidecar_process_check_program(const struct sidecar_process_options *options, char *ret_path, size_t path_bytes);

/* At once the first time, then 200 ms doubling up to 30 s; a process that lived for a minute clears it. */
struct sidecar_backoff {
	uint32_t failure_count;
};
uint64_t ringcast_sidecar_backoff_next_ms(struct sidecar_backoff *backoff, uint64_t lived_ms);

#endif
