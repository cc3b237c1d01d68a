/*
 * One core's world: io, pools, connections, sessions, and the tick that joins them. Touched by its own thread only, except for its mailbox.
 *
 * The simulation drives it exactly as a thread does: create with an io, tick it, destroy it.
 */
#ifndef RINGCAST_SHARD_SHARD_H
#define RINGCAST_SHARD_SHARD_H

#include "base/close.h"
#include "base/drop.h"
#include "base/magic.h"
#include "base/recorder.h"
#include "base/time_histogram.h"
#include "io/io.h"
#include "jwt/spent.h"
#include "jwt/token.h"
#include "ringcast/ringcast.h"
#include "session/letter.h"
#include "shard/directory.h"
#include "shard/disconnects.h"
#include "shard/events.h"
#include "shard/mailbox.h"
#include "shard/partner.h"
#include "transport/address_table.h"
#include "transport/association.h"
#include "transport/conn.h"
#include "transport/handshake_queue.h"
#include "transport/proxy_header.h"

enum { RESUME_SIZE_COUNT = 33 }; /* powers of two that a 32-bit size may be of, and none */

enum {
	SHARD_LISTEN_MAX = 2,
	SHARD_UDP_PORTS_MAX = 64,
	SHARD_EVENT_COUNT_MAX = 512,
	SHARD_EVENTS_PER_TICK_MAX = 4096,
	SHARD_FAST_MESSAGE_MAX = 2048,
	SHARD_FAST_NODE_MAX = 65536,
	SHARD_TX_BUF_MAX = 256,
	SHARD_CROWD_MAX = 32,
	SHARD_CHUNK_BYTES = 65536,
};

struct shard_counters {
#define COUNTER(name, text) uint64_t name;
#include "shard/counters.def"
#undef COUNTER
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t closes[CLOSE_REASON_COUNT];
	uint64_t paced_ns; /* of all naps; no part of tick_time */
	struct time_histogram tick_time; /* from waking to the next wait; what the kernel does with what was sent is in it only while messages are held */
	struct time_histogram queue_age; /* of each flush: how long its oldest message had been held back */
};

struct shard_listen {
	struct address address; /* port 0: chosen by the system for the first shard, then shared */
	bool is_v4;
};

enum shard_security_mode { SHARD_PLAIN, SHARD_SECURE_OPTIONAL, SHARD_SECURE_REQUIRED };

/* One shard's own: contexts belong to one thread. */
struct shard_credentials {
	struct crypto_context *stream, *datagram; /* datagram NULL: this library's DTLS is not to be trusted; players stay on TLS */
	char *ca_pem;                             /* heap; what clients verify DTLS with, part of the login result */
};
void ringcast_shard_credentials_release(struct shard_credentials *credentials);

struct shard;
/* Opens a session for a signed token, with this script ("": none). DROP_NONE, TOKEN_SCRIPT, or what ringcast_session_open says. */
typedef enum drop_reason shard_open_fn(struct shard *shard, const char *script, const struct session_options *options, struct session **ret_session);

struct shard_options {
	uint32_t index, count;
	struct ringcast_limits limits;
	struct shard_listen listens[SHARD_LISTEN_MAX];
	uint32_t listen_count;
	uint16_t udp_port_base; /* of this shard; 0: chosen by the system */
	uint32_t udp_port_count; /* 0: UDP off */
	uint16_t udp_ports[SHARD_UDP_PORTS_MAX]; /* those that the first shard has, where all share them; 0: base or the system says */
	struct directory *directory; /* of the players behind shared UDP ports; NULL: each shard has its own ports */
	bool is_udp_address_free, is_open;
	struct proxy_ranges proxies; /* whose connections begin with a PROXY header */
	enum shard_security_mode security;
	struct shard_credentials credentials; /* unless SHARD_PLAIN; the shard takes them, or on failure the caller keeps them */
	const struct jwt_keys *token_keys; /* whose signed tokens let players in; copied. NULL: none, and the next two are not called */
	uint64_t (*wall_s)(void);          /* seconds since the epoch */
	shard_open_fn *open;
	const struct hooks *hooks;
	void *hooks_context;
	session_change_fn *change; /* NULL: nobody wants to know */
	void *change_context;
	session_emit_fn *emit; /* likewise */
	void *emit_context;
	session_question_fn *question; /* likewise */
	void *question_context;
	enum spread_mode spread; /* of sessions that do not say */
	uint32_t cpu_percent;    /* of one processor, that the shard may have; 0: all of it */
	uint32_t flush_portion;  /* streams that a shard which holds messages back writes to before it reads on; 0: the default */
	struct mailbox *const *mailboxes; /* of all shards, by index; ours is mailboxes[index] */
};

struct fast_message { /* a fast message of this tick, shared by its receivers */
	int32_t opcode;
	struct buf *buf; /* holds what all receivers get after the number of theirs; one reference */
	uint32_t offset, size;
};

struct fast_node {
	uint32_t message, next;
};

/* Player tokens that a backend signed: all zero where none are taken. */
struct signed_tokens {
	struct jwt_keys *keys; /* owned */
	struct jwt_spent spent;
	struct ratelimit checks;
};

/* Encryption: all zero where it is off. */
struct shard_security {
	struct shard_credentials credentials;
	struct slab streams; /* struct secure_stream, one per TLS connection */
	struct association_table associations;
	struct handshake_queue queue;
	struct ratelimit hellos;
	uint8_t *opened, *gathered; /* CRYPTO_STREAM_RECORD_BYTES each: plaintext read, and slices to be sealed as one */
	struct conn *serving;       /* whose session is being called: what it emits goes to its stream */
	struct address serving_address; /* likewise for an association, or for a hello's answer */
	io_id serving_socket;
	io_local serving_local;
	struct buf *tx_buf; /* where emitted datagrams are put; one of tx_bufs */
	struct handoff *leaving; /* owned: the association whose datagram is being read is another shard's; NULL: it is not */
	uint32_t leaving_target;
};

struct waiting_letter {
	struct waiting_letter *next;
	uint32_t payload_bytes;
	struct letter letter; /* its payload lies behind it */
};

/* OWN: this shard waits for the other one. TOLD: a player's home does, and says when it is over. */
enum pause_kind { PAUSE_OWN, PAUSE_TOLD, PAUSE_KIND_COUNT };

/* To and from other shards, for sessions that are spread. */
struct shard_letters {
	struct letter_queue { /* by shard: what its ring has no room for */
		struct waiting_letter *oldest, *youngest;
		uint64_t bytes, packet_bytes; /* packet: of what players here have sent to sessions at home there */
		uint64_t moved_ns; /* when the last of them found room, or the first one came */
		uint64_t told;     /* shards with players that are paused because of it, and do not know that it is over */
		struct list_node pauses[PAUSE_KIND_COUNT]; /* see pauses.c; oldest first. OWN: for room in this queue. TOLD: by that shard */
		uint32_t pause_counts[PAUSE_KIND_COUNT];
	} queues[LIMBS_MAX];
	uint64_t waiting; /* shards whose queue is not empty */
	uint64_t full;    /* of them, those for which senders wait, until half of that has gone */
	uint64_t paused;  /* shards with a pause */
	uint64_t holding; /* shards that what is being served fills */
	uint64_t unrung;  /* shards that were posted to since the last bell */
	uint64_t lost;    /* shards that something was lost for which must not be missed */
	uint32_t asking_count; /* logins that other shards were asked about, who may all come to be here */
	uint64_t cost;    /* bytes that were posted for receivers, 64 added for each, as budgets count them */
	uint32_t first;   /* the shard whose letters are read first, next time */
	const struct letter *served; /* what is being done is its sender's doing, who is on another shard; NULL: not so */
	struct pause **pause_of_conn; /* by the place of the connection; NULL: there is no other shard */
	uint64_t held_bytes; /* of paused senders, read before io knew of it, as they lie in memory; at most spread_queue_bytes */
	bool is_pressing; /* it fills somebody's queue */
};

struct shard {
	struct shard_options options;
	struct session_limits session_limits;
	struct io *io;
	uint64_t now_ns;   /* the shard's clock: the io's, less the time in which this process did not run */
	uint64_t clock_ns; /* the io's, at the same moment */
	uint64_t paused_ns;
	struct buf_pool *pool;
	struct timer_wheel wheel;
	struct slab conns, fast_paths;
	struct slab resumes; /* struct resume, of players who may come back */
	struct map resumes_by_player;
	struct list_node resumes_shared; /* those whose frames share chunks with others */
	struct list_node resumes_by_size[RESUME_SIZE_COUNT]; /* those who hold memory, by its power of two: of whom to take when it is short */
	uint64_t resume_bytes; /* held for all of them */
	struct slice_pool slices;
	struct address_table addresses;
	handle crowd[SHARD_CROWD_MAX]; /* who goes when places run short, the next one last */
	uint32_t crowd_count;
	uint32_t crowd_vain_count; /* there was nobody for a newcomer with so many strangers of its own address */
	uint64_t crowd_pause_ns; /* until then nobody is looked for on behalf of such a one */
	uint64_t crowd_looks;    /* how often all connections were looked through */
	struct map fast_peers; /* hash of (ip, peer id, port) -> conn handle */
	uint64_t fast_seed;
	struct store store;
	io_id listeners[SHARD_LISTEN_MAX];
	uint16_t tcp_port;
	io_id udp_sockets[SHARD_LISTEN_MAX][SHARD_UDP_PORTS_MAX];
	uint16_t udp_ports[SHARD_UDP_PORTS_MAX];
	uint32_t udp_port_count;

	struct conn *sender; /* whose message is being routed; NULL: nobody's, or a script's */
	struct account { /* when its turn began */
		uint64_t delivery_count, bytes, letter_cost;
		uint32_t membership_count;
	} account;
	struct ratelimit *session_fanouts; /* by index of the session's slot */
	struct conn *serving; /* being read or flushed: its queues and bytes are in use; NULL: nobody */
	struct buf *chunk; /* frames of this and earlier ticks are encoded here, one after another */
	struct list_node dirty, fast_dirty, doomed;
	struct list_node stalled; /* of those to flush: who found no room to seal in, until the flush is over */
	struct fast_message *fast_messages;
	struct fast_node *fast_nodes;
	uint32_t fast_message_count, fast_node_count;
	struct buf *tx_bufs[SHARD_TX_BUF_MAX]; /* datagrams given to io; free after the next run */
	uint32_t tx_buf_count;
	struct shard_security security;
	struct signed_tokens signed_tokens;
	struct shard_letters letters;
	uint64_t flushed_ns, deliveries_in_window, load_window_start_ns;
	uint64_t delivered_bytes; /* payloads and lists of members, once a receiver; what who caused them is charged */
	uint64_t fast_queued_ns; /* when the first of the fast messages that wait was queued; 0: there is none */
	uint64_t hold_ns;        /* how long a message is held back, in this turn; 0: until the next flush */
	struct shard_pace {
		uint64_t wanted_ns; /* the hold that the load asks for */
		uint64_t window_start_ns, cpu_ns; /* when its load was looked at last, and the processor time until then */
		uint64_t write_ns;                /* since then, for what left */
	} pace;
	uint64_t deliveries_per_ms; /* estimate that decides whether to hold back */
	bool is_sent_awaited; /* a stream goes on when its SENT is there: the next run is not to wait, for SENT would not wake it */
	bool is_flush_cut;    /* the last flush left some that were due: the next one goes on with them, after a look at the sockets */
	bool is_stray; /* the datagram being served came to another shard */
	bool is_stopping;
	struct list_node partners; /* struct partner; their owners take them out before the shard is destroyed */
	uint32_t partner_number_next, partner_stream_count;

	struct shard_counters counters;
	struct event_log events_log;
	struct disconnects disconnects;
	struct recorder recorder; /* what it did last; see base/probe.def */
	uint64_t beat_ns; /* atomic: when the loop last turned, for health checks */
	uint32_t player_count; /* atomic: those who are in, as of the last tick; for whoever waits until they have left */
	struct io_event events[SHARD_EVENT_COUNT_MAX];
};

/* NULL on failure, with one clear line in reterr. Takes the io (destroys it with the shard; on failure the caller keeps it). */
struct shard *ringcast_shard_create(const struct shard_options *options, struct io *io, char *reterr, size_t reterr_bytes);
/* All sessions must have ended and all connections closed: see ringcast_shard_stop. */
void ringcast_shard_destroy(struct shard **shard);
/* One turn of the loop. Waits in io at most until the next deadline. */
void ringcast_shard_tick(struct shard *shard);
/*
 * No new sessions, reservations or logins; scripts are told, and sessions end at deadline_ns (UINT64_MAX: when they do by themselves). In turns: false
 * means that some of the sessions have been told, and that *cursor (0 at first) says where to go on.
 */
bool ringcast_shard_drain(struct shard *shard, uint32_t *cursor, uint64_t deadline_ns);
/* The opposite, in turns too; nothing once the shard stops. Of a drain and a resume the later one counts, also for turns that were left. */
bool ringcast_shard_resume(struct shard *shard, uint32_t *cursor);
/* Ends every session, closes every connection; is_idle says when all of it is done. */
void ringcast_shard_stop(struct shard *shard);
/* Past the time allowed: cuts what is left without waiting for queues. */
void ringcast_shard_abort(struct shard *shard);
/* Where a session of this name lives, in dev mode (is_open) or where signed tokens are taken. */
uint32_t ringcast_shard_of_name(const char *name, uint32_t shard_count, bool is_open);
/* For shards that were made with some: other keys for signed tokens; copied. */
void ringcast_shard_set_token_keys(struct shard *shard, const struct jwt_keys *keys);
bool ringcast_shard_is_idle(const struct shard *shard);
/* For handshakes from now on; sessions that stand keep what they began with. Takes the credentials. */
void ringcast_shard_set_credentials(struct shard *shard, const struct shard_credentials *credentials);
void ringcast_shard_set_limits(struct shard *shard, const struct ringcast_limits *limits); /* the reloadable ones */
uint64_t ringcast_shard_memory_bytes(const struct ringcast_limits *limits, uint32_t shard_count, ringcast_memory_fn *each, void *context);
uint32_t ringcast_shard_session_places(const struct ringcast_limits *limits, uint32_t shard_count); /* of its own sessions and limbs of others' together */
uint64_t ringcast_shard_pauses_memory_bytes(uint32_t connections_max); /* besides, with other shards: all of them paused; what is held of them apart */
uint64_t ringcast_shard_security_memory_bytes(const struct ringcast_limits *limits); /* besides, with encryption; the library's heap apart */
void ringcast_shard_io_options(const struct ringcast_limits *limits, struct io_options *ret_options);

#endif
