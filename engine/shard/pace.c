/*
 * How long a loaded shard holds messages back, and the naps it takes meanwhile.
 *
 * What a write costs is the kernel's walk, so messages of one receiver cost less when they share one. A shard that writes whatever a turn has
 * brought is busy all the time from a third of its ceiling on, with writes of one or two messages. This one holds what comes for a receiver for as long
 * as leaves it a quarter of its processor: longer while it is busier than that, shorter while it is less, not at all below, and never longer than
 * limits.pace_us, nor where something else than writes is what it is busy with. Its sockets are looked at every flush_budget_us meanwhile; between that it sleeps. decisions/0108 has the numbers.
 */
#include "shard/shard_private.h"

enum { WINDOW_NS = 16000000, BUSY_PERCENT_MIN = 66, BUSY_PERCENT_MAX = 74, STEP_PART = 8, CREEP_PART = 64, STEP_NS_MIN = 125000, SHORT_PART = 2 };
/* Longer holds save writes and nothing else: more than this only where they are what the shard is busy with. */
enum { HOLD_NS_UNPROVEN = 1000000, WRITE_PERCENT_MIN = 25, WRITE_PERCENT_GROWN = 35 };

static uint64_t less(uint64_t hold_ns, uint64_t step_ns)
{
	return step_ns < hold_ns ? hold_ns - step_ns : 0;
}

/* Where it is busy enough and not too busy it creeps down, so that what a moment of more load has left does not stay. */
uint64_t ringcast_pace_hold_ns(uint64_t hold_ns, struct pace_load load, uint64_t hold_ns_max)
{
	uint64_t step_ns = hold_ns / STEP_PART > STEP_NS_MIN ? hold_ns / STEP_PART : STEP_NS_MIN;
	bool is_unproven = hold_ns < HOLD_NS_UNPROVEN;
	if (load.busy_percent < BUSY_PERCENT_MIN || (!is_unproven && load.write_percent < WRITE_PERCENT_MIN))
		hold_ns = less(hold_ns, step_ns);
	else if (load.busy_percent > BUSY_PERCENT_MAX && (is_unproven || load.write_percent >= WRITE_PERCENT_GROWN))
		hold_ns += step_ns;
	else
		hold_ns = less(hold_ns, hold_ns / CREEP_PART);
	return hold_ns < hold_ns_max ? hold_ns : hold_ns_max;
}

static bool is_paced(const struct shard *shard)
{
	return shard->options.limits.pace_us > 0 && ringcast_shard_is_loaded(shard);
}

/* What is held takes of what all share. Before that runs short, and somebody has to give, it leaves. */
bool ringcast_shard_is_short(const struct shard *shard)
{
	uint64_t free_bytes, bytes = ringcast_buf_pool_bytes(shard->pool, SHARD_CHUNK_BYTES, &free_bytes);
	return shard->slices.capacity - shard->slices.count < shard->slices.capacity / SHORT_PART || free_bytes < bytes / SHORT_PART;
}

static bool may_hold(const struct shard *shard)
{
	return shard->pace.wanted_ns > 0 && is_paced(shard) && !shard->is_stopping && !ringcast_shard_is_short(shard);
}

void ringcast_shard_set_hold(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	uint64_t hold_ns_max = limits->flush_budget_us > 0 ? limits->pace_us * NS_PER_US : 0;
	if (!may_hold(shard))
		hold_ns_max = 0;
	shard->hold_ns = shard->pace.wanted_ns < hold_ns_max ? shard->pace.wanted_ns : hold_ns_max;
}

static void begin_window(struct shard *shard, uint64_t cpu_ns)
{
	shard->pace.window_start_ns = shard->now_ns;
	shard->pace.cpu_ns = cpu_ns;
	shard->pace.write_ns = 0;
}

/* Of the processor that the shard may have, in this window. */
static uint64_t percent_of(const struct shard *shard, uint64_t spent_ns)
{
	uint32_t cpu_percent = shard->options.cpu_percent != 0 ? shard->options.cpu_percent : 100;
	return spent_ns * 10000 / ((shard->now_ns - shard->pace.window_start_ns) * cpu_percent);
}

/* A shard that was light between has to begin anew: what it needed then says nothing of now. */
void ringcast_shard_look_at_load(struct shard *shard)
{
	struct shard_pace *pace = &shard->pace;
	if (!is_paced(shard)) {
		pace->wanted_ns = pace->window_start_ns = 0;
		return;
	}
	if (pace->window_start_ns == 0) {
		begin_window(shard, shard->io->ops->cpu_ns(shard->io));
		return;
	}
	if (shard->now_ns - pace->window_start_ns < WINDOW_NS)
		return;
	uint64_t cpu_ns = shard->io->ops->cpu_ns(shard->io), hold_ns_max = shard->options.limits.pace_us * NS_PER_US;
	struct pace_load load = {.busy_percent = percent_of(shard, cpu_ns - pace->cpu_ns), .write_percent = percent_of(shard, pace->write_ns)};
	pace->wanted_ns = ringcast_pace_hold_ns(pace->wanted_ns, load, hold_ns_max);
	begin_window(shard, cpu_ns);
}

/* Some ios write as they are told to, others when they are told that it is all. */
void ringcast_shard_note_writes(struct shard *shard, uint64_t begun_cpu_ns)
{
	struct io *io = shard->io;
	io->ops->submit(io);
	shard->pace.write_ns += io->ops->cpu_ns(io) - begun_cpu_ns;
}

/*
 * Only while messages are held: then nothing that comes is served at once anyway. Not with mail, or with letters that wait for room, for nobody else will
 * see to them; not in a stop, where everybody waits for it. What is posted during the nap waits for its end, as it does for a turn's.
 */
bool ringcast_shard_may_nap(const struct shard *shard)
{
	return shard->hold_ns > 0 && !shard->is_stopping && shard->letters.waiting == 0 && !ringcast_mailbox_has_mail(shard->options.mailboxes[shard->options.index]);
}

uint64_t ringcast_shard_nap(struct shard *shard, uint64_t deadline_ns)
{
	struct io *io = shard->io;
	if (deadline_ns <= shard->now_ns || !ringcast_shard_may_nap(shard))
		return 0;
	uint64_t turn_ns = io->ops->submit(io) - shard->clock_ns, ended_ns = io->ops->stats(io)->entered_ns;
	uint64_t left_ns = deadline_ns - shard->now_ns > turn_ns ? deadline_ns - shard->now_ns - turn_ns : 0;
	uint64_t nap_ns = shard->options.limits.flush_budget_us * NS_PER_US;
	if (nap_ns > shard->hold_ns)
		nap_ns = shard->hold_ns;
	if (nap_ns > left_ns)
		nap_ns = left_ns;
	uint64_t napped_ns = nap_ns > 0 ? io->ops->nap(io, nap_ns) : 0;
	shard->counters.paces += napped_ns > 0;
	shard->counters.paced_ns += napped_ns;
	return ended_ns;
}
