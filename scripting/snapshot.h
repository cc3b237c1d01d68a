/*
 * A JavaScript version as it was read, on disk: Node opens files when a script asks for them, which may be long after somebody has saved others
 * in their place. So what a session runs is a copy that nobody writes to.
 */
#ifndef RINGCAST_SCRIPTING_SNAPSHOT_H
#define RINGCAST_SCRIPTING_SNAPSHOT_H

#include "scripting/script.h"

/*
 * Writes the script's files, whose bytes are still in memory, into folder, which must not exist yet; script->folder is that folder from then on,
 * and goes when the script does. False: one line in reterr, and nothing is left.
 */
bool ringcast_snapshot_write(struct script *script, const char *folder, char *reterr, size_t reterr_bytes);
void ringcast_snapshot_remove(const char *folder); /* with all that is in it; links are not followed */

#endif
