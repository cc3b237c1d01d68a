/*
 * The watchdog: compiled Lua code cannot be stopped, but it can be named. The shard's thread says when a callback begins and ends (two
 * stores); a thread of its own looks now and then, and logs a callback that it has met too often. It reads no clock: it counts its looks.
 */
#ifndef RINGCAST_SCRIPTING_LUA_WATCH_H
#define RINGCAST_SCRIPTING_LUA_WATCH_H

#include <stdint.h>

struct lua_running;
struct lua_watch;

struct lua_watch *ringcast_lua_watch_create(uint32_t limit_ms, const struct lua_running *running); /* NULL: no memory, or no thread */
void ringcast_lua_watch_destroy(struct lua_watch **watch);
/* Before self is freed: afterwards the watchdog does not look at it any more. */
void ringcast_lua_watch_forget(struct lua_watch *watch);
uint64_t ringcast_lua_watch_stuck_count(const struct lua_watch *watch); /* callbacks that were named */

#endif
