/*
 * Small scopes, completely, each event compared with the model.
 *
 * 3 players, 2 groups, every sequence of 6 events. Players are alike and groups are alike, so the first event may be taken to be player 0's, and
 * the first group named to be group 1.
 *
 * 2 players, 1 group, a script that answers everything later, every sequence of 5 events, answers among them.
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
	twin_open(twin, PLAYERS, false);
	for (int slot = 0; slot < PLAYERS; slot++)
		twin_arrive(twin, slot);
	for (int i = 0; i < DEPTH; i++)
		act(twin, events[i]);
	if (is_walked) {
		probe(twin);
		check_store(&twin->world.store);
	}
	twin_close(twin);
	cr_assert_eq(twin->world.store.membership_count + twin->world.store.groups.count + twin->world.store.players.count, 0);
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

enum { LATE_PLAYERS = 2, LATE_ACTIONS = 6, LATE_EVENTS = LATE_PLAYERS * LATE_ACTIONS, LATE_DEPTH = 5 };

static struct twin late_twin;

static enum verdict answer_later(struct world *world, const struct hook_call *call)
{
	struct model_call *noted = twin_note_call(&late_twin, call);
	if (call->hook == HOOK_CONNECT || call->hook == HOOK_SEND_PLAYER || call->hook == HOOK_SEND_GROUP || call->hook == HOOK_JOIN)
		twin_note_later(&late_twin, noted);
	return noted->verdict;
}

/* Goes or comes; joins; sends to the other and the group at once (two questions); asks for the list; is told yes; is told no. */
static void act_late(int event)
{
	struct twin *twin = &late_twin;
	int slot = event / LATE_ACTIONS, action = event % LATE_ACTIONS;
	bool is_there = twin->slots[slot].player != NULL;
	if (action == 0 && !is_there)
		twin_arrive(twin, slot);
	else if (action == 0)
		twin_depart(twin, slot);
	else if (action == 1 && is_there)
		twin_join(twin, slot, 1);
	else if (action == 2 && is_there)
		twin_send(twin, slot, 5, 1 - slot, 1, true);
	else if (action == 3 && is_there)
		twin_request(twin, slot, 1);
	else if (action >= 4)
		twin_answer(twin, twin_ticket(twin, slot), action == 4 ? VERDICT_ALLOW : VERDICT_DENY);
}

static bool late_sequence_next(int *events)
{
	for (int i = LATE_DEPTH - 1; i >= 0; i--) {
		if (++events[i] < LATE_EVENTS)
			return true;
		events[i] = 0;
	}
	return false;
}

/* Player 0 is in the group; player 1's login is open. Then the sequence; then all that waits is let go, one after the other. */
static void run_late(const int *events)
{
	struct twin *twin = &late_twin;
	twin_open(twin, LATE_PLAYERS, false);
	for (int slot = 0; slot < LATE_PLAYERS; slot++)
		twin_arrive(twin, slot);
	twin_answer(twin, twin_ticket(twin, 0), VERDICT_ALLOW);
	twin_join(twin, 0, 1);
	twin_answer(twin, twin_ticket(twin, 0), VERDICT_ALLOW);
	for (int i = 0; i < LATE_DEPTH; i++)
		act_late(events[i]);
	for (int slot = 0; slot < LATE_PLAYERS; slot++)
		while (twin_ticket(twin, slot) != 0)
			twin_answer(twin, twin_ticket(twin, slot), VERDICT_ALLOW);
	cr_assert_eq(twin->session->parked_count, 0);
	twin_close(twin);
}

Test(exhaustive, two_players_five_events_and_answers_that_take_time, .timeout = 280)
{
	int events[LATE_DEPTH] = {0};
	uint64_t count = 0;
	twin_start(&late_twin, &(struct world_options){.hooks = 1u << HOOK_CONNECT | 1u << HOOK_SEND_PLAYER | 1u << HOOK_SEND_GROUP | 1u << HOOK_JOIN |
								1u << HOOK_ACCEPTED | 1u << HOOK_DISCONNECTED});
	late_twin.world.script = answer_later;
	do {
		run_late(events);
		count++;
	} while (late_sequence_next(events));
	cr_assert_eq(count, 248832);
	cr_assert_eq(late_twin.world.store.players.count + late_twin.world.store.membership_count, 0);
	twin_stop(&late_twin);
}
