/* Every limit and fixed number of the wire. Sources: the Realtime C# SDK 1.2.0 and captured traffic; see docs/protocol.md. */
#ifndef RINGCAST_PROTO_LIMITS_H
#define RINGCAST_PROTO_LIMITS_H

#include <assert.h>

enum {
	PROTO_CLIENT_VERSION = 2,
	PROTO_PEER_SERVER = -1,
	PROTO_PEER_NONE = 0,
	PROTO_GROUP_ALL = -1,
	PROTO_GROUP_NONE = 0,
	PROTO_PAYLOAD_RELIABLE_BYTES_MAX = 4096,
	PROTO_PAYLOAD_FAST_BYTES_MAX = 1200,
	PROTO_TOKEN_BYTES_MAX = 128,       /* connectToken, reconnectToken, and playerSessionId as servers make it */
	PROTO_LOGIN_TOKEN_BYTES_MAX = 8192, /* playerSessionId where a backend has signed it; ours are short */
	PROTO_CA_CERT_BYTES_MAX = 4096,
	PROTO_PACKET_OVERHEAD_BYTES_MAX = 96, /* length prefix and all scalar fields of a game message */
	PROTO_MERGED_BYTES_MAX = 1400,      /* a datagram of several packets */
	PROTO_MERGED_PACKETS_MAX = 128,
	PROTO_PACKET_BYTES_MAX = 16384,     /* any packet we decode, length prefix included */
	PROTO_HTTP_REQUEST_BYTES_MAX = 8192,
	PROTO_WEBSOCKET_HEADER_BYTES_MAX = 14,
};
static_assert(PROTO_PAYLOAD_FAST_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX <= PROTO_MERGED_BYTES_MAX, "a fast packet fits one datagram");
static_assert(PROTO_PAYLOAD_RELIABLE_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX < PROTO_PACKET_BYTES_MAX, "payload fits a packet");

#endif
