#include "session/command.h"

#include "base/assert.h"
#include "session/fanout.h"
#include "session/park.h"
#include "session/player.h"
#include "session/retained.h"
#include "session/roster.h"
#include "session/session_impl.h"
#include "session/snapshot.h"
#include "session/tap.h"

enum command_kind { COMMAND_SEND, COMMAND_KICK, COMMAND_JOIN, COMMAND_LEAVE, COMMAND_BROADCAST, COMMAND_RETAIN, COMMAND_FORGET, COMMAND_ANSWER, COMMAND_ASK, COMMAND_FINISH };

/* data: a send's payload, a kick's text or a question's JSON; for a waiting command it lies behind the struct, in the same buf. */
struct command {
	struct list_node node;
	struct buf *home;
	struct view data;
	enum command_kind kind;
	enum delivery_intent intent;
	int32_t opcode, sender;
	int32_t player; /* target, or whom it is about */
	int32_t group;  /* target, or what it is about */
	int32_t target_group;
	uint32_t number; /* of a question; or the key of what is retained */
	bool is_put_off;     /* a join that waits until all others have been carried out */
	bool is_of_snapshot; /* a join that was commanded while its script was asked about one: about this one it is not, or that would have no end */
	enum close_reason reason; /* of a finish */
	uint64_t ticket;
	enum verdict verdict;
};
static_assert(offsetof(struct buf, data) % _Alignof(struct command) == 0, "a command may lie at the start of a buf");

static bool is_group_id(int32_t group)
{
	return group > PROTO_GROUP_NONE || group == PROTO_GROUP_ALL;
}

static bool is_group_there(struct session *session, int32_t group)
{
	size_t member_count;
	ringcast_group_members(session, group, &member_count);
	return group == PROTO_GROUP_ALL || member_count > 0;
}

static enum drop_reason find_targets(struct session *session, const struct command *command, struct targets *ret)
{
	*ret = (struct targets){.player = ringcast_session_find_player(session, command->player), .group = command->group};
	if (command->player == PROTO_PEER_NONE && command->group == PROTO_GROUP_NONE)
		return DROP_NO_TARGET;
	if (command->player != PROTO_PEER_NONE && ret->player == NULL)
		return DROP_NO_TARGET;
	if (command->group == PROTO_GROUP_NONE)
		return DROP_NONE;
	ret->members = ringcast_group_members(session, command->group, &ret->member_count);
	return command->group == PROTO_GROUP_ALL || ret->member_count > 0 ? DROP_NONE : DROP_NO_TARGET;
}

bool ringcast_command_is_reserved(int32_t opcode)
{
	return opcode == OPCODE_LOGIN || opcode == OPCODE_LOGIN_RESPONSE || opcode == OPCODE_UDP_CONNECT_SERVER_ACK ||
	       opcode == OPCODE_GROUP_MEMBERSHIP_UPDATE || opcode == OPCODE_VERIFY_IDENTITY_RESPONSE;
}

static enum drop_reason do_send(struct session *session, const struct command *command)
{
	struct targets targets;
	struct packet packet = {.opcode = command->opcode, .sender = command->sender, .payload = command->data};
	enum drop_reason reason = ringcast_command_is_reserved(command->opcode) ? DROP_BAD_STATE : find_targets(session, command, &targets);
	if (UNLIKELY(session->taps != NULL)) {
		struct packet told = packet; /* fan-out addresses it anew */
		told.target_player = command->player;
		told.target_group = command->group;
		ringcast_taps_note(session, &told, command->intent, reason);
	}
	if (reason == DROP_NONE)
		ringcast_fanout_to_targets(session, &packet, command->intent, &targets);
	return reason;
}

static enum drop_reason do_kick(struct session *session, const struct command *command)
{
	struct player *player = ringcast_session_find_player(session, command->player);
	if (player == NULL)
		return DROP_NO_TARGET;
	char text[CLOSE_TEXT_BYTES_MAX + 1] = "";
	if (command->data.size > 0)
		memcpy(text, command->data.data, command->data.size);
	ringcast_player_expel(player, CLOSE_KICKED, command->data.size > 0 ? text : NULL);
	return DROP_NONE;
}

static enum drop_reason do_join(struct session *session, const struct command *command)
{
	struct player *player = ringcast_session_find_player(session, command->player);
	if (player == NULL)
		return DROP_NO_TARGET;
	if (session->hooks->snapshot == NULL || command->is_of_snapshot || ringcast_group_has(player, command->group))
		return ringcast_group_join(player, command->group, session->store->now_ns);
	return ringcast_snapshot_join(player, command->group);
}

static bool is_about_same(const struct command *one, const struct command *other)
{
	return one->player == other->player && one->group == other->group;
}

/* Joins that the script has asked for before, and takes back. False: there are none. */
static bool cancel_put_off(struct session *session, const struct command *leave)
{
	uint32_t before = session->put_off_count;
	struct list_node *next;
	for (struct list_node *node = session->commands.next; session->put_off_count > 0 && node != &session->commands; node = next) {
		struct command *command = CONTAINER_OF(node, struct command, node);
		next = node->next;
		if (!command->is_put_off || !is_about_same(command, leave))
			continue;
		ringcast_list_remove(node);
		session->command_count--;
		session->put_off_count--;
		ringcast_buf_unref(command->home);
	}
	return session->put_off_count < before;
}

/* Whatever joins wait, and whether it is in already: the player is not in the group afterwards. */
static enum drop_reason do_leave(struct session *session, const struct command *command)
{
	struct player *player = ringcast_session_find_player(session, command->player);
	if (player == NULL)
		return DROP_NO_TARGET;
	bool is_taken_back = cancel_put_off(session, command);
	is_taken_back |= ringcast_snapshot_cancel(player, command->group);
	if (is_taken_back && !ringcast_group_has(player, command->group))
		return DROP_NONE;
	return ringcast_group_leave(player, command->group, session->store->now_ns);
}

/* Kept before it is sent: what cannot be kept nobody gets. */
static enum drop_reason do_retain(struct session *session, const struct command *command)
{
	struct packet packet = {.opcode = command->opcode, .sender = command->sender, .target_group = command->group, .payload = command->data};
	enum drop_reason reason = DROP_NONE;
	if (ringcast_command_is_reserved(command->opcode))
		reason = DROP_BAD_STATE;
	else if (!is_group_id(command->group))
		reason = DROP_GROUP_LIMIT;
	if (reason == DROP_NONE)
		reason = ringcast_retained_put(session, command->group, command->number, &packet);
	ringcast_tap_message(session, &packet, INTENT_RELIABLE, reason);
	if (reason == DROP_NONE)
		ringcast_fanout_to_group(session, &packet, INTENT_RELIABLE, command->group);
	return reason;
}

static enum drop_reason do_forget(struct session *session, const struct command *command)
{
	ringcast_retained_forget(session, command->group, command->number);
	return DROP_NONE;
}

static enum drop_reason do_broadcast(struct session *session, const struct command *command)
{
	if (!is_group_id(command->group))
		return DROP_GROUP_LIMIT;
	if (!is_group_there(session, command->target_group))
		return DROP_NO_TARGET;
	return ringcast_roster_broadcast(session, command->group, command->target_group);
}

static enum drop_reason do_answer(struct session *session, const struct command *command)
{
	ringcast_park_settle(session, command->ticket, command->verdict); /* false: too late, which is nobody's mistake */
	return DROP_NONE;
}

/* Counted as open when it was given. */
static enum drop_reason do_ask(struct session *session, const struct command *command)
{
	const struct store_options *options = &session->store->options;
	options->question(options->question_context, session, command->number, command->data);
	return DROP_NONE;
}

static enum drop_reason do_finish(struct session *session, const struct command *command)
{
	ringcast_session_end_now(session, command->reason, session->store->now_ns);
	return DROP_NONE;
}

static enum drop_reason command_do(struct session *session, const struct command *command)
{
	switch (command->kind) {
	case COMMAND_SEND:
		return do_send(session, command);
	case COMMAND_KICK:
		return do_kick(session, command);
	case COMMAND_JOIN:
		return do_join(session, command);
	case COMMAND_LEAVE:
		return do_leave(session, command);
	case COMMAND_BROADCAST:
		return do_broadcast(session, command);
	case COMMAND_RETAIN:
		return do_retain(session, command);
	case COMMAND_FORGET:
		return do_forget(session, command);
	case COMMAND_ANSWER:
		return do_answer(session, command);
	case COMMAND_ASK:
		return do_ask(session, command);
	case COMMAND_FINISH:
		return do_finish(session, command);
	}
	ringcast_unreachable("command kind");
}

typedef struct buf *buf_alloc_fn(struct buf_pool *pool, size_t capacity_bytes);

/* alloc: of messages, which may be many and long. The other commands are small, and somebody who holds much may have to give for them. NULL: no buffer. */
static struct command *keep(struct session *session, const struct command *command, buf_alloc_fn *alloc)
{
	size_t bytes = sizeof(*command) + command->data.size;
	struct buf_pool *pool = session->store->options.pool;
	bool is_message = command->kind == COMMAND_SEND || command->kind == COMMAND_RETAIN;
	struct buf *home = is_message ? alloc(pool, bytes) : ringcast_buf_alloc(pool, bytes);
	if (home == NULL)
		return NULL;
	struct command *waiting = (struct command *)home->data;
	*waiting = *command;
	waiting->home = home;
	waiting->data.data = home->data + sizeof(*command);
	if (command->data.size > 0)
		memcpy(home->data + sizeof(*command), command->data.data, command->data.size);
	home->size = (uint32_t)(sizeof(*command) + command->data.size);
	return waiting;
}

/* Whom the command is about, if that player's login is not decided yet; else NULL. */
static struct player *find_waiting(struct session *session, const struct command *command)
{
	struct player *player = ringcast_session_find_peer(session, command->player);
	return player != NULL && player->is_waiting ? player : NULL;
}

/* About a player who is not in yet: it happens when he is, or never. */
static enum drop_reason command_do_or_park(struct session *session, const struct command *command)
{
	struct player *player = find_waiting(session, command);
	if (player == NULL)
		return command_do(session, command);
	struct command *kept = keep(session, command, ringcast_buf_alloc_spare);
	if (kept == NULL)
		return DROP_NO_BUFFER;
	enum drop_reason reason = ringcast_park_command(player, kept);
	if (reason != DROP_NONE)
		ringcast_buf_unref(kept->home);
	return reason;
}

static enum drop_reason queue_push(struct session *session, const struct command *command)
{
	if (session->command_count >= session->store->options.limits->commands_per_hook_max)
		return DROP_COMMAND_LIMIT;
	struct command *waiting = keep(session, command, ringcast_buf_alloc_left);
	if (waiting == NULL)
		return DROP_NO_BUFFER;
	ringcast_list_add_tail(&session->commands, &waiting->node);
	session->command_count++;
	return DROP_NONE;
}

static struct command *queue_pop(struct session *session)
{
	if (ringcast_list_is_empty(&session->commands))
		return NULL;
	struct command *command = CONTAINER_OF(session->commands.next, struct command, node);
	ringcast_assert(session->command_count > 0);
	ringcast_list_remove(&command->node);
	session->command_count--;
	session->put_off_count -= command->is_put_off;
	return command;
}

/* What a script in another process sends without being called: it does not get around its share that way. What ends something may always happen. */
static bool is_over_share(struct session *session, const struct command *command)
{
	bool is_bounded = command->kind == COMMAND_SEND || command->kind == COMMAND_BROADCAST || command->kind == COMMAND_JOIN || command->kind == COMMAND_LEAVE ||
			  command->kind == COMMAND_RETAIN;
	return is_bounded && !session->is_in_hook && ringcast_session_wait_ns(session) != 0;
}

static enum drop_reason work_off(struct session *session, const struct command *command)
{
	ringcast_session_begin_work(session);
	enum drop_reason reason = command_do_or_park(session, command);
	ringcast_session_end_work(session);
	return reason;
}

/* Order is kept: while others wait, so does this one. */
static bool must_wait(const struct session *session)
{
	return session->is_in_hook || session->admitting_count > 0 || session->command_count > 0;
}

static enum drop_reason command_give(struct session *session, const struct command *command)
{
	enum drop_reason reason;
	if (session->state == SESSION_ENDED)
		reason = DROP_SESSION_ENDED;
	else if (command->data.size > COMMAND_DATA_BYTES_MAX)
		reason = DROP_OVERSIZE;
	else if (is_over_share(session, command))
		reason = DROP_SCRIPT_SHARE;
	else if (must_wait(session))
		reason = queue_push(session, command);
	else
		reason = work_off(session, command);
	if (reason != DROP_NONE)
		session->drops++;
	ringcast_command_apply(session); /* what the hooks of this one asked for */
	return reason;
}

/*
 * Its script is asked for a snapshot, which knows of all that the script has said: that is carried out first, or it would follow the snapshot. Not about a player whose login
 * waits: there it keeps its place among the commands about that player, and is carried out after all of these here anyway.
 */
static bool must_be_put_off(struct session *session, const struct command *command)
{
	bool is_asked_about = command->kind == COMMAND_JOIN && session->hooks->snapshot != NULL && !command->is_of_snapshot;
	return is_asked_about && session->command_count > session->put_off_count && find_waiting(session, command) == NULL;
}

static void put_off(struct session *session, struct command *command)
{
	command->is_put_off = true;
	ringcast_list_add_tail(&session->commands, &command->node);
	session->command_count++;
	session->put_off_count++;
}

static void run_queue(struct session *session)
{
	if (ringcast_list_is_empty(&session->commands))
		return;
	ringcast_session_begin_work(session);
	for (struct command *command; (command = queue_pop(session)) != NULL;) {
		if (must_be_put_off(session, command))
			put_off(session, command);
		else
			ringcast_command_run(session, command);
	}
	ringcast_session_end_work(session);
}

void ringcast_command_apply(struct session *session)
{
	if (session->is_in_hook || session->is_applying || session->admitting_count > 0)
		return;
	session->is_applying = true;
	do
		run_queue(session);
	while (ringcast_park_run_one(session));
	session->is_applying = false;
}

void ringcast_command_run(struct session *session, struct command *command)
{
	ringcast_session_count_drops(session, command_do_or_park(session, command), 1);
	ringcast_buf_unref(command->home);
}

void ringcast_command_forget(struct session *session, struct command *command, enum drop_reason reason)
{
	ringcast_session_count_drops(session, reason, 1);
	ringcast_buf_unref(command->home);
}

void ringcast_command_discard(struct session *session, enum drop_reason reason)
{
	uint64_t count = session->command_count;
	for (struct command *command; (command = queue_pop(session)) != NULL;)
		ringcast_buf_unref(command->home);
	ringcast_session_count_drops(session, reason, count);
}

enum drop_reason ringcast_command_send(struct session *session, const struct packet *packet, enum delivery_intent intent)
{
	struct command command = {
		.kind = COMMAND_SEND,
		.intent = intent,
		.opcode = packet->opcode,
		.sender = packet->sender,
		.player = packet->target_player,
		.group = packet->target_group,
		.data = packet->payload,
	};
	return command_give(session, &command);
}

enum drop_reason ringcast_command_kick(struct session *session, int32_t peer_id, const char *text)
{
	struct command command = {.kind = COMMAND_KICK, .player = peer_id};
	if (text != NULL)
		command.data = ringcast_view_of(text, ringcast_close_text_bytes(text));
	return command_give(session, &command);
}

enum drop_reason ringcast_command_join(struct session *session, int32_t group, int32_t peer_id)
{
	return command_give(session, &(struct command){.kind = COMMAND_JOIN, .player = peer_id, .group = group, .is_of_snapshot = session->is_asking_snapshot});
}

enum drop_reason ringcast_command_leave(struct session *session, int32_t group, int32_t peer_id)
{
	return command_give(session, &(struct command){.kind = COMMAND_LEAVE, .player = peer_id, .group = group});
}

enum drop_reason ringcast_command_broadcast_membership(struct session *session, int32_t group, int32_t target_group)
{
	return command_give(session, &(struct command){.kind = COMMAND_BROADCAST, .group = group, .target_group = target_group});
}

enum drop_reason ringcast_command_retain(struct session *session, uint32_t key, const struct packet *packet)
{
	struct command command = {.kind = COMMAND_RETAIN, .opcode = packet->opcode, .sender = packet->sender, .group = packet->target_group, .number = key,
				  .data = packet->payload};
	return command_give(session, &command);
}

enum drop_reason ringcast_command_forget_retained(struct session *session, int32_t group, uint32_t key)
{
	return command_give(session, &(struct command){.kind = COMMAND_FORGET, .group = group, .number = key});
}

enum drop_reason ringcast_command_answer(struct session *session, uint64_t ticket, enum verdict verdict)
{
	ringcast_assert(verdict == VERDICT_ALLOW || verdict == VERDICT_DENY);
	return command_give(session, &(struct command){.kind = COMMAND_ANSWER, .ticket = ticket, .verdict = verdict});
}

enum drop_reason ringcast_command_ask(struct session *session, uint32_t number, struct view json)
{
	session->question_count++;
	enum drop_reason reason = command_give(session, &(struct command){.kind = COMMAND_ASK, .number = number, .data = json});
	session->question_count -= reason != DROP_NONE;
	return reason;
}

enum drop_reason ringcast_command_finish(struct session *session)
{
	return command_give(session, &(struct command){.kind = COMMAND_FINISH, .reason = CLOSE_SESSION_ENDED});
}

enum drop_reason ringcast_command_fail(struct session *session)
{
	return command_give(session, &(struct command){.kind = COMMAND_FINISH, .reason = CLOSE_SCRIPT_FAILED});
}
