/* What must be true when no letter is under way any more: of a session on several shards home and limbs say the same, and bots know who is in their groups. */
#include "session/group.h"
#include "session/limb.h"
#include "world.h"

static bool has_letters(const struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		if (world->shards[i]->letters.waiting != 0 || ringcast_mailbox_has_letter(world->mailboxes[i]))
			return true;
	return false;
}

static bool has_same_groups(struct player *a, struct player *b)
{
	for (int32_t group = 1; group <= SWARM_GROUPS_MAX; group++)
		if (ringcast_group_has(a, group) != ringcast_group_has(b, group))
			return false;
	return true;
}

/* Of home's: the same player where it says that it is. */
static void check_remote(struct world *world, uint32_t home, struct player *player)
{
	const struct letter about = {.session = player->session->self};
	struct session *limb = ringcast_limb_find(&world->shards[ringcast_player_shard(player)]->store, home, &about);
	struct player *there = limb != NULL ? ringcast_session_find_player(limb, player->peer_id) : NULL;
	if (there == NULL)
		ringcast_world_fail(world, "session %s has peer %d on shard %u, where it is not", player->session->id, player->peer_id, ringcast_player_shard(player));
	else if (ringcast_player_is_dropped(player) != ringcast_player_is_dropped(there))
		ringcast_world_fail(world, "session %s has peer %d, and shard %u says the opposite of whether its stream is broken", player->session->id, player->peer_id,
				    ringcast_player_shard(player));
	else if (player->is_fast != there->is_fast)
		ringcast_world_fail(world, "session %s has peer %d, and shard %u says the opposite of its fast path", player->session->id, player->peer_id,
				    ringcast_player_shard(player));
	else if (!has_same_groups(player, there))
		ringcast_world_fail(world, "session %s has peer %d in other groups than shard %u", player->session->id, player->peer_id, ringcast_player_shard(player));
}

/* Of a limb's: home knows it. */
static void check_limb(struct world *world, uint32_t shard, const struct session *limb)
{
	struct store *store = &world->shards[limb->spread->home_shard]->store;
	for (uint32_t i = 0; i < limb->player_count; i++) {
		const struct letter about = {.session = limb->spread->home, .peer_id = limb->players[i]->peer_id};
		if (ringcast_home_find(store, shard, &about) == NULL)
			ringcast_world_fail(world, "shard %u has peer %d of session %s, whose home does not", shard, about.peer_id, limb->id);
	}
}

static void check_session(struct world *world, uint32_t shard, struct session *session)
{
	if (!ringcast_list_is_empty(&session->debts))
		ringcast_world_fail(world, "session %s still owes somebody a list of members", session->id);
	if (session->spread == NULL)
		return;
	if (session->spread->is_limb) {
		check_limb(world, shard, session);
		return;
	}
	for (uint32_t i = 0; i < session->player_count; i++)
		if (session->players[i]->limb > 0 && session->players[i]->state == PLAYER_ACTIVE)
			check_remote(world, shard, session->players[i]);
}

static void check_shard(struct world *world, uint32_t shard)
{
	struct slab *sessions = &world->shards[shard]->store.sessions;
	for (uint32_t i = 0; i < sessions->high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(sessions, i, &self);
		if (session != NULL && session->state == SESSION_ACTIVE)
			check_session(world, shard, session);
	}
}

static struct session *find_session(struct world *world, const struct world_session *wanted)
{
	struct slab *sessions = &world->shards[wanted->shard]->store.sessions;
	for (uint32_t i = 0; i < sessions->high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(sessions, i, &self);
		bool is_it = session != NULL && session->state == SESSION_ACTIVE && !ringcast_session_is_limb(session) && strcmp(session->id, wanted->id) == 0;
		if (is_it)
			return session;
	}
	return NULL;
}

/* What it was sent last of a group that it is in is who is in it, however many changes had to wait for one list. */
static void check_list(struct world *world, const struct bot *bot, struct session *session, int32_t group)
{
	size_t count;
	uint64_t listed = 0;
	struct player *const *members = ringcast_group_members(session, group, &count);
	for (size_t i = 0; i < count; i++)
		listed += ringcast_bot_hash(members[i]->peer_id);
	if (listed != bot->listed[group])
		ringcast_world_fail(world, "bot %u was sent a list of group %d last that is not true any more", bot->index, group);
}

/* One that waits for many lists is refused the next one; what waits for a script may be dropped. */
static bool is_answer_sure(const struct world *world, uint32_t session)
{
	uint64_t refused = world->model.is_scripted[session] || world->model.is_unasked[session];
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		refused += world->shards[i]->counters.drops[DROP_LISTS_OWED];
	return refused == 0 && !world->model.may_refuse && world->swarm.narrow_memory == 0;
}

/* What a bot has been told last about its groups is what is. One that came back may have missed it, and knows that. */
static void check_bot(struct world *world, const struct bot *bot)
{
	struct session *session = find_session(world, &world->sessions[bot->session]);
	struct player *player = session != NULL ? ringcast_session_find_player(session, bot->peer_id) : NULL;
	if (player == NULL || bot->resume.count > 0)
		return;
	for (int32_t group = 1; group <= SWARM_GROUPS_MAX; group++) {
		bool is_in = ringcast_group_has(player, group);
		if (bot->is_asking[group] && is_answer_sure(world, bot->session))
			ringcast_world_fail(world, "bot %u has asked who is in group %d, and was not answered", bot->index, group);
		if (is_in && bot->is_joining[group])
			ringcast_world_fail(world, "bot %u was never told that it is in group %d", bot->index, group);
		if (is_in && bot->is_member[group])
			check_list(world, bot, session, group);
		if (!is_in && bot->is_member[group])
			ringcast_world_fail(world, "bot %u was never told that it is no longer in group %d", bot->index, group);
	}
}

void ringcast_checker_spread(struct world *world)
{
	if (has_letters(world))
		return;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		check_shard(world, i);
	for (uint32_t i = 0; i < world->bot_count; i++)
		if (world->model.bots[i].is_healthy)
			check_bot(world, &world->bots[i]);
}
