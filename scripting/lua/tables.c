/* Functions of table that take as long as the table is, in steps that are charged. They give what LuaJIT's give. */
#include "scripting/lua/lua_private.h"

/* An element is moved or looked at: some steps. */
enum { ELEMENT_STEPS = 2 };

static int length_of(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	return (int)lua_objlen(state, 1);
}

static void move(lua_State *state, int from, int to)
{
	lua_rawgeti(state, 1, from);
	lua_rawseti(state, 1, to);
}

/* insert(t, value), insert(t, position, value) */
static int table_insert(lua_State *state)
{
	int end = length_of(state) + 1, argument_count = lua_gettop(state);
	if (argument_count == 2) {
		lua_rawseti(state, 1, end);
		return 0;
	}
	if (argument_count != 3)
		return luaL_error(state, "wrong number of arguments to 'insert'");
	int position = luaL_checkint(state, 2);
	for (int i = position > end ? position : end; i > position; i--) {
		ringcast_lua_charge(state, ELEMENT_STEPS);
		move(state, i - 1, i);
	}
	lua_rawseti(state, 1, position);
	return 0;
}

static int table_remove(lua_State *state)
{
	int end = length_of(state), position = luaL_optint(state, 2, end);
	if (lua_gettop(state) < 2 && end == 0)
		return 0;
	if (lua_gettop(state) >= 2 && (position < 1 || position > end))
		return 0;
	lua_rawgeti(state, 1, position);
	for (int i = position; i < end; i++) {
		ringcast_lua_charge(state, ELEMENT_STEPS);
		move(state, i + 1, i);
	}
	lua_pushnil(state);
	lua_rawseti(state, 1, end);
	return 1;
}

static int table_maxn(lua_State *state)
{
	lua_Number max = 0;
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	for (lua_pushnil(state); lua_next(state, 1) != 0; lua_pop(state, 1)) {
		ringcast_lua_charge(state, ELEMENT_STEPS);
		if (lua_type(state, -2) == LUA_TNUMBER && lua_tonumber(state, -2) > max)
			max = lua_tonumber(state, -2);
	}
	lua_pushnumber(state, max);
	return 1;
}

/* concat(t [, separator [, first [, last]]]) */
static int table_concat(lua_State *state)
{
	size_t separator_size;
	int last = length_of(state);
	const char *separator = luaL_optlstring(state, 2, "", &separator_size);
	int first = luaL_optint(state, 3, 1);
	last = luaL_optint(state, 4, last);
	luaL_Buffer buffer;
	luaL_buffinit(state, &buffer);
	for (int64_t i = first; i <= last; i++) {
		lua_rawgeti(state, 1, (int)i);
		if (!lua_isstring(state, -1))
			luaL_error(state, "invalid value (%s) at index %d in table for 'concat'", luaL_typename(state, -1), (int)i);
		ringcast_lua_charge(state, ELEMENT_STEPS + (lua_objlen(state, -1) + separator_size) / LUA_STEP_BYTES);
		luaL_addvalue(&buffer);
		if (i < last)
			luaL_addlstring(&buffer, separator, separator_size);
	}
	luaL_pushresult(&buffer);
	return 1;
}

/* sort: a heap, because it needs no memory, no recursion, and no belief in the order that the script's function makes. Whenever that raises an
 * error all elements are there. */

/* Whether the element at i comes before the one at k. */
static bool is_less(lua_State *state, int i, int k)
{
	bool has_function = !lua_isnil(state, 2);
	ringcast_lua_charge(state, ELEMENT_STEPS);
	if (has_function)
		lua_pushvalue(state, 2);
	lua_rawgeti(state, 1, i);
	lua_rawgeti(state, 1, k);
	if (has_function)
		lua_call(state, 2, 1);
	bool is_so = has_function ? lua_toboolean(state, -1) : lua_lessthan(state, -2, -1);
	lua_settop(state, 2);
	return is_so;
}

/* The place in the heap of so many elements where the element at root belongs: down to a leaf along the larger children, and up again. */
static int find_place(lua_State *state, int root, int count)
{
	int place = root;
	while (place <= (count - 1) / 2)
		place = 2 * place + is_less(state, 2 * place, 2 * place + 1);
	if (place <= count / 2)
		place *= 2;
	while (place > root && is_less(state, place, root))
		place /= 2;
	return place;
}

/* The element at root goes to its place; those on the way move up. */
static void sift(lua_State *state, int root, int count)
{
	int place = find_place(state, root, count);
	lua_rawgeti(state, 1, root);
	for (; place >= root; place /= 2) {
		lua_rawgeti(state, 1, place);
		lua_insert(state, -2);
		lua_rawseti(state, 1, place);
		if (place == root)
			break;
	}
	lua_settop(state, 2);
}

static void swap(lua_State *state, int i, int k)
{
	lua_rawgeti(state, 1, i);
	move(state, k, i);
	lua_rawseti(state, 1, k);
}

static int table_sort(lua_State *state)
{
	int count = length_of(state);
	ringcast_lua_check_depth(state);
	if (!lua_isnoneornil(state, 2))
		luaL_checktype(state, 2, LUA_TFUNCTION);
	lua_settop(state, 2);
	for (int root = count / 2; root >= 1; root--)
		sift(state, root, count);
	for (int end = count; end > 1; end--) {
		swap(state, 1, end);
		sift(state, 1, end - 1);
	}
	return 0;
}

void ringcast_lua_open_tables(lua_State *state)
{
	static const luaL_Reg functions[] = {{"insert", table_insert}, {"remove", table_remove}, {"maxn", table_maxn}, {"concat", table_concat}, {"sort", table_sort}};
	lua_getglobal(state, "table");
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
		lua_pushcfunction(state, functions[i].func);
		lua_setfield(state, -2, functions[i].name);
	}
	lua_pop(state, 1);
}
