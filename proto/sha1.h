/*
 * SHA-1 of a short text, and base64: what the WebSocket accept key needs and nothing more. Not for security: RFC 6455 uses
 * the hash only to prove that the answer was made for this request.
 */
#ifndef RINGCAST_PROTO_SHA1_H
#define RINGCAST_PROTO_SHA1_H

#include "base/types.h"

enum { SHA1_DIGEST_BYTES = 20, SHA1_BASE64_CHARS = 28 };

void ringcast_sha1(struct view bytes, uint8_t ret_digest[SHA1_DIGEST_BYTES]);
/* Base64 with padding; out gets 4 characters for every 3 bytes begun, no NUL. Returns their number. */
size_t ringcast_base64_encode(struct view bytes, char *out);

#endif
