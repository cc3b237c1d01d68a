#include "service/match/ticket.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

enum { PAIRS_MAX = MATCH_TICKET_PLAYERS_MAX * MATCH_TEXTS_MAX };

struct pair {
	uint64_t key;
	double number;
};

/* A ticket while it is read. */
struct builder {
	const struct match_rule_set *rule_set;
	struct match_regions *regions;
	const json_t *players;
	char *problem;
	struct match_cell ids, cells[MATCH_COLUMNS_MAX];
	size_t text_count, text_capacity;
	uint64_t *texts;
	uint64_t region_bits;
	float latencies[MATCH_LATENCY_KINDS][MATCH_REGIONS_MAX]; /* by region */
	struct pair pairs[PAIRS_MAX];
};

static bool refuse(struct builder *builder, const char *format, ...) PRINTF_LIKE(2, 3);

static bool refuse(struct builder *builder, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(builder->problem, MATCH_TICKET_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static const char *id_of(const json_t *player)
{
	const char *id = json_string_value(json_object_get(player, "PlayerId"));
	return id == NULL ? "" : id;
}

/* Values of players */

static const struct {
	const char *key, *what;
} value_kinds[] = {[MATCH_STRING] = {"S", "a text: {\"S\": ...}"},
		   [MATCH_NUMBER] = {"N", "a number: {\"N\": ...}"},
		   [MATCH_STRING_LIST] = {"SL", "a list of texts: {\"SL\": [...]}"},
		   [MATCH_NUMBER_MAP] = {"SDM", "a map of numbers: {\"SDM\": {...}}"}};

/* What the player has of an attribute, or its default. NULL only before check_player has passed. */
static const json_t *value_of(const struct match_attribute *attribute, const json_t *player)
{
	const json_t *wrapped = json_object_get(json_object_get(player, "PlayerAttributes"), attribute->name);
	const json_t *value = json_object_get(wrapped, value_kinds[attribute->type].key);
	return wrapped == NULL ? attribute->default_value : value;
}

static bool check_attributes(struct builder *builder, const json_t *player)
{
	for (uint16_t i = 0; i < builder->rule_set->attribute_count; i++) {
		const struct match_attribute *attribute = &builder->rule_set->attributes[i];
		const json_t *value = value_of(attribute, player);
		if (value == NULL && json_object_get(json_object_get(player, "PlayerAttributes"), attribute->name) == NULL)
			return refuse(builder, "player '%.64s' has no attribute '%.64s', and the rule set has no default for it", id_of(player), attribute->name);
		if (value == NULL || !ringcast_match_is_of(attribute->type, value))
			return refuse(builder, "player '%.64s': attribute '%.64s' must be %s, with at most %d members", id_of(player), attribute->name,
				      value_kinds[attribute->type].what, MATCH_TEXTS_MAX);
	}
	return true;
}

static bool check_player(struct builder *builder, size_t index)
{
	const json_t *player = json_array_get(builder->players, index);
	if (!json_is_object(player) || *id_of(player) == '\0')
		return refuse(builder, "player %zu has no PlayerId", index + 1);
	for (size_t i = 0; i < index; i++)
		if (strcmp(id_of(json_array_get(builder->players, i)), id_of(player)) == 0)
			return refuse(builder, "player '%.64s' is in this ticket twice", id_of(player));
	return check_attributes(builder, player);
}

/* Latencies */

static bool find_region(struct builder *builder, const char *name, unsigned *ret_region)
{
	struct match_regions *regions = builder->regions;
	for (unsigned i = 0; i < regions->count; i++)
		if (strcmp(regions->names[i], name) == 0) {
			*ret_region = i;
			return true;
		}
	if (regions->count == MATCH_REGIONS_MAX)
		return refuse(builder, "'%.64s' would be region %d; there may be %d", name, MATCH_REGIONS_MAX + 1, MATCH_REGIONS_MAX);
	if (*name == '\0' || strlen(name) >= MATCH_NAME_BYTES)
		return refuse(builder, "a region's name has 1 to %d characters", MATCH_NAME_BYTES - 1);
	memcpy(regions->names[regions->count], name, strlen(name) + 1);
	*ret_region = regions->count++;
	return true;
}

static void add_latency(struct builder *builder, unsigned region, float ms, bool is_first)
{
	float *average = &builder->latencies[MATCH_AVERAGE][region], *least = &builder->latencies[MATCH_MIN][region],
	      *most = &builder->latencies[MATCH_MAX][region];
	*average = is_first ? ms : *average + ms;
	*least = is_first || ms < *least ? ms : *least;
	*most = is_first || ms > *most ? ms : *most;
}

static bool read_latencies(struct builder *builder, const json_t *player, bool is_first)
{
	const json_t *latencies = json_object_get(player, "LatencyInMs");
	uint64_t bits = 0;
	const char *name;
	json_t *value;
	unsigned region = 0;
	json_object_foreach((json_t *)latencies, name, value) {
		if (!json_is_number(value) || !(json_number_value(value) >= 0) || json_number_value(value) > 1e6)
			return refuse(builder, "player '%.64s': the latency to '%.64s' must be 0 to 1000000 ms", id_of(player), name);
		if (!find_region(builder, name, &region))
			return false;
		bits |= UINT64_C(1) << region;
		add_latency(builder, region, (float)json_number_value(value), is_first);
	}
	builder->region_bits = is_first ? bits : builder->region_bits & bits;
	return true;
}

/* Columns */

static bool add_text(struct builder *builder, uint64_t text)
{
	if (builder->text_count == builder->text_capacity) {
		size_t capacity = builder->text_capacity == 0 ? 32 : 2 * builder->text_capacity;
		uint64_t *texts = realloc(builder->texts, capacity * sizeof(*texts));
		if (texts == NULL)
			return refuse(builder, "out of memory");
		builder->texts = texts;
		builder->text_capacity = capacity;
	}
	builder->texts[builder->text_count++] = text;
	return true;
}

static uint64_t hash_of(struct builder *builder, const json_t *text)
{
	return ringcast_match_text(builder->rule_set, json_string_value(text), json_string_length(text));
}

static bool fill_texts(struct builder *builder, const struct match_column *column, struct match_cell *cell)
{
	size_t i;
	json_t *player;
	cell->first = (uint32_t)builder->text_count;
	json_array_foreach((json_t *)builder->players, i, player) {
		const json_t *text = column->attribute == MATCH_PLAYER_IDS ? json_object_get(player, "PlayerId")
									   : value_of(&builder->rule_set->attributes[column->attribute], player);
		if (!add_text(builder, hash_of(builder, text)))
			return false;
	}
	cell->count = (uint32_t)(builder->text_count - cell->first);
	return true;
}

/* The number that one player has for a column; NaN: a map without the key. */
static double number_of(struct builder *builder, const struct match_column *column, const json_t *player)
{
	const json_t *value = value_of(&builder->rule_set->attributes[column->attribute], player);
	const char *key;
	json_t *item;
	if (!column->has_key)
		return json_number_value(value);
	json_object_foreach((json_t *)value, key, item)
		if (ringcast_match_text(builder->rule_set, key, strlen(key)) == column->key)
			return json_number_value(item);
	return NAN;
}

static double fold(enum match_aggregation aggregation, double so_far, double number, size_t count)
{
	if (count == 0)
		return number;
	if (aggregation == MATCH_AVERAGE)
		return so_far + (number - so_far) / (double)(count + 1);
	return aggregation == MATCH_MIN ? fmin(so_far, number) : fmax(so_far, number);
}

static void fill_number(struct builder *builder, const struct match_column *column, struct match_cell *cell)
{
	size_t i, count = 0;
	json_t *player;
	cell->number = NAN;
	json_array_foreach((json_t *)builder->players, i, player) {
		double number = number_of(builder, column, player);
		if (isnan(number))
			continue;
		cell->number = fold(column->aggregation, cell->number, number, count);
		count++;
	}
}

static int by_key(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	return left->key < right->key ? -1 : left->key > right->key;
}

/* All texts of a list, or all pairs of a map, of all players; each player's texts once. */
static size_t collect(struct builder *builder, const struct match_column *column)
{
	size_t i, j, count = 0;
	const char *key;
	json_t *player, *item;
	json_array_foreach((json_t *)builder->players, i, player) {
		const json_t *value = value_of(&builder->rule_set->attributes[column->attribute], player);
		size_t first = count;
		json_array_foreach((json_t *)value, j, item)
			builder->pairs[count++] = (struct pair){hash_of(builder, item), 0};
		json_object_foreach((json_t *)value, key, item)
			builder->pairs[count++] = (struct pair){ringcast_match_text(builder->rule_set, key, strlen(key)), json_number_value(item)};
		qsort(builder->pairs + first, count - first, sizeof(*builder->pairs), by_key);
		size_t kept = first;
		for (j = first; j < count; j++)
			if (kept == first || builder->pairs[kept - 1].key != builder->pairs[j].key)
				builder->pairs[kept++] = builder->pairs[j];
		count = kept;
	}
	return count;
}

static bool fill_set(struct builder *builder, const struct match_column *column, struct match_cell *cell)
{
	size_t count = collect(builder, column), players = json_array_size(builder->players), run;
	cell->first = (uint32_t)builder->text_count;
	qsort(builder->pairs, count, sizeof(*builder->pairs), by_key);
	for (size_t i = 0; i < count; i += run) {
		double number = builder->pairs[i].number;
		for (run = 1; i + run < count && builder->pairs[i + run].key == builder->pairs[i].key; run++)
			number = fold(column->aggregation, number, builder->pairs[i + run].number, run);
		uint64_t bits;
		memcpy(&bits, &number, sizeof(bits));
		if (column->kind == MATCH_COLUMN_LIST && column->aggregation == MATCH_INTERSECTION && run < players)
			continue;
		if (!add_text(builder, builder->pairs[i].key) || (column->kind == MATCH_COLUMN_MAP && !add_text(builder, bits)))
			return false;
	}
	cell->count = (uint32_t)(builder->text_count - cell->first);
	return true;
}

static bool fill_cells(struct builder *builder)
{
	for (uint16_t i = 0; i < builder->rule_set->column_count; i++) {
		const struct match_column *column = &builder->rule_set->columns[i];
		struct match_cell *cell = &builder->cells[i];
		if (column->kind == MATCH_COLUMN_NUMBER)
			fill_number(builder, column, cell);
		else if (column->kind == MATCH_COLUMN_TEXTS ? !fill_texts(builder, column, cell) : !fill_set(builder, column, cell))
			return false;
	}
	return true;
}

static bool read_players(struct builder *builder)
{
	size_t count = json_array_size(builder->players);
	if (!json_is_array(builder->players) || count == 0 || count > MATCH_TICKET_PLAYERS_MAX)
		return refuse(builder, "a ticket has 1 to %d players", MATCH_TICKET_PLAYERS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!check_player(builder, i) || !read_latencies(builder, json_array_get(builder->players, i), i == 0))
			return false;
	return fill_texts(builder, &(struct match_column){.attribute = MATCH_PLAYER_IDS}, &builder->ids) && fill_cells(builder);
}

static size_t bytes_of(uint16_t column_count, size_t text_count, unsigned region_count)
{
	return sizeof(struct match_ticket) + column_count * sizeof(struct match_cell) + text_count * sizeof(uint64_t) +
	       MATCH_LATENCY_KINDS * region_count * sizeof(float);
}

/* One block: the ticket, its cells, its texts, its latencies. */
static struct match_ticket *assemble(struct builder *builder, uint64_t created_ns)
{
	uint16_t column_count = builder->rule_set->column_count;
	unsigned region_count = (unsigned)__builtin_popcountll(builder->region_bits), at = 0;
	struct match_ticket *ticket = calloc(1, bytes_of(column_count, builder->text_count, region_count));
	if (ticket == NULL) {
		refuse(builder, "out of memory");
		return NULL;
	}
	struct match_cell *cells = (struct match_cell *)(ticket + 1);
	uint64_t *texts = (uint64_t *)(cells + column_count);
	float *latencies = (float *)(texts + builder->text_count);
	memcpy(cells, builder->cells, column_count * sizeof(*cells));
	if (builder->text_count > 0)
		memcpy(texts, builder->texts, builder->text_count * sizeof(*texts));
	*ticket = (struct match_ticket){.created_ns = created_ns, .player_count = (uint32_t)json_array_size(builder->players),
					.regions = builder->region_bits, .cells = cells, .texts = texts, .players = texts + builder->ids.first};
	for (unsigned kind = 0; kind < MATCH_LATENCY_KINDS; kind++) {
		ticket->latencies[kind] = latencies + at;
		for (uint64_t bits = ticket->regions; bits != 0; bits &= bits - 1)
			latencies[at++] = builder->latencies[kind][__builtin_ctzll(bits)] / (float)(kind == MATCH_AVERAGE ? ticket->player_count : 1);
	}
	return ticket;
}

struct match_ticket *ringcast_match_ticket_create(const struct match_rule_set *rule_set, struct match_regions *regions, const json_t *players,
						  uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES])
{
	struct builder *builder = malloc(sizeof(*builder));
	if (builder == NULL) {
		snprintf(problem, MATCH_TICKET_PROBLEM_BYTES, "out of memory");
		return NULL;
	}
	memset(builder, 0, offsetof(struct builder, pairs));
	builder->rule_set = rule_set;
	builder->regions = regions;
	builder->players = players;
	builder->problem = problem;
	struct match_ticket *ticket = read_players(builder) ? assemble(builder, created_ns) : NULL;
	free(builder->texts);
	free(builder);
	return ticket;
}

void ringcast_match_ticket_destroy(struct match_ticket **ticket)
{
	free(*ticket);
	*ticket = NULL;
}

size_t ringcast_match_ticket_bytes(const struct match_rule_set *rule_set, const struct match_ticket *ticket)
{
	size_t text_count = (size_t)((const uint64_t *)ticket->latencies[0] - ticket->texts);
	return bytes_of(rule_set->column_count, text_count, (unsigned)__builtin_popcountll(ticket->regions));
}
