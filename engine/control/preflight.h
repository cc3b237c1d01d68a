/*
 * What the machine must allow before the engine can start. Each finding is one line that says what is missing and how to get it; findings
 * that would make the start fail are errors, the rest warnings. Changes nothing but RLIMIT_NOFILE.
 */
#ifndef RINGCAST_CONTROL_PREFLIGHT_H
#define RINGCAST_CONTROL_PREFLIGHT_H

#include "control/config.h"

/* fields: "key=value ..." for the log. */
typedef void preflight_fn(void *context, ringcast_log_level level, const char *message, const char *fields);

/* True when nothing stands in the way of a start. is_dev: too few files are only a warning. */
bool ringcast_preflight_run(const struct config *config, bool is_dev, preflight_fn *found, void *context);
/* Soft limit to hard. */
void ringcast_preflight_raise_files(void);
/* File descriptors the configuration may need at once. */
uint64_t ringcast_preflight_files_needed(const struct config *config);
/* Why io_uring cannot be used here, with the remedy; NULL: it can. */
const char *ringcast_preflight_uring_problem(void);

#endif
