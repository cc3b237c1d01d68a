/*
 * Watches a script's folder (or one file) for the dev mode: says when something was saved, once it has been quiet for a moment, since
 * editors write a file in several steps. Main thread.
 */
#ifndef RINGCAST_CONTROL_SCRIPT_WATCH_H
#define RINGCAST_CONTROL_SCRIPT_WATCH_H

#include "control/config.h"

struct script_watch;

struct script_watch *ringcast_script_watch_create(const char *path, struct config_error *reterr); /* NULL: reterr says why */
void ringcast_script_watch_destroy(struct script_watch **watch);                                  /* accepts NULL inside, nulls */
int ringcast_script_watch_fd(const struct script_watch *watch);                                   /* readable: call read */
void ringcast_script_watch_read(struct script_watch *watch, uint64_t now_ns);
/* Milliseconds until is_due may be true; -1: nothing was saved. */
int ringcast_script_watch_wait_ms(const struct script_watch *watch, uint64_t now_ns);
bool ringcast_script_watch_is_due(struct script_watch *watch, uint64_t now_ns); /* true once for each change */

#endif
