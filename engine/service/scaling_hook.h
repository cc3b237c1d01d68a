/*
 * The command that is told how many machines a fleet wants: whoever provides them hangs on here. One at a time, by a thread of its own, in a process
 * group and session of its own, without a shell, and killed when it takes too long; so neither the service nor a fleet waits for another's. Of a
 * fleet whose wish changes meanwhile only the newest is told.
 *
 * In its environment: RINGCAST_FLEET, RINGCAST_DESIRED, RINGCAST_REASON, PATH and LANG, and nothing else.
 */
#ifndef RINGCAST_SERVICE_SCALING_HOOK_H
#define RINGCAST_SERVICE_SCALING_HOOK_H

#include "service/operations/scaling.h"

enum { SCALING_HOOK_FLEETS_MAX = 256 };

struct scaling_hook_options {
	const char *command; /* absolute path of a program; copied. NULL: nobody is told */
	int64_t timeout_ms;
	int64_t (*steady_ms)(void);
};

struct scaling_hook_counts {
	uint64_t done, failed, timed_out, dropped; /* dropped: SCALING_HOOK_FLEETS_MAX waited already */
};

struct scaling_hook;
struct scaling_hook *ringcast_scaling_hook_start(const struct scaling_hook_options *options); /* NULL: no memory, or no thread */
/* From the next run on. False: no memory, and nothing has changed. [any thread] */
bool ringcast_scaling_hook_set(struct scaling_hook *hook, const char *command, int64_t timeout_ms);
void ringcast_scaling_hook_stop(struct scaling_hook **hook); /* ends what runs; what waits is not told. Accepts NULL inside, nulls */
void ringcast_scaling_hook_tell(struct scaling_hook *hook, const struct scaling_decision *decision); /* [any thread] */
void ringcast_scaling_hook_count(struct scaling_hook *hook, struct scaling_hook_counts *ret_counts); /* [any thread] */

#endif
