#include "transport/proxy_header.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 107, SIGNATURE_BYTES = 12, HEAD_BYTES = 16, V4_BYTES = 12, V6_BYTES = 36, WORDS_MAX = 6, WORD_BYTES = 48 };

static const uint8_t signature[SIGNATURE_BYTES] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* Whom to trust */

static bool parse_ip(const char *text, bool *ret_is_v4, uint8_t ret_ip[16])
{
	*ret_is_v4 = inet_pton(AF_INET, text, ret_ip + 12) == 1;
	if (!*ret_is_v4)
		return inet_pton(AF_INET6, text, ret_ip) == 1;
	memset(ret_ip, 0, 10);
	ret_ip[10] = ret_ip[11] = 0xff;
	return true;
}

/* Digits only, no more than four. */
static bool parse_count(const char *text, unsigned max, unsigned *ret)
{
	unsigned value = 0;
	size_t size = strlen(text);
	if (size == 0 || size > 5 || (size > 1 && text[0] == '0'))
		return false;
	for (; *text != 0; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*ret = value;
	return value <= max;
}

static bool parse_range(char *text, struct proxy_range *ret)
{
	char *slash = strchr(text, '/');
	bool is_v4;
	unsigned bits;
	if (slash != NULL)
		*slash = 0;
	if (!parse_ip(text, &is_v4, ret->ip))
		return false;
	bits = is_v4 ? 32 : 128;
	if (slash != NULL && !parse_count(slash + 1, bits, &bits))
		return false;
	ret->bit_count = (uint8_t)(is_v4 ? 96 + bits : bits);
	return true;
}

bool ringcast_proxy_ranges_parse(const char *text, struct proxy_ranges *ret_ranges)
{
	char copy[PROXY_RANGES_MAX * WORD_BYTES], *at = copy, *word;
	struct proxy_ranges ranges = {0};
	size_t size = text != NULL ? strlen(text) : 0;
	if (size >= sizeof(copy))
		return false;
	memcpy(copy, size > 0 ? text : "", size);
	copy[size] = 0;
	while ((word = strtok_r(at, ", ", &at)) != NULL)
		if (ranges.count == PROXY_RANGES_MAX || !parse_range(word, &ranges.items[ranges.count++]))
			return false;
	*ret_ranges = ranges;
	return true;
}

static bool has_address(const struct proxy_range *range, const struct address *address)
{
	unsigned whole = range->bit_count / 8, rest = range->bit_count % 8;
	return memcmp(range->ip, address->ip, whole) == 0 && (rest == 0 || ((range->ip[whole] ^ address->ip[whole]) >> (8 - rest)) == 0);
}

bool ringcast_proxy_ranges_have(const struct proxy_ranges *ranges, const struct address *address)
{
	for (uint32_t i = 0; i < ranges->count; i++)
		if (has_address(&ranges->items[i], address))
			return true;
	return false;
}

/* Version 1: a line of text */

/* Words between single spaces. 0: too many, an empty or a long one, or a byte that is no visible character. */
static unsigned split_words(struct view line, char words[WORDS_MAX][WORD_BYTES])
{
	unsigned count = 0;
	size_t size = 0;
	for (size_t i = 0; i <= line.size; i++) {
		bool is_end = i == line.size || line.data[i] == ' ';
		if (!is_end && (line.data[i] < '!' || line.data[i] > '~' || size == WORD_BYTES - 1))
			return 0;
		if (!is_end) {
			words[count][size++] = (char)line.data[i];
			continue;
		}
		if (size == 0 || count + 1 > WORDS_MAX)
			return 0;
		words[count++][size] = 0;
		size = 0;
		if (count == WORDS_MAX && i < line.size)
			return 0;
	}
	return count;
}

static enum proxy_result parse_words(struct view line, struct proxy_header *ret)
{
	char words[WORDS_MAX][WORD_BYTES];
	unsigned count = split_words(line, words), port, target_port;
	uint8_t target_ip[16];
	bool is_v4, is_target_v4;
	if (count < WORDS_MAX || strcmp(words[0], "PROXY") != 0 || strncmp(words[1], "TCP", 3) != 0)
		return PROXY_INVALID;
	if (!parse_ip(words[2], &is_v4, ret->source.ip) || !parse_ip(words[3], &is_target_v4, target_ip) || is_v4 != is_target_v4 ||
	    strcmp(words[1], is_v4 ? "TCP4" : "TCP6") != 0)
		return PROXY_INVALID;
	if (!parse_count(words[4], UINT16_MAX, &port) || !parse_count(words[5], UINT16_MAX, &target_port))
		return PROXY_INVALID;
	ret->source.port = (uint16_t)port;
	ret->has_source = true;
	return PROXY_OK;
}

static enum proxy_result parse_line(struct view bytes, struct proxy_header *ret)
{
	static const char unknown[] = "PROXY UNKNOWN";
	size_t size = bytes.size < LINE_BYTES_MAX ? bytes.size : LINE_BYTES_MAX;
	const uint8_t *end = memchr(bytes.data, '\n', size);
	if (end == NULL)
		return size == LINE_BYTES_MAX ? PROXY_INVALID : PROXY_NEED_MORE;
	size = (size_t)(end - bytes.data);
	if (size == 0 || end[-1] != '\r')
		return PROXY_INVALID;
	ret->size = size + 1;
	struct view line = ringcast_view_of(bytes.data, size - 1);
	if (line.size >= strlen(unknown) && memcmp(line.data, unknown, strlen(unknown)) == 0 &&
	    (line.size == strlen(unknown) || line.data[strlen(unknown)] == ' '))
		return PROXY_OK;
	return parse_words(line, ret);
}

/* Version 2: binary */

static void take_v4(const uint8_t *body, struct address *ret)
{
	*ret = (struct address){.ip = {[10] = 0xff, [11] = 0xff}, .port = (uint16_t)(body[8] << 8 | body[9])};
	memcpy(ret->ip + 12, body, 4);
}

static void take_v6(const uint8_t *body, struct address *ret)
{
	*ret = (struct address){.port = (uint16_t)(body[32] << 8 | body[33])};
	memcpy(ret->ip, body, sizeof(ret->ip));
}

static enum proxy_result parse_binary(struct view bytes, struct proxy_header *ret)
{
	enum { LOCAL = 0x20, PROXY = 0x21, UNSPECIFIED = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31 };
	if (bytes.size < HEAD_BYTES)
		return PROXY_NEED_MORE;
	size_t body_bytes = (size_t)bytes.data[14] << 8 | bytes.data[15];
	uint8_t command = bytes.data[12], family = bytes.data[13];
	const uint8_t *body = bytes.data + HEAD_BYTES;
	bool is_own = command == LOCAL || family == UNSPECIFIED || family == UNIX_STREAM;
	if ((command != LOCAL && command != PROXY) || HEAD_BYTES + body_bytes > PROXY_HEADER_BYTES_MAX)
		return PROXY_INVALID;
	if (!is_own && !(family == TCP4 && body_bytes >= V4_BYTES) && !(family == TCP6 && body_bytes >= V6_BYTES))
		return PROXY_INVALID;
	if (bytes.size < HEAD_BYTES + body_bytes)
		return PROXY_NEED_MORE;
	ret->size = HEAD_BYTES + body_bytes;
	ret->has_source = !is_own;
	if (!is_own && family == TCP4)
		take_v4(body, &ret->source);
	else if (!is_own)
		take_v6(body, &ret->source);
	return PROXY_OK;
}

static bool begins(struct view bytes, const void *start, size_t size)
{
	return bytes.size > 0 && memcmp(bytes.data, start, bytes.size < size ? bytes.size : size) == 0;
}

enum proxy_result ringcast_proxy_header_parse(struct view bytes, struct proxy_header *ret_header)
{
	struct proxy_header header = {0};
	enum proxy_result result = PROXY_INVALID;
	if (bytes.size == 0)
		return PROXY_NEED_MORE;
	if (begins(bytes, signature, SIGNATURE_BYTES))
		result = parse_binary(bytes, &header);
	else if (begins(bytes, "PROXY ", 6))
		result = parse_line(bytes, &header);
	if (result == PROXY_OK)
		*ret_header = header;
	return result;
}
