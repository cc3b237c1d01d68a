/*
 * The client's protocol without I/O: bytes and the time go in, bytes come out through struct client_core_ops. It knows the WebSocket
 * upgrade, login, the UDP handshake with its retries and sequence rules, pings and the close handshake. Used by the client library and by
 * bench/ringcast-load, which runs thousands of cores in one loop.
 *
 * Memory: a core owns only what it must keep between calls: the encoded login until it is sent, the tail of a frame that has not come
 * whole, and a message that the server fragments. Most of the time that is nothing.
 */
#ifndef RINGCAST_CLIENT_CORE_H
#define RINGCAST_CLIENT_CORE_H

#include "base/types.h"
#include "proto/packet.h"
#include "proto/websocket.h"

enum client_core_phase {
	CLIENT_CORE_UPGRADE = 0, /* the GET is sent */
	CLIENT_CORE_LOGIN,       /* the login is sent */
	CLIENT_CORE_OPEN,
	CLIENT_CORE_CLOSING,     /* our close frame is sent */
	CLIENT_CORE_DROPPED,     /* the stream broke; to be connected anew, see ringcast_client_core_is_due */
	CLIENT_CORE_CLOSED,
};

enum client_core_fast {
	CLIENT_CORE_FAST_OFF = 0,
	CLIENT_CORE_FAST_HELLO, /* hellos are sent until the server's acknowledgement comes; secure: the handshake, then proofs of identity */
	CLIENT_CORE_FAST_UP,
};

enum {
	CLIENT_CORE_CODE_ABNORMAL = 1006,  /* RFC 6455: never on the wire; the connection ended without a close frame */
	CLIENT_CORE_SCRATCH_BYTES_MIN = 2 * PROTO_PACKET_BYTES_MAX, /* a kept tail and room to read on */
	CLIENT_CORE_PINGS_MISSED_MAX = 3,
	CLIENT_CORE_KEEPALIVES_MISSED_MAX = 5, /* then the fast path counts as lost: an address translator has given us another port, or none */
	CLIENT_CORE_KEEPALIVE_REPEAT_MS = 1000, /* while there is no answer */
	CLIENT_CORE_HELLO_DELAY_MS = 100,  /* doubles with each hello ... */
	CLIENT_CORE_HELLO_DELAY_MS_MAX = 5000, /* ... up to here, in clear for ever; as the SDK does */
	/* In clear, how far a number of the server may be ahead: so many, and so many for each millisecond of silence before it. A server may send more
	 * than a player does, to whom the engine allows 4: one that was told a lot and stood still must find back. */
	CLIENT_CORE_JUMP_MAX = 4096,
	CLIENT_CORE_JUMP_PER_MS = 64,
	CLIENT_CORE_RETRY_MS = 100,    /* between tries to resume: doubles with each one ... */
	CLIENT_CORE_RETRY_MS_MAX = 2000,
	CLIENT_CORE_ACKNOWLEDGE_COUNT = 16, /* so much is read of the server before it is told */
	CLIENT_CORE_ACKNOWLEDGE_BYTES = 16384,
	/*
	 * What is sent again goes in portions, well below what a server takes of a player by default (2000 messages and 512 KiB a second): what is above that it
	 * reads and does not act upon. And no more at once than is acknowledged soon.
	 */
	CLIENT_CORE_RESEND_MS = 20,
	CLIENT_CORE_RESEND_COUNT = 20,
	CLIENT_CORE_RESEND_BYTES = 4096,
	CLIENT_CORE_RESEND_WINDOW = 256,
	CLIENT_CORE_MERGE_BYTES_MAX = 1200, /* of a datagram of several. IPv6's least MTU of 1280 carries it in clear; with DTLS it is 1285 with all headers, which paths carry that are not at that least */
	CLIENT_CORE_PROOFS_MAX = 8, /* of identity in one association: sixteen seconds without an answer, then another one begins */
};

#define CLIENT_CORE_NEVER UINT64_MAX

struct client_core;

/* What the core wants done. Calls may come from inside any core function but deadline; the core may be used again inside them. */
struct client_core_ops {
	/*
	 * Queue bytes on the stream, in order. is_control: small, few, and must not be refused for lack of room (pongs are as many as the server
	 * wants, so they may be). False: refused, nothing queued.
	 */
	bool (*stream_send)(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control);
	bool (*datagram_send)(struct client_core *core, const uint8_t *bytes, size_t size);
	/*
	 * Open the UDP socket towards the server's port. False: the core stays on the stream. Secure: start DTLS there, trusting ca_cert (PEM of the
	 * login result, borrowed, without NUL) if there is nothing better; then ringcast_client_core_establish_fast.
	 */
	bool (*fast_open)(struct client_core *core, uint16_t port, struct view ca_cert);
	void (*logged_in)(struct client_core *core);
	void (*fast_up)(struct client_core *core);
	/* The fast path is down, or a secure try to bring it up ended; messages go by the stream. reason is a sentence for people. */
	void (*fast_failed)(struct client_core *core, const char *reason);
	/* Secure only: the server does not answer in the association. End it and begin another; fast_failed comes from there. */
	void (*fast_silent)(struct client_core *core);
	void (*message)(struct client_core *core, const struct packet *packet, bool is_fast);
	void (*membership)(struct client_core *core, const struct packet *packet);
	/*
	 * Only with may_resume. The stream broke, and the player may come back: close the sockets once the call that led here has returned, and open new ones when
	 * ringcast_client_core_is_due. Then it has come back, and lost counts what it missed for good.
	 */
	void (*dropped)(struct client_core *core, const char *reason);
	void (*resumed)(struct client_core *core, uint32_t lost);
	/* The last call. reason is borrowed and needs no NUL. Close the sockets once the call that led here has returned. */
	void (*closed)(struct client_core *core, uint16_t code, struct view reason);
};

struct client_core_counters {
	uint64_t messages_sent_fast, messages_sent_reliable;
	uint64_t messages_received_fast, messages_received_reliable;
	uint64_t bytes_sent, bytes_received;
	uint64_t fast_fallback, datagrams_stale, datagrams_malformed, datagrams_unsent, datagrams_jumped, datagrams_merged, pongs_unsent;
};

/* Fast messages that wait for the flush, one packet behind the other. */
struct client_core_merge {
	uint8_t *bytes;     /* owned; NULL until the first one waits */
	uint32_t bytes_max; /* 0: none waits, each goes by itself */
	uint32_t size, count;
};

/* What outlives a connection. */
struct client_core_resume {
	bool is_offered;   /* the server has given a token */
	bool is_resuming;  /* the connection being made brings the token */
	uint8_t token_bytes, tries;
	char token[PROTO_TOKEN_BYTES_MAX];
	uint64_t window_ns, window_end_ns, connect_timeout_ns;
	uint32_t received, received_told, bytes_untold; /* messages read, and of these those that the server knows of */
	uint32_t kept_first, kept_count;                /* packets sent and not acknowledged: number of the first, and how many */
	uint8_t *kept;                                  /* owned: each behind its size in 32 bits */
	size_t kept_offset, kept_bytes, kept_capacity, kept_bytes_max;
	uint32_t unsent_count;  /* of those kept, the last ones: not sent on this connection yet */
	size_t unsent_bytes;    /* with their sizes */
	uint64_t resend_due_ns; /* then the next of them may go */
	uint64_t resumes, gaps, resent;
};

struct client_core {
	const struct client_core_ops *ops;
	enum client_core_phase phase;
	enum client_core_fast fast;
	bool is_udp_off, is_secure;
	uint8_t pings_missed;
	uint8_t hello_count;
	uint8_t keepalives_unanswered;
	uint16_t close_code;         /* the one we sent */
	int32_t peer_id;
	int32_t sequence_next;       /* of our next datagram */
	int32_t sequence_last;       /* of the server's last datagram; -1: none */
	bool may_merge, is_merging;  /* we said so; the server too */
	bool no_echo;                /* we said so */
	struct client_core_merge merge;
	uint64_t heard_ns;           /* when it came; at first, when UDP began */
	uint64_t now_ns;             /* of the call being served */
	uint64_t phase_deadline_ns;
	uint64_t hello_due_ns;
	uint64_t ping_due_ns;
	uint64_t keepalive_due_ns;
	uint64_t ping_interval_ns;   /* 0: no pings */
	uint64_t keepalive_interval_ns; /* 0: none */
	uint64_t close_timeout_ns;
	uint64_t rtt_ns, rtt_smoothed_ns;
	uint64_t mask_state;
	struct websocket_assembler assembler;
	uint8_t *login;              /* owned: the encoded login packet, until it is sent */
	uint8_t *proof;              /* owned, secure only: the login payload, then the connect token; what proves our identity over DTLS */
	uint8_t *tail;               /* owned: bytes of a frame that has not come whole */
	uint8_t *message;            /* owned: a fragmented message under assembly */
	uint32_t login_bytes, tail_bytes, message_bytes;
	uint16_t proof_payload_bytes, proof_token_bytes;
	char key[25];                /* Sec-WebSocket-Key */
	struct client_core_counters counters;
	struct client_core_resume *resume; /* owned; NULL: not asked for */
};

struct client_core_options {
	const struct client_core_ops *ops;
	const char *host_and_port;   /* for the Host header */
	const char *path;
	struct view token;
	struct view login_payload;
	bool is_udp_off;
	bool is_secure;              /* stream and datagrams are encrypted below the ops; identity is proven by the connect token */
	uint64_t seed;               /* of the upgrade key and the masks */
	uint64_t connect_timeout_ns; /* from start to login result */
	uint64_t close_timeout_ns;
	uint64_t ping_interval_ns;   /* 0: never */
	uint64_t keepalive_interval_ns; /* of the fast path, from one answer to the next question; 0: never */
	bool may_resume;
	bool may_merge;              /* several packets in a datagram, in both directions, where the server can */
	bool no_echo;                /* own group messages do not come back, where the server can */
	size_t kept_bytes_max;       /* with may_resume: sent and not acknowledged; beyond it nothing is sent */
};

enum client_core_send_result {
	CLIENT_CORE_SENT_FAST,
	CLIENT_CORE_SENT_RELIABLE,
	CLIENT_CORE_SEND_CLOSED, /* not logged in */
	CLIENT_CORE_SEND_SIZE,
	CLIENT_CORE_SEND_FULL,   /* the stream refused; for a datagram: the kernel did, and the message is lost */
};

struct client_core_message {
	int32_t opcode;
	int32_t target_player;
	int32_t target_group;
	bool is_fast_wanted;
	struct view payload;
};

/* Prepares everything and sends the upgrade request. False: no memory, or token or payload too large. */
bool ringcast_client_core_start(struct client_core *core, const struct client_core_options *options, uint64_t now_ns);
void ringcast_client_core_fini(struct client_core *core); /* frees; calls no op. A zeroed core is fine. */

/* Copies the kept tail to the start of scratch and says how long it is; read on behind it, then give everything to receive_stream. */
size_t ringcast_client_core_take_tail(struct client_core *core, uint8_t *scratch);
/* Takes all bytes; changes them (unmasking, assembling in place). */
void ringcast_client_core_receive_stream(struct client_core *core, uint8_t *bytes, size_t size, uint64_t now_ns);
void ringcast_client_core_end_stream(struct client_core *core, const char *reason, uint64_t now_ns);
void ringcast_client_core_receive_datagram(struct client_core *core, const uint8_t *bytes, size_t size, uint64_t now_ns);

/* Secure: the DTLS handshake is done, proofs of identity go out until the server's answer comes ... */
void ringcast_client_core_establish_fast(struct client_core *core, uint64_t now_ns);
/* ... and the association is gone, or was never made: messages go by the stream until the next establish. */
void ringcast_client_core_lose_fast(struct client_core *core, const char *reason);

uint64_t ringcast_client_core_deadline_ns(const struct client_core *core);
void ringcast_client_core_tick(struct client_core *core, uint64_t now_ns);

enum client_core_send_result ringcast_client_core_send(struct client_core *core, const struct client_core_message *message);
/* Where packets are merged, what was sent fast waits for this, or for the next tick, which is due at once. */
void ringcast_client_core_flush(struct client_core *core);
/* opcode: one of the three group commands. */
enum client_core_send_result ringcast_client_core_send_group(struct client_core *core, enum opcode opcode, int32_t group);
bool ringcast_client_core_ping(struct client_core *core, uint64_t now_ns);
void ringcast_client_core_close(struct client_core *core, uint16_t code, uint64_t now_ns);

/* DROPPED: is it time for another try? Then connect, and call restart. */
bool ringcast_client_core_is_due(const struct client_core *core, uint64_t now_ns);
/* Sends the upgrade request on a new stream; the login that follows brings the token. False: no memory. */
bool ringcast_client_core_restart(struct client_core *core, const char *host_and_port, const char *path, uint64_t now_ns);
/* There is no new stream; tries again later. */
void ringcast_client_core_fail_restart(struct client_core *core, const char *reason, uint64_t now_ns);
bool ringcast_client_core_is_resuming(const struct client_core *core); /* between dropped and resumed */

/* Between the files of the core. */
bool ringcast_client_core_merge(struct client_core *core, const uint8_t *packet, size_t size); /* false: it goes by itself, and now */
void ringcast_client_core_start_merge(struct client_core *core, int32_t merge_bytes);
void ringcast_client_core_drop_merged(struct client_core *core); /* counted */
void ringcast_client_core_fini_merge(struct client_core *core);
bool ringcast_client_core_take_drop(struct client_core *core, uint16_t code, struct view reason); /* false: it is an end */
void ringcast_client_core_take_resumed(struct client_core *core, const struct packet *packet);
void ringcast_client_core_take_offer(struct client_core *core, const struct packet *login_result);
void ringcast_client_core_count_received(struct client_core *core, const struct packet *packet);
void ringcast_client_core_acknowledge(struct client_core *core); /* what the server does not know */
bool ringcast_client_core_keep(struct client_core *core, const uint8_t *bytes, size_t size); /* false: full */
void ringcast_client_core_unkeep(struct client_core *core, size_t size);                     /* the last one: it was not sent */
void ringcast_client_core_take_acknowledged(struct client_core *core, uint32_t received);
void ringcast_client_core_tick_dropped(struct client_core *core);
void ringcast_client_core_fini_resume(struct client_core *core);
void ringcast_client_core_resend(struct client_core *core, bool is_all); /* the next portion, if it is time; or what is left */
uint64_t ringcast_client_core_resend_due_ns(const struct client_core *core);
static inline bool ringcast_client_core_is_resending(const struct client_core *core) { return core->resume && core->resume->unsent_count > 0; }
static inline bool ringcast_client_core_may_resume(const struct client_core *core) { return core->resume && core->resume->is_offered; }
void ringcast_client_core_make_key(struct client_core *core);
bool ringcast_client_core_send_frame(struct client_core *core, enum websocket_opcode opcode, uint8_t *frame, size_t payload_bytes);
void ringcast_client_core_start_fast(struct client_core *core, const struct packet *login_result);
void ringcast_client_core_send_hello(struct client_core *core);
void ringcast_client_core_tick_keepalive(struct client_core *core);
void ringcast_client_core_finish(struct client_core *core, uint16_t code, struct view reason);

#endif
