/*
 * Pages of a list: Limit and NextToken. A token says where the next page begins (behind a number or a text) and which list it belongs to, so
 * that it goes on rightly whatever was added or removed meanwhile, and is refused where it does not belong. It is no secret.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_PAGE_H
#define RINGCAST_SERVICE_OPERATIONS_PAGE_H

#include "service/operations/request.h"

enum { PAGE_BEHIND_BYTES = 300 };

struct page {
	size_t limit;
	char behind[PAGE_BEHIND_BYTES]; /* "" for the first page */
	uint64_t list;			/* of the operation and what it filters by */
};

/* False: refused, because the token is not one of this list. */
bool ringcast_page_begin(struct request *request, size_t limit_default, size_t limit_max, struct page *ret_page);
/* Adds NextToken to an output: there is more behind this text. */
void ringcast_page_continue(const struct page *page, const char *behind, json_t *output);

/* What of a record an answer shows: a new reference; NULL: this one is left out. */
typedef json_t *page_show_fn(struct model *model, const struct request *request, const struct record *record);
/* Answers with {name: [...]}: the records of a kind in the order of their ids, a page of them. */
void ringcast_page_records(struct model *model, struct request *request, enum record_kind kind, const char *name, page_show_fn *show);

#endif
