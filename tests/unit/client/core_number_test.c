/* Which numbers of the server's datagrams a client takes. */
#include <criterion/criterion.h>

#include "script.h"

static struct script script;

static void feed_fast(int32_t sequence, int32_t opcode)
{
	const struct packet message = {.opcode = opcode, .sequence = sequence, .sender = 2, .target_player = 1};
	script_feed_datagram(&script, &message);
}

Test(core_number, stale_datagrams_are_dropped_and_gaps_are_fine)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	feed_fast(5, 11);
	feed_fast(50, 12);
	cr_assert_eq(script.message_count, 2);
	feed_fast(50, 13);
	feed_fast(7, 13);
	script_feed_ack(&script, 0);
	cr_assert_eq(script.message_count, 2);
	cr_assert_eq(script.last_opcode, 12);
	cr_assert(script.was_last_fast);
	cr_assert_eq(script.core.counters.datagrams_stale, 3);
	ringcast_client_core_receive_datagram(&script.core, (const uint8_t *)"\x05zz", 3, script.now_ns);
	cr_assert_eq(script.core.counters.datagrams_malformed, 1);
	script_fini(&script);
}

/* Anybody may send a datagram in the server's name; one must not end what comes by UDP. */
Test(core_number, a_forged_number_does_not_end_reception)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	feed_fast(INT32_MAX, 66);
	feed_fast(CLIENT_CORE_JUMP_MAX + 1, 66);
	cr_assert_eq(script.message_count, 0);
	cr_assert_eq(script.core.counters.datagrams_jumped, 2);
	feed_fast(1, 11);
	feed_fast(1 + CLIENT_CORE_JUMP_MAX, 12);
	cr_assert_eq(script.message_count, 2);
	cr_assert_eq(script.last_opcode, 12);
	cr_assert_eq(script.core.counters.datagrams_stale, 0);
	script_fini(&script);
}

/* Who stood still has lost more than a few; what the server has sent meanwhile is believed. */
Test(core_number, silence_explains_a_gap)
{
	int32_t sequence = CLIENT_CORE_JUMP_MAX + 1000 * CLIENT_CORE_JUMP_PER_MS;
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	script.now_ns += NS_PER_S;
	feed_fast(sequence + 1, 66);
	cr_assert_eq(script.message_count, 0);
	feed_fast(sequence, 11);
	cr_assert_eq(script.message_count, 1);
	feed_fast(sequence + 1 + CLIENT_CORE_JUMP_MAX, 66);
	cr_assert_eq(script.message_count, 1, "that silence is over");
	cr_assert_eq(script.core.counters.datagrams_jumped, 2);
	script_fini(&script);
}

/* Over DTLS it is the server's number, whatever it is. */
Test(core_number, a_secure_number_may_jump)
{
	const struct packet result = {.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
				      .sequence = 1 << 30,
				      .command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
				      .verify_identity_result = {.is_success = true, .peer_id = 1}};
	script_start_secure(&script, "t", "");
	script_login(&script, 1, 5000);
	ringcast_client_core_establish_fast(&script.core, script.now_ns);
	script_feed_datagram(&script, &result);
	cr_assert_eq(script.fast_up_count, 1);
	cr_assert_eq(script.core.counters.datagrams_jumped, 0);
	script_fini(&script);
}
