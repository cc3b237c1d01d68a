/*
 * What is granted is granted only when whole, and our client accepts the answer; what is refused early is refused the same way
 * later; every status has an answer. The same bytes are then read as a server's response.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "proto/http_upgrade.h"
#include "proto/limits.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static bool is_inside(struct view part, const uint8_t *data, size_t size)
{
	return part.size == 0 || (part.data >= data && part.data + part.size <= data + size);
}

static void check_granted(const uint8_t *data, size_t size, const struct http_upgrade *upgrade)
{
	char out[HTTP_UPGRADE_RESPONSE_BYTES_MAX], key[25] = {0};
	size_t consumed;
	int status;
	ringcast_assert(upgrade->consumed_bytes <= size);
	ringcast_assert(upgrade->consumed_bytes <= PROTO_HTTP_REQUEST_BYTES_MAX);
	ringcast_assert(is_inside(upgrade->path, data, upgrade->consumed_bytes) && upgrade->path.size != 0);
	ringcast_assert(is_inside(upgrade->host, data, upgrade->consumed_bytes));
	ringcast_assert(is_inside(upgrade->origin, data, upgrade->consumed_bytes));
	ringcast_assert(is_inside(upgrade->key, data, upgrade->consumed_bytes) && upgrade->key.size == 24);
	ringcast_assert(memcmp(data + upgrade->consumed_bytes - 4, "\r\n\r\n", 4) == 0);
	memcpy(key, upgrade->key.data, upgrade->key.size);
	size_t answer_bytes = ringcast_http_upgrade_encode_response(upgrade, out);
	ringcast_assert(ringcast_http_upgrade_parse_response(ringcast_view_of(out, answer_bytes), key, &consumed, &status) == HTTP_UPGRADE_OK);
	ringcast_assert(consumed == answer_bytes && status == 101);
}

static void check_refused(int status)
{
	char out[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	size_t consumed;
	int read_status;
	size_t size = ringcast_http_upgrade_encode_refusal(status, out);
	ringcast_assert(ringcast_http_upgrade_parse_response(ringcast_view_of(out, size), KEY, &consumed, &read_status) == HTTP_UPGRADE_REFUSED);
	ringcast_assert(read_status == status);
}

/* The verdict over a part against the verdict over the whole. The part lies in its own block, ending where it ends. */
static void check_cut(const uint8_t *data, size_t cut, enum http_upgrade_result whole, const struct http_upgrade *upgrade, int whole_status)
{
	struct http_upgrade part_upgrade;
	int status = 0;
	uint8_t *part = malloc(cut + (cut == 0));
	ringcast_assert(part != NULL);
	if (cut != 0)
		memcpy(part, data, cut);
	enum http_upgrade_result result = ringcast_http_upgrade_parse(ringcast_view_of(part, cut), &part_upgrade, &status);
	if (whole == HTTP_UPGRADE_OK)
		ringcast_assert(result == (cut < upgrade->consumed_bytes ? HTTP_UPGRADE_NEED_MORE : HTTP_UPGRADE_OK));
	else if (whole == HTTP_UPGRADE_NEED_MORE)
		ringcast_assert(result == HTTP_UPGRADE_NEED_MORE);
	else
		ringcast_assert(result == HTTP_UPGRADE_NEED_MORE || (result == HTTP_UPGRADE_REFUSED && status == whole_status));
	free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_upgrade upgrade;
	int status = 0;
	size_t consumed = 0;
	enum http_upgrade_result result = ringcast_http_upgrade_parse(ringcast_view_of(data, size), &upgrade, &status);
	if (result == HTTP_UPGRADE_OK)
		check_granted(data, size, &upgrade);
	else if (result == HTTP_UPGRADE_REFUSED)
		check_refused(status);
	for (size_t cut = 0; cut < size; cut += 1 + cut / 8)
		check_cut(data, cut, result, &upgrade, status);
	if (size != 0)
		check_cut(data, size - 1, result, &upgrade, status);

	if (ringcast_http_upgrade_parse_response(ringcast_view_of(data, size), KEY, &consumed, &status) == HTTP_UPGRADE_OK)
		ringcast_assert(consumed <= size && status == 101);
	return 0;
}
