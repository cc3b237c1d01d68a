#include "session/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/magic.h"
#include "session/home.h"
#include "session/id.h"
#include "session/player.h"

static uint32_t names_count(const struct store_options *options)
{
	uint32_t count = 4;
	while (count < options->sessions_max)
		count *= 2;
	return count;
}

static bool names_init(struct store *store, const struct store_options *options)
{
	store->names_mask = names_count(options) - 1;
	store->names = calloc(names_count(options), sizeof(*store->names));
	return store->names != NULL;
}

static uint32_t session_places(const struct store_options *options)
{
	return options->sessions_max + options->limbs_max;
}

static uint32_t player_places(const struct store_options *options)
{
	return options->players_max + options->limb_players_max;
}

/* A map has at least one. */
static uint32_t limb_places(const struct store_options *options)
{
	return options->limbs_max > 0 ? options->limbs_max : 1;
}

static bool tables_init(struct store *store, const struct store_options *options)
{
	return names_init(store, options) && ringcast_slab_init(&store->sessions, sizeof(struct session), session_places(options)) &&
	       ringcast_slab_init(&store->players, sizeof(struct player), player_places(options)) &&
	       ringcast_slab_init(&store->groups, sizeof(struct group), options->groups_max) &&
	       ringcast_slab_init(&store->labels, sizeof(struct label), player_places(options)) &&
	       ringcast_map_init(&store->groups_by_key, options->groups_max) &&
	       ringcast_map_init(&store->players_by_key, player_places(options)) &&
	       ringcast_map_init(&store->players_by_id, options->players_max) && ringcast_map_init(&store->limbs_by_home, limb_places(options));
}

static void tables_fini(struct store *store)
{
	free(store->names);
	ringcast_slab_fini(&store->sessions);
	ringcast_slab_fini(&store->players);
	ringcast_slab_fini(&store->groups);
	ringcast_slab_fini(&store->labels);
	ringcast_map_fini(&store->groups_by_key);
	ringcast_map_fini(&store->players_by_key);
	ringcast_map_fini(&store->players_by_id);
	ringcast_map_fini(&store->limbs_by_home);
}

static uint64_t slab_bytes(size_t object_bytes, uint32_t capacity)
{
	return (uint64_t)capacity * (object_bytes + 2 * sizeof(uint32_t)); /* generation and free list */
}

static uint64_t map_bytes(uint32_t capacity)
{
	uint64_t slot_count = 4;
	while (slot_count < 2 * (uint64_t)capacity)
		slot_count *= 2;
	return slot_count * sizeof(struct map_slot);
}

uint64_t ringcast_store_reserved_bytes(const struct store_options *options)
{
	/* A player's memberships lie on the heap when they are more than few, in room for up to four times as many. */
	uint64_t heap_bytes = (uint64_t)options->memberships_max * 4 * sizeof(struct membership);
	return slab_bytes(sizeof(struct session), session_places(options)) + (uint64_t)names_count(options) * sizeof(handle) +
	       slab_bytes(sizeof(struct player), player_places(options)) + slab_bytes(sizeof(struct group), options->groups_max) +
	       slab_bytes(sizeof(struct label), player_places(options)) + map_bytes(options->groups_max) + map_bytes(player_places(options)) +
	       map_bytes(options->players_max) + map_bytes(limb_places(options)) + heap_bytes;
}

static void options_check(const struct store_options *options)
{
	ringcast_assert(options->shard_index < ID_SHARDS_MAX);
	ringcast_assert(options->sessions_max > 0 && session_places(options) - 1 <= ID_INDEX_MAX);
	ringcast_assert(options->players_max > 0 && player_places(options) - 1 <= ID_INDEX_MAX);
	ringcast_assert(options->limits != NULL && options->limits->players_per_session_max > 0);
	ringcast_assert(options->pool != NULL && options->wheel != NULL && options->random != NULL);
	ringcast_assert(options->outbox.deliver != NULL && options->outbox.disconnect != NULL && options->outbox.drop != NULL);
	ringcast_assert(options->outbox.admitted != NULL);
}

bool ringcast_store_init(struct store *store, const struct store_options *options)
{
	options_check(options);
	*store = (struct store){.options = *options};
	if (options->hooks != NULL)
		store->hooks = *options->hooks;
	options->random(options->random_context, &store->id_seed, sizeof(store->id_seed));
	ringcast_list_init(&store->taps);
	ringcast_list_init(&store->graveyard);
	ringcast_list_init(&store->graveyard_sessions);
	if (tables_init(store, options))
		return true;
	tables_fini(store);
	return false;
}

static void player_free(struct store *store, struct player *player)
{
	ringcast_check_magic(player, PLAYER);
	ringcast_assert(player->state == PLAYER_COMPLETED || player->state == PLAYER_TIMEDOUT);
	ringcast_assert(player->group_count == 0 && player->group_capacity == 0 && !ringcast_timer_is_armed(&player->timer));
	ringcast_list_remove(&player->node);
	store->limb_player_count -= ringcast_session_is_limb(player->session);
	ringcast_player_free_text(player);
	player->magic = ~PLAYER_MAGIC;
	ringcast_slab_free(&store->players, player->self);
}

static void data_free(struct store *store, char **text)
{
	if (*text == NULL)
		return;
	store->session_data_bytes -= strlen(*text) + 1;
	free(*text);
	*text = NULL;
}

static void session_free(struct store *store, struct session *session)
{
	ringcast_check_magic(session, SESSION);
	ringcast_assert(session->state == SESSION_ENDED);
	ringcast_assert(session->player_count == 0 && session->reserved_count == 0 && session->command_count == 0);
	ringcast_assert(session->alarm_count == 0 && session->parked_count == 0);
	ringcast_list_remove(&session->node);
	data_free(store, &session->properties);
	data_free(store, &session->matchmaker_data);
	store->limb_count -= ringcast_session_is_limb(session);
	free(session->players);
	free(session->spread);
	session->magic = ~SESSION_MAGIC;
	ringcast_slab_free(&store->sessions, session->self);
}

/* Players first: they point at their session. */
void ringcast_store_collect(struct store *store)
{
	while (!ringcast_list_is_empty(&store->graveyard))
		player_free(store, CONTAINER_OF(store->graveyard.next, struct player, node));
	while (!ringcast_list_is_empty(&store->graveyard_sessions))
		session_free(store, CONTAINER_OF(store->graveyard_sessions.next, struct session, node));
}

void ringcast_store_fini(struct store *store)
{
	ringcast_assert(store->sessions.count == 0);
	ringcast_assert(store->players.count == 0);
	ringcast_assert(store->groups.count == 0 && store->groups_by_key.count == 0);
	ringcast_assert(store->membership_count == 0 && store->labels.count == 0);
	ringcast_assert(store->limbs_by_home.count == 0 && store->limb_count == 0 && store->limb_player_count == 0 && store->remote_count == 0 && store->spread_count == 0);
	ringcast_assert(store->players_by_key.count == 0 && store->players_by_id.count == 0);
	tables_fini(store);
}
