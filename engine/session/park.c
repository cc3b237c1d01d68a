#include "session/park.h"

#include "base/assert.h"
#include "session/admission.h"
#include "session/command.h"
#include "session/player.h"
#include "session/router.h"
#include "session/session_impl.h"
#include "session/snapshot.h"
#include "session/tap.h"

enum { TICKET_INDEX_BITS = 24 }; /* below the count of tickets: whose event it is, by its place in the slab */

enum parked_kind { PARKED_LOGIN, PARKED_PACKET, PARKED_COMMAND };

/* One player's make a queue; only the oldest may be waiting for an answer, the others wait behind it. */
struct parked {
	struct list_node runnable; /* session->runnable: the oldest, when it waits for nothing any more */
	struct timer timer;        /* of the answer */
	struct parked *next;
	struct parked *last; /* of the oldest: the youngest */
	struct buf *home;
	struct player *player;
	uint64_t ticket; /* 0: waits for no answer */
	uint32_t count;  /* of the oldest: of the whole queue */
	enum parked_kind kind;
	enum delivery_intent intent;
	unsigned allowed, asked;
	bool is_unknown; /* router.h */
	struct command *command;
	struct packet packet; /* its payload lies behind this struct */
};
static_assert(offsetof(struct buf, data) % _Alignof(struct parked) == 0, "a parked event may lie at the start of a buf");

/* Tickets */

uint64_t ringcast_park_ticket(struct session *session)
{
	ringcast_assert(session->is_asking);
	uint64_t index = session->asked != NULL ? ringcast_handle_index(session->asked->self) : 0;
	if (session->ticket == 0)
		session->ticket = ++session->ticket_count << TICKET_INDEX_BITS | index;
	return session->ticket;
}

/* The event that waits for ticket; NULL: none. */
static struct parked *find_asked(const struct session *session, uint64_t ticket)
{
	const struct store *store = session->store;
	uint32_t index = (uint32_t)ticket & ((1u << TICKET_INDEX_BITS) - 1);
	handle self;
	if (ticket == 0 || index >= store->players.capacity)
		return NULL;
	struct player *player = ringcast_slab_at(&store->players, index, &self);
	if (player == NULL || player->session != session || player->parked == NULL || player->parked->ticket != ticket)
		return NULL;
	return player->parked;
}

static void await_answer(struct parked *parked)
{
	struct session *session = parked->player->session;
	struct store *store = session->store;
	ringcast_assert(session->ticket != 0 && parked == parked->player->parked);
	parked->ticket = session->ticket;
	store->answers_awaited++;
	ringcast_timer_arm(store->options.wheel, &parked->timer, store->now_ns + session->answer_timeout_ms * NS_PER_MS);
}

/* A player's queue */

static enum drop_reason check_room(const struct player *player)
{
	const struct session *session = player->session;
	const struct session_limits *limits = session->store->options.limits;
	uint32_t count = player->parked != NULL ? player->parked->count : 0;
	bool is_full = count >= limits->parked_player_max || session->parked_count >= limits->parked_session_max;
	return is_full ? DROP_PARK_FULL : DROP_NONE;
}

static void queue_add(struct parked *parked)
{
	struct player *player = parked->player;
	struct parked *oldest = player->parked;
	if (oldest == NULL)
		oldest = player->parked = parked;
	else
		oldest->last->next = parked;
	oldest->last = parked;
	oldest->count++;
	player->session->parked_count++;
}

/* Takes the oldest out; the caller releases it. */
static void queue_pop(struct parked *parked)
{
	struct player *player = parked->player;
	struct session *session = player->session;
	ringcast_assert(player->parked == parked && session->parked_count > 0);
	ringcast_timer_cancel(session->store->options.wheel, &parked->timer);
	if (ringcast_list_has(&parked->runnable))
		ringcast_list_remove(&parked->runnable);
	player->parked = parked->next;
	session->parked_count--;
	if (parked->next == NULL)
		return;
	parked->next->last = parked->last;
	parked->next->count = parked->count - 1;
}

static enum drop_reason parked_create(struct player *player, enum parked_kind kind, size_t payload_bytes, struct parked **ret_parked)
{
	enum drop_reason reason = check_room(player);
	if (reason != DROP_NONE)
		return reason;
	struct buf *home = ringcast_buf_alloc_spare(player->session->store->options.pool, sizeof(struct parked) + payload_bytes);
	if (home == NULL)
		return DROP_NO_BUFFER;
	home->size = (uint32_t)(sizeof(struct parked) + payload_bytes);
	struct parked *parked = *ret_parked = (struct parked *)home->data;
	*parked = (struct parked){.timer.kind = SESSION_TIMER_PARKED, .home = home, .player = player, .kind = kind};
	queue_add(parked);
	return DROP_NONE;
}

/* Whatever comes next for this player waits for nothing any more, or for its answer. */
static void let_next_run(struct player *player)
{
	struct parked *parked = player->parked;
	if (parked != NULL && parked->ticket == 0 && !ringcast_list_has(&parked->runnable))
		ringcast_list_add_tail(&player->session->runnable, &parked->runnable);
}

/* Parking */

enum drop_reason ringcast_park_packet(const struct route *route)
{
	struct view payload = route->packet->payload;
	struct parked *parked;
	enum drop_reason reason = parked_create(route->player, PARKED_PACKET, payload.size, &parked);
	if (reason != DROP_NONE)
		return reason;
	parked->intent = route->intent;
	parked->allowed = route->allowed;
	parked->asked = route->asked;
	parked->is_unknown = route->is_unknown;
	parked->packet = *route->packet;
	parked->packet.payload.data = parked->home->data + sizeof(*parked);
	if (payload.size > 0)
		memcpy(parked->home->data + sizeof(*parked), payload.data, payload.size);
	if (route->asked != 0)
		await_answer(parked);
	else if (route->is_put_off)
		let_next_run(route->player);
	return DROP_NONE;
}

enum drop_reason ringcast_park_login(struct player *player)
{
	struct parked *parked;
	enum drop_reason reason = parked_create(player, PARKED_LOGIN, 0, &parked);
	if (reason != DROP_NONE)
		return reason;
	ringcast_player_await(player);
	await_answer(parked);
	return DROP_NONE;
}

enum drop_reason ringcast_park_command(struct player *player, struct command *command)
{
	struct parked *parked;
	ringcast_assert(player->is_waiting && player->parked != NULL);
	enum drop_reason reason = parked_create(player, PARKED_COMMAND, 0, &parked);
	if (reason == DROP_NONE)
		parked->command = command;
	return reason;
}

/* Going on */

static void count_drop(struct player *player, enum drop_reason reason)
{
	if (reason == DROP_NONE)
		return;
	player->drops++;
	ringcast_session_count_drops(player->session, reason, 1);
}

/* What becomes of it is decided. */
static void end_packet(struct parked *parked, enum drop_reason reason)
{
	struct player *player = parked->player;
	ringcast_tap_message(player->session, &parked->packet, parked->intent, reason);
	if (((parked->allowed | parked->asked) & QUESTION_SNAPSHOT) != 0)
		ringcast_snapshot_abandon(player, parked->packet.group); /* if it has not joined */
	queue_pop(parked);
	ringcast_buf_unref(parked->home);
	count_drop(player, reason);
}

/* It is its sender's doing, as if nobody had been asked. */
static enum drop_reason dispatch(struct route *route)
{
	const struct outbox *outbox = &route->player->session->store->options.outbox;
	if (outbox->blame == NULL)
		return ringcast_router_dispatch(route);
	void *before = outbox->blame(outbox->context, route->player->limb == 0 ? route->player->transport : NULL);
	enum drop_reason reason = ringcast_router_dispatch(route);
	outbox->blame(outbox->context, before);
	return reason;
}

static void run_packet(struct parked *parked)
{
	struct player *player = parked->player;
	struct route route = {.player = player, .packet = &parked->packet, .intent = parked->intent, .allowed = parked->allowed,
			      .is_unknown = parked->is_unknown};
	enum drop_reason reason = dispatch(&route);
	parked->allowed = route.allowed;
	parked->asked = route.asked;
	parked->is_unknown = route.is_unknown;
	if (route.asked != 0) {
		await_answer(parked);
		return;
	}
	if (!route.is_put_off) /* else it stays the next */
		end_packet(parked, reason);
}

static void run_command(struct parked *parked)
{
	struct player *player = parked->player;
	struct command *command = parked->command;
	queue_pop(parked); /* first: a kick discards the rest */
	ringcast_buf_unref(parked->home);
	ringcast_command_run(player->session, command);
}

bool ringcast_park_run_one(struct session *session)
{
	if (ringcast_list_is_empty(&session->runnable))
		return false;
	struct parked *parked = CONTAINER_OF(session->runnable.next, struct parked, runnable);
	struct player *player = parked->player;
	ringcast_assert(parked == player->parked && parked->ticket == 0);
	ringcast_list_remove(&parked->runnable);
	if (parked->kind == PARKED_COMMAND)
		run_command(parked);
	else
		run_packet(parked);
	let_next_run(player);
	return true;
}

/* Answers */

/* What the script is asked next about a login that it allows. True: it answers later. */
static bool is_asked_more(struct parked *parked, enum drop_reason *reason)
{
	struct player *player = parked->player;
	enum verdict verdict = VERDICT_ALLOW;
	enum drop_reason denied;
	if (*reason == DROP_NONE && !ringcast_snapshot_is_asked(player, PROTO_GROUP_ALL))
		verdict = ringcast_snapshot_ask(player, PROTO_GROUP_ALL, &denied);
	if (verdict == VERDICT_LATER)
		await_answer(parked);
	else if (verdict == VERDICT_DENY)
		*reason = denied;
	else if (*reason == DROP_NONE)
		*reason = ringcast_snapshot_check(player, PROTO_GROUP_ALL);
	return verdict == VERDICT_LATER;
}

static void answer_login(struct parked *parked, enum drop_reason reason)
{
	struct player *player = parked->player;
	if (is_asked_more(parked, &reason))
		return;
	queue_pop(parked);
	ringcast_buf_unref(parked->home);
	let_next_run(player);
	ringcast_admission_answered(player, reason);
}

static void answer_packet(struct parked *parked, enum drop_reason reason)
{
	struct player *player = parked->player;
	if (reason == DROP_NONE) {
		parked->allowed |= parked->asked;
		run_packet(parked);
	} else {
		end_packet(parked, reason);
	}
	let_next_run(player);
}

static void answer(struct parked *parked, enum drop_reason reason)
{
	parked->ticket = 0; /* whatever comes now stops the timer, or sets it anew */
	if (parked->kind == PARKED_LOGIN)
		answer_login(parked, reason);
	else
		answer_packet(parked, reason);
}

bool ringcast_park_settle(struct session *session, uint64_t ticket, enum verdict verdict)
{
	ringcast_assert(!session->is_in_hook);
	ringcast_assert(verdict == VERDICT_ALLOW || verdict == VERDICT_DENY);
	if (ticket != 0 && ticket == session->health_ticket) {
		ringcast_session_answer_health(session, verdict);
		return true;
	}
	struct parked *parked = find_asked(session, ticket);
	if (parked == NULL)
		return ringcast_snapshot_settle(session, ticket, verdict);
	answer(parked, verdict == VERDICT_ALLOW ? DROP_NONE : DROP_DENIED);
	return true;
}

bool ringcast_park_answer(struct session *session, uint64_t ticket, enum verdict verdict, uint64_t now_ns)
{
	session->store->now_ns = now_ns;
	if (!ringcast_park_settle(session, ticket, verdict))
		return false;
	ringcast_command_apply(session);
	return true;
}

void ringcast_park_tell_missed(struct session *session, uint64_t ticket, enum verdict verdict)
{
	if (session->hooks->answer_missed == NULL)
		return;
	ringcast_session_enter_hook(session);
	session->hooks->answer_missed(session->hooks_context, session, ticket, verdict);
	ringcast_session_leave_hook(session);
}

void ringcast_park_expire(struct timer *timer)
{
	struct parked *parked = CONTAINER_OF(timer, struct parked, timer);
	struct session *session = parked->player->session;
	session->store->answers_late++;
	ringcast_park_tell_missed(session, parked->ticket, session->is_late_allowed ? VERDICT_ALLOW : VERDICT_DENY);
	ringcast_command_snapshot_fail(session, parked->ticket); /* if it was asked for one: what it has said is not all */
	parked->is_unknown = true;
	answer(parked, session->is_late_allowed ? DROP_NONE : DROP_PARK_TIMEOUT);
	ringcast_command_apply(session);
}

/* A login that is lost is told by what lost it, a command is as if its player had never been there. */
void ringcast_park_discard(struct player *player)
{
	bool is_ending = player->session->state == SESSION_ENDED;
	if (!is_ending && player->parked != NULL && player->parked->ticket != 0)
		ringcast_park_tell_missed(player->session, player->parked->ticket, VERDICT_DENY);
	for (struct parked *parked; (parked = player->parked) != NULL;) {
		if (parked->kind == PARKED_PACKET) {
			end_packet(parked, is_ending ? DROP_SESSION_ENDED : DROP_PARK_LOST);
			continue;
		}
		queue_pop(parked);
		if (parked->kind == PARKED_COMMAND)
			ringcast_command_forget(player->session, parked->command, is_ending ? DROP_SESSION_ENDED : DROP_NO_TARGET);
		ringcast_buf_unref(parked->home);
	}
}
