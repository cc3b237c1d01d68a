/*
 * Who may use the admin API, from a file of lines "role name token", role being reader or operator. A reader sees everything but changes nothing; an
 * operator does both. The name is for the log. Several tokens of one name make a rotation without a gap. "certificate:NAME" in the token's place is
 * whoever shows a certificate with this name in it, signed by admin.tls_client_ca.
 */
#ifndef RINGCAST_CONTROL_TOKENS_H
#define RINGCAST_CONTROL_TOKENS_H

#include "control/config.h"

#define TOKENS_MAX 64
#define TOKEN_BYTES 128 /* with NUL */
#define TOKEN_LENGTH_MIN 16
#define TOKEN_NAME_BYTES 32

enum token_role { TOKEN_ROLE_NONE, TOKEN_ROLE_READER, TOKEN_ROLE_OPERATOR }; /* each may do what the one before may */

struct token {
	enum token_role role;
	bool is_certificate; /* text is a name in it */
	char name[TOKEN_NAME_BYTES];
	char text[TOKEN_BYTES]; /* padded with zeros, which is what makes the comparison's time the same for all */
};

struct tokens {
	size_t count; /* 0: no tokens are asked for */
	struct token list[TOKENS_MAX];
};

/* Of config's admin.tokens; without that key an empty list. False: reterr names file and line. */
bool ringcast_tokens_load(const struct config *config, struct tokens *ret_tokens, struct config_error *reterr);
bool ringcast_tokens_parse(const char *name, char *text, struct tokens *ret_tokens, struct config_error *reterr); /* text is taken apart */
const struct token *ringcast_tokens_find_certificate(const struct tokens *tokens, const char *name); /* NULL: nobody's */
bool ringcast_tokens_have_certificate(const struct tokens *tokens);
/* NULL: nobody's. Takes equally long whichever it is, and whether it is one. */
const struct token *ringcast_tokens_find(const struct tokens *tokens, const char *text);
void ringcast_tokens_forget(struct tokens *tokens); /* wipes */
const char *ringcast_tokens_role_name(enum token_role role);

#endif
