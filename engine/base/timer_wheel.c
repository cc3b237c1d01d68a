#include "base/timer_wheel.h"

#include "base/assert.h"

/*
 * Where a timer sits is a function of its deadline and now alone: the level is that of the highest byte in which the two differ,
 * the slot is the deadline's byte at that level. So timers of equal deadline always share a list, in arming order, and moving a
 * list down a level (when now reaches the slot's start) keeps that order. Arithmetic is modulo 2^32; only the top level can
 * wrap around, and DELTA_MS_MAX keeps it from reaching the slot it is in.
 */
#define LEVEL_BITS 8
#define SLOT_MASK (TIMER_WHEEL_SLOTS - 1)
#define WORDS (TIMER_WHEEL_SLOTS / 64)
#define WHEEL_MS (UINT64_C(1) << 32)
#define DELTA_MS_MAX (WHEEL_MS - (WHEEL_MS >> LEVEL_BITS) - 1)
#define DISTANCE_NONE UINT64_MAX

_Static_assert(TIMER_WHEEL_LEVELS * LEVEL_BITS == 32, "the levels count the bytes of wheel time");
_Static_assert(TIMER_WHEEL_SLOTS == 1 << LEVEL_BITS, "a level counts one byte");

static void head_init(struct timer *head)
{
	head->prev = head->next = head;
}

static bool head_is_empty(const struct timer *head)
{
	return head->next == head;
}

static void link_tail(struct timer *head, struct timer *timer)
{
	timer->prev = head->prev;
	timer->next = head;
	head->prev->next = timer;
	head->prev = timer;
}

/* Moves all of source behind the last of target, in order. */
static void splice_tail(struct timer *target, struct timer *source)
{
	if (head_is_empty(source))
		return;
	source->next->prev = target->prev;
	target->prev->next = source->next;
	source->prev->next = target;
	target->prev = source->prev;
	head_init(source);
}

static unsigned slot_index(uint32_t tick_ms, unsigned level)
{
	return (tick_ms >> (level * LEVEL_BITS)) & SLOT_MASK;
}

static void occupied_set(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
	wheel->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
	wheel->is_next_known = false;
}

static void occupied_clear(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
	wheel->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	wheel->is_next_known = false;
}

/* How many slots from `from` on, going round, the next occupied one is: 0..255; 256: none. */
static unsigned occupied_distance(const struct timer_wheel *wheel, unsigned level, unsigned from)
{
	for (unsigned i = 0; i <= WORDS; i++) {
		unsigned word = (from / 64 + i) % WORDS;
		uint64_t bits = wheel->occupied[level][word];
		if (i == 0)
			bits &= UINT64_MAX << (from % 64);
		else if (i == WORDS)
			bits &= ~(UINT64_MAX << (from % 64));
		if (bits != 0)
			return (word * 64 + (unsigned)__builtin_ctzll(bits) - from) & SLOT_MASK;
	}
	return TIMER_WHEEL_SLOTS;
}

static void place(struct timer_wheel *wheel, struct timer *timer)
{
	uint32_t difference = timer->deadline_ms ^ wheel->now_ms;
	unsigned level = difference == 0 ? 0 : (31 - (unsigned)__builtin_clz(difference)) / LEVEL_BITS;
	unsigned slot = slot_index(timer->deadline_ms, level);
	link_tail(&wheel->slots[level][slot], timer);
	occupied_set(wheel, level, slot);
}

void ringcast_timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns)
{
	memset(wheel->occupied, 0, sizeof(wheel->occupied));
	for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++)
		for (unsigned slot = 0; slot < TIMER_WHEEL_SLOTS; slot++)
			head_init(&wheel->slots[level][slot]);
	head_init(&wheel->due);
	wheel->start_ns = now_ns;
	wheel->now_ms = 0;
	wheel->armed_count = 0;
	wheel->is_next_known = false;
}

/* Rounded up, and not before now: the tick at which deadline_ns has surely passed. */
static uint32_t deadline_tick(const struct timer_wheel *wheel, uint64_t deadline_ns)
{
	if (deadline_ns <= wheel->start_ns)
		return wheel->now_ms;
	uint64_t tick_ms = (deadline_ns - wheel->start_ns - 1) / NS_PER_MS + 1;
	if (tick_ms <= wheel->now_ms)
		return wheel->now_ms;
	if (tick_ms - wheel->now_ms > DELTA_MS_MAX)
		return (uint32_t)(wheel->now_ms + DELTA_MS_MAX);
	return (uint32_t)tick_ms;
}

void ringcast_timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ns)
{
	ringcast_timer_cancel(wheel, timer);
	ringcast_assert(timer->next == NULL && timer->prev == NULL);
	timer->deadline_ms = deadline_tick(wheel, deadline_ns);
	place(wheel, timer);
	wheel->armed_count++;
}

/* If head is a slot's list that has just become empty, notes that. The due list's head lies outside of the slots. */
static void head_emptied(struct timer_wheel *wheel, const struct timer *head)
{
	const struct timer *first = &wheel->slots[0][0];
	if (head < first || head >= first + TIMER_WHEEL_LEVELS * TIMER_WHEEL_SLOTS)
		return;
	size_t position = (size_t)(head - first);
	occupied_clear(wheel, (unsigned)(position / TIMER_WHEEL_SLOTS), (unsigned)(position % TIMER_WHEEL_SLOTS));
}

void ringcast_timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
	if (timer->next == NULL)
		return;
	ringcast_assert(timer->prev->next == timer && timer->next->prev == timer);
	ringcast_assert(wheel->armed_count > 0);
	wheel->armed_count--;
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	if (timer->prev == timer->next)
		head_emptied(wheel, timer->prev);
	timer->prev = timer->next = NULL;
}

/* The next slot that needs attention: its tick on the lowest level, its first tick above. The lowest level is nearest. */
static void find_next(struct timer_wheel *wheel)
{
	wheel->is_next_known = true;
	wheel->next_ms = DISTANCE_NONE;
	for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++) {
		unsigned shift = level * LEVEL_BITS;
		unsigned slots = occupied_distance(wheel, level, slot_index(wheel->now_ms, level));
		if (slots == TIMER_WHEEL_SLOTS)
			continue;
		ringcast_assert(level == 0 || slots > 0);
		wheel->next_level = level;
		wheel->next_ms = wheel->now_ms + ((uint64_t)slots << shift) - (wheel->now_ms & ((UINT32_C(1) << shift) - 1));
		return;
	}
}

/* From now to the next slot that needs attention. Mostly it is the same as in the turn before: timers are armed and cancelled far less often than asked for. */
static uint64_t next_distance_ms(struct timer_wheel *wheel)
{
	if (!wheel->is_next_known)
		find_next(wheel);
	return wheel->next_ms == DISTANCE_NONE ? DISTANCE_NONE : wheel->next_ms - wheel->now_ms;
}

static void now_move(struct timer_wheel *wheel, uint64_t distance_ms)
{
	uint64_t now_ms = wheel->now_ms + distance_ms;
	if (now_ms >= WHEEL_MS)
		wheel->is_next_known = false; /* counted from another start */
	wheel->start_ns += now_ms / WHEEL_MS * WHEEL_MS * NS_PER_MS;
	wheel->now_ms = (uint32_t)now_ms;
}

/* Empties the slot that now has reached: to the due list from the lowest level, else to lower levels. */
static void slot_reached(struct timer_wheel *wheel, unsigned level)
{
	unsigned slot = slot_index(wheel->now_ms, level);
	struct timer *head = &wheel->slots[level][slot];
	ringcast_assert(!head_is_empty(head));
	occupied_clear(wheel, level, slot);
	if (level == 0) {
		splice_tail(&wheel->due, head);
		return;
	}
	struct timer cascade;
	head_init(&cascade);
	splice_tail(&cascade, head);
	while (!head_is_empty(&cascade)) {
		struct timer *timer = cascade.next;
		cascade.next = timer->next;
		timer->next->prev = &cascade;
		place(wheel, timer);
	}
}

/* Moves now to now_ns and everything with a deadline up to then to the due list, in order. */
static void collect(struct timer_wheel *wheel, uint64_t now_ns)
{
	uint64_t elapsed_ms = now_ns > wheel->start_ns ? (now_ns - wheel->start_ns) / NS_PER_MS : 0;
	if (elapsed_ms < wheel->now_ms)
		return; /* time does not go back */
	uint64_t left_ms = elapsed_ms - wheel->now_ms;
	for (;;) {
		uint64_t distance_ms = next_distance_ms(wheel);
		if (distance_ms > left_ms || distance_ms == DISTANCE_NONE)
			break;
		now_move(wheel, distance_ms);
		left_ms -= distance_ms;
		slot_reached(wheel, wheel->next_level);
	}
	now_move(wheel, left_ms);
}

unsigned ringcast_timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns, unsigned expire_count_max,
				      timer_expired_fn *expired, void *context)
{
	collect(wheel, now_ns);
	unsigned count = 0;
	while (count < expire_count_max && !head_is_empty(&wheel->due)) {
		struct timer *timer = wheel->due.next;
		ringcast_timer_cancel(wheel, timer);
		count++;
		expired(context, timer);
	}
	return count;
}

uint64_t ringcast_timer_wheel_deadline_ns(struct timer_wheel *wheel)
{
	if (wheel->armed_count == 0)
		return UINT64_MAX;
	uint64_t distance_ms = head_is_empty(&wheel->due) ? next_distance_ms(wheel) : 0;
	ringcast_assert(distance_ms != DISTANCE_NONE);
	return wheel->start_ns + (wheel->now_ms + distance_ms) * NS_PER_MS;
}
