/* What the rest of the session layer may do to logins beyond session.h. */
#ifndef RINGCAST_SESSION_ADMISSION_H
#define RINGCAST_SESSION_ADMISSION_H

#include "session/session.h"

/* The script has decided about a player who was waiting; reason: why it is refused. Tells the outbox, then accepts. */
void ringcast_admission_answered(struct player *player, enum drop_reason reason);
/* The player that token stands for, if it has reserved its place and not come yet; else NULL. */
struct player *ringcast_admission_find(struct store *store, struct view token);

struct arrival { /* of a player */
	void *transport;
	uint8_t limb; /* as the player's */
	bool has_no_echo;
};
/* As admit, wherever the player has arrived. */
enum drop_reason ringcast_admission_arrive(struct store *store, struct view token, struct view payload, const struct arrival *arrival, uint64_t now_ns,
					   struct player **ret_player);

#endif
