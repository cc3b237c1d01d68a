/* The rules of a player's UDP side, plain and in an association. */
#include <criterion/criterion.h>
#include <signal.h>

#include "proto/packet.h"
#include "transport/fast_path.h"

static const struct address home = {.port = 1000}, elsewhere = {.port = 1001};

static uint32_t now_ms; /* each test is a process of its own */

static enum fast_event receive(struct fast_path *path, const struct address *from, int32_t opcode, int32_t sequence, enum drop_reason *ret_drop)
{
	struct packet packet = {.opcode = opcode, .sequence = sequence};
	struct fast_arrival arrival = {.from = from, .now_ms = now_ms};
	return ringcast_fast_path_receive(path, &arrival, &packet, ret_drop);
}

static enum fast_event receive_secure(struct fast_path *path, int32_t sequence, enum drop_reason *ret_drop)
{
	struct packet packet = {.opcode = 7, .sequence = sequence};
	return ringcast_fast_path_receive_secure(path, &packet, now_ms, ret_drop);
}

Test(fast_path, plain_handshake)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 0);
	cr_assert_eq(receive(&path, &home, 5, 0, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_BAD_STATE);
	cr_assert_eq(receive(&path, &home, OPCODE_UDP_CONNECT, 0, &drop), FAST_GREET);
	cr_assert_eq(path.state, FAST_GREETED);
	cr_assert_eq(receive(&path, &elsewhere, 5, 1, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_WRONG_ADDRESS);
	cr_assert_eq(receive(&path, &home, OPCODE_UDP_CONNECT_CLIENT_ACK, 1, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_NONE);
	cr_assert_eq(path.state, FAST_UP);
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_DELIVER);
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_STALE_SEQUENCE);
}

Test(fast_path, any_packet_counts_as_the_acknowledgement_that_was_lost)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 0);
	receive(&path, &home, OPCODE_UDP_CONNECT, 0, &drop);
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_DELIVER);
	cr_assert_eq(path.state, FAST_UP);
}

static void come_up(struct fast_path *path)
{
	enum drop_reason drop;
	ringcast_fast_path_open(path, 0);
	receive(path, &home, OPCODE_UDP_CONNECT, 0, &drop);
	receive(path, &home, OPCODE_UDP_CONNECT_CLIENT_ACK, 1, &drop);
	cr_assert_eq(path->state, FAST_UP);
}

/* Three packets from there, each newer than the one before; true: the last one was taken. */
static bool knock(struct fast_path *path, const struct address *from, int32_t opcode, int32_t sequence)
{
	enum fast_event event = FAST_IGNORE;
	enum drop_reason drop;
	for (int32_t i = 0; i < FAST_MOVE_PACKETS; i++) {
		cr_assert_eq(event, FAST_IGNORE);
		event = receive(path, from, opcode, sequence + i, &drop);
	}
	return event != FAST_IGNORE;
}

Test(fast_path, one_datagram_moves_nobody_however_long_the_silence)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	now_ms = 1000000;
	cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT, 2, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_WRONG_ADDRESS);
	for (int i = 0; i < 10; i++) /* nor do its copies */
		cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT, 2, &drop), FAST_IGNORE);
	cr_assert_eq(path.address.port, home.port);
	cr_assert_eq(path.state, FAST_LOST, "in doubt messages take the stream");
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_DELIVER, "the player is where it was");
	cr_assert_eq(path.state, FAST_UP);
}

Test(fast_path, a_player_behind_a_new_port_is_followed_without_a_hello)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	cr_assert_not(knock(&path, &elsewhere, 5, 2), "not while its old address may still speak");
	cr_assert_eq(path.state, FAST_LOST);
	now_ms += FAST_MOVE_SILENCE_MS;
	cr_assert_eq(receive(&path, &elsewhere, 5, 10, &drop), FAST_DELIVER);
	cr_assert_eq(path.address.port, elsewhere.port);
	cr_assert_eq(path.state, FAST_UP);
	cr_assert_eq(receive(&path, &home, 5, 11, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_WRONG_ADDRESS);
	cr_assert_eq(path.state, FAST_LOST, "two that speak: nobody is believed");
}

Test(fast_path, who_speaks_is_not_moved)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	for (int32_t i = 0; i < 20; i++) {
		now_ms += FAST_MOVE_SILENCE_MS / 2;
		cr_assert_eq(receive(&path, &elsewhere, 5, 100 + 10 * i, &drop), FAST_IGNORE);
		cr_assert_eq(receive(&path, &home, 5, 2 + i, &drop), FAST_DELIVER);
	}
	cr_assert_eq(path.state, FAST_UP);
}

Test(fast_path, hellos_from_a_new_port_are_answered_once_they_prove_it)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	now_ms = FAST_MOVE_SILENCE_MS;
	cr_assert(knock(&path, &elsewhere, OPCODE_UDP_CONNECT, 2));
	cr_assert_eq(path.state, FAST_GREETED);
	cr_assert_eq(path.address.port, elsewhere.port);
	cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT_CLIENT_ACK, 5, &drop), FAST_IGNORE);
	cr_assert_eq(path.state, FAST_UP);
}

Test(fast_path, a_number_cannot_leap)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	const struct address *const from[] = {&home, &elsewhere};
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(receive(&path, from[i], 5, INT32_MAX, &drop), FAST_IGNORE);
		cr_assert_eq(drop, i == 0 ? DROP_SEQUENCE_JUMP : DROP_WRONG_ADDRESS);
		cr_assert_eq(path.state, FAST_UP);
	}
	cr_assert_eq(receive(&path, &home, 5, 1 + FAST_JUMP_MAX + 1, &drop), FAST_IGNORE);
	cr_assert_eq(receive(&path, &home, 5, 1 + FAST_JUMP_MAX, &drop), FAST_DELIVER);
	now_ms = 1000;
	cr_assert_eq(receive(&path, &home, 5, path.sequence_in + FAST_JUMP_MAX + 1000 * FAST_JUMP_PER_MS, &drop), FAST_DELIVER, "silence explains a gap");
}

Test(fast_path, a_first_hello_cannot_leap_either)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 0);
	cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT, INT32_MAX, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_SEQUENCE_JUMP);
	cr_assert_eq(receive(&path, &home, OPCODE_UDP_CONNECT, 0, &drop), FAST_GREET);
}

Test(fast_path, silence_and_a_kernel_that_refuses_put_it_in_doubt)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	come_up(&path);
	cr_assert_not(ringcast_fast_path_check_silence(&path, 999, 1000));
	cr_assert_not(ringcast_fast_path_check_silence(&path, 1000, 0), "0: never");
	cr_assert(ringcast_fast_path_check_silence(&path, 1000, 1000));
	cr_assert_not(ringcast_fast_path_check_silence(&path, 2000, 1000), "once");
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_DELIVER);
	cr_assert(ringcast_fast_path_doubt(&path));
	cr_assert_eq(receive(&path, &home, 5, 3, &drop), FAST_DELIVER);
	cr_assert_eq(path.state, FAST_UP);
	now_ms = UINT32_MAX; /* the clock's 32 bits wrap */
	receive(&path, &home, 5, 4, &drop);
	cr_assert_not(ringcast_fast_path_check_silence(&path, 10, 1000));
}

Test(fast_path, a_step_that_the_table_does_not_have_ends_the_process, .signal = SIGABRT)
{
	struct fast_path path = {0};
	come_up(&path);
	ringcast_fast_path_open(&path, 0);
}

Test(fast_path, secure_from_identity_to_loss_and_back)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 0);
	cr_assert_eq(path.state, FAST_WAITING);
	cr_assert_eq(path.association, HANDLE_NONE);
	ringcast_fast_path_identify(&path, &(struct fast_arrival){.from = &home}, 5, 0);
	cr_assert_eq(path.state, FAST_UP);
	cr_assert_eq(receive_secure(&path, 0, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_STALE_SEQUENCE);
	cr_assert_eq(receive_secure(&path, 1, &drop), FAST_DELIVER);
	cr_assert_eq(receive_secure(&path, 9, &drop), FAST_DELIVER);
	cr_assert_eq(receive_secure(&path, 8, &drop), FAST_IGNORE);
	path.sequence_out = 40;
	ringcast_fast_path_lose(&path);
	cr_assert_eq(path.state, FAST_WAITING);
	cr_assert_eq(path.association, HANDLE_NONE);
	ringcast_fast_path_identify(&path, &(struct fast_arrival){.from = &elsewhere}, 6, 2);
	cr_assert_eq(path.address.port, elsewhere.port);
	cr_assert_eq(path.sequence_out, 40, "numbers to the client go on: it drops what is not newer");
	cr_assert_eq(receive_secure(&path, 3, &drop), FAST_DELIVER, "a client that started anew counts from its start");
}
