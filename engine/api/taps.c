/* Taps in the public API: opened by an ask, then read without asking anybody. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/drop.h"
#include "base/sized.h"
#include "life/asking.h"
#include "session/tap.h"
#include "shard/shard.h"

struct ringcast_tap {
	struct tap *tap;
	bool is_taken;	/* a record was shown, and goes with the next call */
};

struct ask_tap {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	struct tap *tap; /* the asker's, who waits for as long as it may be touched */
};

static void free_tap(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_tap, ask));
}

static bool answer_tap(struct shard *shard, struct ask *ask)
{
	struct ask_tap *self = CONTAINER_OF(ask, struct ask_tap, ask);
	struct session *session = ringcast_session_find(&shard->store, self->session_id);
	if (session == NULL)
		ask->result = RINGCAST_ERROR_NOT_FOUND;
	else if (!ringcast_tap_attach(session, self->tap, shard->options.limits.taps_max))
		ask->result = RINGCAST_ERROR_FULL;
	return true;
}

static int attach(ringcast_engine *engine, const char *session_id, struct tap *tap)
{
	struct ask_tap *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_tap, free_tap);
	self->tap = tap;
	int result = RINGCAST_ERROR_NOT_FOUND;
	if (ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id))
		result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

/* A payload has to leave room for others: a record is a part of the ring at most. */
static uint32_t payload_max(const ringcast_limits *limits, uint32_t wished)
{
	uint32_t ring_max = limits->tap_ring_bytes / (2 * RING_RECORD_PART), max = limits->tap_payload_bytes;
	if (wished > 0 && wished < max)
		max = wished;
	return max < ring_max ? max : ring_max;
}

int ringcast_tap_open(ringcast_engine *engine, const char *session_id, const ringcast_tap_options *given, ringcast_tap **ret_tap)
{
	ringcast_tap_options options = RINGCAST_TAP_OPTIONS_INIT;
	const ringcast_limits *limits = &engine->options.limits;
	*ret_tap = NULL;
	if (session_id == NULL || (given != NULL && !ringcast_sized_copy(&options, sizeof(options), given)) || options.peer_id < RINGCAST_PEER_SERVER)
		return RINGCAST_ERROR_ARGUMENT;
	const struct tap_filter filter = {.peer_id = options.peer_id, .has_opcode = options.has_opcode, .opcode = options.opcode,
					  .payload_bytes_max = payload_max(limits, options.payload_bytes_max)};
	ringcast_tap *opened = calloc(1, sizeof(*opened));
	if (opened != NULL)
		opened->tap = ringcast_tap_create(&filter, limits->tap_ring_bytes);
	if (opened == NULL || opened->tap == NULL) {
		free(opened);
		return RINGCAST_ERROR_MEMORY;
	}
	int result = attach(engine, session_id, opened->tap);
	if (result == RINGCAST_OK)
		*ret_tap = opened;
	else
		ringcast_tap_close(&opened);
	return result;
}

static void show(const struct tap_record *record, ringcast_tapped *ret)
{
	*ret = (ringcast_tapped){
		.at_ns = record->now_ns,
		.left_out = record->left_out,
		.payload_bytes = record->payload_bytes,
		.drop = record->drop != DROP_NONE ? ringcast_drop_label((enum drop_reason)record->drop) : NULL,
		.message = {.opcode = record->opcode,
			    .sender = record->sender,
			    .target_player = record->target_player,
			    .target_group = record->target_group,
			    .intent = record->intent == INTENT_RELIABLE ? RINGCAST_RELIABLE : RINGCAST_FAST,
			    .payload = (const uint8_t *)(record + 1),
			    .payload_bytes = record->kept_bytes},
	};
}

int ringcast_tap_read(ringcast_tap *tap, ringcast_tapped *ret_tapped)
{
	const struct tap_record *record;
	uint64_t left_out = 0;
	ringcast_assert(tap != NULL && ret_tapped != NULL);
	if (tap->is_taken)
		ringcast_tap_pop(tap->tap);
	enum tap_found found = ringcast_tap_peek(tap->tap, &record, &left_out);
	tap->is_taken = found == TAP_RECORD;
	*ret_tapped = (ringcast_tapped){.left_out = left_out};
	if (found == TAP_RECORD)
		show(record, ret_tapped);
	return found == TAP_RECORD ? RINGCAST_OK : found == TAP_NOTHING ? RINGCAST_ERROR_TIMEOUT : RINGCAST_ERROR_STATE;
}

void ringcast_tap_close(ringcast_tap **tap)
{
	ringcast_assert(tap != NULL);
	if (*tap == NULL)
		return;
	ringcast_tap_leave(&(*tap)->tap);
	free(*tap);
	*tap = NULL;
}
