/*
 * What a process asks for, carried out. A frame of a session that has ended meanwhile is nobody's and ignored; anything that no sidecar
 * of this version says is garbage. Each frame makes at most one call into the session layer, as its last act, because any of them may end
 * the session.
 */
#include "base/assert.h"
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
	if (!ringcast_park_answer(tenant->session, frame->numbers[0], verdict, now_ns)) {
		channel->stats.answers_late++;
		environment->count(environment->context, SCRIPT_COUNT_LATE_ANSWERS);
	}
	return true;
}

static bool do_send(struct session *session, const struct sidecar_frame *frame)
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
	count_drop(session, ringcast_command_send(session, &packet, is_reliable ? INTENT_RELIABLE : INTENT_FAST));
	return true;
}

static bool do_kick(struct session *session, const struct sidecar_frame *frame)
{
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

static bool tenant_carry_out(struct tenant *tenant, const struct sidecar_frame *frame, uint64_t now_ns)
{
	struct session *session = tenant->session;
	switch (frame->kind) {
	case SIDECAR_FRAME_OPENED: /* what it says besides is for those who read the wire: the engine goes by the dry run's facts */
		ringcast_session_start_done(session, now_ns);
		return true;
	case SIDECAR_FRAME_CREDIT:
		return do_credit(tenant, frame, now_ns);
	case SIDECAR_FRAME_ANSWER:
		return do_answer(tenant, frame, now_ns);
	case SIDECAR_FRAME_SEND:
		return do_send(session, frame);
	case SIDECAR_FRAME_BROADCAST:
		count_drop(session, ringcast_command_broadcast_membership(session, int_at(frame, 0), int_at(frame, 1)));
		return true;
	case SIDECAR_FRAME_KICK:
		return do_kick(session, frame);
	case SIDECAR_FRAME_PUT:
		count_drop(session, ringcast_command_join(session, int_at(frame, 0), int_at(frame, 1)));
		return true;
	case SIDECAR_FRAME_TAKE:
		count_drop(session, ringcast_command_leave(session, int_at(frame, 0), int_at(frame, 1)));
		return true;
	case SIDECAR_FRAME_LOG:
		return do_log(tenant, frame, now_ns);
	case SIDECAR_FRAME_END:
		return do_end(tenant, frame, now_ns);
	case SIDECAR_FRAME_MEMORY:
		tenant->memory_bytes = frame->numbers[0];
		return true;
	default:
		return false;
	}
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
