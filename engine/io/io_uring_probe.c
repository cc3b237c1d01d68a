/* Can io_uring be used here, and if not, why and what to do about it: always one line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attr.h"
#include "io/io_uring_impl.h"

enum { SILENCE = INT32_MIN, QUIET_TEST_BYTES = 1 << 20 };

static const struct {
	int opcode;
	const char *name;
} operations_needed[] = {
	{IORING_OP_ACCEPT, "ACCEPT"}, {IORING_OP_RECV, "RECV"},       {IORING_OP_RECVMSG, "RECVMSG"},
	{IORING_OP_SEND, "SEND"},     {IORING_OP_SENDMSG, "SENDMSG"}, {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
	{IORING_OP_POLL_ADD, "POLL_ADD"},
};

/* The value of kernel.io_uring_disabled, or -1 where the kernel has no such switch (before 6.6). */
static int read_disabled_switch(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = -1;
	if (file == NULL)
		return -1;
	if (fscanf(file, "%d", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static unsigned long long memlock_kib(void)
{
	struct rlimit limit = {0};
	getrlimit(RLIMIT_MEMLOCK, &limit);
	return limit.rlim_cur / 1024;
}

int ringcast_uring_explain_setup(int error, char *reterr, size_t reterr_bytes)
{
	int disabled = read_disabled_switch();
	if (error == -EPERM && disabled > 0)
		snprintf(reterr, reterr_bytes,
			 "io_uring is switched off for this process (kernel.io_uring_disabled = %d): set it to 0, or to 1 and put the user "
			 "into "
			 "kernel.io_uring_group",
			 disabled);
	else if (error == -EPERM)
		snprintf(reterr, reterr_bytes,
			 "io_uring_setup is forbidden (EPERM): a seccomp profile blocks it; allow io_uring_setup, io_uring_enter and "
			 "io_uring_register (docker: --security-opt seccomp=...)");
	else if (error == -ENOSYS)
		snprintf(reterr, reterr_bytes,
			 "io_uring_setup does not exist (ENOSYS): the kernel was built without CONFIG_IO_URING or a seccomp profile hides "
			 "it");
	else if (error == -ENOMEM)
		snprintf(reterr, reterr_bytes,
			 "no memory for an io_uring (ENOMEM): RLIMIT_MEMLOCK is %llu KiB; raise it (systemd: LimitMEMLOCK=infinity, shell: "
			 "ulimit -l)",
			 memlock_kib());
	else if (error == -EMFILE || error == -ENFILE)
		snprintf(reterr, reterr_bytes, "no descriptor left for an io_uring: raise RLIMIT_NOFILE (systemd: LimitNOFILE=)");
	else if (error == -EINVAL)
		snprintf(reterr, reterr_bytes, "this kernel's io_uring lacks SINGLE_ISSUER or DEFER_TASKRUN: Linux 6.1 or later is needed");
	else
		snprintf(reterr, reterr_bytes, "io_uring_setup failed: %s", strerror(-error));
	return error;
}

static int check_operations(const struct io_uring_probe *probe, char *reterr, size_t reterr_bytes)
{
	for (size_t i = 0; i < ARRAY_COUNT(operations_needed); i++)
		if (!io_uring_opcode_supported(probe, operations_needed[i].opcode)) {
			snprintf(reterr, reterr_bytes, "this kernel's io_uring lacks the %s operation: Linux 6.1 or later is needed",
				 operations_needed[i].name);
			return -EOPNOTSUPP;
		}
	return 0;
}

/* A profile may let a ring be made and forbid to use it. */
static int check_enter(struct io_uring *ring, char *reterr, size_t reterr_bytes)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	ringcast_assert(sqe != NULL); /* the ring is new */
	io_uring_prep_nop(sqe);
	int result = io_uring_submit_and_wait(ring, 1);
	if (result >= 0)
		result = io_uring_peek_cqe(ring, &cqe);
	if (result >= 0) {
		io_uring_cqe_seen(ring, cqe);
		return 0;
	}
	snprintf(reterr, reterr_bytes, "io_uring_enter is refused (%s): a seccomp profile allows only part of io_uring", strerror(-result));
	return result;
}

int ringcast_uring_check_features(struct io_uring *ring, uint32_t features, char *reterr, size_t reterr_bytes)
{
	if ((features & URING_FEATURES) != URING_FEATURES) {
		snprintf(reterr, reterr_bytes, "this kernel's io_uring lacks features 0x%x: Linux 6.1 or later is needed",
			 URING_FEATURES & ~features);
		return -EOPNOTSUPP;
	}
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	if (probe == NULL) {
		snprintf(reterr, reterr_bytes, "io_uring_register is refused: a seccomp profile allows only part of io_uring");
		return -EPERM;
	}
	int result = check_operations(probe, reterr, reterr_bytes);
	io_uring_free_probe(probe);
	return result < 0 ? result : check_enter(ring, reterr, reterr_bytes);
}

/* The completion of a quiet send of size bytes, or SILENCE. */
static int32_t send_quietly(struct io_uring *ring, int fd, uint8_t *data, size_t size, bool is_vector)
{
	struct iovec iov[2] = {{.iov_base = data, .iov_len = 1}, {.iov_base = data + 1, .iov_len = size - 1}};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = ARRAY_COUNT(iov)};
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	const int flags = MSG_WAITALL | MSG_NOSIGNAL | MSG_DONTWAIT;
	if (is_vector)
		io_uring_prep_sendmsg(sqe, fd, &message, (unsigned)flags);
	else
		io_uring_prep_send(sqe, fd, data, size, flags);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	if (io_uring_submit(ring) != 1)
		return -EIO;
	if (io_uring_peek_cqe(ring, &cqe) != 0)
		return SILENCE;
	int32_t result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static ssize_t drain(int fd, uint8_t *data, size_t size)
{
	ssize_t total = 0, part;
	while ((part = recv(fd, data, size, MSG_DONTWAIT)) > 0)
		total += part;
	return total;
}

/* What fits is silent, what fits in part says how much, what does not fit at all says so; and that is what the peer gets. */
static bool is_honest(struct io_uring *ring, const int ends[2], uint8_t *data, bool is_vector)
{
	int32_t small = send_quietly(ring, ends[0], data, 2, is_vector);
	int32_t large = send_quietly(ring, ends[0], data, QUIET_TEST_BYTES, is_vector);
	int32_t full = large;
	for (int i = 0; i < 16 && full > 0; i++) { /* an ever smaller rest may still find room */
		full = send_quietly(ring, ends[0], data, QUIET_TEST_BYTES, is_vector);
		large += full > 0 ? full : 0;
	}
	return small == SILENCE && large > 0 && large < QUIET_TEST_BYTES && full == -EAGAIN &&
	       drain(ends[1], data, QUIET_TEST_BYTES) == 2 + large;
}

bool ringcast_uring_test_quiet_sends(struct io_uring *ring)
{
	int ends[2];
	uint8_t *data = calloc(1, QUIET_TEST_BYTES);
	bool is_usable = false;
	if (data != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
		setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){8192}, sizeof(int));
		is_usable = is_honest(ring, ends, data, false) && is_honest(ring, ends, data, true);
		close(ends[0]);
		close(ends[1]);
	}
	free(data);
	return is_usable;
}

int ringcast_uring_explain_buffers(int error, char *reterr, size_t reterr_bytes)
{
	if (error == -ENOMEM)
		snprintf(
			reterr, reterr_bytes,
			"no memory for io_uring buffers (ENOMEM): RLIMIT_MEMLOCK is %llu KiB; raise it (systemd: LimitMEMLOCK=infinity) or "
			"configure fewer receive buffers",
			memlock_kib());
	else
		snprintf(reterr, reterr_bytes, "io_uring cannot register a buffer ring (%s): Linux 6.1 or later is needed",
			 strerror(-error));
	return error;
}

static int probe_buffers(struct uring *u, char *reterr, size_t reterr_bytes)
{
	int result = ringcast_uring_group_init(u, URING_GROUP_STREAM, 8, 64);
	if (result < 0)
		ringcast_uring_explain_buffers(result, reterr, reterr_bytes);
	return result;
}

int ringcast_io_uring_probe(char *reterr, size_t reterr_bytes)
{
	struct uring *u = calloc(1, sizeof(*u));
	if (u == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return -ENOMEM;
	}
	int result = ringcast_uring_ring_open(&u->ring, URING_CQ_ENTRIES_MIN, reterr, reterr_bytes);
	if (result == 0) {
		result = probe_buffers(u, reterr, reterr_bytes);
		io_uring_queue_exit(&u->ring);
		ringcast_uring_group_fini(&u->groups[URING_GROUP_STREAM]);
	}
	free(u);
	return result;
}
