#include "bench/peers/wire.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/packet.h"
#include "proto/websocket.h"

enum { OPCODE_OF_GAME = 7 };

/* Sends, and reads until what was wanted has come; text may have zero bytes in it. */
static bool talk(int fd, const void *bytes, size_t size, const void *wanted, size_t wanted_bytes)
{
	uint8_t got[PEER_WIRE_BYTES_MAX];
	size_t got_bytes = 0;
	if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		return false;
	while (wanted_bytes > 0 && !memmem(got, got_bytes, wanted, wanted_bytes)) {
		ssize_t more = got_bytes < sizeof(got) ? recv(fd, got + got_bytes, sizeof(got) - got_bytes, 0) : 0;
		if (more <= 0)
			return false;
		got_bytes += (size_t)more;
	}
	return true;
}

static bool talk_text(int fd, const char *text, const char *wanted)
{
	return talk(fd, text, strlen(text), wanted, strlen(wanted));
}

/* WebSocket: masked with zeros, which is as good as any mask to a server and leaves the stamp readable. */

static size_t frame(uint8_t *out, const uint8_t *payload, size_t size)
{
	static const uint8_t mask[4];
	size_t head_bytes = ringcast_websocket_encode_header_masked(WEBSOCKET_BINARY, true, size, mask, out);
	memcpy(out + head_bytes, payload, size);
	return head_bytes + size;
}

static bool upgrade(int fd)
{
	static const char request[] = "GET /websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
	char text[512];
	snprintf(text, sizeof(text), "%s\r\n", request);
	return talk_text(fd, text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/* A plain relay: the first message names the group, every other one goes to all others in it; "joined" says that it holds. */
static bool plain_join(int fd, uint32_t group, uint32_t member)
{
	uint8_t out[64];
	char name[32];
	int size = snprintf(name, sizeof(name), "%u", group);
	return upgrade(fd) && talk(fd, out, frame(out, (const uint8_t *)name, (size_t)size), "joined", 6);
}

static size_t plain_encode(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size)
{
	return frame(out, payload, size);
}

/* ours: a session for each group, its players by tokens of dev mode */
static bool log_in(int fd, uint32_t group, uint32_t member, bool no_echo)
{
	uint8_t packet_bytes[256], out[300];
	char token[64];
	snprintf(token, sizeof(token), "dev-peers%u-m%u", group, member);
	const struct packet login = {
		.opcode = OPCODE_LOGIN, .is_reliable = true, .command = PACKET_COMMAND_LOGIN,
		.login = {.player_session_id = {(const uint8_t *)token, strlen(token)}, .client_version = 1, .no_echo = no_echo}};
	size_t size = ringcast_packet_encode(&login, packet_bytes, sizeof(packet_bytes));
	return size > 0 && upgrade(fd) && talk(fd, out, frame(out, packet_bytes, size), "\xfa\x01", 2); /* the field of a login's result */
}

static bool realtime_join(int fd, uint32_t group, uint32_t member)
{
	return log_in(fd, group, member, false);
}

/* As our own clients may ask, and as the others here do by themselves. */
static bool quiet_join(int fd, uint32_t group, uint32_t member)
{
	return log_in(fd, group, member, true);
}

static size_t realtime_encode(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size)
{
	uint8_t packet_bytes[PEER_WIRE_BYTES_MAX];
	const struct packet message = {.opcode = OPCODE_OF_GAME, .is_reliable = true, .target_group = PROTO_GROUP_ALL, .payload = {payload, size}};
	return frame(out, packet_bytes, ringcast_packet_encode(&message, packet_bytes, sizeof(packet_bytes)));
}

/* RESP3 */

static bool redis_join(int fd, uint32_t group, uint32_t member)
{
	char text[128], name[16];
	int name_bytes = snprintf(name, sizeof(name), "g%u", group);
	snprintf(text, sizeof(text), "HELLO 3\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", name_bytes, name);
	return talk_text(fd, text, "subscribe");
}

static size_t redis_encode(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size)
{
	char name[16];
	int name_bytes = snprintf(name, sizeof(name), "g%u", group);
	int head_bytes = snprintf((char *)out, 128, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%zu\r\n", name_bytes, name, size);
	memcpy(out + head_bytes, payload, size);
	memcpy(out + head_bytes + size, "\r\n", 2);
	return (size_t)head_bytes + size + 2;
}

/* NATS, without the echo */

static bool nats_join(int fd, uint32_t group, uint32_t member)
{
	char text[256];
	snprintf(text, sizeof(text), "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"protocol\":1}\r\nSUB g%u 1\r\nPING\r\n", group);
	return talk_text(fd, text, "PONG");
}

static size_t nats_encode(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size)
{
	int head_bytes = snprintf((char *)out, 64, "PUB g%u %zu\r\n", group, size);
	memcpy(out + head_bytes, payload, size);
	memcpy(out + head_bytes + size, "\r\n", 2);
	return (size_t)head_bytes + size + 2;
}

/* MQTT 5, quality of service 0, without the echo (no local) */

static bool mqtt_join(int fd, uint32_t group, uint32_t member)
{
	uint8_t hello[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0, 0, 0, 0}; /* a clean start, no keep-alive, an id of theirs */
	static const uint8_t welcome[] = {0x00, 0x00}; /* flags and reason of the CONNACK */
	uint8_t out[64];
	char name[16];
	size_t name_bytes = (size_t)snprintf(name, sizeof(name), "g%u", group);
	if (!talk(fd, hello, sizeof(hello), welcome, sizeof(welcome)))
		return false;
	const uint8_t head[] = {0x82, (uint8_t)(name_bytes + 6), 0, 1, 0, 0, (uint8_t)name_bytes};
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), name, name_bytes);
	out[sizeof(head) + name_bytes] = 0x04; /* no local */
	return talk(fd, out, sizeof(head) + name_bytes + 1, "\x90", 1);
}

static size_t mqtt_encode(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size)
{
	char name[16];
	size_t name_bytes = (size_t)snprintf(name, sizeof(name), "g%u", group), left = 2 + name_bytes + 1 + size, at = 0;
	out[at++] = 0x30;
	for (; left > 127; left >>= 7)
		out[at++] = (uint8_t)(left | 0x80);
	out[at++] = (uint8_t)left;
	out[at++] = 0;
	out[at++] = (uint8_t)name_bytes;
	memcpy(out + at, name, name_bytes);
	at += name_bytes;
	out[at++] = 0; /* no properties */
	memcpy(out + at, payload, size);
	return at + size;
}

static const struct peer_wire wires[] = {
	{"realtime", realtime_join, realtime_encode}, {"quiet", quiet_join, realtime_encode}, {"plain", plain_join, plain_encode}, {"redis", redis_join, redis_encode},
	{"nats", nats_join, nats_encode},             {"mqtt", mqtt_join, mqtt_encode},
};

const struct peer_wire *ringcast_peer_wire_find(const char *name)
{
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		if (strcmp(wires[i].name, name) == 0)
			return &wires[i];
	}
	return NULL;
}

const char *ringcast_peer_wire_names(void)
{
	return "realtime, quiet, plain, redis, nats, mqtt";
}
