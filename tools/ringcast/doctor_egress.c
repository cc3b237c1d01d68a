/* The ways past the kernel's UDP, by plain system calls: whether `egress: xdp` would find what it needs here. */
#include "tools/ringcast/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a shard and a device: frames shared with the kernel, and rings. */
enum { LOCKED_BYTES = 5 << 20 };

void ringcast_doctor_xdp(struct doctor_finding *ret_finding)
{
	struct rlimit limit = {0};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	int error = errno;
	if (fd >= 0)
		close(fd);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (fd < 0 && error == EPERM)
		ringcast_doctor_set(ret_finding, DOCTOR_OK, "for egress: xdp, AmbientCapabilities=CAP_NET_RAW in the unit, or --cap-add NET_RAW of a container",
				    "not for this process: it lacks CAP_NET_RAW");
	else if (fd < 0)
		ringcast_doctor_set(ret_finding, DOCTOR_OK, "egress: socket is what works here; Linux with CONFIG_XDP_SOCKETS has the other", "not here: %s", strerror(error));
	else if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < LOCKED_BYTES)
		ringcast_doctor_set(ret_finding, DOCTOR_WARN, "for egress: xdp, LimitMEMLOCK=infinity in the unit, or CAP_IPC_LOCK: 5 MiB for each shard and device",
				    "usable, but RLIMIT_MEMLOCK is %llu KiB", (unsigned long long)limit.rlim_cur / 1024);
	else
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "usable");
}
