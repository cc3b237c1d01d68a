#include "service/model/game_facts.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

/* The long ones come last, behind everything that searches look at. */
static const char *const names[] = {"Name", "CreatorId", "MatchmakerData", "GameSessionData"};
enum { FACT_NAME, FACT_CREATOR, FACT_DATA_FIRST, FACT_COUNT = ARRAY_COUNT(names) };

struct game_facts {
	uint32_t property_count;
	bool has_properties; /* given, though perhaps none */
	bool has[FACT_COUNT];
	char texts[]; /* with NULs: the name, keys and values, the other facts */
};

static char *write_text(char *to, const char *text)
{
	size_t bytes = strlen(text) + 1;
	memcpy(to, text, bytes);
	return to + bytes;
}

static const char *behind(const char *text)
{
	return text + strlen(text) + 1;
}

/* Both NULL: not a property. */
struct property {
	const char *key, *value;
};

static struct property property_of(const json_t *json)
{
	struct property property = {json_string_value(json_object_get(json, "Key")), json_string_value(json_object_get(json, "Value"))};
	return property.key != NULL && property.value != NULL ? property : (struct property){0};
}

static size_t size_of(const json_t *shown)
{
	size_t bytes = 1, i; /* of a name that is not there */
	json_t *json;
	for (i = 0; i < FACT_COUNT; i++)
		if (json_is_string(json_object_get(shown, names[i])))
			bytes += strlen(json_string_value(json_object_get(shown, names[i]))) + 1;
	json_array_foreach(json_object_get(shown, "GameProperties"), i, json) {
		const struct property property = property_of(json);
		if (property.key != NULL)
			bytes += strlen(property.key) + 1 + strlen(property.value) + 1;
	}
	return bytes;
}

static char *write_properties(struct game_facts *facts, char *to, const json_t *list)
{
	size_t i;
	json_t *json;
	facts->has_properties = json_is_array(list);
	json_array_foreach(list, i, json) {
		const struct property property = property_of(json);
		if (property.key == NULL)
			continue;
		to = write_text(write_text(to, property.key), property.value);
		facts->property_count++;
	}
	return to;
}

struct game_facts *ringcast_game_facts_pack(const json_t *shown)
{
	struct game_facts *facts = calloc(1, sizeof(*facts) + size_of(shown));
	char *to = facts != NULL ? facts->texts : NULL;
	for (size_t i = 0; i < FACT_COUNT && facts != NULL; i++) {
		const char *text = json_string_value(json_object_get(shown, names[i]));
		facts->has[i] = text != NULL;
		if (text != NULL || i == FACT_NAME)
			to = write_text(to, text != NULL ? text : "");
		if (i == FACT_NAME)
			to = write_properties(facts, to, json_object_get(shown, "GameProperties"));
	}
	return facts;
}

static bool show_text(json_t *json, const char *name, const char *text)
{
	return json_object_set_new(json, name, json_string(text)) == 0;
}

/* Moves the text on. */
static bool show_properties(const struct game_facts *facts, json_t *json, const char **text)
{
	json_t *list = json_array();
	bool is_whole = !facts->has_properties || json_object_set(json, "GameProperties", list) == 0;
	for (uint32_t i = 0; i < facts->property_count; i++) {
		const char *value = behind(*text);
		is_whole = json_array_append_new(list, json_pack("{s:s, s:s}", "Key", *text, "Value", value)) == 0 && is_whole;
		*text = behind(value);
	}
	json_decref(list);
	return is_whole;
}

json_t *ringcast_game_facts_show(const struct game_facts *facts)
{
	json_t *json = json_object();
	const char *text = facts->texts;
	bool is_whole = json != NULL;
	for (size_t i = 0; i < FACT_COUNT && is_whole; i++) {
		if (facts->has[i])
			is_whole = show_text(json, names[i], text);
		if (facts->has[i] || i == FACT_NAME)
			text = behind(text);
		if (i == FACT_NAME)
			is_whole = show_properties(facts, json, &text) && is_whole;
	}
	if (is_whole)
		return json;
	json_decref(json);
	return NULL;
}

const char *ringcast_game_facts_name(const struct game_facts *facts)
{
	return facts->texts;
}

const char *ringcast_game_facts_property(const struct game_facts *facts, const char *key)
{
	const char *text = behind(facts->texts);
	for (uint32_t i = 0; i < facts->property_count; i++) {
		const char *value = behind(text);
		if (strcmp(text, key) == 0)
			return value;
		text = behind(value);
	}
	return NULL;
}

/* Where the data begin. */
static size_t offset_of_data(const struct game_facts *facts)
{
	const char *text = behind(facts->texts);
	for (uint32_t i = 0; i < 2 * facts->property_count; i++)
		text = behind(text);
	if (facts->has[FACT_CREATOR])
		text = behind(text);
	return (size_t)(text - (const char *)facts);
}

size_t ringcast_game_facts_data_bytes(const struct game_facts *facts)
{
	const char *start = (const char *)facts + offset_of_data(facts), *text = start;
	for (size_t i = FACT_DATA_FIRST; i < FACT_COUNT; i++)
		if (facts->has[i])
			text = behind(text);
	return (size_t)(text - start);
}

void ringcast_game_facts_drop_data(struct game_facts **facts)
{
	size_t size = offset_of_data(*facts);
	for (size_t i = FACT_DATA_FIRST; i < FACT_COUNT; i++)
		(*facts)->has[i] = false;
	struct game_facts *smaller = realloc(*facts, size > sizeof(**facts) ? size : sizeof(**facts));
	if (smaller != NULL)
		*facts = smaller;
}
