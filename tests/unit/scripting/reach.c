#include "reach.h"

#include <criterion/criterion.h>

#include "scripting/lua/lua_private.h"

const char reach_walker[] =
	"local reached, functions, names, queue, found = {}, {}, {}, {}, {}\n"
	"local function visit(value, path)\n"
	"  local kind = type(value)\n"
	"  if kind == 'string' then names[value] = true end\n"
	"  if kind ~= 'table' and kind ~= 'userdata' and kind ~= 'function' and kind ~= 'thread' or reached[value] then return end\n"
	"  reached[value] = path\n"
	"  if kind == 'function' then functions[#functions + 1] = path found[path] = value else queue[#queue + 1] = value end\n"
	"end\n"
	"local function sorted(t)\n"
	"  local keys = {} for k in pairs(t) do keys[#keys + 1] = k end\n"
	"  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end) return keys\n"
	"end\n"
	"local function look(value, path)\n"
	"  visit(getmetatable(value), path .. '(meta)')\n"
	"  if type(value) == 'table' then for _, k in ipairs(sorted(value)) do visit(k, path .. '(key)') visit(rawget(value, k), path .. '.' .. tostring(k)) end end\n"
	"  for _, k in ipairs(sorted(names)) do local ok, v = pcall(function() return value[k] end) if ok then visit(v, path .. '.' .. k) end end\n"
	"end\n"
	"for _, k in ipairs{'__index', '__newindex', '__gc', '__metatable', '__len', '__concat', '__tostring', '__call', '__name', '__env', '__mode', 'ref', 'reserve', 'commit', 'putcdata', 'encode', 'decode'} do names[k] = true end\n"
	"function walk(roots)\n"
	"  visit(_G, 'G')\n"
	"  for _, k in ipairs(sorted(roots)) do visit(roots[k], k) end\n"
	"  look('', 'string') look(0, 'number') look(print, 'function') look(nil, 'nil') look(true, 'boolean')\n"
	"  local round = 0\n"
	"  repeat\n" /* again with the names that were found meanwhile, until nothing new turns up */
	"    local before = #queue\n"
	"    local i = 1 while i <= #queue do if queue[i] ~= reached and queue[i] ~= functions and queue[i] ~= names and queue[i] ~= queue and queue[i] ~= found then "
	"look(queue[i], reached[queue[i]]) end i = i + 1 end\n"
	"  until #queue == before\n"
	"  table.sort(functions)\n"
	"  print(table.concat(functions, '\\n'))\n"
	"end\n"
	"_G.walk_reached, _G.walk_names = reached, names\n"
	"local s\n"
	"return {init = function(x) s = x end, onMessage = function(m)\n"
	"  local buffer, json = require('string.buffer'), require('json')\n"
	"  local roots = {session = s, message = m, own = s:newTextGameMessage(1, -1, 'x'), logger = s:getLogger(), players = s:getPlayers(), members = s:getGroupMembers(-1),\n"
	"    json = json, array = json.decode('[1]'), object = json.decode('{}'), buffers = buffer, buffer = buffer.new():put('x'), new = require('table.new'),\n"
	"    clear = require('table.clear'), made = require('table.new')(1, 1), thread = coroutine.create(print), running = coroutine.running(),\n"
	"    date = os.date('*t'), bits = {ipairs{}}, iterator = {pairs{}}, match = ('x'):gmatch('x'), wrapped = coroutine.wrap(print), loaded = load('return 1'),\n"
	"    failure = select(2, pcall(error, {}))}\n"
	"  walk(roots)\n"
	"  _G.found, _G.roots = found, roots\n"
	"end}\n";

/* The keys of the table on top, which goes, are names that the script tries. */
static void add_names(lua_State *state)
{
	lua_getglobal(state, "walk_names");
	for (lua_pushnil(state); lua_next(state, -3) != 0; lua_pop(state, 1)) {
		if (lua_type(state, -2) != LUA_TSTRING)
			continue;
		lua_pushvalue(state, -2);
		lua_pushboolean(state, 1);
		lua_rawset(state, -5);
	}
	lua_pop(state, 2);
}

/* Objects do not tell their fields, but here their metatables do. */
void reach_add_names(struct session *session)
{
	lua_State *state = ((struct lua_session *)session->user)->state;
	cr_assert(lua_checkstack(state, 16));
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_SESSION);
	cr_assert(lua_getmetatable(state, -1));
	lua_getfield(state, -1, "__index");
	add_names(state);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_MESSAGE_META);
	lua_getfield(state, -1, "__index");
	cr_assert_not_null(lua_getupvalue(state, -1, 1));
	add_names(state);
	cr_assert_eq(luaL_dostring(state, "return require('string.buffer').new()"), 0);
	cr_assert(lua_getmetatable(state, -1));
	add_names(state);
	lua_settop(state, 0);
}
