/* The one way into a state: protected, bounded in time, watched; what fails is logged, counted and judged here. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "scripting/lua/backstop.h"
#include "scripting/lua/lua_private.h"

enum { C_STACK_BYTES_MAX = 512 << 10 }; /* of a thread's 8 MiB; LuaJIT takes quadratic time to raise an error through many C functions */

/* Errors */

static void count(struct lua_session *self, enum script_count what)
{
	if (self->session == NULL)
		return;
	const struct script_environment *environment = self->program->host->environment;
	environment->count(environment->context, what);
}

/* What was raised may be anything; what is logged is text, and where it happened. A spent budget is raised as text: see protect.c for
 * why no function of the script may be called then. */
int ringcast_lua_traceback(lua_State *state)
{
	lua_settop(state, 1);
	if (lua_type(state, 1) != LUA_TSTRING) {
		if (!luaL_callmeta(state, 1, "__tostring") || lua_type(state, -1) != LUA_TSTRING)
			ringcast_lua_inspect(state, 1);
		lua_replace(state, 1);
	}
	lua_settop(state, 1);
	luaL_traceback(state, state, lua_tostring(state, 1), 1);
	return 1;
}

void ringcast_lua_kill(struct lua_session *self, const char *why)
{
	if (self->is_finished || self->session == NULL)
		return;
	self->is_finished = true;
	ringcast_lua_log(self, SCRIPT_FATAL, "the session ends: %s", why);
	count(self, SCRIPT_COUNT_KILLED);
	ringcast_command_fail(self->session);
}

/* For a dry run: the message without the traceback behind it. */
static void keep_error(struct lua_session *self, const char *text)
{
	int size = (int)strcspn(text, "\n");
	snprintf(self->error_text, self->error_text_bytes, "%.*s", size, text);
	for (char *c = self->error_text; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
}

static void log_error(struct lua_session *self, int status, const char *text)
{
	const char *what = atomic_load_explicit(&self->what, memory_order_relaxed);
	if (self->error_text != NULL)
		keep_error(self, text);
	else if (status == LUA_ERRMEM)
		ringcast_lua_log(self, SCRIPT_ERROR, "%s: not enough memory: the limit is %llu bytes", what,
				 (unsigned long long)self->bytes_max);
	else
		ringcast_lua_log(self, SCRIPT_ERROR, "%s: %s", what, text);
}

static void kill_if_too_many(struct lua_session *self)
{
	if (self->limits->errors_max != 0 && self->error_count >= self->limits->errors_max)
		ringcast_lua_kill(self, "too many errors of its script");
}

void ringcast_lua_blame(struct lua_session *self, const char *text)
{
	self->error_count++;
	count(self, SCRIPT_COUNT_ERRORS);
	ringcast_lua_log(self, SCRIPT_ERROR, "%s", text);
	kill_if_too_many(self);
}

static void fail(struct lua_session *self, int status)
{
	/* A string, by the message handler or LuaJIT itself; else the handler failed. Nothing is converted: that would take memory. */
	const char *text = lua_type(self->state, -1) == LUA_TSTRING ? lua_tostring(self->state, -1) : NULL;
	self->error_count++;
	ringcast_lua_nest_reset(self->state);
	count(self, SCRIPT_COUNT_ERRORS);
	if (status == LUA_ERRMEM)
		count(self, SCRIPT_COUNT_OUT_OF_MEMORY);
	if (self->is_over_budget)
		count(self, SCRIPT_COUNT_OVER_BUDGET);
	log_error(self, status, text != NULL ? text : "error in the handling of an error");
	lua_pop(self->state, 1);
	if (status == LUA_ERRMEM)
		ringcast_lua_collect(self);
	kill_if_too_many(self);
}

/* Calls */

/* LuaJIT bounds its own stack, not C's. The difference is taken as it comes: a coroutine runs on the same C stack. */
void ringcast_lua_check_depth(lua_State *state)
{
	const char *here = __builtin_frame_address(0);
	ptrdiff_t used = ringcast_lua_self(state)->stack_base - here;
	if (used > C_STACK_BYTES_MAX)
		luaL_error(state, "C stack overflow: functions such as gsub and sort call each other too deeply");
}

int ringcast_lua_trampoline(lua_State *state)
{
	struct lua_session *self = ringcast_lua_self(state);
	int argument_count = self->push(state, self->push_context);
	self->is_nothing = argument_count < 0;
	if (self->is_nothing)
		return 0;
	lua_call(state, argument_count, 1);
	return 1;
}

static void enter(struct lua_session *self, const char *what, lua_push_fn *push, void *context)
{
	ringcast_assert(!self->is_running && lua_gettop(self->state) == 0);
	self->is_running = true;
	self->call_serial++;
	atomic_store_explicit(&self->what, what, memory_order_relaxed);
	self->push = push;
	self->push_context = context;
	self->stack_base = __builtin_frame_address(0);
	if (self->session == NULL)
		return;
	struct lua_running *running = &self->program->host->running;
	uint64_t serial = atomic_load_explicit(&running->serial, memory_order_relaxed);
	atomic_store_explicit(&running->serial, serial + 1, memory_order_release);
	atomic_store_explicit(&running->session, self, memory_order_release);
}

static void condemn(struct lua_session *self)
{
	char text[256];
	snprintf(text, sizeof(text), "%s of script %s held its thread for %d times its budget of %u us, at %s",
		 atomic_load_explicit(&self->what, memory_order_relaxed), self->program->program.script->name, BACKSTOP_BUDGETS_MAX,
		 self->limits->budget_us, self->place);
	ringcast_lua_kill(self, text);
}

static void leave(struct lua_session *self)
{
	if (self->session != NULL)
		atomic_store_explicit(&self->program->host->running.session, NULL, memory_order_release);
	self->is_running = false;
	self->call_serial++; /* messages of the call are no longer good */
	self->view = (struct ringcast_message_view){.payload = NULL};
	bool is_condemned = self->is_condemned;
	ringcast_lua_renew_budget(self);
	if (is_condemned)
		condemn(self);
}

/* The trampoline's outcome. After CALL_DONE the one result is on the stack. */
static enum lua_call_result run(struct lua_session *self)
{
	lua_State *state = self->state;
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_TRACEBACK);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_TRAMPOLINE);
	int status = lua_pcall(state, 0, 1, 1);
	lua_remove(state, 1);
	if (status != 0) {
		fail(self, status);
		return CALL_FAILED;
	}
	if (!self->is_nothing)
		return CALL_DONE;
	lua_pop(state, 1);
	return CALL_NOTHING;
}

static enum lua_call_result run_or_panic(struct lua_session *self)
{
	if (setjmp(self->panic) == 0)
		return run(self);
	ringcast_lua_kill(self, "LuaJIT gave up: an error that nothing caught");
	return CALL_FAILED;
}

enum lua_call_result ringcast_lua_call(struct lua_session *self, const char *what, lua_push_fn *push, void *context)
{
	if (self->is_finished)
		return CALL_NOTHING;
	enter(self, what, push, context);
	enum lua_call_result result = run_or_panic(self);
	leave(self);
	return result;
}

bool ringcast_lua_push_callback(lua_State *state, enum script_callback callback)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_CALLBACKS + (int)callback);
	if (lua_isfunction(state, -1))
		return true;
	lua_pop(state, 1);
	return false;
}
