/*
 * A queue: where sessions may be begun (sites: a destination at a location), which of them a request may have at its age, and which one first.
 *
 * Sites belong to pools: what has room for sessions, such as the engine of this process for all of its fleets, or one fleet's game servers at one
 * location. A request passes through stages as it ages, one for each latency policy and one beyond the last that has a duration; in each it accepts
 * the locations to which no player has more latency than the policy allows. Every location has the first stage in which the request accepts it.
 *
 * Pure. Times are milliseconds of a clock that never goes back.
 */
#ifndef RINGCAST_SERVICE_PLACE_QUEUE_H
#define RINGCAST_SERVICE_PLACE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLACE_POLICIES_MAX = 16,
	PLACE_STAGES_MAX = PLACE_POLICIES_MAX + 1,
	PLACE_DESTINATIONS_MAX = 100,
	PLACE_LOCATIONS_MAX = 256, /* of a queue */
	PLACE_LOCATION_BYTES = 65,
	PLACE_STAGE_NEVER = 255,
};

/* PLACE_PRIORITY(ID, "as the API has it"), in the order that holds where a queue names none. */
#define PLACE_PRIORITIES(PLACE_PRIORITY)     \
	PLACE_PRIORITY(LATENCY, "LATENCY")         \
	PLACE_PRIORITY(COST, "COST")               \
	PLACE_PRIORITY(DESTINATION, "DESTINATION") \
	PLACE_PRIORITY(LOCATION, "LOCATION")

enum place_priority {
#define PLACE_PRIORITY(id, name) PLACE_BY_##id,
	PLACE_PRIORITIES(PLACE_PRIORITY)
#undef PLACE_PRIORITY
		PLACE_PRIORITY_COUNT
};

struct place_policy {
	uint32_t latency_ms_max;
	uint32_t duration_s; /* UINT32_MAX: until the request times out */
};

struct place_site {
	uint32_t destination; /* its place in the queue's list */
	uint16_t location;    /* index of place_queue.locations */
	uint32_t pool;
	float cost; /* 0 where nobody knows */
};

struct place_queue;

/* A queue without sites, policies and priorities of its own. NULL: out of memory. */
struct place_queue *ringcast_place_queue_create(uint32_t timeout_s);
void ringcast_place_queue_destroy(struct place_queue **queue); /* accepts NULL inside, nulls */

/* Building; none of it after ringcast_place_queue_seal. False: out of memory, or beyond a bound. */
bool ringcast_place_queue_allow(struct place_queue *queue, const char *location); /* once for each allowed location; none: every location is */
bool ringcast_place_queue_add_policy(struct place_queue *queue, struct place_policy policy); /* in any order */
bool ringcast_place_queue_add_priority(struct place_queue *queue, enum place_priority priority); /* the first one first; each once */
bool ringcast_place_queue_order_location(struct place_queue *queue, const char *location);
/* A location that is not allowed is left out, and true; also one too many, or with too long a name, which is counted. */
bool ringcast_place_queue_add_site(struct place_queue *queue, uint32_t destination, const char *location, uint32_t pool, float cost);
/* Sorts what was added; to be called once. False: out of memory. */
bool ringcast_place_queue_seal(struct place_queue *queue);

/* Both sealed: whether every wish sees and gets the same in both. */
bool ringcast_place_queue_is_same(const struct place_queue *left, const struct place_queue *right);
uint32_t ringcast_place_queue_left_out_count(const struct place_queue *queue); /* sites of locations beyond PLACE_LOCATIONS_MAX or PLACE_LOCATION_BYTES */
uint32_t ringcast_place_queue_site_count(const struct place_queue *queue);
const struct place_site *ringcast_place_queue_site(const struct place_queue *queue, uint32_t index);
const char *ringcast_place_queue_location(const struct place_queue *queue, uint16_t location);
uint16_t ringcast_place_queue_location_count(const struct place_queue *queue);
bool ringcast_place_queue_find_location(const struct place_queue *queue, const char *name, uint16_t *ret_location);
uint8_t ringcast_place_queue_stage_count(const struct place_queue *queue);
int64_t ringcast_place_queue_stage_begins_ms(const struct place_queue *queue, uint8_t stage); /* age */
int64_t ringcast_place_queue_timeout_ms(const struct place_queue *queue);

/* A pool and a location at which the queue has a site of it; sorted by pool, each pair once. */
struct place_pair {
	uint32_t pool;
	uint16_t location;
};
/* Those of one pool; *ret_count may be 0. */
const struct place_pair *ringcast_place_queue_pairs(const struct place_queue *queue, uint32_t pool, uint32_t *ret_count);

/* One player's latency to one location. */
struct place_latency {
	uint32_t player; /* below player_count */
	const char *location;
	float latency_ms; /* not below 0, finite */
};

enum place_fallback { PLACE_FALLBACK_DEFAULT, PLACE_FALLBACK_NONE };

/* What a request says; borrowed during the call. */
struct place_wish_options {
	const struct place_latency *latencies;
	size_t latency_count;
	uint32_t player_count; /* players who are named in latencies, at most */
	/* the request's own order of locations, instead of the queue's priorities; count 0: none */
	const char *const *override_locations;
	size_t override_count;
	enum place_fallback fallback; /* what holds after one look at those */
};

struct place_wish_location {
	float latency_ms;    /* the average of the players who named it; infinite: none has */
	uint16_t override;   /* its place in the request's own order; UINT16_MAX: not in it */
	uint8_t first_stage; /* PLACE_STAGE_NEVER: the request does not accept it at any age */
};

/* A request as one queue sees it: a location each. Belongs to that queue, and dies with it. */
struct place_wish {
	uint16_t location_count;
	bool has_override;   /* and its one look is still to come */
	bool is_override_only;
	struct place_wish_location locations[];
};

struct place_wish *ringcast_place_wish_create(const struct place_queue *queue, const struct place_wish_options *options); /* free() it; NULL: out of memory */

enum { PLACE_SITE_NONE = UINT32_MAX };

/*
 * The best site that has room and is accepted in this stage, by index; PLACE_SITE_NONE: none now. rooms: by pool. avoid: a site that is taken
 * only if there is no other (it has just failed), or PLACE_SITE_NONE. Of equal ones the first.
 */
uint32_t ringcast_place_decide(const struct place_queue *queue, const struct place_wish *wish, uint8_t stage, const int64_t *rooms, uint32_t avoid);

#endif
