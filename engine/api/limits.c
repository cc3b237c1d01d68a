/* What concerns all shards at once: draining, and limits that change while they run. */
#include "io/clock.h"
#include "life/question.h"

static int ask_all(struct ringcast_engine *engine, void (*answer)(struct shard *, struct question *), const ringcast_limits *limits,
		   uint64_t deadline_ns)
{
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++) {
		struct question *question = ringcast_question_create(answer);
		if (question == NULL)
			return RINGCAST_ERROR_MEMORY;
		if (limits != NULL)
			question->limits = *limits;
		question->deadline_ns = deadline_ns;
		result = ringcast_question_ask(engine, i, question);
		ringcast_question_release(question);
	}
	return result;
}

static void answer_drain(struct shard *shard, struct question *question)
{
	ringcast_shard_drain(shard, question->deadline_ns);
}

int ringcast_engine_drain(ringcast_engine *engine)
{
	return ringcast_engine_drain_within(engine, UINT64_MAX);
}

int ringcast_engine_drain_within(ringcast_engine *engine, uint64_t timeout_ms)
{
	uint64_t now_ns = ringcast_clock_now_ns();
	uint64_t longest_ms = (UINT64_MAX - now_ns) / NS_PER_MS;
	__atomic_store_n(&engine->is_draining, true, __ATOMIC_RELEASE);
	return ask_all(engine, answer_drain, NULL, timeout_ms < longest_ms ? now_ns + timeout_ms * NS_PER_MS : UINT64_MAX);
}

static void answer_resume(struct shard *shard, struct question *question)
{
	(void)question;
	ringcast_shard_resume(shard);
}

int ringcast_engine_resume(ringcast_engine *engine)
{
	int result = ask_all(engine, answer_resume, NULL, 0);
	if (result == RINGCAST_OK)
		__atomic_store_n(&engine->is_draining, false, __ATOMIC_RELEASE);
	return result;
}

static void answer_reload(struct shard *shard, struct question *question)
{
	ringcast_shard_set_limits(shard, &question->limits);
}

int ringcast_engine_reload(ringcast_engine *engine, const ringcast_limits *limits)
{
	return ask_all(engine, answer_reload, limits, 0);
}
