#include "session/retained.h"

#include "base/assert.h"
#include "session/kept.h"

/* Of one group of one session; goes with its last message. Found by a walk, hence groups_per_session_max. */
struct retained {
	struct list_node node; /* session->retained */
	struct buf *home;
	int32_t group;
	struct kept_list messages;
};

static struct retained *find(const struct session *session, int32_t group)
{
	for (struct list_node *node = session->retained.next; node != &session->retained; node = node->next) {
		struct retained *retained = CONTAINER_OF(node, struct retained, node);
		if (retained->group == group)
			return retained;
	}
	return NULL;
}

/* How many there are, and their bytes, in the session and in its store. */
static void count(struct session *session, int64_t messages, int64_t bytes)
{
	struct store *store = session->store;
	session->retained_count += (uint32_t)messages;
	session->retained_bytes += (uint32_t)bytes;
	store->retained_count += (uint64_t)messages;
	store->retained_bytes += (uint64_t)bytes;
}

static struct retained *create(struct session *session, int32_t group)
{
	struct buf *home = ringcast_buf_alloc_spare(session->store->options.pool, sizeof(struct retained));
	if (home == NULL)
		return NULL;
	struct retained *retained = (struct retained *)home->data;
	home->size = sizeof(*retained);
	*retained = (struct retained){.home = home, .group = group};
	ringcast_list_add_tail(&session->retained, &retained->node);
	session->retained_group_count++;
	count(session, 0, home->capacity);
	return retained;
}

static void destroy_if_empty(struct session *session, struct retained *retained)
{
	if (retained->messages.count > 0)
		return;
	ringcast_assert(session->retained_group_count > 0);
	ringcast_list_remove(&retained->node);
	session->retained_group_count--;
	count(session, 0, -(int64_t)retained->home->capacity);
	ringcast_buf_unref(retained->home);
}

static void drop_key(struct session *session, struct retained *retained, uint32_t key)
{
	struct kept *kept = ringcast_kept_remove(&retained->messages, key);
	if (kept == NULL)
		return;
	count(session, -1, -(int64_t)ringcast_kept_bytes(kept));
	ringcast_kept_free(kept);
}

static const struct kept *find_key(const struct retained *retained, uint32_t key)
{
	const struct kept *kept = retained->messages.first;
	while (kept != NULL && kept->key != key)
		kept = kept->next;
	return kept;
}

/* With the group's own part counted in already; the one that it takes the place of does not count. */
static bool has_room(const struct session *session, const struct retained *retained, const struct kept *kept)
{
	const struct session_limits *limits = session->store->options.limits;
	const struct kept *before = find_key(retained, kept->key);
	uint32_t messages = retained->messages.count - (before != NULL);
	uint64_t bytes = (uint64_t)session->retained_bytes - (before != NULL ? ringcast_kept_bytes(before) : 0);
	return messages < limits->retained_per_group_max && bytes + ringcast_kept_bytes(kept) <= limits->retained_bytes;
}

static struct retained *find_or_create(struct session *session, int32_t group, enum drop_reason *ret_reason)
{
	struct retained *retained = find(session, group);
	*ret_reason = DROP_RETAINED_FULL;
	if (retained != NULL || session->retained_group_count >= session->store->options.limits->groups_per_session_max)
		return retained;
	*ret_reason = DROP_NO_BUFFER;
	return create(session, group);
}

enum drop_reason ringcast_retained_put(struct session *session, int32_t group, uint32_t key, const struct packet *packet)
{
	enum drop_reason reason;
	struct retained *retained = find_or_create(session, group, &reason);
	if (retained == NULL)
		return reason;
	struct kept *kept = ringcast_kept_create(session->store->options.pool, packet, key);
	reason = kept == NULL ? DROP_NO_BUFFER : has_room(session, retained, kept) ? DROP_NONE : DROP_RETAINED_FULL;
	if (reason != DROP_NONE) {
		if (kept != NULL)
			ringcast_kept_free(kept);
		destroy_if_empty(session, retained);
		return reason;
	}
	drop_key(session, retained, key);
	ringcast_kept_add(&retained->messages, kept);
	count(session, 1, ringcast_kept_bytes(kept));
	return DROP_NONE;
}

void ringcast_retained_forget(struct session *session, int32_t group, uint32_t key)
{
	struct retained *retained = find(session, group);
	if (retained == NULL)
		return;
	drop_key(session, retained, key);
	destroy_if_empty(session, retained);
}

void ringcast_retained_replay(struct player *player, int32_t group)
{
	struct session *session = player->session;
	const struct retained *retained = find(session, group);
	if (retained == NULL)
		return;
	session->store->retained_replayed += retained->messages.count;
	ringcast_kept_show(&retained->messages, player, group);
	ringcast_kept_deliver(&retained->messages, player, group);
}

void ringcast_retained_free(struct session *session)
{
	while (!ringcast_list_is_empty(&session->retained)) {
		struct retained *retained = CONTAINER_OF(session->retained.next, struct retained, node);
		count(session, -(int64_t)retained->messages.count, -(int64_t)retained->messages.bytes);
		ringcast_kept_clear(&retained->messages);
		destroy_if_empty(session, retained);
	}
	ringcast_assert(session->retained_count == 0 && session->retained_bytes == 0 && session->retained_group_count == 0);
}
