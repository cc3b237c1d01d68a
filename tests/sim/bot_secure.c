/* A bot's encryption: TLS around its stream, a DTLS association instead of its plain datagrams. The client role of the same front that the engine uses. */
#include <stdlib.h>

#include "base/assert.h"
#include "bot.h"

#define VERIFY_DELAY_NS (200 * NS_PER_MS)
#define RESTART_DELAY_NS (500 * NS_PER_MS)
#define HANDSHAKE_NS_MAX (30 * NS_PER_S) /* as the C client has it */
#define IDENTITIES_MAX 80 /* without an answer: sixteen seconds, as the C client has it */

static uint64_t now_ns(const struct bot *bot)
{
	return ringcast_sim_network_now_ns(bot->net->network);
}

/* the stream */

static void emit_stream(void *context, const uint8_t *bytes, size_t size)
{
	struct bot *bot = context;
	ringcast_sim_stream_write(bot->net->network, bot->stream, bytes, size);
}

void ringcast_bot_secure_begin(struct bot *bot)
{
	bot->stream_crypto = ringcast_crypto_open(bot->net->stream_context, "sim", emit_stream, bot);
	ringcast_assert(bot->stream_crypto != NULL);
	ringcast_crypto_connect(bot->stream_crypto);
}

void ringcast_bot_secure_end(struct bot *bot)
{
	ringcast_crypto_free(&bot->stream_crypto);
	ringcast_crypto_free(&bot->fast_crypto);
	free(bot->unsent);
	bot->unsent = NULL;
	bot->unsent_bytes = 0;
}

static void seal(struct bot *bot, const uint8_t *bytes, size_t size)
{
	size_t capacity = ringcast_crypto_stream_sealed_bytes_max(size);
	uint8_t *sealed = malloc(capacity);
	ringcast_assert(sealed != NULL);
	size_t sealed_bytes = ringcast_crypto_seal(bot->stream_crypto, ringcast_view_of(bytes, size), sealed, capacity);
	ringcast_sim_stream_write(bot->net->network, bot->stream, sealed, sealed_bytes);
	free(sealed);
}

static void keep_unsent(struct bot *bot, const uint8_t *bytes, size_t size)
{
	bot->unsent = realloc(bot->unsent, bot->unsent_bytes + size);
	ringcast_assert(bot->unsent != NULL);
	memcpy(bot->unsent + bot->unsent_bytes, bytes, size);
	bot->unsent_bytes += size;
}

void ringcast_bot_write(struct bot *bot, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	if (bot->stream_crypto == NULL)
		ringcast_sim_stream_write(bot->net->network, bot->stream, bytes, size);
	else if (ringcast_crypto_is_established(bot->stream_crypto))
		seal(bot, bytes, size);
	else
		keep_unsent(bot, bytes, size);
}

static void send_unsent(struct bot *bot)
{
	if (bot->unsent_bytes == 0 || !ringcast_crypto_is_established(bot->stream_crypto))
		return;
	seal(bot, bot->unsent, bot->unsent_bytes);
	bot->unsent_bytes = 0;
}

/* Nobody changes bytes of a stream here: what does not open was sent wrong. */
static void check_stream(struct bot *bot, enum crypto_result result)
{
	if (result == CRYPTO_FAILED && !bot->is_bad)
		ringcast_bot_fail(bot, ringcast_crypto_error(bot->stream_crypto), 0);
}

void ringcast_bot_open(struct bot *bot, const uint8_t *bytes, size_t size)
{
	uint8_t plain[4096];
	size_t plain_bytes;
	enum crypto_result result = ringcast_crypto_feed(bot->stream_crypto, ringcast_view_of(bytes, size));
	send_unsent(bot);
	while (result == CRYPTO_OK || result == CRYPTO_WANT_INPUT) {
		result = ringcast_crypto_read(bot->stream_crypto, plain, sizeof(plain), &plain_bytes);
		if (result == CRYPTO_WANT_INPUT)
			return;
		if (result == CRYPTO_OK)
			ringcast_bot_keep(bot, plain, plain_bytes);
	}
	check_stream(bot, result);
}

/* datagrams */

static void emit_datagram(void *context, const uint8_t *bytes, size_t size)
{
	struct bot *bot = context;
	struct address to = ringcast_bot_server_udp(bot);
	ringcast_sim_udp_send(bot->net->network, &bot->udp, &to, bytes, size);
}

static void arm(struct bot *bot)
{
	uint32_t timeout_ms = ringcast_crypto_timeout_ms(bot->fast_crypto);
	bot->hello_at_ns = now_ns(bot) + (timeout_ms != 0 ? timeout_ms * NS_PER_MS : VERIFY_DELAY_NS);
}

void ringcast_bot_secure_fast_start(struct bot *bot)
{
	ringcast_crypto_free(&bot->fast_crypto);
	bot->fast_crypto = ringcast_crypto_open(bot->net->datagram_context, "sim", emit_datagram, bot);
	ringcast_assert(bot->fast_crypto != NULL);
	bot->fast = BOT_FAST_ASKING;
	bot->hello_count = 0;
	bot->handshake_end_ns = now_ns(bot) + HANDSHAKE_NS_MAX;
	ringcast_crypto_connect(bot->fast_crypto);
	arm(bot);
}

size_t ringcast_bot_seal_datagram(struct bot *bot, struct view packet, uint8_t *out, size_t capacity)
{
	return ringcast_crypto_seal(bot->fast_crypto, packet, out, capacity);
}

void ringcast_bot_send_sealed(struct bot *bot, struct view plain)
{
	uint8_t sealed[BOT_DATAGRAM_BYTES_MAX];
	size_t size = ringcast_crypto_seal(bot->fast_crypto, plain, sealed, sizeof(sealed));
	emit_datagram(bot, sealed, size);
}

void ringcast_bot_send_identity(struct bot *bot, const char *token)
{
	const struct bot *who = bot->victim != NULL ? bot->victim : bot;
	struct packet packet = {
		.opcode = OPCODE_VERIFY_IDENTITY,
		.target_player = PROTO_PEER_SERVER,
		.command = PACKET_COMMAND_VERIFY_IDENTITY,
		.verify_identity = {.peer_id = who->peer_id, .connect_token = ringcast_view_of(token, strlen(token))},
	};
	ringcast_bot_send_datagram(bot, &packet);
}

static void send_identity(struct bot *bot)
{
	ringcast_bot_send_identity(bot, bot->victim != NULL ? bot->victim->connect_token : bot->connect_token);
	bot->hello_count++;
	bot->hello_at_ns = now_ns(bot) + VERIFY_DELAY_NS;
}

/* The association is over, by the server's word or its silence. Real clients try again, from the same address. */
static void lose(struct bot *bot)
{
	ringcast_crypto_free(&bot->fast_crypto);
	bot->fast = BOT_FAST_ASKING;
	bot->net->has_lost_fast = true;
	bot->hello_at_ns = now_ns(bot) + RESTART_DELAY_NS;
}

void ringcast_bot_open_datagram(struct bot *bot, struct view bytes)
{
	uint8_t plain[BOT_DATAGRAM_BYTES_MAX];
	size_t size;
	if (bot->fast_crypto == NULL)
		return;
	bool was_established = ringcast_crypto_is_established(bot->fast_crypto);
	enum crypto_result result = ringcast_crypto_feed(bot->fast_crypto, bytes);
	if (!was_established && ringcast_crypto_is_established(bot->fast_crypto))
		send_identity(bot);
	while (result == CRYPTO_OK || result == CRYPTO_WANT_INPUT) {
		result = ringcast_crypto_read(bot->fast_crypto, plain, sizeof(plain), &size);
		if (result == CRYPTO_WANT_INPUT)
			return;
		if (result == CRYPTO_OK && bot->victim == NULL)
			ringcast_bot_receive_datagram(bot, ringcast_view_of(plain, size));
	}
	lose(bot);
}

void ringcast_bot_receive_identity(struct bot *bot, const struct packet *packet)
{
	if (packet->verify_identity_result.peer_id != bot->peer_id) {
		ringcast_bot_fail(bot, "somebody else's identity was answered", packet->verify_identity_result.peer_id);
		return;
	}
	ringcast_bot_fast_is_up(bot);
}

/*
 * A late hello of its own may have taken the place of the handshake that it is in, and a goodbye may be lost: nobody there will ever understand it, or
 * tell it so. Who shows another's token reads no answers, and is not promised any.
 */
static bool is_in_vain(const struct bot *bot)
{
	if (ringcast_crypto_is_established(bot->fast_crypto))
		return bot->victim == NULL && bot->hello_count >= IDENTITIES_MAX;
	return now_ns(bot) >= bot->handshake_end_ns;
}

void ringcast_bot_secure_fast_tick(struct bot *bot)
{
	if (bot->hello_at_ns > now_ns(bot))
		return;
	if (bot->fast_crypto == NULL)
		ringcast_bot_secure_fast_start(bot);
	else if (is_in_vain(bot))
		lose(bot);
	else if (ringcast_crypto_is_established(bot->fast_crypto))
		send_identity(bot);
	else if (ringcast_crypto_expire(bot->fast_crypto) == CRYPTO_FAILED)
		lose(bot);
	else
		arm(bot);
}
