/* Who goes when something that all share runs short: never the one who asks, always who holds most. */
#include <criterion/criterion.h>

#include "session/park.h"
#include "shard/shard_private.h"
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
	limits.bytes_per_second = limits.fanout_bytes_per_second = 64 << 20; /* it is not the sender who is bounded here */
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

/* Its bytes would lie in the kernel, where no limit of ours reaches them. Who is closed for another reason gets what was sent before. */
Test(fairness, a_slow_reader_is_closed_by_a_reset, .timeout = 120)
{
	enum { MESSAGE_BYTES = 4000, LINGER_MS = 3000 };
	struct ringcast_limits limits = small_limits();
	limits.outq_reliable_bytes = 20000;
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct session *session = stand_session(&stand);
	struct seat *talker = stand_join(&stand, session, 2), *slow = stand_join(&stand, session, 3), *mute = stand_connect(&stand, 4);
	slow->read_per_ms = 0;
	for (int i = 0; i < 20; i++) {
		stand_say(&stand, talker, slow->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
		stand_run(&stand, 1);
	}
	stand_run(&stand, LINGER_MS);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_SLOW], 1);
	cr_expect_eq(ringcast_sim_stream_state(stand.network, slow->stream), SIM_STREAM_RESET);
	stand_run(&stand, limits.login_timeout_ms + LINGER_MS);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_LOGIN_TIMEOUT], 1);
	cr_expect_neq(ringcast_sim_stream_state(stand.network, mute->stream), SIM_STREAM_RESET);
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

/* The hog has given, and io has not returned its bytes yet: another need in the meantime is no reason for others to go whose bytes would not be there either. */
Test(fairness, nobody_follows_a_hog_whose_bytes_are_on_their_way_back, .timeout = 60)
{
	enum { CHUNK_MESSAGES = 17, MESSAGE_BYTES = 4000, WINDOW_SMALL = 1024 };
	struct ringcast_limits limits = small_limits();
	limits.buffer_memory_bytes = 1 << 20;
	stand_start(&stand, &limits, WINDOW_SMALL);
	struct session *session = stand_session(&stand);
	struct seat *talker = stand_join(&stand, session, 3), *hog = stand_join(&stand, session, 4), *other = stand_join(&stand, session, 5);
	hog->read_per_ms = other->read_per_ms = 0;
	stand_say(&stand, talker, hog->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES); /* the kernel keeps it, and with it a chunk that is soon nobody else's */
	for (int i = 0; i < CHUNK_MESSAGES; i++)
		stand_say(&stand, talker, talker->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
	stand_run(&stand, 100);
	stand_say(&stand, talker, other->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
	stand_run(&stand, 100);
	struct shard *shard = stand.shard;
	cr_assert(ringcast_shard_relieve_buffers(shard, SHARD_CHUNK_BYTES));
	cr_assert_eq(shard->counters.crowded_out, 1);
	for (int i = 0; i < 5; i++)
		cr_expect_not(ringcast_shard_relieve_buffers(shard, SHARD_CHUNK_BYTES));
	cr_assert_eq(shard->counters.crowded_out, 1);
	stand_run(&stand, 100);
	cr_expect(!stand_is_open(&stand, hog) && stand_is_open(&stand, other) && stand_is_open(&stand, talker));
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
		stand_write_part(&stand, hog, WEBSOCKET_BINARY, part, sizeof(part));
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

/* Budgets */

enum { LINE_BYTES_PER_MS = 2000 }; /* 16 Mbit/s */

/* As fast as the limits let it, to receivers whose lines are not that fast. Those who only talk are heard by all. */
static void flood_receivers(uint32_t attacker_count)
{
	enum { RECEIVERS = 10, TURNS = 6000, MESSAGE_BYTES = 4000 };
	struct ringcast_limits limits = stand_limits();
	struct seat *attackers[16], *receivers[RECEIVERS];
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct session *session = stand_session(&stand);
	for (int i = 0; i < RECEIVERS; i++) {
		receivers[i] = stand_join(&stand, session, 2);
		receivers[i]->read_per_ms = LINE_BYTES_PER_MS;
	}
	for (uint32_t i = 0; i < attacker_count; i++) {
		attackers[i] = stand_join(&stand, session, 3);
		attackers[i]->read_per_ms = LINE_BYTES_PER_MS;
	}
	for (int turn = 0; turn < TURNS; turn++) {
		for (uint32_t i = 0; i < attacker_count; i++)
			stand_say(&stand, attackers[i], PROTO_PEER_NONE, PROTO_GROUP_ALL, MESSAGE_BYTES);
		stand_run(&stand, 1);
	}
	stand_run(&stand, 1000);
	for (int i = 0; i < RECEIVERS; i++)
		cr_expect(stand_is_open(&stand, receivers[i]), "receiver %d: closed with %u %s", i, receivers[i]->close_code, receivers[i]->close_text);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_SLOW], 0);
	stand_stop(&stand);
}

Test(budget, one_player_evicts_nobody, .timeout = 120)
{
	flood_receivers(1);
}

Test(budget, players_together_evict_nobody, .timeout = 120)
{
	flood_receivers(12);
}

Test(budget, a_receiver_behind_slows_its_heavy_senders_and_no_others, .timeout = 120)
{
	enum { TURNS = 3000, QUARTER = 25000, MESSAGE_BYTES = 1000 };
	struct ringcast_limits limits = stand_limits();
	limits.bytes_per_second = 4 * QUARTER;
	limits.outq_reliable_bytes = 100000;
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct session *session = stand_session(&stand);
	struct seat *heavy = stand_join(&stand, session, 3), *light = stand_join(&stand, session, 3), *behind = stand_join(&stand, session, 2);
	behind->read_per_ms = 50;
	for (int turn = 0; turn < TURNS; turn++) {
		if (turn % 15 == 0)
			stand_say(&stand, heavy, behind->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES);
		if (turn % 100 == 0)
			stand_say(&stand, light, behind->peer_id, PROTO_GROUP_NONE, MESSAGE_BYTES / 4);
		stand_run(&stand, 1);
	}
	cr_expect(stand_is_open(&stand, behind));
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_RECEIVERS], 0);
	cr_expect_eq(stand.shard->counters.drops[DROP_RATE_BYTES], 0);
	cr_expect_eq(stand.shard->counters.closes[CLOSE_SLOW], 0);
	behind->read_per_ms = UINT32_MAX;
	stand_run(&stand, 3000);
	cr_expect_eq(behind->messages, TURNS / 15 + TURNS / 100 - stand.shard->counters.drops[DROP_RATE_RECEIVERS]); /* what was taken came */
	stand_stop(&stand);
}

Test(budget, fan_out_is_bounded_for_a_player_and_for_its_session, .timeout = 120)
{
	enum { RECEIVERS = 50, SECONDS = 4, PLAYER_BYTES = 200000, SESSION_BYTES = 300000, PAYLOAD_BYTES = 136, COST = 200 };
	struct ringcast_limits limits = stand_limits();
	limits.fanout_bytes_per_second = PLAYER_BYTES;
	limits.session_fanout_bytes_per_second = SESSION_BYTES;
	stand_start(&stand, &limits, 1 << 20);
	struct session *session = stand_session(&stand);
	struct seat *talkers[2];
	for (int i = 0; i < RECEIVERS; i++)
		stand_join(&stand, session, 2);
	for (int i = 0; i < 2; i++)
		talkers[i] = stand_join(&stand, session, 3);
	uint64_t before = stand.shard->counters.deliveries_reliable;
	for (int turn = 0; turn < SECONDS * 1000; turn++) {
		for (int i = 0; i < (turn < SECONDS * 500 ? 1 : 2); i++)
			stand_say(&stand, talkers[i], PROTO_PEER_NONE, PROTO_GROUP_ALL, PAYLOAD_BYTES);
		stand_run(&stand, 1);
	}
	uint64_t deliveries = stand.shard->counters.deliveries_reliable - before;
	cr_expect_leq(deliveries * COST, (SECONDS + 2) * SESSION_BYTES);
	cr_expect_geq(deliveries * COST, SECONDS * PLAYER_BYTES);
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_FANOUT], 0);
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_SESSION], 0);
	stand_stop(&stand);
}

Test(budget, lists_of_members_cost_what_they_hold, .timeout = 120)
{
	enum { MEMBERS = 150, SECONDS = 4, BYTES = 200000, GROUP = 5 };
	struct ringcast_limits limits = stand_limits();
	stand_start(&stand, &limits, 1 << 20);
	struct session *session = stand_session(&stand);
	struct packet join = {.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP, .group = GROUP}, leave = join;
	struct seat *restless = stand_join(&stand, session, 3);
	for (int i = 0; i < MEMBERS; i++) {
		stand_send(&stand, stand_join(&stand, session, 2), &join);
		stand_run(&stand, 2);
	}
	leave.opcode = OPCODE_LEAVE_GROUP;
	leave.command = PACKET_COMMAND_LEAVE_GROUP;
	stand.shard->options.limits.fanout_bytes_per_second = BYTES;
	uint64_t before = stand.shard->counters.delivery_bytes_reliable;
	for (int turn = 0; turn < SECONDS * 1000; turn++) {
		stand_send(&stand, restless, turn % 2 == 0 ? &join : &leave);
		stand_run(&stand, 1);
	}
	cr_expect_leq(stand.shard->counters.delivery_bytes_reliable - before, (SECONDS + 2) * BYTES);
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_FANOUT], 0);
	stand_stop(&stand);
}

/* Who hangs up leaves all its groups, and every member is told; who comes back begins where it was. */
Test(budget, who_joins_has_paid_for_its_leaving_too, .timeout = 120)
{
	enum { MEMBERS = 60, GROUPS = 12, ROUNDS = 100, ROUND_MS = 30, BYTES = 200000 };
	struct ringcast_limits limits = stand_limits();
	struct seat *members[MEMBERS];
	stand_start(&stand, &limits, 1 << 20);
	struct session *session = stand_session(&stand);
	struct packet join = {.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP};
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = stand_join(&stand, session, 2);
		for (join.group = 1; join.group <= GROUPS; join.group++)
			stand_send(&stand, members[i], &join);
		stand_run(&stand, 50);
	}
	stand.shard->options.limits.fanout_bytes_per_second = BYTES;
	uint64_t bytes_before = stand.shard->counters.delivery_bytes_reliable, begin_ns = stand.shard->now_ns;
	for (int round = 0; round < ROUNDS; round++) {
		struct seat *restless = stand_join(&stand, session, 3);
		for (join.group = 1; join.group <= GROUPS; join.group++)
			stand_send(&stand, restless, &join);
		stand_run(&stand, ROUND_MS / 2);
		ringcast_sim_stream_close(stand.network, restless->stream);
		stand_run(&stand, ROUND_MS / 2);
	}
	uint64_t bytes = stand.shard->counters.delivery_bytes_reliable - bytes_before, seconds = (stand.shard->now_ns - begin_ns) / NS_PER_S;
	cr_expect_leq(bytes, (seconds + 2) * BYTES);
	cr_expect_gt(bytes, BYTES); /* it was tried */
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_FANOUT], 0);
	cr_expect(stand_is_open(&stand, members[0]));
	stand_stop(&stand);
}

/* Nobody else pays: those of other addresses talk on. */
Test(budget, what_an_address_has_spent_is_not_charged_to_others, .timeout = 120)
{
	enum { RECEIVERS = 20, BYTES = 100000, TURNS = 500 };
	struct ringcast_limits limits = stand_limits();
	limits.fanout_bytes_per_second = BYTES;
	stand_start(&stand, &limits, 1 << 20);
	struct session *session = stand_session(&stand);
	for (int i = 0; i < RECEIVERS; i++)
		stand_join(&stand, session, 2);
	struct seat *talker = stand_join(&stand, session, 3);
	for (int turn = 0; turn < TURNS; turn++) {
		stand_say(&stand, talker, PROTO_PEER_NONE, PROTO_GROUP_ALL, 1000);
		stand_run(&stand, 1);
	}
	ringcast_sim_stream_close(stand.network, talker->stream);
	stand_run(&stand, 5);
	uint64_t refused = stand.shard->counters.drops[DROP_RATE_FANOUT];
	cr_expect_gt(refused, 0);
	struct seat *other = stand_join(&stand, session, 4), *same = stand_join(&stand, session, 3);
	stand_say(&stand, other, PROTO_PEER_NONE, PROTO_GROUP_ALL, 1000);
	stand_run(&stand, 5);
	cr_expect_eq(stand.shard->counters.drops[DROP_RATE_FANOUT], refused);
	stand_say(&stand, same, PROTO_PEER_NONE, PROTO_GROUP_ALL, 1000);
	stand_run(&stand, 5);
	cr_expect_eq(stand.shard->counters.drops[DROP_RATE_FANOUT], refused + 1);
	stand_run(&stand, 3000); /* and it is forgiven */
	stand_say(&stand, same, PROTO_PEER_NONE, PROTO_GROUP_ALL, 1000);
	stand_run(&stand, 5);
	cr_expect_eq(stand.shard->counters.drops[DROP_RATE_FANOUT], refused + 1);
	stand_stop(&stand);
}

static uint64_t tickets[4096];
static uint32_t ticket_count;

static enum verdict answer_later(void *context, struct session *session, const struct packet *packet)
{
	cr_assert_lt(ticket_count, ARRAY_COUNT(tickets));
	tickets[ticket_count++] = ringcast_park_ticket(session);
	return VERDICT_LATER;
}

/* A script that takes its time to say yes: the messages are the senders' nevertheless. */
Test(budget, what_waited_for_a_script_is_its_senders, .timeout = 120)
{
	enum { RECEIVERS = 20, SECONDS = 4, BYTES = 200000, PAYLOAD_BYTES = 136, COST = 200 };
	static const struct hooks hooks = {.send_to_group = answer_later};
	struct ringcast_limits limits = stand_limits();
	limits.fanout_bytes_per_second = BYTES;
	stand_start(&stand, &limits, 1 << 20);
	struct session *session = stand_session(&stand);
	session->hooks = &hooks;
	for (int i = 0; i < RECEIVERS; i++)
		stand_join(&stand, session, 2);
	struct seat *talker = stand_join(&stand, session, 3);
	uint64_t before = stand.shard->counters.deliveries_reliable;
	for (int turn = 0; turn < SECONDS * 1000; turn++) {
		stand_say(&stand, talker, PROTO_PEER_NONE, PROTO_GROUP_ALL, PAYLOAD_BYTES);
		stand_run(&stand, 1);
		for (uint32_t i = 0; i < ticket_count; i++)
			ringcast_park_answer(session, tickets[i], VERDICT_ALLOW, stand.shard->now_ns);
		ticket_count = 0;
	}
	uint64_t deliveries = stand.shard->counters.deliveries_reliable - before;
	cr_expect_leq(deliveries * COST, (SECONDS + 2) * BYTES);
	cr_expect_geq(deliveries * COST, SECONDS * BYTES);
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_FANOUT], 0);
	stand_stop(&stand);
}

/* Flooding: whatever it is made of. */

static void flood(enum websocket_opcode opcode, bool is_part)
{
	enum { SECONDS_MAX = 3, PER_MS = 5 };
	struct ringcast_limits limits = stand_limits();
	limits.flood_seconds_max = SECONDS_MAX;
	limits.messages_per_second = 1000;
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct seat *flooder = stand_join(&stand, stand_session(&stand), 3);
	for (int ms = 0; ms < (SECONDS_MAX + 2) * 1000 && stand_is_open(&stand, flooder); ms++) {
		for (int i = 0; i < PER_MS; i++) {
			if (is_part)
				stand_write_part(&stand, flooder, ms + i == 0 ? WEBSOCKET_BINARY : WEBSOCKET_CONTINUATION, "", 0);
			else if (opcode == WEBSOCKET_BINARY)
				stand_say(&stand, flooder, 12345, PROTO_GROUP_NONE, 10);
			else
				stand_write(&stand, flooder, opcode, "", 0);
		}
		stand_run(&stand, 1);
	}
	cr_expect_eq(flooder->close_code, 3013);
	cr_expect_str_eq(flooder->close_text, "above its rate limits for too long");
	stand_stop(&stand);
}

Test(budget, who_floods_with_messages_is_closed, .timeout = 120) { flood(WEBSOCKET_BINARY, false); }
Test(budget, who_floods_with_pings_is_closed, .timeout = 120) { flood(WEBSOCKET_PING, false); }
Test(budget, who_floods_with_pongs_is_closed, .timeout = 120) { flood(WEBSOCKET_PONG, false); }
Test(budget, who_floods_with_fragments_is_closed, .timeout = 120) { flood(WEBSOCKET_BINARY, true); }

Test(budget, a_burst_now_and_then_is_no_flood, .timeout = 120)
{
	struct ringcast_limits limits = stand_limits();
	limits.flood_seconds_max = 2;
	limits.messages_per_second = 100;
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct seat *player = stand_join(&stand, stand_session(&stand), 3);
	for (int turn = 0; turn < 10; turn++) {
		for (int i = 0; i < 200; i++)
			stand_say(&stand, player, 12345, PROTO_GROUP_NONE, 10);
		stand_run(&stand, 2000);
	}
	cr_expect(stand_is_open(&stand, player));
	cr_expect_gt(stand.shard->counters.drops[DROP_RATE_MESSAGES], 0);
	stand_stop(&stand);
}

/* Hellos over UDP are answered one by one: a few a second are enough for any client. */
Test(budget, hellos_are_answered_a_few_times_a_second, .timeout = 120)
{
	enum { HELLOS = 1000 };
	struct ringcast_limits limits = stand_limits();
	stand_start(&stand, &limits, WINDOW_BYTES);
	struct seat *player = stand_join(&stand, stand_session(&stand), 3);
	struct address server = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = stand.shard->udp_ports[0]};
	for (int i = 0; i < HELLOS; i++) {
		uint8_t bytes[64];
		struct packet hello = {.opcode = OPCODE_UDP_CONNECT, .sequence = i, .sender = player->peer_id, .target_player = PROTO_PEER_SERVER,
				       .command = PACKET_COMMAND_UDP_CONNECT};
		ringcast_sim_udp_send(stand.network, &player->address, &server, bytes, ringcast_packet_encode(&hello, bytes, sizeof(bytes)));
		stand_run(&stand, 1);
	}
	cr_expect_leq(stand.shard->counters.fast_greetings, 48);
	cr_expect_geq(stand.shard->counters.fast_greetings, 16);
	cr_expect_eq(stand.shard->counters.fast_greetings + stand.shard->counters.drops[DROP_RATE_HELLOS], HELLOS);
	stand_stop(&stand);
}
