/*
 * A store with everything around it that it needs, and a log of all that came out of it, in order, as text: one line per delivery,
 * disconnect, drop and hook. Tests say what the log must be.
 *
 *     send 5 from 1 player 0 group 7 reliable to 1,2 'x'       a game message (player, group: as addressed)
 *     update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2    a membership update
 *     close 2 kicked 'too loud'                                 outbox.disconnect
 *     drop no_target 1                                          outbox.drop
 *     admitted 3                                                outbox.admitted; when it is refused: refused 3 denied
 *     hook join 7 peer 1                                        a hook was called
 */
#ifndef TESTS_UNIT_SESSION_WORLD_H
#define TESTS_UNIT_SESSION_WORLD_H

#include "base/attr.h"
#include "base/prng.h"
#include "session/session.h"

enum hook { HOOK_STARTED, HOOK_ENDED, HOOK_CONNECT, HOOK_ACCEPTED, HOOK_DISCONNECTED, HOOK_MESSAGE, HOOK_SEND_PLAYER, HOOK_SEND_GROUP, HOOK_JOIN,
	    HOOK_LEAVE, HOOK_TICK, HOOK_HEALTH, HOOK_TERMINATE, HOOK_TIMER, HOOK_SNAPSHOT, HOOK_COUNT };
#define HOOKS_ALL ((1u << HOOK_SNAPSHOT) - 1) /* but for the one that makes every join two questions */

struct world;
struct hook_call {
	enum hook hook;
	struct session *session;
	struct player *player;
	int32_t group;
	const struct packet *packet;
	struct view payload; /* of a login */
	uint64_t number;     /* of a timer; the deadline of a termination, in ms */
};
/* The script: asked by every hook, after it was logged. */
typedef enum verdict script_fn(struct world *world, const struct hook_call *call);

struct world {
	struct store store;
	struct session_limits limits;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	struct prng prng;
	uint64_t now_ns;
	script_fn *script; /* NULL: allows everything */
	int script_state;  /* the script's own */
	int64_t heap_count; /* blocks allocated before it began */
	char *log;
	size_t log_size, log_capacity;
};

struct world_options {
	unsigned hooks; /* bits 1 << HOOK_...; 0: pure relay */
	uint32_t sessions_max, players_max, groups_max, memberships_max; /* 0: plenty */
	uint32_t bufs_max; /* of 128 bytes, and no others; 0: plenty of all sizes */
	const struct outbox *outbox; /* NULL: the log */
};

void world_start(struct world *world, const struct world_options *options);
/* Ends all sessions, collects, and checks that nothing at all is left. */
void world_stop(struct world *world);
void world_advance_ms(struct world *world, uint64_t ms); /* expires timers on the way */

struct session *world_open(struct world *world);
struct session *world_open_for(struct world *world, uint32_t players_max);
struct player *world_reserve(struct world *world, struct session *session, char token[PLAYER_TOKEN_BYTES]);
struct player *world_admit(struct world *world, const char *token); /* and accepts */
struct player *world_join(struct world *world, struct session *session); /* reserves, admits, accepts */

enum drop_reason world_group(struct world *world, struct player *player, int32_t opcode, int32_t group);
/* payload: text. Reliable. */
enum drop_reason world_send(struct world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
			    const char *payload);

void world_expect(struct world *world, const char *expected, const char *file, int line); /* and empties the log */
#define expect(world, expected) world_expect(world, expected, __FILE__, __LINE__)
void world_forget(struct world *world); /* empties the log */

#endif
