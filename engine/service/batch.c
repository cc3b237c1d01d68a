#include "service/batch.h"

#include <stdlib.h>
#include <string.h>

/* jansson counts references without a lock, so what another thread reads must be a copy. */
static bool copy_change(struct record_change *to, const struct record_change *from)
{
	*to = (struct record_change){from->kind, strdup(from->id), NULL, from->after != NULL ? json_deep_copy(from->after) : NULL};
	return to->id != NULL && (from->after == NULL || to->after != NULL);
}

struct batch *ringcast_batch_of(const struct records *records)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL || (batch->changes = calloc(records->change_count, sizeof(*batch->changes))) == NULL) {
		free(batch);
		return NULL;
	}
	while (batch->count < records->change_count) {
		size_t i = batch->count++;
		if (!copy_change(&batch->changes[i], &records->changes[i])) {
			ringcast_batch_destroy(&batch);
			return NULL;
		}
	}
	return batch;
}

void ringcast_batch_write(struct batch *batch, struct store *store)
{
	batch->is_written = ringcast_service_store_write(store, batch->changes, batch->count, batch->problem);
}

void ringcast_batch_destroy(struct batch **batch)
{
	if (*batch == NULL)
		return;
	for (size_t i = 0; i < (*batch)->count; i++) {
		free((*batch)->changes[i].id);
		json_decref((*batch)->changes[i].after);
	}
	free((*batch)->changes);
	free(*batch);
	*batch = NULL;
}
