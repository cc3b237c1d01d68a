#include "session/owed.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "session/fanout.h"
#include "session/group.h"
#include "session/player.h"
#include "session/roster.h"
#include "session/session_impl.h"

/* Whom a list of a group is owed to. */
enum creditors { CREDITORS_MEMBERS, CREDITORS_TARGETS, CREDITORS_ASKERS, CREDITORS_COUNT };

struct debt { /* what is owed of one group */
	struct list_node node; /* in session->debts, in the order of their turns */
	int32_t group;
	enum creditors turn; /* who comes next, if any of them are owed something */
	bool is_change; /* its members are owed its list */
	uint32_t target_count, asker_count, asker_capacity;
	int32_t targets[OWED_TARGETS_MAX]; /* groups whose members are owed it */
	int32_t *askers;                   /* peer ids of those who are; some twice, some gone by now */
};

/* The budget: each list moves the moment from which on the next one may go, which lies a second back when none was sent for long. */

static uint64_t rate_of(const struct session *session)
{
	return session->store->options.limits->membership_bytes_per_second;
}

static bool may_send(const struct session *session)
{
	return session->lists_due_ns <= session->store->now_ns;
}

/* Nobody goes ahead of those whose turn has come, though the wheel has yet to say so: else who comes at the right moments keeps them waiting for ever. */
static bool may_send_at_once(const struct session *session)
{
	bool is_before_all_turns = ringcast_list_is_empty(&session->debts) || session->store->now_ns < session->lists_ripe_ns;
	return is_before_all_turns && may_send(session);
}

void ringcast_owed_charge(struct session *session, uint64_t recipient_count, uint64_t list_bytes)
{
	struct store *store = session->store;
	uint64_t rate = rate_of(session), bytes = recipient_count * (list_bytes + PROTO_PACKET_OVERHEAD_BYTES_MAX);
	uint64_t earliest_ns = store->now_ns > NS_PER_S ? store->now_ns - NS_PER_S : 0;
	if (recipient_count == 0)
		return;
	store->lists_sent++;
	store->list_bytes += recipient_count * list_bytes;
	if (rate == 0 || !may_send(session)) /* it could not wait: those who do would pay for it without end */
		return;
	if (session->lists_due_ns < earliest_ns)
		session->lists_due_ns = earliest_ns;
	session->lists_due_ns += bytes / rate * NS_PER_S + bytes % rate * NS_PER_S / rate;
}

/* What waits */

/* NULL: nobody is in that group, and nothing of it can wait. */
static struct debt **place_of(struct session *session, int32_t id)
{
	if (id == PROTO_GROUP_ALL)
		return &session->debt_of_all;
	struct group *group = ringcast_group_find(session, id);
	return group != NULL ? &group->debt : NULL;
}

static void arm(struct session *session, uint64_t earliest_ns)
{
	uint64_t due_ns = session->lists_due_ns > earliest_ns ? session->lists_due_ns : earliest_ns;
	ringcast_timer_arm(session->store->options.wheel, &session->timer_lists, due_ns);
}

/* NULL: out of memory. */
static struct debt *debt_of(struct session *session, int32_t group, struct debt **place)
{
	if (*place != NULL)
		return *place;
	struct debt *debt = *place = calloc(1, sizeof(*debt));
	if (debt == NULL)
		return NULL;
	debt->group = group;
	if (ringcast_list_is_empty(&session->debts)) {
		session->lists_ripe_ns = session->store->now_ns + OWED_GATHER_MS * NS_PER_MS;
		arm(session, session->lists_ripe_ns);
	}
	ringcast_list_add_tail(&session->debts, &debt->node);
	return debt;
}

static void debt_free(struct session *session, struct debt *debt)
{
	*place_of(session, debt->group) = NULL;
	ringcast_list_remove(&debt->node);
	free(debt->askers);
	free(debt);
	if (ringcast_list_is_empty(&session->debts))
		ringcast_timer_cancel(session->store->options.wheel, &session->timer_lists);
}

static bool is_owed(const struct debt *debt, enum creditors creditors)
{
	switch (creditors) {
	case CREDITORS_MEMBERS:
		return debt->is_change;
	case CREDITORS_TARGETS:
		return debt->target_count > 0;
	case CREDITORS_ASKERS:
		return debt->asker_count > 0;
	case CREDITORS_COUNT:
		break;
	}
	ringcast_unreachable("creditors");
}

static bool is_settled(const struct debt *debt)
{
	return !is_owed(debt, CREDITORS_MEMBERS) && !is_owed(debt, CREDITORS_TARGETS) && !is_owed(debt, CREDITORS_ASKERS);
}

/* False: it waits for too much already, or out of memory. */
static bool add_asker(struct debt *debt, struct player *player)
{
	if (player->lists_owed == OWED_PER_PLAYER_MAX)
		return false;
	if (debt->asker_count == debt->asker_capacity) {
		uint32_t capacity = 2 * debt->asker_capacity + 8;
		int32_t *askers = realloc(debt->askers, capacity * sizeof(*askers));
		if (askers == NULL)
			return false;
		debt->askers = askers;
		debt->asker_capacity = capacity;
	}
	debt->askers[debt->asker_count++] = player->peer_id;
	player->lists_owed++;
	return true;
}

static bool is_large(const struct session *session, size_t member_count)
{
	return member_count > session->store->options.limits->membership_push_max;
}

bool ringcast_owed_change(struct group *group, struct player *leaver)
{
	struct session *session = group->session;
	if (rate_of(session) == 0)
		return is_large(session, group->member_count);
	if (group->member_count == 0 || (group->debt == NULL && !is_large(session, group->member_count) && may_send_at_once(session)))
		return false;
	struct debt *debt = debt_of(session, group->id, &group->debt);
	if (debt == NULL)
		return is_large(session, group->member_count);
	session->store->lists_merged += debt->is_change;
	debt->is_change = true;
	if (leaver != NULL && !add_asker(debt, leaver))
		ringcast_roster_tell_some(session, group->id, &leaver, 1);
	return true;
}

enum owed ringcast_owed_answer(struct player *player, int32_t group)
{
	struct session *session = player->session;
	struct debt **place = place_of(session, group);
	size_t member_count;
	ringcast_group_members(session, group, &member_count);
	if (rate_of(session) == 0 || place == NULL || (*place == NULL && !is_large(session, member_count) && may_send_at_once(session)))
		return OWED_NOTHING;
	if (player->lists_owed == OWED_PER_PLAYER_MAX)
		return OWED_REFUSED;
	struct debt *debt = debt_of(session, group, place);
	return debt != NULL && add_asker(debt, player) ? OWED_LATER : OWED_NOTHING;
}

static bool has_target(const struct debt *debt, int32_t target_group)
{
	for (uint32_t i = 0; i < debt->target_count; i++)
		if (debt->targets[i] == target_group)
			return true;
	return false;
}

enum owed ringcast_owed_broadcast(struct session *session, int32_t group, int32_t target_group)
{
	struct debt **place = place_of(session, group);
	if (rate_of(session) == 0 || place == NULL || (*place == NULL && may_send_at_once(session)))
		return OWED_NOTHING;
	struct debt *debt = debt_of(session, group, place);
	if (debt == NULL)
		return OWED_NOTHING;
	if (has_target(debt, target_group)) {
		session->store->lists_merged++;
		return OWED_LATER;
	}
	if (debt->target_count == OWED_TARGETS_MAX)
		return OWED_REFUSED;
	debt->targets[debt->target_count++] = target_group;
	return OWED_LATER;
}

/* Its turn */

/* They have just been told with all the others. */
static void forget_members(struct session *session, struct debt *debt)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < debt->asker_count; i++) {
		struct player *player = ringcast_session_find_player(session, debt->askers[i]);
		bool is_told = player != NULL && ringcast_group_has(player, debt->group);
		if (is_told) {
			player->lists_owed--;
			session->store->lists_merged++;
		} else if (player != NULL) {
			debt->askers[kept++] = debt->askers[i];
		}
	}
	debt->asker_count = kept;
}

/* The first of those who are still there, in their order. */
static uint32_t take_first(struct session *session, struct debt *debt, struct player **ret_players)
{
	uint32_t count = 0, taken = 0;
	while (taken < debt->asker_count && count < FANOUT_SOME_MAX) {
		struct player *player = ringcast_session_find_player(session, debt->askers[taken++]);
		if (player == NULL)
			continue;
		player->lists_owed--;
		ret_players[count++] = player;
	}
	debt->asker_count -= taken;
	memmove(debt->askers, debt->askers + taken, debt->asker_count * sizeof(*debt->askers));
	return count;
}

/* By peer id and each once. */
static uint32_t take_askers(struct session *session, struct debt *debt, struct player **ret_players)
{
	uint32_t count = take_first(session, debt, ret_players), different = 0;
	if (count > 0)
		qsort(ret_players, count, sizeof(*ret_players), ringcast_player_compare);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || ret_players[i] != ret_players[i - 1])
			ret_players[different++] = ret_players[i];
	session->store->lists_merged += count > 0 ? count - 1 : 0;
	return different;
}

static void tell_members(struct session *session, struct debt *debt)
{
	debt->is_change = false;
	if (ringcast_roster_tell_members(session, debt->group, debt->group))
		forget_members(session, debt);
}

static void tell_target(struct session *session, struct debt *debt)
{
	int32_t target_group = debt->targets[0];
	debt->target_count--;
	memmove(debt->targets, debt->targets + 1, debt->target_count * sizeof(*debt->targets));
	ringcast_roster_tell_members(session, debt->group, target_group);
}

static void tell_askers(struct session *session, struct debt *debt)
{
	struct player *players[FANOUT_SOME_MAX];
	uint32_t count = take_askers(session, debt, players);
	if (count > 0)
		ringcast_roster_tell_some(session, debt->group, players, count);
}

static void (*const payments[CREDITORS_COUNT])(struct session *session, struct debt *debt) = {
	[CREDITORS_MEMBERS] = tell_members,
	[CREDITORS_TARGETS] = tell_target,
	[CREDITORS_ASKERS] = tell_askers,
};

/* One list, to those whose turn it is: members whose group never stays as it is are not all who are told of it. */
static void pay(struct session *session, struct debt *debt)
{
	for (int i = 0; i < CREDITORS_COUNT; i++) {
		enum creditors creditors = debt->turn;
		debt->turn = (creditors + 1) % CREDITORS_COUNT;
		if (is_owed(debt, creditors)) {
			payments[creditors](session, debt);
			return;
		}
	}
}

static struct debt *first(const struct session *session)
{
	return CONTAINER_OF(session->debts.next, struct debt, node);
}

/* What changes as fast as its list is sent is never settled: the others have their turns meanwhile. */
static void put_last(struct session *session, struct debt *debt)
{
	ringcast_list_remove(&debt->node);
	ringcast_list_add_tail(&session->debts, &debt->node);
}

void ringcast_owed_expire(struct session *session)
{
	while (!ringcast_list_is_empty(&session->debts) && may_send(session)) {
		struct debt *debt = first(session);
		pay(session, debt);
		if (is_settled(debt))
			debt_free(session, debt);
		else
			put_last(session, debt);
	}
	if (!ringcast_list_is_empty(&session->debts))
		arm(session, 0);
}

void ringcast_owed_settle(struct group *group)
{
	struct session *session = group->session;
	if (group->debt == NULL)
		return;
	while (session->state == SESSION_ACTIVE && !is_settled(group->debt))
		pay(session, group->debt);
	debt_free(session, group->debt);
}

void ringcast_owed_discard(struct session *session)
{
	while (!ringcast_list_is_empty(&session->debts))
		debt_free(session, first(session));
}
