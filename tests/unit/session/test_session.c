/* The life of a session: opened, found, ticking, empty, ended. */
#include <criterion/criterion.h>

#include "world.h"

static struct world world;

static void start(void)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL, .sessions_max = 4});
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(session, .init = start, .fini = stop);

static enum drop_reason open_with(struct session_options options, struct session **ret_session)
{
	return ringcast_session_open(&world.store, &options, world.now_ns, ret_session);
}

Test(session, defaults_are_the_limits)
{
	struct session *session;
	cr_assert_eq(open_with((struct session_options){0}, &session), DROP_NONE);
	cr_assert_eq(session->players_max, 32);
	cr_assert_eq(session->ping_interval_ms, 3000);
	cr_assert_eq(session->created_ns, world.now_ns);
	cr_assert_null(session->properties);
	cr_assert_str_eq(session->name, "");
	world.limits.players_per_session_max = 10;
	cr_assert_eq(open_with((struct session_options){.players_max = 11, .ping_interval_ms = 5, .properties = "{}"}, &session), DROP_NONE);
	cr_assert_eq(session->players_max, 10);
	cr_assert_eq(session->ping_interval_ms, 5);
	cr_assert_str_eq(session->properties, "{}");
}

Test(session, is_found_by_its_id_until_it_ends)
{
	struct session *first = world_open(&world), *second = world_open(&world);
	char id[SESSION_ID_BYTES], wrong[SESSION_ID_BYTES];
	strcpy(id, first->id);
	cr_assert_eq(ringcast_session_id_shard(id), 3);
	cr_assert_str_neq(first->id, second->id);
	cr_assert_eq(ringcast_session_find(&world.store, id), first);
	cr_assert_eq(ringcast_session_find(&world.store, second->id), second);
	for (size_t at = 0; id[at] != '\0'; at++) {
		strcpy(wrong, id);
		wrong[at] = wrong[at] == '1' ? '2' : '1';
		cr_assert_null(ringcast_session_find(&world.store, wrong), "position %zu", at);
	}
	cr_assert_null(ringcast_session_find(&world.store, ""));
	ringcast_session_end_now(first, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_null(ringcast_session_find(&world.store, id));
	ringcast_store_collect(&world.store);
	cr_assert_null(ringcast_session_find(&world.store, id));
	cr_assert_neq(world_open(&world), second);
	cr_assert_null(ringcast_session_find(&world.store, id), "another one in the same slot has another id");
}

Test(session, is_found_by_its_name)
{
	struct session *session, *twin;
	world_open(&world);
	cr_assert_null(ringcast_session_find_name(&world.store, "arena"));
	cr_assert_null(ringcast_session_find_name(&world.store, ""));
	cr_assert_eq(open_with((struct session_options){.name = "arena"}, &session), DROP_NONE);
	cr_assert_eq(open_with((struct session_options){.name = "arena"}, &twin), DROP_NONE);
	cr_assert_eq(ringcast_session_find_name(&world.store, "arena"), session);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(ringcast_session_find_name(&world.store, "arena"), twin);
}

Test(session, bounds_are_kept)
{
	struct session *session;
	char name[SESSION_NAME_BYTES + 1];
	static char properties[2097154];
	memset(name, 'x', sizeof(name));
	memset(properties, 'x', sizeof(properties));
	name[SESSION_NAME_BYTES] = properties[2097153] = '\0';
	cr_assert_eq(open_with((struct session_options){.name = name}, &session), DROP_OVERSIZE);
	cr_assert_eq(open_with((struct session_options){.properties = properties}, &session), DROP_OVERSIZE);
	name[SESSION_NAME_BYTES - 1] = properties[2097152] = '\0';
	cr_assert_eq(open_with((struct session_options){.name = name, .properties = properties}, &session), DROP_NONE);
	cr_assert_str_eq(session->name, name);
	for (int i = 0; i < 3; i++)
		world_open(&world);
	cr_assert_eq(open_with((struct session_options){0}, &session), DROP_SESSION_FULL);
}

Test(session, data_of_all_is_bounded_and_given_back)
{
	struct session *session, *other;
	world.limits.session_data_bytes = 10;
	cr_assert_eq(open_with((struct session_options){.properties = "1234567890"}, &session), DROP_SESSION_DATA);
	cr_assert_eq(open_with((struct session_options){.properties = "1234", .matchmaker_data = "12345"}, &session), DROP_SESSION_DATA);
	cr_assert_eq(open_with((struct session_options){.properties = "1234", .matchmaker_data = "1234"}, &session), DROP_NONE);
	cr_assert_str_eq(ringcast_session_get_matchmaker_data(session), "1234");
	cr_assert_eq(open_with((struct session_options){.properties = ""}, &other), DROP_SESSION_DATA);
	cr_assert_eq(open_with((struct session_options){0}, &other), DROP_NONE);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	ringcast_store_collect(&world.store);
	cr_assert_eq(world.store.session_data_bytes, 0);
	cr_assert_eq(open_with((struct session_options){.properties = "123456789"}, &session), DROP_NONE);
}

Test(session, ends_when_nobody_comes)
{
	world.limits.empty_session_timeout_ms = 1000;
	struct session *session = world_open(&world);
	world_advance_ms(&world, 990);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	world_advance_ms(&world, 20);
	cr_assert_eq(session->state, SESSION_ENDED);
	expect(&world, "hook started\nhook ended idle\n");
}

Test(session, ends_when_everybody_has_gone)
{
	world.limits.empty_session_timeout_ms = 1000;
	struct session *session = world_open(&world);
	struct player *player = world_join(&world, session);
	world_advance_ms(&world, 10000);
	cr_assert_eq(session->state, SESSION_ACTIVE, "a player keeps it");
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	world_advance_ms(&world, 500);
	world_reserve(&world, session, (char[PLAYER_TOKEN_BYTES]){0});
	world_advance_ms(&world, 59000);
	cr_assert_eq(session->state, SESSION_ACTIVE, "so does a reservation");
	world_advance_ms(&world, 1100); /* which times out */
	cr_assert_eq(session->state, SESSION_ACTIVE);
	world_advance_ms(&world, 890);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	world_advance_ms(&world, 200);
	cr_assert_eq(session->state, SESSION_ENDED);
}

Test(session, says_itself_how_long_it_waits)
{
	struct session *quick, *patient, *patient_too;
	world.limits.empty_session_timeout_ms = 0;
	cr_assert_eq(open_with((struct session_options){.empty_timeout_ms = 50}, &quick), DROP_NONE);
	cr_assert_eq(open_with((struct session_options){.empty_timeout_ms = UINT32_MAX}, &patient), DROP_NONE);
	cr_assert_eq(open_with((struct session_options){0}, &patient_too), DROP_NONE);
	world_advance_ms(&world, 60);
	cr_assert_eq(quick->state, SESSION_ENDED);
	world_advance_ms(&world, 30 * 86400000ull);
	cr_assert_eq(patient->state, SESSION_ACTIVE);
	cr_assert_eq(patient_too->state, SESSION_ACTIVE, "a limit of 0 is never");
}

Test(session, takes_everyone_along)
{
	struct session *session = world_open(&world);
	world_join(&world, session);
	struct player *two = world_join(&world, session);
	ringcast_group_join(two, 7, world.now_ns);
	char token[PLAYER_TOKEN_BYTES];
	struct player *reserved = world_reserve(&world, session, token), *connecting;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), &world,
					      world.now_ns, &connecting),
		     DROP_NONE);
	struct packet packet = {.opcode = 9, .target_group = -1};
	cr_assert_eq(ringcast_command_send(session, &packet, INTENT_FAST), DROP_NONE);
	world_forget(&world);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	/* 3 was connecting: told to go, but no hook, since it was never accepted; the command that waited for it is counted */
	expect(&world, "drop session_ended 1\nclose 3 shutdown 'server shutting down'\n"
		       "hook disconnected 2 shutdown\nclose 2 shutdown 'server shutting down'\n"
		       "hook disconnected 1 shutdown\nclose 1 shutdown 'server shutting down'\nhook ended shutdown\n");
	cr_assert_eq(reserved->state, PLAYER_COMPLETED);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	ringcast_admission_accept(connecting, world.now_ns);
	ringcast_player_disconnect(two, CLOSE_CLIENT, world.now_ns);
	expect(&world, "");
	ringcast_store_collect(&world.store);
	cr_assert_eq(world.store.players.count, 0);
	cr_assert_eq(world.wheel.armed_count, 0);
}

Test(session, ticks_at_a_fixed_rate)
{
	struct session *session;
	cr_assert_eq(open_with((struct session_options){.tick_interval_ms = 50}, &session), DROP_NONE);
	world_forget(&world); /* opened at 1000 ms */
	world_advance_ms(&world, 53);
	world_advance_ms(&world, 46);
	expect(&world, "hook tick 1053\n");
	world_advance_ms(&world, 2);
	expect(&world, "hook tick 1101\n"); /* due at 1100 although the one before was late */
	world_advance_ms(&world, 500);
	expect(&world, "hook tick 1601\n"); /* missed ones are not made up for */
	world_advance_ms(&world, 49);
	expect(&world, "");
	world_advance_ms(&world, 2);
	expect(&world, "hook tick 1652\n");
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	world_forget(&world);
	world_advance_ms(&world, 1000);
	expect(&world, "");
}

static enum verdict finish_at_tick(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_TICK)
		ringcast_command_finish(call->session);
	return VERDICT_ALLOW;
}

Test(session, may_end_in_its_own_tick)
{
	struct session *session;
	cr_assert_eq(open_with((struct session_options){.tick_interval_ms = 50}, &session), DROP_NONE);
	world_join(&world, session);
	world_forget(&world);
	world.script = finish_at_tick;
	world_advance_ms(&world, 50);
	expect(&world, "hook tick 1050\nhook disconnected 1 session_ended\nclose 1 session_ended 'game session ended'\nhook ended session_ended\n");
	cr_assert_eq(world.wheel.armed_count, 0);
}

static enum verdict kick_all_at_tick(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_TICK)
		for (uint32_t i = 0; i < call->session->player_count; i++)
			ringcast_command_kick(call->session, call->session->players[i]->peer_id, NULL);
	return VERDICT_ALLOW;
}

Test(session, may_be_emptied_by_its_script_and_waits_again)
{
	struct session *session;
	cr_assert_eq(open_with((struct session_options){.tick_interval_ms = 50, .empty_timeout_ms = 200}, &session), DROP_NONE);
	for (int i = 0; i < 5; i++)
		world_join(&world, session);
	world.script = kick_all_at_tick;
	world_advance_ms(&world, 50);
	cr_assert_eq(session->player_count, 0);
	world_advance_ms(&world, 190);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	world_advance_ms(&world, 20);
	cr_assert_eq(session->state, SESSION_ENDED);
}

Test(session, without_a_tick_hook_no_timer_runs)
{
	world_stop(&world);
	world_start(&world, &(struct world_options){.hooks = 1u << HOOK_MESSAGE});
	struct session *session;
	cr_assert_eq(open_with((struct session_options){.tick_interval_ms = 50, .empty_timeout_ms = UINT32_MAX}, &session), DROP_NONE);
	cr_assert_eq(world.wheel.armed_count, 0);
}

static uint64_t slab_bytes(const struct slab *slab)
{
	return (slab->object_bytes + sizeof(*slab->generations) + sizeof(*slab->next_free)) * slab->capacity;
}

/* More names than places for them: each is found until its session ends, and of those of one name the oldest that is left. */
Test(session, names_share_places_and_none_is_lost)
{
	enum { COUNT = 2 };
	static const char *const names[] = {"a", "b"};
	struct session *sessions[ARRAY_COUNT(names)][COUNT];
	world.store.names_mask = 0;
	for (size_t i = 0; i < COUNT; i++)
		for (size_t name = 0; name < ARRAY_COUNT(names); name++) {
			const struct session_options options = {.name = names[name], .players_max = 1};
			cr_assert_eq(ringcast_session_open(&world.store, &options, 1, &sessions[name][i]), DROP_NONE);
		}
	for (size_t i = 0; i < COUNT; i++)
		for (size_t name = ARRAY_COUNT(names); name-- > 0;) {
			cr_assert_eq(ringcast_session_find_name(&world.store, names[name]), sessions[name][i]);
			ringcast_session_end_now(sessions[name][i], CLOSE_SESSION_ENDED, 1);
			cr_assert_eq(ringcast_session_find_name(&world.store, names[name]), i + 1 < COUNT ? sessions[name][i + 1] : NULL);
		}
}

Test(session, the_bill_is_what_the_tables_take_and_memberships_may)
{
	const struct store *store = &world.store;
	const struct map *maps[] = {&store->groups_by_key, &store->players_by_key, &store->players_by_id, &store->limbs_by_home};
	uint64_t bytes = slab_bytes(&store->sessions) + slab_bytes(&store->players) + slab_bytes(&store->groups) + slab_bytes(&store->labels) +
			 (uint64_t)store->options.memberships_max * 4 * sizeof(struct membership) /* the heap's, at most */ +
			 (uint64_t)(store->names_mask + 1) * sizeof(handle);
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++)
		bytes += maps[i]->slot_count * sizeof(struct map_slot);
	cr_assert_eq(ringcast_store_reserved_bytes(&store->options), bytes);
}

Test(session, an_idle_player_costs_little)
{
	cr_assert_leq(sizeof(struct player), (size_t)168, "of the 768 bytes that an idle connection may cost in all");
}
