/*
 * Players who may come back: what of a player outlives its connection. It exists for those only who asked for it at login; see docs/protocol.md.
 *
 *   (none) --(login that asks, answered)--> HELD --(its stream breaks)--> DROPPED --(resume)--> HELD
 *                                             |                             \--(window over, sent away, session ended)--> (none)
 *                                             \--(left, or was sent away)--> (none)
 *
 * HELD: conn is set. A resume that comes while the old stream still looks alive takes the player from it: the new one wins.
 */
#ifndef RINGCAST_SHARD_RESUME_H
#define RINGCAST_SHARD_RESUME_H

#include "shard/shard_private.h"
#include "session/id.h"
#include "transport/replay.h"

enum { RESUME_TIMER = 3 }; /* timer.kind, beside those of shard_private.h */
enum { RESUMES_PER_SECOND = 10 }; /* of one player, with a burst of one second: each costs a replay, and two calls of a script */
enum { RESUME_ACKNOWLEDGE_COUNT = 16, RESUME_ACKNOWLEDGE_BYTES = 16384 }; /* so much is read of a client before it is told */

struct resume {
	struct replay replay;
	struct conn *conn; /* NULL: dropped */
	handle self, player;
	struct list_node shared_node; /* in shard->resumes_shared: shares chunks with others */
	struct list_node size_node;   /* in shard->resumes_by_size, as held_bytes says */
	uint32_t held_bytes;          /* as last counted */
	struct timer timer;           /* dropped: the window's end */
	uint32_t received, received_told; /* messages of the client read; of these, those it knows of */
	uint32_t bytes_untold;
	struct ratelimit resume_rate;
	struct budget budget; /* dropped: what its last connection had left */
	uint32_t unsent; /* dropped: frames kept since */
	uint8_t secret[ID_SECRET_BYTES];
	uint8_t secret_before[ID_SECRET_BYTES]; /* until the client has shown that it knows the new one */
	bool has_secret_before;
	bool is_busy;         /* its frames are being copied: not to be given up now */
	uint8_t close_reason; /* dropped: of what */
};

/* At the login of a player who asked, before it is answered; conn becomes resumable unless there is no place. */
void ringcast_resume_open(struct shard *shard, struct conn *conn);
void ringcast_resume_format_token(const struct shard *shard, const struct resume *resume, char ret_token[PLAYER_TOKEN_BYTES]);
/* Whose token this is; NULL: nobody's any more. */
struct resume *ringcast_resume_find(struct shard *shard, struct view token);
struct resume *ringcast_resume_of(struct shard *shard, const struct player *player); /* NULL: cannot resume */
/* Would a resumable connection that ends for this reason leave its player behind? */
bool ringcast_resume_is_drop(const struct conn *conn, enum close_reason reason);
/* Its stream ends for this reason: does the player stay? Then it is dropped, and the session has been told. */
bool ringcast_resume_drop(struct shard *shard, struct conn *conn, enum close_reason reason);
/* The player goes for good. conn, if there is one, is an ordinary one from here on. Harmless when it cannot resume. */
void ringcast_resume_close(struct shard *shard, const struct player *player);
/* A login that brings a token: the player comes back, or is refused. */
enum drop_reason ringcast_resume_login(struct shard *shard, struct conn *conn, const struct packet *packet);
void ringcast_resume_expire(struct shard *shard, struct resume *resume);

/* A frame was queued for the player. */
void ringcast_resume_keep(struct shard *shard, struct resume *resume, struct buf *buf, uint32_t offset, uint32_t size);
/* There was no memory for a frame: a gap. */
void ringcast_resume_skip(struct shard *shard, struct resume *resume);
/* The current chunk is given up: whoever still shares it takes a copy. */
void ringcast_resume_detach_all(struct shard *shard);
/* Of the client: it has read so much; a message of it was read here. */
void ringcast_resume_acknowledge(struct shard *shard, struct conn *conn, int32_t received);
void ringcast_resume_count(struct shard *shard, struct conn *conn, size_t bytes);
void ringcast_resume_tell(struct shard *shard, struct conn *conn); /* what was read, if it does not know */
/* Memory runs short: what is kept for those who are connected goes first. False: nothing is kept. */
bool ringcast_resume_relieve(struct shard *shard);

#endif
