/* Signed player tokens: the vectors of the RFCs, what a token must say, and every way to be refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "jwt/base64url.h"
#include "jwt/token.h"

enum { NOW_S = 1800000000 };

/* RFC 7515, A.1: HS256 */
#define RFC7515_HS256_KEY "hs256:AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define RFC7515_HS256_TOKEN                                                                                                                              \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."                                                                                                      \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."                                              \
	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
/* RFC 8037, A.4: Ed25519 */
#define RFC8037_PUBLIC "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC8037_PRIVATE "ed25519:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define RFC8037_TOKEN                                                                                                                                    \
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                                                                      \
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
#define SECRET "hs256:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"

static struct view view(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

static void add(struct jwt_keys *keys, const char *id, const char *text, bool may_create)
{
	struct jwt_key key;
	const char *problem = ringcast_jwt_key_read(id, text, may_create, &key);
	cr_assert_null(problem, "%s", problem);
	cr_assert_null(ringcast_jwt_keys_add(keys, &key));
}

static enum drop_reason verify(const struct jwt_keys *keys, const char *token)
{
	const struct jwt_key *key;
	return ringcast_jwt_verify(keys, view(token), JWT_BYTES_MAX, &key);
}

Test(jwt, the_rfcs_own_tokens_are_good)
{
	struct jwt_keys hs256 = {0}, eddsa = {0};
	add(&hs256, "k", RFC7515_HS256_KEY, false);
	add(&eddsa, "k", RFC8037_PUBLIC, false);
	cr_assert_eq(verify(&hs256, RFC7515_HS256_TOKEN), DROP_NONE);
	cr_assert_eq(verify(&eddsa, RFC8037_TOKEN), DROP_NONE);
}

Test(jwt, a_public_key_follows_from_the_private_one)
{
	struct jwt_key private_key, public_key;
	uint8_t made[JWT_ED25519_BYTES];
	cr_assert_null(ringcast_jwt_key_read("k", RFC8037_PRIVATE, false, &private_key));
	cr_assert_null(ringcast_jwt_key_read("k", RFC8037_PUBLIC, false, &public_key));
	ringcast_jwt_public_key(private_key.bytes, made);
	cr_assert_arr_eq(made, public_key.bytes, sizeof(made));
}

/* One bit anywhere, in each part. */
Test(jwt, no_changed_token_is_good)
{
	struct jwt_keys keys = {0};
	char token[512];
	add(&keys, "k", RFC8037_PUBLIC, false);
	for (size_t i = 0; i < strlen(RFC8037_TOKEN); i++) {
		snprintf(token, sizeof(token), "%s", RFC8037_TOKEN);
		token[i] = token[i] == 'A' ? 'B' : 'A';
		cr_assert_neq(verify(&keys, token), DROP_NONE, "%zu", i);
	}
}

Test(jwt, an_algorithm_is_the_keys_and_never_the_tokens)
{
	static const char none[] = "eyJhbGciOiJub25lIn0.e30.", lower[] = "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.e30.";
	struct jwt_keys keys = {0};
	struct jwt_key confused = {.id = "k", .algorithm = JWT_HS256, .size = JWT_ED25519_BYTES};
	char token[512];
	add(&keys, "k", RFC8037_PUBLIC, true);
	cr_assert_eq(verify(&keys, none), DROP_TOKEN_KEY);
	cr_assert_eq(verify(&keys, lower), DROP_TOKEN_KEY);
	memcpy(confused.bytes, keys.list[0].bytes, JWT_ED25519_BYTES); /* HS256 with what everybody may know */
	cr_assert_gt(ringcast_jwt_sign(&confused, "{}", token, sizeof(token)), 0);
	cr_assert_eq(verify(&keys, token), DROP_TOKEN_KEY);
	memcpy(confused.id, "j", 2);
	cr_assert_gt(ringcast_jwt_sign(&confused, "{}", token, sizeof(token)), 0);
	cr_assert_eq(verify(&keys, token), DROP_TOKEN_KEY);
}

Test(jwt, the_header_may_not_say_more_than_we_know)
{
	struct jwt_keys keys = {0};
	static const char *const headers[] = {"{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", "[]", "{\"alg\":\"HS256\"", ""};
	char token[512];
	add(&keys, "k", SECRET, false);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		ringcast_base64url_encode(view(headers[i]), token);
		strcat(token, ".e30.AA");
		cr_assert_eq(verify(&keys, token), DROP_TOKEN_FORMAT, "%s", headers[i]);
	}
}

Test(jwt, a_token_without_a_kid_is_for_the_only_key)
{
	struct jwt_keys keys = {0};
	add(&keys, "k", RFC8037_PUBLIC, false);
	cr_assert_eq(verify(&keys, RFC8037_TOKEN), DROP_NONE);
	add(&keys, "another", SECRET, false);
	cr_assert_eq(verify(&keys, RFC8037_TOKEN), DROP_TOKEN_KEY);
}

Test(jwt, keys_are_refused_that_are_none)
{
	struct jwt_keys keys = {0};
	struct jwt_key key;
	cr_assert_not_null(ringcast_jwt_key_read("", SECRET, false, &key));
	cr_assert_not_null(ringcast_jwt_key_read("a b", SECRET, false, &key));
	cr_assert_not_null(ringcast_jwt_key_read("k", "rsa:AAAA", false, &key));
	cr_assert_not_null(ringcast_jwt_key_read("k", "hs256:c2hvcnQ", false, &key));
	cr_assert_not_null(ringcast_jwt_key_read("k", RFC8037_PUBLIC "A", false, &key));
	cr_assert_not_null(ringcast_jwt_key_read("k", RFC8037_PUBLIC "=", false, &key));
	for (unsigned i = 0; i < JWT_KEYS_MAX; i++) {
		snprintf(key.id, sizeof(key.id), "k%u", i);
		cr_assert_null(ringcast_jwt_keys_add(&keys, &key));
		cr_assert_not_null(ringcast_jwt_keys_add(&keys, &key));
	}
	snprintf(key.id, sizeof(key.id), "one more");
	cr_assert_not_null(ringcast_jwt_keys_add(&keys, &key));
}

Test(jwt, what_is_longer_than_allowed_is_not_looked_at)
{
	struct jwt_keys keys = {0};
	const struct jwt_key *key;
	add(&keys, "k", RFC8037_PUBLIC, false);
	cr_assert_eq(ringcast_jwt_verify(&keys, view(RFC8037_TOKEN), (uint32_t)strlen(RFC8037_TOKEN) - 1, &key), DROP_TOKEN_FORMAT);
	cr_assert_eq(ringcast_jwt_verify(&keys, view(RFC8037_TOKEN), (uint32_t)strlen(RFC8037_TOKEN), &key), DROP_NONE);
}

Test(jwt, only_three_parts_look_like_a_token)
{
	cr_assert(ringcast_jwt_is_like(view(RFC8037_TOKEN)));
	cr_assert_not(ringcast_jwt_is_like(view("eyJhbGciOiJub25lIn0.e30")));
	cr_assert_not(ringcast_jwt_is_like(view("eyJhbGciOiJub25lIn0.e30.a.b")));
	cr_assert_not(ringcast_jwt_is_like(view("dev-a.b.c")));
	cr_assert_not(ringcast_jwt_is_like(view("")));
}

Test(jwt, base64url_has_one_spelling)
{
	uint8_t out[8];
	size_t size;
	cr_assert(ringcast_base64url_decode(view("Zg"), out, sizeof(out), &size) && size == 1 && out[0] == 'f');
	cr_assert(ringcast_base64url_decode(view("-_8"), out, sizeof(out), &size) && size == 2 && out[0] == 0xfb && out[1] == 0xff);
	static const char *const wrong[] = {"Zh", "Zg==", "Z", "Zg\n", "+/8", "Zm9vYmFyZm9v"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(ringcast_base64url_decode(view(wrong[i]), out, sizeof(out), &size), "%s", wrong[i]);
}

/* Claims */

static enum drop_reason read_with(const char *claims, const char *audience, bool may_create, struct jwt_claims *ret)
{
	const struct jwt_rules rules = {.now_s = NOW_S, .skew_s = 30, .lifetime_max_s = 3600};
	struct jwt_keys keys = {0};
	const struct jwt_key *key;
	char token[16384];
	add(&keys, "k", SECRET, may_create);
	snprintf(keys.audience, sizeof(keys.audience), "%s", audience);
	cr_assert_gt(ringcast_jwt_sign(&keys.list[0], claims, token, sizeof(token)), 0);
	cr_assert_eq(ringcast_jwt_verify(&keys, view(token), JWT_BYTES_MAX, &key), DROP_NONE, "%s", claims);
	cr_assert_eq(ringcast_jwt_key_of(&keys, view(token)), key);
	return ringcast_jwt_read(&keys, key, view(token), &rules, ret);
}

static enum drop_reason read_claims(const char *claims)
{
	static struct jwt_claims read;
	return read_with(claims, "", true, &read);
}

#define GOOD "\"sub\":\"alice\",\"session\":\"demo\""

Test(claims, what_they_say_is_read)
{
	static struct jwt_claims claims;
	cr_assert_eq(read_with("{" GOOD ",\"exp\":1800000100.5,\"data\":\"{\\\"level\\\":3}\",\"jti\":\"x\",\"iss\":\"studio\"}", "", false, &claims), DROP_NONE);
	cr_assert_str_eq(claims.player_id, "alice");
	cr_assert_str_eq(claims.session, "demo");
	cr_assert_str_eq(claims.player_data, "{\"level\":3}");
	cr_assert_str_eq(claims.once, "x");
	cr_assert_eq(claims.expires_s, 1800000100);
	cr_assert_not(claims.is_create);
	cr_assert_eq(read_with("{\"sub\":\"bob\",\"exp\":1800000100,\"create\":{\"name\":\"m1\",\"players_max\":4,\"script\":\"arena\",\"properties\":{\"map\":\"ice\"}}}", "",
			       true, &claims),
		     DROP_NONE);
	cr_assert(claims.is_create);
	cr_assert_str_eq(claims.session, "m1");
	cr_assert_str_eq(claims.script, "arena");
	cr_assert_str_eq(claims.properties, "{\"map\":\"ice\"}");
	cr_assert_eq(claims.players_max, 4);
}

Test(claims, times_have_a_skew_and_a_bound)
{
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1799999971}"), DROP_NONE);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1799999970}"), DROP_TOKEN_EXPIRED);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1800003630}"), DROP_NONE);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1800003631}"), DROP_TOKEN_CLAIMS);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1800000100,\"nbf\":1800000030}"), DROP_NONE);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1800000100,\"nbf\":1800000031}"), DROP_TOKEN_EARLY);
	cr_assert_eq(read_claims("{" GOOD ",\"exp\":1800000100,\"iat\":1800000031}"), DROP_TOKEN_EARLY);
}

Test(claims, a_time_is_a_number_that_can_be_one)
{
	static const char *const wrong[] = {"\"1800000100\"", "-1", "1e300", "null", "true", "[1800000100]"};
	char claims[256];
	cr_assert_eq(read_claims("{" GOOD "}"), DROP_TOKEN_CLAIMS);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(claims, sizeof(claims), "{" GOOD ",\"exp\":%s}", wrong[i]);
		cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS, "%s", claims);
		snprintf(claims, sizeof(claims), "{" GOOD ",\"exp\":1800000100,\"nbf\":%s}", wrong[i]);
		cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS, "%s", claims);
	}
}

Test(claims, an_audience_is_ours_or_nobodys)
{
	static struct jwt_claims read;
	static const struct {
		const char *claim, *us;
		enum drop_reason drop;
	} cases[] = {
		{"", "", DROP_NONE},
		{"", "eu", DROP_TOKEN_AUDIENCE},
		{",\"aud\":\"eu\"", "eu", DROP_NONE},
		{",\"aud\":\"us\"", "eu", DROP_TOKEN_AUDIENCE},
		{",\"aud\":[\"us\",\"eu\"]", "eu", DROP_NONE},
		{",\"aud\":[]", "eu", DROP_TOKEN_AUDIENCE},
		{",\"aud\":\"eu\"", "", DROP_TOKEN_AUDIENCE},
		{",\"aud\":\"\"", "", DROP_TOKEN_AUDIENCE},
		{",\"aud\":7", "eu", DROP_TOKEN_AUDIENCE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char claims[256];
		snprintf(claims, sizeof(claims), "{" GOOD ",\"exp\":1800000100%s}", cases[i].claim);
		cr_assert_eq(read_with(claims, cases[i].us, false, &read), cases[i].drop, "%zu", i);
	}
}

Test(claims, what_is_missing_or_of_another_kind_is_refused)
{
	static const char *const wrong[] = {
		"{\"session\":\"demo\",\"exp\":1800000100}",
		"{\"sub\":\"\",\"session\":\"demo\",\"exp\":1800000100}",
		"{\"sub\":7,\"session\":\"demo\",\"exp\":1800000100}",
		"{\"sub\":\"a\",\"exp\":1800000100}",
		"{\"sub\":\"a\",\"session\":\"\",\"exp\":1800000100}",
		"{\"sub\":\"a\",\"session\":{},\"exp\":1800000100}",
		"{\"sub\":\"a\\u0000b\",\"session\":\"demo\",\"exp\":1800000100}",
		"{\"sub\":\"a\",\"sub\":\"b\",\"session\":\"demo\",\"exp\":1800000100}",
		"{" GOOD ",\"exp\":1800000100,\"data\":7}",
		"{" GOOD ",\"exp\":1800000100,\"jti\":7}",
		"{" GOOD ",\"exp\":1800000100,\"jti\":\"\"}", /* no id at all, where one was meant */
		"{" GOOD ",\"exp\":1800000100,\"create\":{\"name\":\"m\"}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":\"m\"}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\",\"players_max\":0}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\",\"players_max\":4294967296}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\",\"players_max\":1.5}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\",\"properties\":7}}",
		"{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\",\"script\":7}}",
		"[]",
		"7",
		"{",
		"",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(read_claims(wrong[i]), DROP_TOKEN_CLAIMS, "%s", wrong[i]);
}

Test(claims, texts_are_bounded)
{
	char claims[6000], long_text[2100];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	snprintf(claims, sizeof(claims), "{\"sub\":\"%.1024s\",\"session\":\"%.127s\",\"data\":\"%.2048s\",\"exp\":1800000100}", long_text, long_text, long_text);
	cr_assert_eq(read_claims(claims), DROP_NONE);
	snprintf(claims, sizeof(claims), "{\"sub\":\"%.1025s\",\"session\":\"m\",\"exp\":1800000100}", long_text);
	cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS);
	snprintf(claims, sizeof(claims), "{\"sub\":\"a\",\"session\":\"%.128s\",\"exp\":1800000100}", long_text);
	cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS);
	snprintf(claims, sizeof(claims), "{" GOOD ",\"data\":\"%.2049s\",\"exp\":1800000100}", long_text);
	cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS);
	snprintf(claims, sizeof(claims), "{" GOOD ",\"jti\":\"%.128s\",\"exp\":1800000100}", long_text);
	cr_assert_eq(read_claims(claims), DROP_TOKEN_CLAIMS);
}

Test(claims, a_key_that_may_only_join_creates_nothing)
{
	static struct jwt_claims read;
	cr_assert_eq(read_with("{\"sub\":\"a\",\"exp\":1800000100,\"create\":{\"name\":\"m\"}}", "", false, &read), DROP_TOKEN_ROLE);
}

Test(jwt, what_is_signed_is_good_and_a_small_buffer_is_told)
{
	struct jwt_key private_key;
	struct jwt_keys keys = {0};
	char token[512];
	add(&keys, "k", RFC8037_PUBLIC, false);
	cr_assert_null(ringcast_jwt_key_read("k", RFC8037_PRIVATE, false, &private_key));
	size_t size = ringcast_jwt_sign(&private_key, "{}", token, sizeof(token));
	cr_assert_eq(size, strlen(token));
	cr_assert_eq(verify(&keys, token), DROP_NONE);
	for (size_t room = 1; room <= size; room++)
		cr_assert_eq(ringcast_jwt_sign(&private_key, "{}", token, room), 0, "%zu", room);
}
