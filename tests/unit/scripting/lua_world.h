/*
 * Scripts in a real session store: what comes out of it, and what the script logs, is written down as text, in order, and compared.
 *
 *     send 5 from -1 reliable to 1,2 'x'      a game message
 *     update 7 to 1 list 1,2                  a membership update
 *     close 2 kicked 'too loud'               outbox.disconnect
 *     drop no_target 1                        outbox.drop
 *     info: text                              a line of the script's log, or of the host's about it
 *
 * The clock is the test's: script time never passes by itself, unless clock_step_ns says so.
 */
#ifndef TESTS_UNIT_SCRIPTING_LUA_WORLD_H
#define TESTS_UNIT_SCRIPTING_LUA_WORLD_H

#include "scripting/lua/lua_host.h"
#include "session/session.h"

struct lua_world {
	struct store store;
	struct session_limits limits;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	struct script_limits script_limits;
	struct script_environment environment;
	struct lua_host *host;
	struct script *script;
	struct script_program *program;
	uint64_t now_ns, random_state;
	uint64_t clock_ns, clock_step_ns; /* what the script's budget is measured with; each look moves it on */
	uint64_t counts[SCRIPT_COUNT_COUNT];
	const char *properties, *matchmaker_data; /* of sessions that are opened; NULL: short ones */
	bool is_quiet; /* nothing is written down */
	char *log;
	size_t log_size;
};

/* A session of a script that is one file; it has begun when this returns. */
struct session *lua_world_run(struct lua_world *world, const char *source);
/* The same in steps, to change limits in between, or for scripts of many files: {path, text, path, text, NULL}. */
void lua_world_start(struct lua_world *world);
void lua_world_load(struct lua_world *world, const char *const *files);
void lua_world_load_main(struct lua_world *world, const char *source);
struct session *lua_world_open(struct lua_world *world);
/* Ends all sessions and checks that nothing is left. */
void lua_world_stop(struct lua_world *world);

struct player *lua_world_join(struct lua_world *world, struct session *session, const char *payload); /* NULL: refused */
enum drop_reason lua_world_send(struct lua_world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
				const char *payload);
enum drop_reason lua_world_group(struct lua_world *world, struct player *player, int32_t opcode, int32_t group);
void lua_world_advance_ms(struct lua_world *world, uint64_t ms);

void lua_world_expect(struct lua_world *world, const char *expected, const char *file, int line); /* and empties the log */
#define expect(world, expected) lua_world_expect(world, expected, __FILE__, __LINE__)
/* The log holds this text somewhere; it is emptied. */
void lua_world_expect_part(struct lua_world *world, const char *part, const char *file, int line);
#define expect_part(world, part) lua_world_expect_part(world, part, __FILE__, __LINE__)
void lua_world_forget(struct lua_world *world);

#endif
