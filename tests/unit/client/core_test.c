/* The client core against a scripted server: bytes and times, no sockets. Captured bytes: the C# SDK 1.2.0. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/prng.h"
#include "proto/http_upgrade.h"
#include "script.h"

#define VECTOR(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define MINUS_ONE 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01

static struct script script;

static void expect_bytes(const uint8_t *got, size_t got_bytes, const uint8_t *wanted, size_t wanted_bytes)
{
	cr_assert_eq(got_bytes, wanted_bytes, "%zu bytes, %zu wanted", got_bytes, wanted_bytes);
	cr_assert_arr_eq(got, wanted, wanted_bytes);
}

static enum client_core_send_result send_bytes(bool is_fast_wanted, size_t size)
{
	static uint8_t payload[5000];
	const struct client_core_message message = {
		.opcode = 10, .target_player = PROTO_PEER_SERVER, .is_fast_wanted = is_fast_wanted, .payload = ringcast_view_of(payload, size)};
	return ringcast_client_core_send(&script.core, &message);
}

Test(core, login_is_the_captured_one)
{
	script_start(&script, "psess-1234", "hello-payload", false);
	script_upgrade(&script);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(frame.opcode, WEBSOCKET_BINARY);
	expect_bytes(frame.payload, frame.size,
		     VECTOR(0x2d, 0x18, MINUS_ONE, 0x30, 0x01, 0x7a, 0x0d, 'h', 'e', 'l', 'l', 'o', '-', 'p', 'a', 'y', 'l', 'o', 'a', 'd', 0xf2, 0x01,
			    0x0e, 0x0a, 0x0a, 'p', 's', 'e', 's', 's', '-', '1', '2', '3', '4', 0x10, 0x02));
	cr_assert_eq(script.out_bytes, 0);
	script_fini(&script);
}

Test(core, udp_handshake_is_the_captured_one)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 33401);
	cr_assert_eq(script.fast_port, 33401);
	cr_assert_eq(script.datagram_count, 1);
	expect_bytes(script.datagrams[0], script.datagram_bytes[0],
		     VECTOR(0x12, 0x08, 0x09, 0x18, MINUS_ONE, 0x28, 0x01, 0x92, 0x02, 0x00));
	script_feed_ack(&script, 0);
	cr_assert_eq(script.fast_up_count, 1);
	cr_assert_eq(script.datagram_count, 2);
	expect_bytes(script.datagrams[1], script.datagram_bytes[1],
		     VECTOR(0x14, 0x08, 0x0d, 0x10, 0x01, 0x18, MINUS_ONE, 0x28, 0x01, 0x92, 0x02, 0x00));
	const struct client_core_message fast1 = {
		.opcode = 10, .target_player = PROTO_PEER_SERVER, .is_fast_wanted = true, .payload = ringcast_view_of("fast1", 5)};
	cr_assert_eq(ringcast_client_core_send(&script.core, &fast1), CLIENT_CORE_SENT_FAST);
	expect_bytes(script.datagrams[2], script.datagram_bytes[2],
		     VECTOR(0x18, 0x08, 0x14, 0x10, 0x02, 0x18, MINUS_ONE, 0x28, 0x01, 0x7a, 0x05, 'f', 'a', 's', 't', '1'));
	script_fini(&script);
}

/* Two messages and half a third one. */
static void feed_several(void)
{
	uint8_t bytes[256];
	size_t size = 0;
	for (int32_t sequence = 1; sequence <= 3; sequence++) {
		const struct packet packet = {.opcode = 10, .sequence = sequence, .sender = 2, .target_player = 1, .payload = ringcast_view_of("fast", 4)};
		size += ringcast_packet_encode(&packet, bytes + size, sizeof(bytes) - size);
	}
	ringcast_client_core_receive_datagram(&script.core, bytes, size - 2, script.now_ns);
}

Test(core, several_packets_in_a_datagram_are_taken_where_both_sides_said_so)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 33401);
	script_feed_ack(&script, 0);
	feed_several();
	cr_assert_eq(script.core.counters.messages_received_fast, 0);
	cr_assert_eq(script.core.counters.datagrams_malformed, 1);
	script.core.is_merging = true;
	feed_several();
	cr_assert_eq(script.core.counters.messages_received_fast, 2);
	cr_assert_eq(script.core.counters.datagrams_malformed, 2);
	script_fini(&script);
}

Test(core, proof_of_identity_is_the_captured_one)
{
	script_start_secure(&script, "t", "hello-payload");
	script_login(&script, 1, 33401);
	cr_assert_eq(script.fast_port, 33401);
	cr_assert_eq(script.datagram_count, 0, "DTLS comes first");
	ringcast_client_core_establish_fast(&script.core, script.now_ns);
	cr_assert_eq(script.datagram_count, 1);
	expect_bytes(script.datagrams[0], script.datagram_bytes[0],
		     VECTOR(0x25, 0x08, 0x1b, 0x28, 0x01, 0x7a, 0x0d, 'h', 'e', 'l', 'l', 'o', '-', 'p', 'a', 'y', 'l', 'o', 'a', 'd', 0xaa, 0x02, 0x0f,
			    0x08, 0x01, 0x12, 0x0b, 'c', 'o', 'n', 'n', 'e', 'c', 't', '-', 't', 'o', 'k'));
	const struct packet result = {.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
				      .command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
				      .verify_identity_result = {.is_success = true, .peer_id = 1}};
	script_feed_datagram(&script, &result);
	cr_assert_eq(script.fast_up_count, 1);
	cr_assert_eq(script.datagram_count, 1, "no -7 in this mode");
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SENT_FAST);
	ringcast_client_core_lose_fast(&script.core, "lost");
	cr_assert_eq(script.fast_failed_count, 1);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SENT_RELIABLE);
	script_fini(&script);
}

/* Over plain UDP these are messages like any other that the SDK does not know; over DTLS the old handshake is. */
Test(core, each_mode_has_its_own_handshake)
{
	const struct packet verified = {.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
					.sequence = 1,
					.command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
					.verify_identity_result = {.is_success = true, .peer_id = 1}};
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_datagram(&script, &verified);
	cr_assert_eq(script.fast_up_count, 0);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_HELLO);
	script_fini(&script);
}

/* A payload that would not fit a datagram together with the token is left out of the proof, not cut. */
Test(core, proof_fits_a_datagram)
{
	struct packet packet;
	static char payload[4097];
	memset(payload, 'p', sizeof(payload) - 1);
	script_start_secure(&script, "t", payload);
	script_login(&script, 1, 5000);
	ringcast_client_core_establish_fast(&script.core, script.now_ns);
	cr_assert_lt(script.datagram_bytes[0], 200);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(script.datagrams[0], script.datagram_bytes[0]), &packet), PACKET_OK);
	cr_assert_eq(packet.payload.size, 0);
	cr_assert_eq(packet.verify_identity.connect_token.size, 11);
	script_fini(&script);
}

Test(core, hellos_follow_the_sdk_schedule)
{
	static const uint64_t times_ms[] = {100, 300, 700, 1500, 3100, 6300, 11300, 16300};
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	uint64_t start_ns = script.now_ns, last_ns = start_ns;
	for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
		uint64_t due_ns = start_ns + times_ms[i] * NS_PER_MS;
		ringcast_client_core_tick(&script.core, due_ns - 1);
		cr_assert_eq(script.datagram_count, i + 1, "too early at %lu ms", (unsigned long)times_ms[i]);
		ringcast_client_core_tick(&script.core, due_ns);
		cr_assert_eq(script.datagram_count, i + 2, "none at %lu ms", (unsigned long)times_ms[i]);
		script_feed_frame(&script, WEBSOCKET_PONG, true, "", 0); /* or the pings would end the connection */
		cr_assert_gt(due_ns, last_ns);
		last_ns = due_ns;
	}
	script_fini(&script);
}

static void expect_last_datagram(int32_t opcode)
{
	struct packet packet;
	size_t last = script.datagram_count - 1;
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(script.datagrams[last], script.datagram_bytes[last]), &packet), PACKET_OK);
	cr_assert_eq(packet.opcode, opcode);
	cr_assert_eq(packet.sequence, script.core.sequence_next - 1);
}

static void go_by(uint64_t ns)
{
	script_feed_frame(&script, WEBSOCKET_PONG, true, "", 0); /* or the pings would end the connection */
	script.out_bytes = 0;
	script_advance(&script, ns);
}

Test(core, keepalives_hold_the_way_open)
{
	script_keepalive_ns = 15 * NS_PER_S;
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	size_t before = script.datagram_count;
	for (int32_t i = 1; i <= 4; i++) {
		go_by(15 * NS_PER_S - 1);
		cr_assert_eq(script.datagram_count, before, "too early");
		go_by(1);
		cr_assert_eq(script.datagram_count, before + 1);
		expect_last_datagram(OPCODE_UDP_CONNECT);
		script_feed_ack(&script, i);
		before = script.datagram_count;
		expect_last_datagram(OPCODE_UDP_CONNECT_CLIENT_ACK);
	}
	cr_assert_eq(script.fast_up_count, 1);
	cr_assert_eq(script.fast_failed_count, 0);
	script_fini(&script);
}

Test(core, silence_is_noticed_and_a_hello_that_is_answered_ends_it)
{
	script_keepalive_ns = 15 * NS_PER_S;
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	const struct packet message = {.opcode = 10, .sequence = 1, .sender = 2};
	script_feed_datagram(&script, &message);
	go_by(15 * NS_PER_S);
	for (int i = 1; i < CLIENT_CORE_KEEPALIVES_MISSED_MAX; i++) {
		const struct packet more = {.opcode = 10, .sequence = 1 + i, .sender = 2};
		script_feed_datagram(&script, &more); /* that we hear the server does not say that it hears us */
		go_by(NS_PER_S);
		cr_assert_eq(script.fast_failed_count, 0);
	}
	go_by(NS_PER_S);
	cr_assert_eq(script.fast_failed_count, 1);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_HELLO);
	expect_last_datagram(OPCODE_UDP_CONNECT);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SENT_RELIABLE);
	size_t before = script.datagram_count;
	go_by(CLIENT_CORE_HELLO_DELAY_MS * NS_PER_MS);
	cr_assert_eq(script.datagram_count, before + 1);
	script_feed_ack(&script, 100);
	cr_assert_eq(script.fast_up_count, 2);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SENT_FAST);
	script_fini(&script);
}

Test(core, a_silent_association_is_given_up)
{
	const struct packet result = {.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
				      .command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
				      .verify_identity_result = {.is_success = true, .peer_id = 1}};
	script_keepalive_ns = 100 * NS_PER_MS;
	script_start_secure(&script, "t", "");
	script_login(&script, 1, 5000);
	ringcast_client_core_establish_fast(&script.core, script.now_ns);
	script_feed_datagram(&script, &result);
	for (int i = 0; i < CLIENT_CORE_KEEPALIVES_MISSED_MAX; i++) {
		go_by(100 * NS_PER_MS);
		expect_last_datagram(OPCODE_VERIFY_IDENTITY);
		cr_assert_eq(script.fast_silent_count, 0);
	}
	go_by(100 * NS_PER_MS);
	cr_assert_eq(script.fast_silent_count, 1);
	size_t before = script.datagram_count;
	go_by(NS_PER_S);
	cr_assert_eq(script.datagram_count, before, "nothing until there is another association");
	script_fini(&script);
}

Test(core, an_association_in_which_no_proof_is_answered_is_given_up)
{
	script_keepalive_ns = 0;
	script_start_secure(&script, "t", "");
	script_login(&script, 1, 5000);
	for (int round = 1; round <= 3; round++) {
		size_t before = script.datagram_count;
		ringcast_client_core_establish_fast(&script.core, script.now_ns);
		for (int second = 0; second < 60; second++)
			go_by(NS_PER_S);
		cr_assert_eq(script.datagram_count, before + CLIENT_CORE_PROOFS_MAX);
		cr_assert_eq(script.fast_silent_count, round);
	}
	script_fini(&script);
}

/* Every hello is a new one to the server, which takes no number twice. */
Test(core, a_hello_that_is_sent_again_has_a_number_of_its_own)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	for (size_t i = 1; i <= 5; i++) {
		cr_assert_eq(script.datagram_count, i);
		expect_last_datagram(OPCODE_UDP_CONNECT);
		cr_assert_eq(script.core.sequence_next, (int32_t)i);
		go_by(CLIENT_CORE_HELLO_DELAY_MS_MAX * NS_PER_MS);
	}
	script_fini(&script);
}

static void expect_out_of_numbers(size_t datagrams_before)
{
	go_by(60 * NS_PER_S);
	cr_assert_eq(script.core.sequence_next, INT32_MAX);
	cr_assert_eq(script.datagram_count, datagrams_before);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SENT_RELIABLE);
}

Test(core, hellos_end_with_the_last_number_and_the_stream_stays)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script.core.sequence_next = INT32_MAX - 1;
	go_by(CLIENT_CORE_HELLO_DELAY_MS * NS_PER_MS);
	expect_last_datagram(OPCODE_UDP_CONNECT);
	go_by(CLIENT_CORE_HELLO_DELAY_MS_MAX * NS_PER_MS);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_OFF);
	cr_assert_eq(script.fast_failed_count, 1);
	expect_out_of_numbers(2);
	script_fini(&script);
}

/* The last number is the question's; its answer is heard, and there is none left to answer that. */
Test(core, an_answer_to_the_last_keepalive_is_not_acknowledged)
{
	script_keepalive_ns = 15 * NS_PER_S;
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	script_feed_ack(&script, 0);
	script.core.sequence_next = INT32_MAX - 1;
	go_by(15 * NS_PER_S);
	expect_last_datagram(OPCODE_UDP_CONNECT);
	size_t before = script.datagram_count;
	script_feed_ack(&script, 1);
	expect_out_of_numbers(before);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_UP, "it goes on hearing");
	cr_assert_eq(script.fast_failed_count, 0);
	script_fini(&script);
}

Test(core, a_new_association_without_numbers_proves_nothing)
{
	script_start_secure(&script, "t", "");
	script_login(&script, 1, 5000);
	script.core.sequence_next = INT32_MAX;
	ringcast_client_core_establish_fast(&script.core, script.now_ns);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_OFF);
	cr_assert_eq(script.fast_failed_count, 1);
	expect_out_of_numbers(0);
	script_fini(&script);
}

Test(core, ack_is_answered_once)
{
	script_start(&script, "t", "", false);
	script_login(&script, 1, 5000);
	for (int32_t i = 0; i < 5; i++)
		script_feed_ack(&script, i);
	cr_assert_eq(script.datagram_count, 2);
	cr_assert_eq(script.fast_up_count, 1);
	script_advance(&script, NS_PER_S);
	cr_assert_eq(script.datagram_count, 2, "no hello after the ack");
	script_fini(&script);
}

Test(core, channel_is_chosen_by_intent_state_and_size)
{
	struct packet packet;
	script_start(&script, "t", "", false);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SEND_CLOSED);
	script_login(&script, 1, 5000);
	cr_assert_eq(send_bytes(true, 10), CLIENT_CORE_SENT_RELIABLE);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &packet), PACKET_OK);
	cr_assert(packet.is_reliable, "the flag tells the channel really used");
	cr_assert_eq(packet.sequence, 0);
	script_feed_ack(&script, 0);
	cr_assert_eq(send_bytes(true, 1200), CLIENT_CORE_SENT_FAST);
	cr_assert_eq(send_bytes(true, 1201), CLIENT_CORE_SENT_RELIABLE);
	cr_assert_eq(send_bytes(false, 10), CLIENT_CORE_SENT_RELIABLE);
	cr_assert_eq(send_bytes(false, 4096), CLIENT_CORE_SENT_RELIABLE);
	cr_assert_eq(send_bytes(false, 4097), CLIENT_CORE_SEND_SIZE);
	cr_assert_eq(script.core.counters.fast_fallback, 2);
	script.is_stream_full = script.is_datagram_refused = true;
	cr_assert_eq(send_bytes(false, 1), CLIENT_CORE_SEND_FULL);
	cr_assert_eq(send_bytes(true, 1), CLIENT_CORE_SEND_FULL);
	cr_assert_eq(script.core.counters.datagrams_unsent, 1);
	script_fini(&script);
}

Test(core, no_udp_when_switched_off_or_not_offered_or_not_possible)
{
	script_start(&script, "t", "", true);
	script_login(&script, 1, 5000);
	cr_assert_eq(script.datagram_count, 0);
	script_fini(&script);
	script_start(&script, "t", "", false);
	script_login(&script, 1, 0);
	cr_assert_eq(script.fast_port, 0);
	cr_assert_eq(script.datagram_count, 0);
	script_fini(&script);
	script_start(&script, "t", "", false);
	script.is_fast_refused = true;
	script_login(&script, 1, 5000);
	cr_assert_eq(script.datagram_count, 0);
	cr_assert_eq(script.core.fast, CLIENT_CORE_FAST_OFF);
	script_fini(&script);
}

Test(core, group_commands_are_the_captured_ones)
{
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	cr_assert_eq(ringcast_client_core_send_group(&script.core, OPCODE_JOIN_GROUP, 7), CLIENT_CORE_SENT_RELIABLE);
	struct websocket_frame frame = script_take_frame(&script);
	/* as captured, but reliable and therefore without a sequence number */
	expect_bytes(frame.payload, frame.size, VECTOR(0x16, 0x08, 0x13, 0x18, MINUS_ONE, 0x28, 0x01, 0x30, 0x01, 0xc2, 0x02, 0x02, 0x08, 0x07));
	int32_t players[] = {1, 2};
	const struct packet update = {
		.opcode = OPCODE_GROUP_MEMBERSHIP_UPDATE,
		.target_player = 1,
		.sender = PROTO_PEER_SERVER,
		.command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
		.membership = {.group = 7, .players = players, .player_count = 2},
	};
	script_feed_packet(&script, &update);
	cr_assert_eq(script.membership_count, 1);
	cr_assert_eq(script.message_count, 0);
	cr_assert_eq(script.member_count, 2);
	cr_assert_eq(script.members[1], 2);
	script_fini(&script);
}

/* What the server sends after the upgrade, as one stream; every way to cut it must give the same. */
static size_t make_conversation(uint8_t *out)
{
	const struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true, .peer_id = 3, .fast_port = 0},
	};
	uint8_t packet_bytes[512], payload[300];
	memset(payload, 'x', sizeof(payload));
	const struct packet message = {.opcode = 9, .sender = 2, .payload = ringcast_view_of(payload, sizeof(payload))};
	size_t size = 0, packet_size = ringcast_packet_encode(&result, packet_bytes, sizeof(packet_bytes));
	size += ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, packet_size, out);
	memcpy(out + size, packet_bytes, packet_size);
	size += packet_size;
	packet_size = ringcast_packet_encode(&message, packet_bytes, sizeof(packet_bytes));
	size += ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, packet_size, out + size);
	memcpy(out + size, packet_bytes, packet_size);
	size += packet_size;
	/* the same message again in three fragments with a ping between */
	size_t cuts[] = {0, 100, 101, packet_size};
	for (int i = 0; i < 3; i++) {
		size_t part = cuts[i + 1] - cuts[i];
		size += ringcast_websocket_encode_header(i ? WEBSOCKET_CONTINUATION : WEBSOCKET_BINARY, i == 2, part, out + size);
		memcpy(out + size, packet_bytes + cuts[i], part);
		size += part;
		if (i == 0) {
			size += ringcast_websocket_encode_header(WEBSOCKET_PING, true, 4, out + size);
			memcpy(out + size, "ping", 4);
			size += 4;
		}
	}
	return size + ringcast_websocket_encode_close(3502, "game session ended", out + size);
}

Test(core, every_cut_of_the_stream_gives_the_same)
{
	uint8_t bytes[2048];
	size_t size = make_conversation(bytes);
	for (size_t step = 1; step <= size; step++) {
		script_start(&script, "t", "", false);
		script_upgrade(&script);
		script_take_frame(&script);
		script_feed(&script, bytes, size, step);
		cr_assert_eq(script.core.peer_id, 3);
		cr_assert_eq(script.message_count, 2);
		cr_assert_eq(script.last_payload_bytes, 300);
		cr_assert_eq(script_take_frame(&script).opcode, WEBSOCKET_PONG);
		struct websocket_frame echo = script_take_frame(&script);
		cr_assert_eq(echo.opcode, WEBSOCKET_CLOSE);
		cr_assert_eq(echo.payload[0] << 8 | echo.payload[1], 3502);
		cr_assert_eq(script.closed_count, 1);
		cr_assert_eq(script.close_code, 3502);
		cr_assert_str_eq(script.close_reason, "game session ended");
		script_fini(&script);
	}
}

Test(core, refused_login_is_told_by_the_close_frame)
{
	uint8_t close[128];
	const struct packet refusal = {.opcode = OPCODE_LOGIN_RESPONSE, .command = PACKET_COMMAND_LOGIN_RESULT};
	script_start(&script, "wrong", "", false);
	script_upgrade(&script);
	script_take_frame(&script);
	script_feed_packet(&script, &refusal);
	cr_assert_eq(script.logged_in_count, 0);
	cr_assert_eq(script.closed_count, 0);
	script_feed(&script, close, ringcast_websocket_encode_close(3500, "invalid player session", close), 0);
	cr_assert_eq(script.close_code, 3500);
	script_fini(&script);
}

Test(core, silence_during_login_ends_it)
{
	script_start(&script, "t", "", false);
	cr_assert_eq(ringcast_client_core_deadline_ns(&script.core), script.now_ns + 10 * NS_PER_S);
	script_advance(&script, 10 * NS_PER_S - 1);
	cr_assert_eq(script.closed_count, 0);
	script_advance(&script, 1);
	cr_assert_eq(script.closed_count, 1);
	cr_assert_eq(script.close_code, CLIENT_CORE_CODE_ABNORMAL);
	script_fini(&script);
}

Test(core, close_handshake_waits_for_the_echo_but_not_for_ever)
{
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(frame.opcode, WEBSOCKET_CLOSE);
	cr_assert_eq(script.out_bytes, 0, "one close frame");
	const struct packet message = {.opcode = 9, .sender = 2};
	script_feed_packet(&script, &message);
	cr_assert_eq(script.message_count, 0, "messages after our close are dropped");
	cr_assert_eq(send_bytes(false, 1), CLIENT_CORE_SEND_CLOSED);
	script_advance(&script, 2 * NS_PER_S);
	cr_assert_eq(script.closed_count, 1);
	cr_assert_eq(script.close_code, 1000);
	script_fini(&script);
}

Test(core, close_echo_ends_without_another_frame)
{
	uint8_t close[128];
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	script_take_frame(&script);
	script_feed(&script, close, ringcast_websocket_encode_close(1000, "", close), 0);
	cr_assert_eq(script.closed_count, 1);
	cr_assert_eq(script.out_bytes, 0);
	cr_assert_eq(ringcast_client_core_deadline_ns(&script.core), CLIENT_CORE_NEVER);
	script_fini(&script);
}

/* who was asked to close and just ends has done as asked */
Test(core, an_end_behind_our_close_is_the_one_we_asked_for)
{
	for (int is_closing = 0; is_closing < 2; is_closing++) {
		script_start(&script, "t", "", true);
		script_login(&script, 1, 0);
		if (is_closing)
			ringcast_client_core_close(&script.core, 1000, script.now_ns);
		ringcast_client_core_end_stream(&script.core, "the server ended the connection", script.now_ns);
		cr_assert_eq(script.closed_count, 1);
		cr_assert_eq(script.close_code, is_closing ? 1000 : CLIENT_CORE_CODE_ABNORMAL);
		script_fini(&script);
	}
}

Test(core, pings_measure_and_notice_a_dead_server)
{
	uint8_t stamp[8];
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	script_advance(&script, 5 * NS_PER_S);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(frame.opcode, WEBSOCKET_PING);
	cr_assert_eq(frame.size, sizeof(stamp));
	memcpy(stamp, frame.payload, sizeof(stamp));
	script.now_ns += 7 * NS_PER_MS;
	script_feed_frame(&script, WEBSOCKET_PONG, true, stamp, sizeof(stamp));
	cr_assert_eq(script.core.rtt_ns, 7 * NS_PER_MS);
	for (int i = 0; i < CLIENT_CORE_PINGS_MISSED_MAX; i++)
		script_advance(&script, 5 * NS_PER_S);
	cr_assert_eq(script.closed_count, 0);
	script_advance(&script, 5 * NS_PER_S);
	cr_assert_eq(script.closed_count, 1);
	script_fini(&script);
}

static void expect_failure(enum websocket_opcode opcode, const void *payload, size_t size, uint16_t code)
{
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	script_feed_frame(&script, opcode, true, payload, size);
	cr_assert_eq(script.closed_count, 1);
	cr_assert_eq(script.close_code, code, "%u, %u wanted", script.close_code, code);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(frame.opcode, WEBSOCKET_CLOSE);
	cr_assert_eq(frame.payload[0] << 8 | frame.payload[1], code);
	script_fini(&script);
}

/* who asks and does not read the answers must not make the queue grow */
Test(core, pongs_are_left_out_when_the_stream_is_full)
{
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	script.is_stream_full = true;
	script_feed_frame(&script, WEBSOCKET_PING, true, "lost", 4);
	cr_assert_eq(script.out_bytes, 0);
	cr_assert_eq(script.core.counters.pongs_unsent, 1);
	script.is_stream_full = false;
	script_feed_frame(&script, WEBSOCKET_PING, true, "sent", 4);
	struct websocket_frame pong = script_take_frame(&script);
	cr_assert_eq(pong.opcode, WEBSOCKET_PONG);
	cr_assert_arr_eq(pong.payload, "sent", 4);
	cr_assert_eq(script.core.counters.pongs_unsent, 1);
	script_fini(&script);
}

Test(core, bad_servers_are_left_with_the_right_code)
{
	uint8_t masked[] = {0x82, 0x81, 1, 2, 3, 4, 5};
	expect_failure(WEBSOCKET_BINARY, "\x05zz", 3, 1002);
	expect_failure(WEBSOCKET_TEXT, "{}", 2, 1003);
	expect_failure(WEBSOCKET_TEXT, "\xff\xfe", 2, 1007);
	expect_failure(WEBSOCKET_CONTINUATION, "x", 1, 1002);
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	script_feed(&script, masked, sizeof(masked), 0);
	cr_assert_eq(script.close_code, 1002, "frames from a server are not masked");
	script_fini(&script);
}

Test(core, oversized_frames_are_refused_from_the_header_alone)
{
	uint8_t header[] = {0x82, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff};
	script_start(&script, "t", "", true);
	script_login(&script, 1, 0);
	script_feed(&script, header, sizeof(header), 0);
	cr_assert_eq(script.close_code, 1009);
	script_fini(&script);
}

Test(core, refused_upgrade_ends_it)
{
	static const char *const answers[] = {
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		script_start(&script, "t", "", false);
		script.out_bytes = 0;
		script_feed(&script, (const uint8_t *)answers[i], strlen(answers[i]), 0);
		cr_assert_eq(script.closed_count, 1, "answer %zu", i);
		cr_assert_eq(script.out_bytes, 0, "no login for a stranger");
		script_fini(&script);
	}
}

Test(core, endless_answer_to_the_upgrade_is_cut)
{
	uint8_t line[64];
	memset(line, 'x', sizeof(line));
	script_start(&script, "t", "", false);
	script_feed(&script, (const uint8_t *)"HTTP/1.1 101 X\r\nA: ", 19, 0);
	for (size_t i = 0; i < PROTO_HTTP_REQUEST_BYTES_MAX / sizeof(line) + 1; i++)
		script_feed(&script, line, sizeof(line), 0);
	cr_assert_eq(script.closed_count, 1);
	script_fini(&script);
}

Test(core, token_and_payload_have_bounds)
{
	static char long_token[PROTO_LOGIN_TOKEN_BYTES_MAX + 2], long_payload[PROTO_PAYLOAD_RELIABLE_BYTES_MAX + 1];
	struct client_core core;
	memset(long_token, 'a', sizeof(long_token) - 1);
	const struct client_core_options options = {
		.ops = script.core.ops, .host_and_port = "h:1", .path = "/", .token = ringcast_view_of(long_token, PROTO_LOGIN_TOKEN_BYTES_MAX + 1)};
	cr_assert_not(ringcast_client_core_start(&core, &options, 0));
	ringcast_client_core_fini(&core);
	const struct client_core_options big = {
		.ops = script.core.ops, .host_and_port = "h:1", .path = "/", .login_payload = ringcast_view_of(long_payload, sizeof(long_payload))};
	cr_assert_not(ringcast_client_core_start(&core, &big, 0));
	ringcast_client_core_fini(&core);
}

/* A server gone mad: whatever comes, the core ends once at most and reads nothing out of bounds (run under ASan). */
Test(core, garbage_is_survived)
{
	struct prng prng;
	uint8_t bytes[512];
	ringcast_prng_init(&prng, 42);
	for (int round = 0; round < 3000; round++) {
		script_start(&script, "t", "", false);
		script_login(&script, 1, 5000);
		script_feed_ack(&script, 0);
		for (int i = 0; i < 20; i++) {
			size_t size = ringcast_prng_below(&prng, sizeof(bytes));
			ringcast_prng_fill(&prng, bytes, sizeof(bytes));
			bytes[0] = ringcast_prng_chance(&prng, 3, 4) ? 0x82 : bytes[0]; /* often a plausible start */
			bytes[1] &= 0x7f;
			script.out_bytes = 0;
			script_feed(&script, bytes, size, 1 + ringcast_prng_below(&prng, 64));
			ringcast_client_core_receive_datagram(&script.core, bytes, size, script.now_ns);
			if (script.closed_count > 0)
				break;
		}
		cr_assert_leq(script.closed_count, 1);
		script_fini(&script);
	}
}
