/*
 * A tap: what is said in one session, told to one thread outside while it runs. The shard writes a copy of each message into a ring of bytes and never waits: what does
 * not fit is left out and counted, and the next record says how many there were. A session without taps pays one branch a message.
 *
 * Two threads share a tap: the shard attaches it, writes and ends it; the reader takes and leaves. Each holds a reference, whoever lets go last frees it. A reader who has
 * left is noticed at the session's next message, or when another tap is attached in this store.
 */
#ifndef RINGCAST_SESSION_TAP_H
#define RINGCAST_SESSION_TAP_H

#include "base/list.h"
#include "base/ring_bytes.h"
#include "session/session.h"

struct tap_filter {
	int32_t peer_id; /* 0: everybody; else what this player sends, and what is addressed to it by its number */
	bool has_opcode;
	int32_t opcode;
	uint32_t payload_bytes_max; /* the rest of a longer payload is cut off */
};

struct tap_record {
	uint64_t now_ns;
	uint64_t left_out; /* messages before this one that found no room */
	int32_t sender, opcode, target_player, target_group;
	uint32_t payload_bytes; /* of the message */
	uint32_t kept_bytes;	/* of them, behind this struct */
	uint8_t intent;		/* enum delivery_intent */
	uint8_t drop;		/* enum drop_reason; NONE: it went on */
};

struct tap {
	struct tap *next;	/* the shard's: of session->taps */
	struct list_node node;	/* the shard's: store->taps */
	struct session *session; /* the shard's; NULL: of none (any more) */
	struct tap_filter filter;
	uint64_t left_out; /* the shard's, until it is ended */
	uint32_t refs;	   /* atomic */
	bool is_left, is_ended; /* atomic: by the reader; by the shard */
	struct ring_bytes ring;
};

enum tap_found { TAP_RECORD, TAP_NOTHING, TAP_ENDED };

struct tap *ringcast_tap_create(const struct tap_filter *filter, uint32_t ring_bytes); /* the reader's reference; NULL: out of memory */
/* The reader's, one thread at a time. TAP_RECORD: good until pop. TAP_ENDED: the session has, and nothing more will come; *ret_left_out says what was at the end. */
enum tap_found ringcast_tap_peek(struct tap *tap, const struct tap_record **ret_record, uint64_t *ret_left_out);
void ringcast_tap_pop(struct tap *tap);
void ringcast_tap_leave(struct tap **tap); /* accepts NULL inside, nulls */

/* On the shard's thread. False: the store has taps_max already. */
bool ringcast_tap_attach(struct session *session, struct tap *tap, uint32_t taps_max);
void ringcast_taps_end(struct session *session); /* its session has ended */
/* By way of ringcast_tap_message, below. */
void ringcast_taps_note(struct session *session, const struct packet *packet, enum delivery_intent intent, enum drop_reason reason);

/* A message of the session, once it is known what becomes of it. */
static inline void ringcast_tap_message(struct session *session, const struct packet *packet, enum delivery_intent intent, enum drop_reason reason)
{
	if (UNLIKELY(session->taps != NULL))
		ringcast_taps_note(session, packet, intent, reason);
}

#endif
