#include "service/operations/placement_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/model/text_index.h"
#include "service/operations/runtime.h"
#include "service/place/board.h"

enum { LATENCIES_MAX = 20000, OVERRIDE_MAX = 100, FLEET_ID_LENGTH_MAX = 128 };

static const char *const priority_names[] = {
#define PLACE_PRIORITY(id, name) name,
	PLACE_PRIORITIES(PLACE_PRIORITY)
#undef PLACE_PRIORITY
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* Destinations */

/* An ARN of a fleet or an alias, with an id as the API makes them: keys and other ARNs are built from it. */
static bool is_of(const char *arn, const char *resource)
{
	const char *id = ringcast_model_id_of(arn, resource);
	size_t bytes = strlen(resource);
	return id != arn && strncmp(id, resource, bytes) == 0 && id[bytes] == '-' && strlen(id) <= FLEET_ID_LENGTH_MAX;
}

const char *ringcast_placement_fleet_of(const struct model *model, const char *destination_arn, const json_t **ret_fleet)
{
	const char *id = ringcast_model_id_of(destination_arn, "fleet");
	if (is_of(destination_arn, "alias")) {
		const json_t *alias = ringcast_records_find(&model->records, RECORD_ALIAS, ringcast_model_id_of(destination_arn, "alias"));
		id = json_string_value(json_object_get(json_object_get(alias, "RoutingStrategy"), "FleetId"));
	}
	*ret_fleet = id != NULL ? ringcast_records_find(&model->records, RECORD_FLEET, id) : NULL;
	bool is_active = *ret_fleet != NULL ? strcmp(text_of(*ret_fleet, "Status"), "ACTIVE") == 0 : model->settings.is_dev;
	return is_active ? id : NULL;
}

static bool is_destination_there(struct model *model, const char *arn)
{
	if (is_of(arn, "alias"))
		return ringcast_records_find(&model->records, RECORD_ALIAS, ringcast_model_id_of(arn, "alias")) != NULL;
	return is_of(arn, "fleet") && (model->settings.is_dev || ringcast_records_find(&model->records, RECORD_FLEET, ringcast_model_id_of(arn, "fleet")) != NULL);
}

/* Reading a queue */

struct reading {
	struct model *model;
	struct place_queue *queue;
	placement_pool_fn *pool_of;
};

static bool add_site(const struct reading *reading, uint32_t destination, const char *fleet_id, const json_t *fleet, const char *location)
{
	const char *name = *location != '\0' ? location : reading->model->settings.region;
	uint32_t pool = reading->pool_of(reading->model, fleet_id, fleet, location);
	return pool != PLACE_POOL_NONE && ringcast_place_queue_add_site(reading->queue, destination, name, pool, 0);
}

/* A fleet is at home, which is named as the region, and at its other locations. One of the owner's own computes is nowhere else than where they are. */
static bool add_destination(const struct reading *reading, uint32_t destination, const char *arn)
{
	size_t i;
	json_t *state;
	const json_t *fleet;
	const char *fleet_id = ringcast_placement_fleet_of(reading->model, arn, &fleet);
	if (fleet_id == NULL)
		return true; /* it leads nowhere now */
	const json_t *locations = json_object_get(fleet, "Locations");
	bool is_at_home = json_array_size(locations) == 0 || !ringcast_fleet_is_custom(fleet) || ringcast_fleet_has_build(fleet);
	bool is_whole = !is_at_home || add_site(reading, destination, fleet_id, fleet, "");
	json_array_foreach(locations, i, state)
		is_whole = is_whole && add_site(reading, destination, fleet_id, fleet, text_of(state, "Location"));
	return is_whole;
}

static bool add_policies(struct place_queue *queue, const json_t *policies)
{
	size_t i;
	json_t *policy;
	json_array_foreach(policies, i, policy) {
		const json_t *duration = json_object_get(policy, "PolicyDurationSeconds");
		json_int_t ms = json_integer_value(json_object_get(policy, "MaximumIndividualPlayerLatencyMilliseconds"));
		struct place_policy made = {(uint32_t)ms, duration != NULL ? (uint32_t)json_integer_value(duration) : UINT32_MAX};
		if (!ringcast_place_queue_add_policy(queue, made))
			return false;
	}
	return true;
}

static bool find_priority(const char *name, enum place_priority *ret_priority)
{
	for (unsigned i = 0; i < PLACE_PRIORITY_COUNT; i++)
		if (strcmp(priority_names[i], name) == 0) {
			*ret_priority = (enum place_priority)i;
			return true;
		}
	return false;
}

static void add_priorities(struct place_queue *queue, const json_t *order)
{
	size_t i;
	json_t *name;
	enum place_priority priority;
	json_array_foreach(order, i, name)
		if (find_priority(json_string_value(name), &priority))
			ringcast_place_queue_add_priority(queue, priority);
}

static bool add_locations(struct place_queue *queue, const json_t *locations, bool (*add)(struct place_queue *, const char *))
{
	size_t i;
	json_t *location;
	json_array_foreach(locations, i, location)
		if (!add(queue, json_string_value(location)))
			return false;
	return true;
}

static bool read_queue(const struct reading *reading, const json_t *document)
{
	size_t i;
	json_t *destination;
	struct place_queue *queue = reading->queue;
	const json_t *priorities = json_object_get(document, "PriorityConfiguration");
	if (!add_policies(queue, json_object_get(document, "PlayerLatencyPolicies")) ||
	    !add_locations(queue, json_object_get(json_object_get(document, "FilterConfiguration"), "AllowedLocations"), ringcast_place_queue_allow) ||
	    !add_locations(queue, json_object_get(priorities, "LocationOrder"), ringcast_place_queue_order_location))
		return false;
	add_priorities(queue, json_object_get(priorities, "PriorityOrder"));
	json_array_foreach(json_object_get(document, "Destinations"), i, destination)
		if (!add_destination(reading, (uint32_t)i, text_of(destination, "DestinationArn")))
			return false;
	return ringcast_place_queue_seal(queue);
}

struct place_queue *ringcast_placement_read_queue(struct model *model, const json_t *document, placement_pool_fn *pool_of)
{
	json_int_t timeout_s = json_integer_value(json_object_get(document, "TimeoutInSeconds"));
	struct reading reading = {model, ringcast_place_queue_create(timeout_s > 0 ? (uint32_t)timeout_s : PLACEMENT_TIMEOUT_S), pool_of};
	if (reading.queue != NULL && !read_queue(&reading, document))
		ringcast_place_queue_destroy(&reading.queue);
	return reading.queue;
}

/* Reading a wish */

/* Numbers for players, in the order in which they come. False: out of memory. */
static bool number_players(const json_t *list, uint64_t seed, struct place_latency *latencies, uint32_t *ret_count)
{
	size_t i;
	json_t *said;
	struct text_index index;
	bool is_whole = true;
	ringcast_text_index_init(&index, seed);
	json_array_foreach(list, i, said) {
		const char *player = text_of(said, "PlayerId");
		void *number = ringcast_text_index_find(&index, player); /* from 1 up */
		if (number == NULL) {
			number = (void *)(uintptr_t)++*ret_count;
			is_whole = is_whole && ringcast_text_index_add(&index, player, number);
		}
		latencies[i] = (struct place_latency){(uint32_t)(uintptr_t)number - 1, text_of(said, "RegionIdentifier"),
						      (float)json_number_value(json_object_get(said, "LatencyInMilliseconds"))};
	}
	ringcast_text_index_fini(&index);
	return is_whole;
}

struct place_wish *ringcast_placement_read_wish(const json_t *placement, const struct place_queue *queue, uint64_t seed)
{
	const json_t *list = json_object_get(placement, "PlayerLatencies"), *override = json_object_get(placement, "PriorityConfigurationOverride");
	const json_t *order = json_object_get(override, "LocationOrder");
	const char *locations[OVERRIDE_MAX];
	struct place_wish_options options = {.latency_count = json_array_size(list), .override_locations = locations};
	struct place_latency *latencies = calloc(options.latency_count + 1, sizeof(*latencies));
	struct place_wish *wish = NULL;
	options.latencies = latencies;
	for (; options.override_count < json_array_size(order) && options.override_count < OVERRIDE_MAX; options.override_count++)
		locations[options.override_count] = json_string_value(json_array_get(order, options.override_count));
	if (strcmp(text_of(override, "PlacementFallbackStrategy"), "NONE") == 0)
		options.fallback = PLACE_FALLBACK_NONE;
	if (latencies != NULL && number_players(list, seed, latencies, &options.player_count))
		wish = ringcast_place_wish_create(queue, &options);
	free(latencies);
	return wish;
}

/* Checking */

static bool are_destinations_right(struct model *model, struct request *request)
{
	const json_t *list = json_object_get(request->input, "Destinations");
	if (json_array_size(list) > PLACE_DESTINATIONS_MAX)
		ringcast_request_refuse(request, FAULT_LIMIT, "Destinations: %zu, at most %d are allowed", json_array_size(list), PLACE_DESTINATIONS_MAX);
	for (size_t i = 0; i < json_array_size(list) && !request->is_answered; i++) {
		const char *arn = text_of(json_array_get(list, i), "DestinationArn");
		if (!is_of(arn, "fleet") && !is_of(arn, "alias"))
			ringcast_request_refuse(request, FAULT_INVALID, "Destinations[%zu].DestinationArn: must be the ARN of a fleet or of an alias", i);
		else if (!is_destination_there(model, arn))
			ringcast_request_refuse(request, FAULT_NOT_FOUND, "Destinations[%zu].DestinationArn: there is no %.200s", i, arn);
		for (size_t k = 0; k < i && !request->is_answered; k++)
			if (strcmp(arn, text_of(json_array_get(list, k), "DestinationArn")) == 0)
				ringcast_request_refuse(request, FAULT_INVALID, "Destinations[%zu]: the same as Destinations[%zu]", i, k);
	}
	return !request->is_answered;
}

static bool are_policies_right(struct request *request)
{
	const json_t *list = json_object_get(request->input, "PlayerLatencyPolicies");
	if (json_array_size(list) > PLACE_POLICIES_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencyPolicies: %zu, at most %d are allowed", json_array_size(list), PLACE_POLICIES_MAX);
	for (size_t i = 0; i < json_array_size(list) && !request->is_answered; i++) {
		const json_t *policy = json_array_get(list, i), *most = json_object_get(policy, "MaximumIndividualPlayerLatencyMilliseconds");
		json_int_t duration = json_integer_value(json_object_get(policy, "PolicyDurationSeconds"));
		if (most == NULL)
			ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencyPolicies[%zu].MaximumIndividualPlayerLatencyMilliseconds: is required", i);
		else if (json_integer_value(most) > INT32_MAX || duration > PLACEMENT_TIMEOUT_S_MAX)
			ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencyPolicies[%zu]: at most %d ms and %d s are allowed", i, INT32_MAX,
						PLACEMENT_TIMEOUT_S_MAX);
	}
	return !request->is_answered;
}

static bool are_priorities_right(struct request *request)
{
	const json_t *order = json_object_get(json_object_get(request->input, "PriorityConfiguration"), "PriorityOrder");
	for (size_t i = 0; i < json_array_size(order); i++)
		for (size_t k = 0; k < i; k++)
			if (json_equal(json_array_get(order, i), json_array_get(order, k))) {
				ringcast_request_refuse(request, FAULT_INVALID, "PriorityConfiguration.PriorityOrder[%zu]: %s stands there twice", i,
							json_string_value(json_array_get(order, i)));
				return false;
			}
	return true;
}

bool ringcast_placement_check_queue(struct model *model, struct request *request)
{
	int64_t timeout_s = ringcast_request_number(request, "TimeoutInSeconds", 0);
	if (timeout_s > PLACEMENT_TIMEOUT_S_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "TimeoutInSeconds: %" PRId64 ", at most %d are allowed", timeout_s, PLACEMENT_TIMEOUT_S_MAX);
	return !request->is_answered && are_destinations_right(model, request) && are_policies_right(request) && are_priorities_right(request);
}

static bool are_players_right(struct request *request, int64_t players_max)
{
	const json_t *list = json_object_get(request->input, "DesiredPlayerSessions");
	struct text_index index;
	if ((int64_t)json_array_size(list) > players_max)
		ringcast_request_refuse(request, FAULT_INVALID, "DesiredPlayerSessions: %zu players, the session has %" PRId64 " places", json_array_size(list), players_max);
	ringcast_text_index_init(&index, 1);
	for (size_t i = 0; i < json_array_size(list) && !request->is_answered; i++) {
		const char *player = text_of(json_array_get(list, i), "PlayerId");
		char place[48];
		snprintf(place, sizeof(place), "DesiredPlayerSessions[%zu]", i);
		if (*player == '\0')
			ringcast_request_refuse(request, FAULT_INVALID, "DesiredPlayerSessions[%zu].PlayerId: is required", i);
		else if (ringcast_text_index_find(&index, player) != NULL)
			ringcast_request_refuse(request, FAULT_INVALID, "DesiredPlayerSessions[%zu]: the player stands there twice", i);
		else if (!ringcast_request_player_fits(request, place, player, json_string_value(json_object_get(json_array_get(list, i), "PlayerData"))))
			break;
		else if (!ringcast_text_index_add(&index, player, json_array_get(list, i)))
			ringcast_request_refuse_memory(request);
	}
	ringcast_text_index_fini(&index);
	return !request->is_answered;
}

static bool are_latencies_right(struct request *request)
{
	const json_t *list = json_object_get(request->input, "PlayerLatencies");
	if (json_array_size(list) > LATENCIES_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencies: %zu, at most %d are allowed", json_array_size(list), LATENCIES_MAX);
	for (size_t i = 0; i < json_array_size(list) && !request->is_answered; i++) {
		const json_t *said = json_array_get(list, i);
		double ms = json_number_value(json_object_get(said, "LatencyInMilliseconds"));
		if (*text_of(said, "PlayerId") == '\0' || *text_of(said, "RegionIdentifier") == '\0' || json_object_get(said, "LatencyInMilliseconds") == NULL)
			ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencies[%zu]: needs PlayerId, RegionIdentifier and LatencyInMilliseconds", i);
		else if (!(ms >= 0 && ms <= INT32_MAX))
			ringcast_request_refuse(request, FAULT_INVALID, "PlayerLatencies[%zu].LatencyInMilliseconds: must be 0 to %d", i, INT32_MAX);
	}
	return !request->is_answered;
}

static bool is_override_right(struct request *request)
{
	const json_t *override = json_object_get(request->input, "PriorityConfigurationOverride"), *order = json_object_get(override, "LocationOrder");
	size_t count = json_array_size(order);
	if (override == NULL)
		return true;
	if (json_array_size(json_object_get(request->input, "PlayerLatencies")) > 0)
		ringcast_request_refuse(request, FAULT_INVALID, "PriorityConfigurationOverride: cannot be given together with PlayerLatencies");
	else if (count == 0 || count > OVERRIDE_MAX)
		ringcast_request_refuse(request, FAULT_INVALID, "PriorityConfigurationOverride.LocationOrder: must name 1 to %d locations", OVERRIDE_MAX);
	return !request->is_answered;
}

bool ringcast_placement_check_wish(struct model *model, struct request *request)
{
	int64_t players_max = ringcast_request_number(request, "MaximumPlayerSessionCount", 0);
	if (players_max < 1 || players_max > (int64_t)model->settings.players_per_session_max)
		ringcast_request_refuse(request, FAULT_INVALID, "MaximumPlayerSessionCount: %" PRId64 ", must be 1 to %" PRIu32 " here", players_max,
					model->settings.players_per_session_max);
	return !request->is_answered && are_players_right(request, players_max) && are_latencies_right(request) && is_override_right(request);
}
