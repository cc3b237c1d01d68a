/*
 * The member list of a membership update. A list has to fit one reliable payload (PROTO_PAYLOAD_RELIABLE_BYTES_MAX bytes of packed peer ids:
 * 2 111 players at best). A client that does not find itself in an update thinks it has left, so only answers to one player are ever cut,
 * and that player comes first; updates to many are sent whole or not at all.
 */
#ifndef RINGCAST_SESSION_ROSTER_H
#define RINGCAST_SESSION_ROSTER_H

#include "session/session.h"

/* Distinct ids take a byte up to 127 and two or more beyond. */
enum { ROSTER_PLAYERS_MAX = 127 + (PROTO_PAYLOAD_RELIABLE_BYTES_MAX - 127) / 2 };

/* -12: whoever asks gets the list, reliably: now from itself, or later, with others who asked, from the server (owed.h). LISTS_OWED: it waits for too many already. */
enum drop_reason ringcast_roster_answer(struct player *player, int32_t group);
/* A change, to the first recipient_count of group->members, of which the first member_count are the list; now or later. */
void ringcast_roster_push(struct group *group, size_t recipient_count);
/* The list of one group to the members of another, now or later. OVERSIZE when it does not fit whole, LISTS_OWED when too many wait. */
enum drop_reason ringcast_roster_broadcast(struct session *session, int32_t group, int32_t target_group);

/* For what waited. The list to all members of the target; false: it does not fit whole, and nobody gets it. */
bool ringcast_roster_tell_members(struct session *session, int32_t group, int32_t target_group);
/* To these, FANOUT_SOME_MAX at most, by ascending peer ids; where it is cut they come first. */
void ringcast_roster_tell_some(struct session *session, int32_t group, struct player *const *players, size_t player_count);

#endif
