/* Who went last, and why: the newest limits.disconnects_kept of a shard. On the shard's thread. */
#ifndef RINGCAST_SHARD_DISCONNECTS_H
#define RINGCAST_SHARD_DISCONNECTS_H

#include "base/close.h"
#include "io/io.h"
#include "session/session.h"

struct disconnect {
	uint64_t now_ns;
	struct address address;
	int32_t peer_id; /* 0: nobody's, it had not logged in */
	uint8_t reason;	 /* enum close_reason */
	bool is_by_api;
	char session_id[SESSION_ID_BYTES]; /* "": likewise */
	char player_id[64];		   /* the beginning of it */
};

struct disconnects {
	struct disconnect *entries; /* number n lies at n % capacity */
	uint32_t capacity;	    /* 0: none are kept */
	uint64_t count;		    /* ever */
};

struct conn;
bool ringcast_disconnects_init(struct disconnects *disconnects, uint32_t capacity); /* false: out of memory */
void ringcast_disconnects_fini(struct disconnects *disconnects);
void ringcast_disconnects_note(struct disconnects *disconnects, const struct conn *conn, uint64_t now_ns); /* before its player leaves */
/* The one before this number (UINT64_MAX: the newest), whose number *ret_number becomes. NULL: there is none that is kept. */
const struct disconnect *ringcast_disconnects_before(const struct disconnects *disconnects, uint64_t number, uint64_t *ret_number);

#endif
