/*
 * Long random lives, from seeds: random limits, random slab and pool sizes, a script that allows and denies at random or answers later, in any order
 * or never, gives commands inside its hooks and ends the session when it likes. Every event is compared with the model.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "twin.h"

static struct twin twin;
static struct prng prng;
static uint32_t deny_percent, command_percent, later_percent;

static int32_t below(int32_t bound)
{
	return (int32_t)ringcast_prng_below(&prng, (uint64_t)bound);
}

static int32_t random_target(void)
{
	int32_t slot = below(MODEL_SLOTS + 3);
	return slot < MODEL_SLOTS ? slot : MODEL_SLOTS - 1 - slot; /* and SERVER, NONE, NOBODY */
}

static int32_t random_group(void)
{
	static const int32_t odd[] = {PROTO_GROUP_ALL, 0, -5};
	return below(4) == 0 ? odd[below(3)] : 1 + below(MODEL_GROUPS);
}

/* Of somebody who waits, most of the time; else one that was, will be, or never is. */
static uint64_t random_ticket(void)
{
	uint64_t ticket = twin_ticket(&twin, below(MODEL_SLOTS));
	for (int tries = 0; ticket == 0 && tries < MODEL_SLOTS; tries++)
		ticket = twin_ticket(&twin, below(MODEL_SLOTS));
	return below(10) != 0 ? ticket : ticket + (uint64_t)below(3) - 1;
}

static enum verdict random_answer(void)
{
	return ringcast_prng_chance(&prng, deny_percent, 100) ? VERDICT_DENY : VERDICT_ALLOW;
}

static struct model_command random_command(void)
{
	struct model_command command = {
		.kind = below(400) == 0 ? MODEL_FINISH : (enum model_command_kind)below(MODEL_FINISH),
		.opcode = 100 + below(50),
		.slot = random_target(),
		.group = random_group(),
		.target_group = random_group(),
		.is_reliable = below(2) == 0,
		.ticket = random_ticket(),
		.verdict = random_answer(),
	};
	return command;
}

static enum verdict live(struct world *world, const struct hook_call *call)
{
	struct model_call *noted = twin_note_call(&twin, call);
	bool has_verdict = call->hook == HOOK_CONNECT || call->hook == HOOK_SEND_PLAYER || call->hook == HOOK_SEND_GROUP ||
			   call->hook == HOOK_JOIN || call->hook == HOOK_LEAVE;
	if (has_verdict && ringcast_prng_chance(&prng, later_percent, 100))
		twin_note_later(&twin, noted);
	else if (has_verdict)
		noted->verdict = random_answer();
	while (ringcast_prng_chance(&prng, command_percent, 100)) {
		struct model_command command = random_command();
		if (noted->ticket != 0 && below(3) == 0)
			command.ticket = noted->ticket; /* an answer before the question is out */
		twin_command(&twin, noted, &command);
	}
	return noted->verdict;
}

static void event_random(void)
{
	int slot = below(MODEL_SLOTS);
	if (later_percent > 0 && below(3) == 0) {
		twin_answer(&twin, random_ticket(), random_answer());
		return;
	}
	if (later_percent > 0 && below(20) == 0) {
		twin_wait_ms(&twin, (uint64_t)below(3000));
		return;
	}
	if (twin.slots[slot].player == NULL) {
		ringcast_store_collect(&twin.world.store); /* so that there is always room for one more */
		if (twin.session->player_count < twin.session->players_max)
			twin_arrive(&twin, slot);
		return;
	}
	switch (below(10)) {
	case 0:
		twin_depart(&twin, slot);
		return;
	case 1:
	case 2:
	case 3:
		twin_join(&twin, slot, random_group());
		return;
	case 4:
		twin_leave(&twin, slot, random_group());
		return;
	case 5:
		twin_request(&twin, slot, random_group());
		return;
	default:
		twin_send(&twin, slot, 1 + below(50), random_target(), random_group(), below(2) == 0);
	}
}

static void live_once(uint32_t event_count)
{
	twin_open(&twin, 1 + (uint32_t)below(MODEL_SLOTS), below(2) == 0);
	for (uint32_t i = 0; i < event_count && !twin.model.is_ended; i++) {
		event_random();
		if (i % 16 == 0)
			check_store(&twin.world.store);
		if (below(4) == 0)
			ringcast_store_collect(&twin.world.store);
	}
	twin_close(&twin);
}

static void seed_run(uint64_t seed)
{
	ringcast_prng_init(&prng, seed);
	struct world_options options = {
		.hooks = below(3) == 0 ? 0 : (unsigned)below(HOOKS_ALL + 1) & ~(1u << HOOK_TICK | 1u << HOOK_STARTED),
		.sessions_max = 2,
		.players_max = 2 * MODEL_SLOTS,
		.groups_max = 1 + (uint32_t)below(MODEL_GROUPS + 2),
		.memberships_max = 1 + (uint32_t)below(60),
		.bufs_max = 1 + (uint32_t)below(12),
	};
	deny_percent = (uint32_t)below(40);
	later_percent = below(2) == 0 ? 0 : (uint32_t)below(100);
	if (later_percent > 0)
		options.bufs_max = 0; /* the model knows every bound but that of the pool: see the faults */
	command_percent = (uint32_t)below(60);
	twin_start(&twin, &options);
	twin.world.script = live;
	twin.world.limits.groups_per_player_max = 1 + (uint32_t)below(MODEL_GROUPS + 1);
	twin.world.limits.groups_per_session_max = 1 + (uint32_t)below(MODEL_GROUPS + 1);
	twin.world.limits.membership_push_max = (uint32_t)below(MODEL_SLOTS);
	twin.world.limits.commands_per_hook_max = 1 + (uint32_t)below(8);
	twin.world.limits.parked_player_max = 1 + (uint32_t)below(MODEL_LINE);
	twin.world.limits.parked_session_max = 1 + (uint32_t)below(3 * MODEL_LINE);
	twin.world.limits.answer_timeout_ms = 1 + (uint32_t)below(5000);
	twin.world.limits.empty_session_timeout_ms = 0;
	for (int life = 0; life < 4; life++)
		live_once(500);
	twin_stop(&twin);
}

static uint64_t seed_running; /* 0: none */

static void say_seed(void)
{
	if (seed_running != 0)
		fprintf(stderr, "to see this again: RINGCAST_SEED=%llu test-session --filter='property/*'\n", (unsigned long long)seed_running);
}

static void on_abort(int signal_number)
{
	say_seed(); /* an assert of the product's own; then abort goes on */
}

static void prepare(void)
{
	signal(SIGABRT, on_abort);
}

TestSuite(property, .init = prepare, .fini = say_seed, .timeout = 280);

/* RINGCAST_SEED=n runs that seed alone. */
Test(property, random_lives_agree_with_the_model)
{
	const char *only = getenv("RINGCAST_SEED");
	uint64_t first = only != NULL ? strtoull(only, NULL, 0) : 1;
	uint64_t last = only != NULL ? first : 2000;
	for (seed_running = first; seed_running <= last; seed_running++)
		seed_run(seed_running);
	seed_running = 0;
}
