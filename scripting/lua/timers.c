/*
 * Timers of scripts: after(ms, f), every(ms, f), cancel(id). The engine's are one-shot and named by numbers; what repeats is set anew here,
 * by its due times and not by when it ran, so that a late tick makes no drift. REF_TIMERS holds id -> f, or {f, interval, due} for what
 * repeats.
 */
#include "scripting/lua/lua_private.h"

static const lua_Number DELAY_MS_MAX = 26.0 * 24 * 3600 * 1000; /* what ringcast_command_timer takes */

static uint64_t check_delay(lua_State *state, int index, lua_Number min_ms)
{
	lua_Number ms = lua_tonumber(state, index);
	if (!lua_isnumber(state, index) || !(ms >= min_ms && ms <= DELAY_MS_MAX))
		ringcast_lua_argument_error(state, index, min_ms > 0 ? "a time from 1 ms to 26 days" : "a time from 0 ms to 26 days");
	return (uint64_t)(ms * (lua_Number)NS_PER_MS);
}

/* Arguments: delay, function. The value to keep is on top. Returns the id, or false and why. */
static int timer_start(lua_State *state, uint64_t delay_ns)
{
	struct lua_session *self = ringcast_lua_self(state);
	uint32_t timer = self->timer_last + 1;
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_TIMERS);
	lua_insert(state, -2);
	lua_rawseti(state, -2, (int)timer); /* first: it may find no memory */
	enum drop_reason reason = ringcast_command_timer(ringcast_lua_check_session(state), timer, delay_ns);
	if (reason != DROP_NONE) {
		lua_pushnil(state);
		lua_rawseti(state, -2, (int)timer);
		return ringcast_lua_push_result(state, reason);
	}
	self->timer_last = timer;
	lua_pushinteger(state, (lua_Integer)timer);
	return 1;
}

/* JavaScript's setTimeout has the function first; here both orders are understood. */
static void order_arguments(lua_State *state)
{
	ringcast_lua_skip_session(state);
	lua_settop(state, 2);
	if (lua_isfunction(state, 1))
		lua_insert(state, 1);
	if (!lua_isfunction(state, 2))
		ringcast_lua_argument_error(state, 2, "a function");
}

int ringcast_lua_after(lua_State *state)
{
	order_arguments(state);
	return timer_start(state, check_delay(state, 1, 0));
}

int ringcast_lua_every(lua_State *state)
{
	order_arguments(state);
	uint64_t interval_ns = check_delay(state, 1, 1);
	uint64_t due_ns = ringcast_lua_check_session(state)->store->now_ns + interval_ns;
	lua_createtable(state, 3, 0);
	lua_insert(state, -2);
	lua_rawseti(state, -2, 1);
	lua_pushnumber(state, (lua_Number)interval_ns);
	lua_rawseti(state, -2, 2);
	lua_pushnumber(state, (lua_Number)due_ns);
	lua_rawseti(state, -2, 3);
	return timer_start(state, interval_ns);
}

int ringcast_lua_cancel(lua_State *state)
{
	ringcast_lua_skip_session(state);
	lua_Number timer = lua_tonumber(state, 1);
	bool was_set = timer >= 1 && timer <= (lua_Number)ringcast_lua_self(state)->timer_last;
	if (was_set) {
		lua_rawgeti(state, LUA_REGISTRYINDEX, REF_TIMERS);
		lua_rawgeti(state, -1, (int)timer);
		was_set = !lua_isnil(state, -1);
		lua_pop(state, 1);
	}
	if (was_set) {
		ringcast_command_cancel_timer(ringcast_lua_check_session(state), (uint32_t)timer);
		lua_pushnil(state);
		lua_rawseti(state, -2, (int)timer);
	}
	lua_pushboolean(state, was_set);
	return 1;
}

static lua_Number number_at(lua_State *state, int table, int key)
{
	lua_rawgeti(state, table, key);
	lua_Number number = lua_tonumber(state, -1);
	lua_pop(state, 1);
	return number;
}

/* On top: {f, interval, due}. What was missed is missed: the next one is in the future. Replaced by f. */
static void repeat(lua_State *state, uint32_t timer, uint64_t now_ns)
{
	int entry = lua_gettop(state);
	uint64_t interval_ns = (uint64_t)number_at(state, entry, 2), due_ns = (uint64_t)number_at(state, entry, 3) + interval_ns;
	if (due_ns <= now_ns)
		due_ns = now_ns + interval_ns - (now_ns - due_ns) % interval_ns;
	lua_pushnumber(state, (lua_Number)due_ns);
	lua_rawseti(state, entry, 3);
	enum drop_reason reason = ringcast_command_timer(ringcast_lua_check_session(state), timer, due_ns - now_ns);
	if (reason != DROP_NONE) {
		lua_pushnil(state);
		lua_rawseti(state, entry - 1, (int)timer);
		ringcast_lua_log(ringcast_lua_self(state), SCRIPT_ERROR, "timer %u stops: %s", timer, ringcast_drop_label(reason));
	}
	lua_rawgeti(state, entry, 1);
	lua_remove(state, entry);
}

struct expired {
	uint32_t timer;
	uint64_t now_ns;
};

static int push_expired(lua_State *state, void *context)
{
	const struct expired *expired = context;
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_TIMERS);
	lua_rawgeti(state, -1, (int)expired->timer);
	if (lua_isnil(state, -1))
		return -1;
	if (lua_istable(state, -1)) {
		repeat(state, expired->timer, expired->now_ns);
	} else {
		lua_pushnil(state);
		lua_rawseti(state, -3, (int)expired->timer);
	}
	lua_remove(state, -2);
	return 0;
}

void ringcast_lua_expire(struct lua_session *self, uint32_t timer, uint64_t now_ns)
{
	struct expired expired = {timer, now_ns};
	if (ringcast_lua_call(self, "timer", push_expired, &expired) == CALL_DONE)
		lua_pop(self->state, 1);
}

void ringcast_lua_open_timers(lua_State *state)
{
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_TIMERS);
}
