/*
 * Paging tokens: whatever comes as one is refused with a line, or belongs to the list that is asked for and names a place in it; and what is given
 * for that place is taken again. The first byte says whether the rest is a token or what stands in one of this list behind its number.
 */
#include <inttypes.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/operations/page.h"

enum { CONTENT_BYTES_MAX = 2048 };

static struct request request_of(json_t *token)
{
	struct request request = {.operation = ringcast_operation_find("DescribeGameSessions"), .input = json_object()};
	json_object_set_new(request.input, "FleetId", json_string("fleet-1"));
	if (token != NULL)
		json_object_set_new(request.input, "NextToken", token);
	return request;
}

/* True: taken. token is consumed; NULL: the first page. */
static bool begin(json_t *token, struct page *ret_page)
{
	struct request request = request_of(token);
	bool is_taken = ringcast_page_begin(&request, 10, 100, ret_page);
	ringcast_assert(is_taken ? !request.is_answered : request.is_answered && request.fault == FAULT_INVALID && request.message[0] != '\0');
	json_decref(request.input);
	return is_taken;
}

static json_t *token_of_list(const struct page *first, const uint8_t *data, size_t size)
{
	char text[CONTENT_BYTES_MAX + 32], token[BASE64_ENCODE_RAW_LENGTH(sizeof(text))];
	size_t used = (size_t)snprintf(text, sizeof(text), "1.%" PRIx64 ".", first->list);
	memcpy(text + used, data, size);
	base64_encode_raw(token, used + size, (const uint8_t *)text);
	return json_stringn(token, BASE64_ENCODE_RAW_LENGTH(used + size));
}

static void check_place(const struct page *page, const struct page *first)
{
	struct page again;
	ringcast_assert(page->list == first->list && page->limit == first->limit && page->behind[0] != '\0');
	json_t *output = json_object();
	ringcast_page_continue(page, page->behind, output);
	ringcast_assert(begin(json_incref(json_object_get(output, "NextToken")), &again) && strcmp(again.behind, page->behind) == 0);
	json_decref(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct page first, page;
	if (size == 0 || size - 1 > CONTENT_BYTES_MAX)
		return 0;
	bool is_first_taken = begin(NULL, &first);
	ringcast_assert(is_first_taken && first.behind[0] == '\0');
	json_t *token = data[0] & 1 ? token_of_list(&first, data + 1, size - 1) : json_stringn((const char *)data + 1, size - 1);
	if (token != NULL && begin(token, &page)) /* NULL: not UTF-8, which no request can bring */
		check_place(&page, &first);
	return 0;
}
