/*
 * The engine of this process as a host: calls become calls of ringcast.h, made on threads of its own, so that a shard that is slow to answer
 * never keeps the loop from its other work. Calls about one session are made one after another, in their order; those about scripts have a thread
 * to themselves: trying one out takes seconds.
 */
#ifndef RINGCAST_SERVICE_HOSTS_LOCAL_H
#define RINGCAST_SERVICE_HOSTS_LOCAL_H

#include "ringcast/ringcast.h"
#include "service/hosts/host.h"

struct host_local;

struct host_local_options {
	ringcast_engine *engine; /* borrowed; outlives the host */
	const struct host_scripts *scripts; /* borrowed likewise; NULL: there is no place to keep any */
	void (*give_back)(void *context, struct host_call *call); /* a thread of the host, several at once */
	void *context;
};

struct host_local *ringcast_host_local_create(const struct host_local_options *options); /* NULL: out of memory, or no thread */
struct host *ringcast_host_local_base(struct host_local *local);
void ringcast_host_local_destroy(struct host_local **local); /* calls that wait are given back unanswered, as FAILED */

/* The engine's change as a host's event. False: nothing that the service must hear. [any thread] */
bool ringcast_host_local_event(const ringcast_change *change, struct host_event *ret_event);

#endif
