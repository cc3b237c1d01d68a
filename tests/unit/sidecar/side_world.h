/*
 * A store, a sidecar host of two channels, and a log of what came out of both as text, one line each. The process behind a channel is the
 * test: it hears what was queued (side_hear puts it into the log) and says frames (side_say).
 *
 *     to 0: MESSAGE 1 reliable 10 -1 'x'     channel, frame, session number, flag, numbers, texts
 * A question's ticket is shown, and answered, by its place: 1 for the first question that was heard, and so on.
 *
 *     send 5 from -1 reliable to 1,2 'x'     the store delivered
 *     close 2 kicked 'too loud' | drop no_target 1 | admitted 1 | refused 1 denied | ended script_lost
 *     log fatal: text                        the host logged; "log - ..." when it names no session
 */
#ifndef TESTS_UNIT_SIDECAR_SIDE_WORLD_H
#define TESTS_UNIT_SIDECAR_SIDE_WORLD_H

#include "scripting/sidecar/frame.h"
#include "scripting/sidecar/inbox.h"
#include "scripting/sidecar/sidecar.h"
#include "session/session.h"

enum { SIDE_CHANNEL_COUNT = 2, SIDE_LOG_BYTES = 1 << 18 };

struct side_world {
	struct store store;
	struct session_limits limits;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	uint64_t now_ns, random_state;
	struct script_limits script_limits;
	struct script_environment environment;
	struct script script;
	struct sidecar_host *host;
	struct script_program *program;
	struct sidecar_inbox inboxes[SIDE_CHANNEL_COUNT]; /* of the made-up processes */
	struct hooks hooks; /* the program's, with the end of a session logged on the way */
	uint64_t counts[SCRIPT_COUNT_COUNT];
	uint64_t tickets[256];
	unsigned ticket_count;
	uint64_t delivered_count;
	bool is_quiet;
	char *log;
	size_t log_size;
};

/* callbacks: bits 1 << SCRIPT_CALLBACK_...; 0: all but the one that makes each login wait for a second answer. */
void side_start(struct side_world *world, uint32_t callbacks);
void side_start_patient(struct side_world *world, uint32_t callbacks, uint32_t stall_timeout_ms, uint32_t window_bytes);
void side_stop(struct side_world *world); /* ends everything, checks that nothing is left */
void side_advance_ms(struct side_world *world, uint64_t ms); /* expires timers and ticks the host on the way, every 100 ms */

struct session *side_open(struct side_world *world);
/* Reserves and admits; the player may have to wait for its script. data: of the reservation. */
struct player *side_login(struct side_world *world, struct session *session, const char *player_id, const char *payload);
enum drop_reason side_send(struct side_world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
			   const char *payload);
enum drop_reason side_group(struct side_world *world, struct player *player, int32_t opcode, int32_t group);

/* The made-up process of a channel */
void side_attach(struct side_world *world, uint32_t channel); /* and greets back, so that the channel is ready */
void side_hear(struct side_world *world, uint32_t channel);   /* all that is pending, into the log */
bool side_say(struct side_world *world, uint32_t channel, const struct sidecar_frame *frame);
/* ticket: as shown; one that was not heard yet is said as it is. */
bool side_answer(struct side_world *world, uint32_t channel, uint32_t number, uint64_t ticket, enum sidecar_answer answer);
bool side_say_log(struct side_world *world, uint32_t channel, uint32_t number, enum script_level level, bool is_error, const char *text);
bool side_say_end(struct side_world *world, uint32_t channel, uint32_t number, enum sidecar_end how, const char *text);
bool side_credit(struct side_world *world, uint32_t channel, uint32_t number, uint32_t bytes);
struct view side_text(const char *text);

void side_expect(struct side_world *world, const char *expected, const char *file, int line); /* and empties the log */
#define expect(world, expected) side_expect(world, expected, __FILE__, __LINE__)
void side_forget(struct side_world *world);
void side_expire(struct side_world *world); /* timers, the host's tick, collect: for world->now_ns */

#endif
