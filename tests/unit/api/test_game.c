/* A game in callbacks: what it is told, in which order, what it may read and do, and answers that it gives later. On both ways to do I/O. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../last_words.h"
#include "both.h"
#include "stage.h"

static struct stage stage;

static void begin(ringcast_io io)
{
	ringcast_engine_options options = {.size = sizeof(options), .io = io};
	stage_start(&stage, &options, NULL);
}

static void begin_with(ringcast_io io, ringcast_session_options session)
{
	ringcast_engine_options options = {.size = sizeof(options), .io = io};
	session.size = sizeof(session);
	stage_start(&stage, &options, &session);
}

static int say(ringcast_session *session, int32_t opcode, int32_t player, int32_t group, const char *words)
{
	ringcast_message message = {
		.opcode = opcode,
		.sender = RINGCAST_PEER_SERVER,
		.target_player = player,
		.target_group = group,
		.intent = RINGCAST_RELIABLE,
		.payload = (const uint8_t *)words,
		.payload_bytes = strlen(words),
	};
	return ringcast_session_send(session, &message);
}

/* What it is told */

BOTH(told, everything_in_its_order)
{
	begin(io);
	stage_enter(&stage, 0, "hello");
	stage_enter(&stage, 1, "");
	stage_say(&stage, 0, 5, RINGCAST_PEER_SERVER, 0, "to the server");
	stage_say(&stage, 0, 6, 2, 0, "to two");
	ringcast_client_join(stage.actors[0].client, 7);
	stage_say(&stage, 0, 7, 0, 7, "to my group");
	stage_say(&stage, 0, 8, 0, RINGCAST_GROUP_ALL, "to all");
	ringcast_client_leave(stage.actors[0].client, 7);
	stage_fence(&stage, 0);
	stage_leave(&stage, 0);
	stage_fence(&stage, 1);
	cr_assert_str_eq(stage.actors[1].heard, "6 from 1 'to two'\n8 from 1 'to all'\n");
	cr_assert_eq(ringcast_session_end(stage.engine, stage.session), RINGCAST_OK);
	stage_until(&stage, stage.actors[1].is_gone);
	cr_assert_eq(stage.actors[1].close_code, 3502);
	stage_stop(&stage);
	stage_expect_log("started\n"
			 "connect 1 'hello'\naccepted 1\n"
			 "connect 2 ''\naccepted 2\n"
			 "message 5 from 1 player -1 group 0 reliable 'to the server'\n"
			 "send_to_player 6 from 1 player 2 group 0 reliable 'to two'\n"
			 "join 7 by 1\n"
			 "send_to_group 7 from 1 player 0 group 7 reliable 'to my group'\n"
			 "send_to_group 8 from 1 player 0 group -1 reliable 'to all'\n"
			 "leave 7 by 1\n"
			 "disconnected 1 client\n"
			 "disconnected 2 session_ended\nended session_ended\n");
}

static ringcast_verdict no_connect(ringcast_session *session, int32_t peer)
{
	return RINGCAST_DENY;
}

BOTH(told, a_denied_player_never_was)
{
	game.connect = no_connect;
	begin(io);
	stage_enter(&stage, 0, "let me in");
	cr_assert_eq(stage.actors[0].peer_id, 0);
	cr_assert_eq(stage.actors[0].close_code, 3507);
	stage_stop(&stage);
	stage_expect_log("started\nconnect 1 'let me in'\nterminate soon\nended shutdown\n");
}

static ringcast_verdict no_group(ringcast_session *session, int32_t group, int32_t peer)
{
	return group == 7 ? RINGCAST_ALLOW : RINGCAST_DENY;
}

static ringcast_verdict no_send(ringcast_session *session, const ringcast_message *message)
{
	return message->payload_bytes > 3 ? RINGCAST_DENY : (ringcast_verdict)42; /* every other value counts as DENY */
}

BOTH(told, no_is_obeyed)
{
	game.group = no_group;
	game.send = no_send;
	begin(io);
	stage_enter(&stage, 0, "");
	ringcast_client_join(stage.actors[0].client, 8);
	ringcast_client_join(stage.actors[0].client, 7);
	stage_say(&stage, 0, 5, 0, 7, "long words");
	stage_say(&stage, 0, 5, 0, 7, "odd");
	stage_fence(&stage, 0);
	cr_assert_str_eq(stage.actors[0].heard, "list 7: 1\n");
	stage_stop(&stage);
}

/* What it may read */

static char seen[4096];

static void look(ringcast_session *session, int32_t peer)
{
	char token[RINGCAST_ID_BYTES], id[RINGCAST_ID_BYTES];
	int32_t peers[4];
	snprintf(id, sizeof(id), "%s", ringcast_session_id(session));
	cr_assert_str_eq(id, (const char *)ringcast_session_user(session));
	cr_assert_eq(ringcast_session_player_token(session, peer, token), RINGCAST_OK);
	cr_assert_eq(strncmp(token, "psess-", 6), 0);
	cr_assert_eq(ringcast_session_player_token(session, 99, token), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_null(ringcast_session_player_id(session, 99));
	cr_assert_null(ringcast_session_player_data(session, 99));
	cr_assert_not(ringcast_session_player_is_fast(session, 99));
	cr_assert_gt(ringcast_session_now_ns(session), 0);
	size_t size = strlen(seen);
	snprintf(seen + size, sizeof(seen) - size, "%zu in, %d is '%s' with '%s' in '%s'\n", ringcast_session_players(session, peers, 4), peer,
		 ringcast_session_player_id(session, peer), ringcast_session_player_data(session, peer), ringcast_session_properties(session));
}

static ringcast_verdict look_at_connect(ringcast_session *session, int32_t peer)
{
	look(session, peer);
	return RINGCAST_ALLOW;
}

static void remember_id(ringcast_session *session)
{
	static char id[RINGCAST_ID_BYTES];
	cr_assert_null(ringcast_session_user(session));
	snprintf(id, sizeof(id), "%s", ringcast_session_id(session));
	ringcast_session_set_user(session, id);
}

static size_t data_bytes;
static uint32_t data_sum;

static void measure(ringcast_session *session)
{
	const char *data = ringcast_session_properties(session);
	data_sum = 0;
	data_bytes = strlen(data);
	for (size_t i = 0; i < data_bytes; i++)
		data_sum = data_sum * 31 + (unsigned char)data[i];
}

static void begin_with_data(char *data, size_t bytes, int expected)
{
	ringcast_session_options options = {.size = sizeof(options), .properties = data};
	char id[RINGCAST_ID_BYTES];
	uint32_t sum = 0;
	for (size_t i = 0; i < bytes; i++) {
		data[i] = (char)('a' + i % 23);
		sum = sum * 31 + (unsigned char)data[i];
	}
	data[bytes] = '\0';
	cr_assert_eq(ringcast_session_create(stage.engine, &options, id), expected);
	if (expected != RINGCAST_OK)
		return;
	cr_assert_eq(data_bytes, bytes);
	cr_assert_eq(data_sum, sum);
	cr_assert_eq(ringcast_session_end(stage.engine, id), RINGCAST_OK);
}

BOTH(read, session_data_of_any_length_up_to_the_bound)
{
	static char data[RINGCAST_SESSION_DATA_BYTES + 1];
	game.started = measure;
	begin(io);
	begin_with_data(data, 0, RINGCAST_OK);
	begin_with_data(data, 262144, RINGCAST_OK);
	begin_with_data(data, RINGCAST_SESSION_DATA_BYTES - 1, RINGCAST_OK);
	begin_with_data(data, RINGCAST_SESSION_DATA_BYTES, RINGCAST_ERROR_ARGUMENT);
	stage_stop(&stage);
}

BOTH(read, players_and_session)
{
	game.started = remember_id;
	game.connect = look_at_connect;
	game.accepted = look;
	begin_with(io, (ringcast_session_options){.properties = "{\"map\":3}"});
	stage_connect(&stage, 0, "alice", "");
	stage_until(&stage, stage.actors[0].peer_id != 0);
	stage_fence(&stage, 0);
	stage_stop(&stage);
	cr_assert_str_eq(seen, "0 in, 1 is 'alice' with 'some data' in '{\"map\":3}'\n1 in, 1 is 'alice' with 'some data' in '{\"map\":3}'\n");
}

static void tell_speed(ringcast_session *session, const ringcast_message *message)
{
	say(session, 6, message->sender, 0, ringcast_session_player_is_fast(session, message->sender) ? "fast" : "slow");
}

BOTH(read, whether_a_player_has_udp)
{
	game.message = tell_speed;
	begin(io);
	stage_enter(&stage, 0, "");
	stage_until(&stage, stage.actors[0].is_fast);
	do { /* the client's last ack of the handshake is a datagram and may be overtaken */
		stage_say(&stage, 0, 5, RINGCAST_PEER_SERVER, 0, "");
		stage_fence(&stage, 0);
	} while (!stage_has_heard(&stage.actors[0], "6 from -1 'fast'\n"));
	stage_stop(&stage);
}

/* On whichever shard the kernel has put it: home, where games run, is told. */
BOTH(read, whether_a_player_on_any_shard_has_udp)
{
	ringcast_engine_options options = stage_small();
	game.message = tell_speed;
	options.io = io;
	options.shard_count = 2;
	stage_start(&stage, &options, &(ringcast_session_options){.size = sizeof(ringcast_session_options), .spread = RINGCAST_SPREAD_ALWAYS});
	for (int i = 0; i < ACTORS; i++)
		stage_enter(&stage, i, "");
	for (int i = 0; i < ACTORS; i++) {
		stage_until(&stage, stage.actors[i].is_fast);
		do {
			stage_say(&stage, i, 5, RINGCAST_PEER_SERVER, 0, "");
			stage_fence(&stage, i);
		} while (!stage_has_heard(&stage.actors[i], "6 from -1 'fast'\n"));
	}
	stage_stop(&stage);
}

/* What it may do */

static ringcast_verdict greet(ringcast_session *session, int32_t peer)
{
	cr_assert_eq(say(session, 8, peer, 0, "welcome"), RINGCAST_OK);
	cr_assert_eq(ringcast_session_join(session, 7, peer), RINGCAST_OK);
	return RINGCAST_ALLOW;
}

static void obey(ringcast_session *session, const ringcast_message *message)
{
	int32_t peer = message->payload[0] - '0';
	switch (message->opcode) {
	case 1:
		cr_assert_eq(ringcast_session_kick(session, peer, "too loud"), RINGCAST_OK);
		break;
	case 2:
		cr_assert_eq(ringcast_session_leave(session, 7, peer), RINGCAST_OK);
		break;
	case 3:
		cr_assert_eq(ringcast_session_broadcast_membership(session, RINGCAST_GROUP_ALL, 7), RINGCAST_OK);
		break;
	case 4:
		cr_assert_eq(ringcast_session_finish(session), RINGCAST_OK);
		break;
	}
}

BOTH(act, greet_move_list_kick_and_finish)
{
	game.connect = greet;
	game.message = obey;
	begin(io);
	stage_enter(&stage, 0, "");
	stage_enter(&stage, 1, "");
	stage_fence(&stage, 0);
	stage_fence(&stage, 1);
	cr_assert_str_eq(stage.actors[1].heard, "8 from -1 'welcome'\nlist 7: 1 2\n");
	cr_assert_str_eq(stage.actors[0].heard, "8 from -1 'welcome'\nlist 7: 1\nlist 7: 1 2\n");
	stage_say(&stage, 0, 2, RINGCAST_PEER_SERVER, 0, "1");
	stage_say(&stage, 0, 3, RINGCAST_PEER_SERVER, 0, "0");
	stage_say(&stage, 0, 1, RINGCAST_PEER_SERVER, 0, "2");
	stage_until(&stage, stage.actors[1].is_gone);
	cr_assert_eq(stage.actors[1].close_code, 3503);
	cr_assert_str_eq(stage.actors[1].close_reason, "too loud");
	cr_assert_str_eq(stage.actors[1].heard, "8 from -1 'welcome'\nlist 7: 1 2\nlist 7: 2\nlist -1: 1 2\n");
	stage_say(&stage, 0, 4, RINGCAST_PEER_SERVER, 0, "0");
	stage_until(&stage, stage.actors[0].is_gone);
	cr_assert_eq(stage.actors[0].close_code, 3502);
	stage_stop(&stage);
}

static char logged[512];

static void take_log(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields)
{
	if (strcmp(component, "game") == 0)
		snprintf(logged, sizeof(logged), "%d %s %s", level, message, fields);
}

static void misuse(ringcast_session *session)
{
	ringcast_message message = {.opcode = 0, .target_player = 1};
	static uint8_t large[4097];
	cr_assert_eq(ringcast_session_send(session, &message), RINGCAST_ERROR_ARGUMENT, "a login");
	message = (ringcast_message){.opcode = 5, .target_player = 1, .payload = large, .payload_bytes = sizeof(large)};
	cr_assert_eq(ringcast_session_send(session, &message), RINGCAST_ERROR_ARGUMENT, "too large");
	cr_assert_eq(ringcast_session_cancel_timer(session, 3), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_session_answer(session, 3, RINGCAST_LATER), RINGCAST_ERROR_ARGUMENT);
	cr_assert_eq(ringcast_session_answer(session, 3, RINGCAST_ALLOW), RINGCAST_OK, "nobody waits for that, which is no mistake");
	ringcast_session_log(session, RINGCAST_LOG_WARN, "this is the game");
}

Test(act, mistakes_are_told_and_logs_are_kept)
{
	ringcast_engine_options options = {.size = sizeof(options), .log = take_log};
	char expected[512];
	game.started = misuse;
	stage_start(&stage, &options, NULL);
	stage_stop(&stage);
	snprintf(expected, sizeof(expected), "%d this is the game session=%s", RINGCAST_LOG_WARN, stage.session);
	cr_assert_str_eq(logged, expected);
}

static void set_timers(ringcast_session *session)
{
	cr_assert_eq(ringcast_session_set_timer(session, 1, 3000000), RINGCAST_OK);
	cr_assert_eq(ringcast_session_set_timer(session, 2, 1000000), RINGCAST_OK);
	cr_assert_eq(ringcast_session_set_timer(session, 4, 2000000), RINGCAST_OK);
	cr_assert_eq(ringcast_session_cancel_timer(session, 4), RINGCAST_OK);
}

static void chain_timers(ringcast_session *session, uint32_t timer)
{
	if (timer == 1)
		ringcast_session_set_timer(session, 3, 0);
}

BOTH(act, timers)
{
	game.started = set_timers;
	game.timer = chain_timers;
	begin(io);
	stage_until(&stage, stage_has_log("timer 3\n"));
	stage_expect_log("started\ntimer 2\ntimer 1\ntimer 3\n");
	stage_stop(&stage);
}

static int tick_count;

static void count_tick(ringcast_session *session)
{
	if (++tick_count == 3)
		ringcast_session_finish(session);
}

BOTH(act, ticks)
{
	game.tick = count_tick;
	begin_with(io, (ringcast_session_options){.tick_interval_ms = 5});
	stage_until(&stage, stage_has_log("ended session_ended\n"));
	cr_assert_eq(tick_count, 3);
	stage_stop(&stage);
}

static void hold(ringcast_session *session)
{
	cr_assert_eq(ringcast_session_hold(session), RINGCAST_OK);
}

static bool may_activate;

static void activate_later(ringcast_session *session)
{
	cr_assert_eq(ringcast_session_hold(session), RINGCAST_ERROR_STATE);
	if (__atomic_exchange_n(&may_activate, false, __ATOMIC_ACQ_REL))
		cr_assert_eq(ringcast_session_activate(session), RINGCAST_OK);
}

static bool is_in_state(const char *state)
{
	ringcast_session_info info;
	cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	return strcmp(info.state, state) == 0;
}

BOTH(act, a_start_that_takes_its_time)
{
	game.started = hold;
	game.tick = activate_later;
	begin_with(io, (ringcast_session_options){.tick_interval_ms = 5});
	cr_assert(is_in_state("activating"));
	__atomic_store_n(&may_activate, true, __ATOMIC_RELEASE);
	stage_until(&stage, is_in_state("active"));
	stage_stop(&stage);
}

BOTH(act, a_start_that_takes_too_long)
{
	game.started = hold;
	begin_with(io, (ringcast_session_options){.activation_timeout_ms = 20});
	stage_until(&stage, stage_has_log("ended activation\n"));
	stage_stop(&stage);
}

static ringcast_verdict be_sick(ringcast_session *session)
{
	return RINGCAST_DENY;
}

BOTH(act, a_sick_session_ends)
{
	ringcast_engine_options options = {.size = sizeof(options), .io = io};
	game.health = be_sick;
	ringcast_limits_default(&options.limits);
	options.limits.health_interval_ms = 5;
	stage_start(&stage, &options, NULL);
	stage_until(&stage, stage_has_log("ended unhealthy\n"));
	stage_expect_log("started\nhealth\nhealth\nhealth\nended unhealthy\n");
	stage_stop(&stage);
}

/* Answers that come later */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
enum { CROWD_ROUNDS = 8 };
static uint64_t tickets[ACTORS * CROWD_ROUNDS];
static int ticket_count;

static ringcast_verdict take_ticket(ringcast_session *session)
{
	pthread_mutex_lock(&lock);
	tickets[ticket_count++] = ringcast_session_ticket(session);
	pthread_mutex_unlock(&lock);
	return RINGCAST_LATER;
}

static ringcast_verdict connect_later(ringcast_session *session, int32_t peer)
{
	say(session, 8, peer, 0, "wait a moment"); /* comes with the login, not before */
	return take_ticket(session);
}

static ringcast_verdict send_later(ringcast_session *session, const ringcast_message *message)
{
	return take_ticket(session);
}

static ringcast_verdict group_later(ringcast_session *session, int32_t group, int32_t peer)
{
	return take_ticket(session);
}

static int given(void)
{
	pthread_mutex_lock(&lock);
	int count = ticket_count;
	pthread_mutex_unlock(&lock);
	return count;
}

static int answer(int index, ringcast_verdict verdict)
{
	pthread_mutex_lock(&lock);
	uint64_t ticket = tickets[index];
	pthread_mutex_unlock(&lock);
	return ringcast_session_answer_post(stage.engine, stage.session, ticket, verdict);
}

BOTH(later, a_login_waits)
{
	ringcast_session_info info;
	game.connect = connect_later;
	begin(io);
	for (int i = 0; i < 3; i++) {
		stage_connect(&stage, i, NULL, "");
		stage_until(&stage, given() == i + 1);
	}
	cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	cr_assert_eq(info.parked_count, 6, "three logins, and three greetings behind them");
	cr_assert_eq(answer(1, RINGCAST_DENY), RINGCAST_OK);
	cr_assert_eq(answer(2, RINGCAST_ALLOW), RINGCAST_OK);
	cr_assert_eq(answer(0, RINGCAST_ALLOW), RINGCAST_OK);
	cr_assert_eq(answer(0, RINGCAST_ALLOW), RINGCAST_ERROR_NOT_FOUND);
	stage_until(&stage, stage.actors[0].peer_id == 1 && stage.actors[2].peer_id == 3 && stage.actors[1].is_gone);
	cr_assert_eq(stage.actors[1].close_code, 3507);
	cr_assert_eq(stage.actors[1].peer_id, 0);
	for (int i = 0; i < 3; i += 2) {
		stage_fence(&stage, i);
		cr_assert_str_eq(stage.actors[i].heard, "8 from -1 'wait a moment'\n");
	}
	stage_until(&stage, stage.actors[0].is_fast && stage.actors[2].is_fast);
	stage_stop(&stage);
}

BOTH(later, no_answer_is_an_answer)
{
	game.connect = connect_later;
	begin_with(io, (ringcast_session_options){.answer_timeout_ms = 5});
	stage_enter(&stage, 0, "");
	cr_assert_eq(stage.actors[0].close_code, 3507);
	cr_assert_eq(answer(0, RINGCAST_ALLOW), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
}

BOTH(later, no_answer_may_be_a_yes)
{
	game.connect = connect_later;
	begin_with(io, (ringcast_session_options){.answer_timeout_ms = 5, .is_late_allowed = true});
	cr_assert_eq(stage_enter(&stage, 0, "")->peer_id, 1);
	stage_stop(&stage);
}

BOTH(later, a_client_that_gives_up_is_forgotten)
{
	game.connect = connect_later;
	begin(io);
	stage_connect(&stage, 0, NULL, "");
	stage_until(&stage, given() == 1);
	ringcast_client_destroy(&stage.actors[0].client);
	ringcast_session_info info = {.player_count = 1};
	while (info.player_count == 1)
		cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	cr_assert_eq(answer(0, RINGCAST_ALLOW), RINGCAST_ERROR_NOT_FOUND);
	stage_stop(&stage);
}

BOTH(later, a_stop_answers_who_waits)
{
	game.connect = connect_later;
	begin(io);
	stage_connect(&stage, 0, NULL, "");
	stage_until(&stage, given() == 1);
	stage_halt(&stage);
	stage_until(&stage, stage.actors[0].is_gone);
	cr_assert_eq(stage.actors[0].close_code, 3016);
	stage_stop(&stage);
}

BOTH(later, messages_wait_in_line)
{
	game.send = send_later;
	game.group = group_later;
	begin(io);
	stage_enter(&stage, 0, "");
	stage_enter(&stage, 1, "");
	stage_say(&stage, 0, 5, 2, 0, "first");
	stage_say(&stage, 0, 6, RINGCAST_PEER_SERVER, 0, "second");
	ringcast_client_join(stage.actors[0].client, 7);
	stage_say(&stage, 0, 5, 2, 0, "last");
	stage_until(&stage, given() == 1);
	stage_fence(&stage, 1); /* the other goes on */
	cr_assert_str_eq(stage.actors[1].heard, "");
	cr_assert_not(stage_has_log("message 6"));
	cr_assert_eq(answer(0, RINGCAST_ALLOW), RINGCAST_OK);
	stage_until(&stage, given() == 2);
	cr_assert(stage_has_log("message 6 from 1 player -1 group 0 reliable 'second'\njoin 7 by 1\n"));
	cr_assert_eq(answer(1, RINGCAST_DENY), RINGCAST_OK);
	stage_until(&stage, given() == 3);
	cr_assert_eq(answer(2, RINGCAST_ALLOW), RINGCAST_OK);
	stage_until(&stage, stage_has_heard(&stage.actors[1], "'last'"));
	cr_assert_str_eq(stage.actors[1].heard, "5 from 1 'first'\n5 from 1 'last'\n");
	stage_stop(&stage);
}

/* Of each eight: three are let in, three are not, two go before they know; what they send behind their login is heard from those who are in. */
static void crowd_round(int round)
{
	int first = given();
	for (int i = 0; i < ACTORS; i++)
		stage_connect(&stage, i, NULL, "");
	stage_until(&stage, given() == first + ACTORS);
	ringcast_client_destroy(&stage.actors[6].client);
	ringcast_client_destroy(&stage.actors[7].client);
	for (int i = 0; i < ACTORS; i++) {
		/* peer ids are in the order of the questions, clients are not: who asked is known by the answer it gets */
		int result = answer(first + (i + round) % ACTORS, i % 2 == 0 ? RINGCAST_ALLOW : RINGCAST_DENY);
		cr_assert(result == RINGCAST_OK || result == RINGCAST_ERROR_NOT_FOUND);
	}
	for (int i = 0; i < 6; i++)
		stage_until(&stage, stage.actors[i].peer_id != 0 || stage.actors[i].is_gone);
	for (int i = 0; i < 6; i++) {
		if (stage.actors[i].is_gone)
			cr_assert_eq(stage.actors[i].close_code, 3507);
		else
			stage_fence(&stage, i);
	}
}

BOTH(later, a_crowd_of_logins_on_the_other_shard)
{
	ringcast_engine_options options = {.size = sizeof(options), .io = io, .shard_count = 2};
	ringcast_session_options session = {.size = sizeof(session), .has_shard = true, .shard = 1, .players_max = 1000};
	ringcast_session_info info;
	game.connect = connect_later;
	stage_start(&stage, &options, &session);
	for (int round = 0; round < CROWD_ROUNDS; round++)
		crowd_round(round);
	for (int i = 0; i < ACTORS; i++)
		ringcast_client_destroy(&stage.actors[i].client);
	do
		cr_assert_eq(ringcast_session_describe(stage.engine, stage.session, &info), RINGCAST_OK);
	while (info.player_count > 0);
	cr_assert_eq(info.parked_count, 0);
	stage_stop(&stage);
}

static void answer_in_tick(ringcast_session *session)
{
	for (int i = 0; i < given(); i++)
		cr_assert_eq(ringcast_session_answer(session, tickets[i], RINGCAST_ALLOW), RINGCAST_OK);
}

BOTH(later, a_callback_may_answer)
{
	game.connect = connect_later;
	game.tick = answer_in_tick;
	begin_with(io, (ringcast_session_options){.tick_interval_ms = 2});
	cr_assert_eq(stage_enter(&stage, 0, "")->peer_id, 1);
	stage_stop(&stage);
}

/* Mistakes that would corrupt are stopped */

static ringcast_session *kept;

static void keep(ringcast_session *session)
{
	kept = session;
}

static void ask_from_a_foreign_thread(void)
{
	game.started = keep;
	begin(RINGCAST_IO_EPOLL);
	ringcast_session_id(kept);
}

Test(proof, a_foreign_thread_is_stopped)
{
	assert_dies_of(ask_from_a_foreign_thread, "assertion failed: own->store == thread_store");
}

static void ticket_for_nothing(ringcast_session *session)
{
	ringcast_session_ticket(session);
}

static void start_with_a_ticket(void)
{
	game.started = ticket_for_nothing;
	begin(RINGCAST_IO_EPOLL);
	stage_until(&stage, false);
}

Test(proof, a_ticket_without_a_question_is_stopped)
{
	assert_dies_of(start_with_a_ticket, "assertion failed: session->is_asking");
}

static ringcast_verdict later_without_ticket(ringcast_session *session, int32_t peer)
{
	return RINGCAST_LATER;
}

static void enter_without_a_ticket(void)
{
	game.connect = later_without_ticket;
	begin(RINGCAST_IO_EPOLL);
	stage_enter(&stage, 0, "");
	stage_until(&stage, false);
}

Test(proof, later_without_a_ticket_is_stopped)
{
	assert_dies_of(enter_without_a_ticket, "assertion failed: verdict != VERDICT_LATER || session->ticket != 0");
}
