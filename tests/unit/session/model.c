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
	for (size_t i = 0; i < RLY_ARRAY_COUNT(left); i++)
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

static enum verdict ask(struct model *model, enum hook hook, int32_t slot)
{
	if ((model->hooks & 1u << hook) == 0)
		return VERDICT_ALLOW;
	cr_assert_lt(model->calls_taken, model->call_count, "hook %d should have been called", hook);
	const struct model_call *call = &model->calls[model->calls_taken++];
	cr_assert_eq(call->hook, hook);
	cr_assert_eq(call->slot, slot);
	model->commands_given += call->command_count;
	return call->verdict;
}

void model_tell(struct model *model, enum hook hook, int32_t slot)
{
	ask(model, hook, slot);
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

void model_arrive(struct model *model, int slot)
{
	model->present |= bit(slot);
	model_tell(model, HOOK_ACCEPTED, slot);
}

void model_depart(struct model *model, int slot)
{
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

static void expel(struct model *model, int slot, enum close_reason reason)
{
	model_depart(model, slot);
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

static enum drop_reason join(struct model *model, int slot, int32_t group, bool is_asked)
{
	if (group > 0 && has(model->members[group], slot))
		return DROP_NONE;
	enum drop_reason reason = may_join(model, slot, group);
	if (reason != DROP_NONE)
		return reason;
	if (is_asked && ask(model, HOOK_JOIN, slot) == VERDICT_DENY)
		return DROP_DENIED;
	model->members[group] |= bit(slot);
	push(model, group, model->members[group]);
	return DROP_NONE;
}

static enum drop_reason leave(struct model *model, int slot, int32_t group, bool is_asked)
{
	if (group <= 0)
		return DROP_GROUP_LIMIT;
	if (!has(model->members[group], slot))
		return DROP_NOT_MEMBER;
	if (is_asked && ask(model, HOOK_LEAVE, slot) == VERDICT_DENY)
		return DROP_DENIED;
	model->members[group] &= ~bit(slot);
	push(model, group, model->members[group] | bit(slot));
	return DROP_NONE;
}

enum drop_reason model_join(struct model *model, int slot, int32_t group)
{
	return join(model, slot, group, true);
}

enum drop_reason model_leave(struct model *model, int slot, int32_t group)
{
	return leave(model, slot, group, true);
}

enum drop_reason model_request(struct model *model, int slot, int32_t group)
{
	if (group != PROTO_GROUP_ALL && group <= 0)
		return DROP_GROUP_LIMIT;
	effects_add(&model->effects, (struct effect){EFFECT_UPDATE, group, slot, slot, 0, true, bit(slot), members_of(model, group)});
	return DROP_NONE;
}

enum drop_reason model_send(struct model *model, int slot, int32_t opcode, int32_t target_slot, int32_t target_group, bool is_reliable)
{
	if (target_slot == SLOT_NONE && target_group == 0)
		return DROP_NO_TARGET;
	if (target_slot != SLOT_NONE && target_slot != SLOT_SERVER && !has(model->present, target_slot))
		return DROP_NO_TARGET;
	if (target_group != 0 && !has(members_of(model, target_group), slot))
		return DROP_NOT_MEMBER;
	if (target_slot >= 0 && ask(model, HOOK_SEND_PLAYER, slot) == VERDICT_DENY)
		return DROP_DENIED;
	if (target_group != 0 && ask(model, HOOK_SEND_GROUP, slot) == VERDICT_DENY)
		return DROP_DENIED;
	if (target_slot == SLOT_SERVER)
		model_tell(model, HOOK_MESSAGE, slot);
	send(model, opcode, slot, target_slot, target_group, is_reliable);
	return DROP_NONE;
}

/* Whom the hooks name decides the order; the model only checks that each is named once. */
static int next_to_go(const struct model *model)
{
	if ((model->hooks & 1u << HOOK_DISCONNECTED) != 0 && model->calls_taken < model->call_count)
		return model->calls[model->calls_taken].slot;
	return __builtin_ctz(model->present);
}

static void end(struct model *model, enum close_reason reason)
{
	model->is_ended = true;
	size_t waiting = model->commands_given - model->commands_done;
	for (size_t i = 0; i < waiting; i++)
		effects_add(&model->effects, (struct effect){EFFECT_DROP, DROP_SESSION_ENDED, SLOT_NONE, SLOT_NONE, 0, false, 0, 0});
	model->commands_done = model->commands_given;
	while (model->present != 0) {
		int slot = next_to_go(model);
		cr_assert(has(model->present, slot));
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
	if (is_about_player && !has(model->present, command->slot))
		return DROP_NO_TARGET;
	switch (command->kind) {
	case MODEL_SEND:
		return command_send(model, command);
	case MODEL_KICK:
		expel(model, command->slot, CLOSE_KICKED);
		return DROP_NONE;
	case MODEL_JOIN:
		return join(model, command->slot, command->group, false);
	case MODEL_LEAVE:
		return leave(model, command->slot, command->group, false);
	case MODEL_BROADCAST:
		return command_broadcast(model, command);
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

void model_end_event(struct model *model)
{
	while (model->commands_done < model->commands_given) {
		enum drop_reason reason = command_run(model, &model->commands[model->commands_done++]);
		if (reason != DROP_NONE)
			effects_add(&model->effects, (struct effect){EFFECT_DROP, (int32_t)reason, SLOT_NONE, SLOT_NONE, 0, false, 0, 0});
	}
	cr_assert_eq(model->calls_taken, model->call_count, "a hook was called for nothing");
	cr_assert_eq(model->commands_given, model->command_count);
}
