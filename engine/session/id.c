#include "session/id.h"

#include "base/assert.h"
#include "base/hex.h"
#include "session/session.h"

static_assert(ID_TEXT_BYTES < sizeof(((struct session *)NULL)->id), "a session id and its NUL fit their field");
static_assert((size_t)ID_TEXT_BYTES < PLAYER_TOKEN_BYTES, "a player token and its NUL fit");

static const char session_prefix[] = "gsess-";
static const char player_prefix[] = "psess-";
static_assert(sizeof(session_prefix) - 1 == ID_PREFIX_BYTES, "prefix");
static_assert(sizeof(player_prefix) - 1 == ID_PREFIX_BYTES, "prefix");

static void text_format(const char *prefix, const uint8_t value[ID_VALUE_BYTES], char *out)
{
	memcpy(out, prefix, ID_PREFIX_BYTES);
	ringcast_hex_write(ringcast_view_of(value, ID_VALUE_BYTES), out + ID_PREFIX_BYTES);
}

/* -1: not a lower-case hex digit. */
static int digit_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

static bool text_parse(const char *prefix, struct view text, uint8_t ret_value[ID_VALUE_BYTES])
{
	if (text.size != ID_TEXT_BYTES || memcmp(text.data, prefix, ID_PREFIX_BYTES) != 0)
		return false;
	const uint8_t *digits = text.data + ID_PREFIX_BYTES;
	for (size_t i = 0; i < ID_VALUE_BYTES; i++) {
		int high = digit_value(digits[2 * i]);
		int low = digit_value(digits[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret_value[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Big-endian, in the size bytes at out. */
static void uint_store(uint8_t *out, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t uint_load(const uint8_t *in, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | in[i];
	return value;
}

/* Where the bytes of a value lie. */
enum { AT_HOST = 0, AT_SHARD = 2, AT_INDEX = 3, AT_SECRET = 6, AT_GENERATION = 6, AT_RANDOM = 10 };
static_assert(AT_SECRET + ID_SECRET_BYTES == ID_VALUE_BYTES, "a token is full");

static void place_store(uint8_t value[ID_VALUE_BYTES], uint32_t host_index, uint32_t shard_index, uint32_t slab_index)
{
	ringcast_assert(host_index < ID_HOSTS_MAX);
	ringcast_assert(shard_index < ID_SHARDS_MAX);
	ringcast_assert(slab_index <= ID_INDEX_MAX);
	uint_store(value + AT_HOST, 2, host_index);
	uint_store(value + AT_SHARD, 1, shard_index);
	uint_store(value + AT_INDEX, 3, slab_index);
}

void ringcast_id_format_session(const struct session_ref *ref, char *out)
{
	uint8_t value[ID_VALUE_BYTES];
	place_store(value, ref->host_index, ref->shard_index, ringcast_handle_index(ref->session));
	uint_store(value + AT_GENERATION, 4, ringcast_handle_generation(ref->session));
	uint_store(value + AT_RANDOM, 6, ref->random);
	text_format(session_prefix, value, out);
}

void ringcast_id_format_player(const struct player_ref *ref, char *out)
{
	uint8_t value[ID_VALUE_BYTES];
	place_store(value, ref->host_index, ref->shard_index, ref->player_index);
	memcpy(value + AT_SECRET, ref->secret, ID_SECRET_BYTES);
	text_format(player_prefix, value, out);
}

bool ringcast_id_parse_session(struct view text, struct session_ref *ret_ref)
{
	uint8_t value[ID_VALUE_BYTES];
	if (!text_parse(session_prefix, text, value))
		return false;
	ret_ref->host_index = (uint32_t)uint_load(value + AT_HOST, 2);
	ret_ref->shard_index = value[AT_SHARD];
	ret_ref->session = ringcast_handle_of((uint32_t)uint_load(value + AT_INDEX, 3), (uint32_t)uint_load(value + AT_GENERATION, 4));
	ret_ref->random = uint_load(value + AT_RANDOM, 6);
	return true;
}

bool ringcast_id_parse_player(struct view text, struct player_ref *ret_ref)
{
	uint8_t value[ID_VALUE_BYTES];
	if (!text_parse(player_prefix, text, value))
		return false;
	ret_ref->host_index = (uint32_t)uint_load(value + AT_HOST, 2);
	ret_ref->shard_index = value[AT_SHARD];
	ret_ref->player_index = (uint32_t)uint_load(value + AT_INDEX, 3);
	memcpy(ret_ref->secret, value + AT_SECRET, ID_SECRET_BYTES);
	return true;
}

bool ringcast_id_is_secret_equal(const uint8_t a[ID_SECRET_BYTES], const uint8_t b[ID_SECRET_BYTES])
{
	volatile uint8_t difference = 0;
	for (size_t i = 0; i < ID_SECRET_BYTES; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

int ringcast_session_id_shard(const char *id)
{
	struct session_ref ref;
	bool is_ours = ringcast_id_parse_session(ringcast_view_of(id, strnlen(id, ID_TEXT_BYTES + 1)), &ref) && ref.host_index == ID_HOST_HERE;
	return is_ours ? (int)ref.shard_index : -1;
}

int ringcast_player_token_shard(struct view token)
{
	struct player_ref ref;
	return ringcast_id_parse_player(token, &ref) && ref.host_index == ID_HOST_HERE ? (int)ref.shard_index : -1;
}
