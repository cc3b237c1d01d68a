/* The example game, by its specification in docs/examples/README.md. */
#include <criterion/criterion.h>

#include "lua_world.h"

static struct lua_world world;
static struct session *session;

static void setup(void)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	lua_world_start(&world);
	world.script = ringcast_script_read(&(struct script_source){.name = "rooms", .path = ROOMS_FOLDER}, error, sizeof(error));
	cr_assert_not_null(world.script, "%s", error);
	cr_assert(ringcast_lua_check(world.script, &world.script_limits, error, sizeof(error)), "%s", error);
	world.program = ringcast_lua_ops.load(world.host, world.script, error, sizeof(error));
	session = lua_world_open(&world);
}

static void teardown(void)
{
	lua_world_stop(&world);
}

TestSuite(lua_rooms, .init = setup, .fini = teardown);

static struct player *join(void)
{
	return lua_world_join(&world, session, "rooms 1");
}

static void tell(struct player *player, int32_t opcode, const char *text)
{
	lua_world_send(&world, player, opcode, PROTO_PEER_SERVER, 0, text);
}

Test(lua_rooms, who_may_come_in)
{
	cr_assert_not_null(join());
	cr_assert_not_null(lua_world_join(&world, session, ""));
	cr_assert_null(lua_world_join(&world, session, "rooms 2"));
	cr_assert_null(lua_world_join(&world, session, "x"));
}

Test(lua_rooms, refusals)
{
	struct player *players[6];
	for (int i = 0; i < 6; i++)
		players[i] = join();
	tell(players[0], 11, "+");
	expect(&world, "send 22 from -1 reliable to 1 'enter a room first'\n");
	tell(players[0], 10, "0");
	tell(players[0], 10, "12");
	tell(players[0], 10, "");
	expect(&world, "send 22 from -1 reliable to 1 'no such room'\nsend 22 from -1 reliable to 1 'no such room'\n"
		       "send 22 from -1 reliable to 1 'no such room'\n");
	for (int i = 0; i < 4; i++)
		tell(players[i], 10, "4");
	lua_world_forget(&world);
	tell(players[4], 10, "4");
	expect(&world, "send 22 from -1 reliable to 5 'room is full'\n");
	tell(players[0], 10, "4");
	expect(&world, "");
	tell(players[0], 11, "x");
	expect(&world, "send 22 from -1 reliable to 1 'no such step'\n");
	tell(players[0], 12, "?");
	expect(&world, "");
	cr_assert_eq(lua_world_group(&world, players[5], OPCODE_JOIN_GROUP, 1), DROP_DENIED);
	cr_assert_eq(lua_world_group(&world, players[0], OPCODE_LEAVE_GROUP, 4), DROP_DENIED);
}

Test(lua_rooms, a_round)
{
	struct player *one = join(), *two = join();
	tell(one, 10, "1");
	tell(two, 10, "1");
	lua_world_forget(&world);
	lua_world_advance_ms(&world, 100);
	expect(&world, "send 20 from -1 reliable to 1,2 'coin 5,1 0 0,2 0 0'\n");
	lua_world_advance_ms(&world, 100);
	expect(&world, "");
	for (int i = 0; i < 4; i++) {
		tell(two, 11, "-");
		tell(two, 11, "+");
		lua_world_advance_ms(&world, 100);
	}
	expect_part(&world, "'coin 5,1 0 0,2 4 0'\n");
	tell(two, 11, "+");
	lua_world_advance_ms(&world, 100);
	expect(&world, "send 20 from -1 reliable to 1,2 'coin 9,1 0 0,2 5 1'\n");
	for (int i = 0; i < 4; i++) {
		tell(two, 11, "+");
		lua_world_advance_ms(&world, 100);
	}
	expect_part(&world, "'coin 1,1 0 0,2 9 2'\n");
	tell(two, 11, "+");
	lua_world_advance_ms(&world, 100);
	expect(&world, "");
	for (int i = 0; i < 8; i++) {
		tell(two, 11, "-");
		lua_world_advance_ms(&world, 100);
	}
	expect_part(&world, "send 21 from -1 reliable to 1,2 '2 1 user-2'\nsend 20 from -1 reliable to 1,2 'coin 7,1 0 0,2 1 0'\n");
	tell(one, 10, "2");
	lua_world_forget(&world);
	lua_world_advance_ms(&world, 100);
	expect(&world, "send 20 from -1 reliable to 2 'coin 7,2 1 0'\nsend 20 from -1 reliable to 1 'coin 5,1 0 0'\n");
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns);
	lua_world_forget(&world);
	lua_world_advance_ms(&world, 200);
	expect(&world, "");
}

Test(lua_rooms, chat)
{
	struct player *one = join();
	tell(one, 10, "3");
	lua_world_forget(&world);
	cr_assert_eq(lua_world_send(&world, one, 30, 0, 3, "12345678901234567890123456789012"), DROP_NONE);
	cr_assert_eq(lua_world_send(&world, one, 30, 0, 3, "123456789012345678901234567890123"), DROP_DENIED);
	expect(&world, "send 30 from 1 reliable to 1 '12345678901234567890123456789012'\n");
}
