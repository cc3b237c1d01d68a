#include "model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void effects_add(struct effects *effects, struct effect effect)
{
	cr_assert_lt(effects->count, (size_t)MODEL_EFFECTS);
	effects->items[effects->count++] = effect;
}

static int64_t effect_difference(const struct effect *a, const struct effect *b)
{
	const int64_t left[] = {a->kind, a->opcode, a->sender, a->target_slot, a->target_group, a->is_reliable, a->to, a->list};
	const int64_t right[] = {b->kind, b->opcode, b->sender, b->target_slot, b->target_group, b->is_reliable, b->to, b->list};
	for (size_t i = 0; i < ARRAY_COUNT(left); i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

static void effects_sort(struct effects *effects)
{
	for (size_t i = 1; i < effects->count; i++) {
		struct effect effect = effects->items[i];
		size_t at = i;
		for (; at > 0 && effect_difference(&effects->items[at - 1], &effect) > 0; at--)
			effects->items[at] = effects->items[at - 1];
		effects->items[at] = effect;
	}
}

static void effects_print(const char *whose, const struct effects *effects)
{
	for (size_t i = 0; i < effects->count; i++) {
		const struct effect *effect = &effects->items[i];
		fprintf(stderr, "%s: kind %d opcode %d sender %d target %d group %d reliable %d to %x list %x\n", whose, effect->kind,
			effect->opcode, effect->sender, effect->target_slot, effect->target_group, effect->is_reliable, effect->to,
			effect->list);
	}
}

void effects_compare(struct effects *real, struct effects *expected)
{
	effects_sort(real);
	effects_sort(expected);
	bool is_equal = real->count == expected->count;
	for (size_t i = 0; is_equal && i < real->count; i++)
		is_equal = effect_difference(&real->items[i], &expected->items[i]) == 0;
	if (is_equal)
		return;
	effects_print("real    ", real);
	effects_print("expected", expected);
	cr_assert_fail("effects differ from the model's");
}

static slot_set bit(int slot)
{
	return (slot_set)1 << slot;
}

static enum drop_reason command_run(struct model *model, const struct model_command *command);

static uint32_t size_of(slot_set set)
{
	return (uint32_t)__builtin_popcount(set);
}

static bool has(slot_set set, int slot)
{
	return slot >= 0 && (set & bit(slot)) != 0;
}

static bool is_group(int32_t group)
{
	return group >= 1 && group <= MODEL_GROUPS;
}

/* Everyone for -1, nobody for what is no group. */
static slot_set members_of(const struct model *model, int32_t group)
{
	if (group == PROTO_GROUP_ALL)
		return model->present;
	return is_group(group) ? model->members[group] : 0;
}

static uint32_t groups_of(const struct model *model, int slot)
{
	uint32_t count = 0;
	for (int32_t group = 1; group <= MODEL_GROUPS; group++)
		count += has(model->members[group], slot);
	return count;
}

static uint32_t group_count(const struct model *model)
{
	uint32_t count = 0;
	for (int32_t group = 1; group <= MODEL_GROUPS; group++)
		count += model->members[group] != 0;
	return count;
}

static uint32_t membership_count(const struct model *model)
{
	uint32_t count = 0;
	for (int32_t group = 1; group <= MODEL_GROUPS; group++)
		count += size_of(model->members[group]);
	return count;
}

static const struct model_call *take_call(struct model *model, enum hook hook, int32_t slot)
{
	cr_assert_lt(model->calls_taken, model->call_count, "hook %d should have been called", hook);
	const struct model_call *call = &model->calls[model->calls_taken++];
	cr_assert_eq(call->hook, hook);
	cr_assert_eq(call->slot, slot);
	model->commands_given += call->command_count;
	return call;
}

void model_tell(struct model *model, enum hook hook, int32_t slot)
{
	if ((model->hooks & 1u << hook) != 0)
		take_call(model, hook, slot);
}

/* Asked once only: is_allowed remembers a yes. With LATER the line of the slot waits, with the event that asks in front. */
static enum verdict ask(struct model *model, enum hook hook, int32_t slot, bool *is_allowed)
{
	struct model_line *line = &model->lines[slot];
	if ((model->hooks & 1u << hook) == 0 || *is_allowed)
		return VERDICT_ALLOW;
	const struct model_call *call = take_call(model, hook, slot);
	*is_allowed = call->verdict == VERDICT_ALLOW;
	if (call->verdict == VERDICT_LATER) {
		line->ticket = call->ticket;
		line->deadline_ns = model->now_ns + model->limits.answer_timeout_ns;
		line->asked_order = ++model->asked_count;
	}
	return call->verdict;
}

static void drop(struct model *model, enum drop_reason reason)
{
	if (reason != DROP_NONE)
		effects_add(&model->effects, (struct effect){EFFECT_DROP, (int32_t)reason, SLOT_NONE, SLOT_NONE, 0, false, 0, 0});
}

static uint32_t parked_count(const struct model *model)
{
	uint32_t count = 0;
	for (int slot = 0; slot < MODEL_SLOTS; slot++)
		count += (uint32_t)model->lines[slot].count;
	return count;
}

static enum drop_reason line_add(struct model *model, int slot, const struct model_event *event)
{
	struct model_line *line = &model->lines[slot];
	if (line->count >= model->limits.parked_player_max || parked_count(model) >= model->limits.parked_session_max)
		return DROP_PARK_FULL;
	cr_assert_lt(line->count, (size_t)MODEL_LINE);
	line->events[line->count++] = *event;
	return DROP_NONE;
}

static struct model_event line_pop(struct model_line *line)
{
	struct model_event event = line->events[0];
	cr_assert_gt(line->count, 0);
	line->count--;
	line->ticket = 0;
	memmove(line->events, line->events + 1, line->count * sizeof(event));
	return event;
}

static void let_move(struct model *model, int slot)
{
	const struct model_line *line = &model->lines[slot];
	if (line->count > 0 && line->ticket == 0)
		model->movable[model->movable_count++] = slot;
}

/* Who goes takes its line along. */
static void line_discard(struct model *model, int slot)
{
	struct model_line *line = &model->lines[slot];
	size_t kept = 0;
	while (line->count > 0) {
		struct model_event event = line_pop(line);
		if (event.kind != EVENT_LOGIN)
			drop(model, model->is_ended ? DROP_SESSION_ENDED : event.kind == EVENT_COMMAND ? DROP_NO_TARGET : DROP_PARK_LOST);
	}
	for (size_t i = 0; i < model->movable_count; i++)
		if (model->movable[i] != slot)
			model->movable[kept++] = model->movable[i];
	model->movable_count = kept;
}

static void push(struct model *model, int32_t group, slot_set to)
{
	slot_set list = model->members[group];
	if (to == 0 || size_of(list) > model->limits.membership_push_max)
		return;
	effects_add(&model->effects, (struct effect){EFFECT_UPDATE, group, SLOT_SERVER, SLOT_NONE, group, true, to, list});
}

static void send(struct model *model, int32_t opcode, int32_t sender, int32_t target_slot, int32_t target_group, bool is_reliable)
{
	slot_set members = target_group == 0 ? 0 : members_of(model, target_group);
	if (members != 0)
		effects_add(&model->effects,
			    (struct effect){EFFECT_SEND, opcode, sender, SLOT_NONE, target_group, is_reliable, members, 0});
	if (target_slot >= 0 && !has(members, target_slot))
		effects_add(&model->effects,
			    (struct effect){EFFECT_SEND, opcode, sender, target_slot, 0, is_reliable, bit(target_slot), 0});
}

void model_depart(struct model *model, int slot)
{
	line_discard(model, slot);
	if (has(model->waiting, slot)) {
		model->waiting &= ~bit(slot);
		return;
	}
	model_tell(model, HOOK_DISCONNECTED, slot);
	for (int32_t group = 1; group <= MODEL_GROUPS; group++) {
		if (!has(model->members[group], slot))
			continue;
		model->members[group] &= ~bit(slot);
		if (!model->is_ended)
			push(model, group, model->members[group]);
	}
	model->present &= ~bit(slot);
}

static void admit(struct model *model, int slot, enum drop_reason reason)
{
	effects_add(&model->effects, (struct effect){EFFECT_ADMIT, (int32_t)reason, slot, SLOT_NONE, 0, false, 0, 0});
}

static void expel(struct model *model, int slot, enum close_reason reason)
{
	bool was_waiting = has(model->waiting, slot);
	model_depart(model, slot);
	if (was_waiting) {
		admit(model, slot, DROP_NO_SESSION);
		return;
	}
	effects_add(&model->effects, (struct effect){EFFECT_CLOSE, (int32_t)reason, slot, SLOT_NONE, 0, false, 0, 0});
}

static enum drop_reason may_join(const struct model *model, int slot, int32_t group)
{
	if (group <= 0 || groups_of(model, slot) >= model->limits.groups_per_player_max)
		return DROP_GROUP_LIMIT;
	if (membership_count(model) >= model->limits.memberships_max)
		return DROP_NO_BUFFER;
	if (model->members[group] != 0)
		return DROP_NONE;
	if (group_count(model) >= model->limits.groups_per_session_max)
		return DROP_GROUP_LIMIT;
	return group_count(model) >= model->limits.groups_max ? DROP_NO_BUFFER : DROP_NONE;
}

/* event NULL: the script itself wants it, nobody is asked. */
static enum drop_reason join(struct model *model, int slot, int32_t group, struct model_event *event)
{
	if (group > 0 && has(model->members[group], slot))
		return DROP_NONE;
	enum drop_reason reason = may_join(model, slot, group);
	if (reason != DROP_NONE)
		return reason;
	enum verdict verdict = event == NULL ? VERDICT_ALLOW : ask(model, HOOK_JOIN, slot, &event->is_group_allowed);
	if (verdict != VERDICT_ALLOW)
		return verdict == VERDICT_DENY ? DROP_DENIED : DROP_NONE;
	model->members[group] |= bit(slot);
	push(model, group, model->members[group]);
	return DROP_NONE;
}

static enum drop_reason leave(struct model *model, int slot, int32_t group, struct model_event *event)
{
	if (group <= 0)
		return DROP_GROUP_LIMIT;
	if (!has(model->members[group], slot))
		return DROP_NOT_MEMBER;
	enum verdict verdict = event == NULL ? VERDICT_ALLOW : ask(model, HOOK_LEAVE, slot, &event->is_group_allowed);
	if (verdict != VERDICT_ALLOW)
		return verdict == VERDICT_DENY ? DROP_DENIED : DROP_NONE;
	model->members[group] &= ~bit(slot);
	push(model, group, model->members[group] | bit(slot));
	return DROP_NONE;
}

static enum drop_reason request(struct model *model, int slot, int32_t group)
{
	if (group != PROTO_GROUP_ALL && group <= 0)
		return DROP_GROUP_LIMIT;
	effects_add(&model->effects, (struct effect){EFFECT_UPDATE, group, slot, slot, 0, true, bit(slot), members_of(model, group)});
	return DROP_NONE;
}

static bool is_there(const struct model *model, const struct model_event *event)
{
	return has(model->present, event->target_slot) && model->lives[event->target_slot] == event->target_life;
}

static enum drop_reason message(struct model *model, int slot, struct model_event *event)
{
	int32_t target = event->target_slot;
	if (target == SLOT_NONE && event->group == 0)
		return DROP_NO_TARGET;
	if (target != SLOT_NONE && target != SLOT_SERVER && !is_there(model, event))
		return DROP_NO_TARGET;
	if (event->group != 0 && !has(members_of(model, event->group), slot))
		return DROP_NOT_MEMBER;
	enum verdict verdict = target >= 0 ? ask(model, HOOK_SEND_PLAYER, slot, &event->is_player_allowed) : VERDICT_ALLOW;
	if (verdict == VERDICT_ALLOW && event->group != 0)
		verdict = ask(model, HOOK_SEND_GROUP, slot, &event->is_group_allowed);
	if (verdict != VERDICT_ALLOW)
		return verdict == VERDICT_DENY ? DROP_DENIED : DROP_NONE;
	if (target == SLOT_SERVER)
		model_tell(model, HOOK_MESSAGE, slot);
	send(model, event->opcode, slot, target, event->group, event->is_reliable);
	return DROP_NONE;
}

static enum drop_reason dispatch(struct model *model, int slot, struct model_event *event)
{
	switch (event->kind) {
	case EVENT_JOIN:
		return join(model, slot, event->group, event);
	case EVENT_LEAVE:
		return leave(model, slot, event->group, event);
	case EVENT_REQUEST:
		return request(model, slot, event->group);
	case EVENT_SEND:
		return message(model, slot, event);
	default:
		ringcast_unreachable("not a packet");
	}
}

/* A packet comes in: behind what waits, or through the rules, which may end in waiting too. */
static enum drop_reason route(struct model *model, int slot, struct model_event *event)
{
	struct model_line *line = &model->lines[slot];
	if (event->target_slot >= 0)
		event->target_life = model->lives[event->target_slot];
	if (line->count > 0)
		return line_add(model, slot, event);
	enum drop_reason reason = dispatch(model, slot, event);
	if (line->ticket == 0)
		return reason;
	reason = line_add(model, slot, event);
	if (reason != DROP_NONE)
		line->ticket = 0;
	return reason;
}

enum drop_reason model_join(struct model *model, int slot, int32_t group)
{
	return route(model, slot, &(struct model_event){.kind = EVENT_JOIN, .group = group, .target_slot = SLOT_NONE});
}

enum drop_reason model_leave(struct model *model, int slot, int32_t group)
{
	return route(model, slot, &(struct model_event){.kind = EVENT_LEAVE, .group = group, .target_slot = SLOT_NONE});
}

enum drop_reason model_request(struct model *model, int slot, int32_t group)
{
	return route(model, slot, &(struct model_event){.kind = EVENT_REQUEST, .group = group, .target_slot = SLOT_NONE});
}

enum drop_reason model_send(struct model *model, int slot, int32_t opcode, int32_t target_slot, int32_t target_group, bool is_reliable)
{
	return route(model, slot, &(struct model_event){.kind = EVENT_SEND, .opcode = opcode, .target_slot = target_slot,
							.group = target_group, .is_reliable = is_reliable});
}

static void accept(struct model *model, int slot)
{
	model->present |= bit(slot);
	model_tell(model, HOOK_ACCEPTED, slot);
}

enum drop_reason model_arrive(struct model *model, int slot)
{
	struct model_event login = {.kind = EVENT_LOGIN};
	model->lives[slot]++;
	switch (ask(model, HOOK_CONNECT, slot, &login.is_player_allowed)) {
	case VERDICT_ALLOW:
		accept(model, slot);
		return DROP_NONE;
	case VERDICT_DENY:
		return DROP_DENIED;
	case VERDICT_LATER:
		break;
	}
	enum drop_reason reason = line_add(model, slot, &login);
	if (reason == DROP_NONE)
		model->waiting |= bit(slot);
	else
		model->lines[slot].ticket = 0;
	return reason;
}

/* The first of a line waits for nothing: it happens, or asks again. */
static void first_happens(struct model *model, int slot)
{
	struct model_line *line = &model->lines[slot];
	struct model_event *first = &line->events[0];
	cr_assert(line->count > 0 && line->ticket == 0);
	if (first->kind == EVENT_COMMAND) {
		struct model_event event = line_pop(line);
		drop(model, command_run(model, &event.command));
		return;
	}
	enum drop_reason reason = dispatch(model, slot, first);
	if (line->ticket != 0)
		return;
	line_pop(line);
	drop(model, reason);
}

static void login_decided(struct model *model, int slot, enum drop_reason reason)
{
	line_pop(&model->lines[slot]);
	let_move(model, slot);
	if (reason != DROP_NONE)
		model_depart(model, slot);
	model->waiting &= ~bit(slot);
	admit(model, slot, reason);
	if (reason == DROP_NONE)
		accept(model, slot);
}

static void decided(struct model *model, int slot, enum drop_reason reason)
{
	struct model_line *line = &model->lines[slot];
	struct model_event *first = &line->events[0];
	if (first->kind == EVENT_LOGIN) {
		login_decided(model, slot, reason);
		return;
	}
	line->ticket = 0;
	if (reason != DROP_NONE) {
		line_pop(line);
		drop(model, reason);
	} else {
		bool is_about_player = first->kind == EVENT_SEND && first->target_slot >= 0 && !first->is_player_allowed &&
				       (model->hooks & 1u << HOOK_SEND_PLAYER) != 0;
		*(is_about_player ? &first->is_player_allowed : &first->is_group_allowed) = true;
		first_happens(model, slot);
	}
	let_move(model, slot);
}

bool model_answer(struct model *model, uint64_t ticket, enum verdict verdict)
{
	for (int slot = 0; slot < MODEL_SLOTS; slot++)
		if (ticket != 0 && model->lines[slot].ticket == ticket) {
			decided(model, slot, verdict == VERDICT_ALLOW ? DROP_NONE : DROP_DENIED);
			return true;
		}
	return false;
}

static bool expire(struct model *model)
{
	int next = SLOT_NONE;
	for (int slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct model_line *line = &model->lines[slot];
		if (line->ticket != 0 && line->deadline_ns <= model->now_ns &&
		    (next == SLOT_NONE || line->asked_order < model->lines[next].asked_order))
			next = slot;
	}
	if (next == SLOT_NONE)
		return false;
	decided(model, next, model->limits.is_late_allowed ? DROP_NONE : DROP_PARK_TIMEOUT);
	return true;
}

/* Whom the hooks name decides the order; the model only checks that each is named once. */
static int next_to_go(const struct model *model)
{
	if (model->present != 0 && (model->hooks & 1u << HOOK_DISCONNECTED) != 0 && model->calls_taken < model->call_count)
		return model->calls[model->calls_taken].slot;
	return __builtin_ctz(model->present != 0 ? model->present : model->waiting);
}

static void end(struct model *model, enum close_reason reason)
{
	model->is_ended = true;
	size_t waiting = model->commands_given - model->commands_done;
	for (size_t i = 0; i < waiting; i++)
		drop(model, DROP_SESSION_ENDED);
	model->commands_done = model->commands_given;
	while ((model->present | model->waiting) != 0) {
		int slot = next_to_go(model);
		cr_assert(has(model->present | model->waiting, slot));
		expel(model, slot, reason);
	}
	model_tell(model, HOOK_ENDED, SLOT_NONE);
}

void model_end(struct model *model)
{
	end(model, CLOSE_SHUTDOWN);
}

static enum drop_reason command_send(struct model *model, const struct model_command *command)
{
	if (command->slot == SLOT_NONE && command->target_group == 0)
		return DROP_NO_TARGET;
	if (command->slot != SLOT_NONE && !has(model->present, command->slot))
		return DROP_NO_TARGET;
	if (command->target_group != 0 && command->target_group != PROTO_GROUP_ALL && members_of(model, command->target_group) == 0)
		return DROP_NO_TARGET;
	send(model, command->opcode, SLOT_SERVER, command->slot, command->target_group, command->is_reliable);
	return DROP_NONE;
}

static enum drop_reason command_broadcast(struct model *model, const struct model_command *command)
{
	slot_set to = members_of(model, command->target_group);
	if (command->group != PROTO_GROUP_ALL && command->group <= 0)
		return DROP_GROUP_LIMIT;
	if (to == 0 && command->target_group != PROTO_GROUP_ALL)
		return DROP_NO_TARGET;
	if (to != 0)
		effects_add(&model->effects, (struct effect){EFFECT_UPDATE, command->group, SLOT_SERVER, SLOT_NONE, command->target_group, true,
							     to, members_of(model, command->group)});
	return DROP_NONE;
}

static enum drop_reason command_run(struct model *model, const struct model_command *command)
{
	bool is_about_player = command->kind == MODEL_KICK || command->kind == MODEL_JOIN || command->kind == MODEL_LEAVE;
	if ((is_about_player || command->kind == MODEL_SEND) && has(model->waiting, command->slot))
		return line_add(model, command->slot, &(struct model_event){.kind = EVENT_COMMAND, .command = *command});
	if (is_about_player && !has(model->present, command->slot))
		return DROP_NO_TARGET;
	switch (command->kind) {
	case MODEL_SEND:
		return command_send(model, command);
	case MODEL_KICK:
		expel(model, command->slot, CLOSE_KICKED);
		return DROP_NONE;
	case MODEL_JOIN:
		return join(model, command->slot, command->group, NULL);
	case MODEL_LEAVE:
		return leave(model, command->slot, command->group, NULL);
	case MODEL_BROADCAST:
		return command_broadcast(model, command);
	case MODEL_ANSWER:
		model_answer(model, command->ticket, command->verdict);
		return DROP_NONE;
	case MODEL_FINISH:
		end(model, CLOSE_SESSION_ENDED);
		return DROP_NONE;
	}
	ringcast_unreachable("no such command");
}

void model_begin_event(struct model *model)
{
	model->effects.count = 0;
	model->call_count = model->calls_taken = 0;
	model->command_count = model->commands_done = model->commands_given = 0;
}

/* Commands first, then one step of a line that may move, and so on. */
static void settle(struct model *model)
{
	while (model->commands_done < model->commands_given || model->movable_count > 0) {
		if (model->commands_done < model->commands_given) {
			drop(model, command_run(model, &model->commands[model->commands_done++]));
			continue;
		}
		int slot = model->movable[0];
		memmove(model->movable, model->movable + 1, --model->movable_count * sizeof(int));
		first_happens(model, slot);
		let_move(model, slot);
	}
}

void model_end_event(struct model *model)
{
	settle(model);
	while (expire(model)) /* nothing is due but when time has passed */
		settle(model);
	cr_assert_eq(model->calls_taken, model->call_count, "a hook was called for nothing");
	cr_assert_eq(model->commands_given, model->command_count);
}
