/* The rules of a player's UDP side, plain and in an association. */
#include <criterion/criterion.h>

#include "proto/packet.h"
#include "transport/fast_path.h"

static const struct address home = {.port = 1000}, elsewhere = {.port = 1001};

static enum fast_event receive(struct fast_path *path, const struct address *from, int32_t opcode, int32_t sequence, enum drop_reason *ret_drop)
{
	struct packet packet = {.opcode = opcode, .sequence = sequence};
	return ringcast_fast_path_receive(path, from, &packet, ret_drop);
}

static enum fast_event receive_secure(struct fast_path *path, int32_t sequence, enum drop_reason *ret_drop)
{
	struct packet packet = {.opcode = 7, .sequence = sequence};
	return ringcast_fast_path_receive_secure(path, &packet, ret_drop);
}

Test(fast_path, plain_handshake)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 2, 77);
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
	ringcast_fast_path_open(&path, 0, 77);
	receive(&path, &home, OPCODE_UDP_CONNECT, 0, &drop);
	cr_assert_eq(receive(&path, &home, 5, 2, &drop), FAST_DELIVER);
	cr_assert_eq(path.state, FAST_UP);
}

Test(fast_path, a_hello_moves_the_player_only_if_it_is_new)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open(&path, 0, 77);
	receive(&path, &home, OPCODE_UDP_CONNECT, 3, &drop);
	cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT, 3, &drop), FAST_IGNORE);
	cr_assert_eq(drop, DROP_STALE_SEQUENCE);
	cr_assert_eq(path.address.port, home.port);
	cr_assert_eq(receive(&path, &elsewhere, OPCODE_UDP_CONNECT, 4, &drop), FAST_GREET);
	cr_assert_eq(path.address.port, elsewhere.port);
}

Test(fast_path, secure_from_identity_to_loss_and_back)
{
	struct fast_path path = {0};
	enum drop_reason drop;
	ringcast_fast_path_open_secure(&path, 1);
	cr_assert_eq(path.state, FAST_WAITING);
	cr_assert_eq(path.key, 0);
	cr_assert_eq(path.association, HANDLE_NONE);
	ringcast_fast_path_identify(&path, &home, 5, 0);
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
	ringcast_fast_path_identify(&path, &elsewhere, 6, 2);
	cr_assert_eq(path.address.port, elsewhere.port);
	cr_assert_eq(path.sequence_out, 40, "numbers to the client go on: it drops what is not newer");
	cr_assert_eq(receive_secure(&path, 3, &drop), FAST_DELIVER, "a client that started anew counts from its start");
}
