/* The dense list of a session's players: whoever leaves, in whatever order, everyone else stays where his index says. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "world.h"

enum { PLAYER_COUNT = 24 };

static struct world world;

static struct player *join(struct session *session)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	struct view payload = ringcast_view_of("", 0);
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), payload, &world, world.now_ns, &player), DROP_NONE);
	return player;
}

static void check(const struct session *session)
{
	for (uint32_t i = 0; i < session->player_count; i++) {
		cr_assert_not_null(session->players[i]);
		cr_assert_eq(session->players[i]->session_index, i);
	}
}

/* The first to leave was once the last but one to move, and took a stale index with him. */
Test(players, leave_in_any_order_while_others_connect)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct prng prng;
		ringcast_prng_init(&prng, seed);
		world_start(&world, &(struct world_options){.hooks = 0});
		struct session *session = world_open(&world);
		for (unsigned step = 0; step < 200; step++) {
			if (session->player_count < PLAYER_COUNT && ringcast_prng_chance(&prng, 1, 2)) {
				struct player *player = join(session);
				if (ringcast_prng_chance(&prng, 3, 4))
					ringcast_admission_accept(player, world.now_ns);
			} else if (session->player_count > 0) {
				uint32_t i = (uint32_t)ringcast_prng_below(&prng, session->player_count);
				ringcast_player_disconnect(session->players[i], CLOSE_CLIENT, world.now_ns);
			}
			check(session);
			ringcast_store_collect(&world.store);
		}
		world_stop(&world);
	}
}
