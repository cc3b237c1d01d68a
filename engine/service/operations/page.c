#include "service/operations/page.h"

#include <inttypes.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { TOKEN_BYTES_MAX = 1024 };

/* Everything in the input but the page itself. */
static uint64_t list_of(const struct request *request)
{
	json_t *rest = json_copy(request->input);
	json_object_del(rest, "Limit");
	json_object_del(rest, "NextToken");
	char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t hash = ringcast_hash_bytes(request->operation->name, strlen(request->operation->name), 0);
	if (text != NULL)
		hash = ringcast_hash_bytes(text, strlen(text), hash);
	free(text);
	json_decref(rest);
	return hash;
}

static bool decode(const char *token, char *out, size_t out_bytes)
{
	struct base64_decode_ctx context;
	size_t size = BASE64_DECODE_LENGTH(strlen(token));
	if (strlen(token) > TOKEN_BYTES_MAX || size >= out_bytes)
		return false;
	base64url_decode_init(&context);
	if (!base64_decode_update(&context, &size, (uint8_t *)out, strlen(token), token) || !base64_decode_final(&context))
		return false;
	out[size] = '\0';
	return memchr(out, '\0', size) == NULL;
}

static bool read_token(struct page *page, const char *token)
{
	char text[TOKEN_BYTES_MAX];
	uint64_t list;
	int used = 0;
	if (!decode(token, text, sizeof(text)) || sscanf(text, "1.%" SCNx64 ".%n", &list, &used) != 1 || used == 0)
		return false;
	if (list != page->list || strlen(text + used) >= sizeof(page->behind))
		return false;
	snprintf(page->behind, sizeof(page->behind), "%s", text + used);
	return *page->behind != '\0';
}

bool ringcast_page_begin(struct request *request, size_t limit_default, size_t limit_max, struct page *ret_page)
{
	int64_t limit = ringcast_request_number(request, "Limit", (int64_t)limit_default);
	*ret_page = (struct page){.limit = limit > (int64_t)limit_max ? limit_max : (size_t)limit, .list = list_of(request)};
	if (!ringcast_request_has(request, "NextToken") || read_token(ret_page, ringcast_request_text(request, "NextToken")))
		return true;
	ringcast_request_refuse(request, FAULT_INVALID, "NextToken: not a token that this list has given; begin again without it");
	return false;
}

void ringcast_page_continue(const struct page *page, const char *behind, json_t *output)
{
	char text[PAGE_BEHIND_BYTES + 32], token[BASE64_ENCODE_RAW_LENGTH(sizeof(text)) + 1];
	struct base64_encode_ctx context;
	int size = snprintf(text, sizeof(text), "1.%" PRIx64 ".%s", page->list, behind);
	base64url_encode_init(&context);
	size_t used = base64_encode_update(&context, token, (size_t)size, (const uint8_t *)text);
	used += base64_encode_final(&context, token + used);
	json_object_set_new(output, "NextToken", json_stringn(token, used));
}

enum { RECORDS_LIMIT = 100, RECORDS_LIMIT_MAX = 1000 };

void ringcast_page_records(struct model *model, struct request *request, enum record_kind kind, const char *name, page_show_fn *show)
{
	struct page page;
	char last[PAGE_BEHIND_BYTES] = "";
	if (!ringcast_page_begin(request, RECORDS_LIMIT, RECORDS_LIMIT_MAX, &page))
		return;
	json_t *output = json_object(), *list = json_array();
	const struct record *record = ringcast_records_next(&model->records, kind, page.behind);
	for (; record != NULL; record = ringcast_records_next(&model->records, kind, record->id)) {
		json_t *shown = show(model, request, record);
		if (shown == NULL)
			continue;
		if (json_array_size(list) == page.limit) {
			ringcast_page_continue(&page, last, output);
			json_decref(shown);
			break;
		}
		json_array_append_new(list, shown);
		snprintf(last, sizeof(last), "%s", record->id);
	}
	json_object_set_new(output, name, list);
	ringcast_request_answer(request, output);
}
