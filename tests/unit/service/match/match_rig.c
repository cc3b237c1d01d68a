#include "match_rig.h"

#include <string.h>

char *quoted(const char *text)
{
	char *copy = strdup(text);
	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	return copy;
}

struct match_rule_set *rules_of(const char *text)
{
	char problem[DOCUMENT_PROBLEM_BYTES], *copy = quoted(text);
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(copy, strlen(copy), 1, problem);
	cr_assert_not_null(rule_set, "%s\nin %s", problem, text);
	free(copy);
	return rule_set;
}

struct match_rule_set *rules_of_parts(const char *parts)
{
	char text[8192];
	cr_assert_lt(snprintf(text, sizeof(text), "{'ruleLanguageVersion': '1.0', %s}", parts), (int)sizeof(text));
	return rules_of(text);
}

void rules_refused(const char *text, const char *wanted)
{
	char problem[DOCUMENT_PROBLEM_BYTES] = "", *copy = quoted(text);
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(copy, strlen(copy), 1, problem);
	cr_assert_null(rule_set, "taken, though wanted: %s\nin %s", wanted, text);
	cr_assert_not_null(strstr(problem, wanted), "wanted: %s\ntold:   %s\nin %s", wanted, problem, text);
	cr_assert_eq(strncmp(problem, "line ", 5), 0, "no line: %s", problem);
	free(copy);
}

static json_t *wrapped(const char *json)
{
	char *copy = quoted(json);
	json_t *value = json_loads(copy, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(value, "no JSON: %s", json);
	free(copy);
	const char *kind = json_is_string(value) ? "S" : json_is_number(value) ? "N" : json_is_array(value) ? "SL" : "SDM";
	return json_pack("{s:o}", kind, value);
}

static void add_word(json_t *player, char *word)
{
	char *equal = strchr(word, '=');
	if (equal == NULL) {
		json_object_set_new(player, "PlayerId", json_string(word));
		return;
	}
	*equal = '\0';
	if (*word == '@')
		json_object_set_new(json_object_get(player, "LatencyInMs"), word + 1, json_real(atof(equal + 1)));
	else
		json_object_set_new(json_object_get(player, "PlayerAttributes"), word, wrapped(equal + 1));
}

json_t *players_of(const char *text)
{
	char copy[4096], *next_player, *next_word;
	json_t *players = json_array();
	cr_assert_lt(snprintf(copy, sizeof(copy), "%s", text), (int)sizeof(copy));
	for (char *one = strtok_r(copy, ";", &next_player); one != NULL; one = strtok_r(NULL, ";", &next_player)) {
		json_t *player = json_pack("{s:{}, s:{}}", "PlayerAttributes", "LatencyInMs");
		for (char *word = strtok_r(one, " ", &next_word); word != NULL; word = strtok_r(NULL, " ", &next_word))
			add_word(player, word);
		json_array_append_new(players, player);
	}
	return players;
}

struct match_ticket *ticket_of(const struct match_rule_set *rule_set, struct match_regions *regions, const char *text, uint64_t created_ns)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	json_t *players = players_of(text);
	struct match_ticket *ticket = ringcast_match_ticket_create(rule_set, regions, players, created_ns, problem);
	cr_assert_not_null(ticket, "%s: %s", text, problem);
	json_decref(players);
	return ticket;
}
