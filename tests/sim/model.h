/*
 * The reference: a relay so simple that it is obviously right. It sees only what the bots see: when they sent something, and when they
 * learned something. From that follows, for each message, who may, must and must not receive it.
 *
 * Time is what makes this possible without looking into the engine: a message was accepted between the moment it was sent and the moment
 * somebody first received it; a player was a member surely from the confirmation of its join to the sending of its leave, and maybe
 * from the sending of its join to the confirmation of its leave.
 */
#ifndef RINGCAST_TESTS_SIM_MODEL_H
#define RINGCAST_TESTS_SIM_MODEL_H

#include "base/types.h"
#include "swarm.h"

enum { MODEL_NOBODY = -1 };
#define MODEL_NEVER UINT64_MAX

struct model_span { /* one stay in a group */
	uint64_t maybe_from, sure_from, sure_until, maybe_until;
	uint64_t fast_from; /* sure_from of what may be lost */
	uint64_t held_from; /* of what its script has heard nothing of, or has not answered: from the question about the join on that is held for it */
};

struct model_membership {
	struct model_span *spans;
	size_t count, capacity;
};

/* Of a script about a message. SOMETIME: by default, at a moment that nobody knows, if the message was still there. */
enum model_decision { MODEL_UNDECIDED, MODEL_ALLOWED, MODEL_ALLOWED_SOMETIME, MODEL_DENIED };

struct model_message {
	uint32_t sender, session;
	bool is_reliable;
	bool is_void;      /* nobody may ever receive it: forged, or sent before login */
	bool is_behind_login; /* sent without waiting for the login's answer: accepted if the login is */
	int32_t opcode;
	int32_t to_bot;    /* MODEL_NOBODY: no player target that exists */
	bool has_player;   /* some player target was given */
	int32_t group;     /* 0: none, -1: everyone, else a group */
	uint64_t sent_ns, first_seen_ns;
	uint8_t *receipts; /* by bot */
	enum model_decision decision; /* the latest; in scripted sessions */
	uint64_t decided_ns; /* SOMETIME: not before that */
	uint32_t question_count;
};

struct model_bot {
	uint32_t session;
	int32_t peer_id; /* 0: never admitted */
	uint16_t fast_port;
	struct address address;
	bool has_no_echo; /* it has asked for none of its own group messages */
	uint64_t fast_up_ns; /* it has acknowledged the server's answer to its hello; MODEL_NEVER: not yet */
	struct model_membership memberships[SWARM_GROUPS_MAX + 1]; /* 0: everyone */
	uint32_t *last_reliable; /* by sender: one more than the last message's number */
	bool is_healthy;         /* has done nothing wrong and lost nothing: set by the world at the end */
};

struct model {
	struct model_message *messages;
	struct model_bot *bots;
	size_t message_count, message_capacity, bot_count, bot_capacity;
	bool is_scripted[SWARM_SESSIONS_MAX + SWARM_CREATED_MAX];
	bool is_unasked[SWARM_SESSIONS_MAX + SWARM_CREATED_MAX]; /* its script is asked about joins only: they may wait, be refused, and make messages wait */
	uint64_t park_drops;  /* counted: because too many events waited, or for want of a buffer; each may explain one missing message */
	bool may_refuse;      /* messages may be refused */
	bool is_corrupt;      /* fast ones may have been changed on the way */
	bool is_address_free; /* a datagram's IP does not matter */
	int64_t late_by_stream; /* a fast message that came by stream long after that; -1: none */
	bool is_fast_sure;    /* nothing is there that may cost a datagram: fast messages must arrive too */
	uint64_t receipt_count;
	char failure[400]; /* "" while all is well */
};

void ringcast_model_init(struct model *model, size_t bot_capacity, bool may_refuse, bool is_corrupt);
void ringcast_model_fini(struct model *model);
uint32_t ringcast_model_add_bot(struct model *model, uint32_t session);
/* Returns the message's number. The memory of message is copied. */
uint32_t ringcast_model_send(struct model *model, const struct model_message *message);

/* A script is asked about a message; returns which question it is. */
uint32_t ringcast_model_ask(struct model *model, uint32_t message);
/* The answer; nothing when the message has got past that question. From it follows who must receive: the members of that moment, or nobody. */
void ringcast_model_decide(struct model *model, uint32_t message, uint32_t question, enum model_decision decision, uint64_t now_ns);

void ringcast_model_join_sent(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns);
/* asked_ns: when its script was asked for a snapshot; now_ns if it was not. */
void ringcast_model_join_seen(struct model *model, uint32_t bot, int32_t group, uint64_t asked_ns, uint64_t now_ns);
void ringcast_model_leave_sent(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns);
void ringcast_model_leave_seen(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns);

/*
 * A bot received a message. Fills model->failure if it must not have. False: the message proves nothing.
 *
 * That is so in one case only. A plain datagram names its player by address, port and peer id alone. When a player has been disconnected
 * without knowing it yet, and one of another session gets its port and peer id behind the same address (or addresses do not matter), a
 * hello of the first moves the path of the second, and what it sends counts as the second one's. The protocol has nothing against it.
 */
bool ringcast_model_receive(struct model *model, uint32_t bot, uint32_t message, bool was_stream, uint64_t now_ns);
/* Of the reliable messages that this one surely had to receive, as if it were healthy, how many it did not. */
uint64_t ringcast_model_count_missing(struct model *model, uint32_t bot, uint64_t now_ns);
/* When everything has calmed down: did everyone get what they had to? */
void ringcast_model_finish(struct model *model, uint64_t now_ns);

#endif
