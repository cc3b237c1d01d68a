/*
 * The event log: who came, who was refused and why, who went, which session lived. One line each, as component "session" or "connection", with the
 * address, the player and the reason. A line is formatted on the shard and handed to the log's sink, so lines are bounded: per kind, and per
 * kind and address (limits.events_per_second and a tenth of it). What was held back is told by the next line of its kind: suppressed=N.
 *
 * Text that comes from players, scripts or backends is quoted; control bytes and what is not ASCII become dots: it cannot end a line or begin a field.
 */
#ifndef RINGCAST_SHARD_EVENTS_H
#define RINGCAST_SHARD_EVENTS_H

#include "base/close.h"
#include "base/drop.h"
#include "base/types.h"

struct shard;
struct conn;
struct player;
struct session;

enum event_kind {
#define EVENT(name, word, text) EVENT_##name,
#include "shard/events.def"
#undef EVENT
	EVENT_KIND_COUNT
};

enum { EVENT_ADDRESS_SLOTS = 256 };

struct event_quota { /* of one second */
	uint64_t key;
	uint32_t second, count;
	uint64_t suppressed_count;
};

struct event_log {
	struct event_quota kinds[EVENT_KIND_COUNT];
	struct event_quota addresses[EVENT_ADDRESS_SLOTS]; /* by hash of kind and address: who shares a slot only shares its allowance */
};

void ringcast_event_login(struct shard *shard, const struct conn *conn, enum event_kind kind); /* LOGIN or RESUMED */
void ringcast_event_expired(struct shard *shard, const struct player *player, enum close_reason reason); /* dropped, and did not come back */
/* With what would help. */
void ringcast_event_refused(struct shard *shard, const struct conn *conn, enum drop_reason reason);
/* The connection ends: a player who leaves or is kicked, or a stranger. */
void ringcast_event_closed(struct shard *shard, const struct conn *conn, enum close_reason reason);
void ringcast_event_session(struct shard *shard, const struct session *session, bool is_end);
/* Of an address, whoever is there: garbage, failed TLS. */
void ringcast_event_address(struct shard *shard, enum event_kind kind, const struct address *address, enum drop_reason reason);

/* "text" for a log line, cut to fit. Returns ret_quoted. size >= 4. */
const char *ringcast_event_quote(const char *text, char *ret_quoted, size_t size);

#endif
