/* What the rest of the session layer may do to groups beyond session.h. */
#ifndef RINGCAST_SESSION_GROUP_H
#define RINGCAST_SESSION_GROUP_H

#include "session/session.h"

/* Everything that can refuse a join short of the script: so that the script is asked only about joins that will happen. */
enum drop_reason ringcast_group_check_join(struct player *player, int32_t group);
/* What a player gets who has just joined, behind the confirmation: of a group, or with -1 of the session. */
void ringcast_group_welcome(struct player *player, int32_t group);
/* Out of every group; the members that stay are told, unless the session is ending and everyone goes. */
void ringcast_group_leave_all(struct player *player);
/* Of a spread session: where its members are that are elsewhere; NULL: all are here. */
const struct limbs *ringcast_group_limbs(const struct session *session, int32_t group);

#endif
