/*
 * Ringcast: an embeddable relay engine for multiplayer games. The whole public API, with ringcast_types.h and ringcast_limits.h; ringcastd is written against it alone.
 *
 * Threads. An engine runs one thread per shard. Functions marked [any thread] may be called from any thread but a callback; they post a
 * message to the shard that owns the session and wait for its answer. Callbacks, and functions marked [callback], run on the thread of
 * the session's shard and must not block.
 *
 * Growth. Every options struct begins with its size: set it with the struct's INIT macro. Zero always means "the default". Unknown
 * trailing bytes must be zero, or the call answers RINGCAST_ERROR_ARGUMENT.
 *
 * Errors are negative enum values; a call that fails changes nothing. Caller mistakes that the engine can prove (NULL, a callback
 * function called from a foreign thread) abort with a message.
 */
#ifndef RINGCAST_H
#define RINGCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringcast_limits.h"
#include "ringcast_types.h"

#ifdef __cplusplus
extern "C" {
#endif

RINGCAST_API const char *ringcast_error_text(int error);
RINGCAST_API const char *ringcast_version(void);

/*
 * [once, before other threads] Fatal signals (SEGV, BUS, FPE, ILL, ABRT) say on stderr what each shard was doing, and then do what they would have done.
 * A failed assertion says so in any case. For programs that have no handlers of their own for these signals. folder: where the same goes into
 * crash-<pid>.txt; NULL or "": nowhere. Both texts are copied; program at most 63 bytes, folder 511.
 */
RINGCAST_API void ringcast_crash_install(const char *program, const char *folder);

typedef struct ringcast_player_info {
	int32_t peer_id;
	bool is_fast; /* UDP is up */
	char token[RINGCAST_ID_BYTES];
	char player_id[RINGCAST_PLAYER_ID_BYTES];
	char state[16]; /* reserved; active; dropped: its stream broke, and it may come back; completed; timedout */
	char address[RINGCAST_ADDRESS_BYTES];
	uint64_t created_ns, joined_ns;
	uint64_t messages_received, messages_sent, bytes_received, bytes_sent, drops;
	uint32_t outq_bytes;
	uint32_t shard; /* that has its connection; of a reservation: the session's */
} ringcast_player_info;

/*
 * What the game may answer. NULL members cost nothing and mean "allow". Every pointer given to a callback is good for that call; the session's
 * for its life. The order of a player's callbacks: player_connect, player_accepted, messages and group questions, player_disconnected.
 *
 * A callback that returns a verdict may return RINGCAST_LATER: the event waits for ringcast_session_answer, and what the same player does
 * meanwhile waits behind it, in order; other players and sessions go on. A login waits like anything else, and so do the commands about a player
 * who is not in yet. See docs/embedding.md.
 */
typedef struct ringcast_callbacks {
	size_t size;
	void (*session_started)(void *context, ringcast_session *session);
	void (*session_ended)(void *context, ringcast_session *session, const char *reason);
	ringcast_verdict (*player_connect)(void *context, ringcast_session *session, int32_t peer_id, const uint8_t *payload, size_t payload_bytes);
	void (*player_accepted)(void *context, ringcast_session *session, int32_t peer_id);
	void (*player_disconnected)(void *context, ringcast_session *session, int32_t peer_id, const char *reason);
	void (*message)(void *context, ringcast_session *session, const ringcast_message *message); /* target: the server */
	ringcast_verdict (*send_to_player)(void *context, ringcast_session *session, const ringcast_message *message);
	ringcast_verdict (*send_to_group)(void *context, ringcast_session *session, const ringcast_message *message);
	ringcast_verdict (*join_group)(void *context, ringcast_session *session, int32_t group, int32_t peer_id);
	ringcast_verdict (*leave_group)(void *context, ringcast_session *session, int32_t group, int32_t peer_id);
	void (*tick)(void *context, ringcast_session *session, uint64_t now_ns); /* every tick_interval_ms of the session */
	/* every health_interval_ms of the limits; DENY: unhealthy. Three times in a row, and the session ends with reason "unhealthy". */
	ringcast_verdict (*health_check)(void *context, ringcast_session *session);
	/* the engine drains or stops; the session is ended at deadline_ns (UINT64_MAX: when it ends by itself) */
	void (*process_terminate)(void *context, ringcast_session *session, uint64_t deadline_ns);
	void (*timer)(void *context, ringcast_session *session, uint32_t timer, uint64_t now_ns); /* of ringcast_session_set_timer */
	void (*service_message)(void *context, ringcast_session *session, const ringcast_message *message); /* of a backend; see ringcast_service_message_post */
	/* What has become of ringcast_session_ask: one JSON object, without NUL behind it. */
	void (*question_answered)(void *context, ringcast_session *session, uint32_t number, const char *json, size_t json_bytes);
	/*
	 * A player's stream broke, and it may come back within the session's resume_window_ms: it keeps its place, its groups and what is sent to it reliably. Then
	 * it has come back, or player_disconnected follows.
	 */
	void (*player_dropped)(void *context, ringcast_session *session, int32_t peer_id);
	void (*player_resumed)(void *context, ringcast_session *session, int32_t peer_id);
	/*
	 * The player is about to join group, or with RINGCAST_GROUP_ALL the session; whoever wanted it has been allowed to. What it is to know of the game is said by
	 * ringcast_session_snapshot, before this returns, or with RINGCAST_LATER before the answer. A join that this callback itself commands is not asked about.
	 */
	ringcast_verdict (*snapshot)(void *context, ringcast_session *session, int32_t group, int32_t peer_id);
} ringcast_callbacks;
#define RINGCAST_CALLBACKS_INIT RINGCAST_SIZED(ringcast_callbacks)

typedef enum ringcast_log_level { RINGCAST_LOG_DEBUG, RINGCAST_LOG_INFO, RINGCAST_LOG_WARN, RINGCAST_LOG_ERROR } ringcast_log_level;
typedef void ringcast_log_fn(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields);

/* How datagrams leave: by their sockets, or by AF_XDP, past the kernel's UDP, where the way to a receiver allows it. Linux; CAP_NET_RAW; see docs/operating.md. */
typedef enum ringcast_egress { RINGCAST_EGRESS_SOCKET = 0, RINGCAST_EGRESS_XDP = 1 } ringcast_egress;
typedef enum ringcast_io { RINGCAST_IO_AUTO = 0, RINGCAST_IO_URING = 1, RINGCAST_IO_EPOLL = 2 } ringcast_io;

typedef enum ringcast_security {
	RINGCAST_SECURITY_DEFAULT = 0,  /* with a certificate: REQUIRED; without one OFF on loopback, and elsewhere an error: plaintext must be meant */
	RINGCAST_SECURITY_OFF = 1,
	RINGCAST_SECURITY_OPTIONAL = 2, /* TLS and plaintext on one port, DTLS and plain datagrams on one port */
	RINGCAST_SECURITY_REQUIRED = 3,
} ringcast_security;
/* May a session's players be on other shards than its home? AUTO: those of sessions for limits.spread_players_min players or more. */
typedef enum ringcast_spread { RINGCAST_SPREAD_DEFAULT = 0, RINGCAST_SPREAD_NEVER = 1, RINGCAST_SPREAD_AUTO = 2, RINGCAST_SPREAD_ALWAYS = 3 } ringcast_spread;
typedef enum ringcast_tls_version { RINGCAST_TLS_1_2 = 0, RINGCAST_TLS_1_3 = 1 } ringcast_tls_version;

/*
 * What became of a session or a player, for whoever keeps an index of them. sequence counts up from 1 in each session, so that a copy which
 * arrives late or not at all is noticed. Texts are borrowed for the call.
 */
typedef enum ringcast_change_kind {
	RINGCAST_CHANGE_SESSION_STARTED = 0,
	RINGCAST_CHANGE_SESSION_ENDED = 1, /* the last one of its session */
	RINGCAST_CHANGE_PLAYER_RESERVED = 2,
	RINGCAST_CHANGE_PLAYER_ACCEPTED = 3,
	RINGCAST_CHANGE_PLAYER_COMPLETED = 4, /* left, or the reservation was cancelled */
	RINGCAST_CHANGE_PLAYER_TIMEDOUT = 5,  /* never came */
	RINGCAST_CHANGE_SESSION_ACTIVE = 6,   /* its start is through: right behind STARTED, or later where its script says so later */
} ringcast_change_kind;
typedef struct ringcast_change {
	size_t size; /* of this struct; later versions append */
	ringcast_change_kind kind;
	uint32_t shard;
	uint64_t sequence;
	const char *session_id;
	const char *token;     /* of the player; "": about the session */
	const char *player_id; /* the backend's name for the player; "" where there is none */
	int32_t peer_id;       /* 0: never connected */
	const char *reason;    /* of an end or a leave, else "" */
} ringcast_change;
/* [shard thread] Must not block, and calls nothing of the engine. */
typedef void ringcast_change_fn(void *context, const ringcast_change *change);

/*
 * What a session's script says, as it says it, its last words included. level: debug to cxfatal. text: one line or several, without the last line end; borrowed.
 * [shard thread] Must not block, and calls nothing of the engine.
 */
typedef void ringcast_script_log_fn(void *context, const char *session_id, const char *level, const char *text, size_t text_bytes);

/*
 * An event that a session's game emits for those outside (ringcast_session_emit_event; emitEvent of scripts). name: a letter, then letters, digits and
 * . _ -, 64 at most. json: one whole value, without NUL behind it. Texts are borrowed for the call.
 */
typedef struct ringcast_event {
	size_t size; /* of this struct; later versions append */
	uint32_t shard;
	const char *session_id;
	const char *name;
	const char *json;
	size_t json_bytes;
} ringcast_event;
/* [shard thread] Must not block, and calls nothing of the engine. */
typedef void ringcast_event_fn(void *context, const ringcast_event *event);

/*
 * A question of a session's game to whoever made the session (ringcast_session_ask; startMatchBackfill and stopMatchBackfill of scripts): one JSON value, without NUL
 * behind it. It is answered by ringcast_question_answer_post, now or later. Texts are borrowed for the call.
 */
typedef struct ringcast_question {
	size_t size; /* of this struct; later versions append */
	uint32_t shard;
	const char *session_id;
	uint32_t number;
	const char *json;
	size_t json_bytes;
} ringcast_question;
/* [shard thread] Must not block, and calls nothing of the engine but ringcast_question_answer_post. */
typedef void ringcast_question_fn(void *context, const ringcast_question *question);

/* Bounds on scripts, and what runs them. Zero, as always: the default, which is named. */
typedef struct ringcast_script_options {
	uint64_t memory_bytes;         /* of one session's script; 32 MiB */
	uint32_t budget_us;            /* time of one callback; 20 000. UINT32_MAX: no bound */
	uint32_t errors_max;           /* after so many errors a session ends; 100. UINT32_MAX: never */
	bool is_deny_on_error;         /* a question whose callback failed is answered with "deny"; else with "allow" */
	bool is_jit_on;                /* Lua is compiled: faster where it computes, but a compiled loop without end stops its whole shard */
	uint32_t answer_timeout_ms;    /* for the answers of JavaScript, after which is_deny_on_error decides; 2 000 */
	uint32_t outgoing_bytes_max;   /* waiting for one process of the sidecar; 4 MiB */
	uint32_t log_lines_per_second; /* of one session; 100 */
	uint32_t log_bytes_per_session; /* kept for ringcast_session_log_read; 65 536. UINT32_MAX: nothing is kept */
	uint32_t versions_kept;        /* of each script, for going back; 10 */
	uint32_t process_count;        /* of the sidecar, per shard, from its first JavaScript session on; 1, and 8 at most */
	const char *node;              /* the program; NULL: node, found by PATH */
	const char *sidecar;           /* the sidecar's main file; NULL: where it was installed */
	const char *inspect;           /* debuggers may attach there, such as "127.0.0.1:9229"; NULL: none */
	const char *arguments;         /* for onProcessStarted; NULL: none */
	bool is_lua_ffi_on;            /* Lua may require "ffi": scripts that use it can do whatever this process can, and no bound holds for them */
	uint32_t files_max;            /* of one version; 20 000 */
	uint64_t files_bytes_max;      /* of all files of one version; 100 MiB */
	/* JavaScript is confined where the machine allows (docs/scripting.md): another user, files, network, memory, system calls. */
	bool is_unconfined;            /* it is not: scripts can do whatever this process can */
	bool is_confinement_required;  /* where not all of it holds, JavaScript is refused */
	const char *user;              /* whom it runs as when we are root; NULL: nobody */
	const char *connect_ports;     /* TCP ports it may connect to, blank-separated, "udp" for UDP too, or "any"; NULL: 443 */
	const char *read_paths;        /* files and folders it may read besides its own, blank-separated; NULL: none */
	const char *environment;       /* variables it sees besides the usual, blank-separated; NULL: none */
	uint64_t process_memory_bytes; /* private memory of one process; half of the machine's */
	const char *final_folder;      /* is_final sources lie below it; NULL: there are none */
	uint32_t stall_timeout_ms;     /* JavaScript that gives no sign of life for so long is ended, its session's thread or its process; 10 000 */
	/* Shares of a shard's processor time, in percent: of one session's script, 50, and of all scripts of a shard, 75; 100 at most. UINT32_MAX: no bound */
	uint32_t share_percent, shard_share_percent;
	uint32_t share_seconds_max;    /* a session whose script is above its share in so many seconds on end is ended; 0: never */
} ringcast_script_options;

/* A key that a studio's backend signs player tokens with (JSON Web Tokens). The token's "alg" counts for nothing: the algorithm is the key's. */
typedef struct ringcast_token_key {
	const char *id;  /* "kid": 1 to 63 letters, digits or . _ - */
	const char *key; /* "ed25519:" and the public key, or "hs256:" and the secret of 32 to 128 bytes; base64url both */
	bool may_create; /* its tokens may create sessions, besides joining them */
} ringcast_token_key;

typedef struct ringcast_engine_options {
	size_t size;
	uint32_t shard_count;           /* 0: ringcast_cpu_count, 64 at most */
	bool is_pinned;                 /* each shard to its CPU */
	ringcast_io io;
	/* All strings are copied. */
	const char *listen_address;     /* IPv4 or IPv6 literal; NULL: 127.0.0.1 */
	const char *listen_address_second; /* a second family, such as "::"; NULL: none */
	uint16_t tcp_port;              /* 0: chosen by the system, see ringcast_engine_tcp_port */
	uint16_t udp_port_base;         /* 0: chosen by the system; shard s uses base + s * count ... */
	uint32_t udp_ports_per_shard;   /* 0: 1 */
	bool is_udp_off;                /* everyone stays on TCP */
	bool is_udp_address_free;       /* do not require UDP to come from the TCP connection's IP (carrier-grade NAT) */
	bool is_open;                   /* dev mode: a login whose token is "dev-<session name>-..." reserves a place by itself */
	ringcast_limits limits; /* all zero: the defaults. Else begin with ringcast_limits_default: where min is 0, 0 counts */
	const ringcast_callbacks *callbacks; /* copied; NULL: pure relay */
	void *context;                  /* given to every callback */
	ringcast_log_fn *log;
	void *log_context;
	ringcast_log_level log_level_min;
	/* Encryption. Each certificate is checked: dates, key, chain, host_name, and that client_ca has signed it. */
	ringcast_security security;
	ringcast_tls_version tls_version_min; /* of streams; datagrams are DTLS 1.2 */
	const char *certificate;              /* leaf first, then its chain */
	const char *key;
	const char *client_ca;      /* sent to players, who verify DTLS with it; NULL: the last certificate of the chain */
	const char *host_name;      /* the certificate must be for it; NULL: any */
	const char *ciphers;        /* of TLS 1.2 and DTLS, OpenSSL names with colons between; NULL: a safe list, fastest first */
	const char *crypto_backend; /* "wolfssl" or "openssl"; NULL: the build's first */
	bool is_certificate_made;   /* development: without a certificate, a CA and a certificate are made in memory */
	ringcast_script_options scripts;
	/*
	 * Addresses and ranges, such as "10.0.0.0/8, fd00::/8", at most 16: TCP connections from there begin with a PROXY header (version 1 or 2, before
	 * TLS) and count as the client's that it names. NULL or "": nobody is believed.
	 */
	const char *proxy_from;
	ringcast_change_fn *change; /* NULL: none */
	void *change_context;
	ringcast_script_log_fn *script_log; /* NULL: none */
	void *script_log_context;
	ringcast_event_fn *event; /* NULL: nobody takes what games emit, and they are told so */
	void *event_context;
	ringcast_question_fn *question; /* NULL: nobody answers games, and they are told so */
	void *question_context;
	ringcast_egress egress;
	/*
	 * Whose signatures on player tokens are good, at most 16 keys; copied. With any, named sessions live where their name says, so that a token finds
	 * them. NULL or none: only reserved places let players in. See docs/player-tokens.md.
	 */
	const ringcast_token_key *token_keys;
	size_t token_key_count;
	const char *token_audience; /* whom the tokens must be for ("aud"); NULL: nobody in particular. 127 bytes at most; copied */
	ringcast_spread spread; /* of sessions that do not say; DEFAULT: AUTO. With one shard it makes no difference */
	bool is_udp_shared; /* all shards have the same udp_ports_per_shard ports. Where it cannot be, each has its own, and the log says why */
} ringcast_engine_options;
#define RINGCAST_ENGINE_OPTIONS_INIT RINGCAST_SIZED(ringcast_engine_options)

/* [any thread] Checks, allocates, opens sockets. On failure *ret is NULL and error (of error_bytes) holds one clear line. */
RINGCAST_API int ringcast_engine_create(const ringcast_engine_options *options, ringcast_engine **ret_engine, char *error, size_t error_bytes);
/* [any thread] What create would say about the options, certificates among them, without opening anything. */
RINGCAST_API int ringcast_engine_check(const ringcast_engine_options *options, char *error, size_t error_bytes);
RINGCAST_API int ringcast_engine_start(ringcast_engine *engine, char *error, size_t error_bytes);
/* No new sessions, reservations or logins; games are told by process_terminate; sessions go on until they end or stop is called. */
RINGCAST_API int ringcast_engine_drain(ringcast_engine *engine);
/* The same, and what is left after timeout_ms is ended (players get close code 3001). A later call may bring an earlier end. */
RINGCAST_API int ringcast_engine_drain_within(ringcast_engine *engine, uint64_t timeout_ms);
/* Ends a drain: new sessions, reservations and logins again, and no deadline for sessions. Games that were told to terminate stay told. */
RINGCAST_API int ringcast_engine_resume(ringcast_engine *engine);
RINGCAST_API bool ringcast_engine_is_draining(const ringcast_engine *engine);
/* [any thread] Players who are in, as of each shard's last tick. Asks no shard: for waiting until they have left. */
RINGCAST_API uint64_t ringcast_engine_player_count(const ringcast_engine *engine);
/*
 * Ends every session (players get close code 3001), waits up to timeout_ms for their queues, joins the threads. ERROR_STATE: somebody else stops it or has
 * stopped it; when this returns it has stopped.
 */
RINGCAST_API int ringcast_engine_stop(ringcast_engine *engine, uint32_t timeout_ms);
RINGCAST_API void ringcast_engine_destroy(ringcast_engine **engine); /* stops first if needed; accepts NULL inside, nulls */
/* [any thread] Takes the reloadable ones; zeros as at creation. ERROR_ARGUMENT: one is out of its bounds, and all stay as they were. */
RINGCAST_API int ringcast_engine_reload(ringcast_engine *engine, const ringcast_limits *limits);

/* What is wrong with a key, in one line and without a letter of it; NULL: nothing. */
RINGCAST_API const char *ringcast_token_key_problem(const ringcast_token_key *key);
/*
 * [any thread] Other keys for signed player tokens from now on; who is in stays in. For engines that were created with some: ERROR_STATE otherwise. ARGUMENT:
 * one of them is not right, and error holds one clear line. Nothing has changed then.
 */
RINGCAST_API int ringcast_engine_reload_token_keys(ringcast_engine *engine, const ringcast_token_key *keys, size_t count, const char *audience, char *error,
					      size_t error_bytes);

/* Certificates. Times are seconds since the epoch; names are DNS names and IP literals with commas between. */
typedef struct ringcast_certificate_info {
	uint64_t not_before_s, not_after_s;
	char subject[256], names[256], fingerprint[96]; /* fingerprint: SHA-256 */
} ringcast_certificate_info;
/* [any thread] For handshakes from now on; nobody is disconnected. On failure the old ones stay and error holds one clear line. */
RINGCAST_API int ringcast_engine_reload_credentials(ringcast_engine *engine, const char *certificate, const char *key, const char *client_ca, char *error,
					       size_t error_bytes);
RINGCAST_API int ringcast_engine_certificate(ringcast_engine *engine, ringcast_certificate_info *ret_info); /* ERROR_STATE: encryption is off */
RINGCAST_API ringcast_security ringcast_engine_security(const ringcast_engine *engine);                     /* never DEFAULT */
RINGCAST_API const char *ringcast_engine_made_ca(const ringcast_engine *engine); /* PEM of the CA made for development; NULL: none */
/* [any thread] The TLS library of that name (NULL: the build's first) and what it can do, in one line; or why there is none. */
RINGCAST_API int ringcast_tls_library(const char *name, char *ret_text, size_t text_bytes);

/* [any thread] New keys for TLS tickets and DTLS cookies, for those who keep a server up for days; who comes with an old ticket does a full handshake. */
RINGCAST_API int ringcast_engine_renew_tickets(ringcast_engine *engine, char *error, size_t error_bytes);
/* [any thread] What stands in the first certificate of a PEM text. ERROR_ARGUMENT, ERROR_SYSTEM (no TLS library): error holds one clear line. */
RINGCAST_API int ringcast_certificate_read(const char *certificate, const char *key, ringcast_certificate_info *ret_info, char *error, size_t error_bytes);

/* The CPUs that this process may use: those it may run on, and of a cgroup's quota (containers, systemd's CPUQuota) as many as it amounts to, rounded up. */
RINGCAST_API uint32_t ringcast_cpu_count(void);
/* The memory that this process may use: the machine's, or its cgroup's bound. */
RINGCAST_API uint64_t ringcast_memory_limit(void);
RINGCAST_API uint32_t ringcast_engine_shard_count(const ringcast_engine *engine);
RINGCAST_API uint16_t ringcast_engine_tcp_port(const ringcast_engine *engine);
RINGCAST_API uint16_t ringcast_engine_udp_port(const ringcast_engine *engine, uint32_t shard, uint32_t index); /* 0: none */
RINGCAST_API const char *ringcast_engine_io_name(const ringcast_engine *engine); /* "io_uring" or "epoll" */
/* Nanoseconds since the slowest shard last turned its loop; for health checks. Time in which the process stood still (a second and more) is not counted. */
RINGCAST_API uint64_t ringcast_engine_stall_ns(const ringcast_engine *engine);
/* The clock behind that: a steady one that stands still while the process does; for whoever watches threads of their own. From a moment of its own. */
RINGCAST_API uint64_t ringcast_engine_running_ns(const ringcast_engine *engine);
/*
 * The memory that options would take, by part, all shards together; returns the sum. Does not need an engine. is_own: of the engine's tables and buffers, which
 * have these sizes from the start and are filled as players come. Else an upper bound on what libraries, scripts and the kernel may take besides.
 */
typedef void ringcast_memory_fn(void *context, const char *part, uint64_t bytes, bool is_own);
RINGCAST_API uint64_t ringcast_memory_bill(const ringcast_engine_options *options, ringcast_memory_fn *each, void *context);
/* Fills limits with the defaults. */
RINGCAST_API void ringcast_limits_default(ringcast_limits *ret_limits);

/* Metrics: a snapshot summed over shards, called back once per sample. labels is "" or `reason="rate"`. type: "counter", "gauge", "histogram". */
typedef void ringcast_metric_fn(void *context, const char *name, const char *type, const char *help, const char *labels, double value);
RINGCAST_API void ringcast_metrics_each(ringcast_engine *engine, ringcast_metric_fn *each, void *context);

typedef struct ringcast_session_options {
	size_t size;
	const char *name;       /* NULL: none; need not be unique */
	uint32_t players_max;   /* 0: 32 */
	uint32_t ping_interval_ms;
	uint32_t tick_interval_ms; /* 0: no ticks */
	uint32_t empty_timeout_ms; /* 0: the limit's; UINT32_MAX: never */
	const char *properties; /* JSON or anything; NULL: none; < RINGCAST_SESSION_DATA_BYTES */
	int32_t shard;          /* -1 or 0 with has_shard false: the engine places it */
	bool has_shard;
	uint32_t answer_timeout_ms; /* for RINGCAST_LATER; 0: the limit's */
	bool is_late_allowed;   /* a verdict that does not come in time is ALLOW; else DENY */
	const char *script; /* "name": its current version now, for the session's whole life; or "name@version". NULL: none, the engine's callbacks */
	uint32_t activation_timeout_ms; /* see ringcast_session_hold; 0: the limit's */
	const char *matchmaker_data; /* what a matchmaker says of the session's players, JSON as a rule. NULL: none; < RINGCAST_MATCHMAKER_DATA_BYTES */
	uint32_t resume_window_ms; /* how long a player whose stream broke may come back; 0, or above the limit: the limit's; UINT32_MAX: not at all */
	ringcast_spread spread; /* DEFAULT: the engine's */
} ringcast_session_options;
#define RINGCAST_SESSION_OPTIONS_INIT RINGCAST_SIZED(ringcast_session_options)

enum { RINGCAST_SHARDS_MAX = 64 };
typedef struct ringcast_session_info {
	char id[RINGCAST_ID_BYTES];
	char name[RINGCAST_NAME_BYTES];
	char state[16]; /* activating; active; ending: the engine drains or stops, and the session knows. One that has ended is NOT_FOUND */
	uint32_t shard, players_max, player_count, reserved_count, group_count;
	uint64_t created_ns, age_ns;
	uint64_t messages_received, deliveries, bytes_received, drops;
	uint32_t parked_count;    /* messages and logins that wait for a verdict or behind one */
	uint32_t health_failures; /* health checks in a row that said no */
	char script[RINGCAST_SCRIPT_NAME_BYTES]; /* "": none */
	char script_version[RINGCAST_SCRIPT_VERSION_BYTES];
	uint64_t script_bytes; /* memory of its script; of JavaScript's what its thread told last, a second ago or so */
	bool is_spread; /* players may be on other shards than its own */
	uint32_t limb_counts[RINGCAST_SHARDS_MAX]; /* is_spread: players who are in, by the shard they are on */
	uint32_t retained_count, retained_bytes; /* messages that its groups retain, and the memory they take */
} ringcast_session_info;

/*
 * [any thread] Calls that ask a shard and wait for its answer: those about sessions and players, and drain, reload, reload_credentials and metrics_each.
 * RINGCAST_ERROR_TIMEOUT after five seconds without an answer, and then nothing has happened nor will (but for drain and reloads, which a shard that was
 * stuck takes when it runs again); once the shard has begun, the call waits for the end. RINGCAST_ERROR_STATE at once when the engine does not run, and in
 * a callback, whose thread would wait for itself. RINGCAST_ERROR_FULL also when 4096 others wait for that shard.
 */
RINGCAST_API int ringcast_session_create(ringcast_engine *engine, const ringcast_session_options *options, char ret_id[RINGCAST_ID_BYTES]);
RINGCAST_API int ringcast_session_end(ringcast_engine *engine, const char *session_id);
/* As end, but its game is told first (process_terminate) and may finish by itself; what is left after timeout_ms is ended. */
RINGCAST_API int ringcast_session_terminate(ringcast_engine *engine, const char *session_id, uint64_t timeout_ms);
RINGCAST_API int ringcast_session_describe(ringcast_engine *engine, const char *session_id, ringcast_session_info *ret_info);
/* Its properties, with a NUL and cut to size; *ret_bytes: how long they are as a whole. What is above 65536 bytes is cut in any case. */
RINGCAST_API int ringcast_session_read_properties(ringcast_engine *engine, const char *session_id, char *ret_text, size_t size, size_t *ret_bytes);
/* *ret_count: how many there are, which may be more than were filled in; likewise for players. Who comes or goes meanwhile may be missing. */
RINGCAST_API int ringcast_session_list(ringcast_engine *engine, ringcast_session_info *infos, size_t info_count_max, size_t *ret_count);
/* Reserves a place: the token is what the client logs in with, within reservation_timeout_ms. player_id and player_data may be NULL. */
RINGCAST_API int ringcast_player_reserve(ringcast_engine *engine, const char *session_id, const char *player_id, const char *player_data,
				    char ret_token[RINGCAST_ID_BYTES]);
/*
 * For several players of one session at once, 25 at most: all of them get a place, or none and the error says why (the first one that cannot be
 * had). Tokens are filled in where it succeeds.
 */
enum { RINGCAST_RESERVATIONS_MAX = 25 };
typedef struct ringcast_reservation {
	const char *player_id, *player_data; /* NULL: none */
	char token[RINGCAST_ID_BYTES];
} ringcast_reservation;
RINGCAST_API int ringcast_players_reserve(ringcast_engine *engine, const char *session_id, ringcast_reservation *reservations, size_t count);
/* Changes a session that runs. STATE: it has more players than it should have room for. */
typedef enum ringcast_admissions { RINGCAST_ADMISSIONS_UNCHANGED = 0, RINGCAST_ADMISSIONS_OPEN = 1, RINGCAST_ADMISSIONS_CLOSED = 2 } ringcast_admissions;
typedef struct ringcast_session_update {
	size_t size;
	uint32_t players_max;		/* 0: unchanged */
	ringcast_admissions admissions; /* closed: nobody more may reserve a place; those who have one still come in */
} ringcast_session_update;
#define RINGCAST_SESSION_UPDATE_INIT { sizeof(ringcast_session_update) }
RINGCAST_API int ringcast_session_change(ringcast_engine *engine, const char *session_id, const ringcast_session_update *update);
RINGCAST_API int ringcast_player_list(ringcast_engine *engine, const char *session_id, ringcast_player_info *infos, size_t info_count_max,
				 size_t *ret_count);
/*
 * The groups of a session, and the first of their members. A page: *cursor is 0 at first, says where the next page begins, and is 0 again behind the last. Who is there
 * all the while is met once.
 */
enum { RINGCAST_GROUP_MEMBERS_SHOWN = 64 };
typedef struct ringcast_group_info {
	int32_t group;
	uint32_t member_count;
	int32_t members[RINGCAST_GROUP_MEMBERS_SHOWN]; /* peer ids: the first member_count of them, where they fit */
} ringcast_group_info;
RINGCAST_API int ringcast_group_list(ringcast_engine *engine, const char *session_id, uint32_t *cursor, ringcast_group_info *infos, size_t info_count_max,
				size_t *ret_count);
/* Connections that ended, of all shards, the last one first: as many as disconnects_kept, and as fit. */
typedef struct ringcast_disconnect_info {
	uint64_t at_ns;      /* on the engine's clock, which is the monotonic one */
	uint64_t number;     /* of its shard: from 1 since the start, without a gap, so that shard and number name it */
	uint32_t shard;
	int32_t peer_id;     /* 0: it had not logged in, and session_id and player_id are "" */
	uint16_t close_code; /* 0: it ended without a close frame */
	bool is_by_api;
	char reason[32]; /* as the label of ringcast_closes_total */
	char session_id[RINGCAST_ID_BYTES];
	char player_id[RINGCAST_ID_BYTES]; /* the beginning of it */
	char address[RINGCAST_ADDRESS_BYTES];
} ringcast_disconnect_info;
RINGCAST_API int ringcast_disconnect_list(ringcast_engine *engine, ringcast_disconnect_info *infos, size_t info_count_max, size_t *ret_count);
RINGCAST_API int ringcast_player_kick(ringcast_engine *engine, const char *session_id, int32_t peer_id, const char *reason);
/* The same by player_id, or with NULL by token, also before the player has logged in: the reservation is cancelled. NOT_FOUND: nobody holds a place. */
RINGCAST_API int ringcast_player_remove(ringcast_engine *engine, const char *session_id, const char *player_id, const char *token, const char *reason);
/* Answers a question that a callback left open with RINGCAST_LATER. NOT_FOUND: too late, or the player or session has gone. */
RINGCAST_API int ringcast_session_answer_post(ringcast_engine *engine, const char *session_id, uint64_t ticket, ringcast_verdict verdict);

/*
 * A message of a backend into a session that runs. With a player it reaches that player as the server's own message, by op code, reliably, and the game
 * is not asked; without one the game hears it (service_message; onServiceMessage of scripts). Copied.
 */
typedef struct ringcast_service_message {
	size_t size;
	const char *session_id;
	const char *player_id; /* NULL or "": see peer_id */
	int32_t peer_id;       /* 0 without player_id: to the session's game */
	int32_t opcode;
	const void *payload;
	size_t payload_bytes; /* see service_message_bytes of the limits */
} ringcast_service_message;
#define RINGCAST_SERVICE_MESSAGE_INIT RINGCAST_SIZED(ringcast_service_message)
/*
 * result: RINGCAST_OK, it was handed to the game, or queued for the player. NOT_FOUND: no such session, or the player is not in. UNHEARD: the game has no
 * callback for it. FULL: above service_messages_per_second, or the script does not keep up; later it may be taken. ARGUMENT: the payload is too long, or
 * the op code is one of the engine's own. STATE: the session has ended. [shard thread, or that of post] Must not block.
 */
typedef void ringcast_service_message_done_fn(void *context, int result);
/*
 * [any thread, callbacks too] Does not wait. RINGCAST_OK: it is under way, in order with what was posted before from this thread, and done (may be NULL) is
 * called once, perhaps before this returns. Else nothing happens and done is not called.
 */
RINGCAST_API int ringcast_service_message_post(ringcast_engine *engine, const ringcast_service_message *message, ringcast_service_message_done_fn *done,
					  void *context);
/* The same, and waits for the result, which it returns; as the other calls that ask a shard. */
RINGCAST_API int ringcast_service_message_send(ringcast_engine *engine, const ringcast_service_message *message);

/*
 * Answers a question of a session's game, once: its number, and a JSON object of up to 4 096 bytes. It is taken however many requests wait. Does not wait.
 * RINGCAST_OK: it is under way; NOT_FOUND: there is no such session. A session that has asked nothing, or whose game does not listen, hears nothing.
 * [any thread, callbacks too]
 */
RINGCAST_API int ringcast_question_answer_post(ringcast_engine *engine, const char *session_id, uint32_t number, const char *json, size_t json_bytes);
/*
 * Tells a session's game what has become of something that it asked for earlier: question_answered hears it under RINGCAST_QUESTION_NEWS. One JSON object of up to 4 096
 * bytes. Waits for the shard, five seconds at most. FULL: above service_messages_per_second. UNHEARD, NOT_FOUND as for messages. [any thread but a shard's]
 */
#define RINGCAST_QUESTION_NEWS 0u
RINGCAST_API int ringcast_question_news_send(ringcast_engine *engine, const char *session_id, const char *json, size_t json_bytes);

/*
 * A tap: what is said in a session, while it runs: each message of a player, a game or a backend, with what became of it. The shard copies it into a ring of tap_ring_bytes
 * and never waits for the reader: what finds no room is left out and counted. Payloads are players' own: whoever opens taps for others asks who they are first.
 */
typedef struct ringcast_tap ringcast_tap;
typedef struct ringcast_tap_options {
	size_t size;
	int32_t peer_id; /* only what this player sends, and what is sent to it by its number; RINGCAST_PEER_SERVER: the server; 0: everything */
	bool has_opcode;
	int32_t opcode;		    /* only this op code */
	uint32_t payload_bytes_max; /* 0, or more than tap_payload_bytes: that */
} ringcast_tap_options;
#define RINGCAST_TAP_OPTIONS_INIT RINGCAST_SIZED(ringcast_tap_options)
typedef struct ringcast_tapped {
	uint64_t at_ns;		  /* of the engine's clock, as created_ns of a session */
	ringcast_message message; /* its payload is good until the next call about this tap, and may be cut */
	size_t payload_bytes;	  /* of the whole payload */
	const char *drop;	  /* why it went no further, as the label of ringcast_drops_total; NULL: it did go on */
	uint64_t left_out;	  /* messages before this one that found no room */
} ringcast_tapped;
/* [any thread] Asks a shard. options NULL: everything. FULL: taps_max are open. */
RINGCAST_API int ringcast_tap_open(ringcast_engine *engine, const char *session_id, const ringcast_tap_options *options, ringcast_tap **ret_tap);
/* [any thread, one at a time] The next message. TIMEOUT: there is none now; ask again. STATE: the session has ended, and nothing more comes (but left_out). Never waits. */
RINGCAST_API int ringcast_tap_read(ringcast_tap *tap, ringcast_tapped *ret_tapped);
RINGCAST_API void ringcast_tap_close(ringcast_tap **tap); /* also after the engine; accepts NULL inside, nulls */

/* [callback] What a game may read. Texts are good until the callback returns. */
RINGCAST_API const char *ringcast_session_id(ringcast_session *session);
RINGCAST_API const char *ringcast_session_properties(ringcast_session *session); /* "" if none were given */
RINGCAST_API const char *ringcast_session_matchmaker_data(ringcast_session *session); /* likewise */
RINGCAST_API uint64_t ringcast_session_now_ns(ringcast_session *session);        /* the engine's clock, as of this event */
RINGCAST_API void ringcast_session_set_user(ringcast_session *session, void *user); /* the game's own pointer; NULL at first */
RINGCAST_API void *ringcast_session_user(ringcast_session *session);
/* The peer ids of the players who are in; returns how many there are, also when that is more than fit. */
RINGCAST_API size_t ringcast_session_players(ringcast_session *session, int32_t *peer_ids, size_t peer_id_count_max);
/* Of a player who is in or about to be (in player_connect). NULL, false or NOT_FOUND: there is no such player; "": the backend gave none. */
RINGCAST_API const char *ringcast_session_player_id(ringcast_session *session, int32_t peer_id);
RINGCAST_API const char *ringcast_session_player_data(ringcast_session *session, int32_t peer_id);
RINGCAST_API int ringcast_session_player_token(ringcast_session *session, int32_t peer_id, char ret_token[RINGCAST_ID_BYTES]);
RINGCAST_API bool ringcast_session_player_is_fast(ringcast_session *session, int32_t peer_id); /* UDP is up */

/*
 * Scripts [any thread]. A script is a folder with main.lua, or with a Realtime script (whichever file Node takes for the folder's, or main), or one such
 * file. The same bytes are the same version. One version of a name is current: new sessions get it; a session keeps the one that it began with.
 */
typedef struct ringcast_script_source {
	size_t size;
	const char *name; /* lower-case letters, digits, and . _ - inside */
	const char *path; /* a folder; or one file, then only that file is the script */
	const char *main; /* which file of the folder is the script; NULL: main.lua, package.json's "main", index.js, the only .js file */
	/* Nobody writes to path as long as the script is known: JavaScript is run from there. Else from a copy in a temporary folder. */
	bool is_final;
} ringcast_script_source;
#define RINGCAST_SCRIPT_SOURCE_INIT RINGCAST_SIZED(ringcast_script_source)
typedef struct ringcast_script_draft ringcast_script_draft; /* a version that was tried out and that nobody can run yet */

typedef struct ringcast_script_info {
	char name[RINGCAST_SCRIPT_NAME_BYTES];
	char version[RINGCAST_SCRIPT_VERSION_BYTES];
	char language[8]; /* lua, js */
	char main[128];
	char callbacks[320]; /* "init onMessage onTick": what it has */
	bool is_current;
	uint32_t session_count, file_count;
	uint64_t file_bytes;
	uint32_t players_max, ping_interval_ms, tick_interval_ms; /* of its configuration; 0: not said */
} ringcast_script_info;

/*
 * Reads what is at path, tries it out (Lua in this thread, JavaScript in a process of its own), and makes it the current version of its name.
 * RINGCAST_ERROR_SCRIPT and one clear line in error, with file and line: nothing has changed. ret_info may be NULL.
 */
RINGCAST_API int ringcast_script_add(ringcast_engine *engine, const ringcast_script_source *source, ringcast_script_info *ret_info, char *error,
				size_t error_bytes);
/*
 * The same in two steps, for whoever stores versions: try, write down, publish. *ret_draft is the caller's, to publish or to free. publish frees it,
 * also on failure; path: where the files of an is_final source lie now (a store moves them into place), NULL: where they were.
 */
RINGCAST_API int ringcast_script_try(ringcast_engine *engine, const ringcast_script_source *source, ringcast_script_draft **ret_draft, char *error,
				size_t error_bytes);
RINGCAST_API void ringcast_script_draft_describe(const ringcast_script_draft *draft, ringcast_script_info *ret_info);
RINGCAST_API int ringcast_script_publish(ringcast_engine *engine, ringcast_script_draft **draft, const char *path);
RINGCAST_API void ringcast_script_draft_free(ringcast_script_draft **draft); /* accepts NULL inside, nulls */
/* Makes a version that is still known the current one. A version may be cut to its first digits, six at least. */
RINGCAST_API int ringcast_script_select(ringcast_engine *engine, const char *name, const char *version);
/* Forgets a version that is not current (else RINGCAST_ERROR_STATE), or with NULL the whole name. Sessions that run it go on. */
RINGCAST_API int ringcast_script_remove(ringcast_engine *engine, const char *name, const char *version);
/* By name, each one's versions newest first. name NULL: all. *ret_count: how many there are, which may be more than were filled in. */
RINGCAST_API int ringcast_script_list(ringcast_engine *engine, const char *name, ringcast_script_info *infos, size_t info_count_max, size_t *ret_count);
/*
 * What a session's script said, oldest line first; also after the session has ended, until 256 later ones have. level: debug to cxfatal. text is
 * borrowed, may hold several lines, and ends with NUL. ret_lost_count (may be NULL): older lines that were thrown away. NOT_FOUND: no such session, or
 * it runs no script. at_ns: on the engine's clock, the same for a line each time.
 */
typedef void ringcast_session_log_fn(void *context, uint64_t at_ns, const char *level, const char *text, size_t text_bytes);
RINGCAST_API int ringcast_session_log_read(ringcast_engine *engine, const char *session_id, ringcast_session_log_fn *each, void *context,
				      uint64_t *ret_lost_count);
/* The process of the sidecar that serves this channel of this shard; 0: none. */
RINGCAST_API int ringcast_script_process(ringcast_engine *engine, uint32_t shard, uint32_t channel);

/* [callback] The commands of a game. They take effect after the callback returns, in order. Unknown targets are counted, not errors. */
RINGCAST_API int ringcast_session_send(ringcast_session *session, const ringcast_message *message);
/* reason: what the client is told, at most 123 bytes of UTF-8; cut between characters, and before the first byte that is not UTF-8. NULL: "kicked". */
RINGCAST_API int ringcast_session_kick(ringcast_session *session, int32_t peer_id, const char *reason);
RINGCAST_API int ringcast_session_join(ringcast_session *session, int32_t group, int32_t peer_id);
RINGCAST_API int ringcast_session_leave(ringcast_session *session, int32_t group, int32_t peer_id);
RINGCAST_API int ringcast_session_broadcast_membership(ringcast_session *session, int32_t group, int32_t target_group);
/*
 * To message->target_group, reliably, and from then on to each player who joins that group (RINGCAST_GROUP_ALL: the session), right behind its join, until another message
 * is retained under this key of the group, or it is forgotten. Bounded by retained_messages_per_group and retained_bytes: a message above them nobody gets, counted as retained_full.
 * forget is harmless when there is none.
 */
RINGCAST_API int ringcast_session_retain(ringcast_session *session, uint32_t key, const ringcast_message *message);
RINGCAST_API int ringcast_session_forget(ringcast_session *session, int32_t group, uint32_t key);
RINGCAST_API int ringcast_session_finish(ringcast_session *session); /* ends it after the callback */
/*
 * In session_started: its start goes on after the callback (a level is loaded, a database is asked), and the session is activating until
 * ringcast_session_activate, which any later callback may call. It ends with reason "activation" when that takes longer than activation_timeout_ms.
 * Players can join meanwhile; a backend sees the state and may wait. Scripts in JavaScript hold theirs until onStartGameSession is through.
 * RINGCAST_ERROR_STATE: not in session_started, or not activating.
 */
RINGCAST_API int ringcast_session_hold(ringcast_session *session);
RINGCAST_API int ringcast_session_activate(ringcast_session *session);
/* In a callback that will return RINGCAST_LATER: what to answer with, later. Never 0; the same however often one callback asks. */
RINGCAST_API uint64_t ringcast_session_ticket(ringcast_session *session);
/* ALLOW or DENY. A ticket that nothing waits for any more is ignored. */
RINGCAST_API int ringcast_session_answer(ringcast_session *session, uint64_t ticket, ringcast_verdict verdict);

/* [callback] At once. */
/* Timers have numbers of the game's choice and run out once, after 26 days at most; setting one that runs sets it anew. FULL: see timers_per_session_max. */
RINGCAST_API int ringcast_session_set_timer(ringcast_session *session, uint32_t timer, uint64_t delay_ns);
RINGCAST_API int ringcast_session_cancel_timer(ringcast_session *session, uint32_t timer); /* NOT_FOUND: it does not run */
/*
 * Tells ringcast_engine_options.event, before this returns. json: one whole value. ARGUMENT: the name or the JSON is not right, or it is longer than
 * emitted_event_bytes. FULL: above emitted_events_per_second. UNHEARD: nobody takes it.
 */
RINGCAST_API int ringcast_session_emit_event(ringcast_session *session, const char *name, const char *json);
/*
 * Asks ringcast_engine_options.question when the event of this callback is complete; question_answered hears the answer, with the number, which is the game's choice (any but
 * RINGCAST_QUESTION_NEWS, under which ringcastd's service tells {"TicketId": ..., "Status": ...} of a ticket that has ended). json: one
 * whole value; ringcastd's service answers {"Action": "StartMatchBackfill"} and {"Action": "StopMatchBackfill"}, with the members of StartMatchBackfill and StopMatchmaking, by
 * {"TicketId": ...} or {"Error": "NotFoundException", "Message": ...}. ARGUMENT: it is no JSON, or too long. FULL: 8 wait for an answer, or above
 * emitted_events_per_second. UNHEARD: nobody answers.
 */
RINGCAST_API int ringcast_session_ask(ringcast_session *session, uint32_t number, const char *json);
/*
 * A part of what a player who is about to join gets to know, in the order in which it is said: reliable, to that player. opcode, sender and payload count. ticket: 0 in the
 * callback snapshot itself, else the one that it took for its later answer. NOT_FOUND: nobody waits for that answer (any more). FULL: above snapshot_bytes, and the join will be refused.
 * ARGUMENT and others: no message that a game may send. Then all of the snapshot is dropped, what follows of it is NOT_FOUND, and the session's is_late_allowed says whether the player joins
 * without it or not at all, as where no answer comes in time.
 */
RINGCAST_API int ringcast_session_snapshot(ringcast_session *session, uint64_t ticket, const ringcast_message *message);
/* One line to the engine's log, with the session's id. */
RINGCAST_API void ringcast_session_log(ringcast_session *session, ringcast_log_level level, const char *text);

#ifdef __cplusplus
}
#endif
#endif
