/* What bots and operators do, chosen by chance: play by the rules, leave, misbehave, kick. */
#include <stdio.h>

#include "base/assert.h"
#include "payload.h"
#include "world.h"

#define CROWD_MESSAGES_MAX 12
#define STILL_NS_MAX (800 * NS_PER_MS) /* less than a pause of the process */
#define FREEZE_NS_MAX (15 * NS_PER_S)

static bool can_act(const struct bot *bot)
{
	return bot->state == BOT_JOINED && !bot->is_bad && !bot->is_leaving && !bot->is_deaf;
}

/* NULL: none of those tried can act. */
static struct bot *some_bot(struct world *world)
{
	for (int tries = 0; tries < 8 && world->bot_count > 0; tries++) {
		struct bot *bot = &world->bots[ringcast_world_below(world, world->bot_count)];
		if (can_act(bot))
			return bot;
	}
	return NULL;
}

/* Another one of its session that was admitted at some time; NULL: none found. */
static struct bot *some_mate(struct world *world, const struct bot *bot)
{
	for (int tries = 0; tries < 8; tries++) {
		struct bot *mate = &world->bots[ringcast_world_below(world, world->bot_count)];
		if (mate->session == bot->session && mate->peer_id > 0)
			return mate;
	}
	return NULL;
}

/* by the rules */

static int32_t some_group(struct world *world)
{
	return 1 + (int32_t)ringcast_world_below(world, world->swarm.group_count);
}

static void choose_target(struct world *world, const struct bot *bot, struct model_message *message, struct packet *packet)
{
	const struct bot *mate = some_mate(world, bot);
	uint64_t dice = ringcast_world_below(world, 100);
	message->to_bot = MODEL_NOBODY;
	if (dice < 35 || (dice >= 95 && dice < 98))
		message->group = some_group(world);
	else if (dice < 60)
		message->group = PROTO_GROUP_ALL;
	if (dice >= 60 && dice < 90 && mate != NULL) {
		packet->target_player = mate->peer_id;
		message->to_bot = (int32_t)mate->index;
	} else if (dice >= 60 && dice < 95) {
		packet->target_player = PROTO_PEER_SERVER;
	} else if (dice >= 95 && dice < 98 && mate != NULL) { /* both targets */
		packet->target_player = mate->peer_id;
		message->to_bot = (int32_t)mate->index;
	} else if (dice >= 98) {
		packet->target_player = 100000; /* nobody */
	}
	packet->target_group = message->group;
	message->has_player = packet->target_player != 0 && packet->target_player != PROTO_PEER_SERVER;
}

static void say(struct world *world, struct bot *bot, const struct model_message *message, struct packet *packet, size_t size)
{
	uint8_t bytes[PAYLOAD_BYTES_MAX];
	uint32_t number = ringcast_model_send(&world->model, message);
	struct payload payload = {.session = bot->session, .sender = bot->index, .message = number};
	ringcast_payload_encode(&payload, bytes, size);
	packet->payload = ringcast_view_of(bytes, size);
	ringcast_world_note(world, "bot %u sends message %u, %s, %zu bytes, player %d, group %d", bot->index, number,
			    message->is_reliable ? "reliable" : "fast", size, packet->target_player, packet->target_group);
	if (message->is_reliable)
		ringcast_bot_send_stream(bot, packet);
	else
		ringcast_bot_send_fast(bot, packet);
}

static void send_message(struct world *world, struct bot *bot)
{
	struct packet packet = {0};
	struct model_message message = {
		.sender = bot->index, .session = bot->session, .sent_ns = ringcast_sim_network_now_ns(world->network)};
	bool is_fast = bot->fast == BOT_FAST_UP && ringcast_world_chance(world, 500);
	uint32_t max = world->swarm.payload_bytes_max;
	if (is_fast && max > PROTO_PAYLOAD_FAST_BYTES_MAX)
		max = PROTO_PAYLOAD_FAST_BYTES_MAX;
	size_t size = PAYLOAD_BYTES_MIN + ringcast_world_below(world, max - PAYLOAD_BYTES_MIN + 1);
	choose_target(world, bot, &message, &packet);
	message.is_reliable = !is_fast;
	message.opcode = packet.opcode = ringcast_world_chance(world, 900) ? 1 + (int32_t)ringcast_world_below(world, 1000) : -500;
	say(world, bot, &message, &packet, size);
}

static void tell(struct world *world, struct bot *bot, int32_t group, size_t size)
{
	struct model_message message = {.sender = bot->index, .session = bot->session, .to_bot = MODEL_NOBODY, .group = group, .is_reliable = true, .opcode = 8,
					.sent_ns = ringcast_sim_network_now_ns(world->network)};
	struct packet packet = {.opcode = 8, .target_group = group};
	say(world, bot, &message, &packet, size);
}

static void tell_much(struct world *world, struct bot *bot, uint64_t count)
{
	for (; bot != NULL && count > 0; count--)
		tell(world, bot, PROTO_GROUP_ALL, PAYLOAD_BYTES_MAX);
}

/* In session 0 everybody is told much at once. */
static void crowd(struct world *world)
{
	struct bot *bot = some_bot(world);
	if (bot != NULL && bot->session == 0)
		tell_much(world, bot, 1 + ringcast_world_below(world, CROWD_MESSAGES_MAX));
}

/* Of its session, on a shard that is neither home nor the one that stands still: home has to tell it to wait. NULL: none found. */
static struct bot *some_far_mate(struct world *world, const struct bot *bot)
{
	for (int tries = 0; tries < 32; tries++) {
		struct bot *mate = &world->bots[ringcast_world_below(world, world->bot_count)];
		if (mate->session == bot->session && can_act(mate) && mate->given_shard != bot->given_shard && mate->given_shard != world->sessions[bot->session].shard)
			return mate;
	}
	return NULL;
}

/*
 * More than may wait between shards while one does not read: it waits with its senders. Less where players come back, for whom all of it is kept. Anybody's, or what
 * players of one session say from other shards to one who is on none of these nor at home.
 */
static void hold_still(struct world *world)
{
	uint32_t senders = world->swarm.tearing > 0 ? 4 : 6, messages_max = world->swarm.tearing > 0 ? 40 : 80;
	const struct bot *behind = ringcast_world_chance(world, 500) ? some_bot(world) : NULL;
	bool is_aimed = behind != NULL && behind->given_shard != world->sessions[behind->session].shard;
	uint32_t shard = is_aimed ? behind->given_shard : (uint32_t)ringcast_world_below(world, world->swarm.shard_count);
	uint64_t duration_ns = ringcast_world_below(world, STILL_NS_MAX);
	ringcast_world_note(world, "shard %u stands still for %u ms", shard, (unsigned)(duration_ns / NS_PER_MS));
	ringcast_world_hold_still(world, shard, duration_ns);
	for (uint32_t sender = 0; sender < senders; sender++)
		tell_much(world, is_aimed ? some_far_mate(world, behind) : some_bot(world), ringcast_world_below(world, messages_max));
}

static void send_group_command(struct bot *bot, int32_t opcode, enum packet_command command, int32_t group)
{
	struct packet packet = {.opcode = opcode, .target_player = PROTO_PEER_SERVER, .command = command, .group = group};
	ringcast_bot_send_stream(bot, &packet);
}

static void ask_for_list(struct bot *bot, int32_t group)
{
	bot->is_asking[group] = true;
	send_group_command(bot, OPCODE_REQUEST_GROUP_MEMBERSHIP, PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP, group);
}

static void join(struct world *world, struct bot *bot, int32_t group)
{
	ringcast_world_note(world, "bot %u joins group %d", bot->index, group);
	ringcast_model_join_sent(&world->model, bot->index, group, ringcast_sim_network_now_ns(world->network));
	ringcast_late_join_sent(bot, group);
	bot->is_joining[group] = true;
	send_group_command(bot, OPCODE_JOIN_GROUP, PACKET_COMMAND_JOIN_GROUP, group);
}

/* All of a session join one group in one moment, while those who are in it speak: what they say is held for each of those. */
static void gather(struct world *world)
{
	const struct bot *first = some_bot(world);
	int32_t group = some_group(world);
	for (uint32_t i = 0; first != NULL && i < world->bot_count; i++) {
		struct bot *bot = &world->bots[i];
		if (bot->session != first->session || !can_act(bot))
			continue;
		if (bot->is_member[group] && !bot->is_parting[group])
			tell(world, bot, group, PAYLOAD_BYTES_MIN);
		else if (!bot->is_joining[group] && !bot->is_member[group])
			join(world, bot, group);
	}
}

static void change_group(struct world *world, struct bot *bot)
{
	int32_t group = some_group(world);
	if (bot->is_joining[group] || bot->is_parting[group]) {
		if (world->swarm.narrow_lists == 0) /* there it is to be told without having asked: the answer would hide that it was not */
			ask_for_list(bot, group);
	} else if (!bot->is_member[group]) {
		join(world, bot, group);
	} else if (ringcast_world_chance(world, 400)) {
		ringcast_world_note(world, "bot %u leaves group %d", bot->index, group);
		ringcast_model_leave_sent(&world->model, bot->index, group, ringcast_sim_network_now_ns(world->network));
		bot->is_parting[group] = true;
		send_group_command(bot, OPCODE_LEAVE_GROUP, PACKET_COMMAND_LEAVE_GROUP, group);
	} else if (world->swarm.narrow_lists > 0 && ringcast_world_chance(world, 500)) {
		ask_for_list(bot, group);
	}
}

static void play(struct world *world)
{
	struct bot *bot = some_bot(world);
	if (bot == NULL)
		return;
	if (ringcast_world_chance(world, world->swarm.narrow_lists > 0 ? 500 : 200)) {
		change_group(world, bot);
		return;
	}
	bool is_burst = ringcast_world_chance(world, 50);
	for (uint64_t count = is_burst ? 2 + ringcast_world_below(world, 30) : 1; count > 0; count--)
		send_message(world, bot);
	ringcast_bot_flush(bot);
}

/* against the rules */

static void send_garbage(struct world *world, struct bot *bot)
{
	uint8_t bytes[200];
	size_t size = 1 + ringcast_world_below(world, sizeof(bytes));
	ringcast_prng_fill(&world->prng, bytes, size);
	ringcast_sim_stream_write(world->network, bot->stream, bytes, size);
	bot->is_bad = true;
}

static void send_bad_frame(struct world *world, struct bot *bot)
{
	static const uint8_t frames[][14] = {
		{0x82, 0x01, 0x00},                                     /* not masked */
		{0xc2, 0x80, 0, 0, 0, 0},                               /* reserved bit */
		{0x83, 0x80, 0, 0, 0, 0},                               /* reserved op code */
		{0x81, 0x81, 0, 0, 0, 0, 'x'},                          /* text */
		{0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0},                   /* ping of 256 bytes */
		{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* enormous */
		{0x80, 0x80, 0, 0, 0, 0},                               /* continues nothing */
		{0x82, 0x82, 0, 0, 0, 0, 0x05, 0x01},                   /* a packet that ends too soon */
	};
	uint64_t i = ringcast_world_below(world, ARRAY_COUNT(frames));
	ringcast_bot_write(bot, frames[i], sizeof(frames[i]));
	bot->is_bad = true;
}

static void send_oversize(struct world *world, struct bot *bot)
{
	static const uint8_t zeros[PROTO_PAYLOAD_RELIABLE_BYTES_MAX + 1000];
	struct packet packet = {.opcode = 7, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of(zeros, sizeof(zeros))};
	ringcast_bot_send_stream(bot, &packet);
	bot->is_bad = true;
}

static void replay(struct world *world, struct bot *bot)
{
	struct address to = bot->net->servers[bot->server];
	to.port = bot->fast_port;
	for (uint64_t i = 1 + ringcast_world_below(world, 3); i > 0 && bot->last_datagram_bytes > 0; i--)
		ringcast_sim_udp_send(world->network, &bot->udp, &to, bot->last_datagram, bot->last_datagram_bytes);
}

/* A message in another's name: nobody may ever see it. */
static size_t encode_forged(struct world *world, const struct bot *bot, struct bot *victim, uint8_t *out, size_t capacity)
{
	victim->is_mimicked = true;
	uint8_t bytes[PAYLOAD_BYTES_MIN];
	struct model_message message = {.sender = bot->index, .session = bot->session, .is_void = true, .to_bot = MODEL_NOBODY, .group = PROTO_GROUP_ALL,
					.opcode = 9, .sent_ns = ringcast_sim_network_now_ns(world->network)};
	struct payload payload = {.session = bot->session, .sender = bot->index, .message = ringcast_model_send(&world->model, &message)};
	ringcast_payload_encode(&payload, bytes, sizeof(bytes));
	struct packet packet = {.opcode = 9, .sender = victim->peer_id, .sequence = victim->sequence_out + 1000, .target_group = PROTO_GROUP_ALL,
				.payload = ringcast_view_of(bytes, sizeof(bytes))};
	return ringcast_packet_encode(&packet, out, capacity);
}

/* A datagram that claims to be another player's, from an address that is not his. */
static void spoof(struct world *world, struct bot *bot)
{
	uint8_t datagram[200];
	struct bot *victim = some_mate(world, bot);
	struct address from = bot->udp, to = bot->net->servers[bot->server];
	if (victim == NULL || victim == bot || victim->fast != BOT_FAST_UP)
		return;
	if (ringcast_world_chance(world, 500)) {
		from = victim->udp;
		from.port ^= 0x4000;
	}
	to.port = victim->fast_port;
	size_t size = encode_forged(world, bot, victim, datagram, sizeof(datagram));
	ringcast_sim_udp_send(world->network, &from, &to, datagram, size);
}

/* What has no place behind another packet, in clear or, the first three, in a record as well. */
static size_t write_odd(struct world *world, struct bot *bot, uint8_t *out, size_t capacity)
{
	static const uint8_t beginning[] = {0x7f, 0x08}, empty_ones[PROTO_MERGED_PACKETS_MAX + 10];
	struct packet hello = {.opcode = OPCODE_UDP_CONNECT, .sender = bot->peer_id, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_UDP_CONNECT};
	struct bot *victim = some_mate(world, bot);
	size_t size = bot->merged_bytes;
	ringcast_assert(capacity >= sizeof(empty_ones));
	switch (ringcast_world_below(world, bot->is_secure ? 3 : 5)) {
	case 0:
		memcpy(out, beginning, sizeof(beginning));
		return sizeof(beginning);
	case 1:
		memcpy(out, empty_ones, sizeof(empty_ones));
		return sizeof(empty_ones);
	case 2: /* the same again */
		memcpy(out, bot->merged, size);
		return size;
	case 3:
		hello.sequence = bot->sequence_out++;
		return ringcast_packet_encode(&hello, out, capacity);
	default:
		return victim == NULL || victim == bot ? 0 : encode_forged(world, bot, victim, out, capacity);
	}
}

/* The message before it has to arrive, once, and nothing of the rest. */
static void send_odd_merged(struct world *world)
{
	struct bot *bot = some_bot(world);
	struct packet packet = {.opcode = 6, .target_group = PROTO_GROUP_ALL};
	if (bot == NULL || bot->merge_bytes == 0 || bot->fast != BOT_FAST_UP)
		return;
	struct model_message message = {.sender = bot->index, .session = bot->session, .to_bot = MODEL_NOBODY, .group = PROTO_GROUP_ALL, .opcode = 6,
					.sent_ns = ringcast_sim_network_now_ns(world->network)};
	say(world, bot, &message, &packet, PAYLOAD_BYTES_MIN);
	ringcast_bot_note_last(bot);
	bot->merged_bytes += write_odd(world, bot, bot->merged + bot->merged_bytes, sizeof(bot->merged) - bot->merged_bytes);
	ringcast_bot_flush(bot);
}

static void send_random_datagram(struct world *world, struct bot *bot)
{
	uint8_t bytes[100];
	struct address to = bot->net->servers[bot->server];
	to.port = bot->fast_port;
	size_t size = ringcast_world_below(world, sizeof(bytes));
	ringcast_prng_fill(&world->prng, bytes, size);
	if (bot->fast_port != 0)
		ringcast_sim_udp_send(world->network, &bot->udp, &to, bytes, size);
}

/* Records that anybody could send who knows an address: they must cost its owner nothing. */
static void forge_records(struct world *world, struct bot *bot)
{
	static const uint8_t forgeries[][40] = {
		{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4},                 /* too short to be sealed */
		{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0x40, 0, 1, 2, 3},                 /* longer than the datagram */
		{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40},                      /* an alert in clear */
		{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0},                       /* a goodbye in clear */
		{20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1},                          /* a change of ciphers */
		{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 25, 16, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 13}, /* a key exchange */
		{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 25, 0, 0, 0, 0, 0, 0, 0, 99},  /* sealed by nobody */
		{22},                                                                       /* one byte */
	};
	static const uint8_t sizes[] = {17, 16, 15, 15, 14, 38, 38, 1};
	const struct bot *victim = some_mate(world, bot);
	uint64_t i = ringcast_world_below(world, ARRAY_COUNT(forgeries));
	struct address to = bot->net->servers[bot->server];
	if (victim == NULL || !victim->is_secure || victim->fast_port == 0)
		return;
	to.port = victim->fast_port;
	ringcast_sim_udp_send(world->network, &victim->udp, &to, forgeries[i], sizes[i]);
}

/* As when a game crashes and is started again on the same port: the server learns of it only by the new hello. */
static void restart_association(struct world *world, struct bot *bot)
{
	if (!bot->is_secure || bot->fast == BOT_FAST_OFF)
		return;
	world->net.has_lost_fast = true;
	ringcast_bot_secure_fast_start(bot);
}

/* Two players of one person: an association shows the one's connect token and the other's. Whoever has the token is the player, so the path is moved, and
 * its owner fights it back; nobody may end for it. */
static void steal_identity(struct world *world, struct bot *bot)
{
	struct bot *victim = some_bot(world);
	if (victim == NULL || victim == bot || victim->connect_token[0] == 0)
		return;
	bot->is_bad = true;
	bot->victim = victim;
	victim->is_mimicked = true;
	if (ringcast_world_chance(world, 500)) /* not behind its own identity, but first of all */
		ringcast_bot_secure_fast_start(bot);
	else
		ringcast_bot_send_identity(bot, victim->connect_token);
}

/* What an association may say that is wrong; it may cost the association, never more. */
static void misuse_association(struct world *world, struct bot *bot)
{
	static const char *const tokens[] = {"", "no token at all", "0000000000000000000000000000000000000000000000000000000000000000"};
	static const uint8_t nonsense[] = {0xff, 0xff, 0xff};
	char other[BOT_TOKEN_BYTES];
	if (bot->fast_crypto == NULL || !ringcast_crypto_is_established(bot->fast_crypto))
		return;
	world->net.has_lost_fast = true;
	memcpy(other, bot->connect_token, sizeof(other));
	other[strlen(other) - 1] ^= 1;
	switch (ringcast_world_below(world, 6)) {
	case 0:
		ringcast_crypto_close(bot->fast_crypto);
		break;
	case 4:
	case 5:
		steal_identity(world, bot);
		break;
	case 1:
		ringcast_bot_send_sealed(bot, ringcast_view_of(nonsense, sizeof(nonsense)));
		break;
	case 2:
		ringcast_bot_send_identity(bot, tokens[ringcast_world_below(world, ARRAY_COUNT(tokens))]);
		break;
	default:
		ringcast_bot_send_identity(bot, other);
	}
}

static void reuse_token(struct world *world, struct bot *bot)
{
	struct bot *twin = ringcast_world_spawn(world, bot->session, bot->token);
	if (twin == NULL)
		return;
	twin->is_bad = true;
	twin->signature = bot->signature;
	twin->signature.is_admitted = false;
}

static void invent_token(struct world *world, struct bot *bot)
{
	static const char *const tokens[] = {"", "x", "psess-", "psess-00000000000000000000000000000000", "psess-0000ff00000000000000000000000000",
					     "gsess-00000000000000000000000000000000", "psess-0000000000000000000000000000000g"};
	struct bot *stranger = ringcast_world_spawn(world, bot->session, tokens[ringcast_world_below(world, ARRAY_COUNT(tokens))]);
	if (stranger != NULL)
		stranger->is_bad = true;
}

/* Connects and then says nothing, half a request, or nonsense. */
static void connect_raw(struct world *world, struct bot *bot)
{
	static const uint8_t half_tls[] = {22, 3, 3, 0, 33, 1, 2, 3};
	static const char half[] = "GET /websocket HTTP/1.1\r\nHost: x\r\n";
	uint8_t garbage[64];
	struct address from = bot->tcp;
	from.port = (uint16_t)(50000 + world->raw_stream_count++);
	sim_stream stream = ringcast_sim_stream_connect(world->network, &from, &bot->net->servers[bot->server]);
	switch (ringcast_world_below(world, 5)) {
	case 0:
		break;
	case 4:
		ringcast_sim_stream_write(world->network, stream, half_tls, sizeof(half_tls));
		break;
	case 1:
		ringcast_sim_stream_write(world->network, stream, half, sizeof(half) - 1);
		break;
	case 2:
		ringcast_prng_fill(&world->prng, garbage, sizeof(garbage));
		ringcast_sim_stream_write(world->network, stream, garbage, sizeof(garbage));
		break;
	default:
		ringcast_sim_stream_reset(world->network, stream);
	}
}

/* Op codes that are not a player's to send: refused, but no reason to part. */
static void send_illegal(struct world *world, struct bot *bot)
{
	static const int32_t opcodes[] = {OPCODE_LOGIN, OPCODE_LOGIN_RESPONSE, OPCODE_UDP_CONNECT, OPCODE_UDP_CONNECT_SERVER_ACK,
					  OPCODE_GROUP_MEMBERSHIP_UPDATE, OPCODE_VERIFY_IDENTITY, OPCODE_GAME_END};
	uint8_t bytes[PAYLOAD_BYTES_MIN];
	int32_t opcode = opcodes[ringcast_world_below(world, ARRAY_COUNT(opcodes))];
	struct model_message message = {.sender = bot->index, .session = bot->session, .is_void = true, .to_bot = MODEL_NOBODY, .group = PROTO_GROUP_ALL,
					.opcode = opcode, .sent_ns = ringcast_sim_network_now_ns(world->network)};
	struct payload payload = {.session = bot->session, .sender = bot->index, .message = ringcast_model_send(&world->model, &message)};
	ringcast_payload_encode(&payload, bytes, sizeof(bytes));
	struct packet packet = {.opcode = opcode, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of(bytes, sizeof(bytes))};
	ringcast_bot_send_stream(bot, &packet);
}

static void go_deaf(struct world *world, struct bot *bot)
{
	(void)world;
	bot->is_deaf = true;
}

static void misbehave(struct world *world)
{
	static const struct misdeed {
		const char *name;
		void (*act)(struct world *world, struct bot *bot);
	} misdeeds[] = {
		{"sends garbage", send_garbage},
		{"sends a bad frame", send_bad_frame},
		{"sends too much", send_oversize},
		{"replays a datagram", replay},
		{"spoofs", spoof},
		{"sends a random datagram", send_random_datagram},
		{"forges records", forge_records},
		{"starts its association anew", restart_association},
		{"misuses its association", misuse_association},
		{"has its token used again", reuse_token},
		{"invents a token", invent_token},
		{"connects and says nothing of use", connect_raw},
		{"sends an illegal op code", send_illegal},
		{"goes deaf", go_deaf},
	};
	struct bot *bot = some_bot(world);
	if (bot == NULL)
		return;
	const struct misdeed *misdeed = &misdeeds[ringcast_world_below(world, ARRAY_COUNT(misdeeds))];
	ringcast_world_note(world, "bot %u %s", bot->index, misdeed->name);
	misdeed->act(world, bot);
}

/* coming and going */

static void leave(struct world *world)
{
	struct bot *bot = some_bot(world);
	int how = (int)ringcast_world_below(world, 5);
	if (bot == NULL)
		return;
	ringcast_world_note(world, "bot %u leaves, way %d", bot->index, how);
	ringcast_bot_leave(bot, how);
}

static void administrate(struct world *world)
{
	struct bot *bot = some_bot(world);
	uint32_t session = (uint32_t)ringcast_world_below(world, world->swarm.session_count);
	if (world->swarm.security != SHARD_PLAIN && ringcast_world_chance(world, 400)) {
		ringcast_world_note(world, "new certificates");
		ringcast_world_replace_credentials(world);
	} else if (ringcast_world_chance(world, 100) && !world->sessions[session].is_ended) {
		ringcast_world_note(world, "session %u is ended", session);
		ringcast_world_end_session(world, session);
	} else if (bot != NULL) {
		ringcast_world_note(world, "bot %u is kicked", bot->index);
		ringcast_world_kick(world, bot->session, bot->peer_id);
	}
}

/* Whoever may come back, also one that is just doing so. */
static void tear(struct world *world)
{
	struct bot *bot = &world->bots[ringcast_world_below(world, world->bot_count)];
	uint64_t how = ringcast_world_below(world, 4);
	if (!ringcast_bot_resume_may(bot) || bot->state == BOT_DROPPED)
		return;
	ringcast_world_note(world, "bot %u is torn off, way %u", bot->index, (unsigned)how);
	if (how == 0)
		ringcast_sim_stream_reset(world->network, bot->stream);
	else if (how == 1)
		ringcast_sim_stream_shutdown(world->network, bot->stream);
	ringcast_bot_resume_drop(bot, how == 3);
}

/* Plain UDP is told apart by its IP unless addresses are free: there only the port changes. */
static void rebind(struct world *world)
{
	struct bot *bot = some_bot(world);
	if (bot == NULL || bot->udp_socket < 0)
		return;
	struct address address = bot->udp;
	address.port = (uint16_t)(41000 + world->rebind_count++ % 8000);
	if (bot->is_secure || world->swarm.is_udp_address_free)
		address.ip[13] = (uint8_t)(1 + ringcast_world_below(world, 3));
	ringcast_world_note(world, "bot %u has another UDP address, port %u", bot->index, address.port);
	ringcast_bot_fast_move(bot, &address, bot->is_secure || bot->fast != BOT_FAST_UP || ringcast_world_chance(world, 500));
}

/* A client that asks for the server's name anew, and is given its other address. */
static void change_server(struct world *world)
{
	struct bot *bot = some_bot(world);
	if (bot == NULL || bot->udp_socket < 0)
		return;
	ringcast_world_note(world, "bot %u turns to address %u of the server", bot->index, 1 - bot->server);
	ringcast_bot_fast_turn_to(bot, 1 - bot->server);
}

static void freeze(struct world *world)
{
	uint64_t duration_ns = ringcast_world_below(world, FREEZE_NS_MAX);
	ringcast_world_note(world, "everything stands still for %u ms", (unsigned)(duration_ns / NS_PER_MS));
	ringcast_world_freeze(world, duration_ns);
	ringcast_world_note(world, "and goes on");
}

static uint32_t living_count(const struct world *world)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < world->bot_count; i++)
		count += world->bots[i].state != BOT_GONE;
	return count;
}

static void come(struct world *world)
{
	if (world->swarm.signing > 0 && ringcast_world_chance(world, world->swarm.signing))
		ringcast_tokens_spawn(world);
	else
		ringcast_world_spawn(world, (uint32_t)ringcast_world_below(world, world->swarm.session_count), NULL);
}

void ringcast_world_act(struct world *world)
{
	const struct swarm *swarm = &world->swarm;
	if (living_count(world) < swarm->bot_count && ringcast_world_chance(world, world->bot_count < swarm->bot_count ? 400 : 100))
		come(world);
	else if (ringcast_world_chance(world, swarm->mischief))
		misbehave(world);
	else if (ringcast_world_chance(world, swarm->leaving))
		leave(world);
	else if (swarm->script_loss > 0 && ringcast_world_chance(world, swarm->script_loss))
		ringcast_script_lose(world);
	else if (swarm->rebind > 0 && ringcast_world_chance(world, swarm->rebind))
		rebind(world);
	else if (swarm->crowding > 0 && ringcast_world_chance(world, swarm->crowding))
		crowd(world);
	else if (swarm->addresses > 0 && ringcast_world_chance(world, swarm->addresses))
		change_server(world);
	else if (swarm->tearing > 0 && world->bot_count > 0 && ringcast_world_chance(world, swarm->tearing))
		tear(world);
	else if (swarm->merging > 0 && ringcast_world_chance(world, 20))
		send_odd_merged(world);
	else if (swarm->slow_limb > 0 && ringcast_world_chance(world, swarm->slow_limb))
		hold_still(world);
	else if (swarm->late_join > 0 && swarm->narrow_pool == 0 && ringcast_world_chance(world, 10)) /* so many lists at once are more than few buffers hold */
		gather(world);
	else if (swarm->signing > 0 && ringcast_world_chance(world, swarm->signing / 8))
		ringcast_tokens_flood(world);
	else if (swarm->turning > 0 && ringcast_world_chance(world, swarm->turning))
		ringcast_tokens_turn(world);
	else if (swarm->freeze > 0 && ringcast_world_chance(world, swarm->freeze))
		freeze(world);
	else if (ringcast_world_chance(world, swarm->admin))
		administrate(world);
	else
		play(world);
}
