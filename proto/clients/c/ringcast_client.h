/*
 * Ringcast client: one connection of one player to a Ringcast server (or anything else that speaks the GameLift Realtime wire).
 *
 * Loop. A client owns no thread, unless may_use_thread asks for one. Either call ringcast_client_poll with a timeout, or put ringcast_client_fd into your own poll set and
 * call ringcast_client_poll(client, 0) when it is readable or when ringcast_client_timeout_ms has passed. Callbacks run inside poll only.
 * One client is used by one thread at a time; different clients are independent.
 *
 * Delivery. RINGCAST_CLIENT_FAST goes by UDP once UDP is up and the payload has at most 1200 bytes; otherwise by TCP. Fast messages may
 * be lost or overtaken, never repeated. RINGCAST_CLIENT_RELIABLE goes by TCP (a WebSocket).
 *
 * Security. With is_secure the stream is TLS 1.2 or 1.3 (WSS) and UDP is DTLS 1.2; both verify the server's certificate and name. Nothing falls
 * back to plaintext. A failure is told by disconnected (code 1015) or fast_failed, in words.
 *
 * Errors are negative enum values. The library writes to no stream and raises no signal; nothing that the
 * caller or the network does aborts the program.
 */
#ifndef RINGCAST_CLIENT_H
#define RINGCAST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RINGCAST_CLIENT_API __attribute__((visibility("default")))

#define RINGCAST_CLIENT_PEER_SERVER (-1)
#define RINGCAST_CLIENT_GROUP_ALL (-1)
#define RINGCAST_CLIENT_PAYLOAD_BYTES_MAX 4096
#define RINGCAST_CLIENT_FAST_BYTES_MAX 1200
#define RINGCAST_CLIENT_NEVER UINT32_MAX

typedef struct ringcast_client ringcast_client;

typedef enum ringcast_client_error {
	RINGCAST_CLIENT_OK = 0,
	RINGCAST_CLIENT_ERROR_ARGUMENT = -1,
	RINGCAST_CLIENT_ERROR_MEMORY = -2,
	RINGCAST_CLIENT_ERROR_STATE = -3,   /* not connected, or connected already */
	RINGCAST_CLIENT_ERROR_FULL = -4,    /* the send queue is at its bound: the server or the network is too slow */
	RINGCAST_CLIENT_ERROR_SIZE = -5,    /* payload above RINGCAST_CLIENT_PAYLOAD_BYTES_MAX, token above 8192 bytes */
	RINGCAST_CLIENT_ERROR_RESOLVE = -6, /* host name unknown; with may_use_thread disconnected tells */
	RINGCAST_CLIENT_ERROR_SYSTEM = -7,  /* a system call failed; errno says why */
	RINGCAST_CLIENT_ERROR_SECURITY = -8, /* no usable CA certificates, or a build without TLS; describe_security says why */
} ringcast_client_error;

typedef enum ringcast_client_intent { RINGCAST_CLIENT_FAST = 0, RINGCAST_CLIENT_RELIABLE = 1 } ringcast_client_intent;

typedef enum ringcast_client_state {
	RINGCAST_CLIENT_IDLE = 0,
	RINGCAST_CLIENT_CONNECTING = 1, /* look-up of the name, TCP, WebSocket upgrade, login */
	RINGCAST_CLIENT_CONNECTED = 2,
	RINGCAST_CLIENT_CLOSING = 3,    /* our close frame is sent */
	RINGCAST_CLIENT_RESUMING = 4,   /* the connection broke, and is made again; what is sent reliably waits */
} ringcast_client_state;

typedef enum ringcast_client_udp {
	RINGCAST_CLIENT_UDP_OFF = 0,        /* switched off here, or the server offers none */
	RINGCAST_CLIENT_UDP_CONNECTING = 1, /* hellos or a DTLS handshake are on their way; fast messages go by TCP */
	RINGCAST_CLIENT_UDP_UP = 2,
} ringcast_client_udp;

/* payload is borrowed for the call. */
typedef struct ringcast_client_message {
	int32_t opcode;
	int32_t sender;        /* peer id, proven by the server; RINGCAST_CLIENT_PEER_SERVER for the server's own */
	int32_t target_player;
	int32_t target_group;  /* 0 unless the server tells */
	bool is_fast;          /* came by UDP */
	const uint8_t *payload; /* may be NULL when payload_bytes is 0 */
	size_t payload_bytes;
} ringcast_client_message;

/* Members may be NULL. Inside a callback everything may be called, destroy too; poll alone may not. */
typedef struct ringcast_client_callbacks {
	size_t size;
	void (*connected)(void *context, ringcast_client *client, int32_t peer_id);
	void (*fast_ready)(void *context, ringcast_client *client);
	void (*message)(void *context, ringcast_client *client, const ringcast_client_message *message);
	void (*membership)(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t peer_id_count);
	/* Once for every ringcast_client_connect that succeeded, however often it was resumed. code: the WebSocket close code; without a close frame 1006, after
	 * ringcast_client_disconnect 1000. */
	void (*disconnected)(void *context, ringcast_client *client, int code, const char *reason);
	/* DTLS failed or ended, or the server is silent by UDP; messages go by TCP. It is tried again, and fast_ready tells, unless the server refused
	 * our identity. */
	void (*fast_failed)(void *context, ringcast_client *client, const char *reason);
	/* With may_resume: the connection broke, and is made again until the server's window is over; then resumed or disconnected follows. */
	void (*dropped)(void *context, ringcast_client *client, const char *reason);
	/* The player is who it was, and what it missed comes next. lost: so many messages before that are lost, and the game has to be brought up to date. */
	void (*resumed)(void *context, ringcast_client *client, uint32_t lost);
} ringcast_client_callbacks;
#define RINGCAST_CLIENT_CALLBACKS_INIT { sizeof(ringcast_client_callbacks) }

/* Zero always means the default. Unknown trailing bytes must be zero. */
typedef struct ringcast_client_options {
	size_t size;
	const ringcast_client_callbacks *callbacks; /* copied */
	void *context;                 /* given to every callback */
	bool is_udp_off;
	const char *local_address;     /* IP literal to bind both sockets to; NULL: the system chooses */
	uint16_t udp_local_port;       /* 0: the system chooses */
	const char *path;              /* of the upgrade request; NULL: "/websocket" */
	uint32_t connect_timeout_ms;   /* TCP, upgrade and login together, with may_use_thread the look-up too; 0: 10 000 */
	uint32_t close_timeout_ms;     /* wait for the server's close frame; 0: 2 000 */
	uint32_t ping_interval_ms;     /* WebSocket pings, for the round trip and to notice a dead server; 0: 5 000 */
	uint32_t outq_bytes_max;       /* bytes the kernel did not take yet; 0: 262 144 */
	bool is_secure;                /* TLS and DTLS */
	bool is_insecure;              /* do not verify the server: for tests alone, anybody may be in the middle */
	const char *ca;                /* PEM text of whom to trust; NULL: the system's CAs, and for DTLS the one the server names when logged in */
	const char *host_name;         /* in the server's certificate; NULL: the host given to connect */
	uint32_t udp_keepalive_ms;     /* asks the server by UDP who is there, so that address translators keep the way open, and tries anew where
					* nobody answers; 0: 15 000, RINGCAST_CLIENT_NEVER: off */
	bool may_resume;               /* a broken connection is made again, where the server has a window for it; fast messages are lost meanwhile */
	uint32_t kept_bytes_max;       /* with may_resume: sent reliably and not acknowledged; above it send says FULL; 0: 65 536 */
	/* Several fast messages share a datagram in both directions, where the server can: less work for both, and what is lost is lost together. What is sent
	 * fast waits for the next poll, or for ringcast_client_flush. */
	bool may_merge;
	bool no_echo;                  /* messages to a group that this player is in do not come back to it, where the server can */
	bool may_use_thread;           /* host names are looked up in a thread of the library's, so that no call waits for a name server: connect returns, and poll goes
					* on when the name is known. With may_resume also anew while a connection is made again, as for a phone that has changed
					* networks; without it the addresses that connect found are all that is tried. The thread ends by itself, and may outlive
					* the client for as long as the resolver takes: a library that is unloaded has to wait for that */
} ringcast_client_options;
#define RINGCAST_CLIENT_OPTIONS_INIT { sizeof(ringcast_client_options) }

typedef struct ringcast_client_stats {
	size_t size;
	ringcast_client_state state;
	ringcast_client_udp udp;
	int32_t peer_id;              /* 0 before login */
	uint64_t rtt_ns;              /* of the last ping; 0: none yet */
	uint64_t rtt_smoothed_ns;     /* 7/8 old, 1/8 new */
	uint64_t messages_sent_fast, messages_sent_reliable;
	uint64_t messages_received_fast, messages_received_reliable;
	uint64_t bytes_sent, bytes_received; /* payload bytes of these messages */
	uint64_t fast_fallback;       /* wanted fast, sent by TCP */
	uint64_t datagrams_stale;     /* dropped: old or repeated sequence number */
	uint64_t datagrams_malformed; /* dropped: not a packet */
	uint64_t datagrams_unsent;    /* dropped: the kernel refused, or the connection ended first; with may_merge each message counts */
	uint32_t outq_bytes;
	uint64_t pongs_unsent;        /* left out: the server asks and does not read the answers */
	uint64_t datagrams_jumped;    /* dropped: the number is further ahead than the server's next can be, so somebody else sent it */
	uint64_t resumes;             /* broken connections that were made again */
	uint64_t gaps;                /* of these, those with lost messages */
	uint64_t messages_resent;
	uint32_t kept_bytes;          /* sent reliably and not acknowledged; only where the server lets us resume */
	uint64_t datagrams_merged;    /* sent, with several messages in each */
} ringcast_client_stats;
#define RINGCAST_CLIENT_STATS_INIT { sizeof(ringcast_client_stats) }

RINGCAST_CLIENT_API const char *ringcast_client_error_text(int error);

RINGCAST_CLIENT_API int ringcast_client_create(const ringcast_client_options *options, ringcast_client **ret_client);
/* Closes the sockets at once, without a close handshake and without a callback. Nulls; accepts a pointer to NULL. */
RINGCAST_CLIENT_API void ringcast_client_destroy(ringcast_client **client);

/*
 * Starts connecting; the answer is one of the callbacks connected or disconnected. A host name is resolved by getaddrinfo, which blocks, here unless may_use_thread is
 * set; an address literal needs no resolver. poll never blocks for one: who resumes tries the same addresses again. A name that is unknown is ERROR_RESOLVE, or with
 * may_use_thread disconnected with 1006, as are addresses that nobody answers at. login_payload is what the game's connect callback sees; at most 4096 bytes. May be
 * called again after disconnected.
 */
RINGCAST_CLIENT_API int ringcast_client_connect(ringcast_client *client, const char *host, uint16_t port, const char *token,
						const void *login_payload, size_t login_payload_bytes);
/* Starts the close handshake; disconnected follows. Messages that arrive after this call are dropped. */
RINGCAST_CLIENT_API int ringcast_client_disconnect(ringcast_client *client);

/* Waits up to timeout_ms (-1: without end), does all work that is due. >= 0, or RINGCAST_CLIENT_ERROR_STATE when the client is idle. */
RINGCAST_CLIENT_API int ringcast_client_poll(ringcast_client *client, int timeout_ms);
/* An epoll file descriptor, readable when there is something to do. The client owns it. It stays the same for the client's life. */
RINGCAST_CLIENT_API int ringcast_client_fd(const ringcast_client *client);
/* Milliseconds until poll must be called even without readable fd; -1: no limit. */
RINGCAST_CLIENT_API int ringcast_client_timeout_ms(const ringcast_client *client);

/*
 * One of target_player (RINGCAST_CLIENT_PEER_SERVER, or a peer id) and target_group (RINGCAST_CLIENT_GROUP_ALL, or a group) is set, the
 * other 0. opcode is any but 0 and the few negative ones that are the protocol's. The payload is copied before the call returns. Members of
 * the group get the message, the sender included.
 */
RINGCAST_CLIENT_API int ringcast_client_send(ringcast_client *client, int32_t opcode, int32_t target_player, int32_t target_group,
					     ringcast_client_intent intent, const void *payload, size_t payload_bytes);
/* Sends what waits to share a datagram (may_merge), for who polls later; at the end of a frame, say. Nothing to do where nothing waits. */
RINGCAST_CLIENT_API int ringcast_client_flush(ringcast_client *client);
/* Groups are > 0. They go reliably. The server answers a request with membership; there is no answer to a join that is refused. */
RINGCAST_CLIENT_API int ringcast_client_join(ringcast_client *client, int32_t group);
RINGCAST_CLIENT_API int ringcast_client_leave(ringcast_client *client, int32_t group);
RINGCAST_CLIENT_API int ringcast_client_request_membership(ringcast_client *client, int32_t group);

/* Sends a WebSocket ping now; the round trip is in the stats when the pong has come. */
RINGCAST_CLIENT_API int ringcast_client_ping(ringcast_client *client);
/* "stream: TLSv1.3 ..., datagrams: DTLSv1.2 ...", or why the last connection failed; "" without is_secure. */
RINGCAST_CLIENT_API int ringcast_client_describe_security(const ringcast_client *client, char *ret_text, size_t text_bytes);
/* Fills what fits into ret_stats->size bytes. */
RINGCAST_CLIENT_API int ringcast_client_read_stats(const ringcast_client *client, ringcast_client_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
