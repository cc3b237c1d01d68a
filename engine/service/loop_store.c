/* What the loop gives its store, and what becomes of those who wait for it. */
#include "base/assert.h"
#include "base/log.h"
#include "service/loop_private.h"
#include "service/matchmaking/matchmaking.h"
#include "service/model/stream.h"
#include "service/operations/placing.h"

static void release_held(struct loop *loop)
{
	while (!ringcast_list_is_empty(&loop->held)) {
		struct request *request = CONTAINER_OF(loop->held.next, struct request, node);
		if (request->durable_at > loop->batch_number)
			return;
		ringcast_list_remove(&request->node);
		ringcast_loop_finish(loop, request);
	}
}

/* Whoever can change nothing and waits for no host. */
static bool only_looks(const struct request *request)
{
	return request->operation->role == ROLE_READER && request->call == NULL;
}

static void forget_answer(struct request *request)
{
	json_decref(request->output);
	request->output = NULL;
	request->fault = FAULT_NONE;
	*request->message = '\0';
	request->is_answered = false;
	request->rests_on = request->durable_at = 0;
}

/* Nothing that was not written stays. Whoever wanted it is told; who has seen it looks again. */
static void refuse_held(struct loop *loop, const char *problem)
{
	struct list_node lookers;
	ringcast_list_init(&lookers);
	ringcast_records_undo(&loop->model.records, 0);
	ringcast_placing_refused(&loop->model);
	ringcast_matchmaking_undone(loop->model.matchmaking);
	ringcast_log(LOG_ERROR, "service", "the store refused a change; nothing of it is in force", "err=\"%s\"", problem);
	while (!ringcast_list_is_empty(&loop->held)) {
		struct request *request = CONTAINER_OF(loop->held.next, struct request, node);
		ringcast_list_remove(&request->node);
		forget_answer(request);
		if (only_looks(request)) {
			ringcast_list_add_tail(&lookers, &request->node);
			continue;
		}
		ringcast_request_refuse(request, FAULT_INTERNAL, "the change could not be stored: %s", problem);
		ringcast_loop_finish(loop, request);
	}
	while (!ringcast_list_is_empty(&lookers)) {
		struct request *request = CONTAINER_OF(lookers.next, struct request, node);
		ringcast_list_remove(&request->node);
		ringcast_loop_run(loop, request);
	}
}

/* Hosts hear of what is configured when it is durable, in the order of the changes. Trees cross to their threads, so each gets its own. */
static void teach_one(struct loop *loop, enum record_kind kind, const char *id, const json_t *document)
{
	for (uint32_t i = 0; i < loop->options.host_count; i++) {
		struct host *host = loop->options.hosts[i];
		json_t *copy = document != NULL && host->ops->learn != NULL ? json_deep_copy(document) : NULL;
		if (host->ops->learn != NULL && (document == NULL || copy != NULL))
			host->ops->learn(host, ringcast_record_kind_name(kind), id, copy);
		else if (host->ops->learn != NULL)
			ringcast_log(LOG_ERROR, "service", "a change does not reach a host: out of memory", "id=%s", id);
	}
}

static void teach(struct loop *loop, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		teach_one(loop, batch->changes[i].kind, batch->changes[i].id, batch->changes[i].after);
}

/* is_first: as it was at the start. */
static void hear_capacity(struct loop *loop, const char *fleet_id, const json_t *fleet, bool is_first)
{
	struct scaling_decision decision;
	if (ringcast_scaling_hear(loop->scaling, fleet_id, fleet, is_first, &decision) && loop->options.scaled != NULL)
		loop->options.scaled(loop->options.context, &decision);
}

static void hear_capacities(struct loop *loop, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->changes[i].kind == RECORD_FLEET)
			hear_capacity(loop, batch->changes[i].id, batch->changes[i].after, false);
}

void ringcast_loop_teach_all(struct loop *loop)
{
	static const enum record_kind kinds[] = {RECORD_BUILD, RECORD_COMPUTE, RECORD_FLEET}; /* a fleet names a build */
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		const struct record *record = ringcast_records_next(&loop->model.records, kinds[i], "");
		for (; record != NULL; record = ringcast_records_next(&loop->model.records, kinds[i], record->id)) {
			teach_one(loop, kinds[i], record->id, record->document);
			if (kinds[i] == RECORD_FLEET)
				hear_capacity(loop, record->id, record->document, true);
		}
	}
}

/* Fleet events are told when they are durable. */
static void tell_fleet_events(struct loop *loop, const struct batch *batch)
{
	for (size_t i = 0; loop->model.settings.has_stream && i < batch->count; i++)
		if (batch->changes[i].kind == RECORD_EVENT && batch->changes[i].after != NULL)
			ringcast_stream_fleet(&loop->model, batch->changes[i].after);
}

void ringcast_loop_end_batch(struct loop *loop, struct batch *batch)
{
	loop->is_writing = false;
	loop->writing_count = 0;
	if (batch->is_written) {
		tell_fleet_events(loop, batch);
		ringcast_records_settle(&loop->model.records, batch->count);
		ringcast_matchmaking_settled(loop->model.matchmaking);
		teach(loop, batch);
		for (size_t i = 0; i < batch->count; i++)
			ringcast_placing_stored(&loop->model, &batch->changes[i]);
		hear_capacities(loop, batch);
		release_held(loop);
	} else {
		refuse_held(loop, batch->problem);
	}
	ringcast_batch_destroy(&batch);
}

void ringcast_loop_begin_batch(struct loop *loop)
{
	if (loop->is_writing || loop->model.records.change_count == 0)
		return;
	struct batch *batch = ringcast_batch_of(&loop->model.records);
	if (batch == NULL) {
		refuse_held(loop, "out of memory");
		return;
	}
	loop->is_writing = true;
	loop->writing_count = batch->count;
	loop->batch_number++;
	pthread_mutex_lock(&loop->lock);
	loop->batch = batch;
	pthread_cond_signal(&loop->batch_changed);
	pthread_mutex_unlock(&loop->lock);
}

void *ringcast_loop_run_store(void *context)
{
	struct loop *loop = context;
	pthread_mutex_lock(&loop->lock);
	while (!loop->is_stopping || (loop->batch != NULL && !loop->batch->is_done)) {
		if (loop->batch == NULL || loop->batch->is_done) {
			pthread_cond_wait(&loop->batch_changed, &loop->lock);
			continue;
		}
		struct batch *batch = loop->batch;
		pthread_mutex_unlock(&loop->lock);
		ringcast_batch_write(batch, loop->options.store);
		pthread_mutex_lock(&loop->lock);
		batch->is_done = true;
		pthread_cond_signal(&loop->changed);
	}
	pthread_mutex_unlock(&loop->lock);
	return NULL;
}
