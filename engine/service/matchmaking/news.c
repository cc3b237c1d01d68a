/*
 * Events of matchmaking in the vendor's form. What tells of an end waits until the store has the end; if the store refuses, it is not told.
 * No attributes and no latencies: players are named by their ids.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "service/matchmaking/private.h"
#include "service/model/stream.h"

enum { TIME_BYTES = 40 };

static json_t *time_of(const json_t *seconds)
{
	char text[TIME_BYTES];
	int64_t ms = (int64_t)(json_number_value(seconds) * 1000);
	time_t whole = (time_t)(ms / 1000);
	struct tm parts;
	gmtime_r(&whole, &parts);
	size_t used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%03dZ", (int)(ms % 1000));
	return json_string(text);
}

static const char *id_of(const json_t *player)
{
	return json_string_value(json_object_get(player, "PlayerId"));
}

static json_t *session_of(const json_t *connection, const char *player_id)
{
	size_t i;
	json_t *given;
	json_array_foreach(json_object_get(connection, "MatchedPlayerSessions"), i, given)
		if (strcmp(id_of(given), player_id) == 0)
			return json_incref(json_object_get(given, "PlayerSessionId"));
	return NULL;
}

/* Players of a ticket, appended. team: NULL where none is known; has_answers: with what they have said to a proposal. */
struct telling {
	const char *team;
	bool has_answers;
	const json_t *connection;
};

static void add_players(json_t *list, const struct ticket *ticket, const struct telling *telling)
{
	size_t i;
	json_t *player;
	json_array_foreach((json_t *)ringcast_ticket_players(ticket), i, player) {
		json_t *told = json_pack("{s:s}", "playerId", id_of(player));
		json_t *own_team = json_object_get(player, "Team"), *answer = telling->has_answers ? json_object_get(ticket->accepted, id_of(player)) : NULL;
		json_t *session = session_of(telling->connection, id_of(player));
		if (telling->team != NULL)
			json_object_set_new(told, "team", json_string(telling->team));
		else if (own_team != NULL)
			json_object_set(told, "team", own_team);
		if (answer != NULL)
			json_object_set(told, "accepted", answer);
		if (session != NULL)
			json_object_set_new(told, "playerSessionId", session);
		json_array_append_new(list, told);
	}
}

static void add_ticket(json_t *tickets, json_t *all_players, const struct ticket *ticket, const struct telling *telling)
{
	json_t *players = json_array();
	add_players(players, ticket, telling);
	json_array_extend(all_players, players);
	json_array_append_new(tickets, json_pack("{s:s, s:o, s:o}", "ticketId", ticket->id, "startTime", time_of(json_object_get(ticket->document, "StartTime")),
						 "players", players));
}

static json_t *session_info(json_t *players, const json_t *connection)
{
	json_t *info = json_object();
	static const char *const names[][2] = {{"GameSessionArn", "gameSessionArn"}, {"IpAddress", "ipAddress"}, {"DnsName", "dnsName"}, {"Port", "port"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_get(connection, names[i][0]) != NULL)
			json_object_set(info, names[i][1], json_object_get(connection, names[i][0]));
	json_object_set_new(info, "players", players);
	return info;
}

static json_t *detail_of_ticket(const struct ticket *ticket)
{
	json_t *tickets = json_array(), *players = json_array();
	add_ticket(tickets, players, ticket, &(struct telling){0});
	return json_pack("{s:o, s:o}", "tickets", tickets, "gameSessionInfo", session_info(players, NULL));
}

static json_t *detail_of_proposal(const struct proposal *proposal, bool has_answers, const json_t *connection)
{
	json_t *tickets = json_array(), *players = json_array();
	for (uint32_t i = 0; i < proposal->count; i++)
		if (proposal->tickets[i] != NULL)
			add_ticket(tickets, players, proposal->tickets[i],
				   &(struct telling){ringcast_proposal_team(proposal, i), has_answers, connection});
	if (proposal->backfill != NULL)
		add_ticket(tickets, players, proposal->backfill, &(struct telling){0});
	return json_pack("{s:s, s:o, s:o}", "matchId", proposal->id, "tickets", tickets, "gameSessionInfo", session_info(players, connection));
}

/* Telling */

static bool is_heard(const struct matchmaking *matchmaking)
{
	return matchmaking->model->settings.has_stream;
}

static void put_custom(const json_t *configuration, json_t *detail)
{
	json_t *custom = json_object_get(configuration, "CustomEventData");
	if (custom != NULL)
		json_object_set(detail, "customEventData", custom);
}

static const json_t *configuration_of(const struct matchmaking *matchmaking, const struct ticket *ticket)
{
	const char *name = json_string_value(json_object_get(ticket->document, "ConfigurationName"));
	return ringcast_records_find(&matchmaking->model->records, RECORD_MATCHMAKER, name);
}

static void arn_of(const struct matchmaking *matchmaking, const char *name, char ret_arn[MODEL_ARN_BYTES])
{
	ringcast_model_arn(matchmaking->model, "matchmakingconfiguration", name, ret_arn);
}

static void tell(struct matchmaking *matchmaking, const char *type, const char *name, const json_t *configuration, json_t *detail)
{
	char arn[MODEL_ARN_BYTES];
	put_custom(configuration, detail);
	arn_of(matchmaking, name, arn);
	ringcast_stream_tell(matchmaking->model, type, arn, detail);
}

/* As soon as the store has all that is done when it is sealed. */
static void tell_later(struct matchmaking *matchmaking, const char *type, const char *name, const json_t *configuration, json_t *detail)
{
	struct untold *untold = calloc(1, sizeof(*untold));
	if (untold == NULL) {
		json_decref(detail);
		matchmaking->model->events_lost_count++;
		return;
	}
	put_custom(configuration, detail);
	snprintf(untold->type, sizeof(untold->type), "%s", type);
	arn_of(matchmaking, name, untold->arn);
	untold->detail = detail;
	untold->durable_at = UINT64_MAX;
	ringcast_list_add_tail(&matchmaking->untold, &untold->node);
}

void ringcast_news_seal(struct matchmaking *matchmaking)
{
	for (struct list_node *node = matchmaking->untold.prev; node != &matchmaking->untold; node = node->prev) {
		struct untold *untold = CONTAINER_OF(node, struct untold, node);
		if (untold->durable_at != UINT64_MAX)
			return;
		untold->durable_at = ringcast_matchmaking_open_change(matchmaking);
	}
}

static void untold_destroy(struct untold *untold)
{
	ringcast_list_remove(&untold->node);
	json_decref(untold->detail);
	free(untold);
}

void ringcast_news_release(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->untold)) {
		struct untold *untold = CONTAINER_OF(matchmaking->untold.next, struct untold, node);
		if (untold->durable_at > matchmaking->model->records.settled_count)
			return;
		ringcast_stream_tell(matchmaking->model, untold->type, untold->arn, json_incref(untold->detail));
		untold_destroy(untold);
	}
}

void ringcast_news_drop(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->untold))
		untold_destroy(CONTAINER_OF(matchmaking->untold.next, struct untold, node));
}

/* Each event */

static void put_estimate(const struct maker *maker, json_t *detail)
{
	int64_t ms;
	json_object_set_new(detail, "estimatedWaitMillis", ringcast_maker_estimate_ms(maker, &ms) ? json_integer(ms) : json_string("NOT_AVAILABLE"));
}

void ringcast_news_searching(struct matchmaking *matchmaking, const struct ticket *ticket)
{
	if (!is_heard(matchmaking))
		return;
	json_t *detail = detail_of_ticket(ticket);
	put_estimate(ticket->maker, detail);
	tell(matchmaking, "MatchmakingSearching", ticket->maker->name, ticket->ground->configuration, detail);
}

/* What each rule has passed and refused since the last match of this pool. */
static json_t *rule_metrics(struct ground *ground)
{
	const uint64_t *passed, *failed;
	json_t *list = json_array();
	ringcast_match_pool_rule_counts(ground->pool, &passed, &failed);
	for (uint16_t i = 0; i < ground->rule_set->rule_count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "ruleName", ground->rule_set->rules[i].name, "passedCount",
						      (json_int_t)(passed[i] - ground->passed_told[i]), "failedCount",
						      (json_int_t)(failed[i] - ground->failed_told[i])));
		ground->passed_told[i] = passed[i];
		ground->failed_told[i] = failed[i];
	}
	return list;
}

void ringcast_news_potential(struct matchmaking *matchmaking, const struct proposal *proposal)
{
	const json_t *configuration = proposal->configuration;
	bool is_asked = json_is_true(json_object_get(configuration, "AcceptanceRequired"));
	if (!is_heard(matchmaking))
		return;
	json_t *detail = detail_of_proposal(proposal, false, NULL);
	json_object_set_new(detail, "acceptanceRequired", json_boolean(is_asked));
	if (is_asked)
		json_object_set(detail, "acceptanceTimeout", json_object_get(configuration, "AcceptanceTimeoutSeconds"));
	json_object_set_new(detail, "ruleEvaluationMetrics", rule_metrics(proposal->ground));
	tell(matchmaking, "PotentialMatchCreated", proposal->maker->name, configuration, detail);
}

void ringcast_news_accept(struct matchmaking *matchmaking, const struct proposal *proposal)
{
	if (is_heard(matchmaking))
		tell(matchmaking, "AcceptMatch", proposal->maker->name, proposal->configuration, detail_of_proposal(proposal, true, NULL));
}

void ringcast_news_accept_completed(struct matchmaking *matchmaking, const struct proposal *proposal, const char *acceptance)
{
	if (!is_heard(matchmaking))
		return;
	json_t *detail = detail_of_proposal(proposal, true, NULL);
	json_object_set_new(detail, "acceptance", json_string(acceptance));
	tell(matchmaking, "AcceptMatchCompleted", proposal->maker->name, proposal->configuration, detail);
}

void ringcast_news_succeeded(struct matchmaking *matchmaking, const struct proposal *proposal, const json_t *connection)
{
	if (is_heard(matchmaking))
		tell_later(matchmaking, "MatchmakingSucceeded", proposal->maker->name, proposal->configuration,
			   detail_of_proposal(proposal, false, connection));
}

static void put_reason(json_t *detail, const char *reason, const char *message)
{
	json_object_set_new(detail, "reason", json_string(reason));
	json_object_set_new(detail, "message", json_string(message));
}

void ringcast_news_failed(struct matchmaking *matchmaking, const struct proposal *proposal)
{
	if (!is_heard(matchmaking))
		return;
	json_t *detail = detail_of_proposal(proposal, false, NULL);
	put_reason(detail, "UNEXPECTED_ERROR", "An unexpected error was encountered during match placing.");
	tell_later(matchmaking, "MatchmakingFailed", proposal->maker->name, proposal->configuration, detail);
}

void ringcast_news_ended(struct matchmaking *matchmaking, const struct ticket *ticket)
{
	static const char *const types[MATCH_STATE_COUNT] = {
		[MATCH_IS_TIMED_OUT] = "MatchmakingTimedOut", [MATCH_IS_CANCELLED] = "MatchmakingCancelled", [MATCH_IS_FAILED] = "MatchmakingFailed"};
	const char *name = json_string_value(json_object_get(ticket->document, "ConfigurationName"));
	const char *reason = json_string_value(json_object_get(ticket->document, "StatusReason"));
	if (!is_heard(matchmaking))
		return;
	json_t *detail = detail_of_ticket(ticket);
	bool is_cancelled = ticket->state == MATCH_IS_CANCELLED; /* the vendor's reason is one word, whyever it was */
	put_reason(detail, is_cancelled ? "Cancelled" : reason, json_string_value(json_object_get(ticket->document, "StatusMessage")));
	tell_later(matchmaking, types[ticket->state], name, configuration_of(matchmaking, ticket), detail);
	ringcast_news_seal(matchmaking);
}
