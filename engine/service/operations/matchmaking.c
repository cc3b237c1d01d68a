/* Tickets of matchmaking: start, describe, accept, stop. */
#include <stdio.h>
#include <string.h>

#include "service/matchmaking/matchmaking.h"
#include "service/operations/handlers.h"

enum { DESCRIBE_TICKETS_MAX = 10 };

static void answer(struct request *request, enum matchmaking_result result, const char *problem, json_t *output)
{
	static const enum fault faults[] = {[MATCHMAKING_OK] = FAULT_NONE,
					    [MATCHMAKING_NOT_FOUND] = FAULT_NOT_FOUND,
					    [MATCHMAKING_INVALID] = FAULT_INVALID,
					    [MATCHMAKING_LIMIT] = FAULT_INVALID, /* the only one that the vendor has for it */
					    [MATCHMAKING_MEMORY] = FAULT_INTERNAL};
	if (result == MATCHMAKING_OK)
		ringcast_request_answer(request, output);
	else if (result == MATCHMAKING_MEMORY)
		ringcast_request_refuse_memory(request);
	else
		ringcast_request_refuse(request, faults[result], "%s", problem);
}

static const char *configuration_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "ConfigurationName"), "matchmakingconfiguration");
}

/* Whoever is matched is given a place later, when nobody could be told any more that his id is too long. */
static bool are_players_right(struct request *request)
{
	const json_t *players = json_object_get(request->input, "Players");
	for (size_t i = 0; i < json_array_size(players); i++) {
		const char *id = json_string_value(json_object_get(json_array_get(players, i), "PlayerId"));
		char place[48];
		snprintf(place, sizeof(place), "Players[%zu].PlayerId", i);
		if (id != NULL && !ringcast_request_player_fits(request, place, id, NULL))
			return false;
	}
	return true;
}

/* A session has more than one name, and is looked for by its ARN. "": none is named. */
static const char *session_of(const struct model *model, const struct request *request, char arn[MODEL_ARN_BYTES])
{
	const char *given = ringcast_request_text(request, "GameSessionArn");
	const struct game_session *session = *given == '\0' ? NULL : ringcast_game_session_resolve(&model->sessions, given);
	if (session == NULL)
		return given; /* one of STANDALONE need not be a session of this service */
	ringcast_model_session_arn(model, session, arn);
	return arn;
}

static void start(struct model *model, struct request *request, bool is_backfill)
{
	char problem[MATCHMAKING_PROBLEM_BYTES] = "", arn[MODEL_ARN_BYTES];
	if (!are_players_right(request))
		return;
	json_t *ticket = NULL;
	const struct matchmaking_start wanted = {.configuration = configuration_of(request),
						 .ticket = ringcast_request_text(request, "TicketId"),
						 .players = json_object_get(request->input, "Players"),
						 .is_backfill = is_backfill,
						 .session = session_of(model, request, arn)};
	enum matchmaking_result result = ringcast_matchmaking_start(model->matchmaking, &wanted, &ticket, problem);
	answer(request, result, problem, result == MATCHMAKING_OK ? json_pack("{s:o}", "MatchmakingTicket", ticket) : NULL);
}

void ringcast_operation_StartMatchmaking(struct model *model, struct request *request)
{
	start(model, request, false);
}

/* A configuration that begins sessions fills one of them up. False: refused. */
static bool is_session_right(struct model *model, struct request *request)
{
	const json_t *configuration = ringcast_records_find(&model->records, RECORD_MATCHMAKER, configuration_of(request));
	const char *mode = json_string_value(json_object_get(configuration, "FlexMatchMode")), *arn = ringcast_request_text(request, "GameSessionArn");
	if (configuration == NULL || mode == NULL || strcmp(mode, "STANDALONE") == 0)
		return true;
	if (*arn == '\0')
		ringcast_request_refuse(request, FAULT_INVALID, "GameSessionArn: is required, unless FlexMatchMode is STANDALONE");
	else if (ringcast_game_session_resolve(&model->sessions, arn) == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no game session %.200s", arn);
	return !request->is_answered;
}

void ringcast_operation_StartMatchBackfill(struct model *model, struct request *request)
{
	if (!is_session_right(model, request))
		return;
	start(model, request, true);
}

/* Tickets that nobody knows are left out, as the vendor does. */
void ringcast_operation_DescribeMatchmaking(struct model *model, struct request *request)
{
	json_t *ids = json_object_get(request->input, "TicketIds"), *id;
	size_t i;
	if (json_array_size(ids) > DESCRIBE_TICKETS_MAX) {
		ringcast_request_refuse(request, FAULT_INVALID, "TicketIds: %zu, there may be %d", json_array_size(ids), DESCRIBE_TICKETS_MAX);
		return;
	}
	json_t *list = json_array();
	json_array_foreach(ids, i, id) {
		json_t *ticket = ringcast_matchmaking_show(model->matchmaking, json_string_value(id));
		if (ticket != NULL)
			json_array_append_new(list, ticket);
	}
	ringcast_request_answer_with(request, "TicketList", list);
}

void ringcast_operation_AcceptMatch(struct model *model, struct request *request)
{
	char problem[MATCHMAKING_PROBLEM_BYTES] = "";
	bool is_accepted = strcmp(ringcast_request_text(request, "AcceptanceType"), "ACCEPT") == 0;
	enum matchmaking_result result = ringcast_matchmaking_accept(model->matchmaking, ringcast_request_text(request, "TicketId"),
								     json_object_get(request->input, "PlayerIds"), is_accepted, problem);
	answer(request, result, problem, result == MATCHMAKING_OK ? json_object() : NULL);
}

void ringcast_operation_StopMatchmaking(struct model *model, struct request *request)
{
	char problem[MATCHMAKING_PROBLEM_BYTES] = "";
	enum matchmaking_result result = ringcast_matchmaking_stop(model->matchmaking, ringcast_request_text(request, "TicketId"), problem);
	answer(request, result, problem, result == MATCHMAKING_OK ? json_object() : NULL);
}
