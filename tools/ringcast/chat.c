/*
 * ringcast chat: the smallest useful program on the client library, and the quickest way to see a server relay.
 *
 * Words are messages with op codes of our own; names travel in a hello that everyone sends on arrival and answers once. A game has op codes
 * of its own: with --opcode, --payload or --login-payload nothing is sent but what was asked for, and all that comes is shown as it is.
 */
#include "tools/ringcast/commands.h"
#include "tools/ringcast/enter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/gate.h"

enum chat_opcode {
	CHAT_SAY = 1,     /* payload: text, to everyone */
	CHAT_WHISPER = 2, /* payload: text, to one player */
	CHAT_TELL = 3,    /* payload: "group text", to a group: a delivered message does not say through which group it came */
	CHAT_HELLO = 4,   /* payload: name; answered with CHAT_NAME */
	CHAT_NAME = 5,
	CHAT_BYE = 6,
};

enum {
	NAMES_MAX = 256,
	NAME_BYTES = 32,
	LINE_BYTES = 1024,
	FAST_WAIT_MS = 1000, /* how long the first line may wait for UDP */
};

struct chat {
	const struct cli_invocation *invocation;
	ringcast_client *client;
	const struct chat_place *place;
	const char *name;
	char *ca; /* PEM text of --ca */
	int32_t peer_id;
	int32_t group, to; /* where lines go; both 0: to everyone */
	bool is_game;      /* no hello, no names: the op codes are the game's */
	int32_t opcode;    /* of lines; 0: the chat's own */
	struct payload_text payload, login; /* bytes NULL: not given */
	bool is_connected, is_over, is_input_over, is_quitting;
	int64_t connected_ms, input_over_ms, linger_ms;
	enum cli_exit code;
	char line[LINE_BYTES];
	size_t line_bytes;
	char names[NAMES_MAX][NAME_BYTES]; /* by peer id; "" for unknown */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *name_of(const struct chat *chat, int32_t peer_id)
{
	if (peer_id == RINGCAST_CLIENT_PEER_SERVER)
		return "server";
	if (peer_id == chat->peer_id)
		return chat->name;
	return peer_id > 0 && peer_id < NAMES_MAX && chat->names[peer_id][0] ? chat->names[peer_id] : "someone";
}

/* Text from other players goes to a terminal: control characters are taken out. */
static void copy_text(char *to, size_t to_bytes, const uint8_t *from, size_t size)
{
	size_t kept = 0;
	for (size_t i = 0; i < size && kept + 1 < to_bytes; i++) {
		if (from[i] >= 0x20 && from[i] != 0x7f)
			to[kept++] = (char)from[i];
	}
	to[kept] = '\0';
}

static void tell_unsent(struct chat *chat, int error)
{
	if (error == RINGCAST_CLIENT_OK)
		return;
	ringcast_cli_error(chat->invocation, "not sent: %s", ringcast_client_error_text(error));
	chat->code = CLI_FAILURE;
}

static void send_text(struct chat *chat, enum chat_opcode opcode, int32_t player, int32_t group, ringcast_client_intent intent, const char *text)
{
	tell_unsent(chat, ringcast_client_send(chat->client, opcode, player, group, intent, text, strlen(text)));
}

/* Reliably, so that a game gets what is typed in the order in which it was typed. */
static void send_game(struct chat *chat, int32_t opcode, const struct payload_text *payload)
{
	int32_t group = chat->to ? 0 : chat->group ? chat->group : RINGCAST_CLIENT_GROUP_ALL;
	tell_unsent(chat, ringcast_client_send(chat->client, opcode, chat->to, group, RINGCAST_CLIENT_RELIABLE, payload->bytes, payload->size));
}

static void send_game_line(struct chat *chat, int32_t opcode, const char *text)
{
	struct payload_text payload = {.bytes = NULL};
	const char *problem = ringcast_payload_text_parse(text, RINGCAST_CLIENT_PAYLOAD_BYTES_MAX, &payload);
	if (problem)
		ringcast_cli_error(chat->invocation, "not sent: %s", problem);
	else
		send_game(chat, opcode, &payload);
	free(payload.bytes);
}

/* what comes in */

static const char *rtt_text(const struct chat *chat, char out[32])
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	ringcast_client_read_stats(chat->client, &stats);
	if (stats.rtt_ns == 0)
		return "rtt not known yet";
	snprintf(out, 32, "rtt %.2f ms", (double)stats.rtt_ns / 1e6);
	return out;
}

static void print_line(const struct chat *chat, const ringcast_client_message *message, const char *via, const char *text)
{
	char rtt[32];
	printf("%s (%d, %s, %s%s): %s\n", name_of(chat, message->sender), message->sender, message->is_fast ? "udp" : "tcp", rtt_text(chat, rtt),
	       via, text);
}

static void learn_name(struct chat *chat, const ringcast_client_message *message, const char *name)
{
	int32_t peer_id = message->sender;
	if (peer_id <= 0 || peer_id >= NAMES_MAX)
		return;
	bool is_new = chat->names[peer_id][0] == '\0';
	snprintf(chat->names[peer_id], NAME_BYTES, "%.*s", NAME_BYTES - 1, name);
	if (message->opcode == CHAT_HELLO)
		send_text(chat, CHAT_NAME, peer_id, 0, RINGCAST_CLIENT_RELIABLE, chat->name);
	if (is_new)
		printf("* %s is here as peer %d\n", name, peer_id);
}

static void print_tell(const struct chat *chat, const ringcast_client_message *message, char *text)
{
	char via[32];
	char *space = strchr(text, ' ');
	if (!space)
		return;
	*space = '\0';
	snprintf(via, sizeof(via), ", group %.10s", text);
	print_line(chat, message, via, space + 1);
}

/* As it came: whose op code it is, only the game knows. */
static void print_game(const struct chat *chat, const ringcast_client_message *message)
{
	char text[PAYLOAD_TEXT_BYTES(RINGCAST_CLIENT_PAYLOAD_BYTES_MAX)], via[48];
	ringcast_payload_text_format(message->payload, message->payload_bytes, text, sizeof(text));
	snprintf(via, sizeof(via), ", op %d%s", message->opcode, message->sender == chat->peer_id ? ", you" : "");
	print_line(chat, message, via, text);
}

static void print_chat(struct chat *chat, const ringcast_client_message *message)
{
	char text[RINGCAST_CLIENT_PAYLOAD_BYTES_MAX + 1];
	copy_text(text, sizeof(text), message->payload, message->payload_bytes);
	switch (message->opcode) {
	case CHAT_HELLO:
	case CHAT_NAME:
		learn_name(chat, message, text);
		break;
	case CHAT_BYE:
		printf("* %s (%d) has left\n", name_of(chat, message->sender), message->sender);
		break;
	case CHAT_TELL:
		print_tell(chat, message, text);
		break;
	default:
		print_line(chat, message, message->opcode == CHAT_WHISPER ? ", to you" : "", text);
		break;
	}
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	struct chat *chat = context;
	bool is_own = message->sender == chat->peer_id, is_chat = message->opcode >= CHAT_SAY && message->opcode <= CHAT_BYE;
	if (chat->is_game || !is_chat)
		print_game(chat, message);
	else if (!is_own) /* group messages come back to their sender */
		print_chat(chat, message);
	fflush(stdout);
}

static void print_security(const struct chat *chat, ringcast_client *client)
{
	char text[256];
	if (ringcast_cli_has(chat->invocation, CLI_OPTION_SECURE) &&
	    ringcast_client_describe_security(client, text, sizeof(text)) == RINGCAST_CLIENT_OK)
		printf("* %s\n", text);
}

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct chat *chat = context;
	chat->is_connected = true;
	chat->connected_ms = now_ms();
	chat->peer_id = peer_id;
	printf("* you are peer %d\n", peer_id);
	print_security(chat, client);
	fflush(stdout);
	ringcast_client_ping(client);
	if (chat->group > 0)
		ringcast_client_join(client, chat->group);
	if (!chat->is_game)
		send_text(chat, CHAT_HELLO, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_RELIABLE, chat->name);
	if (!chat->payload.bytes)
		return;
	send_game(chat, chat->opcode, &chat->payload);
	chat->is_input_over = true;
	chat->input_over_ms = chat->connected_ms;
}

static void on_fast_ready(void *context, ringcast_client *client)
{
	printf(((const struct chat *)context)->is_game ? "* udp is up\n" : "* udp is up: lines go fast\n");
	print_security(context, client);
	fflush(stdout);
}

static void on_fast_failed(void *context, ringcast_client *client, const char *reason)
{
	printf("* no udp: %s; lines go by tcp\n", reason);
	fflush(stdout);
}

static void on_membership(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t count)
{
	const struct chat *chat = context;
	printf(group == RINGCAST_CLIENT_GROUP_ALL ? "* here:" : "* in group %d:", group);
	for (size_t i = 0; i < count; i++)
		printf("%s %d (%s)", i ? "," : "", peer_ids[i], peer_ids[i] == chat->peer_id ? "you" : name_of(chat, peer_ids[i]));
	printf("%s\n", count ? "" : " nobody");
	fflush(stdout);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	struct chat *chat = context;
	chat->is_over = true;
	if (chat->is_quitting)
		return;
	char text[ENTER_REASON_BYTES];
	const char *hint = chat->is_connected ? "" : ringcast_enter_hint(chat->invocation, chat->place, code);
	ringcast_cli_error(chat->invocation, "disconnected: %s (code %d)%s", ringcast_enter_reason(reason, text), code, hint);
	chat->code = CLI_FAILURE;
}

/* what the user types */

static void say(struct chat *chat, int32_t to, int32_t group, const char *text)
{
	char line[LINE_BYTES + 16];
	if (to != 0) {
		send_text(chat, CHAT_WHISPER, to, 0, RINGCAST_CLIENT_FAST, text);
	} else if (group != 0) {
		snprintf(line, sizeof(line), "%d %s", group, text);
		send_text(chat, CHAT_TELL, 0, group, RINGCAST_CLIENT_FAST, line);
	} else {
		send_text(chat, CHAT_SAY, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_FAST, text);
	}
}

static void quit(struct chat *chat)
{
	chat->is_quitting = true;
	if (chat->is_connected && !chat->is_game)
		send_text(chat, CHAT_BYE, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_RELIABLE, "");
	ringcast_client_disconnect(chat->client);
}

enum chat_word { WORD_OP, WORD_TO, WORD_GROUP, WORD_JOIN, WORD_LEAVE, WORD_WHO, WORD_STATS, WORD_QUIT, WORD_HELP };

static const struct {
	const char *text;
	enum chat_word word;
	bool has_number, has_text;
	const char *help;
} chat_words[] = {
	{"/op", WORD_OP, true, false, "/op N [PAYLOAD]   with an op code of the game, where lines go; hex:0a1b for bytes"},
	{"/to", WORD_TO, true, true, "/to PEER TEXT     to one player"},
	{"/group", WORD_GROUP, true, true, "/group N TEXT     to a group you have joined"},
	{"/join", WORD_JOIN, true, false, "/join N           join a group"},
	{"/leave", WORD_LEAVE, true, false, "/leave N          leave it"},
	{"/who", WORD_WHO, false, false, "/who              who is here"},
	{"/stats", WORD_STATS, false, false, "/stats            round trip and counts"},
	{"/quit", WORD_QUIT, false, false, "/quit             leave"},
	{"/help", WORD_HELP, false, false, "/help             this"},
};
enum { CHAT_WORD_COUNT = sizeof(chat_words) / sizeof(chat_words[0]) };

static void print_stats(const struct chat *chat)
{
	static const char *const udp_names[] = {"off", "connecting", "up"};
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	ringcast_client_read_stats(chat->client, &stats);
	printf("* udp %s, rtt %.2f ms; sent %llu udp + %llu tcp, received %llu udp + %llu tcp, stale %llu\n", udp_names[stats.udp],
	       (double)stats.rtt_ns / 1e6, (unsigned long long)stats.messages_sent_fast, (unsigned long long)stats.messages_sent_reliable,
	       (unsigned long long)stats.messages_received_fast, (unsigned long long)stats.messages_received_reliable,
	       (unsigned long long)stats.datagrams_stale);
}

static void do_word(struct chat *chat, enum chat_word word, int32_t number, const char *text)
{
	switch (word) {
	case WORD_OP:
		send_game_line(chat, number, text);
		break;
	case WORD_TO:
		say(chat, number, 0, text);
		break;
	case WORD_GROUP:
		say(chat, 0, number, text);
		break;
	case WORD_JOIN:
		ringcast_client_join(chat->client, number);
		break;
	case WORD_LEAVE:
		ringcast_client_leave(chat->client, number);
		break;
	case WORD_WHO:
		ringcast_client_request_membership(chat->client, RINGCAST_CLIENT_GROUP_ALL);
		break;
	case WORD_STATS:
		print_stats(chat);
		break;
	case WORD_QUIT:
		quit(chat);
		break;
	case WORD_HELP:
		for (size_t i = 0; i < CHAT_WORD_COUNT; i++)
			printf("  %s\n", chat_words[i].help);
		break;
	}
	fflush(stdout);
}

/* A peer or a group; of a message, whatever op code a game may have. */
static bool may_be(enum chat_word word, long number)
{
	return word == WORD_OP ? number >= INT32_MIN && number <= INT32_MAX && ringcast_gate_is_game((int32_t)number) : number > 0 && number <= INT32_MAX;
}

static void take_command(struct chat *chat, const char *line)
{
	size_t word_bytes = strcspn(line, " ");
	for (size_t i = 0; i < CHAT_WORD_COUNT; i++) {
		const char *rest = line + word_bytes;
		char *end = NULL;
		long number = 0;
		if (strlen(chat_words[i].text) != word_bytes || strncmp(chat_words[i].text, line, word_bytes) != 0)
			continue;
		if (chat_words[i].has_number) {
			number = strtol(rest, &end, 10);
			if (end == rest || !may_be(chat_words[i].word, number) || (chat_words[i].has_text && *end != ' ')) {
				ringcast_cli_error(chat->invocation, "usage: %s", chat_words[i].help);
				return;
			}
			rest = end;
		}
		do_word(chat, chat_words[i].word, (int32_t)number, *rest == ' ' ? rest + 1 : rest);
		return;
	}
	ringcast_cli_error(chat->invocation, "unknown '%.*s'; /help lists what there is", (int)word_bytes, line);
}

static void take_line(struct chat *chat, const char *line)
{
	if (chat->is_quitting || line[0] == '\0')
		return;
	if (line[0] == '/')
		take_command(chat, line);
	else if (chat->opcode != 0)
		send_game_line(chat, chat->opcode, line);
	else if (chat->is_game)
		ringcast_cli_error(chat->invocation, "which op code? /op N PAYLOAD, or start with --opcode N");
	else
		say(chat, chat->to, chat->group, line);
}

static void read_input(struct chat *chat)
{
	ssize_t got = read(STDIN_FILENO, chat->line + chat->line_bytes, sizeof(chat->line) - 1 - chat->line_bytes);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	chat->line_bytes += got > 0 ? (size_t)got : 0;
	chat->line[chat->line_bytes] = '\0';
	char *line = chat->line, *end;
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		take_line(chat, line);
		line = end + 1;
	}
	/* what is left is the start of a line, or a line that is longer than we take or not ended: it is sent as it is */
	if (got <= 0 || (line == chat->line && chat->line_bytes == sizeof(chat->line) - 1)) {
		take_line(chat, line);
		line = chat->line + chat->line_bytes;
	}
	chat->line_bytes -= (size_t)(line - chat->line);
	memmove(chat->line, line, chat->line_bytes);
	if (got <= 0) {
		chat->is_input_over = true;
		chat->input_over_ms = now_ms();
	}
}

/* the loop */

/* The first lines wait a moment for UDP, so that piped input does not race the handshake. */
static bool is_input_wanted(const struct chat *chat)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	if (!chat->is_connected || chat->is_input_over || chat->is_quitting)
		return false;
	ringcast_client_read_stats(chat->client, &stats);
	return stats.udp != RINGCAST_CLIENT_UDP_CONNECTING || now_ms() >= chat->connected_ms + FAST_WAIT_MS;
}

static int next_timeout_ms(const struct chat *chat)
{
	int timeout_ms = ringcast_client_timeout_ms(chat->client);
	return timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms;
}

static void run(struct chat *chat)
{
	while (!chat->is_over) {
		struct pollfd fds[2] = {
			{.fd = ringcast_client_fd(chat->client), .events = POLLIN},
			{.fd = is_input_wanted(chat) ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, 2, next_timeout_ms(chat)) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			read_input(chat);
		if (chat->is_input_over && !chat->is_quitting && now_ms() >= chat->input_over_ms + chat->linger_ms)
			quit(chat);
		ringcast_client_poll(chat->client, 0);
	}
}

/* the command */

/* --to: a peer id, or a word for those whose ids nobody remembers. */
static enum cli_exit take_receiver(struct chat *chat)
{
	const char *text = ringcast_cli_value(chat->invocation, CLI_OPTION_TO, "all");
	int64_t to = 0;
	enum cli_exit code = CLI_OK;
	if (strcmp(text, "server") == 0)
		to = RINGCAST_CLIENT_PEER_SERVER;
	else if (strcmp(text, "all") != 0)
		code = ringcast_cli_integer(chat->invocation, CLI_OPTION_TO, 1, INT32_MAX, &to);
	chat->to = (int32_t)to;
	return code;
}

static enum cli_exit take_game(struct chat *chat)
{
	int64_t opcode = 0;
	enum cli_exit code = ringcast_cli_integer(chat->invocation, CLI_OPTION_OPCODE, INT32_MIN, INT32_MAX, &opcode);
	if (code == CLI_OK && ringcast_cli_has(chat->invocation, CLI_OPTION_OPCODE) && !ringcast_gate_is_game((int32_t)opcode)) {
		ringcast_cli_error(chat->invocation, "--opcode: '%d' is not a game's: the protocol has it", (int32_t)opcode);
		return CLI_USAGE;
	}
	if (code == CLI_OK)
		code = ringcast_enter_payload(chat->invocation, CLI_OPTION_PAYLOAD, "payload", &chat->payload);
	if (code == CLI_OK)
		code = ringcast_enter_payload(chat->invocation, CLI_OPTION_LOGIN_PAYLOAD, "login-payload", &chat->login);
	chat->opcode = (int32_t)opcode;
	chat->is_game = opcode != 0 || chat->payload.bytes || chat->login.bytes;
	if (code == CLI_OK && chat->payload.bytes && opcode == 0) {
		ringcast_cli_error(chat->invocation, "--payload needs --opcode");
		return CLI_USAGE;
	}
	return code;
}

static enum cli_exit take_options(struct chat *chat)
{
	int64_t group = 0;
	double linger_seconds = 0.3;
	const char *user = getenv("USER");
	enum cli_exit code = ringcast_cli_integer(chat->invocation, CLI_OPTION_GROUP, 1, INT32_MAX, &group);
	if (code == CLI_OK)
		code = take_receiver(chat);
	if (code == CLI_OK)
		code = take_game(chat);
	if (code == CLI_OK)
		code = ringcast_cli_seconds(chat->invocation, CLI_OPTION_LINGER, &linger_seconds);
	if (code == CLI_OK)
		code = ringcast_enter_security(chat->invocation, &chat->ca);
	chat->group = (int32_t)group;
	chat->linger_ms = (int64_t)(linger_seconds * 1000);
	chat->name = ringcast_cli_value(chat->invocation, CLI_OPTION_AS, user && *user ? user : "player");
	return code;
}

static enum cli_exit start(struct chat *chat, const struct chat_place *place)
{
	const ringcast_client_callbacks callbacks = {
		.size = sizeof(callbacks),
		.connected = on_connected,
		.fast_ready = on_fast_ready,
		.message = on_message,
		.membership = on_membership,
		.disconnected = on_disconnected,
		.fast_failed = on_fast_failed,
	};
	/* a game's connect callback knows nothing of names */
	const struct enter enter = {
		.place = place,
		.ca = chat->ca,
		.login = chat->is_game ? chat->login.bytes : (const void *)chat->name,
		.login_bytes = chat->is_game ? chat->login.size : strlen(chat->name),
		.callbacks = &callbacks,
		.context = chat,
	};
	chat->place = place;
	return ringcast_enter(chat->invocation, &enter, &chat->client);
}

enum cli_exit ringcast_command_chat(const struct cli_invocation *invocation)
{
	struct chat_place place;
	struct chat *chat = calloc(1, sizeof(*chat));
	if (!chat)
		return CLI_FAILURE;
	chat->invocation = invocation;
	enum cli_exit code = take_options(chat);
	if (code == CLI_OK)
		code = ringcast_chat_find_place(invocation, chat->name, &place);
	if (code == CLI_OK)
		code = start(chat, &place);
	if (code == CLI_OK) {
		run(chat);
		code = chat->code;
	}
	ringcast_client_destroy(&chat->client);
	free(chat->ca);
	free(chat->payload.bytes);
	free(chat->login.bytes);
	free(chat);
	return code;
}
