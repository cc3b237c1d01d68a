#include "control/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/attr.h"

struct unit {
	const char *suffix;
	uint64_t scale; /* in nanoseconds or bytes */
};

static const struct unit duration_units[] = {
	{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)},
	{NULL, 0}};
static const struct unit size_units[] = {{"B", 1},          {"KB", 1000},      {"MB", 1000000},   {"GB", 1000000000},
					 {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}, {NULL, 0}};

/* How a number key counts: which units its text may carry, how many base units one count is, and whether a bare number will do. */
struct counting {
	const struct unit *units; /* NULL: plain number */
	uint64_t scale;
	bool is_bare_allowed;
	const char *example;
};

static struct counting counting_of(const struct option *option)
{
	const char *unit = ringcast_options_unit(option);
	if (option->type == OPTION_DURATION)
		return (struct counting){duration_units, 1000000, false, "30s or 250ms"};
	if (option->type == OPTION_SIZE)
		return (struct counting){size_units, 1, false, "64KiB or 16MiB"};
	if (!unit)
		return (struct counting){NULL, 1, true, ""};
	if (strcmp(unit, "bytes") == 0)
		return (struct counting){size_units, 1, true, "65536 or 64KiB"};
	return (struct counting){duration_units, strcmp(unit, "us") == 0 ? 1000 : 1000000, true,
				 strcmp(unit, "us") == 0 ? "500 or 2ms" : "1500 or 30s"};
}

PRINTF_LIKE(3, 4) static bool refuse(char *reterr, size_t reterr_bytes, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr, reterr_bytes, format, arguments);
	va_end(arguments);
	return false;
}

/* Digits with an optional fraction, kept exact: value = whole + fraction / fraction_scale. Returns the rest, or NULL. */
static const char *parse_decimal(const char *text, uint64_t *ret_whole, uint64_t *ret_fraction, uint64_t *ret_fraction_scale)
{
	const char *at = text;
	*ret_whole = *ret_fraction = 0;
	*ret_fraction_scale = 1;
	if (!isdigit((unsigned char)*at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(*ret_whole, 10u, ret_whole) ||
		    __builtin_add_overflow(*ret_whole, (uint64_t)(*at - '0'), ret_whole))
			return NULL;
	if (*at != '.')
		return at;
	if (!isdigit((unsigned char)*++at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++) {
		if (*ret_fraction_scale >= 1000000000)
			return NULL;
		*ret_fraction = *ret_fraction * 10 + (uint64_t)(*at - '0');
		*ret_fraction_scale *= 10;
	}
	return at;
}

static const struct unit *find_unit(const struct unit *units, const char *suffix)
{
	for (; units && units->suffix; units++)
		if (strcmp(units->suffix, suffix) == 0)
			return units;
	return NULL;
}

/* The suffixes as "a, b or c". */
static void list_units(const struct unit *units, char *ret_text, size_t size)
{
	size_t used = 0;
	*ret_text = 0;
	for (const struct unit *unit = units; unit->suffix && used < size; unit++) {
		const char *separator = unit == units ? "" : unit[1].suffix ? ", " : " or ";
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s", separator, unit->suffix);
	}
}

static bool refuse_bare(const struct option *option, uint64_t number, char *reterr, size_t reterr_bytes)
{
	if (option->type == OPTION_DURATION)
		return refuse(reterr, reterr_bytes, "%" PRIu64 " has no unit: write %" PRIu64 "s or %" PRIu64 "ms", number, number, number);
	if (number % 1024 == 0)
		return refuse(reterr, reterr_bytes, "%" PRIu64 " has no unit: write %" PRIu64 "KiB or %" PRIu64 "B", number, number / 1024,
			      number);
	return refuse(reterr, reterr_bytes, "%" PRIu64 " has no unit: write %" PRIu64 "B or a size such as 64KiB", number, number);
}

static bool scale_quantity(const struct counting *counting, const struct unit *unit, uint64_t whole, uint64_t fraction,
			   uint64_t fraction_scale, uint64_t *ret_number)
{
	unsigned __int128 base = (unsigned __int128)whole * unit->scale * fraction_scale + (unsigned __int128)fraction * unit->scale;
	unsigned __int128 divisor = (unsigned __int128)fraction_scale * counting->scale;
	if (base % divisor != 0 || base / divisor > INT64_MAX)
		return false;
	*ret_number = (uint64_t)(base / divisor);
	return true;
}

static bool parse_number(const struct option *option, const char *text, uint64_t *ret_number, char *reterr, size_t reterr_bytes)
{
	struct counting counting = counting_of(option);
	uint64_t whole, fraction, fraction_scale;
	const char *suffix = parse_decimal(text, &whole, &fraction, &fraction_scale);
	if (!suffix || (!counting.units && *suffix) || (!*suffix && fraction_scale > 1)) {
		if (counting.units)
			return refuse(reterr, reterr_bytes, "'%s' is not a %s: write one like %s", text,
				      counting.units == duration_units ? "duration" : "size", counting.example);
		return refuse(reterr, reterr_bytes, "'%s' is not a whole number", text);
	}
	if (!*suffix) {
		if (!counting.is_bare_allowed && whole != 0)
			return refuse_bare(option, whole, reterr, reterr_bytes);
		*ret_number = whole;
		return true;
	}
	const struct unit *unit = find_unit(counting.units, suffix);
	char known[80];
	list_units(counting.units, known, sizeof(known));
	if (!unit)
		return refuse(reterr, reterr_bytes, "'%s' has an unknown unit '%s': use %s", text, suffix, known);
	if (!scale_quantity(&counting, unit, whole, fraction, fraction_scale, ret_number))
		return refuse(reterr, reterr_bytes, "'%s' is not a whole number of %s", text,
			      counting.units == size_units ? "bytes"
			      : counting.scale == 1000     ? "microseconds"
							   : "milliseconds");
	return true;
}

/* A bound as the message should say it: with its unit. */
static void format_number(const struct option *option, uint64_t number, char *ret_text, size_t size);

static void store_number(const struct option *option, uint64_t number, void *field)
{
	if (option->width == sizeof(bool))
		*(bool *)field = number != 0;
	else if (option->width == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)number;
	else
		*(uint64_t *)field = number;
}

uint64_t ringcast_value_number(const struct option *option, const void *field)
{
	ringcast_assert(option && field);
	ringcast_assert(option->type != OPTION_STRING && option->type != OPTION_ADDRESS && option->type != OPTION_ENDPOINT);
	if (option->width == sizeof(bool))
		return *(const bool *)field;
	if (option->width == sizeof(uint32_t))
		return *(const uint32_t *)field;
	return *(const uint64_t *)field;
}

static bool parse_bounded(const struct option *option, const char *text, void *field, char *reterr, size_t reterr_bytes)
{
	uint64_t number = 0;
	if (!parse_number(option, text, &number, reterr, reterr_bytes))
		return false;
	if (number < option->min || number > option->max) {
		char least[32], most[32];
		format_number(option, option->min, least, sizeof(least));
		format_number(option, option->max, most, sizeof(most));
		return refuse(reterr, reterr_bytes, "%s is out of range: from %s to %s", text, least, most);
	}
	store_number(option, number, field);
	return true;
}

static bool parse_bool(const char *text, bool *field, char *reterr, size_t reterr_bytes)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return refuse(reterr, reterr_bytes, "'%s' is neither true nor false", text);
	*field = *text == 't';
	return true;
}

static bool parse_enum(const struct option *option, const char *text, void *field, char *reterr, size_t reterr_bytes)
{
	size_t size = strlen(text);
	uint64_t index = 0;
	for (const char *choice = option->choices; choice; index++) {
		const char *end = strchrnul(choice, '|');
		if ((size_t)(end - choice) == size && strncmp(choice, text, size) == 0) {
			store_number(option, index, field);
			return true;
		}
		choice = *end ? end + 1 : NULL;
	}
	return refuse(reterr, reterr_bytes, "'%s' is not one of %s", text, option->choices);
}

static bool refuse_address(const char *text, char *reterr, size_t reterr_bytes)
{
	if (strncasecmp(text, "::ffff:", 7) == 0)
		return refuse(reterr, reterr_bytes, "'%s' is an IPv4 address in IPv6 clothes: write '%s'", text, text + 7);
	return refuse(reterr, reterr_bytes, "'%s' is not an IPv4 or IPv6 address", text);
}

static bool parse_string(const struct option *option, const char *text, char *field, char *reterr, size_t reterr_bytes)
{
	struct endpoint endpoint;
	if (strlen(text) >= option->width)
		return refuse(reterr, reterr_bytes, "longer than %zu bytes", option->width - 1);
	if (option->type == OPTION_ADDRESS && !ringcast_value_parse_address(text, 0, &endpoint))
		return refuse_address(text, reterr, reterr_bytes);
	if (option->type == OPTION_ADDRESS && endpoint.size == 0 && strcmp(option->default_text, "none") != 0)
		return refuse_address(text, reterr, reterr_bytes);
	if (option->type == OPTION_ENDPOINT && !ringcast_value_parse_endpoint(text, &endpoint))
		return refuse(reterr, reterr_bytes, "'%s' is not address:port, unix:/path or off", text);
	snprintf(field, option->width, "%s", text);
	return true;
}

bool ringcast_value_parse(const struct option *option, const char *text, void *field, char *reterr, size_t reterr_bytes)
{
	ringcast_assert(option && text && field);
	ringcast_assert(reterr && reterr_bytes > 0);
	switch (option->type) {
	case OPTION_BOOL:
		return parse_bool(text, field, reterr, reterr_bytes);
	case OPTION_UINT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		return parse_bounded(option, text, field, reterr, reterr_bytes);
	case OPTION_ENUM:
		return parse_enum(option, text, field, reterr, reterr_bytes);
	case OPTION_STRING:
	case OPTION_ADDRESS:
	case OPTION_ENDPOINT:
		return parse_string(option, text, field, reterr, reterr_bytes);
	}
	ringcast_unreachable("option type");
}

/* The largest binary or time unit that divides the number evenly, so that the text is exact and short. */
static void format_number(const struct option *option, uint64_t number, char *ret_text, size_t size)
{
	struct counting counting = counting_of(option);
	if (counting.is_bare_allowed || number == 0) {
		snprintf(ret_text, size, "%" PRIu64, number);
		return;
	}
	const struct unit *best = NULL;
	for (const struct unit *unit = counting.units; unit->suffix; unit++)
		if (number * counting.scale % unit->scale == 0 && strcmp(unit->suffix, "KB") != 0 && strcmp(unit->suffix, "MB") != 0 &&
		    strcmp(unit->suffix, "GB") != 0)
			best = unit;
	ringcast_assert(best);
	snprintf(ret_text, size, "%" PRIu64 "%s", number * counting.scale / best->scale, best->suffix);
}

static void format_enum(const struct option *option, uint64_t index, char ret_text[VALUE_TEXT_BYTES])
{
	const char *choice = option->choices;
	for (; index > 0; index--) {
		choice = strchr(choice, '|');
		ringcast_assert(choice);
		choice++;
	}
	snprintf(ret_text, VALUE_TEXT_BYTES, "%.*s", (int)(strchrnul(choice, '|') - choice), choice);
}

void ringcast_value_format(const struct option *option, const void *field, char ret_text[VALUE_TEXT_BYTES])
{
	ringcast_assert(option && field);
	switch (option->type) {
	case OPTION_BOOL:
		snprintf(ret_text, VALUE_TEXT_BYTES, "%s", *(const bool *)field ? "true" : "false");
		return;
	case OPTION_UINT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		format_number(option, ringcast_value_number(option, field), ret_text, VALUE_TEXT_BYTES);
		return;
	case OPTION_ENUM:
		format_enum(option, ringcast_value_number(option, field), ret_text);
		return;
	case OPTION_STRING:
	case OPTION_ADDRESS:
	case OPTION_ENDPOINT:
		snprintf(ret_text, VALUE_TEXT_BYTES, "%s", (const char *)field);
		return;
	}
	ringcast_unreachable("option type");
}

bool ringcast_value_is_equal(const struct option *option, const void *a, const void *b)
{
	char text_a[VALUE_TEXT_BYTES], text_b[VALUE_TEXT_BYTES];
	ringcast_value_format(option, a, text_a);
	ringcast_value_format(option, b, text_b);
	return strcmp(text_a, text_b) == 0;
}

bool ringcast_value_parse_address(const char *text, uint16_t port, struct endpoint *ret_endpoint)
{
	ringcast_assert(text && ret_endpoint);
	struct endpoint endpoint = {.size = 0};
	if (inet_pton(AF_INET, text, &endpoint.v4.sin_addr) == 1) {
		endpoint.v4.sin_family = AF_INET;
		endpoint.v4.sin_port = htons(port);
		endpoint.size = sizeof(endpoint.v4);
	} else if (inet_pton(AF_INET6, text, &endpoint.v6.sin6_addr) == 1 && !IN6_IS_ADDR_V4MAPPED(&endpoint.v6.sin6_addr)) {
		endpoint.v6.sin6_family = AF_INET6;
		endpoint.v6.sin6_port = htons(port);
		endpoint.size = sizeof(endpoint.v6);
	} else if (strcmp(text, "none") != 0) {
		return false;
	}
	*ret_endpoint = endpoint;
	return true;
}

static bool parse_unix(const char *path, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = {.local.sun_family = AF_UNIX, .size = sizeof(struct sockaddr_un)};
	if (*path != '/' || strlen(path) >= sizeof(endpoint.local.sun_path))
		return false;
	memcpy(endpoint.local.sun_path, path, strlen(path) + 1);
	*ret_endpoint = endpoint;
	return true;
}

/* The host part of "host:port" or "[v6]:port", without brackets. False: no such shape. */
static bool split_port(const char *text, char *host, size_t host_bytes, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	if (!colon || !isdigit((unsigned char)colon[1]) || (size_t)(colon - text) >= host_bytes)
		return false;
	char *end;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		return false;
	bool is_bracketed = *text == '[' && colon > text && colon[-1] == ']';
	const char *first = text + is_bracketed, *last = colon - is_bracketed;
	snprintf(host, host_bytes, "%.*s", (int)(last - first), first);
	*ret_port = (uint16_t)port;
	return is_bracketed || !strchr(host, ':');
}

bool ringcast_value_parse_endpoint(const char *text, struct endpoint *ret_endpoint)
{
	ringcast_assert(text && ret_endpoint);
	char host[INET6_ADDRSTRLEN];
	uint16_t port;
	struct endpoint endpoint;
	if (strcmp(text, "off") == 0) {
		*ret_endpoint = (struct endpoint){.size = 0};
		return true;
	}
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret_endpoint);
	if (!split_port(text, host, sizeof(host), &port) || !ringcast_value_parse_address(host, port, &endpoint) || endpoint.size == 0)
		return false;
	*ret_endpoint = endpoint;
	return true;
}

bool ringcast_value_is_loopback(const struct endpoint *endpoint)
{
	ringcast_assert(endpoint);
	if (endpoint->size == 0 || endpoint->any.sa_family == AF_UNIX)
		return true;
	if (endpoint->any.sa_family == AF_INET)
		return ntohl(endpoint->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&endpoint->v6.sin6_addr);
}

uint16_t ringcast_value_endpoint_port(const struct endpoint *endpoint)
{
	ringcast_assert(endpoint);
	if (endpoint->size == 0 || endpoint->any.sa_family == AF_UNIX)
		return 0;
	return ntohs(endpoint->any.sa_family == AF_INET ? endpoint->v4.sin_port : endpoint->v6.sin6_port);
}

void ringcast_value_format_endpoint(const struct endpoint *endpoint, char ret_text[VALUE_TEXT_BYTES])
{
	ringcast_assert(endpoint);
	char host[INET6_ADDRSTRLEN] = "";
	if (endpoint->size == 0) {
		snprintf(ret_text, VALUE_TEXT_BYTES, "off");
	} else if (endpoint->any.sa_family == AF_UNIX) {
		snprintf(ret_text, VALUE_TEXT_BYTES, "unix:%s", endpoint->local.sun_path);
	} else if (endpoint->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &endpoint->v4.sin_addr, host, sizeof(host));
		snprintf(ret_text, VALUE_TEXT_BYTES, "%s:%u", host, ringcast_value_endpoint_port(endpoint));
	} else {
		inet_ntop(AF_INET6, &endpoint->v6.sin6_addr, host, sizeof(host));
		snprintf(ret_text, VALUE_TEXT_BYTES, "[%s]:%u", host, ringcast_value_endpoint_port(endpoint));
	}
}
