/*
 * Placements under way: from the record that a request was accepted with to the record of how it ended, by a board (place/board.h) and calls to hosts.
 *
 *     accepted --> WAITING --> CREATING --> ACTIVATING --> RESERVING --> ended
 *       (durable)     ^           |             |             |
 *                     +-----------+-------------+-------------+ the host is full, or it failed: elsewhere, after a rest
 *
 * A record is a GameSessionPlacement as the API shows it, and besides: DesiredPlayerSessions, as they were asked for, and Owner, where it is not the
 * backend's own but a matchmaker's. Nothing is begun before the record is durable; how a placement ended is told when that is. What the store
 * refuses is written again until it takes it, so that each placement ends once. Until then the session that was made for it is nobody's, and if the
 * placement ends otherwise it is ended.
 *
 * For matchmaking: ringcast_placing_start with MatchmakerData and Owner in the document, and model.placement_ended. The loop's thread.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_PLACING_H
#define RINGCAST_SERVICE_OPERATIONS_PLACING_H

#include "service/model/model.h"
#include "service/place/state.h"

/* After the records were loaded, once: what waited before a restart goes on. False: out of memory. */
bool ringcast_placing_init(struct model *model);
void ringcast_placing_fini(struct model *model); /* accepts a model without */

/* Each turn, after hosts and requests were heard. True: there is more to do at once. */
bool ringcast_placing_turn(struct model *model);
bool ringcast_placing_is_waiting(const struct model *model); /* time alone will bring something to do */
/* A change is on the disk; or everything that was not is undone. */
void ringcast_placing_stored(struct model *model, const struct record_change *change);
void ringcast_placing_refused(struct model *model);

/*
 * Takes the document: PlacementId, GameSessionQueueName, MaximumPlayerSessionCount and what else StartGameSessionPlacement takes, checked; MatchmakerData, Owner.
 * Adds its state and time. False: out of memory, and nothing has changed.
 */
bool ringcast_placing_start(struct model *model, json_t *document);
/* Whoever has just started it undoes the change of the records. */
void ringcast_placing_take_back(struct model *model, const char *id);
bool ringcast_placing_is_full(const struct model *model); /* as many wait as settings.placements_max allows */
/* Cancelled, as soon as that is durable. False: there is no such placement, it has ended, or (the record is unchanged and PENDING) no memory. */
bool ringcast_placing_stop(struct model *model, const char *id);
/* A new reference: what the API shows of the record. NULL: out of memory. */
json_t *ringcast_placing_show(const json_t *document);

struct placing_counts {
	uint64_t started, results[PLACE_STATE_COUNT], retries; /* results: by how they ended */
	uint32_t depth;
	int64_t oldest_ms; /* how long the one that has waited longest has; 0: nobody waits */
};
void ringcast_placing_count(const struct model *model, struct placing_counts *ret_counts);

/* QUEUE_CELL(NAME, name): what is counted of each queue, by the end of the metric's name; all but the first two only go up. */
#define QUEUE_CELLS(QUEUE_CELL)                   \
	QUEUE_CELL(DEPTH, depth)                   \
	QUEUE_CELL(BEGAN_MS, average_wait_time)    \
	QUEUE_CELL(STARTED, placements_started)    \
	QUEUE_CELL(SUCCEEDED, placements_succeeded) \
	QUEUE_CELL(CANCELED, placements_canceled)  \
	QUEUE_CELL(FAILED, placements_failed)      \
	QUEUE_CELL(TIMED_OUT, placements_timed_out)

enum queue_cell {
#define QUEUE_CELL(NAME, name) QUEUE_##NAME,
	QUEUE_CELLS(QUEUE_CELL)
#undef QUEUE_CELL
};

/* {queue: {cell: number}}: average_wait_time of those that wait, in milliseconds. NULL: out of memory. */
json_t *ringcast_placing_show_queues(struct model *model);
uint32_t ringcast_placing_depth(const struct model *model, const char *queue); /* that wait in it, or are about to; 0: there is none of that name */
/* Of all queues that lead to the fleet: how many wait, and how long the one that has waited longest has; 0: nobody waits. */
void ringcast_placing_fleet_waits(const struct model *model, const char *fleet_id, uint32_t *ret_depth, int64_t *ret_oldest_ms);

#endif
