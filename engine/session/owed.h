/*
 * Lists of members that are owed. A list of a group for each of its members is as long as the group twice over, and a login storm changes it once for each who comes. So a session sends
 * so many bytes of lists a second (limits.membership_bytes_per_second); what is beyond that, and whatever is for a group above membership_push_max, waits:
 *
 *     (none) --(a change, a question, a script's wish)--> WAITS --(its turn)--> one list, of what is true then, for all of them --> (none)
 *
 * What waits is one thing per group, whatever happens to it meanwhile: so nobody's last list is wrong for longer than the wait, and a storm costs what it is long, not what it is large.
 * Groups take turns of one list each, and within a group its members, the groups that a script wants told, and its askers: one that changes faster than its list can be sent
 * keeps nobody waiting longer than one list of each group three times over.
 * Bounds: one of these for each group; of its askers so many for each player; of its targets OWED_TARGETS_MAX.
 */
#ifndef RINGCAST_SESSION_OWED_H
#define RINGCAST_SESSION_OWED_H

#include "session/session.h"

enum {
	OWED_GATHER_MS = 100,    /* the least that something waits, so that there is something to gather */
	OWED_PER_PLAYER_MAX = 7, /* questions of a player, and groups that it has left; as many as player->lists_owed can count */
	OWED_TARGETS_MAX = 16,   /* groups that a script wants to be sent one list */
};

enum owed { OWED_NOTHING, OWED_LATER, OWED_REFUSED }; /* send it now; it waits; too many wait */

/* The members of group are others than before. leaver (NULL: none) is told too. True: it waits. */
bool ringcast_owed_change(struct group *group, struct player *leaver);
enum owed ringcast_owed_answer(struct player *player, int32_t group);
enum owed ringcast_owed_broadcast(struct session *session, int32_t group, int32_t target_group);
/* A list was sent to so many. It counts against the budget unless that was spent: what cannot wait then (who leaves as the last, or waits for too much) only its receiver gets. */
void ringcast_owed_charge(struct session *session, uint64_t recipient_count, uint64_t list_bytes);
void ringcast_owed_expire(struct session *session); /* its timer */
void ringcast_owed_settle(struct group *group);     /* its last member has left: who is owed a list gets it, and it is empty */
void ringcast_owed_discard(struct session *session); /* it has ended: nobody is told anything more */

#endif
