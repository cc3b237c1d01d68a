/*
 * Snapshots: what a game's script says to a player who joins, made at the moment of the join. The script is asked (hooks.snapshot) about each join that is going to
 * happen: of the session, which is group -1, and of each group, whoever wanted it. What it says meanwhile by ringcast_command_snapshot is delivered right behind the
 * confirmation of the join, and behind what the group retains.
 *
 * The answer may come later (VERDICT_LATER). Until then the player is not in, and what is sent to the group is as follows. What the script itself sends, or was asked about
 * before it went out, comes in one order with its answer: before the answer it is the snapshot's to contain. What goes from player to player without the script being
 * asked it cannot know; from the question on that is held for the player (reliable messages), and follows the snapshot. So nothing is lost behind a snapshot, and
 * nothing in it is doubled.
 *
 * What a session holds so is bounded by session_limits.snapshot_bytes, in whole bufs; a join that goes beyond is refused (SNAPSHOT_FULL, or NO_BUFFER), for half of a snapshot
 * is worse than none. Joins that wait are bounded by parked_session_max, and their time by the session's answer timeout, as all questions.
 *
 * A snapshot is missed when its script fails to make it, says a part that is no message of a game, does not answer in time, or cannot be asked. Then nothing of it is delivered, and the
 * session's is_late_allowed says whether the player joins without it, with what is held, or not at all. Joins without are counted when they have happened (snapshots_missed).
 */
#ifndef RINGCAST_SESSION_SNAPSHOT_H
#define RINGCAST_SESSION_SNAPSHOT_H

#include "session/session.h"

/* For the files of this folder. */

/*
 * Asks about a join that nothing but the script can keep from happening. ALLOW: it goes on with check and complete. LATER: the answer to session->ticket
 * decides. DENY: *ret_denied says why, and nothing is left of it.
 */
enum verdict ringcast_snapshot_ask(struct player *player, int32_t group, enum drop_reason *ret_denied);
bool ringcast_snapshot_is_asked(const struct player *player, int32_t group);
/* Of one that was allowed, just before it happens: DROP_NONE, SNAPSHOT_FULL, NO_BUFFER, DENIED (it is missed, and nobody joins without). */
enum drop_reason ringcast_snapshot_check(const struct player *player, int32_t group);
/* The join of a group, which nothing but check and want of memory can keep from happening now. Otherwise it is abandoned. */
enum drop_reason ringcast_snapshot_conclude(struct player *player, int32_t group);
/* It has happened: delivers, and is done with it. Harmless when nobody was asked. */
void ringcast_snapshot_complete(struct player *player, int32_t group);
void ringcast_snapshot_abandon(struct player *player, int32_t group); /* it will not happen; harmless likewise */
void ringcast_snapshot_leave(struct player *player); /* all of the player's */

/* A join that the script commands. DROP_NONE: it has happened, or the script's answer decides, or it is being asked about already. Where its time is used up the player joins without. */
enum drop_reason ringcast_snapshot_join(struct player *player, int32_t group);
/* Takes back such a join while it waits. False: there is none. */
bool ringcast_snapshot_cancel(struct player *player, int32_t group);
bool ringcast_snapshot_settle(struct session *session, uint64_t ticket, enum verdict verdict); /* of such a join; false: none waits for this ticket */
void ringcast_snapshot_expire(struct timer *timer);

/* A message that goes to the members of group, but for what except (NULL: nobody) gets besides. */
void ringcast_snapshot_hold(struct session *session, const struct packet *packet, int32_t group, const struct player *except);

#endif
