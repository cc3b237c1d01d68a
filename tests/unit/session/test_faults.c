/*
 * One busy life in which the Nth allocation fails, for every N; then in which everything from the Nth on fails. Whatever fails, each call says
 * NO_BUFFER or does its work, the store stays consistent, the rest goes on, and at the end nothing is left over. Part of the verdicts take time.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "check.h"
#include "faults.h"
#include "session/park.h"
#include "world.h"

enum { PLAYERS = 30 };

static struct world world;
static uint64_t refusals; /* calls that said NO_BUFFER */

static void outbox_deliver(void *context, const struct fanout *fanout)
{
	for (size_t i = 0; i < fanout->recipient_count; i++)
		cr_assert_eq(fanout->recipients[i]->state, PLAYER_ACTIVE);
}

static void outbox_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	cr_assert_eq(player->state, PLAYER_COMPLETED);
}

static void outbox_drop(void *context, enum drop_reason reason, uint64_t count)
{
	cr_assert(reason == DROP_NO_BUFFER || reason == DROP_NO_TARGET || reason == DROP_NOT_MEMBER || reason == DROP_SESSION_ENDED ||
		  reason == DROP_PARK_LOST);
	refusals += reason == DROP_NO_BUFFER ? count : 0;
}

static void outbox_admitted(void *context, struct player *player, enum drop_reason reason)
{
	cr_assert_eq(player->state, reason == DROP_NONE ? PLAYER_CONNECTING : PLAYER_COMPLETED);
	refusals += reason == DROP_NO_BUFFER; /* the sink's to count */
}

static const struct outbox outbox = {.deliver = outbox_deliver, .disconnect = outbox_disconnect, .drop = outbox_drop, .admitted = outbox_admitted};

/* True: done. */
static bool done(enum drop_reason reason)
{
	check_store(&world.store);
	if (reason == DROP_NO_BUFFER)
		refusals++;
	else
		cr_assert_eq(reason, DROP_NONE, "%s", ringcast_drop_label(reason));
	return reason == DROP_NONE;
}

static void count(enum drop_reason reason)
{
	refusals += reason == DROP_NO_BUFFER;
}

static uint64_t tickets[8 * PLAYERS];
static size_t ticket_count;

/* Every other time. */
static enum verdict maybe_later(const struct hook_call *call)
{
	bool has_verdict = call->hook == HOOK_CONNECT || call->hook == HOOK_SEND_GROUP || call->hook == HOOK_JOIN || call->hook == HOOK_SNAPSHOT;
	if (!has_verdict || ++world.script_state % 2 == 0)
		return VERDICT_ALLOW;
	cr_assert_lt(ticket_count, ARRAY_COUNT(tickets));
	tickets[ticket_count++] = ringcast_park_ticket(call->session);
	return VERDICT_LATER;
}

/* Until nothing waits any more; some answers by command, from the outside. */
static void answer_all(struct session *session)
{
	for (size_t i = 0; i < ticket_count; i++) {
		if (i % 3 == 0)
			count(ringcast_command_answer(session, tickets[i], VERDICT_ALLOW));
		else
			ringcast_park_answer(session, tickets[i], VERDICT_ALLOW, world.now_ns);
		check_store(&world.store);
	}
	ticket_count = 0;
}

static enum verdict busy_script(struct world *w, const struct hook_call *call)
{
	struct packet packet = {.opcode = 9, .sender = -1, .target_group = -1, .payload = ringcast_view_of("12345678", 8)};
	if (call->hook == HOOK_ACCEPTED || call->hook == HOOK_MESSAGE)
		count(ringcast_command_send(call->session, &packet, INTENT_FAST));
	if (call->hook == HOOK_ACCEPTED) {
		count(ringcast_command_join(call->session, 50, call->player->peer_id));
		count(ringcast_command_join(call->session, 51, call->player->peer_id));
	}
	if (call->hook == HOOK_DISCONNECTED && call->player->peer_id % 3 == 0)
		count(ringcast_command_kick(call->session, call->player->peer_id + 1, "with a text"));
	if (call->hook == HOOK_MESSAGE)
		count(ringcast_command_broadcast_membership(call->session, -1, -1));
	if (call->hook == HOOK_ACCEPTED)
		count(ringcast_command_retain(call->session, (uint32_t)call->player->peer_id % 3, &packet));
	if (call->hook == HOOK_DISCONNECTED)
		count(ringcast_command_forget_retained(call->session, -1, (uint32_t)call->player->peer_id % 3));
	if (call->hook == HOOK_SNAPSHOT)
		count(ringcast_command_snapshot(call->session, 0, &packet));
	if (call->hook == HOOK_TICK)
		count(ringcast_command_timer(call->session, 1, NS_PER_MS));
	return maybe_later(call);
}

static struct player *arrive(struct session *session, int number)
{
	char name[32], token[PLAYER_TOKEN_BYTES];
	struct player *player = NULL;
	snprintf(name, sizeof(name), "player-%d", number);
	if (!done(ringcast_admission_reserve(session, name, "data", world.now_ns, &player, token)))
		return NULL;
	struct view view = ringcast_view_of(token, strlen(token));
	if (!done(ringcast_admission_admit(&world.store, view, (struct view){0}, &world, world.now_ns, &player)))
		return NULL;
	if (player->is_waiting)
		count(ringcast_command_join(session, 52, player->peer_id));
	else
		ringcast_admission_accept(player, world.now_ns);
	check_store(&world.store);
	return player;
}

static bool is_there(const struct player *player)
{
	return player != NULL && player->state == PLAYER_ACTIVE;
}

static void move_about(struct player **players, int32_t opcode)
{
	for (int i = 0; i < PLAYERS; i++)
		for (int32_t group = 1; group <= 1 + i % (PLAYER_GROUPS_FEW + 2); group++) /* some need more memory for their groups than others */
			if (is_there(players[i])) {
				enum drop_reason reason = world_group(&world, players[i], opcode, group);
				if (reason != DROP_NOT_MEMBER) /* a join that failed before */
					done(reason);
			}
}

static void live(void)
{
	struct session_options options = {.name = "busy", .properties = "{}", .players_max = PLAYERS, .tick_interval_ms = 10};
	struct session *session = NULL;
	struct player *players[PLAYERS] = {0};
	if (!done(ringcast_session_open(&world.store, &options, world.now_ns, &session)))
		return;
	for (int i = 0; i < PLAYERS; i++)
		players[i] = arrive(session, i);
	answer_all(session);
	move_about(players, OPCODE_JOIN_GROUP);
	for (int i = 0; i < PLAYERS; i += 2)
		if (is_there(players[i]))
			done(world_send(&world, players[i], 5, -1, -1, "hello"));
	answer_all(session);
	for (int i = 0; i < PLAYERS; i += 4)
		if (is_there(players[i]))
			ringcast_player_disconnect(players[i], CLOSE_CLIENT, world.now_ns);
	check_store(&world.store);
	move_about(players, OPCODE_LEAVE_GROUP);
	move_about(players, OPCODE_JOIN_GROUP);
	world_advance_ms(&world, 11);
	world_advance_ms(&world, 1);
	answer_all(session);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	check_store(&world.store);
}

/* Twice, so that the second life runs in what the failures of the first have left. Returns the number of allocations. */
static uint64_t run(uint64_t first, uint64_t count_of_failures)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL | 1u << HOOK_SNAPSHOT, .outbox = &outbox});
	world.script = busy_script;
	refusals = 0;
	faults_begin(first, count_of_failures);
	live();
	live();
	uint64_t calls = faults_end();
	ringcast_store_collect(&world.store);
	cr_assert_eq(world.store.sessions.count, 0);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
	world_stop(&world);
	return calls;
}

Test(faults, without_any_nothing_is_refused)
{
	cr_assert_gt(run(UINT64_MAX, 0), 500);
	cr_assert_eq(refusals, 0);
}

Test(faults, every_single_failure_is_survived, .timeout = 280)
{
	uint64_t calls = run(UINT64_MAX, 0);
	for (uint64_t nth = 0; nth < calls; nth++) {
		run(nth, 1);
		cr_assert_geq(refusals, 1, "failure %llu was swallowed", (unsigned long long)nth);
	}
}

Test(faults, every_shortage_is_survived, .timeout = 280)
{
	uint64_t calls = run(UINT64_MAX, 0);
	for (uint64_t nth = 0; nth < calls; nth++) {
		run(nth, UINT64_MAX);
		cr_assert_geq(refusals, 1);
		run(nth, 7); /* and ends again */
		cr_assert_geq(refusals, 1);
	}
}

Test(faults, a_machine_too_small_is_told_at_the_start)
{
	world_start(&world, &(struct world_options){0});
	struct store_options options = world.store.options;
	struct store store;
	faults_begin(UINT64_MAX, 0);
	cr_assert(ringcast_store_init(&store, &options));
	uint64_t calls = faults_end();
	ringcast_store_fini(&store);
	cr_assert_geq(calls, 7, "four slabs and three maps at least");
	for (uint64_t nth = 0; nth < calls; nth++) {
		faults_begin(nth, 1);
		cr_assert_not(ringcast_store_init(&store, &options));
		faults_end();
	}
	world_stop(&world);
}
