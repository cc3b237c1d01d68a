/*
 * One life of one client: connects, speaks Realtime like the real clients do, leaves. A bot that comes back is a new bot. It tells the model
 * what it sends and learns; it decides nothing by itself: the world's actions do.
 */
#ifndef RINGCAST_TESTS_SIM_BOT_H
#define RINGCAST_TESTS_SIM_BOT_H

#include "crypto/crypto.h"
#include "io/io_sim.h"
#include "late_join.h"
#include "model.h"
#include "proto/packet.h"
#include "proto/websocket.h"

enum { BOT_MERGED_BYTES_MAX = 1200, BOT_TOKEN_BYTES = 64, BOT_LOGIN_BYTES = 768, BOT_DATAGRAM_BYTES_MAX = 1500, BOT_SEQUENCES_KEPT = 1024, BOT_SCRIPT_OPCODE = 77777777, BOT_SERVERS_MAX = 2 };

enum bot_state {
	BOT_CONNECTING, /* HTTP upgrade asked */
	BOT_LOGIN,      /* upgraded, login sent */
	BOT_JOINED,
	BOT_REFUSED, /* login refused; the server will close */
	BOT_DROPPED, /* the stream broke, and it will come back */
	BOT_GONE,    /* the stream is over */
};

enum bot_fast { BOT_FAST_OFF, BOT_FAST_ASKING, BOT_FAST_UP };

struct bot_net { /* what bots share */
	struct sim_network *network;
	struct model *model;
	struct address servers[BOT_SERVERS_MAX]; /* TCP; all lead to the same shards */
	uint32_t server_count;
	bool is_corrupt;       /* datagrams may be changed: do not believe their contents */
	struct crypto_context *stream_context, *datagram_context; /* of clients */
	bool has_lost_fast;    /* an association ended early, and with it what was under way */
	bool is_calm;          /* everybody reads what comes */
	bool may_have_gaps;    /* there is not always room to keep what those miss who come back */
	uint64_t gap_shards;   /* a bit for each shard that has given up what it kept for them, for want of memory */
	uint32_t resume_count; /* of all, for ports */
};

struct bot_login { /* how it comes in */
	bool is_eager;          /* logs in before the upgrade is answered */
	uint32_t message_count; /* sent right behind the login, so that they travel with a hand-off */
	uint32_t payload_bytes;
	int32_t group; /* joined right behind the login too, and every second of those messages goes there; 0: none */
};

struct bot_sequence { /* a sequence number the server has used towards this bot */
	int32_t number;
	uint64_t hash; /* of the datagram; 0: the place is free */
};

struct bot_kept {
	uint8_t *bytes;
	size_t size;
};

struct bot_resume {
	bool is_wanted, is_offered, is_resending;
	char token[BOT_TOKEN_BYTES];
	uint32_t count;            /* how often its stream broke */
	uint32_t received, untold; /* messages read, or told as lost; since it last said so */
	uint64_t lost;             /* so many it was told of; then nothing else has made it bad */
	struct bot_kept *kept;     /* sent on the stream, and not known to be read */
	size_t kept_count, kept_capacity;
	uint32_t kept_first;
	uint64_t retry_ns;
	bool has_abandoned; /* its old stream is still open, and the server does not know better */
	sim_stream abandoned;
};

enum token_key { TOKEN_KEY_JOIN, TOKEN_KEY_MAKE, TOKEN_KEY_SPARE, TOKEN_KEY_COUNT };

struct bot_signature { /* of a token that a backend has signed */
	bool is_signed, is_create;
	bool is_spoiled; /* good at no time, whatever the rest says */
	bool was_good;   /* at some moment since it was shown */
	bool is_past;    /* it had expired at some moment: its jti may be given to another one */
	bool is_admitted;
	enum token_key key;
	uint32_t generation, once;
	uint64_t expires_s, not_before_s;
	char player_id[24];
};

struct bot {
	struct bot_net *net;
	uint32_t index, session;
	char token[BOT_LOGIN_BYTES];
	struct bot_signature signature;
	struct bot_login login;
	enum bot_state state;
	struct address tcp, udp;
	sim_stream stream;
	int udp_socket; /* -1: none */
	uint32_t server; /* whose UDP it speaks to: of net->servers */
	bool has_changed_server;
	uint64_t former_until_ns; /* so long datagrams may still come from the one that it spoke to before */

	uint8_t *in; /* stream bytes not yet understood */
	size_t in_bytes, in_capacity;
	bool is_secure;
	struct crypto_session *stream_crypto, *fast_crypto; /* while there are any */
	uint8_t *unsent; /* what waits for the end of the TLS handshake */
	size_t unsent_bytes;
	char connect_token[BOT_TOKEN_BYTES];
	bool is_upgraded;
	bool is_deaf;      /* stops reading its stream */
	uint32_t read_bytes_max; /* of its stream at a time, and then it rests; 0: all there is */
	uint64_t rests_until_ns;
	const struct bot *victim; /* whose connect token it shows as its own: what comes by that association is not for it; NULL: an honest one */
	bool is_expelled;  /* its script has refused it, or sent it away */
	uint32_t script_message; /* the last one that its script sent it */
	bool is_refused[SWARM_GROUPS_MAX + 1]; /* its script will not have it in that group */
	bool is_bad;       /* has misbehaved: nothing is promised to it any more */
	bool is_leaving;   /* has closed, half closed or reset by itself */
	uint16_t close_code; /* of the server's close frame; 0: none */

	int32_t peer_id;
	uint16_t fast_port;
	enum bot_fast fast;
	int32_t sequence_out, sequence_in;
	struct bot_sequence sequences[BOT_SEQUENCES_KEPT]; /* by number, the latest ones */
	uint32_t hello_count;
	uint64_t hello_at_ns; /* UINT64_MAX: no hello to send */
	uint64_t handshake_end_ns; /* of DTLS: then it begins anew */
	int32_t given_peer_id;     /* by the server, whether or not the answer to the login was ever read; 0: none */
	bool has_been_given_port;
	uint32_t given_shard; /* the one that its connection is on */
	handle given_conn;    /* there, while it is not known yet whether it has a port; HANDLE_NONE: it is known */
	bool may_merge;       /* several packets in a datagram: it said so ... */
	uint32_t merge_bytes; /* ... and so did the server: of its datagrams; 0: it did not */
	uint8_t merged[BOT_MERGED_BYTES_MAX]; /* messages that wait for the next flush */
	size_t merged_bytes;
	uint32_t merged_count;
	int32_t last_numbers[BOT_SEQUENCES_KEPT]; /* of the last packet of each of its datagrams, by number, the latest ones */
	bool is_mimicked; /* somebody sent datagrams in its name */
	uint8_t last_datagram[BOT_DATAGRAM_BYTES_MAX];
	size_t last_datagram_bytes;

	uint64_t listed[SWARM_GROUPS_MAX + 1]; /* of each group's last list: ringcast_bot_hash of its members added up */
	struct late_heard late[SWARM_GROUPS_MAX + 1]; /* 0: of everyone */
	bool is_joining[SWARM_GROUPS_MAX + 1], is_member[SWARM_GROUPS_MAX + 1], is_parting[SWARM_GROUPS_MAX + 1];
	bool is_asking[SWARM_GROUPS_MAX + 1]; /* it has asked for that group's list, and got none since */
	uint32_t update_count;
	struct bot_resume resume;
	/* for the accounts */
	uint32_t packets_sent;      /* on the stream, after the login */
	uint32_t packets_received;  /* on the stream, the login's answer apart */
	uint32_t pings_received;
};

struct bot_options {
	uint32_t session;
	const char *token;
	struct bot_login login;
	struct address tcp, udp;
	uint32_t server;
	bool is_secure, may_resume, may_merge, no_echo;
};

/* Connects and asks for the upgrade. */
void ringcast_bot_init(struct bot *bot, struct bot_net *net, uint32_t index, const struct bot_options *options);
void ringcast_bot_fini(struct bot *bot);
/* Reads what came and answers it, sends what is due. False: a rule of the protocol or of the model was broken (see model->failure). */
void ringcast_bot_tick(struct bot *bot);
uint64_t ringcast_bot_deadline_ns(const struct bot *bot);

/* Sending. The packet's sender is filled in. */
void ringcast_bot_send_stream(struct bot *bot, const struct packet *packet);
void ringcast_bot_send_datagram(struct bot *bot, const struct packet *packet); /* with the next sequence number */
/* The same for a message, which may share its datagram with others until the flush. */
void ringcast_bot_send_fast(struct bot *bot, const struct packet *packet);
void ringcast_bot_flush(struct bot *bot);
/* What it has numbered last may be the last that the server takes of its datagram. */
void ringcast_bot_note_last(struct bot *bot);
void ringcast_bot_send_bytes(struct bot *bot, struct view plain); /* as one datagram, sealed where the bot is secure */
void ringcast_bot_send_frame(struct bot *bot, enum websocket_opcode opcode, const void *payload, size_t size);
void ringcast_bot_leave(struct bot *bot, int how); /* 0: close frame, 1: half close, 2: reset, 3: close without a word, 4: close_notify */

void ringcast_bot_connect(struct bot *bot); /* from its addresses, and asks for the upgrade */

uint64_t ringcast_bot_hash(int32_t peer_id);

/* bot_resume.c */
void ringcast_bot_resume_keep(struct bot *bot, const struct packet *packet, struct view bytes); /* it is being sent */
bool ringcast_bot_resume_receive(struct bot *bot, const struct packet *packet); /* counts; true: it was an acknowledgement */
void ringcast_bot_resume_take_offer(struct bot *bot, const struct packet *packet);
void ringcast_bot_resume_take_result(struct bot *bot, const struct packet *packet);
bool ringcast_bot_resume_may(const struct bot *bot);
void ringcast_bot_resume_drop(struct bot *bot, bool is_abandoned);
void ringcast_bot_resume_tick(struct bot *bot);
void ringcast_bot_resume_log_in(struct bot *bot);
void ringcast_bot_resume_fini(struct bot *bot);

/* bot_login.c: the login and what the bot says without waiting for its answer */
void ringcast_bot_log_in(struct bot *bot);

void ringcast_bot_write(struct bot *bot, const void *bytes, size_t size);      /* sealed where the bot is secure */
void ringcast_bot_keep(struct bot *bot, const uint8_t *bytes, size_t size); /* plaintext of the stream that has come */

/* bot_secure.c */
void ringcast_bot_secure_begin(struct bot *bot);
void ringcast_bot_secure_end(struct bot *bot);
void ringcast_bot_open(struct bot *bot, const uint8_t *bytes, size_t size); /* records of the stream */
void ringcast_bot_secure_fast_start(struct bot *bot);                       /* from nothing, whatever was before: also a client that was started anew */
void ringcast_bot_secure_fast_tick(struct bot *bot);
size_t ringcast_bot_seal_datagram(struct bot *bot, struct view packet, uint8_t *out, size_t capacity);
void ringcast_bot_send_sealed(struct bot *bot, struct view plain);    /* any bytes, in a record of its association */
void ringcast_bot_send_identity(struct bot *bot, const char *token); /* the connect token, or another one */
void ringcast_bot_open_datagram(struct bot *bot, struct view bytes);
void ringcast_bot_receive_identity(struct bot *bot, const struct packet *packet);

/* bot_fast.c */
void ringcast_bot_receive_datagram(struct bot *bot, struct view bytes); /* a plain packet, as it came or out of a record */
void ringcast_bot_fast_start(struct bot *bot, uint16_t port);
void ringcast_bot_fast_tick(struct bot *bot);
void ringcast_bot_fast_stop(struct bot *bot);
/* From another address from now on, as when a NAT forgets. Who notices says hello anew; who does not goes on, and must not lose more than datagrams. */
void ringcast_bot_fast_move(struct bot *bot, const struct address *address, bool is_noticed);
/* To another address of the server from now on, with a hello or a handshake as at first: its socket is connected, and shows nothing else any more. */
void ringcast_bot_fast_turn_to(struct bot *bot, uint32_t server);
void ringcast_bot_fast_is_up(struct bot *bot);
struct address ringcast_bot_server_udp(const struct bot *bot);
/* A packet that is not of the handshake, however it came. */
void ringcast_bot_receive_packet(struct bot *bot, const struct packet *packet, bool was_stream);
void ringcast_bot_fail(struct bot *bot, const char *what, int64_t number);

#endif
