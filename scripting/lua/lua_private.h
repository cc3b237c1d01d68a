/*
 * The inside of the Lua host, for the files of this folder.
 *
 * A state keeps what C needs again and again in the integer keys of its registry (enum lua_ref): reading them allocates nothing, so nothing
 * can fail outside a protected call. C functions find their session by the allocator's context (ringcast_lua_self), not by upvalues.
 */
#ifndef RINGCAST_SCRIPTING_LUA_PRIVATE_H
#define RINGCAST_SCRIPTING_LUA_PRIVATE_H

#include <lauxlib.h>
#include <lua.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/attr.h"
#include "scripting/lua/lua_host.h"
#include "scripting/lua/view.h"
#include "session/command.h"

enum lua_ref {
	REF_TRACEBACK = 1,
	REF_TRAMPOLINE,
	REF_SESSION,      /* the object of the session methods */
	REF_LOGGER,
	REF_MESSAGE_META,
	REF_PLAYERS,      /* peer id -> what scripts know of a player; made when first asked for */
	REF_TIMERS,       /* timer id -> function */
	REF_QUESTIONS,    /* number of a question -> who hears the answer, and the end of what was asked for */
	REF_ENDINGS,      /* of searches that go on: ticket and who hears the end */
	REF_LOADED,       /* module name -> value; REF_LOADING while it loads */
	REF_FFI,          /* of trusted scripts, when first required */
	REF_COLLECT,      /* ringcast_lua_collect's protected half */
	REF_NEST,         /* protect.c: pcall, which knows how deep protected calls are nested; false where the budget is not strict */
	REF_WAITING,      /* protect.c: what coroutines had nested when they yielded; made when first needed */
	REF_ARRAY_META,   /* json's mark of arrays */
	REF_CALLBACKS,    /* the first of SCRIPT_CALLBACK_COUNT; false when the script has none */
	REF_COUNT = REF_CALLBACKS + SCRIPT_CALLBACK_COUNT
};

#define LUA_NEST_MAX 200 /* protected calls and coroutines inside one another */
#define LUA_TOO_DEEP "C stack overflow: pcall, xpcall and coroutines are nested too deeply"

enum { LUA_WORK_STEPS = 1000 }; /* instructions, or steps of C, between two looks at the time */

struct lua_chunk { /* one .lua file of a version, compiled once; for every session of the program */
	char *bytes;
	size_t size;
};

struct lua_program {
	struct script_program program; /* first */
	struct lua_host *host;
	struct lua_chunk *chunks; /* one per file of the script; empty until it is first needed */
};

struct lua_running { /* what runs on this host's thread; the watchdog's thread and the backstop's signal handler look at it */
	_Atomic(struct lua_session *) session; /* NULL: nothing */
	atomic_uint_fast64_t serial;           /* of calls of this host */
};

struct lua_host {
	const struct script_environment *environment;
	struct lua_running running;
	struct lua_backstop *backstop; /* NULL: none */
	uint32_t program_count;
	char *arguments;
	enum script_level log_level_min; /* "loggingLevel:warn" among the arguments; info without */
	struct lua_watch *watch; /* NULL: none */
};

/* Puts a function and its arguments on the stack; returns the number of arguments, or -1: there is nothing to call. May raise errors. */
typedef int lua_push_fn(lua_State *state, void *context);

struct lua_session {
	lua_State *state;
	struct lua_program *program;
	struct session *session;   /* NULL in a dry run */
	void *session_object;      /* REF_SESSION, to know it by its address */
	const struct script_limits *limits;
	uint64_t bytes, bytes_max; /* bytes_max: 0 while the host builds, collects or tears down the state */
	bool was_refused;          /* memory, once */
	bool is_collecting;        /* the collector was told that the limit is near */
	jmp_buf panic;             /* where LuaJIT's panic leads; good while a host's function is inside the state */
	const char *stack_base;    /* of the C stack, when the running call began */

	struct ringcast_message_view view; /* of the running call's message; trusted scripts only */
	uint64_t call_serial;        /* of the running call; messages are good for the call that made them */
	_Atomic(const char *) what;  /* the running callback's name; the watchdog reads it */
	lua_push_fn *push;           /* what the trampoline is to call */
	void *push_context;
	bool is_running, is_nothing; /* nothing: push had nothing to call */

	/* the call that was looked at last, when its time began to count, how often it was looked at, at which look the clock is read next */
	uint64_t budget_serial, budget_start_ns, budget_looks, budget_reading;
	uint64_t instructions_left; /* dry run only */
	uint64_t work_steps;        /* of C functions, since the last look */
	bool is_strict; /* no compiler, and a budget that nothing escapes; as the limits said when the session began */
	bool is_over_budget;
	volatile bool is_alarmed, is_condemned; /* by the backstop, in a signal handler: look at once; the session ends with this call */
	char place[80];                         /* where the script was when its time was up */
	char *error_text; /* dry run only: where the error goes */
	size_t error_text_bytes;

	uint32_t error_count;
	uint32_t nil_said; /* bits of callbacks whose missing verdict was logged */
	bool is_ending;   /* it has said processEnding */
	bool is_finished; /* killed: nothing is called any more */
	uint32_t timer_last; /* the latest id that was given */
	uint32_t question_last; /* likewise, of questions */

	uint64_t log_window_ns; /* one second of the log's allowance */
	uint32_t log_lines, log_suppressed;
	char session_id[SESSION_ID_BYTES];
};

static inline struct lua_session *ringcast_lua_self(lua_State *state)
{
	void *self;
	lua_getallocf(state, &self);
	return self;
}

/* state.c: a state with everything that scripts may use, and nothing else */
/* NULL: out of memory. */
struct lua_session *ringcast_lua_open(struct lua_program *program, struct session *session, const struct script_limits *limits);
void ringcast_lua_close(struct lua_session **self);
/* Between calls, after memory has run out: a whole collection, protected and without the limit. */
void ringcast_lua_collect(struct lua_session *self);

/* sandbox.c: builds the globals; runs protected. */
void ringcast_lua_open_globals(lua_State *state);

/* Pushes what is required by that name, if it is one of the modules that LuaJIT itself carries; opened and tamed. */
bool ringcast_lua_push_preloaded(lua_State *state, const char *name);

/* view.c */
bool ringcast_lua_push_trusted(lua_State *state, const char *name); /* as above, for scripts that may do anything */
void ringcast_lua_view_show(struct lua_session *self, const struct packet *packet);

/* call.c: the one way into a state. After CALL_DONE the one result is on the stack; else nothing is. */
enum lua_call_result { CALL_DONE, CALL_NOTHING, CALL_FAILED };
enum lua_call_result ringcast_lua_call(struct lua_session *self, const char *what, lua_push_fn *push, void *context);
bool ringcast_lua_push_callback(lua_State *state, enum script_callback callback); /* false: the script has none; nothing is pushed */
int ringcast_lua_traceback(lua_State *state);  /* message handler */
int ringcast_lua_trampoline(lua_State *state);
void ringcast_lua_kill(struct lua_session *self, const char *why); /* the session ends as one whose script failed */
void ringcast_lua_blame(struct lua_session *self, const char *text); /* an error of the script's that shows in what it returned; may kill it */
/* From C that calls back into Lua: raises an error when that has been nested too deeply for the C stack. */
void ringcast_lua_check_depth(lua_State *state);

/* budget.c */
void ringcast_lua_set_budget(struct lua_session *self);
void ringcast_lua_renew_budget(struct lua_session *self); /* after a call */
void ringcast_lua_work(lua_State *state, struct lua_session *self); /* looks at the time; raises an error when it is up */
void ringcast_lua_check_spent(lua_State *state); /* whatever has caught an error asks this: raises that of a spent budget again */
void ringcast_lua_alarm(struct lua_session *self, bool is_condemned); /* of the backstop */
void ringcast_lua_forgive(struct lua_session *self); /* the running call's time begins anew: what it took so far was the host's doing */

/* From C that may run for long: so many steps, each of them worth an instruction or more. Raises an error when the time is up. */
static inline void ringcast_lua_charge(lua_State *state, size_t steps)
{
	struct lua_session *self = ringcast_lua_self(state);
	self->work_steps += steps;
	if (self->work_steps >= LUA_WORK_STEPS || self->is_alarmed)
		ringcast_lua_work(state, self);
}

enum { LUA_STEP_BYTES = 16 }; /* bytes that are copied, compared or looked at one by one in a step; LUA_PIECE_BYTES without a look are fine */
enum { LUA_PIECE_BYTES = 64 * 1024 };

/* module.c: the script's own files */
int ringcast_lua_require(lua_State *state);
/* For ringcast_lua_call: runs the script file and takes its callbacks; the result is what it returned. */
int ringcast_lua_push_main(lua_State *state, void *context);

/* message.c */
void ringcast_lua_open_messages(lua_State *state);
void ringcast_lua_push_packet(lua_State *state, const struct packet *packet);
/* Pushes a message of the script's own. payload: string, message or nil, at that index. */
void ringcast_lua_push_message(lua_State *state, int32_t opcode, int32_t sender, int payload_index);
/* A string's bytes, a message's payload, nothing for nil; else an error. */
struct view ringcast_lua_read_bytes(lua_State *state, int index);
/* Op code, sender and payload; an error is raised if there is no message. */
/* False: it is none, or one whose bytes are gone. Raises nothing. */
bool ringcast_lua_try_message(lua_State *state, int index, struct packet *ret_packet);
void ringcast_lua_read_message(lua_State *state, int index, struct packet *ret_packet);

/* players.c */
void ringcast_lua_push_player(lua_State *state, const struct player *player);
void ringcast_lua_push_players(lua_State *state);
void ringcast_lua_forget_player(lua_State *state, int32_t peer_id);

/* methods.c */
void ringcast_lua_encode_json(lua_State *state, int index); /* replaces the value by its JSON, by the script's own require("json").encode */
void ringcast_lua_open_session(lua_State *state);
void ringcast_lua_push_game_session(lua_State *state);
struct session *ringcast_lua_check_session(lua_State *state); /* raises an error in a dry run */
void ringcast_lua_skip_session(lua_State *state);             /* removes the session from the front of the arguments, if it is there */
int ringcast_lua_push_result(lua_State *state, enum drop_reason reason); /* true; or false and why */
/* Raises an error as authors count: the session in front of the arguments is none of them. */
NORETURN void ringcast_lua_argument_error(lua_State *state, int index, const char *what);

/* timers.c */
void ringcast_lua_open_timers(lua_State *state);
void ringcast_lua_expire(struct lua_session *self, uint32_t timer, uint64_t now_ns);
int ringcast_lua_after(lua_State *state);
int ringcast_lua_every(lua_State *state);
int ringcast_lua_cancel(lua_State *state);

/* backfill.c */
void ringcast_lua_open_questions(lua_State *state);
int ringcast_lua_start_backfill(lua_State *state);
int ringcast_lua_stop_backfill(lua_State *state);
void ringcast_lua_answer(struct lua_session *self, uint32_t number, struct view json);

/* log.c */
void ringcast_lua_open_logger(lua_State *state);
enum script_level ringcast_lua_log_threshold(const char *arguments);
void ringcast_lua_inspect(lua_State *state, int index); /* pushes a text for people; calls no metamethods */
PRINTF_LIKE(3, 4) void ringcast_lua_log(struct lua_session *self, enum script_level level, const char *format, ...);
void ringcast_lua_log_text(struct lua_session *self, enum script_level level, const char *text, size_t size);
int ringcast_lua_print(lua_State *state);

/* protect.c: around the resumption of the coroutine at that index, positive or an upvalue's. enter: false, and nothing has changed: too deep. */
struct lua_nest {
	uint32_t base, depth; /* of who resumes */
	uint32_t waited;      /* depth at which the coroutine had yielded */
};
bool ringcast_lua_nest_enter(lua_State *state, int coroutine, struct lua_nest *ret_outside);
void ringcast_lua_nest_leave(lua_State *state, int coroutine, const struct lua_nest *outside);
void ringcast_lua_nest_reset(lua_State *state); /* after a call that failed; raises nothing */

/* Instead of LuaJIT's functions of the same names. tables.c and protect.c only where the budget is strict. */
void ringcast_lua_open_coroutines(lua_State *state);
void ringcast_lua_open_dates(lua_State *state);
void ringcast_lua_open_protect(lua_State *state);
void ringcast_lua_open_strings(lua_State *state);
void ringcast_lua_open_tables(lua_State *state);

/* json.c, pack.c */
int ringcast_lua_open_json(lua_State *state);
void ringcast_lua_open_pack(lua_State *state); /* into string */

/* host.c. host: NULL for a dry run */
struct lua_program *ringcast_lua_program_create(struct lua_host *host, struct script *script);
void ringcast_lua_program_destroy(struct lua_program **program);

/* hooks.c */
struct hooks ringcast_lua_hooks(uint32_t callbacks);

#endif
