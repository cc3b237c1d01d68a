/*
 * The UDP side of one player under any sequence of datagrams from anywhere. Whatever comes: a message is taken only from the address that the last
 * good hello came from, with a sequence number above all before; what is refused changes nothing and says why; nobody is moved by an old hello.
 *
 * Input: records of one kind byte, then either a packet of our own making from three more bytes, or length and raw bytes as they came.
 */
#include "base/assert.h"
#include "fuzz_target.h"
#include "transport/fast_path.h"

enum { ADDRESS_COUNT = 4, RAW_BYTES_MAX = 64 };

struct cursor {
	const uint8_t *data;
	size_t size, at;
};

static uint8_t next_byte(struct cursor *cursor)
{
	return cursor->at < cursor->size ? cursor->data[cursor->at++] : 0;
}

/* Two hosts with two ports each: same host other port, same port other host, both different. */
static struct address address_of(uint8_t kind)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)(1 + (kind & 1))}, .port = (uint16_t)(4000 + (kind >> 1 & 1))};
}

/* The op codes of the handshake and a game's, near each other so that a mutation reaches all. */
static int32_t opcode_of(uint8_t byte)
{
	static const int32_t opcodes[] = {OPCODE_UDP_CONNECT, OPCODE_UDP_CONNECT_SERVER_ACK, OPCODE_UDP_CONNECT_CLIENT_ACK, OPCODE_LOGIN, 1, -500, 0};
	return opcodes[byte % ARRAY_COUNT(opcodes)];
}

static bool next_packet(struct cursor *cursor, uint8_t kind, struct packet *ret_packet)
{
	*ret_packet = (struct packet){0};
	if (kind & 0x80) {
		size_t size = next_byte(cursor) % (RAW_BYTES_MAX + 1);
		size = size > cursor->size - cursor->at ? cursor->size - cursor->at : size;
		enum packet_error error = ringcast_packet_decode(ringcast_view_of(cursor->data + cursor->at, size), ret_packet);
		cursor->at += size;
		return error == PACKET_OK;
	}
	ret_packet->opcode = opcode_of(next_byte(cursor));
	ret_packet->sequence = (int8_t)next_byte(cursor); /* near each other, below zero too */
	if (kind & 0x40)
		ret_packet->sequence = (int32_t)((uint32_t)ret_packet->sequence << 24 | 0xffffff); /* and at the ends of the range */
	return true;
}

/* What was not taken moves nothing but the doubt about where the player is. */
static void check_refused(const struct fast_path *before, const struct fast_path *after, const struct address *from, const struct packet *packet,
			  enum drop_reason drop)
{
	bool is_elsewhere = !ringcast_address_is_equal(from, &before->address);
	ringcast_assert(after->sequence_in == before->sequence_in && ringcast_address_is_equal(&after->address, &before->address));
	ringcast_assert(after->state == before->state || (drop == DROP_WRONG_ADDRESS && before->state == FAST_UP && after->state == FAST_LOST));
	if (drop == DROP_STALE_SEQUENCE)
		ringcast_assert(packet->sequence <= before->sequence_in);
	else if (drop == DROP_SEQUENCE_JUMP)
		ringcast_assert((int64_t)packet->sequence - before->sequence_in > FAST_JUMP_MAX);
	else if (drop == DROP_WRONG_ADDRESS)
		ringcast_assert(is_elsewhere);
	else
		ringcast_assert(drop == DROP_BAD_STATE && before->state == FAST_WAITING);
}

static void check_taken(const struct fast_path *before, const struct fast_path *after, const struct fast_arrival *arrival, const struct packet *packet,
			enum fast_event event)
{
	bool is_hello = packet->opcode == OPCODE_UDP_CONNECT, has_moved = !ringcast_address_is_equal(&before->address, &after->address);
	ringcast_assert(packet->sequence > before->sequence_in && after->sequence_in == packet->sequence);
	ringcast_assert(ringcast_address_is_equal(arrival->from, &after->address));
	ringcast_assert((event == FAST_GREET) == is_hello);
	ringcast_assert(after->state == FAST_UP || (is_hello && after->state == FAST_GREETED));
	if (before->state != FAST_WAITING && has_moved)
		ringcast_assert(arrival->now_ms - before->heard_ms >= FAST_MOVE_SILENCE_MS && before->elsewhere_count + 1 >= FAST_MOVE_PACKETS);
}

/* A packet of the player's that is not for the router is taken all the same: it says where the player is. */
static bool is_taken(const struct fast_path *before, const struct fast_path *after, enum drop_reason drop)
{
	return drop == DROP_NONE || (drop == DROP_BAD_STATE && before->state != FAST_WAITING && after->sequence_in != before->sequence_in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor cursor = {.data = data, .size = size};
	struct fast_path path = {0};
	ringcast_fast_path_open(&path, 0);
	uint32_t now_ms = 0;
	const struct fast_path opened = path;
	while (cursor.at < size) {
		uint8_t kind = next_byte(&cursor);
		struct address from = address_of(kind % ADDRESS_COUNT);
		struct packet packet;
		enum drop_reason drop = DROP_NO_BUFFER; /* one that the path never gives: it must be written */
		if (!next_packet(&cursor, kind, &packet))
			continue;
		now_ms += kind % 7 == 6 ? FAST_MOVE_SILENCE_MS : 1;
		struct fast_arrival arrival = {.from = &from, .now_ms = now_ms};
		struct fast_path before = path;
		enum fast_event event = ringcast_fast_path_receive(&path, &arrival, &packet, &drop);
		if (is_taken(&before, &path, drop))
			check_taken(&before, &path, &arrival, &packet, event);
		else
			check_refused(&before, &path, &from, &packet, drop);
		ringcast_assert(drop == DROP_NONE || event == FAST_IGNORE);
		ringcast_assert(path.sequence_out == opened.sequence_out && path.queued_count == 0 && path.association == HANDLE_NONE);
	}
	return 0;
}
