/*
 * The sidecar on one shard: its host, made when first needed, and the stream to each of its processes. Shard thread only.
 *
 * A channel has a process from attach until its stream ends, for whatever reason; then the owner is told by cut, under the number by which it attached it.
 */
#ifndef RINGCAST_SCRIPTS_CHANNELS_H
#define RINGCAST_SCRIPTS_CHANNELS_H

#include "shard/partner.h"

enum { SCRIPT_CHANNELS_MAX = 8 };

struct script_environment;
struct sidecar_host;

/* X(member of struct sidecar_stats, "meaning"): summed over channels */
#define SIDECAR_COUNTS(X)                                                                 \
	X(frames_sent, "frames sent to sidecar processes")                                \
	X(frames_received, "frames received from sidecar processes")                      \
	X(bytes_sent, "bytes sent to sidecar processes")                                  \
	X(bytes_received, "bytes received from sidecar processes")                        \
	X(notifications_dropped, "events dropped because a sidecar process was too slow") \
	X(questions_defaulted, "questions answered by default for the same reason")       \
	X(sessions_lost, "sessions ended because their sidecar process did")

struct sidecar_counts {
#define X(name, text) uint64_t name;
	SIDECAR_COUNTS(X)
#undef X
};

struct script_channels_options { /* of all shards; borrowed, outlives them */
	const char *arguments;     /* for onProcessStarted */
	uint32_t count;            /* processes per shard; up to SCRIPT_CHANNELS_MAX */
	uint32_t sessions_max;     /* of the shard */
	uint32_t stall_timeout_ms; /* without a sign of life, a script or process is ended */
	/* A channel's stream has ended: the process that was attached to it under this number is of no use any more. */
	void (*cut)(void *context, uint32_t shard, uint32_t channel, uint64_t serial);
	void *context;
};

struct script_channel { /* to one process */
	struct partner partner;
	struct script_channels *channels;
	uint32_t index;
	uint64_t serial; /* what the process now attached is called by who attached it */
};

struct script_channels {
	const struct script_channels_options *options;
	struct shard *shard;
	struct sidecar_host *host; /* NULL: no script has needed it yet */
	struct script_channel list[SCRIPT_CHANNELS_MAX];
};

void ringcast_script_channels_init(struct script_channels *channels, const struct script_channels_options *options, struct shard *shard);
void ringcast_script_channels_fini(struct script_channels *channels); /* no session is left */
/* The host, made with the first call; environment outlives it. NULL: out of memory. */
struct sidecar_host *ringcast_script_channels_open(struct script_channels *channels, const struct script_environment *environment);
/*
 * The process behind this socket serves a channel from now on; cut names it by serial. After open. 0, or -errno: -EBUSY while the stream before it is still
 * there. *socket becomes -1 when it was taken, which may be on failure too: then it is closed.
 */
int ringcast_script_channels_attach(struct script_channels *channels, uint32_t index, uint64_t serial, int *socket);
void ringcast_script_channels_tick(struct script_channels *channels, uint64_t now_ns); /* once in each tick of the shard */
uint64_t ringcast_script_channels_deadline_ns(const struct script_channels *channels);  /* when that is due at the latest; UINT64_MAX: never */
void ringcast_script_channels_measure(const struct script_channels *channels, struct sidecar_counts *ret_counts);

#endif
