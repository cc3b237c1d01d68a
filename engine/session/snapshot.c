#include "session/snapshot.h"

#include "base/assert.h"
#include "session/command.h"
#include "session/group.h"
#include "session/kept.h"
#include "session/park.h"
#include "session/session_impl.h"

/* A join that the script is asked about, from the question to the join. Found by a walk, hence parked_session_max. */
struct joiner {
	struct list_node node; /* session->joiners */
	struct timer timer;    /* of the answer to a join that the script commanded */
	struct buf *home;
	struct player *player;
	int32_t group;
	enum drop_reason spoiled; /* a part of it could not be kept, for this reason: it will not join; NONE: all could */
	bool is_missed;		  /* its script failed to make it, or took too long: it joins with what is held and nothing else, if at all */
	bool is_commanded;	  /* else a packet or a login waits for the answer (park.h) */
	uint64_t ticket; /* 0: not given yet, or answered */
	struct kept_list snapshot, held;
};
static_assert(offsetof(struct buf, data) % _Alignof(struct joiner) == 0, "a joiner may lie at the start of a buf");

static struct joiner *joiner_at(const struct list_node *node)
{
	return CONTAINER_OF(node, struct joiner, node);
}

static struct joiner *find(const struct player *player, int32_t group)
{
	const struct session *session = player->session;
	if (LIKELY(session->joiner_count == 0))
		return NULL;
	for (struct list_node *node = session->joiners.next; node != &session->joiners; node = node->next)
		if (joiner_at(node)->player == player && joiner_at(node)->group == group)
			return joiner_at(node);
	return NULL;
}

static enum drop_reason create(struct player *player, int32_t group, struct joiner **ret_joiner)
{
	struct session *session = player->session;
	if (session->joiner_count >= session->store->options.limits->parked_session_max)
		return DROP_PARK_FULL;
	struct buf *home = ringcast_buf_alloc_spare(session->store->options.pool, sizeof(struct joiner));
	if (home == NULL)
		return DROP_NO_BUFFER;
	struct joiner *joiner = *ret_joiner = (struct joiner *)home->data;
	home->size = sizeof(*joiner);
	*joiner = (struct joiner){.timer.kind = SESSION_TIMER_JOINER, .home = home, .player = player, .group = group};
	ringcast_list_add_tail(&session->joiners, &joiner->node);
	session->joiner_count++;
	return DROP_NONE;
}

static void clear(struct joiner *joiner, struct kept_list *list)
{
	joiner->player->session->joiner_bytes -= list->bytes;
	ringcast_kept_clear(list);
}

static void clear_both(struct joiner *joiner)
{
	clear(joiner, &joiner->snapshot);
	clear(joiner, &joiner->held);
}

/* Half a snapshot is worse than none. */
static void miss(struct joiner *joiner)
{
	clear(joiner, &joiner->snapshot);
	joiner->is_missed = true;
}

static void destroy(struct joiner *joiner)
{
	struct session *session = joiner->player->session;
	ringcast_assert(session->joiner_count > 0);
	clear_both(joiner);
	if (session->joiner == joiner)
		session->joiner = NULL;
	ringcast_timer_cancel(session->store->options.wheel, &joiner->timer);
	ringcast_list_remove(&joiner->node);
	session->joiner_count--;
	ringcast_buf_unref(joiner->home);
}

/* What does not fit spoils the whole of it. */
static enum drop_reason keep(struct joiner *joiner, struct kept_list *list, const struct packet *packet)
{
	struct session *session = joiner->player->session;
	struct kept *kept = ringcast_kept_create(session->store->options.pool, packet, 0);
	uint64_t bytes = session->joiner_bytes + (kept != NULL ? ringcast_kept_bytes(kept) : 0);
	if (kept != NULL && bytes <= session->store->options.limits->snapshot_bytes) {
		ringcast_kept_add(list, kept);
		session->joiner_bytes = (uint32_t)bytes;
		return DROP_NONE;
	}
	joiner->spoiled = kept == NULL ? DROP_NO_BUFFER : DROP_SNAPSHOT_FULL;
	if (kept != NULL)
		ringcast_kept_free(kept);
	clear_both(joiner);
	return joiner->spoiled;
}

/* Asking */

static enum verdict ask(struct joiner *joiner)
{
	struct player *player = joiner->player;
	struct session *session = player->session;
	ringcast_session_enter_question(session, player);
	session->joiner = joiner;
	session->is_asking_snapshot = true;
	enum verdict verdict = session->hooks->snapshot(session->hooks_context, session, player, joiner->group);
	session->is_asking_snapshot = false;
	ringcast_session_leave_question(session, verdict);
	joiner->ticket = verdict == VERDICT_LATER ? session->ticket : 0;
	if (session->is_unheard)
		miss(joiner);
	session->store->snapshots_asked += !session->is_unheard;
	return verdict;
}

/* Its time is used up. It is counted once the player has joined: between the two its connection may go, and memory run out. */
static enum verdict go_without(struct player *player, bool is_allowed)
{
	player->joins_without = is_allowed;
	return is_allowed ? VERDICT_ALLOW : VERDICT_DENY;
}

enum verdict ringcast_snapshot_ask(struct player *player, int32_t group, enum drop_reason *ret_denied)
{
	struct session *session = player->session;
	struct joiner *joiner;
	if (LIKELY(session->hooks->snapshot == NULL))
		return VERDICT_ALLOW;
	*ret_denied = DROP_SCRIPT_SHARE;
	if (ringcast_session_wait_ns(session) != 0)
		return go_without(player, session->is_late_allowed);
	*ret_denied = create(player, group, &joiner);
	if (*ret_denied != DROP_NONE)
		return VERDICT_DENY;
	*ret_denied = DROP_DENIED;
	enum verdict verdict = ask(joiner);
	if (verdict == VERDICT_DENY)
		destroy(joiner);
	return verdict;
}

bool ringcast_snapshot_is_asked(const struct player *player, int32_t group)
{
	return find(player, group) != NULL;
}

enum drop_reason ringcast_snapshot_check(const struct player *player, int32_t group)
{
	const struct joiner *joiner = find(player, group);
	if (joiner == NULL)
		return DROP_NONE;
	bool is_refused = joiner->is_missed && !player->session->is_late_allowed;
	return joiner->spoiled == DROP_NONE && is_refused ? DROP_DENIED : joiner->spoiled;
}

/* Its end */

void ringcast_snapshot_complete(struct player *player, int32_t group)
{
	struct joiner *joiner = find(player, group);
	player->session->store->snapshots_missed += player->joins_without;
	player->joins_without = false;
	if (joiner == NULL)
		return;
	ringcast_kept_show(&joiner->snapshot, player, PROTO_GROUP_NONE);
	ringcast_kept_deliver(&joiner->snapshot, player, PROTO_GROUP_NONE);
	ringcast_kept_deliver(&joiner->held, player, group);
	player->session->store->snapshot_messages += joiner->snapshot.count;
	player->session->store->held_messages += joiner->held.count;
	player->session->store->snapshots_missed += joiner->is_missed;
	destroy(joiner);
}

void ringcast_snapshot_abandon(struct player *player, int32_t group)
{
	struct joiner *joiner = find(player, group);
	player->joins_without = false;
	if (joiner != NULL)
		destroy(joiner);
}

static void give_up(struct joiner *joiner)
{
	struct session *session = joiner->player->session;
	if (joiner->is_commanded && session->state != SESSION_ENDED)
		ringcast_park_tell_missed(session, joiner->ticket, VERDICT_DENY);
	destroy(joiner);
}

void ringcast_snapshot_leave(struct player *player)
{
	struct session *session = player->session;
	struct list_node *next;
	if (LIKELY(session->joiner_count == 0))
		return;
	for (struct list_node *node = session->joiners.next; node != &session->joiners; node = next) {
		next = node->next;
		if (joiner_at(node)->player == player)
			give_up(joiner_at(node));
	}
}

enum drop_reason ringcast_snapshot_conclude(struct player *player, int32_t group)
{
	enum drop_reason reason = ringcast_snapshot_check(player, group);
	if (reason == DROP_NONE)
		reason = ringcast_group_join(player, group, player->session->store->now_ns);
	if (reason != DROP_NONE)
		ringcast_snapshot_abandon(player, group);
	return reason;
}

/* Joins that the script commands */

static void await_answer(struct joiner *joiner)
{
	struct session *session = joiner->player->session;
	struct store *store = session->store;
	joiner->is_commanded = true;
	store->answers_awaited++;
	ringcast_timer_arm(store->options.wheel, &joiner->timer, store->now_ns + session->answer_timeout_ms * NS_PER_MS);
}

enum drop_reason ringcast_snapshot_join(struct player *player, int32_t group)
{
	enum drop_reason reason = ringcast_group_check_join(player, group), denied;
	if (reason != DROP_NONE || ringcast_snapshot_is_asked(player, group))
		return reason;
	if (ringcast_session_wait_ns(player->session) != 0) { /* it has said already that the player is to join */
		go_without(player, true);
		return ringcast_snapshot_conclude(player, group);
	}
	switch (ringcast_snapshot_ask(player, group, &denied)) {
	case VERDICT_LATER:
		await_answer(find(player, group));
		return DROP_NONE;
	case VERDICT_DENY:
		return denied;
	case VERDICT_ALLOW:
		return ringcast_snapshot_conclude(player, group);
	}
	ringcast_unreachable("verdict");
}

bool ringcast_snapshot_cancel(struct player *player, int32_t group)
{
	struct joiner *joiner = find(player, group);
	if (joiner == NULL || !joiner->is_commanded)
		return false;
	give_up(joiner);
	return true;
}

/* The parts of a snapshot come one after the other: the latest is tried first. */
static struct joiner *find_ticket(const struct session *session, uint64_t ticket)
{
	if (session->joiner != NULL && session->joiner->ticket == ticket)
		return session->joiner;
	for (struct list_node *node = session->joiners.next; node != &session->joiners; node = node->next)
		if (joiner_at(node)->ticket == ticket)
			return joiner_at(node);
	return NULL;
}

/* reason NONE: it is allowed. */
static void answer(struct joiner *joiner, enum drop_reason reason)
{
	struct player *player = joiner->player;
	struct session *session = player->session;
	joiner->ticket = 0;
	if (reason == DROP_NONE)
		reason = ringcast_snapshot_conclude(player, joiner->group);
	else
		destroy(joiner);
	ringcast_session_count_drops(session, reason, 1);
}

bool ringcast_snapshot_settle(struct session *session, uint64_t ticket, enum verdict verdict)
{
	struct joiner *joiner = ticket != 0 ? find_ticket(session, ticket) : NULL;
	if (joiner == NULL || !joiner->is_commanded)
		return false;
	answer(joiner, verdict == VERDICT_ALLOW ? DROP_NONE : DROP_DENIED);
	return true;
}

void ringcast_snapshot_expire(struct timer *timer)
{
	struct joiner *joiner = CONTAINER_OF(timer, struct joiner, timer);
	struct session *session = joiner->player->session;
	session->store->answers_late++;
	ringcast_park_tell_missed(session, joiner->ticket, session->is_late_allowed ? VERDICT_ALLOW : VERDICT_DENY);
	miss(joiner);
	answer(joiner, session->is_late_allowed ? DROP_NONE : DROP_PARK_TIMEOUT);
	ringcast_command_apply(session);
}

/* What it is made of */

void ringcast_snapshot_hold(struct session *session, const struct packet *packet, int32_t group, const struct player *except)
{
	for (struct list_node *node = session->joiners.next; node != &session->joiners; node = node->next) {
		struct joiner *joiner = joiner_at(node);
		if (joiner->group == group && joiner->player != except && joiner->spoiled == DROP_NONE)
			keep(joiner, &joiner->held, packet);
	}
}

/* ticket 0: the one that the hook which runs is asked about. */
static struct joiner *find_asked(const struct session *session, uint64_t ticket)
{
	if (ticket != 0)
		return find_ticket(session, ticket);
	return session->is_asking_snapshot ? session->joiner : NULL;
}

static enum drop_reason check_part(const struct packet *packet)
{
	if (ringcast_command_is_reserved(packet->opcode))
		return DROP_BAD_STATE;
	return packet->payload.size > COMMAND_DATA_BYTES_MAX ? DROP_OVERSIZE : DROP_NONE;
}

static enum drop_reason say(struct session *session, uint64_t ticket, const struct packet *packet)
{
	struct joiner *joiner = find_asked(session, ticket);
	if (joiner == NULL || (joiner->is_missed && joiner->spoiled == DROP_NONE))
		return DROP_NO_TARGET;
	if (!session->is_asking_snapshot) /* else it is the one that the hook is asked about */
		session->joiner = joiner;
	if (joiner->spoiled != DROP_NONE)
		return joiner->spoiled;
	enum drop_reason reason = check_part(packet);
	if (reason == DROP_NONE)
		return keep(joiner, &joiner->snapshot, packet);
	miss(joiner);
	return reason;
}

enum drop_reason ringcast_command_snapshot(struct session *session, uint64_t ticket, const struct packet *packet)
{
	enum drop_reason reason = say(session, ticket, packet);
	session->drops += reason != DROP_NONE;
	return reason;
}

void ringcast_command_snapshot_fail(struct session *session, uint64_t ticket)
{
	struct joiner *joiner = find_asked(session, ticket);
	if (joiner != NULL)
		miss(joiner);
}
