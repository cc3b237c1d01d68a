#include "session/kept.h"

#include "base/assert.h"
#include "session/fanout.h"
#include "session/tap.h"

static_assert(offsetof(struct buf, data) % _Alignof(struct kept) == 0, "a kept message may lie at the start of a buf");

struct kept *ringcast_kept_create(struct buf_pool *pool, const struct packet *packet, uint32_t key)
{
	size_t payload_bytes = packet->payload.size;
	struct buf *home = ringcast_buf_alloc_spare(pool, sizeof(struct kept) + payload_bytes);
	if (home == NULL)
		return NULL;
	home->size = (uint32_t)(sizeof(struct kept) + payload_bytes);
	struct kept *kept = (struct kept *)home->data;
	*kept = (struct kept){.home = home, .opcode = packet->opcode, .sender = packet->sender, .key = key,
			      .payload = ringcast_view_of(home->data + sizeof(*kept), payload_bytes)};
	if (payload_bytes > 0)
		memcpy(home->data + sizeof(*kept), packet->payload.data, payload_bytes);
	return kept;
}

void ringcast_kept_free(struct kept *kept)
{
	ringcast_buf_unref(kept->home);
}

void ringcast_kept_add(struct kept_list *list, struct kept *kept)
{
	ringcast_assert(kept->next == NULL);
	if (list->first == NULL)
		list->first = kept;
	else
		list->last->next = kept;
	list->last = kept;
	list->count++;
	list->bytes += ringcast_kept_bytes(kept);
}

struct kept *ringcast_kept_remove(struct kept_list *list, uint32_t key)
{
	struct kept *before = NULL, *kept = list->first;
	for (; kept != NULL && kept->key != key; kept = kept->next)
		before = kept;
	if (kept == NULL)
		return NULL;
	if (before == NULL)
		list->first = kept->next;
	else
		before->next = kept->next;
	if (list->last == kept)
		list->last = before;
	kept->next = NULL;
	list->count--;
	list->bytes -= ringcast_kept_bytes(kept);
	return kept;
}

void ringcast_kept_clear(struct kept_list *list)
{
	for (struct kept *kept; (kept = list->first) != NULL; ringcast_kept_free(kept))
		list->first = kept->next;
	*list = (struct kept_list){.count = 0};
}

void ringcast_kept_deliver(const struct kept_list *list, struct player *player, int32_t group)
{
	for (const struct kept *kept = list->first; kept != NULL; kept = kept->next) {
		const struct packet packet = {.opcode = kept->opcode, .sender = kept->sender, .is_reliable = true, .payload = kept->payload};
		if (group == PROTO_GROUP_NONE)
			ringcast_fanout_to_player(player->session, &packet, INTENT_RELIABLE, player);
		else
			ringcast_fanout_to_one_of(player->session, &packet, INTENT_RELIABLE, group, player);
	}
}

void ringcast_kept_show(const struct kept_list *list, const struct player *player, int32_t group)
{
	struct session *session = player->session;
	for (const struct kept *kept = list->first; UNLIKELY(session->taps != NULL) && kept != NULL; kept = kept->next) {
		const struct packet packet = {.opcode = kept->opcode, .sender = kept->sender, .target_player = player->peer_id, .target_group = group, .payload = kept->payload};
		ringcast_taps_note(session, &packet, INTENT_RELIABLE, DROP_NONE);
	}
}
