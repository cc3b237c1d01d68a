#include "crypto/flight.h"

#include "base/assert.h"

enum { FLIGHT_BYTES_MAX = 32 * 1024, RECORD_HEADER_BYTES = 13, RECORD_LENGTH_OFFSET = 11 };

static _Thread_local struct {
	uint8_t bytes[FLIGHT_BYTES_MAX];
	size_t size;
} flight;

/* The record at offset, or all that is left if the library wrote something else. */
static size_t record_bytes(size_t offset)
{
	size_t left = flight.size - offset;
	if (left < RECORD_HEADER_BYTES)
		return left;
	const uint8_t *length = flight.bytes + offset + RECORD_LENGTH_OFFSET;
	size_t size = RECORD_HEADER_BYTES + ((size_t)length[0] << 8 | length[1]);
	return size < left ? size : left;
}

void ringcast_flight_add(struct crypto_session *session, const void *records, size_t size)
{
	ringcast_assert(size <= FLIGHT_BYTES_MAX);
	if (size > FLIGHT_BYTES_MAX - flight.size)
		ringcast_flight_send(session);
	memcpy(flight.bytes + flight.size, records, size);
	flight.size += size;
}

void ringcast_flight_send(struct crypto_session *session)
{
	size_t start = 0;
	while (start < flight.size) {
		size_t end = start + record_bytes(start);
		while (end < flight.size && end + record_bytes(end) - start <= session->context->datagram_bytes_max)
			end += record_bytes(end);
		session->emit(session->emit_context, flight.bytes + start, end - start);
		start = end;
	}
	flight.size = 0;
}

size_t ringcast_flight_size(void)
{
	return flight.size;
}

void ringcast_flight_forget(void)
{
	flight.size = 0;
}
