/* Fast messages of one moment share a datagram, where the server takes that: each waits for the flush, or until no more fits. */
#include "proto/clients/c/core.h"

#include <stdlib.h>

/* What the server sends us in one is what we send it: nobody knows the path better. */
void ringcast_client_core_start_merge(struct client_core *core, int32_t merge_bytes)
{
	core->is_merging = core->may_merge && merge_bytes > 0;
	if (!core->is_merging)
		merge_bytes = 0;
	core->merge.bytes_max = (uint32_t)(merge_bytes < CLIENT_CORE_MERGE_BYTES_MAX ? merge_bytes : CLIENT_CORE_MERGE_BYTES_MAX);
}

/* The bytes are taken out first: what the op brings about may queue more. */
void ringcast_client_core_flush(struct client_core *core)
{
	struct client_core_merge *merge = &core->merge;
	uint8_t *bytes = merge->bytes;
	uint32_t size = merge->size, count = merge->count;
	if (count == 0)
		return;
	merge->bytes = NULL;
	merge->size = merge->count = 0;
	if (core->ops->datagram_send(core, bytes, size))
		core->counters.datagrams_merged += count > 1;
	else
		core->counters.datagrams_unsent += count;
	if (merge->bytes)
		free(bytes);
	else
		merge->bytes = bytes;
}

void ringcast_client_core_drop_merged(struct client_core *core)
{
	core->counters.datagrams_unsent += core->merge.count;
	core->merge.size = core->merge.count = 0;
}

/* Before any other datagram: their numbers are in order, and the server takes none that is below the one before. */
bool ringcast_client_core_merge(struct client_core *core, const uint8_t *packet, size_t size)
{
	struct client_core_merge *merge = &core->merge;
	if (size > merge->bytes_max - merge->size || merge->count == PROTO_MERGED_PACKETS_MAX)
		ringcast_client_core_flush(core);
	if (!merge->bytes)
		merge->bytes = malloc(CLIENT_CORE_MERGE_BYTES_MAX);
	if (!merge->bytes || size > merge->bytes_max - merge->size)
		return false;
	memcpy(merge->bytes + merge->size, packet, size);
	merge->size += (uint32_t)size;
	merge->count++;
	return true;
}

void ringcast_client_core_fini_merge(struct client_core *core)
{
	free(core->merge.bytes);
	core->merge = (struct client_core_merge){0};
}
