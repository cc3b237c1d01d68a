/* What the model counts, in one answer, for /metrics: not an operation of the API. */
#include "service/operations/watch.h"

#include <stdlib.h>

#include "service/matchmaking/matchmaking.h"
#include "service/operations/figures.h"
#include "service/operations/placing.h"

static json_t *statuses_of(const struct model *model)
{
	json_t *statuses = json_object();
	for (size_t i = 0; i < GAME_SESSION_STATUS_COUNT; i++)
		json_object_set_new(statuses, ringcast_game_session_status_name((enum game_session_status)i),
				    json_integer((json_int_t)model->sessions.status_counts[i]));
	return statuses;
}

static void add(json_t *to, const char *name, double value)
{
	json_object_set_new(to, name, json_real(value));
}

static double percent(size_t part, size_t whole)
{
	return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

/* By the end of the metric's name: the API's names in snake case. */
static json_t *figures_of(const struct fleet_figures *of)
{
	struct fleet_figures figures = *of;
	size_t healthy = figures.processes - (figures.unhealthy < figures.processes ? figures.unhealthy : figures.processes);
	json_t *json = json_object();
	add(json, "active_game_sessions", (double)(figures.sessions - figures.activating));
	add(json, "activating_game_sessions", (double)figures.activating);
	add(json, "available_game_sessions", (double)figures.available);
	add(json, "percent_available_game_sessions", ringcast_fleet_percent_available(&figures));
	add(json, "concurrent_activatable_game_sessions", (double)figures.activatable);
	add(json, "current_player_sessions", (double)figures.players);
	add(json, "available_player_sessions", (double)(figures.places > figures.players ? figures.places - figures.players : 0));
	add(json, "active_instances", (double)figures.instances);
	add(json, "idle_instances", (double)figures.idle_instances);
	add(json, "percent_idle_instances", percent((size_t)figures.idle_instances, (size_t)figures.instances));
	add(json, "desired_instances", (double)figures.desired);
	add(json, "min_instances", (double)figures.low);
	add(json, "max_instances", (double)figures.high);
	add(json, "active_server_processes", (double)figures.processes);
	add(json, "healthy_server_processes", (double)healthy);
	add(json, "percent_healthy_server_processes", percent(healthy, figures.processes));
	return json;
}

static void watch(struct model *model, struct request *request)
{
	const struct record_list *list = &model->records.lists[RECORD_FLEET];
	json_t *fleets = json_object();
	struct fleet_tally *tallies = ringcast_fleet_tallies(model);
	for (size_t i = 0; tallies != NULL && i < list->count; i++) {
		const struct fleet_figures figures = ringcast_fleet_figures_with(model, list->records[i].document, &tallies[i]);
		json_object_set_new(fleets, list->records[i].id, figures_of(&figures));
	}
	free(tallies);
	json_t *queues = ringcast_placing_show_queues(model), *configurations = ringcast_matchmaking_show_configurations(model->matchmaking);
	ringcast_request_answer(request, json_pack("{s:o*, s:o*, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "queues", queues, "configurations", configurations, "fleets", fleets, "statuses", statuses_of(model), "activations",
						   (json_int_t)model->sessions.activation_count, "interruptions", (json_int_t)model->sessions.interruption_count,
						   "letters", (json_int_t)ringcast_records_count(&model->records, RECORD_LETTER), "ended_data_bytes",
						   (json_int_t)model->sessions.ended_data_bytes, "data_forgotten", (json_int_t)model->sessions.data_forgotten_count));
}

const struct operation ringcast_operation_watch = {"Watch", watch, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, "", .is_glance = true};
