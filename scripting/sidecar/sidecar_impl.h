/* The host's inside, for the files of this folder. */
#ifndef RINGCAST_SCRIPTING_SIDECAR_SIDECAR_IMPL_H
#define RINGCAST_SCRIPTING_SIDECAR_SIDECAR_IMPL_H

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "scripting/sidecar/frame.h"
#include "scripting/sidecar/inbox.h"
#include "scripting/sidecar/queue.h"
#include "scripting/sidecar/sidecar.h"
#include "session/session.h"

enum {
	SIDECAR_WINDOW_BYTES = 1 << 20,
	SIDECAR_TIMEOUT_MS = 10000,
	SIDECAR_CHANNELS_MAX = 64,
	SIDECAR_LOG_TEXT_BYTES_MAX = 8 << 10,
};

enum channel_state { CHANNEL_DETACHED, CHANNEL_GREETING, CHANNEL_READY };
/*
 * OPENING --(the last piece is queued)--> STARTING --OPENED--> RUNNING. commands.c has the table of what a process may say of a session in each. One whose
 * OPEN holds everything begins in STARTING.
 */
enum tenant_state { TENANT_OPENING = 1, TENANT_STARTING = 2, TENANT_RUNNING = 4 };

struct channel {
	struct sidecar_queue queue;
	struct sidecar_inbox inbox;
	enum channel_state state;
	struct list_node opening; /* tenants of which pieces wait to be sent, see pieces.c */
	bool is_greeted; /* our hello is the first frame in the queue, or was sent */
	bool is_silent;
	bool has_debugger;
	uint64_t heard_ns;    /* when bytes came last, or it was attached */
	uint64_t ready_ns;    /* when it became READY: before, no script could take anything */
	uint64_t detached_ns; /* when it began to wait for a process while sessions are on it; 0: it does not */
	struct sidecar_stats stats;
};

struct program {
	struct script_program base;
	struct sidecar_host *host;
};

struct tenant {
	struct session *session;
	struct program *program;
	struct channel *channel;
	handle self;
	uint32_t number; /* on the wire; never 0 */
	uint8_t state;   /* enum tenant_state */
	uint8_t piece;   /* enum sidecar_piece: the text that is being sent; SIDECAR_PIECE_COUNT: none is left */
	struct view piece_text;   /* the session's, or the host's; what of it waits */
	uint32_t piece_offset;    /* where in the whole text that begins */
	struct list_node opening; /* channel->opening */
	uint8_t fate;    /* enum close_reason: end it so at the next tick; CLOSE_NONE: no */
	uint64_t unacked_bytes;
	uint64_t progress_ns; /* when it last took something, or was first given something to take */
	uint64_t memory_bytes; /* as the sidecar measured it */
	uint32_t error_count;
	uint64_t log_second;
	uint32_t log_line_count, log_suppressed_count;
};

struct sidecar_host {
	const struct script_environment *environment;
	struct channel *channels;
	uint32_t channel_count, window_bytes;
	uint64_t attach_timeout_ns, stall_timeout_ns;
	char *arguments;
	struct slab tenants;
	struct map tenants_by_number; /* number -> handle */
	uint32_t number_next;
	bool are_numbers_random;
	uint32_t doomed_count; /* tenants with a fate */
	uint64_t check_ns;     /* when tick looks at everything next */
};

static inline struct tenant *ringcast_tenant_of(const struct session *session) { return session->user; }

/* channel.c */
bool ringcast_channel_greet(struct sidecar_host *host, struct channel *channel); /* the first frame, once; false: out of memory */
/* True: queued. bytes_max: what may wait in all. */
bool ringcast_channel_push(struct sidecar_host *host, struct channel *channel, const struct sidecar_frame *frame, uint64_t bytes_max);
void ringcast_channel_reset(struct channel *channel); /* DETACHED, with nothing queued and nothing begun; the counts go on */

/* tenant.c */
void ringcast_tenant_start(void *context, struct session *session);
void ringcast_tenant_ended(void *context, struct session *session, enum close_reason reason);
struct tenant *ringcast_tenant_find(struct sidecar_host *host, uint32_t number); /* NULL: unknown or ended */
bool ringcast_tenant_has_room(const struct tenant *tenant, size_t size, unsigned share); /* share: how many times the bounds may be used */
/* False: no room; nothing happened. */
bool ringcast_tenant_push(struct tenant *tenant, struct sidecar_frame *frame, unsigned share);
void ringcast_tenant_notify(struct tenant *tenant, struct sidecar_frame *frame); /* dropped and counted when there is no room */
/* What a script must not miss (who comes and goes, the end): may use the bounds twice; when even that is full the session is doomed. */
void ringcast_tenant_inform(struct tenant *tenant, struct sidecar_frame *frame);
void ringcast_tenant_doom(struct tenant *tenant, enum close_reason fate);
/* Ends the session; the tenant is gone when this returns. Outside hooks. */
void ringcast_tenant_end(struct tenant *tenant, enum close_reason reason, uint64_t now_ns);
void ringcast_tenant_log(struct tenant *tenant, enum script_level level, struct view text, uint64_t now_ns); /* by the session's rate */
PRINTF_LIKE(3, 4) void ringcast_tenant_say(struct tenant *tenant, enum script_level level, const char *format, ...);
void ringcast_tenant_failed(struct tenant *tenant, uint64_t now_ns); /* the script failed once more; may end the session */

/* pieces.c */
/* The text as OPEN has it: empty when it is to follow in pieces. */
struct view ringcast_pieces_short(const struct tenant *tenant, enum sidecar_piece piece);
void ringcast_pieces_begin(struct tenant *tenant); /* what is to follow; after it tenant->state says whether anything is */
void ringcast_pieces_stop(struct tenant *tenant);  /* sends no more of them; harmless when there are none */
/* Queues pieces of the channel's sessions as far as there is room. Ends nobody. */
void ringcast_pieces_pump(struct channel *channel);

/* events.c */
void ringcast_events_fill(struct hooks *hooks, uint32_t callbacks); /* callbacks 0: not known, so all */

/* commands.c: what a frame of the process asks for. False: garbage. */
bool ringcast_commands_carry_out(struct sidecar_host *host, struct channel *channel, const struct sidecar_frame *frame, uint64_t now_ns);

#endif
