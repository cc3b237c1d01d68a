/* What is kept for players who may come back has bounds, and gives way where memory is short: who gives, how much, and what is told of it. */
#include "base/log.h"
#include "comeback.h"

static void with_little(struct shard_options *options)
{
	with_window(options);
	options->limits.resume_bytes = 60;
}

static void with_few_messages(struct shard_options *options)
{
	with_window(options);
	options->limits.messages_per_second = 5;
}

Test(resume_bounds, a_new_connection_is_no_new_budget)
{
	comeback_begin_with(with_few_messages);
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
	comeback_end();
}

Test(resume_bounds, who_comes_back_too_often_waits_and_stays, .init = comeback_begin, .fini = comeback_end)
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

Test(resume_bounds, one_who_never_acknowledges_takes_nobody_elses_room)
{
	comeback_begin_with(with_some_together);
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
	comeback_end();
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

Test(resume_bounds, a_copy_is_no_larger_than_it_needs_and_counts_as_large_as_it_is, .init = comeback_begin, .fini = comeback_end)
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

Test(resume_bounds, where_slices_are_short_a_player_stays_dropped, .init = comeback_begin, .fini = comeback_end)
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

Test(resume_bounds, who_is_busy_stays_so_when_the_chunk_is_full, .init = comeback_begin, .fini = comeback_end)
{
	struct resume *resume = ringcast_resume_of(all.stage.shard, player_of(1));
	say(&all.second, 1, "a");
	resume->is_busy = true;
	ringcast_resume_detach_all(all.stage.shard);
	cr_expect(resume->is_busy);
	resume->is_busy = false;
}

Test(resume_bounds, only_what_was_never_sent_counts_as_dropped)
{
	comeback_begin_with(with_little);
	say(&all.second, 1, "a");
	break_off(&all.first);
	while (all.stage.shard->counters.replay_given_up == 0)
		say(&all.second, 1, "b");
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 0);
	say(&all.second, 1, "c");
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 1);
	comeback_end();
}

Test(resume_bounds, what_is_given_up_for_memory_is_told_and_nothing_more, .init = comeback_begin, .fini = comeback_end)
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

/* In need of memory */

/* Of player 1 more than of player 3 more than of player 4, each frame in a slice of its own. */
static void keep_for_three(void)
{
	static const struct { int32_t peer_id; unsigned count; } share[] = {{1, 12}, {3, 6}, {4, 2}};
	join(&all.third, 3, true);
	join(&all.again, 4, true);
	break_off(&all.first);
	break_off(&all.third);
	break_off(&all.again);
	for (size_t i = 0; i < sizeof(share) / sizeof(*share); i++)
		for (unsigned j = 0; j < share[i].count; j++) {
			say(&all.second, share[i].peer_id, "a");
			say(&all.second, 2, "between");
		}
	cr_assert_eq(ringcast_replay_count(&resume_of(1)->replay), 12);
	cr_assert_eq(ringcast_replay_count(&resume_of(3)->replay), 6);
	cr_assert_eq(ringcast_replay_count(&resume_of(4)->replay), 2);
}

static void hog(struct outq *outq, struct buf *buf, uint32_t free_count)
{
	struct slice_pool *slices = &all.stage.shard->slices;
	for (uint32_t i = 0; slices->capacity - slices->count > free_count; i++)
		cr_assert(ringcast_outq_add(outq, slices, buf, i % 2 * 2, 1));
}

Test(resume_bounds, in_need_as_many_dropped_players_give_as_are_needed_and_no_more, .init = comeback_begin, .fini = comeback_end)
{
	struct slice_pool *slices = &all.stage.shard->slices;
	uint32_t goal = slices->capacity / 16; /* as relief.c has it */
	struct buf *buf = ringcast_buf_alloc(all.stage.shard->pool, 128);
	struct outq others = {0};
	keep_for_three();
	hog(&others, buf, goal - 14); /* what is kept for the first is not enough, with that for the third it is */
	cr_expect(ringcast_shard_relieve_slices(all.stage.shard));
	cr_expect_geq(slices->capacity - slices->count, goal);
	cr_expect_eq(ringcast_replay_count(&resume_of(1)->replay), 0);
	cr_expect_eq(ringcast_replay_count(&resume_of(3)->replay), 0);
	cr_expect_eq(ringcast_replay_count(&resume_of(4)->replay), 2);
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 18);
	cr_expect_eq(all.stage.shard->counters.crowded_out, 0);
	ringcast_outq_clear(&others, slices);
	ringcast_buf_unref(buf);
}

Test(resume_bounds, in_need_who_is_connected_gives_before_any_who_is_dropped, .init = comeback_begin, .fini = comeback_end)
{
	keep_for_three();
	static struct client back;
	come_back_with(&back, 5, all.again.resume.token, 0);
	cr_expect_eq(ringcast_replay_count(&resume_of(4)->replay), 2);
	cr_expect(ringcast_resume_relieve(all.stage.shard));
	cr_expect_eq(ringcast_replay_count(&resume_of(4)->replay), 0);
	cr_expect_eq(ringcast_replay_count(&resume_of(1)->replay), 12);
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 0); /* it was sent */
	cr_expect(ringcast_resume_relieve(all.stage.shard));
	cr_expect_eq(ringcast_replay_count(&resume_of(1)->replay), 0);
	cr_expect_eq(ringcast_replay_count(&resume_of(3)->replay), 6);
}

/* Neither of the dropped nor of the connected, whoever holds most. */
Test(resume_bounds, nobody_gives_whose_frames_are_being_copied, .init = comeback_begin, .fini = comeback_end)
{
	keep_for_three();
	resume_of(1)->is_busy = true;
	cr_expect(ringcast_resume_relieve(all.stage.shard));
	cr_expect_eq(ringcast_replay_count(&resume_of(1)->replay), 12);
	cr_expect_eq(ringcast_replay_count(&resume_of(3)->replay), 0);
	resume_of(1)->is_busy = false;
}

/* Two frames of twenty bytes are within the bound, two bufs of 128 are not. */
Test(resume_bounds, copies_are_held_to_the_bound_too)
{
	comeback_begin_with(with_some_together);
	join(&all.third, 4, true);
	break_off(&all.first);
	break_off(&all.third);
	say(&all.second, 1, "a");
	say(&all.second, 3, "b");
	cr_expect_eq(all.stage.shard->counters.replay_given_up, 0);
	turn_the_chunk();
	cr_expect_eq(all.stage.shard->resume_bytes, 128);
	cr_expect_eq(all.stage.shard->counters.replay_given_up, 1);
	cr_expect_eq(stage_drops(&all.stage, DROP_REPLAY_FULL), 1);
	comeback_end();
}

/* Several small frames go into one buf, and what that has to spare is counted until its last frame is acknowledged. */
Test(resume_bounds, frames_that_are_copied_together_share_a_buf, .init = comeback_begin, .fini = comeback_end)
{
	break_off(&all.first);
	for (unsigned i = 0; i < 4; i++) {
		say(&all.second, 1, "a");
		say(&all.second, 2, "between");
	}
	turn_the_chunk();
	const struct out_slice *slice = resume_of(1)->replay.frames.pending_head;
	cr_assert(slice->is_private);
	cr_expect_null(slice->next);
	cr_expect_eq(all.stage.shard->resume_bytes, slice->buf->capacity);
	come_back_with(&all.again, 3, all.first.resume.token, 0);
	acknowledge(&all.again, 3);
	cr_expect_eq(all.stage.shard->resume_bytes, slice->buf->capacity);
	acknowledge(&all.again, 4);
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
	say(&all.second, 1, "b");
	turn_the_chunk();
	acknowledge(&all.again, 5);
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
}

Test(resume_bounds, what_is_given_up_of_copies_frees_their_bufs)
{
	comeback_begin_with(with_some_together);
	break_off(&all.first);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < 4; j++)
			say(&all.second, 1, "a");
		turn_the_chunk();
	}
	cr_expect_leq(all.stage.shard->resume_bytes, 200);
	cr_expect_gt(ringcast_replay_count(&resume_of(1)->replay), 0);
	cr_expect(ringcast_resume_relieve(all.stage.shard));
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
	say(&all.second, 1, "b");
	uint64_t frame_bytes = ringcast_replay_bytes(&resume_of(1)->replay);
	cr_expect_eq(all.stage.shard->resume_bytes, frame_bytes);
	comeback_end();
}

/* What was acknowledged with the resume is not held any longer. */
Test(resume_bounds, a_resume_that_acknowledges_frees_at_once, .init = comeback_begin, .fini = comeback_end)
{
	say(&all.second, 1, "a");
	cr_expect_gt(all.stage.shard->resume_bytes, 0);
	break_off(&all.first);
	come_back_with(&all.again, 3, all.first.resume.token, 1);
	cr_expect_eq(all.stage.shard->resume_bytes, 0);
}

/* Slices are short, and what the one who comes back has kept is what it comes for: others give, not that. */
Test(resume_bounds, who_comes_back_is_not_who_gives_for_it, .init = comeback_begin, .fini = comeback_end)
{
	struct slice_pool *slices = &all.stage.shard->slices;
	struct buf *buf = ringcast_buf_alloc(all.stage.shard->pool, 128);
	struct outq others = {0};
	static struct client back;
	keep_for_three();
	hog(&others, buf, 9); /* 4 for the answer and 12 for what follows are too many, until the third player gives its 6 and the fourth its 2 */
	come_back_with(&back, 5, all.first.resume.token, 0);
	cr_expect(back.resume.is_resumed);
	cr_expect_eq(back.resume.lost, 0);
	cr_expect_eq(heard_count(&back.heard, COMEBACK_SAY), 12);
	cr_expect_eq(ringcast_replay_count(&resume_of(3)->replay), 0);
	ringcast_outq_clear(&others, slices);
	ringcast_buf_unref(buf);
}

/* What is told and counted */

static char lines[8192];

static void note_line(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	size_t size = strlen(lines);
	snprintf(lines + size, sizeof(lines) - size, "%s %s\n", message, fields);
}

static unsigned count_lines(const char *part)
{
	unsigned count = 0;
	for (const char *at = lines; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static void begin_listening(void)
{
	lines[0] = '\0';
	ringcast_log_set_sink(note_line, NULL, LOG_DEBUG);
	comeback_begin();
}

static void end_listening(void)
{
	comeback_end();
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

Test(resume_bounds, the_end_of_who_is_sent_away_while_dropped_is_told_once, .init = begin_listening, .fini = end_listening)
{
	break_off(&all.first);
	cr_expect_eq(count_lines("event=dropped"), 1, "%s", lines);
	cr_expect_eq(count_lines("event=leave"), 0, "%s", lines);
	ringcast_command_kick(player_of(2)->session, 1, NULL);
	stage_run_ms(&all.stage, 5);
	cr_expect_eq(count_lines("peer=1 reason=kicked"), 1, "%s", lines);
	cr_expect_eq(count_lines("event=leave") + count_lines("event=kick"), 1, "%s", lines);
}

Test(resume_bounds, the_end_of_who_is_dropped_when_the_session_ends_is_told_once, .init = begin_listening, .fini = end_listening)
{
	break_off(&all.first);
	ringcast_session_end_now(player_of(2)->session, CLOSE_SESSION_ENDED, all.stage.shard->now_ns);
	stage_run_ms(&all.stage, 200); /* its next tick */
	cr_expect_eq(count_lines("peer=1 reason=session_ended"), 1, "%s", lines);
	cr_expect_eq(count_lines("peer=2 reason=session_ended"), 1, "%s", lines);
	cr_expect_eq(count_lines("event=leave"), 2, "%s", lines);
}

Test(resume_bounds, the_end_of_who_is_connected_is_told_once, .init = begin_listening, .fini = end_listening)
{
	ringcast_command_kick(player_of(2)->session, 1, NULL);
	stage_run_ms(&all.stage, 200); /* its next tick */
	cr_expect_eq(count_lines("peer=1 reason=kicked"), 1, "%s", lines);
	cr_expect_eq(count_lines("event=leave"), 0, "%s", lines);
}

/* Until its socket is full: then the rest of a send is with the kernel, and more waits behind it. */
static void fill_line(struct client *client, int32_t peer_id)
{
	static char text[4001];
	const struct conn *conn = player_of(peer_id)->transport;
	memset(text, 'x', sizeof(text) - 1);
	client->is_deaf = true;
	for (unsigned i = 0; i < 40 && conn->outq.pending_head == NULL; i++)
		say(&all.second, peer_id, text);
	cr_assert_not_null(conn->outq.flight_head);
	cr_assert_not_null(conn->outq.pending_head);
}

static uint64_t lost_frames(void)
{
	return stage_drops(&all.stage, DROP_SEND_ERROR) + stage_drops(&all.stage, DROP_RECEIVER_GONE);
}

Test(resume_bounds, what_a_broken_line_did_not_take_is_not_lost_while_it_is_kept, .init = comeback_begin, .fini = comeback_end)
{
	fill_line(&all.first, 1);
	break_off(&all.first);
	cr_expect_eq(all.dropped, 1);
	cr_expect_eq(lost_frames(), 0);
}

Test(resume_bounds, what_a_broken_line_did_not_take_is_lost_where_nobody_may_come_back)
{
	comeback_begin_with(with_window);
	join(&all.third, 4, false);
	fill_line(&all.third, 3);
	break_off(&all.third);
	cr_expect_eq(all.dropped, 0);
	cr_expect_gt(stage_drops(&all.stage, DROP_SEND_ERROR), 0);
	cr_expect_gt(stage_drops(&all.stage, DROP_RECEIVER_GONE), 0);
	comeback_end();
}
