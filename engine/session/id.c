#include "session/id.h"

#include "base/assert.h"
#include "session/session.h"

static_assert(ID_TEXT_BYTES < sizeof(((struct session *)NULL)->id), "a session id and its NUL fit their field");
static_assert((size_t)ID_TEXT_BYTES < PLAYER_TOKEN_BYTES, "a player token and its NUL fit");

static const char session_prefix[] = "gsess-";
static const char player_prefix[] = "psess-";
static_assert(sizeof(session_prefix) - 1 == ID_PREFIX_BYTES, "prefix");
static_assert(sizeof(player_prefix) - 1 == ID_PREFIX_BYTES, "prefix");

static void text_format(const char *prefix, const uint8_t value[ID_VALUE_BYTES], char *out)
{
	static const char digits[] = "0123456789abcdef";
	memcpy(out, prefix, ID_PREFIX_BYTES);
	out += ID_PREFIX_BYTES;
	for (size_t i = 0; i < ID_VALUE_BYTES; i++) {
		*out++ = digits[value[i] >> 4];
		*out++ = digits[value[i] & 15];
	}
	*out = '\0';
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

static void uint32_store(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t uint32_load(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static uint32_t place_of(uint32_t shard_index, uint32_t slab_index)
{
	ringcast_assert(shard_index < ID_SHARDS_MAX);
	ringcast_assert(slab_index <= ID_INDEX_MAX);
	return shard_index << 24 | slab_index;
}

void ringcast_id_format_session(const struct session_ref *ref, char *out)
{
	uint8_t value[ID_VALUE_BYTES];
	uint32_store(value, place_of(ref->shard_index, ringcast_handle_index(ref->session)));
	uint32_store(value + 4, ringcast_handle_generation(ref->session));
	uint32_store(value + 8, (uint32_t)(ref->random >> 32));
	uint32_store(value + 12, (uint32_t)ref->random);
	text_format(session_prefix, value, out);
}

void ringcast_id_format_player(const struct player_ref *ref, char *out)
{
	uint8_t value[ID_VALUE_BYTES];
	uint32_store(value, place_of(ref->shard_index, ref->player_index));
	memcpy(value + 4, ref->secret, ID_SECRET_BYTES);
	text_format(player_prefix, value, out);
}

bool ringcast_id_parse_session(struct view text, struct session_ref *ret_ref)
{
	uint8_t value[ID_VALUE_BYTES];
	if (!text_parse(session_prefix, text, value))
		return false;
	uint32_t place = uint32_load(value);
	ret_ref->shard_index = place >> 24;
	ret_ref->session = ringcast_handle_of(place & ID_INDEX_MAX, uint32_load(value + 4));
	ret_ref->random = (uint64_t)uint32_load(value + 8) << 32 | uint32_load(value + 12);
	return true;
}

bool ringcast_id_parse_player(struct view text, struct player_ref *ret_ref)
{
	uint8_t value[ID_VALUE_BYTES];
	if (!text_parse(player_prefix, text, value))
		return false;
	uint32_t place = uint32_load(value);
	ret_ref->shard_index = place >> 24;
	ret_ref->player_index = place & ID_INDEX_MAX;
	memcpy(ret_ref->secret, value + 4, ID_SECRET_BYTES);
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
	return ringcast_id_parse_session(ringcast_view_of(id, strnlen(id, ID_TEXT_BYTES + 1)), &ref) ? (int)ref.shard_index : -1;
}

int ringcast_player_token_shard(struct view token)
{
	struct player_ref ref;
	return ringcast_id_parse_player(token, &ref) ? (int)ref.shard_index : -1;
}
