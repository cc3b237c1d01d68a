/* The client core comes back: what it keeps, counts and sends again, and when it gives up. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "script.h"

enum { KEPT_BYTES_MAX = 4096, WINDOW_MS = 10000, SAY = 10 };

static struct script script;

static void feed_result(const struct packet *change)
{
	struct packet result = {.opcode = OPCODE_LOGIN_RESPONSE, .sender = PROTO_PEER_SERVER, .command = PACKET_COMMAND_LOGIN_RESULT};
	result.login_result = change->login_result;
	result.login_result.is_success = true;
	result.login_result.resume_window_ms = WINDOW_MS;
	script_feed_packet(&script, &result);
}

static void log_in_keeping(size_t kept_bytes_max)
{
	struct packet login;
	script_start_resumable(&script, kept_bytes_max);
	script_upgrade(&script);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &login), PACKET_OK);
	cr_assert(login.login.may_resume);
	feed_result(&(struct packet){.login_result = {.peer_id = 3, .reconnect_token = ringcast_view_of("one", 3)}});
	cr_assert_eq(script.logged_in_count, 1);
}

static void log_in(void) { log_in_keeping(KEPT_BYTES_MAX); }

static void fini(void) { script_fini(&script); }

static enum client_core_send_result say(const char *text)
{
	const struct client_core_message message = {.opcode = SAY, .target_player = PROTO_PEER_SERVER, .payload = ringcast_view_of(text, strlen(text))};
	return ringcast_client_core_send(&script.core, &message);
}

static void tell(int32_t opcode) { script_feed_packet(&script, &(struct packet){.opcode = opcode, .sender = PROTO_PEER_SERVER}); }

static void tear(void) { ringcast_client_core_end_stream(&script.core, "torn", script.now_ns); }

static void expect_said(const char *text)
{
	struct packet packet;
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &packet), PACKET_OK);
	cr_expect_eq(packet.opcode, SAY);
	cr_expect_eq(packet.payload.size, strlen(text));
	cr_expect_arr_eq(packet.payload.data, text, strlen(text));
}

/* The login of a try, which must bring this token and count. */
static void restart(const char *token, int32_t received)
{
	struct packet login;
	cr_assert(ringcast_client_core_is_due(&script.core, script.now_ns));
	cr_assert(ringcast_client_core_restart(&script.core, "h:1", "/", script.now_ns));
	script_upgrade(&script);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &login), PACKET_OK);
	cr_expect_eq(login.login.reconnect_token.size, strlen(token));
	cr_expect_arr_eq(login.login.reconnect_token.data, token, strlen(token));
	cr_expect_eq(login.login.received, received);
}

static void resume(int32_t received, int32_t lost)
{
	feed_result(&(struct packet){.login_result = {.peer_id = 3,
						      .is_resumed = true,
						      .received = received,
						      .lost = lost,
						      .reconnect_token = ringcast_view_of("two", 3)}});
}

Test(core_resume, what_was_not_read_goes_out_again, .init = log_in, .fini = fini)
{
	say("a");
	say("b");
	tell(SAY);
	tell(SAY);
	tear();
	cr_expect_eq(script.dropped_count, 1);
	cr_expect_eq(script.closed_count, 0);
	cr_expect_eq(say("c"), CLIENT_CORE_SENT_RELIABLE);
	restart("one", 2);
	resume(1, 0);
	expect_said("b");
	expect_said("c");
	cr_expect_eq(script.out_bytes, 0);
	cr_expect_eq(script.resumed_count, 1);
	say("d");
	expect_said("d");
	tear();
	restart("two", 2);
	resume(4, 0);
	cr_expect_eq(script.out_bytes, 0);
	cr_expect_null(script.core.resume->kept);
	cr_expect_eq(script.logged_in_count, 1);
}

Test(core_resume, a_gap_is_told_and_counted_over, .init = log_in, .fini = fini)
{
	tell(SAY);
	tear();
	restart("one", 1);
	resume(0, 5);
	cr_expect_eq(script.lost, 5);
	tell(SAY);
	tear();
	restart("two", 7);
}

Test(core_resume, what_it_reads_is_acknowledged, .init = log_in, .fini = fini)
{
	struct packet packet;
	for (unsigned i = 0; i < CLIENT_CORE_ACKNOWLEDGE_COUNT - 1; i++)
		tell(SAY);
	cr_expect_eq(script.out_bytes, 0);
	tell(SAY);
	struct websocket_frame frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &packet), PACKET_OK);
	cr_expect_eq(packet.opcode, OPCODE_PING_RESULT);
	cr_expect_eq(packet.received, CLIENT_CORE_ACKNOWLEDGE_COUNT);
	tell(SAY);
	script_advance(&script, 5 * NS_PER_S); /* the ping's time */
	frame = script_take_frame(&script);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &packet), PACKET_OK);
	cr_expect_eq(packet.received, CLIENT_CORE_ACKNOWLEDGE_COUNT + 1);
}

Test(core_resume, what_the_server_has_read_is_not_kept, .init = log_in, .fini = fini)
{
	say("a");
	say("b");
	const struct packet ack = {.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = 1};
	script_feed_packet(&script, &ack);
	cr_expect_eq(script.core.resume->kept_count, 1);
	cr_expect_eq(script.message_count, 0);
	const struct packet lie = {.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = 3};
	script_feed_packet(&script, &lie);
	cr_expect_eq(script.core.resume->kept_count, 1);
}

Test(core_resume, who_keeps_too_much_does_not_send, .init = log_in, .fini = fini)
{
	static char text[1000];
	memset(text, 'x', sizeof(text) - 1);
	unsigned count = 0;
	while (say(text) == CLIENT_CORE_SENT_RELIABLE)
		count++;
	cr_expect_eq(count, 3); /* of 1025 bytes each */
	script.out_bytes = 0;
	const struct packet ack = {.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = 1};
	script_feed_packet(&script, &ack);
	cr_expect_eq(say(text), CLIENT_CORE_SENT_RELIABLE);
}

Test(core_resume, what_the_stream_refuses_is_not_kept, .init = log_in, .fini = fini)
{
	script.is_stream_full = true;
	cr_expect_eq(say("a"), CLIENT_CORE_SEND_FULL);
	cr_expect_eq(script.core.resume->kept_count, 0);
	script.is_stream_full = false;
	say("b");
	tear();
	restart("one", 0);
	resume(0, 0);
	expect_said("b");
}

Test(core_resume, fast_messages_do_not_wait, .init = log_in, .fini = fini)
{
	const struct client_core_message message = {.opcode = SAY, .target_player = PROTO_PEER_SERVER, .is_fast_wanted = true};
	tear();
	cr_expect_eq(ringcast_client_core_send(&script.core, &message), CLIENT_CORE_SENT_FAST);
	restart("one", 0);
	resume(0, 0);
	cr_expect_eq(script.out_bytes, 0);
	cr_expect_eq(script.core.counters.datagrams_unsent, 1);
}

Test(core_resume, tries_come_farther_apart_until_the_window_is_over, .init = log_in, .fini = fini)
{
	unsigned tries = 0;
	tear();
	while (script.closed_count == 0) {
		if (ringcast_client_core_is_due(&script.core, script.now_ns)) {
			tries++;
			ringcast_client_core_fail_restart(&script.core, "nobody there", script.now_ns);
		}
		uint64_t deadline_ns = ringcast_client_core_deadline_ns(&script.core);
		cr_assert_lt(tries, 100);
		script_advance(&script, deadline_ns > script.now_ns ? deadline_ns - script.now_ns : 0);
	}
	cr_expect_gt(tries, 5);
	cr_expect_lt(tries, 15);
	cr_expect_eq(script.dropped_count, (int)tries + 1);
	cr_expect_eq(script.close_code, 1006);
	cr_expect_eq(say("x"), CLIENT_CORE_SEND_CLOSED);
}

Test(core_resume, a_refusal_is_the_end, .init = log_in, .fini = fini)
{
	static const uint8_t close[] = {3500 >> 8, 3500 & 0xff};
	tear();
	restart("one", 0);
	script_feed_packet(&script, &(struct packet){.opcode = OPCODE_LOGIN_RESPONSE, .command = PACKET_COMMAND_LOGIN_RESULT});
	script_feed_frame(&script, WEBSOCKET_CLOSE, true, close, sizeof(close));
	cr_expect_eq(script.closed_count, 1);
	cr_expect_eq(script.close_code, 3500);
}

Test(core_resume, another_player_than_it_was_is_not_taken, .init = log_in, .fini = fini)
{
	tear();
	restart("one", 0);
	feed_result(&(struct packet){.login_result = {.peer_id = 4, .is_resumed = true, .reconnect_token = ringcast_view_of("two", 3)}});
	cr_expect_eq(script.resumed_count, 0);
	cr_expect_eq(script.closed_count, 1);
}

Test(core_resume, a_close_is_an_end, .init = log_in, .fini = fini)
{
	static const uint8_t close[] = {3503 >> 8, 3503 & 0xff};
	script_feed_frame(&script, WEBSOCKET_CLOSE, true, close, sizeof(close));
	cr_expect_eq(script.dropped_count, 0);
	cr_expect_eq(script.close_code, 3503);
}

Test(core_resume, no_pong_is_a_drop, .init = log_in, .fini = fini)
{
	static const uint8_t close[] = {3012 >> 8, 3012 & 0xff};
	script_feed_frame(&script, WEBSOCKET_CLOSE, true, close, sizeof(close));
	cr_expect_eq(script.dropped_count, 1);
	cr_expect_eq(script.closed_count, 0);
}

Test(core_resume, who_is_told_to_close_while_broken_off_is_closed, .init = log_in, .fini = fini)
{
	tear();
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	cr_expect_eq(script.closed_count, 1);
	cr_expect_eq(script.close_code, 1000);
}

Test(core_resume, a_server_without_a_window_is_one_without, .fini = fini)
{
	script_start_resumable(&script, KEPT_BYTES_MAX);
	script_login(&script, 1, 0);
	say("a");
	cr_expect_eq(script.core.resume->kept_count, 0);
	tear();
	cr_expect_eq(script.dropped_count, 0);
	cr_expect_eq(script.closed_count, 1);
}

/* Sending again within limits */

enum { QUEUED = 2500, RATE = 2000, STEP_MS = 5 };

static void acknowledge(unsigned count)
{
	script_feed_packet(&script, &(struct packet){.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = (int32_t)count});
}

static void queue_so_many(unsigned count)
{
	char text[16];
	log_in_keeping(1 << 20);
	tear();
	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u", i);
		cr_assert_eq(say(text), CLIENT_CORE_SENT_RELIABLE);
	}
	restart("one", 0);
	resume(0, 0);
	cr_assert_eq(script.resumed_count, 1);
}

static void queue(void) { queue_so_many(QUEUED); }

/* How many it said, each of which must be the next one. */
static unsigned hear(unsigned heard)
{
	char text[16];
	for (; script.out_bytes > 0; heard++) {
		snprintf(text, sizeof(text), "%u", heard);
		expect_said(text);
	}
	return heard;
}

Test(core_resume, what_waited_is_sent_no_faster_than_a_server_acts_upon_it, .init = queue, .fini = fini)
{
	uint64_t level = RATE; /* of a server's limit, in thousandths */
	unsigned heard = 0, refused = 0;
	char last[16];
	level *= 1000;
	snprintf(last, sizeof(last), "%u", QUEUED);
	cr_expect_eq(say(last), CLIENT_CORE_SENT_RELIABLE); /* behind what waits */
	for (unsigned ms = 0; heard <= QUEUED && ms < 10000; ms += STEP_MS) {
		unsigned before = heard;
		heard = hear(heard);
		refused += (heard - before) * UINT64_C(1000) > level;
		level -= refused == 0 ? (heard - before) * UINT64_C(1000) : 0;
		level = level + RATE * STEP_MS < RATE * UINT64_C(1000) ? level + RATE * STEP_MS : RATE * UINT64_C(1000);
		acknowledge(heard - heard % CLIENT_CORE_ACKNOWLEDGE_COUNT);
		script_advance(&script, STEP_MS * NS_PER_MS);
	}
	cr_expect_eq(heard, QUEUED + 1);
	cr_expect_eq(refused, 0);
	cr_expect_eq(ringcast_client_core_resend_due_ns(&script.core), CLIENT_CORE_NEVER);
	say("now");
	expect_said("now"); /* at once again */
}

Test(core_resume, without_acknowledgements_no_more_goes_out, .init = queue, .fini = fini)
{
	unsigned heard = 0;
	for (unsigned i = 0; i < 100; i++) {
		heard = hear(heard);
		if (ringcast_client_core_resend_due_ns(&script.core) == CLIENT_CORE_NEVER)
			break;
		script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS);
	}
	cr_expect_eq(heard, CLIENT_CORE_RESEND_WINDOW);
	acknowledge(QUEUED); /* never sent on this connection: not believed */
	cr_expect_eq(script.core.resume->kept_count, QUEUED);
	acknowledge(heard);
	script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS);
	cr_expect_gt(hear(heard), heard);
}

Test(core_resume, a_stream_that_is_full_is_tried_again, .fini = fini)
{
	log_in();
	say("a");
	tear();
	restart("one", 0);
	script.is_stream_full = true;
	resume(0, 0);
	script.is_stream_full = false;
	say("b");
	script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS);
	expect_said("a");
	expect_said("b");
}

Test(core_resume, who_closes_says_what_is_left_first, .fini = fini)
{
	enum { FEW = 600 };
	queue_so_many(FEW);
	unsigned heard = hear(0);
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	while (heard < FEW) {
		char text[16];
		snprintf(text, sizeof(text), "%u", heard++);
		expect_said(text);
	}
	cr_expect_eq(script_take_frame(&script).opcode, WEBSOCKET_CLOSE);
}

Test(core_resume, a_portion_has_a_bound_of_messages_and_the_next_one_its_time, .init = queue, .fini = fini)
{
	cr_expect_eq(hear(0), CLIENT_CORE_RESEND_COUNT); /* at once */
	uint64_t due_ns = ringcast_client_core_resend_due_ns(&script.core);
	cr_expect_eq(due_ns, script.now_ns + CLIENT_CORE_RESEND_MS * NS_PER_MS);
	cr_expect_eq(ringcast_client_core_deadline_ns(&script.core), due_ns); /* who waits for the client is woken by it */
	script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS - 1);
	cr_expect_eq(script.out_bytes, 0);
	script_advance(&script, 1);
	cr_expect_eq(hear(CLIENT_CORE_RESEND_COUNT), 2 * CLIENT_CORE_RESEND_COUNT);
}

Test(core_resume, a_portion_has_a_bound_of_bytes, .fini = fini)
{
	enum { TEXT_BYTES = 1000, LEAST = CLIENT_CORE_RESEND_BYTES / TEXT_BYTES };
	static char text[TEXT_BYTES + 1];
	unsigned heard = 0;
	memset(text, 'x', TEXT_BYTES);
	log_in_keeping(1 << 20);
	tear();
	for (unsigned i = 0; i < 4 * LEAST; i++)
		say(text);
	restart("one", 0);
	resume(0, 0);
	for (; script.out_bytes > 0; heard++)
		expect_said(text);
	cr_expect_geq(heard, LEAST);
	cr_expect_leq(heard, LEAST + 1);
}

Test(core_resume, nothing_is_said_behind_a_goodbye, .init = queue, .fini = fini)
{
	hear(0);
	script.is_stream_full = true; /* so that the rest does not go out before it */
	ringcast_client_core_close(&script.core, 1000, script.now_ns);
	script.is_stream_full = false;
	cr_expect_eq(script_take_frame(&script).opcode, WEBSOCKET_CLOSE);
	cr_expect_eq(ringcast_client_core_resend_due_ns(&script.core), CLIENT_CORE_NEVER);
	script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS);
	cr_expect_eq(script.out_bytes, 0);
}

/* What was kept while it was broken comes once, behind what was, whatever of the portions had gone out. */
Test(core_resume, a_break_in_the_middle_of_sending_again, .init = queue, .fini = fini)
{
	unsigned heard = hear(0);
	char last[16];
	tear();
	snprintf(last, sizeof(last), "%u", QUEUED);
	cr_expect_eq(say(last), CLIENT_CORE_SENT_RELIABLE);
	restart("two", 0);
	resume(heard, 0);
	for (unsigned i = 0; heard <= QUEUED && i < QUEUED; i++) {
		heard = hear(heard);
		acknowledge(heard);
		script_advance(&script, CLIENT_CORE_RESEND_MS * NS_PER_MS);
	}
	cr_expect_eq(heard, QUEUED + 1);
}
