/*
 * Players who join a running match, which the service finds: startMatchBackfill(options, f), stopMatchBackfill(ticketId, f). f hears f(ticketId), or f(nil, error, text).
 * REF_QUESTIONS holds number -> f.
 */
#include "scripting/event.h"
#include "scripting/lua/lua_private.h"

/* A copy of the table at that index, with its Action, as JSON; nil is an empty one. On top. */
static void push_question(lua_State *state, int options, const char *action)
{
	lua_newtable(state);
	int question = lua_gettop(state);
	if (lua_istable(state, options))
		for (lua_pushnil(state); lua_next(state, options) != 0;) {
			ringcast_lua_charge(state, 1);
			lua_pushvalue(state, -2);
			lua_insert(state, -2);
			lua_rawset(state, question);
		}
	lua_pushstring(state, action);
	lua_setfield(state, question, "Action");
	ringcast_lua_encode_json(state, question);
}

/* On top: the JSON. f: where it stands. */
static int ask(lua_State *state, struct session *session, int f)
{
	struct lua_session *self = ringcast_lua_self(state);
	const struct outbox *outbox = &session->store->options.outbox;
	uint32_t number = self->question_last + 1;
	size_t bytes;
	const char *json = lua_tolstring(state, -1, &bytes);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
	lua_pushvalue(state, f);
	lua_rawseti(state, -2, (int)number); /* first: it may find no memory */
	enum drop_reason reason = ringcast_script_ask(session, number, ringcast_view_of(json, bytes), session->store->now_ns);
	if (reason == DROP_NONE) {
		self->question_last = number;
	} else {
		outbox->drop(outbox->context, reason, 1);
		lua_pushnil(state);
		lua_rawseti(state, -2, (int)number);
	}
	ringcast_lua_charge(state, bytes / LUA_STEP_BYTES); /* last: it may not return */
	return ringcast_lua_push_result(state, reason);
}

static void check_callback(lua_State *state)
{
	if (lua_isfunction(state, 1)) { /* alone */
		lua_pushnil(state);
		lua_insert(state, 1);
	}
	lua_settop(state, 2);
	if (!lua_isnil(state, 2) && !lua_isfunction(state, 2))
		ringcast_lua_argument_error(state, 2, "a function");
}

int ringcast_lua_start_backfill(lua_State *state)
{
	ringcast_lua_skip_session(state);
	struct session *session = ringcast_lua_check_session(state);
	check_callback(state);
	if (!lua_isnil(state, 1) && !lua_istable(state, 1))
		ringcast_lua_argument_error(state, 1, "a table of what is asked for");
	push_question(state, 1, "StartMatchBackfill");
	return ask(state, session, 2);
}

int ringcast_lua_stop_backfill(lua_State *state)
{
	ringcast_lua_skip_session(state);
	struct session *session = ringcast_lua_check_session(state);
	check_callback(state);
	if (!lua_isnil(state, 1) && lua_type(state, 1) != LUA_TSTRING)
		ringcast_lua_argument_error(state, 1, "a ticket's id");
	lua_newtable(state);
	lua_pushvalue(state, 1);
	lua_setfield(state, 3, "TicketId");
	push_question(state, 3, "StopMatchBackfill");
	return ask(state, session, 2);
}

struct answer {
	uint32_t number;
	struct view json;
};

static void push_member(lua_State *state, int answer, const char *name)
{
	if (lua_istable(state, answer))
		lua_getfield(state, answer, name);
	else
		lua_pushnil(state);
}

static int push_answer(lua_State *state, void *context)
{
	const struct answer *answer = context;
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
	lua_rawgeti(state, -1, (int)answer->number);
	lua_pushnil(state);
	lua_rawseti(state, -3, (int)answer->number);
	lua_remove(state, -2);
	if (lua_isnil(state, -1))
		return -1;
	int f = lua_gettop(state);
	lua_pushcfunction(state, ringcast_lua_require);
	lua_pushliteral(state, "json");
	lua_call(state, 1, 1);
	lua_getfield(state, -1, "decode");
	lua_remove(state, -2);
	lua_pushlstring(state, (const char *)answer->json.data, answer->json.size);
	lua_call(state, 1, 1);
	push_member(state, f + 1, "TicketId");
	push_member(state, f + 1, "Error");
	push_member(state, f + 1, "Message");
	lua_remove(state, f + 1);
	return 3;
}

void ringcast_lua_answer(struct lua_session *self, uint32_t number, struct view json)
{
	struct answer answer = {number, json};
	if (ringcast_lua_call(self, "the callback of a backfill", push_answer, &answer) == CALL_DONE)
		lua_pop(self->state, 1);
}

void ringcast_lua_open_questions(lua_State *state)
{
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
}
