#include "service/operations/figures.h"

#include <string.h>

#include "service/operations/runtime.h"

static size_t count_activating(const struct model *model, const char *fleet_id)
{
	const struct game_session *session;
	size_t at = 0, count = 0, bytes = strlen(fleet_id);
	if (model->sessions.status_counts[GAME_SESSION_ACTIVATING] == 0)
		return 0;
	while ((session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL)
		count += session->status == GAME_SESSION_ACTIVATING && session->fleet_bytes == bytes && strncmp(session->key, fleet_id, bytes) == 0;
	return count;
}

static int64_t wished(const json_t *fleet, const char *name)
{
	const json_t *value = json_object_get(json_object_get(fleet, "Capacity"), name);
	return json_is_integer(value) ? json_integer_value(value) : 1;
}

/* Machines of an ANYWHERE fleet are those that registered; other fleets have this one. */
static int64_t count_instances(const struct model *model, const json_t *fleet, bool is_custom)
{
	const char *fleet_id = json_string_value(json_object_get(fleet, "FleetId"));
	int64_t count = 0;
	if (!is_custom || ringcast_fleet_has_build(fleet))
		return 1;
	const struct record *compute = ringcast_records_next(&model->records, RECORD_COMPUTE, "");
	for (; compute != NULL; compute = ringcast_records_next(&model->records, RECORD_COMPUTE, compute->id)) {
		const char *of = json_string_value(json_object_get(compute->document, "FleetId"));
		count += of != NULL && strcmp(of, fleet_id) == 0;
	}
	return count;
}

static void count_processes(const struct model *model, const json_t *fleet, struct fleet_figures *figures)
{
	struct host_load load = ringcast_fleet_loads_of(&model->loads, json_string_value(json_object_get(fleet, "FleetId")));
	size_t live = model->sessions.live_counts[MODEL_HOST_ENGINE], most = model->settings.sessions_max;
	figures->processes = figures->is_custom ? load.processes : figures->sessions;
	figures->ready = figures->is_custom ? load.ready : 0;
	figures->unhealthy = figures->is_custom ? load.unhealthy : 0;
	figures->available = figures->is_custom ? load.ready : live < most ? most - live : 0;
}

struct fleet_figures ringcast_fleet_figures(const struct model *model, const json_t *fleet)
{
	const char *id = json_string_value(json_object_get(fleet, "FleetId"));
	const json_t *most = json_object_get(json_object_get(fleet, "RuntimeConfiguration"), "MaxConcurrentGameSessionActivations");
	struct fleet_use use = ringcast_fleet_use(model, id, NULL);
	struct fleet_figures figures = {.is_custom = ringcast_fleet_is_custom(fleet),
					.sessions = use.session_count,
					.players = use.player_count,
					.places = use.place_count,
					.activating = count_activating(model, id),
					.desired = wished(fleet, "DesiredInstances"),
					.low = wished(fleet, "MinSize"),
					.high = wished(fleet, "MaxSize")};
	count_processes(model, fleet, &figures);
	figures.instances = count_instances(model, fleet, figures.is_custom);
	figures.idle_instances = figures.sessions > 0 ? 0 : figures.instances;
	figures.activatable = figures.available;
	if (json_is_integer(most)) {
		size_t bound = (size_t)json_integer_value(most), left = bound > figures.activating ? bound - figures.activating : 0;
		figures.activatable = left < figures.available ? left : figures.available;
	}
	return figures;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

double ringcast_fleet_percent_available(const struct fleet_figures *figures)
{
	return percent((double)figures->available, (double)(figures->sessions + figures->available + figures->unhealthy));
}

bool ringcast_fleet_metric(const struct fleet_figures *figures, const char *name, double *ret_value)
{
	const struct {
		const char *name;
		double value;
	} metrics[] = {
		{"ActivatingGameSessions", (double)figures->activating},
		{"ActiveGameSessions", (double)(figures->sessions - figures->activating)},
		{"ActiveInstances", (double)figures->instances},
		{"AvailableGameSessions", (double)figures->available},
		{"AvailablePlayerSessions", (double)(figures->places > figures->players ? figures->places - figures->players : 0)},
		{"ConcurrentActivatableGameSessions", (double)figures->activatable},
		{"CurrentPlayerSessions", (double)figures->players},
		{"IdleInstances", (double)figures->idle_instances},
		{"PercentAvailableGameSessions", ringcast_fleet_percent_available(figures)},
		{"PercentIdleInstances", percent((double)figures->idle_instances, (double)figures->instances)},
	};
	for (size_t i = 0; i < ARRAY_COUNT(metrics); i++) {
		if (strcmp(metrics[i].name, name) != 0)
			continue;
		*ret_value = metrics[i].value;
		return true;
	}
	return false;
}
