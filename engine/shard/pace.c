/*
 * A nap after a long turn.
 *
 * A loaded shard that looks at its sockets as soon as a turn is over finds the messages of the turn's end there, sends them at once, and is busy all
 * the time with writes that hold one message each. What a write costs is the kernel's walk, so the same messages cost less when some of them share it:
 * the shard sleeps for half as long as the turn took, and takes what has come in one go. Processor time then grows with the load, instead of being all
 * there is from a third of the ceiling on. A message waits for as long at most; decisions/0106 has the numbers.
 */
#include "base/assert.h"
#include "shard/shard_private.h"

enum { LONG_TURN_NS = 200000, NAP_PERCENT = 50 };

uint64_t ringcast_pace_nap_ns(uint64_t turn_ns, uint64_t left_ns, uint64_t nap_ns_max)
{
	if (turn_ns < LONG_TURN_NS)
		return 0;
	uint64_t nap_ns = turn_ns / 100 * NAP_PERCENT;
	if (nap_ns > nap_ns_max)
		nap_ns = nap_ns_max;
	return nap_ns < left_ns ? nap_ns : left_ns;
}

/*
 * Only after a turn that sent: what is held back has a deadline of its own. Not with mail, or with letters that wait for room, for nobody else will see
 * to them; not in a stop, where everybody waits for it. What is posted during the nap waits for its end, as it does for a turn's.
 */
bool ringcast_shard_is_paced(const struct shard *shard)
{
	return ringcast_shard_is_loaded(shard) && shard->flushed_ns == shard->now_ns && shard->options.limits.pace_us > 0 && !shard->is_stopping &&
	       shard->letters.waiting == 0 && !ringcast_mailbox_has_mail(shard->options.mailboxes[shard->options.index]);
}

uint64_t ringcast_shard_pace(struct shard *shard, uint64_t deadline_ns)
{
	struct io *io = shard->io;
	ringcast_assert(deadline_ns > shard->now_ns);
	uint64_t turn_ns = io->ops->submit(io) - shard->clock_ns, ended_ns = io->ops->stats(io)->entered_ns;
	uint64_t left_ns = deadline_ns - shard->now_ns;
	left_ns = left_ns > turn_ns ? left_ns - turn_ns : 0;
	uint64_t nap_ns = ringcast_pace_nap_ns(turn_ns, left_ns, shard->options.limits.pace_us * NS_PER_US);
	uint64_t napped_ns = nap_ns > 0 ? io->ops->nap(io, nap_ns) : 0;
	shard->counters.paces += napped_ns > 0;
	shard->counters.paced_ns += napped_ns;
	return ended_ns;
}
