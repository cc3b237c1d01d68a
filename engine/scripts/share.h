/*
 * What scripts may take of their shard's processor time, one by one and together. A callback is bounded by itself; this bounds their sum, for a script whose players
 * send it much holds the shard otherwise, callback by callback.
 *
 * Three token buckets of processor time. A session's own fills at its share of the time that passes. The shard's pot fills at the share of all scripts; everything is taken from
 * it, but for what is extreme in a single event, which is the debt of its session alone. While the pot is empty, only sessions that took less than an equal part of it lately, and whose next event is likely to fit
 * into the rest of that, may go on, and they into debt; there is an end to that too, so that what one turn of the shard spends on scripts is bounded. When nearly all of the pot was used in a second, the share of a single session shrinks, for all alike:
 * whoever takes the most notices first. It grows back when there is room.
 *
 * Time is charged after the fact, so a balance may be negative. Time passed in is the tick's: within a turn nothing fills.
 */
#ifndef RINGCAST_SCRIPTS_SHARE_H
#define RINGCAST_SCRIPTS_SHARE_H

#include "base/types.h"

enum { SHARE_BURST_NS = 20000000, SHARE_DEBT_NS = 60000000, SHARE_PERCENT_MAX = 100 };

struct share_limits {
	uint32_t session_percent; /* of the time that passes, for one session; 0: no bound */
	uint32_t shard_percent;   /* for all of a shard; 0: no bound */
	uint32_t seconds_max;     /* in so many seconds on end a session was told to wait: it is to end. 0: never */
};

struct share { /* of a shard; zeroed is fine */
	uint64_t updated_ns; /* 0: never */
	int64_t pot_ns;
	uint64_t second;       /* the running one, of active_count and spent_ns */
	uint64_t spent_ns;     /* in it */
	uint32_t active_count; /* sessions that took something in it */
	uint32_t active_last;  /* and in the second before */
	uint32_t shrink_ppm; /* what the share of each session has shrunk by, in millionths of it */
};

struct share_account { /* of a session; zeroed at its begin */
	uint64_t updated_ns; /* 0: never */
	int64_t own_ns;      /* left of its share */
	int64_t equal_ns;    /* left of an equal part of the pot */
	int64_t dearest_ns;  /* about what its event may cost next: the most of late */
	uint64_t active_second;
	uint64_t waited_second; /* the last in which it had to wait */
	uint32_t waited_count;  /* seconds on end, up to that one */
	uint32_t refused_count; /* since it was last told */
	uint64_t told_second;
};

/* 0: the session's script may run. Else in how long, about, it may; at least a millisecond. */
uint64_t ringcast_share_wait_ns(struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t now_ns);
void ringcast_share_charge(struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t spent_ns, uint64_t now_ns);
/* The session has had to wait for longer than it may. */
bool ringcast_share_is_hopeless(const struct share_account *account, const struct share_limits *limits);

#endif
