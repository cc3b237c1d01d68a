/*
 * ringcast play: one player's hands and eyes. What it does comes a line each, from --do, --expect, --file or standard input; in a script a line that
 * expects something waits for it, and the first that waits in vain ends the run.
 */
#include "tools/ringcast/commands.h"
#include "tools/ringcast/enter.h"
#include "tools/ringcast/line_input.h"
#include "tools/ringcast/play_inbox.h"
#include "tools/ringcast/play_step.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

enum { STEPS_MAX = 2000, FILE_BYTES_MAX = 1024 * 1024, TURN_MS = 100, FAST_WAIT_MS = 1000 };

struct play {
	const struct cli_invocation *invocation;
	struct chat_place place;
	ringcast_client *client;
	char *ca;
	struct payload_text login;
	struct play_step *steps; /* of --do, --expect and --file; else lines come from input */
	size_t step_count, step_at;
	bool is_scripted;
	struct line_input input;
	struct play_step step; /* under way */
	char *source;          /* its line, or NULL: none is under way */
	int64_t deadline_ms;   /* of the step under way */
	struct play_inbox inbox;
	int32_t peer_id;
	int64_t connected_ms, done_ms, linger_ms;
	bool is_connected, is_over, is_quitting, is_done;
	int closed_code;
	enum cli_exit code;
	char **sources; /* of steps, for telling */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_by_hand(const struct play *play)
{
	return !play->is_scripted && play->input.is_terminal;
}

__attribute__((format(printf, 2, 3))) static void tell(struct play *play, const char *format, ...)
{
	va_list arguments;
	ringcast_line_input_hide(&play->input);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
}

/* By hand a mistake costs nothing; a script ends with it. */
static void fail(struct play *play, enum cli_exit code)
{
	if (is_by_hand(play))
		return;
	play->code = play->code == CLI_OK ? code : play->code;
	play->is_done = true;
	play->is_quitting = true;
	if (play->is_over)
		return;
	ringcast_client_disconnect(play->client);
}

/* What comes */

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct play *play = context;
	(void)client;
	play->is_connected = true;
	play->connected_ms = now_ms();
	play->peer_id = peer_id;
	tell(play, "* you are peer %d\n", peer_id);
}

static void on_fast_ready(void *context, ringcast_client *client)
{
	(void)client;
	tell(context, "* udp is up\n");
}

static void on_fast_failed(void *context, ringcast_client *client, const char *reason)
{
	(void)client;
	tell(context, "* no udp: %s; all goes by tcp\n", reason);
}

static void keep(struct play *play, struct play_message message, const void *bytes, size_t size)
{
	ringcast_line_input_hide(&play->input);
	ringcast_play_inbox_add(&play->inbox, message, bytes, size);
	if (play->inbox.count > 0) {
		ringcast_play_message_print(stdout, &play->inbox.messages[play->inbox.count - 1], play->peer_id);
		fputc('\n', stdout);
	}
	fflush(stdout);
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	const struct play_message kept = {.is_fast = message->is_fast, .opcode = message->opcode, .sender = message->sender};
	(void)client;
	keep(context, kept, message->payload, message->payload_bytes);
}

static void on_membership(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t count)
{
	(void)client;
	keep(context, (struct play_message){.is_membership = true, .group = group}, peer_ids, count * sizeof(*peer_ids));
}

/* Of the lines from input those that were read; what nobody has written yet cannot be known. */
static bool is_end_in_input(const struct play *play)
{
	char line[LINE_INPUT_BYTES], error[PLAY_ERROR_BYTES];
	size_t at = play->input.read_at;
	bool is_found = false;
	while (!play->is_scripted && !is_found && ringcast_line_input_peek(&play->input, &at, line)) {
		struct play_step step = {.kind = PLAY_NOTHING};
		is_found = ringcast_play_step_parse(line, &step, error) && step.kind == PLAY_EXPECT_CLOSED;
		ringcast_play_step_fini(&step);
	}
	return is_found;
}

/* The line under way says so, or one that is still to come: what was sent before the end may arrive together with it. */
static bool is_end_expected(const struct play *play)
{
	if (play->source && play->step.kind == PLAY_EXPECT_CLOSED)
		return true;
	for (size_t i = play->step_at; i < play->step_count; i++)
		if (play->steps[i].kind == PLAY_EXPECT_CLOSED)
			return true;
	return is_end_in_input(play);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	struct play *play = context;
	char text[ENTER_REASON_BYTES];
	(void)client;
	play->is_over = true;
	play->closed_code = code;
	if (play->is_quitting)
		return;
	ringcast_enter_reason(reason, text);
	tell(play, "* disconnected: %s (code %d)\n", text, code);
	if (is_end_expected(play))
		return;
	ringcast_cli_error(play->invocation, "disconnected: %s (code %d)%s", text, code,
			   play->is_connected ? "" : ringcast_enter_hint(play->invocation, &play->place, code));
	play->code = CLI_FAILURE;
}

/* What is done */

static void print_stats(struct play *play)
{
	static const char *const udp_names[] = {"off", "connecting", "up"};
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	ringcast_client_read_stats(play->client, &stats);
	tell(play, "* udp %s, rtt %.2f ms; sent %llu by udp, %llu by tcp; received %llu by udp, %llu by tcp\n", udp_names[stats.udp],
	     (double)stats.rtt_ns / 1e6, (unsigned long long)stats.messages_sent_fast, (unsigned long long)stats.messages_sent_reliable,
	     (unsigned long long)stats.messages_received_fast, (unsigned long long)stats.messages_received_reliable);
}

static int send_step(struct play *play, const struct play_step *step)
{
	int32_t group = step->peer ? 0 : step->group ? step->group : RINGCAST_CLIENT_GROUP_ALL;
	ringcast_client_intent intent = step->is_fast ? RINGCAST_CLIENT_FAST : RINGCAST_CLIENT_RELIABLE;
	return ringcast_client_send(play->client, step->opcode, step->peer, group, intent, step->payload.bytes, step->payload.size);
}

static void quit(struct play *play)
{
	play->is_quitting = true;
	ringcast_client_disconnect(play->client);
}

/* The result of what is done at once; what waits has none yet. */
static int begin(struct play *play)
{
	const struct play_step *step = &play->step;
	switch (step->kind) {
	case PLAY_SEND:
		return send_step(play, step);
	case PLAY_JOIN:
		return ringcast_client_join(play->client, step->group);
	case PLAY_LEAVE:
		return ringcast_client_leave(play->client, step->group);
	case PLAY_MEMBERS:
		return ringcast_client_request_membership(play->client, step->group);
	case PLAY_STATS:
		print_stats(play);
		break;
	case PLAY_HELP:
		ringcast_line_input_hide(&play->input);
		ringcast_play_step_help(stdout);
		break;
	case PLAY_QUIT:
		quit(play);
		break;
	case PLAY_NOTHING:
	case PLAY_WAIT:
	case PLAY_EXPECT:
	case PLAY_EXPECT_NO:
	case PLAY_EXPECT_MEMBERS:
	case PLAY_EXPECT_CLOSED:
		break;
	}
	return RINGCAST_CLIENT_OK;
}

enum progress { PROGRESS_DONE, PROGRESS_WAITING, PROGRESS_VAIN, PROGRESS_BROKEN };

/* How it stands with the step under way. is_late: its time is over. */
static enum progress look(struct play *play, bool is_late)
{
	const struct play_step *step = &play->step;
	switch (step->kind) {
	case PLAY_WAIT:
		return is_late || play->is_over ? PROGRESS_DONE : PROGRESS_WAITING;
	case PLAY_EXPECT:
	case PLAY_EXPECT_MEMBERS:
		if (ringcast_play_inbox_take(&play->inbox, step))
			return PROGRESS_DONE;
		return is_late || play->is_over ? PROGRESS_VAIN : PROGRESS_WAITING;
	case PLAY_EXPECT_NO:
		if (ringcast_play_inbox_take(&play->inbox, step))
			return PROGRESS_BROKEN;
		return is_late || play->is_over ? PROGRESS_DONE : PROGRESS_WAITING;
	case PLAY_EXPECT_CLOSED:
		if (!play->is_over)
			return is_late ? PROGRESS_VAIN : PROGRESS_WAITING;
		return step->code == 0 || step->code == play->closed_code ? PROGRESS_DONE : PROGRESS_BROKEN;
	default:
		return PROGRESS_DONE;
	}
}

static void end_step(struct play *play)
{
	free(play->source);
	play->source = NULL;
	ringcast_play_step_fini(&play->step);
}

static void tell_vain(struct play *play, enum progress progress)
{
	ringcast_line_input_hide(&play->input);
	fflush(stdout);
	if (play->step.kind == PLAY_EXPECT_CLOSED && play->is_over)
		ringcast_cli_error(play->invocation, "%s: it was closed with %d", play->source, play->closed_code);
	else
		ringcast_cli_error(play->invocation, "%s: %s", play->source, progress == PROGRESS_BROKEN ? "it came" : "it did not come");
	ringcast_play_inbox_print(stderr, &play->inbox, play->peer_id);
}

/* Goes on with the step under way. */
static void go_on(struct play *play)
{
	enum progress progress = look(play, now_ms() >= play->deadline_ms);
	if (progress == PROGRESS_WAITING)
		return;
	if (progress != PROGRESS_DONE) {
		tell_vain(play, progress);
		fail(play, progress == PROGRESS_VAIN && !play->is_over ? CLI_TIMEOUT : CLI_FAILURE);
	}
	end_step(play);
}

/* Takes step and source over. */
static void start_step(struct play *play, struct play_step step, char *source)
{
	ringcast_assert(play->source == NULL);
	play->step = step;
	play->source = source;
	play->deadline_ms = now_ms() + step.within_ms;
	int error = begin(play);
	if (error != RINGCAST_CLIENT_OK) {
		ringcast_line_input_hide(&play->input);
		ringcast_cli_error(play->invocation, "%s: not sent: %s", source, ringcast_client_error_text(error));
		fail(play, CLI_FAILURE);
		end_step(play);
		return;
	}
	go_on(play);
}

static void start_line(struct play *play, const char *line)
{
	struct play_step step;
	char error[PLAY_ERROR_BYTES];
	char *source = strdup(line);
	if (source && ringcast_play_step_parse(line, &step, error)) {
		start_step(play, step, source);
		return;
	}
	ringcast_line_input_hide(&play->input);
	ringcast_cli_error(play->invocation, "%s", source ? error : "out of memory");
	free(source);
	fail(play, CLI_USAGE);
}

/* Where lines come from */

static bool start_next_scripted(struct play *play)
{
	if (play->step_at == play->step_count)
		return false;
	struct play_step step = play->steps[play->step_at];
	char *source = play->sources[play->step_at];
	play->steps[play->step_at] = (struct play_step){.kind = PLAY_NOTHING};
	play->sources[play->step_at] = NULL;
	play->step_at++;
	start_step(play, step, source);
	return true;
}

static bool start_next_typed(struct play *play)
{
	const char *line = ringcast_line_input_next(&play->input);
	if (!line)
		return false;
	start_line(play, line);
	return true;
}

static bool is_exhausted(const struct play *play)
{
	return play->is_scripted ? play->step_at == play->step_count : play->input.is_over && play->input.read_at == play->input.read_count && play->input.size == 0;
}

/* Fast messages would go by TCP while the first handshake is under way: lines wait for it, a moment. */
static bool is_ready(const struct play *play)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	if (!play->is_connected)
		return false;
	ringcast_client_read_stats(play->client, &stats);
	return stats.udp != RINGCAST_CLIENT_UDP_CONNECTING || now_ms() >= play->connected_ms + FAST_WAIT_MS;
}

static void advance(struct play *play)
{
	if (play->source)
		go_on(play);
	while (!play->source && !play->is_quitting && is_ready(play) && (play->is_scripted ? start_next_scripted(play) : start_next_typed(play)))
		;
	if (play->source || play->is_quitting || !play->is_connected || !is_exhausted(play))
		return;
	if (!play->is_done)
		play->done_ms = now_ms();
	play->is_done = true;
	if (!play->is_over && now_ms() >= play->done_ms + play->linger_ms)
		quit(play);
}

static int wait_ms(const struct play *play)
{
	int due_ms = ringcast_client_timeout_ms(play->client);
	return due_ms < 0 || due_ms > TURN_MS ? TURN_MS : due_ms;
}

/* A step that expects the end is still looked at once it has come, and so are the lines behind it. */
static bool has_more(const struct play *play)
{
	if (!play->is_over)
		return true;
	return play->code == CLI_OK && !play->is_quitting && (play->source || (play->is_connected && !is_by_hand(play) && !is_exhausted(play)));
}

static bool is_line_wanted(const struct play *play)
{
	return !play->is_scripted && play->is_connected && !play->source && !play->is_quitting && !play->input.is_over && is_ready(play);
}

/* Keys are listened to all the time, for the one that interrupts; they make no signal. As many lines as are read wait for their turn. */
static bool is_input_wanted(const struct play *play)
{
	if (is_by_hand(play))
		return !play->is_quitting && !play->input.is_over && !ringcast_line_input_is_full(&play->input);
	return is_line_wanted(play);
}

static void read_input(struct play *play)
{
	ringcast_line_input_read(&play->input);
	if (!play->input.is_interrupted || play->is_quitting)
		return;
	end_step(play);
	quit(play);
}

static void run(struct play *play)
{
	while (has_more(play)) {
		struct pollfd fds[2] = {
			{.fd = play->is_over ? -1 : ringcast_client_fd(play->client), .events = POLLIN},
			{.fd = is_input_wanted(play) ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (is_line_wanted(play))
			ringcast_line_input_show(&play->input);
		if (poll(fds, 2, wait_ms(play)) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			read_input(play);
		if (!play->is_over)
			ringcast_client_poll(play->client, 0);
		advance(play);
	}
}

/* The command */

/* prefix: "expect " for --expect. A line that is wrong is told before anybody is connected. */
static enum cli_exit add_step(struct play *play, const char *where, const char *prefix, const char *line)
{
	char error[PLAY_ERROR_BYTES], *source = NULL;
	struct play_step step;
	if (play->step_count == STEPS_MAX) {
		ringcast_cli_error(play->invocation, "%s: more than %d lines", where, STEPS_MAX);
		return CLI_USAGE;
	}
	if (asprintf(&source, "%s%s", prefix, line) < 0)
		return CLI_FAILURE;
	if (!ringcast_play_step_parse(source, &step, error)) {
		ringcast_cli_error(play->invocation, "%s: %s", where, error);
		free(source);
		return CLI_USAGE;
	}
	play->sources[play->step_count] = source;
	play->steps[play->step_count++] = step;
	return CLI_OK;
}

static enum cli_exit add_file(struct play *play, const char *path)
{
	char where[512];
	char *text = ringcast_cli_read_text(play->invocation, path, FILE_BYTES_MAX), *line = text;
	enum cli_exit code = text ? CLI_OK : CLI_FAILURE;
	for (int number = 1; code == CLI_OK && line && *line; number++) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		line[strcspn(line, "\r")] = '\0';
		snprintf(where, sizeof(where), "%s:%d", path, number);
		code = add_step(play, where, "", line);
		line = end ? end + 1 : NULL;
	}
	free(text);
	return code;
}

static enum cli_exit take_steps(struct play *play)
{
	enum cli_exit code = CLI_OK;
	play->steps = calloc(STEPS_MAX, sizeof(*play->steps));
	play->sources = calloc(STEPS_MAX, sizeof(*play->sources));
	if (!play->steps || !play->sources)
		return CLI_FAILURE;
	for (int i = 0; code == CLI_OK && i < play->invocation->given_count; i++) {
		const struct cli_given *given = &play->invocation->given[i];
		play->is_scripted = play->is_scripted || given->id == CLI_OPTION_DO || given->id == CLI_OPTION_EXPECT || given->id == CLI_OPTION_FILE;
		if (given->id == CLI_OPTION_DO)
			code = add_step(play, "--do", "", given->value);
		else if (given->id == CLI_OPTION_EXPECT)
			code = add_step(play, "--expect", "expect ", given->value);
		else if (given->id == CLI_OPTION_FILE)
			code = add_file(play, given->value);
	}
	return code;
}

static enum cli_exit take_options(struct play *play)
{
	double linger_seconds = 0.3;
	enum cli_exit code = take_steps(play);
	if (code == CLI_OK)
		code = ringcast_enter_payload(play->invocation, CLI_OPTION_LOGIN_PAYLOAD, "login-payload", &play->login);
	if (code == CLI_OK)
		code = ringcast_cli_seconds(play->invocation, CLI_OPTION_LINGER, &linger_seconds);
	if (code == CLI_OK)
		code = ringcast_enter_security(play->invocation, &play->ca);
	play->linger_ms = (int64_t)(linger_seconds * 1000);
	return code;
}

static enum cli_exit start(struct play *play)
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
	const struct enter enter = {.place = &play->place,
				    .ca = play->ca,
				    .login = play->login.bytes,
				    .login_bytes = play->login.size,
				    .callbacks = &callbacks,
				    .context = play};
	return ringcast_enter(play->invocation, &enter, &play->client);
}

static void fini(struct play *play)
{
	ringcast_client_destroy(&play->client);
	ringcast_play_inbox_fini(&play->inbox);
	end_step(play);
	for (size_t i = play->step_at; i < play->step_count; i++) {
		ringcast_play_step_fini(&play->steps[i]);
		free(play->sources[i]);
	}
	free(play->steps);
	free(play->sources);
	free(play->login.bytes);
	free(play->ca);
	free(play);
}

enum cli_exit ringcast_command_play(const struct cli_invocation *invocation)
{
	const char *user = getenv("USER");
	struct play *play = calloc(1, sizeof(*play));
	if (!play)
		return CLI_FAILURE;
	play->invocation = invocation;
	ringcast_play_inbox_init(&play->inbox);
	enum cli_exit code = take_options(play);
	if (code == CLI_OK)
		code = ringcast_chat_find_place(invocation, ringcast_cli_value(invocation, CLI_OPTION_AS, user && *user ? user : "player"), &play->place);
	if (code == CLI_OK)
		code = start(play);
	if (code == CLI_OK) {
		if (!play->is_scripted)
			ringcast_line_input_init(&play->input, "> ");
		run(play);
		if (!play->is_scripted)
			ringcast_line_input_fini(&play->input);
		code = play->code;
	}
	fini(play);
	return code;
}
