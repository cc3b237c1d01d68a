/* Who makes room when the places for connections run short: strangers of the largest crowd, never a player, never the newcomer for others' sake. */
#include <criterion/criterion.h>

#include "stand.h"

static struct stand stand;

enum { PLACES = 128, HOG = 9, OTHER = 8 };

static void start_with(uint32_t per_address_max)
{
	struct ringcast_limits limits = stand_limits();
	limits.connections_max = PLACES;
	limits.connections_per_address_max = per_address_max;
	limits.players_max = PLACES;
	limits.players_per_session_max = PLACES;
	stand_start(&stand, &limits, 65536);
}

static void start(void)
{
	start_with(0);
}

static void connect_many(uint8_t host, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stand_connect(&stand, host);
	stand_run(&stand, 2);
}

static uint64_t crowded(void)
{
	cr_assert_eq(stand.shard->counters.drops[DROP_CROWDED], stand.shard->counters.closes[CLOSE_CROWDED]);
	return stand.shard->counters.closes[CLOSE_CROWDED];
}

Test(crowd, a_hog_makes_room_for_everybody_else, .timeout = 60)
{
	start();
	struct session *session = stand_session(&stand);
	struct seat *player = stand_join(&stand, session, 2), *waiting = stand_connect(&stand, OTHER);
	connect_many(HOG, 2 * PLACES);
	uint64_t refused = stand.shard->counters.drops[DROP_CONNECTION_LIMIT];
	cr_assert_gt(refused, 0, "its own");
	for (uint8_t i = 0; i < 20; i++)
		cr_expect(stand_join(&stand, session, (uint8_t)(20 + i))->peer_id > 0, "newcomer %u", i);
	cr_expect_geq(crowded(), 17); /* all but those who had the spare places */
	cr_expect(stand_is_open(&stand, player) && stand_is_open(&stand, waiting));
	cr_expect_eq(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], refused);
	stand_stop(&stand);
}

Test(crowd, players_of_the_hogs_address_stay, .timeout = 60)
{
	start();
	struct session *session = stand_session(&stand);
	struct seat *players[10];
	for (int i = 0; i < 10; i++)
		players[i] = stand_join(&stand, session, HOG);
	connect_many(HOG, 2 * PLACES);
	for (uint8_t i = 0; i < 20; i++)
		stand_join(&stand, session, (uint8_t)(20 + i));
	cr_assert_gt(crowded(), 0);
	for (int i = 0; i < 10; i++)
		cr_expect(stand_is_open(&stand, players[i]), "player %d", i);
	stand_stop(&stand);
}

/* Nobody has more than another, and all have just come: then the last one is refused. A second later the first ones have had their time. */
Test(crowd, of_equals_those_go_who_have_had_their_time, .timeout = 60)
{
	start();
	stand_connect(&stand, 9);
	stand_run(&stand, 5);
	for (unsigned i = 1; i < PLACES; i++)
		stand_connect(&stand, (uint8_t)(10 + i));
	stand_run(&stand, 5);
	stand_connect(&stand, 200);
	stand_run(&stand, 5);
	cr_assert_eq(crowded(), 0);
	cr_assert_eq(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], 1);
	stand_run(&stand, 1100);
	struct seat *late = stand_connect(&stand, 201);
	stand_run(&stand, 50);
	stand_connect(&stand, 202);
	stand_run(&stand, 5);
	cr_assert_geq(crowded(), 1);
	cr_expect(stand_is_open(&stand, late) || stand.shard->counters.drops[DROP_CONNECTION_LIMIT] == 2);
	cr_expect_not(stand_is_open(&stand, &stand.seats[0]), "the first of all");
	stand_stop(&stand);
}

Test(crowd, an_address_with_players_goes_after_one_without, .timeout = 60)
{
	start();
	struct session *session = stand_session(&stand);
	struct seat *player = stand_join(&stand, session, OTHER), *friend = stand_connect(&stand, OTHER);
	for (unsigned i = 0; i < PLACES - 6; i++)
		stand_connect(&stand, (uint8_t)(10 + i));
	stand_run(&stand, 1100);
	for (uint8_t i = 0; i < 20; i++) {
		stand_connect(&stand, (uint8_t)(200 + i));
		stand_run(&stand, 5);
	}
	cr_assert_geq(crowded(), 15);
	cr_expect(stand_is_open(&stand, player) && stand_is_open(&stand, friend));
	stand_stop(&stand);
}

/* Full of players: nobody goes, and the newcomer is told. */
Test(crowd, players_are_nobodys_room, .timeout = 60)
{
	start();
	struct session *session = stand_session(&stand);
	for (unsigned i = 0; i < PLACES; i++)
		stand_join(&stand, session, 2);
	connect_many(3, 5);
	cr_assert_eq(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], 5);
	cr_assert_eq(crowded(), 0);
	for (unsigned i = 0; i < PLACES; i++)
		cr_expect(stand_is_open(&stand, &stand.seats[i]));
	stand_stop(&stand);
}

/* A frame that asks for nothing buys no time: of equals it is still the first one who goes. */
Test(crowd, a_pong_is_no_reason_to_stay, .timeout = 60)
{
	start();
	struct seat *ponger = stand_connect(&stand, 9);
	stand_upgrade(&stand, ponger);
	stand_run(&stand, 5);
	for (unsigned i = 1; i < PLACES - 6; i++)
		stand_connect(&stand, (uint8_t)(10 + i));
	for (unsigned i = 0; i < 11; i++) {
		stand_run(&stand, 100);
		stand_write(&stand, ponger, WEBSOCKET_PONG, "", 0);
	}
	stand_run(&stand, 5);
	for (uint8_t i = 0; i < 20; i++) {
		stand_connect(&stand, (uint8_t)(200 + i));
		stand_run(&stand, 5);
	}
	cr_assert_geq(crowded(), 15);
	cr_expect_not(stand_is_open(&stand, ponger), "the first of all");
	stand_stop(&stand);
}

/* Whoever knocks at a full house, each from an address of its own, does not make the shard look through all its connections each time. */
Test(crowd, a_vain_search_is_not_repeated_for_each_newcomer, .timeout = 60)
{
	start();
	struct session *session = stand_session(&stand);
	for (unsigned i = 0; i < PLACES; i++)
		stand_join(&stand, session, 2);
	uint64_t looks_before = stand.shard->crowd_looks;
	for (uint8_t i = 0; i < 10; i++)
		stand_connect(&stand, (uint8_t)(10 + i));
	stand_run(&stand, 5);
	cr_assert_eq(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], 10);
	cr_expect_leq(stand.shard->crowd_looks - looks_before, 2);
	stand_run(&stand, 20);
	uint64_t looks = stand.shard->crowd_looks;
	stand_connect(&stand, 200);
	stand_run(&stand, 5);
	cr_expect_eq(stand.shard->crowd_looks, looks + 1, "after a pause it is");
	stand_stop(&stand);
}

/* A search in vain for one who has many is none for one who has none: a hog that makes no room for itself does so for the newcomer. */
Test(crowd, a_hogs_vain_search_is_not_the_newcomers, .timeout = 60)
{
	start();
	connect_many(HOG, PLACES + 5);
	cr_assert_gt(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], 0);
	stand_connect(&stand, HOG);
	struct seat *newcomer = stand_connect(&stand, OTHER);
	stand_run(&stand, 5);
	cr_expect_geq(crowded(), 1);
	cr_expect(stand_is_open(&stand, newcomer));
	stand_stop(&stand);
}

/* Who is refused by the limit of its own address has not cost anybody else a place. */
Test(crowd, an_address_beyond_its_own_limit_makes_nobody_go, .timeout = 60)
{
	start_with(2);
	struct session *session = stand_session(&stand);
	stand_join(&stand, session, HOG);
	stand_join(&stand, session, HOG);
	for (unsigned i = 0; i < PLACES - 4; i++)
		stand_connect(&stand, (uint8_t)(10 + i));
	stand_run(&stand, 1100);
	uint64_t before = crowded();
	connect_many(HOG, 10);
	connect_many(HOG, 10);
	cr_expect_eq(stand.shard->counters.drops[DROP_ADDRESS_LIMIT], 20);
	cr_expect_eq(crowded(), before);
	stand_stop(&stand);
}

/* A newcomer for whom there is no place has used nothing of what its address may have. */
Test(crowd, who_finds_no_place_is_not_counted_among_its_addresses, .timeout = 60)
{
	start_with(2);
	struct session *session = stand_session(&stand);
	for (unsigned i = 0; i < PLACES; i++)
		stand_join(&stand, session, (uint8_t)(10 + i));
	connect_many(HOG, 5);
	cr_expect_eq(stand.shard->counters.drops[DROP_CONNECTION_LIMIT], 5);
	cr_expect_eq(stand.shard->counters.drops[DROP_ADDRESS_LIMIT], 0);
	stand_stop(&stand);
}
