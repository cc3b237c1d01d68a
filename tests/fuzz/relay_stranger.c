#include "relay_stranger.h"

#include "base/assert.h"
#include "proto/http_upgrade.h"
#include "proto/websocket.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

enum { RECORD_BYTES_MAX = 4096 };

/* TLS */

static void emit_stream(void *context, const uint8_t *bytes, size_t size)
{
	struct stranger *stranger = context;
	ringcast_sim_stream_write(stranger->network, stranger->stream, bytes, size);
}

void stranger_forget(struct stranger *stranger)
{
	ringcast_crypto_free(&stranger->crypto);
	stranger->plain_bytes = 0;
	stranger->is_upgraded = false;
	stranger->peer_id = 0;
	stranger->connect_token[0] = '\0';
}

void stranger_fini(struct stranger *stranger)
{
	stranger_forget(stranger);
	ringcast_crypto_free(&stranger->association);
	if (stranger->socket >= 0)
		ringcast_sim_udp_close(stranger->network, stranger->socket);
	stranger->socket = -1;
}

void stranger_begin_tls(struct stranger *stranger)
{
	ringcast_crypto_free(&stranger->crypto);
	stranger->crypto = ringcast_crypto_open(stranger->stream_context, "sim", emit_stream, stranger);
	ringcast_assert(stranger->crypto != NULL);
	ringcast_crypto_connect(stranger->crypto);
}

void stranger_write(struct stranger *stranger, const void *bytes, size_t size)
{
	uint8_t sealed[2 * STRANGER_PLAIN_BYTES];
	if (size > 0 && size < STRANGER_PLAIN_BYTES && stranger->crypto != NULL && ringcast_crypto_is_established(stranger->crypto)) {
		size = ringcast_crypto_seal(stranger->crypto, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
		bytes = sealed;
	}
	ringcast_sim_stream_write(stranger->network, stranger->stream, bytes, size);
}

static void keep(struct stranger *stranger, const uint8_t *bytes, size_t size)
{
	if (stranger->plain_bytes + size > sizeof(stranger->plain))
		stranger->plain_bytes = 0; /* it lost the thread */
	memcpy(stranger->plain + stranger->plain_bytes, bytes, size);
	stranger->plain_bytes += size;
}

static void open_stream(struct stranger *stranger, const uint8_t *bytes, size_t size)
{
	uint8_t plain[RECORD_BYTES_MAX];
	size_t plain_bytes;
	enum crypto_result result = ringcast_crypto_feed(stranger->crypto, ringcast_view_of(bytes, size));
	while (result == CRYPTO_OK && (result = ringcast_crypto_read(stranger->crypto, plain, sizeof(plain), &plain_bytes)) == CRYPTO_OK)
		keep(stranger, plain, plain_bytes);
	if (result == CRYPTO_FAILED || result == CRYPTO_CLOSED)
		ringcast_crypto_free(&stranger->crypto); /* what it says from now on is in clear, and wrong */
}

/* What the server says is right, whatever the stranger said. */
static void understand_packet(struct stranger *stranger, const struct websocket_frame *frame)
{
	struct packet packet;
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(frame->payload, frame->size), &packet);
	ringcast_assert(error == PACKET_OK);
	if (packet.command != PACKET_COMMAND_LOGIN_RESULT || !packet.login_result.is_success)
		return;
	struct view token = packet.login_result.connect_token;
	stranger->peer_id = packet.login_result.peer_id;
	stranger->fast_port = (uint16_t)packet.login_result.fast_port;
	ringcast_assert(token.size < sizeof(stranger->connect_token));
	if (token.size > 0)
		memcpy(stranger->connect_token, token.data, token.size);
	stranger->connect_token[token.size] = '\0';
}

static void understand(struct stranger *stranger)
{
	size_t consumed = 0, size, needed;
	int status;
	uint16_t close_code;
	struct websocket_frame frame;
	if (!stranger->is_upgraded)
		stranger->is_upgraded = ringcast_http_upgrade_parse_response(ringcast_view_of(stranger->plain, stranger->plain_bytes), KEY, &consumed,
									     &status) == HTTP_UPGRADE_OK;
	while (stranger->is_upgraded && ringcast_websocket_parse(stranger->plain + consumed, stranger->plain_bytes - consumed, false, STRANGER_PLAIN_BYTES,
								 &frame, &size, &needed, &close_code) == WEBSOCKET_FRAME) {
		if (frame.opcode == WEBSOCKET_BINARY)
			understand_packet(stranger, &frame);
		consumed += size;
	}
	if (!stranger->is_upgraded)
		return;
	stranger->plain_bytes -= consumed;
	memmove(stranger->plain, stranger->plain + consumed, stranger->plain_bytes);
}

/* DTLS */

static void emit_datagram(void *context, const uint8_t *bytes, size_t size)
{
	struct stranger *stranger = context;
	ringcast_sim_udp_send(stranger->network, &stranger->udp, &stranger->server, bytes, size);
}

void stranger_begin_dtls(struct stranger *stranger, uint16_t port)
{
	if (stranger->socket < 0)
		stranger->socket = ringcast_sim_udp_open(stranger->network, &stranger->udp);
	ringcast_assert(stranger->socket >= 0);
	stranger->server.port = port;
	ringcast_crypto_free(&stranger->association);
	stranger->association = ringcast_crypto_open(stranger->datagram_context, "sim", emit_datagram, stranger);
	ringcast_assert(stranger->association != NULL);
	ringcast_crypto_connect(stranger->association);
}

void stranger_send_sealed(struct stranger *stranger, struct view plain)
{
	uint8_t sealed[RECORD_BYTES_MAX];
	if (stranger->association == NULL || !ringcast_crypto_is_established(stranger->association) || plain.size == 0 || plain.size > 1200)
		return;
	emit_datagram(stranger, sealed, ringcast_crypto_seal(stranger->association, plain, sealed, sizeof(sealed)));
}

void stranger_identify(struct stranger *stranger, const struct stranger *as)
{
	uint8_t bytes[512];
	struct packet packet = {
		.opcode = OPCODE_VERIFY_IDENTITY,
		.sender = as->peer_id,
		.sequence = stranger->sequence++,
		.command = PACKET_COMMAND_VERIFY_IDENTITY,
		.verify_identity = {.peer_id = as->peer_id, .connect_token = ringcast_view_of(as->connect_token, strlen(as->connect_token))},
	};
	stranger_send_sealed(stranger, ringcast_view_of(bytes, ringcast_packet_encode(&packet, bytes, sizeof(bytes))));
}

static void open_datagram(struct stranger *stranger, const uint8_t *bytes, size_t size)
{
	uint8_t plain[RECORD_BYTES_MAX];
	size_t plain_bytes;
	if (stranger->association == NULL)
		return;
	enum crypto_result result = ringcast_crypto_feed(stranger->association, ringcast_view_of(bytes, size));
	while (result == CRYPTO_OK)
		result = ringcast_crypto_read(stranger->association, plain, sizeof(plain), &plain_bytes);
	if (result == CRYPTO_FAILED || result == CRYPTO_CLOSED)
		ringcast_crypto_free(&stranger->association);
}

void stranger_read(struct stranger *stranger)
{
	uint8_t bytes[RECORD_BYTES_MAX];
	struct address from;
	size_t size;
	while ((size = ringcast_sim_stream_read(stranger->network, stranger->stream, bytes, sizeof(bytes))) > 0) {
		if (stranger->crypto != NULL)
			open_stream(stranger, bytes, size);
		else
			keep(stranger, bytes, size);
	}
	if (stranger->plain_bytes > 0)
		understand(stranger);
	while (stranger->socket >= 0 && ringcast_sim_udp_receive(stranger->network, stranger->socket, &from, bytes, sizeof(bytes), &size))
		open_datagram(stranger, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}
