#include "session/limb.h"

#include <stdlib.h>

#include "base/magic.h"
#include "session/fanout.h"
#include "session/group.h"
#include "session/player.h"
#include "session/session_impl.h"

enum { HOME_BITS = 6, INDEX_BITS = 24, PLAYERS_FIRST = 16 };
static_assert(LIMBS_MAX == 1 << HOME_BITS, "a home's shard fits its bits");

static const struct hooks no_hooks;

static uint64_t limb_key(uint32_t home_shard, handle home)
{
	uint32_t index = ringcast_handle_index(home);
	ringcast_assert(home_shard < LIMBS_MAX && index < 1u << INDEX_BITS);
	return (uint64_t)ringcast_handle_generation(home) << 32 | home_shard << INDEX_BITS | index;
}

struct session *ringcast_limb_find(struct store *store, uint32_t home_shard, const struct letter *letter)
{
	return ringcast_slab_find(&store->sessions, ringcast_map_find(&store->limbs_by_home, limb_key(home_shard, letter->session)));
}

static void tell_left(struct store *store, uint32_t home_shard, handle home, int32_t peer_id, enum close_reason reason)
{
	const struct outbox *outbox = &store->options.outbox;
	outbox->post(outbox->context, home_shard, &(struct letter){.kind = LETTER_LEFT, .session = home, .peer_id = peer_id, .reason = (uint8_t)reason});
}

/* Life */

static bool limb_init(struct session *limb, uint32_t home_shard, const struct letter *letter)
{
	struct letter_facts facts;
	memcpy(&facts, letter->payload.data, sizeof(facts));
	limb->players_max = PLAYERS_FIRST;
	limb->players = calloc(limb->players_max, sizeof(struct player *));
	limb->spread = calloc(1, sizeof(*limb->spread));
	if (limb->players == NULL || limb->spread == NULL)
		return false;
	*limb->spread = (struct spread){.is_limb = true, .home_shard = home_shard, .home = letter->session};
	memcpy(limb->id, facts.session_id, sizeof(limb->id));
	memcpy(limb->name, facts.session_name, sizeof(limb->name)); /* for who reads a dump: no login finds it by that */
	limb->ping_interval_ms = facts.ping_interval_ms;
	limb->resume_window_ms = facts.resume_window_ms;
	limb->state = SESSION_ACTIVE;
	limb->hooks = &no_hooks;
	limb->created_ns = limb->store->now_ns;
	ringcast_session_init_lists(limb);
	return true;
}

static struct session *limb_create(struct store *store, uint32_t home_shard, const struct letter *letter)
{
	handle self;
	struct session *limb = store->limbs_by_home.count < store->options.limbs_max ? ringcast_slab_alloc(&store->sessions, &self) : NULL;
	if (limb == NULL)
		return NULL;
	limb->magic = SESSION_MAGIC;
	limb->store = store;
	limb->self = self;
	if (!limb_init(limb, home_shard, letter)) {
		free(limb->players);
		free(limb->spread);
		ringcast_slab_free(&store->sessions, self);
		return NULL;
	}
	bool was_added = ringcast_map_add(&store->limbs_by_home, limb_key(home_shard, letter->session), self);
	ringcast_assert(was_added); /* the map has room for limbs_max */
	store->limb_count++;
	return limb;
}

/* Nobody is in it any more. */
static void bury(struct session *limb, enum close_reason reason)
{
	struct store *store = limb->store;
	ringcast_assert(limb->player_count == 0 && limb->group_count == 0 && limb->state == SESSION_ACTIVE);
	limb->state = SESSION_ENDED;
	limb->close_reason = (uint8_t)reason;
	bool was_there = ringcast_map_remove(&store->limbs_by_home, limb_key(limb->spread->home_shard, limb->spread->home));
	ringcast_assert(was_there);
	ringcast_list_add_tail(&store->graveyard_sessions, &limb->node);
}

static void leave(struct player *player, enum close_reason reason)
{
	struct session *limb = player->session;
	ringcast_player_leave(player, reason);
	if (limb->player_count == 0)
		bury(limb, reason);
}

/* Players */

static bool has_room(struct session *limb)
{
	const struct store *store = limb->store;
	if (store->limb_player_count == store->options.limb_players_max)
		return false;
	if (limb->player_count < limb->players_max)
		return true;
	return ringcast_session_resize(limb, 2 * limb->players_max);
}

static bool copy_id(struct player *player, const struct letter *letter)
{
	const char *player_id = (const char *)letter->payload.data + sizeof(struct letter_facts);
	size_t id_bytes = letter->payload.size - sizeof(struct letter_facts);
	if (id_bytes <= 1)
		return true;
	char *text = ringcast_player_text(player, id_bytes + 1);
	if (text == NULL)
		return false;
	memcpy(text, player_id, id_bytes);
	text[id_bytes] = '\0'; /* no data: that is home's to know */
	return true;
}

static struct player *player_create(struct session *limb, const struct letter *letter, void *transport)
{
	struct store *store = limb->store;
	handle self;
	struct player *player = has_room(limb) ? ringcast_slab_alloc(&store->players, &self) : NULL;
	if (player == NULL)
		return NULL;
	player->magic = PLAYER_MAGIC;
	player->session = limb;
	player->self = self;
	if (!copy_id(player, letter)) {
		ringcast_slab_free(&store->players, self);
		return NULL;
	}
	store->limb_player_count++;
	player->created_ns = player->joined_ns = store->now_ns;
	player->transport = transport;
	ringcast_player_appear(player, letter->peer_id);
	return player;
}

bool ringcast_limb_has_room(const struct store *store, uint32_t asked_count)
{
	return store->options.limbs_max > 0 && store->limb_player_count + (uint64_t)asked_count < store->options.limb_players_max;
}

struct player *ringcast_limb_admit(struct store *store, uint32_t home_shard, const struct letter *letter, void *transport, uint64_t now_ns)
{
	ringcast_assert(letter->kind == LETTER_ADMITTED && letter->payload.size > sizeof(struct letter_facts));
	store->now_ns = now_ns;
	struct session *limb = ringcast_limb_find(store, home_shard, letter);
	if (limb == NULL)
		limb = limb_create(store, home_shard, letter);
	struct player *player = limb != NULL ? player_create(limb, letter, transport) : NULL;
	if (player != NULL)
		return player;
	if (limb != NULL && limb->player_count == 0)
		bury(limb, CLOSE_NO_RESOURCES);
	ringcast_limb_decline(store, home_shard, letter, CLOSE_NO_RESOURCES);
	return NULL;
}

void ringcast_limb_decline(struct store *store, uint32_t home_shard, const struct letter *letter, enum close_reason reason)
{
	tell_left(store, home_shard, letter->session, letter->peer_id, reason);
}

void ringcast_limb_disconnect(struct player *player, enum close_reason reason)
{
	const struct spread *spread = player->session->spread;
	if (player->state != PLAYER_ACTIVE)
		return;
	tell_left(player->session->store, spread->home_shard, spread->home, player->peer_id, reason);
	leave(player, reason);
}

static void tell_about(const struct player *player, enum letter_kind kind)
{
	const struct spread *spread = player->session->spread;
	const struct outbox *outbox = &player->session->store->options.outbox;
	outbox->post(outbox->context, spread->home_shard,
		     &(struct letter){.kind = (uint8_t)kind, .session = spread->home, .conn = (handle)(uintptr_t)player->transport, .peer_id = player->peer_id});
}

void ringcast_limb_tell_dropped(struct player *player)
{
	player->is_fast = false; /* home knows that it has none then */
	tell_about(player, LETTER_DROPPED);
}

void ringcast_limb_tell_returned(struct player *player)
{
	tell_about(player, LETTER_RETURNED);
}

void ringcast_limb_tell_fast(struct player *player, bool is_fast)
{
	if (player->is_fast == is_fast)
		return;
	player->is_fast = is_fast;
	tell_about(player, is_fast ? LETTER_FAST_UP : LETTER_FAST_DOWN);
}

/* Sent away from here; home knows, or is told. */
static void send_away(struct player *player, enum close_reason reason, const char *text)
{
	const struct outbox *outbox = &player->session->store->options.outbox;
	leave(player, reason);
	outbox->disconnect(outbox->context, player, reason, text != NULL ? text : ringcast_close_text(reason));
}

static void give_up(struct player *player, enum close_reason reason)
{
	const struct spread *spread = player->session->spread;
	tell_left(player->session->store, spread->home_shard, spread->home, player->peer_id, reason);
	send_away(player, reason, NULL);
}

void ringcast_limb_end(struct session *limb, enum close_reason reason, uint64_t now_ns)
{
	limb->store->now_ns = now_ns;
	while (limb->state == SESSION_ACTIVE)
		give_up(limb->players[limb->player_count - 1], reason);
}

/* Messages */

enum drop_reason ringcast_limb_forward(struct player *player, const struct packet *packet, enum delivery_intent intent)
{
	const struct session *limb = player->session;
	const struct outbox *outbox = &limb->store->options.outbox;
	struct letter letter = {.kind = LETTER_PACKET, .session = limb->spread->home, .peer_id = player->peer_id, .opcode = packet->opcode,
				.target_player = packet->target_player, .target_group = packet->target_group, .intent = (uint8_t)intent, .payload = packet->payload};
	switch (packet->command) {
	case PACKET_COMMAND_JOIN_GROUP:
	case PACKET_COMMAND_LEAVE_GROUP:
	case PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP:
		letter.command = (uint8_t)packet->command;
		letter.group = packet->group;
		break;
	default: /* of the others nothing goes further */
		break;
	}
	return outbox->post(outbox->context, limb->spread->home_shard, &letter);
}

/* Home's members are this limb's, in home's order; but the sender may have left here already. */
static size_t skip_of(struct session *limb, const struct letter *letter)
{
	struct player *sender = letter->is_quiet ? ringcast_session_find_player(limb, letter->peer_id) : NULL;
	return sender != NULL && ringcast_group_has(sender, letter->target_group) ? ringcast_group_skip(sender, letter->target_group) : 0;
}

static void deliver(struct session *limb, const struct letter *letter, const struct packet *packet)
{
	const struct outbox *outbox = &limb->store->options.outbox;
	bool is_of_group = letter->target_group != PROTO_GROUP_NONE;
	struct fanout fanout = {.packet = packet, .target_player = is_of_group ? PROTO_PEER_NONE : letter->target_player, .target_group = letter->target_group,
				.intent = (enum delivery_intent)letter->intent};
	struct player *player;
	if (letter->target_player != PROTO_PEER_NONE) {
		player = ringcast_session_find_player(limb, letter->target_player);
		fanout.recipients = &player;
		fanout.recipient_count = player != NULL;
	} else {
		fanout.recipients = ringcast_group_members(limb, letter->target_group, &fanout.recipient_count);
		fanout.skip = skip_of(limb, letter);
	}
	size_t meant_count = fanout.recipient_count - (fanout.skip > 0);
	if (meant_count == 0)
		return;
	limb->deliveries += meant_count;
	outbox->deliver(outbox->context, &fanout);
}

static void receive_message(struct session *limb, const struct letter *letter)
{
	const struct packet packet = {.opcode = letter->opcode, .sender = letter->peer_id, .is_reliable = letter->intent == INTENT_RELIABLE,
				      .payload = letter->payload};
	deliver(limb, letter, &packet);
}

static void receive_roster(struct session *limb, const struct letter *letter)
{
	const struct packet packet = {
		.opcode = letter->opcode, .sender = letter->peer_id, .command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
		.membership = {.group = letter->group, .players = (const int32_t *)(const void *)letter->payload.data,
			       .player_count = (uint32_t)(letter->payload.size / sizeof(int32_t))}};
	deliver(limb, letter, &packet);
}

static void receive_answer(struct session *limb, const struct letter *letter)
{
	const struct outbox *outbox = &limb->store->options.outbox;
	const int32_t *ids = (const int32_t *)(const void *)letter->payload.data;
	const struct packet packet = {
		.opcode = letter->opcode, .sender = letter->peer_id, .command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
		.membership = {.group = letter->group, .players = ids + letter->recipient_count,
			       .player_count = (uint32_t)(letter->payload.size / sizeof(*ids)) - letter->recipient_count}};
	struct player *players[FANOUT_SOME_MAX];
	size_t count = 0;
	ringcast_assert(letter->recipient_count <= FANOUT_SOME_MAX);
	for (uint32_t i = 0; i < letter->recipient_count; i++)
		if ((players[count] = ringcast_session_find_player(limb, ids[i])) != NULL)
			count++;
	if (count == 0)
		return;
	limb->deliveries += count;
	outbox->deliver(outbox->context, &(struct fanout){.packet = &packet, .target_group = letter->target_group, .intent = INTENT_RELIABLE,
							  .recipients = players, .recipient_count = count});
}

/* As home recorded it. */
static void receive_kick(struct player *player, const struct letter *letter)
{
	struct store *store = player->session->store;
	char text[CLOSE_TEXT_BYTES_MAX + 1] = "";
	ringcast_assert(letter->payload.size < sizeof(text) && store->origin == NULL);
	if (letter->payload.size > 0)
		memcpy(text, letter->payload.data, letter->payload.size);
	store->origin = letter->is_by_api ? "api" : NULL;
	send_away(player, (enum close_reason)letter->reason, letter->payload.size > 0 ? text : NULL);
	store->origin = NULL;
}

static void receive_about(struct session *limb, const struct letter *letter)
{
	struct player *player = ringcast_session_find_player(limb, letter->peer_id);
	if (player == NULL)
		return;
	switch ((enum letter_kind)letter->kind) {
	case LETTER_JOIN: /* who cannot be in it here would miss its messages */
		if (ringcast_group_join(player, letter->group, limb->store->now_ns) != DROP_NONE)
			give_up(player, CLOSE_NO_RESOURCES);
		break;
	case LETTER_LEAVE:
		ringcast_group_leave(player, letter->group, limb->store->now_ns);
		break;
	case LETTER_KICK:
		receive_kick(player, letter);
		break;
	default:
		ringcast_unreachable("letter about a player");
	}
}

void ringcast_limb_receive(struct store *store, uint32_t home_shard, const struct letter *letter, uint64_t now_ns)
{
	struct session *limb = ringcast_limb_find(store, home_shard, letter);
	store->now_ns = now_ns;
	if (limb == NULL)
		return;
	if (letter->kind == LETTER_DELIVER)
		receive_message(limb, letter);
	else if (letter->kind == LETTER_ROSTER)
		receive_roster(limb, letter);
	else if (letter->kind == LETTER_ANSWER)
		receive_answer(limb, letter);
	else
		receive_about(limb, letter);
}
