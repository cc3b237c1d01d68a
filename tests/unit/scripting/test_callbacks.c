/* Every callback, with its arguments, in order; what their answers do. */
#include <criterion/criterion.h>

#include "lua_world.h"

static const char all[] =
	"local session, log\n"
	"local game = {}\n"
	"function game.init(s) session = s log = s:getLogger() log:info('init ' .. tostring(s.getServerId())) end\n"
	"function game.onProcessStarted(args) log:info('started', #args, args[1], args[2]) return true end\n"
	"function game.onStartGameSession(g) log:info('game ' .. g.name .. ' ' .. g.GameSessionId:sub(1, 0) .. g.gameSessionData .. g.matchmakerData) end\n"
	"function game.onHealthCheck() log:info('health') return true end\n"
	"function game.onPlayerConnect(m) log:info('connect', m.player.peerId, m.peerId, m.payload, m.player.playerId) return m.payload ~= 'bad' end\n"
	"function game.onPlayerAccepted(p) log:info('accepted', p.peerId, session:getPlayers()[p.peerId] == p) end\n"
	"function game.onPlayerDisconnect(id) log:info('disconnect', id, session:getPlayers()[id] ~= nil) end\n"
	"function game.onMessage(m) log:info('message', m.opCode, m.sender, m.targetPlayer, m.reliable, m.payload) end\n"
	"function game.onSendToPlayer(m) log:info('toPlayer', m.targetPlayer) return m.payload ~= 'bad' end\n"
	"function game.onSendToGroup(m) log:info('toGroup', m.targetGroup) return m.payload ~= 'bad' end\n"
	"function game.onPlayerJoinGroup(g, p) log:info('join', g, p) return g ~= 13 end\n"
	"function game.onPlayerLeaveGroup(g, p) log:info('leave', g, p) return g ~= 8 end\n"
	"function game.onProcessTerminate() log:info('terminate') session:processEnding() end\n"
	"function game.onTick(now) log:info('tick', now) end\n"
	"game.configuration = {maxPlayers = 4, pingIntervalTime = 5000, tickInterval = 100}\n"
	"return game\n";

Test(lua_callbacks, all_of_them)
{
	struct lua_world world;
	struct session *session = lua_world_run(&world, all);
	cr_assert_eq(session->players_max, 4);
	cr_assert_eq(session->ping_interval_ms, 5000);
	expect(&world, "info: init -1\ninfo: started 3 one loggingLevel:DEBUG\ninfo: game arena {\"map\":\"moon\"}two teams\n");

	struct player *one = lua_world_join(&world, session, "hello");
	expect(&world, "info: connect 1 1 hello user-1\ninfo: accepted 1 true\n");
	cr_assert_null(lua_world_join(&world, session, "bad"));
	expect(&world, "info: connect 2 2 bad user-2\n");
	struct player *three = lua_world_join(&world, session, "");
	expect(&world, "info: connect 3 3  user-3\ninfo: accepted 3 true\n");

	lua_world_send(&world, one, 10, PROTO_PEER_SERVER, 0, "ping");
	expect(&world, "info: message 10 1 -1 true ping\n");
	lua_world_send(&world, one, 11, 3, 0, "hi");
	expect(&world, "info: toPlayer 3\nsend 11 from 1 reliable to 3 'hi'\n");
	cr_assert_eq(lua_world_send(&world, one, 11, 3, 0, "bad"), DROP_DENIED);
	expect(&world, "info: toPlayer 3\n");

	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 8), DROP_NONE);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 13), DROP_DENIED);
	expect(&world, "info: join 7 1\ninfo: join 8 1\ninfo: join 13 1\n");
	lua_world_send(&world, one, 12, 0, 7, "all");
	expect(&world, "info: toGroup 7\nsend 12 from 1 reliable to 1 'all'\n");
	cr_assert_eq(lua_world_send(&world, one, 12, 0, 7, "bad"), DROP_DENIED);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_LEAVE_GROUP, 7), DROP_NONE);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_LEAVE_GROUP, 8), DROP_DENIED);
	expect(&world, "info: toGroup 7\ninfo: leave 7 1\nupdate 7 to 1 list \ninfo: leave 8 1\n");

	lua_world_advance_ms(&world, 250);
	expect(&world, "info: tick 1100\ninfo: tick 1200\n");
	ringcast_player_disconnect(three, CLOSE_CLIENT, world.now_ns);
	expect(&world, "info: disconnect 3 true\n");
	ringcast_session_ask_to_end(session, UINT64_MAX, world.now_ns);
	expect(&world, "info: terminate\ninfo: disconnect 1 true\nclose 1 session_ended 'game session ended'\n");
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0);
	lua_world_stop(&world);
}

Test(lua_callbacks, a_forgotten_return_is_a_no_and_is_said)
{
	struct lua_world world;
	struct session *session = lua_world_run(&world, "return {onPlayerConnect = function() end, onProcessStarted = function() end}");
	cr_assert_null(lua_world_join(&world, session, ""));
	cr_assert_null(lua_world_join(&world, session, ""));
	expect(&world, "warn: onPlayerConnect returned nothing, which counts as false (said once)\n");
	lua_world_stop(&world);
}

Test(lua_callbacks, what_a_script_lacks_costs_nothing)
{
	struct lua_world world;
	lua_world_run(&world, "return {onTick = function() end, configuration = {tickInterval = 50}}");
	const struct hooks *hooks = &world.program->hooks;
	cr_assert(hooks->message == NULL && hooks->send_to_player == NULL && hooks->send_to_group == NULL && hooks->player_connect == NULL);
	cr_assert(hooks->join_group == NULL && hooks->leave_group == NULL && hooks->player_accepted == NULL && hooks->health_check == NULL);
	cr_assert_not_null(hooks->tick);
	lua_world_stop(&world);
}

Test(lua_callbacks, health)
{
	struct lua_world world;
	struct session *session = lua_world_run(&world, "local n = 0 return {onHealthCheck = function() n = n + 1 print(n) return n == 2 end}");
	lua_world_join(&world, session, "");
	lua_world_advance_ms(&world, 4 * 60000);
	expect(&world, "info: 1\ninfo: 2\ninfo: 3\ninfo: 4\n");
	lua_world_advance_ms(&world, 60001);
	cr_assert_eq(session->close_reason, CLOSE_UNHEALTHY);
	lua_world_stop(&world);
}
