/* Ids: they carry their place, are read back exactly, and nothing that only resembles one passes. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "session/id.h"
#include "session/session.h"
#include "world.h"

static struct view view_of(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

Test(id, a_session_id_is_the_documented_text)
{
	struct session_ref ref = {.host_index = 0, .shard_index = 0xab, .session = ringcast_handle_of(0x123456, 0xdeadbeef), .random = 0x456789abcdef};
	char text[SESSION_ID_BYTES];
	ringcast_id_format_session(&ref, text);
	cr_assert_str_eq(text, "gsess-0000ab123456deadbeef456789abcdef");
	struct session_ref back;
	cr_assert(ringcast_id_parse_session(view_of(text), &back));
	cr_assert_eq(back.shard_index, ref.shard_index);
	cr_assert_eq(back.session, ref.session);
	cr_assert_eq(back.random, ref.random);
	cr_assert_eq(ringcast_session_id_shard(text), 0xab);
}

Test(id, a_player_token_is_the_documented_text)
{
	struct player_ref ref = {.shard_index = 255, .player_index = ID_INDEX_MAX, .secret = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0xff}};
	char text[PLAYER_TOKEN_BYTES];
	ringcast_id_format_player(&ref, text);
	cr_assert_str_eq(text, "psess-0000ffffffff010203040506070809ff");
	struct player_ref back;
	cr_assert(ringcast_id_parse_player(view_of(text), &back));
	cr_assert_eq(memcmp(&back, &ref, sizeof(ref)), 0);
	cr_assert_eq(ringcast_player_token_shard(view_of(text)), 255);
}

Test(id, random_ids_come_back)
{
	struct prng prng;
	ringcast_prng_init(&prng, 7);
	for (int i = 0; i < 10000; i++) {
		struct player_ref ref, back;
		char text[PLAYER_TOKEN_BYTES];
		memset(&ref, 0, sizeof(ref));
		memset(&back, 0, sizeof(back));
		ref.host_index = (uint32_t)ringcast_prng_below(&prng, ID_HOSTS_MAX);
		ref.shard_index = (uint32_t)ringcast_prng_below(&prng, ID_SHARDS_MAX);
		ref.player_index = (uint32_t)ringcast_prng_below(&prng, ID_INDEX_MAX + 1);
		ringcast_prng_fill(&prng, ref.secret, sizeof(ref.secret));
		ringcast_id_format_player(&ref, text);
		cr_assert(ringcast_id_parse_player(view_of(text), &back));
		cr_assert_eq(memcmp(&back, &ref, sizeof(ref)), 0);
	}
}

Test(id, every_changed_character_is_refused_or_is_another_id)
{
	const char *good = "psess-0000030000002abbccddeeff00112233";
	struct player_ref ref, other;
	cr_assert(ringcast_id_parse_player(view_of(good), &ref));
	for (size_t at = 0; at < strlen(good); at++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[PLAYER_TOKEN_BYTES];
			strcpy(text, good);
			text[at] = (char)byte;
			if (text[at] == good[at])
				continue;
			bool is_digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
			bool is_parsed = ringcast_id_parse_player(ringcast_view_of(text, strlen(good)), &other);
			cr_assert_eq(is_parsed, at >= ID_PREFIX_BYTES && is_digit, "position %zu byte %d", at, byte);
			if (is_parsed)
				cr_assert_neq(memcmp(&ref, &other, sizeof(ref)), 0);
		}
	}
}

Test(id, other_lengths_and_kinds_are_refused)
{
	const char *session = "gsess-00000300000000000001000000000001";
	char text[64];
	cr_assert_eq(ringcast_session_id_shard(session), 3);
	cr_assert_eq(ringcast_player_token_shard(view_of(session)), -1);
	cr_assert_eq(ringcast_session_id_shard("psess-00000300000000000001000000000001"), -1);
	cr_assert_eq(ringcast_session_id_shard("gsess-00010300000000000001000000000001"), -1, "another host's");
	cr_assert_eq(ringcast_player_token_shard(view_of("psess-00010300000000000001000000000001")), -1, "another host's");
	for (size_t size = 0; size < strlen(session); size++) {
		memcpy(text, session, size);
		text[size] = '\0';
		cr_assert_eq(ringcast_session_id_shard(text), -1);
	}
	snprintf(text, sizeof(text), "%s0", session);
	cr_assert_eq(ringcast_session_id_shard(text), -1);
	cr_assert_eq(ringcast_player_token_shard(ringcast_view_of(NULL, 0)), -1);
}

Test(id, secrets_differ_by_any_bit)
{
	uint8_t a[ID_SECRET_BYTES] = {0}, b[ID_SECRET_BYTES] = {0};
	cr_assert(ringcast_id_is_secret_equal(a, b));
	for (size_t bit = 0; bit < 8 * ID_SECRET_BYTES; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_not(ringcast_id_is_secret_equal(a, b));
		b[bit / 8] = 0;
	}
}
