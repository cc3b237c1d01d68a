/*
 * A spread session's home: it has the authority over all of it, as over a pinned one, and some of its players are on other shards. What those are sent goes there as letters, one
 * for each shard that has receivers.
 */
#ifndef RINGCAST_SESSION_HOME_H
#define RINGCAST_SESSION_HOME_H

#include "session/letter.h"

/* Where the players are that are not on this shard. */
struct limbs {
	uint64_t mask;	       /* shards that have any */
	uint32_t remote_count; /* all of them together */
	uint32_t counts[LIMBS_MAX];
};

/* Of a session that is, or has a part, on other shards. */
struct spread {
	bool is_limb;
	uint32_t home_shard; /* of a limb */
	handle home;         /* likewise */
	struct limbs all;    /* of a home: ACTIVE ones */
};

static inline bool ringcast_session_is_limb(const struct session *session)
{
	return UNLIKELY(session->spread != NULL) && session->spread->is_limb;
}

static inline uint32_t ringcast_player_shard(const struct player *player)
{
	ringcast_assert(player->limb > 0);
	return player->limb - 1u;
}

/* From now on, if its options and the store allow it, players may stay on the shard that took them in. False: out of memory, it is as it was. */
bool ringcast_home_spread(struct session *session);

/* Counts of players elsewhere. NULL is none. */
static inline uint32_t ringcast_limbs_remote_count(const struct limbs *limbs) { return limbs != NULL ? limbs->remote_count : 0; }
void ringcast_limbs_add(struct limbs *limbs, uint32_t shard);
void ringcast_limbs_remove(struct limbs *limbs, uint32_t shard);

/* For the files of this folder: the same as for local players, in letters. */
void ringcast_home_tell_admitted(struct player *player, enum drop_reason reason); /* outbox.admitted, wherever the player is */
void ringcast_home_kick(struct player *player, enum close_reason reason, const char *text);
void ringcast_home_join(const struct player *player, int32_t group);
void ringcast_home_leave(const struct player *player, int32_t group);
/* group NONE: addressed to the player. */
void ringcast_home_to_player(struct session *session, const struct packet *packet, enum delivery_intent intent, const struct player *player, int32_t group);
/* To the members that are elsewhere, of whom one may just have left (NULL: none). total_count: everywhere. */
void ringcast_home_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, const struct limbs *limbs,
			    const struct player *leaver, size_t total_count);

/* For the shard. */
/* A login that shard has taken in. Posts what has become of it, unless its script answers later. */
void ringcast_home_login(struct store *store, uint32_t shard, const struct letter *letter, struct view token, struct view payload, uint64_t now_ns);
/* PACKET and LEFT. DROP_NONE, or why nothing came of it: counted by now, but for who counts drops. */
enum drop_reason ringcast_home_receive(struct store *store, uint32_t shard, const struct letter *letter, uint64_t now_ns);
/* The player that a letter from shard is about, or that sent it; NULL: it has left meanwhile, or its session has ended. */
struct player *ringcast_home_find(struct store *store, uint32_t shard, const struct letter *letter);
/* What was sent to that shard is lost: its players of all sessions at home here leave, before they miss anything. */
void ringcast_home_lose(struct store *store, uint32_t shard, uint64_t now_ns);

#endif
