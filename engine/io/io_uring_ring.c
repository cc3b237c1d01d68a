/* The submission side: opening a ring, queueing requests, handing batches to the kernel. */
#include <errno.h>
#include <sched.h>

#include "base/assert.h"
#include "io/io_uring_impl.h"

#define SUBMIT_ATTEMPT_COUNT_MAX 100000
#define GATHERED_COUNT_MAX 64

int ringcast_uring_ring_open(struct io_uring *ring, uint32_t cq_entries, char *reterr, size_t reterr_bytes)
{
	struct io_uring_params params = {.flags = URING_SETUP_FLAGS, .cq_entries = cq_entries};
	int result = io_uring_queue_init_params(URING_SQ_ENTRIES, ring, &params);
	if (result < 0)
		return ringcast_uring_explain_setup(result, reterr, reterr_bytes);
	result = ringcast_uring_check_features(ring, params.features, reterr, reterr_bytes);
	if (result < 0) {
		io_uring_queue_exit(ring);
		return result;
	}
	io_uring_register_ring_fd(ring); /* saves a descriptor look-up per system call; works without */
	return 0;
}

/* One system call. With is_reaping, completions that wait for a visit of this thread are posted too. */
static int enter(struct uring *u, bool is_reaping)
{
	if (io_uring_cq_has_overflow(&u->ring))
		u->stats.cq_overflows++;
	return is_reaping ? io_uring_submit_and_get_events(&u->ring) : io_uring_submit(&u->ring);
}

static void submit_batch(struct uring *u, bool is_reaping)
{
	unsigned attempt = 0;
	int result;
	do {
		result = enter(u, is_reaping);
		/* EAGAIN and EBUSY mean that the kernel is short of memory or wants completions flushed first. */
		ringcast_assert(result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY);
		if (result == -EAGAIN || result == -EBUSY) {
			io_uring_get_events(&u->ring);
			sched_yield();
		}
		ringcast_assert(++attempt < SUBMIT_ATTEMPT_COUNT_MAX);
	} while (io_uring_sq_ready(&u->ring) > 0);
	u->batch_count = 0;
	ringcast_uring_datagram_scan(u);
}

/* Not from within itself: sending again in pieces may fill a batch, which is flushed. */
static void retry(struct uring *u)
{
	while (u->retry_count > 0 && !u->is_retrying) {
		ringcast_uring_datagram_retry(u);
		submit_batch(u, false);
	}
}

static void flush(struct uring *u, bool is_reaping)
{
	submit_batch(u, is_reaping);
	retry(u);
}

void ringcast_uring_flush(struct uring *u)
{
	if (u->batch_count > 0)
		flush(u, false);
}

static void submit_and_wait(struct uring *u, unsigned completion_count, uint64_t wait_ns)
{
	struct __kernel_timespec timeout = {.tv_sec = (int64_t)(wait_ns / NS_PER_S), .tv_nsec = (long long)(wait_ns % NS_PER_S)};
	struct io_uring_cqe *cqe;
	int result = io_uring_submit_and_wait_timeout(&u->ring, &cqe, completion_count, &timeout, NULL);
	ringcast_assert(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY);
}

/*
 * Gathering asks for more completions than come at light load, so that the thread sleeps through the first ones; many of them at once
 * end it early. With nothing gathered the wait goes on, for the first.
 */
void ringcast_uring_flush_and_wait(struct uring *u, uint64_t wait_ns)
{
	uint64_t gather_ns = u->options.gather_ns < wait_ns ? u->options.gather_ns : wait_ns;
	if (gather_ns > 0)
		submit_and_wait(u, GATHERED_COUNT_MAX, gather_ns);
	if (gather_ns == 0 || (gather_ns < wait_ns && io_uring_cq_ready(&u->ring) == 0 && io_uring_sq_ready(&u->ring) == 0))
		submit_and_wait(u, 1, wait_ns - gather_ns);
	if (io_uring_sq_ready(&u->ring) > 0) {
		flush(u, false); /* the kernel was short of memory, or wants completions reaped first */
		return;
	}
	u->batch_count = 0;
	ringcast_uring_datagram_scan(u); /* also what an overflown completion queue held back until now */
	retry(u);
}

void ringcast_uring_sleep(struct uring *u, uint64_t sleep_ns)
{
	submit_and_wait(u, URING_CQ_ENTRIES_MAX, sleep_ns);
}

void ringcast_uring_flush_and_get_events(struct uring *u)
{
	flush(u, true);
}

struct io_uring_sqe *ringcast_uring_sqe(struct uring *u)
{
	if (u->batch_count >= URING_BATCH_COUNT_MAX) {
		u->stats.sq_full++;
		ringcast_uring_flush(u);
	}
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	ringcast_assert(sqe != NULL); /* the SQ is larger than a batch */
	u->batch_count++;
	return sqe;
}

void ringcast_uring_cancel(struct uring *u, uint64_t name)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u);
	io_uring_prep_cancel64(sqe, name, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = ringcast_uring_name(URING_CANCEL, 0, 0);
}
