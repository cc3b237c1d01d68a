#include "service/operations/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/model/stream.h"

static void list(struct model *model, struct request *request)
{
	json_t *letters = json_array();
	const struct record *record = ringcast_records_next(&model->records, RECORD_LETTER, "");
	for (; record != NULL; record = ringcast_records_next(&model->records, RECORD_LETTER, record->id))
		json_array_append_new(letters, json_deep_copy(record->document)); /* the answer goes to another thread */
	ringcast_request_answer_with(request, "letters", letters);
}

/* What still cannot be delivered becomes a letter again, under a new id; so only those that are there now are taken. */
static void resend(struct model *model, struct request *request)
{
	size_t left = ringcast_records_count(&model->records, RECORD_LETTER), count = 0;
	for (; left > 0; left--) {
		const struct record *record = ringcast_records_next(&model->records, RECORD_LETTER, "");
		char id[64];
		struct resend *again = calloc(1, sizeof(*again));
		const char *url;
		snprintf(id, sizeof(id), "%s", record->id);
		if (again != NULL)
			again->event = ringcast_letter_open(record->document, &url);
		if (again == NULL || again->event == NULL || (again->url = strdup(url)) == NULL || !ringcast_records_remove(&model->records, RECORD_LETTER, id)) {
			ringcast_resend_destroy(&again);
			break;
		}
		ringcast_list_add_tail(&model->resends, &again->node);
		count++;
	}
	ringcast_request_answer_with(request, "count", json_integer((json_int_t)count));
}

const struct operation ringcast_operation_list_letters = {"ListDeadLetters", list, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, ""};
const struct operation ringcast_operation_resend_letters = {"ResendDeadLetters", resend, ROLE_OPERATOR, SHAPE_ID_NONE, SHAPE_ID_NONE, ""};
