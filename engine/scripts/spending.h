/*
 * The processor time that a shard spends on each session's script: measured around its hooks and the commands that they give, and charged to its share (share.h).
 * Touched by the shard's thread only.
 */
#ifndef RINGCAST_SCRIPTS_SPENDING_H
#define RINGCAST_SCRIPTS_SPENDING_H

#include "scripts/share.h"
#include "session/session.h"

struct spending {
	const struct share_limits *limits;
	struct share share;
	struct share_account *accounts; /* by index of the session's slot; NULL: no script has run yet */
	uint64_t began_ns, began_deliveries; /* of the work that is going on */
	uint64_t cpu_ns;   /* processor time when it was last looked at */
	uint64_t cpu_tick; /* in this tick */
	uint64_t spent_ns; /* all of it */
};

bool ringcast_spending_open(struct spending *spending, const struct share_limits *limits, uint32_t session_places); /* of the store; harmless when open; false: no memory */
void ringcast_spending_close(struct spending *spending);

void ringcast_spending_begin_session(struct spending *spending, const struct session *session);
uint64_t ringcast_spending_wait_ns(struct spending *spending, const struct session *session, uint64_t now_ns); /* as ringcast_share_wait_ns */
bool ringcast_spending_is_hopeless(const struct spending *spending, const struct session *session);
/* How many events were refused; 0 when that was told in this second already. */
uint32_t ringcast_spending_take_refused(struct spending *spending, const struct session *session, uint64_t now_ns);

void ringcast_spending_begin_work(struct spending *spending, const struct session *session, uint64_t tick);
void ringcast_spending_end_work(struct spending *spending, const struct session *session, uint64_t now_ns);

#endif
