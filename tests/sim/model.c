#include "model.h"

#include <stdlib.h>

#include "base/assert.h"

#define FAST_UP_NS (5 * NS_PER_S) /* longer than an acknowledgement is on its way, shards that run late included */

static void *grow(void *memory, size_t *capacity, size_t count, size_t element_bytes)
{
	if (count <= *capacity)
		return memory;
	*capacity = count * 2 + 8;
	memory = realloc(memory, *capacity * element_bytes);
	ringcast_assert(memory != NULL);
	return memory;
}

void ringcast_model_init(struct model *model, size_t bot_capacity, bool may_refuse, bool is_corrupt)
{
	*model = (struct model){.late_by_stream = -1, .bot_capacity = bot_capacity, .may_refuse = may_refuse, .is_corrupt = is_corrupt};
	model->bots = calloc(bot_capacity, sizeof(*model->bots));
	ringcast_assert(model->bots != NULL);
}

void ringcast_model_fini(struct model *model)
{
	for (size_t i = 0; i < model->message_count; i++)
		free(model->messages[i].receipts);
	for (size_t i = 0; i < model->bot_count; i++) {
		for (int group = 0; group <= SWARM_GROUPS_MAX; group++)
			free(model->bots[i].memberships[group].spans);
		free(model->bots[i].last_reliable);
	}
	free(model->messages);
	free(model->bots);
}

uint32_t ringcast_model_add_bot(struct model *model, uint32_t session)
{
	ringcast_assert(model->bot_count < model->bot_capacity);
	struct model_bot *bot = &model->bots[model->bot_count];
	bot->session = session;
	bot->fast_up_ns = MODEL_NEVER;
	bot->last_reliable = calloc(model->bot_capacity, sizeof(*bot->last_reliable));
	ringcast_assert(bot->last_reliable != NULL);
	return (uint32_t)model->bot_count++;
}

uint32_t ringcast_model_send(struct model *model, const struct model_message *message)
{
	model->messages = grow(model->messages, &model->message_capacity, model->message_count + 1, sizeof(*model->messages));
	struct model_message *added = &model->messages[model->message_count];
	*added = *message;
	added->first_seen_ns = MODEL_NEVER;
	added->receipts = calloc(model->bot_capacity, 1);
	ringcast_assert(added->receipts != NULL);
	return (uint32_t)model->message_count++;
}

/* scripts */

uint32_t ringcast_model_ask(struct model *model, uint32_t number)
{
	struct model_message *message = &model->messages[number];
	message->decision = MODEL_UNDECIDED;
	return ++message->question_count;
}

void ringcast_model_decide(struct model *model, uint32_t number, uint32_t question, enum model_decision decision, uint64_t now_ns)
{
	struct model_message *message = &model->messages[number];
	if (question != message->question_count)
		return;
	message->decision = decision;
	message->decided_ns = now_ns;
}

/* membership */

static struct model_membership *membership_of(struct model *model, uint32_t bot, int32_t group)
{
	ringcast_assert(group == -1 || (group >= 1 && group <= SWARM_GROUPS_MAX));
	return &model->bots[bot].memberships[group == -1 ? 0 : group];
}

/* The stay that is not surely over; NULL: none. */
static struct model_span *open_span(struct model_membership *membership)
{
	struct model_span *last = membership->count > 0 ? &membership->spans[membership->count - 1] : NULL;
	return last != NULL && last->maybe_until == MODEL_NEVER ? last : NULL;
}

void ringcast_model_join_sent(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns)
{
	struct model_membership *m = membership_of(model, bot, group);
	if (open_span(m) != NULL)
		return;
	m->spans = grow(m->spans, &m->capacity, m->count + 1, sizeof(*m->spans));
	m->spans[m->count++] = (struct model_span){now_ns, MODEL_NEVER, MODEL_NEVER, MODEL_NEVER, MODEL_NEVER, MODEL_NEVER};
}

void ringcast_model_join_seen(struct model *model, uint32_t bot, int32_t group, uint64_t asked_ns, uint64_t now_ns)
{
	struct model_span *span = open_span(membership_of(model, bot, group));
	if (span == NULL || span->sure_from != MODEL_NEVER)
		return;
	span->sure_from = model->is_unasked[model->bots[bot].session] ? asked_ns : now_ns;
	span->fast_from = now_ns;
	span->held_from = asked_ns;
}

void ringcast_model_leave_sent(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns)
{
	struct model_span *span = open_span(membership_of(model, bot, group));
	if (span != NULL && span->sure_until == MODEL_NEVER)
		span->sure_until = now_ns;
}

void ringcast_model_leave_seen(struct model *model, uint32_t bot, int32_t group, uint64_t now_ns)
{
	struct model_span *span = open_span(membership_of(model, bot, group));
	if (span != NULL)
		span->maybe_until = now_ns;
}

/* At some moment between from and to. */
static bool may_be_member(struct model *model, uint32_t bot, int32_t group, uint64_t from_ns, uint64_t to_ns)
{
	const struct model_membership *m = membership_of(model, bot, group);
	for (size_t i = 0; i < m->count; i++) {
		if (m->spans[i].maybe_from <= to_ns && m->spans[i].maybe_until >= from_ns)
			return true;
	}
	return false;
}

static uint64_t sure_from_of(const struct model_span *span, const struct model_message *message)
{
	if (!message->is_reliable)
		return span->fast_from;
	return message->decision == MODEL_ALLOWED_SOMETIME ? span->held_from : span->sure_from;
}

/* At every moment between from and to, or it is held for it meanwhile. */
static bool is_member_throughout(struct model *model, uint32_t bot, const struct model_message *message, uint64_t from_ns, uint64_t to_ns)
{
	const struct model_membership *m = membership_of(model, bot, message->group);
	for (size_t i = 0; i < m->count; i++) {
		if (sure_from_of(&m->spans[i], message) <= from_ns && m->spans[i].sure_until >= to_ns)
			return true;
	}
	return false;
}

/* receiving */

static void fail(struct model *model, const char *what, uint32_t bot, uint32_t number)
{
	const struct model_message *message = &model->messages[number];
	if (model->failure[0] != '\0')
		return;
	snprintf(model->failure, sizeof(model->failure),
		 "%s: bot %u (session %u), message %u of bot %u (session %u), %s, opcode %d, to bot %d, group %d, sent at %llu us, first seen at %llu us", what,
		 bot, model->bots[bot].session, number, message->sender, message->session, message->is_reliable ? "reliable" : "fast",
		 message->opcode, message->to_bot, message->group, (unsigned long long)(message->sent_ns / 1000),
		 (unsigned long long)(message->first_seen_ns / 1000));
}

/* Its own, to a group, and it wants none of these. One to a group and to itself by number is the group's, once. */
static bool is_unwanted_echo(const struct model *model, uint32_t bot, const struct model_message *message)
{
	return message->sender == bot && message->group != 0 && model->bots[bot].has_no_echo;
}

static bool may_receive(struct model *model, uint32_t bot, const struct model_message *message)
{
	bool is_decided = message->decision == MODEL_ALLOWED;
	uint64_t from = is_decided ? message->decided_ns : message->sent_ns, to = is_decided ? message->decided_ns : message->first_seen_ns;
	if (message->group != 0 && !may_be_member(model, message->sender, message->group, from, to))
		return false;
	return message->to_bot == (int32_t)bot || (message->group != 0 && may_be_member(model, bot, message->group, from, to));
}

/* Does a player of that session look just like the sender to a UDP socket? */
static bool may_be_mistaken(const struct model *model, const struct model_message *message, uint32_t session)
{
	const struct model_bot *sender = &model->bots[message->sender];
	if (message->is_reliable || message->is_void || message->session == session)
		return false;
	for (size_t i = 0; i < model->bot_count; i++) {
		const struct model_bot *other = &model->bots[i];
		if (other->session == session && other->peer_id == sender->peer_id && other->fast_port == sender->fast_port &&
		    (model->is_address_free || ringcast_address_has_same_ip(&other->address, &sender->address)))
			return true;
	}
	return false;
}

/*
 * Where joins wait for a snapshot and the script hears nothing of what players say, or has not answered in time, a message to the group is held for who joins it, while
 * others go on: what the same sender says to others overtakes it. Surely not once the receiver knows that it is in; the list that
 * says so may be owed for a while.
 */
static bool may_be_held(struct model *model, uint32_t bot, const struct model_message *message)
{
	bool is_unknown = model->is_unasked[message->session] || message->decision == MODEL_ALLOWED_SOMETIME;
	if (message->group < 1 || !is_unknown || message->to_bot == (int32_t)bot)
		return false;
	const struct model_membership *m = membership_of(model, bot, message->group);
	for (size_t i = 0; i < m->count; i++) {
		const struct model_span *span = &m->spans[i];
		if (span->fast_from >= message->sent_ns && span->maybe_until >= message->sent_ns)
			return true;
	}
	return false;
}

/* Has the receiver got one that the same sender sent later, which this may not come behind? Within its group nothing overtakes. */
static bool is_overtaken(struct model *model, uint32_t bot, uint32_t number)
{
	const struct model_message *message = &model->messages[number];
	uint32_t end = model->bots[bot].last_reliable[message->sender];
	if (number >= end || !may_be_held(model, bot, message))
		return number < end;
	for (uint32_t i = number + 1; i < end; i++) {
		const struct model_message *later = &model->messages[i];
		if (later->sender == message->sender && later->group == message->group && later->is_reliable && later->receipts[bot] > 0 && later->to_bot != (int32_t)bot)
			return true;
	}
	return false;
}

bool ringcast_model_receive(struct model *model, uint32_t bot, uint32_t number, bool was_stream, uint64_t now_ns)
{
	if (number >= model->message_count) {
		snprintf(model->failure, sizeof(model->failure), "bot %u received message %u, which nobody sent", bot, number);
		return false;
	}
	struct model_message *message = &model->messages[number];
	struct model_bot *receiver = &model->bots[bot];
	if (may_be_mistaken(model, message, receiver->session))
		return false;
	bool is_changed = model->is_corrupt && !message->is_reliable; /* its target may be another one than the sender's */
	if (message->first_seen_ns > now_ns)
		message->first_seen_ns = now_ns;
	model->receipt_count++;
	if (message->session != receiver->session)
		fail(model, "crossed sessions", bot, number);
	else if (message->is_void)
		fail(model, "a message for nobody was delivered", bot, number);
	else if (model->is_scripted[message->session] && !is_changed && (message->decision == MODEL_UNDECIDED || message->decision == MODEL_DENIED))
		fail(model, "a message that its script has not allowed was delivered", bot, number);
	else if (message->receipts[bot]++ > 0 && !is_changed)
		fail(model, "received twice", bot, number);
	else if (!is_changed && is_unwanted_echo(model, bot, message))
		fail(model, "an echo came that was not wanted", bot, number);
	else if (!is_changed && !may_receive(model, bot, message))
		fail(model, "received by somebody it was not for", bot, number);
	if (!message->is_reliable && was_stream && receiver->fast_up_ns != MODEL_NEVER && message->sent_ns > receiver->fast_up_ns + FAST_UP_NS)
		model->late_by_stream = number;
	if (!message->is_reliable)
		return true;
	if (!was_stream)
		fail(model, "a reliable message came as a datagram", bot, number);
	if (is_overtaken(model, bot, number))
		fail(model, "out of order", bot, number);
	if (receiver->last_reliable[message->sender] <= number)
		receiver->last_reliable[message->sender] = number + 1;
	return true;
}

/* the end */

static bool must_receive(struct model *model, uint32_t bot, const struct model_message *message, uint64_t accepted_ns)
{
	if (is_unwanted_echo(model, bot, message))
		return false;
	if (message->to_bot == (int32_t)bot)
		return true;
	if (message->is_behind_login && message->sender == bot)
		return true; /* it was a member by then, though it did not know */
	bool is_decided = message->decision == MODEL_ALLOWED || message->decision == MODEL_ALLOWED_SOMETIME;
	uint64_t from_ns = is_decided && message->decided_ns < accepted_ns ? message->decided_ns : is_decided ? accepted_ns : message->sent_ns;
	return message->group != 0 && is_member_throughout(model, bot, message, from_ns, accepted_ns);
}

/* Was it surely accepted, and by when? A message that nobody saw counts only if nothing can have come between. */
static bool is_accepted(struct model *model, const struct model_message *message, uint64_t now_ns, uint64_t *ret_accepted_ns)
{
	bool is_seen = message->first_seen_ns != MODEL_NEVER;
	bool is_scripted = model->is_scripted[message->session];
	*ret_accepted_ns = message->decision == MODEL_ALLOWED ? message->decided_ns : is_seen ? message->first_seen_ns : now_ns;
	if (is_seen)
		return true;
	if (message->decision == MODEL_DENIED || message->decision == MODEL_ALLOWED_SOMETIME)
		return false;
	if (model->may_refuse || !model->bots[message->sender].is_healthy)
		return false;
	if (message->has_player && (message->to_bot == MODEL_NOBODY || !model->bots[message->to_bot].is_healthy))
		return false; /* its player may have been gone, and then all of it is refused */
	if (message->decision == MODEL_ALLOWED)
		return true;
	if (message->is_behind_login && ((!is_scripted && !model->is_unasked[message->session]) || message->group == -1))
		return true;
	return message->group == 0 || is_member_throughout(model, message->sender, message, message->sent_ns, now_ns);
}

/* Who had to get it and did not; -1: nobody. */
static int64_t find_deprived(struct model *model, const struct model_message *message, uint64_t accepted_ns)
{
	for (uint32_t bot = 0; bot < model->bot_count; bot++)
		if (model->bots[bot].is_healthy && model->bots[bot].session == message->session &&
		    must_receive(model, bot, message, accepted_ns) && message->receipts[bot] == 0)
			return bot;
	return -1;
}

uint64_t ringcast_model_count_missing(struct model *model, uint32_t bot, uint64_t now_ns)
{
	uint64_t count = 0, accepted_ns;
	for (uint32_t number = 0; number < model->message_count; number++) {
		const struct model_message *message = &model->messages[number];
		bool may_be_parked = model->is_scripted[message->session] || model->is_unasked[message->session];
		bool may_be_parked_drop = may_be_parked && message->first_seen_ns == MODEL_NEVER;
		if (!message->is_reliable || message->is_void || message->session != model->bots[bot].session || message->receipts[bot] > 0 || may_be_parked_drop)
			continue;
		count += is_accepted(model, message, now_ns, &accepted_ns) && must_receive(model, bot, message, accepted_ns);
	}
	return count;
}

void ringcast_model_finish(struct model *model, uint64_t now_ns)
{
	if (model->is_fast_sure && model->late_by_stream >= 0)
		fail(model, "a fast message came by stream though UDP was up", 0, (uint32_t)model->late_by_stream);
	for (uint32_t number = 0; number < model->message_count; number++) {
		const struct model_message *message = &model->messages[number];
		uint64_t accepted_ns;
		if (!message->is_reliable && !model->is_fast_sure)
			continue;
		if (message->is_void || !is_accepted(model, message, now_ns, &accepted_ns))
			continue;
		int64_t bot = find_deprived(model, message, accepted_ns);
		bool may_be_parked = model->is_scripted[message->session] || model->is_unasked[message->session];
		bool may_be_parked_drop = may_be_parked && message->first_seen_ns == MODEL_NEVER;
		if (bot >= 0 && may_be_parked_drop && model->park_drops > 0)
			model->park_drops--; /* each counted drop explains one message */
		else if (bot >= 0)
			fail(model, "a message never arrived", (uint32_t)bot, number);
	}
}
