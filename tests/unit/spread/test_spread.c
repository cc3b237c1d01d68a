#include <criterion/criterion.h>

#include "base/attr.h"
#include "yard.h"

enum { GROUPS = 6 };

static struct yard yard;

static struct seat *any_in(void)
{
	for (unsigned tries = 0; tries < 20 && yard.seat_count > 0; tries++) {
		struct seat *seat = &yard.seats[ringcast_prng_below(&yard.prng, yard.seat_count)];
		if (seat->player != NULL)
			return seat;
	}
	return NULL;
}

static void group_request(struct seat *seat, int32_t opcode, enum packet_command command)
{
	struct packet packet = {.opcode = opcode, .command = command, .group = 1 + (int32_t)ringcast_prng_below(&yard.prng, GROUPS)};
	yard_send(&yard, seat, &packet, INTENT_RELIABLE);
}

static void say(struct seat *seat, uint32_t number)
{
	struct packet packet = {.opcode = 7, .payload = ringcast_view_of(&number, sizeof(number))};
	uint64_t dice = ringcast_prng_below(&yard.prng, 10);
	if (dice < 4)
		packet.target_group = PROTO_GROUP_ALL;
	else if (dice < 8)
		packet.target_group = 1 + (int32_t)ringcast_prng_below(&yard.prng, GROUPS);
	if (dice >= 7) /* also to both */
		packet.target_player = 1 + (int32_t)ringcast_prng_below(&yard.prng, yard.seat_count);
	yard_send(&yard, seat, &packet, ringcast_prng_chance(&yard.prng, 1, 3) ? INTENT_FAST : INTENT_RELIABLE);
}

static void retain_or_forget(uint32_t number)
{
	uint64_t dice = ringcast_prng_below(&yard.prng, 10);
	int32_t group = dice < 2 ? PROTO_GROUP_ALL : 1 + (int32_t)ringcast_prng_below(&yard.prng, GROUPS);
	uint32_t key = (uint32_t)ringcast_prng_below(&yard.prng, 4);
	if (dice % 3 == 0)
		yard_forget(&yard, group, key);
	else
		yard_retain(&yard, group, key, number);
}

static void act(uint32_t number)
{
	uint64_t dice = ringcast_prng_below(&yard.prng, 100);
	struct seat *seat = any_in();
	if (dice < 8 || seat == NULL)
		yard_join(&yard, (uint32_t)ringcast_prng_below(&yard.prng, yard.shard_count));
	else if (dice < 11)
		yard_leave(&yard, seat);
	else if (dice < 12)
		yard_kick(&yard, seat->peer_id);
	else if (dice < 24)
		group_request(seat, OPCODE_JOIN_GROUP, PACKET_COMMAND_JOIN_GROUP);
	else if (dice < 30)
		group_request(seat, OPCODE_LEAVE_GROUP, PACKET_COMMAND_LEAVE_GROUP);
	else if (dice < 34)
		group_request(seat, OPCODE_REQUEST_GROUP_MEMBERSHIP, PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP);
	else if (dice < 40)
		retain_or_forget(number);
	else
		say(seat, number);
	for (uint64_t i = ringcast_prng_below(&yard.prng, 6); i > 0; i--)
		yard_read_one(&yard, (uint32_t)ringcast_prng_below(&yard.prng, yard.shard_count), (uint32_t)ringcast_prng_below(&yard.prng, yard.shard_count));
}

static void play_with(uint32_t shard_count, uint32_t action_count, uint64_t seed, uint64_t membership_bytes_per_second)
{
	yard_start(&yard, shard_count, 200, seed);
	yard.limits.membership_bytes_per_second = membership_bytes_per_second;
	for (uint32_t number = 0; number < action_count; number++) {
		act(number);
		if (membership_bytes_per_second > 0 && number % 10 == 9)
			yard_advance_ms(&yard, ringcast_prng_below(&yard.prng, 300));
		if (number % 100 == 99) {
			yard_read_all(&yard);
			yard_compare(&yard);
		}
	}
	yard_read_all(&yard);
	yard_compare(&yard);
	cr_assert(yard.delivered[0] > 100 && yard.delivered[1] > 100 && yard.deliver_count > 100, "it was spread");
	yard_stop(&yard);
}

static void play(uint32_t shard_count, uint32_t action_count, uint64_t seed)
{
	play_with(shard_count, action_count, seed, 0);
}

Test(spread, lists_that_wait_come_to_all_shards)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		play_with(2 + (uint32_t)seed % 3, 1500, seed, 3000);
		cr_assert_gt(yard.merged, 20, "they did wait");
	}
}

Test(spread, players_on_two_shards_get_what_they_would_on_one)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		play(2, 1500, seed);
}

Test(spread, players_on_many_shards_get_what_they_would_on_one)
{
	static const uint32_t counts[] = {3, 5, 8, 16, 33, 64};
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		play(counts[i], 2500, 100 + i);
}

/* Letters still under way: those for players who are gone find nobody, and nothing stays behind. */
Test(spread, a_session_may_end_while_its_limbs_speak)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		yard_start(&yard, 4, 100, seed);
		for (uint32_t number = 0; number < 200; number++)
			act(number);
		yard_stop(&yard);
	}
}

static struct seat *join_now(uint32_t shard)
{
	struct seat *seat = yard_join(&yard, shard);
	yard_read_all(&yard);
	cr_assert_not_null(seat->player);
	return seat;
}

Test(spread, a_limb_lives_as_long_as_it_has_players)
{
	yard_start(&yard, 2, 100, 1);
	struct seat *first = join_now(1), *second = join_now(1);
	const struct store *store = &yard.stores[1].store;
	cr_assert_eq(store->limb_count, 1);
	cr_assert_str_eq(first->player->session->name, "yard");
	cr_assert_null(ringcast_session_find_name(&yard.stores[1].store, "yard"), "it is only called so");
	yard_leave(&yard, first);
	yard_read_all(&yard);
	yard_compare(&yard);
	cr_assert_eq(store->limb_count, 1);
	yard_leave(&yard, second);
	yard_read_all(&yard);
	yard_compare(&yard);
	cr_assert_eq(store->limb_count, 0);
	cr_assert_eq(store->sessions.count, 0);
	join_now(1);
	cr_assert_eq(store->limb_count, 1);
	yard_stop(&yard);
}

/* One letter for each shard that has members, none for the others. */
Test(spread, a_message_is_one_letter_for_each_shard_with_receivers)
{
	yard_start(&yard, 4, 100, 1);
	struct seat *home = join_now(0);
	for (unsigned i = 0; i < 9; i++)
		join_now(1 + i % 2); /* nobody on shard 3 */
	uint64_t before = yard.deliver_count;
	struct packet packet = {.opcode = 7, .target_group = PROTO_GROUP_ALL};
	cr_assert_eq(yard_send(&yard, home, &packet, INTENT_RELIABLE), DROP_NONE);
	cr_assert_eq(yard.deliver_count - before, 2);
	yard_read_all(&yard);
	yard_compare(&yard);
	yard_stop(&yard);
}

/* A small session is pinned; once it is large, who arrives stays where it was accepted, and who is in stays where it is. */
Test(spread, a_session_that_grows_spreads_from_then_on)
{
	yard_start(&yard, 2, 4, 1);
	cr_assert_null(yard.session->spread);
	struct seat *early = join_now(0);
	cr_assert(ringcast_session_resize(yard.session, 100) && ringcast_session_resize(yard.twin, 100));
	cr_assert_not_null(yard.session->spread);
	struct seat *late = join_now(1);
	cr_assert_eq(early->player->session, yard.session);
	cr_assert_neq(late->player->session, yard.session);
	yard_stop(&yard);
}

/* Whoever is in a limb that misses something is sent away, before it would notice. */
Test(spread, who_would_miss_something_leaves)
{
	yard_start(&yard, 3, 100, 1);
	struct seat *home = join_now(0), *lost = join_now(1), *other = join_now(2);
	ringcast_home_lose(&yard.stores[0].store, 1, yard.now_ns);
	ringcast_player_disconnect(lost->twin, CLOSE_SLOW, yard.now_ns);
	lost->twin = NULL;
	yard_read_all(&yard);
	cr_assert(lost->is_closed && !home->is_closed && !other->is_closed);
	yard_compare(&yard);
	yard_stop(&yard);
}

/* A change of limits comes to each shard at another moment: what home has let in stays in. */
Test(spread, a_limb_has_no_limits_of_its_own)
{
	yard_start(&yard, 2, 100, 1);
	struct session_limits narrow = yard.limits;
	struct seat *seat = join_now(1);
	narrow.groups_per_player_max = narrow.groups_per_session_max = 1;
	yard.stores[1].store.options.limits = &narrow;
	for (int32_t group = 1; group <= 3; group++) {
		struct packet packet = {.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP, .group = group};
		yard_send(&yard, seat, &packet, INTENT_RELIABLE);
	}
	yard_read_all(&yard);
	yard_compare(&yard);
	cr_assert_not_null(seat->player);
	cr_assert_eq(seat->player->group_count, 3);
	yard.stores[1].store.options.limits = &yard.limits;
	yard_stop(&yard);
}

/* As if there were no limbs here: sessions and players of other shards have places of their own. */
static void fill_own_places(struct store *store)
{
	struct session *sessions[4], *one_more;
	const struct session_options options = {.players_max = YARD_SEATS_MAX, .spread = SPREAD_NEVER, .empty_timeout_ms = UINT32_MAX};
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	for (size_t i = 0; i < ARRAY_COUNT(sessions); i++)
		cr_assert_eq(ringcast_session_open(store, &options, yard.now_ns, &sessions[i]), DROP_NONE);
	cr_assert_eq(ringcast_session_open(store, &options, yard.now_ns, &one_more), DROP_SESSION_FULL);
	for (uint32_t i = 0; i < YARD_SEATS_MAX; i++)
		cr_assert_eq(ringcast_admission_reserve(sessions[i % 4], NULL, NULL, yard.now_ns, &player, token), DROP_NONE);
	cr_assert_eq(ringcast_admission_reserve(sessions[0], NULL, NULL, yard.now_ns, &player, token), DROP_NO_BUFFER);
	for (size_t i = 0; i < ARRAY_COUNT(sessions); i++)
		ringcast_session_end_now(sessions[i], CLOSE_SESSION_ENDED, yard.now_ns);
}

Test(spread, limbs_take_no_place_of_a_shards_own_sessions)
{
	struct store *store = &yard.stores[1].store;
	yard_start(&yard, 2, YARD_SEATS_MAX, 1);
	cr_assert(ringcast_limb_has_room(store, 0));
	cr_assert(!ringcast_limb_has_room(store, YARD_SEATS_MAX), "not for all who are on their way and one more");
	for (uint32_t i = 0; i < YARD_SEATS_MAX; i++)
		join_now(1);
	cr_assert_eq(store->limb_player_count, YARD_SEATS_MAX);
	cr_assert(!ringcast_limb_has_room(store, 0), "nor do they take more");
	fill_own_places(store);
	yard_leave(&yard, &yard.seats[0]);
	yard_read_all(&yard);
	yard_compare(&yard);
	cr_assert(ringcast_limb_has_room(store, 0));
	yard_stop(&yard);
}

/* And the other way round: what is at home here leaves those of other shards their places. */
Test(spread, a_shard_full_of_its_own_takes_in_limbs)
{
	struct store *store = &yard.stores[1].store;
	const struct session_options options = {.players_max = 1, .spread = SPREAD_NEVER, .empty_timeout_ms = UINT32_MAX};
	struct session *own[4];
	yard_start(&yard, 2, 100, 1);
	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		cr_assert_eq(ringcast_session_open(store, &options, yard.now_ns, &own[i]), DROP_NONE);
	cr_assert(ringcast_limb_has_room(store, 0));
	join_now(1);
	cr_assert_eq(store->limb_count, 1);
	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		ringcast_session_end_now(own[i], CLOSE_SESSION_ENDED, yard.now_ns);
	yard_stop(&yard);
}
