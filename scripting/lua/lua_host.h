/*
 * LuaJIT scripts: one host per shard, one program per version, one Lua state per session. Touched by the shard's thread only, but for the
 * watchdog, which reads what runs and since when, and names a callback that does not come back.
 *
 * Every call into a state is protected: an error of a script, a spent budget or a refused allocation ends that callback and nothing else.
 */
#ifndef RINGCAST_SCRIPTING_LUA_HOST_H
#define RINGCAST_SCRIPTING_LUA_HOST_H

#include "scripting/host.h"

struct lua_host;

struct lua_options {
	const char *arguments; /* for onProcessStarted, split at blanks; NULL: none. Copied. loggingLevel:warn is heeded */
	/* a callback that runs for longer is named in the log, by a thread of the host's own; 0: no watchdog, no thread */
	uint32_t watchdog_ms;
	/* a CPU timer on the creating thread, that stops what the budget's hook does not (backstop.h); not where the budget is 0 */
	bool has_backstop;
};

/* On the thread that runs the scripts. environment: borrowed until destroy. NULL: out of memory, or no thread or timer to be had. */
struct lua_host *ringcast_lua_create(const struct script_environment *environment, const struct lua_options *options);
void ringcast_lua_destroy(struct lua_host **host); /* asserts that every program is unloaded */
uint64_t ringcast_lua_stuck_count(const struct lua_host *host); /* callbacks that the watchdog has named; any thread */
extern const struct script_host_ops ringcast_lua_ops;

/* Whether the system lets this process run memory that it has written: LuaJIT's compiler needs that, and ends the process when it is refused. */
bool ringcast_lua_can_compile(void);

/*
 * The dry run: runs the script file in a throw-away state, within limits and a bounded number of instructions, and looks at what it
 * returns. True: script->facts are filled. False: one clear line in reterr, with file and line where there is one. Any thread; before the
 * script is shared. Logs nothing: what the file prints while it loads goes nowhere. The engine does it in a process of its own (trial.h).
 */
bool ringcast_lua_check(struct script *script, const struct script_limits *limits, char *reterr, size_t reterr_bytes);

#endif
