/*
 * Connect tokens: "<shard><connection><secret>" in hexadecimal. The shard is where a token's association has to go, the handle finds the connection there, the secret proves that
 * the login's answer was read.
 */
#include "base/hex.h"
#include "shard/shard_private.h"

enum { SHARD_BYTES = 1 };

void ringcast_shard_connect_token(const struct shard *shard, const struct conn *conn, char ret_token[SHARD_CONNECT_TOKEN_BYTES])
{
	uint8_t bytes[SHARD_BYTES + sizeof(handle) + SECURE_STREAM_SECRET_BYTES] = {(uint8_t)shard->options.index};
	_Static_assert(MAILBOX_SENDERS_MAX <= 256, "a shard is one byte");
	for (unsigned i = 0; i < sizeof(handle); i++)
		bytes[SHARD_BYTES + i] = (uint8_t)(conn->self >> (56 - 8 * i));
	memcpy(bytes + SHARD_BYTES + sizeof(handle), conn->secure->connect_secret, SECURE_STREAM_SECRET_BYTES);
	ringcast_hex_write(ringcast_view_of(bytes, sizeof(bytes)), ret_token);
}

/* As many bytes of a token as a number has. False: it is no token of ours. */
static bool read_number(struct view token, size_t first_byte, size_t byte_count, uint64_t *ret_number)
{
	uint64_t number = 0;
	if (token.size != SHARD_CONNECT_TOKEN_BYTES - 1)
		return false;
	for (size_t i = 2 * first_byte; i < 2 * (first_byte + byte_count); i++) {
		uint8_t c = token.data[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
		number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret_number = number;
	return true;
}

uint32_t ringcast_shard_of_connect_token(struct view token)
{
	uint64_t shard;
	return read_number(token, 0, SHARD_BYTES, &shard) ? (uint32_t)shard : UINT32_MAX;
}

/* In a time that does not tell how much of a guess was right. */
static bool is_same_token(struct view token, const char expected[SHARD_CONNECT_TOKEN_BYTES])
{
	uint8_t difference = 0;
	for (size_t i = 0; i < SHARD_CONNECT_TOKEN_BYTES - 1; i++)
		difference |= (uint8_t)(token.data[i] ^ (uint8_t)expected[i]);
	return difference == 0;
}

struct conn *ringcast_shard_find_owner(const struct shard *shard, struct view token, int32_t peer_id)
{
	char expected[SHARD_CONNECT_TOKEN_BYTES];
	handle self;
	if (!read_number(token, SHARD_BYTES, sizeof(self), &self))
		return NULL;
	struct conn *conn = ringcast_slab_find(&shard->conns, self);
	if (conn == NULL || conn->secure == NULL || conn->player == NULL || !conn->has_fast_port)
		return NULL;
	ringcast_shard_connect_token(shard, conn, expected);
	return is_same_token(token, expected) && conn->player->peer_id == peer_id ? conn : NULL;
}
