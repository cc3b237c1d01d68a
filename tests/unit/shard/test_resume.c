/* Players who come back: what they keep, what they are told, and who they are taken for. Whole shards, clients that take one step at a time. */
#include "comeback.h"
#include "session/park.h"
#include "shard/inspect.h"
#include "shard/login.h"

static void with_little(struct shard_options *options)
{
	with_window(options);
	options->limits.resume_bytes = 60;
}

static void with_little_together(struct shard_options *options)
{
	with_window(options);
	options->limits.resume_memory_bytes = 60;
}

Test(resume, is_offered_to_those_who_ask_alone, .init = comeback_begin, .fini = comeback_end)
{
	cr_expect_eq(all.first.resume.window_ms, COMEBACK_WINDOW_MS);
	cr_expect_eq(strlen(all.first.resume.token), ID_TEXT_BYTES);
	cr_expect_eq(all.second.resume.window_ms, 0);
	cr_expect_str_eq(all.second.resume.token, "");
	break_off(&all.second);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.dropped, 0);
}

Test(resume, is_not_offered_where_there_is_no_window)
{
	comeback_begin_with(NULL);
	cr_expect_eq(all.first.resume.window_ms, 0);
	cr_expect_str_eq(all.first.resume.token, "");
	comeback_end();
}

Test(resume, a_player_comes_back_as_who_it_was_and_gets_what_it_missed, .init = comeback_begin, .fini = comeback_end)
{
	say(&all.second, 1, "a");
	say(&all.second, 1, "b");
	expect_texts(&all.first, "ab");
	break_off(&all.first);
	cr_expect_eq(all.dropped, 1);
	cr_expect_eq(all.disconnected, 0);
	say(&all.second, 1, "c");
	come_back_with(&all.again, 3, all.first.resume.token, 1); /* the second one was sent, and not read */
	cr_expect_eq(all.again.peer_id, 1);
	cr_expect(all.again.resume.is_resumed);
	cr_expect_eq(all.again.resume.lost, 0);
	cr_expect_eq(all.resumed, 1);
	say(&all.second, 1, "d");
	expect_texts(&all.again, "bcd");
	cr_expect_eq(all.stage.shard->counters.replayed_messages, 2);
}

Test(resume, what_is_acknowledged_is_not_kept, .init = comeback_begin, .fini = comeback_end)
{
	for (unsigned i = 0; i < 5; i++)
		say(&all.second, 1, "x");
	acknowledge(&all.first, 3);
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	cr_expect_eq(ringcast_replay_count(&resume->replay), 2);
	acknowledge(&all.first, 3);
	acknowledge(&all.first, 2); /* older than what is known */
	cr_expect_eq(ringcast_replay_count(&resume->replay), 2);
	acknowledge(&all.first, 6); /* never sent */
	cr_expect_eq(stage_drops(&all.stage, DROP_MALFORMED), 1);
	cr_expect_eq(ringcast_replay_count(&resume->replay), 2);
	acknowledge(&all.first, 5);
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
}

Test(resume, a_client_is_told_how_much_of_it_was_read, .init = comeback_begin, .fini = comeback_end)
{
	for (unsigned i = 0; i < RESUME_ACKNOWLEDGE_COUNT - 1; i++)
		say(&all.first, 2, "x");
	cr_expect_eq(all.first.resume.acknowledged, 0);
	say(&all.first, 2, "x");
	cr_expect_eq(all.first.resume.acknowledged, RESUME_ACKNOWLEDGE_COUNT);
	say(&all.first, 2, "y");
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.resume.received, RESUME_ACKNOWLEDGE_COUNT + 1);
}

static uint64_t ticket;

static enum verdict decide_later(void *context, struct session *session, struct player *player, struct view payload)
{
	ticket = ringcast_park_ticket(session);
	return VERDICT_LATER;
}

static const struct hooks slow_hooks = {.player_connect = decide_later};

static void with_a_slow_script(struct shard_options *options)
{
	with_window(options);
	options->hooks = &slow_hooks;
}

/* A script that takes its time about the login; what comes meanwhile is read, and must not be asked for again. */
Test(resume, what_is_said_before_the_login_is_answered_counts)
{
	static const char token[] = "dev-room-";
	struct packet login = {.command = PACKET_COMMAND_LOGIN, .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_resume = true}};
	stage_init(&all.stage, SHARD_PLAIN, with_a_slow_script);
	client_connect(&all.first, &all.stage, 1, false);
	client_upgrade(&all.first);
	client_log_in_as(&all.first, &login);
	for (unsigned i = 0; i < RESUME_ACKNOWLEDGE_COUNT + 1; i++)
		say(&all.first, PROTO_PEER_SERVER, "x");
	cr_expect_eq(all.first.resume.acknowledged, 0);
	ringcast_park_answer(ringcast_session_find_name(&all.stage.shard->store, "room"), ticket, VERDICT_ALLOW, all.stage.shard->now_ns);
	stage_run_ms(&all.stage, 200); /* its next tick */
	cr_expect_eq(all.first.peer_id, 1);
	cr_expect_eq(all.first.resume.received, RESUME_ACKNOWLEDGE_COUNT + 1);
	comeback_end();
}

Test(resume, what_is_left_is_acknowledged_with_a_ping, .init = comeback_begin, .fini = comeback_end)
{
	say(&all.first, 2, "x");
	stage_run_ms(&all.stage, 4000);
	cr_expect_eq(all.first.resume.acknowledged, 1);
}

Test(resume, a_client_that_did_not_ask_cannot_acknowledge, .init = comeback_begin, .fini = comeback_end)
{
	acknowledge(&all.second, 0);
	cr_expect_eq(stage_drops(&all.stage, DROP_BAD_STATE), 1);
}

Test(resume, beyond_the_bound_the_oldest_go_and_the_gap_is_told)
{
	comeback_begin_with(with_little);
	break_off(&all.first);
	for (char text[] = "a"; text[0] < 'g'; text[0]++)
		say(&all.second, 1, text);
	cr_expect_gt(stage_drops(&all.stage, DROP_REPLAY_FULL), 0);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	uint32_t lost = all.again.resume.lost;
	cr_expect_gt(lost, 0);
	cr_expect_lt(lost, 6);
	cr_expect_eq(all.again.resume.heard, 6 - lost);
	expect_texts(&all.again, "abcdef" + lost);
	cr_expect_eq(all.stage.shard->counters.resume_gaps, 1);
	comeback_end();
}

Test(resume, all_together_have_a_bound_too)
{
	comeback_begin_with(with_little_together);
	join(&all.third, 4, true);
	for (unsigned i = 0; i < 10; i++) {
		say(&all.second, 1, "a");
		say(&all.second, 3, "b");
	}
	cr_expect_leq(all.stage.shard->resume_bytes, 60);
	cr_expect_gt(all.stage.shard->counters.replay_given_up, 0);
	comeback_end();
}

Test(resume, fast_messages_for_who_is_dropped_are_counted, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	static struct fast fast;
	fast_open(&fast, &all.second, all.second.address);
	fast_send(&fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT, .sender = 2, .command = PACKET_COMMAND_UDP_CONNECT});
	fast_say(&fast, COMEBACK_SAY, 2, 1);
	cr_expect_eq(stage_drops(&all.stage, DROP_RECEIVER_DROPPED), 1);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	expect_texts(&all.again, "");
}

Test(resume, the_window_ends_with_the_reason_of_the_drop, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	say(&all.second, 1, "a");
	stage_run_ms(&all.stage, COMEBACK_WINDOW_MS - 1000);
	cr_expect_eq(all.disconnected, 0);
	stage_run_ms(&all.stage, 2000);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.reason, CLOSE_RESET);
	cr_expect_eq(stage_drops(&all.stage, DROP_RECEIVER_GONE), 1);
	cr_expect_null(player_of(1));
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.peer_id, 0);
	cr_expect_eq(all.again.close_code, 3500);
	cr_expect_eq(stage_drops(&all.stage, DROP_RESUME_GONE), 1);
}

Test(resume, who_closes_has_left, .init = comeback_begin, .fini = comeback_end)
{
	client_send_raw(&all.first, WEBSOCKET_CLOSE, (const uint8_t[]){0x03, 0xe8}, 2);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(all.dropped, 0);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.reason, CLOSE_CLIENT);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.peer_id, 0);
}

Test(resume, who_is_silent_is_dropped, .init = comeback_begin, .fini = comeback_end)
{
	all.first.is_silent = true;
	stage_run_ms(&all.stage, 30000);
	cr_expect_eq(all.dropped, 1);
	stage_run_ms(&all.stage, COMEBACK_WINDOW_MS);
	cr_expect_eq(all.reason, CLOSE_NO_PONG);
}

Test(resume, the_new_connection_wins_over_the_old_one, .init = comeback_begin, .fini = comeback_end)
{
	say(&all.second, 1, "a");
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect(all.again.resume.is_resumed);
	cr_expect_eq(all.first.close_code, 3512);
	cr_expect_eq(all.dropped, 1);
	cr_expect_eq(all.resumed, 1);
	cr_expect_eq(all.disconnected, 0);
	say(&all.second, 1, "b");
	expect_texts(&all.again, "ab");
	expect_texts(&all.first, "a");
}

Test(resume, a_token_is_good_until_the_next_one_has_surely_come, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 0); /* its answer is lost, for all that the server knows */
	cr_expect_str_neq(all.again.resume.token, all.first.resume.token);
	break_off(&all.again);
	come_back_with(&all.third, 4, all.first.resume.token, 0);
	cr_expect(all.third.resume.is_resumed);
	say(&all.third, 2, "here");
	break_off(&all.third);
	static struct client late, right;
	come_back_with(&late, 5, all.first.resume.token, 0);
	cr_expect_eq(late.peer_id, 0);
	come_back_with(&right, 6, all.third.resume.token, 0);
	cr_expect(right.resume.is_resumed);
}

Test(resume, a_token_that_was_known_is_good_although_nothing_came_after_it, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	break_off(&all.again); /* it has read its new token, and said nothing */
	come_back_with(&all.third, 4, all.again.resume.token, 0);
	cr_expect(all.third.resume.is_resumed);
	break_off(&all.third); /* and this time the answer was lost */
	static struct client last;
	come_back_with(&last, 5, all.again.resume.token, 0);
	cr_expect(last.resume.is_resumed);
}

Test(resume, a_wrong_secret_is_refused, .init = comeback_begin, .fini = comeback_end)
{
	char token[PROTO_TOKEN_BYTES_MAX + 1];
	break_off(&all.first);
	for (size_t i = 0; i < ID_TEXT_BYTES; i++) {
		snprintf(token, sizeof(token), "%s", all.first.resume.token);
		token[i] = token[i] == '1' ? '2' : '1';
		struct packet packet = {.login = {.reconnect_token = ringcast_view_of(token, strlen(token))}};
		cr_expect_null(ringcast_resume_find(all.stage.shard, packet.login.reconnect_token), "%s", token);
	}
	cr_expect_not_null(ringcast_resume_find(all.stage.shard, ringcast_view_of(all.first.resume.token, ID_TEXT_BYTES)));
}

Test(resume, who_says_it_read_what_was_never_sent_is_refused, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 1);
	cr_expect_eq(all.again.peer_id, 0);
	come_back_with(&all.third, 4, all.first.resume.token, 0);
	cr_expect(all.third.resume.is_resumed);
}

Test(resume, who_is_sent_away_while_dropped_has_left, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	ringcast_command_kick(player_of(2)->session, 1, NULL);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.reason, CLOSE_KICKED);
	cr_expect_eq(all.stage.shard->resumes.count, 0);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.peer_id, 0);
}

Test(resume, a_session_that_ends_takes_its_dropped_along, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	ringcast_session_end_now(player_of(2)->session, CLOSE_SESSION_ENDED, all.stage.shard->now_ns);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(all.disconnected, 2);
	cr_expect_eq(all.stage.shard->resumes.count, 0);
}

Test(resume, while_the_engine_drains_who_was_in_may_come_back, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	for (uint32_t cursor = 0; !ringcast_shard_drain(all.stage.shard, &cursor, UINT64_MAX);)
		;
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect(all.again.resume.is_resumed);
}

Test(resume, its_groups_stay, .init = comeback_begin, .fini = comeback_end)
{
	client_send(&all.first, &(struct packet){.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP, .group = 5});
	stage_run_ms(&all.stage, 2);
	uint32_t heard = all.first.resume.heard; /* the list of members */
	cr_expect_eq(heard, 1);
	break_off(&all.first);
	cr_expect(ringcast_group_has(player_of(1), 5));
	cr_expect_eq(ringcast_session_find_name(&all.stage.shard->store, "room")->player_count, 2);
	come_back_with(&all.again, 3, all.first.resume.token, heard);
	cr_expect(ringcast_group_has(player_of(1), 5));
	cr_expect_eq(all.again.resume.heard, 0);
}

Test(resume, what_is_kept_shares_the_chunk_until_that_is_full, .init = comeback_begin, .fini = comeback_end)
{
	static char text[4001];
	memset(text, 'x', sizeof(text) - 1);
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	say(&all.second, 1, text);
	cr_expect_eq(resume->replay.frames.pending_head->buf, all.stage.shard->chunk);
	for (unsigned i = 0; i < SHARD_CHUNK_BYTES / 4000 + 8; i++) {
		stage_run_ms(&all.stage, 10);
		say(&all.second, 1, text);
	}
	for (const struct out_slice *slice = resume->replay.frames.pending_head; slice != NULL; slice = slice->next)
		cr_expect(slice->is_private || slice->buf == all.stage.shard->chunk);
	cr_expect_eq(all.disconnected, 0);
	cr_expect_eq(all.stage.shard->counters.replay_given_up, 0);
	uint32_t kept = ringcast_replay_count(&resume->replay), received = resume->replay.next - kept;
	cr_expect_eq(received, 0);
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, kept - 3);
	cr_expect_eq(all.again.resume.lost, 0);
	cr_expect_eq(heard_count(&all.again.heard, COMEBACK_SAY), 3);
	expect_texts(&all.again, "xxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxx"); /* as much of each as a client notes */
}

/* Sessions on several shards */

static char wide_name[SESSION_NAME_BYTES]; /* of the one at home on the stage's own shard */

static void open_wide_room(struct shard *shard, char ret_name[SESSION_NAME_BYTES])
{
	struct session_options options = {.name = ret_name, .players_max = 8, .spread = SPREAD_ALWAYS, .empty_timeout_ms = UINT32_MAX};
	struct session *session;
	for (unsigned i = 0; i == 0 || ringcast_shard_of_name(ret_name, 2, true) != shard->options.index; i++)
		snprintf(ret_name, SESSION_NAME_BYTES, "wide%u", i);
	cr_assert_eq(ringcast_session_open(&shard->store, &options, shard->now_ns, &session), DROP_NONE);
	ringcast_mailbox_set_spread(all.stage.mailboxes[shard->options.index], true); /* as its next turn does */
}

/* On both shards, so that each knows the other for one that has spread sessions. */
static void begin_wide(void)
{
	char name[SESSION_NAME_BYTES];
	stage_init_neighbours(&all.stage, SHARD_PLAIN, with_window);
	open_wide_room(all.stage.shard, wide_name);
	open_wide_room(all.stage.neighbour, name);
}

static void join_by_neighbour(struct client *client, uint8_t host, bool may_resume)
{
	char token[SESSION_NAME_BYTES + 8];
	snprintf(token, sizeof(token), "dev-%s-", wide_name);
	struct packet login = {.command = PACKET_COMMAND_LOGIN, .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_resume = may_resume}};
	client_connect_neighbour(client, &all.stage, host);
	client_upgrade(client);
	client_log_in_as(client, &login);
	cr_assert_gt(client->peer_id, 0, "%s", client->close_text);
}

/* What outlives its connection is kept there, and it finds that by either shard. */
Test(resume, who_stays_where_it_came_to_may_come_back_by_either_shard, .init = begin_wide, .fini = comeback_end)
{
	const struct shard *shard = all.stage.shard, *neighbour = all.stage.neighbour;
	struct player_ref ref;
	join_by_neighbour(&all.first, 1, true);
	cr_expect_eq(all.first.resume.window_ms, COMEBACK_WINDOW_MS);
	cr_assert(ringcast_id_parse_player(ringcast_view_of(all.first.resume.token, strlen(all.first.resume.token)), &ref));
	cr_expect_eq(ref.shard_index, neighbour->options.index);
	cr_expect_eq(neighbour->resumes.count, 1);
	cr_expect_eq(shard->resumes.count, 0);
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, all.first.resume.heard); /* by the other one */
	cr_expect(all.again.resume.is_resumed);
	cr_expect_eq(all.again.peer_id, all.first.peer_id);
	cr_expect_eq(neighbour->resumes.count, 1);
	cr_expect_eq(shard->resumes.count, 0);
}

Test(resume, who_did_not_ask_gets_no_token_there_either, .init = begin_wide, .fini = comeback_end)
{
	join_by_neighbour(&all.first, 1, false);
	cr_expect_eq(all.first.resume.window_ms, 0);
	cr_expect_str_eq(all.first.resume.token, "");
	cr_expect_eq(all.stage.neighbour->resumes.count, 0);
}

/* As an operator, or the service, sees them. */
Test(resume, who_is_dropped_is_listed_so_and_holds_its_place, .init = comeback_begin, .fini = comeback_end)
{
	ringcast_player_info info;
	char token[PLAYER_TOKEN_BYTES];
	ringcast_player_format_token(player_of(1), token);
	ringcast_shard_describe_player(player_of(1), &info);
	cr_expect_str_eq(info.state, "active");
	cr_expect_str_eq(info.token, token);
	break_off(&all.first);
	ringcast_shard_describe_player(player_of(1), &info);
	cr_expect_str_eq(info.state, "dropped");
	cr_expect_str_eq(info.token, token);
}
