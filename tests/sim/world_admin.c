/* What control does: questions in a mailbox. Asking runs the shard until it has answered, as a control thread's wait would. */
#include <stdio.h>

#include "session/command.h"
#include "world.h"

#define FREEZE_NS_MAX (15 * NS_PER_S)

enum { TICKS_TO_ANSWER_MAX = 16 };

struct question {
	struct shard_request request;
	void (*answer)(struct shard *shard, struct question *question);
	struct world_session *session;
	uint32_t players_max;
	int32_t peer_id;
	struct world *world;
	const struct world_answer *verdict;
	bool is_done, is_ok;
	char token[PLAYER_TOKEN_BYTES];
};

static bool run(struct shard *shard, struct shard_request *request)
{
	struct question *question = CONTAINER_OF(request, struct question, request);
	question->answer(shard, question);
	return true;
}

static void done(struct shard_request *request, bool is_answered)
{
	CONTAINER_OF(request, struct question, request)->is_done = is_answered;
}

static bool ask(struct world *world, uint32_t shard, struct question *question)
{
	question->world = world;
	question->request.run = run;
	question->request.done = done;
	if (ringcast_mailbox_ask(world->mailboxes[shard], &question->request) != 0) {
		ringcast_world_fail(world, "shard %u refuses questions", shard);
		return false;
	}
	if (world->is_asleep[shard] && !ringcast_io_sim_is_runnable(world->ios[shard]))
		ringcast_world_fail(world, "shard %u sleeps though it was asked something: nobody rang", shard);
	if (world->is_playing && world->swarm.freeze > 0 && ringcast_world_chance(world, world->swarm.freeze))
		ringcast_world_freeze(world, ringcast_world_below(world, FREEZE_NS_MAX)); /* asked, and not answered before the process goes on */
	for (int i = 0; i < TICKS_TO_ANSWER_MAX && !question->is_done; i++)
		ringcast_world_tick(world, shard);
	if (!question->is_done)
		ringcast_world_fail(world, "shard %u does not answer", shard);
	return question->is_ok;
}

static void answer_open(struct shard *shard, struct question *question)
{
	struct session_options options = {.players_max = question->players_max, .empty_timeout_ms = UINT32_MAX};
	struct world *world = question->world;
	ringcast_script_attach(world, (uint32_t)(question->session - world->sessions), &options);
	struct session *session;
	question->is_ok = ringcast_session_open(&shard->store, &options, shard->now_ns, &session) == DROP_NONE;
	if (question->is_ok)
		snprintf(question->session->id, sizeof(question->session->id), "%s", session->id);
}

bool ringcast_world_open_session(struct world *world, uint32_t session, uint32_t shard)
{
	struct question question = {
		.answer = answer_open, .session = &world->sessions[session], .players_max = world->swarm.players_per_session_max};
	world->sessions[session].shard = shard;
	return ask(world, shard, &question);
}

static void answer_reserve(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session->id);
	struct player *player;
	if (session != NULL)
		question->is_ok = ringcast_admission_reserve(session, NULL, NULL, shard->now_ns, &player, question->token) == DROP_NONE;
}

bool ringcast_world_reserve(struct world *world, uint32_t session, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct question question = {.answer = answer_reserve, .session = &world->sessions[session]};
	if (!ask(world, world->sessions[session].shard, &question))
		return false;
	memcpy(ret_token, question.token, PLAYER_TOKEN_BYTES);
	return true;
}

static void answer_kick(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session->id);
	if (session != NULL)
		question->is_ok = ringcast_command_kick(session, question->peer_id, "kicked") == DROP_NONE;
}

void ringcast_world_kick(struct world *world, uint32_t session, int32_t peer_id)
{
	struct question question = {.answer = answer_kick, .session = &world->sessions[session], .peer_id = peer_id};
	ask(world, world->sessions[session].shard, &question); /* the player may have gone already: then there is nothing to do */
}

static void answer_end(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session->id);
	enum close_reason reason = question->session->end_reason;
	question->is_ok = session != NULL;
	if (session != NULL)
		ringcast_session_end_now(session, reason != CLOSE_NONE ? reason : CLOSE_SESSION_ENDED, shard->now_ns);
}

void ringcast_world_end_session(struct world *world, uint32_t session)
{
	struct question question = {.answer = answer_end, .session = &world->sessions[session]};
	world->sessions[session].is_ended = true;
	if (!ask(world, world->sessions[session].shard, &question))
		ringcast_world_fail(world, "session %u was gone before it was ended", session);
}

/* The model knows before it happens: the message may meet the next question on its way. */
static void answer_verdict(struct shard *shard, struct question *question)
{
	const struct world_answer *answer = question->verdict;
	struct session *session = ringcast_session_find(&shard->store, question->session->id);
	if (session == NULL)
		return;
	if (answer->verdict == VERDICT_ALLOW)
		ringcast_script_allowing(question->world, session, answer);
	question->is_ok = ringcast_park_answer(session, answer->ticket, answer->verdict, shard->now_ns);
}

static void answer_late_act(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_session_find(&shard->store, question->session->id);
	if (session != NULL)
		ringcast_late_act(question->world, question->session, session, true);
}

void ringcast_world_late_act(struct world *world, struct world_session *ours)
{
	struct question question = {.answer = answer_late_act, .session = ours};
	ask(world, ours->shard, &question);
}

bool ringcast_world_answer(struct world *world, const struct world_answer *answer)
{
	struct question question = {.answer = answer_verdict, .session = &world->sessions[answer->session], .verdict = answer};
	return ask(world, world->sessions[answer->session].shard, &question);
}
