#include "proto/websocket.h"

#include "base/assert.h"
#include "base/close.h"
#include "base/utf8.h"
#include "proto/limits.h"
#include "proto/sha1.h"

enum {
	CONTROL_BYTES_MAX = 125,
	CODE_PROTOCOL_ERROR = 1002,
	CODE_ABSENT = 1005,
	CODE_NOT_UTF8 = 1007,
	CODE_TOO_BIG = 1009,
	BIT_FINAL = 0x80,
	BITS_RESERVED = 0x70,
	BITS_OPCODE = 0x0f,
	BIT_MASKED = 0x80,
	BITS_LENGTH = 0x7f,
	LENGTH_IN_16_BITS = 126,
	LENGTH_IN_64_BITS = 127,
	MASK_BYTES = 4,
};

struct header {
	uint64_t payload_bytes;
	size_t size; /* mask key included */
};

static bool is_control(unsigned opcode)
{
	return opcode >= WEBSOCKET_CLOSE;
}

static bool is_known(unsigned opcode)
{
	return opcode <= WEBSOCKET_BINARY || (opcode >= WEBSOCKET_CLOSE && opcode <= WEBSOCKET_PONG);
}

/* What the first two bytes alone can show to be wrong; a client that speaks nonsense is refused before its length is awaited. */
static bool is_legal_start(const uint8_t *bytes, size_t size, bool expects_mask)
{
	unsigned opcode = bytes[0] & BITS_OPCODE;
	if ((bytes[0] & BITS_RESERVED) != 0 || !is_known(opcode))
		return false;
	if (is_control(opcode) && (bytes[0] & BIT_FINAL) == 0)
		return false;
	if (size < 2)
		return true;
	if (((bytes[1] & BIT_MASKED) != 0) != expects_mask)
		return false;
	return !is_control(opcode) || (bytes[1] & BITS_LENGTH) <= CONTROL_BYTES_MAX;
}

static uint64_t load_big_endian(const uint8_t *at, size_t size)
{
	uint64_t value = 0;
	for (size_t index = 0; index < size; index++)
		value = value << 8 | at[index];
	return value;
}

static size_t length_bytes_of(uint8_t second_byte)
{
	unsigned length = second_byte & BITS_LENGTH;
	return length == LENGTH_IN_16_BITS ? 2 : length == LENGTH_IN_64_BITS ? 8 : 0;
}

/* Lengths must be written in the shortest form, and the top bit of the long one must be clear. */
static bool is_legal_length(uint64_t payload_bytes, size_t length_bytes)
{
	if (length_bytes == 2)
		return payload_bytes >= LENGTH_IN_16_BITS;
	if (length_bytes == 8)
		return payload_bytes > UINT16_MAX && payload_bytes <= INT64_MAX;
	return true;
}

/* The header if it is whole. The mask key may still be missing for NEED_MORE, the length is judged as soon as it is there. */
static enum websocket_result parse_header(const uint8_t *bytes, size_t size, bool expects_mask, size_t payload_bytes_max,
					  struct header *ret_header, uint16_t *ret_close_code)
{
	*ret_close_code = CODE_PROTOCOL_ERROR;
	if (size > 0 && !is_legal_start(bytes, size, expects_mask))
		return WEBSOCKET_ERROR;
	if (size < 2)
		return WEBSOCKET_NEED_MORE;
	size_t length_bytes = length_bytes_of(bytes[1]);
	if (size < 2 + length_bytes)
		return WEBSOCKET_NEED_MORE;
	uint64_t payload_bytes = length_bytes != 0 ? load_big_endian(bytes + 2, length_bytes) : bytes[1] & BITS_LENGTH;
	if (!is_legal_length(payload_bytes, length_bytes))
		return WEBSOCKET_ERROR;
	*ret_close_code = CODE_TOO_BIG;
	if (payload_bytes > payload_bytes_max && !is_control(bytes[0] & BITS_OPCODE))
		return WEBSOCKET_ERROR;
	ret_header->payload_bytes = payload_bytes;
	ret_header->size = 2 + length_bytes + (expects_mask ? MASK_BYTES : 0);
	return WEBSOCKET_FRAME;
}

enum websocket_result ringcast_websocket_parse(uint8_t *bytes, size_t size, bool expects_mask, size_t payload_bytes_max,
					       struct websocket_frame *ret_frame, size_t *ret_consumed, size_t *ret_needed,
					       uint16_t *ret_close_code)
{
	ringcast_assert(bytes != NULL || size == 0);
	ringcast_assert(payload_bytes_max <= SIZE_MAX / 2); /* so that the total below cannot wrap */
	struct header header;
	uint16_t close_code;
	enum websocket_result result = parse_header(bytes, size, expects_mask, payload_bytes_max, &header, &close_code);
	if (result == WEBSOCKET_ERROR)
		*ret_close_code = close_code;
	if (result == WEBSOCKET_NEED_MORE)
		*ret_needed = 0;
	if (result != WEBSOCKET_FRAME)
		return result;

	size_t frame_bytes = header.size + (size_t)header.payload_bytes;
	if (size < frame_bytes) {
		*ret_needed = frame_bytes;
		return WEBSOCKET_NEED_MORE;
	}
	uint8_t *payload = bytes + header.size;
	if (expects_mask)
		ringcast_websocket_mask(payload, (size_t)header.payload_bytes, payload - MASK_BYTES);
	*ret_frame = (struct websocket_frame){
		.opcode = (enum websocket_opcode)(bytes[0] & BITS_OPCODE),
		.is_final = (bytes[0] & BIT_FINAL) != 0,
		.payload = payload,
		.size = (size_t)header.payload_bytes,
	};
	*ret_consumed = frame_bytes;
	return WEBSOCKET_FRAME;
}

/* RFC 6455 section 7.4 and the IANA registry: 1004 to 1006 and 1015 never travel, 1016 to 2999 are not given out. */
static bool is_legal_close_code(unsigned code)
{
	if (code >= 3000)
		return code <= 4999;
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

static enum websocket_event fail(uint16_t code, uint16_t *ret_close_code)
{
	*ret_close_code = code;
	return WEBSOCKET_EVENT_ERROR;
}

static enum websocket_event judge_close(const struct websocket_frame *frame, uint16_t *ret_close_code)
{
	if (frame->size == 0) {
		*ret_close_code = CODE_ABSENT;
		return WEBSOCKET_EVENT_CLOSE;
	}
	if (frame->size == 1)
		return fail(CODE_PROTOCOL_ERROR, ret_close_code);
	uint16_t code = (uint16_t)load_big_endian(frame->payload, 2);
	if (!is_legal_close_code(code))
		return fail(CODE_PROTOCOL_ERROR, ret_close_code);
	if (ringcast_utf8_step(UTF8_COMPLETE, ringcast_view_of(frame->payload + 2, frame->size - 2)) != UTF8_COMPLETE)
		return fail(CODE_NOT_UTF8, ret_close_code);
	*ret_close_code = code;
	return WEBSOCKET_EVENT_CLOSE;
}

static enum websocket_event judge_control(const struct websocket_frame *frame, uint16_t *ret_close_code)
{
	ringcast_assert(frame->is_final);
	ringcast_assert(frame->size <= CONTROL_BYTES_MAX);
	if (frame->opcode == WEBSOCKET_PING)
		return WEBSOCKET_EVENT_PING;
	if (frame->opcode == WEBSOCKET_PONG)
		return WEBSOCKET_EVENT_PONG;
	return judge_close(frame, ret_close_code);
}

/* False when the text so far, or at its end the whole text, is not UTF-8. */
static bool check_text(struct websocket_assembler *assembler, const struct websocket_frame *frame)
{
	struct view piece = ringcast_view_of(frame->payload, frame->size);
	enum utf8_state state = ringcast_utf8_step((enum utf8_state)assembler->utf8_state, piece);
	assembler->utf8_state = (uint8_t)state;
	return frame->is_final ? state == UTF8_COMPLETE : state != UTF8_BAD;
}

enum websocket_event ringcast_websocket_assemble(struct websocket_assembler *assembler, const struct websocket_frame *frame,
						 size_t message_bytes_max, uint16_t *ret_close_code)
{
	ringcast_assert(message_bytes_max <= UINT32_MAX);
	ringcast_assert(is_known(frame->opcode));
	if (is_control(frame->opcode))
		return judge_control(frame, ret_close_code);
	bool is_continued = assembler->message_opcode != 0;
	if (is_continued != (frame->opcode == WEBSOCKET_CONTINUATION))
		return fail(CODE_PROTOCOL_ERROR, ret_close_code);
	if (!is_continued)
		*assembler = (struct websocket_assembler){.message_opcode = (uint8_t)frame->opcode};
	if (frame->size > message_bytes_max - assembler->message_bytes)
		return fail(CODE_TOO_BIG, ret_close_code);
	assembler->message_bytes += (uint32_t)frame->size;
	if (assembler->message_opcode == WEBSOCKET_TEXT && !check_text(assembler, frame))
		return fail(CODE_NOT_UTF8, ret_close_code);
	if (!frame->is_final)
		return WEBSOCKET_EVENT_FRAGMENT;
	*assembler = (struct websocket_assembler){0};
	return is_continued ? WEBSOCKET_EVENT_MESSAGE_END : WEBSOCKET_EVENT_MESSAGE;
}

static void store_big_endian(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t index = 0; index < size; index++)
		at[index] = (uint8_t)(value >> (8 * (size - 1 - index)));
}

size_t ringcast_websocket_encode_header(enum websocket_opcode opcode, bool is_final, size_t payload_bytes, uint8_t *out)
{
	ringcast_assert(is_known(opcode));
	ringcast_assert(!is_control(opcode) || (is_final && payload_bytes <= CONTROL_BYTES_MAX));
	out[0] = (uint8_t)(opcode | (is_final ? BIT_FINAL : 0));
	if (payload_bytes < LENGTH_IN_16_BITS) {
		out[1] = (uint8_t)payload_bytes;
		return 2;
	}
	if (payload_bytes <= UINT16_MAX) {
		out[1] = LENGTH_IN_16_BITS;
		store_big_endian(out + 2, payload_bytes, 2);
		return 4;
	}
	out[1] = LENGTH_IN_64_BITS;
	store_big_endian(out + 2, payload_bytes, 8);
	return 10;
}

size_t ringcast_websocket_encode_header_masked(enum websocket_opcode opcode, bool is_final, size_t payload_bytes, const uint8_t mask[4],
					       uint8_t *out)
{
	size_t size = ringcast_websocket_encode_header(opcode, is_final, payload_bytes, out);
	out[1] |= BIT_MASKED;
	memcpy(out + size, mask, 4);
	return size + 4;
}

/* A vector of the compiler's: two registers on x86-64 and arm64, any alignment through memcpy. */
typedef uint32_t lanes __attribute__((vector_size(32)));

void ringcast_websocket_mask(uint8_t *payload, size_t size, const uint8_t mask[4])
{
	uint32_t key;
	memcpy(&key, mask, sizeof(key));
	lanes keys = {key, key, key, key, key, key, key, key};
	size_t index = 0;
	for (; size - index >= sizeof(lanes); index += sizeof(lanes)) {
		lanes piece;
		memcpy(&piece, payload + index, sizeof(piece));
		piece ^= keys;
		memcpy(payload + index, &piece, sizeof(piece));
	}
	for (; size - index >= sizeof(key); index += sizeof(key)) {
		uint32_t piece;
		memcpy(&piece, payload + index, sizeof(piece));
		piece ^= key;
		memcpy(payload + index, &piece, sizeof(piece));
	}
	for (; index < size; index++)
		payload[index] ^= mask[index & 3];
}

size_t ringcast_websocket_encode_close(uint16_t code, const char *reason, uint8_t *out)
{
	ringcast_assert(is_legal_close_code(code));
	size_t reason_bytes = reason != NULL ? ringcast_close_text_bytes(reason) : 0;
	size_t size = ringcast_websocket_encode_header(WEBSOCKET_CLOSE, true, 2 + reason_bytes, out);
	store_big_endian(out + size, code, 2);
	if (reason_bytes != 0)
		memcpy(out + size + 2, reason, reason_bytes);
	return size + 2 + reason_bytes;
}

void ringcast_websocket_accept_key(const char *key, size_t key_size, char out[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
	enum { GUID_BYTES = sizeof(guid) - 1, KEY_BYTES = 24 };
	ringcast_assert(key_size == KEY_BYTES);
	uint8_t text[KEY_BYTES + GUID_BYTES];
	uint8_t digest[SHA1_DIGEST_BYTES];
	memcpy(text, key, KEY_BYTES);
	memcpy(text + KEY_BYTES, guid, GUID_BYTES);
	ringcast_sha1(ringcast_view_of(text, sizeof(text)), digest);
	size_t size = ringcast_base64_encode(ringcast_view_of(digest, sizeof(digest)), out);
	ringcast_assert(size == SHA1_BASE64_CHARS);
	out[size] = '\0';
}
