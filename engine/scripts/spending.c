#include "scripts/spending.h"

#include <stdlib.h>

#include "io/clock.h"

/* DELIVERY_NS: what a delivery costs the shard after the command that asked for it, when it is written. */
enum { DELIVERY_NS = 1000, LONG_NS = 1000000 };

bool ringcast_spending_open(struct spending *spending, const struct share_limits *limits, uint32_t session_places)
{
	if (spending->accounts == NULL)
		spending->accounts = calloc(session_places, sizeof(*spending->accounts));
	spending->limits = limits;
	return spending->accounts != NULL;
}

void ringcast_spending_close(struct spending *spending)
{
	free(spending->accounts);
	*spending = (struct spending){0};
}

static struct share_account *account_of(struct spending *spending, const struct session *session)
{
	return &spending->accounts[ringcast_handle_index(session->self)];
}

void ringcast_spending_begin_session(struct spending *spending, const struct session *session)
{
	*account_of(spending, session) = (struct share_account){0};
}

uint64_t ringcast_spending_wait_ns(struct spending *spending, const struct session *session, uint64_t now_ns)
{
	return ringcast_share_wait_ns(&spending->share, account_of(spending, session), spending->limits, now_ns);
}

bool ringcast_spending_is_hopeless(const struct spending *spending, const struct session *session)
{
	return ringcast_share_is_hopeless(&spending->accounts[ringcast_handle_index(session->self)], spending->limits);
}

uint32_t ringcast_spending_take_refused(struct spending *spending, const struct session *session, uint64_t now_ns)
{
	struct share_account *account = account_of(spending, session);
	uint32_t count = account->refused_count;
	if (account->told_second == now_ns / NS_PER_S)
		return 0;
	account->told_second = now_ns / NS_PER_S;
	account->refused_count = 0;
	return count;
}

/*
 * The clock of processor time is a system call, longer than most callbacks. So it is read once a tick, and after what took long by the clock on the wall: a pause, or a stolen
 * processor, is nobody's work.
 */
void ringcast_spending_begin_work(struct spending *spending, const struct session *session, uint64_t tick)
{
	if (spending->cpu_tick != tick) {
		spending->cpu_tick = tick;
		spending->cpu_ns = ringcast_clock_thread_cpu_ns();
	}
	spending->began_ns = ringcast_clock_now_ns();
	spending->began_deliveries = session->deliveries;
}

void ringcast_spending_end_work(struct spending *spending, const struct session *session, uint64_t now_ns)
{
	uint64_t spent_ns = ringcast_clock_now_ns() - spending->began_ns;
	if (spent_ns >= LONG_NS) {
		uint64_t cpu_ns = ringcast_clock_thread_cpu_ns(), most_ns = cpu_ns - spending->cpu_ns;
		spending->cpu_ns = cpu_ns;
		spent_ns = spent_ns < most_ns ? spent_ns : most_ns;
	}
	spent_ns += (session->deliveries - spending->began_deliveries) * DELIVERY_NS;
	spending->spent_ns += spent_ns;
	ringcast_share_charge(&spending->share, account_of(spending, session), spending->limits, spent_ns, now_ns);
}
