/*
 * What a session decided: packets for recipients, players to disconnect. The session layer calls this sink; the shard implements it with
 * transport (tests with a recorder). A fan-out names the group's own dense member array and the packet as it came, so nothing is copied: recipients are
 * as of acceptance, and all of it is valid for the call only. The sink must not call back into the session layer.
 */
#ifndef RINGCAST_SESSION_OUTBOX_H
#define RINGCAST_SESSION_OUTBOX_H

#include "base/close.h"
#include "base/drop.h"
#include "proto/packet.h"

struct letter;
struct player;
struct session;

enum delivery_intent { INTENT_FAST = 0, INTENT_RELIABLE = 1 };

struct fanout {
	const struct packet *packet; /* but for what follows; its sequence is the transport's, and is_reliable the channel used */
	int32_t target_player, target_group; /* what the receivers see: one of the two */
	enum delivery_intent intent;
	struct player *const *recipients;
	size_t recipient_count; /* > 0, without skip too */
	size_t skip; /* 1 + the place of the one recipient who does not get it; 0: all do */
};

struct outbox {
	void *context;
	void (*deliver)(void *context, const struct fanout *fanout);
	/* The player has left the session already; its transport closes after what was queued is sent. */
	void (*disconnect)(void *context, struct player *player, enum close_reason reason, const char *text);
	/* A session began, or has ended; NULL: nobody wants to know. For the record only: it must change nothing. */
	void (*session_changed)(void *context, const struct session *session, bool is_end);
	void (*drop)(void *context, enum drop_reason reason, uint64_t count);
	/* The login of a player who was waiting is decided. NONE: its login result goes out now, before anything else. Else it is refused, with
	 * the reason; the player has left the session already, and the reason is the sink's to count, as admit's would be. */
	void (*admitted)(void *context, struct player *player, enum drop_reason reason);
	/* What is delivered from here on is the doing of the player with this transport (NULL: of nobody), whoever was called to bring it about. Returns
	 * whose it was before, to be given back. NULL: nobody keeps accounts. */
	void *(*blame)(void *context, void *transport);
	/* For the part of a spread session on another shard (letter.h), behind all that was posted to that shard before; copied. Not NONE: it does not go, and that is the caller's to
	 * count, which happens only to what a player has sent (PACKET); of the rest the sink counts what may be lost and is. NULL: there are no other shards. */
	enum drop_reason (*post)(void *context, uint32_t shard, const struct letter *letter);
};

#endif
