/* Runs a scenario: a session of its own in an engine on loopback, and a real client for each player. One thread. */
#include "tools/ringcast/scenario.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "proto/clients/c/ringcast_client.h"
#include "ringcast/ringcast.h"
#include "tools/ringcast/payload_text.h"

enum { TURN_MS = 20, SETTLE_MS = 2000, PROCESS_MS_MAX = 20000, RECEIVED_MAX = 20000, SHOWN_MAX = 8, OPCODE_MEMBERS = -12 };

struct received {
	int32_t opcode, sender, group;
	bool is_fast, is_taken;
	char *bytes; /* payload, or for OPCODE_MEMBERS the peer ids */
	size_t size;
};

enum bot_state { BOT_CONNECTING, BOT_IN, BOT_OUT };

struct bot {
	char name[SCENARIO_NAME_BYTES];
	ringcast_client *client;
	enum bot_state state;
	int32_t peer_id;
	int close_code;
	char close_reason[PAYLOAD_TEXT_BYTES(128)]; /* as a terminal may have it */
	struct received *received;
	size_t received_count, received_capacity;
};

struct run {
	const struct scenario *scenario;
	ringcast_engine *engine;
	const char *script;
	FILE *out;
	char session_id[RINGCAST_ID_BYTES];
	struct bot bots[SCENARIO_PLAYERS_MAX];
	size_t bot_count;
	bool are_errors_allowed;
	double errors_before;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What comes in */

static void keep(struct bot *bot, const struct received *received, const void *bytes)
{
	if (bot->received_count == bot->received_capacity) {
		size_t capacity = bot->received_capacity ? bot->received_capacity * 2 : 64;
		struct received *grown = capacity > RECEIVED_MAX ? NULL : realloc(bot->received, capacity * sizeof(*grown));
		if (!grown)
			return; /* a script that floods: what came so far is what counts */
		bot->received = grown;
		bot->received_capacity = capacity;
	}
	struct received *at = &bot->received[bot->received_count];
	*at = *received;
	at->bytes = malloc(received->size + 1);
	if (!at->bytes)
		return;
	if (received->size)
		memcpy(at->bytes, bytes, received->size);
	at->bytes[received->size] = '\0';
	bot->received_count++;
}

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct bot *bot = context;
	(void)client;
	bot->state = BOT_IN;
	bot->peer_id = peer_id;
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	const struct received received = {
		.opcode = message->opcode, .sender = message->sender, .is_fast = message->is_fast, .size = message->payload_bytes};
	(void)client;
	keep(context, &received, message->payload);
}

static void on_membership(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t peer_id_count)
{
	const struct received received = {.opcode = OPCODE_MEMBERS, .group = group, .size = peer_id_count * sizeof(*peer_ids)};
	(void)client;
	keep(context, &received, peer_ids);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	struct bot *bot = context;
	(void)client;
	bot->state = BOT_OUT;
	bot->close_code = code;
	ringcast_payload_text_format((const uint8_t *)reason, strlen(reason), bot->close_reason, sizeof(bot->close_reason));
}

/* Waits for something to happen, at most this long, and lets it. */
static void turn(struct run *run, int timeout_ms)
{
	struct pollfd fds[SCENARIO_PLAYERS_MAX];
	nfds_t count = 0;
	for (size_t i = 0; i < run->bot_count; i++) {
		if (!run->bots[i].client || run->bots[i].state == BOT_OUT)
			continue;
		int due_ms = ringcast_client_timeout_ms(run->bots[i].client);
		if (due_ms >= 0 && due_ms < timeout_ms)
			timeout_ms = due_ms;
		fds[count++] = (struct pollfd){.fd = ringcast_client_fd(run->bots[i].client), .events = POLLIN};
	}
	poll(fds, count, timeout_ms < TURN_MS ? timeout_ms : TURN_MS);
	for (size_t i = 0; i < run->bot_count; i++)
		if (run->bots[i].client && run->bots[i].state != BOT_OUT)
			ringcast_client_poll(run->bots[i].client, 0);
}

static void pass(struct run *run, uint32_t time_ms)
{
	int64_t end_ms = now_ms() + time_ms;
	for (int64_t left_ms = time_ms; left_ms > 0; left_ms = end_ms - now_ms())
		turn(run, (int)left_ms);
}

/* Telling */

static void put_text(FILE *out, const char *bytes, size_t size)
{
	fputc('\'', out);
	for (size_t i = 0; i < size && i < 400; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '\'' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputs(size > 400 ? "...'" : "'", out);
}

static const char *name_of(const struct run *run, int32_t peer_id)
{
	static char number[24];
	if (peer_id == RINGCAST_CLIENT_PEER_SERVER)
		return "server";
	for (size_t i = 0; i < run->bot_count; i++)
		if (run->bots[i].peer_id == peer_id && peer_id > 0)
			return run->bots[i].name;
	snprintf(number, sizeof(number), "peer %d", peer_id);
	return number;
}

static void put_members(const struct run *run, const struct received *received)
{
	fprintf(run->out, "members of group %d:", received->group);
	for (size_t i = 0; i < received->size / sizeof(int32_t); i++) {
		int32_t peer_id;
		memcpy(&peer_id, received->bytes + i * sizeof(peer_id), sizeof(peer_id));
		fprintf(run->out, " %s", name_of(run, peer_id));
	}
}

static void put_received(const struct run *run, const struct received *received)
{
	if (received->opcode == OPCODE_MEMBERS) {
		put_members(run, received);
	} else {
		fprintf(run->out, "%d from %s%s ", received->opcode, name_of(run, received->sender), received->is_fast ? ", fast," : "");
		put_text(run->out, received->bytes, received->size);
	}
	fputc('\n', run->out);
}

static void put_log_line(void *context, uint64_t at_ns, const char *level, const char *text, size_t text_bytes)
{
	(void)at_ns;
	fprintf(context, "           %-5s ", level);
	for (size_t i = 0; i < text_bytes; i++)
		fprintf(context, text[i] == '\n' ? "\n                 " : "%c", text[i]);
	fputc('\n', context);
}

static void tell_head(const struct run *run, const struct step *step)
{
	fprintf(run->out, "%s:%d: %s\n", run->scenario->path, step->line, step->source);
}

__attribute__((format(printf, 3, 4))) static bool fail(const struct run *run, const struct step *step, const char *format, ...)
{
	va_list arguments;
	tell_head(run, step);
	fprintf(run->out, "      got: ");
	va_start(arguments, format);
	vfprintf(run->out, format, arguments);
	va_end(arguments);
	fputc('\n', run->out);
	return false;
}

/* What the player got and no step has taken, the last ones at least. */
static void put_rest(const struct run *run, const struct bot *bot)
{
	size_t left = 0;
	for (size_t i = 0; i < bot->received_count; i++)
		left += !bot->received[i].is_taken;
	if (left == 0)
		fprintf(run->out, "      %s has got nothing else", bot->name);
	else
		fprintf(run->out, "      %s has got besides:", bot->name);
	if (bot->state == BOT_OUT)
		fprintf(run->out, " (and was disconnected: %d %s)", bot->close_code, bot->close_reason);
	fputc('\n', run->out);
	for (size_t i = 0; i < bot->received_count; i++) {
		if (bot->received[i].is_taken || left-- > SHOWN_MAX)
			continue;
		fprintf(run->out, "           ");
		put_received(run, &bot->received[i]);
	}
}

static bool fail_missing(const struct run *run, const struct step *step, const struct bot *bot)
{
	fail(run, step, "nothing like it within %u ms", step->within_ms);
	put_rest(run, bot);
	return false;
}

/* Players */

static struct bot *find_bot(struct run *run, const char *name)
{
	for (size_t i = run->bot_count; i-- > 0;) /* the last of a name: one may come again */
		if (strcmp(run->bots[i].name, name) == 0)
			return &run->bots[i];
	return NULL;
}

static struct bot *bot_of(struct run *run, const struct step *step, const char *name)
{
	struct bot *bot = find_bot(run, name);
	if (!bot)
		fail(run, step, "there is no player %s; write: join %s", name, name);
	return bot;
}

static bool connect_bot(struct run *run, const struct step *step, struct bot *bot)
{
	static const ringcast_client_callbacks callbacks = {.size = sizeof(callbacks),
							    .connected = on_connected,
							    .message = on_message,
							    .membership = on_membership,
							    .disconnected = on_disconnected};
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	char token[RINGCAST_ID_BYTES];
	options.callbacks = &callbacks;
	options.context = bot;
	options.is_udp_off = step->is_tcp_only;
	int error = ringcast_player_reserve(run->engine, run->session_id, step->id.is_given ? step->id.bytes : step->player,
					    step->data.bytes, token);
	if (error)
		return fail(run, step, "the session gives no place: %s", ringcast_error_text(error));
	error = ringcast_client_create(&options, &bot->client);
	if (!error)
		error = ringcast_client_connect(bot->client, "127.0.0.1", ringcast_engine_tcp_port(run->engine), token, step->text.bytes,
						step->text.size);
	return !error || fail(run, step, "%s", ringcast_client_error_text(error));
}

static bool is_fast_settled(const struct bot *bot)
{
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	return ringcast_client_read_stats(bot->client, &stats) != 0 || stats.udp != RINGCAST_CLIENT_UDP_CONNECTING;
}

static bool run_join(struct run *run, const struct step *step)
{
	struct bot *bot = find_bot(run, step->player);
	bool is_wanted = step->kind == STEP_JOIN;
	int64_t end_ms = now_ms() + step->within_ms;
	if (bot && bot->state != BOT_OUT)
		return fail(run, step, "%s is in already", step->player);
	if (run->bot_count == SCENARIO_PLAYERS_MAX)
		return fail(run, step, "more than %d players", SCENARIO_PLAYERS_MAX);
	bot = &run->bots[run->bot_count++];
	snprintf(bot->name, sizeof(bot->name), "%s", step->player);
	if (!connect_bot(run, step, bot))
		return false;
	while (bot->state == BOT_CONNECTING && now_ms() < end_ms)
		turn(run, TURN_MS);
	if (bot->state == BOT_CONNECTING)
		return fail(run, step, "no answer to the login within %u ms", step->within_ms);
	if (is_wanted != (bot->state == BOT_IN))
		return is_wanted ? fail(run, step, "refused: %d %s", bot->close_code, bot->close_reason)
				 : fail(run, step, "%s is in", bot->name);
	for (end_ms = now_ms() + SETTLE_MS; is_wanted && !is_fast_settled(bot) && now_ms() < end_ms;)
		turn(run, TURN_MS); /* so that fast messages are fast from the next step on */
	return true;
}

static bool run_leave(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	int64_t end_ms = now_ms() + SETTLE_MS;
	if (!bot)
		return false;
	if (bot->state != BOT_IN || ringcast_client_disconnect(bot->client) != RINGCAST_CLIENT_OK)
		return fail(run, step, "%s is not in", bot->name);
	while (bot->state != BOT_OUT && now_ms() < end_ms)
		turn(run, TURN_MS);
	return true;
}

static bool run_send(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player), *peer = NULL;
	int32_t target_player = step->target == TARGET_SERVER ? RINGCAST_CLIENT_PEER_SERVER : 0;
	int32_t target_group = step->target == TARGET_EVERYONE ? RINGCAST_CLIENT_GROUP_ALL : step->group;
	if (!bot || (step->target == TARGET_PLAYER && !(peer = bot_of(run, step, step->peer))))
		return false;
	if (peer)
		target_player = peer->peer_id;
	int error =
		ringcast_client_send(bot->client, step->opcode, target_player, target_group,
				     step->is_fast ? RINGCAST_CLIENT_FAST : RINGCAST_CLIENT_RELIABLE, step->text.bytes, step->text.size);
	turn(run, 0);
	return !error || fail(run, step, "%s", ringcast_client_error_text(error));
}

static bool run_group(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	if (!bot)
		return false;
	int error = step->kind == STEP_JOIN_GROUP ? ringcast_client_join(bot->client, step->group)
						  : ringcast_client_leave(bot->client, step->group);
	turn(run, 0);
	return !error || fail(run, step, "%s", ringcast_client_error_text(error));
}

/* Expectations */

static bool is_text(const struct step *step, const struct received *received)
{
	if (!step->text.is_given)
		return true;
	if (step->is_contained)
		return memmem(received->bytes, received->size, step->text.bytes, step->text.size) != NULL;
	return received->size == step->text.size && memcmp(received->bytes, step->text.bytes, step->text.size) == 0;
}

static bool is_sender(struct run *run, const struct step *step, const struct received *received)
{
	if (step->peer[0] == '\0')
		return true;
	if (strcmp(step->peer, "server") == 0)
		return received->sender == RINGCAST_CLIENT_PEER_SERVER;
	const struct bot *bot = find_bot(run, step->peer);
	return bot && bot->peer_id == received->sender;
}

static struct received *next_of(struct bot *bot, int32_t opcode)
{
	for (size_t i = 0; i < bot->received_count; i++)
		if (!bot->received[i].is_taken && bot->received[i].opcode == opcode)
			return &bot->received[i];
	return NULL;
}

static bool run_expect(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	int64_t end_ms = now_ms() + step->within_ms;
	if (!bot)
		return false;
	for (;;) {
		struct received *received = next_of(bot, step->opcode);
		if (received && is_text(step, received) && is_sender(run, step, received) && (!step->is_fast || received->is_fast))
			return received->is_taken = true;
		if (received && !step->is_eventual) {
			tell_head(run, step);
			fprintf(run->out, "      got: ");
			put_received(run, received);
			return false;
		}
		if (received)
			received->is_taken = true;
		else if (now_ms() >= end_ms)
			return fail_missing(run, step, bot);
		else
			turn(run, TURN_MS);
	}
}

static bool run_expect_no(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	if (!bot)
		return false;
	pass(run, step->within_ms);
	for (size_t i = 0; i < bot->received_count; i++) {
		const struct received *received = &bot->received[i];
		if (received->is_taken || (step->opcode ? received->opcode != step->opcode : received->opcode == OPCODE_MEMBERS))
			continue;
		tell_head(run, step);
		fprintf(run->out, "      got: ");
		put_received(run, received);
		return false;
	}
	return true;
}

static bool are_members(struct run *run, const struct step *step, const struct received *received)
{
	if (received->group != step->group || received->size != step->member_count * sizeof(int32_t))
		return false;
	for (size_t i = 0; i < step->member_count; i++) {
		const struct bot *bot = find_bot(run, step->members[i]);
		if (!bot || !memmem(received->bytes, received->size, &bot->peer_id, sizeof(bot->peer_id)))
			return false;
	}
	return true;
}

/* Several updates may come on the way to the one that is meant: the latest counts. */
static bool run_expect_members(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	int64_t end_ms = now_ms() + step->within_ms;
	if (!bot)
		return false;
	for (;;) {
		struct received *received = next_of(bot, OPCODE_MEMBERS);
		if (received) {
			received->is_taken = true;
			if (are_members(run, step, received))
				return true;
		} else if (now_ms() >= end_ms) {
			return fail_missing(run, step, bot);
		} else {
			turn(run, TURN_MS);
		}
	}
}

static bool run_expect_closed(struct run *run, const struct step *step)
{
	struct bot *bot = bot_of(run, step, step->player);
	int64_t end_ms = now_ms() + step->within_ms;
	if (!bot)
		return false;
	while (bot->state != BOT_OUT && now_ms() < end_ms)
		turn(run, TURN_MS);
	if (bot->state != BOT_OUT)
		return fail(run, step, "%s is still in after %u ms", bot->name, step->within_ms);
	return step->number == 0 || (int)step->number == bot->close_code ||
	       fail(run, step, "closed with %d %s", bot->close_code, bot->close_reason);
}

struct search {
	const struct text *text;
	bool is_found;
};

static void search_line(void *context, uint64_t at_ns, const char *level, const char *text, size_t text_bytes)
{
	struct search *search = context;
	(void)at_ns;
	(void)level;
	search->is_found |= memmem(text, text_bytes, search->text->bytes, search->text->size) != NULL;
}

static bool run_expect_log(struct run *run, const struct step *step)
{
	struct search search = {.text = &step->text};
	int64_t end_ms = now_ms() + step->within_ms;
	for (;;) {
		ringcast_session_log_read(run->engine, run->session_id, search_line, &search, NULL);
		if (search.is_found)
			return true;
		if (now_ms() >= end_ms)
			return fail(run, step, "no such line within %u ms", step->within_ms);
		turn(run, TURN_MS);
	}
}

static bool run_expect_ended(struct run *run, const struct step *step)
{
	ringcast_session_info info;
	int64_t end_ms = now_ms() + step->within_ms;
	while (ringcast_session_describe(run->engine, run->session_id, &info) == RINGCAST_OK) {
		if (now_ms() >= end_ms)
			return fail(run, step, "the session goes on after %u ms", step->within_ms);
		turn(run, TURN_MS);
	}
	return true;
}

static void forget(struct bot *bot)
{
	for (size_t i = 0; i < bot->received_count; i++)
		bot->received[i].is_taken = true;
}

static bool run_forget(struct run *run, const struct step *step)
{
	turn(run, 0);
	if (!step->player[0]) {
		for (size_t i = 0; i < run->bot_count; i++)
			forget(&run->bots[i]);
		return true;
	}
	struct bot *bot = bot_of(run, step, step->player);
	if (bot)
		forget(bot);
	return bot != NULL;
}

static bool run_step(struct run *run, const struct step *step)
{
	switch (step->kind) {
	case STEP_SESSION:
		return true; /* was done first */
	case STEP_JOIN:
	case STEP_JOIN_REFUSED:
		return run_join(run, step);
	case STEP_LEAVE:
		return run_leave(run, step);
	case STEP_SEND:
		return run_send(run, step);
	case STEP_JOIN_GROUP:
	case STEP_LEAVE_GROUP:
		return run_group(run, step);
	case STEP_EXPECT:
		return run_expect(run, step);
	case STEP_EXPECT_NO:
		return run_expect_no(run, step);
	case STEP_EXPECT_MEMBERS:
		return run_expect_members(run, step);
	case STEP_EXPECT_CLOSED:
		return run_expect_closed(run, step);
	case STEP_EXPECT_LOG:
		return run_expect_log(run, step);
	case STEP_EXPECT_ENDED:
		return run_expect_ended(run, step);
	case STEP_WAIT:
		pass(run, step->within_ms);
		return true;
	case STEP_FORGET:
		return run_forget(run, step);
	case STEP_ALLOW_ERRORS:
		return run->are_errors_allowed = true;
	}
	ringcast_unreachable("kind of a step");
}

/* The whole */

static bool open_session(struct run *run)
{
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	const struct step *first = run->scenario->step_count ? run->scenario->steps : NULL;
	options.name = "scenario";
	options.script = run->script;
	options.empty_timeout_ms = UINT32_MAX;
	if (first && first->kind == STEP_SESSION) {
		options.players_max = first->number;
		options.properties = first->text.bytes;
	}
	int error = ringcast_session_create(run->engine, &options, run->session_id);
	if (error)
		fprintf(run->out, "%s: the session did not begin: %s\n", run->scenario->path, ringcast_error_text(error));
	return error == RINGCAST_OK;
}

struct sum {
	const char *name;
	double value;
};

static void add_metric(void *context, const char *name, const char *type, const char *help, const char *labels, double value)
{
	struct sum *sum = context;
	(void)type;
	(void)help;
	(void)labels;
	if (strcmp(name, sum->name) == 0)
		sum->value += value;
}

static double read_metric(const struct run *run, const char *name)
{
	struct sum sum = {.name = name};
	ringcast_metrics_each(run->engine, add_metric, &sum);
	return sum.value;
}

static double count_errors(const struct run *run)
{
	return read_metric(run, "ringcast_script_errors_total");
}

/* JavaScript needs a process first, which takes a while on a busy machine; that is not the script's doing. */
static void await_process(const struct run *run)
{
	ringcast_script_info info;
	size_t count = 0;
	int64_t end_ms = now_ms() + PROCESS_MS_MAX;
	bool is_js = ringcast_script_list(run->engine, run->script, &info, 1, &count) == RINGCAST_OK && count > 0 && strcmp(info.language, "js") == 0;
	while (is_js && read_metric(run, "ringcast_script_sidecar_frames_received_total") == 0 && now_ms() < end_ms)
		poll(NULL, 0, TURN_MS);
}

static bool check_errors(struct run *run)
{
	double count = count_errors(run) - run->errors_before;
	if (run->are_errors_allowed || count == 0)
		return true;
	fprintf(run->out, "%s: all steps passed, but the script had %.0f errors (write 'errors allowed' if it may)\n", run->scenario->path,
		count);
	return false;
}

static void free_bots(struct run *run)
{
	for (size_t i = 0; i < run->bot_count; i++) {
		struct bot *bot = &run->bots[i];
		ringcast_client_destroy(&bot->client);
		for (size_t j = 0; j < bot->received_count; j++)
			free(bot->received[j].bytes);
		free(bot->received);
	}
}

bool ringcast_scenario_run(const struct scenario *scenario, ringcast_engine *engine, const char *script, FILE *out)
{
	struct run *run = calloc(1, sizeof(*run));
	if (!run) {
		fprintf(out, "%s: out of memory\n", scenario->path);
		return false;
	}
	*run = (struct run){.scenario = scenario, .engine = engine, .script = script, .out = out};
	run->errors_before = count_errors(run);
	bool is_good = open_session(run);
	await_process(run);
	for (size_t i = 0; is_good && i < scenario->step_count; i++)
		is_good = run_step(run, &scenario->steps[i]);
	is_good = is_good && check_errors(run);
	if (!is_good && run->session_id[0]) {
		fprintf(out, "      the script's log:\n");
		ringcast_session_log_read(engine, run->session_id, put_log_line, out, NULL);
	}
	if (run->session_id[0])
		ringcast_session_end(engine, run->session_id);
	free_bots(run);
	free(run);
	return is_good;
}
