/*
 * Signatures of requests, AWS Signature Version 4: in the Authorization header, or in the query (presigned URLs). Pure: the request is
 * described by its parts, time is an argument, and the secret of a key comes from the caller. Any thread.
 *
 * Source: the public signing documents; the forms that the JavaScript SDK, botocore and the AWS CLI send are in the tests as vectors.
 */
#ifndef RINGCAST_SERVICE_API_SIGV4_H
#define RINGCAST_SERVICE_API_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGV4_KEY_BYTES = 65, SIGV4_HEADERS_MAX = 64, SIGV4_PROBLEM_BYTES = 160 };

struct sigv4_header {
	const char *name; /* any case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* as sent: with its percent signs, without the query */
	const char *query; /* as sent, after the question mark; "" for none */
	const struct sigv4_header *headers;
	size_t header_count;
	const void *body;
	size_t body_bytes;
};

enum sigv4_result {
	SIGV4_RIGHT,
	SIGV4_MISSING,	 /* no signature at all */
	SIGV4_MALFORMED, /* something that is no signature */
	SIGV4_UNKNOWN_KEY,
	SIGV4_SKEWED,  /* the time is too far from ours, or the presigned URL has expired */
	SIGV4_WRONG,   /* signature or body do not match */
	SIGV4_UNSIGNED, /* the body is declared unsigned, which would let anyone change it */
};

struct sigv4_verdict {
	enum sigv4_result result;
	char key_id[SIGV4_KEY_BYTES]; /* "" where none could be read */
	char problem[SIGV4_PROBLEM_BYTES]; /* "" when right: one line for the caller, without secrets */
};

/* The secret of a key, borrowed until the call returns; NULL: there is no such key, or it is revoked. */
typedef const char *sigv4_secret_fn(void *context, const char *key_id);

enum { SIGV4_SKEW_S_MAX = 300, SIGV4_EXPIRES_S_MAX = 604800 };

/* service: what the scope must name, "gamelift". now_s: seconds since the epoch. Compares in constant time. */
struct sigv4_verdict ringcast_sigv4_verify(const struct sigv4_request *request, const char *service, int64_t now_s, sigv4_secret_fn *secret,
					   void *context);

#endif
