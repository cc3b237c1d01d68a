/*
 * What a process asks for, carried out. A frame of a session that has ended meanwhile is nobody's and ignored; anything that no sidecar
 * of this version says is garbage. Each frame makes at most one call into the session layer, as its last act, because any of them may end
 * the session.
 */
#include <stdio.h>

#include "base/assert.h"
#include "scripting/event.h"
#include "scripting/sidecar/sidecar_impl.h"
#include "session/park.h"

static int32_t int_at(const struct sidecar_frame *frame, unsigned index)
{
	return ringcast_sidecar_frame_int(frame, index);
}

/* Nobody else is told of what a command outside hooks came to; the session has counted it. */
static void count_drop(struct session *session, enum drop_reason reason)
{
	const struct outbox *outbox = &session->store->options.outbox;
	if (reason != DROP_NONE)
		outbox->drop(outbox->context, reason, 1);
}

static bool do_opened(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	tenant->state = TENANT_RUNNING; /* what it says besides is for those who read the wire: the engine goes by the dry run's facts */
	ringcast_session_start_done(tenant->session, now_ns);
	return true;
}

static bool do_credit(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	if (frame->numbers[0] > tenant->unacked_bytes)
		return false;
	tenant->unacked_bytes -= frame->numbers[0];
	tenant->progress_ns = now_ns;
	return true;
}

static bool verdict_of(const struct tenant *tenant, uint64_t answer, enum verdict *ret_verdict)
{
	bool is_lenient = tenant->program->host->environment->limits->on_error == SCRIPT_FAILURE_ALLOW;
	if (answer > SIDECAR_ANSWER_FAILED)
		return false;
	bool is_allowed = answer == SIDECAR_ANSWER_ALLOW || (answer == SIDECAR_ANSWER_FAILED && is_lenient);
	*ret_verdict = is_allowed ? VERDICT_ALLOW : VERDICT_DENY;
	return true;
}

static bool do_answer(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	const struct script_environment *environment = tenant->program->host->environment;
	struct channel *channel = tenant->channel;
	enum verdict verdict;
	if (!verdict_of(tenant, frame->numbers[1], &verdict))
		return false;
	if (frame->numbers[1] == SIDECAR_ANSWER_FAILED && frame->numbers[0] != 0)
		ringcast_command_snapshot_fail(tenant->session, frame->numbers[0]); /* if that was the question; ends nothing */
	if (!ringcast_park_answer(tenant->session, frame->numbers[0], verdict, now_ns)) {
		channel->stats.answers_late++;
		environment->count(environment->context, SCRIPT_COUNT_LATE_ANSWERS);
	}
	return true;
}

static bool do_send(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	bool is_reliable = (frame->flags & SIDECAR_FLAG_RELIABLE) != 0;
	struct packet packet = {
		.opcode = int_at(frame, 0),
		.sender = int_at(frame, 1),
		.target_player = int_at(frame, 2),
		.target_group = int_at(frame, 3),
		.is_reliable = is_reliable,
		.payload = frame->texts[0],
	};
	count_drop(tenant->session, ringcast_command_send(tenant->session, &packet, is_reliable ? INTENT_RELIABLE : INTENT_FAST));
	return true;
}

static bool do_broadcast(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	count_drop(session, ringcast_command_broadcast_membership(session, int_at(frame, 0), int_at(frame, 1)));
	return true;
}

static bool do_put(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	count_drop(session, ringcast_command_join(session, int_at(frame, 0), int_at(frame, 1)));
	return true;
}

static bool do_take(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	count_drop(session, ringcast_command_leave(session, int_at(frame, 0), int_at(frame, 1)));
	return true;
}

static bool do_retain(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct packet packet = {.opcode = int_at(frame, 0), .sender = int_at(frame, 1), .target_group = int_at(frame, 2), .payload = frame->texts[0]};
	count_drop(tenant->session, ringcast_command_retain(tenant->session, (uint32_t)frame->numbers[3], &packet));
	return true;
}

static bool do_forget(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	count_drop(session, ringcast_command_forget_retained(session, int_at(frame, 0), (uint32_t)frame->numbers[1]));
	return true;
}

static bool do_snapshot_part(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	static const char text[] = "onSnapshot: a part of the snapshot is no message that a game may send";
	struct packet packet = {.opcode = int_at(frame, 1), .sender = int_at(frame, 2), .payload = frame->texts[0]};
	enum drop_reason reason = frame->numbers[0] != 0 ? ringcast_command_snapshot(tenant->session, frame->numbers[0], &packet) : DROP_NO_TARGET;
	count_drop(tenant->session, reason);
	if (reason != DROP_BAD_STATE && reason != DROP_OVERSIZE)
		return true;
	ringcast_tenant_log(tenant, SCRIPT_ERROR, ringcast_view_of(text, sizeof(text) - 1), now_ns);
	ringcast_tenant_failed(tenant, now_ns);
	return true;
}

static bool do_memory(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	tenant->memory_bytes = frame->numbers[0];
	return true;
}

static bool do_kick(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	char text[128] = "";
	size_t size = frame->texts[0].size < sizeof(text) - 1 ? frame->texts[0].size : sizeof(text) - 1;
	if (size > 0)
		memcpy(text, frame->texts[0].data, size);
	count_drop(session, ringcast_command_kick(session, int_at(frame, 0), size > 0 ? text : NULL));
	return true;
}

static bool do_log(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	if (frame->numbers[0] > SCRIPT_CXFATAL)
		return false;
	ringcast_tenant_log(tenant, (enum script_level)frame->numbers[0], frame->texts[0], now_ns);
	if (frame->flags & SIDECAR_FLAG_ERROR)
		ringcast_tenant_failed(tenant, now_ns);
	return true;
}

/* The script has gone on meanwhile, so what became of it can only be logged. */
static bool do_emit(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	char name[EVENT_NAME_BYTES] = "", text[128];
	struct session *session = tenant->session;
	if (frame->texts[0].size < sizeof(name) && memchr(frame->texts[0].data, '\0', frame->texts[0].size) == NULL)
		memcpy(name, frame->texts[0].data, frame->texts[0].size);
	enum drop_reason reason = ringcast_script_emit(session, name, frame->texts[1], now_ns);
	count_drop(session, reason);
	int size = snprintf(text, sizeof(text), "emitEvent: '%s' is dropped: %s", name, ringcast_drop_label(reason));
	if (reason != DROP_NONE && reason != DROP_EVENT_UNHEARD) /* that nobody listens is not the script's doing */
		ringcast_tenant_log(tenant, SCRIPT_WARN, ringcast_view_of(text, (size_t)size), now_ns);
	return true;
}

/* Its callback hears in any case. */
static bool do_ask(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	char text[160];
	enum drop_reason reason = ringcast_script_ask(tenant->session, (uint32_t)frame->numbers[0], frame->texts[0], now_ns);
	count_drop(tenant->session, reason);
	if (reason == DROP_NONE)
		return true;
	int size = snprintf(text, sizeof(text), "{\"Error\":\"%s\",\"Message\":\"the engine drops it: see its table of drops\"}", ringcast_drop_label(reason));
	struct sidecar_frame answer = {
		.kind = SIDECAR_FRAME_ANSWERED, .session = frame->session, .numbers = {frame->numbers[0]}, .texts = {ringcast_view_of(text, (size_t)size)}};
	ringcast_tenant_inform(tenant, &answer);
	return true;
}

static void say_end(struct tenant *tenant, const struct sidecar_frame *frame, bool is_good)
{
	struct view text = frame->texts[0];
	int size = text.size < 400 ? (int)text.size : 400;
	if (size > 0)
		ringcast_tenant_say(tenant, is_good ? SCRIPT_INFO : SCRIPT_FATAL, "%.*s", size, (const char *)text.data);
}

static bool do_end(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	const struct script_environment *environment = tenant->program->host->environment;
	struct session *session = tenant->session; /* which outlives the tenant */
	if (frame->numbers[0] > SIDECAR_END_OUT_OF_MEMORY)
		return false;
	say_end(tenant, frame, frame->numbers[0] == SIDECAR_END_FINISHED);
	if (frame->numbers[0] == SIDECAR_END_FINISHED) {
		count_drop(session, ringcast_command_finish(session)); /* behind what it sent before */
		return true;
	}
	bool is_memory = frame->numbers[0] == SIDECAR_END_OUT_OF_MEMORY;
	environment->count(environment->context, is_memory ? SCRIPT_COUNT_OUT_OF_MEMORY : SCRIPT_COUNT_ERRORS);
	ringcast_tenant_end(tenant, CLOSE_SCRIPT_FAILED, now_ns);
	return true;
}

/* Which frames a process may say of a session, and when. Nobody runs a script of which half has yet to come. */
enum { ANY_STATE = TENANT_OPENING | TENANT_STARTING | TENANT_RUNNING, IS_OPEN = TENANT_STARTING | TENANT_RUNNING };

static const struct {
	uint8_t states;
	bool (*carry_out)(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns);
} commands[SIDECAR_FRAME_KIND_COUNT] = {
	[SIDECAR_FRAME_OPENED] = {TENANT_STARTING, do_opened},
	[SIDECAR_FRAME_CREDIT] = {ANY_STATE, do_credit},
	[SIDECAR_FRAME_LOG] = {ANY_STATE, do_log},
	[SIDECAR_FRAME_END] = {ANY_STATE, do_end},
	[SIDECAR_FRAME_MEMORY] = {ANY_STATE, do_memory},
	[SIDECAR_FRAME_ANSWER] = {IS_OPEN, do_answer},
	[SIDECAR_FRAME_SEND] = {IS_OPEN, do_send},
	[SIDECAR_FRAME_BROADCAST] = {IS_OPEN, do_broadcast},
	[SIDECAR_FRAME_KICK] = {IS_OPEN, do_kick},
	[SIDECAR_FRAME_PUT] = {IS_OPEN, do_put},
	[SIDECAR_FRAME_TAKE] = {IS_OPEN, do_take},
	[SIDECAR_FRAME_EMIT] = {IS_OPEN, do_emit},
	[SIDECAR_FRAME_ASK] = {IS_OPEN, do_ask},
	[SIDECAR_FRAME_RETAIN] = {IS_OPEN, do_retain},
	[SIDECAR_FRAME_FORGET] = {IS_OPEN, do_forget},
	[SIDECAR_FRAME_SNAPSHOT_PART] = {IS_OPEN, do_snapshot_part},
};

static bool tenant_carry_out(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	return (commands[frame->kind].states & tenant->state) != 0 && commands[frame->kind].carry_out(tenant, frame, now_ns);
}

static bool do_welcome(struct channel *channel, const struct sidecar_frame *frame, uint64_t now_ns)
{
	if (channel->state != CHANNEL_GREETING || frame->numbers[0] != SIDECAR_MAGIC)
		return false;
	if (frame->numbers[1] < SIDECAR_VERSION_MIN || frame->numbers[1] > SIDECAR_VERSION_MAX)
		return false;
	channel->has_debugger = (frame->numbers[2] & SIDECAR_FEATURE_DEBUGGER) != 0;
	channel->state = CHANNEL_READY;
	channel->ready_ns = now_ns;
	ringcast_pieces_pump(channel);
	return true;
}

bool ringcast_commands_carry_out(struct sidecar_host *host, struct channel *channel, const struct sidecar_frame *frame, uint64_t now_ns)
{
	if (frame->kind == SIDECAR_FRAME_WELCOME)
		return frame->session == 0 && do_welcome(channel, frame, now_ns);
	if (channel->state != CHANNEL_READY || !ringcast_sidecar_frame_is_to_engine(frame))
		return false;
	if (frame->kind == SIDECAR_FRAME_PONG)
		return frame->session == 0;
	struct tenant *tenant = ringcast_tenant_find(host, frame->session);
	if (tenant == NULL)
		return frame->session != 0;
	return tenant->channel == channel && tenant_carry_out(tenant, frame, now_ns);
}
