/*
 * The head of one HTTP/1.1 message, taken apart strictly: CR LF only, no folded lines, no space before a colon, no control
 * characters. Both ends of the upgrade read through this.
 */
#ifndef RINGCAST_PROTO_HTTP_HEAD_H
#define RINGCAST_PROTO_HTTP_HEAD_H

#include "base/types.h"

enum http_head_result {
	HTTP_HEAD_WHOLE = 0,
	HTTP_HEAD_NEED_MORE,
	HTTP_HEAD_BAD,       /* a line that ends in LF alone, or begins with an empty line */
	HTTP_HEAD_TOO_LARGE, /* beyond PROTO_HTTP_REQUEST_BYTES_MAX */
};

struct http_head {
	struct view start_line; /* without its CR LF */
	struct view fields;     /* field lines, each with its CR LF */
	size_t size;            /* through the empty line */
};

struct http_field {
	struct view name;
	struct view value; /* without white space around it */
};

enum http_head_result ringcast_http_head_find(struct view bytes, struct http_head *ret_head);

/* Takes the next field off *fields. False when none is left or when the line is bad; *ret_is_bad tells these apart. */
bool ringcast_http_head_next(struct view *fields, struct http_field *ret_field, bool *ret_is_bad);

/* Token characters of RFC 9110: what methods and field names are made of. */
bool ringcast_http_head_is_token_char(uint8_t byte);
bool ringcast_http_head_is(struct view text, const char *expected);         /* exact */
bool ringcast_http_head_is_nocase(struct view text, const char *expected);  /* ASCII case ignored */
/* Whether a comma separated list holds the token, ASCII case ignored. */
bool ringcast_http_head_has_token(struct view list, const char *token);

#endif
