#include "bench/load/tracker.h"

static enum tracker_verdict add_old(struct tracker *tracker, uint32_t sequence)
{
	uint32_t age = tracker->next - 1 - sequence;
	/* further back than the window nothing is known: it is taken for late, which also keeps the loss from being counted too low */
	if (sequence < tracker->base)
		return TRACKER_REORDERED;
	if (age < 64) {
		if (tracker->window >> age & 1)
			return TRACKER_DUPLICATE;
		tracker->window |= UINT64_C(1) << age;
	}
	tracker->count += age < 64;
	return TRACKER_REORDERED;
}

enum tracker_verdict ringcast_tracker_add(struct tracker *tracker, uint32_t sequence)
{
	if (tracker->is_open) {
		tracker->is_open = false;
		tracker->base = tracker->next = sequence;
	}
	if (sequence < tracker->next)
		return add_old(tracker, sequence);
	uint32_t ahead = sequence - tracker->next + 1;
	tracker->window = ahead < 64 ? tracker->window << ahead | 1 : 1;
	tracker->next = sequence + 1;
	tracker->count++;
	return TRACKER_NEW;
}

uint64_t ringcast_tracker_lost(const struct tracker *tracker, uint32_t end)
{
	if (tracker->is_open)
		return 0;
	end = end > tracker->next ? end : tracker->next;
	return (uint64_t)end - tracker->base - tracker->count;
}
