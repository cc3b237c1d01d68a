/* Reaping and waiting. Completions become events in the caller's array; those that do not fit stay in the completion queue. */
#include <errno.h>
#include <poll.h>

#include "base/assert.h"
#include "io/clock.h"
#include "io/io_uring_impl.h"

/* Armed once: each ring of the doorbell is a completion, and nobody reads what it counts up to. */
void ringcast_uring_wake_arm(struct uring *u)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u);
	io_uring_prep_poll_multishot(sqe, u->wake_fd, POLLIN);
	sqe->user_data = ringcast_uring_name(URING_WAKE, 0, 0);
}

/* Only ends the wait: the event is made from is_wake_pending. Where completions have overflown the kernel has given it up. */
static bool on_wake(struct uring *u, const struct io_uring_cqe *cqe)
{
	ringcast_assert(cqe->res > 0 || cqe->res == -ECANCELED || cqe->res == -ENOMEM);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		ringcast_uring_wake_arm(u);
	return false;
}

static bool on_completion(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event)
{
	switch (ringcast_uring_name_operation(cqe->user_data)) {
	case URING_ACCEPT:
		return ringcast_uring_endpoint_on_accept(u, cqe, event);
	case URING_RECV:
		return ringcast_uring_stream_on_recv(u, cqe, event);
	case URING_SEND:
		return ringcast_uring_stream_on_send(u, cqe, event);
	case URING_RECVMSG:
		return ringcast_uring_endpoint_on_recvmsg(u, cqe, event);
	case URING_WAKE:
		return on_wake(u, cqe);
	case URING_DATAGRAM: /* seen by the scan after its submit */
	case URING_CANCEL:   /* nothing to cancel: its last completion was on the way */
		return false;
	}
	ringcast_unreachable("completion of no known operation");
}

/* Events that wait on our side of the ring. */
static bool next_internal(struct uring *u, struct io_event *event)
{
	if (atomic_load_explicit(&u->is_wake_pending, memory_order_relaxed) && atomic_exchange(&u->is_wake_pending, false)) {
		u->stats.wakes++;
		*event = (struct io_event){.kind = IO_EVENT_WAKE};
		return true;
	}
	if (!ringcast_list_is_empty(&u->done)) {
		ringcast_uring_stream_finish(u, CONTAINER_OF(u->done.next, struct uring_stream, node), event);
		return true;
	}
	return ringcast_uring_datagram_next_failure(u, event);
}

static bool pop_completion(struct uring *u, struct io_uring_cqe *ret_cqe)
{
	const struct io_uring_cq *cq = &u->ring.cq;
	uint32_t head = *cq->khead;
	if (head == io_uring_smp_load_acquire(cq->ktail))
		return false;
	memcpy(ret_cqe, &cq->cqes[head & cq->ring_mask], sizeof(*ret_cqe));
	io_uring_cq_advance(&u->ring, 1);
	return true;
}

/* Returns whether the completion queue was emptied. */
static bool collect_completions(struct uring *u, struct io_event *events, unsigned event_count_max, unsigned *count)
{
	struct io_uring_cqe cqe;
	while (*count < event_count_max) {
		if (next_internal(u, &events[*count]))
			++*count;
		else if (!pop_completion(u, &cqe))
			return true;
		else if (on_completion(u, &cqe, &events[*count]))
			++*count;
	}
	return false;
}

/*
 * Quiet sends that nothing was heard of are told as sent, before all else: the tick reuses what they held. Only an empty completion queue,
 * with nothing held back beside it, says so.
 */
static unsigned collect(struct uring *u, struct io_event *events, unsigned event_count_max)
{
	unsigned first = u->quiet_count > 0 && event_count_max > 1 ? 1 : 0, count = first;
	bool is_empty = collect_completions(u, events, event_count_max, &count);
	bool is_told = is_empty && u->quiet_count > 0 && !io_uring_cq_has_overflow(&u->ring) && (first == 1 || count == 0) &&
		       ringcast_uring_stream_tell_quiet(u, &events[0]);
	if (is_told)
		return first == 1 ? count : 1;
	if (first == 1)
		memmove(&events[0], &events[1], (count - 1) * sizeof(*events));
	return count - first;
}

static void resume(struct uring *u)
{
	ringcast_uring_stream_resume_starved(u);
	ringcast_uring_endpoint_resume(u);
}

static void flush_egress(struct uring *u)
{
	if (u->egress != NULL)
		u->is_egress_pending = ringcast_egress_flush(u->egress);
}

static void sleep_until(struct uring *u, uint64_t deadline_ns)
{
	if (u->resume_ns != 0 && u->resume_ns < deadline_ns)
		deadline_ns = u->resume_ns;
	if (u->is_egress_pending && deadline_ns > u->now_ns + EGRESS_RETRY_NS)
		deadline_ns = u->now_ns + EGRESS_RETRY_NS;
	uint64_t wait_ns = deadline_ns > u->now_ns ? deadline_ns - u->now_ns : 0;
	/* A waker sets is_wake_pending, then looks at is_sleeping; we set is_sleeping, then look at is_wake_pending. One of us sees. */
	atomic_store(&u->is_sleeping, true);
	if (atomic_load(&u->is_wake_pending))
		ringcast_uring_flush_and_get_events(u);
	else
		ringcast_uring_flush_and_wait(u, wait_ns);
	atomic_store(&u->is_sleeping, false);
}

static unsigned wait_for_work(struct uring *u, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	unsigned count = 0;
	for (u->now_ns = ringcast_clock_now_ns(); count == 0 && u->now_ns < deadline_ns; u->now_ns = ringcast_clock_now_ns()) {
		resume(u);
		if (u->is_egress_pending)
			flush_egress(u);
		sleep_until(u, deadline_ns);
		count = collect(u, events, event_count_max);
	}
	return count;
}

/*
 * With nothing at hand, what the tick queued is submitted and the next event waited for in one system call. Else the wait would not end:
 * what is here already wakes nobody.
 */
static bool is_at_hand(const struct uring *u)
{
	return u->is_sent_wanted || io_uring_cq_ready(&u->ring) > 0 || io_uring_cq_has_overflow(&u->ring) || !ringcast_list_is_empty(&u->done) ||
	       u->failure_count > 0;
}

static unsigned run_without_waiting(struct uring *u, struct io_event *events, unsigned event_count_max)
{
	resume(u);
	ringcast_uring_flush_and_get_events(u);
	u->is_sent_wanted = false;
	return collect(u, events, event_count_max);
}

uint64_t ringcast_uring_submit(struct io *io)
{
	struct uring *u = (struct uring *)io;
	u->stats.entered_ns = ringcast_clock_now_ns();
	flush_egress(u);
	ringcast_uring_flush(u);
	return u->now_ns = ringcast_clock_now_ns();
}

/* Nobody rings meanwhile: is_sleeping is not set, so a wake is only noted, for the next run. */
uint64_t ringcast_uring_nap(struct io *io, uint64_t nap_ns)
{
	struct uring *u = (struct uring *)io;
	uint64_t begun_ns = u->now_ns;
	if (u->is_sent_wanted || u->is_egress_pending || io_uring_sq_ready(&u->ring) > 0)
		return 0;
	ringcast_uring_sleep(u, nap_ns);
	u->stats.naps++;
	u->now_ns = ringcast_clock_now_ns();
	return u->now_ns - begun_ns;
}

unsigned ringcast_uring_run(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max)
{
	struct uring *u = (struct uring *)io;
	ringcast_assert(event_count_max > 0);
	unsigned count = 0;
	u->stats.entered_ns = u->now_ns = ringcast_clock_now_ns();
	flush_egress(u);
	if (deadline_ns <= u->now_ns || is_at_hand(u))
		count = run_without_waiting(u, events, event_count_max);
	if (count == 0 && deadline_ns != 0)
		count = wait_for_work(u, deadline_ns, events, event_count_max);
	ringcast_uring_flush(u); /* re-arms made while reaping: not to be late with them while the engine works */
	u->now_ns = ringcast_clock_now_ns();
	u->round++;
	return count;
}
