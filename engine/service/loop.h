/*
 * The one thread that owns the model. Requests, hosts' answers and hosts' events come in through a locked inbox and are worked off in turn;
 * nothing in here waits for a host or for the disk.
 *
 * What a request has changed in the records goes to the store's thread in batches: one transaction for everything that came in meanwhile.
 * The answer is held until the batch is on the disk; if that fails, every change since is undone and every held request is told so.
 *
 * A host that does not answer about a session is waited for no longer than LOOP_ANSWER_MS: then whoever waits is refused. Its answer is still
 * taken when it comes, so that the index agrees with it.
 */
#ifndef RINGCAST_SERVICE_LOOP_H
#define RINGCAST_SERVICE_LOOP_H

#include "service/operations/placing.h"
#include "service/matchmaking/matchmaking.h"
#include "service/operations/request.h"
#include "service/operations/scaling.h"
#include "service/store/store.h"

struct loop;

enum { LOOP_ANSWER_MS = 30000 };

struct loop_options {
	struct model_settings settings;
	struct store *store; /* borrowed; outlives the loop */
	uint64_t store_log_bytes_max; /* of SQLite's log; for ringcast_loop_start */
	struct host *hosts[4];
	uint32_t host_count;
	uint64_t seed; /* from entropy */
	struct compute_token_secret token_secret; /* from entropy; used unless the store has one */
	int64_t (*now_ms)(void *context); /* since the epoch; the loop's thread */
	int64_t (*steady_ms)(void *context); /* CLOCK_MONOTONIC, for deadlines; the loop's thread */
	uint64_t (*running_ns)(void *context); /* stands still while the process does; any thread. NULL: nobody asks for the stall, and hosts are waited for by steady_ms */
	/* Events of the stream, taken; needed where settings.has_stream. emit_to: false, and not taken. The loop's thread. */
	void (*emit)(void *context, struct service_event *event);
	bool (*emit_to)(void *context, const char *url, struct service_event *event);
	bool (*has_stream)(void *context); /* whether somebody wants to hear from now on, asked each turn; NULL: as in the settings */
	void (*scaled)(void *context, const struct scaling_decision *decision); /* a fleet wants another capacity, durably; the loop's thread; NULL: nobody asks */
	void *context;
	uint32_t requests_max; /* that may wait; beyond them requests are refused */
	uint32_t game_questions_max; /* of them, those that games ask */
	uint32_t repeats_max; /* answers kept for requests that come again */
	uint32_t game_events_max; /* of those that games emit; what comes beyond is lost and counted */
	uint32_t events_max; /* of hosts, that may wait; what comes beyond is lost, and the hosts are asked how things are */
};

/* NULL: problem says why. The records are loaded from the store. */
struct loop *ringcast_loop_create(const struct loop_options *options, char problem[STORE_PROBLEM_BYTES]);
/* Who makes and checks tokens for computes besides it. Good until destroy. */
const struct compute_token_secret *ringcast_loop_token_secret(const struct loop *loop);
bool ringcast_loop_start(struct loop *loop); /* false: no thread */
/* Finishes what can be finished without hosts, refuses the rest, joins. */
void ringcast_loop_stop(struct loop *loop);
void ringcast_loop_destroy(struct loop **loop);

/* [any thread] The request is the loop's until done. False: too many wait, or the loop stops; the request is still the caller's. */
bool ringcast_loop_ask(struct loop *loop, struct request *request);
void ringcast_loop_give_back(struct loop *loop, struct host_call *call); /* [any thread] */
void ringcast_loop_tell(struct loop *loop, const struct host_event *event); /* [any thread] a copy is taken, and what it has found with it */

uint64_t ringcast_loop_refused_game_questions(struct loop *loop); /* [any thread] questions of games that were refused: too many waited */
uint64_t ringcast_loop_lost_game_count(const struct loop *loop); /* [any thread] events of games that were lost */
/* [any thread] An event could not be delivered; copies are taken. False: too many such wait, or memory is short. */
bool ringcast_loop_bury(struct loop *loop, const char *url, const struct service_event *event, const char *error);

uint64_t ringcast_loop_stall_ns(const struct loop *loop); /* [any thread] how long its present turn has taken; 0: it rests */
uint64_t ringcast_loop_lost_count(struct loop *loop); /* [any thread] events of hosts that did not fit, since the start */

void ringcast_loop_placing_counts(struct loop *loop, struct placing_counts *ret_counts); /* [any thread] as of the last turn */
struct matchmaking_counts ringcast_loop_match_counts(struct loop *loop); /* [any thread] as of its last turn */

/* One turn without waiting; for the loop's thread, and for tests that have none. True: something was done. */
bool ringcast_loop_turn(struct loop *loop);
/*
 * For tests without threads, where the store is slow: after hold_writes a turn leaves the batch alone, and write does it. True: there was one.
 */
void ringcast_loop_hold_writes(struct loop *loop);
bool ringcast_loop_write(struct loop *loop);
/* For tests: the model, between turns. */
struct model *ringcast_loop_model(struct loop *loop);

#endif
