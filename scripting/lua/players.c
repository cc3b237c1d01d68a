/* What a script knows of its players: a table for each, made when first asked for and kept while the player is there, so that a script
 * may keep things in it. */
#include "scripting/lua/lua_private.h"

static void set_string(lua_State *state, const char *name, const char *value)
{
	lua_pushstring(state, value);
	lua_setfield(state, -2, name);
}

static void push_new_player(lua_State *state, const struct player *player)
{
	char token[PLAYER_TOKEN_BYTES];
	ringcast_player_format_token(player, token);
	lua_createtable(state, 0, 4);
	lua_pushinteger(state, player->peer_id);
	lua_setfield(state, -2, "peerId");
	set_string(state, "playerSessionId", token);
	set_string(state, "playerId", ringcast_player_id(player));
	set_string(state, "playerData", ringcast_player_data(player));
}

/* players: the index of REF_PLAYERS on the stack. */
static void push_player_of(lua_State *state, int players, const struct player *player)
{
	lua_rawgeti(state, players, player->peer_id);
	if (!lua_isnil(state, -1))
		return;
	lua_pop(state, 1);
	push_new_player(state, player);
	lua_pushvalue(state, -1);
	lua_rawseti(state, players, player->peer_id);
}

void ringcast_lua_push_player(lua_State *state, const struct player *player)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_PLAYERS);
	push_player_of(state, lua_gettop(state), player);
	lua_remove(state, -2);
}

/* Those that are in, by peer id. A new table each time: the script may do with it what it likes. */
void ringcast_lua_push_players(lua_State *state)
{
	size_t count;
	struct player *const *players = ringcast_group_members(ringcast_lua_self(state)->session, PROTO_GROUP_ALL, &count);
	ringcast_lua_charge(state, count);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_PLAYERS);
	int known = lua_gettop(state);
	lua_createtable(state, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		push_player_of(state, known, players[i]);
		lua_rawseti(state, -2, players[i]->peer_id);
	}
	lua_remove(state, known);
}

/* Outside calls: touches only what is there, and so allocates nothing. */
void ringcast_lua_forget_player(lua_State *state, int32_t peer_id)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_PLAYERS);
	lua_rawgeti(state, -1, peer_id);
	bool is_known = !lua_isnil(state, -1);
	lua_pop(state, 1);
	if (is_known) {
		lua_pushnil(state);
		lua_rawseti(state, -2, peer_id);
	}
	lua_pop(state, 1);
}
