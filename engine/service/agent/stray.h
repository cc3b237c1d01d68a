/*
 * What a game server leaves behind: processes of its session, or that carry its name in their environment, wherever they have put themselves and
 * whoever is their parent by now. Found by a look through /proc. A subreaper would get them as children, and with them the zombies of every stranger,
 * in a daemon whose other parts wait for children of their own; so the system's own reaper has them.
 */
#ifndef RINGCAST_SERVICE_AGENT_STRAY_H
#define RINGCAST_SERVICE_AGENT_STRAY_H

#include <stddef.h>
#include <sys/types.h>

#define AGENT_NAME_VARIABLE "RINGCAST_PROCESS"

/*
 * Kills all of them. leader: the number that the server had, which is its session's; 0: of those that carry the name only, since the number may be
 * another's by now. Returns how many there were; 0: none is left.
 */
size_t ringcast_agent_strays_kill(const char *id, pid_t leader);

#endif
