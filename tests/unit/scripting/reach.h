/*
 * All that a script can get hold of, found by a script: from its globals, what is built in, and one of each object that the engine gives it, through
 * keys, values, metatables and fields of any name that we know. At its first message it walks, and prints the functions by the name under which
 * it came upon them; then the globals found (name -> function), roots (name -> object) and walk_reached (object -> name) hold the rest.
 */
#ifndef TESTS_UNIT_SCRIPTING_REACH_H
#define TESTS_UNIT_SCRIPTING_REACH_H

#include "session/session.h"

extern const char reach_walker[];
/* Objects do not tell their fields to scripts, but their metatables do to us: these names are tried on everything. Before the message. */
void reach_add_names(struct session *session);

#endif
