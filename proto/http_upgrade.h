/* The WebSocket upgrade: one bounded GET, any path, HTTP/1.1. Pure; no allocation. */
#ifndef RINGCAST_PROTO_HTTP_UPGRADE_H
#define RINGCAST_PROTO_HTTP_UPGRADE_H

#include "base/types.h"

enum http_upgrade_result {
	HTTP_UPGRADE_OK = 0,
	HTTP_UPGRADE_NEED_MORE,
	HTTP_UPGRADE_REFUSED, /* *ret_status says which answer: 400, 405, 413/431, 426, 505 */
};

struct http_upgrade {
	struct view path;
	struct view host;
	struct view origin;
	struct view key;      /* Sec-WebSocket-Key, 24 characters of base64 */
	size_t consumed_bytes; /* what follows belongs to the WebSocket */
};

enum http_upgrade_result ringcast_http_upgrade_parse(struct view bytes, struct http_upgrade *ret_upgrade, int *ret_status);
/* The 101 answer. Returns its size; out needs HTTP_UPGRADE_RESPONSE_BYTES_MAX. */
#define HTTP_UPGRADE_RESPONSE_BYTES_MAX 256
size_t ringcast_http_upgrade_encode_response(const struct http_upgrade *upgrade, char *out);
/*
 * A plain error answer with Connection: close; out as above. Statuses: those of parse and 403, 408, 429, 503. 426 names
 * Upgrade: websocket and Sec-WebSocket-Version: 13.
 */
size_t ringcast_http_upgrade_encode_refusal(int status, char *out);

/* Client side. Returns 0 when out is too small. */
size_t ringcast_http_upgrade_encode_request(const char *host_and_port, const char *path, const char *key, char *out, size_t capacity_bytes);
/* *ret_status is the server's answer, 101 when OK; 0 when what came is no HTTP or a 101 that does not fit our request. */
enum http_upgrade_result ringcast_http_upgrade_parse_response(struct view bytes, const char *key, size_t *ret_consumed, int *ret_status);

#endif
