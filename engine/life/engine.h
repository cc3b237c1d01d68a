/* The engine: what all its parts are held by. Only life/, which makes and ends it, and api/, which is asked about it, know this header. */
#ifndef RINGCAST_LIFE_ENGINE_H
#define RINGCAST_LIFE_ENGINE_H

#include <pthread.h>

#include "base/log.h"
#include "jwt/key.h"
#include "life/watch.h"
#include "ringcast/ringcast.h"
#include "scripts/registry.h"
#include "scripts/script_shard.h"
#include "scripts/snapshots.h"
#include "security/settle.h"
#include "shard/shard.h"
#include "sidecars/sidecars.h"

enum engine_phase { ENGINE_CREATING, ENGINE_READY, ENGINE_RUNNING, ENGINE_STOPPING, ENGINE_STOPPED };

struct engine_shard {
	struct ringcast_engine *engine;
	uint32_t index;
	pthread_t thread;
	bool has_thread;
	struct shard *shard; /* its own thread's, but for beat_ns and load */
	struct script_shard scripts; /* likewise, but for its logs */
	char error[256];
};

enum { ENGINE_STRING_COUNT = 14 };

struct ringcast_engine {
	ringcast_engine_options options; /* its strings are in strings */
	char *strings[ENGINE_STRING_COUNT];
	struct log_sink log_sink; /* what all threads of this engine are bound to, and callers while they are inside */
	ringcast_callbacks callbacks;
	struct hooks hooks;
	struct shard_options shard_options; /* common to all shards */
	struct jwt_keys *token_keys; /* as the engine was made with; NULL: signed tokens are off */
	struct directory directory; /* of players, where shards share their UDP ports: shard_options.directory */
	struct security security; /* facts under security_lock */
	pthread_mutex_t security_lock; /* one reload at a time */
	struct mailbox *mailboxes[MAILBOX_SENDERS_MAX];
	struct engine_shard shards[MAILBOX_SENDERS_MAX];
	uint32_t shard_count;
	struct watch watch; /* of the shards */
	ringcast_io io;
	pthread_mutex_t lock; /* guards phase, created_count and the condition */
	pthread_cond_t changed;
	enum engine_phase phase; /* also read atomically by shard threads */
	bool is_stop_claimed;    /* by the one caller who stops it */
	uint32_t created_count, idle_count;
	bool is_draining; /* atomic */
	uint64_t stop_deadline_ns; /* atomic */
	uint32_t placement_next;   /* atomic */
	struct script_registry registry;
	struct script_limits script_limits;
	struct script_shard_options script_options;
	struct sidecar_process_options script_process; /* of the sidecar's processes and of the dry run's */
	struct snapshots snapshots;
	struct sidecar_confinement confinement;
	bool is_confinement_told; /* atomic */
	struct sidecars *sidecars;
};

/* The scripts of a shard that answers a question: what its hooks were given is the engine. */
static inline struct script_shard *ringcast_engine_scripts_of(struct shard *shard)
{
	struct ringcast_engine *engine = shard->options.hooks_context;
	return &engine->shards[shard->options.index].scripts;
}

#endif
