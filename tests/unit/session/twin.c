#include "twin.h"

#include <criterion/criterion.h>

#include "base/assert.h"
#include "session/park.h"

static int slot_of(const struct player *player)
{
	const struct slot *slot = player->transport;
	return slot->index;
}

int32_t twin_peer(const struct twin *twin, int32_t slot)
{
	if (slot == SLOT_SERVER)
		return PROTO_PEER_SERVER;
	if (slot == SLOT_NONE)
		return PROTO_PEER_NONE;
	if (slot == SLOT_NOBODY || twin->slots[slot].player == NULL)
		return INT32_MAX;
	return twin->slots[slot].player->peer_id;
}

int32_t twin_slot(const struct twin *twin, int32_t peer_id)
{
	if (peer_id == PROTO_PEER_SERVER)
		return SLOT_SERVER;
	if (peer_id == PROTO_PEER_NONE)
		return SLOT_NONE;
	for (int i = 0; i < MODEL_SLOTS; i++)
		if (twin->slots[i].player != NULL && twin->slots[i].player->peer_id == peer_id)
			return i;
	ringcast_unreachable("a peer id of nobody");
}

static slot_set set_of(struct player *const *players, size_t count)
{
	slot_set set = 0;
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(players[i]->state, PLAYER_ACTIVE);
		cr_assert_not(set & (slot_set)1 << slot_of(players[i]), "twice");
		set |= (slot_set)1 << slot_of(players[i]);
	}
	return set;
}

static slot_set list_of(const struct twin *twin, const struct packet *packet)
{
	slot_set set = 0;
	for (uint32_t i = 0; i < packet->membership.player_count; i++) {
		int32_t slot = twin_slot(twin, packet->membership.players[i]);
		cr_assert(slot >= 0 && !(set & (slot_set)1 << slot));
		set |= (slot_set)1 << slot;
	}
	return set;
}

static void on_deliver(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	struct twin *twin = context;
	bool is_update = packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE;
	cr_assert(fanout->recipient_count > 0);
	effects_add(&twin->real, (struct effect){
					 .kind = is_update ? EFFECT_UPDATE : EFFECT_SEND,
					 .opcode = is_update ? packet->membership.group : packet->opcode,
					 .sender = twin_slot(twin, packet->sender),
					 .target_slot = twin_slot(twin, fanout->target_player),
					 .target_group = fanout->target_group,
					 .is_reliable = fanout->intent == INTENT_RELIABLE,
					 .to = set_of(fanout->recipients, fanout->recipient_count),
					 .list = is_update ? list_of(twin, packet) : 0,
				 });
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	struct twin *twin = context;
	cr_assert_not_null(text);
	effects_add(&twin->real, (struct effect){EFFECT_CLOSE, (int32_t)reason, slot_of(player), SLOT_NONE, 0, false, 0, 0});
}

static void on_drop(void *context, enum drop_reason reason, uint64_t count)
{
	struct twin *twin = context;
	for (uint64_t i = 0; i < count; i++)
		effects_add(&twin->real, (struct effect){EFFECT_DROP, (int32_t)reason, SLOT_NONE, SLOT_NONE, 0, false, 0, 0});
}

static void on_admitted(void *context, struct player *player, enum drop_reason reason)
{
	effects_add(&((struct twin *)context)->real,
		    (struct effect){EFFECT_ADMIT, (int32_t)reason, slot_of(player), SLOT_NONE, 0, false, 0, 0});
}

void twin_start(struct twin *twin, const struct world_options *options)
{
	struct outbox outbox = {.context = twin, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop,
				.admitted = on_admitted};
	struct world_options with_outbox = *options;
	with_outbox.outbox = &outbox;
	memset(twin, 0, sizeof(*twin));
	world_start(&twin->world, &with_outbox);
	twin->model.hooks = options->hooks;
	for (int i = 0; i < MODEL_SLOTS; i++)
		twin->slots[i].index = i;
}

void twin_stop(struct twin *twin)
{
	world_stop(&twin->world);
}

void twin_open(struct twin *twin, uint32_t players_max, bool is_late_allowed)
{
	const struct session_limits *limits = &twin->world.limits;
	struct session_options options = {.players_max = players_max, .is_late_allowed = is_late_allowed};
	cr_assert_eq(ringcast_session_open(&twin->world.store, &options, twin->world.now_ns, &twin->session), DROP_NONE);
	twin->model = (struct model){
		.hooks = twin->model.hooks,
		.limits = {.groups_per_player_max = limits->groups_per_player_max,
			   .groups_per_session_max = limits->groups_per_session_max,
			   .membership_push_max = limits->membership_push_max,
			   .groups_max = twin->world.store.groups.capacity,
			   .memberships_max = twin->world.store.options.memberships_max,
			   .parked_player_max = limits->parked_player_max,
			   .parked_session_max = limits->parked_session_max,
			   .answer_timeout_ns = twin->session->answer_timeout_ms * NS_PER_MS,
			   .is_late_allowed = twin->session->is_late_allowed},
	};
}

static void event_begin(struct twin *twin)
{
	twin->real.count = 0;
	model_begin_event(&twin->model);
	twin->model.now_ns = twin->world.now_ns;
}

/* Who has gone on both sides is forgotten here only, because effects still name it. */
static void event_end(struct twin *twin, enum drop_reason real, enum drop_reason expected)
{
	model_end_event(&twin->model);
	cr_assert_eq(real, expected, "answered %s, model says %s", ringcast_drop_label(real), ringcast_drop_label(expected));
	effects_compare(&twin->real, &twin->model.effects);
	cr_assert_eq(twin->session->state == SESSION_ENDED, twin->model.is_ended);
	for (int i = 0; i < MODEL_SLOTS; i++) {
		struct player *player = twin->slots[i].player;
		bool is_present = (twin->model.present & (slot_set)1 << i) != 0;
		bool is_waiting = (twin->model.waiting & (slot_set)1 << i) != 0;
		cr_assert_eq(player != NULL && player->state == PLAYER_ACTIVE, is_present);
		cr_assert_eq(player != NULL && player->state == PLAYER_CONNECTING, is_waiting);
		if (!is_present && !is_waiting)
			twin->slots[i].player = NULL;
	}
}

void twin_close(struct twin *twin)
{
	if (!twin->model.is_ended) { /* else it may be collected already */
		event_begin(twin);
		ringcast_session_end_now(twin->session, CLOSE_SHUTDOWN, twin->world.now_ns);
		model_end(&twin->model);
		event_end(twin, DROP_NONE, DROP_NONE);
	}
	ringcast_store_collect(&twin->world.store);
}

void twin_arrive(struct twin *twin, int slot)
{
	struct slot *place = &twin->slots[slot];
	struct view nothing = {0};
	char token[PLAYER_TOKEN_BYTES];
	cr_assert_null(place->player);
	struct player *player = world_reserve(&twin->world, twin->session, token);
	event_begin(twin);
	place->player = player;
	enum drop_reason real = ringcast_admission_admit(&twin->world.store, ringcast_view_of(token, strlen(token)), nothing, place,
							 twin->world.now_ns, &player);
	if (real == DROP_NONE && !player->is_waiting && player->state == PLAYER_CONNECTING)
		ringcast_admission_accept(player, twin->world.now_ns);
	event_end(twin, real, model_arrive(&twin->model, slot));
}

void twin_depart(struct twin *twin, int slot)
{
	event_begin(twin);
	ringcast_player_disconnect(twin->slots[slot].player, CLOSE_CLIENT, twin->world.now_ns);
	model_depart(&twin->model, slot);
	event_end(twin, DROP_NONE, DROP_NONE);
}

void twin_answer(struct twin *twin, uint64_t ticket, enum verdict verdict)
{
	event_begin(twin);
	bool is_awaited = ringcast_park_answer(twin->session, ticket, verdict, twin->world.now_ns);
	cr_assert_eq(is_awaited, model_answer(&twin->model, ticket, verdict));
	event_end(twin, DROP_NONE, DROP_NONE);
}

void twin_wait_ms(struct twin *twin, uint64_t ms)
{
	event_begin(twin);
	world_advance_ms(&twin->world, ms);
	twin->model.now_ns = twin->world.now_ns;
	event_end(twin, DROP_NONE, DROP_NONE);
}

uint64_t twin_ticket(const struct twin *twin, int slot)
{
	return twin->model.lines[slot].ticket;
}

void twin_join(struct twin *twin, int slot, int32_t group)
{
	event_begin(twin);
	enum drop_reason real = world_group(&twin->world, twin->slots[slot].player, OPCODE_JOIN_GROUP, group);
	event_end(twin, real, model_join(&twin->model, slot, group));
}

void twin_leave(struct twin *twin, int slot, int32_t group)
{
	event_begin(twin);
	enum drop_reason real = world_group(&twin->world, twin->slots[slot].player, OPCODE_LEAVE_GROUP, group);
	event_end(twin, real, model_leave(&twin->model, slot, group));
}

void twin_request(struct twin *twin, int slot, int32_t group)
{
	event_begin(twin);
	enum drop_reason real = world_group(&twin->world, twin->slots[slot].player, OPCODE_REQUEST_GROUP_MEMBERSHIP, group);
	event_end(twin, real, model_request(&twin->model, slot, group));
}

void twin_send(struct twin *twin, int slot, int32_t opcode, int32_t target_slot, int32_t target_group, bool is_reliable)
{
	struct packet packet = {.opcode = opcode, .target_player = twin_peer(twin, target_slot), .target_group = target_group};
	event_begin(twin);
	enum drop_reason real = ringcast_router_route(twin->slots[slot].player, &packet, is_reliable ? INTENT_RELIABLE : INTENT_FAST,
						      twin->world.now_ns);
	event_end(twin, real, model_send(&twin->model, slot, opcode, target_slot, target_group, is_reliable));
}

struct model_call *twin_note_call(struct twin *twin, const struct hook_call *call)
{
	struct model *model = &twin->model;
	int32_t slot = SLOT_NONE;
	if (call->player != NULL)
		slot = slot_of(call->player);
	else if (call->packet != NULL)
		slot = twin_slot(twin, call->packet->sender);
	cr_assert_lt(model->call_count, (size_t)MODEL_CALLS);
	struct model_call *noted = &model->calls[model->call_count++];
	*noted = (struct model_call){.hook = call->hook, .slot = slot, .verdict = VERDICT_ALLOW};
	return noted;
}

void twin_note_later(struct twin *twin, struct model_call *call)
{
	call->verdict = VERDICT_LATER;
	call->ticket = ringcast_park_ticket(twin->session);
	cr_assert_eq(call->ticket, ringcast_park_ticket(twin->session), "one ticket for one question");
}

static enum drop_reason give(struct twin *twin, const struct model_command *command)
{
	struct session *session = twin->session;
	int32_t peer_id = twin_peer(twin, command->slot);
	struct packet packet = {.opcode = command->opcode, .sender = PROTO_PEER_SERVER, .target_player = peer_id,
				.target_group = command->target_group};
	switch (command->kind) {
	case MODEL_SEND:
		return ringcast_command_send(session, &packet, command->is_reliable ? INTENT_RELIABLE : INTENT_FAST);
	case MODEL_KICK:
		return ringcast_command_kick(session, peer_id, NULL);
	case MODEL_JOIN:
		return ringcast_command_join(session, command->group, peer_id);
	case MODEL_LEAVE:
		return ringcast_command_leave(session, command->group, peer_id);
	case MODEL_BROADCAST:
		return ringcast_command_broadcast_membership(session, command->group, command->target_group);
	case MODEL_ANSWER:
		return ringcast_command_answer(session, command->ticket, command->verdict);
	case MODEL_FINISH:
		return ringcast_command_finish(session);
	}
	ringcast_unreachable("no such command");
}

/* Refused: only for the reasons there are, and then the model never hears of it. */
void twin_command(struct twin *twin, struct model_call *call, const struct model_command *command)
{
	const struct world *world = &twin->world;
	enum drop_reason reason = give(twin, command);
	if (reason == DROP_NONE) {
		cr_assert_lt(twin->model.command_count, (size_t)MODEL_COMMANDS);
		twin->model.commands[twin->model.command_count++] = *command;
		call->command_count++;
	} else if (reason == DROP_COMMAND_LIMIT) {
		cr_assert_eq(twin->session->command_count, world->limits.commands_per_hook_max);
	} else if (reason == DROP_NO_BUFFER) {
		cr_assert_gt(ringcast_buf_pool_in_use(world->pool), 0);
	} else {
		cr_assert_eq(reason, DROP_SESSION_ENDED);
		cr_assert_eq(twin->session->state, SESSION_ENDED);
	}
}
