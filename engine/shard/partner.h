/*
 * A program beside the players that a shard talks to over a stream of its io: a process of the script sidecar. Bytes in, bytes out, a turn
 * in every tick; what the bytes mean is the owner's business.
 *
 *   IDLE --adopt--> OPEN --(end, error, garbage, cut)--> CLOSING --(io is done with it)--> IDLE
 *
 * The owner embeds struct partner and keeps it until it is removed. Shard thread only. What is sent is copied once into a flight buffer, so
 * the owner may reuse its bytes at once and the kernel may keep reading them.
 */
#ifndef RINGCAST_SHARD_PARTNER_H
#define RINGCAST_SHARD_PARTNER_H

#include "base/list.h"
#include "io/io.h"

enum { PARTNER_FLIGHT_BYTES_MAX = 256 << 10, PARTNER_STREAM_COUNT_MAX = 16 };

struct shard;
struct partner;

enum partner_state { PARTNER_IDLE, PARTNER_OPEN, PARTNER_CLOSING };

struct partner_ops {                                                                   /* members may be NULL */
	bool (*received)(struct partner *partner, struct view bytes, uint64_t now_ns); /* false: garbage, cut it */
	void (*closed)(struct partner *partner, uint64_t now_ns);                      /* once, as it leaves OPEN */
	struct view (*pending)(struct partner *partner);                               /* what waits to be sent; any part may be taken */
	void (*taken)(struct partner *partner, size_t size);                           /* the first size bytes of it */
	void (*ticked)(struct partner *partner, uint64_t now_ns);                      /* in every tick, before pending is asked */
	uint64_t (*deadline_ns)(struct partner *partner);                              /* wake at the latest then; UINT64_MAX: never */
};

struct partner {
	const struct partner_ops *ops;
	struct shard *shard;
	struct list_node node; /* shard->partners */
	io_id stream;
	uint32_t number; /* unique within the shard; names the partner in io's events */
	enum partner_state state;
	bool is_sending;
	uint8_t *flight;
	size_t flight_capacity;
	uint64_t bytes_received, bytes_sent;
};

void ringcast_partner_add(struct shard *shard, struct partner *partner, const struct partner_ops *ops);
void ringcast_partner_remove(struct partner *partner); /* IDLE only; harmless when never added */
/* 0, or -errno; -EBUSY: not IDLE, or the shard is stopping. *fd becomes -1 when the descriptor was taken; io, when it fails, has closed it. */
int ringcast_partner_adopt(struct partner *partner, int *fd);
void ringcast_partner_cut(struct partner *partner); /* harmless unless OPEN */

/* For tick.c and shard.c. */
static inline bool ringcast_partner_is_named(uint64_t user)
{
	return (uint32_t)user >= UINT32_C(1) << 31;
}
void ringcast_partner_on_event(struct shard *shard, const struct io_event *event); /* of streams so named */
void ringcast_partner_on_sent(struct shard *shard, const struct io_sent *sent);
void ringcast_partner_tick_all(struct shard *shard);
uint64_t ringcast_partner_deadline_all_ns(const struct shard *shard);
void ringcast_partner_cut_all(struct shard *shard);

#endif
