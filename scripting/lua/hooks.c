/* The session's questions, put to its script. */
#include <string.h>

#include "scripting/lua/lua_private.h"
#include "scripting/lua/watch.h"

/* All that any callback is about; the push functions take what they need. */
struct event {
	enum script_callback callback;
	struct player *player;
	const struct packet *packet;
	struct view payload;
	int32_t group;
	uint64_t now_ns;
};

static const char *name_of(enum script_callback callback)
{
	return ringcast_script_callback_name(callback);
}

/* Arguments */

static int push_connect_message(lua_State *state, const struct event *event)
{
	lua_createtable(state, 0, 3);
	lua_pushlstring(state, event->payload.size > 0 ? (const char *)event->payload.data : "", event->payload.size);
	lua_setfield(state, -2, "payload");
	lua_pushinteger(state, event->player->peer_id);
	lua_setfield(state, -2, "peerId");
	ringcast_lua_push_player(state, event->player);
	lua_setfield(state, -2, "player");
	return 1;
}

static void push_words(lua_State *state, const char *text)
{
	static const char blanks[] = " \t\r\n";
	lua_newtable(state);
	for (int i = 1;; i++) {
		text += strspn(text, blanks);
		size_t size = strcspn(text, blanks);
		if (size == 0)
			return;
		lua_pushlstring(state, text, size);
		lua_rawseti(state, -2, i);
		text += size;
	}
}

static int push_arguments(lua_State *state, const struct event *event)
{
	switch (event->callback) {
	case SCRIPT_CALLBACK_INIT:
		lua_rawgeti(state, LUA_REGISTRYINDEX, REF_SESSION);
		return 1;
	case SCRIPT_CALLBACK_PROCESS_STARTED:
		push_words(state, ringcast_lua_self(state)->program->host->arguments);
		return 1;
	case SCRIPT_CALLBACK_START_GAME_SESSION:
		ringcast_lua_push_game_session(state);
		return 1;
	case SCRIPT_CALLBACK_HEALTH_CHECK:
	case SCRIPT_CALLBACK_PROCESS_TERMINATE:
		return 0;
	case SCRIPT_CALLBACK_PLAYER_CONNECT:
		return push_connect_message(state, event);
	case SCRIPT_CALLBACK_PLAYER_ACCEPTED:
		ringcast_lua_push_player(state, event->player);
		return 1;
	case SCRIPT_CALLBACK_PLAYER_DISCONNECT:
	case SCRIPT_CALLBACK_PLAYER_DROPPED:
	case SCRIPT_CALLBACK_PLAYER_RESUMED:
		lua_pushinteger(state, event->player->peer_id);
		return 1;
	case SCRIPT_CALLBACK_MESSAGE:
	case SCRIPT_CALLBACK_SERVICE_MESSAGE:
	case SCRIPT_CALLBACK_SEND_TO_PLAYER:
	case SCRIPT_CALLBACK_SEND_TO_GROUP:
		ringcast_lua_push_packet(state, event->packet);
		return 1;
	case SCRIPT_CALLBACK_JOIN_GROUP:
	case SCRIPT_CALLBACK_LEAVE_GROUP:
	case SCRIPT_CALLBACK_SNAPSHOT:
		lua_pushinteger(state, event->group);
		lua_pushinteger(state, event->player->peer_id);
		return 2;
	case SCRIPT_CALLBACK_TICK:
		lua_pushnumber(state, (lua_Number)event->now_ns / (lua_Number)NS_PER_MS);
		return 1;
	case SCRIPT_CALLBACK_COUNT:
		break;
	}
	ringcast_unreachable("callback");
}

static int push_event(lua_State *state, void *context)
{
	const struct event *event = context;
	if (!ringcast_lua_push_callback(state, event->callback))
		return -1;
	return push_arguments(state, event);
}

/* Calling */

static void tell(struct session *session, struct event *event)
{
	struct lua_session *self = session->user;
	if (self != NULL && ringcast_lua_call(self, name_of(event->callback), push_event, event) == CALL_DONE)
		lua_pop(self->state, 1);
}

/* The callback's result is on the stack. Nothing counts as false, as it does in JavaScript; mostly it is a forgotten return. */
static enum verdict take_verdict(struct lua_session *self, enum script_callback callback)
{
	bool is_yes = lua_toboolean(self->state, -1), is_nil = lua_isnil(self->state, -1);
	lua_pop(self->state, 1);
	if (is_nil && (self->nil_said & 1u << callback) == 0) {
		self->nil_said |= 1u << callback;
		ringcast_lua_log(self, SCRIPT_WARN, "%s returned nothing, which counts as false (said once)", name_of(callback));
	}
	return is_yes ? VERDICT_ALLOW : VERDICT_DENY;
}

/* An absent callback allows; one that failed says what the limits say. */
static enum verdict ask(struct session *session, struct event *event)
{
	struct lua_session *self = session->user;
	if (self == NULL)
		return VERDICT_DENY;
	switch (ringcast_lua_call(self, name_of(event->callback), push_event, event)) {
	case CALL_NOTHING:
		return VERDICT_ALLOW;
	case CALL_FAILED:
		return self->limits->on_error == SCRIPT_FAILURE_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
	case CALL_DONE:
		return take_verdict(self, event->callback);
	}
	ringcast_unreachable("call result");
}

/* Only a plain false is no: many scripts return nothing here. */
static bool is_started(struct lua_session *self)
{
	struct event event = {.callback = SCRIPT_CALLBACK_PROCESS_STARTED};
	if (ringcast_lua_call(self, name_of(event.callback), push_event, &event) != CALL_DONE)
		return true;
	bool is_no = lua_isboolean(self->state, -1) && !lua_toboolean(self->state, -1);
	lua_pop(self->state, 1);
	return !is_no;
}

/* Life of a session */

/* Without these three a session has no game: what fails here ends it, whatever the limits say of errors. */
static void begin(struct session *session, struct lua_session *self)
{
	struct event event = {0};
	uint32_t error_count = self->error_count;
	if (ringcast_lua_call(self, "loading the script", ringcast_lua_push_main, NULL) == CALL_DONE)
		lua_pop(self->state, 1);
	event.callback = SCRIPT_CALLBACK_INIT;
	if (self->error_count == error_count)
		tell(session, &event);
	if (self->error_count == error_count && !is_started(self)) {
		ringcast_lua_kill(self, "onProcessStarted said no");
		return;
	}
	event.callback = SCRIPT_CALLBACK_START_GAME_SESSION;
	if (self->error_count == error_count)
		tell(session, &event);
	if (self->error_count != error_count)
		ringcast_lua_kill(self, "its script failed to start");
}

static void on_session_started(void *context, struct session *session)
{
	struct lua_program *program = context;
	const struct script_environment *environment = program->host->environment;
	static const char text[] = "no memory for the session's Lua state";
	program->program.session_count++;
	struct lua_session *self = ringcast_lua_open(program, session, environment->limits);
	session->user = self;
	if (self != NULL) {
		begin(session, self);
		return;
	}
	environment->log(environment->context, session, SCRIPT_FATAL, text, sizeof(text) - 1);
	environment->count(environment->context, SCRIPT_COUNT_OUT_OF_MEMORY);
	ringcast_command_fail(session);
}

static void on_session_ended(void *context, struct session *session, enum close_reason reason)
{
	struct lua_program *program = context;
	struct lua_session *self = session->user;
	ringcast_assert(program->program.session_count > 0);
	program->program.session_count--;
	session->user = NULL;
	if (program->host->watch != NULL)
		ringcast_lua_watch_forget(program->host->watch);
	ringcast_lua_close(&self);
}

static enum verdict on_health_check(void *context, struct session *session)
{
	return ask(session, &(struct event){.callback = SCRIPT_CALLBACK_HEALTH_CHECK});
}

static void on_terminate(void *context, struct session *session, uint64_t deadline_ns)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_PROCESS_TERMINATE});
}

/* Players */

static enum verdict on_player_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	struct lua_session *self = session->user;
	struct event event = {.callback = SCRIPT_CALLBACK_PLAYER_CONNECT, .player = player, .payload = payload};
	enum verdict verdict = ask(session, &event);
	if (verdict == VERDICT_DENY && self != NULL && !self->is_finished)
		ringcast_lua_forget_player(self->state, player->peer_id); /* nobody will tell of its leaving */
	return verdict;
}

static void on_player_accepted(void *context, struct session *session, struct player *player)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_PLAYER_ACCEPTED, .player = player});
}

static void on_player_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	struct lua_session *self = session->user;
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_PLAYER_DISCONNECT, .player = player});
	if (self != NULL && !self->is_finished)
		ringcast_lua_forget_player(self->state, player->peer_id);
}

static void on_player_dropped(void *context, struct session *session, struct player *player)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_PLAYER_DROPPED, .player = player});
}

static void on_player_resumed(void *context, struct session *session, struct player *player)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_PLAYER_RESUMED, .player = player});
}

/* Messages and groups */

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_MESSAGE, .packet = packet});
}

static bool on_service_message(void *context, struct session *session, const struct packet *packet)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_SERVICE_MESSAGE, .packet = packet});
	return true;
}

static void on_question_answered(void *context, struct session *session, uint32_t number, struct view json)
{
	if (session->user != NULL)
		ringcast_lua_answer(session->user, number, json);
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	return ask(session, &(struct event){.callback = SCRIPT_CALLBACK_SEND_TO_PLAYER, .packet = packet});
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	return ask(session, &(struct event){.callback = SCRIPT_CALLBACK_SEND_TO_GROUP, .packet = packet});
}

static enum verdict on_join_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ask(session, &(struct event){.callback = SCRIPT_CALLBACK_JOIN_GROUP, .player = player, .group = group});
}

static enum verdict on_leave_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ask(session, &(struct event){.callback = SCRIPT_CALLBACK_LEAVE_GROUP, .player = player, .group = group});
}

/* Snapshots */

/* The message at the top of the stack, which stays there. NO_TARGET: it is none. */
static enum drop_reason say(struct lua_session *self)
{
	struct packet packet;
	if (!ringcast_lua_try_message(self->state, lua_gettop(self->state), &packet))
		return DROP_NO_TARGET;
	const struct outbox *outbox = &self->session->store->options.outbox;
	enum drop_reason reason = ringcast_command_snapshot(self->session, 0, &packet);
	if (reason != DROP_NONE)
		outbox->drop(outbox->context, reason, 1);
	return reason;
}

/* Up to the first one that is not taken: then there is no snapshot. */
static enum drop_reason say_each(struct lua_session *self)
{
	lua_State *state = self->state;
	size_t count = lua_objlen(state, -1);
	enum drop_reason reason = DROP_NONE;
	for (size_t i = 1; reason == DROP_NONE && i <= count; i++) {
		lua_rawgeti(state, -1, (int)i);
		reason = say(self);
		lua_pop(state, 1);
	}
	return reason;
}

/* The join is refused then, whatever the verdict. */
static bool is_full(enum drop_reason reason)
{
	return reason == DROP_SNAPSHOT_FULL || reason == DROP_NO_BUFFER;
}

/* A message, an array of them, or nothing. Read without metamethods, and so without anything that may raise. */
static enum verdict take_snapshot(struct lua_session *self)
{
	lua_State *state = self->state;
	enum drop_reason reason = !lua_toboolean(state, -1) ? DROP_NONE : lua_istable(state, -1) ? say_each(self) : say(self);
	lua_pop(state, 1);
	if (reason == DROP_NONE || is_full(reason))
		return VERDICT_ALLOW;
	ringcast_command_snapshot_fail(self->session, 0);
	ringcast_lua_blame(self, "onSnapshot returned something else than a message or an array of messages of its own that a game may send");
	return self->limits->on_error == SCRIPT_FAILURE_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
}

static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	struct lua_session *self = session->user;
	struct event event = {.callback = SCRIPT_CALLBACK_SNAPSHOT, .player = player, .group = group};
	if (self == NULL)
		return VERDICT_DENY;
	enum lua_call_result result = ringcast_lua_call(self, name_of(event.callback), push_event, &event);
	if (result == CALL_DONE)
		return take_snapshot(self);
	if (result == CALL_FAILED)
		ringcast_command_snapshot_fail(session, 0);
	return result == CALL_NOTHING || self->limits->on_error == SCRIPT_FAILURE_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
}

/* Time */

static void on_tick(void *context, struct session *session, uint64_t now_ns)
{
	tell(session, &(struct event){.callback = SCRIPT_CALLBACK_TICK, .now_ns = now_ns});
}

static void on_timer(void *context, struct session *session, uint32_t timer, uint64_t now_ns)
{
	if (session->user != NULL)
		ringcast_lua_expire(session->user, timer, now_ns);
}

/* Callbacks that the script lacks stay NULL and cost nothing. player_disconnected is always there: it forgets the player. */
struct hooks ringcast_lua_hooks(uint32_t callbacks)
{
#define IF(name, function) (callbacks & (1u << SCRIPT_CALLBACK_##name)) ? (function) : NULL
	return (struct hooks){
		.session_started = on_session_started,
		.session_ended = on_session_ended,
		.health_check = IF(HEALTH_CHECK, on_health_check),
		.terminate = IF(PROCESS_TERMINATE, on_terminate),
		.player_connect = IF(PLAYER_CONNECT, on_player_connect),
		.player_accepted = IF(PLAYER_ACCEPTED, on_player_accepted),
		.player_disconnected = on_player_disconnected,
		.player_dropped = IF(PLAYER_DROPPED, on_player_dropped),
		.player_resumed = IF(PLAYER_RESUMED, on_player_resumed),
		.message = IF(MESSAGE, on_message),
		.service_message = IF(SERVICE_MESSAGE, on_service_message),
		.question_answered = on_question_answered,
		.send_to_player = IF(SEND_TO_PLAYER, on_send_to_player),
		.send_to_group = IF(SEND_TO_GROUP, on_send_to_group),
		.join_group = IF(JOIN_GROUP, on_join_group),
		.leave_group = IF(LEAVE_GROUP, on_leave_group),
		.snapshot = IF(SNAPSHOT, on_snapshot),
		.tick = IF(TICK, on_tick),
		.timer = on_timer,
	};
#undef IF
}
