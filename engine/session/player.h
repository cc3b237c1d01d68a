/* The way of a player through its session, for the files of this folder. */
#ifndef RINGCAST_SESSION_PLAYER_H
#define RINGCAST_SESSION_PLAYER_H

#include "session/session.h"

/* A player id holds one place in a session, from reservation to the end. "" is nobody's and never taken. */
bool ringcast_player_is_id_taken(const struct session *session, const char *player_id);
/* Room for so many bytes of its id and data; NULL: no buffer. Freed with the player. */
char *ringcast_player_text(struct player *player, size_t size_bytes);
void ringcast_player_free_text(struct player *player);
void ringcast_player_hold_id(struct player *player); /* the one in its properties, which must not be taken */
int ringcast_player_compare(const void *a, const void *b); /* pointers to pointers of them, by peer id: for qsort and bsearch */
/* RESERVED -> CONNECTING: a peer id, and the last place of session->players. */
void ringcast_player_connect(struct player *player, void *transport, uint64_t now_ns);
/* CONNECTING -> ACTIVE: behind the players that are ACTIVE already. */
void ringcast_player_activate(struct player *player);
/* none -> ACTIVE, in a limb: home has decided, also about its peer id. */
void ringcast_player_appear(struct player *player, int32_t peer_id);
/* CONNECTING: its script decides later; it has decided. */
void ringcast_player_await(struct player *player);
void ringcast_player_resume(struct player *player);
/* CONNECTING or ACTIVE -> COMPLETED: hook (if ACTIVE), groups, list, graveyard. Applies no commands. */
void ringcast_player_leave(struct player *player, enum close_reason reason);
/* As leave, and the outbox is told to close the transport, or to refuse the login that waits. text NULL: the reason's own. */
void ringcast_player_expel(struct player *player, enum close_reason reason, const char *text);
/* RESERVED -> COMPLETED or TIMEDOUT: the place is free again. */
void ringcast_player_release(struct player *player, enum player_state state, enum close_reason reason);

#endif
