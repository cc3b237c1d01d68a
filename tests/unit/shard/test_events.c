/* The event log: who came, who was refused and why, who went; and that nobody can write into it or flood it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "session/session.h"
#include "shard/events.h"
#include "stand.h"

enum { LOG_BYTES = 1 << 18 };

static struct stand stand;
static char heard[LOG_BYTES];
static size_t heard_bytes;

static void sink(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	(void)context;
	cr_assert_eq(level, LOG_INFO);
	heard_bytes += (size_t)snprintf(heard + heard_bytes, LOG_BYTES - heard_bytes, "%s: %s %s\n", component, message, fields);
	cr_assert_lt(heard_bytes, LOG_BYTES);
}

static unsigned count_of(const char *part)
{
	unsigned count = 0;
	for (const char *at = heard; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static void set_up(uint32_t events_per_second)
{
	struct ringcast_limits limits = stand_limits();
	limits.events_per_second = events_per_second;
	heard_bytes = 0;
	heard[0] = 0;
	ringcast_log_set_sink(sink, NULL, LOG_DEBUG);
	stand_start(&stand, &limits, 1 << 16);
}

static void tear_down(void)
{
	stand_stop(&stand);
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

Test(events, a_players_life_is_told, .timeout = 60)
{
	char expected[200];
	set_up(50);
	struct session *session = stand_session(&stand);
	struct seat *player = stand_join(&stand, session, 7);
	snprintf(expected, sizeof(expected), "session: player logged in event=login shard=0 address=10.0.0.7:2000 session=%s peer=1 encrypted=false\n",
		 session->id);
	cr_expect_eq(count_of(expected), 1, "%s", heard);
	stand_write(&stand, player, WEBSOCKET_CLOSE, "\x03\xe8", 2);
	stand_run(&stand, 10);
	snprintf(expected, sizeof(expected), "session: player left event=leave shard=0 address=10.0.0.7:2000 session=%s peer=1 reason=client origin=client\n",
		 session->id);
	cr_expect_eq(count_of(expected), 1, "%s", heard);
	cr_expect_eq(count_of("event=session_start"), 1);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, stand.shard->now_ns);
	cr_expect_eq(count_of("session: session ended event=session_end"), 1);
	cr_expect_eq(count_of("reason=session_ended origin=script"), 1, "%s", heard);
	tear_down();
}

Test(events, a_kick_is_told_with_its_words_and_who_said_them, .timeout = 60)
{
	set_up(50);
	struct session *session = stand_session(&stand);
	struct seat *player = stand_join(&stand, session, 7);
	stand.shard->store.origin = "api";
	cr_assert_eq(ringcast_command_kick(session, player->peer_id, "bad \"words\"\nevent=login"), DROP_NONE);
	stand.shard->store.origin = NULL;
	stand_run(&stand, 200);
	cr_expect_eq(count_of("event=kick"), 1, "%s", heard);
	cr_expect_eq(count_of("reason=kicked origin=api text=\"bad \\\"words\\\".event=login\"\n"), 1, "%s", heard);
	cr_expect_eq(count_of("\nevent="), 0);
	tear_down();
}

Test(events, a_refusal_is_told_with_its_remedy, .timeout = 60)
{
	set_up(50);
	struct seat *stranger = stand_connect(&stand, 9);
	struct packet login = {.opcode = OPCODE_LOGIN, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_LOGIN,
			       .login = {.player_session_id = ringcast_view_of("psess-1234", 10), .client_version = PROTO_CLIENT_VERSION}};
	stand_upgrade(&stand, stranger);
	stand_send(&stand, stranger, &login);
	stand_run(&stand, 10);
	cr_expect_eq(count_of("session: login refused event=refused shard=0 address=10.0.0.9:2000 reason=bad_token remedy=\"reserve a place"), 1, "%s", heard);
	cr_expect_eq(count_of("event=not_admitted"), 0); /* told once */
	tear_down();
}

Test(events, garbage_is_told_with_where_it_came_from, .timeout = 60)
{
	set_up(50);
	struct seat *stranger = stand_connect(&stand, 9);
	ringcast_sim_stream_write(stand.network, stranger->stream, "GET / HTTP/1.1\r\n\r\n", 18);
	stand_run(&stand, 10);
	cr_expect_eq(count_of("connection: bytes that are not the protocol event=garbage shard=0 address=10.0.0.9:2000 reason=malformed\n"), 1, "%s", heard);
	tear_down();
}

Test(events, one_address_does_not_keep_others_from_being_told, .timeout = 60)
{
	enum { TRIES = 200, PER_SECOND = 20 };
	set_up(PER_SECOND);
	for (int i = 0; i < TRIES; i++) {
		struct seat *stranger = stand_connect(&stand, 9);
		ringcast_sim_stream_write(stand.network, stranger->stream, "GET / HTTP/1.1\r\n\r\n", 18);
	}
	stand_run(&stand, 20);
	cr_expect_eq(count_of("event=garbage"), PER_SECOND / 10, "%s", heard);
	struct seat *other = stand_connect(&stand, 10);
	ringcast_sim_stream_write(stand.network, other->stream, "GET / HTTP/1.1\r\n\r\n", 18);
	stand_run(&stand, 10);
	cr_expect_eq(count_of("address=10.0.0.10:"), 1, "%s", heard);
	stand_run(&stand, 1000);
	struct seat *again = stand_connect(&stand, 9);
	ringcast_sim_stream_write(stand.network, again->stream, "GET / HTTP/1.1\r\n\r\n", 18);
	stand_run(&stand, 10);
	cr_expect_eq(count_of("suppressed=198\n"), 1, "%s", heard);
	tear_down();
}

Test(events, all_of_one_kind_are_bounded, .timeout = 60)
{
	enum { TRIES = 100, PER_SECOND = 20 };
	set_up(PER_SECOND);
	for (int i = 0; i < TRIES; i++) {
		struct seat *stranger = stand_connect(&stand, (uint8_t)(20 + i));
		ringcast_sim_stream_write(stand.network, stranger->stream, "GET / HTTP/1.1\r\n\r\n", 18);
	}
	stand_run(&stand, 20);
	cr_expect_leq(count_of("event=garbage"), PER_SECOND);
	cr_expect_gt(count_of("event=garbage"), PER_SECOND / 2);
	tear_down();
}

Test(events, none_when_none_are_wanted, .timeout = 60)
{
	set_up(0);
	stand_join(&stand, stand_session(&stand), 7);
	tear_down();
	cr_expect_eq(heard_bytes, 0, "%s", heard);
}

Test(events, text_from_outside_cannot_leave_its_quotes)
{
	char quoted[24];
	cr_expect_str_eq(ringcast_event_quote("a\"b\\c", quoted, sizeof(quoted)), "\"a\\\"b\\\\c\"");
	cr_expect_str_eq(ringcast_event_quote("a\nb\r\x1b[0m\xff", quoted, sizeof(quoted)), "\"a.b..[0m.\"");
	cr_expect_str_eq(ringcast_event_quote("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", quoted, 8), "\"\\\"\\\"\"");
}
