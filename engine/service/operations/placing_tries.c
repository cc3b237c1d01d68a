/* One placement: what is tried for it at a host, and how it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "base/log.h"
#include "service/operations/creation.h"
#include "service/operations/placement_read.h"
#include "service/operations/placing_private.h"

/* Ending */

static void unlink_if(struct list_node *node)
{
	if (ringcast_list_has(node))
		ringcast_list_remove(node);
}

/* Its session is nobody's: the host ends it, now or when it has answered. */
void ringcast_placement_drop_session(struct model *model, struct placement *placement)
{
	struct game_session *session = placement->session;
	unlink_if(&placement->answer_node);
	unlink_if(&placement->touched_node);
	if (placement->phase == PLACEMENT_CREATING)
		ringcast_placing_leave_pool(model, placement, false);
	placement->session = NULL;
	placement->reserved_count = 0;
	json_decref(placement->placed);
	placement->placed = NULL;
	if (session == NULL)
		return;
	session->placement = NULL;
	if (session->creation != NULL)
		ringcast_session_give_up(model, session->creation);
	else if (!ringcast_game_session_is_ended(session))
		ringcast_model_disown(model, session->host, session->host_session);
}

void ringcast_placement_free(struct model *model, struct placement *placement)
{
	ringcast_placing_note_gone(model, placement);
	ringcast_place_board_remove(model->placing->board, &placement->request);
	ringcast_text_index_remove(&model->placing->by_id, placement->id);
	unlink_if(&placement->touched_node);
	unlink_if(&placement->decided_node);
	unlink_if(&placement->answer_node);
	ringcast_list_remove(&placement->node);
	if (placement->session != NULL)
		placement->session->placement = NULL;
	json_decref(placement->placed);
	json_decref(placement->outcome);
	free(placement);
}

/* Into the records, unless a cancellation is on its way to the disk, which comes first. */
void ringcast_placement_write_outcome(struct model *model, struct placement *placement)
{
	if (ringcast_placement_is_pending(ringcast_placement_document(model, placement->id)) &&
	    !ringcast_records_put(&model->records, RECORD_PLACEMENT, placement->id, json_incref(placement->outcome)))
		model->placing->rewrite_ms = model->steady_ms + REWRITE_MS;
}

json_t *ringcast_placement_ended_document(const struct model *model, const char *id, enum place_state state)
{
	json_t *document = json_copy(ringcast_placement_document(model, id));
	json_object_set_new(document, "Status", json_string(ringcast_place_state_name(state)));
	json_object_set_new(document, "EndTime", ringcast_model_time(model->now_ms));
	return document;
}

/* document: as it shall be; taken. NULL: memory is short, and it is tried again with the next turn's time-outs. */
static void decide(struct model *model, struct placement *placement, json_t *document)
{
	if (document == NULL) {
		placement->deadline_ms = model->running_ms + REWRITE_MS;
		if (!ringcast_list_has(&placement->answer_node))
			ringcast_list_add_tail(&model->placing->answers, &placement->answer_node);
		return;
	}
	ringcast_place_board_remove(model->placing->board, &placement->request);
	placement->phase = PLACEMENT_DECIDED;
	placement->outcome = document;
	ringcast_list_add_tail(&model->placing->decided, &placement->decided_node);
	ringcast_placement_write_outcome(model, placement);
}

void ringcast_placement_end(struct model *model, struct placement *placement, enum place_state state)
{
	ringcast_placement_drop_session(model, placement);
	decide(model, placement, ringcast_placement_ended_document(model, placement->id, state));
}

static void put_session(const struct model *model, const struct game_session *session, json_t *document)
{
	static const char *const members[] = {"IpAddress", "DnsName", "Port"};
	char arn[MODEL_ARN_BYTES];
	json_t *shown = ringcast_model_show_session(model, session);
	ringcast_model_session_arn(model, session, arn);
	json_object_set_new(document, "GameSessionId", json_string(arn));
	json_object_set_new(document, "GameSessionArn", json_string(arn));
	json_object_set_new(document, "GameSessionRegion", json_string(*session->location != '\0' ? session->location : model->settings.region));
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (json_object_get(shown, members[i]) != NULL)
			json_object_set(document, members[i], json_object_get(shown, members[i]));
	json_decref(shown);
}

static void fulfil(struct model *model, struct placement *placement)
{
	json_t *document = ringcast_placement_ended_document(model, placement->id, PLACE_IS_FULFILLED);
	if (document != NULL) {
		put_session(model, placement->session, document);
		json_object_set_new(document, "PlacedPlayerSessions", placement->placed != NULL ? json_incref(placement->placed) : json_array());
	}
	decide(model, placement, document);
}

/* Trying */

void ringcast_placement_fail_try(struct model *model, struct placement *placement, const char *why)
{
	ringcast_placement_drop_session(model, placement);
	placement->phase = PLACEMENT_WAITING;
	model->placing->counts.retries++;
	if (ringcast_place_board_note_failure(model->placing->board, placement->request, model->steady_ms))
		return;
	ringcast_log(LOG_WARN, "service", "a placement has failed", "placement=%s tries=%d err=\"%s\"", placement->id, PLACE_ATTEMPTS_MAX, why);
	ringcast_placement_end(model, placement, PLACE_IS_FAILED);
}

static void await_answer(struct model *model, struct placement *placement)
{
	unlink_if(&placement->answer_node);
	placement->deadline_ms = model->running_ms + ANSWER_MS;
	ringcast_list_add_tail(&model->placing->answers, &placement->answer_node);
}

static void reserved(struct model *model, struct host_call *call);

/* The next players of those who are wanted, as many as a host takes at once. False: out of memory, and nothing is asked. */
static bool add_players(const struct model *model, const struct placement *placement, struct host_call *call)
{
	const json_t *players = json_object_get(ringcast_placement_document(model, placement->id), "DesiredPlayerSessions");
	for (size_t i = placement->reserved_count; i < json_array_size(players) && call->player_count < HOST_PLAYERS_MAX; i++) {
		const json_t *player = json_array_get(players, i);
		const char *data = json_string_value(json_object_get(player, "PlayerData"));
		struct host_player *to = &call->players[call->player_count++];
		to->player_id = strdup(text_of(player, "PlayerId"));
		to->data = data != NULL ? strdup(data) : NULL;
		if (to->player_id == NULL || (data != NULL && to->data == NULL))
			return false;
	}
	return true;
}

static void reserve_next(struct model *model, struct placement *placement)
{
	const json_t *players = json_object_get(ringcast_placement_document(model, placement->id), "DesiredPlayerSessions");
	if (placement->reserved_count >= json_array_size(players)) {
		unlink_if(&placement->answer_node);
		fulfil(model, placement);
		return;
	}
	placement->phase = PLACEMENT_RESERVING;
	struct host_call *call = ringcast_request_call(model, NULL, HOST_RESERVE, placement->session, reserved);
	if (call != NULL && !add_players(model, placement, call)) {
		ringcast_request_call_drop(NULL, call);
		call = NULL;
	}
	if (call == NULL) {
		ringcast_placement_fail_try(model, placement, "out of memory");
		return;
	}
	placement->session->reserve_count++;
	await_answer(model, placement);
}

/* Whoever got a place is in the index, also where the placement has gone meanwhile: the host has them. */
static bool seat(struct model *model, struct game_session *session, struct placement *placement, const struct host_call *call)
{
	bool is_whole = true;
	for (uint32_t i = 0; i < call->player_count; i++) {
		const struct player_session *player = ringcast_model_seat(model, session, &call->players[i]);
		is_whole = is_whole && player != NULL;
		if (player == NULL || placement == NULL)
			continue;
		if (placement->placed == NULL)
			placement->placed = json_array();
		is_whole = is_whole && json_array_append_new(placement->placed, json_pack("{s:s, s:s}", "PlayerId", player->player_id, "PlayerSessionId",
											       player->id)) == 0;
	}
	return is_whole;
}

static void reserved(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	if (session == NULL)
		return;
	session->reserve_count--;
	struct placement *placement = session->placement;
	bool is_expected = placement != NULL && placement->phase == PLACEMENT_RESERVING;
	bool is_seated = call->result == HOST_OK && !ringcast_game_session_is_ended(session) && seat(model, session, is_expected ? placement : NULL, call);
	if (!is_expected)
		return;
	placement->reserved_count += call->player_count;
	if (is_seated)
		reserve_next(model, placement);
	else
		ringcast_placement_fail_try(model, placement, *call->text != '\0' ? call->text : "its players got no places");
}

/* Its session has moved, or was just made. */
void ringcast_placement_look_at_session(struct model *model, struct placement *placement)
{
	const struct game_session *session = placement->session;
	if (placement->phase != PLACEMENT_ACTIVATING && placement->phase != PLACEMENT_RESERVING)
		return;
	if (session->status == GAME_SESSION_ACTIVE && placement->phase == PLACEMENT_ACTIVATING)
		reserve_next(model, placement);
	else if (session->status != GAME_SESSION_ACTIVATING && session->status != GAME_SESSION_ACTIVE)
		ringcast_placement_fail_try(model, placement, "the session ended before its players were in");
}

static void created(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_session_of_creation(model, call);
	if (session == NULL) {
		if (call->result == HOST_OK)
			ringcast_model_disown(model, call->host, call->session);
		return;
	}
	struct placement *placement = session->placement;
	session->creation = NULL;
	bool is_there = call->result == HOST_OK && ringcast_model_begin(model, session, call);
	unlink_if(&placement->answer_node);
	if (is_there) {
		placement->phase = PLACEMENT_ACTIVATING;
		ringcast_placing_leave_pool(model, placement, false);
		ringcast_placement_look_at_session(model, placement);
		return;
	}
	placement->session = NULL; /* the name that its host gave may be another's, so nothing is ended */
	ringcast_game_session_remove(&model->sessions, session);
	if (call->result != HOST_FULL) {
		ringcast_placement_fail_try(model, placement, *call->text != '\0' ? call->text : "the host began no session");
		return;
	}
	ringcast_placing_leave_pool(model, placement, true);
	placement->phase = PLACEMENT_WAITING;
	ringcast_place_board_note_full(model->placing->board, placement->request);
}

/* As the vendor the placement's id names the session; where a try before has it, with a number. */
void ringcast_placement_name_session(const struct model *model, const char *fleet_id, const char *id, char ret_name[GAME_SESSION_ID_BYTES])
{
	snprintf(ret_name, GAME_SESSION_ID_BYTES, "%s", id);
	for (unsigned i = 2; ringcast_game_session_find(&model->sessions, fleet_id, ret_name) != NULL; i++)
		snprintf(ret_name, GAME_SESSION_ID_BYTES, "%s-%u", id, i);
}

/* By which a session is known as a placement's, also after a restart. */
uint64_t ringcast_placement_digest(const char *placement_id)
{
	return ringcast_hash_bytes(placement_id, strlen(placement_id), 2);
}

static json_t *facts_of(const json_t *document)
{
	static const char *const members[][2] = {
		{"Name", "GameSessionName"}, {"GameProperties", "GameProperties"}, {"GameSessionData", "GameSessionData"}, {"MatchmakerData", "MatchmakerData"}};
	json_t *facts = json_object();
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (json_object_get(document, members[i][1]) != NULL)
			json_object_set(facts, members[i][0], json_object_get(document, members[i][1]));
	return facts;
}

static bool begin_session(struct model *model, struct placement *placement, const struct place_effect *effect)
{
	char name[GAME_SESSION_ID_BYTES];
	const json_t *document = ringcast_placement_document(model, placement->id);
	const json_t *queue = ringcast_records_find(&model->records, RECORD_QUEUE, text_of(document, "GameSessionQueueName"));
	const json_t *destination = json_array_get(json_object_get(queue, "Destinations"), effect->destination);
	struct session_plan plan = {.location = strcmp(effect->location, model->settings.region) == 0 ? "" : effect->location, .id = name,
				    .players_max = (uint32_t)json_integer_value(json_object_get(document, "MaximumPlayerSessionCount")),
				    .digest = ringcast_placement_digest(placement->id)};
	plan.fleet_id = ringcast_placement_fleet_of(model, text_of(destination, "DestinationArn"), &plan.fleet);
	if (plan.fleet_id == NULL || !ringcast_script_of_fleet(model, NULL, plan.fleet, plan.script))
		return false;
	ringcast_placement_name_session(model, plan.fleet_id, placement->id, name);
	json_t *facts = facts_of(document);
	plan.facts = facts;
	placement->session = ringcast_session_begin(model, NULL, &plan, created);
	json_decref(facts);
	return placement->session != NULL;
}

void ringcast_placement_try(struct model *model, struct placement *placement, const struct place_effect *effect)
{
	placement->phase = PLACEMENT_CREATING;
	placement->pool = effect->pool;
	model->placing->pools[effect->pool].trying++;
	if (!begin_session(model, placement, effect)) {
		ringcast_placement_fail_try(model, placement, "there is nothing to begin a session with: its fleet or script has gone, or memory is short");
		return;
	}
	placement->session->placement = placement;
	await_answer(model, placement);
}
