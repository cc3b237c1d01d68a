/*
 * A PROXY header out of any bytes: never more is taken than came, the answer does not depend on how the bytes are cut, and no more of them changes
 * it.
 */
#include "base/assert.h"
#include "fuzz_target.h"
#include "transport/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header = {0}, whole = {0};
	enum proxy_result last = ringcast_proxy_header_parse(ringcast_view_of(data, size), &whole);
	bool is_decided = false;
	for (size_t i = 0; i <= size; i++) {
		enum proxy_result result = ringcast_proxy_header_parse(ringcast_view_of(data, i), &header);
		ringcast_assert(!is_decided || result == last);
		ringcast_assert(result != PROXY_NEED_MORE || i < PROXY_HEADER_BYTES_MAX);
		ringcast_assert(result != PROXY_OK || (header.size <= i && header.size == whole.size && header.has_source == whole.has_source));
		ringcast_assert(result == PROXY_NEED_MORE || result == last);
		is_decided |= result != PROXY_NEED_MORE;
	}
	return 0;
}
