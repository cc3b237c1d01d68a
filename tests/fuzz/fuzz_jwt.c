/*
 * Signed player tokens: the input is a token, as a stranger sends it. None is good, for none was signed with these keys; and the claims of the same bytes, as if they
 * were signed, are read within their bounds.
 */
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "jwt/token.h"

enum { NOW_S = 1800000000, BYTES_MAX = 4096 };

static void add(struct jwt_keys *keys, const char *id, const char *text)
{
	struct jwt_key key;
	const char *problem = ringcast_jwt_key_read(id, text, true, &key);
	ringcast_assert(problem == NULL);
	problem = ringcast_jwt_keys_add(keys, &key);
	ringcast_assert(problem == NULL);
}

static void check_claims(const struct jwt_claims *claims)
{
	ringcast_assert(claims->player_id[0] != 0 && memchr(claims->player_id, 0, sizeof(claims->player_id)) != NULL);
	ringcast_assert(claims->session[0] != 0 && memchr(claims->session, 0, sizeof(claims->session)) != NULL);
	ringcast_assert(memchr(claims->player_data, 0, sizeof(claims->player_data)) != NULL);
	ringcast_assert(memchr(claims->properties, 0, sizeof(claims->properties)) != NULL);
	ringcast_assert(memchr(claims->script, 0, sizeof(claims->script)) != NULL && memchr(claims->once, 0, sizeof(claims->once)) != NULL);
	ringcast_assert(claims->expires_s > NOW_S - 31 && claims->expires_s <= NOW_S + 30 + 86400);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jwt_rules rules = {.now_s = NOW_S, .skew_s = 30, .lifetime_max_s = 86400};
	static struct jwt_claims claims;
	struct jwt_keys keys = {0};
	struct view token = ringcast_view_of(data, size);
	const struct jwt_key *key;
	char text[BYTES_MAX];
	add(&keys, "studio", "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
	add(&keys, "shared", "hs256:cmluZ2Nhc3QgdGVzdHMgb25seSwgbm8gaW5wdXQgaXMgc2lnbmVk");
	ringcast_assert(!ringcast_jwt_is_like(token) || size > 3);
	enum drop_reason drop = ringcast_jwt_verify(&keys, token, BYTES_MAX, &key);
	ringcast_assert(drop == DROP_TOKEN_FORMAT || drop == DROP_TOKEN_KEY || drop == DROP_TOKEN_SIGNATURE);
	if (ringcast_jwt_read(&keys, &keys.list[0], token, &rules, &claims) == DROP_NONE)
		check_claims(&claims);
	ringcast_assert(ringcast_jwt_claims_text(token, text, sizeof(text)) < sizeof(text));
	return 0;
}
