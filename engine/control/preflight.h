/*
 * What the machine must allow before the engine can start. Each finding is one line that says what is missing and how to get it; findings
 * that would make the start fail are errors, the rest warnings. Changes nothing but RLIMIT_NOFILE.
 */
#ifndef RINGCAST_CONTROL_PREFLIGHT_H
#define RINGCAST_CONTROL_PREFLIGHT_H

#include "control/config.h"

/* fields: "key=value ..." for the log. */
typedef void preflight_fn(void *context, ringcast_log_level level, const char *message, const char *fields);

enum preflight_mode {
	PREFLIGHT_START,
	PREFLIGHT_DEV,   /* too few files are only a warning */
	PREFLIGHT_CHECK, /* of a configuration whose daemon may be running: ports in use are only a warning */
};

/* What a start reads and would refuse: tokens, certificates, and all that the engine says about its options. False: one line, with the file. */
bool ringcast_preflight_files(const struct config *config, bool is_dev, struct config_error *reterr);
/* True when nothing on this machine stands in the way of a start. */
bool ringcast_preflight_run(const struct config *config, enum preflight_mode mode, preflight_fn *found, void *context);
/* What the configuration takes, of memory that is the engine's own from the start, and at most with what may come besides. */
void ringcast_preflight_memory(const struct config *config, uint64_t *ret_own_bytes, uint64_t *ret_most_bytes);
/* Soft limit to hard. */
void ringcast_preflight_raise_files(void);
/* File descriptors the configuration may need at once. */
uint64_t ringcast_preflight_files_needed(const struct config *config);
/* Why io_uring cannot be used here, with the remedy; NULL: it can. */
const char *ringcast_preflight_uring_problem(void);

#endif
