#include "transport/fast_path.h"

#include "base/assert.h"

void ringcast_fast_path_open(struct fast_path *path, uint8_t port_index, uint64_t key)
{
	ringcast_assert(path->state == FAST_OFF);
	ringcast_assert(key != 0);
	*path = (struct fast_path){
		.state = FAST_WAITING,
		.sequence_in = -1,
		.port_index = port_index,
		.queue_head = UINT32_MAX,
		.queue_tail = UINT32_MAX,
		.key = key,
	};
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
	*ret_drop = DROP_NONE;
	if (packet->opcode == OPCODE_UDP_CONNECT)
		return receive_hello(path, from, packet, ret_drop);
	if (path->state == FAST_WAITING)
		return ignore(ret_drop, DROP_BAD_STATE);
	if (!ringcast_address_is_equal(from, &path->address))
		return ignore(ret_drop, DROP_WRONG_ADDRESS);
	if (packet->sequence <= path->sequence_in)
		return ignore(ret_drop, DROP_STALE_SEQUENCE);
	path->sequence_in = packet->sequence;
	path->state = FAST_UP;
	return packet->opcode == OPCODE_UDP_CONNECT_CLIENT_ACK ? FAST_IGNORE : FAST_DELIVER;
}
