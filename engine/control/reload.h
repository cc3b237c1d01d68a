/* What a new configuration changes in a running daemon. Pure but for the JSON. */
#ifndef RINGCAST_CONTROL_RELOAD_H
#define RINGCAST_CONTROL_RELOAD_H

#include <jansson.h>

#include "control/config.h"

/* Takes the reloadable keys of next over into running; lists both kinds: {"changed": [...], "needs_restart": [...]}. */
json_t *ringcast_reload_apply(struct config *running, const struct config *next);
/* Something behind a key has changed though the key has not: path is listed as changed, and key says to what. */
void ringcast_reload_note(json_t *changes, const char *path, const char *key, const char *value);
/* "a, b" of one of the lists; "none" when empty. */
void ringcast_reload_names(const json_t *changes, const char *list, char *ret_text, size_t size);

#endif
