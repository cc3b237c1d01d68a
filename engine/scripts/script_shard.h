/*
 * Scripts on one shard: a host of each language, and the programs made of the versions that its sessions run. Touched by the shard's thread only, but for its
 * logs. A program is unloaded when no session runs it and its version is no longer current.
 */
#ifndef RINGCAST_SCRIPTS_SCRIPT_SHARD_H
#define RINGCAST_SCRIPTS_SCRIPT_SHARD_H

#include "scripts/channels.h"
#include "scripts/logs.h"
#include "scripts/registry.h"
#include "scripts/spending.h"
#include "shard/shard.h"

struct lua_host;

enum { SCRIPT_LANGUAGE_COUNT = 2 };

struct script_counts {
	uint64_t events[SCRIPT_COUNT_COUNT];
	uint64_t sessions[SCRIPT_LANGUAGE_COUNT]; /* running now, by enum script_language */
	uint64_t programs;
	uint64_t spent_ns; /* processor time for scripts and what they send */
	struct sidecar_counts sidecar;
};

struct script_shard_options { /* of all shards; borrowed, outlives them */
	const struct script_limits *limits;
	const struct script_registry *registry;
	const char *arguments;
	struct share_limits share; /* of the processor's time */
	uint32_t log_bytes_per_session;
	struct script_channels_options channels;
	ringcast_script_log_fn *said; /* NULL: nobody listens */
	void *said_context;
};

struct script_shard {
	const struct script_shard_options *options;
	struct shard *shard;
	struct script_environment environment;
	struct script_logs logs;
	struct lua_host *lua;         /* made when first needed */
	struct script_channels channels;
	struct partner keeper; /* has no stream: its turn in every tick */
	struct list_node uses; /* struct script_use: programs and who runs them */
	uint32_t change_count; /* the registry's, when the programs were last looked through */
	bool has_idle;         /* a program lost its last session */
	struct script_counts counts;
	struct spending spending;
	handle hopeless; /* a session that was over its share for too long; ended in this tick. HANDLE_NONE: none */
};

void ringcast_script_shard_init(struct script_shard *scripts, const struct script_shard_options *options, struct shard *shard);
void ringcast_script_shard_fini(struct script_shard *scripts); /* no session is left; harmless when not initialised */

/*
 * Opens a session that runs version; the version's configuration stands in where options say nothing. RINGCAST_ERROR_SCRIPT: the script could not be
 * loaded; the log says why. Else the errors of ringcast_session_open, in *ret_drop with RINGCAST_OK.
 */
int ringcast_script_shard_open(struct script_shard *scripts, struct script_version *version, const struct session_options *options,
			       struct session **ret_session, enum drop_reason *ret_drop);
const struct script *ringcast_script_of_session(const struct session *session); /* NULL: it runs none */
uint64_t ringcast_script_bytes_of_session(const struct session *session);       /* memory of its script; 0: it runs none */
struct script_counts ringcast_script_shard_measure(const struct script_shard *scripts);
/*
 * The process behind this socket serves a channel from now on; cut names it by serial. 0, or -errno: -EBUSY while the stream before it is still there.
 * *socket becomes -1 when it was taken, which may be on failure too: then it is closed.
 */
int ringcast_script_shard_attach(struct script_shard *scripts, uint32_t channel, uint64_t serial, int *socket);

#endif
