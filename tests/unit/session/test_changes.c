/* What an observer hears: every change once, in order, numbered without a gap in each session. */
#include <criterion/criterion.h>

#include "session/admission.h"
#include "world.h"

static struct world world;

enum { HEARD_MAX = 64 };

static struct {
	enum session_change_kind kinds[HEARD_MAX];
	enum close_reason reasons[HEARD_MAX];
	uint64_t sequences[HEARD_MAX];
	size_t count;
} heard;

static void hear(void *context, const struct session_change *change)
{
	cr_assert_eq(context, &world);
	cr_assert_lt(heard.count, HEARD_MAX);
	heard.kinds[heard.count] = change->kind;
	heard.reasons[heard.count] = change->reason;
	heard.sequences[heard.count++] = change->sequence;
}

static void start(void)
{
	world_start(&world, &(struct world_options){.sessions_max = 4});
	world.store.options.change = hear;
	world.store.options.change_context = &world;
	heard.count = 0;
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(changes, .init = start, .fini = stop);

static void heard_exactly(const enum session_change_kind *kinds, size_t count)
{
	cr_assert_eq(heard.count, count, "%zu changes", heard.count);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(heard.kinds[i], kinds[i], "change %zu", i);
		cr_assert_eq(heard.sequences[i], i + 1);
	}
}

static struct player *reserve(struct session *session, const char *id, char token[PLAYER_TOKEN_BYTES])
{
	struct player *player;
	cr_assert_eq(ringcast_admission_reserve(session, id, "", world.now_ns, &player, token), DROP_NONE);
	return player;
}

Test(changes, a_players_whole_way)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	struct session *session = world_open(&world);
	reserve(session, "a", token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), &world, world.now_ns, &player),
		     DROP_NONE);
	ringcast_admission_accept(player, world.now_ns);
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED, CHANGE_SESSION_ACTIVE, CHANGE_PLAYER_RESERVED, CHANGE_PLAYER_ACCEPTED,
					    CHANGE_PLAYER_COMPLETED, CHANGE_SESSION_ENDED}, 6);
	cr_assert_eq(heard.reasons[4], CLOSE_CLIENT);
	cr_assert_eq(heard.reasons[5], CLOSE_SESSION_ENDED);
}

Test(changes, who_is_left_at_the_end_completes_before_it)
{
	char token[PLAYER_TOKEN_BYTES];
	struct session *session = world_open(&world);
	reserve(session, "a", token);
	reserve(session, "b", token);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED, CHANGE_SESSION_ACTIVE, CHANGE_PLAYER_RESERVED, CHANGE_PLAYER_RESERVED,
					    CHANGE_PLAYER_COMPLETED, CHANGE_PLAYER_COMPLETED, CHANGE_SESSION_ENDED}, 7);
}

Test(changes, a_closed_session_takes_nobody_and_a_resized_one_as_many_as_it_says)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	struct session *session = world_open(&world);
	session->is_closed = true;
	cr_assert_eq(ringcast_admission_reserve(session, "a", "", world.now_ns, &player, token), DROP_SESSION_CLOSED);
	session->is_closed = false;
	cr_assert(ringcast_session_resize(session, 1));
	reserve(session, "a", token);
	cr_assert_eq(ringcast_admission_reserve(session, "b", "", world.now_ns, &player, token), DROP_SESSION_FULL);
	cr_assert(ringcast_session_resize(session, 3));
	reserve(session, "b", token);
	reserve(session, "c", token);
	cr_assert_not(ringcast_session_resize(session, 2));
	cr_assert_eq(session->players_max, 3);
}

static void hold_up(void *context, struct session *session)
{
	ringcast_session_hold_up(session);
}

static struct session *open_held(uint32_t timeout_ms)
{
	static const struct hooks hooks = {.session_started = hold_up};
	struct session_options options = {.hooks = &hooks, .activation_timeout_ms = timeout_ms};
	struct session *session;
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	return session;
}

Test(changes, a_session_that_is_held_up_is_active_when_its_start_is_done)
{
	struct session *session = open_held(1000);
	cr_assert(session->is_activating);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED}, 1);
	ringcast_session_start_done(session, world.now_ns);
	ringcast_session_start_done(session, world.now_ns);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED, CHANGE_SESSION_ACTIVE}, 2);
	world_advance_ms(&world, 5000);
	cr_assert_eq(session->state, SESSION_ACTIVE);
}

Test(changes, a_session_that_is_held_up_for_too_long_ends)
{
	open_held(1000);
	world_advance_ms(&world, 5000);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED, CHANGE_SESSION_ENDED}, 2);
	cr_assert_eq(heard.reasons[1], CLOSE_ACTIVATION);
}

Test(changes, a_session_that_ends_while_it_is_held_up_never_was_active)
{
	struct session *session = open_held(1000);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	ringcast_session_start_done(session, world.now_ns);
	heard_exactly((enum session_change_kind[]){CHANGE_SESSION_STARTED, CHANGE_SESSION_ENDED}, 2);
}
