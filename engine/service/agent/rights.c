#include "service/agent/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}};
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

/* Where they cannot be lowered, for want of CAP_SETPCAP, no_new_privs sees to it: exec gives nothing that was not there. */
static void lower_bounds(void)
{
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

/* The system's calls: libc's would look for the other threads, which are not here after fork. */
static int become(const struct agent_user *user)
{
	if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, user->gid, user->gid, user->gid) != 0 ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid) != 0)
		return errno;
	return 0;
}

int ringcast_agent_rights_give_up(const struct agent_user *user)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	lower_bounds();
	int problem = user->is_set ? become(user) : 0;
	return problem != 0 ? problem : drop_capabilities();
}

int ringcast_agent_rights_share(const struct agent_user *user, const char *folder, bool inherited)
{
	if (!user->is_set)
		return 0;
	return chown(folder, (uid_t)-1, user->gid) == 0 && chmod(folder, inherited ? 02750 : 0750) == 0 ? 0 : errno;
}
