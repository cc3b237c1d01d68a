/* The loop's one turn, in the order of a packet's life. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/pause.h"
#include "shard/resume.h"

enum { READ_ON_COUNT = 16, TIMERS_PER_TICK_MAX = 1024, HANDOFFS_PER_TICK_MAX = 64, SLEEP_NS_MAX = 100000000, OVERRUN_NS = 20000000, LETTERS_RETRY_NS = 50000 };

static void handle_stream_event(struct shard *shard, const struct io_event *event)
{
	if (ringcast_partner_is_named(event->user)) {
		ringcast_partner_on_event(shard, event);
		return;
	}
	switch (event->kind) {
	case IO_EVENT_RECV:
		ringcast_shard_on_recv(shard, event);
		shard->io->ops->release(shard->io, event);
		break;
	case IO_EVENT_END:
		ringcast_shard_on_end(shard, event);
		break;
	case IO_EVENT_SENT:
		ringcast_shard_on_sent(shard, event->user, event->result);
		break;
	case IO_EVENT_CLOSED:
		ringcast_shard_on_closed(shard, event);
		break;
	default:
		ringcast_unreachable("event of a stream");
	}
}

static void handle_sents(struct shard *shard, const struct io_event *event)
{
	for (uint32_t i = 0; i < event->size; i++)
		if (UNLIKELY(ringcast_partner_is_named(event->sents[i].user)))
			ringcast_partner_on_sent(shard, &event->sents[i]);
		else
			ringcast_shard_on_sent(shard, event->sents[i].user, event->sents[i].result);
	ringcast_shard_rewind_chunk(shard);
}

static void handle_event(struct shard *shard, const struct io_event *event)
{
	switch (event->kind) {
	case IO_EVENT_ACCEPT:
		ringcast_shard_on_accept(shard, event);
		break;
	case IO_EVENT_RECV:
	case IO_EVENT_END:
	case IO_EVENT_SENT:
	case IO_EVENT_CLOSED:
		handle_stream_event(shard, event);
		break;
	case IO_EVENT_SENTS:
		handle_sents(shard, event);
		break;
	case IO_EVENT_DETACHED:
		ringcast_shard_on_detached(shard, event);
		break;
	case IO_EVENT_DATAGRAM:
		ringcast_shard_on_datagram(shard, event);
		shard->io->ops->release(shard->io, event);
		break;
	case IO_EVENT_SEND_ERROR:
		ringcast_shard_on_send_error(shard, event);
		break;
	case IO_EVENT_WAKE:
		break;
	}
}

/* Receivers that overflowed and players who were told to leave: closed here, not from inside the fan-out that found out. */
void ringcast_shard_close_doomed(struct shard *shard)
{
	while (!ringcast_list_is_empty(&shard->doomed)) {
		struct conn *conn = CONTAINER_OF(shard->doomed.next, struct conn, dirty_node);
		ringcast_list_remove(&conn->dirty_node);
		ringcast_shard_conn_close(shard, conn, conn->close_reason, ringcast_conn_close_text(conn));
	}
}

static void expire(void *context, struct timer *timer)
{
	struct shard *shard = context;
	if (timer->kind == CONN_TIMER)
		ringcast_shard_on_conn_timer(shard, CONTAINER_OF(timer, struct conn, timer));
	else if (timer->kind == ASSOCIATION_TIMER)
		ringcast_shard_on_association_timer(shard, CONTAINER_OF(timer, struct association, timer));
	else if (timer->kind == RESUME_TIMER)
		ringcast_resume_expire(shard, CONTAINER_OF(timer, struct resume, timer));
	else
		ringcast_session_expire(&shard->store, timer, shard->now_ns);
}

static void drain_mailbox(struct shard *shard)
{
	struct mailbox *mailbox = shard->options.mailboxes[shard->options.index];
	for (unsigned i = 0; i < HANDOFFS_PER_TICK_MAX; i++) {
		struct handoff *handoff = ringcast_mailbox_take(mailbox);
		if (handoff == NULL)
			break;
		if (handoff->fd >= 0)
			ringcast_shard_handoff_receive(shard, handoff);
		else
			ringcast_shard_transfer_receive(shard, handoff);
		ringcast_handoff_free(handoff);
	}
	if (mailbox->has_strays)
		ringcast_shard_strays_take(shard);
	ringcast_mailbox_answer(mailbox, shard);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t deadline_ns(struct shard *shard)
{
	uint64_t deadline = earlier(ringcast_timer_wheel_deadline_ns(&shard->wheel), ringcast_shard_flush_deadline_ns(shard));
	if (ringcast_shard_has_handshakes(shard) || shard->is_sent_awaited)
		return 0;
	if (shard->letters.waiting != 0) /* nobody rings when there is room again */
		deadline = earlier(deadline, shard->now_ns + LETTERS_RETRY_NS);
	deadline = earlier(deadline, ringcast_partner_deadline_all_ns(shard));
	/* Bounded, so that the heartbeat goes on while nothing happens. */
	return earlier(deadline, shard->now_ns + SLEEP_NS_MAX);
}

/*
 * A process that was stopped (a frozen cgroup, a suspended machine, a debugger) has heard nobody in that time, and nobody is to blame for it: its clock
 * stands still, and with it every deadline: of pings, logins, handshakes, reservations, scripts and their processes.
 */
void ringcast_shard_turn_clock(struct shard *shard)
{
	uint64_t clock_ns = ringcast_io_now_ns(shard->io), paused_ns = ringcast_pause_ns(clock_ns - shard->clock_ns, SLEEP_NS_MAX);
	shard->clock_ns = clock_ns;
	if (paused_ns > 0) {
		shard->paused_ns += paused_ns;
		shard->counters.pauses++;
		ringcast_log(LOG_WARN, "shard", "the process did not run for a while; all deadlines are put off by as long", "shard=%u paused_ms=%llu",
			     shard->options.index, (unsigned long long)(paused_ns / NS_PER_MS));
	}
	shard->now_ns = clock_ns - shard->paused_ns;
	__atomic_store_n(&shard->beat_ns, clock_ns, __ATOMIC_RELAXED);
}

static uint64_t io_deadline_ns(const struct shard *shard, uint64_t deadline_ns)
{
	return deadline_ns == 0 || deadline_ns > UINT64_MAX - shard->paused_ns ? deadline_ns : deadline_ns + shard->paused_ns;
}

/* A turn that everybody else had to wait for. */
static void note_overrun(struct shard *shard)
{
	uint64_t turn_ns = ringcast_io_now_ns(shard->io) - shard->clock_ns;
	if (UNLIKELY(turn_ns > OVERRUN_NS))
		RINGCAST_PROBE(&shard->recorder, OVERRUN, shard->now_ns, turn_ns, shard->counters.ticks, 0);
}

/* Before anybody is told that this thread sleeps. Returns when the turn ended; 0: run() says. */
static uint64_t nap(struct shard *shard)
{
	return shard->hold_ns > 0 ? ringcast_shard_nap(shard, deadline_ns(shard)) : 0;
}

static unsigned wait_for_events(struct shard *shard)
{
	struct mailbox *mailbox = shard->options.mailboxes[shard->options.index];
	note_overrun(shard);
	uint64_t ended_ns = nap(shard);
	uint64_t deadline = ringcast_mailbox_prepare_sleep(mailbox) ? io_deadline_ns(shard, deadline_ns(shard)) : 0;
	unsigned count = shard->io->ops->run(shard->io, deadline, shard->events, SHARD_EVENT_COUNT_MAX);
	ringcast_mailbox_awake(mailbox);
	if (shard->counters.ticks > 1) /* else there was none before */
		ringcast_time_histogram_add(&shard->counters.tick_time, (ended_ns != 0 ? ended_ns : shard->io->ops->stats(shard->io)->entered_ns) - shard->clock_ns);
	shard->is_sent_awaited = false;
	ringcast_shard_release_sent(shard);
	ringcast_shard_turn_clock(shard);
	if (UNLIKELY(ringcast_shard_is_loaded(shard) || shard->pace.window_start_ns != 0))
		ringcast_shard_look_at_load(shard);
	if (count > 0)
		RINGCAST_PROBE(&shard->recorder, TICK, shard->now_ns, shard->counters.ticks, count, 0);
	return count;
}

/*
 * Backends hand out datagrams a few dozen at a time, so a full hand means that more is waiting. Under load, reading on before flushing lets
 * several messages for one receiver share one write: the tick's length, bounded by the flush budget, is what batching grows with.
 */
static bool is_more_likely(const struct shard *shard, unsigned count, unsigned total)
{
	uint64_t budget_ns = shard->options.limits.flush_budget_us * NS_PER_US;
	if (count < READ_ON_COUNT || total >= SHARD_EVENTS_PER_TICK_MAX)
		return false;
	return count == SHARD_EVENT_COUNT_MAX || ringcast_io_now_ns(shard->io) - shard->clock_ns < budget_ns;
}

static void reap(struct shard *shard)
{
	unsigned count = wait_for_events(shard), total = 0;
	for (;;) {
		for (unsigned i = 0; i < count; i++) {
			handle_event(shard, &shard->events[i]);
			ringcast_shard_close_doomed(shard);
		}
		total += count;
		if (!is_more_likely(shard, count, total))
			return;
		count = shard->io->ops->run(shard->io, 0, shard->events, SHARD_EVENT_COUNT_MAX);
	}
}

static void run_partners(struct shard *shard)
{
	ringcast_partner_tick_all(shard);
	ringcast_shard_close_doomed(shard);
	if (shard->is_stopping && ringcast_shard_is_deserted(shard))
		ringcast_partner_cut_all(shard); /* not before: they heard how their sessions ended */
}

void ringcast_shard_tick(struct shard *shard)
{
	shard->counters.ticks++;
	reap(shard);
	ringcast_timer_wheel_advance(&shard->wheel, shard->now_ns, TIMERS_PER_TICK_MAX, expire, shard);
	ringcast_shard_close_doomed(shard);
	drain_mailbox(shard);
	ringcast_shard_close_doomed(shard);
	if (shard->options.count > 1)
		ringcast_shard_read_letters(shard);
	if (ringcast_shard_has_handshakes(shard)) {
		ringcast_shard_run_handshakes(shard);
		ringcast_shard_close_doomed(shard);
	}
	run_partners(shard);
	if (ringcast_shard_is_flush_due(shard)) {
		ringcast_shard_flush(shard);
		ringcast_shard_close_doomed(shard);
	}
	if (shard->options.count > 1)
		ringcast_shard_send_letters(shard);
	ringcast_store_collect(&shard->store);
	__atomic_store_n(&shard->player_count, shard->store.players_by_key.count - shard->store.remote_count, __ATOMIC_RELAXED);
}
