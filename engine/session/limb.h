/*
 * A limb: the part of a spread session on a shard that is not its home. A session object like others, with players and groups of its own, that decides nothing: what its players
 * send goes home, and what home says is done here. It dies with its last player.
 */
#ifndef RINGCAST_SESSION_LIMB_H
#define RINGCAST_SESSION_LIMB_H

#include "session/home.h"

/* For the files of this folder. */
enum drop_reason ringcast_limb_forward(struct player *player, const struct packet *packet, enum delivery_intent intent);
void ringcast_limb_disconnect(struct player *player, enum close_reason reason); /* its connection is gone: home is told */
void ringcast_limb_tell_dropped(struct player *player);  /* it stays; home tells its script */
void ringcast_limb_tell_returned(struct player *player); /* likewise */

/* For the shard. NULL: no limb of it here. */
struct session *ringcast_limb_find(struct store *store, uint32_t home_shard, const struct letter *letter);
/* For one more player, besides so many whose homes have been asked, of a session that may have none here yet? There is a place for a limb of each session elsewhere, so only players are looked at. */
bool ringcast_limb_has_room(const struct store *store, uint32_t asked_count);
/* ADMITTED: ACTIVE at once, for home has decided. NULL: no room, and home has been told that it is gone. */
struct player *ringcast_limb_admit(struct store *store, uint32_t home_shard, const struct letter *letter, void *transport, uint64_t now_ns);
/* The connection of ADMITTED is gone. */
void ringcast_limb_decline(struct store *store, uint32_t home_shard, const struct letter *letter, enum close_reason reason);
/* Its fast path came up, or is in doubt: home is told if that is news. */
void ringcast_limb_tell_fast(struct player *player, bool is_fast);
/* DELIVER, ROSTER, ANSWER, JOIN, LEAVE, KICK. What is for a player or a limb that has gone meanwhile is for nobody. */
void ringcast_limb_receive(struct store *store, uint32_t home_shard, const struct letter *letter, uint64_t now_ns);
void ringcast_limb_end(struct session *limb, enum close_reason reason, uint64_t now_ns); /* its players are sent away; home is told */

#endif
