/*
 * What the limbs of a spread session and its home tell each other: values, so that they can be copied from one shard's thread to another's. Between two
 * shards they come in the order in which they were posted, and that is what all of it rests on: whoever is told of a player before a message knows
 * whom the message is for.
 */
#ifndef RINGCAST_SESSION_LETTER_H
#define RINGCAST_SESSION_LETTER_H

#include "session/session.h"

enum letter_reader { LETTER_TO_HOME, LETTER_TO_LIMB };

enum letter_kind {
#define LETTER(name, to, text) LETTER_##name,
#include "session/letter.def"
#undef LETTER
	LETTER_KIND_COUNT
};

struct letter {
	handle session;      /* at home */
	handle conn;         /* of a login; at the limb's shard, and that shard's word */
	struct view payload; /* of a letter that was received: good for the call */
	int32_t peer_id;     /* whom it is about; of a packet or a message: who sent it */
	int32_t opcode, target_player, target_group; /* DELIVER with both: for that player, who sees that it was for the group */
	int32_t group;            /* what it is about */
	uint32_t recipient_count, total_count; /* DELIVER, ROSTER, ANSWER: on that shard; on all shards together */
	uint8_t kind, intent;     /* enum letter_kind, enum delivery_intent */
	uint8_t command;          /* PACKET: enum packet_command */
	bool is_quiet;            /* DELIVER: who sent it does not get it by the group */
	uint8_t reason;           /* REFUSED: enum drop_reason; LEFT, KICK: enum close_reason */
	bool is_by_api;           /* KICK: home was asked to from outside; for the record there */
};

/* The payload of ADMITTED; the player's id with its NUL follows. */
struct letter_facts {
	char session_id[SESSION_ID_BYTES], session_name[SESSION_NAME_BYTES];
	uint32_t ping_interval_ms, players_max, resume_window_ms;
};

enum { LETTER_PAYLOAD_BYTES_MAX = PROTO_PACKET_BYTES_MAX };

/* It may be lost, as all that is meant to be fast may. */
static inline bool ringcast_letter_may_be_lost(const struct letter *letter)
{
	return (letter->kind == LETTER_PACKET || letter->kind == LETTER_DELIVER) && letter->intent == INTENT_FAST;
}

#endif
