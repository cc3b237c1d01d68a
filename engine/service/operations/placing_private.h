/* Placements under way, between placing.c (their life and the turns), placing_rooms.c (where there is room) and placing_tries.c (tries and ends). */
#ifndef RINGCAST_SERVICE_OPERATIONS_PLACING_PRIVATE_H
#define RINGCAST_SERVICE_OPERATIONS_PLACING_PRIVATE_H

#include "service/model/tally.h"
#include "service/model/text_index.h"
#include "service/operations/placing.h"
#include "service/place/board.h"

enum {
	TRIES_PER_TURN_MAX = 256,
	FORGET_PER_TURN_MAX = 512,
	PROBES_MAX = 8, /* tries at once in a pool of which only the host knows whether it has room */
	PROBE_MS = 15000, /* where no news of room came: it may be lost */
	FULL_MS = 1000,
	ANSWER_MS = 30000, /* as loop.h has it for requests */
	REWRITE_MS = 1000,
	KEY_BYTES = 256,
	PLACEMENT_ID_BYTES = 49,
};

enum phase { PLACEMENT_WAITING, PLACEMENT_CREATING, PLACEMENT_ACTIVATING, PLACEMENT_RESERVING, PLACEMENT_DECIDED };

struct placement {
	struct list_node node; /* placing.all */
	struct list_node touched_node; /* its session has moved */
	struct list_node decided_node; /* its outcome is not durable yet */
	struct list_node answer_node; /* placing.answers: a host owes an answer */
	char id[PLACEMENT_ID_BYTES];
	char queue[TALLY_NAME_BYTES];
	uint64_t tally_number; /* in which it waits */
	bool is_durable; /* its record is; nothing is begun for it before */
	enum phase phase;
	struct place_request *request; /* NULL: not on the board any more */
	struct game_session *session;
	uint32_t pool; /* while it is in CREATING */
	uint32_t reserved_count; /* of DesiredPlayerSessions */
	int64_t began_ms;	 /* of the steady clock, by its age; may be before that began */
	int64_t deadline_ms;	 /* of running_ms */
	json_t *placed;	 /* PlacedPlayerSessions so far */
	json_t *outcome; /* the record as it shall be */
};

/* What has room: the engine of this process is the first one, the others are a fleet's game servers at a location. */
struct pool {
	char *key; /* "fleet/location"; NULL: no queue leads there any more, and the number is the board's to give anew */
	size_t fleet_bytes;
	uint32_t trying;
	bool is_left; /* no queue leads there, but somebody is still tried in it */
};

/* Of one that has ended, until its record is forgotten. */
struct ended {
	struct list_node node;
	int64_t ended_ms;
	char id[PLACEMENT_ID_BYTES];
};

struct placing {
	struct place_board *board;
	struct text_index by_id, pools_by_key;
	struct pool *pools;
	uint32_t pool_count, pool_capacity; /* of numbers, also those that are free */
	struct list_node all, touched, decided, answers, ended;
	struct list_node forgotten; /* of ended, where that is not durable yet */
	size_t ended_count;
	uint64_t seed;
	bool is_dirty; /* queues, fleets or aliases have changed */
	int64_t engine_full_until_ms, probe_ms, rewrite_ms;
	struct placing_counts counts;
	struct tallies queues; /* by enum queue_cell */
};

static inline const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* placing.c */
json_t *ringcast_placement_document(const struct model *model, const char *id);
bool ringcast_placement_is_pending(const json_t *document);

/* placing_counts.c */
void ringcast_placing_note_waiting(struct model *model, struct placement *placement, const json_t *document); /* once: it waits from now on, at its age */
void ringcast_placing_note_gone(struct model *model, const struct placement *placement);
void ringcast_placing_note(struct model *model, const json_t *document, enum queue_cell cell);

/* placing_rooms.c */
uint32_t ringcast_placing_add_pool(struct placing *placing, const char *key, size_t fleet_bytes);
/* is_full: whoever was asked there said so */
void ringcast_placing_leave_pool(struct model *model, struct placement *placement, bool is_full);
void ringcast_placing_hear_of_room(struct model *model, const char *fleet, size_t fleet_bytes);
void ringcast_placing_sync_engine(struct model *model);
void ringcast_placing_set_queue(struct model *model, const char *name, const json_t *document);
void ringcast_placing_sync_queues(struct model *model);
struct place_wish *ringcast_placing_wish(void *context, void *owner, const struct place_queue *queue);

/* placing_tries.c */
void ringcast_placement_try(struct model *model, struct placement *placement, const struct place_effect *effect);
/* why: for the log, where this was the last try */
void ringcast_placement_fail_try(struct model *model, struct placement *placement, const char *why);
void ringcast_placement_look_at_session(struct model *model, struct placement *placement);
/* The session that was made for it is ended, now or when its host has answered. */
void ringcast_placement_drop_session(struct model *model, struct placement *placement);
void ringcast_placement_end(struct model *model, struct placement *placement, enum place_state state);
/* A new reference: the record as it ended so. NULL: out of memory. */
json_t *ringcast_placement_ended_document(const struct model *model, const char *id, enum place_state state);
void ringcast_placement_write_outcome(struct model *model, struct placement *placement);
void ringcast_placement_free(struct model *model, struct placement *placement);
void ringcast_placement_name_session(const struct model *model, const char *fleet_id, const char *id, char ret_name[GAME_SESSION_ID_BYTES]);
uint64_t ringcast_placement_digest(const char *placement_id);

#endif
