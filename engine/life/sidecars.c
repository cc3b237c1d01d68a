/* Between the keeper of sidecar processes and the scripts of a shard: the socket of a new process goes there, the end of its stream comes back. */
#include "life/sidecars.h"

#include <stdlib.h>
#include <unistd.h>

#include "life/asking.h"

struct ask_attach {
	struct ask ask;
	uint32_t channel;
	uint64_t serial;
	int fd; /* owned until it is taken, and -1 then */
};

static bool answer_attach(struct shard *shard, struct ask *ask)
{
	struct ask_attach *self = CONTAINER_OF(ask, struct ask_attach, ask);
	int error = ringcast_script_shard_attach(ringcast_engine_scripts_of(shard), self->channel, self->serial, &self->fd);
	ask->result = error == 0 ? RINGCAST_OK : RINGCAST_ERROR_STATE;
	return true;
}

static void free_attach(struct ask *ask)
{
	struct ask_attach *self = CONTAINER_OF(ask, struct ask_attach, ask);
	if (self->fd >= 0)
		close(self->fd);
	free(self);
}

/* What was not answered in time may not be looked at any more: then the descriptor is closed with the question. */
static int attach(void *context, uint32_t shard, uint32_t channel, uint64_t serial, int *fd)
{
	struct ask_attach *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return RINGCAST_ERROR_STATE;
	ringcast_ask_init(&self->ask, answer_attach, free_attach);
	self->channel = channel;
	self->serial = serial;
	self->fd = *fd;
	*fd = -1;
	int result = ringcast_engine_ask(context, shard, &self->ask);
	if (result != RINGCAST_ERROR_TIMEOUT) {
		*fd = self->fd;
		self->fd = -1;
	}
	ringcast_ask_release(&self->ask);
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
		.channel_count = engine->script_options.channels.count,
		.attach = attach,
		.context = engine,
	});
}
