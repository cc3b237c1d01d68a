/* Tries a script out before anybody runs it: Lua in the calling thread, JavaScript in a Node process that ends with the answer. Control
 * threads. */
#ifndef RINGCAST_SCRIPTS_CHECK_H
#define RINGCAST_SCRIPTS_CHECK_H

#include "ringcast/ringcast.h"
#include "scripting/host.h"

/* True: script->facts are filled. False: one clear line in reterr, with file and line where there is one. */
bool ringcast_script_dry_run(struct script *script, const struct script_limits *limits, const char *node, char *reterr,
			     size_t reterr_bytes);

#endif
