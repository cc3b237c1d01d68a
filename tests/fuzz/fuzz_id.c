/*
 * Session ids and player tokens: what is taken is spelled in the one canonical way, so it comes back byte for byte; no other text means the
 * same; the short questions (which shard?) agree with the whole parse; nothing is written when it is refused.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "session/id.h"
#include "session/session.h"

static void check_session(struct view text)
{
	struct session_ref ref, untouched;
	char out[ID_TEXT_BYTES + 1];
	memset(&ref, 0x5a, sizeof(ref));
	untouched = ref;
	bool is_id = ringcast_id_parse_session(text, &ref);
	char *copy = malloc(text.size + 1);
	ringcast_assert(copy != NULL);
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	bool is_whole = strlen(copy) == text.size;
	ringcast_assert(!is_whole || ringcast_session_id_shard(copy) == (is_id && ref.host_index == ID_HOST_HERE ? (int)ref.shard_index : -1));
	free(copy);
	if (!is_id) {
		ringcast_assert(memcmp(&ref, &untouched, sizeof(ref)) == 0);
		return;
	}
	ringcast_assert(ref.host_index < ID_HOSTS_MAX && ref.shard_index < ID_SHARDS_MAX && ringcast_handle_index(ref.session) <= ID_INDEX_MAX);
	ringcast_id_format_session(&ref, out);
	ringcast_assert(text.size == ID_TEXT_BYTES && memcmp(out, text.data, ID_TEXT_BYTES) == 0 && out[ID_TEXT_BYTES] == '\0');
}

static void check_player(struct view text)
{
	struct player_ref ref, untouched;
	char out[ID_TEXT_BYTES + 1];
	memset(&ref, 0x5a, sizeof(ref));
	untouched = ref;
	bool is_token = ringcast_id_parse_player(text, &ref);
	ringcast_assert(ringcast_player_token_shard(text) == (is_token && ref.host_index == ID_HOST_HERE ? (int)ref.shard_index : -1));
	if (!is_token) {
		ringcast_assert(memcmp(&ref, &untouched, sizeof(ref)) == 0);
		return;
	}
	ringcast_assert(ref.host_index < ID_HOSTS_MAX && ref.shard_index < ID_SHARDS_MAX && ref.player_index <= ID_INDEX_MAX);
	ringcast_id_format_player(&ref, out);
	ringcast_assert(text.size == ID_TEXT_BYTES && memcmp(out, text.data, ID_TEXT_BYTES) == 0 && out[ID_TEXT_BYTES] == '\0');
}

/* Any bytes are a secret; two are equal when all their bytes are. */
static void check_secrets(const uint8_t *data, size_t size)
{
	if (size < 2 * ID_SECRET_BYTES)
		return;
	bool is_same = memcmp(data, data + ID_SECRET_BYTES, ID_SECRET_BYTES) == 0;
	ringcast_assert(ringcast_id_is_secret_equal(data, data + ID_SECRET_BYTES) == is_same);
	ringcast_assert(ringcast_id_is_secret_equal(data, data));
}

/* A mutator seldom finds the prefix and 32 digits: these bytes as an id's value, then the same with one character changed. */
static void check_made(const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t text[ID_TEXT_BYTES];
	if (size < ID_VALUE_BYTES + 2)
		return;
	for (int i = 0; i < ID_VALUE_BYTES; i++) {
		text[ID_PREFIX_BYTES + 2 * i] = (uint8_t)digits[data[i] >> 4];
		text[ID_PREFIX_BYTES + 2 * i + 1] = (uint8_t)digits[data[i] & 15];
	}
	for (int kind = 0; kind < 2; kind++) {
		struct session_ref session;
		struct player_ref player;
		struct view view = ringcast_view_of(text, sizeof(text));
		memcpy(text, kind == 0 ? "gsess-" : "psess-", ID_PREFIX_BYTES);
		ringcast_assert(ringcast_id_parse_session(view, &session) == (kind == 0));
		ringcast_assert(ringcast_id_parse_player(view, &player) == (kind == 1));
		uint8_t *changed = &text[data[ID_VALUE_BYTES] % ID_TEXT_BYTES], before = *changed;
		*changed = data[ID_VALUE_BYTES + 1];
		check_session(view);
		check_player(view);
		*changed = before;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = ringcast_view_of(data, size);
	if (size > 0) {
		check_session(text);
		check_player(text);
	}
	check_secrets(data, size);
	check_made(data, size);
	return 0;
}
