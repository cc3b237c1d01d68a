/* Scripts in Lua that retain messages, and that are asked what a player is to know who joins. */
#include <criterion/criterion.h>

#include "lua_world.h"

static struct lua_world world;

Test(lua_late_join, what_is_retained_reaches_who_joins_later)
{
	struct session *session = lua_world_run(&world,
		"local s\n"
		"return {init = function(rt) s = rt end,\n"
		"  onMessage = function(m)\n"
		"    if m.opCode == 1 then s:retainMessage(s:newTextGameMessage(20, -1, m.payload), 7, 1) else s:forgetMessage(7, 1) end\n"
		"  end}\n");
	struct player *one = lua_world_join(&world, session, "");
	lua_world_send(&world, one, 1, PROTO_PEER_SERVER, 0, "first");
	lua_world_send(&world, one, 1, PROTO_PEER_SERVER, 0, "second");
	expect(&world, "");
	lua_world_group(&world, one, OPCODE_JOIN_GROUP, 7);
	expect(&world, "send 20 from -1 reliable to 1 'second'\n");
	lua_world_send(&world, one, 2, PROTO_PEER_SERVER, 0, "");
	lua_world_group(&world, lua_world_join(&world, session, ""), OPCODE_JOIN_GROUP, 7);
	expect(&world, "");
	lua_world_stop(&world);
}

Test(lua_late_join, a_key_is_a_whole_number)
{
	lua_world_run(&world, "return {init = function(s) local m, log = s:newTextGameMessage(20, -1), s:getLogger()\n"
			      "  log:info(pcall(s.retainMessage, m, 7, -1))\n"
			      "  log:info(pcall(s.retainMessage, m, 7, 1.5))\n"
			      "  log:info(pcall(s.forgetMessage, 7, 'x'))\n"
			      "  log:info(s:retainMessage(m, 7, 4294967295)) end}");
	expect_part(&world, "a key, which is a whole number from 0 up, expected");
	cr_assert_eq(world.store.retained_count, 1);
	lua_world_stop(&world);
}

Test(lua_late_join, a_snapshot_is_a_message_or_an_array_of_them_or_nothing)
{
	struct session *session = lua_world_run(&world,
		"local s\n"
		"return {init = function(rt) s = rt end,\n"
		"  onSnapshot = function(g, p)\n"
		"    local function m(text) return s:newTextGameMessage(30, -1, text .. g .. ' ' .. p) end\n"
		"    if g == -1 then return m('all') end\n"
		"    if g == 7 then return {m('a'), m('b')} end\n"
		"    if g == 8 then return nil end\n"
		"    if g == 9 then return {m('a'), 'no message'} end\n"
		"    error('oops')\n"
		"  end}\n");
	struct player *one = lua_world_join(&world, session, "");
	expect(&world, "send 30 from -1 reliable to 1 'all-1 1'\n");
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "send 30 from -1 reliable to 1 'a7 1'\nsend 30 from -1 reliable to 1 'b7 1'\n");
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 8), DROP_NONE);
	expect(&world, "");
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 9), DROP_DENIED);
	expect_part(&world, "onSnapshot returned something else than a message");
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 10), DROP_DENIED);
	expect_part(&world, "oops");
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
	lua_world_stop(&world);
}

/* Half of one is worse than none: it joins without. */
Test(lua_late_join, of_a_snapshot_with_a_part_that_is_none_nothing_is_delivered)
{
	struct session *session = lua_world_run(&world,
		"local s\n"
		"return {init = function(rt) s = rt end,\n"
		"  onSnapshot = function(g)\n"
		"    local function m(op) return s:newTextGameMessage(op, -1, 'x') end\n"
		"    if g == 7 then return {m(30), 'no message', m(30)} end\n"
		"    if g == 9 then error('oops') end\n"
		"  end}\n");
	struct player *one = lua_world_join(&world, session, "");
	uint64_t errors_before = world.counts[SCRIPT_COUNT_ERRORS];
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	session->is_late_allowed = true;
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	cr_assert_null(strstr(world.log, "send 30"), "%s", world.log);
	expect_part(&world, "onSnapshot returned something else than a message");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], errors_before + 1);
	cr_assert_eq(world.store.snapshots_missed, 1);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 9), DROP_NONE);
	cr_assert_eq(world.store.snapshots_missed, 2, "and of none at all");
	session->is_late_allowed = false;
	world.script_limits.on_error = SCRIPT_FAILURE_DENY;
	lua_world_group(&world, one, OPCODE_LEAVE_GROUP, 7);
	cr_assert_eq(lua_world_group(&world, one, OPCODE_JOIN_GROUP, 7), DROP_DENIED);
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
	lua_world_stop(&world);
}
