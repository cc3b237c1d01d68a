/*
 * One request to the admin API, over HTTP, HTTPS or a UNIX socket, by libcurl. Blocks. Proxies of the environment are not used: what is asked here
 * stops servers.
 */
#ifndef RINGCAST_TOOLS_ADMIN_CLIENT_H
#define RINGCAST_TOOLS_ADMIN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum admin_result {
	ADMIN_OK = 0,        /* an answer came, whatever its status */
	ADMIN_BAD_URL,
	ADMIN_UNREACHABLE,
	ADMIN_TIMEOUT,
	ADMIN_BAD_ANSWER,    /* not HTTP, or above ADMIN_ANSWER_BYTES_MAX */
	ADMIN_BAD_TOKEN,     /* there is no token in the file */
	ADMIN_BAD_FILE,      /* a certificate, key or CA file cannot be read or used */
	ADMIN_UNTRUSTED,     /* the server's certificate is not good: unknown CA, another name, expired */
	ADMIN_BAD_HANDSHAKE, /* no TLS is spoken there, or the client's certificate is refused */
};

enum { ADMIN_ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

struct admin_answer {
	int status;
	char *text;        /* owned; the body with a NUL behind it */
	const char *body;  /* the same */
	size_t body_bytes;
};

struct admin_body {
	const char *type; /* Content-Type */
	const void *bytes;
	size_t size;
	/* Gets the body of a good answer as it comes, piece by piece; false: no more of it. NULL: it is kept whole, and is in the answer. */
	bool (*take)(void *context, const char *bytes, size_t size);
	void *take_context;
	/* Who asks, and whom is trusted, by file. NULL: what the environment names, if it does. */
	const char *token_file;  /* holds one token; RINGCAST_TOKEN_FILE */
	const char *certificate; /* PEM, of the client; RINGCAST_ADMIN_CERT */
	const char *key;         /* PEM, of that; RINGCAST_ADMIN_KEY */
	const char *ca;          /* PEM, of the server; RINGCAST_ADMIN_CA, else the system's */
};

/* The same as below with a body of any kind. */
enum admin_result ringcast_admin_send(const char *url, const char *method, const char *path, const struct admin_body *body, uint32_t timeout_ms,
				      struct admin_answer *ret_answer);
/* url: "http://host:port", "https://host:port" or "unix:/path". body: JSON text, NULL for none. On ADMIN_OK the caller frees with ringcast_admin_answer_fini. */
enum admin_result ringcast_admin_request(const char *url, const char *method, const char *path, const char *body, uint32_t timeout_ms,
					 struct admin_answer *ret_answer);
void ringcast_admin_answer_fini(struct admin_answer *answer);
/* The host part of url into host ("127.0.0.1" for a UNIX socket). */
enum admin_result ringcast_admin_url_host(const char *url, char *host, size_t host_bytes);

#endif
