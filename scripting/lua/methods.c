/* The session object: what a script may ask of the engine and tell it. Methods may be called with a dot or a colon, as in the JavaScript
 * they come from. */
#include <string.h>

#include "scripting/event.h"
#include "scripting/lua/lua_private.h"

/* Arguments */

struct session *ringcast_lua_check_session(lua_State *state)
{
	struct session *session = ringcast_lua_self(state)->session;
	if (session == NULL)
		luaL_error(state, "there is no session yet: the script is being loaded");
	return session;
}

/* session:f(x) and session.f(x) are the same. */
void ringcast_lua_skip_session(lua_State *state)
{
	if (lua_type(state, 1) == LUA_TUSERDATA && lua_touserdata(state, 1) == ringcast_lua_self(state)->session_object)
		lua_remove(state, 1);
}

/* LuaJIT's own messages would count the session in, or not, by how the method was called. */
void ringcast_lua_argument_error(lua_State *state, int index, const char *what)
{
	lua_Debug function;
	bool is_known = lua_getstack(state, 0, &function) != 0 && lua_getinfo(state, "n", &function) != 0 && function.name != NULL;
	luaL_error(state, "bad argument #%d to '%s' (%s expected, got %s)", index, is_known ? function.name : "?", what,
		   luaL_typename(state, index));
	ringcast_unreachable("luaL_error returns");
}

static bool to_int32(lua_Number number, int32_t *ret_value)
{
	if (!(number >= INT32_MIN && number <= INT32_MAX))
		return false;
	*ret_value = (int32_t)number;
	return (lua_Number)*ret_value == number;
}

static int32_t check_int32(lua_State *state, int index, const char *what)
{
	int32_t value = 0;
	if (!lua_isnumber(state, index) || !to_int32(lua_tonumber(state, index), &value))
		ringcast_lua_argument_error(state, index, what);
	return value;
}

/* A peer id, or a player as getPlayers gives it. */
static int32_t check_peer(lua_State *state, int index)
{
	if (lua_istable(state, index)) {
		lua_getfield(state, index, "peerId");
		if (lua_isnumber(state, -1))
			lua_replace(state, index);
	}
	return check_int32(state, index, "a player's peer id");
}

static int32_t check_group(lua_State *state, int index)
{
	return check_int32(state, index, "a group's number");
}

/* true; or false and why. Commands wait until the callback has returned, so that true says: accepted. */
int ringcast_lua_push_result(lua_State *state, enum drop_reason reason)
{
	lua_pushboolean(state, reason == DROP_NONE);
	if (reason == DROP_NONE)
		return 1;
	lua_pushstring(state, ringcast_drop_label(reason));
	return 2;
}

static struct session *begin(lua_State *state)
{
	ringcast_lua_skip_session(state);
	return ringcast_lua_check_session(state);
}

/* Asking */

/* Looked at byte by byte, however often it was pushed before; some of the session's are megabytes. */
static int push_text(lua_State *state, const char *text)
{
	size_t size = strlen(text);
	ringcast_lua_charge(state, size / LUA_STEP_BYTES);
	lua_pushlstring(state, text, size);
	return 1;
}

static int get_players(lua_State *state)
{
	begin(state);
	ringcast_lua_push_players(state);
	return 1;
}

static int get_server_id(lua_State *state)
{
	lua_pushinteger(state, PROTO_PEER_SERVER);
	return 1;
}

static int get_all_players_group_id(lua_State *state)
{
	lua_pushinteger(state, PROTO_GROUP_ALL);
	return 1;
}

static int get_game_session_id(lua_State *state)
{
	lua_pushstring(state, begin(state)->id);
	return 1;
}

static int get_logger(lua_State *state)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_LOGGER);
	return 1;
}

static int get_properties(lua_State *state)
{
	return push_text(state, ringcast_session_get_properties(begin(state)));
}

static int get_matchmaker_data(lua_State *state)
{
	return push_text(state, ringcast_session_get_matchmaker_data(begin(state)));
}

static int get_group_members(lua_State *state)
{
	struct session *session = begin(state);
	size_t count;
	struct player *const *members = ringcast_group_members(session, check_group(state, 1), &count);
	ringcast_lua_charge(state, count);
	lua_createtable(state, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_pushinteger(state, members[i]->peer_id);
		lua_rawseti(state, -2, (int)i + 1);
	}
	return 1;
}

static int push_about_player(lua_State *state, const char *about(const struct player *player))
{
	struct session *session = begin(state);
	const struct player *player = ringcast_session_find_peer(session, check_peer(state, 1));
	if (player == NULL)
		return 0;
	return push_text(state, about(player));
}

static int get_player_id(lua_State *state)
{
	return push_about_player(state, ringcast_player_id);
}

static int get_player_data(lua_State *state)
{
	return push_about_player(state, ringcast_player_data);
}

static int get_name(lua_State *state)
{
	lua_pushstring(state, begin(state)->name);
	return 1;
}

/* The engine's clock, as of the event that this callback is about: only differences mean anything. */
static int session_now(lua_State *state)
{
	lua_pushnumber(state, (lua_Number)begin(state)->store->now_ns / (lua_Number)NS_PER_MS);
	return 1;
}

/* Sending */

static int new_message(lua_State *state)
{
	ringcast_lua_skip_session(state);
	int32_t opcode = check_int32(state, 1, "an op code");
	if (opcode == OPCODE_LOGIN)
		luaL_error(state, "op code 0 is the engine's");
	ringcast_lua_push_message(state, opcode, check_peer(state, 2), 3);
	return 1;
}

static int give_message(lua_State *state, enum delivery_intent intent, bool is_to_group)
{
	struct session *session = begin(state);
	struct packet packet;
	ringcast_lua_read_message(state, 1, &packet);
	if (is_to_group)
		packet.target_group = check_group(state, 2);
	else
		packet.target_player = check_peer(state, 2);
	return ringcast_lua_push_result(state, ringcast_command_send(session, &packet, intent));
}

static int send_message(lua_State *state)
{
	return give_message(state, INTENT_FAST, false);
}

static int send_reliable_message(lua_State *state)
{
	return give_message(state, INTENT_RELIABLE, false);
}

static int send_group_message(lua_State *state)
{
	return give_message(state, INTENT_FAST, true);
}

static int send_reliable_group_message(lua_State *state)
{
	return give_message(state, INTENT_RELIABLE, true);
}

/* Telling */

static int broadcast_group_membership_update(lua_State *state)
{
	struct session *session = begin(state);
	int32_t group = check_group(state, 1), target = check_group(state, 2);
	return ringcast_lua_push_result(state, ringcast_command_broadcast_membership(session, group, target));
}

static int kick(lua_State *state)
{
	struct session *session = begin(state);
	int32_t peer_id = check_peer(state, 1);
	if (!lua_isnoneornil(state, 2) && !lua_isstring(state, 2))
		ringcast_lua_argument_error(state, 2, "a reason");
	return ringcast_lua_push_result(state, ringcast_command_kick(session, peer_id, lua_tostring(state, 2)));
}

/* Group first, as in onPlayerJoinGroup(groupId, peerId). */
static int join_group(lua_State *state)
{
	struct session *session = begin(state);
	int32_t group = check_group(state, 1);
	return ringcast_lua_push_result(state, ringcast_command_join(session, group, check_peer(state, 2)));
}

static int leave_group(lua_State *state)
{
	struct session *session = begin(state);
	int32_t group = check_group(state, 1);
	return ringcast_lua_push_result(state, ringcast_command_leave(session, group, check_peer(state, 2)));
}

static uint32_t check_key(lua_State *state, int index)
{
	lua_Number key = lua_tonumber(state, index);
	if (!lua_isnumber(state, index) || !(key >= 0 && key <= UINT32_MAX) || (lua_Number)(uint32_t)key != key)
		ringcast_lua_argument_error(state, index, "a key, which is a whole number from 0 up,");
	return (uint32_t)key;
}

static int retain_message(lua_State *state)
{
	struct session *session = begin(state);
	struct packet packet;
	ringcast_lua_read_message(state, 1, &packet);
	packet.target_group = check_group(state, 2);
	return ringcast_lua_push_result(state, ringcast_command_retain(session, check_key(state, 3), &packet));
}

static int forget_message(lua_State *state)
{
	struct session *session = begin(state);
	int32_t group = check_group(state, 1);
	return ringcast_lua_push_result(state, ringcast_command_forget_retained(session, group, check_key(state, 2)));
}

static int process_ending(lua_State *state)
{
	struct session *session = begin(state);
	struct lua_session *self = ringcast_lua_self(state);
	enum drop_reason reason = self->is_ending ? DROP_NONE : ringcast_command_finish(session);
	self->is_ending = reason == DROP_NONE;
	return ringcast_lua_push_result(state, reason);
}

void ringcast_lua_encode_json(lua_State *state, int index)
{
	lua_pushcfunction(state, ringcast_lua_require);
	lua_pushliteral(state, "json");
	lua_call(state, 1, 1);
	lua_getfield(state, -1, "encode");
	lua_pushvalue(state, index);
	lua_call(state, 1, 1);
	lua_replace(state, index);
	lua_pop(state, 1);
	if (lua_type(state, index) != LUA_TSTRING)
		ringcast_lua_argument_error(state, index, "what JSON can say");
}

/* A text is JSON already; anything else becomes it. */
static void encode_event(lua_State *state)
{
	lua_settop(state, 2);
	if (lua_type(state, 2) == LUA_TSTRING)
		return;
	if (!lua_isnil(state, 2)) {
		ringcast_lua_encode_json(state, 2);
		return;
	}
	lua_pushliteral(state, "null");
	lua_replace(state, 2);
}

/* At once, and not after the callback as the others: it is about what has happened. */
static int emit_event(lua_State *state)
{
	size_t name_bytes, json_bytes;
	struct session *session = begin(state);
	if (lua_type(state, 1) != LUA_TSTRING)
		ringcast_lua_argument_error(state, 1, "an event's name");
	encode_event(state);
	const char *name = lua_tolstring(state, 1, &name_bytes), *json = lua_tolstring(state, 2, &json_bytes);
	const struct outbox *outbox = &session->store->options.outbox;
	enum drop_reason reason = ringcast_script_emit(session, strlen(name) == name_bytes ? name : "", ringcast_view_of(json, json_bytes),
						       session->store->now_ns);
	if (reason != DROP_NONE)
		outbox->drop(outbox->context, reason, 1);
	ringcast_lua_charge(state, json_bytes / LUA_STEP_BYTES); /* last: it may not return */
	return ringcast_lua_push_result(state, reason);
}

static const luaL_Reg methods[] = {
	{"after", ringcast_lua_after},
	{"broadcastGroupMembershipUpdate", broadcast_group_membership_update},
	{"cancel", ringcast_lua_cancel},
	{"emitEvent", emit_event},
	{"every", ringcast_lua_every},
	{"forgetMessage", forget_message},
	{"getAllPlayersGroupId", get_all_players_group_id},
	{"getGameSessionId", get_game_session_id},
	{"getGroupMembers", get_group_members},
	{"getLogger", get_logger},
	{"getMatchmakerData", get_matchmaker_data},
	{"getName", get_name},
	{"getPlayerData", get_player_data},
	{"getPlayerId", get_player_id},
	{"getPlayers", get_players},
	{"getProperties", get_properties},
	{"getServerId", get_server_id},
	{"joinGroup", join_group},
	{"kick", kick},
	{"leaveGroup", leave_group},
	{"newBinaryGameMessage", new_message},
	{"newTextGameMessage", new_message},
	{"now", session_now},
	{"processEnding", process_ending},
	{"retainMessage", retain_message},
	{"sendGroupMessage", send_group_message},
	{"sendMessage", send_message},
	{"sendReliableGroupMessage", send_reliable_group_message},
	{"sendReliableMessage", send_reliable_message},
	{"setTimer", ringcast_lua_after},
	{"startMatchBackfill", ringcast_lua_start_backfill},
	{"stopMatchBackfill", ringcast_lua_stop_backfill},
};

static int session_tostring(lua_State *state)
{
	lua_pushfstring(state, "session: %s", ringcast_lua_self(state)->session_id);
	return 1;
}

void ringcast_lua_open_session(lua_State *state)
{
	ringcast_lua_self(state)->session_object = lua_newuserdata(state, 1);
	lua_createtable(state, 0, 3);
	lua_createtable(state, 0, ARRAY_COUNT(methods));
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		lua_pushcfunction(state, methods[i].func);
		lua_setfield(state, -2, methods[i].name);
	}
	lua_setfield(state, -2, "__index");
	lua_pushcfunction(state, session_tostring);
	lua_setfield(state, -2, "__tostring");
	lua_pushliteral(state, "session");
	lua_setfield(state, -2, "__metatable");
	lua_setmetatable(state, -2);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_SESSION);
}

/* Both spellings: the service's documents have one, its libraries the other. */
static void set_both(lua_State *state, const char *name)
{
	char upper[64];
	snprintf(upper, sizeof(upper), "%c%s", name[0] - 'a' + 'A', name + 1);
	lua_pushvalue(state, -1);
	lua_setfield(state, -3, upper);
	lua_setfield(state, -2, name);
}

void ringcast_lua_push_game_session(lua_State *state)
{
	const struct session *session = ringcast_lua_check_session(state);
	lua_createtable(state, 0, 10);
	lua_pushstring(state, session->id);
	set_both(state, "gameSessionId");
	lua_pushstring(state, session->name);
	set_both(state, "name");
	lua_pushinteger(state, (lua_Integer)session->players_max);
	set_both(state, "maximumPlayerSessionCount");
	lua_pushstring(state, ringcast_session_get_properties(session));
	set_both(state, "gameSessionData");
	lua_pushstring(state, ringcast_session_get_matchmaker_data(session));
	set_both(state, "matchmakerData");
}
