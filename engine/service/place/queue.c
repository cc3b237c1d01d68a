#include "service/place/queue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct location {
	char name[PLACE_LOCATION_BYTES];
	uint16_t order; /* its place in the queue's own order; UINT16_MAX: not in it, or not yet known */
	bool has_site;
};

struct place_queue {
	int64_t timeout_ms;
	struct place_policy policies[PLACE_POLICIES_MAX];
	uint8_t policy_count, stage_count;
	int64_t begins_ms[PLACE_STAGES_MAX];
	enum place_priority priorities[PLACE_PRIORITY_COUNT];
	uint8_t priority_count;
	struct location *locations;
	uint16_t location_count, ordered_count;
	char (*allowed)[PLACE_LOCATION_BYTES];
	uint16_t allowed_count;
	struct place_site *sites;
	uint32_t site_count, site_capacity, left_out_count;
	struct place_pair *pairs;
	uint32_t pair_count;
	bool is_sealed;
};

struct place_queue *ringcast_place_queue_create(uint32_t timeout_s)
{
	struct place_queue *queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return NULL;
	queue->timeout_ms = (int64_t)timeout_s * 1000;
	queue->locations = calloc(PLACE_LOCATIONS_MAX, sizeof(*queue->locations));
	queue->allowed = calloc(PLACE_LOCATIONS_MAX, sizeof(*queue->allowed));
	if (queue->locations == NULL || queue->allowed == NULL)
		ringcast_place_queue_destroy(&queue);
	return queue;
}

void ringcast_place_queue_destroy(struct place_queue **queue)
{
	if (*queue == NULL)
		return;
	free((*queue)->locations);
	free((*queue)->allowed);
	free((*queue)->sites);
	free((*queue)->pairs);
	free(*queue);
	*queue = NULL;
}

/* Building */

bool ringcast_place_queue_allow(struct place_queue *queue, const char *location)
{
	ringcast_assert(!queue->is_sealed);
	if (queue->allowed_count == PLACE_LOCATIONS_MAX || strlen(location) >= PLACE_LOCATION_BYTES)
		return false;
	strcpy(queue->allowed[queue->allowed_count++], location);
	return true;
}

static bool is_allowed(const struct place_queue *queue, const char *location)
{
	for (uint16_t i = 0; i < queue->allowed_count; i++)
		if (strcmp(queue->allowed[i], location) == 0)
			return true;
	return queue->allowed_count == 0;
}

bool ringcast_place_queue_add_policy(struct place_queue *queue, struct place_policy policy)
{
	ringcast_assert(!queue->is_sealed);
	if (queue->policy_count == PLACE_POLICIES_MAX)
		return false;
	queue->policies[queue->policy_count++] = policy;
	return true;
}

bool ringcast_place_queue_add_priority(struct place_queue *queue, enum place_priority priority)
{
	ringcast_assert(!queue->is_sealed && priority < PLACE_PRIORITY_COUNT);
	for (uint8_t i = 0; i < queue->priority_count; i++)
		if (queue->priorities[i] == priority)
			return false;
	queue->priorities[queue->priority_count++] = priority;
	return true;
}

bool ringcast_place_queue_find_location(const struct place_queue *queue, const char *name, uint16_t *ret_location)
{
	for (uint16_t i = 0; i < queue->location_count; i++)
		if (strcmp(queue->locations[i].name, name) == 0) {
			*ret_location = i;
			return true;
		}
	return false;
}

static bool add_location(struct place_queue *queue, const char *name, uint16_t *ret_location)
{
	if (ringcast_place_queue_find_location(queue, name, ret_location))
		return true;
	if (queue->location_count == PLACE_LOCATIONS_MAX || strlen(name) >= PLACE_LOCATION_BYTES)
		return false;
	*ret_location = queue->location_count++;
	struct location *location = &queue->locations[*ret_location];
	strcpy(location->name, name);
	location->order = UINT16_MAX;
	return true;
}

bool ringcast_place_queue_order_location(struct place_queue *queue, const char *name)
{
	uint16_t location;
	ringcast_assert(!queue->is_sealed);
	if (!add_location(queue, name, &location))
		return false;
	if (queue->locations[location].order == UINT16_MAX)
		queue->locations[location].order = queue->ordered_count++;
	return true;
}

bool ringcast_place_queue_add_site(struct place_queue *queue, uint32_t destination, const char *name, uint32_t pool, float cost)
{
	uint16_t location;
	ringcast_assert(!queue->is_sealed);
	if (!is_allowed(queue, name))
		return true;
	if (!add_location(queue, name, &location)) {
		queue->left_out_count++;
		return true;
	}
	if (queue->site_count == queue->site_capacity) {
		uint32_t capacity = queue->site_capacity > 0 ? 2 * queue->site_capacity : 8;
		struct place_site *grown = realloc(queue->sites, capacity * sizeof(*grown));
		if (grown == NULL)
			return false;
		queue->sites = grown;
		queue->site_capacity = capacity;
	}
	queue->locations[location].has_site = true;
	queue->sites[queue->site_count++] = (struct place_site){destination, location, pool, cost};
	return true;
}

/* Sealing */

static int compare_policies(const void *a, const void *b)
{
	const struct place_policy *left = a, *right = b;
	return left->latency_ms_max < right->latency_ms_max ? -1 : left->latency_ms_max > right->latency_ms_max;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct place_pair *left = a, *right = b;
	if (left->pool != right->pool)
		return left->pool < right->pool ? -1 : 1;
	return (left->location > right->location) - (left->location < right->location);
}

/* The strictest policy first. What comes behind one without a duration is never in force. */
static void seal_stages(struct place_queue *queue)
{
	int64_t begins_ms = 0;
	qsort(queue->policies, queue->policy_count, sizeof(queue->policies[0]), compare_policies);
	for (uint8_t i = 0; i < queue->policy_count; i++) {
		queue->begins_ms[queue->stage_count++] = begins_ms;
		if (queue->policies[i].duration_s == UINT32_MAX) {
			queue->policy_count = (uint8_t)(i + 1);
			return;
		}
		begins_ms += (int64_t)queue->policies[i].duration_s * 1000;
	}
	queue->begins_ms[queue->stage_count++] = begins_ms; /* no policy is in force any more, or there is none */
}

/* The priorities that the queue does not name follow in their usual order, and so do locations. */
static void seal_orders(struct place_queue *queue)
{
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++)
		ringcast_place_queue_add_priority(queue, (enum place_priority)i);
	for (uint16_t i = 0; i < queue->location_count; i++)
		if (queue->locations[i].order == UINT16_MAX)
			queue->locations[i].order = queue->ordered_count++;
}

bool ringcast_place_queue_seal(struct place_queue *queue)
{
	ringcast_assert(!queue->is_sealed);
	seal_stages(queue);
	seal_orders(queue);
	queue->is_sealed = true;
	queue->pairs = calloc(queue->site_count + 1, sizeof(*queue->pairs));
	if (queue->pairs == NULL)
		return false;
	for (uint32_t i = 0; i < queue->site_count; i++)
		queue->pairs[i] = (struct place_pair){queue->sites[i].pool, queue->sites[i].location};
	qsort(queue->pairs, queue->site_count, sizeof(queue->pairs[0]), compare_pairs);
	for (uint32_t i = 0; i < queue->site_count; i++)
		if (i == 0 || compare_pairs(&queue->pairs[i], &queue->pairs[queue->pair_count - 1]) != 0)
			queue->pairs[queue->pair_count++] = queue->pairs[i];
	return true;
}

/* Reading */

static bool are_policies_same(const struct place_queue *left, const struct place_queue *right)
{
	if (left->policy_count != right->policy_count || left->stage_count != right->stage_count || left->timeout_ms != right->timeout_ms)
		return false;
	for (uint8_t i = 0; i < left->policy_count; i++)
		if (left->policies[i].latency_ms_max != right->policies[i].latency_ms_max || left->policies[i].duration_s != right->policies[i].duration_s)
			return false;
	return memcmp(left->priorities, right->priorities, sizeof(left->priorities)) == 0;
}

static bool are_locations_same(const struct place_queue *left, const struct place_queue *right)
{
	if (left->location_count != right->location_count || left->left_out_count != right->left_out_count)
		return false;
	for (uint16_t i = 0; i < left->location_count; i++)
		if (strcmp(left->locations[i].name, right->locations[i].name) != 0 || left->locations[i].order != right->locations[i].order ||
		    left->locations[i].has_site != right->locations[i].has_site)
			return false;
	return true;
}

static bool is_site_same(const struct place_site *left, const struct place_site *right)
{
	return left->destination == right->destination && left->location == right->location && left->pool == right->pool && left->cost == right->cost;
}

bool ringcast_place_queue_is_same(const struct place_queue *left, const struct place_queue *right)
{
	ringcast_assert(left->is_sealed && right->is_sealed);
	if (left->site_count != right->site_count || !are_policies_same(left, right) || !are_locations_same(left, right))
		return false;
	for (uint32_t i = 0; i < left->site_count; i++)
		if (!is_site_same(&left->sites[i], &right->sites[i]))
			return false;
	return true;
}

uint32_t ringcast_place_queue_left_out_count(const struct place_queue *queue)
{
	return queue->left_out_count;
}

uint32_t ringcast_place_queue_site_count(const struct place_queue *queue)
{
	return queue->site_count;
}

const struct place_site *ringcast_place_queue_site(const struct place_queue *queue, uint32_t index)
{
	ringcast_assert(index < queue->site_count);
	return &queue->sites[index];
}

const char *ringcast_place_queue_location(const struct place_queue *queue, uint16_t location)
{
	ringcast_assert(location < queue->location_count);
	return queue->locations[location].name;
}

uint16_t ringcast_place_queue_location_count(const struct place_queue *queue)
{
	return queue->location_count;
}

uint8_t ringcast_place_queue_stage_count(const struct place_queue *queue)
{
	return queue->stage_count;
}

int64_t ringcast_place_queue_stage_begins_ms(const struct place_queue *queue, uint8_t stage)
{
	ringcast_assert(stage < queue->stage_count);
	return queue->begins_ms[stage];
}

int64_t ringcast_place_queue_timeout_ms(const struct place_queue *queue)
{
	return queue->timeout_ms;
}

const struct place_pair *ringcast_place_queue_pairs(const struct place_queue *queue, uint32_t pool, uint32_t *ret_count)
{
	uint32_t low = 0, high = queue->pair_count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (queue->pairs[middle].pool < pool)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_count = 0;
	while (low + *ret_count < queue->pair_count && queue->pairs[low + *ret_count].pool == pool)
		(*ret_count)++;
	return queue->pairs + low;
}

/* Wishes */

/* Of each location: how many named it, how far it is together, and for the one who is farthest. */
struct reach {
	double sum_ms;
	float max_ms;
	uint32_t count;
};

struct survey {
	struct reach reaches[PLACE_LOCATIONS_MAX];
	uint32_t player_count; /* who said anything */
	bool *has_said;	       /* by player, whether anything at all, and by location */
};

/* Players mostly name the locations in one order, so the next one is looked at first. */
static bool find_next_location(const struct place_queue *queue, const char *name, uint16_t *location)
{
	uint16_t next = (uint16_t)(*location + 1);
	if (next < queue->location_count && strcmp(queue->locations[next].name, name) == 0) {
		*location = next;
		return true;
	}
	return ringcast_place_queue_find_location(queue, name, location);
}

/* What a player says twice of one location counts once, the first time. */
static void take_latency(const struct place_queue *queue, const struct place_latency *latency, uint16_t *location, struct survey *survey)
{
	bool *has_said = survey->has_said + (size_t)latency->player * (queue->location_count + 1u);
	survey->player_count += !has_said[queue->location_count];
	has_said[queue->location_count] = true;
	if (!find_next_location(queue, latency->location, location) || has_said[*location])
		return;
	has_said[*location] = true;
	struct reach *reach = &survey->reaches[*location];
	reach->sum_ms += latency->latency_ms;
	reach->max_ms = fmaxf(reach->max_ms, latency->latency_ms);
	reach->count++;
}

/* False: out of memory. */
static bool measure(const struct place_queue *queue, const struct place_wish_options *options, struct survey *survey)
{
	uint16_t location = UINT16_MAX;
	survey->has_said = calloc((size_t)options->player_count + 1, queue->location_count + 1u);
	if (survey->has_said == NULL)
		return false;
	for (size_t i = 0; i < options->latency_count; i++) {
		ringcast_assert(options->latencies[i].player < options->player_count);
		take_latency(queue, &options->latencies[i], &location, survey);
	}
	free(survey->has_said);
	return true;
}

/* Under a policy a location counts if everybody who said anything has said that it is near enough. Nobody said anything: policies do not matter. */
static uint8_t first_stage(const struct place_queue *queue, const struct reach *reach, uint32_t player_count)
{
	if (player_count == 0)
		return 0;
	for (uint8_t stage = 0; stage < queue->stage_count; stage++)
		if (stage >= queue->policy_count || (reach->count == player_count && reach->max_ms <= (float)queue->policies[stage].latency_ms_max))
			return stage;
	return PLACE_STAGE_NEVER;
}

static void take_override(const struct place_queue *queue, const struct place_wish_options *options, struct place_wish *wish)
{
	uint16_t location;
	wish->has_override = options->override_count > 0;
	wish->is_override_only = wish->has_override && options->fallback == PLACE_FALLBACK_NONE;
	for (size_t i = 0; i < options->override_count && i < UINT16_MAX; i++)
		if (ringcast_place_queue_find_location(queue, options->override_locations[i], &location) && wish->locations[location].override == UINT16_MAX)
			wish->locations[location].override = (uint16_t)i;
	for (uint16_t i = 0; wish->is_override_only && i < wish->location_count; i++)
		if (wish->locations[i].override == UINT16_MAX)
			wish->locations[i].first_stage = PLACE_STAGE_NEVER;
}

struct place_wish *ringcast_place_wish_create(const struct place_queue *queue, const struct place_wish_options *options)
{
	struct survey survey = {0};
	ringcast_assert(queue->is_sealed);
	struct place_wish *wish = calloc(1, sizeof(*wish) + queue->location_count * sizeof(wish->locations[0]));
	if (wish == NULL || !measure(queue, options, &survey)) {
		free(wish);
		return NULL;
	}
	wish->location_count = queue->location_count;
	for (uint16_t i = 0; i < wish->location_count; i++) {
		const struct reach *reach = &survey.reaches[i];
		wish->locations[i] = (struct place_wish_location){
			.latency_ms = reach->count > 0 ? (float)(reach->sum_ms / reach->count) : INFINITY,
			.override = UINT16_MAX,
			.first_stage = queue->locations[i].has_site ? first_stage(queue, reach, survey.player_count) : PLACE_STAGE_NEVER,
		};
	}
	take_override(queue, options, wish);
	return wish;
}

/* Deciding */

/* Below 0: left is the better one in this respect. */
static int compare_by(const struct place_queue *queue, const struct place_wish *wish, enum place_priority priority, const struct place_site *const sites[2])
{
	float left, right;
	switch (priority) {
	case PLACE_BY_LATENCY:
		left = wish->locations[sites[0]->location].latency_ms;
		right = wish->locations[sites[1]->location].latency_ms;
		break;
	case PLACE_BY_COST:
		left = sites[0]->cost;
		right = sites[1]->cost;
		break;
	case PLACE_BY_DESTINATION:
		left = (float)sites[0]->destination;
		right = (float)sites[1]->destination;
		break;
	default:
		left = queue->locations[sites[0]->location].order;
		right = queue->locations[sites[1]->location].order;
		break;
	}
	return (left > right) - (left < right);
}

static bool is_better(const struct place_queue *queue, const struct place_wish *wish, const struct place_site *site, const struct place_site *than)
{
	const struct place_site *const sites[2] = {site, than};
	int left = wish->locations[site->location].override, right = wish->locations[than->location].override;
	if (wish->has_override && left != right)
		return left < right;
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++) {
		int order = compare_by(queue, wish, queue->priorities[i], sites);
		if (order != 0)
			return order < 0;
	}
	return false;
}

uint32_t ringcast_place_decide(const struct place_queue *queue, const struct place_wish *wish, uint8_t stage, const int64_t *rooms, uint32_t avoid)
{
	uint32_t best = PLACE_SITE_NONE, last = PLACE_SITE_NONE;
	ringcast_assert(queue->is_sealed && wish->location_count == queue->location_count);
	for (uint32_t i = 0; i < queue->site_count; i++) {
		const struct place_site *site = &queue->sites[i];
		if (rooms[site->pool] <= 0 || wish->locations[site->location].first_stage > stage)
			continue;
		if (i == avoid)
			last = i;
		else if (best == PLACE_SITE_NONE || is_better(queue, wish, site, &queue->sites[best]))
			best = i;
	}
	return best != PLACE_SITE_NONE ? best : last;
}
