/*
 * The member list of a membership update. A list has to fit one reliable payload (PROTO_PAYLOAD_RELIABLE_BYTES_MAX bytes of packed peer ids:
 * 2 111 players at best). A client that does not find itself in an update thinks it has left, so only answers to one player are ever cut,
 * and that player comes first; updates to many are sent whole or not at all.
 */
#ifndef RINGCAST_SESSION_ROSTER_H
#define RINGCAST_SESSION_ROSTER_H

#include "session/session.h"

/* -12: whoever asks gets the list, reliably, from itself. */
void ringcast_roster_answer(struct player *player, int32_t group);
/* A change, to the first recipient_count of group->members, of which the first member_count are the list; nothing above membership_push_max. */
void ringcast_roster_push(struct group *group, size_t recipient_count);
/* The list of one group to the members of another. OVERSIZE when it does not fit whole. */
enum drop_reason ringcast_roster_broadcast(struct session *session, int32_t group, int32_t target_group);

#endif
