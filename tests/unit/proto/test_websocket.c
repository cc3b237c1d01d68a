/* RFC 6455 framing: its own examples, every split point, every illegal header, message rules, close codes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/prng.h"
#include "proto/sha1.h"
#include "proto/websocket.h"
#include "vectors.h"

enum { PAYLOAD_MAX = 70000 };

struct parsed {
	enum websocket_result result;
	struct websocket_frame frame;
	size_t consumed, needed;
	uint16_t code;
	uint8_t *copy; /* what the frame points into; freed by whoever looked at the frame, NULL without one */
};

/* Parses a copy that ends where the heap block ends, so that a sanitizer sees any read beyond. */
static struct parsed parse(const uint8_t *bytes, size_t size, bool expects_mask, size_t payload_max)
{
	struct parsed parsed = {.consumed = 1000000, .needed = 1000000};
	uint8_t *copy = malloc(size + (size == 0));
	cr_assert_not_null(copy);
	if (size != 0)
		memcpy(copy, bytes, size);
	parsed.result = ringcast_websocket_parse(copy, size, expects_mask, payload_max, &parsed.frame, &parsed.consumed, &parsed.needed,
						 &parsed.code);
	if (parsed.result == WEBSOCKET_FRAME) {
		parsed.copy = copy;
		return parsed;
	}
	cr_assert(size == 0 || parsed.result == WEBSOCKET_ERROR || memcmp(copy, bytes, size) == 0, "unfinished bytes are not touched");
	free(copy);
	return parsed;
}

static struct parsed parse_hex(const char *hex, bool expects_mask, size_t payload_max)
{
	uint8_t bytes[64];
	return parse(bytes, vector_bytes(hex, bytes, sizeof(bytes)), expects_mask, payload_max);
}

static void check_frame(const struct parsed *parsed, enum websocket_opcode opcode, bool is_final, const char *text)
{
	cr_assert_eq(parsed->result, WEBSOCKET_FRAME);
	cr_assert_eq(parsed->frame.opcode, opcode);
	cr_assert_eq(parsed->frame.is_final, is_final);
	cr_assert_eq(parsed->frame.size, strlen(text));
	cr_assert_arr_eq(parsed->frame.payload, text, strlen(text));
	free(parsed->copy);
}

Test(websocket, examples_of_rfc_6455)
{
	struct parsed parsed = parse_hex("810548656c6c6f", false, 100);
	check_frame(&parsed, WEBSOCKET_TEXT, true, "Hello");
	parsed = parse_hex("818537fa213d7f9f4d5158", true, 100);
	check_frame(&parsed, WEBSOCKET_TEXT, true, "Hello");
	cr_assert_eq(parsed.consumed, 11);
	parsed = parse_hex("010348656c", false, 100);
	check_frame(&parsed, WEBSOCKET_TEXT, false, "Hel");
	parsed = parse_hex("80026c6f", false, 100);
	check_frame(&parsed, WEBSOCKET_CONTINUATION, true, "lo");
	parsed = parse_hex("890548656c6c6f", false, 100);
	check_frame(&parsed, WEBSOCKET_PING, true, "Hello");
	parsed = parse_hex("8a8537fa213d7f9f4d5158", true, 100);
	check_frame(&parsed, WEBSOCKET_PONG, true, "Hello");
}

Test(websocket, accept_key_of_rfc_6455)
{
	char accept[29];
	ringcast_websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==", 24, accept);
	cr_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void check_sha1(const char *text, const char *hex)
{
	uint8_t digest[SHA1_DIGEST_BYTES], expected[SHA1_DIGEST_BYTES];
	ringcast_sha1(ringcast_view_of(text, strlen(text)), digest);
	vector_bytes(hex, expected, sizeof(expected));
	cr_assert_arr_eq(digest, expected, sizeof(digest), "%s", text);
}

/* FIPS 180 examples, and lengths around the padding's turn from one block to two (made with sha1sum). */
Test(websocket, sha1_known_answers)
{
	check_sha1("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	check_sha1("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
	check_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "c1c8bbdc22796e28c0e15163d20899b65621d65a");
	check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0098ba824b5c16427bd7a1122a5a442a25ec644d");
	check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		   "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56");
}

Test(websocket, base64_of_rfc_4648)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"},
					       {"\xfb\xff\xbf", "+/+/"}};
	for (size_t index = 0; index < ARRAY_COUNT(pairs); index++) {
		char out[16] = {0};
		size_t size = ringcast_base64_encode(ringcast_view_of(pairs[index][0], strlen(pairs[index][0])), out);
		cr_assert_eq(size, strlen(pairs[index][1]));
		cr_assert_str_eq(out, pairs[index][1]);
	}
}

Test(websocket, illegal_headers_are_protocol_errors)
{
	static const struct {
		const char *hex;
		bool expects_mask;
		const char *what;
	} bad[] = {
		{"c0", true, "RSV1"},
		{"a0", true, "RSV2"},
		{"90", true, "RSV3"},
		{"83", true, "reserved data opcode"},
		{"87", true, "reserved data opcode"},
		{"8b", true, "reserved control opcode"},
		{"8f", true, "reserved control opcode"},
		{"09", true, "a ping in fragments"},
		{"08", true, "a close in fragments"},
		{"8205", true, "a client that does not mask"},
		{"8285", false, "a server that masks"},
		{"89fe", true, "a ping with a 16-bit length"},
		{"88ff", true, "a close with a 64-bit length"},
		{"82fe007d", true, "125 in 16 bits"},
		{"82fe0000", true, "0 in 16 bits"},
		{"82ff000000000000ffff", true, "65535 in 64 bits"},
		{"82ff8000000000000000", true, "a length with its top bit set"},
	};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		struct parsed parsed = parse_hex(bad[index].hex, bad[index].expects_mask, SIZE_MAX / 2);
		cr_assert_eq(parsed.result, WEBSOCKET_ERROR, "%s", bad[index].what);
		cr_assert_eq(parsed.code, 1002, "%s", bad[index].what);
	}
}

Test(websocket, too_big_is_judged_by_the_header_alone)
{
	struct parsed parsed = parse_hex("82fe1001", true, 4096);
	cr_assert_eq(parsed.result, WEBSOCKET_ERROR);
	cr_assert_eq(parsed.code, 1009);
	parsed = parse_hex("82ff7fffffffffffffff", true, 4096);
	cr_assert_eq(parsed.code, 1009);
	parsed = parse_hex("82fe1000", true, 4096);
	cr_assert_eq(parsed.result, WEBSOCKET_NEED_MORE);
	cr_assert_eq(parsed.needed, 8 + 4096);
	/* A ping is bounded by its own 125 bytes, not by the message limit. */
	parsed = parse_hex("89850000000048656c6c6f", true, 3);
	check_frame(&parsed, WEBSOCKET_PING, true, "Hello");
}

Test(websocket, header_holds_opcode_and_final_bit)
{
	static const enum websocket_opcode opcodes[] = {WEBSOCKET_CONTINUATION, WEBSOCKET_TEXT, WEBSOCKET_BINARY};
	for (size_t index = 0; index < ARRAY_COUNT(opcodes); index++) {
		uint8_t header[10];
		cr_assert_eq(ringcast_websocket_encode_header(opcodes[index], false, 3, header), 2);
		cr_assert_eq(header[0], opcodes[index]);
		cr_assert_eq(header[1], 3);
		cr_assert_eq(ringcast_websocket_encode_header(opcodes[index], true, 3, header), 2);
		cr_assert_eq(header[0], 0x80 | opcodes[index]);
	}
}

/* Header and payload built by our own writer, for every size class, cut at every point near the edges. */
static void check_every_cut(size_t payload_bytes, bool is_masked)
{
	static uint8_t payload[PAYLOAD_MAX], bytes[PAYLOAD_MAX + 16];
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	for (size_t index = 0; index < payload_bytes; index++)
		payload[index] = (uint8_t)(index * 7 + payload_bytes);
	size_t header_bytes = is_masked ? ringcast_websocket_encode_header_masked(WEBSOCKET_BINARY, true, payload_bytes, mask, bytes)
					: ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, payload_bytes, bytes);
	memcpy(bytes + header_bytes, payload, payload_bytes);
	if (is_masked)
		ringcast_websocket_mask(bytes + header_bytes, payload_bytes, mask);
	size_t whole = header_bytes + payload_bytes, length_end = header_bytes - (is_masked ? 4 : 0);
	for (size_t size = 0; size < whole; size += size > 300 && size + 300 < whole ? 97 : 1) {
		struct parsed parsed = parse(bytes, size, is_masked, PAYLOAD_MAX);
		cr_assert_eq(parsed.result, WEBSOCKET_NEED_MORE, "%zu of %zu", size, whole);
		cr_assert_eq(parsed.needed, size < length_end ? 0 : whole);
	}
	struct parsed parsed = parse(bytes, whole, is_masked, payload_bytes);
	cr_assert_eq(parsed.result, WEBSOCKET_FRAME);
	cr_assert_eq(parsed.consumed, whole);
	cr_assert_eq(parsed.frame.size, payload_bytes);
	cr_assert_arr_eq(parsed.frame.payload, payload, payload_bytes);
	free(parsed.copy);
}

Test(websocket, frames_of_every_size_class_at_every_cut)
{
	static const size_t sizes[] = {0, 1, 2, 5, 124, 125, 126, 127, 128, 4118, 65535, 65536, 65537};
	for (size_t index = 0; index < ARRAY_COUNT(sizes); index++) {
		check_every_cut(sizes[index], true);
		check_every_cut(sizes[index], false);
	}
}

Test(websocket, mask_equals_the_byte_by_byte_rule_at_every_alignment)
{
	static const uint8_t mask[4] = {0x01, 0x80, 0xfe, 0x55};
	for (size_t offset = 0; offset < 16; offset++) {
		for (size_t size = 0; size < 200; size++) {
			uint8_t bytes[256], expected[256];
			for (size_t index = 0; index < sizeof(bytes); index++)
				bytes[index] = expected[index] = (uint8_t)(index * 31);
			for (size_t index = 0; index < size; index++)
				expected[offset + index] ^= mask[index % 4];
			ringcast_websocket_mask(bytes + offset, size, mask);
			cr_assert_arr_eq(bytes, expected, sizeof(bytes), "offset %zu size %zu", offset, size);
		}
	}
}

/* A stream of frames taken through the assembler; returns what the message-level rules said last. */
struct reader {
	struct websocket_assembler assembler;
	uint8_t message[256];
	size_t message_bytes;
	char events[32]; /* one letter each: M message, F fragment, E end, P ping, O pong, C close, X error */
	size_t event_count;
	uint16_t code;
	size_t max_bytes;
};

static void read_frame(struct reader *reader, const struct websocket_frame *frame)
{
	static const char letters[] = "MFEPOCX";
	enum websocket_event event = ringcast_websocket_assemble(&reader->assembler, frame, reader->max_bytes, &reader->code);
	cr_assert_lt(reader->event_count, sizeof(reader->events) - 1);
	reader->events[reader->event_count++] = letters[event];
	if (event == WEBSOCKET_EVENT_MESSAGE)
		reader->message_bytes = 0;
	if (event <= WEBSOCKET_EVENT_MESSAGE_END && frame->size != 0) {
		cr_assert_leq(reader->message_bytes + frame->size, sizeof(reader->message));
		memcpy(reader->message + reader->message_bytes, frame->payload, frame->size);
		reader->message_bytes += frame->size;
	}
}

/* Feeds bytes in the given piece size, as a receiver would: unread bytes stay in front. */
static void read_stream(struct reader *reader, const char *hex, size_t piece_bytes)
{
	uint8_t bytes[256], unread[256];
	size_t size = vector_bytes(hex, bytes, sizeof(bytes)), unread_bytes = 0;
	for (size_t offset = 0; offset < size; offset += piece_bytes) {
		size_t piece = size - offset < piece_bytes ? size - offset : piece_bytes;
		memcpy(unread + unread_bytes, bytes + offset, piece);
		unread_bytes += piece;
		struct websocket_frame frame;
		size_t consumed, needed;
		uint16_t code;
		while (ringcast_websocket_parse(unread, unread_bytes, false, 200, &frame, &consumed, &needed, &code) == WEBSOCKET_FRAME) {
			read_frame(reader, &frame);
			memmove(unread, unread + consumed, unread_bytes - consumed);
			unread_bytes -= consumed;
		}
	}
	cr_assert_eq(unread_bytes, 0);
}

static struct reader read_whole(const char *hex)
{
	struct reader reader = {.max_bytes = 100};
	read_stream(&reader, hex, 256);
	return reader;
}

Test(websocket, control_frames_between_fragments_at_every_piece_size)
{
	/* "ab" + ping "p" + "cd" + pong + "" + close 1000, then nothing. */
	static const char stream[] = "02026162 890170 00026364 8a00 8000 880203e8";
	for (size_t piece = 1; piece <= 21; piece++) {
		struct reader reader = {.max_bytes = 100};
		read_stream(&reader, stream, piece);
		cr_assert_str_eq(reader.events, "FPFOEC");
		cr_assert_eq(reader.message_bytes, 4);
		cr_assert_arr_eq(reader.message, "abcd", 4);
		cr_assert_eq(reader.code, 1000);
		cr_assert_eq(reader.assembler.message_opcode, 0);
	}
}

Test(websocket, fragments_out_of_order_are_protocol_errors)
{
	struct reader reader = read_whole("800161");
	cr_assert_str_eq(reader.events, "X");
	cr_assert_eq(reader.code, 1002);
	reader = read_whole("020161 820162");
	cr_assert_str_eq(reader.events, "FX");
	cr_assert_eq(reader.code, 1002);
	reader = read_whole("020161 010162");
	cr_assert_str_eq(reader.events, "FX");
	reader = read_whole("820161 000162");
	cr_assert_str_eq(reader.events, "MX", "a message that ended cannot go on");
	reader = read_whole("020161 800162 820163");
	cr_assert_str_eq(reader.events, "FEM");
}

Test(websocket, message_limit_counts_all_fragments)
{
	struct reader reader = {.max_bytes = 5};
	read_stream(&reader, "0203616263 00026465 8000", 1);
	cr_assert_str_eq(reader.events, "FFE");
	reader = (struct reader){.max_bytes = 5};
	read_stream(&reader, "0203616263 0003646566", 1);
	cr_assert_str_eq(reader.events, "FX");
	cr_assert_eq(reader.code, 1009);
	reader = (struct reader){.max_bytes = 5};
	read_stream(&reader, "8206616263646566", 1);
	cr_assert_str_eq(reader.events, "X");
	cr_assert_eq(reader.code, 1009);
	/* The count starts anew with each message. */
	reader = (struct reader){.max_bytes = 3};
	read_stream(&reader, "8203616263 8203616263 0203616263 8000 8203616263", 1);
	cr_assert_str_eq(reader.events, "MMFEM");
}

static uint16_t close_code_of(unsigned code, enum websocket_event *ret_event)
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
	struct websocket_assembler assembler = {0};
	struct websocket_frame frame = {.opcode = WEBSOCKET_CLOSE, .is_final = true, .payload = payload, .size = 2};
	uint16_t ret_code = 0;
	*ret_event = ringcast_websocket_assemble(&assembler, &frame, 100, &ret_code);
	return ret_code;
}

Test(websocket, every_close_code_is_legal_or_not)
{
	static const struct {
		unsigned first, last;
	} legal[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		bool is_legal = false;
		for (size_t index = 0; index < ARRAY_COUNT(legal); index++)
			is_legal |= code >= legal[index].first && code <= legal[index].last;
		enum websocket_event event;
		uint16_t answer = close_code_of(code, &event);
		cr_assert_eq(event, is_legal ? WEBSOCKET_EVENT_CLOSE : WEBSOCKET_EVENT_ERROR, "%u", code);
		cr_assert_eq(answer, is_legal ? code : 1002, "%u", code);
	}
}

Test(websocket, close_payloads)
{
	struct reader reader = read_whole("8800");
	cr_assert_str_eq(reader.events, "C");
	cr_assert_eq(reader.code, 1005);
	reader = read_whole("880103");
	cr_assert_str_eq(reader.events, "X");
	cr_assert_eq(reader.code, 1002);
	reader = read_whole("880403e86f6b");
	cr_assert_str_eq(reader.events, "C");
	cr_assert_eq(reader.code, 1000);
	reader = read_whole("880403e8c328");
	cr_assert_str_eq(reader.events, "X");
	cr_assert_eq(reader.code, 1007);
	reader = read_whole("880303e8c3");
	cr_assert_str_eq(reader.events, "X", "a reason cut inside a character");
	cr_assert_eq(reader.code, 1007);
}

Test(websocket, text_must_be_utf8_across_fragments)
{
	/* U+20AC split after each of its bytes; then U+1D11E over four frames with a ping inside. */
	struct reader reader = read_whole("0101e2 000282ac 8000");
	cr_assert_str_eq(reader.events, "FFE");
	reader = read_whole("0102e282 8001ac");
	cr_assert_str_eq(reader.events, "FE");
	reader = read_whole("0101f0 00019d 8900 000184 80019e");
	cr_assert_str_eq(reader.events, "FFPFE");
	/* Unfinished at the end; wrong at the earliest fragment; fresh state for the next message. */
	reader = read_whole("0102e282 8000");
	cr_assert_str_eq(reader.events, "FX");
	cr_assert_eq(reader.code, 1007);
	reader = read_whole("0102c0af");
	cr_assert_str_eq(reader.events, "X");
	reader = read_whole("8101ff");
	cr_assert_str_eq(reader.events, "X");
	reader = read_whole("8103e282ac 810161 8201ff 8103e282ac");
	cr_assert_str_eq(reader.events, "MMMM");
	reader = read_whole("0201e2 800182");
	cr_assert_str_eq(reader.events, "FE", "binary is nobody's text");
}

Test(websocket, close_frame_is_what_the_peer_reads)
{
	uint8_t bytes[127];
	size_t size = ringcast_websocket_encode_close(1009, "too big", bytes);
	cr_assert_eq(size, 11);
	cr_assert_arr_eq(bytes, "\x88\x09\x03\xf1too big", 11);
	cr_assert_eq(ringcast_websocket_encode_close(3000, NULL, bytes), 4);

	char reason[201];
	memset(reason, 'x', 200);
	reason[200] = '\0';
	cr_assert_eq(ringcast_websocket_encode_close(1000, reason, bytes), 127);
	/* A euro sign over the cut: it goes as a whole. */
	memcpy(reason + 121, "\xe2\x82\xac", 3);
	size = ringcast_websocket_encode_close(1000, reason, bytes);
	cr_assert_eq(size, 2 + 2 + 121);
	struct parsed parsed = parse(bytes, size, false, 125);
	struct websocket_assembler assembler = {0};
	uint16_t code;
	cr_assert_eq(ringcast_websocket_assemble(&assembler, &parsed.frame, 125, &code), WEBSOCKET_EVENT_CLOSE);
	cr_assert_eq(code, 1000);
	free(parsed.copy);
	cr_assert_eq(ringcast_websocket_encode_close(1000, "no\xff", bytes), 2 + 2 + 2, "a text that is not UTF-8 ends there");
}

/* Random messages cut into random fragments with pings between come out as they went in. */
Test(websocket, random_messages_survive_fragmentation)
{
	struct prng prng;
	ringcast_prng_init(&prng, 99);
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t message[200];
		struct reader reader = {.max_bytes = sizeof(message)};
		size_t size = ringcast_prng_below(&prng, sizeof(message) + 1), sent = 0;
		ringcast_prng_fill(&prng, message, size);
		enum websocket_opcode opcode = WEBSOCKET_BINARY;
		while (reader.event_count < 20) {
			bool is_last = reader.event_count == 19 || ringcast_prng_chance(&prng, 1, 4);
			size_t piece = is_last ? size - sent : ringcast_prng_below(&prng, size - sent + 1);
			struct websocket_frame frame = {opcode, is_last, message + sent, piece};
			read_frame(&reader, &frame);
			sent += piece;
			opcode = WEBSOCKET_CONTINUATION;
			if (is_last)
				break;
			struct websocket_frame ping = {.opcode = WEBSOCKET_PING, .is_final = true};
			if (reader.event_count < 18 && ringcast_prng_chance(&prng, 1, 3))
				read_frame(&reader, &ping);
		}
		char last = reader.events[reader.event_count - 1];
		cr_assert(last == 'M' || last == 'E');
		cr_assert_eq(reader.message_bytes, size);
		cr_assert_arr_eq(reader.message, message, size);
	}
}
