/*
 * The backstop of the time budget. The count hook that keeps it is called by the interpreter between instructions, where it has room on the Lua
 * stack; a script can arrange that this is rarely so. The backstop is a kernel timer on the CPU time of the shard's thread: its signal arrives
 * on that thread whatever runs there, has the hook called before every further instruction, and at last condemns the session. A thread that
 * sleeps, is stopped, or has its processor taken away uses no CPU time, and harms nobody.
 *
 * Signal: SIGURG, which is ignored by default and which no library uses; one that is not the timer's is passed on to the handler that was there before.
 */
#ifndef RINGCAST_SCRIPTING_LUA_BACKSTOP_H
#define RINGCAST_SCRIPTING_LUA_BACKSTOP_H

#include <stdint.h>

struct lua_running;
struct lua_backstop;

enum { BACKSTOP_BUDGETS_MAX = 3 }; /* a callback that is still running after so many budgets ends its session */

/* On the thread that runs the scripts; one for each thread. NULL: the kernel has no timer for us, or there is no memory. */
struct lua_backstop *ringcast_lua_backstop_create(const struct lua_running *running, uint32_t budget_us);
void ringcast_lua_backstop_destroy(struct lua_backstop **backstop); /* on the same thread, or when that has ended */

#endif
