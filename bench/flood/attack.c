#include "bench/flood/attack.h"

#include <string.h>

enum {
	RECORD_HEADER_BYTES = 13,
	MESSAGE_HEADER_BYTES = 12,
	RANDOM_BYTES = 32,
	TYPE_CHANGE_CIPHER_SPEC = 20,
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	TYPE_DATA = 23,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_HELLO_VERIFY_REQUEST = 3,
	MESSAGE_FINISHED = 20,
};

const char *const ringcast_attack_names[ATTACK_COUNT] = {
#define ATTACK(id, name, text) name,
#include "bench/flood/attack.def"
#undef ATTACK
};

const char *const ringcast_attack_texts[ATTACK_COUNT] = {
#define ATTACK(id, name, text) text,
#include "bench/flood/attack.def"
#undef ATTACK
};

static void put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u24(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 16);
	put_u16(at + 1, value);
}

static void put_record(uint8_t *out, uint8_t type, uint16_t epoch, size_t body_bytes)
{
	memset(out, 0, RECORD_HEADER_BYTES);
	out[0] = type;
	put_u16(out + 1, 0xfefd);
	put_u16(out + 3, epoch);
	put_u16(out + 11, body_bytes);
}

static size_t put_hello_body(const uint8_t random[RANDOM_BYTES], struct view cookie, uint8_t *out)
{
	/* suites: ECDHE-ECDSA with AES128-GCM, ChaCha20, AES256-GCM; no compression; groups P-256 and X25519, points, signatures, extended master secret */
	static const uint8_t rest[] = {0x00, 0x06, 0xc0, 0x2b, 0xcc, 0xa9, 0xc0, 0x2c, 0x01, 0x00, 0x00, 0x22, 0x00, 0x0a, 0x00, 0x06, 0x00,
				       0x04, 0x00, 0x17, 0x00, 0x1d, 0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, 0x00, 0x0d, 0x00, 0x0a, 0x00, 0x08,
				       0x04, 0x03, 0x08, 0x04, 0x04, 0x01, 0x02, 0x03, 0x00, 0x17, 0x00, 0x00};
	size_t size = 0;
	put_u16(out, 0xfefd);
	size += 2;
	memcpy(out + size, random, RANDOM_BYTES);
	size += RANDOM_BYTES;
	out[size++] = 0; /* session id */
	out[size++] = (uint8_t)cookie.size;
	if (cookie.size > 0)
		memcpy(out + size, cookie.data, cookie.size);
	size += cookie.size;
	memcpy(out + size, rest, sizeof(rest));
	return size + sizeof(rest);
}

/* offset and size: the fragment of the message that the datagram carries. */
static size_t wrap_hello(const uint8_t *body, size_t body_bytes, size_t offset, size_t size, uint8_t *out)
{
	uint8_t *message = out + RECORD_HEADER_BYTES;
	put_record(out, TYPE_HANDSHAKE, 0, MESSAGE_HEADER_BYTES + size);
	memset(message, 0, MESSAGE_HEADER_BYTES);
	message[0] = MESSAGE_CLIENT_HELLO;
	put_u24(message + 1, body_bytes);
	put_u24(message + 6, offset);
	put_u24(message + 9, size);
	memcpy(message + MESSAGE_HEADER_BYTES, body + offset, size);
	return RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES + size;
}

size_t ringcast_attack_hello(const uint8_t random[32], struct view cookie, uint8_t out[ATTACK_DATAGRAM_BYTES_MAX])
{
	uint8_t body[512];
	size_t size = put_hello_body(random, cookie, body);
	return wrap_hello(body, size, 0, size, out);
}

static size_t make_hello(struct prng *prng, size_t cookie_bytes, bool is_fragment, uint8_t *out)
{
	uint8_t body[512], random[RANDOM_BYTES], cookie[ATTACK_COOKIE_BYTES_MAX];
	ringcast_prng_fill(prng, random, sizeof(random));
	ringcast_prng_fill(prng, cookie, sizeof(cookie));
	size_t size = put_hello_body(random, ringcast_view_of(cookie, cookie_bytes), body);
	size_t offset = is_fragment ? ringcast_prng_below(prng, size) : 0;
	return wrap_hello(body, size, offset, is_fragment ? 1 + ringcast_prng_below(prng, size - offset) : size, out);
}

static size_t make_random(struct prng *prng, uint8_t *out)
{
	size_t size = 1 + ringcast_prng_below(prng, ATTACK_DATAGRAM_BYTES_MAX);
	ringcast_prng_fill(prng, out, size);
	return size;
}

static size_t make_record(struct prng *prng, uint8_t type, uint16_t epoch, size_t body_bytes, uint8_t *out)
{
	put_record(out, type, epoch, body_bytes);
	ringcast_prng_fill(prng, out + 5, 6); /* sequence number */
	ringcast_prng_fill(prng, out + RECORD_HEADER_BYTES, body_bytes);
	return RECORD_HEADER_BYTES + body_bytes;
}

static size_t make_lookalike(struct prng *prng, uint8_t *out)
{
	uint8_t type = (uint8_t)(TYPE_CHANGE_CIPHER_SPEC + ringcast_prng_below(prng, 4));
	return make_record(prng, type, (uint16_t)ringcast_prng_below(prng, 2), 1 + ringcast_prng_below(prng, 200), out);
}

static size_t make_short(struct prng *prng, uint8_t *out)
{
	size_t size = make_record(prng, TYPE_DATA, 1, 1 + ringcast_prng_below(prng, 24), out);
	switch (ringcast_prng_below(prng, 3)) {
	case 0:
		return 1; /* a single byte */
	case 1:
		put_u16(out + 11, 2000); /* more than came */
		return size;
	default:
		return size;
	}
}

static size_t make_clear(struct prng *prng, uint8_t *out)
{
	static const uint8_t alerts[][2] = {{2, 40}, {1, 0}, {2, 10}};
	size_t size;
	switch (ringcast_prng_below(prng, 3)) {
	case 0:
		size = make_record(prng, TYPE_ALERT, 0, 2, out);
		memcpy(out + RECORD_HEADER_BYTES, alerts[ringcast_prng_below(prng, 3)], 2);
		return size;
	case 1:
		size = make_record(prng, TYPE_CHANGE_CIPHER_SPEC, 0, 1, out);
		out[RECORD_HEADER_BYTES] = 1;
		return size;
	default:
		size = make_record(prng, TYPE_HANDSHAKE, 0, MESSAGE_HEADER_BYTES + 12, out);
		memset(out + RECORD_HEADER_BYTES, 0, MESSAGE_HEADER_BYTES);
		out[RECORD_HEADER_BYTES] = MESSAGE_FINISHED;
		put_u24(out + RECORD_HEADER_BYTES + 1, 12);
		put_u24(out + RECORD_HEADER_BYTES + 9, 12);
		return size;
	}
}

size_t ringcast_attack_make(enum attack attack, struct prng *prng, uint8_t out[ATTACK_DATAGRAM_BYTES_MAX])
{
	switch (attack) {
	case ATTACK_HELLO:
		return make_hello(prng, 0, false, out);
	case ATTACK_STALE_COOKIE:
		return make_hello(prng, 1 + ringcast_prng_below(prng, 64), false, out);
	case ATTACK_FRAGMENT:
		return make_hello(prng, 0, true, out);
	case ATTACK_LOOKALIKE:
		return make_lookalike(prng, out);
	case ATTACK_SHORT:
		return make_short(prng, out);
	case ATTACK_CLEAR:
		return make_clear(prng, out);
	case ATTACK_SEALED:
		return make_record(prng, TYPE_DATA, 1, 25 + ringcast_prng_below(prng, 1200), out);
	case ATTACK_GARBAGE:
	case ATTACK_COUNT:
		break;
	}
	return make_random(prng, out);
}

bool ringcast_attack_cookie(struct view datagram, struct view *ret_cookie)
{
	enum { COOKIE_OFFSET = RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES + 2 };
	const uint8_t *bytes = datagram.data;
	if (datagram.size <= COOKIE_OFFSET || bytes[0] != TYPE_HANDSHAKE || bytes[RECORD_HEADER_BYTES] != MESSAGE_HELLO_VERIFY_REQUEST)
		return false;
	if ((size_t)COOKIE_OFFSET + 1 + bytes[COOKIE_OFFSET] > datagram.size)
		return false;
	*ret_cookie = ringcast_view_of(bytes + COOKIE_OFFSET + 1, bytes[COOKIE_OFFSET]);
	return true;
}
