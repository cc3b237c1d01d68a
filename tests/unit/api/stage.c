#include "stage.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { POLL_MS = 2, PATIENCE_POLLS = 30000 /* a minute, for a machine that has other things to do */, FENCE_OPCODE = 9999 };

struct game game;
int stage_patience;

/* The log: written by shard threads, read by the test. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char text[STAGE_TEXT_BYTES];
static size_t text_bytes;
static int begun_count, ended_count;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list arguments;
	pthread_mutex_lock(&lock);
	va_start(arguments, format);
	int size = vsnprintf(text + text_bytes, sizeof(text) - text_bytes, format, arguments);
	va_end(arguments);
	cr_assert(size >= 0 && (size_t)size < sizeof(text) - text_bytes);
	text_bytes += (size_t)size;
	pthread_mutex_unlock(&lock);
}

int stage_log_count(const char *line)
{
	int count = 0;
	pthread_mutex_lock(&lock);
	for (const char *at = text; (at = strstr(at, line)) != NULL; at += strlen(line))
		count += at == text || at[-1] == '\n';
	pthread_mutex_unlock(&lock);
	return count;
}

bool stage_has_log(const char *line)
{
	return stage_log_count(line) > 0;
}

void stage_expect_log(const char *lines)
{
	pthread_mutex_lock(&lock);
	bool is_equal = strcmp(text, lines) == 0;
	char found[STAGE_TEXT_BYTES];
	memcpy(found, text, sizeof(found));
	text_bytes = 0;
	text[0] = '\0';
	pthread_mutex_unlock(&lock);
	cr_assert(is_equal, "the log is\n%s--- but should be\n%s---", found, lines);
}

/* Callbacks */

static void on_started(void *context, ringcast_session *session)
{
	cr_assert_eq(context, &game);
	note("started\n");
	pthread_mutex_lock(&lock);
	begun_count++;
	pthread_mutex_unlock(&lock);
	if (game.started != NULL)
		game.started(session);
}

static void on_ended(void *context, ringcast_session *session, const char *reason)
{
	note("ended %s\n", reason);
	pthread_mutex_lock(&lock);
	ended_count++;
	pthread_mutex_unlock(&lock);
}

static ringcast_verdict on_connect(void *context, ringcast_session *session, int32_t peer, const uint8_t *payload, size_t payload_bytes)
{
	note("connect %d '%.*s'\n", peer, (int)payload_bytes, (const char *)payload);
	return game.connect != NULL ? game.connect(session, peer) : RINGCAST_ALLOW;
}

static void on_accepted(void *context, ringcast_session *session, int32_t peer)
{
	note("accepted %d\n", peer);
	if (game.accepted != NULL)
		game.accepted(session, peer);
}

static void on_disconnected(void *context, ringcast_session *session, int32_t peer, const char *reason)
{
	note("disconnected %d %s\n", peer, reason);
}

static void note_message(const char *word, const ringcast_message *message)
{
	if (message->opcode != FENCE_OPCODE)
		note("%s %d from %d player %d group %d %s '%.*s'\n", word, message->opcode, message->sender, message->target_player,
		     message->target_group, message->intent == RINGCAST_RELIABLE ? "reliable" : "fast", (int)message->payload_bytes,
		     (const char *)message->payload);
}

static void on_service_message(void *context, ringcast_session *session, const ringcast_message *message)
{
	note_message("service message", message);
	game.service_message(session, message);
}

static void on_question_answered(void *context, ringcast_session *session, uint32_t number, const char *json, size_t json_bytes)
{
	game.question_answered(session, number, json, json_bytes);
}

static void on_message(void *context, ringcast_session *session, const ringcast_message *message)
{
	note_message("message", message);
	if (game.message != NULL)
		game.message(session, message);
}

static ringcast_verdict on_send(ringcast_session *session, const ringcast_message *message, const char *word)
{
	note_message(word, message);
	return game.send != NULL && message->opcode != FENCE_OPCODE ? game.send(session, message) : RINGCAST_ALLOW;
}

static ringcast_verdict on_send_to_player(void *context, ringcast_session *session, const ringcast_message *message)
{
	return on_send(session, message, "send_to_player");
}

static ringcast_verdict on_send_to_group(void *context, ringcast_session *session, const ringcast_message *message)
{
	return on_send(session, message, "send_to_group");
}

static ringcast_verdict on_join(void *context, ringcast_session *session, int32_t group, int32_t peer)
{
	note("join %d by %d\n", group, peer);
	return game.group != NULL ? game.group(session, group, peer) : RINGCAST_ALLOW;
}

static ringcast_verdict on_leave(void *context, ringcast_session *session, int32_t group, int32_t peer)
{
	note("leave %d by %d\n", group, peer);
	return game.group != NULL ? game.group(session, group, peer) : RINGCAST_ALLOW;
}

static void on_tick(void *context, ringcast_session *session, uint64_t now_ns)
{
	cr_assert_eq(now_ns, ringcast_session_now_ns(session));
	if (game.tick != NULL)
		game.tick(session);
}

static void on_timer(void *context, ringcast_session *session, uint32_t timer, uint64_t now_ns)
{
	note("timer %u\n", timer);
	if (game.timer != NULL)
		game.timer(session, timer);
}

static ringcast_verdict on_health(void *context, ringcast_session *session)
{
	note("health\n");
	return game.health != NULL ? game.health(session) : RINGCAST_ALLOW;
}

static void on_terminate(void *context, ringcast_session *session, uint64_t deadline_ns)
{
	note("terminate %s\n", deadline_ns == UINT64_MAX ? "never" : "soon");
	if (game.terminate != NULL)
		game.terminate(session);
}

static ringcast_callbacks callbacks = {
	.size = sizeof(callbacks),
	.session_started = on_started,
	.session_ended = on_ended,
	.player_connect = on_connect,
	.player_accepted = on_accepted,
	.player_disconnected = on_disconnected,
	.message = on_message,
	.send_to_player = on_send_to_player,
	.send_to_group = on_send_to_group,
	.join_group = on_join,
	.leave_group = on_leave,
	.tick = on_tick,
	.health_check = on_health,
	.process_terminate = on_terminate,
	.timer = on_timer,
};

/* Clients */

static void hear(struct actor *actor, const char *format, ...)
{
	size_t size = strlen(actor->heard);
	va_list arguments;
	va_start(arguments, format);
	int more = vsnprintf(actor->heard + size, sizeof(actor->heard) - size, format, arguments);
	va_end(arguments);
	cr_assert(more >= 0 && (size_t)more < sizeof(actor->heard) - size);
}

static void on_client_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct actor *actor = context;
	actor->peer_id = peer_id;
}

static void on_client_fast(void *context, ringcast_client *client)
{
	struct actor *actor = context;
	actor->is_fast = true;
}

static void on_client_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	hear(context, "%d from %d '%.*s'\n", message->opcode, message->sender, (int)message->payload_bytes, (const char *)message->payload);
}

static void on_client_membership(void *context, ringcast_client *client, int32_t group, const int32_t *peer_ids, size_t peer_id_count)
{
	hear(context, "list %d:", group);
	for (size_t i = 0; i < peer_id_count; i++)
		hear(context, " %d", peer_ids[i]);
	hear(context, "\n");
}

static void on_client_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	struct actor *actor = context;
	actor->is_gone = true;
	actor->close_code = code;
	snprintf(actor->close_reason, sizeof(actor->close_reason), "%s", reason);
}

static const ringcast_client_callbacks client_callbacks = {
	.size = sizeof(client_callbacks),
	.connected = on_client_connected,
	.fast_ready = on_client_fast,
	.message = on_client_message,
	.membership = on_client_membership,
	.disconnected = on_client_disconnected,
};

void stage_poll(struct stage *stage, const char *condition)
{
	int polled_count = 0;
	for (int i = 0; i < ACTORS; i++)
		if (stage->actors[i].client != NULL && !stage->actors[i].is_gone)
			polled_count += ringcast_client_poll(stage->actors[i].client, polled_count == 0 ? POLL_MS : 0) >= 0;
	if (polled_count == 0)
		nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
	pthread_mutex_lock(&lock);
	cr_assert_lt(stage_patience++, PATIENCE_POLLS, "it never was so: %s; the log is\n%s", condition, text);
	pthread_mutex_unlock(&lock);
}

void stage_connect(struct stage *stage, int index, const char *player_id, const char *payload)
{
	struct actor *actor = &stage->actors[index];
	ringcast_client_options options = {.size = sizeof(options), .callbacks = &client_callbacks, .context = actor};
	char token[RINGCAST_ID_BYTES];
	ringcast_client_destroy(&actor->client);
	memset(actor, 0, sizeof(*actor));
	cr_assert_eq(ringcast_player_reserve(stage->engine, stage->session, player_id, "some data", token), RINGCAST_OK);
	cr_assert_eq(ringcast_client_create(&options, &actor->client), RINGCAST_CLIENT_OK);
	cr_assert_eq(ringcast_client_connect(actor->client, "127.0.0.1", ringcast_engine_tcp_port(stage->engine), token, payload, strlen(payload)),
		     RINGCAST_CLIENT_OK);
}

struct actor *stage_enter(struct stage *stage, int index, const char *payload)
{
	stage_connect(stage, index, NULL, payload);
	stage_until(stage, stage->actors[index].peer_id != 0 || stage->actors[index].is_gone);
	return &stage->actors[index];
}

void stage_say(struct stage *stage, int index, int32_t opcode, int32_t player, int32_t group, const char *words)
{
	cr_assert_eq(ringcast_client_send(stage->actors[index].client, opcode, player, group, RINGCAST_CLIENT_RELIABLE, words, strlen(words)),
		     RINGCAST_CLIENT_OK);
}

void stage_leave(struct stage *stage, int index)
{
	cr_assert_eq(ringcast_client_disconnect(stage->actors[index].client), RINGCAST_CLIENT_OK);
	stage_until(stage, stage->actors[index].is_gone);
}

bool stage_has_heard(const struct actor *actor, const char *line)
{
	return strstr(actor->heard, line) != NULL;
}

void stage_fence(struct stage *stage, int index)
{
	static int number;
	struct actor *actor = &stage->actors[index];
	char words[32], line[96];
	snprintf(words, sizeof(words), "fence %d", ++number);
	snprintf(line, sizeof(line), "%d from %d '%s'\n", FENCE_OPCODE, actor->peer_id, words);
	stage_say(stage, index, FENCE_OPCODE, actor->peer_id, 0, words);
	stage_until(stage, stage_has_heard(actor, line));
	*strstr(actor->heard, line) = '\0'; /* it is the last that came */
}

/* The engine */

void stage_start(struct stage *stage, const ringcast_engine_options *options, const ringcast_session_options *session)
{
	ringcast_session_options session_options = RINGCAST_SESSION_OPTIONS_INIT;
	char error[256] = "";
	memset(stage, 0, sizeof(*stage));
	stage->options = *options;
	if (stage->options.shard_count == 0)
		stage->options.shard_count = 1;
	callbacks.service_message = game.service_message != NULL ? on_service_message : NULL;
	callbacks.question_answered = game.question_answered != NULL ? on_question_answered : NULL;
	stage->options.callbacks = &callbacks;
	stage->options.context = &game;
	if (session != NULL)
		session_options = *session;
	session_options.name = "stage";
	cr_assert_eq(ringcast_engine_create(&stage->options, &stage->engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(stage->engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_session_create(stage->engine, &session_options, stage->session), RINGCAST_OK);
}

static void *halt(void *argument)
{
	struct stage *stage = argument;
	int result = ringcast_engine_stop(stage->engine, 5000);
	cr_assert(result == RINGCAST_OK || result == RINGCAST_ERROR_STATE);
	__atomic_store_n(&stage->is_halted, true, __ATOMIC_RELEASE);
	return NULL;
}

void stage_halt(struct stage *stage)
{
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, halt, stage), 0);
	stage_until(stage, __atomic_load_n(&stage->is_halted, __ATOMIC_ACQUIRE));
	cr_assert_eq(pthread_join(thread, NULL), 0);
}

void stage_stop(struct stage *stage)
{
	stage_halt(stage);
	for (int i = 0; i < ACTORS; i++)
		ringcast_client_destroy(&stage->actors[i].client);
	ringcast_engine_destroy(&stage->engine);
	cr_assert_null(stage->engine);
	cr_assert_eq(begun_count, ended_count);
}

ringcast_engine_options stage_small(void)
{
	return (ringcast_engine_options){.size = sizeof(ringcast_engine_options), .shard_count = 1};
}
