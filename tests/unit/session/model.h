/*
 * The relay as one would explain it: a session is a set of slots, a group is a set of slots, and every rule is an `if`. Slots, not peer
 * ids, name players here, so that a mistake with peer ids cannot be made twice the same way.
 *
 * An event on the model returns what it must answer and adds the effects it must have; the test compares them with what the real
 * thing did. Hooks are answered from the notes that the test's script took while the real thing ran.
 *
 * What waits for an answer stands in the line of its slot, with what that slot did later behind it. A line moves when its first has been
 * answered; lines that may move do so one step at a time, in the order in which they became able to, after all commands given so far.
 */
#ifndef TESTS_UNIT_SESSION_MODEL_H
#define TESTS_UNIT_SESSION_MODEL_H

#include "world.h"

enum { MODEL_SLOTS = 24, MODEL_GROUPS = 6, MODEL_EFFECTS = 512, MODEL_COMMANDS = 512, MODEL_CALLS = 512, MODEL_LINE = 16 };
enum { SLOT_SERVER = -1, SLOT_NONE = -2, SLOT_NOBODY = -3 }; /* as a target: the script, nothing, a peer id of nobody */

typedef uint32_t slot_set; /* bit per slot */

struct effect {
	enum { EFFECT_SEND, EFFECT_UPDATE, EFFECT_CLOSE, EFFECT_DROP, EFFECT_ADMIT } kind;
	int32_t opcode; /* or the group of an update, the reason of a close, drop or refused login */
	int32_t sender; /* slot */
	int32_t target_slot, target_group;
	bool is_reliable;
	slot_set to, list;
};

struct effects {
	size_t count;
	struct effect items[MODEL_EFFECTS];
};

enum model_command_kind { MODEL_SEND, MODEL_KICK, MODEL_JOIN, MODEL_LEAVE, MODEL_BROADCAST, MODEL_ANSWER, MODEL_FINISH };
struct model_command {
	enum model_command_kind kind;
	int32_t opcode, slot, group, target_group;
	bool is_reliable;
	uint64_t ticket;
	enum verdict verdict;
};

struct model_call { /* a hook that was called: which, about whom, what it said, how many commands it gave */
	enum hook hook;
	int32_t slot;
	enum verdict verdict;
	size_t command_count;
	uint64_t ticket; /* when the verdict is LATER */
};

enum model_event_kind { EVENT_LOGIN, EVENT_JOIN, EVENT_LEAVE, EVENT_REQUEST, EVENT_SEND, EVENT_COMMAND };
struct model_event {
	enum model_event_kind kind;
	int32_t opcode, target_slot, group;
	uint32_t target_life; /* who was in the target slot then */
	bool is_reliable;
	bool is_player_allowed, is_group_allowed; /* questions answered with yes */
	struct model_command command;
};

struct model_line {
	size_t count;
	struct model_event events[MODEL_LINE];
	uint64_t ticket; /* that the first waits for; 0: none */
	uint64_t deadline_ns, asked_order;
};

struct model_limits {
	uint32_t groups_per_player_max, groups_per_session_max, membership_push_max, groups_max, memberships_max;
	uint32_t parked_player_max, parked_session_max;
	uint64_t answer_timeout_ns;
	bool is_late_allowed;
};

struct model {
	struct model_limits limits;
	unsigned hooks; /* bits, as in world_options */
	bool is_ended;
	slot_set present;
	slot_set waiting; /* whose login is not decided */
	uint32_t lives[MODEL_SLOTS];
	struct model_line lines[MODEL_SLOTS];
	size_t movable_count;
	int movable[MODEL_SLOTS];
	uint64_t now_ns, asked_count;
	slot_set members[MODEL_GROUPS + 1]; /* by group id; [0] unused */
	struct effects effects;
	size_t call_count, calls_taken;
	struct model_call calls[MODEL_CALLS];
	size_t command_count, commands_done, commands_given; /* given: by the calls taken so far */
	struct model_command commands[MODEL_COMMANDS];
};

void model_begin_event(struct model *model); /* forgets effects, calls and commands of the one before */
void model_end_event(struct model *model);   /* runs the commands; every call must have been taken */

enum drop_reason model_arrive(struct model *model, int slot);
bool model_answer(struct model *model, uint64_t ticket, enum verdict verdict); /* false: nothing waits for it */
void model_depart(struct model *model, int slot);
enum drop_reason model_join(struct model *model, int slot, int32_t group);
enum drop_reason model_leave(struct model *model, int slot, int32_t group);
enum drop_reason model_request(struct model *model, int slot, int32_t group);
enum drop_reason model_send(struct model *model, int slot, int32_t opcode, int32_t target_slot, int32_t target_group, bool is_reliable);
void model_end(struct model *model);
void model_tell(struct model *model, enum hook hook, int32_t slot); /* a hook without a verdict is called now */

void effects_add(struct effects *effects, struct effect effect);
void effects_compare(struct effects *real, struct effects *expected); /* in any order; asserts */

#endif
