#include "session/backend.h"

#include <string.h>

#include "session/command.h"
#include "session/session_impl.h"
#include "session/tap.h"

/* Of this second. */
static bool allowance_take(struct allowance *allowance, uint64_t now_ns, uint32_t count_max)
{
	uint64_t second = now_ns / NS_PER_S;
	if (second != allowance->second)
		*allowance = (struct allowance){.second = second};
	if (allowance->count >= count_max)
		return false;
	allowance->count++;
	return true;
}

static enum drop_reason counted(struct session *session, enum drop_reason reason)
{
	if (reason != DROP_NONE)
		session->drops++;
	return reason;
}

/* Messages */

static enum drop_reason tell_player(struct session *session, const struct backend_message *message)
{
	const struct player *player = message->peer_id != PROTO_PEER_NONE ? ringcast_session_find_player(session, message->peer_id)
									  : ringcast_session_find_id(session, message->player_id);
	if (player == NULL || player->state != PLAYER_ACTIVE)
		return counted(session, DROP_NO_TARGET);
	const struct packet packet = {
		.opcode = message->opcode, .sender = PROTO_PEER_SERVER, .target_player = player->peer_id, .is_reliable = true, .payload = message->payload};
	return ringcast_command_send(session, &packet, INTENT_RELIABLE);
}

static enum drop_reason tell_game(struct session *session, const struct backend_message *message)
{
	const struct packet packet = {
		.opcode = message->opcode, .sender = PROTO_PEER_SERVER, .target_player = PROTO_PEER_SERVER, .is_reliable = true, .payload = message->payload};
	if (session->hooks->service_message == NULL)
		return counted(session, DROP_SERVICE_UNHEARD);
	if (ringcast_session_wait_ns(session) != 0)
		return counted(session, DROP_SCRIPT_SHARE);
	ringcast_session_enter_hook(session);
	bool is_taken = session->hooks->service_message(session->hooks_context, session, &packet);
	ringcast_session_leave_hook(session);
	ringcast_tap_message(session, &packet, INTENT_RELIABLE, is_taken ? DROP_NONE : DROP_SCRIPT_BUSY);
	ringcast_command_apply(session);
	return is_taken ? DROP_NONE : counted(session, DROP_SCRIPT_BUSY);
}

enum drop_reason ringcast_backend_message(struct session *session, const struct backend_message *message, uint64_t now_ns)
{
	const struct session_limits *limits = session->store->options.limits;
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	if (session->state == SESSION_ENDED)
		return counted(session, DROP_SESSION_ENDED);
	if (message->payload.size > limits->service_message_bytes)
		return counted(session, DROP_OVERSIZE);
	if (!allowance_take(&session->service_messages, now_ns, limits->service_messages_per_second))
		return counted(session, DROP_SERVICE_RATE);
	return message->peer_id != PROTO_PEER_NONE || *message->player_id != '\0' ? tell_player(session, message) : tell_game(session, message);
}

/* Events */

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", others[] = "0123456789._-";
	size_t size = strnlen(name, EVENT_NAME_BYTES);
	if (size == 0 || size == EVENT_NAME_BYTES || strchr(letters, *name) == NULL)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (strchr(letters, *c) == NULL && strchr(others, *c) == NULL)
			return false;
	return true;
}

static enum drop_reason admit(struct session *session, size_t json_bytes, uint64_t now_ns)
{
	const struct session_limits *limits = session->store->options.limits;
	if (json_bytes > limits->emitted_event_bytes)
		return counted(session, DROP_OVERSIZE);
	return allowance_take(&session->emitted_events, now_ns, limits->emitted_events_per_second) ? DROP_NONE : counted(session, DROP_EVENT_RATE);
}

enum drop_reason ringcast_backend_admit_event(struct session *session, const char *name, size_t json_bytes, uint64_t now_ns)
{
	if (session->state == SESSION_ENDED && !session->is_in_hook) /* its last words still count */
		return counted(session, DROP_SESSION_ENDED);
	if (session->store->options.emit == NULL)
		return counted(session, DROP_EVENT_UNHEARD);
	return is_name(name) ? admit(session, json_bytes, now_ns) : counted(session, DROP_EVENT_INVALID);
}

void ringcast_backend_tell_event(struct session *session, const char *name, struct view json)
{
	const struct store_options *options = &session->store->options;
	options->emit(options->emit_context, session, name, json);
}

/* Questions */

enum drop_reason ringcast_backend_admit_question(struct session *session, size_t json_bytes, uint64_t now_ns)
{
	if (session->state == SESSION_ENDED)
		return counted(session, DROP_SESSION_ENDED);
	if (session->store->options.question == NULL)
		return counted(session, DROP_EVENT_UNHEARD);
	return session->question_count < QUESTIONS_MAX ? admit(session, json_bytes, now_ns) : counted(session, DROP_EVENT_RATE);
}

static enum drop_reason tell_answer(struct session *session, uint32_t number, struct view json)
{
	if (session->hooks->question_answered == NULL)
		return counted(session, DROP_NO_TARGET);
	ringcast_session_enter_hook(session);
	session->hooks->question_answered(session->hooks_context, session, number, json);
	ringcast_session_leave_hook(session);
	ringcast_command_apply(session);
	return DROP_NONE;
}

enum drop_reason ringcast_backend_news(struct session *session, struct view json, uint64_t now_ns)
{
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	if (session->state == SESSION_ENDED)
		return counted(session, DROP_SESSION_ENDED);
	if (session->hooks->question_answered == NULL)
		return DROP_NONE; /* it has asked for nothing that this would be about */
	if (!allowance_take(&session->service_messages, now_ns, session->store->options.limits->service_messages_per_second))
		return counted(session, DROP_SERVICE_RATE);
	return tell_answer(session, QUESTION_NEWS, json);
}

enum drop_reason ringcast_backend_answer(struct session *session, uint32_t number, struct view json, uint64_t now_ns)
{
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	if (session->state == SESSION_ENDED)
		return counted(session, DROP_SESSION_ENDED);
	if (session->question_count == 0)
		return counted(session, DROP_NO_TARGET);
	session->question_count--;
	return tell_answer(session, number, json);
}
