#include "security/bill.h"

#include <string.h>

#include "security/library.h"
#include "shard/shard.h"

/*
 * Heap of a session, measured, at its largest: with wolfSSL that is a handshake under way, which a flood of half-open ones keeps so. OpenSSL's numbers where
 * the library is not known.
 */
static void session_bytes(const struct crypto_backend *backend, uint64_t *ret_stream_bytes, uint64_t *ret_datagram_bytes)
{
	bool is_lean = backend != NULL && strcmp(backend->name, "wolfssl") == 0;
	*ret_stream_bytes = is_lean ? 10 << 10 : 14 << 10;
	*ret_datagram_bytes = is_lean ? 9 << 10 : 70 << 10;
}

static uint64_t bill(ringcast_memory_fn *each, void *context, const char *part, uint64_t bytes, bool is_own)
{
	if (each != NULL)
		each(context, part, bytes, is_own);
	return bytes;
}

uint64_t ringcast_security_memory_bytes(const ringcast_engine_options *options, const ringcast_limits *limits, ringcast_memory_fn *each, void *context)
{
	char error[CRYPTO_ERROR_BYTES];
	uint64_t stream_bytes, datagram_bytes;
	bool is_meant = options->certificate != NULL || options->is_certificate_made || options->security >= RINGCAST_SECURITY_OPTIONAL;
	if (!is_meant || options->security == RINGCAST_SECURITY_OFF)
		return 0;
	session_bytes(ringcast_security_library(options->crypto_backend, error, sizeof(error)), &stream_bytes, &datagram_bytes);
	if (options->is_udp_off)
		datagram_bytes = 0;
	return bill(each, context, "encryption", ringcast_shard_security_memory_bytes(limits), true) +
	       bill(each, context, "TLS sessions", limits->connections_max * stream_bytes, false) +
	       bill(each, context, "DTLS sessions", ((uint64_t)limits->players_max + limits->half_open_max) * datagram_bytes,
		    false);
}
