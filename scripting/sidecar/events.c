/* Hooks of the sessions whose script runs in the sidecar: each becomes one frame. Questions are answered later, by their ticket. */
#include "base/assert.h"
#include "scripting/sidecar/sidecar_impl.h"
#include "session/park.h"

static struct view text_view(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

static uint64_t number_of(int32_t value)
{
	return (uint32_t)value;
}

/*
 * Room is looked for before the ticket is drawn: a ticket is a promise to answer. With no room the answer is what a failing script's
 * would be. The ticket is the first number of every question.
 */
static enum verdict ask(struct session *session, struct sidecar_frame *frame)
{
	struct tenant *tenant = ringcast_tenant_of(session);
	const struct script_environment *environment = tenant->program->host->environment;
	if (tenant->fate == CLOSE_NONE && ringcast_tenant_has_room(tenant, ringcast_sidecar_frame_bytes(frame), 1)) {
		frame->numbers[0] = ringcast_park_ticket(session);
		if (ringcast_tenant_push(tenant, frame, 1))
			return VERDICT_LATER;
	}
	tenant->channel->stats.questions_defaulted++;
	session->is_unheard = true;
	return environment->limits->on_error == SCRIPT_FAILURE_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
}

static enum verdict on_health_check(void *context, struct session *session)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_HEALTH};
	return ask(session, &frame);
}

static void on_terminate(void *context, struct session *session, uint64_t deadline_ns)
{
	const struct program *program = context;
	uint64_t now_ns = program->host->environment->now_ns(program->host->environment->context);
	uint64_t left_ms = deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns > now_ns ? (deadline_ns - now_ns) / NS_PER_MS : 0;
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_TERMINATE, .numbers = {left_ms}};
	ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

static enum verdict on_player_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	char token[PLAYER_TOKEN_BYTES];
	ringcast_player_format_token(player, token);
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_CONNECT,
		.numbers = {0, number_of(player->peer_id)},
		.texts = {text_view(token), text_view(ringcast_player_id(player)), text_view(ringcast_player_data(player)), payload},
	};
	return ask(session, &frame);
}

static void on_player_accepted(void *context, struct session *session, struct player *player)
{
	char token[PLAYER_TOKEN_BYTES];
	ringcast_player_format_token(player, token);
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_ACCEPTED,
		.numbers = {number_of(player->peer_id)},
		.texts = {text_view(token), text_view(ringcast_player_id(player)), text_view(ringcast_player_data(player))},
	};
	ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

static void on_player_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_DISCONNECTED,
		.numbers = {number_of(player->peer_id)},
		.texts = {text_view(ringcast_close_label(reason))},
	};
	ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

static void tell_player(enum sidecar_frame_kind kind, struct session *session, const struct player *player)
{
	struct sidecar_frame frame = {.kind = (uint8_t)kind, .numbers = {number_of(player->peer_id)}};
	ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

static void on_player_dropped(void *context, struct session *session, struct player *player)
{
	tell_player(SIDECAR_FRAME_DROPPED, session, player);
}

static void on_player_resumed(void *context, struct session *session, struct player *player)
{
	tell_player(SIDECAR_FRAME_RESUMED, session, player);
}

static void fill_message(struct sidecar_frame *frame, unsigned first, const struct packet *packet)
{
	frame->flags = packet->is_reliable ? SIDECAR_FLAG_RELIABLE : 0;
	frame->numbers[first] = number_of(packet->opcode);
	frame->numbers[first + 1] = number_of(packet->sender);
	frame->numbers[first + 2] = number_of(packet->target_player);
	frame->numbers[first + 3] = number_of(packet->target_group);
	frame->texts[0] = packet->payload;
}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_MESSAGE};
	fill_message(&frame, 0, packet);
	ringcast_tenant_notify(ringcast_tenant_of(session), &frame);
}

/* Unlike a player's message, somebody hears that there was no room for it. */
static bool on_service_message(void *context, struct session *session, const struct packet *packet)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_SERVICE, .numbers = {number_of(packet->opcode)}, .texts = {packet->payload}};
	struct tenant *tenant = ringcast_tenant_of(session);
	return tenant->fate == CLOSE_NONE && ringcast_tenant_push(tenant, &frame, 1);
}

/* For this no room is kept: a script that is so far behind does without. */
static void tell_news(struct tenant *tenant, struct sidecar_frame *frame)
{
	if (tenant->fate == CLOSE_NONE && !ringcast_tenant_push(tenant, frame, 1))
		ringcast_tenant_say(tenant, SCRIPT_WARN, "is not told how a search for players ended: the script is too far behind");
}

/* A script waits for it, so there is room for it. */
static void on_question_answered(void *context, struct session *session, uint32_t number, struct view json)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_ANSWERED, .numbers = {number}, .texts = {json}};
	if (number == QUESTION_NEWS)
		tell_news(ringcast_tenant_of(session), &frame);
	else
		ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_TO_PLAYER};
	fill_message(&frame, 1, packet);
	return ask(session, &frame);
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_TO_GROUP};
	fill_message(&frame, 1, packet);
	return ask(session, &frame);
}

static enum verdict ask_group(enum sidecar_frame_kind kind, struct session *session, const struct player *player, int32_t group)
{
	struct sidecar_frame frame = {.kind = (uint8_t)kind, .numbers = {0, number_of(group), number_of(player->peer_id)}};
	return ask(session, &frame);
}

static enum verdict on_join_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ask_group(SIDECAR_FRAME_JOIN, session, player, group);
}

static enum verdict on_leave_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ask_group(SIDECAR_FRAME_LEAVE, session, player, group);
}

static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	return ask_group(SIDECAR_FRAME_SNAPSHOT, session, player, group);
}

static void on_tick(void *context, struct session *session, uint64_t now_ns)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_TICK, .numbers = {now_ns}};
	ringcast_tenant_notify(ringcast_tenant_of(session), &frame);
}

static void on_answer_missed(void *context, struct session *session, uint64_t ticket, enum verdict verdict)
{
	uint64_t answer = verdict == VERDICT_ALLOW ? SIDECAR_ANSWER_ALLOW : SIDECAR_ANSWER_DENY;
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_MISSED, .numbers = {ticket, answer}};
	ringcast_tenant_inform(ringcast_tenant_of(session), &frame);
}

/* The list of players is the sidecar's own copy, so who comes and goes is told to every script. */
void ringcast_events_fill(struct hooks *hooks, uint32_t callbacks)
{
	if (callbacks == 0)
		callbacks = UINT32_MAX;
#define IF_EXPORTED(name, hook) (callbacks & UINT32_C(1) << SCRIPT_CALLBACK_##name ? hook : NULL)
	*hooks = (struct hooks){
		.session_started = ringcast_tenant_start,
		.session_ended = ringcast_tenant_ended,
		.health_check = IF_EXPORTED(HEALTH_CHECK, on_health_check),
		.terminate = IF_EXPORTED(PROCESS_TERMINATE, on_terminate),
		.player_connect = IF_EXPORTED(PLAYER_CONNECT, on_player_connect),
		.player_accepted = on_player_accepted,
		.player_disconnected = on_player_disconnected,
		.player_dropped = IF_EXPORTED(PLAYER_DROPPED, on_player_dropped),
		.player_resumed = IF_EXPORTED(PLAYER_RESUMED, on_player_resumed),
		.message = IF_EXPORTED(MESSAGE, on_message),
		.service_message = IF_EXPORTED(SERVICE_MESSAGE, on_service_message),
		.question_answered = on_question_answered,
		.send_to_player = IF_EXPORTED(SEND_TO_PLAYER, on_send_to_player),
		.send_to_group = IF_EXPORTED(SEND_TO_GROUP, on_send_to_group),
		.join_group = IF_EXPORTED(JOIN_GROUP, on_join_group),
		.leave_group = IF_EXPORTED(LEAVE_GROUP, on_leave_group),
		.snapshot = IF_EXPORTED(SNAPSHOT, on_snapshot),
		.answer_missed = on_answer_missed,
		.tick = IF_EXPORTED(TICK, on_tick),
	};
#undef IF_EXPORTED
}
