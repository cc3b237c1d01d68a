/*
 * Builds as the host finds them: a folder below service.builds, or an archive there, which is unpacked into the state folder under the build's id. A
 * thread of its own does so, one after the other, since it takes as long as the disk does.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_BUILDS_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_BUILDS_H

#include "service/agent/rights.h"
#include "service/agent/unpack.h"
#include "service/hosts/host.h"

/* What a build's record names a folder of ours by: "./ID". No folder that anybody gives begins so. */
#define BUILDS_UNPACKED "./"

struct builds_options {
	const char *builds;   /* absolute; NULL: there is no place for builds */
	const char *unpacked; /* folder, made when it is needed; NULL: archives have no place */
	struct agent_user reader; /* who runs what is in them */
	struct unpack_limits limits;
	void (*give_back)(void *context, struct host_call *call); /* the thread's */
	void *context;
};

struct builds;
struct builds *ringcast_builds_start(const struct builds_options *options); /* texts are borrowed and outlive it; NULL: no memory, or no thread */
void ringcast_builds_stop(struct builds **builds); /* what is being unpacked is given up; that and what waits is given back as FAILED. Accepts NULL inside, nulls */
/*
 * A call LOOK_AT_BUILD: key names what to look at, session is the id that the build will have. The answer: the key is what the record shall say, and size_bytes.
 * [any thread]
 */
void ringcast_builds_look(struct builds *builds, struct host_call *call);
void ringcast_builds_remove(struct builds *builds, const char *build_id); /* what was unpacked of it; nothing for others [any thread] */
/* What was unpacked for no build that there is: of a daemon that was killed before it could say so. has: of each name. The caller's thread. */
void ringcast_builds_sweep(const char *unpacked, bool (*has)(void *context, const char *build_id), void *context);

#endif
