/* What the kernel lets us do with datagrams, by plain system calls: whether `egress: xdp` and `listen.udp_shared` would find what they need here. */
#include "tools/ringcast/doctor.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* The least program of the kind that steers: it leaves every datagram to the kernel's choice. -1: errno says why not. */
static int load_steering(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = SK_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SK_REUSEPORT,
				     .insn_cnt = sizeof(program) / sizeof(program[0]),
				     .insns = (uint64_t)(uintptr_t)program,
				     .license = (uint64_t)(uintptr_t)"Apache-2.0"};
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

void ringcast_doctor_shared_port(struct doctor_finding *ret_finding)
{
	int fd = load_steering(), error = errno;
	if (fd >= 0) {
		close(fd);
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "usable");
	} else if (error == EPERM) {
		ringcast_doctor_set(ret_finding, DOCTOR_OK, "for listen.udp_shared, AmbientCapabilities=CAP_BPF in the unit, or --cap-add BPF of a container",
				    "not for this process: it lacks CAP_BPF");
	} else {
		ringcast_doctor_set(ret_finding, DOCTOR_OK, "each shard has UDP ports of its own here: open all of them", "not here: %s", strerror(error));
	}
}
