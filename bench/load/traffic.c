/*
 * The schedule and the books. Open loop: the schedule says when each message is meant to be sent, whatever the server or this program does;
 * latency counts from that moment, so that a stall is seen by every message it delays (no coordinated omission).
 */
#include "bench/load/load.h"

#include <stdio.h>
#include <stdlib.h>

enum { LATE_NS = 1000000, BURST_MAX = 64 };

static uint32_t stream_of(enum payload_target target, bool is_reliable)
{
	return (uint32_t)target * 2 + is_reliable;
}

/* Only streams that the mix can produce get trackers: in one session of 1000 players each costs 24 MB. */
static void choose_slots(struct world *world)
{
	const struct load_options *options = &world->options;
	const double shares[PAYLOAD_TARGET_COUNT] = {100 - options->group_percent - options->direct_percent, options->group_percent,
						     options->direct_percent};
	for (uint32_t stream = 0; stream < LOAD_STREAM_COUNT; stream++) {
		double intent_share = stream % 2 ? options->reliable_percent : 100 - options->reliable_percent;
		bool is_used = shares[stream / 2] > 0 && intent_share > 0;
		world->slots[stream] = is_used ? (int8_t)world->slot_count++ : -1;
	}
}

static void make_schedule(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		if (world->bots[i].player < world->sender_count)
			world->senders[world->schedule_count++] = i;
	}
	/* shuffled, so that the senders of one session are spread over the period */
	for (uint32_t i = world->schedule_count; i > 1; i--) {
		uint32_t j = (uint32_t)ringcast_prng_below(&world->prng, i), kept = world->senders[i - 1];
		world->senders[i - 1] = world->senders[j];
		world->senders[j] = kept;
	}
}

bool ringcast_traffic_create(struct world *world)
{
	const struct load_options *options = &world->options;
	world->sender_count = (uint32_t)(options->sender_count ? options->sender_count : options->player_count);
	world->latency = calloc(2, sizeof(*world->latency));
	world->lateness = calloc(1, sizeof(*world->lateness));
	world->connect_time = calloc(1, sizeof(*world->connect_time));
	if (!world->latency || !world->lateness || !world->connect_time || !ringcast_series_init(&world->series))
		return false;
	if (options->is_idle || options->connect_rate > 0)
		return true;
	choose_slots(world);
	world->senders = calloc((size_t)options->session_count * world->sender_count, sizeof(*world->senders));
	world->trackers = calloc((size_t)world->bot_count * world->sender_count * world->slot_count, sizeof(*world->trackers));
	if (options->direct_percent > 0)
		world->direct_sent = calloc((size_t)world->bot_count * options->player_count * 2, sizeof(*world->direct_sent));
	if (!world->senders || !world->trackers || (options->direct_percent > 0 && !world->direct_sent))
		return false;
	make_schedule(world);
	return ringcast_area_create(world);
}

void ringcast_traffic_destroy(struct world *world)
{
	free(world->senders);
	free(world->trackers);
	free(world->direct_sent);
	free(world->seen_until_ns);
	free(world->latency);
	free(world->lateness);
	free(world->connect_time);
	ringcast_series_fini(&world->series);
}

void ringcast_traffic_start(struct world *world, uint64_t start_ns)
{
	world->traffic_start_ns = start_ns;
	world->schedule_index = 0;
	if (world->schedule_count > 0 && world->options.rate > 0)
		world->schedule_step_ns = 1e9 / world->options.rate / world->schedule_count;
	/* processes that began together send in turn, not in step */
	if (world->part)
		world->traffic_start_ns += (uint64_t)(world->schedule_step_ns * world->part->index / world->part->count);
}

static uint64_t due_ns(const struct world *world, uint64_t index)
{
	return world->traffic_start_ns + (uint64_t)((double)index * world->schedule_step_ns);
}

uint64_t ringcast_traffic_next_due_ns(const struct world *world)
{
	if (world->schedule_step_ns == 0 || world->phase < LOAD_WARMUP || world->phase > LOAD_TAIL)
		return UINT64_MAX;
	uint64_t due = due_ns(world, world->schedule_index);
	/* what was due in the measured time is sent however late it gets: leaving it out would hide the worst */
	return world->phase == LOAD_TAIL && due >= world->measure_end_ns ? UINT64_MAX : due;
}

static uint32_t group_of(const struct bot *bot)
{
	const struct load_options *options = &bot->world->options;
	return options->grid_side > 0 ? ringcast_area_group(bot) : 1 + bot->player % (uint32_t)options->group_count;
}

static bool chance(struct world *world, double percent)
{
	return percent > 0 && (double)ringcast_prng_below(&world->prng, 1000000) < percent * 10000;
}

static enum payload_target choose_target(struct world *world)
{
	double draw = (double)ringcast_prng_below(&world->prng, 1000000) / 10000;
	if (draw < world->options.group_percent)
		return PAYLOAD_TO_GROUP;
	return draw < world->options.group_percent + world->options.direct_percent ? PAYLOAD_TO_PLAYER : PAYLOAD_TO_ALL;
}

/* The other players in turn; NULL when the one whose turn it is is not there. */
static struct bot *choose_receiver(struct bot *bot)
{
	struct world *world = bot->world;
	uint32_t player_count = (uint32_t)world->options.player_count;
	bot->direct_next = (bot->direct_next + 1) % (player_count - 1);
	uint32_t player = (bot->player + 1 + bot->direct_next) % player_count;
	struct bot *receiver = &world->bots[bot->session * player_count + player];
	return receiver->state == BOT_READY ? receiver : NULL;
}

static uint32_t *counter_of(struct bot *bot, const struct payload *payload)
{
	struct world *world = bot->world;
	if (payload->target != PAYLOAD_TO_PLAYER)
		return &bot->sent[stream_of(payload->target, payload->is_reliable)];
	size_t pair = (size_t)(bot - world->bots) * world->options.player_count + payload->receiver;
	return &world->direct_sent[pair * 2 + payload->is_reliable];
}

static bool address(struct bot *bot, struct payload *payload, struct client_core_message *message)
{
	struct bot *receiver;
	switch ((enum payload_target)payload->target) {
	case PAYLOAD_TO_GROUP:
		payload->receiver = group_of(bot);
		message->target_group = (int32_t)payload->receiver;
		return true;
	case PAYLOAD_TO_PLAYER:
		receiver = choose_receiver(bot);
		if (!receiver)
			return false;
		payload->receiver = receiver->player;
		message->target_player = receiver->core.peer_id;
		return true;
	default:
		message->target_group = PROTO_GROUP_ALL;
		return true;
	}
}

/* Who was in sight of whom is the server's to know as the players move: gaps in what one gets of another are no proof of a loss. */
static bool is_loss_proven(const struct world *world, uint32_t target)
{
	return world->options.grid_side == 0 || target != PAYLOAD_TO_GROUP;
}

/* The server disconnected the sender: what it was to send is missing at every receiver. */
static void lose(struct bot *bot, const struct payload *payload)
{
	struct world *world = bot->world;
	uint64_t count = payload->target == PAYLOAD_TO_PLAYER;
	for (uint32_t i = 0; payload->target != PAYLOAD_TO_PLAYER && i < world->options.player_count; i++) {
		const struct bot *receiver = &world->bots[bot->session * world->options.player_count + i];
		count += !receiver->is_slow && !(receiver == bot && world->options.has_no_echo) && (payload->target == PAYLOAD_TO_ALL || group_of(receiver) == group_of(bot));
	}
	world->counts.lost[payload->is_reliable] += count;
	world->counts.expected += count;
}

static void send_one(struct bot *bot, uint64_t intended_ns)
{
	struct world *world = bot->world;
	uint8_t bytes[PAYLOAD_BYTES_MAX];
	struct payload payload = {
		.run = world->run,
		.session = bot->session,
		.sender = (uint16_t)bot->player,
		.target = (uint8_t)choose_target(world),
		.is_reliable = chance(world, world->options.reliable_percent),
		.intended_ns = intended_ns,
	};
	struct client_core_message message = {
		.opcode = LOAD_OPCODE,
		.is_fast_wanted = !payload.is_reliable,
		.payload = ringcast_view_of(bytes, world->options.size_bytes),
	};
	if (bot->state != BOT_READY || !address(bot, &payload, &message)) {
		world->counts.skipped++;
		if (bot->is_cut && is_loss_proven(world, payload.target))
			lose(bot, &payload);
		return;
	}
	uint32_t *counter = counter_of(bot, &payload);
	payload.sequence = *counter;
	ringcast_payload_encode(&payload, bytes, world->options.size_bytes);
	enum client_core_send_result result = ringcast_client_core_send(&bot->core, &message);
	if (result != CLIENT_CORE_SENT_FAST && result != CLIENT_CORE_SENT_RELIABLE) {
		world->counts.refused++;
		return;
	}
	++*counter;
	world->counts.sent++;
}

static void send_due(struct world *world)
{
	for (unsigned i = 0; i < BURST_MAX; i++) {
		uint64_t intended_ns = ringcast_traffic_next_due_ns(world);
		world->now_ns = ringcast_load_clock_ns();
		if (intended_ns > world->now_ns)
			return;
		struct bot *bot = &world->bots[world->senders[world->schedule_index % world->schedule_count]];
		world->schedule_index++;
		if (world->phase >= LOAD_MEASURE && intended_ns >= world->measure_start_ns && intended_ns < world->measure_end_ns) {
			ringcast_histogram_add(world->lateness, world->now_ns - intended_ns);
			world->counts.late += world->now_ns - intended_ns > LATE_NS;
			world->series.sent++;
		}
		send_one(bot, intended_ns);
	}
}

/* Who had several messages due sends them in one datagram, with --merge. */
void ringcast_traffic_send_due(struct world *world)
{
	uint64_t first = world->schedule_index;
	send_due(world);
	for (uint64_t index = first; index < world->schedule_index; index++)
		ringcast_client_core_flush(&world->bots[world->senders[index % world->schedule_count]].core);
}

/* the books */

static struct tracker *tracker_at(struct world *world, const struct bot *receiver, uint32_t sender, uint32_t stream)
{
	size_t row = (size_t)(receiver - world->bots) * world->sender_count + sender;
	return &world->trackers[row * world->slot_count + (uint32_t)world->slots[stream]];
}

/* What nobody should ever see; the first case is told, all are counted. */
static bool is_leak(const struct bot *bot, const struct payload *payload)
{
	const struct world *world = bot->world;
	if (payload->run != world->run || payload->session != bot->session || payload->sender >= world->sender_count)
		return true;
	if (payload->target >= PAYLOAD_TARGET_COUNT || payload->is_reliable > 1)
		return true;
	if (payload->target == PAYLOAD_TO_PLAYER)
		return payload->receiver != bot->player;
	if (payload->target != PAYLOAD_TO_GROUP)
		return false;
	return world->options.grid_side > 0 ? !ringcast_area_may_see(bot, payload->receiver, payload->intended_ns) : payload->receiver != group_of(bot);
}

static void measure(struct world *world, const struct payload *payload, size_t size, bool is_fast)
{
	if (world->phase == LOAD_MEASURE) {
		world->arrived[is_fast]++;
		world->arrived_bytes += size;
	}
	if (payload->intended_ns < world->measure_start_ns || payload->intended_ns >= world->measure_end_ns)
		return;
	uint64_t latency_ns = world->now_ns > payload->intended_ns ? world->now_ns - payload->intended_ns : 0;
	ringcast_histogram_add(&world->latency[is_fast], latency_ns);
	ringcast_histogram_add(&world->series.latency[is_fast], latency_ns);
}

void ringcast_traffic_receive(struct bot *bot, const struct packet *packet, bool is_fast)
{
	struct world *world = bot->world;
	struct payload payload;
	world->last_arrival_ns = world->now_ns;
	if (packet->opcode != LOAD_OPCODE || !world->trackers) {
		world->counts.foreign++;
		return;
	}
	if (!ringcast_payload_decode(packet->payload.data, packet->payload.size, &payload)) {
		world->counts.damaged++;
		return;
	}
	if (is_leak(bot, &payload) || world->slots[stream_of(payload.target, payload.is_reliable)] < 0) {
		world->counts.leaks++;
		return;
	}
	const struct bot *sender = &world->bots[bot->session * world->options.player_count + payload.sender];
	world->counts.misattributed += packet->sender != sender->core.peer_id && sender->state == BOT_READY && sender->visit == 1;
	world->counts.received[is_fast]++;
	world->counts.bytes_received += packet->payload.size;
	enum tracker_verdict verdict =
		ringcast_tracker_add(tracker_at(world, bot, payload.sender, stream_of(payload.target, payload.is_reliable)), payload.sequence);
	world->counts.duplicates += verdict == TRACKER_DUPLICATE;
	world->counts.reordered += verdict == TRACKER_REORDERED;
	if (verdict != TRACKER_DUPLICATE)
		measure(world, &payload, packet->payload.size, is_fast);
}

/* How many messages of the stream the receiver was to get, since the beginning. */
static uint32_t sent_to(struct world *world, const struct bot *receiver, uint32_t sender, uint32_t stream)
{
	size_t player_count = world->options.player_count;
	struct bot *from = &world->bots[receiver->session * player_count + sender];
	if (stream / 2 == PAYLOAD_TO_PLAYER)
		return world->direct_sent[((size_t)(from - world->bots) * player_count + receiver->player) * 2 + stream % 2];
	if (from == receiver && world->options.has_no_echo) /* to itself it sends by group alone */
		return 0;
	if (stream / 2 == PAYLOAD_TO_GROUP && group_of(from) != group_of(receiver))
		return 0;
	return from->sent[stream];
}

static void book(struct world *world, struct bot *bot, bool is_leaving)
{
	for (uint32_t sender = 0; sender < world->sender_count; sender++) {
		for (uint32_t stream = 0; stream < LOAD_STREAM_COUNT; stream++) {
			if (world->slots[stream] < 0)
				continue;
			struct tracker *tracker = tracker_at(world, bot, sender, stream);
			/* what was under way to one who left is not lost by the server */
			uint64_t lost = 0;
			if (is_loss_proven(world, stream / 2))
				lost = ringcast_tracker_lost(tracker, is_leaving ? 0 : sent_to(world, bot, sender, stream));
			world->counts.lost[stream % 2] += lost;
			world->counts.expected += lost + tracker->count;
			*tracker = (struct tracker){.is_open = true};
		}
	}
}

void ringcast_traffic_reset(struct bot *bot)
{
	if (bot->world->trackers && !bot->is_slow)
		book(bot->world, bot, !bot->is_cut);
}

void ringcast_traffic_finish(struct world *world)
{
	for (uint32_t i = 0; world->trackers && i < world->bot_count; i++) {
		if (!world->bots[i].is_slow)
			book(world, &world->bots[i], world->bots[i].state != BOT_READY);
	}
}
