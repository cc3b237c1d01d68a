/* Who goes when something that all share runs short: never the one who asks, always who holds most. */
#include <criterion/criterion.h>

#include "stand.h"

static struct stand stand;

enum { HONEST = 4, WINDOW_BYTES = 16384 };

struct honest { /* players of a session of their own, who talk to each other all the time */
	struct seat *seats[HONEST];
	uint64_t sent;
};

static void honest_start(struct honest *honest)
{
	struct session *session = stand_session(&stand);
	*honest = (struct honest){0};
	for (int i = 0; i < HONEST; i++)
		honest->seats[i] = stand_join(&stand, session, 2);
}

static void honest_talk(struct honest *honest)
{
	for (int i = 0; i < HONEST; i++)
		stand_say(&stand, honest->seats[i], PROTO_PEER_NONE, PROTO_GROUP_ALL, 100);
	honest->sent += HONEST;
}

static void honest_check(const struct honest *honest)
{
	stand_run(&stand, 100);
	for (int i = 0; i < HONEST; i++) {
		cr_expect(stand_is_open(&stand, honest->seats[i]), "player %d: closed with %u %s", i, honest->seats[i]->close_code,
			  honest->seats[i]->close_text);
		cr_expect_eq(honest->seats[i]->messages, honest->sent);
	}
}

static struct ringcast_limits small_limits(void)
{
	struct ringcast_limits limits = stand_limits();
	limits.connections_max = 1000;
	limits.players_max = 1000;
	limits.buffer_memory_bytes = 16 << 20;
	return limits;
}

/* A session of slow readers; each waits for more than its share of what all have. */
Test(fairness, slow_readers_cost_other_sessions_nothing, .timeout = 120)
{
	enum { SLOW = 300, TURNS = 4000, MESSAGE_BYTES = 60 };
	struct ringcast_limits limits = small_limits();
	struct honest honest;
	stand_start(&stand, &limits, WINDOW_BYTES);
	honest_start(&honest);
	struct session *session = stand_session(&stand);
	struct seat *talker = stand_join(&stand, session, 3);
	for (int i = 0; i < SLOW; i++)
		stand_join(&stand, session, 4)->read_per_ms = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		stand_say(&stand, talker, PROTO_PEER_NONE, PROTO_GROUP_ALL, MESSAGE_BYTES);
		if (turn % 10 == 0)
			honest_talk(&honest);
		stand_run(&stand, 1);
	}
	honest_check(&honest);
	cr_expect(stand_is_open(&stand, talker), "who asked was closed: %u %s", talker->close_code, talker->close_text);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_NO_RESOURCES], 0);
	stand_stop(&stand);
}

/* Messages for one reader each, who does not read: what the kernel cannot take yet keeps a whole chunk. */
Test(fairness, chunks_kept_by_the_kernel_cost_other_sessions_nothing, .timeout = 120)
{
	enum { SLOW = 200, WINDOW_MESSAGES = 5, MESSAGE_BYTES = 4000, CHUNK_MESSAGES = 16 };
	struct ringcast_limits limits = small_limits();
	struct honest honest;
	stand_start(&stand, &limits, WINDOW_BYTES);
	honest_start(&honest);
	struct session *session = stand_session(&stand);
	struct seat *talker = stand_join(&stand, session, 3);
	for (int i = 0; i < SLOW; i++) {
		struct seat *slow = stand_join(&stand, session, 4);
		slow->read_per_ms = 0;
		for (int k = 0; k < WINDOW_MESSAGES; k++)
			stand_say(&stand, talker, slow->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
		for (int k = 0; k < CHUNK_MESSAGES; k++)
			stand_say(&stand, talker, talker->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
		honest_talk(&honest);
		stand_run(&stand, 50);
	}
	honest_check(&honest);
	cr_expect_gt(stand.shard->counters.crowded_out, 0);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_NO_RESOURCES], 0);
	stand_stop(&stand);
}

/* Players who begin messages and do not end them. An honest one does too, but goes on. */
Test(fairness, unfinished_messages_cost_other_sessions_nothing, .timeout = 120)
{
	enum { HOGS = 400, PART_BYTES = 3900 };
	static const uint8_t part[PART_BYTES];
	struct ringcast_limits limits = small_limits();
	struct honest honest;
	limits.buffer_memory_bytes = 4 << 20;
	stand_start(&stand, &limits, WINDOW_BYTES);
	honest_start(&honest);
	struct session *session = stand_session(&stand);
	for (int i = 0; i < HOGS; i++) {
		struct seat *hog = stand_join(&stand, session, 4);
		stand_write_part(&stand, hog, part, sizeof(part));
		for (int k = 0; k < HONEST; k++)
			stand_say_in_parts(&stand, honest.seats[k], PROTO_GROUP_ALL, 3000);
		honest.sent += HONEST;
		stand_run(&stand, 5);
	}
	honest_check(&honest);
	cr_expect_gt(stand.shard->counters.crowded_out, 0);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_NO_RESOURCES], 0);
	stand_stop(&stand);
}
