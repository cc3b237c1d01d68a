/*
 * Players who join a running match, which the service finds: startMatchBackfill(options, f, ended), stopMatchBackfill(ticketId, f). f hears f(ticketId), or f(nil, error, text);
 * ended hears ended(ticketId, status) when the search is over. REF_QUESTIONS holds number -> {f, ended}; REF_ENDINGS {ticketId, ended} for each of the latest searches, the latest
 * last. A session has one search at a time, and of some the end is never told: those are not kept for ever.
 */
#include "scripting/event.h"
#include "scripting/lua/lua_private.h"

enum { ENDINGS_MAX = 16 };

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

/* At index 2 and 3: what hears the answer, and the end. On top. */
static void push_hearers(lua_State *state)
{
	lua_createtable(state, 2, 0);
	for (int i = 1; i <= 2; i++) {
		lua_pushvalue(state, 1 + i);
		lua_rawseti(state, -2, i);
	}
}

/* On top: the JSON. */
static int ask(lua_State *state, struct session *session)
{
	struct lua_session *self = ringcast_lua_self(state);
	const struct outbox *outbox = &session->store->options.outbox;
	uint32_t number = self->question_last + 1;
	size_t bytes;
	const char *json = lua_tolstring(state, -1, &bytes);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
	push_hearers(state);
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
	lua_settop(state, 3);
	for (int i = 2; i <= 3; i++)
		if (!lua_isnil(state, i) && !lua_isfunction(state, i))
			ringcast_lua_argument_error(state, i, "a function");
}

int ringcast_lua_start_backfill(lua_State *state)
{
	ringcast_lua_skip_session(state);
	struct session *session = ringcast_lua_check_session(state);
	check_callback(state);
	if (!lua_isnil(state, 1) && !lua_istable(state, 1))
		ringcast_lua_argument_error(state, 1, "a table of what is asked for");
	push_question(state, 1, "StartMatchBackfill");
	return ask(state, session);
}

int ringcast_lua_stop_backfill(lua_State *state)
{
	ringcast_lua_skip_session(state);
	struct session *session = ringcast_lua_check_session(state);
	check_callback(state);
	if (!lua_isnil(state, 1) && lua_type(state, 1) != LUA_TSTRING)
		ringcast_lua_argument_error(state, 1, "a ticket's id");
	lua_pushnil(state); /* stopping has no end of its own */
	lua_replace(state, 3);
	lua_newtable(state);
	lua_pushvalue(state, 1);
	lua_setfield(state, 4, "TicketId");
	push_question(state, 4, "StopMatchBackfill");
	return ask(state, session);
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

/* What REF_QUESTIONS has under the key on top, which it takes the place of and is forgotten. */
static void take(lua_State *state)
{
	int key = lua_gettop(state);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
	lua_pushvalue(state, key);
	lua_rawget(state, -2);
	lua_pushvalue(state, key);
	lua_pushnil(state);
	lua_rawset(state, key + 1);
	lua_replace(state, key);
	lua_settop(state, key);
}

static void push_decoded(lua_State *state, struct view json)
{
	lua_pushcfunction(state, ringcast_lua_require);
	lua_pushliteral(state, "json");
	lua_call(state, 1, 1);
	lua_getfield(state, -1, "decode");
	lua_remove(state, -2);
	lua_pushlstring(state, (const char *)json.data, json.size);
	lua_call(state, 1, 1);
}

/* Its place in the table at endings; 0: it has none. */
static int find_ending(lua_State *state, int endings, int ticket)
{
	int count = (int)lua_objlen(state, endings);
	for (int i = 1; i <= count; i++) {
		lua_rawgeti(state, endings, i);
		lua_rawgeti(state, -1, 1);
		bool is_it = lua_rawequal(state, -1, ticket) != 0;
		lua_pop(state, 2);
		if (is_it)
			return i;
	}
	return 0;
}

static void remove_ending(lua_State *state, int endings, int at)
{
	int count = (int)lua_objlen(state, endings);
	for (; at <= count; at++) {
		lua_rawgeti(state, endings, at + 1); /* behind the last: nil */
		lua_rawseti(state, endings, at);
	}
}

/* On top: the ticket's id and who hears its end. */
static void add_ending(lua_State *state, int endings)
{
	int ticket = lua_gettop(state) - 1, known = find_ending(state, endings, ticket);
	lua_createtable(state, 2, 0);
	for (int i = 1; i <= 2; i++) {
		lua_pushvalue(state, ticket + i - 1);
		lua_rawseti(state, -2, i);
	}
	if (known != 0 || lua_objlen(state, endings) == ENDINGS_MAX)
		remove_ending(state, endings, known != 0 ? known : 1);
	lua_rawseti(state, endings, (int)lua_objlen(state, endings) + 1);
}

static void keep_ending(lua_State *state, int hearers, int decoded)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_ENDINGS);
	push_member(state, decoded, "TicketId");
	lua_rawgeti(state, hearers, 2);
	if (lua_type(state, -2) == LUA_TSTRING && !lua_isnil(state, -1))
		add_ending(state, decoded + 1);
	lua_settop(state, decoded);
}

static int push_answer(lua_State *state, void *context)
{
	const struct answer *answer = context;
	lua_pushinteger(state, (lua_Integer)answer->number);
	take(state);
	int f = lua_gettop(state);
	if (!lua_istable(state, f))
		return -1;
	push_decoded(state, answer->json);
	keep_ending(state, f, f + 1);
	lua_rawgeti(state, f, 1);
	lua_replace(state, f);
	if (lua_isnil(state, f))
		return -1;
	push_member(state, f + 1, "TicketId");
	push_member(state, f + 1, "Error");
	push_member(state, f + 1, "Message");
	lua_remove(state, f + 1);
	return 3;
}

static int push_news(lua_State *state, void *context)
{
	const struct answer *answer = context;
	push_decoded(state, answer->json);
	int decoded = lua_gettop(state), ticket = decoded + 1, endings = decoded + 2;
	push_member(state, decoded, "TicketId");
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_ENDINGS);
	int at = find_ending(state, endings, ticket);
	if (at == 0)
		return -1;
	lua_rawgeti(state, endings, at);
	lua_rawgeti(state, -1, 2); /* who is called */
	remove_ending(state, endings, at);
	lua_pushvalue(state, ticket);
	push_member(state, decoded, "Status");
	return 2;
}

void ringcast_lua_answer(struct lua_session *self, uint32_t number, struct view json)
{
	struct answer answer = {number, json};
	if (ringcast_lua_call(self, "the callback of a backfill", number == QUESTION_NEWS ? push_news : push_answer, &answer) == CALL_DONE)
		lua_pop(self->state, 1);
}

void ringcast_lua_open_questions(lua_State *state)
{
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_QUESTIONS);
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_ENDINGS);
}
