#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/assert.h"
#include "payload.h"
#include "session/home.h"

#define START_NS (1000 * NS_PER_S)
#define CALM_NS (60 * NS_PER_S)
#define SHUTDOWN_NS (30 * NS_PER_S)
#define JUMP_NS_MAX (2 * NS_PER_S)
#define STEPS_WITHOUT_TIME_MAX 200000
#define NARROW_RING_BYTES (20 << 10)
#define LOADED_PER_MS 1000

/* chance and notes */

uint64_t ringcast_world_below(struct world *world, uint64_t bound)
{
	return ringcast_prng_below(&world->prng, bound);
}

bool ringcast_world_chance(struct world *world, uint32_t chance_in_1000)
{
	return ringcast_prng_below(&world->prng, 1000) < chance_in_1000;
}

void ringcast_world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;
	if (world->model.failure[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(world->model.failure, sizeof(world->model.failure), format, arguments);
	va_end(arguments);
}

void ringcast_world_note(struct world *world, const char *format, ...)
{
	va_list arguments;
	if (world->trace == NULL)
		return;
	fprintf(world->trace, "%12" PRIu64 " us  ", ringcast_sim_network_now_ns(world->network) / NS_PER_US);
	va_start(arguments, format);
	vfprintf(world->trace, format, arguments);
	va_end(arguments);
	fputc('\n', world->trace);
}

static bool has_failed(const struct world *world)
{
	return world->model.failure[0] != '\0';
}

/* the loop */

bool ringcast_world_has_mail(const struct world *world, uint32_t shard)
{
	return ringcast_mailbox_has_mail(world->mailboxes[shard]);
}

/* On a shard that is not its session's home a player is told its port a moment after home has let it in; one that goes again at once perhaps not. */
static void note_ports(struct world *world, uint32_t shard)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		struct bot *bot = &world->bots[i];
		if (bot->given_conn == HANDLE_NONE || bot->given_shard != shard)
			continue;
		const struct conn *conn = ringcast_slab_find(&world->shards[shard]->conns, bot->given_conn);
		if (conn == NULL || conn->state != CONN_JOINED)
			continue;
		bot->has_been_given_port = conn->has_fast_port;
		bot->given_conn = HANDLE_NONE;
	}
}

/* All streams of a shard share io's receive buffers: whoever kept one beyond the turn would keep the others from being read. */
static void check_buffers(struct world *world, uint32_t shard)
{
	struct sim_usage usage = ringcast_io_sim_usage(world->ios[shard]);
	if (usage.stream_buffers_held + usage.datagram_buffers_held > 0)
		ringcast_world_fail(world, "shard %u keeps %u receive buffers beyond its turn", shard, usage.stream_buffers_held + usage.datagram_buffers_held);
}

static bool stands_still(const struct world *world, uint32_t shard)
{
	return world->still_until_ns[shard] > ringcast_sim_network_now_ns(world->network);
}

void ringcast_world_tick(struct world *world, uint32_t shard)
{
	world->is_asleep[shard] = false;
	world->ran |= UINT64_C(1) << shard;
	if (world->swarm.faults.busy > 0) /* so few bots are no load */
		world->shards[shard]->deliveries_per_ms = LOADED_PER_MS;
	ringcast_standstill_end(world, shard, stands_still(world, shard));
	ringcast_shard_tick(world->shards[shard]);
	check_buffers(world, shard);
	ringcast_checker_merged(world, shard);
	if (world->swarm.spread > 0)
		note_ports(world, shard);
}

/* A real shard is inside its io's run from the end of one tick to the next: asleep, and its mailbox knows. A tick that waits there with mail in its mailbox would
 * have gone to sleep on it. */
static void on_block(void *context, const struct io *io)
{
	struct world *world = context;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		if (world->ios[i] == io && ringcast_world_has_mail(world, i))
			ringcast_world_fail(world, "shard %u waits though there is mail for it", i);
	}
}

/* Between two ticks: it lies down, unless there is mail or something to do; how soon is chance, so that others post before, in between and after. */
static bool stays_asleep(struct world *world, uint32_t shard, bool is_in_no_hurry)
{
	if (ringcast_io_sim_is_runnable(world->ios[shard]))
		return false;
	if (!world->is_asleep[shard] && is_in_no_hurry && ringcast_world_chance(world, 300))
		return true;
	if (!world->is_asleep[shard])
		world->is_asleep[shard] = ringcast_mailbox_prepare_sleep(world->mailboxes[shard]);
	return world->is_asleep[shard];
}

static bool run_one_shard(struct world *world, uint32_t first, bool is_idle_tick, bool is_in_no_hurry)
{
	uint32_t count = world->swarm.shard_count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t shard = (first + i) % count;
		if (stands_still(world, shard) || (stays_asleep(world, shard, is_in_no_hurry) && !is_idle_tick))
			continue;
		ringcast_world_tick(world, shard);
		return !is_idle_tick || ringcast_io_sim_is_runnable(world->ios[shard]);
	}
	return false;
}

static bool run_some_shard(struct world *world)
{
	uint32_t first = (uint32_t)ringcast_world_below(world, world->swarm.shard_count);
	bool is_idle_tick = ringcast_world_chance(world, world->swarm.idle_tick);
	if (world->is_frozen)
		return false;
	return run_one_shard(world, first, is_idle_tick, true) || run_one_shard(world, first, false, false);
}

static bool has_mail_of(const struct mailbox *mailbox, uint32_t sender)
{
	return !ringcast_ring_bytes_is_empty(&mailbox->letters[sender]) || !ringcast_ring_spsc_is_empty(&mailbox->rings[sender]) ||
	       !ringcast_ring_bytes_is_empty(&mailbox->strays[sender]);
}

/* Of those that have run since we looked: nobody else can have written. Whoever stood still may have had its mail before, and be overlooked only now. */
static bool has_new_mail(const struct world *world, uint32_t shard)
{
	if (world->swarm.slow_limb > 0)
		return ringcast_world_has_mail(world, shard);
	for (uint64_t ran = world->ran; ran != 0; ran &= ran - 1)
		if (has_mail_of(world->mailboxes[shard], (uint32_t)__builtin_ctzll(ran)))
			return true;
	return false;
}

/*
 * Nobody has anything to do: then nobody may have mail. It would lie there until the shard's heartbeat. One that was rung since we looked runs next: a shard that
 * stands still has spoken when control asked it something, and it is not awake by itself.
 */
static void check_doorbells(struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		if (has_new_mail(world, i) && !stands_still(world, i) && !ringcast_io_sim_is_runnable(world->ios[i]))
			ringcast_world_fail(world, "shard %u sleeps though there is mail for it: nobody rang", i);
	}
	world->ran = 0;
}

static void run_bots(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		ringcast_bot_tick(&world->bots[i]);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_moment(const struct world *world, uint64_t until_ns)
{
	uint64_t next_ns = earlier(until_ns, ringcast_sim_network_next_happening(world->network));
	for (uint32_t i = 0; i < world->swarm.shard_count && !world->is_frozen; i++)
		next_ns = earlier(next_ns, stands_still(world, i) ? world->still_until_ns[i] : ringcast_io_sim_deadline_ns(world->ios[i]));
	if (!world->is_frozen)
		next_ns = earlier(next_ns, ringcast_script_deadline_ns(world));
	for (uint32_t i = 0; i < world->bot_count; i++)
		next_ns = earlier(next_ns, ringcast_bot_deadline_ns(&world->bots[i]));
	return next_ns;
}

static void advance(struct world *world, uint64_t to_ns)
{
	uint64_t now_ns = ringcast_sim_network_now_ns(world->network);
	world->steps_without_time = to_ns > now_ns ? 0 : world->steps_without_time + 1;
	if (world->steps_without_time > STEPS_WITHOUT_TIME_MAX)
		ringcast_world_fail(world, "somebody runs for ever without letting time pass");
	ringcast_sim_network_advance_to(world->network, to_ns > now_ns ? to_ns : now_ns);
}

/* Whoever was asked something runs, and lies down again by itself. */
static bool is_anyone_awake(const struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		if (!world->is_asleep[i] && !stands_still(world, i))
			return true;
	return false;
}

static void begin_all_standstills(struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		ringcast_standstill_begin(world, i);
}

/* Whoever was to run meanwhile runs late. */
static uint64_t jump(struct world *world)
{
	begin_all_standstills(world);
	return ringcast_world_below(world, JUMP_NS_MAX);
}

/* Everything that happens up to a moment. */
static void run_until(struct world *world, uint64_t until_ns)
{
	while (!has_failed(world)) {
		uint64_t now_ns = ringcast_sim_network_now_ns(world->network);
		advance(world, now_ns);
		bool was_runnable = run_some_shard(world);
		run_bots(world);
		if (!world->is_frozen)
			ringcast_script_tick(world);
		if (was_runnable || (!world->is_frozen && is_anyone_awake(world)))
			continue;
		if (!world->is_frozen)
			check_doorbells(world);
		uint64_t next_ns = next_moment(world, until_ns);
		if (next_ns >= until_ns) {
			advance(world, until_ns);
			return;
		}
		if (next_ns > now_ns && ringcast_world_chance(world, world->swarm.jump))
			next_ns += jump(world);
		advance(world, earlier(next_ns, until_ns));
	}
}

void ringcast_world_hold_still(struct world *world, uint32_t shard, uint64_t duration_ns)
{
	ringcast_standstill_begin(world, shard);
	world->still_until_ns[shard] = ringcast_sim_network_now_ns(world->network) + duration_ns;
}

void ringcast_world_freeze(struct world *world, uint64_t duration_ns)
{
	ringcast_script_doubt(world, duration_ns);
	begin_all_standstills(world);
	world->is_frozen = true;
	run_until(world, ringcast_sim_network_now_ns(world->network) + duration_ns);
	world->is_frozen = false;
}

/* setting up */

static struct address server_address(uint32_t index)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)(1 + index)}, .port = 1900};
}

/* A host with one address listens on it, one with several on all. */
static struct address listen_address(const struct swarm *swarm)
{
	struct address address = server_address(0);
	if (swarm->addresses > 0)
		memset(address.ip + 12, 0, 4);
	return address;
}

/* NULL: it is gone. */
static const struct conn *find_conn(struct world *world, const struct session_change *change, uint32_t *ret_shard)
{
	const struct player *player = change->player;
	*ret_shard = player->limb > 0 ? player->limb - 1u : ((const struct shard *)CONTAINER_OF(change->session->store, struct shard, store))->options.index;
	return player->limb > 0 ? ringcast_slab_find(&world->shards[*ret_shard]->conns, (handle)(uintptr_t)player->transport) : player->transport;
}

/* A bot that is cut off before it reads the answer to its login never learns what it was given. Of several with one token the address tells which came in. */
static void on_change(void *context, const struct session_change *change)
{
	struct world *world = context;
	if (change->kind != CHANGE_PLAYER_ACCEPTED)
		return;
	uint32_t shard;
	const struct conn *conn = find_conn(world, change, &shard);
	if (conn == NULL)
		return; /* it went while its login was decided on another shard, and reads no answer */
	for (uint32_t i = 0; i < world->bot_count; i++) {
		struct bot *bot = &world->bots[i];
		if (!ringcast_tokens_is_bot_of(bot, change->player) || !ringcast_address_is_equal(&bot->tcp, &conn->address))
			continue;
		bot->given_peer_id = change->player->peer_id;
		ringcast_tokens_admitted(world, bot);
		world->hits[HIT_signed_stays] |= bot->signature.is_signed && change->player->limb > 0;
		bot->has_been_given_port = conn->has_fast_port;
		bot->given_shard = shard;
		bot->given_conn = change->player->limb > 0 ? conn->self : HANDLE_NONE;
		return;
	}
	ringcast_world_fail(world, "peer %d was accepted, and no bot is it", change->player->peer_id);
}

static bool create_shard(struct world *world, uint32_t index, char *error, size_t error_bytes)
{
	const struct swarm *swarm = &world->swarm;
	struct jwt_keys token_keys;
	struct shard_options options = {
		.index = index,
		.count = swarm->shard_count,
		.limits = swarm->limits,
		.listens = {{.address = listen_address(swarm), .is_v4 = true}},
		.listen_count = 1,
		.udp_port_base = (uint16_t)(33400 + index * swarm->udp_port_count),
		.udp_port_count = swarm->udp_port_count,
		.is_udp_address_free = swarm->is_udp_address_free,
		.mailboxes = world->mailboxes,
		.security = swarm->security,
		.flush_portion = swarm->flush_portion,
		.spread = swarm->spread > 0 ? (enum spread_mode)swarm->spread : SPREAD_NEVER,
		.credentials = ringcast_world_make_credentials(world),
		.change = on_change,
		.change_context = world,
	};
	ringcast_tokens_equip(world, &options, &token_keys);
	world->ios[index] = ringcast_io_sim_create(world->network, &swarm->io);
	ringcast_assert(world->ios[index] != NULL);
	world->shards[index] = ringcast_shard_create(&options, world->ios[index], error, error_bytes);
	return world->shards[index] != NULL;
}

static void create_shards(struct world *world)
{
	char error[200] = "";
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		world->mailboxes[i] = ringcast_mailbox_create_sized(world->swarm.shard_count, world->swarm.narrow_rings > 0 ? NARROW_RING_BYTES : MAILBOX_LETTERS_BYTES);
		ringcast_assert(world->mailboxes[i] != NULL);
	}
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		if (!create_shard(world, i, error, sizeof(error)))
			ringcast_world_fail(world, "shard %u: %s", i, error);
		ringcast_assert(!has_failed(world)); /* nothing can be run without it */
	}
	for (uint32_t i = 0; i < world->swarm.session_count; i++) {
		if (!ringcast_world_open_session(world, i, (uint32_t)ringcast_world_below(world, world->swarm.shard_count)))
			ringcast_world_fail(world, "session %u cannot be opened", i);
	}
}

static void world_init(struct world *world, const struct swarm *swarm, FILE *trace)
{
	struct sim_network_options options = {
		.seed = swarm->seed,
		.start_ns = START_NS,
		.latency_ns = swarm->latency_ns,
		.stream_window_bytes = swarm->window_bytes,
		.faults = swarm->faults,
		.trace = trace,
		.on_block = on_block,
		.on_block_context = world,
	};
	bool is_corrupt = swarm->faults.corrupt > 0 || swarm->faults.truncate > 0;
	*world = (struct world){.swarm = *swarm, .trace = trace};
	ringcast_prng_init(&world->prng, swarm->seed + 1);
	ringcast_prng_init(&world->script_prng, swarm->seed ^ UINT64_C(0x6a73));
	ringcast_prng_init(&world->crypto_prng, swarm->seed ^ UINT64_C(0x746c73));
	world->network = ringcast_sim_network_create(&options);
	world->bots = calloc(SWARM_BOTS_MAX, sizeof(*world->bots));
	ringcast_assert(world->network != NULL && world->bots != NULL);
	ringcast_model_init(&world->model, SWARM_BOTS_MAX, ringcast_swarm_may_refuse(swarm), is_corrupt);
	world->model.is_address_free = swarm->is_udp_address_free;
	world->net = (struct bot_net){
		.network = world->network, .model = &world->model, .servers = {server_address(0), server_address(1)},
				     .server_count = swarm->addresses > 0 ? 2 : 1, .is_corrupt = is_corrupt};
	world->net.may_have_gaps = swarm->narrow_memory > 0 || swarm->narrow_pool > 0;
	if (swarm->security != SHARD_PLAIN)
		ringcast_world_make_clients(world);
	create_shards(world);
}

/* Every life has UDP and TCP ports of its own; an IP of its own too, unless some share one as behind a NAT. */
static struct address bot_address(const struct world *world, uint32_t index, uint16_t port_base)
{
	uint8_t host = (uint8_t)(world->swarm.has_shared_ips ? 1 + index % 3 : 1 + index);
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = 1, [15] = host}, .port = (uint16_t)(port_base + index)};
}

/* Many wait for the answer to their login, as the SDKs do; the others say all they have at once. */
static struct bot_login draw_login(struct world *world)
{
	struct bot_login login = {.is_eager = ringcast_world_chance(world, 300)};
	if (ringcast_world_chance(world, 600))
		return login;
	login.message_count = 1 + (uint32_t)ringcast_world_below(world, 8);
	login.payload_bytes = PAYLOAD_BYTES_MIN + (uint32_t)ringcast_world_below(world, world->swarm.payload_bytes_max - PAYLOAD_BYTES_MIN + 1);
	if (ringcast_world_chance(world, 300))
		login.group = 1 + (int32_t)ringcast_world_below(world, world->swarm.group_count);
	return login;
}

struct bot *ringcast_world_spawn(struct world *world, uint32_t session, const char *token)
{
	char reserved[PLAYER_TOKEN_BYTES];
	if (world->bot_count == SWARM_BOTS_MAX || world->sessions[session].is_ended)
		return NULL;
	if (token == NULL && !ringcast_world_reserve(world, session, reserved))
		return NULL;
	uint32_t index = ringcast_model_add_bot(&world->model, session);
	struct bot *bot = &world->bots[index];
	ringcast_assert(index == world->bot_count);
	world->bot_count++;
	ringcast_bot_init(bot, &world->net, index,
		       &(struct bot_options){.session = session,
					     .token = token != NULL ? token : reserved,
					     .login = draw_login(world),
					     .tcp = bot_address(world, index, 20000),
					     .udp = bot_address(world, index, 33400),
					     .server = index % world->net.server_count,
					     .may_merge = world->swarm.merging > 0 && ringcast_world_chance(world, world->swarm.merging),
					     .may_resume = world->swarm.tearing > 0 && index % 4 != 3,
					     .no_echo = world->swarm.has_no_echo && index % 3 == 1,
					     .is_secure = world->swarm.secure_chance > 0 && ringcast_world_chance(world, world->swarm.secure_chance)});
	if (world->swarm.crowding > 0 && session == 0 && index % 2 == 1)
		bot->read_bytes_max = 1 + (uint32_t)ringcast_world_below(world, 8);
	if (world->swarm.slow > 0 && ringcast_world_chance(world, world->swarm.slow))
		bot->read_bytes_max = 1 + (uint32_t)ringcast_world_below(world, 400);
	ringcast_world_note(world, "bot %u connects for session %u on shard %u", index, session, world->sessions[session].shard);
	return bot;
}

/* the three phases */

static void play(struct world *world)
{
	world->is_playing = true;
	for (uint32_t i = 0; i < world->swarm.action_count && !has_failed(world); i++) {
		ringcast_world_act(world);
		run_until(world, ringcast_sim_network_now_ns(world->network) + ringcast_world_below(world, world->swarm.pause_ns_max) + 1);
	}
}

static uint32_t shards_of(const struct session *session)
{
	return session->spread != NULL && !session->spread->is_limb ? (uint32_t)__builtin_popcountll(session->spread->all.mask) : 0;
}

void ringcast_world_note_hits(struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		const struct shard *shard = world->shards[i];
		const struct shard_counters *counters = &shard->counters;
		world->hits[HIT_ring_full] |= counters->letters_waited > 0;
		world->hits[HIT_message_lost] |= counters->drops[DROP_LETTERS_FULL] > 0 && counters->letters_waited > 0;
		world->hits[HIT_list_waits] |= shard->store.lists_merged > 0;
		world->hits[HIT_sender_paused] |= counters->senders_paused > 0;
		world->hits[HIT_shard_stuck] |= counters->letters_stuck > 0;
		world->hits[HIT_limb_dies_joining] |= counters->logins_declined > 0;
		world->hits[HIT_home_ends] |= counters->drops[DROP_SESSION_ENDED] > 0 && counters->letters_read > 0;
		handle self;
		for (uint32_t j = 0; j < shard->store.sessions.high_water; j++) {
			const struct session *session = ringcast_slab_at(&shard->store.sessions, j, &self);
			world->hits[HIT_many_shards] |= session != NULL && shards_of(session) > SWARM_SHARDS_FEW;
		}
	}
}

static void calm_down(struct world *world)
{
	ringcast_world_note_hits(world);
	ringcast_world_note(world, "faults stop");
	memset(world->still_until_ns, 0, sizeof(world->still_until_ns));
	ringcast_sim_network_set_faults(world->network, &(struct sim_faults){0});
	world->swarm.jump = world->swarm.idle_tick = 0;
	world->is_playing = false;
	world->is_calm = world->net.is_calm = true;
	run_until(world, ringcast_sim_network_now_ns(world->network) + CALM_NS);
	if (!has_failed(world))
		ringcast_checker_after_calm(world);
}

static bool are_shards_idle(const struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		if (!ringcast_shard_is_idle(world->shards[i]))
			return false;
	}
	return true;
}

static void shut_down(struct world *world)
{
	uint64_t until_ns = ringcast_sim_network_now_ns(world->network) + SHUTDOWN_NS;
	ringcast_world_note(world, "shutdown");
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		ringcast_shard_stop(world->shards[i]);
	while (!has_failed(world) && !are_shards_idle(world) && ringcast_sim_network_now_ns(world->network) < until_ns)
		run_until(world, ringcast_sim_network_now_ns(world->network) + 100 * NS_PER_MS);
	for (uint32_t i = 0; i < world->swarm.shard_count && !has_failed(world); i++)
		ringcast_world_tick(world, i); /* its last datagrams leave */
	ringcast_world_note_hits(world);
	if (!has_failed(world))
		ringcast_checker_after_shutdown(world);
}

/* After a failure the shards are in the middle of something: they are left to the end of the process. */
static void world_fini(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		ringcast_bot_fini(&world->bots[i]);
	for (uint32_t i = 0; i < world->swarm.shard_count && !has_failed(world); i++) {
		ringcast_mailbox_close(world->mailboxes[i]);
		ringcast_shard_destroy(&world->shards[i]);
		ringcast_mailbox_destroy(&world->mailboxes[i]);
	}
	if (!has_failed(world))
		ringcast_sim_network_destroy(&world->network);
	ringcast_world_release_clients(world);
	ringcast_model_fini(&world->model);
	free(world->bots);
}

void ringcast_world_run(const struct swarm *swarm, FILE *trace, struct world_report *ret_report)
{
	struct world world;
	world_init(&world, swarm, trace);
	ringcast_relief_watch(&world);
	ringcast_standstill_watch(&world);
	play(&world);
	if (!has_failed(&world))
		calm_down(&world);
	if (!has_failed(&world))
		shut_down(&world);
	*ret_report = (struct world_report){
		.is_ok = !has_failed(&world),
		.trace_hash = ringcast_sim_network_trace_hash(world.network),
		.virtual_ns = ringcast_sim_network_now_ns(world.network) - START_NS,
		.message_count = world.model.message_count,
		.receipt_count = world.model.receipt_count,
		.lives = world.bot_count,
	};
	memcpy(ret_report->hits, world.hits, sizeof(ret_report->hits));
	memcpy(ret_report->failure, world.model.failure, sizeof(ret_report->failure));
	world_fini(&world);
}
