#include "service/operations/fleet_parts.h"

#include "service/operations/runtime.h"

#include <string.h>

json_t *ringcast_fleet_record(struct model *model, struct request *request, const char **ret_id)
{
	*ret_id = ringcast_model_id_of(ringcast_request_text(request, "FleetId"), "fleet");
	json_t *fleet = ringcast_records_find(&model->records, RECORD_FLEET, *ret_id);
	if (fleet == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no fleet %s", *ret_id);
	return fleet;
}

static bool is_of(const struct game_session *session, const char *fleet_id, const char *location)
{
	return !ringcast_game_session_is_ended(session) && session->fleet_bytes == strlen(fleet_id) &&
	       strncmp(session->key, fleet_id, session->fleet_bytes) == 0 && (location == NULL || strcmp(session->location, location) == 0);
}

struct fleet_use ringcast_fleet_use(const struct model *model, const char *fleet_id, const char *location)
{
	struct fleet_use use = {0};
	const struct game_session *session;
	size_t at = 0;
	while ((session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL) {
		if (!is_of(session, fleet_id, location))
			continue;
		use.session_count++;
		use.player_count += session->player_count;
		use.place_count += session->players_max;
	}
	return use;
}

json_t *ringcast_fleet_name(const json_t *fleet)
{
	return json_pack("{s:O, s:O}", "FleetId", json_object_get(fleet, "FleetId"), "FleetArn", json_object_get(fleet, "FleetArn"));
}

static void put_location(json_t *json, const char *location)
{
	if (location != NULL)
		json_object_set_new(json, "Location", json_string(location));
}

static json_int_t wished(const json_t *fleet, const char *name, json_int_t otherwise)
{
	const json_t *value = json_object_get(json_object_get(fleet, "Capacity"), name);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* The engine of this process is the fleet's one host. What was wished is shown beside what is there. */
json_t *ringcast_fleet_capacity(const struct model *model, const json_t *fleet, const char *location)
{
	const char *id = json_string_value(json_object_get(fleet, "FleetId"));
	bool is_used = ringcast_fleet_use(model, id, location).session_count > 0;
	json_t *json = ringcast_fleet_name(fleet);
	json_object_set_new(json, "InstanceCounts",
			    json_pack("{s:I, s:I, s:I, s:i, s:i, s:i, s:i}", "DESIRED", wished(fleet, "DesiredInstances", 1), "MINIMUM",
				      wished(fleet, "MinSize", 1), "MAXIMUM", wished(fleet, "MaxSize", 1), "PENDING", 0, "ACTIVE", 1, "IDLE",
				      is_used ? 0 : 1, "TERMINATING", 0));
	put_location(json, location);
	return json;
}

/* A script's session counts as the process that it is elsewhere. */
static size_t count_processes(const struct model *model, const json_t *fleet, size_t session_count)
{
	if (!ringcast_fleet_is_custom(fleet))
		return session_count;
	return ringcast_fleet_loads_of(&model->loads, json_string_value(json_object_get(fleet, "FleetId"))).processes;
}

json_t *ringcast_fleet_utilization(const struct model *model, const json_t *fleet, const char *location)
{
	struct fleet_use use = ringcast_fleet_use(model, json_string_value(json_object_get(fleet, "FleetId")), location);
	json_t *json = ringcast_fleet_name(fleet);
	json_object_set_new(json, "ActiveServerProcessCount", json_integer((json_int_t)count_processes(model, fleet, use.session_count)));
	json_object_set_new(json, "ActiveGameSessionCount", json_integer((json_int_t)use.session_count));
	json_object_set_new(json, "CurrentPlayerSessionCount", json_integer((json_int_t)use.player_count));
	json_object_set_new(json, "MaximumPlayerSessionCount", json_integer((json_int_t)use.place_count));
	put_location(json, location);
	return json;
}
