/*
 * The engine's end of the JavaScript sidecar: one host per shard, N channels, one Node process behind each. Pure: bytes in, bytes out,
 * time as now_ns; no socket, no clock, no thread, so the simulation drives it with a made-up process. docs/sidecar-protocol.md is the
 * wire.
 *
 * Glossary: channel = the stream to one process. tenant = one session on one channel, as this side keeps it (session->user).
 *
 * Life of a channel: detached -attach-> greeting -(its hello came)-> ready -detach-> detached, any number of times. A session that opens
 * while no channel is ready is given to one anyway; what it says waits in the queue for attach_timeout_ms. What it begins with and is longer than a frame takes
 * follows in pieces, once the channel is ready; its script starts after the last.
 *
 * Fates of a session: its script ends it (processEnding, or process.exit(0)): CLOSE_SESSION_ENDED. The script fails (exception that
 * nobody caught, an exit code other than 0, out of memory, too many errors, an onProcessStarted that said no, no sign of life for
 * stall_timeout_ms): CLOSE_SCRIPT_FAILED. The process dies, is cut for garbage, or does not come up: CLOSE_SCRIPT_LOST.
 *
 * Bounds: limits->outgoing_bytes_max queued to a process, window_bytes that one session has not taken yet. Beyond either a notification
 * is dropped (DROP_SCRIPT_BUSY, by the outbox) and a question is answered on the spot by limits->on_error.
 */
#ifndef RINGCAST_SCRIPTING_SIDECAR_SIDECAR_H
#define RINGCAST_SCRIPTING_SIDECAR_SIDECAR_H

#include "base/attr.h"
#include "scripting/host.h"

struct sidecar_host;

struct sidecar_options {
	const struct script_environment *environment; /* outlives the host */
	uint32_t channel_count;    /* 1 .. 64 */
	uint32_t sessions_max;     /* those of the shard's store */
	uint32_t window_bytes;     /* per session; 0: 1 MiB */
	uint32_t attach_timeout_ms; /* 0: 10 000 */
	uint32_t stall_timeout_ms; /* a script that takes nothing for so long is killed, a process that answers nothing is cut; 0: 10 000 */
	bool are_numbers_random;   /* sessions' numbers on the wire cannot be guessed; else they are 1, 2, 3, ... */
	const char *arguments;     /* for onProcessStarted; split at blanks; NULL: none. Copied */
};

/* NULL: out of memory. */
struct sidecar_host *ringcast_sidecar_create(const struct sidecar_options *options);
void ringcast_sidecar_destroy(struct sidecar_host **host); /* asserts that no session is left */
/* load, unload, session_bytes; the void *host they take is the struct sidecar_host. session->user of its sessions belongs to it. */
extern const struct script_host_ops ringcast_sidecar_ops;

/* The process is connected; its greeting waits in pending. Asserts that the channel was detached. */
void ringcast_sidecar_attach(struct sidecar_host *host, uint32_t channel, uint64_t now_ns);
/* Bytes from the process, cut anywhere. False: garbage; the owner cuts the stream and detaches. Outside hooks only; may end sessions. */
MUST_USE bool ringcast_sidecar_feed(struct sidecar_host *host, uint32_t channel, struct view bytes, uint64_t now_ns);
/* What waits to be written: valid until anything else of the host is called. Empty while detached. */
struct view ringcast_sidecar_pending(const struct sidecar_host *host, uint32_t channel);
void ringcast_sidecar_sent(struct sidecar_host *host, uint32_t channel, size_t size); /* the first size bytes of pending are taken */
/*
 * The process died or was cut: its sessions end with CLOSE_SCRIPT_LOST, what was queued is dropped. Harmless when detached. Outside hooks
 * only.
 */
void ringcast_sidecar_detach(struct sidecar_host *host, uint32_t channel, uint64_t now_ns);

/* Once per tick of the shard, outside hooks: stalls, processes that do not come up, sessions that are to end. */
void ringcast_sidecar_tick(struct sidecar_host *host, uint64_t now_ns);
uint64_t ringcast_sidecar_deadline_ns(const struct sidecar_host *host); /* when tick is due at the latest; UINT64_MAX: never */
/* After tick: the process is silent; the owner cuts the stream, detaches, and kills the process. */
bool ringcast_sidecar_is_silent(const struct sidecar_host *host, uint32_t channel);
bool ringcast_sidecar_is_ready(const struct sidecar_host *host, uint32_t channel);

struct sidecar_stats {
	uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
	uint64_t notifications_dropped, questions_defaulted, answers_late, sessions_lost, sessions_killed;
	uint32_t session_count;
	uint32_t queued_bytes;
};
struct sidecar_stats ringcast_sidecar_measure(const struct sidecar_host *host, uint32_t channel);

#endif
