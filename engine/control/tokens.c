#include "control/tokens.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/secret_file.h"

PRINTF_LIKE(2, 3) static bool refuse(struct config_error *reterr, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr->text, sizeof(reterr->text), format, arguments);
	va_end(arguments);
	return false;
}

const char *ringcast_tokens_role_name(enum token_role role)
{
	static const char *const names[] = {"none", "reader", "operator"};
	ringcast_assert((size_t)role < ARRAY_COUNT(names));
	return names[role];
}

/* What RFC 6750 allows in a bearer token. */
static bool is_token_text(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-._~+/=", *text))
			return false;
	return true;
}

/* In the place of a token: whose certificate it is. No token has a colon. */
static const char certificate_mark[] = "certificate:";

/* A name as certificates have them, DNS, e-mail or URI: what can be printed, without blanks. */
static bool is_certificate_name(const char *text)
{
	const char *at = text;
	while (isgraph((unsigned char)*at))
		at++;
	return at > text && !*at && at - text < TOKEN_BYTES;
}

static enum token_role role_of(const char *word)
{
	return strcmp(word, "reader") == 0 ? TOKEN_ROLE_READER : strcmp(word, "operator") == 0 ? TOKEN_ROLE_OPERATOR : TOKEN_ROLE_NONE;
}

/* The messages never show the third word, which is the secret. */
static bool add(struct tokens *tokens, char *words[3], const char *where, struct config_error *reterr)
{
	enum token_role role = role_of(words[0]);
	bool is_certificate = strncmp(words[2], certificate_mark, strlen(certificate_mark)) == 0;
	const char *text = is_certificate ? words[2] + strlen(certificate_mark) : words[2];
	size_t size = strlen(text);
	if (role == TOKEN_ROLE_NONE)
		return refuse(reterr, "%s: a line is 'role name token', and the role is reader or operator", where);
	if (strlen(words[1]) >= TOKEN_NAME_BYTES || !is_token_text(words[1]))
		return refuse(reterr, "%s: the name must be letters, digits or -._~+/=, at most %d", where, TOKEN_NAME_BYTES - 1);
	if (is_certificate && !is_certificate_name(text))
		return refuse(reterr, "%s: certificate: is followed by a name in the client's certificate, of at most %d characters", where, TOKEN_BYTES - 1);
	if (!is_certificate && (size < TOKEN_LENGTH_MIN || size >= TOKEN_BYTES || !is_token_text(text)))
		return refuse(reterr, "%s: the token must be %d to %d letters, digits or -._~+/=, such as openssl rand -hex 32 makes", where,
			      TOKEN_LENGTH_MIN, TOKEN_BYTES - 1);
	if (is_certificate ? ringcast_tokens_find_certificate(tokens, text) : ringcast_tokens_find(tokens, text))
		return refuse(reterr, "%s: the %s stands in an earlier line too", where, is_certificate ? "certificate" : "token");
	if (tokens->count == TOKENS_MAX)
		return refuse(reterr, "%s: more than %d tokens", where, TOKENS_MAX);
	struct token *token = &tokens->list[tokens->count++];
	*token = (struct token){.role = role, .is_certificate = is_certificate};
	memcpy(token->name, words[1], strlen(words[1]));
	memcpy(token->text, text, size);
	return true;
}

static bool parse_line(struct tokens *tokens, char *line, const char *where, struct config_error *reterr)
{
	char *words[SECRET_WORDS + 1];
	size_t count = ringcast_secret_words(line, words);
	if (count == 0)
		return true;
	if (count != SECRET_WORDS)
		return refuse(reterr, "%s: a line is 'role name token', with role reader or operator", where);
	return add(tokens, words, where, reterr);
}

bool ringcast_tokens_parse(const char *name, char *text, struct tokens *ret_tokens, struct config_error *reterr)
{
	ringcast_assert(name && text && ret_tokens && reterr);
	char where[2 * CONFIG_STRING_BYTES + 48];
	unsigned number = 0;
	*ret_tokens = (struct tokens){0};
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		snprintf(where, sizeof(where), "admin.tokens: %s:%u", name, ++number);
		if (!parse_line(ret_tokens, line, where, reterr)) {
			ringcast_tokens_forget(ret_tokens);
			return false;
		}
	}
	return ret_tokens->count > 0 || refuse(reterr, "admin.tokens: %s: holds no token; a line is 'role name token'", name);
}

bool ringcast_tokens_load(const struct config *config, struct tokens *ret_tokens, struct config_error *reterr)
{
	ringcast_assert(config && ret_tokens && reterr);
	struct secret_file file;
	*ret_tokens = (struct tokens){0};
	if (!config->admin_tokens.text[0])
		return true;
	if (!ringcast_secret_file_read("admin.tokens", &config->admin_tokens, &file, reterr))
		return false;
	bool is_parsed = ringcast_tokens_parse(file.path, file.text, ret_tokens, reterr);
	if (is_parsed && !config->admin_tls_client_ca.text[0] && ringcast_tokens_have_certificate(ret_tokens)) {
		is_parsed = refuse(reterr, "admin.tokens: %s: has a line for a certificate; set admin.tls_client_ca, which says whose are good", file.path);
		ringcast_tokens_forget(ret_tokens);
	}
	ringcast_secret_file_forget(&file);
	return is_parsed;
}

static bool is_equal(const char a[TOKEN_BYTES], const char b[TOKEN_BYTES])
{
	volatile unsigned char difference = 0;
	for (size_t i = 0; i < TOKEN_BYTES; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

const struct token *ringcast_tokens_find(const struct tokens *tokens, const char *text)
{
	ringcast_assert(tokens && text);
	const struct token *found = NULL;
	char padded[TOKEN_BYTES] = "";
	size_t size = strnlen(text, TOKEN_BYTES);
	memcpy(padded, text, size < TOKEN_BYTES ? size : 0);
	for (size_t i = 0; i < tokens->count; i++)
		found = is_equal(tokens->list[i].text, padded) && !tokens->list[i].is_certificate ? &tokens->list[i] : found;
	explicit_bzero(padded, sizeof(padded));
	return found;
}

/*
 * As each kind of name is compared: of a URI scheme and host without case, the path byte by byte; of an e-mail address the host without case, what stands
 * before it byte by byte; DNS names and common names without case.
 */
static size_t exact_part(const char *name, size_t *ret_from)
{
	const char *colon = strchr(name, ':'), *at = strchr(name, '@');
	size_t size = strlen(name);
	*ret_from = 0;
	if (colon != NULL) {
		const char *host = strncmp(colon, "://", 3) == 0 ? colon + 3 : colon + 1;
		*ret_from = (size_t)(host - name) + (host == colon + 3 ? strcspn(host, "/?#") : 0);
		return size - *ret_from;
	}
	return at != NULL ? (size_t)(at - name) : 0;
}

static bool is_same_name(const char *a, const char *b)
{
	size_t from, size = exact_part(a, &from);
	return strlen(a) == strlen(b) && strcasecmp(a, b) == 0 && memcmp(a + from, b + from, size) == 0;
}

const struct token *ringcast_tokens_find_certificate(const struct tokens *tokens, const char *name)
{
	ringcast_assert(tokens && name);
	for (size_t i = 0; i < tokens->count; i++)
		if (tokens->list[i].is_certificate && is_same_name(tokens->list[i].text, name))
			return &tokens->list[i];
	return NULL;
}

bool ringcast_tokens_have_certificate(const struct tokens *tokens)
{
	ringcast_assert(tokens);
	bool has_any = false;
	for (size_t i = 0; i < tokens->count; i++)
		has_any |= tokens->list[i].is_certificate;
	return has_any;
}

void ringcast_tokens_forget(struct tokens *tokens)
{
	ringcast_assert(tokens);
	explicit_bzero(tokens, sizeof(*tokens));
}
