#include "transport/fast_path.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/moves.h"
#include "proto/gate.h"

static const uint16_t moves[FAST_STATE_COUNT] = {
	[FAST_NEW] = MOVE_TO(FAST_WAITING),
	[FAST_WAITING] = MOVE_TO(FAST_GREETED) | MOVE_TO(FAST_UP),
	[FAST_GREETED] = MOVE_TO(FAST_UP),
	[FAST_UP] = MOVE_TO(FAST_LOST) | MOVE_TO(FAST_WAITING),
	[FAST_LOST] = MOVE_TO(FAST_UP) | MOVE_TO(FAST_GREETED) | MOVE_TO(FAST_WAITING),
};

static void enter(struct fast_path *path, enum fast_state state)
{
	path->state = ringcast_move(moves, path->state, (uint8_t)state);
}

void ringcast_fast_path_open(struct fast_path *path, uint32_t since_ms)
{
	ringcast_assert(path->state == FAST_NEW);
	path->sequence_in = -1;
	path->queue_head = path->queue_tail = UINT32_MAX;
	path->heard_ms = since_ms;
	enter(path, FAST_WAITING);
}

/* In an association */

void ringcast_fast_path_identify(struct fast_path *path, const struct fast_arrival *arrival, handle association, int32_t sequence)
{
	ringcast_assert(association != HANDLE_NONE);
	path->address = *arrival->from;
	path->local = arrival->local;
	path->association = association;
	path->sequence_in = sequence;
	path->heard_ms = arrival->now_ms;
	enter(path, FAST_UP);
}

void ringcast_fast_path_lose(struct fast_path *path)
{
	ringcast_assert(path->association != HANDLE_NONE);
	path->association = HANDLE_NONE;
	enter(path, FAST_WAITING);
}

static enum fast_event ignore(enum drop_reason *ret_drop, enum drop_reason reason)
{
	*ret_drop = reason;
	return FAST_IGNORE;
}

enum fast_event ringcast_fast_path_receive_secure(struct fast_path *path, const struct packet *packet, uint32_t now_ms, enum drop_reason *ret_drop)
{
	ringcast_assert(path->association != HANDLE_NONE);
	*ret_drop = DROP_NONE;
	if (packet->sequence <= path->sequence_in)
		return ignore(ret_drop, DROP_STALE_SEQUENCE);
	path->sequence_in = packet->sequence;
	path->heard_ms = now_ms;
	if (path->state == FAST_LOST)
		enter(path, FAST_UP);
	return FAST_DELIVER;
}

/* In clear */

bool ringcast_fast_path_is_bound(const struct fast_path *path, const struct address *from)
{
	return path->state != FAST_WAITING && ringcast_address_is_equal(from, &path->address);
}

/* Could this be the player's next number? Silence before it explains a gap; nothing explains a leap. */
static enum drop_reason check_sequence(const struct fast_path *path, int32_t sequence, uint32_t now_ms)
{
	int64_t ahead = (int64_t)sequence - path->sequence_in;
	uint64_t ahead_max = FAST_JUMP_MAX + (uint64_t)FAST_JUMP_PER_MS * (uint32_t)(now_ms - path->heard_ms);
	if (ahead <= 0)
		return DROP_STALE_SEQUENCE;
	return (uint64_t)ahead <= ahead_max ? DROP_NONE : DROP_SEQUENCE_JUMP;
}

static enum fast_event act(struct fast_path *path, enum gate_action action, enum drop_reason *ret_drop)
{
	if (action == GATE_GREET) {
		if (path->state == FAST_WAITING || path->state == FAST_LOST)
			enter(path, FAST_GREETED);
		return FAST_GREET;
	}
	if (path->state != FAST_UP)
		enter(path, FAST_UP);
	if (action == GATE_DROP)
		return ignore(ret_drop, DROP_BAD_STATE);
	return action == GATE_ROUTE ? FAST_DELIVER : FAST_IGNORE;
}

static void bind(struct fast_path *path, const struct fast_arrival *arrival, int32_t sequence)
{
	path->address = *arrival->from;
	path->local = arrival->local;
	path->sequence_in = sequence;
	path->heard_ms = arrival->now_ms;
	path->elsewhere = 0;
}

bool ringcast_fast_path_spend(struct fast_path *path, uint32_t bytes)
{
	if (bytes > path->credit_bytes)
		return false;
	path->credit_bytes -= bytes;
	return true;
}

static uint32_t hash_of(const struct address *address)
{
	struct address copy = {.port = address->port}; /* no padding of unknown contents */
	memcpy(copy.ip, address->ip, sizeof(copy.ip));
	return (uint32_t)ringcast_hash_bytes(&copy, sizeof(copy), 0) | 1;
}

/* One more packet from that place. True: enough of them, and the bound address is silent. */
static bool has_moved(struct fast_path *path, const struct fast_arrival *arrival, int32_t sequence)
{
	uint32_t place = hash_of(arrival->from);
	bool is_same = place == path->elsewhere;
	if (is_same && sequence <= path->elsewhere_sequence)
		return false; /* a copy proves nothing */
	path->elsewhere_count = is_same ? (uint8_t)(path->elsewhere_count + (path->elsewhere_count < FAST_MOVE_PACKETS)) : 1;
	path->elsewhere = place;
	path->elsewhere_sequence = sequence;
	return path->elsewhere_count == FAST_MOVE_PACKETS && (uint32_t)(arrival->now_ms - path->heard_ms) >= FAST_MOVE_SILENCE_MS;
}

/* The player behind another port, or somebody who pretends: either way what is for the player takes the sure way until it is clear. */
static enum fast_event receive_elsewhere(struct fast_path *path, const struct fast_arrival *arrival, const struct packet *packet,
					 enum gate_action action, enum drop_reason *ret_drop)
{
	ringcast_fast_path_doubt(path);
	if (!has_moved(path, arrival, packet->sequence))
		return ignore(ret_drop, DROP_WRONG_ADDRESS);
	path->credit_bytes = arrival->size;
	bind(path, arrival, packet->sequence);
	return act(path, action, ret_drop);
}

enum fast_event ringcast_fast_path_receive(struct fast_path *path, const struct fast_arrival *arrival, const struct packet *packet,
					   enum drop_reason *ret_drop)
{
	ringcast_assert(path->state != FAST_NEW);
	enum gate_action action = ringcast_gate(packet->opcode, (enum gate_place)(GATE_DATAGRAM_WAITING + path->state - FAST_WAITING));
	*ret_drop = DROP_NONE;
	if (path->state == FAST_WAITING && action != GATE_GREET)
		return ignore(ret_drop, DROP_BAD_STATE);
	enum drop_reason drop = check_sequence(path, packet->sequence, arrival->now_ms);
	bool is_known = path->state == FAST_WAITING || ringcast_fast_path_is_bound(path, arrival->from);
	if (drop != DROP_NONE)
		return ignore(ret_drop, is_known || action == GATE_GREET ? drop : DROP_WRONG_ADDRESS);
	if (!is_known)
		return receive_elsewhere(path, arrival, packet, action, ret_drop);
	path->credit_bytes += path->credit_bytes < FAST_CREDIT_BYTES_MAX ? arrival->size : 0;
	bind(path, arrival, packet->sequence);
	return act(path, action, ret_drop);
}

bool ringcast_fast_path_doubt(struct fast_path *path)
{
	if (path->state != FAST_UP)
		return false;
	enter(path, FAST_LOST);
	return true;
}

bool ringcast_fast_path_check_silence(struct fast_path *path, uint32_t now_ms, uint32_t silence_ms)
{
	return silence_ms != 0 && (uint32_t)(now_ms - path->heard_ms) >= silence_ms && ringcast_fast_path_doubt(path);
}
