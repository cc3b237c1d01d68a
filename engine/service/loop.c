/* The service's one thread: its turns and its life. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "service/letter.h"
#include "service/loop_private.h"
#include "service/matchmaking/matchmaking.h"
#include "service/model/game_event.h"
#include "service/model/stream.h"
#include "service/operations/placing.h"
#include "service/operations/scripts.h"
#include "service/store/checkpointer.h"

/* A turn forgets more sessions than it can end, so that no more than the bound are ever left. */
enum { TURN_ITEMS_MAX = 256, FORGET_PER_TURN_MAX = 2 * TURN_ITEMS_MAX, DEADLINE_CHECK_MS = 1000 };

/* Answers */

static void give_answer(struct loop *loop, struct request *request)
{
	pthread_mutex_lock(&loop->lock);
	ringcast_assert(loop->request_count > 0);
	loop->request_count--;
	loop->game_question_count -= request->is_game_question;
	pthread_mutex_unlock(&loop->lock);
	request->done(request);
}

/* With who sent the same again meanwhile. */
void ringcast_loop_finish(struct loop *loop, struct request *request)
{
	struct list_node waiting;
	ringcast_list_init(&waiting);
	ringcast_repeats_end(&loop->repeats, request, &waiting);
	give_answer(loop, request);
	while (!ringcast_list_is_empty(&waiting)) {
		struct request *next = CONTAINER_OF(waiting.next, struct request, node);
		ringcast_list_remove(&next->node);
		give_answer(loop, next);
	}
}

/* Scripts are tried out, which takes as long as it takes. */
static bool is_patient(const struct host_call *call)
{
	return call->kind != HOST_CREATE && call->kind != HOST_END && call->kind != HOST_UPDATE && call->kind != HOST_RESERVE;
}

/* How many of the open changes must be durable for this one to be; what is undone by now was the youngest. */
static size_t open_changes_under(const struct records *records, uint64_t number)
{
	uint64_t open = number > records->settled_count ? number - records->settled_count : 0;
	return open < records->change_count ? (size_t)open : records->change_count;
}

/* What waiting for a host goes by: where there is one, the clock that stands still while the process does. A host of ours stood still as well. */
static int64_t patient_ms(const struct loop *loop)
{
	void *context = loop->options.context;
	return loop->options.running_ns != NULL ? (int64_t)(loop->options.running_ns(context) / NS_PER_MS) : loop->options.steady_ms(context);
}

/* Answered now, or when the store has what the request changed and what it has read; or parked, until a host answers. */
static void settle(struct loop *loop, struct request *request, bool has_changed)
{
	size_t rests_on = has_changed ? loop->model.records.change_count : open_changes_under(&loop->model.records, request->rests_on);
	if (!request->is_answered) {
		bool is_bounded = request->call != NULL && !is_patient(request->call);
		request->deadline_ms = !is_bounded ? INT64_MAX : patient_ms(loop) + LOOP_ANSWER_MS;
		ringcast_list_add_tail(&loop->parked, &request->node);
	} else if (rests_on > 0) {
		request->durable_at = loop->batch_number + (rests_on > loop->writing_count);
		ringcast_list_add_tail(&loop->held, &request->node);
	} else {
		ringcast_loop_finish(loop, request);
	}
}

void ringcast_loop_run(struct loop *loop, struct request *request)
{
	size_t before = loop->model.records.change_count;
	loop->model.records.reader = request->operation->is_glance ? NULL : &request->rests_on;
	ringcast_request_run(&loop->model, request);
	loop->model.records.reader = NULL;
	if (request->fault != FAULT_NONE)
		ringcast_records_undo(&loop->model.records, before);
	settle(loop, request, loop->model.records.change_count > before);
}

static void run_request(struct loop *loop, struct request *request)
{
	enum repeat repeat = ringcast_repeats_begin(&loop->repeats, request);
	if (repeat == REPEAT_ANSWERED)
		give_answer(loop, request);
	if (repeat != REPEAT_NEW)
		return;
	ringcast_loop_run(loop, request);
}

static void take_answer(struct loop *loop, struct host_call *call)
{
	struct request *request = call->request, *next;
	size_t before = loop->model.records.change_count;
	uint64_t rests_on = 0;
	ringcast_host_call_check(call);
	loop->model.records.reader = &rests_on;
	call->answered(&loop->model, call);
	loop->model.records.reader = NULL;
	if (call->kind == HOST_CREATE)
		ringcast_game_events_creation_answered(&loop->model);
	for (; request != NULL; request = next) {
		next = request->call == call ? request->next_waiting : NULL;
		if (!request->is_answered)
			continue; /* it waits for another call now */
		ringcast_list_remove(&request->node);
		request->rests_on = rests_on > request->rests_on ? rests_on : request->rests_on;
		settle(loop, request, loop->model.records.change_count > before);
	}
	ringcast_host_call_destroy(&call);
}

/* The host keeps the call; nobody waits for it any more. */
static void give_up(struct loop *loop, struct host_call *call)
{
	struct request *request = call->request, *next;
	call->request = NULL;
	for (; request != NULL; request = next) {
		next = request->next_waiting;
		ringcast_list_remove(&request->node);
		ringcast_request_refuse(request, FAULT_INTERNAL, "the host did not answer within %d s; what became of it can be described later",
					LOOP_ANSWER_MS / 1000);
		ringcast_loop_finish(loop, request);
	}
	if (call->given_up != NULL)
		call->given_up(&loop->model, call);
}

/* A call that is given up takes everybody with it who waits for it, so the search begins anew; the oldest are the first. */
static void check_deadlines(struct loop *loop)
{
	int64_t now_ms = patient_ms(loop);
	if (now_ms - loop->deadlines_checked_ms < DEADLINE_CHECK_MS)
		return;
	loop->deadlines_checked_ms = now_ms;
	struct list_node *node = loop->parked.next;
	while (node != &loop->parked) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		node = node->next;
		if (request->deadline_ms > now_ms)
			continue;
		give_up(loop, request->call);
		node = loop->parked.next;
	}
}

static void look_for_losses(struct loop *loop)
{
	struct model *model = &loop->model;
	if (model->early.lost_count > loop->news_lost)
		ringcast_model_note_gap(model);
	if (model->orphan_count > loop->orphans_told)
		ringcast_log(LOG_WARN, "service", "a host could not end sessions that it had made too late, and runs them for nobody", "count=%" PRIu64,
			     model->orphan_count);
	loop->news_lost = model->early.lost_count;
	loop->orphans_told = model->orphan_count;
}

static void submit_calls(struct loop *loop)
{
	while (!ringcast_list_is_empty(&loop->model.calls)) {
		struct host_call *call = CONTAINER_OF(loop->model.calls.next, struct host_call, node);
		ringcast_list_remove(&call->node);
		ringcast_assert(call->host < loop->options.host_count);
		if (call->kind == HOST_CREATE)
			ringcast_game_events_creation_begun(&loop->model);
		struct host *host = loop->options.hosts[call->host];
		host->ops->submit(host, call);
	}
}

/* Turning */

/* At most a turn's share of a list, oldest first. */
static size_t take_some(struct list_node *from, struct list_node *to)
{
	size_t count = 0;
	for (; count < TURN_ITEMS_MAX && !ringcast_list_is_empty(from); count++) {
		struct list_node *node = from->next;
		ringcast_list_remove(node);
		ringcast_list_add_tail(to, node);
	}
	return count;
}

struct work {
	struct list_node requests, calls, events, letters;
	uint64_t lost_event_count;
	struct batch *batch; /* done */
	bool is_last; /* the loop stops: what can wait for the next start does */
};

static void take_work(struct loop *loop, struct work *work)
{
	ringcast_list_init(&work->requests);
	ringcast_list_init(&work->calls);
	ringcast_list_init(&work->events);
	ringcast_list_init(&work->letters);
	pthread_mutex_lock(&loop->lock);
	work->is_last = loop->is_stopping;
	loop->match_counts = ringcast_matchmaking_count(loop->model.matchmaking);
	take_some(&loop->requests, &work->requests);
	take_some(&loop->calls, &work->calls);
	loop->event_count -= take_some(&loop->events, &work->events);
	loop->letter_count -= take_some(&loop->letters, &work->letters);
	work->lost_event_count = loop->lost_event_count;
	loop->lost_event_count = 0;
	work->batch = NULL;
	if (loop->batch != NULL && (loop->batch->is_done || !(loop->has_store_thread || loop->are_writes_held))) {
		work->batch = loop->batch;
		loop->batch = NULL;
	}
	pthread_mutex_unlock(&loop->lock);
	if (work->batch != NULL && !work->batch->is_done)
		ringcast_batch_write(work->batch, loop->options.store);
}

void ringcast_loop_hold_writes(struct loop *loop)
{
	ringcast_assert(!loop->has_store_thread);
	loop->are_writes_held = true;
}

bool ringcast_loop_write(struct loop *loop)
{
	ringcast_assert(!loop->has_store_thread);
	if (loop->batch == NULL || loop->batch->is_done)
		return false;
	ringcast_batch_write(loop->batch, loop->options.store);
	loop->batch->is_done = true;
	return true;
}

static void hear_next(struct loop *loop, struct work *work)
{
	struct host_event *event = CONTAINER_OF(work->events.next, struct host_event, node);
	ringcast_list_remove(&event->node);
	if (event->kind == HOST_GAME_EVENT)
		__atomic_sub_fetch(&loop->game_event_count, 1, __ATOMIC_RELAXED);
	ringcast_model_hear(&loop->model, event);
	json_decref(event->found);
	free(event);
}

static void take_next_answer(struct loop *loop, struct work *work)
{
	struct host_call *call = CONTAINER_OF(work->calls.next, struct host_call, node);
	ringcast_list_remove(&call->node);
	take_answer(loop, call);
}

/* In the order in which it came: what a host answers may rest on what it told before, and the other way round. */
static void hear_hosts(struct loop *loop, struct work *work)
{
	if (work->lost_event_count > 0) {
		ringcast_log(LOG_WARN, "service", "events of hosts are lost; asking the hosts after every session", "count=%" PRIu64,
			     work->lost_event_count);
		ringcast_model_note_gap(&loop->model);
	}
	while (!ringcast_list_is_empty(&work->events) && !ringcast_list_is_empty(&work->calls)) {
		const struct host_event *event = CONTAINER_OF(work->events.next, struct host_event, node);
		const struct host_call *call = CONTAINER_OF(work->calls.next, struct host_call, node);
		if (event->arrival < call->arrival)
			hear_next(loop, work);
		else
			take_next_answer(loop, work);
	}
	while (!ringcast_list_is_empty(&work->events))
		hear_next(loop, work);
	while (!ringcast_list_is_empty(&work->calls))
		take_next_answer(loop, work);
}

static void keep_letters(struct loop *loop, struct list_node *letters)
{
	while (!ringcast_list_is_empty(letters)) {
		struct letter *letter = CONTAINER_OF(letters->next, struct letter, node);
		ringcast_list_remove(&letter->node);
		ringcast_letter_put(&loop->model, letter->url, letter->event, letter->error);
		ringcast_letter_destroy(&letter);
	}
}

/* What the turn has told the outside. */
static void hand_on(struct loop *loop)
{
	struct model *model = &loop->model;
	while (!ringcast_list_is_empty(&model->stream)) {
		struct service_event *event = CONTAINER_OF(model->stream.next, struct service_event, node);
		ringcast_list_remove(&event->node);
		loop->options.emit(loop->options.context, event);
	}
	while (!ringcast_list_is_empty(&model->resends)) {
		struct resend *resend = CONTAINER_OF(model->resends.next, struct resend, node);
		ringcast_list_remove(&resend->node);
		if (loop->options.emit_to != NULL && loop->options.emit_to(loop->options.context, resend->url, resend->event))
			resend->event = NULL;
		else
			ringcast_letter_put(model, resend->url, resend->event, "no such webhook is configured, or its queue is full");
		ringcast_resend_destroy(&resend);
	}
}

static bool do_work(struct loop *loop, struct work *work)
{
	bool is_any = work->batch != NULL || !ringcast_list_is_empty(&work->letters) || work->lost_event_count > 0 || !ringcast_list_is_empty(&work->requests) || !ringcast_list_is_empty(&work->calls) ||
		      !ringcast_list_is_empty(&work->events);
	if (work->batch != NULL)
		ringcast_loop_end_batch(loop, work->batch);
	hear_hosts(loop, work);
	keep_letters(loop, &work->letters);
	while (!ringcast_list_is_empty(&work->requests)) {
		struct request *request = CONTAINER_OF(work->requests.next, struct request, node);
		ringcast_list_remove(&request->node);
		run_request(loop, request);
	}
	return is_any;
}

static void take_time(struct loop *loop)
{
	loop->model.now_ms = loop->options.now_ms(loop->options.context);
	loop->model.steady_ms = loop->options.steady_ms(loop->options.context);
	loop->model.running_ms = patient_ms(loop);
}

static void count_placements(struct loop *loop)
{
	struct placing_counts counts;
	ringcast_placing_count(&loop->model, &counts);
	pthread_mutex_lock(&loop->lock);
	loop->placing_counts = counts;
	pthread_mutex_unlock(&loop->lock);
}

bool ringcast_loop_turn(struct loop *loop)
{
	struct work work;
	take_work(loop, &work);
	take_time(loop);
	if (loop->options.has_stream != NULL)
		ringcast_model_set_stream(&loop->model, loop->options.has_stream(loop->options.context));
	bool is_any = do_work(loop, &work);
	if (!work.is_last && ringcast_matchmaking_turn(loop->model.matchmaking))
		is_any = true;
	if (!work.is_last && ringcast_placing_turn(&loop->model))
		is_any = true;
	count_placements(loop);
	ringcast_model_repair(&loop->model);
	ringcast_scaling_evaluate(loop->scaling, &loop->model, loop->options.steady_ms(loop->options.context));
	hand_on(loop);
	ringcast_loop_begin_batch(loop);
	submit_calls(loop);
	check_deadlines(loop);
	look_for_losses(loop);
	ringcast_game_sessions_forget(&loop->model.sessions, loop->model.now_ms - GAME_SESSION_KEPT_MS, loop->model.settings.ended_sessions_max,
				      FORGET_PER_TURN_MAX);
	ringcast_game_sessions_forget_players(&loop->model.sessions, loop->model.settings.left_players_max);
	ringcast_game_sessions_forget_data(&loop->model.sessions, loop->model.settings.ended_data_bytes_max);
	return is_any;
}

static bool has_work(const struct loop *loop)
{
	return loop->lost_event_count > 0 || !ringcast_list_is_empty(&loop->letters) || !ringcast_list_is_empty(&loop->requests) || !ringcast_list_is_empty(&loop->calls) || !ringcast_list_is_empty(&loop->events) ||
	       (loop->batch != NULL && loop->batch->is_done);
}

static uint64_t running_ns(const struct loop *loop)
{
	return loop->options.running_ns != NULL ? loop->options.running_ns(loop->options.context) : 0;
}

/* Until there is something to do, somebody may have waited long enough, or it is time for scaling. The lock is held. */
static void wait_for_work(struct loop *loop)
{
	ringcast_pace_rest(&loop->pace);
	int64_t now_ms = loop->options.steady_ms(loop->options.context), until_ms = ringcast_matchmaking_due_ms(loop->model.matchmaking);
	bool is_waited_for = !ringcast_list_is_empty(&loop->parked) || ringcast_placing_is_waiting(&loop->model);
	if (is_waited_for && now_ms + DEADLINE_CHECK_MS < until_ms)
		until_ms = now_ms + DEADLINE_CHECK_MS;
	if (ringcast_scaling_next_ms(loop->scaling) < until_ms)
		until_ms = ringcast_scaling_next_ms(loop->scaling);
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	if (until_ms > now_ms)
		pthread_cond_timedwait(&loop->changed, &loop->lock, &until);
}

static void *run_loop(void *context)
{
	struct loop *loop = context;
	bool is_stopping = false;
	while (!is_stopping) {
		do
			ringcast_pace_begin(&loop->pace, running_ns(loop));
		while (ringcast_loop_turn(loop));
		pthread_mutex_lock(&loop->lock);
		if (!has_work(loop) && !loop->is_stopping)
			wait_for_work(loop);
		is_stopping = loop->is_stopping;
		pthread_mutex_unlock(&loop->lock);
	}
	ringcast_pace_rest(&loop->pace);
	return NULL;
}

/* Life */

static const struct matchmaking_queues queues = {.start = ringcast_placing_start, .is_full = ringcast_placing_is_full, .depth = ringcast_placing_depth};

struct loop *ringcast_loop_create(const struct loop_options *options, char problem[STORE_PROBLEM_BYTES])
{
	pthread_condattr_t steady;
	struct loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the service: out of memory");
		return NULL;
	}
	loop->options = *options;
	ringcast_model_init(&loop->model, &options->settings, options->seed);
	ringcast_repeats_init(&loop->repeats, options->repeats_max, options->seed);
	ringcast_loop_inbox_init(loop);
	ringcast_list_init(&loop->held);
	ringcast_list_init(&loop->parked);
	pthread_mutex_init(&loop->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->changed, &steady);
	pthread_condattr_destroy(&steady);
	pthread_cond_init(&loop->batch_changed, NULL);
	loop->scaling = ringcast_scaling_create();
	if (loop->scaling == NULL)
		snprintf(problem, STORE_PROBLEM_BYTES, "the service: out of memory");
	if (loop->scaling == NULL || !ringcast_service_store_load(options->store, &loop->model.records, problem)) {
		ringcast_loop_destroy(&loop);
		return NULL;
	}
	ringcast_scripts_select(&loop->model);
	ringcast_model_take_secret(&loop->model, &options->token_secret);
	take_time(loop);
	if (!ringcast_placing_init(&loop->model)) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the service: out of memory");
		ringcast_loop_destroy(&loop);
		return NULL;
	}
	ringcast_loop_teach_all(loop);
	loop->model.matchmaking = ringcast_matchmaking_create(&loop->model, &queues);
	if (loop->model.matchmaking == NULL) {
		snprintf(problem, STORE_PROBLEM_BYTES, "matchmaking: out of memory");
		ringcast_loop_destroy(&loop);
	}
	return loop;
}

bool ringcast_loop_start(struct loop *loop)
{
	const struct checkpoint_limits limits = ringcast_checkpoint_limits(loop->options.store_log_bytes_max);
	if (!ringcast_service_store_checkpoint_aside(loop->options.store, &limits))
		return false;
	loop->has_store_thread = pthread_create(&loop->store_thread, NULL, ringcast_loop_run_store, loop) == 0;
	if (loop->has_store_thread)
		loop->has_thread = pthread_create(&loop->thread, NULL, run_loop, loop) == 0;
	return loop->has_thread;
}

static void refuse_all(struct loop *loop, struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct request *request = CONTAINER_OF(list->next, struct request, node);
		ringcast_list_remove(&request->node);
		if (!request->is_answered)
			ringcast_request_refuse(request, FAULT_UNAVAILABLE, "the service is stopping");
		ringcast_loop_finish(loop, request);
	}
}

void ringcast_loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->is_stopping = true;
	loop->are_writes_held = false;
	pthread_cond_broadcast(&loop->changed);
	pthread_cond_broadcast(&loop->batch_changed);
	pthread_mutex_unlock(&loop->lock);
	if (loop->has_thread)
		pthread_join(loop->thread, NULL);
	if (loop->has_store_thread)
		pthread_join(loop->store_thread, NULL);
	loop->has_thread = loop->has_store_thread = false;
	/* Once more in this thread: what was being written is durable now, and what was held for it is true. */
	while (ringcast_loop_turn(loop) || loop->batch != NULL)
		;
	refuse_all(loop, &loop->parked);
	refuse_all(loop, &loop->held);
}

void ringcast_loop_destroy(struct loop **loop)
{
	if (*loop == NULL)
		return;
	ringcast_assert(!(*loop)->has_thread && ringcast_list_is_empty(&(*loop)->requests) && ringcast_list_is_empty(&(*loop)->parked));
	ringcast_loop_inbox_fini(*loop);
	ringcast_batch_destroy(&(*loop)->batch); /* of a loop that never turned */
	ringcast_repeats_fini(&(*loop)->repeats);
	ringcast_placing_fini(&(*loop)->model);
	ringcast_matchmaking_destroy(&(*loop)->model.matchmaking);
	ringcast_scaling_destroy(&(*loop)->scaling);
	ringcast_model_fini(&(*loop)->model);
	pthread_mutex_destroy(&(*loop)->lock);
	pthread_cond_destroy(&(*loop)->changed);
	pthread_cond_destroy(&(*loop)->batch_changed);
	free(*loop);
	*loop = NULL;
}

const struct compute_token_secret *ringcast_loop_token_secret(const struct loop *loop)
{
	return &loop->model.token_secret;
}

struct model *ringcast_loop_model(struct loop *loop)
{
	return &loop->model;
}

uint64_t ringcast_loop_stall_ns(const struct loop *loop)
{
	return ringcast_pace_stall_ns(&loop->pace, running_ns(loop));
}
