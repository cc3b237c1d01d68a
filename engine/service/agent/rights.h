/*
 * What a game server may: nothing that makes root mighty, whoever the daemon is, and with a user of its own nothing of root at all. A program is its
 * studio's, and a daemon that runs as root would otherwise hand it the machine.
 */
#ifndef RINGCAST_SERVICE_AGENT_RIGHTS_H
#define RINGCAST_SERVICE_AGENT_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

struct agent_user {
	bool is_set; /* false: the daemon's own */
	uid_t uid;
	gid_t gid; /* the only group */
};

/*
 * For the calling process: no capability, in no set, now or after exec (what a file would give is out of its bounds), and the user. 0, or the errno. Allowed
 * between fork and exec.
 */
int ringcast_agent_rights_give_up(const struct agent_user *user);
/* Lets the user's group enter a folder of ours and read there; inherited: so may it whatever is made in it from now on. 0, or the errno. */
int ringcast_agent_rights_share(const struct agent_user *user, const char *folder, bool inherited);

#endif
