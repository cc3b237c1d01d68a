/* Lists and searches of game sessions, page by page, while what they show changes. */
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

TestSuite(session_pages, .init = init, .fini = fini);

Test(session_pages, pages_survive_what_is_added_and_removed_meanwhile)
{
	char input[1024], seen[64][64];
	size_t count = 0;
	for (int i = 0; i < 25; i++) {
		snprintf(input, sizeof(input), "t%02d", i);
		rig_session(&rig, input, 2);
	}
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"Limit\": 4}");
	for (int page = 0; page < 10; page++) {
		struct request *request = rig_run(&rig, "DescribeGameSessions", input);
		cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
		size_t i;
		json_t *session;
		json_array_foreach(json_object_get(request->output, "GameSessions"), i, session)
			snprintf(seen[count++], sizeof(seen[0]), "%s", strrchr(json_string_value(json_object_get(session, "GameSessionId")), '/') + 1);
		const char *token = json_string_value(json_object_get(request->output, "NextToken"));
		bool is_last = token == NULL;
		snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"Limit\": 4, \"NextToken\": \"%s\"}", is_last ? "" : token);
		rig_free(request);
		if (is_last)
			break;
		struct game_sessions *sessions = &ringcast_loop_model(rig.loop)->sessions;
		size_t at = 0;
		ringcast_game_session_remove(sessions, ringcast_session_order_next(&sessions->all, &at));
	}
	cr_assert_eq(count, 25);
	for (size_t i = 0; i < count; i++) {
		snprintf(input, sizeof(input), "t%02zu", i);
		cr_assert_str_eq(seen[i], input);
	}
}

Test(session_pages, a_token_of_another_list_is_refused)
{
	for (int i = 0; i < 3; i++)
		rig_session(&rig, (const char *[]){"a", "b", "c"}[i], 2);
	struct request *request = rig_run(&rig, "DescribeGameSessions", "{\"FleetId\": \"fleet-1\", \"Limit\": 1}");
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-2\", \"Limit\": 1, \"NextToken\": \"%s\"}",
		 json_string_value(json_object_get(request->output, "NextToken")));
	rig_free(request);
	rig_expect_fault(rig_run(&rig, "DescribeGameSessions", input), FAULT_INVALID);
	rig_expect_fault(rig_run(&rig, "DescribeGameSessions", "{\"FleetId\": \"fleet-1\", \"NextToken\": \"rubbish\"}"), FAULT_INVALID);
}

Test(session_pages, searching_sorts_and_filters_active_sessions)
{
	rig_session(&rig, "a", 5);
	rig_session(&rig, "b", 9);
	rig_session(&rig, "c", 7);
	struct request *request = rig_run(&rig, "SearchGameSessions",
					  "{\"FleetId\": \"fleet-1\", \"FilterExpression\": \"maximumSessions > 5\", \"SortExpression\": \"maximumSessions DESC\"}");
	cr_assert_eq(json_array_size(json_object_get(request->output, "GameSessions")), 2);
	cr_assert_str_eq(rig_text(request, "GameSessions.0.GameSessionId"), "arn:aws:gamelift:local::gamesession/fleet-1/b");
	rig_free(request);
	rig_expect_fault(rig_run(&rig, "SearchGameSessions", "{\"FleetId\": \"fleet-1\", \"FilterExpression\": \"maximumSessions >\"}"), FAULT_INVALID);
}

static const char *search_page(const char *sort, const char *token, char seen[256])
{
	static char next[512];
	char input[1024];
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"Limit\": 2, \"SortExpression\": \"%s\"%s%s%s}", sort, token != NULL ? ", \"NextToken\": \"" : "",
		 token != NULL ? token : "", token != NULL ? "\"" : "");
	struct request *request = rig_run(&rig, "SearchGameSessions", input);
	const char *found = json_string_value(json_object_get(request->output, "NextToken"));
	size_t i;
	json_t *session;
	json_array_foreach(json_object_get(request->output, "GameSessions"), i, session)
		strcat(seen, strrchr(json_string_value(json_object_get(session, "GameSessionId")), '/'));
	snprintf(next, sizeof(next), "%s", found != NULL ? found : "");
	rig_free(request);
	return found != NULL ? next : NULL;
}

Test(session_pages, a_search_goes_on_rightly_when_the_last_one_shown_has_changed_or_ended)
{
	char seen[256] = "";
	for (uint32_t i = 0; i < 6; i++)
		rig_session(&rig, (const char *[]){"a", "b", "c", "d", "e", "f"}[i], i + 1);
	const char *token = search_page("maximumSessions DESC", NULL, seen);
	rig_free(rig_run(&rig, "UpdateGameSession", "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/e\", \"MaximumPlayerSessionCount\": 100}"));
	token = search_page("maximumSessions DESC", token, seen);
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = 1};
	snprintf(event.session, sizeof(event.session), "%s",
		 ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "c")->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	cr_assert_null(search_page("maximumSessions DESC", token, seen));
	cr_assert_str_eq(seen, "/f/e/d/c/b/a");
}
