/* Players who come back: what they keep, what they are told, and who they are taken for. Whole shards, clients that take one step at a time. */
#include "session/park.h"
#include "shard/resume.h"
#include "stage.h"

enum { WINDOW_MS = 20000, SAY = 7 };

static struct {
	struct stage stage;
	struct client first, second, again, third;
	unsigned dropped, resumed, disconnected;
	enum close_reason reason;
	uint64_t ticket;
} all;

static void on_dropped(void *context, struct session *session, struct player *player) { all.dropped++; }
static void on_resumed(void *context, struct session *session, struct player *player) { all.resumed++; }
static void on_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	all.disconnected++;
	all.reason = reason;
}

static const struct hooks hooks = {.player_dropped = on_dropped, .player_resumed = on_resumed, .player_disconnected = on_disconnected};

static void with_window(struct shard_options *options)
{
	options->limits.resume_window_ms = WINDOW_MS;
	options->hooks = &hooks;
}

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

static void join(struct client *client, uint8_t host, bool may_resume)
{
	static const char token[] = "dev-room-";
	struct packet login = {.command = PACKET_COMMAND_LOGIN,
			       .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_resume = may_resume}};
	client_connect(client, &all.stage, host, false);
	client_upgrade(client);
	client_log_in_as(client, &login);
	cr_assert_gt(client->peer_id, 0);
}

static void begin_with(stage_options_fn *options)
{
	stage_init(&all.stage, SHARD_PLAIN, options);
	join(&all.first, 1, true);
	join(&all.second, 2, false);
}

static void begin(void) { begin_with(with_window); }

static void end(void) { stage_fini(&all.stage); }

static void come_back_with(struct client *client, uint8_t host, const char *token, uint32_t received)
{
	struct packet login = {.command = PACKET_COMMAND_LOGIN,
			       .login = {.may_resume = true, .reconnect_token = ringcast_view_of(token, strlen(token)), .received = (int32_t)received}};
	client_connect(client, &all.stage, host, false);
	client_upgrade(client);
	client_log_in_as(client, &login);
}

static void break_off(struct client *client)
{
	ringcast_sim_stream_reset(all.stage.network, client->stream);
	stage_run_ms(&all.stage, 5);
}

static void say(struct client *client, int32_t target, const char *text)
{
	client_send(client, &(struct packet){.opcode = SAY, .target_player = target, .is_reliable = true, .payload = ringcast_view_of(text, strlen(text))});
	stage_run_ms(&all.stage, 2);
}

static void acknowledge(struct client *client, uint32_t received)
{
	client_send(client, &(struct packet){.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = (int32_t)received});
	stage_run_ms(&all.stage, 2);
}

static void expect_texts(const struct client *client, const char *texts)
{
	char heard[STAGE_HEARD_MAX * 16] = "";
	for (unsigned i = 0; i < client->heard.count; i++)
		if (client->heard.items[i].opcode == SAY)
			strcat(heard, client->heard.items[i].payload);
	cr_expect_str_eq(heard, texts);
}

static struct player *player_of(int32_t peer_id)
{
	return ringcast_session_find_peer(ringcast_session_find_name(&all.stage.shard->store, "room"), peer_id);
}

Test(resume, is_offered_to_those_who_ask_alone, .init = begin, .fini = end)
{
	cr_expect_eq(all.first.resume.window_ms, WINDOW_MS);
	cr_expect_eq(strlen(all.first.resume.token), ID_TEXT_BYTES);
	cr_expect_eq(all.second.resume.window_ms, 0);
	cr_expect_str_eq(all.second.resume.token, "");
	break_off(&all.second);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.dropped, 0);
}

Test(resume, is_not_offered_where_there_is_no_window)
{
	begin_with(NULL);
	cr_expect_eq(all.first.resume.window_ms, 0);
	cr_expect_str_eq(all.first.resume.token, "");
	end();
}

Test(resume, a_player_comes_back_as_who_it_was_and_gets_what_it_missed, .init = begin, .fini = end)
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

Test(resume, what_is_acknowledged_is_not_kept, .init = begin, .fini = end)
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

Test(resume, a_client_is_told_how_much_of_it_was_read, .init = begin, .fini = end)
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

static enum verdict decide_later(void *context, struct session *session, struct player *player, struct view payload)
{
	all.ticket = ringcast_park_ticket(session);
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
	ringcast_park_answer(ringcast_session_find_name(&all.stage.shard->store, "room"), all.ticket, VERDICT_ALLOW, all.stage.shard->now_ns);
	stage_run_ms(&all.stage, 200); /* its next tick */
	cr_expect_eq(all.first.peer_id, 1);
	cr_expect_eq(all.first.resume.received, RESUME_ACKNOWLEDGE_COUNT + 1);
	end();
}

Test(resume, what_is_left_is_acknowledged_with_a_ping, .init = begin, .fini = end)
{
	say(&all.first, 2, "x");
	stage_run_ms(&all.stage, 4000);
	cr_expect_eq(all.first.resume.acknowledged, 1);
}

Test(resume, a_client_that_did_not_ask_cannot_acknowledge, .init = begin, .fini = end)
{
	acknowledge(&all.second, 0);
	cr_expect_eq(stage_drops(&all.stage, DROP_BAD_STATE), 1);
}

Test(resume, beyond_the_bound_the_oldest_go_and_the_gap_is_told)
{
	begin_with(with_little);
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
	end();
}

Test(resume, all_together_have_a_bound_too)
{
	begin_with(with_little_together);
	join(&all.third, 4, true);
	for (unsigned i = 0; i < 10; i++) {
		say(&all.second, 1, "a");
		say(&all.second, 3, "b");
	}
	cr_expect_leq(all.stage.shard->resume_bytes, 60);
	cr_expect_gt(all.stage.shard->counters.replay_given_up, 0);
	end();
}

Test(resume, fast_messages_for_who_is_dropped_are_counted, .init = begin, .fini = end)
{
	break_off(&all.first);
	static struct fast fast;
	fast_open(&fast, &all.second, all.second.address);
	fast_send(&fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT, .sender = 2, .command = PACKET_COMMAND_UDP_CONNECT});
	fast_say(&fast, SAY, 2, 1);
	cr_expect_eq(stage_drops(&all.stage, DROP_RECEIVER_DROPPED), 1);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	expect_texts(&all.again, "");
}

Test(resume, the_window_ends_with_the_reason_of_the_drop, .init = begin, .fini = end)
{
	break_off(&all.first);
	say(&all.second, 1, "a");
	stage_run_ms(&all.stage, WINDOW_MS - 1000);
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

Test(resume, who_closes_has_left, .init = begin, .fini = end)
{
	client_send_raw(&all.first, WEBSOCKET_CLOSE, (const uint8_t[]){0x03, 0xe8}, 2);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(all.dropped, 0);
	cr_expect_eq(all.disconnected, 1);
	cr_expect_eq(all.reason, CLOSE_CLIENT);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.peer_id, 0);
}

Test(resume, who_is_silent_is_dropped, .init = begin, .fini = end)
{
	all.first.is_silent = true;
	stage_run_ms(&all.stage, 30000);
	cr_expect_eq(all.dropped, 1);
	stage_run_ms(&all.stage, WINDOW_MS);
	cr_expect_eq(all.reason, CLOSE_NO_PONG);
}

Test(resume, the_new_connection_wins_over_the_old_one, .init = begin, .fini = end)
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

Test(resume, a_token_is_good_until_the_next_one_has_surely_come, .init = begin, .fini = end)
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

Test(resume, a_token_that_was_known_is_good_although_nothing_came_after_it, .init = begin, .fini = end)
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

Test(resume, a_wrong_secret_is_refused, .init = begin, .fini = end)
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

Test(resume, who_says_it_read_what_was_never_sent_is_refused, .init = begin, .fini = end)
{
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 1);
	cr_expect_eq(all.again.peer_id, 0);
	come_back_with(&all.third, 4, all.first.resume.token, 0);
	cr_expect(all.third.resume.is_resumed);
}

Test(resume, who_is_sent_away_while_dropped_has_left, .init = begin, .fini = end)
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

Test(resume, a_session_that_ends_takes_its_dropped_along, .init = begin, .fini = end)
{
	break_off(&all.first);
	ringcast_session_end_now(player_of(2)->session, CLOSE_SESSION_ENDED, all.stage.shard->now_ns);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(all.disconnected, 2);
	cr_expect_eq(all.stage.shard->resumes.count, 0);
}

Test(resume, while_the_engine_drains_who_was_in_may_come_back, .init = begin, .fini = end)
{
	break_off(&all.first);
	for (uint32_t cursor = 0; !ringcast_shard_drain(all.stage.shard, &cursor, UINT64_MAX);)
		;
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect(all.again.resume.is_resumed);
}

Test(resume, its_groups_stay, .init = begin, .fini = end)
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

Test(resume, what_is_kept_shares_the_chunk_until_that_is_full, .init = begin, .fini = end)
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
	cr_expect_eq(heard_count(&all.again.heard, SAY), 3);
	expect_texts(&all.again, "xxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxx"); /* as much of each as a client notes */
}

/* Bounds */

static void with_few_messages(struct shard_options *options)
{
	with_window(options);
	options->limits.messages_per_second = 5;
}

Test(resume, a_new_connection_is_no_new_budget)
{
	begin_with(with_few_messages);
	for (unsigned i = 0; i < 5; i++)
		say(&all.first, 2, "x");
	cr_expect_eq(stage_drops(&all.stage, DROP_RATE_MESSAGES), 0);
	come_back_with(&all.again, 3, all.first.resume.token, 0); /* takes over */
	say(&all.again, 2, "x");
	cr_expect_eq(stage_drops(&all.stage, DROP_RATE_MESSAGES), 1);
	break_off(&all.again);
	come_back_with(&all.third, 4, all.again.resume.token, 0);
	say(&all.third, 2, "x");
	cr_expect_eq(stage_drops(&all.stage, DROP_RATE_MESSAGES), 2);
	end();
}

Test(resume, who_comes_back_too_often_waits_and_stays, .init = begin, .fini = end)
{
	static struct client late;
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	while (ringcast_ratelimit_take(&resume->resume_rate, RESUMES_PER_SECOND, 1, all.stage.shard->now_ns))
		;
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.close_code, 3013);
	cr_expect_eq(stage_drops(&all.stage, DROP_RESUME_RATE), 1);
	cr_expect_eq(all.first.close_code, 0); /* not taken over either */
	stage_run_ms(&all.stage, 1000);
	come_back_with(&late, 4, all.first.resume.token, 0);
	cr_expect(late.resume.is_resumed);
	cr_expect_eq(all.disconnected, 0);
}

static void with_some_together(struct shard_options *options)
{
	with_window(options);
	options->limits.resume_memory_bytes = 200;
}

Test(resume, one_who_never_acknowledges_takes_nobody_elses_room)
{
	begin_with(with_some_together);
	join(&all.third, 4, true);
	for (unsigned i = 0; i < 30; i++)
		say(&all.second, 3, "b");
	cr_expect_gt(all.stage.shard->counters.replay_given_up, 0);
	break_off(&all.first);
	for (char text[] = "a"; text[0] < 'e'; text[0]++)
		say(&all.second, 1, text);
	cr_expect_leq(all.stage.shard->resume_bytes, 200);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.resume.lost, 0);
	expect_texts(&all.again, "abcd");
	end();
}

static void turn_the_chunk(void)
{
	static char text[4001];
	memset(text, 'x', sizeof(text) - 1);
	const struct buf *chunk = all.stage.shard->chunk;
	while (all.stage.shard->chunk == chunk) {
		say(&all.second, 2, text);
		stage_run_ms(&all.stage, 10);
	}
}

Test(resume, a_copy_is_no_larger_than_it_needs_and_counts_as_large_as_it_is, .init = begin, .fini = end)
{
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	break_off(&all.first);
	say(&all.second, 1, "a");
	turn_the_chunk();
	const struct out_slice *slice = resume->replay.frames.pending_head;
	cr_assert(slice->is_private);
	cr_expect_eq(slice->buf->capacity, 128);
	cr_expect_eq(all.stage.shard->resume_bytes, 128);
	say(&all.second, 1, "b");
	turn_the_chunk();
	cr_expect_eq(all.stage.shard->resume_bytes, 128);
	come_back_with(&all.again, 3, all.first.resume.token, 1);
	expect_texts(&all.again, "b");
	acknowledge(&all.again, 2);
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
}

Test(resume, where_slices_are_short_a_player_stays_dropped, .init = begin, .fini = end)
{
	struct slice_pool *slices = &all.stage.shard->slices;
	struct buf *buf = ringcast_buf_alloc(all.stage.shard->pool, 128);
	struct outq hog = {0};
	break_off(&all.first);
	for (char text[] = "a"; text[0] < 'g'; text[0]++) {
		say(&all.second, 1, text);
		say(&all.second, 2, "between");
	}
	for (uint32_t i = 0; slices->count + 4 < slices->capacity; i++)
		ringcast_outq_add(&hog, slices, buf, i % 2 * 2, 1);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.close_code, 3017);
	cr_expect_eq(stage_drops(&all.stage, DROP_NO_BUFFER), 1);
	cr_expect_eq(all.disconnected, 0);
	ringcast_outq_clear(&hog, slices);
	ringcast_buf_unref(buf);
	come_back_with(&all.third, 4, all.first.resume.token, 0);
	cr_expect(all.third.resume.is_resumed);
	expect_texts(&all.third, "abcdef");
}

Test(resume, who_is_busy_stays_so_when_the_chunk_is_full, .init = begin, .fini = end)
{
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	say(&all.second, 1, "a");
	resume->is_busy = true;
	ringcast_resume_detach_all(all.stage.shard);
	cr_expect(resume->is_busy);
	resume->is_busy = false;
}

Test(resume, only_what_was_never_sent_counts_as_dropped)
{
	begin_with(with_little);
	say(&all.second, 1, "a");
	break_off(&all.first);
	while (all.stage.shard->counters.replay_given_up == 0)
		say(&all.second, 1, "b");
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 0);
	say(&all.second, 1, "c");
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 1);
	end();
}

Test(resume, what_is_given_up_for_memory_is_told_and_nothing_more, .init = begin, .fini = end)
{
	break_off(&all.first);
	say(&all.second, 1, "a");
	say(&all.second, 1, "b");
	cr_expect(ringcast_resume_relieve(all.stage.shard));
	cr_expect_eq(all.stage.shard->counters.replay_given_up, 2);
	say(&all.second, 1, "c");
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	cr_expect_eq(all.again.resume.lost, 2);
	expect_texts(&all.again, "c");
}
