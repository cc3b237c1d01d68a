/* The grammar of searches: precedence, every comparison, every kind of mistake, cut at every byte. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/search/filter.h"

struct example {
	const char *name, *mode;
	double players_max, player_count, created_ms;
};

static const char *text_of(void *context, enum filter_operand operand, const char *key)
{
	const struct example *example = context;
	if (operand == FILTER_NAME)
		return example->name;
	if (operand == FILTER_ID)
		return "gsess-1";
	return strcmp(key, "mode") == 0 ? example->mode : NULL;
}

static double number_of(void *context, enum filter_operand operand)
{
	const struct example *example = context;
	switch (operand) {
	case FILTER_PLAYERS_MAX:
		return example->players_max;
	case FILTER_PLAYER_COUNT:
		return example->player_count;
	case FILTER_CREATED_MS:
		return example->created_ms;
	default:
		return example->player_count < example->players_max;
	}
}

static struct filter_subject subject_of(struct example *example)
{
	return (struct filter_subject){example, text_of, number_of};
}

static struct example ctf = {.name = "it's \"one\"", .mode = "ctf", .players_max = 10, .player_count = 3, .created_ms = 1700000000123.0};

static void expect(const char *text, bool is_passed)
{
	struct filter filter;
	char problem[FILTER_PROBLEM_BYTES];
	struct filter_subject subject = subject_of(&ctf);
	cr_assert(ringcast_filter_read(text, &filter, problem), "%s: %s", text, problem);
	cr_assert_eq(ringcast_filter_passes(&filter, &subject), is_passed, "%s", text);
}

static void refused(const char *text, const char *wanted)
{
	struct filter filter;
	char problem[FILTER_PROBLEM_BYTES] = "";
	cr_assert(!ringcast_filter_read(text, &filter, problem), "%s", text);
	cr_assert(strncmp(problem, wanted, strlen(wanted)) == 0, "%s: %s", text, problem);
}

Test(filter, comparisons)
{
	expect("playerSessionCount = 3", true);
	expect("playerSessionCount <> 3", false);
	expect("playerSessionCount<4", true);
	expect("playerSessionCount>3", false);
	expect("playerSessionCount <= 3", true);
	expect("playerSessionCount >= 3.5", false);
	expect("creationTimeMillis = 1700000000123", true);
	expect("maximumSessions >= 10", true);
	expect("hasAvailablePlayerSessions = true", true);
	expect("hasAvailablePlayerSessions <> TRUE", false);
	expect("gameSessionProperties.mode = 'ctf'", true);
	expect("gameSessionProperties.mode = \"CTF\"", false);
	expect("gameSessionId = 'gsess-1'", true);
	expect("gameSessionName = 'it\\'s \"one\"'", true);
	expect("gameSessionName = \"it's \\\"one\\\"\"", true);
}

Test(filter, a_property_that_is_not_there_passes_no_comparison)
{
	expect("gameSessionProperties.map = 'x'", false);
	expect("gameSessionProperties.map <> 'x'", false);
	expect("NOT gameSessionProperties.map = 'x'", true);
}

Test(filter, not_binds_tighter_than_and_and_and_than_or)
{
	expect("NOT playerSessionCount = 3 OR playerSessionCount = 3", true);
	expect("NOT (playerSessionCount = 3 OR playerSessionCount = 3)", false);
	expect("playerSessionCount = 3 OR playerSessionCount = 4 AND playerSessionCount = 5", true);
	expect("(playerSessionCount = 3 OR playerSessionCount = 4) AND playerSessionCount = 5", false);
	expect("not not playerSessionCount = 3", true);
	expect("playerSessionCount = 1 or playerSessionCount = 2 or playerSessionCount = 3", true);
}

Test(filter, mistakes_are_named_with_their_place)
{
	refused("", "character 1: '' is none of");
	refused("players = 3", "character 1: 'players' is none of");
	refused("playerSessionCount", "character 19: one of");
	refused("playerSessionCount =", "character 21: a number is missing");
	refused("playerSessionCount = 'x'", "character 22: a number is missing");
	refused("playerSessionCount = 1e999", "character 22: this is not a number");
	refused("playerSessionCount = 0x10", "character 22: this is not");
	refused("playerSessionCount = 3 3", "character 24: AND, OR or the end");
	refused("(playerSessionCount = 3", "character 24: a closing parenthesis");
	refused("gameSessionName < 'x'", "character 18: a text knows = and <> only");
	refused("gameSessionName = x", "character 19: a text in quotes");
	refused("gameSessionName = 'x", "character 19: the text has no closing quote");
	refused("gameSessionProperties. = 'x'", "character 1: a property key is missing");
	refused("gameSessionProperties.a.b = 'x'", "character 1: a property key with a dot");
	refused("hasAvailablePlayerSessions = 1", "character 30: true or false");
	refused("hasAvailablePlayerSessions < true", "character 29: true or false knows");
	refused("NOT", "character 4: '' is none of");
	refused("playerSessionCount = 3 AND", "character 27: '' is none of");
}

Test(filter, depth_count_and_length_are_bounded)
{
	char text[4096] = "";
	memset(text, '(', 100);
	refused(text, "character 33: nested more than");
	text[0] = '\0';
	for (int i = 0; i < 64; i++)
		strcat(text, "NOT ");
	refused(text, "character 1");
	memset(text, ' ', 1100);
	text[1100] = '\0';
	refused(text, "character 1: longer than");
}

Test(filter, every_cut_is_read_or_refused)
{
	static const char whole[] = "hasAvailablePlayerSessions=true AND (gameSessionProperties.mode = 'c\\'tf' OR NOT maximumSessions < 10)";
	char text[sizeof(whole)];
	struct filter filter;
	char problem[FILTER_PROBLEM_BYTES];
	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		memcpy(text, whole, size);
		text[size] = '\0';
		bool is_read = ringcast_filter_read(text, &filter, problem);
		cr_assert_eq(is_read, size == strlen("hasAvailablePlayerSessions=true") || size == strlen("hasAvailablePlayerSessions=true "), "%s", text);
	}
}

static int compare(const char *text, struct example *a, struct example *b)
{
	struct filter_sort sort;
	char problem[FILTER_PROBLEM_BYTES];
	struct filter_subject left = subject_of(a), right = subject_of(b);
	cr_assert(ringcast_filter_sort_read(text, &sort, problem), "%s", problem);
	return ringcast_filter_sort_compare(&sort, &left, &right);
}

Test(filter, sorting)
{
	struct example plain = {.name = "b", .mode = NULL, .players_max = 20};
	cr_assert_lt(compare("maximumSessions ASC", &ctf, &plain), 0);
	cr_assert_gt(compare("maximumSessions DESC", &ctf, &plain), 0);
	cr_assert_lt(compare("gameSessionName DESC", &ctf, &(struct example){.name = "a"}), 0);
	cr_assert_lt(compare("gameSessionProperties.mode ASC", &ctf, &plain), 0);
	cr_assert_lt(compare("gameSessionProperties.mode DESC", &ctf, &plain), 0);
	cr_assert_eq(compare("gameSessionProperties.mode DESC", &plain, &plain), 0);
	struct filter_sort sort;
	char problem[FILTER_PROBLEM_BYTES];
	cr_assert(!ringcast_filter_sort_read("maximumSessions", &sort, problem));
	cr_assert_str_eq(problem, "character 16: ASC or DESC is missing");
	cr_assert(!ringcast_filter_sort_read("maximumSessions ASC, gameSessionName ASC", &sort, problem));
}
