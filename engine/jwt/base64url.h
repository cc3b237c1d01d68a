/* Base64 as JSON Web Signatures have it (RFC 4648, 5): URL-safe letters, no padding. Only the canonical form is read: one value, one spelling. Pure. */
#ifndef RINGCAST_JWT_BASE64URL_H
#define RINGCAST_JWT_BASE64URL_H

#include "base/attr.h"
#include "base/types.h"

/* How many letters, or bytes at most, so many bytes or letters become. */
static inline size_t ringcast_base64url_letters(size_t bytes)
{
	return (bytes * 4 + 2) / 3;
}

static inline size_t ringcast_base64url_bytes(size_t letters)
{
	return letters * 3 / 4;
}

/* False: not base64url, or longer than out_bytes; *ret_size is how many came out. */
MUST_USE bool ringcast_base64url_decode(struct view text, uint8_t *out, size_t out_bytes, size_t *ret_size);
/* Writes ringcast_base64url_letters(bytes.size) letters and a NUL. */
void ringcast_base64url_encode(struct view bytes, char *out);

#endif
