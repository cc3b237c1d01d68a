/*
 * Small scope, completely: 3 players, 2 groups, every sequence of 6 events, each event compared with the model. Players are alike and
 * groups are alike, so the first event may be taken to be player 0's, and the first group named to be group 1.
 */
#include <criterion/criterion.h>

#include "check.h"
#include "twin.h"

enum { PLAYERS = 3, GROUPS = 2, ACTIONS = 1 + 2 * GROUPS, EVENTS = PLAYERS * ACTIONS, DEPTH = 6 };

/* Action 0: goes, or comes back; then join 1, join 2, leave 1, leave 2. A player who is away can only come back. */
static void act(struct twin *twin, int event)
{
	int slot = event / ACTIONS, action = event % ACTIONS;
	bool is_there = twin->slots[slot].player != NULL;
	if (action == 0 && is_there)
		twin_depart(twin, slot);
	else if (action == 0)
		twin_arrive(twin, slot);
	else if (is_there && action <= GROUPS)
		twin_join(twin, slot, action);
	else if (is_there)
		twin_leave(twin, slot, action - GROUPS);
}

/* What the sequence has led to, seen from outside: every group's echo. */
static void probe(struct twin *twin)
{
	for (int slot = 0; slot < PLAYERS; slot++) {
		if (twin->slots[slot].player == NULL)
			continue;
		for (int32_t group = 1; group <= GROUPS; group++)
			twin_send(twin, slot, 5, (slot + 1) % PLAYERS, group, true);
	}
}

static bool is_canonical(const int *events)
{
	if (events[0] >= ACTIONS)
		return false;
	for (int i = 0; i < DEPTH; i++) {
		int action = events[i] % ACTIONS;
		if (action != 0)
			return action == 1 || action == 1 + GROUPS;
	}
	return true;
}

static bool sequence_next(int *events)
{
	for (int i = DEPTH - 1; i >= 0; i--) {
		if (++events[i] < EVENTS)
			return true;
		events[i] = 0;
	}
	return false;
}

static void run(struct twin *twin, const int *events, bool is_walked)
{
	twin_open(twin, PLAYERS);
	for (int slot = 0; slot < PLAYERS; slot++)
		twin_arrive(twin, slot);
	for (int i = 0; i < DEPTH; i++)
		act(twin, events[i]);
	if (is_walked) {
		probe(twin);
		check_store(&twin->world.store);
	}
	twin_close(twin);
	cr_assert_eq(twin->world.store.memberships.count + twin->world.store.groups.count + twin->world.store.players.count, 0);
}

Test(exhaustive, three_players_two_groups_six_events, .timeout = 280)
{
	static struct twin twin;
	int events[DEPTH] = {0};
	uint64_t count = 0;
	twin_start(&twin, &(struct world_options){0});
	do {
		if (is_canonical(events))
			run(&twin, events, count++ % 16 == 0);
		else if (events[0] >= ACTIONS)
			break; /* nothing canonical comes after */
	} while (sequence_next(events));
	cr_assert_gt(count, 1000000);
	twin_stop(&twin);
}
