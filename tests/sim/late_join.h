/*
 * What a session's script says to groups, and to who joins them. Numbers, so that each bot can tell what it has missed: the script counts what it sends to a group, a
 * snapshot says how far it has counted, and behind it a member hears each number that follows, once and in order. Retained messages have a version under each key, which
 * only rises; in the calm a member knows the latest.
 */
#ifndef RINGCAST_TESTS_SIM_LATE_JOIN_H
#define RINGCAST_TESTS_SIM_LATE_JOIN_H

#include "base/types.h"
#include "swarm.h"

enum { LATE_KEYS = 3, LATE_FIRST_PART = 1, LATE_COUNTED_OPCODE = 77777778, LATE_RETAINED_OPCODE, LATE_SNAPSHOT_OPCODE };

struct late_said { /* by a script to a group */
	uint32_t count;
	uint32_t versions[LATE_KEYS];
	bool is_retained[LATE_KEYS];
};

struct late_heard { /* by a bot of a group, in its present stay, but for versions */
	bool is_promised; /* its snapshot is on its way, if the join succeeds */
	bool is_counted;
	uint32_t next;
	uint32_t versions[LATE_KEYS];
	uint32_t repeats[LATE_KEYS]; /* so many joins may bring the latest version again */
	uint64_t asked_ns; /* when its script was asked about this join */
};

struct late_content {
	uint32_t session;
	int32_t group;
	uint32_t key, number; /* of a snapshot's first part, when it has two: LATE_FIRST_PART, and no number yet */
};

/* 0: everyone. */
static inline uint32_t ringcast_late_index(int32_t group) { return group == -1 ? 0 : (uint32_t)group; }
static inline bool ringcast_late_knows(int32_t group) { return group == -1 || (group >= 1 && group <= SWARM_GROUPS_MAX); }

struct bot;
struct packet;
struct session;
struct world;
struct world_answer;
struct world_session;

/* The bot's side. */
void ringcast_late_join_sent(struct bot *bot, int32_t group);
void ringcast_late_left(struct bot *bot, int32_t group);
bool ringcast_late_receive(struct bot *bot, const struct packet *packet); /* true: it was one of these */
void ringcast_late_hear_other(struct bot *bot, int32_t group); /* a reliable message to a group that was said by another player */

/* The script's side. */
void ringcast_late_ask(struct world *world, struct bot *bot, int32_t group); /* it is asked about a join; bot NULL: of nobody we know */
void ringcast_late_say(struct world *world, struct session *session, uint64_t ticket, struct bot *bot, int32_t group); /* a snapshot, or the last of its parts */
void ringcast_late_begin(struct session *session, const struct bot *bot, int32_t group); /* while it is asked: the first of two parts */
void ringcast_late_act(struct world *world, struct world_session *ours, struct session *session, bool may_tell_everyone); /* one thing */

/* In the calm: what healthy bots know is what their scripts have said. */
void ringcast_late_check(struct world *world);

#endif
