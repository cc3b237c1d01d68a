/*
 * Retained messages: what a group's game last said under each key, for those who join the group later. A message that is retained goes to the members, as every
 * message to the group, and from then on to each player who joins, right behind the confirmation of its join, until another takes its key or it is forgotten. In the
 * order in which they were last said. They belong to the session and the group's number: a group that nobody is in keeps its own. -1, everyone, has them as well: for who
 * joins the session.
 *
 * Bounded by session_limits: retained_per_group_max messages of a group, retained_bytes of a session in whole bufs, and groups_per_session_max groups that have any.
 * Beyond that a message is refused whole, so that those who are there and those who come later never know different things: RETAINED_FULL.
 */
#ifndef RINGCAST_SESSION_RETAINED_H
#define RINGCAST_SESSION_RETAINED_H

#include "session/session.h"

/* For the files of this folder. DROP_NONE, RETAINED_FULL, NO_BUFFER: then all is as it was. */
enum drop_reason ringcast_retained_put(struct session *session, int32_t group, uint32_t key, const struct packet *packet);
void ringcast_retained_forget(struct session *session, int32_t group, uint32_t key); /* harmless when there is none */
void ringcast_retained_replay(struct player *player, int32_t group); /* to one who has just joined */
void ringcast_retained_free(struct session *session); /* all, at its end */

#endif
