/* Looking through a shard that is full: never more than a turn's share at a time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "shard/inspect.h"

enum { SESSIONS = 65536 };

static struct mailbox *mailbox;
static struct shard *shard;
static uint8_t *seen; /* by slab index */
static uint32_t seen_count, turn_count_max;

static void set_up(void)
{
	struct shard_options options = {.count = 1, .listen_count = 1};
	struct io_options io_options;
	char error[256] = "";
	ringcast_limits_default(&options.limits);
	options.limits.sessions_max = SESSIONS;
	options.listens[0].is_v4 = true;
	options.listens[0].address = (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	mailbox = ringcast_mailbox_create(1);
	options.mailboxes = &mailbox;
	ringcast_shard_io_options(&options.limits, &io_options);
	struct io *io = ringcast_io_epoll_create(&io_options, error, sizeof(error));
	cr_assert(io, "%s", error);
	shard = ringcast_shard_create(&options, io, error, sizeof(error));
	cr_assert(shard, "%s", error);
	seen = calloc(SESSIONS, 1);
}

static void tear_down(void)
{
	ringcast_shard_stop(shard);
	while (!ringcast_shard_is_idle(shard))
		ringcast_shard_tick(shard);
	ringcast_shard_destroy(&shard);
	ringcast_mailbox_destroy(&mailbox);
	free(seen);
}

TestSuite(walk, .init = set_up, .fini = tear_down, .timeout = 100);

static struct session *open_session(void)
{
	struct session *session = NULL;
	struct session_options options = {.players_max = 2, .empty_timeout_ms = UINT32_MAX};
	cr_assert_eq(ringcast_session_open(&shard->store, &options, shard->now_ns, &session), DROP_NONE);
	return session;
}

static void see(void *context, struct shard *of, struct session *session)
{
	cr_assert_eq(of, shard);
	seen[ringcast_handle_index(session->self)]++;
	seen_count++;
	++*(uint32_t *)context;
}

static uint32_t walk(void)
{
	uint32_t cursor = 0, turns = 0;
	for (bool is_done = false; !is_done; turns++) {
		uint32_t count = 0;
		is_done = ringcast_shard_each_session(shard, &cursor, see, &count);
		turn_count_max = count > turn_count_max ? count : turn_count_max;
	}
	return turns;
}

Test(walk, a_turn_meets_64_sessions_and_the_walk_meets_each_once)
{
	for (int i = 0; i < SESSIONS; i++)
		open_session();
	uint32_t turns = walk();
	cr_assert_eq(turn_count_max, SHARD_REQUEST_ITEMS_MAX);
	cr_assert_eq(turns, SESSIONS / SHARD_REQUEST_ITEMS_MAX);
	cr_assert_eq(seen_count, SESSIONS);
	for (int i = 0; i < SESSIONS; i++)
		cr_assert_eq(seen[i], 1);
}

Test(walk, those_that_have_ended_are_not_met)
{
	struct session *sessions[200];
	for (int i = 0; i < 200; i++)
		sessions[i] = open_session();
	for (int i = 0; i < 200; i += 2)
		ringcast_session_end_now(sessions[i], CLOSE_SESSION_ENDED, shard->now_ns);
	walk();
	cr_assert_eq(seen_count, 100);
	ringcast_shard_tick(shard); /* collects them */
	seen_count = 0;
	walk();
	cr_assert_eq(seen_count, 100);
}

/* Free slots cost a look too: a walk over a shard that was full once is cut into turns all the same. */
Test(walk, a_turn_over_empty_slots_is_bounded_too)
{
	struct session **sessions = calloc(SESSIONS, sizeof(struct session *));
	for (int i = 0; i < SESSIONS; i++)
		sessions[i] = open_session();
	for (int i = 0; i < SESSIONS - 1; i++)
		ringcast_session_end_now(sessions[i], CLOSE_SESSION_ENDED, shard->now_ns);
	ringcast_store_collect(&shard->store);
	cr_assert_geq(walk(), 16);
	cr_assert_eq(seen_count, 1);
	free(sessions);
}

static void count_player(void *context, const struct player *player)
{
	cr_assert_eq(player->state, PLAYER_RESERVED);
	++*(uint32_t *)context;
}

Test(walk, players_of_one_session_only)
{
	struct session_options options = {.players_max = 300, .empty_timeout_ms = UINT32_MAX};
	struct session *sessions[2];
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	uint32_t cursor = 0, count = 0, turns = 1;
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(ringcast_session_open(&shard->store, &options, shard->now_ns, &sessions[i]), DROP_NONE);
		for (int j = 0; j < 130 + i; j++)
			cr_assert_eq(ringcast_admission_reserve(sessions[i], "", "", shard->now_ns, &player, token), DROP_NONE);
	}
	for (; !ringcast_shard_each_player(shard, sessions[0], &cursor, count_player, &count); turns++)
		cr_assert_leq(count, turns * SHARD_REQUEST_ITEMS_MAX);
	cr_assert_eq(count, 130);
	cr_assert_geq(turns, 3);
}
