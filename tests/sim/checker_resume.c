/*
 * What must be true in the calm of those who came back: how many messages they have read and how many were told as lost are together all that there were. The model says that no more
 * is missing than was told; the server's own numbers, that no more was told than is missing.
 */
#include "shard/resume.h"
#include "world.h"

static bool has_come_back(const struct world *world, const struct bot *bot)
{
	bool is_there = bot->state == BOT_JOINED && ringcast_sim_stream_state(world->network, bot->stream) == SIM_STREAM_OPEN;
	bool is_honest = (!bot->is_bad || bot->resume.lost > 0) && !bot->is_leaving && !bot->is_deaf && !bot->is_expelled;
	return is_there && is_honest && bot->resume.count > 0 && bot->resume.is_offered;
}

static const struct resume *find_resume(struct world *world, const struct bot *bot)
{
	struct shard *shard = world->shards[world->sessions[bot->session].shard];
	struct session *session = ringcast_session_find(&shard->store, world->sessions[bot->session].id);
	struct player *player = session != NULL ? ringcast_session_find_player(session, bot->peer_id) : NULL;
	return player != NULL ? ringcast_resume_of(shard, player) : NULL;
}

/* What the server has written and it has not read is on its way, and no gap. */
static bool is_all_read(const struct resume *resume)
{
	return resume->conn != NULL && ringcast_outq_is_idle(&resume->conn->outq);
}

static void check_bot(struct world *world, const struct bot *bot)
{
	const struct resume *resume = find_resume(world, bot);
	uint64_t missing = ringcast_model_count_missing(&world->model, bot->index, ringcast_sim_network_now_ns(world->network));
	if (missing > bot->resume.lost)
		ringcast_world_fail(world, "bot %u misses %llu messages, and was told of %llu", bot->index, (unsigned long long)missing, (unsigned long long)bot->resume.lost);
	if (resume != NULL && is_all_read(resume) && bot->resume.received != resume->replay.next)
		ringcast_world_fail(world, "bot %u counts %u messages with %llu lost ones, and was sent %u", bot->index, bot->resume.received,
				    (unsigned long long)bot->resume.lost, resume->replay.next);
}

void ringcast_checker_resume(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		if (has_come_back(world, &world->bots[i]))
			check_bot(world, &world->bots[i]);
}
