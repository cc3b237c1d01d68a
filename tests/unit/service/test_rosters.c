/* BackfillMode AUTOMATIC over kill -9: game servers and their players live on, and who has left is replaced, once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/game_question.h"
#include "service/matchmaking/matchmaking.h"

static struct rig rig;
static char fleet[MODEL_ID_BYTES], host_session[GAME_SESSION_ID_BYTES];
static bool is_host_failing;
static json_t *found; /* as the game server tells of its session to the next daemon */

static struct request *ask(const char *operation, const char *input)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	return request;
}

static void pass(int64_t ms)
{
	for (int64_t until = rig.now_ms + ms; rig.now_ms < until;) {
		rig.now_ms += 100;
		rig_turn(&rig);
		for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig)) {
			if (call->kind == HOST_CREATE)
				found = json_pack("{s:O, s:{s:i}, s:[], s:b, s:i}", "facts", call->facts, "place", "Port", 4000, "players", "is_active", true, "players_max", 2);
			rig_answer(&rig, call, is_host_failing ? HOST_FAILED : HOST_OK);
		}
	}
}

static void start(const char *name)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"c\", \"TicketId\": \"%s\", \"Players\": [{\"PlayerId\": \"%s\"}]}", name, name);
	rig_free(ask("StartMatchmaking", input));
}

static struct game_session *the_session(void)
{
	const struct model *model = ringcast_loop_model(rig.loop);
	size_t at = 0;
	return ringcast_session_order_next(&model->sessions.live, &at);
}

/* A match of ann and bob that runs on a game server of its own. */
static void init(void)
{
	char input[512];
	is_host_failing = false;
	rig_init(&rig, false);
	struct request *request = ask("CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	snprintf(fleet, sizeof(fleet), "%s", rig_text(request, "FleetAttributes.FleetId"));
	rig_free(request);
	snprintf(input, sizeof(input), "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/%s\"}]}", fleet);
	rig_free(ask("CreateGameSessionQueue", input));
	rig_free(ask("CreateMatchmakingRuleSet", "{\"Name\": \"r\", \"RuleSetBody\": \"{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"teams\\\": [{\\\"name\\\": \\\"t\\\", \\\"minPlayers\\\": "
						 "2, \\\"maxPlayers\\\": 2}]}\"}"));
	rig_free(ask("CreateMatchmakingConfiguration", "{\"Name\": \"c\", \"RuleSetName\": \"r\", \"RequestTimeoutSeconds\": 600, \"AcceptanceRequired\": false, \"BackfillMode\": \"AUTOMATIC\", "
						       "\"GameSessionQueueArns\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}"));
	start("ann");
	start("bob");
	pass(2000);
	cr_assert_not_null(the_session());
	cr_assert_eq(the_session()->player_count, 2);
	snprintf(host_session, sizeof(host_session), "%s", the_session()->host_session);
}

static void fini(void)
{
	json_decref(found);
	rig_fini(&rig);
}

TestSuite(rosters, .init = init, .fini = fini);

static void leave(const char *player_id)
{
	struct game_session *session = the_session();
	struct host_event event = {.kind = HOST_PLAYER_COMPLETED, .sequence = session->event_sequence + 1};
	snprintf(event.session, sizeof(event.session), "%s", session->host_session);
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct player_session, node)->player_id, player_id) == 0)
			snprintf(event.player, sizeof(event.player), "%s", CONTAINER_OF(node, struct player_session, node)->id);
	cr_assert_neq(*event.player, '\0');
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
}

static json_t *players_now(void)
{
	json_t *players = json_array();
	const struct game_session *session = the_session();
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		json_array_append_new(players, json_pack("{s:s, s:s, s:s}", "PlayerSessionId", player->id, "PlayerId", player->player_id, "Status",
							 ringcast_player_session_status_name(player->status)));
	}
	return players;
}

/* The next daemon on the same store; the game server tells of its session after so long. Nothing is written by the one that dies. */
static void die(int64_t silent_ms)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	struct loop *dead = rig.loop;
	json_object_set_new(found, "players", players_now());
	rig.loop = rig_loop(&rig, &(struct rig_options){.is_dev = false}, problem);
	cr_assert_not_null(rig.loop, "%s", problem);
	pass(silent_ms);
	struct host_event event = {.kind = HOST_SESSION_FOUND, .found = json_deep_copy(found)};
	snprintf(event.session, sizeof(event.session), "%s", host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	struct loop *next = rig.loop;
	rig.loop = dead;
	ringcast_loop_hold_writes(dead);
	ringcast_loop_destroy(&dead);
	rig.loop = next;
	cr_assert_not_null(the_session());
}

/* Those that wait and are called so: their number, and the last one's id. */
static size_t backfills_called(const char *prefix, char ret_id[132])
{
	size_t count = 0;
	const struct records *records = &ringcast_loop_model(rig.loop)->records;
	for (const struct record *record = ringcast_records_next(records, RECORD_TICKET, ""); record != NULL; record = ringcast_records_next(records, RECORD_TICKET, record->id)) {
		const char *status = json_string_value(json_object_get(record->document, "Status"));
		if (strncmp(record->id, prefix, strlen(prefix)) != 0 || (strcmp(status, "QUEUED") != 0 && strcmp(status, "SEARCHING") != 0))
			continue;
		snprintf(ret_id, 132, "%s", record->id);
		count++;
	}
	return count;
}

/* Of BackfillMode AUTOMATIC. */
static size_t backfills(char ret_id[132])
{
	return backfills_called("auto-", ret_id);
}

static struct host_question question;

static void answered(struct host_question *given)
{
	cr_assert_eq(given, &question);
	cr_assert_null(given->input);
}

/* The game of the session asks; question says what it was told. */
static void game_asks(enum host_question_kind kind, const char *ticket)
{
	question = (struct host_question){.kind = kind, .input = json_pack("{s:s}", "TicketId", ticket), .answered = answered};
	snprintf(question.session, sizeof(question.session), "%s", host_session);
	cr_assert(ringcast_game_question_ask(rig.loop, &question));
	rig_turn(&rig);
	cr_assert_neq(question.status, 0, "it waits");
}

Test(rosters, who_leaves_after_a_restart_is_replaced)
{
	char ticket[132];
	die(3000);
	pass(2000);
	cr_assert_eq(backfills(ticket), 0, "nobody has left");
	leave("bob");
	pass(1500);
	cr_assert_eq(backfills(ticket), 1);
	start("carl");
	pass(2000);
	cr_assert_eq(the_session()->player_count, 2, "carl plays in bob's place");
	cr_assert_eq(backfills(ticket), 0);
}

Test(rosters, who_left_before_it_is_asked_for_once)
{
	char before[132], after[132];
	leave("bob");
	pass(1500);
	cr_assert_eq(backfills(before), 1);
	die(3000);
	pass(3000);
	cr_assert_eq(backfills(after), 1, "nobody is asked for twice");
	cr_assert_str_eq(before, after, "nor anew");
	start("carl");
	pass(2000);
	cr_assert_eq(the_session()->player_count, 2);
	leave("ann");
	pass(1500);
	cr_assert_eq(backfills(after), 1);
	cr_assert_str_neq(before, after);
}

Test(rosters, who_left_while_nobody_looked_is_seen)
{
	char ticket[132];
	leave("bob"); /* and the daemon dies before it has looked */
	die(3000);
	pass(1500);
	cr_assert_eq(backfills(ticket), 1);
}

Test(rosters, one_whose_session_is_over_is_forgotten)
{
	const struct records *records = &ringcast_loop_model(rig.loop)->records;
	cr_assert_eq(ringcast_records_count(records, RECORD_ROSTER), 1);
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = the_session()->event_sequence + 1};
	snprintf(event.session, sizeof(event.session), "%s", host_session);
	ringcast_loop_tell(rig.loop, &event);
	pass(1500);
	cr_assert_eq(ringcast_records_count(records, RECORD_ROSTER), 0);
}

/* The service's search and the game's own would each seat somebody in the one free place. */
Test(rosters, a_session_whose_game_searches_is_searched_for_by_nobody_else)
{
	char ticket[132];
	leave("bob");
	game_asks(HOST_START_BACKFILL, "game");
	cr_assert_eq(question.status, 200, "%s", question.text);
	pass(2000);
	cr_assert_eq(backfills(ticket), 0, "%s too", ticket);
	cr_assert_eq(backfills_called("game", ticket), 1);
	game_asks(HOST_STOP_BACKFILL, "game");
	cr_assert_eq(question.status, 200, "%s", question.text);
	pass(1500);
	cr_assert_eq(backfills(ticket), 1, "it begins when the game's ends");
}

Test(rosters, a_game_whose_session_is_searched_for_is_refused)
{
	char ticket[132];
	leave("bob");
	pass(1500);
	cr_assert_eq(backfills(ticket), 1);
	game_asks(HOST_START_BACKFILL, "game");
	cr_assert_eq(question.status, 409, "%u", question.status);
	cr_assert_not_null(strstr(question.text, ticket), "%s", question.text);
	cr_assert_eq(backfills_called("game", ticket), 0);
}

Test(rosters, the_service_gives_way_to_a_backend_that_searches)
{
	char ticket[132], arn[MODEL_ARN_BYTES], input[1024];
	leave("bob");
	pass(1500);
	cr_assert_eq(backfills(ticket), 1);
	ringcast_model_session_arn(ringcast_loop_model(rig.loop), the_session(), arn);
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"c\", \"TicketId\": \"game\", \"GameSessionArn\": \"%s\", \"Players\": [{\"PlayerId\": \"ann\", \"Team\": \"t\"}]}", arn);
	rig_free(ask("StartMatchBackfill", input));
	pass(1500);
	cr_assert_eq(backfills(ticket), 0, "%s too", ticket);
	cr_assert_eq(backfills_called("game", ticket), 1);
}

/* The store cannot write a text that is not UTF-8. */
static void refuse_a_batch(void)
{
	cr_assert(ringcast_records_put(&ringcast_loop_model(rig.loop)->records, RECORD_KEY, "spoiled", json_pack("{s:o}", "Name", json_stringn_nocheck("\xff", 1))));
	struct request *request = rig_ask(&rig, "CreateLocation", "{\"LocationName\": \"custom-a\"}");
	rig_turn(&rig);
	cr_assert_eq(request->fault, FAULT_INTERNAL, "it was stored");
	rig_free(request);
}

Test(rosters, a_host_that_failed_is_left_alone_though_the_store_refuses_a_batch)
{
	char ticket[132];
	leave("bob");
	pass(1500);
	cr_assert_eq(backfills(ticket), 1);
	is_host_failing = true;
	struct request *carl = rig_ask(&rig, "StartMatchmaking", "{\"ConfigurationName\": \"c\", \"TicketId\": \"carl\", \"Players\": [{\"PlayerId\": \"carl\"}]}");
	pass(1500);
	rig_free(carl);
	cr_assert_eq(backfills(ticket), 0, "its host has failed");
	refuse_a_batch();
	pass(3000);
	cr_assert_eq(backfills(ticket), 0, "it is asked again at once");
	pass(8000);
	cr_assert_eq(backfills(ticket), 1);
}
