/* A player outlives its connection: what is counted, kept and sent again. See docs/protocol.md, Resuming. */
#include <stdlib.h>

#include "base/assert.h"
#include "proto/clients/c/core.h"
#include "proto/http_upgrade.h"

enum { SIZE_BYTES = sizeof(uint32_t), SERVER_NO_PONG = 3012, SERVER_RATE_LIMIT = 3013, SERVER_LOGIN_TIMEOUT = 3014, SERVER_NO_RESOURCES = 3017 };

void ringcast_client_core_fini_resume(struct client_core *core)
{
	if (core->resume)
		free(core->resume->kept);
	free(core->resume);
	core->resume = NULL;
}

bool ringcast_client_core_is_resuming(const struct client_core *core)
{
	return core->resume && core->resume->is_resuming && core->phase != CLIENT_CORE_CLOSED;
}

/* Keeping */

/* What was taken off at the front is made room of. False: no memory. */
static bool make_room(struct client_core_resume *resume, size_t size)
{
	if (resume->kept_bytes + size <= resume->kept_capacity)
		return true;
	resume->kept_bytes -= resume->kept_offset;
	if (resume->kept_offset > 0)
		memmove(resume->kept, resume->kept + resume->kept_offset, resume->kept_bytes);
	resume->kept_offset = 0;
	if (resume->kept_bytes + size <= resume->kept_capacity)
		return true;
	size_t capacity = resume->kept_capacity * 2 > resume->kept_bytes + size ? resume->kept_capacity * 2 : resume->kept_bytes + size;
	uint8_t *kept = realloc(resume->kept, capacity);
	if (!kept)
		return false;
	resume->kept = kept;
	resume->kept_capacity = capacity;
	return true;
}

bool ringcast_client_core_keep(struct client_core *core, const uint8_t *bytes, size_t size)
{
	struct client_core_resume *resume = core->resume;
	uint32_t size32 = (uint32_t)size;
	if (resume->kept_bytes - resume->kept_offset + size + SIZE_BYTES > resume->kept_bytes_max || !make_room(resume, size + SIZE_BYTES))
		return false;
	memcpy(resume->kept + resume->kept_bytes, &size32, SIZE_BYTES);
	memcpy(resume->kept + resume->kept_bytes + SIZE_BYTES, bytes, size);
	resume->kept_bytes += size + SIZE_BYTES;
	resume->kept_count++;
	if (ringcast_client_core_is_resending(core)) {
		resume->unsent_bytes += size + SIZE_BYTES;
		resume->unsent_count++;
	}
	return true;
}

void ringcast_client_core_unkeep(struct client_core *core, size_t size)
{
	ringcast_assert(core->resume->kept_count > 0);
	core->resume->kept_bytes -= size + SIZE_BYTES;
	core->resume->kept_count--;
}

static uint32_t size_at(const struct client_core_resume *resume, size_t offset)
{
	uint32_t size;
	memcpy(&size, resume->kept + offset, sizeof(size));
	return size;
}

/* A server that says it has read what was never sent is not believed. */
void ringcast_client_core_take_acknowledged(struct client_core *core, uint32_t received)
{
	struct client_core_resume *resume = core->resume;
	uint32_t count = received - resume->kept_first;
	if (count > resume->kept_count - resume->unsent_count)
		return;
	for (; count > 0; count--) {
		resume->kept_offset += SIZE_BYTES + size_at(resume, resume->kept_offset);
		resume->kept_first++;
		resume->kept_count--;
	}
	if (resume->kept_count > 0)
		return;
	free(resume->kept); /* who has nothing to say holds nothing */
	resume->kept = NULL;
	resume->kept_offset = resume->kept_bytes = resume->kept_capacity = 0;
}

static bool send_again(struct client_core *core, size_t offset, uint32_t size)
{
	uint8_t frame[PROTO_WEBSOCKET_HEADER_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX + PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	ringcast_assert(size <= sizeof(frame) - PROTO_WEBSOCKET_HEADER_BYTES_MAX);
	memcpy(frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX, core->resume->kept + offset, size);
	return ringcast_client_core_send_frame(core, WEBSOCKET_BINARY, frame, size);
}

/* False: the stream takes no more now. */
static bool resend_next(struct client_core *core)
{
	struct client_core_resume *resume = core->resume;
	size_t offset = resume->kept_bytes - resume->unsent_bytes;
	uint32_t size = size_at(resume, offset);
	if (!send_again(core, offset + SIZE_BYTES, size))
		return false;
	resume->unsent_bytes -= SIZE_BYTES + size;
	resume->unsent_count--;
	resume->resent++;
	return true;
}

static bool is_window_full(const struct client_core_resume *resume)
{
	return resume->kept_count - resume->unsent_count >= CLIENT_CORE_RESEND_WINDOW;
}

uint64_t ringcast_client_core_resend_due_ns(const struct client_core *core)
{
	bool is_due = core->phase == CLIENT_CORE_OPEN && ringcast_client_core_is_resending(core) && !is_window_full(core->resume);
	return is_due ? core->resume->resend_due_ns : CLIENT_CORE_NEVER;
}

void ringcast_client_core_resend(struct client_core *core, bool is_all)
{
	struct client_core_resume *resume = core->resume;
	size_t bytes_before = resume->unsent_bytes;
	unsigned count = 0;
	while (resume->unsent_count > 0 && resend_next(core)) {
		bool is_enough = ++count >= CLIENT_CORE_RESEND_COUNT || bytes_before - resume->unsent_bytes >= CLIENT_CORE_RESEND_BYTES;
		if (!is_all && (is_enough || is_window_full(resume)))
			break;
	}
	resume->resend_due_ns = core->now_ns + CLIENT_CORE_RESEND_MS * NS_PER_MS;
}

/* Counting */

void ringcast_client_core_acknowledge(struct client_core *core)
{
	struct client_core_resume *resume = core->resume;
	uint8_t frame[PROTO_WEBSOCKET_HEADER_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX];
	if (!ringcast_client_core_may_resume(core) || core->phase != CLIENT_CORE_OPEN || resume->received == resume->received_told)
		return;
	struct packet packet = {.opcode = OPCODE_PING_RESULT,
				.target_player = PROTO_PEER_SERVER,
				.sender = core->peer_id,
				.is_reliable = true,
				.command = PACKET_COMMAND_PING_RESULT,
				.received = (int32_t)resume->received};
	size_t size = ringcast_packet_encode(&packet, frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX, PROTO_PACKET_OVERHEAD_BYTES_MAX);
	ringcast_assert(size > 0);
	if (!ringcast_client_core_send_frame(core, WEBSOCKET_BINARY, frame, size))
		return; /* with the next one */
	resume->received_told = resume->received;
	resume->bytes_untold = 0;
}

void ringcast_client_core_count_received(struct client_core *core, const struct packet *packet)
{
	struct client_core_resume *resume = core->resume;
	if (!ringcast_client_core_may_resume(core) || core->phase != CLIENT_CORE_OPEN || packet->opcode == OPCODE_LOGIN_RESPONSE ||
	    packet->opcode == OPCODE_PING_RESULT)
		return;
	resume->received++;
	resume->bytes_untold += (uint32_t)packet->payload.size;
	if (resume->received - resume->received_told >= CLIENT_CORE_ACKNOWLEDGE_COUNT || resume->bytes_untold >= CLIENT_CORE_ACKNOWLEDGE_BYTES)
		ringcast_client_core_acknowledge(core);
}

/* Dropping and coming back */

void ringcast_client_core_take_offer(struct client_core *core, const struct packet *login_result)
{
	struct client_core_resume *resume = core->resume;
	struct view token = login_result->login_result.reconnect_token;
	if (!resume)
		return;
	resume->is_offered = token.size > 0 && token.size <= sizeof(resume->token) && login_result->login_result.resume_window_ms > 0;
	if (!resume->is_offered)
		return;
	memcpy(resume->token, token.data, token.size);
	resume->token_bytes = (uint8_t)token.size;
	resume->window_ns = (uint64_t)login_result->login_result.resume_window_ms * NS_PER_MS;
}

/* Whether an end with this code leaves the player with the server. */
static bool is_drop(const struct client_core *core, uint16_t code)
{
	if (code == CLIENT_CORE_CODE_ABNORMAL || code == SERVER_NO_PONG)
		return core->phase == CLIENT_CORE_OPEN || ringcast_client_core_is_resuming(core);
	return ringcast_client_core_is_resuming(core) &&
	       (code == SERVER_RATE_LIMIT || code == SERVER_LOGIN_TIMEOUT || code == SERVER_NO_RESOURCES);
}

static void forget_connection(struct client_core *core)
{
	free(core->login);
	free(core->tail);
	free(core->message);
	core->login = core->tail = core->message = NULL;
	core->login_bytes = core->tail_bytes = core->message_bytes = 0;
	core->assembler = (struct websocket_assembler){0};
	core->fast = CLIENT_CORE_FAST_OFF;
	core->hello_due_ns = core->ping_due_ns = core->keepalive_due_ns = CLIENT_CORE_NEVER;
	core->pings_missed = core->hello_count = core->keepalives_unanswered = 0;
	core->resume->unsent_count = 0;
	core->resume->unsent_bytes = 0;
	core->sequence_next = 0;
	core->sequence_last = -1;
}

static uint64_t retry_delay_ns(uint8_t tries)
{
	uint64_t delay_ms = tries < 8 ? (uint64_t)CLIENT_CORE_RETRY_MS << tries : CLIENT_CORE_RETRY_MS_MAX;
	return (delay_ms < CLIENT_CORE_RETRY_MS_MAX ? delay_ms : CLIENT_CORE_RETRY_MS_MAX) * NS_PER_MS;
}

bool ringcast_client_core_take_drop(struct client_core *core, uint16_t code, struct view reason)
{
	struct client_core_resume *resume = core->resume;
	char text[128] = "";
	if (!ringcast_client_core_may_resume(core) || !is_drop(core, code))
		return false;
	if (!resume->is_resuming) { /* the first try is made at once */
		resume->is_resuming = true;
		resume->tries = 0;
		resume->window_end_ns = core->now_ns + resume->window_ns;
		core->phase_deadline_ns = core->now_ns;
	} else if (core->phase == CLIENT_CORE_DROPPED || core->now_ns >= resume->window_end_ns) {
		return false;
	} else {
		core->phase_deadline_ns = core->now_ns + retry_delay_ns(resume->tries++);
	}
	if (reason.size > 0)
		memcpy(text, reason.data, reason.size < sizeof(text) ? reason.size : sizeof(text) - 1);
	forget_connection(core);
	core->phase = CLIENT_CORE_DROPPED;
	core->ops->dropped(core, text);
	return true;
}

void ringcast_client_core_tick_dropped(struct client_core *core)
{
	static const char text[] = "the connection could not be made again in time";
	if (core->now_ns >= core->resume->window_end_ns)
		ringcast_client_core_finish(core, CLIENT_CORE_CODE_ABNORMAL, ringcast_view_of(text, sizeof(text) - 1));
}

bool ringcast_client_core_is_due(const struct client_core *core, uint64_t now_ns)
{
	return core->phase == CLIENT_CORE_DROPPED && now_ns >= core->phase_deadline_ns;
}

static bool prepare_login(struct client_core *core)
{
	const struct client_core_resume *resume = core->resume;
	struct packet packet = {.opcode = OPCODE_LOGIN,
				.target_player = PROTO_PEER_SERVER,
				.is_reliable = true,
				.command = PACKET_COMMAND_LOGIN,
				.login = {.client_version = PROTO_CLIENT_VERSION,
					  .may_resume = true,
					  .may_merge = core->may_merge,
					  .no_echo = core->no_echo,
					  .reconnect_token = ringcast_view_of(resume->token, resume->token_bytes),
					  .received = (int32_t)resume->received}};
	size_t size = ringcast_packet_encoded_bytes(&packet);
	core->login = malloc(PROTO_WEBSOCKET_HEADER_BYTES_MAX + size);
	if (!core->login)
		return false;
	core->login_bytes = (uint32_t)ringcast_packet_encode(&packet, core->login + PROTO_WEBSOCKET_HEADER_BYTES_MAX, size);
	return true;
}

bool ringcast_client_core_restart(struct client_core *core, const char *host_and_port, const char *path, uint64_t now_ns)
{
	char request[1024];
	ringcast_assert(core->phase == CLIENT_CORE_DROPPED);
	core->now_ns = now_ns;
	ringcast_client_core_make_key(core);
	size_t size = ringcast_http_upgrade_encode_request(host_and_port, path, core->key, request, sizeof(request));
	if (size == 0 || !prepare_login(core))
		return false;
	core->phase = CLIENT_CORE_UPGRADE;
	core->phase_deadline_ns = now_ns + core->resume->connect_timeout_ns;
	if (core->resume->window_end_ns < core->phase_deadline_ns)
		core->phase_deadline_ns = core->resume->window_end_ns;
	return core->ops->stream_send(core, (const uint8_t *)request, size, true);
}

void ringcast_client_core_fail_restart(struct client_core *core, const char *reason, uint64_t now_ns)
{
	core->now_ns = now_ns;
	core->phase = CLIENT_CORE_UPGRADE;
	ringcast_client_core_finish(core, CLIENT_CORE_CODE_ABNORMAL, ringcast_view_of(reason, strlen(reason)));
}

/* The server says what it has read: the rest goes out again before anything new, as fast as the server acts upon it. */
void ringcast_client_core_take_resumed(struct client_core *core, const struct packet *packet)
{
	struct client_core_resume *resume = core->resume;
	uint32_t lost = (uint32_t)packet->login_result.lost;
	resume->received += lost;
	resume->received_told = resume->received - lost; /* so that the gap is acknowledged too */
	resume->bytes_untold = 0;
	ringcast_client_core_take_acknowledged(core, (uint32_t)packet->login_result.received);
	resume->unsent_count = resume->kept_count;
	resume->unsent_bytes = resume->kept_bytes - resume->kept_offset;
	resume->is_resuming = false;
	if (resume->unsent_count > 0)
		ringcast_client_core_resend(core, !resume->is_offered); /* nothing will be acknowledged where nobody may come back any more */
	resume->resumes++;
	resume->gaps += lost > 0;
	core->ops->resumed(core, lost);
}
