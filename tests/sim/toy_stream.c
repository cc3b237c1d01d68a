/*
 * The toy's TLS.
 *
 *   client: hello ->            <- hello, certificate :server
 *           finished (sealed) -> <- finished (sealed), ticket (sealed)
 *
 * Sequence numbers are not on the wire, as in TLS: whoever sends records in another order than it sealed them is found out. Every
 * UPDATE_PERIODth record of the client is a key update, which the server answers while it reads: records that a session makes by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "toy_private.h"

enum { HEADER_BYTES = 5, UPDATE_PERIOD = 8, SEALED_PART_BYTES_MAX = CRYPTO_STREAM_RECORD_BYTES };

/* sending */

static void fill_header(uint8_t *out, uint8_t type, size_t size)
{
	const uint8_t header[HEADER_BYTES] = {type, 3, 3, (uint8_t)(size >> 8), (uint8_t)size};
	memcpy(out, header, sizeof(header));
}

static bool send_clear(struct toy_session *session, const uint8_t *body, size_t size)
{
	uint8_t record[HEADER_BYTES + TOY_CERTIFICATE_BYTES];
	ringcast_assert(size <= TOY_CERTIFICATE_BYTES);
	fill_header(record, TOY_HANDSHAKE, size);
	memcpy(record + HEADER_BYTES, body, size);
	return ringcast_crypto_give(&session->base, record, HEADER_BYTES + size);
}

static bool send_sealed(struct toy_session *session, uint8_t type, const uint8_t *body, size_t size)
{
	uint8_t *record = malloc(HEADER_BYTES + size + TOY_TAG_BYTES);
	ringcast_assert(record != NULL && size <= SEALED_PART_BYTES_MAX);
	fill_header(record, type, size + TOY_TAG_BYTES);
	memcpy(record + HEADER_BYTES, body, size);
	ringcast_toy_seal(session, type, session->sequence_out++, record + HEADER_BYTES, size, record + HEADER_BYTES + size);
	bool is_given = ringcast_crypto_give(&session->base, record, HEADER_BYTES + size + TOY_TAG_BYTES);
	free(record);
	return is_given;
}

static void send_message(struct toy_session *session, uint8_t message)
{
	send_sealed(session, TOY_HANDSHAKE, &message, 1);
}

enum crypto_result ringcast_toy_stream_begin(struct toy_session *session)
{
	uint8_t hello[1 + TOY_RANDOM_BYTES] = {TOY_CLIENT_HELLO};
	memcpy(hello + 1, session->client_random, TOY_RANDOM_BYTES);
	send_clear(session, hello, sizeof(hello));
	return CRYPTO_WANT_INPUT;
}

bool ringcast_toy_stream_seal(struct toy_session *session, struct view plain)
{
	bool is_update = !ringcast_toy_is_server(session) && ++session->sealed_count % UPDATE_PERIOD == 0;
	const uint8_t update = TOY_KEY_UPDATE;
	bool is_sealed = !is_update || send_sealed(session, TOY_HANDSHAKE, &update, 1);
	while (is_sealed && plain.size > 0) {
		size_t part = plain.size < SEALED_PART_BYTES_MAX ? plain.size : SEALED_PART_BYTES_MAX;
		is_sealed = send_sealed(session, TOY_DATA, plain.data, part);
		plain.data += part;
		plain.size -= part;
	}
	if (!is_sealed)
		ringcast_crypto_fail(&session->base, "no room for a record");
	return is_sealed;
}

void ringcast_toy_stream_close(struct toy_session *session)
{
	static const uint8_t close_notify[2] = {1, 0};
	send_sealed(session, TOY_ALERT, close_notify, sizeof(close_notify));
}

static enum crypto_result fail(struct toy_session *session, const char *reason)
{
	static const uint8_t alert[HEADER_BYTES + 2] = {TOY_ALERT, 3, 3, 0, 2, 2, 40};
	ringcast_crypto_give(&session->base, alert, sizeof(alert));
	return ringcast_crypto_fail(&session->base, "%s", reason);
}

/* receiving */

static enum crypto_result receive_hello(struct toy_session *session, const uint8_t *body, size_t size)
{
	uint8_t answer[1 + TOY_RANDOM_BYTES] = {TOY_SERVER_HELLO}, certificate[TOY_CERTIFICATE_BYTES] = {0};
	bool is_server = ringcast_toy_is_server(session);
	uint8_t *theirs = is_server ? session->client_random : session->server_random;
	if (size != sizeof(answer) || body[0] != (is_server ? TOY_CLIENT_HELLO : TOY_SERVER_HELLO) || session->key != 0)
		return fail(session, "not a hello");
	memcpy(theirs, body + 1, TOY_RANDOM_BYTES);
	ringcast_toy_agree(session);
	if (!is_server)
		return CRYPTO_OK;
	memcpy(answer + 1, session->server_random, TOY_RANDOM_BYTES);
	send_clear(session, answer, sizeof(answer));
	send_clear(session, certificate, sizeof(certificate));
	return CRYPTO_OK;
}

/* In clear: the server's second record is its certificate, after which the client says that it has finished. */
static enum crypto_result receive_clear(struct toy_session *session, uint8_t type, const uint8_t *body, size_t size)
{
	if (type == TOY_ALERT)
		return ringcast_crypto_fail(&session->base, "the peer sent an alert");
	if (type != TOY_HANDSHAKE || size == 0)
		return fail(session, "data before the handshake was complete");
	if (ringcast_toy_is_server(session) || size != TOY_CERTIFICATE_BYTES)
		return receive_hello(session, body, size);
	if (session->key == 0)
		return fail(session, "a certificate before the hello");
	send_message(session, TOY_FINISHED);
	return CRYPTO_OK;
}

static enum crypto_result receive_message(struct toy_session *session, uint8_t message)
{
	bool is_server = ringcast_toy_is_server(session);
	if (message == TOY_FINISHED && !session->base.is_established) {
		session->base.is_established = true;
		if (is_server) {
			send_message(session, TOY_FINISHED);
			send_message(session, TOY_TICKET);
		}
		return CRYPTO_OK;
	}
	if (message == TOY_KEY_UPDATE && is_server) {
		send_message(session, TOY_KEY_UPDATE);
		return CRYPTO_OK;
	}
	return !is_server && (message == TOY_TICKET || message == TOY_KEY_UPDATE) ? CRYPTO_OK : fail(session, "a message that does not belong here");
}

static enum crypto_result receive_sealed(struct toy_session *session, uint8_t type, uint8_t *body, size_t size)
{
	if (size <= TOY_TAG_BYTES || !ringcast_toy_open(session, type, session->sequence_in++, body, size - TOY_TAG_BYTES, body + size - TOY_TAG_BYTES))
		return fail(session, "a record that does not open");
	size -= TOY_TAG_BYTES;
	if (type == TOY_ALERT)
		return CRYPTO_CLOSED;
	if (type == TOY_HANDSHAKE)
		return size == 1 ? receive_message(session, body[0]) : fail(session, "a message of a wrong size");
	if (!session->base.is_established)
		return fail(session, "data before the handshake was complete");
	return ringcast_toy_keep_plain(session, body, size) ? CRYPTO_OK : fail(session, "out of memory");
}

/* From the client's finished on everything is sealed; the server's side of that begins with its own. */
static bool is_sealed_now(const struct toy_session *session)
{
	return session->key != 0 && (ringcast_toy_is_server(session) || session->sequence_out > 0);
}

static bool keep_input(struct toy_session *session)
{
	size_t size = session->base.input.size;
	if (size == 0)
		return true;
	session->pending = realloc(session->pending, session->pending_bytes + size);
	if (session->pending == NULL)
		return false;
	session->pending_bytes += ringcast_crypto_take(&session->base, session->pending + session->pending_bytes, size);
	return true;
}

static enum crypto_result receive_record(struct toy_session *session)
{
	uint8_t *record = session->pending;
	size_t size = session->pending_bytes >= HEADER_BYTES ? (size_t)record[3] << 8 | record[4] : 0;
	if (session->pending_bytes < HEADER_BYTES || (session->pending_bytes < HEADER_BYTES + size && size <= TOY_RECORD_BYTES_MAX))
		return CRYPTO_WANT_INPUT;
	if (record[0] < TOY_ALERT || record[0] > TOY_DATA || record[1] != 3 || size > TOY_RECORD_BYTES_MAX)
		return fail(session, "not a record");
	enum crypto_result result = is_sealed_now(session) ? receive_sealed(session, record[0], record + HEADER_BYTES, size)
							   : receive_clear(session, record[0], record + HEADER_BYTES, size);
	session->pending_bytes -= HEADER_BYTES + size;
	memmove(record, record + HEADER_BYTES + size, session->pending_bytes);
	return result;
}

enum crypto_result ringcast_toy_stream_advance(struct toy_session *session)
{
	bool was_established = session->base.is_established;
	if (!keep_input(session))
		return fail(session, "out of memory");
	for (;;) {
		enum crypto_result result = receive_record(session);
		if (result != CRYPTO_OK)
			return result;
		if (session->plain_read_bytes < session->plain_bytes || session->base.is_established != was_established)
			return CRYPTO_OK;
	}
}
