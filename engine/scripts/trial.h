/*
 * A program of ours that tries a script out, in a process group of its own: run to its end or to a limit, its output kept up to a bound, then killed with
 * all that it started. Control threads; waits.
 */
#ifndef RINGCAST_TRIAL_H
#define RINGCAST_TRIAL_H

#include <stddef.h>
#include <stdint.h>

struct trial {
	char *const *arguments;   /* the program first, NULL last */
	char *const *environment; /* likewise */
	int input;                /* its standard input; -1: nothing to read. Stays the caller's */
	uint32_t timeout_ms;      /* of time in which this process runs too: a pause of the whole machine does not count */
};

enum trial_end {
	TRIAL_ENDED,       /* by itself, or because it has printed all that there is room for */
	TRIAL_LATE,        /* killed at the timeout */
	TRIAL_OUT_OF_TIME, /* killed by the kernel, at its limit of processor time */
	TRIAL_REFUSED,     /* exit code 126: what was to become the program could not */
	TRIAL_NOT_STARTED, /* errno says why */
};

/* out: what it printed, at most out_bytes - 1, always terminated. */
enum trial_end ringcast_trial_run(const struct trial *trial, char *out, size_t out_bytes);

#endif
