/* Texts to values and back, by a key's type. Pure: no table but the option given, no allocation. */
#ifndef RINGCAST_CONTROL_VALUE_H
#define RINGCAST_CONTROL_VALUE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/options.h"

#define VALUE_TEXT_BYTES 256

/* Where something listens: an internet address and port, a UNIX path, or nowhere. */
struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
		struct sockaddr_storage storage;
	};
	socklen_t size; /* 0: off */
};

/* Parses text into field (a member of struct config). False: reterr says what was expected, without naming the key. */
bool ringcast_value_parse(const struct option *option, const char *text, void *field, char *reterr, size_t reterr_bytes);
/* The canonical text: parses back to the same value. */
void ringcast_value_format(const struct option *option, const void *field, char ret_text[VALUE_TEXT_BYTES]);
bool ringcast_value_is_equal(const struct option *option, const void *a, const void *b);
/* A value as the number it is held as; only for BOOL, UINT, DURATION, SIZE and ENUM. */
uint64_t ringcast_value_number(const struct option *option, const void *field);

/* "127.0.0.1:9080", "[::1]:9080", "unix:/run/x.sock" or "off". False: not an endpoint. */
bool ringcast_value_parse_endpoint(const char *text, struct endpoint *ret_endpoint);
/* An address literal with a port beside it. "none" gives size 0. */
bool ringcast_value_parse_address(const char *text, uint16_t port, struct endpoint *ret_endpoint);
bool ringcast_value_is_loopback(const struct endpoint *endpoint); /* UNIX sockets and off count as loopback */
uint16_t ringcast_value_endpoint_port(const struct endpoint *endpoint);
void ringcast_value_format_endpoint(const struct endpoint *endpoint, char ret_text[VALUE_TEXT_BYTES]);

#endif
