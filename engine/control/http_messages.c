/* Messages of backends into sessions that run: a text, or bytes in base64. */
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "control/http_body.h"
#include "control/http_routes.h"

struct sending {
	const char *player_id, *text, *base64;
	uint32_t peer_id, opcode;
	bool has_text, has_base64, has_opcode;
};

static bool read_sending(const struct http_request *request, struct sending *sending, struct http_response *response)
{
	const uint32_t bytes_max = request->config->limits.service_message_bytes;
	const struct body_field fields[] = {
		{.name = "player_id", .type = BODY_STRING, .target = &sending->player_id, .max = RINGCAST_PLAYER_ID_BYTES - 1},
		{.name = "peer_id", .type = BODY_UINT, .target = &sending->peer_id, .max = INT32_MAX},
		{.name = "opcode", .type = BODY_UINT, .target = &sending->opcode, .max = INT32_MAX, .is_present = &sending->has_opcode},
		{.name = "payload", .type = BODY_STRING, .target = &sending->text, .max = bytes_max, .is_present = &sending->has_text},
		{.name = "payload_base64", .type = BODY_STRING, .target = &sending->base64, .max = BASE64_ENCODE_RAW_LENGTH(bytes_max),
		 .is_present = &sending->has_base64},
	};
	if (!ringcast_http_body_read(request, fields, ARRAY_COUNT(fields), NULL, response))
		return false;
	if (sending->has_text && sending->has_base64)
		ringcast_http_problem(response, 400, "field", "give 'payload' or 'payload_base64', not both");
	else if (*sending->player_id != '\0' && sending->peer_id != 0)
		ringcast_http_problem(response, 400, "field", "give 'player_id' or 'peer_id', not both; without either the session's game hears the message");
	else if ((*sending->player_id != '\0' || sending->peer_id != 0) && !sending->has_opcode)
		ringcast_http_problem(response, 400, "field", "give 'opcode': a player's client tells messages apart by it");
	else
		return true;
	return false;
}

/* NULL: memory is short, or no base64, and the response says which. */
static uint8_t *payload_of(const struct sending *sending, size_t *ret_bytes, struct http_response *response)
{
	struct base64_decode_ctx context;
	const char *given = sending->has_base64 ? sending->base64 : sending->text;
	size_t size = strlen(given);
	*ret_bytes = sending->has_base64 ? BASE64_DECODE_LENGTH(size) : size;
	uint8_t *payload = malloc(*ret_bytes + 1);
	if (payload == NULL) {
		ringcast_http_engine_problem(response, RINGCAST_ERROR_MEMORY, "send a message");
		return NULL;
	}
	if (!sending->has_base64) {
		memcpy(payload, given, size);
		return payload;
	}
	base64_decode_init(&context);
	if (base64_decode_update(&context, ret_bytes, payload, size, given) && base64_decode_final(&context))
		return payload;
	ringcast_http_problem(response, 400, "field", "'payload_base64' is not base64");
	free(payload);
	return NULL;
}

static void refuse(const struct http_request *request, const struct sending *sending, int error, struct http_response *response)
{
	const char *id = request->parameters[0];
	bool is_to_player = *sending->player_id != '\0' || sending->peer_id != 0;
	if (error == RINGCAST_ERROR_FULL)
		ringcast_http_problem(response, 429, "full", "%s: more than limits.service_messages_per_second (%u), or its script does not keep up; try again later",
				      id, request->config->limits.service_messages_per_second);
	else if (error == RINGCAST_ERROR_UNHEARD)
		ringcast_http_problem(response, 409, "unheard", "%s: its script has no onServiceMessage (C: no service_message callback)", id);
	else if (error == RINGCAST_ERROR_NOT_FOUND && is_to_player)
		ringcast_http_problem(response, 404, "not_found", "%s: there is no such session, or this player is not in it", id);
	else if (error == RINGCAST_ERROR_ARGUMENT)
		ringcast_http_problem(response, 400, "argument", "op code %u is one of the engine's own, or the payload is longer than limits.service_message_bytes (%u)",
				      sending->opcode, request->config->limits.service_message_bytes);
	else
		ringcast_http_engine_problem(response, error, id);
}

void ringcast_http_message_send(struct http_request *request, struct http_response *response)
{
	struct sending sending = {.player_id = "", .text = "", .base64 = ""};
	ringcast_service_message message = RINGCAST_SERVICE_MESSAGE_INIT;
	if (!read_sending(request, &sending, response))
		return;
	uint8_t *payload = payload_of(&sending, &message.payload_bytes, response);
	if (payload == NULL)
		return;
	message.session_id = request->parameters[0];
	message.player_id = sending.player_id;
	message.peer_id = (int32_t)sending.peer_id;
	message.opcode = (int32_t)sending.opcode;
	message.payload = payload;
	int error = ringcast_service_message_send(request->host->engine, &message);
	if (error != RINGCAST_OK)
		refuse(request, &sending, error, response);
	else
		ringcast_http_reply(response, 202, json_pack("{s:s, s:I, s:s}", "id", message.session_id, "bytes", (json_int_t)message.payload_bytes, "state", "sent"));
	free(payload);
}
