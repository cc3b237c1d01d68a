#include "service/operations/figures.h"

#include <stdlib.h>
#include <string.h>

#include "service/operations/runtime.h"

static void tally(struct fleet_tally *tally, const struct game_session *session)
{
	tally->use.session_count++;
	tally->use.player_count += session->player_count;
	tally->use.place_count += session->players_max;
	tally->activating += session->status == GAME_SESSION_ACTIVATING;
}

/* As strcmp of the record's id and the fleet that the session's key begins with. */
static int compare(const char *id, const struct game_session *session)
{
	int order = strncmp(id, session->key, session->fleet_bytes);
	return order != 0 ? order : id[session->fleet_bytes] != '\0';
}

static const struct record *fleet_of(const struct record_list *fleets, const struct game_session *session)
{
	size_t low = 0, high = fleets->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(fleets->records[middle].id, session);
		if (order == 0)
			return &fleets->records[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct fleet_tally *ringcast_fleet_tallies(const struct model *model)
{
	const struct record_list *fleets = &model->records.lists[RECORD_FLEET];
	struct fleet_tally *tallies = calloc(fleets->count + 1, sizeof(*tallies));
	const struct game_session *session;
	size_t at = 0;
	while (tallies != NULL && (session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL) {
		const struct record *fleet = ringcast_game_session_is_ended(session) ? NULL : fleet_of(fleets, session);
		if (fleet != NULL)
			tally(&tallies[fleet - fleets->records], session);
	}
	return tallies;
}

static struct fleet_tally tally_of(const struct model *model, const char *fleet_id)
{
	struct fleet_tally one = {0};
	const struct game_session *session;
	size_t at = 0;
	while ((session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL)
		if (!ringcast_game_session_is_ended(session) && compare(fleet_id, session) == 0)
			tally(&one, session);
	return one;
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
	const struct fleet_tally one = tally_of(model, json_string_value(json_object_get(fleet, "FleetId")));
	return ringcast_fleet_figures_with(model, fleet, &one);
}

struct fleet_figures ringcast_fleet_figures_with(const struct model *model, const json_t *fleet, const struct fleet_tally *tally)
{
	const json_t *most = json_object_get(json_object_get(fleet, "RuntimeConfiguration"), "MaxConcurrentGameSessionActivations");
	struct fleet_figures figures = {.is_custom = ringcast_fleet_is_custom(fleet),
					.sessions = tally->use.session_count,
					.players = tally->use.player_count,
					.places = tally->use.place_count,
					.activating = tally->activating,
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
