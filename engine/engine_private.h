/*
 * What the engine's files share: engine.c (life), questions.c (control asks shards), callbacks.c (the embedder's C), measures.c (metrics), scripts.c
 * (scripts in the public API) with script_registry, script_shard, script_logs, script_check and sidecars beneath it.
 */
#ifndef RINGCAST_ENGINE_PRIVATE_H
#define RINGCAST_ENGINE_PRIVATE_H

#include <pthread.h>

#include "ringcast/ringcast.h"
#include "script_registry.h"
#include "script_shard.h"
#include "shard/shard.h"
#include "sidecars.h"

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

struct engine_security { /* settled at creation; facts under security_lock afterwards */
	ringcast_security mode; /* never DEFAULT */
	const struct crypto_backend *backend;
	bool has_dtls;
	struct certificate_facts facts; /* of the certificate in use */
	char *certificate, *key, *client_ca; /* what shards are made with */
	struct certificate made_ca, made;    /* development */
	char host_name[CERTIFICATE_NAME_BYTES], ciphers[512];
	uint8_t cookie_secret[CRYPTO_COOKIE_SECRET_BYTES], cookie_secret_previous[CRYPTO_COOKIE_SECRET_BYTES], ticket_secret[CRYPTO_TICKET_SECRET_BYTES];
};

struct ringcast_engine {
	ringcast_engine_options options;
	ringcast_callbacks callbacks;
	struct hooks hooks;
	struct shard_options shard_options; /* common to all shards */
	struct engine_security security;
	pthread_mutex_t security_lock; /* one reload at a time */
	struct mailbox *mailboxes[MAILBOX_SENDERS_MAX];
	struct engine_shard shards[MAILBOX_SENDERS_MAX];
	uint32_t shard_count;
	ringcast_io io;
	pthread_mutex_t lock; /* guards phase, created_count and the condition */
	pthread_cond_t changed;
	enum engine_phase phase; /* also read atomically by shard threads */
	uint32_t created_count, idle_count;
	bool is_draining; /* atomic */
	uint64_t stop_deadline_ns; /* atomic */
	uint32_t placement_next;   /* atomic */
	struct script_registry registry;
	struct script_limits script_limits;
	uint32_t script_channel_count; /* per shard */
	struct sidecars *sidecars;
};

void ringcast_engine_make_hooks(struct ringcast_engine *engine); /* callbacks.c */

/* security.c */
int ringcast_engine_settle_security(struct ringcast_engine *engine, char *error, size_t error_bytes); /* after the listens */
/* Of one shard; 0 when options ask for no encryption. */
uint64_t ringcast_security_memory_bytes(const ringcast_engine_options *options, const ringcast_limits *limits, ringcast_memory_fn *each, void *context);
void ringcast_engine_announce_security(const struct ringcast_engine *engine); /* to the log */
void ringcast_engine_forget_security(struct ringcast_engine *engine);
/* Contexts of its own for a shard about to be made; its options own them until it takes them. */
bool ringcast_engine_secure_shard(const struct ringcast_engine *engine, struct shard_options *options, char *error, size_t error_bytes);

/* A question to one shard. Asked on the heap, counted twice, so that an asker who gives up leaves nothing dangling. */
struct question {
	struct shard_request request;
	void (*answer)(struct shard *shard, struct question *question);
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_answered;
	uint32_t refs; /* atomic */
	int result;    /* ringcast_error */
	const char *session_id, *player_id, *player_data, *text; /* copies in strings */
	char *strings;
	struct session_options session;
	int32_t peer_id;
	uint64_t deadline_ns, ticket;
	enum verdict verdict;
	char ret_id[RINGCAST_ID_BYTES];
	size_t item_count_max, item_count, item_total;
	void *items; /* ringcast_session_info or ringcast_player_info */
	struct shard_counters counters;
	struct io_stats io_stats;
	struct measure { uint64_t connections, players, sessions, buffers_in_use, reservations_timedout, answers_awaited, answers_late, half_open, handshakes_waiting, associations; } measure;
	struct ringcast_limits limits;
	struct shard_credentials credentials; /* owned until a shard takes them */
	struct ringcast_engine *engine; /* that was asked */
	struct script_version *script; /* counted, or NULL */
	struct script_counts script_counts;
	uint32_t channel;
	int descriptor; /* closed with the question; -1: none */
};
/* NULL: out of memory. Free with release. */
struct question *ringcast_question_create(void (*answer)(struct shard *shard, struct question *question));
int ringcast_question_ask(struct ringcast_engine *engine, uint32_t shard, struct question *question);
void ringcast_question_release(struct question *question);

/* scripts.c */
void ringcast_engine_fill_script_limits(struct ringcast_engine *engine);
void ringcast_engine_describe_script(const struct session *session, ringcast_session_info *ret_info);
/* Looks up what a session is to run, and sees to it that somebody can run it there. *ret_version NULL with RINGCAST_OK: no script. */
int ringcast_engine_prepare_script(struct ringcast_engine *engine, const char *name_and_version, uint32_t shard, struct script_version **ret_version);

#endif
