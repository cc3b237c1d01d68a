#include "service/operations/backfill.h"

#include <string.h>

#include "base/attr.h"
#include "service/matchmaking/matchmaking.h"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* The session that asks. NULL: refused. */
static struct game_session *session_of(struct model *model, struct request *request)
{
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, ringcast_request_text(request, GAME_SESSION_MEMBER));
	if (session == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the service does not know this session: it was not made by it, or has just begun");
	else if (session->status != GAME_SESSION_ACTIVE)
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session is %s, not ACTIVE", ringcast_game_session_status_name(session->status));
	return request->is_answered ? NULL : session;
}

/* The same operation that a backend calls, checks of its input and all. */
static void run_as(const char *name, struct model *model, struct request *request)
{
	json_object_del(request->input, GAME_SESSION_MEMBER);
	request->operation = ringcast_operation_find(name);
	ringcast_request_run(model, request);
}

/* What the service knows */

static json_t *matchmaker_data_of(const struct game_session *session)
{
	json_t *facts = ringcast_game_facts_show(session->facts), *data = json_loads(text_of(facts, "MatchmakerData"), 0, NULL);
	json_decref(facts);
	return data;
}

static json_t *attributes_of(const json_t *told)
{
	static const char *const types[][2] = {{"STRING", "S"}, {"DOUBLE", "N"}, {"STRING_LIST", "SL"}, {"STRING_DOUBLE_MAP", "SDM"}};
	json_t *attributes = json_object(), *attribute;
	const char *name;
	json_object_foreach(json_object_get(told, "attributes"), name, attribute)
		for (size_t i = 0; i < ARRAY_COUNT(types); i++)
			if (strcmp(text_of(attribute, "attributeType"), types[i][0]) == 0)
				json_object_set_new(attributes, name, json_pack("{s:O}", types[i][1], json_object_get(attribute, "valueAttribute")));
	return attributes;
}

/* {PlayerId: player} of all who were ever matched into it. */
static json_t *players_by_id(const json_t *data)
{
	json_t *by_id = json_object(), *team, *told;
	size_t i, k;
	json_array_foreach(json_object_get(data, "teams"), i, team)
		json_array_foreach(json_object_get(team, "players"), k, told) {
			const char *id = text_of(told, "playerId");
			json_object_set_new(by_id, id, json_pack("{s:s, s:s, s:o}", "PlayerId", id, "Team", text_of(team, "name"), "PlayerAttributes", attributes_of(told)));
		}
	return by_id;
}

/* Who holds a place now. NULL: refused. */
static json_t *players_now(struct request *request, const struct game_session *session, const json_t *data)
{
	json_t *by_id = players_by_id(data), *players = json_array();
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		json_t *known = json_object_get(by_id, player->player_id);
		if (player->status != PLAYER_SESSION_RESERVED && player->status != PLAYER_SESSION_ACTIVE)
			continue;
		if (known == NULL && !request->is_answered)
			ringcast_request_refuse(request, FAULT_INVALID, "Players: no matchmaker has put everybody of this session into a team; say who plays in which");
		else
			json_array_append(players, known);
	}
	if (!request->is_answered && json_array_size(players) == 0)
		ringcast_request_refuse(request, FAULT_INVALID, "Players: nobody plays in this session");
	json_decref(by_id);
	if (!request->is_answered)
		return players;
	json_decref(players);
	return NULL;
}

static bool is_absent(const struct request *request, const char *name)
{
	const json_t *value = json_object_get(request->input, name);
	return value == NULL || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

/* MatchmakerData says nothing of latencies, and without them nobody would ever be found. */
static void refuse_without_latencies(struct model *model, struct request *request)
{
	const char *configuration = ringcast_model_id_of(ringcast_request_text(request, "ConfigurationName"), "matchmakingconfiguration");
	if (ringcast_matchmaking_wants_latencies(model->matchmaking, configuration))
		ringcast_request_refuse(request, FAULT_INVALID, "Players: the rule set asks for latencies, which the service has not kept; say who plays, with LatencyInMs");
}

static void fill_in_configuration(struct request *request, const json_t *data)
{
	const char *configuration = text_of(data, "matchmakingConfigurationArn");
	if (*configuration == '\0')
		ringcast_request_refuse(request, FAULT_INVALID, "ConfigurationName: is required, since no matchmaker has made this session");
	else
		json_object_set_new(request->input, "ConfigurationName", json_string(configuration));
}

static void fill_in_players(struct model *model, struct request *request, const struct game_session *session, const json_t *data)
{
	json_t *players = players_now(request, session, data);
	if (players == NULL)
		return;
	json_object_set_new(request->input, "Players", players);
	refuse_without_latencies(model, request);
}

/* False: refused. */
static bool fill_in(struct model *model, struct request *request, const struct game_session *session)
{
	bool lacks_name = is_absent(request, "ConfigurationName"), lacks_players = is_absent(request, "Players");
	json_t *data = lacks_name || lacks_players ? matchmaker_data_of(session) : NULL;
	if (lacks_name)
		fill_in_configuration(request, data);
	if (lacks_players && !request->is_answered)
		fill_in_players(model, request, session, data);
	json_decref(data);
	return !request->is_answered;
}

/* Operations */

static void start(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	const struct game_session *session = session_of(model, request);
	if (session == NULL)
		return;
	ringcast_model_session_arn(model, session, arn);
	const char *other = ringcast_matchmaking_backfill_of(model->matchmaking, arn);
	if (other != NULL)
		ringcast_request_refuse(request, FAULT_CONFLICT, "players are looked for already, by the ticket %.128s; stop it first", other);
	if (other != NULL || !fill_in(model, request, session))
		return;
	json_object_set_new(request->input, "GameSessionArn", json_string(arn));
	run_as("StartMatchBackfill", model, request);
}

static void stop(struct model *model, struct request *request)
{
	char arn[MODEL_ARN_BYTES];
	const struct game_session *session = session_of(model, request);
	if (session == NULL)
		return;
	ringcast_model_session_arn(model, session, arn);
	const char *own = ringcast_matchmaking_backfill_of(model->matchmaking, arn);
	if (is_absent(request, "TicketId") && own != NULL)
		json_object_set_new(request->input, "TicketId", json_string(own));
	const char *ticket = ringcast_request_text(request, "TicketId");
	if (!ringcast_matchmaking_is_backfill(model->matchmaking, ticket, arn))
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "this session has no backfill ticket %.128s", ticket);
	else
		run_as("StopMatchmaking", model, request);
}

const struct operation ringcast_operation_game_starts_backfill = {"GameStartsBackfill", start, ROLE_BACKEND, SHAPE_ID_NONE, SHAPE_ID_NONE, ""};
const struct operation ringcast_operation_game_stops_backfill = {"GameStopsBackfill", stop, ROLE_BACKEND, SHAPE_ID_NONE, SHAPE_ID_NONE, ""};
