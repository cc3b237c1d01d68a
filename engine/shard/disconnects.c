#include "shard/disconnects.h"

#include <stdio.h>

#include "base/pages.h"
#include "transport/conn.h"

bool ringcast_disconnects_init(struct disconnects *disconnects, uint32_t capacity)
{
	*disconnects = (struct disconnects){.capacity = capacity};
	if (capacity == 0)
		return true;
	disconnects->entries = ringcast_pages_reserve(capacity * sizeof(struct disconnect));
	return disconnects->entries != NULL;
}

void ringcast_disconnects_fini(struct disconnects *disconnects)
{
	ringcast_pages_release(disconnects->entries, disconnects->capacity * sizeof(struct disconnect));
	*disconnects = (struct disconnects){0};
}

void ringcast_disconnects_note(struct disconnects *disconnects, const struct conn *conn, uint64_t now_ns)
{
	const struct player *player = conn->is_logged_in ? conn->player : NULL;
	if (disconnects->capacity == 0)
		return;
	struct disconnect *entry = &disconnects->entries[disconnects->count++ % disconnects->capacity];
	*entry = (struct disconnect){.now_ns = now_ns, .address = conn->address, .reason = conn->close_reason, .is_by_api = conn->is_by_api};
	if (player == NULL)
		return;
	entry->peer_id = player->peer_id;
	snprintf(entry->session_id, sizeof(entry->session_id), "%s", player->session->id);
	snprintf(entry->player_id, sizeof(entry->player_id), "%s", ringcast_player_id(player));
}

const struct disconnect *ringcast_disconnects_before(const struct disconnects *disconnects, uint64_t number, uint64_t *ret_number)
{
	uint64_t before = number < disconnects->count ? number : disconnects->count;
	if (before == 0 || disconnects->count - before >= disconnects->capacity)
		return NULL;
	*ret_number = before - 1;
	return &disconnects->entries[*ret_number % disconnects->capacity];
}
