/* Who asked for that gets none of its own group messages; everybody else gets what they ever got. */
#include <criterion/criterion.h>

#include "stand.h"

static struct stand stand;
static struct session *session;

static void set_up(void)
{
	struct ringcast_limits limits = stand_limits();
	stand_start(&stand, &limits, 1 << 16);
	session = stand_session(&stand);
}

static void tear_down(void)
{
	stand_stop(&stand);
}

TestSuite(echo, .init = set_up, .fini = tear_down, .timeout = 60);

static void expect(const struct seat *seat, uint64_t messages)
{
	stand_run(&stand, 50);
	cr_assert_eq(seat->messages, messages);
}

static void join_group(struct seat *seat, int32_t group)
{
	struct packet packet = {.opcode = OPCODE_JOIN_GROUP, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_JOIN_GROUP, .group = group};
	stand_send(&stand, seat, &packet);
	stand_run(&stand, 50);
}

Test(echo, comes_back_to_who_did_not_ask)
{
	struct seat *ann = stand_join(&stand, session, 1), *ben = stand_join_quiet(&stand, session, 2);
	cr_assert_not(ann->has_no_echo);
	cr_assert(ben->has_no_echo, "the result says so");
	stand_say(&stand, ann, 0, PROTO_GROUP_ALL, 10);
	expect(ann, 1);
	expect(ben, 1);
}

Test(echo, wherever_the_sender_is_among_the_members)
{
	struct seat *seats[9];
	uint64_t messages[9] = {0};
	for (int i = 0; i < 9; i++) {
		seats[i] = i % 2 == 0 ? stand_join_quiet(&stand, session, (uint8_t)(1 + i)) : stand_join(&stand, session, (uint8_t)(1 + i));
		join_group(seats[i], 5);
	}
	for (int sender = 0; sender < 9; sender++) {
		uint64_t asked = stand.shard->counters.deliveries_asked, deliveries = session->deliveries;
		stand_say(&stand, seats[sender], 0, sender < 5 ? 5 : PROTO_GROUP_ALL, 10);
		for (int i = 0; i < 9; i++) {
			messages[i] += i != sender || i % 2 != 0;
			expect(seats[i], messages[i]);
		}
		uint64_t meant = sender % 2 == 0 ? 8 : 9;
		cr_assert_eq(stand.shard->counters.deliveries_asked - asked, meant);
		cr_assert_eq(session->deliveries - deliveries, meant);
	}
}

Test(echo, a_message_to_oneself_is_none)
{
	struct seat *ann = stand_join_quiet(&stand, session, 1);
	stand_say(&stand, ann, ann->peer_id, 0, 10);
	expect(ann, 1);
}

Test(echo, alone_in_a_group_nobody_gets_it)
{
	struct seat *ann = stand_join_quiet(&stand, session, 1);
	uint64_t asked = stand.shard->counters.deliveries_asked;
	stand_say(&stand, ann, 0, PROTO_GROUP_ALL, 10);
	expect(ann, 0);
	cr_assert_eq(stand.shard->counters.deliveries_asked, asked);
}

/* Lists of members have no sender who could be skipped. */
Test(echo, who_joins_a_group_is_told)
{
	struct seat *ann = stand_join_quiet(&stand, session, 1);
	uint64_t bytes = ann->bytes;
	join_group(ann, 3);
	cr_assert_gt(ann->bytes, bytes);
}

Test(echo, is_back_for_whoever_takes_the_place)
{
	struct seat *ann = stand_join_quiet(&stand, session, 1);
	ringcast_sim_stream_close(stand.network, ann->stream);
	stand_run(&stand, 50);
	struct seat *ben = stand_join(&stand, session, 2);
	stand_say(&stand, ben, 0, PROTO_GROUP_ALL, 10);
	expect(ben, 1);
}
