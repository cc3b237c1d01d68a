/* The C client behind the driver protocol of tests/conformance/README.md. */
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/clients/c/ringcast_client.h"

enum { LINE_BYTES_MAX = 65536 };

struct driver {
	ringcast_client *client;
	char line[LINE_BYTES_MAX];
	size_t line_bytes;
	bool is_over;
};

static void say(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	if (text == NULL) {
		fprintf(stderr, "driver: cannot write JSON\n");
		exit(1);
	}
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

static void to_hex(const uint8_t *bytes, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	out[2 * size] = '\0';
}

/* Bytes of a hexadecimal text; the tests write no other. */
static size_t of_hex(const char *text, uint8_t *out, size_t out_bytes)
{
	size_t size = strlen(text) / 2 < out_bytes ? strlen(text) / 2 : out_bytes;
	for (size_t i = 0; i < size; i++) {
		char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return size;
}

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	say(json_pack("{s:s, s:i}", "event", "connected", "peer", peer_id));
}

static void on_fast_ready(void *context, ringcast_client *client)
{
	say(json_pack("{s:s}", "event", "fast_ready"));
}

static void on_fast_failed(void *context, ringcast_client *client, const char *reason)
{
	say(json_pack("{s:s, s:s}", "event", "fast_failed", "reason", reason));
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	char *hex = malloc(2 * message->payload_bytes + 1);
	if (hex == NULL)
		abort();
	to_hex(message->payload, message->payload_bytes, hex);
	say(json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:s}", "event", "message", "opcode", message->opcode, "sender", message->sender, "player",
		      message->target_player, "group", message->target_group, "fast", (int)message->is_fast, "payload", hex));
	free(hex);
}

static void on_membership(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t peer_id_count)
{
	json_t *peers = json_array();
	for (size_t i = 0; i < peer_id_count; i++)
		json_array_append_new(peers, json_integer(peer_ids[i]));
	say(json_pack("{s:s, s:i, s:o}", "event", "membership", "group", group, "peers", peers));
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	/* a reason is the server's bytes; the client has checked that they are UTF-8, and may have cut them within a character */
	json_t *text = json_string(reason);
	say(json_pack("{s:s, s:i, s:o}", "event", "disconnected", "code", code, "reason", text != NULL ? text : json_string("(cut)")));
}

static void on_dropped(void *context, ringcast_client *client, const char *reason)
{
	json_t *text = json_string(reason);
	say(json_pack("{s:s, s:o}", "event", "dropped", "reason", text != NULL ? text : json_string("(cut)")));
}

static void on_resumed(void *context, ringcast_client *client, uint32_t lost)
{
	say(json_pack("{s:s, s:I}", "event", "resumed", "lost", (json_int_t)lost));
}

static const char *result_of(int error)
{
	switch (error) {
	case RINGCAST_CLIENT_OK:
		return "ok";
	case RINGCAST_CLIENT_ERROR_ARGUMENT:
		return "argument";
	case RINGCAST_CLIENT_ERROR_STATE:
		return "state";
	case RINGCAST_CLIENT_ERROR_FULL:
		return "full";
	case RINGCAST_CLIENT_ERROR_SIZE:
		return "size";
	default:
		return ringcast_client_error_text(error);
	}
}

static int integer_of(const json_t *command, const char *name)
{
	return (int)json_integer_value(json_object_get(command, name));
}

static const char *text_of(const json_t *command, const char *name)
{
	const char *text = json_string_value(json_object_get(command, name));
	return text != NULL ? text : "";
}

static int create(struct driver *driver, const json_t *command)
{
	static const ringcast_client_callbacks callbacks = {
		sizeof(callbacks), on_connected, on_fast_ready, on_message, on_membership, on_disconnected, on_fast_failed, on_dropped, on_resumed,
	};
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.callbacks = &callbacks;
	options.is_udp_off = !json_is_true(json_object_get(command, "fast"));
	options.connect_timeout_ms = (uint32_t)integer_of(command, "connect_timeout_ms");
	options.close_timeout_ms = (uint32_t)integer_of(command, "close_timeout_ms");
	options.ping_interval_ms = (uint32_t)integer_of(command, "ping_interval_ms");
	options.outq_bytes_max = (uint32_t)integer_of(command, "outq_bytes_max");
	options.may_resume = json_is_true(json_object_get(command, "resume"));
	options.no_echo = json_is_true(json_object_get(command, "no_echo"));
	options.kept_bytes_max = (uint32_t)integer_of(command, "kept_bytes_max");
	options.may_merge = json_is_true(json_object_get(command, "merge"));
	ringcast_client_destroy(&driver->client);
	return ringcast_client_create(&options, &driver->client);
}

static ringcast_client_stats read_stats(const struct driver *driver)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	ringcast_client_read_stats(driver->client, &stats);
	return stats;
}

static int do_connect(struct driver *driver, const json_t *command)
{
	uint8_t payload[2 * RINGCAST_CLIENT_PAYLOAD_BYTES_MAX];
	size_t size = of_hex(text_of(command, "payload"), payload, sizeof(payload));
	if (read_stats(driver).state == RINGCAST_CLIENT_IDLE) {
		int error = create(driver, command);
		if (error != RINGCAST_CLIENT_OK)
			return error;
	}
	return ringcast_client_connect(driver->client, text_of(command, "host"), (uint16_t)integer_of(command, "port"), text_of(command, "token"), payload,
				       size);
}

/* bytes: a payload of so many x. count: so many times, until one is refused. */
static int do_send(struct driver *driver, const json_t *command, int *ret_sent)
{
	uint8_t payload[2 * RINGCAST_CLIENT_PAYLOAD_BYTES_MAX];
	size_t size = of_hex(text_of(command, "payload"), payload, sizeof(payload));
	int count = json_object_get(command, "count") != NULL ? integer_of(command, "count") : 1, error = RINGCAST_CLIENT_OK;
	if (json_object_get(command, "bytes") != NULL) {
		size = (size_t)integer_of(command, "bytes");
		memset(payload, 'x', size < sizeof(payload) ? size : sizeof(payload));
	}
	ringcast_client_intent intent = json_is_true(json_object_get(command, "fast")) ? RINGCAST_CLIENT_FAST : RINGCAST_CLIENT_RELIABLE;
	for (*ret_sent = 0; *ret_sent < count; ++*ret_sent) {
		error = ringcast_client_send(driver->client, integer_of(command, "opcode"), integer_of(command, "player"), integer_of(command, "group"), intent,
					     payload, size);
		if (error != RINGCAST_CLIENT_OK)
			break;
	}
	return error;
}

static void do_stats(struct driver *driver, json_t *answer)
{
	static const char *const states[] = {"idle", "connecting", "connected", "closing", "resuming"};
	ringcast_client_stats stats = read_stats(driver);
	json_object_set_new(answer, "stats",
			    json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state", states[stats.state], "peer", stats.peer_id, "rtt_ns",
				      (json_int_t)stats.rtt_ns, "sent_reliable", (json_int_t)stats.messages_sent_reliable, "sent_fast",
				      (json_int_t)stats.messages_sent_fast, "received_reliable", (json_int_t)stats.messages_received_reliable,
				      "received_fast", (json_int_t)stats.messages_received_fast, "bytes_sent", (json_int_t)stats.bytes_sent,
				      "bytes_received", (json_int_t)stats.bytes_received, "fast_fallback", (json_int_t)stats.fast_fallback, "outq_bytes",
				      (json_int_t)stats.outq_bytes, "resumes", (json_int_t)stats.resumes, "gaps", (json_int_t)stats.gaps, "resent",
				      (json_int_t)stats.messages_resent, "datagrams_merged", (json_int_t)stats.datagrams_merged, "dropped_fast",
				      (json_int_t)(stats.datagrams_malformed + stats.datagrams_stale)));
}

static int carry_out(struct driver *driver, const json_t *command, json_t *answer)
{
	const char *what = text_of(command, "do");
	int sent = 0, error = RINGCAST_CLIENT_OK;
	if (strcmp(what, "connect") == 0)
		return do_connect(driver, command);
	if (strcmp(what, "send") == 0) {
		error = do_send(driver, command, &sent);
		json_object_set_new(answer, "sent", json_integer(sent));
		return error;
	}
	if (strcmp(what, "join") == 0)
		return ringcast_client_join(driver->client, integer_of(command, "group"));
	if (strcmp(what, "leave") == 0)
		return ringcast_client_leave(driver->client, integer_of(command, "group"));
	if (strcmp(what, "members") == 0)
		return ringcast_client_request_membership(driver->client, integer_of(command, "group"));
	if (strcmp(what, "disconnect") == 0)
		return ringcast_client_disconnect(driver->client);
	if (strcmp(what, "stats") == 0)
		do_stats(driver, answer);
	else if (strcmp(what, "quit") == 0)
		driver->is_over = true;
	else
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	return error;
}

static void take_line(struct driver *driver, const char *line)
{
	json_t *command = json_loads(line, 0, NULL);
	if (command == NULL) {
		fprintf(stderr, "driver: not JSON: %s\n", line);
		exit(1);
	}
	json_t *answer = json_object();
	json_object_set(answer, "id", json_object_get(command, "id"));
	json_object_set_new(answer, "result", json_string(result_of(carry_out(driver, command, answer))));
	say(answer);
	json_decref(command);
}

static void read_commands(struct driver *driver)
{
	ssize_t got = read(STDIN_FILENO, driver->line + driver->line_bytes, sizeof(driver->line) - 1 - driver->line_bytes);
	if (got <= 0) {
		driver->is_over = true;
		return;
	}
	driver->line_bytes += (size_t)got;
	driver->line[driver->line_bytes] = '\0';
	for (char *end; (end = strchr(driver->line, '\n')) != NULL;) {
		*end = '\0';
		take_line(driver, driver->line);
		driver->line_bytes -= (size_t)(end + 1 - driver->line);
		memmove(driver->line, end + 1, driver->line_bytes + 1);
	}
}

int main(void)
{
	static struct driver driver;
	if (create(&driver, NULL) != RINGCAST_CLIENT_OK)
		return 1;
	say(json_pack("{s:s, s:[s, s, s, s]}", "driver", "c", "can", "fast", "frames", "resume", "merge"));
	while (!driver.is_over) {
		struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = ringcast_client_fd(driver.client), .events = POLLIN}};
		poll(fds, 2, ringcast_client_timeout_ms(driver.client));
		ringcast_client_poll(driver.client, 0);
		if (fds[0].revents != 0)
			read_commands(&driver);
	}
	ringcast_client_destroy(&driver.client);
	return 0;
}
