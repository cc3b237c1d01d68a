/*
 * Several session stores joined by queues, as shards are by rings, and beside them a store with the same session in one piece: the twin. Everything that home does with
 * the spread session, in whatever order letters came, is done to the twin as well; so each player must have got from both the same, in the same order. One who has
 * left got the beginning of it, for home hears later than the player's shard.
 */
#ifndef TESTS_UNIT_SPREAD_YARD_H
#define TESTS_UNIT_SPREAD_YARD_H

#include "base/prng.h"
#include "session/limb.h"

enum { YARD_SHARDS_MAX = 64, YARD_SEATS_MAX = 512, YARD_QUEUE_MAX = 1 << 14 };

struct yard_log {
	uint64_t *entries; /* a hash of each thing that was received */
	size_t count, capacity;
};

struct seat { /* a player's connection */
	uint32_t shard, index;
	struct player *player, *twin; /* NULL: gone, or not there yet */
	int32_t peer_id;
	bool is_asking, has_left, is_closed;
	struct yard_log got, twin_got;
};

struct yard_letter {
	struct letter letter;
	uint8_t payload[LETTER_PAYLOAD_BYTES_MAX];
};

struct yard_queue {
	struct yard_letter **letters;
	size_t first, last;
};

struct yard_store {
	struct yard *yard;
	uint32_t index; /* the twin's: shard_count */
	struct store store;
	struct timer_wheel wheel;
	struct buf_pool *pool;
};

struct yard {
	struct prng prng;
	uint32_t shard_count;
	struct session_limits limits;
	struct yard_store stores[YARD_SHARDS_MAX + 1];
	struct yard_queue queues[YARD_SHARDS_MAX][YARD_SHARDS_MAX]; /* [from][to] */
	struct session *session, *twin;
	struct seat seats[YARD_SEATS_MAX];
	uint32_t seat_count;
	uint64_t letter_count, deliver_count;
	uint64_t delivered[YARD_SHARDS_MAX + 1]; /* by shard, then by the twin */
	uint64_t now_ns;
};

void yard_start(struct yard *yard, uint32_t shard_count, uint32_t players_max, uint64_t seed);
void yard_stop(struct yard *yard); /* ends the session, reads every letter, and looks whether anything is left */
struct seat *yard_join(struct yard *yard, uint32_t shard); /* home is 0 */
void yard_leave(struct yard *yard, struct seat *seat);
enum drop_reason yard_send(struct yard *yard, struct seat *seat, const struct packet *packet, enum delivery_intent intent);
bool yard_read_one(struct yard *yard, uint32_t from, uint32_t to); /* false: there is no letter */
void yard_read_all(struct yard *yard);                             /* in an order that chance gives */
void yard_kick(struct yard *yard, int32_t peer_id);
void yard_retain(struct yard *yard, int32_t group, uint32_t key, uint32_t number);
void yard_forget(struct yard *yard, int32_t group, uint32_t key);
void yard_compare(struct yard *yard); /* after read_all */

#endif
