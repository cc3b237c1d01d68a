#include "transport/fast_path.h"

#include "base/assert.h"
#include "proto/gate.h"

static void open_path(struct fast_path *path, uint8_t port_index, uint64_t key)
{
	ringcast_assert(path->state == FAST_OFF);
	*path = (struct fast_path){
		.state = FAST_WAITING,
		.sequence_in = -1,
		.port_index = port_index,
		.queue_head = UINT32_MAX,
		.queue_tail = UINT32_MAX,
		.key = key,
	};
}

void ringcast_fast_path_open(struct fast_path *path, uint8_t port_index, uint64_t key)
{
	ringcast_assert(key != 0);
	open_path(path, port_index, key);
}

void ringcast_fast_path_open_secure(struct fast_path *path, uint8_t port_index)
{
	open_path(path, port_index, 0);
}

void ringcast_fast_path_identify(struct fast_path *path, const struct address *address, handle association, int32_t sequence)
{
	ringcast_assert(path->state == FAST_WAITING && path->key == 0);
	ringcast_assert(association != HANDLE_NONE);
	path->address = *address;
	path->association = association;
	path->sequence_in = sequence;
	path->state = FAST_UP;
}

void ringcast_fast_path_lose(struct fast_path *path)
{
	ringcast_assert(path->state == FAST_UP && path->association != HANDLE_NONE);
	path->association = HANDLE_NONE;
	path->state = FAST_WAITING;
}

enum fast_event ringcast_fast_path_receive_secure(struct fast_path *path, const struct packet *packet, enum drop_reason *ret_drop)
{
	ringcast_assert(path->state == FAST_UP && path->association != HANDLE_NONE);
	*ret_drop = DROP_NONE;
	if (packet->sequence <= path->sequence_in) {
		*ret_drop = DROP_STALE_SEQUENCE;
		return FAST_IGNORE;
	}
	path->sequence_in = packet->sequence;
	return FAST_DELIVER;
}

static enum fast_event ignore(enum drop_reason *ret_drop, enum drop_reason reason)
{
	*ret_drop = reason;
	return FAST_IGNORE;
}

/* A hello may come again, and from a new address: then it must be newer than anything seen, so that a replay cannot move the player. */
static enum fast_event receive_hello(struct fast_path *path, const struct address *from, const struct packet *packet, enum drop_reason *ret_drop)
{
	if (packet->sequence <= path->sequence_in)
		return ignore(ret_drop, DROP_STALE_SEQUENCE);
	path->sequence_in = packet->sequence;
	path->address = *from;
	if (path->state == FAST_WAITING)
		path->state = FAST_GREETED;
	return FAST_GREET;
}

enum fast_event ringcast_fast_path_receive(struct fast_path *path, const struct address *from, const struct packet *packet,
					   enum drop_reason *ret_drop)
{
	ringcast_assert(path->state != FAST_OFF);
	enum gate_action action = ringcast_gate(packet->opcode, (enum gate_place)(GATE_DATAGRAM_WAITING + path->state - FAST_WAITING));
	*ret_drop = DROP_NONE;
	if (action == GATE_GREET)
		return receive_hello(path, from, packet, ret_drop);
	if (path->state == FAST_WAITING)
		return ignore(ret_drop, DROP_BAD_STATE);
	if (!ringcast_address_is_equal(from, &path->address))
		return ignore(ret_drop, DROP_WRONG_ADDRESS);
	if (packet->sequence <= path->sequence_in)
		return ignore(ret_drop, DROP_STALE_SEQUENCE);
	path->sequence_in = packet->sequence;
	path->state = FAST_UP;
	if (action == GATE_DROP)
		return ignore(ret_drop, DROP_BAD_STATE);
	return action == GATE_ROUTE ? FAST_DELIVER : FAST_IGNORE;
}
