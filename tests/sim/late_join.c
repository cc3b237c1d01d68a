#include "late_join.h"

#include "base/assert.h"
#include "session/group.h"
#include "world.h"

/* bots */

void ringcast_late_join_sent(struct bot *bot, int32_t group)
{
	for (int key = 0; key < LATE_KEYS; key++)
		bot->late[ringcast_late_index(group)].repeats[key]++;
}

void ringcast_late_left(struct bot *bot, int32_t group)
{
	bot->late[ringcast_late_index(group)].is_counted = false;
}

/* Its first part, if it has two, is good for nothing without the last. */
static void hear_snapshot(struct bot *bot, struct late_heard *heard, const struct late_content *content)
{
	if (!heard->is_promised)
		ringcast_bot_fail(bot, content->key == LATE_FIRST_PART ? "half of a snapshot" : "a snapshot that was not made for it, or twice", content->group);
	if (content->key == LATE_FIRST_PART)
		return;
	heard->is_promised = false;
	heard->is_counted = true;
	heard->next = content->number + 1;
}

static void hear_counted(struct bot *bot, struct late_heard *heard, const struct late_content *content)
{
	if (heard->is_promised)
		ringcast_bot_fail(bot, "a message before the snapshot that it follows", content->number);
	else if (heard->is_counted && content->number != heard->next)
		ringcast_bot_fail(bot, content->number < heard->next ? "a message that its snapshot contains, or twice" : "a message behind a snapshot is missing",
				  content->number);
	heard->is_counted = true;
	heard->next = content->number + 1;
}

static void hear_retained(struct bot *bot, struct late_heard *heard, const struct late_content *content)
{
	if (content->key >= LATE_KEYS) {
		ringcast_bot_fail(bot, "a retained message under a key that nobody uses", content->key);
		return;
	}
	uint32_t before = heard->versions[content->key];
	if (content->number < before)
		ringcast_bot_fail(bot, "a retained message that is older than one before", content->number);
	if (content->number == before && heard->repeats[content->key] == 0)
		ringcast_bot_fail(bot, "a retained message twice in one stay", content->number);
	if (heard->repeats[content->key] > 0)
		heard->repeats[content->key] -= content->number == before;
	heard->versions[content->key] = content->number;
}

bool ringcast_late_receive(struct bot *bot, const struct packet *packet)
{
	struct late_content content;
	if (packet->opcode < LATE_COUNTED_OPCODE || packet->opcode > LATE_SNAPSHOT_OPCODE)
		return false;
	if (packet->payload.size != sizeof(content)) {
		ringcast_bot_fail(bot, "what a script says to groups has another size", (int64_t)packet->payload.size);
		return true;
	}
	memcpy(&content, packet->payload.data, sizeof(content));
	bool is_snapshot = packet->opcode == LATE_SNAPSHOT_OPCODE;
	bool is_addressed = is_snapshot ? packet->target_player == bot->peer_id && packet->target_group == 0
					: packet->target_player == 0 && packet->target_group == content.group;
	if (content.session != bot->session || !ringcast_late_knows(content.group) || !is_addressed || packet->sender != PROTO_PEER_SERVER) {
		ringcast_bot_fail(bot, "what a script says to a group comes to somebody else", content.group);
		return true;
	}
	struct late_heard *heard = &bot->late[ringcast_late_index(content.group)];
	if (bot->is_bad) /* it may have been told of a gap */
		return true;
	if (is_snapshot)
		hear_snapshot(bot, heard, &content);
	else if (packet->opcode == LATE_COUNTED_OPCODE)
		hear_counted(bot, heard, &content);
	else
		hear_retained(bot, heard, &content);
	return true;
}

/* What others say to the group, but for what names the bot besides: that comes without waiting. */
void ringcast_late_hear_other(struct bot *bot, int32_t group)
{
	if (!bot->is_bad && ringcast_late_knows(group) && bot->late[ringcast_late_index(group)].is_promised)
		ringcast_bot_fail(bot, "another's message before the snapshot that it follows", group);
}

/* scripts */

void ringcast_late_ask(struct world *world, struct bot *bot, int32_t group)
{
	if (bot == NULL)
		return;
	struct late_heard *heard = &bot->late[ringcast_late_index(group)];
	heard->is_promised = false;
	heard->asked_ns = ringcast_sim_network_now_ns(world->network);
}

static struct packet packet_of(const struct late_content *content, int32_t opcode)
{
	return (struct packet){.opcode = opcode, .sender = PROTO_PEER_SERVER, .target_group = content->group, .payload = ringcast_view_of(content, sizeof(*content))};
}

void ringcast_late_say(struct world *world, struct session *session, uint64_t ticket, struct bot *bot, int32_t group)
{
	if (bot == NULL)
		return;
	const struct late_said *said = &world->sessions[bot->session].said[ringcast_late_index(group)];
	struct late_content content = {.session = bot->session, .group = group, .number = said->count};
	struct packet packet = packet_of(&content, LATE_SNAPSHOT_OPCODE);
	if (ringcast_command_snapshot(session, ticket, &packet) == DROP_NONE)
		bot->late[ringcast_late_index(group)].is_promised = true;
}

void ringcast_late_begin(struct session *session, const struct bot *bot, int32_t group)
{
	if (bot == NULL)
		return;
	struct late_content content = {.session = bot->session, .group = group, .key = LATE_FIRST_PART};
	struct packet packet = packet_of(&content, LATE_SNAPSHOT_OPCODE);
	ringcast_command_snapshot(session, 0, &packet);
}

static void retain_or_forget(struct late_said *said, struct session *session, struct late_content *content, bool is_forgotten)
{
	uint32_t key = content->key;
	content->number = said->versions[key] + 1;
	struct packet packet = packet_of(content, LATE_RETAINED_OPCODE);
	enum drop_reason reason =
		is_forgotten ? ringcast_command_forget_retained(session, content->group, key) : ringcast_command_retain(session, key, &packet);
	if (reason != DROP_NONE)
		return;
	said->is_retained[key] = !is_forgotten;
	said->versions[key] += !is_forgotten;
}

void ringcast_late_act(struct world *world, struct world_session *ours, struct session *session, bool may_tell_everyone)
{
	int32_t group = (int32_t)ringcast_prng_below(&world->script_prng, world->swarm.group_count + 1);
	uint64_t dice = ringcast_prng_below(&world->script_prng, 10);
	struct late_said *said = &ours->said[group];
	if (group == 0 && !may_tell_everyone)
		return;
	struct late_content content = {.session = (uint32_t)(ours - world->sessions), .group = group == 0 ? -1 : group,
				       .key = (uint32_t)ringcast_prng_below(&world->script_prng, LATE_KEYS), .number = said->count + 1};
	struct packet packet = packet_of(&content, LATE_COUNTED_OPCODE);
	if (dice < 5) {
		enum drop_reason reason = ringcast_command_send(session, &packet, INTENT_RELIABLE);
		said->count += reason == DROP_NONE || reason == DROP_NO_TARGET; /* said, though nobody is there to hear it */
	} else {
		retain_or_forget(said, session, &content, dice < 6);
	}
}

/* the calm */

static void check_heard(struct world *world, const struct bot *bot, int32_t group)
{
	const struct late_said *said = &world->sessions[bot->session].said[ringcast_late_index(group)];
	const struct late_heard *heard = &bot->late[ringcast_late_index(group)];
	if (heard->is_counted && heard->next != said->count + 1)
		ringcast_world_fail(world, "bot %u has heard of group %d up to %u, and its script has said %u", bot->index, group, heard->next - 1, said->count);
	if (heard->is_promised)
		ringcast_world_fail(world, "bot %u never got its snapshot of group %d", bot->index, group);
	for (int key = 0; key < LATE_KEYS; key++)
		if (said->is_retained[key] && heard->versions[key] != said->versions[key])
			ringcast_world_fail(world, "bot %u knows version %u of key %d of group %d, which is at %u", bot->index, heard->versions[key], key, group,
					    said->versions[key]);
}

/* What could not be kept is counted, and nobody knows which it was. */
static bool is_all_kept(const struct world *world)
{
	uint64_t refused = 0;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		refused += world->shards[i]->counters.drops[DROP_NO_BUFFER] + world->shards[i]->counters.drops[DROP_RETAINED_FULL];
	return refused == 0;
}

void ringcast_late_check(struct world *world)
{
	for (uint32_t i = 0; is_all_kept(world) && i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		const struct world_session *session = &world->sessions[bot->session];
		if (!world->model.bots[i].is_healthy || !session->has_snapshots || session->is_ended)
			continue;
		check_heard(world, bot, -1);
		for (int32_t group = 1; group <= SWARM_GROUPS_MAX; group++)
			if (bot->is_member[group] && !bot->is_parting[group])
				check_heard(world, bot, group);
	}
}
