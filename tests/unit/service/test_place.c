/* Queues and who waits in them, without a service around. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "service/place/board.h"
#include "service/place/state.h"

/* A board whose owners are their own wishes. */

struct owner {
	struct place_wish_options wish;
	struct place_request *request;
};

static struct place_wish *wish_of(void *context, void *owner, const struct place_queue *queue)
{
	(void)context;
	return ringcast_place_wish_create(queue, &((struct owner *)owner)->wish);
}

static struct place_board *board_new(uint32_t pools)
{
	struct place_board *board = ringcast_place_board_create(&(struct place_board_options){.wish = wish_of, .requests_max = 10000});
	cr_assert_not_null(board);
	for (uint32_t i = 0; i < pools; i++)
		cr_assert_eq(ringcast_place_board_add_pool(board), i);
	return board;
}

Test(board, a_pool_that_is_removed_gives_its_number_to_the_next_one_and_nobody_is_tried_there)
{
	struct place_board *board = board_new(3);
	bool is_used[3] = {false};
	struct place_effect effect;
	struct owner owner = {0};
	struct place_queue *queue = ringcast_place_queue_create(60);
	cr_assert(ringcast_place_queue_add_site(queue, 0, "a", 0, 0) && ringcast_place_queue_add_site(queue, 0, "b", 2, 0) && ringcast_place_queue_seal(queue));
	cr_assert(ringcast_place_board_set_queue(board, "q", queue, 0));
	ringcast_place_board_mark_pools(board, is_used);
	cr_assert(is_used[0] && !is_used[1] && is_used[2]);
	ringcast_place_board_set_room(board, 1, 5);
	ringcast_place_board_remove_pool(board, 1);
	cr_assert_eq(ringcast_place_board_room(board, 1), 0);
	cr_assert_eq(ringcast_place_board_add_pool(board), 1, "while it still lies among those with room");
	cr_assert_eq(ringcast_place_board_add_pool(board), 3);
	queue = ringcast_place_queue_create(60);
	cr_assert(ringcast_place_queue_add_site(queue, 0, "a", 1, 0) && ringcast_place_queue_seal(queue));
	cr_assert(ringcast_place_board_set_queue(board, "q", queue, 0));
	owner.request = ringcast_place_board_add(board, "q", &owner, 0);
	cr_assert_not(ringcast_place_board_next(board, &effect), "the new one has no room yet");
	ringcast_place_board_set_room(board, 1, 1);
	cr_assert(ringcast_place_board_next(board, &effect) && effect.kind == PLACE_TRY && effect.pool == 1);
	ringcast_place_board_remove(board, &owner.request);
	ringcast_place_board_destroy(&board);
}

/* Destination 0 in a and b (pools 0 and 1), destination 1 in b and c (pools 2 and 3). */
static struct place_queue *two_fleets(uint32_t timeout_s)
{
	struct place_queue *queue = ringcast_place_queue_create(timeout_s);
	cr_assert(ringcast_place_queue_add_site(queue, 0, "a", 0, 0) && ringcast_place_queue_add_site(queue, 0, "b", 1, 0) &&
		  ringcast_place_queue_add_site(queue, 1, "b", 2, 0) && ringcast_place_queue_add_site(queue, 1, "c", 3, 0));
	return queue;
}

static void put_queue(struct place_board *board, struct place_queue *queue)
{
	cr_assert(ringcast_place_queue_seal(queue));
	cr_assert(ringcast_place_board_set_queue(board, "q", queue, 0));
}

static void add(struct place_board *board, struct owner *owner, int64_t started_ms)
{
	owner->request = ringcast_place_board_add(board, "q", owner, started_ms);
	cr_assert_not_null(owner->request);
}

/* "0a": destination and location of the one try that is due for this owner; "" for none, "T" for a time-out, "F" for a failure. */
static const char *next_of(struct place_board *board, const struct owner *owner)
{
	static char text[16];
	struct place_effect effect;
	if (!ringcast_place_board_next(board, &effect))
		return "";
	cr_assert_eq(effect.owner, owner, "another one is served");
	if (effect.kind != PLACE_TRY)
		return effect.kind == PLACE_TIMED_OUT ? "T" : "F";
	snprintf(text, sizeof(text), "%u%s", effect.destination, effect.location);
	return text;
}

static const struct place_latency near_c[] = {{0, "a", 90}, {0, "b", 60}, {0, "c", 20}, {1, "a", 40}, {1, "b", 55}, {1, "c", 30}};
#define NEAR_C .latencies = near_c, .latency_count = ARRAY_SIZE(near_c), .player_count = 2
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

Test(place, the_location_with_the_least_latency_on_average_is_first)
{
	struct place_board *board = board_new(4);
	struct owner near = {.wish = {NEAR_C}}, second = near, anybody = {0};
	put_queue(board, two_fleets(600));
	for (uint32_t i = 0; i < 4; i++)
		ringcast_place_board_set_room(board, i, 1);
	add(board, &near, 0);
	cr_assert_str_eq(next_of(board, &near), "1c");
	add(board, &second, 0);
	cr_assert_str_eq(next_of(board, &second), "0b", "c is full; b is nearer than a, and the first destination has it");
	add(board, &anybody, 0);
	cr_assert_str_eq(next_of(board, &anybody), "0a", "without latencies: destinations as the queue has them, then locations");
	ringcast_place_board_destroy(&board);
}

Test(place, a_queue_may_name_its_own_priorities)
{
	struct place_board *board = board_new(4);
	struct place_queue *queue = two_fleets(600);
	struct owner near = {.wish = {NEAR_C}}, second = near;
	cr_assert(ringcast_place_queue_add_priority(queue, PLACE_BY_LOCATION) && ringcast_place_queue_order_location(queue, "b"));
	cr_assert_not(ringcast_place_queue_add_priority(queue, PLACE_BY_LOCATION), "each once");
	put_queue(board, queue);
	for (uint32_t i = 0; i < 4; i++)
		ringcast_place_board_set_room(board, i, i == 1 ? 0 : 5);
	add(board, &near, 0);
	cr_assert_str_eq(next_of(board, &near), "1b");
	ringcast_place_board_set_room(board, 2, 0);
	add(board, &second, 0);
	cr_assert_str_eq(next_of(board, &second), "0a", "locations that the order does not name follow as they come");
	ringcast_place_board_destroy(&board);
}

Test(place, cost_decides_where_destinations_differ_in_it)
{
	struct place_board *board = board_new(2);
	struct place_queue *queue = ringcast_place_queue_create(600);
	struct owner owner = {0};
	cr_assert(ringcast_place_queue_add_site(queue, 0, "a", 0, 2) && ringcast_place_queue_add_site(queue, 1, "a", 1, 1));
	put_queue(board, queue);
	ringcast_place_board_set_room(board, 0, 1);
	ringcast_place_board_set_room(board, 1, 1);
	add(board, &owner, 0);
	cr_assert_str_eq(next_of(board, &owner), "1a");
	ringcast_place_board_destroy(&board);
}

Test(place, a_filter_leaves_locations_out)
{
	struct place_board *board = board_new(4);
	struct place_queue *queue = ringcast_place_queue_create(600);
	struct owner owner = {.wish = {NEAR_C}};
	cr_assert(ringcast_place_queue_allow(queue, "a"));
	cr_assert(ringcast_place_queue_add_site(queue, 0, "a", 0, 0) && ringcast_place_queue_add_site(queue, 0, "c", 3, 0));
	put_queue(board, queue);
	ringcast_place_board_set_room(board, 3, 1);
	add(board, &owner, 0);
	cr_assert_str_eq(next_of(board, &owner), "");
	ringcast_place_board_set_room(board, 0, 1);
	cr_assert_str_eq(next_of(board, &owner), "0a");
	ringcast_place_board_destroy(&board);
}

Test(place, latency_policies_are_relaxed_as_a_request_ages)
{
	struct place_board *board = board_new(4);
	struct place_queue *queue = two_fleets(600);
	struct owner owner = {.wish = {NEAR_C}};
	/* in any order; the strictest is in force first */
	cr_assert(ringcast_place_queue_add_policy(queue, (struct place_policy){60, 30}) && ringcast_place_queue_add_policy(queue, (struct place_policy){50, 10}));
	put_queue(board, queue);
	for (uint32_t i = 0; i < 3; i++)
		ringcast_place_board_set_room(board, i, 1);
	add(board, &owner, 1000);
	cr_assert_str_eq(next_of(board, &owner), "", "only c is within 50 ms for both, and is full");
	ringcast_place_board_set_room(board, 1, 0);
	ringcast_place_board_set_room(board, 2, 0);
	ringcast_place_board_tick(board, 10999);
	cr_assert_str_eq(next_of(board, &owner), "");
	ringcast_place_board_tick(board, 11000);
	cr_assert_eq(ringcast_place_request_stage(owner.request), 1);
	cr_assert_str_eq(next_of(board, &owner), "", "b is within 60 ms, and is full");
	ringcast_place_board_tick(board, 40999);
	cr_assert_str_eq(next_of(board, &owner), "");
	ringcast_place_board_tick(board, 41000);
	cr_assert_str_eq(next_of(board, &owner), "0a", "no policy is in force any more");
	ringcast_place_board_destroy(&board);
}

Test(place, under_a_policy_a_location_that_a_player_did_not_name_does_not_count)
{
	static const struct place_latency partly[] = {{0, "a", 10}, {0, "b", 10}, {1, "b", 20}, {1, "elsewhere", 1}};
	struct place_board *board = board_new(4);
	struct place_queue *queue = two_fleets(600);
	struct owner owner = {.wish = {.latencies = partly, .latency_count = ARRAY_SIZE(partly), .player_count = 2}}, nobody = {0};
	cr_assert(ringcast_place_queue_add_policy(queue, (struct place_policy){100, UINT32_MAX}));
	put_queue(board, queue);
	ringcast_place_board_set_room(board, 0, 1);
	add(board, &owner, 0);
	ringcast_place_board_tick(board, 500000);
	cr_assert_str_eq(next_of(board, &owner), "", "a is not known for the second player, however long they wait");
	ringcast_place_board_set_room(board, 2, 1);
	cr_assert_str_eq(next_of(board, &owner), "1b");
	add(board, &nobody, 500000);
	cr_assert_str_eq(next_of(board, &nobody), "0a", "who names no latencies is bound by no policy");
	ringcast_place_board_destroy(&board);
}

Test(place, an_override_holds_for_one_look_or_for_good)
{
	static const char *const order[] = {"c", "b"};
	struct place_board *board = board_new(4);
	struct owner strict = {.wish = {.override_locations = order, .override_count = 2, .fallback = PLACE_FALLBACK_NONE}},
		     loose = {.wish = {.override_locations = order, .override_count = 2}}, loose_too = loose;
	put_queue(board, two_fleets(600));
	ringcast_place_board_set_room(board, 0, 5);
	ringcast_place_board_set_room(board, 2, 1);
	add(board, &loose, 0);
	cr_assert_str_eq(next_of(board, &loose), "1b", "what is in the override goes before everything else");
	add(board, &loose_too, 0);
	cr_assert_str_eq(next_of(board, &loose_too), "0a", "nothing of the override has room: the queue's own order");
	add(board, &strict, 0);
	cr_assert_str_eq(next_of(board, &strict), "", "a is not in the override");
	ringcast_place_board_set_room(board, 1, 1);
	ringcast_place_board_set_room(board, 3, 1);
	cr_assert_str_eq(next_of(board, &strict), "1c", "also later in its own order");
	ringcast_place_board_destroy(&board);
}

Test(place, room_goes_to_the_one_who_has_waited_longest_and_waiting_decides_nothing)
{
	enum { COUNT = 2000 };
	static struct owner owners[COUNT];
	struct place_board *board = board_new(4);
	put_queue(board, two_fleets(600));
	for (size_t i = 0; i < COUNT; i++) {
		owners[i] = (struct owner){0};
		add(board, &owners[i], 0);
	}
	cr_assert_str_eq(next_of(board, NULL), "");
	uint64_t before = ringcast_place_board_decisions(board);
	for (int i = 0; i < 1000; i++)
		ringcast_place_board_tick(board, i);
	cr_assert_str_eq(next_of(board, NULL), "");
	cr_assert_eq(ringcast_place_board_decisions(board), before, "nobody is looked at while nothing changes");
	for (size_t i = 0; i < COUNT; i++) {
		ringcast_place_board_set_room(board, (uint32_t)(i % 4), 1);
		cr_assert_str_neq(next_of(board, &owners[i]), "");
	}
	cr_assert_leq(ringcast_place_board_decisions(board), before + COUNT);
	ringcast_place_board_destroy(&board);
}

Test(place, a_request_times_out_wherever_it_is)
{
	struct place_board *board = board_new(4);
	struct owner trying = {0}, waiting = {0}, resting = {0};
	struct place_effect effect;
	put_queue(board, two_fleets(10));
	ringcast_place_board_set_room(board, 0, 2);
	add(board, &resting, 0);
	cr_assert_str_eq(next_of(board, &resting), "0a");
	add(board, &trying, 0);
	cr_assert_str_eq(next_of(board, &trying), "0a");
	cr_assert(ringcast_place_board_note_failure(board, resting.request, 9900));
	add(board, &waiting, 1);
	ringcast_place_board_tick(board, 10000);
	unsigned count = 0;
	while (ringcast_place_board_next(board, &effect)) {
		cr_assert_eq(effect.kind, PLACE_TIMED_OUT);
		cr_assert_neq(effect.owner, &waiting, "it is a millisecond younger");
		ringcast_place_board_remove(board, &effect.request);
		count++;
	}
	cr_assert_eq(count, 2);
	cr_assert_eq(ringcast_place_board_depth(board, "q"), 1);
	ringcast_place_board_destroy(&board);
}

Test(place, after_a_failure_it_rests_and_goes_elsewhere_and_gives_up_at_last)
{
	struct place_board *board = board_new(4);
	struct owner owner = {0};
	put_queue(board, two_fleets(600));
	ringcast_place_board_set_room(board, 0, 100);
	ringcast_place_board_set_room(board, 1, 100);
	add(board, &owner, 0);
	cr_assert_str_eq(next_of(board, &owner), "0a");
	cr_assert(ringcast_place_board_note_failure(board, owner.request, 0));
	ringcast_place_board_tick(board, 999);
	cr_assert_str_eq(next_of(board, &owner), "");
	ringcast_place_board_tick(board, 1000);
	cr_assert_str_eq(next_of(board, &owner), "0b", "not where it has just failed");
	ringcast_place_board_set_room(board, 0, 0);
	cr_assert(ringcast_place_board_note_failure(board, owner.request, 1000));
	ringcast_place_board_tick(board, 3000);
	cr_assert_str_eq(next_of(board, &owner), "0b", "there is nothing else");
	cr_assert(ringcast_place_board_note_failure(board, owner.request, 3000));
	ringcast_place_board_tick(board, 7000);
	cr_assert_str_eq(next_of(board, &owner), "0b");
	cr_assert(ringcast_place_board_note_failure(board, owner.request, 7000));
	ringcast_place_board_tick(board, 15000);
	cr_assert_str_eq(next_of(board, &owner), "0b");
	cr_assert_not(ringcast_place_board_note_failure(board, owner.request, 15000));
	ringcast_place_board_remove(board, &owner.request);
	cr_assert_eq(ringcast_place_board_depth(board, NULL), 0);
	ringcast_place_board_destroy(&board);
}

Test(place, who_comes_back_from_a_full_site_is_the_oldest_still)
{
	struct place_board *board = board_new(4);
	struct owner first = {0}, second = {0};
	put_queue(board, two_fleets(600));
	ringcast_place_board_set_room(board, 0, 1);
	add(board, &first, 0);
	add(board, &second, 0);
	cr_assert_str_eq(next_of(board, &first), "0a");
	ringcast_place_board_set_room(board, 0, 1);
	ringcast_place_board_note_full(board, first.request);
	cr_assert_eq(ringcast_place_board_room(board, 0), 0, "whoever says so is believed");
	cr_assert_str_eq(next_of(board, NULL), "");
	ringcast_place_board_set_room(board, 0, 1);
	cr_assert_str_eq(next_of(board, &first), "0a");
	ringcast_place_board_destroy(&board);
}

Test(place, a_queue_that_goes_takes_its_requests_with_it_also_late_ones)
{
	struct place_board *board = board_new(4);
	struct owner late = {0}, waiting = {0};
	struct place_effect effect;
	put_queue(board, two_fleets(10));
	add(board, &late, 0);
	add(board, &waiting, 5000);
	ringcast_place_board_tick(board, 10000);
	cr_assert(ringcast_place_board_set_queue(board, "q", NULL, 10000));
	cr_assert(ringcast_place_board_next(board, &effect));
	cr_assert(effect.owner == &late && effect.kind == PLACE_TIMED_OUT);
	ringcast_place_board_remove(board, &effect.request);
	cr_assert(ringcast_place_board_next(board, &effect));
	cr_assert(effect.owner == &waiting && effect.kind == PLACE_FAILED);
	ringcast_place_board_remove(board, &effect.request);
	cr_assert_null(ringcast_place_board_add(board, "q", &late, 0));
	ringcast_place_board_destroy(&board);
}

Test(place, only_pending_goes_on)
{
	enum place_state state;
	for (unsigned from = 0; from < PLACE_STATE_COUNT; from++)
		for (unsigned to = 0; to < PLACE_STATE_COUNT; to++)
			cr_assert_eq(ringcast_place_state_may_become((enum place_state)from, (enum place_state)to), from == PLACE_IS_PENDING && to != PLACE_IS_PENDING);
	cr_assert(ringcast_place_state_find("TIMED_OUT", &state) && state == PLACE_IS_TIMED_OUT);
	cr_assert_str_eq(ringcast_place_state_event(state), "PlacementTimedOut");
}
