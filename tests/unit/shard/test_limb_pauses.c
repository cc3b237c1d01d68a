/* Senders to a shard that is behind, one thing at a time: a room on two shards, of which one stands still. */
#include "stage.h"

enum { SAID = 60, SAID_BYTES = 1000, QUEUE_BYTES = 48 << 10, SMALL_QUEUE_BYTES = 1000, PATIENCE_MS = 1000 };

struct room {
	struct stage stage;
	struct client near, far; /* near: on the session's home, far: on the other shard */
};

static struct room room;

static void options(struct shard_options *options)
{
	options->limits.spread_queue_bytes = QUEUE_BYTES;
	options->limits.spread_patience_ms = 60000;
	options->limits.ping_interval_ms = 100;
	options->limits.pong_missed_max = 2;
	options->limits.idle_timeout_ms = 500;
	options->limits.bytes_per_second = 64 << 20;
}

static void small_options(struct shard_options *ret)
{
	options(ret);
	ret->limits.spread_queue_bytes = SMALL_QUEUE_BYTES;
}

static void impatient_options(struct shard_options *ret)
{
	options(ret);
	ret->limits.spread_patience_ms = PATIENCE_MS;
}

static void make(stage_options_fn *change)
{
	memset(&room, 0, sizeof(room));
	stage_init_limbs(&room.stage, change);
	client_join(&room.near, &room.stage, 10, false);
	client_join_neighbour(&room.far, &room.stage, 11);
	cr_assert_eq(room.stage.neighbour->conns.count, 1, "a player of a spread session stays where it was accepted");
}

static void say(struct client *client, int number)
{
	uint8_t bytes[SAID_BYTES] = {0};
	snprintf((char *)bytes, sizeof(bytes), "%d", number);
	client_send(client, &(struct packet){.opcode = 7, .sender = client->peer_id, .target_group = PROTO_GROUP_ALL, .is_reliable = true,
					     .payload = ringcast_view_of(bytes, sizeof(bytes))});
}

static void say_all(struct client *client)
{
	for (int i = 0; i < SAID; i++)
		say(client, i);
}

/* Each message once and in order. */
static void expect_heard(const struct client *client)
{
	int next = 0;
	for (unsigned i = 0; i < client->heard.count; i++)
		if (client->heard.items[i].opcode == 7)
			cr_assert_eq(atoi(client->heard.items[i].payload), next++);
	cr_assert_eq(next, SAID);
}

static const struct conn *conn_of(const struct client *client)
{
	struct shard *shards[] = {room.stage.shard, room.stage.neighbour};
	handle self;
	for (int i = 0; i < 2; i++)
		for (uint32_t j = 0; j < shards[i]->conns.high_water; j++) {
			const struct conn *conn = ringcast_slab_at(&shards[i]->conns, j, &self);
			if (conn != NULL && ringcast_address_is_equal(&conn->address, &client->address))
				return conn;
		}
	return NULL;
}

static void expect_settled(const struct shard *shard)
{
	cr_expect_eq(shard->letters.held_bytes, 0, "what was held is given back");
	cr_expect_eq(shard->letters.paused, 0);
	cr_expect_eq(shard->counters.senders_paused, shard->counters.senders_resumed);
	cr_expect_eq(shard->counters.letters_lost, 0);
}

static void expect_paused(const struct client *client, const struct shard *shard)
{
	cr_assert(conn_of(client)->is_paused);
	cr_assert_gt(shard->counters.senders_paused, 0);
}

Test(limb_pauses, who_sends_home_waits_and_nothing_is_lost)
{
	make(options);
	for (int round = 0; round < 3; round++) {
		room.near.heard.count = room.far.heard.count = 0;
		room.stage.still = room.stage.shard;
		say_all(&room.far);
		stage_run_ms(&room.stage, 50);
		expect_paused(&room.far, room.stage.neighbour);
		cr_assert_gt(room.stage.neighbour->letters.held_bytes, 0, "what io had read before it knew");
		room.stage.still = NULL;
		stage_run_ms(&room.stage, 50);
		expect_heard(&room.near);
		expect_heard(&room.far);
		expect_settled(room.stage.neighbour);
	}
	stage_fini(&room.stage);
}

Test(limb_pauses, who_sends_from_home_waits_and_nothing_is_lost)
{
	make(options);
	room.stage.still = room.stage.neighbour;
	say_all(&room.near);
	stage_run_ms(&room.stage, 50);
	expect_paused(&room.near, room.stage.shard);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	expect_heard(&room.near);
	expect_heard(&room.far);
	expect_settled(room.stage.shard);
	stage_fini(&room.stage);
}

/* It is the shard that does not listen: pongs and messages lie unread. */
Test(limb_pauses, who_waits_is_neither_idle_nor_silent)
{
	make(options);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	expect_paused(&room.far, room.stage.neighbour);
	stage_run_ms(&room.stage, 3000);
	cr_assert(conn_of(&room.far)->is_paused);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	cr_assert_eq(room.far.close_code, 0, "closed: %u %s", room.far.close_code, room.far.close_text);
	expect_heard(&room.far);
	stage_fini(&room.stage);
}

/* A gap in its stream would be worse. */
Test(limb_pauses, who_has_sent_more_than_can_be_held_is_closed)
{
	make(small_options);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	cr_assert_eq(room.far.close_code, 3017);
	cr_assert_eq(room.stage.neighbour->counters.drops[DROP_NO_BUFFER], 1);
	cr_assert_eq(room.stage.neighbour->counters.closes[CLOSE_NO_RESOURCES], 1);
	expect_settled(room.stage.neighbour);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	for (unsigned i = 0, next = 0; i < room.near.heard.count; i++)
		if (room.near.heard.items[i].opcode == 7)
			cr_assert_eq(atoi(room.near.heard.items[i].payload), (int)next++, "without a gap up to its end");
	stage_fini(&room.stage);
}

/* All players of a shard share what may be held. */
Test(limb_pauses, who_does_not_fit_beside_others_is_closed_and_they_are_not)
{
	static struct client other;
	make(options);
	client_join_neighbour(&other, &room.stage, 12);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	expect_paused(&room.far, room.stage.neighbour);
	room.stage.neighbour->options.limits.spread_queue_bytes = room.stage.neighbour->letters.held_bytes + 100;
	say_all(&other);
	stage_run_ms(&room.stage, 50);
	cr_assert_eq(other.close_code, 3017);
	cr_assert(conn_of(&room.far)->is_paused);
	room.stage.neighbour->options.limits.spread_queue_bytes = QUEUE_BYTES;
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	expect_heard(&room.far);
	expect_settled(room.stage.neighbour);
	stage_fini(&room.stage);
}

static void end_after(int count)
{
	make(options);
	room.stage.still = room.stage.shard;
	for (int i = 0; i < count; i++)
		say(&room.far, i);
	ringcast_sim_stream_shutdown(room.stage.network, room.far.stream);
	stage_run_ms(&room.stage, 50);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 100);
	cr_expect_eq(heard_count(&room.near.heard, 7), count);
	cr_expect_null(conn_of(&room.far));
	expect_settled(room.stage.neighbour);
	stage_fini(&room.stage);
}

/* What has been held is heard, and then its end, which io may have seen before or behind the pause, or while it lasts. */
Test(limb_pauses, who_ends_while_it_waits_is_heard_to_the_end)
{
	for (int count = 25; count < 45; count++)
		end_after(count);
}

/* The same, where io had seen the end before it heard of the pause. */
Test(limb_pauses, an_end_that_comes_behind_what_is_held_waits_with_it)
{
	make(options);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	expect_paused(&room.far, room.stage.neighbour);
	ringcast_sim_stream_shutdown(room.stage.network, room.far.stream);
	const struct conn *conn = conn_of(&room.far);
	ringcast_shard_on_end(room.stage.neighbour, &(struct io_event){.kind = IO_EVENT_END, .user = conn->self, .id = conn->stream_id});
	cr_assert(conn->is_paused && !conn->is_ended);
	unsigned received = (unsigned)room.stage.neighbour->counters.messages_received_reliable;
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 100);
	cr_assert_geq(heard_count(&room.near.heard, 7), received);
	cr_assert_null(conn_of(&room.far));
	cr_assert_eq(room.stage.neighbour->letters.held_bytes, 0);
	stage_fini(&room.stage);
}

/* Nobody reads any more what it has sent. */
Test(limb_pauses, who_is_closed_while_it_waits_gives_back_what_was_held)
{
	make(options);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	cr_assert_gt(room.stage.neighbour->letters.held_bytes, 0);
	ringcast_shard_conn_close(room.stage.neighbour, (struct conn *)(uintptr_t)conn_of(&room.far), CLOSE_KICKED, NULL);
	cr_assert_eq(room.stage.neighbour->letters.held_bytes, 0);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	stage_fini(&room.stage);
}

/* It is for who fills the queue that it would otherwise wait in. */
Test(limb_pauses, who_is_told_to_wait_hears_of_it_before_what_waits_for_its_shard)
{
	make(options);
	uint32_t far = room.stage.neighbour->options.index;
	room.stage.still = room.stage.neighbour;
	for (int i = 0; i < 40; i++)
		say(&room.near, i);
	stage_run_ms(&room.stage, 50);
	const struct letter_queue *queue = &room.stage.shard->letters.queues[far];
	cr_assert_not_null(queue->oldest);
	cr_assert_eq(queue->oldest->letter.kind, LETTER_DELIVER);
	ringcast_shard_tell_paused(room.stage.shard, far, &(struct letter){.session = conn_of(&room.near)->player->session->self, .peer_id = room.far.peer_id});
	cr_assert_eq(queue->oldest->letter.kind, LETTER_PAUSE);
	cr_assert_eq(queue->youngest->letter.kind, LETTER_DELIVER);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	cr_assert_eq(heard_count(&room.far.heard, 7), 40);
	cr_assert(conn_of(&room.far)->is_paused);
	stage_fini(&room.stage);
}

Test(limb_pauses, who_was_told_to_wait_and_hears_nothing_goes_on)
{
	make(impatient_options);
	ringcast_shard_pause(room.stage.neighbour, (struct conn *)(uintptr_t)conn_of(&room.far), room.stage.shard->options.index, PAUSE_TOLD);
	say_all(&room.far);
	stage_run_ms(&room.stage, 2 * PATIENCE_MS - 10);
	expect_paused(&room.far, room.stage.neighbour);
	cr_assert_eq(heard_count(&room.near.heard, 7), 0);
	stage_run_ms(&room.stage, 200);
	expect_heard(&room.near);
	expect_settled(room.stage.neighbour);
	stage_fini(&room.stage);
}

/* Home may be behind as soon as it reads again: each message that went on without its word would become letters there for which there is no room. */
Test(limb_pauses, who_waits_for_room_on_the_way_home_waits_for_its_word_as_well)
{
	make(impatient_options);
	struct shard *home = room.stage.shard, *limb = room.stage.neighbour;
	room.stage.still = home;
	say_all(&room.far);
	stage_run_ms(&room.stage, 50);
	expect_paused(&room.far, limb);
	ringcast_shard_pause(limb, (struct conn *)(uintptr_t)conn_of(&room.far), home->options.index, PAUSE_TOLD);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 100);
	cr_assert(conn_of(&room.far)->is_paused, "there is room on the way, which is not home's word");
	cr_assert_lt(heard_count(&room.near.heard, 7), SAID);
	stage_run_ms(&room.stage, 2 * PATIENCE_MS + 100);
	expect_heard(&room.near);
	expect_settled(limb);
	stage_fini(&room.stage);
}

/* Both are behind: what has its word, and no room on the way, waits for that. */
Test(limb_pauses, who_may_go_on_waits_for_room_on_the_way)
{
	static struct client other;
	make(options);
	client_join_neighbour(&other, &room.stage, 12);
	struct shard *home = room.stage.shard, *limb = room.stage.neighbour;
	uint32_t to_home = home->options.index;
	ringcast_shard_pause(limb, (struct conn *)(uintptr_t)conn_of(&room.far), to_home, PAUSE_TOLD);
	for (int i = 0; i < 5; i++)
		say(&room.far, i);
	stage_run_ms(&room.stage, 50);
	room.stage.still = home;
	for (int i = 0; i < 50; i++)
		say(&other, i);
	stage_run_ms(&room.stage, 50);
	cr_assert_neq(limb->letters.full >> to_home & 1, 0);
	uint64_t sent = limb->counters.messages_received_reliable, waiting = limb->letters.queues[to_home].bytes;
	ringcast_shard_resume_paused(limb, to_home, PAUSE_TOLD);
	cr_assert(conn_of(&room.far)->is_paused);
	cr_assert_eq(limb->counters.messages_received_reliable, sent);
	cr_assert_eq(limb->letters.queues[to_home].bytes, waiting, "nothing went where there is no room");
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 100);
	cr_expect_eq(heard_count(&room.near.heard, 7), 55);
	expect_settled(limb);
	stage_fini(&room.stage);
}

Test(limb_pauses, nobody_waits_for_a_home_that_reads_nothing)
{
	make(impatient_options);
	room.stage.still = room.stage.shard;
	say_all(&room.far);
	stage_run_ms(&room.stage, PATIENCE_MS - 100);
	expect_paused(&room.far, room.stage.neighbour);
	stage_run_ms(&room.stage, 200);
	cr_assert_eq(room.far.close_code, 3017);
	cr_assert_eq(room.stage.neighbour->counters.letters_stuck, 1);
	cr_assert_eq(room.stage.neighbour->counters.senders_given_up, 1);
	cr_assert_eq(room.stage.neighbour->letters.held_bytes, 0);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 50);
	stage_fini(&room.stage);
}

/* Its players leave, and whoever waited for it goes on with the others. */
Test(limb_pauses, nobody_waits_for_a_limb_that_reads_nothing)
{
	make(impatient_options);
	room.stage.still = room.stage.neighbour;
	say_all(&room.near);
	stage_run_ms(&room.stage, PATIENCE_MS - 100);
	expect_paused(&room.near, room.stage.shard);
	stage_run_ms(&room.stage, 200);
	expect_heard(&room.near);
	cr_assert_eq(room.stage.shard->counters.letters_stuck, 1);
	cr_assert_eq(room.stage.shard->counters.senders_given_up, 0);
	room.stage.still = NULL;
	stage_run_ms(&room.stage, 100);
	cr_assert_neq(room.far.close_code, 0, "it was told that it misses something");
	stage_fini(&room.stage);
}
