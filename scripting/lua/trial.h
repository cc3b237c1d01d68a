/*
 * The dry run in a process of its own: an endless loop, a parser kept busy or a sandbox that does not hold costs a process that has nothing, and whose
 * time and memory the kernel bounds. The script and its limits go there through a file in memory, not by its path: what is tried out is what will run.
 */
#ifndef RINGCAST_SCRIPTING_LUA_TRIAL_H
#define RINGCAST_SCRIPTING_LUA_TRIAL_H

#include "scripting/host.h"

/* The program: what RINGCAST_LUA_CHECK names, else beside the library or program that this code is in, else where it was installed. False: it is
 * not there; ret_path is where it was looked for last. */
bool ringcast_lua_trial_find_program(char *ret_path, size_t path_bytes);

/* A descriptor for the program's standard input, the caller's to close; -1: errno says why not. */
int ringcast_lua_trial_write(const struct script *script, const struct script_limits *limits);
/* In the program. NULL: not what _write wrote. The caller's to unref. */
struct script *ringcast_lua_trial_read(int fd, struct script_limits *ret_limits);

#endif
