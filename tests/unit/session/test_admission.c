/* From a reservation to a player: tokens, room, verdicts, time-outs, draining. */
#include <criterion/criterion.h>

#include "world.h"

static struct world world;

static void start(void)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL & ~(1u << HOOK_TICK)});
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(admission, .init = start, .fini = stop);

static enum drop_reason admit(const char *token, struct player **ret_player)
{
	struct view payload = ringcast_view_of("hi", 2);
	return ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), payload, &world, world.now_ns, ret_player);
}

static enum drop_reason reserve(struct session *session, const char *player_id, const char *player_data, struct player **ret_player)
{
	char token[PLAYER_TOKEN_BYTES];
	return ringcast_admission_reserve(session, player_id, player_data, world.now_ns, ret_player, token);
}

Test(admission, a_reservation_becomes_a_player)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES], again[PLAYER_TOKEN_BYTES];
	struct player *reserved = world_reserve(&world, session, token), *player;
	cr_assert_eq(reserved->state, PLAYER_RESERVED);
	cr_assert_eq(reserved->peer_id, 0);
	cr_assert_eq(session->reserved_count, 1);
	ringcast_player_format_token(reserved, again);
	cr_assert_str_eq(token, again);
	cr_assert_eq(ringcast_player_token_shard(ringcast_view_of(token, strlen(token))), 3);
	expect(&world, "hook started\n");

	cr_assert_eq(admit(token, &player), DROP_NONE);
	cr_assert_eq(player, reserved);
	cr_assert_eq(player->state, PLAYER_CONNECTING);
	cr_assert_eq(player->peer_id, 1);
	cr_assert_eq(player->transport, &world);
	cr_assert_null(ringcast_session_find_player(session, 1), "not before it is accepted");
	expect(&world, "hook connect 1 'hi'\n");

	ringcast_admission_accept(player, world.now_ns);
	cr_assert_eq(player->state, PLAYER_ACTIVE);
	cr_assert_eq(ringcast_session_find_player(session, 1), player);
	cr_assert_eq(session->player_count, 1);
	cr_assert_eq(session->reserved_count, 0);
	expect(&world, "hook accepted 1\n");
}

Test(admission, peer_ids_count_up_and_are_never_reused)
{
	struct session *session = world_open_for(&world, 2);
	for (int32_t peer_id = 1; peer_id <= 5; peer_id++) {
		struct player *player = world_join(&world, session);
		cr_assert_eq(player->peer_id, peer_id);
		ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
		cr_assert_null(ringcast_session_find_player(session, peer_id));
		ringcast_store_collect(&world.store);
	}
}

Test(admission, a_token_is_good_once)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player, *second = NULL;
	world_reserve(&world, session, token);
	cr_assert_eq(admit(token, &player), DROP_NONE);
	cr_assert_eq(admit(token, &second), DROP_BAD_TOKEN, "while connecting");
	ringcast_admission_accept(player, world.now_ns);
	cr_assert_eq(admit(token, &second), DROP_BAD_TOKEN, "while active");
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	cr_assert_eq(admit(token, &second), DROP_BAD_TOKEN, "when completed");
	ringcast_store_collect(&world.store);
	cr_assert_eq(admit(token, &second), DROP_BAD_TOKEN, "when freed");
	world_reserve(&world, session, (char[PLAYER_TOKEN_BYTES]){0});
	cr_assert_eq(admit(token, &second), DROP_BAD_TOKEN, "when the place in the slab is another's");
	cr_assert_null(second);
}

Test(admission, wrong_tokens_are_refused)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES], wrong[PLAYER_TOKEN_BYTES];
	struct player *player;
	world_reserve(&world, session, token);
	for (size_t at = 0; token[at] != '\0'; at++) {
		strcpy(wrong, token);
		wrong[at] = wrong[at] == '1' ? '2' : '1';
		cr_assert_eq(admit(wrong, &player), DROP_BAD_TOKEN, "position %zu", at);
	}
	cr_assert_eq(admit("", &player), DROP_BAD_TOKEN);
	cr_assert_eq(admit("psess-000003ffffff00000000000000000000", &player), DROP_BAD_TOKEN, "an index beyond the slab");
	cr_assert_eq(admit(session->id, &player), DROP_BAD_TOKEN);
	cr_assert_eq(admit(token, &player), DROP_NONE);
}

Test(admission, reservations_and_players_share_the_room)
{
	struct session *session = world_open_for(&world, 2);
	struct player *player;
	cr_assert_eq(session->players_max, 2);
	world_join(&world, session);
	cr_assert_eq(reserve(session, NULL, NULL, &player), DROP_NONE);
	cr_assert_eq(reserve(session, NULL, NULL, &player), DROP_SESSION_FULL);
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns); /* a reservation can be given up */
	cr_assert_eq(player->state, PLAYER_COMPLETED);
	cr_assert_eq(reserve(session, NULL, NULL, &player), DROP_NONE);
}

Test(admission, a_player_id_holds_one_place)
{
	struct session *session = world_open(&world), *other = world_open(&world);
	struct player *first, *second;
	cr_assert_eq(reserve(session, "alice", "data", &first), DROP_NONE);
	cr_assert_str_eq(ringcast_player_id(first), "alice");
	cr_assert_str_eq(ringcast_player_data(first), "data");
	cr_assert_eq(reserve(session, "alice", NULL, &second), DROP_PLAYER_EXISTS);
	cr_assert_eq(reserve(session, "alic", NULL, &second), DROP_NONE);
	cr_assert_eq(reserve(other, "alice", NULL, &second), DROP_NONE, "another session is another place");
	char token[PLAYER_TOKEN_BYTES];
	ringcast_player_format_token(first, token);
	world_admit(&world, token);
	cr_assert_eq(reserve(session, "alice", NULL, &second), DROP_PLAYER_EXISTS, "also when admitted");
	ringcast_player_disconnect(first, CLOSE_CLIENT, world.now_ns);
	cr_assert_eq(reserve(session, "alice", NULL, &second), DROP_NONE, "until it leaves");
	cr_assert_eq(reserve(session, NULL, "same", &first), DROP_NONE);
	cr_assert_eq(reserve(session, NULL, "same", &first), DROP_NONE, "no id is nobody's id");
}

Test(admission, long_ids_and_data_are_refused)
{
	struct session *session = world_open(&world);
	struct player *player;
	char id[PLAYER_ID_BYTES + 1], data[2050];
	memset(id, 'x', sizeof(id));
	memset(data, 'x', sizeof(data));
	id[PLAYER_ID_BYTES] = data[2049] = '\0';
	cr_assert_eq(reserve(session, id, NULL, &player), DROP_OVERSIZE);
	cr_assert_eq(reserve(session, NULL, data, &player), DROP_OVERSIZE);
	id[PLAYER_ID_BYTES - 1] = data[2048] = '\0';
	cr_assert_eq(reserve(session, id, data, &player), DROP_NONE);
}

Test(admission, a_reservation_times_out)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player = world_reserve(&world, session, token);
	world_advance_ms(&world, 59990);
	cr_assert_eq(player->state, PLAYER_RESERVED);
	world_advance_ms(&world, 20);
	cr_assert_eq(player->state, PLAYER_TIMEDOUT);
	cr_assert_eq(session->reserved_count, 0);
	cr_assert_eq(world.store.reservations_timedout, 1);
	cr_assert_eq(admit(token, &player), DROP_BAD_TOKEN);
	ringcast_store_collect(&world.store);
	cr_assert_eq(world.store.players.count, 0);
	expect(&world, "hook started\n"); /* nobody is told: there was no player */
}

Test(admission, an_admitted_player_does_not_time_out)
{
	struct session *session = world_open(&world);
	struct player *player = world_join(&world, session);
	world_advance_ms(&world, 3600000);
	cr_assert_eq(player->state, PLAYER_ACTIVE);
}

static enum verdict deny_connect(struct world *w, const struct hook_call *call)
{
	if (call->hook != HOOK_CONNECT)
		return VERDICT_ALLOW;
	struct packet packet = {.opcode = 9, .sender = -1, .target_player = call->player->peer_id, .target_group = 0};
	ringcast_command_send(call->session, &packet, INTENT_FAST);
	packet.target_player = 1;
	ringcast_command_send(call->session, &packet, INTENT_FAST);
	return VERDICT_DENY;
}

Test(admission, a_denied_player_was_never_there)
{
	struct session *session = world_open(&world);
	world_join(&world, session);
	world_forget(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *reserved = world_reserve(&world, session, token), *player = NULL;
	world.script = deny_connect;
	cr_assert_eq(admit(token, &player), DROP_DENIED);
	cr_assert_null(player);
	cr_assert_eq(reserved->state, PLAYER_COMPLETED);
	cr_assert_eq(reserved->close_reason, CLOSE_DENIED);
	cr_assert_eq(session->player_count, 1);
	cr_assert_eq(world.store.players_admitted, 1);
	/* no disconnected hook; what the script said to it comes to nothing, what it said to others arrives */
	expect(&world, "hook connect 2 'hi'\ndrop no_target 1\nsend 9 from -1 player 1 group 0 fast to 1\n");
	cr_assert_eq(admit(token, &player), DROP_BAD_TOKEN, "the token is used up");
}

static enum verdict greet(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_CONNECT || call->hook == HOOK_ACCEPTED) {
		const char *text = call->hook == HOOK_CONNECT ? "welcome" : "accepted";
		struct packet packet = {.opcode = 9, .sender = -1, .target_player = call->player->peer_id,
					.payload = ringcast_view_of(text, strlen(text))};
		cr_assert_eq(ringcast_command_send(call->session, &packet, INTENT_RELIABLE), DROP_NONE);
	}
	return VERDICT_ALLOW;
}

Test(admission, what_a_script_says_at_connect_waits_for_the_login_result)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	world_reserve(&world, session, token);
	world.script = greet;
	cr_assert_eq(admit(token, &player), DROP_NONE);
	struct packet late = {.opcode = 8, .sender = -1, .target_group = -1};
	cr_assert_eq(ringcast_command_send(session, &late, INTENT_FAST), DROP_NONE, "order is kept: this one waits too");
	expect(&world, "hook started\nhook connect 1 'hi'\n");
	ringcast_admission_accept(player, world.now_ns); /* the caller has sent the login result */
	expect(&world, "hook accepted 1\n"
		       "send 9 from -1 player 1 group 0 reliable to 1 'welcome'\n"
		       "send 8 from -1 player 0 group -1 fast to 1\n"
		       "send 9 from -1 player 1 group 0 reliable to 1 'accepted'\n");
}

Test(admission, a_transport_that_breaks_before_accept_lets_the_queue_go)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	world_reserve(&world, session, token);
	world.script = greet;
	cr_assert_eq(admit(token, &player), DROP_NONE);
	world_forget(&world);
	ringcast_player_disconnect(player, CLOSE_RESET, world.now_ns);
	ringcast_admission_accept(player, world.now_ns); /* harmless now */
	cr_assert_eq(player->state, PLAYER_COMPLETED);
	cr_assert_eq(session->player_count, 0);
	expect(&world, "drop no_target 1\n"); /* and no hook: never accepted */
}

Test(admission, others_are_not_disturbed_by_one_who_connects)
{
	struct session *session = world_open(&world);
	struct player *first = world_join(&world, session);
	char token[PLAYER_TOKEN_BYTES];
	struct player *second;
	world_reserve(&world, session, token);
	cr_assert_eq(admit(token, &second), DROP_NONE);
	world_forget(&world);
	cr_assert_eq(world_send(&world, first, 5, 0, -1, "all"), DROP_NONE);
	cr_assert_eq(world_send(&world, first, 5, 2, 0, "you"), DROP_NO_TARGET);
	cr_assert_eq(world_send(&world, second, 5, 1, 0, "early"), DROP_BAD_STATE);
	struct player *third = world_join(&world, session); /* overtakes */
	ringcast_player_disconnect(first, CLOSE_CLIENT, world.now_ns);
	ringcast_admission_accept(second, world.now_ns);
	world_forget(&world);
	cr_assert_eq(world_send(&world, third, 5, 0, -1, "all"), DROP_NONE);
	expect(&world, "hook send_to_group 5 from 3 player 0 group -1 'all'\nsend 5 from 3 player 0 group -1 reliable to 2,3 'all'\n");
}

Test(admission, draining_admits_nobody)
{
	struct session *session = world_open(&world), *another;
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	struct session_options options = {0};
	struct player *present = world_join(&world, session);
	world_reserve(&world, session, token);
	world.store.is_draining = true;
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &another), DROP_DRAINING);
	cr_assert_eq(reserve(session, NULL, NULL, &player), DROP_DRAINING);
	cr_assert_eq(admit(token, &player), DROP_DRAINING);
	cr_assert_eq(world_send(&world, present, 5, 0, -1, "x"), DROP_NONE, "those who are there go on");
	world.store.is_draining = false;
	cr_assert_eq(admit(token, &player), DROP_NONE);
	ringcast_admission_accept(player, world.now_ns);
}

Test(admission, an_ended_session_takes_no_reservations)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	world_reserve(&world, session, token);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	cr_assert_eq(reserve(session, NULL, NULL, &player), DROP_NO_SESSION);
	cr_assert_eq(admit(token, &player), DROP_BAD_TOKEN);
}

Test(admission, peer_ids_run_out_one_day)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	session->peer_id_next = INT32_MAX - 1;
	cr_assert_eq(world_join(&world, session)->peer_id, INT32_MAX - 1);
	world_reserve(&world, session, token);
	cr_assert_eq(admit(token, &player), DROP_SESSION_FULL);
}

static enum drop_reason cancel(struct session *session, const char *player_id, const char *token)
{
	return ringcast_admission_cancel(session, player_id, ringcast_view_of(token, strlen(token)), "gone", world.now_ns);
}

Test(admission, a_reservation_can_be_cancelled_by_id_or_token)
{
	struct session *session = world_open(&world), *other = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_eq(reserve(session, "alice", NULL, &player), DROP_NONE);
	cr_assert_eq(cancel(other, "alice", ""), DROP_BAD_TOKEN, "not of this session");
	cr_assert_eq(cancel(session, "bob", ""), DROP_BAD_TOKEN);
	cr_assert_eq(cancel(session, "", ""), DROP_BAD_TOKEN, "nobody's id");
	cr_assert_eq(cancel(session, "alice", ""), DROP_NONE);
	cr_assert_eq(session->reserved_count, 0);
	cr_assert_eq(cancel(session, "alice", ""), DROP_BAD_TOKEN, "once");
	cr_assert_eq(reserve(session, "alice", NULL, &player), DROP_NONE, "the id is free at once");
	ringcast_player_format_token(player, token);
	cr_assert_eq(cancel(other, NULL, token), DROP_BAD_TOKEN);
	cr_assert_eq(cancel(session, NULL, "psess-"), DROP_BAD_TOKEN);
	cr_assert_eq(cancel(session, NULL, token), DROP_NONE);
	cr_assert_eq(cancel(session, NULL, token), DROP_BAD_TOKEN);
	cr_assert_eq(admit(token, &player), DROP_BAD_TOKEN);
	ringcast_store_collect(&world.store);
	cr_assert_eq(session->reserved_count, 0);
}

Test(admission, whoever_is_in_already_is_kicked_instead)
{
	struct session *session = world_open(&world);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_eq(reserve(session, "alice", NULL, &player), DROP_NONE);
	ringcast_player_format_token(player, token);
	cr_assert_eq(admit(token, &player), DROP_NONE);
	ringcast_admission_accept(player, world.now_ns);
	world_forget(&world);
	cr_assert_eq(cancel(session, NULL, token), DROP_NONE);
	expect(&world, "hook disconnected 1 kicked\nclose 1 kicked 'gone'\n");
	cr_assert_eq(cancel(session, "alice", ""), DROP_BAD_TOKEN);
}

/* Short ones lie in a label, long ones in a buf; what comes back is the same, and both are given back with the player. */
Test(admission, id_and_data_of_every_length_come_back)
{
	struct session *session = world_open(&world);
	char id[60], data[60];
	struct player *player;
	uint32_t bufs_before = ringcast_buf_pool_in_use(world.pool);
	for (size_t id_bytes = 0; id_bytes < sizeof(id); id_bytes++) {
		for (size_t data_bytes = 0; data_bytes < sizeof(data); data_bytes += 1 + data_bytes / 4) {
			bool is_short = id_bytes + data_bytes <= sizeof(player->label->text) - 2, is_empty = id_bytes + data_bytes == 0;
			memset(id, 'i', id_bytes);
			memset(data, 'd', data_bytes);
			id[id_bytes] = data[data_bytes] = '\0';
			cr_assert_eq(reserve(session, id, data, &player), DROP_NONE);
			cr_assert_str_eq(ringcast_player_id(player), id);
			cr_assert_str_eq(ringcast_player_data(player), data);
			cr_assert_eq(world.store.labels.count, is_short && !is_empty);
			cr_assert_eq(ringcast_buf_pool_in_use(world.pool), bufs_before + !is_short);
			ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
			ringcast_store_collect(&world.store);
			cr_assert_eq(world.store.labels.count, 0);
		}
	}
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), bufs_before);
}
