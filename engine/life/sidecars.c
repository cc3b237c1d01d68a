/* Between the keeper of sidecar processes and the scripts of a shard: the socket of a new process goes there, the end of its stream comes back. */
#include "life/sidecars.h"

#include "life/question.h"

static void answer_attach(struct shard *shard, struct question *question)
{
	struct script_shard *scripts = &question->engine->shards[shard->options.index].scripts;
	int error = ringcast_script_shard_attach(scripts, question->channel, question->serial, &question->descriptor);
	question->result = error == 0 ? RINGCAST_OK : RINGCAST_ERROR_STATE;
}

static int attach(void *context, uint32_t shard, uint32_t channel, uint64_t serial, int *fd)
{
	struct question *question = ringcast_question_create(answer_attach);
	if (question == NULL)
		return RINGCAST_ERROR_STATE;
	question->channel = channel;
	question->serial = serial;
	question->descriptor = *fd;
	*fd = -1;
	int result = ringcast_question_ask(context, shard, question);
	if (result == RINGCAST_ERROR_STATE) {
		*fd = question->descriptor;
		question->descriptor = -1;
	}
	ringcast_question_release(question);
	return result;
}

void ringcast_engine_channel_cut(void *context, uint32_t shard, uint32_t channel, uint64_t serial)
{
	struct ringcast_engine *engine = context;
	ringcast_sidecars_cut(engine->sidecars, shard, channel, serial);
}

struct sidecars *ringcast_engine_create_sidecars(struct ringcast_engine *engine)
{
	return ringcast_sidecars_create(&(struct sidecars_options){
		.process = engine->script_process,
		.shard_count = engine->shard_count,
		.channel_count = engine->script_options.channel_count,
		.attach = attach,
		.context = engine,
	});
}
