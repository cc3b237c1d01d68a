/*
 * The toy's DTLS, in DTLS 1.2's own record and message headers.
 *
 *   client: hello ->                                    <- hello verify request :server, which keeps nothing
 *           hello, cookie ->                            <- hello, certificate
 *           key exchange, change cipher, finished ->    <- change cipher, finished
 *
 * Each side repeats its last flight when its timer says so; the server's last one when it sees the client's last one again. Each flight is one datagram.
 */
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "crypto/flight.h"
#include "toy_private.h"
#include "crypto/dtls_hello.h"

enum {
	HEADER_BYTES = 13,
	MESSAGE_HEADER_BYTES = 12,
	NONCE_BYTES = 8,
	COOKIE_BYTES = 8,
	HELLO_BYTES = 2 + TOY_RANDOM_BYTES + 1 + 1 + 6,
	VERIFY_BYTES = 2 + 1 + COOKIE_BYTES,
	SEALED_OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TOY_TAG_BYTES,
	TIMEOUT_MS = 1000,
	TIMEOUT_MS_MAX = 8000,
	WINDOW = 64,
};

/* a flight is put together here */

static uint8_t *grow(struct toy_session *session, size_t size)
{
	uint8_t *at = session->flight + session->flight_bytes;
	ringcast_assert(session->flight_bytes + size <= TOY_FLIGHT_BYTES_MAX);
	session->flight_bytes += size;
	return at;
}

static void write_number(uint8_t *out, uint64_t number, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
}

static uint64_t read_number(const uint8_t *bytes, unsigned count)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < count; i++)
		number = number << 8 | bytes[i];
	return number;
}

static void fill_header(uint8_t *out, uint8_t type, uint16_t epoch, uint64_t sequence, size_t size)
{
	out[0] = type;
	out[1] = 0xfe;
	out[2] = 0xfd;
	write_number(out + 3, epoch, 2);
	write_number(out + 5, sequence, 6);
	write_number(out + 11, size, 2);
}

/* A message in clear. */
static uint8_t *add_message(struct toy_session *session, uint8_t message, size_t size)
{
	uint8_t *record = grow(session, HEADER_BYTES + MESSAGE_HEADER_BYTES + size), *header = record + HEADER_BYTES;
	memset(record, 0, HEADER_BYTES + MESSAGE_HEADER_BYTES + size);
	fill_header(record, TOY_HANDSHAKE, 0, session->clear_sequence++, MESSAGE_HEADER_BYTES + size);
	header[0] = message;
	write_number(header + 1, size, 3);
	write_number(header + 9, size, 3);
	return header + MESSAGE_HEADER_BYTES;
}

static void add_change_cipher(struct toy_session *session)
{
	uint8_t *record = grow(session, HEADER_BYTES + 1);
	fill_header(record, TOY_CHANGE_CIPHER, 0, session->clear_sequence++, 1);
	record[HEADER_BYTES] = 1;
}

static size_t seal_record(struct toy_session *session, uint8_t type, struct view plain, uint8_t *out)
{
	uint64_t sequence = session->sequence_out++;
	uint8_t *body = out + HEADER_BYTES + NONCE_BYTES;
	fill_header(out, type, 1, sequence, NONCE_BYTES + plain.size + TOY_TAG_BYTES);
	write_number(out + HEADER_BYTES, sequence, NONCE_BYTES);
	memcpy(body, plain.data, plain.size);
	ringcast_toy_seal(session, type, sequence, body, plain.size, body + plain.size);
	return HEADER_BYTES + NONCE_BYTES + plain.size + TOY_TAG_BYTES;
}

static void add_finished(struct toy_session *session)
{
	const uint8_t message = TOY_FINISHED;
	add_change_cipher(session);
	uint8_t *record = grow(session, SEALED_OVERHEAD_BYTES + sizeof(message));
	seal_record(session, TOY_HANDSHAKE, ringcast_view_of(&message, sizeof(message)), record);
}

static void new_flight(struct toy_session *session)
{
	session->flight_bytes = 0;
	session->timeout_ms = TIMEOUT_MS;
}

static void send_flight(struct toy_session *session)
{
	ringcast_crypto_give(&session->base, session->flight, session->flight_bytes);
}

/* client */

static void say_hello(struct toy_session *session)
{
	uint8_t cookie_bytes = session->cookie != 0 ? COOKIE_BYTES : 0;
	new_flight(session);
	uint8_t *body = add_message(session, TOY_CLIENT_HELLO, HELLO_BYTES + cookie_bytes);
	body[0] = 0xfe;
	body[1] = 0xfd;
	memcpy(body + 2, session->client_random, TOY_RANDOM_BYTES);
	body[35] = cookie_bytes; /* after an empty session id; then suites and compressions, which nobody reads here */
	memcpy(body + 36, &session->cookie, cookie_bytes);
	send_flight(session);
}

enum crypto_result ringcast_toy_datagram_begin(struct toy_session *session)
{
	say_hello(session);
	return CRYPTO_WANT_INPUT;
}

static void receive_verify(struct toy_session *session, struct view body)
{
	if (body.size != VERIFY_BYTES || session->cookie != 0 || session->key != 0)
		return;
	memcpy(&session->cookie, body.data + 3, COOKIE_BYTES);
	say_hello(session);
}

/* What answers an earlier hello of this address is not for us. (A real client would learn that by a Finished that never comes, and begin anew in a minute.) */
static void receive_server_hello(struct toy_session *session, struct view body)
{
	if (body.size != TOY_RANDOM_BYTES + TOY_CERTIFICATE_BYTES || session->base.is_established)
		return;
	if (memcmp(body.data + TOY_RANDOM_BYTES, session->client_random, TOY_RANDOM_BYTES) != 0)
		return;
	if (session->key == 0) {
		memcpy(session->server_random, body.data, TOY_RANDOM_BYTES);
		ringcast_toy_agree(session);
		new_flight(session);
		add_message(session, TOY_KEY_EXCHANGE, TOY_RANDOM_BYTES);
		add_finished(session);
	}
	send_flight(session); /* the server repeats its flight when it has not seen ours */
}

/* server */

static uint64_t cookie_of(const struct crypto_context *context, struct view peer)
{
	return ringcast_hash_bytes(peer.data, peer.size, ((const struct toy_context *)context)->cookie_secret) | 1;
}

static void answer_with_cookie(struct crypto_context *context, struct view peer, crypto_emit_fn *emit, void *emit_context)
{
	uint8_t record[HEADER_BYTES + MESSAGE_HEADER_BYTES + VERIFY_BYTES] = {0}, *message = record + HEADER_BYTES;
	uint64_t cookie = cookie_of(context, peer);
	fill_header(record, TOY_HANDSHAKE, 0, 0, MESSAGE_HEADER_BYTES + VERIFY_BYTES);
	message[0] = TOY_HELLO_VERIFY;
	message[3] = message[11] = VERIFY_BYTES;
	message[MESSAGE_HEADER_BYTES + 2] = COOKIE_BYTES;
	memcpy(message + MESSAGE_HEADER_BYTES + 3, &cookie, COOKIE_BYTES);
	emit(emit_context, record, sizeof(record));
}

bool ringcast_toy_datagram_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram)
{
	uint64_t cookie = cookie_of(context, peer);
	struct dtls_hello hello;
	return ringcast_dtls_hello_read(datagram, &hello) && hello.cookie.size == COOKIE_BYTES && memcmp(hello.cookie.data, &cookie, COOKIE_BYTES) == 0;
}

enum crypto_hello ringcast_toy_datagram_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					       void *emit_context, struct crypto_session **ret_session)
{
	struct dtls_hello hello;
	if (!ringcast_dtls_hello_read(datagram, &hello))
		return CRYPTO_HELLO_IGNORED;
	if (!ringcast_toy_datagram_is_cookie_good(context, peer, datagram)) {
		answer_with_cookie(context, peer, emit, emit_context);
		return CRYPTO_HELLO_ANSWERED;
	}
	struct toy_session *session = ringcast_toy_session_create(context, emit, emit_context);
	ringcast_assert(session != NULL);
	memcpy(session->client_random, hello.random.data, TOY_RANDOM_BYTES);
	ringcast_toy_agree(session);
	new_flight(session);
	uint8_t *message = add_message(session, TOY_SERVER_HELLO, TOY_RANDOM_BYTES + TOY_CERTIFICATE_BYTES);
	memcpy(message, session->server_random, TOY_RANDOM_BYTES);
	memcpy(message + TOY_RANDOM_BYTES, session->client_random, TOY_RANDOM_BYTES); /* whom it answers */
	send_flight(session);
	ringcast_flight_send(&session->base);
	*ret_session = &session->base;
	return CRYPTO_HELLO_VERIFIED;
}

/* both */

static void receive_clear(struct toy_session *session, uint8_t type, struct view body)
{
	if (type != TOY_HANDSHAKE || body.size < MESSAGE_HEADER_BYTES)
		return;
	struct view rest = ringcast_view_of(body.data + MESSAGE_HEADER_BYTES, body.size - MESSAGE_HEADER_BYTES);
	bool is_server = ringcast_toy_is_server(session);
	if (is_server && body.data[0] == (session->base.is_established ? TOY_KEY_EXCHANGE : TOY_CLIENT_HELLO))
		send_flight(session); /* the client repeats its flight because ours was lost */
	else if (!is_server && body.data[0] == TOY_HELLO_VERIFY)
		receive_verify(session, rest);
	else if (!is_server && body.data[0] == TOY_SERVER_HELLO)
		receive_server_hello(session, rest);
}

static bool is_replay(const struct toy_session *session, uint64_t sequence)
{
	if (session->window == 0 || sequence > session->sequence_in)
		return false;
	uint64_t age = session->sequence_in - sequence;
	return age >= WINDOW || (session->window >> age & 1) != 0;
}

static void remember(struct toy_session *session, uint64_t sequence)
{
	if (session->window != 0 && sequence <= session->sequence_in) {
		session->window |= UINT64_C(1) << (session->sequence_in - sequence);
		return;
	}
	uint64_t step = sequence - session->sequence_in;
	session->window = (session->window != 0 && step < WINDOW ? session->window << step : 0) | 1;
	session->sequence_in = sequence;
}

static void finish(struct toy_session *session)
{
	if (session->base.is_established)
		return;
	session->base.is_established = true;
	if (!ringcast_toy_is_server(session))
		return;
	new_flight(session);
	add_finished(session);
	send_flight(session);
}

/* What does not open is nobody's: dropped without a word, or anybody could end the session. */
static enum crypto_result receive_sealed(struct toy_session *session, uint8_t type, struct view record)
{
	uint8_t body[TOY_FLIGHT_BYTES_MAX];
	if (record.size <= NONCE_BYTES + TOY_TAG_BYTES || record.size > sizeof(body) || session->key == 0)
		return CRYPTO_OK;
	uint64_t sequence = read_number(record.data, NONCE_BYTES);
	size_t size = record.size - NONCE_BYTES - TOY_TAG_BYTES;
	memcpy(body, record.data + NONCE_BYTES, record.size - NONCE_BYTES);
	if (is_replay(session, sequence) || !ringcast_toy_open(session, type, sequence, body, size, body + size))
		return CRYPTO_OK;
	remember(session, sequence);
	if (type == TOY_HANDSHAKE && body[0] == TOY_FINISHED)
		finish(session);
	if (type == TOY_ALERT)
		return CRYPTO_CLOSED;
	if (type == TOY_DATA && session->base.is_established && !ringcast_toy_keep_plain(session, body, size))
		return ringcast_crypto_fail(&session->base, "out of memory");
	return CRYPTO_OK;
}

/* One datagram. OK: something was done with it; there may be data. */
enum crypto_result ringcast_toy_datagram_advance(struct toy_session *session)
{
	uint8_t bytes[2048];
	size_t size = ringcast_crypto_take(&session->base, bytes, sizeof(bytes));
	if (size == 0)
		return CRYPTO_WANT_INPUT;
	for (size_t at = 0; at + HEADER_BYTES <= size && session->plain_read_bytes == session->plain_bytes;) {
		const uint8_t *record = bytes + at;
		size_t body_bytes = read_number(record + 11, 2);
		if (body_bytes > size - at - HEADER_BYTES)
			break;
		struct view body = ringcast_view_of(record + HEADER_BYTES, body_bytes);
		enum crypto_result result = CRYPTO_OK;
		if (read_number(record + 3, 2) == 0)
			receive_clear(session, record[0], body);
		else
			result = receive_sealed(session, record[0], body);
		if (result != CRYPTO_OK)
			return result;
		at += HEADER_BYTES + body_bytes;
	}
	return CRYPTO_OK;
}

enum crypto_result ringcast_toy_datagram_expire(struct toy_session *session)
{
	session->timeout_ms = session->timeout_ms * 2 < TIMEOUT_MS_MAX ? session->timeout_ms * 2 : TIMEOUT_MS_MAX;
	send_flight(session);
	return CRYPTO_OK;
}

bool ringcast_toy_datagram_seal(struct toy_session *session, uint8_t type, struct view plain)
{
	uint8_t record[2048];
	ringcast_assert(plain.size + SEALED_OVERHEAD_BYTES <= sizeof(record));
	size_t size = seal_record(session, type, plain, record);
	if (ringcast_crypto_give(&session->base, record, size))
		return true;
	ringcast_crypto_fail(&session->base, "no room for a record");
	return false;
}

void ringcast_toy_datagram_close(struct toy_session *session)
{
	static const uint8_t close_notify[2] = {1, 0};
	ringcast_toy_datagram_seal(session, TOY_ALERT, ringcast_view_of(close_notify, sizeof(close_notify)));
}
