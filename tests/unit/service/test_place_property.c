/*
 * A board among random queues, requests, rooms and times, against a reference that has no index and no stages: it looks at everybody, in order, at every
 * site, by what they said.
 *
 * Held: whoever is tried gets the very site that the reference finds; nobody older could have had its room; nobody is left waiting who could have a site;
 * everybody times out when it is time, once.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "service/place/board.h"

enum { POOLS = 6, LOCATIONS = 5, SITES = 10, PLAYERS = 3, QUEUES = 2, REQUESTS = 60, STEPS = 400, ROUNDS = 150 };

static const char *const names[LOCATIONS] = {"a", "b", "c", "d", "e"};

struct ref_queue {
	uint32_t site_count, destination[SITES], location[SITES], pool[SITES];
	float cost[SITES];
	uint32_t policy_count, policy_ms[3], duration_s[3]; /* in the order in which they are in force */
	enum place_priority priorities[PLACE_PRIORITY_COUNT];
	uint32_t order[LOCATIONS]; /* by location */
	int64_t timeout_ms;
};

enum ref_state { REF_NONE, REF_WAITING, REF_TRYING, REF_RESTING };

struct ref_request {
	enum ref_state state;
	uint32_t queue;
	int64_t started_ms, rest_until_ms;
	uint64_t number;
	float latency[PLAYERS][LOCATIONS]; /* below 0: not said */
	const char *override[2];
	uint32_t override_count;
	bool is_strict, has_looked;
	uint32_t tried, avoid; /* the site; SITES for none */
	uint32_t attempts;
	struct place_request *real;
};

struct ref {
	struct prng prng;
	struct ref_queue queues[QUEUES];
	struct ref_request requests[REQUESTS];
	int64_t rooms[POOLS], now_ms;
	uint64_t next_number;
	struct place_board *board;
};

static uint32_t below(struct ref *ref, uint32_t bound)
{
	return (uint32_t)ringcast_prng_below(&ref->prng, bound);
}

/* The reference */

/* A policy that is in force, or -1. */
static int policy_at(const struct ref_queue *queue, int64_t age_ms)
{
	int64_t until_ms = 0;
	for (uint32_t i = 0; i < queue->policy_count; i++) {
		until_ms += (int64_t)queue->duration_s[i] * 1000;
		if (queue->duration_s[i] == UINT32_MAX || age_ms < until_ms)
			return (int)i;
	}
	return -1;
}

static bool says_anything(const float *latency)
{
	for (uint32_t i = 0; i < LOCATIONS; i++)
		if (latency[i] >= 0)
			return true;
	return false;
}

static uint32_t override_of(const struct ref_request *request, uint32_t location)
{
	for (uint32_t i = 0; i < request->override_count; i++)
		if (strcmp(request->override[i], names[location]) == 0)
			return i;
	return 99;
}

static bool accepts(const struct ref *ref, const struct ref_request *request, uint32_t location)
{
	const struct ref_queue *queue = &ref->queues[request->queue];
	int policy = policy_at(queue, ref->now_ms - request->started_ms);
	if (request->override_count > 0 && request->is_strict && override_of(request, location) == 99)
		return false;
	for (uint32_t player = 0; player < PLAYERS && policy >= 0; player++) {
		const float *latency = request->latency[player];
		if (says_anything(latency) && (latency[location] < 0 || latency[location] > (float)queue->policy_ms[policy]))
			return false;
	}
	return true;
}

static double average(const struct ref_request *request, uint32_t location)
{
	double sum = 0;
	int count = 0;
	for (uint32_t player = 0; player < PLAYERS; player++)
		if (request->latency[player][location] >= 0) {
			sum += request->latency[player][location];
			count++;
		}
	return count > 0 ? (float)(sum / count) : INFINITY;
}

static double value_of(const struct ref *ref, const struct ref_request *request, uint32_t site, unsigned rank)
{
	const struct ref_queue *queue = &ref->queues[request->queue];
	if (rank == 0) /* what was tried last goes last */
		return site == request->avoid;
	if (rank == 1)
		return request->override_count > 0 && (request->is_strict || !request->has_looked) ? override_of(request, queue->location[site]) : 0;
	switch (queue->priorities[rank - 2]) {
	case PLACE_BY_LATENCY:
		return average(request, queue->location[site]);
	case PLACE_BY_COST:
		return queue->cost[site];
	case PLACE_BY_DESTINATION:
		return queue->destination[site];
	default:
		return queue->order[queue->location[site]];
	}
}

static bool is_before(const struct ref *ref, const struct ref_request *request, uint32_t site, uint32_t than)
{
	for (unsigned rank = 0; rank < PLACE_PRIORITY_COUNT + 2; rank++) {
		double left = value_of(ref, request, site, rank), right = value_of(ref, request, than, rank);
		if (left != right)
			return left < right;
	}
	return false;
}

static uint32_t best_of(const struct ref *ref, const struct ref_request *request)
{
	const struct ref_queue *queue = &ref->queues[request->queue];
	uint32_t best = SITES;
	for (uint32_t site = 0; site < queue->site_count; site++)
		if (ref->rooms[queue->pool[site]] > 0 && accepts(ref, request, queue->location[site]) && (best == SITES || is_before(ref, request, site, best)))
			best = site;
	return best;
}

static bool accepts_pool(const struct ref *ref, const struct ref_request *request, uint32_t pool)
{
	const struct ref_queue *queue = &ref->queues[request->queue];
	for (uint32_t site = 0; site < queue->site_count; site++)
		if (queue->pool[site] == pool && accepts(ref, request, queue->location[site]))
			return true;
	return false;
}

/* What is random */

static void draw_queue(struct ref *ref, struct ref_queue *queue)
{
	*queue = (struct ref_queue){.site_count = below(ref, SITES + 1), .policy_count = below(ref, 4), .timeout_ms = 1000 * (10 + below(ref, 90))};
	for (uint32_t i = 0; i < queue->site_count; i++) {
		queue->destination[i] = below(ref, 3);
		queue->location[i] = below(ref, LOCATIONS);
		queue->pool[i] = below(ref, POOLS);
		queue->cost[i] = (float)below(ref, 2);
	}
	for (uint32_t i = 0; i < queue->policy_count; i++) {
		queue->policy_ms[i] = 30 * (i + 1) + below(ref, 25);
		queue->duration_s[i] = i == 2 && below(ref, 2) == 0 ? UINT32_MAX : 1 + below(ref, 20);
	}
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++)
		queue->priorities[i] = (enum place_priority)i;
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++) {
		unsigned k = below(ref, PLACE_PRIORITY_COUNT);
		enum place_priority swap = queue->priorities[i];
		queue->priorities[i] = queue->priorities[k];
		queue->priorities[k] = swap;
	}
}

/* The first of them are ordered by the queue, the others as they come with its sites. */
static void put_queue(struct ref *ref, uint32_t index)
{
	struct ref_queue *queue = &ref->queues[index];
	struct place_queue *real = ringcast_place_queue_create((uint32_t)(queue->timeout_ms / 1000));
	uint32_t ordered = below(ref, LOCATIONS), next = 0;
	memset(queue->order, 0xff, sizeof(queue->order));
	for (uint32_t i = 0; i < ordered; i++) {
		uint32_t location = below(ref, LOCATIONS);
		ringcast_place_queue_order_location(real, names[location]);
		if (queue->order[location] == UINT32_MAX)
			queue->order[location] = next++;
	}
	for (uint32_t i = 0; i < queue->site_count; i++) {
		ringcast_place_queue_add_site(real, queue->destination[i], names[queue->location[i]], queue->pool[i], queue->cost[i]);
		if (queue->order[queue->location[i]] == UINT32_MAX)
			queue->order[queue->location[i]] = next++;
	}
	for (uint32_t i = queue->policy_count; i-- > 0;)
		ringcast_place_queue_add_policy(real, (struct place_policy){queue->policy_ms[i], queue->duration_s[i]});
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++)
		ringcast_place_queue_add_priority(real, queue->priorities[i]);
	cr_assert(ringcast_place_queue_seal(real));
	cr_assert(ringcast_place_board_set_queue(ref->board, names[index], real, ref->now_ms));
	for (uint32_t i = 0; i < REQUESTS; i++)
		if (ref->requests[i].queue == index) {
			ref->requests[i].avoid = ref->requests[i].tried = SITES;
			ref->requests[i].has_looked = false;
		}
}

static struct place_wish *wish_of(void *context, void *owner, const struct place_queue *queue)
{
	const struct ref_request *request = owner;
	struct place_latency latencies[PLAYERS * LOCATIONS];
	size_t count = 0;
	(void)context;
	for (uint32_t player = 0; player < PLAYERS; player++)
		for (uint32_t location = 0; location < LOCATIONS; location++)
			if (request->latency[player][location] >= 0)
				latencies[count++] = (struct place_latency){player, names[location], request->latency[player][location]};
	return ringcast_place_wish_create(queue, &(struct place_wish_options){latencies, count, PLAYERS, request->override, request->override_count,
									      request->is_strict ? PLACE_FALLBACK_NONE : PLACE_FALLBACK_DEFAULT});
}

static void add_request(struct ref *ref)
{
	struct ref_request *request = &ref->requests[below(ref, REQUESTS)];
	if (request->state != REF_NONE)
		return;
	*request = (struct ref_request){.state = REF_WAITING, .queue = below(ref, QUEUES), .started_ms = ref->now_ms, .number = ref->next_number++, .avoid = SITES};
	bool has_latencies = below(ref, 3) > 0;
	for (uint32_t player = 0; player < PLAYERS; player++)
		for (uint32_t location = 0; location < LOCATIONS; location++)
			request->latency[player][location] = has_latencies && below(ref, 5) > 0 ? (float)(10 * below(ref, 12)) : -1;
	request->override_count = has_latencies ? 0 : below(ref, 3);
	request->is_strict = below(ref, 2) == 0;
	for (uint32_t i = 0; i < request->override_count; i++)
		request->override[i] = names[below(ref, LOCATIONS)];
	request->real = ringcast_place_board_add(ref->board, names[request->queue], request, ref->now_ms);
	cr_assert_not_null(request->real);
}

/* Checking */

static void check_try(struct ref *ref, const struct place_effect *effect)
{
	struct ref_request *request = effect->owner;
	const struct ref_queue *queue = &ref->queues[request->queue];
	cr_assert_eq(request->state, REF_WAITING);
	uint32_t site = best_of(ref, request);
	cr_assert_lt(site, SITES, "the reference finds no site");
	cr_assert(queue->destination[site] == effect->destination && queue->pool[site] == effect->pool && strcmp(names[queue->location[site]], effect->location) == 0,
		  "the reference takes destination %u at %s, not %u at %s", queue->destination[site], names[queue->location[site]], effect->destination,
		  effect->location);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		const struct ref_request *other = &ref->requests[i];
		cr_assert_not(other->state == REF_WAITING && other->number < request->number && accepts_pool(ref, other, effect->pool),
			      "one who waits longer is passed over");
	}
	request->state = REF_TRYING;
	request->tried = site;
	ref->rooms[effect->pool]--;
}

static void check_rest(struct ref *ref)
{
	for (uint32_t i = 0; i < REQUESTS; i++) {
		struct ref_request *request = &ref->requests[i];
		if (request->state == REF_NONE)
			continue;
		cr_assert_lt(ref->now_ms - request->started_ms, ref->queues[request->queue].timeout_ms, "it waits beyond its time");
		if (request->state != REF_WAITING)
			continue;
		cr_assert_eq(best_of(ref, request), SITES, "it could have a site, and waits");
		request->has_looked = true;
	}
}

static void drain(struct ref *ref)
{
	struct place_effect effect;
	ringcast_place_board_tick(ref->board, ref->now_ms);
	for (uint32_t i = 0; i < REQUESTS; i++)
		if (ref->requests[i].state == REF_RESTING && ref->requests[i].rest_until_ms <= ref->now_ms) {
			ref->requests[i].state = REF_WAITING;
		}
	while (ringcast_place_board_next(ref->board, &effect)) {
		struct ref_request *request = effect.owner;
		if (effect.kind == PLACE_TRY) {
			check_try(ref, &effect);
			continue;
		}
		cr_assert_eq(effect.kind, PLACE_TIMED_OUT);
		cr_assert(request->state != REF_NONE && ref->now_ms - request->started_ms >= ref->queues[request->queue].timeout_ms);
		request->state = REF_NONE;
		ringcast_place_board_remove(ref->board, &request->real);
	}
	check_rest(ref);
}

static void end_try(struct ref *ref)
{
	struct ref_request *request = &ref->requests[below(ref, REQUESTS)];
	if (request->state != REF_TRYING)
		return;
	uint32_t what = below(ref, 3);
	if (what == 0) {
		ringcast_place_board_remove(ref->board, &request->real);
		request->state = REF_NONE;
	} else if (what == 1) {
		uint32_t before = request->tried;
		request->avoid = before;
		request->state = REF_RESTING;
		request->rest_until_ms = ref->now_ms + (1000 << request->attempts++);
		if (ringcast_place_board_note_failure(ref->board, request->real, ref->now_ms))
			return;
		ringcast_place_board_remove(ref->board, &request->real);
		request->state = REF_NONE;
	} else if (request->tried < SITES) { /* else its queue has changed since, and the pool is not known here */
		ref->rooms[ref->queues[request->queue].pool[request->tried]] = 0;
		ringcast_place_board_note_full(ref->board, request->real);
		request->state = REF_WAITING;
	}
}

static void step(struct ref *ref)
{
	uint32_t what = below(ref, 100), pool = below(ref, POOLS), queue = below(ref, QUEUES);
	if (what < 45)
		add_request(ref);
	else if (what < 65)
		ringcast_place_board_set_room(ref->board, pool, ref->rooms[pool] = below(ref, 3));
	else if (what < 80)
		end_try(ref);
	else if (what < 97)
		ref->now_ms += below(ref, 5) == 0 ? below(ref, 40000) : below(ref, 2000);
	else {
		draw_queue(ref, &ref->queues[queue]);
		put_queue(ref, queue);
	}
}

Test(place_property, a_board_does_what_a_reference_does_that_looks_at_everybody)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		static struct ref ref;
		ref = (struct ref){0};
		ringcast_prng_init(&ref.prng, seed);
		ref.board = ringcast_place_board_create(&(struct place_board_options){.wish = wish_of, .requests_max = REQUESTS});
		for (uint32_t i = 0; i < POOLS; i++)
			ringcast_place_board_add_pool(ref.board);
		for (uint32_t i = 0; i < QUEUES; i++) {
			draw_queue(&ref, &ref.queues[i]);
			put_queue(&ref, i);
		}
		for (int i = 0; i < STEPS; i++) {
			step(&ref);
			if (below(&ref, 4) > 0)
				drain(&ref);
		}
		ringcast_place_board_destroy(&ref.board);
	}
}
