/*
 * The scripts of scripted sessions: they answer late, in any order or never, say no, ask for too much, throw, and are lost with the process
 * that ran them. What they decide is told to the model; chance comes from a source of its own, so that without these faults a seed's run is
 * what it was.
 */
#include "base/assert.h"
#include "base/pause.h"
#include "payload.h"
#include "session/command.h"
#include "world.h"

enum { COMMANDS_MAX = 24, FLOOD_MAX = 40 };
#define TIMEOUT_MS 300
#define SHARD_SLEEP_NS_MAX (100 * NS_PER_MS) /* between two turns: what is longer by much is a pause, and of a pause no more counts */
#define SURELY_IN_TIME_NS (250 * NS_PER_MS)
#define ANSWER_NS_MAX (400 * NS_PER_MS) /* some answers come after the deadline */

static bool chance(struct world *world, uint32_t chance_in_1000)
{
	return ringcast_prng_below(&world->script_prng, 1000) < chance_in_1000;
}

static uint64_t below(struct world *world, uint64_t bound)
{
	return ringcast_prng_below(&world->script_prng, bound);
}

static struct bot *bot_of_player(struct world *world, const struct player *player)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		if (ringcast_tokens_is_bot_of(&world->bots[i], player))
			return &world->bots[i];
	}
	return NULL;
}

/* answers */

/* What the answer to a question means to the model. */
static void settle(struct world *world, const struct world_answer *answer, enum model_decision decision)
{
	uint64_t now_ns = ringcast_sim_network_now_ns(world->network);
	uint64_t decided_ns = decision == MODEL_ALLOWED_SOMETIME ? answer->asked_ns + SURELY_IN_TIME_NS : now_ns;
	bool is_refused = decision == MODEL_DENIED;
	if (answer->message >= 0)
		ringcast_model_decide(&world->model, (uint32_t)answer->message, answer->question, decision, decided_ns);
	if (answer->bot == NULL || !is_refused)
		return;
	if (answer->group == 0) {
		answer->bot->is_expelled = true;
	} else if (!answer->bot->is_refused[answer->group]) {
		answer->bot->is_refused[answer->group] = true;
		ringcast_model_leave_seen(&world->model, answer->bot->index, answer->group, now_ns);
	}
}

/* When nobody says anything in time. The moment is not known, only what comes of it. */
static enum model_decision decision_of_default(const struct world *world, uint32_t session)
{
	return world->sessions[session].is_late_allowed ? MODEL_ALLOWED_SOMETIME : MODEL_DENIED;
}

static void give(struct world *world, const struct world_answer *answer)
{
	bool is_allowed = answer->verdict == VERDICT_ALLOW;
	if (!ringcast_world_answer(world, answer)) /* too late, or the player has gone */
		settle(world, answer, decision_of_default(world, answer->session));
	else if (!is_allowed)
		settle(world, answer, MODEL_DENIED);
}

/* Scripts that speak when nobody has called them: about as often as players act, for each step of the world would be a flood where little else happens. */
static void speak(struct world *world)
{
	uint64_t now_ns = ringcast_sim_network_now_ns(world->network);
	if (now_ns < world->speak_ns)
		return;
	world->speak_ns = now_ns + 1 + below(world, world->swarm.pause_ns_max);
	for (uint32_t i = 0; world->is_playing && i < world->swarm.session_count; i++)
		if (world->sessions[i].has_snapshots && !world->sessions[i].is_ended && chance(world, world->swarm.late_join))
			ringcast_world_late_act(world, &world->sessions[i]);
}

void ringcast_script_tick(struct world *world)
{
	if (world->swarm.late_join > 0)
		speak(world);
	for (uint32_t i = 0; i < world->answer_count;) {
		struct world_answer answer = world->answers[i];
		if (answer.at_ns > ringcast_sim_network_now_ns(world->network)) {
			i++;
			continue;
		}
		world->answers[i] = world->answers[--world->answer_count];
		give(world, &answer);
	}
}

void ringcast_script_allowing(struct world *world, struct session *session, const struct world_answer *answer)
{
	if (answer->is_snapshot)
		ringcast_late_say(world, session, answer->ticket, answer->bot, answer->group == 0 ? PROTO_GROUP_ALL : answer->group);
	settle(world, answer, MODEL_ALLOWED);
}

void ringcast_script_doubt(struct world *world, uint64_t duration_ns)
{
	uint64_t counted_ns = duration_ns - ringcast_pause_ns(duration_ns, SHARD_SLEEP_NS_MAX), end_ns = ringcast_sim_network_now_ns(world->network) + counted_ns;
	for (uint32_t i = 0; i < world->answer_count; i++) {
		const struct world_answer *answer = &world->answers[i];
		if (world->sessions[answer->session].is_late_allowed && answer->asked_ns + TIMEOUT_MS * NS_PER_MS <= end_ns)
			settle(world, answer, MODEL_ALLOWED_SOMETIME);
	}
}

uint64_t ringcast_script_deadline_ns(const struct world *world)
{
	uint64_t deadline_ns = UINT64_MAX;
	for (uint32_t i = 0; i < world->answer_count; i++)
		deadline_ns = world->answers[i].at_ns < deadline_ns ? world->answers[i].at_ns : deadline_ns;
	return deadline_ns;
}

/* commands */

static void expel(struct world *world, uint32_t session, int32_t peer_id)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		if (world->bots[i].session == session && (world->bots[i].peer_id == peer_id || world->bots[i].peer_id == 0))
			world->bots[i].is_expelled = true; /* 0: it may have that peer id without knowing it yet */
	}
}

static enum drop_reason some_command(struct world *world, struct world_session *ours, struct session *session)
{
	uint32_t index = (uint32_t)(ours - world->sessions);
	int32_t peer_id = 1 + (int32_t)below(world, (uint64_t)session->peer_id_next);
	uint32_t content[2] = {index, ++ours->script_message_count};
	struct packet packet = {
		.opcode = BOT_SCRIPT_OPCODE, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of(content, sizeof(content))};
	uint64_t dice = below(world, 100);
	if (dice < 2) {
		expel(world, index, peer_id);
		return ringcast_command_kick(session, peer_id, "by its script");
	}
	if (dice < 30)
		return ringcast_command_join(session, SWARM_GROUPS_MAX + 1, peer_id); /* a group that bots have no opinion on */
	return ringcast_command_send(session, &packet, INTENT_RELIABLE);
}

static void flood(struct world *world, struct world_session *ours, struct session *session)
{
	for (uint64_t count = 1 + below(world, FLOOD_MAX); count > 0; count--) {
		enum drop_reason reason = some_command(world, ours, session);
		if (session->command_count > COMMANDS_MAX)
			ringcast_world_fail(world, "%u commands wait, %d are allowed", session->command_count, COMMANDS_MAX);
		if (reason != DROP_NONE && reason != DROP_NO_BUFFER && session->command_count < COMMANDS_MAX)
			ringcast_world_fail(world, "a command is refused (%d) though there is room", reason);
	}
}

static void throw_something(struct world *world, struct world_session *ours, struct session *session)
{
	if (ringcast_command_fail(session) != DROP_NONE)
		return; /* too many commands wait already */
	ringcast_world_note(world, "the script of session %u throws", (unsigned)(ours - world->sessions));
	ours->is_ended = true;
	ours->end_reason = CLOSE_SCRIPT_FAILED;
}

static void do_more(struct world *world, struct world_session *ours, struct session *session)
{
	if (world->is_calm || session->state == SESSION_ENDED)
		return;
	if (chance(world, world->swarm.script_flood))
		flood(world, ours, session);
	if (chance(world, world->swarm.script_fail))
		throw_something(world, ours, session);
}

/* questions */

static enum verdict later(struct world *world, struct world_answer *answer, struct session *session)
{
	answer->ticket = ringcast_park_ticket(session);
	answer->verdict = chance(world, 500) ? VERDICT_ALLOW : VERDICT_DENY;
	uint64_t delay_ns = below(world, ANSWER_NS_MAX);
	bool is_about_late = delay_ns >= SURELY_IN_TIME_NS;
	answer->asked_ns = ringcast_sim_network_now_ns(world->network);
	answer->at_ns = answer->asked_ns + delay_ns;
	if (chance(world, 100) || world->answer_count == WORLD_ANSWERS_MAX)
		settle(world, answer, decision_of_default(world, answer->session)); /* never */
	else
		world->answers[world->answer_count++] = *answer;
	if (is_about_late && world->sessions[answer->session].is_late_allowed)
		settle(world, answer, MODEL_ALLOWED_SOMETIME); /* unless it comes before a shard that runs late sees the deadline */
	return VERDICT_LATER;
}

static enum verdict decide(void *context, struct session *session, struct world_answer *answer)
{
	struct world_session *ours = context;
	struct world *world = ours->world;
	answer->session = (uint32_t)(ours - world->sessions);
	if (ours->is_over)
		ringcast_world_fail(world, "the script of session %u is asked after its end", answer->session);
	do_more(world, ours, session);
	if (!world->is_calm && chance(world, world->swarm.script_late))
		return later(world, answer, session);
	bool is_denied = !world->is_calm && chance(world, world->swarm.script_deny);
	settle(world, answer, is_denied ? MODEL_DENIED : MODEL_ALLOWED);
	return is_denied ? VERDICT_DENY : VERDICT_ALLOW;
}

/* Which message it is; -1: one that the model does not believe in, or cannot, since it may have been changed on its way. */
static int64_t message_of(struct world *world, uint32_t session, const struct packet *packet)
{
	struct payload payload;
	if (!ringcast_payload_decode(packet->payload, &payload) || payload.message >= world->model.message_count)
		return -1;
	const struct model_message *message = &world->model.messages[payload.message];
	bool is_strange = message->is_void || message->session != session || (world->net.is_corrupt && !message->is_reliable);
	return is_strange ? -1 : (int64_t)payload.message;
}

static enum verdict on_send(void *context, struct session *session, const struct packet *packet)
{
	struct world_session *ours = context;
	struct world *world = ours->world;
	struct world_answer answer = {.message = message_of(world, (uint32_t)(ours - world->sessions), packet)};
	if (answer.message >= 0)
		answer.question = ringcast_model_ask(&world->model, (uint32_t)answer.message);
	return decide(context, session, &answer);
}

static enum verdict on_join(void *context, struct session *session, struct player *player, int32_t group)
{
	struct world_session *ours = context;
	bool is_ours = group >= 1 && group <= SWARM_GROUPS_MAX;
	struct world_answer answer = {.message = -1, .group = group};
	if (is_ours)
		answer.bot = bot_of_player(ours->world, player);
	if (ours->has_snapshots) /* and goes out before it is asked for a snapshot */
		ringcast_late_act(ours->world, ours, session, true);
	return decide(context, session, &answer);
}

static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	struct world_session *ours = context;
	struct world *world = ours->world;
	struct world_answer answer = {.session = (uint32_t)(ours - world->sessions), .message = -1, .group = group == PROTO_GROUP_ALL ? 0 : group, .is_snapshot = true};
	if (ringcast_late_knows(group))
		answer.bot = bot_of_player(world, player);
	ringcast_late_ask(world, answer.bot, group);
	bool is_later = !world->is_calm && chance(world, world->swarm.script_late + world->swarm.late_join);
	if (is_later && chance(world, 500))
		ringcast_late_begin(session, answer.bot, group);
	if (is_later)
		return later(world, &answer, session);
	ringcast_late_say(world, session, 0, answer.bot, group);
	ringcast_late_act(world, ours, session, true); /* behind it */
	return VERDICT_ALLOW;
}

static enum verdict on_leave(void *context, struct session *session, struct player *player, int32_t group)
{
	(void)player, (void)group; /* the model does not know whether it left until it is told so */
	return decide(context, session, &(struct world_answer){.message = -1});
}

static enum verdict on_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	struct world_session *ours = context;
	(void)payload;
	return decide(context, session, &(struct world_answer){.message = -1, .bot = bot_of_player(ours->world, player)});
}

static void on_ended(void *context, struct session *session, enum close_reason reason)
{
	struct world_session *ours = context;
	bool is_script = reason == CLOSE_SCRIPT_FAILED || reason == CLOSE_SCRIPT_LOST;
	(void)session;
	if (ours->is_over || is_script != (ours->end_reason != CLOSE_NONE) || (is_script && reason != ours->end_reason))
		ringcast_world_fail(ours->world, "a scripted session ends with reason %d, not %d", reason, ours->end_reason);
	ours->is_over = true;
}

static const struct hooks snapshot_hooks = {.session_ended = on_ended, .snapshot = on_snapshot};

static const struct hooks hooks = {
	.session_ended = on_ended,
	.player_connect = on_connect,
	.send_to_player = on_send,
	.send_to_group = on_send,
	.join_group = on_join,
	.leave_group = on_leave,
};

static const struct hooks all_hooks = {
	.session_ended = on_ended,
	.player_connect = on_connect,
	.send_to_player = on_send,
	.send_to_group = on_send,
	.join_group = on_join,
	.leave_group = on_leave,
	.snapshot = on_snapshot,
};

/* One that is asked about joins only, or one that is asked about everything. */
static void attach_late_join(struct world *world, uint32_t session, struct session_options *options)
{
	struct world_session *ours = &world->sessions[session];
	bool is_unasked = !ours->is_scripted;
	if (world->swarm.late_join == 0 || !chance(world, 667))
		return;
	ours->is_scripted = ours->has_snapshots = true;
	world->model.is_unasked[session] = is_unasked;
	options->hooks = is_unasked ? &snapshot_hooks : &all_hooks;
	options->hooks_context = ours;
	options->answer_timeout_ms = TIMEOUT_MS;
	if (is_unasked)
		ours->is_late_allowed = options->is_late_allowed = chance(world, 500);
}

static void attach(struct world *world, uint32_t session, struct session_options *options)
{
	const struct swarm *swarm = &world->swarm;
	struct world_session *ours = &world->sessions[session];
	ours->world = world;
	if (swarm->script_late + swarm->script_deny + swarm->script_flood + swarm->script_fail + swarm->script_loss == 0 || !chance(world, 667))
		return;
	ours->is_scripted = world->model.is_scripted[session] = true;
	ours->is_late_allowed = options->is_late_allowed = chance(world, 500);
	options->hooks = &hooks;
	options->hooks_context = ours;
	options->answer_timeout_ms = TIMEOUT_MS;
	world->shards[ours->shard]->session_limits.commands_per_hook_max = COMMANDS_MAX;
}

void ringcast_script_attach(struct world *world, uint32_t session, struct session_options *options)
{
	attach(world, session, options);
	attach_late_join(world, session, options);
}

/* As when the sidecar of a shard dies: its sessions end, all others notice nothing. */
void ringcast_script_lose(struct world *world)
{
	uint32_t shard = (uint32_t)below(world, world->swarm.shard_count);
	ringcast_world_note(world, "the scripts of shard %u are lost", shard);
	for (uint32_t i = 0; i < world->swarm.session_count; i++) {
		struct world_session *session = &world->sessions[i];
		if (session->shard != shard || !session->is_scripted || session->is_ended)
			continue;
		session->end_reason = CLOSE_SCRIPT_LOST;
		ringcast_world_end_session(world, i);
	}
}
