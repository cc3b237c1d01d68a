/*
 * Who runs scripts: one host of each language per shard, touched by the shard's thread only. A host turns a version into a program (loaded
 * once per shard and version), and a program into hooks for a session. The host owns session->user of its sessions.
 */
#ifndef RINGCAST_SCRIPTING_HOST_H
#define RINGCAST_SCRIPTING_HOST_H

#include "scripting/script.h"
#include "session/hooks.h"

enum script_level { SCRIPT_DEBUG, SCRIPT_INFO, SCRIPT_WARN, SCRIPT_ERROR, SCRIPT_FATAL, SCRIPT_CXFATAL };

enum script_count {
	SCRIPT_COUNT_ERRORS,
	SCRIPT_COUNT_OVER_BUDGET,
	SCRIPT_COUNT_OUT_OF_MEMORY,
	SCRIPT_COUNT_LATE_ANSWERS,
	SCRIPT_COUNT_KILLED,
	SCRIPT_COUNT_OVER_SHARE, /* of the engine: an event that was dropped, put off, or answered by default */
	SCRIPT_COUNT_COUNT
};

enum script_failure { SCRIPT_FAILURE_ALLOW, SCRIPT_FAILURE_DENY }; /* the verdict of a callback that threw */

struct script_limits {
	uint64_t memory_bytes;   /* per session */
	uint32_t budget_us;      /* per callback; 0: no bound */
	uint32_t errors_max;     /* of one session; then it ends. 0: never */
	enum script_failure on_error;
	bool is_jit_off;         /* Lua: a strict time budget needs it */
	bool is_lua_ffi_on;      /* Lua: scripts may do anything that C may; none of the other limits holds for those that do */
	uint32_t answer_timeout_ms; /* sidecar verdicts */
	uint32_t outgoing_bytes_max; /* queued to one sidecar process */
	uint32_t log_lines_per_second; /* per session */
};

struct script_environment { /* what the engine gives a host; outlives it */
	void *context;
	const struct script_limits *limits; /* live */
	uint64_t (*now_ns)(void *context); /* the clock itself, which moves within a tick */
	/* processor time of the calling thread, for budgets; one that stands still while a callback runs (the simulator's) is allowed */
	uint64_t (*cpu_ns)(void *context);
	void (*random)(void *context, void *out, size_t size);
	/* text is one line or several, without the last line end; session NULL: the host itself */
	void (*log)(void *context, struct session *session, enum script_level level, const char *text, size_t size);
	void (*count)(void *context, enum script_count what);
};

struct script_program { /* begins each host's own struct */
	struct hooks hooks;   /* NULL members for callbacks that the script lacks */
	void *hooks_context;
	struct script *script; /* counted */
	uint32_t session_count;
};

struct script_host_ops {
	enum script_language language;
	/* NULL: one clear line with file and line in reterr. Called once per version and shard; must not block for more than a few ms. */
	struct script_program *(*load)(void *host, struct script *script, char *reterr, size_t reterr_bytes);
	void (*unload)(void *host, struct script_program *program); /* no session uses it any more */
	uint64_t (*session_bytes)(void *host, const struct session *session); /* memory of one session, for reports */
};

#endif
