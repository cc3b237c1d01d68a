/*
 * ringcast token: keys for signed player tokens, and the tokens themselves, for tests and for people. Works on files alone. The key that signs is kept as a JSON
 * Web Key (RFC 7517, 8037), which JWT libraries read; what ringcastd needs of it becomes a line in the file that player_tokens.keys names.
 */
#include "tools/ringcast/commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jwt/base64url.h"
#include "jwt/token.h"
#include "tools/ringcast/write_file.h"

enum { FILE_BYTES_MAX = 65536, SECRET_BYTES = 32, LETTERS = 2 * JWT_SECRET_BYTES_MAX, LINE_WORDS = 3, LIFETIME_S = 60 };

static const char *needed(const struct cli_invocation *invocation, enum cli_option_id id, const char *what)
{
	const char *value = ringcast_cli_value(invocation, id, NULL);
	if (!value)
		ringcast_cli_error(invocation, "%s", what);
	return value;
}

static struct view view_of(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* key */

/* The line's key, and the JSON Web Key. */
static bool make_key(bool is_secret, const char *id, char *ret_line_key, size_t line_bytes, char **ret_jwk)
{
	uint8_t bytes[SECRET_BYTES], public_bytes[JWT_ED25519_BYTES];
	char own[LETTERS], shown[LETTERS];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	ringcast_base64url_encode(ringcast_view_of(bytes, sizeof(bytes)), own);
	ringcast_jwt_public_key(bytes, public_bytes);
	ringcast_base64url_encode(ringcast_view_of(public_bytes, sizeof(public_bytes)), shown);
	snprintf(ret_line_key, line_bytes, "%s%s", is_secret ? "hs256:" : "ed25519:", is_secret ? own : shown);
	int size = is_secret ? asprintf(ret_jwk, "{\"kty\": \"oct\", \"alg\": \"HS256\", \"kid\": \"%s\", \"k\": \"%s\"}\n", id, own)
			     : asprintf(ret_jwk, "{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"alg\": \"EdDSA\", \"kid\": \"%s\", \"x\": \"%s\", \"d\": \"%s\"}\n", id, shown, own);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(own, sizeof(own));
	return size >= 0;
}

/* Words of the line at text; returns where the next one begins. */
static const char *take_line(const char *text, char role[16], char id[JWT_KEY_ID_BYTES], char key[LETTERS])
{
	size_t size = strcspn(text, "\n");
	char *copy = strndup(text, size);
	if (!copy || sscanf(copy, " %15s %63s %255s", role, id, key) != LINE_WORDS || *role == '#')
		*id = '\0';
	wipe(copy);
	return text[size] == '\0' ? text + size : text + size + 1;
}

static bool is_id_there(const char *text, const char *id)
{
	char role[16], each[JWT_KEY_ID_BYTES], key[LETTERS];
	bool is_there = false;
	while (*text) {
		text = take_line(text, role, each, key);
		is_there |= strcmp(each, id) == 0;
	}
	explicit_bzero(key, sizeof(key));
	return is_there;
}

/* Who could read the file before can still, and nobody else. */
static bool append_line(const struct cli_invocation *invocation, const char *path, const char *role, const char *id, const char *key)
{
	struct stat status;
	bool is_old = stat(path, &status) == 0;
	char *text = is_old ? ringcast_cli_read_text(invocation, path, FILE_BYTES_MAX) : strdup(""), *whole = NULL;
	bool has_end = text && (*text == '\0' || text[strlen(text) - 1] == '\n');
	bool is_new = text && !is_id_there(text, id);
	if (text && !is_new)
		ringcast_cli_error(invocation, "%s: there is a key '%s' already", path, id);
	bool is_written = is_new && asprintf(&whole, "%s%s%s %s %s\n", text, has_end ? "" : "\n", role, id, key) >= 0 &&
			  ringcast_cli_write_file(invocation, path, whole, is_old ? status.st_mode & 0640 : 0600);
	wipe(text);
	if (is_new)
		wipe(whole);
	return is_written;
}

static enum cli_exit check_words(const struct cli_invocation *invocation, bool *ret_is_secret)
{
	const char *role = invocation->arguments[0], *algorithm = invocation->arguments[1], *id = invocation->arguments[2];
	struct jwt_key key;
	*ret_is_secret = strcmp(algorithm, "hs256") == 0;
	if (strcmp(role, "join") != 0 && strcmp(role, "create") != 0) {
		ringcast_cli_error(invocation, "the role must be join or create, not '%s'", role);
		return CLI_USAGE;
	}
	if (!*ret_is_secret && strcmp(algorithm, "ed25519") != 0) {
		ringcast_cli_error(invocation, "the algorithm must be ed25519 or hs256, not '%s'", algorithm);
		return CLI_USAGE;
	}
	const char *problem = ringcast_jwt_key_read(id, "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", false, &key);
	if (problem)
		ringcast_cli_error(invocation, "%s", problem);
	return problem ? CLI_USAGE : CLI_OK;
}

enum cli_exit ringcast_command_token_key(const struct cli_invocation *invocation)
{
	const char *file = needed(invocation, CLI_OPTION_FILE, "--file: which file? The one that player_tokens.keys names");
	const char *private_path = needed(invocation, CLI_OPTION_KEY, "--key: where does the key that signs go?");
	char line_key[LETTERS + 16], *jwk = NULL;
	bool is_secret;
	if (!file || !private_path || check_words(invocation, &is_secret) != CLI_OK)
		return CLI_USAGE;
	if (access(private_path, F_OK) == 0) {
		ringcast_cli_error(invocation, "%s exists", private_path);
		return CLI_FAILURE;
	}
	bool is_made = make_key(is_secret, invocation->arguments[2], line_key, sizeof(line_key), &jwk);
	if (!is_made)
		ringcast_cli_error(invocation, "no random numbers, or no memory");
	bool is_written = is_made && append_line(invocation, file, invocation->arguments[0], invocation->arguments[2], line_key) &&
			  ringcast_cli_write_file(invocation, private_path, jwk, 0600);
	explicit_bzero(line_key, sizeof(line_key));
	wipe(jwk);
	if (is_written)
		printf("%s: a line for ringcastd, which takes it with 'ringcast reload'\n%s: signs; for your backend, keep it secret\n", file, private_path);
	return is_written ? CLI_OK : CLI_FAILURE;
}

/* sign */

/* What jwt/key reads: "d" of an Ed25519 key, "k" of a secret. */
static const char *read_jwk(const json_t *jwk, struct jwt_key *ret_key)
{
	const char *kind = json_string_value(json_object_get(jwk, "kty")), *id = json_string_value(json_object_get(jwk, "kid")), *value;
	char text[LETTERS + 16];
	bool is_secret = kind && strcmp(kind, "oct") == 0;
	value = json_string_value(json_object_get(jwk, is_secret ? "k" : "d"));
	if (!kind || !id || !value || strlen(value) >= LETTERS)
		return "this is no JSON Web Key with kty, kid, and k or d";
	snprintf(text, sizeof(text), "%s%s", is_secret ? "hs256:" : "ed25519:", value);
	const char *problem = ringcast_jwt_key_read(id, text, true, ret_key);
	explicit_bzero(text, sizeof(text));
	return problem;
}

static bool load_jwk(const struct cli_invocation *invocation, const char *path, struct jwt_key *ret_key)
{
	char *text = ringcast_cli_read_text(invocation, path, FILE_BYTES_MAX);
	json_t *jwk = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *problem = text ? read_jwk(jwk, ret_key) : NULL;
	if (problem)
		ringcast_cli_error(invocation, "%s: %s", path, problem);
	json_decref(jwk);
	wipe(text);
	return text && !problem;
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, json_string(text));
}

static void set_place(const struct cli_invocation *invocation, json_t *claims, int64_t players_max)
{
	const char *name = ringcast_cli_value(invocation, CLI_OPTION_CREATE, NULL);
	set_text(claims, "session", ringcast_cli_value(invocation, CLI_OPTION_SESSION, NULL));
	if (!name)
		return;
	json_t *create = json_object();
	set_text(create, "name", name);
	if (players_max > 0)
		json_object_set_new(create, "players_max", json_integer(players_max));
	set_text(create, "script", ringcast_cli_value(invocation, CLI_OPTION_SCRIPT, NULL));
	set_text(create, "properties", ringcast_cli_value(invocation, CLI_OPTION_PROPERTIES, NULL));
	json_object_set_new(claims, "create", create);
}

static bool set_once(json_t *claims)
{
	uint8_t bytes[16];
	char letters[32];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	ringcast_base64url_encode(ringcast_view_of(bytes, sizeof(bytes)), letters);
	set_text(claims, "jti", letters);
	return true;
}

static json_t *make_claims(const struct cli_invocation *invocation, int64_t lifetime_s, int64_t players_max)
{
	json_t *claims = json_object();
	int64_t now_s = (int64_t)time(NULL);
	set_text(claims, "sub", invocation->arguments[0]);
	set_place(invocation, claims, players_max);
	set_text(claims, "data", ringcast_cli_value(invocation, CLI_OPTION_PLAYER_DATA, NULL));
	set_text(claims, "aud", ringcast_cli_value(invocation, CLI_OPTION_AUDIENCE, NULL));
	json_object_set_new(claims, "iat", json_integer(now_s));
	json_object_set_new(claims, "exp", json_integer(now_s + lifetime_s));
	if (!ringcast_cli_has(invocation, CLI_OPTION_ONCE) || set_once(claims))
		return claims;
	json_decref(claims);
	return NULL;
}

static bool print_token(const struct cli_invocation *invocation, const struct jwt_key *key, const json_t *claims)
{
	char token[JWT_BYTES_MAX + 1];
	char *text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
	bool is_made = text && ringcast_jwt_sign(key, text, token, sizeof(token)) > 0;
	if (is_made)
		printf("%s\n", token);
	else
		ringcast_cli_error(invocation, "the token would have more than %d bytes", JWT_BYTES_MAX);
	free(text);
	return is_made;
}

enum cli_exit ringcast_command_token_sign(const struct cli_invocation *invocation)
{
	const char *path = needed(invocation, CLI_OPTION_KEY, "--key: which key? The file that 'ringcast token key' wrote for your backend");
	int64_t lifetime_s = LIFETIME_S, players_max = 0;
	struct jwt_key key;
	bool has_session = ringcast_cli_has(invocation, CLI_OPTION_SESSION), has_create = ringcast_cli_has(invocation, CLI_OPTION_CREATE);
	if (!path || ringcast_cli_integer(invocation, CLI_OPTION_EXPIRES, 1, 31536000, &lifetime_s) != CLI_OK ||
	    ringcast_cli_integer(invocation, CLI_OPTION_PLAYERS_MAX, 1, INT32_MAX, &players_max) != CLI_OK)
		return CLI_USAGE;
	if (has_session == has_create) {
		ringcast_cli_error(invocation, "either --session, one that is there, or --create, one by this name");
		return CLI_USAGE;
	}
	if (!load_jwk(invocation, path, &key))
		return CLI_FAILURE;
	json_t *claims = make_claims(invocation, lifetime_s, players_max);
	bool is_printed = print_token(invocation, &key, claims);
	json_decref(claims);
	explicit_bzero(&key, sizeof(key));
	return is_printed ? CLI_OK : CLI_FAILURE;
}

/* verify */

static bool load_keys(const struct cli_invocation *invocation, const char *path, struct jwt_keys *ret_keys)
{
	char *text = ringcast_cli_read_text(invocation, path, FILE_BYTES_MAX);
	char role[16], id[JWT_KEY_ID_BYTES], word[LETTERS];
	const char *problem = NULL;
	struct jwt_key key;
	memset(ret_keys, 0, sizeof(*ret_keys));
	for (const char *at = text; at && *at && !problem;) {
		at = take_line(at, role, id, word);
		if (*id == '\0')
			continue;
		problem = ringcast_jwt_key_read(id, word, strcmp(role, "create") == 0, &key);
		problem = problem ? problem : ringcast_jwt_keys_add(ret_keys, &key);
	}
	if (problem)
		ringcast_cli_error(invocation, "%s: %s", path, problem);
	wipe(text);
	return text && !problem;
}

static const char *problem_of(enum drop_reason drop)
{
	return drop == DROP_NONE ? NULL : ringcast_drop_text(drop);
}

/* As ringcastd would, with its default limits. */
static enum drop_reason judge(const struct jwt_keys *keys, struct view token)
{
	static struct jwt_claims claims;
	const struct jwt_rules rules = {.now_s = (uint64_t)time(NULL), .skew_s = 30, .lifetime_max_s = 86400};
	const struct jwt_key *key;
	enum drop_reason drop = ringcast_jwt_verify(keys, token, JWT_BYTES_MAX, &key);
	return drop == DROP_NONE ? ringcast_jwt_read(keys, key, token, &rules, &claims) : drop;
}

enum cli_exit ringcast_command_token_verify(const struct cli_invocation *invocation)
{
	const char *path = needed(invocation, CLI_OPTION_FILE, "--file: which file? The one that player_tokens.keys names");
	struct view token = view_of(invocation->arguments[0]);
	static struct jwt_keys keys;
	char text[JWT_BYTES_MAX + 1];
	if (!path)
		return CLI_USAGE;
	if (!load_keys(invocation, path, &keys))
		return CLI_FAILURE;
	snprintf(keys.audience, sizeof(keys.audience), "%s", ringcast_cli_value(invocation, CLI_OPTION_AUDIENCE, ""));
	const char *problem = problem_of(judge(&keys, token));
	ringcast_jwt_keys_forget(&keys);
	if (ringcast_jwt_claims_text(token, text, sizeof(text)) > 0)
		printf("%s\n", text);
	if (problem)
		ringcast_cli_error(invocation, "refused: %s", problem);
	return problem ? CLI_FAILURE : CLI_OK;
}
