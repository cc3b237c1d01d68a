#include "tools/ringcast/crowd.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"

enum { FIELDS_MAX = 128, WORDS_MAX = 100 };

__attribute__((format(printf, 2, 3))) static bool refuse(char *problem, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, CROWD_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static struct crowd_ticket *add_ticket(struct crowd *crowd, uint64_t at_ns, const char *name, char *problem)
{
	if (crowd->count == crowd->capacity) {
		size_t capacity = crowd->capacity == 0 ? 256 : 2 * crowd->capacity;
		struct crowd_ticket *tickets = crowd->count < CROWD_TICKETS_MAX ? realloc(crowd->tickets, capacity * sizeof(*tickets)) : NULL;
		if (tickets == NULL) {
			refuse(problem, "more than %d tickets, or out of memory", CROWD_TICKETS_MAX);
			return NULL;
		}
		crowd->tickets = tickets;
		crowd->capacity = capacity;
	}
	struct crowd_ticket *ticket = &crowd->tickets[crowd->count++];
	*ticket = (struct crowd_ticket){.at_ns = at_ns, .name = strdup(name), .players = json_array()};
	return ticket;
}

static int by_time(const void *a, const void *b)
{
	const struct crowd_ticket *left = a, *right = b;
	return left->at_ns < right->at_ns ? -1 : left->at_ns > right->at_ns;
}

void ringcast_crowd_fini(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++) {
		free(crowd->tickets[i].name);
		json_decref(crowd->tickets[i].players);
	}
	free(crowd->tickets);
	*crowd = (struct crowd){0};
}

/* Splits in place. */
static size_t split(char *text, char at, char **ret_parts, size_t parts_max)
{
	size_t count = 0;
	for (char *part = text; part != NULL && count < parts_max;) {
		char *end = strchr(part, at);
		ret_parts[count++] = part;
		if (end != NULL)
			*end++ = '\0';
		part = end;
	}
	return count;
}

static bool read_number(const char *text, double *ret_number)
{
	char *end;
	*ret_number = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*ret_number);
}

/* CSV */

static json_t *map_of(char **words, size_t count)
{
	json_t *map = json_object();
	double number;
	for (size_t i = 0; i < count; i++) {
		char *colon = strchr(words[i], ':');
		if (colon == NULL || !read_number(colon + 1, &number)) {
			json_decref(map);
			return NULL;
		}
		*colon = '\0';
		json_object_set_new(map, words[i], json_real(number));
	}
	return map;
}

static json_t *value_of(enum match_attribute_type type, char *field)
{
	char *words[WORDS_MAX];
	double number;
	if (type == MATCH_STRING)
		return json_pack("{s:s}", "S", field);
	if (type == MATCH_NUMBER)
		return read_number(field, &number) ? json_pack("{s:f}", "N", number) : NULL;
	size_t count = split(field, '|', words, WORDS_MAX);
	if (type == MATCH_NUMBER_MAP)
		return json_pack("{s:o*}", "SDM", map_of(words, count));
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(words[i]));
	return json_pack("{s:o}", "SL", list);
}

struct csv {
	struct crowd *crowd;
	const struct match_rule_set *rule_set;
	size_t column_count;
	char *columns[FIELDS_MAX];
	unsigned line;
	char *problem;
};

static bool set_field(struct csv *csv, json_t *player, const char *column, char *field)
{
	double number;
	if (*field == '\0')
		return true;
	if (*column == '@') {
		if (!read_number(field, &number))
			return refuse(csv->problem, "line %u, %s: '%.32s' is not a number of milliseconds", csv->line, column, field);
		json_object_set_new(json_object_get(player, "LatencyInMs"), column + 1, json_real(number));
		return true;
	}
	uint16_t attribute = ringcast_match_attribute_find(csv->rule_set, column, strlen(column));
	if (attribute == MATCH_ATTRIBUTES_MAX)
		return true; /* a recording may hold more than this rule set reads */
	json_t *value = value_of(csv->rule_set->attributes[attribute].type, field);
	if (value == NULL || json_object_size(value) == 0) {
		json_decref(value);
		return refuse(csv->problem, "line %u, %s: this is no value of the attribute's type", csv->line, column);
	}
	json_object_set_new(json_object_get(player, "PlayerAttributes"), column, value);
	return true;
}

static bool read_row(struct csv *csv, char *line)
{
	char *fields[FIELDS_MAX];
	double at_s;
	size_t count = split(line, ',', fields, FIELDS_MAX);
	struct crowd *crowd = csv->crowd;
	if (count != csv->column_count)
		return refuse(csv->problem, "line %u: %zu fields where the head has %zu", csv->line, count, csv->column_count);
	if (!read_number(fields[1], &at_s) || at_s < 0 || at_s > 1e7)
		return refuse(csv->problem, "line %u, at_s: '%.32s' is not a number of seconds from 0 to 10000000", csv->line, fields[1]);
	if (crowd->count == 0 || strcmp(crowd->tickets[crowd->count - 1].name, fields[0]) != 0)
		if (add_ticket(crowd, (uint64_t)(at_s * 1e9), fields[0], csv->problem) == NULL)
			return false;
	json_t *player = json_pack("{s:s, s:{}, s:{}}", "PlayerId", fields[2], "PlayerAttributes", "LatencyInMs");
	if (player == NULL)
		return refuse(csv->problem, "line %u: the player's id is no UTF-8", csv->line);
	json_array_append_new(crowd->tickets[crowd->count - 1].players, player);
	for (size_t i = 3; i < count; i++)
		if (!set_field(csv, player, csv->columns[i], fields[i]))
			return false;
	return true;
}

static bool read_head(struct csv *csv, char *line)
{
	csv->column_count = split(line, ',', csv->columns, FIELDS_MAX);
	if (csv->column_count < 3 || strcmp(csv->columns[0], "ticket") != 0 || strcmp(csv->columns[1], "at_s") != 0 || strcmp(csv->columns[2], "player") != 0)
		return refuse(csv->problem, "line 1: the head begins with ticket,at_s,player");
	return true;
}

bool ringcast_crowd_read_csv(struct crowd *crowd, const struct match_rule_set *rule_set, const char *text, char problem[CROWD_PROBLEM_BYTES])
{
	char *copy = strdup(text), *next = copy;
	struct csv csv = {.crowd = crowd, .rule_set = rule_set, .problem = problem};
	bool is_good = copy != NULL || refuse(problem, "out of memory");
	*crowd = (struct crowd){0};
	for (char *line; is_good && (line = strsep(&next, "\n")) != NULL;) {
		csv.line++;
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0')
			is_good = csv.line == 1 ? read_head(&csv, line) : read_row(&csv, line);
	}
	free(copy);
	if (is_good && crowd->count == 0)
		return refuse(problem, "there is no ticket in it");
	if (is_good)
		qsort(crowd->tickets, crowd->count, sizeof(*crowd->tickets), by_time);
	return is_good;
}

/* Descriptions */

struct maker {
	const struct match_rule_set *rule_set;
	struct prng prng;
	char *copy;
	size_t count;
	char *keys[FIELDS_MAX], *values[FIELDS_MAX];
	double players, seconds, party;
};

static double between(struct maker *maker, double low, double high)
{
	return low + (high - low) * (double)(ringcast_prng_next(&maker->prng) >> 11) / 9007199254740992.0;
}

/* "a..b", "a~b" or a number. */
static bool draw(struct maker *maker, const char *text, double *ret_number)
{
	double a, b, sum = 0;
	char first[64];
	const char *range = strstr(text, ".."), *end = range != NULL ? range : strchr(text, '~');
	bool is_range = range != NULL;
	if (end == NULL)
		return read_number(text, ret_number);
	snprintf(first, sizeof(first), "%.*s", (int)(end - text), text);
	if (!read_number(first, &a) || !read_number(end + (is_range ? 2 : 1), &b) || (is_range && a > b))
		return false;
	for (int i = 0; i < 12; i++)
		sum += between(maker, 0, 1);
	*ret_number = is_range ? round(between(maker, a, b)) : round(a + (sum - 6) * b);
	return true;
}

static const char *find_value(const struct maker *maker, const char *key)
{
	for (size_t i = 0; i < maker->count; i++)
		if (strcmp(maker->keys[i], key) == 0)
			return maker->values[i];
	return NULL;
}

static json_t *draw_texts(struct maker *maker, enum match_attribute_type type, const char *text)
{
	char copy[1024], *words[WORDS_MAX];
	snprintf(copy, sizeof(copy), "%s", text);
	size_t count = split(copy, '|', words, WORDS_MAX), sure = ringcast_prng_below(&maker->prng, count);
	if (type == MATCH_STRING)
		return json_pack("{s:s}", "S", words[sure]);
	json_t *list = json_array(), *map = json_object();
	for (size_t i = 0; i < count; i++) {
		bool is_in = i == sure || ringcast_prng_chance(&maker->prng, 1, 2);
		if (is_in && type == MATCH_STRING_LIST)
			json_array_append_new(list, json_string(words[i]));
		else if (type == MATCH_NUMBER_MAP)
			json_object_set_new(map, words[i], json_real(round(between(maker, 0, 100))));
	}
	json_t *value = type == MATCH_STRING_LIST ? json_pack("{s:O}", "SL", list) : json_pack("{s:O}", "SDM", map);
	json_decref(list);
	json_decref(map);
	return value;
}

static void set_attributes(struct maker *maker, json_t *player)
{
	json_t *attributes = json_object_get(player, "PlayerAttributes"), *latencies = json_object_get(player, "LatencyInMs");
	double number;
	for (uint16_t i = 0; i < maker->rule_set->attribute_count; i++) {
		const struct match_attribute *attribute = &maker->rule_set->attributes[i];
		const char *text = find_value(maker, attribute->name);
		if (text == NULL && attribute->default_value != NULL)
			continue;
		text = text != NULL ? text : attribute->type == MATCH_NUMBER ? "0..100" : "a|b|c";
		if (attribute->type == MATCH_NUMBER && draw(maker, text, &number))
			json_object_set_new(attributes, attribute->name, json_pack("{s:f}", "N", number));
		else if (attribute->type != MATCH_NUMBER)
			json_object_set_new(attributes, attribute->name, draw_texts(maker, attribute->type, text));
	}
	for (size_t i = 0; i < maker->count; i++)
		if (*maker->keys[i] == '@' && draw(maker, maker->values[i], &number))
			json_object_set_new(latencies, maker->keys[i] + 1, json_real(number < 0 ? 0 : number));
}

static bool check_description(struct maker *maker, char *problem)
{
	static const char *const numbers[] = {"players", "seconds", "party"};
	double number;
	for (size_t i = 0; i < maker->count; i++) {
		const char *key = maker->keys[i];
		uint16_t attribute = ringcast_match_attribute_find(maker->rule_set, key, strlen(key));
		bool is_own = false;
		for (size_t j = 0; j < 3; j++)
			if (strcmp(key, numbers[j]) == 0) {
				is_own = true;
				*(j == 0 ? &maker->players : j == 1 ? &maker->seconds : &maker->party) = number = atof(maker->values[i]);
			}
		if (!is_own && *key != '@' && attribute == MATCH_ATTRIBUTES_MAX)
			return refuse(problem, "'%.64s' is neither players, seconds, party, an attribute of the rule set nor an @region", key);
		bool wants_number = *key == '@' || (!is_own && maker->rule_set->attributes[attribute].type == MATCH_NUMBER);
		if (wants_number && !draw(maker, maker->values[i], &number))
			return refuse(problem, "%.64s: '%.64s' is none of N, A..B, A~B", key, maker->values[i]);
	}
	if (!(maker->players >= 1 && maker->players <= CROWD_TICKETS_MAX && maker->seconds >= 0 && maker->seconds <= 1e7 && maker->party >= 1 && maker->party <= 40))
		return refuse(problem, "players must be 1 to %d, seconds 0 to 10000000, party 1 to 40", CROWD_TICKETS_MAX);
	return true;
}

static bool make_tickets(struct maker *maker, struct crowd *crowd, char *problem)
{
	char name[48];
	for (uint32_t player = 0; player < (uint32_t)maker->players;) {
		uint32_t party = 1 + (uint32_t)ringcast_prng_below(&maker->prng, (uint64_t)maker->party);
		snprintf(name, sizeof(name), "ticket-%zu", crowd->count + 1);
		struct crowd_ticket *ticket = add_ticket(crowd, (uint64_t)(between(maker, 0, maker->seconds) * 1e9), name, problem);
		if (ticket == NULL)
			return false;
		for (uint32_t i = 0; i < party; i++, player++) {
			snprintf(name, sizeof(name), "player-%u", player + 1);
			json_t *one = json_pack("{s:s, s:{}, s:{}}", "PlayerId", name, "PlayerAttributes", "LatencyInMs");
			json_array_append_new(ticket->players, one);
			set_attributes(maker, one);
		}
	}
	qsort(crowd->tickets, crowd->count, sizeof(*crowd->tickets), by_time);
	return true;
}

bool ringcast_crowd_make(struct crowd *crowd, const struct match_rule_set *rule_set, const char *description, uint64_t seed, char problem[CROWD_PROBLEM_BYTES])
{
	struct maker maker = {.rule_set = rule_set, .copy = strdup(description), .players = 100, .seconds = 60, .party = 1};
	char *parts[FIELDS_MAX];
	bool is_good = true;
	*crowd = (struct crowd){0};
	if (maker.copy == NULL)
		return refuse(problem, "out of memory");
	ringcast_prng_init(&maker.prng, seed);
	size_t count = split(maker.copy, ',', parts, FIELDS_MAX);
	for (size_t i = 0; i < count && is_good; i++) {
		char *equal = strchr(parts[i], '=');
		if (equal == NULL) {
			is_good = refuse(problem, "'%.64s' is no file, and no KEY=VALUE of a description such as players=500,seconds=300", parts[i]);
			break;
		}
		*equal = '\0';
		maker.keys[maker.count] = parts[i];
		maker.values[maker.count++] = equal + 1;
	}
	is_good = is_good && check_description(&maker, problem) && make_tickets(&maker, crowd, problem);
	free(maker.copy);
	return is_good;
}
