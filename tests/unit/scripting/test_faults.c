/* Memory that ends anywhere, and bytes that nobody meant: nothing but an error may come of it. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "lua_world.h"

static const char busy[] =
	"local json, s, log, kept = require 'json', nil, nil, {}\n"
	"local game = {configuration = {tickInterval = 20}}\n"
	"function game.init(x) s = x log = s:getLogger() s:every(30, function() kept[#kept + 1] = s:now() end) s:after(10, function() kept = {} end) end\n"
	"function game.onPlayerConnect(m) return m.player.playerId ~= 'nobody' end\n"
	"function game.onPlayerAccepted(p) kept[#kept + 1] = p.playerSessionId s:joinGroup(7, p) end\n"
	"function game.onPlayerDisconnect(id) kept[id] = s:getPlayers()[id] end\n"
	"function game.onMessage(m)\n"
	"  local t = {text = m.payload, n = #kept, from = m.sender, all = s:getPlayers()}\n"
	"  kept[#kept + 1] = json.encode({a = {1, 2, t.text}}) .. string.pack('<Hfs2', t.n, 1.5, t.text)\n"
	"  s:sendReliableGroupMessage(s:newTextGameMessage(20, -1, kept[#kept]), 7)\n"
	"  log:info(t, kept) error({what = t.text})\n"
	"end\n"
	"function game.onSendToGroup(m) return json.decode(m.payload) ~= nil or true end\n"
	"function game.onTick(now) kept[#kept + 1] = {now} require('string.buffer').new():put('x', now) end\n"
	"return game\n";

static void live(struct lua_world *world)
{
	struct session *session = lua_world_open(world);
	for (int i = 0; i < 3 && session->state == SESSION_ACTIVE; i++) {
		struct player *player = lua_world_join(world, session, "hello");
		if (player == NULL)
			continue;
		lua_world_send(world, player, 10, PROTO_PEER_SERVER, 0, "a message to the server");
		lua_world_send(world, player, 10, 0, PROTO_GROUP_ALL, "{\"a\": [1, 2, {\"b\": \"c\"}]}");
		lua_world_advance_ms(world, 25);
		if (i == 1)
			ringcast_player_disconnect(player, CLOSE_CLIENT, world->now_ns);
	}
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
	ringcast_store_collect(&world->store);
	lua_world_forget(world);
}

/* From a state that has nothing to spare to one that has plenty, in small steps: each refusal falls on another allocation. */
static void starve(bool is_jit_off)
{
	struct lua_world world;
	lua_world_start(&world);
	lua_world_load_main(&world, busy);
	world.script_limits.is_jit_off = is_jit_off;
	for (uint64_t bytes = 30000; bytes < 60000; bytes += 40) {
		world.script_limits.memory_bytes = bytes;
		live(&world);
	}
	cr_assert(world.counts[SCRIPT_COUNT_OUT_OF_MEMORY] > 100);
	uint64_t before = world.counts[SCRIPT_COUNT_OUT_OF_MEMORY];
	world.script_limits.memory_bytes = 1 << 20;
	live(&world);
	cr_assert_eq(world.counts[SCRIPT_COUNT_OUT_OF_MEMORY], before);
	lua_world_stop(&world);
}

Test(lua_faults, memory_ends_anywhere)
{
	starve(true);
}

Test(lua_faults, memory_ends_anywhere_compiled)
{
	starve(false);
}

/* The same for the dry run: it says so, or succeeds. */
Test(lua_faults, memory_ends_in_the_dry_run)
{
	struct lua_world world;
	char error[SCRIPT_ERROR_BYTES];
	unsigned failed = 0;
	lua_world_start(&world);
	lua_world_load_main(&world, busy);
	for (uint64_t bytes = 30000; bytes < 60000; bytes += 40) {
		world.script_limits.memory_bytes = bytes;
		error[0] = '\0';
		if (ringcast_lua_check(world.script, &world.script_limits, error, sizeof(error)))
			continue;
		failed++;
		cr_assert_not_null(strstr(error, "not enough memory"), "%s", error);
	}
	cr_assert(failed > 50 && failed < 750);
	lua_world_stop(&world);
}

/* Text near JSON, formats near formats, and plain noise. */
Test(lua_faults, noise_for_the_parsers)
{
	static const char alphabet[] = "{}[]\":,truefalsn0123456789.eE+-\\u/bd \t\x01\x80\xff<>=sizIBHhfx";
	struct lua_world world;
	struct prng prng;
	char text[64];
	ringcast_prng_init(&prng, 7);
	struct session *session = lua_world_run(
		&world, "local json = require 'json' return {onMessage = function(m) local p = m.payload local v = json.decode(p) "
			"if v ~= nil then assert(json.encode(json.decode(json.encode(v))) ~= nil) end pcall(string.unpack, p, p) pcall(string.pack, p, 1, 2, 3) "
			"pcall(string.packsize, p) pcall(string.unpack, '<s1zs2i7f', m) load(p) end}");
	struct player *player = lua_world_join(&world, session, "");
	for (int i = 0; i < 20000; i++) {
		size_t size = ringcast_prng_below(&prng, sizeof(text) - 1);
		for (size_t k = 0; k < size; k++)
			text[k] = alphabet[ringcast_prng_below(&prng, sizeof(alphabet) - 1)];
		text[size] = '\0';
		lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, text);
	}
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0, "%s", world.log);
	lua_world_stop(&world);
}
