/*
 * The time that a callback may take: processor time of the thread, looked at by a count hook between instructions, by C functions that run for long
 * (ringcast_lua_charge), and when the backstop says so. A script may catch the error of a spent budget. So from then on every instruction raises
 * it again, and whatever caught it does too (ringcast_lua_check_spent): pcall by pcall the call comes to its end.
 */
#include <string.h>

#include "scripting/lua/lua_private.h"

enum { LOOKS_PER_READING = 4 }; /* the clock is a system call; a look is some 10 us of interpreted code */

static void set_hook(struct lua_session *self, int instruction_count);

/* Where the script was when its time was up: the innermost function of its own. */
static void note_place(lua_State *state, struct lua_session *self)
{
	lua_Debug frame;
	for (int level = 0; level < 8 && lua_getstack(state, level, &frame) != 0; level++) {
		if (lua_getinfo(state, "Sl", &frame) == 0 || frame.currentline < 0 || strcmp(frame.short_src, "sandbox") == 0)
			continue;
		snprintf(self->place, sizeof(self->place), "%s:%d", frame.short_src, frame.currentline);
		return;
	}
	strcpy(self->place, "[C]");
}

static void spend(lua_State *state, struct lua_session *self)
{
	if (!self->is_over_budget) {
		self->is_over_budget = true;
		set_hook(self, 1);
		note_place(state, self);
	}
	if (self->session == NULL)
		lua_pushfstring(state, "%s: does not come to an end", self->place);
	else
		lua_pushfstring(state, "%s: ran for longer than its budget of %d us", self->place, (int)self->limits->budget_us);
	lua_error(state);
}

/* No interpreter does an instruction per nanosecond: so much is spent even if the clock stands still. */
static bool is_spent(const struct lua_session *self, uint64_t cpu_ns)
{
	uint64_t budget_ns = self->limits->budget_us * NS_PER_US;
	return cpu_ns - self->budget_start_ns > budget_ns || self->budget_looks > budget_ns / LUA_WORK_STEPS;
}

/* True: the time is up. The clock is not read for calls that are over before the second look. */
static bool look(struct lua_session *self, uint64_t look_count)
{
	const struct script_environment *environment = self->program->host->environment;
	bool is_asked = self->is_alarmed;
	if (is_asked) {
		self->is_alarmed = false;
		set_hook(self, LUA_WORK_STEPS);
	}
	if (self->budget_serial != self->call_serial) {
		self->budget_serial = self->call_serial;
		self->budget_looks = self->budget_reading = 0;
		return false;
	}
	self->budget_looks += look_count;
	if (self->budget_looks < self->budget_reading && !is_asked)
		return false;
	uint64_t cpu_ns = environment->cpu_ns(environment->context);
	if (self->budget_reading == 0)
		self->budget_start_ns = cpu_ns;
	self->budget_reading = self->budget_looks + LOOKS_PER_READING;
	return self->limits->budget_us != 0 && is_spent(self, cpu_ns);
}

/* In a dry run the same script must always get the same answer. */
static bool count_instructions(struct lua_session *self, uint64_t look_count)
{
	uint64_t count = look_count * LUA_WORK_STEPS;
	if (self->instructions_left <= count)
		return true;
	self->instructions_left -= count;
	return false;
}

static void check(lua_State *state, struct lua_session *self, uint64_t look_count)
{
	if (self->is_over_budget || self->is_condemned)
		spend(state, self);
	if (self->session == NULL ? count_instructions(self, look_count) : look(self, look_count))
		spend(state, self);
}

/* The depth too: what nests through metamethods alone passes no function of ours. */
static void on_count(lua_State *state, lua_Debug *event)
{
	ringcast_lua_check_depth(state);
	check(state, ringcast_lua_self(state), 1);
}

static void set_hook(struct lua_session *self, int instruction_count)
{
	lua_sethook(self->state, on_count, LUA_MASKCOUNT, instruction_count);
}

/* A count hook never fires inside compiled code and slows down all other: it is there only where there is no compiler. */
void ringcast_lua_set_budget(struct lua_session *self)
{
	if (self->is_strict)
		set_hook(self, LUA_WORK_STEPS);
}

void ringcast_lua_work(lua_State *state, struct lua_session *self)
{
	uint64_t look_count = self->work_steps / LUA_WORK_STEPS;
	self->work_steps %= LUA_WORK_STEPS;
	if (self->is_strict)
		check(state, self, look_count);
}

void ringcast_lua_check_spent(lua_State *state)
{
	struct lua_session *self = ringcast_lua_self(state);
	if (self->is_over_budget || self->is_condemned)
		spend(state, self);
}

/* Of a signal handler, at any instruction of this thread. LuaJIT allows lua_sethook there; as the count hook is set already, it is some stores. */
void ringcast_lua_alarm(struct lua_session *self, bool is_condemned)
{
	if (is_condemned)
		self->is_condemned = true;
	self->is_alarmed = true;
	set_hook(self, 1);
}

void ringcast_lua_renew_budget(struct lua_session *self)
{
	bool was_touched = self->is_over_budget || self->is_alarmed;
	self->is_over_budget = self->is_condemned = self->is_alarmed = false;
	if (was_touched)
		ringcast_lua_set_budget(self);
}

void ringcast_lua_forgive(struct lua_session *self)
{
	if (self->session == NULL || self->is_over_budget)
		return;
	atomic_fetch_add_explicit(&self->program->host->running.serial, 1, memory_order_relaxed);
	self->is_condemned = false;
	self->budget_serial = 0;
}
