#include "proto/clients/c/secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/prefilter.h"

enum { DATAGRAM_BYTES_MAX = 2048 };

void ringcast_client_secure_init(struct client_secure *secure, const struct client_secure_ops *ops, struct client_core *core,
				 struct client_trust *trust)
{
	*secure = (struct client_secure){.ops = ops, .core = core, .trust = trust, .datagrams_due_ns = CLIENT_CORE_NEVER};
}

static void drop_datagrams(struct client_secure *secure)
{
	if (secure->datagrams)
		ringcast_crypto_free(&secure->datagrams);
}

void ringcast_client_secure_fini(struct client_secure *secure)
{
	if (secure->datagrams && secure->datagrams_step == CLIENT_SECURE_OPEN)
		ringcast_crypto_close(secure->datagrams);
	if (secure->stream && secure->stream_step == CLIENT_SECURE_OPEN)
		ringcast_crypto_close(secure->stream);
	drop_datagrams(secure);
	if (secure->stream)
		ringcast_crypto_free(&secure->stream);
	free(secure->waiting);
	secure->waiting = NULL;
	secure->waiting_bytes = 0;
	secure->stream_step = secure->datagrams_step = CLIENT_SECURE_OFF;
	secure->datagrams_due_ns = CLIENT_CORE_NEVER;
}

static void keep_failure(struct client_secure *secure, const struct crypto_session *session, const char *otherwise)
{
	const char *text = session ? ringcast_crypto_error(session) : "";
	snprintf(secure->failure, sizeof(secure->failure), "%s", text[0] ? text : otherwise);
}

/* the stream */

static void emit_stream(void *context, const uint8_t *bytes, size_t size)
{
	struct client_secure *secure = context;
	secure->ops->stream_write(secure, bytes, size);
}

bool ringcast_client_secure_start_stream(struct client_secure *secure)
{
	ringcast_assert(secure->stream_step == CLIENT_SECURE_OFF);
	secure->stream = ringcast_crypto_open(secure->trust->stream, secure->trust->host, emit_stream, secure);
	if (!secure->stream)
		return false;
	secure->stream_step = CLIENT_SECURE_HANDSHAKE;
	return ringcast_crypto_connect(secure->stream) != CRYPTO_FAILED;
}

static bool wait_for_handshake(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	uint8_t *waiting = realloc(secure->waiting, secure->waiting_bytes + size);
	if (!waiting)
		return false;
	memcpy(waiting + secure->waiting_bytes, bytes, size);
	secure->waiting = waiting;
	secure->waiting_bytes += (uint32_t)size;
	return true;
}

bool ringcast_client_secure_send_stream(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	uint8_t sealed[CLIENT_SECURE_STREAM_BYTES_MAX + 2 * CRYPTO_STREAM_OVERHEAD_BYTES];
	ringcast_assert(size > 0 && size <= CLIENT_SECURE_STREAM_BYTES_MAX);
	if (secure->stream_step != CLIENT_SECURE_OPEN)
		return wait_for_handshake(secure, bytes, size);
	size_t sealed_bytes = ringcast_crypto_seal(secure->stream, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
	return sealed_bytes > 0 && secure->ops->stream_write(secure, sealed, sealed_bytes);
}

static bool open_stream(struct client_secure *secure)
{
	uint8_t *waiting = secure->waiting;
	secure->stream_step = CLIENT_SECURE_OPEN;
	secure->waiting = NULL;
	bool is_sent = secure->waiting_bytes == 0 || ringcast_client_secure_send_stream(secure, waiting, secure->waiting_bytes);
	secure->waiting_bytes = 0;
	free(waiting);
	return is_sent;
}

static void end_stream(struct client_secure *secure, enum crypto_result result, uint64_t now_ns)
{
	struct client_core *core = secure->core;
	bool was_open = secure->stream_step == CLIENT_SECURE_OPEN;
	secure->stream_step = CLIENT_SECURE_OFF;
	core->now_ns = now_ns;
	if (result == CRYPTO_CLOSED) {
		ringcast_client_core_end_stream(core, "the server ended the connection", now_ns);
		return;
	}
	keep_failure(secure, secure->stream, was_open ? "TLS broke" : "the TLS handshake failed");
	ringcast_client_core_finish(core, CLIENT_SECURE_CODE_TLS, ringcast_view_of(secure->failure, strlen(secure->failure)));
}

/* Gives the core what one read opened, behind the tail that it kept. */
static enum crypto_result read_stream(struct client_secure *secure, uint8_t *scratch, size_t scratch_bytes, uint64_t now_ns)
{
	struct client_core *core = secure->core;
	size_t size = 0, tail_bytes = core->tail_bytes;
	ringcast_assert(tail_bytes < scratch_bytes);
	enum crypto_result result = ringcast_crypto_read(secure->stream, scratch + tail_bytes, scratch_bytes - tail_bytes, &size);
	if (result != CRYPTO_OK)
		return result;
	size_t kept = ringcast_client_core_take_tail(core, scratch);
	ringcast_assert(kept == tail_bytes);
	ringcast_client_core_receive_stream(core, scratch, kept + size, now_ns);
	return result;
}

void ringcast_client_secure_receive_stream(struct client_secure *secure, struct view bytes, uint8_t *scratch, size_t scratch_bytes,
					   uint64_t now_ns)
{
	if (secure->stream_step == CLIENT_SECURE_OFF)
		return;
	ringcast_assert(scratch_bytes >= CLIENT_CORE_SCRATCH_BYTES_MIN);
	enum crypto_result result = ringcast_crypto_feed(secure->stream, bytes);
	if (result != CRYPTO_FAILED && secure->stream_step == CLIENT_SECURE_HANDSHAKE && ringcast_crypto_is_established(secure->stream) &&
	    !open_stream(secure))
		result = CRYPTO_FAILED;
	if (result != CRYPTO_FAILED && secure->stream_step == CLIENT_SECURE_OPEN) {
		do
			result = read_stream(secure, scratch, scratch_bytes, now_ns);
		while (result == CRYPTO_OK && secure->core->phase != CLIENT_CORE_CLOSED);
	}
	if (secure->core->phase != CLIENT_CORE_CLOSED && (result == CRYPTO_CLOSED || result == CRYPTO_FAILED))
		end_stream(secure, result, now_ns);
}

/* datagrams */

static void emit_datagram(void *context, const uint8_t *bytes, size_t size)
{
	struct client_secure *secure = context;
	secure->has_emitted = true;
	/* one that the kernel does not take is lost like any other: its flight is repeated */
	secure->ops->datagram_write(secure, bytes, size);
}

static void arm_handshake(struct client_secure *secure, uint64_t now_ns)
{
	uint32_t timeout_ms = ringcast_crypto_timeout_ms(secure->datagrams);
	secure->datagrams_due_ns = timeout_ms > 0 ? now_ns + timeout_ms * NS_PER_MS : secure->handshake_end_ns;
}

static void pause_datagrams(struct client_secure *secure, const char *otherwise, uint64_t now_ns)
{
	uint64_t delay_ms = CLIENT_CORE_HELLO_DELAY_MS_MAX;
	if (secure->failure_count < 6)
		delay_ms = (uint64_t)CLIENT_CORE_HELLO_DELAY_MS << secure->failure_count;
	keep_failure(secure, secure->datagrams, otherwise);
	drop_datagrams(secure);
	secure->datagrams_step = CLIENT_SECURE_PAUSE;
	secure->datagrams_due_ns = now_ns + delay_ms * NS_PER_MS;
	if (secure->failure_count < UINT8_MAX)
		secure->failure_count++;
	ringcast_client_core_lose_fast(secure->core, secure->failure);
}

static void start_handshake(struct client_secure *secure, uint64_t now_ns)
{
	secure->datagrams = ringcast_crypto_open(secure->trust->datagrams, secure->trust->host, emit_datagram, secure);
	if (!secure->datagrams) {
		pause_datagrams(secure, "out of memory", now_ns);
		return;
	}
	secure->datagrams_step = CLIENT_SECURE_HANDSHAKE;
	secure->handshake_end_ns = now_ns + CLIENT_SECURE_HANDSHAKE_MS_MAX * NS_PER_MS;
	if (ringcast_crypto_connect(secure->datagrams) == CRYPTO_FAILED)
		pause_datagrams(secure, "DTLS cannot start", now_ns);
	else
		arm_handshake(secure, now_ns);
}

bool ringcast_client_secure_start_datagrams(struct client_secure *secure, struct view ca_cert)
{
	if (!ringcast_client_trust_datagrams(secure->trust, ca_cert, secure->failure, sizeof(secure->failure))) {
		secure->core->ops->fast_failed(secure->core, secure->failure);
		return false;
	}
	start_handshake(secure, secure->core->now_ns);
	return true;
}

bool ringcast_client_secure_send_datagram(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	uint8_t sealed[DATAGRAM_BYTES_MAX];
	ringcast_assert(size + CRYPTO_DATAGRAM_OVERHEAD_BYTES <= sizeof(sealed));
	if (secure->datagrams_step != CLIENT_SECURE_OPEN)
		return false;
	size_t sealed_bytes = ringcast_crypto_seal(secure->datagrams, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
	return sealed_bytes > 0 && secure->ops->datagram_write(secure, sealed, sealed_bytes);
}

static void finish_handshake(struct client_secure *secure, uint64_t now_ns)
{
	secure->datagrams_step = CLIENT_SECURE_OPEN;
	secure->datagrams_due_ns = CLIENT_CORE_NEVER;
	secure->failure_count = 0;
	ringcast_client_core_establish_fast(secure->core, now_ns);
}

static enum crypto_result read_datagrams(struct client_secure *secure, uint64_t now_ns)
{
	uint8_t plain[DATAGRAM_BYTES_MAX];
	enum crypto_result result;
	do {
		size_t size = 0;
		result = ringcast_crypto_read(secure->datagrams, plain, sizeof(plain), &size);
		if (result == CRYPTO_OK)
			ringcast_client_core_receive_datagram(secure->core, plain, size, now_ns);
	} while (result == CRYPTO_OK && secure->core->phase != CLIENT_CORE_CLOSED);
	return result;
}

void ringcast_client_secure_receive_datagram(struct client_secure *secure, struct view datagram, uint64_t now_ns)
{
	if (!secure->datagrams || datagram.size > DATAGRAM_BYTES_MAX ||
	    ringcast_crypto_prefilter(datagram, secure->datagrams_step == CLIENT_SECURE_OPEN) != CRYPTO_PREFILTER_FEED)
		return;
	secure->has_emitted = false;
	enum crypto_result result = ringcast_crypto_feed(secure->datagrams, datagram);
	bool is_established = result != CRYPTO_FAILED && ringcast_crypto_is_established(secure->datagrams);
	if (is_established && secure->datagrams_step == CLIENT_SECURE_HANDSHAKE)
		finish_handshake(secure, now_ns);
	else if (!is_established && secure->has_emitted)
		arm_handshake(secure, now_ns); /* a new flight of ours waits for its answer; mere arrivals must not put the repetition off */
	if (is_established && secure->core->phase != CLIENT_CORE_CLOSED)
		result = read_datagrams(secure, now_ns);
	if (result == CRYPTO_CLOSED)
		pause_datagrams(secure, "the server closed the DTLS association", now_ns);
	else if (result == CRYPTO_FAILED)
		pause_datagrams(secure, "the DTLS handshake failed", now_ns);
}

void ringcast_client_secure_restart_datagrams(struct client_secure *secure, uint64_t now_ns)
{
	ringcast_assert(secure->datagrams_step == CLIENT_SECURE_OPEN);
	ringcast_crypto_close(secure->datagrams);
	pause_datagrams(secure, "the server does not answer by DTLS", now_ns);
}

uint64_t ringcast_client_secure_deadline_ns(const struct client_secure *secure)
{
	return secure->datagrams_due_ns;
}

static void repeat_flight(struct client_secure *secure, uint64_t now_ns)
{
	if (now_ns >= secure->handshake_end_ns || ringcast_crypto_expire(secure->datagrams) == CRYPTO_FAILED)
		pause_datagrams(secure, "the server does not answer the DTLS handshake", now_ns);
	else
		arm_handshake(secure, now_ns);
}

void ringcast_client_secure_tick(struct client_secure *secure, uint64_t now_ns)
{
	if (now_ns < secure->datagrams_due_ns || secure->core->phase == CLIENT_CORE_CLOSED)
		return;
	secure->datagrams_due_ns = CLIENT_CORE_NEVER;
	if (secure->datagrams_step == CLIENT_SECURE_HANDSHAKE)
		repeat_flight(secure, now_ns);
	else if (secure->datagrams_step == CLIENT_SECURE_PAUSE && secure->core->fast != CLIENT_CORE_FAST_OFF)
		start_handshake(secure, now_ns); /* not for one who was refused, or who has no more numbers */
}

static size_t describe_session(const struct crypto_session *session, const char *name, char *ret_text, size_t text_bytes)
{
	char text[128];
	if (!session || !ringcast_crypto_is_established(session) || !ringcast_crypto_describe(session, text, sizeof(text)))
		return 0;
	int size = snprintf(ret_text, text_bytes, "%s %s", name, text);
	return size > 0 && (size_t)size < text_bytes ? (size_t)size : 0;
}

void ringcast_client_secure_describe(const struct client_secure *secure, char *ret_text, size_t text_bytes)
{
	ringcast_assert(text_bytes > 0);
	ret_text[0] = '\0';
	size_t used = describe_session(secure->stream, "stream:", ret_text, text_bytes);
	if (used > 0 && used + 2 < text_bytes && secure->datagrams_step == CLIENT_SECURE_OPEN) {
		memcpy(ret_text + used, ", ", 3);
		if (describe_session(secure->datagrams, "datagrams:", ret_text + used + 2, text_bytes - used - 2) == 0)
			ret_text[used] = '\0';
	} else if (used == 0) {
		snprintf(ret_text, text_bytes, "%s", secure->failure);
	}
}
