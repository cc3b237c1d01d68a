#include "session/home.h"

#include <stdlib.h>

#include "session/admission.h"
#include "session/command.h"
#include "session/fanout.h"
#include "session/player.h"
#include "session/roster.h"
#include "session/session_impl.h"

/* Counts */

void ringcast_limbs_add(struct limbs *limbs, uint32_t shard)
{
	ringcast_assert(shard < LIMBS_MAX);
	limbs->remote_count++;
	limbs->counts[shard]++;
	limbs->mask |= UINT64_C(1) << shard;
}

void ringcast_limbs_remove(struct limbs *limbs, uint32_t shard)
{
	ringcast_assert(shard < LIMBS_MAX && limbs->counts[shard] > 0 && limbs->remote_count > 0);
	limbs->remote_count--;
	if (--limbs->counts[shard] == 0)
		limbs->mask &= ~(UINT64_C(1) << shard);
}

static bool may_spread(const struct session *session)
{
	const struct store_options *options = &session->store->options;
	if (options->outbox.post == NULL)
		return false;
	return session->spread_mode == SPREAD_ALWAYS || (session->spread_mode == SPREAD_AUTO && session->players_max >= options->limits->spread_players_min);
}

bool ringcast_home_spread(struct session *session)
{
	if (session->spread != NULL || !may_spread(session))
		return true;
	session->spread = calloc(1, sizeof(*session->spread));
	if (session->spread == NULL)
		return false;
	session->store->spread_count++;
	return true;
}

/* Letters to limbs */

static void post(const struct session *session, uint32_t shard, const struct letter *letter)
{
	const struct outbox *outbox = &session->store->options.outbox;
	outbox->post(outbox->context, shard, letter); /* what is lost is the sink's to count */
}

static void post_about(const struct player *player, enum letter_kind kind, int32_t group)
{
	post(player->session, ringcast_player_shard(player),
	     &(struct letter){.kind = (uint8_t)kind, .session = player->session->self, .peer_id = player->peer_id, .group = group});
}

static handle conn_of(const struct player *player)
{
	return (handle)(uintptr_t)player->transport;
}

static void post_admitted(const struct player *player)
{
	const struct session *session = player->session;
	struct {
		struct letter_facts facts;
		char player_id[PLAYER_ID_BYTES];
	} payload = {.facts = {.ping_interval_ms = session->ping_interval_ms, .players_max = session->players_max,
			       .resume_window_ms = session->resume_window_ms}};
	size_t id_bytes = strlen(ringcast_player_id(player)) + 1;
	memcpy(payload.facts.session_id, session->id, sizeof(payload.facts.session_id));
	memcpy(payload.facts.session_name, session->name, sizeof(payload.facts.session_name));
	memcpy(payload.player_id, ringcast_player_id(player), id_bytes);
	post(session, ringcast_player_shard(player),
	     &(struct letter){.kind = LETTER_ADMITTED, .session = session->self, .conn = conn_of(player), .peer_id = player->peer_id,
			      .payload = ringcast_view_of(&payload, sizeof(payload.facts) + id_bytes)});
}

static void post_refused(struct store *store, uint32_t shard, handle conn, enum drop_reason reason)
{
	const struct outbox *outbox = &store->options.outbox;
	outbox->post(outbox->context, shard, &(struct letter){.kind = LETTER_REFUSED, .conn = conn, .reason = (uint8_t)reason});
}

void ringcast_home_tell_admitted(struct player *player, enum drop_reason reason)
{
	const struct outbox *outbox = &player->session->store->options.outbox;
	if (player->limb == 0)
		outbox->admitted(outbox->context, player, reason);
	else if (reason == DROP_NONE)
		post_admitted(player);
	else
		post_refused(player->session->store, ringcast_player_shard(player), conn_of(player), reason);
}

void ringcast_home_kick(struct player *player, enum close_reason reason, const char *text)
{
	size_t text_bytes = text != NULL ? ringcast_close_text_bytes(text) : 0;
	post(player->session, ringcast_player_shard(player),
	     &(struct letter){.kind = LETTER_KICK, .session = player->session->self, .peer_id = player->peer_id, .reason = (uint8_t)reason,
			      .is_by_api = player->session->store->origin != NULL, .payload = ringcast_view_of(text, text_bytes)});
}

void ringcast_home_join(const struct player *player, int32_t group)
{
	post_about(player, LETTER_JOIN, group);
}

void ringcast_home_leave(const struct player *player, int32_t group)
{
	post_about(player, LETTER_LEAVE, group);
}

/* What the receivers get, for a target that is yet to be said. */
static struct letter letter_of(const struct session *session, const struct packet *packet, enum delivery_intent intent)
{
	struct letter letter = {.kind = LETTER_DELIVER, .session = session->self, .peer_id = packet->sender, .opcode = packet->opcode, .intent = (uint8_t)intent,
				.payload = packet->payload};
	if (packet->command == PACKET_COMMAND_NONE)
		return letter;
	ringcast_assert(packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE); /* nothing else goes to players by way of a session */
	letter.kind = LETTER_ROSTER;
	letter.group = packet->membership.group;
	letter.payload = ringcast_view_of(packet->membership.players, packet->membership.player_count * sizeof(*packet->membership.players));
	return letter;
}

void ringcast_home_to_player(struct session *session, const struct packet *packet, enum delivery_intent intent, const struct player *player, int32_t group)
{
	struct letter letter = letter_of(session, packet, intent);
	letter.target_player = player->peer_id;
	letter.target_group = group;
	letter.recipient_count = letter.total_count = 1;
	post(session, ringcast_player_shard(player), &letter);
}

static uint64_t shard_bit(const struct player *player)
{
	return player != NULL && player->limb > 0 ? UINT64_C(1) << ringcast_player_shard(player) : 0;
}

void ringcast_home_to_group(struct session *session, const struct group_message *message)
{
	const struct limbs *limbs = message->limbs;
	uint64_t leaver_shard = shard_bit(message->leaver), quiet_shard = shard_bit(message->quiet_sender);
	uint64_t shards = (limbs != NULL ? limbs->mask : 0) | leaver_shard;
	if (shards == 0)
		return;
	struct letter letter = letter_of(session, message->packet, message->intent);
	letter.target_group = message->group;
	letter.total_count = (uint32_t)message->total_count;
	letter.is_quiet = message->quiet_sender != NULL;
	for (; shards != 0; shards &= shards - 1) {
		uint32_t shard = (uint32_t)__builtin_ctzll(shards);
		letter.recipient_count = (limbs != NULL ? limbs->counts[shard] : 0) + (leaver_shard >> shard & 1) - (quiet_shard >> shard & 1);
		post(session, shard, &letter);
	}
}

void ringcast_home_to_some(struct session *session, const struct packet *packet, int32_t group, uint32_t shard, struct player *const *players, size_t player_count)
{
	int32_t ids[FANOUT_SOME_MAX + ROSTER_PLAYERS_MAX];
	static_assert(sizeof(ids) <= LETTER_PAYLOAD_BYTES_MAX, "the longest list fits a letter");
	struct letter letter = letter_of(session, packet, INTENT_RELIABLE);
	letter.kind = LETTER_ANSWER;
	letter.target_group = group;
	for (size_t i = 0; i < player_count; i++)
		if (players[i]->limb == shard + 1)
			ids[letter.recipient_count++] = players[i]->peer_id;
	memcpy(&ids[letter.recipient_count], packet->membership.players, packet->membership.player_count * sizeof(ids[0]));
	letter.payload = ringcast_view_of(ids, (letter.recipient_count + packet->membership.player_count) * sizeof(ids[0]));
	letter.total_count = letter.recipient_count;
	post(session, shard, &letter);
}

/* Letters from limbs */

static struct session *find_session(struct store *store, const struct letter *letter)
{
	struct session *session = ringcast_slab_find(&store->sessions, letter->session);
	bool is_home = session != NULL && session->state == SESSION_ACTIVE && session->spread != NULL && !session->spread->is_limb;
	return is_home ? session : NULL;
}

struct player *ringcast_home_find(struct store *store, uint32_t shard, const struct letter *letter)
{
	struct session *session = find_session(store, letter);
	struct player *player = session != NULL ? ringcast_session_find_peer(session, letter->peer_id) : NULL;
	return player != NULL && player->limb == shard + 1 ? player : NULL;
}

void ringcast_home_login(struct store *store, uint32_t shard, const struct letter *letter, struct view token, struct view payload, bool has_no_echo,
			 uint64_t now_ns)
{
	const struct outbox *outbox = &store->options.outbox;
	struct player *player = ringcast_admission_find(store, token);
	if (player != NULL && player->session->spread == NULL) {
		outbox->post(outbox->context, shard, &(struct letter){.kind = LETTER_ELSEWHERE, .conn = letter->conn});
		return;
	}
	struct arrival arrival = {.transport = (void *)(uintptr_t)letter->conn, .limb = (uint8_t)(shard + 1), .has_no_echo = has_no_echo};
	enum drop_reason drop = ringcast_admission_arrive(store, token, payload, &arrival, now_ns, &player);
	if (drop != DROP_NONE) {
		post_refused(store, shard, letter->conn, drop);
	} else if (player->is_waiting) {
		outbox->post(outbox->context, shard, &(struct letter){.kind = LETTER_WAITING, .conn = letter->conn});
	} else {
		post_admitted(player);
		ringcast_admission_accept(player, now_ns);
	}
}

static enum drop_reason receive_packet(struct player *player, const struct letter *letter, uint64_t now_ns)
{
	struct packet packet = {.opcode = letter->opcode, .target_player = letter->target_player, .target_group = letter->target_group,
				.command = (enum packet_command)letter->command, .payload = letter->payload};
	if (packet.command != PACKET_COMMAND_NONE)
		packet.group = letter->group;
	enum drop_reason reason = ringcast_router_route(player, &packet, (enum delivery_intent)letter->intent, now_ns);
	player->drops += reason != DROP_NONE;
	return reason;
}

/* What has become of it there. */
static void receive_about(struct player *player, const struct letter *letter, uint64_t now_ns)
{
	switch ((enum letter_kind)letter->kind) {
	case LETTER_LEFT:
		ringcast_player_disconnect(player, (enum close_reason)letter->reason, now_ns);
		break;
	case LETTER_DROPPED:
		player->is_fast = false;
		ringcast_player_drop(player, now_ns);
		break;
	case LETTER_RETURNED:
		ringcast_player_return(player, (void *)(uintptr_t)letter->conn, now_ns);
		break;
	case LETTER_FAST_UP:
	case LETTER_FAST_DOWN:
		player->is_fast = letter->kind == LETTER_FAST_UP;
		break;
	default:
		ringcast_unreachable("letter about a player of a limb");
	}
}

enum drop_reason ringcast_home_receive(struct store *store, uint32_t shard, const struct letter *letter, uint64_t now_ns)
{
	struct player *player = ringcast_home_find(store, shard, letter);
	if (player == NULL)
		return letter->kind == LETTER_PACKET ? DROP_SESSION_ENDED : DROP_NONE;
	if (letter->kind == LETTER_PACKET)
		return receive_packet(player, letter, now_ns);
	receive_about(player, letter, now_ns);
	return DROP_NONE;
}

/* The last one first, so that who moves up has been looked at. */
static void lose_players(struct session *session, uint32_t shard)
{
	for (uint32_t i = session->player_count; i-- > 0;)
		if (i < session->player_count && session->players[i]->limb == shard + 1)
			ringcast_player_expel(session->players[i], CLOSE_SLOW, NULL);
	ringcast_command_apply(session);
}

void ringcast_home_lose(struct store *store, uint32_t shard, uint64_t now_ns)
{
	store->now_ns = now_ns;
	for (uint32_t i = 0; i < store->sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&store->sessions, i, &self);
		if (session != NULL && session->state == SESSION_ACTIVE && session->spread != NULL && !session->spread->is_limb)
			lose_players(session, shard);
	}
}
