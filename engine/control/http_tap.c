/*
 * A tap over HTTP: a stream that goes on while the session does. It runs on its connection's thread, which waits for messages and for the client to go away; the shard
 * never waits for it. Who may is an operator, for payloads are players' own (docs/decisions/0087).
 */
#include <errno.h>
#include <microhttpd.h>
#include <nettle/base64.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "control/http_routes.h"
#include "control/tap_pcapng.h"
#include "control/time_text.h"

enum { SECONDS_DEFAULT = 10, SECONDS_MAX = 3600, TURN_MS = 20, LINE_BYTES = 1024 };

struct streaming {
	ringcast_tap *tap;
	int fd; /* the client's, borrowed */
	bool is_pcapng, is_over;
	uint64_t end_ns, messages_left;
	int64_t epoch_ns; /* from the engine's clock to the time since 1970 */
	char *pending;	  /* what is written and not sent yet */
	size_t pending_bytes, sent_bytes;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Takes the text, which was malloc'd; NULL: no memory. */
static bool give(struct streaming *streaming, char *text, size_t size)
{
	free(streaming->pending);
	streaming->pending = text;
	streaming->pending_bytes = text ? size : 0;
	streaming->sent_bytes = 0;
	return text != NULL;
}

static bool give_json(struct streaming *streaming, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;
	json_decref(json);
	if (text)
		text[size] = '\n'; /* in place of its NUL */
	return give(streaming, text, size + 1);
}

static json_t *base64_of(const ringcast_message *message)
{
	size_t size = BASE64_ENCODE_RAW_LENGTH(message->payload_bytes);
	char *text = malloc(size + 1);
	if (!text)
		return NULL;
	base64_encode_raw(text, message->payload_bytes, message->payload);
	json_t *json = json_stringn(text, size);
	free(text);
	return json;
}

static json_t *tapped_to_json(const struct streaming *streaming, const ringcast_tapped *tapped)
{
	const ringcast_message *message = &tapped->message;
	json_t *json = json_pack("{s:I, s:i, s:i, s:s, s:i, s:i, s:o, s:I, s:s}", "at_ns", (json_int_t)((int64_t)tapped->at_ns + streaming->epoch_ns), "from",
				 (int)message->sender, "opcode", (int)message->opcode, "intent", message->intent == RINGCAST_RELIABLE ? "reliable" : "fast", "target_player",
				 (int)message->target_player, "target_group", (int)message->target_group, "payload_base64", base64_of(message), "bytes",
				 (json_int_t)tapped->payload_bytes, tapped->drop ? "drop" : "verdict", tapped->drop ? tapped->drop : "allow");
	if (tapped->left_out > 0)
		json_object_set_new(json, "left_out", json_integer((json_int_t)tapped->left_out));
	return json;
}

static bool give_message(struct streaming *streaming, const ringcast_tapped *tapped)
{
	streaming->messages_left--;
	if (!streaming->is_pcapng)
		return give_json(streaming, tapped_to_json(streaming, tapped));
	uint8_t *block = malloc(TAP_PCAPNG_BLOCK_BYTES + tapped->message.payload_bytes);
	size_t size = block ? ringcast_tap_pcapng_packet(tapped, (uint64_t)((int64_t)tapped->at_ns + streaming->epoch_ns), block) : 0;
	return give(streaming, (char *)block, size);
}

/* The last line says why it is the last; a capture file just ends. */
static bool give_end(struct streaming *streaming, const char *why, uint64_t left_out)
{
	streaming->is_over = true;
	return !streaming->is_pcapng && give_json(streaming, json_pack("{s:s, s:I}", "end", why, "left_out", (json_int_t)left_out));
}

/* False: the client is gone. */
static bool wait_a_turn(const struct streaming *streaming)
{
	struct pollfd client = {.fd = streaming->fd, .events = POLLRDHUP};
	return poll(&client, 1, TURN_MS) == 0 || (client.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

/* False: there is nothing to send, and never will be. */
static bool next(struct streaming *streaming)
{
	ringcast_tapped tapped;
	while (!streaming->is_over) {
		if (streaming->messages_left == 0)
			return give_end(streaming, "messages_max", 0);
		if (clock_ns(CLOCK_MONOTONIC) >= streaming->end_ns) /* also where there is always one more message */
			return give_end(streaming, "seconds", 0);
		int result = ringcast_tap_read(streaming->tap, &tapped);
		if (result == RINGCAST_OK)
			return give_message(streaming, &tapped);
		if (result == RINGCAST_ERROR_STATE)
			return give_end(streaming, "session", tapped.left_out);
		if (!wait_a_turn(streaming))
			return false;
	}
	return false;
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size_max)
{
	struct streaming *streaming = context;
	(void)position;
	if (streaming->sent_bytes == streaming->pending_bytes && !next(streaming))
		return MHD_CONTENT_READER_END_OF_STREAM;
	size_t left = streaming->pending_bytes - streaming->sent_bytes, size = left < size_max ? left : size_max;
	memcpy(out, streaming->pending + streaming->sent_bytes, size);
	streaming->sent_bytes += size;
	return (ssize_t)size;
}

static void free_stream(void *context)
{
	struct streaming *streaming = context;
	ringcast_tap_close(&streaming->tap);
	free(streaming->pending);
	free(streaming);
}

/* False: the response says what is wrong. Absent leaves *ret_value. */
static bool query_int(const struct http_request *request, const char *key, int32_t min, int32_t *ret_value, bool *ret_is_there, struct http_response *response)
{
	const char *text = ringcast_http_query(request, key);
	char *end;
	*ret_is_there = text != NULL;
	if (!text)
		return true;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < min || value > INT32_MAX) {
		ringcast_http_problem(response, 400, "query", "query '%s': '%s' is not a number from %d to %d", key, text, min, INT32_MAX);
		return false;
	}
	*ret_value = (int32_t)value;
	return true;
}

static bool read_query(struct http_request *request, struct streaming *streaming, ringcast_tap_options *options, struct http_response *response)
{
	uint64_t seconds = SECONDS_DEFAULT, messages_max = 0;
	bool has_player;
	const char *format = ringcast_http_query(request, "format");
	if (!ringcast_http_query_uint(request, "seconds", SECONDS_MAX, &seconds, response) ||
	    !ringcast_http_query_uint(request, "messages_max", UINT32_MAX, &messages_max, response) ||
	    !query_int(request, "player", RINGCAST_PEER_SERVER, &options->peer_id, &has_player, response) ||
	    !query_int(request, "opcode", INT32_MIN, &options->opcode, &options->has_opcode, response))
		return false;
	if (format && strcmp(format, "json") != 0 && strcmp(format, "pcapng") != 0) {
		ringcast_http_problem(response, 400, "query", "query 'format': '%s' is neither json nor pcapng", format);
		return false;
	}
	streaming->is_pcapng = format && strcmp(format, "pcapng") == 0;
	streaming->end_ns = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000;
	streaming->messages_left = messages_max > 0 ? messages_max : UINT64_MAX;
	response->stream.seconds_max = (unsigned)seconds;
	return true;
}

static int open_tap(const struct http_request *request, struct streaming *streaming, const ringcast_tap_options *options)
{
	ringcast_session_info info;
	int error = ringcast_session_describe(request->host->engine, request->parameters[0], &info);
	if (error)
		return error;
	streaming->epoch_ns = ringcast_time_epoch_ns();
	if (streaming->is_pcapng) {
		uint8_t *head = malloc(TAP_PCAPNG_BLOCK_BYTES);
		size_t size = head ? ringcast_tap_pcapng_head(head) : 0;
		if (!give(streaming, (char *)head, size))
			return RINGCAST_ERROR_MEMORY;
	}
	return ringcast_tap_open(request->host->engine, request->parameters[0], options, &streaming->tap);
}

void ringcast_http_tap(struct http_request *request, struct http_response *response)
{
	ringcast_tap_options options = RINGCAST_TAP_OPTIONS_INIT;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct streaming *streaming = calloc(1, sizeof(*streaming));
	if (!streaming || !info) {
		free(streaming);
		ringcast_http_engine_problem(response, RINGCAST_ERROR_MEMORY, "tap");
		return;
	}
	streaming->fd = info->connect_fd;
	int error = RINGCAST_OK;
	if (read_query(request, streaming, &options, response))
		error = open_tap(request, streaming, &options);
	if (error == RINGCAST_ERROR_FULL)
		ringcast_http_problem(response, 409, "full", "%s: limits.taps_max (%u a shard) are open", request->parameters[0], request->config->limits.taps_max);
	else if (error)
		ringcast_http_engine_problem(response, error, request->parameters[0]);
	if (response->status != 0) {
		free_stream(streaming);
		return;
	}
	response->status = 200;
	response->content_type = streaming->is_pcapng ? "application/x-pcapng" : "application/x-ndjson";
	response->stream.context = streaming;
	response->stream.read = read_stream;
	response->stream.free = free_stream;
}
