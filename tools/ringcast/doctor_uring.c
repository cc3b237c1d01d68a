/* io_uring by plain system calls: the answer must not depend on a library being there, and "why not" is what people need to know. */
#include "tools/ringcast/doctor.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int setup(unsigned entries, unsigned flags)
{
	struct io_uring_params params = {.flags = flags};
	return (int)syscall(__NR_io_uring_setup, entries, &params);
}

static const struct {
	int error;
	const char *remedy;
} setup_problems[] = {
	{ENOSYS, "the kernel has no io_uring; ringcastd uses epoll instead. Run Linux 6.1 or newer"},
	{EPERM, "forbidden: sysctl kernel.io_uring_disabled=0, or allow io_uring_setup/enter/register in the container's seccomp profile"},
	{ENOMEM, "RLIMIT_MEMLOCK is too low for a ring: LimitMEMLOCK=infinity in the unit, or ulimit -l"},
};

void ringcast_doctor_uring(struct doctor_finding *ret_finding)
{
	long long disabled = 0;
	int fd = setup(8, 0);
	if (fd >= 0) {
		close(fd);
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "usable");
		return;
	}
	int error = errno;
	const char *remedy = "see errno; ringcastd uses epoll instead";
	for (size_t i = 0; i < sizeof(setup_problems) / sizeof(setup_problems[0]); i++) {
		if (setup_problems[i].error == error)
			remedy = setup_problems[i].remedy;
	}
	ringcast_doctor_read("/proc/sys/kernel/io_uring_disabled", &disabled);
	ringcast_doctor_set(ret_finding, DOCTOR_WARN, remedy, "not usable: %s (kernel.io_uring_disabled=%lld)", strerror(error), disabled);
}

static const struct {
	unsigned opcode;
	const char *name;
} opcodes[] = {
	{IORING_OP_ACCEPT, "accept"},     {IORING_OP_RECV, "recv"},       {IORING_OP_SEND, "send"},
	{IORING_OP_RECVMSG, "recvmsg"},   {IORING_OP_SENDMSG, "sendmsg"}, {IORING_OP_ASYNC_CANCEL, "async_cancel"},
	{IORING_OP_POLL_ADD, "poll_add"}, {IORING_OP_CLOSE, "close"},     {IORING_OP_SHUTDOWN, "shutdown"},
};
enum { OPCODE_COUNT = sizeof(opcodes) / sizeof(opcodes[0]), PROBE_OPS = 256 };

/* Appends the names of operations that the kernel does not have. False: the probe itself failed. */
static int list_missing(int fd, char *missing, size_t missing_bytes)
{
	struct io_uring_probe *probe = calloc(1, sizeof(*probe) + PROBE_OPS * sizeof(struct io_uring_probe_op));
	size_t used = 0;
	if (!probe)
		return 0;
	int result = (int)syscall(__NR_io_uring_register, fd, IORING_REGISTER_PROBE, probe, PROBE_OPS);
	for (size_t i = 0; result >= 0 && i < OPCODE_COUNT; i++) {
		unsigned opcode = opcodes[i].opcode;
		if (opcode <= probe->last_op && (probe->ops[opcode].flags & IO_URING_OP_SUPPORTED))
			continue;
		if (used < missing_bytes)
			used += (size_t)snprintf(missing + used, missing_bytes - used, "%s%s", used ? ", " : "", opcodes[i].name);
	}
	free(probe);
	return result >= 0;
}

void ringcast_doctor_uring_opcodes(struct doctor_finding *ret_finding)
{
	char missing[120] = "";
	int fd = setup(8, 0);
	if (fd < 0) {
		ringcast_doctor_set(ret_finding, DOCTOR_WARN, "see io_uring", "not asked: io_uring is not usable");
		return;
	}
	int is_probed = list_missing(fd, missing, sizeof(missing));
	close(fd);
	int tasked = setup(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	if (tasked >= 0)
		close(tasked);
	if (!is_probed || missing[0])
		ringcast_doctor_set(ret_finding, DOCTOR_WARN, "run Linux 6.1 or newer; ringcastd uses epoll instead", "missing: %s",
				    is_probed ? missing : "the probe itself");
	else if (tasked < 0)
		ringcast_doctor_set(ret_finding, DOCTOR_WARN, "run Linux 6.1 or newer", "no deferred task work (DEFER_TASKRUN)");
	else
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "all %d operations, deferred task work", OPCODE_COUNT);
}
