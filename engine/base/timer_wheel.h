/*
 * Hierarchical timer wheel, 1 ms resolution, up to about 49 days ahead. Intrusive: a timer lives inside its owner, which must cancel
 * it before dying. Time is passed in. Expiry order within one advance: by deadline tick, then by arming order. A timer may be armed
 * or cancelled (itself too) while others expire. One thread.
 *
 * Cost: arm and cancel O(1); advance O(timers due + slots that held a timer), however far time jumps. The list heads point at
 * themselves, so a wheel must not be moved or copied. A wheel holds no memory of its own: there is no fini.
 */
#ifndef RINGCAST_BASE_TIMER_WHEEL_H
#define RINGCAST_BASE_TIMER_WHEEL_H

#include "base/types.h"

struct timer {
	struct timer *prev, *next; /* NULL when not armed */
	uint32_t deadline_ms;      /* in wheel time, modulo 2^32 */
	uint32_t kind;             /* the owner's: what expired; see timer_wheel_advance */
};

#define TIMER_WHEEL_LEVELS 4
#define TIMER_WHEEL_SLOTS 256 /* each level counts one byte of wheel time: 1 ms, 256 ms, 65.5 s, 4.7 h per slot */

struct timer_wheel {
	struct timer slots[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS]; /* list heads */
	uint64_t occupied[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS / 64]; /* a bit per slot that is not empty */
	struct timer due;     /* list head: collected by advance, waiting for their callback */
	uint64_t start_ns;    /* when wheel time was 0: at init, and again every 2^32 ms */
	uint32_t now_ms;      /* wheel time of the latest advance */
	uint32_t armed_count; /* in slots or due */
	uint32_t next_level;  /* of the slot that needs attention next, */
	uint64_t next_ms;     /* which starts then in wheel time; UINT64_MAX: there is none. Both only if */
	bool is_next_known;   /* no slot was taken or became empty since */
};

/* Called for each expired timer, which is no longer armed. */
typedef void timer_expired_fn(void *context, struct timer *timer);

void ringcast_timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);
/*
 * (Re)arms: never earlier than deadline_ns, at most about 1 ms late. A deadline in the past expires on the next advance (also when
 * armed by a callback: never in the same advance). Deadlines beyond the wheel's range are brought forward to its end.
 */
void ringcast_timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ns);
void ringcast_timer_cancel(struct timer_wheel *wheel, struct timer *timer); /* harmless when not armed */
static inline bool ringcast_timer_is_armed(const struct timer *timer) { return timer->next != NULL; }
/* Expires what is due, at most expire_count_max timers; returns how many. */
unsigned ringcast_timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns, unsigned expire_count_max,
				      timer_expired_fn *expired, void *context);
/* When advance should next be called: a lower bound on the next expiry, UINT64_MAX when nothing is armed. */
uint64_t ringcast_timer_wheel_deadline_ns(struct timer_wheel *wheel);

#endif
