/*
 * One WebSocket of a game server: frames over a socket that somebody else has upgraded. Never waits; what it holds is bounded both ways, and a
 * peer that reads too slowly or breaks the protocol is closed. The thread of server_sdk.c.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_LINK_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_LINK_H

#include "proto/websocket.h"
#include "service/hosts/server_sdk/core.h"

/*
 * The start and an update of the largest session: GameSessionData has up to 262 144 characters, MatchmakerData 390 000, and one that JSON escapes takes six
 * bytes. The client's SERVER_SOCKET_BYTES_MAX has room for one of them.
 */
enum { LINK_UNSENT_BYTES_MAX = 8 * 1024 * 1024 };

/*
 * How many messages the owner hears of one connection before it turns to the others again, a tenth of a second later: a message can make it write a
 * session's state, which is far longer than what asked for it. What is too much waits with the peer.
 */
enum { LINK_MESSAGES_MAX = 64 };

struct bytes {
	uint8_t *data;
	size_t size, capacity;
};

struct link {
	struct list_node node; /* server_sdk.c's */
	struct sdk_link sdk;
	int fd;
	void (*release)(void *context); /* gives the socket back; called once */
	void *release_context;
	struct bytes received, message, unsent;
	struct websocket_assembler assembler;
	bool is_closing; /* a close frame is on its way; nothing more is read */
	bool is_dead;	 /* the socket is of no use any more */
	bool is_polled_for_writing, is_polled_for_reading;
	uint32_t messages_left; /* of LINK_MESSAGES_MAX; the owner's to renew. At 0 nothing is read or parsed */
	int64_t close_until_ms; /* of is_closing, the owner's: 0 until it has looked */
};

typedef void link_hear_fn(void *context, struct link *link, const char *text, size_t size);

/* Not in any list, unpolled. NULL: out of memory; fd is still the caller's. first: what came behind the upgrade. */
struct link *ringcast_link_create(int fd, const void *first, size_t first_bytes);
void ringcast_link_destroy(struct link **link); /* releases the socket */
/* Reads what is there and hands on each message; sets is_closing or is_dead as it must. */
void ringcast_link_read(struct link *link, link_hear_fn *hear, void *context);
/* Works off what came already, without the socket. */
void ringcast_link_parse(struct link *link, link_hear_fn *hear, void *context);
void ringcast_link_send(struct link *link, const char *text); /* NULL: memory was short; dead then */
/* What the peer still sends is read and thrown away, so that it sees the reason before the socket goes. */
void ringcast_link_close(struct link *link, uint16_t code, const char *reason);
void ringcast_link_flush(struct link *link);

#endif
