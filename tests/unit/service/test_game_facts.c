/* What a session shows, packed; the order of sessions; and what both cost. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "service/model/game_session.h"

static void expect_shown(const char *given, const char *shown)
{
	json_t *in = json_loads(given, 0, NULL), *wanted = json_loads(shown, 0, NULL);
	struct game_facts *facts = ringcast_game_facts_pack(in);
	json_t *out = ringcast_game_facts_show(facts);
	char *text = json_dumps(out, JSON_COMPACT);
	cr_assert(json_equal(out, wanted), "%s instead of %s", text, shown);
	free(text);
	free(facts);
	json_decref(out);
	json_decref(wanted);
	json_decref(in);
}

Test(game_facts, what_was_given_is_shown_and_nothing_else)
{
	static const char *const whole = "{\"Name\": \"n\", \"CreatorId\": \"c\", \"MatchmakerData\": \"\", \"GameSessionData\": \"d\\\\\","
					 " \"GameProperties\": [{\"Key\": \"k\", \"Value\": \"v\"}, {\"Key\": \"\", \"Value\": \"\"}]}";
	expect_shown(whole, whole);
	expect_shown("{}", "{}");
	expect_shown("{\"GameProperties\": []}", "{\"GameProperties\": []}");
	expect_shown("{\"Name\": \"\"}", "{\"Name\": \"\"}");
	expect_shown("{\"GameSessionData\": \"d\", \"FleetId\": \"f\"}", "{\"GameSessionData\": \"d\"}");
	expect_shown("{\"Name\": 7, \"GameProperties\": [1, {\"Key\": \"k\"}, {\"Key\": \"a\", \"Value\": \"b\"}]}",
		     "{\"GameProperties\": [{\"Key\": \"a\", \"Value\": \"b\"}]}");
}

/* With and without each of the others, so that the place where the data begin is found. */
Test(game_facts, the_data_can_be_dropped_and_the_rest_is_shown_on)
{
	static const char *const members[] = {"\"Name\": \"n\"", "\"CreatorId\": \"c\"", "\"GameProperties\": [{\"Key\": \"k\", \"Value\": \"v\"}]", "\"MatchmakerData\": \"12345\"",
					      "\"GameSessionData\": \"123\""};
	for (unsigned set = 0; set < 32; set++) {
		char text[512] = "{", rest[600];
		for (size_t i = 0; i < 5; i++) {
			if (i == 3)
				snprintf(rest, sizeof(rest), "%s}", text);
			if (set & 1u << i)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", strlen(text) > 1 ? ", " : "", members[i]);
		}
		strcat(text, "}");
		json_t *in = json_loads(text, 0, NULL), *wanted = json_loads(rest, 0, NULL);
		struct game_facts *facts = ringcast_game_facts_pack(in);
		cr_assert_eq(ringcast_game_facts_data_bytes(facts), (set & 8 ? 6u : 0u) + (set & 16 ? 4u : 0u), "%s", text);
		ringcast_game_facts_drop_data(&facts);
		json_t *out = ringcast_game_facts_show(facts);
		cr_assert(json_equal(out, wanted), "%s", text);
		cr_assert_eq(ringcast_game_facts_data_bytes(facts), 0);
		free(facts);
		json_decref(in);
		json_decref(wanted);
		json_decref(out);
	}
}

Test(game_facts, a_search_finds_name_and_properties)
{
	json_t *in = json_loads("{\"CreatorId\": \"mode\", \"GameProperties\": [{\"Key\": \"map\", \"Value\": \"mode\"}, {\"Key\": \"mode\", \"Value\": \"ctf\"}]}", 0,
				NULL);
	struct game_facts *facts = ringcast_game_facts_pack(in);
	cr_assert_str_eq(ringcast_game_facts_name(facts), "");
	cr_assert_str_eq(ringcast_game_facts_property(facts, "mode"), "ctf");
	cr_assert_str_eq(ringcast_game_facts_property(facts, "map"), "mode");
	cr_assert_null(ringcast_game_facts_property(facts, "ctf"));
	free(facts);
	json_decref(in);
}

/* Beside an array of what should be there. */
Test(session_order, shows_what_stands_behind_whatever_is_removed)
{
	enum { COUNT = 500 };
	static char sessions[COUNT + 1]; /* whose addresses stand for sessions */
	bool is_there[COUNT + 1] = {false};
	struct session_order order;
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	ringcast_session_order_init(&order);
	for (uint64_t number = 1; number <= COUNT; number++) {
		cr_assert(ringcast_session_order_add(&order, number, (struct game_session *)&sessions[number]));
		is_there[number] = true;
		for (uint64_t tries = ringcast_prng_next(&prng) % 3; tries > 0; tries--) {
			uint64_t victim = 1 + ringcast_prng_next(&prng) % number;
			if (is_there[victim])
				ringcast_session_order_remove(&order, victim);
			is_there[victim] = false;
		}
		uint64_t behind = ringcast_prng_next(&prng) % (number + 2);
		size_t at = ringcast_session_order_behind(&order, behind);
		for (uint64_t next = behind + 1; next <= number; next++)
			if (is_there[next])
				cr_assert_eq((char *)ringcast_session_order_next(&order, &at), &sessions[next]);
		cr_assert_null(ringcast_session_order_next(&order, &at));
		cr_assert(order.gap_count <= order.count / 2);
	}
	ringcast_session_order_fini(&order);
}

/* All that a session with a name, two properties and no players takes, the tables' free room included. */
Test(session_order, a_live_session_takes_less_than_two_kilobytes)
{
	enum { COUNT = 3000 };
	struct game_sessions sessions;
	char name[64], host_session[64];
	size_t bytes = 0;
	ringcast_game_sessions_init(&sessions, 1);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "gsess-01234567-89ab-cdef-0123-%012d", i);
		snprintf(host_session, sizeof(host_session), "host-%d", i);
		json_t *facts = json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "Name", name, "GameProperties", "Key", "mode", "Value", "ctf", "Key", "map", "Value", "dust");
		struct game_session *session = ringcast_game_session_add(&sessions, "fleet-01234567-89ab-cdef-0123-456789abcdef", "custom-here", name, facts, 1);
		cr_assert(ringcast_game_session_name_host(&sessions, session, host_session));
		bytes += malloc_usable_size(session) + malloc_usable_size(session->facts);
		json_decref(facts);
	}
	bytes += malloc_usable_size(sessions.by_key.entries) + malloc_usable_size(sessions.by_host_session.entries) +
		 malloc_usable_size(sessions.all.places) + malloc_usable_size(sessions.live.places);
	cr_assert_lt(bytes / COUNT, 2048, "%zu bytes", bytes / COUNT);
	cr_log_info("%zu bytes a session", bytes / COUNT);
	ringcast_game_sessions_fini(&sessions);
}
