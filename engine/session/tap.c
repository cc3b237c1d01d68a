#include "session/tap.h"

#include "base/assert.h"
#include "base/pages.h"

struct tap *ringcast_tap_create(const struct tap_filter *filter, uint32_t ring_bytes)
{
	struct tap *tap = ringcast_pages_reserve(sizeof(*tap));
	if (tap == NULL)
		return NULL;
	*tap = (struct tap){.filter = *filter, .refs = 1};
	if (ringcast_ring_bytes_init(&tap->ring, ring_bytes))
		return tap;
	ringcast_pages_release(tap, sizeof(*tap));
	return NULL;
}

static void release(struct tap *tap)
{
	if (__atomic_sub_fetch(&tap->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ringcast_ring_bytes_fini(&tap->ring);
	ringcast_pages_release(tap, sizeof(*tap));
}

/* The reader's */

enum tap_found ringcast_tap_peek(struct tap *tap, const struct tap_record **ret_record, uint64_t *ret_left_out)
{
	uint32_t size;
	bool is_ended = __atomic_load_n(&tap->is_ended, __ATOMIC_ACQUIRE); /* first: what was written before it is seen then */
	*ret_record = ringcast_ring_bytes_peek(&tap->ring, &size);
	if (*ret_record != NULL)
		return TAP_RECORD;
	*ret_left_out = is_ended ? tap->left_out : 0;
	return is_ended ? TAP_ENDED : TAP_NOTHING;
}

void ringcast_tap_pop(struct tap *tap)
{
	ringcast_ring_bytes_pop(&tap->ring);
}

void ringcast_tap_leave(struct tap **tap)
{
	struct tap *left = *tap;
	*tap = NULL;
	if (left == NULL)
		return;
	__atomic_store_n(&left->is_left, true, __ATOMIC_RELEASE);
	release(left);
}

/* The shard's */

static void detach(struct tap *tap)
{
	struct tap **link = &tap->session->taps;
	while (*link != tap)
		link = &(*link)->next;
	*link = tap->next;
	tap->session = NULL;
	ringcast_list_remove(&tap->node);
	__atomic_store_n(&tap->is_ended, true, __ATOMIC_RELEASE);
	release(tap);
}

static bool is_left(const struct tap *tap)
{
	return __atomic_load_n(&tap->is_left, __ATOMIC_ACQUIRE);
}

static uint32_t sweep(struct store *store)
{
	uint32_t count = 0;
	struct list_node *next;
	for (struct list_node *node = store->taps.next; node != &store->taps; node = next) {
		struct tap *tap = CONTAINER_OF(node, struct tap, node);
		next = node->next;
		if (is_left(tap))
			detach(tap);
		else
			count++;
	}
	return count;
}

bool ringcast_tap_attach(struct session *session, struct tap *tap, uint32_t taps_max)
{
	ringcast_assert(session->state != SESSION_ENDED && tap->session == NULL);
	if (sweep(session->store) >= taps_max)
		return false;
	__atomic_add_fetch(&tap->refs, 1, __ATOMIC_RELAXED);
	tap->session = session;
	tap->next = session->taps;
	session->taps = tap;
	ringcast_list_add_tail(&session->store->taps, &tap->node);
	return true;
}

void ringcast_taps_end(struct session *session)
{
	while (session->taps != NULL)
		detach(session->taps);
}

static bool is_wanted(const struct tap_filter *filter, const struct packet *packet)
{
	bool is_of_peer = filter->peer_id == 0 || packet->sender == filter->peer_id || packet->target_player == filter->peer_id;
	return is_of_peer && (!filter->has_opcode || packet->opcode == filter->opcode);
}

static void write(struct tap *tap, const struct packet *packet, enum delivery_intent intent, enum drop_reason reason)
{
	size_t kept = packet->payload.size < tap->filter.payload_bytes_max ? packet->payload.size : tap->filter.payload_bytes_max;
	struct tap_record *record = ringcast_ring_bytes_begin(&tap->ring, (uint32_t)(sizeof(*record) + kept));
	if (record == NULL) {
		tap->left_out++;
		return;
	}
	*record = (struct tap_record){.now_ns = tap->session->store->now_ns,
				      .left_out = tap->left_out,
				      .sender = packet->sender,
				      .opcode = packet->opcode,
				      .target_player = packet->target_player,
				      .target_group = packet->target_group,
				      .payload_bytes = (uint32_t)packet->payload.size,
				      .kept_bytes = (uint32_t)kept,
				      .intent = (uint8_t)intent,
				      .drop = (uint8_t)reason};
	if (kept > 0)
		memcpy(record + 1, packet->payload.data, kept);
	tap->left_out = 0;
	ringcast_ring_bytes_end(&tap->ring);
}

void ringcast_taps_note(struct session *session, const struct packet *packet, enum delivery_intent intent, enum drop_reason reason)
{
	struct tap *next;
	for (struct tap *tap = session->taps; tap != NULL; tap = next) {
		next = tap->next;
		if (is_left(tap))
			detach(tap);
		else if (is_wanted(&tap->filter, packet))
			write(tap, packet, intent, reason);
	}
}
