#include "jwt/token.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "jwt/base64url.h"

#define HEAD_LIKE "eyJ" /* every JSON object that begins with {" */

enum { HEADER_BYTES_MAX = 512, TIME_MAX_EXPONENT = 53 };

/* The three parts, still in base64url; signed_part is what the signature is of. */
struct parts {
	struct view header, claims, signature, signed_part;
};

static bool split(struct view token, struct parts *ret)
{
	const uint8_t *end = token.data + token.size;
	const uint8_t *first = memchr(token.data, '.', token.size);
	const uint8_t *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
	if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return false;
	ret->header = ringcast_view_of(token.data, (size_t)(first - token.data));
	ret->claims = ringcast_view_of(first + 1, (size_t)(second - first - 1));
	ret->signature = ringcast_view_of(second + 1, (size_t)(end - second - 1));
	ret->signed_part = ringcast_view_of(token.data, (size_t)(second - token.data));
	return true;
}

bool ringcast_jwt_is_like(struct view token)
{
	struct parts parts;
	return token.size > strlen(HEAD_LIKE) && memcmp(token.data, HEAD_LIKE, strlen(HEAD_LIKE)) == 0 && split(token, &parts);
}

/* NULL: no object. A name that stands twice would be read differently by different readers, and is refused. */
static json_t *load_object(struct view part, size_t bytes_max)
{
	uint8_t text[JWT_BYTES_MAX];
	size_t size;
	if (bytes_max > sizeof(text) || !ringcast_base64url_decode(part, text, bytes_max, &size))
		return NULL;
	json_t *object = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* The header */

static struct view text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_string(value) ? ringcast_view_of(json_string_value(value), json_string_length(value)) : ringcast_view_of("", 0);
}

static bool is_text(struct view view, const char *text)
{
	return view.size == strlen(text) && memcmp(view.data, text, view.size) == 0;
}

/* An id that is no text is not the same as no id. */
static const struct jwt_key *key_of_header(const struct jwt_keys *keys, const json_t *header)
{
	const json_t *id = json_object_get(header, "kid");
	struct view text = text_of(header, "kid");
	if (id != NULL && text.size == 0)
		return NULL;
	return ringcast_jwt_keys_find(keys, text);
}

/* "crit" names what a reader must understand, and we understand none of it (RFC 7515, 4.1.11). */
static enum drop_reason check_header(const struct jwt_keys *keys, const json_t *header, const struct jwt_key **ret_key)
{
	if (json_object_get(header, "crit") != NULL)
		return DROP_TOKEN_FORMAT;
	*ret_key = key_of_header(keys, header);
	if (*ret_key == NULL || !is_text(text_of(header, "alg"), ringcast_jwt_algorithm_name((*ret_key)->algorithm)))
		return DROP_TOKEN_KEY;
	return DROP_NONE;
}

static enum drop_reason find_key(const struct jwt_keys *keys, struct view header_part, const struct jwt_key **ret_key)
{
	json_t *header = load_object(header_part, HEADER_BYTES_MAX);
	enum drop_reason drop = header != NULL ? check_header(keys, header, ret_key) : DROP_TOKEN_FORMAT;
	json_decref(header);
	return drop;
}

const struct jwt_key *ringcast_jwt_key_of(const struct jwt_keys *keys, struct view token)
{
	const struct jwt_key *key;
	struct parts parts;
	return split(token, &parts) && find_key(keys, parts.header, &key) == DROP_NONE ? key : NULL;
}

enum drop_reason ringcast_jwt_verify(const struct jwt_keys *keys, struct view token, uint32_t bytes_max, const struct jwt_key **ret_key)
{
	uint8_t signature[JWT_SIGNATURE_BYTES_MAX];
	struct parts parts;
	size_t size;
	if (token.size > bytes_max || token.size > JWT_BYTES_MAX || !split(token, &parts))
		return DROP_TOKEN_FORMAT;
	enum drop_reason drop = find_key(keys, parts.header, ret_key);
	if (drop != DROP_NONE)
		return drop;
	if (!ringcast_base64url_decode(parts.signature, signature, sizeof(signature), &size))
		return DROP_TOKEN_FORMAT;
	return ringcast_jwt_key_verify(*ret_key, parts.signed_part, ringcast_view_of(signature, size)) ? DROP_NONE : DROP_TOKEN_SIGNATURE;
}

/* The claims */

/* True also where there is none and it is not needed. */
static bool copy_text(const json_t *object, const char *name, bool is_needed, char *out, size_t out_bytes)
{
	const json_t *value = json_object_get(object, name);
	*out = '\0';
	if (value == NULL)
		return !is_needed;
	size_t size = json_string_length(value);
	if (!json_is_string(value) || size >= out_bytes || (is_needed && size == 0))
		return false;
	memcpy(out, json_string_value(value), size + 1);
	return true;
}

/* Seconds since the epoch, a part of one too (NumericDate). False: there is something else. */
static bool read_time(const json_t *claims, const char *name, bool is_needed, int64_t default_s, int64_t *ret_s)
{
	const json_t *value = json_object_get(claims, name);
	*ret_s = default_s;
	if (value == NULL)
		return !is_needed;
	double seconds = json_is_number(value) ? json_number_value(value) : -1;
	if (!(seconds >= 0 && seconds < ldexp(1, TIME_MAX_EXPONENT)))
		return false;
	*ret_s = (int64_t)seconds;
	return true;
}

static enum drop_reason check_times(const json_t *claims, const struct jwt_rules *rules, int64_t *ret_expires_s)
{
	int64_t now_s = (int64_t)rules->now_s, skew_s = rules->skew_s, not_before_s, issued_s;
	if (!read_time(claims, "exp", true, 0, ret_expires_s) || !read_time(claims, "nbf", false, 0, &not_before_s) ||
	    !read_time(claims, "iat", false, 0, &issued_s))
		return DROP_TOKEN_CLAIMS;
	if (now_s >= *ret_expires_s + skew_s)
		return DROP_TOKEN_EXPIRED;
	if (not_before_s > now_s + skew_s || issued_s > now_s + skew_s)
		return DROP_TOKEN_EARLY;
	return *ret_expires_s > now_s + skew_s + rules->lifetime_max_s ? DROP_TOKEN_CLAIMS : DROP_NONE;
}

/* Who is not meant must refuse (RFC 7519, 4.1.3), so a token for somebody is refused where we are nobody in particular. */
static bool is_for_us(const json_t *audience, const char *us)
{
	size_t index;
	const json_t *name;
	if (audience == NULL)
		return *us == '\0';
	if (json_is_string(audience))
		return *us != '\0' && strcmp(json_string_value(audience), us) == 0;
	json_array_foreach(audience, index, name)
		if (json_is_string(name) && *us != '\0' && strcmp(json_string_value(name), us) == 0)
			return true;
	return false;
}

/* A text, or an object, which is kept as JSON. */
static bool copy_properties(const json_t *create, char *out, size_t out_bytes)
{
	const json_t *properties = json_object_get(create, "properties");
	if (!json_is_object(properties))
		return copy_text(create, "properties", false, out, out_bytes);
	size_t size = json_dumpb(properties, out, out_bytes - 1, JSON_COMPACT);
	if (size > out_bytes - 1)
		return false;
	out[size] = '\0';
	return true;
}

static bool read_create(const json_t *create, struct jwt_claims *claims)
{
	const json_t *players_max = json_object_get(create, "players_max");
	claims->is_create = true;
	if (!json_is_object(create) || (players_max != NULL && (!json_is_integer(players_max) || json_integer_value(players_max) < 1 ||
								json_integer_value(players_max) > UINT32_MAX)))
		return false;
	claims->players_max = (uint32_t)json_integer_value(players_max);
	return copy_text(create, "name", true, claims->session, sizeof(claims->session)) &&
	       copy_text(create, "script", false, claims->script, sizeof(claims->script)) &&
	       copy_properties(create, claims->properties, sizeof(claims->properties));
}

/* Who signs an id means once; one that is empty must not mean as often as one likes. */
static bool copy_once(const json_t *json, char *out, size_t out_bytes)
{
	return copy_text(json, "jti", false, out, out_bytes) && (json_object_get(json, "jti") == NULL || *out != '\0');
}

static bool read_place(const json_t *json, struct jwt_claims *claims)
{
	const json_t *create = json_object_get(json, "create");
	if (!copy_text(json, "sub", true, claims->player_id, sizeof(claims->player_id)) ||
	    !copy_text(json, "data", false, claims->player_data, sizeof(claims->player_data)) ||
	    !copy_once(json, claims->once, sizeof(claims->once)))
		return false;
	if (create == NULL)
		return copy_text(json, "session", true, claims->session, sizeof(claims->session));
	return json_object_get(json, "session") == NULL && read_create(create, claims);
}

static enum drop_reason read_claims(const json_t *json, const struct jwt_keys *keys, const struct jwt_key *key, const struct jwt_rules *rules,
				    struct jwt_claims *claims)
{
	enum drop_reason drop = check_times(json, rules, &claims->expires_s);
	if (drop != DROP_NONE)
		return drop;
	if (!is_for_us(json_object_get(json, "aud"), keys->audience))
		return DROP_TOKEN_AUDIENCE;
	if (!read_place(json, claims))
		return DROP_TOKEN_CLAIMS;
	return claims->is_create && !key->may_create ? DROP_TOKEN_ROLE : DROP_NONE;
}

enum drop_reason ringcast_jwt_read(const struct jwt_keys *keys, const struct jwt_key *key, struct view token, const struct jwt_rules *rules,
				   struct jwt_claims *ret_claims)
{
	struct parts parts;
	memset(ret_claims, 0, sizeof(*ret_claims));
	json_t *json = split(token, &parts) ? load_object(parts.claims, JWT_BYTES_MAX) : NULL;
	enum drop_reason drop = json != NULL ? read_claims(json, keys, key, rules, ret_claims) : DROP_TOKEN_CLAIMS;
	json_decref(json);
	return drop;
}

size_t ringcast_jwt_claims_text(struct view token, char *out, size_t out_bytes)
{
	struct parts parts;
	size_t size;
	if (!split(token, &parts) || !ringcast_base64url_decode(parts.claims, (uint8_t *)out, out_bytes - 1, &size))
		return 0;
	out[size] = '\0';
	return size;
}

/* Making one */

static size_t put(struct view bytes, char *out, size_t used, size_t out_bytes)
{
	if (used == 0 || used + ringcast_base64url_letters(bytes.size) + 2 > out_bytes)
		return 0;
	ringcast_base64url_encode(bytes, out + used - 1);
	return used + ringcast_base64url_letters(bytes.size);
}

static size_t put_dot(char *out, size_t used)
{
	if (used == 0)
		return 0;
	out[used - 1] = '.';
	return used + 1;
}

/* used counts one more than the letters that are there, so that 0 can mean that it was too much. */
size_t ringcast_jwt_sign(const struct jwt_key *key, const char *claims, char *out, size_t out_bytes)
{
	char header[128 + JWT_KEY_ID_BYTES];
	uint8_t signature[JWT_SIGNATURE_BYTES_MAX];
	int header_bytes = snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", ringcast_jwt_algorithm_name(key->algorithm), key->id);
	size_t used = put(ringcast_view_of(header, (size_t)header_bytes), out, 1, out_bytes);
	used = put(ringcast_view_of(claims, strlen(claims)), out, put_dot(out, used), out_bytes);
	if (used == 0)
		return 0;
	size_t size = ringcast_jwt_key_sign(key, ringcast_view_of(out, used - 1), signature);
	used = put(ringcast_view_of(signature, size), out, put_dot(out, used), out_bytes);
	return used == 0 ? 0 : used - 1;
}
