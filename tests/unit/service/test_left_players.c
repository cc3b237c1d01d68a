/* Player sessions that have ended: the newest of each game session are kept (the rig keeps 4), and of all together (10). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

static struct rig rig;

static void init(void)
{
	rig_init(&rig, true);
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(left_players, .init = init, .fini = fini);

static void create(const char *token)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 50, \"IdempotencyToken\": \"%s\"}", token);
	rig_free(rig_run(&rig, "CreateGameSession", input));
}

static struct game_session *session_of(const char *token)
{
	return ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", token);
}

/* The player's token in ret_id. */
static void join(const char *token, const char *player, char ret_id[GAME_SESSION_ID_BYTES])
{
	char input[256];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/%s\", \"PlayerId\": \"%s\"}", token, player);
	struct request *request = rig_run(&rig, "CreatePlayerSession", input);
	snprintf(ret_id, GAME_SESSION_ID_BYTES, "%s", rig_text(request, "PlayerSession.PlayerSessionId"));
	rig_free(request);
}

static void leave(const char *token, const char *id)
{
	struct host_event event = {.kind = HOST_PLAYER_COMPLETED, .sequence = session_of(token)->event_sequence + 1};
	snprintf(event.session, sizeof(event.session), "%s", session_of(token)->host_session);
	snprintf(event.player, sizeof(event.player), "%s", id);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
}

static void play(const char *token, const char *player)
{
	char id[GAME_SESSION_ID_BYTES];
	join(token, player, id);
	leave(token, id);
}

/* Adds "a b c", the players of a page, to seen, and puts what the next one begins with in next: "" for none. */
static void see_page(const char *token, int limit, char seen[256], char next[256])
{
	char input[512];
	size_t i;
	json_t *player;
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/%s\", \"Limit\": %d%s%s%s}", token, limit,
		 *next != '\0' ? ", \"NextToken\": \"" : "", next, *next != '\0' ? "\"" : "");
	struct request *request = rig_run(&rig, "DescribePlayerSessions", input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	json_array_foreach(json_object_get(request->output, "PlayerSessions"), i, player) {
		const char *id = json_string_value(json_object_get(player, "PlayerId"));
		snprintf(seen + strlen(seen), 256 - strlen(seen), "%s%s", *seen != '\0' ? " " : "", id);
	}
	snprintf(next, 256, "%s", rig_text(request, "NextToken"));
	rig_free(request);
}

static void expect_players(const char *token, int limit, const char *wanted)
{
	char seen[256] = "", next[256] = "";
	do
		see_page(token, limit, seen, next);
	while (*next != '\0');
	cr_assert_str_eq(seen, wanted);
}

Test(left_players, a_session_that_goes_on_for_ever_keeps_the_newest)
{
	char first[GAME_SESSION_ID_BYTES], stays[GAME_SESSION_ID_BYTES], input[128], name[16];
	create("t1");
	join("t1", "first", first);
	join("t1", "stays", stays);
	leave("t1", first);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		play("t1", name);
	}
	for (int limit = 1; limit < 7; limit++)
		expect_players("t1", limit, "stays p96 p97 p98 p99");
	const struct game_sessions *sessions = &ringcast_loop_model(rig.loop)->sessions;
	cr_assert_eq(sessions->players_by_id.count, 5);
	cr_assert_eq(session_of("t1")->player_count, 1);
	snprintf(input, sizeof(input), "{\"PlayerSessionId\": \"%s\"}", first);
	struct request *request = rig_run(&rig, "DescribePlayerSessions", input);
	cr_assert_eq(request->fault, FAULT_NOT_FOUND);
	cr_assert_not_null(strstr(request->message, "the newest 4 of a game session are kept, 10 in all"), "%s", request->message);
	rig_free(request);
}

Test(left_players, whoever_ended_first_is_forgotten_first_not_whoever_came_first)
{
	char early[GAME_SESSION_ID_BYTES];
	create("t1");
	join("t1", "early", early);
	play("t1", "a");
	play("t1", "b");
	play("t1", "c");
	leave("t1", early);
	play("t1", "d");
	expect_players("t1", 10, "early b c d");
}

Test(left_players, sessions_that_have_ended_share_a_bound)
{
	static const char *const tokens[] = {"t1", "t2", "t3"};
	for (int i = 0; i < 3; i++) {
		create(tokens[i]);
		for (int k = 0; k < 4; k++)
			play(tokens[i], (const char *const[]){"a", "b", "c", "d"}[k]);
	}
	expect_players("t1", 10, "c d");
	expect_players("t2", 10, "a b c d");
	expect_players("t3", 10, "a b c d");
	ringcast_game_session_remove(&ringcast_loop_model(rig.loop)->sessions, session_of("t2"));
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.left_count, 6);
	play("t1", "e");
	expect_players("t1", 10, "c d e");
}

Test(left_players, many_who_leave_with_their_session_are_forgotten_too)
{
	char id[GAME_SESSION_ID_BYTES], name[16];
	create("t1");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		join("t1", name, id);
	}
	ringcast_game_session_move(&ringcast_loop_model(rig.loop)->sessions, session_of("t1"), GAME_SESSION_TERMINATED, "", rig.now_ms);
	rig_turn(&rig);
	expect_players("t1", 10, "p36 p37 p38 p39");
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.players_by_id.count, 4);
}

Test(left_players, pages_go_on_rightly_when_players_before_them_are_forgotten)
{
	char seen[256] = "", next[256] = "";
	create("t1");
	for (int i = 0; i < 4; i++)
		play("t1", (const char *const[]){"a", "b", "c", "d"}[i]);
	see_page("t1", 2, seen, next);
	play("t1", "e");
	see_page("t1", 2, seen, next);
	play("t1", "f");
	see_page("t1", 2, seen, next);
	cr_assert_str_eq(seen, "a b c d e f");
	cr_assert_str_eq(next, "");
}

/* Data of game sessions that have ended: 4096 bytes here, of all together. */

static void create_with_data(const char *token, size_t bytes)
{
	char data[4096], input[4400];
	memset(data, 'd', bytes);
	data[bytes] = '\0';
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 5, \"IdempotencyToken\": \"%s\", \"GameSessionData\": \"%s\"}", token, data);
	rig_free(rig_run(&rig, "CreateGameSession", input));
}

static void end_session(const char *token)
{
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = session_of(token)->event_sequence + 1};
	snprintf(event.session, sizeof(event.session), "%s", session_of(token)->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
}

static size_t data_shown(const char *token)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/%s\"}", token);
	struct request *request = rig_run(&rig, "DescribeGameSessions", input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	size_t bytes = strlen(rig_text(request, "GameSessions.0.GameSessionData"));
	rig_free(request);
	return bytes;
}

Test(left_players, data_of_sessions_that_have_ended_have_a_bound_and_those_that_live_keep_theirs)
{
	const struct game_sessions *sessions = &ringcast_loop_model(rig.loop)->sessions;
	create_with_data("live", 4000);
	create_with_data("a", 2000);
	create_with_data("b", 2000);
	create_with_data("c", 2000);
	end_session("b");
	end_session("a");
	cr_assert_eq(sessions->ended_data_bytes, 2 * 2001);
	cr_assert_eq(sessions->data_forgotten_count, 0);
	end_session("c");
	cr_assert_eq(sessions->ended_data_bytes, 2 * 2001);
	cr_assert_eq(sessions->data_forgotten_count, 1);
	cr_assert_eq(data_shown("b"), 0, "it ended first");
	cr_assert_eq(data_shown("a"), 2000);
	cr_assert_eq(data_shown("c"), 2000);
	cr_assert_eq(data_shown("live"), 4000);
	rig.now_ms += GAME_SESSION_KEPT_MS + 1;
	rig_turn(&rig);
	cr_assert_eq(sessions->ended_data_bytes, 0, "forgotten with their sessions");
	cr_assert_eq(data_shown("live"), 4000);
}
