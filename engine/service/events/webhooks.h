/*
 * Delivers the stream of events: each webhook has a thread, a bounded queue and its own pace, so that a slow or dead one holds up neither the loop nor
 * another webhook. In order. What fails is tried again with growing pauses; what fails for too long becomes a dead letter, and until something
 * succeeds again each later event has one try only. What does not fit the queue is dropped and counted.
 */
#ifndef RINGCAST_SERVICE_EVENTS_WEBHOOKS_H
#define RINGCAST_SERVICE_EVENTS_WEBHOOKS_H

#include "service/events/envelope.h"

enum { WEBHOOKS_MAX = 8, WEBHOOK_URL_BYTES = 512, WEBHOOK_SECRET_BYTES = 129, WEBHOOK_ERROR_BYTES = 160 };

struct webhook {
	char url[WEBHOOK_URL_BYTES];
	enum envelope_form form;
	char secret[WEBHOOK_SECRET_BYTES];
};

struct webhooks_options {
	const struct webhook *webhooks; /* copied */
	size_t count;
	const char *region; /* borrowed; outlives */
	uint32_t queue_max; /* events that may wait for each */
	uint32_t tries_max; /* of each event */
	int64_t (*now_ms)(void);
	int64_t (*steady_ms)(void); /* CLOCK_MONOTONIC */
	bool (*random)(void *out, size_t size);
	/* A webhook's thread: the event could not be delivered; a copy is taken where it is wanted. */
	void (*dead)(void *context, const char *url, const struct service_event *event, const char *error);
	void *context;
};

struct webhooks;

struct webhooks *ringcast_webhooks_start(const struct webhooks_options *options); /* NULL: no memory, or no thread */
/*
 * These are the webhooks from now on: one that was there before goes on with what waits, a new secret or form counts from the next delivery; what
 * waits for one that is gone becomes dead letters. False: no memory or no thread, and nothing has changed. One thread at a time.
 */
bool ringcast_webhooks_replace(struct webhooks *webhooks, const struct webhook *hooks, size_t count);
/* From now on; what waits already beyond the queue's bound is delivered all the same. [any thread] */
void ringcast_webhooks_bound(struct webhooks *webhooks, uint32_t queue_max, uint32_t tries_max);
bool ringcast_webhooks_are_any(struct webhooks *webhooks);
/* To all webhooks; the event is taken. */
void ringcast_webhooks_emit(struct webhooks *webhooks, struct service_event *event);
/* To one of them; taken. False: there is none of this address any more, or its queue is full, and the event is still the caller's. */
bool ringcast_webhooks_emit_to(struct webhooks *webhooks, const char *url, struct service_event *event);
/* Nothing is delivered any more: what waits, and what is emitted from now on, becomes dead letters. Joins. */
void ringcast_webhooks_halt(struct webhooks *webhooks);
void ringcast_webhooks_destroy(struct webhooks **webhooks); /* halts if needed; accepts NULL inside, nulls */

struct webhooks_counts {
	uint64_t delivered, retried, dead, dropped;
};
void ringcast_webhooks_count(struct webhooks *webhooks, struct webhooks_counts *ret_counts);

#endif
