/* Several fast messages in one datagram: what a client sends so, and when, and what it reads. */
#include <criterion/criterion.h>

#include "script.h"

static struct script script;

static void log_in(int32_t merge_bytes)
{
	script_start(&script, "t", "", false);
	script.core.may_merge = true;
	script_login_merging(&script, merge_bytes);
	script_feed_ack(&script, 0);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_UP);
	script.datagram_count = 0;
}

static void fini(void)
{
	script_fini(&script);
}

static enum client_core_send_result say(size_t payload_bytes)
{
	static const uint8_t payload[1300];
	const struct client_core_message message = {
		.opcode = 20, .target_group = PROTO_GROUP_ALL, .is_fast_wanted = true, .payload = ringcast_view_of(payload, payload_bytes)};
	return ringcast_client_core_send(&script.core, &message);
}

static void say_several(unsigned count, size_t payload_bytes)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(say(payload_bytes), CLIENT_CORE_SENT_FAST);
}

/* How many packets datagram i holds; their numbers follow each other across datagrams, as a server wants them. */
static unsigned count_packets(size_t i)
{
	static int32_t sequence_last;
	struct view rest = ringcast_view_of(script.datagrams[i], script.datagram_bytes[i]), first;
	struct packet packet;
	unsigned count = 0;
	sequence_last = i == 0 ? 0 : sequence_last;
	for (; rest.size > 0; count++) {
		cr_assert(ringcast_packet_split(&rest, &first));
		cr_assert_eq(ringcast_packet_decode(first, &packet), PACKET_OK);
		cr_assert_gt(packet.sequence, sequence_last);
		sequence_last = packet.sequence;
	}
	return count;
}

Test(core_merge, what_is_sent_between_two_flushes_shares_a_datagram, .fini = fini)
{
	log_in(1200);
	say_several(5, 40);
	cr_expect_eq(script.datagram_count, 0);
	cr_expect_eq(ringcast_client_core_deadline_ns(&script.core), 0, "it is due at once");
	script_advance(&script, 0);
	cr_assert_eq(script.datagram_count, 1);
	cr_expect_eq(count_packets(0), 5);
	cr_expect_gt(ringcast_client_core_deadline_ns(&script.core), script.now_ns);
	cr_expect_eq(script.core.counters.datagrams_merged, 1);
	cr_expect_eq(script.core.counters.messages_sent_fast, 5);
	say_several(1, 40);
	ringcast_client_core_flush(&script.core);
	ringcast_client_core_flush(&script.core);
	cr_expect_eq(script.datagram_count, 2);
	cr_expect_eq(script.core.counters.datagrams_merged, 1, "one alone is not several");
}

Test(core_merge, a_server_that_does_not_take_them_gets_each_by_itself, .fini = fini)
{
	log_in(0);
	say_several(3, 40);
	cr_expect_eq(script.datagram_count, 3);
}

static void expect_bound(int32_t merge_bytes, size_t bytes_max)
{
	unsigned packets = 0;
	log_in(merge_bytes);
	say_several(25, 70);
	ringcast_client_core_flush(&script.core);
	for (size_t i = 0; i < script.datagram_count; i++) {
		cr_expect_leq(script.datagram_bytes[i], bytes_max);
		packets += count_packets(i);
	}
	cr_expect_eq(packets, 25);
	cr_expect_gt(script.core.counters.datagrams_merged, 0);
	script_fini(&script);
}

Test(core_merge, a_datagram_is_as_large_as_the_server_sends_them_and_no_larger_than_a_path_carries)
{
	expect_bound(300, 300);
	expect_bound(1200, 1200);
	expect_bound(1400, 1200);
	expect_bound(INT32_MAX, 1200);
}

Test(core_merge, one_that_is_too_large_goes_alone_and_in_order, .fini = fini)
{
	log_in(300);
	say_several(2, 40);
	say_several(1, 1200);
	say_several(2, 40);
	ringcast_client_core_flush(&script.core);
	cr_assert_eq(script.datagram_count, 3);
	cr_expect_eq(count_packets(0), 2);
	cr_expect_eq(count_packets(1), 1);
	cr_expect_eq(count_packets(2), 2);
}

Test(core_merge, a_datagram_holds_no_more_packets_than_a_server_reads, .fini = fini)
{
	log_in(1200);
	script.core.peer_id = 0; /* the shortest packets there are: then so many fit */
	for (unsigned i = 0; i < 2 * PROTO_MERGED_PACKETS_MAX; i++) {
		const struct client_core_message message = {.opcode = 20, .target_player = 3, .is_fast_wanted = true};
		cr_assert_eq(ringcast_client_core_send(&script.core, &message), CLIENT_CORE_SENT_FAST);
	}
	ringcast_client_core_flush(&script.core);
	for (size_t i = 0; i < script.datagram_count; i++)
		cr_expect_leq(count_packets(i), PROTO_MERGED_PACKETS_MAX);
}

/* The hello that asks who is there has a later number: what waits goes before it, or would come too late for good. */
Test(core_merge, what_waits_goes_before_a_hello)
{
	script_keepalive_ns = 15 * NS_PER_S;
	log_in(1200);
	script_advance(&script, 14 * NS_PER_S);
	say_several(2, 40);
	script.now_ns += NS_PER_S;
	ringcast_client_core_tick(&script.core, script.now_ns);
	cr_assert_eq(script.datagram_count, 2);
	cr_expect_eq(count_packets(0), 2);
	cr_expect_eq(count_packets(1), 1);
	say_several(2, 40);
	script_feed_ack(&script, 1); /* answered in its turn */
	cr_assert_eq(script.datagram_count, 4);
	unsigned packets = 0;
	for (size_t i = 0; i < script.datagram_count; i++)
		packets += count_packets(i);
	cr_expect_eq(packets, 6);
	script_keepalive_ns = 0;
	script_fini(&script);
}

Test(core_merge, a_goodbye_takes_what_waits_along_and_an_end_counts_it, .fini = fini)
{
	log_in(1200);
	say_several(3, 40);
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	cr_expect_eq(script.datagram_count, 1);
	script_fini(&script);
	log_in(1200);
	say_several(3, 40);
	ringcast_client_core_end_stream(&script.core, "torn", script.now_ns);
	cr_expect_eq(script.datagram_count, 0);
	cr_expect_eq(script.core.counters.datagrams_unsent, 3);
}

Test(core_merge, what_the_kernel_refuses_is_counted, .fini = fini)
{
	log_in(1200);
	say_several(4, 40);
	script.is_datagram_refused = true;
	ringcast_client_core_flush(&script.core);
	cr_expect_eq(script.core.counters.datagrams_unsent, 4);
	script.is_datagram_refused = false;
	ringcast_client_core_flush(&script.core);
	cr_expect_eq(script.datagram_count, 0);
}

Test(core_merge, a_server_cannot_make_one_datagram_stand_for_thousands, .fini = fini)
{
	static uint8_t zeros[2048]; /* each byte is a packet of no bytes */
	log_in(1200);
	ringcast_client_core_receive_datagram(&script.core, zeros, sizeof(zeros), script.now_ns);
	cr_expect_eq(script.core.counters.datagrams_stale, PROTO_MERGED_PACKETS_MAX);
	cr_expect_eq(script.core.counters.datagrams_malformed, 1);
}
