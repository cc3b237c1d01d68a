/* The engine's side and Node together: the life of a session, and everything that can go wrong with a process or a script. */
#include <criterion/criterion.h>
#include <signal.h>

#include "pair.h"

Test(sidecar_pair, the_sample_script_runs_a_game, .timeout = 120)
{
	struct pair pair;
	struct side_world *world = &pair.world;
	pair_start(&pair, "sample.js", 60000);
	pair_launch(&pair, 0);
	struct session *session = side_open(world);
	struct player *ann = side_login(world, session, "ann", "hi");
	cr_assert(ann->is_waiting);
	await_log(&pair, "send 100 from -1 reliable to 1 'accepted 1'\n");
	char *admitted = strstr(world->log, "admitted 1\n"), *hello = strstr(world->log, "'hello 1'");
	cr_assert(admitted != NULL && hello != NULL && admitted < hello, "the login's result comes first:\n%s", world->log);
	cr_assert_not_null(strstr(world->log, "log info: Starting process with args: one,two\n"));

	side_login(world, session, "eve", "no");
	await_log(&pair, "refused 2 denied\n");
	struct player *bob = side_login(world, session, "bob", "hi");
	await_log(&pair, "'accepted 2'\n");
	side_forget(world);
	cr_assert_eq(side_send(world, ann, 10, PROTO_PEER_SERVER, 0, "ping"), DROP_NONE);
	await_log(&pair, "send 101 from 1 fast to 1 'ping'\n");
	cr_assert_eq(side_send(world, ann, 12, 3, 0, "to bob"), DROP_NONE);
	await_log(&pair, "send 12 from 1 reliable to 3 'to bob'\n");
	cr_assert_eq(side_send(world, ann, 13, 3, 0, "thirteen"), DROP_NONE);
	await_log(&pair, "drop denied 1\n");
	side_forget(world);
	cr_assert_eq(side_send(world, ann, 12, 0, -1, "blocked"), DROP_NONE);
	await_log(&pair, "drop denied 1\n");
	cr_assert_eq(side_group(world, bob, OPCODE_JOIN_GROUP, 9), DROP_NONE);
	await_log(&pair, "update 9 to 3\n");

	ringcast_player_disconnect(bob, CLOSE_CLIENT, world->now_ns);
	await_log(&pair, "send 102 from -1 reliable to 1 'Peer 3 disconnected'\n");
	ringcast_player_disconnect(ann, CLOSE_CLIENT, world->now_ns);
	await_log(&pair, "ended session_ended\n");
	cr_assert_not_null(strstr(world->log, "log info: Completed process ending with: true\n"), "%s", world->log);
	pair_stop(&pair);
}

/* Two sessions on two processes; the first player of each is in. */
static void start_two(struct pair *pair, const char *main, struct session *ret_sessions[2], struct player *ret_players[2],
		      uint32_t stall_timeout_ms)
{
	pair_start(pair, main, stall_timeout_ms);
	for (uint32_t i = 0; i < 2; i++) {
		pair_launch(pair, i);
		ret_sessions[i] = side_open(&pair->world);
		side_forget(&pair->world);
		ret_players[i] = side_login(&pair->world, ret_sessions[i], "ann", "");
		await_log(pair, "admitted 1\n");
		cr_assert_eq(ringcast_sidecar_measure(pair->world.host, i).session_count, 1);
	}
	side_forget(&pair->world);
}

static void expect_alive(struct pair *pair, struct player *player)
{
	side_forget(&pair->world);
	cr_assert_eq(side_send(&pair->world, player, 15, PROTO_PEER_SERVER, 0, ""), DROP_NONE);
	await_log(pair, "send 6 from -1 fast to 1 'alive true");
}

Test(sidecar_pair, a_process_killed_loses_its_own_sessions_and_a_new_one_serves, .timeout = 120)
{
	struct pair pair;
	struct session *sessions[2];
	struct player *players[2];
	start_two(&pair, "fates.js", sessions, players, 60000);
	for (unsigned i = 0; i < 500; i++) /* under load */
		side_send(&pair.world, players[0], 15, PROTO_PEER_SERVER, 0, "");
	kill(pair.processes[0].pid, SIGKILL);
	cr_assert_str_eq(pair_reap(&pair, 0), "killed by signal 9");
	cr_assert_eq(sessions[0]->state, SESSION_ENDED);
	cr_assert_not_null(strstr(pair.world.log, "close 1 script_lost 'the process that ran the game's script ended'\nended script_lost\n"));
	expect_alive(&pair, players[1]);
	pair_launch(&pair, 0);
	struct session *next = side_open(&pair.world);
	cr_assert_eq(ringcast_sidecar_measure(pair.world.host, 0).session_count, 1);
	struct player *player = side_login(&pair.world, next, "bob", "");
	await_log(&pair, "admitted 1\n");
	expect_alive(&pair, player);
	pair_stop(&pair);
}

/* Both on one process, so that isolation is the threads'. */
static void start_neighbours(struct pair *pair, const char *main, struct player *ret_players[2], uint32_t stall_timeout_ms,
			     uint64_t memory_bytes)
{
	pair_start(pair, main, stall_timeout_ms);
	pair->world.script_limits.memory_bytes = memory_bytes;
	pair_launch(pair, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct session *session = side_open(&pair->world);
		side_forget(&pair->world);
		ret_players[i] = side_login(&pair->world, session, "ann", "");
		await_log(pair, "admitted 1\n");
	}
	cr_assert_eq(ringcast_sidecar_measure(pair->world.host, 0).session_count, 2);
	side_forget(&pair->world);
}

Test(sidecar_pair, a_script_in_an_endless_loop_is_killed_and_its_neighbour_goes_on, .timeout = 120)
{
	struct pair pair;
	struct player *players[2];
	start_neighbours(&pair, "fates.js", players, 5000, 0);
	side_send(&pair.world, players[0], 5, PROTO_PEER_SERVER, 0, "");
	expect_alive(&pair, players[1]);
	await_log(&pair, "log fatal: session ends: its script has taken no event for 5000 ms (an endless loop?)\n");
	await_log(&pair, "ended script_failed\n");
	cr_assert_eq(pair.world.counts[SCRIPT_COUNT_KILLED], 1);
	expect_alive(&pair, players[1]);
	pair_stop(&pair);
}

Test(sidecar_pair, a_script_that_eats_memory_ends_alone, .timeout = 120)
{
	struct pair pair;
	struct player *players[2];
	start_neighbours(&pair, "fates.js", players, 60000, 32 << 20);
	side_send(&pair.world, players[0], 6, PROTO_PEER_SERVER, 0, "");
	await_log(&pair, "log fatal: script needs more than its 32 MB of memory\n");
	await_log(&pair, "ended script_failed\n");
	cr_assert_eq(pair.world.counts[SCRIPT_COUNT_OUT_OF_MEMORY], 1);
	expect_alive(&pair, players[1]);
	pair_stop(&pair);
}

Test(sidecar_pair, a_script_that_throws_fails_alone, .timeout = 120)
{
	struct pair pair;
	struct player *players[2];
	start_neighbours(&pair, "fates.js", players, 60000, 0);
	side_send(&pair.world, players[0], 3, PROTO_PEER_SERVER, 0, "");
	await_log(&pair, "log fatal: uncaught exception: fates.js:12: TypeError: from a timer\n");
	await_log(&pair, "ended script_failed\n");
	expect_alive(&pair, players[1]);
	pair_stop(&pair);
}

Test(sidecar_pair, an_answer_that_comes_too_late_changes_nothing, .timeout = 120)
{
	struct pair pair;
	struct player *players[2];
	pair_start(&pair, "order.js", 60000);
	pair_launch(&pair, 0);
	struct session *session = side_open(&pair.world);
	players[0] = side_login(&pair.world, session, "ann", "");
	await_log(&pair, "'ann has gold'");
	session->answer_timeout_ms = 1; /* the script takes 20 */
	side_forget(&pair.world);
	cr_assert_eq(side_send(&pair.world, players[0], 2, 1, 0, "slow"), DROP_NONE);
	await_log(&pair, "drop park_timeout 1\n");
	while (pair.world.counts[SCRIPT_COUNT_LATE_ANSWERS] == 0)
		pair_turn(&pair);
	cr_assert_null(strstr(pair.world.log, "'slow'"), "%s", pair.world.log);
	pair_stop(&pair);
}

Test(sidecar_pair, a_process_that_is_stopped_is_found_silent, .timeout = 120)
{
	struct pair pair;
	struct session *sessions[2];
	struct player *players[2];
	start_two(&pair, "fates.js", sessions, players, 5000);
	kill(pair.processes[0].pid, SIGSTOP);
	while (!ringcast_sidecar_is_silent(pair.world.host, 0))
		pair_turn(&pair);
	cr_assert_eq(sessions[0]->state, SESSION_ACTIVE, "a script is not blamed for its process");
	ringcast_sidecar_process_kill(&pair.processes[0]);
	cr_assert_str_eq(pair_reap(&pair, 0), "killed by signal 9");
	expect_alive(&pair, players[1]);
	pair_stop(&pair);
}

Test(sidecar_pair, a_crowd_of_sessions_may_start_at_once, .timeout = 300)
{
	struct pair pair;
	struct session *sessions[60];
	pair_start(&pair, "fates.js", 20000);
	pair_launch(&pair, 0);
	for (unsigned i = 0; i < 60; i++)
		sessions[i] = side_open(&pair.world);
	for (unsigned i = 0; i < 60; i++) {
		side_forget(&pair.world);
		side_login(&pair.world, sessions[i], "ann", "");
		await_log(&pair, "admitted 1\n");
	}
	cr_assert_eq(ringcast_sidecar_measure(pair.world.host, 0).sessions_killed, 0);
	pair_stop(&pair);
}

Test(sidecar_pair, forty_sessions_come_and_go_and_report_their_memory, .timeout = 300)
{
	struct pair pair;
	struct session *sessions[40];
	pair_start(&pair, "fates.js", 60000);
	pair_launch(&pair, 0);
	for (unsigned i = 0; i < 40; i++)
		sessions[i] = side_open(&pair.world);
	for (unsigned i = 0; i < 40; i++) {
		side_forget(&pair.world);
		side_login(&pair.world, sessions[i], "ann", "");
		await_log(&pair, "admitted 1\n");
	}
	for (unsigned i = 0; i < 40; i++)
		while (ringcast_sidecar_ops.session_bytes(pair.world.host, sessions[i]) == 0)
			pair_turn(&pair);
	cr_assert_lt(ringcast_sidecar_ops.session_bytes(pair.world.host, sessions[39]), 64 << 20);
	for (unsigned i = 0; i < 40; i++)
		ringcast_session_end_now(sessions[i], CLOSE_SHUTDOWN, pair.world.now_ns);
	cr_assert_eq(ringcast_sidecar_measure(pair.world.host, 0).session_count, 0);
	pair_stop(&pair);
}
