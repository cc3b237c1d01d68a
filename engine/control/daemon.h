/*
 * The daemon's life: preflight, engine, admin API, signals, drain, stop. Runs on the main thread; the HTTP thread comes in through
 * the host functions, which take the daemon's mutex.
 */
#ifndef RINGCAST_CONTROL_DAEMON_H
#define RINGCAST_CONTROL_DAEMON_H

#include "control/config.h"
#include "control/flags.h"
#include "control/logs.h"

/* Until told to stop. Returns the exit status: 0 stopped as asked, 1 could not start. config is taken as the running one. */
int ringcast_daemon_run(const struct flags *flags, char *const *environment, const struct config *config, struct logs *logs);

#endif
