/* Whose hooks are asked; timers, health checks and the last word; what scripts may read. */
#include <criterion/criterion.h>

#include "check.h"
#include "faults.h"
#include "world.h"

static struct world world;
static struct session *session;

static void start(void)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL});
	session = world_open(&world);
	world_forget(&world);
}

static void stop(void)
{
	check_store(&world.store);
	world_stop(&world);
}

TestSuite(hooks, .init = start, .fini = stop);

/* Another script's: it counts, and says nothing else. */
static int other_calls;

static void other_started(void *context, struct session *s)
{
	cr_assert_eq(context, &other_calls);
	other_calls++;
}

static enum verdict other_connect(void *context, struct session *s, struct player *player, struct view payload)
{
	other_calls++;
	return VERDICT_DENY;
}

static void other_ended(void *context, struct session *s, enum close_reason reason)
{
	other_calls += 100;
}

static const struct hooks others = {.session_started = other_started, .player_connect = other_connect, .session_ended = other_ended};

static struct session *open_with(struct session_options options)
{
	struct session *opened;
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &opened), DROP_NONE);
	return opened;
}

Test(hooks, a_session_asks_its_own)
{
	struct session *other = open_with((struct session_options){.hooks = &others, .hooks_context = &other_calls, .tick_interval_ms = 5});
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	expect(&world, "");
	world_reserve(&world, other, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &player),
		     DROP_DENIED);
	cr_assert_not(ringcast_timer_is_armed(&other->timer_tick), "it has no tick");
	ringcast_session_end_now(other, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(other_calls, 102);
	expect(&world, "");
	world_join(&world, session);
	expect(&world, "hook connect 1\nhook accepted 1\n");
}

/* Timers */

Test(hooks, a_timer_runs_out_once)
{
	cr_assert_eq(ringcast_command_timer(session, 7, 20 * NS_PER_MS), DROP_NONE);
	world_advance_ms(&world, 19);
	expect(&world, "");
	world_advance_ms(&world, 1);
	expect(&world, "hook timer 7 at 1020\n");
	world_advance_ms(&world, 1000);
	expect(&world, "");
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

Test(hooks, setting_a_timer_again_moves_it)
{
	ringcast_command_timer(session, 7, 20 * NS_PER_MS);
	ringcast_command_timer(session, 7, 50 * NS_PER_MS);
	cr_assert_eq(session->alarm_count, 1);
	world_advance_ms(&world, 49);
	expect(&world, "");
	world_advance_ms(&world, 1);
	expect(&world, "hook timer 7 at 1050\n");
}

Test(hooks, a_timer_may_be_cancelled)
{
	ringcast_command_timer(session, 0, 20 * NS_PER_MS);
	ringcast_command_timer(session, UINT32_MAX, 20 * NS_PER_MS);
	cr_assert(ringcast_command_cancel_timer(session, 0));
	cr_assert_not(ringcast_command_cancel_timer(session, 0));
	world_advance_ms(&world, 20);
	expect(&world, "hook timer 4294967295 at 1020\n");
	cr_assert_not(ringcast_command_cancel_timer(session, UINT32_MAX));
}

static enum verdict set_again(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_TIMER && call->number < 4)
		cr_assert_eq(ringcast_command_timer(call->session, (uint32_t)call->number + 1, 0), DROP_NONE);
	if (call->hook == HOOK_TIMER && call->number == 4)
		cr_assert_eq(ringcast_command_finish(call->session), DROP_NONE);
	if (call->hook == HOOK_ENDED)
		cr_assert_eq(ringcast_command_timer(call->session, 1, 0), DROP_SESSION_ENDED);
	return VERDICT_ALLOW;
}

Test(hooks, a_timer_may_set_the_next_and_end_the_session)
{
	world.script = set_again;
	ringcast_command_timer(session, 3, UINT64_MAX); /* as long as can be */
	ringcast_command_timer(session, 3, 0);
	world_advance_ms(&world, 1);
	expect(&world, "hook timer 3 at 1001\n");
	world_advance_ms(&world, 1);
	expect(&world, "hook timer 4 at 1002\nhook ended session_ended\n");
}

Test(hooks, timers_are_bounded_and_end_with_the_session)
{
	world.limits.timers_per_session_max = 2;
	cr_assert_eq(ringcast_command_timer(session, 1, UINT64_MAX), DROP_NONE);
	cr_assert_eq(ringcast_command_timer(session, 2, 5), DROP_NONE);
	cr_assert_eq(ringcast_command_timer(session, 3, 5), DROP_TIMER_LIMIT);
	cr_assert_eq(ringcast_command_timer(session, 2, 9), DROP_NONE, "it runs already");
	faults_begin(0, 1);
	world.limits.timers_per_session_max = 3;
	cr_assert_eq(ringcast_command_timer(session, 3, 5), DROP_NO_BUFFER);
	cr_assert_eq(faults_end(), 1);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

/* Health */

static enum verdict sick(struct world *w, const struct hook_call *call)
{
	return call->hook == HOOK_HEALTH && w->script_state++ != 2 ? VERDICT_DENY : VERDICT_ALLOW;
}

Test(hooks, three_bad_checks_in_a_row_end_a_session)
{
	world.limits.health_interval_ms = 1000;
	world.script = sick; /* bad, bad, good, bad, bad, bad */
	struct session *checked = open_with((struct session_options){.empty_timeout_ms = UINT32_MAX});
	world_forget(&world);
	for (int i = 0; i < 5; i++) {
		world_advance_ms(&world, 1000);
		expect(&world, "hook health\n");
		cr_assert_eq(checked->state, SESSION_ACTIVE);
	}
	world_advance_ms(&world, 1000);
	expect(&world, "hook health\nhook ended unhealthy\n");
	cr_assert_eq(checked->close_reason, CLOSE_UNHEALTHY);
}

Test(hooks, bad_health_may_be_only_noted)
{
	world.limits.health_interval_ms = 10;
	world.limits.health_failures_max = 0;
	world.script = sick;
	world.script_state = 3;
	struct session *checked = world_open(&world);
	for (int i = 0; i < 9; i++)
		world_advance_ms(&world, 10);
	cr_assert_eq(checked->health_failures, 9);
	cr_assert_eq(checked->state, SESSION_ACTIVE);
}

/* The last word */

Test(hooks, a_script_is_told_once_that_the_process_stops)
{
	world_join(&world, session);
	world_forget(&world);
	ringcast_session_ask_to_end(session, UINT64_MAX, world.now_ns);
	expect(&world, "hook terminate 18446744073709\n");
	ringcast_session_ask_to_end(session, world.now_ns + 500 * NS_PER_MS, world.now_ns);
	world_advance_ms(&world, 499);
	expect(&world, "");
	world_advance_ms(&world, 1);
	expect(&world, "hook disconnected 1 shutdown\nclose 1 shutdown 'server shutting down'\nhook ended shutdown\n");
	ringcast_session_ask_to_end(session, UINT64_MAX, world.now_ns);
	expect(&world, "");
}

Test(hooks, a_session_goes_on_when_the_process_stops_after_all_not)
{
	world_join(&world, session);
	world_forget(&world);
	ringcast_session_ask_to_end(session, world.now_ns + 500 * NS_PER_MS, world.now_ns);
	world_forget(&world);
	ringcast_session_resume(session);
	world_advance_ms(&world, 10000);
	expect(&world, "");
	ringcast_session_ask_to_end(session, UINT64_MAX, world.now_ns);
	expect(&world, "hook terminate 18446744073709\n");
}

static enum verdict finish_when_told(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_TERMINATE)
		ringcast_command_finish(call->session);
	return VERDICT_ALLOW;
}

Test(hooks, a_script_may_end_its_session_before_the_deadline)
{
	world.script = finish_when_told;
	ringcast_session_ask_to_end(session, world.now_ns + 500 * NS_PER_MS, world.now_ns);
	expect(&world, "hook terminate 1500\nhook ended session_ended\n");
	world_advance_ms(&world, 1000);
	expect(&world, "");
}

/* Reading */

Test(hooks, properties_ids_and_data_are_read_as_they_were_given)
{
	struct session *named = open_with((struct session_options){.properties = "{\"map\":1}"});
	char token[PLAYER_TOKEN_BYTES], formatted[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_str_eq(ringcast_session_get_properties(named), "{\"map\":1}");
	cr_assert_str_eq(ringcast_session_get_properties(session), "");
	cr_assert_eq(ringcast_admission_reserve(named, "alice", "level 3", world.now_ns, &player, token), DROP_NONE);
	cr_assert_str_eq(ringcast_player_id(player), "alice");
	cr_assert_str_eq(ringcast_player_data(player), "level 3");
	ringcast_player_format_token(player, formatted);
	cr_assert_str_eq(formatted, token);
	cr_assert_eq(ringcast_admission_reserve(named, NULL, "only data", world.now_ns, &player, token), DROP_NONE);
	cr_assert_str_eq(ringcast_player_id(player), "");
	cr_assert_str_eq(ringcast_player_data(player), "only data");
	cr_assert_eq(ringcast_admission_reserve(named, NULL, NULL, world.now_ns, &player, token), DROP_NONE);
	cr_assert_str_eq(ringcast_player_data(player), "");
}
