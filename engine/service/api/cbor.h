/*
 * CBOR bodies (Smithy RPC v2) as the same trees that JSON bodies become. The shape decides what a number or text is on the wire: a timestamp
 * is tag 1, a blob is a byte string. Pure.
 */
#ifndef RINGCAST_SERVICE_API_CBOR_H
#define RINGCAST_SERVICE_API_CBOR_H

#include "service/api/shape.h"

enum { CBOR_DEPTH_MAX = 32 };

/* A new tree, the caller's; or NULL, and problem says where and why. An empty body is an empty object. Byte strings become base64. */
json_t *ringcast_cbor_decode(const uint8_t *bytes, size_t size, char problem[SHAPE_PROBLEM_BYTES]);
/* malloc'ed bytes, the caller's; NULL: out of memory. Values that do not fit their shape are taken as empty, which only a fault of ours causes. */
uint8_t *ringcast_cbor_encode(enum shape_id id, const json_t *value, size_t *ret_size);
/* An error's body: {"__type": type, "message": message}. */
uint8_t *ringcast_cbor_encode_error(const char *type, const char *message, size_t *ret_size);

#endif
