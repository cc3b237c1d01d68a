/*
 * Matches on their way to a session: a new one through a queue, by a placement with the match's id that is a record beside its tickets', or places in a
 * session that runs. A placement that has ended is told once, and looked at after a restart, and after the store has refused what followed from it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/matchmaking/private.h"

enum { HOST_ANSWER_MS = 30000, LOOK_AGAIN_MS = 1000, MATCHMAKER_DATA_CHARACTERS_MAX = 390000 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* Matchmaker data */

static json_t *attributes_of(const json_t *player)
{
	static const char *const types[][2] = {{"S", "STRING"}, {"N", "DOUBLE"}, {"SL", "STRING_LIST"}, {"SDM", "STRING_DOUBLE_MAP"}};
	json_t *told = json_object(), *value;
	const char *name;
	json_object_foreach(json_object_get(player, "PlayerAttributes"), name, value)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (json_object_get(value, types[i][0]) != NULL)
				json_object_set_new(told, name, json_pack("{s:s, s:O}", "attributeType", types[i][1], "valueAttribute",
									  json_object_get(value, types[i][0])));
	return told;
}

static json_t *team_of(json_t *teams, const char *name)
{
	size_t i;
	json_t *team;
	json_array_foreach(teams, i, team)
		if (strcmp(text_of(team, "name"), name) == 0)
			return json_object_get(team, "players");
	json_array_append_new(teams, json_pack("{s:s, s:[]}", "name", name, "players"));
	return json_object_get(json_array_get(teams, json_array_size(teams) - 1), "players");
}

/* team: NULL where each says its own. */
static void add_players(json_t *teams, const struct ticket *ticket, const char *team)
{
	json_t *player;
	size_t i;
	json_array_foreach((json_t *)ringcast_ticket_players(ticket), i, player)
		json_array_append_new(team_of(teams, team != NULL ? team : text_of(player, "Team")),
				      json_pack("{s:s, s:o}", "playerId", text_of(player, "PlayerId"), "attributes", attributes_of(player)));
}

/* By which ticket it will be filled up, should somebody leave. */
static void put_automatic(const struct matchmaking *matchmaking, const struct proposal *proposal, json_t *data)
{
	char ticket[MATCHMAKING_ID_BYTES];
	snprintf(ticket, sizeof(ticket), "auto-%s", proposal->id);
	if (strcmp(text_of(proposal->configuration, "BackfillMode"), "AUTOMATIC") != 0 ||
	    (proposal->backfill != NULL && !ringcast_roster_next_ticket(matchmaking, ringcast_ticket_session(proposal->backfill), ticket)))
		return;
	json_object_set_new(data, "autoBackfillMode", json_string("AUTOMATIC"));
	json_object_set_new(data, "autoBackfillTicketId", json_string(ticket));
}

char *ringcast_proposal_matchmaker_data(struct matchmaking *matchmaking, const struct proposal *proposal)
{
	char arn[MODEL_ARN_BYTES];
	json_t *teams = json_array();
	ringcast_model_arn(matchmaking->model, "matchmakingconfiguration", proposal->maker->name, arn);
	if (proposal->backfill != NULL)
		add_players(teams, proposal->backfill, NULL);
	for (uint32_t i = 0; i < proposal->count; i++)
		add_players(teams, proposal->tickets[i], ringcast_proposal_team(proposal, i));
	json_t *data = json_pack("{s:s, s:s, s:o}", "matchId", proposal->id, "matchmakingConfigurationArn", arn, "teams", teams);
	put_automatic(matchmaking, proposal, data);
	char *text = json_dumps(data, JSON_COMPACT);
	json_decref(data);
	if (text != NULL && strlen(text) <= MATCHMAKER_DATA_CHARACTERS_MAX)
		return text;
	free(text);
	return NULL;
}

/* Placements */

static json_t *latencies_of(const struct proposal *proposal)
{
	json_t *list = json_array(), *player, *ms;
	const char *region;
	size_t k;
	for (uint32_t i = 0; i < proposal->count; i++)
		json_array_foreach((json_t *)ringcast_ticket_players(proposal->tickets[i]), k, player)
			json_object_foreach(json_object_get(player, "LatencyInMs"), region, ms)
				json_array_append_new(list, json_pack("{s:s, s:s, s:f}", "PlayerId", text_of(player, "PlayerId"), "RegionIdentifier", region,
								      "LatencyInMilliseconds", json_number_value(ms)));
	return list;
}

static json_t *players_wanted(const struct proposal *proposal)
{
	json_t *list = json_array(), *player;
	size_t k;
	for (uint32_t i = 0; i < proposal->count; i++)
		json_array_foreach((json_t *)ringcast_ticket_players(proposal->tickets[i]), k, player)
			json_array_append_new(list, json_pack("{s:s}", "PlayerId", text_of(player, "PlayerId")));
	return list;
}

static json_t *placement_of(struct matchmaking *matchmaking, const struct proposal *proposal)
{
	static const char *const shared[] = {"GameProperties", "GameSessionData"};
	char *data = ringcast_proposal_matchmaker_data(matchmaking, proposal);
	if (data == NULL)
		return NULL;
	const char *queue = json_string_value(json_array_get(proposal->tried, json_array_size(proposal->tried) - 1));
	json_t *document = json_pack("{s:s, s:s, s:i, s:s, s:s, s:o, s:o}", "PlacementId", proposal->placement, "GameSessionQueueName", queue,
				     "MaximumPlayerSessionCount", (int)proposal->ground->players_max, "MatchmakerData", data, "Owner", "matchmaking",
				     "DesiredPlayerSessions", players_wanted(proposal), "PlayerLatencies", latencies_of(proposal));
	free(data);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (json_object_get(proposal->configuration, shared[i]) != NULL)
			json_object_set(document, shared[i], json_object_get(proposal->configuration, shared[i]));
	return document;
}

/* Queues */

static bool was_tried(const struct proposal *proposal, const char *queue)
{
	size_t i;
	json_t *name;
	json_array_foreach(proposal->tried, i, name)
		if (strcmp(json_string_value(name), queue) == 0)
			return true;
	return false;
}

/* Of those of the configuration that it was not in, the one in which fewest wait; of equal ones the first. NULL: it was in all that are there. */
static const char *next_queue(const struct matchmaking *matchmaking, const struct proposal *proposal)
{
	const char *best = NULL;
	uint32_t least = UINT32_MAX;
	size_t i;
	json_t *arn;
	json_array_foreach(json_object_get(proposal->configuration, "GameSessionQueueArns"), i, arn) {
		const char *queue = ringcast_model_id_of(json_string_value(arn), "gamesessionqueue");
		uint32_t depth = matchmaking->queues->depth(matchmaking->model, queue);
		bool is_there = ringcast_records_find(&matchmaking->model->records, RECORD_QUEUE, queue) != NULL;
		if (was_tried(proposal, queue) || !is_there || (best != NULL && depth >= least))
			continue;
		best = queue;
		least = depth;
	}
	return best;
}

/* A placement of its own for each queue. False: it was in all of them, or no memory. */
static bool enter_next_queue(const struct matchmaking *matchmaking, struct proposal *proposal)
{
	const char *queue = next_queue(matchmaking, proposal);
	if (queue == NULL || (proposal->tried == NULL && (proposal->tried = json_array()) == NULL) || json_array_append_new(proposal->tried, json_string(queue)) != 0)
		return false;
	size_t number = json_array_size(proposal->tried);
	if (number == 1)
		snprintf(proposal->placement, sizeof(proposal->placement), "%s", proposal->id);
	else
		snprintf(proposal->placement, sizeof(proposal->placement), "%.36s-q%zu", proposal->id, number);
	return true;
}

/* The match of a placement, from its id. */
static struct proposal *proposal_of_placement(const struct matchmaking *matchmaking, const char *placement)
{
	char id[MODEL_ID_BYTES];
	const char *number = strstr(placement, "-q");
	snprintf(id, sizeof(id), "%.*s", number != NULL ? (int)(number - placement) : MODEL_ID_BYTES - 1, placement);
	struct proposal *proposal = ringcast_proposal_find(matchmaking, id);
	return proposal != NULL && proposal->is_placed_by_queue && strcmp(proposal->placement, placement) == 0 ? proposal : NULL;
}

/* That it is being placed, with whom and in which team, so that a restart finds it. */
static bool note_placing(struct matchmaking *matchmaking, struct proposal *proposal)
{
	for (uint32_t i = 0; i < proposal->count; i++) {
		struct ticket *ticket = proposal->tickets[i];
		json_t *document = json_copy(ticket->document);
		json_object_set_new(document, "Status", json_string(ringcast_match_state_name(MATCH_IS_PLACING)));
		json_object_set_new(document, "Players", ringcast_ticket_players_in(ticket, ringcast_proposal_team(proposal, i)));
		json_object_set_new(document, "Internal", json_pack("{s:s, s:s, s:o}", "matchId", proposal->id, "placementId", proposal->placement, "queues",
											 json_copy(proposal->tried)));
		if (!ringcast_ticket_put(matchmaking, ticket, document))
			return false;
	}
	return true;
}

static void begin_placement(struct matchmaking *matchmaking, struct proposal *proposal)
{
	bool is_entered = !matchmaking->queues->is_full(matchmaking->model) && enter_next_queue(matchmaking, proposal);
	json_t *document = is_entered ? placement_of(matchmaking, proposal) : NULL;
	if (document != NULL && note_placing(matchmaking, proposal) && matchmaking->queues->start(matchmaking->model, json_incref(document))) {
		proposal->is_placed_by_queue = true;
	} else {
		ringcast_log(LOG_ERROR, "matchmaking", "a match cannot be placed: too many placements wait, its queues or data are wrong, or memory is short", "match=%s",
			     proposal->id);
		ringcast_proposal_end(matchmaking, proposal, false, NULL);
	}
	json_decref(document);
}

/* The same match in its next queue. False: there is none, and it stays as it is. */
static bool move_on(struct matchmaking *matchmaking, struct proposal *proposal, const json_t *placement)
{
	json_t *document = NULL;
	if (strcmp(text_of(placement, "Status"), "CANCELLED") == 0 || matchmaking->queues->is_full(matchmaking->model) || !enter_next_queue(matchmaking, proposal) ||
	    (document = json_copy((json_t *)placement)) == NULL)
		return false;
	json_object_del(document, "EndTime");
	json_object_set_new(document, "PlacementId", json_string(proposal->placement));
	json_object_set(document, "GameSessionQueueName", json_array_get(proposal->tried, json_array_size(proposal->tried) - 1));
	proposal->look_ms = INT64_MAX;
	return note_placing(matchmaking, proposal) && matchmaking->queues->start(matchmaking->model, document);
}

static void take_outcome(struct matchmaking *matchmaking, struct proposal *proposal, const json_t *placement)
{
	static const char *const members[] = {"GameSessionArn", "IpAddress", "DnsName", "Port"};
	bool is_placed = strcmp(text_of(placement, "Status"), "FULFILLED") == 0;
	if (!is_placed && move_on(matchmaking, proposal, placement))
		return;
	json_t *connection = is_placed ? json_object() : NULL;
	for (size_t i = 0; is_placed && i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(placement, members[i]) != NULL)
			json_object_set(connection, members[i], json_object_get(placement, members[i]));
	if (is_placed) {
		json_object_set(connection, "MatchedPlayerSessions", json_object_get(placement, "PlacedPlayerSessions"));
		ringcast_roster_begin(matchmaking, proposal, connection);
	}
	ringcast_proposal_end(matchmaking, proposal, is_placed, connection);
	json_decref(connection);
}

void ringcast_placement_ended(struct model *model, const json_t *document)
{
	struct proposal *proposal = proposal_of_placement(model->matchmaking, text_of(document, "PlacementId"));
	if (proposal != NULL)
		take_outcome(model->matchmaking, proposal, document);
}

/* From records */

static struct proposal *adopted_proposal(struct matchmaking *matchmaking, struct ticket *ticket, const char *id)
{
	struct proposal *proposal = ringcast_proposal_find(matchmaking, id);
	if (proposal != NULL || (proposal = calloc(1, sizeof(*proposal))) == NULL)
		return proposal;
	snprintf(proposal->id, sizeof(proposal->id), "%s", id);
	if (!ringcast_proposal_add(matchmaking, proposal)) {
		free(proposal);
		return NULL;
	}
	proposal->maker = ticket->maker;
	proposal->configuration = json_incref(ringcast_records_find(&matchmaking->model->records, RECORD_MATCHMAKER, ticket->maker->name));
	proposal->is_told = proposal->is_over = proposal->is_placed_by_queue = true;
	ringcast_proposal_look_at(matchmaking, proposal, matchmaking->model->running_ms + LOOK_AGAIN_MS);
	return proposal;
}

/* Where it is in its queues. */
static void take_queues(const struct matchmaking *matchmaking, struct proposal *proposal, const json_t *internal, const char *placement)
{
	const json_t *record = ringcast_records_find(&matchmaking->model->records, RECORD_PLACEMENT, placement);
	snprintf(proposal->placement, sizeof(proposal->placement), "%s", placement);
	if (proposal->tried != NULL)
		return;
	proposal->tried = json_deep_copy(json_object_get(internal, "queues"));
	if (proposal->tried == NULL)
		proposal->tried = json_pack("[s]", text_of(record, "GameSessionQueueName"));
}

bool ringcast_ticket_adopt(struct matchmaking *matchmaking, struct ticket *ticket)
{
	const json_t *internal = json_object_get(ticket->document, "Internal");
	const char *id = text_of(internal, "matchId"), *placement = text_of(internal, "placementId");
	placement = *placement != '\0' ? placement : id; /* as it was before there could be more than one queue */
	if (*id == '\0' || strlen(id) >= MODEL_ID_BYTES || strlen(placement) >= MODEL_ID_BYTES ||
	    ringcast_records_find(&matchmaking->model->records, RECORD_PLACEMENT, placement) == NULL)
		return false;
	struct proposal *proposal = adopted_proposal(matchmaking, ticket, id);
	if (proposal != NULL)
		take_queues(matchmaking, proposal, internal, placement);
	struct ticket **grown = proposal == NULL ? NULL : realloc(proposal->tickets, (proposal->count + 1) * sizeof(struct ticket *));
	if (grown == NULL)
		return false;
	proposal->tickets = grown;
	proposal->tickets[proposal->count++] = ticket;
	ticket->proposal = proposal;
	ticket->state = MATCH_IS_PLACING;
	return true;
}

/* Places in a running session */

static struct game_session *session_of(const struct matchmaking *matchmaking, const struct ticket *backfill)
{
	const char *arn = ringcast_ticket_session(backfill);
	struct game_session *session = *arn == '\0' ? NULL : ringcast_game_session_resolve(&matchmaking->model->sessions, arn);
	return session != NULL && session->status == GAME_SESSION_ACTIVE ? session : NULL;
}

static void reserved(struct model *model, struct host_call *call);

static bool is_named(const json_t *places, const char *player_id)
{
	size_t i;
	json_t *place;
	json_array_foreach((json_t *)places, i, place)
		if (strcmp(text_of(place, "PlayerId"), player_id) == 0)
			return true;
	return false;
}

static void put_place(json_t **places, const struct player_session *player)
{
	if (*places == NULL)
		*places = json_array();
	json_array_append_new(*places, json_pack("{s:s, s:s}", "PlayerId", player->player_id, "PlayerSessionId", player->id));
}

/*
 * Whoever holds a place there already has it: he joined, and the store refused to say so. Walks all who are there, so it is for when the host says that somebody
 * does. False: nobody whom it was asked for does.
 */
static bool take_held(struct proposal *proposal, const struct game_session *session, const struct host_call *call)
{
	bool is_any = false;
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		bool is_there = player->status == PLAYER_SESSION_RESERVED || player->status == PLAYER_SESSION_ACTIVE;
		for (uint32_t i = 0; is_there && i < call->player_count; i++) {
			if (strcmp(call->players[i].player_id, player->player_id) != 0 || is_named(proposal->held, player->player_id))
				continue;
			put_place(&proposal->held, player);
			put_place(&proposal->places, player);
			is_any = true;
		}
	}
	return is_any;
}

/* The next players of those who join, as many as a host takes at once; none where all have places. NULL: memory is short. */
static struct host_call *next_call(const struct proposal *proposal, const struct game_session *session)
{
	struct host_call *call = ringcast_host_call_create(HOST_RESERVE);
	json_t *player;
	uint32_t number = 0;
	size_t k;
	bool is_whole = call != NULL && (call->key = strdup(session->key)) != NULL;
	for (uint32_t i = 0; is_whole && i < proposal->count; i++)
		json_array_foreach((json_t *)ringcast_ticket_players(proposal->tickets[i]), k, player) {
			if (is_named(proposal->held, text_of(player, "PlayerId")) || number++ < proposal->asked_count || call->player_count == HOST_PLAYERS_MAX)
				continue;
			call->players[call->player_count].player_id = strdup(text_of(player, "PlayerId"));
			is_whole = is_whole && call->players[call->player_count++].player_id != NULL;
		}
	if (!is_whole)
		ringcast_host_call_destroy(&call);
	return call;
}

static void take_places(struct matchmaking *matchmaking, struct proposal *proposal, struct game_session *session);

static void ask_for_places(struct matchmaking *matchmaking, struct proposal *proposal)
{
	struct game_session *session = session_of(matchmaking, proposal->backfill);
	if (session == NULL) {
		ringcast_proposal_send_back(matchmaking, proposal, true); /* nothing to join any more */
		return;
	}
	struct host_call *call = next_call(proposal, session);
	if (call == NULL) {
		ringcast_proposal_end(matchmaking, proposal, false, NULL);
		return;
	}
	if (call->player_count == 0) {
		ringcast_host_call_destroy(&call);
		take_places(matchmaking, proposal, session);
		return;
	}
	memcpy(call->session, session->host_session, sizeof(call->session));
	call->host = session->host;
	call->answered = reserved;
	session->reserve_count++;
	proposal->call = call;
	ringcast_proposal_look_at(matchmaking, proposal, matchmaking->model->running_ms + HOST_ANSWER_MS);
	ringcast_list_add_tail(&matchmaking->model->calls, &call->node);
}

/* Not through the session: it may have gone. */
static struct proposal *proposal_of_call(const struct matchmaking *matchmaking, const struct host_call *call)
{
	for (struct list_node *node = matchmaking->proposals.next; node != &matchmaking->proposals; node = node->next)
		if (CONTAINER_OF(node, struct proposal, node)->call == call)
			return CONTAINER_OF(node, struct proposal, node);
	return NULL;
}

/* Whoever got a place is in the index, also where the match has gone meanwhile: the host has them. */
static bool seat(struct model *model, struct game_session *session, struct proposal *proposal, const struct host_call *call)
{
	bool is_whole = true;
	for (uint32_t i = 0; i < call->player_count; i++) {
		const struct player_session *player = ringcast_model_seat(model, session, &call->players[i]);
		is_whole = is_whole && player != NULL;
		if (player == NULL || proposal == NULL)
			continue;
		put_place(&proposal->places, player);
	}
	return is_whole;
}

static json_t *connection_to(struct model *model, const struct game_session *session, json_t *places)
{
	static const char *const members[] = {"IpAddress", "DnsName", "Port"};
	char arn[MODEL_ARN_BYTES];
	json_t *shown = ringcast_model_show_session(model, session);
	ringcast_model_session_arn(model, session, arn);
	json_t *connection = json_pack("{s:s, s:O}", "GameSessionArn", arn, "MatchedPlayerSessions", places);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(shown, members[i]) != NULL)
			json_object_set(connection, members[i], json_object_get(shown, members[i]));
	json_decref(shown);
	return connection;
}

/* All have places: the match is complete. */
static void take_places(struct matchmaking *matchmaking, struct proposal *proposal, struct game_session *session)
{
	json_t *connection = connection_to(matchmaking->model, session, proposal->places);
	ringcast_roster_begin(matchmaking, proposal, connection);
	ringcast_notice_joined(matchmaking, proposal, session);
	ringcast_proposal_end(matchmaking, proposal, true, connection);
	json_decref(connection);
}

static void reserved(struct model *model, struct host_call *call)
{
	struct matchmaking *matchmaking = model->matchmaking;
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	struct proposal *proposal = proposal_of_call(matchmaking, call);
	if (session != NULL)
		session->reserve_count--;
	bool is_live = session != NULL && !ringcast_game_session_is_ended(session);
	bool is_seated = call->result == HOST_OK && is_live && seat(model, session, proposal, call);
	if (proposal == NULL)
		return;
	proposal->call = NULL;
	proposal->asked_count += is_seated ? call->player_count : 0;
	if (!is_live || call->result == HOST_NOT_FOUND || call->result == HOST_FULL || call->result == HOST_STATE) {
		ringcast_proposal_send_back(matchmaking, proposal, true);
	} else if (is_seated || (call->result == HOST_EXISTS && take_held(proposal, session, call))) {
		ask_for_places(matchmaking, proposal); /* for the others */
	} else {
		ringcast_proposal_end(matchmaking, proposal, false, NULL);
	}
}

void ringcast_proposal_place(struct matchmaking *matchmaking, struct proposal *proposal)
{
	if (proposal->backfill != NULL)
		ask_for_places(matchmaking, proposal);
	else
		begin_placement(matchmaking, proposal);
}

/* Time */

static void look_at(struct matchmaking *matchmaking, struct proposal *proposal)
{
	proposal->look_ms = INT64_MAX;
	if (!proposal->is_placed_by_queue) {
		proposal->call = NULL; /* its answer is still taken, and nobody's */
		ringcast_proposal_end(matchmaking, proposal, false, NULL);
		return;
	}
	const json_t *placement = ringcast_records_find(&matchmaking->model->records, RECORD_PLACEMENT, proposal->placement);
	const char *status = text_of(placement, "Status");
	if (placement == NULL)
		ringcast_proposal_end(matchmaking, proposal, false, NULL);
	else if (strcmp(status, "PENDING") != 0)
		take_outcome(matchmaking, proposal, placement);
}

void ringcast_sessions_turn(struct matchmaking *matchmaking)
{
	int64_t now_ms = matchmaking->model->running_ms;
	if (matchmaking->look_due_ms > now_ms)
		return; /* proposals may be many */
	matchmaking->look_due_ms = INT64_MAX;
	for (struct list_node *node = matchmaking->proposals.next; node != &matchmaking->proposals;) {
		struct proposal *proposal = CONTAINER_OF(node, struct proposal, node);
		node = node->next;
		if (proposal->look_ms <= now_ms)
			look_at(matchmaking, proposal);
		else
			ringcast_proposal_look_at(matchmaking, proposal, proposal->look_ms);
	}
}

/* Of the steady clock, by which the loop sleeps: if the process does not stand still until then. */
static int64_t look_due_ms(const struct matchmaking *matchmaking)
{
	const struct model *model = matchmaking->model;
	return matchmaking->look_due_ms == INT64_MAX ? INT64_MAX : model->steady_ms + matchmaking->look_due_ms - model->running_ms;
}

int64_t ringcast_sessions_due_ms(const struct matchmaking *matchmaking)
{
	bool has_running = !ringcast_list_is_empty(&matchmaking->rosters) || !ringcast_list_is_empty(&matchmaking->backfills);
	int64_t rosters_ms = has_running ? matchmaking->rosters_looked_ms + ROSTERS_PAUSE_MS : INT64_MAX;
	int64_t look_ms = look_due_ms(matchmaking);
	return rosters_ms < look_ms ? rosters_ms : look_ms;
}
