#include "yard.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/hash.h"
#include "session/command.h"

/* What players get */

static void log_add(struct yard_log *log, uint64_t entry)
{
	if (log->count == log->capacity) {
		log->capacity = 2 * log->capacity + 16;
		log->entries = realloc(log->entries, log->capacity * sizeof(*log->entries));
		cr_assert_not_null(log->entries);
	}
	log->entries[log->count++] = entry;
}

static int compare_ids(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
	return (left > right) - (left < right);
}

/* The order of members in a list is nobody's business. */
static uint64_t hash_of_list(const struct packet *packet)
{
	int32_t ids[YARD_SEATS_MAX];
	cr_assert(packet->membership.player_count <= YARD_SEATS_MAX);
	memcpy(ids, packet->membership.players, packet->membership.player_count * sizeof(*ids));
	qsort(ids, packet->membership.player_count, sizeof(*ids), compare_ids);
	return ringcast_hash_bytes(ids, packet->membership.player_count * sizeof(*ids), (uint64_t)packet->membership.group);
}

static uint64_t hash_of(const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	int32_t head[] = {packet->opcode, packet->sender, fanout->target_player, fanout->target_group, (int32_t)fanout->intent, (int32_t)packet->command};
	uint64_t hash = ringcast_hash_bytes(head, sizeof(head), 0);
	if (packet->command != PACKET_COMMAND_NONE)
		return hash ^ hash_of_list(packet);
	return packet->payload.size > 0 ? ringcast_hash_bytes(packet->payload.data, packet->payload.size, hash) : hash;
}

static void on_deliver(void *context, const struct fanout *fanout)
{
	struct yard_store *store = context;
	uint64_t hash = hash_of(fanout);
	store->yard->delivered[store->index] += fanout->recipient_count - (fanout->skip > 0);
	for (size_t i = 0; i < fanout->recipient_count; i++) {
		if (i + 1 == fanout->skip)
			continue;
		const struct player *player = fanout->recipients[i];
		struct seat *seat = player->transport;
		cr_assert(player->limb == 0 && player->state == PLAYER_ACTIVE, "only those of a shard itself are delivered to there");
		cr_assert(seat->shard == store->index || store->index == store->yard->shard_count);
		log_add(store->index == store->yard->shard_count ? &seat->twin_got : &seat->got, hash);
	}
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	struct yard_store *store = context;
	struct seat *seat = player->transport;
	if (store->index == store->yard->shard_count) {
		seat->twin = NULL;
		return;
	}
	seat->player = NULL;
	seat->is_closed = true;
}

static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static enum drop_reason on_post(void *context, uint32_t target, const struct letter *letter)
{
	struct yard_store *store = context;
	struct yard *yard = store->yard;
	struct yard_queue *queue = &yard->queues[store->index][target];
	cr_assert(target < yard->shard_count && target != store->index && queue->last < YARD_QUEUE_MAX);
	struct yard_letter *posted = malloc(sizeof(*posted));
	cr_assert(posted != NULL && letter->payload.size <= sizeof(posted->payload));
	posted->letter = *letter;
	if (letter->payload.size > 0)
		memcpy(posted->payload, letter->payload.data, letter->payload.size);
	queue->letters[queue->last++] = posted;
	yard->letter_count++;
	yard->deliver_count += letter->kind == LETTER_DELIVER;
	return DROP_NONE;
}

/* Life */

static void fill(void *context, void *out, size_t size)
{
	struct yard *yard = context;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)ringcast_prng_below(&yard->prng, 256);
}

/* Home and the twin say the same to who joins; what a limb's store is asked is a bug. */
static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	const struct yard_store *store = context;
	cr_assert(store->index == 0 || store->index == store->yard->shard_count);
	for (int32_t i = (player->peer_id + group) % 3; i > 0; i--) {
		int32_t content[3] = {player->peer_id, group, i};
		struct packet packet = {.opcode = 8, .sender = PROTO_PEER_SERVER, .payload = ringcast_view_of(content, sizeof(content))};
		cr_assert_eq(ringcast_command_snapshot(session, 0, &packet), DROP_NONE);
	}
	return VERDICT_ALLOW;
}

static void start_store(struct yard *yard, uint32_t index)
{
	struct yard_store *store = &yard->stores[index];
	struct buf_pool_options pool = {.class_counts = {4096, 256, 16}};
	*store = (struct yard_store){.yard = yard, .index = index, .pool = ringcast_buf_pool_create(&pool)};
	ringcast_timer_wheel_init(&store->wheel, yard->now_ns);
	static const struct hooks hooks = {.snapshot = on_snapshot};
	struct store_options options = {
		.hooks = &hooks, .hooks_context = store, .shard_index = index, .sessions_max = 4, .players_max = YARD_SEATS_MAX, .limbs_max = 4, .limb_players_max = YARD_SEATS_MAX,
		.groups_max = 64, .memberships_max = 8 * YARD_SEATS_MAX, .limits = &yard->limits,
		.pool = store->pool, .wheel = &store->wheel, .random = fill, .random_context = yard,
		.outbox = {.context = store, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted, .post = on_post}};
	cr_assert(store->pool != NULL && ringcast_store_init(&store->store, &options));
}

void yard_start(struct yard *yard, uint32_t shard_count, uint32_t players_max, uint64_t seed)
{
	*yard = (struct yard){.shard_count = shard_count, .now_ns = NS_PER_S};
	yard->limits = (struct session_limits){.players_per_session_max = YARD_SEATS_MAX, .groups_per_session_max = 32, .groups_per_player_max = 8, .reservation_timeout_ms = 60000,
					       .membership_push_max = 24, .commands_per_hook_max = 64, .ping_interval_ms = 3000, .spread_mode = SPREAD_AUTO,
					       .spread_players_min = 8, .retained_per_group_max = 3, .retained_bytes = 4096, .snapshot_bytes = 4096, .parked_session_max = 16};
	ringcast_prng_init(&yard->prng, seed);
	for (uint32_t i = 0; i <= shard_count; i++)
		start_store(yard, i);
	for (uint32_t from = 0; from < shard_count; from++)
		for (uint32_t to = 0; to < shard_count; to++)
			yard->queues[from][to].letters = calloc(YARD_QUEUE_MAX, sizeof(struct yard_letter *));
	struct session_options options = {.name = "yard", .players_max = players_max, .empty_timeout_ms = UINT32_MAX}, pinned = options;
	pinned.spread = SPREAD_NEVER;
	cr_assert_eq(ringcast_session_open(&yard->stores[0].store, &options, yard->now_ns, &yard->session), DROP_NONE);
	cr_assert_eq(ringcast_session_open(&yard->stores[shard_count].store, &pinned, yard->now_ns, &yard->twin), DROP_NONE);
	cr_assert_null(yard->twin->spread);
}

static void collect(struct yard *yard)
{
	for (uint32_t i = 0; i <= yard->shard_count; i++)
		ringcast_store_collect(&yard->stores[i].store);
}

void yard_stop(struct yard *yard)
{
	ringcast_session_end_now(yard->session, CLOSE_SESSION_ENDED, yard->now_ns);
	ringcast_session_end_now(yard->twin, CLOSE_SESSION_ENDED, yard->now_ns);
	yard_read_all(yard);
	yard->merged = yard->stores[0].store.lists_merged;
	collect(yard);
	for (uint32_t i = 0; i <= yard->shard_count; i++) {
		ringcast_store_fini(&yard->stores[i].store); /* asserts that nobody is left */
		ringcast_buf_pool_destroy(&yard->stores[i].pool);
	}
	for (uint32_t from = 0; from < yard->shard_count; from++)
		for (uint32_t to = 0; to < yard->shard_count; to++)
			free(yard->queues[from][to].letters);
	for (uint32_t i = 0; i < yard->seat_count; i++) {
		free(yard->seats[i].got.entries);
		free(yard->seats[i].twin_got.entries);
	}
}

/* Players */

static struct player *enter(struct yard *yard, struct store *store, struct session *session, struct seat *seat)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_eq(ringcast_admission_reserve(session, NULL, NULL, yard->now_ns, &player, token), DROP_NONE);
	cr_assert_eq(ringcast_admission_admit(store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), seat, yard->now_ns, &player), DROP_NONE);
	ringcast_admission_accept(player, yard->now_ns);
	return player;
}

/* As a shard does when the login is complete. */
static void wish(const struct seat *seat, struct player *player)
{
	player->has_no_echo = seat->has_no_echo;
}

static void enter_twin(struct yard *yard, struct seat *seat)
{
	seat->twin = enter(yard, &yard->stores[yard->shard_count].store, yard->twin, seat);
	wish(seat, seat->twin);
}

struct seat *yard_join(struct yard *yard, uint32_t shard)
{
	if (yard->seat_count == YARD_SEATS_MAX || yard->session->player_count + yard->session->reserved_count == yard->session->players_max)
		return NULL;
	struct seat *seat = &yard->seats[yard->seat_count];
	*seat = (struct seat){.shard = shard, .index = yard->seat_count++, .has_no_echo = ringcast_prng_chance(&yard->prng, 1, 3)};
	if (shard == 0) {
		seat->player = enter(yard, &yard->stores[0].store, yard->session, seat);
		seat->peer_id = seat->player->peer_id;
		wish(seat, seat->player);
		enter_twin(yard, seat);
		return seat;
	}
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_eq(ringcast_admission_reserve(yard->session, NULL, NULL, yard->now_ns, &player, token), DROP_NONE);
	seat->is_asking = true;
	on_post(&yard->stores[shard], 0, &(struct letter){.kind = LETTER_LOGIN, .conn = seat->index + 1, .payload = ringcast_view_of(token, strlen(token))});
	return seat;
}

static void twin_leaves(struct yard *yard, struct seat *seat)
{
	if (seat->twin != NULL)
		ringcast_player_disconnect(seat->twin, CLOSE_RESET, yard->now_ns);
	seat->twin = NULL;
}

void yard_leave(struct yard *yard, struct seat *seat)
{
	seat->has_left = true;
	if (seat->player == NULL)
		return;
	ringcast_player_disconnect(seat->player, CLOSE_RESET, yard->now_ns);
	seat->player = NULL;
	if (seat->shard == 0)
		twin_leaves(yard, seat);
}

enum drop_reason yard_send(struct yard *yard, struct seat *seat, const struct packet *packet, enum delivery_intent intent)
{
	struct packet copy = *packet, twin_copy = *packet;
	enum drop_reason reason = ringcast_router_route(seat->player, &copy, intent, yard->now_ns);
	if (seat->shard == 0)
		cr_assert_eq(ringcast_router_route(seat->twin, &twin_copy, intent, yard->now_ns), reason);
	return reason;
}

void yard_kick(struct yard *yard, int32_t peer_id)
{
	enum drop_reason reason = ringcast_command_kick(yard->session, peer_id, "enough");
	cr_assert_eq(ringcast_command_kick(yard->twin, peer_id, "enough"), reason);
}

/* Letters */

static struct seat *seat_of(struct yard *yard, const struct letter *letter)
{
	cr_assert(letter->conn > 0 && letter->conn <= yard->seat_count);
	return &yard->seats[letter->conn - 1];
}

static struct seat *seat_of_peer(struct yard *yard, int32_t peer_id)
{
	for (uint32_t i = 0; i < yard->seat_count; i++)
		if (yard->seats[i].twin != NULL && yard->seats[i].twin->peer_id == peer_id)
			return &yard->seats[i];
	return NULL;
}

static void read_login(struct yard *yard, uint32_t from, const struct letter *letter)
{
	uint32_t before = yard->session->player_count;
	ringcast_home_login(&yard->stores[0].store, from, letter, letter->payload, ringcast_view_of(NULL, 0), seat_of(yard, letter)->has_no_echo, yard->now_ns);
	if (yard->session->player_count > before)
		enter_twin(yard, seat_of(yard, letter));
}

/* Home does it, and the twin, whose player may be gone for home as well. */
static void read_at_home(struct yard *yard, uint32_t from, const struct letter *letter)
{
	const struct player *player = ringcast_home_find(&yard->stores[0].store, from, letter);
	struct seat *seat = seat_of_peer(yard, letter->peer_id);
	cr_assert_eq(player != NULL, yard->session->state == SESSION_ACTIVE && seat != NULL);
	enum drop_reason reason = ringcast_home_receive(&yard->stores[0].store, from, letter, yard->now_ns);
	if (player == NULL)
		return;
	if (letter->kind == LETTER_LEFT) {
		twin_leaves(yard, seat);
		return;
	}
	struct packet packet = {.opcode = letter->opcode, .target_player = letter->target_player, .target_group = letter->target_group,
				.command = (enum packet_command)letter->command, .payload = letter->payload};
	if (letter->command != PACKET_COMMAND_NONE)
		packet.group = letter->group;
	cr_assert_eq(ringcast_router_route(seat->twin, &packet, (enum delivery_intent)letter->intent, yard->now_ns), reason);
}

static void read_admitted(struct yard *yard, uint32_t to, const struct letter *letter)
{
	struct seat *seat = seat_of(yard, letter);
	cr_assert(seat->is_asking && seat->shard == to);
	seat->is_asking = false;
	seat->peer_id = letter->peer_id;
	if (seat->has_left)
		ringcast_limb_decline(&yard->stores[to].store, 0, letter, CLOSE_RESET);
	else
		seat->player = ringcast_limb_admit(&yard->stores[to].store, 0, letter, seat, yard->now_ns);
	if (seat->player != NULL)
		wish(seat, seat->player);
}

static void read_letter(struct yard *yard, uint32_t from, uint32_t to, const struct letter *letter)
{
	switch ((enum letter_kind)letter->kind) {
	case LETTER_LOGIN:
		read_login(yard, from, letter);
		break;
	case LETTER_PACKET:
	case LETTER_LEFT:
		read_at_home(yard, from, letter);
		break;
	case LETTER_ADMITTED:
		read_admitted(yard, to, letter);
		break;
	case LETTER_REFUSED: /* the session has ended */
		cr_assert_eq(yard->session->state, SESSION_ENDED);
		break;
	default:
		ringcast_limb_receive(&yard->stores[to].store, from, letter, yard->now_ns);
		break;
	}
}

bool yard_read_one(struct yard *yard, uint32_t from, uint32_t to)
{
	struct yard_queue *queue = &yard->queues[from][to];
	if (queue->first == queue->last)
		return false;
	struct yard_letter *posted = queue->letters[queue->first++];
	if (queue->first == queue->last)
		queue->first = queue->last = 0;
	posted->letter.payload.data = posted->payload;
	read_letter(yard, from, to, &posted->letter);
	free(posted);
	return true;
}

void yard_read_all(struct yard *yard)
{
	bool is_any = true;
	while (is_any) {
		is_any = false;
		uint32_t first = (uint32_t)ringcast_prng_below(&yard->prng, yard->shard_count);
		for (uint32_t i = 0; i < yard->shard_count * yard->shard_count; i++)
			is_any |= yard_read_one(yard, (first + i) % yard->shard_count, i / yard->shard_count);
	}
}

static void expired(void *context, struct timer *timer)
{
	struct yard_store *store = context;
	ringcast_session_expire(&store->store, timer, store->yard->now_ns);
}

void yard_advance_ms(struct yard *yard, uint64_t ms)
{
	yard->now_ns += ms * NS_PER_MS;
	for (uint32_t i = 0; i <= yard->shard_count; i++)
		ringcast_timer_wheel_advance(&yard->stores[i].wheel, yard->now_ns, UINT32_MAX, expired, &yard->stores[i]);
}

/* Comparing */

static void compare_logs(const struct seat *seat)
{
	const struct yard_log *got = &seat->got, *twin = &seat->twin_got;
	bool has_all = !seat->has_left && !seat->is_closed;
	cr_assert(has_all ? got->count == twin->count : got->count <= twin->count, "seat %u on shard %u got %zu of %zu", seat->index, seat->shard, got->count, twin->count);
	for (size_t i = 0; i < got->count; i++)
		cr_assert_eq(got->entries[i], twin->entries[i], "seat %u on shard %u: what it got at place %zu", seat->index, seat->shard, i);
}

void yard_compare(struct yard *yard)
{
	uint32_t in = 0;
	for (uint32_t i = 0; i < yard->seat_count; i++) {
		const struct seat *seat = &yard->seats[i];
		compare_logs(seat);
		cr_assert_eq(seat->player != NULL, seat->twin != NULL);
		in += seat->player != NULL;
		if (seat->player != NULL)
			cr_assert_eq(seat->player->peer_id, seat->twin->peer_id);
	}
	cr_assert_eq(yard->session->player_count, in);
	cr_assert_eq(yard->session->deliveries, yard->twin->deliveries);
	collect(yard);
	for (uint32_t shard = 1; shard < yard->shard_count; shard++)
		cr_assert_eq(yard->stores[shard].store.sessions.count, yard->stores[shard].store.limb_count);
}

void yard_retain(struct yard *yard, int32_t group, uint32_t key, uint32_t number)
{
	struct packet packet = {.opcode = 9, .sender = PROTO_PEER_SERVER, .target_group = group, .payload = ringcast_view_of(&number, sizeof(number))};
	cr_assert_eq(ringcast_command_retain(yard->session, key, &packet), ringcast_command_retain(yard->twin, key, &packet));
}

void yard_forget(struct yard *yard, int32_t group, uint32_t key)
{
	cr_assert_eq(ringcast_command_forget_retained(yard->session, group, key), ringcast_command_forget_retained(yard->twin, group, key));
}
