#include "session/session.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/magic.h"
#include "session/alarm.h"
#include "session/command.h"
#include "session/id.h"
#include "session/owed.h"
#include "session/park.h"
#include "session/player.h"
#include "session/retained.h"
#include "session/session_impl.h"
#include "session/snapshot.h"
#include "session/tap.h"

static uint64_t deadline_after(const struct store *store, uint32_t delay_ms)
{
	return store->now_ns + delay_ms * NS_PER_MS;
}

/* 0: never. */
static uint32_t empty_timeout_ms(const struct session *session)
{
	if (session->empty_timeout_ms == UINT32_MAX)
		return 0;
	return session->empty_timeout_ms != 0 ? session->empty_timeout_ms : session->store->options.limits->empty_session_timeout_ms;
}

void ringcast_session_watch_empty(struct session *session)
{
	struct store *store = session->store;
	if (ringcast_session_is_limb(session)) /* which goes with its last player */
		return;
	bool is_empty = session->player_count == 0 && session->reserved_count == 0;
	uint32_t timeout_ms = empty_timeout_ms(session);
	if (session->state == SESSION_ACTIVE && is_empty && timeout_ms != 0)
		ringcast_timer_arm(store->options.wheel, &session->timer_empty, deadline_after(store, timeout_ms));
	else
		ringcast_timer_cancel(store->options.wheel, &session->timer_empty);
}

void ringcast_session_count_drops(struct session *session, enum drop_reason reason, uint64_t count)
{
	const struct outbox *outbox = &session->store->options.outbox;
	if (count == 0 || reason == DROP_NONE)
		return;
	session->drops += count;
	outbox->drop(outbox->context, reason, count);
}

static uint32_t players_max_of(const struct store *store, const struct session_options *options)
{
	uint32_t players_max = options->players_max != 0 ? options->players_max : SESSION_PLAYERS_DEFAULT;
	uint32_t bound = store->options.limits->players_per_session_max;
	return players_max < bound ? players_max : bound;
}

static void format_id(struct session *session)
{
	const struct store_options *options = &session->store->options;
	struct session_ref ref = {.shard_index = options->shard_index, .session = session->self};
	options->random(options->random_context, &ref.random, sizeof(ref.random));
	ref.random >>= 16;
	ringcast_id_format_session(&ref, session->id);
}

static size_t data_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/* text NULL: there is none, and *ret_copy says so. */
static bool text_copy(const char *text, char **ret_copy)
{
	size_t bytes = data_bytes(text);
	*ret_copy = bytes > 0 ? malloc(bytes) : NULL;
	if (*ret_copy != NULL)
		memcpy(*ret_copy, text, bytes);
	return bytes == 0 || *ret_copy != NULL;
}

static bool data_copy(struct session *session, const struct session_options *options)
{
	if (!text_copy(options->properties, &session->properties) || !text_copy(options->matchmaker_data, &session->matchmaker_data))
		return false;
	session->store->session_data_bytes += data_bytes(options->properties) + data_bytes(options->matchmaker_data);
	return true;
}

/* Names */

static handle *name_place(struct store *store, const char *name)
{
	return &store->names[ringcast_hash_bytes(name, strlen(name), store->id_seed) & store->names_mask];
}

struct session *ringcast_session_find_name(struct store *store, const char *name)
{
	handle at = name[0] != '\0' ? *name_place(store, name) : HANDLE_NONE;
	while (at != HANDLE_NONE) {
		struct session *session = ringcast_slab_find(&store->sessions, at);
		if (strcmp(session->name, name) == 0)
			return session;
		at = session->name_next;
	}
	return NULL;
}

static void hold_name(struct session *session)
{
	struct store *store = session->store;
	handle *at = name_place(store, session->name);
	session->name_next = HANDLE_NONE;
	if (session->name[0] == '\0')
		return;
	while (*at != HANDLE_NONE)
		at = &((struct session *)ringcast_slab_find(&store->sessions, *at))->name_next;
	*at = session->self;
}

static void drop_name(struct session *session)
{
	struct store *store = session->store;
	handle *at = name_place(store, session->name);
	if (session->name[0] == '\0')
		return;
	while (*at != session->self)
		at = &((struct session *)ringcast_slab_find(&store->sessions, *at))->name_next;
	*at = session->name_next;
}

/* What can fail. */
static struct session *session_create(struct store *store, const struct session_options *options)
{
	handle self;
	struct session *session = ringcast_slab_alloc(&store->sessions, &self);
	if (session == NULL)
		return NULL;
	session->magic = SESSION_MAGIC;
	session->store = store;
	session->self = self;
	session->players_max = players_max_of(store, options);
	session->players = calloc(session->players_max, sizeof(struct player *));
	if (session->players != NULL && data_copy(session, options))
		return session;
	free(session->properties);
	free(session->matchmaker_data);
	free(session->players);
	ringcast_slab_free(&store->sessions, self);
	return NULL;
}

void ringcast_session_init_lists(struct session *session)
{
	ringcast_list_init(&session->reserved);
	ringcast_list_init(&session->groups);
	ringcast_list_init(&session->commands);
	ringcast_list_init(&session->alarms);
	ringcast_list_init(&session->runnable);
	ringcast_list_init(&session->debts);
	ringcast_list_init(&session->joiners);
	ringcast_list_init(&session->retained);
	session->timer_empty.kind = SESSION_TIMER_EMPTY;
	session->timer_tick.kind = SESSION_TIMER_TICK;
	session->timer_health.kind = SESSION_TIMER_HEALTH;
	session->timer_terminate.kind = SESSION_TIMER_TERMINATE;
	session->timer_activation.kind = SESSION_TIMER_ACTIVATION;
	session->timer_lists.kind = SESSION_TIMER_LISTS;
}

/* The limit bounds what a session says. */
static uint32_t resume_window_of(uint32_t said_ms, uint32_t limit_ms)
{
	if (said_ms == UINT32_MAX)
		return 0;
	return said_ms == 0 || said_ms > limit_ms ? limit_ms : said_ms;
}

static void session_init(struct session *session, const struct session_options *options)
{
	struct store *store = session->store;
	const struct session_limits *limits = store->options.limits;
	bool has_hooks = options->hooks != NULL;
	format_id(session);
	if (options->name != NULL)
		memcpy(session->name, options->name, strlen(options->name) + 1);
	session->state = SESSION_ACTIVE;
	session->peer_id_next = 1;
	session->ping_interval_ms = options->ping_interval_ms != 0 ? options->ping_interval_ms : limits->ping_interval_ms;
	session->tick_interval_ms = options->tick_interval_ms;
	session->empty_timeout_ms = options->empty_timeout_ms;
	session->resume_window_ms = resume_window_of(options->resume_window_ms, limits->resume_window_ms);
	session->answer_timeout_ms = options->answer_timeout_ms != 0 ? options->answer_timeout_ms : limits->answer_timeout_ms;
	session->is_late_allowed = options->is_late_allowed;
	session->spread_mode = options->spread != SPREAD_DEFAULT ? (uint8_t)options->spread : limits->spread_mode;
	session->activation_timeout_ms = options->activation_timeout_ms != 0 ? options->activation_timeout_ms : limits->activation_timeout_ms;
	session->created_ns = store->now_ns;
	session->hooks = has_hooks ? options->hooks : &store->hooks;
	session->hooks_context = has_hooks ? options->hooks_context : store->options.hooks_context;
	ringcast_session_init_lists(session);
	hold_name(session);
}

static void arm_health(struct session *session)
{
	struct store *store = session->store;
	uint32_t interval_ms = store->options.limits->health_interval_ms;
	if (interval_ms != 0 && session->hooks->health_check != NULL)
		ringcast_timer_arm(store->options.wheel, &session->timer_health, deadline_after(store, interval_ms));
}

void ringcast_session_tell(struct session *session, enum session_change_kind kind, const struct player *player, enum close_reason reason)
{
	const struct store_options *options = &session->store->options;
	if (ringcast_session_is_limb(session)) /* home tells */
		return;
	struct session_change change = {kind, ++session->change_count, session, player, reason};
	if (options->change != NULL)
		options->change(options->change_context, &change);
	if ((kind == CHANGE_SESSION_STARTED || kind == CHANGE_SESSION_ENDED) && options->outbox.session_changed != NULL)
		options->outbox.session_changed(options->outbox.context, session, kind == CHANGE_SESSION_ENDED);
}

bool ringcast_session_resize(struct session *session, uint32_t players_max)
{
	if (players_max == 0 || players_max == session->players_max)
		return true;
	if (players_max < session->player_count + session->reserved_count)
		return false;
	struct player **grown = reallocarray(session->players, players_max, sizeof(struct player *));
	if (grown == NULL)
		return false;
	session->players = grown;
	session->players_max = players_max;
	ringcast_home_spread(session); /* or it stays pinned: whoever is in stays where it is either way */
	return true;
}

void ringcast_session_hold_up(struct session *session)
{
	struct store *store = session->store;
	ringcast_assert(session->is_starting && session->state == SESSION_ACTIVE);
	if (session->is_activating)
		return;
	session->is_activating = true;
	if (session->activation_timeout_ms != 0)
		ringcast_timer_arm(store->options.wheel, &session->timer_activation, deadline_after(store, session->activation_timeout_ms));
}

void ringcast_session_start_done(struct session *session, uint64_t now_ns)
{
	session->store->now_ns = now_ns;
	if (session->state == SESSION_ENDED || !session->is_activating)
		return;
	session->is_activating = false;
	ringcast_timer_cancel(session->store->options.wheel, &session->timer_activation);
	ringcast_session_tell(session, CHANGE_SESSION_ACTIVE, NULL, CLOSE_NONE);
}

static void ask_started(struct session *session)
{
	if (session->hooks->session_started == NULL)
		return;
	session->is_starting = true;
	ringcast_session_enter_hook(session);
	session->hooks->session_started(session->hooks_context, session);
	ringcast_session_leave_hook(session);
	session->is_starting = false;
	ringcast_command_apply(session);
}

static void session_start(struct session *session)
{
	struct store *store = session->store;
	store->sessions_created++;
	RINGCAST_TRACE(SESSION_OPEN, (uintptr_t)session->id, session->self, 0);
	ringcast_session_tell(session, CHANGE_SESSION_STARTED, NULL, CLOSE_NONE);
	ringcast_session_watch_empty(session);
	arm_health(session);
	if (session->tick_interval_ms != 0 && session->hooks->tick != NULL) {
		session->tick_deadline_ns = deadline_after(store, session->tick_interval_ms);
		ringcast_timer_arm(store->options.wheel, &session->timer_tick, session->tick_deadline_ns);
	}
	ask_started(session);
	if (session->state == SESSION_ACTIVE && !session->is_activating)
		ringcast_session_tell(session, CHANGE_SESSION_ACTIVE, NULL, CLOSE_NONE);
}

static bool is_oversize(const char *text, size_t bytes_max)
{
	return text != NULL && strnlen(text, bytes_max) == bytes_max;
}

static bool is_data_full(const struct store *store, const struct session_options *options)
{
	size_t bytes = data_bytes(options->properties) + data_bytes(options->matchmaker_data);
	return bytes > 0 && store->session_data_bytes + bytes > store->options.limits->session_data_bytes;
}

enum drop_reason ringcast_session_open(struct store *store, const struct session_options *options, uint64_t now_ns, struct session **ret_session)
{
	store->now_ns = now_ns;
	if (store->is_draining)
		return DROP_DRAINING;
	if (is_oversize(options->name, SESSION_NAME_BYTES) || is_oversize(options->properties, SESSION_PROPERTIES_BYTES_MAX) ||
	    is_oversize(options->matchmaker_data, SESSION_MATCHMAKER_BYTES_MAX))
		return DROP_OVERSIZE;
	if (store->sessions.count - store->limb_count == store->options.sessions_max)
		return DROP_SESSION_FULL;
	if (is_data_full(store, options))
		return DROP_SESSION_DATA;
	struct session *session = session_create(store, options);
	if (session == NULL)
		return DROP_NO_BUFFER;
	session_init(session, options);
	ringcast_home_spread(session); /* or it is pinned, for want of memory */
	*ret_session = session;
	session_start(session);
	return DROP_NONE;
}

static void ask_ended(struct session *session)
{
	if (session->hooks->session_ended == NULL)
		return;
	ringcast_session_enter_hook(session);
	session->hooks->session_ended(session->hooks_context, session, (enum close_reason)session->close_reason);
	ringcast_session_leave_hook(session);
}

/* The last one first, so that nobody has to move up. */
static void everyone_leaves(struct session *session)
{
	enum close_reason reason = (enum close_reason)session->close_reason;
	while (session->player_count > 0)
		ringcast_player_expel(session->players[session->player_count - 1], reason, NULL);
	while (!ringcast_list_is_empty(&session->reserved))
		ringcast_player_release(CONTAINER_OF(session->reserved.next, struct player, node), PLAYER_COMPLETED, reason);
}

static void timers_cancel(struct session *session)
{
	struct timer_wheel *wheel = session->store->options.wheel;
	ringcast_timer_cancel(wheel, &session->timer_empty);
	ringcast_timer_cancel(wheel, &session->timer_tick);
	ringcast_timer_cancel(wheel, &session->timer_health);
	ringcast_timer_cancel(wheel, &session->timer_terminate);
	ringcast_timer_cancel(wheel, &session->timer_activation);
}

void ringcast_session_end_now(struct session *session, enum close_reason reason, uint64_t now_ns)
{
	struct store *store = session->store;
	ringcast_assert(!session->is_in_hook);
	store->now_ns = now_ns;
	ringcast_assert(!ringcast_session_is_limb(session));
	if (session->state == SESSION_ENDED)
		return;
	RINGCAST_TRACE(SESSION_END, (uintptr_t)session->id, session->self, reason);
	session->state = SESSION_ENDED; /* from here on nothing new begins: commands of the hooks below are refused */
	session->close_reason = (uint8_t)reason;
	drop_name(session);
	ringcast_command_discard(session, DROP_SESSION_ENDED);
	ringcast_alarm_discard_all(session);
	everyone_leaves(session);
	ringcast_owed_discard(session);
	ringcast_retained_free(session);
	ask_ended(session);
	ringcast_session_tell(session, CHANGE_SESSION_ENDED, NULL, reason);
	timers_cancel(session);
	ringcast_taps_end(session);
	ringcast_assert(ringcast_list_is_empty(&session->groups) && session->group_count == 0);
	ringcast_assert(ringcast_list_is_empty(&session->commands) && session->command_count == 0);
	ringcast_assert(ringcast_list_is_empty(&session->runnable) && session->parked_count == 0);
	ringcast_assert(ringcast_list_is_empty(&session->joiners) && session->joiner_count == 0 && session->joiner_bytes == 0);
	ringcast_list_add_tail(&store->graveyard_sessions, &session->node);
	store->spread_count -= session->spread != NULL;
	store->sessions_ended++;
}

struct session *ringcast_session_find(struct store *store, const char *id)
{
	struct session_ref ref;
	struct view text = ringcast_view_of(id, strnlen(id, SESSION_ID_BYTES));
	if (!ringcast_id_parse_session(text, &ref) || ref.host_index != ID_HOST_HERE || ref.shard_index != store->options.shard_index)
		return NULL;
	struct session *session = ringcast_slab_find(&store->sessions, ref.session);
	if (session == NULL || session->state == SESSION_ENDED || memcmp(session->id, id, text.size) != 0)
		return NULL;
	return session;
}

/* Fixed rate: late ticks do not shift the ones to come, and ticks missed wholly are not made up for. */
static void expire_tick(struct session *session, uint64_t now_ns)
{
	uint64_t interval_ns = session->tick_interval_ms * NS_PER_MS, wait_ns = ringcast_session_wait_ns(session);
	if (wait_ns != 0) {
		ringcast_timer_arm(session->store->options.wheel, &session->timer_tick, now_ns + wait_ns);
		return;
	}
	session->tick_deadline_ns += interval_ns;
	if (session->tick_deadline_ns <= now_ns)
		session->tick_deadline_ns = now_ns + interval_ns;
	ringcast_timer_arm(session->store->options.wheel, &session->timer_tick, session->tick_deadline_ns);
	ringcast_session_enter_hook(session);
	session->hooks->tick(session->hooks_context, session, now_ns);
	ringcast_session_leave_hook(session);
	ringcast_command_apply(session);
}

/* Nobody else notices that a session is sick: it is ended when it has said so often enough, as GameLift ends such a process. */
static void count_health(struct session *session, bool is_healthy)
{
	uint32_t failures_max = session->store->options.limits->health_failures_max;
	session->health_failures = is_healthy ? 0 : session->health_failures + 1;
	if (failures_max != 0 && session->health_failures >= failures_max)
		ringcast_session_end_now(session, CLOSE_UNHEALTHY, session->store->now_ns);
}

void ringcast_session_answer_health(struct session *session, enum verdict verdict)
{
	session->health_ticket = verdict == VERDICT_LATER ? session->ticket : 0;
	if (verdict != VERDICT_LATER)
		count_health(session, verdict == VERDICT_ALLOW);
}

static void ask_health(struct session *session)
{
	ringcast_session_enter_question(session, NULL);
	enum verdict verdict = session->hooks->health_check(session->hooks_context, session);
	ringcast_session_leave_question(session, verdict);
	ringcast_session_answer_health(session, verdict);
}

/* A script that has not answered when the next check is due counts as failed. */
static void expire_health(struct session *session)
{
	arm_health(session);
	if (session->health_ticket != 0)
		ringcast_session_answer_health(session, VERDICT_DENY);
	if (session->state == SESSION_ACTIVE)
		ask_health(session);
	ringcast_command_apply(session);
}

void ringcast_session_ask_to_end(struct session *session, uint64_t deadline_ns, uint64_t now_ns)
{
	struct store *store = session->store;
	ringcast_assert(!session->is_in_hook);
	store->now_ns = now_ns;
	if (session->state == SESSION_ENDED)
		return;
	if (deadline_ns != UINT64_MAX)
		ringcast_timer_arm(store->options.wheel, &session->timer_terminate, deadline_ns);
	if (session->is_terminating || session->hooks->terminate == NULL)
		return;
	session->is_terminating = true;
	ringcast_session_enter_hook(session);
	session->hooks->terminate(session->hooks_context, session, deadline_ns);
	ringcast_session_leave_hook(session);
	ringcast_command_apply(session);
}

void ringcast_session_resume(struct session *session)
{
	if (session->state == SESSION_ENDED)
		return;
	ringcast_timer_cancel(session->store->options.wheel, &session->timer_terminate);
	session->is_terminating = false;
}

const char *ringcast_session_get_properties(const struct session *session)
{
	return session->properties != NULL ? session->properties : "";
}

const char *ringcast_session_get_matchmaker_data(const struct session *session)
{
	return session->matchmaker_data != NULL ? session->matchmaker_data : "";
}

void ringcast_session_expire(struct store *store, struct timer *timer, uint64_t now_ns)
{
	store->now_ns = now_ns;
	switch (timer->kind) {
	case SESSION_TIMER_RESERVATION:
		ringcast_player_release(CONTAINER_OF(timer, struct player, timer), PLAYER_TIMEDOUT, CLOSE_LOGIN_TIMEOUT);
		store->reservations_timedout++;
		return;
	case SESSION_TIMER_EMPTY:
		ringcast_session_end_now(CONTAINER_OF(timer, struct session, timer_empty), CLOSE_IDLE, now_ns);
		return;
	case SESSION_TIMER_TICK:
		expire_tick(CONTAINER_OF(timer, struct session, timer_tick), now_ns);
		return;
	case SESSION_TIMER_HEALTH:
		expire_health(CONTAINER_OF(timer, struct session, timer_health));
		return;
	case SESSION_TIMER_TERMINATE:
		ringcast_session_end_now(CONTAINER_OF(timer, struct session, timer_terminate), CLOSE_SHUTDOWN, now_ns);
		return;
	case SESSION_TIMER_ACTIVATION:
		ringcast_session_end_now(CONTAINER_OF(timer, struct session, timer_activation), CLOSE_ACTIVATION, now_ns);
		return;
	case SESSION_TIMER_LISTS:
		ringcast_owed_expire(CONTAINER_OF(timer, struct session, timer_lists));
		return;
	case SESSION_TIMER_ALARM:
		ringcast_alarm_expire(timer, now_ns);
		return;
	case SESSION_TIMER_PARKED:
		ringcast_park_expire(timer);
		return;
	case SESSION_TIMER_JOINER:
		ringcast_snapshot_expire(timer);
		return;
	default:
		ringcast_unreachable("timer of another layer");
	}
}
